//! What somebody from the street tries, and what becomes of it.

pub mod talk;

use shared::time::Moment;

use super::super::{Event, Flow};
use super::golden::{Bench, flow_of, name_of};

const SDP: &str = "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8\r\n";

/// A request of the caller's dialog, or of one that looks like it.
fn request(method: &str, cseq: u32, to: &str, more: &str) -> String {
    format!(
        "{method} sip:+74952040000@192.0.2.10 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKstreet{method}{cseq}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:+79031110001@carrier.example>;tag=caller\r\nTo: {to}\r\nCall-ID: street\r\n\
         CSeq: {cseq} {method}\r\nContact: <sip:caller@192.0.2.1>\r\n{more}Content-Length: 0\r\n\r\n"
    )
}

const TO: &str = "<sip:+74952040000@192.0.2.10>";

fn sends(bench: &mut Bench, who: &str, text: &str) -> Vec<String> {
    bench.sent.clear();
    bench.told.clear();
    bench.receive(&flow_of(who), text);
    bench.sent.iter().map(|transmit| name_of(&String::from_utf8_lossy(&transmit.bytes))).collect()
}

fn takes_a_call(bench: &mut Bench, more: &str) -> super::super::LegId {
    bench.stack.receive(&flow_of("the trunk"), request("INVITE", 1, TO, more).as_bytes(), Moment::at_ms(500));
    let invited = bench.stack.poll_event();
    bench.take();
    match invited {
        Some(Event::Invited { leg, .. }) => leg,
        other => panic!("the trunk's call is taken: {other:?}"),
    }
}

/// A talk with the trunk; `{answered to}` has our tag.
fn talks(bench: &mut Bench, more: &str) -> super::super::LegId {
    let leg = takes_a_call(bench, more);
    bench.stack.answer(leg, SDP.as_bytes().to_vec(), Moment::at_ms(600));
    bench.take();
    leg
}

#[test]
fn a_stranger_who_has_overheard_a_talk_can_neither_end_nor_turn_nor_confirm_it() {
    let mut bench = Bench::new();
    talks(&mut bench, "");
    assert!(sends(&mut bench, "a stranger", &request("ACK", 1, "{answered to}", "")).is_empty());
    assert!(bench.told.is_empty(), "the talk is not confirmed from elsewhere: {:?}", bench.told);
    sends(&mut bench, "the trunk", &request("ACK", 1, "{answered to}", ""));
    assert_eq!(bench.told.len(), 1);
    for (cseq, method) in ["BYE", "UPDATE", "INVITE", "INFO", "OPTIONS", "NOTIFY", "REFER"].into_iter().enumerate() {
        let forged = request(method, cseq as u32 + 10, "{answered to}", "");
        assert_eq!(sends(&mut bench, "a stranger", &forged), ["481"], "{method}");
        assert_eq!(bench.told, ["rejected 481"], "{method}");
    }
    // The forged numbers have not made the true ones old.
    assert_eq!(sends(&mut bench, "the trunk", &request("BYE", 2, "{answered to}", "")), ["200"]);
    assert!(bench.told[0].contains("HungUp"), "{:?}", bench.told);
}

#[test]
fn only_who_called_can_take_the_call_back() {
    let mut bench = Bench::new();
    takes_a_call(&mut bench, "");
    let cancel = request("CANCEL", 1, TO, "").replace("streetCANCEL1", "streetINVITE1");
    assert_eq!(sends(&mut bench, "a stranger", &cancel), ["481"]);
    assert_eq!(bench.told, ["rejected 481"]);
    assert_eq!(sends(&mut bench, "a stranger", &request("INVITE", 1, TO, "")), ["403"], "no answer goes to the trunk");
    assert_eq!(sends(&mut bench, "the trunk", &request("INVITE", 1, TO, "")), ["100"], "it goes on ringing");
    assert_eq!(sends(&mut bench, "the trunk", &cancel), ["200", "487"]);
    assert!(bench.told[0].contains("Cancelled"), "{:?}", bench.told);
}

pub fn register(user: &str, more: &str) -> String {
    format!(
        "REGISTER sip:pult SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.66;branch=z9hG4bKreg;rport\r\nMax-Forwards: 70\r\n\
         From: <sip:{user}@pult>;tag=r\r\nTo: <sip:{user}@pult>\r\nCall-ID: street.register.call.id\r\nCSeq: 1 REGISTER\r\n\
         Contact: <sip:{user}@203.0.113.66>\r\nUser-Agent: friendly-scanner of some length\r\n{more}Content-Length: 0\r\n\r\n"
    )
}

