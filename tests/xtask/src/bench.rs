//! `cargo xtask bench`: builds in release, prepares the machine, and lets a benchmark print its lines.
//!
//! The benchmarks themselves are binaries `bench-NAME` of the package `tests`; what each of them needs
//! around it stands in [`KNOWN`].

use std::process::Command;
use std::time::Duration;

use crate::console;
use crate::crew::{self, Crew, Output};
use crate::packages::{self, Package};
use crate::place;
use crate::postgres::PrivatePostgres;
use crate::trouble::{Outcome, Trouble, Trying};

const LIMIT: Duration = Duration::from_secs(4 * 3600);
/// Each call at the highest rates holds a few sockets on either side.
const N_OPEN_FILES: libc::rlim_t = 65_536;

/// One benchmark and what it needs around it.
struct Benchmark {
    name: &'static str,
    measures: &'static str,
    on_display: bool,
    packages: &'static [&'static [Package]],
}

const KNOWN: &[Benchmark] = &[
    Benchmark {
        name: "pop",
        measures: "from the INVITE at the gateway's socket to the card in the real window, on both databases",
        on_display: true,
        packages: &[packages::DATABASE, packages::SIP, packages::DISPLAY, packages::WINDOW],
    },
    Benchmark {
        name: "calls",
        measures: "what a call to a telephone costs the gateway's processor, and how many a second stay clean",
        on_display: false,
        packages: &[packages::SIP],
    },
    Benchmark {
        name: "offer",
        measures: "from the INVITE at the gateway's socket to the operator's telephone and to the offer at the desk",
        on_display: false,
        packages: &[packages::SIP],
    },
    Benchmark {
        name: "restart",
        measures: "from the kill of the gateway in a talk to the moment at which both ends go on with its successor",
        on_display: false,
        packages: &[packages::SIP],
    },
    Benchmark {
        name: "soak",
        measures: "whether memory and descriptors stay flat over a great many calls of all kinds",
        on_display: false,
        packages: &[packages::SIP],
    },
    Benchmark {
        name: "relay",
        measures: "what the sound of a relayed talk costs the gateway's processor, and how much of it is lost",
        on_display: false,
        packages: &[],
    },
];

/// Measures, and prints figures meant for BENCHMARKS.md.
///
/// Figures are only worth something on a machine that does nothing else meanwhile.
#[derive(clap::Args)]
#[command(after_help = help_of_all())]
pub struct Arguments {
    /// Which benchmark to run
    #[arg(value_parser = names())]
    name: String,
    /// What follows goes to the benchmark as it stands; `--help` there tells what it takes
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
    /// Installs no system packages and does not look whether they are there
    #[arg(long)]
    no_install: bool,
}

fn names() -> Vec<&'static str> {
    KNOWN.iter().map(|benchmark| benchmark.name).collect()
}

fn help_of_all() -> String {
    let line = |benchmark: &Benchmark| format!("  {:<8} {}", benchmark.name, benchmark.measures);
    format!("Benchmarks:\n{}", KNOWN.iter().map(line).collect::<Vec<_>>().join("\n"))
}

pub fn run(arguments: &Arguments) -> Outcome {
    let known = KNOWN.iter().find(|benchmark| benchmark.name == arguments.name);
    let benchmark = known.ok_or_else(|| Trouble::misuse(format!("there is no benchmark «{}»", arguments.name)))?;
    if !arguments.no_install {
        packages::ensure(benchmark.packages)?;
    }
    // Beside the logs lie the cities of earlier runs, which take long to make.
    let folder = place::target().join("bench/logs");
    place::fresh_folder(&folder)?;
    let mut crew = Crew::new(&folder)?;
    let outcome = measure(&mut crew, benchmark, &arguments.rest);
    crew.stop_all();
    outcome
}

