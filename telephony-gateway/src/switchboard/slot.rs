//! A call with all that belongs to it on this gateway: its legs, its card, and what each agent has had of it.

use std::sync::Arc;

use shared::domain::agent::Activity;
use shared::domain::call::{CallEnding, CallRecord, Party, PartyState, PathStep, Talk};
use shared::domain::interaction::Direction;
use shared::domain::queue::QueueCode;
use shared::ids::{AgentId, CallId, CallbackId, CustomerId, InteractionId};
use shared::phone::CallerNumber;
use shared::pii::Personal;
use shared::store::CallFacts;
use shared::time::{Moment, UtcMs};
use shared::wire::Sealed;
use shared::wire::card::CardState;
use shared::wire::event::{CallLine, EndedCall, PeerLine};
use smallvec::SmallVec;

use super::legs::Leg;
use super::numbers::Attempt;
use crate::call::{Call, Ear};
use crate::net::relay::PortId;
use crate::sip::LegId;

/// A call on this gateway.
pub struct CallSlot {
    pub core: Call,
    pub queue: QueueCode,
    /// The trunk that the customer's leg came by, or left by.
    pub trunk: String,
    pub dialled: String,
    /// The customer's number, whoever has dialled; among ourselves the dialling telephone's.
    pub caller: CallerNumber,
    pub display_name: Option<Personal>,
    /// `None` after a restart, before a number is called, and once the customer is gone.
    pub customer_leg: Option<Leg>,
    /// The trunk whose channel the caller takes.
    pub channel: Option<Arc<str>>,
    /// The number that an agent has dialled, while it is tried and for as long as it costs.
    pub attempt: Option<Attempt>,
    /// The agents' telephones. Who consults on the telephone's own second line has two; the last one is in front.
    pub phones: SmallVec<[PhoneLeg; 1]>,
    /// A number outside that was called in, or that has taken over.
    pub peer: Option<PeerLeg>,
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
    /// The customer's leg is established: our 200 was acknowledged, or theirs by us.
    pub customer_confirmed: bool,
    /// Whether nobody was free for the caller at some time.
    pub waited: bool,
    pub answered_at: Option<UtcMs>,
    /// The agent who talked last.
    pub talked_with: Option<AgentId>,
    /// What each agent has had of it.
    pub parts: SmallVec<[Part; 1]>,
    /// Where it has been, for the next one.
    pub path: Vec<PathStep>,
    pub talks: Vec<Talk>,
    /// Who hears the customer now, and since when.
    pub hearing: SmallVec<[(AgentId, UtcMs); 1]>,
    /// The lines as the desks know them. A desk that was told none has the plain one: a talk with the customer.
    pub lines_told: SmallVec<[(AgentId, CallLine); 1]>,
    /// The missed call that this one answers.
    pub callback: Option<CallbackId>,
    pub invite_to_pop_us: Option<i64>,
    pub span: tracing::Span,
}

/// One agent's telephone in a call.
#[derive(Clone, Debug)]
pub struct PhoneLeg {
    pub agent: AgentId,
    pub leg: Leg,
    /// The agent has dialled on the telephone: its INVITE is answered when there is something to hear.
    pub waits_for_answer: bool,
    /// The telephone's second line, on which it consults.
    pub second: bool,
    /// It was asked to lift itself.
    pub lifts_itself: bool,
    pub muted: bool,
}

/// A number outside beside the customer.
#[derive(Clone, Debug)]
pub struct PeerLeg {
    pub number: CallerNumber,
    pub leg: Option<Leg>,
    pub attempt: Attempt,
}

/// What one agent has had of a call.
#[derive(Clone, Debug)]
pub struct Part {
    pub agent: AgentId,
    pub answered_at: Option<UtcMs>,
    pub ended: Option<EndedCall>,
    /// The entry in the history, when it is not the one named like the call.
    pub entry: Option<InteractionId>,
    /// The agent has the facts to write, or has written them and may correct them.
    pub owed: bool,
    pub written: bool,
}

