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
    assert!(text.contains("Unsupported: x, y\r\n"), "what we do have is not named: {text}");
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
fn nobody_but_a_trusted_trunk_vouches_for_a_number() {
    let lines = "p-asserted-IDENTITY : <tel:+79161112233>\r\nDIVERSION : <sip:+74950000001@b>;reason=no-answer\r\n";
    let text = request("INVITE", CARRIER, lines);
    let mut config = config_with_trunk(CARRIER);
    config.trunks[0].trusted = false;
    let mut stack = Stack::new(config, [1; 32]);
    stack.receive(&flow(GATEWAY, CARRIER), text.as_bytes(), Moment::at_ms(0));
    let Some(Event::Invited { invite, .. }) = stack.poll_event() else { panic!("a call") };
    assert_eq!((invite.asserted, invite.diverted_from), (None, None));
    let invite = invited(text.as_bytes());
    assert_eq!(invite.asserted.as_deref(), Some("+79161112233"));
    assert_eq!(invite.diverted_from.as_deref(), Some("+74950000001"));
}

#[test]
fn a_diverted_call_says_from_where() {
    let from = |lines: &str| invited(request("INVITE", CARRIER, lines).as_bytes()).diverted_from;
    let last_first = "Diversion: \"a, b\" <sip:+74950000002@b>;reason=user-busy, <sip:+74950000001@b>\r\n";
    assert_eq!(from(last_first).as_deref(), Some("+74950000002"));
    let history = "History-Info: <sip:+74950000003@b>;index=1, <sip:112@gw>;index=1.1\r\n";
    assert_eq!(from(history).as_deref(), Some("+74950000003"));
    assert_eq!(from("History-Info: <sip:112@gw>;index=1\r\n"), None, "it came to us directly");
    assert_eq!(from("Diversion: <>\r\n"), None);
}

/// The gateway calls over the carrier's trunk.
fn called(stack: &mut Stack, invite: Invite) -> String {
    let to = InviteTo::Address { uri: format!("sip:+74952040000@{CARRIER}"), flow: flow(GATEWAY, CARRIER) };
    stack.invite(Invite { to, sdp: SDP.to_vec(), ..invite }, Moment::at_ms(0)).unwrap();
    String::from_utf8(stack.poll_transmit().unwrap().bytes.to_vec()).unwrap()
}

#[test]
fn a_call_that_comes_back_to_us_is_a_loop() {
    for keeps_call_id in [true, false] {
        let mut stack = stack();
        let ours = called(&mut stack, Invite::default());
        let via = "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKproxy\r\n";
        let back = match keeps_call_id {
            // A proxy that hides who was before it.
            true => {
                let start = ours.find("Via: ").unwrap();
                let end = start + ours[start..].find("\r\n").unwrap() + 2;
                format!("{}{via}{}", &ours[..start], &ours[end..])
            }
            false => ours.replacen("Via: ", &format!("{via}Via: "), 1).replace("Call-ID: ", "Call-ID: x"),
        };
        assert_eq!(answers(&mut stack, CARRIER, back.as_bytes())[0].0, 482, "{back}");
        let elsewhere = back.replace("10.0.0.1:5060;branch", "10.0.0.2:5060;branch").replace("Call-ID: ", "Call-ID: y");
        assert_eq!(answers(&mut stack, CARRIER, elsewhere.as_bytes())[0].0, 100, "another gateway's call is none");
    }
}

#[test]
fn a_call_that_is_passed_on_takes_one_hop_from_those_it_has_left() {
    let text = request("INVITE", CARRIER, "");
    assert_eq!(invited(text.as_bytes()).hops_left, 69);
    assert_eq!(invited(text.replace("Max-Forwards: 70\r\n", "").as_bytes()).hops_left, 69);
    let hops_left = invited(text.replace("Max-Forwards: 70", "Max-Forwards: 3").as_bytes()).hops_left;
    assert_eq!(hops_left, 2);
    let passed_on = called(&mut stack(), Invite { max_forwards: Some(hops_left), ..Invite::default() });
    assert!(passed_on.contains("\r\nMax-Forwards: 2\r\n"), "{passed_on}");
    assert!(called(&mut stack(), Invite::default()).contains("\r\nMax-Forwards: 70\r\n"));
}

#[test]
fn the_number_we_vouch_for_is_told_to_a_trusted_trunk_alone() {
    let vouching = || Invite {
        asserted: Some("+74952040000>\r\nX: y".to_owned()),
        referred_by: Some("101".to_owned()),
        ..Invite::default()
    };
    let text = called(&mut stack(), vouching());
    assert!(text.contains("\r\nP-Asserted-Identity: <sip:+74952040000Xy@10.0.0.1:5060>\r\n"), "{text}");
    assert!(text.contains("\r\nReferred-By: <sip:101@pult>\r\n"), "{text}");
    let mut config = config_with_trunk(CARRIER);
    config.trunks[0].trusted = false;
    let text = called(&mut Stack::new(config, [1; 32]), vouching());
    assert!(!text.contains("Asserted"), "{text}");
}

#[test]
fn a_caller_with_a_name_in_cp1251_is_a_caller() {
    let text = request("INVITE", CARRIER, "").into_bytes();
    let at = text.windows(3).position(|w| w == b"\"x\"").unwrap();
    let named = [&text[..=at], &[0xc0, 0xed, 0xed, 0xe0], &text[at + 2..]].concat();
    assert_eq!(invited(&named).from_display.as_deref(), Some("Анна"));
}
