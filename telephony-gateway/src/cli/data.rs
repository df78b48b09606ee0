//! `migrate`, `generate`, `backup` and `restore`: what is done to the database as a whole.

use std::fs::{self, File};
use std::io::{BufWriter, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use shared::phone::Phone;
use shared::store::Store;
use shared::store::generate::{self, DemoNumbers, GenerateOptions, Progress, Stage};
use shared::time::Clock;

use super::{Place, open_store};
use crate::config::without_password;
use crate::net::atomic_file::sync_folder_of;

/// Without a terminal a line of progress comes this often.
const LINE_EVERY: Duration = Duration::from_secs(5);

pub(super) async fn migrate(place: &Place) -> anyhow::Result<()> {
    let url = place.database_url()?;
    let store = open_store(&url, place.node()?).await?;
    let outcome = store.migrate().await;
    store.close().await;
    outcome?;
    println!("{} has the schema that this program needs", without_password(&url));
    Ok(())
}

/// Fill an empty database with a made-up city.
#[derive(Debug, Args)]
pub(super) struct Generate {
    /// How many customers; 5000 is a small town, 6200000 a region
    #[arg(long, default_value_t = 5_000)]
    customers: u32,
    /// The same seed makes the same city
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Interactions of a customer, in the mean
    #[arg(long, default_value_t = 12)]
    history: u32,
    /// Interactions that every customer has at least
    #[arg(long, default_value_t = 0)]
    history_at_least: u32,
    /// Write numbers to call from into this file, as JSON: known, shared by two customers, unknown
    #[arg(long, value_name = "FILE")]
    numbers: Option<PathBuf>,
}

impl Generate {
    pub async fn run(self, place: &Place) -> anyhow::Result<()> {
        let store = open_store(&place.database_url()?, place.node()?).await?;
        let outcome = self.run_in(&store).await;
        store.close().await;
        outcome
    }

    async fn run_in(self, store: &Store) -> anyhow::Result<()> {
        store.migrate().await?;
        let options = GenerateOptions {
            customers: self.customers,
            seed: self.seed,
            history: self.history,
            history_at_least: self.history_at_least,
            today: Clock::utc().to_chrono().date_naive(),
        };
        let mut shown = Shown::start(self.customers);
        let numbers = generate::run(store, options, |progress| shown.update(progress)).await?;
        if let Some(file) = &self.numbers {
            write_numbers(file, &numbers).with_context(|| format!("cannot write `{}`", file.display()))?;
        }
        Ok(())
    }
}

/// Numbers in full, because simulated callers dial them; they belong to nobody.
fn write_numbers(file: &Path, numbers: &DemoNumbers) -> std::io::Result<()> {
    let digits = |phones: &[Phone]| phones.iter().map(|phone| phone.digits()).collect::<Vec<_>>();
    let text = serde_json::json!({
        "known": digits(&numbers.known),
        "shared": digits(&numbers.shared),
        "unknown": digits(&numbers.unknown),
    });
    let mut out = BufWriter::new(File::create(file)?);
    serde_json::to_writer_pretty(&mut out, &text)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// A bar with rate and time left on a terminal, a line now and then elsewhere.
enum Shown {
    Bar(ProgressBar),
    Lines { started: Instant, told: Option<(Stage, Instant)> },
}

impl Shown {
    fn start(customers: u32) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::Lines { started: Instant::now(), told: None };
        }
        let bar = ProgressBar::new(u64::from(customers));
        let style = "{msg:12} {bar:40} {human_pos} of {human_len}  {per_sec}  {eta} left";
        bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self::Bar(bar)
    }

    fn update(&mut self, progress: Progress) {
        match self {
            Self::Bar(bar) => {
                if bar.message() != word_of(progress.stage) {
                    // The next stage counts other things at another pace.
                    bar.set_message(word_of(progress.stage));
                    bar.set_length(u64::from(progress.total));
                    bar.reset_eta();
                }
                bar.set_position(u64::from(progress.done));
                if progress.stage == Stage::Done {
                    bar.finish();
                }
            }
            Self::Lines { started, told } => {
                let due = |(stage, at): (Stage, Instant)| stage != progress.stage || at.elapsed() >= LINE_EVERY;
                if told.is_none_or(due) {
                    *told = Some((progress.stage, Instant::now()));
                    eprintln!("{}", line_of(progress, started.elapsed()));
                }
            }
        }
    }
}

