//! Deadlines by the thousand: a wheel of 20 ms ticks, 82 seconds around.
//!
//! Nothing is ever taken out: an alarm that is no longer wanted rings, and its owner shrugs. An alarm never rings early.

use shared::time::Moment;

const TICK_US: u64 = 20_000;
const SLOTS: usize = 4096;

struct Entry<A> {
    tick: u64,
    alarm: A,
}

pub struct Wheel<A> {
    slots: Vec<Vec<Entry<A>>>,
    /// One bit a slot: somebody waits there.
    occupied: [u64; SLOTS / 64],
    /// All ticks before this one have rung.
    next: u64,
    n_waiting: usize,
}

impl<A> Wheel<A> {
    pub fn new() -> Self {
        let slots = std::iter::repeat_with(Vec::new).take(SLOTS).collect();
        Self { slots, occupied: [0; SLOTS / 64], next: 0, n_waiting: 0 }
    }

    pub fn arm(&mut self, due: Moment, alarm: A) {
        let tick = due.mono_us.div_ceil(TICK_US).max(self.next);
        let slot = (tick % SLOTS as u64) as usize;
        self.slots[slot].push(Entry { tick, alarm });
        self.occupied[slot / 64] |= 1 << (slot % 64);
        self.n_waiting += 1;
    }

    /// When to look again. Alarms more than a round away make it look once a round.
    pub fn next_due_us(&self) -> Option<u64> {
        if self.n_waiting == 0 {
            return None;
        }
        let start = (self.next % SLOTS as u64) as usize;
        let ahead = (0..=SLOTS / 64).find_map(|word| {
            let at = (start / 64 + word) % (SLOTS / 64);
            let mut bits = self.occupied[at];
            if word == 0 {
                bits &= u64::MAX << (start % 64);
            }
            let slot = at * 64 + bits.trailing_zeros() as usize;
            (bits != 0).then(|| (slot + SLOTS - start) % SLOTS)
        });
        Some((self.next + ahead.unwrap_or(SLOTS) as u64) * TICK_US)
    }

    /// Everything that is due, in the order of its ticks.
    pub fn ring(&mut self, now: Moment) -> Vec<A> {
        let last = now.mono_us / TICK_US;
        let mut rung: Vec<Entry<A>> = Vec::new();
        if last < self.next {
            return Vec::new();
        }
        let n_ticks = (last - self.next + 1).min(SLOTS as u64);
        for tick in self.next..self.next + n_ticks {
            let slot = (tick % SLOTS as u64) as usize;
            if self.occupied[slot / 64] & (1 << (slot % 64)) == 0 {
                continue;
            }
            let waiting = std::mem::take(&mut self.slots[slot]);
            let (due, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|entry| entry.tick <= last);
            self.n_waiting -= due.len();
            if later.is_empty() {
                self.occupied[slot / 64] &= !(1 << (slot % 64));
            }
            self.slots[slot] = later;
            rung.extend(due);
        }
        self.next = last + 1;
        rung.sort_by_key(|entry| entry.tick);
        rung.into_iter().map(|entry| entry.alarm).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn every_alarm_rings_once_never_early_and_within_a_tick(dues in proptest::collection::vec(0u64..400_000, 1..60), start in 0u64..100_000) {
            let mut wheel = Wheel::new();
            wheel.ring(Moment::at_ms(start));
            for due in &dues {
                wheel.arm(Moment::at_ms(start + due), start + due);
            }
            let mut n_rung = 0;
            while let Some(at) = wheel.next_due_us() {
                let now = Moment { mono_us: at, ..Moment::default() };
                for due in wheel.ring(now) {
                    assert!(due * 1000 <= at && at < due * 1000 + TICK_US + 20_000, "due {due} ms rang at {at} us");
                    n_rung += 1;
                }
            }
            assert_eq!(n_rung, dues.len());
        }
    }
}
