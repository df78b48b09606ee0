//! The state machine of one call: what happens to it from outside. What its agent does with it is in `verbs.rs`.

use shared::domain::agent::{self, Activity};
use shared::domain::call::{CallEnding, PartyFailure};
use shared::ids::AgentId;
use shared::time::Moment;
use shared::wire::event::WithdrawnBecause;
use smallvec::{SmallVec, smallvec};

use super::effect::{Effect, Effects};
use super::sound::{Ear, Scenes, ear_of};
use super::state::{Call, DialStage, DialTo, Front, Line, Peer, State};
use super::verbs::Verb;

/// Everything that can happen to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Routing has picked a free agent.
    Picked(AgentId),
    /// Nobody is free: the call begins to wait.
    NobodyFree,
    /// An agent's own call begins; `lifted` when the number was dialled on the telephone itself.
    DialBegins {
        lifted: bool,
    },
    /// The agent pressed "answer" on the screen.
    AnswerAsked(AgentId),
    /// The agent's telephone was lifted.
    PhoneAnswered(AgentId),
    /// The agent's telephone did not take the call.
    PhoneFailed(AgentId, PhoneFailure),
    /// The agent said no on the screen.
    AgentRejected(AgentId),
    /// The desk of the agent is gone.
    DeskLost(AgentId),
    /// It rang long enough.
    OfferExpired,
    /// BYE or CANCEL from the caller, or the caller's line is dead.
    CallerHungUp,
    /// BYE from the agent's telephone.
    PhoneHungUp(AgentId),
    /// The telephone vanished in the talk without a goodbye.
    PhoneLost(AgentId),
    /// The number that the agent dialled can be heard before it answers.
    CustomerEarly,
    /// The number that the agent dialled has answered.
    CustomerAnswered,
    CustomerFailed(PartyFailure),
    /// The number that was called in can be heard before it answers.
    PeerEarly,
    PeerAnswered,
    /// The number that was called in did not answer, or has left.
    PeerGone(PartyFailure),
    /// An agent fetches a parked call.
    Fetched(AgentId),
    /// Parked long enough.
    ParkExpired,
    /// An agent in the call does something with it.
    Verb(AgentId, Verb),
    /// The service ends and waits no longer.
    ServiceEnds,
}

/// Why a telephone did not take the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhoneFailure {
    /// Busy or declined by hand.
    Rejected,
    /// Not registered, not reachable, or it refused what we offered.
    Unreachable,
    /// A colleague who has a call already, or is gone: nothing has rung.
    NotFree,
}

/// What was true before a step, for what follows from the difference.
struct Before {
    scenes: Scenes,
    activities: SmallVec<[(AgentId, Activity); 2]>,
}

impl Call {
    /// Moves the call one step and says what the outside world must do now.
    pub fn step(&mut self, input: Input, now: Moment) -> Effects {
        let before = Before { scenes: self.scenes(), activities: self.activities() };
        let mut effects = match (self.state, input) {
            (State::Ended { .. }, _) => self.in_ended(input),
            (_, Input::Verb(agent, verb)) => self.verb(agent, verb, now).unwrap_or_default(),
            (_, Input::CallerHungUp) => self.caller_hung_up(now),
            (_, Input::ServiceEnds) => self.end(CallEnding::LostFault, now),
            (State::Queued { .. }, _) => self.in_queued(input, now),
            (State::Offered { agent, until, by }, _) => self.in_offered(agent, until, by, input, now),
            (State::Dialing { agent, to, stage, .. }, _) => self.in_dialing(agent, to, stage, input, now),
            (State::Talking { agent, line, .. }, _) => self.in_talking(agent, line, input, now),
            (State::Parked { by, fetched_by, until, .. }, _) => self.in_parked(by, fetched_by, until, input, now),
            (State::Outside { by, .. }, _) => self.in_outside(by, input, now),
        };
        self.settle(&before, &mut effects);
        effects
    }

    fn activities(&self) -> SmallVec<[(AgentId, Activity); 2]> {
        self.agents().into_iter().filter_map(|agent| Some((agent, self.activity(agent)?))).collect()
    }

