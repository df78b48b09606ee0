//! SIPp at the other end of the line, so that it is not our own code on both.
//!
//! [`Sipp::find`] says in words when it is not installed. Callers and registrations end by themselves
//! ([`Run::finish`]); telephones are told to ([`Run::put_away`]). The scenarios are in `tests/sipp`.

use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::gateway::{Gateway, PASSWORD, PATIENCE, QUEUE_NUMBER};
use crate::left_out::left_out;

/// The port at which SIPp's telephones stand.
const PHONE_PORT: u16 = 5060;

/// Bytes that wait at a socket of SIPp when it is busy.
const SOCKET_BUFFER: &str = "4194304";

/// How many call how often.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub calls: u64,
    pub per_second: u32,
    /// A caller who would be one more waits.
    pub at_once: u32,
    /// What the scenario says it is.
    pub pause: Duration,
    /// Everything must be over by then.
    pub limit: Duration,
}

/// SIPp, which is installed.
#[derive(Clone, Copy, Debug)]
pub struct Sipp {
    over_tcp: bool,
    /// Instead of the gateway's own address.
    through: Option<SocketAddr>,
}

/// How long a scenario of a test may take.
const LIMIT: Duration = Duration::from_secs(60);

/// One scenario that runs.
pub struct Run {
    scenario: &'static str,
    limit: Duration,
    folder: TempDir,
    process: Child,
}

/// How a scenario ended.
pub struct Outcome {
    pub code: Option<i32>,
    /// The last line of SIPp's statistics, by the names of its columns.
    pub statistics: HashMap<String, String>,
    pub errors: String,
}

impl Sipp {
    /// `None` when SIPp is not installed, and the test is left out.
    pub fn find(test: &str) -> Option<Self> {
        let version = std::process::Command::new("sipp").arg("-v").stdin(Stdio::null()).output();
        if version.is_err() {
            left_out(test, "SIPp is not installed (Debian: sip-tester)");
        }
        version.ok().map(|_| Self { over_tcp: false, through: None })
    }

    /// Whatever it plays, it plays over TCP.
    pub fn over_tcp(self) -> Self {
        Self { over_tcp: true, ..self }
    }

    /// Reaches the gateway at another address: a [`Cable`](crate::cable::Cable)'s.
    pub fn through(self, address: SocketAddr) -> Self {
        Self { through: Some(address), ..self }
    }

    /// Registers a telephone at the address where [`Self::phone`] will stand. It says that it knows the event `talk`,
    /// or `dialog`, which is of no use to us.
    pub async fn register(self, gateway: &Gateway, number: &str, events: &str) {
        let row = format!("{number};[authentication username={number} password={PASSWORD}];{PHONE_PORT};{events}");
        let outcome = self.register_with(gateway, "uac_register.xml", number, &row).await;
        outcome.must_be_good();
    }

    /// Tries to register with a wrong password; the scenario fails if that works.
    pub async fn register_wrongly(self, gateway: &Gateway, number: &str) {
        let row = format!("{number};[authentication username={number} password=another-one];{PHONE_PORT};talk");
        let outcome = self.register_with(gateway, "uac_register_refused.xml", number, &row).await;
        outcome.must_be_good();
    }

    async fn register_with(self, gateway: &Gateway, scenario: &'static str, number: &str, row: &str) -> Outcome {
        let host = gateway.phone_host(number);
        // A telephone is called at the address that its registration came from (RFC 3261 does not ask for that; NAT does).
        let options = ["-p", &PHONE_PORT.to_string(), "-m", "1"].map(str::to_owned);
        self.start(scenario, host, gateway.sip_address(), &[row], &options, LIMIT).finish().await
    }

    /// A telephone that stands on an operator's table. `after` is what the scenario says it is.
    pub fn phone(self, gateway: &Gateway, scenario: &'static str, number: &str, after: Duration) -> Run {
        let host = gateway.phone_host(number);
        let options = ["-p".to_owned(), PHONE_PORT.to_string(), "-d".to_owned(), after.as_millis().to_string()];
        self.start(scenario, host, gateway.sip_address(), &[], &options, LIMIT)
    }

    /// A telephone whose `-d` is nothing, for at most `limit`.
    pub fn phone_for(self, gateway: &Gateway, scenario: &'static str, number: &str, limit: Duration) -> Run {
        let options = ["-p", &PHONE_PORT.to_string(), "-d", "0"].map(str::to_owned);
        self.start(scenario, gateway.phone_host(number), gateway.sip_address(), &[], &options, limit)
    }

