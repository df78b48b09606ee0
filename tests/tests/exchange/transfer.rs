//! A call changes hands: from the screen and from the telephone, to a colleague, a queue, a number outside. Card, note,
//! path and the customer's number go with it.

use std::time::Duration;

use shared::domain::call::{CallEnding, PartyFailure, PathStep, Stop, Target};
use shared::domain::queue::QueueCode;
use shared::ids::CallId;
use shared::phone::CallerNumber;
use shared::pii::Personal;
use shared::wire::event::{Offer, OfferedHow};
use tests::desk::Desk;
use tests::gateway::{ANNA, BORIS};
use tests::puppet::Setup;
use tests::sipp::Sipp;

use crate::floor::{
    ANNAS, BORIS_S, CUSTOMER, GENERAL_NUMBER, House, MUSIC, OUTSIDE, OUTSIDE_NUMBER, Person, Talk, both_hear,
    comes_through, hear, known_number,
};

const NOTE: &str = "Спрашивает о перерасчёте за март";

/// The offer that the next one gets belongs to the same customer, and says where the call has been.
async fn is_the_same_call(talk: &mut Talk, next: &mut Desk, offer: &Offer, note: Option<&str>) {
    assert_eq!(offer.call, talk.call);
    assert_eq!(offer.caller, CallerNumber::parse(&talk.number), "the customer's number, and no colleague's");
    let before = talk.anna.desk.card(&talk.offer).await;
    let now = next.card(offer).await;
    assert!(before.0.is_some(), "the customer is known");
    assert_eq!(format!("{now:?}"), format!("{before:?}"), "the same card");
    let anna = Stop::Agent { agent: talk.anna.desk.me(), name: ANNA.name.to_owned(), note: note.map(Personal::new) };
    let stops: Vec<&Stop> = offer.path.iter().map(|PathStep { stop, .. }| stop).collect();
    assert_eq!(stops[0], &Stop::Queue { queue: QueueCode::new("billing") });
    assert_eq!(stops[1], &anna);
}

/// Anna is out of it and may write; the customer talks with the next one.
async fn has_changed_hands(mut talk: Talk, mut next: Person) {
    assert_eq!(talk.anna.desk.ended(talk.call).await, CallEnding::Transferred);
    let (at_next, at_customer) = next.phone.converses(&mut talk.customer).await;
    comes_through(at_next);
    comes_through(at_customer);
    talk.customer.hang_up(talk.at_customer).await;
    assert_eq!(next.desk.ended(talk.call).await, CallEnding::CallerHungUp);
    talk.anna.desk.save_wrapup(talk.call).await;
    next.desk.save_wrapup(talk.call).await;
    talk.house.gateway.end().await;
    let talks = talk.house.talks(talk.call).await;
    let agents: Vec<_> = talks.iter().map(|talk| talk.agent).collect();
    assert_eq!(agents, [talk.anna.desk.me(), next.desk.me()], "one after the other: {talks:?}");
    assert!(talks[0].until <= talks[1].from, "nobody talked while it rang: {talks:?}");
    assert_eq!(talk.house.entries(talk.call).await, 2, "each has written an entry");
}

#[tokio::test]
async fn a_call_handed_to_a_colleague_brings_card_note_and_path_along() {
    let Some(mut talk) = Talk::begin("a blind transfer").await else { return };
    let mut boris = talk.house.colleague(BORIS, BORIS_S).await;
    talk.anna.desk.transfer(talk.call, boris.desk.target(), Some(NOTE)).await;
    talk.anna.phone.is_over(talk.at_anna).await;
    let offer = boris.desk.offered().await;
    assert_eq!(
        offer.from.as_ref().map(|from| (from.agent, from.how)),
        Some((talk.anna.desk.me(), OfferedHow::Transfer))
    );
    is_the_same_call(&mut talk, &mut boris.desk, &offer, Some(NOTE)).await;
    let heard = hear(&mut talk.customer).await;
    assert_eq!(heard, [MUSIC], "while it rings");
    boris.phone.answer().await;
    boris.desk.answered(talk.call).await;
    let heard = both_hear(&mut talk.customer, &mut boris.phone).await;
    assert_eq!(heard, (vec![BORIS_S], vec![CUSTOMER]));
    has_changed_hands(talk, boris).await;
}

