//! Every key (F1).

mod data;
mod ui;

pub use data::*;
pub use ui::*;
