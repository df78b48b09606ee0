//! How we speak with carriers and phones.
//!
//! [`Stack`] is the whole of SIP without a socket and without a clock: bytes and moments go in, bytes and events
//! come out, and the same bytes at the same moments always give the same answer.
//!
//! [`Stack`]: stack::Stack

pub mod config;
pub mod dialog;
pub mod digest;
pub mod event;
pub mod guard;
pub mod headers;
pub mod leg;
pub mod message;
pub mod registrar;
pub mod sdp;
pub mod stack;
pub mod stream;
pub mod transaction;
pub mod trunk;

pub use config::{Limits, Network, RegistrationLimits, StackConfig, Timers, Trunk};
pub use event::{
    Ending, Event, Flow, GoneBecause, IncomingInvite, Invite, InviteError, InviteTo, LegId, Origin, PhoneAccount,
    RefusedBecause, Transmit, Transport,
};
pub use stack::Stack;
