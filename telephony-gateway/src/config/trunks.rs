//! `[[sip.trunks]]` and `[[routes]]`: by whom calls come and go.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use shared::pii::Secret;

use super::reader::Section;
use super::{SipConfig, SipListen, check_unique, read_transport};
use crate::routing::rewrite::{Rewrite, Rewrites};
use crate::routing::ways::{Choice, Line, Pattern, Route};
use crate::sip::{CallerId, Login, Network, Register, Secure, Transport};

/// A carrier or a PBX, known by the addresses that it calls from.
#[derive(Clone, Debug, Default)]
pub struct TrunkConfig {
    pub name: String,
    /// Addresses or blocks, each readable as [`Network`].
    pub sources: Vec<String>,
    /// Where our own requests to it go, and over what.
    pub address: Option<SocketAddr>,
    pub transport: Transport,
    /// How often it is asked for a sign of life; 0 never.
    pub options_every_s: u32,
    /// The host of our requests and of our name there.
    pub domain: Option<String>,
    pub caller_id: CallerId,
    pub secure: Secure,
    /// Who we are there.
    pub login: Option<Login>,
    /// We register there.
    pub register: Option<Register>,
    pub tls: TrunkTls,
    /// Channels, and how numbers are rewritten.
    pub line: Line,
}

/// Whom we take for the trunk when it is reached over TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrunkTls {
    /// The name in its certificate; without one its domain, or its address.
    pub server_name: Option<String>,
    pub trust: Trust,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// The roots that this machine trusts.
    #[default]
    System,
    /// The certificates of this file alone.
    Authority(PathBuf),
    /// The one certificate with this SHA-256, whatever its name and age.
    Fingerprint([u8; 32]),
}

pub(super) fn read_trunk(section: Section<'_>, folder: &Path) -> TrunkConfig {
    let domain = section.optional::<String>("domain");
    let (login, register) = read_register(section.section("register"), domain.as_deref(), folder);
    let trunk = TrunkConfig {
        name: section.words("name"),
        sources: section.required("sources", Vec::new()),
        address: section.optional("address"),
        transport: read_transport(&section, &section.or("transport", "udp".to_owned())),
        options_every_s: section.number("options_every_s", 30, 0..=3600) as u32,
        caller_id: read_caller_id(&section),
        secure: read_secure(&section, "secure"),
        tls: read_tls(section.section("tls"), folder),
        line: read_line(&section),
        domain,
        login,
        register,
    };
    for source in &trunk.sources {
        if let Err(error) = source.parse::<Network>() {
            section.fault("sources", error.to_string());
        }
    }
    if section.has("sources") && trunk.sources.is_empty() {
        section.fault("sources", "`sources` is empty: nobody could call through this trunk");
    }
    if let Some(domain) = trunk.domain.as_ref().filter(|domain| !is_host(domain)) {
        section.fault("domain", format!("`domain` must be a host name; it is \"{domain}\""));
    }
    if trunk.register.is_some() && trunk.address.is_none() {
        section.fault("register", "to register there, `address` must say where");
    }
    if section.has("tls") && trunk.transport != Transport::Tls {
        section.fault("tls", "`tls` means nothing here: `transport` is not \"tls\"");
    }
    section.finish();
    trunk
}

fn read_caller_id(section: &Section<'_>) -> CallerId {
    match section.or("caller_id", "from".to_owned()).as_str() {
        "from" => CallerId::From,
        "asserted" => CallerId::Asserted,
        other => {
            section.fault("caller_id", format!("`caller_id` must be from or asserted; it is \"{other}\""));
            CallerId::From
        }
    }
}

pub(super) fn read_secure(section: &Section<'_>, key: &'static str) -> Secure {
    match section.or(key, "no".to_owned()).as_str() {
        "no" => Secure::No,
        "offer" => Secure::Offer,
        "require" => Secure::Require,
        other => {
            section.fault(key, format!("`{key}` must be no, offer or require; it is \"{other}\""));
            Secure::No
        }
    }
}

fn read_line(section: &Section<'_>) -> Line {
    let channels = section.has("channels").then(|| section.number("channels", 1, 1..=10_000) as u32);
    Line {
        channels,
        outgoing: read_rewrites(section, "outgoing"),
        outgoing_caller: read_rewrites(section, "outgoing_caller"),
        incoming: read_rewrites(section, "incoming"),
        incoming_caller: read_rewrites(section, "incoming_caller"),
    }
}

