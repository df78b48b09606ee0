//! The stream of events of one agent: numbered without gaps, kept for a while, so that a desk whose connection
//! broke goes on where it was.

use std::collections::VecDeque;
use std::sync::Arc;

use shared::time::UtcMs;
use shared::wire::event::Event;

/// How much is kept for a desk that comes back. Beyond it the desk gets the whole state anew.
const KEPT_BYTES: usize = 256 * 1024;
const KEPT_EVENTS: usize = 512;

#[derive(Debug, Default)]
pub struct Stream {
    last_seq: u64,
    kept: VecDeque<(u64, Arc<str>)>,
    kept_bytes: usize,
}

impl Stream {
    pub const fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Numbers an event, given as its JSON, and returns the frame to send.
    pub fn push(&mut self, event_json: &str, at: UtcMs) -> Arc<str> {
        self.last_seq += 1;
        let frame: Arc<str> =
            format!(r#"{{"event":{{"seq":{},"at":{},"event":{event_json}}}}}"#, self.last_seq, at.0).into();
        self.kept_bytes += frame.len();
        self.kept.push_back((self.last_seq, Arc::clone(&frame)));
        while self.kept.len() > KEPT_EVENTS || self.kept_bytes > KEPT_BYTES {
            let Some((_, oldest)) = self.kept.pop_front() else { break };
            self.kept_bytes -= oldest.len();
        }
        frame
    }

    /// Everything after `seq`; `None` when some of it is no longer kept, or `seq` lies ahead.
    pub fn after(&self, seq: u64) -> Option<impl Iterator<Item = Arc<str>>> {
        let first_kept = self.kept.front().map_or(self.last_seq + 1, |(seq, _)| *seq);
        let whole = seq <= self.last_seq && seq + 1 >= first_kept;
        whole.then(|| self.kept.iter().filter(move |(kept, _)| *kept > seq).map(|(_, frame)| Arc::clone(frame)))
    }
}

/// The JSON of an event. Events are plain data, so this does not fail; if it ever did, the desk would be told
/// nothing rather than something wrong, and the log says so.
pub fn event_json(event: &Event) -> Option<String> {
    match serde_json::to_string(event) {
        Ok(json) => Some(json),
        Err(error) => {
            tracing::error!(%error, "an event cannot be told");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::wire::ServerFrame;

    fn event() -> Event {
        Event::Faults { faults: vec![] }
    }

    fn seq_of(frame: &str) -> u64 {
        match serde_json::from_str(frame).unwrap() {
            ServerFrame::Event { seq, .. } => seq,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_frame_is_what_the_wire_promises() {
        let frame = Stream::default().push(&event_json(&event()).unwrap(), UtcMs(9));
        let promised = serde_json::to_string(&ServerFrame::Event { seq: 1, at: UtcMs(9), event: event() }).unwrap();
        assert_eq!(&*frame, promised);
    }

    #[test]
    fn a_desk_that_comes_back_misses_nothing_and_hears_nothing_twice() {
        let mut stream = Stream::default();
        for _ in 0..5 {
            stream.push(&event_json(&event()).unwrap(), UtcMs(0));
        }
        let missed: Vec<u64> = stream.after(3).unwrap().map(|frame| seq_of(&frame)).collect();
        assert_eq!(missed, [4, 5]);
        assert_eq!(stream.after(5).unwrap().count(), 0);
    }

    #[test]
    fn a_desk_that_was_away_too_long_is_told_everything_anew() {
        let mut stream = Stream::default();
        for _ in 0..KEPT_EVENTS + 10 {
            stream.push(&event_json(&event()).unwrap(), UtcMs(0));
        }
        assert!(stream.after(3).is_none());
        assert!(stream.after(9_999).is_none(), "a number that was never given");
    }

    #[test]
    fn a_desk_that_does_not_come_back_costs_little_memory() {
        let mut stream = Stream::default();
        let long = format!("\"{}\"", "x".repeat(60_000));
        for _ in 0..1_000 {
            stream.push(&long, UtcMs(0));
        }
        assert!(stream.kept_bytes <= KEPT_BYTES);
    }
}
