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
mod keep;
pub mod restore;
pub mod sound;
pub mod world;

mod agents;
mod beside;
mod calls;
mod counters;
mod desks;
mod exchange;
mod legs;
mod load;
mod numbers;
mod outside;
mod parts;
mod phones;
mod picture;
mod saves;
mod slot;
mod start;
mod stream;
mod timers;

use std::sync::Arc;
use std::time::Duration;

use shared::time::Moment;
use shared::wire::event::Fault;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Semaphore, mpsc};

use crate::journal::copy::Written;
use crate::journal::fact::Entry;
use crate::journal::file::{AppendError, Position};
use crate::journal::kept::KeptFile;
use crate::net::health::Phase;
use crate::shutdown::Tasks;
pub use parts::Parts;

use event::Event;
use jobs::Job;
use load::Load;
use world::World;

/// Events taken in one turn at the most; their consequences leave together.
const TURN: usize = 256;
/// Jobs for the database under way at once. More wait; the calls do not.
const JOBS: usize = 64;
/// A ledger that the disk did not take is tried again after this time, also when nothing happens.
const RETRY_LEDGER_AFTER: Duration = Duration::from_millis(500);
/// How often segments of the ledger that the database has, and that are old, are deleted.
const TIDY_EVERY: Duration = Duration::from_secs(3600);
/// How long talks may go on after the service was asked to end.
const LAST_TALKS: Duration = Duration::from_secs(120);

/// The loop with what it moves and where its consequences go.
struct Switchboard {
    parts: Parts,
    world: World,
    to_copier: mpsc::Sender<Vec<Written>>,
    /// Tasks of the loop's own thread.
    here: Tasks,
    jobs: Arc<Semaphore>,
    ledger_stuck: bool,
    kept: KeptFile,
    /// When the disk is tried again that has not taken it.
    kept_retry_at: Option<Moment>,
    load: Load,
}

/// Runs until the service was asked to end and the last talk is over, or its time has passed.
///
/// # Errors
/// When the sound cannot be carried or the ledger of the last run cannot be read: then no call is taken.
pub async fn run(parts: Parts) -> anyhow::Result<()> {
    let mut board = start::start(parts).await?;
    board.parts.health.enter(Phase::Ready);
    tracing::info!("the gateway takes calls");
    board.run().await;
    Ok(())
}

