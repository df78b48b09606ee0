//! Everything that can happen to the gateway, and what a desk's connection can be told.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use shared::domain::agent::AgentProfile;
use shared::domain::call::MissedCall;
use shared::ids::{AgentId, CallId};
use shared::wire::command::{Command, CommandError, Done};
use shared::wire::event::Fault;
use shared::wire::{ClientFrame, StreamPosition};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::jobs::Found;
use crate::config::Config;
use crate::net::auth::SessionId;
use crate::net::relay::RelayEvent;
use crate::sip::{Flow, PhoneAccount};

/// One thing that happened. The switchboard takes them in turn.
#[derive(Debug)]
pub enum Event {
    /// One SIP message. `arrived` is when its datagram, or the last of its bytes, left the socket.
    Sip {
        flow: Flow,
        bytes: Bytes,
        arrived: Instant,
    },
    /// A TCP connection is gone, or could not be made. What was queued on it is lost.
    SipClosed {
        connection: u64,
    },
    /// A desk said hello with the right version and a living token. Frames follow under the same `connection`.
    DeskHello(Box<DeskHello>),
    /// A frame after the hello; never a second `Hello`.
    DeskFrame {
        connection: u64,
        frame: ClientFrame,
    },
    /// The connection of a desk is closed, from whichever side. Said once for each `DeskHello`.
    DeskGone {
        connection: u64,
    },
    /// A session ended: signed out, run out, or taken away. Its desk has to go.
    SignedOut {
        session: SessionId,
    },
    /// A datagram could not be sent, or a TCP connection that was asked for could not be made. The flow is the one
    /// asked for, without a connection.
    SipUnsendable {
        flow: Flow,
    },
    /// A look-up has come back.
    LookedUp {
        call: CallId,
        found: Found,
    },
    /// A save has come back, after its COMMIT or with the reason why not.
    Saved {
        agent: AgentId,
        id: Uuid,
        command: Box<Command>,
        outcome: Result<Done, CommandError>,
    },
    /// The phones that may register, whenever the list was read.
    Phones {
        phones: Vec<PhoneAccount>,
    },
    /// The calls that are owed a call back, as the database has them.
    Missed {
        calls: Vec<MissedCall>,
    },
    /// The configuration was read anew, and is sound.
    Reloaded {
        config: Arc<Config>,
    },
    /// Something beside the loop does not work, or works again.
    Fault {
        fault: Fault,
        there: bool,
    },
    Relay(RelayEvent),
}

/// A desk that may come in.
#[derive(Debug)]
pub struct DeskHello {
    pub connection: u64,
    pub profile: AgentProfile,
    /// One desktop program on one machine.
    pub seat: Uuid,
    /// Where its stream broke off.
    pub resume: Option<StreamPosition>,
    /// The person was asked "continue here?" and said yes.
    pub take_over: bool,
    pub session: SessionId,
    /// The way back. It is bounded ([`TO_DESK_QUEUE`]): a full one means that the desk reads too slowly.
    pub to_desk: mpsc::Sender<ToDesk>,
}

/// How many frames may wait for a desk's socket.
pub const TO_DESK_QUEUE: usize = 256;

/// What the switchboard tells the task of a desk's connection.
#[derive(Clone, Debug)]
pub enum ToDesk {
    /// One frame, as JSON.
    Text(Arc<str>),
    /// Write what is queued, then close.
    Close,
}
