//! The sound of a call's legs: ports, offers and answers, and the bridge between caller and telephone.

use std::net::{IpAddr, SocketAddr};

use shared::ids::{AgentId, CallId};
use shared::time::Moment;

use super::calls::CallSlot;
use super::world::{LegOf, World};
use crate::media::g711;
use crate::media::leg::RemoteMedia;
use crate::net::relay::PortId;
use crate::sip::sdp::{self, AudioSession, Codec, Direction, Ours, SdpError};
use crate::sip::{Invite, InviteError, InviteTo, LegId};

/// One half of a call: its dialog and its ports.
#[derive(Clone, Debug)]
pub struct Leg {
    pub id: LegId,
    pub port: PortId,
    pub rtp_port: u16,
    /// What the other side has offered, or answered.
    pub theirs: Option<AudioSession>,
    /// `o=` of our descriptions.
    pub sdp_version: u64,
}

/// Why a leg cannot be had, with the SIP answer.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    pub code: u16,
    pub words: &'static str,
    pub retry_after_s: Option<u32>,
}

impl From<SdpError> for Refusal {
    fn from(error: SdpError) -> Self {
        let words = match error {
            SdpError::TooLong | SdpError::TooManyStreams => "the description of the sound is too long",
            SdpError::NotSdp | SdpError::NoAddress => "the description of the sound cannot be read",
            SdpError::NoAudio => "no audio is offered",
            SdpError::NoCommonCodec => "none of the codecs offered is G.711",
        };
        Self { code: error.code(), words, retry_after_s: None }
    }
}

const NO_PORT: Refusal = Refusal { code: 503, words: "no port is left for the sound", retry_after_s: Some(5) };

/// Why the operator's telephone does not ring.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    #[error("no telephone is assigned")]
    NoPhone,
    #[error("no port is left for the sound")]
    NoPort,
    #[error(transparent)]
    Invite(#[from] InviteError),
}

impl World {
    /// Ports for a leg whose INVITE has come, and what it offers.
    pub(super) fn open_leg(
        &self,
        id: LegId,
        offer: Option<&[u8]>,
        came_from: Option<SocketAddr>,
    ) -> Result<Leg, Refusal> {
        let theirs = match offer {
            Some(offer) => {
                let theirs = AudioSession::parse(offer)?;
                can_be_carried(&theirs)?;
                Some(theirs)
            }
            None => None,
        };
        let open = self.sound.open().map_err(|_| NO_PORT)?;
        let leg = Leg { id, port: open.id, rtp_port: open.rtp_port, theirs, sdp_version: 1 };
        self.set_remote(&leg, came_from);
        Ok(leg)
    }

    /// Tells the relay where the other side listens and what it takes.
    fn set_remote(&self, leg: &Leg, came_from: Option<SocketAddr>) {
        let Some(theirs) = &leg.theirs else { return };
        let Some(choice) = theirs.pick(&Codec::ALL) else { return };
        let mut rtp = theirs.address;
        if let (true, Some(from)) = (rtp.ip().is_unspecified(), came_from) {
            rtp.set_ip(from.ip());
        }
        // Behind NAT a telephone describes itself by an address of its own network: its sound comes from where its SIP does.
        if let Some(beyond_nat) = self.stack.phone_source(leg.id).filter(|_| is_of_a_private_network(rtp.ip())) {
            rtp.set_ip(beyond_nat);
        }
        let media = RemoteMedia {
            rtp,
            payload: relay_codec(choice.codec),
            telephone_event: theirs.telephone_event,
            receiving: theirs.direction.receives(),
            sending: theirs.direction.sends(),
        };
        self.sound.set_remote(leg.port, media);
    }

