//! Whole calls, and every timer of RFC 3261 against the loss that it guards.

use super::*;

#[test]
fn a_call_goes_from_ringing_to_goodbye() {
    let mut pair = Pair::clear();
    let (leg, caller) = pair.talking();
    let Event::Invited { invite, .. } = pair.events(Side::Gateway)[0] else { panic!("invited first") };
    assert_eq!((invite.dialled.as_str(), invite.from_user.as_str()), ("112", "+79162040000"));
    assert_eq!(invite.from_display.as_deref(), Some("Анна"));
    assert_eq!(pair.events(Side::Gateway)[1..], [&Event::Confirmed { leg, sdp: None }]);
    let heard = [&Event::Ringing { leg: caller, sdp: None }, &Event::Answered { leg: caller, sdp: SDP.to_vec() }];
    assert_eq!(pair.events(Side::Carrier), heard);
    let now = pair.now();
    pair.carrier.hang_up(caller, Some((16, "Normal")), now);
    pair.run(100);
    let ended = Event::HungUp { leg, by: Ending::Bye, q850: Some(16) };
    assert_eq!(*pair.events(Side::Gateway).last().unwrap(), &ended);
    pair.run(100_000);
    assert_eq!((pair.gateway.n_remembered(), pair.carrier.n_remembered()), (0, 0), "nothing is left behind");
    let line: Vec<&str> = pair.log.iter().map(|(.., line)| line.as_str()).collect();
    assert_eq!(line, ["INVITE", "100 INVITE", "180 INVITE", "200 INVITE", "ACK", "BYE", "200 BYE"]);
}

#[test]
fn timer_a_repeats_an_invite_that_was_lost() {
    let mut pair = Pair::new(losing_first(Side::Carrier, "INVITE"));
    pair.call();
    pair.run(5_000);
    assert_eq!(pair.sent(Side::Carrier, "INVITE"), [0, 500]);
}

#[test]
fn timer_b_gives_up_when_nobody_hears_the_invite() {
    let mut pair = Pair::new(losing(Side::Carrier, "INVITE"));
    let caller = pair.call();
    pair.run(31_900);
    assert!(pair.events(Side::Carrier).is_empty());
    pair.run(200);
    assert!(matches!(pair.events(Side::Carrier)[..], [Event::Refused { leg, code: 408, .. }] if *leg == caller));
    assert_eq!(pair.sent(Side::Carrier, "INVITE").len(), 7);
}

fn refused(weather: impl FnMut(Side, &str) -> Option<u64> + 'static) -> Pair {
    let mut pair = Pair::new(weather);
    pair.call();
    pair.run(10);
    let (leg, now) = (pair.incoming(), pair.now());
    pair.gateway.reject(leg, 486, Some(3), "all busy", now);
    pair.run(100_000);
    assert_eq!(pair.events(Side::Gateway)[1..], [&hung_up(leg, Ending::Rejected)]);
    assert!(matches!(pair.events(Side::Carrier)[..], [Event::Refused { code: 486, .. }]));
    assert_eq!((pair.gateway.n_remembered(), pair.carrier.n_remembered()), (0, 0));
    pair
}

#[test]
fn timer_g_repeats_a_refusal_that_was_lost() {
    let pair = refused(losing_first(Side::Gateway, "486 INVITE"));
    assert_eq!(pair.sent(Side::Gateway, "486 INVITE").len(), 2);
    assert_eq!(pair.sent(Side::Carrier, "ACK").len(), 1);
}

#[test]
fn timer_d_keeps_the_ack_for_a_refusal_that_comes_again() {
    let pair = refused(losing_first(Side::Carrier, "ACK"));
    assert_eq!(pair.sent(Side::Gateway, "486 INVITE").len(), 2);
    assert_eq!(pair.sent(Side::Carrier, "ACK").len(), 2);
}

#[test]
fn timer_h_ends_a_refusal_whose_ack_never_comes() {
    let pair = refused(losing(Side::Carrier, "ACK"));
    let repeated = pair.sent(Side::Gateway, "486 INVITE");
    assert_eq!(repeated.len(), 11, "{repeated:?}");
    assert!(repeated.last().is_some_and(|at| *at < 32_100));
}

#[test]
fn timer_i_swallows_the_second_ack() {
    let mut doubled = Pair::clear();
    doubled.call();
    doubled.run(10);
    let (leg, now) = (doubled.incoming(), doubled.now());
    doubled.gateway.reject(leg, 603, None, "", now);
    doubled.run(1);
    let ack = doubled.on_the_way.iter().find(|(.., bytes)| bytes.starts_with(b"ACK")).map(|(.., bytes)| bytes.clone());
    let ack = ack.expect("the ACK is on its way");
    doubled.run(10);
    let now = doubled.now();
    doubled.gateway.receive(&flow(GATEWAY, CARRIER), &ack, now);
    doubled.run(4_000);
    assert_eq!(doubled.sent(Side::Gateway, "603 INVITE").len(), 1);
    assert_eq!(doubled.events(Side::Gateway).len(), 2, "the second ACK is nobody's");
}

