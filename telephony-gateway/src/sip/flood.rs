//! How much one address may send us, decided before a message is read.
//!
//! [`Flood::admit`] looks at the address and at the first word. Whoever we know has an allowance of their own that no
//! stranger can use up: a trunk by its networks, a telephone's address for as long as it is registered and a while
//! longer. A stranger has a small allowance ([`FloodLimits::stranger_per_s`]), and all strangers together have one,
//! because an address over UDP can be made up. What is remembered of strangers has a fixed size.
//!
//! An allowance is a token bucket, kept as one number: the moment at which it will be full again (GCRA, the virtual
//! scheduling algorithm of ITU-T I.371). A bucket that is full again says nothing, so forgetting it loses nothing.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use shared::time::Moment;

use super::config::Network;
use super::sets::Sets;

/// Strangers whose allowance is remembered: 24 bytes each.
const STRANGERS: usize = 16_384;
/// How long the address of a telephone that is no longer registered keeps its allowance: it comes back from there.
const KNOWN_AFTERWARDS: Duration = Duration::from_secs(3600);
/// How many such addresses are kept.
const LEFT: usize = 20_000;
/// An allowance not used for so long is whole: telephones of an office wake up at once.
const PHONE_BURST_S: u64 = 4;

/// Messages a second. What each allowance may be overdrawn by at once is named beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FloodLimits {
    /// One address that we do not know; an IPv6 network of 64 bits counts as one.
    pub stranger_per_s: u32,
    /// What it may send at once.
    pub stranger_burst: u32,
    /// All of them together; twice as much at once.
    pub strangers_per_s: u32,
    /// The address of registered telephones, for each of them.
    pub phone_per_s: u32,
    /// One trunk; what it may send in one second it may send at once.
    pub trunk_per_s: u32,
}

impl Default for FloodLimits {
    fn default() -> Self {
        Self { stranger_per_s: 20, stranger_burst: 100, strangers_per_s: 1000, phone_per_s: 100, trunk_per_s: 20_000 }
    }
}

/// Whose allowance is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    Trunk,
    Phone,
    /// This one stranger.
    Stranger,
    /// All strangers together.
    Strangers,
}

/// What a message is about, as far as its first word tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Somebody wants something new: INVITE, REGISTER, OPTIONS and whatever else.
    Opening,
    /// Belongs to something that goes on: an answer, ACK, BYE, CANCEL.
    Ongoing,
}

impl Sort {
    /// Reads the first word and nothing else.
    pub fn of(message: &[u8]) -> Self {
        const ONGOING: [&[u8]; 7] = [b"SIP/2.0 ", b"ACK ", b"BYE ", b"CANCEL ", b"UPDATE ", b"INFO ", b"PRACK "];
        if ONGOING.iter().any(|word| message.starts_with(word)) { Self::Ongoing } else { Self::Opening }
    }
}

/// The allowances of everybody.
pub struct Flood {
    limits: FloodLimits,
    trunks: Vec<(Vec<Network>, Bucket)>,
    phones: HashMap<IpAddr, Phones>,
    n_left: usize,
    strangers: Sets<Bucket>,
    together: Bucket,
}

/// The telephones of one address.
struct Phones {
    n: u32,
    /// When the last of them went.
    left: Option<Moment>,
    bucket: Bucket,
}

impl Flood {
    /// `trunks` has the networks of each trunk. The seed must be secret.
    pub fn new(limits: FloodLimits, trunks: Vec<Vec<Network>>, seed: [u8; 16]) -> Self {
        Self {
            limits,
            trunks: trunks.into_iter().map(|networks| (networks, Bucket::default())).collect(),
            phones: HashMap::new(),
            n_left: 0,
            strangers: Sets::new(STRANGERS, seed),
            together: Bucket::default(),
        }
    }

    /// How many telephones are registered from this address now; they have proved who they are.
    pub fn phones_at(&mut self, address: IpAddr, n: u32, now: Moment) {
        let address = address.to_canonical();
        if n == 0 {
            let Some(phones) = self.phones.get_mut(&address).filter(|phones| phones.left.is_none()) else { return };
            phones.left = Some(now);
            self.n_left += 1;
            self.forget_the_long_gone(now);
            return;
        }
        let phones = self.phones.entry(address).or_insert(Phones { n, left: None, bucket: Bucket::default() });
        self.n_left -= usize::from(phones.left.take().is_some());
        phones.n = n;
    }

