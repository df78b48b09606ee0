//! A SIP message: read strictly from bytes, written straight into them.
//!
//! [`Message::parse`] is the front end: it unfolds, knows compact names, forgives a space before the colon and empty
//! lines before the start, keeps unknown methods, and never asks for UTF-8. What it gives is an index over the bytes;
//! a header is read, by its own file in [`headers`](super::headers), when somebody asks for it. The methods are those
//! of `rsip`, which only this file knows; `rsip`'s own reading of raw bytes fails on most of the list above.

use std::borrow::Cow;
use std::io::Write as _;
use std::net::SocketAddr;

pub use rsip::Method;
use smallvec::SmallVec;

use super::headers::cseq::CSeq;
use super::headers::list::is_control;
use super::headers::{Address, Name, Uri, Via, list};

/// A message with more header lines is an attack.
const MOST_FIELDS: usize = 256;

/// Longer than any Call-ID that somebody means.
const LONGEST_CALL_ID: usize = 256;

/// The methods we take, for `Allow`.
pub const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, PRACK, REFER, REGISTER";

/// The extensions we take (RFC 3891, 4028, 3262, 4488), for `Supported` and against `Require`.
pub const SUPPORTED: &str = "replaces, timer, 100rel, norefersub";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    from: u32,
    to: u32,
}

#[derive(Clone, Copy, Debug)]
struct Field {
    name: Name,
    value: Span,
}

#[derive(Clone, Copy, Debug)]
enum Start {
    /// `None`: a method nobody has told us about.
    Request {
        method: Option<Method>,
        token: Span,
        uri: Span,
    },
    Response {
        code: u16,
        reason: Span,
    },
}

/// Why a message cannot be used, and what to answer when it is a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub code: u16,
    pub why: &'static str,
}

const fn bad(why: &'static str) -> Fault {
    Fault { code: 400, why }
}

/// A message as an index over its bytes.
pub struct Message<'a> {
    bytes: Cow<'a, [u8]>,
    start: Start,
    fields: SmallVec<[Field; 24]>,
    body: Span,
    /// The first thing that is wrong with it; headers are readable all the same, so that a 400 can be written.
    pub fault: Option<Fault>,
}

