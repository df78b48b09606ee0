//! One leg: where a call with one other side stands, as its owner sees it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use shared::time::Moment;

use super::dialog::Dialog;
use super::event::Flow;
use super::headers::{Name, list};
use super::message::{Core, Message};

/// Where the leg stands.
pub enum Phase {
    /// A caller waits for our final answer.
    Incoming {
        transaction: u64,
        /// The INVITE's number; others of the dialog may have come since.
        cseq: u32,
        /// The INVITE had no offer, so our 200 brings one.
        late_offer: bool,
    },
    /// We answered and repeat the 200 until the ACK (RFC 3261 §13.3.1.4).
    Unconfirmed {
        again: Again,
        bye_after: bool,
    },
    /// We call; nobody has answered yet.
    Calling(Calling),
    Established,
    /// Over for the owner; stays for a while to answer what comes late.
    Over,
}

/// Our own INVITE on its way.
#[derive(Default)]
pub struct Calling {
    pub transaction: u64,
    /// Something provisional was heard, so that a CANCEL may be sent (§9.1).
    pub heard: bool,
    pub cancel: Cancel,
    /// Why it is withdrawn, for a CANCEL that has to wait.
    pub cancel_reason: Option<Box<str>>,
    /// Those who ring, each a dialog of its own (§12.1).
    pub early: Vec<Early>,
    pub ringing_told: bool,
    /// The phone shall be lifted as soon as it says who it is.
    pub talk_wanted: bool,
    /// The interval of the session was too short for the other side, and the INVITE was sent anew (RFC 4028 §7.3).
    pub lengthened: bool,
}

/// One who rings. An INVITE of ours may ring in several places.
pub struct Early {
    pub tag: Box<[u8]>,
    /// `None`: it is the leg's own dialog.
    pub dialog: Option<Dialog>,
    pub sdp: Option<Vec<u8>>,
    /// The last reliable provisional answer that we have acknowledged (RFC 3262 §4).
    pub rseq: Option<u32>,
    /// `sdp` came reliably: it is the answer to our offer, and the next offer may come (RFC 3311 §5.1).
    pub agreed: bool,
}

/// What an INVITE that requires reliable provisional answers (RFC 3262 §3) has been told so far.
#[derive(Default)]
pub struct Reliable {
    /// The number of the INVITE.
    pub cseq: u32,
    /// The last number given; 0 before the first.
    pub rseq: u32,
    pub waiting: Option<Unacknowledged>,
    /// What is to be said after that: only the newest.
    pub next: Option<(u16, Option<Vec<u8>>)>,
    /// The 200 that waits for the PRACK.
    pub answer: Option<Vec<u8>>,
    /// The sound is agreed, so that no later answer to the INVITE describes it.
    pub agreed: bool,
}

/// A reliable provisional answer that waits for its PRACK.
pub struct Unacknowledged {
    pub bytes: Bytes,
    pub flow: Flow,
    pub since: Moment,
    pub pause: Duration,
    pub has_sdp: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cancel {
    #[default]
    No,
    /// As soon as something provisional is heard.
    Wanted,
    Sent,
}

/// A 200 that is repeated until its ACK comes.
pub struct Again {
    pub ok: Bytes,
    pub flow: Flow,
    pub cseq: u32,
    pub pause: Duration,
    /// Our offer stands in the 200, so that the ACK brings the answer.
    pub offered: bool,
}

/// A change of the session that is being talked about.
#[derive(Default)]
pub enum Change {
    #[default]
    None,
    /// They ask; `transaction` waits for our owner's word.
    Theirs { transaction: u64, cseq: u32, is_invite: bool, offered: bool },
    /// We answered their re-INVITE and repeat the 200 until the ACK.
    Unconfirmed(Again),
    /// We asked, with this description. `quiet`: nobody but the session timer wanted it.
    Ours { sdp: Bytes, quiet: bool },
}

/// Our next change of the session, while it has to wait.
#[derive(Default)]
pub struct Wanted {
    pub sdp: Option<Bytes>,
    pub quiet: bool,
    /// Both sides asked at once: whose turn it is, chance decides (RFC 3261 §14.1).
    pub not_before: Option<Moment>,
    pub n_tries: u8,
}

/// A REFER that is not settled yet.
#[derive(Clone, Copy, Debug)]
pub struct Refer {
    /// Its number, which names the subscription (RFC 3515 §2.4.6).
    pub cseq: u32,
    /// It still waits for its answer.
    pub unanswered: Option<u64>,
    /// The phone does not want to hear what becomes of it (RFC 4488).
    pub silent: bool,
}

/// How long the session lasts without being refreshed (RFC 4028).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimer {
    pub interval_s: u32,
    pub we_refresh: bool,
    pub refresh_at: Moment,
    pub ends_at: Moment,
}

