//! Telephones with a stack that is not ours (PJSIP), moved by a test: [`Puppets::find`] says in words when it is not
//! there, [`Puppet`] is one telephone, or one customer behind the carrier.
//!
//! A puppet is a process (`tests/peers/phone.py`) without a sound device. It speaks a tone or plays a recording, and
//! records what it hears; what is measured is counted in the samples of that recording, whatever the clock says.

mod setup;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::gateway::{Employee, Gateway, PATIENCE, target_folder};
use crate::hearing::{Followed, RATE, Sound};
use crate::left_out::left_out;

pub use setup::Setup;

/// What was on its way when a puppet began to listen, with room for its buffer.
const EDGE_MS: usize = 500;

/// The stack of the puppets, which is installed.
#[derive(Clone, Debug)]
pub struct Puppets {
    python: PathBuf,
}

/// One call of a puppet, by the number that the puppet gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line(pub i64);

/// A call that rings at a puppet.
#[derive(Clone, Debug)]
pub struct Ringing {
    pub line: Line,
    /// `From`, as it stands in the INVITE.
    pub from: String,
    pub to: String,
    /// It was told to lift itself, and has.
    pub lifts_itself: bool,
}

/// How keys are pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// As events in the sound (RFC 4733).
    Rfc4733,
    /// By messages (INFO, `application/dtmf-relay`).
    Info,
}

impl Puppets {
    /// `None` when the stack is not installed, and the test is left out.
    pub fn find(test: &str) -> Option<Self> {
        let named = std::env::var_os("PULT_TEST_PEERS").map(PathBuf::from);
        let python = named.unwrap_or_else(|| target_folder().join("peers")).join("bin/python");
        if python.is_file() {
            return Some(Self { python });
        }
        left_out(test, "PJSIP is not installed in target/peers (`cargo xtask test` does it)");
        None
    }

    /// A telephone as `setup` says, registered when it has a password.
    pub async fn open(&self, setup: Setup) -> Puppet {
        let folder = tempfile::Builder::new().prefix("pult-puppet-").tempdir().expect("a folder for a puppet");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/phone.py");
        let errors = std::fs::File::create(folder.path().join("errors")).expect("a file for a puppet");
        let mut command = Command::new(&self.python);
        command.arg(script).current_dir(folder.path()).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let mut process = command.spawn().expect("a puppet can be started");
        let stdin = process.stdin.take().expect("its input is a pipe");
        let stdout = process.stdout.take().expect("its output is a pipe");
        let (told, events) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut rows = BufReader::new(stdout).lines();
            while let Ok(Some(row)) = rows.next_line().await {
                let Ok(event) = serde_json::from_str(&row) else { panic!("a puppet has said what is no event: {row}") };
                if told.send(event).is_err() {
                    return;
                }
            }
        });
        let name = setup.user.clone();
        let mut puppet = Puppet {
            name,
            process,
            stdin: Some(stdin),
            events,
            kept: VecDeque::new(),
            passed_over: VecDeque::new(),
            last_id: 0,
            n_recordings: 0,
            folder,
        };
        let registers = setup.password.is_some();
        let mut told = serde_json::to_value(setup).expect("a setup is JSON");
        told["log_file"] = json!(puppet.log_file());
        puppet.tell("open", told).await;
        if registers {
            puppet.event("registered").await;
        }
        puppet
    }

    /// The telephone on somebody's table, which is lifted when the test says so.
    pub async fn phone(&self, gateway: &Gateway, of: Employee) -> Puppet {
        self.open(Setup::phone(gateway, of)).await
    }

    /// Somebody who calls by the carrier, and has dialled already.
    pub async fn caller(&self, gateway: &Gateway, number: &str, dialled: &str) -> Puppet {
        let mut caller = self.open(Setup::customer(gateway, number)).await;
        caller.dial(dialled).await;
        caller
    }
}

/// A telephone that runs. Dropped, it vanishes without a word.
pub struct Puppet {
    name: String,
    process: Child,
    stdin: Option<ChildStdin>,
    events: mpsc::UnboundedReceiver<Value>,
    kept: VecDeque<Value>,
    /// The last events that nobody waited for, to be named when something else does not come.
    passed_over: VecDeque<Value>,
    last_id: u64,
    n_recordings: u32,
    folder: TempDir,
}

impl Puppet {
    /// Tells it something that must work. Events that come meanwhile are kept.
    pub async fn tell(&mut self, what: &str, more: Value) -> Value {
        match self.try_to(what, more).await {
            Ok(done) => done,
            Err(why) => panic!("{} cannot {what}: {why}", self.name),
        }
    }

