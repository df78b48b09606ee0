//! Whole calls through the real gateway: SIP and sound over loopback, desks over WebSocket, the database on disk.
//!
//! `answering` is the ordinary call, with SIPp at both ends of the line; `waiting` is the queue; `callers` are the
//! kinds of people who call, and those who get no call; `connections` is the same over TCP, `behind_kamailio` through a
//! proxy; `telephones` are those that stand behind a NAT or die; `sealed` are callers with SRTP; `desks` is what happens
//! to desks, and `restart` to the gateway itself.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

mod answering;
mod behind_kamailio;
mod callers;
mod connections;
mod desks;
mod reload;
mod restart;
mod sealed;
mod telephones;
mod waiting;

use tests::gateway::City;

/// The number of exactly one customer.
fn known_number() -> String {
    format!("+{}", City::get().numbers.known[0])
}
