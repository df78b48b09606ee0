//! The requests that we send, from their first sending to the last repetition of their answer.

use bytes::Bytes;

use super::super::dialog::{Dialog, MAX_FORWARDS, RequestLines, transport_name, write_contact};
use super::super::event::{Ending, Event, Flow, LegId};
use super::super::headers::Name;
use super::super::leg::{Leg, Phase};
use super::super::message::{Body, Core, Message, Method, Writer, method_name};
use super::super::transaction::client::Client;
use super::super::transaction::invite_client::InviteClient;
use super::super::transaction::{Effect, client, invite_client};
use super::Stack;
use super::alarms::Alarm;
use super::challenges::Proofs;

pub enum ClientMachine {
    Invite(InviteClient),
    Other(Client),
}

/// What a request of ours was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Invite,
    Reinvite,
    Cancel,
    Bye,
    Talk,
    /// Acknowledges a provisional answer.
    Prack,
    /// Tells what becomes of a REFER.
    Notify,
    /// Keeps the session's timer from running out.
    Refresh,
    Digit,
    Check,
    Ping(usize),
    Register(usize),
    Knock,
    KeepOpen,
}

pub struct ClientTransaction {
    pub machine: ClientMachine,
    pub flow: Flow,
    pub request: Bytes,
    ack: Bytes,
    pub branch: Box<str>,
    pub purpose: Purpose,
    pub leg: Option<u64>,
    /// The CANCEL of this INVITE, which shares its branch (RFC 3261 §9.1).
    pub cancel: Option<u64>,
    /// Where its last answer came from.
    pub heard_from: Option<Flow>,
    /// The challenges to it that we have answered.
    pub proofs: Proofs,
}

impl Stack {
    /// Sends the request that stands in the scratch buffer.
    pub(super) fn open_client(&mut self, purpose: Purpose, branch: String, flow: Flow, leg: Option<u64>) -> u64 {
        let reliable = flow.transport.is_stream();
        let timers = self.config.timers;
        let is_invite = matches!(purpose, Purpose::Invite | Purpose::Reinvite);
        let (machine, effects) = if is_invite {
            let mut machine = InviteClient::new(reliable, &timers);
            let effects = machine.step(invite_client::Input::Begin, &timers);
            (ClientMachine::Invite(machine), effects)
        } else {
            let mut machine = Client::new(reliable, &timers);
            let effects = machine.step(client::Input::Begin, &timers);
            (ClientMachine::Other(machine), effects)
        };
        let request = Bytes::copy_from_slice(&self.scratch);
        let (ack, cancel, branch) = (Bytes::new(), None, branch.into());
        let (heard_from, proofs) = (None, Proofs::default());
        let transaction =
            ClientTransaction { machine, flow, request, ack, branch, purpose, leg, cancel, heard_from, proofs };
        let key = self.clients.insert(transaction);
        self.client_effects(key, &effects, None);
        key
    }

    pub(super) fn client_effects(&mut self, key: u64, effects: &[Effect], answer: Option<(&Message<'_>, &Core<'_>)>) {
        for effect in effects {
            let Some(transaction) = self.clients.get(key) else { return };
            let flow = transaction.flow;
            match *effect {
                Effect::Send => self.send(flow, transaction.request.clone()),
                Effect::Resend => {
                    let again = if transaction.ack.is_empty() { &transaction.request } else { &transaction.ack };
                    self.send(flow, again.clone());
                }
                Effect::Acknowledge => self.acknowledge_refusal(key, answer),
                Effect::Arm(timer, after) => self.arm(after, Alarm::Client(key, timer)),
                Effect::Tell => {
                    if let Some((message, core)) = answer {
                        self.on_answer(key, message, core);
                    }
                }
                Effect::TimedOut => self.on_silence(key, 408, Ending::TimedOut),
                Effect::Failed => self.on_silence(key, 503, Ending::TransportFailed),
                Effect::End => self.drop_client(key),
            }
        }
    }

    pub(super) fn drop_client(&mut self, key: u64) {
        self.clients.remove(key);
    }

    pub(super) fn client_failed(&mut self, key: u64) {
        let Some(transaction) = self.clients.get_mut(key) else { return };
        let timers = &self.config.timers;
        let effects = match &mut transaction.machine {
            ClientMachine::Invite(machine) => machine.step(invite_client::Input::TransportFailed, timers),
            ClientMachine::Other(machine) => machine.step(client::Input::TransportFailed, timers),
        };
        self.client_effects(key, &effects, None);
    }

