//! Keys of a telephone, said in INFO: what carriers and phones without RFC 4733 use.

use super::super::event::{Event, Flow, LegId};
use super::super::headers::Name;
use super::super::leg::Phase;
use super::super::message::{Body, Core, Message, Method};
use super::Stack;
use super::clients::Purpose;

/// Nobody types faster than the other side answers for longer than this.
const MOST_WAITING: usize = 64;

impl Stack {
    /// Sends a key (`0`-`9`, `*`, `#`, `A`-`D`) to the other side in an INFO; several go one after the other.
    pub fn send_digit(&mut self, leg: LegId, digit: char, now: shared::time::Moment) {
        self.now = now;
        let digit = digit.to_ascii_uppercase();
        let Some(it) = self.legs.get_mut(leg.0).filter(|it| !it.told) else { return };
        let may = matches!(it.phase, Phase::Established) && is_key(digit);
        if may && it.digits.waiting.len() < MOST_WAITING {
            it.digits.waiting.push_back(digit);
            self.next_digit(leg.0);
        }
    }

    /// One at a time, so that they cannot overtake each other.
    fn next_digit(&mut self, key: u64) {
        let Some(leg) = self.legs.get_mut(key).filter(|leg| matches!(leg.phase, Phase::Established)) else { return };
        if leg.digits.on_the_way {
            return;
        }
        let Some(digit) = leg.digits.waiting.pop_front() else { return };
        leg.digits.on_the_way = true;
        let text = format!("Signal={digit}\r\nDuration=160\r\n");
        let body = Body { kind: "application/dtmf-relay", bytes: text.as_bytes() };
        self.request_with_body(key, Method::Info, Purpose::Digit, Some(body), |_| {});
    }

    /// A key has been answered, or will not be.
    pub(super) fn digit_done(&mut self, key: u64) {
        if let Some(leg) = self.legs.get_mut(key) {
            leg.digits.on_the_way = false;
            self.next_digit(key);
        }
    }

    /// An empty INFO asks whether we are there; of what others carry, we read keys alone.
    pub(super) fn on_info(&mut self, key: u64, flow: &Flow, request: &Message<'_>, core: &Core<'_>) {
        let kind = request.header(Name::ContentType).unwrap_or_default();
        let kind = kind.split(|b| *b == b';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
        let said = match kind.as_slice() {
            _ if request.body().is_empty() => Some(None),
            b"application/dtmf-relay" => relayed(request.body()),
            b"application/dtmf" => key_of(request.body()),
            _ => {
                return self.answer_once(flow, request, core, 415, |writer| {
                    writer.header(Name::Accept, b"application/dtmf-relay, application/dtmf");
                });
            }
        };
        self.answer_once(flow, request, core, if said.is_some() { 200 } else { 400 }, |_| {});
        if let Some(Some(digit)) = said {
            self.events.push_back(Event::Digit { leg: LegId(key), digit });
        }
    }
}

const fn is_key(key: char) -> bool {
    matches!(key, '0'..='9' | '*' | '#' | 'A'..='D')
}

/// The `Signal` line of `application/dtmf-relay`.
fn relayed(body: &[u8]) -> Option<Option<char>> {
    body.split(|b| matches!(b, b'\r' | b'\n')).find_map(|line| {
        let at = memchr::memchr(b'=', line)?;
        line[..at].trim_ascii().eq_ignore_ascii_case(b"Signal").then(|| key_of(&line[at + 1..]))?
    })
}

/// A key by its sign or by its number (RFC 4733 §3.2: 10 is `*`, 11 is `#`, 12 to 15 are `A` to `D`). `Some(None)` for a
/// hook flash, which is no key.
fn key_of(text: &[u8]) -> Option<Option<char>> {
    let text = std::str::from_utf8(text.trim_ascii()).ok()?;
    let mut signs = text.chars();
    if let (Some(sign), None) = (signs.next(), signs.next()) {
        let sign = sign.to_ascii_uppercase();
        return is_key(sign).then_some(Some(sign));
    }
    match text {
        "10" => Some(Some('*')),
        "11" => Some(Some('#')),
        "12" => Some(Some('A')),
        "13" => Some(Some('B')),
        "14" => Some(Some('C')),
        "15" => Some(Some('D')),
        "16" | "hf" => Some(None),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_phones_write_them() {
        for (body, expected) in [
            ("Signal=5\r\nDuration=160\r\n", Some(Some('5'))),
            ("signal = * \r\nDuration=160", Some(Some('*'))),
            ("Duration=100\nSignal=11\n", Some(Some('#'))),
            ("Signal=d", Some(Some('D'))),
            ("Signal=16", Some(None)),
            ("Signal=", None),
            ("Signal=77", None),
            ("Duration=160", None),
            ("\u{fffd}", None),
        ] {
            assert_eq!(relayed(body.as_bytes()), expected, "{body:?}");
        }
        assert_eq!((key_of(b"7"), key_of(b" # \r\n"), key_of(b"x")), (Some(Some('7')), Some(Some('#')), None));
    }
}
