//! The state machine of one call.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::domain::agent;
use shared::domain::call::CallEnding;
use shared::ids::{AgentId, CallId};
use shared::time::Moment;
use shared::wire::event::WithdrawnBecause;
use smallvec::smallvec;

use super::effect::{Effect, Effects};

/// A call, with exactly what is true in its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    pub id: CallId,
    pub state: State,
    /// The INVITE at the socket. A requeue never loses it.
    pub arrived: Moment,
    /// Whether the caller has been answered (200), and so hears something.
    pub caller_answered: bool,
    /// How long an agent may let it ring.
    pub ring: Duration,
    /// How long the queue grants for the wrap-up.
    pub wrapup: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// In the queue since then; music plays once the caller was answered.
    Queued {
        since: Moment,
    },
    /// Rings at this agent.
    Offered {
        agent: AgentId,
        until: Moment,
    },
    Talking {
        agent: AgentId,
        since: Moment,
    },
    Ended {
        ending: CallEnding,
    },
}

/// Everything that can happen to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Routing has picked a free agent.
    Picked(AgentId),
    /// Nobody is free: the call begins to wait.
    NobodyFree,
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
    /// The agent hung up, on the screen or on the telephone.
    AgentHungUp(AgentId),
    /// The telephone vanished in the talk without a goodbye.
    PhoneLost(AgentId),
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
}

