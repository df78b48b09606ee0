//! The switchboard: one loop that owns the calls.
//!
//! Everything that can happen is one [`event::Event`]. The loop takes what has come, lets the [`world::World`] move
//! its pure cores, brings callers and free agents together, and then lets the consequences leave in this order: the
//! ledger (one write), the desks and SIP, the jobs for the database. Nothing in the loop waits for a disk's sync, a
//! database or a slow desk.
//!
//! Reading order: [`world`] is what is known and how an event changes it; `calls`, `legs` and `outside` are the
//! calls, `agents` and `desks` the people, `saves` what they want kept, `picture` what supervisors see, `restore`
//! the floor after a restart; `jobs` is the work beside the loop.

pub mod event;
pub mod jobs;
pub mod restore;
pub mod sound;
pub mod world;

mod agents;
mod calls;
mod counters;
mod desks;
mod legs;
mod outside;
mod picture;
mod saves;
mod stream;
mod timers;

use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use shared::store::Store;
use shared::time::{Clock, Moment};
use shared::wire::event::Fault;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::journal::copy::Written;
use crate::journal::fact::Entry;
use crate::journal::file::{AppendError, LedgerFile, Position};
use crate::shutdown::Tasks;
use crate::sip::Transmit;
use event::Event;
use jobs::Job;
use world::World;

/// Events taken in one turn at the most; their consequences leave together.
const TURN: usize = 256;
/// Jobs for the database under way at once. More wait; the calls do not.
const JOBS: usize = 64;
/// How long talks may go on after the service was asked to end.
const LAST_TALKS: Duration = Duration::from_secs(20);

/// Carries a SIP message away. `Err` when it cannot leave.
pub trait Outbound: Send {
    /// # Errors
    /// When the flow's socket or connection does not take it.
    fn send(&self, message: &Transmit) -> Result<(), SendError>;
}

#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the message cannot leave")]
pub struct SendError;

/// Everything that the loop needs around it.
pub struct Parts {
    pub config: Arc<Config>,
    pub store: Store,
    pub world: World,
    pub clock: Clock,
    pub ledger: LedgerFile,
    pub to_copier: mpsc::Sender<Vec<Written>>,
    pub outbound: Box<dyn Outbound>,
    pub events: mpsc::Receiver<Event>,
    /// For what comes back from jobs.
    pub events_in: mpsc::Sender<Event>,
    pub tasks: Tasks,
    pub shutdown: CancellationToken,
}

/// Runs until the service was asked to end and the last talk is over, or its time has passed.
pub async fn run(mut parts: Parts) {
    let jobs = Arc::new(Semaphore::new(JOBS));
    let mut turn = Vec::with_capacity(TURN);
    let mut ending: Option<Moment> = None;
    let mut ledger_stuck = false;
    parts.let_out(&jobs, &mut ledger_stuck);
    loop {
        let deadline = parts.world.next_deadline().into_iter().chain(ending).min();
        let wake = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(parts.clock.instant_of(at).into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            n = parts.events.recv_many(&mut turn, TURN) => if n == 0 { break },
            () = wake => {}
            () = parts.shutdown.cancelled(), if ending.is_none() => {
                tracing::info!(open_calls = parts.world.n_open_calls(), "no new calls are taken");
                parts.world.stack().reject_new(Some(30));
                ending = Some(parts.clock.now().after(LAST_TALKS));
            }
        }
        let now = parts.clock.now();
        for event in turn.drain(..) {
            parts.world.take(event, now);
        }
        parts.world.take_time(parts.clock.now());
        parts.world.route(parts.clock.now());
        parts.let_out(&jobs, &mut ledger_stuck);
        if ending.is_some_and(|at| at.is_due(parts.clock.now()) || parts.world.n_open_calls() == 0) {
            break;
        }
    }
    parts.world.say_goodbye();
    parts.let_out(&jobs, &mut ledger_stuck);
    if let Err(error) = parts.ledger.flush() {
        tracing::error!(%error, "the end of the ledger may not be on the disk");
    }
    tracing::info!("the switchboard has ended");
}

impl Parts {
    /// The consequences of a turn, in the order of leaving.
    fn let_out(&mut self, jobs: &Arc<Semaphore>, ledger_stuck: &mut bool) {
        self.write_ledger(ledger_stuck);
        while let Some(message) = self.world.stack().poll_transmit() {
            if self.outbound.send(&message).is_err() {
                // The loop takes it up in the next turn; when even that is full, the transaction's own timer finds out.
                _ = self.events_in.try_send(Event::SipUnsendable { flow: message.flow });
            }
        }
        let mut slow = Vec::new();
        for (to_desk, what) in self.world.outputs().to_desks.drain(..) {
            if let Err(TrySendError::Full(_)) = to_desk.try_send(what) {
                slow.push(to_desk);
            }
        }
        for to_desk in slow {
            self.world.drop_slow_desk(&to_desk);
        }
        for job in std::mem::take(&mut self.world.outputs().jobs) {
            self.start(job, jobs);
        }
    }

    fn write_ledger(&mut self, ledger_stuck: &mut bool) {
        let entries = std::mem::take(&mut self.world.outputs().ledger);
        if entries.is_empty() {
            if *ledger_stuck && self.ledger.retry() {
                *ledger_stuck = false;
                self.world.set_fault(Fault::LedgerStuck, false);
            }
            return;
        }
        let bodies: Vec<Box<RawValue>> = entries.iter().filter_map(body).collect();
        let before = self.ledger.last();
        let stuck = match self.ledger.append(&bodies) {
            Ok(_) => false,
            Err(error @ AppendError::Waiting { .. }) => {
                if !*ledger_stuck {
                    tracing::error!(error = &error as &dyn std::error::Error, "the ledger is kept in memory");
                }
                true
            }
            Err(error @ AppendError::Lost { .. }) => {
                tracing::error!(error = &error as &dyn std::error::Error, "records of the ledger are lost");
                true
            }
        };
        if stuck != *ledger_stuck {
            *ledger_stuck = stuck;
            self.world.set_fault(Fault::LedgerStuck, stuck);
        }
        let written = entries
            .into_iter()
            .zip(before.seq + 1..)
            .map(|(entry, seq)| Written { at: Position { seq, ..before }, entry })
            .collect();
        // A full channel is no loss: the copier finds the gap and reads the file.
        _ = self.to_copier.try_send(written);
    }

    fn start(&self, job: Job, jobs: &Arc<Semaphore>) {
        let (store, config) = (self.store.clone(), Arc::clone(&self.config));
        let (events, jobs) = (self.events_in.clone(), Arc::clone(jobs));
        self.tasks.spawn("job", async move {
            let Ok(_place) = jobs.acquire().await else { return };
            if let Some(event) = job.run(store, config).await {
                // A closed channel means that the loop has ended.
                _ = events.send(event).await;
            }
        });
    }
}

fn body(entry: &Entry) -> Option<Box<RawValue>> {
    let mut line = Vec::with_capacity(256);
    let written = entry.write(&mut line).map(|()| String::from_utf8(line));
    match written {
        Ok(Ok(line)) => RawValue::from_string(line).ok(),
        Ok(Err(_)) | Err(_) => None,
    }
}
