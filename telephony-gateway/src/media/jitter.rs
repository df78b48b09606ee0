//! What one party of a conference has said and the conference has not yet heard.
//!
//! Packets come early, late, twice or in disorder; the conference wants 160 samples each 20 ms. Samples are laid where
//! their RTP timestamp puts them, and begin to flow when enough of them wait. A stream that runs dry because it is
//! late, and not because its party pauses, waits a little longer from then on.

use super::{PACKET_SAMPLES, rtp::Header};

/// In samples: 256 ms. A power of two, so that a timestamp finds its place by its low bits.
const CAPACITY: usize = 2048;

/// How much must wait before it flows: two packets at first, six at most.
const SHORTEST_WAIT: u32 = 2 * PACKET_SAMPLES as u32;
const LONGEST_WAIT: u32 = 6 * PACKET_SAMPLES as u32;

/// So much more than what is waited for may pile up (a clock that is faster than ours, a burst after a standstill);
/// then the oldest is left out, so that the conference does not lag behind its parties.
const MOST_BEYOND: u32 = 5 * PACKET_SAMPLES as u32;

/// A packet of G.711 that carries more than this, 100 ms, is no telephone's.
const LONGEST_PACKET: usize = 800;

#[derive(Debug)]
pub struct Said {
    source: Option<u32>,
    /// A ring: zero everywhere but from `next` to `end`.
    samples: Box<[i16; CAPACITY]>,
    /// The timestamp of the sample that is heard next, and the one behind the last that waits.
    next: u32,
    end: u32,
    flows: bool,
    wait: u32,
}

impl Default for Said {
    fn default() -> Self {
        Self { source: None, samples: Box::new([0; CAPACITY]), next: 0, end: 0, flows: false, wait: SHORTEST_WAIT }
    }
}

impl Said {
    /// Lays a packet's sound into its place. `samples` must say how many they are.
    pub fn lay(&mut self, header: Header, samples: impl ExactSizeIterator<Item = i16>) {
        let n_samples = samples.len();
        if n_samples == 0 || n_samples > LONGEST_PACKET {
            return;
        }
        let (begin, end) = (header.timestamp, header.timestamp.wrapping_add(n_samples as u32));
        let jump = distance(self.next, begin).unsigned_abs() as usize;
        if self.source != Some(header.ssrc) || jump >= CAPACITY {
            self.restart(header);
        } else if self.depth() == 0 && distance(self.end, begin) >= 0 {
            self.resume(begin);
        }
        if distance(self.next, end) <= 0 {
            return; // its time is over
        }
        if distance(self.next, end) as u32 > self.wait + MOST_BEYOND {
            self.leave_out_until(end.wrapping_sub(self.wait));
        }
        for (n, sample) in samples.enumerate() {
            let at = begin.wrapping_add(n as u32);
            if distance(self.next, at) >= 0 {
                self.samples[place(at)] = sample;
            }
        }
        if distance(self.end, end) > 0 {
            self.end = end;
        }
    }

    /// The next 20 ms; none while nothing flows.
    pub fn take(&mut self) -> Option<[i16; PACKET_SAMPLES]> {
        self.flows |= self.depth() >= self.wait;
        if !self.flows {
            return None;
        }
        let mut taken = [0; PACKET_SAMPLES];
        let n_taken = (self.depth() as usize).min(PACKET_SAMPLES);
        for sample in &mut taken[..n_taken] {
            let at = place(self.next);
            *sample = self.samples[at];
            self.samples[at] = 0;
            self.next = self.next.wrapping_add(1);
        }
        self.flows = self.depth() > 0 || n_taken == PACKET_SAMPLES;
        (n_taken > 0).then_some(taken)
    }

    fn depth(&self) -> u32 {
        self.end.wrapping_sub(self.next)
    }

    fn restart(&mut self, header: Header) {
        self.samples.fill(0);
        self.source = Some(header.ssrc);
        self.next = header.timestamp;
        self.end = header.timestamp;
        self.flows = false;
    }

    /// Nothing waited, and the stream goes on. Without a hole in its time it has not paused but is late.
    fn resume(&mut self, begin: u32) {
        if self.flows {
            return; // just in time
        }
        if begin == self.end {
            self.wait = (self.wait + PACKET_SAMPLES as u32).min(LONGEST_WAIT);
        }
        self.next = begin;
        self.end = begin;
    }

