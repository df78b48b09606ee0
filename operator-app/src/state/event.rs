//! What the link's threads tell the desk.

use std::sync::Arc;

use shared::domain::agent::AgentProfile;
use shared::domain::catalogue::Catalogue;
use shared::domain::customer::CustomerLine;
use shared::domain::interaction::{HistoryCursor, HistoryPage};
use shared::time::{Moment, UtcMs};
use shared::wire::card::Card;
use shared::wire::command::{Command, CommandError, Done};
use shared::wire::event::{Event, Snapshot};
use uuid::Uuid;

use super::Failure;
use super::call::CardView;
use super::drafts::Draft;
use super::session::{Connection, SignInError};
use super::tab::TabKey;

/// One thing that the network or the disk has to tell. Cards come opened: nothing is parsed on the drawing thread.
#[derive(Clone, Debug)]
pub enum LinkEvent {
    /// Signing in waits for the person: is this the gateway's certificate?
    ConfirmFingerprint {
        gateway: String,
        fingerprint: String,
    },
    SignInFailed {
        error: SignInError,
    },
    SignedIn {
        profile: AgentProfile,
        gateway: String,
    },
    SignedOut {
        error: Option<SignInError>,
    },
    Connection(Connection),
    Welcome {
        epoch: u64,
        gateway_now: UtcMs,
        profile: AgentProfile,
        catalogue: Arc<Catalogue>,
        resumed: bool,
    },
    /// The whole state anew; `card` is that of the call in it.
    Snapshot {
        seq: u64,
        snapshot: Box<Snapshot>,
        card: Option<CardView>,
    },
    /// `card` is the opened one of `Offered` and `CardArrived`; `half_trip_us` half the latest round trip.
    Happened {
        seq: u64,
        event: Box<Event>,
        card: Option<CardView>,
        half_trip_us: i64,
    },
    Pong {
        gateway_now: UtcMs,
        round_trip: std::time::Duration,
    },
    /// The answer to a command.
    Answer {
        id: Uuid,
        outcome: Result<Done, CommandError>,
    },
    /// What the local file kept from an earlier life of this desk.
    Kept {
        drafts: Vec<(TabKey, Draft)>,
        saves: Vec<(Uuid, Command, Option<TabKey>)>,
    },
    /// The local file cannot be written.
    DiskFailed,
    Found {
        tab: Option<TabKey>,
        generation: u64,
        found: Result<Vec<CustomerLine>, Failure>,
    },
    HistoryRead {
        tab: TabKey,
        generation: u64,
        after: Option<HistoryCursor>,
        page: Result<HistoryPage, Failure>,
    },
    CardRead {
        tab: TabKey,
        card: Result<Arc<Card>, Failure>,
    },
}

/// An event with the moment at which its bytes were read.
#[derive(Clone, Debug)]
pub struct Stamped {
    pub taken_at: Moment,
    pub event: LinkEvent,
}
