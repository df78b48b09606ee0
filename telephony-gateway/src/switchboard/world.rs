//! Everything the gateway knows at this moment, and how one event changes it.
//!
//! The world steps its pure cores and collects what has to leave: ledger entries, frames for desks, jobs for the
//! database, SIP messages. The loop beside it writes the ledger first and lets the rest leave then.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use shared::domain::call::MissedCall;
use shared::domain::queue::QueueCode;
use shared::ids::{AgentId, CallId, IdMint};
use shared::time::{Clock, Moment};
use shared::wire::event::{Event as DeskEvent, Fault, ParkedCall, WaitingCaller};
use tokio::sync::mpsc;

use super::agents::Agent;
use super::counters::Counters;
use super::event::{Event, ToDesk};
use super::jobs::Job;
use super::slot::CallSlot;
use super::sound::Sound;
use super::stream::event_json;
use super::timers::{Timer, Timers};
use crate::config::{Config, QueueConfig};
use crate::journal::fact::{Entry, Fact};
use crate::routing::dial_plan::DialPlan;
use crate::routing::toll::{TollBook, TollPlan};
use crate::routing::ways::{Routes, TrunkStates};
use crate::routing::{FreeAgents, Waiting, decide};
use crate::sip::{LegId, Stack};

/// Whose leg it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegOf {
    Customer(CallId),
    Phone(CallId, AgentId),
    /// A number outside that was called in.
    Peer(CallId),
    /// Both legs of a call that a phone makes to an emergency or service number.
    Outside(u64),
}

pub struct World {
    pub(super) config: Arc<Config>,
    pub(super) dial_plan: DialPlan,
    pub(super) clock: Clock,
    pub(super) epoch: u64,
    pub(super) ids: IdMint,
    pub(super) stack: Stack,
    pub(super) sound: Box<dyn Sound>,

    pub(super) calls: HashMap<CallId, CallSlot>,
    pub(super) legs: HashMap<LegId, LegOf>,
    pub(super) outside: HashMap<u64, super::outside::OutsideCall>,
    pub(super) agents: HashMap<AgentId, Agent>,
    pub(super) desks: HashMap<u64, AgentId>,
    /// The telephones of the house, registered or not.
    phones: Vec<Arc<str>>,
    pub(super) phones_up: HashSet<String>,

    /// What calls have still to be told, while one of them is stepping.
    pub(super) inputs: VecDeque<(CallId, crate::call::Input)>,
    pub(super) is_stepping: bool,

    pub(super) routes: Routes,
    pub(super) trunk_states: TrunkStates,
    pub(super) toll_plan: TollPlan,
    pub(super) toll_book: TollBook,
    pub(super) last_toll: u64,
    pub(super) tolls_running: usize,
    pub(super) is_toll_timer_set: bool,
    pub(super) toll_calm_at: Moment,

    /// Calls that have moved in this turn, and those that are kept beside the ledger.
    pub(super) moved: BTreeSet<CallId>,
    pub(super) kept: HashSet<CallId>,

    pub(super) waiting: Waiting,
    pub(super) free: FreeAgents,
    /// Calls whose caller hears nothing yet: either somebody is free this very turn, or the music begins.
    pub(super) unheard: Vec<CallId>,
    pub(super) timers: Timers,

    pub(super) missed: Vec<MissedCall>,
    pub(super) faults: BTreeSet<Fault>,
    pub(super) lost_trunks: HashSet<Arc<str>>,
    pub(super) counters: Counters,
    pub(super) waiting_changed: bool,
    /// The waiting callers as every desk has them; `None` when a desk may have another list.
    pub(super) waiting_told: Option<Vec<WaitingCaller>>,
    pub(super) missed_changed: bool,
    /// Written calls that can still be corrected, the oldest first.
    pub(super) written: VecDeque<CallId>,
    pub(super) parked: BTreeSet<CallId>,
    /// The parked calls as every desk has them.
    pub(super) parked_told: Vec<ParkedCall>,
    pub(super) floor_changed: bool,
    pub(super) picture_due: bool,

    pub(super) out: Outputs,
}

/// What a turn has to let out, in the order of leaving.
#[derive(Default)]
pub struct Outputs {
    pub ledger: Vec<Entry>,
    pub kept: Vec<crate::journal::kept::Change>,
    pub to_desks: Vec<(mpsc::Sender<ToDesk>, ToDesk)>,
    pub jobs: Vec<Job>,
}

