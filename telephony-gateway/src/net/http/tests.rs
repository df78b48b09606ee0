//! Real sockets on loopback: requests are written byte by byte, desks are real WebSockets.

use std::sync::atomic::Ordering as Order;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use shared::ids::CallId;
use shared::wire::http::SignIn;
use shared::wire::{ClientFrame, WIRE_VERSION};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::*;
use crate::config::SignInConfig;
use crate::net::auth::Sessions;
use crate::net::fake_records::{ANNA, FakeRecords, KNOWN, PASSWORD};
use crate::net::health::Health;
use crate::switchboard::event::{DeskHello, ToDesk};

const PATIENCE: Duration = Duration::from_secs(20);

struct House {
    records: Arc<FakeRecords>,
    address: SocketAddr,
    events: mpsc::Receiver<Event>,
    health: Health,
    tasks: Tasks,
    _folder: tempfile::TempDir,
}

impl House {
    fn open() -> Self {
        let records = Arc::new(FakeRecords::with_anna());
        let folder = tempfile::tempdir().unwrap();
        let limits = SignInConfig { idle_minutes: 30, absolute_hours: 12, known_days: 30 };
        let sessions = Sessions::open(folder.path(), limits, records.clone(), Clock::utc());
        let (to_loop, events) = mpsc::channel(64);
        let health = Health::default();
        let tasks = Tasks::new();
        let desk = DeskDoor { sessions, events: to_loop, health: health.clone() };
        let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle();
        let door = HttpDoor::new(desk, records.clone(), metrics, &tasks);
        let address = door.open("127.0.0.1:0".parse().unwrap(), None).unwrap();
        Self { records, address, events, health, tasks, _folder: folder }
    }

    /// One request on a connection of its own. Gives status, head and body.
    async fn ask(&self, method: &str, path: &str, token: &str, body: &str) -> (u16, String, Value) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: desk\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_lowercase(), serde_json::from_str(body).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str, token: &str) -> (u16, Value) {
        let (status, _, body) = self.ask("GET", path, token, "").await;
        (status, body)
    }

    async fn sign_in(&self, password: &str) -> (u16, String, Value) {
        let body =
            serde_json::to_string(&SignIn { login: "anna".to_owned(), password: shared::pii::Secret::new(password) });
        self.ask("POST", "/v1/sign-in", "", &body.unwrap()).await
    }

    async fn token(&self) -> String {
        let (status, _, body) = self.sign_in(PASSWORD).await;
        assert_eq!(status, 200, "{body}");
        body["token"].as_str().unwrap().to_owned()
    }

    async fn desk(&self) -> Desk {
        let url = format!("ws://{}/v1/desk", self.address);
        Desk { socket: tokio_tungstenite::connect_async(url).await.unwrap().0 }
    }

    async fn event(&mut self) -> Event {
        tokio::time::timeout(PATIENCE, self.events.recv()).await.unwrap().unwrap()
    }

    async fn hello(&mut self) -> DeskHello {
        match self.event().await {
            Event::DeskHello(hello) => *hello,
            other => panic!("a hello was expected: {other:?}"),
        }
    }
}

struct Desk {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Desk {
    async fn say(&mut self, text: impl ToString) {
        self.socket.send(Message::text(text.to_string())).await.unwrap();
    }

    async fn say_hello(&mut self, token: &str) {
        self.say(json!({
            "frame": "hello", "version": WIRE_VERSION, "program": "test", "token": token,
            "seat": uuid::Uuid::nil(), "resume": null, "take_over": false,
        }))
        .await;
    }