    /// What follows from the new state alone: who has heard the customer, what each agent does, who hears whom.
    fn settle(&mut self, before: &Before, effects: &mut Effects) {
        for agent in self.hear_customer() {
            if !self.heard.contains(&agent) {
                self.heard.push(agent);
            }
        }
        for (agent, does) in self.activities() {
            let was = before.activities.iter().find(|(of, _)| *of == agent).map(|(_, activity)| *activity);
            let answered = effects.contains(&Effect::Agent(agent, agent::Input::Answered));
            let was = if answered { Some(Activity::Talking) } else { was };
            if was.is_some_and(|was| was != does) {
                effects.push(Effect::Agent(agent, agent::Input::Does(does)));
            }
        }
        if !self.is_over() && self.scenes() != before.scenes {
            effects.push(Effect::Sound);
        }
    }

    fn in_queued(&mut self, input: Input, now: Moment) -> Effects {
        match input {
            Input::Picked(agent) => {
                let until = now.after(self.ring);
                self.state = State::Offered { agent, until, by: None };
                let mut effects: Effects = smallvec![Effect::LeaveQueue];
                effects.extend([
                    Effect::Agent(agent, agent::Input::Picked { call: self.id, until }),
                    Effect::Pop(agent),
                    Effect::RingPhone(agent),
                    Effect::Agent(agent, agent::Input::OfferDelivered { until }),
                ]);
                if !self.caller_answered {
                    effects.push(Effect::RingCaller);
                }
                effects
            }
            Input::NobodyFree => self.wait(),
            // What is left of an offer or of a party that is gone already, or belongs to another state.
            Input::DialBegins { .. }
            | Input::AnswerAsked(_)
            | Input::PhoneAnswered(_)
            | Input::PhoneFailed(..)
            | Input::AgentRejected(_)
            | Input::DeskLost(_)
            | Input::OfferExpired
            | Input::CallerHungUp
            | Input::PhoneHungUp(_)
            | Input::PhoneLost(_)
            | Input::CustomerEarly
            | Input::CustomerAnswered
            | Input::CustomerFailed(_)
            | Input::PeerEarly
            | Input::PeerAnswered
            | Input::PeerGone(_)
            | Input::Fetched(_)
            | Input::ParkExpired
            | Input::Verb(..)
            | Input::ServiceEnds => Effects::new(),
        }
    }

    fn in_offered(&mut self, agent: AgentId, until: Moment, by: Option<AgentId>, input: Input, now: Moment) -> Effects {
        let no_answer = WithdrawnBecause::NoAnswer;
        match input {
            Input::AnswerAsked(of) if of == agent => smallvec![Effect::LiftPhone(agent)],
            Input::PhoneAnswered(of) if of == agent => self.talk(agent, now),
            Input::PhoneFailed(of, PhoneFailure::NotFree) if of == agent => {
                self.state = State::Queued { since: now };
                let told = by.map(|by| Effect::TellFailed(by, Ear::Agent(agent), PartyFailure::NotFree));
                told.into_iter().chain([Effect::Wait]).collect()
            }
            Input::PhoneFailed(of, failure) if of == agent => {
                let (why, blame) = match failure {
                    PhoneFailure::Rejected => (WithdrawnBecause::Rejected, agent::Input::Rejected),
                    PhoneFailure::Unreachable | PhoneFailure::NotFree => {
                        (WithdrawnBecause::PhoneLost, agent::Input::PhoneLost)
                    }
                };
                self.take_back(agent, by, why, Some(blame), now)
            }
            Input::PhoneLost(of) if of == agent => {
                self.take_back(agent, by, WithdrawnBecause::PhoneLost, Some(agent::Input::PhoneLost), now)
            }
            Input::AgentRejected(of) | Input::PhoneHungUp(of) if of == agent => {
                self.take_back(agent, by, WithdrawnBecause::Rejected, Some(agent::Input::Rejected), now)
            }
            // The agent's own machine has already put the agent aside.
            Input::DeskLost(of) if of == agent => self.take_back(agent, by, no_answer, None, now),
            Input::OfferExpired if until.is_due(now) => {
                self.take_back(agent, by, no_answer, Some(agent::Input::RangOut), now)
            }
            Input::Picked(_)
            | Input::NobodyFree
            | Input::DialBegins { .. }
            | Input::AnswerAsked(_)
            | Input::PhoneAnswered(_)
            | Input::PhoneFailed(..)
            | Input::AgentRejected(_)
            | Input::DeskLost(_)
            | Input::OfferExpired
            | Input::CallerHungUp
            | Input::PhoneHungUp(_)
            | Input::PhoneLost(_)
            | Input::CustomerEarly
            | Input::CustomerAnswered
            | Input::CustomerFailed(_)
            | Input::PeerEarly
            | Input::PeerAnswered
            | Input::PeerGone(_)
            | Input::Fetched(_)
            | Input::ParkExpired
            | Input::Verb(..)
            | Input::ServiceEnds => Effects::new(),
        }
    }

