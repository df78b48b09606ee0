//! The gateway's time of day, told by this machine's monotonic clock.

use std::time::Duration;

use shared::time::{Moment, UtcMs};

/// Where the gateway's clock stood at one of our moments. The desk's own time of day is never used for a timer, so
/// that a computer with a wrong clock shows right waiting times.
#[derive(Clone, Copy, Debug, Default)]
pub struct GatewayClock {
    anchor: Option<(UtcMs, Moment)>,
    /// The latest round trip.
    pub round_trip: Option<Duration>,
}

impl GatewayClock {
    /// The gateway said `theirs` in a frame read at `ours`.
    pub fn set(&mut self, theirs: UtcMs, ours: Moment) {
        let half_ms = self.round_trip.map_or(0, |trip| trip.as_millis() as i64 / 2);
        self.anchor = Some((UtcMs(theirs.0 + half_ms), ours));
    }

    /// The gateway's time of day at our moment `now`.
    pub fn at(&self, now: Moment) -> UtcMs {
        self.anchor.map_or(now.utc_ms, |(theirs, ours)| UtcMs(theirs.0 + now.since(ours).as_millis() as i64))
    }

    /// How long ago the gateway's `earlier` was; zero when it lies ahead.
    pub fn since(&self, earlier: UtcMs, now: Moment) -> Duration {
        Duration::from_millis(self.at(now).ms_since(earlier).max(0) as u64)
    }

    /// How far off the gateway's `later` is; zero when it has come.
    pub fn until(&self, later: UtcMs, now: Moment) -> Duration {
        Duration::from_millis(later.ms_since(self.at(now)).max(0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_computer_with_a_wrong_clock_shows_right_waiting_times() {
        let mut clock = GatewayClock::default();
        let mut now = Moment::at_ms(1_000);
        clock.set(UtcMs(50_000), now);
        now = now.after(Duration::from_secs(4));
        now.utc_ms = UtcMs(999_999_999);
        assert_eq!(clock.since(UtcMs(51_000), now), Duration::from_secs(3));
        assert_eq!(clock.until(UtcMs(60_000), now), Duration::from_secs(6));
        assert_eq!(clock.since(UtcMs(60_000), now), Duration::ZERO);
    }
}
