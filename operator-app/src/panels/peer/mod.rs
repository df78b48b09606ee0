//! Who else is in the call, over the foot of the card: whom one asks, what they do, and what can be done with both.

mod data;
mod ui;

pub use data::*;
pub use ui::*;
