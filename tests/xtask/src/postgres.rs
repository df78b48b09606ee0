//! A private PostgreSQL server for a run of tests.
//!
//! The work is done by `tests/environment/private-postgres.sh`, so that a test can use the same means
//! to stop that server, to start it again, or to make one more for itself.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::place;
use crate::trouble::{Outcome, Trouble, Trying};

/// A running server; dropping this stops it and removes its data.
pub struct PrivatePostgres {
    folder: PathBuf,
    url: String,
}

impl PrivatePostgres {
    /// Makes and starts a server with its data in this folder. What an earlier run left there is removed first.
    pub fn start(folder: &Path) -> Outcome<PrivatePostgres> {
        script("drop", folder)?;
        script("start", folder)?;
        let url = script("url", folder)?.trim().to_owned();
        Ok(PrivatePostgres { folder: folder.to_path_buf(), url })
    }

    /// Tells a program of the tests where the server is, and how to stop and start it.
    pub fn tell(&self, command: &mut Command) {
        command.env("PULT_TEST_POSTGRES", &self.url);
        command.env("PULT_TEST_PG_CTL", script_path());
        command.env("PULT_TEST_PG_FOLDER", &self.folder);
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        if let Err(trouble) = script("drop", &self.folder) {
            eprintln!("{trouble}");
        }
    }
}

/// Whether there is a server to start at all.
pub fn is_installed() -> bool {
    let debian = std::fs::read_dir("/usr/lib/postgresql").is_ok_and(|mut versions| versions.next().is_some());
    debian || place::program("initdb").is_some()
}

fn script_path() -> PathBuf {
    place::environment("private-postgres.sh")
}

fn script(verb: &str, folder: &Path) -> Outcome<String> {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(script_path());
    // In a group of its own: Ctrl+C must not stop the server before the tests that use it.
    command.arg(verb).arg(folder).stdin(Stdio::null()).process_group(0);
    let output = command.output().trying("run private-postgres.sh")?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Trouble::new(format!("the private PostgreSQL server: `{verb}` failed: {}", said.trim())))
}
