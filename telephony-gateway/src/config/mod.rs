//! What the gateway is told by its owner: `config/gateway.toml` and the files beside it.
//!
//! [`Config::load`] reads everything and either gives a sound [`Config`] or *every* fault with file, line and words.
//! The shipped files are commented to be read; the types here say what each key becomes.

mod catalogue;
mod reader;

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use shared::domain::catalogue::Catalogue;
use shared::domain::queue::QueueCode;

use crate::sip::flood::FloodLimits;
use crate::sip::{Network, Transport};
use reader::{Faults, Section, Source};

/// The whole configuration, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The number of this gateway among several, 0 to 127; it stands in every id it mints.
    pub node: u8,
    /// Where the gateway keeps its ledger, its certificate, its sessions and, by default, its database.
    pub state_dir: PathBuf,
    /// `sqlite://…` or `postgres://…`. The command line and the environment (`PULT_DATABASE_URL`) go before the file.
    pub database_url: String,
    pub sip: SipConfig,
    pub media: MediaConfig,
    pub desk: DeskConfig,
    pub sign_in: SignInConfig,
    pub queues: Vec<QueueConfig>,
    pub dial_plan: DialPlan,
    pub catalogue: Catalogue,
}

#[derive(Clone, Debug)]
pub struct SipConfig {
    pub listen: Vec<SipListen>,
    /// The host under which carriers and phones reach us, when it is not the address we listen on.
    pub advertised: Option<IpAddr>,
    /// Part of every phone's stored password: changing it makes all phones' passwords void.
    pub realm: String,
    pub user_agent: String,
    pub trunks: Vec<TrunkConfig>,
    /// The longest time a phone may register for, seconds.
    pub registration_max_s: u32,
    /// How many messages a second each may send.
    pub flood: FloodLimits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SipListen {
    pub transport: Transport,
    pub address: SocketAddr,
}

/// A carrier or a PBX, known by the addresses that it calls from.
#[derive(Clone, Debug)]
pub struct TrunkConfig {
    pub name: String,
    /// Addresses or blocks, each readable as [`Network`].
    pub sources: Vec<String>,
    /// Where our own requests to it go, and over what.
    pub address: Option<SocketAddr>,
    pub transport: Transport,
    /// How often it is asked for a sign of life; 0 never.
    pub options_every_s: u32,
}

#[derive(Clone, Debug)]
pub struct MediaConfig {
    pub address: IpAddr,
    /// The address that goes into SDP, when it is not the one we listen on.
    pub advertised: Option<IpAddr>,
    /// Even ports carry RTP, the odd ones above them RTCP.
    pub ports: RangeInclusive<u16>,
    pub threads: usize,
    /// A WAV file that waiting callers hear; without one the gateway makes its own music.
    pub music: Option<PathBuf>,
}

#[derive(Clone, Debug)]
pub struct DeskConfig {
    pub listen: SocketAddr,
    /// Plain text instead of TLS; only ever on a loopback address.
    pub plain: bool,
    /// The host name that stands in the certificate made at the first start.
    pub public_name: String,
}

/// How long a signed-in desk stays signed in, and who may sign in without the database.
#[derive(Clone, Copy, Debug)]
pub struct SignInConfig {
    /// Unused for so long, a token dies.
    pub idle_minutes: u32,
    /// However much it is used, a token dies then.
    pub absolute_hours: u32,
    /// Whom the database has let in within so many days may sign in while it is away; 0 nobody.
    pub known_days: u32,
}

#[derive(Clone, Debug)]
pub struct QueueConfig {
    pub code: QueueCode,
    pub name_ru: String,
    pub name_en: String,
    /// The numbers whose callers wait here, as the trunk sends them.
    pub numbers: Vec<String>,
    /// How long a telephone rings before the caller goes to somebody else.
    pub ring_s: u32,
    /// How long a wrap-up may take before the screens show it as too long.
    pub wrapup_s: u32,
    /// Answered within this time counts as answered in time.
    pub service_level_s: u32,
}

/// What an operator's phone may dial. What is not listed is refused, and nothing from outside may dial outside.
#[derive(Clone, Debug, Default)]
pub struct DialPlan {
    /// Always let through, whatever else is going on.
    pub emergency: Vec<String>,
    /// Short numbers that are let through as well.
    pub short: Vec<String>,
    /// The trunk that takes both; without one they are refused with words in the log.
    pub trunk: Option<String>,
}

impl DialPlan {
    pub fn is_emergency(&self, dialled: &str) -> bool {
        self.emergency.iter().any(|number| number == dialled)
    }

