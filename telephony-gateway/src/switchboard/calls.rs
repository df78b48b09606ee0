//! Calls on the switchboard: SIP events become inputs of a call, and its effects become SIP, sound and words to
//! desks. This is the one place where effects are carried out.

use shared::domain::agent::{Presence, Work};
use shared::domain::call::{CallEnding, CallRecord, MissedCall};
use shared::domain::queue::QueueCode;
use shared::ids::{AgentId, CallId, CallbackId, CustomerId};
use shared::phone::CallerNumber;
use shared::pii::Personal;
use shared::store::CallFacts;
use shared::time::{Moment, UtcMs};
use shared::wire::Sealed;
use shared::wire::card::CardState;
use shared::wire::event::{CallAtDesk, EndedCall, Event as DeskEvent, Offer, WithdrawnBecause};
use smallvec::SmallVec;
use std::time::Duration;

use super::jobs::{Found, Job};
use super::legs::Leg;
use super::timers::Timer;
use super::world::{LegOf, World};
use crate::call::{Call, Effect, Input, PhoneFailure};
use crate::journal::fact::Fact;
use crate::net::relay::{PortId, RelayEvent};
use crate::routing::dial_plan::{Destination, Dialler};
use crate::sip::{Ending, Event as SipEvent, IncomingInvite, LegId, Origin};

/// How long a pop waits for its card. Then it leaves, and the card follows as an event of its own.
const POP_PATIENCE: Duration = Duration::from_millis(10);
/// How long the facts of a finished call are kept here for a wrap-up that has not come.
const OWED_WRAPUP: Duration = Duration::from_secs(24 * 3600);
/// How many missed calls the desks are shown.
pub(super) const MISSED_SHOWN: usize = 200;

/// A call with all that belongs to it on this gateway.
pub struct CallSlot {
    pub core: Call,
    pub queue: QueueCode,
    pub trunk: String,
    pub dialled: String,
    pub caller: CallerNumber,
    pub display_name: Option<Personal>,
    /// `None` after a restart, and once the caller is gone.
    pub caller_leg: Option<Leg>,
    pub phone_leg: Option<(AgentId, Leg)>,
    pub customer: Option<CustomerId>,
    pub customer_name: Option<Personal>,
    pub card: Sealed<CardState>,
    /// Whose data is on the card.
    pub shown: SmallVec<[CustomerId; 1]>,
    pub looked_up: bool,
    /// The agent whose pop waits for the card.
    pub pop_for: Option<AgentId>,
    pub offered_at: Option<UtcMs>,
    pub offered_until: UtcMs,
    /// From here the pop's time counts: the INVITE at the socket, or, for a caller who had to wait, the moment at
    /// which an agent was picked.
    pub pop_from: Moment,
    /// Whether nobody was free for the caller at some time.
    pub waited: bool,
    pub answered_at: Option<UtcMs>,
    /// The agent who talked last.
    pub talked_with: Option<AgentId>,
    pub ended: Option<EndedCall>,
    pub invite_to_pop_us: Option<i64>,
    /// Who still has to write down what it was about.
    pub owed_by: SmallVec<[AgentId; 1]>,
    pub span: tracing::Span,
}

impl CallSlot {
    /// The offer as a desk sees it now.
    pub fn offer(&self, now: Moment) -> Offer {
        Offer {
            call: self.core.id,
            queue: self.queue.clone(),
            caller: self.caller.clone(),
            display_name: self.display_name.clone(),
            arrived_at: self.core.arrived.utc_ms,
            offered_at: self.offered_at.unwrap_or(now.utc_ms),
            until: self.offered_until,
            can_answer_from_screen: true,
            age_us: now.since(self.pop_from).as_micros() as i64,
            customer: self.customer,
            card: self.card.clone(),
        }
    }

    pub fn at_desk(&self, now: Moment) -> CallAtDesk {
        CallAtDesk { offer: Box::new(self.offer(now)), answered_at: self.answered_at, ended: self.ended.clone() }
    }

