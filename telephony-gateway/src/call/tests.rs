use std::time::Duration;

use shared::domain::agent;
use shared::domain::call::{CallEnding, PartyFailure};
use shared::ids::{AgentId, CallId};
use shared::time::Moment;
use shared::wire::event::WithdrawnBecause;

use super::{Call, DialTo, Ear, Effect, Effects, Front, Input, Limits, Line, Peer, PhoneFailure, Scene, State, Verb};

const ANNA: AgentId = AgentId(1);
const BORIS: AgentId = AgentId(2);
const CALL: CallId = CallId(77);
pub const LIMITS: Limits =
    Limits { ring: Duration::from_secs(15), wrapup: Duration::from_secs(60), park: Duration::from_secs(120) };

fn at(s: u64) -> Moment {
    Moment::at_ms(s * 1000)
}

fn arrived() -> Call {
    Call::arrive(CALL, LIMITS, at(0))
}

fn offered() -> Call {
    let mut call = arrived();
    call.step(Input::Picked(ANNA), at(0));
    call
}

fn talking() -> Call {
    let mut call = offered();
    call.step(Input::PhoneAnswered(ANNA), at(2));
    call
}

/// Anna has the caller on hold and speaks with Boris.
fn consulting() -> Call {
    let mut call = talking();
    does(&mut call, Verb::ConsultAgent(BORIS));
    call.step(Input::PhoneAnswered(BORIS), at(12));
    call
}

/// Anna has the caller on hold and speaks with a number outside.
fn consulting_a_number() -> Call {
    let mut call = talking();
    does(&mut call, Verb::ConsultNumber);
    call.step(Input::PeerAnswered, at(12));
    call
}

#[track_caller]
fn does(call: &mut Call, verb: Verb) -> Effects {
    assert!(call.allows(ANNA, verb), "{verb:?} in {:?}", call.state);
    call.step(Input::Verb(ANNA, verb), at(10))
}

fn talk(ears: &[Ear]) -> Scene {
    Scene::Talk(ears.iter().copied().collect())
}

const A: Ear = Ear::Agent(ANNA);
const B: Ear = Ear::Agent(BORIS);
const C: Ear = Ear::Customer;

#[test]
fn the_first_free_agent_gets_the_pop_and_the_ring_in_one_step() {
    let until = at(15);
    assert_eq!(
        arrived().step(Input::Picked(ANNA), at(0)).as_slice(),
        [
            Effect::LeaveQueue,
            Effect::Agent(ANNA, agent::Input::Picked { call: CALL, until }),
            Effect::Pop(ANNA),
            Effect::RingPhone(ANNA),
            Effect::Agent(ANNA, agent::Input::OfferDelivered { until }),
            Effect::RingCaller,
        ]
    );
}

#[test]
fn a_caller_with_nobody_free_hears_music_and_keeps_the_place() {
    let mut call = arrived();
    let effects = call.step(Input::NobodyFree, at(0));
    assert_eq!(effects.as_slice(), [Effect::AnswerCaller, Effect::Wait, Effect::Sound]);
    assert_eq!(call.scenes().as_slice(), [Scene::Music(C)]);
    let effects = call.step(Input::Picked(ANNA), at(40));
    assert!(!effects.contains(&Effect::RingCaller), "an answered caller hears music");
    assert!(!effects.contains(&Effect::Sound), "and the music has no seam");
    assert_eq!(call.arrived, at(0));
}

#[test]
fn an_offer_that_rings_out_costs_the_agent_and_not_the_caller() {
    let mut call = offered();
    assert!(call.step(Input::OfferExpired, at(14)).is_empty(), "an early timer means nothing");
    assert_eq!(
        call.step(Input::OfferExpired, at(15)).as_slice(),
        [
            Effect::EndPhone(ANNA),
            Effect::Withdraw(ANNA, WithdrawnBecause::NoAnswer),
            Effect::Agent(ANNA, agent::Input::RangOut),
            Effect::Wait,
        ]
    );
    assert_eq!(call.arrived, at(0));
}

