//! The transaction of an INVITE of ours (RFC 3261 §17.1.1, RFC 6026 §7.2).

use std::time::Duration;

use smallvec::smallvec;

use super::{Effect, Effects, Timer};
use crate::sip::config::Timers;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Calling {
        resend_after: Duration,
    },
    Proceeding,
    /// A 2xx came; others, from other branches of a fork or repeated, still pass up to the leg.
    Accepted,
    /// A refusal came and was acknowledged.
    Completed,
    Terminated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    Begin,
    Provisional,
    Success,
    Refusal,
    Timer(Timer),
    TransportFailed,
}

#[derive(Clone, Copy, Debug)]
pub struct InviteClient {
    pub state: State,
    reliable: bool,
}

impl InviteClient {
    pub const fn new(reliable: bool, timers: &Timers) -> Self {
        Self { state: State::Calling { resend_after: timers.t1 }, reliable }
    }

    pub fn step(&mut self, input: Input, timers: &Timers) -> Effects {
        let (next, effects): (State, Effects) = match self.state {
            State::Calling { resend_after } => match input {
                Input::Begin => {
                    let mut effects: Effects = smallvec![Effect::Send, Effect::Arm(Timer::B, timers.patience())];
                    if !self.reliable {
                        effects.push(Effect::Arm(Timer::A, resend_after));
                    }
                    (self.state, effects)
                }
                Input::Timer(Timer::A) => {
                    let pause = resend_after * 2;
                    (State::Calling { resend_after: pause }, smallvec![Effect::Resend, Effect::Arm(Timer::A, pause)])
                }
                Input::Timer(Timer::B) => (State::Terminated, smallvec![Effect::TimedOut, Effect::End]),
                Input::Provisional => (State::Proceeding, smallvec![Effect::Tell]),
                Input::Success => self.accepted(timers),
                Input::Refusal => self.refused(timers),
                Input::TransportFailed => (State::Terminated, smallvec![Effect::Failed, Effect::End]),
                Input::Timer(_) => return smallvec![],
            },
            State::Proceeding => match input {
                Input::Provisional => (self.state, smallvec![Effect::Tell]),
                Input::Success => self.accepted(timers),
                Input::Refusal => self.refused(timers),
                Input::TransportFailed => (State::Terminated, smallvec![Effect::Failed, Effect::End]),
                Input::Begin | Input::Timer(_) => return smallvec![],
            },
            State::Accepted => match input {
                Input::Success => (self.state, smallvec![Effect::Tell]),
                Input::Timer(Timer::M) => (State::Terminated, smallvec![Effect::End]),
                Input::Begin | Input::Provisional | Input::Refusal | Input::Timer(_) | Input::TransportFailed => {
                    return smallvec![];
                }
            },
            State::Completed => match input {
                Input::Refusal => (self.state, smallvec![Effect::Resend]),
                Input::Timer(Timer::D) => (State::Terminated, smallvec![Effect::End]),
                Input::TransportFailed => (State::Terminated, smallvec![Effect::End]),
                Input::Begin | Input::Provisional | Input::Success | Input::Timer(_) => return smallvec![],
            },
            State::Terminated => match input {
                Input::Begin
                | Input::Provisional
                | Input::Success
                | Input::Refusal
                | Input::Timer(_)
                | Input::TransportFailed => return smallvec![],
            },
        };
        self.state = next;
        effects
    }

    fn accepted(&self, timers: &Timers) -> (State, Effects) {
        (State::Accepted, smallvec![Effect::Tell, Effect::Arm(Timer::M, timers.patience())])
    }

    fn refused(&self, timers: &Timers) -> (State, Effects) {
        if self.reliable {
            return (State::Terminated, smallvec![Effect::Acknowledge, Effect::Tell, Effect::End]);
        }
        // Timer D is at least 32 s, and no shorter than the other side's timer H.
        let linger = timers.patience().max(Duration::from_secs(32));
        (State::Completed, smallvec![Effect::Acknowledge, Effect::Tell, Effect::Arm(Timer::D, linger)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unheard_invite_is_repeated_ever_more_slowly_and_then_given_up() {
        let timers = Timers::default();
        let mut it = InviteClient::new(false, &timers);
        assert_eq!(it.step(Input::Begin, &timers).len(), 3);
        let pauses: Vec<_> = (0..6).map(|_| it.step(Input::Timer(Timer::A), &timers)[1]).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32].map(|s| Effect::Arm(Timer::A, Duration::from_secs(s))));
        assert_eq!(it.step(Input::Timer(Timer::B), &timers).as_slice(), [Effect::TimedOut, Effect::End]);
    }

    #[test]
    fn a_phone_that_rings_is_not_asked_again() {
        let timers = Timers::default();
        let mut it = InviteClient::new(false, &timers);
        it.step(Input::Begin, &timers);
        assert_eq!(it.step(Input::Provisional, &timers).as_slice(), [Effect::Tell]);
        assert!(it.step(Input::Timer(Timer::A), &timers).is_empty());
        assert!(it.step(Input::Timer(Timer::B), &timers).is_empty());
    }

    #[test]
    fn a_repeated_refusal_gets_its_ack_again_until_timer_d() {
        let timers = Timers::default();
        let mut it = InviteClient::new(false, &timers);
        it.step(Input::Begin, &timers);
        assert_eq!(it.step(Input::Refusal, &timers)[..2], [Effect::Acknowledge, Effect::Tell]);
        assert_eq!(it.step(Input::Refusal, &timers).as_slice(), [Effect::Resend]);
        assert_eq!(it.step(Input::Timer(Timer::D), &timers).as_slice(), [Effect::End]);
    }
}