impl Part {
    /// The agent's part among those of a call; it begins with this if there was none.
    pub fn of(parts: &mut SmallVec<[Self; 1]>, agent: AgentId) -> &mut Self {
        let index = parts.iter().position(|part| part.agent == agent).unwrap_or_else(|| {
            parts.push(Self { agent, answered_at: None, ended: None, entry: None, owed: false, written: false });
            parts.len() - 1
        });
        &mut parts[index]
    }
}

impl CallSlot {
    pub fn part(&self, agent: AgentId) -> Option<&Part> {
        self.parts.iter().find(|part| part.agent == agent)
    }

    pub fn part_mut(&mut self, agent: AgentId) -> &mut Part {
        Part::of(&mut self.parts, agent)
    }

    pub fn is_owed_by(&self, agent: AgentId) -> bool {
        self.part(agent).is_some_and(|part| part.owed)
    }

    /// Whether everybody who had something to write has written it.
    pub fn is_written(&self) -> bool {
        self.parts.iter().all(|part| !part.owed || part.written)
    }

    pub fn is_owed(&self) -> bool {
        self.parts.iter().any(|part| part.owed)
    }

    /// The telephone in front of this agent.
    pub fn phone(&self, agent: AgentId) -> Option<&PhoneLeg> {
        self.phones.iter().rev().find(|phone| phone.agent == agent)
    }

    /// What a wrap-up needs to know of its call.
    pub fn facts(&self, agent: AgentId, now: UtcMs) -> CallFacts {
        let part = self.part(agent);
        let started_at =
            part.and_then(|part| part.answered_at).or(self.answered_at).unwrap_or(self.core.arrived.utc_ms);
        let ended_at = part.and_then(|part| part.ended.as_ref()).map_or(now, |ended| ended.at);
        CallFacts {
            started_at,
            duration_s: (ended_at.ms_since(started_at) / 1000).clamp(0, i64::from(i32::MAX)) as i32,
            queue: self.queue.clone(),
            caller: self.caller.clone(),
            direction: if self.core.kind.is_inbound() { Direction::Inbound } else { Direction::Outbound },
            entry: part.and_then(|part| part.entry),
        }
    }

    pub fn leg_of(&self, ear: Ear) -> Option<&Leg> {
        match ear {
            Ear::Customer => self.customer_leg.as_ref(),
            Ear::Agent(agent) => self.phone(agent).map(|phone| &phone.leg),
            Ear::Peer => self.peer.as_ref()?.leg.as_ref(),
        }
    }

    fn legs(&self) -> impl Iterator<Item = (Ear, &Leg)> {
        let customer = self.customer_leg.iter().map(|leg| (Ear::Customer, leg));
        let phones = self.phones.iter().map(|phone| (Ear::Agent(phone.agent), &phone.leg));
        let peer = self.peer.iter().filter_map(|peer| Some((Ear::Peer, peer.leg.as_ref()?)));
        customer.chain(phones).chain(peer)
    }

    pub fn leg_at(&self, port: PortId) -> Option<LegId> {
        self.legs().find(|(_, leg)| leg.port == port).map(|(_, leg)| leg.id)
    }

    pub fn ear_at(&self, port: PortId) -> Option<Ear> {
        self.legs().find(|(_, leg)| leg.port == port).map(|(ear, _)| ear)
    }

    pub fn ear_of_leg(&self, id: LegId) -> Option<Ear> {
        self.legs().find(|(_, leg)| leg.id == id).map(|(ear, _)| ear)
    }

    /// The others with whom this one talks.
    pub fn partners(&self, ear: Ear) -> SmallVec<[Ear; 2]> {
        let talk = self.core.scenes().into_iter().find_map(|scene| match scene {
            crate::call::Scene::Talk(ears) if ears.contains(&ear) => Some(ears),
            _ => None,
        });
        talk.into_iter().flatten().filter(|other| *other != ear).collect()
    }

