//! Our registration with a provider (RFC 3261 §10.2): when to come again, and how long to keep still after a refusal.

use std::time::Duration;

/// The first pause after a refusal; it doubles (RFC 5626 §4.5).
const FIRST_PAUSE_S: u64 = 30;
const LONGEST_PAUSE_S: u64 = 1800;
/// No provider means a longer one.
const LONGEST_S: u32 = 86_400;
/// How often we follow a "longer, please" (423) before we take it for a refusal.
const MOST_LENGTHENINGS: u32 = 3;

/// How one trunk wants us to register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    /// How long each registration shall last, seconds.
    pub expires_s: u32,
    /// The number that is meant when the provider calls our account; without one, the number in its To.
    pub number: Option<String>,
}

/// Where our registration stands.
#[derive(Debug)]
pub struct Registration {
    pub call_id: String,
    pub cseq: u32,
    asks_s: u32,
    failures: u32,
    lengthenings: u32,
    /// What the owner was told last.
    told: Option<bool>,
    /// The connection over which the provider reaches us; 0 for none.
    pub connection: u64,
    /// Rises whenever an alarm of the registration loses its meaning.
    pub stamp: u32,
    /// We say goodbye; whatever is answered, nothing follows.
    pub leaving: bool,
}

impl Registration {
    pub const fn new(call_id: String, register: &Register) -> Self {
        Self {
            call_id,
            cseq: 0,
            asks_s: register.expires_s,
            failures: 0,
            lengthenings: 0,
            told: None,
            connection: 0,
            stamp: 0,
            leaving: false,
        }
    }

    /// What to ask for, seconds.
    pub const fn asks_s(&self) -> u32 {
        if self.leaving { 0 } else { self.asks_s }
    }

    pub const fn is_registered(&self) -> bool {
        matches!(self.told, Some(true))
    }

    /// It was accepted for so many seconds: how long until we come again, and whether that is news. There is always
    /// time enough left for a request that has to be repeated.
    pub fn accepted(&mut self, granted_s: u32) -> (Duration, bool) {
        (self.failures, self.lengthenings) = (0, 0);
        let news = self.told.replace(true) != Some(true);
        let granted_s = granted_s.clamp(1, LONGEST_S);
        let early_s = (granted_s / 10).max(40).min(granted_s / 2);
        (Duration::from_secs(u64::from(granted_s - early_s).max(1)), news)
    }

    /// The provider wants us to ask for more (423): whether we do so at once.
    pub fn lengthened(&mut self, shortest_s: u32) -> bool {
        self.lengthenings += 1;
        if shortest_s <= self.asks_s || shortest_s > LONGEST_S || self.lengthenings > MOST_LENGTHENINGS {
            return false;
        }
        self.asks_s = shortest_s;
        true
    }

    /// It was refused, or nobody answered: how long to keep still. Longer each time, half of it by chance, so that the
    /// gateways of a house do not come back all at once; and no shorter than the provider asks (`Retry-After`).
    pub fn refused(&mut self, retry_after_s: Option<u32>, random: u64) -> Duration {
        self.told = Some(false);
        let longest = (FIRST_PAUSE_S << self.failures.min(10)).min(LONGEST_PAUSE_S);
        self.failures = self.failures.saturating_add(1);
        let chosen = longest / 2 + random % (longest / 2 + 1);
        Duration::from_secs(chosen.max(u64::from(retry_after_s.unwrap_or(0).min(LONGEST_S))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registration() -> Registration {
        Registration::new("c".into(), &Register { expires_s: 600, number: None })
    }

    #[test]
    fn a_registration_is_renewed_before_it_runs_out() {
        for (granted, renewed) in [(3600, 3240), (600, 540), (300, 260), (60, 30), (2, 1), (1, 1), (0, 1)] {
            let (after, _) = registration().accepted(granted);
            assert_eq!(after.as_secs(), renewed, "{granted}");
        }
    }

    #[test]
    fn each_refusal_costs_a_longer_pause_and_success_forgives_all() {
        let mut it = registration();
        let pauses: Vec<u64> = (0..8).map(|_| it.refused(None, u64::MAX).as_secs()).collect();
        assert!(
            pauses.iter().zip([30, 60, 120, 240, 480, 960, 1800, 1800]).all(|(p, most)| *p <= most && *p >= most / 2)
        );
        assert!(it.accepted(600).1, "being back is news");
        assert!(!it.accepted(600).1, "staying there is none");
        assert!(it.refused(None, 0).as_secs() <= 30);
        assert_eq!(it.refused(Some(900), 0).as_secs(), 900, "a provider that asks for patience gets it");
    }

    #[test]
    fn a_provider_that_wants_longer_registrations_gets_them_within_reason() {
        let mut it = registration();
        assert!(it.lengthened(1800));
        assert_eq!(it.asks_s(), 1800);
        assert!(!it.lengthened(900), "that is less than we ask");
        assert!(!it.lengthened(10_000_000));
        let mut it = registration();
        let followed = (1..10).filter(|n| it.lengthened(600 + n)).count();
        assert_eq!(followed, 3, "no game without an end");
    }
}