    fn ours<'a>(&self, leg: &Leg, codecs: &'a [Codec]) -> Ours<'a> {
        Ours {
            address: SocketAddr::new(self.sound.advertised(), leg.rtp_port),
            codecs,
            direction: Direction::SendRecv,
            session_id: leg.port.0,
            version: leg.sdp_version,
        }
    }

    /// Our answer to what the other side offered, or an offer when it left that to us.
    fn description(&self, leg: &Leg) -> Vec<u8> {
        let ours = self.ours(leg, &Codec::ALL);
        match &leg.theirs {
            Some(theirs) => sdp::answer(theirs, &ours).unwrap_or_else(|_| sdp::offer(&ours)),
            None => sdp::offer(&ours),
        }
    }

    pub(super) fn caller_leg_id(&self, call: CallId) -> Option<LegId> {
        self.calls.get(&call)?.caller_leg.as_ref().map(|leg| leg.id)
    }

    pub(super) fn answer_caller(&mut self, call: CallId, now: Moment) {
        let Some(leg) = self.calls.get(&call).and_then(|slot| slot.caller_leg.as_ref()) else { return };
        let (id, description) = (leg.id, self.description(leg));
        self.stack.answer(id, description, now);
    }

    /// BYE, or the final refusal to a caller who was never answered.
    pub(super) fn end_caller(&mut self, call: CallId, now: Moment) {
        let Some(leg) = self.calls.get_mut(&call).and_then(|slot| slot.caller_leg.take()) else { return };
        self.legs.remove(&leg.id);
        self.sound.close(leg.port);
        self.stack.hang_up(leg.id, Some((16, "Normal call clearing")), now);
    }

    pub(super) fn try_ring_phone(
        &mut self,
        call: CallId,
        agent: AgentId,
        lift_itself: bool,
        now: Moment,
    ) -> Result<(), RingError> {
        let phone = self.agents.get(&agent).and_then(|a| a.profile.phone.clone()).ok_or(RingError::NoPhone)?;
        let Some(slot) = self.calls.get(&call) else { return Ok(()) };
        let open = self.sound.open().map_err(|_| RingError::NoPort)?;
        let mut leg = Leg { id: LegId(0), port: open.id, rtp_port: open.rtp_port, theirs: None, sdp_version: 1 };
        let codecs = codecs_like(slot.caller_leg.as_ref());
        let invite = Invite {
            to: InviteTo::Phone(phone),
            from_display: String::new(),
            from_user: shown_number(slot),
            sdp: sdp::offer(&self.ours(&leg, &codecs)),
            auto_answer: lift_itself,
            ring_seconds: Some(slot.core.ring.as_secs() as u32 + 5),
            ..Invite::default()
        };
        match self.stack.invite(invite, now) {
            Ok(id) => {
                leg.id = id;
                self.legs.insert(id, LegOf::Phone(call, agent));
                if let Some(slot) = self.calls.get_mut(&call) {
                    slot.phone_leg = Some((agent, leg));
                }
                Ok(())
            }
            Err(error) => {
                self.sound.close(open.id);
                Err(error.into())
            }
        }
    }

    /// CANCEL or BYE to the telephone, whichever fits. What it still says of this leg means nothing any more.
    pub(super) fn end_phone(&mut self, call: CallId, agent: AgentId, now: Moment) {
        let Some(slot) = self.calls.get_mut(&call) else { return };
        let Some((_, leg)) = slot.phone_leg.take_if(|(of, _)| *of == agent) else { return };
        self.legs.remove(&leg.id);
        self.sound.close(leg.port);
        self.stack.hang_up(leg.id, Some((16, "Normal call clearing")), now);
    }

    /// The telephone's leg is over by itself.
    pub(super) fn drop_phone_leg(&mut self, call: CallId, leg: LegId) {
        let Some(slot) = self.calls.get_mut(&call) else { return };
        if let Some((_, gone)) = slot.phone_leg.take_if(|(_, of)| of.id == leg) {
            self.sound.close(gone.port);
        }
    }

    /// What the telephone has answered to our offer.
    pub(super) fn phone_sound(&mut self, call: CallId, answer: &[u8]) -> Result<(), Refusal> {
        let theirs = AudioSession::parse(answer)?;
        can_be_carried(&theirs)?;
        let Some((_, leg)) = self.calls.get_mut(&call).and_then(|slot| slot.phone_leg.as_mut()) else { return Ok(()) };
        leg.theirs = Some(theirs);
        let leg = leg.clone();
        self.set_remote(&leg, None);
        Ok(())
    }

    pub(super) fn bridge(&mut self, call: CallId, agent: AgentId) {
        let Some(slot) = self.calls.get(&call) else { return };
        if let (Some(caller), Some((of, phone))) = (&slot.caller_leg, &slot.phone_leg)
            && *of == agent
        {
            self.sound.bridge(caller.port, phone.port);
        }
    }

    /// The caller's ACK; with a description when our 200 had carried the offer.
    pub(super) fn leg_confirmed(&mut self, leg: LegId, description: Option<&[u8]>, now: Moment) {
        let Some(description) = description else { return };
        if let Err(refusal) = self.leg_describes(leg, description) {
            tracing::warn!(why = refusal.words, "the answer to our offer cannot be carried");
            self.stack.hang_up(leg, Some((88, "Incompatible destination")), now);
        }
    }

    /// The other side changes its session: another address after a network change, or hold. We take what we can.
    pub(super) fn leg_reoffered(&mut self, leg: LegId, description: Option<&[u8]>, now: Moment) {
        if let Some(description) = description
            && let Err(refusal) = self.leg_describes(leg, description)
        {
            tracing::info!(why = refusal.words, "a change of the sound was refused");
            self.stack.refuse_reoffer(leg, refusal.code, now);
            return;
        }
        match self.leg_mut(leg) {
            Some(found) => {
                found.sdp_version += 1;
                if description.is_none() {
                    found.theirs = None;
                }
                let found = found.clone();
                let answer = self.description(&found);
                self.stack.answer_reoffer(leg, answer, now);
            }
            None => self.stack.refuse_reoffer(leg, 488, now),
        }
    }

    /// Takes in the other side's description of an existing leg.
    fn leg_describes(&mut self, leg: LegId, description: &[u8]) -> Result<(), Refusal> {
        let theirs = AudioSession::parse(description)?;
        can_be_carried(&theirs)?;
        let Some(found) = self.leg_mut(leg) else { return Ok(()) };
        found.theirs = Some(theirs);
        let found = found.clone();
        self.set_remote(&found, None);
        Ok(())
    }

    fn leg_mut(&mut self, leg: LegId) -> Option<&mut Leg> {
        match self.legs.get(&leg).copied()? {
            LegOf::Caller(call) => self.calls.get_mut(&call)?.caller_leg.as_mut(),
            LegOf::Phone(call, _) => self.calls.get_mut(&call)?.phone_leg.as_mut().map(|(_, leg)| leg),
            LegOf::Outside(id) => self.outside.get_mut(&id)?.leg_mut(leg),
        }
    }

    /// Our offer or answer for the leg of a call to outside.
    pub(super) fn outside_description(&self, leg: &Leg) -> Vec<u8> {
        self.description(leg)
    }
}

