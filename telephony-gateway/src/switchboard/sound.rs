//! What the switchboard asks of the sound. The relay does it; a test's floor pretends.

use crate::net::relay::{OpenPort, PortId, Relay, RelayError, RemoteMedia};

pub trait Sound: Send {
    /// A pair of ports for one leg.
    ///
    /// # Errors
    /// When no port is left.
    fn open(&self) -> Result<OpenPort, RelayError>;
    fn advertised(&self) -> std::net::IpAddr;
    fn set_remote(&self, port: PortId, media: RemoteMedia);
    fn bridge(&self, one: PortId, other: PortId);
    fn play_music(&self, port: PortId);
    fn close(&self, port: PortId);
}

impl Sound for Relay {
    fn open(&self) -> Result<OpenPort, RelayError> {
        Self::open(self)
    }

    fn advertised(&self) -> std::net::IpAddr {
        Self::advertised(self)
    }

    fn set_remote(&self, port: PortId, media: RemoteMedia) {
        Self::set_remote(self, port, media);
    }

    fn bridge(&self, one: PortId, other: PortId) {
        Self::bridge(self, one, other);
    }

    fn play_music(&self, port: PortId) {
        Self::play_music(self, port);
    }

    fn close(&self, port: PortId) {
        Self::close(self, port);
    }
}
