//! Numbers outside that agents dial, consult or hand callers to: what may be dialled, by which trunk it leaves, and
//! what it costs until it is over.

use std::sync::Arc;
use std::time::Duration;

use shared::domain::call::{DialRule, PartyFailure};
use shared::ids::{AgentId, CallId};
use shared::phone::CallerNumber;
use shared::time::Moment;
use shared::wire::command::CommandError;
use shared::wire::event::Fault;

use super::legs::{Described, Leg};
use super::timers::Timer;
use super::world::{LegOf, World};
use crate::call::{Ear, Input};
use crate::journal::fact::Fact;
use crate::routing::dial_plan::{Destination, Dialler};
use crate::routing::number::Dialled;
use crate::routing::toll::{ASK_OVERDRAWN_EVERY, Request, TollRule, Verdict, Who};
use crate::routing::ways::{Failure, Way, Ways, should_try_next};
use crate::sip::{Invite, InviteTo, LegId, Secure, sdp};

/// How long an alarm about dialling stands on the supervisors' screens.
const ALARM_LASTS: Duration = Duration::from_secs(3600);

/// A number outside while it is tried, and then for as long as its call costs.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub number: Dialled,
    /// The trunks that have not been tried yet.
    ways: Ways,
    /// Its line in the toll book.
    toll: Option<u64>,
    /// The trunk whose channel it takes.
    trunk: Option<Arc<str>>,
    tried: Option<Way>,
    /// Whose number the other side sees.
    shows: String,
    rang: bool,
    /// The trunk has refused sealed sound and is asked once more without.
    plain: bool,
}

impl Attempt {
    /// Of a call that was revived: what it costs is not counted any more, and nobody else is tried.
    pub fn over(number: Dialled) -> Self {
        let (ways, shows) = (Ways::new(), String::new());
        Self { number, ways, toll: None, trunk: None, tried: None, shows, rang: true, plain: false }
    }
}

/// Where a target leads.
pub enum Leads {
    Colleague(AgentId),
    Outside {
        number: Dialled,
        /// Emergency numbers ask nobody.
        help: bool,
    },
}

impl World {
    /// Whom an agent means by a name or a number.
    pub(super) fn leads_to(&self, by: AgentId, target: &shared::domain::call::Target) -> Result<Leads, CommandError> {
        use shared::domain::call::Target;
        let refused = |rule| Err(CommandError::NumberRefused { rule });
        match target {
            Target::Agent { agent } => self.colleague(by, *agent),
            // A queue takes callers; nobody can be asked there.
            Target::Queue { .. } => refused(DialRule::NotAllowed),
            Target::Number { number } => match self.dial_plan.destination(Dialler::Phone, number) {
                Destination::Phone(user) => match self.owner_of_phone(&user) {
                    Some(agent) => self.colleague(by, agent),
                    None => Err(CommandError::PartyFailed { why: PartyFailure::NotFree }),
                },
                Destination::Help(number) => Ok(Leads::Outside { number, help: true }),
                Destination::Short(number) | Destination::Outside(number) => Ok(Leads::Outside { number, help: false }),
                Destination::Queue(_) => refused(DialRule::NotAllowed),
                Destination::Refused(_) => refused(DialRule::UnknownNumber),
            },
        }
    }

    /// A colleague who can be called now.
    fn colleague(&self, by: AgentId, agent: AgentId) -> Result<Leads, CommandError> {
        let failed = |why| Err(CommandError::PartyFailed { why });
        if agent == by {
            return failed(PartyFailure::Busy);
        }
        match self.agents.get(&agent) {
            None => Err(CommandError::NotFound { what: "agent".into() }),
            Some(them) if !them.state.is_signed_in() => failed(PartyFailure::NotFree),
            Some(_) if !self.phone_is_up(agent) => failed(PartyFailure::Unreachable),
            Some(them) if !them.state.can_be_called() => failed(PartyFailure::NotFree),
            Some(_) => Ok(Leads::Colleague(agent)),
        }
    }

