//! A dialled number in one spelling, so that no other spelling of it slips past a rule.

use std::fmt;

use shared::phone::Phone;

/// Longer than anything that can be dialled.
const LONGEST: usize = 32;

/// A number as it was dialled: `+74952040000` for a number of the public plan, the bare digits for a short or internal
/// one. Reads masked; [`Dialled::as_str`] is the one way to the whole number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dialled(Box<str>);

impl Dialled {
    /// Reads what was dialled, as somebody in Russia would: `8…`, `+7…`, `8~10…`, `00…`. `None` for what cannot be
    /// dialled at all.
    ///
    /// What only looks like a number of the public plan (an unassigned range, a premium service) is still written as
    /// one, so that the rules for its prefix hold.
    pub fn parse(raw: &str) -> Option<Self> {
        let dialled = without_separators(raw)?;
        if let Some(phone) = Phone::parse(&dialled) {
            return Some(Self(format!("+{}", phone.digits()).into()));
        }
        let digits = dialled.strip_prefix('+').unwrap_or(&dialled);
        if digits.is_empty() || digits.contains('+') {
            return None;
        }
        let public = match dialled.strip_prefix('+') {
            Some(digits) => Some(digits.to_owned()),
            None => as_public(digits),
        };
        Some(Self(public.map_or(dialled, |digits| format!("+{digits}")).into()))
    }

    /// Whether it belongs to the public plan (E.164).
    pub fn is_public(&self) -> bool {
        self.0.starts_with('+')
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Dialled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_public() || self.0.len() < 8 {
            return f.write_str(&self.0);
        }
        write!(f, "{}…{}", &self.0[..5], &self.0[self.0.len() - 2..])
    }
}

/// Digits, `*`, `#` and a plus in front. What people write between them is left out; anything else is no number.
fn without_separators(raw: &str) -> Option<String> {
    let mut dialled = String::with_capacity(raw.len().min(LONGEST));
    for letter in raw.trim().chars() {
        match letter {
            '0'..='9' | '*' | '#' => dialled.push(letter),
            '+' if dialled.is_empty() => dialled.push(letter),
            ' ' | '-' | '(' | ')' | '.' | '\u{a0}' => {}
            _ => return None,
        }
        if dialled.len() > LONGEST {
            return None;
        }
    }
    (!dialled.is_empty()).then_some(dialled)
}

/// The E.164 digits of what is dialled with a prefix of the Russian plan, assigned or not.
fn as_public(digits: &str) -> Option<String> {
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // Out of the country: 8~10, and 00 as telephones write it.
    let abroad = digits.strip_prefix("810").or_else(|| digits.strip_prefix("00")).filter(|rest| rest.len() >= 7);
    let national = || digits.strip_prefix(['7', '8']).filter(|rest| rest.len() == 10).map(|rest| format!("7{rest}"));
    abroad.map(str::to_owned).or_else(national)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, expected: &str) {
        assert_eq!(Dialled::parse(raw).map(|number| number.as_str().to_owned()).unwrap_or_default(), expected, "{raw}");
    }

    #[test]
    fn a_number_is_one_number_however_it_is_dialled() {
        for raw in ["+74952040000", "84952040000", "8 (495) 204-00-00", "74952040000", "0074952040000"] {
            check(raw, "+74952040000");
        }
        check("81049301234567", "+49301234567");
        check("+49 30 1234567", "+49301234567");
    }

    #[test]
    fn what_is_not_assigned_keeps_its_prefix() {
        check("88091234567", "+78091234567");
        check("8-809-123-45-67", "+78091234567");
        check("810979123456789", "+979123456789");
        check("+882134567890", "+882134567890");
    }

    proptest::proptest! {
        /// However a premium number is spelled, the rule for its prefix sees it.
        #[test]
        fn no_spelling_slips_past_a_rule(rest in "[0-9]{7}", gaps in proptest::collection::vec(0_usize..12, 0..4)) {
            for prefix in ["+7809", "7809", "8809", "8107809", "007809"] {
                let mut spelled = format!("{prefix}{rest}");
                for gap in &gaps {
                    spelled.insert(1 + gap % (spelled.len() - 1), ['-', ' ', '(', ')', '.'][gap % 5]);
                }
                let number = Dialled::parse(&spelled).unwrap();
                proptest::prop_assert_eq!(number.as_str(), format!("+7809{rest}"), "{}", spelled);
            }
        }

        /// What was read once is read as the same again, and nothing else than a number ever comes out.
        #[test]
        fn a_number_stays_what_it_is(raw in "[-0-9+*# ().a-z]{0,20}") {
            if let Some(number) = Dialled::parse(&raw) {
                proptest::prop_assert_eq!(Dialled::parse(number.as_str()), Some(number.clone()));
                let digits = number.as_str().strip_prefix('+').unwrap_or(number.as_str());
                proptest::prop_assert!(!digits.is_empty());
                proptest::prop_assert!(digits.bytes().all(|b| b.is_ascii_digit() || b == b'*' || b == b'#'));
            }
        }
    }

    #[test]
    fn short_and_internal_numbers_stay_as_they_are() {
        for number in ["112", "101", "1001", "*72", "#31#", "0", "8", "00"] {
            check(number, number);
        }
    }

    #[test]
    fn what_is_no_number_leads_nowhere() {
        for raw in ["", "+", "anna", "112;phone-context=x", "1+2", "8495'--", "+7\u{0}", &"1".repeat(33)] {
            check(raw, "");
        }
    }

    #[test]
    fn a_logged_number_is_masked() {
        let shown = format!("{:?}", Dialled::parse("+79162040000").unwrap());
        assert_eq!(shown, "+7916…00");
    }
}
