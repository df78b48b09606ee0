//! A gateway of one's own: the real binary, in a folder and at addresses that nobody else has.
//!
//! [`City`] is what it serves: a small made-up city with a few operators, made once and copied for each gateway.
//! [`Gateway`] is the running process; it can be asked to end, killed and started again. What it has logged is
//! printed when a test fails.
//!
//! All of 127/8 is loopback on Linux, so every gateway gets a block of 256 addresses ([`Block`]) and the same ports
//! on it: nothing has to be looked for, and tests that run at once do not meet.

use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx::{ConnectOptions as _, Connection as _};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::hearing::Sound;
use crate::left_out::left_out;

/// How long anything that should happen soon may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// The number of the queue `billing`.
pub const QUEUE_NUMBER: &str = "1001";
/// Everybody in the tests has this password, people as well as telephones.
pub const PASSWORD: &str = "a-password-of-the-tests";

/// Telephones that SIPp can play.
const SIPP_PHONES: [&str; 2] = ["101", "102"];

const SIP_PORT: u16 = 5060;
const SIPS_PORT: u16 = 5061;
const DESK_PORT: u16 = 7443;
const POLL: Duration = Duration::from_millis(20);

/// Somebody with an account in every test city.
#[derive(Clone, Copy, Debug)]
pub struct Employee {
    pub login: &'static str,
    pub name: &'static str,
    pub role: &'static str,
    pub phone: Option<&'static str>,
}

pub const ANNA: Employee = operator("anna", "Анна Соколова", "101");
pub const BORIS: Employee = operator("boris", "Борис Ершов", "102");
pub const VERA: Employee = operator("vera", "Вера Миронова", "103");
pub const GLEB: Employee = operator("gleb", "Глеб Тарасов", "104");
pub const DARIA: Employee = operator("daria", "Дарья Климова", "105");
pub const OLGA: Employee =
    Employee { login: "olga", name: "Ольга Лебедева", role: "supervisor", phone: None };
pub const PAVEL: Employee =
    Employee { login: "pavel", name: "Павел Орехов", role: "administrator", phone: None };
pub const EVERYBODY: [Employee; 7] = [ANNA, BORIS, VERA, GLEB, DARIA, OLGA, PAVEL];

const fn operator(login: &'static str, name: &'static str, phone: &'static str) -> Employee {
    Employee { login, name, role: "operator", phone: Some(phone) }
}

/// A made-up city on SQLite, with people and telephones. The same for every test of a build.
#[derive(Debug)]
pub struct City {
    database: PathBuf,
    pub numbers: Numbers,
}

/// Numbers worth calling from, as E.164 digits without a plus.
#[derive(Debug, Deserialize)]
pub struct Numbers {
    pub known: Vec<String>,
    pub shared: Vec<String>,
    pub unknown: Vec<String>,
}

impl City {
    /// The city, made now if this build of the gateway has none yet. Other test binaries wait for the same one.
    pub fn get() -> &'static Self {
        static CITY: OnceLock<City> = OnceLock::new();
        CITY.get_or_init(|| Self::find_or_make().unwrap_or_else(|error| panic!("no city to test in: {error:#}")))
    }

    /// Puts a copy of the city's database where `file` says.
    ///
    /// # Errors
    /// When the place cannot be written.
    pub fn copy_to(&self, file: &Path) -> anyhow::Result<()> {
        fs::copy(&self.database, file)?;
        // What SQLite has not moved into the file yet lies beside it. Nobody writes to the city any more.
        if with_ending(&self.database, "-wal").is_file() {
            fs::copy(with_ending(&self.database, "-wal"), with_ending(file, "-wal"))?;
        }
        Ok(())
    }

    fn find_or_make() -> anyhow::Result<Self> {
        let cities = target_folder().join("test-cities");
        fs::create_dir_all(&cities)?;
        let lock = File::create(cities.join("lock"))?;
        lock.lock().context("cannot wait for the other tests")?;
        let folder = cities.join(build_of_the_gateway()?);
        if !folder.is_dir() {
            // Cities of earlier builds are of no use to anybody.
            for entry in fs::read_dir(&cities)?.filter_map(Result::ok).filter(|entry| entry.path().is_dir()) {
                fs::remove_dir_all(entry.path())?;
            }
            let unfinished = cities.join("unfinished");
            fs::create_dir_all(&unfinished)?;
            make_city(&unfinished)?;
            fs::rename(&unfinished, &folder)?;
        }
        let numbers = serde_json::from_slice(&fs::read(folder.join("numbers.json"))?)?;
        Ok(Self { database: folder.join("pult.db"), numbers })
    }
}

