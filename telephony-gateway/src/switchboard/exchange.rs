//! What agents do with calls from their desks: hold, transfer, consult, confer, park, dial. Each verb is asked of the
//! call itself first; only then is anything prepared for it.

use std::time::Duration;

use shared::domain::agent::Work;
use shared::domain::call::{CallKind, Party, PartyFailure, PartyRole, PathStep, Stop, Target};
use shared::domain::queue::QueueCode;
use shared::ids::{AgentId, CallId, CallbackId, CustomerId};
use shared::phone::CallerNumber;
use shared::pii::Personal;
use shared::time::Moment;
use shared::wire::card::CardState;
use shared::wire::command::{Colleague, CommandError, Done};
use shared::wire::event::{Event as DeskEvent, ParkedCall};

use super::calls::sealed_state;
use super::jobs::Job;
use super::numbers::{Attempt, Leads, shown_as};
use super::slot::{CallSlot, NewSlot, PeerLeg, PhoneLeg, span_of};
use super::world::World;
use crate::call::{Call, DialTo, Ear, Input, Limits, State, Verb};
use crate::journal::fact::Fact;
use crate::routing::dial_plan::{Destination, Dialler};

/// How long a number outside may ring. Carriers give up sooner.
pub(super) const RING_OUTSIDE_S: u32 = 60;
/// How long a parked caller waits before the call goes back to the queue.
pub(super) const PARK: Duration = Duration::from_secs(180);
/// The queue of calls among ourselves, which stand in no queue.
const INTERNAL: &str = "internal";
/// As many keys as anybody presses at once.
const MOST_DIGITS: usize = 64;

impl World {
    /// A verb that needs nothing but the call.
    pub(super) fn verb(&mut self, by: AgentId, call: CallId, verb: Verb, now: Moment) -> Result<Done, CommandError> {
        self.may_do(by, call, verb)?;
        // What the telephone's own key holds only that key can take up again.
        let held_there = |slot: &CallSlot| slot.phone(by).is_some_and(|phone| phone.leg.is_held());
        if verb == Verb::Retrieve && self.calls.get(&call).is_some_and(held_there) {
            return Err(CommandError::TooLate);
        }
        self.call_input(call, Input::Verb(by, verb), now);
        self.take_sip(now);
        Ok(Done::Ok)
    }

    fn may_do(&self, by: AgentId, call: CallId, verb: Verb) -> Result<(), CommandError> {
        let allowed = self.calls.get(&call).is_some_and(|slot| slot.core.allows(by, verb));
        if allowed { Ok(()) } else { Err(CommandError::TooLate) }
    }

    pub(super) fn drop_party(
        &mut self,
        by: AgentId,
        call: CallId,
        party: PartyRole,
        now: Moment,
    ) -> Result<Done, CommandError> {
        let verb = match party {
            PartyRole::Customer => Verb::DropCustomer,
            PartyRole::Peer => Verb::DropPeer,
        };
        self.verb(by, call, verb, now)
    }

    pub(super) fn mute(&mut self, by: AgentId, call: CallId, muted: bool, now: Moment) -> Result<Done, CommandError> {
        let Some(slot) = self.calls.get_mut(&call).filter(|slot| slot.core.activity(by).is_some()) else {
            return Err(CommandError::TooLate);
        };
        for phone in slot.phones.iter_mut().filter(|phone| phone.agent == by) {
            phone.muted = muted;
            self.sound.mute(phone.leg.port, muted);
        }
        self.moved.insert(call);
        self.tell_lines(call, now);
        Ok(Done::Ok)
    }

