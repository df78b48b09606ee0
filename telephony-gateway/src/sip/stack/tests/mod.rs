//! Two stacks and the network between them, in virtual time.

mod calls;
mod changes;
mod connections;
mod doors;
mod phones;
mod refer;
mod reliable;
mod revival;
mod sessions;
mod talk;
mod trunks;
mod weather;

use std::time::Duration;

use super::super::config::{StackConfig, Trunk};
use super::super::event::{Invite, InviteTo};
use super::*;

const SDP: &[u8] = b"v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8\r\n";
const GATEWAY: &str = "10.0.0.1:5060";
const CARRIER: &str = "192.0.2.1:5060";

fn flow(local: &str, remote: &str) -> Flow {
    let (local, remote) = (local.parse().unwrap(), remote.parse().unwrap());
    Flow { transport: Transport::Udp, local, remote, connection: 0 }
}

fn config_with_trunk(source: &str) -> StackConfig {
    let sources = vec![source.split(':').next().unwrap().parse().unwrap()];
    let name = "carrier".into();
    let trunk = Trunk { name, sources, trusted: true, ..Trunk::default() };
    StackConfig { trunks: vec![trunk], check_dialogs_every: None, ..StackConfig::default() }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Gateway,
    Carrier,
}

/// What the network does with one message: it arrives after so many milliseconds, or never.
type Weather = Box<dyn FnMut(Side, &str) -> Option<u64>>;

struct Pair {
    gateway: Stack,
    carrier: Stack,
    now_ms: u64,
    on_the_way: Vec<(u64, u64, Side, Bytes)>,
    n_sent: u64,
    weather: Weather,
    /// What was sent, by whom, when: the first line only.
    log: Vec<(u64, Side, String)>,
    told: Vec<(Side, Event)>,
    /// The carrier's calls require reliable provisional answers.
    requires_reliable: bool,
}

impl Pair {
    fn new(weather: impl FnMut(Side, &str) -> Option<u64> + 'static) -> Self {
        Self {
            gateway: Stack::new(config_with_trunk(CARRIER), [1; 32]),
            carrier: Stack::new(config_with_trunk(GATEWAY), [2; 32]),
            now_ms: 0,
            on_the_way: Vec::new(),
            n_sent: 0,
            weather: Box::new(weather),
            log: Vec::new(),
            told: Vec::new(),
            requires_reliable: false,
        }
    }

    fn clear() -> Self {
        Self::new(|_, _| Some(1))
    }

    fn now(&self) -> Moment {
        Moment::at_ms(self.now_ms)
    }

    /// The carrier calls the gateway.
    fn call(&mut self) -> LegId {
        self.call_offering(SDP)
    }

    fn call_offering(&mut self, sdp: &[u8]) -> LegId {
        let to = InviteTo::Address { uri: format!("sip:112@{GATEWAY}"), flow: flow(CARRIER, GATEWAY) };
        let (from_display, from_user) = ("Анна".to_owned(), "+79162040000".to_owned());
        let invite = Invite { to, from_display, from_user, sdp: sdp.to_vec(), ..Invite::default() };
        let now = self.now();
        let leg = self.carrier.invite(invite, now).unwrap();
        self.collect();
        leg
    }

    fn collect(&mut self) {
        for side in [Side::Gateway, Side::Carrier] {
            let stack = match side {
                Side::Gateway => &mut self.gateway,
                Side::Carrier => &mut self.carrier,
            };
            while let Some(event) = stack.poll_event() {
                self.told.push((side, event));
            }
            while let Some(transmit) = stack.poll_transmit() {
                let first = String::from_utf8_lossy(&transmit.bytes).lines().next().unwrap_or_default().to_owned();
                let cseq = String::from_utf8_lossy(&transmit.bytes);
                let cseq = cseq.lines().find(|l| l.starts_with("CSeq")).unwrap_or_default();
                let line = match first.strip_prefix("SIP/2.0 ") {
                    Some(status) => format!("{} {}", &status[..3], cseq.rsplit(' ').next().unwrap_or_default()),
                    None => first.split(' ').next().unwrap_or_default().to_owned(),
                };
                let required = self.requires_reliable && side == Side::Carrier && line == "INVITE";
                let bytes = if required { requiring_reliable(&transmit.bytes) } else { transmit.bytes };
                if let Some(delay) = (self.weather)(side, &line) {
                    self.n_sent += 1;
                    self.on_the_way.push((self.now_ms + delay, self.n_sent, side, bytes));
                }
                self.log.push((self.now_ms, side, line));
            }
        }
    }

