//! The ledger: everything that happens to calls and agents, in a local file before anybody is told of it.
//!
//! [`fact`] is what it says, [`file`] how it stands on the disk, [`copy`] how it reaches the database in batches.
//! Beside it, [`kept`] is how the calls stood last, for a program that was killed.

pub mod copy;
pub mod fact;
pub mod file;
pub mod kept;