    /// The ACK of a refusal belongs to the INVITE's own transaction (RFC 3261 §17.1.1.3).
    fn acknowledge_refusal(&mut self, key: u64, answer: Option<(&Message<'_>, &Core<'_>)>) {
        let (Some(transaction), Some((response, _))) = (self.clients.get(key), answer) else { return };
        let flow = transaction.flow;
        let request = transaction.request.clone();
        let to = response.header(Name::To).unwrap_or_default();
        write_from_invite(&mut self.scratch, &request, Method::Ack, Some(to), None);
        let ack = Bytes::copy_from_slice(&self.scratch);
        if let Some(transaction) = self.clients.get_mut(key) {
            transaction.ack = ack.clone();
        }
        self.send(flow, ack);
    }

    pub(super) fn send_cancel(&mut self, invite: u64, reason: Option<&str>) {
        let Some(transaction) = self.clients.get(invite) else { return };
        let (flow, leg, branch) = (transaction.flow, transaction.leg, String::from(&*transaction.branch));
        let request = transaction.request.clone();
        write_from_invite(&mut self.scratch, &request, Method::Cancel, None, reason);
        let cancel = self.open_client(Purpose::Cancel, branch, flow, leg);
        if let Some(transaction) = self.clients.get_mut(invite) {
            transaction.cancel = Some(cancel);
        }
    }