#[tokio::test]
async fn a_call_handed_to_a_queue_is_taken_by_whoever_is_free_there() {
    let Some(mut talk) = Talk::begin("a transfer to a queue").await else { return };
    let to = Target::Queue { queue: QueueCode::new("general") };
    talk.anna.desk.transfer(talk.call, to, Some(NOTE)).await;
    talk.anna.phone.is_over(talk.at_anna).await;
    let heard = hear(&mut talk.customer).await;
    assert_eq!(heard, [MUSIC], "while nobody is free");
    let mut boris = talk.house.person(BORIS, BORIS_S).await;
    let offer = boris.desk.offered().await;
    assert_eq!(offer.queue, QueueCode::new("general"));
    is_the_same_call(&mut talk, &mut boris.desk, &offer, Some(NOTE)).await;
    boris.phone.answer().await;
    boris.desk.answered(talk.call).await;
    has_changed_hands(talk, boris).await;
}

#[tokio::test]
async fn a_colleague_who_takes_no_call_that_was_handed_over_sends_it_back_to_the_queue() {
    let Some(mut talk) = Talk::begin("a blind transfer that fails").await else { return };
    let phone = talk.house.puppets.open(Setup::phone(&talk.house.gateway, BORIS).refuses(486)).await;
    let desk = Desk::sit_down(&talk.house.gateway, BORIS).await;
    let boris = Person { phone, desk };
    talk.anna.desk.transfer(talk.call, boris.desk.target(), Some(NOTE)).await;
    let (_, why) = talk.anna.desk.party_failed(talk.call).await;
    assert_eq!(why, PartyFailure::Rejected);
    let heard = hear(&mut talk.customer).await;
    assert_eq!(heard, [MUSIC], "the customer is kept");
    talk.anna.desk.save_wrapup(talk.call).await;
    let again = talk.anna.desk.offered().await;
    assert_eq!(again.call, talk.call, "first in the queue, and Anna is free again");
}

#[tokio::test]
async fn a_call_that_was_consulted_about_changes_hands_from_the_screen() {
    let Some(mut talk) = Talk::begin("an attended transfer from the screen").await else { return };
    let mut boris = talk.house.colleague(BORIS, BORIS_S).await;
    talk.anna.desk.consult(talk.call, boris.desk.target(), Some(NOTE)).await;
    let offer = boris.desk.offered().await;
    is_the_same_call(&mut talk, &mut boris.desk, &offer, Some(NOTE)).await;
    boris.phone.answer().await;
    let complete = shared::wire::command::Command::CompleteTransfer { call: talk.call };
    talk.anna.desk.does(complete).await;
    boris.desk.answered(talk.call).await;
    talk.anna.phone.is_over(talk.at_anna).await;
    let heard = both_hear(&mut talk.customer, &mut boris.phone).await;
    assert_eq!(heard, (vec![BORIS_S], vec![CUSTOMER]));
    has_changed_hands(talk, boris).await;
}

#[tokio::test]
async fn a_call_is_handed_over_while_the_colleague_s_telephone_still_rings() {
    let Some(mut talk) = Talk::begin("a consultation that becomes blind").await else { return };
    let mut boris = talk.house.colleague(BORIS, BORIS_S).await;
    talk.anna.desk.consult(talk.call, boris.desk.target(), None).await;
    boris.desk.offered().await;
    let complete = shared::wire::command::Command::CompleteTransfer { call: talk.call };
    talk.anna.desk.does(complete).await;
    talk.anna.phone.is_over(talk.at_anna).await;
    let heard = hear(&mut talk.customer).await;
    assert_eq!(heard, [MUSIC], "still on hold");
    boris.phone.answer().await;
    boris.desk.answered(talk.call).await;
    has_changed_hands(talk, boris).await;
}

