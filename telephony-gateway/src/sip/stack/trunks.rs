//! Our dealings with trunks outside any call: signs of life, our registration with providers, and how a call is sent
//! there.

use std::sync::Arc;
use std::time::Duration;

use rand::Rng as _;
use shared::time::Moment;

use super::super::config::CallerId;
use super::super::dialog::transport_name;
use super::super::event::{Event, Flow, Invite, InviteError, LegId};
use super::super::headers::{Address, Name, Uri, list, text};
use super::super::message::{Core, Message, Method, Writer, method_name};
use super::super::registration::Registration;
use super::Stack;
use super::alarms::Alarm;
use super::calls::{Called, quotable, user_part};
use super::clients::Purpose;

/// After a lost connection the provider cannot call us: we come back soon, but not in step with everybody else.
const BACK_WITHIN: Duration = Duration::from_secs(2);

/// Where a trunk knows us, and as whom.
struct Account {
    host: String,
    user: String,
    contact: String,
}

impl Stack {
    /// The way to a trunk, from a socket of ours that leads there. Over TCP and TLS the shell knows whether a
    /// connection stands.
    pub(super) fn trunk_flow(&self, index: usize) -> Option<Flow> {
        let trunk = self.trunks.get(index)?;
        let remote = trunk.address?;
        let leads_there = |(transport, at): &&(_, std::net::SocketAddr)| {
            *transport == trunk.transport && at.is_ipv4() == remote.is_ipv4()
        };
        let &(transport, local) = self.locals.iter().find(leads_there)?;
        Some(Flow { transport, local, remote, connection: 0 })
    }

    /// A trunk has answered our question for a sign of life. One that passes on what it hears says by these codes that
    /// nobody is behind it.
    pub(super) fn trunk_answers(&mut self, index: usize, code: u16) {
        if code < 200 {
            return;
        }
        let alive = !matches!(code, 408 | 502 | 503 | 504);
        if let Some(name) = self.trunks.heard(index, alive) {
            self.events.push_back(if alive { Event::TrunkAlive { name } } else { Event::TrunkLost { name } });
        }
    }

    /// Says goodbye to the providers, when the service ends: nobody is to be called here any more.
    pub fn leave_trunks(&mut self, now: Moment) {
        self.now = now;
        for index in 0..self.trunks.n_trunks() {
            if let Some(registration) = self.trunks.registration_mut(index).filter(|it| it.is_registered()) {
                registration.leaving = true;
                self.register(index);
            }
        }
    }

    /// Whether the provider behind this trunk knows where to call us; `None` for a trunk without registration.
    pub fn is_registered_at(&self, trunk: &str) -> Option<bool> {
        let index = self.trunks.by_name(trunk)?;
        self.trunks.get(index)?.register.as_ref()?;
        Some(self.trunks.registration(index).is_some_and(Registration::is_registered))
    }

    pub(super) fn begin_registration(&mut self, index: usize) {
        let Some(register) = self.trunks.get(index).and_then(|trunk| trunk.register.clone()) else { return };
        let call_id = self.rng_name();
        if let Some(known) = self.trunks.known_mut(index) {
            known.registration = Some(Registration::new(call_id, &register));
        }
        self.register(index);
    }

    pub(super) fn register_again(&mut self, index: usize, stamp: u32) {
        if self.trunks.registration(index).is_some_and(|it| it.stamp == stamp && !it.leaving) {
            self.register(index);
        }
    }

    fn account(&self, index: usize, flow: &Flow) -> Option<Account> {
        let trunk = self.trunks.get(index)?;
        let user = user_part(trunk.account()?);
        let host = trunk.domain.clone().unwrap_or_else(|| flow.remote.to_string());
        let contact = format!("sip:{user}@{}{}", self.advertised(flow.local), flow.transport.parameter());
        Some(Account { host, user, contact })
    }