    /// Tones to whom this agent speaks with.
    pub(super) fn send_digits(
        &mut self,
        by: AgentId,
        call: CallId,
        digits: &str,
        now: Moment,
    ) -> Result<Done, CommandError> {
        let invalid = |rule: &str| CommandError::Invalid { field: "digits".into(), rule: rule.into() };
        if digits.is_empty() || digits.len() > MOST_DIGITS {
            return Err(invalid("length"));
        }
        if !digits.bytes().all(|key| key.is_ascii_digit() || b"*#ABCD".contains(&key)) {
            return Err(invalid("keys"));
        }
        let Some(slot) = self.calls.get(&call).filter(|slot| slot.core.activity(by).is_some()) else {
            return Err(CommandError::TooLate);
        };
        let partners = slot.partners(Ear::Agent(by));
        if partners.is_empty() {
            return Err(CommandError::TooLate);
        }
        for ear in partners {
            self.press(call, ear, digits, now);
        }
        self.take_sip(now);
        Ok(Done::Ok)
    }

    /// Presses keys for one party, the way that its telephone understands.
    pub(super) fn press(&mut self, call: CallId, ear: Ear, digits: &str, now: Moment) {
        let Some(leg) = self.calls.get(&call).and_then(|slot| slot.leg_of(ear)) else { return };
        if leg.takes_telephone_events() {
            self.sound.send_digits(leg.port, digits);
        } else {
            let id = leg.id;
            for digit in digits.chars() {
                self.stack.send_digit(id, digit, now);
            }
        }
    }

    /// A key that one party has pressed, by an RTP event or by INFO. The bridge carries events itself to whoever takes
    /// them; the others are told here.
    pub(super) fn digit_pressed(&mut self, call: CallId, from: Ear, digit: char, by_info: bool, now: Moment) {
        let Some(slot) = self.calls.get(&call) else { return };
        let partners = slot.partners(from);
        for ear in partners {
            let takes_events = self
                .calls
                .get(&call)
                .and_then(|slot| slot.leg_of(ear))
                .is_some_and(super::legs::Leg::takes_telephone_events);
            if by_info || !takes_events {
                self.press(call, ear, digit.encode_utf8(&mut [0; 4]), now);
            }
            if let Ear::Agent(agent) = ear {
                self.tell(agent, &DeskEvent::Digit { call, digit }, now);
            }
        }
    }

    /// Hands the call over without a word.
    pub(super) fn transfer(
        &mut self,
        by: AgentId,
        call: CallId,
        to: &Target,
        note: Option<Personal>,
        now: Moment,
    ) -> Result<Done, CommandError> {
        if let Some(queue) = self.queue_meant(to) {
            return self.transfer_to_queue(by, call, &queue, note, now);
        }
        match self.leads_to(by, to)? {
            Leads::Colleague(agent) => {
                self.may_do(by, call, Verb::TransferToAgent(agent))?;
                self.leave_note(by, call, note, now);
                self.note(Some(call), Some(by), Fact::Transferred { to: to.clone() }, now);
                self.verb(by, call, Verb::TransferToAgent(agent), now)
            }
            Leads::Outside { number, help } => {
                self.may_do(by, call, Verb::TransferToNumber)?;
                self.prepare_peer(by, call, number, help, now)?;
                self.leave_note(by, call, note, now);
                self.note(Some(call), Some(by), Fact::Transferred { to: to.clone() }, now);
                self.verb(by, call, Verb::TransferToNumber, now)
            }
        }
    }

    /// A queue, named or by one of its numbers: a telephone knows it by that alone.
    fn queue_meant(&self, to: &Target) -> Option<QueueCode> {
        match to {
            Target::Queue { queue } => Some(queue.clone()),
            Target::Number { number } => match self.dial_plan.destination(Dialler::Phone, number) {
                Destination::Queue(queue) => Some(queue),
                _ => None,
            },
            Target::Agent { .. } => None,
        }
    }

    fn transfer_to_queue(
        &mut self,
        by: AgentId,
        call: CallId,
        queue: &QueueCode,
        note: Option<Personal>,
        now: Moment,
    ) -> Result<Done, CommandError> {
        if self.queue(queue).is_none() {
            return Err(CommandError::NotFound { what: "queue".into() });
        }
        self.may_do(by, call, Verb::TransferToQueue)?;
        self.leave_note(by, call, note, now);
        let limits = self.limits(queue);
        if let Some(slot) = self.calls.get_mut(&call) {
            slot.queue = queue.clone();
            (slot.core.ring, slot.core.wrapup) = (limits.ring, limits.wrapup);
            slot.path.push(PathStep { at: now.utc_ms, stop: Stop::Queue { queue: queue.clone() } });
        }
        self.note(Some(call), Some(by), Fact::Transferred { to: Target::Queue { queue: queue.clone() } }, now);
        self.verb(by, call, Verb::TransferToQueue, now)
    }

