//! Calls that outlive the gateway's process: how each of them stands is kept beside the ledger, and a new process
//! speaks on where the killed one stopped.
//!
//! Kept is what can be spoken on with: calls whose customer has been answered. A caller who is only being rung for, and
//! a number that is only being dialled, cannot be revived, because nothing was agreed on yet (RFC 3261 §12): they end as
//! lost, and become a call back.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::to_raw_value;
use shared::domain::call::{PathStep, Talk};
use shared::domain::queue::QueueCode;
use shared::ids::{AgentId, CallId, CallbackId, CustomerId, InteractionId};
use shared::phone::CallerNumber;
use shared::pii::Personal;
use shared::time::{Moment, UtcMs};
use shared::wire::card::CardState;
use shared::wire::event::EndedCall;
use smallvec::SmallVec;

use super::calls::sealed_state;
use super::jobs::Job;
use super::legs::Leg;
use super::numbers::Attempt;
use super::slot::{CallSlot, NewSlot, Part, PeerLeg, PhoneLeg, span_of};
use super::timers::Timer;
use super::world::{LegOf, World};
use crate::call::{Call, Ear, Input, Peer, State};
use crate::journal::fact::Fact;
use crate::journal::kept::Values;
use crate::routing::number::Dialled;
use crate::sip::{Keepsake, KeptContact, LegId};

const CALL: &str = "call/";
const PHONE: &str = "phone/";

/// A call as it has to be known to speak on.
#[derive(Serialize, Deserialize)]
pub struct KeptCall {
    core: Call,
    queue: QueueCode,
    trunk: String,
    dialled: String,
    caller: CallerNumber,
    display_name: Option<Personal>,
    customer: Option<CustomerId>,
    customer_name: Option<Personal>,
    offered_at: Option<UtcMs>,
    answered_at: Option<UtcMs>,
    talked_with: Option<AgentId>,
    parts: Vec<KeptPart>,
    path: Vec<PathStep>,
    talks: Vec<Talk>,
    hearing: Vec<(AgentId, UtcMs)>,
    callback: Option<CallbackId>,
    customer_leg: Option<KeptLeg>,
    phones: Vec<KeptPhone>,
    peer: Option<(CallerNumber, KeptLeg)>,
}

#[derive(Serialize, Deserialize)]
struct KeptPart {
    agent: AgentId,
    answered_at: Option<UtcMs>,
    ended: Option<EndedCall>,
    entry: Option<InteractionId>,
    owed: bool,
}

#[derive(Serialize, Deserialize)]
struct KeptLeg {
    dialog: Keepsake,
    secure: bool,
    #[serde(default)]
    held: bool,
    sdp_version: u64,
}

#[derive(Serialize, Deserialize)]
struct KeptPhone {
    agent: AgentId,
    leg: KeptLeg,
    muted: bool,
    #[serde(default)]
    second: bool,
}

/// What the last run has left: the calls, and the telephones that were registered.
#[derive(Default)]
pub struct Left {
    pub calls: BTreeMap<CallId, KeptCall>,
    pub phones: Vec<KeptContact>,
}

impl Left {
    pub fn read(values: &Values) -> Self {
        let mut left = Self::default();
        for (key, value) in values {
            let outcome = if let Some(id) = key.strip_prefix(CALL).and_then(|id| id.parse().ok()) {
                serde_json::from_str(value.get()).map(|call| _ = left.calls.insert(CallId(id), call))
            } else if key.starts_with(PHONE) {
                serde_json::from_str(value.get()).map(|phone| left.phones.push(phone))
            } else {
                Ok(())
            };
            if let Err(error) = outcome {
                tracing::error!(key, %error, "what was kept cannot be read; it is given up");
            }
        }
        left
    }
}

