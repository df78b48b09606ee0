//! Puts the switchboard together: the SIP core with its trunks, the sound, the floor as the ledger left it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use shared::time::UtcMs;
use tokio::sync::{Semaphore, mpsc};

use super::event::Event;
use super::keep::Left;
use super::load::Load;
use super::restore::Memory;
use super::world::World;
use super::{JOBS, Parts, Switchboard, beside};
use crate::config::{Config, TrunkConfig};
use crate::journal::copy::Copier;
use crate::journal::fact::Line;
use crate::journal::file::{Position, read_after};
use crate::journal::kept::KeptFile;
use crate::media::{music, wav};
use crate::net::relay::{Relay, RelayConfig};
use crate::sip::{Network, RegistrationLimits, Stack, StackConfig, Trunk};

/// Batches that may wait for the copier; beyond that it reads the file.
const COPY_QUEUE: usize = 4096;
/// How long a port of the sound rests between two calls: late packets of the first find nobody.
const PORT_RESTS: Duration = Duration::from_secs(10);
/// How often each leg of a talk is asked whether it is still there: a telephone that died without a word is found
/// after this time and the patience of a transaction, and its caller goes back to the queue.
const ASK_LEGS_EVERY: Duration = Duration::from_secs(60);
/// How far back the ledger is read for the floor's state. No session lives longer.
const REMEMBERED_MS: i64 = 48 * 3600 * 1000;
/// Ledger records read at a time.
const READ_BATCH: usize = 50_000;

pub async fn start(parts: Parts) -> anyhow::Result<Switchboard> {
    let config = &parts.config;
    let relay = start_sound(config, parts.events.clone())?;
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).context("the system gives no random numbers")?;
    let now = parts.clock.now();
    let mut stack = Stack::new(stack_config(config, parts.outbound.locals())?, seed);
    let locals: Vec<_> = parts.outbound.locals().iter().map(|flow| (flow.transport, flow.local)).collect();
    stack.start(&locals, now);
    let mut world = World::new(Arc::clone(config), parts.epoch, stack, Box::new(relay), parts.clock);

    let folder = config.state_dir.join("ledger");
    let since = UtcMs(now.utc_ms.0 - REMEMBERED_MS);
    let memory = tokio::task::spawn_blocking({
        let folder = folder.clone();
        move || remember(&folder, since)
    })
    .await
    .context("the ledger's reader has died")??;
    let kept =
        KeptFile::open(&config.state_dir.join("kept.jsonl")).context("cannot open what was kept of the calls")?;
    let left = Left::read(kept.values());
    world.take(Event::Phones { phones: beside::first_phones(&parts).await }, now);
    world.restore_phones(left.phones, now);
    world.restore(memory, left.calls, midnight(), now);

    let (to_copier, written) = mpsc::channel(COPY_QUEUE);
    let copier =
        Copier { node: config.node, folder, store: parts.store.clone(), written, events: parts.events.clone() };
    parts.tasks.spawn("ledger copier", copier.run(parts.tasks.token().clone()));
    // Whatever the last run has left is copied at once.
    to_copier.try_send(Vec::new()).context("the copier has died")?;
    beside::start(&parts);
    beside::watch_machine(&parts);
    let here = parts.tasks.here();
    Ok(Switchboard {
        parts,
        world,
        to_copier,
        here,
        jobs: Arc::new(Semaphore::new(JOBS)),
        ledger_stuck: false,
        kept,
        kept_retry_at: None,
        load: Load::default(),
    })
}

/// Reads the ledger from `since` on, up to what the last run has written.
fn remember(folder: &std::path::Path, since: UtcMs) -> anyhow::Result<Memory> {
    let mut memory = Memory::default();
    // Epochs are moments in milliseconds, so that a place can be named by time.
    let mut after = Position { epoch: since.0.max(0) as u64, seq: 0 };
    loop {
        let records = read_after(folder, after, READ_BATCH)?;
        let Some(last) = records.last() else { return Ok(memory) };
        after = last.at;
        for record in &records {
            match serde_json::from_str::<Line<'_>>(record.body.get()).and_then(|line| line.open()) {
                Ok(Some(entry)) => memory.take(entry),
                Ok(None) => {}
                Err(error) => tracing::error!(seq = record.at.seq, %error, "a record of the ledger cannot be read"),
            }
        }
    }
}

fn midnight() -> UtcMs {
    let today = chrono::Local::now().date_naive().and_time(chrono::NaiveTime::MIN);
    today
        .and_local_timezone(chrono::Local)
        .earliest()
        .map_or_else(shared::time::Clock::utc, |at| UtcMs::from_chrono(at.to_utc()))
}

fn start_sound(config: &Config, events: mpsc::Sender<Event>) -> anyhow::Result<Relay> {
    let media = &config.media;
    let music: Arc<[i16]> = match &media.music {
        Some(file) => {
            let play = || anyhow::Ok(wav::read(&std::fs::read(file)?)?);
            play().with_context(|| format!("cannot play `{}` to waiting callers", file.display()))?.into()
        }
        None => music::on_hold(),
    };
    let relay = RelayConfig {
        address: media.address,
        advertised: media.advertised.unwrap_or(media.address),
        ports: media.ports.clone(),
        threads: media.threads,
        music,
        quarantine: PORT_RESTS,
    };
    // A full queue loses a remark about the sound, never a call.
    let tell = move |event| _ = events.try_send(Event::Relay(event));
    Relay::start(relay, tell).context("cannot carry sound")
}

fn stack_config(config: &Config, locals: &[crate::sip::Flow]) -> anyhow::Result<StackConfig> {
    let sip = &config.sip;
    let known =
        |local: SocketAddr| sip.advertised_for(local.ip()).map(|host| (local, SocketAddr::new(host, local.port())));
    let advertised: HashMap<SocketAddr, SocketAddr> = locals.iter().filter_map(|flow| known(flow.local)).collect();
    Ok(StackConfig {
        user_agent: sip.user_agent.clone(),
        node: config.node,
        advertised,
        realm: sip.realm.clone(),
        trunks: sip.trunks.iter().map(trunk).collect::<anyhow::Result<_>>()?,
        check_dialogs_every: Some(ASK_LEGS_EVERY),
        registration: RegistrationLimits { longest_expiry_s: sip.registration_max_s, ..RegistrationLimits::default() },
        ..StackConfig::default()
    })
}

fn trunk(trunk: &TrunkConfig) -> anyhow::Result<Trunk> {
    let sources = trunk.sources.iter().map(|source| source.parse::<Network>());
    Ok(Trunk {
        name: trunk.name.as_str().into(),
        sources: sources.collect::<Result<_, _>>().with_context(|| format!("trunk `{}`", trunk.name))?,
        address: trunk.address,
        transport: trunk.transport,
        options_every: (trunk.options_every_s > 0).then(|| Duration::from_secs(trunk.options_every_s.into())),
        trusted: true,
        domain: trunk.domain.clone(),
        caller_id: trunk.caller_id,
        login: trunk.login.clone(),
        register: trunk.register.clone(),
        secure: trunk.secure,
    })
}
