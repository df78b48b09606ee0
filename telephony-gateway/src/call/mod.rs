//! One caller's contact, from the INVITE to the end of the talk.
//!
//! [`Call::step`] moves a call and says what the world has to do; it knows no SIP, no socket and no clock. The
//! caller's leg is anchored here: whatever happens to a desk or a telephone, the caller is kept until the caller
//! hangs up or an agent has talked.

mod effect;
mod step;

#[cfg(test)]
mod orders;

pub use effect::{Effect, Effects};
pub use step::{Call, Input, PhoneFailure, State};