#[test]
fn a_caller_who_hangs_up_while_ringing_frees_the_agent() {
    assert_eq!(
        offered().step(Input::CallerHungUp, at(3)).as_slice(),
        [
            Effect::EndPhone(ANNA),
            Effect::Withdraw(ANNA, WithdrawnBecause::CallerGone),
            Effect::Agent(ANNA, agent::Input::CallerGone),
            Effect::Close(CallEnding::Abandoned),
        ]
    );
}

#[test]
fn a_telephone_lifted_as_the_caller_hangs_up_is_put_down_again() {
    let mut call = offered();
    call.step(Input::CallerHungUp, at(3));
    assert_eq!(call.step(Input::PhoneAnswered(ANNA), at(3)).as_slice(), [Effect::EndPhone(ANNA)]);
}

#[test]
fn a_late_answer_of_the_agent_before_does_not_take_the_call_from_the_next() {
    let mut call = offered();
    call.step(Input::OfferExpired, at(15));
    call.step(Input::Picked(BORIS), at(15));
    assert!(call.step(Input::PhoneAnswered(ANNA), at(16)).is_empty());
    assert_eq!(call.agent(), Some(BORIS));
}

#[test]
fn a_telephone_that_dies_in_the_talk_does_not_cost_the_caller() {
    let mut call = talking();
    let effects = call.step(Input::PhoneLost(ANNA), at(9));
    assert!(effects.contains(&Effect::Wait) && effects.contains(&Effect::Sound));
    assert_eq!(call.scenes().as_slice(), [Scene::Music(C)]);
    assert!(!effects.iter().any(|e| matches!(e, Effect::EndCaller | Effect::Close(_))));
}

#[test]
fn either_side_may_hang_up() {
    for (input, ending) in [
        (Input::CallerHungUp, CallEnding::CallerHungUp),
        (Input::PhoneHungUp(ANNA), CallEnding::AgentHungUp),
        (Input::Verb(ANNA, Verb::HangUp), CallEnding::AgentHungUp),
    ] {
        let effects = talking().step(input, at(30));
        assert!(effects.contains(&Effect::TellEnded(ANNA, ending)), "{input:?}");
        assert_eq!(effects.last(), Some(&Effect::Close(ending)));
    }
}

#[test]
fn a_held_caller_hears_music_and_the_agent_nobody() {
    let mut call = talking();
    let effects = does(&mut call, Verb::Hold);
    assert_eq!(effects.as_slice(), [Effect::Agent(ANNA, agent::Input::Does(agent::Activity::OnHold)), Effect::Sound]);
    assert_eq!(call.scenes().as_slice(), [Scene::Music(C), Scene::Silence(A)]);
    assert!(!call.allows(ANNA, Verb::Hold) && !call.allows(BORIS, Verb::Retrieve));
    does(&mut call, Verb::Retrieve);
    assert_eq!(call.scenes().as_slice(), [talk(&[C, A])]);
}

#[test]
fn a_colleague_is_asked_while_the_caller_hears_music() {
    let mut call = talking();
    let effects = does(&mut call, Verb::ConsultAgent(BORIS));
    assert!(effects.contains(&Effect::CallColleague(BORIS, at(25))));
    assert_eq!(call.scenes().as_slice(), [Scene::Music(C), Scene::Ringback(A)]);
    call.step(Input::PhoneAnswered(BORIS), at(12));
    assert_eq!(call.scenes().as_slice(), [Scene::Music(C), talk(&[A, B])]);
    does(&mut call, Verb::Swap);
    assert_eq!(call.scenes().as_slice(), [talk(&[C, A]), Scene::Music(B)]);
    does(&mut call, Verb::Confer);
    assert_eq!(call.scenes().as_slice(), [talk(&[C, A, B])]);
    does(&mut call, Verb::DropPeer);
    assert_eq!(call.scenes().as_slice(), [talk(&[C, A])]);
}

