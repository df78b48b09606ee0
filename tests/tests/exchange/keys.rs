//! Keys, pressed at either end, as events in the sound (RFC 4733) and by messages (INFO).

use shared::domain::call::{PartyState, Target};
use tests::gateway::{ANNA, QUEUE_NUMBER};
use tests::puppet::{Keys, Setup};

use crate::floor::{House, OUTSIDE_NUMBER, Talk, known_number};

const KEYS: &str = "1470*#";

#[tokio::test]
async fn keys_of_the_caller_reach_the_screen_and_the_telephone_of_the_operator() {
    let Some(mut talk) = Talk::begin("keys of the caller in the sound").await else { return };
    talk.customer.press(talk.at_customer, KEYS, Keys::Rfc4733).await;
    assert_eq!(talk.anna.desk.keys(talk.call, KEYS.len()).await, KEYS);
    assert_eq!(talk.anna.phone.hears_keys(KEYS.len()).await, (KEYS.to_owned(), Keys::Rfc4733));
}

#[tokio::test]
async fn keys_that_the_caller_s_network_sends_as_messages_arrive_too() {
    let Some(mut talk) = Talk::begin("keys of the caller by INFO").await else { return };
    talk.customer.press(talk.at_customer, KEYS, Keys::Info).await;
    assert_eq!(talk.anna.desk.keys(talk.call, KEYS.len()).await, KEYS);
    assert_eq!(talk.anna.phone.hears_keys(KEYS.len()).await, (KEYS.to_owned(), Keys::Rfc4733));
}

#[tokio::test]
async fn keys_pressed_on_the_screen_reach_the_caller() {
    let Some(mut talk) = Talk::begin("keys of the screen in the sound").await else { return };
    talk.anna.desk.press(talk.call, KEYS).await;
    assert_eq!(talk.customer.hears_keys(KEYS.len()).await, (KEYS.to_owned(), Keys::Rfc4733));
}

#[tokio::test]
async fn keys_pressed_on_the_operator_s_telephone_reach_the_caller() {
    let Some(mut talk) = Talk::begin("keys of the telephone in the sound").await else { return };
    talk.anna.phone.press(talk.at_anna, KEYS, Keys::Rfc4733).await;
    assert_eq!(talk.customer.hears_keys(KEYS.len()).await, (KEYS.to_owned(), Keys::Rfc4733));
}

#[tokio::test]
async fn keys_for_a_network_without_telephone_events_go_as_messages() {
    let Some(house) = House::open("keys by INFO").await else { return };
    let mut anna = house.person(ANNA, 820).await;
    let setup = Setup::customer(&house.gateway, &known_number()).without_telephone_events();
    let mut customer = house.puppets.open(setup).await;
    let at_customer = customer.dial(QUEUE_NUMBER).await;
    anna.phone.answer().await;
    customer.is_up(at_customer).await;
    let call = anna.desk.offered().await.call;
    anna.desk.answered(call).await;
    anna.desk.press(call, KEYS).await;
    assert_eq!(customer.hears_keys(KEYS.len()).await, (KEYS.to_owned(), Keys::Info));
}

#[tokio::test]
async fn keys_pressed_while_somebody_outside_is_asked_reach_them_and_not_the_customer() {
    let Some(mut talk) = Talk::begin("keys for a voice menu outside").await else { return };
    let mut outside = talk.house.puppets.open(Setup::outside(&talk.house.gateway)).await;
    talk.anna.desk.consult(talk.call, Target::Number { number: OUTSIDE_NUMBER.into() }, None).await;
    outside.answer().await;
    let talks =
        |line: &shared::wire::event::CallLine| line.peer.as_ref().is_some_and(|peer| peer.state == PartyState::Talking);
    talk.anna.desk.line(talk.call, "the number", talks).await;
    talk.anna.desk.press(talk.call, KEYS).await;
    assert_eq!(outside.hears_keys(KEYS.len()).await, (KEYS.to_owned(), Keys::Rfc4733));
    // The customer hears only what is pressed for them, afterwards.
    talk.anna.desk.does(shared::wire::command::Command::Swap { call: talk.call }).await;
    talk.anna.desk.press(talk.call, "9").await;
    assert_eq!(talk.customer.hears_keys(1).await.0, "9");
}
