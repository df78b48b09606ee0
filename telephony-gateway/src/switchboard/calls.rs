//! Calls on the switchboard: SIP events become inputs of a call, and its effects become SIP, sound and words to
//! desks. This is the one place where effects are carried out.

use std::time::Duration;

use shared::domain::agent::{self, Activity, Presence, Work};
use shared::domain::call::{CallEnding, CallKind, CallRecord, MissedCall, PartyFailure, PartyState, PathStep, Stop};
use shared::domain::queue::QueueCode;
use shared::ids::{AgentId, CallId, CallbackId, InteractionId};
use shared::phone::CallerNumber;
use shared::pii::Personal;
use shared::time::Moment;
use shared::wire::Sealed;
use shared::wire::card::CardState;
use shared::wire::event::{
    CallAtDesk, CallLine, EndedCall, Event as DeskEvent, Offer, OfferedBy, OfferedHow, WithdrawnBecause,
};
use smallvec::SmallVec;

use super::jobs::{Found, Job};
use super::legs::Described;
use super::slot::{CallSlot, NewSlot, span_of};
use super::timers::Timer;
use super::world::{LegOf, World};
use crate::call::{Call, Ear, Effect, Input, PhoneFailure, State};
use crate::journal::fact::Fact;
use crate::net::relay::RelayEvent;
use crate::routing::dial_plan::{Destination, Dialler};
use crate::sip::{Ending, Event as SipEvent, IncomingInvite, LegId, Origin, RefusedBecause, Secure};

