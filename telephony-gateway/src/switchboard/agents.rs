//! Agents on the switchboard: their state, their desk's lease, their telephone.

use std::time::Duration;

use shared::domain::agent::{AgentProfile, AgentState, Change, Input, Presence, Wish, Work};
use shared::ids::{AgentId, CallId};
use shared::time::Moment;
use shared::wire::event::{DeskState, Event as DeskEvent};
use shared::wire::{GRACE_MS, LEASE_MS};

use super::desks::Desk;
use super::stream::Stream;
use super::timers::Timer;
use super::world::World;
use crate::call;
use crate::journal::fact::Fact;
use crate::sip::GoneBecause;

pub struct Agent {
    pub profile: AgentProfile,
    pub state: AgentState,
    pub stream: Stream,
    pub desk: Option<Desk>,
    /// Until then the desk counts as there, whether its connection stands or not.
    pub lease_until: Moment,
}

impl Agent {
    pub fn new(profile: AgentProfile, now: Moment) -> Self {
        Self { profile, state: AgentState::logged_out(now), stream: Stream::default(), desk: None, lease_until: now }
    }
}

impl World {
    /// Moves one agent, writes it down, tells the desk, and keeps routing's picture true.
    pub(super) fn agent_input(&mut self, id: AgentId, input: &Input, actor: AgentId, now: Moment) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let call_before = agent.state.work.call();
        let Some(change) = agent.state.step(input, now) else { return };
        let call = agent.state.work.call().or(call_before);
        let (profile, state) = (agent.profile.clone(), agent.state.clone());
        self.refresh_free(id);
        // Told with the offer, a moment later: a desk that is drawing it would draw the card late.
        let is_told_later = match state.work {
            Work::Reserved { .. } => true,
            Work::Ringing { call, .. } => self.calls.get(&call).is_some_and(|slot| slot.pop_for == Some(id)),
            Work::Idle
            | Work::Dialing { .. }
            | Work::Talking { .. }
            | Work::OnHold { .. }
            | Work::Consulting { .. }
            | Work::Conference { .. }
            | Work::Wrapup { .. } => false,
        };
        let Change { cause, presence, work } = change;
        tracing::debug!(agent.id = %id, ?cause, ?presence, ?work, "an operator's state changes");
        self.note(call, Some(id), Fact::AgentMoved { cause, actor, profile, state }, now);
        if !is_told_later {
            self.tell_state(id, now);
        }
        self.floor_changed = true;
    }

    /// Keeps routing's picture true: free is who is ready, without a call, and can lift a telephone.
    fn refresh_free(&mut self, id: AgentId) {
        let Some(agent) = self.agents.get(&id) else { return };
        if agent.state.is_free() && self.phone_is_up(id) {
            self.free.set_free(id, agent.state.idle_since);
        } else {
            self.free.set_taken(id);
        }
    }

    pub(super) fn tell_state(&mut self, id: AgentId, now: Moment) {
        if let Some(state) = self.desk_state(id) {
            self.tell(id, &DeskEvent::State { state }, now);
        }
    }

    pub(super) fn desk_state(&self, id: AgentId) -> Option<DeskState> {
        let agent = self.agents.get(&id)?;
        let phone = agent.profile.phone.as_ref();
        Some(DeskState {
            presence: agent.state.presence.clone(),
            presence_since: agent.state.presence_since.utc_ms,
            work: agent.state.work.clone(),
            work_since: agent.state.work_since.utc_ms,
            pending: agent.state.pending.clone(),
            phone_registered: phone.map(|phone| self.phones_up.contains(phone)),
        })
    }

    pub(super) fn renew_lease(&mut self, id: AgentId, now: Moment) {
        if let Some(agent) = self.agents.get_mut(&id) {
            agent.lease_until = now.after(Duration::from_millis(LEASE_MS));
        }
    }

    /// The lease's timer runs once for each agent and puts itself off as long as the desk is heard.
    pub(super) fn check_lease(&mut self, id: AgentId, now: Moment) {
        let Some(agent) = self.agents.get(&id) else { return };
        if !agent.state.is_signed_in() {
            return;
        }
        if !agent.lease_until.is_due(now) {
            let again = agent.lease_until;
            self.timers.set(again, Timer::Lease(id));
            return;
        }
        self.lose_desk(id, now);
    }

    /// Nothing was heard of a desk for the length of its lease. A talk goes on; an offer goes back to the queue.
    pub(super) fn lose_desk(&mut self, id: AgentId, now: Moment) {
        if self.is_connection_lost(id) {
            return;
        }
        let offered = self.agents.get(&id).and_then(|agent| match agent.state.work {
            Work::Reserved { call, .. } | Work::Ringing { call, .. } => Some(call),
            _ => None,
        });
        tracing::warn!(agent.id = %id, "an operator's desk is not heard any more");
        let grace_until = now.after(Duration::from_millis(GRACE_MS));
        self.agent_input(id, &Input::DeskLost { grace_until }, id, now);
        self.timers.set(grace_until, Timer::Grace(id));
        if let Some(call) = offered {
            self.call_input(call, call::Input::DeskLost(id), now);
        }
    }

    pub(super) fn grace_over(&mut self, id: AgentId, now: Moment) {
        let Some(agent) = self.agents.get(&id) else { return };
        let Presence::ConnectionLost { until, .. } = agent.state.presence else { return };
        if !until.is_due(now) {
            return;
        }
        if agent.state.work.is_in_call() {
            // Whoever still talks keeps the place until the talk is over.
            self.timers.set(now.after(Duration::from_millis(GRACE_MS)), Timer::Grace(id));
            return;
        }
        self.agent_input(id, &Input::GraceOver, id, now);
    }

    pub(super) fn phone_registered(&mut self, user: &str, fresh: bool, now: Moment) {
        self.phones_up.insert(user.to_owned());
        self.keep_phone(user, now);
        if fresh {
            tracing::info!(phone = %user, "a telephone has registered");
            self.tell_phone(user, now);
        }
    }

    pub(super) fn phone_gone(&mut self, user: &str, cause: GoneBecause, now: Moment) {
        if !self.phones_up.remove(user) {
            return;
        }
        tracing::info!(phone = %user, ?cause, "a telephone is gone");
        self.keep_phone(user, now);
        for agent in self.owners_of(user) {
            self.phone_left_while_ringing(agent, now);
            self.agent_input(agent, &Input::PhoneLost, agent, now);
        }
        self.tell_phone(user, now);
    }

    fn tell_phone(&mut self, user: &str, now: Moment) {
        for agent in self.owners_of(user) {
            self.refresh_free(agent);
            self.tell_state(agent, now);
            self.floor_changed = true;
        }
    }

    fn owners_of(&self, user: &str) -> Vec<AgentId> {
        let owns = |agent: &Agent| agent.state.is_signed_in() && agent.profile.phone.as_deref() == Some(user);
        self.agents.iter().filter(|(_, agent)| owns(agent)).map(|(id, _)| *id).collect()
    }

    /// What an agent has asked to be. `false` when it cannot be.
    pub(super) fn wants(&mut self, id: AgentId, wish: Wish, now: Moment) -> bool {
        if wish == Wish::Ready && !self.phone_is_up(id) {
            return false;
        }
        self.agent_input(id, &Input::Wants(wish), id, now);
        true
    }

    /// The call whose facts this agent owes, or is talking in.
    pub(super) fn is_with(&self, id: AgentId, call: CallId) -> bool {
        self.agents.get(&id).is_some_and(|agent| agent.state.work.call() == Some(call))
    }
}