/// What a request of theirs asks of the session timer, to be said in our 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTerms {
    pub interval_s: u32,
    pub we_refresh: bool,
}

/// Keys that we still have to send, one after the other.
#[derive(Default)]
pub struct Digits {
    pub waiting: VecDeque<char>,
    pub on_the_way: bool,
}

pub struct Leg {
    pub dialog: Dialog,
    pub phase: Phase,
    pub change: Change,
    pub wanted: Wanted,
    /// The phone at the other end; `None` for a trunk.
    pub phone: Option<Arc<str>>,
    /// The trunk at the other end, by its place in the list.
    pub trunk: Option<usize>,
    /// The line with which our INVITE has proved who we are; its ACK carries the same (RFC 3261 §22.1).
    pub credentials: Box<[u8]>,
    pub can_talk: bool,
    /// The other side takes UPDATE (RFC 3311).
    pub takes_update: bool,
    /// The owner has been told that the leg is over.
    pub told: bool,
    /// Our last ACK of a 200, repeated when the 200 is.
    pub ack: Bytes,
    /// Our last re-INVITE; given up with the leg when its answer never comes.
    pub reinvite: Option<u64>,
    /// Others who answered the same INVITE: their tags, and the ACKs they got.
    pub forks: Vec<(Box<[u8]>, Bytes)>,
    pub reliable: Option<Box<Reliable>>,
    pub refer: Option<Refer>,
    /// What we have described last, for who has to be told again.
    pub sdp: Bytes,
    pub timer: Option<SessionTimer>,
    pub terms: Option<SessionTerms>,
    /// The shortest interval that the other side bears, in seconds.
    pub shortest_interval_s: u32,
    pub digits: Digits,
    /// Rises whenever an alarm of the leg loses its meaning.
    pub stamp: u32,
    /// Rises with each connection that is lost or found.
    pub connection_stamp: u32,
}

impl Leg {
    pub fn new(dialog: Dialog, phase: Phase, phone: Option<Arc<str>>) -> Self {
        Self {
            dialog,
            phase,
            change: Change::None,
            wanted: Wanted::default(),
            phone,
            trunk: None,
            credentials: Box::default(),
            can_talk: false,
            takes_update: false,
            told: false,
            ack: Bytes::new(),
            reinvite: None,
            forks: Vec::new(),
            reliable: None,
            refer: None,
            sdp: Bytes::new(),
            timer: None,
            terms: None,
            shortest_interval_s: 0,
            digits: Digits::default(),
            stamp: 0,
            connection_stamp: 0,
        }
    }

    /// Whether the connection to the other side has to be made anew.
    pub fn is_disconnected(&self) -> bool {
        self.dialog.flow.transport.is_stream() && self.dialog.flow.connection == 0
    }

    /// The dialog with the one of this tag; while several ring, there are several.
    pub fn dialog_with(&mut self, tag: &[u8]) -> Option<&mut Dialog> {
        if let Phase::Calling(calling) = &mut self.phase {
            let fork =
                calling.early.iter_mut().filter(|early| *early.tag == *tag).find_map(|early| early.dialog.as_mut());
            if fork.is_some() {
                return fork;
            }
        }
        (*self.dialog.remote_tag == *tag).then_some(&mut self.dialog)
    }

    /// Whether the whole of a request's dialog is one of ours.
    pub fn owns_request(&self, core: &Core<'_>) -> bool {
        let mut dialogs = self.early().iter().filter_map(|early| early.dialog.as_ref()).chain([&self.dialog]);
        dialogs.any(|dialog| dialog.owns_request(core))
    }

    /// Whether the leg's dialog, or one of those that ring, has these three names.
    pub fn is_named(&self, call_id: &[u8], local_tag: &[u8], remote_tag: &[u8]) -> bool {
        *call_id == *self.dialog.call_id
            && local_tag == self.dialog.local_tag.as_bytes()
            && (*remote_tag == *self.dialog.remote_tag || self.early().iter().any(|early| *early.tag == *remote_tag))
    }

    /// Those who ring; nobody unless it is we who call.
    fn early(&self) -> &[Early] {
        match &self.phase {
            Phase::Calling(calling) => &calling.early,
            Phase::Incoming { .. } | Phase::Unconfirmed { .. } | Phase::Established | Phase::Over => &[],
        }
    }

    /// What a message tells in passing of what the other side is able to do.
    pub fn learn(&mut self, message: &Message<'_>) {
        if message.header(Name::Allow).is_some() {
            self.takes_update = message.all(Name::Allow).any(|value| list::has_token(value, "UPDATE"));
        }
    }
}
