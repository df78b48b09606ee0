//! A conference: each party hears the sum of the others and never itself.
//!
//! [`Mixer::hear`] takes what comes, [`Mixer::mix`] is called each 20 ms and gives every party its own sum. Where several
//! speak loudly at once, the sum is turned down as a whole instead of being cut off, so that it does not crackle.

use super::{PACKET_SAMPLES, g711::Codec, jitter::Said, rtp::Header};

/// More voices than these are noise, and each party costs a sum of its own.
pub const MAX_PARTIES: usize = 8;

pub type Frame = [i16; PACKET_SAMPLES];

#[derive(Debug, Default)]
pub struct Mixer {
    seats: [Option<Seat>; MAX_PARTIES],
}

#[derive(Debug, Default)]
struct Seat {
    said: Said,
    loudness: Loudness,
}

impl Mixer {
    /// Somebody takes this seat, with nothing said yet. A seat that does not exist is nobody's.
    pub fn sit(&mut self, seat: usize) {
        if let Some(place) = self.seats.get_mut(seat) {
            *place = Some(Seat::default());
        }
    }

    pub fn leave(&mut self, seat: usize) {
        if let Some(place) = self.seats.get_mut(seat) {
            *place = None;
        }
    }

    /// What the party on this seat says.
    pub fn hear(&mut self, seat: usize, header: Header, codec: Codec, payload: &[u8]) {
        if let Some(Some(seat)) = self.seats.get_mut(seat) {
            seat.said.lay(header, payload.iter().map(|&byte| codec.decode(byte)));
        }
    }

    /// The next 20 ms: gives each taken seat what it hears.
    pub fn mix(&mut self, mut gives: impl FnMut(usize, &Frame)) {
        let mut said: [Option<Frame>; MAX_PARTIES] = [None; MAX_PARTIES];
        let mut sum = [0_i32; PACKET_SAMPLES];
        for (seat, frame) in self.seats.iter_mut().zip(&mut said) {
            *frame = seat.as_mut().and_then(|seat| seat.said.take());
            for (total, &sample) in sum.iter_mut().zip(frame.iter().flatten()) {
                *total += i32::from(sample);
            }
        }
        for (number, (seat, own)) in self.seats.iter_mut().zip(&said).enumerate() {
            let Some(seat) = seat else { continue };
            let mut others = sum;
            for (total, &sample) in others.iter_mut().zip(own.iter().flatten()) {
                *total -= i32::from(sample);
            }
            gives(number, &seat.loudness.fit(&others));
        }
    }
}

/// Keeps a sum within 16 bits: down at once, up again over a third of a second.
#[derive(Debug)]
struct Loudness {
    /// In parts of [`FULL`].
    gain: i32,
}

const FULL: i32 = 1 << 14;
const UP_A_FRAME: i32 = FULL / 16;

impl Default for Loudness {
    fn default() -> Self {
        Self { gain: FULL }
    }
}

