//! Every contact of the customer in every channel, as one list that pages itself in.

mod data;
mod ui;

pub use data::*;
pub use ui::*;
