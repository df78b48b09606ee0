//! The first door of SIP: whether a message is looked at at all.
//!
//! [`Flood`] decides by the sender's address, before a byte is copied, queued or read; here it gets its clock, its
//! lock and its counters. The doors of UDP and TCP ask; the switchboard tells where registered telephones are.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metrics::Counter;
use shared::time::{Moment, UtcMs};

use crate::config::{SipConfig, TrunkConfig};
use crate::sip::Network;
use crate::sip::flood::{Flood, FloodLimits, Over, Sort};

/// A flood is told this often, and not once for each of its messages.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// The allowances of everybody. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Admission {
    inner: Arc<Mutex<Inner>>,
    origin: Instant,
}

struct Inner {
    flood: Flood,
    refused: Refused,
}

impl Admission {
    pub fn new(config: &SipConfig) -> Self {
        Self::with(config.flood, config.trunks.iter().map(networks).collect())
    }

    fn with(limits: FloodLimits, trunks: Vec<Vec<Network>>) -> Self {
        let flood = Flood::new(limits, trunks, rand::random());
        let inner = Inner { flood, refused: Refused::default() };
        Self { inner: Arc::new(Mutex::new(inner)), origin: Instant::now() }
    }

    /// Whether this message may come in. `false`: it is not to be looked at.
    pub fn admits(&self, from: IpAddr, message: &[u8], arrived: Instant) -> bool {
        let now = self.moment(arrived);
        let mut inner = self.inner();
        match inner.flood.admit(from, Sort::of(message), now) {
            Ok(()) => true,
            Err(over) => {
                inner.refused.count(over, from, arrived);
                false
            }
        }
    }

    /// The configuration has changed, or the addresses of a trunk have.
    pub fn change(&self, limits: FloodLimits, trunks: Vec<Vec<Network>>) {
        self.inner().flood.change(limits, trunks);
    }

    /// So many telephones are registered from this address now.
    pub fn phones_at(&self, address: IpAddr, n: u32) {
        let now = self.moment(Instant::now());
        self.inner().flood.phones_at(address, n, now);
    }

    /// Allowances measure spans alone, so that the time of day plays no part.
    fn moment(&self, at: Instant) -> Moment {
        let mono_us = at.saturating_duration_since(self.origin).as_micros() as u64;
        Moment { mono_us, utc_ms: UtcMs(0) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything that a trunk sends from, and is sent to.
fn networks(trunk: &TrunkConfig) -> Vec<Network> {
    let sources = trunk.sources.iter().filter_map(|source| source.parse().ok());
    sources.chain(trunk.address.map(|address| Network::from(address.ip()))).collect()
}

/// Counts what was refused, and says so now and then.
struct Refused {
    counters: [Counter; 4],
    since_told: u64,
    told_at: Option<Instant>,
}

impl Default for Refused {
    fn default() -> Self {
        let counter = |of| metrics::counter!("sip_flood_refused_total", "of" => of);
        let counters = ["trunk", "phone", "stranger", "strangers"].map(counter);
        Self { counters, since_told: 0, told_at: None }
    }
}

impl Refused {
    fn count(&mut self, over: Over, from: IpAddr, now: Instant) {
        self.counters[over as usize].increment(1);
        self.since_told += 1;
        if self.told_at.is_none_or(|at| now.saturating_duration_since(at) >= TOLD_EVERY) {
            tracing::warn!(%from, whose = ?over, refused = self.since_told, "SIP messages are dropped: too many a second");
            (self.told_at, self.since_told) = (Some(now), 0);
        }
    }
}

#[cfg(test)]
impl Admission {
    /// Lets everybody in whom the usual limits let in.
    pub fn usual() -> Self {
        Self::with(FloodLimits::default(), Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registered_telephone_is_let_in_when_its_strange_neighbour_is_not() {
        let admission = Admission::usual();
        let (phone, neighbour) = ("192.0.2.7".parse().unwrap(), "192.0.2.8".parse().unwrap());
        let now = Instant::now();
        admission.phones_at(phone, 1);
        let taken = |from| (0..250).filter(|_| admission.admits(from, b"OPTIONS sip:a@b SIP/2.0\r\n", now)).count();
        assert_eq!((taken(phone), taken(neighbour)), (250, 100));
        admission.phones_at(phone, 0);
        assert!(admission.admits(phone, b"REGISTER sip:b SIP/2.0\r\n", now), "it may come back");
    }
}
