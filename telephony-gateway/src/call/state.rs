//! What is true of a call: its state, and what follows from the state alone.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::domain::agent::Activity;
use shared::domain::call::{CallEnding, CallKind, PartyState};
use shared::ids::{AgentId, CallId};
use shared::time::Moment;
use smallvec::SmallVec;

/// A call, with exactly what is true in its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    pub id: CallId,
    pub kind: CallKind,
    pub state: State,
    /// The INVITE at the socket, or the agent's dialling. A requeue never loses it.
    pub arrived: Moment,
    /// Whether the caller has been answered (200), and so hears something.
    pub caller_answered: bool,
    /// Whether a customer is in the call, or is being called. Never for a call among agents, and no more once the
    /// agent has dropped the customer out of a conference.
    pub has_customer: bool,
    /// Those who have heard the customer: they owe the facts of the call.
    pub heard: SmallVec<[AgentId; 2]>,
    /// How long an agent may let it ring.
    pub ring: Duration,
    /// How long the queue grants for the wrap-up.
    pub wrapup: Duration,
    /// How long a parked caller waits before the call goes back to the queue.
    pub park: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// In the queue since then; music plays once the caller was answered.
    Queued {
        since: Moment,
    },
    /// Rings at this agent: picked by routing, or meant by the colleague who has handed the call over.
    Offered {
        agent: AgentId,
        until: Moment,
        by: Option<AgentId>,
    },
    /// An agent dials: first the agent's own telephone is lifted, then the other side is called.
    Dialing {
        agent: AgentId,
        to: DialTo,
        stage: DialStage,
        since: Moment,
    },
    /// An agent has the call.
    Talking {
        agent: AgentId,
        since: Moment,
        line: Line,
    },
    /// The caller waits with music until somebody fetches the call.
    Parked {
        by: AgentId,
        since: Moment,
        until: Moment,
        fetched_by: Option<AgentId>,
    },
    /// The caller was handed to a number outside: it rings there, or (`up`) they talk.
    Outside {
        by: AgentId,
        since: Moment,
        up: bool,
    },
    Ended {
        ending: CallEnding,
    },
}

/// Whom an agent dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DialTo {
    /// A number outside; whoever answers is the customer of this call.
    Customer,
    Agent(AgentId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DialStage {
    /// The dialler's own telephone is being lifted.
    Lifting,
    /// The other side is called; `early` when it can be heard already (early media).
    Calling { early: bool },
}

/// What the agent who has the call does with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// With the customer alone, who may be on hold.
    Customer { held: bool },
    /// Somebody else is called; the customer is on hold.
    Calling { peer: Peer, until: Moment, early: bool },
    /// Two lines, one of them on hold.
    Consulting { peer: Peer, front: Front },
    /// Three hear each other.
    Conference { peer: Peer },
}

/// Whom the agent has called into the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Peer {
    Agent(AgentId),
    /// Outside, or a telephone at which nobody is signed in. The call's owner knows the number.
    Number,
}

/// With whom the consulting agent speaks; the other one hears music.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Front {
    Peer,
    Customer,
}

impl Line {
    pub const fn peer(&self) -> Option<Peer> {
        match self {
            Self::Customer { .. } => None,
            Self::Calling { peer, .. } | Self::Consulting { peer, .. } | Self::Conference { peer } => Some(*peer),
        }
    }

    /// What the peer does, as a screen shows it.
    pub const fn peer_state(&self) -> Option<PartyState> {
        match self {
            Self::Customer { .. } => None,
            Self::Calling { .. } => Some(PartyState::Ringing),
            Self::Consulting { front: Front::Customer, .. } => Some(PartyState::OnHold),
            Self::Consulting { front: Front::Peer, .. } | Self::Conference { .. } => Some(PartyState::Talking),
        }
    }

    const fn customer_state(&self) -> PartyState {
        match self {
            Self::Customer { held: false }
            | Self::Consulting { front: Front::Customer, .. }
            | Self::Conference { .. } => PartyState::Talking,
            Self::Customer { held: true } | Self::Calling { .. } | Self::Consulting { front: Front::Peer, .. } => {
                PartyState::OnHold
            }
        }
    }