fn make_city(folder: &Path) -> anyhow::Result<()> {
    let url = sqlite_url(&folder.join("pult.db"));
    populate(&url, &folder.join("numbers.json"), Size::OF_TESTS)
}

/// How big a city is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub customers: u32,
    /// Interactions of a customer, in the mean.
    pub history: u32,
    /// Interactions that every customer has at least.
    pub history_at_least: u32,
}

impl Size {
    /// Small enough to be made in a moment.
    pub const OF_TESTS: Self = Self { customers: 300, history: 6, history_at_least: 3 };
}

/// Fills an empty database with a city, and with people and telephones.
///
/// # Errors
/// When one of the gateway's commands fails; with what it has said.
pub fn populate(database_url: &str, numbers: &Path, size: Size) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let password = folder.path().join("password");
    fs::write(&password, PASSWORD)?;
    let command = |arguments: &[&str]| {
        let mut command = std::process::Command::new(gateway_binary());
        command.args(arguments).env("PULT_DATABASE_URL", database_url).stdin(Stdio::null());
        command
    };
    let mut generate = command(&["generate", "--seed", "1", "--customers", &size.customers.to_string()]);
    generate.args(["--history", &size.history.to_string()]);
    generate.args(["--history-at-least", &size.history_at_least.to_string(), "--numbers"]).arg(numbers);
    must(&mut generate)?;
    for person in EVERYBODY {
        if let Some(phone) = person.phone {
            // SIPp knows MD5 alone, as old telephones do.
            let mut add = command(&["phone", "add", phone]);
            add.args(SIPP_PHONES.contains(&phone).then_some("--md5-only"));
            must(add.arg("--password-file").arg(&password))?;
        }
        let mut user = command(&["user", "add", person.login, "--name", person.name, "--role", person.role]);
        user.args(person.phone.iter().flat_map(|phone| ["--phone", phone]));
        must(user.arg("--password-file").arg(&password))?;
    }
    match database_url.strip_prefix("sqlite://") {
        Some(file) => fold_in_the_log(Path::new(file)),
        None => Ok(()),
    }
}

/// Brings what still stands in SQLite's write-ahead log into the file itself, so that the file can be copied.
fn fold_in_the_log(file: &Path) -> anyhow::Result<()> {
    let fold = async {
        let mut connection = SqliteConnectOptions::new().filename(file).connect().await?;
        sqlx::query("pragma wal_checkpoint(truncate)").execute(&mut connection).await?;
        connection.close().await?;
        anyhow::Ok(())
    };
    let wait = || tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(fold);
    // A thread of its own: a test asks for its city inside a runtime, which allows no other on the same thread.
    std::thread::scope(|scope| scope.spawn(wait).join())
        .unwrap_or_else(|_| anyhow::bail!("the database's log could not be folded in"))
}

fn must(command: &mut std::process::Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{command:?} failed: {said}");
    Ok(())
}

/// 256 addresses on loopback, 127.a.b.0 to 127.a.b.255, held for as long as this value lives.
#[derive(Debug)]
pub struct Block {
    a: u8,
    b: u8,
    _claim: UdpSocket,
}

impl Block {
    /// A block that nobody on this machine has.
    pub fn claim() -> anyhow::Result<Self> {
        for _ in 0..1000 {
            let (a, b) = (rand::random_range(1..=254), rand::random_range(0..=255));
            if let Ok(claim) = UdpSocket::bind((Ipv4Addr::new(127, a, b, 254), 9)) {
                return Ok(Self { a, b, _claim: claim });
            }
            if let Ok(claim) = UdpSocket::bind((Ipv4Addr::new(127, a, b, 254), 9009)) {
                return Ok(Self { a, b, _claim: claim });
            }
        }
        anyhow::bail!("no block of loopback addresses is free")
    }

    pub const fn host(&self, n: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(127, self.a, self.b, n))
    }
}

