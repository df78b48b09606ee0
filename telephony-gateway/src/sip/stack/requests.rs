//! What comes from outside any dialog: who may do what, and how the others are refused.

use std::net::SocketAddr;
use std::sync::Arc;

use super::super::dialog::{Dialog, MAX_FORWARDS};
use super::super::event::{Ending, Event, Flow, IncomingInvite, LegId, Origin, RefusedBecause};
use super::super::headers::uri::Scheme;
use super::super::headers::{Address, Name, Uri, Via, list, reason, text};
use super::super::leg::{Leg, Phase, Reliable};
use super::super::message::{ALLOW, Core, Message, Method, SUPPORTED};
use super::super::overload;
use super::super::registrar::{Registered, Verdict};
use super::Stack;
use super::servers::ServerInput;

const ALLOW_LINE: (Name, &[u8]) = (Name::Allow, ALLOW.as_bytes());
const ACCEPT_LINE: (Name, &[u8]) = (Name::Accept, b"application/sdp");

impl Stack {
    pub(super) fn on_request(&mut self, flow: &Flow, request: &Message<'_>) {
        let core = match request.core() {
            Ok(core) => core,
            Err(why) => return self.unreadable(flow, request, why),
        };
        if let Some(fault) = request.fault {
            self.malformed(flow, fault.why);
            return self.answer_stateless(flow, request, &core, fault.code, &[]);
        }
        let method = request.method();
        let known = self.by_branch.get(&self.branch_key(&core, request.method_text())).copied();
        let known = known.filter(|key| self.is_from_sender(*key, flow));
        match (method, known) {
            (Some(Method::Ack), Some(key)) if self.awaits_ack(key) => self.server_input(key, ServerInput::Ack),
            (Some(Method::Ack), _) => self.on_ack(flow, request, &core),
            (_, Some(key)) => self.server_input(key, ServerInput::Again),
            (Some(Method::Cancel), None) => self.on_cancel(flow, request, &core),
            (_, None) if core.to.tag().is_some() => self.on_request_inside(flow, request, &core),
            (_, None) => self.on_new(flow, request, &core),
        }
    }

    /// A transaction is between two: a stranger who repeats another's request would have our answers sent there.
    fn is_from_sender(&self, key: u64, flow: &Flow) -> bool {
        self.servers.get(key).is_some_and(|transaction| transaction.flow.remote.ip() == flow.remote.ip())
    }

    fn awaits_ack(&self, key: u64) -> bool {
        use super::super::transaction::invite_server::State;
        use super::servers::ServerMachine;
        let machine = self.servers.get(key).map(|transaction| &transaction.machine);
        matches!(machine, Some(ServerMachine::Invite(m)) if matches!(m.state, State::Completed { .. } | State::Confirmed))
    }

    /// A request without the headers that everything rests on. If at least the way back is readable, it gets a 400.
    fn unreadable(&mut self, flow: &Flow, request: &Message<'_>, why: &'static str) {
        self.malformed(flow, why);
        if request.method() == Some(Method::Ack) {
            return;
        }
        let via = request.header(Name::Via).and_then(|value| list::items(value).next());
        let via = via.and_then(super::super::headers::Via::parse);
        let head = super::super::message::ReplyHead::of(request, flow.remote);
        let (Some(via), Some(head)) = (via, head) else { return };
        let mut writer = super::super::message::Writer::response(&mut self.scratch, 400);
        head.write(None, false, &mut writer);
        writer.finish(None);
        if self.scratch.len() > self.longest_answer(flow, request, 400) {
            return;
        }
        let remote = match flow.transport {
            super::Transport::Udp => via.answer_to(flow.remote),
            super::Transport::Tcp | super::Transport::Tls => flow.remote,
        };
        let bytes = bytes::Bytes::copy_from_slice(&self.scratch);
        self.send(Flow { remote, ..*flow }, bytes);
    }