#[test]
fn an_answer_that_was_lost_is_repeated_until_its_ack() {
    let mut pair = Pair::new(losing_first(Side::Gateway, "200 INVITE"));
    let (leg, _) = pair.talking();
    pair.run(5_000);
    assert_eq!(pair.sent(Side::Gateway, "200 INVITE").len(), 2);
    assert_eq!(*pair.events(Side::Gateway).last().unwrap(), &Event::Confirmed { leg, sdp: None });
}

#[test]
fn timer_m_keeps_the_ack_for_an_answer_that_comes_again() {
    let mut pair = Pair::new(losing_first(Side::Carrier, "ACK"));
    pair.talking();
    pair.run(5_000);
    assert_eq!(pair.sent(Side::Carrier, "ACK").len(), 2);
    let answers = pair.events(Side::Carrier).into_iter().filter(|e| matches!(e, Event::Answered { .. })).count();
    assert_eq!(answers, 1, "the second 200 is no second answer");
}

#[test]
fn an_answer_that_is_never_acknowledged_ends_the_call() {
    let mut pair = Pair::new(losing(Side::Carrier, "ACK"));
    let (leg, caller) = pair.talking();
    pair.run(32_200);
    assert_eq!(*pair.events(Side::Gateway).last().unwrap(), &hung_up(leg, Ending::TimedOut));
    assert_eq!(*pair.events(Side::Carrier).last().unwrap(), &hung_up(caller, Ending::Bye));
    assert_eq!(pair.sent(Side::Gateway, "200 INVITE").len(), 11);
}

#[test]
fn timer_l_keeps_a_late_invite_from_beginning_a_second_call() {
    let mut pair = Pair::clear();
    pair.call();
    let invite = pair.on_the_way[0].3.clone();
    pair.run(10);
    let (leg, now) = (pair.incoming(), pair.now());
    pair.gateway.answer(leg, SDP.to_vec(), now);
    pair.run(20_000);
    let now = pair.now();
    pair.gateway.receive(&flow(GATEWAY, CARRIER), &invite, now);
    pair.run(100);
    assert_eq!((pair.sent(Side::Gateway, "200 INVITE").len(), pair.gateway.n_legs()), (1, 1));
}

#[test]
fn timer_e_repeats_a_goodbye_that_was_lost() {
    let mut pair = Pair::new(losing_first(Side::Gateway, "BYE"));
    let (leg, caller) = pair.talking();
    let now = pair.now();
    pair.gateway.hang_up(leg, None, now);
    pair.run(5_000);
    assert_eq!(pair.sent(Side::Gateway, "BYE").len(), 2);
    assert_eq!(*pair.events(Side::Carrier).last().unwrap(), &hung_up(caller, Ending::Bye));
}

#[test]
fn timer_f_gives_up_a_goodbye_that_nobody_hears() {
    let mut pair = Pair::new(losing(Side::Gateway, "BYE"));
    let (leg, _) = pair.talking();
    let now = pair.now();
    pair.gateway.hang_up(leg, None, now);
    assert_eq!(pair.gateway.n_legs(), 0, "the owner does not wait for it");
    pair.run(100_000);
    assert_eq!(pair.sent(Side::Gateway, "BYE").len(), 11);
    assert_eq!(pair.gateway.n_remembered(), 0);
}

#[test]
fn timers_j_and_k_answer_a_repeated_goodbye_once_more_and_no_one_twice() {
    let mut pair = Pair::new(losing_first(Side::Carrier, "200 BYE"));
    let (leg, caller) = pair.talking();
    let now = pair.now();
    pair.gateway.hang_up(leg, None, now);
    pair.run(40_000);
    assert_eq!(pair.sent(Side::Carrier, "200 BYE").len(), 2);
    let goodbyes = pair.events(Side::Carrier).into_iter().filter(|e| **e == hung_up(caller, Ending::Bye)).count();
    assert_eq!(goodbyes, 1);
    pair.run(60_000);
    assert_eq!((pair.gateway.n_remembered(), pair.carrier.n_remembered()), (0, 0));
}

#[test]
fn a_caller_who_gives_up_while_ringing_ends_the_leg() {
    let mut pair = Pair::clear();
    let caller = pair.call();
    pair.run(10);
    let (leg, now) = (pair.incoming(), pair.now());
    pair.gateway.ring(leg, now);
    pair.run(1_000);
    let now = pair.now();
    pair.carrier.hang_up(caller, None, now);
    pair.run(100);
    assert_eq!(*pair.events(Side::Gateway).last().unwrap(), &hung_up(leg, Ending::Cancelled));
    assert_eq!(pair.sent(Side::Gateway, "487 INVITE").len(), 1);
    assert_eq!(*pair.events(Side::Carrier).last().unwrap(), &hung_up(caller, Ending::Ourselves));
    pair.run(100_000);
    assert_eq!((pair.gateway.n_remembered(), pair.carrier.n_remembered()), (0, 0));
}

