//! The ledger's file: append-only, written before an event leaves, on the disk within 50 ms.
//!
//! A folder of segments. A segment is named after the epoch (one start of the gateway) and the number of its first
//! record, and holds one JSON line for each record, with its number and a checksum. A batch is one `write(2)`; a
//! thread of its own makes it durable in groups. What a full disk refuses waits in memory, within bounds, and goes
//! first when there is room again. A line that was torn by a crash is cut off at the next start, and the log says so.

mod format;
mod sync;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::time::UtcMs;

use crate::net::atomic_file::{sync_folder_of, write_atomically};
use sync::SyncThread;

/// A place in the ledger: which start of the gateway, and which record of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    pub epoch: u64,
    pub seq: u64,
}

/// One record as it was read back.
#[derive(Debug)]
pub struct Record {
    pub at: Position,
    pub body: Box<RawValue>,
}

#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// A segment that has grown to this goes on in the next one.
    pub segment_bytes: u64,
    /// What may wait in memory while the disk is full.
    pub waiting_bytes: usize,
    /// How old a copied segment becomes before it is deleted.
    pub keep: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20, waiting_bytes: 64 << 20, keep: Duration::from_secs(7 * 24 * 3600) }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("cannot open the ledger in `{}`", folder.display())]
    Open { folder: PathBuf, source: io::Error },
    #[error("cannot read the ledger's file `{}`", file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("cannot write the ledger's file `{}`", file.display())]
    Write { file: PathBuf, source: io::Error },
    #[error("the ledger's file `{}` is damaged at line {line}: {why}", file.display())]
    Damaged { file: PathBuf, line: usize, why: &'static str },
    #[error("epoch {epoch} is not after {last}, which is in the ledger already")]
    OldEpoch { epoch: u64, last: u64 },
}

/// Why a batch is not in the file.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// It is kept in memory and will be written first, as soon as that works.
    #[error("the ledger cannot be written; {waiting_bytes} bytes wait in memory")]
    Waiting { waiting_bytes: usize, source: io::Error },
    /// There is no room in memory either: the batch is lost.
    #[error("the ledger cannot be written and its memory is full; {lost} records are lost")]
    Lost { lost: usize, source: io::Error },
}

/// The ledger, open for writing. One thread owns it.
#[derive(Debug)]
pub struct LedgerFile {
    folder: PathBuf,
    bounds: Bounds,
    segment: Segment,
    next: Position,
    /// Lines, or the rest of one, that the disk has not taken.
    waiting: Vec<u8>,
    sync: SyncThread,
}

#[derive(Debug)]
struct Segment {
    path: PathBuf,
    file: Arc<File>,
    bytes: u64,
}

impl LedgerFile {
    /// Opens the folder for a new epoch. The last segment's torn end, if there is one, is cut off.
    ///
    /// # Errors
    /// When the folder cannot be used, or holds this epoch or a later one.
    pub fn open(folder: &Path, epoch: u64, bounds: Bounds) -> Result<Self, LedgerError> {
        let failed = |source| LedgerError::Open { folder: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        let segments = segments(folder)?;
        if let Some((last, path)) = segments.last() {
            if last.epoch >= epoch {
                return Err(LedgerError::OldEpoch { epoch, last: last.epoch });
            }
            cut_torn_end(path)?;
        }
        let next = Position { epoch, seq: 1 };
        let segment = Segment::create(folder, next).map_err(failed)?;
        let sync = SyncThread::start().map_err(failed)?;
        Ok(Self { folder: folder.to_owned(), bounds, segment, next, waiting: Vec::new(), sync })
    }

    /// Writes a batch of records, each the bytes of one JSON value, in one `write(2)` and gives the position of its last record. After an error of the kind
    /// [`AppendError::Waiting`] nothing is lost, and the numbers go on.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn append<B: AsRef<[u8]>>(&mut self, bodies: &[B]) -> Result<Position, AppendError> {
        let had_waiting = self.waiting.len();
        for body in bodies {
            format::write_line(&mut self.waiting, self.next.seq, body.as_ref());
            self.next.seq += 1;
        }
        match self.write_waiting() {
            Ok(()) => Ok(Position { seq: self.next.seq - 1, ..self.next }),
            Err(source) if self.waiting.len() <= self.bounds.waiting_bytes => {
                Err(AppendError::Waiting { waiting_bytes: self.waiting.len(), source })
            }
            Err(source) => {
                // What waited before stays whole; a part of this batch would be worth nothing.
                self.waiting.truncate(had_waiting.min(self.waiting.len()));
                Err(AppendError::Lost { lost: bodies.len(), source })
            }
        }
    }