    /// REGISTER (RFC 3261 §10.2).
    fn register(&mut self, index: usize) {
        let Some(flow) = self.trunk_flow(index) else {
            return self.registration_failed(index, 503, None, "no socket of ours leads there".to_owned());
        };
        let Some(Account { host, user, contact }) = self.account(index, &flow) else { return };
        let uri = format!("sip:{host}");
        let branch = self.mint_branch(self.clients.next_key());
        let (tag, advertised) = (self.rng_name(), self.advertised(flow.local));
        let proof = self.proof_at_once(index, method_name(Method::Register), uri.as_bytes());
        let Some(registration) = self.trunks.registration_mut(index) else { return };
        registration.cseq += 1;
        registration.stamp += 1;
        let (cseq, call_id, asks_s) = (registration.cseq, registration.call_id.clone(), registration.asks_s());
        let mut writer = Writer::request(&mut self.scratch, method_name(Method::Register), uri.as_bytes());
        let transport = transport_name(flow.transport);
        writer.header_fmt(Name::Via, format_args!("SIP/2.0/{transport} {advertised};branch={branch};rport"));
        writer.header(Name::MaxForwards, b"70");
        writer.header_fmt(Name::From, format_args!("<sip:{user}@{host}>;tag={tag}"));
        writer.header_fmt(Name::To, format_args!("<sip:{user}@{host}>"));
        writer.header_fmt(Name::CallId, format_args!("{call_id}"));
        writer.header_fmt(Name::CSeq, format_args!("{cseq} REGISTER"));
        writer.header_fmt(Name::Contact, format_args!("<{contact}>"));
        writer.header_fmt(Name::Expires, format_args!("{asks_s}"));
        writer.lines(&proof.unwrap_or_default());
        writer.header(Name::UserAgent, self.config.user_agent.as_bytes()).finish(None);
        self.open_client(Purpose::Register(index), branch, flow, None);
    }

    pub(super) fn on_registration_answer(&mut self, index: usize, key: u64, response: &Message<'_>) {
        let code = response.code();
        let leaving = self.trunks.registration(index).is_none_or(|it| it.leaving);
        if code < 200 || leaving {
            return;
        }
        match code {
            200..300 => self.registered(index, key, response),
            423 => {
                let shortest = response.header(Name::MinExpires).and_then(list::number::<u32>).unwrap_or(0);
                let follows = self.trunks.registration_mut(index).is_some_and(|it| it.lengthened(shortest));
                if follows {
                    return self.register(index);
                }
                self.registration_failed(
                    index,
                    code,
                    None,
                    "it takes no registration of a length that we ask for".into(),
                );
            }
            _ => {
                let why = self
                    .why_not_answered(index, key, response)
                    .map_or_else(|| text::readable(response.reason_phrase()), |why| why.to_string());
                let digits = |value: &[u8]| list::number::<u32>(value.split(|b| !b.is_ascii_digit()).next()?);
                let retry_after = response.header(Name::RetryAfter).and_then(digits);
                self.registration_failed(index, code, retry_after, why);
            }
        }
    }

    fn registered(&mut self, index: usize, key: u64, response: &Message<'_>) {
        let Some(flow) = self.clients.get(key).map(|it| it.heard_from.unwrap_or(it.flow)) else { return };
        let contact = self.trunk_flow(index).and_then(|flow| self.account(index, &flow)).map(|it| it.contact);
        let Some(asked_s) = self.trunks.registration(index).map(Registration::asks_s) else { return };
        let granted_s = granted(response, contact.as_deref().unwrap_or_default()).unwrap_or(asked_s);
        if granted_s == 0 {
            return self.registration_failed(index, 200, None, "it has accepted us for no time at all".to_owned());
        }
        let Some(registration) = self.trunks.registration_mut(index) else { return };
        let (after, news) = registration.accepted(granted_s);
        registration.connection = flow.connection;
        let stamp = registration.stamp;
        self.arm(after, Alarm::Register(index, stamp));
        if let Some(trunk) = self.trunks.get(index).filter(|_| news) {
            let name = trunk.name.clone();
            self.events.push_back(Event::TrunkRegistered { name, expires_s: granted_s });
        }
    }

    pub(super) fn registration_failed(&mut self, index: usize, code: u16, retry_after_s: Option<u32>, why: String) {
        let random = self.rng.next_u64();
        let Some(registration) = self.trunks.registration_mut(index).filter(|it| !it.leaving) else { return };
        registration.connection = 0;
        let (pause, stamp) = (registration.refused(retry_after_s, random), registration.stamp);
        self.arm(pause, Alarm::Register(index, stamp));
        if let Some(trunk) = self.trunks.get(index) {
            let (name, again_s) = (trunk.name.clone(), pause.as_secs() as u32);
            self.events.push_back(Event::TrunkRegistrationFailed { name, code, why, again_s });
        }
    }

    /// The provider cannot reach us over this connection any more.
    pub(super) fn trunk_connection_closed(&mut self, connection: u64) {
        for index in 0..self.trunks.n_trunks() {
            let Some(registration) = self.trunks.registration_mut(index) else { continue };
            if connection == 0 || registration.connection != connection {
                continue;
            }
            registration.connection = 0;
            registration.stamp += 1;
            let stamp = registration.stamp;
            let pause = BACK_WITHIN.mul_f64(f64::from(self.rng.next_u32()) / f64::from(u32::MAX));
            self.arm(pause, Alarm::Register(index, stamp));
        }
    }

