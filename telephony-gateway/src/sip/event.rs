//! The words in which the signalling core speaks with its owner: what happened, what to send, what to do.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use shared::time::Moment;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Transport {
    #[default]
    Udp,
    Tcp,
    /// TLS over TCP.
    Tls,
}

impl Transport {
    /// Whether it has connections: what is sent arrives in order, or the connection ends.
    pub const fn is_stream(self) -> bool {
        match self {
            Self::Udp => false,
            Self::Tcp | Self::Tls => true,
        }
    }

    /// As Via names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }

    /// What an address has behind it that is to be reached so.
    pub const fn parameter(self) -> &'static str {
        match self {
            Self::Udp => "",
            Self::Tcp => ";transport=tcp",
            Self::Tls => ";transport=tls",
        }
    }
}

/// The way between us and a peer: the socket on our side, the address on theirs, and for TCP and TLS the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    pub transport: Transport,
    pub local: SocketAddr,
    pub remote: SocketAddr,
    /// The shell's number of the connection; 0 for UDP, and 0 in a [`Transmit`] over TCP or TLS means "please connect".
    pub connection: u64,
}

/// One message to send.
#[derive(Clone, Debug)]
pub struct Transmit {
    pub flow: Flow,
    pub bytes: Bytes,
}

/// One half of a call: the dialog with a caller, or with an operator's phone. Never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegId(pub u64);

impl LegId {
    pub(crate) const fn slot(self) -> usize {
        (self.0 & 0xffff_ffff) as usize
    }

    pub(crate) const fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

impl fmt::Debug for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "leg {}.{}", self.slot(), self.generation())
    }
}

/// A phone that may register: its user name and the two digests of user, realm and password.
#[derive(Clone)]
pub struct PhoneAccount {
    pub user: String,
    /// MD5 of `user:realm:password`.
    pub ha1_md5: [u8; 16],
    /// SHA-256 of `user:realm:password`.
    pub ha1_sha256: [u8; 32],
    /// The phone understands MD5 only, so that it gets no other challenge.
    pub md5_only: bool,
}

impl fmt::Debug for PhoneAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PhoneAccount").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Whom an INVITE of ours goes to.
#[derive(Clone, Debug)]
pub enum InviteTo {
    /// A registered phone, at the address its last REGISTER came from.
    Phone(String),
    /// Somebody whose address is known.
    Address { uri: String, flow: Flow },
    /// Somebody beyond a trunk, as the trunk's settings say: its address, its transport, our name there. `number` is
    /// spelled as the trunk wants it.
    Trunk { name: Arc<str>, number: String },
}

/// Our own call to somebody.
#[derive(Clone)]
pub struct Invite {
    pub to: InviteTo,
    /// What the phone shows: the caller's name and number.
    pub from_display: String,
    pub from_user: String,
    /// Our offer.
    pub sdp: Vec<u8>,
    /// Asks the phone to lift itself (`Call-Info: answer-after=0` and `Alert-Info`).
    pub auto_answer: bool,
    /// How long it may ring (`Expires`); we cancel by ourselves when the phone does not.
    pub ring_seconds: Option<u32>,
    /// How many further hops it may take: [`IncomingInvite::hops_left`] when a call is passed on, else `None`.
    pub max_forwards: Option<u8>,
    /// The number we vouch for (RFC 3325); said to trusted trunks, and to nobody else.
    pub asserted: Option<String>,
    /// The phone that hands the call over (RFC 3892).
    pub referred_by: Option<String>,
}

impl Default for Invite {
    /// An INVITE to nobody, whose fields are to be filled in.
    fn default() -> Self {
        Self {
            to: InviteTo::Phone(String::new()),
            from_display: String::new(),
            from_user: String::new(),
            sdp: Vec::new(),
            auto_answer: false,
            ring_seconds: None,
            max_forwards: None,
            asserted: None,
            referred_by: None,
        }
    }
}

impl fmt::Debug for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invite").field("to", &self.to).field("auto_answer", &self.auto_answer).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InviteError {
    #[error("phone `{user}` is not registered")]
    NotRegistered { user: String },
    #[error("`{uri}` is not an address that can be called")]
    Unreadable { uri: String },
    #[error("there is no trunk `{name}`")]
    NoTrunk { name: Arc<str> },
    #[error("nothing can be sent to the trunk `{name}`: it has no address, or no socket of ours leads there")]
    NoWay { name: Arc<str> },
    #[error("{limit} legs are open already")]
    Full { limit: usize },
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Trunk(Arc<str>),
    Phone(Arc<str>),
}

/// An INVITE that began a leg. 100 Trying has been sent already.
#[derive(Clone, PartialEq, Eq)]
pub struct IncomingInvite {
    pub origin: Origin,
    pub flow: Flow,
    /// The user part of the request URI: the number dialled.
    pub dialled: String,
    /// The user part of From, or of a `tel:` URI there. Empty when there is none.
    pub from_user: String,
    pub from_display: Option<String>,
    /// The number of P-Asserted-Identity, from trusted trunks only.
    pub asserted: Option<String>,
    /// The caller asks that the number be kept from the called (RFC 3323).
    pub privacy: bool,
    /// The number from which the call was diverted to us (RFC 5806, RFC 7044), from trusted trunks only.
    pub diverted_from: Option<String>,
    /// How many further hops the call may take; for [`Invite::max_forwards`].
    pub hops_left: u8,
    /// The leg whose place this call takes (RFC 3891), from phones only. The owner answers, connects it with that
    /// leg's other side, and hangs that leg up.
    pub replaces: Option<LegId>,
    pub call_id: Arc<str>,
    /// The offer; `None` when our answer has to carry the offer and the ACK the answer.
    pub sdp: Option<Vec<u8>>,
    pub arrived: Moment,
}