/// How long a pop waits for its card. Then it leaves, and the card follows as an event of its own.
const POP_PATIENCE: Duration = Duration::from_millis(10);
/// How long the facts of a finished call are kept here for a wrap-up that has not come.
const OWED_WRAPUP: Duration = Duration::from_secs(24 * 3600);
/// How many missed calls the desks are shown.
pub(super) const MISSED_SHOWN: usize = 200;

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
            SipEvent::Ringing { leg, sdp } => self.leg_rings(leg, sdp.as_deref(), now),
            SipEvent::Answered { leg, sdp } => self.leg_answered(leg, &sdp, now),
            SipEvent::Refused { leg, code, q850, .. } => self.leg_refused(leg, code, q850, now),
            SipEvent::Confirmed { leg, sdp } => self.leg_confirmed(leg, sdp.as_deref(), now),
            SipEvent::HungUp { leg, by, .. } => self.leg_hung_up(leg, by, now),
            SipEvent::Reoffered { leg, sdp } => self.leg_reoffered(leg, sdp.as_deref(), now),
            SipEvent::TalkRefused { leg, .. } => {
                // Whoever has lifted by hand meanwhile needs no second INVITE.
                let rings =
                    |call: CallId, agent| self.calls.get(&call).is_some_and(|slot| slot.core.activity(agent).is_none());
                if let Some(LegOf::Phone(call, agent)) = self.legs.get(&leg).copied()
                    && rings(call, agent)
                {
                    self.lift_by_second_invite(call, agent, now);
                }
            }
            SipEvent::ReofferAnswered { leg, sdp } => self.reoffer_answered(leg, &sdp, now),
            SipEvent::ReofferRefused { leg, code } => self.reoffer_refused(leg, code, now),
            SipEvent::Referred { leg, to } => self.phone_refers(leg, &to, now),
            SipEvent::Digit { leg, digit } => {
                let call = self.call_of_leg(leg);
                let ear = call.and_then(|call| self.calls.get(&call)).and_then(|slot| slot.ear_of_leg(leg));
                if let (Some(call), Some(ear)) = (call, ear) {
                    self.digit_pressed(call, ear, digit, true, now);
                }
            }
            SipEvent::PhoneRegistered { user, fresh, .. } => self.phone_registered(&user, fresh, now),
            SipEvent::PhoneGone { user, cause } => self.phone_gone(&user, cause, now),
            SipEvent::RegistrationRefused { user, from, why } => {
                metrics::counter!("registrations_refused_total").increment(1);
                // Whoever goes on guessing while made to wait does not fill the log too.
                if why == RefusedBecause::Backoff {
                    tracing::debug!(phone = %printable(&user), %from, "somebody goes on guessing");
                } else {
                    tracing::warn!(phone = %printable(&user), %from, ?why, "a registration was refused");
                }
            }
            SipEvent::TrunkAlive { name } => {
                self.trunk_states.set_alive(&name, true);
                self.lost_trunks.remove(&name);
                self.set_fault(shared::wire::event::Fault::TrunkLost, !self.lost_trunks.is_empty());
            }
            SipEvent::TrunkLost { name } => {
                tracing::warn!(trunk = %name, "a trunk does not answer");
                self.trunk_states.set_alive(&name, false);
                self.lost_trunks.insert(name);
                self.set_fault(shared::wire::event::Fault::TrunkLost, true);
            }
            SipEvent::TrunkRegistered { name, expires_s } => {
                tracing::info!(trunk = %name, expires_s, "registered with the provider");
                self.trunk_states.set_registered(&name, true);
            }
            SipEvent::TrunkRegistrationFailed { name, code, why, again_s } => {
                metrics::counter!("trunk_registrations_failed_total").increment(1);
                tracing::warn!(trunk = %name, code, why, again_s, "the provider does not take our registration");
                self.trunk_states.set_registered(&name, false);
            }
            SipEvent::TrunkAsksInVain { name, why } => {
                tracing::warn!(trunk = %name, why, "a trunk asks who we are, and is not answered");
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
            Origin::Trunk(name) => (Dialler::Trunk, name.clone()),
            Origin::Phone(user) => (Dialler::Phone, user.clone()),
        };
        let dialled = match dialler {
            Dialler::Trunk => self.routes.dialled_here(&source, &invite.dialled),
            Dialler::Phone => invite.dialled.clone(),
        };
        match self.dial_plan.destination(dialler, &dialled) {
            Destination::Queue(queue) => self.call_arrives(leg, invite, source.to_string(), queue, now),
            Destination::Help(_) | Destination::Short(_) | Destination::Outside(_) | Destination::Phone(_) => {
                self.phone_dials(leg, invite, &source, now);
            }
            Destination::Refused(why) => {
                tracing::info!(source = %source, dialled = ?CallerNumber::parse(&invite.dialled), why = why.words(), "a call was refused");
                self.stack.reject(leg, why.code(), None, why.words(), now);
            }
        }
    }

    fn call_arrives(&mut self, leg: LegId, invite: &IncomingInvite, trunk: String, queue: QueueCode, now: Moment) {
        let limits = self.limits(&queue);
        let caller_leg = match self.open_leg(leg, invite.sdp.as_deref(), Some(invite.flow.remote)) {
            Ok(caller_leg) => caller_leg,
            Err(refusal) => {
                tracing::warn!(trunk, why = refusal.words, "a call was refused");
                self.stack.reject(leg, refusal.code, refusal.retry_after_s, refusal.words, now);
                return;
            }
        };
        if !caller_leg.secure && self.trunk_secure(&trunk) == Secure::Require {
            tracing::warn!(trunk, "a call without sealed sound was refused, as the trunk's settings say");
            self.sound.close(caller_leg.port);
            self.stack.reject(leg, 488, None, "this trunk's sound has to be sealed (SRTP)", now);
            return;
        }
        let caller = self.caller_number(invite, &trunk);
        let id: CallId = self.ids.mint(now.utc_ms);
        let span = span_of(id, &trunk, &queue, &caller);
        // Whoever keeps the number to themselves is called "Anonymous" by the network, which is no name.
        let says_who = |name: &&str| !name.is_empty() && caller != CallerNumber::Withheld;
        let display_name = invite.from_display.as_deref().filter(says_who).map(Personal::from);
        span.in_scope(|| tracing::info!("a call has arrived"));
        metrics::counter!("calls_arrived_total", "queue" => queue.to_string()).increment(1);

        self.legs.insert(leg, LegOf::Customer(id));
        let channel = match &invite.origin {
            Origin::Trunk(name) => Some(name.clone()),
            Origin::Phone(_) => None,
        };
        if let Some(name) = &channel {
            self.trunk_states.take_channel(name);
        }
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
        let core = Call::arrive(id, limits, invite.arrived);
        let (dialled, card) = (invite.dialled.clone(), sealed_state(&card));
        let new = NewSlot { core, queue: queue.clone(), trunk, dialled, caller, card, looked_up, span };
        let path = vec![PathStep { at: now.utc_ms, stop: Stop::Queue { queue: queue.clone() } }];
        let slot = CallSlot { display_name, customer_leg: Some(caller_leg), channel, path, ..new.into() };
        self.waiting.join(id, slot.core.arrived, queue);
        self.calls.insert(id, slot);
        self.unheard.push(id);
        self.floor_changed = true;
        self.waiting_changed = true;
        self.note(Some(id), None, Fact::QueueJoined {}, now);
    }

    /// Moves a call and carries out what that asks for. What an effect brings about (a telephone that cannot be rung)
    /// is taken after the effects of the step before.
    pub(super) fn call_input(&mut self, id: CallId, input: Input, now: Moment) {
        self.inputs.push_back((id, input));
        if std::mem::replace(&mut self.is_stepping, true) {
            return;
        }
        while let Some((id, input)) = self.inputs.pop_front() {
            self.step_call(id, input, now);
        }
        self.is_stepping = false;
    }

    fn step_call(&mut self, id: CallId, input: Input, now: Moment) {
        let Some(slot) = self.calls.get_mut(&id) else { return };
        let span = slot.span.clone();
        let _inside = span.enter();
        let before = slot.core.state;
        let effects = slot.core.step(input, now);
        if before == slot.core.state && effects.is_empty() {
            return;
        }
        if before != slot.core.state {
            tracing::debug!(from = ?before, to = ?slot.core.state, ?input, "the call moves");
        }
        slot.follow_talks(now.utc_ms);
        match slot.core.state {
            State::Parked { .. } => _ = self.parked.insert(id),
            _ => _ = self.parked.remove(&id),
        }
        self.moved.insert(id);
        for effect in effects {
            self.carry_out(id, effect, now);
        }
        self.tell_lines(id, now);
    }

    fn carry_out(&mut self, id: CallId, effect: Effect, now: Moment) {
        match effect {
            Effect::RingCaller => {
                if let Some(leg) = self.customer_leg_id(id) {
                    self.stack.ring(leg, now);
                }
            }
            Effect::AnswerCaller => self.answer_customer(id, now),
            Effect::EndCaller => self.end_customer(id, now),
            Effect::CallCustomer => {
                if !self.call_number(id, Ear::Customer, now) {
                    self.number_gone(id, Ear::Customer, PartyFailure::Unreachable, now);
                }
            }
            Effect::CallPeer => {
                if !self.call_number(id, Ear::Peer, now) {
                    self.number_gone(id, Ear::Peer, PartyFailure::Unreachable, now);
                }
            }
            Effect::EndPeer => self.end_peer(id, now),
            Effect::CallColleague(agent, until) => self.call_colleague(id, agent, until, now),
            Effect::RingPhone(agent) => self.ring_phone(id, agent, false, now),
            Effect::LiftOwnPhone(agent) => self.ring_phone(id, agent, true, now),
            Effect::LiftPhone(agent) => self.lift_phone(id, agent, now),
            Effect::EndPhone(agent) => self.end_phone(id, agent, now),
            Effect::Sound => self.set_sound(id, now),
            Effect::Pop(agent) => self.pop(id, agent, now),
            Effect::Withdraw(agent, why) => self.withdraw(id, agent, why, now),
            Effect::TellAnswered(agent) => self.tell_answered(id, agent, now),
            Effect::TellEnded(agent, ending) => self.tell_ended(id, agent, ending, now),
            Effect::TellReleased(agent) => self.tell_released(id, agent, now),
            Effect::TellFailed(agent, who, why) => self.tell_failed(id, agent, who, why, now),
            Effect::Agent(agent, input) => self.agent_input(agent, &input, agent, now),
            Effect::Wait => self.wait(id, now),
            Effect::LeaveQueue => {
                if let Some(slot) = self.calls.get(&id) {
                    self.waiting.leave(id, slot.core.arrived);
                    self.waiting_changed = true;
                }
            }
            Effect::Park => {
                if let Some(State::Parked { until, .. }) = self.calls.get(&id).map(|slot| slot.core.state) {
                    self.timers.set(until, Timer::Park(id));
                }
            }
            Effect::Close(ending) => self.close(id, ending, now),
        }
    }

    /// Tells each desk of the call what its line has become. The plain talk with the customer needs no telling.
    pub(super) fn tell_lines(&mut self, id: CallId, now: Moment) {
        self.tell_parked(now);
        let Some(slot) = self.calls.get(&id) else { return };
        let mut agents = slot.core.agents();
        // Whoever has not got the pop yet gets the line after it.
        agents.retain(|agent| slot.pop_for != Some(*agent));
        let mut told = slot.lines_told.clone();
        told.retain(|(agent, _)| agents.contains(agent));
        let lines: SmallVec<[(AgentId, CallLine); 2]> =
            agents.iter().filter_map(|agent| Some((*agent, self.line_of(id, *agent)?))).collect();
        for (agent, line) in lines {
            let before = told.iter().position(|(of, _)| *of == agent);
            let news = match before {
                Some(index) => told[index].1 != line,
                None => !is_plain(&line),
            };
            if !news {
                continue;
            }
            match before {
                Some(index) => told[index].1 = line.clone(),
                None => told.push((agent, line.clone())),
            }
            self.tell(agent, &DeskEvent::Line { call: id, line }, now);
        }
        if let Some(slot) = self.calls.get_mut(&id) {
            slot.lines_told = told;
        }
    }

    /// An agent's line in a call, while there is one.
    fn line_of(&self, id: CallId, agent: AgentId) -> Option<CallLine> {
        let slot = self.calls.get(&id)?;
        let since = self.agents.get(&agent)?.state.work_since.utc_ms;
        slot.line(agent, since, |agent| self.name_of(agent))
    }

    /// The call as one agent's desk sees it.
    pub(super) fn at_desk(&self, id: CallId, agent: AgentId, now: Moment) -> Option<CallAtDesk> {
        let slot = self.calls.get(&id)?;
        let part = slot.part(agent);
        Some(CallAtDesk {
            offer: Box::new(self.offer(slot, agent, now)),
            answered_at: part.and_then(|part| part.answered_at),
            ended: part.and_then(|part| part.ended.clone()),
            line: self.line_of(id, agent).filter(|line| !is_plain(line)),
        })
    }

    /// The offer as this agent's desk sees it now.
    fn offer(&self, slot: &CallSlot, agent: AgentId, now: Moment) -> Offer {
        Offer {
            call: slot.core.id,
            queue: slot.queue.clone(),
            caller: slot.caller.clone(),
            display_name: slot.display_name.clone(),
            arrived_at: slot.core.arrived.utc_ms,
            offered_at: slot.offered_at.unwrap_or(now.utc_ms),
            until: slot.offered_until,
            can_answer_from_screen: true,
            age_us: now.since(slot.pop_from).as_micros() as i64,
            customer: slot.customer,
            card: slot.card.clone(),
            kind: slot.core.kind,
            from: self.offered_by(slot, agent),
            // The queue that everybody comes from is no news.
            path: if slot.path.len() > 1 { slot.path.clone() } else { Vec::new() },
        }
    }

    /// The colleague behind an offer.
    fn offered_by(&self, slot: &CallSlot, to: AgentId) -> Option<OfferedBy> {
        let (agent, how) = match slot.core.state {
            State::Offered { by: Some(by), .. } => (by, OfferedHow::Transfer),
            State::Talking { agent, .. } if slot.core.guest() == Some(to) => match slot.core.kind {
                CallKind::Internal => (agent, OfferedHow::Internal),
                CallKind::Inbound | CallKind::Outbound => (agent, OfferedHow::Consult),
            },
            _ => return None,
        };
        Some(OfferedBy { agent, name: self.name_of(agent), how })
    }

    pub(super) fn wait(&mut self, id: CallId, now: Moment) {
        let Some(slot) = self.calls.get_mut(&id) else { return };
        slot.waited = true;
        // Whoever never acknowledges our 200 is gone already: nobody is rung for them.
        if slot.core.caller_answered && !slot.customer_confirmed {
            self.waiting.leave(id, slot.core.arrived);
            return;
        }
        self.waiting.join(id, slot.core.arrived, slot.queue.clone());
        if !slot.core.caller_answered {
            self.unheard.push(id);
        }
        self.waiting_changed = true;
        self.floor_changed = true;
        self.note(Some(id), None, Fact::QueueJoined {}, now);
    }

    fn lift_phone(&mut self, id: CallId, agent: AgentId, now: Moment) {
        let Some(leg) = self.calls.get(&id).and_then(|slot| Some(slot.phone(agent)?.leg.id)) else { return };
        if !self.stack.talk(leg, now) {
            self.lift_by_second_invite(id, agent, now);
        }
    }

    /// This telephone cannot be asked: a second INVITE tells it to lift itself.
    fn lift_by_second_invite(&mut self, id: CallId, agent: AgentId, now: Moment) {
        self.end_phone(id, agent, now);
        self.ring_phone(id, agent, true, now);
    }

    fn ring_phone(&mut self, id: CallId, agent: AgentId, lift_itself: bool, now: Moment) {
        let secure = self.config.sip.phones_secure != Secure::No;
        if let Err(why) = self.try_ring_phone(id, agent, lift_itself, secure, now) {
            tracing::warn!(agent.id = %agent, %why, "the operator's telephone cannot be reached");
            self.call_input(id, Input::PhoneFailed(agent, PhoneFailure::Unreachable), now);
        }
    }

    /// A colleague may have got another call since the agent chose.
    fn call_colleague(&mut self, id: CallId, agent: AgentId, until: Moment, now: Moment) {
        let can = self.agents.get(&agent).is_some_and(|agent| agent.state.can_be_called()) && self.phone_is_up(agent);
        if !can {
            self.call_input(id, Input::PhoneFailed(agent, PhoneFailure::NotFree), now);
            return;
        }
        self.agent_input(agent, &agent::Input::Called { call: id, until }, agent, now);
        self.pop(id, agent, now);
        self.ring_phone(id, agent, false, now);
        self.agent_input(agent, &agent::Input::OfferDelivered { until }, agent, now);
    }

    /// The pop leaves with its card if that is here already, else a moment later with it, or without it.
    fn pop(&mut self, id: CallId, agent: AgentId, now: Moment) {
        let Some(slot) = self.calls.get_mut(&id) else { return };
        slot.offered_at = slot.offered_at.or(Some(now.utc_ms));
        let until = now.after(slot.core.ring);
        slot.offered_until = until.utc_ms;
        if slot.waited || !slot.parts.is_empty() {
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
        let offer = Box::new(self.offer(slot, agent, self.clock.now()));
        self.tell(agent, &DeskEvent::Offered { offer }, now);
        let rings = |of: &super::agents::Agent| matches!(of.state.work, Work::Ringing { .. });
        if self.agents.get(&agent).is_some_and(rings) {
            self.tell_state(agent, now);
        }
        self.note_shown(id, agent, now);
        self.tell_lines(id, now);
    }

    /// The look-up has come back: with the call still in the queue, at a desk, or over.
    pub(super) fn looked_up(&mut self, id: CallId, found: Found, now: Moment) {
        let Some(slot) = self.calls.get_mut(&id) else { return };
        let first = !std::mem::replace(&mut slot.looked_up, true);
        self.moved.insert(id);
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
        let mut holders = slot.core.agents();
        let owing = slot.parts.iter().filter(|part| part.owed && !part.written).map(|part| part.agent);
        let owing: SmallVec<[AgentId; 2]> = owing.filter(|agent| !holders.contains(agent)).collect();
        holders.extend(owing);
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
        let name = self.name_of(agent);
        let Some(slot) = self.calls.get_mut(&id) else { return };
        if slot.hearing.iter().any(|(of, _)| *of == agent) {
            slot.answered_at = slot.answered_at.or(Some(now.utc_ms));
            slot.talked_with = Some(agent);
            let callback = slot.callback.take();
            let stop = Stop::Agent { agent, name, note: None };
            if !slot.path.iter().any(|step| matches!(&step.stop, Stop::Agent { agent: of, .. } if *of == agent)) {
                slot.path.push(PathStep { at: now.utc_ms, stop });
            }
            if let Some(callback) = callback {
                self.called_back(agent, callback);
            }
        }
        let Some(slot) = self.calls.get_mut(&id) else { return };
        let part = slot.part_mut(agent);
        (part.answered_at, part.ended) = (Some(now.utc_ms), None);
        tracing::info!(agent.id = %agent, "an operator talks");
        self.note(Some(id), Some(agent), Fact::Answered {}, now);
        self.tell(agent, &DeskEvent::Answered { call: id, at: now.utc_ms }, now);
        self.floor_changed = true;
    }

    fn tell_ended(&mut self, id: CallId, agent: AgentId, ending: CallEnding, now: Moment) {
        let first = self
            .calls
            .get(&id)
            .is_none_or(|slot| slot.parts.iter().all(|part| part.agent == agent || !part.owed && part.ended.is_none()));
        // Each further agent of a call writes an entry of their own.
        let entry = (!first).then(|| self.ids.mint::<InteractionId>(now.utc_ms));
        let Some(slot) = self.calls.get_mut(&id) else { return };
        let wrapup_limit = now.after(slot.core.wrapup).utc_ms;
        let part = slot.part_mut(agent);
        part.ended = Some(EndedCall { at: now.utc_ms, ending, wrapup_limit });
        part.owed = true;
        part.entry = part.entry.or(entry);
        let entry = part.entry;
        self.note(Some(id), Some(agent), Fact::TalkEnded { ending, entry }, now);
        self.tell(agent, &DeskEvent::Ended { call: id, at: now.utc_ms, ending, wrapup_limit }, now);
        self.floor_changed = true;
    }

    fn tell_released(&mut self, id: CallId, agent: AgentId, now: Moment) {
        self.pop_without_card(id, now);
        self.note(Some(id), Some(agent), Fact::Released {}, now);
        self.tell(agent, &DeskEvent::Released { call: id }, now);
        self.floor_changed = true;
    }

    fn close(&mut self, id: CallId, ending: CallEnding, now: Moment) {
        self.end_customer(id, now);
        self.end_peer(id, now);
        let Some(slot) = self.calls.get_mut(&id) else { return };
        slot.follow_talks(now.utc_ms);
        let record = slot.record(ending, now.utc_ms);
        let owed = slot.is_owed();
        let is_missed = record.kind.is_inbound() && !ending.was_answered() && ending != CallEnding::Rejected;
        let missed = is_missed.then(|| missed_call(slot, &record));
        tracing::info!(?ending, "the call is over");
        metrics::counter!("calls_ended_total", "ending" => format!("{ending:?}")).increment(1);
        if record.kind.is_inbound() {
            self.counters.ended(&record);
        }
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
        if self.calls.get(&id).is_some_and(|slot| !slot.core.is_over()) {
            return;
        }
        let still_worked_on = self.agents.values().any(|agent| agent.state.work.call() == Some(id));
        if !still_worked_on {
            self.calls.remove(&id);
        }
    }

    fn leg_rings(&mut self, leg: LegId, sdp: Option<&[u8]>, now: Moment) {
        match self.legs.get(&leg).copied() {
            Some(LegOf::Customer(call)) => self.number_rings(call, Ear::Customer, leg, sdp, now),
            Some(LegOf::Peer(call)) => self.number_rings(call, Ear::Peer, leg, sdp, now),
            Some(LegOf::Outside(_)) => self.outside_ringing(leg, now),
            Some(LegOf::Phone(..)) | None => {}
        }
    }

    fn leg_answered(&mut self, leg: LegId, sdp: &[u8], now: Moment) {
        match self.legs.get(&leg).copied() {
            Some(LegOf::Phone(call, agent)) => {
                if let Err(refusal) = self.leg_describes(leg, sdp, Described::Answer) {
                    tracing::warn!(agent.id = %agent, why = refusal.words, "the operator's telephone answers with sound we cannot carry");
                    self.end_phone(call, agent, now);
                    self.call_input(call, Input::PhoneFailed(agent, PhoneFailure::Unreachable), now);
                    return;
                }
                self.call_input(call, Input::PhoneAnswered(agent), now);
            }
            Some(LegOf::Customer(call)) => self.number_answered(call, Ear::Customer, leg, sdp, now),
            Some(LegOf::Peer(call)) => self.number_answered(call, Ear::Peer, leg, sdp, now),
            Some(LegOf::Outside(id)) => self.outside_answered(id, sdp, now),
            None => {}
        }
    }

    fn leg_refused(&mut self, leg: LegId, code: u16, q850: Option<u16>, now: Moment) {
        match self.legs.remove(&leg) {
            Some(LegOf::Phone(call, agent)) => {
                let phone = self.calls.get(&call).and_then(|slot| slot.phone(agent));
                let (sealed, lift) = phone.map_or((false, false), |phone| (phone.leg.secure, phone.lifts_itself));
                self.drop_phone_leg(call, leg);
                // A telephone that cannot seal its sound, where that was only offered, is rung once more.
                let plain = code == 488 && sealed && self.config.sip.phones_secure == Secure::Offer;
                if plain && self.try_ring_phone(call, agent, lift, false, now).is_ok() {
                    return;
                }
                let failure = match code {
                    486 | 600 | 603 => PhoneFailure::Rejected,
                    _ => PhoneFailure::Unreachable,
                };
                self.call_input(call, Input::PhoneFailed(agent, failure), now);
            }
            Some(LegOf::Customer(call)) => self.number_refused(call, Ear::Customer, code, q850, now),
            Some(LegOf::Peer(call)) => self.number_refused(call, Ear::Peer, code, q850, now),
            Some(LegOf::Outside(id)) => self.outside_ended(id, leg, Some(code), now),
            None => {}
        }
    }

    fn leg_hung_up(&mut self, leg: LegId, by: Ending, now: Moment) {
        match self.legs.remove(&leg) {
            Some(LegOf::Customer(call)) => {
                self.close_attempt(call, Ear::Customer, now);
                if let Some(gone) = self.calls.get_mut(&call).and_then(|slot| slot.customer_leg.take()) {
                    self.sound.close(gone.port);
                }
                self.call_input(call, Input::CallerHungUp, now);
            }
            Some(LegOf::Phone(call, agent)) => {
                let slot = self.calls.get(&call);
                let has_dialled =
                    slot.is_some_and(|slot| slot.phones.iter().any(|of| of.leg.id == leg && of.waits_for_answer));
                let was_second = slot.is_some_and(|slot| slot.phones.iter().any(|of| of.leg.id == leg && of.second));
                if self.drop_phone_leg(call, leg) {
                    // One of the telephone's two lines: the other one is still in the call.
                    self.one_line_gone(call, agent, was_second, now);
                    return;
                }
                let input = match by {
                    Ending::Bye => Input::PhoneHungUp(agent),
                    // Whoever has dialled by hand gives up before anybody answers.
                    Ending::Cancelled if has_dialled => Input::PhoneHungUp(agent),
                    Ending::Cancelled | Ending::Rejected => Input::PhoneFailed(agent, PhoneFailure::Unreachable),
                    // What we end on purpose has left the list before: this is a leg that is of no use any more.
                    Ending::Ourselves | Ending::TimedOut | Ending::Unknown | Ending::TransportFailed => {
                        Input::PhoneLost(agent)
                    }
                };
                self.call_input(call, input, now);
            }
            Some(LegOf::Peer(call)) => self.number_gone(call, Ear::Peer, PartyFailure::HungUp, now),
            Some(LegOf::Outside(id)) => self.outside_ended(id, leg, None, now),
            None => {}
        }
    }

    /// A telephone that leaves the registrar while it rings cannot be lifted any more.
    pub(super) fn phone_left_while_ringing(&mut self, agent: AgentId, now: Moment) {
        let Some(call) = self.agents.get(&agent).and_then(|a| a.state.work.call()) else { return };
        let rings = |slot: &CallSlot| slot.core.agents().contains(&agent) && slot.core.activity(agent).is_none();
        if self.calls.get(&call).is_some_and(rings) {
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
            RelayEvent::Digit { id, digit } => {
                let of = self.calls.iter().find_map(|(call, slot)| Some((*call, slot.ear_at(*id)?)));
                if let Some((call, ear)) = of {
                    self.digit_pressed(call, ear, *digit, false, now);
                }
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
        // A provider that knows we are gone sends its calls elsewhere.
        self.stack.leave_trunks(now);
        self.take_sip(now);
    }

    /// The number by which the caller is looked up: asserted by a trusted trunk, else as the caller says.
    fn caller_number(&self, invite: &IncomingInvite, trunk: &str) -> CallerNumber {
        if invite.privacy {
            return CallerNumber::Withheld;
        }
        let says = invite.asserted.as_deref().unwrap_or(&invite.from_user);
        CallerNumber::parse(&self.routes.caller_here(trunk, says))
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

/// A talk with the customer alone: what a desk assumes when it is told nothing else.
fn is_plain(line: &CallLine) -> bool {
    let talks = line.activity == Activity::Talking && line.customer == Some(PartyState::Talking);
    talks && !line.muted && line.peer.is_none() && !line.guest
}

fn missed_call(slot: &CallSlot, record: &CallRecord) -> MissedCall {
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

/// Text from outside, for a log line: nothing in it can look like another line, or turn this one round.
pub(super) fn printable(text: &str) -> String {
    crate::sip::headers::text::readable(text.as_bytes()).chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// The gateway's own way of writing, with outside text in each of the shapes in which the loop prints it.
    #[test]
    fn a_name_from_outside_stays_on_its_line_and_a_number_stays_masked() {
        let log = Log::default();
        let writer = log.clone();
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).without_time().with_writer(move || writer.clone()).finish();
        let evil = "101\n\u{1b}[2K ERROR all is lost\r\u{202e}\u{2028}\u{85}";
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(phone = %printable(evil), "a registration was refused");
            tracing::info!(dialled = ?CallerNumber::parse("+7 916 204-00-00"), "a call was refused");
            tracing::info!(dialled = ?CallerNumber::parse(evil), "a call was refused");
            tracing::info!(program = evil, "a desk says hello");
        });
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert_eq!(log.lines().count(), 4, "{log}");
        let breaks = |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{2028}'..='\u{202e}'));
        assert!(!log.contains(breaks), "{log:?}");
        assert!(!log.contains("2040000") && !log.contains("204-00-00"), "{log}");
    }
}
