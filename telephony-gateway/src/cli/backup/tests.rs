//! Backups of both databases, brought back and not. PostgreSQL is asked when `PULT_TEST_POSTGRES` names a server.

use std::os::unix::fs::PermissionsExt as _;

use shared::phone::Phone;

use super::*;
use crate::cli::LogStyle;
use crate::cli::data::Generate;

/// A database of a small city, and where its backup goes.
struct City {
    folder: tempfile::TempDir,
    place: Place,
    known: Phone,
}

impl City {
    async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("pult.db").display());
        Self::at(folder, url).await
    }

    /// `None` when there is no server to try it on.
    async fn on_postgres() -> Option<Self> {
        let Ok(server) = std::env::var("PULT_TEST_POSTGRES") else {
            println!("not run: PULT_TEST_POSTGRES names no server");
            return None;
        };
        Some(Self::at(tempfile::tempdir().unwrap(), new_database(&server)).await)
    }

    async fn at(folder: tempfile::TempDir, url: String) -> Self {
        let place = place(&url);
        let file = folder.path().join("numbers.json");
        let generate =
            Generate { customers: 20, seed: 7, history: 2, history_at_least: 1, numbers: Some(file.clone()) };
        generate.run(&place).await.unwrap();
        let numbers: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        let known = Phone::parse(numbers["known"][0].as_str().unwrap()).unwrap();
        Self { folder, place, known }
    }

    fn url(&self) -> &str {
        self.place.database.as_deref().unwrap()
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("backup")
    }

    async fn back_up(&self) -> anyhow::Result<()> {
        Backup { to: self.file(), tools: PostgresTools::default() }.run(&self.place).await
    }

    async fn restore(&self, replace: bool) -> anyhow::Result<()> {
        Restore { from: self.file(), replace, tools: PostgresTools::default() }.run(&self.place).await
    }

    async fn caller_is_known(&self) -> bool {
        let store = self.place.store().await.unwrap();
        let found = store.look_up(self.known, 5).await.unwrap();
        store.close().await;
        found.customer.is_some()
    }

    /// Forgets the caller, as a mistake after the backup would.
    fn forget_caller(&self) {
        psql(self.url(), &format!("delete from contact_point where e164 = {}", self.known.digits()));
    }

    fn refused_in_words(&self, outcome: anyhow::Result<()>, words: &[&str]) {
        let said = format!("{:#}", outcome.unwrap_err());
        for word in words {
            assert!(said.contains(word), "`{word}` is not said: {said}");
        }
    }
}

fn place(url: &str) -> Place {
    Place { config: None, database: Some(url.to_owned()), state_dir: None, log: LogStyle::Auto }
}

fn new_database(server: &str) -> String {
    let name = format!("pult_{}", uuid::Uuid::now_v7().simple());
    psql(server, &format!("create database {name}"));
    let (base, _) = server.rsplit_once('/').unwrap();
    format!("{base}/{name}")
}

fn psql(url: &str, sql: &str) {
    let done =
        std::process::Command::new("psql").args([url, "-qX", "-v", "ON_ERROR_STOP=1", "-c", sql]).status().unwrap();
    assert!(done.success(), "{sql}");
}

#[tokio::test]
async fn a_backup_brings_the_city_back() {
    let city = City::on_sqlite().await;
    city.back_up().await.unwrap();
    assert_eq!(fs::metadata(city.file()).unwrap().permissions().mode() & 0o777, 0o600);
    city.refused_in_words(city.back_up().await, &["never overwrites"]);
    city.refused_in_words(city.restore(false).await, &["--replace"]);
    fs::write(city.folder.path().join("pult.db"), "broken").unwrap();
    city.restore(true).await.unwrap();
    assert!(city.caller_is_known().await);
    assert!(!city.folder.path().join("backup.unfinished").exists());
}

#[tokio::test]
async fn a_backup_that_is_damaged_leaves_what_was_there() {
    let city = City::on_sqlite().await;
    city.back_up().await.unwrap();
    let (database, whole) = (city.folder.path().join("pult.db"), fs::read(city.file()).unwrap());
    let before = fs::read(&database).unwrap();
    let mut damaged = whole.clone();
    damaged[9_000..30_000].fill(7);
    for broken in [&whole[..whole.len() / 2], &damaged] {
        fs::write(city.file(), broken).unwrap();
        city.refused_in_words(city.restore(true).await, &["what was there is untouched"]);
        assert!(fs::read(&database).unwrap() == before);
        assert!(!city.folder.path().join("pult.db.restoring").exists());
    }
}

#[tokio::test]
async fn a_file_that_is_no_backup_of_this_database_is_named_for_what_it_is() {
    let city = City::on_sqlite().await;
    fs::write(city.file(), "this is no database, however long it may be").unwrap();
    city.refused_in_words(city.restore(true).await, &["is no backup"]);
    fs::write(city.file(), "PGDMP and so on").unwrap();
    city.refused_in_words(city.restore(true).await, &["PostgreSQL", "postgres://"]);
    city.refused_in_words(
        Restore { from: city.folder.path().join("pult.db"), replace: true, tools: PostgresTools::default() }
            .run(&place("postgres://nobody@127.0.0.1:1/pult"))
            .await,
        &["SQLite", "sqlite://"],
    );
    fs::remove_file(city.file()).unwrap();
    city.refused_in_words(city.restore(true).await, &["cannot read"]);
}

