//! Telephones of one more maker: baresip, told what to do over its control socket (`ctrl_tcp`, JSON in netstrings).
//!
//! It speaks a tone from a file, and keeps what it decodes, up to its first hold (`sndfile`; it has no sound device that
//! would go on to take the sound). What it says can be heard at the other end.

use std::collections::VecDeque;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout_at};

use crate::gateway::{Employee, Gateway, PASSWORD, PATIENCE};
use crate::hearing::Sound;
use crate::left_out::left_out;

/// It binds its sound to no address, so that it comes from this one, whatever its description says: all of it must
/// stand here.
const HOST: Ipv4Addr = Ipv4Addr::LOCALHOST;
const POLL: Duration = Duration::from_millis(20);
/// Longer than any test: it does not speak the same file twice.
const SPEAKS_MS: usize = 120_000;
/// Where Debian keeps its modules.
const MODULES: [&str; 2] = ["/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules"];
/// A message of its control socket is no longer.
const LONGEST_MESSAGE: usize = 65_536;

/// baresip, which is installed.
#[derive(Clone, Copy, Debug)]
pub struct Baresips {
    modules: &'static str,
}

/// A telephone that runs. Dropped, it vanishes without a word.
pub struct Baresip {
    number: &'static str,
    process: Child,
    events: BufReader<OwnedReadHalf>,
    commands: OwnedWriteHalf,
    kept: VecDeque<Value>,
    folder: TempDir,
}

impl Baresips {
    /// `None` when baresip is not installed, and the test is left out.
    pub fn find(test: &str) -> Option<Self> {
        let modules = MODULES.into_iter().find(|folder| Path::new(folder).join("ctrl_tcp.so").is_file());
        if modules.is_none() {
            left_out(test, "baresip is not installed (Debian: baresip-core)");
        }
        modules.map(|modules| Self { modules })
    }

    /// The telephone on somebody's table, registered, which speaks this tone.
    pub async fn phone(self, gateway: &Gateway, of: Employee, hz: u32) -> Baresip {
        let number = of.phone.expect("somebody with a telephone");
        let control = free_port();
        let folder = tempfile::Builder::new().prefix("pult-baresip-").tempdir().expect("a folder for baresip");
        self.write_config(folder.path(), control, hz);
        let log = fs::File::create(folder.path().join("log")).expect("a file for baresip");
        let mut command = Command::new("baresip");
        command.arg("-f").arg(folder.path()).args(["-v", "-s"]).current_dir(folder.path()).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file for baresip")).stderr(log);
        let process = command.spawn().expect("baresip can be started");
        let deadline = Instant::now() + PATIENCE;
        let stream = loop {
            match TcpStream::connect(control).await {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < deadline, "baresip is not there: {error}"),
            }
            tokio::time::sleep(POLL).await;
        };
        let (read, commands) = stream.into_split();
        let events = BufReader::new(read);
        let mut phone = Baresip { number, process, events, commands, kept: VecDeque::new(), folder };
        // Told only now, so that nothing is missed of its registration.
        let server = gateway.sip_address();
        let account =
            format!("<sip:{number}@{server}>;auth_user={number};auth_pass={PASSWORD};regint=300;answermode=manual");
        phone.tell("uanew", &account).await;
        phone.event("REGISTER_OK").await;
        phone
    }

    fn write_config(self, folder: &Path, control: SocketAddr, hz: u32) {
        let tone = folder.join("tone.wav");
        Sound::tone(hz, SPEAKS_MS).write(&tone).expect("a file for baresip");
        let config = format!(
            "poll_method epoll\n\
             net_interface {HOST}\n\
             call_local_timeout 120\n\
             call_max_calls 4\n\
             audio_source aufile,{tone}\n\
             audio_alert aufile,{tone}\n\
             ausrc_srate 8000\nauplay_srate 8000\nausrc_channels 1\nauplay_channels 1\n\
             ausrc_format s16\nauplay_format s16\nauenc_format s16\naudec_format s16\n\
             rtp_timeout 0\n\
             module_path {modules}\n\
             module g711.so\nmodule aufile.so\nmodule sndfile.so\nmodule uuid.so\n\
             module_tmp account.so\n\
             module_app menu.so\nmodule_app contact.so\nmodule_app ctrl_tcp.so\n\
             ctrl_tcp_listen {control}\n\
             snd_path {folder}\n",
            tone = tone.display(),
            modules = self.modules,
            folder = folder.display(),
        );
        for (name, text) in [("config", config.as_str()), ("accounts", ""), ("contacts", "")] {
            fs::write(folder.join(name), text).expect("a file for baresip");
        }
    }
}

