//! Session timers (RFC 4028): a call that nobody refreshes is over on both sides.

use super::phones::Office;
use super::talk::{Talk, answer_from, header, texts};
use super::*;

#[test]
fn a_long_talk_is_refreshed_by_who_called() {
    let mut pair = Pair::clear();
    pair.talking();
    pair.run(4_000_000);
    let refreshed: Vec<u64> = pair.sent(Side::Carrier, "UPDATE").into_iter().map(|at| at / 1000).collect();
    assert_eq!(refreshed.len(), 4, "every quarter of an hour: {refreshed:?}");
    assert!(refreshed.windows(2).all(|pair| (900..=910).contains(&(pair[1] - pair[0]))), "{refreshed:?}");
    assert_eq!(pair.sent(Side::Gateway, "UPDATE").len(), 0, "one of the two is enough");
    assert_eq!((pair.gateway.n_legs(), pair.carrier.n_legs()), (1, 1));
    assert!(pair.gateway.n_remembered() <= 2);
}

#[test]
fn a_talk_that_is_refreshed_no_more_ends_before_its_interval_does() {
    let mut pair = Pair::new(|side, line| (side != Side::Carrier || !matches!(line, "UPDATE" | "BYE")).then_some(1));
    let (leg, caller) = pair.talking();
    pair.run(1_000_000);
    assert_eq!(*pair.events(Side::Carrier).last().unwrap(), &hung_up(caller, Ending::TimedOut), "nobody answered it");
    assert_eq!(pair.gateway.n_legs(), 1);
    pair.run(760_000);
    assert_eq!(pair.gateway.n_legs(), 1, "1800 s less half a minute");
    pair.run(15_000);
    assert_eq!(*pair.events(Side::Gateway).last().unwrap(), &hung_up(leg, Ending::TimedOut));
    assert_eq!(pair.sent(Side::Gateway, "BYE").len(), 1);
}

#[test]
fn a_change_of_the_session_refreshes_it_as_well() {
    let mut pair = Pair::clear();
    let (leg, caller) = pair.talking();
    pair.run(800_000);
    let now = pair.now();
    pair.gateway.reoffer(leg, SDP.to_vec(), now);
    pair.run(10);
    let now = pair.now();
    pair.carrier.answer_reoffer(caller, SDP.to_vec(), now);
    pair.run(800_000);
    assert_eq!(pair.sent(Side::Carrier, "UPDATE").len(), 0);
    pair.run(120_000);
    assert_eq!(pair.sent(Side::Carrier, "UPDATE").len(), 1, "and the roles stay");
}

fn invite(more: &str) -> (Stack, Vec<String>) {
    let text = format!(
        "INVITE sip:112@gw SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:112@gw>\r\n\
         Call-ID: c1\r\nCSeq: 1 INVITE\r\nContact: <sip:a@192.0.2.1>\r\n{more}Content-Type: application/sdp\r\n\r\nv=0\r\n"
    );
    let mut stack = Stack::new(config_with_trunk(CARRIER), [1; 32]);
    stack.receive(&flow(GATEWAY, CARRIER), text.as_bytes(), Moment::at_ms(0));
    let sent = texts(&mut stack);
    (stack, sent)
}

#[track_caller]
fn agreed(more: &str, expires: Option<&str>, required: bool) {
    let (mut stack, _) = invite(more);
    let Some(Event::Invited { leg, .. }) = stack.poll_event() else { panic!("a call") };
    stack.answer(leg, SDP.to_vec(), Moment::at_ms(1));
    let ok = texts(&mut stack).remove(0);
    assert_eq!(ok.lines().find_map(|line| line.strip_prefix("Session-Expires: ")), expires, "{more}");
    assert_eq!(ok.contains("\r\nRequire: timer\r\n"), required, "{more}");
}

#[test]
fn what_the_caller_says_of_the_interval_is_kept_where_it_can_be() {
    agreed("", None, false);
    agreed("Supported: timer\r\n", Some("1800;refresher=uac"), true);
    agreed("Supported: timer\r\nx: 600\r\n", Some("600;refresher=uac"), true);
    agreed("Supported: timer\r\nSession-Expires: 7200\r\n", Some("1800;refresher=uac"), true);
    agreed("Supported: timer\r\nSession-Expires: 7200\r\nMin-SE: 3600\r\n", Some("3600;refresher=uac"), true);
    agreed("Supported: timer\r\nSession-Expires: 600;refresher=uas\r\n", Some("600;refresher=uas"), false);
    // A proxy wants it and the caller knows nothing of it: we refresh.
    agreed("Session-Expires: 600\r\n", Some("600;refresher=uas"), false);
    agreed("Session-Expires: 60\r\n", None, false);
}

