//! An operator asks a colleague while the customer hears music; then all three talk, or the call changes hands.

use shared::domain::agent::{Activity, Work};
use shared::domain::call::{CallEnding, Party, PartyFailure, PartyRole, PartyState, Target};
use shared::wire::command::{Command, CommandError};
use shared::wire::event::{OfferedHow, WithdrawnBecause};
use tests::gateway::{BORIS, Employee, QUEUE_NUMBER, VERA};
use tests::hearing::Sound;
use tests::puppet::{Line, Setup};

use crate::floor::{
    ANNAS, BORIS_S, CUSTOMER, House, MUSIC, OUTSIDE, OUTSIDE_NUMBER, Person, RINGBACK, Talk, all_hear, both_hear,
    comes_through, hear, setup,
};

const NOTE: &str = "Спрашивает о перерасчёте за март";

/// Anna has asked Boris, and both talk.
async fn consulting(test: &str) -> Option<(Talk, Person, Line)> {
    let mut talk = Talk::begin(test).await?;
    let mut boris = talk.house.colleague(BORIS, BORIS_S).await;
    talk.anna.desk.consult(talk.call, boris.desk.target(), Some(NOTE)).await;
    let line = talk.anna.desk.activity(talk.call, Activity::Consulting).await;
    assert_eq!(line.customer, Some(PartyState::OnHold));
    assert_eq!(line.peer.map(|peer| peer.state), Some(PartyState::Ringing));
    let offer = boris.desk.offered().await;
    assert_eq!(offer.call, talk.call);
    assert_eq!(offer.from.map(|from| (from.agent, from.how)), Some((talk.anna.desk.me(), OfferedHow::Consult)));
    let at_boris = boris.phone.answer().await;
    talk.anna.desk.line(talk.call, "the colleague", |line| is_with(line, PartyState::Talking)).await;
    Some((talk, boris, at_boris))
}

fn is_with(line: &shared::wire::event::CallLine, state: PartyState) -> bool {
    line.peer.as_ref().is_some_and(|peer| peer.state == state)
}

#[tokio::test]
async fn whoever_waits_for_a_colleague_hears_it_ring_and_the_customer_hears_music() {
    let Some(mut talk) = Talk::begin("a consultation that rings").await else { return };
    let mut boris = talk.house.colleague(BORIS, BORIS_S).await;
    talk.anna.desk.consult(talk.call, boris.desk.target(), None).await;
    let ringing = boris.phone.rings().await;
    assert!(ringing.from.contains(&talk.number), "the colleague sees the customer's number: {}", ringing.from);
    let music = hear(&mut talk.customer).await;
    assert_eq!(music, [MUSIC]);
    // One second of tone, four of silence.
    let ring = talk.anna.phone.listen(5000).await;
    let share = ring.hears(RINGBACK);
    assert!((0.15..0.3).contains(&share), "a fifth of the time it rings: {share}");
    assert_eq!(ring.hears(CUSTOMER), 0.0);
}

