//! The customer base on a PostgreSQL server: for a floor.
//!
//! Connections are made when they are needed, so that a gateway starts without its database and is there for it when
//! it comes. Whoever waits for a caller's card has connections of their own ([`Lane::Pop`]), opened before the first
//! call and cut off after half a second: a card that is later than that goes after the pop.

mod audit;
mod bulk;
mod calls;
mod cards;
mod customers;
mod integrity;
mod interactions;
mod saves;
mod users;

use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};

use super::cards::FoundRow;
use super::unit::{Arg, Step, Unit, UsedKey};
use super::{Lane, OpenStoreError, SaveError, Statements, StoreError, StoreOptions};

pub use bulk::Load;

pub static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

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
    schema_version: "select max(version)::text from _sqlx_migrations where success",
    n_tables: "select count(*)::text from pg_class
        where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')",
    server_version: "select (current_setting('server_version_num')::int / 10000)::text",
};

/// What the server knows our connections by.
const NAME_AT_THE_SERVER: &str = "pult";

/// A refused connection is tried again silently until then.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(super) struct Postgres {
    options: PgConnectOptions,
    pop: PgPool,
    records: PgPool,
}

impl Postgres {
    pub fn open(url: &str, options: StoreOptions) -> Result<Self, OpenStoreError> {
        let server = PgConnectOptions::from_str(url)
            .map_err(|source| OpenStoreError::Url { source })?
            .application_name(NAME_AT_THE_SERVER)
            // Planning for a compiler costs more than any question here takes.
            .options([("jit", "off"), ("synchronous_commit", "on"), ("timezone", "UTC")])
            .disable_statement_logging();
        let pop = PgPoolOptions::new()
            .min_connections(options.pop_connections)
            .max_connections(options.pop_connections.max(1))
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            // A question before each question would double the way; a connection that died is noticed in `find`.
            .test_before_acquire(false)
            .connect_lazy_with(
                server.clone().options([("statement_timeout", "500"), ("plan_cache_mode", "force_generic_plan")]),
            );
        let records = PgPoolOptions::new()
            .max_connections(options.connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(server.clone().options([("statement_timeout", "10s")]));
        Ok(Self { options: server, pop, records })
    }

    pub async fn migrate(&self) -> Result<(), OpenStoreError> {
        let mut connection = self.options.connect().await.map_err(|source| OpenStoreError::Connect {
            place: format!("{}:{}", self.options.get_host(), self.options.get_port()),
            source: source.into(),
        })?;
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
        Ok(ask(&mut *self.lane(lane).acquire().await?, sql, args).await?)
    }

    /// Asks for cards. When the server was started again all warmed connections are dead: each is tried once and
    /// thrown away, and the last try has a new one.
    pub async fn find(&self, lane: Lane, sql: &'static str, args: [Arg; 2]) -> Result<Vec<FoundRow>, StoreError> {
        let pool = self.lane(lane);
        if lane == Lane::Pop {
            for _ in 0..pool.options().get_max_connections() {
                let mut connection = pool.acquire().await?;
                match find(&mut connection, sql, args.clone()).await.map_err(StoreError::from) {
                    Err(StoreError::Away { .. }) => drop(connection.detach()),
                    answer => return answer,
                }
            }
        }
        Ok(find(&mut *pool.acquire().await?, sql, args).await?)
    }

    const fn lane(&self, lane: Lane) -> &PgPool {
        match lane {
            Lane::Pop => &self.pop,
            Lane::Records => &self.records,
        }
    }

    pub async fn commit(&self, unit: Unit) -> Result<i64, SaveError> {
        let mut transaction = self.records.begin().await?;
        // An error drops the transaction, which rolls it back.
        let result = run_unit(&mut transaction, unit).await?;
        transaction.commit().await?;
        Ok(result)
    }

    /// Connections to this database that bear our name.
    pub async fn users(&self) -> Result<i64, StoreError> {
        let apart = self.options.clone().application_name("pult upkeep");
        let mut connection = apart.connect().await?;
        let sql = "select count(*) from pg_stat_activity where datname = current_database() and application_name = $1";
        let n_users = sqlx::query_scalar(sql).bind(NAME_AT_THE_SERVER).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(n_users)
    }

    pub async fn begin_load(&self) -> Result<Load, StoreError> {
        Ok(Load::begin(&self.options).await?)
    }

    /// Counts what is in the tables, and marks pages that all may see, so that counting a history reads the index
    /// alone.
    pub async fn gather_statistics(&self) -> Result<(), StoreError> {
        let mut connection = self.options.connect().await?;
        sqlx::query("vacuum (analyze)").execute(&mut connection).await?;
        Ok(connection.close().await?)
    }

    pub async fn close(&self) {
        self.pop.close().await;
        self.records.close().await;
    }

    #[cfg(test)]
    pub async fn prepare(&self, sql: &'static str) -> Result<(), StoreError> {
        use sqlx::{Executor, SqlSafeStr};
        let mut connection = self.records.acquire().await?;
        Ok((&mut *connection).prepare(sql.into_sql_str()).await.map(|_| ())?)
    }
}

async fn ask(connection: &mut PgConnection, sql: &'static str, args: Vec<Arg>) -> Result<Option<String>, sqlx::Error> {
    let mut query = sqlx::query_scalar::<_, Option<String>>(sql);
    for arg in args {
        query = match arg {
            Arg::Int(value) => query.bind(value),
            Arg::Text(value) => query.bind(value),
        };
    }
    Ok(query.fetch_optional(connection).await?.flatten())
}

async fn run_unit(connection: &mut PgConnection, unit: Unit) -> Result<i64, SaveError> {
    if let Some(once) = &unit.once {
        let args = [once.key.as_str().into(), once.body_hash.as_str().into(), unit.result.into(), once.at.into()];
        // Two who send the same key at once: the second waits here until the first has committed, and claims nothing.
        let claimed = execute(connection, Step { sql: saves::CLAIM_KEY, args: args.into(), needs: None }).await?;
        if claimed == 0 {
            // A statement of its own sees what was committed in between (READ COMMITTED).
            let json = ask(connection, saves::READ_KEY, vec![once.key.as_str().into()]).await?;
            let json = json.ok_or(sqlx::Error::RowNotFound)?;
            let used: UsedKey = serde_json::from_str(&json).map_err(StoreError::from)?;
            return if used.body_hash == once.body_hash { Ok(used.result_id) } else { Err(SaveError::KeyReused) };
        }
    }
    for step in unit.steps {
        let needs = step.needs;
        let n_rows = execute(connection, step).await?;
        if let (0, Some(what)) = (n_rows, needs) {
            return Err(SaveError::NotFound { what });
        }
    }
    Ok(unit.result)
}

async fn execute(connection: &mut PgConnection, step: Step) -> Result<u64, sqlx::Error> {
    let mut query = sqlx::query(step.sql);
    for arg in step.args {
        query = match arg {
            Arg::Int(value) => query.bind(value),
            Arg::Text(value) => query.bind(value),
        };
    }
    Ok(query.execute(connection).await?.rows_affected())
}

async fn find(connection: &mut PgConnection, sql: &'static str, args: [Arg; 2]) -> Result<Vec<FoundRow>, sqlx::Error> {
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