fn read_rewrites(section: &Section<'_>, key: &'static str) -> Rewrites {
    let dialable = |c: char| c.is_ascii_digit() || matches!(c, '+' | '*' | '#');
    let read = |rule: Section<'_>| {
        let read = Rewrite {
            prefix: rule.or("prefix", String::new()),
            strip: rule.number("strip", 0, 0..=20) as usize,
            prepend: rule.or("prepend", String::new()),
        };
        for (key, text) in [("prefix", &read.prefix), ("prepend", &read.prepend)] {
            if !text.chars().all(dialable) {
                rule.fault(key, format!("`{key}` takes digits, +, * and #; it is \"{text}\""));
            }
        }
        rule.finish();
        read
    };
    Rewrites::new(section.list(key).into_iter().map(read).collect())
}

/// Who we are at a provider, and whether we register there.
fn read_register(section: Section<'_>, domain: Option<&str>, folder: &Path) -> (Option<Login>, Option<Register>) {
    if !section.is_there() {
        return (None, None);
    }
    let user = section.words("user");
    let realm = section.optional::<String>("realm").or_else(|| domain.map(str::to_owned));
    if realm.is_none() {
        section.fault("realm", "`realm` is missing here, and there is no `domain` to take it from");
    }
    let realm = realm.unwrap_or_default();
    for (key, text) in [("user", &user), ("realm", &realm)] {
        if text.chars().any(|c| c.is_control() || matches!(c, '"' | '\\' | ':')) {
            section.fault(key, format!("`{key}` must not have quotes, backslashes or colons in it"));
        }
    }
    let expires_s = section.number("expires_s", 600, 0..=86_400) as u32;
    if (1..60).contains(&expires_s) {
        section.fault("expires_s", "`expires_s` must be at least 60, or 0 to only prove who we are when asked");
    }
    let number = section.optional("number");
    let login = Login { password: read_password(&section, folder), user, realm };
    section.finish();
    (Some(login), (expires_s > 0).then_some(Register { expires_s, number }))
}

/// A password stands here, in a file of its own, or in the environment: in one of them.
fn read_password(section: &Section<'_>, folder: &Path) -> Secret {
    let here = section.optional::<String>("password");
    let file = section.optional::<PathBuf>("password_file").map(|file| folder.join(file));
    let variable = section.optional::<String>("password_env");
    let n_given = usize::from(here.is_some()) + usize::from(file.is_some()) + usize::from(variable.is_some());
    if n_given != 1 {
        section.fault("password", "give one of `password`, `password_file` and `password_env`");
        return Secret::default();
    }
    let found = match (here, file, variable) {
        (Some(password), ..) => password,
        (_, Some(file), _) => match std::fs::read_to_string(&file) {
            Ok(text) => text.trim_end_matches(['\r', '\n']).to_owned(),
            Err(error) => {
                section.fault("password_file", format!("{} cannot be read: {error}", file.display()));
                return Secret::default();
            }
        },
        (_, _, variable) => {
            let variable = variable.unwrap_or_default();
            match std::env::var(&variable) {
                Ok(password) => password,
                Err(_) => {
                    section.fault("password_env", format!("the environment has no `{variable}`"));
                    return Secret::default();
                }
            }
        }
    };
    if found.is_empty() {
        section.fault("password", "the password is empty");
    }
    Secret::new(found)
}

fn read_tls(section: Section<'_>, folder: &Path) -> TrunkTls {
    let authority = section.optional::<PathBuf>("authority").map(|file| folder.join(file));
    let fingerprint = section.optional::<String>("fingerprint");
    if let Some(file) = &authority {
        check_certificates(&section, "authority", file);
    }
    let trust = match (authority, fingerprint) {
        (Some(_), Some(_)) => {
            section.fault("fingerprint", "`fingerprint` trusts one certificate, `authority` many: give one of them");
            Trust::System
        }
        (Some(file), None) => Trust::Authority(file),
        (None, Some(written)) => match read_fingerprint(&written) {
            Some(fingerprint) => Trust::Fingerprint(fingerprint),
            None => {
                section.fault("fingerprint", "`fingerprint` must be a SHA-256: 64 hexadecimal digits, colons between");
                Trust::System
            }
        },
        (None, None) => Trust::System,
    };
    let server_name = section.optional::<String>("server_name");
    if let Some(name) = server_name.as_ref().filter(|name| !is_host(name)) {
        section.fault("server_name", format!("`server_name` must be a host name; it is \"{name}\""));
    }
    section.finish();
    TrunkTls { server_name, trust }
}

