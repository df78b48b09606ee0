//! Where everything is kept: one promise, two databases.
//!
//! [`Store`] is the promise. Each area of it is one file ([`customers`], [`cards`], [`interactions`], [`saves`],
//! [`calls`], [`users`], [`audit`]) that says what the business asks and what is written together. How the question
//! is put stands in the file of the same name under `sqlite/` and `postgres/`; every statement has its name in
//! [`Statements`], so a new backend is one more table of them and one more way to run a unit of work.
//!
//! Rows leave the database as JSON in the spelling of the wire, so a whole card is one question and one answer, and is
//! passed on as it is.
//! Saves come back after the COMMIT. Nothing here reads a clock: `now` is an argument.

use std::sync::{Arc, Mutex};

use serde::de::DeserializeOwned;

use crate::ids::IdMint;
use crate::time::UtcMs;

pub mod audit;
pub mod calls;
pub mod cards;
pub mod customers;
pub mod interactions;
pub mod saves;
pub mod users;

pub mod generate;
pub mod integrity;
mod upkeep;

#[cfg(test)]
mod contract;

mod error;
mod statements;
mod unit;

mod postgres;
mod sqlite;

pub use error::{OpenStoreError, SaveError, StoreError};
pub use statements::Statements;

pub use audit::{AuditAction, AuditRow};
pub use calls::{LedgerAudit, LedgerBatch, LedgerRow};
pub use cards::Found;
pub use integrity::Integrity;
pub use saves::CallFacts;
pub use users::{NewUser, PhoneRow, UserRow};

use unit::{Arg, Unit};

/// How a store is opened.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// The gateway's number, 0 to 127. Ids that the store makes carry `255 - node`, so that they never meet the
    /// gateway's own.
    pub node: u8,
    /// Connections that only look callers up. They are opened and warmed apart from all others.
    pub pop_connections: u32,
    /// Connections for everything else.
    pub connections: u32,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { node: 0, pop_connections: 4, connections: 8 }
    }
}

/// Which connections answer a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// A caller waits: warmed connections that do nothing else.
    Pop,
    /// A person waits.
    Records,
}

/// A cheap handle on the customer base.
#[derive(Clone)]
pub struct Store {
    backend: Backend,
    mint: Arc<Mutex<IdMint>>,
}

#[derive(Clone)]
enum Backend {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

impl Store {
    /// Opens `sqlite://path` (the file is made when it is missing) or `postgres://…` (connections are made when
    /// they are needed, so that a gateway starts without its database).
    ///
    /// # Errors
    /// When the address cannot be read or the file cannot be opened.
    pub async fn open(url: &str, options: StoreOptions) -> Result<Self, OpenStoreError> {
        let scheme = url.split(':').next().unwrap_or_default();
        let backend = match scheme {
            "sqlite" => Backend::Sqlite(sqlite::Sqlite::open(url, options).await?),
            "postgres" | "postgresql" => Backend::Postgres(postgres::Postgres::open(url, options)?),
            other => return Err(OpenStoreError::UnknownScheme { scheme: other.chars().take(16).collect() }),
        };
        Ok(Self { backend, mint: Arc::new(Mutex::new(IdMint::new(255 - options.node.min(127)))) })
    }

