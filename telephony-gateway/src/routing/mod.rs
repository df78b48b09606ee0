//! Who gets the next call, what a dialled number means, and by which way a call leaves.
//!
//! [`decide`] looks at the waiting calls and the free agents and says who gets whom. It reads no clock and no
//! socket: the same picture always gives the same answer. [`number`] writes a dialled number in one spelling,
//! [`dial_plan`] says where it leads, [`toll`] who may dial outside and how much, and [`ways`] by which trunk, with
//! the number [`rewrite`]d as that trunk wants it.

pub mod dial_plan;
mod floor;
mod longest_idle;
pub mod number;
pub mod rewrite;
pub mod toll;
pub mod ways;

pub use floor::{FreeAgents, Waiting, decide};
