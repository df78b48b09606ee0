//! Who calls when: drawn by lot from the numbers of a city, or read from a file line by line.

use std::{collections::VecDeque, ops::RangeInclusive, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};

/// The numbers worth calling from, as the generator of the city writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Numbers {
    /// Of exactly one customer.
    #[serde(default)]
    pub known: Vec<String>,
    /// Of several customers.
    #[serde(default)]
    pub shared: Vec<String>,
    /// Of nobody.
    #[serde(default)]
    pub unknown: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Known,
    Shared,
    Unknown,
    Withheld,
}

/// One call to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedCall {
    /// After the call before it.
    pub after: Duration,
    pub kind: Option<Kind>,
    /// None when it is withheld.
    pub number: Option<String>,
    /// How long the caller talks once a person is on the line.
    pub talk: Duration,
    /// How long the caller waits for one.
    pub patience: Duration,
}

pub enum Plan {
    Written(VecDeque<PlannedCall>),
    Drawn(Box<Lot>),
}

/// How a shift of callers is drawn.
pub struct Lot {
    numbers: Numbers,
    every: Duration,
    talk_s: RangeInclusive<u64>,
    patience: Duration,
    n_left: Option<u64>,
    n_drawn: usize,
    last: Option<String>,
    rng: StdRng,
}

/// Most callers are known; every sort comes within seven calls, whatever the seed.
const ROUND: [Kind; 8] =
    [Kind::Known, Kind::Known, Kind::Unknown, Kind::Known, Kind::Shared, Kind::Known, Kind::Withheld, Kind::Known];

#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error("cannot read the numbers of the callers")]
    Numbers { source: serde_json::Error },
    #[error("the file of numbers names nobody who could call")]
    Nobody,
    #[error("cannot read the plan of the calls")]
    Plan { source: serde_json::Error },
    #[error("`{0}` is no span of seconds: write one number or two, such as 15..40")]
    Span(String),
}

impl Plan {
    /// Callers without an end (or `count` of them), one after every `every`.
    pub fn draw(
        numbers: &str,
        every: Duration,
        talk_s: RangeInclusive<u64>,
        patience: Duration,
        count: Option<u64>,
        seed: u64,
    ) -> Result<Self, PlanError> {
        let numbers: Numbers = serde_json::from_str(numbers).map_err(|source| PlanError::Numbers { source })?;
        if numbers.known.is_empty() && numbers.shared.is_empty() && numbers.unknown.is_empty() {
            return Err(PlanError::Nobody);
        }
        let rng = StdRng::seed_from_u64(seed);
        Ok(Self::Drawn(Box::new(Lot { numbers, every, talk_s, patience, n_left: count, n_drawn: 0, last: None, rng })))
    }

    /// A JSON list of calls: `[{"from": "+79161234567", "after_s": 0, "talk_s": 5, "patience_s": 60}, …]`, with
    /// `"from": null` for a withheld number.
    pub fn read(file: &str) -> Result<Self, PlanError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Line {
            from: Option<String>,
            #[serde(default)]
            kind: Option<Kind>,
            #[serde(default)]
            after_s: f64,
            talk_s: f64,
            patience_s: f64,
        }
        let lines: Vec<Line> = serde_json::from_str(file).map_err(|source| PlanError::Plan { source })?;
        let seconds = |s: f64| Duration::from_millis((s * 1000.0) as u64);
        let call = |line: Line| PlannedCall {
            after: seconds(line.after_s),
            kind: line.kind.or_else(|| line.from.is_none().then_some(Kind::Withheld)),
            number: line.from,
            talk: seconds(line.talk_s),
            patience: seconds(line.patience_s),
        };
        Ok(Self::Written(lines.into_iter().map(call).collect()))
    }

    pub fn next_call(&mut self) -> Option<PlannedCall> {
        match self {
            Self::Written(calls) => calls.pop_front(),
            Self::Drawn(lot) => lot.draw(),
        }
    }
}

impl Lot {
    fn draw(&mut self) -> Option<PlannedCall> {
        if self.n_left == Some(0) {
            return None;
        }
        self.n_left = self.n_left.map(|n| n - 1);
        let kind = ROUND[self.n_drawn % ROUND.len()];
        let after = if self.n_drawn == 0 { Duration::ZERO } else { self.every };
        self.n_drawn += 1;
        let (kind, number) = self.number(kind);
        let talk = Duration::from_secs(self.rng.random_range(self.talk_s.clone()));
        Some(PlannedCall { after, kind: Some(kind), number, talk, patience: self.patience })
    }

