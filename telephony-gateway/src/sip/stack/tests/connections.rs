//! Ways that break in the middle of a talk: connections that close, phones that fall silent, networks that are away.

use super::phones::Office;
use super::*;

const TRUNK_LISTENS: &str = "192.0.2.1:5080";
/// The carrier's end of its connection to us: nobody listens there.
const TRUNK_CALLS_FROM: &str = "192.0.2.1:40000";

fn on_connection(connection: u64, remote: &str) -> Flow {
    Flow { transport: Transport::Tcp, connection, ..flow(GATEWAY, remote) }
}

/// A carrier over TCP, and one call with it that is established on connection 5.
struct Trunkline {
    stack: Stack,
    leg: LegId,
    our_tag: String,
}

impl Trunkline {
    fn talking(contact: &str) -> Self {
        let mut config = config_with_trunk(CARRIER);
        config.trunks[0].address = Some(TRUNK_LISTENS.parse().unwrap());
        config.trunks[0].transport = Transport::Tcp;
        let mut stack = Stack::new(config, [1; 32]);
        let invite = Self::request("INVITE", 1, "", &format!("Contact: {contact}\r\n"));
        stack.receive(&on_connection(5, TRUNK_CALLS_FROM), invite.as_bytes(), Moment::at_ms(0));
        let Some(Event::Invited { leg, .. }) = stack.poll_event() else { panic!("a call was expected") };
        stack.answer(leg, SDP.to_vec(), Moment::at_ms(1));
        let ok = std::iter::from_fn(|| stack.poll_transmit()).last().unwrap();
        let ok = String::from_utf8(ok.bytes.to_vec()).unwrap();
        let our_tag = ok.lines().find(|line| line.starts_with("To:")).unwrap().rsplit('=').next().unwrap().to_owned();
        let mut line = Self { stack, leg, our_tag };
        line.say(5, "ACK", 1);
        assert!(matches!(line.events()[..], [Event::Confirmed { .. }]));
        line
    }

    fn request(method: &str, cseq: u32, to_tag: &str, more: &str) -> String {
        format!(
            "{method} sip:112@gw SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1:5080;branch=z9hG4bK{method}{cseq}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:112@gw>{to_tag}\r\nCall-ID: c1\r\n\
             CSeq: {cseq} {method}\r\n{more}\r\n"
        )
    }

    /// A request within the call.
    fn say(&mut self, connection: u64, method: &str, cseq: u32) {
        let text = Self::request(method, cseq, &format!(";tag={}", self.our_tag), "");
        self.stack.receive(&on_connection(connection, TRUNK_CALLS_FROM), text.as_bytes(), Moment::at_ms(100));
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.stack.poll_event()).collect()
    }

    /// Where our goodbye goes.
    fn bye(&mut self) -> Flow {
        while self.stack.poll_transmit().is_some() {}
        self.stack.hang_up(self.leg, None, Moment::at_ms(200));
        let sent = self.stack.poll_transmit().expect("a goodbye");
        assert!(sent.bytes.starts_with(b"BYE "));
        sent.flow
    }
}

#[test]
fn a_talk_over_a_carrier_s_connection_ends_on_that_connection() {
    let mut line = Trunkline::talking("<sip:a@192.0.2.1:5081;transport=tcp>");
    assert_eq!(line.bye(), on_connection(5, TRUNK_CALLS_FROM));
}

#[test]
fn a_talk_outlives_the_carrier_s_connection_and_the_goodbye_goes_where_the_carrier_listens() {
    for (contact, expected) in [
        ("<sip:a@192.0.2.1:5081;transport=tcp>", "192.0.2.1:5081"),
        ("<sip:a@203.0.113.66:5060>", TRUNK_LISTENS),
        ("<sip:a@carrier.example.org>", TRUNK_LISTENS),
    ] {
        let mut line = Trunkline::talking(contact);
        line.stack.connection_closed(5, Moment::at_ms(150));
        assert_eq!(line.events(), [], "the talk goes on");
        assert_eq!(line.bye(), on_connection(0, expected), "{contact}");
    }
}

