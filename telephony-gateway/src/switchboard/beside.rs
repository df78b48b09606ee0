//! What runs beside the loop and tells it things: whether the database is there, which phones may register, and
//! whether the machine has what calls need.

use std::path::{Path, PathBuf};
use std::time::Duration;

use shared::store::{PhoneRow, Store};
use shared::time::Clock;
use shared::wire::event::Fault;
use tokio::sync::mpsc;

use super::Parts;
use super::calls::MISSED_SHOWN;
use super::event::Event;
use crate::net::atomic_file::write_atomically;
use crate::net::descriptors;
use crate::sip::PhoneAccount;

const ASK_DATABASE_EVERY: Duration = Duration::from_secs(2);
const LOOK_AT_MACHINE_EVERY: Duration = Duration::from_millis(500);
/// A clock that is off by more was moved.
const CLOCK_MOVED_MS: i64 = 2000;
/// The first start waits so long for a list of phones that no run has kept.
const FIRST_PHONES_WITHIN: Duration = Duration::from_secs(2);

/// The phones that may register, as far as they are known before the first call: kept by the last run, else asked of
/// the database. A phone that is too early must not be taken for somebody who guesses passwords.
pub async fn first_phones(parts: &Parts) -> Vec<PhoneAccount> {
    let kept = read_kept(&kept_phones(parts));
    let phones = match kept {
        Some(phones) => phones,
        None => match tokio::time::timeout(FIRST_PHONES_WITHIN, parts.store.phones()).await {
            Ok(Ok(phones)) => phones,
            // The watch says so, and asks again.
            Ok(Err(_)) | Err(_) => Vec::new(),
        },
    };
    phones.iter().map(account).collect()
}

fn kept_phones(parts: &Parts) -> PathBuf {
    parts.config.state_dir.join("phones.json")
}

/// Starts the watch over the database.
pub fn start(parts: &Parts) {
    let watch = Watch {
        store: parts.store.clone(),
        events: parts.events.clone(),
        kept: kept_phones(parts),
        phones: None,
        away: None,
    };
    let token = parts.tasks.token().clone();
    parts.tasks.spawn("database watch", async move {
        tokio::select! {
            () = token.cancelled() => {}
            () = watch.run() => {}
        }
    });
}

/// Starts the watch over the machine: its clock, and its descriptors.
pub fn watch_machine(parts: &Parts) {
    let (events, token) = (parts.events.clone(), parts.tasks.token().clone());
    parts.tasks.spawn("machine watch", async move {
        let mut ticks = tokio::time::interval(LOOK_AT_MACHINE_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut known = (false, false);
        loop {
            tokio::select! {
                () = token.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let moved_ms = Clock::moved_by_ms();
            let now = (moved_ms.abs() >= CLOCK_MOVED_MS, descriptors::are_short());
            let before = std::mem::replace(&mut known, now);
            if now.0 != before.0 {
                say_clock(now.0, moved_ms);
                // A closed channel means that the loop has ended.
                _ = events.send(Event::Fault { fault: Fault::ClockJumped, there: now.0 }).await;
            }
            if now.1 != before.1 {
                say_descriptors(now.1);
                _ = events.send(Event::Fault { fault: Fault::DescriptorsOut, there: now.1 }).await;
            }
        }
    });
}

fn say_clock(moved: bool, by_ms: i64) {
    metrics::counter!("clock_jumps_total").increment(u64::from(moved));
    if moved {
        tracing::warn!(by_ms, "the machine's clock was moved; times go on by the old one and approach the new one");
    } else {
        tracing::info!("the time told is that of the machine's clock again");
    }
}

fn say_descriptors(short: bool) {
    metrics::counter!("descriptors_short_total").increment(u64::from(short));
    if short {
        tracing::error!("the system gives no more descriptors; new calls are refused until some are given back");
    } else {
        tracing::info!("there are descriptors again");
    }
}

struct Watch {
    store: Store,
    events: mpsc::Sender<Event>,
    /// The phones as they were last read, so that a gateway that starts without its database has telephones.
    kept: PathBuf,
    phones: Option<Vec<PhoneRow>>,
    away: Option<bool>,
}

impl Watch {
    async fn run(mut self) {
        let mut ticks = tokio::time::interval(ASK_DATABASE_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let phones = self.store.phones().await;
            let away = match &phones {
                Ok(_) => false,
                Err(error) => error.is_passing(),
            };
            if self.away.replace(away) != Some(away) {
                self.database_is(away).await;
            }
            match phones {
                Ok(phones) if self.phones.as_ref() != Some(&phones) => self.phones_changed(phones).await,
                Ok(_) => {}
                Err(error) if away => tracing::debug!(%error, "the database does not answer"),
                Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "the phones cannot be read"),
            }
        }
    }

    async fn database_is(&self, away: bool) {
        if away {
            tracing::warn!("the database is away: calls are taken, cards are missing and saves wait");
        } else {
            tracing::info!("the database is there");
            match self.store.missed_calls(MISSED_SHOWN as u16).await {
                Ok(calls) => self.tell(Event::Missed { calls }).await,
                Err(error) => tracing::warn!(%error, "the missed calls cannot be read"),
            }
        }
        self.tell(Event::Fault { fault: Fault::DatabaseAway, there: away }).await;
    }

    async fn phones_changed(&mut self, phones: Vec<PhoneRow>) {
        self.tell_phones(&phones).await;
        if let Err(error) = keep(&self.kept, &phones) {
            tracing::warn!(file = %self.kept.display(), %error, "the phones are not kept for a start without the database");
        }
        self.phones = Some(phones);
    }

    async fn tell_phones(&self, phones: &[PhoneRow]) {
        let phones = phones.iter().map(account).collect();
        self.tell(Event::Phones { phones }).await;
    }

    async fn tell(&self, event: Event) {
        // A closed channel means that the loop has ended.
        _ = self.events.send(event).await;
    }
}

fn account(phone: &PhoneRow) -> PhoneAccount {
    PhoneAccount {
        user: phone.number.clone(),
        ha1_md5: phone.ha1_md5,
        ha1_sha256: phone.ha1_sha256,
        md5_only: phone.md5_only,
    }
}

fn read_kept(file: &Path) -> Option<Vec<PhoneRow>> {
    let bytes = std::fs::read(file).ok()?;
    match serde_json::from_slice(&bytes) {
        Ok(phones) => Some(phones),
        Err(error) => {
            tracing::warn!(file = %file.display(), %error, "the kept phones cannot be read");
            None
        }
    }
}

/// Digests of passwords are no passwords, and yet nobody else's business.
fn keep(file: &Path, phones: &[PhoneRow]) -> std::io::Result<()> {
    write_atomically(file, &serde_json::to_vec(phones)?, 0o600)
}