    /// Sends a request without a body within the leg's dialog.
    pub(super) fn request_inside(
        &mut self,
        key: u64,
        method: Method,
        purpose: Purpose,
        lines: impl FnOnce(&mut Writer<'_>),
    ) {
        self.request_with_body(key, method, purpose, None, lines);
    }

    pub(super) fn request_with_body(
        &mut self,
        key: u64,
        method: Method,
        purpose: Purpose,
        body: Option<Body<'_>>,
        lines: impl FnOnce(&mut Writer<'_>),
    ) {
        self.request_to(key, None, method, purpose, body, lines);
    }

    /// The same to the one of this tag, while several ring.
    pub(super) fn request_to(
        &mut self,
        key: u64,
        tag: Option<&[u8]>,
        method: Method,
        purpose: Purpose,
        body: Option<Body<'_>>,
        lines: impl FnOnce(&mut Writer<'_>),
    ) {
        let branch = self.mint_branch(self.clients.next_key());
        let Some(leg) = self.legs.get_mut(key) else { return };
        let (is_phone, trunk) = (leg.phone.is_some(), leg.trunk);
        let dialog = match tag {
            Some(tag) => leg.dialog_with(tag),
            None => Some(&mut leg.dialog),
        };
        let Some(dialog) = dialog else { return };
        dialog.local_cseq += 1;
        let cseq = dialog.local_cseq;
        let flow = Self::flow_in(&self.trunks, dialog, is_phone, trunk);
        let contact = matches!(method, Method::Invite | Method::Update | Method::Notify);
        let advertised = self.config.advertised.get(&flow.local).copied().unwrap_or(flow.local);
        let request = RequestLines { branch: &branch, advertised, cseq, contact, max_forwards: MAX_FORWARDS };
        let mut writer = dialog.request(&mut self.scratch, method, &request);
        lines(&mut writer);
        writer.header(Name::UserAgent, self.config.user_agent.as_bytes()).finish_with(body);
        let transaction = self.open_client(purpose, branch, flow, Some(key));
        if let Some(leg) = self.legs.get_mut(key).filter(|_| purpose == Purpose::Reinvite) {
            leg.reinvite = Some(transaction);
        }
    }

    /// Where the leg's requests go: to a phone where it came from, to a trunk where it asks for them. A trunk whose
    /// connection is lost, and who names no address of its own, is called where trunks are called.
    pub(super) fn flow_of(trunks: &super::Trunks, leg: &super::Leg) -> Flow {
        Self::flow_in(trunks, &leg.dialog, leg.phone.is_some(), leg.trunk)
    }

    fn flow_in(trunks: &super::Trunks, dialog: &Dialog, is_phone: bool, trunk: Option<usize>) -> Flow {
        let before = dialog.flow;
        let of_leg = trunk.and_then(|index| trunks.get(index));
        let Some(trunk) = of_leg.or_else(|| trunks.by_source(before.remote.ip()).filter(|_| !is_phone)) else {
            return before;
        };
        let flow = dialog.next_hop(|address| trunk.sources.iter().any(|net| net.contains(address)));
        let lost = flow == before && flow.transport.is_stream() && flow.connection == 0;
        match trunk.address.filter(|_| lost && trunk.transport == flow.transport) {
            Some(remote) => Flow { remote, ..flow },
            None => flow,
        }
    }

    /// OPTIONS outside any dialog: is anybody there?
    pub(super) fn ask_outside(&mut self, purpose: Purpose, uri: &[u8], flow: Flow) {
        let branch = self.mint_branch(self.clients.next_key());
        let (tag, advertised, transport) =
            (self.rng_name(), self.advertised(flow.local), transport_name(flow.transport));
        let mut writer = Writer::request(&mut self.scratch, method_name(Method::Options), uri);
        writer.header_fmt(Name::Via, format_args!("SIP/2.0/{transport} {advertised};branch={branch};rport"));
        writer.header(Name::MaxForwards, b"70");
        writer.header_fmt(Name::From, format_args!("<sip:ping@{advertised}>;tag={tag}"));
        writer.lines(b"To: <").lines(uri).lines(b">\r\n");
        writer.header_fmt(Name::CallId, format_args!("{tag}@{}", advertised.ip()));
        writer.header(Name::CSeq, b"1 OPTIONS");
        write_contact(&mut writer, flow.transport, advertised);
        writer.header(Name::UserAgent, self.config.user_agent.as_bytes()).finish(None);
        self.open_client(purpose, branch, flow, None);
    }

    pub(super) fn rng_name(&mut self) -> String {
        use rand::Rng as _;
        format!("{:016x}", self.rng.next_u64())
    }

    /// Nobody answers a request of ours, or it cannot be sent.
    fn on_silence(&mut self, key: u64, code: u16, ending: Ending) {
        let Some(transaction) = self.clients.get(key) else { return };
        let (purpose, leg, flow) = (transaction.purpose, transaction.leg, transaction.flow);
        match (purpose, leg) {
            (Purpose::Ping(index), _) => {
                if let Some(name) = self.trunks.heard(index, false) {
                    self.events.push_back(Event::TrunkLost { name });
                }
            }
            (Purpose::Register(index), _) => {
                let why = if code == 408 { "nobody answers" } else { "the way there is broken" };
                self.registration_failed(index, code, None, why.to_owned());
            }
            (Purpose::Invite, Some(leg)) => {
                let reason = if code == 408 { "no answer from the network" } else { "the way there is broken" };
                self.tell_over(leg, Event::Refused { leg: LegId(leg), code, q850: None, reason: reason.to_owned() });
                self.bury(leg);
            }
            (Purpose::Reinvite, Some(leg)) => self.change_unheard(leg, flow, ending),
            (Purpose::Digit, Some(leg)) => self.digit_done(leg),
            // Whoever does not answer it is gone; one that could not leave is tried again.
            (Purpose::Refresh, Some(leg)) => {
                if ending == Ending::TimedOut
                    && self.legs.get(leg).is_some_and(|it| matches!(it.phase, Phase::Established))
                {
                    self.tell_end(leg, ending, None);
                    self.send_bye(leg, None);
                }
            }
            // The provisional answer is repeated, and acknowledged, by the other side's clock; a phone that does not
            // want to hear of its REFER need not.
            (Purpose::Prack | Purpose::Notify, _) => {}
            (Purpose::Check, Some(leg)) => {
                // That a question could not leave says nothing of the other side, unless it was to bring a connection.
                let means = |leg: &Leg| ending == Ending::TimedOut || leg.is_disconnected();
                if self.legs.get(leg).is_some_and(|leg| matches!(leg.phase, Phase::Established) && means(leg)) {
                    self.tell_end(leg, ending, None);
                    self.send_bye(leg, None);
                    self.phone_is_silent(leg);
                }
            }
            (Purpose::Knock, _) => self.knock_again(flow),
            // Whoever does not answer has let it through all the same.
            (Purpose::KeepOpen, _) => {}
            (Purpose::Talk, Some(leg)) => {
                if self.legs.get(leg).is_some_and(|leg| !leg.told) {
                    self.events.push_back(Event::TalkRefused { leg: LegId(leg), code });
                }
            }
            // The leg was over when these were sent, or (CANCEL) an alarm of its own ends it.
            (Purpose::Bye | Purpose::Cancel, _) => {}
            (
                Purpose::Invite
                | Purpose::Reinvite
                | Purpose::Check
                | Purpose::Talk
                | Purpose::Digit
                | Purpose::Refresh,
                None,
            ) => {}
        }
    }
}

/// An ACK of a refusal, or a CANCEL, made from the INVITE it belongs to.
fn write_from_invite(out: &mut Vec<u8>, invite: &[u8], method: Method, to: Option<&[u8]>, reason: Option<&str>) {
    let Ok(invite) = Message::parse(invite) else { return };
    let name = method_name(method);
    let mut writer = Writer::request(out, name, invite.request_uri());
    for header in [Name::Via, Name::MaxForwards, Name::Route, Name::From] {
        for value in invite.all(header) {
            writer.header(header, value);
        }
    }
    writer.header(Name::To, to.or_else(|| invite.header(Name::To)).unwrap_or_default());
    writer.header(Name::CallId, invite.header(Name::CallId).unwrap_or_default());
    let number = invite.core().map_or(1, |core| core.cseq.number);
    writer.header_fmt(Name::CSeq, format_args!("{number} {name}"));
    if let Some(reason) = reason {
        writer.header(Name::Reason, reason.as_bytes());
    }
    writer.finish(None);
}