    /// What a wrap-up needs to know of its call.
    pub fn facts(&self, now: UtcMs) -> CallFacts {
        let started_at = self.answered_at.unwrap_or(self.core.arrived.utc_ms);
        let ended_at = self.ended.as_ref().map_or(now, |ended| ended.at);
        CallFacts {
            started_at,
            duration_s: (ended_at.ms_since(started_at) / 1000).clamp(0, i64::from(i32::MAX)) as i32,
            queue: self.queue.clone(),
            caller: self.caller.clone(),
        }
    }

    fn leg_at(&self, port: PortId) -> Option<LegId> {
        let mut legs = self.caller_leg.iter().chain(self.phone_leg.iter().map(|(_, leg)| leg));
        legs.find(|leg| leg.port == port).map(|leg| leg.id)
    }

    fn record(&self, ending: CallEnding, now: UtcMs) -> CallRecord {
        CallRecord {
            id: self.core.id,
            queue: self.queue.clone(),
            trunk: self.trunk.clone(),
            dialled: self.dialled.clone(),
            caller: self.caller.clone(),
            customer: self.customer,
            agent: self.talked_with,
            arrived_at: self.core.arrived.utc_ms,
            offered_at: self.offered_at,
            answered_at: self.answered_at,
            ended_at: now,
            ending,
            invite_to_pop_us: self.invite_to_pop_us,
        }
    }
}

/// A card that says only what is known without the customer base.
pub(super) fn sealed_state(state: &CardState) -> Sealed<CardState> {
    // Plain enums without text cannot fail to be JSON; a null would be an unknown caller at the desk.
    Sealed::pack(state).unwrap_or_else(|_| Sealed::null())
}

impl World {
    /// Everything that SIP has to say after bytes, a deadline or a verb.
    pub(super) fn take_sip(&mut self, now: Moment) {
        while let Some(event) = self.stack.poll_event() {
            self.sip_event(event, now);
        }
    }

    fn sip_event(&mut self, event: SipEvent, now: Moment) {
        match event {
            SipEvent::Invited { leg, invite } => self.invited(leg, &invite, now),
            SipEvent::Ringing { leg, .. } => self.outside_ringing(leg, now),
            SipEvent::Answered { leg, sdp } => self.leg_answered(leg, &sdp, now),
            SipEvent::Refused { leg, code, .. } => self.leg_refused(leg, code, now),
            SipEvent::Confirmed { leg, sdp } => self.leg_confirmed(leg, sdp.as_deref(), now),
            SipEvent::HungUp { leg, by, .. } => self.leg_hung_up(leg, by, now),
            SipEvent::Reoffered { leg, sdp } => self.leg_reoffered(leg, sdp.as_deref(), now),
            SipEvent::TalkRefused { leg, .. } => {
                if let Some(LegOf::Phone(call, agent)) = self.legs.get(&leg).copied() {
                    self.lift_by_second_invite(call, agent, now);
                }
            }
            // We make no offers of our own in a talk yet; an answer to one changes nothing.
            SipEvent::ReofferAnswered { .. } | SipEvent::ReofferRefused { .. } => {}
            // Nothing is handed over yet, and no menu listens to keys.
            SipEvent::Referred { leg, .. } => self.stack.refuse_refer(leg, 603, now),
            SipEvent::Digit { .. } => {}
            SipEvent::PhoneRegistered { user, fresh, .. } => self.phone_registered(&user, fresh, now),
            SipEvent::PhoneGone { user, cause } => self.phone_gone(&user, cause, now),
            SipEvent::RegistrationRefused { user, from, why } => {
                metrics::counter!("registrations_refused_total").increment(1);
                tracing::warn!(phone = %printable(&user), %from, ?why, "a registration was refused");
            }
            SipEvent::TrunkAlive { name } => {
                self.lost_trunks.remove(&name);
                self.set_fault(shared::wire::event::Fault::TrunkLost, !self.lost_trunks.is_empty());
            }
            SipEvent::TrunkLost { name } => {
                tracing::warn!(trunk = %name, "a trunk does not answer");
                self.lost_trunks.insert(name);
                self.set_fault(shared::wire::event::Fault::TrunkLost, true);
            }
            SipEvent::Malformed { from, why } => {
                metrics::counter!("sip_malformed_total").increment(1);
                tracing::debug!(%from, why, "a message could not be read");
            }
            SipEvent::Rejected { from, code } => {
                metrics::counter!("sip_rejected_total", "code" => code.to_string()).increment(1);
                tracing::debug!(%from, code, "a request was refused");
            }
        }
    }

