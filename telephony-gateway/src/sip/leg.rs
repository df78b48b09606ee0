//! One leg: where a call with one other side stands, as its owner sees it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::dialog::Dialog;
use super::event::Flow;

/// Where the leg stands.
pub enum Phase {
    /// A caller waits for our final answer.
    Incoming {
        transaction: u64,
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
    pub early_sdp: Option<Vec<u8>>,
    pub ringing_told: bool,
    /// The phone shall be lifted as soon as it says who it is.
    pub talk_wanted: bool,
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
    /// We asked.
    Ours,
}

pub struct Leg {
    pub dialog: Dialog,
    pub phase: Phase,
    pub change: Change,
    /// The phone at the other end; `None` for a trunk.
    pub phone: Option<Arc<str>>,
    /// The trunk at the other end, by its place in the list.
    pub trunk: Option<usize>,
    /// The line with which our INVITE has proved who we are; its ACK carries the same (RFC 3261 §22.1).
    pub credentials: Box<[u8]>,
    pub can_talk: bool,
    /// The owner has been told that the leg is over.
    pub told: bool,
    /// Our last ACK of a 200, repeated when the 200 is.
    pub ack: Bytes,
    /// Our last re-INVITE; given up with the leg when its answer never comes.
    pub reinvite: Option<u64>,
    /// Others who answered the same INVITE: their tags, and the ACKs they got.
    pub forks: Vec<(Box<[u8]>, Bytes)>,
    /// Rises whenever an alarm of the leg loses its meaning.
    pub stamp: u32,
}

impl Leg {
    /// Whether the connection to the other side has to be made anew.
    pub fn is_disconnected(&self) -> bool {
        self.dialog.flow.transport.is_stream() && self.dialog.flow.connection == 0
    }

    pub fn new(dialog: Dialog, phase: Phase, phone: Option<Arc<str>>) -> Self {
        let (change, ack, forks) = (Change::None, Bytes::new(), Vec::new());
        let (trunk, credentials) = (None, Box::default());
        let (can_talk, told, reinvite, stamp) = (false, false, None, 0);
        Self { dialog, phase, change, phone, trunk, credentials, can_talk, told, ack, reinvite, forks, stamp }
    }
}