impl Call {
    pub const fn arrive(id: CallId, ring: Duration, wrapup: Duration, now: Moment) -> Self {
        Self { id, state: State::Queued { since: now }, arrived: now, caller_answered: false, ring, wrapup }
    }

    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Ended { .. })
    }

    /// The agent who has the call now.
    pub const fn agent(&self) -> Option<AgentId> {
        match self.state {
            State::Offered { agent, .. } | State::Talking { agent, .. } => Some(agent),
            State::Queued { .. } | State::Ended { .. } => None,
        }
    }

    /// Moves the call one step and says what the outside world must do now.
    pub fn step(&mut self, input: Input, now: Moment) -> Effects {
        match self.state {
            State::Queued { .. } => match input {
                Input::Picked(agent) => self.offer(agent, now),
                Input::NobodyFree => self.wait(),
                Input::CallerHungUp => self.end(CallEnding::Abandoned, smallvec![Effect::LeaveQueue]),
                Input::ServiceEnds => self.end(CallEnding::LostFault, smallvec![Effect::LeaveQueue]),
                // What is left of an offer that has been taken back already.
                Input::AnswerAsked(_)
                | Input::PhoneAnswered(_)
                | Input::PhoneFailed(..)
                | Input::AgentRejected(_)
                | Input::DeskLost(_)
                | Input::OfferExpired
                | Input::AgentHungUp(_)
                | Input::PhoneLost(_) => Effects::new(),
            },

            State::Offered { agent, until } => match input {
                Input::AnswerAsked(by) if by == agent => smallvec![Effect::LiftPhone(agent)],
                Input::PhoneAnswered(by) if by == agent => self.talk(agent, now),
                Input::PhoneFailed(by, failure) if by == agent => {
                    let (why, blame) = match failure {
                        PhoneFailure::Rejected => (WithdrawnBecause::Rejected, agent::Input::Rejected),
                        PhoneFailure::Unreachable => (WithdrawnBecause::PhoneLost, agent::Input::PhoneLost),
                    };
                    self.take_back(agent, why, Some(blame), false, now)
                }
                Input::AgentRejected(by) if by == agent => {
                    self.take_back(agent, WithdrawnBecause::Rejected, Some(agent::Input::Rejected), true, now)
                }
                // The agent's own machine has already put the agent aside.
                Input::DeskLost(by) if by == agent => {
                    self.take_back(agent, WithdrawnBecause::NoAnswer, None, true, now)
                }
                Input::OfferExpired if until.is_due(now) => {
                    self.take_back(agent, WithdrawnBecause::NoAnswer, Some(agent::Input::RangOut), true, now)
                }
                Input::CallerHungUp => self.end(
                    CallEnding::Abandoned,
                    smallvec![
                        Effect::EndPhone(agent),
                        Effect::Withdraw(agent, WithdrawnBecause::CallerGone),
                        Effect::Agent(agent, agent::Input::CallerGone),
                    ],
                ),
                Input::ServiceEnds => self.end(
                    CallEnding::LostFault,
                    smallvec![
                        Effect::EndPhone(agent),
                        Effect::Withdraw(agent, WithdrawnBecause::CallerGone),
                        Effect::Agent(agent, agent::Input::CallerGone),
                    ],
                ),
                Input::PhoneLost(by) if by == agent => {
                    self.take_back(agent, WithdrawnBecause::PhoneLost, Some(agent::Input::PhoneLost), false, now)
                }
                Input::AgentHungUp(by) if by == agent => {
                    self.take_back(agent, WithdrawnBecause::Rejected, Some(agent::Input::Rejected), true, now)
                }
                Input::Picked(_)
                | Input::NobodyFree
                | Input::AnswerAsked(_)
                | Input::PhoneAnswered(_)
                | Input::PhoneFailed(..)
                | Input::AgentRejected(_)
                | Input::DeskLost(_)
                | Input::OfferExpired
                | Input::AgentHungUp(_)
                | Input::PhoneLost(_) => Effects::new(),
            },

            State::Talking { agent, .. } => match input {
                Input::CallerHungUp => self.hang_up(agent, CallEnding::CallerHungUp, Effect::EndPhone(agent), now),
                Input::AgentHungUp(by) if by == agent => {
                    let mut effects = self.hang_up(agent, CallEnding::AgentHungUp, Effect::EndPhone(agent), now);
                    effects.insert(0, Effect::EndCaller);
                    effects
                }
                Input::ServiceEnds => self.hang_up(agent, CallEnding::LostFault, Effect::EndPhone(agent), now),
                // The caller is kept: back to the queue with music and the old place, while the agent writes down
                // what was said so far.
                Input::PhoneLost(by) if by == agent => {
                    self.state = State::Queued { since: now };
                    smallvec![
                        Effect::EndPhone(agent),
                        Effect::TellEnded(agent, CallEnding::LostFault),
                        Effect::Agent(agent, agent::Input::CallEnded { limit: now.after(self.wrapup) }),
                        Effect::PlayMusic,
                        Effect::Wait,
                    ]
                }
                // A lost desk does not cut the talk.
                Input::DeskLost(_)
                | Input::Picked(_)
                | Input::NobodyFree
                | Input::AnswerAsked(_)
                | Input::PhoneAnswered(_)
                | Input::PhoneFailed(..)
                | Input::AgentRejected(_)
                | Input::OfferExpired
                | Input::AgentHungUp(_)
                | Input::PhoneLost(_) => Effects::new(),
            },

            State::Ended { .. } => match input {
                // A telephone that was lifted as the caller hung up: it must not stay off the hook.
                Input::PhoneAnswered(agent) => smallvec![Effect::EndPhone(agent)],
                Input::Picked(_)
                | Input::NobodyFree
                | Input::AnswerAsked(_)
                | Input::PhoneFailed(..)
                | Input::AgentRejected(_)
                | Input::DeskLost(_)
                | Input::OfferExpired
                | Input::CallerHungUp
                | Input::AgentHungUp(_)
                | Input::PhoneLost(_)
                | Input::ServiceEnds => Effects::new(),
            },
        }
    }

    fn offer(&mut self, agent: AgentId, now: Moment) -> Effects {
        let until = now.after(self.ring);
        self.state = State::Offered { agent, until };
        let mut effects: Effects = smallvec![
            Effect::LeaveQueue,
            Effect::Agent(agent, agent::Input::Picked { call: self.id, until }),
            Effect::Pop(agent),
            Effect::RingPhone(agent),
            Effect::Agent(agent, agent::Input::OfferDelivered { until }),
        ];
        if !self.caller_answered {
            effects.push(Effect::RingCaller);
        }
        effects
    }

    fn wait(&mut self) -> Effects {
        if self.caller_answered {
            return smallvec![Effect::Wait];
        }
        self.caller_answered = true;
        smallvec![Effect::AnswerCaller, Effect::PlayMusic, Effect::Wait]
    }

    fn talk(&mut self, agent: AgentId, now: Moment) -> Effects {
        self.state = State::Talking { agent, since: now };
        let mut effects = Effects::new();
        if !self.caller_answered {
            self.caller_answered = true;
            effects.push(Effect::AnswerCaller);
        }
        effects.extend([
            Effect::Bridge(agent),
            Effect::Agent(agent, agent::Input::Answered),
            Effect::TellAnswered(agent),
        ]);
        effects
    }

    /// The caller returns to the queue with the time of arrival kept.
    fn take_back(
        &mut self,
        agent: AgentId,
        why: WithdrawnBecause,
        blame: Option<agent::Input>,
        phone_rings: bool,
        now: Moment,
    ) -> Effects {
        self.state = State::Queued { since: now };
        let mut effects = Effects::new();
        if phone_rings {
            effects.push(Effect::EndPhone(agent));
        }
        effects.push(Effect::Withdraw(agent, why));
        effects.extend(blame.map(|input| Effect::Agent(agent, input)));
        effects.push(Effect::Wait);
        effects
    }

    fn hang_up(&mut self, agent: AgentId, ending: CallEnding, end_phone: Effect, now: Moment) -> Effects {
        self.end(
            ending,
            smallvec![
                end_phone,
                Effect::TellEnded(agent, ending),
                Effect::Agent(agent, agent::Input::CallEnded { limit: now.after(self.wrapup) }),
            ],
        )
    }

    fn end(&mut self, ending: CallEnding, mut effects: Effects) -> Effects {
        self.state = State::Ended { ending };
        effects.push(Effect::Close(ending));
        effects
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: AgentId = AgentId(1);
    const BORIS: AgentId = AgentId(2);
    const CALL: CallId = CallId(77);

    fn at(s: u64) -> Moment {
        Moment::at_ms(s * 1000)
    }

    fn arrived() -> Call {
        Call::arrive(CALL, Duration::from_secs(15), Duration::from_secs(60), at(0))
    }

    fn offered() -> Call {
        let mut call = arrived();
        call.step(Input::Picked(ANNA), at(0));
        call
    }

    #[test]
    fn the_first_free_agent_gets_the_pop_and_the_ring_in_one_step() {
        let until = at(15);
        assert_eq!(
            arrived().step(Input::Picked(ANNA), at(0)).as_slice(),
            [
                Effect::LeaveQueue,
                Effect::Agent(ANNA, agent::Input::Picked { call: CALL, until }),
                Effect::Pop(ANNA),
                Effect::RingPhone(ANNA),
                Effect::Agent(ANNA, agent::Input::OfferDelivered { until }),
                Effect::RingCaller,
            ]
        );
    }

    #[test]
    fn a_caller_with_nobody_free_hears_music_and_keeps_the_place() {
        let mut call = arrived();
        assert_eq!(
            call.step(Input::NobodyFree, at(0)).as_slice(),
            [Effect::AnswerCaller, Effect::PlayMusic, Effect::Wait]
        );
        assert!(
            !call.step(Input::Picked(ANNA), at(40)).contains(&Effect::RingCaller),
            "an answered caller hears music"
        );
        assert_eq!(call.arrived, at(0));
    }

    #[test]
    fn an_offer_that_rings_out_costs_the_agent_and_not_the_caller() {
        let mut call = offered();
        assert!(call.step(Input::OfferExpired, at(14)).is_empty(), "an early timer means nothing");
        assert_eq!(
            call.step(Input::OfferExpired, at(15)).as_slice(),
            [
                Effect::EndPhone(ANNA),
                Effect::Withdraw(ANNA, WithdrawnBecause::NoAnswer),
                Effect::Agent(ANNA, agent::Input::RangOut),
                Effect::Wait,
            ]
        );
        assert_eq!(call.arrived, at(0));
    }

    #[test]
    fn a_caller_who_hangs_up_while_ringing_frees_the_agent() {
        assert_eq!(
            offered().step(Input::CallerHungUp, at(3)).as_slice(),
            [
                Effect::EndPhone(ANNA),
                Effect::Withdraw(ANNA, WithdrawnBecause::CallerGone),
                Effect::Agent(ANNA, agent::Input::CallerGone),
                Effect::Close(CallEnding::Abandoned),
            ]
        );
    }

    #[test]
    fn a_telephone_lifted_as_the_caller_hangs_up_is_put_down_again() {
        let mut call = offered();
        call.step(Input::CallerHungUp, at(3));
        assert_eq!(call.step(Input::PhoneAnswered(ANNA), at(3)).as_slice(), [Effect::EndPhone(ANNA)]);
    }

    #[test]
    fn a_late_answer_of_the_agent_before_does_not_take_the_call_from_the_next() {
        let mut call = offered();
        call.step(Input::OfferExpired, at(15));
        call.step(Input::Picked(BORIS), at(15));
        assert!(call.step(Input::PhoneAnswered(ANNA), at(16)).is_empty());
        assert_eq!(call.agent(), Some(BORIS));
    }

    #[test]
    fn a_telephone_that_dies_in_the_talk_does_not_cost_the_caller() {
        let mut call = offered();
        call.step(Input::PhoneAnswered(ANNA), at(2));
        let effects = call.step(Input::PhoneLost(ANNA), at(9));
        assert!(effects.contains(&Effect::PlayMusic) && effects.contains(&Effect::Wait));
        assert!(!effects.iter().any(|e| matches!(e, Effect::EndCaller | Effect::Close(_))));
    }

    #[test]
    fn either_side_may_hang_up() {
        for (input, ending) in
            [(Input::CallerHungUp, CallEnding::CallerHungUp), (Input::AgentHungUp(ANNA), CallEnding::AgentHungUp)]
        {
            let mut call = offered();
            call.step(Input::PhoneAnswered(ANNA), at(2));
            let effects = call.step(input, at(30));
            assert_eq!(effects.contains(&Effect::EndCaller), ending == CallEnding::AgentHungUp);
            assert_eq!(effects.last(), Some(&Effect::Close(ending)));
        }
    }
}