const fn word_of(stage: Stage) -> &'static str {
    match stage {
        Stage::Customers => "customers",
        Stage::Indexes => "indexes",
        Stage::Statistics => "statistics",
        Stage::Done => "done",
    }
}

fn line_of(progress: Progress, elapsed: Duration) -> String {
    let Progress { stage, done, total, rows } = progress;
    let word = word_of(stage);
    let per_s = |n: f64| (n / elapsed.as_secs_f64().max(0.001)).round();
    match stage {
        Stage::Customers => {
            let customers_per_s = per_s(f64::from(done));
            let left = f64::from(total - done.min(total));
            let left_s = if customers_per_s > 0.0 { (left / customers_per_s).ceil() } else { 0.0 };
            format!("{word}: {done} of {total}, {rows} rows, {customers_per_s} customers a second, {left_s} s left")
        }
        Stage::Indexes => format!("{word}: {done} of {total}"),
        Stage::Statistics => format!("{word}: of {rows} rows"),
        Stage::Done => {
            let took_s = elapsed.as_secs_f64();
            format!("{word}: {total} customers, {rows} rows in {took_s:.1} s, {} rows a second", per_s(rows as f64))
        }
    }
}

/// Copy the database into a file, while it is in use.
#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The file to write; it must not be there yet
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
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
}

impl Backup {
    pub async fn run(self, place: &Place) -> anyhow::Result<()> {
        let url = place.database_url()?;
        anyhow::ensure!(!self.to.exists(), "`{}` is there already; a backup never overwrites one", self.to.display());
        if is_postgres(&url) {
            let mut dump = Command::new("pg_dump");
            dump.args(["--format=custom", "--file"]).arg(&self.to);
            run_postgres_tool(dump, "pg_dump", &url)?;
        } else {
            anyhow::ensure!(sqlite_path(&url)?.is_file(), "there is no database at {}", without_password(&url));
            let store = open_store(&url, 0).await?;
            let copied = store.backup_sqlite(&self.to).await;
            store.close().await;
            copied.with_context(|| format!("cannot copy the database to `{}`", self.to.display()))?;
            File::open(&self.to)
                .and_then(|file| file.sync_all())
                .and_then(|()| sync_folder_of(&self.to))
                .with_context(|| format!("cannot make `{}` durable", self.to.display()))?;
        }
        println!("{} is in `{}`", without_password(&url), self.to.display());
        Ok(())
    }
}

impl Restore {
    pub async fn run(self, place: &Place) -> anyhow::Result<()> {
        let url = place.database_url()?;
        anyhow::ensure!(self.from.is_file(), "there is no file `{}`", self.from.display());
        if is_postgres(&url) {
            anyhow::ensure!(
                self.replace,
                "this puts the backup in the place of {}: say so with --replace",
                without_password(&url)
            );
            let mut restore = Command::new("pg_restore");
            restore.args(["--clean", "--if-exists", "--no-owner", "--exit-on-error", "--single-transaction"]);
            restore.arg(&self.from);
            run_postgres_tool(restore, "pg_restore", &url)?;
        } else {
            self.restore_sqlite(&sqlite_path(&url)?).await?;
        }
        println!("{} is what `{}` was", without_password(&url), self.from.display());
        Ok(())
    }

    /// Copies beside the place, checks the copy, and moves it there.
    async fn restore_sqlite(&self, place: &Path) -> anyhow::Result<()> {
        if place.exists() {
            anyhow::ensure!(self.replace, "there is a database at `{}`: say --replace to give it up", place.display());
        }
        let beside = beside(place, "restoring");
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
        let checked = check(&store).await;
        store.close().await;
        checked
    }
}

