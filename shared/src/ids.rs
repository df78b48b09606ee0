//! Names for things: a different type for each, so that a call and an agent cannot change places.
//!
//! An id is a positive 63-bit integer, the same in both databases: 41 bits of milliseconds since 2020, 8 bits of
//! the node that minted it, 14 bits of sequence. Ids sort by time and need no agreement between gateways.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::UtcMs;

/// 2020-01-01T00:00:00Z in unix milliseconds.
const EPOCH_MS: i64 = 1_577_836_800_000;
const NODE_BITS: u32 = 8;
const SEQUENCE_BITS: u32 = 14;

macro_rules! id_types {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<i64> for $name {
            fn from(raw: i64) -> Self {
                Self(raw)
            }
        }
    )+};
}

id_types! {
    /// One caller's contact from INVITE to wrap-up, through every leg.
    CallId,
    /// A person who signs in: operator, supervisor or administrator.
    AgentId,
    CustomerId,
    AccountId,
    MeterId,
    ReadingId,
    PaymentId,
    InvoiceId,
    RequestId,
    InteractionId,
    /// A call that was lost and is owed a call back.
    CallbackId,
}

/// Makes ids that rise, on this node, even when the clock is set back.
#[derive(Debug)]
pub struct IdMint {
    node: u8,
    last: i64,
}

impl IdMint {
    pub const fn new(node: u8) -> Self {
        Self { node, last: 0 }
    }

    /// A fresh id for something that happens at `now`.
    pub fn mint<I: From<i64>>(&mut self, now: UtcMs) -> I {
        let ticks = (now.0 - EPOCH_MS).max(0) << (NODE_BITS + SEQUENCE_BITS);
        let node = i64::from(self.node) << SEQUENCE_BITS;
        let first = ticks | node;
        let next = if first > self.last { first } else { self.successor() };
        self.last = next;
        I::from(next)
    }

    /// The next id after the last one; a full sequence borrows the next millisecond.
    fn successor(&self) -> i64 {
        let sequence_mask = (1 << SEQUENCE_BITS) - 1;
        if self.last & sequence_mask < sequence_mask {
            return self.last + 1;
        }
        let ticks = (self.last >> (NODE_BITS + SEQUENCE_BITS)) + 1;
        (ticks << (NODE_BITS + SEQUENCE_BITS)) | (i64::from(self.node) << SEQUENCE_BITS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_even_when_the_clock_is_set_back() {
        let mut mint = IdMint::new(7);
        let first: CallId = mint.mint(UtcMs(EPOCH_MS + 5_000));
        let second: CallId = mint.mint(UtcMs(EPOCH_MS + 4_000));
        assert!(second > first);
    }

    #[test]
    fn two_nodes_never_mint_the_same_id() {
        let now = UtcMs(EPOCH_MS + 1);
        let (mut one, mut two) = (IdMint::new(1), IdMint::new(2));
        let of_one: std::collections::HashSet<i64> = (0..40_000).map(|_| one.mint::<CallId>(now).0).collect();
        assert_eq!(of_one.len(), 40_000);
        assert!((0..40_000).all(|_| !of_one.contains(&two.mint::<CallId>(now).0)));
    }
}
