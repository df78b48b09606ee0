//! Phone numbers: whatever a person or a trunk writes becomes E.164 digits once, at the door.
//!
//! `rlibphonenumber` does the reading; this module does what it leaves to its caller: `sip:` and `tel:` stripped,
//! a leading `00` rewritten to `+`, extensions dropped, and the line drawn between a number in the public plan, a
//! short or PBX number, and nobody.

use std::fmt;

use rlibphonenumber::{PhoneNumber, PhoneNumberFormat, Region};
use serde::{Deserialize, Serialize};

/// A phone number as E.164 digits. Reads masked; [`Phone::digits`] is the one way to the whole number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Phone(i64);

/// Who a caller says to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum CallerNumber {
    /// A number of the public plan.
    Public(Phone),
    /// A short, service or PBX number: dialable, but nobody's in the customer base.
    Short(String),
    /// The caller keeps the number to themselves.
    Withheld,
}

impl Phone {
    /// Reads `raw` as someone in Russia would: `8 (495) 204-00-00`, `+7916…`, `sip:…@host`, `tel:…`.
    /// `None` for a short number, a PBX number, or no number at all.
    pub fn parse(raw: &str) -> Option<Self> {
        let written = strip_uri(raw);
        if let Some(mobile) = russian_mobile(written) {
            return Some(mobile);
        }
        let written = written.strip_prefix("00").map_or_else(|| written.to_owned(), |rest| format!("+{rest}"));
        let number = PhoneNumber::parse(&written, Some(Region::RU)).ok()?;
        if !number.is_valid() {
            return None;
        }
        number.format_as(PhoneNumberFormat::E164).trim_start_matches('+').parse().ok().map(Self)
    }

    /// From a stored integer, for example a table's column.
    pub const fn from_e164(digits: i64) -> Self {
        Self(digits)
    }

    pub const fn e164(self) -> i64 {
        self.0
    }

    /// All digits, without a plus.
    pub fn digits(self) -> String {
        self.0.to_string()
    }

    /// `+7 916 204-00-00`, for the screen of somebody who may see it.
    pub fn pretty(self) -> String {
        let digits = self.digits();
        if digits.len() == 11 && digits.starts_with('7') {
            return format!("+7 {} {}-{}-{}", &digits[1..4], &digits[4..7], &digits[7..9], &digits[9..11]);
        }
        format!("+{digits}")
    }
}

impl CallerNumber {
    /// Reads the user part of a From or P-Asserted-Identity header.
    pub fn parse(raw: &str) -> Self {
        let user = strip_uri(raw);
        if user.is_empty()
            || ["anonymous", "restricted", "unavailable", "unknown"].iter().any(|w| user.eq_ignore_ascii_case(w))
        {
            return Self::Withheld;
        }
        match Phone::parse(user) {
            Some(phone) => Self::Public(phone),
            None => Self::Short(user.chars().filter(|c| c.is_ascii_graphic()).take(32).collect()),
        }
    }

    pub const fn phone(&self) -> Option<Phone> {
        match self {
            Self::Public(phone) => Some(*phone),
            Self::Short(_) | Self::Withheld => None,
        }
    }
}

/// `79162040000`, as trunks write it, with or without a plus: every number of the Russian plan that begins with 9 is
/// valid, so most callers need no more looking at.
fn russian_mobile(written: &str) -> Option<Phone> {
    let national = written.strip_prefix("+7").or_else(|| written.strip_prefix('7'))?;
    let is_mobile = national.len() == 10 && national.starts_with('9') && national.bytes().all(|b| b.is_ascii_digit());
    if is_mobile { national.parse::<i64>().ok().map(|digits| Phone(70_000_000_000 + digits)) } else { None }
}

/// `sip:8495…@host;user=phone` → `8495…`; a plain number stays as it is.
fn strip_uri(raw: &str) -> &str {
    let raw = raw.trim();
    let bare = ["sips:", "sip:", "tel:"].iter().find_map(|scheme| {
        raw.get(..scheme.len()).filter(|head| head.eq_ignore_ascii_case(scheme)).map(|_| &raw[scheme.len()..])
    });
    let bare = bare.unwrap_or(raw);
    let bare = bare.split(['@', ';']).next().unwrap_or(bare);
    bare.trim()
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits();
        let tail = &digits[digits.len().saturating_sub(2)..];
        write!(f, "+{}…{tail}", &digits[..digits.len().min(4)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, expected: &str) {
        assert_eq!(Phone::parse(raw).map(Phone::digits).unwrap_or_default(), expected, "{raw}");
    }

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        for raw in [
            "+7 916 204-00-00",
            "8 (916) 204-00-00",
            "8-916-204-00-00",
            "89162040000",
            "79162040000",
            "9162040000",
            "007 916 2040000",
            "916/204-00-00",
            "+7.916.204.00.00",
            "sip:+79162040000@example.org;user=phone",
            "SIP:89162040000@10.0.0.1:5060",
            "tel:+7-916-204-00-00",
            " 8 916 204 00 00 ",
            "8 916 204-00-00 доб. 12",
        ] {
            check(raw, "79162040000");
        }
    }

    #[test]
    fn toll_free_and_foreign_numbers_keep_their_digits() {
        check("8 800 200-11-22", "78002001122");
        check("+49 30 901820", "4930901820");
        check("0049 30 901820", "4930901820");
        check("+375 29 123-45-67", "375291234567");
        check("8 (495) 204-00-00", "74952040000");
    }

    #[test]
    fn a_mobile_number_is_read_at_once_as_it_is_read_at_length() {
        for n in 0..2_000_u64 {
            let national = 9_000_000_000 + n * 499_979;
            let spaced = format!("8 {}", national);
            assert_eq!(russian_mobile(&format!("7{national}")), Phone::parse(&spaced), "{national}");
            assert_eq!(russian_mobile(&format!("+7{national}")), Phone::parse(&spaced), "{national}");
            assert!(Phone::parse(&spaced).is_some(), "{national}");
        }
        for other in ["74952040000", "7916204000", "791620400000", "7916204000x", "9162040000", "+49162040000", "7"] {
            assert_eq!(russian_mobile(other), None, "{other}");
        }
    }

    #[test]
    fn a_short_or_pbx_number_is_not_of_the_public_plan() {
        for raw in ["112", "101", "2345", "0", "", "anonymous", "12345678901234567890", "не знаю"] {
            check(raw, "");
        }
        assert_eq!(CallerNumber::parse("sip:112@pbx"), CallerNumber::Short("112".into()));
    }

    #[test]
    fn a_withheld_number_is_nobody() {
        for raw in ["anonymous", "sip:Anonymous@anonymous.invalid", "", "restricted"] {
            assert_eq!(CallerNumber::parse(raw), CallerNumber::Withheld, "{raw}");
        }
    }

    #[test]
    fn a_logged_number_is_masked() {
        assert_eq!(format!("{:?}", Phone::from_e164(79162040000)), "+7916…00");
    }
}
