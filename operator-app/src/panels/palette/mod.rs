//! Every command by name (Ctrl+K).

mod data;
mod ui;

pub use data::*;
pub use ui::*;