    fn leave_out_until(&mut self, timestamp: u32) {
        while distance(self.next, timestamp) > 0 && self.next != self.end {
            self.samples[place(self.next)] = 0;
            self.next = self.next.wrapping_add(1);
        }
        if self.next == self.end && distance(self.next, timestamp) > 0 {
            self.next = timestamp;
            self.end = timestamp;
        }
    }
}

fn place(timestamp: u32) -> usize {
    timestamp as usize % CAPACITY
}

/// From one timestamp to another, round the end of the numbers.
fn distance(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from) as i32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(ssrc: u32, timestamp: u32) -> Header {
        Header { payload_type: 8, marker: false, sequence: 0, timestamp, ssrc }
    }

    /// Lays packets whose samples are their number in the stream, counted from one.
    fn lay(said: &mut Said, first: u32, packets: &[u32]) {
        for &n in packets {
            said.lay(header(1, first.wrapping_add(n * 160)), (0..160).map(move |_| n as i16 + 1));
        }
    }

    /// Which packet is heard at each beat; zero for silence.
    fn heard(said: &mut Said, n_beats: usize) -> Vec<i16> {
        (0..n_beats).map(|_| said.take().map_or(0, |samples| samples[80])).collect()
    }

    #[test]
    fn speech_flows_when_two_packets_wait_and_in_the_order_of_its_time() {
        let mut said = Said::default();
        lay(&mut said, u32::MAX - 200, &[0]);
        assert_eq!(heard(&mut said, 1), [0]);
        lay(&mut said, u32::MAX - 200, &[2, 1, 1, 3]);
        assert_eq!(heard(&mut said, 4), [1, 2, 3, 4]);
    }

    #[test]
    fn a_packet_that_is_lost_is_a_hole_of_its_own_length() {
        let mut said = Said::default();
        lay(&mut said, 0, &[0, 1, 3]);
        assert_eq!(heard(&mut said, 4), [1, 2, 0, 4]);
        lay(&mut said, 0, &[2]);
        assert_eq!(heard(&mut said, 1), [0], "what comes after its time is not heard");
    }

    #[test]
    fn a_late_stream_is_waited_for_longer_and_a_pause_is_not() {
        let mut said = Said::default();
        lay(&mut said, 0, &[0, 1]);
        assert_eq!(heard(&mut said, 4), [1, 2, 0, 0]);
        lay(&mut said, 0, &[2, 3]);
        assert_eq!(heard(&mut said, 1), [0], "three must wait now");
        lay(&mut said, 0, &[4]);
        assert_eq!(heard(&mut said, 4), [3, 4, 5, 0]);
        lay(&mut said, 0, &[50, 51]);
        assert_eq!(heard(&mut said, 1), [0], "the pause has not made it longer …");
        lay(&mut said, 0, &[52]);
        assert_eq!(heard(&mut said, 3), [51, 52, 53], "… and not shorter");
    }

    #[test]
    fn a_burst_does_not_make_the_conference_lag_behind() {
        let mut said = Said::default();
        lay(&mut said, 0, &(0..12).collect::<Vec<_>>());
        let heard = heard(&mut said, 20);
        let n_heard = heard.iter().filter(|&&n| n > 0).count();
        assert!((2..=7).contains(&n_heard), "{heard:?}");
        assert!(heard.contains(&12), "the newest is heard: {heard:?}");
    }

    #[test]
    fn a_new_source_begins_anew() {
        let mut said = Said::default();
        lay(&mut said, 0, &[0, 1]);
        for n in 0..2 {
            said.lay(header(2, 77 + n * 160), (0..160).map(|_| 99));
        }
        assert_eq!(heard(&mut said, 3), [99, 99, 0]);
    }

    proptest! {
        #[test]
        fn no_order_of_packets_makes_it_panic_or_repeat_a_sample(
            packets in proptest::collection::vec((any::<u32>(), 0u32..3, 0usize..1000, any::<bool>()), 1..200)
        ) {
            let mut said = Said::default();
            for (timestamp, ssrc, n_samples, takes) in packets {
                let near = if takes { timestamp % 4000 } else { timestamp };
                said.lay(header(ssrc, near), (0..n_samples).map(|_| 1));
                if takes {
                    said.take();
                }
                prop_assert!(said.depth() <= LONGEST_WAIT + MOST_BEYOND);
                let n_waiting = said.samples.iter().filter(|&&sample| sample != 0).count();
                prop_assert!(n_waiting <= said.depth() as usize);
            }
        }
    }
}
