//! The operator's and the supervisor's desktop.

pub mod kit;
pub mod lang;
