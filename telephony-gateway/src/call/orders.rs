//! Any order of events: properties over random histories of a call and its agents.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;
use shared::domain::agent::{AgentState, Input as AgentInput, Wish, Work};
use shared::ids::{AgentId, CallId};
use shared::time::Moment;

use super::{Call, Effect, Input, PhoneFailure, State};

const AGENTS: [AgentId; 2] = [AgentId(1), AgentId(2)];

fn any_input() -> impl Strategy<Value = Input> {
    let agent = prop::sample::select(AGENTS.to_vec());
    prop_oneof![
        agent.clone().prop_map(Input::Picked),
        Just(Input::NobodyFree),
        agent.clone().prop_map(Input::AnswerAsked),
        agent.clone().prop_map(Input::PhoneAnswered),
        agent.clone().prop_map(|a| Input::PhoneFailed(a, PhoneFailure::Rejected)),
        agent.clone().prop_map(|a| Input::PhoneFailed(a, PhoneFailure::Unreachable)),
        agent.clone().prop_map(Input::AgentRejected),
        agent.clone().prop_map(Input::DeskLost),
        Just(Input::OfferExpired),
        Just(Input::CallerHungUp),
        Just(Input::ServiceEnds),
        agent.clone().prop_map(Input::AgentHungUp),
        agent.prop_map(Input::PhoneLost),
    ]
}

/// The small floor around a call: it carries out what a step asks for, as the switchboard does.
struct Floor {
    agents: HashMap<AgentId, AgentState>,
    phones_up: HashMap<AgentId, bool>,
    pops: HashMap<AgentId, bool>,
    waiting: bool,
    closed: u32,
}

impl Floor {
    fn new() -> Self {
        let ready = |_| {
            let mut agent = AgentState::logged_out(Moment::at_ms(0));
            agent.step(&AgentInput::SignedIn, Moment::at_ms(0));
            agent.step(&AgentInput::Wants(Wish::Ready), Moment::at_ms(0));
            agent
        };
        Self {
            agents: AGENTS.iter().map(|a| (*a, ready(a))).collect(),
            phones_up: HashMap::new(),
            pops: HashMap::new(),
            waiting: false,
            closed: 0,
        }
    }

    fn carry_out(&mut self, effect: &Effect, now: Moment) {
        match effect {
            Effect::RingPhone(a) => _ = self.phones_up.insert(*a, true),
            Effect::EndPhone(a) => _ = self.phones_up.insert(*a, false),
            Effect::Pop(a) => _ = self.pops.insert(*a, true),
            Effect::Withdraw(a, _) | Effect::TellEnded(a, _) => _ = self.pops.insert(*a, false),
            Effect::Wait => self.waiting = true,
            Effect::LeaveQueue => self.waiting = false,
            Effect::Close(_) => self.closed += 1,
            Effect::Agent(a, input) => {
                if let Some(agent) = self.agents.get_mut(a) {
                    agent.step(input, now);
                }
            }
            Effect::RingCaller
            | Effect::AnswerCaller
            | Effect::PlayMusic
            | Effect::EndCaller
            | Effect::LiftPhone(_)
            | Effect::Bridge(_)
            | Effect::TellAnswered(_) => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_happens_a_call_has_one_ending_and_nobody_is_left_in_it(
        inputs in prop::collection::vec((any_input(), 0_u64..20), 1..40)
    ) {
        let mut now = Moment::at_ms(0);
        let mut call = Call::arrive(CallId(9), Duration::from_secs(15), Duration::from_secs(60), now);
        let mut floor = Floor::new();
        for (input, pause_s) in inputs.into_iter().chain([(Input::CallerHungUp, 1)]) {
            now = now.after(Duration::from_secs(pause_s));
            // The shell picks only who is free, and reports a telephone only while it has one.
            let possible = match input {
                Input::Picked(a) => floor.agents[&a].is_free() && matches!(call.state, State::Queued { .. }),
                Input::PhoneAnswered(a) | Input::PhoneFailed(a, _) | Input::PhoneLost(a) | Input::AgentHungUp(a) => {
                    floor.phones_up.get(&a).copied().unwrap_or(false)
                }
                _ => true,
            };
            if !possible {
                continue;
            }
            match input {
                Input::DeskLost(a) => {
                    let grace_until = now.after(Duration::from_secs(60));
                    if let Some(agent) = floor.agents.get_mut(&a) {
                        agent.step(&AgentInput::DeskLost { grace_until }, now);
                    }
                }
                Input::PhoneFailed(a, _) | Input::PhoneLost(a) => _ = floor.phones_up.insert(a, false),
                _ => {}
            }
            for effect in call.step(input, now) {
                floor.carry_out(&effect, now);
            }
            let in_call: Vec<_> = AGENTS
                .into_iter()
                .filter(|a| matches!(floor.agents[a].work, Work::Reserved { .. } | Work::Ringing { .. } | Work::Talking { .. }))
                .collect();
            prop_assert!(in_call.len() <= 1, "two agents in one call: {in_call:?}");
            prop_assert_eq!(in_call.first().copied(), call.agent(), "call and agents agree on who has the call");
        }
        prop_assert!(call.is_over());
        prop_assert_eq!(floor.closed, 1);
        prop_assert!(!floor.waiting);
        prop_assert!(floor.phones_up.values().all(|up| !up), "a telephone still rings");
        prop_assert!(floor.pops.values().all(|up| !up), "an offer still stands on a desk");
    }
}