impl World {
    /// Says how the calls stand that have moved in this turn.
    pub fn keep_calls(&mut self) {
        for id in std::mem::take(&mut self.moved) {
            let kept = self.calls.get(&id).and_then(|slot| self.kept_call(slot));
            match kept {
                Some(kept) => match to_raw_value(&kept) {
                    Ok(json) => {
                        self.kept.insert(id);
                        self.out.kept.push((format!("{CALL}{}", id.0), Some(json)));
                    }
                    Err(error) => tracing::error!(call.id = %id, %error, "a call cannot be kept"),
                },
                None if self.kept.remove(&id) => self.out.kept.push((format!("{CALL}{}", id.0), None)),
                None => {}
            }
        }
    }

    pub(super) fn forget_kept(&mut self, calls: impl Iterator<Item = CallId>) {
        self.out.kept.extend(calls.map(|id| (format!("{CALL}{}", id.0), None)));
    }

    /// A telephone that registers is known after a restart too, and need not come first.
    pub(super) fn keep_phone(&mut self, user: &str, now: Moment) {
        let json = self.stack.kept_registration(user, now).map(|kept| to_raw_value(&kept));
        match json.transpose() {
            Ok(json) => self.out.kept.push((format!("{PHONE}{user}"), json)),
            Err(error) => tracing::error!(%error, "a registration cannot be kept"),
        }
    }

    fn kept_call(&self, slot: &CallSlot) -> Option<KeptCall> {
        let speaks = match slot.core.state {
            State::Queued { .. } | State::Offered { .. } | State::Parked { .. } => slot.core.caller_answered,
            State::Talking { .. } | State::Outside { up: true, .. } => true,
            State::Dialing { .. } | State::Outside { up: false, .. } | State::Ended { .. } => false,
        };
        let customer_leg = slot.customer_leg.as_ref().and_then(|leg| self.kept_leg(leg));
        if !speaks || (slot.core.has_customer && customer_leg.is_none()) {
            return None;
        }
        let kept_phone = |phone: &PhoneLeg| {
            let leg = self.kept_leg(&phone.leg)?;
            Some(KeptPhone { agent: phone.agent, leg, muted: phone.muted, second: phone.second })
        };
        let parts = slot.parts.iter().map(|part| KeptPart {
            agent: part.agent,
            answered_at: part.answered_at,
            ended: part.ended.clone(),
            entry: part.entry,
            owed: part.owed,
        });
        Some(KeptCall {
            core: slot.core.clone(),
            queue: slot.queue.clone(),
            trunk: slot.trunk.clone(),
            dialled: slot.dialled.clone(),
            caller: slot.caller.clone(),
            display_name: slot.display_name.clone(),
            customer: slot.customer,
            customer_name: slot.customer_name.clone(),
            offered_at: slot.offered_at,
            answered_at: slot.answered_at,
            talked_with: slot.talked_with,
            parts: parts.collect(),
            path: slot.path.clone(),
            talks: slot.talks.clone(),
            hearing: slot.hearing.to_vec(),
            callback: slot.callback,
            customer_leg,
            phones: slot.phones.iter().filter_map(kept_phone).collect(),
            peer: slot.peer.as_ref().and_then(|peer| Some((peer.number.clone(), self.kept_leg(peer.leg.as_ref()?)?))),
        })
    }

    fn kept_leg(&self, leg: &Leg) -> Option<KeptLeg> {
        Some(KeptLeg {
            dialog: self.stack.keepsake(leg.id)?,
            secure: leg.secure,
            held: leg.is_held(),
            sdp_version: leg.sdp_version,
        })
    }

    /// The telephones of the last run are still where they were.
    pub fn restore_phones(&mut self, phones: Vec<KeptContact>, now: Moment) {
        for phone in phones {
            self.stack.restore_registration(phone, now);
        }
        self.take_sip(now);
    }

