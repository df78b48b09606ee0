//! The whole of SIP behind one door.
//!
//! `requests` takes what comes from outside any dialog, `inside` what belongs to a leg, `responses` the answers to our
//! own requests; `calls` is what the owner may ask. `change` is the session that is changed, `early` and `reliable` what
//! is said before a call is taken, `refer` the call that is handed over, `digits` its keys, `session` its timer, and
//! `revival` what outlives us. `trunks` registers with providers, `challenges` proves to them who we are. `servers` and
//! `clients` run the transactions, `alarms` the clock.

mod alarms;
mod calls;
mod challenges;
mod change;
mod clients;
mod digits;
mod early;
mod inside;
mod refer;
mod reliable;
mod requests;
mod responses;
mod revival;
mod servers;
mod session;
mod slots;
mod trunks;
mod wheel;

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hasher as _};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use shared::time::Moment;

use self::alarms::Alarm;
use self::clients::ClientTransaction;
use self::servers::ServerTransaction;
use self::slots::Slots;
use self::wheel::Wheel;
use super::config::StackConfig;
use super::event::{Ending, Event, Flow, GoneBecause, LegId, PhoneAccount, Transmit, Transport};
use super::headers::via::MAGIC_COOKIE;
use super::leg::{Change, Leg, Phase};
use super::message::{Message, ReplyHead};
use super::registrar::Registrar;
use super::stream::PONG;
use super::trunk::Trunks;

/// How long a phone whose connection was lost in a talk may take to come back. Its operator may still be heard; the
/// caller of one who is not must not wait longer.
const PHONE_RETURNS_WITHIN: Duration = Duration::from_secs(15);

/// The signalling core. See the module's story in [`sip`](super).
pub struct Stack {
    config: StackConfig,
    rng: StdRng,
    /// Makes hashes, and the tags of answers without state, unpredictable.
    secret: [u8; 16],
    registrar: Registrar,
    trunks: Trunks,
    /// Our sockets, for requests that no flow leads to: trunk pings.
    locals: Vec<(Transport, SocketAddr)>,
    legs: Slots<Leg>,
    /// Legs of an earlier process by the tags that it minted; never more than legs.
    foreign: HashMap<Box<str>, u64>,
    /// Legs whose end the owner has not been told.
    n_live: usize,
    servers: Slots<ServerTransaction>,
    /// Server transactions by branch, sent-by and method (RFC 3261 §17.2.3).
    by_branch: HashMap<u64, u64>,
    /// Open INVITEs by From tag, Call-ID and CSeq, to find the same one on two ways (§8.2.2.2).
    by_origin: HashMap<u64, u64>,
    clients: Slots<ClientTransaction>,
    wheel: Wheel<Alarm>,
    refuse_new: Option<u32>,
    overloaded: bool,
    /// Every message is written here first.
    scratch: Vec<u8>,
    events: VecDeque<Event>,
    transmits: VecDeque<Transmit>,
    now: Moment,
    registrations_watched: bool,
    holes_kept_open: bool,
    sessions_watched: bool,
}

impl Stack {
    pub fn new(config: StackConfig, seed: [u8; 32]) -> Self {
        let mut rng = StdRng::from_seed(seed);
        let (mut secret, mut key) = ([0; 16], [0; 32]);
        rng.fill_bytes(&mut secret);
        rng.fill_bytes(&mut key);
        Self {
            registrar: Registrar::new(&config, key),
            trunks: Trunks::new(config.trunks.clone()),
            config,
            rng,
            secret,
            locals: Vec::new(),
            legs: Slots::new(),
            foreign: HashMap::new(),
            n_live: 0,
            servers: Slots::new(),
            by_branch: HashMap::new(),
            by_origin: HashMap::new(),
            clients: Slots::new(),
            wheel: Wheel::new(),
            refuse_new: None,
            overloaded: false,
            scratch: Vec::with_capacity(2048),
            events: VecDeque::new(),
            transmits: VecDeque::new(),
            now: Moment::default(),
            registrations_watched: false,
            holes_kept_open: false,
            sessions_watched: false,
        }
    }

    /// Tells our sockets and asks the trunks for their first sign of life; call once after start.
    pub fn start(&mut self, locals: &[(Transport, SocketAddr)], now: Moment) {
        self.now = now;
        self.locals = locals.to_vec();
        for index in 0..self.trunks.n_trunks() {
            self.ping(index);
            self.begin_registration(index);
        }
    }

    /// The phones that may register. Replaces the earlier list; a phone that is no longer in it is gone at once.
    pub fn set_phones(&mut self, phones: Vec<PhoneAccount>, now: Moment) {
        self.now = now;
        for user in self.registrar.set_phones(phones) {
            self.events.push_back(Event::PhoneGone { user, cause: GoneBecause::AccountRemoved });
        }
    }

