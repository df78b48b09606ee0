//! A gateway that is killed in the middle of a talk, and the one that takes its place.

use super::super::super::keepsake::{Keepsake, ReviveError};
use super::super::super::message::Method;
use super::super::clients::Purpose;
use super::phones::Office;
use super::talk::{Talk, answer_from, header, texts};
use super::*;

/// Through a disk, as the owner does it.
fn through_a_disk(keepsake: &Keepsake) -> Keepsake {
    serde_json::from_str(&serde_json::to_string(keepsake).unwrap()).unwrap()
}

/// The gateway is killed and another one goes on with its leg.
fn restart(pair: &mut Pair, leg: LegId) -> LegId {
    let keepsake = through_a_disk(&pair.gateway.keepsake(leg).expect("the leg is established"));
    pair.gateway = Stack::new(config_with_trunk(CARRIER), [9; 32]);
    // Something else happens first, so that slots and names differ.
    let other = InviteTo::Address { uri: format!("sip:1@{CARRIER}"), flow: flow(GATEWAY, CARRIER) };
    let now = pair.now();
    let other = pair.gateway.invite(Invite { to: other, sdp: SDP.to_vec(), ..Invite::default() }, now).unwrap();
    pair.gateway.hang_up(other, None, now);
    while pair.gateway.poll_transmit().is_some() || pair.gateway.poll_event().is_some() {}
    pair.told.clear();
    pair.log.clear();
    pair.gateway.revive(keepsake, now).unwrap()
}

#[test]
fn a_talk_goes_on_in_the_next_gateway_and_ends_from_its_side() {
    let mut pair = Pair::clear();
    let (leg, caller) = pair.talking();
    let leg = restart(&mut pair, leg);
    let now = pair.now();
    pair.gateway.reoffer(leg, b"v=0\r\nnew port".to_vec(), now);
    pair.run(10);
    assert_eq!(pair.events(Side::Carrier), [&Event::Reoffered { leg: caller, sdp: Some(b"v=0\r\nnew port".to_vec()) }]);
    let now = pair.now();
    pair.carrier.answer_reoffer(caller, SDP.to_vec(), now);
    pair.run(10);
    let answered = Event::ReofferAnswered { leg, sdp: SDP.to_vec() };
    assert!(pair.events(Side::Gateway).contains(&&answered), "{:?}", pair.events(Side::Gateway));
    pair.run(40_000);
    let now = pair.now();
    pair.gateway.hang_up(leg, Some((16, "Normal")), now);
    pair.run(100);
    let ended = Event::HungUp { leg: caller, by: Ending::Bye, q850: Some(16) };
    assert_eq!(*pair.events(Side::Carrier).last().unwrap(), &ended);
    pair.run(200_000);
    assert_eq!((pair.gateway.n_remembered(), pair.carrier.n_remembered(), pair.gateway.foreign.len()), (0, 0, 0));
}

#[test]
fn a_talk_that_goes_on_is_ended_and_changed_from_the_other_side() {
    let mut pair = Pair::clear();
    let (leg, caller) = pair.talking();
    let leg = restart(&mut pair, leg);
    let now = pair.now();
    pair.carrier.reoffer(caller, b"v=0\r\nhold".to_vec(), now);
    pair.run(10);
    assert!(pair.events(Side::Gateway).contains(&&Event::Reoffered { leg, sdp: Some(b"v=0\r\nhold".to_vec()) }));
    let now = pair.now();
    pair.gateway.answer_reoffer(leg, SDP.to_vec(), now);
    pair.run(100);
    assert_eq!(pair.sent(Side::Gateway, "200 INVITE").len(), 1, "its ACK has found the leg");
    let now = pair.now();
    pair.carrier.hang_up(caller, None, now);
    pair.run(100);
    assert_eq!(*pair.events(Side::Gateway).last().unwrap(), &hung_up(leg, Ending::Bye));
    assert_eq!(pair.sent(Side::Gateway, "200 BYE").len(), 1);
}

#[test]
fn what_was_on_the_way_when_the_gateway_died_does_no_harm() {
    let mut pair = Pair::clear();
    let (leg, caller) = pair.talking();
    pair.carrier.request_inside(caller.0, Method::Options, Purpose::Check, |_| {});
    let options = pair.carrier.transmits.back().unwrap().bytes.clone();
    pair.run(10);
    // Our question is answered, and the answer is late.
    pair.gateway.ask_now(leg, pair.now());
    let late = pair.gateway.transmits.pop_back().unwrap();
    let late = String::from_utf8(late.bytes.to_vec()).unwrap();
    let leg = restart(&mut pair, leg);
    let now = pair.now();
    pair.gateway.receive(&flow(GATEWAY, CARRIER), &options, now);
    let ok = late.replacen("OPTIONS sip:192.0.2.1:5060 SIP/2.0", "SIP/2.0 481 Gone", 1);
    assert!(ok.starts_with("SIP/2.0 "), "{ok}");
    pair.gateway.receive(&flow(GATEWAY, CARRIER), ok.as_bytes(), now);
    pair.run(1_000);
    assert_eq!(pair.sent(Side::Gateway, "500 OPTIONS").len(), 1);
    assert_eq!(pair.gateway.n_legs(), 1, "{leg:?}");
    assert!(!pair.events(Side::Carrier).contains(&&hung_up(caller, Ending::Bye)));
}

