//! The configuration is changed and read anew while people talk.

use serde_json::json;
use shared::domain::call::CallEnding;
use shared::wire::command::{Command, Done};
use tests::gateway::QUEUE_NUMBER;
use tests::line;

use crate::desks::Talk;
use crate::known_number;

#[tokio::test]
async fn a_call_begun_before_a_reload_ends_as_it_began_and_the_next_one_goes_by_the_new_configuration() {
    let mut talk = Talk::begin().await;
    talk.gateway.change_config(&format!("numbers = [\"{QUEUE_NUMBER}\"]"), "numbers = [\"1077\"]");
    talk.gateway.reload();
    talk.gateway.wait_for_log("the changed configuration is taken").await;
    let plan = json!([{ "from": known_number(), "talk_s": 1, "patience_s": 20 }]);
    let host = talk.gateway.carrier_host();
    let mut late = line::callers_from(&talk.gateway, host, QUEUE_NUMBER, &plan).await;
    assert_eq!(late.report("ended").await["ended_by"], "refused 404", "this number leads nowhere any more");
    assert_eq!(talk.desk.ask(Command::HangUp { call: talk.call }).await, Ok(Done::Ok));
    assert_eq!(talk.desk.ended(talk.call).await, CallEnding::AgentHungUp);
    talk.desk.save_wrapup(talk.call).await;
    let _caller = line::callers_from(&talk.gateway, host, "1077", &plan).await;
    assert_eq!(talk.desk.offered().await.queue.as_str(), "billing", "and the new one leads to the queue");
}

#[tokio::test]
async fn a_faulty_configuration_is_not_taken() {
    let mut talk = Talk::begin().await;
    talk.gateway.change_config("ring_s = ", "ring_s = \"soon\" # ");
    talk.gateway.reload();
    talk.gateway.wait_for_log("the changed configuration is not taken").await;
    assert_eq!(talk.desk.ask(Command::HangUp { call: talk.call }).await, Ok(Done::Ok), "everything goes on");
}
