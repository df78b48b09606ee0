//! The customer base in one file: for a demo, a test, an office of ten.
//!
//! A limit is written `limit (select $2)`: SQLite looks at a bare `$2` while it plans, and plans anew whenever another
//! value is bound to it, which cost more than half of a look-up.
//!
//! Readers share the file through a read-only pool; everything that is written goes through one task
//! ([`writer`]), because writers who compete for SQLite's lock wait seconds and lose.

mod writer;

mod audit;
mod bulk;
mod calls;
mod cards;
mod customers;
mod integrity;
mod interactions;
mod saves;
mod users;

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection};

use super::cards::FoundRow;
use super::unit::{Arg, Unit};
use super::{Lane, OpenStoreError, SaveError, Statements, StoreError, StoreOptions};

pub use bulk::Load;

pub static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

pub static STATEMENTS: Statements = Statements {
    search_by_digits: customers::SEARCH_BY_DIGITS,
    search_by_words: customers::SEARCH_BY_WORDS,
    insert_customer: customers::INSERT_CUSTOMER,
    insert_words: customers::INSERT_WORDS,
    touch_customer: customers::TOUCH_CUSTOMER,
    link_phone: customers::LINK_PHONE,
    look_up: cards::LOOK_UP,
    any_phone: cards::ANY_PHONE,
    card: cards::CARD,
    history: interactions::HISTORY,
    drop_moved_interaction: interactions::DROP_MOVED_INTERACTION,
    upsert_interaction: interactions::UPSERT_INTERACTION,
    claim_key: saves::CLAIM_KEY,
    read_key: saves::READ_KEY,
    reading_context: saves::READING_CONTEXT,
    lock_meter: saves::LOCK_METER,
    upsert_reading: saves::UPSERT_READING,
    count_consumption_again: saves::COUNT_CONSUMPTION_AGAIN,
    insert_request: saves::INSERT_REQUEST,
    insert_ledger: calls::INSERT_LEDGER,
    insert_calls: calls::INSERT_CALLS,
    insert_talks: calls::INSERT_TALKS,
    set_pop_time: calls::SET_POP_TIME,
    insert_missed: calls::INSERT_MISSED,
    missed_calls: calls::MISSED_CALLS,
    mark_missed: calls::MARK_MISSED,
    users: users::USERS,
    user_by_login: users::USER_BY_LOGIN,
    insert_user: users::INSERT_USER,
    set_password_hash: users::SET_PASSWORD_HASH,
    set_user_disabled: users::SET_USER_DISABLED,
    set_user_phone: users::SET_USER_PHONE,
    phones: users::PHONES,
    upsert_phone: users::UPSERT_PHONE,
    delete_phone: users::DELETE_PHONE,
    insert_audit: audit::INSERT_AUDIT,
    insert_ledger_audit: audit::INSERT_LEDGER_AUDIT,
    any_customer: "select '1' from customer limit 1",
    schema_version: "select cast(max(version) as text) from _sqlx_migrations where success",
    n_tables: "select cast(count(*) as text) from sqlite_schema where type = 'table'",
    server_version: "select null",
};

#[derive(Clone)]
pub(super) struct Sqlite {
    options: SqliteConnectOptions,
    pop: SqlitePool,
    records: SqlitePool,
    writer: writer::Writer,
}

