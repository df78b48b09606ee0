//! Calls from an operator's phone to an emergency or service number: the phone's leg and a trunk's, and the sound
//! between them. Nothing else may be dialled by hand yet.

use shared::time::Moment;

use super::legs::Leg;
use super::world::{LegOf, World};
use crate::routing::number::Dialled;
use crate::sip::{IncomingInvite, Invite, InviteTo, LegId};

pub struct OutsideCall {
    phone: Leg,
    trunk: Leg,
    answered: bool,
}

impl OutsideCall {
    pub fn leg_mut(&mut self, leg: LegId) -> Option<&mut Leg> {
        [&mut self.phone, &mut self.trunk].into_iter().find(|of| of.id == leg)
    }
}

impl World {
    pub(super) fn dial_outside(&mut self, phone_leg: LegId, invite: &IncomingInvite, number: &str, now: Moment) {
        let Some(to) = self.way_outside(number) else {
            tracing::error!(number, "an emergency or service number was dialled, and no trunk is there to carry it");
            self.stack.reject(phone_leg, 503, Some(5), "no trunk is configured for calls to outside", now);
            return;
        };
        let phone = match self.open_leg(phone_leg, invite.sdp.as_deref(), Some(invite.flow.remote)) {
            Ok(leg) => leg,
            Err(refusal) => {
                self.stack.reject(phone_leg, refusal.code, refusal.retry_after_s, refusal.words, now);
                return;
            }
        };
        let Ok(open) = self.sound.open() else {
            self.sound.close(phone.port);
            self.stack.reject(phone_leg, 503, Some(5), "no port is left for the sound", now);
            return;
        };
        let mut trunk = Leg::new(LegId(0), open, false);
        let invite = Invite {
            to,
            from_display: String::new(),
            from_user: invite.from_user.clone(),
            sdp: self.outside_description(&trunk),
            auto_answer: false,
            ring_seconds: None,
            ..Invite::default()
        };
        match self.stack.invite(invite, now) {
            Ok(leg) => {
                trunk.id = leg;
                let id = self.ids.mint::<i64>(now.utc_ms) as u64;
                tracing::info!(number, "an operator's phone dials outside");
                self.legs.insert(phone_leg, LegOf::Outside(id));
                self.legs.insert(leg, LegOf::Outside(id));
                self.outside.insert(id, OutsideCall { phone, trunk, answered: false });
            }
            Err(error) => {
                tracing::error!(number, %error, "a call to outside cannot be made");
                self.sound.close(phone.port);
                self.sound.close(trunk.port);
                self.stack.reject(phone_leg, 503, Some(5), "the trunk cannot be called", now);
            }
        }
    }

    /// The trunk that carries help, and the number as it wants it dialled.
    fn way_outside(&self, number: &str) -> Option<InviteTo> {
        let number = Dialled::parse(number)?;
        let way = self.routes.ways_for_help(&number, &self.trunk_states, rand::random()).into_iter().next()?;
        Some(InviteTo::Trunk { name: way.trunk, number: way.number_as_dialled })
    }

    pub(super) fn outside_ringing(&mut self, leg: LegId, now: Moment) {
        let Some(LegOf::Outside(id)) = self.legs.get(&leg) else { return };
        if let Some(call) = self.outside.get(id) {
            self.stack.ring(call.phone.id, now);
        }
    }

    pub(super) fn outside_answered(&mut self, id: u64, sdp: &[u8], now: Moment) {
        let Some(call) = self.outside.get(&id) else { return };
        let trunk = call.trunk.id;
        self.leg_confirmed(trunk, Some(sdp), now);
        let Some(call) = self.outside.get_mut(&id) else { return };
        call.answered = true;
        let phone = call.phone.clone();
        let (one, other) = (phone.port, call.trunk.port);
        let description = self.outside_description(&phone);
        self.stack.answer(phone.id, description, now);
        self.sound.bridge(one, other);
    }

    /// Either leg is over: so is the other.
    pub(super) fn outside_ended(&mut self, id: u64, ended: LegId, code: Option<u16>, now: Moment) {
        let Some(call) = self.outside.remove(&id) else { return };
        for leg in [&call.phone, &call.trunk] {
            self.sound.close(leg.port);
            if leg.id == ended {
                continue;
            }
            self.legs.remove(&leg.id);
            match code {
                Some(code) if !call.answered => self.stack.reject(leg.id, code, None, "the number did not answer", now),
                _ => self.stack.hang_up(leg.id, Some((16, "Normal call clearing")), now),
            }
        }
    }
}
