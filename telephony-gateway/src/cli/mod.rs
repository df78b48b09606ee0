//! The command line: one binary that serves, checks, and looks after its database.
//!
//! `serve` is in [`serve`], people and phones in [`people`], the database in [`data`] and [`backup`]. Errors come out once, here, as
//! one sentence with its causes.

mod backup;
mod data;
mod logging;
mod people;
mod serve;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use shared::store::{Store, StoreOptions};

use crate::config::{Config, ConfigFault};

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    it did not work; the last line says why
  2    the command line or the configuration is wrong
  130  ended at once by a second signal";

const EXAMPLES: &str = "\
A first day:
  telephony-gateway check   --config config/gateway.toml
  telephony-gateway migrate --config config/gateway.toml
  telephony-gateway phone add 101 --config config/gateway.toml
  telephony-gateway user add anna --name 'Анна Орлова' --phone 101 --config config/gateway.toml
  telephony-gateway serve   --config config/gateway.toml";

/// Takes calls, queues and routes them, carries the sound, and tells the desks.
#[derive(Debug, Parser)]
#[command(name = "telephony-gateway", version, propagate_version = true, after_help = EXIT_CODES)]
#[command(after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

/// Where the configuration and the database are; the same for every command.
#[derive(Debug, Args)]
pub struct Place {
    /// The configuration file; the others lie beside it
    #[arg(long, global = true, value_name = "FILE", env = "PULT_CONFIG")]
    config: Option<PathBuf>,
    /// The database, before what the configuration says: sqlite:///path/file.db or postgres://user@host/name
    ///
    /// A password on the command line can be seen by everybody on the machine: put the address into
    /// PULT_DATABASE_URL instead.
    #[arg(long, global = true, value_name = "URL", env = "PULT_DATABASE_URL", hide_env_values = true)]
    database: Option<String>,
    /// Where the ledger, the certificate and the sessions are kept, before what the configuration says
    #[arg(long, global = true, value_name = "FOLDER", env = "PULT_STATE_DIR")]
    state_dir: Option<PathBuf>,
    /// How the log on stderr looks; PULT_LOG sets what it says, for example PULT_LOG=debug
    #[arg(long, global = true, value_enum, default_value = "auto")]
    log: LogStyle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogStyle {
    /// JSON for `serve`, plain lines for everything else
    Auto,
    /// One JSON object a line, for machines
    Json,
    /// Plain lines, for people
    Pretty,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the service; SIGTERM or Ctrl+C ends it after the last conversation, SIGHUP reads the configuration anew
    Serve,
    /// Read the whole configuration and name every fault with file and line
    Check,
    /// Bring the database to the schema that this program needs
    Migrate,
    /// People who sign in
    #[command(subcommand)]
    User(people::UserCommand),
    /// SIP phones that may register
    #[command(subcommand)]
    Phone(people::PhoneCommand),
    /// Fill an empty database with a made-up city, the same for the same seed
    Generate(data::Generate),
    /// Copy the database into a file, while it is in use
    Backup(backup::Backup),
    /// Bring a backup back, after checking it
    Restore(backup::Restore),
    /// Print completions for a shell
    ///
    /// For bash: telephony-gateway completions bash > /etc/bash_completion.d/telephony-gateway
    Completions { shell: clap_complete::Shell },
}

/// The configuration is wrong; each fault has been printed.
#[derive(Debug, thiserror::Error)]
#[error("the configuration has {}", faults_counted(*.n_faults))]
struct WrongConfig {
    n_faults: usize,
}

fn faults_counted(n: usize) -> String {
    if n == 1 { "one fault".to_owned() } else { format!("{n} faults") }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let is_service = matches!(cli.command, Command::Serve);
    logging::start(cli.place.log, is_service);
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("telephony-gateway: {}", in_one_sentence(&error));
            ExitCode::from(if error.is::<WrongConfig>() { 2 } else { 1 })
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let place = cli.place;
    match cli.command {
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "telephony-gateway", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
        Command::Check => {
            let config = place.config()?;
            println!(
                "the configuration is sound: {} queues, {} trunks, {} topics, {} forms",
                config.queues.len(),
                config.sip.trunks.len(),
                config.catalogue.all_topics().count(),
                config.catalogue.forms.len(),
            );
            Ok(ExitCode::SUCCESS)
        }
        Command::Serve => {
            let config = place.config()?;
            serve::serve(config, place)
        }
        Command::Migrate => done(runtime()?.block_on(data::migrate(&place))),
        Command::User(command) => done(runtime()?.block_on(command.run(&place))),
        Command::Phone(command) => done(runtime()?.block_on(command.run(&place))),
        Command::Generate(command) => done(runtime()?.block_on(command.run(&place))),
        Command::Backup(command) => done(runtime()?.block_on(command.run(&place))),
        Command::Restore(command) => done(runtime()?.block_on(command.run(&place))),
    }
}

fn done(outcome: anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    outcome.map(|()| ExitCode::SUCCESS)
}

/// Signalling has a processor for itself. More than a few threads beside it would only wake one another.
const MOST_THREADS_BESIDE: usize = 4;

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let n_processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let n_threads = n_processors.saturating_sub(1).clamp(1, MOST_THREADS_BESIDE);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(n_threads)
        .enable_all()
        .build()
        .context("cannot start the runtime")
}

