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
            Database(answer) => match answer.code().as_deref() {
                Some("13" | "53100") => Self::Full,
                Some("10" | "14" | "26" | "57P01" | "57P02" | "57P03") => Self::Away { source },
                Some("5" | "6" | "53300" | "40001" | "40P01" | "55P03" | "57014") => Self::Passing { source },
                // The low byte is SQLite's kind of error; 10 is the disk, 14 a file that cannot be opened.
                Some(code)
                    if code.parse::<u32>().is_ok_and(|c| c > 255 && c < 10_000 && [10, 14].contains(&(c & 255))) =>
                {
                    Self::Away { source }
                }
                Some(code) if code.parse::<u32>().is_ok_and(|c| c > 255 && c < 10_000 && c & 255 == 5) => {
                    Self::Passing { source }
                }
                Some(code) if code.len() == 5 && code.starts_with("08") => Self::Away { source },
                _ => Self::Refused { source },
            },
            Io(_) | Tls(_) | Protocol(_) | PoolTimedOut | PoolClosed | WorkerCrashed => Self::Away { source },
            _ => Self::Refused { source },
        }
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
