//! Judges a meter reading before it is saved. The desktop asks while the operator types, the gateway asks again.

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::account::{Meter, ZoneValues};

/// The rules with their numbers, as data of the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReadingRules {
    /// Days of the month, both inclusive, in which readings count for this month.
    pub window_from_day: u8,
    pub window_to_day: u8,
    /// Above this many times the mean of twelve months the operator confirms.
    pub soft_factor: f64,
    /// Below this consumption a day no jump is suspicious, kilowatt-hours.
    pub soft_min_kwh_per_day: f64,
}

impl Default for ReadingRules {
    fn default() -> Self {
        Self { window_from_day: 15, window_to_day: 26, soft_factor: 3.0, soft_min_kwh_per_day: 10.0 }
    }
}

/// What is known of the meter and the account when a reading is judged.
#[derive(Clone, Debug)]
pub struct ReadingContext<'a> {
    pub meter: &'a Meter,
    /// The latest reading before this one, if any.
    pub previous: Option<(NaiveDate, &'a ZoneValues)>,
    /// The first reading after this one, when this one is entered late.
    pub next: Option<(NaiveDate, &'a ZoneValues)>,
    /// Mean consumption a day over the last twelve months, kilowatt-hours.
    pub mean_kwh_per_day: f64,
    /// Whether a reading was already given in this period.
    pub given_this_period: bool,
    pub today: NaiveDate,
}

/// Why a reading cannot be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadingFault {
    NotNumber,
    /// A two-zone meter has two values, a three-zone meter three.
    MissingZone,
    TooManyDigits,
    LessThanPrevious,
    /// A later reading is known, and the register would have gone backwards to it.
    MoreThanNext,
    /// More than the wires could carry.
    JumpHard,
    FutureDate,
}

/// What an operator should know before saving; the reading may be right all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadingWarning {
    /// The register went through zero.
    Rollover,
    JumpSoft,
    ZeroConsumption,
    /// The later one replaces the earlier one in the bill.
    DuplicateInPeriod,
    /// It will count in the next period.
    OutsideWindow,
    /// Billing goes by the mean until the meter is verified or replaced.
    VerificationExpired,
}

impl ReadingWarning {
    /// Whether it is saved only when the operator has confirmed it.
    pub const fn needs_confirmation(self) -> bool {
        matches!(self, Self::JumpSoft)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// Kilowatt-hours since the previous reading, a zone each; zeros for a first reading, empty with most faults.
    pub consumed: ZoneValues,
    pub error: Option<ReadingFault>,
    pub warnings: Vec<ReadingWarning>,
}

impl Judgement {
    fn fault(error: ReadingFault) -> Self {
        Self { error: Some(error), ..Self::default() }
    }

    /// Consumption over all zones.
    pub fn consumed_in_all(&self) -> i64 {
        self.consumed.iter().sum()
    }

