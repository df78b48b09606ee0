//! Calls that are handed over by the phone: blind (RFC 3515), and to somebody who has been asked first (RFC 3891).

use super::super::super::digest::answer_to;
use super::super::super::event::ReferTarget;
use super::phones::Office;
use super::talk::{Talk, answer_from, header, texts};
use super::*;

fn talking() -> (Office, Talk) {
    let mut office = Office::new();
    office.register();
    let talk = Talk::with_phone(&mut office, "p1", "");
    (office, talk)
}

fn now(office: &Office) -> Moment {
    Moment::at_ms(office.now_ms)
}

fn to(user: &str) -> ReferTarget {
    ReferTarget { user: user.to_owned(), replaces: None }
}

#[track_caller]
fn assert_notify(texts: &[String], fragment: &str, state: &str) {
    assert_eq!(texts.len(), 1, "{texts:?}");
    let text = &texts[0];
    assert!(text.starts_with("NOTIFY sip:101@10.9.9.9:5062 SIP/2.0\r\n"), "{text}");
    assert_eq!(header(text, "Subscription-State"), state);
    assert_eq!(header(text, "Content-Type"), "message/sipfrag;version=2.0");
    assert!(text.ends_with(&format!("\r\n\r\n{fragment}\r\n")), "{text}");
    assert!(header(text, "Event").starts_with("refer;id="), "{text}");
}

#[test]
fn a_phone_that_hands_its_caller_over_hears_what_becomes_of_it() {
    let (mut office, mut talk) = talking();
    assert_eq!(
        talk.say(&mut office, "REFER", "Refer-To: <sip:102@pult>\r\n", ""),
        Vec::<String>::new(),
        "the owner decides"
    );
    assert_eq!(office.events(), [Event::Referred { leg: talk.leg, to: to("102") }]);
    let at = now(&office);
    office.stack.accept_refer(talk.leg, at);
    let sent = texts(&mut office.stack);
    assert!(sent[0].starts_with("SIP/2.0 202 Accepted\r\n") && sent[0].contains("\r\nContact: "), "{sent:?}");
    assert_notify(&sent[1..], "SIP/2.0 100 Trying", "active;expires=180");
    office.stack.tell_refer(talk.leg, 180, at);
    assert_notify(&texts(&mut office.stack), "SIP/2.0 180 Ringing", "active;expires=180");
    office.stack.tell_refer(talk.leg, 200, at);
    let sent = texts(&mut office.stack);
    assert_notify(&sent, "SIP/2.0 200 OK", "terminated;reason=noresource");
    assert_eq!(header(&sent[0], "Event"), "refer;id=11");
    office.stack.tell_refer(talk.leg, 200, at);
    assert_eq!(texts(&mut office.stack), Vec::<String>::new(), "the last word is said once");
}

#[test]
fn one_handing_over_at_a_time() {
    let (mut office, mut talk) = talking();
    talk.say(&mut office, "REFER", "Refer-To: <sip:102@pult>\r\n", "");
    let second = talk.say(&mut office, "REFER", "Refer-To: <sip:103@pult>\r\n", "");
    assert!(second[0].starts_with("SIP/2.0 491 "), "{second:?}");
    let at = now(&office);
    office.stack.refuse_refer(talk.leg, 403, at);
    let sent = texts(&mut office.stack);
    assert!(sent.len() == 1 && sent[0].starts_with("SIP/2.0 403 "), "no subscription was begun: {sent:?}");
    talk.say(&mut office, "REFER", "Refer-To: <tel:+74952040000>\r\n", "");
    let referred: Vec<Event> = office.events();
    let expected = [to("102"), to("+74952040000")].map(|to| Event::Referred { leg: talk.leg, to });
    assert_eq!(referred, expected);
}

#[test]
fn a_repeated_refer_is_one_refer() {
    let (mut office, mut talk) = talking();
    let refer = talk.request("REFER", "Refer-To: <sip:102@pult>\r\n", "");
    office.send(&refer);
    let at = now(&office);
    office.stack.accept_refer(talk.leg, at);
    let accepted = texts(&mut office.stack).remove(0);
    assert_eq!(office.send(&refer), [accepted]);
    assert_eq!(office.events().len(), 1);
}

#[test]
fn a_phone_that_does_not_want_to_hear_more_is_told_nothing() {
    let (mut office, mut talk) = talking();
    let lines = "Refer-To: <sip:102@pult>\r\nRequire: norefersub\r\nRefer-Sub: false\r\n";
    talk.say(&mut office, "REFER", lines, "");
    let at = now(&office);
    office.stack.accept_refer(talk.leg, at);
    let sent = texts(&mut office.stack);
    assert!(sent.len() == 1 && sent[0].contains("\r\nRefer-Sub: false\r\n"), "{sent:?}");
    office.stack.tell_refer(talk.leg, 200, at);
    assert_eq!(texts(&mut office.stack), Vec::<String>::new());
}

