//! What agents do on their telephones instead of on the screen: dial, consult on the second line, hand over.

use shared::domain::agent::Work;
use shared::domain::call::Target;
use shared::ids::{AgentId, CallId};
use shared::phone::CallerNumber;
use shared::time::Moment;
use shared::wire::command::CommandError;

use super::legs::Leg;
use super::slot::PhoneLeg;
use super::world::{LegOf, World};
use crate::call::{Input, Line, State, Verb};
use crate::sip::{IncomingInvite, LegId, ReferTarget};

impl World {
    /// A number was dialled on a telephone. Emergency numbers are always let through, whoever is signed in.
    pub(super) fn phone_dials(&mut self, leg: LegId, invite: &IncomingInvite, phone: &str, now: Moment) {
        if invite.replaces.is_some() {
            // A call is moved by its own telephone or from the screen, not by another's (RFC 3891 lets us say no).
            self.stack.reject(leg, 603, None, "calls are not taken over by other telephones", now);
            return;
        }
        let owner = self.owner_of_phone(phone);
        let is_help = self.config.dial_plan.allows(&invite.dialled);
        let outcome = match owner {
            Some(agent) => self.agent_dials(agent, leg, invite, now),
            None if is_help => return self.dial_outside(leg, invite, &invite.dialled, now),
            None => Err(CommandError::NotAllowed),
        };
        match outcome {
            Ok(()) => {}
            // Somebody in the middle of a wrap-up may call for help all the same.
            Err(_) if is_help => self.dial_outside(leg, invite, &invite.dialled, now),
            Err(why) => {
                tracing::info!(phone, dialled = ?CallerNumber::parse(&invite.dialled), %why, "a number dialled on a telephone was refused");
                self.stack.reject(leg, code_of(&why), None, &why.to_string(), now);
            }
        }
    }

    fn agent_dials(
        &mut self,
        agent: AgentId,
        leg: LegId,
        invite: &IncomingInvite,
        now: Moment,
    ) -> Result<(), CommandError> {
        let to = Target::Number { number: invite.dialled.clone() };
        let work = self.agents.get(&agent).map(|agent| agent.state.work.clone());
        match work {
            Some(Work::Idle) => {
                let phone = self.waiting_phone(agent, leg, invite)?;
                let port = phone.leg.port;
                let begun = self.dialled_on_phone(agent, &to, phone, now);
                if begun.is_err() {
                    self.sound.close(port);
                }
                begun.map(|_| ())
            }
            Some(Work::Talking { call } | Work::OnHold { call }) => {
                self.consult_on_second_line(agent, call, &to, leg, invite, now)
            }
            Some(_) | None => Err(CommandError::TooLate),
        }
    }

    /// The call that a leg belongs to.
    pub(super) fn call_of_leg(&self, leg: LegId) -> Option<CallId> {
        match self.legs.get(&leg)? {
            LegOf::Customer(call) | LegOf::Peer(call) | LegOf::Phone(call, _) => Some(*call),
            LegOf::Outside(_) => None,
        }
    }

    /// The telephone's own leg, which waits for whom it has dialled.
    fn waiting_phone(&self, agent: AgentId, leg: LegId, invite: &IncomingInvite) -> Result<PhoneLeg, CommandError> {
        let leg: Leg = self
            .open_leg(leg, invite.sdp.as_deref(), Some(invite.flow.remote))
            .map_err(|refusal| CommandError::Invalid { field: "sdp".into(), rule: refusal.words.into() })?;
        Ok(PhoneLeg { agent, leg, waits_for_answer: true, second: false, lifts_itself: false, muted: false })
    }

    /// The telephone holds the customer on its first line and dials on its second.
    fn consult_on_second_line(
        &mut self,
        agent: AgentId,
        call: CallId,
        to: &Target,
        leg: LegId,
        invite: &IncomingInvite,
        now: Moment,
    ) -> Result<(), CommandError> {
        let phone = PhoneLeg { second: true, ..self.waiting_phone(agent, leg, invite)? };
        let (port, second) = (phone.leg.port, phone.leg.id);
        self.take_phone(call, phone);
        let begun = self.consult(agent, call, to, None, now);
        if begun.is_err() {
            self.legs.remove(&second);
            if let Some(slot) = self.calls.get_mut(&call) {
                slot.phones.retain(|phone| phone.leg.id != second);
            }
            self.sound.close(port);
        }
        begun.map(|_| ())
    }