/// What is special about a gateway.
#[derive(Clone, Debug)]
pub struct Setup {
    /// So long one telephone rings before the caller goes to somebody else.
    pub ring_s: u16,
    pub wrapup_s: u16,
    /// Instead of a copy of the test city on SQLite.
    pub database_url: Option<String>,
    /// Instead of a folder beside the configuration.
    pub state_dir: Option<PathBuf>,
    /// Logs everything, to be read when a test fails; else only what the program says by itself.
    pub verbose: bool,
    /// The last port of the sound; each call takes four, from 20000 on.
    pub last_rtp_port: u16,
    /// Over what the gateway's own requests go to the carrier: `udp` or `tcp`.
    pub trunk_transport: &'static str,
    /// How often the carrier is asked for a sign of life; 0 never.
    pub options_every_s: u16,
    /// Where telephones and sound reach it, when that is not on loopback.
    pub host: Option<IpAddr>,
    /// How many descriptors the system gives it.
    pub descriptors: Option<u32>,
    /// A clock of its own, which the test can move.
    pub clock: Option<MovableClock>,
    /// What callers on hold hear: a tone of so many Hz, instead of the gateway's own music.
    pub music_hz: Option<u32>,
    /// Telephones may come over TLS too, with sealed sound as this says: `offer` or `require`.
    pub phones_secure: Option<&'static str>,
    /// What stands at the end of the configuration, behind `[dial_plan]`.
    pub more: &'static str,
}

impl Default for Setup {
    /// Telephones ring for long, so that only tests about it see an offer run out.
    fn default() -> Self {
        Self {
            ring_s: 60,
            wrapup_s: 60,
            database_url: None,
            state_dir: None,
            verbose: true,
            last_rtp_port: 20_999,
            trunk_transport: "udp",
            options_every_s: 0,
            host: None,
            descriptors: None,
            clock: None,
            music_hz: None,
            phones_secure: None,
            more: "",
        }
    }
}

/// The time of day of one process, by Debian's libfaketime; its monotonic clock runs as ever.
#[derive(Clone, Debug)]
pub struct MovableClock {
    library: PathBuf,
    file: PathBuf,
}

impl MovableClock {
    /// `None` when the library is not installed, and the test is left out.
    pub fn find(test: &str, folder: &Path) -> Option<Self> {
        let library =
            PathBuf::from(format!("/usr/lib/{}-linux-gnu/faketime/libfaketimeMT.so.1", std::env::consts::ARCH));
        if !library.is_file() {
            left_out(test, "libfaketime is not installed (Debian: libfaketime)");
            return None;
        }
        let clock = Self { library, file: folder.join("clock") };
        clock.set(0);
        Some(clock)
    }

    /// Puts the clock this many seconds ahead of the machine's, or behind it.
    pub fn set(&self, seconds: i64) {
        fs::write(&self.file, format!("{seconds:+}\n")).expect("the file of the clock can be written");
    }

    fn give_to(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env("FAKETIME_TIMESTAMP_FILE", &self.file);
        command.env("FAKETIME_CACHE_DURATION", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        // The age of a file is what the file system says.
        command.env("NO_FAKE_STAT", "1");
    }
}

fn limit_descriptors(command: &mut Command, descriptors: u32) {
    let limit = libc::rlimit { rlim_cur: descriptors.into(), rlim_max: descriptors.into() };
    let set = move || match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    };
    // SAFETY: between fork and exec only setrlimit is called, which is safe there and reads what was copied.
    unsafe { command.pre_exec(set) };
}

/// A running gateway. Dropped, it is killed, and its folder removed.
pub struct Gateway {
    block: Block,
    host: IpAddr,
    folder: TempDir,
    database_url: String,
    state_dir: PathBuf,
    verbose: bool,
    descriptors: Option<u32>,
    clock: Option<MovableClock>,
    process: Option<Child>,
}

impl Gateway {
    /// A gateway as [`Setup::default`] has it, ready for calls.
    pub async fn start() -> Self {
        Self::start_with(Setup::default()).await
    }

    pub async fn start_with(setup: Setup) -> Self {
        let mut gateway = Self::prepare(setup).unwrap_or_else(|error| panic!("no gateway to test: {error:#}"));
        gateway.launch().await;
        gateway
    }