    fn invited(&mut self, leg: LegId, invite: &IncomingInvite, now: Moment) {
        let (dialler, source) = match &invite.origin {
            Origin::Trunk(name) => (Dialler::Trunk, name),
            Origin::Phone(user) => (Dialler::Phone, user),
        };
        match self.dial_plan.destination(dialler, &invite.dialled) {
            Destination::Queue(queue) => {
                let source = source.to_string();
                self.call_arrives(leg, invite, source, queue, now);
            }
            Destination::Outside(number) => self.dial_outside(leg, invite, &number, now),
            Destination::Refused(why) => {
                tracing::info!(source = %source, dialled = %printable(&invite.dialled), why = why.words(), "a call was refused");
                self.stack.reject(leg, why.code(), None, why.words(), now);
            }
        }
    }

    fn call_arrives(&mut self, leg: LegId, invite: &IncomingInvite, trunk: String, queue: QueueCode, now: Moment) {
        let Some(settings) = self.queue(&queue) else { return };
        let (ring, wrapup) =
            (Duration::from_secs(settings.ring_s.into()), Duration::from_secs(settings.wrapup_s.into()));
        let caller_leg = match self.open_leg(leg, invite.sdp.as_deref(), Some(invite.flow.remote)) {
            Ok(caller_leg) => caller_leg,
            Err(refusal) => {
                tracing::warn!(trunk, why = refusal.words, "a call was refused");
                self.stack.reject(leg, refusal.code, refusal.retry_after_s, refusal.words, now);
                return;
            }
        };
        let caller = caller_number(invite);
        let id: CallId = self.ids.mint(now.utc_ms);
        let span = tracing::info_span!("call", call.id = %id, trunk = %trunk, queue = %queue, caller = ?caller.phone());
        // Whoever keeps the number to themselves is called "Anonymous" by the network, which is no name.
        let says_who = |name: &&str| !name.is_empty() && caller != CallerNumber::Withheld;
        let display_name = invite.from_display.as_deref().filter(says_who).map(Personal::from);
        span.in_scope(|| tracing::info!("a call has arrived"));
        metrics::counter!("calls_arrived_total", "queue" => queue.to_string()).increment(1);

        self.legs.insert(leg, LegOf::Caller(id));
        self.counters.arrived(&queue);
        let fact = Fact::Arrived {
            queue: queue.clone(),
            trunk: trunk.clone(),
            dialled: invite.dialled.clone(),
            caller: caller.clone(),
            display_name: display_name.clone(),
            arrived: invite.arrived,
        };
        self.note(Some(id), None, fact, now);

        let (card, looked_up) = match &caller {
            CallerNumber::Public(phone) => {
                self.out.jobs.push(Job::LookUp { call: id, phone: *phone });
                (CardState::Pending, false)
            }
            CallerNumber::Short(_) => (CardState::Unknown, true),
            CallerNumber::Withheld => (CardState::Withheld, true),
        };
        let slot = CallSlot {
            core: Call::arrive(id, ring, wrapup, invite.arrived),
            queue: queue.clone(),
            trunk,
            dialled: invite.dialled.clone(),
            caller,
            display_name,
            caller_leg: Some(caller_leg),
            phone_leg: None,
            customer: None,
            customer_name: None,
            card: sealed_state(&card),
            shown: SmallVec::new(),
            looked_up,
            pop_for: None,
            offered_at: None,
            offered_until: now.utc_ms,
            pop_from: invite.arrived,
            waited: false,
            answered_at: None,
            talked_with: None,
            ended: None,
            invite_to_pop_us: None,
            owed_by: SmallVec::new(),
            span,
        };
        self.waiting.join(id, slot.core.arrived, queue);
        self.calls.insert(id, slot);
        self.unheard.push(id);
        self.floor_changed = true;
        self.waiting_changed = true;
        self.note(Some(id), None, Fact::QueueJoined {}, now);
    }

    /// Moves a call and carries out what that asks for.
    pub(super) fn call_input(&mut self, id: CallId, input: Input, now: Moment) {
        let Some(slot) = self.calls.get_mut(&id) else { return };
        let span = slot.span.clone();
        let _inside = span.enter();
        let before = slot.core.state;
        let effects = slot.core.step(input, now);
        if before != slot.core.state {
            tracing::debug!(from = ?before, to = ?slot.core.state, ?input, "the call moves");
        }
        for effect in effects {
            self.carry_out(id, effect, now);
        }
    }

