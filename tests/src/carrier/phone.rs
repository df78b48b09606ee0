//! An operator's desk phone: registers, rings, is lifted (by a command of the gateway or by its own rule), talks.

use std::time::Duration;

use serde_json::json;
use shared::{pii::Secret, time::Moment};
use telephony_gateway::media::leg::RemoteMedia;

use super::{
    digest::{Challenge, Request},
    message::{Message, Start, parameter},
    party::{CallNo, Hearing, Output, Party},
    post::{Awaited, Dialog, Post},
    sdp,
};

pub struct PhoneConfig {
    pub user: String,
    pub password: Secret,
    pub answers: Answers,
    /// Whether NOTIFY `Event: talk` lifts it.
    pub knows_talk: bool,
    /// How long it talks before it hangs up by itself.
    pub hangs_up_after: Option<Duration>,
}

/// When the receiver is lifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// Nobody is there, whatever it is told.
    Never,
    WhenTold,
    /// By hand after so long, or when told before that.
    After(Duration),
}

/// A registration is asked for this long and renewed before that.
const EXPIRES_S: u64 = 120;
const RETRY: Duration = Duration::from_secs(5);
/// A password that was refused will hardly be right soon; guessing locks the account.
const RETRY_PASSWORD: Duration = Duration::from_secs(60);
/// How long leaving may take.
const FAREWELL: Duration = Duration::from_secs(2);

pub struct Phone {
    config: PhoneConfig,
    post: Post,
    registration: Registration,
    calls: Vec<Call>,
    last_call: CallNo,
    gone_by: Option<Moment>,
    out_of_time: bool,
}

struct Registration {
    dialog: Dialog,
    challenge: Option<Challenge>,
    n_uses: u32,
    /// Challenges answered since the last success.
    n_tries: u32,
    registered: bool,
    next: Option<Moment>,
}

struct Call {
    number: CallNo,
    dialog: Dialog,
    tag: String,
    invite: Message,
    media: RemoteMedia,
    rtp_port: u16,
    lifts_itself: bool,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// The port of its sound is being opened.
    Arriving,
    Ringing {
        lifted_at: Option<Moment>,
    },
    Talking {
        hangs_up_at: Option<Moment>,
    },
    Ended {
        by: &'static str,
    },
}

impl Phone {
    pub fn new(config: PhoneConfig, mut post: Post) -> Self {
        let (call_id, tag) = (post.token(), post.token());
        let address = format!("<sip:{}@{}>", config.user, post.server());
        let dialog = Dialog::begin(call_id, format!("{address};tag={tag}"), address, format!("sip:{}", post.server()));
        let registration =
            Registration { dialog, challenge: None, n_uses: 0, n_tries: 0, registered: false, next: None };
        Self { config, post, registration, calls: Vec::new(), last_call: 0, gone_by: None, out_of_time: false }
    }

    fn register(&mut self, now: Moment) {
        let registration = &mut self.registration;
        registration.next = None;
        let expires_s = if self.gone_by.is_some() { 0 } else { EXPIRES_S };
        let mut message = self.post.request("REGISTER", &mut registration.dialog);
        message.set("Contact", self.post.contact(Some(&self.config.user)));
        message.set("Expires", expires_s.to_string());
        self.allow_events(&mut message);
        if let Some(challenge) = &self.registration.challenge {
            self.registration.n_uses += 1;
            let cnonce = self.post.token();
            let answer = challenge.answer(&Request {
                user: &self.config.user,
                password: &self.config.password,
                method: "REGISTER",
                uri: &self.registration.dialog.target,
                n_uses: self.registration.n_uses,
                cnonce: &cnonce,
            });
            message.set("Authorization", answer);
        }
        self.post.send_request(&message, now);
    }

