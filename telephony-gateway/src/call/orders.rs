//! Any order of events: properties over random histories of a call and its agents.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;
use shared::domain::agent::{Activity, AgentState, Input as AgentInput, Wish, Work};
use shared::domain::call::PartyFailure;
use shared::ids::{AgentId, CallId};
use shared::time::Moment;

use super::tests::LIMITS;
use super::{Call, DialTo, Ear, Effect, Input, PhoneFailure, Scene, Scenes, State, Verb};

const AGENTS: [AgentId; 3] = [AgentId(1), AgentId(2), AgentId(3)];
const CALL: CallId = CallId(9);

#[derive(Clone, Copy, Debug)]
enum Begin {
    Inbound,
    Outbound,
    Internal,
}

fn any_verb() -> impl Strategy<Value = Verb> {
    let agent = prop::sample::select(AGENTS.to_vec());
    prop_oneof![
        Just(Verb::Hold),
        Just(Verb::Retrieve),
        agent.clone().prop_map(Verb::TransferToAgent),
        Just(Verb::TransferToQueue),
        Just(Verb::TransferToNumber),
        agent.prop_map(Verb::ConsultAgent),
        Just(Verb::ConsultNumber),
        Just(Verb::Swap),
        Just(Verb::CompleteTransfer),
        Just(Verb::Confer),
        Just(Verb::DropPeer),
        Just(Verb::DropCustomer),
        Just(Verb::Park),
        Just(Verb::HangUp),
    ]
}