#[test]
fn a_change_that_was_on_a_broken_connection_is_asked_for_again_on_a_new_one() {
    let mut line = Trunkline::talking("<sip:a@192.0.2.1:5081;transport=tcp>");
    let leg = line.leg;
    while line.stack.poll_transmit().is_some() {}
    line.stack.reoffer(leg, SDP.to_vec(), Moment::at_ms(100));
    assert_eq!(line.stack.poll_transmit().unwrap().flow, on_connection(5, TRUNK_CALLS_FROM));
    line.stack.connection_closed(5, Moment::at_ms(150));
    line.stack.on_deadline(Moment::at_ms(300));
    let again = line.stack.poll_transmit().expect("a second question");
    assert!(again.bytes.starts_with(b"INVITE ") && again.bytes.ends_with(SDP));
    assert_eq!(again.flow, on_connection(0, "192.0.2.1:5081"));
    line.stack.send_failed(&again.flow, Moment::at_ms(400));
    assert_eq!(line.events(), [hung_up(leg, Ending::TransportFailed)], "nobody listens there any more");
}

#[test]
fn after_a_restart_a_carrier_over_tcp_is_called_where_it_listens() {
    let mut line = Trunkline::talking("<sip:a@carrier.example.org>");
    let keepsake = line.stack.keepsake(line.leg).unwrap();
    let mut config = config_with_trunk(CARRIER);
    (config.trunks[0].address, config.trunks[0].transport) = (Some(TRUNK_LISTENS.parse().unwrap()), Transport::Tcp);
    line.stack = Stack::new(config, [9; 32]);
    line.leg = line.stack.revive(keepsake, Moment::at_ms(0)).unwrap();
    line.stack.reoffer(line.leg, SDP.to_vec(), Moment::at_ms(0));
    assert_eq!(line.stack.poll_transmit().unwrap().flow, on_connection(0, TRUNK_LISTENS));
    line.say(9, "OPTIONS", 2);
    assert_eq!(line.bye(), on_connection(9, TRUNK_CALLS_FROM), "it has called us itself meanwhile");
}

#[test]
fn a_carrier_that_has_connected_anew_is_answered_there_from_then_on() {
    let mut line = Trunkline::talking("<sip:a@192.0.2.1:5081;transport=tcp>");
    line.stack.connection_closed(5, Moment::at_ms(50));
    line.say(6, "OPTIONS", 2);
    assert_eq!(line.bye(), on_connection(6, TRUNK_CALLS_FROM));
    let mut line = Trunkline::talking("<sip:a@192.0.2.1:5081;transport=tcp>");
    line.stack.connection_closed(5, Moment::at_ms(50));
    line.say(6, "BYE", 2);
    let leg = line.leg;
    assert_eq!(line.events(), [hung_up(leg, Ending::Bye)]);
}

#[test]
fn a_question_that_was_on_a_broken_connection_is_no_answer_and_a_carrier_that_cannot_be_reached_is_gone() {
    let mut line = Trunkline::talking("<sip:a@192.0.2.1:5081;transport=tcp>");
    let leg = line.leg;
    line.stack.ask_now(leg, Moment::at_ms(200));
    line.stack.connection_closed(5, Moment::at_ms(210));
    assert_eq!(line.events(), []);
    while line.stack.poll_transmit().is_some() {}
    line.stack.ask_now(leg, Moment::at_ms(300));
    let asked = line.stack.poll_transmit().unwrap();
    line.stack.send_failed(&asked.flow, Moment::at_ms(400));
    assert_eq!(line.events(), [hung_up(leg, Ending::TransportFailed)]);
}