    fn registration_answered(&mut self, response: &Message, code: u16, now: Moment) {
        let user = &self.config.user;
        match code {
            100..200 => {}
            200..300 => {
                let expires_s = response
                    .all("Contact")
                    .find_map(|contact| parameter(contact, "expires"))
                    .or_else(|| response.header("Expires"))
                    .and_then(|seconds| seconds.trim().parse().ok())
                    .unwrap_or(EXPIRES_S);
                if self.gone_by.is_none() {
                    if !self.registration.registered {
                        self.post.output(Output::Report(json!({ "phone": user, "event": "registered" })));
                    }
                    self.registration.next = Some(now.after(Duration::from_secs(expires_s) * 4 / 5));
                }
                self.registration.registered = self.gone_by.is_none();
                self.registration.n_tries = 0;
            }
            401 => {
                let challenge = Challenge::choose(response.all("WWW-Authenticate"));
                let fresh = self.registration.n_tries == 0 || challenge.as_ref().is_some_and(|c| c.stale);
                self.registration.n_tries += 1;
                if let Some(challenge) = challenge.filter(|_| fresh && self.registration.n_tries < 4) {
                    self.registration.challenge = Some(challenge);
                    self.registration.n_uses = 0;
                    self.register(now);
                } else {
                    let words =
                        format!("phone {user}: the gateway does not accept the password, or asks in an unknown way");
                    self.register_later(&words, RETRY_PASSWORD, now);
                }
            }
            code => {
                let words = format!("phone {user}: the gateway refuses to register it with code {code}");
                self.register_later(&words, RETRY, now);
            }
        }
    }

    fn register_later(&mut self, words: &str, pause: Duration, now: Moment) {
        self.post.tell(format!("{words}; the next attempt is in {} s", pause.as_secs()));
        self.registration.registered = false;
        self.registration.challenge = None;
        self.registration.n_tries = 0;
        self.registration.next = self.gone_by.is_none().then(|| now.after(pause));
    }

    fn requested(&mut self, request: &Message, method: &str, now: Moment) {
        let at = self.calls.iter().position(|call| call.dialog.call_id == request.call_id());
        match (method, at) {
            ("ACK", _) => {}
            ("INVITE", None) => self.invited(request, now),
            ("INVITE", Some(at)) => self.invited_again(at, request, now),
            ("CANCEL", Some(at)) => self.cancelled(at, request, now),
            ("BYE", Some(at)) => {
                let tag = self.calls[at].tag.clone();
                self.answer_plainly(request, 200, &tag);
                self.end(at, "gateway");
            }
            ("NOTIFY", at) => self.notified(at, request, now),
            ("OPTIONS", _) => self.answer_plainly(request, 200, "options"),
            ("CANCEL" | "BYE", None) => self.answer_plainly(request, 481, "gone"),
            _ => self.answer_plainly(request, 405, "unknown"),
        }
    }

    fn invited(&mut self, invite: &Message, now: Moment) {
        let says = |name: &str, words: &[&str]| {
            invite.all(name).any(|value| words.iter().any(|word| value.to_ascii_lowercase().contains(word)))
        };
        let lifts_itself =
            says("Call-Info", &["answer-after=0"]) || says("Alert-Info", &["alert-autoanswer", "auto answer"]);
        let talking = self.calls.iter().any(|call| matches!(call.state, State::Talking { .. }));
        let ringing = self.calls.iter().any(|call| matches!(call.state, State::Ringing { .. }));
        let tag = self.post.token();
        if self.gone_by.is_some() {
            return self.refuse(invite, 480, &tag, now);
        }
        if talking || (ringing && !lifts_itself) {
            return self.refuse(invite, 486, &tag, now);
        }
        let Some(media) = sdp::read(&invite.body) else { return self.refuse(invite, 488, &tag, now) };
        self.last_call += 1;
        self.calls.push(Call {
            number: self.last_call,
            dialog: Dialog::answering(invite, &tag),
            tag,
            invite: invite.clone(),
            media,
            rtp_port: 0,
            lifts_itself,
            state: State::Arriving,
        });
        self.post.output(Output::Open(self.last_call));
    }

    /// The same INVITE once more, or a change of the sound within the call.
    fn invited_again(&mut self, at: usize, invite: &Message, now: Moment) {
        let again = invite.header("CSeq") == self.calls[at].invite.header("CSeq");
        match &self.calls[at].state {
            State::Ringing { .. } if again => self.ring(at),
            // The 200 repeats itself until its ACK.
            State::Arriving | State::Ended { .. } | State::Talking { .. } if again => {}
            State::Talking { .. } => {
                let tag = self.calls[at].tag.clone();
                let Some(media) = sdp::read(&invite.body) else { return self.refuse(invite, 488, &tag, now) };
                self.calls[at].media = media;
                self.calls[at].invite = invite.clone();
                self.take_up(at, now);
            }
            State::Arriving | State::Ringing { .. } | State::Ended { .. } => {
                let tag = self.calls[at].tag.clone();
                self.refuse(invite, 481, &tag, now);
            }
        }
    }

