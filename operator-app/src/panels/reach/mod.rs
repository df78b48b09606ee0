//! Reaching somebody: whom to hand the call to (F6), to ask (F7) or to call (Ctrl+D), and the keys for a voice menu
//! (Ctrl+T). It stands in the place of the history, and never over the dock.

mod data;
mod tones;
mod ui;

pub use data::*;
pub use ui::*;
