//! Two exchanges that speak with each other over real sockets on loopback: one is the house, the other its provider.

use std::time::Duration;

use md5::{Digest as _, Md5};
use sha2::Sha256;
use shared::pii::Secret;
use shared::time::Clock;
use tokio::time::timeout;

use super::*;
use crate::config::{SipListen, SipTls as Identity, TrunkConfig, TrunkTls, Trust};
use crate::sip::{
    Event as SipEvent, Invite, InviteTo, LegId, Login, Network, PhoneAccount, Register, Stack, StackConfig, Trunk,
};

const PATIENCE: Duration = Duration::from_secs(20);
const SDP: &[u8] = b"v=0\r\nc=IN IP6 ::1\r\nm=audio 4000 RTP/AVP 8\r\n";
const USER: &str = "pult-gw";

/// A stack with its doors, on the clock of this machine.
struct Exchange {
    stack: Stack,
    outbound: Outbound,
    events: mpsc::Receiver<Event>,
    clock: Clock,
    tasks: Tasks,
    _folder: tempfile::TempDir,
}

impl Exchange {
    fn open(address: &str, transport: Transport, trunk: Option<(TrunkConfig, Trunk)>, realm: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tls = Identity::OfTheDesks { state_dir: folder.path().to_owned(), public_name: "pult.example".into() };
        let (trunk_config, trunk) = trunk.unzip();
        let config = SipConfig {
            listen: vec![SipListen { transport, address: address.parse().unwrap() }],
            tls: (transport == Transport::Tls).then_some(tls),
            trunks: trunk_config.into_iter().collect(),
            ..SipConfig::default()
        };
        let (to_loop, events) = mpsc::channel(64);
        let (tasks, clock) = (Tasks::new(), Clock::start());
        let outbound = Outbound::open(&config, &to_loop, &tasks).unwrap();
        let config = StackConfig {
            realm: realm.to_owned(),
            trunks: trunk.into_iter().collect(),
            check_dialogs_every: None,
            ..StackConfig::default()
        };
        let mut stack = Stack::new(config, [3; 32]);
        let locals: Vec<_> = outbound.locals().iter().map(|flow| (flow.transport, flow.local)).collect();
        stack.start(&locals, clock.now());
        Self { stack, outbound, events, clock, tasks, _folder: folder }
    }

    fn local(&self) -> SocketAddr {
        self.outbound.locals()[0].local
    }

    /// Sends what there is to send.
    fn let_out(&mut self) {
        while let Some(transmit) = self.stack.poll_transmit() {
            if self.outbound.send(&transmit).is_err() {
                self.stack.send_failed(&transmit.flow, self.clock.now());
            }
        }
    }

    /// Waits for one thing to happen at the door, or for the next deadline.
    async fn turn(&mut self) {
        self.let_out();
        let now = self.clock.now();
        let until = self.stack.next_deadline().map_or(PATIENCE, |due| due.since(now));
        match timeout(until, self.events.recv()).await {
            Err(_) => self.stack.on_deadline(self.clock.now()),
            Ok(Some(Event::Sip { flow, bytes, .. })) => self.stack.receive(&flow, &bytes, self.clock.now()),
            Ok(Some(Event::SipClosed { connection })) => self.stack.connection_closed(connection, self.clock.now()),
            Ok(Some(Event::SipUnsendable { flow })) => self.stack.send_failed(&flow, self.clock.now()),
            Ok(other) => panic!("{other:?}"),
        }
        self.let_out();
    }
}

/// Lets both sides live until the first has an event that `wanted` takes; the provider rings and answers what it gets.
async fn until<T>(house: &mut Exchange, provider: &mut Exchange, wanted: impl Fn(&SipEvent) -> Option<T>) -> T {
    let both = async {
        loop {
            while let Some(event) = provider.stack.poll_event() {
                if let SipEvent::Invited { leg, invite } = event {
                    assert_eq!(invite.dialled, "84952040000");
                    provider.stack.answer(leg, SDP.to_vec(), provider.clock.now());
                }
            }
            while let Some(event) = house.stack.poll_event() {
                if let Some(found) = wanted(&event) {
                    return found;
                }
            }
            tokio::select! {
                () = house.turn() => {}
                () = provider.turn() => {}
            }
        }
    };
    timeout(PATIENCE, both).await.expect("it happens in time")
}

async fn register_and_call(address: &str, transport: Transport) {
    let mut provider = Exchange::open(address, transport, None, "provider");
    let secret = format!("{USER}:provider:secret");
    let (ha1_md5, ha1_sha256) = (Md5::digest(&secret).into(), Sha256::digest(&secret).into());
    let account = PhoneAccount { user: USER.to_owned(), ha1_md5, ha1_sha256, md5_only: false };
    provider.stack.set_phones(vec![account], provider.clock.now());
    let at = provider.local();
    let fingerprint = provider.outbound.tls_fingerprint().map_or([0; 32], |text| {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.replace(':', ""), &mut bytes).unwrap();
        bytes
    });
    let config = TrunkConfig {
        name: "provider".into(),
        address: Some(at),
        transport,
        tls: TrunkTls { server_name: None, trust: Trust::Fingerprint(fingerprint) },
        ..TrunkConfig::default()
    };
    let trunk = Trunk {
        name: "provider".into(),
        sources: vec![Network::from(at.ip())],
        address: Some(at),
        transport,
        trusted: true,
        login: Some(Login { user: USER.into(), password: Secret::new("secret"), realm: "provider".into() }),
        register: Some(Register { expires_s: 600, number: None }),
        ..Trunk::default()
    };
    let mut house = Exchange::open(address, transport, Some((config, trunk)), "pult");
    let expires_s = until(&mut house, &mut provider, |event| match event {
        SipEvent::TrunkRegistered { expires_s, .. } => Some(*expires_s),
        SipEvent::TrunkRegistrationFailed { why, .. } => panic!("{why}"),
        _ => None,
    })
    .await;
    assert_eq!(expires_s, 600);
    let invite = Invite {
        to: InviteTo::Trunk { name: "provider".into(), number: "84952040000".into() },
        from_display: String::new(),
        from_user: "+74950000001".to_owned(),
        sdp: SDP.to_vec(),
        auto_answer: false,
        ring_seconds: None,
        ..Invite::default()
    };
    let leg: LegId = house.stack.invite(invite, house.clock.now()).unwrap();
    let sdp = until(&mut house, &mut provider, |event| match event {
        SipEvent::Answered { leg: of, sdp } if *of == leg => Some(sdp.clone()),
        SipEvent::Refused { code, reason, .. } => panic!("{code} {reason}"),
        _ => None,
    })
    .await;
    assert_eq!(sdp, SDP);
    for exchange in [house, provider] {
        exchange.tasks.token().cancel();
        assert!(exchange.tasks.wait(PATIENCE).await.is_empty());
    }
}

#[tokio::test]
async fn the_house_registers_and_calls_over_every_way_and_both_kinds_of_address() {
    for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            register_and_call(address, transport).await;
        }
    }
}