    /// A number of this kind, and not the one that has just called; of another kind where this one has none.
    fn number(&mut self, kind: Kind) -> (Kind, Option<String>) {
        let sorts = [
            (Kind::Known, &self.numbers.known),
            (Kind::Unknown, &self.numbers.unknown),
            (Kind::Shared, &self.numbers.shared),
        ];
        if kind == Kind::Withheld {
            return (kind, None);
        }
        let wanted = sorts.iter().find(|(sort, numbers)| *sort == kind && !numbers.is_empty());
        let Some((kind, numbers)) = wanted.or_else(|| sorts.iter().find(|(_, numbers)| !numbers.is_empty())) else {
            return (Kind::Withheld, None);
        };
        let mut at = self.rng.random_range(0..numbers.len());
        if Some(&numbers[at]) == self.last.as_ref() {
            at = (at + 1) % numbers.len();
        }
        self.last = Some(numbers[at].clone());
        (*kind, Some(numbers[at].clone()))
    }
}

/// `20` or `15..40`, in seconds.
pub fn parse_span(text: &str) -> Result<RangeInclusive<u64>, PlanError> {
    let error = || PlanError::Span(text.to_owned());
    let (from, to) = text.split_once("..").unwrap_or((text, text));
    let from: u64 = from.trim().parse().map_err(|_| error())?;
    let to: u64 = to.trim_start_matches('=').trim().parse().map_err(|_| error())?;
    if from > to { Err(error()) } else { Ok(from..=to) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CITY: &str =
        r#"{"known": ["+79160000001", "+79160000002"], "shared": ["+79160000003"], "unknown": ["+79160000004"]}"#;

    fn draw(count: Option<u64>, seed: u64) -> Plan {
        Plan::draw(CITY, Duration::from_secs(20), 15..=40, Duration::from_secs(60), count, seed).unwrap()
    }

    #[test]
    fn every_kind_of_caller_rings_within_seven_calls() {
        for seed in 0..20 {
            let mut plan = draw(None, seed);
            let calls: Vec<PlannedCall> = (0..7).filter_map(|_| plan.next_call()).collect();
            for kind in [Kind::Known, Kind::Shared, Kind::Unknown, Kind::Withheld] {
                assert!(calls.iter().any(|call| call.kind == Some(kind)), "seed {seed}: nobody is {kind:?}");
            }
            assert!(calls.iter().all(|call| (call.kind == Some(Kind::Withheld)) == call.number.is_none()));
            assert!(calls.iter().all(|call| (15..=40).contains(&call.talk.as_secs())));
        }
    }

    #[test]
    fn the_same_seed_brings_the_same_callers_and_the_count_ends_them() {
        let calls = |seed| {
            let mut plan = draw(Some(9), seed);
            std::iter::from_fn(move || plan.next_call()).collect::<Vec<_>>()
        };
        assert_eq!(calls(7), calls(7));
        assert_eq!(calls(7).len(), 9);
        assert_eq!((calls(7)[0].after, calls(7)[1].after), (Duration::ZERO, Duration::from_secs(20)));
    }

    #[test]
    fn a_written_plan_is_followed_line_by_line() {
        let mut plan = Plan::read(
            r#"[{"from": "+79160000001", "talk_s": 1.5, "patience_s": 60}, {"from": null, "after_s": 3, "talk_s": 1, "patience_s": 2}]"#,
        )
        .unwrap();
        let first = plan.next_call().unwrap();
        assert_eq!((first.number.as_deref(), first.talk.as_millis()), (Some("+79160000001"), 1500));
        let second = plan.next_call().unwrap();
        assert_eq!((second.number, second.kind, second.after.as_secs()), (None, Some(Kind::Withheld), 3));
        assert!(plan.next_call().is_none());
    }

    #[test]
    fn a_faulty_file_is_said_in_words() {
        let nobody = Plan::draw("{}", Duration::ZERO, 1..=1, Duration::ZERO, None, 1).err().unwrap();
        assert_eq!(nobody.to_string(), "the file of numbers names nobody who could call");
        assert!(matches!(Plan::read("[{}]"), Err(PlanError::Plan { .. })));
        assert_eq!((parse_span("15..40").unwrap(), parse_span("20").unwrap()), (15..=40, 20..=20));
        assert!(parse_span("40..15").is_err() && parse_span("soon").is_err());
    }
}