    pub(super) fn owner_of_phone(&self, user: &str) -> Option<AgentId> {
        let owns =
            |agent: &super::agents::Agent| agent.state.is_signed_in() && agent.profile.phone.as_deref() == Some(user);
        self.agents.iter().find(|(_, agent)| owns(agent)).map(|(id, _)| *id)
    }

    /// Opens the toll book for a number, and finds its ways out.
    pub(super) fn begin_attempt(
        &mut self,
        by: AgentId,
        queue: Option<&shared::domain::queue::QueueCode>,
        number: Dialled,
        help: bool,
        now: Moment,
    ) -> Result<Attempt, CommandError> {
        let toll = if help { None } else { Some(self.ask_toll(by, queue, &number, now)?) };
        let random = rand::random();
        let ways = match help {
            true => self.routes.ways_for_help(&number, &self.trunk_states, random),
            false => self.routes.ways(&number, &self.trunk_states, random),
        };
        if ways.is_empty() {
            tracing::warn!(agent.id = %by, "no trunk can carry a number that was dialled");
            if let Some(toll) = toll {
                self.tolls_running -= 1;
                self.toll_book.ended(&self.toll_plan, toll, now);
            }
            return Err(CommandError::NumberRefused { rule: DialRule::NoTrunk });
        }
        let shows = queue.and_then(|code| self.queue(code)).and_then(|queue| queue.numbers.first().cloned());
        Ok(Attempt {
            number,
            ways,
            toll,
            trunk: None,
            tried: None,
            shows: shows.unwrap_or_default(),
            rang: false,
            plain: false,
        })
    }

    fn ask_toll(
        &mut self,
        by: AgentId,
        queue: Option<&shared::domain::queue::QueueCode>,
        number: &Dialled,
        now: Moment,
    ) -> Result<u64, CommandError> {
        self.last_toll += 1;
        let role = self.agents.get(&by).map(|agent| agent.profile.role);
        let request = Request { who: Who::Person(by), role, queue, number };
        match self.toll_book.dial(&self.toll_plan, self.last_toll, &request, now) {
            Verdict::Allowed { .. } => {
                self.tolls_running += 1;
                if !std::mem::replace(&mut self.is_toll_timer_set, true) {
                    self.timers.set(now.after(ASK_OVERDRAWN_EVERY), Timer::Toll);
                }
                Ok(self.last_toll)
            }
            Verdict::Refused { rule, alarm } => {
                metrics::counter!("dialling_refused_total", "rule" => rule.code()).increment(1);
                tracing::info!(agent.id = %by, rule = rule.code(), "the dial plan refuses a number");
                if let Some(alarm) = alarm {
                    tracing::error!(agent.id = %by, ?alarm, "a limit against toll fraud was reached");
                    metrics::counter!("toll_alarms_total").increment(1);
                    self.set_fault(Fault::TollLimit, true);
                    self.toll_calm_at = now.after(ALARM_LASTS);
                    self.timers.set(self.toll_calm_at, Timer::TollCalm);
                }
                Err(CommandError::NumberRefused { rule: dial_rule(rule) })
            }
        }
    }

    /// Whose calls have cost more than is allowed: they are cut, with the reason in the log. Asked again as long as
    /// one of them runs.
    pub(super) fn check_tolls(&mut self, now: Moment) {
        let role_of = |who: &Who| match who {
            Who::Person(agent) => self.agents.get(agent).map(|agent| agent.profile.role),
            Who::Phone(_) => None,
        };
        let overdrawn = self.toll_book.overdrawn(&self.toll_plan, role_of, now);
        for toll in overdrawn {
            if let Some((call, ear)) = self.call_with_toll(toll) {
                tracing::error!(call.id = %call, "a call outside is cut: what calls may cost is used up");
                metrics::counter!("toll_cut_total").increment(1);
                self.cut_number(call, ear, now);
            }
        }
        self.is_toll_timer_set = self.tolls_running > 0;
        if self.is_toll_timer_set {
            self.timers.set(now.after(ASK_OVERDRAWN_EVERY), Timer::Toll);
        }
    }

