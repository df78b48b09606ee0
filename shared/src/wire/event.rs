//! What the gateway tells a desk.

use serde::{Deserialize, Serialize};

use crate::domain::agent::{Activity, Presence, Role, Wish, Work};
use crate::domain::call::{CallEnding, CallKind, MissedCall, Party, PartyFailure, PartyState, PathStep};
use crate::domain::queue::QueueCode;
use crate::ids::{AgentId, CallId, CustomerId};
use crate::phone::CallerNumber;
use crate::time::UtcMs;

use super::Sealed;
use super::card::CardState;

/// One thing that happened, for this desk. Numbered without gaps within an epoch.
///
/// Tagged from outside, because a [`Sealed`] card cannot be read through serde's buffer for inner tags.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A call rings here. This is the pop.
    Offered {
        offer: Box<Offer>,
    },
    /// The card of an offer that left without it, or after an operator linked or created the customer.
    CardArrived {
        call: CallId,
        customer: Option<CustomerId>,
        card: Sealed<CardState>,
    },
    /// The offer is gone.
    Withdrawn {
        call: CallId,
        why: WithdrawnBecause,
    },
    Answered {
        call: CallId,
        at: UtcMs,
    },
    /// The talk is over; the wrap-up begins.
    Ended {
        call: CallId,
        at: UtcMs,
        ending: CallEnding,
        wrapup_limit: UtcMs,
    },
    /// What this agent does in the call has changed, or who else is in it. Replaces the line.
    Line {
        call: CallId,
        line: CallLine,
    },
    /// Somebody whom this agent called, or whom the call was handed to, did not come or has left.
    PartyFailed {
        call: CallId,
        party: Party,
        why: PartyFailure,
    },
    /// A key pressed by whom this agent speaks with.
    Digit {
        call: CallId,
        digit: char,
    },
    /// This agent is out of the call, with nothing to write.
    Released {
        call: CallId,
    },
    /// The parked calls. Replaces the list.
    Parked {
        calls: Vec<ParkedCall>,
    },
    /// The wrap-up is written and the agent free of the call.
    WrapupSaved {
        call: CallId,
    },
    /// This agent's own state.
    State {
        state: DeskState,
    },
    /// The waiting callers of the queues that this desk serves. Replaces the list.
    Waiting {
        callers: Vec<WaitingCaller>,
    },
    /// Replaces the list.
    Missed {
        calls: Vec<MissedCall>,
    },
    /// For supervisors: queues and people. Replaces the picture.
    Floor {
        floor: Box<Floor>,
    },
    /// What does not work at the moment; empty when all is well.
    Faults {
        faults: Vec<Fault>,
    },
}

/// A call that rings at this desk.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Offer {
    pub call: CallId,
    pub queue: QueueCode,
    pub caller: CallerNumber,
    /// What the trunk says of the caller's name.
    pub display_name: Option<crate::pii::Personal>,
    pub arrived_at: UtcMs,
    pub offered_at: UtcMs,
    /// The offer is withdrawn then.
    pub until: UtcMs,
    /// Whether F2 can lift the telephone; else the person lifts it.
    pub can_answer_from_screen: bool,
    /// From the INVITE at the socket to the writing of this event, microseconds of the gateway's own clock. For a
    /// caller who had to wait, from the moment at which this agent was picked.
    pub age_us: i64,
    pub customer: Option<CustomerId>,
    pub card: Sealed<CardState>,
    #[serde(default, skip_serializing_if = "CallKind::is_inbound")]
    pub kind: CallKind,
    /// Who calls on whose behalf; a plain caller of a queue has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<OfferedBy>,
    /// Where the call has been before, oldest first, with the notes of those who had it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<PathStep>,
}

/// A colleague who stands behind an offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedBy {
    pub agent: AgentId,
    pub name: String,
    pub how: OfferedHow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferedHow {
    /// Handed over without a word; the customer is on the line.
    Transfer,
    /// The colleague asks, the customer hears music meanwhile.
    Consult,
    /// A colleague calls, about nobody.
    Internal,
    /// It comes back: the one it was handed to did not take it.
    Returned,
}

/// An agent's own line in a call that is up, or that the agent has dialled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallLine {
    pub activity: Activity,
    pub since: UtcMs,
    /// Nobody hears what this agent says.
    pub muted: bool,
    /// `None` for a call among ourselves, and once the customer has left.
    pub customer: Option<PartyState>,
    /// Whom this agent consults or confers with.
    pub peer: Option<PeerLine>,
    /// This agent was called in by a colleague who still has the customer; the verbs of the call are the colleague's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub guest: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerLine {
    pub party: Party,
    pub state: PartyState,
    pub since: UtcMs,
}

