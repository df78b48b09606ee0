//! The middle of the screen while no card is in front: what can be done, and what waits to be finished.

mod data;
mod ui;

pub use data::*;
pub use ui::*;
