//! A provider with whom we are registered. The other side is a stack of our own with a phone's account for us, where
//! that is enough, and written by hand where it has to misbehave.

use md5::{Digest as _, Md5};
use sha2::Sha256;
use shared::pii::Secret;

use super::super::super::config::{CallerId, RegistrationLimits};
use super::super::super::login::Login;
use super::super::super::registration::Register;
use super::*;

const USER: &str = "pult-gw";

fn at_provider(transport: Transport, address: &str) -> Trunk {
    let address: SocketAddr = address.parse().unwrap();
    Trunk {
        name: "provider".into(),
        sources: vec![address.ip().into()],
        address: Some(address),
        transport,
        trusted: true,
        domain: Some("provider.example".into()),
        login: Some(Login { user: USER.into(), password: Secret::new("secret"), realm: "provider".into() }),
        register: Some(Register { expires_s: 600, number: None }),
        ..Trunk::default()
    }
}

fn house(trunk: Trunk, local: &str) -> Stack {
    let transport = trunk.transport;
    let config = StackConfig { trunks: vec![trunk], check_dialogs_every: None, ..StackConfig::default() };
    let mut stack = Stack::new(config, [1; 32]);
    stack.start(&[(transport, local.parse().unwrap())], Moment::at_ms(0));
    stack
}

/// The house and its provider, with the account's password as the provider knows it.
fn registered_pair(password: &str, limits: RegistrationLimits) -> Pair {
    let config = StackConfig {
        realm: "provider".into(),
        registration: limits,
        check_dialogs_every: None,
        ..StackConfig::default()
    };
    let mut carrier = Stack::new(config, [2; 32]);
    let secret = format!("{USER}:provider:{password}");
    let (ha1_md5, ha1_sha256) = (Md5::digest(&secret).into(), Sha256::digest(&secret).into());
    let account = PhoneAccount { user: USER.to_owned(), ha1_md5, ha1_sha256, md5_only: false };
    carrier.set_phones(vec![account], Moment::at_ms(0));
    let gateway = house(at_provider(Transport::Udp, CARRIER), GATEWAY);
    Pair { gateway, carrier, ..Pair::clear() }
}

fn invite_over_provider(number: &str) -> Invite {
    Invite {
        to: InviteTo::Trunk { name: "provider".into(), number: number.to_owned() },
        from_display: String::new(),
        from_user: "+74950000001".to_owned(),
        sdp: SDP.to_vec(),
        auto_answer: false,
        ring_seconds: None,
        ..Invite::default()
    }
}

#[test]
fn we_stay_registered_for_hours_and_say_so_once() {
    let mut pair = registered_pair("secret", RegistrationLimits::default());
    pair.run(3 * 3_600_000);
    let events = pair.events(Side::Gateway);
    assert_eq!(events, [&Event::TrunkRegistered { name: "provider".into(), expires_s: 600 }]);
    assert_eq!(pair.gateway.is_registered_at("provider"), Some(true));
    let gone = pair.events(Side::Carrier).into_iter().filter(|event| matches!(event, Event::PhoneGone { .. })).count();
    assert_eq!(gone, 0, "the provider has never lost us");
    // Each renewal comes with an old nonce (they live five minutes, we come every nine): once stale, once right.
    let n_renewals = (3 * 3_600_000 - 1) / 540_000;
    assert_eq!(pair.sent(Side::Carrier, "401 REGISTER").len(), 1 + n_renewals);
    assert_eq!(pair.sent(Side::Gateway, "REGISTER").len(), 2 * (1 + n_renewals));
}

#[test]
fn a_nonce_that_is_still_good_is_used_again_with_a_higher_count() {
    let limits = RegistrationLimits { nonce_lifetime: HOUR, ..RegistrationLimits::default() };
    let mut pair = registered_pair("secret", limits);
    pair.run(3_000_000);
    assert_eq!(pair.sent(Side::Carrier, "401 REGISTER").len(), 1);
    assert_eq!(pair.sent(Side::Gateway, "REGISTER").len(), 2 + 5);
    assert_eq!(pair.sent(Side::Carrier, "200 REGISTER").len(), 1 + 5, "a count that did not rise would be refused");
}