    /// Whether a phone of ours may dial it at all.
    pub fn allows(&self, dialled: &str) -> bool {
        self.is_emergency(dialled) || self.short.iter().any(|number| number == dialled)
    }
}

/// One fault of the configuration, as a person can act on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFault {
    pub file: PathBuf,
    pub line: usize,
    pub text: String,
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.text)
    }
}

impl Config {
    /// Reads `path` and the files beside it. A relative path in them is meant from the folder of the file.
    ///
    /// # Errors
    /// With every fault of every file, in the order of file and line.
    pub fn load(path: &Path) -> Result<Self, Vec<ConfigFault>> {
        let faults = Faults::default();
        let config = Source::read(path, &faults).map(|source| {
            let table = source.table(&faults);
            let whole = Section::whole(&source, &table, &faults);
            let config = read(&whole, path.parent().unwrap_or(Path::new(".")), &faults);
            whole.finish();
            config
        });
        let faults = faults.into_sorted();
        match config {
            Some(config) if faults.is_empty() => Ok(config),
            _ => Err(faults),
        }
    }

    /// The queue whose callers dial this number.
    pub fn queue_for(&self, dialled: &str) -> Option<&QueueConfig> {
        self.queues.iter().find(|queue| queue.numbers.iter().any(|number| number == dialled))
    }

    /// The database's address without its password, for logs and messages.
    pub fn database_shown(&self) -> String {
        without_password(&self.database_url)
    }
}

/// A database's address without its password, for logs and messages.
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "(no address)".to_owned() };
    match rest.rsplit_once('@') {
        Some((credentials, place)) => {
            let user = credentials.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}@{place}")
        }
        None => url.to_owned(),
    }
}

fn read(whole: &Section<'_>, folder: &Path, faults: &Faults) -> Config {
    let state_dir = folder.join(whole.or("state_dir", PathBuf::from("/var/lib/pult")));
    let queues = read_queues(whole);
    let sip = read_sip(whole.required_section("sip"));
    let dial_plan = read_dial_plan(whole.section("dial_plan"), &sip, &queues);
    Config {
        node: whole.number("node", 0, 0..=127) as u8,
        database_url: read_database_url(whole, &state_dir),
        media: read_media(whole.required_section("media"), folder),
        desk: read_desk(whole.required_section("desk")),
        sign_in: read_sign_in(whole.section("sign_in")),
        catalogue: catalogue::read(folder, &queues, faults),
        state_dir,
        sip,
        queues,
        dial_plan,
    }
}

fn read_database_url(whole: &Section<'_>, state_dir: &Path) -> String {
    let url = whole.or("database_url", format!("sqlite://{}", state_dir.join("pult.db").display()));
    if !["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| url.starts_with(scheme)) {
        whole.fault("database_url", "`database_url` must begin with sqlite:// or postgres://");
    }
    url
}

fn read_sip(section: Section<'_>) -> SipConfig {
    let listen: Vec<SipListen> = section.list("listen").into_iter().map(read_listen).collect();
    if section.is_there() && listen.is_empty() {
        section.fault("listen", "no `listen` here: name at least one address for carriers and phones");
    }
    let advertised: Option<IpAddr> = section.optional("advertised");
    if advertised.is_none() && listen.iter().any(|listen| listen.address.ip().is_unspecified()) {
        section.fault(
            "listen",
            "listening on every address needs `advertised`: the address that carriers and phones call",
        );
    }
    check_unique(listen.iter().map(|l| format!("{:?} {}", l.transport, l.address)), &section, "listen", "the address");
    let sip = SipConfig {
        listen,
        advertised,
        realm: section.or("realm", "pult".to_owned()),
        user_agent: section.or("user_agent", "Pult".to_owned()),
        trunks: section.list("trunks").into_iter().map(read_trunk).collect(),
        registration_max_s: section.number("registration_max_s", 3600, 60..=86_400) as u32,
        flood: read_flood(section.section("flood")),
    };
    if sip.realm.is_empty() || sip.realm.contains(['"', '\\', ':']) || sip.realm.chars().any(char::is_control) {
        section.fault("realm", "`realm` must be a word without quotes, colons and backslashes");
    }
    if sip.user_agent.chars().any(char::is_control) {
        section.fault("user_agent", "`user_agent` must be one line");
    }
    check_unique(sip.trunks.iter().map(|trunk| trunk.name.clone()), &section, "trunks", "the trunk");
    for trunk in &sip.trunks {
        let leads_to = |listen: &SipListen, address: SocketAddr| {
            listen.transport == trunk.transport && listen.address.is_ipv4() == address.is_ipv4()
        };
        if let Some(address) = trunk.address.filter(|address| !sip.listen.iter().any(|l| leads_to(l, *address))) {
            let text = format!(
                "nothing can be sent to {address}, the address of the trunk `{}`: no `listen` has its transport and its kind of address",
                trunk.name
            );
            section.fault("trunks", text);
        }
    }
    section.finish();
    sip
}

