//! What came out at an end of the line, counted in samples: who can be heard in a stretch, how well a known recording
//! has come through, and where something is missing.
//!
//! [`Sound`] is a mono recording. [`Sound::tone`] and [`Sound::speech`] make what is put in at one end, [`Sound::read`]
//! reads what was recorded at the other; [`Sound::hears`] tells tones apart, [`Sound::follow`] (`follow.rs`) lays a
//! known recording beside it, [`Sound::gaps`] lists stretches of silence.

mod follow;
mod fourier;
mod wav;

#[cfg(test)]
mod tests;

use std::f64::consts::TAU;
use std::ops::Range;

pub use follow::Followed;

/// Samples a second of everything that is made here, as G.711 has it.
pub const RATE: u32 = 8000;
/// Tones are looked for in blocks of so many milliseconds: they stand 10 Hz apart.
const BLOCK_MS: usize = 100;
/// The quadratic mean of a tone that counts as heard, of 32768. G.711 itself makes less noise, and a puppet sings at
/// some 6000.
const AUDIBLE: f64 = 250.0;
/// What is no louder is silence: A-law knows no zero and says 8.
const SILENT: i16 = 16;

/// A mono recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    pub rate: u32,
    pub samples: Vec<i16>,
}

/// A stretch without a sound, in samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    pub at: usize,
    pub len: usize,
}

impl Sound {
    /// A steady tone.
    pub fn tone(hz: u32, ms: usize) -> Self {
        let at = |n: usize| 9000.0 * (TAU * f64::from(hz) * n as f64 / f64::from(RATE)).sin();
        Self { rate: RATE, samples: (0..samples_of(RATE, ms)).map(|n| at(n) as i16).collect() }
    }

    /// Something as restless as speech that resembles itself nowhere, and so can be found again. Never silent for
    /// longer than some samples. The same for the same seed.
    pub fn speech(seed: u64, ms: usize) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        // Three voices that glide to another pitch every 50 ms, as formants do.
        let mut voices = [(500.0, 0.0), (1200.0, 0.0), (2400.0, 0.0)];
        let bounds = [(300.0, 900.0), (900.0, 1800.0), (1800.0, 3200.0)];
        let glide = samples_of(RATE, 50);
        let (mut steps, mut loudness, mut louder) = ([0.0; 3], 0.7, 0.0);
        let samples = (0..samples_of(RATE, ms)).map(|n| {
            if n % glide == 0 {
                for (step, ((pitch, _), (low, high))) in steps.iter_mut().zip(voices.iter().zip(bounds)) {
                    *step = (low + (high - low) * random.unit() - pitch) / glide as f64;
                }
                louder = (0.4 + 0.6 * random.unit() - loudness) / glide as f64;
            }
            loudness += louder;
            let mut sum = 0.0;
            for ((pitch, phase), step) in voices.iter_mut().zip(steps) {
                *pitch += step;
                *phase += TAU * *pitch / f64::from(RATE);
                sum += phase.sin();
            }
            (sum * loudness * 4500.0) as i16
        });
        Self { rate: RATE, samples: samples.collect() }
    }

    pub fn ms(&self) -> usize {
        self.samples.len() * 1000 / self.rate as usize
    }

    /// A stretch of it, in milliseconds from its beginning, as far as it goes.
    pub fn part(&self, ms: Range<usize>) -> Self {
        let [from, until] = [ms.start, ms.end].map(|ms| samples_of(self.rate, ms).min(self.samples.len()));
        Self { rate: self.rate, samples: self.samples[from..until.max(from)].to_vec() }
    }

    /// Without its first and last milliseconds, in which whoever is at the other end is still moving.
    pub fn without_edges(&self, ms: usize) -> Self {
        self.part(ms..self.ms().saturating_sub(ms))
    }

    /// The share of blocks of 100 ms in which this tone can be heard, from 0 to 1.
    pub fn hears(&self, hz: u32) -> f64 {
        let block = samples_of(self.rate, BLOCK_MS);
        let blocks = self.samples.chunks_exact(block);
        let n_blocks = blocks.len();
        assert!(n_blocks > 0, "{} ms are too short to hear anything", self.ms());
        let heard = blocks.filter(|block| strength(block, hz, self.rate) >= AUDIBLE).count();
        heard as f64 / n_blocks as f64
    }

    /// Every stretch of silence that is at least so long.
    pub fn gaps(&self, at_least_ms: usize) -> Vec<Gap> {
        let at_least = samples_of(self.rate, at_least_ms).max(1);
        let mut gaps = Vec::new();
        let mut at = 0;
        for run in self.samples.chunk_by(|one, other| is_silent(*one) == is_silent(*other)) {
            if is_silent(run[0]) && run.len() >= at_least {
                gaps.push(Gap { at, len: run.len() });
            }
            at += run.len();
        }
        gaps
    }

    /// The share of samples that are silence, from 0 to 1.
    pub fn silence(&self) -> f64 {
        let n_silent = self.samples.iter().filter(|sample| is_silent(**sample)).count();
        n_silent as f64 / self.samples.len().max(1) as f64
    }
}

/// The quadratic mean of one tone in a block (Goertzel), under a Hann window, so that a tone that is interrupted does
/// not look like its neighbours.
fn strength(block: &[i16], hz: u32, rate: u32) -> f64 {
    let n = block.len() as f64;
    let turn = 2.0 * (TAU * f64::from(hz) / f64::from(rate)).cos();
    let (mut one, mut two) = (0.0, 0.0);
    for (index, sample) in block.iter().enumerate() {
        let window = 0.5 - 0.5 * (TAU * index as f64 / n).cos();
        let next = window * f64::from(*sample) + turn * one - two;
        (two, one) = (one, next);
    }
    let power = (one * one + two * two - turn * one * two).max(0.0);
    // The window halves the amplitude; an amplitude of 1 has a quadratic mean of 1/√2.
    (power.sqrt() * 4.0 / n) / std::f64::consts::SQRT_2
}

const fn is_silent(sample: i16) -> bool {
    sample.unsigned_abs() <= SILENT.unsigned_abs()
}

const fn samples_of(rate: u32, ms: usize) -> usize {
    rate as usize * ms / 1000
}

/// Numbers that are the same on every machine (xorshift64*).
struct Random(u64);

impl Random {
    /// From 0 to 1.
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
