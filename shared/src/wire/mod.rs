//! What travels between the gateway and a desk.
//!
//! One WebSocket for each signed-in agent carries [`ClientFrame`]s up and [`ServerFrame`]s down, as JSON text, one
//! frame a message. [`event`] is what the gateway tells, [`command`] what a desk asks for, [`card`] the customer's
//! card that travels inside an offer, [`http`] the records beside the socket. A change that an older program would
//! misread raises [`WIRE_VERSION`].

pub mod card;
pub mod command;
pub mod event;
pub mod http;

mod sealed;

pub use sealed::Sealed;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::agent::AgentProfile;
use crate::domain::catalogue::Catalogue;
use crate::pii::Secret;
use crate::time::UtcMs;

use command::{Command, CommandError, Done};
use event::{Event, Snapshot};

/// Both sides name it in the handshake; different versions refuse each other in words.
pub const WIRE_VERSION: u32 = 1;

/// A desk that has not been heard for this long has lost its lease.
pub const LEASE_MS: u64 = 6_000;
/// A desk pings this often.
pub const PING_MS: u64 = 2_000;
/// How long an agent's place is kept after the lease ran out.
pub const GRACE_MS: u64 = 60_000;

/// From the desk.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "frame", rename_all = "snake_case")]
pub enum ClientFrame {
    /// The first frame of every connection.
    Hello {
        version: u32,
        /// Program and version, for the log.
        program: String,
        token: Secret,
        /// One desktop program on one machine; stays the same while it lives.
        seat: Uuid,
        /// Where the stream broke off, to go on without a gap.
        resume: Option<StreamPosition>,
        /// The person was asked "continue here?" and said yes.
        take_over: bool,
    },
    Command {
        /// Made once for each thing the person did, and kept when it is sent again.
        id: Uuid,
        command: Command,
    },
    /// Renews the lease.
    Ping { nonce: u64, desk_us: u64 },
    /// The card of `call` is on the screen.
    Shown { call: crate::ids::CallId, invite_to_pop_us: i64 },
}

/// A place in an agent's stream of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamPosition {
    /// Changes with every start of the gateway.
    pub epoch: u64,
    /// The last event that was taken in.
    pub seq: u64,
}

/// From the gateway.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerFrame {
    /// The answer to a good hello. Either events follow from the position asked for, or a snapshot.
    Welcome {
        version: u32,
        epoch: u64,
        now: UtcMs,
        profile: AgentProfile,
        catalogue: Box<Catalogue>,
        resumed: bool,
    },
    /// The answer to a hello that cannot be taken; the connection closes.
    Refused {
        why: Refusal,
    },
    /// The whole state of this desk. `seq` counts on from here.
    Snapshot {
        seq: u64,
        snapshot: Box<Snapshot>,
    },
    Event {
        seq: u64,
        at: UtcMs,
        event: Event,
    },
    /// What became of a command; for a saved thing it comes after the COMMIT.
    Answer {
        id: Uuid,
        outcome: Result<Done, CommandError>,
    },
    Pong {
        nonce: u64,
        desk_us: u64,
        now: UtcMs,
    },
    /// The connection closes after this.
    Goodbye {
        why: Goodbye,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Refusal {
    /// The gateway speaks another version.
    Version { gateway: u32 },
    /// Sign in again.
    SignedOut,
    /// The same person has a desk elsewhere; say hello again with `take_over` to continue here.
    DeskElsewhere,
    /// The first frame was no hello.
    Malformed { what: String },
    /// The gateway shuts down.
    ShuttingDown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goodbye {
    TakenOver,
    SignedOut,
    ShuttingDown,
    /// The desk did not read fast enough; connect again and be told everything anew.
    TooSlow,
}