    /// The number that was called. A provider with whom we are registered calls our account; whom its caller has
    /// dialled stands in the settings, or in To.
    pub(super) fn number_called(&self, trunk: Option<usize>, called: &Uri<'_>, core: &Core<'_>) -> String {
        let called = called.user_text();
        let trunk = trunk.and_then(|index| self.trunks.get(index));
        let Some(register) = trunk.and_then(|trunk| trunk.register.as_ref()) else { return called };
        if trunk.and_then(|trunk| trunk.account()) != Some(&*called) {
            return called;
        }
        let to = core.to.parsed_uri().map(|uri| uri.user_text()).filter(|user| !user.is_empty());
        register.number.clone().or(to).unwrap_or(called)
    }

    /// An INVITE to somebody beyond a trunk.
    pub(super) fn invite_over_trunk(
        &mut self,
        name: &Arc<str>,
        number: &str,
        invite: &Invite,
    ) -> Result<LegId, InviteError> {
        let index = self.trunks.by_name(name).ok_or_else(|| InviteError::NoTrunk { name: name.clone() })?;
        let flow = self.trunk_flow(index).ok_or_else(|| InviteError::NoWay { name: name.clone() })?;
        let trunk = self.trunks.get(index).ok_or_else(|| InviteError::NoTrunk { name: name.clone() })?;
        let there = trunk.domain.clone().unwrap_or_else(|| flow.remote.to_string());
        let here = trunk.domain.clone().unwrap_or_else(|| self.advertised(flow.local).to_string());
        let number = user_part(number);
        let uri = format!("sip:{number}@{there}{}", flow.transport.parameter());
        if number.is_empty() || Uri::parse(uri.as_bytes()).is_none() {
            return Err(InviteError::Unreadable { uri });
        }
        let account = trunk.account().map(user_part);
        let (from, lines) = caller_lines(invite, account.as_deref(), trunk.caller_id, &here);
        let to = format!("<sip:{number}@{there}>");
        let (phone, trunk, can_talk, uri) = (None, Some(index), false, uri.into_bytes().into());
        Ok(self.send_invite(Called { uri, flow, from, to, phone, trunk, can_talk, lines }, invite))
    }
}

/// From, and the further lines that tell a trunk who calls (RFC 3325 §9.1, RFC 3323 §4.1).
fn caller_lines(invite: &Invite, account: Option<&str>, caller_id: CallerId, host: &str) -> (String, Vec<u8>) {
    let number = user_part(&invite.from_user);
    let name = match invite.from_display.is_empty() {
        true => String::new(),
        false => format!("\"{}\" ", quotable(&invite.from_display)),
    };
    if number.is_empty() {
        let lines = account.map(|account| format!("P-Asserted-Identity: <sip:{account}@{host}>\r\nPrivacy: id\r\n"));
        return ("\"Anonymous\" <sip:anonymous@anonymous.invalid>".to_owned(), lines.unwrap_or_default().into_bytes());
    }
    match (caller_id, account) {
        (CallerId::Asserted, Some(account)) => {
            let lines = format!("P-Asserted-Identity: {name}<sip:{number}@{host}>\r\n");
            (format!("{name}<sip:{account}@{host}>"), lines.into_bytes())
        }
        (CallerId::Asserted, None) => {
            let lines = format!("P-Asserted-Identity: {name}<sip:{number}@{host}>\r\n");
            (format!("{name}<sip:{number}@{host}>"), lines.into_bytes())
        }
        (CallerId::From, _) => (format!("{name}<sip:{number}@{host}>"), Vec::new()),
    }
}

/// For how long we are registered: what stands at our own contact, or at the only one, or for all of them.
fn granted(response: &Message<'_>, contact: &str) -> Option<u32> {
    let contacts: Vec<Address<'_>> =
        response.all(Name::Contact).flat_map(list::items).filter_map(Address::parse).collect();
    let ours = contacts.iter().find(|it| it.uri == contact.as_bytes());
    let only = if contacts.len() == 1 { contacts.first() } else { None };
    let expires = ours.or(only).and_then(|it| it.parameter("expires").flatten()).and_then(list::number::<u32>);
    expires.or_else(|| response.header(Name::Expires).and_then(list::number::<u32>))
}