#[test]
fn a_trunk_over_tcp_is_asked_over_tcp_whether_it_is_there() {
    let mut config = config_with_trunk(CARRIER);
    let trunk = &mut config.trunks[0];
    (trunk.address, trunk.transport) = (Some(TRUNK_LISTENS.parse().unwrap()), Transport::Tcp);
    trunk.options_every = Some(Duration::from_secs(30));
    let mut stack = Stack::new(config, [1; 32]);
    let local = GATEWAY.parse().unwrap();
    stack.start(&[(Transport::Udp, local), (Transport::Tcp, local)], Moment::at_ms(0));
    let ping = stack.poll_transmit().unwrap();
    assert_eq!(ping.flow, on_connection(0, TRUNK_LISTENS));
    let text = String::from_utf8(ping.bytes.to_vec()).unwrap();
    assert!(text.starts_with("OPTIONS sip:192.0.2.1:5080;transport=tcp SIP/2.0\r\nVia: SIP/2.0/TCP "), "{text}");
    stack.send_failed(&ping.flow, Moment::at_ms(10));
    assert_eq!(stack.poll_event(), Some(Event::TrunkLost { name: "carrier".into() }));
    stack.on_deadline(Moment::at_ms(30_100));
    let text = String::from_utf8(stack.poll_transmit().unwrap().bytes.to_vec()).unwrap();
    let ok = text.replace("OPTIONS sip:192.0.2.1:5080;transport=tcp SIP/2.0", "SIP/2.0 200 OK");
    stack.receive(&on_connection(3, TRUNK_LISTENS), ok.as_bytes(), Moment::at_ms(30_200));
    assert_eq!(stack.poll_event(), Some(Event::TrunkAlive { name: "carrier".into() }));
}

/// The phone takes a call and talks.
fn talking(office: &mut Office) -> LegId {
    office.register();
    let (leg, invite) = office.invite().unwrap();
    let ack = office.send(&answer(&invite.bytes, "200 OK"));
    assert!(ack[0].starts_with("ACK "), "{ack:?}");
    office.events();
    leg
}

