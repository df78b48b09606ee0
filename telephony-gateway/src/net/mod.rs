//! net
pub mod ports;
pub mod relay;
