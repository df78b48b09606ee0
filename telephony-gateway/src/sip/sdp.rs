//! What sound is offered and what is taken (RFC 4566, 3264), for one audio stream.
//!
//! [`AudioSession::parse`] reads the other side's description, [`answer`] says what we take of it, [`offer`] writes
//! ours (`write.rs`). Only what the gateway can carry survives: G.711 A and µ, telephone events beside it, and all of it
//! sealed where keys are told (`crypto.rs`). [`find_description`] finds a description in a message's body.

mod body;
mod crypto;
#[cfg(test)]
mod tests;
mod write;

use std::net::{IpAddr, SocketAddr};

use smallvec::SmallVec;

pub use self::body::find_description;
pub use self::crypto::{Crypto, KEY_AND_SALT_LEN, Suite};
pub use self::write::{OurKey, Ours, answer, offer};

/// Descriptions longer than this, or with more streams, are bombs and not calls.
const LONGEST_DESCRIPTION: usize = 16 * 1024;
const MOST_STREAMS: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Codec {
    Pcma,
    Pcmu,
}

impl Codec {
    pub const ALL: [Self; 2] = [Self::Pcma, Self::Pcmu];

    /// The payload type that RFC 3551 gives it.
    pub const fn payload_type(self) -> u8 {
        match self {
            Self::Pcma => 8,
            Self::Pcmu => 0,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcma => "PCMA",
            Self::Pcmu => "PCMU",
        }
    }
}

/// Who may speak, as the writer of the description sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    #[default]
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    /// The same, seen from the other side.
    #[must_use]
    pub const fn reversed(self) -> Self {
        match self {
            Self::SendOnly => Self::RecvOnly,
            Self::RecvOnly => Self::SendOnly,
            Self::SendRecv | Self::Inactive => self,
        }
    }

    /// What is left when both sides have their say: `other` is given from the same point of view.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        match (self.sends() && other.sends(), self.receives() && other.receives()) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }
}

/// A codec and the payload type under which this description knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodecChoice {
    pub codec: Codec,
    pub payload_type: u8,
}

/// The audio stream of a description, offer or answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioSession {
    /// Where its writer listens. Port 0 refuses the stream; an unspecified address (RFC 2543) is an old way to hold.
    pub address: SocketAddr,
    /// What the gateway can carry of what is offered, in the writer's order of preference.
    pub codecs: SmallVec<[CodecChoice; 2]>,
    /// The payload type of telephone events (RFC 4733), at 8000 Hz.
    pub telephone_event: Option<u8>,
    pub direction: Direction,
    pub ptime_ms: Option<u32>,
    /// Whether the sound is to be sealed (RTP/SAVP), and with which key its writer seals it: the first of its keys that
    /// we can use. None as well for a sealed stream that is refused.
    pub secure: bool,
    pub crypto: Option<Crypto>,
    /// All `m=` lines in their order, so that an answer has one line for each (RFC 3264 §6).
    streams: SmallVec<[Box<str>; 1]>,
    /// Which of them is the audio.
    audio_at: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    #[error("the description is longer than {LONGEST_DESCRIPTION} bytes")]
    TooLong,
    #[error("the description has more than {MOST_STREAMS} streams")]
    TooManyStreams,
    #[error("the description does not begin with v=0")]
    NotSdp,
    #[error("the description has no audio stream over RTP/AVP or RTP/SAVP")]
    NoAudio,
    #[error("the audio stream has no readable address")]
    NoAddress,
    #[error("none of the codecs offered is G.711")]
    NoCommonCodec,
    #[error(
        "the sound is to be sealed (RTP/SAVP), and there is no key for AES_CM_128_HMAC_SHA1_80 or _32 to do it with"
    )]
    NoCommonKey,
}

impl SdpError {
    /// The SIP answer to such a description.
    pub const fn code(self) -> u16 {
        match self {
            Self::NoAudio | Self::NoCommonCodec | Self::NoCommonKey => 488,
            Self::TooLong | Self::TooManyStreams | Self::NotSdp | Self::NoAddress => 400,
        }
    }
}

impl AudioSession {
    /// Reads a description. Bytes that are no UTF-8 are tolerated where nobody looks (`s=`, `i=`, `o=`).
    pub fn parse(description: &[u8]) -> Result<Self, SdpError> {
        if description.len() > LONGEST_DESCRIPTION {
            return Err(SdpError::TooLong);
        }
        let text = String::from_utf8_lossy(description);
        let mut lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
        if lines.next() != Some("v=0") {
            return Err(SdpError::NotSdp);
        }
        let mut reading = Reading::default();
        for line in lines {
            reading.line(line)?;
        }
        reading.finish()
    }