#[test]
fn a_refer_that_names_nobody_is_refused() {
    let (mut office, mut talk) = talking();
    for (lines, code) in [
        ("", "400"),
        ("Refer-To: <sip:102@pult>\r\nr: <sip:103@pult>\r\n", "400"),
        ("Refer-To: <mailto:a@b>\r\n", "400"),
        ("Refer-To: <sip:102@pult;method=SUBSCRIBE>\r\n", "501"),
        ("Refer-To: <sip:102@pult>\r\nRequire: multiple-refer\r\n", "420"),
    ] {
        let sent = talk.say(&mut office, "REFER", lines, "");
        assert!(sent[0].starts_with(&format!("SIP/2.0 {code} ")), "{lines}: {sent:?}");
    }
    let told = office.events().iter().filter(|event| matches!(event, Event::Referred { .. })).count();
    assert_eq!(told, 0);
}

#[test]
fn a_carrier_cannot_hand_calls_over() {
    let mut pair = Pair::clear();
    let (leg, caller) = pair.talking();
    pair.carrier.request_inside(
        caller.0,
        super::super::super::message::Method::Refer,
        super::super::clients::Purpose::Notify,
        |writer| {
            writer.lines(b"Refer-To: <sip:+79001112233@gw>\r\n");
        },
    );
    pair.run(100);
    assert_eq!(pair.sent(Side::Gateway, "403 REFER").len(), 1);
    assert!(!pair.events(Side::Gateway).iter().any(|event| matches!(event, Event::Referred { .. })));
    assert_eq!(pair.gateway.n_legs(), 1, "{leg:?} goes on");
}

#[test]
fn a_phone_connects_its_caller_with_the_colleague_it_has_asked() {
    let (mut office, mut caller) = talking();
    let colleague = Talk::with_phone(&mut office, "p2", "");
    let lines = format!("Refer-To: <sip:102@pult?Replaces={}>\r\n", colleague.replaces_escaped());
    caller.say(&mut office, "REFER", &lines, "");
    let to = ReferTarget { user: "102".to_owned(), replaces: Some(colleague.leg) };
    assert_eq!(office.events(), [Event::Referred { leg: caller.leg, to }]);
}

#[test]
fn a_refer_to_a_talk_that_nobody_knows_fails_and_leaves_the_call_as_it_was() {
    let (mut office, mut caller) = talking();
    let colleague = Talk::with_phone(&mut office, "p2", "");
    let turned = colleague
        .replaces_escaped()
        .replace("to-tag", "x-tag")
        .replace("from-tag", "to-tag")
        .replace("x-tag", "from-tag");
    for replaces in ["unknown%3Bto-tag%3Da%3Bfrom-tag%3Db".to_owned(), turned] {
        let sent = caller.say(&mut office, "REFER", &format!("Refer-To: <sip:102@pult?Replaces={replaces}>\r\n"), "");
        assert!(sent[0].starts_with("SIP/2.0 202 "), "a 481 would end the phone's call: {sent:?}");
        assert_notify(&sent[2..], "SIP/2.0 481 Call/Transaction Does Not Exist", "terminated;reason=noresource");
    }
    assert_eq!((office.events(), office.stack.n_legs()), (vec![], 2));
}

#[test]
fn a_call_that_ends_takes_its_refer_with_it() {
    let (mut office, mut talk) = talking();
    talk.say(&mut office, "REFER", "Refer-To: <sip:102@pult>\r\n", "");
    let sent = talk.say(&mut office, "BYE", "", "");
    let codes: Vec<&str> = sent.iter().map(|text| &text[8..11]).collect();
    assert_eq!(codes, ["200", "487"], "nothing is left unanswered");
    let at = now(&office);
    office.stack.accept_refer(talk.leg, at);
    office.stack.tell_refer(talk.leg, 200, at);
    assert_eq!(texts(&mut office.stack), Vec::<String>::new());
    for _ in 0..20 {
        office.deadline(10_000);
        texts(&mut office.stack);
    }
    assert_eq!(office.stack.n_remembered(), 0);
}