    /// Lets time pass, one thing after the other.
    fn run(&mut self, ms: u64) {
        let end = self.now_ms + ms;
        loop {
            self.collect();
            let arrival = self.on_the_way.iter().map(|(due, n, ..)| (*due, *n)).min();
            let deadline = [self.gateway.next_deadline(), self.carrier.next_deadline()];
            let deadline = deadline.into_iter().flatten().map(|at| at.mono_us.div_ceil(1000)).min();
            let next = arrival.map(|(due, _)| due).into_iter().chain(deadline).min().unwrap_or(u64::MAX);
            if next > end {
                self.now_ms = end;
                return;
            }
            self.now_ms = self.now_ms.max(next);
            let now = self.now();
            if let Some((_, n)) = arrival.filter(|(due, _)| *due <= self.now_ms) {
                let at = self.on_the_way.iter().position(|(_, number, ..)| *number == n).unwrap();
                let (_, _, from, bytes) = self.on_the_way.remove(at);
                match from {
                    Side::Carrier => self.gateway.receive(&flow(GATEWAY, CARRIER), &bytes, now),
                    Side::Gateway => self.carrier.receive(&flow(CARRIER, GATEWAY), &bytes, now),
                }
            } else {
                self.gateway.on_deadline(now);
                self.carrier.on_deadline(now);
            }
        }
    }

    /// The leg that the gateway was given.
    fn incoming(&self) -> LegId {
        let mut legs = self.told.iter().filter_map(|(side, event)| match (side, event) {
            (Side::Gateway, Event::Invited { leg, .. }) => Some(*leg),
            _ => None,
        });
        legs.next().expect("the gateway was called")
    }

    fn events(&self, of: Side) -> Vec<&Event> {
        self.told.iter().filter(|(side, _)| *side == of).map(|(_, event)| event).collect()
    }

    /// When a kind of message was sent.
    fn sent(&self, of: Side, line: &str) -> Vec<u64> {
        self.log.iter().filter(|(_, side, sent)| *side == of && sent == line).map(|(at, ..)| *at).collect()
    }

    /// Calls, answers and lets the ACK through: both legs are established.
    fn talking(&mut self) -> (LegId, LegId) {
        let caller = self.call();
        self.run(10);
        let (leg, now) = (self.incoming(), self.now());
        self.gateway.ring(leg, now);
        self.gateway.answer(leg, SDP.to_vec(), now);
        self.run(100);
        (leg, caller)
    }
}

/// The same INVITE with an extension required that we merely offer.
fn requiring_reliable(invite: &[u8]) -> Bytes {
    let text = String::from_utf8(invite.to_vec()).unwrap();
    let first = text.contains("\r\nCSeq: 1 INVITE");
    if first { text.replace("\r\nSupported: ", "\r\nRequire: 100rel\r\nSupported: ").into() } else { text.into() }
}

fn hung_up(leg: LegId, by: Ending) -> Event {
    Event::HungUp { leg, by, q850: None }
}

/// Loses everything of this kind that this side sends.
fn losing(from: Side, what: &'static str) -> impl FnMut(Side, &str) -> Option<u64> {
    move |side, line| (side != from || line != what).then_some(1)
}

/// Loses only the first of this kind.
fn losing_first(from: Side, what: &'static str) -> impl FnMut(Side, &str) -> Option<u64> {
    let mut lost = false;
    move |side, line| {
        let lose = !lost && side == from && line == what;
        lost |= lose;
        (!lose).then_some(1)
    }
}

const HOUR: Duration = Duration::from_secs(3600);