/// Addresses that mean another host in every network (RFC 1918, RFC 6598, RFC 4193), or this one.
fn is_of_a_private_network(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let shared = v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64;
            v4.is_private() || v4.is_link_local() || v4.is_loopback() || shared
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_loopback(),
    }
}

/// The relay tells the codecs by their own payload types (RFC 3551). A G.711 under another number is refused in words,
/// where it would be silence.
fn can_be_carried(theirs: &AudioSession) -> Result<(), SdpError> {
    let choice = theirs.pick(&Codec::ALL).ok_or(SdpError::NoCommonCodec)?;
    if choice.payload_type == choice.codec.payload_type() { Ok(()) } else { Err(SdpError::NoCommonCodec) }
}

/// The caller's own codec first, so that nothing has to be translated.
fn codecs_like(caller: Option<&Leg>) -> [Codec; 2] {
    let first = caller.and_then(|leg| leg.theirs.as_ref()).and_then(|theirs| theirs.pick(&Codec::ALL));
    match first.map(|choice| choice.codec) {
        Some(Codec::Pcmu) => [Codec::Pcmu, Codec::Pcma],
        Some(Codec::Pcma) | None => [Codec::Pcma, Codec::Pcmu],
    }
}

/// What the telephone's display shows: the caller's number, never a colleague's.
fn shown_number(slot: &CallSlot) -> String {
    use shared::phone::CallerNumber;
    match &slot.caller {
        CallerNumber::Public(phone) => format!("+{}", phone.digits()),
        CallerNumber::Short(number) => number.clone(),
        CallerNumber::Withheld => "anonymous".to_owned(),
    }
}

const fn relay_codec(codec: Codec) -> g711::Codec {
    match codec {
        Codec::Pcma => g711::Codec::Pcma,
        Codec::Pcmu => g711::Codec::Pcmu,
    }
}
