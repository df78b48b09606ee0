//! Who gets the next call, and what a dialled number means.
//!
//! [`decide`] looks at the waiting calls and the free agents and says who gets whom. It reads no clock and no
//! socket: the same picture always gives the same answer. [`dial_plan`] says where a number leads.

pub mod dial_plan;
mod floor;
mod longest_idle;

pub use floor::{FreeAgents, Waiting, decide};
