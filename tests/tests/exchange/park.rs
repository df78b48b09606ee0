//! A call that is parked waits with music for whoever picks it up.

use shared::domain::call::{CallEnding, Stop};
use shared::wire::command::{Command, CommandError};
use tests::gateway::{ANNA, BORIS};

use crate::floor::{BORIS_S, CUSTOMER, MUSIC, Talk, both_hear, hear};

#[tokio::test]
async fn a_parked_call_is_on_every_screen_and_goes_to_whoever_picks_it_up() {
    let Some(mut talk) = Talk::begin("park and pick up").await else { return };
    let mut boris = talk.house.colleague(BORIS, BORIS_S).await;
    talk.anna.desk.park(talk.call, Some("Ждёт Бориса")).await;
    assert_eq!(talk.anna.desk.ended(talk.call).await, CallEnding::Transferred);
    talk.anna.phone.is_over(talk.at_anna).await;
    let parked = boris.desk.parked(1).await;
    assert_eq!((parked[0].call, parked[0].parked_by), (talk.call, talk.anna.desk.me()));
    assert_eq!(parked[0].parked_by_name, ANNA.name);
    let heard = hear(&mut talk.customer).await;
    assert_eq!(heard, [MUSIC]);

    boris.desk.does(Command::PickUp { call: talk.call }).await;
    boris.desk.parked(0).await;
    let at_boris = boris.phone.answer().await;
    boris.desk.answered(talk.call).await;
    let heard = both_hear(&mut talk.customer, &mut boris.phone).await;
    assert_eq!(heard, (vec![BORIS_S], vec![CUSTOMER]));
    boris.phone.hang_up(at_boris).await;
    talk.customer.is_over(talk.at_customer).await;
    assert_eq!(boris.desk.ended(talk.call).await, CallEnding::AgentHungUp);
}

#[tokio::test]
async fn whoever_picks_a_call_up_sees_whose_it_was() {
    let Some(mut talk) = Talk::begin("the card of a parked call").await else { return };
    let mut boris = talk.house.colleague(BORIS, BORIS_S).await;
    talk.anna.desk.park(talk.call, Some("Ждёт Бориса")).await;
    boris.desk.parked(1).await;
    boris.desk.does(Command::PickUp { call: talk.call }).await;
    let offer = boris.desk.offered().await;
    let note = offer.path.iter().find_map(|step| match &step.stop {
        Stop::Agent { note, .. } => note.clone(),
        _ => None,
    });
    assert_eq!(note.map(|note| note.reveal().to_owned()), Some("Ждёт Бориса".to_owned()));
    assert!(matches!(offer.path.last().map(|step| &step.stop), Some(Stop::Parked { .. })), "{:?}", offer.path);
    boris.phone.answer().await;
}

#[tokio::test]
async fn a_parked_call_is_picked_up_once() {
    let Some(mut talk) = Talk::begin("two who pick up").await else { return };
    let mut boris = talk.house.colleague(BORIS, BORIS_S).await;
    talk.anna.desk.park(talk.call, None).await;
    talk.anna.desk.ended(talk.call).await;
    talk.anna.desk.save_wrapup(talk.call).await;
    boris.desk.does(Command::PickUp { call: talk.call }).await;
    boris.phone.answer().await;
    assert_eq!(talk.anna.desk.ask(Command::PickUp { call: talk.call }).await, Err(CommandError::TooLate));
}

#[tokio::test]
async fn a_customer_who_gives_up_while_parked_is_on_nobody_s_list() {
    let Some(mut talk) = Talk::begin("a parked customer who gives up").await else { return };
    let mut boris = talk.house.colleague(BORIS, BORIS_S).await;
    talk.anna.desk.park(talk.call, None).await;
    boris.desk.parked(1).await;
    talk.customer.hang_up(talk.at_customer).await;
    boris.desk.parked(0).await;
    assert_eq!(boris.desk.ask(Command::PickUp { call: talk.call }).await, Err(CommandError::TooLate));
}