fn read_flood(section: Section<'_>) -> FloodLimits {
    let usual = FloodLimits::default();
    let flood = FloodLimits {
        stranger_per_s: section.number("stranger_per_s", usual.stranger_per_s.into(), 1..=10_000) as u32,
        stranger_burst: section.number("stranger_burst", usual.stranger_burst.into(), 4..=100_000) as u32,
        strangers_per_s: section.number("strangers_per_s", usual.strangers_per_s.into(), 1..=100_000) as u32,
        phone_per_s: section.number("phone_per_s", usual.phone_per_s.into(), 5..=10_000) as u32,
        trunk_per_s: section.number("trunk_per_s", usual.trunk_per_s.into(), 10..=1_000_000) as u32,
    };
    section.finish();
    flood
}

fn read_listen(section: Section<'_>) -> SipListen {
    let transport = read_transport(&section, &section.words("transport"));
    let listen = SipListen { transport, address: section.required("address", loopback(5060)) };
    section.finish();
    listen
}

fn read_transport(section: &Section<'_>, written: &str) -> Transport {
    match written {
        "udp" | "" => Transport::Udp,
        "tcp" => Transport::Tcp,
        other => {
            section.fault("transport", format!("`transport` must be udp or tcp; it is \"{other}\""));
            Transport::Udp
        }
    }
}

fn read_trunk(section: Section<'_>) -> TrunkConfig {
    let trunk = TrunkConfig {
        name: section.words("name"),
        sources: section.required("sources", Vec::new()),
        address: section.optional("address"),
        transport: read_transport(&section, &section.or("transport", "udp".to_owned())),
        options_every_s: section.number("options_every_s", 30, 0..=3600) as u32,
    };
    for source in &trunk.sources {
        if let Err(error) = source.parse::<Network>() {
            section.fault("sources", error.to_string());
        }
    }
    if section.has("sources") && trunk.sources.is_empty() {
        section.fault("sources", "`sources` is empty: nobody could call through this trunk");
    }
    section.finish();
    trunk
}

fn read_media(section: Section<'_>, folder: &Path) -> MediaConfig {
    let media = MediaConfig {
        address: section.required("address", IpAddr::V4(Ipv4Addr::LOCALHOST)),
        advertised: section.optional("advertised"),
        ports: read_ports(&section),
        threads: section.number("threads", 1, 1..=64) as usize,
        music: section.optional::<PathBuf>("music").map(|music| folder.join(music)),
    };
    if media.address.is_unspecified() && media.advertised.is_none() {
        section.fault("address", "receiving sound on every address needs `advertised`: the one that goes into SDP");
    }
    if let Some(music) = media.music.as_ref().filter(|music| !music.is_file()) {
        section.fault("music", format!("there is no file {}", music.display()));
    }
    section.finish();
    media
}

fn read_ports(section: &Section<'_>) -> RangeInclusive<u16> {
    let first = section.number("first_port", 20_000, 1024..=65_534) as u16;
    let last = section.number("last_port", 29_999, 1025..=65_535) as u16;
    if !first.is_multiple_of(2) {
        section.fault("first_port", "`first_port` must be even: RTP takes even ports, RTCP the odd ones above");
    }
    if last < first.saturating_add(3) {
        section.fault("last_port", "one call needs four ports: `last_port` must be at least `first_port` + 3");
    }
    first..=last
}