    /// Speaks on in a call of the last run: new ports, and each leg is asked to send its sound there. `false` when its
    /// customer cannot be reached any more; then nothing of it is left.
    pub(super) fn revive_call(&mut self, id: CallId, kept: KeptCall, now: Moment) -> bool {
        let KeptCall { core, customer_leg, phones, peer, .. } = &kept;
        let has_customer = core.has_customer;
        let customer = customer_leg.as_ref().and_then(|leg| self.revive_leg(leg, LegOf::Customer(id), now));
        if has_customer && customer.is_none() {
            return false;
        }
        let phones: SmallVec<[PhoneLeg; 1]> = phones
            .iter()
            .filter_map(|phone| {
                let leg = self.revive_leg(&phone.leg, LegOf::Phone(id, phone.agent), now)?;
                let KeptPhone { agent, muted, second, .. } = phone;
                let (agent, muted) = (*agent, *muted);
                Some(PhoneLeg { agent, leg, waits_for_answer: false, second: *second, lifts_itself: false, muted })
            })
            .collect();
        let peer = peer.as_ref().and_then(|(number, leg)| {
            let attempt = Attempt::over(Dialled::parse(&number_of(number))?);
            let leg = self.revive_leg(leg, LegOf::Peer(id), now)?;
            Some(PeerLeg { number: number.clone(), leg: Some(leg), attempt })
        });
        self.put_back(id, kept, customer, phones, peer);
        self.note(Some(id), None, Fact::Restored {}, now);
        self.go_on(id, now);
        true
    }

    fn revive_leg(&mut self, kept: &KeptLeg, of: LegOf, now: Moment) -> Option<Leg> {
        let open = match self.sound.open() {
            Ok(open) => open,
            Err(error) => {
                tracing::error!(%error, "a leg of the last run gets no port");
                return None;
            }
        };
        match self.stack.revive(kept.dialog.clone(), now) {
            Ok(id) => {
                let mut leg = Leg::revived(id, open, kept.secure, kept.held);
                leg.sdp_version = kept.sdp_version + 1;
                self.legs.insert(id, of);
                let offer = self.offer_anew(&leg);
                self.stack.reoffer(id, offer, now);
                Some(leg)
            }
            Err(error) => {
                tracing::warn!(%error, "a leg of the last run cannot be revived");
                self.sound.close(open.id);
                None
            }
        }
    }

    fn put_back(
        &mut self,
        id: CallId,
        kept: KeptCall,
        customer_leg: Option<Leg>,
        phones: SmallVec<[PhoneLeg; 1]>,
        peer: Option<PeerLeg>,
    ) {
        let card = match (kept.customer, kept.caller.phone()) {
            (Some(customer), _) => {
                self.out.jobs.push(Job::OpenCard { call: id, customer });
                CardState::Pending
            }
            (None, Some(phone)) => {
                self.out.jobs.push(Job::LookUp { call: id, phone });
                CardState::Pending
            }
            (None, None) => CardState::Unknown,
        };
        let span = span_of(id, &kept.trunk, &kept.queue, &kept.caller);
        let new = NewSlot {
            core: kept.core,
            queue: kept.queue,
            trunk: kept.trunk,
            dialled: kept.dialled,
            caller: kept.caller,
            looked_up: !matches!(card, CardState::Pending),
            card: sealed_state(&card),
            span,
        };
        let parts = kept.parts.into_iter().map(|part| {
            let KeptPart { agent, answered_at, ended, entry, owed } = part;
            Part { agent, answered_at, ended, entry, owed, written: false }
        });
        let slot = CallSlot {
            display_name: kept.display_name,
            customer: kept.customer,
            customer_name: kept.customer_name,
            offered_at: kept.offered_at,
            answered_at: kept.answered_at,
            talked_with: kept.talked_with,
            parts: parts.collect(),
            path: kept.path,
            talks: kept.talks,
            hearing: kept.hearing.into(),
            callback: kept.callback,
            customer_leg,
            phones,
            peer,
            customer_confirmed: true,
            waited: true,
            ..new.into()
        };
        let trunk =
            self.config.sip.trunks.iter().find(|trunk| trunk.name == slot.trunk).map(|trunk| trunk.name.as_str());
        let channel: Option<Arc<str>> = trunk.filter(|_| slot.customer_leg.is_some()).map(Arc::from);
        if let Some(name) = &channel {
            self.trunk_states.take_channel(name);
        }
        self.calls.insert(id, CallSlot { channel, ..slot });
        self.kept.insert(id);
        self.moved.insert(id);
    }

