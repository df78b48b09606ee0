//! The street: floods, nonsense and people who only hold the door, each with a live call beside it that must not
//! notice anything. Nothing here is measured in time; what is awaited is counted by the gateway itself.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

use std::collections::BTreeSet;
use std::net::{IpAddr, UdpSocket};
use std::time::Duration;

use rand::Rng as _;
use shared::pii::Secret;
use shared::wire::http::SignIn;
use tests::carrier::digest::{Challenge, Request};
use tests::carrier::message::Message;
use tests::gateway::{Gateway, PATIENCE, http};
use tests::left_out::left_out;
use tests::street::{A_MOMENT, LiveCall, connect, flood_until, made_up, request, reset, sound_ports};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const REFUSED: &str = "sip_flood_refused_total";

fn crowd(n: usize) -> Vec<IpAddr> {
    (0..n).map(made_up).collect()
}

#[tokio::test]
async fn a_flood_of_registrations_from_thousands_of_made_up_addresses() {
    let live = LiveCall::begin().await;
    let to = live.gateway.sip_address();
    let make = move |from, n| request("REGISTER", to, from, n, "UDP", false);
    flood_until(&live.gateway, (REFUSED, 10_000.0), crowd(3000), 10, make).await;
    live.must_be_as_lean_as_before().await;
    live.must_be_unhurt().await;
}

#[tokio::test]
async fn a_flood_of_calls_from_strangers() {
    let live = LiveCall::begin().await;
    let (to, stranger) = (live.gateway.sip_address(), live.gateway.stranger_host());
    let make = move |from, n| request("INVITE", to, from, n, "UDP", true);
    let of = |whose: &str| format!("{REFUSED}{{of=\"{whose}\"}}");
    flood_until(&live.gateway, (&of("stranger"), 10_000.0), vec![stranger], 20_000, make).await;
    flood_until(&live.gateway, (&of("strangers"), 5000.0), crowd(3000), 5, make).await;
    let known = live.gateway.metric("calls_arrived_total").await;
    assert_eq!(known, Some(1.0), "nobody but the live caller has called");
    live.must_be_as_lean_as_before().await;
    live.must_be_unhurt().await;
}

#[tokio::test]
async fn a_flood_of_questions_by_a_program_that_is_not_ours() {
    let sipsak = std::process::Command::new("sipsak").arg("--version").output();
    if sipsak.is_err() {
        return left_out("a flood by sipsak", "sipsak is not installed (Debian: sipsak)");
    }
    let live = LiveCall::begin().await;
    let to = live.gateway.sip_address();
    let mut sipsak = tokio::process::Command::new("sipsak");
    sipsak.args(["-F", "-s", &format!("sip:1001@{to}")]).kill_on_drop(true);
    sipsak.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut sipsak = sipsak.spawn().unwrap();
    let noisy = live.gateway.wait_for_metric(REFUSED, 2000.0).await;
    assert!(noisy >= 2000.0);
    sipsak.kill().await.unwrap();
    live.must_be_as_lean_as_before().await;
    live.must_be_unhurt().await;
}

#[tokio::test]
async fn more_calls_from_the_carrier_than_can_be_taken() {
    let live = LiveCall::begin().await;
    let (to, carrier) = (live.gateway.sip_address(), live.gateway.carrier_host());
    let make = move |from, n| request("INVITE", to, from, n, "UDP", true);
    flood_until(&live.gateway, ("overloads_total", 1.0), vec![carrier], 15_000, make).await;
    live.gateway.wait_for_metric("sip_rejected_total{code=\"503\"}", 100.0).await;
    live.gateway.wait_for_fault("overloaded", false).await;
    live.must_have_been_heard().await;
}

#[tokio::test]
async fn callers_over_tcp_who_are_gone_before_they_are_answered() {
    let live = LiveCall::begin().await;
    let (to, carrier) = (live.gateway.sip_address(), live.gateway.carrier_host());
    for n in 0..150 {
        let mut stream = connect(carrier, to).await.unwrap();
        let from = stream.local_addr().unwrap();
        stream.write_all(&request("INVITE", to, from, n, "TCP", true)).await.unwrap();
        reset(stream);
    }
    live.gateway.wait_for_metric("calls_arrived_total", 2.0).await;
    live.must_be_as_lean_as_before().await;
    live.must_be_unhurt().await;
}

