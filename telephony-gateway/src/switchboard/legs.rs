//! The sound of a call's legs: ports, offers and answers, and the bridge between caller and telephone.

use std::net::{IpAddr, SocketAddr};

use shared::ids::{AgentId, CallId};
use shared::pii::SecretBytes;
use shared::time::Moment;
use smallvec::SmallVec;

use super::slot::{CallSlot, PhoneLeg};
use super::world::{LegOf, World};
use crate::call::{Ear, Front, Input, Line, Scene, State, Verb};
use crate::media::g711;
use crate::media::leg::RemoteMedia;
use crate::media::srtp::{self, SrtpKeys};
use crate::net::relay::{OpenPort, PortId};
use crate::sip::sdp::{self, AudioSession, Codec, Direction, OurKey, Ours, SdpError, Suite};
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
    /// Our offers to this leg are sealed (SRTP). What the other side describes says so from then on.
    pub secure: bool,
    /// With what, if so: theirs, where they have chosen.
    suite: Suite,
    /// What we seal with, on this leg alone.
    key: SecretBytes,
    held: bool,
}

impl Leg {
    /// A leg that is not described yet. `secure` says whether what we offer to it is sealed; what is offered to us is
    /// answered as it is.
    pub fn new(id: LegId, open: OpenPort, secure: bool) -> Self {
        Self {
            id,
            port: open.id,
            rtp_port: open.rtp_port,
            theirs: None,
            sdp_version: 1,
            secure,
            suite: Suite::AesCm128HmacSha1_80,
            key: SecretBytes::new(rand::random::<[u8; sdp::KEY_AND_SALT_LEN]>()),
            held: false,
        }
    }

    /// A leg of the last run, whose other side may have held it then.
    pub fn revived(id: LegId, open: OpenPort, secure: bool, held: bool) -> Self {
        Self { held, ..Self::new(id, open, secure) }
    }

    /// What the other side has described.
    fn take_description(&mut self, theirs: AudioSession) {
        self.secure = theirs.secure;
        self.held = theirs.direction != Direction::SendRecv;
        if let Some(crypto) = &theirs.crypto {
            self.suite = crypto.suite;
        }
        self.theirs = Some(theirs);
    }

    /// How our offers to this leg are sealed; none when they are not.
    fn offered_suite(&self) -> Option<Suite> {
        self.secure.then_some(self.suite)
    }

    /// Whether keys can be pressed for it by RTP (RFC 4733); else by INFO.
    pub fn takes_telephone_events(&self) -> bool {
        self.theirs.as_ref().is_some_and(|theirs| theirs.telephone_event.is_some())
    }

