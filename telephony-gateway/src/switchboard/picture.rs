//! The picture of the floor: who waits, what each queue and each person does. Told when it changed, and not more
//! often than people can read.

use std::time::Duration;

use shared::domain::agent::{Role, Work};
use shared::domain::queue::QueueCode;
use shared::ids::AgentId;
use shared::time::Moment;
use shared::wire::event::{Event as DeskEvent, Floor, PersonLine, QueueLine, WaitingCaller};

use super::stream::event_json;
use super::world::World;
use crate::call::State;

/// Changes within this time are told together.
pub(super) const PICTURE_PAUSE: Duration = Duration::from_millis(250);
/// A desk's list shows no more callers than this.
const WAITING_SHOWN: usize = 200;

impl World {
    pub(super) fn paint_picture(&mut self, now: Moment) {
        self.picture_due = false;
        metrics::gauge!("callers_waiting").set(self.waiting.len() as f64);
        metrics::gauge!("agents_free").set(self.free.len() as f64);
        if std::mem::take(&mut self.waiting_changed) {
            self.tell_waiting(now);
        }
        if std::mem::take(&mut self.missed_changed) {
            let event = DeskEvent::Missed { calls: self.missed.clone() };
            self.tell_all(&event, now);
        }
        if std::mem::take(&mut self.floor_changed) {
            self.tell_supervisors(now);
        }
    }

    /// A caller whom somebody free took in the same turn has waited nowhere: then the desks know the list already.
    fn tell_waiting(&mut self, now: Moment) {
        let callers = self.waiting_callers();
        if self.waiting_told.as_ref() != Some(&callers) {
            self.tell_all(&DeskEvent::Waiting { callers: callers.clone() }, now);
            self.waiting_told = Some(callers);
        }
    }

    fn tell_supervisors(&mut self, now: Moment) {
        let watching =
            |id: &AgentId| self.agents.get(id).is_some_and(|a| a.profile.role >= Role::Supervisor && a.desk.is_some());
        let supervisors: Vec<AgentId> = self.agents.keys().copied().filter(|id| watching(id)).collect();
        if supervisors.is_empty() {
            return;
        }
        let event = DeskEvent::Floor { floor: Box::new(self.floor_picture()) };
        let Some(json) = event_json(&event) else { return };
        for id in supervisors {
            self.tell_json(id, &json, now);
        }
    }

    pub(super) fn waiting_callers(&self) -> Vec<WaitingCaller> {
        let calls = self.waiting.iter().filter_map(|(call, _)| self.calls.get(&call)).take(WAITING_SHOWN);
        calls
            .map(|slot| WaitingCaller {
                call: slot.core.id,
                queue: slot.queue.clone(),
                caller: slot.caller.clone(),
                name: slot.customer_name.clone(),
                arrived_at: slot.core.arrived.utc_ms,
            })
            .collect()
    }

    pub(super) fn floor_picture(&self) -> Floor {
        let free = self.free.len() as u32;
        let mut queues: Vec<QueueLine> = self
            .config
            .queues
            .iter()
            .map(|queue| {
                let day = self.counters.of(&queue.code);
                QueueLine {
                    queue: queue.code.clone(),
                    waiting: 0,
                    oldest_arrived_at: None,
                    ringing: 0,
                    talking: 0,
                    free,
                    arrived: day.arrived,
                    answered: day.answered,
                    answered_in_time: day.answered_in_time,
                    service_level_s: queue.service_level_s,
                    abandoned: day.abandoned,
                    handled_ms: day.handled_ms,
                    handled: day.handled,
                }
            })
            .collect();
        for slot in self.calls.values() {
            let Some(line) = queues.iter_mut().find(|line| line.queue == slot.queue) else { continue };
            match slot.core.state {
                State::Queued { .. } => {
                    line.waiting += 1;
                    let arrived_at = slot.core.arrived.utc_ms;
                    line.oldest_arrived_at = Some(line.oldest_arrived_at.map_or(arrived_at, |at| at.min(arrived_at)));
                }
                State::Offered { .. } | State::Dialing { .. } => line.ringing += 1,
                State::Talking { .. } | State::Parked { .. } | State::Outside { .. } => line.talking += 1,
                State::Ended { .. } => {}
            }
        }
        Floor { queues, people: self.people(), counted_from: self.counters.counted_from }
    }

    fn people(&self) -> Vec<PersonLine> {
        let mut people: Vec<PersonLine> = self
            .agents
            .iter()
            .filter(|(_, agent)| agent.state.is_signed_in())
            .filter_map(|(id, agent)| {
                Some(PersonLine {
                    agent: *id,
                    name: agent.profile.name.clone(),
                    role: agent.profile.role,
                    state: self.desk_state(*id)?,
                    queue: self.queue_of_work(&agent.state.work),
                })
            })
            .collect();
        people.sort_by(|one, other| one.name.cmp(&other.name).then(one.agent.cmp(&other.agent)));
        people
    }

    fn queue_of_work(&self, work: &Work) -> Option<QueueCode> {
        self.calls.get(&work.call()?).map(|slot| slot.queue.clone())
    }
}
