//! What desks want to have kept: checked here, written beside the loop, answered after the COMMIT.

use shared::domain::agent::{Input, Work};
use shared::ids::{AgentId, CallId, CallbackId};
use shared::phone::Phone;
use shared::time::Moment;
use shared::wire::card::CardState;
use shared::wire::command::{Command, CommandError, Done, Wrapup};
use shared::wire::event::Event as DeskEvent;
use uuid::Uuid;

use super::calls::sealed_state;
use super::jobs::{Job, Save};
use super::world::World;
use crate::journal::fact::Fact;

/// How many written calls can still be corrected.
const WRITTEN_KEPT: usize = 1024;

impl World {
    /// Starts a save, or says why it cannot be.
    pub(super) fn begin_save(&mut self, id: AgentId, key: Uuid, command: Command) -> Result<(), CommandError> {
        let Some(agent) = self.agents.get(&id) else { return Err(CommandError::NotAllowed) };
        let profile = agent.profile.clone();
        let (facts, phone) = match &command {
            Command::SaveWrapup { wrapup } => {
                self.check_wrapup(id, wrapup)?;
                let slot = self.calls.get(&wrapup.call).ok_or_else(|| not_found("call"))?;
                (Some(slot.facts(id, self.clock.now().utc_ms)), None)
            }
            Command::LinkCustomer { call, .. } => (None, self.caller_phone(id, *call)?),
            Command::CreateCustomer { call: Some(call), .. } => (None, self.caller_phone(id, *call)?),
            Command::CreateCustomer { call: None, .. }
            | Command::SaveReading { .. }
            | Command::RegisterRequest { .. }
            | Command::SaveInteraction { .. }
            | Command::MarkMissed { .. } => (None, None),
            _ => return Err(CommandError::NotAllowed),
        };
        self.out.jobs.push(Job::Save(Box::new(Save { id: key, profile, command, facts, phone })));
        Ok(())
    }

    /// The words of a wrap-up are the catalogue's, and the call is this agent's and over.
    fn check_wrapup(&self, id: AgentId, wrapup: &Wrapup) -> Result<(), CommandError> {
        if self.config.catalogue.topic(&wrapup.topic).is_none() {
            return Err(CommandError::Invalid { field: "topic".into(), rule: "unknown".into() });
        }
        if self.config.catalogue.result(&wrapup.result).is_none() {
            return Err(CommandError::Invalid { field: "result".into(), rule: "unknown".into() });
        }
        let slot = self.calls.get(&wrapup.call).ok_or_else(|| not_found("call"))?;
        if !slot.is_owed_by(id) { Err(CommandError::TooLate) } else { Ok(()) }
    }

    /// The number of a caller with whom this agent is.
    fn caller_phone(&self, id: AgentId, call: CallId) -> Result<Option<Phone>, CommandError> {
        let slot = self.calls.get(&call).ok_or(CommandError::TooLate)?;
        if !self.is_with(id, call) && !slot.is_owed_by(id) {
            return Err(CommandError::TooLate);
        }
        Ok(slot.caller.phone())
    }

    /// A save has come back. The desk is answered; what follows from it happens now.
    pub(super) fn saved(
        &mut self,
        id: AgentId,
        key: Uuid,
        command: &Command,
        outcome: Result<Done, CommandError>,
        now: Moment,
    ) {
        if let Command::SaveWrapup { wrapup } = command {
            self.wrapup_came_back(id, wrapup, &outcome, now);
        }
        if let Ok(done) = &outcome {
            self.follow_up(id, command, done, now);
        }
        self.answer_command(id, key, outcome);
    }