#[tokio::test]
async fn a_consultation_can_be_swapped_joined_and_left() {
    let Some((mut talk, mut boris, at_boris)) = consulting("consult, swap, confer, complete").await else { return };
    let (anna, customer) = (&mut talk.anna, &mut talk.customer);
    let heard = all_hear(customer, &mut anna.phone, &mut boris.phone).await;
    assert_eq!(heard, (vec![MUSIC], vec![BORIS_S], vec![ANNAS]), "the colleague is asked");

    anna.desk.does(Command::Swap { call: talk.call }).await;
    anna.desk.line(talk.call, "the swap", |line| line.customer == Some(PartyState::Talking)).await;
    let heard = all_hear(customer, &mut anna.phone, &mut boris.phone).await;
    assert_eq!(heard, (vec![ANNAS], vec![CUSTOMER], vec![MUSIC]), "swapped");

    anna.desk.does(Command::Conference { call: talk.call }).await;
    anna.desk.activity(talk.call, Activity::Conference).await;
    boris.desk.activity(talk.call, Activity::Conference).await;
    let heard = all_hear(customer, &mut anna.phone, &mut boris.phone).await;
    assert_eq!(heard, (vec![ANNAS, BORIS_S], vec![CUSTOMER, BORIS_S], vec![CUSTOMER, ANNAS]), "all three");

    anna.desk.does(Command::CompleteTransfer { call: talk.call }).await;
    assert_eq!(anna.desk.ended(talk.call).await, CallEnding::Transferred);
    anna.phone.is_over(talk.at_anna).await;
    boris.desk.line(talk.call, "Boris has the call", |line| line.peer.is_none() && !line.guest).await;
    let heard = both_hear(customer, &mut boris.phone).await;
    assert_eq!(heard, (vec![BORIS_S], vec![CUSTOMER]), "handed over");

    customer.hang_up(talk.at_customer).await;
    assert_eq!(boris.desk.ended(talk.call).await, CallEnding::CallerHungUp);
    boris.phone.is_over(at_boris).await;
    anna.desk.save_wrapup(talk.call).await;
    boris.desk.save_wrapup(talk.call).await;
    talk.house.gateway.end().await;
    let talks = talk.house.talks(talk.call).await;
    let of = |person: &Person| talks.iter().filter(|talk| talk.agent == person.desk.me()).collect::<Vec<_>>();
    let (annas, boris_s) = (of(&talk.anna), of(&boris));
    assert_eq!(
        (annas.len(), boris_s.len()),
        (2, 1),
        "before and after the consultation; from the conference on: {talks:?}"
    );
    assert!(annas[0].until <= annas[1].from, "{talks:?}");
    assert!(annas[1].from < boris_s[0].from && boris_s[0].from < annas[1].until, "they overlap: {talks:?}");
    assert!(annas[1].until < boris_s[0].until, "{talks:?}");
}

#[tokio::test]
async fn what_the_customer_says_comes_through_a_conference_as_it_was() {
    let Some((mut talk, mut boris, _)) = consulting("sound through a conference").await else { return };
    talk.anna.desk.does(Command::Conference { call: talk.call }).await;
    boris.desk.activity(talk.call, Activity::Conference).await;
    talk.anna.phone.hush().await;
    comes_through(boris.phone.follows(&mut talk.customer, &Sound::speech(5, 4000)).await);
    let echo = hear(&mut talk.customer).await;
    assert_eq!(echo, [BORIS_S], "and nobody hears an echo");
}

#[tokio::test]
async fn a_customer_who_is_dropped_from_a_conference_leaves_the_colleagues_in_theirs() {
    let Some((mut talk, mut boris, at_boris)) = consulting("a conference without the customer").await else { return };
    talk.anna.desk.does(Command::Conference { call: talk.call }).await;
    boris.desk.activity(talk.call, Activity::Conference).await;
    talk.anna.desk.does(Command::DropParty { call: talk.call, party: PartyRole::Customer }).await;
    talk.customer.is_over(talk.at_customer).await;
    let heard = both_hear(&mut talk.anna.phone, &mut boris.phone).await;
    assert_eq!(heard, (vec![BORIS_S], vec![ANNAS]));
    talk.anna.phone.hang_up(talk.at_anna).await;
    boris.phone.is_over(at_boris).await;
    talk.anna.desk.ended(talk.call).await;
    boris.desk.ended(talk.call).await;
}