/// All that a stranger hears who asks for this account, and then guesses its password until it has to wait.
fn guesses(user: &str) -> (Vec<String>, Vec<String>) {
    let mut bench = Bench::new();
    let (mut heard, mut told) = (Vec::new(), Vec::new());
    let mut more = String::new();
    for nc in 1..9 {
        sends(&mut bench, "a stranger", &register(user, &more));
        let answer = String::from_utf8_lossy(&bench.sent[0].bytes).replace(&format!("sip:{user}@"), "sip:somebody@");
        if let Some(nonce) = answer.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()) {
            let response = "0".repeat(64);
            more = format!(
                "Authorization: Digest username=\"{user}\", realm=\"pult\", nonce=\"{nonce}\", uri=\"sip:pult\", \
                 response=\"{response}\", algorithm=SHA-256, cnonce=\"c\", qop=auth, nc={nc:08x}\r\n"
            );
        }
        heard.push(answer);
        told.extend(
            std::mem::take(&mut bench.told)
                .into_iter()
                .map(|event| event.replace(&format!("\"{user}\""), "\"somebody\"")),
        );
    }
    (heard, told)
}

#[test]
fn nobody_learns_who_has_an_account() {
    let (heard, told) = guesses("101");
    assert!(heard[0].starts_with("SIP/2.0 401") && heard[7].starts_with("SIP/2.0 503"), "{heard:?}");
    assert!(told[0].contains("WrongCredentials"), "{told:?}");
    assert_eq!(guesses("909"), (heard, told), "byte by byte, to the last nonce");
}

#[test]
fn an_overheard_proof_works_neither_twice_nor_for_another_number() {
    let mut bench = Bench::new();
    let text = |branch: &str| {
        format!(
            "REGISTER sip:pult SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.101;branch=z9hG4bK{branch}\r\nMax-Forwards: 70\r\n\
             From: <sip:101@pult>;tag=r\r\nTo: <sip:101@pult>\r\nCall-ID: street.{branch}\r\nCSeq: 1 REGISTER\r\n\
             Contact: <sip:101@192.0.2.101>\r\nAuthorization: {{digest}}\r\nContent-Length: 0\r\n\r\n"
        )
    };
    assert_eq!(sends(&mut bench, "the telephone", &text("a")), ["200"]);
    let proof = bench.known["digest"].clone();
    let again = text("b").replace("{digest}", &proof);
    assert_eq!(sends(&mut bench, "a stranger", &again), ["401"], "the challenge was another's");
    assert_eq!(sends(&mut bench, "the telephone", &again), ["401"]);
    assert!(bench.told[0].contains("Replay"), "{:?}", bench.told);

    let invite = |number: &str, proof: &str| {
        format!(
            "INVITE sip:{number}@pult SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.101;branch=z9hG4bKi{number}\r\nMax-Forwards: 70\r\n\
             From: <sip:101@pult>;tag=i{number}\r\nTo: <sip:{number}@pult>\r\nCall-ID: street.i\r\nCSeq: 1 INVITE\r\n\
             Contact: <sip:101@192.0.2.101>\r\n{proof}Content-Length: 0\r\n\r\n"
        )
    };
    let proof_for = |bench: &mut Bench| {
        assert_eq!(sends(bench, "the telephone", &invite("112", "")), ["407"]);
        let text = String::from_utf8_lossy(&bench.sent[0].bytes).into_owned();
        let challenge = text.lines().find_map(|line| line.strip_prefix("Proxy-Authenticate: ")).unwrap();
        let proof = super::super::digest::answer_to(challenge, "101", "a long one", "INVITE", "sip:112@pult", 1);
        format!("Proxy-Authorization: {proof}\r\n")
    };
    let proof = proof_for(&mut bench);
    assert_eq!(sends(&mut bench, "the telephone", &invite("89001234567", &proof)), ["407"], "a costly number");
    assert_eq!(sends(&mut bench, "the telephone", &invite("112", &proof)), ["100"]);
}

#[test]
fn a_flood_of_what_nobody_asked_for_leaves_nothing_and_wakes_nobody() {
    let mut bench = Bench::new();
    for n in 0..2000 {
        let to = format!("{TO};tag=00p{:x}g1r{n:08x}", n % 7);
        assert!(sends(&mut bench, "a stranger", &request("ACK", n, &to, "")).is_empty());
        let answer = format!(
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK00p{:x}g1r{n:08x}\r\nFrom: {to}\r\nTo: {TO};tag=x\r\n\
             Call-ID: street\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
            n % 7
        );
        assert!(sends(&mut bench, "a stranger", &answer).is_empty());
        assert!(bench.told.is_empty(), "{:?}", bench.told);
        let sent =
            sends(&mut bench, "a stranger", &request(["INVITE", "SUBSCRIBE", "REFER"][n as usize % 3], n, TO, ""));
        assert_eq!(sent, ["403"]);
    }
    assert_eq!((bench.stack.n_remembered(), bench.stack.n_legs()), (0, 0));
}

fn goes_to(bench: &Bench) -> Vec<String> {
    bench.sent.iter().map(|transmit| transmit.flow.remote.to_string()).collect()
}

#[test]
fn no_via_turns_our_answer_to_somebody_else() {
    for via in [
        "198.51.100.7:53;received=198.51.100.7;rport=53",
        "198.51.100.7;maddr=198.51.100.7;ttl=16",
        "203.0.113.66;maddr=224.0.1.75;received=198.51.100.7",
        "255.255.255.255;rport",
        "[2001:db8::7]:5060",
        "localhost:22",
    ] {
        let mut bench = Bench::new();
        let text = request("OPTIONS", 1, TO, "").replace("192.0.2.1;", &format!("{via};"));
        assert_eq!(sends(&mut bench, "a stranger", &text), ["200"], "{via}");
        assert_eq!(goes_to(&bench), ["203.0.113.66:5060"], "{via}");
    }
}

