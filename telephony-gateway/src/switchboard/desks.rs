//! Desks: one stream for each signed-in agent, at one desk at a time.

use shared::domain::agent::{Input, Role, Wish, Work};
use shared::ids::{AgentId, CallId};
use shared::time::Moment;
use shared::wire::command::{Command, CommandError, Done};
use shared::wire::event::Snapshot;
use shared::wire::{ClientFrame, Goodbye, Refusal, ServerFrame, StreamPosition, WIRE_VERSION};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::agents::Agent;
use super::event::{DeskHello, ToDesk};
use super::jobs::Job;
use super::timers::Timer;
use super::world::World;
use crate::call::{self, Verb};
use crate::journal::fact::Fact;
use crate::net::auth::SessionId;

/// The desktop at which an agent works.
pub struct Desk {
    pub connection: u64,
    pub seat: Uuid,
    pub session: SessionId,
    pub to_desk: mpsc::Sender<ToDesk>,
}

impl World {
    pub(super) fn desk_hello(&mut self, hello: DeskHello, now: Moment) {
        let id = hello.profile.id;
        let agent = self.agents.entry(id).or_insert_with(|| Agent::new(hello.profile.clone(), now));
        if agent.desk.as_ref().is_some_and(|desk| desk.seat != hello.seat) && !hello.take_over {
            self.refuse(&hello.to_desk, Refusal::DeskElsewhere);
            return;
        }
        agent.profile = hello.profile.clone();
        if let Some(before) = agent.desk.take() {
            self.desks.remove(&before.connection);
            let other_seat = before.seat != hello.seat;
            if other_seat {
                self.send(&before.to_desk, &ServerFrame::Goodbye { why: Goodbye::TakenOver });
            }
            self.out.to_desks.push((before.to_desk, ToDesk::Close));
        }
        tracing::info!(agent.id = %id, "a desk has come");
        self.desks.insert(hello.connection, id);
        self.renew_lease(id, now);
        let to_desk = hello.to_desk.clone();
        let missed = self.missed_events(id, hello.resume);
        let welcome = ServerFrame::Welcome {
            version: WIRE_VERSION,
            epoch: self.epoch,
            now: now.utc_ms,
            profile: hello.profile,
            catalogue: Box::new(self.config.catalogue.clone()),
            resumed: missed.is_some(),
        };
        self.send(&to_desk, &welcome);
        let desk =
            Desk { connection: hello.connection, seat: hello.seat, session: hello.session, to_desk: hello.to_desk };
        // What the stream kept goes out before the desk is attached, so that the order of numbers holds; the state's
        // own change is told after it.
        if let Some(missed) = &missed {
            self.out.to_desks.extend(missed.iter().map(|frame| (to_desk.clone(), frame.clone())));
        }
        // Nobody watches the lease of somebody who was away.
        let was_away =
            self.is_connection_lost(id) || self.agents.get(&id).is_some_and(|agent| !agent.state.is_signed_in());
        if missed.is_none() {
            // A snapshot says it all; the state must be in it, so it moves first and nobody is told of it.
            self.agent_input(id, &Input::SignedIn, id, now);
            if let Some(agent) = self.agents.get_mut(&id) {
                agent.desk = Some(desk);
            }
            self.send_snapshot(id, &to_desk, now);
        } else {
            if let Some(agent) = self.agents.get_mut(&id) {
                agent.desk = Some(desk);
            }
            self.agent_input(id, &Input::SignedIn, id, now);
        }
        if was_away {
            let lease = self.agents.get(&id).map_or(now, |agent| agent.lease_until);
            self.timers.set(lease, Timer::Lease(id));
        }
    }

    /// Everything after the place where the stream broke off; `None` when a snapshot is needed.
    fn missed_events(&self, id: AgentId, resume: Option<StreamPosition>) -> Option<Vec<ToDesk>> {
        let position = resume.filter(|position| position.epoch == self.epoch)?;
        let agent = self.agents.get(&id).filter(|agent| agent.state.is_signed_in())?;
        Some(agent.stream.after(position.seq)?.map(ToDesk::Text).collect())
    }

    fn send_snapshot(&mut self, id: AgentId, to_desk: &mpsc::Sender<ToDesk>, now: Moment) {
        let Some(state) = self.desk_state(id) else { return };
        let Some(agent) = self.agents.get(&id) else { return };
        let call = agent.state.work.call().and_then(|call| self.at_desk(call, id, now));
        let shown = call.as_ref().map(|call| call.offer.call);
        let is_supervisor = agent.profile.role >= Role::Supervisor;
        // This desk has the list of this moment, which may be another than the others were told last.
        self.waiting_told = None;
        let snapshot = Snapshot {
            state,
            call,
            waiting: self.waiting_callers(),
            missed: self.missed.clone(),
            floor: is_supervisor.then(|| Box::new(self.floor_picture())),
            faults: self.faults(),
            parked: self.parked_calls(),
        };
        let seq = agent.stream.last_seq();
        self.send(to_desk, &ServerFrame::Snapshot { seq, snapshot: Box::new(snapshot) });
        if let Some(call) = shown {
            self.note_shown(call, id, now);
        }
    }

