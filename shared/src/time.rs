//! Moments, and nothing that reads a clock except [`Clock`].
//!
//! The pure cores take `now: Moment` as an argument. A moment is monotonic and UTC together, so that deadlines
//! survive a clock that jumps and records still carry the time of day; it is serialisable, so that a state
//! outlives a restart.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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

    /// The time of day: the machine's, or, after [`Self::keep_steady`], the steady one.
    pub fn utc() -> UtcMs {
        let wall_us = wall_us();
        if !KEPT_STEADY.load(Ordering::Relaxed) {
            return UtcMs(wall_us / 1000);
        }
        UtcMs(TOLD.utc_us(mono_us(), wall_us) / 1000)
    }

    /// From here on this process tells a time of day that never jumps ([`Steady`]). For a program whose records must
    /// stay ordered and whose sessions must not all end because somebody sets the clock.
    pub fn keep_steady() {
        TOLD.begin(mono_us(), wall_us());
        KEPT_STEADY.store(true, Ordering::Relaxed);
    }

    /// How far the machine's clock is ahead of the time that we tell, milliseconds; negative when it is behind.
    pub fn moved_by_ms() -> i64 {
        let wall_us = wall_us();
        if !KEPT_STEADY.load(Ordering::Relaxed) {
            return 0;
        }
        (wall_us - TOLD.utc_us(mono_us(), wall_us)) / 1000
    }
}

static KEPT_STEADY: AtomicBool = AtomicBool::new(false);
static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
static TOLD: Told = Told {
    offset_us: AtomicI64::new(0),
    read_us: AtomicI64::new(0),
    steady: Mutex::new(Steady { offset_us: 0, read_us: 0 }),
};

fn mono_us() -> i64 {
    ORIGIN.elapsed().as_micros() as i64
}

fn wall_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}

/// The [`Steady`] of this process. As long as nobody moves the clock, reading it takes no lock.
struct Told {
    offset_us: AtomicI64,
    read_us: AtomicI64,
    steady: Mutex<Steady>,
}

impl Told {
    fn begin(&self, mono_us: i64, wall_us: i64) {
        let mut steady = self.steady.lock().unwrap_or_else(PoisonError::into_inner);
        *steady = Steady::begin(mono_us, wall_us);
        self.offset_us.store(steady.offset_us, Ordering::Relaxed);
        self.read_us.store(mono_us, Ordering::Relaxed);
    }

    fn utc_us(&self, mono_us: i64, wall_us: i64) -> i64 {
        let offset_us = self.offset_us.load(Ordering::Relaxed);
        if (wall_us - mono_us - offset_us).abs() <= Steady::NOISE_US {
            self.read_us.store(mono_us, Ordering::Relaxed);
            return mono_us + offset_us;
        }
        let mut steady = self.steady.lock().unwrap_or_else(PoisonError::into_inner);
        steady.read_us = steady.read_us.max(self.read_us.load(Ordering::Relaxed));
        let utc_us = steady.utc_us(mono_us, wall_us);
        self.offset_us.store(steady.offset_us, Ordering::Relaxed);
        utc_us
    }
}

/// A time of day that goes on when the machine's clock is moved, and never goes back.
///
/// It runs with the monotonic clock. When the machine's clock is moved away from it, by hand, by a time server, or
/// because the machine slept, it approaches the new time by a sixteenth of the time that passes: a talk of a minute is
/// written down as at most four seconds too long or too short, and whatever happens later has a later time.
#[derive(Clone, Copy, Debug)]
pub struct Steady {
    /// From the monotonic clock to the time of day.
    offset_us: i64,
    read_us: i64,
}

impl Steady {
    /// Two clocks cannot be read at the same instant; whoever is interrupted between them sees no jump.
    const NOISE_US: i64 = 20_000;
    const APPROACH: i64 = 16;

    pub const fn begin(mono_us: i64, wall_us: i64) -> Self {
        Self { offset_us: wall_us - mono_us, read_us: mono_us }
    }

    /// The time of day at `mono_us`, when the machine's clock says `wall_us`.
    pub fn utc_us(&mut self, mono_us: i64, wall_us: i64) -> i64 {
        let moved_us = wall_us - mono_us - self.offset_us;
        let most = (mono_us - self.read_us).max(0) / Self::APPROACH;
        self.read_us = self.read_us.max(mono_us);
        if moved_us.abs() > Self::NOISE_US {
            self.offset_us += moved_us.clamp(-most, most);
        }
        mono_us + self.offset_us
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

    const S: i64 = 1_000_000;
    const HOUR: i64 = 3600 * S;

    /// Reads every 100 ms from `from` to `to`, with the machine's clock moved by `moved`. Gives the last time read.
    fn read_on(steady: &mut Steady, (from, to): (i64, i64), moved: i64, last: &mut i64) {
        let mut mono = from;
        while mono < to {
            mono += S / 10;
            let utc = steady.utc_us(mono, mono + moved);
            assert!(utc >= *last, "at {mono}: {utc} after {last}");
            *last = utc;
        }
    }

    #[test]
    fn a_clock_moved_by_hours_in_the_middle_of_a_talk_changes_its_length_by_a_sixteenth_at_most() {
        for moved in [3 * HOUR, -5 * HOUR] {
            let (mut steady, mut last) = (Steady::begin(0, 0), 0);
            read_on(&mut steady, (0, 30 * S), 0, &mut last);
            assert_eq!(last, 30 * S);
            read_on(&mut steady, (30 * S, 90 * S), moved, &mut last);
            let length = last - 30 * S;
            assert!((length - 60 * S).abs() <= 60 * S / 16, "{length} for a minute");
            assert_ne!(length, 60 * S, "and it does approach");
        }
    }

    #[test]
    fn in_the_end_the_new_time_is_reached_and_kept() {
        for moved in [60 * S, -60 * S] {
            let (mut steady, mut last) = (Steady::begin(0, 0), 0);
            read_on(&mut steady, (0, 17 * 60 * S), moved, &mut last);
            assert!((last - (17 * 60 * S + moved)).abs() <= Steady::NOISE_US, "{last}");
            read_on(&mut steady, (17 * 60 * S, 18 * 60 * S), moved, &mut last);
            assert!((last - (18 * 60 * S + moved)).abs() <= Steady::NOISE_US, "{last}");
        }
    }

    #[test]
    fn a_reader_that_is_interrupted_between_two_clocks_sees_no_jump() {
        let mut steady = Steady::begin(0, 0);
        assert_eq!(steady.utc_us(10 * S, 10 * S + Steady::NOISE_US), 10 * S);
        assert_eq!(steady.utc_us(11 * S, 11 * S), 11 * S);
    }
}
