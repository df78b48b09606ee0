//! When the loop is behind, new calls are refused early, so that those who are taken are served in time.
//!
//! A caller's side repeats what is not answered within T1 (500 ms, RFC 3261 §17.1.1.1). A loop that is later than that
//! gets every message twice and answers both too late: past its capacity it serves fewer calls and not more. So the
//! age of each message is measured when its turn comes ([`Overload::observe`]), and while it is more than a fifth of
//! T1, new calls hear 503 at once, which costs a tenth of taking them. What belongs to a call always passes.

use std::time::Duration;

/// From this age on new calls are refused.
const BEHIND: Duration = Duration::from_millis(100);
/// At this age they are taken again. Lower, so that the answer does not flutter.
const CAUGHT_UP: Duration = Duration::from_millis(30);
/// The same, told by what still waits: a loop of this program takes no more than a tenth of a millisecond for each.
const TOO_MANY_WAIT: usize = 3000;
const FEW_WAIT: usize = 300;

/// How long whoever hears 503 should let us be, seconds. The whole carrier may take it as being meant for it, so it is
/// the shortest that there is, and long enough for the loop to catch up.
pub const RETRY_AFTER_S: u32 = 1;

/// Whether new calls are refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct Overload {
    refuses: bool,
}

impl Overload {
    /// One message's turn has come, `age` after it arrived, and `waiting` others still wait. Says when the answer to
    /// new calls has changed: `true`, they are refused from now on.
    pub fn observe(&mut self, age: Duration, waiting: usize) -> Option<bool> {
        let refuses = match self.refuses {
            false => age >= BEHIND || waiting >= TOO_MANY_WAIT,
            true => age > CAUGHT_UP || waiting > FEW_WAIT,
        };
        (std::mem::replace(&mut self.refuses, refuses) != refuses).then_some(refuses)
    }

    /// Nothing waits any more.
    pub fn idle(&mut self) -> Option<bool> {
        self.observe(Duration::ZERO, 0)
    }

    pub const fn refuses(&self) -> bool {
        self.refuses
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::{BinaryHeap, VecDeque};

    use super::*;

    #[test]
    fn new_calls_are_refused_when_behind_and_taken_again_when_caught_up() {
        let mut overload = Overload::default();
        let ms = Duration::from_millis;
        assert_eq!(overload.observe(ms(99), 10), None);
        assert_eq!(overload.observe(ms(100), 10), Some(true));
        assert_eq!(overload.observe(ms(31), 10), None, "not yet");
        assert_eq!(overload.observe(ms(30), 10), Some(false));
        assert_eq!(overload.observe(ms(0), TOO_MANY_WAIT), Some(true), "before the first of them is old");
        assert_eq!(overload.idle(), Some(false));
    }

    /// What the loop needs for each kind of message, in microseconds, and the messages of one call after its INVITE.
    const TAKE: u64 = 100;
    const LATER: u64 = 25;
    const REFUSE: u64 = 12;
    const LATER_MESSAGES: u64 = 6;
    /// 4000 calls a second would keep it busy to the last microsecond.
    const CAPACITY: u64 = 1_000_000 / (TAKE + LATER * LATER_MESSAGES);
    const QUEUE: usize = 8192;
    const T1_US: u64 = 500_000;
    /// A caller's side gives up then.
    const PATIENCE_US: u64 = 4_000_000;

    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    enum What {
        Invite,
        /// The INVITE once more, if nothing was answered, and the pause before.
        Again(u64),
        Later,
    }

    #[derive(Clone, Copy, Default)]
    struct OneCall {
        began: u64,
        /// Answered, or refused: the other side no longer repeats it.
        answered: bool,
        taken: bool,
        later: u64,
        good: bool,
    }

    /// A loop with its queue, and calls that arrive at an even rate for ten seconds of virtual time. Gives the calls a
    /// second that were taken within the caller's patience and served to their end.
    fn goodput(offered_per_s: u64, controlled: bool) -> u64 {
        let seconds = 10;
        let n = offered_per_s * seconds;
        let mut calls = vec![OneCall::default(); n as usize];
        let mut coming = BinaryHeap::new();
        for (call, it) in calls.iter_mut().enumerate() {
            it.began = call as u64 * 1_000_000 / offered_per_s;
            coming.push(Reverse((it.began, call, What::Invite)));
        }
        let (mut overload, mut queue, mut now) = (Overload::default(), VecDeque::new(), 0);
        loop {
            while let Some(Reverse((at, call, what))) = coming.peek().copied().filter(|Reverse((at, ..))| *at <= now) {
                coming.pop();
                let (invite, pause) = match what {
                    What::Invite => (true, T1_US),
                    What::Again(pause) => (true, pause),
                    What::Later => (false, 0),
                };
                if invite {
                    if calls[call].answered || at > calls[call].began + PATIENCE_US {
                        continue;
                    }
                    coming.push(Reverse((at + pause, call, What::Again(pause * 2))));
                }
                if queue.len() < QUEUE {
                    queue.push_back((at, call, what));
                }
            }
            let Some((arrived, call, what)) = queue.pop_front() else {
                overload.idle();
                match coming.peek() {
                    Some(Reverse((at, ..))) => now = *at,
                    None => break,
                }
                continue;
            };
            overload.observe(Duration::from_micros(now - arrived), queue.len());
            let it = &mut calls[call];
            now += match what {
                What::Later => {
                    it.later += 1;
                    it.good |= it.later == LATER_MESSAGES && now <= it.began + PATIENCE_US;
                    LATER
                }
                What::Invite | What::Again(_) if it.answered => REFUSE,
                What::Invite | What::Again(_) if controlled && overload.refuses() => {
                    it.answered = true;
                    REFUSE
                }
                What::Invite | What::Again(_) => {
                    (it.answered, it.taken) = (true, true);
                    for n in 1..=LATER_MESSAGES {
                        coming.push(Reverse((now + n * 40_000, call, What::Later)));
                    }
                    TAKE
                }
            };
        }
        calls.iter().filter(|call| call.taken && call.good).count() as u64 / seconds
    }

    #[test]
    fn beyond_its_capacity_the_gateway_serves_as_many_calls_as_at_it() {
        let below = goodput(CAPACITY * 9 / 10, true);
        assert!(below >= CAPACITY * 9 / 10 - 1, "{below}: below its capacity nobody is refused");
        for times in [12, 15, 20, 30] {
            let offered = CAPACITY * times / 10;
            // What refusing costs is not there for calls.
            let left = CAPACITY * (1_000_000 - (offered - CAPACITY) * REFUSE) / 1_000_000;
            let served = goodput(offered, true);
            assert!(served * 10 >= left * 9, "{offered} a second: {served} of the {left} that could be");
        }
    }

    #[test]
    fn without_the_early_refusal_it_would_serve_far_fewer() {
        let offered = CAPACITY * 2;
        let (with, without) = (goodput(offered, true), goodput(offered, false));
        assert!(without * 2 < with, "{without} against {with}: the test must be able to see the collapse");
    }
}
