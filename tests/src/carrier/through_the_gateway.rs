//! A caller and a desk phone with the gateway's own signalling and sound between them, over real sockets: its
//! [`Stack`] and its [`Relay`] under the smallest switchboard there can be.

use std::{collections::HashMap, net::SocketAddr, time::Duration};

use md5::Md5;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use shared::{pii::Secret, time::Clock};
use telephony_gateway::{
    media::music,
    net::relay::{Codec, OpenPort, PortId, Relay, RelayConfig, RelayEvent, RemoteMedia, Stats},
    sip::{
        Event, Flow, Invite, InviteTo, LegId, PhoneAccount, Stack, StackConfig, Transport, Trunk,
        sdp::{self, AudioSession, Direction, Ours},
    },
};
use tokio::{net::UdpSocket, sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    callers::{Callers, CallersConfig},
    phone::{Answers, Phone, PhoneConfig},
    plan::Plan,
    post::Post,
    stage::{Place, perform},
    way::Way,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// Answers every caller with music, rings phone 101, and puts the two through.
struct Switchboard {
    stack: Stack,
    relay: Relay,
    socket: UdpSocket,
    clock: Clock,
    /// Each leg's port, and the leg at the other end.
    legs: HashMap<LegId, (PortId, Option<LegId>)>,
    lifts_by_itself: bool,
}

impl Switchboard {
    async fn run(mut self) -> anyhow::Result<()> {
        let local = self.socket.local_addr()?;
        let began = Instant::now();
        let mut datagram = vec![0; 65_536];
        loop {
            while let Some(event) = self.stack.poll_event() {
                self.on_event(event);
            }
            while let Some(transmit) = self.stack.poll_transmit() {
                self.socket.send_to(&transmit.bytes, transmit.flow.remote).await?;
            }
            let deadline = self.stack.next_deadline().map_or(PATIENCE, |at| Duration::from_micros(at.mono_us));
            tokio::select! {
                received = self.socket.recv_from(&mut datagram) => {
                    let (len, remote) = received?;
                    let flow = Flow { transport: Transport::Udp, local, remote, connection: 0 };
                    self.stack.receive(&flow, &datagram[..len], self.clock.now());
                }
                () = tokio::time::sleep_until(began + deadline) => self.stack.on_deadline(self.clock.now()),
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        let now = self.clock.now();
        match event {
            Event::Invited { leg, invite } => {
                let offer = AudioSession::parse(&invite.sdp.expect("the caller offers sound")).expect("readable sound");
                let port = self.open(leg);
                self.relay.set_remote(port.id, remote_media(&offer));
                self.relay.play_music(port.id);
                let answer = sdp::answer(&offer, &ours(self.address(port)));
                self.stack.answer(leg, answer.expect("an answer to what was read"), now);
            }
            Event::Confirmed { leg, .. } => self.ring_the_phone(leg),
            Event::Ringing { leg, .. } if !self.lifts_by_itself => {
                assert!(self.stack.talk(leg, now), "the phone has said that it knows talk");
            }
            Event::Answered { leg, sdp } => {
                let answer = AudioSession::parse(&sdp).expect("readable sound");
                let (port, caller) = self.legs[&leg];
                self.relay.set_remote(port, remote_media(&answer));
                let caller = caller.expect("the phone was rung for a caller");
                self.relay.bridge(self.legs[&caller].0, port);
            }
            Event::HungUp { leg, .. } | Event::Refused { leg, .. } => {
                if let Some((port, other)) = self.legs.remove(&leg) {
                    self.relay.close(port);
                    if let Some(other) = other.filter(|other| self.legs.contains_key(other)) {
                        self.stack.hang_up(other, None, now);
                    }
                }
            }
            _ => {}
        }
    }

    fn ring_the_phone(&mut self, caller: LegId) {
        let OpenPort { id, rtp_port } = self.relay.open().expect("a free port");
        let invite = Invite {
            to: InviteTo::Phone("101".into()),
            from_display: String::new(),
            from_user: "+79160000001".into(),
            sdp: sdp::offer(&ours(SocketAddr::new(self.relay.advertised(), rtp_port))),
            auto_answer: self.lifts_by_itself,
            ring_seconds: Some(30),
            ..Invite::default()
        };
        let phone = self.stack.invite(invite, self.clock.now()).expect("the phone is registered");
        self.legs.insert(phone, (id, Some(caller)));
        if let Some((_, other)) = self.legs.get_mut(&caller) {
            *other = Some(phone);
        }
    }

    fn open(&mut self, leg: LegId) -> OpenPort {
        let port = self.relay.open().expect("a free port");
        self.legs.insert(leg, (port.id, None));
        port
    }

    fn address(&self, port: OpenPort) -> SocketAddr {
        SocketAddr::new(self.relay.advertised(), port.rtp_port)
    }
}

fn ours(address: SocketAddr) -> Ours<'static> {
    Ours { address, codecs: &sdp::Codec::ALL, direction: Direction::SendRecv, session_id: 1, version: 1, key: None }
}

fn remote_media(session: &AudioSession) -> RemoteMedia {
    let payload = match session.codecs[0].codec {
        sdp::Codec::Pcma => Codec::Pcma,
        sdp::Codec::Pcmu => Codec::Pcmu,
    };
    RemoteMedia {
        rtp: session.address,
        payload,
        telephone_event: session.telephone_event,
        receiving: session.direction.receives(),
        sending: session.direction.sends(),
        keys: None,
    }
}

fn account(user: &str, password: &str) -> PhoneAccount {
    let secret = format!("{user}:pult:{password}");
    PhoneAccount {
        user: user.into(),
        ha1_md5: Md5::digest(&secret).into(),
        ha1_sha256: Sha256::digest(&secret).into(),
        md5_only: false,
    }
}

async fn socket() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").await.unwrap()
}

/// What the caller and the phone report of one whole call, and what the relay counted on the two ports.
async fn one_call(ports: std::ops::RangeInclusive<u16>, knows_talk: bool) -> (Value, Value, Vec<Stats>) {
    let (told, mut relay_events) = mpsc::unbounded_channel();
    let relay = Relay::start(
        RelayConfig {
            address: [127, 0, 0, 1].into(),
            advertised: [127, 0, 0, 1].into(),
            ports,
            quarantine: Duration::from_secs(5),
            threads: 1,
            music: music::on_hold(),
        },
        move |event| drop(told.send(event)),
    )
    .unwrap();
    let gateway_socket = socket().await;
    let server = gateway_socket.local_addr().unwrap();
    let clock = Clock::start();
    // Callers come from an address of their own, as from a carrier; the phone stands on the gateway's.
    let trunk = Trunk {
        name: "carrier".into(),
        sources: vec!["127.0.0.2".parse().unwrap()],
        address: None,
        transport: Transport::Udp,
        options_every: None,
        trusted: false,
        ..Trunk::default()
    };
    let mut stack = Stack::new(StackConfig { trunks: vec![trunk], ..StackConfig::default() }, [7; 32]);
    stack.start(&[(Transport::Udp, server)], clock.now());
    stack.set_phones(vec![account("101", "secret")], clock.now());
    let switchboard = Switchboard {
        stack,
        relay: relay.clone(),
        socket: gateway_socket,
        clock,
        legs: HashMap::new(),
        lifts_by_itself: !knows_talk,
    };
    let switchboard = tokio::spawn(switchboard.run());

    let (reported, mut reports) = mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    let place = |socket, sings_pilot| {
        let reported = reported.clone();
        let way = Way::Datagrams { socket, server };
        let reports = Box::new(move |report| drop(reported.send(report)));
        Place { way, behind_nat: false, sings_pilot, reports }
    };

    let phone_socket = socket().await;
    let config = PhoneConfig {
        user: "101".into(),
        password: Secret::new("secret"),
        answers: Answers::WhenTold,
        knows_talk,
        hangs_up_after: None,
    };
    let phone = Phone::new(config, Post::new(phone_socket.local_addr().unwrap(), server, 1));
    let phone = tokio::spawn(perform(phone, place(phone_socket, true), stop.clone()));
    assert_eq!(next(&mut reports, "registered").await["phone"], "101");

    let caller_socket = UdpSocket::bind("127.0.0.2:0").await.unwrap();
    let plan = Plan::read(r#"[{"from": "+79160000001", "talk_s": 1, "patience_s": 15}]"#).unwrap();
    let config = CallersConfig { to: "84951234567".into(), any_answer_is_a_person: false };
    let callers = Callers::new(config, plan, Post::new(caller_socket.local_addr().unwrap(), server, 2));
    tokio::time::timeout(PATIENCE, perform(callers, place(caller_socket, false), stop.clone())).await.unwrap().unwrap();

    let (mut of_the_caller, mut of_the_phone) = (None, None);
    while of_the_caller.is_none() || of_the_phone.is_none() {
        let report = next(&mut reports, "ended").await;
        let whose = if report.get("phone").is_some() { &mut of_the_phone } else { &mut of_the_caller };
        *whose = Some(report);
    }
    let mut stats = Vec::new();
    while stats.len() < 2 {
        match tokio::time::timeout(PATIENCE, relay_events.recv()).await.unwrap().unwrap() {
            RelayEvent::Closed { stats: closed, .. } => stats.push(closed),
            RelayEvent::Fault { what } => panic!("{what}"),
            RelayEvent::FirstPacket { .. } | RelayEvent::Silent { .. } | RelayEvent::Digit { .. } => {}
        }
    }
    stop.cancel();
    tokio::time::timeout(PATIENCE, phone).await.unwrap().unwrap().unwrap();
    switchboard.abort();
    (of_the_caller.unwrap(), of_the_phone.unwrap(), stats)
}

/// The next report of this event; a caller's only one counts as `ended`.
async fn next(reports: &mut mpsc::UnboundedReceiver<Value>, event: &str) -> Value {
    loop {
        let report = tokio::time::timeout(PATIENCE, reports.recv()).await.expect("it is reported in time").unwrap();
        if report["event"] == event || (event == "ended" && report.get("event").is_none()) {
            return report;
        }
    }
}

async fn check(ports: std::ops::RangeInclusive<u16>, knows_talk: bool) {
    let (caller, phone, stats) = one_call(ports, knows_talk).await;
    assert_eq!((&caller["ended_by"], &phone["ended_by"]), (&"caller".into(), &"gateway".into()), "{caller} {phone}");
    let count = |report: &Value, what: &str| report[what].as_u64().unwrap();
    assert!(count(&caller, "voice_after_ms") >= count(&caller, "answered_after_ms"), "{caller}");
    // A second of talk is fifty packets; a busy machine may shorten it.
    assert!(count(&caller, "heard_packets") >= 30 && count(&phone, "heard_packets") >= 30, "{caller} {phone}");
    assert_eq!((count(&caller, "lost_packets"), count(&phone, "lost_packets")), (0, 0), "{caller} {phone}");
    for stats in stats {
        assert!(stats.received.packets >= 30 && stats.sent.packets >= 30, "{stats:?}");
        assert_eq!(stats.received.lost, 0, "{stats:?}");
    }
}

#[tokio::test]
async fn a_caller_hears_music_then_the_agent_whose_phone_the_gateway_has_lifted() {
    check(34_000..=34_050, true).await;
}

#[tokio::test]
async fn a_phone_that_does_not_know_talk_lifts_itself_by_answer_after() {
    check(34_100..=34_150, false).await;
}
