//! What the signalling core is told once, at start: who we are, who may call us, and how much we bear.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::event::Transport;
use super::login::Login;
use super::registration::Register;

/// Everything the [`Stack`](super::Stack) must know before the first datagram.
#[derive(Clone, Debug)]
pub struct StackConfig {
    /// The text of `User-Agent` and `Server`.
    pub user_agent: String,
    /// The number of this gateway; it stands in every tag and branch we mint.
    pub node: u8,
    /// For a local address, the address under which others reach us (NAT, several interfaces).
    /// A local address that is not listed is advertised as it is.
    pub advertised: HashMap<SocketAddr, SocketAddr>,
    /// The digest realm, and the host of the phones' addresses of record.
    pub realm: String,
    pub timers: Timers,
    pub trunks: Vec<Trunk>,
    pub registration: RegistrationLimits,
    pub limits: Limits,
    /// How often an established conversation is asked whether it is still there (OPTIONS within the dialog).
    /// A peer that lost the call, or that answers nothing, ends the leg. `None` switches the question off.
    pub check_dialogs_every: Option<Duration>,
    /// After this long without a final answer our own INVITE is cancelled (RFC 3261 §16.6, timer C).
    pub longest_ring: Duration,
    /// How long a conversation lasts without a sign of life that also the proxies on its way see (RFC 4028); whole
    /// seconds, at least 90.
    pub session_interval: Duration,
}

impl Default for StackConfig {
    fn default() -> Self {
        Self {
            user_agent: "Pult".to_owned(),
            node: 0,
            advertised: HashMap::new(),
            realm: "pult".to_owned(),
            timers: Timers::default(),
            trunks: Vec::new(),
            registration: RegistrationLimits::default(),
            limits: Limits::default(),
            check_dialogs_every: Some(Duration::from_secs(300)),
            longest_ring: Duration::from_secs(180),
            session_interval: Duration::from_secs(1800),
        }
    }
}

/// The base timers of RFC 3261 §17.1.1.1; all others follow from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// The estimated round trip: first retransmission.
    pub t1: Duration,
    /// The longest pause between retransmissions.
    pub t2: Duration,
    /// How long a message may stay in the network.
    pub t4: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) }
    }
}

impl Timers {
    /// 64·T1: how long a transaction waits for its answer (timers B, F, H, J, L, M).
    pub const fn patience(&self) -> Duration {
        self.t1.saturating_mul(64)
    }
}

/// A carrier or a PBX which is known by the addresses it calls from.
#[derive(Clone, Debug, Default)]
pub struct Trunk {
    pub name: Arc<str>,
    /// Requests from these networks belong to the trunk, without further authentication.
    pub sources: Vec<Network>,
    /// Where our own requests to the trunk go; `None` for a trunk that only calls us.
    pub address: Option<SocketAddr>,
    /// Over what they go there.
    pub transport: Transport,
    /// How often its address is asked for a sign of life.
    pub options_every: Option<Duration>,
    /// Whether `P-Asserted-Identity` from it is believed (RFC 3325: inside the trust domain).
    pub trusted: bool,
    /// The host of our requests and of our name there; without one, bare addresses.
    pub domain: Option<String>,
    /// Where our caller's number stands.
    pub caller_id: CallerId,
    /// Who we are there; without one its challenges are not answered.
    pub login: Option<Login>,
    /// We register there, so that it knows where to call us. Needs a login.
    pub register: Option<Register>,
    /// Whether the sound is encrypted (SDES). Carried for who describes the sound; the signalling does not look at it.
    pub secure: Secure,
}

impl Trunk {
    /// Whether requests from this address are the trunk's.
    pub fn calls_from(&self, address: IpAddr) -> bool {
        self.sources.iter().any(|net| net.contains(address))
    }

    /// Whether answers from this address are the trunk's: it calls from there, or is called there.
    pub fn is_at(&self, address: IpAddr) -> bool {
        self.calls_from(address) || self.address.is_some_and(|at| at.ip().to_canonical() == address.to_canonical())
    }

    /// The user part of our own address there; a login such as `user@provider` has the provider cut off.
    pub fn account(&self) -> Option<&str> {
        let login = self.login.as_ref()?;
        login.user.split('@').next().filter(|user| !user.is_empty())
    }
}

