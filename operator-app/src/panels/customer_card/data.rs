use chrono::{Datelike, NaiveDate};
use shared::domain::account::{Account, AccountStatus, InvoiceStatus, PaymentStatus, Reading};
use shared::domain::customer::CustomerFlag;
use shared::ids::AccountId;
use shared::phone::Phone;
use shared::wire::card::{Card, MonthConsumption};

use crate::kit::icons;
use crate::kit::tokens::Tone;
use crate::kit::widgets::{Cell, initials};
use crate::lang::{Tr, format};

/// Everything that the card of a known customer shows.
#[derive(Debug)]
pub struct KnownData {
    pub initials: String,
    pub name: String,
    pub account_number: String,
    pub address: String,
    pub flags: Vec<(&'static str, &'static str, Tone)>,
    /// As shown, and to call.
    pub phones: Vec<Phone>,
    /// What is said after the flags: tariff, since when.
    pub facts: String,
    pub accounts: Vec<(AccountId, String)>,
    pub account: Option<AccountId>,
    pub debt: Figure,
    pub reading: Figure,
    pub payment: Figure,
    pub consumption: Figure,
    pub curve: Vec<f32>,
    pub meter: String,
    pub zones: usize,
    pub readings: Vec<Vec<Cell>>,
    pub payments: Vec<[Cell; 4]>,
    pub payments_total: String,
    pub corrective: Vec<[Cell; 4]>,
    pub requests: Vec<[Cell; 4]>,
}

/// One tile.
#[derive(Debug, Default)]
pub struct Figure {
    pub value: String,
    pub note: String,
    pub tone: Tone,
}

/// Rows of a table on the card; the rest is paged in elsewhere.
const TABLE_ROWS: usize = 4;
const SHORT_TABLE_ROWS: usize = 2;
/// More numbers than this are for the one who writes to the customer.
const PHONES: usize = 3;

impl KnownData {
    pub fn of(card: &Card, account: Option<&Account>, today: NaiveDate, tr: &Tr) -> Self {
        let customer = &card.customer;
        let of_account = |id: AccountId| account.is_none_or(|account| account.id == id);
        let readings: Vec<&Reading> = card.readings.iter().filter(|reading| of_account(reading.account)).collect();
        let meter = account.and_then(|account| account.meter.as_ref());
        let zones = meter.map_or(1, |meter| usize::from(meter.zones.clamp(1, 3)));
        let payments: Vec<_> = card.payments.iter().filter(|payment| of_account(payment.account)).collect();
        let facts = [
            meter.map(|_| tr.card.zones[zones - 1].to_owned()),
            account
                .filter(|account| account.status != AccountStatus::Active)
                .map(|account| tr.account_status(account.status).to_owned()),
            customer.customer_since_year.map(|year| (tr.card.customer_since)(year)),
        ];
        Self {
            initials: initials(customer.name.reveal()),
            name: customer.name.reveal().to_owned(),
            account_number: account.map_or_else(String::new, |account| account.number.reveal().to_owned()),
            address: account.map_or(&customer.address, |account| &account.address).reveal().to_owned(),
            flags: customer.flags.iter().map(|flag| flag_look(*flag, tr)).collect(),
            phones: card.contact_points.iter().map(|point| point.phone).take(PHONES).collect(),
            facts: facts.into_iter().flatten().collect::<Vec<_>>().join(" · "),
            accounts: card.accounts.iter().map(|one| (one.id, one.number.reveal().to_owned())).collect(),
            account: account.map(|account| account.id),
            debt: debt(card, account, tr),
            reading: last_reading(readings.first().copied(), tr),
            payment: payments.first().map_or_else(
                || Figure { value: "—".to_owned(), note: tr.card.no_payments.to_owned(), tone: Tone::Plain },
                |payment| Figure {
                    value: payment.amount.to_string(),
                    note: format!("{} · {}", format::date_of(payment.paid_at), tr.payment_channel(payment.channel)),
                    tone: if payment.status == PaymentStatus::Returned { Tone::Bad } else { Tone::Plain },
                },
            ),
            consumption: consumption(&card.consumption, tr),
            curve: card.consumption.iter().map(|month| month.kwh as f32).collect(),
            meter: match (account, meter) {
                (_, Some(meter)) => {
                    let number = (tr.card.meter_number)(meter.serial.reveal());
                    let is_late = meter.verified_until.is_some_and(|day| day < today);
                    if is_late { format!("{number} · {}", tr.card.verified_late) } else { number }
                }
                (Some(_), None) => tr.card.no_meter.to_owned(),
                (None, None) => String::new(),
            },
            zones,
            readings: readings.iter().take(TABLE_ROWS).map(|reading| reading_row(reading, zones, tr)).collect(),
            payments: payments
                .iter()
                .take(TABLE_ROWS)
                .map(|payment| {
                    let tone = match payment.status {
                        PaymentStatus::Credited => Tone::Ok,
                        PaymentStatus::InTransit => Tone::Warn,
                        PaymentStatus::Returned => Tone::Bad,
                    };
                    [
                        Cell::strong(format::date_of(payment.paid_at)),
                        Cell::strong(payment.amount.to_string()),
                        Cell::plain(tr.payment_channel(payment.channel)),
                        Cell::toned(tr.payment_status(payment.status), tone),
                    ]
                })
                .collect(),
            payments_total: (tr.card.all_n)(&format::number(card.payments_total)),
            corrective: corrective(card, of_account, tr),
            requests: requests(card, today, tr),
        }
    }
}

