//! What happens to desks and telephones while callers are there: they are lost, come back, change places, and are slow.

use shared::domain::agent::{Presence, ReasonCode, Wish, Work};
use shared::domain::call::CallEnding;
use shared::ids::{CallId, CustomerId};
use shared::wire::command::{Command, CommandError, Done};
use shared::wire::event::{Event, WithdrawnBecause};
use shared::wire::{Goodbye, Refusal};
use tests::desk::{Desk, Hello, HelloError, save, wrapup};
use tests::gateway::{ANNA, BORIS, Gateway, OLGA, PAVEL};
use tests::line::{self, AT_ONCE, NOBODY_THERE, Playing};
use uuid::Uuid;

use crate::known_number;

/// Anna talks with a caller.
pub struct Talk {
    pub gateway: Gateway,
    pub caller: Playing,
    pub desk: Desk,
    _phone: Playing,
    pub call: CallId,
    pub customer: CustomerId,
}

impl Talk {
    pub async fn begin() -> Self {
        Self::begin_at(Gateway::start().await).await
    }

    pub async fn begin_at(gateway: Gateway) -> Self {
        let _phone = line::phone(&gateway, ANNA, AT_ONCE).await;
        let mut desk = Desk::ready(&gateway, ANNA).await;
        let caller = line::caller(&gateway, Some(&known_number())).await;
        let offer = desk.offered().await;
        let customer = desk.card(&offer).await.0.expect("a customer has this number");
        desk.answered(offer.call).await;
        Self { gateway, _phone, caller, desk, call: offer.call, customer }
    }

    pub async fn end(self) -> (Gateway, Desk, CallId) {
        let Self { gateway, mut desk, call, caller, .. } = self;
        caller.hang_up().await;
        assert_eq!(desk.ended(call).await, CallEnding::CallerHungUp);
        (gateway, desk, call)
    }
}

#[tokio::test]
async fn a_telephone_that_is_lost_while_it_rings_sends_the_caller_to_the_next_operator() {
    let gateway = Gateway::start().await;
    let phone = line::phone(&gateway, ANNA, NOBODY_THERE).await;
    let _next_phone = line::phone(&gateway, BORIS, AT_ONCE).await;
    let mut anna = Desk::ready(&gateway, ANNA).await;
    let mut boris = Desk::ready(&gateway, BORIS).await;
    let _caller = line::caller(&gateway, Some(&known_number())).await;
    let offer = anna.offered().await;
    phone.leave().await;
    assert_eq!(anna.withdrawn(offer.call).await, WithdrawnBecause::PhoneLost);
    let device = Presence::NotReady { reason: ReasonCode::DEVICE };
    anna.state("not ready", |state| state.presence == device && state.phone_registered == Some(false)).await;
    assert_eq!(boris.offered().await.call, offer.call);
    boris.answered(offer.call).await;
    assert_eq!(anna.ask(Command::SetState { wish: Wish::Ready }).await, Err(CommandError::PhoneLost));
}

#[tokio::test]
async fn a_telephone_that_is_taken_out_of_service_while_it_rings_sends_the_caller_to_the_next_operator() {
    let gateway = Gateway::start().await;
    let _phone = line::phone(&gateway, ANNA, NOBODY_THERE).await;
    let _next_phone = line::phone(&gateway, BORIS, AT_ONCE).await;
    let mut anna = Desk::ready(&gateway, ANNA).await;
    let mut boris = Desk::ready(&gateway, BORIS).await;
    let _caller = line::caller(&gateway, Some(&known_number())).await;
    let offer = anna.offered().await;
    gateway.administer(&["phone", "remove", "101"]);
    assert_eq!(anna.withdrawn(offer.call).await, WithdrawnBecause::PhoneLost);
    assert_eq!(boris.offered().await.call, offer.call);
    boris.answered(offer.call).await;
}