#[test]
fn no_route_and_no_contact_leads_us_into_the_house() {
    for route in
        ["<sip:127.0.0.1:22;lr>", "<sip:10.0.0.1>", "<sip:169.254.169.254:80;lr>, <sip:192.0.2.1;lr>", "<sip:[::1];lr>"]
    {
        let mut bench = Bench::new();
        let leg = talks(&mut bench, &format!("Record-Route: {route}\r\n"));
        sends(&mut bench, "the trunk", &request("ACK", 1, "{answered to}", ""));
        bench.sent.clear();
        bench.stack.hang_up(leg, None, Moment::at_ms(2000));
        bench.take();
        assert_eq!(goes_to(&bench), ["192.0.2.1:5060"], "{route}");
    }
    let mut bench = Bench::new();
    let text = request("INVITE", 1, TO, "").replace("sip:caller@192.0.2.1", "sip:caller@127.0.0.1:9200");
    bench.stack.receive(&flow_of("the trunk"), text.as_bytes(), Moment::at_ms(1));
    let Some(Event::Invited { leg, .. }) = bench.stack.poll_event() else { panic!("a call") };
    bench.stack.answer(leg, SDP.as_bytes().to_vec(), Moment::at_ms(2));
    bench.take();
    sends(&mut bench, "the trunk", &request("ACK", 1, "{answered to}", ""));
    bench.stack.hang_up(leg, None, Moment::at_ms(3));
    bench.sent.clear();
    bench.take();
    assert_eq!(goes_to(&bench), ["192.0.2.1:5060"]);
}

#[test]
fn a_list_of_vias_does_not_grow_in_the_answer() {
    let mut bench = Bench::new();
    let many = format!("192.0.2.1;branch=z9hG4bKmany{}\r\n", ",x".repeat(5000));
    let text = request("OPTIONS", 1, TO, "").replace("192.0.2.1;branch=z9hG4bKstreetOPTIONS1\r\n", &many);
    let flow: Flow = flow_of("a stranger");
    bench.receive(&flow, &text);
    assert!(bench.sent.iter().all(|transmit| transmit.bytes.len() <= text.len()));
}

/// What belongs to a caller is in no event that is printed, and no text from outside brings a line end into one.
#[test]
fn nothing_from_outside_writes_a_line_of_its_own_into_the_log() {
    const EVIL: &str = "x\\\u{b}y\u{202e}\u{2028}\\\u{1b}[2K";
    let mut bench = Bench::new();
    sends(&mut bench, "a stranger", &register("909", ""));
    let challenge = String::from_utf8_lossy(&bench.sent[0].bytes).into_owned();
    let nonce = challenge.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let guess = register(
        "909%0aERROR",
        &format!(
            "Authorization: Digest username=\"1\u{202e}\u{85}2{EVIL}\", realm=\"pult\", nonce=\"{nonce}\", uri=\"x\", \
             response=\"\", cnonce=\"\", qop=auth, nc=00000001\r\n"
        ),
    );
    bench.stack.receive(&flow_of("a stranger"), guess.as_bytes(), Moment::at_ms(2));
    let refused = bench.stack.poll_event().expect("a wrong password is told");
    assert!(matches!(refused, Event::RegistrationRefused { .. }), "{refused:?}");
    assert_harmless(&refused);

    let invite = request("INVITE", 1, TO, "")
        .replace("<sip:+79031110001", &format!("\"Anna {EVIL}\" <sip:%0d%0aERROR%1b%e2%80%ae+79031110001"))
        .replace("Call-ID: street", &format!("Call-ID: street{}", "\u{202e}\u{2028}\u{85}"))
        .replace("sip:+74952040000@192", "sip:112%0d%0aERROR%e2%80%a8@192");
    bench.stack.receive(&flow_of("the trunk"), invite.as_bytes(), Moment::at_ms(1));
    let invited = bench.stack.poll_event().expect("the call is taken, with its odd name");
    assert_harmless(&invited);
    let printed = format!("{invited:?}");
    let Event::Invited { invite, .. } = invited else { panic!("{printed}") };
    assert!(!printed.contains("9031110001") && !printed.contains("Anna"), "{printed}");
    assert!(invite.from_display.is_some_and(|name| name.starts_with("Anna x")));
}

/// Every text in it, not only what its `Debug` escapes.
#[track_caller]
fn assert_harmless(event: &Event) {
    let mut texts = vec![format!("{event:?}")];
    match event {
        Event::Invited { invite, .. } => {
            texts.extend([invite.dialled.clone(), invite.from_user.clone(), invite.call_id.to_string()]);
            texts.extend(invite.from_display.clone());
        }
        Event::RegistrationRefused { user, .. } => texts.push(user.clone()),
        _ => {}
    }
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}');
    for text in texts {
        assert!(!text.contains(breaks), "{text:?}");
    }
}
