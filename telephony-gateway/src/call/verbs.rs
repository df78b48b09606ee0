//! What an agent does with a call: the verbs of states-and-events, each only in the states that know it.

use shared::domain::call::CallEnding;
use shared::ids::AgentId;
use shared::time::Moment;
use smallvec::smallvec;

use super::effect::{Effect, Effects};
use super::state::{Call, Front, Line, Peer, State};

/// One thing that an agent who is in the call can do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Hold,
    Retrieve,
    /// Blind: without a word.
    TransferToAgent(AgentId),
    /// The call's queue has been changed already.
    TransferToQueue,
    TransferToNumber,
    ConsultAgent(AgentId),
    ConsultNumber,
    Swap,
    /// The customer and the peer go on without this agent.
    CompleteTransfer,
    Confer,
    DropPeer,
    /// The customer leaves a conference or a consultation, the agents go on.
    DropCustomer,
    Park,
    /// On the screen: the one in front is hung up. With the customer alone it is the end of the call.
    HangUp,
}

impl Call {
    /// Whether this agent can do that now.
    pub fn allows(&self, agent: AgentId, verb: Verb) -> bool {
        // The pure step itself is the rule; it is tried on a copy.
        let (mut tried, any_time) = (self.clone(), self.arrived);
        tried.verb(agent, verb, any_time).is_some()
    }

    /// `None` when the verb means nothing in this state, or is not this agent's.
    pub(super) fn verb(&mut self, by: AgentId, verb: Verb, now: Moment) -> Option<Effects> {
        match self.state {
            State::Dialing { agent, .. } if agent == by => match verb {
                Verb::HangUp => Some(self.end(CallEnding::NoAnswer, now)),
                _ => None,
            },
            State::Parked { by: parked_by, until, fetched_by: Some(agent), .. } if agent == by => match verb {
                Verb::HangUp => {
                    self.state = State::Parked { by: parked_by, since: now, until, fetched_by: None };
                    let mut effects = self.part(agent, CallEnding::Transferred, now);
                    effects.push(Effect::Park);
                    Some(effects)
                }
                _ => None,
            },
            State::Talking { agent, line, .. } if agent == by => self.owner_verb(agent, line, verb, now),
            State::Talking { agent, line, .. } if line.peer() == Some(Peer::Agent(by)) => {
                self.guest_verb(agent, by, line, verb, now)
            }
            State::Queued { .. }
            | State::Offered { .. }
            | State::Dialing { .. }
            | State::Talking { .. }
            | State::Parked { .. }
            | State::Outside { .. }
            | State::Ended { .. } => None,
        }
    }

    /// A colleague who was called in can only leave.
    fn guest_verb(&mut self, agent: AgentId, guest: AgentId, line: Line, verb: Verb, now: Moment) -> Option<Effects> {
        match (verb, line) {
            (Verb::HangUp, Line::Consulting { .. } | Line::Conference { .. }) => {
                Some(self.guest_left(agent, guest, line, now))
            }
            _ => None,
        }
    }