    fn carry_out(&mut self, id: CallId, effect: Effect, now: Moment) {
        match effect {
            Effect::RingCaller => {
                if let Some(leg) = self.caller_leg_id(id) {
                    self.stack.ring(leg, now);
                }
            }
            Effect::AnswerCaller => self.answer_caller(id, now),
            Effect::PlayMusic => {
                if let Some(leg) = self.calls.get(&id).and_then(|slot| slot.caller_leg.as_ref()) {
                    self.sound.play_music(leg.port);
                }
            }
            Effect::EndCaller => self.end_caller(id, now),
            Effect::RingPhone(agent) => self.ring_phone(id, agent, false, now),
            Effect::LiftPhone(agent) => self.lift_phone(id, agent, now),
            Effect::EndPhone(agent) => self.end_phone(id, agent, now),
            Effect::Bridge(agent) => self.bridge(id, agent),
            Effect::Pop(agent) => self.pop(id, agent, now),
            Effect::Withdraw(agent, why) => self.withdraw(id, agent, why, now),
            Effect::TellAnswered(agent) => self.tell_answered(id, agent, now),
            Effect::TellEnded(agent, ending) => self.tell_ended(id, agent, ending, now),
            Effect::Agent(agent, input) => self.agent_input(agent, &input, agent, now),
            Effect::Wait => self.wait(id, now),
            Effect::LeaveQueue => {
                if let Some(slot) = self.calls.get(&id) {
                    self.waiting.leave(id, slot.core.arrived);
                    self.waiting_changed = true;
                }
            }
            Effect::Close(ending) => self.close(id, ending, now),
        }
    }

    fn wait(&mut self, id: CallId, now: Moment) {
        let Some(slot) = self.calls.get_mut(&id) else { return };
        slot.waited = true;
        self.waiting.join(id, slot.core.arrived, slot.queue.clone());
        if !slot.core.caller_answered {
            self.unheard.push(id);
        }
        self.waiting_changed = true;
        self.floor_changed = true;
        self.note(Some(id), None, Fact::QueueJoined {}, now);
    }

    fn lift_phone(&mut self, id: CallId, agent: AgentId, now: Moment) {
        let Some((_, leg)) = self.calls.get(&id).and_then(|slot| slot.phone_leg.as_ref()) else { return };
        if !self.stack.talk(leg.id, now) {
            self.lift_by_second_invite(id, agent, now);
        }
    }

    /// This telephone cannot be asked: a second INVITE tells it to lift itself.
    fn lift_by_second_invite(&mut self, id: CallId, agent: AgentId, now: Moment) {
        self.end_phone(id, agent, now);
        self.ring_phone(id, agent, true, now);
    }

    fn ring_phone(&mut self, id: CallId, agent: AgentId, lift_itself: bool, now: Moment) {
        if let Err(why) = self.try_ring_phone(id, agent, lift_itself, now) {
            tracing::warn!(agent.id = %agent, %why, "the operator's telephone cannot be reached");
            self.call_input(id, Input::PhoneFailed(agent, PhoneFailure::Unreachable), now);
        }
    }

    /// The pop leaves with its card if that is here already, else a moment later with it, or without it.
    fn pop(&mut self, id: CallId, agent: AgentId, now: Moment) {
        let Some(slot) = self.calls.get_mut(&id) else { return };
        slot.offered_at = slot.offered_at.or(Some(now.utc_ms));
        let until = now.after(slot.core.ring);
        slot.offered_until = until.utc_ms;
        if slot.waited {
            slot.pop_from = now;
        }
        self.timers.set(until, Timer::Offer(id));
        self.note(Some(id), Some(agent), Fact::Offered { until: until.utc_ms }, now);
        let Some(slot) = self.calls.get_mut(&id) else { return };
        if slot.looked_up {
            self.send_pop(id, agent, now);
        } else {
            slot.pop_for = Some(agent);
            self.timers.set(now.after(POP_PATIENCE), Timer::Pop(id));
        }
    }

