//! Money as integers.

use std::fmt;
use std::ops::{Add, Neg, Sub};

use serde::{Deserialize, Serialize};

/// Kopecks. What is owed is a positive debt in its own field, never a negative balance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(pub i64);

impl Money {
    pub const ZERO: Self = Self(0);

    pub const fn from_roubles(roubles: i64) -> Self {
        Self(roubles * 100)
    }

    pub const fn roubles(self) -> i64 {
        self.0 / 100
    }

    pub const fn kopecks(self) -> i64 {
        self.0 % 100
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Money {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl std::iter::Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// `3 150,00 ₽` as people in Russia write it: narrow no-break spaces, a comma, U+2212 for minus.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 0 {
            f.write_str("\u{2212}")?;
        }
        let kopecks = self.0.unsigned_abs();
        let roubles = (kopecks / 100).to_string();
        for (at, digit) in roubles.char_indices() {
            if at > 0 && (roubles.len() - at).is_multiple_of(3) {
                f.write_str("\u{202f}")?;
            }
            write!(f, "{digit}")?;
        }
        write!(f, ",{:02}\u{a0}₽", kopecks % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_as_people_write_them() {
        assert_eq!(Money(315_000).to_string(), "3\u{202f}150,00\u{a0}₽");
        assert_eq!(Money(-84_216).to_string(), "\u{2212}842,16\u{a0}₽");
        assert_eq!(Money(5).to_string(), "0,05\u{a0}₽");
        assert_eq!(Money(12_345_678_901).to_string(), "123\u{202f}456\u{202f}789,01\u{a0}₽");
    }
}