    pub fn needs_confirmation(&self) -> bool {
        self.warnings.iter().any(|warning| warning.needs_confirmation())
    }
}

/// Judges `values`, taken on `taken_on`. The first fault ends it; warnings accumulate.
pub fn judge(
    context: &ReadingContext<'_>,
    values: &ZoneValues,
    taken_on: NaiveDate,
    rules: &ReadingRules,
) -> Judgement {
    let meter = context.meter;
    if values.iter().any(|&value| value < 0) {
        return Judgement::fault(ReadingFault::NotNumber);
    }
    if values.len() != usize::from(meter.zones) {
        return Judgement::fault(ReadingFault::MissingZone);
    }
    if values.iter().any(|&value| value >= register_size(meter)) {
        return Judgement::fault(ReadingFault::TooManyDigits);
    }
    let mut judgement = Judgement { consumed: values.iter().map(|_| 0).collect(), ..Judgement::default() };
    if let Some((previous_on, previous)) = context.previous {
        let Some(consumed) = consumed_between(meter, previous, values) else {
            return Judgement::fault(ReadingFault::LessThanPrevious);
        };
        judgement.consumed = consumed.iter().map(|zone| zone.kwh).collect();
        if consumed.iter().any(|zone| zone.rolled_over) {
            judgement.warnings.push(ReadingWarning::Rollover);
        }
        let per_day = kwh_per_day(&consumed, previous_on, taken_on);
        if per_day > most_kwh_per_day(meter) {
            judgement.error = Some(ReadingFault::JumpHard);
            return judgement;
        }
        if per_day > rules.soft_factor * context.mean_kwh_per_day && per_day > rules.soft_min_kwh_per_day {
            judgement.warnings.push(ReadingWarning::JumpSoft);
        }
        if judgement.consumed_in_all() == 0 {
            judgement.warnings.push(ReadingWarning::ZeroConsumption);
        }
    }
    // What was read later stands: a reading that is entered late has to fit between its neighbours.
    if let Some((next_on, next)) = context.next {
        let Some(consumed) = consumed_between(meter, values, next) else {
            return Judgement::fault(ReadingFault::MoreThanNext);
        };
        if kwh_per_day(&consumed, taken_on, next_on) > most_kwh_per_day(meter) {
            judgement.error = Some(ReadingFault::JumpHard);
            return judgement;
        }
    }
    if context.given_this_period {
        judgement.warnings.push(ReadingWarning::DuplicateInPeriod);
    }
    if taken_on > context.today {
        judgement.error = Some(ReadingFault::FutureDate);
        return judgement;
    }
    let day = taken_on.day();
    if day < u32::from(rules.window_from_day) || day > u32::from(rules.window_to_day) {
        judgement.warnings.push(ReadingWarning::OutsideWindow);
    }
    if meter.verified_until.is_some_and(|until| until < taken_on) {
        judgement.warnings.push(ReadingWarning::VerificationExpired);
    }
    judgement
}

/// Reads what a person types for the zones: `12345`, `12345;6789`, `12345 / 6789`, `12345,6`. Fractions are cut
/// off, as on the bill.
///
/// # Errors
/// [`ReadingFault::NotNumber`] for anything that is no number, [`ReadingFault::TooManyDigits`] for one that no
/// register shows.
pub fn parse_values(typed: &str) -> Result<ZoneValues, ReadingFault> {
    let values: ZoneValues = typed
        .split(|c: char| c.is_whitespace() || [';', '/', '|'].contains(&c))
        .map(|value| value.trim_end_matches([',', '.']))
        .filter(|value| !value.is_empty())
        .map(parse_value)
        .collect::<Result<_, _>>()?;
    if values.is_empty() { Err(ReadingFault::NotNumber) } else { Ok(values) }
}

fn parse_value(typed: &str) -> Result<i64, ReadingFault> {
    let (whole, fraction) = typed.split_once([',', '.']).unwrap_or((typed, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    // Three digits behind the comma is what a register shows; more is two zones run together.
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || fraction.len() > 3 {
        return Err(ReadingFault::NotNumber);
    }
    if whole.len() > 12 {
        return Err(ReadingFault::TooManyDigits);
    }
    whole.parse().map_err(|_| ReadingFault::NotNumber)
}

struct Consumed {
    kwh: i64,
    rolled_over: bool,
}

/// What went through each zone from one reading to the next; `None` when a register went backwards.
fn consumed_between(meter: &Meter, before: &ZoneValues, now: &ZoneValues) -> Option<SmallVec<[Consumed; 3]>> {
    let of_zone = |(zone, &now): (usize, &i64)| consumed_by(meter, before.get(zone).copied().unwrap_or(0), now);
    now.iter().enumerate().map(of_zone).collect()
}

fn kwh_per_day(consumed: &[Consumed], from: NaiveDate, to: NaiveDate) -> f64 {
    let days = (to - from).num_days().max(1) as f64;
    consumed.iter().map(|zone| zone.kwh).sum::<i64>() as f64 / days
}

/// `None` when the register went backwards. From the last twentieth of the register into its first it has rolled
/// over.
fn consumed_by(meter: &Meter, before: i64, now: i64) -> Option<Consumed> {
    if now >= before {
        return Some(Consumed { kwh: (now - before) * ratio(meter), rolled_over: false });
    }
    let size = register_size(meter);
    let rolled_over = before * 20 > size * 19 && now * 20 < size;
    rolled_over.then(|| Consumed { kwh: (now + size - before) * ratio(meter), rolled_over })
}

/// Kilowatt-hours for each that the register shows.
pub(crate) fn ratio(meter: &Meter) -> i64 {
    i64::from(meter.ratio.max(1))
}

/// Where the register starts again from zero.
pub(crate) fn register_size(meter: &Meter) -> i64 {
    10_i64.pow(u32::from(meter.digits.clamp(1, 12)))
}

/// What phases, current and transformer let through in a day at 230 V, kilowatt-hours.
fn most_kwh_per_day(meter: &Meter) -> f64 {
    let amperes = f64::from(meter.phases.max(1)) * f64::from(meter.max_ampere.max(1)) * f64::from(meter.ratio.max(1));
    amperes * 230.0 * 24.0 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::MeterId;
    use crate::pii::Personal;

    fn on(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, day).unwrap()
    }

    fn meter(zones: u8) -> Meter {
        Meter {
            id: MeterId(1),
            serial: Personal::new("011070142"),
            zones,
            digits: 5,
            phases: 1,
            max_ampere: 60,
            ratio: 1,
            verified_until: None,
        }
    }

    fn judged(meter: &Meter, previous: &[i64], new: &[i64], days: i64, mean: f64) -> Judgement {
        let previous = ZoneValues::from_slice(previous);
        let context = ReadingContext {
            meter,
            previous: Some((on(20) - chrono::Duration::days(days), &previous)),
            next: None,
            mean_kwh_per_day: mean,
            given_this_period: false,
            today: on(23),
        };
        judge(&context, &ZoneValues::from_slice(new), on(20), &ReadingRules::default())
    }

    #[track_caller]
    fn check(previous: i64, new: i64, mean: f64, error: Option<ReadingFault>, warnings: &[ReadingWarning]) {
        let judgement = judged(&meter(1), &[previous], &[new], 30, mean);
        assert_eq!((judgement.error, judgement.warnings.as_slice()), (error, warnings), "{previous} -> {new}");
    }

    #[test]
    fn a_reading_is_judged_by_what_the_meter_can_do_and_the_home_has_done() {
        check(12_000, 12_150, 5.0, None, &[]);
        check(12_000, 11_990, 5.0, Some(ReadingFault::LessThanPrevious), &[]);
        check(99_950, 40, 3.0, None, &[ReadingWarning::Rollover]);
        check(12_000, 12_700, 5.0, None, &[ReadingWarning::JumpSoft]);
        check(12_000, 22_000, 5.0, Some(ReadingFault::JumpHard), &[]);
        check(12_000, 12_000, 5.0, None, &[ReadingWarning::ZeroConsumption]);
        check(12_000, 12_060, 0.5, None, &[]);
        check(12_000, 123_456, 5.0, Some(ReadingFault::TooManyDigits), &[]);
    }

    #[test]
    fn a_register_that_went_through_zero_counts_what_it_went() {
        assert_eq!(judged(&meter(1), &[99_950], &[40], 30, 3.0).consumed_in_all(), 90);
    }

    #[test]
    fn a_three_phase_meter_may_count_three_times_as_much() {
        let mut three_phase = meter(1);
        assert_eq!(judged(&three_phase, &[12_000], &[22_000], 30, 5.0).error, Some(ReadingFault::JumpHard));
        three_phase.phases = 3;
        assert_eq!(judged(&three_phase, &[12_000], &[22_000], 30, 5.0).error, None);
    }

    #[test]
    fn a_day_and_night_meter_needs_both_values() {
        assert_eq!(judged(&meter(2), &[100, 50], &[160], 30, 3.0).error, Some(ReadingFault::MissingZone));
        assert_eq!(judged(&meter(2), &[100, 50], &[160, 80], 30, 3.0).consumed.as_slice(), [60, 30]);
    }

    /// A reading of the 20th that is entered when that of the 22nd is there.
    #[track_caller]
    fn check_late(previous: i64, late: i64, next: i64, error: Option<ReadingFault>) {
        let meter = meter(1);
        let (previous, next) = (ZoneValues::from_slice(&[previous]), ZoneValues::from_slice(&[next]));
        let context = ReadingContext {
            meter: &meter,
            previous: Some((on(10), &previous)),
            next: Some((on(22), &next)),
            mean_kwh_per_day: 5.0,
            given_this_period: true,
            today: on(23),
        };
        let judgement = judge(&context, &ZoneValues::from_slice(&[late]), on(20), &ReadingRules::default());
        assert_eq!(judgement.error, error, "{previous:?} -> {late} -> {next:?}");
    }

    #[test]
    fn a_reading_that_is_entered_late_fits_between_its_neighbours() {
        check_late(12_000, 12_050, 12_060, None);
        check_late(12_000, 12_060, 12_060, None);
        check_late(12_000, 12_061, 12_060, Some(ReadingFault::MoreThanNext));
        check_late(12_000, 12_000, 22_000, Some(ReadingFault::JumpHard));
        check_late(99_900, 99_990, 20, None);
        check_late(99_900, 10, 5, Some(ReadingFault::MoreThanNext));
    }

    #[test]
    fn warnings_accumulate_and_only_the_doubtful_jump_asks_back() {
        let mut old = meter(1);
        old.verified_until = Some(on(1));
        let context = ReadingContext {
            meter: &old,
            previous: Some((on(1), &ZoneValues::from_slice(&[100]))),
            next: None,
            mean_kwh_per_day: 5.0,
            given_this_period: true,
            today: on(23),
        };
        let values = ZoneValues::from_slice(&[100]);
        let judgement = judge(&context, &values, on(10), &ReadingRules::default());
        use ReadingWarning::{DuplicateInPeriod, OutsideWindow, VerificationExpired, ZeroConsumption};
        assert_eq!(judgement.warnings, [ZeroConsumption, DuplicateInPeriod, OutsideWindow, VerificationExpired]);
        assert!(!judgement.needs_confirmation());
        assert_eq!(judge(&context, &values, on(24), &ReadingRules::default()).error, Some(ReadingFault::FutureDate));
        assert!(judged(&meter(1), &[12_000], &[12_700], 30, 5.0).needs_confirmation());
    }

    #[test]
    fn typed_values_are_read_as_an_operator_types_them() {
        let read = |typed: &str| parse_values(typed).map(|values| values.to_vec());
        assert_eq!(read("12345"), Ok(vec![12_345]));
        assert_eq!(read(" 12345; 678 "), Ok(vec![12_345, 678]));
        assert_eq!(read("12345/678/90"), Ok(vec![12_345, 678, 90]));
        assert_eq!(read("12345,6 678.9"), Ok(vec![12_345, 678]));
        assert_eq!(read("12000, 3400"), Ok(vec![12_000, 3_400]));
        for no_number in ["", "двенадцать", "-5", "12000,3400", "12к"] {
            assert_eq!(read(no_number), Err(ReadingFault::NotNumber), "{no_number}");
        }
        assert_eq!(read("1234567890123"), Err(ReadingFault::TooManyDigits));
    }

    #[test]
    fn codes_travel_in_snake_case() {
        assert_eq!(serde_json::to_string(&ReadingFault::LessThanPrevious).unwrap(), "\"less_than_previous\"");
        assert_eq!(serde_json::to_string(&ReadingWarning::JumpSoft).unwrap(), "\"jump_soft\"");
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_typed_gets_an_answer(typed in ".{0,40}") {
            if let Ok(values) = parse_values(&typed) {
                proptest::prop_assert!(values.iter().all(|value| *value >= 0));
            }
        }

        #[test]
        fn an_accepted_reading_never_counts_below_zero(before in 0_i64..100_000, now in 0_i64..100_000) {
            let judgement = judged(&meter(1), &[before], &[now], 30, 5.0);
            if judgement.error.is_none() {
                proptest::prop_assert!(judgement.consumed_in_all() >= 0);
                proptest::prop_assert_eq!((before + judgement.consumed_in_all()) % 100_000, now);
            }
        }
    }
}
