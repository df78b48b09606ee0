//! The notice over the top of the screen when something does not work.

mod data;
mod ui;

pub use data::*;
pub use ui::*;
