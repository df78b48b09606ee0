//! Who hears whom: follows from the state of a call alone, so that no order of events can leave a wrong bridge.

use shared::ids::AgentId;
use smallvec::{SmallVec, smallvec};

use super::state::{Call, DialStage, DialTo, Front, Line, Peer, State};

/// One party's ear and mouth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ear {
    Customer,
    Agent(AgentId),
    /// Somebody outside whom an agent has called in.
    Peer,
}

/// What some parties of a call hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scene {
    /// Each hears all the others.
    Talk(SmallVec<[Ear; 3]>),
    /// Music on hold.
    Music(Ear),
    /// The ringing tone.
    Ringback(Ear),
    /// Nothing, and what this party says reaches nobody.
    Silence(Ear),
}

pub type Scenes = SmallVec<[Scene; 2]>;

impl Scene {
    fn talk(ears: impl IntoIterator<Item = Ear>) -> Self {
        Self::Talk(ears.into_iter().collect())
    }

    pub fn ears(&self) -> &[Ear] {
        match self {
            Self::Talk(ears) => ears,
            Self::Music(ear) | Self::Ringback(ear) | Self::Silence(ear) => std::slice::from_ref(ear),
        }
    }
}

impl Call {
    /// What everybody hears now. A party that is not named hears nothing yet: its telephone only rings.
    pub fn scenes(&self) -> Scenes {
        match self.state {
            State::Queued { .. } | State::Offered { .. } | State::Parked { .. } if self.caller_answered => {
                smallvec![Scene::Music(Ear::Customer)]
            }
            State::Queued { .. } | State::Offered { .. } | State::Parked { .. } | State::Ended { .. } => Scenes::new(),
            State::Dialing { agent, to, stage, .. } => match (stage, to) {
                (DialStage::Lifting, _) => Scenes::new(),
                (DialStage::Calling { early: true }, DialTo::Customer) => {
                    smallvec![Scene::talk([Ear::Customer, Ear::Agent(agent)])]
                }
                (DialStage::Calling { .. }, _) => smallvec![Scene::Ringback(Ear::Agent(agent))],
            },
            State::Talking { agent, line, .. } => self.line_scenes(agent, line),
            State::Outside { up: false, .. } => smallvec![Scene::Ringback(Ear::Customer)],
            State::Outside { up: true, .. } => smallvec![Scene::talk([Ear::Customer, Ear::Peer])],
        }
    }

    fn line_scenes(&self, agent: AgentId, line: Line) -> Scenes {
        let me = Ear::Agent(agent);
        let customer_waits = || self.has_customer.then_some(Scene::Music(Ear::Customer));
        match line {
            Line::Customer { held: false } => smallvec![Scene::talk([Ear::Customer, me])],
            Line::Customer { held: true } => smallvec![Scene::Music(Ear::Customer), Scene::Silence(me)],
            Line::Calling { peer, early, .. } => {
                let mine = if early { Scene::talk([me, ear_of(peer)]) } else { Scene::Ringback(me) };
                customer_waits().into_iter().chain([mine]).collect()
            }
            Line::Consulting { peer, front: Front::Peer } => {
                customer_waits().into_iter().chain([Scene::talk([me, ear_of(peer)])]).collect()
            }
            Line::Consulting { peer, front: Front::Customer } => {
                smallvec![Scene::talk([Ear::Customer, me]), Scene::Music(ear_of(peer))]
            }
            Line::Conference { peer } => smallvec![Scene::talk([Ear::Customer, me, ear_of(peer)])],
        }
    }

    /// The agents who hear the customer now.
    pub fn hear_customer(&self) -> SmallVec<[AgentId; 2]> {
        let talks = self.scenes().into_iter().filter_map(|scene| match scene {
            Scene::Talk(ears) if ears.contains(&Ear::Customer) => Some(ears),
            Scene::Talk(_) | Scene::Music(_) | Scene::Ringback(_) | Scene::Silence(_) => None,
        });
        let agents = talks.flatten().filter_map(|ear| match ear {
            Ear::Agent(agent) => Some(agent),
            Ear::Customer | Ear::Peer => None,
        });
        // Early media is the network's voice, not the customer's.
        if matches!(self.state, State::Dialing { .. }) { SmallVec::new() } else { agents.collect() }
    }
}

pub(super) const fn ear_of(peer: Peer) -> Ear {
    match peer {
        Peer::Agent(agent) => Ear::Agent(agent),
        Peer::Number => Ear::Peer,
    }
}
