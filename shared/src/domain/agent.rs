//! An agent (the screen says оператор): a person who signs in and talks.
//!
//! Two regions, kept apart because systems which merge them send calls to people at lunch: *presence* is what the
//! person or a supervisor wants, *contact work* is what a call makes of it. [`AgentState::step`] moves both; it
//! reads no clock and knows no call beyond its id.

use serde::{Deserialize, Serialize};

use crate::ids::{AgentId, CallId};
use crate::time::Moment;

/// What somebody may do. A supervisor can do all that an operator can, an administrator everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Operator,
    Supervisor,
    Administrator,
}

/// The key of a reason for not being ready, for example `lunch`. Shipped ones are in the catalogue; those which the
/// gateway itself sets are constants here.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReasonCode(pub std::borrow::Cow<'static, str>);

impl ReasonCode {
    /// Just signed in.
    pub const LOGIN: Self = Self(std::borrow::Cow::Borrowed("login"));
    /// An offer rang out.
    pub const NO_ANSWER: Self = Self(std::borrow::Cow::Borrowed("no_answer"));
    /// The agent's telephone is not there.
    pub const DEVICE: Self = Self(std::borrow::Cow::Borrowed("device"));

    pub fn new(code: impl Into<String>) -> Self {
        Self(std::borrow::Cow::Owned(code.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether only the gateway sets it.
    pub fn is_systems_own(&self) -> bool {
        [Self::LOGIN, Self::NO_ANSWER, Self::DEVICE].contains(self)
    }
}

/// Region A: what the agent or a supervisor wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "presence", rename_all = "snake_case")]
pub enum Presence {
    LoggedOut,
    NotReady {
        reason: ReasonCode,
    },
    Ready,
    /// The desk's lease ran out. Until `until` a desk that comes back finds the state as it was.
    ConnectionLost {
        before: Wish,
        until: Moment,
    },
}

/// What an agent can ask to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "wish", rename_all = "snake_case")]
pub enum Wish {
    Ready,
    NotReady { reason: ReasonCode },
    LogOut,
}

/// Region B: what a call makes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "work", rename_all = "snake_case")]
pub enum Work {
    Idle,
    /// Picked for a call; nothing has reached the desk yet.
    Reserved {
        call: CallId,
        until: Moment,
    },
    /// The offer is on the desk and the telephone rings.
    Ringing {
        call: CallId,
        until: Moment,
    },
    /// The agent has dialled and nobody has answered yet.
    Dialing {
        call: CallId,
    },
    Talking {
        call: CallId,
    },
    /// The customer hears music, and the agent nobody.
    OnHold {
        call: CallId,
    },
    /// The customer is held while the agent speaks with somebody else.
    Consulting {
        call: CallId,
    },
    /// Three hear each other.
    Conference {
        call: CallId,
    },
    /// The talk is over and its facts are being written. `call_limit` is the queue's time for it.
    Wrapup {
        call: CallId,
        limit: Moment,
    },
}

impl Work {
    pub const fn call(&self) -> Option<CallId> {
        match self {
            Self::Idle => None,
            Self::Reserved { call, .. }
            | Self::Ringing { call, .. }
            | Self::Dialing { call }
            | Self::Talking { call }
            | Self::OnHold { call }
            | Self::Consulting { call }
            | Self::Conference { call }
            | Self::Wrapup { call, .. } => Some(*call),
        }
    }

    /// Whether a telephone is in use: dialling, talking, or anything that a talk can become.
    pub const fn is_in_call(&self) -> bool {
        match self {
            Self::Dialing { .. }
            | Self::Talking { .. }
            | Self::OnHold { .. }
            | Self::Consulting { .. }
            | Self::Conference { .. } => true,
            Self::Idle | Self::Reserved { .. } | Self::Ringing { .. } | Self::Wrapup { .. } => false,
        }
    }
}

/// What an agent does in a call that is up, or that the agent has dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    Dialing,
    Talking,
    OnHold,
    Consulting,
    Conference,
}

impl Activity {
    const fn in_call(self, call: CallId) -> Work {
        match self {
            Self::Dialing => Work::Dialing { call },
            Self::Talking => Work::Talking { call },
            Self::OnHold => Work::OnHold { call },
            Self::Consulting => Work::Consulting { call },
            Self::Conference => Work::Conference { call },
        }
    }

    const fn cause(self) -> Cause {
        match self {
            Self::Dialing => Cause::Dials,
            Self::Talking => Cause::Talks,
            Self::OnHold => Cause::Holds,
            Self::Consulting => Cause::Consults,
            Self::Conference => Cause::Confers,
        }
    }
}

/// Why a state changed; the same word in the ledger, the reports and on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    SignedIn,
    SignedOut,
    Asked,
    Pending,
    Routed,
    /// By a colleague.
    Called,
    Offered,
    Answered,
    Dials,
    /// Back in the talk with one party: retrieved, swapped, or the third one has left.
    Talks,
    Holds,
    Consults,
    Confers,
    /// Out of a call about which there is nothing to write.
    Released,
    NoAnswer,
    Rejected,
    CallerGone,
    CallEnded,
    WrapupSaved,
    DeskLost,
    DeskBack,
    GraceOver,
    PhoneLost,
    /// A call that a restart of the gateway has cut.
    Restart,
}

/// Everything that can happen to an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    SignedIn,
    Wants(Wish),
    /// Routing commits the agent to a call.
    Picked {
        call: CallId,
        until: Moment,
    },
    /// A colleague calls this very agent, who may be not ready for customers.
    Called {
        call: CallId,
        until: Moment,
    },
    /// The offer has left for the desk and the telephone.
    OfferDelivered {
        until: Moment,
    },
    Answered,
    /// The agent dials; a call of the agent's own begins.
    Dials {
        call: CallId,
    },
    /// What the agent does within the call changes.
    Does(Activity),
    /// Out of the call, with nothing to write: a colleague was consulted, or nobody was reached among ourselves.
    Released,
    /// The caller hung up during the offer: nobody's fault.
    CallerGone,
    /// Nobody lifted in time.
    RangOut,
    /// The agent, or the telephone, said no.
    Rejected,
    /// The telephone could not be reached.
    PhoneLost,
    /// The talk is over; there is something to write until `limit`.
    CallEnded {
        limit: Moment,
    },
    WrapupSaved,
    /// The desk's lease ran out.
    DeskLost {
        grace_until: Moment,
    },
    DeskBack,
    GraceOver,
}