    /// A telephone that registers and takes calls on that same connection, as telephones over TCP do.
    pub fn connected_phone(self, gateway: &Gateway, scenario: &'static str, number: &str, after: Duration) -> Run {
        let row = format!("{number};[authentication username={number} password={PASSWORD}]");
        let calls = scenarios().join(scenario).display().to_string();
        let after = after.as_millis().to_string();
        let options = ["-p", &PHONE_PORT.to_string(), "-l", "1", "-d", &after, "-oocsf", &calls].map(str::to_owned);
        let host = gateway.phone_host(number);
        self.over_tcp().start("uac_register_and_stay.xml", host, gateway.sip_address(), &[&row], &options, LIMIT)
    }

    /// Callers from the carrier who dial the queue, one after the other. `after` is what the scenario says it is.
    pub fn callers(self, gateway: &Gateway, scenario: &'static str, from: &[&str], after: Duration) -> Run {
        let rows: Vec<String> = from.iter().map(|number| format!("{number};{QUEUE_NUMBER}")).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let options = ["-m".to_owned(), rows.len().to_string(), "-d".to_owned(), after.as_millis().to_string()];
        self.start(scenario, gateway.carrier_host(), gateway.sip_address(), &rows, &options, LIMIT)
    }

    /// Registers many telephones, all at the one address where [`Self::hall_of_phones`] will stand.
    pub async fn register_hall(self, gateway: &Gateway, numbers: &[String]) -> Outcome {
        let row = |n: &String| format!("{n};[authentication username={n} password={PASSWORD}];{PHONE_PORT};talk");
        let rows: Vec<String> = numbers.iter().map(row).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let options = ["-p", &PHONE_PORT.to_string(), "-m", &rows.len().to_string(), "-r", "200"].map(str::to_owned);
        let (host, server) = (gateway.hall_host(), gateway.sip_address());
        self.start("uac_register.xml", host, server, &rows, &options, LIMIT).finish().await
    }

    /// Many telephones in one process, for at most `limit`. Each is lifted at once.
    pub fn hall_of_phones(self, gateway: &Gateway, scenario: &'static str, limit: Duration) -> Run {
        self.slow_hall_of_phones(gateway, scenario, Duration::ZERO, limit)
    }

    /// The same, lifted only `after` so long.
    pub fn slow_hall_of_phones(
        self,
        gateway: &Gateway,
        scenario: &'static str,
        after: Duration,
        limit: Duration,
    ) -> Run {
        let after = after.as_millis().to_string();
        let options = ["-p", &PHONE_PORT.to_string(), "-d", &after, "-buff_size", SOCKET_BUFFER].map(str::to_owned);
        self.start(scenario, gateway.hall_host(), gateway.sip_address(), &[], &options, limit)
    }

    /// Callers from the carrier who dial the queue as `load` says.
    pub fn load(self, gateway: &Gateway, scenario: &'static str, from: &[String], load: Load) -> Run {
        let rows: Vec<String> = from.iter().map(|number| format!("{number};{QUEUE_NUMBER}")).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let at_once = load.at_once.to_string();
        let options = [
            ["-m", &load.calls.to_string()],
            ["-r", &load.per_second.to_string()],
            ["-l", &at_once],
            ["-d", &load.pause.as_millis().to_string()],
            ["-buff_size", SOCKET_BUFFER],
        ];
        let options = options.concat().into_iter().map(str::to_owned).collect::<Vec<_>>();
        self.start(scenario, gateway.carrier_host(), gateway.sip_address(), &rows, &options, load.limit)
    }

    /// The carrier asks the gateway whether it is there.
    pub async fn asks(self, gateway: &Gateway) -> Outcome {
        let options = ["-m", "1"].map(str::to_owned);
        self.start("uac_options.xml", gateway.carrier_host(), gateway.sip_address(), &[], &options, LIMIT)
            .finish()
            .await
    }

    /// Somebody dials by hand on a registered telephone.
    pub fn dials(self, gateway: &Gateway, number: &str, dialled: &str, talk: Duration) -> Run {
        let row = format!("{number};{dialled};[authentication username={number} password={PASSWORD}]");
        // SIPp would prove itself for the gateway's bare address, which is good for no number (RFC 7616 §3.4.6).
        let uri = format!("{dialled}@{}", gateway.sip_address());
        let (port, talk) = (PHONE_PORT.to_string(), talk.as_millis().to_string());
        let options = ["-p", &port, "-m", "1", "-d", &talk, "-auth_uri", &uri].map(str::to_owned);
        self.start("uac_phone_dials.xml", gateway.phone_host(number), gateway.sip_address(), &[&row], &options, LIMIT)
    }