    fn in_dialing(&mut self, agent: AgentId, to: DialTo, stage: DialStage, input: Input, now: Moment) -> Effects {
        match (input, stage) {
            (Input::DialBegins { lifted: false }, DialStage::Lifting) => smallvec![
                Effect::Agent(agent, agent::Input::Dials { call: self.id }),
                Effect::Pop(agent),
                Effect::LiftOwnPhone(agent)
            ],
            (Input::DialBegins { lifted: true }, DialStage::Lifting) => {
                let mut effects: Effects =
                    smallvec![Effect::Agent(agent, agent::Input::Dials { call: self.id }), Effect::Pop(agent)];
                effects.extend(self.call_out(agent, to, now));
                effects
            }
            (Input::PhoneAnswered(of), DialStage::Lifting) if of == agent => self.call_out(agent, to, now),
            // The agent's own telephone: nobody else has been bothered.
            (Input::PhoneFailed(of, _) | Input::PhoneLost(of) | Input::PhoneHungUp(of), DialStage::Lifting)
                if of == agent =>
            {
                let mut effects: Effects =
                    smallvec![Effect::TellFailed(agent, Ear::Agent(agent), PartyFailure::Unreachable)];
                effects.extend(self.end(CallEnding::Unreachable, now));
                effects
            }
            (Input::PhoneHungUp(of) | Input::PhoneLost(of), DialStage::Calling { .. }) if of == agent => {
                self.end(CallEnding::NoAnswer, now)
            }
            (Input::CustomerEarly, DialStage::Calling { early: false }) => {
                self.state = State::Dialing { agent, to, stage: DialStage::Calling { early: true }, since: now };
                Effects::new()
            }
            (Input::CustomerAnswered, DialStage::Calling { .. }) => {
                self.caller_answered = true;
                self.talk(agent, now)
            }
            (Input::CustomerFailed(why), DialStage::Calling { .. }) => {
                let mut effects: Effects = smallvec![Effect::TellFailed(agent, Ear::Customer, why)];
                effects.extend(self.end(ending_of(why), now));
                effects
            }
            (
                Input::Picked(_)
                | Input::NobodyFree
                | Input::DialBegins { .. }
                | Input::AnswerAsked(_)
                | Input::PhoneAnswered(_)
                | Input::PhoneFailed(..)
                | Input::AgentRejected(_)
                | Input::DeskLost(_)
                | Input::OfferExpired
                | Input::CallerHungUp
                | Input::PhoneHungUp(_)
                | Input::PhoneLost(_)
                | Input::CustomerEarly
                | Input::CustomerAnswered
                | Input::CustomerFailed(_)
                | Input::PeerEarly
                | Input::PeerAnswered
                | Input::PeerGone(_)
                | Input::Fetched(_)
                | Input::ParkExpired
                | Input::Verb(..)
                | Input::ServiceEnds,
                DialStage::Lifting | DialStage::Calling { .. },
            ) => Effects::new(),
        }
    }