/// One change of state, for the ledger and the screens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub cause: Cause,
    pub presence: Presence,
    pub work: Work,
}

/// Both regions of one agent, with the moments they were entered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentState {
    pub presence: Presence,
    pub presence_since: Moment,
    pub work: Work,
    pub work_since: Moment,
    /// The clock of fairness: since when the agent has been free for a call. A caller who hangs up during an offer
    /// does not set it back.
    pub idle_since: Moment,
    /// What was asked for while a call was there; it comes true when the work is done.
    pub pending: Option<Wish>,
}

impl AgentState {
    pub const fn logged_out(now: Moment) -> Self {
        Self {
            presence: Presence::LoggedOut,
            presence_since: now,
            work: Work::Idle,
            work_since: now,
            idle_since: now,
            pending: None,
        }
    }

    /// Whether the next caller may be given to this agent.
    pub fn is_free(&self) -> bool {
        self.presence == Presence::Ready && self.work == Work::Idle
    }

    /// Whether a colleague may call: somebody who is signed in at a desk and has no call, ready or not.
    pub fn can_be_called(&self) -> bool {
        matches!(self.presence, Presence::Ready | Presence::NotReady { .. }) && self.work == Work::Idle
    }

    pub fn is_signed_in(&self) -> bool {
        self.presence != Presence::LoggedOut
    }

