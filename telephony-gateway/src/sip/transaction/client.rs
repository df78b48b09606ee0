//! The transaction of any other request of ours (RFC 3261 §17.1.2).

use std::time::Duration;

use smallvec::smallvec;

use super::{Effect, Effects, Timer, doubled};
use crate::sip::config::Timers;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Trying { resend_after: Duration },
    Proceeding,
    Completed,
    Terminated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    Begin,
    Provisional,
    Final,
    Timer(Timer),
    TransportFailed,
}

#[derive(Clone, Copy, Debug)]
pub struct Client {
    pub state: State,
    reliable: bool,
}

impl Client {
    pub const fn new(reliable: bool, timers: &Timers) -> Self {
        Self { state: State::Trying { resend_after: timers.t1 }, reliable }
    }

    pub fn step(&mut self, input: Input, timers: &Timers) -> Effects {
        let (next, effects): (State, Effects) = match self.state {
            State::Trying { resend_after } => match input {
                Input::Begin => {
                    let mut effects: Effects = smallvec![Effect::Send, Effect::Arm(Timer::F, timers.patience())];
                    if !self.reliable {
                        effects.push(Effect::Arm(Timer::E, resend_after));
                    }
                    (self.state, effects)
                }
                Input::Timer(Timer::E) => {
                    let pause = doubled(resend_after, timers.t2);
                    (State::Trying { resend_after: pause }, smallvec![Effect::Resend, Effect::Arm(Timer::E, pause)])
                }
                Input::Timer(Timer::F) => (State::Terminated, smallvec![Effect::TimedOut, Effect::End]),
                Input::Provisional => (State::Proceeding, smallvec![]),
                Input::Final => self.answered(timers),
                Input::TransportFailed => (State::Terminated, smallvec![Effect::Failed, Effect::End]),
                Input::Timer(_) => return smallvec![],
            },
            State::Proceeding => match input {
                Input::Timer(Timer::E) => (self.state, smallvec![Effect::Resend, Effect::Arm(Timer::E, timers.t2)]),
                Input::Timer(Timer::F) => (State::Terminated, smallvec![Effect::TimedOut, Effect::End]),
                Input::Final => self.answered(timers),
                Input::TransportFailed => (State::Terminated, smallvec![Effect::Failed, Effect::End]),
                Input::Begin | Input::Provisional | Input::Timer(_) => return smallvec![],
            },
            State::Completed => match input {
                Input::Timer(Timer::K) => (State::Terminated, smallvec![Effect::End]),
                Input::Begin | Input::Provisional | Input::Final | Input::Timer(_) | Input::TransportFailed => {
                    return smallvec![];
                }
            },
            State::Terminated => match input {
                Input::Begin | Input::Provisional | Input::Final | Input::Timer(_) | Input::TransportFailed => {
                    return smallvec![];
                }
            },
        };
        self.state = next;
        effects
    }

    fn answered(&self, timers: &Timers) -> (State, Effects) {
        if self.reliable {
            return (State::Terminated, smallvec![Effect::Tell, Effect::End]);
        }
        (State::Completed, smallvec![Effect::Tell, Effect::Arm(Timer::K, timers.t4)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unheard_bye_is_repeated_up_to_every_four_seconds_and_then_given_up() {
        let timers = Timers::default();
        let mut it = Client::new(false, &timers);
        it.step(Input::Begin, &timers);
        let pauses: Vec<_> = (0..5).map(|_| it.step(Input::Timer(Timer::E), &timers)[1]).collect();
        assert_eq!(pauses, [1, 2, 4, 4, 4].map(|s| Effect::Arm(Timer::E, Duration::from_secs(s))));
        assert_eq!(it.step(Input::Timer(Timer::F), &timers).as_slice(), [Effect::TimedOut, Effect::End]);
    }

    #[test]
    fn an_answer_is_told_once_and_its_echoes_swallowed_until_timer_k() {
        let timers = Timers::default();
        let mut it = Client::new(false, &timers);
        it.step(Input::Begin, &timers);
        it.step(Input::Provisional, &timers);
        assert_eq!(it.step(Input::Timer(Timer::E), &timers)[1], Effect::Arm(Timer::E, timers.t2));
        assert_eq!(it.step(Input::Final, &timers).as_slice(), [Effect::Tell, Effect::Arm(Timer::K, timers.t4)]);
        assert!(it.step(Input::Final, &timers).is_empty());
        assert!(it.step(Input::Timer(Timer::E), &timers).is_empty());
        assert_eq!(it.step(Input::Timer(Timer::K), &timers).as_slice(), [Effect::End]);
    }
}
