//! `migrate` and `generate`: the tables, and a city to fill them.

use std::fs::File;
use std::io::{BufWriter, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
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
    pub(super) customers: u32,
    /// The same seed makes the same city
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// Interactions of a customer, in the mean
    #[arg(long, default_value_t = 12)]
    pub(super) history: u32,
    /// Interactions that every customer has at least
    #[arg(long, default_value_t = 0)]
    pub(super) history_at_least: u32,
    /// Write numbers to call from into this file, as JSON: known, shared by two customers, unknown
    #[arg(long, value_name = "FILE")]
    pub(super) numbers: Option<PathBuf>,
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
