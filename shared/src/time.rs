//! Moments, and nothing that reads a clock except [`Clock`].
//!
//! The pure cores take `now: Moment` as an argument. A moment is monotonic and UTC together, so that deadlines
//! survive a clock that jumps and records still carry the time of day; it is serialisable, so that a state
//! outlives a restart.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time, as the gateway's loop sees it.
///
/// `mono_us` counts microseconds of the monotonic clock from an arbitrary origin; comparisons and differences
/// use it alone. `utc_ms` is unix time in milliseconds, for records and screens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Moment {
    pub mono_us: u64,
    pub utc_ms: UtcMs,
}

impl Moment {
    /// A moment for tests and simulations: both clocks count from zero.
    pub const fn at_ms(ms: u64) -> Self {
        Self { mono_us: ms * 1000, utc_ms: UtcMs(ms as i64) }
    }

    /// How long ago `earlier` was; zero when it lies ahead.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.mono_us.saturating_sub(earlier.mono_us))
    }

    /// The moment `span` later.
    #[must_use]
    pub const fn after(self, span: Duration) -> Self {
        let us = span.as_micros() as u64;
        Self { mono_us: self.mono_us.saturating_add(us), utc_ms: UtcMs(self.utc_ms.0 + (us / 1000) as i64) }
    }

    /// Whether this deadline has come at `now`.
    pub const fn is_due(self, now: Self) -> bool {
        self.mono_us <= now.mono_us
    }
}

impl PartialOrd for Moment {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Moment {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.mono_us.cmp(&other.mono_us)
    }
}

/// Unix time in milliseconds, UTC. In tables `timestamptz` (PostgreSQL) or integer (SQLite), on the wire a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UtcMs(pub i64);

impl UtcMs {
    pub fn to_chrono(self) -> chrono::DateTime<chrono::Utc> {
        chrono::DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }

    pub fn from_chrono(at: chrono::DateTime<chrono::Utc>) -> Self {
        Self(at.timestamp_millis())
    }

    /// Milliseconds from `earlier` to here; negative when `earlier` is later.
    pub const fn ms_since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }
}

/// The one reader of the system's clocks. The shell owns it; the pure cores never see it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: std::time::Instant,
    /// The monotonic clock begins at the wall clock's time of the start, so that moments kept before a restart
    /// still lie in the past after it.
    base_us: u64,
}

impl Clock {
    pub fn start() -> Self {
        let base_us = (Self::utc().0.max(0) as u64) * 1000;
        Self { origin: std::time::Instant::now(), base_us }
    }

    pub fn now(&self) -> Moment {
        Moment { mono_us: self.base_us + self.origin.elapsed().as_micros() as u64, utc_ms: Self::utc() }
    }

    /// The instant at which `moment` comes, for a timer of the runtime.
    pub fn instant_of(&self, moment: Moment) -> std::time::Instant {
        self.origin + Duration::from_micros(moment.mono_us.saturating_sub(self.base_us))
    }

    /// The moment at which `instant` was, for arrivals that another thread has stamped.
    pub fn moment_of(&self, instant: std::time::Instant) -> Moment {
        let mono_us = self.base_us + instant.saturating_duration_since(self.origin).as_micros() as u64;
        let ago_ms = instant.elapsed().as_millis() as i64;
        Moment { mono_us, utc_ms: UtcMs(Self::utc().0 - ago_ms) }
    }

    pub fn utc() -> UtcMs {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        UtcMs(since_epoch.map_or(0, |d| d.as_millis() as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_back_does_not_move_a_deadline() {
        let start = Moment { mono_us: 1_000_000, utc_ms: UtcMs(50_000) };
        let deadline = start.after(Duration::from_secs(15));
        let set_back = Moment { mono_us: 16_000_000, utc_ms: UtcMs(0) };
        assert!(deadline.is_due(set_back));
        assert_eq!(set_back.since(start), Duration::from_secs(15));
    }
}