#[tokio::test]
async fn somebody_outside_can_be_asked_joined_and_given_the_call() {
    let Some(mut talk) = Talk::begin("a consultation outside").await else { return };
    let mut outside = talk.house.puppets.open(Setup::outside(&talk.house.gateway)).await;
    outside.sing(OUTSIDE).await;
    talk.anna.desk.consult(talk.call, Target::Number { number: OUTSIDE_NUMBER.into() }, None).await;
    let at_outside = outside.answer().await;
    talk.anna.desk.line(talk.call, "the number", |line| is_with(line, PartyState::Talking)).await;
    let heard = all_hear(&mut talk.customer, &mut talk.anna.phone, &mut outside).await;
    assert_eq!(heard, (vec![MUSIC], vec![OUTSIDE], vec![ANNAS]), "the number is asked");
    talk.anna.desk.does(Command::Conference { call: talk.call }).await;
    talk.anna.desk.activity(talk.call, Activity::Conference).await;
    let heard = all_hear(&mut talk.customer, &mut talk.anna.phone, &mut outside).await;
    assert_eq!(heard, (vec![ANNAS, OUTSIDE], vec![CUSTOMER, OUTSIDE], vec![CUSTOMER, ANNAS]), "all three");
    talk.anna.desk.does(Command::CompleteTransfer { call: talk.call }).await;
    assert_eq!(talk.anna.desk.ended(talk.call).await, CallEnding::Transferred);
    let heard = both_hear(&mut talk.customer, &mut outside).await;
    assert_eq!(heard, (vec![OUTSIDE], vec![CUSTOMER]), "without Anna");
    talk.customer.hang_up(talk.at_customer).await;
    outside.is_over(at_outside).await;
    talk.anna.desk.save_wrapup(talk.call).await;
    talk.house.gateway.end().await;
    assert_eq!(talk.house.ending(talk.call).await, "transferred_out");
}

#[tokio::test]
async fn a_number_outside_that_is_busy_leaves_the_customer_on_hold() {
    let Some(mut talk) = Talk::begin("a busy number that is asked").await else { return };
    let mut outside = talk.house.puppets.open(Setup::outside(&talk.house.gateway).refuses(486)).await;
    talk.anna.desk.consult(talk.call, Target::Number { number: OUTSIDE_NUMBER.into() }, None).await;
    outside.rings().await;
    assert_eq!(talk.anna.desk.party_failed(talk.call).await.1, PartyFailure::Busy);
    let heard = both_hear(&mut talk.customer, &mut talk.anna.phone).await;
    assert_eq!(heard, (vec![MUSIC], vec![]));
    talk.anna.desk.retrieve(talk.call).await;
}

#[tokio::test]
async fn a_colleague_who_is_dropped_from_a_conference_leaves_the_other_two_in_their_talk() {
    let Some((mut talk, mut boris, at_boris)) = consulting("a conference that one leaves").await else { return };
    talk.anna.desk.does(Command::Conference { call: talk.call }).await;
    boris.desk.activity(talk.call, Activity::Conference).await;
    talk.anna.desk.does(Command::DropParty { call: talk.call, party: PartyRole::Peer }).await;
    assert_eq!(boris.desk.ended(talk.call).await, CallEnding::Transferred, "it goes on without Boris, who may write");
    boris.phone.is_over(at_boris).await;
    let heard = both_hear(&mut talk.customer, &mut talk.anna.phone).await;
    assert_eq!(heard, (vec![ANNAS], vec![CUSTOMER]));
}

#[tokio::test]
async fn whoever_asked_without_need_comes_back_to_the_customer() {
    let Some((mut talk, mut boris, at_boris)) = consulting("a consultation that ends").await else { return };
    talk.anna.desk.does(Command::DropParty { call: talk.call, party: PartyRole::Peer }).await;
    boris.desk.released(talk.call).await;
    boris.phone.is_over(at_boris).await;
    boris.desk.state("free", |state| state.work == Work::Idle).await;
    let heard = both_hear(&mut talk.customer, &mut talk.anna.phone).await;
    assert_eq!(heard, (vec![ANNAS], vec![CUSTOMER]));
}