    /// This agent's line, as the screen shows it. `who` names agents.
    pub fn line(&self, agent: AgentId, since: UtcMs, who: impl Fn(AgentId) -> String) -> Option<CallLine> {
        let activity = self.core.activity(agent)?;
        let guest = self.core.guest() == Some(agent);
        Some(CallLine {
            activity,
            since,
            muted: self.phone(agent).is_some_and(|phone| phone.muted),
            customer: self.core.customer_state(),
            peer: if guest { self.owner_line(since, &who) } else { self.peer_line(&who) },
            guest: guest && self.core.has_customer,
        })
    }

    fn owner_line(&self, since: UtcMs, who: &impl Fn(AgentId) -> String) -> Option<PeerLine> {
        let owner = self.core.agent()?;
        let state = match self.core.customer_state() {
            Some(PartyState::Talking) if self.core.activity(owner) == Some(Activity::Consulting) => PartyState::OnHold,
            _ => PartyState::Talking,
        };
        Some(PeerLine { party: Party::Agent { agent: owner, name: who(owner) }, state, since })
    }

    fn peer_line(&self, who: &impl Fn(AgentId) -> String) -> Option<PeerLine> {
        let crate::call::State::Talking { line, since: changed, .. } = self.core.state else {
            return None;
        };
        let state = line.peer_state()?;
        Some(PeerLine { party: self.peer_party(who)?, state, since: changed.utc_ms })
    }

    /// Whom the agent who has the call has called in.
    pub fn peer_party(&self, who: &impl Fn(AgentId) -> String) -> Option<Party> {
        match self.core.guest() {
            Some(guest) => Some(Party::Agent { agent: guest, name: who(guest) }),
            None => self.peer.as_ref().map(|peer| Party::Number { number: peer.number.clone() }),
        }
    }

    /// Follows who hears the customer, so that talk times are the overlap of legs and of nothing else.
    pub fn follow_talks(&mut self, now: UtcMs) {
        let hear = self.core.hear_customer();
        let Self { hearing, talks, .. } = self;
        hearing.retain(|(agent, from)| {
            let goes_on = hear.contains(agent);
            if !goes_on {
                talks.push(Talk { agent: *agent, from: *from, until: now });
            }
            goes_on
        });
        for agent in hear {
            if !hearing.iter().any(|(of, _)| *of == agent) {
                hearing.push((agent, now));
            }
        }
    }

    pub fn record(&self, ending: CallEnding, now: UtcMs) -> CallRecord {
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
            kind: self.core.kind,
            talks: self.talks.clone(),
        }
    }
}

/// A new call has nothing yet.
pub struct NewSlot {
    pub core: Call,
    pub queue: QueueCode,
    pub trunk: String,
    pub dialled: String,
    pub caller: CallerNumber,
    pub card: Sealed<CardState>,
    pub looked_up: bool,
    pub span: tracing::Span,
}

impl From<NewSlot> for CallSlot {
    fn from(new: NewSlot) -> Self {
        let NewSlot { core, queue, trunk, dialled, caller, card, looked_up, span } = new;
        let (offered_until, pop_from) = (core.arrived.utc_ms, core.arrived);
        Self {
            core,
            queue,
            trunk,
            dialled,
            caller,
            display_name: None,
            customer_leg: None,
            channel: None,
            attempt: None,
            phones: SmallVec::new(),
            peer: None,
            customer: None,
            customer_name: None,
            card,
            shown: SmallVec::new(),
            looked_up,
            pop_for: None,
            offered_at: None,
            offered_until,
            pop_from,
            customer_confirmed: false,
            waited: false,
            answered_at: None,
            talked_with: None,
            parts: SmallVec::new(),
            path: Vec::new(),
            talks: Vec::new(),
            hearing: SmallVec::new(),
            lines_told: SmallVec::new(),
            callback: None,
            invite_to_pop_us: None,
            span,
        }
    }
}

/// The call's id for a span's field.
pub fn span_of(id: CallId, trunk: &str, queue: &QueueCode, caller: &CallerNumber) -> tracing::Span {
    tracing::info_span!("call", call.id = %id, trunk = %trunk, queue = %queue, caller = ?caller.phone())
}