    /// Tries again to write what waits. `true` when nothing waits any more.
    pub fn retry(&mut self) -> bool {
        self.write_waiting().is_ok()
    }

    /// Whether something waits in memory, because the disk did not take it.
    pub fn is_stuck(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The position of the last record, written or waiting.
    pub fn last(&self) -> Position {
        Position { seq: self.next.seq - 1, ..self.next }
    }

    /// Waits until everything written so far is on the disk, for the end of the service.
    ///
    /// # Errors
    /// When the disk does not say so.
    pub fn flush(&mut self) -> io::Result<()> {
        self.write_waiting()?;
        self.segment.file.sync_data()
    }

    /// Deletes segments that the database has wholly and that are old. Gives how many went.
    ///
    /// # Errors
    /// When the folder cannot be read or a file not be deleted.
    pub fn drop_copied(&self, now: SystemTime) -> Result<usize, LedgerError> {
        let Some(copied) = read_cursor(&self.folder)? else { return Ok(0) };
        let segments = segments(&self.folder)?;
        let mut dropped = 0;
        // A segment ends where the next one begins; the last one is never deleted.
        for pair in segments.windows(2) {
            let (next_begins, (_, path)) = (pair[1].0, &pair[0]);
            let whole = copied >= last_before(next_begins, path)?;
            let failed = |source| LedgerError::Write { file: path.clone(), source };
            let changed = fs::metadata(path).and_then(|metadata| metadata.modified()).map_err(failed)?;
            let is_old = now.duration_since(changed).is_ok_and(|age| age >= self.bounds.keep);
            if !whole || !is_old {
                break;
            }
            fs::remove_file(path).map_err(failed)?;
            dropped += 1;
        }
        Ok(dropped)
    }

    fn write_waiting(&mut self) -> io::Result<()> {
        while !self.waiting.is_empty() {
            match (&*self.segment.file).write(&self.waiting) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.segment.bytes += written as u64;
                    self.waiting.drain(..written);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.sync.soon(&self.segment.file);
        if self.segment.bytes >= self.bounds.segment_bytes {
            // Without room for a new file the old one goes on growing.
            match Segment::create(&self.folder, self.next) {
                Ok(next) => self.segment = next,
                Err(error) => {
                    tracing::warn!(file = %self.segment.path.display(), %error, "the ledger cannot begin a new file")
                }
            }
        }
        Ok(())
    }
}

impl Segment {
    fn create(folder: &Path, first: Position) -> io::Result<Self> {
        let path = folder.join(format!("ledger-{:020}-{:020}.jsonl", first.epoch, first.seq));
        let file = OpenOptions::new().append(true).create_new(true).open(&path)?;
        sync_folder_of(&path)?;
        Ok(Self { path, file: Arc::new(file), bytes: 0 })
    }
}

/// The number of a new epoch: the time of day in milliseconds, and always after those in the folder, even when the
/// clock was set back.
///
/// # Errors
/// When the folder is there and cannot be read.
pub fn next_epoch(folder: &Path, now: UtcMs) -> Result<u64, LedgerError> {
    let last = if folder.exists() { segments(folder)?.last().map_or(0, |(last, _)| last.epoch) } else { 0 };
    Ok(u64::try_from(now.0).unwrap_or_default().max(last + 1))
}

/// Reads the records after a position, oldest first, at most `limit` of them. Safe beside a writer: a line that is
/// not finished yet ends the reading.
///
/// # Errors
/// When a file cannot be read, or a whole line does not hold what was written.
pub fn read_after(folder: &Path, after: Position, limit: usize) -> Result<Vec<Record>, LedgerError> {
    let segments = segments(folder)?;
    let mut records = Vec::new();
    for (index, (first, path)) in segments.iter().enumerate() {
        let is_behind = segments
            .get(index + 1)
            .is_some_and(|(next, _)| *next <= Position { seq: after.seq.saturating_add(1), ..after });
        if is_behind {
            continue;
        }
        let bytes = fs::read(path).map_err(|source| LedgerError::Read { file: path.clone(), source })?;
        for (number, line) in format::whole_lines(&bytes).enumerate() {
            let read = format::read_line(line);
            let (seq, body) = read.map_err(|why| LedgerError::Damaged { file: path.clone(), line: number + 1, why })?;
            let at = Position { epoch: first.epoch, seq };
            if at > after {
                if records.len() == limit {
                    return Ok(records);
                }
                records.push(Record { at, body });
            }
        }
    }
    Ok(records)
}

/// How far the database has the ledger; `None` when nothing was ever copied.
///
/// # Errors
/// When the cursor is there and cannot be read.
pub fn read_cursor(folder: &Path) -> Result<Option<Position>, LedgerError> {
    let file = folder.join("copied.json");
    match fs::read(&file) {
        Ok(bytes) => match serde_json::from_slice(&bytes) {
            Ok(position) => Ok(Some(position)),
            Err(_) => Err(LedgerError::Damaged { file, line: 1, why: "it is no position" }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(LedgerError::Read { file, source }),
    }
}

/// Notes how far the database has the ledger. Call after the COMMIT; a crash in between copies the same rows again,
/// which the database takes as one.
///
/// # Errors
/// When the cursor cannot be written.
pub fn write_cursor(folder: &Path, copied: Position) -> Result<(), LedgerError> {
    let file = folder.join("copied.json");
    let text = format!("{{\"epoch\":{},\"seq\":{}}}\n", copied.epoch, copied.seq);
    write_atomically(&file, text.as_bytes(), 0o600).map_err(|source| LedgerError::Write { file, source })
}

/// The segments of a folder with the position of their first record, oldest first.
fn segments(folder: &Path) -> Result<Vec<(Position, PathBuf)>, LedgerError> {
    let failed = |source| LedgerError::Open { folder: folder.to_owned(), source };
    let mut segments = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if let Some(first) = entry.file_name().to_str().and_then(first_of) {
            segments.push((first, entry.path()));
        }
    }
    segments.sort();
    Ok(segments)
}

fn first_of(name: &str) -> Option<Position> {
    let (epoch, seq) = name.strip_prefix("ledger-")?.strip_suffix(".jsonl")?.split_once('-')?;
    Some(Position { epoch: epoch.parse().ok()?, seq: seq.parse().ok()? })
}

/// The last record of the segment before the one that begins at `next`.
fn last_before(next: Position, path: &Path) -> Result<Position, LedgerError> {
    let first = path.file_name().and_then(|name| name.to_str()).and_then(first_of).unwrap_or_default();
    if first.epoch == next.epoch {
        return Ok(Position { seq: next.seq - 1, ..next });
    }
    let bytes = fs::read(path).map_err(|source| LedgerError::Read { file: path.to_owned(), source })?;
    let last = format::whole_lines(&bytes).last().and_then(|line| format::read_line(line).ok());
    Ok(Position { epoch: first.epoch, seq: last.map_or(first.seq - 1, |(seq, _)| seq) })
}

/// Cuts off what follows the last whole and sound line: a write that a crash has torn.
fn cut_torn_end(path: &Path) -> Result<(), LedgerError> {
    let read_failed = |source| LedgerError::Read { file: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(read_failed)?;
    let sound = format::sound_length(&bytes);
    if sound == bytes.len() {
        return Ok(());
    }
    tracing::warn!(file = %path.display(), torn_bytes = bytes.len() - sound, "the ledger's last line was torn by a crash and is cut off");
    let write_failed = |source| LedgerError::Write { file: path.to_owned(), source };
    let file = OpenOptions::new().write(true).open(path).map_err(write_failed)?;
    file.set_len(sound as u64).and_then(|()| file.sync_all()).map_err(write_failed)
}

#[cfg(test)]
mod tests;
