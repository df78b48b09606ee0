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
    /// Lets two parties hear each other; what either heard before ends.
    fn bridge(&self, one: PortId, other: PortId);
    /// Lets each of up to eight parties hear the sum of the others. Two are bridged. A party leaves when it is bridged,
    /// played to, silenced or closed.
    fn conference(&self, ports: &[PortId]);
    /// The party hears nothing, and what it says goes nowhere.
    fn silence(&self, port: PortId);
    /// What the party says reaches nobody until it is unmuted, whomever it is joined with meanwhile.
    fn mute(&self, port: PortId, muted: bool);
    fn play_music(&self, port: PortId);
    /// The party hears that it rings at the other end.
    fn ringback(&self, port: PortId);
    /// Presses keys (`0-9*#A-D`) for the party to hear, in the place of sound.
    fn send_digits(&self, port: PortId, digits: &str);
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

    fn conference(&self, ports: &[PortId]) {
        Self::conference(self, ports);
    }

    fn silence(&self, port: PortId) {
        Self::silence(self, port);
    }

    fn mute(&self, port: PortId, muted: bool) {
        Self::mute(self, port, muted);
    }

    fn play_music(&self, port: PortId) {
        Self::play_music(self, port);
    }

    fn ringback(&self, port: PortId) {
        Self::ringback(self, port);
    }

    fn send_digits(&self, port: PortId, digits: &str) {
        Self::send_digits(self, port, digits);
    }

    fn close(&self, port: PortId) {
        Self::close(self, port);
    }
}