async fn check(store: &Store) -> anyhow::Result<()> {
    let faults = store.check_integrity().await?.faults;
    anyhow::ensure!(faults.is_empty(), "it is damaged: {}", faults.join("; "));
    Ok(store.check_schema().await?)
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

fn beside(path: &Path, ending: &str) -> PathBuf {
    with_ending(path, &format!(".{ending}"))
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

/// Runs a tool of PostgreSQL. The password goes by the environment, where other users of the machine do not see it.
fn run_postgres_tool(mut command: Command, name: &str, url: &str) -> anyhow::Result<()> {
    command.arg("--dbname").arg(without_password(url));
    if let Some(password) = password_of(url) {
        command.env("PGPASSWORD", password);
    }
    let status = command.status().with_context(|| {
        format!("cannot run {name}: install the PostgreSQL client tools (Debian: apt-get install postgresql-client)")
    })?;
    anyhow::ensure!(status.success(), "{name} did not succeed ({status}); what it said stands above");
    Ok(())
}

fn password_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let (credentials, _) = rest.rsplit_once('@')?;
    let (_, password) = credentials.split_once(':')?;
    Some(percent_decoded(password))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = (*first == b'%').then(|| tail.get(..2)).flatten().and_then(|pair| hex::decode(pair).ok());
        match escaped {
            Some(byte) => {
                bytes.extend(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_address_reaches_the_tool_as_it_was_meant() {
        assert_eq!(password_of("postgres://pult:p%40ss%2Fword@db/pult").as_deref(), Some("p@ss/word"));
        assert_eq!(password_of("postgres://pult@db/pult"), None);
        assert_eq!(percent_decoded("100%"), "100%");
    }

    #[test]
    fn a_line_of_progress_says_rate_and_time_left() {
        let line = |stage, done, total| line_of(Progress { stage, done, total, rows: 40_000 }, Duration::from_secs(2));
        assert_eq!(
            line(Stage::Customers, 1_000, 5_000),
            "customers: 1000 of 5000, 40000 rows, 500 customers a second, 8 s left"
        );
        assert_eq!(line(Stage::Indexes, 3, 12), "indexes: 3 of 12");
        assert_eq!(line(Stage::Done, 1_000, 1_000), "done: 1000 customers, 40000 rows in 2.0 s, 20000 rows a second");
    }

    fn place(folder: &Path) -> Place {
        Place {
            config: None,
            database: Some(format!("sqlite://{}", folder.join("pult.db").display())),
            state_dir: None,
            log: super::super::LogStyle::Auto,
        }
    }

    async fn small_city(folder: &Path) {
        let generate = Generate {
            customers: 20,
            seed: 7,
            history: 2,
            history_at_least: 1,
            numbers: Some(folder.join("numbers.json")),
        };
        generate.run(&place(folder)).await.unwrap();
    }

    #[tokio::test]
    async fn a_backup_brings_the_city_back() {
        let folder = tempfile::tempdir().unwrap();
        small_city(folder.path()).await;
        let numbers: serde_json::Value =
            serde_json::from_slice(&fs::read(folder.path().join("numbers.json")).unwrap()).unwrap();
        let known = Phone::parse(numbers["known"][0].as_str().unwrap()).unwrap();
        let (place, to) = (place(folder.path()), folder.path().join("backup.db"));
        Backup { to: to.clone() }.run(&place).await.unwrap();
        assert!(Backup { to: to.clone() }.run(&place).await.is_err(), "a backup is never overwritten");

        let restore = |replace| Restore { from: to.clone(), replace };
        assert!(restore(false).run(&place).await.is_err(), "a database is given up only when asked");
        fs::write(folder.path().join("pult.db"), "broken").unwrap();
        restore(true).run(&place).await.unwrap();
        let store = place.store().await.unwrap();
        assert!(store.look_up(known, 5).await.unwrap().customer.is_some());
        store.close().await;
    }

    #[tokio::test]
    async fn a_backup_that_is_damaged_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        small_city(folder.path()).await;
        let (place, from) = (place(folder.path()), folder.path().join("backup.db"));
        fs::write(&from, "this is no database, however long it may be").unwrap();
        let before = fs::read(folder.path().join("pult.db")).unwrap();
        assert!(Restore { from, replace: true }.run(&place).await.is_err());
        assert_eq!(fs::read(folder.path().join("pult.db")).unwrap(), before);
        assert!(!folder.path().join("pult.db.restoring").exists());
    }
}