impl<'a> Message<'a> {
    /// `Err` when this is nothing that could even be answered.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, &'static str> {
        let skip = bytes.iter().position(|b| !matches!(b, b'\r' | b'\n')).ok_or("there is nothing but line ends")?;
        let bytes = &bytes[skip..];
        if bytes.len() > u32::MAX as usize {
            return Err("the message is too long");
        }
        let (head, blank) = super::stream::end_of_head(bytes, 0).unwrap_or((bytes.len(), 0));
        let bytes = unfolded(bytes, head);
        // Unfolding keeps the length, so the head ends where it did.
        let mut lines = Lines { bytes: &bytes[..head], at: 0 };
        let first = lines.next().ok_or("there is no start line")?;
        let mut fault = (blank == 0).then_some(bad("the headers do not end"));
        let start = parse_start(&bytes, first, &mut fault)?;
        let mut fields = SmallVec::new();
        for line in lines {
            match parse_field(&bytes, line) {
                Ok(field) if fields.len() < MOST_FIELDS => fields.push(field),
                Ok(_) => fault = fault.or(Some(bad("too many headers"))),
                Err(why) => fault = fault.or(Some(bad(why))),
            }
        }
        let body = Span { from: (head + blank) as u32, to: bytes.len() as u32 };
        let mut message = Self { bytes, start, fields, body, fault };
        message.measure_body();
        Ok(message)
    }

    /// Content-Length decides where the body ends (RFC 3261 §18.3); without it the body is the rest.
    fn measure_body(&mut self) {
        let mut lengths = self.all(Name::ContentLength).map(list::number::<u32>);
        let Some(first) = lengths.next() else { return };
        let agreed = first.filter(|_| lengths.all(|other| other == first));
        drop(lengths);
        let room = self.body.to - self.body.from;
        match agreed {
            None => self.fault = self.fault.or(Some(bad("Content-Length is unreadable"))),
            Some(length) if length > room => {
                self.fault = self.fault.or(Some(bad("the body is shorter than Content-Length")));
            }
            Some(length) => self.body.to = self.body.from + length,
        }
    }

    fn text(&self, span: Span) -> &[u8] {
        &self.bytes[span.from as usize..span.to as usize]
    }

    pub const fn is_request(&self) -> bool {
        matches!(self.start, Start::Request { .. })
    }

    /// The method; `None` for a response and for a method that is unknown.
    pub const fn method(&self) -> Option<Method> {
        match self.start {
            Start::Request { method, .. } => method,
            Start::Response { .. } => None,
        }
    }

    /// The method as it was written; empty for a response.
    pub fn method_text(&self) -> &[u8] {
        match self.start {
            Start::Request { token, .. } => self.text(token),
            Start::Response { .. } => b"",
        }
    }

    /// The request URI; empty for a response.
    pub fn request_uri(&self) -> &[u8] {
        match self.start {
            Start::Request { uri, .. } => self.text(uri),
            Start::Response { .. } => b"",
        }
    }

    /// The status code; 0 for a request.
    pub const fn code(&self) -> u16 {
        match self.start {
            Start::Response { code, .. } => code,
            Start::Request { .. } => 0,
        }
    }

    pub fn reason_phrase(&self) -> &[u8] {
        match self.start {
            Start::Response { reason, .. } => self.text(reason),
            Start::Request { .. } => b"",
        }
    }

    /// How long it was on the wire, without line ends before it.
    pub fn total_bytes(&self) -> usize {
        self.bytes.len()
    }

    pub fn body(&self) -> &[u8] {
        self.text(self.body)
    }

    /// The first header of this name.
    pub fn header(&self, name: Name) -> Option<&[u8]> {
        self.fields.iter().find(|field| field.name == name).map(|field| self.text(field.value))
    }

    /// The values of all header lines of this name, in their order.
    pub fn all(&self, name: Name) -> impl Iterator<Item = &[u8]> {
        self.fields.iter().filter(move |field| field.name == name).map(|field| self.text(field.value))
    }

    /// Whether a list of options such as `Supported` names this one.
    pub fn lists(&self, name: Name, token: &str) -> bool {
        self.all(name).any(|value| list::has_token(value, token))
    }

    /// A header that may stand only once.
    fn only(&self, name: Name, missing: &'static str, twice: &'static str) -> Result<&[u8], &'static str> {
        let mut all = self.all(name);
        let value = all.next().ok_or(missing)?;
        if all.next().is_some() { Err(twice) } else { Ok(value) }
    }

    /// The offer or answer it carries. `Err` is the code for a body that we cannot read.
    pub fn description(&self) -> Result<Option<&[u8]>, u16> {
        let content_type = self.header(Name::ContentType).map(|value| String::from_utf8_lossy(value));
        super::sdp::find_description(content_type.as_deref(), self.body())
    }

    /// The headers without which nothing can be done (RFC 3261 §8.1.1).
    pub fn core(&self) -> Result<Core<'_>, &'static str> {
        let via = self.top_via()?;
        let from = self.only(Name::From, "From is missing", "From stands twice")?;
        let to = self.only(Name::To, "To is missing", "To stands twice")?;
        let call_id = self.only(Name::CallId, "Call-ID is missing", "Call-ID stands twice")?;
        let cseq = self.only(Name::CSeq, "CSeq is missing", "CSeq stands twice")?;
        let cseq = CSeq::parse(cseq).ok_or("CSeq is unreadable")?;
        if !(1..=LONGEST_CALL_ID).contains(&call_id.len()) || call_id.iter().any(|b| *b <= b' ' || *b == 0x7f) {
            return Err("Call-ID is unreadable");
        }
        if self.is_request() && cseq.method != self.method_text() {
            return Err("CSeq names another method");
        }
        let from = Address::parse(from).ok_or("From is unreadable")?;
        let to = Address::parse(to).ok_or("To is unreadable")?;
        // An empty tag would stand before ours, and nobody would find ours behind it.
        if to.parameter("tag").is_some() && to.tag().is_none() {
            return Err("To is unreadable");
        }
        Ok(Core { via, from, to, call_id, cseq })
    }

    /// The way back. Those further down are not read, for they may be of any kind; but each must be there.
    fn top_via(&self) -> Result<Via<'_>, &'static str> {
        let mut vias = self.all(Name::Via).flat_map(list::items_and_gaps);
        let via = Via::parse(vias.next().ok_or("Via is missing")?).ok_or("Via is unreadable")?;
        let mut n_others = 0;
        for other in vias {
            n_others += 1;
            if !other.first().is_some_and(u8::is_ascii_alphanumeric) {
                return Err("Via is unreadable");
            }
        }
        // Of another version is what says so in its first line (505); its Via may say so too.
        if !via.is_version_2() && self.fault.is_none_or(|fault| fault.code != 505) {
            return Err("Via is unreadable");
        }
        // RFC 3261 §8.1.3.3: such an answer has lost its way, and we pass none on.
        if n_others > 0 && !self.is_request() {
            return Err("the answer is for somebody else");
        }
        Ok(via)
    }
}