    pub(super) fn pop_without_card(&mut self, id: CallId, now: Moment) {
        if let Some(agent) = self.calls.get_mut(&id).and_then(|slot| slot.pop_for.take()) {
            metrics::counter!("pops_without_card_total").increment(1);
            self.send_pop(id, agent, now);
        }
    }

    fn send_pop(&mut self, id: CallId, agent: AgentId, now: Moment) {
        let Some(slot) = self.calls.get(&id) else { return };
        // The age is read now and not at the turn's beginning: the desk adds its own time to it.
        let offer = Box::new(slot.offer(self.clock.now()));
        self.tell(agent, &DeskEvent::Offered { offer }, now);
        let rings = |of: &super::agents::Agent| matches!(of.state.work, Work::Ringing { .. });
        if self.agents.get(&agent).is_some_and(rings) {
            self.tell_state(agent, now);
        }
        self.note_shown(id, agent, now);
    }

    /// The look-up has come back: with the call still in the queue, at a desk, or over.
    pub(super) fn looked_up(&mut self, id: CallId, found: Found, now: Moment) {
        let Some(slot) = self.calls.get_mut(&id) else { return };
        let first = !std::mem::replace(&mut slot.looked_up, true);
        slot.card = found.card;
        slot.shown = found.shown;
        if let Some((customer, name)) = found.customer {
            slot.customer = Some(customer);
            slot.customer_name = Some(name);
            self.note(Some(id), None, Fact::Identified { customer }, now);
            self.waiting_changed = true;
        }
        let Some(slot) = self.calls.get_mut(&id) else { return };
        if let Some(agent) = slot.pop_for.take() {
            self.send_pop(id, agent, now);
            return;
        }
        // A pop that has left without its card, or a customer found by hand.
        let holders: SmallVec<[AgentId; 2]> =
            slot.core.agent().into_iter().chain(slot.owed_by.iter().copied()).collect();
        if first && slot.offered_at.is_none() {
            return;
        }
        let (customer, card) = (slot.customer, slot.card.clone());
        for agent in holders {
            self.tell(agent, &DeskEvent::CardArrived { call: id, customer, card: card.clone() }, now);
            self.note_shown(id, agent, now);
        }
    }

    /// Whose data an agent has been shown with a call, for the audit: one customer, or each of several to choose from.
    pub(super) fn note_shown(&mut self, id: CallId, agent: AgentId, now: Moment) {
        let shown = self.calls.get(&id).map(|slot| slot.shown.clone()).unwrap_or_default();
        for customer in shown {
            self.note(Some(id), Some(agent), Fact::CardOpened { customer }, now);
        }
    }

    fn withdraw(&mut self, id: CallId, agent: AgentId, why: WithdrawnBecause, now: Moment) {
        // A telephone that says no faster than the card comes: the person learns what it was all the same.
        self.pop_without_card(id, now);
        self.note(Some(id), Some(agent), Fact::Withdrawn { why }, now);
        self.tell(agent, &DeskEvent::Withdrawn { call: id, why }, now);
    }

    fn tell_answered(&mut self, id: CallId, agent: AgentId, now: Moment) {
        // A telephone that is lifted within the pop's patience: the desk hears of the offer before the answer.
        self.pop_without_card(id, now);
        let Some(slot) = self.calls.get_mut(&id) else { return };
        slot.answered_at = slot.answered_at.or(Some(now.utc_ms));
        slot.talked_with = Some(agent);
        slot.ended = None;
        tracing::info!(agent.id = %agent, "an operator talks with the caller");
        self.note(Some(id), Some(agent), Fact::Answered {}, now);
        self.tell(agent, &DeskEvent::Answered { call: id, at: now.utc_ms }, now);
        self.floor_changed = true;
    }

    fn tell_ended(&mut self, id: CallId, agent: AgentId, ending: CallEnding, now: Moment) {
        let Some(slot) = self.calls.get_mut(&id) else { return };
        let wrapup_limit = now.after(slot.core.wrapup).utc_ms;
        slot.ended = Some(EndedCall { at: now.utc_ms, ending, wrapup_limit });
        slot.owed_by.push(agent);
        self.note(Some(id), Some(agent), Fact::TalkEnded { ending }, now);
        self.tell(agent, &DeskEvent::Ended { call: id, at: now.utc_ms, ending, wrapup_limit }, now);
        self.floor_changed = true;
    }