#[test]
fn a_provider_that_wants_longer_registrations_gets_them() {
    let limits = RegistrationLimits { shortest_expiry_s: 900, ..RegistrationLimits::default() };
    let mut pair = registered_pair("secret", limits);
    pair.run(1_000);
    let events = pair.events(Side::Gateway);
    assert_eq!(events, [&Event::TrunkRegistered { name: "provider".into(), expires_s: 900 }]);
    assert_eq!(pair.sent(Side::Carrier, "423 REGISTER").len(), 1);
}

#[test]
fn a_wrong_password_is_said_in_words_and_tried_ever_more_rarely() {
    let mut pair = registered_pair("changed yesterday", RegistrationLimits::default());
    pair.run(2 * 3_600_000);
    let events = pair.events(Side::Gateway);
    let Event::TrunkRegistrationFailed { name, code: 401, why, again_s } = events[0] else { panic!("{events:?}") };
    assert_eq!((&**name, why.as_str()), ("provider", "the user or the password is wrong"));
    assert!((15..=30).contains(again_s), "{again_s}");
    assert!((4..=14).contains(&events.len()), "{}", events.len());
    assert_eq!(pair.gateway.is_registered_at("provider"), Some(false));
}

#[test]
fn a_call_over_the_provider_proves_who_we_are_and_its_ack_does_as_well() {
    let mut pair = registered_pair("secret", RegistrationLimits::default());
    pair.run(1_000);
    pair.told.clear();
    let now = pair.now();
    let leg = pair.gateway.invite(invite_over_provider("84952040000"), now).unwrap();
    pair.run(50);
    let Some((_, Event::Invited { leg: there, invite })) = pair
        .told
        .iter()
        .find(|(side, event)| *side == Side::Carrier && matches!(event, Event::Invited { .. }))
        .cloned()
    else {
        panic!("the provider was called: {:?}", pair.told)
    };
    assert_eq!((invite.dialled.as_str(), invite.from_user.as_str()), ("84952040000", "+74950000001"));
    let now = pair.now();
    pair.carrier.ring(there, now);
    pair.carrier.answer(there, SDP.to_vec(), now);
    pair.run(200);
    let told = pair.events(Side::Gateway);
    assert_eq!(told, [&Event::Ringing { leg, sdp: None }, &Event::Answered { leg, sdp: SDP.to_vec() }]);
    assert!(pair.events(Side::Carrier).contains(&&Event::Confirmed { leg: there, sdp: None }));
    let now = pair.now();
    pair.gateway.hang_up(leg, None, now);
    pair.run(1_000);
    assert!(pair.events(Side::Carrier).contains(&&hung_up(there, Ending::Bye)));
}

/// The house alone; the provider's lines are written by hand.
struct Alone {
    stack: Stack,
    now_ms: u64,
    flow: Flow,
}

impl Alone {
    /// With a login and without a registration.
    fn new(change: impl FnOnce(&mut Trunk)) -> Self {
        let mut trunk = at_provider(Transport::Udp, CARRIER);
        trunk.register = None;
        change(&mut trunk);
        let remote = trunk.address.unwrap();
        let local = if remote.is_ipv4() { GATEWAY } else { "[2001:db8::5]:5060" };
        let flow = Flow { transport: trunk.transport, ..flow(local, &remote.to_string()) };
        Self { stack: house(trunk, local), now_ms: 0, flow }
    }