    fn on_new(&mut self, flow: &Flow, request: &Message<'_>, core: &Core<'_>) {
        let known = self.is_known(flow);
        let Some(method) = request.method() else {
            return self.refuse(flow, request, core, 501, &[ALLOW_LINE]);
        };
        match method {
            Method::Invite | Method::Register | Method::Options => {}
            Method::Bye | Method::Update | Method::Info | Method::PRack => {
                return self.refuse(flow, request, core, 481, &[]);
            }
            Method::Message | Method::Subscribe | Method::Refer | Method::Publish | Method::Notify => {
                return match known {
                    true => self.refuse(flow, request, core, 405, &[ALLOW_LINE]),
                    false => self.refuse(flow, request, core, 403, &[]),
                };
            }
            // Both were taken before, ACK and CANCEL have no answer of their own here.
            Method::Ack | Method::Cancel => return,
        }
        if Uri::parse(request.request_uri()).is_none() {
            return self.refuse(flow, request, core, 416, &[]);
        }
        match request.header(Name::MaxForwards).map(list::number::<u8>) {
            Some(None) => return self.refuse(flow, request, core, 400, &[]),
            Some(Some(0)) if method != Method::Options => return self.refuse(flow, request, core, 483, &[]),
            _ => {}
        }
        if self.requires_too_much(flow, request, core) {
            return;
        }
        match method {
            Method::Register => self.on_register(flow, request, core),
            Method::Options => self.answer_stateless(flow, request, core, 200, &[ALLOW_LINE, ACCEPT_LINE]),
            _ => self.on_invite(flow, request, core),
        }
    }

    /// Names the extensions that are required and that we do not have (RFC 3261 §8.2.2.3).
    pub(super) fn requires_too_much(&mut self, flow: &Flow, request: &Message<'_>, core: &Core<'_>) -> bool {
        let ours = |option: &[u8]| list::items(SUPPORTED.as_bytes()).any(|ours| ours.eq_ignore_ascii_case(option));
        let required: Vec<&[u8]> = request.all(Name::Require).flat_map(list::items).filter(|it| !ours(it)).collect();
        if required.is_empty() {
            return false;
        }
        self.refuse(flow, request, core, 420, &[(Name::Unsupported, &required.join(&b", "[..]))]);
        true
    }

    fn on_register(&mut self, flow: &Flow, request: &Message<'_>, core: &Core<'_>) {
        let verdict = self.registrar.authenticate(request, Name::Authorization, flow.remote.ip(), self.now);
        let Some(user) = self.admit(flow, request, core, verdict, 401) else { return };
        let registered = self.registrar.register(&user, request, core, flow, self.now);
        let code = match &registered {
            Registered::Refused(code) => *code,
            Registered::Here { .. } | Registered::Gone | Registered::Unchanged => 200,
        };
        let contacts = self.registrar.write_contacts(&user, self.now);
        let shortest = self.registrar.shortest_expiry_s();
        self.answer_once(flow, request, core, code, |writer| match code {
            200 => contacts.iter().for_each(|contact| {
                writer.header(Name::Contact, contact);
            }),
            423 => {
                writer.header_fmt(Name::MinExpires, format_args!("{shortest}"));
            }
            _ => {}
        });
        match registered {
            Registered::Here { contact, expires_s, fresh } => {
                self.phone_is_back(&user, flow);
                self.events.push_back(Event::PhoneRegistered { user, flow: *flow, contact, expires_s, fresh });
                self.watch_registrations();
                self.watch_holes();
            }
            Registered::Gone => {
                let cause = super::GoneBecause::Unregistered;
                self.events.push_back(Event::PhoneGone { user, cause });
            }
            Registered::Refused(403) => {
                let (user, from) = (user.to_string(), flow.remote);
                self.events.push_back(Event::RegistrationRefused { user, from, why: RefusedBecause::NotTheirs });
            }
            Registered::Refused(_) | Registered::Unchanged => {}
        }
    }

    /// Lets through who has proved to be a phone, and answers all others.
    fn admit(
        &mut self,
        flow: &Flow,
        request: &Message<'_>,
        core: &Core<'_>,
        verdict: Verdict,
        code: u16,
    ) -> Option<Arc<str>> {
        let (stale, refused) = match verdict {
            Verdict::Granted(user) => return Some(user),
            Verdict::Challenge { stale } => (stale, None),
            Verdict::Refused { user, why } => (false, Some((user, why))),
            Verdict::Wait { user, seconds } => {
                let (from, why) = (flow.remote, RefusedBecause::Backoff);
                self.events.push_back(Event::RegistrationRefused { user, from, why });
                let seconds = seconds.to_string();
                self.answer_stateless(flow, request, core, 503, &[(Name::RetryAfter, seconds.as_bytes())]);
                return None;
            }
        };
        if let Some((user, why)) = refused {
            self.events.push_back(Event::RegistrationRefused { user, from: flow.remote, why });
        }
        let name = if code == 401 { Name::WwwAuthenticate } else { Name::ProxyAuthenticate };
        let user = core.from.parsed_uri().map(|uri| uri.user_text()).unwrap_or_default();
        let challenges = self.registrar.challenges(&user, stale, self.now);
        let lines: Vec<(Name, &[u8])> = challenges.iter().map(|challenge| (name, challenge.as_bytes())).collect();
        self.answer_stateless(flow, request, core, code, &lines);
        None
    }

