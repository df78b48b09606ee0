//! What the call center is made of. Plain values and pure rules: no socket, no table, no clock.
//!
//! Reading order: [`customer`] and [`account`] are who calls and about what; [`agent`], [`queue`] and [`call`] are
//! the floor; [`interaction`] and [`request`] are what is left of a contact; [`catalogue`] is the business
//! configuration that the screens and the rules share; [`reading`] judges a meter reading; [`fold`] makes text
//! findable.

pub mod account;
pub mod customer;

pub mod agent;
pub mod call;
pub mod queue;

pub mod interaction;
pub mod request;

pub mod catalogue;
pub mod fold;
pub mod reading;