    fn sent(&mut self) -> Vec<String> {
        let sent = std::iter::from_fn(|| self.stack.poll_transmit());
        sent.map(|transmit| String::from_utf8(transmit.bytes.to_vec()).unwrap()).collect()
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.stack.poll_event()).collect()
    }

    fn invite(&mut self, number: &str) -> (LegId, String) {
        let leg = self.stack.invite(invite_over_provider(number), Moment::at_ms(self.now_ms)).unwrap();
        (leg, self.sent().remove(0))
    }

    fn hear_from(&mut self, flow: Flow, text: &str) -> Vec<String> {
        self.now_ms += 10;
        self.stack.receive(&flow, text.as_bytes(), Moment::at_ms(self.now_ms));
        self.sent()
    }

    /// The provider answers this request of ours; what we send then.
    fn answer(&mut self, request: &str, status: &str, lines: &str) -> Vec<String> {
        let flow = self.flow;
        self.hear_from(flow, &answer_to(request, status, lines))
    }
}

fn answer_to(request: &str, status: &str, lines: &str) -> String {
    let repeated = |line: &&str| ["Via:", "From:", "To:", "Call-ID:", "CSeq:"].iter().any(|n| line.starts_with(n));
    let head: Vec<String> = request
        .lines()
        .filter(repeated)
        .map(
            |line| {
                if line.starts_with("To:") && !line.contains("tag=") { format!("{line};tag=p") } else { line.into() }
            },
        )
        .collect();
    format!("SIP/2.0 {status}\r\n{}\r\n{lines}Content-Length: 0\r\n\r\n", head.join("\r\n"))
}

fn line<'a>(message: &'a str, name: &str) -> &'a str {
    message.lines().find(|line| line.starts_with(name)).unwrap_or_default()
}

const ASKED: &str = "WWW-Authenticate: Digest realm=\"provider\", nonce=\"n1\", qop=\"auth\", algorithm=SHA-256\r\n\
                     WWW-Authenticate: Digest realm=\"provider\", nonce=\"n2\", qop=\"auth\", algorithm=MD5\r\n";

#[test]
fn the_same_call_goes_out_again_with_the_answer_and_a_higher_number() {
    let mut house = Alone::new(|_| {});
    let (_, first) = house.invite("112");
    let sent = house.answer(&first, "401 Unauthorized", ASKED);
    assert!(sent[0].starts_with("ACK sip:112@provider.example SIP/2.0\r\n"), "{}", sent[0]);
    let again = &sent[1];
    assert_eq!((line(&first, "CSeq"), line(again, "CSeq")), ("CSeq: 1 INVITE", "CSeq: 2 INVITE"));
    for same in ["From", "To", "Call-ID", "Contact"] {
        assert_eq!(line(&first, same), line(again, same));
    }
    assert_ne!(line(&first, "Via"), line(again, "Via"));
    assert!(line(again, "Authorization").contains("nonce=\"n1\"") && again.contains("algorithm=SHA-256"), "{again}");
    assert!(again.ends_with(std::str::from_utf8(SDP).unwrap()), "{again}");
    let contact = "Contact: <sip:112@192.0.2.1:5060>\r\nContent-Type: application/sdp\r\n";
    let taken = answer_to(again, "200 OK", contact).replace(
        "Content-Length: 0\r\n\r\n",
        &format!("Content-Length: {}\r\n\r\n{}", SDP.len(), String::from_utf8_lossy(SDP)),
    );
    let ack = house.hear_from(house.flow, &taken).remove(0);
    assert!(ack.starts_with("ACK sip:112@192.0.2.1:5060 "), "{ack}");
    assert_eq!((line(&ack, "CSeq"), line(&ack, "Authorization")), ("CSeq: 2 ACK", line(again, "Authorization")));
}

#[test]
fn the_next_call_brings_its_answer_along_and_counts_it() {
    let mut house = Alone::new(|_| {});
    let (_, first) = house.invite("112");
    let again = house.answer(&first, "401 Unauthorized", ASKED).remove(1);
    assert!(line(&again, "Authorization").contains("nc=00000001"));
    let (_, second) = house.invite("101");
    assert!(line(&second, "Authorization").contains("nc=00000002"), "{second}");
    assert!(line(&second, "Authorization").contains("uri=\"sip:101@provider.example\""), "{second}");
}

