//! The local file: drafts as they are typed, and saves that the gateway has not answered.
//!
//! One SQLite file for each person and gateway, readable by its owner alone. It is in WAL mode with `synchronous=FULL`:
//! the few small writes a second cost nothing, and what the screen calls kept outlives a power cut, not only a crash.

use std::path::Path;

use shared::ids::{CallId, CustomerId};
use shared::time::UtcMs;
use shared::wire::command::Command;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, Row, SqliteConnection};
use uuid::Uuid;

use crate::state::drafts::Draft;
use crate::state::tab::TabKey;

#[derive(Debug)]
pub struct Disk {
    file: SqliteConnection,
}

/// A save as it lies in the file.
#[derive(Clone, Debug)]
pub struct KeptSave {
    pub id: Uuid,
    pub command: Command,
    pub tab: Option<TabKey>,
}

#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    #[error("cannot open the local file `{path}`")]
    Open { path: String, source: sqlx::Error },
    #[error("cannot write to the local file")]
    Write(#[from] sqlx::Error),
    #[error("cannot write what was typed as text")]
    Encode(#[from] serde_json::Error),
}

/// A draft that nobody came back to for this long is dropped at the next start.
const KEPT_DAYS: i64 = 7;

impl Disk {
    /// # Errors
    /// When the file cannot be made or is no file of ours.
    pub async fn open(path: &Path, now: UtcMs) -> Result<Self, DiskError> {
        Self::try_open(path, now).await.map_err(|source| DiskError::Open { path: path.display().to_string(), source })
    }

    async fn try_open(path: &Path, now: UtcMs) -> Result<Self, sqlx::Error> {
        make_private(path).map_err(sqlx::Error::Io)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("secure_delete", "ON");
        let mut file = SqliteConnection::connect_with(&options).await?;
        sqlx::query("CREATE TABLE IF NOT EXISTS draft (tab TEXT PRIMARY KEY, body TEXT NOT NULL, at INTEGER NOT NULL)")
            .execute(&mut file)
            .await?;
        sqlx::query("CREATE TABLE IF NOT EXISTS outbox (id TEXT PRIMARY KEY, tab TEXT, command TEXT NOT NULL)")
            .execute(&mut file)
            .await?;
        sqlx::query("DELETE FROM draft WHERE at < ?").bind(now.0 - KEPT_DAYS * 86_400_000).execute(&mut file).await?;
        Ok(Self { file })
    }

    /// # Errors
    /// When the disk does not take it.
    pub async fn put_draft(&mut self, tab: TabKey, draft: Option<&Draft>, now: UtcMs) -> Result<(), DiskError> {
        let Some(draft) = draft else {
            sqlx::query("DELETE FROM draft WHERE tab = ?").bind(spell(tab)).execute(&mut self.file).await?;
            return Ok(());
        };
        sqlx::query("INSERT INTO draft (tab, body, at) VALUES (?, ?, ?) ON CONFLICT (tab) DO UPDATE SET body = excluded.body, at = excluded.at")
            .bind(spell(tab))
            .bind(serde_json::to_string(draft)?)
            .bind(now.0)
            .execute(&mut self.file)
            .await?;
        Ok(())
    }

    /// # Errors
    /// When the disk does not take it.
    pub async fn put_save(&mut self, save: &KeptSave) -> Result<(), DiskError> {
        sqlx::query("INSERT INTO outbox (id, tab, command) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING")
            .bind(save.id.to_string())
            .bind(save.tab.map(spell))
            .bind(serde_json::to_string(&save.command)?)
            .execute(&mut self.file)
            .await?;
        Ok(())
    }

    /// # Errors
    /// When the disk does not take it.
    pub async fn forget_save(&mut self, id: Uuid) -> Result<(), DiskError> {
        sqlx::query("DELETE FROM outbox WHERE id = ?").bind(id.to_string()).execute(&mut self.file).await?;
        Ok(())
    }

    /// What an earlier life of this desk has left. A row that an older program wrote and this one cannot read is
    /// passed over, and stays.
    ///
    /// # Errors
    /// When the disk does not answer.
    pub async fn kept(&mut self) -> Result<(Vec<(TabKey, Draft)>, Vec<KeptSave>), DiskError> {
        let drafts = sqlx::query("SELECT tab, body FROM draft").fetch_all(&mut self.file).await?;
        let drafts = drafts.iter().filter_map(|row| {
            let (tab, body): (String, String) = (row.try_get(0).ok()?, row.try_get(1).ok()?);
            Some((read_tab(&tab)?, serde_json::from_str(&body).ok()?))
        });
        let drafts = drafts.collect();
        let saves = sqlx::query("SELECT id, tab, command FROM outbox ORDER BY id").fetch_all(&mut self.file).await?;
        let saves = saves.iter().filter_map(|row| {
            let id = Uuid::parse_str(row.try_get(0).ok()?).ok()?;
            let tab: Option<String> = row.try_get(1).ok()?;
            let command = serde_json::from_str(row.try_get(2).ok()?).ok()?;
            Some(KeptSave { id, command, tab: tab.as_deref().and_then(read_tab) })
        });
        Ok((drafts, saves.collect()))
    }
}

/// The file is made for its owner alone before anything is in it.
fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(drop)
}

