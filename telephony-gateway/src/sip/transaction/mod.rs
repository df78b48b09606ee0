//! The four transactions of RFC 3261 §17, with the accepted states of RFC 6026.
//!
//! Each machine holds its state alone: bytes, sockets and clocks are somebody else's. An input goes in, the effects
//! come out, and every input is named in every state.

use std::time::Duration;

use smallvec::SmallVec;

pub mod client;
pub mod invite_client;
pub mod invite_server;
pub mod server;

/// The timers of RFC 3261 §17 and RFC 6026 by their letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    A,
    B,
    D,
    E,
    F,
    G,
    H,
    I,
    J,
    K,
    L,
    M,
}

/// What the outside must do after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send the message that came with the input, and keep it for retransmission.
    Send,
    /// Send once more what was sent last (for an INVITE client after a refusal: the ACK).
    Resend,
    /// Acknowledge the refusal that came with the input, and keep that ACK for retransmission.
    Acknowledge,
    Arm(Timer, Duration),
    /// Tell the user of the transaction what came in.
    Tell,
    /// Tell the user that nobody answers.
    TimedOut,
    /// Tell the user that the message cannot be sent.
    Failed,
    /// The transaction is over.
    End,
}

pub type Effects = SmallVec<[Effect; 4]>;

/// Doubles a pause between retransmissions, up to `longest`.
fn doubled(pause: Duration, longest: Duration) -> Duration {
    (pause * 2).min(longest)
}