    /// Everything but the process.
    fn prepare(setup: Setup) -> anyhow::Result<Self> {
        let block = Block::claim()?;
        let folder = tempfile::Builder::new().prefix("pult-test-").tempdir()?;
        let state_dir = setup.state_dir.clone().unwrap_or_else(|| folder.path().join("state"));
        fs::create_dir_all(&state_dir)?;
        let database_url = match &setup.database_url {
            Some(url) => url.clone(),
            None => {
                let file = folder.path().join("pult.db");
                City::get().copy_to(&file)?;
                sqlite_url(&file)
            }
        };
        let host = setup.host.unwrap_or_else(|| block.host(1));
        let verbose = setup.verbose;
        let (descriptors, clock) = (setup.descriptors, setup.clock.clone());
        let gateway = Self { block, host, folder, database_url, state_dir, verbose, descriptors, clock, process: None };
        gateway.write_config(&setup)?;
        Ok(gateway)
    }

    /// The words of business as they are shipped, and a gateway file of its own.
    fn write_config(&self, setup: &Setup) -> anyhow::Result<()> {
        let Setup { ring_s, wrapup_s, last_rtp_port, trunk_transport, options_every_s, more, .. } = setup;
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
        for name in ["topics.toml", "results.toml", "reasons.toml", "forms.toml"] {
            fs::copy(shipped.join(name), self.folder.path().join(name))
                .with_context(|| format!("cannot copy {name}"))?;
        }
        let music = match setup.music_hz {
            Some(hz) => {
                Sound::tone(hz, 1000).write(&self.folder.path().join("music.wav"))?;
                "music = \"music.wav\""
            }
            None => "",
        };
        let sip = self.sip_address();
        let (tls, phones_secure) = match setup.phones_secure {
            Some(secure) => (
                format!(", {{ transport = \"tls\", address = \"{}\" }}", self.tls_address()),
                format!("phones_secure = \"{secure}\""),
            ),
            None => (String::new(), String::new()),
        };
        let config = format!(
            r#"
state_dir = "{state_dir}"
database_url = "{database_url}"

[sip]
listen = [{{ transport = "udp", address = "{sip}" }}, {{ transport = "tcp", address = "{sip}" }}{tls}]
{phones_secure}

[[sip.trunks]]
name = "carrier"
sources = ["{carrier}"]
address = "{carrier_sip}"
transport = "{trunk_transport}"
options_every_s = {options_every_s}

[media]
address = "{host}"
first_port = 20000
last_port = {last_rtp_port}
{music}

[desk]
listen = "{desk}"
plain = true

[[queues]]
code = "billing"
name_ru = "Расчёты и начисления"
name_en = "Billing"
numbers = ["{QUEUE_NUMBER}"]
ring_s = {ring_s}
wrapup_s = {wrapup_s}

[dial_plan]
emergency = ["112"]
trunk = "carrier"
{more}
"#,
            state_dir = self.state_dir.display(),
            database_url = self.database_url,
            carrier = self.carrier_host(),
            carrier_sip = self.carrier_address(),
            host = sip.ip(),
            desk = self.desk_address(),
        );
        fs::write(self.config_file(), config)?;
        Ok(())
    }

    /// Starts the process, and waits until it takes calls.
    pub async fn launch(&mut self) {
        assert!(self.process.is_none(), "the gateway runs already");
        let log = File::options().create(true).append(true).open(self.log_file()).expect("a log can be written");
        let mut command = Command::new(gateway_binary());
        command.args(["serve", "--log", "pretty", "--config"]).arg(self.config_file());
        command.env_remove("PULT_DATABASE_URL").env_remove("PULT_STATE_DIR");
        match std::env::var("PULT_TEST_LOG") {
            Ok(level) => command.env("PULT_LOG", level),
            Err(_) if self.verbose => command.env("PULT_LOG", "debug"),
            Err(_) => command.env_remove("PULT_LOG"),
        };
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        if let Some(clock) = &self.clock {
            clock.give_to(&mut command);
        }
        if let Some(descriptors) = self.descriptors {
            limit_descriptors(&mut command, descriptors);
        }
        self.process = Some(command.spawn().expect("the gateway's binary can be started"));
        let deadline = Instant::now() + PATIENCE;
        while !self.is_ready().await {
            let ended = self.process.as_mut().and_then(|process| process.try_wait().ok().flatten());
            assert!(ended.is_none(), "the gateway ended at its start: {ended:?}");
            assert!(Instant::now() < deadline, "the gateway is not ready after {PATIENCE:?}");
            tokio::time::sleep(POLL).await;
        }
    }

