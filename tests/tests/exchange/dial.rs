//! Calls that operators make: to each other, and outside by the trunk.

use shared::domain::agent::{Activity, Work};
use shared::domain::call::{CallEnding, CallKind, DialRule, PartyFailure, Target};
use shared::wire::command::CommandError;
use shared::wire::event::OfferedHow;
use tests::gateway::{ANNA, BORIS, QUEUE_NUMBER};
use tests::puppet::Setup;

use crate::floor::{ANNAS, BORIS_S, CLOSED_NUMBER, House, OUTSIDE, OUTSIDE_NUMBER, both_hear, hear};

#[tokio::test]
async fn an_operator_calls_a_colleague_from_the_screen() {
    let Some(house) = House::open("an internal call").await else { return };
    let mut anna = house.colleague(ANNA, ANNAS).await;
    let mut boris = house.colleague(BORIS, BORIS_S).await;
    let call = anna.desk.dial(boris.desk.target()).await.unwrap();
    // The dialler's own telephone lifts itself.
    let at_anna = anna.phone.answer().await;
    let ringing = boris.phone.rings().await;
    assert!(ringing.from.contains(ANNA.phone.unwrap()), "{ringing:?}");
    let offer = boris.desk.offered().await;
    assert_eq!((offer.call, offer.kind), (call, CallKind::Internal));
    assert_eq!(offer.from.map(|from| from.how), Some(OfferedHow::Internal));
    boris.phone.tell("answer", serde_json::json!({ "call": ringing.line.0 })).await;
    boris.phone.is_up(ringing.line).await;
    let heard = both_hear(&mut anna.phone, &mut boris.phone).await;
    assert_eq!(heard, (vec![BORIS_S], vec![ANNAS]));
    anna.phone.hang_up(at_anna).await;
    boris.phone.is_over(ringing.line).await;
    anna.desk.released(call).await;
    boris.desk.released(call).await;
}

#[tokio::test]
async fn an_operator_dials_a_colleague_on_the_telephone() {
    let Some(house) = House::open("an internal call by hand").await else { return };
    let mut anna = house.colleague(ANNA, ANNAS).await;
    let mut boris = house.colleague(BORIS, BORIS_S).await;
    let at_anna = anna.phone.dial(BORIS.phone.unwrap()).await;
    anna.phone.state(at_anna, "early").await;
    let call = boris.desk.offered().await.call;
    let at_boris = boris.phone.answer().await;
    anna.phone.is_up(at_anna).await;
    anna.desk.activity(call, Activity::Talking).await;
    let heard = both_hear(&mut anna.phone, &mut boris.phone).await;
    assert_eq!(heard, (vec![BORIS_S], vec![ANNAS]));
    boris.phone.hang_up(at_boris).await;
    anna.phone.is_over(at_anna).await;
}

#[tokio::test]
async fn a_colleague_who_declines_is_told_to_whoever_called() {
    let Some(house) = House::open("an internal call that is declined").await else { return };
    let mut anna = house.colleague(ANNA, ANNAS).await;
    let _phone = house.puppets.open(Setup::phone(&house.gateway, BORIS).refuses(603)).await;
    let boris = tests::desk::Desk::sit_down(&house.gateway, BORIS).await;
    let call = anna.desk.dial(boris.target()).await.unwrap();
    let at_anna = anna.phone.answer().await;
    assert_eq!(anna.desk.party_failed(call).await.1, PartyFailure::Rejected);
    anna.phone.is_over(at_anna).await;
    anna.desk.released(call).await;
}

#[tokio::test]
async fn an_operator_who_dials_the_queue_waits_like_everybody() {
    let Some(house) = House::open("a queue dialled by an operator").await else { return };
    let mut anna = house.colleague(ANNA, ANNAS).await;
    let mut boris = house.person(BORIS, BORIS_S).await;
    let at_anna = anna.phone.dial(QUEUE_NUMBER).await;
    boris.phone.answer().await;
    anna.phone.is_up(at_anna).await;
    let heard = both_hear(&mut anna.phone, &mut boris.phone).await;
    assert_eq!(heard, (vec![BORIS_S], vec![ANNAS]));
}

#[tokio::test]
async fn an_operator_calls_a_customer_with_the_queue_s_number() {
    let Some(house) = House::open("a call outside").await else { return };
    let mut anna = house.colleague(ANNA, ANNAS).await;
    let mut outside = house.puppets.open(Setup::outside(&house.gateway)).await;
    outside.sing(OUTSIDE).await;
    let call = anna.desk.dial(Target::Number { number: OUTSIDE_NUMBER.into() }).await.unwrap();
    let at_anna = anna.phone.answer().await;
    let ringing = outside.rings().await;
    assert!(ringing.from.contains(QUEUE_NUMBER), "{ringing:?}");
    assert!(ringing.to.contains(&OUTSIDE_NUMBER[1..]), "{ringing:?}");
    outside.tell("answer", serde_json::json!({ "call": ringing.line.0 })).await;
    outside.is_up(ringing.line).await;
    anna.desk.answered(call).await;
    let heard = both_hear(&mut anna.phone, &mut outside).await;
    assert_eq!(heard, (vec![OUTSIDE], vec![ANNAS]));
    outside.hang_up(ringing.line).await;
    anna.phone.is_over(at_anna).await;
    assert_eq!(anna.desk.ended(call).await, CallEnding::CallerHungUp);
    anna.desk.save_wrapup(call).await;
}

