//! The ledger's way into the database: in batches, beside the loop, again and again until it is there.
//!
//! The loop hands entries over as they are written. When the database is away, or slower than the floor, the
//! channel overflows and the entries are read again from the file: nothing depends on memory.

use std::path::PathBuf;
use std::time::Duration;

use shared::store::{AuditAction, AuditRow, LedgerAudit, LedgerBatch, LedgerRow, Store, StoreError};
use shared::wire::event::Fault;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::fact::{Entry, Fact, Line};
use super::file::{LedgerError, Position, read_after, read_cursor, write_cursor};
use crate::switchboard::event::Event;

/// Entries in one transaction.
const BATCH: usize = 2_000;
/// How long a batch may gather.
const GATHER: Duration = Duration::from_millis(200);
const SLOWEST_RETRY: Duration = Duration::from_secs(5);

/// An entry with its place in the file.
#[derive(Debug)]
pub struct Written {
    pub at: Position,
    pub entry: Entry,
}

pub struct Copier {
    pub node: u8,
    pub folder: PathBuf,
    pub store: Store,
    pub written: mpsc::Receiver<Vec<Written>>,
    /// Where faults of the database are told.
    pub events: mpsc::Sender<Event>,
}

#[derive(Debug, thiserror::Error)]
enum CopyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Copier {
    /// Copies until the loop has ended and everything that can be copied is.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut copied = match read_cursor(&self.folder) {
            Ok(cursor) => cursor.unwrap_or_default(),
            Err(error) => {
                tracing::error!(%error, "the ledger's cursor cannot be read: everything is copied again");
                Position::default()
            }
        };
        let mut pause = GATHER;
        let mut away = false;
        while let Some(batch) = self.gather().await {
            loop {
                match self.copy(&batch, &mut copied).await {
                    Ok(()) => {
                        self.tell_fault(&mut away, false).await;
                        pause = GATHER;
                        break;
                    }
                    Err(error) => {
                        tracing::warn!(error = &error as &dyn std::error::Error, "the ledger waits for the database");
                        self.tell_fault(&mut away, true).await;
                        if shutdown.is_cancelled() {
                            tracing::warn!(
                                "what is not in the database yet is in the ledger, and is copied at the next start"
                            );
                            return;
                        }
                        tokio::select! {
                            () = tokio::time::sleep(pause) => {}
                            () = shutdown.cancelled() => {}
                        }
                        pause = (pause * 2).min(SLOWEST_RETRY);
                    }
                }
            }
        }
    }

    async fn tell_fault(&self, away: &mut bool, there: bool) {
        if *away != there {
            *away = there;
            // A closed channel means that the loop has ended; nobody has to be told any more.
            _ = self.events.send(Event::Fault { fault: Fault::DatabaseAway, there }).await;
        }
    }

    /// What the loop has written lately; an empty batch at first, so that what a past run left is copied at once.
    async fn gather(&mut self) -> Option<Vec<Written>> {
        let mut batch = self.written.recv().await?;
        let until = tokio::time::Instant::now() + GATHER;
        while batch.len() < BATCH {
            match tokio::time::timeout_at(until, self.written.recv()).await {
                Ok(Some(more)) => batch.extend(more),
                Ok(None) | Err(_) => break,
            }
        }
        Some(batch)
    }

    async fn copy(&self, batch: &[Written], copied: &mut Position) -> Result<(), CopyError> {
        let follows = |at: Position| at.epoch == copied.epoch && at.seq == copied.seq + 1;
        match batch.iter().find(|written| written.at > *copied) {
            Some(next) if follows(next.at) => {
                let fresh = batch.iter().filter(|written| written.at > *copied);
                let rows = Rows::gather(self.node, fresh.map(|written| (written.at, &written.entry)));
                self.write(rows, copied).await
            }
            _ => self.catch_up(copied).await,
        }
    }

    /// Reads from the file what the channel has not brought: a gap, or what a past run left.
    async fn catch_up(&self, copied: &mut Position) -> Result<(), CopyError> {
        loop {
            let folder = self.folder.clone();
            let after = *copied;
            let read = tokio::task::spawn_blocking(move || read_after(&folder, after, BATCH)).await;
            let records = match read {
                Ok(records) => records?,
                // The runtime is ending.
                Err(_) => return Ok(()),
            };
            let Some(last) = records.last().map(|record| record.at) else { return Ok(()) };
            let mut entries = Vec::with_capacity(records.len());
            for record in &records {
                match serde_json::from_str::<Line<'_>>(record.body.get()).and_then(|line| line.open()) {
                    Ok(Some(entry)) => entries.push((record.at, entry)),
                    Ok(None) => {}
                    Err(error) => tracing::error!(seq = record.at.seq, %error, "a record of the ledger cannot be read"),
                }
            }
            let rows = Rows::gather(self.node, entries.iter().map(|(at, entry)| (*at, entry)));
            self.write(rows, copied).await?;
            *copied = last;
            self.keep_cursor(last);
        }
    }

    async fn write(&self, rows: Rows, copied: &mut Position) -> Result<(), CopyError> {
        let Some(last) = rows.last else { return Ok(()) };
        self.store.copy_ledger(&rows.batch).await?;
        *copied = last;
        self.keep_cursor(last);
        Ok(())
    }

    fn keep_cursor(&self, at: Position) {
        // Without the cursor the same rows are copied again after a restart, which the database takes as one.
        if let Err(error) = write_cursor(&self.folder, at) {
            tracing::warn!(%error, "the ledger's cursor cannot be kept");
        }
    }
}

/// One batch, sorted by table.
#[derive(Default)]
struct Rows {
    batch: LedgerBatch,
    last: Option<Position>,
}

impl Rows {
    fn gather<'a>(node: u8, entries: impl Iterator<Item = (Position, &'a Entry)>) -> Self {
        let mut rows = Self::default();
        for (at, entry) in entries {
            rows.last = Some(at);
            let (epoch, seq) = (at.epoch as i64, at.seq as i64);
            match &entry.fact {
                Fact::Ended { record } => rows.batch.calls.push(record.clone()),
                Fact::CallbackCreated { missed } => rows.batch.missed.push(missed.clone()),
                Fact::CardOpened { customer } => {
                    if let Some(agent) = entry.agent {
                        let row = AuditRow {
                            at: entry.at,
                            agent,
                            what: AuditAction::CardOpened,
                            customer: Some(*customer),
                            call: entry.call,
                        };
                        rows.batch.audit.push(LedgerAudit { node, epoch, seq, row });
                    }
                }
                _ => {}
            }
            let Ok(body) = serde_json::to_string(&entry.fact) else { continue };
            rows.batch.lines.push(LedgerRow {
                node,
                epoch,
                seq,
                at: entry.at,
                kind: entry.fact.kind().to_owned(),
                call: entry.call,
                agent: entry.agent,
                body,
            });
        }
        rows
    }
}
