//! Who guesses passwords has to wait, longer each time: by account and by address. Pure; `now` is an argument.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};

use shared::time::UtcMs;

/// Wrong guesses that cost nothing.
const FREE_FOR_ACCOUNT: u32 = 5;
/// An office stands behind one address, so an address is given more.
const FREE_FOR_ADDRESS: u32 = 30;
const LONGEST_WAIT_S: u64 = 900;
/// Without a guess for so long, everything is forgiven.
const FORGIVEN_AFTER_MS: i64 = 3_600_000;
/// How many accounts and how many addresses are remembered.
const REMEMBERED: usize = 20_000;

/// Counts guesses. A guess is counted before the password is looked at, so that a hundred at once are a hundred.
#[derive(Debug, Default)]
pub struct Backoff {
    accounts: Guesses<String>,
    addresses: Guesses<IpAddr>,
}

impl Backoff {
    /// Takes a guess into account and lets it through, or says how many seconds to wait.
    ///
    /// # Errors
    /// With the seconds to wait; such a guess is not counted and must not be looked at.
    pub fn begin(&mut self, login: &str, from: IpAddr, now: UtcMs) -> Result<(), u64> {
        let (account, address) = (account_key(login), address_key(from));
        let wait = self.accounts.wait_s(&account, now).max(self.addresses.wait_s(&address, now));
        if wait > 0 {
            return Err(wait);
        }
        self.accounts.count(account, FREE_FOR_ACCOUNT, now);
        self.addresses.count(address, FREE_FOR_ADDRESS, now);
        Ok(())
    }

    /// The guess was right: the account is forgiven, the address gets this one guess back.
    pub fn succeeded(&mut self, login: &str, from: IpAddr) {
        self.accounts.forget(&account_key(login));
        self.addresses.take_back(&address_key(from), FREE_FOR_ADDRESS);
    }

    /// The guess could not be looked at, because the database is away: nobody is blamed.
    pub fn undecided(&mut self, login: &str, from: IpAddr) {
        self.accounts.take_back(&account_key(login), FREE_FOR_ACCOUNT);
        self.addresses.take_back(&address_key(from), FREE_FOR_ADDRESS);
    }
}

fn account_key(login: &str) -> String {
    login.to_lowercase().chars().take(64).collect()
}

/// Whoever has one IPv6 address has a whole /64 of them.
fn address_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

#[derive(Debug)]
struct Guesses<K> {
    of: HashMap<K, Guessed>,
}

impl<K> Default for Guesses<K> {
    fn default() -> Self {
        Self { of: HashMap::new() }
    }
}

#[derive(Clone, Copy, Debug)]
struct Guessed {
    times: u32,
    last: UtcMs,
    closed_until: UtcMs,
}

impl<K: Eq + Hash + Clone> Guesses<K> {
    fn wait_s(&self, key: &K, now: UtcMs) -> u64 {
        let closed_until = self.of.get(key).map_or(now, |guessed| guessed.closed_until);
        u64::try_from(closed_until.ms_since(now)).map_or(0, |ms| ms.div_ceil(1000))
    }

    fn count(&mut self, key: K, free: u32, now: UtcMs) {
        if self.of.len() >= REMEMBERED && !self.of.contains_key(&key) {
            self.make_room(now);
        }
        let guessed = self.of.entry(key).or_insert(Guessed { times: 0, last: now, closed_until: now });
        if now.ms_since(guessed.last) > FORGIVEN_AFTER_MS {
            guessed.times = 0;
        }
        guessed.times = guessed.times.saturating_add(1);
        guessed.last = now;
        guessed.closed_until = UtcMs(now.0 + wait_after(guessed.times, free) as i64 * 1000);
    }

    fn take_back(&mut self, key: &K, free: u32) {
        if let Some(guessed) = self.of.get_mut(key) {
            guessed.times = guessed.times.saturating_sub(1);
            guessed.closed_until = UtcMs(guessed.last.0 + wait_after(guessed.times, free) as i64 * 1000);
        }
    }

    fn forget(&mut self, key: &K) {
        self.of.remove(key);
    }