    /// Brings the schema to what this program needs.
    ///
    /// # Errors
    /// When the database is away, or its schema is from another history.
    pub async fn migrate(&self) -> Result<(), OpenStoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.migrate().await,
            Backend::Postgres(postgres) => postgres.migrate().await,
        }
    }

    /// Whether the schema is the one this program was written for.
    ///
    /// # Errors
    /// [`OpenStoreError::Schema`] with the words that help when it is not.
    pub async fn check_schema(&self) -> Result<(), OpenStoreError> {
        let needed = self.schema_needed();
        let found = match self.fetch::<i64>(Lane::Records, self.sql().schema_version, []).await {
            Ok(found) => found.unwrap_or(0),
            Err(StoreError::Refused { .. }) => 0,
            Err(error) => return Err(error.into()),
        };
        if found == needed { Ok(()) } else { Err(OpenStoreError::Schema { found, needed }) }
    }

    /// Whether the database answers at all.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.fetch::<i64>(Lane::Records, "select '1'", []).await.map(|_| ())
    }

    /// Opens the connections of the look-up and lets each prepare its statements, so that the first caller waits
    /// for nothing.
    ///
    /// # Errors
    /// When the database is away; the look-up warms itself later then.
    pub async fn warm_up(&self) -> Result<(), StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.warm_up().await,
            Backend::Postgres(postgres) => postgres.warm_up().await,
        }
    }

    /// Copies a SQLite customer base as it is at this moment into a new file, while it is in use. PostgreSQL has
    /// tools of its own: `false` then, and nothing is done.
    ///
    /// # Errors
    /// When the file is there already or cannot be written.
    pub async fn backup_sqlite(&self, into: &std::path::Path) -> Result<bool, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.backup(into).await.map(|()| true),
            Backend::Postgres(_) => Ok(false),
        }
    }

    /// Finishes what was taken for writing and closes the connections.
    pub async fn close(&self) {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.close().await,
            Backend::Postgres(postgres) => postgres.close().await,
        }
    }

    /// `sqlite` or `postgres`.
    pub const fn kind(&self) -> &'static str {
        match &self.backend {
            Backend::Sqlite(_) => "sqlite",
            Backend::Postgres(_) => "postgres",
        }
    }

    const fn sql(&self) -> &'static Statements {
        match &self.backend {
            Backend::Sqlite(_) => &sqlite::STATEMENTS,
            Backend::Postgres(_) => &postgres::STATEMENTS,
        }
    }

    /// The schema that this program was written for.
    pub fn schema_needed(&self) -> i64 {
        let migrations = match &self.backend {
            Backend::Sqlite(_) => &sqlite::MIGRATIONS,
            Backend::Postgres(_) => &postgres::MIGRATIONS,
        };
        migrations.iter().map(|migration| migration.version).max().unwrap_or(0)
    }

    fn mint<I: From<i64>>(&self, now: UtcMs) -> I {
        self.mint.lock().unwrap_or_else(std::sync::PoisonError::into_inner).mint(now)
    }

    /// Asks a question whose answer is one JSON text; `None` when there is no row or the answer is null.
    async fn fetch<T: DeserializeOwned>(
        &self,
        lane: Lane,
        sql: &'static str,
        args: impl Into<Vec<Arg>>,
    ) -> Result<Option<T>, StoreError> {
        let args = args.into();
        let answer = match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.fetch(lane, sql, args).await?,
            Backend::Postgres(postgres) => postgres.fetch(lane, sql, args).await?,
        };
        Ok(answer.map(|json| serde_json::from_str(&json)).transpose()?)
    }

    /// Writes a unit of work and answers after the COMMIT with its result.
    async fn commit(&self, unit: Unit) -> Result<i64, SaveError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.commit(unit).await,
            Backend::Postgres(postgres) => postgres.commit(unit).await,
        }
    }

    /// The form in which the database takes many rows at once.
    const fn form(&self) -> generate::Form {
        match &self.backend {
            Backend::Sqlite(_) => generate::Form::Json,
            Backend::Postgres(_) => generate::Form::Copy,
        }
    }

    /// Writes rows whose refusal would be a fault of this program, not of a person.
    async fn commit_rows(&self, unit: Unit) -> Result<(), StoreError> {
        self.commit(unit).await.map(|_| ()).map_err(as_refusal)
    }
}

/// A row that was refused is a fault of this program, where no person could have known better.
fn as_refusal(error: SaveError) -> StoreError {
    match error {
        SaveError::Store(error) => error,
        other => StoreError::Refused { source: sqlx::Error::Protocol(other.to_string()) },
    }
}