/// What every message has.
#[derive(Clone, Copy, Debug)]
pub struct Core<'m> {
    pub via: Via<'m>,
    pub from: Address<'m>,
    pub to: Address<'m>,
    pub call_id: &'m [u8],
    pub cseq: CSeq<'m>,
}

/// Line by line, without the line ends.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Iterator for Lines<'_> {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let length = if end > 0 && rest[end - 1] == b'\r' { end - 1 } else { end };
        let span = Span { from: self.at as u32, to: (self.at + length) as u32 };
        self.at += end + 1;
        Some(span)
    }
}

/// The same bytes with the line ends of folded headers made spaces (RFC 3261 §7.3.1). Copies only when it must.
fn unfolded(bytes: &[u8], head: usize) -> Cow<'_, [u8]> {
    let folds = |at: &usize| matches!(bytes.get(at + 1), Some(b' ' | b'\t')) && at + 1 < head;
    if !memchr::memchr_iter(b'\n', &bytes[..head]).any(|at| folds(&at)) {
        return Cow::Borrowed(bytes);
    }
    let mut flat = bytes.to_vec();
    for at in memchr::memchr_iter(b'\n', &bytes[..head]).filter(folds) {
        flat[at] = b' ';
        if at > 0 && flat[at - 1] == b'\r' {
            flat[at - 1] = b' ';
        }
    }
    Cow::Owned(flat)
}

fn trimmed(bytes: &[u8], from: usize, to: usize) -> Span {
    let text = &bytes[from..to];
    let lead = text.len() - text.trim_ascii_start().len();
    Span { from: (from + lead) as u32, to: (from + lead + text.trim_ascii().len()) as u32 }
}

fn parse_start(bytes: &[u8], line: Span, fault: &mut Option<Fault>) -> Result<Start, &'static str> {
    let (from, to) = (line.from as usize, line.to as usize);
    let text = &bytes[from..to];
    if let Some(rest) = text.strip_prefix(b"SIP/2.0 ") {
        let code = list::number(rest.get(..3).unwrap_or_default()).filter(|code| (100..700).contains(code));
        let code: u16 = code.ok_or("the status code is unreadable")?;
        if rest.get(3).is_some_and(|b| *b != b' ') {
            return Err("the status code is unreadable");
        }
        return Ok(Start::Response { code, reason: trimmed(bytes, (from + 11).min(to), to) });
    }
    // Spaces behind the line are refused, but it can be read and answered (RFC 4475 §3.1.2.10).
    let whole = text.trim_ascii_end();
    if whole.len() < text.len() {
        *fault = fault.or(Some(bad("the first line ends with spaces")));
    }
    let text = whole;
    let method_end = memchr::memchr(b' ', text).ok_or("there is no start line")?;
    let version_at = memchr::memrchr(b' ', text).filter(|at| *at > method_end);
    let version_at = version_at.ok_or("there is no start line")?;
    let is_token = |b: &u8| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(b);
    if method_end == 0 || method_end > 64 || !text[..method_end].iter().all(is_token) {
        return Err("the method is unreadable");
    }
    let version = &text[version_at + 1..];
    if !version.get(..4).is_some_and(|v| v.eq_ignore_ascii_case(b"SIP/")) {
        return Err("this is no SIP");
    }
    let uri = Span { from: (from + method_end + 1) as u32, to: (from + version_at) as u32 };
    let uri_text = &bytes[uri.from as usize..uri.to as usize];
    if !version.eq_ignore_ascii_case(b"SIP/2.0") {
        *fault = fault.or(Some(Fault { code: 505, why: "this is another version of SIP" }));
    } else if !is_request_uri(uri_text) {
        *fault = fault.or(Some(bad("the request URI is unreadable")));
    }
    let token = Span { from: from as u32, to: (from + method_end) as u32 };
    Ok(Start::Request { method: read_method(&text[..method_end]), token, uri })
}

