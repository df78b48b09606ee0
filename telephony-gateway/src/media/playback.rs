//! Plays a recording as packets of 20 ms, at the beat of [`super::pace`].

use std::sync::Arc;

use shared::time::Moment;

use super::{PACKET_SAMPLES, pace::Pace, rtp::Header};

#[derive(Debug)]
pub struct Playback {
    sound: Arc<[i16]>,
    looped: bool,
    position: usize,
    pace: Pace,
}

/// One packet's sound, numbered within its playback; `rtp::Outgoing` makes the numbers the stream's own.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    pub header: Header,
    pub samples: [i16; PACKET_SAMPLES],
}

impl Playback {
    pub fn start(sound: Arc<[i16]>, looped: bool, now: Moment) -> Self {
        Self { sound, looped, position: 0, pace: Pace::start(now) }
    }

    /// When the next packet is due, in microseconds of the monotonic clock; none when the sound is over.
    pub fn next_due_us(&self) -> Option<u64> {
        (!self.is_over()).then(|| self.pace.next_due_us())
    }

    pub fn is_over(&self) -> bool {
        self.sound.is_empty() || (!self.looped && self.position >= self.sound.len())
    }

    /// The next packet, if it is due. Ask until there is none.
    pub fn take_due(&mut self, now: Moment) -> Option<Piece> {
        if self.is_over() {
            return None;
        }
        let due = self.pace.take_due(now)?;
        self.advance(due.left_out);
        let piece = Piece { header: due.header, samples: self.samples() };
        self.advance(1);
        Some(piece)
    }

    fn advance(&mut self, n_packets: u64) {
        self.position = self.position.saturating_add(n_packets as usize * PACKET_SAMPLES);
        if self.looped {
            self.position %= self.sound.len();
        }
    }

    /// From the present position on: round the seam of a loop, and with silence behind the end of anything else.
    fn samples(&self) -> [i16; PACKET_SAMPLES] {
        let mut samples = [0; PACKET_SAMPLES];
        let (mut filled, mut position) = (0, self.position);
        while filled < PACKET_SAMPLES && position < self.sound.len() {
            let n = (PACKET_SAMPLES - filled).min(self.sound.len() - position);
            samples[filled..filled + n].copy_from_slice(&self.sound[position..position + n]);
            filled += n;
            position = if self.looped { (position + n) % self.sound.len() } else { position + n };
        }
        samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sound whose samples count up, so that a packet says by its first sample where it was taken.
    fn counting(n_samples: usize) -> Arc<[i16]> {
        (0..n_samples as i16).collect()
    }

    fn taken(playback: &mut Playback, ms: u64) -> Vec<Piece> {
        std::iter::from_fn(|| playback.take_due(Moment::at_ms(ms))).collect()
    }

    #[test]
    fn a_second_of_music_is_fifty_packets() {
        let mut playback = Playback::start(counting(8000), true, Moment::at_ms(1));
        let pieces: Vec<Piece> = (1..=1000).flat_map(|ms| taken(&mut playback, ms)).collect();
        assert_eq!(pieces.len(), 50);
        for (n, piece) in pieces.iter().enumerate() {
            assert_eq!(usize::from(piece.header.sequence), n);
            assert_eq!(piece.header.timestamp as usize, n * 160);
            assert_eq!(piece.samples[0] as usize, n * 160);
        }
        assert_eq!(playback.next_due_us(), Some(1_020_000));
    }

    #[test]
    fn everybody_s_packets_are_due_at_the_same_instants() {
        let due = |ms| Playback::start(counting(800), true, Moment::at_ms(ms)).next_due_us();
        assert_eq!([due(81), due(99), due(100)], [Some(100_000); 3]);
    }

    #[test]
    fn a_loop_goes_on_without_a_gap_over_its_seam() {
        let mut playback = Playback::start(counting(200), true, Moment::at_ms(0));
        let pieces = taken(&mut playback, 20);
        assert_eq!(pieces[1].samples[39], 199);
        assert_eq!(pieces[1].samples[40], 0);
        let mut tiny = Playback::start(counting(3), true, Moment::at_ms(0));
        assert_eq!(taken(&mut tiny, 0)[0].samples[..7], [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn an_announcement_ends_with_silence_to_the_packet_s_end() {
        let mut playback = Playback::start(counting(200), false, Moment::at_ms(0));
        let pieces: Vec<Piece> = (0..500).flat_map(|ms| taken(&mut playback, ms)).collect();
        assert_eq!(pieces.len(), 2);
        assert_eq!(pieces[1].samples[39..42], [199, 0, 0]);
        assert_eq!(playback.next_due_us(), None);
    }

    #[test]
    fn a_machine_that_stood_still_does_not_shower_the_listener() {
        let mut playback = Playback::start(counting(8000), true, Moment::at_ms(0));
        assert_eq!(taken(&mut playback, 0).len(), 1);
        let late = taken(&mut playback, 600);
        assert_eq!(late.len(), 5);
        assert_eq!(late[0].header.sequence, 1, "nothing looks lost");
        assert_eq!(late[4].header.timestamp, 600 * 8, "the sound is where the clock is");
    }

    #[test]
    fn an_empty_sound_is_over_at_once() {
        let mut playback = Playback::start(counting(0), true, Moment::at_ms(0));
        assert_eq!((playback.take_due(Moment::at_ms(100)), playback.next_due_us()), (None, None));
    }
}
