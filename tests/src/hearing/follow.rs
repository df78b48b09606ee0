//! Lays a known recording beside what came out at the other end, piece by piece: a buffer on the way may lengthen or
//! shorten a pause, and what lies on either side of it must still be heard well.

use std::ops::Range;

use super::fourier::products;
use super::{Gap, Sound, samples_of};

/// The recording is compared in pieces of so many milliseconds.
const PIECE_MS: usize = 100;
/// So far a piece may have moved against the one before it.
const SHIFT_MS: usize = 250;
/// A piece that fits no better has not come out.
const FITS: f64 = 0.5;

/// How a known recording has come out.
#[derive(Clone, Debug)]
pub struct Followed {
    /// Where its first and last piece begin and end in what came out, in samples.
    pub span: Range<usize>,
    /// How well the pieces that came out fit, all together: 1 is the very same.
    pub correlation: f64,
    pub n_pieces: usize,
    /// Pieces that have not come out at all.
    pub n_lost: usize,
    /// The longest move of one piece against the one before it, in samples: something was left out or put in there.
    pub longest_move: usize,
    /// Stretches of silence in between of at least 10 ms.
    pub gaps: Vec<Gap>,
}

impl Followed {
    pub fn longest_gap_ms(&self, rate: u32) -> usize {
        self.gaps.iter().map(|gap| gap.len).max().unwrap_or(0) * 1000 / rate as usize
    }
}

impl Sound {
    /// Finds a recording in this one. `None` when nothing of its first second is there.
    pub fn follow(&self, known: &Self) -> Option<Followed> {
        assert_eq!(self.rate, known.rate, "recordings of different rates cannot be compared");
        let came_out: Vec<f64> = self.samples.iter().map(|sample| f64::from(*sample)).collect();
        let known: Vec<f64> = known.samples.iter().map(|sample| f64::from(*sample)).collect();
        let (piece, shift) = (samples_of(self.rate, PIECE_MS), samples_of(self.rate, SHIFT_MS));
        let (found, fit) = best(&came_out, &known[..known.len().min(10 * piece)])?;
        if fit < FITS {
            return None;
        }
        // How far what came out lies behind the recording; less than nothing when something was left out at once.
        let mut offset = found.cast_signed();
        let mut sums = Sums::default();
        let (mut n_lost, mut longest_move, mut last_end, mut n_pieces) = (0, 0, found, 0);
        for (index, want) in known.chunks_exact(piece).enumerate() {
            let expected = offset.saturating_add_unsigned(index * piece).max(0).cast_unsigned();
            let from = expected.saturating_sub(shift).max(found);
            let until = (expected + piece + shift).min(came_out.len());
            // What was not recorded to its end is not compared to its end.
            if expected + piece > came_out.len() {
                break;
            }
            n_pieces += 1;
            match best(&came_out[from.min(until)..until], want) {
                Some((at, fit)) if fit >= FITS => {
                    let at = from + at;
                    longest_move = longest_move.max(at.abs_diff(expected));
                    offset = at.cast_signed() - (index * piece).cast_signed();
                    sums.add(&came_out[at..at + piece], want);
                    last_end = at + piece;
                }
                _ => n_lost += 1,
            }
        }
        let inner = Self { rate: self.rate, samples: self.samples[found..last_end].to_vec() };
        Some(Followed {
            span: found..last_end,
            correlation: sums.correlation(),
            n_pieces,
            n_lost,
            longest_move,
            gaps: inner.gaps(10),
        })
    }
}

/// Where `known` fits best, and how well.
fn best(came_out: &[f64], known: &[f64]) -> Option<(usize, f64)> {
    let energy: f64 = known.iter().map(|sample| sample * sample).sum();
    let mut squares = Vec::with_capacity(came_out.len() + 1);
    squares.push(0.0);
    for sample in came_out {
        squares.push(squares[squares.len() - 1] + sample * sample);
    }
    let fit = |at: usize, product: f64| {
        let here = squares[at + known.len()] - squares[at];
        // Where next to nothing is heard, nothing fits.
        if here < known.len() as f64 { 0.0 } else { product / (here * energy).sqrt() }
    };
    let fits = products(came_out, known).into_iter().enumerate().map(|(at, product)| (at, fit(at, product)));
    fits.max_by(|one, other| one.1.total_cmp(&other.1))
}

#[derive(Default)]
struct Sums {
    product: f64,
    heard: f64,
    known: f64,
}

impl Sums {
    fn add(&mut self, heard: &[f64], known: &[f64]) {
        for (heard, known) in heard.iter().zip(known) {
            self.product += heard * known;
            self.heard += heard * heard;
            self.known += known * known;
        }
    }

    fn correlation(&self) -> f64 {
        let energy = (self.heard * self.known).sqrt();
        if energy > 0.0 { self.product / energy } else { 0.0 }
    }
}