#[tokio::test]
async fn the_telephone_consults_on_its_second_line_and_comes_back_to_the_first() {
    let Some(mut talk) = Talk::begin("a consultation on the second line").await else { return };
    let mut boris = talk.house.colleague(BORIS, BORIS_S).await;
    talk.anna.phone.hold(talk.at_anna).await;
    let second = talk.anna.phone.dial(BORIS.phone.unwrap()).await;
    let offer = boris.desk.offered().await;
    is_the_same_call(&mut talk, &mut boris.desk, &offer, None).await;
    boris.phone.answer().await;
    talk.anna.phone.is_up(second).await;
    let heard = both_hear(&mut talk.customer, &mut boris.phone).await;
    assert_eq!(heard, (vec![MUSIC], vec![ANNAS]), "Boris hears Anna, the customer waits");
    talk.anna.phone.hang_up(second).await;
    boris.desk.released(talk.call).await;
    talk.anna.phone.retrieve(talk.at_anna).await;
    let heard = both_hear(&mut talk.customer, &mut talk.anna.phone).await;
    assert_eq!(heard, (vec![ANNAS], vec![CUSTOMER]), "back with the customer");
}

#[tokio::test]
async fn the_transfer_key_of_the_telephone_hands_the_call_to_a_colleague() {
    let Some(mut talk) = Talk::begin("REFER").await else { return };
    let mut boris = talk.house.colleague(BORIS, BORIS_S).await;
    talk.anna.phone.refer(talk.at_anna, BORIS.phone.unwrap()).await;
    let offer = boris.desk.offered().await;
    is_the_same_call(&mut talk, &mut boris.desk, &offer, None).await;
    boris.phone.answer().await;
    boris.desk.answered(talk.call).await;
    has_changed_hands(talk, boris).await;
}

#[tokio::test]
async fn the_telephone_joins_its_two_lines_and_the_call_changes_hands() {
    let Some(mut talk) = Talk::begin("REFER with Replaces").await else { return };
    let mut boris = talk.house.colleague(BORIS, BORIS_S).await;
    talk.anna.phone.hold(talk.at_anna).await;
    let second = talk.anna.phone.dial(BORIS.phone.unwrap()).await;
    boris.desk.offered().await;
    boris.phone.answer().await;
    talk.anna.phone.is_up(second).await;
    talk.anna.phone.refer_with_replaces(talk.at_anna, second).await;
    boris.desk.answered(talk.call).await;
    let heard = both_hear(&mut talk.customer, &mut boris.phone).await;
    assert_eq!(heard, (vec![BORIS_S], vec![CUSTOMER]));
    has_changed_hands(talk, boris).await;
}

#[tokio::test]
async fn a_call_handed_to_a_number_outside_goes_out_by_the_trunk() {
    let Some(mut talk) = Talk::begin("a transfer outside").await else { return };
    let mut outside = talk.house.puppets.open(Setup::outside(&talk.house.gateway)).await;
    outside.sing(OUTSIDE).await;
    talk.anna.desk.transfer(talk.call, Target::Number { number: OUTSIDE_NUMBER.into() }, None).await;
    talk.anna.phone.is_over(talk.at_anna).await;
    let ringing = outside.rings().await;
    assert!(ringing.to.contains(&OUTSIDE_NUMBER[1..]), "{ringing:?}");
    outside.tell("answer", serde_json::json!({ "call": ringing.line.0 })).await;
    outside.is_up(ringing.line).await;
    let heard = both_hear(&mut talk.customer, &mut outside).await;
    assert_eq!(heard, (vec![OUTSIDE], vec![CUSTOMER]));
    outside.hang_up(ringing.line).await;
    talk.customer.is_over(talk.at_customer).await;
    let call: CallId = talk.call;
    talk.anna.desk.save_wrapup(call).await;
}

