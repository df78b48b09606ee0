//! The picture that routing decides on: who waits, and who is free.

use std::collections::{BTreeMap, BTreeSet};

use shared::domain::queue::QueueCode;
use shared::ids::{AgentId, CallId};
use shared::time::Moment;

use super::longest_idle::longest_idle;

/// The waiting calls in the order of their arrival. A call that comes back from an offer stands where it stood.
#[derive(Debug, Default)]
pub struct Waiting {
    calls: BTreeMap<(Moment, CallId), QueueCode>,
}

impl Waiting {
    pub fn join(&mut self, call: CallId, arrived: Moment, queue: QueueCode) {
        self.calls.insert((arrived, call), queue);
    }

    pub fn leave(&mut self, call: CallId, arrived: Moment) {
        self.calls.remove(&(arrived, call));
    }

    pub fn first(&self) -> Option<CallId> {
        self.calls.first_key_value().map(|((_, call), _)| *call)
    }

    pub fn iter(&self) -> impl Iterator<Item = (CallId, &QueueCode)> {
        self.calls.iter().map(|((_, call), queue)| (*call, queue))
    }

    pub fn len(&self) -> usize {
        self.calls.len()
    }

    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }
}

/// The agents who can take a call now, by how long they have been free.
#[derive(Debug, Default)]
pub struct FreeAgents {
    by_idle: BTreeSet<(Moment, AgentId)>,
    idle_since: BTreeMap<AgentId, Moment>,
}

impl FreeAgents {
    pub fn set_free(&mut self, agent: AgentId, idle_since: Moment) {
        self.set_taken(agent);
        self.by_idle.insert((idle_since, agent));
        self.idle_since.insert(agent, idle_since);
    }

    pub fn set_taken(&mut self, agent: AgentId) {
        if let Some(since) = self.idle_since.remove(&agent) {
            self.by_idle.remove(&(since, agent));
        }
    }

    /// Longest free first.
    pub fn by_idle(&self) -> impl Iterator<Item = (AgentId, Moment)> {
        self.by_idle.iter().map(|(since, agent)| (*agent, *since))
    }

    pub fn len(&self) -> usize {
        self.by_idle.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_idle.is_empty()
    }
}

/// The next pair to bring together: the caller who has waited longest and the agent whom the strategy picks.
/// `None` when nobody waits or nobody is free.
pub fn decide(waiting: &Waiting, free: &FreeAgents) -> Option<(CallId, AgentId)> {
    Some((waiting.first()?, longest_idle(free)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: AgentId = AgentId(1);
    const BORIS: AgentId = AgentId(2);

    fn at(s: u64) -> Moment {
        Moment::at_ms(s * 1000)
    }

    #[test]
    fn the_caller_who_waited_longest_gets_the_agent_who_was_free_longest() {
        let (mut waiting, mut free) = (Waiting::default(), FreeAgents::default());
        waiting.join(CallId(8), at(5), QueueCode::new("billing"));
        waiting.join(CallId(9), at(2), QueueCode::new("readings"));
        free.set_free(ANNA, at(4));
        free.set_free(BORIS, at(1));
        assert_eq!(decide(&waiting, &free), Some((CallId(9), BORIS)));
    }

    #[test]
    fn a_caller_who_comes_back_from_an_offer_stands_first_again() {
        let mut waiting = Waiting::default();
        waiting.join(CallId(1), at(0), QueueCode::new("billing"));
        waiting.leave(CallId(1), at(0));
        waiting.join(CallId(2), at(10), QueueCode::new("billing"));
        waiting.join(CallId(1), at(0), QueueCode::new("billing"));
        assert_eq!(waiting.first(), Some(CallId(1)));
    }

    #[test]
    fn an_agent_is_free_once_however_often_it_is_said() {
        let mut free = FreeAgents::default();
        free.set_free(ANNA, at(1));
        free.set_free(ANNA, at(7));
        assert_eq!(free.len(), 1);
        free.set_taken(ANNA);
        assert!(free.is_empty());
    }
}