/// A `sip:` address must be whole and without headers (RFC 3261 §19.1.1); of other schemes nothing is known.
fn is_request_uri(text: &[u8]) -> bool {
    if text.is_empty() || text.iter().any(|b| *b <= b' ' || matches!(b, b'<' | b'>')) {
        return false;
    }
    let scheme = &text[..memchr::memchr(b':', text).unwrap_or(text.len())];
    let ours = [&b"sip"[..], b"sips"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    !ours || Uri::parse(text).is_some_and(|uri| uri.headers.is_empty())
}

fn parse_field(bytes: &[u8], line: Span) -> Result<Field, &'static str> {
    let (from, to) = (line.from as usize, line.to as usize);
    let text = &bytes[from..to];
    let colon = memchr::memchr(b':', text).ok_or("a header line has no colon")?;
    let name = text[..colon].trim_ascii_end();
    if name.is_empty() || !name.iter().all(|b| b.is_ascii_graphic()) {
        return Err("a header's name is unreadable");
    }
    if text.iter().any(is_control) && !list::controls_are_quoted(text) {
        return Err("a header has control characters");
    }
    Ok(Field { name: Name::read(name), value: trimmed(bytes, from + colon + 1, to) })
}

/// Methods are case-sensitive (RFC 3261 §7.1).
fn read_method(token: &[u8]) -> Option<Method> {
    Some(match token {
        b"INVITE" => Method::Invite,
        b"ACK" => Method::Ack,
        b"BYE" => Method::Bye,
        b"CANCEL" => Method::Cancel,
        b"REGISTER" => Method::Register,
        b"OPTIONS" => Method::Options,
        b"UPDATE" => Method::Update,
        b"INFO" => Method::Info,
        b"NOTIFY" => Method::Notify,
        b"SUBSCRIBE" => Method::Subscribe,
        b"MESSAGE" => Method::Message,
        b"REFER" => Method::Refer,
        b"PUBLISH" => Method::Publish,
        b"PRACK" => Method::PRack,
        _ => return None,
    })
}

pub const fn method_name(method: Method) -> &'static str {
    match method {
        Method::Invite => "INVITE",
        Method::Ack => "ACK",
        Method::Bye => "BYE",
        Method::Cancel => "CANCEL",
        Method::Register => "REGISTER",
        Method::Options => "OPTIONS",
        Method::Update => "UPDATE",
        Method::Info => "INFO",
        Method::Notify => "NOTIFY",
        Method::Subscribe => "SUBSCRIBE",
        Method::Message => "MESSAGE",
        Method::Refer => "REFER",
        Method::Publish => "PUBLISH",
        Method::PRack => "PRACK",
    }
}

/// The phrase beside a status code; `rsip` prints the names of its enum there.
#[expect(clippy::match_overlapping_arm, reason = "the classes catch what has no phrase of its own")]
pub const fn phrase(code: u16) -> &'static str {
    match code {
        100 => "Trying",
        180 => "Ringing",
        181 => "Call Is Being Forwarded",
        182 => "Queued",
        183 => "Session Progress",
        200 => "OK",
        202 => "Accepted",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        413 => "Request Entity Too Large",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        422 => "Session Interval Too Small",
        423 => "Interval Too Brief",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        484 => "Address Incomplete",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        489 => "Bad Event",
        491 => "Request Pending",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        504 => "Server Time-out",
        505 => "Version Not Supported",
        600 => "Busy Everywhere",
        603 => "Decline",
        604 => "Does Not Exist Anywhere",
        606 => "Not Acceptable",
        101..200 => "Progress",
        200..300 => "Accepted",
        300..400 => "Redirected",
        400..500 => "Refused",
        500..600 => "Failed",
        _ => "Declined",
    }
}

/// What a message carries behind its headers.
#[derive(Clone, Copy, Debug)]
pub struct Body<'a> {
    /// Its Content-Type.
    pub kind: &'a str,
    pub bytes: &'a [u8],
}

/// Writes a message line by line into a buffer that is used again and again.
pub struct Writer<'b> {
    out: &'b mut Vec<u8>,
}

