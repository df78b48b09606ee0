//! One customer's contact, from the INVITE to the end of the last talk.
//!
//! [`Call::step`] moves a call and says what the world has to do; it knows no SIP, no socket and no clock. The
//! customer's leg is anchored here: whatever happens to a desk, a telephone or a colleague, the customer is kept until
//! the customer hangs up or an agent ends it.
//!
//! `state.rs` says what can be true of a call, `sound.rs` who then hears whom, `step.rs` how it moves, with the verbs
//! of an agent who has the call in `verbs.rs`.

mod effect;
mod sound;
mod state;
mod step;
mod verbs;

#[cfg(test)]
mod orders;
#[cfg(test)]
mod tests;

pub use effect::{Effect, Effects};
pub use sound::{Ear, Scene, Scenes};
pub use state::{Call, DialStage, DialTo, Front, Limits, Line, Peer, State};
pub use step::{Input, PhoneFailure};
pub use verbs::Verb;
