//! A meeting, letter or visit that is written down by hand, in the place of the history.

mod data;
mod ui;

pub use data::*;
pub use ui::*;
