//! Chance that is the same on every machine and in every version: SplitMix64 (Steele, Lea, Flood 2014).

/// A stream of numbers from a seed.
pub struct Chance(u64);

impl Chance {
    /// The stream of the `index`th thing under `seed`; streams of neighbours have nothing in common.
    pub const fn of(seed: u64, index: u64) -> Self {
        let mut mixed = Self(seed ^ index.wrapping_mul(0xD134_2543_DE82_EF95));
        mixed.next();
        mixed
    }

    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From `low` up to and with `high`.
    pub const fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = (high - low + 1) as u64;
        low + ((self.next() as u128 * span as u128) >> 64) as i64
    }

    /// True in `of_thousand` of a thousand cases.
    pub const fn happens(&mut self, of_thousand: i64) -> bool {
        self.between(0, 999) < of_thousand
    }

    pub const fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.between(0, list.len() as i64 - 1) as usize]
    }
}
