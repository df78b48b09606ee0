//! `cargo xtask test`: everything that can be checked, and `cargo xtask test quick`: what one runs before a commit.

use std::process::Command;
use std::time::Duration;

use clap::ValueEnum;

use crate::console;
use crate::crew::Crew;
use crate::packages;
use crate::peers;
use crate::place;
use crate::postgres::{self, PrivatePostgres};
use crate::step::{self, Counts, Finished, Step};
use crate::trouble::{Outcome, Trouble};

/// Checks everything and closes with the line «N passed, N failed».
///
/// The whole run installs what it needs (Debian packages, as root or through sudo without a password; PJSIP in
/// target/peers), starts a private PostgreSQL server, and then checks format and lints, builds, and runs every
/// test: on both databases, with SIPp, PJSIP and baresip as callers and phones, and with the real window on a
/// private display.
/// Full logs lie in target/test-logs. Exit code 0 means that nothing failed.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask test          everything, as the CI does\n  cargo xtask test quick    \
                        before a commit: no packages, no display, under five minutes when built"
)]
pub struct Arguments {
    /// How much to check
    #[arg(value_enum, default_value_t = Extent::Whole)]
    extent: Extent,
    /// Installs no system packages and does not look whether they are there
    #[arg(long)]
    no_install: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Extent {
    /// Everything
    Whole,
    /// Format, lints and the tests of each program by itself; on PostgreSQL too where a server is installed
    Quick,
}

pub fn run(arguments: &Arguments) -> Outcome {
    match check_everything(arguments) {
        // Whoever reads only the last line must learn of a run that could not even begin.
        Err(trouble) if !trouble.is_told() && !trouble.is_interruption() => {
            console::say(&trouble.to_string());
            console::say("0 passed, 1 failed");
            Err(Trouble::already_told())
        }
        other => other,
    }
}

fn check_everything(arguments: &Arguments) -> Outcome {
    let logs = place::target().join("test-logs");
    place::fresh_folder(&logs)?;
    let whole = arguments.extent == Extent::Whole;
    if whole && !arguments.no_install {
        packages::ensure(&[
            packages::DATABASE,
            packages::SIP,
            packages::PROXY,
            packages::PEERS,
            packages::NAT,
            packages::DISPLAY,
            packages::WINDOW,
            packages::SNAPSHOTS,
        ])?;
        peers::ensure()?;
    }
    // The crew comes first, so that Ctrl+C is heard from here on, also while the server starts.
    let mut crew = Crew::new(&logs)?;
    let database = if whole || postgres::is_installed() {
        console::say("starting a private PostgreSQL server");
        Some(PrivatePostgres::start(&place::target().join("test-postgres"))?)
    } else {
        console::say("no PostgreSQL server is installed: only SQLite is tested");
        None
    };
    let steps = if whole { whole_steps() } else { quick_steps() };
    let (finished, interruption) = run_steps(&mut crew, steps, database.as_ref(), whole);
    // No test outlives its database.
    crew.stop_all();
    drop(database);
    step::close(&finished, interruption)
}

/// Runs the steps one after the other, also past a failed one, until somebody presses Ctrl+C.
fn run_steps(
    crew: &mut Crew,
    steps: Vec<Step>,
    database: Option<&PrivatePostgres>,
    whole: bool,
) -> (Vec<Finished>, Option<Trouble>) {
    let mut finished = Vec::new();
    for mut step in steps {
        tell_environment(&mut step.command, whole);
        if let Some(database) = database {
            database.tell(&mut step.command);
        }
        match step::run(crew, step) {
            Ok(result) => finished.push(result),
            Err(interruption) => return (finished, Some(interruption)),
        }
    }
    (finished, None)
}

fn whole_steps() -> Vec<Step> {
    vec![
        check("format", "format", &["fmt", "--all", "--check"]),
        check("lints", "lints", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        check("build", "build", &["build", "--workspace", "--all-targets"]),
        tests(&["test", "--workspace", "--no-fail-fast"]),
    ]
}

/// Everything but the package `tests`, whose tests start the whole system and need a display and SIPp.
fn quick_steps() -> Vec<Step> {
    vec![
        check("format", "format", &["fmt", "--all", "--check"]),
        check("lints", "lints", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        tests(&["test", "--workspace", "--exclude", "tests", "--no-fail-fast"]),
    ]
}

fn check(name: &'static str, title: &'static str, arguments: &[&str]) -> Step {
    let mut command = place::cargo();
    command.args(arguments);
    Step { name, title, command, limit: Duration::from_secs(40 * 60), counts: Counts::OneCheck }
}

fn tests(arguments: &[&str]) -> Step {
    Step { counts: Counts::Tests, ..check("tests", "tests", arguments) }
}

/// What the tests read to find their tools. Only in the whole run there is a display, and no test may be left out.
fn tell_environment(command: &mut Command, whole: bool) {
    command.env("PULT_TEST_SIPP", place::sipp_scenarios());
    command.env("PULT_TEST_PEERS", peers::folder());
    command.env("CARGO_TERM_COLOR", "never");
    // A log that names the lines of a panic is worth more than a few milliseconds.
    command.env("RUST_BACKTRACE", "1");
    if whole {
        command.env("PULT_TEST_WHOLE", "1");
        command.env("PULT_TEST_XENV", place::environment("private-display.sh"));
    } else {
        command.env_remove("PULT_TEST_WHOLE");
        command.env_remove("PULT_TEST_XENV");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments_of(step: &Step) -> Vec<String> {
        step.command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn the_whole_run_denies_warnings_and_tests_the_whole_workspace() {
        let steps = whole_steps();
        let lines: Vec<String> = steps.iter().map(|step| arguments_of(step).join(" ")).collect();
        assert_eq!(
            lines,
            [
                "fmt --all --check",
                "clippy --workspace --all-targets -- -D warnings",
                "build --workspace --all-targets",
                "test --workspace --no-fail-fast",
            ]
        );
    }

    #[test]
    fn the_quick_run_starts_no_program_of_the_whole_system() {
        let steps = quick_steps();
        assert_eq!(arguments_of(steps.last().unwrap()).join(" "), "test --workspace --exclude tests --no-fail-fast");
    }

    #[test]
    fn only_the_whole_run_has_a_display_and_lets_no_test_be_left_out() {
        for whole in [true, false] {
            let mut command = Command::new("cargo");
            tell_environment(&mut command, whole);
            for name in ["PULT_TEST_WHOLE", "PULT_TEST_XENV"] {
                let told = command.get_envs().any(|(key, value)| key == name && value.is_some());
                assert_eq!(told, whole, "{name}");
            }
        }
    }

    #[test]
    fn every_step_uses_the_one_profile_so_that_nothing_is_compiled_twice() {
        for step in whole_steps().iter().chain(&quick_steps()) {
            let arguments = arguments_of(step);
            assert!(!arguments.iter().any(|argument| argument == "--release" || argument == "--profile"));
        }
    }
}
