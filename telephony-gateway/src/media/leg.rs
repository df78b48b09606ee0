//! One party's sound: whom to listen to, what to count, and the one stream that goes back.
//!
//! A datagram comes in through [`Leg::receive`], which says what was heard; the leg of the other party takes it
//! through [`Leg::forward`], and music through [`Leg::play`]. What they answer is a packet and where it goes.

use std::{net::SocketAddr, time::Duration};

use shared::time::Moment;

use super::{
    g711::Codec,
    latch::Latch,
    playback::Piece,
    quality::{Meter, Sent, Stats},
    rtp::{self, HEADER_LEN, Header, Outgoing},
};

/// A party that says nothing for so long, while somebody is there to hear it, is reported once.
pub const SILENCE: Duration = Duration::from_secs(5);

/// What signalling has agreed with the party.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteMedia {
    /// Where its SDP wants the sound; for a phone behind NAT, the address its SIP came from.
    pub rtp: SocketAddr,
    /// What it is sent. It is understood in either law.
    pub payload: Codec,
    /// The payload type of RFC 4733 keys, if it takes them.
    pub telephone_event: Option<u8>,
    /// Whether it wants to hear us (its SDP is sendrecv or recvonly).
    pub receiving: bool,
    /// Whether it may speak (its SDP is sendrecv or sendonly).
    pub sending: bool,
}

/// A packet that belongs to this party.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard<'d> {
    pub header: Header,
    pub sound: Sound,
    pub payload: &'d [u8],
    /// Nothing was heard from this party before.
    pub first: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sound {
    Voice(Codec),
    /// A key of the phone as RFC 4733 sends it.
    Key,
}

#[derive(Debug)]
pub struct Leg {
    party: Option<Party>,
    meter: Meter,
    outgoing: Outgoing,
    sent: Sent,
    heard_at: Option<Moment>,
    silence: Silence,
}

#[derive(Debug)]
struct Party {
    media: RemoteMedia,
    latch: Latch,
}

/// Whether somebody waits for this party's sound.
#[derive(Clone, Copy, Debug)]
enum Silence {
    Nobody,
    Since(Moment),
    Told,
}

impl Leg {
    pub fn new(outgoing: Outgoing) -> Self {
        Self {
            party: None,
            meter: Meter::default(),
            outgoing,
            sent: Sent::default(),
            heard_at: None,
            silence: Silence::Nobody,
        }
    }

    /// An offer or answer of the party: its address is learned anew.
    pub fn set_remote(&mut self, media: RemoteMedia) {
        match &mut self.party {
            Some(party) => {
                party.media = media;
                party.latch.reopen(media.rtp);
            }
            None => self.party = Some(Party { media, latch: Latch::new(media.rtp) }),
        }
    }