/// A call that waits with music for whoever picks it up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedCall {
    pub call: CallId,
    pub queue: QueueCode,
    pub caller: CallerNumber,
    /// The name, when the number has exactly one customer.
    pub name: Option<crate::pii::Personal>,
    pub parked_at: UtcMs,
    pub parked_by: AgentId,
    pub parked_by_name: String,
    /// Then it rings again at who has parked it, or goes back to the queue.
    pub until: UtcMs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithdrawnBecause {
    /// The caller hung up while it rang.
    CallerGone,
    /// It rang out; the caller is back in the queue.
    NoAnswer,
    Rejected,
    /// The telephone could not be reached; the caller is back in the queue.
    PhoneLost,
    /// Another desk of the same person has it.
    TakenOver,
    /// The colleague who called has changed their mind.
    Cancelled,
}

/// Both regions of this agent's state, as the screen needs them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeskState {
    pub presence: Presence,
    pub presence_since: UtcMs,
    pub work: Work,
    pub work_since: UtcMs,
    pub pending: Option<Wish>,
    /// Whether the agent's telephone is registered; `None` when no telephone is assigned.
    pub phone_registered: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingCaller {
    pub call: CallId,
    pub queue: QueueCode,
    pub caller: CallerNumber,
    /// The name, when the number has exactly one customer.
    pub name: Option<crate::pii::Personal>,
    pub arrived_at: UtcMs,
}

/// The floor as it is, for supervisors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Floor {
    pub queues: Vec<QueueLine>,
    pub people: Vec<PersonLine>,
    /// Every figure since this moment (midnight at the gateway, or its first start).
    pub counted_from: UtcMs,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueLine {
    pub queue: QueueCode,
    pub waiting: u32,
    /// Arrival of the caller who has waited longest.
    pub oldest_arrived_at: Option<UtcMs>,
    pub ringing: u32,
    pub talking: u32,
    pub free: u32,
    pub arrived: u32,
    pub answered: u32,
    /// Answered within `service_level_s` of their arrival.
    pub answered_in_time: u32,
    pub service_level_s: u32,
    pub abandoned: u32,
    /// Sum of talk and wrap-up over the handled calls, for the mean.
    pub handled_ms: i64,
    pub handled: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonLine {
    pub agent: AgentId,
    pub name: String,
    pub role: Role,
    pub state: DeskState,
    /// The queue of the call that is being worked on.
    pub queue: Option<QueueCode>,
}

/// Something that does not work, as a code; the screen has the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The machine's clock was moved: times go on by the old one, and approach the new one slowly.
    ClockJumped,
    /// A limit against toll fraud was reached within the last hour: somebody dials more, or dearer, than is allowed.
    TollLimit,
    /// The database is away: cards are missing and saves wait.
    DatabaseAway,
    /// The ledger cannot be written (a full disk): what happens is kept in memory.
    LedgerStuck,
    /// More calls than can be taken in time: some callers hear 503.
    Overloaded,
    /// The system gives no more descriptors: new calls hear 503.
    DescriptorsOut,
    /// No trunk answers.
    TrunkLost,
}

/// The whole state of one desk.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    pub state: DeskState,
    /// The call that rings, is talked in, or is being written up.
    pub call: Option<CallAtDesk>,
    pub waiting: Vec<WaitingCaller>,
    pub missed: Vec<MissedCall>,
    /// For supervisors.
    pub floor: Option<Box<Floor>>,
    pub faults: Vec<Fault>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parked: Vec<ParkedCall>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CallAtDesk {
    pub offer: Box<Offer>,
    pub answered_at: Option<UtcMs>,
    pub ended: Option<EndedCall>,
    /// While the call is up or dialled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<CallLine>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EndedCall {
    pub at: UtcMs,
    pub ending: CallEnding,
    pub wrapup_limit: UtcMs,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Moment;
    use crate::wire::ServerFrame;

    #[test]
    fn a_pop_travels_whole() {
        let offer = Offer {
            call: CallId(5),
            queue: QueueCode::new("billing"),
            caller: CallerNumber::Withheld,
            display_name: None,
            arrived_at: UtcMs(1),
            offered_at: UtcMs(2),
            until: UtcMs(3),
            can_answer_from_screen: true,
            age_us: 900,
            customer: None,
            card: Sealed::pack(&CardState::Withheld).unwrap(),
            kind: CallKind::Inbound,
            from: None,
            path: Vec::new(),
        };
        let state = DeskState {
            presence: Presence::Ready,
            presence_since: UtcMs(0),
            work: Work::Ringing { call: CallId(5), until: Moment::at_ms(9) },
            work_since: UtcMs(0),
            pending: None,
            phone_registered: Some(true),
        };
        for event in [Event::Offered { offer: Box::new(offer) }, Event::State { state }] {
            let line = serde_json::to_string(&ServerFrame::Event { seq: 7, at: UtcMs(4), event }).unwrap();
            let back: ServerFrame = serde_json::from_str(&line).unwrap();
            assert_eq!(serde_json::to_string(&back).unwrap(), line);
        }
    }
}