    fn refuse(&mut self, to_desk: &mpsc::Sender<ToDesk>, why: Refusal) {
        self.send(to_desk, &ServerFrame::Refused { why });
        self.out.to_desks.push((to_desk.clone(), ToDesk::Close));
    }

    pub(super) fn send(&mut self, to_desk: &mpsc::Sender<ToDesk>, frame: &ServerFrame) {
        match serde_json::to_string(frame) {
            Ok(json) => self.out.to_desks.push((to_desk.clone(), ToDesk::Text(json.into()))),
            Err(error) => tracing::error!(%error, "a frame cannot be told"),
        }
    }

    pub(super) fn desk_frame(&mut self, connection: u64, frame: ClientFrame, now: Moment) {
        let Some(&id) = self.desks.get(&connection) else { return };
        let was_lost = self.is_connection_lost(id);
        self.renew_lease(id, now);
        if was_lost {
            // The connection had stood still, and goes on.
            self.agent_input(id, &Input::DeskBack, id, now);
            let lease = self.agents.get(&id).map_or(now, |agent| agent.lease_until);
            self.timers.set(lease, Timer::Lease(id));
        }
        match frame {
            // The first hello has been taken at the door; another one means nothing.
            ClientFrame::Hello { .. } => {}
            ClientFrame::Ping { nonce, desk_us } => {
                let pong = ServerFrame::Pong { nonce, desk_us, now: now.utc_ms };
                if let Some(to_desk) = self.way_to(id) {
                    self.send(&to_desk, &pong);
                }
            }
            ClientFrame::Shown { call, invite_to_pop_us } => self.shown(id, call, invite_to_pop_us, now),
            ClientFrame::Command { id: command_id, command } => self.command(id, command_id, command, now),
        }
    }

    fn way_to(&self, id: AgentId) -> Option<mpsc::Sender<ToDesk>> {
        self.agents.get(&id)?.desk.as_ref().map(|desk| desk.to_desk.clone())
    }

    /// The connection is gone. The lease runs on; a desk that is back within it finds everything as it was.
    pub(super) fn desk_gone(&mut self, connection: u64) {
        let Some(id) = self.desks.remove(&connection) else { return };
        if let Some(agent) = self.agents.get_mut(&id) {
            agent.desk.take_if(|desk| desk.connection == connection);
        }
    }

    /// A desk that does not read loses its connection; it comes back and goes on from the kept events.
    pub fn drop_slow_desk(&mut self, to_desk: &mpsc::Sender<ToDesk>) {
        let slow = |agent: &Agent| {
            agent.desk.as_ref().filter(|desk| desk.to_desk.same_channel(to_desk)).map(|desk| desk.connection)
        };
        if let Some(connection) = self.agents.values().find_map(slow) {
            tracing::warn!(connection, "a desk does not read; its connection is dropped");
            metrics::counter!("desks_too_slow_total").increment(1);
            self.desk_gone(connection);
        }
    }

    pub(super) fn signed_out(&mut self, session: SessionId, now: Moment) {
        let found = self.agents.iter().find(|(_, agent)| agent.desk.as_ref().is_some_and(|d| d.session == session));
        let Some(id) = found.map(|(id, _)| *id) else { return };
        self.agent_input(id, &Input::Wants(Wish::LogOut), id, now);
        if let Some(desk) = self.agents.get_mut(&id).and_then(|agent| agent.desk.take()) {
            self.desks.remove(&desk.connection);
            self.send(&desk.to_desk, &ServerFrame::Goodbye { why: Goodbye::SignedOut });
            self.out.to_desks.push((desk.to_desk, ToDesk::Close));
        }
    }

    fn shown(&mut self, id: AgentId, call: CallId, invite_to_pop_us: i64, now: Moment) {
        // A figure from a desk: only a sane one counts.
        if !(0..=60_000_000).contains(&invite_to_pop_us) {
            return;
        }
        metrics::histogram!("invite_to_pop_ms").record(invite_to_pop_us as f64 / 1000.0);
        let Some(slot) = self.calls.get_mut(&call) else { return };
        if slot.invite_to_pop_us.is_some() {
            return;
        }
        slot.invite_to_pop_us = Some(invite_to_pop_us);
        let written_already = slot.core.is_over();
        self.note(Some(call), Some(id), Fact::PopShown { invite_to_pop_us }, now);
        if written_already {
            self.out.jobs.push(Job::PopTime { call, invite_to_pop_us });
        }
    }

    fn command(&mut self, id: AgentId, command_id: Uuid, command: Command, now: Moment) {
        let outcome = match self.agents.get(&id) {
            Some(agent) if may(agent.profile.role, &command) => self.perform(id, command_id, command, now),
            Some(_) | None => Some(Err(CommandError::NotAllowed)),
        };
        if let Some(outcome) = outcome {
            self.answer_command(id, command_id, outcome);
        }
    }

