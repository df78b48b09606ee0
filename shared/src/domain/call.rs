//! A call as everybody outside the gateway's core sees it.

use serde::{Deserialize, Serialize};

use crate::ids::{AgentId, CallId, CallbackId, CustomerId};
use crate::phone::CallerNumber;
use crate::time::UtcMs;

use super::queue::QueueCode;

/// How a call ended. Every arrived call has exactly one ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallEnding {
    /// The caller hung up after talking.
    CallerHungUp,
    /// The agent hung up after talking.
    AgentHungUp,
    /// The caller hung up while waiting or ringing.
    Abandoned,
    /// Nobody may be called on that number, or the call is not allowed in.
    Rejected,
    /// The gateway or the line failed; the caller is owed a call back.
    LostFault,
}

impl CallEnding {
    pub const ALL: [Self; 5] =
        [Self::CallerHungUp, Self::AgentHungUp, Self::Abandoned, Self::Rejected, Self::LostFault];

    /// Whether somebody talked with the caller.
    pub const fn was_answered(self) -> bool {
        matches!(self, Self::CallerHungUp | Self::AgentHungUp)
    }
}

/// The record of one call, written when it ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    pub id: CallId,
    pub queue: QueueCode,
    pub trunk: String,
    pub dialled: String,
    pub caller: CallerNumber,
    pub customer: Option<CustomerId>,
    pub agent: Option<AgentId>,
    pub arrived_at: UtcMs,
    /// First offer to an agent.
    pub offered_at: Option<UtcMs>,
    pub answered_at: Option<UtcMs>,
    pub ended_at: UtcMs,
    pub ending: CallEnding,
    /// From the INVITE at the socket to the card on the agent's screen, microseconds.
    pub invite_to_pop_us: Option<i64>,
}

/// A call that was lost and is owed a call back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissedCall {
    pub id: CallbackId,
    pub call: CallId,
    pub queue: QueueCode,
    pub caller: CallerNumber,
    pub customer: Option<CustomerId>,
    pub customer_name: Option<crate::pii::Personal>,
    pub lost_at: UtcMs,
    pub waited_s: i32,
    pub ending: CallEnding,
    /// Who has dealt with it, and when; `None` while it is owed.
    pub handled_by: Option<AgentId>,
    pub handled_at: Option<UtcMs>,
}
