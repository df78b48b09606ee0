//! The link against a gateway over a real socket.

#![allow(clippy::unwrap_used, reason = "a test says with it that a promise was broken")]

mod gateway;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gateway::{CALL, Gateway, answer_http};
use operator_app::link::Link;
use operator_app::link::tls::fingerprint;
use operator_app::perform::{Ask, Hands, perform};
use operator_app::settings::Settings;
use operator_app::state::call::CardView;
use operator_app::state::desk::{Aftermath, Desk};
use operator_app::state::event::LinkEvent;
use operator_app::state::session::{Connection, Refused, SignInError, SignInStep};
use operator_app::{command, state};
use shared::domain::call::CallKind;
use shared::domain::queue::QueueCode;
use shared::ids::CallbackId;
use shared::phone::CallerNumber;
use shared::pii::Secret;
use shared::time::{Clock, UtcMs};
use shared::wire::card::CardState;
use shared::wire::command::{Command, Done};
use shared::wire::event::{Event, Offer, WithdrawnBecause};
use shared::wire::{ClientFrame, Refusal, Sealed, ServerFrame, StreamPosition};
use uuid::Uuid;

/// A desk without a window.
struct Blind {
    desk: Desk,
    link: Link,
    clock: Clock,
    settings: Settings,
}

const PATIENCE: Duration = Duration::from_secs(20);

impl Blind {
    fn open(state_dir: &Path) -> Self {
        let clock = Clock::start();
        let link = Link::start(clock, state_dir.to_owned(), Arc::new(|_| {})).unwrap();
        Self { desk: Desk::default(), link, clock, settings: Settings::default() }
    }

    fn does(&mut self, command: command::Command) {
        let mut mint = Uuid::now_v7;
        let now = self.clock.now();
        let hands = &mut Hands { desk: &mut self.desk, settings: &mut self.settings, mint: &mut mint, now };
        for ask in perform(command, hands) {
            self.link.ask(ask);
        }
    }

    fn signs_in(&mut self, gateway: &str) {
        let (gateway, login) = (gateway.to_owned(), "anna".to_owned());
        self.does(command::Command::SignIn { gateway, login, password: Secret::new("long enough") });
    }

    /// Takes events until the desk is as wanted.
    fn until(&mut self, wanted: impl Fn(&Desk) -> bool) {
        tokio::task::block_in_place(|| {
            while !wanted(&self.desk) {
                let stamped = self.link.wait(PATIENCE).expect("the link has nothing more to tell");
                assert!(!matches!(stamped.event, LinkEvent::DiskFailed));
                if self.desk.apply(stamped, self.clock.now()) == Aftermath::Reconnect {
                    self.link.ask(Ask::Resync);
                }
            }
        });
    }
}

fn offered() -> Event {
    let offer = Offer {
        call: CALL,
        queue: QueueCode::new("billing"),
        caller: CallerNumber::Withheld,
        display_name: None,
        arrived_at: UtcMs(1),
        offered_at: UtcMs(1),
        until: UtcMs(15_000),
        can_answer_from_screen: true,
        age_us: 700,
        customer: None,
        card: Sealed::pack(&CardState::Withheld).unwrap(),
        kind: CallKind::Inbound,
        from: None,
        path: vec![],
    };
    Event::Offered { offer: Box::new(offer) }
}