    async fn is_ready(&self) -> bool {
        let answer = http().get(self.url("/readyz")).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// What `/readyz` says, in full.
    pub async fn readiness(&self) -> serde_json::Value {
        let answer = http().get(self.url("/readyz")).send().await.expect("the gateway answers");
        answer.json().await.expect("its answer is JSON")
    }

    /// Waits until a fault is told beside the readiness, or is told no more.
    pub async fn wait_for_fault(&self, code: &str, there: bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let readiness = self.readiness().await;
            let faults = readiness["faults"].as_array().expect("a list of faults");
            if faults.iter().any(|fault| fault["code"] == code) == there {
                return;
            }
            assert!(Instant::now() < deadline, "`{code}` should be {there}, but the gateway says {readiness}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// The figures of `/metrics`.
    pub async fn metric(&self, name: &str) -> Option<f64> {
        let answer = http().get(self.url("/metrics")).send().await.expect("the gateway answers");
        let text = answer.text().await.expect("its answer is text");
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with(name)).collect();
        let value = |line: &&str| line.rsplit(' ').next()?.parse::<f64>().ok();
        if lines.is_empty() { None } else { Some(lines.iter().filter_map(value).sum()) }
    }

    /// Waits until a figure of `/metrics`, summed over its labels, is at least this.
    pub async fn wait_for_metric(&self, name: &str, at_least: f64) -> f64 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let value = self.metric(name).await.unwrap_or_default();
            if value >= at_least {
                return value;
            }
            assert!(Instant::now() < deadline, "{name} is {value} and should be at least {at_least}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// What the administrator does on the gateway's machine, for example `phone remove 101`.
    pub fn administer(&self, arguments: &[&str]) {
        let mut command = std::process::Command::new(gateway_binary());
        command.args(arguments).env("PULT_DATABASE_URL", &self.database_url).stdin(Stdio::null());
        must(&mut command).unwrap_or_else(|error| panic!("{error:#}"));
    }

    /// As a power cut would.
    pub async fn kill(&mut self) {
        let mut process = self.process.take().expect("the gateway runs");
        process.kill().await.expect("the gateway can be killed");
    }

    /// SIGTERM, without waiting.
    /// Changes the first such place in the configuration's file.
    pub fn change_config(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.config_file()).expect("the configuration can be read");
        assert!(text.contains(from), "there is no {from:?} in {text}");
        fs::write(self.config_file(), text.replacen(from, to, 1)).expect("the configuration can be written");
    }

    /// SIGHUP: the configuration is to be read anew.
    pub fn reload(&self) {
        self.signal(libc::SIGHUP);
    }

    pub fn ask_to_end(&self) {
        self.signal(libc::SIGTERM);
    }

    fn signal(&self, which: libc::c_int) {
        let pid = self.pid();
        // SAFETY: the process is our child and has not been waited for, so the number is still its own.
        let sent = unsafe { libc::kill(pid, which) };
        assert_eq!(sent, 0, "the signal {which} cannot be sent");
    }

    /// Waits for the end that was asked for.
    pub async fn wait_for_end(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("the gateway runs");
        let ended = tokio::time::timeout(PATIENCE, process.wait()).await;
        ended.expect("the gateway ends in time").expect("the gateway can be waited for")
    }

    /// Ends it properly, and sees that it calls its own end a good one.
    pub async fn end(&mut self) {
        self.ask_to_end();
        let status = self.wait_for_end().await;
        assert!(status.success(), "the gateway ends badly: {status}");
        let log = self.log();
        assert!(log.contains("the gateway has ended"), "the last line of the log says that it has ended");
    }

    pub fn pid(&self) -> i32 {
        let pid = self.process.as_ref().and_then(Child::id).expect("the gateway runs");
        i32::try_from(pid).expect("a process number is small")
    }

    pub fn sip_address(&self) -> SocketAddr {
        SocketAddr::new(self.host, SIP_PORT)
    }

    /// Where telephones come that speak TLS.
    pub fn tls_address(&self) -> SocketAddr {
        SocketAddr::new(self.host, SIPS_PORT)
    }

    pub fn desk_address(&self) -> SocketAddr {
        SocketAddr::new(self.block.host(1), DESK_PORT)
    }

    /// Where calls come from that the gateway takes.
    pub fn carrier_host(&self) -> IpAddr {
        self.block.host(2)
    }

    /// Where the gateway sends its own calls to.
    pub fn carrier_address(&self) -> SocketAddr {
        SocketAddr::new(self.carrier_host(), 5080)
    }

    /// Where calls come from that nobody has heard of.
    pub fn stranger_host(&self) -> IpAddr {
        self.block.host(66)
    }

    /// The address of a telephone, by its number.
    pub fn phone_host(&self, number: &str) -> IpAddr {
        self.block.host(number.parse().expect("test telephones have numbers below 256"))
    }

    /// Where cables to the gateway begin.
    pub fn cable_host(&self) -> IpAddr {
        self.block.host(4)
    }

    /// The one address of many telephones that one program plays.
    pub fn hall_host(&self) -> IpAddr {
        self.block.host(3)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.desk_address())
    }

    pub fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Reads what the gateway has written, beside it.
    pub async fn database(&self) -> SqlitePool {
        let file = self.database_url.strip_prefix("sqlite://").expect("this gateway keeps its data in SQLite");
        let options = SqliteConnectOptions::new().filename(file).read_only(true);
        SqlitePool::connect_with(options).await.expect("the database can be read")
    }

    /// Waits until the gateway has logged this.
    pub async fn wait_for_log(&self, words: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.log().contains(words) {
            assert!(Instant::now() < deadline, "the gateway does not say «{words}»");
            tokio::time::sleep(POLL).await;
        }
    }

    /// The memory that the process has, in megabytes.
    pub fn memory_mb(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("a running process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its resident memory");
        let kilobytes: u64 = line.split_whitespace().next().and_then(|n| n.parse().ok()).expect("a number");
        kilobytes / 1024
    }

    /// How many descriptors the process has open.
    pub fn n_descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("a running process").count()
    }