#[test]
fn a_colleague_who_takes_the_call_over_has_it_whole() {
    let mut call = consulting();
    let effects = does(&mut call, Verb::CompleteTransfer);
    assert!(effects.contains(&Effect::TellEnded(ANNA, CallEnding::Transferred)), "she has heard the caller");
    assert_eq!((call.agent(), call.guest()), (Some(BORIS), None));
    assert_eq!(call.scenes().as_slice(), [talk(&[C, B])]);
    let effects = call.step(Input::CallerHungUp, at(60));
    assert!(effects.contains(&Effect::TellEnded(BORIS, CallEnding::CallerHungUp)));
    assert!(!effects.contains(&Effect::TellEnded(ANNA, CallEnding::CallerHungUp)));
}

#[test]
fn a_colleague_who_was_only_asked_has_nothing_to_write() {
    let mut call = consulting();
    let effects = does(&mut call, Verb::DropPeer);
    assert!(effects.contains(&Effect::Agent(BORIS, agent::Input::Released)));
    assert_eq!(call.scenes().as_slice(), [talk(&[C, A])], "whoever comes back by choice speaks with the caller");
}

#[test]
fn a_colleague_who_heard_the_caller_in_a_conference_writes_too() {
    let mut call = consulting();
    does(&mut call, Verb::Confer);
    let effects = call.step(Input::PhoneHungUp(BORIS), at(30));
    assert!(effects.contains(&Effect::TellEnded(BORIS, CallEnding::AgentHungUp)));
    assert_eq!(call.scenes().as_slice(), [talk(&[C, A])]);
}

#[test]
fn a_colleague_who_hangs_up_leaves_the_caller_on_hold_until_the_agent_is_ready_to_speak() {
    let mut call = consulting();
    let effects = call.step(Input::PhoneHungUp(BORIS), at(30));
    assert!(effects.contains(&Effect::TellFailed(ANNA, B, PartyFailure::HungUp)));
    assert_eq!(call.scenes().as_slice(), [Scene::Music(C), Scene::Silence(A)]);
}

#[test]
fn a_colleague_who_does_not_answer_is_not_punished_and_the_caller_not_lost() {
    let mut call = talking();
    does(&mut call, Verb::ConsultAgent(BORIS));
    let effects = call.step(Input::OfferExpired, at(25));
    assert!(effects.contains(&Effect::Agent(BORIS, agent::Input::CallerGone)));
    assert!(effects.contains(&Effect::TellFailed(ANNA, B, PartyFailure::NoAnswer)));
    assert_eq!(call.scenes().as_slice(), [Scene::Music(C), Scene::Silence(A)]);
}

#[test]
fn a_colleague_who_is_called_by_somebody_else_first_keeps_that_call() {
    let mut call = talking();
    does(&mut call, Verb::ConsultAgent(BORIS));
    let effects = call.step(Input::PhoneFailed(BORIS, PhoneFailure::NotFree), at(10));
    assert_eq!(effects.first(), Some(&Effect::TellFailed(ANNA, B, PartyFailure::NotFree)));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Agent(BORIS, _) | Effect::Withdraw(..))));
}

#[test]
fn whoever_consults_and_puts_the_handset_down_hands_the_call_over() {
    let mut call = consulting();
    call.step(Input::PhoneHungUp(ANNA), at(30));
    assert_eq!(call.scenes().as_slice(), [talk(&[C, B])]);

    let mut rings_still = talking();
    does(&mut rings_still, Verb::ConsultAgent(BORIS));
    rings_still.step(Input::PhoneHungUp(ANNA), at(14));
    assert!(matches!(rings_still.state, State::Offered { agent: BORIS, .. }));
    rings_still.step(Input::OfferExpired, at(25));
    assert!(matches!(rings_still.state, State::Queued { .. }), "nobody there: back to the head of the queue");
    assert_eq!(rings_still.arrived, at(0));
}