    /// The carrier's side of calls that the gateway makes.
    pub fn trunk(self, gateway: &Gateway, scenario: &'static str) -> Run {
        let address = gateway.carrier_address();
        let options = ["-p", &address.port().to_string(), "-d", "0"].map(str::to_owned);
        self.start(scenario, address.ip(), gateway.sip_address(), &[], &options, LIMIT)
    }

    fn start(
        self,
        scenario: &'static str,
        host: IpAddr,
        server: SocketAddr,
        rows: &[&str],
        options: &[String],
        limit: Duration,
    ) -> Run {
        let folder = tempfile::Builder::new().prefix("pult-sipp-").tempdir().expect("a folder for SIPp");
        let mut command = Command::new("sipp");
        command.arg("-sf").arg(scenarios().join(scenario));
        if !rows.is_empty() {
            let file = folder.path().join("rows.csv");
            fs::write(&file, format!("SEQUENTIAL\n{}\n", rows.join("\n"))).expect("a file for SIPp");
            command.arg("-inf").arg(file);
        }
        command.args(["-i", &host.to_string(), "-mi", &host.to_string()]);
        command.args(["-nostdin", "-nd", "-timeout", &format!("{}s", limit.as_secs()), "-timeout_error"]);
        command.args(["-trace_err", "-error_file"]).arg(folder.path().join("errors"));
        command.args(["-trace_stat", "-fd", "1", "-stf"]).arg(folder.path().join("statistics"));
        // The gateway asks in a talk without sound whether somebody is there. Whoever waits for something else answers too.
        command.arg("-aa");
        if self.over_tcp {
            command.args(["-t", "t1"]);
        }
        command.args(options).arg(self.through.unwrap_or(server).to_string());
        let screen = fs::File::create(folder.path().join("screen")).expect("a file for SIPp");
        command.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(screen).kill_on_drop(true);
        let process = command.spawn().expect("SIPp can be started");
        Run { scenario, limit, folder, process }
    }
}

impl Run {
    /// Waits until the scenario is over.
    pub async fn finish(mut self) -> Outcome {
        let ended = tokio::time::timeout(self.limit + PATIENCE, self.process.wait()).await;
        let status = ended.unwrap_or_else(|_| panic!("{} does not come to its end", self.scenario));
        let read = |name: &str| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        Outcome {
            code: status.expect("SIPp can be waited for").code(),
            statistics: last_line(&read("statistics")),
            errors: format!("{} {} {}", self.scenario, read("errors"), read("screen")),
        }
    }

    /// Ends it at once, whatever it is doing, as a telephone whose plug is pulled. Gives what it had to complain of.
    pub async fn kill(mut self) -> String {
        self.process.kill().await.expect("SIPp can be killed");
        fs::read_to_string(self.folder.path().join("errors")).unwrap_or_default()
    }

    /// Ends a telephone, once its calls are over.
    pub async fn put_away(self) -> Outcome {
        if let Some(pid) = self.process.id() {
            let pid = i32::try_from(pid).expect("a process number is small");
            // SAFETY: the process is our child and has not been waited for, so the number is still its own.
            unsafe { libc::kill(pid, libc::SIGUSR1) };
        }
        self.finish().await
    }
}

impl std::fmt::Debug for Outcome {
    /// Of the statistics only what is not zero.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let counted = |(name, value): &(&String, &String)| name.ends_with("(C)") && *value != "0";
        let counts: Vec<_> = self.statistics.iter().filter(counted).collect();
        write!(f, "code {:?}, {counts:?}, {}", self.code, self.errors)
    }
}

impl Outcome {
    pub fn must_be_good(&self) {
        assert_eq!(self.code, Some(0), "SIPp is not content: {self:?}");
    }

    pub fn n_successful(&self) -> u64 {
        self.count("SuccessfulCall(C)")
    }

    pub fn n_failed(&self) -> u64 {
        self.count("FailedCall(C)")
    }

    pub fn n_retransmissions(&self) -> u64 {
        self.count("Retransmissions(C)")
    }

    fn count(&self, column: &str) -> u64 {
        let value = self.statistics.get(column).unwrap_or_else(|| panic!("SIPp has not counted {column}: {self:?}"));
        value.parse().unwrap_or_else(|_| panic!("`{value}` is no count"))
    }
}

fn scenarios() -> PathBuf {
    std::env::var_os("PULT_TEST_SIPP").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp"), PathBuf::from)
}

fn last_line(statistics: &str) -> HashMap<String, String> {
    let mut lines = statistics.lines();
    let names = lines.next().unwrap_or_default().split(';').map(str::to_owned);
    let values = lines.last().unwrap_or_default().split(';').map(str::to_owned);
    names.zip(values).collect()
}