#[test]
fn a_bye_that_is_asked_for_proof_gets_through() {
    let mut house = Alone::new(|_| {});
    let (leg, first) = house.invite("112");
    let contact = "Contact: <sip:112@192.0.2.1:5060>\r\nContent-Type: application/sdp\r\n";
    let taken = answer_to(&first, "200 OK", contact).replace(
        "Content-Length: 0\r\n\r\n",
        &format!("Content-Length: {}\r\n\r\n{}", SDP.len(), String::from_utf8_lossy(SDP)),
    );
    house.hear_from(house.flow, &taken);
    house.stack.hang_up(leg, None, Moment::at_ms(100));
    let bye = house.sent().remove(0);
    let again = house.answer(&bye, "407 Proxy Authentication Required", &ASKED.replace("WWW-", "Proxy-")).remove(0);
    assert!(again.starts_with("BYE ") && line(&again, "Proxy-Authorization").contains("Digest "), "{again}");
    assert_eq!((line(&bye, "CSeq"), line(&again, "CSeq")), ("CSeq: 2 BYE", "CSeq: 3 BYE"));
}

#[test]
fn a_challenge_is_answered_at_most_twice_however_stale_the_nonce_is_said_to_be() {
    let mut house = Alone::new(|_| {});
    let (leg, mut request) = house.invite("112");
    let stale =
        |n: u32| format!("WWW-Authenticate: Digest realm=\"provider\", nonce=\"s{n}\", qop=\"auth\", stale=true\r\n");
    for n in 0..2 {
        let sent = house.answer(&request, "401 Unauthorized", &stale(n));
        request = sent.into_iter().find(|text| text.starts_with("INVITE")).expect("it goes again");
    }
    let sent = house.answer(&request, "401 Unauthorized", &stale(3));
    assert!(!sent.iter().any(|text| text.starts_with("INVITE")), "{sent:?}");
    let events = house.events();
    assert!(matches!(&events[0], Event::TrunkAsksInVain { .. }), "{events:?}");
    assert!(matches!(&events[1], Event::Refused { leg: of, code: 401, .. } if *of == leg), "{events:?}");
}

#[test]
fn a_right_answer_that_is_refused_is_not_given_again() {
    let mut house = Alone::new(|_| {});
    let (leg, first) = house.invite("112");
    let again = house.answer(&first, "401 Unauthorized", ASKED).remove(1);
    let sent = house.answer(&again, "401 Unauthorized", ASKED);
    assert_eq!(sent.len(), 1, "the ACK and nothing else: {sent:?}");
    let events = house.events();
    assert!(
        matches!(&events[..], [Event::TrunkAsksInVain { why, .. }, Event::Refused { leg: of, .. }]
        if why.contains("wrong") && *of == leg),
        "{events:?}"
    );
}

#[test]
fn nobody_but_the_trunk_itself_learns_our_digest() {
    let foreign_realm = ASKED.replace("\"provider\"", "\"evil\"");
    let integrity = ASKED.replace("qop=\"auth\"", "qop=\"auth-int\"");
    for challenge in [foreign_realm.as_str(), &integrity, ""] {
        let mut house = Alone::new(|_| {});
        let (_, first) = house.invite("112");
        let sent = house.answer(&first, "401 Unauthorized", challenge);
        assert!(sent.len() == 1 && sent[0].starts_with("ACK "), "{challenge}: {sent:?}");
    }
    let mut house = Alone::new(|_| {});
    let (_, first) = house.invite("112");
    let stranger = Flow { remote: "198.51.100.7:5060".parse().unwrap(), ..house.flow };
    let sent = house.hear_from(stranger, &answer_to(&first, "401 Unauthorized", ASKED));
    assert!(!sent.iter().any(|text| text.contains("Authorization: Digest")), "{sent:?}");
    let mut house = Alone::new(|trunk| trunk.login = None);
    let (_, first) = house.invite("112");
    let sent = house.answer(&first, "401 Unauthorized", ASKED);
    assert_eq!(sent.len(), 1, "{sent:?}");
}