    /// Whether the other side keeps us waiting: it sends nothing we could hear, or listens nowhere.
    pub const fn is_hold(&self) -> bool {
        !self.direction.receives() || self.address.ip().is_unspecified() || self.address.port() == 0
    }

    /// Whether this may answer an offer of ours that was sealed with this suite, or open.
    ///
    /// # Errors
    /// When it is sealed otherwise (RFC 4568 section 5.1.3): then one side would hear noise.
    pub fn answers(&self, offered: Option<Suite>) -> Result<(), SdpError> {
        let fits = match (offered, &self.crypto) {
            _ if self.address.port() == 0 => true,
            (None, None) => !self.secure,
            (Some(suite), Some(crypto)) => crypto.suite == suite && crypto.tag == write::OUR_TAG,
            (None, Some(_)) | (Some(_), None) => false,
        };
        if fits { Ok(()) } else { Err(SdpError::NoCommonKey) }
    }

    /// Who may speak, with the old way to hold counted in: at an address of zeros nobody listens (RFC 3264 section 8.4).
    fn wanted_direction(&self) -> Direction {
        if self.address.ip().is_unspecified() { self.direction.and(Direction::SendOnly) } else { self.direction }
    }

    /// The first codec of theirs that is also among ours.
    pub fn pick(&self, ours: &[Codec]) -> Option<CodecChoice> {
        self.codecs.iter().copied().find(|choice| ours.contains(&choice.codec))
    }
}