impl Place {
    /// The configuration with what the command line and the environment put before it.
    fn config(&self) -> anyhow::Result<Config> {
        let path = self.config.as_deref().context("name the configuration with --config FILE")?;
        let mut config = load(path)?;
        if let Some(state_dir) = &self.state_dir {
            // A database beside the state moves with it; one that was named stays where it is.
            if config.database_url == default_database(&config.state_dir) {
                config.database_url = default_database(state_dir);
            }
            config.state_dir.clone_from(state_dir);
        }
        if let Some(database) = &self.database {
            config.database_url.clone_from(database);
        }
        Ok(config)
    }

    /// The database's address: from the command line, the environment, or the configuration.
    fn database_url(&self) -> anyhow::Result<String> {
        match (&self.database, &self.config) {
            (Some(url), _) => Ok(url.clone()),
            (None, Some(_)) => Ok(self.config()?.database_url),
            (None, None) => {
                anyhow::bail!("name the database with --database URL, or the configuration with --config FILE")
            }
        }
    }

    /// Opens the database for one command, with the schema that this program needs.
    async fn store(&self) -> anyhow::Result<Store> {
        let store = open_store(&self.database_url()?, self.node()?).await?;
        store.check_schema().await?;
        Ok(store)
    }

    fn node(&self) -> anyhow::Result<u8> {
        match &self.config {
            Some(_) => Ok(self.config()?.node),
            None => Ok(0),
        }
    }
}

fn default_database(state_dir: &Path) -> String {
    format!("sqlite://{}", state_dir.join("pult.db").display())
}

async fn open_store(url: &str, node: u8) -> anyhow::Result<Store> {
    Ok(Store::open(url, StoreOptions { node, ..StoreOptions::default() }).await?)
}

fn load(path: &Path) -> anyhow::Result<Config> {
    Config::load(path).map_err(|faults| {
        print_faults(&faults);
        WrongConfig { n_faults: faults.len() }.into()
    })
}

fn print_faults(faults: &[ConfigFault]) {
    for fault in faults {
        eprintln!("{fault}");
    }
}

/// The error and its causes, each once.
fn in_one_sentence(error: &anyhow::Error) -> String {
    let mut sentence = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        // Some errors say their cause themselves.
        if sentence.contains(&text) {
            continue;
        }
        let between = if sentence.is_empty() { "" } else { ": " };
        // Writing to a String cannot fail.
        let _ = write!(sentence, "{between}{text}");
    }
    sentence
}

#[cfg(test)]
mod tests;