    fn on_invite(&mut self, flow: &Flow, request: &Message<'_>, core: &Core<'_>) {
        let called = Uri::parse(request.request_uri()).map(|uri| uri.user).unwrap_or_default();
        let trunk = self.trunks.calling(flow.remote.ip(), called);
        let (origin, trusted) = match trunk.and_then(|index| self.trunks.get(index)) {
            Some(_) if self.overloaded => return self.refuse_for_now(flow, request, core, overload::RETRY_AFTER_S),
            Some(trunk) => (Origin::Trunk(trunk.name.clone()), trunk.trusted),
            None if self.registrar.knows(flow.remote.ip()) => {
                let verdict =
                    self.registrar.authenticate(request, Name::ProxyAuthorization, flow.remote.ip(), self.now);
                let Some(user) = self.admit(flow, request, core, verdict, 407) else { return };
                (Origin::Phone(user), false)
            }
            None => return self.refuse(flow, request, core, 403, &[]),
        };
        if self.by_origin.contains_key(&self.origin_key(core)) || self.is_loop(flow, request, core) {
            return self.refuse(flow, request, core, 482, &[]);
        }
        let full = self.n_live >= self.config.limits.legs;
        if let Some(seconds) = self.refuse_new.or(full.then_some(5)) {
            return self.refuse_for_now(flow, request, core, seconds);
        }
        let Some(dialled) = Uri::parse(request.request_uri()).filter(|uri| {
            // Whoever asks for a secured way gets it where the way is secured (RFC 3261 §26.2.2).
            uri.scheme != Scheme::Sips || flow.transport == super::Transport::Tls
        }) else {
            return self.refuse(flow, request, core, 416, &[]);
        };
        let sdp = match request.description() {
            Ok(sdp) => sdp.map(<[u8]>::to_vec),
            Err(code) => return self.refuse(flow, request, core, code, &[ACCEPT_LINE]),
        };
        if !takes_sdp(request) {
            return self.refuse(flow, request, core, 406, &[]);
        }
        let Ok(terms) = self.terms_of(request) else {
            return self.refuse(flow, request, core, 422, &[(Name::MinSe, b"90")]);
        };
        let replaces = match self.replaced_by(request, &origin) {
            Ok(replaces) => replaces,
            Err(code) => return self.refuse(flow, request, core, code, &[]),
        };
        let key = self.legs.next_key();
        let tag = self.mint(key);
        let Some(dialog) = Dialog::incoming(request, core, &tag, flow) else {
            return self.refuse(flow, request, core, 400, &[]);
        };
        let Some(transaction) = self.open_server(flow, request, core, Some(key)) else {
            return self.refuse(flow, request, core, 503, &[(Name::RetryAfter, b"5")]);
        };
        let phone = match &origin {
            Origin::Phone(user) => Some(user.clone()),
            Origin::Trunk(_) => None,
        };
        let phase = Phase::Incoming { transaction, cseq: core.cseq.number, late_offer: sdp.is_none() };
        let mut leg = Leg::new(dialog, phase, phone);
        leg.learn(request);
        leg.terms = terms;
        if request.lists(Name::Require, "100rel") {
            leg.reliable = Some(Box::new(Reliable { cseq: core.cseq.number, ..Reliable::default() }));
        }
        leg.trunk = trunk.filter(|_| leg.phone.is_none());
        self.legs.insert(leg);
        self.n_live += 1;
        self.answer_server(transaction, 100, None, None, |_| {});
        let from = core.from.parsed_uri();
        let invite = Box::new(IncomingInvite {
            origin,
            flow: *flow,
            dialled: self.number_called(trunk, &dialled, core),
            from_user: from.map(|uri| uri.user_text()).unwrap_or_default(),
            from_display: core.from.display_text(),
            asserted: trusted.then(|| asserted(request)).flatten(),
            privacy: request.all(Name::Privacy).any(|value| {
                let asks = |token: &[u8]| {
                    [&b"id"[..], b"user", b"full"].iter().any(|p| token.trim_ascii().eq_ignore_ascii_case(p))
                };
                value.split(|b| matches!(b, b';' | b',')).any(asks)
            }),
            diverted_from: trusted.then(|| diverted_from(request)).flatten(),
            hops_left: request
                .header(Name::MaxForwards)
                .and_then(list::number)
                .unwrap_or(MAX_FORWARDS)
                .saturating_sub(1),
            replaces,
            call_id: text::readable(core.call_id).into(),
            sdp,
            arrived: self.now,
        });
        self.events.push_back(Event::Invited { leg: LegId(key), invite });
    }

