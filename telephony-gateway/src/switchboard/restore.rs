//! The floor after a restart, rebuilt from the ledger.
//!
//! Whoever was signed in keeps the place for a desk that comes back. A talk that the restart has cut becomes a
//! wrap-up, a caller who was lost a call back. Nobody is left in a state without cause.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use shared::domain::agent::{AgentProfile, AgentState, Input, Presence, Work};
use shared::domain::call::{CallEnding, CallKind, CallRecord, MissedCall};
use shared::domain::queue::QueueCode;
use shared::ids::{AgentId, CallId, CallbackId, CustomerId, InteractionId};
use shared::phone::CallerNumber;
use shared::pii::Personal;
use shared::time::{Moment, UtcMs};
use shared::wire::GRACE_MS;
use shared::wire::card::CardState;
use shared::wire::event::EndedCall;
use smallvec::SmallVec;

use super::agents::Agent;
use super::calls::sealed_state;
use super::jobs::Job;
use super::keep::KeptCall;
use super::slot::{CallSlot, NewSlot, Part, span_of};
use super::timers::Timer;
use super::world::World;
use crate::call::{Call, State};
use crate::journal::fact::{Entry, Fact};
use crate::routing::toll::Spent;

/// What the ledger says of one call.
struct Remembered {
    queue: QueueCode,
    trunk: String,
    dialled: String,
    caller: CallerNumber,
    display_name: Option<Personal>,
    arrived: Moment,
    customer: Option<CustomerId>,
    offered_at: Option<UtcMs>,
    answered_at: Option<UtcMs>,
    talked_with: Option<AgentId>,
    kind: CallKind,
    /// Who is with the call at this moment, and has not left it.
    inside: SmallVec<[AgentId; 2]>,
    parts: SmallVec<[Part; 1]>,
    record: Option<CallRecord>,
}

impl Remembered {
    fn new(
        queue: QueueCode,
        trunk: String,
        dialled: String,
        caller: CallerNumber,
        arrived: Moment,
        kind: CallKind,
    ) -> Self {
        Self {
            queue,
            trunk,
            dialled,
            caller,
            display_name: None,
            arrived,
            customer: None,
            offered_at: None,
            answered_at: None,
            talked_with: None,
            kind,
            inside: SmallVec::new(),
            parts: SmallVec::new(),
            record: None,
        }
    }

    fn leave(&mut self, agent: AgentId) {
        self.inside.retain(|inside| *inside != agent);
    }

    /// The agent's part is over, and its facts are to be written.
    fn ends(&mut self, agent: AgentId, at: UtcMs, ending: CallEnding, entry: Option<InteractionId>) {
        let part = Part::of(&mut self.parts, agent);
        part.ended = Some(EndedCall { at, ending, wrapup_limit: at });
        part.entry = part.entry.or(entry);
        part.owed = true;
    }

    fn is_owed(&self) -> bool {
        self.parts.iter().any(|part| part.owed)
    }
}

/// What the ledger says of the whole floor.
#[derive(Default)]
pub struct Memory {
    calls: BTreeMap<CallId, Remembered>,
    agents: HashMap<AgentId, (AgentProfile, AgentState)>,
    missed: Vec<MissedCall>,
    spent: Vec<Spent>,
}

impl Memory {
    /// Takes in one entry, in the ledger's order.
    pub fn take(&mut self, entry: Entry) {
        let Entry { at, call, agent, fact } = entry;
        match fact {
            Fact::Arrived { queue, trunk, dialled, caller, display_name, arrived } => {
                let Some(call) = call else { return };
                let remembered = Remembered::new(queue, trunk, dialled, caller, arrived, CallKind::Inbound);
                self.calls.insert(call, Remembered { display_name, ..remembered });
            }
            Fact::Dialled { kind, queue, dialled, at: begun } => {
                let Some(call) = call else { return };
                let caller = CallerNumber::parse(&dialled);
                self.calls.insert(call, Remembered::new(queue, String::new(), dialled, caller, begun, kind));
            }
            Fact::Identified { customer } => self.in_call(call, |remembered| remembered.customer = Some(customer)),
            Fact::Offered { .. } => self.in_call(call, |remembered| {
                remembered.offered_at.get_or_insert(at);
            }),
            Fact::AgentMoved { profile, state, .. } => {
                self.agents.insert(profile.id, (profile, state));
            }
            Fact::CallbackCreated { missed } => self.missed.push(missed),
            Fact::Answered {} => self.in_call(call, |remembered| {
                let Some(agent) = agent else { return };
                remembered.answered_at.get_or_insert(at);
                remembered.talked_with = Some(agent);
                if !remembered.inside.contains(&agent) {
                    remembered.inside.push(agent);
                }
                let part = Part::of(&mut remembered.parts, agent);
                (part.answered_at, part.ended) = (Some(at), None);
            }),
            Fact::TalkEnded { ending, entry } => self.in_call(call, |remembered| {
                let Some(agent) = agent else { return };
                remembered.leave(agent);
                remembered.ends(agent, at, ending, entry);
            }),
            Fact::Released {} => self.in_call(call, |remembered| {
                if let Some(agent) = agent {
                    remembered.leave(agent);
                }
            }),
            Fact::Ended { record } => self.in_call(call, |remembered| remembered.record = Some(record)),
            Fact::ResultSet { .. } => self.in_call(call, |remembered| {
                for part in remembered.parts.iter_mut().filter(|part| Some(part.agent) == agent) {
                    part.owed = false;
                }
            }),
            Fact::TollSpent { spent } => self.spent.push(spent),
            Fact::QueueJoined {}
            | Fact::Withdrawn { .. }
            | Fact::CardOpened { .. }
            | Fact::PopShown { .. }
            | Fact::ConsultStarted { .. }
            | Fact::Transferred { .. }
            | Fact::Parked {}
            | Fact::Fetched {}
            | Fact::Restored {} => {}
        }
    }

