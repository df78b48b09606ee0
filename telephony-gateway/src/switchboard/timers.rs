//! Deadlines of the floor. A timer that has lost its meaning fires and finds nothing to do.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use shared::ids::{AgentId, CallId};
use shared::time::Moment;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// An offer rings out.
    Offer(CallId),
    /// Calls outside have run for another while: what have they cost?
    Toll,
    /// Nobody has dialled too much for a while.
    TollCalm,
    /// A parked call goes back to the queue.
    Park(CallId),
    /// The pop leaves without its card.
    Pop(CallId),
    /// A desk may have lost its lease.
    Lease(AgentId),
    /// An agent's place is kept no longer.
    Grace(AgentId),
    /// The screens of the floor are due for a new picture.
    Picture,
    /// A finished call that nobody has written up is forgotten here; its record stays.
    Forget(CallId),
}

#[derive(Debug, Default)]
pub struct Timers {
    heap: BinaryHeap<Reverse<(Moment, Timer)>>,
}

impl Timers {
    pub fn set(&mut self, at: Moment, timer: Timer) {
        self.heap.push(Reverse((at, timer)));
    }

    pub fn next(&self) -> Option<Moment> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    pub fn pop_due(&mut self, now: Moment) -> Option<Timer> {
        let due = self.next()?.is_due(now);
        due.then(|| self.heap.pop().map(|Reverse((_, timer))| timer)).flatten()
    }
}