    fn refuse_for_now(&mut self, flow: &Flow, request: &Message<'_>, core: &Core<'_>, retry_after_s: u32) {
        let seconds = retry_after_s.to_string();
        self.refuse(flow, request, core, 503, &[(Name::RetryAfter, seconds.as_bytes())]);
    }

    /// Whether an INVITE of ours has come back to us (RFC 3261 §16.3, RFC 5393): our Via is still in it, or it is the
    /// very call that we began.
    fn is_loop(&self, flow: &Flow, request: &Message<'_>, core: &Core<'_>) -> bool {
        let call = core.from.tag().and_then(|tag| self.key_of(tag)).and_then(|key| self.legs.get(key));
        if call.is_some_and(|leg| leg.dialog.is_ours && leg.dialog.owns_response(core)) {
            return true;
        }
        let here = self.locals.iter().map(|(_, local)| *local).chain([flow.local]);
        let here: Vec<SocketAddr> = here.map(|local| self.advertised(local)).collect();
        request.all(Name::Via).flat_map(list::items).filter_map(Via::parse).any(|via| {
            let is_ours = via.branch.is_some_and(|branch| self.key_of_branch(branch).is_some());
            is_ours && here.iter().any(|at| via.host_is(at.ip()) && via.port.unwrap_or(5060) == at.port())
        })
    }

    /// CANCEL is answered by itself; the INVITE it means ends with 487 (RFC 3261 §9.2).
    fn on_cancel(&mut self, flow: &Flow, request: &Message<'_>, core: &Core<'_>) {
        let invite = self.server_of(core, Method::Invite);
        let invite = invite.filter(|key| self.is_from_sender(*key, flow));
        let leg = invite.and_then(|key| self.servers.get(key)).map(|transaction| transaction.leg);
        let Some(leg) = leg else { return self.refuse(flow, request, core, 481, &[]) };
        self.answer_stateless(flow, request, core, 200, &[]);
        let Some(key) = leg else { return };
        let Some(leg) = self.legs.get(key) else { return };
        if let Phase::Incoming { transaction, .. } = leg.phase {
            let tag = leg.dialog.local_tag.clone();
            self.answer_server(transaction, 487, Some(&tag), None, |_| {});
            let q850 = request.header(Name::Reason).and_then(reason::q850);
            self.tell_end(key, Ending::Cancelled, q850);
            self.bury(key);
        }
    }
}

/// Whether the caller can read our answer's description (RFC 3261 §20.1: without Accept it can).
fn takes_sdp(request: &Message<'_>) -> bool {
    let mut kinds = request.all(Name::Accept).flat_map(list::items).peekable();
    kinds.peek().is_none()
        || kinds.any(|kind| {
            let kind = kind[..memchr::memchr(b';', kind).unwrap_or(kind.len())].trim_ascii();
            [&b"application/sdp"[..], b"application/*", b"*/*"].iter().any(|ours| kind.eq_ignore_ascii_case(ours))
        })
}

/// The number that was called before the call came to us: the last that diverted it, or else the first of its history.
fn diverted_from(request: &Message<'_>) -> Option<String> {
    let mut diversions = request.all(Name::Diversion).flat_map(list::items);
    let first = diversions.next().or_else(|| {
        let mut history = request.all(Name::HistoryInfo).flat_map(list::items);
        // A history of one entry is that of a call which was never diverted.
        let first = history.next()?;
        history.next().map(|_| first)
    });
    let user = Address::parse(first?)?.parsed_uri()?.user_text();
    (!user.is_empty()).then_some(user)
}

/// The number that a trusted trunk vouches for: the first that has one.
fn asserted(request: &Message<'_>) -> Option<String> {
    let mut identities = request.all(Name::AssertedIdentity).flat_map(list::items);
    identities.find_map(|identity| {
        let user = Address::parse(identity)?.parsed_uri()?.user_text();
        (!user.is_empty()).then_some(user)
    })
}
