//! Errors that tell apart what the one who handles them can do.

use crate::domain::reading::{ReadingFault, ReadingWarning};

/// Why the customer base cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenStoreError {
    #[error("`{scheme}` is no customer base this program knows: use sqlite://… or postgres://…")]
    UnknownScheme { scheme: String },
    #[error("the address of the customer base cannot be read")]
    Url { source: sqlx::Error },
    #[error("cannot open the customer base `{place}`")]
    Connect { place: String, source: StoreError },
    #[error("cannot bring the customer base to schema {needed}")]
    Migrate { needed: i64, source: sqlx::migrate::MigrateError },
    #[error("the customer base has schema {found}, this program needs {needed}: run `telephony-gateway migrate`")]
    Schema { found: i64, needed: i64 },
    #[error("cannot read the customer base")]
    Store(#[from] StoreError),
}

/// Why the customer base did not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing can be written until somebody makes room.
    #[error("the disk of the customer base is full")]
    Full,
    /// The database is not there. It may come back.
    #[error("the customer base is away")]
    Away { source: sqlx::Error },
    /// Busy or interrupted: the same again may work at once.
    #[error("the customer base is busy")]
    Passing { source: sqlx::Error },
    /// A statement the database does not take: a fault of this program or of the data.
    #[error("the customer base refused a statement")]
    Refused { source: sqlx::Error },
    /// What came out of the database is not what was put in.
    #[error("the customer base holds something this program cannot read")]
    Unreadable { source: serde_json::Error },
    /// The store was closed.
    #[error("the customer base is closed")]
    Closed,
}

impl StoreError {
    /// Whether the same may work later as it is.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Full | Self::Away { .. } | Self::Passing { .. } | Self::Closed)
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(source: serde_json::Error) -> Self {
        Self::Unreadable { source }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(source: sqlx::Error) -> Self {
        use sqlx::Error::{Database, Io, PoolClosed, PoolTimedOut, Protocol, Tls, WorkerCrashed};
        match &source {
            Database(answer) => match kind_of(answer.code().as_deref().unwrap_or_default()) {
                Kind::Full => Self::Full,
                Kind::Away => Self::Away { source },
                Kind::Passing => Self::Passing { source },
                Kind::Refused => Self::Refused { source },
            },
            Io(_) | Tls(_) | Protocol(_) | PoolTimedOut | PoolClosed | WorkerCrashed => Self::Away { source },
            _ => Self::Refused { source },
        }
    }
}

enum Kind {
    Full,
    Away,
    Passing,
    Refused,
}

/// Reads a database's own code: five letters are PostgreSQL's SQLSTATE, a number is SQLite's, whose low byte is the
/// kind and the rest the detail.
fn kind_of(code: &str) -> Kind {
    const SQLITE_BUSY: u32 = 5;
    const SQLITE_LOCKED: u32 = 6;
    const SQLITE_IOERR: u32 = 10;
    const SQLITE_FULL: u32 = 13;
    const SQLITE_CANTOPEN: u32 = 14;
    if code.len() == 5 {
        return match code {
            "53100" => Kind::Full,
            // The server is being stopped, has crashed, or is starting.
            "57P01" | "57P02" | "57P03" => Kind::Away,
            // Too many connections, a lost race, a lock, a question that took too long.
            "53300" | "40001" | "40P01" | "55P03" | "57014" => Kind::Passing,
            _ if code.starts_with("08") => Kind::Away,
            _ => Kind::Refused,
        };
    }
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(SQLITE_FULL) => Kind::Full,
        Ok(SQLITE_IOERR | SQLITE_CANTOPEN) => Kind::Away,
        Ok(SQLITE_BUSY | SQLITE_LOCKED) => Kind::Passing,
        _ => Kind::Refused,
    }
}

/// Why something was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    #[error("the same key came with another content")]
    KeyReused,
    #[error("there is no such {what}")]
    NotFound { what: &'static str },
    /// A login or a number that somebody else has.
    #[error("it is taken already")]
    Taken,
    #[error("the reading cannot be right: {0:?}")]
    Reading(ReadingFault),
    /// The operator has to confirm these first.
    #[error("the reading is doubtful: {0:?}")]
    Unconfirmed(Vec<ReadingWarning>),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for SaveError {
    fn from(source: sqlx::Error) -> Self {
        let kind = source.as_database_error().map(sqlx::error::DatabaseError::kind);
        match kind {
            Some(sqlx::error::ErrorKind::ForeignKeyViolation) => Self::NotFound { what: "record" },
            Some(sqlx::error::ErrorKind::UniqueViolation) => Self::Taken,
            _ => Self::Store(source.into()),
        }
    }
}
