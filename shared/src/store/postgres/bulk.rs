//! Many rows at once, in the order of [`crate::store::generate`]'s tables.
//!
//! A load is one transaction. Its tables stand without keys and indexes until the rows are in, because an index that
//! is made of all rows at once costs a fraction of one that grows with each row. Whatever breaks the load off, a
//! signal, a full disk, the server's end, takes back rows and changes together: the tables are as they were.

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use crate::store::generate::N_TABLES;

/// In the order of the rows.
const TABLES: [&str; N_TABLES] = [
    "customer",
    "customer_word",
    "contact_point",
    "account",
    "meter",
    "reading",
    "payment",
    "invoice",
    "request",
    "interaction",
];

/// A table's rows are gathered until they are worth a COPY of their own: the driver sends the end of each in a packet
/// that waits for the server's acknowledgement of the one before, up to 40 ms, whatever its size.
const COPY_BYTES: usize = 8 << 20;

/// A load that has begun. Dropped before its end it leaves nothing behind.
pub struct Load {
    connection: PgConnection,
    gathered: [String; N_TABLES],
    /// Which tables were empty and are not partitioned: their rows are written as they will stay (frozen).
    fresh: [bool; N_TABLES],
    /// The statements that bring keys and indexes back, in order.
    to_rebuild: Vec<String>,
}

impl Load {
    pub async fn begin(options: &PgConnectOptions) -> Result<Self, sqlx::Error> {
        let mut connection = options.connect().await?;
        for sql in ["begin", "set local lock_timeout = '10s'", "set local maintenance_work_mem = '256MB'"] {
            sqlx::query(sql).execute(&mut connection).await?;
        }
        let all = TABLES.join(", ");
        sqlx::query(AssertSqlSafe(format!("lock table {all} in access exclusive mode")))
            .execute(&mut connection)
            .await?;
        let to_rebuild = take_indexes(&mut connection).await?;
        let mut fresh = [false; N_TABLES];
        for (table, fresh) in TABLES.into_iter().zip(&mut fresh) {
            *fresh = make_fresh(&mut connection, table).await?;
        }
        Ok(Self { connection, gathered: Default::default(), fresh, to_rebuild })
    }

    /// Takes the rows of a batch, each text for its table. The tables have no references to each other now, so each is
    /// copied when it has enough.
    pub async fn write(&mut self, texts: [String; N_TABLES]) -> Result<(), sqlx::Error> {
        for (table, rows) in texts.into_iter().enumerate() {
            self.gathered[table].push_str(&rows);
            if self.gathered[table].len() >= COPY_BYTES {
                self.copy(table).await?;
            }
        }
        Ok(())
    }

    async fn copy(&mut self, table: usize) -> Result<(), sqlx::Error> {
        let rows = std::mem::take(&mut self.gathered[table]);
        if rows.is_empty() {
            return Ok(());
        }
        let sql = if self.fresh[table] { format!("{} with (freeze)", COPIES[table]) } else { COPIES[table].to_owned() };
        let mut copy = self.connection.copy_in_raw(&sql).await?;
        copy.send(rows.into_bytes()).await?;
        copy.finish().await.map(|_| ())
    }

    /// Copies the last rows, brings keys and indexes back, and tells how many of them are there.
    pub async fn rebuild(&mut self, mut tell: impl FnMut(u32, u32)) -> Result<(), sqlx::Error> {
        for table in 0..N_TABLES {
            self.copy(table).await?;
        }
        // References are checked by a join, which has to be planned by what is in the tables now.
        sqlx::query(AssertSqlSafe(format!("analyze {}", TABLES.join(", ")))).execute(&mut self.connection).await?;
        let total = self.to_rebuild.len() as u32;
        for (done, sql) in (0..).zip(std::mem::take(&mut self.to_rebuild)) {
            tell(done, total);
            sqlx::query(AssertSqlSafe(sql)).execute(&mut self.connection).await?;
        }
        tell(total, total);
        Ok(())
    }