#[tokio::test]
async fn a_backup_of_postgresql_brings_the_city_back() {
    let Some(city) = City::on_postgres().await else { return };
    // It belongs to the server's owner, and stays where it is.
    psql(city.url(), "create extension amcheck");
    city.back_up().await.unwrap();
    assert_eq!(fs::metadata(city.file()).unwrap().permissions().mode() & 0o777, 0o600);
    city.refused_in_words(city.back_up().await, &["never overwrites"]);
    city.refused_in_words(city.restore(false).await, &["--replace"]);
    city.forget_caller();
    assert!(!city.caller_is_known().await);
    city.restore(true).await.unwrap();
    assert!(city.caller_is_known().await);

    // Into a database that is empty it comes without a question.
    let empty = place(&new_database(city.url()));
    Restore { from: city.file(), replace: false, tools: PostgresTools::default() }.run(&empty).await.unwrap();
    let store = empty.store().await.unwrap();
    assert!(store.look_up(city.known, 5).await.unwrap().customer.is_some());
    store.close().await;
}

#[tokio::test]
async fn a_backup_of_postgresql_that_is_torn_leaves_what_was_there() {
    let Some(city) = City::on_postgres().await else { return };
    city.back_up().await.unwrap();
    let whole = fs::read(city.file()).unwrap();
    for n_bytes in [whole.len() - 100, whole.len() / 2, 2_000, 5] {
        fs::write(city.file(), &whole[..n_bytes]).unwrap();
        city.refused_in_words(city.restore(true).await, &["what was there is untouched", "torn"]);
        assert!(city.caller_is_known().await, "{n_bytes} bytes of it");
    }
}

#[tokio::test]
async fn a_restore_that_fails_midway_leaves_the_old_data_whole() {
    let Some(city) = City::on_postgres().await else { return };
    city.back_up().await.unwrap();
    // Somebody's own view stands on a table that the restore has to take away.
    psql(city.url(), "create view debtors as select name from customer where debt > 0");
    city.refused_in_words(city.restore(true).await, &["what was there is untouched", "debtors"]);
    assert!(city.caller_is_known().await);

    // The tables are made and filled when something forbids the first index.
    psql(city.url(), "drop view debtors");
    psql(
        city.url(),
        "create function forbid() returns event_trigger as 'begin raise ''not today''; end' language plpgsql",
    );
    psql(
        city.url(),
        "create event trigger forbid on ddl_command_end when tag in ('CREATE INDEX') execute function forbid()",
    );
    city.refused_in_words(city.restore(true).await, &["what was there is untouched", "not today"]);
    assert!(city.caller_is_known().await);
    let store = city.place.store().await.unwrap();
    assert_eq!(store.check_integrity().await.unwrap().faults, Vec::<String>::new());
    store.close().await;
}

#[tokio::test]
async fn a_database_in_use_is_not_taken_from_under_a_gateway() {
    let Some(city) = City::on_postgres().await else { return };
    city.back_up().await.unwrap();
    let gateway = city.place.store().await.unwrap();
    gateway.warm_up().await.unwrap();
    city.refused_in_words(city.restore(true).await, &["stop it first"]);
    gateway.close().await;
    city.restore(true).await.unwrap();
}

#[tokio::test]
async fn a_backup_of_something_else_is_not_brought_in() {
    let Some(city) = City::on_postgres().await else { return };
    let elsewhere = new_database(city.url());
    psql(&elsewhere, "create table recipe (name text)");
    Backup { to: city.file(), tools: PostgresTools::default() }.run(&place(&elsewhere)).await.unwrap();
    city.refused_in_words(city.restore(true).await, &["another database", "untouched"]);
    fs::remove_file(city.file()).unwrap();

    psql(
        city.url(),
        "insert into _sqlx_migrations select 9999, description, now(), true, checksum, 0 from _sqlx_migrations limit 1",
    );
    city.back_up().await.unwrap();
    psql(city.url(), "delete from _sqlx_migrations where version = 9999");
    city.refused_in_words(city.restore(true).await, &["schema 9999", "newer program"]);
    assert!(city.caller_is_known().await);
}

#[tokio::test]
async fn a_tool_that_is_missing_or_too_old_is_named_with_what_to_install() {
    let Some(city) = City::on_postgres().await else { return };
    let tools = |folder: &Path| PostgresTools { pg_bin: Some(folder.to_owned()) };
    let missing = Backup { to: city.file(), tools: tools(city.folder.path()) }.run(&city.place).await;
    city.refused_in_words(missing, &["cannot run pg_dump", "apt-get install postgresql-client"]);
    assert!(!city.file().exists() && !city.folder.path().join("backup.unfinished").exists());

    for name in ["pg_dump", "pg_restore"] {
        let old = city.folder.path().join(name);
        fs::write(&old, format!("#!/bin/sh\necho '{name} (PostgreSQL) 9.6.24'\n")).unwrap();
        fs::set_permissions(&old, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let old = Backup { to: city.file(), tools: tools(city.folder.path()) }.run(&city.place).await;
    city.refused_in_words(old, &["PostgreSQL 9 and the server of", "apt-get install postgresql-client-", "--pg-bin"]);
    city.back_up().await.unwrap();
    let old = Restore { from: city.file(), replace: true, tools: tools(city.folder.path()) }.run(&city.place).await;
    city.refused_in_words(old, &["pg_restore is of PostgreSQL 9", "untouched"]);
}