#[test]
fn hanging_up_on_the_screen_while_consulting_never_loses_the_caller() {
    let mut call = consulting();
    does(&mut call, Verb::HangUp);
    assert_eq!(call.scenes().as_slice(), [talk(&[C, A])]);
}

#[test]
fn leaving_a_conference_leaves_the_others_in_it() {
    let mut call = consulting();
    does(&mut call, Verb::Confer);
    does(&mut call, Verb::HangUp);
    assert_eq!(call.scenes().as_slice(), [talk(&[C, B])]);
}

#[test]
fn a_blind_transfer_frees_the_agent_at_once_and_comes_back_to_the_queue_when_nobody_takes_it() {
    let mut call = talking();
    let effects = does(&mut call, Verb::TransferToAgent(BORIS));
    assert!(effects.contains(&Effect::TellEnded(ANNA, CallEnding::Transferred)));
    assert_eq!(call.scenes().as_slice(), [Scene::Music(C)]);
    let effects = call.step(Input::PhoneFailed(BORIS, PhoneFailure::Rejected), at(12));
    assert!(effects.contains(&Effect::Agent(BORIS, agent::Input::CallerGone)), "a colleague may say no");
    assert!(effects.contains(&Effect::TellFailed(ANNA, B, PartyFailure::Rejected)));
    assert!(effects.contains(&Effect::Wait));
    assert_eq!(call.arrived, at(0));
}

#[test]
fn a_caller_handed_to_a_number_outside_talks_there_without_us() {
    let mut call = talking();
    assert!(does(&mut call, Verb::TransferToNumber).contains(&Effect::CallPeer));
    assert_eq!(call.scenes().as_slice(), [Scene::Ringback(C)]);
    call.step(Input::PeerAnswered, at(20));
    assert_eq!(call.scenes().as_slice(), [talk(&[C, Ear::Peer])]);
    let effects = call.step(Input::PeerGone(PartyFailure::HungUp), at(90));
    assert_eq!(effects.last(), Some(&Effect::Close(CallEnding::TransferredOut)));
}

#[test]
fn a_number_outside_that_does_not_answer_gives_the_caller_back() {
    let mut call = talking();
    does(&mut call, Verb::TransferToNumber);
    let effects = call.step(Input::PeerGone(PartyFailure::Busy), at(20));
    assert!(effects.contains(&Effect::TellFailed(ANNA, Ear::Peer, PartyFailure::Busy)));
    assert!(matches!(call.state, State::Queued { .. }));
}

#[test]
fn a_number_outside_can_be_asked_and_joined() {
    let mut call = consulting_a_number();
    assert_eq!(call.scenes().as_slice(), [Scene::Music(C), talk(&[A, Ear::Peer])]);
    does(&mut call, Verb::Confer);
    assert_eq!(call.scenes().as_slice(), [talk(&[C, A, Ear::Peer])]);
    does(&mut call, Verb::CompleteTransfer);
    assert_eq!(call.scenes().as_slice(), [talk(&[C, Ear::Peer])]);
}

#[test]
fn an_agent_may_stay_with_the_colleague_after_the_customer_was_dropped() {
    let mut call = consulting();
    does(&mut call, Verb::Confer);
    assert!(does(&mut call, Verb::DropCustomer).contains(&Effect::EndCaller));
    assert_eq!(call.scenes().as_slice(), [talk(&[A, B])]);
    let effects = does(&mut call, Verb::HangUp);
    for agent in [ANNA, BORIS] {
        assert!(effects.contains(&Effect::TellEnded(agent, CallEnding::AgentHungUp)), "{agent:?} heard the customer");
    }
}

