//! Hold and mute, from the screen and from the telephone.

use shared::domain::agent::Activity;
use shared::domain::call::PartyState;

use crate::floor::{ANNAS, CUSTOMER, MUSIC, Talk, both_hear, comes_through};

#[tokio::test]
async fn a_held_caller_hears_music_and_the_operator_hears_nobody() {
    let Some(mut talk) = Talk::begin("hold from the screen").await else { return };
    let heard = both_hear(&mut talk.customer, &mut talk.anna.phone).await;
    assert_eq!(heard, (vec![ANNAS], vec![CUSTOMER]), "they talk");

    talk.anna.desk.does(shared::wire::command::Command::Hold { call: talk.call }).await;
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
