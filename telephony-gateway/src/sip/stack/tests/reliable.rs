//! What is said before a call is taken, so that it is not lost (RFC 3262), and those who ring in several places.

use super::super::super::message::{Body, Method};
use super::super::clients::Purpose;
use super::phones::Office;
use super::talk::{answer_from, header, tag_of, texts};
use super::*;

const EARLY: &[u8] = b"v=0\r\nearly";

/// A caller who requires reliable answers waits for ours.
fn called(weather: impl FnMut(Side, &str) -> Option<u64> + 'static) -> (Pair, LegId, LegId) {
    let mut pair = Pair::new(weather);
    pair.requires_reliable = true;
    let caller = pair.call();
    pair.run(10);
    let leg = pair.incoming();
    (pair, leg, caller)
}

fn lines(pair: &Pair) -> Vec<&str> {
    pair.log.iter().map(|(.., line)| line.as_str()).collect()
}

#[test]
fn early_sound_is_agreed_before_the_call_is_taken_and_not_said_again() {
    let (mut pair, leg, caller) = called(|_, _| Some(1));
    let now = pair.now();
    pair.gateway.progress(leg, 183, Some(EARLY.to_vec()), now);
    pair.run(100);
    let now = pair.now();
    pair.gateway.answer(leg, EARLY.to_vec(), now);
    pair.run(1_000);
    assert_eq!(lines(&pair), ["INVITE", "100 INVITE", "183 INVITE", "PRACK", "200 PRACK", "200 INVITE", "ACK"]);
    let heard = [
        &Event::Ringing { leg: caller, sdp: Some(EARLY.to_vec()) },
        &Event::Answered { leg: caller, sdp: EARLY.to_vec() },
    ];
    assert_eq!(pair.events(Side::Carrier), heard);
    assert_eq!(*pair.events(Side::Gateway).last().unwrap(), &Event::Confirmed { leg, sdp: None });
}

#[test]
fn an_answer_unlike_the_early_one_becomes_a_change() {
    let (mut pair, leg, caller) = called(|_, _| Some(1));
    let now = pair.now();
    pair.gateway.progress(leg, 183, Some(EARLY.to_vec()), now);
    pair.run(100);
    let now = pair.now();
    pair.gateway.answer(leg, SDP.to_vec(), now);
    pair.run(1_000);
    assert_eq!(*pair.events(Side::Carrier).last().unwrap(), &Event::Reoffered { leg: caller, sdp: Some(SDP.to_vec()) });
}

#[test]
fn never_two_answers_wait_for_their_acknowledgement() {
    let (mut pair, leg, _) = called(losing_first(Side::Carrier, "PRACK"));
    let now = pair.now();
    pair.gateway.ring(leg, now);
    pair.gateway.progress(leg, 182, None, now);
    pair.gateway.progress(leg, 183, Some(EARLY.to_vec()), now);
    pair.run(450);
    assert_eq!(pair.sent(Side::Gateway, "180 INVITE").len(), 1);
    assert_eq!(pair.sent(Side::Gateway, "183 INVITE").len(), 0, "the 180 waits for its PRACK");
    pair.run(1_000);
    assert_eq!(pair.sent(Side::Gateway, "180 INVITE").len(), 2, "its PRACK was lost");
    assert_eq!(pair.sent(Side::Gateway, "182 INVITE").len(), 0, "only the newest is said");
    assert_eq!(pair.sent(Side::Gateway, "183 INVITE").len(), 1);
    assert_eq!(pair.sent(Side::Gateway, "200 PRACK").len(), 2);
}

#[test]
fn a_lost_provisional_answer_is_repeated_until_it_is_acknowledged() {
    let (mut pair, leg, caller) = called(losing_first(Side::Gateway, "180 INVITE"));
    let now = pair.now();
    pair.gateway.ring(leg, now);
    pair.run(5_000);
    assert_eq!(pair.sent(Side::Gateway, "180 INVITE").len(), 2);
    assert_eq!(pair.sent(Side::Carrier, "PRACK").len(), 1);
    assert_eq!(pair.events(Side::Carrier), [&Event::Ringing { leg: caller, sdp: None }]);
}

