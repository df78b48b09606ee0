//! Letters out: requests that are repeated until somebody answers, answers that are repeated until acknowledged.

use std::{net::SocketAddr, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use shared::time::Moment;

use super::{
    message::{Message, Start, parameter, phrase, uri_of},
    party::Output,
};

/// T1, T2 and 64·T1 of RFC 3261 section 17.1.1.1.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
const PATIENCE: Duration = Duration::from_secs(32);

const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY";

/// Writes and repeats the messages of one party, and keeps what it has to tell.
pub struct Post {
    local: SocketAddr,
    server: SocketAddr,
    over_tcp: bool,
    rng: StdRng,
    repeated: Vec<Repeated>,
    outputs: Vec<Output>,
}

struct Repeated {
    until_answered: Awaited,
    bytes: Vec<u8>,
    pause: Duration,
    next: Moment,
    give_up: Moment,
}

/// What ends the repeating.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// A response to the request with this branch.
    Response { branch: String, method: String },
    /// The ACK of the INVITE with this Call-ID.
    Ack { call_id: String },
}

/// One side's view of a dialog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialog {
    pub call_id: String,
    /// Our From (in our requests), with the tag.
    pub ours: String,
    pub theirs: String,
    /// Where requests within the dialog point to.
    pub target: String,
    routes: Vec<String>,
    cseq: u32,
}

impl Dialog {
    /// A dialog (or a registration) that we begin.
    pub fn begin(call_id: String, ours: String, theirs: String, target: String) -> Self {
        Self { call_id, ours, theirs, target, routes: Vec::new(), cseq: 0 }
    }

    /// What a 200 to our INVITE has settled.
    pub fn established_by(&mut self, response: &Message) {
        self.theirs = response.header("To").unwrap_or_default().to_owned();
        self.target = response.header("Contact").map_or(self.target.as_str(), uri_of).to_owned();
        self.routes = response.all("Record-Route").map(str::to_owned).collect();
        self.routes.reverse();
    }

    /// A dialog that somebody begins with us.
    pub fn answering(invite: &Message, tag: &str) -> Self {
        Self {
            call_id: invite.call_id().to_owned(),
            ours: format!("{};tag={tag}", invite.header("To").unwrap_or_default()),
            theirs: invite.header("From").unwrap_or_default().to_owned(),
            target: invite.header("Contact").map(uri_of).unwrap_or_default().to_owned(),
            routes: invite.all("Record-Route").map(str::to_owned).collect(),
            cseq: 0,
        }
    }
}

impl Post {
    pub fn new(local: SocketAddr, server: SocketAddr, seed: u64) -> Self {
        let rng = StdRng::seed_from_u64(seed);
        Self { local, server, over_tcp: false, rng, repeated: Vec::new(), outputs: Vec::new() }
    }

    /// Letters that travel on a connection.
    pub fn over_tcp(self) -> Self {
        Self { over_tcp: true, ..self }
    }

    /// How the party wants to be reached.
    pub fn contact(&self, user: Option<&str>) -> String {
        let user = user.map(|user| format!("{user}@")).unwrap_or_default();
        format!("<sip:{user}{}{}>", self.local, if self.over_tcp { ";transport=tcp" } else { "" })
    }

    pub fn local(&self) -> SocketAddr {
        self.local
    }

    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// A word that nobody else has.
    pub fn token(&mut self) -> String {
        format!("{:016x}", self.rng.random::<u64>())
    }

    pub fn tell(&mut self, words: impl Into<String>) {
        self.outputs.push(Output::Tell(words.into()));
    }

    pub fn output(&mut self, output: Output) {
        self.outputs.push(output);
    }