impl<'b> Writer<'b> {
    /// A Contact may carry headers; in the first line they have no place (RFC 3261 §19.1.5), and ours are our own.
    pub fn request(out: &'b mut Vec<u8>, method: &str, uri: &[u8]) -> Self {
        let headers = memchr::memchr(b'?', uri).and_then(|_| Uri::parse(uri)).map_or(&b""[..], |uri| uri.headers);
        let uri = &uri[..uri.len() - headers.len() - usize::from(!headers.is_empty())];
        out.clear();
        out.extend_from_slice(method.as_bytes());
        out.push(b' ');
        out.extend_from_slice(uri);
        out.extend_from_slice(b" SIP/2.0\r\n");
        Self { out }
    }

    /// A message whose first line comes from elsewhere.
    pub fn copy(out: &'b mut Vec<u8>) -> Self {
        out.clear();
        Self { out }
    }

    pub fn response(out: &'b mut Vec<u8>, code: u16) -> Self {
        out.clear();
        // Writing into a Vec cannot fail.
        let _ = write!(out, "SIP/2.0 {code} {}\r\n", phrase(code));
        Self { out }
    }

    pub fn header(&mut self, name: Name, value: &[u8]) -> &mut Self {
        self.out.extend_from_slice(name.as_str().as_bytes());
        self.out.extend_from_slice(b": ");
        self.out.extend_from_slice(value);
        self.out.extend_from_slice(b"\r\n");
        self
    }

    pub fn header_fmt(&mut self, name: Name, value: std::fmt::Arguments<'_>) -> &mut Self {
        let _ = write!(self.out, "{}: {value}\r\n", name.as_str());
        self
    }

    /// Whole lines, line ends included, that were prepared before.
    pub fn lines(&mut self, lines: &[u8]) -> &mut Self {
        self.out.extend_from_slice(lines);
        self
    }

    /// The end of the headers, and a description if there is one.
    pub fn finish(&mut self, sdp: Option<&[u8]>) {
        self.finish_with(sdp.map(|sdp| Body { kind: "application/sdp", bytes: sdp }));
    }

    /// The end of the headers, and a body of whatever kind.
    pub fn finish_with(&mut self, body: Option<Body<'_>>) {
        match body {
            None => self.out.extend_from_slice(b"Content-Length: 0\r\n\r\n"),
            Some(Body { kind, bytes }) => {
                let _ = write!(self.out, "Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n", bytes.len());
                self.out.extend_from_slice(bytes);
            }
        }
    }
}

/// What every answer to one request repeats: the Vias, From, Call-ID, CSeq, and To as far as it is known.
#[derive(Clone, Debug, Default)]
pub struct ReplyHead {
    lines: Vec<u8>,
    to: Vec<u8>,
    record_routes: Vec<u8>,
}

impl ReplyHead {
    /// `None` when the request's top Via is unreadable: then there is no way back.
    pub fn of(request: &Message<'_>, source: SocketAddr) -> Option<Self> {
        let mut lines = Vec::with_capacity(384);
        let mut vias = request.all(Name::Via);
        let (top, others) = list::first_and_rest(vias.next()?);
        lines.extend_from_slice(b"Via: ");
        Via::parse(top)?.write_answered(source, &mut lines);
        lines.extend_from_slice(b"\r\n");
        // The rest stays as it was written: a list given lines of its own would grow, and could flood whom it names.
        for value in others.into_iter().chain(vias) {
            push_line(&mut lines, Name::Via, value);
        }
        for name in [Name::From, Name::CallId, Name::CSeq] {
            if let Some(value) = request.header(name) {
                push_line(&mut lines, name, value);
            }
        }
        let mut record_routes = Vec::new();
        for value in request.all(Name::RecordRoute) {
            push_line(&mut record_routes, Name::RecordRoute, value);
        }
        Some(Self { lines, to: request.header(Name::To).unwrap_or_default().to_vec(), record_routes })
    }

    /// The repeated lines, with `tag` put into To unless it has one.
    pub fn write(&self, tag: Option<&str>, routes: bool, writer: &mut Writer<'_>) {
        writer.lines(&self.lines).lines(b"To: ").lines(&self.to);
        let tagged = Address::parse(&self.to).is_some_and(|to| to.tag().is_some());
        if let Some(tag) = tag.filter(|_| !tagged) {
            writer.lines(b";tag=").lines(tag.as_bytes());
        }
        writer.lines(b"\r\n");
        if routes {
            writer.lines(&self.record_routes);
        }
    }
}

fn push_line(out: &mut Vec<u8>, name: Name, value: &[u8]) {
    out.extend_from_slice(name.as_str().as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests;
