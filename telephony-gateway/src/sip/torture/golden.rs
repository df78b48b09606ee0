//! Every message of RFC 4475 and RFC 5118, put to a whole stack: what is answered, and what its owner is told.

use std::collections::HashMap;
use std::fmt::Write as _;

use md5::{Digest as _, Md5};
use sha2::Sha256;
use shared::time::Moment;

use super::super::digest::answer_to;
use super::super::sdp::AudioSession;
use super::super::{Event, Flow, Invite, InviteTo, PhoneAccount, Stack, StackConfig, Transmit, Transport, Trunk};
use super::script::{Case, Step, filled, message};

const PASSWORD: &str = "a long one";

/// A stack with one trunk and one phone's account, and what it has said since the last look.
pub struct Bench {
    pub stack: Stack,
    pub known: HashMap<String, String>,
    pub sent: Vec<Transmit>,
    pub told: Vec<String>,
}

pub fn flow_of(who: &str) -> Flow {
    let (local, remote) = match who {
        "the trunk" => ("192.0.2.10:5060", "192.0.2.1:5060"),
        "the trunk over IPv6" => ("[2001:db8::10]:5060", "[2001:db8::1]:5060"),
        "the telephone" => ("192.0.2.10:5060", "192.0.2.101:5060"),
        "the telephone over IPv6" => ("[2001:db8::10]:5060", "[2001:db8::101]:5060"),
        "a stranger" => ("192.0.2.10:5060", "203.0.113.66:5060"),
        _ => panic!("nobody is called {who}"),
    };
    let (local, remote) = (local.parse().unwrap(), remote.parse().unwrap());
    Flow { transport: Transport::Udp, local, remote, connection: 0 }
}

impl Bench {
    pub fn new() -> Self {
        let sources = vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
        let (name, transport) = ("carrier".into(), Transport::Udp);
        let trunk = Trunk {
            name,
            sources,
            address: None,
            transport,
            options_every: None,
            trusted: true,
            domain: None,
            caller_id: crate::sip::CallerId::default(),
            login: None,
            register: None,
            secure: crate::sip::Secure::default(),
        };
        let config = StackConfig { trunks: vec![trunk], check_dialogs_every: None, ..StackConfig::default() };
        let mut stack = Stack::new(config, [7; 32]);
        let secret = format!("101:pult:{PASSWORD}");
        let (ha1_md5, ha1_sha256) = (Md5::digest(&secret).into(), Sha256::digest(&secret).into());
        let account = PhoneAccount { user: "101".to_owned(), ha1_md5, ha1_sha256, md5_only: false };
        stack.set_phones(vec![account], Moment::at_ms(0));
        Self { stack, known: HashMap::new(), sent: Vec::new(), told: Vec::new() }
    }