    /// What was only ringing at the kill is over; who has lost the telephone is out.
    fn go_on(&mut self, id: CallId, now: Moment) {
        let Some(slot) = self.calls.get_mut(&id) else { return };
        match slot.core.state {
            State::Queued { .. } => {}
            State::Offered { .. } | State::Outside { up: false, .. } | State::Dialing { .. } => {
                slot.core.state = State::Queued { since: now };
            }
            State::Parked { by, since, until, .. } => {
                slot.core.state = State::Parked { by, since, until, fetched_by: None };
                self.timers.set(until, Timer::Park(id));
                self.parked.insert(id);
            }
            State::Talking { .. } | State::Outside { up: true, .. } | State::Ended { .. } => {}
        }
        if let State::Queued { .. } = slot.core.state {
            let (arrived, queue) = (slot.core.arrived, slot.queue.clone());
            self.waiting.join(id, arrived, queue);
            self.waiting_changed = true;
        }
        self.floor_changed = true;
        self.set_sound(id, now);
        let muted: Vec<_> = self.calls.get(&id).map_or(Vec::new(), |slot| {
            slot.phones.iter().filter(|phone| phone.muted).map(|phone| phone.leg.port).collect()
        });
        for port in muted {
            self.sound.mute(port, true);
        }
        // The snapshot will say how the lines are; what changes after it is told against that.
        self.tell_lines(id, now);
        for input in self.missing(id) {
            self.call_input(id, input, now);
        }
    }

    /// Who should be in the call and has no leg.
    fn missing(&self, id: CallId) -> Vec<Input> {
        let Some(slot) = self.calls.get(&id) else { return Vec::new() };
        let mut missing = Vec::new();
        if let State::Talking { agent, line, .. } = slot.core.state {
            match line.peer() {
                Some(Peer::Agent(guest)) if slot.phone(guest).is_none() => missing.push(Input::PhoneLost(guest)),
                Some(Peer::Number) if slot.leg_of(Ear::Peer).is_none() => {
                    missing.push(Input::PeerGone(shared::domain::call::PartyFailure::HungUp));
                }
                Some(_) | None => {}
            }
            if slot.phone(agent).is_none() {
                missing.push(Input::PhoneLost(agent));
            }
        }
        if matches!(slot.core.state, State::Outside { .. }) && slot.leg_of(Ear::Peer).is_none() {
            missing.push(Input::PeerGone(shared::domain::call::PartyFailure::HungUp));
        }
        missing
    }

    /// The other side takes our new offer, or knows nothing of the call any more.
    pub(super) fn reoffer_answered(&mut self, leg: LegId, sdp: &[u8], now: Moment) {
        self.leg_answers(leg, sdp, now);
        self.mark_leg(leg);
    }

    pub(super) fn reoffer_refused(&mut self, leg: LegId, code: u16, now: Moment) {
        // A leg that has described itself to us goes on as it was. A revived one has no sound without a new offer.
        let has_sound = self.leg_mut(leg).is_some_and(|leg| leg.theirs.is_some());
        if !has_sound {
            tracing::warn!(code, "a leg of the last run refuses to go on");
            self.stack.hang_up(leg, Some((127, "Interworking, unspecified")), now);
        }
    }

    /// The call of this leg stands differently now.
    pub(super) fn mark_leg(&mut self, leg: LegId) {
        self.moved.extend(self.call_of_leg(leg));
    }
}

fn number_of(number: &CallerNumber) -> String {
    match number {
        CallerNumber::Public(phone) => format!("+{}", phone.digits()),
        CallerNumber::Short(short) => short.clone(),
        CallerNumber::Withheld => String::new(),
    }
}
