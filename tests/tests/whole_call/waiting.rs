//! Callers who wait: with music, in the order of their arrival, until somebody is free or they give up.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use shared::domain::agent::{Presence, ReasonCode, Work};
use shared::domain::call::CallEnding;
use shared::ids::CallId;
use shared::wire::event::{Event, WaitingCaller, WithdrawnBecause};
use tests::desk::{Badge, Desk, Hello};
use tests::gateway::{ANNA, BORIS, City, DARIA, GLEB, Gateway, PASSWORD, Setup, VERA};
use tests::line::{self, AT_ONCE, NOBODY_THERE};
use tests::sipp::Sipp;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::known_number;

pub async fn wait_for_callers(desk: &mut Desk, n: usize) -> Vec<WaitingCaller> {
    desk.expect("the list of waiting callers", |event| match event {
        Event::Waiting { callers } if callers.len() == n => Some(callers.clone()),
        _ => None,
    })
    .await
}

fn not_ready(reason: ReasonCode) -> Presence {
    Presence::NotReady { reason }
}

#[tokio::test]
async fn a_caller_who_gives_up_while_it_rings_costs_the_operator_neither_blame_nor_the_place_in_line() {
    let Some(sipp) = Sipp::find("a caller who gives up while it rings") else { return };
    let gateway = Gateway::start().await;
    sipp.register(&gateway, "101", "dialog").await;
    let phone = sipp.phone(&gateway, "uas_phone_silent.xml", "101", Duration::ZERO);
    let _other_phone = line::phone(&gateway, BORIS, NOBODY_THERE).await;
    let mut anna = Desk::ready(&gateway, ANNA).await;
    let mut boris = Desk::ready(&gateway, BORIS).await;
    let number = known_number();
    for _ in 0..2 {
        let caller = sipp.callers(&gateway, "uac_cancel.xml", &[&number], Duration::from_millis(200));
        let offer = anna.offered().await;
        assert_eq!(anna.withdrawn(offer.call).await, WithdrawnBecause::CallerGone);
        let state = anna.state("free again", |state| state.work == Work::Idle).await;
        assert_eq!(state.presence, Presence::Ready);
        caller.finish().await.must_be_good();
    }
    boris.settle().await;
    let offered = |event: &Event| matches!(event, Event::Offered { .. });
    assert!(!boris.so_far().iter().any(offered), "whoever has been free for longer is asked first, also after that");
    assert_eq!(phone.put_away().await.n_failed(), 0);
}

#[tokio::test]
async fn a_caller_for_whom_nobody_is_free_hears_music_and_is_owed_a_call_back_after_giving_up() {
    let gateway = Gateway::start().await;
    let mut desk = Desk::sit_down(&gateway, ANNA).await;
    let plan = json!([{ "from": known_number(), "talk_s": 1, "patience_s": 1.5 }]);
    let mut caller = line::callers_from(&gateway, gateway.carrier_host(), tests::gateway::QUEUE_NUMBER, &plan).await;
    let waiting = wait_for_callers(&mut desk, 1).await;
    let report = caller.report("ended").await;
    assert_eq!(report["ended_by"], "patience");
    assert!(report["ringing_after_ms"].is_null(), "nobody was rung: {report}");
    assert!(report["voice_after_ms"].is_null(), "there was nobody to hear: {report}");
    assert!(report["heard_packets"].as_u64().unwrap() >= 25, "half a second of music at least: {report}");
    let missed = desk
        .expect("the missed call", |event| match event {
            Event::Missed { calls } => calls.first().cloned(),
            _ => None,
        })
        .await;
    assert_eq!((missed.call, missed.ending, missed.handled_by), (waiting[0].call, CallEnding::Abandoned, None));
}

