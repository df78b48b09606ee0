//! Reads what was typed into a field of a form; the canonical spellings are those of [`FieldKind`].

use chrono::{Datelike, NaiveDate, NaiveTime};
use shared::domain::account::{Account, Meter, ZoneValues};
use shared::domain::catalogue::FieldKind;
use shared::ids::AccountId;
use shared::phone::Phone;

/// What is wrong with what was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldFault {
    Missing,
    NotADate,
    NotAMonth,
    NotMoney,
    NotANumber,
    NotAPhone,
    MissingZone,
    NoMeter,
}

/// What a form is filled in about.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    pub accounts: &'a [Account],
    /// The account chosen in the form, else the one of the card.
    pub account: Option<AccountId>,
    pub today: NaiveDate,
}

impl<'a> Around<'a> {
    pub fn account(&self) -> Option<&'a Account> {
        let id = self.account?;
        self.accounts.iter().find(|account| account.id == id)
    }

    pub fn meter(&self) -> Option<&'a Meter> {
        self.account()?.meter.as_ref()
    }
}

/// The canonical spelling of what was typed; `Ok(None)` when nothing was.
///
/// # Errors
/// What is wrong with it.
pub fn read(kind: &FieldKind, typed: &str, around: &Around<'_>) -> Result<Option<String>, FieldFault> {
    let typed = typed.trim();
    if typed.is_empty() || typed.chars().all(|letter| letter == ';') {
        return Ok(None);
    }
    let value = match kind {
        FieldKind::Account => {
            let chosen = around.accounts.iter().find(|account| account.id.to_string() == typed);
            chosen.ok_or(FieldFault::Missing)?.id.to_string()
        }
        FieldKind::ZoneReadings => {
            let meter = around.meter().ok_or(FieldFault::NoMeter)?;
            let values = zone_values(typed, meter.zones)?;
            values.iter().map(ToString::to_string).collect::<Vec<_>>().join(";")
        }
        FieldKind::Date => date(typed, around.today).ok_or(FieldFault::NotADate)?.format("%Y-%m-%d").to_string(),
        FieldKind::Month => month(typed, around.today).ok_or(FieldFault::NotAMonth)?,
        FieldKind::Money => money(typed).ok_or(FieldFault::NotMoney)?.to_string(),
        FieldKind::Choice { options } => {
            options.iter().find(|option| option.code == typed).ok_or(FieldFault::Missing)?.code.clone()
        }
        FieldKind::Text | FieldKind::Note => typed.to_owned(),
        FieldKind::Phone => Phone::parse(typed).ok_or(FieldFault::NotAPhone)?.digits(),
    };
    Ok(Some(value))
}

/// `T1;T2;T3` as many as the meter has zones.
///
/// # Errors
/// A zone without a value, or something that is no number.
pub fn zone_values(typed: &str, zones: u8) -> Result<ZoneValues, FieldFault> {
    let mut values = ZoneValues::new();
    let mut parts = typed.split(';');
    for _ in 0..zones {
        let part: String = parts.next().unwrap_or_default().chars().filter(|letter| !letter.is_whitespace()).collect();
        if part.is_empty() {
            return Err(FieldFault::MissingZone);
        }
        values.push(part.parse().ok().filter(|value| *value >= 0).ok_or(FieldFault::NotANumber)?);
    }
    Ok(values)
}

/// The typed zones again with one of them changed.
pub fn with_zone(typed: &str, zone: usize, zones: u8, value: &str) -> String {
    let mut parts: Vec<&str> = typed.split(';').collect();
    parts.resize(usize::from(zones), "");
    if let Some(part) = parts.get_mut(zone) {
        *part = value;
    }
    parts.join(";")
}

/// `23.11.2026`, `23.11` of this year, or `23` of this month.
pub fn date(typed: &str, today: NaiveDate) -> Option<NaiveDate> {
    let mut parts = typed.trim().split('.').filter(|part| !part.is_empty());
    let day = number(parts.next()?)?;
    let month = parts.next().map_or(Some(today.month()), number)?;
    let year = parts.next().map_or(Some(today.year()), year)?;
    if parts.next().is_some() {
        return None;
    }
    NaiveDate::from_ymd_opt(year, month, day)
}

/// `14:07`, `14.07`, `14 07`, `1407`, or `14` for the full hour.
pub fn time(typed: &str) -> Option<NaiveTime> {
    let typed = typed.trim();
    let mut parts = typed.split([':', '.', '-', ' ']).filter(|part| !part.is_empty());
    let (hour, minute) = match (parts.next()?, parts.next(), parts.next()) {
        (both, None, None) if both.len() > 2 && both.is_ascii() => both.split_at(both.len() - 2),
        (hour, None, None) => (hour, "00"),
        (hour, Some(minute), None) if minute.len() == 2 => (hour, minute),
        _ => return None,
    };
    NaiveTime::from_hms_opt(number(hour)?, number(minute)?, 0)
}

