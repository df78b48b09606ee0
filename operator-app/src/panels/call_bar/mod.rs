//! The bar across the top: the call, its timer, what can be done with it, and the operator's own state.

mod data;
mod ui;

pub use data::*;
pub use ui::*;