async fn an_attempt_fails(test: &str, code: u16, why: PartyFailure, ending: CallEnding) {
    let Some(house) = House::open(test).await else { return };
    let mut anna = house.colleague(ANNA, ANNAS).await;
    let mut outside = house.puppets.open(Setup::outside(&house.gateway).refuses(code)).await;
    let call = anna.desk.dial(Target::Number { number: OUTSIDE_NUMBER.into() }).await.unwrap();
    let at_anna = anna.phone.answer().await;
    outside.rings().await;
    assert_eq!(anna.desk.party_failed(call).await.1, why);
    assert_eq!(anna.desk.ended(call).await, ending);
    anna.phone.is_over(at_anna).await;
    anna.desk.save_wrapup(call).await;
}

#[tokio::test]
async fn a_busy_number_is_told_as_busy_and_is_to_be_written_up() {
    an_attempt_fails("a busy number", 486, PartyFailure::Busy, CallEnding::Busy).await;
}

#[tokio::test]
async fn a_number_where_nobody_answers_is_told_as_such() {
    an_attempt_fails("nobody answers", 480, PartyFailure::NoAnswer, CallEnding::NoAnswer).await;
}

#[tokio::test]
async fn a_wrong_number_is_told_as_wrong() {
    an_attempt_fails("a wrong number", 404, PartyFailure::WrongNumber, CallEnding::Unreachable).await;
}

#[tokio::test]
async fn a_number_dialled_on_the_telephone_goes_out_with_the_queue_s_number() {
    let Some(house) = House::open("a call outside by hand").await else { return };
    let mut anna = house.colleague(ANNA, ANNAS).await;
    let mut outside = house.puppets.open(Setup::outside(&house.gateway)).await;
    outside.sing(OUTSIDE).await;
    let at_anna = anna.phone.dial(OUTSIDE_NUMBER).await;
    let ringing = outside.rings().await;
    assert!(ringing.from.contains(QUEUE_NUMBER), "{ringing:?}");
    anna.phone.state(at_anna, "early").await;
    outside.tell("answer", serde_json::json!({ "call": ringing.line.0 })).await;
    anna.phone.is_up(at_anna).await;
    let heard = both_hear(&mut anna.phone, &mut outside).await;
    assert_eq!(heard, (vec![OUTSIDE], vec![ANNAS]));
    anna.phone.hang_up(at_anna).await;
    outside.is_over(ringing.line).await;
}

/// Gives what the telephone outside has logged.
async fn early_media(test: &str, prack: bool) -> Option<String> {
    let house = House::open(test).await?;
    let mut anna = house.colleague(ANNA, ANNAS).await;
    let mut outside = house.puppets.open(Setup { prack, ..Setup::outside(&house.gateway) }).await;
    outside.sing(OUTSIDE).await;
    let call = anna.desk.dial(Target::Number { number: OUTSIDE_NUMBER.into() }).await.unwrap();
    anna.phone.answer().await;
    let ringing = outside.rings().await;
    outside.tell("answer", serde_json::json!({ "call": ringing.line.0, "code": 183 })).await;
    outside.media(ringing.line, "active").await;
    let heard = hear(&mut anna.phone).await;
    assert_eq!(heard, [OUTSIDE], "an announcement, for example");
    outside.tell("answer", serde_json::json!({ "call": ringing.line.0 })).await;
    anna.desk.answered(call).await;
    let heard = both_hear(&mut anna.phone, &mut outside).await;
    assert_eq!(heard, (vec![OUTSIDE], vec![ANNAS]));
    Some(outside.log())
}

#[tokio::test]
async fn what_the_network_says_before_it_answers_is_heard() {
    early_media("early media", false).await;
}

#[tokio::test]
async fn what_the_network_says_before_it_answers_is_acknowledged_where_it_asks_for_that() {
    let Some(log) = early_media("early media with PRACK", true).await else { return };
    assert!(log.contains("\nPRACK sip:"), "its 183 was acknowledged (RFC 3262)");
}

#[tokio::test]
async fn an_operator_who_gives_up_stops_the_ringing_outside() {
    let Some(house) = House::open("an operator who gives up").await else { return };
    let mut anna = house.colleague(ANNA, ANNAS).await;
    let mut outside = house.puppets.open(Setup::outside(&house.gateway)).await;
    let call = anna.desk.dial(Target::Number { number: OUTSIDE_NUMBER.into() }).await.unwrap();
    let at_anna = anna.phone.answer().await;
    let ringing = outside.rings().await;
    anna.desk.hang_up(call).await;
    outside.is_over(ringing.line).await;
    anna.phone.is_over(at_anna).await;
    assert_eq!(anna.desk.ended(call).await, CallEnding::NoAnswer);
    anna.desk.save_wrapup(call).await;
}

#[tokio::test]
async fn whoever_dials_on_the_telephone_and_gives_up_stops_the_ringing_outside() {
    let Some(house) = House::open("a telephone that gives up").await else { return };
    let mut anna = house.colleague(ANNA, ANNAS).await;
    let mut outside = house.puppets.open(Setup::outside(&house.gateway)).await;
    let at_anna = anna.phone.dial(OUTSIDE_NUMBER).await;
    let ringing = outside.rings().await;
    anna.phone.state(at_anna, "early").await;
    anna.phone.hang_up(at_anna).await;
    outside.is_over(ringing.line).await;
    anna.desk.state("the wrap-up of an attempt", |state| matches!(state.work, Work::Wrapup { .. })).await;
}

#[tokio::test]
async fn a_number_that_nobody_may_dial_is_refused_on_the_screen_and_on_the_telephone() {
    let Some(house) = House::open("a closed number").await else { return };
    let mut anna = house.colleague(ANNA, ANNAS).await;
    let asked = anna.desk.dial(Target::Number { number: CLOSED_NUMBER.into() }).await;
    assert_eq!(asked, Err(CommandError::NumberRefused { rule: DialRule::ClosedPrefix }));
    let line = anna.phone.dial(CLOSED_NUMBER).await;
    assert_eq!(anna.phone.state(line, "disconnected").await, 403);
}