impl Switchboard {
    async fn run(&mut self) {
        let mut turn = Vec::with_capacity(TURN);
        let mut last_talks_until: Option<Moment> = None;
        let asked_to_end = self.parts.tasks.ending().clone();
        let mut tidy_at = self.parts.clock.now();
        self.let_out();
        loop {
            let clock = self.parts.clock;
            let retry_at = self.ledger_stuck.then(|| clock.now().after(RETRY_LEDGER_AFTER));
            let deadlines = self.world.next_deadline().into_iter().chain(last_talks_until).chain(retry_at);
            let deadline = deadlines.chain(self.load.next_deadline()).chain([tidy_at]).min();
            let wake = async {
                match deadline {
                    Some(at) => tokio::time::sleep_until(clock.instant_of(at).into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                n = self.parts.events_rx.recv_many(&mut turn, TURN) => if n == 0 { break },
                () = wake => {}
                () = asked_to_end.cancelled(), if last_talks_until.is_none() => {
                    tracing::info!(open_calls = self.world.n_open_calls(), "no new calls are taken");
                    self.parts.health.enter(Phase::Ending);
                    self.world.stack().reject_new(Some(30));
                    last_talks_until = Some(clock.now().after(LAST_TALKS));
                }
            }
            let now = clock.now();
            if tidy_at.is_due(now) {
                tidy_at = now.after(TIDY_EVERY);
                self.tidy_ledger();
            }
            let mut waiting = self.parts.events_rx.len() + turn.len();
            for event in turn.drain(..) {
                waiting -= 1;
                self.load.observe(&event, waiting, &mut self.world);
                self.world.take(event, now);
            }
            self.load.turn_over(waiting, clock.now(), &mut self.world);
            self.world.take_time(clock.now());
            self.world.route(clock.now());
            self.let_out();
            if last_talks_until.is_some_and(|at| at.is_due(clock.now()) || self.world.n_open_calls() == 0) {
                break;
            }
            if !self.parts.events_rx.is_empty() {
                // The sockets are read meanwhile: what waits in the system has no age yet, and would be late unseen.
                tokio::task::yield_now().await;
            }
        }
        self.world.end_calls(self.parts.clock.now());
        self.world.say_goodbye();
        self.let_out();
        if let Err(error) = self.parts.ledger.flush() {
            tracing::error!(%error, "the end of the ledger may not be on the disk");
        }
        tracing::info!("the switchboard has ended");
    }

    /// The consequences of a turn, in the order of leaving.
    fn let_out(&mut self) {
        self.write_ledger();
        self.write_kept();
        for (address, n) in self.world.stack().take_moved_phones() {
            self.parts.outbound.admission().phones_at(address, n);
        }
        while let Some(message) = self.world.stack().poll_transmit() {
            if let Err(error) = self.parts.outbound.send(&message) {
                tracing::debug!(remote = %message.flow.remote, %error, "a SIP message cannot leave");
                // The loop takes it up in the next turn; when even that is full, the transaction's own timer finds out.
                _ = self.parts.events.try_send(Event::SipUnsendable { flow: message.flow });
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
        self.parts.health.set_all(&self.world.faults());
        for job in std::mem::take(&mut self.world.outputs().jobs) {
            self.begin(job);
        }
    }

    fn write_ledger(&mut self) {
        let entries = std::mem::take(&mut self.world.outputs().ledger);
        if entries.is_empty() {
            if self.ledger_stuck && self.parts.ledger.retry() {
                self.set_ledger_fault(false);
            }
            return;
        }
        let bodies: Vec<Vec<u8>> = entries.iter().map(body).collect();
        let before = self.parts.ledger.last();
        let stuck = match self.parts.ledger.append(&bodies) {
            Ok(_) => false,
            Err(error @ AppendError::Waiting { .. }) => {
                if !self.ledger_stuck {
                    tracing::error!(error = &error as &dyn std::error::Error, "the ledger is kept in memory");
                }
                true
            }
            Err(error @ AppendError::Lost { .. }) => {
                tracing::error!(error = &error as &dyn std::error::Error, "records of the ledger are lost");
                true
            }
        };
        if stuck != self.ledger_stuck {
            self.set_ledger_fault(stuck);
        }
        let written = entries
            .into_iter()
            .zip(before.seq + 1..)
            .map(|(entry, seq)| Written { at: Position { seq, ..before }, entry })
            .collect();
        // A full channel is no loss: the copier finds the gap and reads the file.
        _ = self.to_copier.try_send(written);
    }

    /// How the calls stand now, before anybody hears of it. A disk that does not take it costs a restart its talks, and
    /// nothing else.
    fn write_kept(&mut self) {
        self.world.keep_calls();
        let changes = std::mem::take(&mut self.world.outputs().kept);
        let now = self.parts.clock.now();
        let outcome = match self.kept_retry_at {
            None if changes.is_empty() => return,
            Some(at) if !at.is_due(now) => return self.kept.note(changes),
            Some(_) | None => self.kept.write(changes),
        };
        if let (Err(error), None) = (&outcome, self.kept_retry_at) {
            tracing::error!(error = error as &dyn std::error::Error, "calls are not kept for a restart");
        }
        self.kept_retry_at = outcome.is_err().then(|| now.after(RETRY_LEDGER_AFTER));
    }

    fn tidy_ledger(&self) {
        match self.parts.ledger.drop_copied(std::time::SystemTime::now()) {
            Ok(0) => {}
            Ok(dropped) => tracing::info!(dropped, "old files of the ledger are deleted; the database has them"),
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "the ledger is not tidied"),
        }
    }

    fn set_ledger_fault(&mut self, stuck: bool) {
        self.ledger_stuck = stuck;
        self.world.set_fault(Fault::LedgerStuck, stuck);
    }

    fn begin(&self, job: Job) {
        let Parts { store, events, tasks, .. } = &self.parts;
        let (store, config, events) = (store.clone(), Arc::clone(self.world.config()), events.clone());
        let jobs = Arc::clone(&self.jobs);
        // Somebody waits for a look-up: it wakes nobody but the database.
        let tasks = if job.is_urgent() { &self.here } else { tasks };
        tasks.spawn("job", async move {
            let Ok(_place) = jobs.acquire().await else { return };
            if let Some(event) = job.run(store, config).await {
                // A closed channel means that the loop has ended.
                _ = events.send(event).await;
            }
        });
    }
}

fn body(entry: &Entry) -> Vec<u8> {
    let mut line = Vec::with_capacity(256);
    if let Err(error) = entry.write(&mut line) {
        tracing::error!(%error, kind = entry.fact.kind(), "a fact cannot be written down");
        line = b"null".to_vec();
    }
    line
}