    /// The dialler's telephone is lifted: now the other side is called.
    fn call_out(&mut self, agent: AgentId, to: DialTo, now: Moment) -> Effects {
        match to {
            DialTo::Customer => {
                self.state = State::Dialing { agent, to, stage: DialStage::Calling { early: false }, since: now };
                smallvec![Effect::CallCustomer]
            }
            DialTo::Agent(colleague) => self.call_in(agent, now, Peer::Agent(colleague)),
        }
    }

    /// Calls somebody into the call; the customer, if there is one, is held.
    pub(super) fn call_in(&mut self, agent: AgentId, now: Moment, peer: Peer) -> Effects {
        let until = now.after(self.ring);
        self.state = State::Talking { agent, since: now, line: Line::Calling { peer, until, early: false } };
        match peer {
            Peer::Number => smallvec![Effect::CallPeer],
            Peer::Agent(colleague) => smallvec![Effect::CallColleague(colleague, until)],
        }
    }

    fn in_talking(&mut self, agent: AgentId, line: Line, input: Input, now: Moment) -> Effects {
        let guest = line.peer();
        let is_guest = |of: AgentId| guest == Some(Peer::Agent(of));
        match (input, line) {
            (Input::PhoneHungUp(of), _) if of == agent => self.owner_put_down(agent, line, now),
            (Input::PhoneLost(of), _) if of == agent => self.owner_lost(agent, line, now),

            (Input::AnswerAsked(of), Line::Calling { .. }) if is_guest(of) => smallvec![Effect::LiftPhone(of)],
            (Input::PhoneAnswered(of), Line::Calling { peer, .. }) if is_guest(of) => {
                self.state = State::Talking { agent, since: now, line: Line::Consulting { peer, front: Front::Peer } };
                smallvec![Effect::Agent(of, agent::Input::Answered), Effect::TellAnswered(of)]
            }
            (Input::PhoneFailed(of, PhoneFailure::NotFree), Line::Calling { .. }) if is_guest(of) => {
                self.peer_left(agent, line, PartyFailure::NotFree, now)
            }
            (Input::PhoneFailed(of, PhoneFailure::Rejected) | Input::AgentRejected(of), Line::Calling { .. })
                if is_guest(of) =>
            {
                self.guest_did_not_come(agent, of, WithdrawnBecause::Rejected, PartyFailure::Rejected, now)
            }
            (Input::PhoneFailed(of, PhoneFailure::Unreachable) | Input::PhoneLost(of), Line::Calling { .. })
                if is_guest(of) =>
            {
                self.guest_did_not_come(agent, of, WithdrawnBecause::PhoneLost, PartyFailure::Unreachable, now)
            }
            (Input::PhoneHungUp(of) | Input::DeskLost(of), Line::Calling { .. }) if is_guest(of) => {
                self.guest_did_not_come(agent, of, WithdrawnBecause::NoAnswer, PartyFailure::NoAnswer, now)
            }
            (Input::OfferExpired, Line::Calling { peer: Peer::Agent(of), until, .. }) if until.is_due(now) => {
                self.guest_did_not_come(agent, of, WithdrawnBecause::NoAnswer, PartyFailure::NoAnswer, now)
            }
            (Input::PhoneHungUp(of) | Input::PhoneLost(of), Line::Consulting { .. } | Line::Conference { .. })
                if is_guest(of) =>
            {
                self.guest_left(agent, of, line, now)
            }

            (Input::PeerEarly, Line::Calling { peer: Peer::Number, until, early: false }) => {
                let line = Line::Calling { peer: Peer::Number, until, early: true };
                self.state = State::Talking { agent, since: now, line };
                Effects::new()
            }
            (Input::PeerAnswered, Line::Calling { peer: Peer::Number, .. }) => {
                let line = Line::Consulting { peer: Peer::Number, front: Front::Peer };
                self.state = State::Talking { agent, since: now, line };
                Effects::new()
            }
            (Input::PeerGone(why), _) if guest == Some(Peer::Number) => self.peer_left(agent, line, why, now),

            (
                Input::Picked(_)
                | Input::NobodyFree
                | Input::DialBegins { .. }
                | Input::AnswerAsked(_)
                | Input::PhoneAnswered(_)
                | Input::PhoneFailed(..)
                | Input::AgentRejected(_)
                // A lost desk does not cut the talk.
                | Input::DeskLost(_)
                | Input::OfferExpired
                | Input::CallerHungUp
                | Input::PhoneHungUp(_)
                | Input::PhoneLost(_)
                | Input::CustomerEarly
                | Input::CustomerAnswered
                | Input::CustomerFailed(_)
                | Input::PeerEarly
                | Input::PeerAnswered
                | Input::PeerGone(_)
                | Input::Fetched(_)
                | Input::ParkExpired
                | Input::Verb(..)
                | Input::ServiceEnds,
                Line::Customer { .. } | Line::Calling { .. } | Line::Consulting { .. } | Line::Conference { .. },
            ) => Effects::new(),
        }
    }