    /// Forgets who may be forgiven; when nobody may, those who were quiet the longest.
    fn make_room(&mut self, now: UtcMs) {
        self.of.retain(|_, guessed| now.ms_since(guessed.last) <= FORGIVEN_AFTER_MS);
        if self.of.len() >= REMEMBERED {
            let mut quiet: Vec<UtcMs> = self.of.values().map(|guessed| guessed.last).collect();
            quiet.sort_unstable();
            let middle = quiet[quiet.len() / 2];
            self.of.retain(|_, guessed| guessed.last > middle);
        }
    }
}

/// 1, 2, 4 … seconds, once the free guesses are used up.
fn wait_after(times: u32, free: u32) -> u64 {
    let Some(beyond) = times.checked_sub(free) else { return 0 };
    1_u64.checked_shl(beyond).unwrap_or(LONGEST_WAIT_S).min(LONGEST_WAIT_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn address(n: u32) -> IpAddr {
        IpAddr::V4(std::net::Ipv4Addr::from_bits(0x0a00_0000 + n))
    }

    fn at(s: i64) -> UtcMs {
        UtcMs(s * 1000)
    }

    #[test]
    fn who_guesses_one_account_waits_longer_each_time_whatever_the_address() {
        let mut backoff = Backoff::default();
        for n in 0..5 {
            assert_eq!(backoff.begin("anna", address(n), at(0)), Ok(()), "guess {n}");
        }
        assert_eq!(backoff.begin("Anna", address(9), at(0)), Err(1));
        assert_eq!(backoff.begin("anna", address(9), at(1)), Ok(()));
        assert_eq!(backoff.begin("anna", address(9), at(1)), Err(2));
        assert_eq!(backoff.begin("boris", address(9), at(1)), Ok(()));
    }

    #[test]
    fn who_guesses_many_accounts_from_one_address_is_stopped_as_well() {
        let mut backoff = Backoff::default();
        for n in 0..30 {
            assert_eq!(backoff.begin(&format!("user{n}"), HOME, at(0)), Ok(()));
        }
        assert_eq!(backoff.begin("user31", HOME, at(0)), Err(1));
    }

    #[test]
    fn the_right_password_forgives_the_account_but_not_the_address() {
        let mut backoff = Backoff::default();
        for n in 0..29 {
            backoff.begin(&format!("user{n}"), HOME, at(0)).unwrap();
        }
        backoff.begin("anna", HOME, at(0)).unwrap();
        backoff.succeeded("anna", HOME);
        assert_eq!(backoff.begin("boris", HOME, at(0)), Ok(()));
        assert_eq!(backoff.begin("vera", HOME, at(0)), Err(1));
    }

    #[test]
    fn a_database_that_is_away_blames_nobody() {
        let mut backoff = Backoff::default();
        for _ in 0..100 {
            backoff.begin("anna", HOME, at(0)).unwrap();
            backoff.undecided("anna", HOME);
        }
        assert_eq!(backoff.begin("anna", HOME, at(0)), Ok(()));
    }

    #[test]
    fn the_wait_never_exceeds_a_quarter_of_an_hour() {
        assert_eq!(wait_after(5, 5), 1);
        assert_eq!(wait_after(5 + 9, 5), 512);
        assert_eq!(wait_after(u32::MAX, 5), LONGEST_WAIT_S);
    }

    #[test]
    fn a_flood_of_accounts_stays_within_its_memory() {
        let mut backoff = Backoff::default();
        for n in 0..(REMEMBERED as u32 * 2) {
            let _ = backoff.begin(&format!("user{n}"), address(n), at(i64::from(n) / 100));
        }
        assert!(backoff.accounts.of.len() <= REMEMBERED);
        assert!(backoff.addresses.of.len() <= REMEMBERED);
    }

    #[test]
    fn a_whole_ipv6_network_counts_as_one_guesser() {
        let (one, other) = ("2001:db8::1".parse().unwrap(), "2001:db8::ffff:1".parse().unwrap());
        assert_eq!(address_key(one), address_key(other));
    }
}