#[test]
fn a_caller_who_never_acknowledges_is_given_up() {
    let (mut pair, leg, caller) = called(losing(Side::Carrier, "PRACK"));
    let now = pair.now();
    pair.gateway.ring(leg, now);
    pair.run(70_000);
    assert_eq!(*pair.events(Side::Gateway).last().unwrap(), &hung_up(leg, Ending::TimedOut));
    assert!(matches!(pair.events(Side::Carrier).last(), Some(Event::Refused { leg, code: 504, .. }) if *leg == caller));
    let pauses: Vec<u64> = pair.sent(Side::Gateway, "180 INVITE").windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.windows(2).all(|pair| pair[1] + 40 >= 2 * pair[0]), "twice as long each time: {pauses:?}");
    pair.run(100_000);
    assert_eq!((pair.gateway.n_remembered(), pair.carrier.n_remembered()), (0, 0));
}

#[test]
fn the_call_is_taken_when_the_early_sound_is_acknowledged() {
    let (mut pair, leg, caller) = called(losing_first(Side::Carrier, "PRACK"));
    let now = pair.now();
    pair.gateway.progress(leg, 183, Some(EARLY.to_vec()), now);
    pair.gateway.answer(leg, EARLY.to_vec(), now);
    pair.run(100);
    assert_eq!(pair.sent(Side::Gateway, "200 INVITE").len(), 0);
    pair.run(1_000);
    assert_eq!(pair.sent(Side::Gateway, "200 INVITE").len(), 1);
    assert!(matches!(pair.events(Side::Carrier).last(), Some(Event::Answered { leg, .. }) if *leg == caller));
}

#[test]
fn a_plain_ringing_does_not_hold_up_the_call_and_its_late_acknowledgement_is_answered() {
    let (mut pair, leg, _) = called(losing_first(Side::Carrier, "PRACK"));
    let now = pair.now();
    pair.gateway.ring(leg, now);
    pair.gateway.answer(leg, SDP.to_vec(), now);
    pair.run(5_000);
    assert_eq!((pair.sent(Side::Gateway, "200 INVITE").len(), pair.sent(Side::Gateway, "180 INVITE").len()), (1, 1));
    assert_eq!(*pair.events(Side::Gateway).last().unwrap(), &Event::Confirmed { leg, sdp: None });
}

#[test]
fn a_caller_with_early_sound_changes_it_before_the_call_is_taken() {
    let (mut pair, leg, caller) = called(|_, _| Some(1));
    let now = pair.now();
    pair.gateway.progress(leg, 183, Some(EARLY.to_vec()), now);
    pair.run(100);
    let body = Body { kind: "application/sdp", bytes: b"v=0\r\nother" };
    pair.carrier.request_with_body(caller.0, Method::Update, Purpose::Notify, Some(body), |_| {});
    pair.run(10);
    assert_eq!(
        *pair.events(Side::Gateway).last().unwrap(),
        &Event::Reoffered { leg, sdp: Some(b"v=0\r\nother".to_vec()) }
    );
    let now = pair.now();
    pair.gateway.answer_reoffer(leg, b"v=0\r\nyes".to_vec(), now);
    pair.run(10);
    assert_eq!(pair.sent(Side::Gateway, "200 UPDATE").len(), 1);
    let now = pair.now();
    pair.gateway.answer(leg, b"v=0\r\nyes".to_vec(), now);
    pair.run(100);
    assert_eq!(*pair.events(Side::Gateway).last().unwrap(), &Event::Confirmed { leg, sdp: None });
    assert_eq!(pair.sent(Side::Gateway, "INVITE").len(), 0, "it is what was agreed");
}

#[test]
fn whoever_we_call_changes_the_early_sound_as_well() {
    let (mut pair, leg, caller) = called(|_, _| Some(1));
    let update = |pair: &mut Pair| {
        let body = Body { kind: "application/sdp", bytes: b"v=0\r\nlouder" };
        pair.gateway.request_with_body(leg.0, Method::Update, Purpose::Notify, Some(body), |_| {});
        pair.run(10);
    };
    let now = pair.now();
    pair.gateway.ring(leg, now);
    pair.run(10);
    update(&mut pair);
    assert_eq!(pair.sent(Side::Carrier, "491 UPDATE").len(), 1, "our offer still waits for its answer");
    let now = pair.now();
    pair.gateway.progress(leg, 183, Some(EARLY.to_vec()), now);
    pair.run(100);
    update(&mut pair);
    let louder = Event::Reoffered { leg: caller, sdp: Some(b"v=0\r\nlouder".to_vec()) };
    assert_eq!(*pair.events(Side::Carrier).last().unwrap(), &louder);
    let now = pair.now();
    pair.carrier.answer_reoffer(caller, SDP.to_vec(), now);
    pair.gateway.answer(leg, EARLY.to_vec(), now);
    pair.run(100);
    let answered = Event::Answered { leg: caller, sdp: b"v=0\r\nlouder".to_vec() };
    assert_eq!(*pair.events(Side::Carrier).last().unwrap(), &answered, "not what was true before");
}