#[tokio::test]
async fn a_desk_that_is_lost_while_it_rings_sends_the_caller_to_the_next_operator() {
    let gateway = Gateway::start().await;
    let _phone = line::phone(&gateway, ANNA, NOBODY_THERE).await;
    let _next_phone = line::phone(&gateway, BORIS, AT_ONCE).await;
    let mut anna = Desk::ready(&gateway, ANNA).await;
    let mut boris = Desk::ready(&gateway, BORIS).await;
    let _caller = line::caller(&gateway, Some(&known_number())).await;
    let offer = anna.offered().await;
    let (badge, hello) = anna.lose();
    let again = boris.offered().await;
    assert_eq!((again.call, again.arrived_at), (offer.call, offer.arrived_at));
    boris.answered(offer.call).await;
    let mut anna = badge.open(hello).await.expect("the place was kept");
    assert!(anna.welcome.resumed);
    assert_eq!(anna.withdrawn(offer.call).await, WithdrawnBecause::NoAnswer);
    anna.state("ready without blame", |state| state.presence == Presence::Ready && state.work == Work::Idle).await;
}

#[tokio::test]
async fn a_talk_goes_on_without_its_desk_which_finds_it_when_it_comes_back() {
    let mut talk = Talk::begin().await;
    let mut olga = Desk::sit_down(&talk.gateway, OLGA).await;
    let call = talk.call;
    let (badge, hello) = talk.desk.lose();
    let lost = |event: &Event| match event {
        Event::Floor { floor } => floor
            .people
            .iter()
            .any(|person| matches!(person.state.presence, Presence::ConnectionLost { .. }))
            .then_some(()),
        _ => None,
    };
    olga.expect("the supervisor sees that a desk is lost", lost).await;
    talk.desk = badge.open(hello).await.expect("the place was kept");
    assert!(talk.desk.welcome.resumed, "the stream goes on where it was");
    let talks = Work::Talking { call };
    talk.desk.state("as before", |state| state.presence == Presence::Ready && state.work == talks).await;
    let (_gateway, mut desk, call) = talk.end().await;
    desk.save_wrapup(call).await;
}

#[tokio::test]
async fn a_desk_that_starts_anew_is_told_of_its_talk_in_the_snapshot() {
    let mut talk = Talk::begin().await;
    let (badge, hello) = talk.desk.lose();
    talk.desk = badge.open(Hello { resume: None, ..hello }).await.expect("the place was kept");
    let snapshot = talk.desk.snapshot.take().expect("a desk without a memory gets a snapshot");
    let at_desk = snapshot.call.expect("the call is there");
    assert_eq!((at_desk.offer.call, at_desk.offer.customer), (talk.call, Some(talk.customer)));
    assert!(at_desk.answered_at.is_some() && at_desk.ended.is_none());
    assert_eq!(talk.desk.ask(Command::HangUp { call: talk.call }).await, Ok(Done::Ok));
    assert_eq!(talk.desk.ended(talk.call).await, CallEnding::AgentHungUp);
    assert_eq!(talk.caller.report("ended").await["ended_by"], "gateway");
}

#[tokio::test]
async fn an_operator_works_at_one_desk_at_a_time_and_takes_the_call_along() {
    let mut talk = Talk::begin().await;
    let elsewhere = Hello { seat: Uuid::now_v7(), resume: None, take_over: false };
    match talk.desk.badge.open(elsewhere).await {
        Err(HelloError::Refused(why)) => assert_eq!(why, Refusal::DeskElsewhere),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("two desks of one operator"),
    }
    let mut second = talk.desk.badge.open(Hello { take_over: true, ..elsewhere }).await.expect("continue here");
    assert_eq!(talk.desk.closed().await, Some(Goodbye::TakenOver));
    let call = second.snapshot.as_ref().and_then(|snapshot| snapshot.call.as_ref()).map(|at| at.offer.call);
    assert_eq!(call, Some(talk.call));
    assert_eq!(second.ask(Command::HangUp { call: talk.call }).await, Ok(Done::Ok));
    assert_eq!(second.ended(talk.call).await, CallEnding::AgentHungUp);
    second.save_wrapup(talk.call).await;
}

