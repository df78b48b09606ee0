//! switchboard

pub mod event;