    fn close(&mut self, id: CallId, ending: CallEnding, now: Moment) {
        self.end_caller(id, now);
        let Some(slot) = self.calls.get(&id) else { return };
        let record = slot.record(ending, now.utc_ms);
        let owed = !slot.owed_by.is_empty();
        let missed =
            (!ending.was_answered() && ending != CallEnding::Rejected).then(|| self.missed_call(slot, &record));
        tracing::info!(?ending, "the call is over");
        metrics::counter!("calls_ended_total", "ending" => format!("{ending:?}")).increment(1);
        self.counters.ended(&record);
        self.note(Some(id), record.agent, Fact::Ended { record }, now);
        if let Some(mut missed) = missed {
            missed.id = self.ids.mint(now.utc_ms);
            self.add_missed(missed, now);
        }
        if owed {
            self.timers.set(now.after(OWED_WRAPUP), Timer::Forget(id));
        } else {
            self.forget_call(id);
        }
        self.floor_changed = true;
    }

    #[expect(clippy::unused_self, reason = "reads as what the floor does")]
    fn missed_call(&self, slot: &CallSlot, record: &CallRecord) -> MissedCall {
        MissedCall {
            id: CallbackId(0),
            call: record.id,
            queue: record.queue.clone(),
            caller: record.caller.clone(),
            customer: record.customer,
            customer_name: slot.customer_name.clone(),
            lost_at: record.ended_at,
            waited_s: (record.ended_at.ms_since(record.arrived_at) / 1000).clamp(0, i64::from(i32::MAX)) as i32,
            ending: record.ending,
            handled_by: None,
            handled_at: None,
        }
    }

    /// A call that is owed a call back. A caller without a number cannot be called back.
    pub(super) fn add_missed(&mut self, missed: MissedCall, now: Moment) {
        if missed.caller == CallerNumber::Withheld {
            return;
        }
        self.note(Some(missed.call), None, Fact::CallbackCreated { missed: missed.clone() }, now);
        self.missed.insert(0, missed);
        self.missed.truncate(MISSED_SHOWN);
        self.missed_changed = true;
    }

    /// What the database knows, together with what it has not been told yet.
    pub(super) fn missed_loaded(&mut self, calls: Vec<MissedCall>) {
        let mut all = calls;
        for ours in std::mem::take(&mut self.missed) {
            if !all.iter().any(|known| known.call == ours.call) {
                all.push(ours);
            }
        }
        all.sort_by_key(|missed| std::cmp::Reverse(missed.lost_at));
        all.truncate(MISSED_SHOWN);
        self.missed = all;
        self.missed_changed = true;
    }

    /// Nothing on this gateway needs the call any more.
    pub(super) fn forget_call(&mut self, id: CallId) {
        let still_worked_on = self.agents.values().any(|agent| agent.state.work.call() == Some(id));
        if !still_worked_on {
            self.calls.remove(&id);
        }
    }

    fn leg_answered(&mut self, leg: LegId, sdp: &[u8], now: Moment) {
        match self.legs.get(&leg).copied() {
            Some(LegOf::Phone(call, agent)) => {
                if let Err(refusal) = self.phone_sound(call, sdp) {
                    tracing::warn!(agent.id = %agent, why = refusal.words, "the operator's telephone answers with sound we cannot carry");
                    self.end_phone(call, agent, now);
                    self.call_input(call, Input::PhoneFailed(agent, PhoneFailure::Unreachable), now);
                    return;
                }
                self.call_input(call, Input::PhoneAnswered(agent), now);
            }
            Some(LegOf::Outside(id)) => self.outside_answered(id, sdp, now),
            Some(LegOf::Caller(_)) | None => {}
        }
    }

    fn leg_refused(&mut self, leg: LegId, code: u16, now: Moment) {
        match self.legs.remove(&leg) {
            Some(LegOf::Phone(call, agent)) => {
                self.drop_phone_leg(call, leg);
                let failure = match code {
                    486 | 600 | 603 => PhoneFailure::Rejected,
                    _ => PhoneFailure::Unreachable,
                };
                self.call_input(call, Input::PhoneFailed(agent, failure), now);
            }
            Some(LegOf::Outside(id)) => self.outside_ended(id, leg, Some(code), now),
            Some(LegOf::Caller(_)) | None => {}
        }
    }