    /// A wrap-up that is written frees the agent. One that only waits for the database does so too: the desk keeps
    /// it and sends it again, and callers do not wait for a disk.
    fn wrapup_came_back(&mut self, id: AgentId, wrapup: &Wrapup, outcome: &Result<Done, CommandError>, now: Moment) {
        let call = wrapup.call;
        match outcome {
            Ok(_) => {
                let fact = Fact::ResultSet { topic: wrapup.topic.clone(), result: wrapup.result.clone() };
                self.note(Some(call), Some(id), fact, now);
                self.tell(id, &DeskEvent::WrapupSaved { call }, now);
                self.leave_wrapup(id, call, now);
                self.drop_card(call);
                self.is_written_by(id, call);
            }
            Err(error) if error.is_passing() => self.leave_wrapup(id, call, now),
            Err(_) => {}
        }
    }

    /// The newest written calls stay for a correction; older ones are in the database and in the agents' drafts alone.
    fn is_written_by(&mut self, id: AgentId, call: CallId) {
        let Some(slot) = self.calls.get_mut(&call) else { return };
        slot.part_mut(id).written = true;
        if !slot.core.is_over() || !slot.is_written() || self.written.contains(&call) {
            return;
        }
        self.written.push_back(call);
        if self.written.len() > WRITTEN_KEPT
            && let Some(oldest) = self.written.pop_front()
        {
            self.forget_call(oldest);
        }
    }

    fn leave_wrapup(&mut self, id: AgentId, call: CallId, now: Moment) {
        let in_wrapup =
            self.agents.get(&id).is_some_and(|a| matches!(a.state.work, Work::Wrapup { call: of, .. } if of == call));
        if !in_wrapup {
            return;
        }
        if let Some(slot) = self.calls.get(&call) {
            let part = slot.part(id);
            let talked_from = part.and_then(|part| part.answered_at).unwrap_or(now.utc_ms);
            let queue = slot.queue.clone();
            self.counters.handled(&queue, now.utc_ms.ms_since(talked_from));
        }
        self.agent_input(id, &Input::WrapupSaved, id, now);
    }

    /// A written call stays for a correction or a repeated save; its card is big and has been seen.
    fn drop_card(&mut self, call: CallId) {
        if let Some(slot) = self.calls.get_mut(&call).filter(|slot| slot.core.is_over()) {
            slot.card = sealed_state(&CardState::Pending);
        }
    }

    fn follow_up(&mut self, id: AgentId, command: &Command, done: &Done, now: Moment) {
        match (command, done) {
            (Command::LinkCustomer { call, customer, .. }, _) => {
                self.out.jobs.push(Job::OpenCard { call: *call, customer: *customer });
            }
            (Command::CreateCustomer { call: Some(call), .. }, Done::Customer { id: customer }) => {
                self.out.jobs.push(Job::OpenCard { call: *call, customer: *customer });
            }
            (Command::MarkMissed { callback, handled }, _) => {
                if let Some(missed) = self.missed.iter_mut().find(|missed| missed.id == *callback) {
                    missed.handled_by = handled.then_some(id);
                    missed.handled_at = handled.then_some(now.utc_ms);
                    self.missed_changed = true;
                }
            }
            // The card shows at once what was given during the call.
            (Command::SaveReading { reading }, _) => self.refresh_card(reading.call),
            (Command::RegisterRequest { request }, _) => self.refresh_card(request.call),
            _ => {}
        }
    }

    /// Whoever was owed a call has been reached: the missed call is dealt with.
    pub(super) fn called_back(&mut self, id: AgentId, callback: CallbackId) {
        let Some(agent) = self.agents.get(&id) else { return };
        let (key, profile) = (Uuid::now_v7(), agent.profile.clone());
        let command = Command::MarkMissed { callback, handled: true };
        self.out.jobs.push(Job::Save(Box::new(Save { id: key, profile, command, facts: None, phone: None })));
    }

    fn refresh_card(&mut self, call: Option<CallId>) {
        let Some(call) = call else { return };
        if let Some(customer) = self.calls.get(&call).and_then(|slot| slot.customer) {
            self.out.jobs.push(Job::OpenCard { call, customer });
        }
    }
}

fn not_found(what: &str) -> CommandError {
    CommandError::NotFound { what: what.to_owned() }
}