/// What is known half-way through a description.
#[derive(Default)]
struct Reading {
    session_address: Option<IpAddr>,
    session_direction: Option<Direction>,
    streams: SmallVec<[Box<str>; 1]>,
    audio: Option<AudioLines>,
    /// Lines now belong to the audio stream that we take, to the session, or to a stream that we leave alone.
    inside: Section,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Section {
    #[default]
    Session,
    Audio,
    Other,
}

struct AudioLines {
    at: usize,
    port: u16,
    formats: SmallVec<[u8; 8]>,
    address: Option<IpAddr>,
    direction: Option<Direction>,
    ptime_ms: Option<u32>,
    mapped: SmallVec<[(u8, Mapped); 8]>,
    secure: bool,
    crypto: Option<Crypto>,
}

impl AudioLines {
    /// Whether a later audio stream may take this one's place.
    fn is_of_no_use(&self) -> bool {
        self.port == 0 || (self.secure && self.crypto.is_none())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mapped {
    Codec(Codec),
    TelephoneEvent,
    Other,
}

impl Reading {
    fn line(&mut self, line: &str) -> Result<(), SdpError> {
        let Some((kind, value)) = line.split_once('=') else { return Ok(()) };
        match kind {
            "m" => self.stream(value)?,
            "c" => self.connection(value),
            "a" => self.attribute(value),
            _ => {}
        }
        Ok(())
    }

    fn stream(&mut self, value: &str) -> Result<(), SdpError> {
        if self.streams.len() == MOST_STREAMS {
            return Err(SdpError::TooManyStreams);
        }
        self.streams.push(value.into());
        let mut words = value.split_ascii_whitespace();
        let (media, port, protocol) = (words.next(), words.next(), words.next());
        let port = port.and_then(|p| p.split('/').next()).and_then(|p| p.parse::<u16>().ok());
        self.inside = Section::Other;
        let secure = match protocol {
            Some("RTP/AVP") => Some(false),
            Some("RTP/SAVP") => Some(true),
            _ => None,
        };
        if let (Some("audio"), Some(port), Some(secure)) = (media, port, secure)
            && self.audio.as_ref().is_none_or(|audio| audio.is_of_no_use() && port != 0)
        {
            self.inside = Section::Audio;
            self.audio = Some(AudioLines {
                at: self.streams.len() - 1,
                port,
                formats: words.filter_map(|f| f.parse().ok()).filter(|f| *f < 128).take(32).collect(),
                address: None,
                direction: None,
                ptime_ms: None,
                mapped: SmallVec::new(),
                secure,
                crypto: None,
            });
        }
        Ok(())
    }

    fn connection(&mut self, value: &str) {
        let address = parse_address(value);
        match (self.inside, &mut self.audio) {
            (Section::Session, _) => self.session_address = address.or(self.session_address),
            (Section::Audio, Some(audio)) => audio.address = address.or(audio.address),
            (Section::Audio, None) | (Section::Other, _) => {}
        }
    }

    fn attribute(&mut self, value: &str) {
        let direction = match value {
            "sendrecv" => Some(Direction::SendRecv),
            "sendonly" => Some(Direction::SendOnly),
            "recvonly" => Some(Direction::RecvOnly),
            "inactive" => Some(Direction::Inactive),
            _ => None,
        };
        match (self.inside, &mut self.audio) {
            (Section::Session, _) => self.session_direction = direction.or(self.session_direction),
            (Section::Audio, Some(audio)) => {
                audio.direction = direction.or(audio.direction);
                if let Some(map) = value.strip_prefix("rtpmap:") {
                    audio.mapped.extend(parse_rtpmap(map));
                } else if let Some(ptime) = value.strip_prefix("ptime:") {
                    audio.ptime_ms = ptime.trim().parse().ok().filter(|ms| (1..=200).contains(ms));
                } else if let (true, None, Some(told)) = (audio.secure, &audio.crypto, value.strip_prefix("crypto:")) {
                    audio.crypto = Crypto::parse(told);
                }
            }
            (Section::Audio, None) | (Section::Other, _) => {}
        }
    }

    fn finish(self) -> Result<AudioSession, SdpError> {
        let audio = self.audio.ok_or(SdpError::NoAudio)?;
        let address = audio.address.or(self.session_address).ok_or(SdpError::NoAddress)?;
        let mut codecs = SmallVec::new();
        let mut telephone_event = None;
        for &format in &audio.formats {
            let mapped = audio.mapped.iter().find(|(pt, _)| *pt == format).map(|(_, mapped)| *mapped);
            match mapped.or_else(|| static_type(format)) {
                Some(Mapped::Codec(codec)) => {
                    if !codecs.iter().any(|c: &CodecChoice| c.codec == codec) {
                        codecs.push(CodecChoice { codec, payload_type: format });
                    }
                }
                Some(Mapped::TelephoneEvent) => telephone_event = telephone_event.or(Some(format)),
                Some(Mapped::Other) | None => {}
            }
        }
        if codecs.is_empty() && audio.port != 0 {
            return Err(SdpError::NoCommonCodec);
        }
        if audio.secure && audio.crypto.is_none() && audio.port != 0 {
            return Err(SdpError::NoCommonKey);
        }
        Ok(AudioSession {
            address: SocketAddr::new(address, audio.port),
            codecs,
            telephone_event,
            direction: audio.direction.or(self.session_direction).unwrap_or_default(),
            ptime_ms: audio.ptime_ms,
            secure: audio.secure,
            crypto: audio.crypto,
            streams: self.streams,
            audio_at: audio.at,
        })
    }
}

/// `IN IP4 192.0.2.1`, `IN IP6 2001:db8::1`, with a multicast suffix cut off.
fn parse_address(value: &str) -> Option<IpAddr> {
    let mut words = value.split_ascii_whitespace();
    let (Some("IN"), Some(family), Some(address)) = (words.next(), words.next(), words.next()) else { return None };
    let address = address.split('/').next().unwrap_or(address);
    let address: IpAddr = address.parse().ok()?;
    let fits = matches!((family, address), ("IP4", IpAddr::V4(_)) | ("IP6", IpAddr::V6(_)));
    (fits && !address.is_multicast()).then_some(address)
}

/// `8 PCMA/8000/1` → payload type and what it stands for.
fn parse_rtpmap(map: &str) -> Option<(u8, Mapped)> {
    let (payload_type, encoding) = map.trim().split_once([' ', '\t'])?;
    let mut parts = encoding.trim().split('/');
    let (name, rate, channels) = (parts.next()?, parts.next()?.trim(), parts.next());
    let narrow_mono = rate == "8000" && channels.is_none_or(|c| c.trim() == "1");
    let mapped = match name {
        _ if !narrow_mono => Mapped::Other,
        name if name.eq_ignore_ascii_case("PCMA") => Mapped::Codec(Codec::Pcma),
        name if name.eq_ignore_ascii_case("PCMU") => Mapped::Codec(Codec::Pcmu),
        name if name.eq_ignore_ascii_case("telephone-event") => Mapped::TelephoneEvent,
        _ => Mapped::Other,
    };
    Some((payload_type.parse().ok().filter(|pt| *pt < 128)?, mapped))
}

/// Payload types that need no `rtpmap` (RFC 3551 §6).
const fn static_type(payload_type: u8) -> Option<Mapped> {
    match payload_type {
        0 => Some(Mapped::Codec(Codec::Pcmu)),
        8 => Some(Mapped::Codec(Codec::Pcma)),
        _ => None,
    }
}
