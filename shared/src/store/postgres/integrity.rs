//! What a PostgreSQL server can say of its tables; [`crate::store::integrity`] says what for.
//!
//! The server trusts its pages, its indexes and its constraints while it works. Here each is asked: checksums for the
//! pages, the extension `amcheck` for indexes and tables, a join for every reference.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use crate::store::StoreError;
use crate::store::integrity::{CUSTOMERS_WITHOUT_WORDS, Integrity, unfindable};

use super::Postgres;

/// What the migrations have made beside the tables: without one of these the base works, slowly or wrongly.
pub const INDEXES_AND_KEYS: [&str; 38] = [
    "account_customer",
    "account_customer_id_fkey",
    "account_number_key",
    "account_pkey",
    "agent_login_key",
    "agent_pkey",
    "audit_customer",
    "audit_pkey",
    "call_arrived",
    "call_pkey",
    "contact_point_customer",
    "contact_point_customer_id_fkey",
    "contact_point_pkey",
    "customer_pkey",
    "customer_word_customer_id_fkey",
    "customer_word_pkey",
    "interaction_account_id_fkey",
    "interaction_customer",
    "interaction_customer_id_fkey",
    "interaction_pkey",
    "invoice_corrective",
    "invoice_pkey",
    "ledger_at",
    "ledger_pkey",
    "meter_account_id_fkey",
    "meter_account_id_key",
    "meter_pkey",
    "missed_call_lost",
    "missed_call_pkey",
    "payment_pkey",
    "reading_pkey",
    "request_account_id_fkey",
    "request_customer",
    "request_customer_id_fkey",
    "request_pkey",
    "saved_once_pkey",
    "sip_phone_agent_id_fkey",
    "sip_phone_pkey",
];

/// Tables that name an account without a foreign key.
const WITHOUT_KEY: [&str; 3] = ["reading", "payment", "invoice"];

const INSUFFICIENT_PRIVILEGE: &str = "42501";

impl Postgres {
    pub async fn check_integrity(&self) -> Result<Integrity, StoreError> {
        // A connection of its own, because reading everything takes longer than any person waits.
        let mut connection = self.options.connect().await?;
        let mut found = Integrity::default();
        examine_pages(&mut connection, &mut found).await?;
        examine_definitions(&mut connection, &mut found).await?;
        examine_references(&mut connection, &mut found).await?;
        examine_trees(&mut connection, &mut found).await?;
        connection.close().await?;
        Ok(found)
    }
}

async fn examine_pages(connection: &mut PgConnection, found: &mut Integrity) -> Result<(), sqlx::Error> {
    let (sums, n_failures): (String, i64) = sqlx::query_as(
        "select current_setting('data_checksums'), coalesce(
            (select checksum_failures from pg_stat_database where datname = current_database()), 0)",
    )
    .fetch_one(connection)
    .await?;
    if n_failures > 0 {
        found.faults.push(format!("the server has read {n_failures} damaged pages of this database"));
    }
    if sums != "on" {
        found.unexamined.push(
            "pages that the disk has changed cannot be told: the server has no data checksums (`pg_checksums --enable`, \
             while it is stopped)"
                .to_owned(),
        );
    }
    Ok(())
}

async fn examine_definitions(connection: &mut PgConnection, found: &mut Integrity) -> Result<(), sqlx::Error> {
    let wanted: Vec<String> = INDEXES_AND_KEYS.map(str::to_owned).into();
    let missing: Vec<String> = sqlx::query_scalar(
        "select name from unnest($1::text[]) name
        where not exists (select 1 from pg_class where relname = name and relnamespace = current_schema()::regnamespace)
            and not exists (
                select 1 from pg_constraint
                where conname = name and connamespace = current_schema()::regnamespace)",
    )
    .bind(wanted)
    .fetch_all(&mut *connection)
    .await?;
    found
        .faults
        .extend(missing.into_iter().map(|name| format!("`{name}` is missing: an index or a key was taken away")));
    let unvalidated: Vec<(String, String)> = sqlx::query_as(
        "select conrelid::regclass::text, conname::text from pg_constraint
        where not convalidated and connamespace = current_schema()::regnamespace",
    )
    .fetch_all(&mut *connection)
    .await?;
    for (table, name) in unvalidated {
        found.faults.push(format!("the rows of `{table}` were never held against `{name}`"));
    }
    let invalid: Vec<String> = sqlx::query_scalar(
        "select indexrelid::regclass::text from pg_index join pg_class on oid = indexrelid
        where not (indisvalid and indisready) and relnamespace = current_schema()::regnamespace",
    )
    .fetch_all(connection)
    .await?;
    found.faults.extend(invalid.into_iter().map(|index| format!("the index `{index}` was begun and not finished")));
    Ok(())
}

