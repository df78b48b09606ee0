//! `backup` and `restore`: the database in a file, and back.
//!
//! A backup has its name only when it is whole. A restore reads the whole file before it touches anything, and puts it
//! in place at one stroke: whatever goes wrong, what was there stays.

mod postgres_tools;

use std::fs::{self, File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use shared::store::{OpenStoreError, Store, StoreOptions};

use self::postgres_tools::PostgresTools;
use super::{Place, open_store};
use crate::config::without_password;
use crate::net::atomic_file::sync_folder_of;

/// How long the connections of a gateway that has ended may stay at the server.
const PATIENCE: Duration = Duration::from_secs(3);

/// Copy the database into a file, while it is in use.
#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The file to write; it must not be there yet
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    tools: PostgresTools,
}

/// Bring a backup back, after checking it. Stop the gateway first.
#[derive(Debug, Args)]
pub(super) struct Restore {
    /// A file that `backup` has written
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Put it in the place of what is there now
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    tools: PostgresTools,
}

/// What a file is by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sqlite,
    Postgres,
    Other,
}

impl Backup {
    pub async fn run(self, place: &Place) -> anyhow::Result<()> {
        let url = place.database_url()?;
        self.to_is_free()?;
        let unfinished = with_ending(&self.to, ".unfinished");
        let outcome = match self.write(&url, &unfinished).await {
            Ok(()) => self.keep(&unfinished),
            Err(error) => Err(error),
        };
        remove_if_there(&unfinished)?;
        outcome?;
        println!("{} is in `{}`", without_password(&url), self.to.display());
        Ok(())
    }

    fn to_is_free(&self) -> anyhow::Result<()> {
        anyhow::ensure!(!self.to.exists(), "`{}` is there already; a backup never overwrites one", self.to.display());
        Ok(())
    }

    async fn write(&self, url: &str, unfinished: &Path) -> anyhow::Result<()> {
        if !is_postgres(url) {
            anyhow::ensure!(sqlite_path(url)?.is_file(), "there is no database at {}", without_password(url));
        }
        remove_if_there(unfinished)?;
        // Names, debts and secrets of telephones are in it: nobody but the owner reads it.
        let place = OpenOptions::new().write(true).create_new(true).mode(0o600).open(unfinished);
        place.with_context(|| format!("cannot write `{}`", unfinished.display()))?;
        let store = open_store(url, 0).await?;
        let written = if is_postgres(url) {
            self.tools.dump(&store, url, unfinished).await
        } else {
            let copied = store.backup_sqlite(unfinished).await;
            copied.map(|_| ()).with_context(|| format!("cannot copy the database to `{}`", unfinished.display()))
        };
        store.close().await;
        written
    }

    /// Gives a whole backup its name.
    fn keep(&self, unfinished: &Path) -> anyhow::Result<()> {
        let durable = File::open(unfinished).and_then(|file| file.sync_all());
        durable.with_context(|| format!("cannot make `{}` durable", unfinished.display()))?;
        self.to_is_free()?;
        fs::rename(unfinished, &self.to)
            .and_then(|()| sync_folder_of(&self.to))
            .with_context(|| format!("cannot name the backup `{}`", self.to.display()))
    }
}

impl Restore {
    pub async fn run(self, place: &Place) -> anyhow::Result<()> {
        let url = place.database_url()?;
        let kind = kind_of(&self.from).with_context(|| format!("cannot read `{}`", self.from.display()))?;
        let from = self.from.display();
        match (kind, is_postgres(&url)) {
            (Kind::Postgres, true) => self.restore_postgres(&url).await?,
            (Kind::Sqlite, false) => self.restore_sqlite(&sqlite_path(&url)?).await?,
            (Kind::Postgres, false) => {
                anyhow::bail!("`{from}` is a backup of PostgreSQL: name a postgres:// database to bring it back to")
            }
            (Kind::Sqlite, true) => {
                anyhow::bail!("`{from}` is a backup of SQLite: name a sqlite:// database to bring it back to")
            }
            (Kind::Other, _) => anyhow::bail!("`{from}` is no backup that `backup` has written"),
        }
        println!("{} is what `{from}` was", without_password(&url));
        Ok(())
    }

