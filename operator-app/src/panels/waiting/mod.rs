//! The list at the left: who waits in the operator's queues, and who was missed.

mod data;
mod ui;

pub use data::*;
pub use ui::*;
