//! Short messages over the foot of the history.

mod data;
mod ui;

pub use data::*;
pub use ui::*;
