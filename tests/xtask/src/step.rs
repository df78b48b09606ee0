//! One step of a test run: it has a title, a log, a limit, and ends in numbers.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::console::{self, LiveLine};
use crate::crew::{self, Crew, Output};
use crate::tally::{self, Tally};
use crate::trouble::{Outcome, Trouble};

/// How many lines of a failed step's log are worth showing.
const TELLING_LINES: usize = 60;

/// How the lines begin by which cargo says what it is at: nobody looks for a fault there.
const CARGO_PROGRESS: [&str; 5] = ["Compiling ", "Checking ", "Downloading ", "Downloaded ", "Blocking "];

/// What a step counts.
pub enum Counts {
    /// It passes or fails as a whole.
    OneCheck,
    /// It is a run of tests, each of which counts.
    Tests,
}

/// A command to run, and how to speak of it.
pub struct Step {
    /// The name of its log file.
    pub name: &'static str,
    pub title: &'static str,
    pub command: Command,
    pub limit: Duration,
    pub counts: Counts,
}

/// How a step ended.
pub struct Finished {
    pub title: &'static str,
    pub took: Duration,
    pub tally: Tally,
}

impl Finished {
    pub fn passed(&self) -> bool {
        self.tally.n_failed == 0
    }
}

/// Runs a step to its end. Only Ctrl+C is trouble; a step that fails is a result like any other.
pub fn run(crew: &mut Crew, mut step: Step) -> Outcome<Finished> {
    let log = crew.log(step.name);
    let began = Instant::now();
    let mut live = LiveLine::begin(step.title);
    let started = crew.start(step.name, &mut step.command, Output::Log);
    let ended = started.and_then(|()| {
        crew.wait(step.name, step.limit, |elapsed| live.tick(step.title, elapsed, &crew::tail(&log, 1)))
    });
    let (went_well, why) = match ended {
        Ok(status) => (status.success(), crew::in_words(status)),
        Err(trouble) if trouble.is_interruption() => {
            live.end(&format!("{}: interrupted", step.title));
            return Err(trouble);
        }
        Err(trouble) => (false, trouble.to_string()),
    };
    let tally = count(&step.counts, went_well, step.title, &why, &fs::read(&log).unwrap_or_default());
    let finished = Finished { title: step.title, took: began.elapsed(), tally };
    live.end(&format!(
        "{}: {} ({})",
        step.title,
        in_words(&step.counts, &finished.tally),
        console::clock(finished.took)
    ));
    if !finished.passed() {
        tell_failure(&why, &log, &finished.tally);
    }
    Ok(finished)
}

/// Turns the end of a step into numbers.
fn count(counts: &Counts, went_well: bool, title: &str, why: &str, log: &[u8]) -> Tally {
    let as_a_whole = |went_well: bool| Tally {
        n_passed: usize::from(went_well),
        n_failed: usize::from(!went_well),
        n_ignored: 0,
        failures: if went_well { Vec::new() } else { vec![format!("{title}: {why}")] },
    };
    match counts {
        Counts::OneCheck => as_a_whole(went_well),
        Counts::Tests => {
            let mut tally = tally::read(&String::from_utf8_lossy(log));
            // Tests that did not compile, or none at all, must not look like success.
            if tally.n_failed == 0 && (!went_well || tally.n_passed == 0) {
                let whole = as_a_whole(false);
                tally.n_failed += whole.n_failed;
                tally.failures.extend(whole.failures);
            }
            tally
        }
    }
}

fn in_words(counts: &Counts, tally: &Tally) -> String {
    match counts {
        Counts::OneCheck if tally.n_failed == 0 => "ok".into(),
        Counts::OneCheck => "failed".into(),
        Counts::Tests => {
            let ignored = if tally.n_ignored > 0 { format!(", {} ignored", tally.n_ignored) } else { String::new() };
            format!("{} passed, {} failed{ignored}", tally.n_passed, tally.n_failed)
        }
    }
}

