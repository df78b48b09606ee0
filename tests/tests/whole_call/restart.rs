//! The gateway is killed and started again, and asked to end while somebody talks.

use serde_json::json;
use shared::domain::agent::Work;
use shared::domain::call::CallEnding;
use shared::wire::Goodbye;
use shared::wire::command::{Command, Done};
use tests::desk::Desk;
use tests::gateway::{ANNA, Gateway, QUEUE_NUMBER};
use tests::line::{self, AT_ONCE, NOBODY_THERE};

use crate::desks::Talk;
use crate::known_number;
use crate::waiting::wait_for_callers;

#[tokio::test]
async fn a_wrap_up_outlives_a_power_cut() {
    let (mut gateway, desk, call) = Talk::begin().await.end().await;
    gateway.kill().await;
    let (badge, hello) = desk.lose();
    gateway.launch().await;
    let mut desk = badge.open(hello).await.expect("the session outlives the power cut");
    assert!(!desk.welcome.resumed, "a new run of the gateway tells everything anew");
    let at_desk = desk.snapshot.take().and_then(|snapshot| snapshot.call).expect("the wrap-up is there");
    assert_eq!(at_desk.offer.call, call);
    assert_eq!(at_desk.ended.map(|ended| ended.ending), Some(CallEnding::CallerHungUp));
    desk.save_wrapup(call).await;
    gateway.end().await;
}

#[tokio::test]
async fn a_talk_goes_on_after_the_gateway_was_killed() {
    let talk = Talk::begin().await;
    let Talk { mut gateway, desk, call, customer, .. } = talk;
    gateway.kill().await;
    let (badge, hello) = desk.lose();
    gateway.launch().await;
    let mut desk = badge.open(hello).await.expect("the session outlives the kill");
    let snapshot = desk.snapshot.take().expect("everything anew");
    let at_desk = snapshot.call.expect("the call is there");
    assert_eq!((at_desk.offer.call, at_desk.offer.customer), (call, Some(customer)));
    assert!(at_desk.answered_at.is_some() && at_desk.ended.is_none(), "it is a talk still: {at_desk:?}");
    assert_eq!(snapshot.state.work, Work::Talking { call });
    assert!(snapshot.missed.is_empty(), "nobody was lost");
    // Both ends take the new offer, and the call can be worked with as before.
    assert_eq!(desk.ask(Command::Hold { call }).await, Ok(Done::Ok));
    assert_eq!(desk.ask(Command::Retrieve { call }).await, Ok(Done::Ok));
    assert_eq!(desk.ask(Command::HangUp { call }).await, Ok(Done::Ok));
    assert_eq!(desk.ended(call).await, CallEnding::AgentHungUp);
    desk.save_wrapup(call).await;
    gateway.end().await;
    let row: (String, i64) =
        sqlx::query_as("select ending, (select count(*) from call_talk where call_id = id) from call where id = ?")
            .bind(call.0)
            .fetch_one(&gateway.database().await)
            .await
            .expect("the call has a record");
    assert_eq!(row, ("agent_hung_up".to_owned(), 2), "the hold parts the talk in two, and the kill does not");
}

#[tokio::test]
async fn the_caller_may_hang_up_after_the_gateway_was_killed() {
    let talk = Talk::begin().await;
    let Talk { mut gateway, desk, call, caller, .. } = talk;
    gateway.kill().await;
    let (badge, hello) = desk.lose();
    gateway.launch().await;
    let mut desk = badge.open(hello).await.expect("the session outlives the kill");
    caller.hang_up().await;
    assert_eq!(desk.ended(call).await, CallEnding::CallerHungUp);
    gateway.end().await;
}

#[tokio::test]
async fn whoever_waits_keeps_the_place_when_the_gateway_is_killed() {
    let mut gateway = Gateway::start().await;
    let _phone = line::phone(&gateway, ANNA, AT_ONCE).await;
    let mut desk = Desk::sit_down(&gateway, ANNA).await;
    let _caller = line::caller(&gateway, Some(&known_number())).await;
    let waiting = wait_for_callers(&mut desk, 1).await;
    gateway.kill().await;
    let (badge, hello) = desk.lose();
    gateway.launch().await;
    let mut desk = badge.open(hello).await.expect("the session outlives the kill");
    let snapshot = desk.snapshot.take().expect("everything anew");
    assert_eq!(snapshot.waiting, waiting, "with the time of arrival");
    assert_eq!(snapshot.state.phone_registered, Some(true), "the telephone need not register first");
    desk.become_ready().await;
    let offer = desk.offered().await;
    assert_eq!((offer.call, offer.arrived_at), (waiting[0].call, waiting[0].arrived_at));
    desk.answered(offer.call).await;
    assert_eq!(desk.ask(Command::HangUp { call: offer.call }).await, Ok(Done::Ok));
    gateway.end().await;
}

#[tokio::test]
async fn a_caller_who_was_only_rung_for_at_the_kill_is_owed_a_call_back() {
    let mut gateway = Gateway::start().await;
    let _phone = line::phone(&gateway, ANNA, NOBODY_THERE).await;
    let mut desk = Desk::ready(&gateway, ANNA).await;
    let _caller = line::caller(&gateway, Some(&known_number())).await;
    let call = desk.offered().await.call;
    gateway.kill().await;
    let (badge, hello) = desk.lose();
    gateway.launch().await;
    let mut desk = badge.open(hello).await.expect("the session outlives the kill");
    let snapshot = desk.snapshot.take().expect("everything anew");
    let missed: Vec<_> = snapshot.missed.iter().map(|missed| (missed.call, missed.ending)).collect();
    assert_eq!(missed, [(call, CallEnding::LostFault)]);
    assert_eq!(snapshot.state.work, Work::Idle, "nobody is left in a call that is gone");
    gateway.end().await;
}

#[tokio::test]
async fn a_gateway_that_is_asked_to_end_lets_people_finish_and_takes_no_new_calls() {
    let mut talk = Talk::begin().await;
    talk.gateway.ask_to_end();
    talk.gateway.wait_for_log("no new calls are taken").await;
    let plan = json!([{ "from": known_number(), "talk_s": 1, "patience_s": 20 }]);
    let host = talk.gateway.carrier_host();
    let mut late = line::callers_from(&talk.gateway, host, QUEUE_NUMBER, &plan).await;
    assert_eq!(late.report("ended").await["ended_by"], "refused 503");
    assert_eq!(talk.desk.ask(Command::HangUp { call: talk.call }).await, Ok(Done::Ok), "the talk goes on until then");
    assert_eq!(talk.desk.ended(talk.call).await, CallEnding::AgentHungUp);
    assert_eq!(talk.desk.closed().await, Some(Goodbye::ShuttingDown));
    assert!(talk.gateway.wait_for_end().await.success());
}