    fn in_call(&mut self, call: Option<CallId>, change: impl FnOnce(&mut Remembered)) {
        if let Some(remembered) = call.and_then(|call| self.calls.get_mut(&call)) {
            change(remembered);
        }
    }
}

impl World {
    /// Rebuilds the floor. Call once, before the first event.
    pub fn restore(&mut self, memory: Memory, mut left: BTreeMap<CallId, KeptCall>, midnight: UtcMs, now: Moment) {
        let Memory { calls, agents, missed, spent } = memory;
        for spent in spent {
            self.toll_book.remember(&self.toll_plan, &spent, now);
        }
        self.missed = missed.into_iter().rev().take(super::calls::MISSED_SHOWN).collect();
        for (id, (profile, state)) in agents {
            self.agents.insert(id, Agent { state, ..Agent::new(profile, now) });
        }
        self.counters.counted_from = midnight;
        let (mut n_lost, mut n_revived) = (0, 0);
        for (id, remembered) in calls {
            if let Some(record) = &remembered.record {
                self.count(&remembered, record, midnight);
                if remembered.is_owed() {
                    self.owe_again(id, &remembered, record.ending, now);
                }
            } else if left.remove(&id).is_some_and(|kept| self.revive_call(id, kept, now)) {
                n_revived += 1;
                if remembered.kind.is_inbound() && remembered.arrived.utc_ms >= midnight {
                    self.counters.arrived(&remembered.queue);
                }
            } else {
                self.forget_kept(std::iter::once(id));
                n_lost += 1;
                self.lose_call(id, remembered, now);
            }
        }
        // What was kept of calls that the ledger has closed is of no use any more.
        self.forget_kept(left.into_keys());
        self.keep_places(now);
        tracing::info!(agents = self.agents.len(), n_revived, n_lost, "the floor is as the ledger left it");
    }

    fn count(&mut self, remembered: &Remembered, record: &CallRecord, midnight: UtcMs) {
        if record.arrived_at >= midnight && record.kind.is_inbound() {
            self.counters.arrived(&remembered.queue);
            self.counters.ended(record);
        }
    }

    /// A call that the restart has cut: its record is closed with that cause, and the caller is called back.
    fn lose_call(&mut self, id: CallId, mut remembered: Remembered, now: Moment) {
        let inside = std::mem::take(&mut remembered.inside);
        for agent in inside {
            if remembered.kind == CallKind::Internal {
                self.note(Some(id), Some(agent), Fact::Released {}, now);
                continue;
            }
            // Each further agent of a call writes an entry of their own.
            let first = remembered.parts.iter().all(|part| part.agent == agent || part.ended.is_none());
            let entry = (!first).then(|| self.ids.mint::<InteractionId>(now.utc_ms));
            remembered.ends(agent, now.utc_ms, CallEnding::LostFault, entry);
            self.note(Some(id), Some(agent), Fact::TalkEnded { ending: CallEnding::LostFault, entry }, now);
        }
        let record = CallRecord {
            id,
            queue: remembered.queue.clone(),
            trunk: remembered.trunk.clone(),
            dialled: remembered.dialled.clone(),
            caller: remembered.caller.clone(),
            customer: remembered.customer,
            agent: remembered.talked_with,
            arrived_at: remembered.arrived.utc_ms,
            offered_at: remembered.offered_at,
            answered_at: remembered.answered_at,
            ended_at: now.utc_ms,
            ending: CallEnding::LostFault,
            invite_to_pop_us: None,
            kind: remembered.kind,
            talks: Vec::new(),
        };
        let is_inbound = record.kind.is_inbound();
        if is_inbound {
            self.counters.arrived(&record.queue);
            self.counters.ended(&record);
        }
        let missed = MissedCall {
            id: self.ids.mint::<CallbackId>(now.utc_ms),
            call: id,
            queue: record.queue.clone(),
            caller: record.caller.clone(),
            customer: record.customer,
            customer_name: None,
            lost_at: now.utc_ms,
            waited_s: (now.utc_ms.ms_since(record.arrived_at) / 1000).clamp(0, i64::from(i32::MAX)) as i32,
            ending: CallEnding::LostFault,
            handled_by: None,
            handled_at: None,
        };
        self.note(Some(id), record.agent, Fact::Ended { record }, now);
        if is_inbound {
            self.add_missed(missed, now);
        }
        if remembered.is_owed() {
            self.owe_again(id, &remembered, CallEnding::LostFault, now);
        }
    }