    /// Moves the agent one step. `None` when the input means nothing in this state.
    pub fn step(&mut self, input: &Input, now: Moment) -> Option<Change> {
        match input {
            Input::SignedIn => self.signed_in(now),
            Input::Wants(wish) => self.wants(wish, now),
            Input::DeskLost { grace_until } => self.desk_lost(*grace_until, now),
            Input::DeskBack => self.desk_back(now),
            Input::GraceOver => self.grace_over(now),
            Input::Picked { .. }
            | Input::Called { .. }
            | Input::OfferDelivered { .. }
            | Input::Answered
            | Input::Dials { .. }
            | Input::Does(_)
            | Input::Released
            | Input::CallerGone
            | Input::RangOut
            | Input::Rejected
            | Input::PhoneLost
            | Input::CallEnded { .. }
            | Input::WrapupSaved => self.work_step(input, now),
        }
    }

    fn work_step(&mut self, input: &Input, now: Moment) -> Option<Change> {
        match &self.work {
            Work::Idle => self.idle_step(input, now),
            Work::Reserved { call, .. } | Work::Ringing { call, .. } => {
                let (call, rings) = (*call, matches!(self.work, Work::Ringing { .. }));
                self.offered_step(call, rings, input, now)
            }
            Work::Dialing { call }
            | Work::Talking { call }
            | Work::OnHold { call }
            | Work::Consulting { call }
            | Work::Conference { call } => self.call_step(*call, input, now),
            Work::Wrapup { .. } => match input {
                Input::WrapupSaved => {
                    self.idle_since = now;
                    self.freed(Cause::WrapupSaved, now)
                }
                // Whoever is not ready may dial, but not over facts that are still to be written.
                _ => None,
            },
        }
    }

    fn idle_step(&mut self, input: &Input, now: Moment) -> Option<Change> {
        match input {
            Input::Picked { call, until } if self.is_free() => {
                self.works(Work::Reserved { call: *call, until: *until }, Cause::Routed, now)
            }
            Input::Called { call, until } if self.can_be_called() => {
                self.works(Work::Reserved { call: *call, until: *until }, Cause::Called, now)
            }
            Input::Dials { call } if self.is_signed_in() => {
                self.works(Work::Dialing { call: *call }, Cause::Dials, now)
            }
            Input::PhoneLost if self.presence == Presence::Ready => {
                self.enter(Presence::NotReady { reason: ReasonCode::DEVICE }, now);
                self.changed(Cause::PhoneLost)
            }
            _ => None,
        }
    }

    fn offered_step(&mut self, call: CallId, rings: bool, input: &Input, now: Moment) -> Option<Change> {
        match input {
            Input::OfferDelivered { until } if !rings => {
                self.works(Work::Ringing { call, until: *until }, Cause::Offered, now)
            }
            Input::Answered => self.works(Work::Talking { call }, Cause::Answered, now),
            Input::CallerGone => self.freed(Cause::CallerGone, now),
            Input::RangOut => self.blamed(ReasonCode::NO_ANSWER, Cause::NoAnswer, now),
            Input::Rejected => self.blamed(ReasonCode::NO_ANSWER, Cause::Rejected, now),
            Input::PhoneLost => self.blamed(ReasonCode::DEVICE, Cause::PhoneLost, now),
            _ => None,
        }
    }

    /// Whatever an agent does in a call, it ends in the wrap-up or, with nothing to write, at once.
    fn call_step(&mut self, call: CallId, input: &Input, now: Moment) -> Option<Change> {
        match input {
            Input::Does(activity) => {
                let work = activity.in_call(call);
                if work == self.work { None } else { self.works(work, activity.cause(), now) }
            }
            Input::Answered if matches!(self.work, Work::Dialing { .. }) => {
                self.works(Work::Talking { call }, Cause::Answered, now)
            }
            Input::CallEnded { limit } => self.works(Work::Wrapup { call, limit: *limit }, Cause::CallEnded, now),
            Input::Released => self.freed(Cause::Released, now),
            _ => None,
        }
    }

    fn signed_in(&mut self, now: Moment) -> Option<Change> {
        match self.presence {
            Presence::LoggedOut => {
                self.enter(Presence::NotReady { reason: ReasonCode::LOGIN }, now);
                self.changed(Cause::SignedIn)
            }
            Presence::ConnectionLost { .. } => self.desk_back(now),
            Presence::NotReady { .. } | Presence::Ready => None,
        }
    }