/// Where a trunk looks for the number of who calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallerId {
    /// In From.
    #[default]
    From,
    /// In `P-Asserted-Identity` (RFC 3325); From is our account.
    Asserted,
}

/// Whether a trunk's or a phone's sound is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Secure {
    #[default]
    No,
    /// Offered; plain sound is taken as well.
    Offer,
    /// A call without it is refused.
    Require,
}

/// An address block: `10.0.0.0/8`, `2001:db8::/32`, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{written}` is no network: expected an address such as 10.1.2.3, or a block such as 10.1.0.0/16")]
pub struct NetworkError {
    written: String,
}

impl Network {
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(it)) => {
                same_prefix(u128::from(net.to_bits()) << 96, u128::from(it.to_bits()) << 96, self.prefix)
            }
            (IpAddr::V6(net), IpAddr::V6(it)) => same_prefix(net.to_bits(), it.to_bits(), self.prefix),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl std::str::FromStr for Network {
    type Err = NetworkError;

    fn from_str(written: &str) -> Result<Self, NetworkError> {
        let error = || NetworkError { written: written.to_owned() };
        let (address, prefix) = match written.trim().split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (written.trim(), None),
        };
        let address: IpAddr = address.parse().map_err(|_| error())?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse::<u8>().ok().filter(|p| *p <= widest).ok_or_else(error)?,
            None => widest,
        };
        Ok(Self { address, prefix })
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self { address, prefix: if address.is_ipv4() { 32 } else { 128 } }
    }
}

/// Whether two addresses, laid against the left edge of 128 bits, agree in their first `prefix` bits.
fn same_prefix(one: u128, other: u128, prefix: u8) -> bool {
    prefix == 0 || (one ^ other) >> (128 - u32::from(prefix)) == 0
}

/// How phones may register.
#[derive(Clone, Debug)]
pub struct RegistrationLimits {
    pub shortest_expiry_s: u32,
    pub longest_expiry_s: u32,
    /// A phone behind NAT over UDP must come back this often, so that the hole stays open.
    pub longest_expiry_behind_nat_s: u32,
    /// A connection on which nothing is said for a quarter of an hour is closed: a phone must come back before.
    pub longest_expiry_on_connection_s: u32,
    /// How long a challenge may be answered.
    pub nonce_lifetime: Duration,
    /// After so many wrong passwords the account, or the address, has to wait; longer each time.
    pub free_guesses: u32,
    pub longest_backoff: Duration,
}

impl Default for RegistrationLimits {
    fn default() -> Self {
        Self {
            shortest_expiry_s: 30,
            longest_expiry_s: 3600,
            longest_expiry_behind_nat_s: 120,
            longest_expiry_on_connection_s: 600,
            nonce_lifetime: Duration::from_secs(300),
            free_guesses: 5,
            longest_backoff: Duration::from_secs(900),
        }
    }
}

/// What we bear before we say 503 or drop.
#[derive(Clone, Debug)]
pub struct Limits {
    pub legs: usize,
    pub transactions: usize,
    pub message_bytes: usize,
    /// Challenges whose counter we remember, and addresses and accounts whose guesses we count.
    pub remembered_peers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { legs: 20_000, transactions: 100_000, message_bytes: 65_535, remembered_peers: 20_000 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trunk_is_known_by_its_block_and_by_nothing_beside_it() {
        let block: Network = "192.0.2.0/28".parse().unwrap();
        assert!(block.contains("192.0.2.15".parse().unwrap()));
        assert!(!block.contains("192.0.2.16".parse().unwrap()));
        assert!(block.contains("::ffff:192.0.2.1".parse().unwrap()), "the same address through a dual-stack socket");
        assert!(!block.contains("2001:db8::1".parse().unwrap()));
        let v6: Network = "2001:db8::/32".parse().unwrap();
        assert!(v6.contains("2001:db8:ffff::1".parse().unwrap()));
        assert!(!v6.contains("2001:db9::1".parse().unwrap()));
        assert!("0.0.0.0/0".parse::<Network>().unwrap().contains("8.8.8.8".parse().unwrap()));
    }

    #[test]
    fn a_mistyped_block_is_named_in_the_complaint() {
        for written in ["10.0.0.0/33", "10.0.0/8", "trunk.example.org", "", "::/129", "10.0.0.1/-1"] {
            let complaint = written.parse::<Network>().unwrap_err().to_string();
            assert!(complaint.contains(written), "{complaint}");
        }
    }
}