    /// Makes the rows everybody's.
    pub async fn finish(mut self) -> Result<(), sqlx::Error> {
        sqlx::query("commit").execute(&mut self.connection).await?;
        self.connection.close().await
    }
}

/// Takes keys and indexes from the tables and gives the statements that bring them back: indexes and keys first,
/// references, which need them, after.
async fn take_indexes(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    let tables: Vec<String> = TABLES.map(str::to_owned).into();
    let found: Vec<(String, String)> =
        sqlx::query_as(TAKEN_AND_REBUILT).bind(tables).fetch_all(&mut *connection).await?;
    for (take, _) in found.iter().rev() {
        sqlx::query(AssertSqlSafe(take.clone())).execute(&mut *connection).await?;
    }
    Ok(found.into_iter().map(|(_, rebuild)| rebuild).collect())
}

/// What a partition has from its parent comes and goes with the parent's.
const TAKEN_AND_REBUILT: &str = "
select sql_take, sql_rebuild
from (
    select 1 as place, indexrelid::regclass::text as name, format('drop index %s', indexrelid::regclass) as sql_take,
        replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') as sql_rebuild
    from pg_index
    where indrelid = any($1::text[]::regclass[])
        and not exists (select 1 from pg_constraint where conindid = indexrelid and contype in ('p', 'u', 'x'))
    union all
    select case contype when 'f' then 3 else 2 end, conrelid::regclass || ' ' || conname,
        format('alter table %s drop constraint %I', conrelid::regclass, conname),
        format('alter table %s add constraint %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    from pg_constraint
    where conrelid = any($1::text[]::regclass[]) and contype in ('p', 'u', 'f')) found
order by place, name";

/// An empty table that begins anew in this transaction takes rows as they will stay, so that nobody has to visit
/// them again. A table with rows keeps them, and a partitioned one cannot do that.
async fn make_fresh(connection: &mut PgConnection, table: &str) -> Result<bool, sqlx::Error> {
    let has_rows = format!(
        "select exists (select 1 from {table}) or (select relkind = 'p' from pg_class where oid = '{table}'::regclass)"
    );
    if sqlx::query_scalar(AssertSqlSafe(has_rows)).fetch_one(&mut *connection).await? {
        return Ok(false);
    }
    sqlx::query(AssertSqlSafe(format!("truncate {table}"))).execute(&mut *connection).await?;
    Ok(true)
}

const COPIES: [&str; N_TABLES] =
    [CUSTOMER, CUSTOMER_WORD, CONTACT_POINT, ACCOUNT, METER, READING, PAYMENT, INVOICE, REQUEST, INTERACTION];

const CUSTOMER: &str = "
copy customer (
    id, kind, name, name_key, address, email, since_year, flags, debt, updated_at)
from stdin";

const CUSTOMER_WORD: &str = "
copy customer_word (
    word, customer_id)
from stdin";

const CONTACT_POINT: &str = "
copy contact_point (
    e164, customer_id, kind)
from stdin";

const ACCOUNT: &str = "
copy account (
    id, customer_id, number, address, status, debt, months_overdue)
from stdin";

const METER: &str = "
copy meter (
    id, account_id, serial, zones, digits, phases, max_ampere, ratio, verified_until)
from stdin";

const READING: &str = "
copy reading (
    account_id, taken_on, source, t1, t2, t3, consumed)
from stdin";

const PAYMENT: &str = "
copy payment (
    id, account_id, paid_at, amount, channel, status)
from stdin";

const INVOICE: &str = "
copy invoice (
    id, account_id, number, issued_on, amount, corrects, ground, status)
from stdin";

const REQUEST: &str = "
copy request (
    id, customer_id, account_id, form, status, opened_at, due_at, fields, comment)
from stdin";

const INTERACTION: &str = "
copy interaction (
    id, customer_id, account_id, started_at, duration_s, channel, direction, agent_name, topic, result,
    summary, search_key)
from stdin";