    fn leg_hung_up(&mut self, leg: LegId, by: Ending, now: Moment) {
        match self.legs.remove(&leg) {
            Some(LegOf::Caller(call)) => {
                if let Some(gone) = self.calls.get_mut(&call).and_then(|slot| slot.caller_leg.take()) {
                    self.sound.close(gone.port);
                }
                self.call_input(call, Input::CallerHungUp, now);
            }
            Some(LegOf::Phone(call, agent)) => {
                self.drop_phone_leg(call, leg);
                let input = match by {
                    Ending::Bye | Ending::Ourselves => Input::AgentHungUp(agent),
                    Ending::Cancelled | Ending::Rejected => Input::PhoneFailed(agent, PhoneFailure::Unreachable),
                    Ending::TimedOut | Ending::Unknown | Ending::TransportFailed => Input::PhoneLost(agent),
                };
                self.call_input(call, input, now);
            }
            Some(LegOf::Outside(id)) => self.outside_ended(id, leg, None, now),
            None => {}
        }
    }

    /// A telephone that leaves the registrar while it rings cannot be lifted any more.
    pub(super) fn phone_left_while_ringing(&mut self, agent: AgentId, now: Moment) {
        let Some(call) = self.agents.get(&agent).and_then(|a| a.state.work.call()) else { return };
        if self.calls.get(&call).is_some_and(|slot| matches!(slot.core.state, crate::call::State::Offered { .. })) {
            self.end_phone(call, agent, now);
            self.call_input(call, Input::PhoneFailed(agent, PhoneFailure::Unreachable), now);
        }
    }

    /// What the relay has seen. A telephone or a line that says nothing may be muted, or dead: it is asked at once, and
    /// the call goes on until that is clear.
    pub(super) fn relay_event(&mut self, event: &RelayEvent, now: Moment) {
        match event {
            RelayEvent::Silent { id, for_ms } => {
                let of = self.calls.values().find_map(|slot| Some((slot, slot.leg_at(*id)?)));
                if let Some((slot, leg)) = of {
                    slot.span.in_scope(|| tracing::warn!(for_ms, "one side of the talk sends no sound"));
                    self.stack.ask_now(leg, now);
                }
                metrics::counter!("legs_silent_total").increment(1);
            }
            RelayEvent::Fault { what } => tracing::error!(what, "the sound has a fault"),
            RelayEvent::FirstPacket { .. } | RelayEvent::Closed { .. } => {}
        }
    }

    /// Hangs up politely whatever is still there; who was cut off is owed a call back.
    pub fn end_calls(&mut self, now: Moment) {
        let open: Vec<CallId> = self.calls.iter().filter(|(_, slot)| !slot.core.is_over()).map(|(id, _)| *id).collect();
        if !open.is_empty() {
            tracing::warn!(n_calls = open.len(), "calls are cut, because the service ends");
        }
        for id in open {
            self.call_input(id, Input::ServiceEnds, now);
        }
        self.take_sip(now);
    }

    /// Whether an agent could lift a telephone now.
    pub(super) fn phone_is_up(&self, agent: AgentId) -> bool {
        let phone = self.agents.get(&agent).and_then(|a| a.profile.phone.as_ref());
        phone.is_some_and(|phone| self.phones_up.contains(phone))
    }

    pub(super) fn is_connection_lost(&self, agent: AgentId) -> bool {
        self.agents.get(&agent).is_some_and(|a| matches!(a.state.presence, Presence::ConnectionLost { .. }))
    }
}

/// The number by which the caller is looked up: asserted by a trusted trunk, else as the caller says.
fn caller_number(invite: &IncomingInvite) -> CallerNumber {
    if invite.privacy {
        return CallerNumber::Withheld;
    }
    CallerNumber::parse(invite.asserted.as_deref().unwrap_or(&invite.from_user))
}

/// Text from outside, for a log line: nothing in it can look like another line.
pub(super) fn printable(text: &str) -> String {
    text.chars().take(64).map(|c| if c.is_control() { '·' } else { c }).collect()
}
