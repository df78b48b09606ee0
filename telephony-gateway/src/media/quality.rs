//! How much sound went each way over a port, and how much of it the network lost.

use super::rtp::Header;

/// What a port has to tell when it closes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub received: Received,
    pub sent: Sent,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    pub packets: u64,
    /// Of sound, without headers.
    pub bytes: u64,
    /// By the holes in the sequence; a packet that came twice does not fill one.
    pub lost: u64,
    /// Datagrams which were not this party's sound: strangers, torn packets, unknown payload types.
    pub refused: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    pub packets: u64,
    pub bytes: u64,
}

/// Counts what a party sends. Loss is what the sequence numbers promised, less what came (RFC 3550 A.3), summed
/// over the runs of a stream which changes its SSRC or starts its numbers again.
#[derive(Debug, Default)]
pub struct Meter {
    packets: u64,
    bytes: u64,
    refused: u64,
    lost_before: u64,
    run: Option<Run>,
}

#[derive(Debug)]
struct Run {
    ssrc: u32,
    highest: u16,
    promised: u64,
    came: u64,
}

const MAX_DROPOUT: u16 = 3000;
const MAX_MISORDER: u16 = 100;

impl Meter {
    pub fn count(&mut self, header: Header, payload_len: usize) {
        self.packets += 1;
        self.bytes += payload_len as u64;
        if let Some(run) = self.run.as_mut().filter(|run| run.ssrc == header.ssrc) {
            let ahead = header.sequence.wrapping_sub(run.highest);
            if ahead < MAX_DROPOUT {
                run.promised += u64::from(ahead);
                run.highest = header.sequence;
                // The same number again promises nothing and brings nothing.
                run.came += u64::from(ahead > 0);
                return;
            }
            if ahead > u16::MAX - MAX_MISORDER {
                run.came += 1;
                return;
            }
        }
        self.lost_before = self.lost();
        self.run = Some(Run { ssrc: header.ssrc, highest: header.sequence, promised: 1, came: 1 });
    }

    pub fn refuse(&mut self) {
        self.refused += 1;
    }

    pub fn received(&self) -> Received {
        Received { packets: self.packets, bytes: self.bytes, lost: self.lost(), refused: self.refused }
    }

    fn lost(&self) -> u64 {
        self.lost_before + self.run.as_ref().map_or(0, |run| run.promised.saturating_sub(run.came))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sequences: &[(u32, u16)], lost: u64) {
        let mut meter = Meter::default();
        for &(ssrc, sequence) in sequences {
            meter.count(Header { payload_type: 8, marker: false, sequence, timestamp: 0, ssrc }, 160);
        }
        assert_eq!(meter.received().lost, lost, "{sequences:?}");
        assert_eq!(meter.received().packets, sequences.len() as u64);
    }

    #[test]
    fn a_hole_in_the_sequence_is_a_lost_packet() {
        check(&[(1, 10), (1, 11), (1, 14), (1, 15)], 2);
        check(&[(1, 65_534), (1, 65_535), (1, 1)], 1);
    }

    #[test]
    fn a_late_packet_is_not_lost_and_a_doubled_one_fills_no_hole() {
        check(&[(1, 10), (1, 12), (1, 11), (1, 13)], 0);
        check(&[(1, 10), (1, 12), (1, 12), (1, 13)], 1);
    }

    #[test]
    fn a_new_source_begins_its_own_count_and_the_old_losses_stay() {
        check(&[(1, 10), (1, 12), (2, 40_000), (2, 40_001)], 1);
        check(&[(1, 10), (1, 12), (1, 50_000), (1, 50_002)], 2);
    }
}