#[tokio::test]
async fn the_next_operator_who_is_ready_gets_the_caller_who_waits() {
    let gateway = Gateway::start().await;
    let _phone = line::phone(&gateway, ANNA, AT_ONCE).await;
    let mut desk = Desk::sit_down(&gateway, ANNA).await;
    let plan = json!([{ "from": known_number(), "talk_s": 0.2, "patience_s": 3600 }]);
    let mut caller = line::callers_from(&gateway, gateway.carrier_host(), tests::gateway::QUEUE_NUMBER, &plan).await;
    let waiting = wait_for_callers(&mut desk, 1).await;
    desk.become_ready().await;
    let offer = desk.offered().await;
    assert_eq!((offer.call, offer.arrived_at), (waiting[0].call, waiting[0].arrived_at));
    desk.answered(offer.call).await;
    assert_eq!(desk.ended(offer.call).await, CallEnding::CallerHungUp);
    let report = caller.report("ended").await;
    assert!(report["voice_after_ms"].is_u64(), "the caller has heard a person: {report}");
    desk.save_wrapup(offer.call).await;
}

#[tokio::test]
async fn a_caller_whom_nobody_answers_is_back_at_the_head_of_the_queue() {
    let gateway = Gateway::start_with(Setup { ring_s: 5, ..Setup::default() }).await;
    let _phone = line::phone(&gateway, ANNA, NOBODY_THERE).await;
    let _next_phone = line::phone(&gateway, BORIS, AT_ONCE).await;
    let mut anna = Desk::ready(&gateway, ANNA).await;
    let mut boris = Desk::sit_down(&gateway, BORIS).await;
    let _first = line::caller(&gateway, Some(&known_number())).await;
    let offer = anna.offered().await;
    let _second = line::caller(&gateway, Some(&known_number())).await;
    assert_eq!(anna.withdrawn(offer.call).await, WithdrawnBecause::NoAnswer);
    anna.state("not ready", |state| state.presence == not_ready(ReasonCode::NO_ANSWER)).await;
    let waiting = wait_for_callers(&mut boris, 2).await;
    assert_eq!((waiting[0].call, waiting[0].arrived_at), (offer.call, offer.arrived_at), "first come, first served");
    boris.become_ready().await;
    let again = boris.offered().await;
    assert_eq!((again.call, again.arrived_at), (offer.call, offer.arrived_at));
    boris.answered(offer.call).await;
}

#[tokio::test]
async fn a_busy_telephone_sends_the_caller_on_and_its_operator_to_look_after_it() {
    let Some(sipp) = Sipp::find("a busy telephone") else { return };
    let gateway = Gateway::start().await;
    sipp.register(&gateway, "101", "dialog").await;
    let busy = sipp.phone(&gateway, "uas_busy.xml", "101", Duration::ZERO);
    let _next_phone = line::phone(&gateway, BORIS, AT_ONCE).await;
    let mut anna = Desk::ready(&gateway, ANNA).await;
    let mut boris = Desk::ready(&gateway, BORIS).await;
    let _caller = line::caller(&gateway, Some(&known_number())).await;
    // The refusal may be faster than the card: then there was nothing to show.
    let rejected = |event: &Event| match event {
        Event::Withdrawn { call, why: WithdrawnBecause::Rejected } => Some(*call),
        _ => None,
    };
    let call = anna.expect("the offer withdrawn", rejected).await;
    anna.state("not ready", |state| state.presence == not_ready(ReasonCode::NO_ANSWER)).await;
    let again = boris.offered().await;
    assert_eq!(again.call, call);
    boris.answered(call).await;
    assert_eq!(busy.put_away().await.n_failed(), 0);
}