fn resume_of(hello: &ClientFrame) -> Option<StreamPosition> {
    let ClientFrame::Hello { resume, .. } = hello else { panic!("{hello:?}") };
    *resume
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pop_comes_with_its_card_and_its_measure_goes_back() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::open().await;
    let mut anna = Blind::open(folder.path());
    anna.signs_in(&gateway.address());
    let (mut line, hello) = gateway.hello().await;
    assert_eq!(resume_of(&hello), None);
    line.welcome(1, 10).await;
    line.tell(11, offered()).await;
    anna.until(|desk| desk.call.is_some());
    assert!(matches!(anna.desk.front_tab().unwrap().card, CardView::Withheld));
    let (call, us) = anna.desk.drawn(anna.clock.now()).unwrap();
    assert!(us >= 700, "{us}");
    anna.link.ask(Ask::Shown { call, invite_to_pop_us: us });
    let shown = line.heard().await;
    assert!(matches!(shown, ClientFrame::Shown { call: CALL, invite_to_pop_us } if invite_to_pop_us == us));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_break_the_desk_goes_on_from_the_last_event_it_took_in() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::open().await;
    let mut anna = Blind::open(folder.path());
    anna.signs_in(&gateway.address());
    let (mut line, _) = gateway.hello().await;
    line.welcome(1, 10).await;
    line.tell(11, offered()).await;
    anna.until(|desk| desk.call.is_some());
    drop(line);
    anna.until(|desk| matches!(desk.connection, Connection::Offline { .. }));
    assert!(anna.desk.call.is_some());
    let (mut line, hello) = gateway.hello().await;
    assert_eq!(resume_of(&hello), Some(StreamPosition { epoch: 1, seq: 11 }));
    line.say(&gateway::welcome(1, true)).await;
    line.tell(12, Event::Withdrawn { call: CALL, why: WithdrawnBecause::CallerGone }).await;
    anna.until(|desk| desk.call.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_in_the_events_is_noticed_and_everything_asked_for_anew() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::open().await;
    let mut anna = Blind::open(folder.path());
    anna.signs_in(&gateway.address());
    let (mut line, _) = gateway.hello().await;
    line.welcome(1, 10).await;
    line.tell(13, offered()).await;
    anna.until(|desk| matches!(desk.connection, Connection::Offline { .. }));
    let (_, hello) = gateway.hello().await;
    assert_eq!(resume_of(&hello), None);
    assert!(anna.desk.call.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_goes_under_one_id_until_it_is_answered_even_over_a_killed_desk() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::open().await;
    let mut anna = Blind::open(folder.path());
    anna.signs_in(&gateway.address());
    let (mut line, _) = gateway.hello().await;
    line.welcome(1, 10).await;
    anna.until(|desk| desk.connection.is_online());
    anna.does(command::Command::MarkMissed { callback: CallbackId(3), handled: true });
    let ClientFrame::Command { id: first, .. } = line.heard().await else { panic!("no command") };
    drop(line);
    anna.until(|desk| desk.saves.n_waiting() == 1);

    // The first life is cut off in the middle; only its lock has to go, as it does with a killed process.
    drop(anna);
    let mut anna = Blind::open(folder.path());
    anna.signs_in(&gateway.address());
    let (mut line, _) = gateway.hello().await;
    line.welcome(1, 10).await;
    anna.until(|desk| desk.saves.n_waiting() == 1);
    let ClientFrame::Command { id, command } = line.heard().await else { panic!("no command") };
    assert_eq!(id, first);
    assert!(matches!(command, Command::MarkMissed { callback: CallbackId(3), handled: true }));
    line.say(&ServerFrame::Answer { id, outcome: Ok(Done::Ok) }).await;
    anna.until(|desk| desk.saves.n_waiting() == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_place_asks_before_it_takes_the_call_over() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::open().await;
    let mut anna = Blind::open(folder.path());
    anna.signs_in(&gateway.address());
    let (mut line, _) = gateway.hello().await;
    line.say(&ServerFrame::Refused { why: Refusal::DeskElsewhere }).await;
    anna.until(|desk| desk.connection == Connection::Refused { why: Refused::DeskElsewhere });
    anna.does(command::Command::TakeOver);
    let (mut line, hello) = gateway.hello().await;
    assert!(matches!(hello, ClientFrame::Hello { take_over: true, .. }));
    line.welcome(1, 10).await;
    anna.until(|desk| desk.connection.is_online());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_computer_opens_one_window_for_one_person() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::open().await;
    let mut anna = Blind::open(folder.path());
    anna.signs_in(&gateway.address());
    let (mut line, _) = gateway.hello().await;
    line.welcome(1, 10).await;
    anna.until(|desk| desk.connection.is_online());
    let mut again = Blind::open(folder.path());
    again.signs_in(&gateway.address());
    let answering = tokio::spawn(async move { gateway.hello().await });
    again.until(|desk| desk.sign_in.error == Some(SignInError::AlreadyOpen));
    answering.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_outlive_the_program_that_took_them() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::open().await;
    let tab = state::tab::TabKey::Call(CALL);
    let mut anna = Blind::open(folder.path());
    anna.signs_in(&gateway.address());
    let (mut line, _) = gateway.hello().await;
    line.welcome(1, 10).await;
    anna.until(|desk| desk.connection.is_online());
    anna.does(command::Command::Edit {
        tab, edit: state::drafts::Edit::Summary("звонил про счётчик".into())
    });
    let typed = anna.desk.drafts.take_all();
    anna.link.ask(Ask::Drafts(typed));
    drop(anna);
    let mut anna = Blind::open(folder.path());
    anna.signs_in(&gateway.address());
    let (_line, _) = gateway.hello().await;
    anna.until(|desk| desk.drafts.get(tab).is_some());
    assert_eq!(anna.desk.drafts.get(tab).unwrap().summary.reveal(), "звонил про счётчик");
}

/// A gateway's door with a certificate of its own; answers `n_visits` and says what was asked.
async fn door(n_visits: usize) -> (String, String, tokio::task::JoinHandle<Vec<String>>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let print = fingerprint(&certificate);
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("wss://{}", listener.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let mut asked = Vec::new();
        for _ in 0..n_visits {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(mut stream) = acceptor.accept(stream).await {
                asked.push(answer_http(&mut stream).await);
            }
        }
        asked
    });
    (address, print, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_leaves_only_after_the_certificate_was_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let (address, print, asked) = door(2).await;
    let mut anna = Blind::open(folder.path());
    anna.signs_in(&address);
    anna.until(|desk| matches!(desk.sign_in.step, SignInStep::ConfirmFingerprint { .. }));
    let expected = SignInStep::ConfirmFingerprint { gateway: address, fingerprint: print };
    assert_eq!(anna.desk.sign_in.step, expected);
    anna.does(command::Command::ConfirmFingerprint { yes: true });
    anna.until(|desk| desk.session.is_some());
    let asked = asked.await.unwrap();
    assert_eq!(asked.len(), 1, "only the second visit gets past the handshake");
    assert!(asked[0].contains("long enough"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_certificate_gets_no_password_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (address, print, asked) = door(1).await;
    let mut anna = Blind::open(folder.path());
    anna.settings.fingerprints.insert(address.clone(), "AB:CD".into());
    anna.signs_in(&address);
    anna.until(|desk| desk.sign_in.error.is_some());
    assert_eq!(anna.desk.sign_in.error, Some(SignInError::CertificateChanged { found: print }));
    assert!(asked.await.unwrap().is_empty());
}