fn spell(tab: TabKey) -> String {
    match tab {
        TabKey::Call(call) => format!("call:{call}"),
        TabKey::Customer(customer) => format!("customer:{customer}"),
    }
}

fn read_tab(text: &str) -> Option<TabKey> {
    let (kind, id) = text.split_once(':')?;
    let id = id.parse().ok()?;
    match kind {
        "call" => Some(TabKey::Call(CallId(id))),
        "customer" => Some(TabKey::Customer(CustomerId(id))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::ids::CallbackId;
    use std::os::unix::fs::PermissionsExt;

    const TAB: TabKey = TabKey::Call(CallId(5));
    const NOW: UtcMs = UtcMs(1_000_000_000_000);

    fn draft(text: &str) -> Draft {
        Draft { summary: text.into(), ..Draft::default() }
    }

    #[tokio::test]
    async fn what_was_typed_is_there_after_the_program_was_killed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("desk.db");
        let mut disk = Disk::open(&path, NOW).await.unwrap();
        disk.put_draft(TAB, Some(&draft("звонил про счётчик")), NOW).await.unwrap();
        // The first life never closes its file: it is simply gone, as after SIGKILL.
        std::mem::forget(disk);
        let (drafts, _) = Disk::open(&path, NOW).await.unwrap().kept().await.unwrap();
        assert_eq!(drafts, [(TAB, draft("звонил про счётчик"))]);
    }

    #[tokio::test]
    async fn a_save_stays_until_it_is_answered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("desk.db");
        let mut disk = Disk::open(&path, NOW).await.unwrap();
        for n in [2, 1] {
            let command = Command::MarkMissed { callback: CallbackId(n), handled: true };
            disk.put_save(&KeptSave { id: Uuid::from_u128(n as u128), command, tab: Some(TAB) }).await.unwrap();
        }
        disk.forget_save(Uuid::from_u128(1)).await.unwrap();
        drop(disk);
        let (_, saves) = Disk::open(&path, NOW).await.unwrap().kept().await.unwrap();
        assert_eq!(saves.iter().map(|save| (save.id.as_u128(), save.tab)).collect::<Vec<_>>(), [(2, Some(TAB))]);
    }

    #[tokio::test]
    async fn a_forgotten_draft_goes_after_a_week_and_a_saved_one_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("desk.db");
        let mut disk = Disk::open(&path, NOW).await.unwrap();
        disk.put_draft(TAB, Some(&draft("старое")), NOW).await.unwrap();
        disk.put_draft(TabKey::Customer(CustomerId(1)), Some(&draft("а")), NOW).await.unwrap();
        disk.put_draft(TabKey::Customer(CustomerId(1)), None, NOW).await.unwrap();
        assert_eq!(disk.kept().await.unwrap().0.len(), 1);
        let later = UtcMs(NOW.0 + 8 * 86_400_000);
        assert!(Disk::open(&path, later).await.unwrap().kept().await.unwrap().0.is_empty());
    }

    #[tokio::test]
    async fn nobody_else_on_the_computer_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("desk.db");
        let _disk = Disk::open(&path, NOW).await.unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