    /// Makes room when too many have left: who left long ago, or else the half that left first.
    fn forget_the_long_gone(&mut self, now: Moment) {
        if self.n_left <= LEFT {
            return;
        }
        let mut left: Vec<Moment> = self.phones.values().filter_map(|phones| phones.left).collect();
        left.sort_unstable();
        let middle = left[left.len() / 2];
        self.phones
            .retain(|_, phones| phones.left.is_none_or(|left| left > middle && now.since(left) < KNOWN_AFTERWARDS));
        self.n_left = self.phones.values().filter(|phones| phones.left.is_some()).count();
    }

    /// Takes one message out of the sender's allowance.
    ///
    /// # Errors
    /// When it is used up: the message is not to be looked at.
    pub fn admit(&mut self, from: IpAddr, sort: Sort, now: Moment) -> Result<(), Over> {
        let from = from.to_canonical();
        let limits = self.limits;
        let trunk = self.trunks.iter_mut().find(|(networks, _)| networks.iter().any(|net| net.contains(from)));
        if let Some((_, bucket)) = trunk {
            let rate = Rate::new(limits.trunk_per_s.into(), limits.trunk_per_s.into());
            return if bucket.take(rate, sort, now) { Ok(()) } else { Err(Over::Trunk) };
        }
        let lately = |phones: &&mut Phones| phones.left.is_none_or(|left| now.since(left) < KNOWN_AFTERWARDS);
        if let Some(phones) = self.phones.get_mut(&from).filter(lately) {
            let per_s = u64::from(limits.phone_per_s) * u64::from(phones.n);
            let rate = Rate::new(per_s, per_s * PHONE_BURST_S);
            return if phones.bucket.take(rate, sort, now) { Ok(()) } else { Err(Over::Phone) };
        }
        let rate = Rate::new(limits.stranger_per_s.into(), limits.stranger_burst.into());
        let own = self.strangers.entry(&network_of(from), Bucket::default(), |bucket| bucket.full_at_ns);
        if !own.take(rate, Sort::Ongoing, now) {
            return Err(Over::Stranger);
        }
        let rate = Rate::new(limits.strangers_per_s.into(), u64::from(limits.strangers_per_s) * 2);
        if self.together.take(rate, sort, now) { Ok(()) } else { Err(Over::Strangers) }
    }
}

/// Whoever has one IPv6 address has a whole /64 of them (RFC 6177).
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

#[derive(Clone, Copy, Debug)]
struct Rate {
    /// What one message costs, in time.
    cost_ns: u64,
    /// How far the bucket may be overdrawn.
    depth_ns: u64,
}

impl Rate {
    fn new(per_s: u64, burst: u64) -> Self {
        let cost_ns = 1_000_000_000 / per_s.max(1);
        Self { cost_ns, depth_ns: cost_ns * burst.max(1) }
    }
}

/// A token bucket: when it will be full again.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    full_at_ns: u64,
}

