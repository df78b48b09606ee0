//! The words both programs of Pult share: what a caller, an agent, a queue and a card are, how they travel over
//! the wire between the gateway and a desk, and where they are kept.
//!
//! Reading order: the small values ([`ids`], [`time`], [`phone`], [`money`], [`pii`]), the [`domain`] made of
//! them, the [`wire`] that carries it, and the `store` that keeps it (behind the feature `store`, so that the
//! desktop links no database server's driver).

pub mod ids;
pub mod time;

pub mod money;
pub mod phone;
pub mod pii;

pub mod domain;
pub mod wire;

#[cfg(feature = "store")]
pub mod store;
