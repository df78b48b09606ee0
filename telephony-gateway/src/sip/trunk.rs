//! Which trunk a request comes from, and what is known of each: whether it answers, and whether it knows us.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::config::Trunk;
use super::login::Session;
use super::registration::Registration;

/// The trunks with what their answers have shown.
pub struct Trunks {
    list: Vec<Known>,
}

/// One trunk, and where we stand with it.
pub struct Known {
    pub trunk: Trunk,
    alive: Option<bool>,
    pub registration: Option<Registration>,
    /// Its last challenges: as the called itself (401), and as a proxy on the way (407).
    pub sessions: [Option<Session>; 2],
}

impl Trunks {
    pub fn new(trunks: Vec<Trunk>) -> Self {
        let known = |trunk| Known { trunk, alive: None, registration: None, sessions: [None, None] };
        Self { list: trunks.into_iter().map(known).collect() }
    }

    /// The trunk to which this address belongs; the first in the list wins.
    pub fn by_source(&self, address: IpAddr) -> Option<&Trunk> {
        self.list.iter().map(|known| &known.trunk).find(|trunk| trunk.calls_from(address))
    }

    /// The trunk that calls `user` from this address. Two accounts with one provider are told apart by whom it calls;
    /// otherwise the first in the list wins.
    pub fn calling(&self, address: IpAddr, user: &[u8]) -> Option<usize> {
        let here = |known: &Known| known.trunk.calls_from(address);
        let named = |known: &Known| known.trunk.account().is_some_and(|account| account.as_bytes() == user);
        let exact = self.list.iter().position(|known| here(known) && named(known));
        exact.or_else(|| self.list.iter().position(here))
    }

    pub fn by_name(&self, name: &str) -> Option<usize> {
        self.list.iter().position(|known| &*known.trunk.name == name)
    }

    /// Whether this address lies inside the trust domain (RFC 3325 §2.3).
    pub fn trusts(&self, address: SocketAddr) -> bool {
        let mut trunks = self.list.iter().map(|known| &known.trunk);
        trunks.any(|trunk| trunk.trusted && trunk.address == Some(address))
            || self.by_source(address.ip()).is_some_and(|trunk| trunk.trusted)
    }

    pub fn get(&self, index: usize) -> Option<&Trunk> {
        self.list.get(index).map(|known| &known.trunk)
    }

    pub fn known_mut(&mut self, index: usize) -> Option<&mut Known> {
        self.list.get_mut(index)
    }

    pub fn registration(&self, index: usize) -> Option<&Registration> {
        self.list.get(index)?.registration.as_ref()
    }

    pub fn registration_mut(&mut self, index: usize) -> Option<&mut Registration> {
        self.list.get_mut(index)?.registration.as_mut()
    }

    pub const fn n_trunks(&self) -> usize {
        self.list.len()
    }

    /// Notes a ping's outcome; the name comes back when it differs from the last one.
    pub fn heard(&mut self, index: usize, alive: bool) -> Option<Arc<str>> {
        let known = self.list.get_mut(index)?;
        let changed = known.alive.replace(alive) != Some(alive);
        changed.then(|| known.trunk.name.clone())
    }
}
