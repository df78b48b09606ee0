//! The dock under the card: the one line that finds topics and forms, the result, the comment.

mod data;
mod ui;

pub use data::*;
pub use ui::*;