    /// Reads a datagram. None when it is not this party's sound: the sender gets no answer, the count tells.
    pub fn receive<'d>(&mut self, datagram: &'d [u8], from: SocketAddr, now: Moment) -> Option<Heard<'d>> {
        let heard = self.admit(datagram, from, now);
        match &heard {
            Some(heard) => {
                self.meter.count(heard.header, heard.payload.len());
                self.heard_at = Some(now);
                if !matches!(self.silence, Silence::Nobody) {
                    self.silence = Silence::Since(now);
                }
            }
            None => self.meter.refuse(),
        }
        heard
    }

    fn admit<'d>(&mut self, datagram: &'d [u8], from: SocketAddr, now: Moment) -> Option<Heard<'d>> {
        let party = self.party.as_mut().filter(|party| party.media.sending)?;
        let packet = rtp::parse(datagram).ok()?;
        let payload_type = packet.header.payload_type;
        let sound = match Codec::of_payload_type(payload_type) {
            Some(codec) => Sound::Voice(codec),
            None if party.media.telephone_event == Some(payload_type) => Sound::Key,
            None => return None,
        };
        if packet.payload.is_empty() || !party.latch.admits(from, packet.header.ssrc, now) {
            return None;
        }
        Some(Heard { header: packet.header, sound, payload: packet.payload, first: self.heard_at.is_none() })
    }

    /// Sends this party what another one said. Gives the length of the packet written to `out` and where it goes;
    /// none when this party does not want it or would not understand it.
    pub fn forward(&mut self, heard: &Heard<'_>, now: Moment, out: &mut [u8]) -> Option<(usize, SocketAddr)> {
        let (media, to) = self.listener()?;
        let body = out.get_mut(HEADER_LEN..HEADER_LEN + heard.payload.len())?;
        let payload_type = match heard.sound {
            Sound::Voice(codec) => {
                codec.transcode(media.payload, heard.payload, body);
                media.payload.payload_type()
            }
            Sound::Key => {
                body.copy_from_slice(heard.payload);
                media.telephone_event?
            }
        };
        let header = self.outgoing.follow(Header { payload_type, ..heard.header }, now);
        Some((self.write(header, heard.payload.len(), out), to))
    }

    /// Sends this party a piece of a recording.
    pub fn play(&mut self, piece: &Piece, now: Moment, out: &mut [u8]) -> Option<(usize, SocketAddr)> {
        let (media, to) = self.listener()?;
        let body = out.get_mut(HEADER_LEN..HEADER_LEN + piece.samples.len())?;
        for (byte, &sample) in body.iter_mut().zip(&piece.samples) {
            *byte = media.payload.encode(sample);
        }
        let header = Header { payload_type: media.payload.payload_type(), ..piece.header };
        let header = self.outgoing.follow(header, now);
        Some((self.write(header, piece.samples.len(), out), to))
    }

    /// What comes next to this party's ear comes from somebody else.
    pub fn change_feed(&mut self) {
        self.outgoing.change_feed();
    }

    /// From now on somebody waits for this party's sound.
    pub fn await_sound(&mut self, now: Moment) {
        self.silence = Silence::Since(now);
    }

    pub fn await_nothing(&mut self) {
        self.silence = Silence::Nobody;
    }

    /// For how long the party has said nothing though it should; once for each silence.
    pub fn notice_silence(&mut self, now: Moment) -> Option<Duration> {
        let speaks = self.party.as_ref().is_some_and(|party| party.media.sending);
        match self.silence {
            // On hold it is right to be silent: the wait begins when the hold is over.
            Silence::Since(_) if !speaks => self.silence = Silence::Since(now),
            Silence::Since(since) if now.since(since) >= SILENCE => {
                self.silence = Silence::Told;
                return Some(now.since(since));
            }
            Silence::Since(_) | Silence::Told | Silence::Nobody => {}
        }
        None
    }

    pub fn stats(&self) -> Stats {
        Stats { received: self.meter.received(), sent: self.sent }
    }

    fn listener(&self) -> Option<(RemoteMedia, SocketAddr)> {
        let party = self.party.as_ref().filter(|party| party.media.receiving)?;
        let to = party.latch.address();
        // An address of zeros was how RFC 2543 said hold; port zero says that the medium is refused.
        (!to.ip().is_unspecified() && to.port() != 0).then_some((party.media, to))
    }

    fn write(&mut self, header: Header, payload_len: usize, out: &mut [u8]) -> usize {
        out[..HEADER_LEN].copy_from_slice(&header.to_bytes());
        self.sent.packets += 1;
        self.sent.bytes += payload_len as u64;
        HEADER_LEN + payload_len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLER: &str = "192.0.2.1:4000";
    const AGENT: &str = "192.0.2.2:5000";

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn media(rtp: &str, payload: Codec) -> RemoteMedia {
        RemoteMedia { rtp: address(rtp), payload, telephone_event: Some(101), receiving: true, sending: true }
    }

    fn leg(media: RemoteMedia) -> Leg {
        let mut leg = Leg::new(Outgoing::new(1, 0, 0));
        leg.set_remote(media);
        leg
    }

    fn packet(payload_type: u8, sequence: u16, payload: &[u8]) -> Vec<u8> {
        let header =
            Header { payload_type, marker: false, sequence, timestamp: u32::from(sequence) * 160, ssrc: 0xCA11 };
        [&header.to_bytes()[..], payload].concat()
    }

    /// What arrives at the agent when the caller sends this.
    fn relayed(caller: &mut Leg, agent: &mut Leg, datagram: &[u8]) -> Option<Vec<u8>> {
        let heard = caller.receive(datagram, address(CALLER), Moment::at_ms(0))?;
        let mut out = [0; 400];
        let (len, to) = agent.forward(&heard, Moment::at_ms(0), &mut out)?;
        assert_eq!(to, address(AGENT));
        Some(out[..len].to_vec())
    }

    #[test]
    fn a_caller_in_one_law_is_understood_by_an_agent_in_the_other() {
        let (mut caller, mut agent) = (leg(media(CALLER, Codec::Pcma)), leg(media(AGENT, Codec::Pcmu)));
        let said: Vec<i16> = (-80..80).map(|n| n * 300).collect();
        let in_a: Vec<u8> = said.iter().map(|&sample| Codec::Pcma.encode(sample)).collect();
        let arrived = relayed(&mut caller, &mut agent, &packet(8, 1, &in_a)).unwrap();
        let arrived = rtp::parse(&arrived).unwrap();
        assert_eq!(arrived.header.payload_type, 0);
        for (&said, &byte) in said.iter().zip(arrived.payload) {
            let heard = i32::from(Codec::Pcmu.decode(byte));
            assert!((i32::from(said) - heard).abs() <= i32::from(said).abs() / 12 + 20, "{said} became {heard}");
        }
    }

    #[test]
    fn keys_reach_the_agent_under_the_agent_s_own_payload_type() {
        let mut caller = leg(RemoteMedia { telephone_event: Some(96), ..media(CALLER, Codec::Pcma) });
        let mut agent = leg(media(AGENT, Codec::Pcma));
        let arrived = relayed(&mut caller, &mut agent, &packet(96, 1, &[5, 10, 0, 160])).unwrap();
        let arrived = rtp::parse(&arrived).unwrap();
        assert_eq!((arrived.header.payload_type, arrived.payload), (101, &[5, 10, 0, 160][..]));

        agent.set_remote(RemoteMedia { telephone_event: None, ..media(AGENT, Codec::Pcma) });
        assert_eq!(relayed(&mut caller, &mut agent, &packet(96, 2, &[5, 10, 0, 160])), None);
    }

    #[test]
    fn a_party_on_hold_is_neither_heard_nor_spoken_to() {
        let (mut caller, mut agent) = (leg(media(CALLER, Codec::Pcma)), leg(media(AGENT, Codec::Pcma)));
        agent.set_remote(RemoteMedia { receiving: false, ..media(AGENT, Codec::Pcma) });
        assert_eq!(relayed(&mut caller, &mut agent, &packet(8, 1, &[0xD5; 160])), None);
        agent.set_remote(media("0.0.0.0:5000", Codec::Pcma));
        assert_eq!(relayed(&mut caller, &mut agent, &packet(8, 2, &[0xD5; 160])), None);
        caller.set_remote(RemoteMedia { sending: false, ..media(CALLER, Codec::Pcma) });
        assert_eq!(caller.receive(&packet(8, 3, &[0xD5; 160]), address(CALLER), Moment::at_ms(0)), None);
    }

    #[test]
    fn only_the_party_s_own_sound_is_counted_as_heard() {
        let mut caller = leg(media(CALLER, Codec::Pcma));
        let mut hears = |datagram: &[u8], from| caller.receive(datagram, address(from), Moment::at_ms(0)).is_some();
        assert!(hears(&packet(8, 1, &[0xD5; 160]), CALLER));
        assert!(!hears(&packet(8, 2, &[0xD5; 160]), "203.0.113.9:4000"), "a stranger");
        assert!(!hears(&packet(18, 2, &[1; 20]), CALLER), "a codec nobody agreed on");
        assert!(!hears(&packet(8, 2, &[]), CALLER), "no sound");
        assert!(!hears(b"\x80\x08", CALLER), "torn");
        let received = caller.stats().received;
        assert_eq!((received.packets, received.bytes, received.lost, received.refused), (1, 160, 0, 4));
    }

    #[test]
    fn a_silent_party_is_noticed_once_and_again_after_it_has_spoken() {
        let mut caller = leg(media(CALLER, Codec::Pcma));
        let silent = |caller: &mut Leg, ms| caller.notice_silence(Moment::at_ms(ms)).map(|d| d.as_millis());
        assert_eq!(silent(&mut caller, 60_000), None, "nobody waits for it yet");
        caller.await_sound(Moment::at_ms(60_000));
        assert_eq!([64_999, 65_000, 66_000].map(|ms| silent(&mut caller, ms)), [None, Some(5000), None]);
        caller.receive(&packet(8, 1, &[0xD5; 160]), address(CALLER), Moment::at_ms(70_000));
        assert_eq!([74_000, 75_000].map(|ms| silent(&mut caller, ms)), [None, Some(5000)]);
    }

    #[test]
    fn a_party_on_hold_may_be_silent() {
        let mut caller = leg(RemoteMedia { sending: false, ..media(CALLER, Codec::Pcma) });
        caller.await_sound(Moment::at_ms(0));
        assert_eq!(caller.notice_silence(Moment::at_ms(60_000)), None);
        caller.set_remote(media(CALLER, Codec::Pcma));
        assert_eq!(caller.notice_silence(Moment::at_ms(64_000)), None);
        assert!(caller.notice_silence(Moment::at_ms(65_000)).is_some());
    }
}