    /// A wish comes true at once when no call is there, else after the wrap-up.
    fn wants(&mut self, wish: &Wish, now: Moment) -> Option<Change> {
        if self.presence == Presence::LoggedOut {
            return None;
        }
        if self.work != Work::Idle {
            // To wish for what already is takes a waiting wish back.
            let pending = (!self.is_already(wish)).then(|| wish.clone());
            if self.pending == pending {
                return None;
            }
            self.pending = pending;
            return self.changed(Cause::Asked);
        }
        if self.is_already(wish) {
            return None;
        }
        self.grant(wish, now);
        self.changed(if *wish == Wish::LogOut { Cause::SignedOut } else { Cause::Asked })
    }

    fn is_already(&self, wish: &Wish) -> bool {
        match (&self.presence, wish) {
            (Presence::Ready, Wish::Ready) => true,
            (Presence::NotReady { reason: now }, Wish::NotReady { reason: wanted }) => now == wanted,
            _ => false,
        }
    }

    fn grant(&mut self, wish: &Wish, now: Moment) {
        let presence = match wish {
            Wish::Ready => Presence::Ready,
            Wish::NotReady { reason } => Presence::NotReady { reason: reason.clone() },
            Wish::LogOut => Presence::LoggedOut,
        };
        if presence == Presence::Ready {
            self.idle_since = now;
        }
        self.enter(presence, now);
    }

    /// The call keeps going when a desk is lost: only presence changes.
    fn desk_lost(&mut self, grace_until: Moment, now: Moment) -> Option<Change> {
        let before = match &self.presence {
            Presence::LoggedOut | Presence::ConnectionLost { .. } => return None,
            Presence::Ready => Wish::Ready,
            Presence::NotReady { reason } => Wish::NotReady { reason: reason.clone() },
        };
        if matches!(self.work, Work::Reserved { .. } | Work::Ringing { .. }) {
            self.work = Work::Idle;
            self.work_since = now;
        }
        self.enter(Presence::ConnectionLost { before, until: grace_until }, now);
        self.changed(Cause::DeskLost)
    }

    fn desk_back(&mut self, now: Moment) -> Option<Change> {
        let Presence::ConnectionLost { before, .. } = self.presence.clone() else { return None };
        self.grant(&before, now);
        self.changed(Cause::DeskBack)
    }

    /// Nobody came back. Somebody who still talks, or has a wrap-up to write, stays until that is done.
    fn grace_over(&mut self, now: Moment) -> Option<Change> {
        if !matches!(self.presence, Presence::ConnectionLost { .. }) || self.work.is_in_call() {
            return None;
        }
        self.work = Work::Idle;
        self.work_since = now;
        self.pending = None;
        self.enter(Presence::LoggedOut, now);
        self.changed(Cause::GraceOver)
    }

    fn works(&mut self, work: Work, cause: Cause, now: Moment) -> Option<Change> {
        self.work = work;
        self.work_since = now;
        self.changed(cause)
    }

    /// The call is gone; what was asked for meanwhile comes true.
    fn freed(&mut self, cause: Cause, now: Moment) -> Option<Change> {
        self.work = Work::Idle;
        self.work_since = now;
        self.grant_pending(now);
        self.changed(cause)
    }

    /// The offer failed on the agent's side: no more calls until the agent says so.
    fn blamed(&mut self, reason: ReasonCode, cause: Cause, now: Moment) -> Option<Change> {
        self.work = Work::Idle;
        self.work_since = now;
        if self.presence == Presence::Ready {
            self.enter(Presence::NotReady { reason }, now);
        }
        if !matches!(self.pending, Some(Wish::Ready)) {
            self.grant_pending(now);
        }
        self.pending = None;
        self.changed(cause)
    }

    fn grant_pending(&mut self, now: Moment) {
        let Some(wish) = self.pending.take() else { return };
        match &mut self.presence {
            // Without a desk the wish waits for it to come back.
            Presence::ConnectionLost { before, .. } => *before = wish,
            Presence::LoggedOut | Presence::NotReady { .. } | Presence::Ready => self.grant(&wish, now),
        }
    }