#[tokio::test]
async fn the_transfer_key_of_the_telephone_hands_the_call_to_a_queue() {
    let Some(mut talk) = Talk::begin("REFER to a queue").await else { return };
    talk.anna.phone.refer(talk.at_anna, GENERAL_NUMBER).await;
    talk.anna.phone.is_over(talk.at_anna).await;
    let mut boris = talk.house.person(BORIS, BORIS_S).await;
    let offer = boris.desk.offered().await;
    assert_eq!(offer.queue, QueueCode::new("general"));
    is_the_same_call(&mut talk, &mut boris.desk, &offer, None).await;
    boris.phone.answer().await;
    boris.desk.answered(talk.call).await;
    has_changed_hands(talk, boris).await;
}

#[tokio::test]
async fn the_transfer_key_of_the_telephone_hands_the_call_to_a_number_outside() {
    let Some(mut talk) = Talk::begin("REFER outside").await else { return };
    let mut outside = talk.house.puppets.open(Setup::outside(&talk.house.gateway)).await;
    outside.sing(OUTSIDE).await;
    talk.anna.phone.refer(talk.at_anna, OUTSIDE_NUMBER).await;
    let at_outside = outside.answer().await;
    let heard = both_hear(&mut talk.customer, &mut outside).await;
    assert_eq!(heard, (vec![OUTSIDE], vec![CUSTOMER]));
    talk.customer.hang_up(talk.at_customer).await;
    outside.is_over(at_outside).await;
}

#[tokio::test]
async fn a_transfer_key_to_nowhere_leaves_the_talk_as_it_is() {
    let Some(mut talk) = Talk::begin("REFER to nowhere").await else { return };
    talk.anna.phone.refer(talk.at_anna, "199").await;
    let code = talk.anna.phone.referred(talk.at_anna).await;
    assert!((400..500).contains(&code), "{code}");
    let heard = both_hear(&mut talk.customer, &mut talk.anna.phone).await;
    assert_eq!(heard, (vec![ANNAS], vec![CUSTOMER]));
}

#[tokio::test]
async fn a_busy_number_outside_sends_a_call_that_was_handed_over_back_to_the_queue() {
    let Some(mut talk) = Talk::begin("a transfer to a busy number").await else { return };
    let mut outside = talk.house.puppets.open(Setup::outside(&talk.house.gateway).refuses(486)).await;
    talk.anna.desk.transfer(talk.call, Target::Number { number: OUTSIDE_NUMBER.into() }, None).await;
    outside.rings().await;
    assert_eq!(talk.anna.desk.party_failed(talk.call).await.1, PartyFailure::Busy);
    let heard = hear(&mut talk.customer).await;
    assert_eq!(heard, [MUSIC], "the customer is kept");
}

#[tokio::test]
async fn a_caller_with_the_simplest_of_telephones_is_handed_on_and_notices_nothing() {
    let Some(sipp) = Sipp::find("a transfer of a caller from SIPp") else { return };
    let Some(house) = House::open("a transfer of a caller from SIPp").await else { return };
    let mut anna = house.person(ANNA, ANNAS).await;
    let mut boris = house.colleague(BORIS, BORIS_S).await;
    let caller = sipp.callers(&house.gateway, "uac_call.xml", &[&known_number()], Duration::from_secs(6));
    let at_anna = anna.phone.answer().await;
    let call = anna.desk.offered().await.call;
    anna.desk.answered(call).await;
    anna.desk.transfer(call, boris.desk.target(), Some(NOTE)).await;
    anna.phone.is_over(at_anna).await;
    let at_boris = boris.phone.answer().await;
    boris.desk.answered(call).await;
    caller.finish().await.must_be_good();
    boris.phone.is_over(at_boris).await;
    assert_eq!(boris.desk.ended(call).await, CallEnding::CallerHungUp);
}