#[test]
fn an_answer_to_the_dead_gateway_is_acknowledged_by_the_next() {
    let mut pair = Pair::clear();
    let (leg, caller) = pair.talking();
    let keepsake = pair.gateway.keepsake(leg).unwrap();
    let now = pair.now();
    pair.gateway.reoffer(leg, SDP.to_vec(), now);
    pair.run(2);
    pair.gateway = Stack::new(config_with_trunk(CARRIER), [9; 32]);
    let now = pair.now();
    pair.gateway.revive(through_a_disk(&keepsake), now).unwrap();
    pair.carrier.answer_reoffer(caller, SDP.to_vec(), now);
    pair.run(60_000);
    assert_eq!(pair.sent(Side::Carrier, "200 INVITE").len(), 1, "the ACK came at once");
    assert_eq!(pair.carrier.n_legs(), 1);
}

#[test]
fn numbers_are_not_used_twice_though_the_keepsake_is_old() {
    let mut pair = Pair::clear();
    let (leg, _) = pair.talking();
    let keepsake = pair.gateway.keepsake(leg).unwrap();
    for _ in 0..99 {
        let now = pair.now();
        pair.gateway.ask_now(leg, now);
        pair.run(10);
    }
    pair.gateway = Stack::new(config_with_trunk(CARRIER), [9; 32]);
    let now = pair.now();
    let leg = pair.gateway.revive(keepsake, now).unwrap();
    pair.gateway.hang_up(leg, None, now);
    pair.run(100);
    assert_eq!(pair.sent(Side::Carrier, "200 BYE").len(), 1);
}

#[test]
fn only_a_talk_can_be_kept() {
    let mut pair = Pair::clear();
    let caller = pair.call();
    assert_eq!(pair.carrier.keepsake(caller), None, "it rings");
    pair.run(10);
    let leg = pair.incoming();
    assert_eq!(pair.gateway.keepsake(leg), None);
    let now = pair.now();
    pair.gateway.answer(leg, SDP.to_vec(), now);
    assert_eq!(pair.gateway.keepsake(leg), None, "the ACK is still to come");
    pair.run(10);
    let keepsake = pair.gateway.keepsake(leg).unwrap();
    assert!(!format!("{keepsake:?}").contains("79162040000"), "it prints masked");
    let now = pair.now();
    pair.gateway.hang_up(leg, None, now);
    assert_eq!(pair.gateway.keepsake(leg), None);
}

#[test]
fn a_damaged_or_foreign_keepsake_revives_nothing() {
    let mut pair = Pair::clear();
    let (leg, _) = pair.talking();
    let keepsake = pair.gateway.keepsake(leg).unwrap();
    let text = serde_json::to_string(&keepsake).unwrap();
    let mut stack = Stack::new(config_with_trunk(CARRIER), [9; 32]);
    let now = pair.now();
    let target = format!("sip:{CARRIER}");
    for (from, to) in [(target.as_str(), "nowhere"), (target.as_str(), "sip:a@b\\r\\nX: y"), (";tag=", ";gat=")] {
        let damaged = text.replace(from, to);
        assert_ne!(damaged, text);
        let damaged: Keepsake = serde_json::from_str(&damaged).unwrap();
        assert!(matches!(stack.revive(damaged, now), Err(ReviveError::Damaged { .. })), "{to}");
    }
    let mut elsewhere = Stack::new(config_with_trunk("198.51.100.1:5060"), [9; 32]);
    assert!(matches!(elsewhere.revive(keepsake.clone(), now), Err(ReviveError::Stranger { .. })));
    stack.start(&[(Transport::Tcp, GATEWAY.parse().unwrap())], now);
    assert!(matches!(stack.revive(keepsake.clone(), now), Err(ReviveError::NoSocket { .. })));
    stack.start(&[(Transport::Udp, GATEWAY.parse().unwrap())], now);
    stack.revive(keepsake.clone(), now).unwrap();
    assert_eq!(stack.revive(keepsake.clone(), now), Err(ReviveError::Twice));
    stack.config.limits.legs = 1;
    assert_eq!(stack.revive(keepsake, now), Err(ReviveError::Full { limit: 1 }));
    assert_eq!(stack.n_legs(), 1);
}

#[test]
fn a_phone_over_tcp_is_spoken_to_as_soon_as_it_registers_anew() {
    let mut office = Office::new();
    office.connection = 7;
    office.register();
    let talk = Talk::with_phone(&mut office, "p", "");
    let keepsake = through_a_disk(&office.stack.keepsake(talk.leg).unwrap());
    let mut next = Office::new();
    let leg = next.stack.revive(keepsake.clone(), Moment::at_ms(0)).unwrap();
    next.stack.reoffer(leg, b"v=0\r\nnew port".to_vec(), Moment::at_ms(0));
    assert_eq!(texts(&mut next.stack), Vec::<String>::new(), "there is no way to it yet");
    next.deadline(20_000);
    next.connection = 3;
    let (_, sent) = next.register_with("101", "secret", 0, 1);
    let invite = sent.iter().find(|text| text.starts_with("INVITE ")).unwrap_or_else(|| panic!("{sent:?}"));
    next.events();
    next.send(&answer_from("p", invite, "200 OK", "", SDP));
    assert_eq!(next.events(), [Event::ReofferAnswered { leg, sdp: SDP.to_vec() }]);
    assert_eq!(header(invite, "CSeq"), "102 INVITE");

    let mut other = Office::new();
    let leg = other.stack.revive(keepsake, Moment::at_ms(0)).unwrap();
    other.deadline(59_000);
    assert_eq!(other.events(), []);
    other.deadline(1_100);
    assert_eq!(other.events(), [hung_up(leg, Ending::TransportFailed)], "it never came back");
}