    /// Tells it something that may fail.
    pub async fn try_to(&mut self, what: &str, mut more: Value) -> Result<Value, String> {
        self.last_id += 1;
        let id = self.last_id;
        (more["do"], more["id"]) = (json!(what), json!(id));
        let stdin = self.stdin.as_mut().expect("a puppet that has not been let go");
        stdin.write_all(format!("{more}\n").as_bytes()).await.expect("the puppet is there");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let event = self.hear(deadline, what).await;
            if event["id"] != id {
                self.kept.push_back(event);
            } else if event["event"] == "done" {
                return Ok(event);
            } else {
                return Err(event["why"].as_str().unwrap_or_default().to_owned());
            }
        }
    }

    /// The next event from which `choose` takes something. Events before it are passed over.
    pub async fn expect<T>(&mut self, what: &str, mut choose: impl FnMut(&Value) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let event = match self.kept.pop_front() {
                Some(event) => event,
                None => self.hear(deadline, what).await,
            };
            if let Some(found) = choose(&event) {
                return found;
            }
            self.passed_over.push_back(event);
            if self.passed_over.len() > 20 {
                self.passed_over.pop_front();
            }
        }
    }

    /// The next event of this name.
    pub async fn event(&mut self, name: &str) -> Value {
        self.expect(name, |event| (event["event"] == name).then(|| event.clone())).await
    }

    /// Looks at nothing that has happened up to now.
    pub fn forget(&mut self) {
        self.kept.clear();
        while self.events.try_recv().is_ok() {}
    }

    pub async fn rings(&mut self) -> Ringing {
        let event = self.event("incoming").await;
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        Ringing {
            line: Line(event["call"].as_i64().expect("a number of a call")),
            from: text("from"),
            to: text("to"),
            lifts_itself: event["lifts_itself"] == true,
        }
    }

    /// Waits until the call is in this state: `calling`, `early`, `confirmed`, `disconnected`. Gives the last code.
    pub async fn state(&mut self, line: Line, state: &str) -> u64 {
        let fits = |event: &Value| event["event"] == "state" && event["call"] == line.0 && event["state"] == state;
        self.expect(state, |event| fits(event).then(|| event["code"].as_u64().unwrap_or_default())).await
    }

    pub async fn is_up(&mut self, line: Line) {
        self.state(line, "confirmed").await;
    }

    pub async fn is_over(&mut self, line: Line) {
        self.state(line, "disconnected").await;
    }

    /// Waits until the sound of the call is `active`, `local_hold` or `remote_hold`.
    pub async fn media(&mut self, line: Line, status: &str) {
        let fits = |event: &Value| event["event"] == "media" && event["call"] == line.0 && event["status"] == status;
        self.expect(status, |event| fits(event).then_some(())).await;
    }

    pub async fn dial(&mut self, to: &str) -> Line {
        let done = self.tell("dial", json!({ "to": to })).await;
        Line(done["call"].as_i64().expect("a number of a call"))
    }

    /// Lifts the telephone that rings, and waits until somebody can be spoken with.
    pub async fn answer(&mut self) -> Line {
        let ringing = self.rings().await;
        if !ringing.lifts_itself {
            self.tell("answer", json!({ "call": ringing.line.0 })).await;
        }
        self.is_up(ringing.line).await;
        ringing.line
    }

    pub async fn hang_up(&mut self, line: Line) {
        self.tell("hang_up", json!({ "call": line.0 })).await;
        self.is_over(line).await;
    }

    pub async fn hold(&mut self, line: Line) {
        self.tell("hold", json!({ "call": line.0 })).await;
        self.media(line, "local_hold").await;
    }

    pub async fn retrieve(&mut self, line: Line) {
        self.tell("retrieve", json!({ "call": line.0 })).await;
        self.media(line, "active").await;
    }

    pub async fn press(&mut self, line: Line, digits: &str, keys: Keys) {
        let method = if keys == Keys::Info { "info" } else { "rfc4733" };
        self.tell("digits", json!({ "call": line.0, "digits": digits, "method": method })).await;
    }

    /// The next keys that somebody presses for this telephone, and how the last one came.
    pub async fn hears_keys(&mut self, n: usize) -> (String, Keys) {
        let (mut digits, mut keys) = (String::new(), Keys::Rfc4733);
        for _ in 0..n {
            let event = self.event("digit").await;
            digits += event["digit"].as_str().unwrap_or_default();
            keys = if event["method"] == "info" { Keys::Info } else { Keys::Rfc4733 };
        }
        (digits, keys)
    }

    /// Asks for a blind transfer (REFER). The final answer of its progress comes with [`Self::referred`].
    pub async fn refer(&mut self, line: Line, to: &str) {
        self.tell("refer", json!({ "call": line.0, "to": to })).await;
    }

    /// Asks for a transfer to whom it speaks with on another line (REFER with Replaces).
    pub async fn refer_with_replaces(&mut self, line: Line, replaced: Line) {
        self.tell("refer_with_replaces", json!({ "call": line.0, "replaces": replaced.0 })).await;
    }

    /// The last code of a transfer that was asked for.
    pub async fn referred(&mut self, line: Line) -> u64 {
        let last = |event: &Value| event["event"] == "transfer" && event["call"] == line.0 && event["final"] == true;
        self.expect("the end of a transfer", |event| last(event).then(|| event["code"].as_u64().unwrap_or_default()))
            .await
    }

    /// Speaks a tone, in every call, until it is told something else.
    pub async fn sing(&mut self, hz: u32) {
        self.tell("tone", json!({ "hz": hz })).await;
    }

    /// Says nothing any more.
    pub async fn hush(&mut self) {
        self.tell("hush", json!({})).await;
    }

    /// Plays a recording once, in every call.
    pub async fn play(&mut self, sound: &Sound) {
        let file = self.folder.path().join("play.wav");
        sound.write(&file).expect("a recording can be written");
        self.tell("play", json!({ "file": file })).await;
    }

    /// Begins to record what it hears, until [`Self::heard`].
    pub async fn record(&mut self) {
        let file = self.new_recording();
        self.tell("record", json!({ "file": file })).await;
    }

    /// What was recorded since [`Self::record`].
    pub async fn heard(&mut self) -> Sound {
        self.tell("end_record", json!({})).await;
        self.recorded().await
    }

    /// So many milliseconds of what it hears from now on, counted in samples, without what was on its way already.
    pub async fn listen(&mut self, ms: usize) -> Sound {
        self.begin_listening(EDGE_MS + ms).await;
        let sound = self.recorded().await.part(EDGE_MS..EDGE_MS + ms);
        assert_eq!(sound.samples.len(), RATE as usize * ms / 1000, "everything was recorded");
        sound
    }

    /// Lets another one play a recording, and looks how it comes out here. `None` when it does not.
    pub async fn follows(&mut self, other: &mut Self, known: &Sound) -> Option<Followed> {
        self.begin_following(known).await;
        other.play(known).await;
        self.recorded().await.follow(known)
    }

    /// The same in both directions at once: what this one has heard of the other, and the other way round.
    pub async fn converses(&mut self, other: &mut Self) -> (Option<Followed>, Option<Followed>) {
        let (mine, yours) = (Sound::speech(1, 4000), Sound::speech(2, 4000));
        self.begin_following(&yours).await;
        other.begin_following(&mine).await;
        self.play(&mine).await;
        other.play(&yours).await;
        (self.recorded().await.follow(&yours), other.recorded().await.follow(&mine))
    }

    async fn begin_following(&mut self, known: &Sound) {
        // With room for the way, and for a machine that has much to do.
        self.begin_listening(known.ms() + 1500).await;
    }

    async fn begin_listening(&mut self, ms: usize) {
        let file = self.new_recording();
        self.tell("listen", json!({ "file": file, "ms": ms })).await;
    }

    /// The recording that was begun last, once all of it is there.
    async fn recorded(&mut self) -> Sound {
        let event = self.event("heard").await;
        let file = event["file"].as_str().expect("the name of a file");
        Sound::read(Path::new(file)).expect("a recording")
    }

    /// What its stream has counted, in packets: `received`, `lost`, `buffer_empty` and more.
    pub async fn statistics(&mut self, line: Line) -> Value {
        self.tell("statistics", json!({ "call": line.0 })).await
    }

    /// Signs off and ends.
    pub async fn leave(mut self) {
        drop(self.stdin.take());
        let ended = tokio::time::timeout(PATIENCE, self.process.wait()).await;
        let status = ended.expect("a puppet ends in time").expect("it can be waited for");
        assert!(status.success(), "{} ends badly: {status}", self.name);
    }

    /// What PJSIP has logged, with every message that it has sent and got.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.log_file()).unwrap_or_default()).into_owned()
    }

    /// Each has a file of its own: the one before may still be written to its end.
    fn new_recording(&mut self) -> PathBuf {
        self.n_recordings += 1;
        self.folder.path().join(format!("heard-{}.wav", self.n_recordings))
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    async fn hear(&mut self, deadline: Instant, what: &str) -> Value {
        match timeout_at(deadline, self.events.recv()).await {
            Ok(Some(event)) => event,
            Ok(None) => panic!("{} has ended before {what}", self.name),
            Err(_) => panic!("{} does not see {what}; it has lately said {:#?}", self.name, self.passed_over),
        }
    }
}

impl Drop for Puppet {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // PJSIP writes the end of its log when it is let go.
            drop(self.stdin.take());
            let ended = |process: &mut Child| matches!(process.try_wait(), Ok(Some(_)));
            for _ in 0..50 {
                if ended(&mut self.process) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            let read = |file: PathBuf| std::fs::read(file).unwrap_or_default();
            let log = [read(self.log_file()), read(self.folder.path().join("errors"))].concat();
            eprintln!("── what {} has logged ──\n{}", self.name, String::from_utf8_lossy(&log));
        }
    }
}
