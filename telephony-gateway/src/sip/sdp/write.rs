//! Our offers and answers.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use shared::pii::SecretBytes;
use smallvec::SmallVec;

use super::{AudioSession, Codec, CodecChoice, Crypto, Direction, SdpError, Suite};

/// Our own side of a session.
#[derive(Clone, Copy, Debug)]
pub struct Ours<'a> {
    /// Where we listen.
    pub address: SocketAddr,
    /// The codecs we take, best first.
    pub codecs: &'a [Codec],
    pub direction: Direction,
    /// `o=`: the same number for the whole dialog.
    pub session_id: u64,
    /// `o=`: one more at every change.
    pub version: u64,
    /// With this our offer is sealed (RTP/SAVP), and our answer to an offer that is; to one in the open it is nothing.
    pub key: Option<OurKey<'a>>,
}

/// What we seal with.
#[derive(Clone, Copy, Debug)]
pub struct OurKey<'a> {
    /// What we offer. In an answer theirs is taken.
    pub suite: Suite,
    /// Key and salt, 30 bytes, of this leg alone.
    pub key: &'a SecretBytes,
}

/// The tag of the one key that we offer.
pub(super) const OUR_TAG: u32 = 1;

/// Our description, with telephone events and packets of 20 ms.
pub fn offer(ours: &Ours<'_>) -> Vec<u8> {
    let mut text = header(ours);
    let choices: SmallVec<[CodecChoice; 2]> =
        ours.codecs.iter().map(|&codec| CodecChoice { codec, payload_type: codec.payload_type() }).collect();
    let stream = Stream {
        port: ours.address.port(),
        codecs: &choices,
        telephone_event: Some(101),
        direction: ours.direction,
        crypto: ours.key.map(|OurKey { suite, key }| Crypto { tag: OUR_TAG, suite, key: key.clone() }),
    };
    stream.write(&mut text);
    text.into_bytes()
}

/// Our answer: one codec of theirs under their number, the direction that suits both, and every other stream refused.
///
/// # Errors
/// When no codec is common, or they want it sealed and we have no key.
pub fn answer(theirs: &AudioSession, ours: &Ours<'_>) -> Result<Vec<u8>, SdpError> {
    let choice = theirs.pick(ours.codecs).ok_or(SdpError::NoCommonCodec)?;
    let crypto = match (theirs.secure, &theirs.crypto, ours.key) {
        (false, _, _) => None,
        (true, Some(Crypto { tag, suite, .. }), Some(OurKey { key, .. })) => {
            Some(Crypto { tag: *tag, suite: *suite, key: key.clone() })
        }
        (true, None, _) | (true, _, None) => return Err(SdpError::NoCommonKey),
    };
    let stream = Stream {
        port: ours.address.port(),
        codecs: &[choice],
        telephone_event: theirs.telephone_event,
        direction: theirs.wanted_direction().reversed().and(ours.direction),
        crypto,
    };
    let mut text = header(ours);
    for (at, line) in theirs.streams.iter().enumerate() {
        if at == theirs.audio_at {
            stream.write(&mut text);
        } else {
            refused(&mut text, line);
        }
    }
    Ok(text.into_bytes())
}

fn header(ours: &Ours<'_>) -> String {
    let mut text = String::with_capacity(256);
    let (ip, family) = (ours.address.ip(), family(ours.address.ip()));
    let (id, version) = (ours.session_id, ours.version);
    // Writing into a String cannot fail.
    let _ = write!(text, "v=0\r\no=- {id} {version} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n");
    text
}

/// The audio stream as we write it.
struct Stream<'a> {
    port: u16,
    codecs: &'a [CodecChoice],
    telephone_event: Option<u8>,
    direction: Direction,
    crypto: Option<Crypto>,
}

impl Stream<'_> {
    fn write(&self, text: &mut String) {
        let protocol = if self.crypto.is_some() { "RTP/SAVP" } else { "RTP/AVP" };
        let _ = write!(text, "m=audio {} {protocol}", self.port);
        for payload_type in self.codecs.iter().map(|c| c.payload_type).chain(self.telephone_event) {
            let _ = write!(text, " {payload_type}");
        }
        text.push_str("\r\n");
        if let Some(crypto) = &self.crypto {
            crypto.write(text);
        }
        for choice in self.codecs {
            let _ = write!(text, "a=rtpmap:{} {}/8000\r\n", choice.payload_type, choice.codec.name());
        }
        if let Some(event) = self.telephone_event {
            let _ = write!(text, "a=rtpmap:{event} telephone-event/8000\r\na=fmtp:{event} 0-16\r\n");
        }
        let _ = write!(text, "a=ptime:20\r\na={}\r\n", self.direction.name());
    }
}

/// The same `m=` line with port 0 (RFC 3264 §6), its formats kept.
fn refused(text: &mut String, stream: &str) {
    let mut words = stream.split_ascii_whitespace();
    let (media, _, protocol) = (words.next().unwrap_or("audio"), words.next(), words.next().unwrap_or("RTP/AVP"));
    let _ = write!(text, "m={media} 0 {protocol}");
    for format in words.take(1) {
        let _ = write!(text, " {format}");
    }
    text.push_str("\r\n");
}

const fn family(ip: IpAddr) -> &'static str {
    match ip {
        IpAddr::V4(_) => "IP4",
        IpAddr::V6(_) => "IP6",
    }
}
