//! The floor for supervisors: figures, queues, people. Only figures that the gateway sends or that follow from them.

mod data;
mod ui;

pub use data::*;
pub use ui::*;
