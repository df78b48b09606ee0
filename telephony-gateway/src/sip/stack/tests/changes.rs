//! Changes of a session and keys, whoever asks first, also when both do.

use super::super::super::message::{Body, Method};
use super::super::clients::Purpose;
use super::phones::Office;
use super::talk::{Talk, header, texts};
use super::*;

const HOLD: &[u8] = b"v=0\r\nhold";

fn changes(pair: &Pair, of: Side) -> Vec<&Event> {
    let is_change = |event: &&Event| {
        matches!(event, Event::Reoffered { .. } | Event::ReofferAnswered { .. } | Event::ReofferRefused { .. })
    };
    pair.events(of).into_iter().filter(is_change).collect()
}

fn reoffers(pair: &Pair, side: Side) -> usize {
    // The carrier's first INVITE began the call.
    pair.sent(side, "INVITE").len() - usize::from(side == Side::Carrier)
}

#[test]
fn when_both_want_a_change_at_once_each_has_its_turn() {
    let mut pair = Pair::clear();
    let (leg, caller) = pair.talking();
    let began = pair.now_ms;
    let now = pair.now();
    pair.carrier.reoffer(caller, b"v=0\r\ntheirs".to_vec(), now);
    pair.gateway.reoffer(leg, b"v=0\r\nours".to_vec(), now);
    pair.run(2_050);
    let heard = Event::Reoffered { leg: caller, sdp: Some(b"v=0\r\nours".to_vec()) };
    assert_eq!(changes(&pair, Side::Carrier), [&heard], "who does not own the Call-ID asks first again");
    let now = pair.now();
    pair.carrier.answer_reoffer(caller, b"v=0\r\nyes".to_vec(), now);
    pair.run(2_000);
    let answered = Event::ReofferAnswered { leg, sdp: b"v=0\r\nyes".to_vec() };
    let asked = Event::Reoffered { leg, sdp: Some(b"v=0\r\ntheirs".to_vec()) };
    assert_eq!(changes(&pair, Side::Gateway), [&answered, &asked]);
    let carrier_asked = pair.sent(Side::Carrier, "INVITE");
    assert_eq!(carrier_asked.len(), 3);
    assert!((began + 2_100..began + 4_100).contains(&carrier_asked[2]), "{carrier_asked:?} from {began}");
    let now = pair.now();
    pair.gateway.answer_reoffer(leg, b"v=0\r\nfine".to_vec(), now);
    pair.run(1_000);
    assert_eq!(changes(&pair, Side::Carrier).len(), 2);
    assert_eq!((pair.gateway.n_legs(), pair.carrier.n_legs()), (1, 1));
}

#[test]
fn a_side_that_always_wants_the_same_at_the_same_moment_is_given_up() {
    let mut office = Office::new();
    office.register();
    let talk = Talk::with_phone(&mut office, "p", "");
    let at = Moment::at_ms(office.now_ms);
    office.stack.reoffer(talk.leg, HOLD.to_vec(), at);
    let mut n_asked = 0;
    for _ in 0..200 {
        for text in texts(&mut office.stack).into_iter().filter(|text| text.starts_with("INVITE ")) {
            n_asked += 1;
            office.send(&super::talk::answer_from("p", &text, "491 Request Pending", "", b""));
        }
        office.deadline(200);
    }
    assert_eq!(n_asked, 7);
    assert!(office.events().contains(&Event::ReofferRefused { leg: talk.leg, code: 491 }));
}

#[test]
fn a_change_that_is_wanted_during_another_waits_and_only_the_newest_is_asked_for() {
    let mut pair = Pair::clear();
    let (leg, caller) = pair.talking();
    for text in ["first", "second", "third"] {
        let now = pair.now();
        pair.gateway.reoffer(leg, text.as_bytes().to_vec(), now);
    }
    pair.run(10);
    assert_eq!(reoffers(&pair, Side::Gateway), 1);
    let now = pair.now();
    pair.carrier.answer_reoffer(caller, b"a".to_vec(), now);
    pair.run(10);
    let now = pair.now();
    pair.carrier.answer_reoffer(caller, b"b".to_vec(), now);
    pair.run(10);
    let asked: Vec<&Event> = changes(&pair, Side::Carrier);
    let offer = |text: &str| Event::Reoffered { leg: caller, sdp: Some(text.as_bytes().to_vec()) };
    assert_eq!(asked, [&offer("first"), &offer("third")]);
    assert_eq!(changes(&pair, Side::Gateway).len(), 2);
}

#[test]
fn a_change_waits_for_theirs_to_be_answered_and_acknowledged() {
    let mut pair = Pair::new(losing_first(Side::Gateway, "200 INVITE"));
    let (leg, caller) = pair.talking();
    pair.run(1_000);
    let now = pair.now();
    pair.carrier.reoffer(caller, HOLD.to_vec(), now);
    pair.run(10);
    let now = pair.now();
    pair.gateway.reoffer(leg, SDP.to_vec(), now);
    pair.gateway.answer_reoffer(leg, HOLD.to_vec(), now);
    assert_eq!(reoffers(&pair, Side::Gateway), 0);
    pair.run(10);
    assert_eq!(reoffers(&pair, Side::Gateway), 1, "as soon as the ACK is there");
    assert_eq!(changes(&pair, Side::Gateway).len(), 1, "theirs");
}

#[test]
fn a_change_that_was_wanted_before_the_ack_goes_out_after_it() {
    let mut pair = Pair::clear();
    pair.call();
    pair.run(10);
    let (leg, now) = (pair.incoming(), pair.now());
    pair.gateway.answer(leg, SDP.to_vec(), now);
    pair.gateway.reoffer(leg, HOLD.to_vec(), now);
    pair.collect();
    assert_eq!(reoffers(&pair, Side::Gateway), 0);
    pair.run(10);
    assert_eq!(reoffers(&pair, Side::Gateway), 1);
}

