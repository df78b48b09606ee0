//! The people who ring: each call of the plan is dialled, waited through, talked and hung up.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use shared::time::Moment;
use telephony_gateway::media::leg::RemoteMedia;

use super::{
    message::{Message, Start},
    party::{CallNo, Hearing, Output, Party},
    plan::{Plan, PlannedCall},
    post::{Awaited, Dialog, Post},
    sdp,
};

pub struct CallersConfig {
    /// The number that everybody dials.
    pub to: String,
    /// Whether any answer counts as a person. Otherwise only a voice does: a scripted phone is told from music by
    /// its pilot tone.
    pub any_answer_is_a_person: bool,
}

const FAREWELL: Duration = Duration::from_secs(2);
/// How long the gateway may take to confirm a cancelled call.
const CANCELLING: Duration = Duration::from_secs(5);

pub struct Callers {
    config: CallersConfig,
    post: Post,
    plan: Plan,
    next: Option<(Moment, PlannedCall)>,
    calls: Vec<Call>,
    last_call: CallNo,
    gone_by: Option<Moment>,
    out_of_time: bool,
}

struct Call {
    number: CallNo,
    planned: PlannedCall,
    dialog: Dialog,
    invite: Option<Message>,
    rtp_port: u16,
    arrived: Moment,
    ringing_ms: Option<u64>,
    answered_ms: Option<u64>,
    voice_ms: Option<u64>,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// The port of its sound is being opened.
    Arriving,
    /// The INVITE waits for its final answer.
    Dialling,
    /// The patience is over; the INVITE waits for its 487.
    Cancelling {
        why: &'static str,
        until: Moment,
    },
    /// The call is answered, perhaps only by music.
    Waiting,
    Talking {
        until: Moment,
    },
    Ended {
        by: String,
    },
}

impl Callers {
    pub fn new(config: CallersConfig, plan: Plan, post: Post) -> Self {
        Self { config, post, plan, next: None, calls: Vec::new(), last_call: 0, gone_by: None, out_of_time: false }
    }

    fn plan_next(&mut self, now: Moment) {
        self.next = self.plan.next_call().map(|call| (now.after(call.after), call));
    }

    fn arrive(&mut self, planned: PlannedCall, now: Moment) {
        let (call_id, tag) = (self.post.token(), self.post.token());
        let host = self.post.local().ip();
        let ours = match &planned.number {
            Some(number) => format!("<sip:{number}@{host}>;tag={tag}"),
            // RFC 3323 section 4.1.1.3.
            None => format!("\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag={tag}"),
        };
        let target = format!("sip:{}@{}", self.config.to, self.post.server());
        self.last_call += 1;
        self.calls.push(Call {
            number: self.last_call,
            dialog: Dialog::begin(call_id, ours, format!("<{target}>"), target),
            planned,
            invite: None,
            rtp_port: 0,
            arrived: now,
            ringing_ms: None,
            answered_ms: None,
            voice_ms: None,
            state: State::Arriving,
        });
        self.post.output(Output::Open(self.last_call));
    }

    fn answered(&mut self, at: usize, response: &Message, code: u16, now: Moment) {
        let call = &mut self.calls[at];
        let waited_ms = now.since(call.arrived).as_millis() as u64;
        match code {
            100 => {}
            101..200 => {
                if code == 180 {
                    call.ringing_ms.get_or_insert(waited_ms);
                }
            }
            200..300 => {
                call.dialog.established_by(response);
                let ack = self.post.request("ACK", &mut call.dialog);
                self.post.send(&ack);
                match call.state {
                    State::Dialling => {
                        call.answered_ms = Some(waited_ms);
                        let Some(media) = sdp::read(&response.body) else {
                            return self.hang_up(at, "answer without sound", now);
                        };
                        call.state = State::Waiting;
                        self.talk(at, media);
                        if self.config.any_answer_is_a_person {
                            self.begin_to_talk(at, now);
                        }
                    }
                    // The answer and the cancelling have crossed.
                    State::Cancelling { why, .. } => {
                        call.state = State::Waiting;
                        self.hang_up(at, why, now);
                    }
                    // Only the ACK was lost.
                    State::Arriving | State::Waiting | State::Talking { .. } | State::Ended { .. } => {}
                }
            }
            code => {
                self.acknowledge_refusal(at, response);
                match self.calls[at].state {
                    State::Dialling => self.end(at, format!("refused {code}")),
                    State::Cancelling { why, .. } => self.end(at, why.to_owned()),
                    State::Arriving | State::Waiting | State::Talking { .. } | State::Ended { .. } => {}
                }
            }
        }
    }