#[tokio::test]
async fn a_thousand_connections_that_say_nothing() {
    let live = LiveCall::begin().await;
    let (sip, desks) = (live.gateway.sip_address(), live.gateway.desk_address());
    let mut held = Vec::new();
    for n in 0..1000 {
        held.push(connect(made_up(n % 20), sip).await.unwrap());
        held.push(connect(made_up(n % 20), desks).await.unwrap());
    }
    // Somebody who has something to say is heard all the same, at both doors.
    let mut phone = connect(live.gateway.phone_host("105"), sip).await.unwrap();
    let from = phone.local_addr().unwrap();
    phone.write_all(&request("OPTIONS", sip, from, 1, "TCP", false)).await.unwrap();
    let mut answer = [0; 12];
    timeout(PATIENCE, phone.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"SIP/2.0 200 ");
    assert_eq!(live.gateway.readiness().await["phase"], "ready");
    drop(held);
    live.must_be_as_lean_as_before().await;
    live.must_be_unhurt().await;
}

/// Whether the other side closes this connection, whatever it says before.
async fn is_closed(mut stream: TcpStream) -> bool {
    let mut heard = Vec::new();
    matches!(timeout(PATIENCE, stream.read_to_end(&mut heard)).await, Ok(Ok(_) | Err(_)))
}