#[tokio::test]
async fn a_colleague_who_hangs_up_leaves_the_customer_on_hold_until_the_operator_is_back() {
    let Some((mut talk, mut boris, at_boris)) = consulting("a colleague who hangs up").await else { return };
    boris.phone.hang_up(at_boris).await;
    boris.desk.released(talk.call).await;
    let (party, why) = talk.anna.desk.party_failed(talk.call).await;
    assert_eq!((party, why), (party_of(&boris, BORIS), PartyFailure::HungUp));
    let heard = both_hear(&mut talk.customer, &mut talk.anna.phone).await;
    assert_eq!(heard, (vec![MUSIC], vec![]));
    talk.anna.desk.retrieve(talk.call).await;
    let heard = both_hear(&mut talk.customer, &mut talk.anna.phone).await;
    assert_eq!(heard, (vec![ANNAS], vec![CUSTOMER]));
}

fn party_of(person: &Person, who: Employee) -> Party {
    Party::Agent { agent: person.desk.me(), name: who.name.to_owned() }
}

#[tokio::test]
async fn a_colleague_whose_telephone_says_busy_is_told_as_such() {
    let Some(mut talk) = Talk::begin("a busy colleague").await else { return };
    let phone = talk.house.puppets.open(Setup::phone(&talk.house.gateway, BORIS).refuses(486)).await;
    let desk = tests::desk::Desk::sit_down(&talk.house.gateway, BORIS).await;
    let mut boris = Person { phone, desk };
    talk.anna.desk.consult(talk.call, boris.desk.target(), None).await;
    let (party, why) = talk.anna.desk.party_failed(talk.call).await;
    assert_eq!((party, why), (party_of(&boris, BORIS), PartyFailure::Rejected));
    boris.phone.rings().await;
    let heard = hear(&mut talk.customer).await;
    assert_eq!(heard, [MUSIC], "still on hold");
}

#[tokio::test]
async fn a_colleague_who_does_not_answer_is_told_as_such() {
    let short = tests::gateway::Setup { ring_s: 5, ..setup() };
    let Some(house) = House::open_with("a colleague who does not answer", short).await else { return };
    let mut talk = Talk::begin_in(house).await;
    let mut boris = talk.house.colleague(BORIS, BORIS_S).await;
    talk.anna.desk.consult(talk.call, boris.desk.target(), None).await;
    let ringing = boris.phone.rings().await;
    assert_eq!(talk.anna.desk.party_failed(talk.call).await.1, PartyFailure::NoAnswer);
    assert_eq!(boris.desk.withdrawn(talk.call).await, WithdrawnBecause::NoAnswer);
    boris.phone.is_over(ringing.line).await;
    talk.anna.desk.retrieve(talk.call).await;
}

#[tokio::test]
async fn a_colleague_who_talks_already_cannot_be_asked() {
    let Some(mut talk) = Talk::begin("a colleague who talks").await else { return };
    let mut vera = talk.house.person(VERA, BORIS_S).await;
    let other = tests::gateway::City::get().numbers.known[1].clone();
    let _second = talk.house.puppets.caller(&talk.house.gateway, &format!("+{other}"), QUEUE_NUMBER).await;
    vera.phone.answer().await;
    let asked = Command::Consult { call: talk.call, to: vera.desk.target(), note: None };
    assert_eq!(talk.anna.desk.ask(asked).await, Err(CommandError::PartyFailed { why: PartyFailure::NotFree }));
    let heard = both_hear(&mut talk.customer, &mut talk.anna.phone).await;
    assert_eq!(heard, (vec![ANNAS], vec![CUSTOMER]), "the talk has not been touched");
}

#[tokio::test]
async fn a_customer_who_hangs_up_meanwhile_leaves_nobody_in_the_call() {
    let Some((mut talk, mut boris, at_boris)) = consulting("a customer who hangs up meanwhile").await else { return };
    talk.customer.hang_up(talk.at_customer).await;
    assert_eq!(talk.anna.desk.ended(talk.call).await, CallEnding::CallerHungUp);
    boris.desk.released(talk.call).await;
    boris.phone.is_over(at_boris).await;
    talk.anna.phone.is_over(talk.at_anna).await;
}
