//! Calls from an operator's phone to an emergency or service number: the phone's leg and a trunk's, and the sound
//! between them. Nothing else may be dialled by hand yet.

use shared::time::Moment;

use super::legs::Leg;
use super::world::{LegOf, World};
use crate::sip::{Flow, IncomingInvite, Invite, InviteTo, LegId, Transport};

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
        let Some(flow) = self.way_outside() else {
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
        let mut trunk = Leg { id: LegId(0), port: open.id, rtp_port: open.rtp_port, theirs: None, sdp_version: 1 };
        let uri = match flow.transport {
            Transport::Udp => format!("sip:{number}@{}", flow.remote),
            Transport::Tcp => format!("sip:{number}@{};transport=tcp", flow.remote),
        };
        let invite = Invite {
            to: InviteTo::Address { uri, flow },
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

    /// The trunk that carries calls to outside, from the socket that can reach it.
    fn way_outside(&self) -> Option<Flow> {
        let named = self.config.dial_plan.trunk.as_ref();
        let trunk =
            self.config.sip.trunks.iter().find(|t| named.is_none_or(|name| *name == t.name) && t.address.is_some())?;
        let remote = trunk.address?;
        let local = self
            .config
            .sip
            .listen
            .iter()
            .find(|listen| listen.transport == trunk.transport && listen.address.is_ipv4() == remote.is_ipv4())?;
        Some(Flow { transport: trunk.transport, local: local.address, remote, connection: 0 })
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