    fn in_parked(
        &mut self,
        by: AgentId,
        fetched_by: Option<AgentId>,
        until: Moment,
        input: Input,
        now: Moment,
    ) -> Effects {
        match (input, fetched_by) {
            (Input::Fetched(agent), None) => {
                self.state = State::Parked { by, since: now, until, fetched_by: Some(agent) };
                smallvec![
                    Effect::Agent(agent, agent::Input::Dials { call: self.id }),
                    Effect::Pop(agent),
                    Effect::LiftOwnPhone(agent)
                ]
            }
            (Input::PhoneAnswered(of), Some(agent)) if of == agent => self.talk(agent, now),
            (Input::PhoneFailed(of, _) | Input::PhoneHungUp(of) | Input::PhoneLost(of), Some(agent)) if of == agent => {
                self.state = State::Parked { by, since: now, until, fetched_by: None };
                smallvec![
                    Effect::EndPhone(agent),
                    Effect::TellFailed(agent, Ear::Agent(agent), PartyFailure::Unreachable),
                    Effect::TellReleased(agent),
                    Effect::Agent(agent, agent::Input::Released),
                    Effect::Park
                ]
            }
            (Input::ParkExpired, None) if until.is_due(now) => {
                self.state = State::Queued { since: now };
                smallvec![Effect::Wait]
            }
            (
                Input::Picked(_)
                | Input::NobodyFree
                | Input::DialBegins { .. }
                | Input::AnswerAsked(_)
                | Input::PhoneAnswered(_)
                | Input::PhoneFailed(..)
                | Input::AgentRejected(_)
                | Input::DeskLost(_)
                | Input::OfferExpired
                | Input::CallerHungUp
                | Input::PhoneHungUp(_)
                | Input::PhoneLost(_)
                | Input::CustomerEarly
                | Input::CustomerAnswered
                | Input::CustomerFailed(_)
                | Input::PeerEarly
                | Input::PeerAnswered
                | Input::PeerGone(_)
                | Input::Fetched(_)
                | Input::ParkExpired
                | Input::Verb(..)
                | Input::ServiceEnds,
                Some(_) | None,
            ) => Effects::new(),
        }
    }

    fn in_outside(&mut self, by: AgentId, input: Input, now: Moment) -> Effects {
        let State::Outside { up, .. } = self.state else { return Effects::new() };
        match (input, up) {
            (Input::PeerAnswered, false) => {
                self.state = State::Outside { by, since: now, up: true };
                Effects::new()
            }
            // Nobody is there: the caller is not lost, and comes first in the queue.
            (Input::PeerGone(why), false) => {
                self.state = State::Queued { since: now };
                smallvec![Effect::TellFailed(by, Ear::Peer, why), Effect::Wait]
            }
            (Input::PeerGone(_), true) => self.end(CallEnding::TransferredOut, now),
            (
                Input::Picked(_)
                | Input::NobodyFree
                | Input::DialBegins { .. }
                | Input::AnswerAsked(_)
                | Input::PhoneAnswered(_)
                | Input::PhoneFailed(..)
                | Input::AgentRejected(_)
                | Input::DeskLost(_)
                | Input::OfferExpired
                | Input::CallerHungUp
                | Input::PhoneHungUp(_)
                | Input::PhoneLost(_)
                | Input::CustomerEarly
                | Input::CustomerAnswered
                | Input::CustomerFailed(_)
                | Input::PeerEarly
                | Input::PeerAnswered
                | Input::Fetched(_)
                | Input::ParkExpired
                | Input::Verb(..)
                | Input::ServiceEnds,
                true | false,
            ) => Effects::new(),
        }
    }

