//! Phones: proving who they are, being found behind NAT, being lifted from afar.

use md5::{Digest as _, Md5};
use sha2::Sha256;

use super::super::super::digest::answer_to;
use super::super::super::event::{InviteError, RefusedBecause};
use super::*;

const PHONE: &str = "203.0.113.9:1024";

/// A gateway with phones, and one of them speaking to it.
pub(super) struct Office {
    pub stack: Stack,
    pub now_ms: u64,
    cseq: u32,
    from: &'static str,
    pub connection: u64,
}

impl Office {
    pub fn new() -> Self {
        let mut stack = Stack::new(config_with_trunk(CARRIER), [1; 32]);
        let account = |user: &str, md5_only| {
            let secret = format!("{user}:pult:secret");
            let (ha1_md5, ha1_sha256) = (Md5::digest(&secret).into(), Sha256::digest(&secret).into());
            PhoneAccount { user: user.to_owned(), ha1_md5, ha1_sha256, md5_only }
        };
        stack.set_phones(vec![account("101", false), account("102", true)], Moment::at_ms(0));
        Self { stack, now_ms: 0, cseq: 0, from: PHONE, connection: 0 }
    }

    pub fn flow(&self) -> Flow {
        let transport = if self.connection == 0 { Transport::Udp } else { Transport::Tcp };
        Flow { transport, connection: self.connection, ..flow(GATEWAY, self.from) }
    }

    pub fn send(&mut self, text: &str) -> Vec<String> {
        self.now_ms += 10;
        let flow = self.flow();
        self.stack.receive(&flow, text.as_bytes(), Moment::at_ms(self.now_ms));
        let sent = std::iter::from_fn(|| self.stack.poll_transmit());
        sent.map(|transmit| String::from_utf8(transmit.bytes.to_vec()).unwrap()).collect()
    }

    fn register_text(&mut self, user: &str, more: &str) -> String {
        self.cseq += 1;
        let cseq = self.cseq;
        format!(
            "REGISTER sip:pult SIP/2.0\r\nVia: SIP/2.0/UDP 10.9.9.9:5062;rport;branch=z9hG4bKr{cseq}\r\n\
             From: <sip:{user}@pult>;tag=1\r\nTo: <sip:{user}@pult>\r\nCall-ID: r\r\nCSeq: {cseq} REGISTER\r\n\
             Contact: <sip:{user}@10.9.9.9:5062>\r\nUser-Agent: Yealink SIP-T31\r\n{more}\r\n"
        )
    }

    pub fn register_with(&mut self, user: &str, password: &str, nth: usize, nc: u32) -> (String, Vec<String>) {
        let plain = self.register_text(user, "Expires: 60\r\n");
        let challenge = self.send(&plain).remove(0);
        let offered: Vec<&str> = challenge.lines().filter_map(|l| l.strip_prefix("WWW-Authenticate: ")).collect();
        let credentials = answer_to(offered[nth], user, password, "REGISTER", "sip:pult", nc);
        let text = self.register_text(user, &format!("Authorization: {credentials}\r\nExpires: 60\r\n"));
        (credentials, self.send(&text))
    }

    pub fn register(&mut self) {
        let (_, answer) = self.register_with("101", "secret", 0, 1);
        assert!(answer[0].starts_with("SIP/2.0 200"), "{answer:?}");
    }

    pub fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.stack.poll_event()).collect()
    }

    pub fn invite(&mut self) -> Result<(LegId, Transmit), InviteError> {
        let invite = Invite {
            to: InviteTo::Phone("101".to_owned()),
            from_display: "Evil \" <sip:x@y>\r\nX: y".to_owned(),
            from_user: "+79162040000".to_owned(),
            sdp: SDP.to_vec(),
            auto_answer: true,
            ring_seconds: Some(20),
            ..Invite::default()
        };
        let leg = self.stack.invite(invite, Moment::at_ms(self.now_ms))?;
        Ok((leg, self.stack.poll_transmit().unwrap()))
    }

    pub fn deadline(&mut self, ms: u64) {
        self.now_ms += ms;
        self.stack.on_deadline(Moment::at_ms(self.now_ms));
    }
}