    /// Holds the customer and calls somebody else.
    pub(super) fn consult(
        &mut self,
        by: AgentId,
        call: CallId,
        to: &Target,
        note: Option<Personal>,
        now: Moment,
    ) -> Result<Done, CommandError> {
        let verb = match self.leads_to(by, to)? {
            Leads::Colleague(agent) => {
                self.may_do(by, call, Verb::ConsultAgent(agent))?;
                Verb::ConsultAgent(agent)
            }
            Leads::Outside { number, help } => {
                self.may_do(by, call, Verb::ConsultNumber)?;
                self.prepare_peer(by, call, number, help, now)?;
                Verb::ConsultNumber
            }
        };
        self.leave_note(by, call, note, now);
        self.note(Some(call), Some(by), Fact::ConsultStarted { to: to.clone() }, now);
        self.verb(by, call, verb, now)
    }

    fn prepare_peer(
        &mut self,
        by: AgentId,
        call: CallId,
        number: crate::routing::number::Dialled,
        help: bool,
        now: Moment,
    ) -> Result<(), CommandError> {
        let queue = self.calls.get(&call).map(|slot| slot.queue.clone());
        let shown = shown_as(&number);
        let attempt = self.begin_attempt(by, queue.as_ref(), number, help, now)?;
        if let Some(slot) = self.calls.get_mut(&call) {
            slot.peer = Some(PeerLeg { number: shown, leg: None, attempt });
        }
        Ok(())
    }

    /// What the next one should know stands on the path of the call.
    fn leave_note(&mut self, by: AgentId, call: CallId, note: Option<Personal>, now: Moment) {
        let name = self.name_of(by);
        let note = note.filter(|note| !note.reveal().trim().is_empty());
        let Some(slot) = self.calls.get_mut(&call) else { return };
        let stop = Stop::Agent { agent: by, name, note };
        // One step for each stay: a second consultation only adds the newer note.
        match slot.path.last_mut() {
            Some(PathStep { stop: Stop::Agent { agent, note: before, .. }, .. }) if *agent == by => {
                if let Stop::Agent { note: Some(note), .. } = stop {
                    *before = Some(note);
                }
            }
            _ => slot.path.push(PathStep { at: now.utc_ms, stop }),
        }
    }

    pub(super) fn name_of(&self, agent: AgentId) -> String {
        self.agents.get(&agent).map(|agent| agent.profile.name.clone()).unwrap_or_default()
    }

    pub(super) fn park(
        &mut self,
        by: AgentId,
        call: CallId,
        note: Option<Personal>,
        now: Moment,
    ) -> Result<Done, CommandError> {
        self.may_do(by, call, Verb::Park)?;
        self.leave_note(by, call, note, now);
        let name = self.name_of(by);
        if let Some(slot) = self.calls.get_mut(&call) {
            slot.path.push(PathStep { at: now.utc_ms, stop: Stop::Parked { agent: by, name } });
        }
        self.note(Some(call), Some(by), Fact::Parked {}, now);
        self.verb(by, call, Verb::Park, now)
    }

    /// Fetches a parked call. Whoever is free of calls may, ready or not.
    pub(super) fn pick_up(&mut self, by: AgentId, call: CallId, now: Moment) -> Result<Done, CommandError> {
        self.has_free_hands(by)?;
        let parked = |slot: &CallSlot| matches!(slot.core.state, State::Parked { fetched_by: None, .. });
        if !self.calls.get(&call).is_some_and(parked) {
            return Err(CommandError::TooLate);
        }
        self.note(Some(call), Some(by), Fact::Fetched {}, now);
        self.call_input(call, Input::Fetched(by), now);
        self.take_sip(now);
        Ok(Done::Call { id: call })
    }

