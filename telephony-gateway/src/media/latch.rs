//! Whom a port listens to: symmetric RTP without an open door.
//!
//! A phone behind NAT sends from another address than the one it signalled, so the address is learned from what
//! arrives. It is learned once, near the signalled one, and then the port is deaf to everybody else: nobody can
//! draw the talk to himself by sending a packet (rtpbleed) or speak into it from aside. Only a new offer or answer
//! ([`Latch::reopen`]) opens the learning again.
//!
//! For a phone whose SDP names a private address, signalling gives the address its SIP came from.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use shared::time::Moment;

/// How long a stream must be silent before the same address may go on with another SSRC. Carriers change it between
/// the ringback tone and the talk without a word; an injector finds a talk that is never silent for so long.
const SSRC_HANDOVER: Duration = Duration::from_millis(200);

/// How long the signalled address itself may still correct what a faster neighbour has taught. Later nobody can, not
/// even with a forged address.
const CORRECTION: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub struct Latch {
    signalled: SocketAddr,
    source: Option<Source>,
    /// Whether the next packet from near may teach another address than `source`.
    learning: bool,
}

#[derive(Clone, Copy, Debug)]
struct Source {
    address: SocketAddr,
    ssrc: u32,
    learned_at: Moment,
    heard_at: Moment,
}

impl Latch {
    pub fn new(signalled: SocketAddr) -> Self {
        Self { signalled, source: None, learning: true }
    }

    /// A new offer or answer: the address is learned anew. One that only repeats the old one (a session refreshed,
    /// a hold ended) leaves the sound going where it went until then.
    pub fn reopen(&mut self, signalled: SocketAddr) {
        let source = self.source.filter(|_| signalled == self.signalled);
        *self = Self { signalled, source, learning: true };
    }

    /// Where to send: the learned address, the signalled one until something was learned.
    pub fn address(&self) -> SocketAddr {
        self.source.map_or(self.signalled, |source| source.address)
    }

    /// Whether a packet belongs to this party.
    pub fn admits(&mut self, from: SocketAddr, ssrc: u32, now: Moment) -> bool {
        let admitted = match self.source {
            _ if self.learning => is_near(from.ip(), self.signalled.ip()),
            Some(source) if from == source.address => {
                ssrc == source.ssrc || now.since(source.heard_at) >= SSRC_HANDOVER
            }
            // Whoever came first was only near; the signalled address itself is the better witness.
            Some(source) => {
                from == self.signalled && source.address != from && now.since(source.learned_at) < CORRECTION
            }
            None => false,
        };
        if admitted {
            let same = self.source.filter(|source| source.address == from);
            let learned_at = same.map_or(now, |source| source.learned_at);
            self.source = Some(Source { address: from, ssrc, learned_at, heard_at: now });
            self.learning = false;
        }
        admitted
    }
}

/// The same host, or a neighbour in its network: carriers spread their media over such.
fn is_near(from: IpAddr, signalled: IpAddr) -> bool {
    match (from, signalled) {
        (IpAddr::V4(from), IpAddr::V4(signalled)) => from.octets()[..3] == signalled.octets()[..3],
        (IpAddr::V6(from), IpAddr::V6(signalled)) => from.octets()[..8] == signalled.octets()[..8],
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNALLED: &str = "192.0.2.10:4000";

    fn at(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    /// Each step: from where, with which SSRC, at which millisecond, and whether it is let in.
    fn check(steps: &[(&str, u32, u64, bool)]) -> Latch {
        let mut latch = Latch::new(at(SIGNALLED));
        for &(from, ssrc, ms, expected) in steps {
            assert_eq!(latch.admits(at(from), ssrc, Moment::at_ms(ms)), expected, "{from} {ssrc} at {ms} ms");
        }
        latch
    }

    #[test]
    fn a_phone_behind_nat_is_found_at_the_port_it_sends_from() {
        let latch = check(&[("192.0.2.10:31337", 1, 0, true), ("192.0.2.10:31337", 1, 20, true)]);
        assert_eq!(latch.address(), at("192.0.2.10:31337"));
    }

    #[test]
    fn a_stranger_far_away_never_draws_the_talk_to_himself() {
        let latch = check(&[("203.0.113.5:4000", 1, 0, false), ("[2001:db8::1]:4000", 1, 0, false)]);
        assert_eq!(latch.address(), at(SIGNALLED));
    }

    #[test]
    fn once_learned_even_a_neighbour_is_refused() {
        check(&[
            (SIGNALLED, 1, 0, true),
            ("192.0.2.10:4002", 1, 20, false),
            ("192.0.2.11:4000", 1, 10_000, false),
            (SIGNALLED, 1, 10_020, true),
        ]);
    }

    #[test]
    fn a_packet_with_a_forged_address_needs_the_stream_s_own_ssrc() {
        check(&[
            (SIGNALLED, 1, 0, true),
            (SIGNALLED, 2, 10, false),
            (SIGNALLED, 1, 20, true),
            (SIGNALLED, 2, 219, false),
        ]);
    }

    #[test]
    fn a_carrier_may_go_from_ringback_to_talk_with_a_new_ssrc() {
        check(&[(SIGNALLED, 1, 0, true), (SIGNALLED, 2, 200, true), (SIGNALLED, 1, 220, false)]);
    }

    #[test]
    fn the_signalled_address_wins_over_a_neighbour_who_was_faster() {
        let latch = check(&[("192.0.2.77:9", 1, 0, true), (SIGNALLED, 2, 20, true), ("192.0.2.77:9", 1, 40, false)]);
        assert_eq!(latch.address(), at(SIGNALLED));
    }

    #[test]
    fn a_forged_signalled_address_comes_too_late_in_a_talk() {
        check(&[("192.0.2.10:31337", 1, 0, true), ("192.0.2.10:31337", 1, 1990, true), (SIGNALLED, 2, 2000, false)]);
    }

    #[test]
    fn a_new_answer_opens_the_learning_again() {
        let mut latch = check(&[(SIGNALLED, 1, 0, true)]);
        latch.reopen(at("198.51.100.1:6000"));
        assert!(!latch.admits(at(SIGNALLED), 1, Moment::at_ms(20)));
        assert!(latch.admits(at("198.51.100.1:6000"), 3, Moment::at_ms(40)));
    }

    #[test]
    fn a_refreshed_session_does_not_lose_a_phone_behind_nat_for_a_moment() {
        let mut latch = check(&[("192.0.2.10:31337", 1, 0, true)]);
        latch.reopen(at(SIGNALLED));
        assert_eq!(latch.address(), at("192.0.2.10:31337"));
        assert!(latch.admits(at("192.0.2.10:40404"), 9, Moment::at_ms(20)), "its router has given it another port");
        assert_eq!(latch.address(), at("192.0.2.10:40404"));
    }
}