#[tokio::test]
async fn messages_that_drip_in_byte_by_byte() {
    let live = LiveCall::begin().await;
    let stranger = live.gateway.stranger_host();
    let drip = async |to, begin: &'static [u8]| {
        let mut stream = connect(stranger, to).await.unwrap();
        stream.write_all(begin).await.unwrap();
        let (mut reader, mut writer) = stream.into_split();
        // Whoever is hung up on stops.
        let dripping = tokio::spawn(async move {
            for byte in b"X-Drip: 1\r\n".iter().cycle() {
                if writer.write_all(&[*byte]).await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        let mut heard = Vec::new();
        let closed = timeout(PATIENCE, reader.read_to_end(&mut heard)).await;
        dripping.abort();
        assert!(closed.is_ok(), "the gateway waits for ever");
    };
    let (sip, desks) = (live.gateway.sip_address(), live.gateway.desk_address());
    let sips = (0..20).map(|_| drip(sip, b"OPTIONS sip:1001@x SIP/2.0\r\n"));
    let webs = (0..20).map(|_| drip(desks, b"GET /healthz HTTP/1.1\r\nHost: x\r\n"));
    tokio::join!(futures_util::future::join_all(sips), futures_util::future::join_all(webs));
    live.must_be_as_lean_as_before().await;
    live.must_be_unhurt().await;
}

#[tokio::test]
async fn a_message_that_says_it_is_four_gigabytes_long() {
    let live = LiveCall::begin().await;
    let (to, carrier) = (live.gateway.sip_address(), live.gateway.carrier_host());
    for length in ["4294967295", "4294967296", "18446744073709551615", "-1", ""] {
        for host in [carrier, live.gateway.stranger_host()] {
            let mut stream = connect(host, to).await.unwrap();
            let from = stream.local_addr().unwrap();
            let message = String::from_utf8(request("INVITE", to, from, 1, "TCP", false)).unwrap();
            let message = message.replace("Content-Length: 0", &format!("Content-Length: {length}"));
            stream.write_all(message.as_bytes()).await.unwrap();
            assert!(is_closed(stream).await, "Content-Length: {length}");
            let socket = UdpSocket::bind((host, 0)).unwrap();
            socket.send_to(message.as_bytes(), to).unwrap();
        }
    }
    live.must_be_as_lean_as_before().await;
    live.must_be_unhurt().await;
}

#[tokio::test]
async fn a_flood_of_noise() {
    let live = LiveCall::begin().await;
    let known = live.gateway.carrier_host();
    let noise = |_, n: usize| {
        let mut bytes = vec![0; 1 + n * 37 % 1400];
        rand::rng().fill_bytes(&mut bytes);
        bytes
    };
    let hosts = vec![live.gateway.stranger_host(), live.gateway.phone_host("101"), known];
    flood_until(&live.gateway, (REFUSED, 5000.0), hosts.clone(), 5000, noise).await;
    // The carrier's noise is read, and is none of SIP.
    flood_until(&live.gateway, ("sip_malformed_total", 2000.0), hosts, 5000, noise).await;
    live.must_be_as_lean_as_before().await;
    live.must_be_unhurt().await;
}

#[tokio::test]
async fn a_stranger_can_neither_speak_into_a_talk_nor_draw_it_to_himself() {
    let live = LiveCall::begin().await;
    // Both sides have been heard, so that their addresses are learned.
    tokio::time::sleep(A_MOMENT).await;
    let ports = sound_ports(&live.gateway);
    assert_eq!(ports.len(), 2, "the caller's and the telephone's: {ports:?}");
    let host = live.gateway.sip_address().ip();
    let socket = UdpSocket::bind((live.gateway.stranger_host(), 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    for n in 0..200_u16 {
        for port in &ports {
            let mut packet = vec![0x80, 8];
            packet.extend(n.to_be_bytes());
            packet.extend((u32::from(n) * 160).to_be_bytes());
            packet.extend(0xdead_beef_u32.to_be_bytes());
            packet.extend([0xd5; 160]);
            socket.send_to(&packet, (host, *port)).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut heard = [0; 2048];
    let drawn = socket.recv_from(&mut heard);
    assert!(drawn.is_err(), "a packet of the talk has come to the stranger");
    live.must_be_unhurt().await;
}

/// The status that a sign-in ends with, and the words.
async fn sign_in(gateway: &Gateway, login: &str, password: &str) -> (u16, String) {
    let body = SignIn { login: login.to_owned(), password: Secret::new(password) };
    let answer = http().post(gateway.url("/v1/sign-in")).json(&body).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn somebody_who_guesses_passwords_of_people() {
    let live = LiveCall::begin().await;
    let known = sign_in(&live.gateway, "boris", "wrong").await;
    let unknown = sign_in(&live.gateway, "nobody", "wrong").await;
    assert_eq!(known, unknown, "who guesses does not learn who is there");
    assert_eq!(known.0, 401);
    let mut last = 401;
    for n in 0..6 {
        last = sign_in(&live.gateway, "boris", &format!("wrong{n}")).await.0;
    }
    assert_eq!(last, 429, "the account waits");
    for n in 0..40 {
        last = sign_in(&live.gateway, &format!("nobody{n}"), "wrong").await.0;
    }
    assert_eq!(last, 429, "and so does the address");
    live.must_be_unhurt().await;
}

/// One guess over SIP: a challenge, and its wrong answer.
fn guess(gateway: &Gateway, from: IpAddr, user: &str, n: usize) -> Message {
    let socket = UdpSocket::bind((from, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let (to, local) = (gateway.sip_address(), socket.local_addr().unwrap());
    let text = String::from_utf8(request("REGISTER", to, local, n, "UDP", false)).unwrap();
    let text =
        text.replace(&format!("sip:s{n}@"), &format!("sip:{user}@")).replace("sip:1001@", &format!("sip:{user}@"));
    let ask = |text: &str| {
        let mut answer = [0; 4096];
        socket.send_to(text.as_bytes(), to).unwrap();
        let (length, _) = socket.recv_from(&mut answer).unwrap();
        Message::parse(&answer[..length]).unwrap()
    };
    let first = ask(&text);
    let Some(challenge) = Challenge::choose(first.all("WWW-Authenticate")) else { return first };
    let uri = format!("sip:{user}@{to}");
    let password = Secret::new("wrong");
    let signed = Request { user, password: &password, method: "REGISTER", uri: &uri, n_uses: 1, cnonce: "a" };
    let line = format!("Authorization: {}\r\nContent-Length", challenge.answer(&signed));
    let text = text.replace("Content-Length", &line).replace("z9hG4bKstreet", "z9hG4bKagain");
    ask(&text.replace("CSeq: 1", "CSeq: 2"))
}

#[tokio::test]
async fn somebody_who_guesses_passwords_of_telephones() {
    let live = LiveCall::begin().await;
    let code = |message: &Message| match message.start {
        tests::carrier::message::Start::Response { code, .. } => code,
        tests::carrier::message::Start::Request { .. } => 0,
    };
    let shape = |message: &Message| {
        let names = message.headers.iter().map(|(name, _)| name.clone());
        // How many challenges there are depends on the telephone, and is drawn by lot for those who do not exist.
        (code(message), names.collect::<BTreeSet<_>>())
    };
    let known = guess(&live.gateway, made_up(1), "103", 1);
    let unknown = guess(&live.gateway, made_up(2), "199", 2);
    assert_eq!(shape(&known), shape(&unknown), "who guesses does not learn who is there");
    assert_eq!(code(&known), 401);
    // By account: each guess from another address.
    let by_account: Vec<Message> = (0..8).map(|n| guess(&live.gateway, made_up(10 + n), "101", 100 + n)).collect();
    assert_eq!(code(by_account.last().unwrap()), 503, "the account waits");
    assert!(by_account.last().unwrap().header("Retry-After").is_some());
    // By address: each guess at another account.
    let by_address = (0..8).map(|n| guess(&live.gateway, made_up(5), &format!("2{n:02}"), 200 + n));
    assert_eq!(by_address.last().as_ref().map(code), Some(503), "and so does the address");
    // The telephone 101 itself, which is registered, is not locked out by those who guess at it from elsewhere.
    live.must_be_unhurt().await;
}