    async fn restore_postgres(&self, url: &str) -> anyhow::Result<()> {
        // No connections are kept ready for callers, so that all who use the database are somebody else.
        let store = Store::open(url, StoreOptions { node: 0, pop_connections: 0, connections: 1 }).await?;
        let outcome = self.restore_postgres_in(&store, url).await;
        store.close().await;
        outcome
    }

    async fn restore_postgres_in(&self, store: &Store, url: &str) -> anyhow::Result<()> {
        ensure_unused(store).await?;
        if store.has_tables().await? {
            let whose = without_password(url);
            anyhow::ensure!(self.replace, "there are tables in {whose} already: say --replace to give them up");
        }
        let untouched = || format!("`{}` was not brought back, what was there is untouched", self.from.display());
        self.tools.examine(store, &self.from).await.with_context(untouched)?;
        self.tools.restore(url, &self.from).with_context(untouched)?;
        store.gather_statistics().await.context("it is brought back, but the database did not look through it")?;
        examine(store).await.context("it is brought back")
    }

    /// Copies beside the place, checks the copy, and moves it there.
    async fn restore_sqlite(&self, place: &Path) -> anyhow::Result<()> {
        if place.exists() {
            anyhow::ensure!(self.replace, "there is a database at `{}`: say --replace to give it up", place.display());
        }
        let beside = with_ending(place, ".restoring");
        let outcome = self.copy_and_check(&beside).await.and_then(|()| {
            // What an earlier database left in these would be taken for the newest part of the restored one.
            for ending in ["-wal", "-shm"] {
                remove_if_there(&with_ending(place, ending))?;
            }
            fs::rename(&beside, place)?;
            Ok(sync_folder_of(place)?)
        });
        for ending in ["", "-wal", "-shm"] {
            remove_if_there(&with_ending(&beside, ending))?;
        }
        outcome.with_context(|| format!("`{}` was not brought back, what was there is untouched", self.from.display()))
    }

    async fn copy_and_check(&self, beside: &Path) -> anyhow::Result<()> {
        fs::copy(&self.from, beside).with_context(|| format!("cannot copy it to `{}`", beside.display()))?;
        File::open(beside)?.sync_all()?;
        let store = open_store(&format!("sqlite://{}", beside.display()), 0).await?;
        let checked = examine(&store).await;
        store.close().await;
        checked
    }
}

/// A gateway that works on would see its tables go away under it. One that was just stopped is given a moment.
async fn ensure_unused(store: &Store) -> anyhow::Result<()> {
    let asked_until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let n_users = store.users_of_database().await?;
        if n_users == 0 {
            return Ok(());
        }
        anyhow::ensure!(
            tokio::time::Instant::now() < asked_until,
            "a gateway is using this database ({n_users} connections): stop it first"
        );
        tokio::time::sleep(PATIENCE / 20).await;
    }
}

/// Whether what is brought back is whole and fits this program. An older one does: it is migrated before the start.
async fn examine(store: &Store) -> anyhow::Result<()> {
    let found = store.check_integrity().await?;
    for what in &found.unexamined {
        eprintln!("not examined: {what}");
    }
    anyhow::ensure!(found.faults.is_empty(), "it is damaged: {}", found.faults.join("; "));
    match store.check_schema().await {
        Err(OpenStoreError::Schema { found, needed }) if (1..needed).contains(&found) => {
            eprintln!("its schema is {found}, this program needs {needed}: run `telephony-gateway migrate`");
            Ok(())
        }
        other => Ok(other?),
    }
}

fn kind_of(file: &Path) -> std::io::Result<Kind> {
    let mut first = Vec::new();
    File::open(file)?.take(16).read_to_end(&mut first)?;
    Ok(match first.as_slice() {
        b"SQLite format 3\0" => Kind::Sqlite,
        [b'P', b'G', b'D', b'M', b'P', ..] => Kind::Postgres,
        _ => Kind::Other,
    })
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres:") || url.starts_with("postgresql:")
}

/// The file behind `sqlite://…`.
fn sqlite_path(url: &str) -> anyhow::Result<PathBuf> {
    let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"));
    let path = path.and_then(|path| path.split('?').next()).filter(|path| !path.is_empty());
    path.map(PathBuf::from).with_context(|| format!("`{}` names no file", without_password(url)))
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