impl Loudness {
    fn fit(&mut self, sum: &[i32; PACKET_SAMPLES]) -> Frame {
        let loudest = sum.iter().map(|sample| sample.abs()).max().unwrap_or(0);
        let most = i32::from(i16::MAX);
        if loudest <= most && self.gain == FULL {
            return sum.map(|sample| sample as i16);
        }
        // Eight voices of 16 bits times 14 bits of gain need more than 32.
        let allowed =
            if loudest > most { (i64::from(most) * i64::from(FULL) / i64::from(loudest)) as i32 } else { FULL };
        let from = self.gain.min(allowed);
        self.gain = (from + UP_A_FRAME).min(allowed);
        let mut fitting = [0; PACKET_SAMPLES];
        for (n, (fitted, &sample)) in fitting.iter_mut().zip(sum).enumerate() {
            let gain = from + (self.gain - from) * n as i32 / PACKET_SAMPLES as i32;
            let scaled = i64::from(sample) * i64::from(gain) / i64::from(FULL);
            *fitted = scaled.clamp(i64::from(i16::MIN), i64::from(i16::MAX)) as i16;
        }
        fitting
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    const TONES: [f64; 3] = [400.0, 700.0, 1100.0];

    fn header(seat: usize, beat: usize) -> Header {
        let number = beat as u32;
        Header { payload_type: 8, marker: false, sequence: beat as u16, timestamp: number * 160, ssrc: seat as u32 }
    }

    fn tone(hertz: f64, level: f64, beat: usize) -> Vec<i16> {
        (0..160).map(|n| (level * (TAU * hertz * (beat * 160 + n) as f64 / 8000.0).sin()) as i16).collect()
    }

    /// How loud a tone is in a sound (Goertzel's sum, written out).
    fn level(sound: &[i16], hertz: f64) -> f64 {
        let (mut re, mut im) = (0.0, 0.0);
        for (n, &sample) in sound.iter().enumerate() {
            let turn = TAU * hertz * n as f64 / 8000.0;
            re += f64::from(sample) * turn.cos();
            im += f64::from(sample) * turn.sin();
        }
        2.0 * re.hypot(im) / sound.len() as f64
    }

    /// Everybody says its own tone for a second; what each of them hears.
    fn confer(says: impl Fn(usize, usize) -> Option<Vec<i16>>, n_parties: usize) -> Vec<Vec<i16>> {
        let mut mixer = Mixer::default();
        (0..n_parties).for_each(|seat| mixer.sit(seat));
        let mut heard = vec![Vec::new(); n_parties];
        for beat in 0..50 {
            for seat in 0..n_parties {
                let codec = if seat % 2 == 0 { Codec::Pcma } else { Codec::Pcmu };
                if let Some(said) = says(seat, beat) {
                    let payload: Vec<u8> = said.iter().map(|&sample| codec.encode(sample)).collect();
                    mixer.hear(seat, header(seat, beat), codec, &payload);
                }
            }
            mixer.mix(|seat, frame| heard[seat].extend(frame));
        }
        heard
    }

    #[test]
    fn each_of_three_hears_the_other_two_and_not_itself() {
        let heard = confer(|seat, beat| Some(tone(TONES[seat], 6000.0, beat)), 3);
        for (listener, sound) in heard.iter().enumerate() {
            assert_eq!(sound.len(), 8000);
            for (speaker, hertz) in TONES.into_iter().enumerate() {
                let level = level(&sound[1600..6400], hertz);
                if speaker == listener {
                    assert!(level < 60.0, "{listener} hears itself with {level:.0}");
                } else {
                    assert!((5700.0..6300.0).contains(&level), "{listener} hears {speaker} with {level:.0}");
                }
            }
        }
    }

    #[test]
    fn whoever_is_silent_hears_the_others_and_disturbs_nobody() {
        let heard = confer(|seat, beat| (seat != 2).then(|| tone(TONES[seat], 6000.0, beat)), 3);
        assert!(level(&heard[2][1600..6400], TONES[0]) > 5700.0 && level(&heard[2][1600..6400], TONES[1]) > 5700.0);
        assert!(level(&heard[0][1600..6400], TONES[0]) < 60.0 && level(&heard[0][1600..6400], TONES[1]) > 5700.0);
    }

    #[test]
    fn whoever_leaves_is_heard_no_more() {
        let mut mixer = Mixer::default();
        (0..3).for_each(|seat| mixer.sit(seat));
        let loud = [Codec::Pcma.encode(8000); 160];
        for beat in 0..3 {
            (0..3).for_each(|seat| mixer.hear(seat, header(seat, beat), Codec::Pcma, &loud));
        }
        mixer.leave(1);
        let mut heard = Vec::new();
        mixer.mix(|seat, frame| heard.push((seat, frame[0])));
        let one = Codec::Pcma.decode(loud[0]);
        assert_eq!(heard, [(0, one), (2, one)]);
    }

    #[test]
    fn eight_who_shout_at_once_are_turned_down_and_not_cut_off() {
        let shout = |hertz, beat| Some(tone(hertz, 30_000.0, beat));
        let heard = confer(|seat, beat| shout(300.0 + 125.0 * seat as f64, beat), MAX_PARTIES);
        let sound = &heard[0][1600..6400];
        let levels: Vec<f64> = (1..8).map(|seat| level(sound, 300.0 + 125.0 * f64::from(seat))).collect();
        let (softest, loudest) =
            (levels.iter().copied().fold(f64::MAX, f64::min), levels.iter().copied().fold(0.0, f64::max));
        assert!(softest > 0.9 * loudest && softest > 2500.0, "{levels:?}");
        // Cut off tones bring tones that nobody has sung.
        let foreign = level(sound, 2900.0);
        assert!(foreign < softest / 10.0, "{foreign:.0} against {softest:.0}");
        let at_the_end = sound.iter().filter(|sample| sample.unsigned_abs() >= 32_767).count();
        assert!(at_the_end < sound.len() / 100, "{at_the_end} samples are at the end of the scale");
    }

    #[test]
    fn after_a_shout_the_voices_come_up_again() {
        let mut loudness = Loudness::default();
        loudness.fit(&[200_000; PACKET_SAMPLES]);
        let soft = [1000; PACKET_SAMPLES];
        let levels: Vec<i16> = (0..20).map(|_| loudness.fit(&soft)[159]).collect();
        assert!(levels[0] < 300 && levels.is_sorted(), "{levels:?}");
        assert_eq!(levels[19], 1000);
    }
}
