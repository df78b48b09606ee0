//! How well one recording fits at every place of another, by way of their Fourier transforms.

use std::f64::consts::TAU;

type Complex = (f64, f64);

/// The inner product of `short` with each stretch of `long` of its length, from the first to the last.
pub fn products(long: &[f64], short: &[f64]) -> Vec<f64> {
    if short.is_empty() || long.len() < short.len() {
        return Vec::new();
    }
    let size = (long.len() + short.len()).next_power_of_two();
    let lay = |samples: &[f64]| {
        let mut laid: Vec<Complex> = samples.iter().map(|sample| (*sample, 0.0)).collect();
        laid.resize(size, (0.0, 0.0));
        transform(&mut laid, 1.0);
        laid
    };
    let (long_laid, short_laid) = (lay(long), lay(short));
    let mut product: Vec<Complex> =
        long_laid.iter().zip(&short_laid).map(|((a, b), (c, d))| (a * c + b * d, b * c - a * d)).collect();
    transform(&mut product, -1.0);
    product[..=long.len() - short.len()].iter().map(|(real, _)| real / size as f64).collect()
}

/// The fast transform in place; its length is a power of two. `sign` is -1 for the way back, which is not divided.
fn transform(values: &mut [Complex], sign: f64) {
    let n = values.len();
    let bits = n.trailing_zeros();
    for index in 0..n {
        let mirrored = index.reverse_bits() >> (usize::BITS - bits);
        if index < mirrored {
            values.swap(index, mirrored);
        }
    }
    let mut half = 1;
    while half < n {
        let turns: Vec<Complex> = (0..half)
            .map(|k| {
                let angle = -sign * TAU * k as f64 / (2 * half) as f64;
                (angle.cos(), angle.sin())
            })
            .collect();
        for block in values.chunks_exact_mut(2 * half) {
            let (left, right) = block.split_at_mut(half);
            for ((one, other), (cos, sin)) in left.iter_mut().zip(right).zip(&turns) {
                let turned = (other.0 * cos - other.1 * sin, other.0 * sin + other.1 * cos);
                *other = (one.0 - turned.0, one.1 - turned.1);
                *one = (one.0 + turned.0, one.1 + turned.1);
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_way_gives_what_the_plain_one_does() {
        let long: Vec<f64> = (0..37).map(|n| f64::from(n * n % 23) - 11.0).collect();
        let short = &long[9..18];
        let plain: Vec<f64> =
            long.windows(short.len()).map(|part| part.iter().zip(short).map(|(a, b)| a * b).sum()).collect();
        let quick = products(&long, short);
        assert_eq!(quick.len(), plain.len());
        assert!(quick.iter().zip(&plain).all(|(a, b)| (a - b).abs() < 1e-6), "{quick:?}");
    }

    #[test]
    fn what_is_longer_fits_nowhere() {
        assert!(products(&[1.0], &[1.0, 2.0]).is_empty());
        assert!(products(&[1.0], &[]).is_empty());
    }
}