    fn has_free_hands(&self, by: AgentId) -> Result<(), CommandError> {
        let idle =
            self.agents.get(&by).is_some_and(|agent| agent.state.is_signed_in() && agent.state.work == Work::Idle);
        if !idle {
            return Err(CommandError::TooLate);
        }
        if self.phone_is_up(by) { Ok(()) } else { Err(CommandError::PhoneLost) }
    }

    pub(super) fn parked_calls(&self) -> Vec<ParkedCall> {
        let mut parked: Vec<ParkedCall> = self
            .parked
            .iter()
            .filter_map(|id| self.calls.get(id))
            .filter_map(|slot| {
                let State::Parked { by, since, until, fetched_by: None } = slot.core.state else { return None };
                Some(ParkedCall {
                    call: slot.core.id,
                    queue: slot.queue.clone(),
                    caller: slot.caller.clone(),
                    name: slot.customer_name.clone(),
                    parked_at: since.utc_ms,
                    parked_by: by,
                    parked_by_name: self.name_of(by),
                    until: until.utc_ms,
                })
            })
            .collect();
        parked.sort_by_key(|call| (call.parked_at, call.call));
        parked
    }

    pub(super) fn tell_parked(&mut self, now: Moment) {
        if self.parked.is_empty() && self.parked_told.is_empty() {
            return;
        }
        let calls = self.parked_calls();
        if calls != self.parked_told {
            self.tell_all(&DeskEvent::Parked { calls: calls.clone() }, now);
            self.parked_told = calls;
        }
    }

    pub(super) fn colleagues(&self, of: AgentId) -> Vec<Colleague> {
        let mut people: Vec<Colleague> = self
            .agents
            .iter()
            .filter(|(id, agent)| **id != of && agent.state.is_signed_in())
            .map(|(id, agent)| Colleague {
                agent: *id,
                name: agent.profile.name.clone(),
                phone: agent.profile.phone.clone(),
                presence: agent.state.presence.clone(),
                work: agent.state.work.clone(),
                reachable: agent.state.can_be_called() && self.phone_is_up(*id),
            })
            .collect();
        people.sort_by(|one, other| one.name.cmp(&other.name).then(one.agent.cmp(&other.agent)));
        people
    }

    /// An agent dials from the screen.
    pub(super) fn dial(
        &mut self,
        by: AgentId,
        to: &Target,
        customer: Option<CustomerId>,
        callback: Option<CallbackId>,
        now: Moment,
    ) -> Result<Done, CommandError> {
        self.has_free_hands(by)?;
        let id = self.begin_dialling(by, to, customer, callback, now)?;
        self.call_input(id, Input::DialBegins { lifted: false }, now);
        self.take_sip(now);
        Ok(Done::Call { id })
    }

    /// An agent has dialled on the telephone itself, which waits for the other side.
    pub(super) fn dialled_on_phone(
        &mut self,
        by: AgentId,
        to: &Target,
        phone: PhoneLeg,
        now: Moment,
    ) -> Result<CallId, CommandError> {
        let id = self.begin_dialling(by, to, None, None, now)?;
        self.take_phone(id, phone);
        self.call_input(id, Input::DialBegins { lifted: true }, now);
        Ok(id)
    }

    fn begin_dialling(
        &mut self,
        by: AgentId,
        to: &Target,
        customer: Option<CustomerId>,
        callback: Option<CallbackId>,
        now: Moment,
    ) -> Result<CallId, CommandError> {
        match self.leads_to(by, to)? {
            Leads::Colleague(colleague) => Ok(self.dial_colleague(by, colleague, now)),
            Leads::Outside { number, help } => {
                let missed = callback.and_then(|id| self.missed.iter().find(|missed| missed.id == id));
                let queue = missed
                    .map(|missed| missed.queue.clone())
                    .or_else(|| self.config.queues.first().map(|queue| queue.code.clone()))
                    .ok_or_else(|| CommandError::NotFound { what: "queue".into() })?;
                let shown = shown_as(&number);
                let attempt = self.begin_attempt(by, Some(&queue), number, help, now)?;
                Ok(self.dial_number(by, queue, shown, attempt, customer, callback, now))
            }
        }
    }

