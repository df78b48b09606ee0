//! What does not work: the database, the disk, the line. Calls go on.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command as Program, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use shared::domain::call::CallEnding;
use shared::ids::CallId;
use shared::pii::Secret;
use shared::wire::Goodbye;
use shared::wire::card::CardState;
use shared::wire::command::{Command, CommandError, Done, Wrapup};
use shared::wire::event::{Event, Offer};
use shared::wire::http::SignIn;
use sqlx::postgres::PgPool;
use tempfile::TempDir;
use tests::desk::{Desk, save, wrapup};
use tests::gateway::{
    ANNA, BORIS, City, Employee, GLEB, Gateway, MovableClock, PASSWORD, PATIENCE, QUEUE_NUMBER, Setup, Size, VERA,
    http, populate,
};
use tests::left_out::left_out;
use tests::line::{self, AT_ONCE, Playing};
use uuid::Uuid;

/// A number of exactly one customer, in a city of 300 with the first seed on either database.
fn known_number() -> String {
    format!("+{}", City::get().numbers.known[0])
}

/// A PostgreSQL server of this test alone, with a city in it, that can really be stopped.
struct Postgres {
    script: PathBuf,
    folder: TempDir,
    url: String,
}

impl Postgres {
    /// `None` when no server is installed for tests, and the test is left out.
    fn start(test: &str) -> Option<Self> {
        if std::env::var_os("PULT_TEST_POSTGRES").is_none() {
            left_out(test, "PULT_TEST_POSTGRES is not set (`cargo xtask test` sets it)");
            return None;
        }
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("environment/private-postgres.sh");
        let script = std::env::var_os("PULT_TEST_PG_CTL").map_or(here, PathBuf::from);
        let folder = tempfile::Builder::new().prefix("pult-postgres-").tempdir().unwrap();
        let mut server = Self { script, folder, url: String::new() };
        server.ask("start");
        server.url = server.ask("url").trim().to_owned();
        populate(&server.url, &server.folder.path().join("numbers.json"), Size::OF_TESTS).unwrap();
        Some(server)
    }

