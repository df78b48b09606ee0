//! Who guesses passwords waits, longer each time.
//!
//! Guesses are counted by address and by account. An account that is guessed at from elsewhere does not lock out the
//! phone which is registered: its own address is asked only for its own guesses. Guessers are remembered in a table of
//! fixed size; a crowd of new ones makes us forget who guessed least, at the same cost however many they are.

use std::net::IpAddr;
use std::time::Duration;

use shared::time::Moment;

use super::flood::network_of;
use super::sets::Sets;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Suspect {
    Address(IpAddr),
    Account(Box<[u8]>),
}

impl Suspect {
    /// Whoever is behind this address; an IPv6 network of 64 bits is one guesser.
    pub fn at(address: IpAddr) -> Self {
        Self::Address(network_of(address))
    }
}

#[derive(Clone, Copy, Debug)]
struct Record {
    guesses: u32,
    last: Moment,
}

pub struct Guard {
    free_guesses: u32,
    longest: Duration,
    records: Sets<Record>,
}

impl Guard {
    /// The seed must be secret.
    pub fn new(free_guesses: u32, longest: Duration, most: usize, seed: [u8; 16]) -> Self {
        Self { free_guesses, longest, records: Sets::new(most, seed) }
    }

    /// How long this suspect still has to wait.
    pub fn wait(&self, suspect: &Suspect, now: Moment) -> Option<Duration> {
        let record = self.records.get(suspect)?;
        let pause = self.pause(record.guesses)?;
        let passed = now.since(record.last);
        (passed < pause).then(|| pause - passed)
    }

    /// One second after the last free guess, then twice as long each time.
    fn pause(&self, guesses: u32) -> Option<Duration> {
        let beyond = guesses.checked_sub(self.free_guesses)?;
        Some(Duration::from_secs(1u64 << beyond.min(30)).min(self.longest))
    }

    pub fn wrong(&mut self, suspect: &Suspect, now: Moment) {
        let longest = self.longest;
        // Whoever kept still for long is forgiven already.
        let worth = |record: &Record| match now.since(record.last) < longest {
            true => (u64::from(record.guesses) << 32) + (record.last.mono_us / 1_000_000).min(0xffff_ffff),
            false => 0,
        };
        let record = self.records.entry(suspect, Record { guesses: 0, last: now }, worth);
        // A suspect who kept still for as long as the longest pause begins anew.
        if now.since(record.last) >= longest {
            record.guesses = 0;
        }
        *record = Record { guesses: record.guesses.saturating_add(1), last: now };
    }

    pub fn right(&mut self, suspect: &Suspect) {
        self.records.remove(suspect);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(last: u8) -> Suspect {
        Suspect::Address(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn each_wrong_guess_costs_twice_the_wait_of_the_one_before() {
        let mut guard = Guard::new(3, Duration::from_secs(60), 10, [5; 16]);
        let mut now = Moment::at_ms(0);
        let mut waits = Vec::new();
        for _ in 0..10 {
            guard.wrong(&from(1), now);
            let wait = guard.wait(&from(1), now).unwrap_or_default();
            waits.push(wait.as_secs());
            now = now.after(wait);
        }
        assert_eq!(waits, [0, 0, 1, 2, 4, 8, 16, 32, 60, 0], "and whoever waits the longest begins anew");
        assert_eq!(guard.wait(&from(2), now), None);
    }

    #[test]
    fn a_crowd_of_guessers_is_counted_in_bounded_memory() {
        let mut guard = Guard::new(1, Duration::from_secs(60), 5, [5; 16]);
        for last in 0..=255 {
            guard.wrong(&from(7), Moment::at_ms(u64::from(last)));
            guard.wrong(&from(last), Moment::at_ms(u64::from(last)));
        }
        assert_eq!(guard.records.len(), 8, "as many as one set has places");
        assert!(guard.wait(&from(7), Moment::at_ms(300)).is_some(), "the busiest guesser is not forgotten");
    }

    #[test]
    fn a_guesser_with_a_whole_ipv6_network_is_one_guesser() {
        let at = |address: &str| Suspect::at(address.parse().unwrap());
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:1"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:192.0.2.7"), at("192.0.2.7"));
    }
}