/// Works until nobody is left: takes each call, and writes down what it was about.
async fn work(mut desk: Desk, done: Arc<Mutex<BTreeSet<CallId>>>, n_calls: usize) {
    loop {
        let left = async {
            while done.lock().await.len() < n_calls {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let offer = tokio::select! {
            offer = desk.offered() => offer,
            () = left => return,
        };
        desk.answered(offer.call).await;
        assert_eq!(desk.ended(offer.call).await, CallEnding::CallerHungUp);
        desk.save_wrapup(offer.call).await;
        assert!(done.lock().await.insert(offer.call), "{:?} was worked on twice", offer.call);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_callers_at_once_are_all_served_by_five_operators_each_exactly_once() {
    const N_CALLS: usize = 50;
    let mut gateway = Gateway::start().await;
    let done = Arc::new(Mutex::new(BTreeSet::new()));
    let (mut phones, mut operators) = (Vec::new(), tokio::task::JoinSet::new());
    for who in [ANNA, BORIS, VERA, GLEB, DARIA] {
        phones.push(line::phone(&gateway, who, AT_ONCE).await);
        operators.spawn(work(Desk::ready(&gateway, who).await, Arc::clone(&done), N_CALLS));
    }
    let numbers = City::get().numbers.known.iter().cycle().take(N_CALLS);
    let plan: Vec<_> =
        numbers.map(|digits| json!({ "from": format!("+{digits}"), "talk_s": 0.0, "patience_s": 3600 })).collect();
    let to = tests::gateway::QUEUE_NUMBER;
    let mut callers = line::callers_from(&gateway, gateway.carrier_host(), to, &json!(plan)).await;
    for _ in 0..N_CALLS {
        let report = callers.report("ended").await;
        assert_eq!(report["ended_by"], "caller", "everybody has said everything: {report}");
    }
    while let Some(operator) = operators.join_next().await {
        operator.unwrap();
    }
    assert_eq!(gateway.metric("calls_arrived_total").await, Some(50.0));
    assert_eq!(gateway.metric("calls_ended_total").await, Some(50.0));
    gateway.end().await;
    let database = gateway.database().await;
    let count = async |sql: &'static str| sqlx::query_scalar::<_, i64>(sql).fetch_one(&database).await.unwrap();
    assert_eq!(count("select count(*) from call where ending = 'caller_hung_up'").await, 50);
    assert_eq!(count("select count(*) from call").await, 50);
    assert_eq!(count("select count(distinct call_id) from interaction where topic = 'BIL.RECALC' and call_id in (select id from call)").await, 50);
    assert_eq!(count("select count(*) from missed_call").await, 0);
    assert_eq!(count("select count(*) from ledger where kind = 'call.ended'").await, 50);
}

#[tokio::test]
async fn a_call_that_somebody_free_takes_is_on_nobody_s_list() {
    let gateway = Gateway::start().await;
    let _phone = line::phone(&gateway, ANNA, NOBODY_THERE).await;
    let mut anna = Desk::ready(&gateway, ANNA).await;
    let mut boris = Desk::sit_down(&gateway, BORIS).await;
    for n_before in 0..2 {
        let caller = line::caller(&gateway, Some(&known_number())).await;
        let offer = anna.offered().await;
        caller.hang_up().await;
        anna.withdrawn(offer.call).await;
        let mut n_told = 0;
        let missed = |event: &Event| match event {
            Event::Waiting { .. } => {
                n_told += 1;
                None
            }
            Event::Missed { calls } => (calls.len() > n_before).then_some(()),
            _ => None,
        };
        boris.expect("the missed call", missed).await;
        // The very first list is told, because nobody can know it yet.
        assert!(n_told <= usize::from(n_before == 0), "told {n_told} times that nobody waits");
    }
}

#[tokio::test]
async fn a_desk_that_comes_while_somebody_waits_for_a_moment_learns_that_nobody_does_any_more() {
    let gateway = Gateway::start().await;
    let mut anna = Desk::sit_down(&gateway, ANNA).await;
    let first = line::caller(&gateway, Some(&known_number())).await;
    wait_for_callers(&mut anna, 1).await;
    first.hang_up().await;
    wait_for_callers(&mut anna, 0).await;
    let badge = Badge::get(gateway.desk_address(), BORIS.login, PASSWORD).await.unwrap();
    // So quick that the others are never told of this caller; the desk that comes in between is.
    let second = line::caller(&gateway, Some(&known_number())).await;
    while gateway.metric("calls_arrived_total").await != Some(2.0) {
        tokio::task::yield_now().await;
    }
    let mut boris = badge.open(Hello { seat: Uuid::now_v7(), resume: None, take_over: false }).await.unwrap();
    assert_eq!(boris.snapshot.as_ref().map(|snapshot| snapshot.waiting.len()), Some(1));
    second.hang_up().await;
    wait_for_callers(&mut boris, 0).await;
}