    fn dial_colleague(&mut self, by: AgentId, colleague: AgentId, now: Moment) -> CallId {
        let id: CallId = self.ids.mint(now.utc_ms);
        let queue = QueueCode::new(INTERNAL);
        let phone_of = |world: &Self, agent| {
            world.agents.get(&agent).and_then(|agent| agent.profile.phone.clone()).unwrap_or_default()
        };
        let caller = CallerNumber::Short(phone_of(self, by));
        let core = Call::dial(id, by, DialTo::Agent(colleague), self.limits(&queue), now);
        let span = span_of(id, "", &queue, &caller);
        let dialled = phone_of(self, colleague);
        self.note(
            Some(id),
            Some(by),
            Fact::Dialled { kind: CallKind::Internal, queue: queue.clone(), dialled: dialled.clone(), at: now },
            now,
        );
        let card = sealed_state(&CardState::Unknown);
        let new = NewSlot { core, queue, trunk: String::new(), dialled, caller, card, looked_up: true, span };
        self.calls.insert(id, new.into());
        id
    }

    #[expect(clippy::too_many_arguments, reason = "all of it is one call's beginning")]
    fn dial_number(
        &mut self,
        by: AgentId,
        queue: QueueCode,
        number: CallerNumber,
        attempt: Attempt,
        customer: Option<CustomerId>,
        callback: Option<CallbackId>,
        now: Moment,
    ) -> CallId {
        let id: CallId = self.ids.mint(now.utc_ms);
        let core = Call::dial(id, by, DialTo::Customer, self.limits(&queue), now);
        let span = span_of(id, "", &queue, &number);
        let dialled = attempt.number.as_str().to_owned();
        let (card, looked_up) = match (customer, number.phone()) {
            (Some(customer), _) => {
                self.out.jobs.push(Job::OpenCard { call: id, customer });
                (CardState::Pending, false)
            }
            (None, Some(phone)) => {
                self.out.jobs.push(Job::LookUp { call: id, phone });
                (CardState::Pending, false)
            }
            (None, None) => (CardState::Unknown, true),
        };
        self.note(
            Some(id),
            Some(by),
            Fact::Dialled { kind: CallKind::Outbound, queue: queue.clone(), dialled: dialled.clone(), at: now },
            now,
        );
        let card = sealed_state(&card);
        let new = NewSlot { core, queue, trunk: String::new(), dialled, caller: number, card, looked_up, span };
        self.calls.insert(id, CallSlot { attempt: Some(attempt), customer, callback, ..new.into() });
        id
    }

    pub(super) fn limits(&self, queue: &QueueCode) -> Limits {
        let settings = self.queue(queue).or_else(|| self.config.queues.first());
        let seconds = |s: Option<u32>, or: u64| Duration::from_secs(s.map_or(or, u64::from));
        Limits {
            ring: seconds(settings.map(|queue| queue.ring_s), 20),
            wrapup: seconds(settings.map(|queue| queue.wrapup_s), 60),
            park: PARK,
        }
    }

    /// Tells whoever called somebody that they did not come.
    pub(super) fn tell_failed(&mut self, id: CallId, agent: AgentId, who: Ear, why: PartyFailure, now: Moment) {
        let Some(slot) = self.calls.get(&id) else { return };
        let party = match who {
            Ear::Agent(agent) => Party::Agent { agent, name: self.name_of(agent) },
            Ear::Customer => Party::Number { number: slot.caller.clone() },
            Ear::Peer => {
                let peer = slot.peer.as_ref().map(|peer| peer.number.clone());
                Party::Number { number: peer.unwrap_or(CallerNumber::Withheld) }
            }
        };
        self.tell(agent, &DeskEvent::PartyFailed { call: id, party, why }, now);
    }
}