    const fn activity(&self, has_customer: bool) -> Activity {
        match self {
            Self::Customer { held: false } => Activity::Talking,
            Self::Customer { held: true } => Activity::OnHold,
            Self::Calling { .. } if !has_customer => Activity::Dialing,
            Self::Consulting { .. } if !has_customer => Activity::Talking,
            Self::Calling { .. } | Self::Consulting { .. } => Activity::Consulting,
            Self::Conference { .. } => Activity::Conference,
        }
    }
}

impl Call {
    /// A caller of a queue.
    pub fn arrive(id: CallId, limits: Limits, now: Moment) -> Self {
        Self::new(id, CallKind::Inbound, State::Queued { since: now }, limits, now)
    }

    /// A call that an agent dials. It begins with [`Input::DialBegins`](super::Input::DialBegins).
    pub fn dial(id: CallId, agent: AgentId, to: DialTo, limits: Limits, now: Moment) -> Self {
        let kind = match to {
            DialTo::Customer => CallKind::Outbound,
            DialTo::Agent(_) => CallKind::Internal,
        };
        let state = State::Dialing { agent, to, stage: DialStage::Lifting, since: now };
        Self::new(id, kind, state, limits, now)
    }

    fn new(id: CallId, kind: CallKind, state: State, limits: Limits, now: Moment) -> Self {
        let Limits { ring, wrapup, park } = limits;
        Self {
            id,
            kind,
            state,
            arrived: now,
            caller_answered: false,
            has_customer: kind != CallKind::Internal,
            heard: SmallVec::new(),
            ring,
            wrapup,
            park,
        }
    }

    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Ended { .. })
    }

    /// The agent who has the call now: whose verbs move it.
    pub const fn agent(&self) -> Option<AgentId> {
        match self.state {
            State::Offered { agent, .. } | State::Dialing { agent, .. } | State::Talking { agent, .. } => Some(agent),
            State::Parked { fetched_by, .. } => fetched_by,
            State::Queued { .. } | State::Outside { .. } | State::Ended { .. } => None,
        }
    }

    /// A colleague whom the agent has called in, ringing or there.
    pub const fn guest(&self) -> Option<AgentId> {
        match self.state {
            State::Talking { line, .. } => match line.peer() {
                Some(Peer::Agent(guest)) => Some(guest),
                Some(Peer::Number) | None => None,
            },
            _ => None,
        }
    }

    /// Everybody of the house who is in the call, or whom it rings.
    pub fn agents(&self) -> SmallVec<[AgentId; 2]> {
        self.agent().into_iter().chain(self.guest()).collect()
    }

    /// What an agent does in this call; `None` while it only rings there.
    pub fn activity(&self, of: AgentId) -> Option<Activity> {
        match self.state {
            State::Dialing { agent, .. } if agent == of => Some(Activity::Dialing),
            State::Talking { agent, line, .. } if agent == of => Some(line.activity(self.has_customer)),
            State::Talking { line, .. } if line.peer() == Some(Peer::Agent(of)) => match line {
                Line::Consulting { .. } if self.has_customer => Some(Activity::Consulting),
                Line::Consulting { .. } => Some(Activity::Talking),
                Line::Conference { .. } => Some(Activity::Conference),
                Line::Calling { .. } | Line::Customer { .. } => None,
            },
            State::Parked { fetched_by: Some(agent), .. } if agent == of => Some(Activity::Dialing),
            State::Queued { .. }
            | State::Offered { .. }
            | State::Dialing { .. }
            | State::Talking { .. }
            | State::Parked { .. }
            | State::Outside { .. }
            | State::Ended { .. } => None,
        }
    }

    /// What the customer does, as the agents' screens show it.
    pub const fn customer_state(&self) -> Option<PartyState> {
        if !self.has_customer {
            return None;
        }
        match self.state {
            State::Talking { line, .. } => Some(line.customer_state()),
            State::Dialing { .. } => Some(PartyState::Ringing),
            State::Queued { .. } | State::Offered { .. } | State::Parked { .. } => Some(PartyState::OnHold),
            State::Outside { .. } => Some(PartyState::Talking),
            State::Ended { .. } => None,
        }
    }
}

/// How long things may take, as the queue's settings say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub ring: Duration,
    pub wrapup: Duration,
    pub park: Duration,
}