    fn cancelled(&mut self, at: usize, cancel: &Message, now: Moment) {
        let (tag, invite) = (self.calls[at].tag.clone(), self.calls[at].invite.clone());
        self.answer_plainly(cancel, 200, &tag);
        if matches!(self.calls[at].state, State::Ringing { .. }) {
            self.refuse(&invite, 487, &tag, now);
            self.end(at, "cancelled");
        }
    }

    fn notified(&mut self, at: Option<usize>, notify: &Message, now: Moment) {
        let event = notify.header("Event").map(|event| event.split(';').next().unwrap_or_default().trim());
        if !self.config.knows_talk || event != Some("talk") {
            return self.answer_plainly(notify, 489, "event");
        }
        let Some(at) = at else { return self.answer_plainly(notify, 481, "gone") };
        let tag = self.calls[at].tag.clone();
        self.answer_plainly(notify, 200, &tag);
        if matches!(self.calls[at].state, State::Ringing { .. }) && self.config.answers != Answers::Never {
            self.lift(at, now);
        }
    }

    fn ring(&mut self, at: usize) {
        let call = &self.calls[at];
        let mut ringing = self.post.reply(&call.invite, 180, &call.tag);
        self.allow_events(&mut ringing);
        self.post.send(&ringing);
    }

    fn lift(&mut self, at: usize, now: Moment) {
        self.report(at, "answered");
        self.take_up(at, now);
    }

    /// Answers the INVITE with our sound and begins (or goes on) to talk.
    fn take_up(&mut self, at: usize, now: Moment) {
        let call = &mut self.calls[at];
        let address = std::net::SocketAddr::new(self.post.local().ip(), call.rtp_port);
        let mut ok = self.post.reply(&call.invite, 200, &call.tag);
        Post::describe(&mut ok, sdp::answer(address, &call.media));
        self.post.send_final(&ok, now);
        self.post.output(Output::Talk(call.number, call.media.clone()));
        if !matches!(call.state, State::Talking { .. }) {
            let hangs_up_at = self.config.hangs_up_after.map(|after| now.after(after));
            call.state = State::Talking { hangs_up_at };
        }
    }

    fn hang_up(&mut self, at: usize, by: &'static str, now: Moment) {
        let call = &mut self.calls[at];
        match call.state {
            State::Talking { .. } => {
                let bye = self.post.request("BYE", &mut call.dialog);
                self.post.send_request(&bye, now);
            }
            State::Ringing { .. } | State::Arriving => {
                let (invite, tag) = (call.invite.clone(), call.tag.clone());
                self.refuse(&invite, 480, &tag, now);
            }
            State::Ended { .. } => return,
        }
        self.end(at, by);
    }

    fn end(&mut self, at: usize, by: &'static str) {
        if !matches!(self.calls[at].state, State::Ended { .. }) {
            if matches!(self.calls[at].state, State::Talking { .. }) {
                self.post.forget_final(&self.calls[at].dialog.call_id);
            }
            self.calls[at].state = State::Ended { by };
            self.post.output(Output::Close(self.calls[at].number));
        }
    }

    fn refuse(&mut self, invite: &Message, code: u16, tag: &str, now: Moment) {
        let refusal = self.post.reply(invite, code, tag);
        self.post.send_final(&refusal, now);
    }

    fn answer_plainly(&mut self, request: &Message, code: u16, tag: &str) {
        let mut answer = self.post.reply(request, code, tag);
        self.allow_events(&mut answer);
        self.post.send(&answer);
    }

    fn allow_events(&self, message: &mut Message) {
        if self.config.knows_talk {
            message.set("Allow-Events", "talk");
        }
    }

    fn report(&mut self, at: usize, event: &str) {
        let line = json!({ "phone": self.config.user, "event": event, "call": self.calls[at].number });
        self.post.output(Output::Report(line));
    }
}

impl Party for Phone {
    fn start(&mut self, now: Moment) {
        self.register(now);
    }

    fn receive(&mut self, datagram: &[u8], now: Moment) {
        let message = match Message::parse(datagram) {
            Ok(message) => message,
            // Keep-alives are no messages (RFC 5626 section 3.5.1).
            Err(_) if datagram.trim_ascii().is_empty() => return,
            Err(error) => return self.post.tell(format!("phone {}: unreadable message: {error}", self.config.user)),
        };
        self.post.answered(&message);
        match &message.start {
            Start::Response { code, .. } if message.method() == "REGISTER" => {
                self.registration_answered(&message, *code, now);
            }
            Start::Response { .. } => {}
            Start::Request { method, .. } => self.requested(&message, method, now),
        }
    }

