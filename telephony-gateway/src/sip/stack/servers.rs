//! The requests that others sent us, from their first line to the last repetition of our answer.

use std::sync::Arc;

use bytes::Bytes;

use super::super::event::{Event, Flow, Transport};
use super::super::headers::Name;
use super::super::message::{Core, Message, Method, ReplyHead, Writer, method_name};
use super::super::transaction::invite_server::InviteServer;
use super::super::transaction::server::Server;
use super::super::transaction::{Effect, invite_server, server};
use super::Stack;
use super::alarms::Alarm;

pub enum ServerMachine {
    Invite(InviteServer),
    Other(Server),
}

pub struct ServerTransaction {
    pub machine: ServerMachine,
    branch: u64,
    origin: Option<u64>,
    /// Where the answers go.
    pub flow: Flow,
    /// What the answers repeat; dropped after the final one.
    pub head: Option<Arc<ReplyHead>>,
    last: Bytes,
    pub leg: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
pub enum ServerInput {
    Again,
    Ack,
}

impl Stack {
    /// The name under which a request and its repetitions are found. An ACK counts as its INVITE.
    pub(super) fn branch_key(&self, core: &Core<'_>, method: &[u8]) -> u64 {
        let method = if method == b"ACK" { b"INVITE" } else { method };
        let via = &core.via;
        let port = via.port.unwrap_or(5060).to_be_bytes();
        if via.is_rfc3261() {
            return self.hash(&[via.branch.unwrap_or_default(), via.host, &port, method]);
        }
        // RFC 2543 knew no unique branches (RFC 3261 §17.2.3).
        let (from, cseq) = (core.from.tag().unwrap_or_default(), core.cseq.number.to_be_bytes());
        self.hash(&[core.call_id, from, &cseq, via.host, &port, method])
    }

    pub(super) fn origin_key(&self, core: &Core<'_>) -> u64 {
        self.hash(&[core.from.tag().unwrap_or_default(), core.call_id, &core.cseq.number.to_be_bytes(), b"origin"])
    }

    pub(super) fn answer_flow(flow: &Flow, core: &Core<'_>) -> Flow {
        match flow.transport {
            Transport::Udp => Flow { remote: core.via.answer_to(flow.remote), ..*flow },
            Transport::Tcp | Transport::Tls => *flow,
        }
    }

    /// `None` when there are too many already, or when there is no way back.
    pub(super) fn open_server(
        &mut self,
        flow: &Flow,
        request: &Message<'_>,
        core: &Core<'_>,
        leg: Option<u64>,
    ) -> Option<u64> {
        if self.servers.len() >= self.config.limits.transactions {
            return None;
        }
        let reliable = flow.transport.is_stream();
        let is_invite = request.method() == Some(Method::Invite);
        let branch = self.branch_key(core, request.method_text());
        let origin = (is_invite && core.to.tag().is_none()).then(|| self.origin_key(core));
        let machine = match is_invite {
            true => ServerMachine::Invite(InviteServer::new(reliable)),
            false => ServerMachine::Other(Server::new(reliable)),
        };
        let head = Some(Self::head_of(request, flow)?);
        let flow = Self::answer_flow(flow, core);
        let key =
            self.servers.insert(ServerTransaction { machine, branch, origin, flow, head, last: Bytes::new(), leg });
        self.by_branch.insert(branch, key);
        if let Some(origin) = origin {
            self.by_origin.insert(origin, key);
        }
        Some(key)
    }

    pub(super) fn server_input(&mut self, key: u64, input: ServerInput) {
        let Some(transaction) = self.servers.get_mut(key) else { return };
        let timers = &self.config.timers;
        let effects = match (&mut transaction.machine, input) {
            (ServerMachine::Invite(machine), ServerInput::Again) => machine.step(invite_server::Input::Again, timers),
            (ServerMachine::Invite(machine), ServerInput::Ack) => machine.step(invite_server::Input::Ack, timers),
            (ServerMachine::Other(machine), ServerInput::Again) => machine.step(server::Input::Again, timers),
            (ServerMachine::Other(_), ServerInput::Ack) => return,
        };
        self.server_effects(key, &effects, None);
    }