#[test]
fn a_caller_who_gives_up_before_anybody_was_heard_waits_with_the_cancel() {
    let mut pair = Pair::new(losing_first(Side::Gateway, "100 INVITE"));
    let caller = pair.call();
    let now = pair.now();
    pair.carrier.hang_up(caller, None, now);
    pair.run(5_000);
    assert_eq!(pair.sent(Side::Carrier, "CANCEL").len(), 1);
    assert_eq!(*pair.events(Side::Gateway).last().unwrap(), &hung_up(pair.incoming(), Ending::Cancelled));
}

#[test]
fn an_answer_that_crosses_the_cancel_is_acknowledged_and_ended() {
    let mut pair = Pair::clear();
    let caller = pair.call();
    pair.run(10);
    let (leg, now) = (pair.incoming(), pair.now());
    pair.carrier.hang_up(caller, None, now);
    pair.gateway.answer(leg, SDP.to_vec(), now);
    pair.run(1_000);
    assert_eq!((pair.sent(Side::Carrier, "ACK").len(), pair.sent(Side::Carrier, "BYE").len()), (1, 1));
    assert_eq!(*pair.events(Side::Gateway).last().unwrap(), &hung_up(leg, Ending::Bye));
    assert_eq!(pair.events(Side::Carrier), [&hung_up(caller, Ending::Ourselves)]);
}

#[test]
fn hanging_up_before_the_ack_waits_for_it() {
    let mut pair = Pair::new(losing_first(Side::Carrier, "ACK"));
    let (leg, caller) = pair.talking();
    let now = pair.now();
    pair.gateway.hang_up(leg, None, now);
    assert!(pair.sent(Side::Gateway, "BYE").is_empty());
    pair.run(5_000);
    assert_eq!(pair.sent(Side::Gateway, "BYE").len(), 1);
    assert_eq!(*pair.events(Side::Carrier).last().unwrap(), &hung_up(caller, Ending::Bye));
}

#[test]
fn a_phone_that_rings_for_ever_is_given_up() {
    let mut pair = Pair::clear();
    let caller = pair.call();
    pair.run(10);
    let (leg, now) = (pair.incoming(), pair.now());
    pair.gateway.ring(leg, now);
    pair.run(181_000);
    assert!(matches!(pair.events(Side::Carrier).last(), Some(Event::Refused { leg, code: 408, .. }) if *leg == caller));
    assert_eq!(*pair.events(Side::Gateway).last().unwrap(), &hung_up(leg, Ending::Cancelled));
    assert!(pair.sent(Side::Gateway, "180 INVITE").len() >= 3, "180 is said again each minute");
}

#[test]
fn a_caller_without_an_offer_gets_ours_and_answers_in_the_ack() {
    let mut pair = Pair::clear();
    pair.call_offering(b"");
    let offerless = String::from_utf8(pair.on_the_way[0].3.to_vec()).unwrap();
    let offerless = offerless.replace("Content-Type: application/sdp\r\n", "");
    pair.gateway.receive(&flow(GATEWAY, CARRIER), offerless.as_bytes(), Moment::at_ms(0));
    pair.collect();
    let leg = pair.incoming();
    pair.gateway.answer(leg, SDP.to_vec(), Moment::at_ms(1));
    let ok = std::iter::from_fn(|| pair.gateway.poll_transmit()).last().unwrap();
    let ok = String::from_utf8(ok.bytes.to_vec()).unwrap();
    let to = ok.lines().find(|line| line.starts_with("To:")).unwrap();
    let ack = offerless.replace("INVITE", "ACK").replace("z9hG4bK", "z9hG4bKack");
    let old_to = ack.lines().find(|line| line.starts_with("To:")).unwrap().to_owned();
    let ack =
        ack.replace(&old_to, to).replace("Content-Length: 0", "Content-Type: application/sdp\r\nContent-Length: 5");
    pair.gateway.receive(&flow(GATEWAY, CARRIER), format!("{ack}v=0\r\n").as_bytes(), Moment::at_ms(2));
    pair.collect();
    let confirmed = Event::Confirmed { leg, sdp: Some(b"v=0\r\n".to_vec()) };
    assert_eq!(*pair.events(Side::Gateway).last().unwrap(), &confirmed);
}

