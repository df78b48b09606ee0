//! SIP over TCP, with SIPp as the carrier and as the telephone, and connections that break in the middle of a talk.

use std::time::Duration;

use shared::domain::call::CallEnding;
use shared::wire::command::{Command, Done};
use shared::wire::event::{Event, Offer};
use tests::cable::Cable;
use tests::desk::Desk;
use tests::gateway::{ANNA, Gateway, Setup};
use tests::line::{self, AT_ONCE, Reach};
use tests::sipp::{Run, Sipp};

use crate::known_number;

const AT_THE_FIRST_RING: Duration = Duration::ZERO;
const SHORTLY: Duration = Duration::from_millis(300);
/// Long enough to pull a cable and to see what comes of it.
const A_WHILE: Duration = Duration::from_secs(3);

/// An operator whose telephone is a SIPp over UDP, and a caller who is put through.
async fn put_through(sipp: Sipp, gateway: &Gateway, caller: Run) -> (Run, Run, Desk, Offer) {
    sipp.register(gateway, "101", "dialog").await;
    let phone = sipp.phone(gateway, "uas_phone.xml", "101", AT_THE_FIRST_RING);
    let mut desk = Desk::ready(gateway, ANNA).await;
    let offer = desk.offered().await;
    desk.answered(offer.call).await;
    (caller, phone, desk, offer)
}

async fn must_go_on(desk: &mut Desk) {
    tokio::time::sleep(SHORTLY).await;
    desk.settle().await;
    let told = desk.so_far();
    assert!(!told.iter().any(|event| matches!(event, Event::Ended { .. })), "the talk goes on: {told:?}");
}

#[tokio::test]
async fn a_caller_over_tcp_talks_to_a_telephone_over_udp() {
    let Some(sipp) = Sipp::find("a call over TCP") else { return };
    let gateway = Gateway::start().await;
    let caller = sipp.over_tcp().callers(&gateway, "uac_call.xml", &[&known_number()], SHORTLY);
    let (caller, phone, mut desk, offer) = put_through(sipp, &gateway, caller).await;
    assert_eq!(desk.ended(offer.call).await, CallEnding::CallerHungUp);
    let caller = caller.finish().await;
    caller.must_be_good();
    assert_eq!((caller.n_successful(), caller.n_retransmissions()), (1, 0), "nothing is repeated on a connection");
    assert_eq!(phone.put_away().await.n_failed(), 0);
}

#[tokio::test]
async fn a_caller_over_tcp_talks_to_a_telephone_over_tcp() {
    let Some(sipp) = Sipp::find("a call over TCP at both ends") else { return };
    let gateway = Gateway::start().await;
    let phone = sipp.connected_phone(&gateway, "uas_phone.xml", "101", SHORTLY);
    gateway.wait_for_log("a telephone has registered").await;
    let mut desk = Desk::ready(&gateway, ANNA).await;
    for ended_by_us in [true, false] {
        let (scenario, ending) = match ended_by_us {
            true => ("uac_hangup_by_us.xml", CallEnding::AgentHungUp),
            false => ("uac_call.xml", CallEnding::CallerHungUp),
        };
        let caller = sipp.over_tcp().callers(&gateway, scenario, &[&known_number()], SHORTLY);
        let offer = desk.offered().await;
        desk.answered(offer.call).await;
        if ended_by_us {
            assert_eq!(desk.ask(Command::HangUp { call: offer.call }).await, Ok(Done::Ok));
        }
        assert_eq!(desk.ended(offer.call).await, ending);
        caller.finish().await.must_be_good();
        desk.save_wrapup(offer.call).await;
    }
    let complaints = phone.kill().await;
    let expected = |line: &&str| line.contains("using the out-of-call scenario");
    assert!(
        complaints.lines().filter(|line| !expected(line)).all(|line| line.starts_with("The following")),
        "{complaints}"
    );
    gateway.wait_for_log("ConnectionLost").await;
}

#[tokio::test]
async fn a_talk_outlives_the_carrier_s_connection_and_the_carrier_hears_when_it_is_over() {
    let Some(sipp) = Sipp::find("a carrier's connection that breaks") else { return };
    let gateway = Gateway::start().await;
    let cable = Cable::lay(&gateway, gateway.carrier_host()).await;
    let caller = sipp.over_tcp().through(cable.address());
    let caller = caller.callers(&gateway, "uac_hangup_by_us.xml", &[&known_number()], SHORTLY);
    let (caller, phone, mut desk, offer) = put_through(sipp, &gateway, caller).await;
    cable.cut();
    must_go_on(&mut desk).await;
    assert_eq!(desk.ask(Command::HangUp { call: offer.call }).await, Ok(Done::Ok));
    assert_eq!(desk.ended(offer.call).await, CallEnding::AgentHungUp);
    // SIPp's scenario ends when its goodbye is answered, or ours has come.
    caller.finish().await.must_be_good();
    assert_eq!(phone.put_away().await.n_failed(), 0);
}