impl Bucket {
    /// The last quarter is kept for what goes on already: a flood of new calls does not cost anybody the end of a talk.
    fn take(&mut self, rate: Rate, sort: Sort, now: Moment) -> bool {
        let now_ns = now.mono_us.saturating_mul(1000);
        let full_at_ns = self.full_at_ns.max(now_ns) + rate.cost_ns;
        let depth_ns = match sort {
            Sort::Opening => (rate.depth_ns / 4 * 3).max(rate.cost_ns),
            Sort::Ongoing => rate.depth_ns,
        };
        let admitted = full_at_ns - now_ns <= depth_ns;
        if admitted {
            self.full_at_ns = full_at_ns;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: FloodLimits =
        FloodLimits { stranger_per_s: 10, stranger_burst: 20, strangers_per_s: 100, phone_per_s: 50, trunk_per_s: 400 };

    fn flood() -> Flood {
        Flood::new(LIMITS, vec![vec!["192.0.2.0/28".parse().unwrap()]], [3; 16])
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// How many of `n` messages of one address, all in the same millisecond, are taken.
    fn taken(flood: &mut Flood, from: IpAddr, sort: Sort, n: usize, at_ms: u64) -> usize {
        (0..n).filter(|_| flood.admit(from, sort, Moment::at_ms(at_ms)).is_ok()).count()
    }

    #[test]
    fn a_stranger_may_knock_and_not_hammer() {
        let (mut flood, stranger) = (flood(), address("203.0.113.9"));
        assert_eq!(taken(&mut flood, stranger, Sort::Opening, 1000, 0), 20);
        assert_eq!(flood.admit(stranger, Sort::Opening, Moment::at_ms(0)), Err(Over::Stranger));
        assert_eq!(taken(&mut flood, stranger, Sort::Opening, 1000, 500), 5, "ten a second");
        assert_eq!(taken(&mut flood, stranger, Sort::Opening, 1000, 10_000), 20, "and whoever rests may begin anew");
    }

    #[test]
    fn a_whole_ipv6_network_is_one_stranger() {
        let mut flood = flood();
        let taken = (0..1000_u32)
            .filter(|n| {
                let from = address(&format!("2001:db8::{n:x}"));
                flood.admit(from, Sort::Opening, Moment::at_ms(0)).is_ok()
            })
            .count();
        assert_eq!(taken, 20);
        assert!(flood.admit(address("2001:db8:0:1::1"), Sort::Opening, Moment::at_ms(0)).is_ok());
    }

    #[test]
    fn thousands_of_made_up_addresses_leave_the_carrier_and_the_telephones_untouched() {
        let (mut flood, phone) = (flood(), address("198.51.100.7"));
        flood.phones_at(phone, 1, Moment::at_ms(0));
        let mut taken_of_strangers = 0;
        for n in 0..100_000_u32 {
            let now = Moment::at_ms(u64::from(n) / 100);
            let made_up = IpAddr::from(std::net::Ipv4Addr::from_bits(0x0a00_0000 + n));
            taken_of_strangers += u32::from(flood.admit(made_up, Sort::Opening, now).is_ok());
        }
        assert!((150..=250).contains(&taken_of_strangers), "{taken_of_strangers}: a hundred a second, and the burst");
        let now = Moment::at_ms(999);
        assert_eq!(flood.admit(address("10.200.0.1"), Sort::Opening, now), Err(Over::Strangers));
        assert_eq!(flood.admit(phone, Sort::Opening, now), Ok(()));
        assert_eq!(flood.admit(address("192.0.2.3"), Sort::Opening, now), Ok(()));
    }

    #[test]
    fn a_stranger_who_hammers_is_remembered_through_a_flood_of_others() {
        let (mut flood, hammerer) = (Flood::new(FloodLimits::default(), vec![], [3; 16]), address("203.0.113.9"));
        taken(&mut flood, hammerer, Sort::Opening, 1000, 0);
        for n in 0..200_000_u32 {
            let made_up = IpAddr::from(std::net::Ipv4Addr::from_bits(0x0a00_0000 + n));
            _ = flood.admit(made_up, Sort::Opening, Moment::at_ms(1));
        }
        assert_eq!(flood.admit(hammerer, Sort::Opening, Moment::at_ms(2)), Err(Over::Stranger));
    }

    #[test]
    fn an_office_behind_one_address_has_an_allowance_for_each_of_its_telephones() {
        let (mut flood, office) = (flood(), address("198.51.100.7"));
        flood.phones_at(office, 30, Moment::at_ms(0));
        assert_eq!(taken(&mut flood, office, Sort::Ongoing, 100_000, 0), 30 * 50 * 4);
        assert_eq!(flood.admit(office, Sort::Ongoing, Moment::at_ms(0)), Err(Over::Phone));
    }

    #[test]
    fn new_calls_leave_room_for_the_end_of_those_that_go_on() {
        let (mut flood, carrier) = (flood(), address("192.0.2.3"));
        assert_eq!(taken(&mut flood, carrier, Sort::Opening, 1000, 0), 300);
        assert_eq!(taken(&mut flood, carrier, Sort::Ongoing, 1000, 0), 100);
        assert_eq!(Sort::of(b"BYE sip:a@b SIP/2.0\r\n"), Sort::Ongoing);
        assert_eq!(Sort::of(b"SIP/2.0 200 OK\r\n"), Sort::Ongoing);
        assert_eq!(Sort::of(b"INVITE sip:a@b SIP/2.0\r\n"), Sort::Opening);
        assert_eq!(Sort::of(b"\0\xff"), Sort::Opening);
    }

    #[test]
    fn a_telephone_that_left_is_known_for_an_hour_and_those_who_left_first_make_room() {
        let (mut flood, phone) = (flood(), address("198.51.100.7"));
        flood.phones_at(phone, 1, Moment::at_ms(0));
        flood.phones_at(phone, 0, Moment::at_ms(0));
        assert_eq!(taken(&mut flood, phone, Sort::Opening, 1000, 1), 150, "it may come back");
        assert_eq!(taken(&mut flood, phone, Sort::Opening, 1000, 3_600_001), 20, "a stranger again");
        for n in 0..(3 * LEFT as u32) {
            let one = IpAddr::from(std::net::Ipv4Addr::from_bits(0x0a00_0000 + n));
            flood.phones_at(one, 1, Moment::at_ms(5));
            flood.phones_at(one, 0, Moment::at_ms(5 + u64::from(n)));
            assert!(flood.phones.len() <= LEFT + 1);
        }
        assert_eq!(flood.n_left, flood.phones.len());
    }
}
