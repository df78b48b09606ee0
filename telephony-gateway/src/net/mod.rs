//! The doors of the gateway: datagrams and connections for SIP, the control socket and the records for desks.
//!
//! Nothing here decides anything about a call. [`udp`] and [`tcp`] bring SIP messages to the switchboard and carry
//! its own away; [`desk`] does the same for desks, behind [`auth`] and [`tls`]; [`http`] serves the records beside
//! it, and what the operator of the service wants to see ([`health`]).

pub mod auth;
pub mod records;

pub mod ports;
pub mod relay;

mod atomic_file;
mod digest;
