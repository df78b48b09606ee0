//! What an exchange does with calls, with telephones of other makers at both ends: hold, keys, consultation,
//! conference, transfer, parking, dialling, sealed telephones, a gateway that is killed. What people hear is compared at both ends, in samples.
//!
//! `floor` puts people and customers into a talk; each of the others is one duty.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

mod baresip;
mod consult;
mod dial;
mod floor;
mod hold;
mod keys;
mod park;
mod restart;
mod secure;
mod transfer;