#[tokio::test]
async fn a_desk_whose_connection_broke_misses_nothing() {
    let talk = Talk::begin().await;
    let (badge, hello) = talk.desk.lose();
    talk.caller.hang_up().await;
    // The numbers are checked at every event: a gap would be a panic.
    let mut desk = badge.open(hello).await.expect("the place was kept");
    assert!(desk.welcome.resumed && desk.snapshot.is_none());
    assert_eq!(desk.ended(talk.call).await, CallEnding::CallerHungUp);
    desk.save_wrapup(talk.call).await;
}

#[tokio::test]
async fn what_is_saved_twice_is_there_once_and_a_key_is_never_used_for_something_else() {
    let (gateway, mut desk, call) = Talk::begin().await.end().await;
    let key = Uuid::now_v7();
    desk.send(key, save(wrapup(call)));
    let first = desk.answer(key).await.expect("it is saved");
    desk.send(key, save(wrapup(call)));
    assert_eq!(desk.answer(key).await, Ok(first.clone()), "the same answer");
    let other = || save(shared::wire::command::Wrapup { result: "I.REQUEST".into(), ..wrapup(call) });
    desk.send(key, other());
    assert_eq!(desk.answer(key).await, Err(CommandError::KeyReused));
    assert_eq!(desk.ask(other()).await, Ok(first), "a correction under a new key is the same contact");
    let rows: Vec<(String,)> = sqlx::query_as("select result from interaction where call_id = ?")
        .bind(call.0)
        .fetch_all(&gateway.database().await)
        .await
        .unwrap();
    assert_eq!(rows, [("I.REQUEST".to_owned(),)]);
}

#[tokio::test]
async fn a_desk_that_does_not_read_is_let_go_and_comes_back_to_its_call() {
    let talk = Talk::begin().await;
    let before_mb = talk.gateway.memory_mb();
    talk.desk.stop_reading();
    for _ in 0..1500 {
        let command = Command::LinkCustomer { call: talk.call, customer: talk.customer, remember_number: false };
        talk.desk.send(Uuid::now_v7(), command);
    }
    talk.gateway.wait_for_log("a desk does not read").await;
    let grown_mb = talk.gateway.memory_mb().saturating_sub(before_mb);
    assert!(grown_mb < 100, "a desk that does not read has cost {grown_mb} MB");
    let (badge, hello) = talk.desk.lose();
    let mut desk = badge.open(hello).await.expect("it may come back");
    // How much was kept for it depends on when it was let go: it is told the rest, or everything anew.
    match desk.snapshot.take() {
        Some(snapshot) => assert_eq!(snapshot.call.map(|at| at.offer.call), Some(talk.call)),
        None => assert!(desk.welcome.resumed),
    }
    assert_eq!(desk.ask(Command::HangUp { call: talk.call }).await, Ok(Done::Ok));
    assert_eq!(desk.ended(talk.call).await, CallEnding::AgentHungUp);
}

#[tokio::test]
async fn a_supervisor_and_an_administrator_see_the_floor_and_an_operator_does_not() {
    let gateway = Gateway::start().await;
    let mut anna = Desk::sit_down(&gateway, ANNA).await;
    let mut watchers = [Desk::sit_down(&gateway, OLGA).await, Desk::sit_down(&gateway, PAVEL).await];
    let floor = |desk: &Desk| desk.snapshot.as_ref().and_then(|snapshot| snapshot.floor.clone());
    assert!(floor(&anna).is_none());
    for watcher in &watchers {
        let floor = floor(watcher).expect("the floor");
        assert!(floor.people.iter().any(|person| person.name == ANNA.name), "{:?}", floor.people);
        assert_eq!(floor.queues.len(), 1);
    }
    let _boris = Desk::sit_down(&gateway, BORIS).await;
    for watcher in &mut watchers {
        let sees_boris = |event: &Event| match event {
            Event::Floor { floor } => floor.people.iter().any(|person| person.name == BORIS.name).then_some(()),
            _ => None,
        };
        watcher.expect("the floor with Boris", sees_boris).await;
    }
    anna.settle().await;
    let told = anna.so_far();
    assert!(!told.iter().any(|event| matches!(event, Event::Floor { .. })), "{told:?}");
}
