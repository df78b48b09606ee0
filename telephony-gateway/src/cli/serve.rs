//! `serve`: opens everything in order, lets the switchboard run, and closes everything in order.

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use shared::store::{OpenStoreError, Store};
use shared::time::Clock;
use shared::wire::event::Fault;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::Place;
use crate::config::Config;
use crate::journal::file::{Bounds, LedgerFile, next_epoch};
use crate::net::Outbound;
use crate::net::auth::Sessions;
use crate::net::descriptors;
use crate::net::desk::DeskDoor;
use crate::net::health::{self, Health, Phase};
use crate::net::http::HttpDoor;
use crate::net::records::Records;
use crate::net::tls;
use crate::shutdown::Tasks;
use crate::switchboard::event::Event;
use crate::switchboard::{self, Parts};

/// Events that may wait for the loop. Beyond that datagrams are dropped and connections wait.
const EVENT_QUEUE: usize = 8192;
/// So long somebody who was disabled may still be let in, should the database go away at that very moment.
const TEND_SESSIONS_EVERY: Duration = Duration::from_secs(5);
const CLOSE_WITHIN: Duration = Duration::from_secs(10);

/// Two runtimes: signalling has this thread for itself, with the sockets of SIP and the loop, so that a message is
/// read, dealt with and answered without waking anybody. Desks, records and the database have the threads of the
/// other one, where a long list or a handshake delays no call.
pub(super) fn serve(config: Config, place: Place) -> anyhow::Result<ExitCode> {
    let beside = super::runtime()?;
    let signalling = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let signalling = signalling.context("cannot start the runtime of signalling")?;
    let opened = beside.block_on(Opened::open(config))?;
    opened.tasks.spawn("configuration", reread(place, opened.events.clone(), opened.tasks.clone()));
    signalling.block_on(opened.serve())
}

/// Everything that stands beside the loop, opened.
struct Opened {
    config: Config,
    store: Store,
    store_answers: bool,
    sessions: Sessions,
    ledger: LedgerFile,
    epoch: u64,
    health: Health,
    clock: Clock,
    events: mpsc::Sender<Event>,
    events_rx: mpsc::Receiver<Event>,
    tasks: Tasks,
    _lock: File,
}

impl Opened {
    async fn open(config: Config) -> anyhow::Result<Self> {
        let tasks = Tasks::new();
        tasks.listen_to_signals().context("cannot listen to signals")?;
        let health = Health::default();
        let metrics = health::install_metrics().context("cannot start the metrics")?;
        Clock::keep_steady();
        let clock = Clock::start();
        match descriptors::raise_limit() {
            Ok(limit) => tracing::debug!(limit, "descriptors that this process may have"),
            Err(error) => tracing::warn!(%error, "the system does not say how many descriptors there are"),
        }

        let lock = take_state_dir(&config.state_dir)?;
        let (store, store_answers) = open_database(&config, &health).await?;
        let folder = config.state_dir.join("ledger");
        let epoch = next_epoch(&folder, Clock::utc())?;
        let ledger = LedgerFile::open(&folder, epoch, Bounds::default())?;
        let records: Arc<dyn Records> = Arc::new(store.clone());
        let sessions = Sessions::open(&config.state_dir, config.sign_in, Arc::clone(&records), Clock::utc());
        let identity = open_identity(&config)?;

        let (events, events_rx) = mpsc::channel(EVENT_QUEUE);
        let desk = DeskDoor { sessions: sessions.clone(), events: events.clone(), health: health.clone() };
        HttpDoor::new(desk, records, metrics, &tasks).open(config.desk.listen, identity.as_ref())?;
        tasks.spawn_vital("sessions", tend_sessions(sessions.clone(), events.clone(), tasks.clone()));
        Ok(Self {
            config,
            store,
            store_answers,
            sessions,
            ledger,
            epoch,
            health,
            clock,
            events,
            events_rx,
            tasks,
            _lock: lock,
        })
    }