fn request(method: &str, n: u32, to_tag: &str, more: &str, sdp: &str) -> String {
    let kind = if sdp.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "{method} sip:112@gw SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{n}\r\nFrom: <sip:a@b>;tag=1\r\n\
         To: <sip:112@gw>{to_tag}\r\nCall-ID: c1\r\nCSeq: {n} {method}\r\nContact: <sip:a@192.0.2.1>\r\n{more}{kind}\
         Content-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
}

/// A scripted carrier that requires reliable answers: the gateway, its leg, and what the gateway has said.
fn scripted(sdp: &str) -> (Stack, LegId) {
    let mut stack = Stack::new(config_with_trunk(CARRIER), [1; 32]);
    let invite = request("INVITE", 1, "", "Require: 100rel\r\n", sdp);
    stack.receive(&flow(GATEWAY, CARRIER), invite.as_bytes(), Moment::at_ms(0));
    let Some(Event::Invited { leg, .. }) = stack.poll_event() else { panic!("a call") };
    texts(&mut stack);
    (stack, leg)
}

fn say(stack: &mut Stack, text: &str) -> Vec<String> {
    stack.receive(&flow(GATEWAY, CARRIER), text.as_bytes(), Moment::at_ms(10));
    texts(stack)
}

#[test]
fn a_caller_without_an_offer_gets_ours_early_and_answers_in_the_prack() {
    let (mut stack, leg) = scripted("");
    stack.ring(leg, Moment::at_ms(1));
    assert_eq!(texts(&mut stack), Vec::<String>::new(), "without an offer nothing may be said reliably");
    stack.progress(leg, 183, Some(EARLY.to_vec()), Moment::at_ms(2));
    let progress = texts(&mut stack).remove(0);
    assert!(progress.starts_with("SIP/2.0 183 ") && progress.as_bytes().ends_with(EARLY), "{progress}");
    let (tag, rseq) = (tag_of(header(&progress, "To")), header(&progress, "RSeq").to_owned());
    let prack = request("PRACK", 2, &format!(";tag={tag}"), &format!("RAck: {rseq} 1 INVITE\r\n"), "v=0\r\ntheirs");
    assert!(say(&mut stack, &prack)[0].starts_with("SIP/2.0 200 "));
    assert_eq!(stack.poll_event(), Some(Event::ReofferAnswered { leg, sdp: b"v=0\r\ntheirs".to_vec() }));
    stack.answer(leg, EARLY.to_vec(), Moment::at_ms(20));
    let ok = texts(&mut stack).remove(0);
    assert!(ok.starts_with("SIP/2.0 200 ") && ok.ends_with("Content-Length: 0\r\n\r\n"), "{ok}");
    assert_eq!(header(&ok, "CSeq"), "1 INVITE");
    say(&mut stack, &request("ACK", 1, &format!(";tag={tag}"), "", "").replace("z9hG4bK1", "z9hG4bKack"));
    assert_eq!(stack.poll_event(), Some(Event::Confirmed { leg, sdp: None }));
}

#[test]
fn a_prack_may_bring_the_next_offer_and_a_wrong_one_is_nobodys() {
    let (mut stack, leg) = scripted("v=0\r\nfirst");
    stack.progress(leg, 183, Some(EARLY.to_vec()), Moment::at_ms(2));
    let progress = texts(&mut stack).remove(0);
    let (tag, rseq) = (tag_of(header(&progress, "To")), header(&progress, "RSeq").parse::<u32>().unwrap());
    assert_eq!(header(&progress, "Require"), "100rel");
    let tag = format!(";tag={tag}");
    for (n, rack) in [(2, format!("{} 1 INVITE", rseq + 1)), (3, format!("{rseq} 2 INVITE")), (4, "x".to_owned())] {
        let sent = say(&mut stack, &request("PRACK", n, &tag, &format!("RAck: {rack}\r\n"), ""));
        assert!(sent[0].starts_with("SIP/2.0 481 "), "{rack}: {sent:?}");
    }
    let prack = request("PRACK", 5, &tag, &format!("RAck: {rseq} 1 INVITE\r\n"), "v=0\r\nsecond");
    assert_eq!(say(&mut stack, &prack), Vec::<String>::new(), "the owner is asked first");
    assert_eq!(stack.poll_event(), Some(Event::Reoffered { leg, sdp: Some(b"v=0\r\nsecond".to_vec()) }));
    stack.answer_reoffer(leg, SDP.to_vec(), Moment::at_ms(20));
    let sent = texts(&mut stack).remove(0);
    assert!(
        sent.starts_with("SIP/2.0 200 ") && header(&sent, "CSeq") == "5 PRACK" && sent.as_bytes().ends_with(SDP),
        "{sent}"
    );
    stack.ring(leg, Moment::at_ms(30));
    let ringing = texts(&mut stack).remove(0);
    assert_eq!(header(&ringing, "RSeq"), (rseq + 1).to_string());
}

