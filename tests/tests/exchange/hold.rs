//! Hold and mute, from the screen and from the telephone.

use shared::domain::agent::Activity;
use shared::domain::call::PartyState;
use shared::wire::command::Command;

use tests::desk::Desk;
use tests::gateway::{BORIS, QUEUE_NUMBER};
use tests::puppet::Setup;

use crate::floor::{ANNAS, CUSTOMER, House, MUSIC, Talk, both_hear, comes_through, known_number};

#[tokio::test]
async fn a_held_caller_hears_music_and_the_operator_hears_nobody() {
    let Some(mut talk) = Talk::begin("hold from the screen").await else { return };
    let heard = both_hear(&mut talk.customer, &mut talk.anna.phone).await;
    assert_eq!(heard, (vec![ANNAS], vec![CUSTOMER]), "they talk");

    talk.anna.desk.does(Command::Hold { call: talk.call }).await;
    let line = talk.anna.desk.activity(talk.call, Activity::OnHold).await;
    assert_eq!(line.customer, Some(PartyState::OnHold));
    let heard = both_hear(&mut talk.customer, &mut talk.anna.phone).await;
    assert_eq!(heard, (vec![MUSIC], vec![]), "on hold");

    talk.anna.desk.retrieve(talk.call).await;
    let (at_anna, at_customer) = talk.anna.phone.converses(&mut talk.customer).await;
    comes_through(at_anna);
    comes_through(at_customer);
    talk.customer.hang_up(talk.at_customer).await;
    talk.anna.desk.ended(talk.call).await;
    talk.anna.phone.is_over(talk.at_anna).await;
    talk.house.gateway.end().await;
    let talks = talk.house.talks(talk.call).await;
    assert_eq!(talks.len(), 2, "before and after the hold: {talks:?}");
    assert!(talks[0].until < talks[1].from, "on hold nobody talks: {talks:?}");
}

#[tokio::test]
async fn a_caller_with_another_kind_of_sound_is_understood_and_understands() {
    let Some(house) = House::open("mu-law here, A-law there").await else { return };
    let customer = Setup { codecs: vec!["PCMU"], ..Setup::customer(&house.gateway, &known_number()) };
    let phone = Setup { codecs: vec!["PCMA"], ..Setup::phone(&house.gateway, BORIS) };
    let mut phone = house.puppets.open(phone).await;
    let _boris = Desk::ready(&house.gateway, BORIS).await;
    let mut customer = house.puppets.open(customer).await;
    let at_customer = customer.dial(QUEUE_NUMBER).await;
    phone.answer().await;
    customer.is_up(at_customer).await;
    let (at_phone, at_customer) = phone.converses(&mut customer).await;
    comes_through(at_phone);
    comes_through(at_customer);
}

#[tokio::test]
async fn the_hold_key_of_the_telephone_does_what_the_one_on_the_screen_does() {
    let Some(mut talk) = Talk::begin("hold from the telephone").await else { return };
    talk.anna.phone.hold(talk.at_anna).await;
    talk.anna.desk.activity(talk.call, Activity::OnHold).await;
    let heard = both_hear(&mut talk.customer, &mut talk.anna.phone).await;
    assert_eq!(heard, (vec![MUSIC], vec![]), "on hold");

    talk.anna.phone.retrieve(talk.at_anna).await;
    talk.anna.desk.activity(talk.call, Activity::Talking).await;
    let (at_anna, at_customer) = talk.anna.phone.converses(&mut talk.customer).await;
    comes_through(at_anna);
    comes_through(at_customer);
    talk.anna.phone.hang_up(talk.at_anna).await;
    talk.customer.is_over(talk.at_customer).await;
}

#[tokio::test]
async fn a_caller_who_hangs_up_on_hold_is_gone_for_the_operator_too() {
    let Some(mut talk) = Talk::begin("a caller who hangs up on hold").await else { return };
    talk.anna.desk.hold(talk.call).await;
    talk.customer.hang_up(talk.at_customer).await;
    talk.anna.desk.ended(talk.call).await;
    talk.anna.phone.is_over(talk.at_anna).await;
}

#[tokio::test]
async fn a_customer_who_holds_us_hears_nothing_of_ours_and_comes_back_to_the_talk() {
    let Some(mut talk) = Talk::begin("a customer who holds us").await else { return };
    talk.customer.hold(talk.at_customer).await;
    talk.customer.retrieve(talk.at_customer).await;
    let (at_anna, at_customer) = talk.anna.phone.converses(&mut talk.customer).await;
    comes_through(at_anna);
    comes_through(at_customer);
}

#[tokio::test]
async fn a_muted_operator_hears_and_is_not_heard() {
    let Some(mut talk) = Talk::begin("mute").await else { return };
    talk.anna.desk.mute(talk.call, true).await;
    let heard = both_hear(&mut talk.customer, &mut talk.anna.phone).await;
    assert_eq!(heard, (vec![], vec![CUSTOMER]), "muted");
    talk.anna.desk.mute(talk.call, false).await;
    let heard = both_hear(&mut talk.customer, &mut talk.anna.phone).await;
    assert_eq!(heard, (vec![ANNAS], vec![CUSTOMER]), "not muted any more");
}

#[tokio::test]
async fn a_muted_operator_stays_muted_through_a_hold() {
    let Some(mut talk) = Talk::begin("mute and hold").await else { return };
    talk.anna.desk.mute(talk.call, true).await;
    talk.anna.desk.hold(talk.call).await;
    talk.anna.desk.retrieve(talk.call).await;
    let heard = both_hear(&mut talk.customer, &mut talk.anna.phone).await;
    assert_eq!(heard, (vec![], vec![CUSTOMER]));
}