/// Notes a file without certificates.
pub(super) fn check_certificates(section: &Section<'_>, key: &'static str, file: &Path) {
    let read = CertificateDer::pem_file_iter(file).and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>());
    match read {
        Ok(certificates) if certificates.is_empty() => {
            section.fault(key, format!("{} holds no certificate", file.display()));
        }
        Ok(_) => {}
        Err(error) => section.fault(key, format!("{} holds no certificate that can be read: {error}", file.display())),
    }
}

fn read_fingerprint(written: &str) -> Option<[u8; 32]> {
    let digits: String = written.chars().filter(|c| !matches!(c, ':' | ' ')).collect();
    let mut fingerprint = [0; 32];
    hex::decode_to_slice(digits, &mut fingerprint).ok()?;
    Some(fingerprint)
}

fn is_host(name: &str) -> bool {
    !name.is_empty() && name.len() <= 253 && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))
}

/// Notes a trunk to which nothing could be sent.
pub(super) fn check_ways(sip: &SipConfig, section: &Section<'_>) {
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
}

pub(super) fn read_routes(whole: &Section<'_>, sip: &SipConfig) -> Vec<Route> {
    let routes: Vec<Route> = whole.list("routes").into_iter().map(|section| read_route(section, sip)).collect();
    check_unique(routes.iter().map(|route| route.name.to_string()), whole, "routes", "the route");
    let patterns = routes.iter().flat_map(|route| &route.numbers).map(|pattern| match pattern {
        Pattern::Public(prefix) => format!("+{prefix}"),
        Pattern::Short(pattern) => pattern.clone(),
    });
    check_unique(patterns, whole, "routes", "the pattern");
    routes
}

fn read_route(section: Section<'_>, sip: &SipConfig) -> Route {
    let name = section.words("name");
    let numbers = read_patterns(&section, "numbers");
    if section.has("numbers") && numbers.is_empty() {
        section.fault("numbers", "`numbers` is empty: no call could take this route");
    }
    let mut trunks: Vec<Choice> = Vec::new();
    for item in section.list("trunks") {
        let choice = read_choice(item, sip);
        if trunks.iter().any(|other| other.trunk == choice.trunk) {
            section.fault("trunks", format!("the trunk `{}` is there twice", choice.trunk));
        }
        trunks.push(choice);
    }
    if trunks.is_empty() {
        section.fault("trunks", "no `trunks` here: a call could not leave");
    }
    section.finish();
    Route { name: name.into(), numbers, trunks }
}

fn read_choice(section: Section<'_>, sip: &SipConfig) -> Choice {
    let trunk = section.words("trunk");
    check_can_be_called(&section, "trunk", &trunk, sip);
    let choice = Choice {
        trunk: trunk.into(),
        order: section.number("order", 1, 0..=1000) as u32,
        weight: section.number("weight", 1, 0..=1000) as u32,
    };
    section.finish();
    choice
}

/// Notes a trunk that is not there, or to which nothing can be sent.
pub(super) fn check_can_be_called(section: &Section<'_>, key: &'static str, name: &str, sip: &SipConfig) {
    match sip.trunks.iter().find(|trunk| trunk.name == name) {
        None if name.is_empty() => {}
        None => section.fault(key, format!("there is no trunk `{name}`")),
        Some(trunk) if trunk.address.is_none() => {
            section.fault(key, format!("the trunk `{name}` has no `address`, so nothing can be sent to it"));
        }
        Some(_) => {}
    }
}

pub(super) fn read_patterns(section: &Section<'_>, key: &'static str) -> Vec<Pattern> {
    let written: Vec<String> = section.or(key, Vec::new());
    let parse = |text: &String| match text.parse() {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            let error: crate::routing::ways::PatternError = error;
            section.fault(key, error.to_string());
            None
        }
    };
    written.iter().filter_map(parse).collect()
}