fn any_input() -> impl Strategy<Value = Input> {
    let agent = prop::sample::select(AGENTS.to_vec());
    prop_oneof![
        3 => agent.clone().prop_map(Input::Picked),
        1 => Just(Input::NobodyFree),
        1 => agent.clone().prop_map(Input::AnswerAsked),
        6 => agent.clone().prop_map(Input::PhoneAnswered),
        1 => agent.clone().prop_map(|a| Input::PhoneFailed(a, PhoneFailure::Rejected)),
        1 => agent.clone().prop_map(|a| Input::PhoneFailed(a, PhoneFailure::Unreachable)),
        1 => agent.clone().prop_map(Input::AgentRejected),
        1 => agent.clone().prop_map(Input::DeskLost),
        1 => Just(Input::OfferExpired),
        1 => Just(Input::CallerHungUp),
        1 => agent.clone().prop_map(Input::PhoneHungUp),
        1 => agent.clone().prop_map(Input::PhoneLost),
        1 => Just(Input::CustomerEarly),
        3 => Just(Input::CustomerAnswered),
        1 => Just(Input::CustomerFailed(PartyFailure::Busy)),
        1 => Just(Input::PeerEarly),
        3 => Just(Input::PeerAnswered),
        1 => Just(Input::PeerGone(PartyFailure::NoAnswer)),
        1 => agent.clone().prop_map(Input::Fetched),
        1 => Just(Input::ParkExpired),
        16 => (agent, any_verb()).prop_map(|(a, verb)| Input::Verb(a, verb)),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leg {
    Down,
    Rings,
    Up,
}

/// The small floor around a call: it carries out what a step asks for, as the switchboard does.
struct Floor {
    agents: HashMap<AgentId, AgentState>,
    phones: HashMap<AgentId, Leg>,
    at_desk: HashMap<AgentId, bool>,
    customer: Leg,
    peer: Leg,
    scenes: Scenes,
    waiting: bool,
    closed: u32,
    not_free: Vec<AgentId>,
}

impl Floor {
    fn new(customer: Leg) -> Self {
        let ready = |_| {
            let mut agent = AgentState::logged_out(Moment::at_ms(0));
            agent.step(&AgentInput::SignedIn, Moment::at_ms(0));
            agent.step(&AgentInput::Wants(Wish::Ready), Moment::at_ms(0));
            agent
        };
        Self {
            agents: AGENTS.iter().map(|a| (*a, ready(a))).collect(),
            phones: AGENTS.iter().map(|a| (*a, Leg::Down)).collect(),
            at_desk: AGENTS.iter().map(|a| (*a, false)).collect(),
            customer,
            peer: Leg::Down,
            scenes: Scenes::new(),
            waiting: matches!(customer, Leg::Rings),
            closed: 0,
            not_free: Vec::new(),
        }
    }

    fn phone(&self, agent: AgentId) -> Leg {
        self.phones[&agent]
    }

    /// What the shell lets through: it picks only who is free, calls only who can be called, and reports a telephone
    /// only while it has one.
    fn is_possible(&self, input: Input, call: &Call) -> bool {
        let idle = |a: AgentId| self.agents[&a].can_be_called() && self.phone(a) == Leg::Down;
        match input {
            Input::Picked(a) => self.agents[&a].is_free() && matches!(call.state, State::Queued { .. }),
            Input::NobodyFree => matches!(call.state, State::Queued { .. }),
            Input::PhoneAnswered(a) | Input::PhoneFailed(a, _) => self.phone(a) == Leg::Rings,
            Input::PhoneHungUp(a) => self.phone(a) == Leg::Up,
            Input::PhoneLost(a) => self.phone(a) != Leg::Down,
            Input::CallerHungUp => self.customer == Leg::Up || (self.customer == Leg::Rings && call.kind.is_inbound()),
            Input::CustomerEarly | Input::CustomerAnswered | Input::CustomerFailed(_) => {
                self.customer == Leg::Rings && !call.kind.is_inbound()
            }
            Input::PeerEarly | Input::PeerAnswered => self.peer == Leg::Rings,
            Input::PeerGone(_) => self.peer != Leg::Down,
            Input::Fetched(a) => idle(a),
            Input::DialBegins { .. }
            | Input::AnswerAsked(_)
            | Input::AgentRejected(_)
            | Input::DeskLost(_)
            | Input::OfferExpired
            | Input::ParkExpired
            | Input::Verb(..)
            | Input::ServiceEnds => true,
        }
    }

    fn happens(&mut self, input: Input, now: Moment) {
        match input {
            Input::DeskLost(a) => {
                let grace_until = now.after(Duration::from_secs(60));
                if let Some(agent) = self.agents.get_mut(&a) {
                    agent.step(&AgentInput::DeskLost { grace_until }, now);
                }
            }
            Input::PhoneAnswered(a) => _ = self.phones.insert(a, Leg::Up),
            Input::PhoneFailed(a, _) | Input::PhoneLost(a) | Input::PhoneHungUp(a) => {
                self.phones.insert(a, Leg::Down);
            }
            Input::CallerHungUp | Input::CustomerFailed(_) => self.customer = Leg::Down,
            Input::CustomerAnswered => self.customer = Leg::Up,
            Input::PeerAnswered => self.peer = Leg::Up,
            Input::PeerGone(_) => self.peer = Leg::Down,
            _ => {}
        }
    }

    fn carry_out(&mut self, effect: &Effect, call: &Call, now: Moment) {
        match effect {
            Effect::CallColleague(a, until) => {
                if !self.agents[a].can_be_called() {
                    self.not_free.push(*a);
                    return;
                }
                for effect in [
                    Effect::Agent(*a, AgentInput::Called { call: CALL, until: *until }),
                    Effect::Pop(*a),
                    Effect::RingPhone(*a),
                    Effect::Agent(*a, AgentInput::OfferDelivered { until: *until }),
                ] {
                    self.carry_out(&effect, call, now);
                }
            }
            Effect::RingPhone(a) | Effect::LiftOwnPhone(a) => _ = self.phones.insert(*a, Leg::Rings),
            Effect::EndPhone(a) => _ = self.phones.insert(*a, Leg::Down),
            Effect::Pop(a) => _ = self.at_desk.insert(*a, true),
            Effect::Withdraw(a, _) | Effect::TellEnded(a, _) | Effect::TellReleased(a) => {
                self.at_desk.insert(*a, false);
            }
            Effect::CallCustomer => self.customer = Leg::Rings,
            Effect::AnswerCaller => self.customer = Leg::Up,
            Effect::EndCaller => self.customer = Leg::Down,
            Effect::CallPeer => self.peer = Leg::Rings,
            Effect::EndPeer => self.peer = Leg::Down,
            Effect::Wait => self.waiting = true,
            Effect::LeaveQueue => self.waiting = false,
            Effect::Sound => self.scenes = call.scenes(),
            Effect::Close(_) => {
                self.customer = Leg::Down;
                self.closed += 1;
            }
            Effect::Agent(a, input) => {
                if let Some(agent) = self.agents.get_mut(a) {
                    agent.step(input, now);
                }
            }
            Effect::RingCaller
            | Effect::LiftPhone(_)
            | Effect::TellAnswered(_)
            | Effect::TellFailed(..)
            | Effect::Park => {}
        }
    }

    /// Call and people agree on who does what, and only those hear who have a leg.
    fn check(&self, call: &Call) -> Result<(), TestCaseError> {
        let inside = call.agents();
        for a in AGENTS {
            let work = &self.agents[&a].work;
            match (inside.contains(&a), call.activity(a)) {
                (true, Some(does)) => prop_assert_eq!(work, &work_of(does), "{:?} in {:?}", a, call.state),
                (true, None) => prop_assert!(
                    matches!(work, Work::Reserved { .. } | Work::Ringing { .. }),
                    "{a:?} is rung and does {work:?}"
                ),
                (false, _) => {
                    prop_assert!(matches!(work, Work::Idle | Work::Wrapup { .. }), "{a:?} is out and does {work:?}");
                    prop_assert_eq!(self.phone(a), Leg::Down, "the telephone of {:?} is still there", a);
                    prop_assert!(!self.at_desk[&a], "the call is still on the desk of {a:?}");
                }
            }
        }
        if !call.is_over() {
            prop_assert_eq!(&self.scenes, &call.scenes(), "the sound is not as the state says");
            prop_assert_eq!(self.waiting, matches!(call.state, State::Queued { .. }));
        }
        let mut ears: Vec<Ear> = call.scenes().iter().flat_map(|scene| scene.ears().to_vec()).collect();
        for scene in call.scenes() {
            for ear in scene.ears() {
                let (leg, needed) = match (ear, &scene) {
                    (Ear::Customer, _) => (self.customer, Leg::Up),
                    (Ear::Agent(a), _) => (self.phone(*a), Leg::Up),
                    (Ear::Peer, _) => (self.peer, Leg::Up),
                };
                // Early media is heard before the answer.
                let early = leg == Leg::Rings && matches!(scene, Scene::Talk(_)) && !matches!(ear, Ear::Agent(_));
                prop_assert!(leg == needed || early, "{ear:?} has no leg for {scene:?} in {:?}", call.state);
            }
        }
        let n_ears = ears.len();
        ears.sort_unstable();
        ears.dedup();
        prop_assert_eq!(ears.len(), n_ears, "somebody hears two things at once");
        Ok(())
    }
}

fn work_of(does: Activity) -> Work {
    let call = CALL;
    match does {
        Activity::Dialing => Work::Dialing { call },
        Activity::Talking => Work::Talking { call },
        Activity::OnHold => Work::OnHold { call },
        Activity::Consulting => Work::Consulting { call },
        Activity::Conference => Work::Conference { call },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]
    #[test]
    fn whatever_happens_a_call_has_one_ending_and_nobody_is_left_in_it(
        begin in prop_oneof![4 => Just(Begin::Inbound), 1 => Just(Begin::Outbound), 1 => Just(Begin::Internal)],
        lifted in any::<bool>(),
        inputs in prop::collection::vec((any_input(), 0_u64..20), 1..60)
    ) {
        let mut now = Moment::at_ms(0);
        let (mut call, mut floor) = match begin {
            Begin::Inbound => (Call::arrive(CALL, LIMITS, now), Floor::new(Leg::Rings)),
            Begin::Outbound => (Call::dial(CALL, AGENTS[0], DialTo::Customer, LIMITS, now), Floor::new(Leg::Down)),
            Begin::Internal => {
                (Call::dial(CALL, AGENTS[0], DialTo::Agent(AGENTS[1]), LIMITS, now), Floor::new(Leg::Down))
            }
        };
        let first = match begin {
            Begin::Inbound => Input::NobodyFree,
            Begin::Outbound | Begin::Internal => {
                floor.phones.insert(AGENTS[0], if lifted { Leg::Up } else { Leg::Down });
                Input::DialBegins { lifted }
            }
        };
        let end = [(Input::CallerHungUp, 1), (Input::ServiceEnds, 1)];
        for (input, pause_s) in [(first, 0)].into_iter().chain(inputs).chain(end) {
            now = now.after(Duration::from_secs(pause_s));
            if !floor.is_possible(input, &call) {
                continue;
            }
            floor.happens(input, now);
            for effect in call.step(input, now) {
                floor.carry_out(&effect, &call, now);
            }
            while let Some(colleague) = floor.not_free.pop() {
                for effect in call.step(Input::PhoneFailed(colleague, PhoneFailure::NotFree), now) {
                    floor.carry_out(&effect, &call, now);
                }
            }
            floor.check(&call)?;
        }
        prop_assert!(call.is_over());
        prop_assert_eq!(floor.closed, 1);
        prop_assert_eq!((floor.customer, floor.peer), (Leg::Down, Leg::Down));
    }
}
