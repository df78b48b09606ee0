//! The transaction of an INVITE that came to us (RFC 3261 §17.2.1, RFC 6026 §7.1).

use std::time::Duration;

use smallvec::smallvec;

use super::{Effect, Effects, Timer, doubled};
use crate::sip::config::Timers;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Proceeding,
    /// A 2xx went out; the leg repeats it until the ACK, we only swallow the INVITE's retransmissions.
    Accepted,
    /// A refusal went out and is repeated until its ACK comes.
    Completed {
        resend_after: Duration,
    },
    Confirmed,
    Terminated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The INVITE came again.
    Again,
    Ack,
    Provisional,
    Success,
    Refusal,
    Timer(Timer),
    TransportFailed,
}

#[derive(Clone, Copy, Debug)]
pub struct InviteServer {
    pub state: State,
    reliable: bool,
}

impl InviteServer {
    pub const fn new(reliable: bool) -> Self {
        Self { state: State::Proceeding, reliable }
    }

    pub fn step(&mut self, input: Input, timers: &Timers) -> Effects {
        let (next, effects): (State, Effects) = match self.state {
            State::Proceeding => match input {
                Input::Again => (self.state, smallvec![Effect::Resend]),
                Input::Provisional => (self.state, smallvec![Effect::Send]),
                Input::Success => (State::Accepted, smallvec![Effect::Send, Effect::Arm(Timer::L, timers.patience())]),
                Input::Refusal => {
                    let mut effects: Effects = smallvec![Effect::Send, Effect::Arm(Timer::H, timers.patience())];
                    if !self.reliable {
                        effects.push(Effect::Arm(Timer::G, timers.t1));
                    }
                    (State::Completed { resend_after: timers.t1 }, effects)
                }
                Input::TransportFailed => (State::Terminated, smallvec![Effect::Failed, Effect::End]),
                Input::Ack | Input::Timer(_) => return smallvec![],
            },
            State::Accepted => match input {
                Input::Success => (self.state, smallvec![Effect::Send]),
                Input::Ack => (self.state, smallvec![Effect::Tell]),
                Input::Timer(Timer::L) => (State::Terminated, smallvec![Effect::End]),
                Input::TransportFailed => (self.state, smallvec![Effect::Failed]),
                Input::Again | Input::Provisional | Input::Refusal | Input::Timer(_) => return smallvec![],
            },
            State::Completed { resend_after } => match input {
                Input::Again => (self.state, smallvec![Effect::Resend]),
                Input::Timer(Timer::G) => {
                    let pause = doubled(resend_after, timers.t2);
                    let effects = smallvec![Effect::Resend, Effect::Arm(Timer::G, pause)];
                    (State::Completed { resend_after: pause }, effects)
                }
                Input::Timer(Timer::H) => (State::Terminated, smallvec![Effect::TimedOut, Effect::End]),
                Input::Ack if self.reliable => (State::Terminated, smallvec![Effect::End]),
                Input::Ack => (State::Confirmed, smallvec![Effect::Arm(Timer::I, timers.t4)]),
                Input::TransportFailed => (State::Terminated, smallvec![Effect::Failed, Effect::End]),
                Input::Provisional | Input::Success | Input::Refusal | Input::Timer(_) => return smallvec![],
            },
            State::Confirmed => match input {
                Input::Timer(Timer::I) => (State::Terminated, smallvec![Effect::End]),
                Input::Again
                | Input::Ack
                | Input::Provisional
                | Input::Success
                | Input::Refusal
                | Input::Timer(_)
                | Input::TransportFailed => return smallvec![],
            },
            State::Terminated => match input {
                Input::Again
                | Input::Ack
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_repeated_ever_more_slowly_until_its_ack_and_not_after() {
        let timers = Timers::default();
        let mut it = InviteServer::new(false);
        assert!(it.step(Input::Refusal, &timers).contains(&Effect::Arm(Timer::G, timers.t1)));
        let pauses: Vec<_> = (0..5).map(|_| it.step(Input::Timer(Timer::G), &timers)[1]).collect();
        assert_eq!(pauses, [1000, 2000, 4000, 4000, 4000].map(|ms| Effect::Arm(Timer::G, Duration::from_millis(ms))));
        assert_eq!(it.step(Input::Ack, &timers).as_slice(), [Effect::Arm(Timer::I, timers.t4)]);
        assert!(it.step(Input::Timer(Timer::G), &timers).is_empty());
        assert!(it.step(Input::Again, &timers).is_empty(), "a late INVITE is swallowed while timer I runs");
        assert_eq!(it.step(Input::Timer(Timer::I), &timers).as_slice(), [Effect::End]);
    }

    #[test]
    fn a_lost_ack_is_noticed() {
        let timers = Timers::default();
        let mut it = InviteServer::new(true);
        assert_eq!(
            it.step(Input::Refusal, &timers).as_slice(),
            [Effect::Send, Effect::Arm(Timer::H, timers.patience())]
        );
        assert_eq!(it.step(Input::Timer(Timer::H), &timers).as_slice(), [Effect::TimedOut, Effect::End]);
    }

    #[test]
    fn after_an_answer_a_late_invite_does_not_begin_a_second_call() {
        let timers = Timers::default();
        let mut it = InviteServer::new(false);
        assert!(it.step(Input::Success, &timers).contains(&Effect::Arm(Timer::L, timers.patience())));
        assert!(it.step(Input::Again, &timers).is_empty());
        assert_eq!(it.step(Input::Success, &timers).as_slice(), [Effect::Send], "the leg repeats its 200");
        assert_eq!(it.step(Input::Timer(Timer::L), &timers).as_slice(), [Effect::End]);
    }
}