/// A phone's answer to a request of ours.
fn answer(request: &[u8], status: &str) -> String {
    let request = std::str::from_utf8(request).unwrap();
    let repeated = |line: &&str| ["Via:", "From:", "Call-ID:", "CSeq:"].iter().any(|name| line.starts_with(name));
    let repeated: String = request.lines().filter(repeated).map(|line| format!("{line}\r\n")).collect();
    let sdp = std::str::from_utf8(SDP).unwrap();
    format!(
        "SIP/2.0 {status}\r\n{repeated}To: <sip:101@pult>;tag=p\r\nContact: <sip:101@10.9.9.9:5062>\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
}

fn sent(office: &mut Office) -> Vec<(Flow, String)> {
    let text = |transmit: Transmit| (transmit.flow, String::from_utf8(transmit.bytes.to_vec()).unwrap());
    std::iter::from_fn(|| office.stack.poll_transmit()).map(text).collect()
}

fn connected() -> Office {
    let mut office = Office::new();
    office.connection = 7;
    office
}

#[test]
fn a_phone_that_loses_its_connection_in_a_talk_and_comes_back_goes_on_talking() {
    let mut office = connected();
    let leg = talking(&mut office);
    office.stack.ask_now(leg, Moment::at_ms(office.now_ms));
    sent(&mut office);
    office.stack.connection_closed(7, Moment::at_ms(office.now_ms));
    let gone = Event::PhoneGone { user: "101".into(), cause: GoneBecause::ConnectionLost };
    assert_eq!(office.events(), [gone], "the telephone, and not the talk");
    office.deadline(10_000);
    office.connection = 8;
    office.register();
    office.deadline(60_000);
    let ended = office.events().into_iter().any(|event| matches!(event, Event::HungUp { .. }));
    assert!(!ended, "it was back in time");
    sent(&mut office);
    office.stack.hang_up(leg, None, Moment::at_ms(office.now_ms));
    let bye = sent(&mut office).remove(0);
    assert!(bye.1.starts_with("BYE ") && bye.0.connection == 8, "{bye:?}");
}

#[test]
fn a_phone_that_is_back_before_its_old_connection_is_known_to_be_lost_goes_on_talking_as_well() {
    let mut office = connected();
    let leg = talking(&mut office);
    office.connection = 8;
    office.register();
    office.stack.connection_closed(7, Moment::at_ms(office.now_ms));
    office.deadline(20_000);
    let ended = office.events().into_iter().any(|event| matches!(event, Event::HungUp { .. }));
    assert!(!ended);
    sent(&mut office);
    office.stack.hang_up(leg, None, Moment::at_ms(office.now_ms));
    assert_eq!(sent(&mut office).remove(0).0.connection, 8);
}

#[test]
fn a_phone_that_does_not_come_back_ends_the_talk_and_learns_of_it_later() {
    let mut office = connected();
    let leg = talking(&mut office);
    office.stack.connection_closed(7, Moment::at_ms(office.now_ms));
    office.events();
    sent(&mut office);
    office.deadline(14_900);
    assert_eq!(office.events(), []);
    office.deadline(200);
    assert_eq!(office.events(), [hung_up(leg, Ending::TransportFailed)]);
    assert_eq!(sent(&mut office), [], "there is no way to tell it");
    office.connection = 8;
    let (_, heard) = office.register_with("101", "secret", 0, 1);
    assert!(heard.iter().any(|text| text.starts_with("BYE ")), "{heard:?}");
}

#[test]
fn a_phone_that_falls_silent_in_a_talk_is_gone_until_it_answers_again() {
    let mut office = Office::new();
    let leg = talking(&mut office);
    office.stack.ask_now(leg, Moment::at_ms(office.now_ms));
    office.deadline(31_900);
    assert_eq!(office.events(), []);
    office.deadline(200);
    let gone = Event::PhoneGone { user: "101".into(), cause: GoneBecause::Silent };
    assert_eq!(office.events(), [hung_up(leg, Ending::TimedOut), gone]);
    assert!(matches!(office.invite(), Err(super::super::super::event::InviteError::NotRegistered { .. })));
    let (to, knock) = sent(&mut office).pop().unwrap();
    assert!(knock.starts_with("OPTIONS sip:101@10.9.9.9:5062 ") && knock.contains("CSeq: 1 OPTIONS"), "{knock}");
    assert_eq!(to, office.flow());

    office.send(&answer(knock.as_bytes(), "486 Busy Here"));
    let flow = office.flow();
    let [Event::PhoneRegistered { user, flow: found, fresh: true, .. }] = &office.events()[..] else {
        panic!("whatever it answers, it is back")
    };
    assert_eq!((&**user, *found), ("101", flow));
    office.invite().unwrap();
}

#[test]
fn a_silent_phone_is_asked_on_and_on_until_its_registration_runs_out() {
    let mut office = Office::new();
    let leg = talking(&mut office);
    office.stack.ask_now(leg, Moment::at_ms(office.now_ms));
    let mut n_knocks = 0;
    for _ in 0..200 {
        office.deadline(1_000);
        let is_new = |text: &str| text.starts_with("OPTIONS") && text.contains("CSeq: 1 OPTIONS");
        n_knocks += sent(&mut office).iter().filter(|(_, text)| is_new(text)).count();
    }
    assert!(n_knocks >= 2, "{n_knocks}");
    assert_eq!(sent(&mut office), [], "its registration of a minute has run out long ago");
    assert!(office.stack.n_remembered() <= 1, "{}", office.stack.n_remembered());
}

#[test]
fn a_network_that_is_away_for_a_moment_ends_no_talk() {
    let mut office = Office::new();
    let leg = talking(&mut office);
    office.stack.ask_now(leg, Moment::at_ms(office.now_ms));
    let asked = office.stack.poll_transmit().unwrap();
    office.stack.send_failed(&asked.flow, Moment::at_ms(office.now_ms));
    assert_eq!(office.events(), []);
}

#[test]
fn something_goes_through_a_nat_twice_a_minute_as_long_as_a_phone_is_registered_there() {
    let mut office = Office::new();
    office.register();
    let mut sent_at = Vec::new();
    for second in 1..=120 {
        office.deadline(1_000);
        let is_new = |text: &str| text.starts_with("OPTIONS sip:101@10.9.9.9:5062 ");
        for (flow, text) in sent(&mut office) {
            assert!(is_new(&text) && flow == office.flow(), "{text}");
            office.send(&answer(text.as_bytes(), "404 Not Found"));
            sent_at.push(second);
        }
    }
    // The registration is for a minute.
    assert_eq!(sent_at.len(), 2, "{sent_at:?}");
    assert!(sent_at[0] <= 27 && sent_at[1] - sent_at[0] <= 27, "{sent_at:?}");
    assert_eq!(office.stack.n_remembered(), 0);
}
