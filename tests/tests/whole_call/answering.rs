//! A call rings, is answered in each way there is, is ended by each side, and is written down.

use std::time::Duration;

use shared::domain::call::CallEnding;
use shared::ids::CallId;
use shared::wire::card::CardState;
use shared::wire::command::{Command, Done};
use shared::wire::event::Offer;
use sqlx::Row as _;
use tests::desk::Desk;
use tests::gateway::{ANNA, Gateway};
use tests::sipp::Sipp;

use crate::known_number;

const AT_ONCE: Duration = Duration::ZERO;
const SHORTLY: Duration = Duration::from_millis(300);

/// What the database has of a call: how it ended, its queue, and the topic and result of its interaction.
async fn written(gateway: &Gateway, call: CallId) -> (String, String, Option<String>, Option<String>, i64) {
    let row = sqlx::query(
        "select call.ending, call.queue, max(interaction.topic), max(interaction.result), count(interaction.id) \
         from call left join interaction on interaction.call_id = call.id where call.id = ? group by call.id",
    )
    .bind(call.0)
    .fetch_one(&gateway.database().await)
    .await
    .expect("the call has a record");
    (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4))
}

async fn check_pop(desk: &mut Desk, offer: &Offer) {
    let (customer, CardState::Known { card }) = desk.card(offer).await else { panic!("one customer has this number") };
    assert_eq!(customer, Some(card.customer.id));
    let phone = offer.caller.phone().expect("a number of the public plan");
    assert!(card.contact_points.iter().any(|point| point.phone == phone), "the card of the one who calls");
    assert!(!card.history.lines.is_empty(), "the history travels with the card");
    assert_eq!(offer.queue.as_str(), "billing");
}

/// One call from a known number, answered and ended as the arguments say, and written down.
async fn one_call(
    sipp: Sipp,
    phone: (&'static str, &str, Duration),
    caller: (&'static str, Duration),
    answered_by_desk: bool,
    ended_by_desk: bool,
    ending: CallEnding,
) {
    let mut gateway = Gateway::start().await;
    let (phone_scenario, events, lifted_after) = phone;
    sipp.register(&gateway, "101", events).await;
    let phone = sipp.phone(&gateway, phone_scenario, "101", lifted_after);
    let mut desk = Desk::ready(&gateway, ANNA).await;
    let caller = sipp.callers(&gateway, caller.0, &[&known_number()], caller.1);

    let offer = desk.offered().await;
    check_pop(&mut desk, &offer).await;
    if answered_by_desk {
        assert_eq!(desk.ask(Command::Answer { call: offer.call }).await, Ok(Done::Ok));
    }
    desk.answered(offer.call).await;
    if ended_by_desk {
        assert_eq!(desk.ask(Command::HangUp { call: offer.call }).await, Ok(Done::Ok));
    }
    assert_eq!(desk.ended(offer.call).await, ending);
    let of_the_caller = caller.finish().await;
    of_the_caller.must_be_good();
    assert_eq!((of_the_caller.n_successful(), of_the_caller.n_failed()), (1, 0));
    let of_the_phone = phone.put_away().await;
    assert_eq!(of_the_phone.n_failed(), 0, "{of_the_phone:?}");

    desk.save_wrapup(offer.call).await;
    gateway.end().await;
    let ending = serde_json::to_value(ending).unwrap().as_str().unwrap().to_owned();
    let saved = ("BIL.RECALC".to_owned(), "I.RESOLVED".to_owned());
    let expected = (ending, "billing".to_owned(), Some(saved.0), Some(saved.1), 1);
    assert_eq!(written(&gateway, offer.call).await, expected);
    let seen = "select count(*) from audit join agent on agent.id = audit.agent_id \
                where agent.login = 'anna' and audit.what = 'card_opened' and audit.call_id = ?";
    let seen: i64 =
        sqlx::query_scalar(seen).bind(offer.call.0).fetch_one(&gateway.database().await).await.expect("an audit");
    assert_eq!(seen, 1, "whose card the operator has seen is in the audit");
}

#[tokio::test]
async fn a_call_is_answered_by_lifting_the_telephone_and_ended_by_the_caller() {
    let Some(sipp) = Sipp::find("a call answered by hand") else { return };
    let (phone, caller) = (("uas_phone.xml", "dialog", SHORTLY), ("uac_call.xml", SHORTLY));
    one_call(sipp, phone, caller, false, false, CallEnding::CallerHungUp).await;
}

#[tokio::test]
async fn a_call_is_answered_on_the_screen_by_lifting_a_telephone_that_knows_talk_and_ended_on_the_screen() {
    let Some(sipp) = Sipp::find("a call answered by NOTIFY talk") else { return };
    let (phone, caller) = (("uas_phone_talk.xml", "talk", AT_ONCE), ("uac_hangup_by_us.xml", AT_ONCE));
    one_call(sipp, phone, caller, true, true, CallEnding::AgentHungUp).await;
}

#[tokio::test]
async fn a_call_is_answered_on_the_screen_by_calling_a_telephone_that_lifts_itself() {
    let Some(sipp) = Sipp::find("a call answered by answer-after") else { return };
    let (phone, caller) = (("uas_phone_answer_after.xml", "dialog", AT_ONCE), ("uac_hangup_by_us.xml", AT_ONCE));
    one_call(sipp, phone, caller, true, true, CallEnding::AgentHungUp).await;
}

#[tokio::test]
async fn a_call_is_ended_by_putting_the_telephone_down() {
    let Some(sipp) = Sipp::find("a call ended by the telephone") else { return };
    let (phone, caller) = (("uas_phone_hangs_up.xml", "dialog", SHORTLY), ("uac_hangup_by_us.xml", AT_ONCE));
    one_call(sipp, phone, caller, false, false, CallEnding::AgentHungUp).await;
}