impl Sqlite {
    pub async fn open(url: &str, options: StoreOptions) -> Result<Self, OpenStoreError> {
        let file = SqliteConnectOptions::from_str(url)
            .map_err(|source| OpenStoreError::Url { source })?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(5))
            .foreign_keys(true)
            // Not mapped: each look at a file that has been written to meanwhile would map all of it anew.
            .pragma("mmap_size", "0")
            .pragma("cache_size", "-16384")
            .disable_statement_logging();
        let place = file.get_filename().display().to_string();
        // The writer comes first: it makes the file and its log, which a read-only connection cannot.
        let writer = writer::Writer::start(file.clone())
            .await
            .map_err(|source| OpenStoreError::Connect { place, source: source.into() })?;
        let read_only = file.clone().create_if_missing(false).read_only(true);
        let pool = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .idle_timeout(None)
                .max_lifetime(None)
                .acquire_timeout(Duration::from_secs(5))
                .test_before_acquire(false)
                .connect_lazy_with(read_only.clone())
        };
        Ok(Self { pop: pool(options.pop_connections), records: pool(options.connections), options: file, writer })
    }

    pub async fn migrate(&self) -> Result<(), OpenStoreError> {
        let place = || self.options.get_filename().display().to_string();
        let mut connection = self
            .options
            .connect()
            .await
            .map_err(|source| OpenStoreError::Connect { place: place(), source: source.into() })?;
        let needed = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
        MIGRATIONS.run(&mut connection).await.map_err(|source| OpenStoreError::Migrate { needed, source })?;
        connection.close().await.map_err(|source| OpenStoreError::Store(source.into()))
    }

    /// Takes all connections of the look-up at once and lets each look somebody up. Asking for nobody would leave half
    /// of the way cold, and the first caller on each connection would wait for it.
    pub async fn warm_up(&self) -> Result<(), StoreError> {
        let phone = self.fetch(Lane::Pop, STATEMENTS.any_phone, Vec::new()).await?;
        let phone: i64 = phone.and_then(|digits| digits.parse().ok()).unwrap_or(0);
        let mut taken = Vec::new();
        for _ in 0..self.pop.options().get_max_connections() {
            let mut connection = self.pop.acquire().await?;
            find(&mut connection, STATEMENTS.look_up, [phone.into(), 50.into()]).await?;
            taken.push(connection);
        }
        Ok(())
    }

    pub async fn fetch(&self, lane: Lane, sql: &'static str, args: Vec<Arg>) -> Result<Option<String>, StoreError> {
        let mut query = sqlx::query_scalar::<_, Option<String>>(sql);
        for arg in args {
            query = match arg {
                Arg::Int(value) => query.bind(value),
                Arg::Text(value) => query.bind(value),
            };
        }
        Ok(query.fetch_optional(self.lane(lane)).await?.flatten())
    }

    pub async fn find(&self, lane: Lane, sql: &'static str, args: [Arg; 2]) -> Result<Vec<FoundRow>, StoreError> {
        Ok(find(&mut *self.lane(lane).acquire().await?, sql, args).await?)
    }

    const fn lane(&self, lane: Lane) -> &SqlitePool {
        match lane {
            Lane::Pop => &self.pop,
            Lane::Records => &self.records,
        }
    }

    pub async fn commit(&self, unit: Unit) -> Result<i64, SaveError> {
        self.writer.commit(unit).await
    }

    pub async fn begin_load(&self) -> Result<Load, StoreError> {
        Load::begin(self.writer.clone()).await
    }

    /// Whether a load has begun here and not ended.
    pub async fn load_broke_off(&self) -> Result<bool, StoreError> {
        let mark: i64 = sqlx::query_scalar("pragma user_version").fetch_one(&self.records).await?;
        Ok(mark == bulk::LOADING)
    }

    /// Counts what is in the tables.
    pub async fn gather_statistics(&self) -> Result<(), StoreError> {
        let mut connection = self.options.connect().await?;
        sqlx::query("pragma analysis_limit = 1000").execute(&mut connection).await?;
        sqlx::query("analyze").execute(&mut connection).await?;
        Ok(connection.close().await?)
    }

    pub async fn backup(&self, into: &Path) -> Result<(), StoreError> {
        let mut connection = self.options.connect().await?;
        sqlx::query("vacuum into $1").bind(into.to_string_lossy().into_owned()).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }

    pub async fn close(&self) {
        self.writer.close().await;
        self.pop.close().await;
        self.records.close().await;
    }

    #[cfg(test)]
    pub async fn prepare(&self, sql: &'static str) -> Result<(), StoreError> {
        use sqlx::{Executor, SqlSafeStr};
        let mut connection = self.options.connect().await?;
        Ok((&mut connection).prepare(sql.into_sql_str()).await.map(|_| ())?)
    }
}

async fn find(
    connection: &mut SqliteConnection,
    sql: &'static str,
    args: [Arg; 2],
) -> Result<Vec<FoundRow>, sqlx::Error> {
    let mut query = sqlx::query_as::<_, (i64, String, String)>(sql);
    for arg in args {
        query = match arg {
            Arg::Int(value) => query.bind(value),
            Arg::Text(value) => query.bind(value),
        };
    }
    let rows = query.fetch_all(connection).await?;
    Ok(rows.into_iter().map(|(id, name, json)| FoundRow { id, name, json }).collect())
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_statement_is_planned_anew_for_each_caller() {
        for (name, sql) in super::STATEMENTS.all() {
            assert!(!sql.contains("limit $"), "`{name}`: write `limit (select $…)`");
        }
    }
}
