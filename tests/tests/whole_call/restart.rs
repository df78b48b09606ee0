//! The gateway is killed and started again, and asked to end while somebody talks.

use serde_json::json;
use shared::domain::call::CallEnding;
use shared::wire::Goodbye;
use shared::wire::command::{Command, Done};
use tests::gateway::QUEUE_NUMBER;
use tests::line;

use crate::desks::Talk;
use crate::known_number;

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
async fn a_talk_that_a_power_cut_has_ended_is_written_up_and_the_caller_is_owed_a_call_back() {
    let talk = Talk::begin().await;
    let Talk { mut gateway, desk, call, .. } = talk;
    gateway.kill().await;
    let (badge, hello) = desk.lose();
    gateway.launch().await;
    let mut desk = badge.open(hello).await.expect("the session outlives the power cut");
    let snapshot = desk.snapshot.take().expect("everything anew");
    let at_desk = snapshot.call.expect("the wrap-up is there");
    assert_eq!(at_desk.ended.map(|ended| ended.ending), Some(CallEnding::LostFault));
    let missed: Vec<_> = snapshot.missed.iter().map(|missed| (missed.call, missed.ending)).collect();
    assert_eq!(missed, [(call, CallEnding::LostFault)]);
    desk.save_wrapup(call).await;
    gateway.end().await;
    let (ending,): (String,) = sqlx::query_as("select ending from call where id = ?")
        .bind(call.0)
        .fetch_one(&gateway.database().await)
        .await
        .expect("the call has a record");
    assert_eq!(ending, "lost_fault");
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