    fn call_with_toll(&self, toll: u64) -> Option<(CallId, Ear)> {
        self.calls.iter().find_map(|(id, slot)| {
            let is_it = |attempt: &Attempt| attempt.toll == Some(toll);
            if slot.attempt.as_ref().is_some_and(is_it) {
                return Some((*id, Ear::Customer));
            }
            slot.peer.as_ref().is_some_and(|peer| is_it(&peer.attempt)).then_some((*id, Ear::Peer))
        })
    }

    fn cut_number(&mut self, call: CallId, ear: Ear, now: Moment) {
        match ear {
            Ear::Customer => {
                self.end_customer(call, now);
                self.call_input(call, Input::CallerHungUp, now);
            }
            Ear::Peer | Ear::Agent(_) => {
                self.end_peer(call, now);
                self.call_input(call, Input::PeerGone(PartyFailure::HungUp), now);
            }
        }
        self.take_sip(now);
    }

    /// Calls the number of one ear by the next of its ways. `false` when none is left.
    pub(super) fn call_number(&mut self, call: CallId, ear: Ear, now: Moment) -> bool {
        while let Some(way) =
            self.attempt_mut(call, ear).and_then(|attempt| (!attempt.ways.is_empty()).then(|| attempt.ways.remove(0)))
        {
            match self.call_by(call, ear, &way, now) {
                Ok(()) => return true,
                Err(why) => tracing::warn!(trunk = %way.trunk, %why, "a trunk cannot be called"),
            }
        }
        false
    }

    fn call_by(&mut self, call: CallId, ear: Ear, way: &Way, now: Moment) -> Result<(), anyhow::Error> {
        let open = self.sound.open()?;
        let secure =
            self.trunk_secure(&way.trunk) != Secure::No && !self.attempt_mut(call, ear).is_some_and(|a| a.plain);
        let Some(slot) = self.calls.get(&call) else { return Ok(()) };
        let mut leg = Leg::new(LegId(0), open, secure);
        let like = slot.phones.first().map(|phone| &phone.leg).or(slot.customer_leg.as_ref());
        let offer = sdp::offer(&self.ours(&leg, &super::legs::codecs_like(like)));
        let shows = match ear {
            Ear::Customer => slot.attempt.as_ref().map(|attempt| attempt.shows.clone()),
            Ear::Peer | Ear::Agent(_) => slot.peer.as_ref().map(|peer| peer.attempt.shows.clone()),
        };
        let invite = Invite {
            to: InviteTo::Trunk { name: way.trunk.clone(), number: way.number_as_dialled.clone() },
            from_display: String::new(),
            from_user: self.routes.caller_there(&way.trunk, &shows.unwrap_or_default()),
            sdp: offer,
            auto_answer: false,
            ring_seconds: Some(super::exchange::RING_OUTSIDE_S),
            ..Invite::default()
        };
        let id = match self.stack.invite(invite, now) {
            Ok(id) => id,
            Err(error) => {
                self.sound.close(open.id);
                return Err(error.into());
            }
        };
        leg.id = id;
        self.trunk_states.take_channel(&way.trunk);
        let Some(slot) = self.calls.get_mut(&call) else { return Ok(()) };
        let of = match ear {
            Ear::Customer => {
                slot.customer_leg = Some(leg);
                slot.trunk = way.trunk.to_string();
                LegOf::Customer(call)
            }
            Ear::Peer | Ear::Agent(_) => {
                if let Some(peer) = &mut slot.peer {
                    peer.leg = Some(leg);
                }
                LegOf::Peer(call)
            }
        };
        self.legs.insert(id, of);
        if let Some(attempt) = self.attempt_mut(call, ear) {
            attempt.trunk = Some(way.trunk.clone());
            attempt.tried = Some(way.clone());
        }
        Ok(())
    }