    /// The telephone has hung up one of its two lines. The second one was the consultation: it is over, and the
    /// customer stays on hold until the telephone takes the first line up again. Without the first one the telephone
    /// has handed the customer to whom it consults.
    pub(super) fn one_line_gone(&mut self, call: CallId, agent: AgentId, was_second: bool, now: Moment) {
        let Some(slot) = self.calls.get(&call) else { return };
        let first_is_held = slot.phone(agent).is_some_and(|phone| phone.leg.is_held());
        let consults = matches!(
            slot.core.state,
            State::Talking { agent: owner, line: Line::Calling { .. } | Line::Consulting { .. }, .. } if owner == agent
        );
        if !consults {
            // A conference goes on over the line that is left.
            self.set_sound(call, now);
            return;
        }
        if !was_second {
            self.call_input(call, Input::Verb(agent, Verb::CompleteTransfer), now);
            return;
        }
        self.call_input(call, Input::Verb(agent, Verb::DropPeer), now);
        if first_is_held {
            self.call_input(call, Input::Verb(agent, Verb::Hold), now);
        }
    }

    /// REFER: the telephone hands its call to somebody (RFC 3515), or joins its two lines (RFC 3891). It is told at
    /// once what became of it: whom the call goes to is ours to follow from here.
    pub(super) fn phone_refers(&mut self, leg: LegId, to: &ReferTarget, now: Moment) {
        match self.refer_allowed(leg, to) {
            Ok(order) => {
                self.stack.accept_refer(leg, now);
                let outcome = self.carry_out_refer(order, now);
                let code = outcome.as_ref().map_or_else(code_of, |()| 200);
                if let Err(why) = &outcome {
                    tracing::info!(%why, "a telephone's transfer was refused");
                }
                self.stack.tell_refer(leg, code, now);
            }
            Err(why) => self.stack.refuse_refer(leg, code_of(&why), now),
        }
        self.take_sip(now);
    }

    fn refer_allowed(&self, leg: LegId, to: &ReferTarget) -> Result<Refer, CommandError> {
        let Some(LegOf::Phone(call, agent)) = self.legs.get(&leg).copied() else {
            return Err(CommandError::NotAllowed);
        };
        match to.replaces.map(|other| self.legs.get(&other).copied()) {
            // Both lines are in the same call: the consultation is what the customer is handed to.
            Some(Some(LegOf::Phone(other, by))) if other == call && by == agent => {
                Ok(Refer { agent, call, number: None })
            }
            Some(_) => Err(CommandError::NotFound { what: "call".into() }),
            None => Ok(Refer { agent, call, number: Some(to.user.clone()) }),
        }
    }

    fn carry_out_refer(&mut self, refer: Refer, now: Moment) -> Result<(), CommandError> {
        let Refer { agent, call, number } = refer;
        match number {
            None => self.verb(agent, call, Verb::CompleteTransfer, now).map(|_| ()),
            Some(number) => {
                // The hold key went before the transfer key; the call is handed over from there all the same.
                self.transfer(agent, call, &Target::Number { number }, None, now).map(|_| ())
            }
        }
    }
}

/// What a REFER asks for.
struct Refer {
    agent: AgentId,
    call: CallId,
    /// Where to; without one it is whom the telephone consults.
    number: Option<String>,
}

/// The SIP answer for a telephone that may not, or cannot.
pub(super) const fn code_of(why: &CommandError) -> u16 {
    use shared::domain::call::{DialRule, PartyFailure};
    match why {
        CommandError::NumberRefused { rule: DialRule::UnknownNumber } | CommandError::NotFound { .. } => 404,
        CommandError::NumberRefused { rule: DialRule::NoTrunk } => 503,
        CommandError::NumberRefused { .. } | CommandError::NotAllowed => 403,
        CommandError::PartyFailed { why: PartyFailure::Busy | PartyFailure::NotFree } => 486,
        CommandError::PartyFailed { .. } | CommandError::PhoneLost => 480,
        CommandError::Invalid { .. } => 488,
        CommandError::TooLate => 486,
        CommandError::DatabaseAway | CommandError::WrongPassword | CommandError::Busy | CommandError::KeyReused => 503,
    }
}