    /// Waits until the process has no more descriptors than these.
    pub async fn wait_for_descriptors(&self, at_most: usize) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let open = self.n_descriptors();
            if open <= at_most {
                return;
            }
            assert!(Instant::now() < deadline, "the gateway has {open} descriptors, and should have {at_most}");
            tokio::time::sleep(POLL).await;
        }
    }

    pub fn log(&self) -> String {
        let bytes = fs::read(self.log_file()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("gateway.log")
    }

    fn config_file(&self) -> PathBuf {
        self.folder.path().join("gateway.toml")
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("── what the gateway has logged ──\n{}", self.log());
        }
    }
}

/// One client for everything that tests ask over HTTP.
pub fn http() -> reqwest::Client {
    // The client wants to know who does its TLS even where there is none; a second answer changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Pooled connections belong to the runtime of the test that opened them, so nothing is shared.
    reqwest::Client::builder().pool_max_idle_per_host(0).timeout(PATIENCE).build().expect("an HTTP client can be made")
}

fn with_ending(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

pub fn sqlite_url(file: &Path) -> String {
    format!("sqlite://{}", file.display())
}

/// The gateway's binary of the same build as this test.
pub fn gateway_binary() -> PathBuf {
    program("telephony-gateway")
}

/// A program of the same build as this test.
pub fn program(name: &str) -> PathBuf {
    let binary = profile_folder().join(name);
    assert!(binary.is_file(), "{} is not there: run `cargo build --workspace`", binary.display());
    binary
}

/// `target/debug`: a test binary lies in its folder `deps`.
fn profile_folder() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where its own binary is");
    let folder = test.parent().expect("a binary lies in a folder");
    if folder.ends_with("deps") { folder.parent().unwrap_or(folder).to_path_buf() } else { folder.to_path_buf() }
}

/// The folder for everything that is built.
pub fn target_folder() -> PathBuf {
    let profile = profile_folder();
    profile.parent().map_or(profile.clone(), Path::to_path_buf)
}

/// Changes whenever the gateway is built anew or this file is changed, so that no test runs in an older city.
fn build_of_the_gateway() -> anyhow::Result<String> {
    let metadata = fs::metadata(gateway_binary())?;
    let built = metadata.modified()?.duration_since(std::time::UNIX_EPOCH)?;
    let recipe = hex::encode(&Sha256::digest(include_str!("gateway.rs"))[..8]);
    Ok(format!("{}-{}-{recipe}", built.as_millis(), metadata.len()))
}
