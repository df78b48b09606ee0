//! A city as big as a benchmark wants it. On SQLite it is made once and kept in `target/bench`; a run works on a copy.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use md5::Md5;
use sha2::{Digest as _, Sha256};
use shared::domain::agent::Role;
use shared::store::users::{NewUser, PhoneRow};
use shared::store::{Store, StoreOptions};
use shared::time::Clock;
use sqlx::postgres::PgPool;
use tempfile::TempDir;

use crate::gateway::{ANNA, Numbers, PASSWORD, Size, populate, sqlite_url, target_folder};

/// The realm of a gateway whose configuration names none.
const REALM: &str = "pult";
/// The first number of a hall of telephones.
const FIRST_PHONE: usize = 3000;

/// A city to run in. Dropped, everything that a run has written is removed; the kept city stays.
pub struct BenchCity {
    pub database_url: String,
    pub numbers: Numbers,
    folder: TempDir,
    on_server: Option<OnServer>,
}

struct OnServer {
    admin_url: String,
    name: String,
}

/// Somebody of a hall.
#[derive(Clone, Debug)]
pub struct Seat {
    pub login: String,
    pub phone: String,
}

fn bench_folder() -> PathBuf {
    target_folder().join("bench")
}

/// A folder for one run on the disk of the build folder: `/tmp` is memory on some machines, and writes there cost
/// nothing.
fn run_folder() -> anyhow::Result<TempDir> {
    fs::create_dir_all(bench_folder())?;
    Ok(tempfile::Builder::new().prefix("run-").tempdir_in(bench_folder())?)
}

impl BenchCity {
    /// On SQLite: a copy of the kept city, which is made now if there is none of this size.
    ///
    /// # Errors
    /// When the city cannot be made or copied.
    pub fn on_sqlite(size: Size) -> anyhow::Result<Self> {
        let kept = keep_sqlite(size)?;
        let folder = run_folder()?;
        let file = folder.path().join("pult.db");
        fs::copy(kept.join("pult.db"), &file).context("cannot copy the city")?;
        let numbers = read_numbers(&kept)?;
        Ok(Self { database_url: sqlite_url(&file), numbers, folder, on_server: None })
    }

    /// On a PostgreSQL server, in a database of its own.
    ///
    /// # Errors
    /// When the server refuses, or the city cannot be made.
    pub async fn on_postgres(admin_url: &str, size: Size) -> anyhow::Result<Self> {
        let folder = run_folder()?;
        let name = format!("pult_bench_{}", std::process::id());
        execute(admin_url, &format!("create database {name}")).await?;
        let (server, _) = admin_url.rsplit_once('/').context("the address of the server names no database")?;
        let database_url = format!("{server}/{name}");
        let on_server = Some(OnServer { admin_url: admin_url.to_owned(), name });
        populate(&database_url, &folder.path().join("numbers.json"), size)?;
        execute(&database_url, "vacuum analyze").await?;
        let numbers = read_numbers(folder.path())?;
        Ok(Self { database_url, numbers, folder, on_server })
    }

    /// Where the gateway keeps what is its own.
    pub fn state_dir(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Removes the database from its server.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn remove(self) -> anyhow::Result<()> {
        match &self.on_server {
            Some(server) => execute(&server.admin_url, &format!("drop database {} with (force)", server.name)).await,
            None => Ok(()),
        }
    }

    /// Gives so many people an account and a telephone. They all have the password of the tests.
    ///
    /// # Errors
    /// When the database refuses them.
    pub async fn fill_hall(&self, n_seats: usize) -> anyhow::Result<Vec<Seat>> {
        let store = Store::open(&self.database_url, StoreOptions::default()).await?;
        // Everybody has the same password, so the hash of one does for all.
        let anna = store.user_by_login(ANNA.login).await?.context("every city has its people")?;
        let mut seats = Vec::new();
        for n in 0..n_seats {
            let phone = (FIRST_PHONE + n).to_string();
            let seat = Seat { login: format!("bench{n}"), phone: phone.clone() };
            let user = NewUser {
                login: seat.login.clone(),
                name: format!("Оператор {n}"),
                role: Role::Operator,
                phone: Some(phone.clone()),
                password_hash: anna.password_hash.clone(),
            };
            store.add_phone(&phone_row(&phone)).await?;
            store.add_user(user, Clock::utc()).await?;
            seats.push(seat);
        }
        store.close().await;
        Ok(seats)
    }
}

/// The digests of RFC 7616 §3.4.2. SIPp knows MD5 alone.
fn phone_row(number: &str) -> PhoneRow {
    let first_half = format!("{number}:{REALM}:{PASSWORD}");
    PhoneRow {
        number: number.to_owned(),
        ha1_md5: Md5::digest(&first_half).into(),
        ha1_sha256: Sha256::digest(&first_half).into(),
        md5_only: true,
        agent: None,
    }
}

/// The folder with the kept city.
fn keep_sqlite(size: Size) -> anyhow::Result<PathBuf> {
    let Size { customers, history, history_at_least } = size;
    let cities = bench_folder().join("cities");
    let kept = cities.join(format!("sqlite-{customers}-{history}-{history_at_least}"));
    if !kept.is_dir() {
        eprintln!("making a city of {customers} customers; it is kept in {}", kept.display());
        fs::create_dir_all(&cities)?;
        let unfinished = tempfile::Builder::new().prefix("unfinished-").tempdir_in(&cities)?;
        populate(&sqlite_url(&unfinished.path().join("pult.db")), &unfinished.path().join("numbers.json"), size)?;
        fs::rename(unfinished.keep(), &kept)?;
    }
    Ok(kept)
}

fn read_numbers(folder: &Path) -> anyhow::Result<Numbers> {
    Ok(serde_json::from_slice(&fs::read(folder.join("numbers.json"))?)?)
}

async fn execute(url: &str, sql: &str) -> anyhow::Result<()> {
    let pool = PgPool::connect(url).await.context("the PostgreSQL server does not answer")?;
    let done = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&pool).await;
    pool.close().await;
    done.with_context(|| format!("`{sql}` failed"))?;
    Ok(())
}