    fn owner_verb(&mut self, agent: AgentId, line: Line, verb: Verb, now: Moment) -> Option<Effects> {
        match (verb, line) {
            (Verb::Hold, Line::Customer { held: false }) => self.goes_on(agent, Line::Customer { held: true }, now),
            (Verb::Retrieve, Line::Customer { held: true }) => self.goes_on(agent, Line::Customer { held: false }, now),
            (Verb::Swap, Line::Consulting { peer, front: Front::Peer }) if self.has_customer => {
                self.goes_on(agent, Line::Consulting { peer, front: Front::Customer }, now)
            }
            (Verb::Swap, Line::Consulting { peer, front: Front::Customer }) if self.has_customer => {
                self.goes_on(agent, Line::Consulting { peer, front: Front::Peer }, now)
            }
            (Verb::Confer, Line::Consulting { peer, .. }) if self.has_customer => {
                self.goes_on(agent, Line::Conference { peer }, now)
            }
            (Verb::ConsultAgent(to), Line::Customer { .. }) if to != agent => {
                Some(self.call_in(agent, now, Peer::Agent(to)))
            }
            (Verb::ConsultNumber, Line::Customer { .. }) => Some(self.call_in(agent, now, Peer::Number)),
            (Verb::CompleteTransfer, Line::Calling { .. } | Line::Consulting { .. } | Line::Conference { .. })
                if self.has_customer =>
            {
                Some(self.hand_over(agent, line, CallEnding::Transferred, now))
            }
            (Verb::TransferToAgent(to), Line::Customer { .. }) if to != agent => {
                let until = now.after(self.ring);
                let mut effects = self.part(agent, CallEnding::Transferred, now);
                self.state = State::Offered { agent: to, until, by: Some(agent) };
                effects.push(Effect::CallColleague(to, until));
                Some(effects)
            }
            (Verb::TransferToQueue, Line::Customer { .. }) => {
                let mut effects = self.part(agent, CallEnding::Transferred, now);
                self.state = State::Queued { since: now };
                effects.push(Effect::Wait);
                Some(effects)
            }
            (Verb::TransferToNumber, Line::Customer { .. }) => {
                let mut effects = self.part(agent, CallEnding::Transferred, now);
                self.state = State::Outside { by: agent, since: now, up: false };
                effects.push(Effect::CallPeer);
                Some(effects)
            }
            (Verb::Park, Line::Customer { .. }) => {
                let mut effects = self.part(agent, CallEnding::Transferred, now);
                let until = now.after(self.park);
                self.state = State::Parked { by: agent, since: now, until, fetched_by: None };
                effects.push(Effect::Park);
                Some(effects)
            }
            (Verb::DropPeer, Line::Calling { .. } | Line::Consulting { .. } | Line::Conference { .. }) => {
                let mut effects = self.dismiss_peer(line, now);
                effects.extend(self.alone_again(agent, false, CallEnding::AgentHungUp, now));
                Some(effects)
            }
            (Verb::DropCustomer, Line::Consulting { peer, .. } | Line::Conference { peer }) if self.has_customer => {
                self.has_customer = false;
                let line = Line::Consulting { peer, front: Front::Peer };
                self.state = State::Talking { agent, since: now, line };
                Some(smallvec![Effect::EndCaller])
            }
            (Verb::HangUp, Line::Customer { .. }) => Some(self.end(CallEnding::AgentHungUp, now)),
            (Verb::HangUp, _) if !self.has_customer => Some(self.end(CallEnding::AgentHungUp, now)),
            // The customer is never lost by hanging up on a colleague; from a conference only this agent goes.
            (Verb::HangUp, Line::Calling { .. } | Line::Consulting { .. }) => {
                self.owner_verb(agent, line, Verb::DropPeer, now)
            }
            (Verb::HangUp, Line::Conference { .. }) => self.owner_verb(agent, line, Verb::CompleteTransfer, now),

            (
                Verb::Hold
                | Verb::Retrieve
                | Verb::TransferToAgent(_)
                | Verb::TransferToQueue
                | Verb::TransferToNumber
                | Verb::ConsultAgent(_)
                | Verb::ConsultNumber
                | Verb::Swap
                | Verb::CompleteTransfer
                | Verb::Confer
                | Verb::DropPeer
                | Verb::DropCustomer
                | Verb::Park,
                Line::Customer { .. } | Line::Calling { .. } | Line::Consulting { .. } | Line::Conference { .. },
            ) => None,
        }
    }

    /// The same agent with another line; all that has to be done follows from the difference.
    #[expect(clippy::unnecessary_wraps, reason = "reads as the answer to a verb")]
    fn goes_on(&mut self, agent: AgentId, line: Line, now: Moment) -> Option<Effects> {
        self.state = State::Talking { agent, since: now, line };
        Some(Effects::new())
    }
}
