//! The transaction of any other request that came to us (RFC 3261 §17.2.2).

use smallvec::smallvec;

use super::{Effect, Effects, Timer};
use crate::sip::config::Timers;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Trying,
    Completed,
    Terminated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The request came again.
    Again,
    Final,
    Timer(Timer),
    TransportFailed,
}

/// Without the proceeding state: we never answer these requests provisionally (RFC 4320 forbids it in general).
#[derive(Clone, Copy, Debug)]
pub struct Server {
    pub state: State,
    reliable: bool,
}

impl Server {
    pub const fn new(reliable: bool) -> Self {
        Self { state: State::Trying, reliable }
    }

    pub fn step(&mut self, input: Input, timers: &Timers) -> Effects {
        let (next, effects): (State, Effects) = match self.state {
            State::Trying => match input {
                Input::Final if self.reliable => (State::Terminated, smallvec![Effect::Send, Effect::End]),
                Input::Final => (State::Completed, smallvec![Effect::Send, Effect::Arm(Timer::J, timers.patience())]),
                Input::TransportFailed => (State::Terminated, smallvec![Effect::Failed, Effect::End]),
                Input::Again | Input::Timer(_) => return smallvec![],
            },
            State::Completed => match input {
                Input::Again => (self.state, smallvec![Effect::Resend]),
                Input::Timer(Timer::J) => (State::Terminated, smallvec![Effect::End]),
                Input::TransportFailed => (State::Terminated, smallvec![Effect::End]),
                Input::Final | Input::Timer(_) => return smallvec![],
            },
            State::Terminated => match input {
                Input::Again | Input::Final | Input::Timer(_) | Input::TransportFailed => return smallvec![],
            },
        };
        self.state = next;
        effects
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_bye_gets_the_same_answer_until_timer_j() {
        let timers = Timers::default();
        let mut it = Server::new(false);
        assert!(it.step(Input::Again, &timers).is_empty(), "there is no answer yet");
        assert!(it.step(Input::Final, &timers).contains(&Effect::Arm(Timer::J, timers.patience())));
        assert_eq!(it.step(Input::Again, &timers).as_slice(), [Effect::Resend]);
        assert_eq!(it.step(Input::Timer(Timer::J), &timers).as_slice(), [Effect::End]);
        assert_eq!(Server::new(true).step(Input::Final, &timers).as_slice(), [Effect::Send, Effect::End]);
    }
}