fn flag_look(flag: CustomerFlag, tr: &Tr) -> (&'static str, &'static str, Tone) {
    let (icon, tone) = match flag {
        CustomerFlag::EBill => (icons::TAG, Tone::Accent),
        CustomerFlag::Benefit => (icons::SHIELD_CHECK, Tone::Legal),
        CustomerFlag::RestrictionRisk => (icons::WARNING, Tone::Bad),
        CustomerFlag::ElectricStove => (icons::LIGHTNING, Tone::Message),
        CustomerFlag::Loyal => (icons::STAR, Tone::Ok),
        CustomerFlag::NoCalls => (icons::PHONE_SLASH, Tone::Warn),
    };
    (icon, tr.flag(flag), tone)
}

fn debt(card: &Card, account: Option<&Account>, tr: &Tr) -> Figure {
    let owed = account.map_or(card.customer.debt, |account| account.debt);
    if owed.is_zero() {
        return Figure { value: owed.to_string(), note: tr.card.no_debt.to_owned(), tone: Tone::Ok };
    }
    let months = account.map_or(0, |account| account.months_overdue.max(0) as usize);
    let note = if months > 0 { (tr.card.months_overdue)(months) } else { String::new() };
    Figure { value: owed.to_string(), note, tone: Tone::Bad }
}

fn last_reading(reading: Option<&Reading>, tr: &Tr) -> Figure {
    let Some(reading) = reading else {
        return Figure { value: "—".to_owned(), note: tr.card.no_readings.to_owned(), tone: Tone::Plain };
    };
    let values: Vec<String> = reading.values.iter().map(|value| format::number(*value)).collect();
    let note = format!("{} · {}", format::date(reading.taken_on), tr.reading_source(reading.source));
    Figure { value: values.join(" / "), note, tone: Tone::Plain }
}

/// The latest month against the same month a year before; the month itself where that is not known.
fn consumption(months: &[MonthConsumption], tr: &Tr) -> Figure {
    let Some(latest) = months.last() else {
        return Figure { value: "—".to_owned(), note: tr.card.no_consumption.to_owned(), tone: Tone::Plain };
    };
    let year_before = months.iter().find(|one| (one.year, one.month) == (latest.year - 1, latest.month));
    match year_before.filter(|before| before.kwh > 0) {
        Some(before) => {
            let change =
                ((latest.kwh - before.kwh) * 100 + (latest.kwh - before.kwh).signum() * before.kwh / 2) / before.kwh;
            Figure {
                value: format::change_per_cent(change),
                note: (tr.card.to_last_year)(&tr.month_dative(before.year, before.month)),
                tone: if change >= 15 { Tone::Warn } else { Tone::Plain },
            }
        }
        None => Figure {
            value: format::number(latest.kwh),
            note: (tr.card.month_total)(&tr.month_name(latest.year, latest.month)),
            tone: Tone::Plain,
        },
    }
}

fn reading_row(reading: &Reading, zones: usize, tr: &Tr) -> Vec<Cell> {
    let mut row = vec![Cell::strong(format::date(reading.taken_on))];
    for zone in 0..zones {
        row.push(Cell::plain(reading.values.get(zone).map_or_else(String::new, |value| format::number(*value))));
    }
    row.push(Cell::strong(format::number(reading.consumed)));
    row.push(Cell::plain(tr.reading_source(reading.source)));
    row
}

fn corrective(card: &Card, of_account: impl Fn(AccountId) -> bool, tr: &Tr) -> Vec<[Cell; 4]> {
    let rows = card.corrective_invoices.iter().filter(|invoice| of_account(invoice.account));
    rows.take(SHORT_TABLE_ROWS)
        .map(|invoice| {
            let status_tone = if invoice.status == InvoiceStatus::Overdue { Tone::Bad } else { Tone::Plain };
            let status = tr.invoice_status(invoice.status);
            [
                Cell::strong(invoice.number.reveal()),
                Cell::toned(invoice.amount.to_string(), if invoice.amount.0 < 0 { Tone::Ok } else { Tone::Warn }),
                Cell::plain(invoice.ground.clone()),
                if status_tone == Tone::Plain { Cell::plain(status) } else { Cell::toned(status, status_tone) },
            ]
        })
        .collect()
}

fn requests(card: &Card, today: NaiveDate, tr: &Tr) -> Vec<[Cell; 4]> {
    let rows = card.requests.iter().filter(|request| request.status.is_open());
    rows.take(SHORT_TABLE_ROWS)
        .map(|request| {
            let due = request.due_at.map(|at| format::local(at).date_naive());
            let due = match due {
                Some(day) if day < today => {
                    Cell::toned((tr.card.days_late)((today - day).num_days() as usize), Tone::Bad)
                }
                Some(day) if (day - today).num_days() <= 3 => {
                    Cell::toned((tr.card.due_on)(&short_day(day, today)), Tone::Warn)
                }
                Some(day) => Cell::plain((tr.card.due_on)(&short_day(day, today))),
                None => Cell::default(),
            };
            [
                Cell::strong(format!("№ {}", request.id.0 % 1_000_000)),
                Cell::plain(request.form.clone()),
                due,
                Cell::plain(tr.request_status(request.status)),
            ]
        })
        .collect()
}

fn short_day(day: NaiveDate, today: NaiveDate) -> String {
    if day.year() == today.year() { format::day_month(day) } else { format::date(day) }
}