/// The phone calls, with the right password.
fn invite_replacing(office: &mut Office, n: u32, replaces: &str) -> (String, Option<Option<LegId>>) {
    let text = |credentials: &str, n: u32| {
        format!(
            "INVITE sip:102@pult SIP/2.0\r\nVia: SIP/2.0/UDP 10.9.9.9:5062;rport;branch=z9hG4bKi{n}\r\nFrom: <sip:101@pult>;tag=i{n}\r\n\
             To: <sip:102@pult>\r\nCall-ID: i\r\nCSeq: {n} INVITE\r\nContact: <sip:101@10.9.9.9:5062>\r\nRequire: replaces\r\n\
             Replaces: {replaces}\r\n{credentials}\r\n"
        )
    };
    let challenge = office.send(&text("", n)).remove(0);
    let offered = header(&challenge, "Proxy-Authenticate");
    let credentials = answer_to(offered, "101", "secret", "INVITE", "sip:102@pult", 1);
    let answer = office.send(&text(&format!("Proxy-Authorization: {credentials}\r\n"), n + 1)).remove(0);
    let invited = office.events().into_iter().find_map(|event| match event {
        Event::Invited { invite, .. } => Some(invite.replaces),
        _ => None,
    });
    (answer[8..11].to_owned(), invited)
}

#[test]
fn a_phone_picks_up_a_call_by_taking_the_place_of_another() {
    let (mut office, mut talk) = talking();
    let replaces = talk.replaces();
    assert_eq!(invite_replacing(&mut office, 1, &replaces), ("100".to_owned(), Some(Some(talk.leg))));
    let early_only = format!("{replaces};early-only");
    assert_eq!(invite_replacing(&mut office, 3, &early_only), ("486".to_owned(), None), "it has been answered");
    assert_eq!(invite_replacing(&mut office, 5, "c;to-tag=1;from-tag=2"), ("481".to_owned(), None));
    assert_eq!(invite_replacing(&mut office, 7, "c"), ("400".to_owned(), None));
    assert_eq!(
        invite_replacing(&mut office, 9, &format!("{replaces}\r\nReplaces: {replaces}")),
        ("400".to_owned(), None)
    );
    talk.say(&mut office, "BYE", "", "");
    assert_eq!(invite_replacing(&mut office, 11, &replaces), ("603".to_owned(), None), "it is over already");
}

#[test]
fn a_ringing_call_is_picked_up() {
    let mut office = Office::new();
    office.register();
    let (leg, invite) = office.invite().unwrap();
    let invite = String::from_utf8(invite.bytes.to_vec()).unwrap();
    let ringing = Talk::named(leg, &invite, "p1");
    let replaces = format!("{};early-only", ringing.replaces());
    assert_eq!(invite_replacing(&mut office, 1, &replaces).0, "481", "nobody has rung yet");
    office.send(&answer_from("p1", &invite, "180 Ringing", "", b""));
    assert_eq!(invite_replacing(&mut office, 3, &replaces), ("100".to_owned(), Some(Some(leg))));
}

#[test]
fn who_calls_us_and_a_carrier_cannot_replace() {
    let mut pair = Pair::clear();
    pair.call();
    let invite = String::from_utf8(pair.on_the_way[0].3.to_vec()).unwrap();
    pair.run(10);
    let leg = pair.incoming();
    let dialog = &pair.gateway.legs.get(leg.0).unwrap().dialog;
    let (call_id, local) = (String::from_utf8_lossy(&dialog.call_id).into_owned(), dialog.local_tag.to_string());
    let replaces = format!("{call_id};to-tag={local};from-tag={}", String::from_utf8_lossy(&dialog.remote_tag));
    let other = invite.replace("z9hG4bK", "z9hG4bKx").replace("Call-ID: ", "Call-ID: x");
    let other = other.replace("\r\nSupported", &format!("\r\nReplaces: {replaces}\r\nSupported"));
    let now = pair.now();
    pair.gateway.receive(&flow(GATEWAY, CARRIER), other.as_bytes(), now);
    pair.run(10);
    assert_eq!(pair.sent(Side::Gateway, "403 INVITE").len(), 1);
    let mut office = Office::new();
    office.register();
    office.stack.receive(&flow(GATEWAY, CARRIER), invite.as_bytes(), now);
    let Some(Event::Invited { leg, .. }) = office.events().pop() else { panic!("a call of the carrier") };
    texts(&mut office.stack);
    let local = office.stack.legs.get(leg.0).unwrap().dialog.local_tag.to_string();
    let from_tag = super::talk::tag_of(header(&invite, "From"));
    let replaces = format!("{};to-tag={local};from-tag={from_tag}", header(&invite, "Call-ID"));
    assert_eq!(invite_replacing(&mut office, 1, &replaces).0, "481", "a caller whom nobody has answered");
}
