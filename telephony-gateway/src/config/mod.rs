//! What the gateway is told by its owner: `config/gateway.toml` and the files beside it.
//!
//! [`Config::load`] reads everything and either gives a sound [`Config`] or *every* fault with file, line and words.
//! The shipped files are commented to be read; the types here say what each key becomes.

mod catalogue;
mod dialling;
mod reader;
mod trunks;

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use shared::domain::catalogue::Catalogue;
use shared::domain::queue::QueueCode;

use crate::routing::ways::Routes;
use crate::sip::flood::FloodLimits;
use crate::sip::{Secure, Transport};
pub use dialling::DialPlan;
use reader::{Faults, Section, Source};
pub use trunks::{TrunkConfig, TrunkTls, Trust};

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
    /// By which trunks calls leave.
    pub routes: Routes,
    pub catalogue: Catalogue,
}

#[derive(Clone, Debug, Default)]
pub struct SipConfig {
    pub listen: Vec<SipListen>,
    /// The address under which carriers and phones reach us, when it is not the one we listen on.
    pub advertised: Option<IpAddr>,
    /// The same for IPv6, where `advertised` is the IPv4 one.
    pub advertised_v6: Option<IpAddr>,
    /// Part of every phone's stored password: changing it makes all phones' passwords void.
    pub realm: String,
    pub user_agent: String,
    pub trunks: Vec<TrunkConfig>,
    /// The longest time a phone may register for, seconds.
    pub registration_max_s: u32,
    /// How many messages a second each may send.
    pub flood: FloodLimits,
    /// Whether the sound of the house's phones is encrypted (SDES).
    pub phones_secure: Secure,
    /// What we show over TLS; `None` where nobody speaks it.
    pub tls: Option<SipTls>,
}

impl SipConfig {
    /// The address that others call instead of this one of ours.
    pub fn advertised_for(&self, local: IpAddr) -> Option<IpAddr> {
        [self.advertised, self.advertised_v6].into_iter().flatten().find(|it| it.is_ipv4() == local.is_ipv4())
    }
}

/// The certificate for SIP over TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SipTls {
    /// The one of the desks' door, in this folder and with this name.
    OfTheDesks { state_dir: PathBuf, public_name: String },
    /// One of the office's own.
    Files { certificate: PathBuf, key: PathBuf },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SipListen {
    pub transport: Transport,
    pub address: SocketAddr,
}

#[derive(Clone, Debug)]
pub struct MediaConfig {
    pub address: IpAddr,
    /// The address that goes into SDP, when it is not the one we listen on.
    pub advertised: Option<IpAddr>,
    /// The same two for the sound of those who speak IPv6, where the first are IPv4.
    pub address_v6: Option<IpAddr>,
    pub advertised_v6: Option<IpAddr>,
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
    let desk = read_desk(whole.required_section("desk"));
    let sip = read_sip(whole.required_section("sip"), folder, &state_dir, &desk);
    let routes = trunks::read_routes(whole, &sip);
    let dial_plan = dialling::read_dial_plan(whole.section("dial_plan"), &sip, &queues, &routes);
    let routes = dialling::with_the_last_resort(routes, &dial_plan, &sip);
    Config {
        node: whole.number("node", 0, 0..=127) as u8,
        database_url: read_database_url(whole, &state_dir),
        media: read_media(whole.required_section("media"), folder),
        desk,
        sign_in: read_sign_in(whole.section("sign_in")),
        catalogue: catalogue::read(folder, &queues, faults),
        state_dir,
        sip,
        queues,
        dial_plan,
        routes,
    }
}

fn read_database_url(whole: &Section<'_>, state_dir: &Path) -> String {
    let url = whole.or("database_url", format!("sqlite://{}", state_dir.join("pult.db").display()));
    if !["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| url.starts_with(scheme)) {
        whole.fault("database_url", "`database_url` must begin with sqlite:// or postgres://");
    }
    url
}