    pub fn take_outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }

    /// The next request of a dialog. ACK and CANCEL keep the number of their INVITE.
    pub fn request(&mut self, method: &str, dialog: &mut Dialog) -> Message {
        if method != "ACK" {
            dialog.cseq += 1;
        }
        let branch = self.token();
        let mut message = Message {
            start: Start::Request { method: method.to_owned(), uri: dialog.target.clone() },
            headers: Vec::new(),
            body: Vec::new(),
        };
        let transport = if self.over_tcp { "TCP" } else { "UDP" };
        message.set("Via", format!("SIP/2.0/{transport} {};rport;branch=z9hG4bK{branch}", self.local));
        message.headers.extend(dialog.routes.iter().map(|route| ("Route".to_owned(), route.clone())));
        message.set("Max-Forwards", "70");
        message.set("From", dialog.ours.clone());
        message.set("To", dialog.theirs.clone());
        message.set("Call-ID", dialog.call_id.clone());
        message.set("CSeq", format!("{} {method}", dialog.cseq));
        message.set("User-Agent", "Scripted carrier");
        message
    }

    pub fn send(&mut self, message: &Message) {
        self.outputs.push(Output::Send(message.to_bytes()));
    }

    /// Sends a request and repeats it until [`Post::answered`].
    pub fn send_request(&mut self, message: &Message, now: Moment) {
        let method = message.method().to_owned();
        self.repeat(message, Awaited::Response { branch: message.branch().to_owned(), method }, now);
    }

    /// An answer to a request; with the tag of our side, and where the sound is if there is a body.
    pub fn reply(&mut self, request: &Message, code: u16, tag: &str) -> Message {
        let mut message = Message {
            start: Start::Response { code, phrase: phrase(code).to_owned() },
            headers: Vec::new(),
            body: Vec::new(),
        };
        let repeated = ["Via", "Record-Route", "From", "To", "Call-ID", "CSeq"];
        for name in repeated {
            message.headers.extend(request.all(name).map(|value| (name.to_owned(), value.to_owned())));
        }
        let to = request.header("To").unwrap_or_default();
        if parameter(to, "tag").is_none() {
            message.set("To", format!("{to};tag={tag}"));
        }
        message.set("Contact", self.contact(None));
        message.set("Allow", ALLOW);
        message
    }

    /// Sends a final answer to an INVITE and repeats it until its ACK.
    pub fn send_final(&mut self, message: &Message, now: Moment) {
        self.repeat(message, Awaited::Ack { call_id: message.call_id().to_owned() }, now);
    }

    /// Puts a description into a message.
    pub fn describe(message: &mut Message, sdp: Vec<u8>) {
        message.set("Content-Type", "application/sdp");
        message.body = sdp;
    }

    /// Ends the repeating of what `message` answers. A provisional answer calms an INVITE only.
    pub fn answered(&mut self, message: &Message) {
        match &message.start {
            Start::Response { code, .. } => {
                let (branch, method) = (message.branch(), message.method());
                self.repeated.retain(|repeated| match &repeated.until_answered {
                    Awaited::Response { branch: b, method: m } => {
                        !(b == branch && m == method && (*code >= 200 || m == "INVITE"))
                    }
                    Awaited::Ack { .. } => true,
                });
            }
            Start::Request { method, .. } if method == "ACK" => self.forget_final(message.call_id()),
            Start::Request { .. } => {}
        }
    }

    /// Ends the repeating of a final answer.
    pub fn forget_final(&mut self, call_id: &str) {
        self.repeated.retain(|repeated| repeated.until_answered != Awaited::Ack { call_id: call_id.to_owned() });
    }

    /// Repeats what is due, and gives what nobody has answered for 32 seconds.
    pub fn on_time(&mut self, now: Moment) -> Vec<Awaited> {
        let mut given_up = Vec::new();
        let outputs = &mut self.outputs;
        self.repeated.retain_mut(|repeated| {
            if repeated.give_up.is_due(now) {
                given_up.push(repeated.until_answered.clone());
                return false;
            }
            if repeated.next.is_due(now) {
                outputs.push(Output::Send(repeated.bytes.clone()));
                // An INVITE is repeated ever more slowly; everything else at least every four seconds.
                let is_invite =
                    matches!(&repeated.until_answered, Awaited::Response { method, .. } if method == "INVITE");
                repeated.pause = if is_invite { repeated.pause * 2 } else { (repeated.pause * 2).min(LONGEST_PAUSE) };
                repeated.next = now.after(repeated.pause);
            }
            true
        });
        given_up
    }

    pub fn next_deadline(&self) -> Option<Moment> {
        self.repeated.iter().map(|repeated| repeated.next.min(repeated.give_up)).min()
    }

    fn repeat(&mut self, message: &Message, until_answered: Awaited, now: Moment) {
        self.send(message);
        self.repeated.push(Repeated {
            until_answered,
            bytes: message.to_bytes(),
            pause: FIRST_PAUSE,
            next: now.after(FIRST_PAUSE),
            give_up: now.after(PATIENCE),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post() -> Post {
        Post::new("127.0.0.2:5070".parse().unwrap(), "127.0.0.1:5060".parse().unwrap(), 1)
    }

    fn dialog() -> Dialog {
        Dialog::begin("c1".into(), "<sip:1@a>;tag=t".into(), "<sip:2@b>".into(), "sip:2@127.0.0.1:5060".into())
    }

    /// At which milliseconds something is sent again within 40 seconds.
    fn repeats(post: &mut Post) -> Vec<u64> {
        post.take_outputs();
        (0..40_000)
            .filter(|&ms| {
                post.on_time(Moment::at_ms(ms));
                !post.take_outputs().is_empty()
            })
            .collect()
    }

    #[test]
    fn an_unheard_invite_is_repeated_ever_more_slowly() {
        let mut post = post();
        let invite = post.request("INVITE", &mut dialog());
        post.send_request(&invite, Moment::at_ms(0));
        assert_eq!(repeats(&mut post), [500, 1500, 3500, 7500, 15_500, 31_500]);
        assert_eq!(post.next_deadline(), None, "it is given up");
    }

    #[test]
    fn a_provisional_answer_calms_an_invite_and_nothing_else() {
        for (method, calmed) in [("INVITE", true), ("BYE", false)] {
            let mut post = post();
            let request = post.request(method, &mut dialog());
            post.send_request(&request, Moment::at_ms(0));
            let ringing = post.reply(&request, 180, "x");
            post.answered(&ringing);
            assert_eq!(post.next_deadline().is_none(), calmed, "{method}");
        }
    }

    #[test]
    fn an_answer_is_repeated_until_the_ack() {
        let mut post = post();
        let mut dialog = dialog();
        let invite = post.request("INVITE", &mut dialog);
        let ok = post.reply(&invite, 200, "x");
        post.send_final(&ok, Moment::at_ms(0));
        post.take_outputs();
        post.on_time(Moment::at_ms(500));
        assert_eq!(post.take_outputs().len(), 1);
        let ack = post.request("ACK", &mut dialog);
        assert_eq!(ack.header("CSeq"), Some("1 ACK"), "an ACK bears the number of its INVITE");
        post.answered(&ack);
        assert_eq!(post.next_deadline(), None);
    }
}
