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
    /// An agent's part of a call that goes on without this agent. Never the ending of a whole call.
    Transferred,
    /// The caller hung up while waiting or ringing.
    Abandoned,
    /// The caller was handed to a number outside and has talked there until one of them hung up.
    TransferredOut,
    /// A dialled number was busy.
    Busy,
    /// A dialled number did not answer, or the agent gave up before it did.
    NoAnswer,
    /// A dialled number could not be reached.
    Unreachable,
    /// Nobody may be called on that number, or the call is not allowed in.
    Rejected,
    /// The gateway or the line failed; the caller is owed a call back.
    LostFault,
}

impl CallEnding {
    pub const ALL: [Self; 10] = [
        Self::CallerHungUp,
        Self::AgentHungUp,
        Self::Transferred,
        Self::Abandoned,
        Self::TransferredOut,
        Self::Busy,
        Self::NoAnswer,
        Self::Unreachable,
        Self::Rejected,
        Self::LostFault,
    ];

    /// Whether somebody talked with the caller.
    pub const fn was_answered(self) -> bool {
        matches!(self, Self::CallerHungUp | Self::AgentHungUp | Self::TransferredOut)
    }

    /// Whether an agent dialled and nobody talked.
    pub const fn is_failed_attempt(self) -> bool {
        matches!(self, Self::Busy | Self::NoAnswer | Self::Unreachable)
    }
}

/// Who began a call, and with whom it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallKind {
    /// A customer calls.
    #[default]
    Inbound,
    /// An agent dials a number outside.
    Outbound,
    /// Agents among themselves; nobody owes facts about it.
    Internal,
}

impl CallKind {
    pub const fn is_inbound(&self) -> bool {
        matches!(self, Self::Inbound)
    }
}

/// With whom an agent wants to speak, or to whom a call is to go.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "target", rename_all = "snake_case")]
pub enum Target {
    Agent {
        agent: AgentId,
    },
    /// Only a transfer can go to a queue.
    Queue {
        queue: QueueCode,
    },
    /// As a person writes it: outside, a short number, or a telephone of the house.
    Number {
        number: String,
    },
}

/// Somebody in a call beside the customer and the agent whose screen it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "party", rename_all = "snake_case")]
pub enum Party {
    /// A colleague's name is shown to colleagues.
    Agent {
        agent: AgentId,
        name: String,
    },
    Number {
        number: CallerNumber,
    },
}

/// What one party of a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyState {
    Ringing,
    Talking,
    /// Hears music.
    OnHold,
}

/// A party of the call that an agent may drop from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyRole {
    Customer,
    /// Whom the agent consults.
    Peer,
}

/// Why somebody who was called from within the house did not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyFailure {
    Busy,
    NoAnswer,
    Rejected,
    Unreachable,
    /// The network knows no such number.
    WrongNumber,
    /// The colleague talks, writes or is not ready.
    NotFree,
    /// The call is over.
    HungUp,
}

/// The rule of the dial plan that a number breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DialRule {
    /// Neither a telephone of the house, nor a queue, nor a number that can be dialled.
    UnknownNumber,
    /// This role may not dial there.
    NotAllowed,
    /// The prefix is closed for everybody: abroad, or numbers at the caller's cost.
    ClosedPrefix,
    /// The person has as many calls outside at once as are allowed.
    TooManyAtOnce,
    /// The person has dialled as often in this hour as is allowed.
    TooManyPerHour,
    /// What the person's calls may cost in a day is used up.
    CostOfPerson,
    /// What all calls may cost in a day is used up.
    CostOfDay,
    /// No trunk carries this number at the moment.
    NoTrunk,
}

/// A stretch of time in which an agent and the customer could hear each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Talk {
    pub agent: AgentId,
    pub from: UtcMs,
    pub until: UtcMs,
}

/// Where a call has been before, for the one who gets it next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathStep {
    pub at: UtcMs,
    #[serde(flatten)]
    pub stop: Stop,
}

/// A place on the path of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stop", rename_all = "snake_case")]
pub enum Stop {
    Queue {
        queue: QueueCode,
    },
    /// Talked with this agent, who may have left a note for the next one.
    Agent {
        agent: AgentId,
        name: String,
        note: Option<crate::pii::Personal>,
    },
    Parked {
        agent: AgentId,
        name: String,
    },
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
    #[serde(default, skip_serializing_if = "CallKind::is_inbound")]
    pub kind: CallKind,
    /// Who talked with the customer and when, through every hold and transfer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub talks: Vec<Talk>,
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
