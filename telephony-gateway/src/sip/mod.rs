//! How we speak with carriers and phones.
//!
//! [`Stack`] is the whole of SIP without a socket and without a clock: bytes and moments go in, bytes and events come
//! out, and the same bytes at the same moments always give the same answer.
//!
//! Reading order: [`event`] is what is said at the door and [`config`] what is told at start. [`message`] reads and
//! writes, with the [`headers`] one file each; it alone knows `rsip`. [`transaction`] holds the four machines of
//! RFC 3261, [`dialog`] what two sides must agree on, [`leg`] where one call stands, and [`stack`] runs them.
//! [`keepsake`] is what of a leg outlives the process. [`registrar`] knows the phones, by [`digest`] and behind a [`guard`] against guessers; [`trunk`] knows the carriers,
//! with our own [`registration`] there and the [`login`] that proves who we are. [`flood`] decides before a message is
//! read whether its sender has sent too many, [`overload`] whether new calls can be taken in time. [`sdp`] is the sound
//! that is offered and taken; [`stream`] cuts a TCP connection into messages. `torture` is built for tests and fuzzers
//! only: what strange bytes do to all of it.

pub mod config;
pub mod dialog;
pub mod digest;
pub mod event;
pub mod flood;
pub mod guard;
pub mod headers;
pub mod keepsake;
pub mod leg;
pub mod login;
pub mod message;
pub mod overload;
pub mod registrar;
pub mod registration;
pub mod sdp;
mod sets;
pub mod stack;
pub mod stream;
#[cfg(any(test, fuzzing))]
pub mod torture;
pub mod transaction;
pub mod trunk;

pub use config::{CallerId, Limits, Network, RegistrationLimits, Secure, StackConfig, Timers, Trunk};
pub use event::{
    Ending, Event, Flow, GoneBecause, IncomingInvite, Invite, InviteError, InviteTo, LegId, Origin, PhoneAccount,
    ReferTarget, RefusedBecause, Transmit, Transport,
};
pub use keepsake::{Keepsake, ReviveError};
pub use login::Login;
pub use registrar::kept::KeptContact;
pub use registration::Register;
pub use stack::Stack;