    fn in_ended(&self, input: Input) -> Effects {
        match input {
            // A telephone or a number that answered as the call ended: it must not stay off the hook.
            Input::PhoneAnswered(agent) => smallvec![Effect::EndPhone(agent)],
            Input::PeerAnswered => smallvec![Effect::EndPeer],
            Input::CustomerAnswered => smallvec![Effect::EndCaller],
            Input::Picked(_)
            | Input::NobodyFree
            | Input::DialBegins { .. }
            | Input::AnswerAsked(_)
            | Input::PhoneFailed(..)
            | Input::AgentRejected(_)
            | Input::DeskLost(_)
            | Input::OfferExpired
            | Input::CallerHungUp
            | Input::PhoneHungUp(_)
            | Input::PhoneLost(_)
            | Input::CustomerEarly
            | Input::CustomerFailed(_)
            | Input::PeerEarly
            | Input::PeerGone(_)
            | Input::Fetched(_)
            | Input::ParkExpired
            | Input::Verb(..)
            | Input::ServiceEnds => Effects::new(),
        }
    }

    fn caller_hung_up(&mut self, now: Moment) -> Effects {
        let ending = match self.state {
            State::Outside { up: true, .. } => CallEnding::TransferredOut,
            // Nobody has talked with the caller yet.
            _ if self.heard.is_empty() => CallEnding::Abandoned,
            _ => CallEnding::CallerHungUp,
        };
        self.end(ending, now)
    }

    fn wait(&mut self) -> Effects {
        if self.caller_answered {
            return smallvec![Effect::Wait];
        }
        self.caller_answered = true;
        smallvec![Effect::AnswerCaller, Effect::Wait]
    }

    fn talk(&mut self, agent: AgentId, now: Moment) -> Effects {
        self.state = State::Talking { agent, since: now, line: Line::Customer { held: false } };
        let mut effects = Effects::new();
        if !self.caller_answered {
            self.caller_answered = true;
            effects.push(Effect::AnswerCaller);
        }
        effects.extend([Effect::Agent(agent, agent::Input::Answered), Effect::TellAnswered(agent)]);
        effects
    }

    /// The caller returns to the queue with the time of arrival kept. Whom a colleague meant, and not routing, is not
    /// put aside for it.
    fn take_back(
        &mut self,
        agent: AgentId,
        by: Option<AgentId>,
        why: WithdrawnBecause,
        blame: Option<agent::Input>,
        now: Moment,
    ) -> Effects {
        self.state = State::Queued { since: now };
        let mut effects: Effects = smallvec![Effect::EndPhone(agent), Effect::Withdraw(agent, why)];
        let gentle = |input| match (by, input) {
            (Some(_), agent::Input::RangOut | agent::Input::Rejected) => agent::Input::CallerGone,
            (_, input) => input,
        };
        effects.extend(blame.map(|input| Effect::Agent(agent, gentle(input))));
        effects.extend(by.map(|by| Effect::TellFailed(by, Ear::Agent(agent), failure_of(why))));
        effects.push(Effect::Wait);
        effects
    }

    /// BYE from the telephone of whoever has the call. Whoever consults and puts the handset down hands the call over,
    /// as on any telephone; with the customer alone it is the end.
    fn owner_put_down(&mut self, agent: AgentId, line: Line, now: Moment) -> Effects {
        match line {
            Line::Customer { .. } => self.end(CallEnding::AgentHungUp, now),
            _ if !self.has_customer => self.end(CallEnding::AgentHungUp, now),
            Line::Calling { .. } | Line::Consulting { .. } | Line::Conference { .. } => {
                self.hand_over(agent, line, CallEnding::Transferred, now)
            }
        }
    }