#[test]
fn the_second_change_is_not_answered_by_the_repeated_answer_to_the_first() {
    let mut office = Office::new();
    office.register();
    let talk = Talk::with_phone(&mut office, "p", "");
    let at = Moment::at_ms(office.now_ms);
    office.stack.reoffer(talk.leg, b"one".to_vec(), at);
    let first = texts(&mut office.stack).remove(0);
    let ok = super::talk::answer_from("p", &first, "200 OK", "", b"first");
    office.send(&ok);
    office.stack.reoffer(talk.leg, b"two".to_vec(), at);
    texts(&mut office.stack);
    let again = office.send(&ok);
    assert!(again.len() == 1 && again[0].starts_with("ACK "), "{again:?}");
    let answers = office.events().into_iter().filter(|event| matches!(event, Event::ReofferAnswered { .. })).count();
    assert_eq!(answers, 1);
}

/// UPDATE from the carrier, who uses re-INVITE for itself.
fn update(pair: &mut Pair, caller: LegId, sdp: Option<&[u8]>) {
    let body = sdp.map(|bytes| Body { kind: "application/sdp", bytes });
    pair.carrier.request_with_body(caller.0, Method::Update, Purpose::Notify, body, |_| {});
    pair.run(10);
}

#[test]
fn an_update_changes_a_session_and_one_without_sound_only_the_way() {
    let mut pair = Pair::clear();
    let (leg, caller) = pair.talking();
    update(&mut pair, caller, None);
    assert_eq!(pair.sent(Side::Gateway, "200 UPDATE").len(), 1);
    assert!(changes(&pair, Side::Gateway).is_empty());
    update(&mut pair, caller, Some(HOLD));
    assert_eq!(changes(&pair, Side::Gateway), [&Event::Reoffered { leg, sdp: Some(HOLD.to_vec()) }]);
    update(&mut pair, caller, Some(SDP));
    assert_eq!(pair.sent(Side::Gateway, "500 UPDATE").len(), 1, "one after the other");
    let now = pair.now();
    pair.gateway.answer_reoffer(leg, SDP.to_vec(), now);
    pair.run(10);
    assert_eq!(pair.sent(Side::Gateway, "200 UPDATE").len(), 2);
    let now = pair.now();
    pair.gateway.reoffer(leg, SDP.to_vec(), now);
    update(&mut pair, caller, Some(HOLD));
    assert_eq!(pair.sent(Side::Gateway, "491 UPDATE").len(), 1);
}

#[test]
fn an_update_before_the_call_is_taken_waits_for_the_first_answer() {
    let mut pair = Pair::clear();
    let caller = pair.call();
    pair.run(10);
    let (leg, now) = (pair.incoming(), pair.now());
    pair.gateway.ring(leg, now);
    pair.run(10);
    update(&mut pair, caller, Some(HOLD));
    assert_eq!(pair.sent(Side::Gateway, "500 UPDATE").len(), 1);
    update(&mut pair, caller, None);
    assert_eq!(pair.sent(Side::Gateway, "200 UPDATE").len(), 1);
    let now = pair.now();
    pair.gateway.answer(leg, SDP.to_vec(), now);
    pair.run(100);
    assert_eq!(
        *pair.events(Side::Gateway).last().unwrap(),
        &Event::Confirmed { leg, sdp: None },
        "the INVITE kept its number"
    );
}

#[test]
fn keys_come_one_after_the_other_whatever_is_lost() {
    let mut pair = Pair::new(losing_first(Side::Gateway, "INFO"));
    let (leg, caller) = pair.talking();
    let now = pair.now();
    for digit in "12*#d".chars() {
        pair.gateway.send_digit(leg, digit, now);
    }
    pair.gateway.send_digit(leg, 'x', now);
    pair.run(5_000);
    let digits: String = pair
        .events(Side::Carrier)
        .iter()
        .filter_map(|event| match event {
            Event::Digit { leg, digit } if *leg == caller => Some(*digit),
            _ => None,
        })
        .collect();
    assert_eq!(digits, "12*#D");
    assert_eq!(pair.sent(Side::Gateway, "INFO").len(), 6, "five, and one for the one that was lost");
}

#[test]
fn keys_are_understood_in_both_of_their_forms_and_nothing_else_is() {
    let mut office = Office::new();
    office.register();
    let mut talk = Talk::with_phone(&mut office, "p", "");
    for (kind, body, code) in [
        ("application/dtmf-relay", "Signal=7\r\nDuration=250\r\n", "200"),
        ("Application/DTMF", "#", "200"),
        ("application/dtmf-relay", "Signal=16\r\n", "200"),
        ("application/dtmf-relay", "Duration=250\r\n", "400"),
        ("application/media_control+xml", "<x/>", "415"),
    ] {
        let sent = talk.say(&mut office, "INFO", &format!("Content-Type: {kind}\r\n"), body);
        assert_eq!(&sent[0][8..11], code, "{kind} {body}");
    }
    let sent = talk.say(&mut office, "INFO", "", "");
    assert!(sent[0].starts_with("SIP/2.0 200 "), "is anybody there?");
    assert_eq!(office.events(), ['7', '#'].map(|digit| Event::Digit { leg: talk.leg, digit }));
    let at = Moment::at_ms(office.now_ms);
    office.stack.send_digit(talk.leg, '5', at);
    let info = texts(&mut office.stack).remove(0);
    assert_eq!(header(&info, "Content-Type"), "application/dtmf-relay");
    assert!(info.ends_with("\r\n\r\nSignal=5\r\nDuration=160\r\n"), "{info}");
}
