//! The real window: a private display, the desktop program on it, and hands that press its keys.
//!
//! What the window shows is read as a screen reader reads it, through `tests/environment/screen.py`; the names of
//! its parts are those of `tests/environment/names.py`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use crate::gateway::{Employee, Gateway, PASSWORD, program};
use crate::left_out::left_out;

const PATIENCE: Duration = Duration::from_secs(60);
const SETTLING: Duration = Duration::from_millis(500);

/// A display that nobody else sees. It ends when this is dropped.
pub struct Display {
    variables: Vec<(String, String)>,
    process: Child,
    /// The script holds the display as long as its input is open.
    input: Option<ChildStdin>,
}

impl Display {
    /// `None` when no script for a display was named, and the test is left out.
    pub async fn start(test: &str) -> Option<Self> {
        let Some(script) = std::env::var_os("PULT_TEST_XENV") else {
            left_out(test, "PULT_TEST_XENV names no script for a private display (`cargo xtask test` does)");
            return None;
        };
        let mut process = Command::new(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the script for a private display can be started");
        let input = process.stdin.take();
        let mut lines = BufReader::new(process.stdout.take().expect("its output is piped")).lines();
        let mut variables = Vec::new();
        let read = async {
            while let Some(line) = lines.next_line().await.expect("its output can be read") {
                match line.split_once('=') {
                    Some((name, value)) => variables.push((name.to_owned(), value.to_owned())),
                    None => return line == "ready",
                }
            }
            false
        };
        let ready = timeout(PATIENCE, read).await.expect("the display is there in time");
        assert!(ready, "the display did not start");
        Some(Self { variables, process, input })
    }

    fn on_it(&self, command: &mut Command) {
        command.envs(self.variables.iter().map(|(name, value)| (name, value))).env_remove("WAYLAND_DISPLAY");
    }

    /// Takes the display down and waits for it.
    pub async fn end(mut self) {
        drop(self.input.take());
        timeout(PATIENCE, self.process.wait()).await.expect("the display ends in time").expect("it can be waited for");
    }
}

/// The desktop program in its window.
pub struct Window<'a> {
    display: &'a Display,
    process: Child,
}

impl<'a> Window<'a> {
    /// Opens the desktop of `who`, signed in. What it keeps on this computer lies in `state`.
    pub fn open(display: &'a Display, gateway: &Gateway, who: &Employee, state: &Path) -> Self {
        std::fs::create_dir_all(state).expect("a folder for the desktop");
        let password = state.join("password");
        std::fs::write(&password, PASSWORD).expect("a file for the password");
        let log = std::fs::File::create(state.join("window.log")).expect("a file for the log");
        let mut command = Command::new(program("operator-app"));
        display.on_it(&mut command);
        command
            .args(["--gateway", &format!("ws://{}", gateway.desk_address()), "--login", who.login])
            .arg("--password-file")
            .arg(&password)
            .arg("--state-dir")
            .arg(state)
            .args(["--lang", "ru"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true);
        Self { display, process: command.spawn().expect("the desktop can be started") }
    }

    /// Kills the program as a crash would.
    pub async fn kill(mut self) {
        self.process.kill().await.expect("the desktop can be killed");
    }

    /// Waits until a part of this name is on the screen, and gives its line. A name may end in `…`.
    pub async fn wait(&self, name: &str) -> String {
        self.screen(&["wait", name, "40"]).await
    }

    /// Waits until no part of this name is left.
    pub async fn gone(&self, name: &str) {
        self.screen(&["gone", name, "40"]).await;
    }

    pub async fn key(&self, key: &str) {
        self.screen(&["key", key]).await;
    }

    /// Makes the window small: the operator works in another program. Nothing is seen of it from then on.
    pub async fn put_away(&self) {
        self.screen(&["put-away"]).await;
    }

    /// Presses a key that may go to any program.
    pub async fn key_elsewhere(&self, key: &str) {
        let mut hand = Command::new("xdotool");
        self.display.on_it(&mut hand);
        let pressed = hand.args(["key", "--clearmodifiers", key]).status().await.expect("xdotool can be started");
        assert!(pressed.success(), "{key} cannot be pressed");
    }

    pub async fn type_text(&self, text: &str) {
        self.screen(&["type", text]).await;
    }

    pub async fn press(&self, name: &str) {
        self.screen(&["press", name]).await;
    }

    /// The text that a field holds.
    pub async fn value(&self, name: &str) -> String {
        self.screen(&["value", name]).await
    }

    /// Finds a command in the list of all commands and runs it, by keys alone: for a display without the
    /// accessibility bus, where nobody hears what the screen says.
    ///
    /// # Errors
    /// When there is no window, or no hands to press its keys (xdotool).
    pub async fn run_command_unseen(&self, command: &str) -> anyhow::Result<()> {
        let pid = self.process.id().context("the desktop runs")?.to_string();
        let keys: [&[&str]; 5] = [
            &["xdotool", "search", "--sync", "--onlyvisible", "--all", "--pid", &pid, "--name", ".", "windowactivate"],
            &["xdotool", "key", "--clearmodifiers", "ctrl+k"],
            // Without the right layout xdotool borrows a spare key for each letter, and a busy program mixes them up.
            &["setxkbmap", "-layout", "ru"],
            &["xdotool", "type", "--delay", "50", command],
            &["setxkbmap", "-layout", "us"],
        ];
        for words in keys.into_iter().chain([["xdotool", "key", "Return"].as_slice()]) {
            let mut hand = Command::new(words[0]);
            self.display.on_it(&mut hand);
            hand.args(&words[1..]).stdin(Stdio::null()).kill_on_drop(true);
            let done = timeout(PATIENCE, hand.output()).await.context("no hand moves")??;
            anyhow::ensure!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
            // The program takes a change of the layout, and draws what was typed, a few frames later.
            tokio::time::sleep(SETTLING).await;
        }
        Ok(())
    }

    async fn screen(&self, words: &[&str]) -> String {
        let pid = self.process.id().expect("the desktop runs").to_string();
        let mut command = Command::new("/usr/bin/python3");
        self.display.on_it(&mut command);
        command.arg("-B").arg(script()).arg(pid).args(words).stdin(Stdio::null()).kill_on_drop(true);
        let done = timeout(PATIENCE, command.output()).await.expect("the screen answers in time");
        let done = done.expect("python3 can be started");
        let said = String::from_utf8_lossy(&done.stdout).trim().to_owned();
        assert!(done.status.success(), "{words:?}: {said}{}", String::from_utf8_lossy(&done.stderr));
        said
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("environment/screen.py")
}