fn measure(crew: &mut Crew, benchmark: &Benchmark, rest: &[String]) -> Outcome {
    console::say("building in release");
    let mut build = place::cargo();
    build.args(build_arguments(benchmark));
    must(crew, "build", &mut build)?;
    let n_open_files = raise_open_files().trying("raise the number of open files")?;
    if n_open_files < N_OPEN_FILES {
        console::say(&format!(
            "only {n_open_files} open files are allowed here: the highest rates may fail for that reason"
        ));
    }
    let program = place::target().join("release").join(binary(benchmark));
    let mut command = Command::new(program);
    command.args(rest).env("PULT_TEST_SIPP", place::sipp_scenarios());
    if benchmark.on_display {
        command.env("PULT_TEST_XENV", place::environment("private-display.sh"));
    }
    // The accessibility bus would make the window describe every frame in words, which no operator's machine does.
    command.env("PULT_DISPLAY_ACCESSIBLE", "0");
    let needs_database = benchmark.packages.iter().any(|group| std::ptr::eq(*group, packages::DATABASE));
    let database = match needs_database {
        true => Some(PrivatePostgres::start(&place::target().join("bench/postgres"))?),
        false => None,
    };
    if let Some(database) = &database {
        database.tell(&mut command);
    }
    let outcome = must(crew, benchmark.name, &mut command);
    // The benchmark must be gone before its database is.
    crew.stop_all();
    drop(database);
    outcome
}

fn binary(benchmark: &Benchmark) -> String {
    format!("bench-{}", benchmark.name)
}

/// The benchmark and the two programs under measurement, by name: other binaries of `tests` stay unbuilt.
fn build_arguments(benchmark: &Benchmark) -> Vec<String> {
    let mut arguments = vec!["build".to_owned(), "--release".to_owned()];
    for package in ["telephony-gateway", "operator-app", "tests"] {
        arguments.extend(["--package".to_owned(), package.to_owned()]);
    }
    for bin in ["telephony-gateway", "operator-app", "carrier", &binary(benchmark)] {
        arguments.extend(["--bin".to_owned(), bin.to_owned()]);
    }
    arguments
}

/// Raises this process's limit as far as the system allows; everything it starts inherits it. Returns the limit.
fn raise_open_files() -> std::io::Result<libc::rlim_t> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: getrlimit fills the structure that it is given.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return Err(std::io::Error::last_os_error());
    }
    // The upper bound itself is for the system's administrator to raise, and often not even for root.
    for upper_bound in [limit.rlim_max.max(N_OPEN_FILES), limit.rlim_max] {
        let wanted =
            libc::rlimit { rlim_cur: upper_bound.min(N_OPEN_FILES).max(limit.rlim_cur), rlim_max: upper_bound };
        // SAFETY: setrlimit only reads the structure.
        if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const wanted) } == 0 {
            return Ok(wanted.rlim_cur);
        }
    }
    Err(std::io::Error::last_os_error())
}

fn must(crew: &mut Crew, name: &str, command: &mut Command) -> Outcome {
    crew.start(name, command, Output::Terminal)?;
    let status = crew.wait(name, LIMIT, |_| {})?;
    match status.success() {
        true => Ok(()),
        false => Err(Trouble::new(format!("{name} failed ({})", crew::in_words(status)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_benchmark_builds_only_what_it_measures() {
        let line = build_arguments(&KNOWN[0]).join(" ");
        assert!(line.ends_with("--bin telephony-gateway --bin operator-app --bin carrier --bin bench-pop"), "{line}");
    }

    #[test]
    fn the_limit_of_open_files_goes_as_high_as_it_may() {
        let raised = raise_open_files().unwrap();
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: getrlimit fills the structure that it is given.
        unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
        assert_eq!(raised, limit.rlim_cur);
        assert_eq!(raised, limit.rlim_max.min(N_OPEN_FILES).max(limit.rlim_cur));
    }

    #[test]
    fn help_names_every_benchmark() {
        assert!(names().iter().all(|name| help_of_all().contains(name)));
    }
}