fn read_sip(section: Section<'_>, folder: &Path, state_dir: &Path, desk: &DeskConfig) -> SipConfig {
    let listen: Vec<SipListen> = section.list("listen").into_iter().map(read_listen).collect();
    if section.is_there() && listen.is_empty() {
        section.fault("listen", "no `listen` here: name at least one address for carriers and phones");
    }
    check_unique(listen.iter().map(|l| format!("{:?} {}", l.transport, l.address)), &section, "listen", "the address");
    let sip = SipConfig {
        tls: read_sip_tls(&section, &listen, folder, state_dir, desk),
        listen,
        advertised: section.optional("advertised"),
        advertised_v6: section.optional("advertised_v6"),
        realm: section.or("realm", "pult".to_owned()),
        user_agent: section.or("user_agent", "Pult".to_owned()),
        trunks: section.list("trunks").into_iter().map(|trunk| trunks::read_trunk(trunk, folder)).collect(),
        registration_max_s: section.number("registration_max_s", 3600, 60..=86_400) as u32,
        flood: read_flood(section.section("flood")),
        phones_secure: trunks::read_secure(&section, "phones_secure"),
    };
    if sip.advertised_v6.is_some_and(|address| address.is_ipv4()) {
        section.fault("advertised_v6", "`advertised_v6` must be an IPv6 address");
    }
    for listen in sip.listen.iter().map(|listen| listen.address.ip()).filter(IpAddr::is_unspecified) {
        if sip.advertised_for(listen).is_none() {
            let key = if listen.is_ipv4() { "advertised" } else { "advertised_v6" };
            let text = format!("listening on every address needs `{key}`: the address that carriers and phones call");
            section.fault("listen", text);
            break;
        }
    }
    if sip.realm.is_empty() || sip.realm.contains(['"', '\\', ':']) || sip.realm.chars().any(char::is_control) {
        section.fault("realm", "`realm` must be a word without quotes, colons and backslashes");
    }
    if sip.user_agent.chars().any(char::is_control) {
        section.fault("user_agent", "`user_agent` must be one line");
    }
    check_unique(sip.trunks.iter().map(|trunk| trunk.name.clone()), &section, "trunks", "the trunk");
    trunks::check_ways(&sip, &section);
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

fn read_sip_tls(
    section: &Section<'_>,
    listen: &[SipListen],
    folder: &Path,
    state_dir: &Path,
    desk: &DeskConfig,
) -> Option<SipTls> {
    let tls = section.section("tls");
    let file = |key| tls.optional::<PathBuf>(key).map(|file| folder.join(file));
    let (certificate, key) = (file("certificate"), file("key"));
    if let Some(file) = &certificate {
        trunks::check_certificates(&tls, "certificate", file);
    }
    if let Some(file) = &key
        && let Err(error) = PrivateKeyDer::from_pem_file(file)
    {
        tls.fault("key", format!("{} holds no key that can be read: {error}", file.display()));
    }
    let identity = match (certificate, key) {
        (Some(certificate), Some(key)) => SipTls::Files { certificate, key },
        (None, None) => SipTls::OfTheDesks { state_dir: state_dir.to_owned(), public_name: desk.public_name.clone() },
        (Some(_), None) => {
            tls.fault("certificate", "`certificate` is there without `key`");
            return None;
        }
        (None, Some(_)) => {
            tls.fault("key", "`key` is there without `certificate`");
            return None;
        }
    };
    tls.finish();
    listen.iter().any(|listen| listen.transport == Transport::Tls).then_some(identity)
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
        "tls" => Transport::Tls,
        other => {
            section.fault("transport", format!("`transport` must be udp, tcp or tls; it is \"{other}\""));
            Transport::Udp
        }
    }
}

fn read_media(section: Section<'_>, folder: &Path) -> MediaConfig {
    let media = MediaConfig {
        address: section.required("address", IpAddr::V4(Ipv4Addr::LOCALHOST)),
        advertised: section.optional("advertised"),
        address_v6: section.optional("address_v6"),
        advertised_v6: section.optional("advertised_v6"),
        ports: read_ports(&section),
        threads: section.number("threads", 1, 1..=64) as usize,
        music: section.optional::<PathBuf>("music").map(|music| folder.join(music)),
    };
    if media.address.is_unspecified() && media.advertised.is_none() {
        section.fault("address", "receiving sound on every address needs `advertised`: the one that goes into SDP");
    }
    if media.address_v6.is_some_and(|address| address.is_unspecified()) && media.advertised_v6.is_none() {
        let text = "receiving sound on every address needs `advertised_v6`: the one that goes into SDP";
        section.fault("address_v6", text);
    }
    let is_v4 = |address: Option<IpAddr>| address.is_some_and(|address| address.is_ipv4());
    for (key, address) in [("address_v6", media.address_v6), ("advertised_v6", media.advertised_v6)] {
        if is_v4(address) {
            section.fault(key, format!("`{key}` must be an IPv6 address"));
        } else if address.is_some() && media.address.is_ipv6() {
            section.fault(key, format!("`{key}` is for a house with both kinds; `address` is IPv6 already"));
        }
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