#[test]
fn a_call_that_is_withdrawn_is_not_sent_again() {
    let mut house = Alone::new(|_| {});
    let (leg, first) = house.invite("112");
    house.stack.hang_up(leg, None, Moment::at_ms(5));
    let sent = house.answer(&first, "401 Unauthorized", ASKED);
    assert!(sent.len() == 1 && sent[0].starts_with("ACK "), "{sent:?}");
}

#[test]
fn the_trunk_is_told_who_calls_where_it_looks_for_it() {
    let (_, from) = Alone::new(|_| {}).invite("112");
    assert!(line(&from, "From").starts_with("From: <sip:+74950000001@provider.example>;tag="), "{from}");
    assert_eq!(line(&from, "P-Asserted"), "");
    let (_, asserted) = Alone::new(|trunk| trunk.caller_id = CallerId::Asserted).invite("112");
    assert!(line(&asserted, "From").starts_with("From: <sip:pult-gw@provider.example>;tag="), "{asserted}");
    assert_eq!(line(&asserted, "P-Asserted"), "P-Asserted-Identity: <sip:+74950000001@provider.example>");
    let mut house = Alone::new(|_| {});
    let hidden = Invite { from_user: String::new(), ..invite_over_provider("112") };
    house.stack.invite(hidden, Moment::at_ms(0)).unwrap();
    let hidden = house.sent().remove(0);
    assert!(line(&hidden, "From").starts_with("From: \"Anonymous\" <sip:anonymous@anonymous.invalid>"), "{hidden}");
    assert_eq!(line(&hidden, "Privacy"), "Privacy: id");
}

#[test]
fn a_trunk_over_ipv6_or_tls_is_written_to_as_its_way_wants() {
    let (_, v6) = Alone::new(|trunk| {
        (trunk.address, trunk.domain) = (Some("[2001:db8::1]:5070".parse().unwrap()), None);
    })
    .invite("112");
    assert!(v6.starts_with("INVITE sip:112@[2001:db8::1]:5070 SIP/2.0\r\n"), "{v6}");
    assert!(line(&v6, "Via").starts_with("Via: SIP/2.0/UDP [2001:db8::5]:5060;branch="), "{v6}");
    assert_eq!(line(&v6, "Contact"), "Contact: <sip:[2001:db8::5]:5060>");
    let (_, tls) = Alone::new(|trunk| trunk.transport = Transport::Tls).invite("112");
    assert!(tls.starts_with("INVITE sip:112@provider.example;transport=tls SIP/2.0\r\nVia: SIP/2.0/TLS "), "{tls}");
    assert_eq!(line(&tls, "Contact"), "Contact: <sip:10.0.0.1:5060;transport=tls>");
}

#[test]
fn a_number_cannot_carry_anything_else_into_the_request() {
    let mut house = Alone::new(|_| {});
    let (_, text) = house.invite("112@evil>\r\nX: y;z");
    assert!(text.starts_with("INVITE sip:112evilXyz@provider.example SIP/2.0\r\n"), "{text}");
    let nothing = house.stack.invite(invite_over_provider("@;"), Moment::at_ms(0));
    assert!(matches!(nothing, Err(super::super::super::event::InviteError::Unreadable { .. })), "{nothing:?}");
}

