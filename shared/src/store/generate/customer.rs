//! One customer of the demo city with accounts, meters, money and history.

use chrono::{Datelike, Days, Months, NaiveDate};
use serde_json::json;

use crate::domain::fold::{fold, words};
use crate::phone::Phone;
use crate::time::UtcMs;

use super::chance::Chance;
use super::rows::{Cell, Rows, Table};
use super::{GenerateOptions, SHARING, people, talk};

/// Generated ids are small, so they never meet one that a gateway makes. Each customer owns this many of each kind.
const IDS_EACH: i64 = 10_000;
const MONTHS_BACK: u32 = 24;
const HISTORY_DAYS: i64 = 1_000;
const DAY_MS: i64 = 86_400_000;
/// Consumption against the year's mean, January first.
const SEASON_PERCENT: [i64; 12] = [128, 120, 110, 98, 88, 80, 78, 82, 92, 102, 114, 126];
/// A kilowatt-hour in kopecks.
const TARIFF: i64 = 683;

/// Codes of Russian mobile networks, ten million numbers each.
const MOBILE: [i64; 16] = [903, 905, 906, 909, 910, 915, 916, 917, 925, 926, 929, 964, 967, 977, 985, 999];
const LANDLINE: [i64; 2] = [495, 499];
const PER_CODE: i64 = 10_000_000;

pub fn phone(seed: u64, index: u32) -> Phone {
    scattered(seed, &MOBILE, i64::from(index))
}

/// From the far end of the numbers, where no customer comes.
pub fn nobodys_phone(seed: u64, index: u32) -> Phone {
    scattered(seed, &MOBILE, MOBILE.len() as i64 * PER_CODE - 1 - i64::from(index))
}

pub fn home_phone(seed: u64, index: u32) -> Phone {
    scattered(seed, &LANDLINE, i64::from(index))
}

/// A walk through all numbers under these codes that meets each once: the step has no factor in common with their
/// count, which is made of twos and fives.
fn scattered(seed: u64, codes: &[i64], place: i64) -> Phone {
    let all = codes.len() as i64 * PER_CODE;
    let start = (Chance::of(seed, 0).next() % all as u64) as i64;
    let at = (place * 6_180_339 + start) % all;
    Phone::from_e164(70_000_000_000 + codes[(at / PER_CODE) as usize] * PER_CODE + at % PER_CODE)
}

struct Household<'a> {
    options: &'a GenerateOptions,
    chance: Chance,
    id: i64,
    organisation: bool,
    in_debt: bool,
}

/// An account's consumption and bills of the last two years.
struct Accounted {
    debt: i64,
    months_overdue: i64,
}

pub fn make(options: &GenerateOptions, index: u32, rows: &mut Rows) {
    let mut chance = Chance::of(options.seed, u64::from(index));
    let organisation = chance.happens(30);
    let in_debt = chance.happens(90);
    let mut household = Household { options, chance, id: i64::from(index) + 1, organisation, in_debt };
    household.write(index, rows);
}

