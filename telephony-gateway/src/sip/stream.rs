//! Where one message ends and the next begins on a TCP connection (RFC 3261 §18.3).
//!
//! [`Splitter`] is fed what the socket gives and hands out whole messages. It trusts nobody: a message must say its
//! length, its headers must end within a bound, and the first fault closes the connection, because after it nobody
//! can tell where the next message begins.

use bytes::{Buf, Bytes, BytesMut};

/// Headers longer than this are no call any more.
const LONGEST_HEAD: usize = 16 * 1024;

/// What came out of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// One whole message, ready for [`Stack::receive`](super::Stack::receive).
    Message(Bytes),
    /// A double CRLF: answer with [`PONG`] at once (RFC 5626 §4.4.1).
    Ping,
}

/// The answer to [`Frame::Ping`].
pub const PONG: &[u8] = b"\r\n";

/// Why the connection has to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    #[error("the headers are longer than {LONGEST_HEAD} bytes")]
    HeadTooLong,
    #[error("a message on a connection must carry one Content-Length")]
    NoLength,
    #[error("Content-Length is not a number, or two of them disagree")]
    BadLength,
    #[error("the message is longer than {longest} bytes")]
    TooLong { longest: usize },
}

/// Cuts one connection's bytes into messages.
#[derive(Debug)]
pub struct Splitter {
    buffer: BytesMut,
    longest_message: usize,
    /// How far the search for the end of the headers has come, so that a slow peer does not make it quadratic.
    searched: usize,
    /// Length of head and body once the head is whole.
    expected: Option<usize>,
    broken: Option<StreamError>,
}

impl Splitter {
    pub fn new(longest_message: usize) -> Self {
        Self { buffer: BytesMut::new(), longest_message, searched: 0, expected: None, broken: None }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        if self.broken.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Bytes of a message that has begun and not ended: a connection that stays so for long is a slow attacker.
    pub fn pending(&self) -> usize {
        self.buffer.len()
    }

    /// The next whole frame, if there is one. After an error the connection has nothing more to say.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, StreamError> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        let frame = self.cut();
        if let Err(error) = frame {
            self.broken = Some(error);
            self.buffer = BytesMut::new();
        }
        frame
    }

    fn cut(&mut self) -> Result<Option<Frame>, StreamError> {
        if self.expected.is_none() && self.searched == 0 && self.skip_blank_lines() {
            return Ok(Some(Frame::Ping));
        }
        let expected = match self.expected {
            Some(expected) => expected,
            None => match self.find_length()? {
                Some(expected) => *self.expected.insert(expected),
                None => return Ok(None),
            },
        };
        if self.buffer.len() < expected {
            return Ok(None);
        }
        self.expected = None;
        self.searched = 0;
        Ok(Some(Frame::Message(self.buffer.split_to(expected).freeze())))
    }

    /// Drops line ends between messages. Two of them together are a ping; a single one is a pong, or noise.
    fn skip_blank_lines(&mut self) -> bool {
        loop {
            if self.buffer.starts_with(b"\r\n\r\n") {
                self.buffer.advance(4);
                return true;
            }
            match self.buffer.first() {
                // Half a ping: wait for the other half before deciding.
                Some(b'\r') if b"\r\n\r\n".starts_with(&self.buffer) => return false,
                Some(b'\r' | b'\n') => self.buffer.advance(1),
                _ => return false,
            }
        }
    }

    fn find_length(&mut self) -> Result<Option<usize>, StreamError> {
        let from = self.searched.saturating_sub(3);
        let Some((head, blank)) = end_of_head(&self.buffer, from) else {
            self.searched = self.buffer.len();
            // A lone line end is the beginning of a ping, not of a head.
            if b"\r\n\r\n".starts_with(&self.buffer) {
                self.searched = 0;
            }
            // One byte of the blank line may be here already.
            if self.buffer.len() > LONGEST_HEAD + 1 {
                return Err(StreamError::HeadTooLong);
            }
            return Ok(None);
        };
        if head > LONGEST_HEAD {
            return Err(StreamError::HeadTooLong);
        }
        let body = content_length(&self.buffer[..head])?.ok_or(StreamError::NoLength)?;
        let whole = body.checked_add(head + blank).filter(|whole| *whole <= self.longest_message);
        whole.map(Some).ok_or(StreamError::TooLong { longest: self.longest_message })
    }
}

/// Where the headers end, and how long the blank line is; bare LF is tolerated.
pub(super) fn end_of_head(bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    for at in memchr::memchr_iter(b'\n', &bytes[from..]).map(|at| at + from) {
        match &bytes[at + 1..] {
            [b'\r', b'\n', ..] => return Some((at + 1, 2)),
            [b'\n', ..] => return Some((at + 1, 1)),
            _ => {}
        }
    }
    None
}