/// Asks of every row whether what it names is there: keys that were valid when they were made say nothing about
/// damage that came later.
async fn examine_references(connection: &mut PgConnection, found: &mut Integrity) -> Result<(), sqlx::Error> {
    let keys: Vec<(String, String, String, String)> = sqlx::query_as(
        "select k.conrelid::regclass::text, a.attname::text, k.confrelid::regclass::text, b.attname::text
        from pg_constraint k
        join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
        join pg_attribute b on b.attrelid = k.confrelid and b.attnum = k.confkey[1]
        where k.contype = 'f' and k.conparentid = 0 and k.connamespace = current_schema()::regnamespace
            and cardinality(k.conkey) = 1
        order by 1, 2",
    )
    .fetch_all(&mut *connection)
    .await?;
    let named = |table: &str| (table.to_owned(), "account_id".to_owned(), "account".to_owned(), "id".to_owned());
    for (table, column, target, key) in keys.into_iter().chain(WITHOUT_KEY.map(named)) {
        let sql = format!(
            "select count(*) from {table} a
            where {column} is not null and not exists (select 1 from {target} b where b.{key} = a.{column})"
        );
        let n_lost: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *connection).await?;
        if n_lost > 0 {
            found.faults.push(format!("{n_lost} rows of `{table}` name a row of `{target}` which is not there"));
        }
    }
    found.faults.extend(unfindable(sqlx::query_scalar(CUSTOMERS_WITHOUT_WORDS).fetch_one(connection).await?));
    Ok(())
}

/// Walks through every index and every table.
async fn examine_trees(connection: &mut PgConnection, found: &mut Integrity) -> Result<(), sqlx::Error> {
    let home: Option<String> =
        sqlx::query_scalar("select extnamespace::regnamespace::text from pg_extension where extname = 'amcheck'")
            .fetch_optional(&mut *connection)
            .await?;
    let Some(home) = home else {
        found.unexamined.push(
            "indexes and tables were not walked through: a superuser has to `create extension amcheck` in this database"
                .to_owned(),
        );
        return Ok(());
    };
    let relations: Vec<(String, bool)> = sqlx::query_as(
        "select c.oid::regclass::text, relkind = 'i' from pg_class c left join pg_am m on m.oid = relam
        where relnamespace = current_schema()::regnamespace and (relkind = 'r' or relkind = 'i' and amname = 'btree')
        order by relkind desc, 1",
    )
    .fetch_all(&mut *connection)
    .await?;
    for (name, is_index) in relations {
        let sql = if is_index {
            format!("select {home}.bt_index_check('{name}'::regclass, true)::text")
        } else {
            format!("select 'block ' || blkno || ': ' || msg from {home}.verify_heapam('{name}'::regclass) limit 3")
        };
        match sqlx::query_scalar::<_, Option<String>>(AssertSqlSafe(sql)).fetch_all(&mut *connection).await {
            // What is said of a table is a fault; an index that is sound is told by an empty answer.
            Ok(said) => {
                let said = said.into_iter().flatten().filter(|line| !line.is_empty());
                found.faults.extend(said.map(|line| format!("`{name}` is damaged: {line}")));
            }
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(INSUFFICIENT_PRIVILEGE) => {
                found.unexamined.push(
                    "indexes and tables were not walked through: this user may not call the functions of `amcheck` \
                     (a superuser has to grant execute on bt_index_check and verify_heapam)"
                        .to_owned(),
                );
                return Ok(());
            }
            Err(sqlx::Error::Database(error)) => {
                found.faults.push(format!("`{name}` is damaged: {}", error.message()));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
