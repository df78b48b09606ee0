//! Who is let in, and what the others hear.

use super::*;

const STRANGER: &str = "203.0.113.66:5060";

fn request(method: &str, from: &str, more: &str) -> String {
    let host = from.split(':').next().unwrap();
    format!(
        "{method} sip:112@gw SIP/2.0\r\nVia: SIP/2.0/UDP {host};branch=z9hG4bK{method}\r\nMax-Forwards: 70\r\n\
         From: \"x\" <sip:a@b>;tag=1\r\nTo: <sip:112@gw>\r\nCall-ID: c1\r\nCSeq: 1 {method}\r\n\
         Contact: <sip:a@{host}>\r\n{more}\r\n"
    )
}

fn stack() -> Stack {
    Stack::new(config_with_trunk(CARRIER), [1; 32])
}

/// The status codes and sizes of what goes back.
fn answers(stack: &mut Stack, from: &str, text: &[u8]) -> Vec<(u16, String)> {
    stack.receive(&flow(GATEWAY, from), text, Moment::at_ms(0));
    std::iter::from_fn(|| stack.poll_transmit())
        .map(|transmit| {
            assert_eq!(transmit.flow.remote, from.parse().unwrap());
            let text = String::from_utf8_lossy(&transmit.bytes).into_owned();
            (text[8..11].parse().unwrap(), text)
        })
        .collect()
}

#[track_caller]
fn check(from: &str, text: &str, code: u16) -> String {
    let mut stack = stack();
    let answers = answers(&mut stack, from, text.as_bytes());
    let codes: Vec<u16> = answers.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, [code], "{text}");
    if from == STRANGER && code != 401 {
        assert!(answers[0].1.len() <= text.len(), "a stranger gets no more than was sent: {}", answers[0].1);
    }
    assert_eq!(stack.n_remembered(), usize::from(code == 100) * 2);
    answers.into_iter().next().unwrap().1
}

#[test]
fn a_stranger_cannot_call() {
    check(STRANGER, &request("INVITE", STRANGER, ""), 403);
    check(CARRIER, &request("INVITE", CARRIER, ""), 100);
}

#[test]
fn what_we_do_not_do_is_refused_by_name() {
    let text = check(CARRIER, &request("PUBLISH", CARRIER, ""), 405);
    assert!(text.contains("Allow: INVITE, ACK"), "{text}");
    for method in ["MESSAGE", "SUBSCRIBE", "REFER"] {
        check(STRANGER, &request(method, STRANGER, ""), 403);
        check(CARRIER, &request(method, CARRIER, ""), 405);
    }
    check(STRANGER, &request("DANCE", STRANGER, ""), 501);
    check(CARRIER, &request("BYE", CARRIER, ""), 481);
    check(CARRIER, &request("CANCEL", CARRIER, ""), 481);
    check(CARRIER, &request("INVITE", CARRIER, "").replace("sip:112@gw>", "sip:112@gw>;tag=01p0g1r00000000"), 481);
    let text = check(CARRIER, &request("INVITE", CARRIER, "Require: 100rel, x\r\nRequire: y\r\n"), 420);
    assert!(text.contains("Unsupported: 100rel, x, y\r\n"), "{text}");
    check(CARRIER, &request("INVITE", CARRIER, "").replace("Max-Forwards: 70", "Max-Forwards: 0"), 483);
    check(CARRIER, &request("INVITE", CARRIER, "").replace("INVITE sip:112@gw", "INVITE http://gw"), 416);
    check(
        CARRIER,
        &request("INVITE", CARRIER, "Content-Type: text/plain\r\nContent-Length: 2\r\n")
            .replace("\r\n\r\n", "\r\n\r\nhi"),
        415,
    );
    check(CARRIER, &request("INVITE", CARRIER, "").replace("Contact", "X-Contact"), 400);
    check(CARRIER, &request("INVITE", CARRIER, "").replace("SIP/2.0\r\nVia", "SIP/7.0\r\nVia"), 505);
    check(CARRIER, &request("INVITE", CARRIER, "").replace("CSeq: 1", "CSeq: x"), 400);
}

#[test]
fn everybody_may_ask_what_we_can_do() {
    let text = check(CARRIER, &request("OPTIONS", CARRIER, ""), 200);
    assert!(text.contains("Allow: ") && text.contains("Accept: application/sdp"), "{text}");
    check(STRANGER, &request("OPTIONS", STRANGER, ""), 200);
}

#[test]
fn nobody_answers_an_ack_or_an_answer() {
    let mut stack = stack();
    for text in [
        request("ACK", STRANGER, ""),
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK01p0g1r0\r\n\r\n".to_owned(),
        "nonsense".to_owned(),
        "\r\n\r\n".to_owned(),
    ] {
        assert_eq!(answers(&mut stack, STRANGER, text.as_bytes()), []);
    }
}

#[test]
fn the_same_call_on_two_ways_is_taken_once() {
    let mut stack = stack();
    let first = request("INVITE", CARRIER, "");
    let second = first.replace("z9hG4bKINVITE", "z9hG4bKother");
    assert_eq!(answers(&mut stack, CARRIER, first.as_bytes())[0].0, 100);
    assert_eq!(answers(&mut stack, CARRIER, second.as_bytes())[0].0, 482);
    assert_eq!(answers(&mut stack, CARRIER, first.as_bytes())[0].0, 100, "repeated, not begun anew");
    assert_eq!(stack.n_legs(), 1);
}

fn invited(text: &[u8]) -> super::super::super::event::IncomingInvite {
    let mut stack = stack();
    stack.receive(&flow(GATEWAY, CARRIER), text, Moment::at_ms(0));
    match stack.poll_event() {
        Some(Event::Invited { invite, .. }) => *invite,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_caller_is_who_the_address_says_and_not_the_name() {
    let spoof = request(
        "INVITE",
        CARRIER,
        "p-asserted-IDENTITY : \"<sip:1@x>\" <tel:+79161112233>\r\nPrivacy: id;critical\r\n",
    )
    .replace("\"x\" <sip:a@b>", "\"Bank <sip:+78001000000@bank>\" <sip:+74957654321@b>");
    let invite = invited(spoof.as_bytes());
    assert_eq!(invite.from_user, "+74957654321");
    assert_eq!(invite.from_display.as_deref(), Some("Bank <sip:+78001000000@bank>"));
    assert_eq!((invite.asserted.as_deref(), invite.privacy), (Some("+79161112233"), true));
    let printed = format!("{invite:?}");
    assert!(!printed.contains("7654321") && !printed.contains("Bank"), "{printed}");
}

#[test]
fn a_caller_with_a_name_in_cp1251_is_a_caller() {
    let text = request("INVITE", CARRIER, "").into_bytes();
    let at = text.windows(3).position(|w| w == b"\"x\"").unwrap();
    let named = [&text[..=at], &[0xc0, 0xed, 0xed, 0xe0], &text[at + 2..]].concat();
    assert_eq!(invited(&named).from_display.as_deref(), Some("Анна"));
}