    /// The facts of a finished call are still to be written: the call is there again for its agent's desk.
    fn owe_again(&mut self, id: CallId, remembered: &Remembered, ending: CallEnding, now: Moment) {
        let limits = self.limits(&remembered.queue);
        let card = match remembered.caller {
            CallerNumber::Public(_) => CardState::Pending,
            CallerNumber::Short(_) => CardState::Unknown,
            CallerNumber::Withheld => CardState::Withheld,
        };
        match (remembered.customer, remembered.caller.phone()) {
            (Some(customer), _) => self.out.jobs.push(Job::OpenCard { call: id, customer }),
            (None, Some(phone)) => self.out.jobs.push(Job::LookUp { call: id, phone }),
            (None, None) => {}
        }
        let mut core = Call::arrive(id, limits, remembered.arrived);
        (core.kind, core.state) = (remembered.kind, State::Ended { ending });
        let mut parts = remembered.parts.clone();
        for ended in parts.iter_mut().filter_map(|part| part.ended.as_mut()) {
            ended.wrapup_limit = UtcMs(ended.at.0 + limits.wrapup.as_millis() as i64);
        }
        let new = NewSlot {
            core,
            queue: remembered.queue.clone(),
            trunk: remembered.trunk.clone(),
            dialled: remembered.dialled.clone(),
            caller: remembered.caller.clone(),
            card: sealed_state(&card),
            looked_up: false,
            span: span_of(id, &remembered.trunk, &remembered.queue, &remembered.caller),
        };
        let slot = CallSlot {
            display_name: remembered.display_name.clone(),
            customer: remembered.customer,
            offered_at: remembered.offered_at,
            answered_at: remembered.answered_at,
            talked_with: remembered.talked_with,
            parts,
            ..new.into()
        };
        self.calls.insert(id, slot);
        self.timers.set(now.after(Duration::from_secs(24 * 3600)), Timer::Forget(id));
    }

    /// Everybody who was signed in has a minute to come back, in a state that has a cause.
    fn keep_places(&mut self, now: Moment) {
        let grace_until = now.after(Duration::from_millis(GRACE_MS));
        let everybody: Vec<AgentId> = self.agents.keys().copied().collect();
        for id in everybody {
            let Some(agent) = self.agents.get(&id) else { continue };
            if !agent.state.is_signed_in() {
                continue;
            }
            let moved = match agent.state.work {
                Work::Reserved { .. } | Work::Ringing { .. } => Some(Input::CallerGone),
                Work::Dialing { call }
                | Work::Talking { call }
                | Work::OnHold { call }
                | Work::Consulting { call }
                | Work::Conference { call } => match self.calls.get(&call) {
                    // The talk goes on.
                    Some(slot) if slot.core.activity(id).is_some() => None,
                    Some(slot) if slot.is_owed_by(id) => Some(Input::CallEnded { limit: now.after(slot.core.wrapup) }),
                    Some(_) | None => Some(Input::Released),
                },
                Work::Idle | Work::Wrapup { .. } => None,
            };
            if let Some(input) = moved {
                self.agent_input(id, &input, id, now);
            }
            self.forgive_lost_wrapup(id, now);
            if let Some(agent) = self.agents.get_mut(&id)
                && let Presence::ConnectionLost { until, .. } = &mut agent.state.presence
            {
                *until = grace_until;
            }
            self.agent_input(id, &Input::DeskLost { grace_until }, id, now);
            self.timers.set(grace_until, Timer::Grace(id));
        }
    }

    /// A wrap-up whose call the ledger no longer has cannot be written; nobody is held for it.
    fn forgive_lost_wrapup(&mut self, id: AgentId, now: Moment) {
        let lost = self.agents.get(&id).is_some_and(|agent| match agent.state.work {
            Work::Wrapup { call, .. } => !self.calls.contains_key(&call),
            _ => false,
        });
        if lost {
            self.agent_input(id, &Input::WrapupSaved, id, now);
        }
    }
}