    /// Takes calls until the end, and closes everything in order.
    async fn serve(self) -> anyhow::Result<ExitCode> {
        let Self {
            config,
            store,
            store_answers,
            sessions,
            ledger,
            epoch,
            health,
            clock,
            events,
            events_rx,
            tasks,
            _lock,
        } = self;
        // Look-ups are made on this thread, and so are their connections.
        if store_answers && let Err(error) = store.warm_up().await {
            tracing::warn!(%error, "the look-up will warm itself with the first callers");
        }
        let outbound = Outbound::open(&config.sip, &events, &tasks.here())?;
        let parts = Parts {
            config: Arc::new(config),
            store: store.clone(),
            sessions,
            outbound,
            ledger,
            epoch,
            health: health.clone(),
            clock,
            events,
            events_rx,
            tasks: tasks.clone(),
        };
        let ran = switchboard::run(parts).await;

        health.enter(Phase::Ending);
        tasks.token().cancel();
        let stubborn = tasks.wait(CLOSE_WITHIN).await;
        if !stubborn.is_empty() {
            tracing::warn!(tasks = ?stubborn, "some tasks did not end in time");
        }
        store.close().await;
        ran?;
        let failed = tasks.have_failed();
        if failed {
            tracing::error!("the gateway has ended, because a part of it failed");
        } else {
            tracing::info!("the gateway has ended");
        }
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

/// Reads the configuration anew at each SIGHUP. A faulty one changes nothing, and every fault is named.
async fn reread(place: Place, events: mpsc::Sender<Event>, tasks: Tasks) {
    let mut asked = match signal(SignalKind::hangup()) {
        Ok(asked) => asked,
        Err(error) => {
            tracing::error!(%error, "SIGHUP cannot be listened to; a changed configuration needs a restart");
            return;
        }
    };
    loop {
        tokio::select! {
            () = tasks.token().cancelled() => return,
            _ = asked.recv() => {}
        }
        match place.config() {
            Ok(config) => {
                if events.send(Event::Reloaded { config: Arc::new(config) }).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::error!(error = %error, "the changed configuration is not taken; the old one goes on")
            }
        }
    }
}

/// Makes the state folder and takes it for this process; two gateways in one folder would tear each other's ledger.
fn take_state_dir(folder: &Path) -> anyhow::Result<File> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("cannot make the state folder `{}`", folder.display()))?;
    let path = folder.join("gateway.lock");
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .with_context(|| format!("cannot open `{}`", path.display()))?;
    lock.try_lock().with_context(|| format!("another gateway uses the state folder `{}`", folder.display()))?;
    Ok(lock)
}

/// Opens the database, and says whether it answers. One that is away is a fault that is said, not a reason to take no
/// calls; a wrong schema is.
async fn open_database(config: &Config, health: &Health) -> anyhow::Result<(Store, bool)> {
    let store = super::open_store(&config.database_url, config.node).await?;
    let database = config.database_shown();
    // A file of our own is brought up to date by itself; a server is shared, and its owner says when.
    let checked = if store.kind() == "sqlite" { store.migrate().await } else { store.check_schema().await };
    let answers = checked.is_ok();
    match checked {
        Ok(()) => tracing::info!(database, "the database is there"),
        Err(error @ OpenStoreError::Schema { .. }) => return Err(error.into()),
        Err(error) => {
            tracing::warn!(database, error = %anyhow::Error::from(error), "the database is away; calls are taken without it");
            health.set(Fault::DatabaseAway, true);
        }
    }
    Ok((store, answers))
}

fn open_identity(config: &Config) -> anyhow::Result<Option<tls::Identity>> {
    let desk = &config.desk;
    if desk.plain {
        tracing::warn!(listen = %desk.listen, "desks speak plain text; this is for trying things out");
        return Ok(None);
    }
    let identity = tls::load_or_make(&config.state_dir, &desk.public_name, desk.listen.ip())?;
    tracing::info!(
        fingerprint = identity.fingerprint,
        certificate = %identity.certificate.display(),
        made_now = identity.fresh,
        "desktops show this fingerprint once, at their first sign-in"
    );
    Ok(Some(identity))
}

async fn tend_sessions(sessions: Sessions, events: mpsc::Sender<Event>, tasks: Tasks) {
    let mut ticks = tokio::time::interval(TEND_SESSIONS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = tasks.token().cancelled() => return,
            _ = ticks.tick() => {}
        }
        for session in sessions.tend(Clock::utc()).await {
            tracing::info!(%session, "a session has run out");
            if events.send(Event::SignedOut { session }).await.is_err() {
                return;
            }
        }
    }
}