#[test]
fn a_phone_behind_nat_registers_and_is_reached_where_it_came_from() {
    for nth in [0, 1] {
        let mut office = Office::new();
        let (_, answer) = office.register_with("101", "secret", nth, 1);
        assert!(answer[0].contains("Contact: <sip:101@10.9.9.9:5062>;expires=60"), "{answer:?}");
        assert!(answer[0].contains(";received=203.0.113.9;rport=1024"), "{answer:?}");
        let registered = Event::PhoneRegistered {
            user: "101".into(),
            flow: flow(GATEWAY, PHONE),
            contact: "sip:101@10.9.9.9:5062".to_owned(),
            expires_s: 60,
            fresh: true,
        };
        assert_eq!(office.events(), [registered]);
        let (_, sent) = office.invite().unwrap();
        assert_eq!(sent.flow.remote, PHONE.parse().unwrap());
        let text = String::from_utf8(sent.bytes.to_vec()).unwrap();
        assert!(text.starts_with("INVITE sip:101@10.9.9.9:5062 SIP/2.0\r\n"), "{text}");
        assert!(text.contains("From: \"Evil \\\" <sip:x@y>  X: y\" <sip:+79162040000@"), "{text}");
        assert!(text.contains("Call-Info: <sip:10.0.0.1:5060>;answer-after=0\r\n") && text.contains("Expires: 20\r\n"));
    }
}

#[test]
fn a_registration_that_is_not_renewed_runs_out() {
    let mut office = Office::new();
    office.register();
    office.register();
    let fresh: Vec<bool> = office
        .events()
        .into_iter()
        .filter_map(|e| match e {
            Event::PhoneRegistered { fresh, .. } => Some(fresh),
            _ => None,
        })
        .collect();
    assert_eq!(fresh, [true, false]);
    for _ in 0..5 {
        office.deadline(15_100);
    }
    assert_eq!(office.events(), [Event::PhoneGone { user: "101".into(), cause: GoneBecause::Expired }]);
    assert!(matches!(office.invite(), Err(InviteError::NotRegistered { .. })));
}

#[test]
fn a_phone_that_understands_md5_only_is_asked_for_nothing_else() {
    let mut office = Office::new();
    let text = office.register_text("102", "");
    let challenge = office.send(&text).remove(0);
    assert_eq!(challenge.matches("WWW-Authenticate").count(), 1);
    assert!(challenge.contains("algorithm=MD5") && challenge.starts_with("SIP/2.0 401"), "{challenge}");
}

/// The answer to a wrong password, without what differs from moment to moment.
fn shape_of_refusal(user: &str) -> String {
    let mut office = Office::new();
    let (_, answer) = office.register_with(user, "wrong", 0, 1);
    let refused = office.events();
    assert!(matches!(refused[..], [Event::RegistrationRefused { why: RefusedBecause::WrongCredentials, .. }]));
    let blank = |c: char| if c.is_ascii_hexdigit() { '0' } else { c };
    answer[0].replace(&format!(":{user}@"), ":user@").chars().map(blank).collect()
}

#[test]
fn an_unknown_user_and_a_wrong_password_look_the_same() {
    let strangers: Vec<String> = (900..920).map(|user| shape_of_refusal(&user.to_string())).collect();
    for user in ["101", "102"] {
        assert!(strangers.contains(&shape_of_refusal(user)), "strangers are asked for SHA-256 and for MD5 alone, too");
    }
}

#[test]
fn credentials_work_once() {
    let mut office = Office::new();
    let (credentials, _) = office.register_with("101", "secret", 0, 1);
    office.events();
    office.from = "198.51.100.1:5060";
    let stolen = office.register_text("101", &format!("Authorization: {credentials}\r\n"));
    assert!(office.send(&stolen)[0].starts_with("SIP/2.0 401"));
    assert!(matches!(office.events()[..], [Event::RegistrationRefused { why: RefusedBecause::Replay, .. }]));
    office.now_ms += 400_000;
    let late = office.register_text("101", &format!("Authorization: {credentials}\r\n"));
    assert!(office.send(&late)[0].contains("stale=true"), "right, but too old: the phone need not ask for a password");
}

#[test]
fn a_guesser_has_to_wait_and_the_phone_at_home_has_not() {
    let mut office = Office::new();
    office.register();
    office.from = "198.51.100.1:5060";
    let mut waits = 0;
    for _ in 0..8 {
        let (_, answer) = office.register_with("101", "guess", 0, 1);
        waits += usize::from(answer[0].starts_with("SIP/2.0 503") && answer[0].contains("Retry-After: "));
    }
    assert_eq!(waits, 3);
    let (_, answer) = office.register_with("101", "secret", 0, 1);
    assert!(answer[0].starts_with("SIP/2.0 503"), "even the right password waits there: {answer:?}");
    office.from = PHONE;
    office.register();
}

#[test]
fn a_repeated_register_is_answered_again_and_is_no_replay() {
    let mut office = Office::new();
    let plain = office.register_text("101", "");
    let challenge = office.send(&plain).remove(0);
    let offered = challenge.lines().find_map(|l| l.strip_prefix("WWW-Authenticate: ")).unwrap().to_owned();
    let credentials = answer_to(&offered, "101", "secret", "REGISTER", "sip:pult", 1);
    let text = office.register_text("101", &format!("Authorization: {credentials}\r\n"));
    assert_eq!(office.send(&text), office.send(&text));
    assert_eq!(office.events().len(), 1);
}