    /// The next text; `None` when the connection is closed.
    async fn hear(&mut self) -> Option<Value> {
        loop {
            match tokio::time::timeout(PATIENCE, self.socket.next()).await.unwrap() {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    async fn must_be_refused(mut self, why: &str) -> Value {
        let frame = self.hear().await.expect("a refusal in words");
        assert_eq!(frame["refused"]["why"]["why"], why, "{frame}");
        assert_eq!(self.hear().await, None);
        frame
    }
}

#[tokio::test]
async fn a_wrong_password_is_answered_in_words_and_guessing_with_a_wait() {
    let house = House::open();
    for _ in 0..5 {
        let (status, _, body) = house.sign_in("a wrong one").await;
        assert_eq!((status, &body["code"]), (401, &json!("wrong_password")));
    }
    let (status, head, body) = house.sign_in(PASSWORD).await;
    assert_eq!((status, &body["code"]), (429, &json!("too_many_guesses")));
    assert!(head.contains("retry-after: "), "{head}");
}

#[tokio::test]
async fn who_opens_a_card_is_in_the_audit_with_the_call() {
    let house = House::open();
    let token = house.token().await;
    let (status, card) = house.get("/v1/customers/7/card?call=99", &token).await;
    assert_eq!((status, &card["customer"]["id"]), (200, &json!(7)));
    let audited = house.records.audited();
    let line = audited.iter().find(|row| row.what == AuditAction::CardOpened).unwrap();
    assert_eq!((line.agent, line.customer, line.call), (ANNA, Some(KNOWN), Some(CallId(99))));

    assert_eq!(house.get("/v1/customers/7/history?q=счёт&channel=call&limit=10", &token).await.0, 200);
    assert_eq!(house.get("/v1/customers?q=соко", &token).await.0, 200);
    let kinds: Vec<_> = house.records.audited().iter().map(|row| row.what).collect();
    use AuditAction::{CardOpened, HistoryRead, Searched, SignedIn};
    assert_eq!(kinds, [SignedIn, CardOpened, HistoryRead, Searched]);
}

#[tokio::test]
async fn a_card_that_cannot_be_audited_is_not_shown() {
    let house = House::open();
    let token = house.token().await;
    house.records.audit_away.store(true, Order::Relaxed);
    let (status, body) = house.get("/v1/customers/7/card", &token).await;
    assert_eq!((status, &body["code"]), (503, &json!("database_away")));
    assert_eq!(body.get("customer"), None);
}

#[tokio::test]
async fn every_refusal_says_what_is_wrong() {
    let house = House::open();
    let token = house.token().await;
    let long = "x".repeat(101);
    for (method, path, token, body, status, code) in [
        ("GET", "/v1/customers/7/card", "nobody's", "", 401, "signed_out"),
        ("GET", "/v1/customers?q=a", "", "", 401, "signed_out"),
        ("GET", "/v1/customers/8/card", &token, "", 404, "no_such_customer"),
        ("GET", "/v1/customers/abc/card", &token, "", 404, "no_such_customer"),
        ("GET", "/v1/customers?q=", &token, "", 400, "invalid"),
        ("GET", "/v1/customers", &token, "", 400, "invalid"),
        ("GET", &format!("/v1/customers?q={long}"), &token, "", 400, "invalid"),
        ("GET", "/v1/customers/7/history?channel=smoke", &token, "", 400, "invalid"),
        ("POST", "/v1/sign-in", "", "{", 400, "invalid"),
        ("POST", "/v1/sign-in", "", &" ".repeat(LONGEST_BODY + 1), 413, "invalid"),
        ("GET", "/v1/sign-in", "", "", 405, "method_not_allowed"),
        ("GET", "/v2/anything", "", "", 404, "not_found"),
    ] {
        let (found, _, problem) = house.ask(method, path, token, body).await;
        assert_eq!((found, problem["code"].as_str()), (status, Some(code)), "{method} {path}: {problem}");
        assert!(!problem["text"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn who_signs_out_is_gone_for_the_switchboard_too() {
    let mut house = House::open();
    let token = house.token().await;
    assert_eq!(house.ask("POST", "/v1/sign-out", &token, "").await.0, 204);
    assert!(matches!(house.event().await, Event::SignedOut { .. }));
    assert_eq!(house.get("/v1/customers?q=a", &token).await.0, 401);
}

#[tokio::test]
async fn a_gateway_that_starts_gets_no_calls_and_one_without_database_does() {
    let house = House::open();
    assert_eq!(house.get("/healthz", "").await.0, 200);
    assert_eq!(house.get("/readyz", "").await.0, 503);
    house.health.enter(Phase::Ready);
    house.health.set(shared::wire::event::Fault::DatabaseAway, true);
    let (status, body) = house.get("/readyz", "").await;
    assert_eq!((status, &body["faults"][0]["code"]), (200, &json!("database_away")));
    assert_eq!(house.get("/metrics", "").await.0, 200);
    house.health.enter(Phase::Ending);
    assert_eq!(house.get("/readyz", "").await.0, 503);
}

#[tokio::test]
async fn a_desk_says_hello_and_frames_go_both_ways() {
    let mut house = House::open();
    let token = house.token().await;
    let mut desk = house.desk().await;
    desk.say_hello(&token).await;
    let hello = house.hello().await;
    assert_eq!((hello.profile.id, hello.take_over), (ANNA, false));
    desk.say(json!({ "frame": "ping", "nonce": 5, "desk_us": 6 })).await;
    let Event::DeskFrame { connection, frame: ClientFrame::Ping { nonce: 5, .. } } = house.event().await else {
        panic!("a ping was expected")
    };
    assert_eq!(connection, hello.connection);
    hello.to_desk.send(ToDesk::Text(r#"{"first":1}"#.into())).await.unwrap();
    hello.to_desk.send(ToDesk::Text(r#"{"second":2}"#.into())).await.unwrap();
    hello.to_desk.send(ToDesk::Close).await.unwrap();
    assert_eq!(desk.hear().await, Some(json!({ "first": 1 })));
    assert_eq!(desk.hear().await, Some(json!({ "second": 2 })));
    assert_eq!(desk.hear().await, None);
    assert!(matches!(house.event().await, Event::DeskGone { connection } if connection == hello.connection));
}

#[tokio::test]
async fn a_desk_that_hangs_up_is_gone_at_once() {
    let mut house = House::open();
    let token = house.token().await;
    let mut desk = house.desk().await;
    desk.say_hello(&token).await;
    let hello = house.hello().await;
    let connection = hello.connection;
    drop(desk);
    assert!(matches!(house.event().await, Event::DeskGone { connection: gone } if gone == connection));
}

#[tokio::test]
async fn a_hello_that_cannot_be_taken_must_be_refused_in_words() {
    let house = House::open();
    let token = house.token().await;
    let mut older = house.desk().await;
    older.say(json!({ "frame": "hello", "version": WIRE_VERSION + 1, "unknown": [] })).await;
    let frame = older.must_be_refused("version").await;
    assert_eq!(frame["refused"]["why"]["gateway"], WIRE_VERSION);

    let mut stranger = house.desk().await;
    stranger.say_hello("nobody's").await;
    stranger.must_be_refused("signed_out").await;

    let mut rude = house.desk().await;
    rude.say(json!({ "frame": "ping", "nonce": 1, "desk_us": 1 })).await;
    rude.must_be_refused("malformed").await;

    house.health.enter(Phase::Ending);
    let mut late = house.desk().await;
    late.say_hello(&token).await;
    late.must_be_refused("shutting_down").await;
}

#[tokio::test]
async fn a_desk_that_speaks_nonsense_must_be_refused_and_gone() {
    let mut house = House::open();
    let token = house.token().await;
    for nonsense in ["{", r#"{"frame":"dance"}"#] {
        let mut desk = house.desk().await;
        desk.say_hello(&token).await;
        let _hello = house.hello().await;
        desk.say(nonsense).await;
        desk.must_be_refused("malformed").await;
        assert!(matches!(house.event().await, Event::DeskGone { .. }));
    }
}

#[tokio::test]
async fn a_frame_that_is_too_large_ends_the_connection() {
    let mut house = House::open();
    let token = house.token().await;
    let mut desk = house.desk().await;
    desk.say_hello(&token).await;
    let _hello = house.hello().await;
    // The gateway may close while we still write.
    let _ = desk.socket.send(Message::text("x".repeat(LONGEST_MESSAGE + 1))).await;
    assert!(matches!(house.event().await, Event::DeskGone { .. }));
}

#[tokio::test]
async fn the_door_closes_when_the_service_ends() {
    let house = House::open();
    house.get("/healthz", "").await;
    house.tasks.token().cancel();
    assert!(house.tasks.wait(PATIENCE).await.is_empty());
    assert!(TcpStream::connect(house.address).await.is_err());
}

#[tokio::test]
async fn with_tls_a_desk_sees_the_certificate_that_was_printed() {
    let records = Arc::new(FakeRecords::with_anna());
    let folder = tempfile::tempdir().unwrap();
    let limits = SignInConfig { idle_minutes: 30, absolute_hours: 12, known_days: 30 };
    let sessions = Sessions::open(folder.path(), limits, records.clone(), Clock::utc());
    let listen: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let identity = crate::net::tls::load_or_make(folder.path(), "pult.test", listen.ip()).unwrap();
    let tasks = Tasks::new();
    let (to_loop, _events) = mpsc::channel(64);
    let desk = DeskDoor { sessions, events: to_loop, health: Health::default() };
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle();
    let address = HttpDoor::new(desk, records, metrics, &tasks).open(listen, Some(&identity)).unwrap();

    let pem = std::fs::read(&identity.certificate).unwrap();
    use rustls::pki_types::pem::PemObject as _;
    let own = rustls::pki_types::CertificateDer::from_pem_slice(&pem).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(own).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from("pult.test").unwrap();
    let mut stream = tokio_rustls::TlsConnector::from(Arc::new(client)).connect(name, stream).await.unwrap();
    let seen = crate::net::tls::fingerprint_of(&stream.get_ref().1.peer_certificates().unwrap()[0]);
    assert_eq!(seen, identity.fingerprint);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
