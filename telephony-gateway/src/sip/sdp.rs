//! What sound is offered and what is taken (RFC 4566, 3264), for one audio stream.
//!
//! [`AudioSession::parse`] reads the other side's description, [`answer`] says what we take of it, [`offer`] writes
//! ours. Only what the gateway can carry survives: G.711 A and µ, and telephone events beside it.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use smallvec::SmallVec;

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
    #[error("the description has no audio stream over RTP/AVP")]
    NoAudio,
    #[error("the audio stream has no readable address")]
    NoAddress,
    #[error("none of the codecs offered is G.711")]
    NoCommonCodec,
}

impl SdpError {
    /// The SIP answer to such a description.
    pub const fn code(self) -> u16 {
        match self {
            Self::NoAudio | Self::NoCommonCodec => 488,
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
        if let (Some("audio"), Some(port), Some("RTP/AVP")) = (media, port, protocol)
            && self.audio.as_ref().is_none_or(|audio| audio.port == 0 && port != 0)
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
        Ok(AudioSession {
            address: SocketAddr::new(address, audio.port),
            codecs,
            telephone_event,
            direction: audio.direction.or(self.session_direction).unwrap_or_default(),
            ptime_ms: audio.ptime_ms,
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
}

/// Our description, with telephone events and packets of 20 ms.
pub fn offer(ours: &Ours<'_>) -> Vec<u8> {
    let mut text = header(ours);
    let choices: SmallVec<[CodecChoice; 2]> =
        ours.codecs.iter().map(|&codec| CodecChoice { codec, payload_type: codec.payload_type() }).collect();
    audio(&mut text, ours, &choices, Some(101), ours.direction);
    text.into_bytes()
}

/// Our answer: one codec of theirs under their number, the direction that suits both, and every other stream refused.
pub fn answer(theirs: &AudioSession, ours: &Ours<'_>) -> Result<Vec<u8>, SdpError> {
    let choice = theirs.pick(ours.codecs).ok_or(SdpError::NoCommonCodec)?;
    let mut text = header(ours);
    for (at, stream) in theirs.streams.iter().enumerate() {
        if at == theirs.audio_at {
            let direction = theirs.direction.reversed().and(ours.direction);
            audio(&mut text, ours, &[choice], theirs.telephone_event, direction);
        } else {
            refused(&mut text, stream);
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

fn audio(
    text: &mut String,
    ours: &Ours<'_>,
    codecs: &[CodecChoice],
    telephone_event: Option<u8>,
    direction: Direction,
) {
    let _ = write!(text, "m=audio {} RTP/AVP", ours.address.port());
    for payload_type in codecs.iter().map(|c| c.payload_type).chain(telephone_event) {
        let _ = write!(text, " {payload_type}");
    }
    text.push_str("\r\n");
    for choice in codecs {
        let _ = write!(text, "a=rtpmap:{} {}/8000\r\n", choice.payload_type, choice.codec.name());
    }
    if let Some(event) = telephone_event {
        let _ = write!(text, "a=rtpmap:{event} telephone-event/8000\r\na=fmtp:{event} 0-16\r\n");
    }
    let _ = write!(text, "a=ptime:20\r\na={}\r\n", direction.name());
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

/// The description inside a message's body: the body itself, or the first `application/sdp` part of a multipart one.
///
/// `None` when there is no body; `Err` with the SIP code when there is one that we cannot read (415).
pub fn find_description<'a>(content_type: Option<&str>, body: &'a [u8]) -> Result<Option<&'a [u8]>, u16> {
    if body.is_empty() {
        return Ok(None);
    }
    let content_type = content_type.unwrap_or("application/sdp");
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/sdp") {
        return Ok(Some(body));
    }
    if kind.get(..10).is_some_and(|k| k.eq_ignore_ascii_case("multipart/")) {
        let boundary = parameter(content_type, "boundary").ok_or(400u16)?;
        return part_of(body, boundary).map(Some).ok_or(415);
    }
    Err(415)
}

/// The value of a parameter of a header such as Content-Type, without its quotes.
fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    value.split(';').skip(1).find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"')).filter(|v| !v.is_empty())
    })
}

/// The first part whose type is `application/sdp`; at most sixteen parts are looked at.
fn part_of<'a>(body: &'a [u8], boundary: &str) -> Option<&'a [u8]> {
    let marker = [b"--", boundary.as_bytes()].concat();
    let finder = memchr::memmem::Finder::new(&marker);
    let starts: SmallVec<[usize; 8]> = finder.find_iter(body).take(17).collect();
    starts.windows(2).find_map(|pair| {
        let part = &body[pair[0] + marker.len()..pair[1]];
        let (head, blank) = super::stream::end_of_head(part, 0)?;
        let is_sdp = part[..head].split(|b| *b == b'\n').any(|line| {
            let Some((name, value)) = std::str::from_utf8(line).ok().and_then(|l| l.split_once(':')) else {
                return false;
            };
            let kind = value.split(';').next().unwrap_or_default().trim();
            let name = name.trim();
            (name.eq_ignore_ascii_case("content-type") || name.eq_ignore_ascii_case("c"))
                && kind.eq_ignore_ascii_case("application/sdp")
        });
        let text = &part[head + blank..];
        is_sdp.then(|| text.strip_suffix(b"\r\n").or_else(|| text.strip_suffix(b"\n")).unwrap_or(text))
    })
}

#[cfg(test)]
mod tests;
