//! The open cards over the middle of the screen, and the search among them.

mod data;
mod ui;

pub use data::*;
pub use ui::*;