    /// The owner's telephone is dead. The customer is kept: with the colleague who is there already, or back in the
    /// queue with music and the old place, while the agent writes down what was said so far.
    fn owner_lost(&mut self, agent: AgentId, line: Line, now: Moment) -> Effects {
        if !self.has_customer {
            return self.end(CallEnding::LostFault, now);
        }
        match line {
            Line::Consulting { .. } | Line::Conference { .. } => {
                self.hand_over(agent, line, CallEnding::LostFault, now)
            }
            Line::Customer { .. } | Line::Calling { .. } => {
                let mut effects = self.dismiss_peer(line, now);
                effects.extend(self.part(agent, CallEnding::LostFault, now));
                self.state = State::Queued { since: now };
                effects.push(Effect::Wait);
                effects
            }
        }
    }

    /// The peer takes the call over, from whatever line it is on.
    pub(super) fn hand_over(&mut self, agent: AgentId, line: Line, ending: CallEnding, now: Moment) -> Effects {
        let Some(peer) = line.peer() else { return Effects::new() };
        let mut effects = self.part(agent, ending, now);
        let rings = matches!(line, Line::Calling { .. });
        match (peer, line) {
            (Peer::Agent(colleague), Line::Calling { until, .. }) => {
                self.state = State::Offered { agent: colleague, until, by: Some(agent) };
            }
            (Peer::Agent(colleague), _) => {
                self.state = State::Talking { agent: colleague, since: now, line: Line::Customer { held: false } };
                effects.push(Effect::TellAnswered(colleague));
            }
            (Peer::Number, _) => self.state = State::Outside { by: agent, since: now, up: !rings },
        }
        effects
    }

    /// Whoever was called in is sent away: an offer is withdrawn, a number hung up, a colleague released.
    pub(super) fn dismiss_peer(&self, line: Line, now: Moment) -> Effects {
        match (line.peer(), line) {
            (None, _) => Effects::new(),
            (Some(Peer::Number), _) => smallvec![Effect::EndPeer],
            (Some(Peer::Agent(colleague)), Line::Calling { .. }) => smallvec![
                Effect::EndPhone(colleague),
                Effect::Withdraw(colleague, WithdrawnBecause::Cancelled),
                Effect::Agent(colleague, agent::Input::CallerGone),
            ],
            (Some(Peer::Agent(colleague)), _) => self.part(colleague, CallEnding::Transferred, now),
        }
    }

    fn guest_did_not_come(
        &mut self,
        agent: AgentId,
        guest: AgentId,
        withdrawn: WithdrawnBecause,
        why: PartyFailure,
        now: Moment,
    ) -> Effects {
        let mut effects: Effects = smallvec![
            Effect::EndPhone(guest),
            Effect::Withdraw(guest, withdrawn),
            Effect::Agent(guest, agent::Input::CallerGone),
            Effect::TellFailed(agent, Ear::Agent(guest), why),
        ];
        effects.extend(self.alone_again(agent, true, ending_of(why), now));
        effects
    }

    /// A colleague who was called in puts the telephone down.
    pub(super) fn guest_left(&mut self, agent: AgentId, guest: AgentId, line: Line, now: Moment) -> Effects {
        let mut effects = self.part(guest, CallEnding::AgentHungUp, now);
        effects.extend(self.peer_left(agent, line, PartyFailure::HungUp, now));
        effects
    }