#[test]
fn a_call_to_our_account_is_a_call_to_the_number_it_stands_for() {
    let invite = |called: &str, to: &str| {
        format!(
            "INVITE sip:{called}@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{to}{called}\r\n\
             From: <sip:+79162040000@provider>;tag=a{to}{called}\r\nTo: <sip:{to}@provider>\r\nCall-ID: {to}{called}\r\n\
             CSeq: 1 INVITE\r\nContact: <sip:192.0.2.1:5060>\r\nContent-Length: 0\r\n\r\n"
        )
    };
    let dialled = |number: Option<&str>, called: &str, to: &str| {
        let number = number.map(str::to_owned);
        let mut house = Alone::new(|trunk| trunk.register = Some(Register { expires_s: 600, number }));
        house.hear_from(house.flow, &invite(called, to));
        let dialled = house.events().into_iter().find_map(|event| match event {
            Event::Invited { invite, .. } => Some(invite.dialled),
            _ => None,
        });
        dialled.unwrap()
    };
    assert_eq!(dialled(None, USER, "+74950000001"), "+74950000001");
    assert_eq!(dialled(Some("+74950000002"), USER, "+74950000001"), "+74950000002");
    assert_eq!(dialled(Some("+74950000002"), "+74950000003", "x"), "+74950000003");
}

#[test]
fn a_lost_connection_is_made_anew_and_registered_over() {
    let mut house = Alone::new(|trunk| {
        trunk.transport = Transport::Tcp;
        trunk.register = Some(Register { expires_s: 600, number: None });
    });
    let register = house.sent().remove(0);
    assert!(line(&register, "Contact").ends_with("<sip:pult-gw@10.0.0.1:5060;transport=tcp>"), "{register}");
    let on_seven = Flow { connection: 7, ..house.flow };
    house.hear_from(
        on_seven,
        &answer_to(&register, "200 OK", &format!("{};expires=120\r\n", line(&register, "Contact"))),
    );
    assert_eq!(house.events(), [Event::TrunkRegistered { name: "provider".into(), expires_s: 120 }]);
    house.stack.connection_closed(7, Moment::at_ms(5_000));
    house.stack.on_deadline(Moment::at_ms(7_040));
    let again = house.sent();
    assert!(again.len() == 1 && again[0].starts_with("REGISTER "), "{again:?}");
    assert_eq!(line(&again[0], "CSeq"), "CSeq: 2 REGISTER");
}

#[test]
fn a_provider_that_asks_for_patience_gets_it() {
    let mut house = Alone::new(|trunk| trunk.register = Some(Register { expires_s: 600, number: None }));
    let register = house.sent().remove(0);
    house.answer(&register, "503 Service Unavailable", "Retry-After: 900 (maintenance)\r\n");
    let events = house.events();
    assert!(matches!(&events[..], [Event::TrunkRegistrationFailed { code: 503, again_s: 900, .. }]), "{events:?}");
    house.stack.on_deadline(Moment::at_ms(890_000));
    assert_eq!(house.sent(), [""; 0]);
    house.stack.on_deadline(Moment::at_ms(901_000));
    assert!(house.sent()[0].starts_with("REGISTER "));
}

#[test]
fn at_the_end_of_the_service_the_provider_is_told() {
    let mut pair = registered_pair("secret", RegistrationLimits::default());
    pair.run(1_000);
    let now = pair.now();
    pair.gateway.leave_trunks(now);
    pair.run(100);
    let gone = Event::PhoneGone { user: USER.into(), cause: GoneBecause::Unregistered };
    assert!(pair.events(Side::Carrier).contains(&&gone));
    pair.run(3_600_000);
    assert_eq!(pair.sent(Side::Gateway, "REGISTER").len(), 3, "and that was the last word");
}

#[test]
fn a_trunk_that_passes_on_that_nobody_is_behind_it_is_lost() {
    let mut house = Alone::new(|trunk| trunk.options_every = Some(Duration::from_secs(30)));
    let ping = house.sent().remove(0);
    house.answer(&ping, "200 OK", "");
    assert_eq!(house.events(), [Event::TrunkAlive { name: "provider".into() }]);
    house.stack.on_deadline(Moment::at_ms(31_000));
    let ping = house.sent().remove(0);
    house.answer(&ping, "503 Service Unavailable", "");
    assert_eq!(house.events(), [Event::TrunkLost { name: "provider".into() }]);
}
