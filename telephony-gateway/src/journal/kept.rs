//! What has to be spoken on with after a kill: the calls and the telephones as they were last, one line for each change.
//!
//! Beside the ledger, which says what has happened, this says how things stand. A line is a key and its newest value;
//! the last one counts, and `null` takes the key away. The file is written with the ledger, before anything of a turn
//! leaves, and never synced: it is for a killed program, not for a lost machine. When most of it is old it is written
//! anew.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::value::RawValue;

/// Beyond the living lines, so much may be old before the file is written anew.
const SLACK_BYTES: u64 = 4 << 20;

pub type Values = BTreeMap<String, Box<RawValue>>;

/// A change: the key, and its value, or nothing any more.
pub type Change = (String, Option<Box<RawValue>>);

pub struct KeptFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    live: Values,
    live_bytes: u64,
    /// The file lacks something that the disk did not take: it has to be written anew.
    is_behind: bool,
}

impl KeptFile {
    /// Opens the file with what the last run has left in it.
    ///
    /// # Errors
    /// When it can neither be read nor made.
    pub fn open(path: &Path) -> io::Result<Self> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let live = read(&text);
        let file = private().append(true).open(path)?;
        let live_bytes = live.iter().map(|(key, value)| line_bytes(key.len(), value.get())).sum();
        let mut kept = Self { path: path.to_owned(), file, bytes: 0, live, live_bytes, is_behind: false };
        // A torn end would swallow the next line.
        kept.write_anew()?;
        Ok(kept)
    }

    pub const fn values(&self) -> &Values {
        &self.live
    }

    /// Writes changes in one `write(2)`. After an error they are written with the next ones.
    ///
    /// # Errors
    /// When the disk does not take them.
    pub fn write(&mut self, changes: Vec<Change>) -> io::Result<()> {
        let lines = self.take_all(changes);
        if self.is_behind || self.bytes + lines.len() as u64 > 2 * self.live_bytes + SLACK_BYTES {
            return self.write_anew();
        }
        match self.file.write_all(lines.as_bytes()) {
            Ok(()) => {
                self.bytes += lines.len() as u64;
                Ok(())
            }
            Err(error) => {
                self.is_behind = true;
                Err(error)
            }
        }
    }

    /// Only notes the changes, while the disk does not take anything.
    pub fn note(&mut self, changes: Vec<Change>) {
        self.is_behind = true;
        self.take_all(changes);
    }

    fn take_all(&mut self, changes: Vec<Change>) -> String {
        let mut lines = String::new();
        for (key, value) in changes {
            self.take(&mut lines, key, value);
        }
        lines
    }

    fn take(&mut self, lines: &mut String, key: String, value: Option<Box<RawValue>>) {
        let n_key = key.len();
        write_line(lines, &key, value.as_ref().map_or("null", |json| json.get()));
        let before = match value {
            Some(json) => {
                self.live_bytes += line_bytes(n_key, json.get());
                self.live.insert(key, json)
            }
            None => self.live.remove(&key),
        };
        if let Some(before) = before {
            self.live_bytes = self.live_bytes.saturating_sub(line_bytes(n_key, before.get()));
        }
    }

    fn write_anew(&mut self) -> io::Result<()> {
        self.is_behind = true;
        let mut text = String::with_capacity(self.live_bytes as usize);
        for (key, value) in &self.live {
            write_line(&mut text, key, value.get());
        }
        let beside = self.path.with_extension("new");
        // One that was left behind may have other rights.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let written = private().write(true).open(&beside).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            fs::rename(&beside, &self.path)?;
            Ok(file)
        });
        match written {
            Ok(file) => {
                (self.file, self.bytes, self.is_behind) = (file, text.len() as u64, false);
                Ok(())
            }
            Err(error) => {
                // Half a file would only take room from the ledger.
                let _ = fs::remove_file(&beside);
                Err(error)
            }
        }
    }
}

/// Names and numbers are in it: nobody but the gateway reads it.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).mode(0o600);
    options
}

fn write_line(lines: &mut String, key: &str, json: &str) {
    // A string is always JSON.
    let key = serde_json::to_string(key).unwrap_or_default();
    lines.extend(["[", &key, ",", json, "]\n"]);
}

const fn line_bytes(n_key: usize, json: &str) -> u64 {
    (n_key + json.len() + 6) as u64
}

/// The newest value of each key; a line that was torn by the kill is passed over.
fn read(text: &[u8]) -> Values {
    let mut live = Values::new();
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match serde_json::from_slice::<(String, Option<Box<RawValue>>)>(line) {
            Ok((key, Some(value))) => _ = live.insert(key, value),
            Ok((key, None)) => _ = live.remove(&key),
            Err(error) => tracing::warn!(%error, "a line of what was kept cannot be read"),
        }
    }
    live
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Option<Box<RawValue>> {
        Some(RawValue::from_string(text.to_owned()).unwrap())
    }

    fn values(file: &KeptFile) -> Vec<(&str, &str)> {
        file.values().iter().map(|(key, value)| (key.as_str(), value.get())).collect()
    }

    #[test]
    fn the_last_word_about_each_call_counts_after_a_kill() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept.jsonl");
        let mut file = KeptFile::open(&path).unwrap();
        file.write(vec![("call/1".into(), json("{\"n\":1}")), ("call/2".into(), json("2"))]).unwrap();
        file.write(vec![("call/1".into(), json("{\"n\":2}")), ("call/2".into(), None)]).unwrap();
        drop(file);
        fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"[\"call/1\",{\"n").unwrap();
        let mut file = KeptFile::open(&path).unwrap();
        assert_eq!(values(&file), [("call/1", "{\"n\":2}")]);
        file.write(vec![("call/3".into(), json("3"))]).unwrap();
        assert_eq!(values(&KeptFile::open(&path).unwrap()), [("call/1", "{\"n\":2}"), ("call/3", "3")]);
    }

    #[test]
    fn a_day_of_calls_does_not_make_the_file_grow() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept.jsonl");
        let mut file = KeptFile::open(&path).unwrap();
        let value = format!("\"{}\"", "x".repeat(10_000));
        for n in 0..2_000 {
            file.write(vec![(format!("call/{n}"), json(&value))]).unwrap();
            file.write(vec![(format!("call/{n}"), None)]).unwrap();
        }
        assert!(fs::metadata(&path).unwrap().len() < 2 * SLACK_BYTES);
        assert!(KeptFile::open(&path).unwrap().values().is_empty());
    }
}
