//! The gateway is killed in the middle of a talk, and the sound flows again with telephones that know nothing of it.

use shared::domain::agent::Activity;
use shared::domain::call::CallEnding;
use tests::puppet::Puppet;

use crate::floor::{ANNAS, BORIS_S, CUSTOMER, MUSIC, Talk, all_hear, both_hear, comes_through};

#[tokio::test]
async fn a_talk_is_heard_again_after_the_gateway_was_killed() {
    let Some(talk) = Talk::begin("a gateway that is killed").await else { return };
    let Talk { mut house, mut anna, mut customer, call, at_anna, at_customer, .. } = talk;
    // What has just happened may not be kept yet; what can be heard is.
    let heard = both_hear(&mut customer, &mut anna.phone).await;
    assert_eq!(heard, (vec![ANNAS], vec![CUSTOMER]), "they talk");
    forget(&mut [&mut customer, &mut anna.phone]);
    house.gateway.kill().await;
    let (badge, hello) = anna.desk.lose();
    house.gateway.launch().await;
    let mut desk = badge.open(hello).await.expect("the session outlives the kill");
    takes_new_sound(&mut customer).await;
    takes_new_sound(&mut anna.phone).await;
    let heard = both_hear(&mut customer, &mut anna.phone).await;
    assert_eq!(heard, (vec![ANNAS], vec![CUSTOMER]));
    let (at_anna_heard, at_customer_heard) = anna.phone.converses(&mut customer).await;
    comes_through(at_anna_heard);
    comes_through(at_customer_heard);
    anna.phone.hang_up(at_anna).await;
    customer.is_over(at_customer).await;
    assert_eq!(desk.ended(call).await, CallEnding::AgentHungUp);
}

#[tokio::test]
async fn a_caller_on_hold_hears_music_again_after_the_gateway_was_killed() {
    let Some(mut talk) = Talk::begin("a gateway that is killed on hold").await else { return };
    talk.anna.desk.hold(talk.call).await;
    let heard = both_hear(&mut talk.customer, &mut talk.anna.phone).await;
    assert_eq!(heard, (vec![MUSIC], vec![]), "on hold");
    forget(&mut [&mut talk.customer, &mut talk.anna.phone]);
    talk.house.gateway.kill().await;
    let (badge, hello) = talk.anna.desk.lose();
    talk.house.gateway.launch().await;
    let mut desk = badge.open(hello).await.expect("the session outlives the kill");
    takes_new_sound(&mut talk.customer).await;
    takes_new_sound(&mut talk.anna.phone).await;
    let heard = both_hear(&mut talk.customer, &mut talk.anna.phone).await;
    assert_eq!(heard, (vec![MUSIC], vec![]), "on hold still");
    desk.retrieve(talk.call).await;
    let heard = both_hear(&mut talk.customer, &mut talk.anna.phone).await;
    assert_eq!(heard, (vec![ANNAS], vec![CUSTOMER]));
}

#[tokio::test]
async fn a_conference_is_one_again_after_the_gateway_was_killed() {
    let Some(mut talk) = Talk::begin("a conference when the gateway is killed").await else { return };
    let mut boris = talk.house.colleague(tests::gateway::BORIS, BORIS_S).await;
    talk.anna.desk.consult(talk.call, boris.desk.target(), None).await;
    boris.phone.answer().await;
    talk.anna.desk.line(talk.call, "the colleague", |line| line.peer.is_some()).await;
    talk.anna.desk.does(shared::wire::command::Command::Conference { call: talk.call }).await;
    talk.anna.desk.activity(talk.call, Activity::Conference).await;
    let all_three = (vec![ANNAS, BORIS_S], vec![CUSTOMER, BORIS_S], vec![CUSTOMER, ANNAS]);
    let heard = all_hear(&mut talk.customer, &mut talk.anna.phone, &mut boris.phone).await;
    assert_eq!(heard, all_three);
    forget(&mut [&mut talk.customer, &mut talk.anna.phone, &mut boris.phone]);
    talk.house.gateway.kill().await;
    talk.house.gateway.launch().await;
    takes_new_sound(&mut talk.customer).await;
    takes_new_sound(&mut talk.anna.phone).await;
    takes_new_sound(&mut boris.phone).await;
    let heard = all_hear(&mut talk.customer, &mut talk.anna.phone, &mut boris.phone).await;
    assert_eq!(heard, all_three);
}

/// What has happened up to now is over, so that what comes next is the gateway's new offer.
fn forget(puppets: &mut [&mut Puppet]) {
    for puppet in puppets {
        puppet.forget();
    }
}

/// Its sound is described anew by whoever has taken the call up again.
async fn takes_new_sound(puppet: &mut Puppet) {
    puppet.event("media").await;
}
