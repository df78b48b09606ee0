//! One party's sound: whom to listen to, what to count, and the one stream that goes back.
//!
//! A datagram comes in through [`Leg::receive`], which says what was heard; the leg of the other party takes it
//! through [`Leg::forward`], and music or a conference through [`Leg::play`]. What they answer is a packet and where it
//! goes. [`Leg::digit`] says which key was pressed, [`Leg::type_keys`] presses keys for the party to hear. With keys for
//! SRTP all of it is sealed on the way out and opened on the way in, and nothing else is heard.

mod lock;
#[cfg(test)]
mod tests;

use std::{net::SocketAddr, time::Duration};

use shared::time::Moment;

use self::lock::Lock;
use super::{
    dtmf::{Keys, Typing},
    g711::{self, Codec},
    latch::Latch,
    playback::Piece,
    quality::{Meter, Sent, Stats},
    rtp::{self, HEADER_LEN, Header, Outgoing},
    srtp::SrtpKeys,
};

/// A party that says nothing for so long, while somebody is there to hear it, is reported once.
pub const SILENCE: Duration = Duration::from_secs(5);

/// What signalling has agreed with the party.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// With these it speaks and is spoken to in SRTP alone; without them in plain RTP.
    pub keys: Option<SrtpKeys>,
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
    /// What it says reaches nobody.
    muted: bool,
    keys: Keys,
    /// While it lasts, the party hears these keys and nothing else.
    typing: Option<Typing>,
    lock: Lock,
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
            muted: false,
            keys: Keys::default(),
            typing: None,
            lock: Lock::Plain,
        }
    }

    /// An offer or answer of the party: its address is learned anew.
    pub fn set_remote(&mut self, mut media: RemoteMedia) {
        self.lock.change(media.keys.take());
        match &mut self.party {
            Some(party) => {
                party.latch.reopen(media.rtp);
                party.media = media;
            }
            None => self.party = Some(Party { latch: Latch::new(media.rtp), media }),
        }
    }

    /// What the party says reaches nobody until it is unmuted; whoever listens hears silence in its place. The keys that
    /// it presses are still keys.
    pub fn set_muted(&mut self, muted: bool) {
        self.muted = muted;
    }

    /// Reads a datagram, in place. None when it is not this party's sound: the sender gets no answer, the count tells.
    pub fn receive<'d>(&mut self, datagram: &'d mut [u8], from: SocketAddr, now: Moment) -> Option<Heard<'d>> {
        let mut heard = self.admit(datagram, from, now);
        match &mut heard {
            Some(heard) => {
                self.meter.count(heard.header, heard.payload.len());
                self.heard_at = Some(now);
                if !matches!(self.silence, Silence::Nobody) {
                    self.silence = Silence::Since(now);
                }
                if let (true, Sound::Voice(codec)) = (self.muted, heard.sound) {
                    heard.payload = g711::silence(codec, heard.payload.len());
                }
            }
            None => self.meter.refuse(),
        }
        heard
    }

    fn admit<'d>(&mut self, datagram: &'d mut [u8], from: SocketAddr, now: Moment) -> Option<Heard<'d>> {
        let party = self.party.as_mut().filter(|party| party.media.sending)?;
        // First the seal: an address is learned from nobody who has not the key.
        let len = self.lock.open(datagram)?;
        let packet = rtp::parse(&datagram[..len]).ok()?;
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

    /// The key that this packet tells, once for each press.
    pub fn digit(&mut self, heard: &Heard<'_>, now: Moment) -> Option<char> {
        match heard.sound {
            Sound::Key => self.keys.hear(heard.header, heard.payload, now),
            Sound::Voice(_) => None,
        }
    }

    /// Sends this party what another one said. Gives the length of the packet written to `out` and where it goes;
    /// none when this party does not want it or would not understand it.
    pub fn forward(&mut self, heard: &Heard<'_>, now: Moment, out: &mut [u8]) -> Option<(usize, SocketAddr)> {
        let listener = self.listener().filter(|_| self.typing.is_none())?;
        let body = out.get_mut(HEADER_LEN..HEADER_LEN + heard.payload.len())?;
        let payload_type = match heard.sound {
            Sound::Voice(codec) => {
                codec.transcode(listener.payload, heard.payload, body);
                listener.payload.payload_type()
            }
            Sound::Key => {
                body.copy_from_slice(heard.payload);
                match listener.telephone_event {
                    Some(payload_type) => payload_type,
                    None => {
                        self.outgoing.leave_out(heard.header);
                        return None;
                    }
                }
            }
        };
        let header = self.outgoing.follow(Header { payload_type, ..heard.header }, now);
        Some((self.write(header, heard.payload.len(), out)?, listener.to))
    }

    /// Sends this party a piece of a recording, or what a conference says.
    pub fn play(&mut self, piece: &Piece, now: Moment, out: &mut [u8]) -> Option<(usize, SocketAddr)> {
        let listener = self.listener().filter(|_| self.typing.is_none())?;
        let body = out.get_mut(HEADER_LEN..HEADER_LEN + piece.samples.len())?;
        for (byte, &sample) in body.iter_mut().zip(&piece.samples) {
            *byte = listener.payload.encode(sample);
        }
        let header = Header { payload_type: listener.payload.payload_type(), ..piece.header };
        let header = self.outgoing.follow(header, now);
        Some((self.write(header, piece.samples.len(), out)?, listener.to))
    }

    /// Presses keys for this party to hear, behind those that are still being pressed. False when it has agreed to no
    /// events (RFC 4733): then it could not be told.
    pub fn type_keys(&mut self, keys: &str, now: Moment) -> bool {
        if self.party.as_ref().is_none_or(|party| party.media.telephone_event.is_none()) {
            return false;
        }
        match &mut self.typing {
            Some(typing) => typing.add(keys),
            None => {
                self.typing = Some(Typing::start(keys, now)).filter(|typing| !typing.is_over());
                self.outgoing.change_feed();
            }
        }
        true
    }

    /// When the next packet of a key is due, in microseconds of the monotonic clock.
    pub fn next_key_due_us(&self) -> Option<u64> {
        self.typing.as_ref()?.next_due_us()
    }

    /// The next packet of a key, if it is due; ask until [`Leg::next_key_due_us`] lies ahead. None also for a party that
    /// is on hold: to it the keys are lost.
    pub fn press_due(&mut self, now: Moment, out: &mut [u8]) -> Option<(usize, SocketAddr)> {
        let typing = self.typing.as_mut()?;
        let stroke = typing.take_due(now);
        let is_over = typing.is_over();
        let sent = stroke.and_then(|stroke| {
            let listener = self.listener()?;
            let body = out.get_mut(HEADER_LEN..HEADER_LEN + stroke.payload.len())?;
            body.copy_from_slice(&stroke.payload);
            let header = Header { payload_type: listener.telephone_event?, ..stroke.header };
            let header = self.outgoing.follow(header, now);
            Some((self.write(header, stroke.payload.len(), out)?, listener.to))
        });
        if is_over {
            self.typing = None;
            self.outgoing.change_feed();
        }
        sent
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
        let speaks = !self.muted && self.party.as_ref().is_some_and(|party| party.media.sending);
        match self.silence {
            // On hold, or muted, it is right to be silent: the wait begins when that is over.
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

    fn listener(&self) -> Option<Listener> {
        let party = self.party.as_ref().filter(|party| party.media.receiving)?;
        let to = party.latch.address();
        // An address of zeros was how RFC 2543 said hold; port zero says that the medium is refused.
        let listens = !to.ip().is_unspecified() && to.port() != 0;
        let RemoteMedia { payload, telephone_event, .. } = party.media;
        listens.then_some(Listener { to, payload, telephone_event })
    }

    /// Writes the header before a payload that is already there, and seals both.
    fn write(&mut self, header: Header, payload_len: usize, out: &mut [u8]) -> Option<usize> {
        out[..HEADER_LEN].copy_from_slice(&header.to_bytes());
        let len = self.lock.seal(out, HEADER_LEN + payload_len)?;
        self.sent.packets += 1;
        self.sent.bytes += payload_len as u64;
        Some(len)
    }
}

/// What there is to know of a party to send it something.
struct Listener {
    to: SocketAddr,
    payload: Codec,
    telephone_event: Option<u8>,
}
