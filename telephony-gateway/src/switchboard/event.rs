//! Everything that can happen to the gateway, and what a desk's connection can be told.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use shared::domain::agent::AgentProfile;
use shared::wire::{ClientFrame, StreamPosition};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::net::auth::SessionId;
use crate::sip::Flow;

/// One thing that happened. The switchboard takes them in turn.
#[derive(Debug)]
pub enum Event {
    /// One SIP message. `arrived` is when its datagram, or the last of its bytes, left the socket.
    Sip { flow: Flow, bytes: Bytes, arrived: Instant },
    /// A TCP connection is gone. What was queued on it is lost.
    SipClosed { connection: u64 },
    /// A TCP connection that was asked for could not be made. The flow is the one asked for, without a connection.
    SipUnsendable { flow: Flow },
    /// A desk said hello with the right version and a living token. Frames follow under the same `connection`.
    DeskHello(Box<DeskHello>),
    /// A frame after the hello; never a second `Hello`.
    DeskFrame { connection: u64, frame: ClientFrame },
    /// The connection of a desk is closed, from whichever side. Said once for each `DeskHello`.
    DeskGone { connection: u64 },
    /// A session ended: signed out, run out, or taken away. Its desk has to go.
    SignedOut { session: SessionId },
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