    /// The other side sends nothing, or only its own music: it has put us on hold (RFC 3264 §8.4).
    pub const fn is_held(&self) -> bool {
        self.held
    }
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
            SdpError::NoCommonKey => "the sound cannot be sealed as it was offered",
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
        let mut leg = Leg::new(id, open, false);
        if let Some(theirs) = theirs {
            leg.take_description(theirs);
        }
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
            keys: theirs.crypto.as_ref().map(|crypto| SrtpKeys {
                suite: relay_suite(crypto.suite),
                ours: leg.key.clone(),
                theirs: crypto.key.clone(),
            }),
        };
        self.sound.set_remote(leg.port, media);
    }

    pub(super) fn ours<'a>(&self, leg: &'a Leg, codecs: &'a [Codec]) -> Ours<'a> {
        Ours {
            address: SocketAddr::new(self.sound.advertised(), leg.rtp_port),
            codecs,
            direction: Direction::SendRecv,
            session_id: leg.port.0,
            version: leg.sdp_version,
            key: leg.secure.then_some(OurKey { suite: leg.suite, key: &leg.key }),
        }
    }

    /// A new offer to a leg whose sound we have lost.
    pub(super) fn offer_anew(&self, leg: &Leg) -> Vec<u8> {
        sdp::offer(&self.ours(leg, &Codec::ALL))
    }

    /// Our answer to what the other side offered, or an offer when it left that to us.
    fn description(&self, leg: &Leg) -> Vec<u8> {
        let ours = self.ours(leg, &Codec::ALL);
        match &leg.theirs {
            Some(theirs) => sdp::answer(theirs, &ours).unwrap_or_else(|_| sdp::offer(&ours)),
            None => sdp::offer(&ours),
        }
    }

    pub(super) fn customer_leg_id(&self, call: CallId) -> Option<LegId> {
        self.calls.get(&call)?.customer_leg.as_ref().map(|leg| leg.id)
    }

    pub(super) fn answer_customer(&mut self, call: CallId, now: Moment) {
        let Some(leg) = self.calls.get(&call).and_then(|slot| slot.customer_leg.as_ref()) else { return };
        let (id, description) = (leg.id, self.description(leg));
        self.stack.answer(id, description, now);
    }

    /// BYE, CANCEL to a number that is being called, or the final refusal to a caller who was never answered.
    pub(super) fn end_customer(&mut self, call: CallId, now: Moment) {
        self.close_attempt(call, Ear::Customer, now);
        let Some(leg) = self.calls.get_mut(&call).and_then(|slot| slot.customer_leg.take()) else { return };
        self.end_leg(&leg, now);
    }

    fn end_leg(&mut self, leg: &Leg, now: Moment) {
        // A telephone that has handed its call over hears that it worked, and then the goodbye.
        self.stack.tell_refer(leg.id, 200, now);
        self.legs.remove(&leg.id);
        self.sound.close(leg.port);
        self.stack.hang_up(leg.id, Some((16, "Normal call clearing")), now);
    }

    pub(super) fn try_ring_phone(
        &mut self,
        call: CallId,
        agent: AgentId,
        lift_itself: bool,
        secure: bool,
        now: Moment,
    ) -> Result<(), RingError> {
        let phone = self.agents.get(&agent).and_then(|a| a.profile.phone.clone()).ok_or(RingError::NoPhone)?;
        let Some(slot) = self.calls.get(&call) else { return Ok(()) };
        let open = self.sound.open().map_err(|_| RingError::NoPort)?;
        let mut leg = Leg::new(LegId(0), open, secure);
        let like = slot.customer_leg.as_ref().or(slot.phones.first().map(|phone| &phone.leg));
        let invite = Invite {
            to: InviteTo::Phone(phone),
            from_display: String::new(),
            from_user: shown_number(slot),
            sdp: sdp::offer(&self.ours(&leg, &codecs_like(like))),
            auto_answer: lift_itself,
            ring_seconds: Some(slot.core.ring.as_secs() as u32 + 5),
            ..Invite::default()
        };
        match self.stack.invite(invite, now) {
            Ok(id) => {
                leg.id = id;
                self.take_phone(
                    call,
                    PhoneLeg {
                        agent,
                        leg,
                        waits_for_answer: false,
                        second: false,
                        lifts_itself: lift_itself,
                        muted: false,
                    },
                );
                Ok(())
            }
            Err(error) => {
                self.sound.close(open.id);
                Err(error.into())
            }
        }
    }

    /// An agent's telephone comes into the call.
    pub(super) fn take_phone(&mut self, call: CallId, phone: PhoneLeg) {
        self.legs.insert(phone.leg.id, LegOf::Phone(call, phone.agent));
        if let Some(slot) = self.calls.get_mut(&call) {
            slot.phones.push(phone);
        }
    }

    /// CANCEL or BYE to the agent's telephone, to both its lines. What it still says of this call means nothing any
    /// more.
    pub(super) fn end_phone(&mut self, call: CallId, agent: AgentId, now: Moment) {
        while let Some(leg) = self.calls.get_mut(&call).and_then(|slot| {
            let index = slot.phones.iter().position(|phone| phone.agent == agent)?;
            Some(slot.phones.remove(index).leg)
        }) {
            self.end_leg(&leg, now);
        }
    }

    /// A telephone's leg is over by itself. Whether the same telephone has another line in the call.
    pub(super) fn drop_phone_leg(&mut self, call: CallId, leg: LegId) -> bool {
        let Some(slot) = self.calls.get_mut(&call) else { return false };
        let Some(index) = slot.phones.iter().position(|phone| phone.leg.id == leg) else { return false };
        let gone = slot.phones.remove(index);
        self.sound.close(gone.leg.port);
        slot.phones.iter().any(|phone| phone.agent == gone.agent)
    }

    /// Lets everybody hear what the state of the call says.
    pub(super) fn set_sound(&mut self, call: CallId, now: Moment) {
        self.end_second_lines(call, now);
        let Some(slot) = self.calls.get(&call) else { return };
        let scenes = slot.core.scenes();
        for scene in &scenes {
            self.answer_waiting_phones(call, scene, now);
            let Some(slot) = self.calls.get(&call) else { return };
            let ports: SmallVec<[PortId; 3]> =
                scene.ears().iter().filter_map(|ear| slot.leg_of(*ear).map(|leg| leg.port)).collect();
            match (scene, ports.as_slice()) {
                (_, []) => {}
                (Scene::Talk(_), [one, other]) => self.sound.bridge(*one, *other),
                // Somebody's leg is gone, and the event that says so is on its way.
                (Scene::Talk(_), [alone]) => self.sound.silence(*alone),
                (Scene::Talk(_), ports) => self.sound.conference(ports),
                (Scene::Music(_), [port, ..]) => self.sound.play_music(*port),
                (Scene::Ringback(_), [port, ..]) => self.sound.ringback(*port),
                (Scene::Silence(_), [port, ..]) => self.sound.silence(*port),
            }
        }
        self.quieten_first_lines(call);
    }

    /// Whoever has dialled on the telephone hears its own ringing until there is something to hear.
    fn answer_waiting_phones(&mut self, call: CallId, scene: &Scene, now: Moment) {
        for ear in scene.ears() {
            let Ear::Agent(agent) = *ear else { continue };
            let Some(slot) = self.calls.get(&call) else { return };
            let Some(phone) = slot.phone(agent).filter(|phone| phone.waits_for_answer) else { continue };
            let leg = phone.leg.clone();
            if matches!(scene, Scene::Ringback(_)) {
                self.stack.ring(leg.id, now);
                continue;
            }
            let description = self.description(&leg);
            self.stack.answer(leg.id, description, now);
            let phones = self.calls.get_mut(&call).map(|slot| slot.phones.iter_mut());
            if let Some(phone) = phones.into_iter().flatten().find(|phone| phone.leg.id == leg.id) {
                phone.waits_for_answer = false;
            }
        }
    }

    /// A telephone that consults on a second line holds the first one.
    fn quieten_first_lines(&self, call: CallId) {
        let Some(slot) = self.calls.get(&call) else { return };
        for phone in &slot.phones {
            if slot.phone(phone.agent).is_some_and(|front| front.leg.id != phone.leg.id) {
                self.sound.silence(phone.leg.port);
            }
        }
    }

    /// The second line of a telephone is for whom the agent has called in; when they are gone, so is the line.
    fn end_second_lines(&mut self, call: CallId, now: Moment) {
        let Some(slot) = self.calls.get_mut(&call) else { return };
        let State::Talking { agent, line: Line::Customer { .. }, .. } = slot.core.state else { return };
        let has_first = slot.phones.iter().any(|phone| phone.agent == agent && !phone.second);
        let mut over = SmallVec::<[Leg; 1]>::new();
        slot.phones.retain(|phone| {
            let keep = !(has_first && phone.agent == agent && phone.second);
            if !keep {
                over.push(phone.leg.clone());
            }
            keep
        });
        // What is left is the telephone's only line.
        slot.phones.iter_mut().filter(|phone| phone.agent == agent).for_each(|phone| phone.second = false);
        for leg in over {
            self.end_leg(&leg, now);
        }
    }

    /// The caller's ACK; with a description when our 200 had carried the offer.
    pub(super) fn leg_confirmed(&mut self, leg: LegId, description: Option<&[u8]>, now: Moment) {
        self.mark_leg(leg);
        self.customer_is_there(leg, now);
        if let Some(description) = description {
            self.leg_answers(leg, description, now);
        }
    }

    /// The other side's answer to an offer of ours within a talk; it may hold with it, too.
    pub(super) fn leg_answers(&mut self, leg: LegId, description: &[u8], now: Moment) {
        let was_held = self.leg_mut(leg).is_some_and(|leg| leg.is_held());
        if let Err(refusal) = self.leg_describes(leg, description, Described::Answer) {
            tracing::warn!(why = refusal.words, "the answer to our offer cannot be carried");
            self.stack.hang_up(leg, Some((88, "Incompatible destination")), now);
            return;
        }
        let is_held = self.leg_mut(leg).is_some_and(|leg| leg.is_held());
        self.phone_holds(leg, was_held, is_held, now);
    }

    /// The caller has heard our answer; whoever waits for an agent waits from here on.
    fn customer_is_there(&mut self, leg: LegId, now: Moment) {
        let Some(LegOf::Customer(call)) = self.legs.get(&leg).copied() else { return };
        let Some(slot) = self.calls.get_mut(&call) else { return };
        slot.customer_confirmed = true;
        if matches!(slot.core.state, State::Queued { .. }) {
            self.wait(call, now);
        }
    }

    /// The other side changes its session: another address after a network change, or hold. We take what we can.
    pub(super) fn leg_reoffered(&mut self, leg: LegId, description: Option<&[u8]>, now: Moment) {
        let was_held = self.leg_mut(leg).is_some_and(|leg| leg.is_held());
        if let Some(description) = description
            && let Err(refusal) = self.leg_describes(leg, description, Described::Offer)
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
                self.mark_leg(leg);
                self.phone_holds(leg, was_held, found.is_held(), now);
            }
            None => self.stack.refuse_reoffer(leg, 488, now),
        }
    }

    /// The hold key of the telephone does what the one on the screen does.
    fn phone_holds(&mut self, leg: LegId, was_held: bool, is_held: bool, now: Moment) {
        let Some(LegOf::Phone(call, agent)) = self.legs.get(&leg).copied().filter(|_| was_held != is_held) else {
            return;
        };
        // The first of two lines is on hold while the second one is in front.
        let in_front =
            self.calls.get(&call).and_then(|slot| slot.phone(agent)).is_some_and(|phone| phone.leg.id == leg);
        match (in_front, is_held) {
            (true, true) => self.call_input(call, Input::Verb(agent, Verb::Hold), now),
            (true, false) => self.call_input(call, Input::Verb(agent, Verb::Retrieve), now),
            // The telephone goes over to its other line.
            (false, false) => self.line_in_front(call, agent, leg, now),
            (false, true) => {}
        }
    }

    /// The telephone has taken up the other of its two lines: whoever is on it is spoken with.
    fn line_in_front(&mut self, call: CallId, agent: AgentId, leg: LegId, now: Moment) {
        let Some(slot) = self.calls.get_mut(&call) else { return };
        let Some(index) = slot.phones.iter().position(|phone| phone.leg.id == leg) else { return };
        let phone = slot.phones.remove(index);
        let wanted = if phone.second { Front::Peer } else { Front::Customer };
        slot.phones.push(phone);
        match slot.core.state {
            State::Talking { agent: owner, line: Line::Consulting { front, .. }, .. }
                if owner == agent && front != wanted =>
            {
                self.call_input(call, Input::Verb(agent, Verb::Swap), now);
            }
            _ => self.set_sound(call, now),
        }
    }

    /// Takes in the other side's description of an existing leg.
    pub(super) fn leg_describes(&mut self, leg: LegId, description: &[u8], as_what: Described) -> Result<(), Refusal> {
        let theirs = AudioSession::parse(description)?;
        can_be_carried(&theirs)?;
        let Some(found) = self.leg_mut(leg) else { return Ok(()) };
        if let Described::Answer = as_what {
            theirs.answers(found.offered_suite())?;
        }
        found.take_description(theirs);
        let found = found.clone();
        self.set_remote(&found, None);
        Ok(())
    }

    pub(super) fn leg_mut(&mut self, leg: LegId) -> Option<&mut Leg> {
        match self.legs.get(&leg).copied()? {
            LegOf::Customer(call) => self.calls.get_mut(&call)?.customer_leg.as_mut(),
            LegOf::Peer(call) => self.calls.get_mut(&call)?.peer.as_mut()?.leg.as_mut(),
            LegOf::Phone(call, _) => {
                let phones = self.calls.get_mut(&call)?.phones.iter_mut();
                phones.map(|phone| &mut phone.leg).find(|of| of.id == leg)
            }
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
pub(super) fn codecs_like(caller: Option<&Leg>) -> [Codec; 2] {
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

/// What a description of the other side is, to ours.
#[derive(Clone, Copy)]
pub(super) enum Described {
    Offer,
    Answer,
}

const fn relay_suite(suite: Suite) -> srtp::Suite {
    match suite {
        Suite::AesCm128HmacSha1_80 => srtp::Suite::AesCm128HmacSha1_80,
        Suite::AesCm128HmacSha1_32 => srtp::Suite::AesCm128HmacSha1_32,
    }
}

const fn relay_codec(codec: Codec) -> g711::Codec {
    match codec {
        Codec::Pcma => g711::Codec::Pcma,
        Codec::Pcmu => g711::Codec::Pcmu,
    }
}
