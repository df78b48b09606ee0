//! The caller's card in each of its states: known, several, unknown, withheld, unavailable, on its way.

mod came;
mod data;
mod search;
mod ui;

pub use data::*;
pub use ui::*;