    fn enter(&mut self, presence: Presence, now: Moment) {
        self.presence = presence;
        self.presence_since = now;
    }

    fn changed(&self, cause: Cause) -> Option<Change> {
        Some(Change { cause, presence: self.presence.clone(), work: self.work.clone() })
    }
}

/// An agent as the program knows the person, apart from any state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentProfile {
    pub id: AgentId,
    pub login: String,
    /// A colleague's name is shown to colleagues; it is not a customer's.
    pub name: String,
    pub role: Role,
    /// The number of the SIP phone on the agent's table.
    pub phone: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: CallId = CallId(1);

    fn at(s: u64) -> Moment {
        Moment::at_ms(s * 1000)
    }

    fn ready_agent() -> AgentState {
        let mut agent = AgentState::logged_out(at(0));
        agent.step(&Input::SignedIn, at(0));
        agent.step(&Input::Wants(Wish::Ready), at(1));
        agent
    }

    fn ringing_agent() -> AgentState {
        let mut agent = ready_agent();
        agent.step(&Input::Picked { call: CALL, until: at(20) }, at(5));
        agent.step(&Input::OfferDelivered { until: at(20) }, at(5));
        agent
    }

    fn lunch() -> Wish {
        Wish::NotReady { reason: ReasonCode::new("lunch") }
    }

    #[test]
    fn a_caller_who_hangs_up_while_ringing_does_not_cost_the_agent_the_place_in_line() {
        let mut agent = ringing_agent();
        agent.step(&Input::CallerGone, at(9));
        assert!(agent.is_free());
        assert_eq!(agent.idle_since, at(1));
    }

    #[test]
    fn an_agent_who_lets_it_ring_out_gets_no_more_calls() {
        let mut agent = ringing_agent();
        agent.step(&Input::RangOut, at(20));
        assert_eq!(agent.presence, Presence::NotReady { reason: ReasonCode::NO_ANSWER });
        assert_eq!(agent.work, Work::Idle);
    }

    #[test]
    fn a_break_asked_for_in_a_call_begins_after_the_wrap_up() {
        let mut agent = ringing_agent();
        agent.step(&Input::Answered, at(6));
        agent.step(&Input::Wants(lunch()), at(7));
        assert_eq!(agent.presence, Presence::Ready);
        agent.step(&Input::CallEnded { limit: at(90) }, at(30));
        agent.step(&Input::WrapupSaved, at(40));
        assert_eq!(agent.presence, Presence::NotReady { reason: ReasonCode::new("lunch") });
    }

    #[test]
    fn a_break_taken_back_before_it_begins_does_not_begin() {
        let mut agent = ringing_agent();
        agent.step(&Input::Wants(lunch()), at(7));
        agent.step(&Input::Wants(Wish::Ready), at(8));
        assert_eq!(agent.pending, None);
    }

    #[test]
    fn a_lost_desk_never_loses_the_talk() {
        let mut agent = ringing_agent();
        agent.step(&Input::Answered, at(6));
        agent.step(&Input::DeskLost { grace_until: at(66) }, at(12));
        assert_eq!(agent.work, Work::Talking { call: CALL });
        assert_eq!(agent.step(&Input::GraceOver, at(66)), None);
        agent.step(&Input::DeskBack, at(70));
        assert_eq!((agent.presence, agent.work), (Presence::Ready, Work::Talking { call: CALL }));
    }

    #[test]
    fn a_lost_desk_gives_the_ringing_call_back_at_once() {
        let mut agent = ringing_agent();
        agent.step(&Input::DeskLost { grace_until: at(66) }, at(12));
        assert_eq!(agent.work, Work::Idle);
        assert!(!agent.is_free());
    }

    #[test]
    fn nobody_is_given_a_second_call() {
        let mut agent = ringing_agent();
        assert_eq!(agent.step(&Input::Picked { call: CallId(2), until: at(30) }, at(6)), None);
        assert_eq!(agent.work.call(), Some(CALL));
    }
}
