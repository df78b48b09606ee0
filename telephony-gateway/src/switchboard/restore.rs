//! The floor after a restart, rebuilt from the ledger.
//!
//! Whoever was signed in keeps the place for a desk that comes back. A talk that the restart has cut becomes a
//! wrap-up, a caller who was lost a call back. Nobody is left in a state without cause.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use shared::domain::agent::{AgentProfile, AgentState, Input, Presence, Work};
use shared::domain::call::{CallEnding, CallRecord, MissedCall};
use shared::domain::queue::QueueCode;
use shared::ids::{AgentId, CallId, CallbackId, CustomerId};
use shared::phone::CallerNumber;
use shared::pii::Personal;
use shared::time::{Moment, UtcMs};
use shared::wire::GRACE_MS;
use shared::wire::card::CardState;
use shared::wire::event::EndedCall;
use smallvec::SmallVec;

use super::agents::Agent;
use super::calls::{CallSlot, sealed_state};
use super::jobs::Job;
use super::timers::Timer;
use super::world::World;
use crate::call::{Call, State};
use crate::journal::fact::{Entry, Fact};

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
    talks_with: Option<AgentId>,
    talked_with: Option<AgentId>,
    talk_ended: Option<(UtcMs, CallEnding)>,
    owed_by: SmallVec<[AgentId; 1]>,
    record: Option<CallRecord>,
}

/// What the ledger says of the whole floor.
#[derive(Default)]
pub struct Memory {
    calls: BTreeMap<CallId, Remembered>,
    agents: HashMap<AgentId, (AgentProfile, AgentState)>,
    missed: Vec<MissedCall>,
}

impl Memory {
    /// Takes in one entry, in the ledger's order.
    pub fn take(&mut self, entry: Entry) {
        let Entry { at, call, agent, fact } = entry;
        match fact {
            Fact::Arrived { queue, trunk, dialled, caller, display_name, arrived } => {
                let Some(call) = call else { return };
                let remembered = Remembered {
                    queue,
                    trunk,
                    dialled,
                    caller,
                    display_name,
                    arrived,
                    customer: None,
                    offered_at: None,
                    answered_at: None,
                    talks_with: None,
                    talked_with: None,
                    talk_ended: None,
                    owed_by: SmallVec::new(),
                    record: None,
                };
                self.calls.insert(call, remembered);
            }
            Fact::AgentMoved { profile, state, .. } => _ = self.agents.insert(profile.id, (profile, state)),
            Fact::CallbackCreated { missed } => self.missed.push(missed),
            Fact::Identified { customer } => self.in_call(call, |remembered| remembered.customer = Some(customer)),
            Fact::Offered { .. } => self.in_call(call, |remembered| _ = remembered.offered_at.get_or_insert(at)),
            Fact::Answered {} => self.in_call(call, |remembered| {
                remembered.answered_at.get_or_insert(at);
                remembered.talks_with = agent;
                remembered.talked_with = agent;
                remembered.talk_ended = None;
            }),
            Fact::TalkEnded { ending } => self.in_call(call, |remembered| {
                remembered.talks_with = None;
                remembered.talk_ended = Some((at, ending));
                remembered.owed_by.extend(agent);
            }),
            Fact::Ended { record } => self.in_call(call, |remembered| remembered.record = Some(record)),
            Fact::ResultSet { .. } => {
                self.in_call(call, |remembered| remembered.owed_by.retain(|owes| Some(*owes) != agent));
            }
            Fact::QueueJoined {} | Fact::Withdrawn { .. } | Fact::CardOpened { .. } | Fact::PopShown { .. } => {}
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
    pub fn restore(&mut self, memory: Memory, midnight: UtcMs, now: Moment) {
        let Memory { calls, agents, missed } = memory;
        self.missed = missed.into_iter().rev().take(super::calls::MISSED_SHOWN).collect();
        for (id, (profile, state)) in agents {
            self.agents.insert(id, Agent { state, ..Agent::new(profile, now) });
        }
        self.counters.counted_from = midnight;
        let mut n_lost = 0;
        for (id, remembered) in calls {
            if let Some(record) = &remembered.record {
                self.count(&remembered, record, midnight);
                if !remembered.owed_by.is_empty() {
                    self.owe_again(id, &remembered, record.ending, now);
                }
            } else {
                n_lost += 1;
                self.lose_call(id, remembered, now);
            }
        }
        self.keep_places(now);
        tracing::info!(agents = self.agents.len(), calls_lost = n_lost, "the floor is as the ledger left it");
    }

    fn count(&mut self, remembered: &Remembered, record: &CallRecord, midnight: UtcMs) {
        if record.arrived_at >= midnight {
            self.counters.arrived(&remembered.queue);
            self.counters.ended(record);
        }
    }

    /// A call that the restart has cut: its record is closed with that cause, and the caller is called back.
    fn lose_call(&mut self, id: CallId, mut remembered: Remembered, now: Moment) {
        if remembered.talks_with.is_some() {
            remembered.owed_by.extend(remembered.talks_with);
            remembered.talk_ended = Some((now.utc_ms, CallEnding::LostFault));
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
        };
        self.counters.arrived(&record.queue);
        self.counters.ended(&record);
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
        if let Some(agent) = remembered.talks_with {
            self.note(Some(id), Some(agent), Fact::TalkEnded { ending: CallEnding::LostFault }, now);
        }
        self.note(Some(id), record.agent, Fact::Ended { record }, now);
        self.add_missed(missed, now);
        if !remembered.owed_by.is_empty() {
            self.owe_again(id, &remembered, CallEnding::LostFault, now);
        }
    }

    /// The facts of a finished call are still to be written: the call is there again for its agent's desk.
    fn owe_again(&mut self, id: CallId, remembered: &Remembered, ending: CallEnding, now: Moment) {
        let Some(queue) = self.queue(&remembered.queue) else { return };
        let (ring, wrapup) = (Duration::from_secs(queue.ring_s.into()), Duration::from_secs(queue.wrapup_s.into()));
        let (ended_at, _) = remembered.talk_ended.unwrap_or((now.utc_ms, ending));
        let wrapup_limit = UtcMs(ended_at.0 + wrapup.as_millis() as i64);
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
        let mut core = Call::arrive(id, ring, wrapup, remembered.arrived);
        core.state = State::Ended { ending };
        let slot = CallSlot {
            core,
            queue: remembered.queue.clone(),
            trunk: remembered.trunk.clone(),
            dialled: remembered.dialled.clone(),
            caller: remembered.caller.clone(),
            display_name: remembered.display_name.clone(),
            caller_leg: None,
            phone_leg: None,
            customer: remembered.customer,
            customer_name: None,
            card: sealed_state(&card),
            shown: SmallVec::new(),
            looked_up: false,
            pop_for: None,
            offered_at: remembered.offered_at,
            offered_until: ended_at,
            pop_from: remembered.arrived,
            waited: false,
            answered_at: remembered.answered_at,
            talked_with: remembered.talked_with,
            ended: Some(EndedCall { at: ended_at, ending, wrapup_limit }),
            invite_to_pop_us: None,
            owed_by: remembered.owed_by.clone(),
            span: tracing::info_span!("call", call.id = %id, queue = %remembered.queue),
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
                Work::Talking { call } => {
                    let wrapup = self.calls.get(&call).map_or(Duration::ZERO, |slot| slot.core.wrapup);
                    Some(Input::CallEnded { limit: now.after(wrapup) })
                }
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