    fn attempt_mut(&mut self, call: CallId, ear: Ear) -> Option<&mut Attempt> {
        let slot = self.calls.get_mut(&call)?;
        match ear {
            Ear::Customer => slot.attempt.as_mut(),
            Ear::Peer => slot.peer.as_mut().map(|peer| &mut peer.attempt),
            Ear::Agent(_) => None,
        }
    }

    /// It rings there, perhaps with words or tones of the network to be heard.
    pub(super) fn number_rings(&mut self, call: CallId, ear: Ear, leg: LegId, sdp: Option<&[u8]>, now: Moment) {
        if let Some(attempt) = self.attempt_mut(call, ear) {
            attempt.rang = true;
        }
        let early = sdp.is_some_and(|sdp| self.leg_describes(leg, sdp, Described::Answer).is_ok());
        if early {
            let input = if ear == Ear::Customer { Input::CustomerEarly } else { Input::PeerEarly };
            self.call_input(call, input, now);
        }
    }

    pub(super) fn number_answered(&mut self, call: CallId, ear: Ear, leg: LegId, sdp: &[u8], now: Moment) {
        if let Err(refusal) = self.leg_describes(leg, sdp, Described::Answer) {
            tracing::warn!(why = refusal.words, "a number answers with sound that we cannot carry");
            self.stack.hang_up(leg, Some((88, "Incompatible destination")), now);
            self.legs.remove(&leg);
            self.number_gone(call, ear, PartyFailure::Unreachable, now);
            return;
        }
        if let Some(toll) = self.attempt_mut(call, ear).and_then(|attempt| attempt.toll) {
            self.toll_book.answered(toll, now);
        }
        if let Some(slot) = self.calls.get_mut(&call).filter(|_| ear == Ear::Customer) {
            slot.customer_confirmed = true;
        }
        let input = if ear == Ear::Customer { Input::CustomerAnswered } else { Input::PeerAnswered };
        self.call_input(call, input, now);
    }

    pub(super) fn trunk_secure(&self, name: &str) -> Secure {
        self.config.sip.trunks.iter().find(|trunk| trunk.name == name).map_or(Secure::No, |trunk| trunk.secure)
    }

    /// The number did not take the call by this trunk: another trunk may do better, or the same one without sealing.
    pub(super) fn number_refused(&mut self, call: CallId, ear: Ear, code: u16, q850: Option<u16>, now: Moment) {
        if code == 488 {
            self.offer_plain(call, ear);
        }
        self.free_channel(call, ear);
        self.drop_number_leg(call, ear);
        let rang = self.attempt_mut(call, ear).is_some_and(|attempt| attempt.rang);
        let again =
            code == 488 && self.attempt_mut(call, ear).is_some_and(|attempt| attempt.plain && !attempt.ways.is_empty());
        if (again || should_try_next(&Failure { code, q850, rang })) && self.call_number(call, ear, now) {
            return;
        }
        self.number_gone(call, ear, failure_of(code), now);
    }

    /// 488 to sealed sound where that was only offered: the same way once more, in the clear.
    fn offer_plain(&mut self, call: CallId, ear: Ear) {
        let sealed = self.calls.get(&call).and_then(|slot| slot.leg_of(ear)).is_some_and(|leg| leg.secure);
        let trunk = self.attempt_mut(call, ear).and_then(|attempt| attempt.trunk.clone());
        let Some(trunk) = trunk.filter(|trunk| sealed && self.trunk_secure(trunk) == Secure::Offer) else { return };
        if let Some(attempt) = self.attempt_mut(call, ear).filter(|attempt| !attempt.plain) {
            attempt.plain = true;
            if let Some(way) = attempt.tried.clone().filter(|way| way.trunk == trunk) {
                attempt.ways.insert(0, way);
            }
        }
    }

