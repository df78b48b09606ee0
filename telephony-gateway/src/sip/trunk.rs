//! Which trunk a request comes from, and whether a trunk is alive.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::config::Trunk;

/// The trunks with what their pings have shown.
pub struct Trunks {
    list: Vec<(Trunk, Option<bool>)>,
}

impl Trunks {
    pub fn new(trunks: Vec<Trunk>) -> Self {
        Self { list: trunks.into_iter().map(|trunk| (trunk, None)).collect() }
    }

    /// The trunk to which this address belongs; the first in the list wins.
    pub fn by_source(&self, address: IpAddr) -> Option<&Trunk> {
        self.list.iter().map(|(trunk, _)| trunk).find(|trunk| trunk.sources.iter().any(|net| net.contains(address)))
    }

    /// Whether this address lies inside the trust domain (RFC 3325 §2.3).
    pub fn trusts(&self, address: SocketAddr) -> bool {
        let mut trunks = self.list.iter().map(|(trunk, _)| trunk);
        trunks.any(|trunk| trunk.trusted && trunk.address == Some(address))
            || self.by_source(address.ip()).is_some_and(|trunk| trunk.trusted)
    }

    pub fn get(&self, index: usize) -> Option<&Trunk> {
        self.list.get(index).map(|(trunk, _)| trunk)
    }

    pub const fn n_trunks(&self) -> usize {
        self.list.len()
    }

    /// Notes a ping's outcome; the name comes back when it differs from the last one.
    pub fn heard(&mut self, index: usize, alive: bool) -> Option<Arc<str>> {
        let (trunk, state) = self.list.get_mut(index)?;
        let changed = state.replace(alive) != Some(alive);
        changed.then(|| trunk.name.clone())
    }
}
