//! journal
pub mod file;