#[test]
fn a_change_of_the_session_is_offered_answered_and_confirmed() {
    let mut pair = Pair::clear();
    let (leg, caller) = pair.talking();
    let now = pair.now();
    pair.carrier.reoffer(caller, b"v=0\r\nhold".to_vec(), now);
    pair.run(10);
    let asked = Event::Reoffered { leg, sdp: Some(b"v=0\r\nhold".to_vec()) };
    assert_eq!(*pair.events(Side::Gateway).last().unwrap(), &asked);
    let now = pair.now();
    pair.gateway.answer_reoffer(leg, b"v=0\r\nheld".to_vec(), now);
    pair.run(40_000);
    let answered = Event::ReofferAnswered { leg: caller, sdp: b"v=0\r\nheld".to_vec() };
    assert_eq!(*pair.events(Side::Carrier).last().unwrap(), &answered);
    assert_eq!(pair.sent(Side::Gateway, "200 INVITE").len(), 2, "one answer and one change, neither repeated");
    let now = pair.now();
    pair.gateway.reoffer(leg, SDP.to_vec(), now);
    pair.run(10);
    let now = pair.now();
    pair.carrier.refuse_reoffer(caller, 488, now);
    pair.run(10);
    assert_eq!(*pair.events(Side::Gateway).last().unwrap(), &Event::ReofferRefused { leg, code: 488 });
    assert_eq!((pair.gateway.n_legs(), pair.carrier.n_legs()), (1, 1));
}

#[test]
fn of_two_phones_that_answer_the_first_is_kept() {
    let mut pair = Pair::clear();
    let caller = pair.call();
    pair.run(10);
    let (leg, now) = (pair.incoming(), pair.now());
    pair.gateway.answer(leg, SDP.to_vec(), now);
    let ok = pair.gateway.transmits.back().unwrap().bytes.clone();
    let text = String::from_utf8(ok.to_vec()).unwrap();
    let tag = text.lines().find(|line| line.starts_with("To:")).unwrap().rsplit('=').next().unwrap().to_owned();
    let fork = text.replace(&tag, "another");
    pair.run(100);
    for _ in 0..2 {
        let now = pair.now();
        pair.carrier.receive(&flow(CARRIER, GATEWAY), fork.as_bytes(), now);
        pair.run(10);
    }
    assert_eq!((pair.sent(Side::Carrier, "ACK").len(), pair.sent(Side::Carrier, "BYE").len()), (3, 1));
    assert_eq!(pair.carrier.n_legs(), 1);
    assert!(!pair.events(Side::Carrier).contains(&&hung_up(caller, Ending::Bye)));
}

#[test]
fn a_conversation_whose_other_side_has_forgotten_it_is_ended() {
    let mut pair = Pair::clear();
    pair.gateway.config.check_dialogs_every = Some(Duration::from_secs(60));
    let (leg, _) = pair.talking();
    pair.run(61_000);
    assert_eq!((pair.sent(Side::Gateway, "OPTIONS").len(), pair.gateway.n_legs()), (1, 1));
    pair.carrier = Stack::new(config_with_trunk(GATEWAY), [3; 32]);
    pair.run(61_000);
    assert_eq!(*pair.events(Side::Gateway).last().unwrap(), &hung_up(leg, Ending::Unknown));
}

#[test]
fn a_full_or_closing_house_says_when_to_come_back() {
    let mut pair = Pair::clear();
    pair.gateway.reject_new(Some(30));
    pair.call();
    pair.run(100);
    assert_eq!(pair.sent(Side::Gateway, "503 INVITE").len(), 1);
    assert!(matches!(pair.events(Side::Carrier)[..], [Event::Refused { code: 503, .. }]));
    assert_eq!(pair.gateway.n_legs(), 0);
    pair.gateway.reject_new(None);
    pair.gateway.config.limits.legs = 1;
    pair.call();
    pair.call();
    pair.run(100);
    assert_eq!((pair.gateway.n_legs(), pair.sent(Side::Gateway, "503 INVITE").len()), (1, 2));
    assert!(pair.gateway.next_deadline().is_none_or(|at| at.since(pair.now()) < HOUR));
}

#[test]
fn a_change_that_is_never_answered_is_forgotten_with_the_call() {
    let mut answered = false;
    let mut pair = Pair::new(move |side, line| {
        let is_answer = side == Side::Gateway && line == "200 INVITE";
        let lose = answered && is_answer;
        answered |= is_answer;
        (!lose).then_some(1)
    });
    let (leg, caller) = pair.talking();
    let now = pair.now();
    pair.carrier.reoffer(caller, SDP.to_vec(), now);
    pair.run(10);
    let now = pair.now();
    pair.gateway.answer_reoffer(leg, SDP.to_vec(), now);
    pair.carrier.hang_up(caller, None, now);
    pair.run(100_000);
    assert_eq!((pair.gateway.n_remembered(), pair.carrier.n_remembered()), (0, 0));
}
