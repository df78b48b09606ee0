//! The music on hold which Pult makes itself, so that a fresh installation needs no file and no licence for one.
//!
//! Eight bars of slow broken chords under a sparse melody, on a soft plucked voice. Every note rings on over the
//! end into the beginning, so the loop has no seam to hear. It is quiet: −24 dBFS on average, so that the caller
//! can lay the phone on the table and a voice that follows is never softer.

use std::{f32::consts::TAU, sync::Arc};

use super::SAMPLE_RATE;

const BEATS: usize = 32;
const BEAT_SAMPLES: usize = SAMPLE_RATE as usize * 6 / 10; // 100 beats a minute, 19.2 s in all
const AVERAGE_LEVEL: f32 = 0.063 * i16::MAX as f32; // −24 dBFS

/// The chords, two bars each, as semitones from the A of 220 Hz: A minor, F, C, G.
const CHORDS: [[i32; 4]; 4] = [[-12, -5, 0, 3], [-16, -9, -4, 0], [-9, -5, -2, 3], [-14, -7, -2, 2]];

/// The order in which the hand breaks a chord, half a beat a note.
const HAND: [usize; 8] = [0, 2, 1, 3, 2, 3, 1, 2];

/// The melody: beat, semitones from A 220, how strongly.
const MELODY: [(f32, i32, f32); 14] = [
    (0.0, 12, 1.0),
    (3.0, 15, 0.8),
    (4.0, 14, 0.9),
    (6.0, 12, 0.7),
    (8.0, 8, 1.0),
    (11.0, 12, 0.8),
    (12.0, 15, 0.9),
    (14.5, 14, 0.7),
    (16.0, 10, 1.0),
    (19.0, 7, 0.8),
    (20.0, 15, 0.9),
    (24.0, 14, 1.0),
    (27.0, 10, 0.8),
    (28.0, 5, 0.7),
];

/// The loop, 19.2 s at 8 kHz, mono.
pub fn on_hold() -> Arc<[i16]> {
    let mut mix = vec![0.0; BEATS * BEAT_SAMPLES];
    for half_beat in 0..BEATS * 2 {
        let chord = CHORDS[half_beat / 16];
        let semitones = chord[HAND[half_beat % HAND.len()]];
        ring(&mut mix, half_beat * BEAT_SAMPLES / 2, semitones, 0.5);
    }
    for (beat, semitones, strength) in MELODY {
        ring(&mut mix, (beat * BEAT_SAMPLES as f32) as usize, semitones, 0.7 * strength);
    }
    let average = (mix.iter().map(|sample| sample * sample).sum::<f32>() / mix.len() as f32).sqrt();
    mix.iter().map(|sample| (sample / average * AVERAGE_LEVEL) as i16).collect()
}

/// Lays one note into the loop from `start` on, round the end to the beginning.
fn ring(mix: &mut [f32], start: usize, semitones: i32, strength: f32) {
    let pitch = 220.0 * (semitones as f32 / 12.0).exp2();
    let n_samples = SAMPLE_RATE as usize * 9 / 4;
    for n in 0..n_samples {
        let seconds = n as f32 / SAMPLE_RATE as f32;
        let phase = TAU * pitch * seconds;
        // The overtones die faster than the tone, as on a string.
        let tone = phase.sin()
            + 0.35 * (2.0 * phase).sin() * (-2.0 * seconds).exp()
            + 0.12 * (3.0 * phase).sin() * (-4.0 * seconds).exp();
        mix[(start + n) % mix.len()] += strength * tone * envelope(seconds, n_samples as f32 / SAMPLE_RATE as f32);
    }
}

/// A soft attack of 30 ms, a slow decay, and an end at zero: none of the three clicks.
fn envelope(seconds: f32, whole: f32) -> f32 {
    let attack = (seconds / 0.03).min(1.0);
    let end = ((whole - seconds) / 0.2).min(1.0);
    attack * (-1.7 * seconds).exp() * end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decibels(ratio: f64) -> f64 {
        20.0 * ratio.log10()
    }

    #[test]
    fn the_music_is_quiet_and_never_clipped() {
        let music = on_hold();
        let power: f64 = music.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / music.len() as f64;
        let average = decibels(power.sqrt() / f64::from(i16::MAX));
        let peak = decibels(music.iter().map(|&sample| f64::from(sample).abs()).fold(0.0, f64::max) / 32767.0);
        assert!((-25.0..=-20.0).contains(&average), "{average:.1} dBFS on average");
        assert!(peak <= -10.0, "{peak:.1} dBFS at the loudest");
    }

    #[test]
    fn the_loop_lasts_between_sixteen_and_twenty_seconds_and_ends_on_a_packet() {
        let music = on_hold();
        assert!((16 * 8000..=20 * 8000).contains(&music.len()));
        assert_eq!(music.len() % super::super::PACKET_SAMPLES, 0);
    }

    #[test]
    fn no_step_clicks_least_of_all_at_the_seam() {
        let music = on_hold();
        let step = |n: usize| (i32::from(music[(n + 1) % music.len()]) - i32::from(music[n])).abs();
        let seam = step(music.len() - 1);
        let ordinary = (0..music.len() - 1).map(step).max().unwrap();
        let loudest = music.iter().map(|&sample| i32::from(sample).abs()).max().unwrap();
        // A click is a step that the tones themselves, 523 Hz and two faint overtones, never make.
        assert!(seam <= ordinary, "the seam jumps by {seam}, the music by {ordinary} at most");
        assert!(ordinary < loudest / 2, "somewhere it jumps by {ordinary}, {loudest} is the loudest");
    }

    #[test]
    fn no_second_of_the_loop_is_silent() {
        let music = on_hold();
        for (second, samples) in music.chunks(8000).enumerate() {
            let loudest = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
            assert!(loudest > 600, "second {second} reaches only {loudest}");
        }
    }
}
