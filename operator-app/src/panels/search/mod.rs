//! Looking for a customer while nobody calls, or beside a call (Ctrl+O).

mod data;
mod ui;

pub use data::*;
pub use ui::*;