impl World {
    pub fn new(config: Arc<Config>, epoch: u64, stack: Stack, sound: Box<dyn Sound>, clock: Clock) -> Self {
        let dial_plan = dial_plan_of(&config);
        let (routes, toll_plan) = (config.routes.clone(), config.dial_plan.toll.clone());
        let now = clock.now();
        let counters = Counters::new(&config, now.utc_ms);
        Self {
            dial_plan,
            epoch,
            ids: IdMint::new(config.node),
            config,
            clock,
            stack,
            sound,
            calls: HashMap::new(),
            legs: HashMap::new(),
            outside: HashMap::new(),
            agents: HashMap::new(),
            desks: HashMap::new(),
            phones: Vec::new(),
            phones_up: HashSet::new(),
            inputs: VecDeque::new(),
            is_stepping: false,
            routes,
            trunk_states: TrunkStates::default(),
            toll_plan,
            toll_book: TollBook::default(),
            last_toll: 0,
            tolls_running: 0,
            is_toll_timer_set: false,
            toll_calm_at: now,
            moved: BTreeSet::new(),
            kept: HashSet::new(),
            waiting: Waiting::default(),
            free: FreeAgents::default(),
            unheard: Vec::new(),
            timers: Timers::default(),
            missed: Vec::new(),
            faults: BTreeSet::new(),
            lost_trunks: HashSet::new(),
            counters,
            waiting_changed: false,
            waiting_told: None,
            missed_changed: false,
            written: VecDeque::new(),
            parked: BTreeSet::new(),
            parked_told: Vec::new(),
            floor_changed: false,
            picture_due: false,
            out: Outputs::default(),
        }
    }

    /// One thing that happened.
    pub fn take(&mut self, event: Event, now: Moment) {
        match event {
            Event::Sip { flow, bytes, arrived } => {
                let arrived = self.clock.moment_of(arrived);
                self.stack.receive(&flow, &bytes, arrived);
                self.take_sip(now);
            }
            Event::SipClosed { connection } => {
                self.stack.connection_closed(connection, now);
                self.take_sip(now);
            }
            Event::SipUnsendable { flow } => {
                self.stack.send_failed(&flow, now);
                self.take_sip(now);
            }
            Event::DeskHello(hello) => self.desk_hello(*hello, now),
            Event::DeskFrame { connection, frame } => self.desk_frame(connection, frame, now),
            Event::DeskGone { connection } => self.desk_gone(connection),
            Event::SignedOut { session } => self.signed_out(session, now),
            Event::LookedUp { call, found } => self.looked_up(call, found, now),
            Event::Saved { agent, id, command, outcome } => self.saved(agent, id, &command, outcome, now),
            Event::Reloaded { config } => self.reload(config),
            Event::Phones { phones } => {
                self.phones = phones.iter().map(|phone| phone.user.as_str().into()).collect();
                self.number_phones();
                self.stack.set_phones(phones, now);
                self.take_sip(now);
            }
            Event::Missed { calls } => self.missed_loaded(calls),
            Event::Fault { fault, there } => self.set_fault(fault, there),
            Event::Relay(event) => self.relay_event(&event, now),
        }
    }

    /// From now on calls begin by the new configuration; those that have begun end as they began. What is bound to
    /// sockets stays until a restart, and the log says so.
    fn reload(&mut self, config: Arc<Config>) {
        for what in needs_restart(&self.config, &config) {
            tracing::warn!(what, "this part of the configuration has changed, and is taken at the next start");
        }
        self.dial_plan = dial_plan_of(&config);
        self.number_phones();
        (self.routes, self.toll_plan) = (config.routes.clone(), config.dial_plan.toll.clone());
        self.counters.set_limits(&config);
        self.config = config;
        self.floor_changed = true;
        tracing::info!("the changed configuration is taken");
    }

    fn number_phones(&mut self) {
        self.dial_plan.set_phones(self.phones.iter().map(|user| (user.to_string(), user.clone())));
    }

    pub(super) const fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// Every deadline that has come.
    pub fn take_time(&mut self, now: Moment) {
        if self.stack.next_deadline().is_some_and(|at| at.is_due(now)) {
            self.stack.on_deadline(now);
            self.take_sip(now);
        }
        while let Some(timer) = self.timers.pop_due(now) {
            match timer {
                Timer::Offer(call) => self.call_input(call, crate::call::Input::OfferExpired, now),
                Timer::Toll => self.check_tolls(now),
                Timer::TollCalm if self.toll_calm_at.is_due(now) => self.set_fault(Fault::TollLimit, false),
                Timer::TollCalm => {}
                Timer::Park(call) => self.call_input(call, crate::call::Input::ParkExpired, now),
                Timer::Pop(call) => self.pop_without_card(call, now),
                Timer::Lease(agent) => self.check_lease(agent, now),
                Timer::Grace(agent) => self.grace_over(agent, now),
                Timer::Picture => self.paint_picture(now),
                Timer::Forget(call) => self.forget_call(call),
            }
        }
    }