    pub(super) fn answer_command(&mut self, id: AgentId, command_id: Uuid, outcome: Result<Done, CommandError>) {
        if let Some(to_desk) = self.way_to(id) {
            self.send(&to_desk, &ServerFrame::Answer { id: command_id, outcome });
        }
    }

    /// Does what can be done at once; `None` when the answer comes from the database.
    fn perform(
        &mut self,
        id: AgentId,
        command_id: Uuid,
        command: Command,
        now: Moment,
    ) -> Option<Result<Done, CommandError>> {
        let done = match command {
            Command::Answer { call } => self.in_call(id, call, call::Input::AnswerAsked(id), now),
            Command::Reject { call } => self.in_call(id, call, call::Input::AgentRejected(id), now),
            Command::HangUp { call } => self.verb(id, call, Verb::HangUp, now),
            Command::Hold { call } => self.verb(id, call, Verb::Hold, now),
            Command::Retrieve { call } => self.verb(id, call, Verb::Retrieve, now),
            Command::Swap { call } => self.verb(id, call, Verb::Swap, now),
            Command::CompleteTransfer { call } => self.verb(id, call, Verb::CompleteTransfer, now),
            Command::Conference { call } => self.verb(id, call, Verb::Confer, now),
            Command::DropParty { call, party } => self.drop_party(id, call, party, now),
            Command::Mute { call, muted } => self.mute(id, call, muted, now),
            Command::SendDigits { call, digits } => self.send_digits(id, call, &digits, now),
            Command::Transfer { call, to, note } => self.transfer(id, call, &to, note, now),
            Command::Consult { call, to, note } => self.consult(id, call, &to, note, now),
            Command::Park { call, note } => self.park(id, call, note, now),
            Command::PickUp { call } => self.pick_up(id, call, now),
            Command::Dial { to, customer, callback } => self.dial(id, &to, customer, callback, now),
            Command::ListColleagues => Ok(Done::Colleagues { people: self.colleagues(id) }),
            Command::SetState { wish } => self.set_state(id, wish, now),
            // The door does it, where the passwords are.
            Command::ChangePassword { .. } => Err(CommandError::NotAllowed),
            Command::SaveWrapup { .. }
            | Command::LinkCustomer { .. }
            | Command::CreateCustomer { .. }
            | Command::SaveReading { .. }
            | Command::RegisterRequest { .. }
            | Command::SaveInteraction { .. }
            | Command::MarkMissed { .. } => match self.begin_save(id, command_id, command) {
                Ok(()) => return None,
                Err(error) => Err(error),
            },
        };
        Some(done)
    }

    fn in_call(&mut self, id: AgentId, call: CallId, input: call::Input, now: Moment) -> Result<Done, CommandError> {
        let state = self.agents.get(&id).map(|agent| &agent.state.work);
        if !matches!(state, Some(Work::Ringing { call: of, .. }) if *of == call) {
            return Err(CommandError::TooLate);
        }
        self.call_input(call, input, now);
        self.take_sip(now);
        Ok(Done::Ok)
    }

    fn set_state(&mut self, id: AgentId, wish: Wish, now: Moment) -> Result<Done, CommandError> {
        if let Wish::NotReady { reason } = &wish {
            let known = self.config.catalogue.reason(reason.as_str()).is_some_and(|known| !known.system);
            if !known || reason.is_systems_own() {
                return Err(CommandError::NotFound { what: "reason".into() });
            }
        }
        if self.wants(id, wish, now) { Ok(Done::Ok) } else { Err(CommandError::PhoneLost) }
    }

    /// Everybody is told goodbye; the last thing before the loop ends.
    pub fn say_goodbye(&mut self) {
        let desks: Vec<_> = self.agents.values().filter_map(|a| a.desk.as_ref()).map(|d| d.to_desk.clone()).collect();
        for to_desk in desks {
            self.send(&to_desk, &ServerFrame::Goodbye { why: Goodbye::ShuttingDown });
            self.out.to_desks.push((to_desk, ToDesk::Close));
        }
    }
}

/// Who may do what. Every command is named, so that a new one finds its place here first.
const fn may(role: Role, command: &Command) -> bool {
    match command {
        Command::Answer { .. }
        | Command::Reject { .. }
        | Command::HangUp { .. }
        | Command::Hold { .. }
        | Command::Retrieve { .. }
        | Command::Mute { .. }
        | Command::SendDigits { .. }
        | Command::Transfer { .. }
        | Command::Consult { .. }
        | Command::Swap { .. }
        | Command::CompleteTransfer { .. }
        | Command::Conference { .. }
        | Command::DropParty { .. }
        | Command::Park { .. }
        | Command::PickUp { .. }
        | Command::Dial { .. }
        | Command::ListColleagues
        | Command::SetState { .. }
        | Command::SaveWrapup { .. }
        | Command::LinkCustomer { .. }
        | Command::CreateCustomer { .. }
        | Command::SaveReading { .. }
        | Command::RegisterRequest { .. }
        | Command::SaveInteraction { .. }
        | Command::MarkMissed { .. }
        | Command::ChangePassword { .. } => match role {
            Role::Operator | Role::Supervisor | Role::Administrator => true,
        },
    }
}