    /// The ACK of a refusal belongs to the transaction of its INVITE (RFC 3261 section 17.1.1.3).
    fn acknowledge_refusal(&mut self, at: usize, response: &Message) {
        let Some(mut ack) = self.calls[at].invite.as_ref().map(|invite| of_the_same_transaction(invite, "ACK")) else {
            return;
        };
        ack.set("To", response.header("To").unwrap_or_default());
        self.post.send(&ack);
    }

    fn requested(&mut self, request: &Message, method: &str, now: Moment) {
        let at = self.calls.iter().position(|call| call.dialog.call_id == request.call_id());
        match (method, at) {
            ("ACK", _) => {}
            ("BYE", Some(at)) => {
                self.answer_plainly(request, 200);
                self.end(at, "gateway".to_owned());
            }
            ("INVITE", Some(at)) => {
                let Some(media) = sdp::read(&request.body) else {
                    let refusal = self.post.reply(request, 488, "");
                    return self.post.send_final(&refusal, now);
                };
                let address = SocketAddr::new(self.post.local().ip(), self.calls[at].rtp_port);
                let mut ok = self.post.reply(request, 200, "");
                Post::describe(&mut ok, sdp::answer(address, &media));
                self.post.send_final(&ok, now);
                self.talk(at, media);
            }
            ("OPTIONS", _) => self.answer_plainly(request, 200),
            (_, None) => self.answer_plainly(request, 481),
            (_, Some(_)) => self.answer_plainly(request, 405),
        }
    }

    fn talk(&mut self, at: usize, media: RemoteMedia) {
        let number = self.calls[at].number;
        self.post.output(Output::Talk(number, media));
    }

    fn begin_to_talk(&mut self, at: usize, now: Moment) {
        let call = &mut self.calls[at];
        call.voice_ms = Some(now.since(call.arrived).as_millis() as u64);
        call.state = State::Talking { until: now.after(call.planned.talk) };
    }

    /// Ends the call in whatever way its state asks for.
    fn hang_up(&mut self, at: usize, why: &'static str, now: Moment) {
        let call = &mut self.calls[at];
        match call.state {
            State::Dialling => {
                if let Some(invite) = &call.invite {
                    let cancel = of_the_same_transaction(invite, "CANCEL");
                    call.state = State::Cancelling { why, until: now.after(CANCELLING) };
                    self.post.send_request(&cancel, now);
                }
            }
            State::Waiting | State::Talking { .. } => {
                let bye = self.post.request("BYE", &mut call.dialog);
                self.post.send_request(&bye, now);
                self.end(at, why.to_owned());
            }
            State::Arriving => self.end(at, why.to_owned()),
            State::Cancelling { .. } | State::Ended { .. } => {}
        }
    }

    fn end(&mut self, at: usize, by: String) {
        let call = &mut self.calls[at];
        if !matches!(call.state, State::Ended { .. }) {
            call.state = State::Ended { by };
            self.post.output(Output::Close(call.number));
        }
    }

    fn answer_plainly(&mut self, request: &Message, code: u16) {
        let answer = self.post.reply(request, code, "carrier");
        self.post.send(&answer);
    }

    /// When the caller loses patience, or has said everything.
    fn deadline(call: &Call) -> Option<Moment> {
        match call.state {
            State::Dialling | State::Waiting => Some(call.arrived.after(call.planned.patience)),
            State::Talking { until } | State::Cancelling { until, .. } => Some(until),
            State::Arriving | State::Ended { .. } => None,
        }
    }
}

/// CANCEL, and the ACK of a refusal, repeat the INVITE's address, Via and numbers.
fn of_the_same_transaction(invite: &Message, method: &str) -> Message {
    let Start::Request { uri, .. } = &invite.start else { return invite.clone() };
    let mut message = Message {
        start: Start::Request { method: method.to_owned(), uri: uri.clone() },
        headers: Vec::new(),
        body: Vec::new(),
    };
    for name in ["Via", "Route", "Max-Forwards", "From", "To", "Call-ID"] {
        message.headers.extend(invite.all(name).map(|value| (name.to_owned(), value.to_owned())));
    }
    let number = invite.header("CSeq").and_then(|cseq| cseq.split(' ').next()).unwrap_or("1");
    message.set("CSeq", format!("{number} {method}"));
    message
}

fn report(call: &Call, by: &str, hearing: Hearing) -> Value {
    json!({
        "call": call.number,
        "kind": call.planned.kind,
        "from": call.planned.number,
        "arrived": call.arrived.utc_ms.0,
        "ringing_after_ms": call.ringing_ms,
        "answered_after_ms": call.answered_ms,
        "voice_after_ms": call.voice_ms,
        "heard_packets": hearing.stats.received.packets,
        "lost_packets": hearing.stats.received.lost,
        "sent_packets": hearing.stats.sent.packets,
        "ended_by": by,
    })
}