    /// Answers a transaction. `lines` writes what this answer has of its own; the bytes come back for repetition.
    pub(super) fn answer_server(
        &mut self,
        key: u64,
        code: u16,
        tag: Option<&str>,
        sdp: Option<&[u8]>,
        lines: impl FnOnce(&mut Writer<'_>),
    ) -> Option<Bytes> {
        let transaction = self.servers.get_mut(key)?;
        let head = transaction.head.clone()?;
        let mut writer = Writer::response(&mut self.scratch, code);
        head.write(tag, code > 100, &mut writer);
        lines(&mut writer);
        if code > 100 {
            writer.header(Name::Server, self.config.user_agent.as_bytes());
        }
        writer.finish(sdp);
        let bytes = Bytes::copy_from_slice(&self.scratch);
        let timers = &self.config.timers;
        let effects = match &mut transaction.machine {
            ServerMachine::Invite(machine) => {
                let input = match code {
                    100..200 => invite_server::Input::Provisional,
                    200..300 => invite_server::Input::Success,
                    _ => invite_server::Input::Refusal,
                };
                machine.step(input, timers)
            }
            ServerMachine::Other(machine) => machine.step(server::Input::Final, timers),
        };
        if code >= 200 {
            transaction.head = None;
        }
        self.server_effects(key, &effects, Some(bytes.clone()));
        Some(bytes)
    }

    pub(super) fn server_effects(&mut self, key: u64, effects: &[Effect], message: Option<Bytes>) {
        for effect in effects {
            let Some(transaction) = self.servers.get_mut(key) else { return };
            match *effect {
                Effect::Send => {
                    transaction.last = message.clone().unwrap_or_default();
                    let (flow, bytes) = (transaction.flow, transaction.last.clone());
                    self.send(flow, bytes);
                }
                Effect::Resend if !transaction.last.is_empty() => {
                    let (flow, bytes) = (transaction.flow, transaction.last.clone());
                    self.send(flow, bytes);
                }
                Effect::Arm(timer, after) => self.arm(after, Alarm::Server(key, timer)),
                Effect::End => self.close_server(key),
                // A refusal whose ACK is lost is no news: the leg ended when it was refused.
                Effect::Resend | Effect::Acknowledge | Effect::Tell | Effect::TimedOut | Effect::Failed => {}
            }
        }
    }

    fn close_server(&mut self, key: u64) {
        let Some(gone) = self.servers.remove(key) else { return };
        if self.by_branch.get(&gone.branch) == Some(&key) {
            self.by_branch.remove(&gone.branch);
        }
        if let Some(origin) = gone.origin.filter(|origin| self.by_origin.get(origin) == Some(&key)) {
            self.by_origin.remove(&origin);
        }
    }

    /// A final answer that needs no leg, kept for repetitions.
    pub(super) fn answer_once(
        &mut self,
        flow: &Flow,
        request: &Message<'_>,
        core: &Core<'_>,
        code: u16,
        lines: impl FnOnce(&mut Writer<'_>),
    ) {
        if let Some(key) = self.open_server(flow, request, core, None) {
            let tag = self.stateless_tag(core);
            self.answer_server(key, code, Some(&tag), None, lines);
        }
    }

    /// The same tag for the same request, without remembering it.
    fn stateless_tag(&self, core: &Core<'_>) -> String {
        let branch = core.via.branch.unwrap_or_default();
        format!("s{:016x}", self.hash(&[branch, core.call_id, core.from.tag().unwrap_or_default()]))
    }

    /// Refuses a request without remembering it. A stranger gets no more bytes than were sent, so that nobody can be
    /// flooded through us.
    pub(super) fn refuse(
        &mut self,
        flow: &Flow,
        request: &Message<'_>,
        core: &Core<'_>,
        code: u16,
        lines: &[(Name, &[u8])],
    ) {
        self.answer_stateless(flow, request, core, code, lines);
        self.events.push_back(Event::Rejected { from: flow.remote, code });
    }

    pub(super) fn answer_stateless(
        &mut self,
        flow: &Flow,
        request: &Message<'_>,
        core: &Core<'_>,
        code: u16,
        lines: &[(Name, &[u8])],
    ) {
        if request.method() == Some(Method::Ack) {
            return;
        }
        let Some(head) = ReplyHead::of(request, flow.remote) else { return };
        let tag = self.stateless_tag(core);
        let (longest, fewest) = (self.longest_answer(flow, request, code), usize::from(matches!(code, 401 | 407)));
        let mut n_lines = lines.len();
        loop {
            let mut writer = Writer::response(&mut self.scratch, code);
            head.write(Some(&tag), false, &mut writer);
            for (name, value) in &lines[..n_lines] {
                writer.header(*name, value);
            }
            writer.finish(None);
            match self.scratch.len() <= longest {
                true => break,
                false if n_lines <= fewest => return,
                false => n_lines = fewest,
            }
        }
        let bytes = Bytes::copy_from_slice(&self.scratch);
        self.send(Self::answer_flow(flow, core), bytes);
    }

    /// How many bytes may answer a request. Who writes over UDP may have written another's address, so a stranger gets
    /// no more than was sent; a challenge cannot be that short, and may be three times as long.
    pub(super) fn longest_answer(&self, flow: &Flow, request: &Message<'_>, code: u16) -> usize {
        match (flow.transport, code) {
            (Transport::Tcp | Transport::Tls, _) => usize::MAX,
            (Transport::Udp, _) if self.is_known(flow) => usize::MAX,
            (Transport::Udp, 401 | 407) => request.total_bytes() * 3,
            (Transport::Udp, _) => request.total_bytes(),
        }
    }

    /// Whether the address belongs to a trunk or to a registered phone.
    pub(super) fn is_known(&self, flow: &Flow) -> bool {
        self.registrar.knows(flow.remote.ip()) || self.trunks.by_source(flow.remote.ip()).is_some()
    }

    pub(super) fn server_of(&self, core: &Core<'_>, method: Method) -> Option<u64> {
        self.by_branch.get(&self.branch_key(core, method_name(method).as_bytes())).copied()
    }
}