    /// From now on new calls get 503 with this `Retry-After` (shutting down); `None` opens the door again.
    pub fn reject_new(&mut self, retry_after_s: Option<u32>) {
        self.refuse_new = retry_after_s;
    }

    /// While this is so, trunks hear 503 to new calls, before anything is remembered of them. Registered phones still
    /// call: there are few of them, and theirs may be an emergency.
    pub const fn set_overloaded(&mut self, overloaded: bool) {
        self.overloaded = overloaded;
    }

    /// The addresses at which there are more or fewer registered phones than when this was asked last: how many there
    /// are now, for [`Flood::phones_at`](super::flood::Flood::phones_at).
    pub fn take_moved_phones(&mut self) -> Vec<(IpAddr, u32)> {
        self.registrar.take_moved()
    }

    /// One datagram, or one message that a [`Splitter`](super::stream::Splitter) has cut from a connection.
    pub fn receive(&mut self, flow: &Flow, bytes: &[u8], now: Moment) {
        self.now = now;
        if bytes.iter().all(|b| matches!(b, b'\r' | b'\n')) {
            if bytes.len() >= 4 && self.registrar.knows(flow.remote.ip()) {
                self.transmits.push_back(Transmit { flow: *flow, bytes: Bytes::from_static(PONG) });
            }
            return;
        }
        if bytes.len() > self.config.limits.message_bytes {
            self.malformed(flow, "the message is too long");
            return;
        }
        match Message::parse(bytes) {
            Err(why) => self.malformed(flow, why),
            Ok(message) if message.is_request() => self.on_request(flow, &message),
            Ok(message) => self.on_response(flow, &message),
        }
    }

    fn malformed(&mut self, flow: &Flow, why: &'static str) {
        self.events.push_back(Event::Malformed { from: flow.remote, why });
    }

    /// A TCP connection was closed, by whomever.
    pub fn connection_closed(&mut self, connection: u64, now: Moment) {
        self.now = now;
        for (user, cause) in self.registrar.connection_closed(connection) {
            self.events.push_back(Event::PhoneGone { user, cause });
        }
        self.fail_flows(|flow| flow.transport.is_stream() && flow.connection == connection);
        self.trunk_connection_closed(connection);
    }

    /// A connection could not be made, or a datagram could not be sent.
    pub fn send_failed(&mut self, flow: &Flow, now: Moment) {
        self.now = now;
        match flow.transport {
            Transport::Tcp | Transport::Tls => self.fail_flows(|other| other == flow),
            // A network that is unreachable for a moment ends no conversation.
            Transport::Udp => self.fail_clients(&|other| other == flow),
        }
    }

    /// Ends what cannot go on without these flows. A conversation stays: a trunk can be connected to anew, and a phone
    /// comes back by itself.
    fn fail_flows(&mut self, lost: impl Fn(&Flow) -> bool) {
        self.fail_clients(&lost);
        let legs: Vec<u64> = self.legs.iter().filter(|(_, leg)| lost(&leg.dialog.flow)).map(|(key, _)| key).collect();
        for key in legs {
            let Some(leg) = self.legs.get_mut(key) else { continue };
            if matches!(leg.phase, Phase::Established) {
                // Its new registration may be heard before the end of its old connection.
                let elsewhere = leg.phone.as_deref().and_then(|user| self.registrar.contact(user));
                if let Some(contact) = elsewhere.filter(|contact| !lost(&contact.flow)) {
                    leg.dialog.flow = contact.flow;
                    continue;
                }
                leg.dialog.flow.connection = 0;
                leg.connection_stamp += 1;
                let (is_phone, stamp) = (leg.phone.is_some(), leg.connection_stamp);
                if is_phone {
                    self.arm(PHONE_RETURNS_WITHIN, Alarm::NotBack(key, stamp));
                }
            } else if !matches!(leg.phase, Phase::Over) {
                self.tell_end(key, Ending::TransportFailed, None);
                self.bury(key);
            }
        }
    }

    fn fail_clients(&mut self, lost: &impl Fn(&Flow) -> bool) {
        let clients: Vec<u64> = self.clients.iter().filter(|(_, it)| lost(&it.flow)).map(|(key, _)| key).collect();
        for key in clients {
            self.client_failed(key);
        }
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What to send next. For connection 0 over TCP the shell keeps one connection to each remote address and uses it
    /// again; answers come in with its number.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    pub fn next_deadline(&self) -> Option<Moment> {
        let due_us = self.wheel.next_due_us()?;
        let ahead = due_us.saturating_sub(self.now.mono_us);
        Some(self.now.after(std::time::Duration::from_micros(ahead)))
    }

