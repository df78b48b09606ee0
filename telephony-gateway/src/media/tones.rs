//! The tones of the telephone network that we make ourselves.

use std::{f32::consts::TAU, sync::Arc};

use super::SAMPLE_RATE;

/// The Russian network's tone for everything, in hertz.
const PITCH: f32 = 425.0;
/// −10 dBm0, as a network's tone (ITU-T E.180): full scale of the A-law is +3.14 dBm0, so −13.14 dBFS.
const LEVEL: f32 = 0.22 * i16::MAX as f32;
/// A tone that begins and ends at once clicks.
const EDGE_SAMPLES: usize = 40;

/// «It rings»: 425 Hz, one second on, four seconds off, to be repeated.
pub fn ringing() -> Arc<[i16]> {
    let (on, whole) = (SAMPLE_RATE as usize, 5 * SAMPLE_RATE as usize);
    let sample = |n: usize| {
        let edge = n.min(on.saturating_sub(n)).min(EDGE_SAMPLES) as f32 / EDGE_SAMPLES as f32;
        (LEVEL * edge * (TAU * PITCH * n as f32 / SAMPLE_RATE as f32).sin()) as i16
    };
    (0..whole).map(|n| if n < on { sample(n) } else { 0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rings_for_a_second_and_is_silent_for_four() {
        let ringing = ringing();
        assert_eq!(ringing.len(), 40_000);
        assert!(ringing[8000..].iter().all(|&sample| sample == 0));
        let crossings = ringing[..8000].windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
        assert!((424..=426).contains(&crossings), "{crossings} hertz");
        let loudest = ringing.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
        assert!((7000..7400).contains(&loudest), "{loudest}");
    }
}