    /// The gateway knows a telephone by its connection: it has to hear of the new one.
    fn reconnected(&mut self, now: Moment) {
        self.registration.registered = false;
        self.register(now);
    }

    fn opened(&mut self, number: CallNo, rtp_port: u16, now: Moment) {
        let Some(at) = self.calls.iter().position(|call| call.number == number) else { return };
        self.calls[at].rtp_port = rtp_port;
        if self.calls[at].lifts_itself && self.config.answers != Answers::Never {
            return self.lift(at, now);
        }
        let lifted_at = match self.config.answers {
            Answers::After(pause) => Some(now.after(pause)),
            Answers::Never | Answers::WhenTold => None,
        };
        self.calls[at].state = State::Ringing { lifted_at };
        self.ring(at);
        self.report(at, "ringing");
    }

    fn hears(&mut self, _call: CallNo, _hearing: Hearing, _now: Moment) {}

    fn closed(&mut self, number: CallNo, hearing: Hearing, _now: Moment) {
        let Some(at) = self.calls.iter().position(|call| call.number == number) else { return };
        let call = self.calls.remove(at);
        let State::Ended { by } = call.state else { return };
        self.post.output(Output::Report(json!({
            "phone": self.config.user,
            "event": "ended",
            "call": number,
            "ended_by": by,
            "heard_packets": hearing.stats.received.packets,
            "lost_packets": hearing.stats.received.lost,
            "sent_packets": hearing.stats.sent.packets,
        })));
    }

    fn on_time(&mut self, now: Moment) {
        for awaited in self.post.on_time(now) {
            match awaited {
                Awaited::Response { method, .. } if method == "REGISTER" => {
                    let words = format!("phone {}: the gateway does not answer", self.config.user);
                    self.register_later(&words, RETRY, now);
                }
                Awaited::Response { method, .. } => {
                    self.post.tell(format!("phone {}: nobody answers its {method}", self.config.user));
                }
                Awaited::Ack { call_id } => {
                    self.post.tell(format!("phone {}: its answer to a call was never acknowledged", self.config.user));
                    if let Some(at) = self.calls.iter().position(|call| call.dialog.call_id == call_id) {
                        self.hang_up(at, "no ACK", now);
                    }
                }
            }
        }
        if self.registration.next.is_some_and(|next| next.is_due(now)) {
            self.register(now);
        }
        for at in 0..self.calls.len() {
            match self.calls[at].state {
                State::Ringing { lifted_at: Some(lifted_at) } if lifted_at.is_due(now) => self.lift(at, now),
                State::Talking { hangs_up_at: Some(hangs_up_at) } if hangs_up_at.is_due(now) => {
                    self.hang_up(at, "phone", now);
                }
                State::Arriving | State::Ringing { .. } | State::Talking { .. } | State::Ended { .. } => {}
            }
        }
        if self.gone_by.is_some_and(|gone_by| gone_by.is_due(now)) && !self.out_of_time {
            self.post.tell(format!("phone {}: the gateway did not confirm that it leaves", self.config.user));
            self.out_of_time = true;
        }
    }

    fn next_deadline(&self) -> Option<Moment> {
        let calls = self.calls.iter().filter_map(|call| match call.state {
            State::Ringing { lifted_at } => lifted_at,
            State::Talking { hangs_up_at } => hangs_up_at,
            State::Arriving | State::Ended { .. } => None,
        });
        calls.chain(self.registration.next).chain(self.gone_by).chain(self.post.next_deadline()).min()
    }

    fn stop(&mut self, now: Moment) {
        for at in 0..self.calls.len() {
            self.hang_up(at, "stopped", now);
        }
        self.gone_by = Some(now.after(FAREWELL));
        self.registration.next = None;
        if self.registration.registered {
            self.register(now);
        }
    }

    fn is_over(&self) -> bool {
        let farewell_said = !self.registration.registered && self.post.next_deadline().is_none();
        self.gone_by.is_some() && self.calls.is_empty() && (farewell_said || self.out_of_time)
    }

    fn take_outputs(&mut self) -> Vec<Output> {
        self.post.take_outputs()
    }
}