fn read_desk(section: Section<'_>) -> DeskConfig {
    let desk = DeskConfig {
        listen: section.required("listen", loopback(7443)),
        plain: section.or("plain", false),
        public_name: section.or("public_name", "localhost".to_owned()),
    };
    if desk.plain && !desk.listen.ip().is_loopback() {
        let text =
            format!("`plain` sends passwords in the open, so it works on loopback only, and not on {}", desk.listen);
        section.fault("plain", text);
    }
    if desk.public_name.is_empty() || !desk.public_name.chars().all(|c| c.is_ascii_alphanumeric() || ".-:".contains(c))
    {
        section.fault("public_name", "`public_name` must be a host name or an address");
    }
    section.finish();
    desk
}

fn read_sign_in(section: Section<'_>) -> SignInConfig {
    let sign_in = SignInConfig {
        idle_minutes: section.number("idle_minutes", 30, 1..=1440) as u32,
        absolute_hours: section.number("absolute_hours", 12, 1..=168) as u32,
        known_days: section.number("known_days", 30, 0..=365) as u32,
    };
    section.finish();
    sign_in
}

fn read_queues(whole: &Section<'_>) -> Vec<QueueConfig> {
    let queues: Vec<QueueConfig> = whole.list("queues").into_iter().map(read_queue).collect();
    if queues.is_empty() {
        whole.fault("queues", "there is no `[[queues]]`: a call would have nowhere to wait");
    }
    check_unique(queues.iter().map(|queue| queue.code.to_string()), whole, "queues", "the queue");
    let numbers = queues.iter().flat_map(|queue| queue.numbers.iter().cloned());
    check_unique(numbers, whole, "queues", "the dialled number");
    queues
}

fn read_queue(section: Section<'_>) -> QueueConfig {
    let queue = QueueConfig {
        code: QueueCode::new(&section.words("code")),
        name_ru: section.words("name_ru"),
        name_en: section.words("name_en"),
        numbers: section.required("numbers", Vec::new()),
        ring_s: section.number("ring_s", 20, 5..=120) as u32,
        wrapup_s: section.number("wrapup_s", 90, 5..=3600) as u32,
        service_level_s: section.number("service_level_s", 20, 1..=600) as u32,
    };
    check_numbers(&section, "numbers", &queue.numbers);
    if section.has("numbers") && queue.numbers.is_empty() {
        section.fault("numbers", "`numbers` is empty: nobody could reach this queue");
    }
    section.finish();
    queue
}

fn read_dial_plan(section: Section<'_>, sip: &SipConfig, queues: &[QueueConfig]) -> DialPlan {
    let plan = DialPlan {
        emergency: section.or("emergency", Vec::new()),
        short: section.or("short", Vec::new()),
        trunk: section.optional("trunk"),
    };
    check_numbers(&section, "emergency", &plan.emergency);
    check_numbers(&section, "short", &plan.short);
    for number in queues.iter().flat_map(|queue| &queue.numbers).filter(|number| plan.allows(number)) {
        let key = if plan.is_emergency(number) { "emergency" } else { "short" };
        section.fault(key, format!("`{number}` is the number of a queue already"));
    }
    match plan.trunk.as_ref().map(|name| (name, sip.trunks.iter().find(|trunk| trunk.name == *name))) {
        Some((name, None)) => section.fault("trunk", format!("there is no trunk `{name}`")),
        Some((name, Some(trunk))) if trunk.address.is_none() => {
            section.fault("trunk", format!("the trunk `{name}` has no `address`, so nothing can be sent to it"));
        }
        Some((_, Some(_))) | None => {}
    }
    section.finish();
    plan
}

/// Numbers as they are dialled: digits, `*`, `#`, and a plus in front.
fn check_numbers(section: &Section<'_>, key: &'static str, numbers: &[String]) {
    for number in numbers {
        let dialled = number.strip_prefix('+').unwrap_or(number);
        if dialled.is_empty() || !dialled.chars().all(|c| c.is_ascii_digit() || c == '*' || c == '#') {
            section.fault(
                key,
                format!("`{number}` is no number that can be dialled: write digits, with a + if it comes so"),
            );
        }
    }
}

fn check_unique(names: impl Iterator<Item = String>, section: &Section<'_>, key: &'static str, what: &str) {
    let mut times: HashMap<String, u32> = HashMap::new();
    for name in names.filter(|name| !name.is_empty()) {
        let times = times.entry(name.clone()).or_default();
        *times += 1;
        if *times == 2 {
            section.fault(key, format!("{what} `{name}` is there twice"));
        }
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

#[cfg(test)]
mod tests;
