//! A SIP message as the carrier reads and writes it: a start line, headers in their order, a body.

use std::fmt::Write as _;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub start: Start,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    Request { method: String, uri: String },
    Response { code: u16, phrase: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("the head of the message is not text or has no end")]
    Head,
    #[error("the first line is neither a request nor a response of SIP/2.0")]
    StartLine,
    #[error("a header has no colon")]
    Header,
}

const COMPACT: [(&str, &str); 10] = [
    ("v", "Via"),
    ("f", "From"),
    ("t", "To"),
    ("i", "Call-ID"),
    ("m", "Contact"),
    ("l", "Content-Length"),
    ("c", "Content-Type"),
    ("o", "Event"),
    ("u", "Allow-Events"),
    ("k", "Supported"),
];

impl Message {
    pub fn parse(datagram: &[u8]) -> Result<Self, ReadError> {
        let end = datagram.windows(4).position(|four| four == b"\r\n\r\n").ok_or(ReadError::Head)?;
        let head = std::str::from_utf8(&datagram[..end]).map_err(|_| ReadError::Head)?;
        let mut lines = head.split("\r\n");
        let start = Start::parse(lines.next().unwrap_or_default()).ok_or(ReadError::StartLine)?;
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in lines {
            match (line.starts_with([' ', '\t']), headers.last_mut()) {
                (true, Some((_, value))) => {
                    value.push(' ');
                    value.push_str(line.trim());
                }
                _ => {
                    let (name, value) = line.split_once(':').ok_or(ReadError::Header)?;
                    headers.push((long_name(name.trim()).to_owned(), value.trim().to_owned()));
                }
            }
        }
        Ok(Self { start, headers, body: datagram[end + 4..].to_vec() })
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = match &self.start {
            Start::Request { method, uri } => format!("{method} {uri} SIP/2.0\r\n"),
            Start::Response { code, phrase } => format!("SIP/2.0 {code} {phrase}\r\n"),
        };
        for (name, value) in &self.headers {
            // Writing into a String cannot fail.
            let _ = write!(text, "{name}: {value}\r\n");
        }
        let _ = write!(text, "Content-Length: {}\r\n\r\n", self.body.len());
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.into()));
    }

    pub fn call_id(&self) -> &str {
        self.header("Call-ID").unwrap_or_default()
    }

    /// The branch of the topmost Via: which transaction this is.
    pub fn branch(&self) -> &str {
        self.header("Via").and_then(|via| parameter(via, "branch")).unwrap_or_default()
    }

    /// The method that CSeq names: of a response, what it answers.
    pub fn method(&self) -> &str {
        self.header("CSeq").and_then(|cseq| cseq.split_whitespace().nth(1)).unwrap_or_default()
    }
}

impl Start {
    fn parse(line: &str) -> Option<Self> {
        if let Some(rest) = line.strip_prefix("SIP/2.0 ") {
            let (code, phrase) = rest.split_once(' ').unwrap_or((rest, ""));
            return Some(Self::Response { code: code.parse().ok()?, phrase: phrase.to_owned() });
        }
        let mut words = line.split(' ');
        let (method, uri, version) = (words.next()?, words.next()?, words.next()?);
        (version == "SIP/2.0").then(|| Self::Request { method: method.to_owned(), uri: uri.to_owned() })
    }
}

fn long_name(name: &str) -> &str {
    COMPACT.iter().find(|(compact, _)| compact.eq_ignore_ascii_case(name)).map_or(name, |(_, long)| long)
}

/// A parameter behind the address of a header, without its quotes.
pub fn parameter<'v>(value: &'v str, name: &str) -> Option<&'v str> {
    let parameters = value.rfind('>').map_or(value, |end| &value[end + 1..]);
    parameters.split(';').skip(1).find_map(|part| {
        let (known, value) = part.split_once('=')?;
        known.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

/// The URI inside `"Name" <uri>;parameters`, or the bare one.
pub fn uri_of(value: &str) -> &str {
    match (value.rfind('<'), value.rfind('>')) {
        (Some(from), Some(to)) if from < to => &value[from + 1..to],
        _ => value.split(';').next().unwrap_or(value).trim(),
    }
}

/// The user part of the URI in a header: a number, as a rule.
pub fn user_of(value: &str) -> &str {
    let uri = uri_of(value);
    let address = uri.split_once(':').map_or(uri, |(_, address)| address);
    address.split_once('@').map_or("", |(user, _)| user)
}

pub fn phrase(code: u16) -> &'static str {
    match code {
        180 => "Ringing",
        200 => "OK",
        405 => "Method Not Allowed",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        489 => "Bad Event",
        _ => "Response",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: &str = "INVITE sip:101@127.0.0.1:5062 SIP/2.0\r\nv: SIP/2.0/UDP 10.0.0.1;rport;branch=z9hG4bK7\r\n\
        f: \"Ivanova; Anna\" <sip:+79161234567@pult>;tag=a1\r\nTo: <sip:101@pult>\r\nCall-ID: c1\r\nCSeq: 7 INVITE\r\n\
        Subject: a\r\n  folded line\r\nContent-Length: 3\r\n\r\nv=0";

    #[test]
    fn an_invite_is_read_in_its_compact_and_folded_form() {
        let message = Message::parse(INVITE.as_bytes()).unwrap();
        let from = message.header("From").unwrap();
        assert_eq!((user_of(from), parameter(from, "tag")), ("+79161234567", Some("a1")));
        assert_eq!((message.branch(), message.method(), message.call_id()), ("z9hG4bK7", "INVITE", "c1"));
        assert_eq!(message.header("subject"), Some("a folded line"));
        assert_eq!(message.body, b"v=0");
    }

    #[test]
    fn what_is_written_reads_back() {
        let mut message = Message::parse(INVITE.as_bytes()).unwrap();
        message.headers.retain(|(name, _)| name != "Content-Length");
        let again = Message::parse(&message.to_bytes()).unwrap();
        assert_eq!((&again.start, &again.body), (&message.start, &message.body));
        assert_eq!(again.header("Content-Length"), Some("3"));
    }

    #[test]
    fn what_is_no_sip_is_an_error_in_words() {
        let check = |text: &str, expected: ReadError| assert_eq!(Message::parse(text.as_bytes()), Err(expected));
        check("hello", ReadError::Head);
        check("GET / HTTP/1.1\r\n\r\n", ReadError::StartLine);
        check("SIP/2.0 200 OK\r\nno header\r\n\r\n", ReadError::Header);
    }
}
