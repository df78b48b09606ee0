//! Dates, times, durations and numbers as people read them, the same in both languages. Moments become local here.

use chrono::{DateTime, Local, NaiveDate};
use shared::phone::CallerNumber;
use shared::time::UtcMs;

pub(crate) fn local(at: UtcMs) -> DateTime<Local> {
    at.to_chrono().with_timezone(&Local)
}

/// `12.09.2026`
pub(crate) fn date(day: NaiveDate) -> String {
    day.format("%d.%m.%Y").to_string()
}

/// `12.09`
pub(crate) fn day_month(day: NaiveDate) -> String {
    day.format("%d.%m").to_string()
}

/// `12.09.2026` of the local day.
pub(crate) fn date_of(at: UtcMs) -> String {
    date(local(at).date_naive())
}

/// `14:07`
pub(crate) fn time_of(at: UtcMs) -> String {
    local(at).format("%H:%M").to_string()
}

/// `12.09.2026 14:07`
pub(crate) fn date_time_of(at: UtcMs) -> String {
    local(at).format("%d.%m.%Y %H:%M").to_string()
}

/// `04:38`, `1:04:38`; nothing is negative.
pub(crate) fn duration_s(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{rest:02}") } else { format!("{minutes:02}:{rest:02}") }
}

/// The time from `since` until `now`.
pub(crate) fn since(since: UtcMs, now: UtcMs) -> String {
    duration_s(now.ms_since(since) / 1000)
}

/// `15 482` with a narrow no-break space, `−12` with a minus sign.
pub(crate) fn number(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + 6);
    if value < 0 {
        text.push('\u{2212}');
    }
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// `76,4 %` of `part` in `whole`; `None` when there is no whole.
pub(crate) fn per_cent(part: i64, whole: i64) -> Option<String> {
    if whole <= 0 {
        return None;
    }
    let tenths = (part * 1000 + whole / 2) / whole;
    Some(format!("{},{}\u{a0}%", tenths / 10, tenths % 10))
}

/// `+18 %`, `−4 %`
pub(crate) fn change_per_cent(change: i64) -> String {
    let sign = match change {
        0 => "",
        1.. => "+",
        _ => "\u{2212}",
    };
    format!("{sign}{}\u{a0}%", change.abs())
}

/// The caller's number, or `withheld` in words.
pub(crate) fn caller(number: &CallerNumber, withheld: &str) -> String {
    match number {
        CallerNumber::Public(phone) => phone.pretty(),
        CallerNumber::Short(digits) => digits.clone(),
        CallerNumber::Withheld => withheld.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_write_them() {
        assert_eq!(number(15_482), "15\u{202f}482");
        assert_eq!(number(-1_000_000), "\u{2212}1\u{202f}000\u{202f}000");
        assert_eq!(number(7), "7");
        assert_eq!(duration_s(278), "04:38");
        assert_eq!(duration_s(3 * 3600 + 61), "3:01:01");
        assert_eq!(duration_s(-4), "00:00");
        assert_eq!(per_cent(764, 1000).as_deref(), Some("76,4\u{a0}%"));
        assert_eq!(per_cent(0, 0), None);
        assert_eq!(change_per_cent(-4), "\u{2212}4\u{a0}%");
        assert_eq!(date(NaiveDate::from_ymd_opt(2026, 9, 12).unwrap()), "12.09.2026");
    }
}