    pub fn take(&mut self) {
        while let Some(transmit) = self.stack.poll_transmit() {
            if transmit.bytes.starts_with(b"INVITE ") {
                let text = String::from_utf8(transmit.bytes.to_vec()).unwrap();
                for name in ["Via", "From", "To", "Call-ID"] {
                    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                    self.known.insert(format!("our {}", name.to_lowercase()), line.unwrap().to_owned());
                }
            }
            if transmit.bytes.starts_with(b"SIP/2.0 ") {
                let text = String::from_utf8_lossy(&transmit.bytes).into_owned();
                let to = text.lines().find_map(|line| line.strip_prefix("To: ")).unwrap_or_default();
                self.known.insert("answered to".to_owned(), to.to_owned());
            }
            self.sent.push(transmit);
        }
        while let Some(event) = self.stack.poll_event() {
            self.told.push(in_words(&event));
        }
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Sends { who, text } => self.receive(&flow_of(who), text),
            Step::WeCall { who } => self.call(who),
            Step::Then(lines) => return self.judge(lines),
        }
        Ok(())
    }

    pub fn receive(&mut self, flow: &Flow, template: &str) {
        let now = Moment::at_ms(1000);
        if template.contains("{digest}") {
            let lines = template.split_inclusive("\r\n").filter(|line| !line.contains("{digest}"));
            let first = message(&lines.collect::<String>(), &self.known);
            self.stack.receive(flow, &first, now);
            let credentials = self.credentials(template);
            self.known.insert("digest".to_owned(), credentials);
        }
        self.stack.receive(flow, &message(template, &self.known), now);
        self.take();
    }

    /// What the phone answers to the challenge that has just come, or nothing fitting if none came.
    fn credentials(&mut self, template: &str) -> String {
        let challenge = self.stack.poll_transmit().expect("a request without credentials is answered").bytes;
        let challenge = String::from_utf8_lossy(&challenge).into_owned();
        let challenge = challenge.lines().find_map(|line| line.strip_prefix("WWW-Authenticate: "));
        while self.stack.poll_event().is_some() {}
        let mut words = template.split(' ');
        let (method, uri) = (words.next().unwrap(), words.next().unwrap());
        challenge.map_or("none".to_owned(), |challenge| answer_to(challenge, "101", PASSWORD, method, uri, 1))
    }

    fn call(&mut self, who: &str) {
        let to = match who {
            "the telephone" => InviteTo::Phone("101".to_owned()),
            _ => InviteTo::Address { uri: "sip:+79031110009@192.0.2.1".to_owned(), flow: flow_of(who) },
        };
        let sdp = b"v=0\r\nc=IN IP4 192.0.2.10\r\nm=audio 4000 RTP/AVP 8\r\n".to_vec();
        let (from_display, from_user) = (String::new(), "+74952040000".to_owned());
        let invite =
            Invite { to, from_display, from_user, sdp, auto_answer: false, ring_seconds: None, ..Invite::default() };
        self.stack.invite(invite, Moment::at_ms(2000)).expect("there is a way to whom we call");
        self.take();
    }

    fn judge(&mut self, lines: &[String]) -> Result<(), String> {
        let (sent, told) = (std::mem::take(&mut self.sent), std::mem::take(&mut self.told));
        let text = |transmit: &Transmit| String::from_utf8_lossy(&transmit.bytes).into_owned();
        let last = sent.last().map(&text).unwrap_or_default();
        let names: Vec<String> = sent.iter().map(|transmit| name_of(&text(transmit))).collect();
        let mut expected_told = Vec::new();
        for line in lines {
            let line = String::from_utf8_lossy(&filled(line, &self.known)).into_owned();
            let (verb, what) = line.split_once(' ').unwrap_or((&line, ""));
            let fits = match verb {
                "sent" if what == "nothing" => names.is_empty(),
                "sent" => names.join(" ") == what,
                "with" => last.lines().any(|line| fits(line, what)),
                "without" => !last.lines().any(|line| line.starts_with(&format!("{what}:"))),
                "to" => sent.last().is_some_and(|transmit| transmit.flow.remote == what.parse().unwrap()),
                "told" => {
                    expected_told.extend((what != "nothing").then(|| what.to_owned()));
                    true
                }
                _ => panic!("`{line}` is no expectation"),
            };
            if !fits {
                return Err(format!("`{line}` is not so; sent {names:?}, last:\n{last}"));
            }
        }
        if lines.iter().any(|line| line.starts_with("told ")) && told != expected_told {
            return Err(format!("told {told:?} and not {expected_told:?}; sent {names:?}"));
        }
        Ok(())
    }
}

/// A method, or a status code.
pub fn name_of(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    let code = first.strip_prefix("SIP/2.0 ").map(|rest| rest.chars().take(3).collect());
    code.unwrap_or_else(|| first.split(' ').next().unwrap_or_default().to_owned())
}

/// Whether a line is as wanted; a `*` at the end stands for anything.
fn fits(line: &str, wanted: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(beginning) => line.starts_with(beginning),
        None => line == wanted,
    }
}