#[test]
fn a_phone_cannot_register_for_another_or_for_a_moment_only() {
    let mut office = Office::new();
    let plain = office.register_text("102", "");
    let challenge = office.send(&plain).remove(0);
    let offered = challenge.lines().find_map(|l| l.strip_prefix("WWW-Authenticate: ")).unwrap().to_owned();
    let credentials = answer_to(&offered, "102", "secret", "REGISTER", "sip:pult", 1);
    let other = office.register_text("101", &format!("Authorization: {credentials}\r\n"));
    assert!(office.send(&other)[0].starts_with("SIP/2.0 403"));
    let credentials = answer_to(&offered, "102", "secret", "REGISTER", "sip:pult", 2);
    let brief = office.register_text("102", &format!("Authorization: {credentials}\r\nExpires: 5\r\n"));
    let answer = office.send(&brief).remove(0);
    assert!(answer.starts_with("SIP/2.0 423") && answer.contains("Min-Expires: 30"), "{answer}");
}

#[test]
fn a_phone_on_a_connection_goes_with_it() {
    let mut office = Office::new();
    office.connection = 7;
    office.register();
    let (leg, sent) = office.invite().unwrap();
    assert_eq!((sent.flow.transport, sent.flow.connection), (Transport::Tcp, 7));
    office.events();
    office.stack.connection_closed(7, Moment::at_ms(office.now_ms));
    let events = office.events();
    assert!(
        events.contains(&Event::PhoneGone { user: "101".into(), cause: GoneBecause::ConnectionLost }),
        "{events:?}"
    );
    assert!(events.iter().any(|e| matches!(e, Event::Refused { leg: it, code: 503, .. } if *it == leg)), "{events:?}");
    assert_eq!(office.stack.n_legs(), 0);
}

#[test]
fn a_phone_that_keeps_its_way_open_gets_its_pong() {
    let mut office = Office::new();
    assert_eq!(office.send("\r\n\r\n"), Vec::<String>::new(), "a stranger gets none");
    office.register();
    assert_eq!(office.send("\r\n\r\n"), ["\r\n"]);
}

#[test]
fn a_ringing_phone_is_lifted_from_afar() {
    let mut office = Office::new();
    office.register();
    office.events();
    let (leg, invite) = office.invite().unwrap();
    assert!(office.stack.talk(leg, Moment::at_ms(office.now_ms)), "known by its maker, though it does not ring yet");
    let invite = String::from_utf8(invite.bytes.to_vec()).unwrap();
    let repeated: String = invite
        .lines()
        .filter(|l| ["Via", "From", "Call-ID", "CSeq"].iter().any(|n| l.starts_with(n)))
        .map(|l| format!("{l}\r\n"))
        .collect();
    let ringing = format!(
        "SIP/2.0 180 Ringing\r\n{repeated}To: <sip:101@pult>;tag=p\r\nContact: <sip:101@10.9.9.9:5062>\r\n\r\n"
    );
    let notify = office.send(&ringing).remove(0);
    assert!(
        notify.starts_with("NOTIFY sip:101@10.9.9.9:5062 SIP/2.0\r\n") && notify.contains("Event: talk\r\n"),
        "{notify}"
    );
    assert!(notify.contains(";tag=p\r\n"), "{notify}");
    assert_eq!(office.events(), [Event::Ringing { leg, sdp: None }]);
}

#[test]
fn a_phone_that_calls_must_prove_who_it_is() {
    let mut office = Office::new();
    office.register();
    office.events();
    let invite = |more: &str, n: u32| {
        format!(
            "INVITE sip:102@pult SIP/2.0\r\nVia: SIP/2.0/UDP 10.9.9.9:5062;rport;branch=z9hG4bKi{n}\r\nFrom: <sip:101@pult>;tag=1\r\n\
         To: <sip:102@pult>\r\nCall-ID: i\r\nCSeq: {n} INVITE\r\nContact: <sip:101@10.9.9.9:5062>\r\n{more}\r\n"
        )
    };
    let challenge = office.send(&invite("", 1)).remove(0);
    assert!(challenge.starts_with("SIP/2.0 407"), "{challenge}");
    let offered = challenge.lines().find_map(|l| l.strip_prefix("Proxy-Authenticate: ")).unwrap();
    let credentials = answer_to(offered, "101", "secret", "INVITE", "sip:102@pult", 1);
    let answer = office.send(&invite(&format!("Proxy-Authorization: {credentials}\r\n"), 2));
    assert!(answer[0].starts_with("SIP/2.0 100"), "{answer:?}");
    let origin = office.events().into_iter().find_map(|e| match e {
        Event::Invited { invite, .. } => Some(invite.origin),
        _ => None,
    });
    assert_eq!(origin, Some(super::super::super::event::Origin::Phone("101".into())));
}
