//! The beat of everything that we send by ourselves: a packet each 20 ms.
//!
//! A pace keeps no timer: it says when it is next due and, asked with `now`, gives the header of the packet that is.
//! All paces keep to one grid of 20 ms, so that a hundred listeners cost one waking and not a hundred.

use shared::time::Moment;

use super::{PACKET_MS, PACKET_SAMPLES, rtp::Header};

const PACKET_US: u64 = PACKET_MS * 1000;

/// When the machine stood still, up to so many packets are caught up in a burst; what is older is left out,
/// because a listener's jitter buffer would throw it away.
pub const MAX_CATCH_UP: u64 = 5;

#[derive(Debug)]
pub struct Pace {
    /// In steps of the grid since the clock's origin.
    next_step: u64,
    sequence: u16,
    timestamp: u32,
}

/// One step that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Numbered within this pace, for `rtp::Outgoing` to make the numbers the stream's own. Who sends it sets the
    /// payload type.
    pub header: Header,
    /// How many steps before it are left out. Time passes over them, but no number of the sequence: nothing was lost
    /// on the way.
    pub left_out: u64,
}

impl Pace {
    pub fn start(now: Moment) -> Self {
        Self { next_step: now.mono_us.div_ceil(PACKET_US), sequence: 0, timestamp: 0 }
    }

    /// When the next step is due, in microseconds of the monotonic clock.
    pub fn next_due_us(&self) -> u64 {
        self.next_step * PACKET_US
    }

    /// The next step, if it is due. Ask until there is none.
    pub fn take_due(&mut self, now: Moment) -> Option<Due> {
        let present_step = now.mono_us / PACKET_US;
        let behind = (present_step + 1).checked_sub(self.next_step).filter(|&behind| behind > 0)?;
        let left_out = behind.saturating_sub(MAX_CATCH_UP);
        self.advance(left_out);
        let header =
            Header { payload_type: 0, marker: false, sequence: self.sequence, timestamp: self.timestamp, ssrc: 0 };
        self.sequence = self.sequence.wrapping_add(1);
        self.advance(1);
        Some(Due { header, left_out })
    }

    fn advance(&mut self, n_steps: u64) {
        self.next_step += n_steps;
        self.timestamp = self.timestamp.wrapping_add((n_steps as u32).wrapping_mul(PACKET_SAMPLES as u32));
    }
}