    fn ask(&self, verb: &str) -> String {
        let output =
            Program::new(&self.script).arg(verb).arg(self.folder.path()).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{verb}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    async fn gateway(&self) -> Gateway {
        Gateway::start_with(Setup { database_url: Some(self.url.clone()), ..Setup::default() }).await
    }

    /// Waits until a count in the database is what it should be.
    async fn wait_for_count(&self, sql: &'static str, expected: i64) {
        let pool = PgPool::connect(&self.url).await.unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let count: i64 = sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap();
            if count == expected {
                return;
            }
            assert!(Instant::now() < deadline, "`{sql}` gives {count} and not {expected}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.ask("drop");
    }
}

/// Somebody calls, and the operator lifts the telephone.
async fn talk(gateway: &Gateway, desk: &mut Desk) -> (Playing, Offer, CardState) {
    let caller = line::caller(gateway, Some(&known_number())).await;
    let offer = desk.offered().await;
    let (_, card) = desk.card(&offer).await;
    desk.answered(offer.call).await;
    (caller, offer, card)
}

async fn whole_call(gateway: &Gateway, desk: &mut Desk) -> (CallId, CardState) {
    let (caller, offer, card) = talk(gateway, desk).await;
    caller.hang_up().await;
    assert_eq!(desk.ended(offer.call).await, CallEnding::CallerHungUp);
    (offer.call, card)
}

/// Boris's talk, which began before something went wrong and ends while it still is.
struct LongTalk {
    desk: Desk,
    call: CallId,
    caller: Playing,
    phone: Playing,
}

/// It is over.
struct Over {
    desk: Desk,
    call: CallId,
}

impl LongTalk {
    /// Nobody else may be ready.
    async fn begin(gateway: &Gateway) -> Self {
        let phone = line::phone(gateway, BORIS, AT_ONCE).await;
        let mut desk = Desk::ready(gateway, BORIS).await;
        let (caller, offer, _) = talk(gateway, &mut desk).await;
        Self { desk, call: offer.call, caller, phone }
    }

    /// The caller hangs up, after a talk whose sound was whole.
    async fn ends(mut self) -> Over {
        let report = self.caller.hang_up().await;
        assert_eq!(self.desk.ended(self.call).await, CallEnding::CallerHungUp);
        let count = |what: &str| report[what].as_u64().unwrap_or_default();
        assert!(count("heard_packets") > 0 && count("lost_packets") * 50 <= count("heard_packets"), "{report}");
        self.phone.leave().await;
        Over { desk: self.desk, call: self.call }
    }
}

#[tokio::test]
async fn calls_go_on_while_the_database_is_away_and_nothing_is_lost() {
    let Some(server) = Postgres::start("the database that goes away") else { return };
    let gateway = server.gateway().await;
    let long = LongTalk::begin(&gateway).await;
    let _phone = line::phone(&gateway, ANNA, AT_ONCE).await;
    let mut desk = Desk::ready(&gateway, ANNA).await;
    let (first, card) = whole_call(&gateway, &mut desk).await;
    assert!(matches!(card, CardState::Known { .. }), "{card:?}");
    desk.save_wrapup(first).await;

    server.ask("stop");
    let (second, card) = whole_call(&gateway, &mut desk).await;
    assert!(matches!(card, CardState::Unavailable), "{card:?}");
    let key = Uuid::now_v7();
    desk.send(key, save(wrapup(second)));
    assert_eq!(desk.answer(key).await, Err(CommandError::DatabaseAway));
    gateway.wait_for_fault("database_away", true).await;
    let (third, _) = whole_call(&gateway, &mut desk).await;
    let mut long = long.ends().await;

    server.ask("start");
    gateway.wait_for_fault("database_away", false).await;
    desk.send(key, save(wrapup(second)));
    assert!(matches!(desk.answer(key).await, Ok(Done::Interaction { .. })), "the desk sends again what it has kept");
    desk.save_wrapup(third).await;
    long.desk.save_wrapup(long.call).await;
    server.wait_for_count("select count(*) from call", 4).await;
    server.wait_for_count("select count(*) from ledger where kind = 'call.ended'", 4).await;
    server.wait_for_count("select count(*) from interaction where call_id in (select id from call)", 4).await;
}

#[tokio::test]
async fn a_gateway_that_starts_without_its_database_takes_calls() {
    let Some(server) = Postgres::start("a start without the database") else { return };
    let mut gateway = server.gateway().await;
    let phone = line::phone(&gateway, ANNA, AT_ONCE).await;
    let desk = Desk::ready(&gateway, ANNA).await;
    phone.leave().await;
    gateway.kill().await;
    let (badge, hello) = desk.lose();
    server.ask("stop");
    gateway.launch().await;
    gateway.wait_for_fault("database_away", true).await;
    let _phone = line::phone(&gateway, ANNA, AT_ONCE).await;
    let mut desk = badge.open(hello).await.expect("who is signed in is remembered");
    desk.become_ready().await;
    let (call, card) = whole_call(&gateway, &mut desk).await;
    assert!(matches!(card, CardState::Unavailable), "{card:?}");
    server.ask("start");
    gateway.wait_for_fault("database_away", false).await;
    desk.save_wrapup(call).await;
    server.wait_for_count("select count(*) from call", 1).await;
}

/// How the sign-in of somebody ends: 200, or the status of the refusal.
async fn sign_in(gateway: &Gateway, who: Employee, password: &str) -> u16 {
    let body = SignIn { login: who.login.to_owned(), password: Secret::new(password) };
    http().post(gateway.url("/v1/sign-in")).json(&body).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn whoever_was_here_lately_begins_a_shift_while_the_database_is_away_and_nobody_else_does() {
    let Some(server) = Postgres::start("a sign-in without the database") else { return };
    let mut gateway = server.gateway().await;
    for who in [ANNA, VERA] {
        assert_eq!(sign_in(&gateway, who, PASSWORD).await, 200);
    }
    let mut boris = Desk::sit_down(&gateway, BORIS).await;
    let new_password = gateway.folder().join("new-password");
    fs::write(&new_password, "another evening").unwrap();
    gateway.administer(&["user", "passwd", VERA.login, "--password-file", new_password.to_str().unwrap()]);
    gateway.administer(&["user", "disable", BORIS.login]);
    assert_eq!(boris.closed().await, Some(Goodbye::SignedOut), "the gateway has noticed both");

    server.ask("stop");
    gateway.wait_for_fault("database_away", true).await;
    gateway.kill().await;
    gateway.launch().await;
    assert_eq!(sign_in(&gateway, BORIS, PASSWORD).await, 503, "disabled");
    assert_eq!(sign_in(&gateway, VERA, PASSWORD).await, 503, "the old password");
    assert_eq!(sign_in(&gateway, VERA, "another evening").await, 200, "the new one");
    assert_eq!(sign_in(&gateway, GLEB, PASSWORD).await, 503, "was never here");
    let _phone = line::phone(&gateway, ANNA, AT_ONCE).await;
    let mut anna = Desk::ready(&gateway, ANNA).await;
    let (call, card) = whole_call(&gateway, &mut anna).await;
    assert!(matches!(card, CardState::Unavailable), "{card:?}");

    server.ask("start");
    gateway.wait_for_fault("database_away", false).await;
    anna.save_wrapup(call).await;
    assert_eq!(sign_in(&gateway, VERA, PASSWORD).await, 401, "the database is asked again");
    let anna_came = "select count(*) from audit join agent on agent.id = audit.agent_id \
                     where agent.login = 'anna' and audit.what = 'signed_in'";
    server.wait_for_count(anna_came, 2).await;
}

/// A file system of a few megabytes, which can be filled.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    fn mount(test: &str, megabytes: u32) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("pult-disk-").tempdir().unwrap();
        let size = format!("size={megabytes}m");
        let mount = Program::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        if mount.is_ok_and(|output| output.status.success()) {
            return Some(Self { folder });
        }
        eprintln!("{test} was not run: a small disk can only be mounted by root");
        None
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes until not a byte fits any more.
    fn fill(&self) {
        let mut file = fs::File::create(self.path().join("filling")).unwrap();
        for size in [65_536, 4096, 1] {
            let piece = vec![1; size];
            while file.write_all(&piece).is_ok() {}
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.path().join("filling")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The processes that wrote here are gone by now; if not, the mount goes with the last of them.
        _ = Program::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_stops_no_call_and_the_ledger_is_whole_when_there_is_room_again() {
    let Some(disk) = SmallDisk::mount("a full disk under the ledger", 8) else { return };
    let state_dir = disk.path().join("state");
    let mut gateway = Gateway::start_with(Setup { state_dir: Some(state_dir), ..Setup::default() }).await;
    let _phone = line::phone(&gateway, ANNA, AT_ONCE).await;
    let long = LongTalk::begin(&gateway).await;
    let mut desk = Desk::ready(&gateway, ANNA).await;
    disk.fill();
    let mut calls = 1;
    // What was reserved for the ledger before still takes a few calls.
    while gateway.readiness().await["faults"].as_array().is_some_and(Vec::is_empty) {
        let (call, _) = whole_call(&gateway, &mut desk).await;
        desk.save_wrapup(call).await;
        calls += 1;
        assert!(calls < 30, "the ledger does not notice that the disk is full");
    }
    let (call, card) = whole_call(&gateway, &mut desk).await;
    calls += 1;
    assert!(matches!(card, CardState::Known { .. }), "calls go on as ever: {card:?}");
    let mut long = long.ends().await;
    disk.make_room();
    desk.save_wrapup(call).await;
    long.desk.save_wrapup(long.call).await;
    gateway.wait_for_fault("ledger_stuck", false).await;
    gateway.end().await;
    let ended: i64 = sqlx::query_scalar("select count(*) from ledger where kind = 'call.ended'")
        .fetch_one(&gateway.database().await)
        .await
        .unwrap();
    assert_eq!(ended, calls, "every call is in the ledger");
}

#[tokio::test]
async fn a_full_disk_under_the_database_keeps_saves_waiting_until_there_is_room() {
    let Some(disk) = SmallDisk::mount("a full disk under the database", 16) else { return };
    let file = disk.path().join("pult.db");
    City::get().copy_to(&file).unwrap();
    let database_url = Some(tests::gateway::sqlite_url(&file));
    let mut gateway = Gateway::start_with(Setup { database_url, ..Setup::default() }).await;
    let _phone = line::phone(&gateway, ANNA, AT_ONCE).await;
    let mut desk = Desk::ready(&gateway, ANNA).await;
    let (caller, offer, _) = talk(&gateway, &mut desk).await;
    disk.fill();
    caller.hang_up().await;
    assert_eq!(desk.ended(offer.call).await, CallEnding::CallerHungUp);
    let key = Uuid::now_v7();
    let long = || save(Wrapup { summary: "ж".repeat(4000).into(), ..wrapup(offer.call) });
    desk.send(key, long());
    assert_eq!(desk.answer(key).await, Err(CommandError::DatabaseAway), "the desk keeps it and sends it again");
    disk.make_room();
    gateway.wait_for_fault("database_away", false).await;
    desk.send(key, long());
    assert!(matches!(desk.answer(key).await, Ok(Done::Interaction { .. })));
    gateway.end().await;
    let calls: i64 =
        sqlx::query_scalar("select count(*) from call").fetch_one(&gateway.database().await).await.unwrap();
    assert_eq!(calls, 1);
}

#[tokio::test]
async fn a_clock_that_is_moved_by_hours_ends_no_talk_signs_nobody_out_and_keeps_the_ledger_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let Some(clock) = MovableClock::find("a clock that is moved", folder.path()) else { return };
    let mut gateway = Gateway::start_with(Setup { clock: Some(clock.clone()), ..Setup::default() }).await;
    let _phone = line::phone(&gateway, ANNA, AT_ONCE).await;
    let long = LongTalk::begin(&gateway).await;
    let mut desk = Desk::ready(&gateway, ANNA).await;
    for (hours, seconds) in [(3, 3 * 3600), (-5, -5 * 3600)] {
        clock.set(seconds);
        gateway.wait_for_fault("clock_jumped", true).await;
        let (call, card) = whole_call(&gateway, &mut desk).await;
        assert!(matches!(card, CardState::Known { .. }), "{hours} hours: {card:?}");
        desk.save_wrapup(call).await;
        clock.set(0);
        gateway.wait_for_fault("clock_jumped", false).await;
    }
    let mut long = long.ends().await;
    assert!(!long.desk.so_far().iter().any(|event| matches!(event, Event::Withdrawn { .. })));
    long.desk.save_wrapup(long.call).await;
    assert!(gateway.metric("clock_jumps_total").await >= Some(2.0));
    gateway.end().await;
    let database = gateway.database().await;
    let ask = async |sql: &'static str| -> i64 { sqlx::query_scalar(sql).fetch_one(&database).await.unwrap() };
    let out_of_order = "select count(*) from (select at, lag(at) over (order by epoch, seq) as before from ledger) \
                        where at < before";
    assert_eq!(ask(out_of_order).await, 0);
    assert_eq!(ask("select count(*) from ledger where kind = 'call.ended'").await, 3);
    let odd = "select count(*) from call where ended_at - arrived_at not between 0 and 300000";
    assert_eq!(ask(odd).await, 0, "no talk has lasted for hours, or less than nothing");
}

#[tokio::test]
async fn without_descriptors_new_calls_hear_503_and_talks_go_on() {
    let gateway = Gateway::start_with(Setup { descriptors: Some(192), ..Setup::default() }).await;
    let long = LongTalk::begin(&gateway).await;
    let one = json!({ "from": null, "talk_s": 3600, "patience_s": 3600 });
    let crowd = vec![one; 60];
    let mut crowd = line::callers_from(&gateway, gateway.carrier_host(), QUEUE_NUMBER, &json!(crowd)).await;
    let refused = crowd.report("ended").await;
    assert_eq!(refused["ended_by"], "refused 503", "{refused}");
    gateway.wait_for_fault("descriptors_out", true).await;
    let readiness = gateway.readiness().await;
    assert!(readiness["faults"][0]["text"].as_str().unwrap().contains("descriptors"), "{readiness}");
    // What one call needs may still be free for connections.
    let mut connections: Vec<TcpStream> = (0..16).map(|_| TcpStream::connect(gateway.sip_address()).unwrap()).collect();
    gateway.wait_for_metric("sip_connections_refused_total", 1.0).await;
    let is_closed = |connection: &mut TcpStream| {
        connection.set_nonblocking(true).unwrap();
        !connection.read(&mut [0; 8]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    };
    assert!(connections.iter_mut().any(is_closed), "taken and closed, not left waiting");
    drop(connections);
    let mut over = long.ends().await;
    over.desk.save_wrapup(over.call).await;
    crowd.leave().await;
    gateway.wait_for_fault("descriptors_out", false).await;

    let _phone = line::phone(&gateway, ANNA, AT_ONCE).await;
    let mut desk = Desk::ready(&gateway, ANNA).await;
    whole_call(&gateway, &mut desk).await;
}

#[tokio::test]
async fn nonsense_on_the_line_does_not_hurt_a_live_call() {
    let gateway = Gateway::start().await;
    let _phone = line::phone(&gateway, ANNA, AT_ONCE).await;
    let mut desk = Desk::ready(&gateway, ANNA).await;
    let (caller, offer, _) = talk(&gateway, &mut desk).await;
    let invite = format!("INVITE sip:1001@{} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1\r\n", gateway.sip_address());
    let nonsense: [&[u8]; 7] = [
        b"",
        b"\r\n\r\n",
        b"\0\xff\xfe not SIP at all",
        b"INVITE",
        b"SIP/2.0 200 OK\r\n\r\n",
        b"BYE sip:x SIP/2.0\r\nContent-Length: 99999999999\r\n\r\n",
        invite.as_bytes(),
    ];
    for host in [gateway.carrier_host(), gateway.stranger_host(), gateway.phone_host("101")] {
        let socket = UdpSocket::bind((host, 0)).unwrap();
        for bytes in nonsense {
            socket.send_to(bytes, gateway.sip_address()).unwrap();
        }
        socket.send_to(&[b'A'; 60_000], gateway.sip_address()).unwrap();
        for bytes in nonsense {
            let mut stream = TcpStream::connect(gateway.sip_address()).unwrap();
            // Who speaks nonsense may be hung up on in the middle of it.
            _ = stream.write_all(bytes);
            _ = stream.shutdown(Shutdown::Write);
        }
    }
    desk.settle().await;
    let told: Vec<Event> = desk.so_far();
    assert!(!told.iter().any(|event| matches!(event, Event::Ended { .. })), "the talk goes on: {told:?}");
    assert_eq!(desk.ask(Command::HangUp { call: offer.call }).await, Ok(Done::Ok));
    assert_eq!(desk.ended(offer.call).await, CallEnding::AgentHungUp);
    let mut caller = caller;
    let report = caller.report("ended").await;
    assert_eq!((&report["ended_by"], &report["lost_packets"]), (&"gateway".into(), &0.into()), "{report}");
    desk.save_wrapup(offer.call).await;
}