impl fmt::Debug for IncomingInvite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingInvite")
            .field("origin", &self.origin)
            .field("remote", &self.flow.remote)
            .field("dialled", &self.dialled)
            .field("privacy", &self.privacy)
            .field("replaces", &self.replaces)
            .field("call_id", &self.call_id)
            .finish_non_exhaustive()
    }
}

/// To whom a phone wants to hand its call.
#[derive(Clone, PartialEq, Eq)]
pub struct ReferTarget {
    /// The number: E.164 or internal. Empty when only a leg is named.
    pub user: String,
    /// The phone's other leg, with whose other side the call shall be connected (RFC 3891).
    pub replaces: Option<LegId>,
}

impl fmt::Debug for ReferTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReferTarget").field("replaces", &self.replaces).finish_non_exhaustive()
    }
}

/// Why a leg is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The caller gave up before we answered.
    Cancelled,
    /// The other side hung up.
    Bye,
    /// We refused the call with [`Stack::reject`](super::Stack::reject).
    Rejected,
    /// We ended it with [`Stack::hang_up`](super::Stack::hang_up).
    Ourselves,
    /// The ACK never came, or the other side no longer answers.
    TimedOut,
    /// The other side does not know the call any more.
    Unknown,
    /// The connection to the other side is gone.
    TransportFailed,
}

/// Why a phone's registration ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GoneBecause {
    Unregistered,
    Expired,
    ConnectionLost,
    /// It was asked in a talk, and answers nothing.
    Silent,
    AccountRemoved,
}

/// Why a REGISTER, or a phone's INVITE, was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedBecause {
    /// Wrong user or wrong password; the answer does not tell which, and neither do we.
    WrongCredentials,
    /// The same answer to a challenge was sent twice.
    Replay,
    /// Too many wrong passwords for this account or from this address.
    Backoff,
    /// Right credentials, somebody else's address of record.
    NotTheirs,
}

/// What the owner of the stack has to know.
///
/// Each leg ends with exactly one [`Event::HungUp`] or [`Event::Refused`], also when we ended it ourselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A caller's leg begins.
    Invited {
        leg: LegId,
        invite: Box<IncomingInvite>,
    },
    /// Whom we called rings, perhaps with early media.
    Ringing {
        leg: LegId,
        sdp: Option<Vec<u8>>,
    },
    /// Whom we called has answered our offer; the ACK is on its way.
    Answered {
        leg: LegId,
        sdp: Vec<u8>,
    },
    /// Whom we called did not take the call. The leg is over.
    Refused {
        leg: LegId,
        code: u16,
        q850: Option<u16>,
        reason: String,
    },
    /// The caller's ACK: the leg is established. `sdp` answers an offer that our 200 carried.
    Confirmed {
        leg: LegId,
        sdp: Option<Vec<u8>>,
    },
    /// The leg is over.
    HungUp {
        leg: LegId,
        by: Ending,
        q850: Option<u16>,
    },
    /// The other side wants to change the session; answer with [`Stack::answer_reoffer`](super::Stack::answer_reoffer).
    /// Without `sdp` it asks for an offer of ours.
    Reoffered {
        leg: LegId,
        sdp: Option<Vec<u8>>,
    },
    /// An offer of ours within the call was answered: [`Stack::reoffer`](super::Stack::reoffer), an offer in a
    /// provisional answer to a caller who made none, or the description that keeps the session alive once more.
    ReofferAnswered {
        leg: LegId,
        sdp: Vec<u8>,
    },
    /// Our reoffer was refused, and the session stays as it was. When both sides wanted a change at the same moment,
    /// the stack tries again by itself; 491 means that it has given up.
    ReofferRefused {
        leg: LegId,
        code: u16,
    },
    /// The phone wants its call handed over: [`Stack::accept_refer`](super::Stack::accept_refer) or
    /// [`Stack::refuse_refer`](super::Stack::refuse_refer).
    Referred {
        leg: LegId,
        to: ReferTarget,
    },
    /// A key of the other side's telephone, said in an INFO: `0`-`9`, `*`, `#`, `A`-`D`.
    Digit {
        leg: LegId,
        digit: char,
    },
    /// The phone does not let itself be lifted after all; ring it again with `auto_answer`.
    TalkRefused {
        leg: LegId,
        code: u16,
    },
    PhoneRegistered {
        user: Arc<str>,
        flow: Flow,
        contact: String,
        expires_s: u32,
        fresh: bool,
    },
    PhoneGone {
        user: Arc<str>,
        cause: GoneBecause,
    },
    RegistrationRefused {
        user: String,
        from: SocketAddr,
        why: RefusedBecause,
    },
    TrunkAlive {
        name: Arc<str>,
    },
    TrunkLost {
        name: Arc<str>,
    },
    /// A provider knows where to call us, and did not before.
    TrunkRegistered {
        name: Arc<str>,
        expires_s: u32,
    },
    /// A provider does not take our registration; we come again after `again_s` seconds. Said each time.
    TrunkRegistrationFailed {
        name: Arc<str>,
        /// 408 when nobody answered, 503 when the way there is broken.
        code: u16,
        why: String,
        again_s: u32,
    },
    /// A trunk asks who we are in a way that is not answered: for a call, or within one.
    TrunkAsksInVain {
        name: Arc<str>,
        why: String,
    },
    /// A message that could not be read; answered with 400 where it was a request.
    Malformed {
        from: SocketAddr,
        why: &'static str,
    },
    /// A request refused before it became a leg, for counters.
    Rejected {
        from: SocketAddr,
        code: u16,
    },
}