fn tell_failure(why: &str, log: &std::path::Path, tally: &Tally) {
    let text = String::from_utf8_lossy(&fs::read(log).unwrap_or_default()).into_owned();
    console::say(&format!("  {why}; the whole log: {}", log.display()));
    for line in telling_part(&text) {
        console::say(&format!("  | {line}"));
    }
    for failure in &tally.failures {
        console::say(&format!("  failed: {failure}"));
    }
}

/// The lines of a log that help: what failed tests have said where there are such, else the end of it.
fn telling_part(log: &str) -> Vec<&str> {
    let mut telling = Vec::new();
    let mut inside = false;
    for line in log.lines() {
        if line.starts_with("---- ") {
            inside = true;
        } else if line.starts_with("failures:") || line.starts_with("test result:") {
            inside = false;
        }
        if inside {
            telling.push(line);
        }
    }
    if telling.is_empty() {
        let is_progress = |line: &str| CARGO_PROGRESS.iter().any(|word| line.trim_start().starts_with(word));
        let lines: Vec<&str> = log.lines().filter(|line| !is_progress(line)).collect();
        return lines[lines.len().saturating_sub(TELLING_LINES)..].to_vec();
    }
    telling.truncate(TELLING_LINES * 3);
    telling
}

/// The closing table and the closing line. It is trouble when anything failed.
pub fn close(finished: &[Finished], interrupted: Option<Trouble>) -> Outcome {
    let mut rows = Vec::new();
    let (mut n_passed, mut n_failed) = (0, 0);
    for step in finished {
        n_passed += step.tally.n_passed;
        n_failed += step.tally.n_failed;
        rows.push(vec![
            step.title.to_owned(),
            format!("{:.1} s", step.took.as_secs_f64()),
            format!("{} passed", step.tally.n_passed),
            format!("{} failed", step.tally.n_failed),
        ]);
    }
    let took: Duration = finished.iter().map(|step| step.took).sum();
    rows.push(vec!["altogether".into(), format!("{:.1} s", took.as_secs_f64())]);
    console::say("");
    console::say(console::table(&rows).trim_end());
    if let Some(trouble) = interrupted {
        return Err(trouble);
    }
    console::say(&format!("{n_passed} passed, {n_failed} failed"));
    if n_failed > 0 { Err(Trouble::already_told()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_counts_once() {
        assert_eq!(count(&Counts::OneCheck, true, "format", "", b"").n_passed, 1);
        let failed = count(&Counts::OneCheck, false, "format", "exit code 1", b"");
        assert_eq!(failed.failures, ["format: exit code 1"]);
    }

    #[test]
    fn tests_that_do_not_compile_are_a_failure() {
        let tally = count(&Counts::Tests, false, "tests", "exit code 101", b"error[E0425]: cannot find value\n");
        assert_eq!((tally.n_passed, tally.n_failed), (0, 1));
    }

    #[test]
    fn a_run_without_a_single_test_is_a_failure() {
        assert_eq!(count(&Counts::Tests, true, "tests", "it ended well", b"").n_failed, 1);
    }

    #[test]
    fn a_failed_test_is_counted_once_though_the_program_fails_too() {
        let log = b"     Running tests/a.rs (target/debug/deps/a-1)\ntest b ... FAILED\ntest result: FAILED. 4 passed; 1 failed; 0 ignored\n";
        let tally = count(&Counts::Tests, false, "tests", "exit code 101", log);
        assert_eq!((tally.n_passed, tally.n_failed), (4, 1));
    }

    #[test]
    fn what_failed_tests_said_is_shown_and_the_rest_is_not() {
        let log = "test a ... ok\n\nfailures:\n\n---- b stdout ----\nleft: 1\nright: 2\n\nfailures:\n    b\n\ntest result: FAILED\nerror: 1 target failed";
        assert_eq!(telling_part(log), ["---- b stdout ----", "left: 1", "right: 2", ""]);
        assert_eq!(telling_part("   Compiling shared v0.1.0\nerror: one\nerror: two"), ["error: one", "error: two"]);
    }
}