    /// The one who was called in did not come, or has left. The customer stays on hold until the agent takes the talk
    /// up again; a conference goes on as a talk.
    fn peer_left(&mut self, agent: AgentId, line: Line, why: PartyFailure, now: Moment) -> Effects {
        let mut effects: Effects =
            line.peer().map(|peer| Effect::TellFailed(agent, ear_of(peer), why)).into_iter().collect();
        let held = match line {
            Line::Calling { .. } | Line::Consulting { front: Front::Peer, .. } => true,
            Line::Customer { .. } | Line::Consulting { front: Front::Customer, .. } | Line::Conference { .. } => false,
        };
        let ending = if matches!(line, Line::Calling { .. }) { ending_of(why) } else { CallEnding::AgentHungUp };
        effects.extend(self.alone_again(agent, held, ending, now));
        effects
    }

    /// The agent is left with the customer; with nobody, when there is none.
    pub(super) fn alone_again(&mut self, agent: AgentId, held: bool, ending: CallEnding, now: Moment) -> Effects {
        if self.has_customer {
            self.state = State::Talking { agent, since: now, line: Line::Customer { held } };
            return Effects::new();
        }
        self.state = State::Talking { agent, since: now, line: Line::Customer { held: true } };
        self.end(ending, now)
    }

    /// One agent leaves. Whoever has heard the customer, or has dialled, has something to write.
    pub(super) fn part(&self, agent: AgentId, ending: CallEnding, now: Moment) -> Effects {
        let has_dialled = matches!(
            self.state,
            State::Dialing { agent: dialler, to: DialTo::Customer, stage: DialStage::Calling { .. }, .. }
                if dialler == agent
        );
        if self.heard.contains(&agent) || has_dialled {
            smallvec![
                Effect::EndPhone(agent),
                Effect::TellEnded(agent, ending),
                Effect::Agent(agent, agent::Input::CallEnded { limit: now.after(self.wrapup) }),
            ]
        } else {
            smallvec![
                Effect::EndPhone(agent),
                Effect::TellReleased(agent),
                Effect::Agent(agent, agent::Input::Released)
            ]
        }
    }

    /// Everybody leaves, and the record is written.
    pub(super) fn end(&mut self, ending: CallEnding, now: Moment) -> Effects {
        let mut effects = match self.state {
            State::Queued { .. } => smallvec![Effect::LeaveQueue],
            State::Offered { agent, .. } => smallvec![
                Effect::EndPhone(agent),
                Effect::Withdraw(agent, WithdrawnBecause::CallerGone),
                Effect::Agent(agent, agent::Input::CallerGone),
            ],
            State::Dialing { agent, .. } => self.part(agent, ending, now),
            State::Talking { agent, line, .. } => {
                let mut effects = match (line.peer(), line) {
                    (Some(Peer::Agent(guest)), Line::Consulting { .. } | Line::Conference { .. }) => {
                        self.part(guest, ending, now)
                    }
                    _ => self.dismiss_peer(line, now),
                };
                effects.extend(self.part(agent, ending, now));
                effects
            }
            State::Parked { fetched_by, .. } => {
                fetched_by.map(|agent| self.part(agent, ending, now)).unwrap_or_default()
            }
            State::Outside { .. } => smallvec![Effect::EndPeer],
            State::Ended { .. } => return Effects::new(),
        };
        self.state = State::Ended { ending };
        effects.push(Effect::Close(ending));
        effects
    }
}

/// How an attempt ended that nobody answered.
const fn ending_of(why: PartyFailure) -> CallEnding {
    match why {
        PartyFailure::Busy | PartyFailure::Rejected | PartyFailure::NotFree => CallEnding::Busy,
        PartyFailure::NoAnswer | PartyFailure::HungUp => CallEnding::NoAnswer,
        PartyFailure::Unreachable | PartyFailure::WrongNumber => CallEnding::Unreachable,
    }
}

const fn failure_of(why: WithdrawnBecause) -> PartyFailure {
    match why {
        WithdrawnBecause::Rejected => PartyFailure::Rejected,
        WithdrawnBecause::PhoneLost => PartyFailure::Unreachable,
        WithdrawnBecause::NoAnswer
        | WithdrawnBecause::CallerGone
        | WithdrawnBecause::TakenOver
        | WithdrawnBecause::Cancelled => PartyFailure::NoAnswer,
    }
}