    pub fn on_deadline(&mut self, now: Moment) {
        self.now = now;
        for alarm in self.wheel.ring(now) {
            self.on_alarm(alarm);
        }
    }

    /// Where a phone can be reached now, if it is registered.
    pub fn phone_flow(&self, user: &str) -> Option<Flow> {
        self.registrar.contact(user).map(|contact| contact.flow)
    }

    /// Where a phone's messages come from, for who needs to know what its description of the sound cannot know: the
    /// address that it has beyond its NAT. `None` for a trunk, which knows its own addresses.
    pub fn phone_source(&self, leg: LegId) -> Option<IpAddr> {
        self.legs.get(leg.0).filter(|leg| leg.phone.is_some()).map(|leg| leg.dialog.flow.remote.ip())
    }

    /// Legs whose end has not been told yet.
    pub const fn n_legs(&self) -> usize {
        self.n_live
    }

    /// Everything that is still remembered: open legs, ended ones, and transactions.
    pub const fn n_remembered(&self) -> usize {
        self.legs.len() + self.servers.len() + self.clients.len()
    }

    /// Tells the owner once that the leg is over.
    fn tell_end(&mut self, leg: u64, by: Ending, q850: Option<u16>) {
        self.tell_over(leg, Event::HungUp { leg: LegId(leg), by, q850 });
    }

    fn tell_over(&mut self, leg: u64, event: Event) {
        if let Some(leg) = self.legs.get_mut(leg).filter(|leg| !leg.told) {
            leg.told = true;
            self.n_live -= 1;
            self.events.push_back(event);
        }
    }

    /// Nothing more happens on the leg; it is forgotten when late messages can no longer come.
    fn bury(&mut self, key: u64) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        if matches!(leg.phase, Phase::Over) {
            return;
        }
        let phase = std::mem::replace(&mut leg.phase, Phase::Over);
        let change = std::mem::take(&mut leg.change);
        let refer = leg.refer.take().and_then(|refer| refer.unanswered);
        (leg.wanted, leg.digits, leg.reliable, leg.timer) = Default::default();
        leg.stamp += 1;
        let tag = leg.dialog.local_tag.clone();
        // A request that still waits for its answer gets one, or its transaction would wait forever.
        let invite = if let Phase::Incoming { transaction, .. } = phase { Some(transaction) } else { None };
        let offer = if let Change::Theirs { transaction, .. } = change { Some(transaction) } else { None };
        for transaction in [invite, offer, refer].into_iter().flatten() {
            self.answer_server(transaction, 487, Some(&tag), None, |_| {});
        }
        self.arm(self.config.timers.patience(), Alarm::Forget(key));
    }

    fn arm(&mut self, after: std::time::Duration, alarm: Alarm) {
        self.wheel.arm(self.now.after(after), alarm);
    }

    fn advertised(&self, local: SocketAddr) -> SocketAddr {
        self.config.advertised.get(&local).copied().unwrap_or(local)
    }

    fn send(&mut self, flow: Flow, bytes: Bytes) {
        self.transmits.push_back(Transmit { flow, bytes });
    }

    /// A name for something of ours that others will repeat to us: which one it is, and a part that nobody guesses.
    fn mint(&mut self, key: u64) -> String {
        format!("{:02x}p{:x}g{:x}r{:08x}", self.config.node, key as u32, key >> 32, self.rng.next_u32())
    }

    fn mint_branch(&mut self, key: u64) -> String {
        let name = self.mint(key);
        format!("z9hG4bK{name}")
    }

    /// The key inside a name of ours.
    fn key_of(&self, name: &[u8]) -> Option<u64> {
        let name = std::str::from_utf8(name).ok()?;
        let (node, rest) = name.split_at_checked(2)?;
        let (slot, rest) = rest.strip_prefix('p')?.split_once('g')?;
        let (generation, _) = rest.split_once('r')?;
        (u8::from_str_radix(node, 16).ok()? == self.config.node).then_some(())?;
        let slot = u32::from_str_radix(slot, 16).ok()?;
        Some(u64::from(u32::from_str_radix(generation, 16).ok()?) << 32 | u64::from(slot))
    }

    fn key_of_branch(&self, branch: &[u8]) -> Option<u64> {
        self.key_of(branch.strip_prefix(MAGIC_COOKIE)?)
    }

    fn hash(&self, parts: &[&[u8]]) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write(&self.secret);
        for part in parts {
            hasher.write(part);
            hasher.write_u8(0xff);
        }
        hasher.finish()
    }

    fn head_of(request: &Message<'_>, flow: &Flow) -> Option<Arc<ReplyHead>> {
        ReplyHead::of(request, flow.remote).map(Arc::new)
    }
}

#[cfg(test)]
mod tests;