#[test]
fn a_parked_caller_waits_with_music_and_is_fetched() {
    let mut call = talking();
    assert!(does(&mut call, Verb::Park).contains(&Effect::Park));
    assert_eq!(call.scenes().as_slice(), [Scene::Music(C)]);
    assert!(call.step(Input::Fetched(BORIS), at(40)).contains(&Effect::LiftOwnPhone(BORIS)));
    assert!(call.step(Input::Fetched(ANNA), at(41)).is_empty(), "the first one has it");
    call.step(Input::PhoneAnswered(BORIS), at(42));
    assert_eq!(call.scenes().as_slice(), [talk(&[C, B])]);
}

#[test]
fn a_parked_caller_whom_nobody_fetches_goes_back_to_the_queue() {
    let mut call = talking();
    does(&mut call, Verb::Park);
    assert!(call.step(Input::ParkExpired, at(100)).is_empty(), "an early timer means nothing");
    assert!(call.step(Input::ParkExpired, at(130)).contains(&Effect::Wait));
}

#[test]
fn a_number_is_called_once_the_dialler_s_own_telephone_is_lifted() {
    let mut call = Call::dial(CALL, ANNA, DialTo::Customer, LIMITS, at(0));
    let effects = call.step(Input::DialBegins { lifted: false }, at(0));
    assert!(effects.contains(&Effect::LiftOwnPhone(ANNA)) && !effects.contains(&Effect::CallCustomer));
    assert!(call.step(Input::PhoneAnswered(ANNA), at(1)).contains(&Effect::CallCustomer));
    assert_eq!(call.scenes().as_slice(), [Scene::Ringback(A)]);
    call.step(Input::CustomerEarly, at(2));
    assert_eq!(call.scenes().as_slice(), [talk(&[C, A])], "the network's own words are heard");
    assert!(call.step(Input::CustomerAnswered, at(9)).contains(&Effect::TellAnswered(ANNA)));
}

#[test]
fn a_customer_who_was_not_reached_is_written_up_all_the_same() {
    let mut call = Call::dial(CALL, ANNA, DialTo::Customer, LIMITS, at(0));
    call.step(Input::DialBegins { lifted: true }, at(0));
    let effects = call.step(Input::CustomerFailed(PartyFailure::Busy), at(5));
    assert!(effects.contains(&Effect::TellFailed(ANNA, C, PartyFailure::Busy)));
    assert!(effects.contains(&Effect::TellEnded(ANNA, CallEnding::Busy)));
    assert_eq!(effects.last(), Some(&Effect::Close(CallEnding::Busy)));
}

#[test]
fn colleagues_among_themselves_owe_nothing() {
    let mut call = Call::dial(CALL, ANNA, DialTo::Agent(BORIS), LIMITS, at(0));
    call.step(Input::DialBegins { lifted: false }, at(0));
    assert!(call.step(Input::PhoneAnswered(ANNA), at(1)).contains(&Effect::CallColleague(BORIS, at(16))));
    call.step(Input::PhoneAnswered(BORIS), at(4));
    assert_eq!(call.scenes().as_slice(), [talk(&[A, B])]);
    let effects = call.step(Input::PhoneHungUp(BORIS), at(20));
    for agent in [ANNA, BORIS] {
        assert!(effects.contains(&Effect::Agent(agent, agent::Input::Released)));
    }
}

#[test]
fn a_dead_telephone_of_the_one_who_consults_leaves_the_caller_with_the_colleague() {
    let mut call = consulting();
    call.step(Input::PhoneLost(ANNA), at(20));
    assert_eq!(call.scenes().as_slice(), [talk(&[C, B])]);
}

#[test]
fn a_verb_of_somebody_else_means_nothing() {
    let mut call = consulting();
    for verb in [Verb::Swap, Verb::Confer, Verb::CompleteTransfer, Verb::DropCustomer, Verb::Park] {
        assert!(!call.allows(BORIS, verb), "{verb:?} is the owner's");
    }
    let State::Talking { line: Line::Consulting { peer: Peer::Agent(BORIS), front: Front::Peer }, .. } = call.state
    else {
        panic!("{:?}", call.state)
    };
    assert!(call.step(Input::Verb(BORIS, Verb::Swap), at(20)).is_empty());
}