/// The value of Content-Length in these headers; `None` when there is none. Two that disagree are an error.
fn content_length(head: &[u8]) -> Result<Option<usize>, StreamError> {
    let mut found: Option<usize> = None;
    let mut lines = head.split(|b| *b == b'\n').peekable();
    while let Some(line) = lines.next() {
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        // The second line of another header is no header.
        if matches!(line.first(), Some(b' ' | b'\t')) {
            continue;
        }
        let name = line[..colon].trim_ascii();
        if !name.eq_ignore_ascii_case(b"content-length") && !name.eq_ignore_ascii_case(b"l") {
            continue;
        }
        // RFC 3261 §7.3.1: the value may stand on the next line, folded.
        let folded = lines.peek().is_some_and(|next| matches!(next.first(), Some(b' ' | b'\t')));
        let mut value = line[colon + 1..].trim_ascii();
        if folded {
            let next = lines.next().unwrap_or_default().trim_ascii();
            if !value.is_empty() && !next.is_empty() {
                return Err(StreamError::BadLength);
            }
            value = if value.is_empty() { next } else { value };
        }
        let length = strict_number(value).ok_or(StreamError::BadLength)?;
        if found.replace(length).is_some_and(|before| before != length) {
            return Err(StreamError::BadLength);
        }
    }
    Ok(found)
}

/// Digits and nothing else; numbers beyond `usize` saturate, so that they fail as too long and not as unreadable.
fn strict_number(text: &[u8]) -> Option<usize> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(text.iter().fold(0usize, |n, d| n.saturating_mul(10).saturating_add(usize::from(d - b'0'))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: &[u8] = b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 4\r\n\r\nbody";

    fn frames(bytes: &[u8], step: usize) -> (Vec<Frame>, Option<StreamError>) {
        crate::sip::torture::feed::frames(bytes, step, 10_000)
    }

    #[test]
    fn messages_come_out_whole_however_the_network_cuts_them() {
        let two = [OPTIONS, b"\r\n\r\n", OPTIONS].concat();
        let message = Frame::Message(Bytes::from_static(OPTIONS));
        for step in 1..=two.len() {
            assert_eq!(frames(&two, step), (vec![message.clone(), Frame::Ping, message.clone()], None), "step {step}");
        }
    }

    #[test]
    fn a_connection_that_only_says_it_is_alive_gets_its_pong() {
        for step in 1..=8 {
            assert_eq!(frames(b"\r\n\r\n\r\n\r\n", step), (vec![Frame::Ping, Frame::Ping], None), "step {step}");
        }
        assert_eq!(frames(b"\r\n", 1), (vec![], None));
    }

    #[track_caller]
    fn check_broken(head: &str, expected: StreamError) {
        let (out, error) = frames(format!("OPTIONS sip:a@b SIP/2.0\r\n{head}\r\n\r\n").as_bytes(), 7);
        assert_eq!((out, error), (vec![], Some(expected)), "{head}");
    }

    #[test]
    fn a_length_that_cannot_be_believed_closes_the_connection() {
        check_broken("Content-Length: 4294967295", StreamError::TooLong { longest: 10_000 });
        check_broken("l: 99999999999999999999999999", StreamError::TooLong { longest: 10_000 });
        check_broken("Content-Length: -1", StreamError::BadLength);
        check_broken("Content-Length: 0x10", StreamError::BadLength);
        check_broken("Content-Length:", StreamError::BadLength);
        check_broken("Content-Length: 3\r\nl: 4", StreamError::BadLength);
        check_broken("Subject: none", StreamError::NoLength);
    }

    #[test]
    fn a_length_may_be_written_short_spaced_or_folded() {
        for head in ["l:4", "CONTENT-LENGTH \t: 4", "Content-Length:\r\n 4", "l: 4\r\nContent-Length: 4"] {
            let bytes = format!("OPTIONS sip:a@b SIP/2.0\r\n{head}\r\n\r\nbody");
            let (out, error) = frames(bytes.as_bytes(), 5);
            assert_eq!((out.len(), error), (1, None), "{head}");
        }
    }

    #[test]
    fn endless_headers_are_cut_off() {
        let endless = [b"OPTIONS sip:a@b SIP/2.0\r\nX: ".as_slice(), &[b'x'; 40_000]].concat();
        assert_eq!(frames(&endless, 1000).1, Some(StreamError::HeadTooLong));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_splitter_panic(bytes in proptest::collection::vec(0u8..=255, 0..300), step in 1usize..40) {
            frames(&bytes, step);
        }
    }
}