    fn drop_number_leg(&mut self, call: CallId, ear: Ear) {
        let Some(slot) = self.calls.get_mut(&call) else { return };
        let gone = match ear {
            Ear::Customer => slot.customer_leg.take(),
            Ear::Peer => slot.peer.as_mut().and_then(|peer| peer.leg.take()),
            Ear::Agent(_) => None,
        };
        if let Some(leg) = gone {
            self.sound.close(leg.port);
        }
    }

    /// The number is out of the call, or never came into it.
    pub(super) fn number_gone(&mut self, call: CallId, ear: Ear, why: PartyFailure, now: Moment) {
        self.close_attempt(call, ear, now);
        self.drop_number_leg(call, ear);
        let input = match ear {
            Ear::Customer => Input::CustomerFailed(why),
            Ear::Peer | Ear::Agent(_) => Input::PeerGone(why),
        };
        self.call_input(call, input, now);
    }

    fn free_channel(&mut self, call: CallId, ear: Ear) {
        if let Some(trunk) = self.attempt_mut(call, ear).and_then(|attempt| attempt.trunk.take()) {
            self.trunk_states.free_channel(&trunk);
        }
    }

    /// Nothing more is spent on it.
    pub(super) fn close_attempt(&mut self, call: CallId, ear: Ear, now: Moment) {
        if let Some(trunk) =
            self.calls.get_mut(&call).filter(|_| ear == Ear::Customer).and_then(|slot| slot.channel.take())
        {
            self.trunk_states.free_channel(&trunk);
        }
        self.free_channel(call, ear);
        let Some(toll) = self.attempt_mut(call, ear).and_then(|attempt| attempt.toll.take()) else { return };
        self.tolls_running = self.tolls_running.saturating_sub(1);
        if let Some(spent) = self.toll_book.ended(&self.toll_plan, toll, now) {
            self.note(Some(call), None, Fact::TollSpent { spent }, now);
        }
    }

    /// CANCEL or BYE to the number that was called in.
    pub(super) fn end_peer(&mut self, call: CallId, now: Moment) {
        self.close_attempt(call, Ear::Peer, now);
        let Some(peer) = self.calls.get_mut(&call).and_then(|slot| slot.peer.take()) else { return };
        let Some(leg) = peer.leg else { return };
        self.legs.remove(&leg.id);
        self.sound.close(leg.port);
        self.stack.hang_up(leg.id, Some((16, "Normal call clearing")), now);
    }
}

/// How a number reads on a screen: as a telephone number where it is one.
pub(super) fn shown_as(number: &Dialled) -> CallerNumber {
    CallerNumber::parse(number.as_str())
}

const fn dial_rule(rule: TollRule) -> DialRule {
    match rule {
        TollRule::NoRights | TollRule::NotAllowed | TollRule::NotForQueue | TollRule::NoPrice => DialRule::NotAllowed,
        TollRule::Denied => DialRule::ClosedPrefix,
        TollRule::TooManyAtOnce | TollRule::BookFull => DialRule::TooManyAtOnce,
        TollRule::TooManyAnHour => DialRule::TooManyPerHour,
        TollRule::CostOfPerson => DialRule::CostOfPerson,
        TollRule::CostOfHouse => DialRule::CostOfDay,
    }
}

/// What a refusal says to people (RFC 3261 §21, RFC 3398 §8.2.6).
const fn failure_of(code: u16) -> PartyFailure {
    match code {
        486 | 600 => PartyFailure::Busy,
        603 | 403 => PartyFailure::Rejected,
        404 | 410 | 484 | 485 | 604 => PartyFailure::WrongNumber,
        408 | 480 | 487 => PartyFailure::NoAnswer,
        _ => PartyFailure::Unreachable,
    }
}