impl Baresip {
    /// Tells it something that must work. Events that come meanwhile are kept.
    pub async fn tell(&mut self, command: &str, params: &str) {
        let message = json!({ "command": command, "params": params, "token": command }).to_string();
        let framed = format!("{}:{message},", message.len());
        self.commands.write_all(framed.as_bytes()).await.expect("baresip is there");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let event = self.hear(deadline, command).await;
            if event["response"] == true && event["token"] == command {
                assert_eq!(event["ok"], true, "baresip {} cannot {command}: {event}", self.number);
                return;
            }
            self.kept.push_back(event);
        }
    }

    /// The next event of this type; those before it are passed over.
    pub async fn event(&mut self, kind: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let event = match self.kept.pop_front() {
                Some(event) => event,
                None => self.hear(deadline, kind).await,
            };
            if event["type"] == kind {
                return event;
            }
        }
    }

    /// Lifts the telephone as soon as it rings.
    pub async fn answer(&mut self) {
        self.event("CALL_INCOMING").await;
        self.tell("accept", "").await;
        self.event("CALL_ESTABLISHED").await;
    }

    pub async fn dial(&mut self, to: &str) {
        self.tell("dial", to).await;
    }

    pub async fn is_up(&mut self) {
        self.event("CALL_ESTABLISHED").await;
    }

    pub async fn is_over(&mut self) {
        self.event("CALL_CLOSED").await;
    }

    pub async fn hang_up(&mut self) {
        self.tell("hangup", "").await;
        self.is_over().await;
    }

    pub async fn hold(&mut self) {
        self.tell("hold", "").await;
    }

    pub async fn retrieve(&mut self) {
        self.tell("resume", "").await;
    }

    /// Presses keys, as events in the sound.
    pub async fn press(&mut self, digits: &str) {
        self.tell("sndcode", digits).await;
    }

    /// The next keys that somebody presses for this telephone.
    pub async fn hears_keys(&mut self, n: usize) -> String {
        let mut digits = String::new();
        while digits.len() < n {
            digits += self.event("CALL_DTMF_START").await["param"].as_str().unwrap_or_default();
        }
        digits
    }

    /// What it has decoded since the call began, once the call is over.
    pub fn heard(&self) -> Sound {
        let files = fs::read_dir(self.folder.path()).expect("its folder").filter_map(Result::ok);
        let decoded = |path: &PathBuf| path.to_string_lossy().ends_with("-dec.wav");
        let file = files.map(|entry| entry.path()).find(decoded).expect("a recording");
        Sound::read(&file).expect("a recording")
    }

    async fn hear(&mut self, deadline: Instant, what: &str) -> Value {
        match timeout_at(deadline, read_netstring(&mut self.events)).await {
            Ok(Ok(text)) => serde_json::from_slice(&text).expect("baresip speaks JSON"),
            Ok(Err(error)) => panic!("baresip {} has gone before {what}: {error}", self.number),
            Err(_) => panic!("baresip {} does not see {what}", self.number),
        }
    }
}

/// A port that nobody listens on now.
fn free_port() -> SocketAddr {
    let listener = std::net::TcpListener::bind((HOST, 0)).expect("a free port on loopback");
    listener.local_addr().expect("a bound socket")
}

async fn read_netstring(from: &mut BufReader<OwnedReadHalf>) -> std::io::Result<Vec<u8>> {
    let bad = || std::io::Error::other("it has said what is no netstring");
    let mut len = 0;
    loop {
        match from.read_u8().await? {
            b':' => break,
            digit @ b'0'..=b'9' if len < LONGEST_MESSAGE => len = len * 10 + usize::from(digit - b'0'),
            _ => return Err(bad()),
        }
    }
    let mut text = vec![0; len];
    from.read_exact(&mut text).await?;
    if from.read_u8().await? == b',' { Ok(text) } else { Err(bad()) }
}

impl Drop for Baresip {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read(self.folder.path().join("log")).unwrap_or_default();
            eprintln!("── what baresip {} has logged ──\n{}", self.number, String::from_utf8_lossy(&log));
        }
        // Killed by its handle when that is dropped.
        _ = self.process.start_kill();
    }
}
