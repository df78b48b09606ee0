//! How we speak with carriers and phones.
//!
//! [`Stack`] is the whole of SIP without a socket and without a clock: bytes and moments go in, bytes and events come
//! out, and the same bytes at the same moments always give the same answer.
//!
//! Reading order: [`event`] is what is said at the door and [`config`] what is told at start. [`message`] reads and
//! writes, with the [`headers`] one file each; it alone knows `rsip`. [`transaction`] holds the four machines of
//! RFC 3261, [`dialog`] what two sides must agree on, [`leg`] where one call stands, and [`stack`] runs them.
//! [`keepsake`] is what of a leg outlives the process.
//! [`registrar`] knows the phones, by [`digest`] and behind a [`guard`] against guessers; [`trunk`] knows the carriers.
//! [`sdp`] is the sound that is offered and taken; [`stream`] cuts a TCP connection into messages.

pub mod config;
pub mod dialog;
pub mod digest;
pub mod event;
pub mod guard;
pub mod headers;
pub mod keepsake;
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
    ReferTarget, RefusedBecause, Transmit, Transport,
};
pub use keepsake::{Keepsake, ReviveError};
pub use stack::Stack;
