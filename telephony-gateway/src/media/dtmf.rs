//! The keys of a telephone as named events in RTP (RFC 4733).
//!
//! [`Keys`] reads them: a press comes as a dozen packets, of which any may be lost, doubled or late, and is told exactly
//! once. [`Typing`] makes them, for what we type at somebody else's voice menu.

use std::collections::VecDeque;
use std::time::Duration;

use shared::time::Moment;

use super::{PACKET_SAMPLES, pace::Pace, rtp::Header};

/// The keys by their event codes, 0 to 15 (RFC 4733 section 3.2).
const KEYS: &[u8; 16] = b"0123456789*#ABCD";

/// The key of an event; none for flash and for tones that are no keys.
fn key_of(event: u8) -> Option<char> {
    KEYS.get(usize::from(event)).map(|&key| char::from(key))
}

fn event_of(key: char) -> Option<u8> {
    let key = u8::try_from(key.to_ascii_uppercase()).ok()?;
    KEYS.iter().position(|&known| known == key).map(|at| at as u8)
}

/// Whether every character of a text is a key. A pause or a letter is none.
pub fn are_keys(text: &str) -> bool {
    text.chars().all(|key| event_of(key).is_some())
}

/// Nobody presses keys faster than this for long; whoever does, means to flood us.
const MOST_A_SECOND: u32 = 25;

/// A timestamp that lies so far back, five seconds, is a clock that began anew and no packet that is late.
const CLOCK_RESTART: i32 = -5 * 8000;

/// Reads the presses of one party.
#[derive(Debug, Default)]
pub struct Keys {
    last: Option<Press>,
    second: Option<(Moment, u32)>,
}

/// What is known of a press.
#[derive(Clone, Copy, Debug)]
struct Press {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    marker: bool,
    event: u8,
    ended: bool,
    /// In samples, as far as it was told.
    duration: u16,
}

impl Keys {
    /// Takes one packet. Gives the key when this is the first that is heard of its press.
    pub fn hear(&mut self, header: Header, payload: &[u8], now: Moment) -> Option<char> {
        let &[event, flags, high, low] = payload.first_chunk()?;
        let key = key_of(event)?;
        let heard = Press {
            ssrc: header.ssrc,
            sequence: header.sequence,
            timestamp: header.timestamp,
            marker: header.marker,
            event,
            ended: flags & 0x80 != 0,
            duration: u16::from_be_bytes([high, low]),
        };
        match &mut self.last {
            Some(last) if !heard.is_another_than(last) => {
                last.take_in(&heard);
                None
            }
            _ => {
                self.last = Some(heard);
                self.has_room(now).then_some(key)
            }
        }
    }

    fn has_room(&mut self, now: Moment) -> bool {
        let (since, told) =
            self.second.filter(|(since, _)| now.since(*since) < Duration::from_secs(1)).unwrap_or((now, 0));
        self.second = Some((since, told + 1));
        told < MOST_A_SECOND
    }
}

impl Press {
    /// Whether this packet is of a press that was not heard of before.
    fn is_another_than(&self, last: &Self) -> bool {
        if self.ssrc != last.ssrc {
            return true;
        }
        let ahead = self.timestamp.wrapping_sub(last.timestamp) as i32;
        let newer = (self.sequence.wrapping_sub(last.sequence) as i16) > 0;
        match ahead {
            // A telephone whose clock stands still: the packets' numbers and marks are all that is left to go by.
            0 => newer && (self.event != last.event || (last.ended && self.marker)),
            1.. => !self.goes_on_from(last, ahead as u32),
            _ => ahead < CLOCK_RESTART,
        }
    }

    /// Whether a later timestamp still means the same press.
    fn goes_on_from(&self, last: &Self, ahead: u32) -> bool {
        if self.event != last.event || self.marker {
            return false;
        }
        // While the last press lasted, there cannot have been another.
        ahead < u32::from(last.duration)
            // A press longer than 16 bits can say is told in pieces (section 2.5.1.3).
            || (!last.ended && last.duration > 0xF000 && ahead == u32::from(last.duration))
            // Some telephones move the timestamp on with each packet while the duration grows.
            || (!last.ended && self.duration > last.duration && ahead <= u32::from(self.duration))
    }

    fn take_in(&mut self, heard: &Self) {
        let ahead = heard.timestamp.wrapping_sub(self.timestamp) as i32;
        if ahead < 0 {
            return;
        }
        if (heard.sequence.wrapping_sub(self.sequence) as i16) > 0 {
            self.sequence = heard.sequence;
        }
        self.duration = if ahead == 0 { self.duration.max(heard.duration) } else { heard.duration };
        self.timestamp = heard.timestamp;
        self.ended |= heard.ended;
    }
}

/// A press of ours: 100 ms of the key, then 60 ms of nothing, in which the end is said three times
/// (section 2.5.1.4). Steps of 20 ms.
const ON_STEPS: u16 = 5;
const ALL_STEPS: u16 = 8;

/// −10 dBm0, in the units of the payload.
const VOLUME: u8 = 10;
const END: u8 = 0x80;

/// So many keys may wait to be typed; more is no number and no code.
const MOST_TO_TYPE: usize = 64;

/// A row of keys on its way to somebody.
#[derive(Debug)]
pub struct Typing {
    events: VecDeque<u8>,
    pace: Pace,
    step: u16,
    /// Of the present press.
    began: u32,
}

/// One packet of a press, numbered within its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stroke {
    pub header: Header,
    pub payload: [u8; 4],
}

impl Typing {
    /// Characters that are no keys are left out.
    pub fn start(keys: &str, now: Moment) -> Self {
        let mut typing = Self { events: VecDeque::new(), pace: Pace::start(now), step: 0, began: 0 };
        typing.add(keys);
        typing
    }

    /// More keys behind those that still wait; of too many the last are left out.
    pub fn add(&mut self, keys: &str) {
        let room = MOST_TO_TYPE.saturating_sub(self.events.len());
        self.events.extend(keys.chars().filter_map(event_of).take(room));
    }

    pub fn is_over(&self) -> bool {
        self.events.is_empty()
    }

    pub fn next_due_us(&self) -> Option<u64> {
        (!self.is_over()).then(|| self.pace.next_due_us())
    }

    /// The next packet, if it is due. Ask until there is none.
    pub fn take_due(&mut self, now: Moment) -> Option<Stroke> {
        let &event = self.events.front()?;
        let due = self.pace.take_due(now)?;
        if self.step == 0 {
            self.began = due.header.timestamp;
        }
        let header = Header { marker: self.step == 0, timestamp: self.began, ..due.header };
        let duration = (self.step + 1).min(ON_STEPS) * PACKET_SAMPLES as u16;
        let end = if self.step < ON_STEPS { 0 } else { END };
        self.step += 1;
        if self.step == ALL_STEPS {
            self.step = 0;
            self.events.pop_front();
        }
        let [high, low] = duration.to_be_bytes();
        Some(Stroke { header, payload: [event, end | VOLUME, high, low] })
    }
}

#[cfg(test)]
mod tests;
