//! What the switchboard is given to work with.

use std::sync::Arc;

use shared::store::Store;
use shared::time::Clock;
use tokio::sync::mpsc;

use super::event::Event;
use crate::config::Config;
use crate::journal::file::LedgerFile;
use crate::net::Outbound;
use crate::net::auth::Sessions;
use crate::net::health::Health;
use crate::shutdown::Tasks;

/// Everything that stands around the loop, opened and running.
pub struct Parts {
    pub config: Arc<Config>,
    pub store: Store,
    pub sessions: Sessions,
    /// The way out for SIP; the way in is `events_rx`.
    pub outbound: Outbound,
    pub ledger: LedgerFile,
    /// This start of the gateway, later than every epoch in the ledger.
    pub epoch: u64,
    pub health: Health,
    pub clock: Clock,
    /// For tasks beside the loop, which come back with an event of their own.
    pub events: mpsc::Sender<Event>,
    pub events_rx: mpsc::Receiver<Event>,
    /// `tasks.ending()` asks for the end; return from `run` when the last conversation is over.
    pub tasks: Tasks,
}