impl Household<'_> {
    fn write(&mut self, index: u32, rows: &mut Rows) {
        let name =
            if self.organisation { people::organisation(&mut self.chance) } else { people::person(&mut self.chance) };
        let address = if self.organisation { people::house(&mut self.chance) } else { people::home(&mut self.chance) };
        let n_accounts = match self.chance.between(0, 99) {
            0..82 => 1,
            82..96 => 2,
            _ => 3,
        };
        // The tables are written in an order of their own, so the customer, whose debt is the accounts' sum, may
        // come after them.
        let debt = (0..n_accounts).map(|nth| self.account(nth, &address, rows).debt).sum();
        self.customer(&name, &address, debt, rows);
        self.contact_points(index, rows);
        if self.chance.happens(60) {
            self.request(rows);
        }
        self.history(rows);
    }

    fn nth_id(&self, nth: i64) -> i64 {
        self.id * IDS_EACH + nth
    }

    fn customer(&mut self, name: &str, address: &str, debt: i64, rows: &mut Rows) {
        let name_key = fold(name);
        let since = i64::from(self.options.today.year()) - self.chance.between(0, 28);
        let email = self.chance.happens(550).then(|| format!("client{}@example.ru", self.id));
        let flags = self.flags(debt);
        let days_ago = self.chance.between(1, 400);
        let updated_at = self.moment(days_ago);
        rows.add(
            Table::Customer,
            [
                self.id.into(),
                Cell::Text(if self.organisation { "organisation" } else { "person" }),
                name.into(),
                name_key.as_str().into(),
                address.into(),
                email.as_deref().into(),
                since.into(),
                flags.into(),
                debt.into(),
                updated_at.into(),
            ],
        );
        let mut list: Vec<&str> = words(&name_key).collect();
        list.sort_unstable();
        list.dedup();
        for word in list {
            rows.add(Table::CustomerWord, [word.into(), self.id.into()]);
        }
    }

    /// Bits in the order of `CustomerFlag::ALL`.
    fn flags(&mut self, debt: i64) -> i64 {
        let e_bill = i64::from(self.chance.happens(350));
        let benefit = i64::from(!self.organisation && self.chance.happens(120)) << 1;
        let restriction = i64::from(debt > 600_000) << 2;
        let stove = i64::from(!self.organisation && self.chance.happens(400)) << 3;
        let loyal = i64::from(debt == 0 && self.chance.happens(250)) << 4;
        let no_calls = i64::from(self.chance.happens(20)) << 5;
        e_bill | benefit | restriction | stove | loyal | no_calls
    }

    fn contact_points(&mut self, index: u32, rows: &mut Rows) {
        let owner = if index % SHARING == SHARING - 1 { index - 1 } else { index };
        let first = if self.organisation { "work" } else { "mobile" };
        rows.add(Table::ContactPoint, [phone(self.options.seed, owner).e164().into(), self.id.into(), first.into()]);
        if self.chance.happens(350) {
            let home = home_phone(self.options.seed, index).e164();
            rows.add(Table::ContactPoint, [home.into(), self.id.into(), "home".into()]);
        }
    }

    fn account(&mut self, nth: i64, home: &str, rows: &mut Rows) -> Accounted {
        let id = self.nth_id(nth);
        // Ten digits; the step shares no factor with nine thousand million, so no two accounts meet.
        let number = ((self.id * 4 + nth) * 7_368_787_001 + Chance::of(self.options.seed, 0).between(0, 1_000_000_000))
            % 9_000_000_000;
        let number = (number + 1_000_000_000).to_string();
        let elsewhere = (nth > 0).then(|| people::home(&mut self.chance));
        let address = elsewhere.as_deref().unwrap_or(home);
        self.meter(id, rows);
        let accounted = self.months(id, &number, rows);
        let status = match accounted.months_overdue {
            4.. => "restricted",
            _ => "active",
        };
        rows.add(
            Table::Account,
            [
                id.into(),
                self.id.into(),
                number.as_str().into(),
                address.into(),
                status.into(),
                accounted.debt.into(),
                accounted.months_overdue.into(),
            ],
        );
        accounted
    }

    /// The zones are drawn again from the account's id when its readings are made.
    fn zones(&self, account: i64) -> i64 {
        match Chance::of(self.options.seed, account as u64).between(0, 99) {
            0..55 => 1,
            55..88 => 2,
            _ => 3,
        }
    }

    fn meter(&mut self, account: i64, rows: &mut Rows) {
        let three_phases = self.organisation || self.chance.happens(150);
        let serial = format!("{:09}", self.chance.between(1_000_000, 999_999_999));
        let until = self.options.today + Months::new(self.chance.between(0, 150) as u32);
        let until = if self.chance.happens(50) { self.options.today - Days::new(200) } else { until };
        rows.add(
            Table::Meter,
            [
                account.into(),
                account.into(),
                serial.as_str().into(),
                self.zones(account).into(),
                Cell::Int(if self.organisation { 6 } else { 5 }),
                Cell::Int(if three_phases { 3 } else { 1 }),
                Cell::Int(if three_phases { 100 } else { 60 }),
                Cell::Int(1),
                until.into(),
            ],
        );
    }

    /// Two years of readings, bills and payments.
    fn months(&mut self, account: i64, number: &str, rows: &mut Rows) -> Accounted {
        let zones = self.zones(account);
        let register = if self.organisation { 1_000_000 } else { 100_000 };
        let mean = if self.organisation { self.chance.between(800, 6_000) } else { self.chance.between(90, 420) };
        let mut values = [self.chance.between(500, register - 1), 0, 0];
        values[1] = self.chance.between(200, register / 2);
        values[2] = self.chance.between(200, register / 2);
        let unpaid = if self.in_debt { self.chance.between(1, 6) } else { 0 };
        let mut accounted = Accounted { debt: 0, months_overdue: unpaid };
        let first = self.options.today.with_day(1).unwrap_or(self.options.today) - Months::new(MONTHS_BACK);
        for nth in 0..=MONTHS_BACK {
            let month = first + Months::new(nth);
            let taken_on = month + Days::new(self.chance.between(14, 25) as u64);
            // The running month's reading is mostly still to come: that is what people call about.
            if taken_on >= self.options.today || (nth == MONTHS_BACK && self.chance.happens(600)) {
                continue;
            }
            let season = SEASON_PERCENT[month.month0() as usize];
            let kwh = mean * season * self.chance.between(85, 115) / 10_000;
            self.reading(account, taken_on, kwh, zones, register, &mut values, rows);
            let issued_on = month + Months::new(1);
            if issued_on >= self.options.today {
                continue;
            }
            let months_old = i64::from(MONTHS_BACK - nth);
            let paid = months_old > unpaid;
            let amount = kwh * TARIFF;
            if !paid {
                accounted.debt += amount;
            }
            self.invoice(account, number, issued_on, amount, paid, i64::from(nth), rows);
        }
        accounted
    }

    #[expect(clippy::too_many_arguments, reason = "a month's facts, used once")]
    fn reading(
        &mut self,
        account: i64,
        taken_on: NaiveDate,
        kwh: i64,
        zones: i64,
        register: i64,
        values: &mut [i64; 3],
        rows: &mut Rows,
    ) {
        let shares: [i64; 3] = match zones {
            1 => [kwh, 0, 0],
            2 => [kwh - kwh * 30 / 100, kwh * 30 / 100, 0],
            _ => [kwh - kwh * 30 / 100 - kwh * 35 / 100, kwh * 30 / 100, kwh * 35 / 100],
        };
        for (value, share) in values.iter_mut().zip(shares) {
            *value = (*value + share) % register;
        }
        let source = *self.chance.pick(&["web_account", "web_account", "ivr", "operator", "smart_meter", "inspector"]);
        rows.add(
            Table::Reading,
            [
                account.into(),
                taken_on.into(),
                source.into(),
                values[0].into(),
                if zones > 1 { values[1].into() } else { Cell::Null },
                if zones > 2 { values[2].into() } else { Cell::Null },
                kwh.into(),
            ],
        );
    }

    #[expect(clippy::too_many_arguments, reason = "a bill's facts, used once")]
    fn invoice(
        &mut self,
        account: i64,
        number: &str,
        issued_on: NaiveDate,
        amount: i64,
        paid: bool,
        nth: i64,
        rows: &mut Rows,
    ) {
        let id = account * 100 + nth;
        // Short enough for a table's column: the month, and the end of the account's number.
        let tail = &number[number.len().saturating_sub(5)..];
        let written = format!("{}/{tail}", issued_on.format("%y%m"));
        let status = if paid { "paid" } else { "overdue" };
        let plain: [Cell<'_>; 8] = [
            id.into(),
            account.into(),
            written.as_str().into(),
            issued_on.into(),
            amount.into(),
            Cell::Null,
            "".into(),
            status.into(),
        ];
        rows.add(Table::Invoice, plain);
        if self.chance.happens(8) {
            self.correction(account, id, &written, issued_on, amount, rows);
        }
        let paid_on = issued_on + Days::new(self.chance.between(2, 19) as u64);
        if paid && paid_on < self.options.today {
            let days_ago = (self.options.today - paid_on).num_days();
            let paid_at = self.moment(days_ago);
            let channel = *self.chance.pick(&["sbp", "sbp", "card", "card", "bank", "post", "terminal", "auto_pay"]);
            let status = if days_ago < 3 && self.chance.happens(300) { "in_transit" } else { "credited" };
            rows.add(
                Table::Payment,
                [id.into(), account.into(), paid_at.into(), amount.into(), channel.into(), status.into()],
            );
        }
    }

    fn correction(
        &mut self,
        account: i64,
        corrects: i64,
        number: &str,
        issued_on: NaiveDate,
        amount: i64,
        rows: &mut Rows,
    ) {
        let on = issued_on + Days::new(self.chance.between(10, 60) as u64);
        if on >= self.options.today {
            return;
        }
        let ground = *self.chance.pick(&[
            "Перерасчёт по переданным показаниям",
            "Исправлена ошибка в показаниях",
            "Временное отсутствие",
            "Смена тарифа",
            "Начислено по среднему до замены прибора",
        ]);
        let amount = -amount * self.chance.between(10, 60) / 100;
        let written = format!("К-{number}");
        rows.add(
            Table::Invoice,
            [
                (corrects + 50).into(),
                account.into(),
                written.as_str().into(),
                on.into(),
                amount.into(),
                corrects.into(),
                ground.into(),
                "issued".into(),
            ],
        );
    }

    fn request(&mut self, rows: &mut Rows) {
        let days_ago = self.chance.between(1, 20);
        let opened_at = self.moment(days_ago);
        let due_at = UtcMs(opened_at.0 + self.chance.between(5, 30) * DAY_MS);
        let status = *self.chance.pick(&["registered", "in_work", "waiting_customer", "waiting_field_crew"]);
        // The one request that the shipped forms know; a code without a form would be no word on the screen.
        let form = "recalculation";
        let comment = *self.chance.pick(&[
            "Был в отъезде, показания не передавались",
            "Начислено по среднему, прибор исправен",
            "Показания приняты с ошибкой в одной цифре",
            "Тариф для электроплиты не применён",
        ]);
        let month = self.options.today - Months::new(2);
        let fields = json!([
            { "field": "account", "value": self.nth_id(0).to_string() },
            { "field": "period_from", "value": month.format("%Y-%m").to_string() },
            { "field": "period_to", "value": month.format("%Y-%m").to_string() },
        ]);
        let fields = fields.to_string();
        rows.add(
            Table::Request,
            [
                self.nth_id(0).into(),
                self.id.into(),
                self.nth_id(0).into(),
                form.into(),
                status.into(),
                opened_at.into(),
                due_at.into(),
                fields.as_str().into(),
                comment.into(),
            ],
        );
    }

    fn history(&mut self, rows: &mut Rows) {
        let usual = match self.chance.between(0, 999) {
            0..550 => self.chance.between(0, 7),
            550..850 => self.chance.between(4, 18),
            850..980 => self.chance.between(14, 44),
            980..999 => self.chance.between(50, 200),
            _ => self.chance.between(500, 5_000),
        };
        // The mean of the line above is twelve.
        let n_contacts = (usual * i64::from(self.options.history) / 12).max(i64::from(self.options.history_at_least));
        for nth in 0..n_contacts.min(IDS_EACH) {
            let talk = self.chance.pick(&talk::TALKS);
            let channel = *self.chance.pick(talk.channels);
            let summary = talk::told(talk, &mut self.chance);
            let days_ago = self.chance.between(1, HISTORY_DAYS);
            let started_at = self.moment(days_ago);
            let duration_s = if channel == "call" { self.chance.between(35, 720) } else { 0 };
            let direction = if channel == "sms" || self.chance.happens(60) { "outbound" } else { "inbound" };
            let agent = if channel == "web_account" || channel == "sms" { "" } else { self.chance.pick(&talk::AGENTS) };
            let search_key = fold(&summary);
            rows.add(
                Table::Interaction,
                [
                    self.nth_id(nth).into(),
                    self.id.into(),
                    self.nth_id(0).into(),
                    started_at.into(),
                    duration_s.into(),
                    channel.into(),
                    direction.into(),
                    agent.into(),
                    talk.topic.into(),
                    talk.result.into(),
                    summary.as_str().into(),
                    search_key.as_str().into(),
                ],
            );
        }
    }

    /// Some moment of the working hours, eight to eight in Moscow, so many days ago.
    fn moment(&mut self, days_ago: i64) -> UtcMs {
        let minute = self.chance.between(8 * 60, 20 * 60 - 1);
        let midnight = self.options.today.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis();
        UtcMs(midnight - days_ago * DAY_MS + (minute - 180) * 60_000 + self.chance.between(0, 59_999))
    }
}
