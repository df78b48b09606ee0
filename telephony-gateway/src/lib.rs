//! The SIP/CTI gateway of Pult: takes calls, queues and routes them, carries the sound, and tells the desks.
//!
//! Reading order: [`switchboard`] is the one loop that owns the calls. It feeds the pure cores [`sip`], [`call`]
//! and [`routing`] and carries out what they answer. [`net`] brings it datagrams and desks, [`journal`]
//! reaches the database beside it, [`media`] is the sound.

pub mod call;
pub mod media;
pub mod routing;
pub mod sip;

pub mod config;
pub mod journal;
pub mod net;
pub mod switchboard;

pub mod cli;
pub mod shutdown;