fn in_words(event: &Event) -> String {
    match event {
        Event::Invited { invite, .. } => {
            let sound = invite.sdp.as_deref().map(|sdp| AudioSession::parse(sdp).unwrap().address.to_string());
            let (name, sound) = (invite.from_display.as_deref().unwrap_or("-"), sound.as_deref().unwrap_or("none"));
            format!("invited to={} from={} name={name} sound={sound}", invite.dialled, invite.from_user)
        }
        Event::PhoneRegistered { contact, .. } => format!("registered {contact}"),
        Event::Malformed { .. } => "malformed".to_owned(),
        Event::Rejected { code, .. } => format!("rejected {code}"),
        Event::Answered { .. } => "answered".to_owned(),
        Event::Ringing { .. } => "ringing".to_owned(),
        other => format!("{other:?}"),
    }
}

macro_rules! files {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!($folder, "/", $name, ".sip")))),+]
    };
}

type Files = &'static [(&'static str, &'static str)];

#[rustfmt::skip]
const RFC_4475: Files = files!["rfc4475":
    "badaspec", "badbranch", "baddate", "baddn", "badinv01", "badvers", "bcast", "bext01", "bigcode", "clerr",
    "cparam01", "cparam02", "dblreq", "esc01", "esc02", "escnull", "escruri", "insuf", "intmeth", "inv2543",
    "invut", "longreq", "ltgtruri", "lwsdisp", "lwsruri", "lwsstart", "mcl01", "mismatch01", "mismatch02",
    "mpart01", "mpart01-invite", "multi01", "ncl", "noreason", "novelsc", "quotbal", "regaut01", "regbadct",
    "regescrt", "scalar02", "scalarlg", "sdp01", "semiuri", "transports", "trws", "unkscm", "unksm2", "unreason",
    "wsinv", "zeromf",
];

#[rustfmt::skip]
const RFC_5118: Files = files!["rfc5118":
    "both-families-in-headers", "both-families-in-sdp", "ipv4-mapped", "ipv6-bad", "ipv6-good", "port-ambiguous",
    "port-unambiguous", "received-with-brackets", "received-without-brackets", "sound-over-ipv6", "three-colons",
];

fn cases(files: Files) -> impl Iterator<Item = Case> {
    files.iter().map(|(name, file)| Case::read(name, file))
}

/// All that is sent in the golden files, for who wants to do harm to it.
pub fn messages() -> Vec<Vec<u8>> {
    let mut known = HashMap::new();
    for (name, value) in [
        ("our via", "SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK00p0g1r0"),
        ("our from", "<sip:1@192.0.2.10>;tag=00p0g1r0"),
        ("our to", "<sip:2@192.0.2.1>"),
        ("our call-id", "c"),
        (
            "digest",
            r#"Digest username="101", realm="pult", nonce="00", uri="sip:pult", response="00", qop=auth, nc=00000001, cnonce="c""#,
        ),
    ] {
        known.insert(name.to_owned(), value.to_owned());
    }
    let sent = |step: &Step| match step {
        Step::Sends { text, .. } => Some(message(text, &known)),
        Step::WeCall { .. } | Step::Then(_) => None,
    };
    let cases = cases(RFC_4475).chain(cases(RFC_5118));
    cases.flat_map(|case| case.steps.iter().filter_map(sent).collect::<Vec<_>>()).collect()
}

#[track_caller]
fn check(files: Files) {
    let mut faults = String::new();
    for case in cases(files) {
        let mut bench = Bench::new();
        let outcome = case.steps.iter().try_for_each(|step| bench.step(step));
        if let Err(fault) = outcome {
            let _ = writeln!(faults, "\n{} ({})\n  {fault}", case.name, case.tells);
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn every_torture_message_of_rfc_4475_gets_the_answer_it_asks_for() {
    check(RFC_4475);
}

#[test]
fn every_message_of_rfc_5118_is_read_over_ipv6() {
    check(RFC_5118);
}