    /// Brings callers and free agents together, then lets those who still wait hear the music.
    pub fn route(&mut self, now: Moment) {
        while let Some((call, agent)) = decide(&self.waiting, &self.free) {
            self.call_input(call, crate::call::Input::Picked(agent), now);
        }
        while let Some(call) = self.unheard.pop() {
            self.call_input(call, crate::call::Input::NobodyFree, now);
            self.take_sip(now);
        }
        let changed = self.waiting_changed || self.missed_changed || self.floor_changed;
        if changed && !self.picture_due {
            self.picture_due = true;
            self.timers.set(now.after(super::picture::PICTURE_PAUSE), Timer::Picture);
        }
    }

    pub fn next_deadline(&self) -> Option<Moment> {
        [self.stack.next_deadline(), self.timers.next()].into_iter().flatten().min()
    }

    pub fn outputs(&mut self) -> &mut Outputs {
        &mut self.out
    }

    pub const fn stack(&mut self) -> &mut Stack {
        &mut self.stack
    }

    pub(super) fn queue(&self, code: &QueueCode) -> Option<&QueueConfig> {
        self.config.queues.iter().find(|queue| queue.code == *code)
    }

    pub(super) fn note(&mut self, call: Option<CallId>, agent: Option<AgentId>, fact: Fact, now: Moment) {
        self.out.ledger.push(Entry { at: now.utc_ms, call, agent, fact });
    }

    /// Tells one agent's desk, and keeps it for a desk that comes back.
    pub(super) fn tell(&mut self, agent: AgentId, event: &DeskEvent, now: Moment) {
        if let Some(json) = event_json(event) {
            self.tell_json(agent, &json, now);
        }
    }

    pub(super) fn tell_json(&mut self, agent: AgentId, json: &str, now: Moment) {
        let Some(agent) = self.agents.get_mut(&agent) else { return };
        let frame = agent.stream.push(json, now.utc_ms);
        if let Some(desk) = &agent.desk {
            self.out.to_desks.push((desk.to_desk.clone(), ToDesk::Text(frame)));
        }
    }

    /// Tells everybody who has a desk; who comes back later gets it with the snapshot or the kept events.
    pub(super) fn tell_all(&mut self, event: &DeskEvent, now: Moment) {
        let Some(json) = event_json(event) else { return };
        let everybody: Vec<AgentId> =
            self.agents.iter().filter(|(_, a)| a.state.is_signed_in()).map(|(id, _)| *id).collect();
        for agent in everybody {
            self.tell_json(agent, &json, now);
        }
    }

    pub(super) fn set_fault(&mut self, fault: Fault, there: bool) {
        let changed = if there { self.faults.insert(fault) } else { self.faults.remove(&fault) };
        if changed {
            let event = DeskEvent::Faults { faults: self.faults.iter().copied().collect() };
            let now = self.clock.now();
            self.tell_all(&event, now);
        }
    }

    /// What does not work, for `/readyz`.
    pub fn faults(&self) -> Vec<Fault> {
        self.faults.iter().copied().collect()
    }

    /// Calls that are not over.
    pub fn n_open_calls(&self) -> usize {
        self.calls.values().filter(|slot| !slot.core.is_over()).count() + self.outside.len()
    }
}

fn dial_plan_of(config: &Config) -> DialPlan {
    let queues = config.queues.iter().flat_map(|q| q.numbers.iter().map(|n| (n.clone(), q.code.clone())));
    let (help, short) = (config.dial_plan.emergency.iter().cloned(), config.dial_plan.short.iter().cloned());
    DialPlan::new(queues, help, short)
}

/// What a running gateway does not take up.
fn needs_restart(before: &Config, after: &Config) -> Vec<&'static str> {
    // The settings are plain data: they differ exactly when they print differently.
    let differ = |one: &dyn std::fmt::Debug, other: &dyn std::fmt::Debug| format!("{one:?}") != format!("{other:?}");
    let parts: [(&'static str, bool); 5] = [
        ("sip", differ(&before.sip, &after.sip)),
        ("media", differ(&before.media, &after.media)),
        ("desk", differ(&before.desk, &after.desk)),
        ("sign_in", differ(&before.sign_in, &after.sign_in)),
        ("database_url", before.database_url != after.database_url),
    ];
    parts.into_iter().filter(|(_, changed)| *changed).map(|(what, _)| what).collect()
}
