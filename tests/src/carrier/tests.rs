//! Callers and a phone put through to each other without a gateway, in virtual time: whatever one sends, the other
//! gets a millisecond later.

use std::time::Duration;

use serde_json::Value;
use shared::{pii::Secret, time::Moment};
use telephony_gateway::media::quality::Stats;

use super::{
    callers::{Callers, CallersConfig},
    message::{Message, Start},
    party::{CallNo, Hearing, Output, Party},
    phone::{Answers, Phone, PhoneConfig},
    plan::Plan,
    post::Post,
};

struct Line {
    phone: Phone,
    callers: Callers,
    now_ms: u64,
    /// Everything that was sent, as method or code, with who sent it.
    sent: Vec<(&'static str, String)>,
    reports: Vec<Value>,
    told: Vec<String>,
    /// Messages of this kind never arrive.
    lost: Option<&'static str>,
}

fn line(answers: Answers, talk_s: f64, patience_s: f64) -> Line {
    let phone =
        PhoneConfig { user: "101".into(), password: Secret::new("p"), answers, knows_talk: true, hangs_up_after: None };
    let plan = format!(r#"[{{"from": "+79160000001", "talk_s": {talk_s}, "patience_s": {patience_s}}}]"#);
    let config = CallersConfig { to: "101".into(), any_answer_is_a_person: true };
    let (here, there) = ("127.0.0.1:5070".parse().unwrap(), "127.0.0.2:5070".parse().unwrap());
    Line {
        phone: Phone::new(phone, Post::new(here, there, 1)),
        callers: Callers::new(config, Plan::read(&plan).unwrap(), Post::new(there, here, 2)),
        now_ms: 0,
        sent: Vec::new(),
        reports: Vec::new(),
        told: Vec::new(),
        lost: None,
    }
}

impl Line {
    fn run_until(&mut self, ms: u64) {
        if self.now_ms == 0 {
            self.callers.start(Moment::at_ms(0));
        }
        while self.now_ms < ms {
            self.now_ms += 1;
            let now = Moment::at_ms(self.now_ms);
            self.callers.on_time(now);
            self.phone.on_time(now);
            for datagram in self.outputs_of("callers", now) {
                self.phone.receive(&datagram, now);
            }
            for datagram in self.outputs_of("phone", now) {
                self.callers.receive(&datagram, now);
            }
        }
    }

    fn outputs_of(&mut self, who: &'static str, now: Moment) -> Vec<Vec<u8>> {
        let party: &mut dyn Party = if who == "phone" { &mut self.phone } else { &mut self.callers };
        let mut sent = Vec::new();
        loop {
            let outputs = party.take_outputs();
            if outputs.is_empty() {
                return sent;
            }
            for output in outputs {
                match output {
                    Output::Send(bytes) => {
                        let what = kind(&bytes);
                        let lost = self.lost.is_some_and(|lost| what == lost);
                        self.sent.push((who, what));
                        if !lost {
                            sent.push(bytes);
                        }
                    }
                    Output::Open(call) => party.opened(call, 40_000, now),
                    Output::Close(call) => party.closed(call, heard(call), now),
                    Output::Talk(..) => {}
                    Output::Report(report) => self.reports.push(report),
                    Output::Tell(words) => self.told.push(words),
                }
            }
        }
    }

    fn story(&self) -> Vec<String> {
        self.sent.iter().map(|(_, what)| what.clone()).collect()
    }

    fn ended_by(&self, who: &str) -> Vec<&str> {
        let whose = |report: &&Value| report.get("phone").is_some() == (who == "phone");
        self.reports.iter().filter(whose).filter_map(|report| report["ended_by"].as_str()).collect()
    }
}

fn heard(_call: CallNo) -> Hearing {
    let mut stats = Stats::default();
    stats.received.packets = 50;
    Hearing { stats, voice: true }
}

/// `INVITE`, or `200 INVITE` for an answer to one.
fn kind(bytes: &[u8]) -> String {
    let message = Message::parse(bytes).unwrap();
    match &message.start {
        Start::Request { method, .. } => method.clone(),
        Start::Response { code, .. } => format!("{code} {}", message.method()),
    }
}

#[test]
fn a_call_is_rung_answered_talked_and_hung_up() {
    let mut line = line(Answers::After(Duration::from_secs(3)), 10.0, 60.0);
    line.run_until(14_000);
    assert_eq!(line.story(), ["INVITE", "180 INVITE", "200 INVITE", "ACK", "BYE", "200 BYE"]);
    assert_eq!((line.ended_by("callers"), line.ended_by("phone")), (vec!["caller"], vec!["gateway"]));
    let report = line.reports.iter().find(|report| report["from"] == "+79160000001").unwrap();
    assert_eq!((report["heard_packets"].as_u64(), report["kind"].is_null()), (Some(50), true));
    assert_eq!(report["answered_after_ms"].as_u64().map(|ms| ms / 1000), Some(3));
    assert!(line.callers.is_over(), "the plan is done");
}

#[test]
fn a_caller_without_an_answer_loses_patience() {
    let mut line = line(Answers::Never, 10.0, 5.0);
    line.run_until(6000);
    assert_eq!(line.story(), ["INVITE", "180 INVITE", "CANCEL", "200 CANCEL", "487 INVITE", "ACK"]);
    assert_eq!((line.ended_by("callers"), line.ended_by("phone")), (vec!["patience"], vec!["cancelled"]));
}

#[test]
fn lost_messages_are_said_again() {
    for lost in ["INVITE", "200 INVITE", "ACK", "BYE"] {
        let mut line = line(Answers::After(Duration::from_secs(1)), 5.0, 60.0);
        line.lost = Some(lost);
        line.run_until(if lost == "BYE" { 6300 } else { 300 + if lost == "INVITE" { 0 } else { 1000 } });
        line.lost = None;
        line.run_until(20_000);
        assert_eq!(line.ended_by("callers"), ["caller"], "{lost} was lost");
        assert!(line.story().iter().filter(|what| *what == lost).count() >= 2, "{lost}: {:?}", line.story());
        assert!(line.callers.is_over());
    }
}

#[test]
fn a_busy_phone_refuses_the_second_caller() {
    let mut line = line(Answers::WhenTold, 5.0, 60.0);
    let plan = r#"[{"from": "+7916", "talk_s": 5, "patience_s": 60}, {"from": null, "after_s": 1, "talk_s": 5, "patience_s": 60}]"#;
    let config = CallersConfig { to: "101".into(), any_answer_is_a_person: true };
    let (here, there) = ("127.0.0.1:5070".parse().unwrap(), "127.0.0.2:5070".parse().unwrap());
    line.callers = Callers::new(config, Plan::read(plan).unwrap(), Post::new(there, here, 2));
    line.run_until(2000);
    assert_eq!(line.ended_by("callers"), ["refused 486"]);
}

#[test]
fn stopping_hangs_up_on_both_sides() {
    let mut line = line(Answers::After(Duration::from_secs(1)), 60.0, 60.0);
    line.run_until(5000);
    line.callers.stop(Moment::at_ms(5000));
    line.phone.stop(Moment::at_ms(5000));
    line.run_until(5010);
    assert!(line.callers.is_over() && line.phone.is_over());
    assert_eq!(line.ended_by("callers"), ["stopped"]);
}

/// A phone before a gateway that the test plays by hand.
struct Desk {
    phone: Phone,
    now: Moment,
}

fn desk(answers: Answers, knows_talk: bool) -> Desk {
    let config =
        PhoneConfig { user: "101".into(), password: Secret::new("secret"), answers, knows_talk, hangs_up_after: None };
    let post = Post::new("127.0.0.1:5070".parse().unwrap(), "127.0.0.1:5060".parse().unwrap(), 1);
    Desk { phone: Phone::new(config, post), now: Moment::at_ms(0) }
}

impl Desk {
    /// What the phone sends, in order; ports open as it wants them.
    fn sends(&mut self) -> Vec<Message> {
        let mut sent = Vec::new();
        loop {
            let outputs = self.phone.take_outputs();
            if outputs.is_empty() {
                return sent;
            }
            for output in outputs {
                match output {
                    Output::Send(bytes) => sent.push(Message::parse(&bytes).unwrap()),
                    Output::Open(call) => self.phone.opened(call, 40_000, self.now),
                    Output::Close(call) => self.phone.closed(call, Hearing::default(), self.now),
                    Output::Talk(..) | Output::Report(_) | Output::Tell(_) => {}
                }
            }
        }
    }

    fn answers(&mut self, request: &Message, code: u16, header: (&str, &str)) {
        let mut answer = Message {
            start: Start::Response { code, phrase: "x".into() },
            headers: request.headers.clone(),
            body: Vec::new(),
        };
        answer.set(header.0, header.1);
        self.phone.receive(&answer.to_bytes(), self.now);
    }

    fn asks(&mut self, method: &str, extra: (&str, &str)) -> Vec<String> {
        let mut request = Message {
            start: Start::Request { method: method.into(), uri: "sip:101@127.0.0.1:5070".into() },
            headers: Vec::new(),
            body: Vec::new(),
        };
        for (name, value) in [
            ("Via", "SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKx"),
            ("From", "<sip:+7916@127.0.0.1>;tag=g"),
            ("To", "<sip:101@127.0.0.1>"),
            ("Call-ID", "desk-call"),
            ("Contact", "<sip:127.0.0.1:5060>"),
            extra,
        ] {
            request.set(name, value);
        }
        request.set("CSeq", format!("1 {method}"));
        if method == "INVITE" {
            Post::describe(&mut request, super::sdp::offer("127.0.0.1:30000".parse().unwrap()));
        }
        self.phone.receive(&request.to_bytes(), self.now);
        self.sends().iter().map(|message| kind(&message.to_bytes())).collect()
    }
}

#[test]
fn a_phone_registers_with_its_password_and_renews_in_time() {
    let mut desk = desk(Answers::WhenTold, true);
    desk.phone.start(desk.now);
    let first = desk.sends().remove(0);
    assert_eq!((first.header("Authorization"), first.header("Allow-Events")), (None, Some("talk")));
    desk.answers(
        &first,
        401,
        ("WWW-Authenticate", "Digest realm=\"pult\", nonce=\"n1\", algorithm=SHA-256, qop=\"auth\""),
    );
    let signed = desk.sends().remove(0);
    assert!(signed.header("Authorization").unwrap().contains("nc=00000001"));
    desk.answers(&signed, 200, ("Contact", "<sip:101@127.0.0.1:5070>;expires=60"));
    desk.phone.on_time(Moment::at_ms(47_999));
    assert!(desk.sends().is_empty());
    desk.phone.on_time(Moment::at_ms(48_000));
    assert!(desk.sends()[0].header("Authorization").unwrap().contains("nc=00000002"));
}

#[test]
fn a_phone_with_a_wrong_password_does_not_hammer_the_gateway() {
    let mut desk = desk(Answers::WhenTold, true);
    desk.phone.start(desk.now);
    let challenge = ("WWW-Authenticate", "Digest realm=\"pult\", nonce=\"n1\", qop=\"auth\"");
    let first = desk.sends().remove(0);
    desk.answers(&first, 401, challenge);
    let signed = desk.sends().remove(0);
    desk.answers(&signed, 401, challenge);
    let told = desk.phone.take_outputs();
    assert!(matches!(&told[..], [Output::Tell(words)] if words.contains("does not accept the password")), "{told:?}");
    desk.phone.on_time(Moment::at_ms(59_000));
    assert!(desk.sends().is_empty());
}

#[test]
fn the_gateway_lifts_the_phone_with_event_talk() {
    let mut desk = desk(Answers::WhenTold, true);
    assert_eq!(desk.asks("INVITE", ("Max-Forwards", "70")), ["180 INVITE"]);
    assert_eq!(desk.asks("NOTIFY", ("Event", "talk")), ["200 NOTIFY", "200 INVITE"]);
    assert_eq!(desk.asks("BYE", ("Max-Forwards", "70")), ["200 BYE"]);
}

#[test]
fn a_phone_that_does_not_know_talk_is_lifted_by_answer_after() {
    let mut desk = desk(Answers::WhenTold, false);
    assert_eq!(desk.asks("NOTIFY", ("Event", "talk")), ["489 NOTIFY"]);
    assert_eq!(desk.asks("INVITE", ("Call-Info", "<sip:x>;answer-after=0")), ["200 INVITE"]);
}

#[test]
fn a_phone_where_nobody_is_stays_ringing_whatever_it_is_told() {
    let mut desk = desk(Answers::Never, true);
    assert_eq!(desk.asks("INVITE", ("Call-Info", "<sip:x>;answer-after=0")), ["180 INVITE"]);
    assert_eq!(desk.asks("NOTIFY", ("Event", "talk")), ["200 NOTIFY"]);
}

#[test]
fn a_withheld_number_is_asked_to_stay_so() {
    let plan = Plan::read(r#"[{"from": null, "talk_s": 5, "patience_s": 60}]"#).unwrap();
    let config = CallersConfig { to: "101".into(), any_answer_is_a_person: true };
    let post = Post::new("127.0.0.2:5070".parse().unwrap(), "127.0.0.1:5060".parse().unwrap(), 2);
    let mut callers = Callers::new(config, plan, post);
    callers.start(Moment::at_ms(0));
    callers.on_time(Moment::at_ms(0));
    callers.opened(1, 40_000, Moment::at_ms(0));
    let sent = callers.take_outputs().into_iter().find_map(|output| match output {
        Output::Send(bytes) => Some(Message::parse(&bytes).unwrap()),
        _ => None,
    });
    let invite = sent.unwrap();
    assert_eq!(invite.header("Privacy"), Some("id"));
    assert!(invite.header("From").unwrap().starts_with("\"Anonymous\" <sip:anonymous@anonymous.invalid>"));
}