/// The gateway calls, and a proxy rings in two places.
fn forked() -> (Office, LegId, String) {
    let mut office = Office::new();
    office.register();
    let (leg, invite) = office.invite().unwrap();
    office.events();
    (office, leg, String::from_utf8(invite.bytes.to_vec()).unwrap())
}

fn ringing(office: &mut Office, tag: &str, invite: &str, rseq: u32, sdp: &[u8]) -> Vec<String> {
    let lines = format!("Require: 100rel\r\nRSeq: {rseq}\r\n");
    office.send(&answer_from(tag, invite, "183 Session Progress", &lines, sdp))
}

#[test]
fn each_of_two_that_ring_is_acknowledged_by_itself_and_in_order() {
    let (mut office, leg, invite) = forked();
    assert!(header(&invite, "Supported").contains("100rel"));
    let first = ringing(&mut office, "one", &invite, 700, b"");
    let other = ringing(&mut office, "two", &invite, 5, EARLY);
    for (prack, tag, rack, cseq) in
        [(&first, "one", "700 1 INVITE", "2 PRACK"), (&other, "two", "5 1 INVITE", "2 PRACK")]
    {
        assert_eq!((prack.len(), header(&prack[0], "RAck"), header(&prack[0], "CSeq")), (1, rack, cseq));
        assert!(header(&prack[0], "To").ends_with(&format!(";tag={tag}")), "{prack:?}");
    }
    assert_eq!(ringing(&mut office, "one", &invite, 700, b""), Vec::<String>::new(), "it has its PRACK");
    assert_eq!(ringing(&mut office, "one", &invite, 702, b""), Vec::<String>::new(), "one is missing in between");
    assert_eq!(ringing(&mut office, "one", &invite, 701, b"").len(), 1);
    let heard = [Event::Ringing { leg, sdp: None }, Event::Ringing { leg, sdp: Some(EARLY.to_vec()) }];
    assert_eq!(office.events(), heard);
}

#[test]
fn the_one_who_takes_the_call_need_not_be_the_one_who_rang_first() {
    let (mut office, leg, invite) = forked();
    ringing(&mut office, "one", &invite, 700, b"");
    ringing(&mut office, "two", &invite, 5, EARLY);
    office.events();
    let ack = office.send(&answer_from("two", &invite, "200 OK", "", b""));
    assert!(ack.len() == 1 && ack[0].starts_with("ACK ") && header(&ack[0], "To").ends_with(";tag=two"), "{ack:?}");
    assert_eq!(office.events(), [Event::Answered { leg, sdp: EARLY.to_vec() }]);
    // The other one took it in the same moment: it is told goodbye.
    let sent = office.send(&answer_from("one", &invite, "200 OK", "", SDP));
    let methods: Vec<&str> = sent.iter().map(|text| text.split(' ').next().unwrap()).collect();
    assert_eq!(methods, ["ACK", "BYE"]);
    assert!(sent.iter().all(|text| header(text, "To").ends_with(";tag=one")), "{sent:?}");
    office.stack.hang_up(leg, None, Moment::at_ms(office.now_ms));
    let bye = texts(&mut office.stack).remove(0);
    assert!(bye.starts_with("BYE ") && header(&bye, "To").ends_with(";tag=two"), "{bye}");
    assert_eq!(header(&bye, "CSeq"), "3 BYE", "after the INVITE and the PRACK");
}

#[test]
fn one_who_takes_the_call_without_having_rung() {
    let (mut office, leg, invite) = forked();
    ringing(&mut office, "one", &invite, 700, b"");
    office.send(&answer_from("three", &invite, "200 OK", "", SDP));
    office.events();
    office.stack.hang_up(leg, None, Moment::at_ms(office.now_ms));
    let bye = texts(&mut office.stack).remove(0);
    assert!(bye.starts_with("BYE ") && header(&bye, "To").ends_with(";tag=three"), "{bye}");
}