#[tokio::test]
async fn a_talk_outlives_the_carrier_s_connection_and_the_caller_can_hang_up() {
    let Some(sipp) = Sipp::find("a carrier that connects again") else { return };
    let gateway = Gateway::start().await;
    let cable = Cable::lay(&gateway, gateway.carrier_host()).await;
    let caller = sipp.over_tcp().through(cable.address());
    let caller = caller.callers(&gateway, "uac_call.xml", &[&known_number()], A_WHILE);
    let (caller, phone, mut desk, offer) = put_through(sipp, &gateway, caller).await;
    cable.cut();
    must_go_on(&mut desk).await;
    assert_eq!(desk.ended(offer.call).await, CallEnding::CallerHungUp);
    // SIPp's scenario ends when its goodbye is answered, or ours has come.
    caller.finish().await.must_be_good();
    assert_eq!(phone.put_away().await.n_failed(), 0);
}

#[tokio::test]
async fn a_talk_outlives_the_telephone_s_connection_and_goes_on_over_the_next_one() {
    let gateway = Gateway::start().await;
    let cable = Cable::lay(&gateway, gateway.phone_host("101")).await;
    let mut phone = line::phone_that_reaches(&gateway, ANNA, AT_ONCE, Reach::OverTcp(cable.address())).await;
    let mut desk = Desk::ready(&gateway, ANNA).await;
    let mut caller = line::caller(&gateway, Some(&known_number())).await;
    let offer = desk.offered().await;
    desk.answered(offer.call).await;
    for _ in 0..2 {
        cable.pull();
        phone.report("registered").await;
    }
    // Longer than a telephone may be away.
    tokio::time::sleep(Duration::from_secs(16)).await;
    must_go_on(&mut desk).await;
    assert_eq!(desk.ask(Command::HangUp { call: offer.call }).await, Ok(Done::Ok));
    assert_eq!(phone.report("ended").await["ended_by"], "gateway", "the goodbye has found its way");
    let report = caller.report("ended").await;
    assert_eq!((&report["ended_by"], &report["lost_packets"]), (&"gateway".into(), &0.into()), "{report}");
    assert!(report["voice_after_ms"].is_u64(), "they have heard each other: {report}");
}

#[tokio::test]
async fn a_telephone_whose_connection_is_gone_for_good_gives_the_caller_back_to_the_queue() {
    let gateway = Gateway::start().await;
    let sip = gateway.sip_address();
    let phone = line::phone_that_reaches(&gateway, ANNA, AT_ONCE, Reach::OverTcp(sip)).await;
    let mut desk = Desk::ready(&gateway, ANNA).await;
    let _caller = line::caller(&gateway, Some(&known_number())).await;
    let offer = desk.offered().await;
    desk.answered(offer.call).await;
    phone.pull_the_cable().await;
    assert_eq!(desk.ended(offer.call).await, CallEnding::LostFault);
    let waiting = |event: &Event| match event {
        Event::Waiting { callers } => callers.first().map(|caller| caller.call),
        _ => None,
    };
    assert_eq!(desk.expect("the caller waits", waiting).await, offer.call);
}

#[tokio::test]
async fn a_carrier_is_answered_when_it_asks_whether_we_are_there() {
    let Some(sipp) = Sipp::find("OPTIONS over UDP and TCP") else { return };
    let gateway = Gateway::start().await;
    for sipp in [sipp, sipp.over_tcp()] {
        sipp.asks(&gateway).await.must_be_good();
    }
}

#[tokio::test]
async fn a_carrier_over_tcp_is_asked_for_signs_of_life_and_its_absence_is_told() {
    let Some(sipp) = Sipp::find("signs of life over TCP") else { return };
    let gateway = Gateway::start_with(Setup { trunk_transport: "tcp", options_every_s: 1, ..Setup::default() }).await;
    gateway.wait_for_fault("trunk_lost", true).await;
    let carrier = sipp.over_tcp().trunk(&gateway, "uas_options.xml");
    gateway.wait_for_fault("trunk_lost", false).await;
    carrier.kill().await;
    gateway.wait_for_fault("trunk_lost", true).await;
}

#[tokio::test]
async fn a_call_for_help_goes_over_tcp_where_the_carrier_wants_it_so() {
    let Some(sipp) = Sipp::find("an emergency call over TCP") else { return };
    let gateway = Gateway::start_with(Setup { trunk_transport: "tcp", ..Setup::default() }).await;
    sipp.register(&gateway, "101", "talk").await;
    let help = sipp.over_tcp().trunk(&gateway, "uas_phone.xml");
    let phone = sipp.dials(&gateway, "101", "112", SHORTLY).finish().await;
    phone.must_be_good();
    let help = help.put_away().await;
    assert_eq!((help.n_successful(), help.n_failed()), (1, 0), "{help:?}");
}