#[test]
fn an_interval_too_short_to_bear_is_refused_with_the_shortest() {
    let (stack, sent) = invite("Supported: timer\r\nSession-Expires: 60\r\n");
    assert!(sent[0].starts_with("SIP/2.0 422 Session Interval Too Small\r\n"), "{sent:?}");
    assert_eq!(header(&sent[0], "Min-SE"), "90");
    assert_eq!(stack.n_remembered(), 0);
    let mut office = Office::new();
    office.register();
    let mut talk = Talk::with_phone(&mut office, "p", "");
    let sent = talk.say(&mut office, "UPDATE", "Supported: timer\r\nSession-Expires: 10\r\n", "");
    assert!(sent[0].starts_with("SIP/2.0 422 "), "{sent:?}");
}

#[test]
fn a_phone_that_wants_a_longer_interval_is_called_once_more_with_it() {
    let mut office = Office::new();
    office.register();
    office.events();
    let (leg, first) = office.invite().unwrap();
    let first = String::from_utf8(first.bytes.to_vec()).unwrap();
    assert_eq!(header(&first, "Session-Expires"), "1800");
    let sent = office.send(&answer_from("p", &first, "422 Session Interval Too Small", "Min-SE: 3600\r\n", b""));
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(sent[0].starts_with("ACK ") && sent[1].starts_with("INVITE "), "{sent:?}");
    let second = &sent[1];
    assert_eq!((header(second, "Session-Expires"), header(second, "Min-SE")), ("3600", "3600"));
    assert_eq!((header(second, "CSeq"), header(second, "Call-ID")), ("2 INVITE", header(&first, "Call-ID")));
    assert_ne!(header(second, "Via"), header(&first, "Via"));
    let rest = |text: &str| {
        let differs =
            |line: &&str| !["Via", "CSeq", "Session-Expires", "Min-SE"].iter().any(|name| line.starts_with(name));
        text.lines().filter(differs).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(rest(second), rest(&first));
    assert_eq!(office.events(), []);
    let sent = office.send(&answer_from("p", second, "422 Session Interval Too Small", "Min-SE: 7200\r\n", b""));
    assert_eq!(sent.len(), 1, "once is enough");
    assert!(matches!(office.events()[..], [Event::Refused { leg: it, code: 422, .. }] if it == leg));
}

#[test]
fn a_phone_without_update_is_refreshed_by_the_description_it_knows() {
    let mut office = Office::new();
    office.register();
    let talk = Talk::with_phone(&mut office, "p", "Allow: INVITE, ACK, BYE\r\nSession-Expires: 90;refresher=uac\r\n");
    let mut refreshed = Vec::new();
    for _ in 0..60 {
        office.deadline(1_000);
        for text in texts(&mut office.stack).into_iter().filter(|text| text.starts_with("INVITE ")) {
            refreshed.push(office.now_ms / 1000);
            assert_eq!(header(&text, "Session-Expires"), "90;refresher=uac");
            assert!(text.as_bytes().ends_with(SDP), "{text}");
            office.send(&answer_from("p", &text, "200 OK", "Session-Expires: 90;refresher=uac\r\n", SDP));
        }
    }
    assert_eq!(refreshed.len(), 1, "{refreshed:?}");
    assert!((45..=51).contains(&refreshed[0]), "{refreshed:?}");
    office.stack.hang_up(talk.leg, None, Moment::at_ms(office.now_ms));
}

#[test]
fn a_phone_that_refuses_update_after_all_is_refreshed_by_invite() {
    let mut office = Office::new();
    office.register();
    Talk::with_phone(&mut office, "p", "Allow: INVITE, UPDATE\r\nSession-Expires: 90;refresher=uac\r\n");
    let mut lines = Vec::new();
    for _ in 0..55 {
        office.deadline(1_000);
        let mut sent = texts(&mut office.stack);
        while let Some(text) = sent.pop() {
            let method = text.split(' ').next().unwrap().to_owned();
            if method == "UPDATE" {
                sent.extend(office.send(&answer_from("p", &text, "405 Method Not Allowed", "", b"")));
            }
            lines.extend(["UPDATE", "INVITE"].contains(&&*method).then_some(method));
        }
    }
    assert_eq!(lines[..2], ["UPDATE", "INVITE"], "{lines:?}");
}