/// `11.2026` or `11` of this year, as `2026-11`.
pub fn month(typed: &str, today: NaiveDate) -> Option<String> {
    let mut parts = typed.trim().split('.').filter(|part| !part.is_empty());
    let month = number(parts.next()?)?;
    let year = parts.next().map_or(Some(today.year()), year)?;
    if parts.next().is_some() {
        return None;
    }
    NaiveDate::from_ymd_opt(year, month, 1).map(|first| first.format("%Y-%m").to_string())
}

/// `3150`, `3150,00`, `3 150.5`, in kopecks.
pub fn money(typed: &str) -> Option<i64> {
    let plain: String = typed.chars().filter(|letter| !letter.is_whitespace() && *letter != '₽').collect();
    let (roubles, kopecks) = plain.split_once([',', '.']).unwrap_or((&plain, ""));
    let digits_alone = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if roubles.is_empty() || roubles.len() > 12 || kopecks.len() > 2 || !digits_alone(roubles) || !digits_alone(kopecks)
    {
        return None;
    }
    let roubles: i64 = roubles.parse().ok()?;
    let kopecks: i64 = if kopecks.is_empty() { 0 } else { format!("{kopecks:0<2}").parse().ok()? };
    Some(roubles * 100 + kopecks)
}

fn number(part: &str) -> Option<u32> {
    if part.len() > 2 { None } else { part.parse().ok() }
}

/// `2026` or `26`.
fn year(part: &str) -> Option<i32> {
    let year: i32 = part.parse().ok().filter(|year| *year >= 0)?;
    match part.len() {
        2 => Some(2000 + year),
        4 => Some(year),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn today() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, 23).unwrap()
    }

    #[test]
    fn a_date_is_typed_as_short_as_it_is_said() {
        #[track_caller]
        fn check(typed: &str, expected: Option<&str>) {
            assert_eq!(date(typed, today()).map(|day| day.to_string()).as_deref(), expected, "{typed}");
        }
        check("23.11.2026", Some("2026-11-23"));
        check("5.1.26", Some("2026-01-05"));
        check("23.11", Some("2026-11-23"));
        check("7", Some("2026-11-07"));
        check("7.", Some("2026-11-07"));
        check("31.11", None);
        check("45", None);
        check("вчера", None);
        check("1.2.3.4", None);
        check("1.2.326", None);
    }

    #[test]
    fn a_time_is_typed_as_short_as_it_is_said() {
        for (typed, expected) in
            [("14:07", "14:07"), ("9.30", "09:30"), ("1407", "14:07"), ("930", "09:30"), (" 9 ", "09:00")]
        {
            assert_eq!(time(typed).map(|time| time.format("%H:%M").to_string()).as_deref(), Some(expected), "{typed}");
        }
        for typed in ["", "25", "14:7", "14:60", "14:07:30", "утром", "день", "-"] {
            assert_eq!(time(typed), None, "{typed}");
        }
    }

    #[test]
    fn a_month_is_typed_with_or_without_its_year() {
        assert_eq!(month("11.2026", today()).as_deref(), Some("2026-11"));
        assert_eq!(month("9", today()).as_deref(), Some("2026-09"));
        assert_eq!(month("13", today()), None);
        assert_eq!(month("1.1.2026", today()), None);
    }

    #[test]
    fn money_is_typed_with_or_without_kopecks() {
        for (typed, kopecks) in
            [("3150", 315_000), ("3150,00", 315_000), ("3\u{202f}150,5 ₽", 315_050), ("0.07", 7), (" 12 ", 1_200)]
        {
            assert_eq!(money(typed), Some(kopecks), "{typed}");
        }
        for typed in ["", ",50", "-5", "3150,123", "сто", "1,2,3"] {
            assert_eq!(money(typed), None, "{typed}");
        }
    }

    #[test]
    fn a_two_zone_meter_needs_both_zones() {
        assert_eq!(zone_values("15882;7903", 2).unwrap().as_slice(), [15882, 7903]);
        assert_eq!(zone_values("15 882;", 2), Err(FieldFault::MissingZone));
        assert_eq!(zone_values("15882;ночь", 2), Err(FieldFault::NotANumber));
        assert_eq!(with_zone("15882", 1, 2, "7"), "15882;7");
        assert_eq!(with_zone("1;2;3", 0, 3, ""), ";2;3");
    }
}