impl Party for Callers {
    fn start(&mut self, now: Moment) {
        self.plan_next(now);
    }

    fn receive(&mut self, datagram: &[u8], now: Moment) {
        let message = match Message::parse(datagram) {
            Ok(message) => message,
            Err(_) if datagram.trim_ascii().is_empty() => return,
            Err(error) => return self.post.tell(format!("callers: unreadable message: {error}")),
        };
        self.post.answered(&message);
        match &message.start {
            Start::Response { code, .. } if message.method() == "INVITE" => {
                if let Some(at) = self.calls.iter().position(|call| call.dialog.call_id == message.call_id()) {
                    self.answered(at, &message, *code, now);
                }
            }
            Start::Response { .. } => {}
            Start::Request { method, .. } => self.requested(&message, method, now),
        }
    }

    fn opened(&mut self, number: CallNo, rtp_port: u16, now: Moment) {
        let Some(call) = self.calls.iter_mut().find(|call| call.number == number) else { return };
        call.rtp_port = rtp_port;
        let mut invite = self.post.request("INVITE", &mut call.dialog);
        invite.set("Contact", format!("<sip:{}>", self.post.local()));
        if call.planned.number.is_none() {
            invite.set("Privacy", "id");
        }
        Post::describe(&mut invite, sdp::offer(SocketAddr::new(self.post.local().ip(), rtp_port)));
        call.invite = Some(invite.clone());
        call.state = State::Dialling;
        self.post.send_request(&invite, now);
    }

    fn hears(&mut self, number: CallNo, hearing: Hearing, now: Moment) {
        let at = self.calls.iter().position(|call| call.number == number && call.state == State::Waiting);
        if let Some(at) = at.filter(|_| hearing.voice) {
            self.begin_to_talk(at, now);
        }
    }

    fn closed(&mut self, number: CallNo, hearing: Hearing, _now: Moment) {
        let Some(at) = self.calls.iter().position(|call| call.number == number) else { return };
        let call = self.calls.remove(at);
        if let State::Ended { by } = &call.state {
            self.post.output(Output::Report(report(&call, by, hearing)));
        }
    }

    fn on_time(&mut self, now: Moment) {
        for awaited in self.post.on_time(now) {
            let Awaited::Response { branch, method } = awaited else {
                self.post.tell("callers: an answer to the gateway was never acknowledged");
                continue;
            };
            self.post.tell(format!("callers: the gateway does not answer a {method}"));
            let of_it = |call: &Call| call.invite.as_ref().is_some_and(|invite| invite.branch() == branch);
            if let Some(at) = self.calls.iter().position(of_it) {
                self.end(at, "no answer".to_owned());
            }
        }
        while let Some((_, call)) = self.next.take_if(|(at, _)| at.is_due(now)) {
            self.arrive(call, now);
            self.plan_next(now);
        }
        for at in 0..self.calls.len() {
            if Self::deadline(&self.calls[at]).is_some_and(|deadline| deadline.is_due(now)) {
                match self.calls[at].state {
                    State::Talking { .. } => self.hang_up(at, "caller", now),
                    State::Cancelling { why, .. } => self.end(at, why.to_owned()),
                    State::Arriving | State::Dialling | State::Waiting | State::Ended { .. } => {
                        self.hang_up(at, "patience", now);
                    }
                }
            }
        }
        if self.gone_by.is_some_and(|gone_by| gone_by.is_due(now)) && !self.out_of_time {
            self.post.tell("callers: the gateway did not confirm that everybody has hung up");
            self.out_of_time = true;
            for at in 0..self.calls.len() {
                self.end(at, "stopped".to_owned());
            }
        }
    }

    fn next_deadline(&self) -> Option<Moment> {
        let next = self.next.as_ref().map(|(at, _)| *at);
        self.calls
            .iter()
            .filter_map(Self::deadline)
            .chain(next)
            .chain(self.gone_by)
            .chain(self.post.next_deadline())
            .min()
    }

    fn stop(&mut self, now: Moment) {
        self.next = None;
        self.gone_by = Some(now.after(FAREWELL));
        for at in 0..self.calls.len() {
            self.hang_up(at, "stopped", now);
        }
    }

    /// When the plan is done and everybody has hung up, or when told to go.
    fn is_over(&self) -> bool {
        let farewell_said = self.post.next_deadline().is_none() || self.out_of_time;
        self.next.is_none() && self.calls.is_empty() && farewell_said
    }

    fn take_outputs(&mut self) -> Vec<Output> {
        self.post.take_outputs()
    }
}
