//! Counting what `cargo test` has printed.
//!
//! [`read`] takes the whole log. Every test program closes with a `test result:` line; one that was
//! announced and has none has crashed, and that counts as a failure of its own.

/// What a run of tests came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub n_passed: usize,
    pub n_failed: usize,
    pub n_ignored: usize,
    /// The failures by name, `program: test`.
    pub failures: Vec<String>,
}

/// Reads the log of `cargo test --no-fail-fast`.
pub fn read(log: &str) -> Tally {
    let mut tally = Tally::default();
    let mut open: Option<String> = None;
    for line in log.lines() {
        if let Some(program) = announced_program(line) {
            tally.close_crashed(open.replace(program));
        } else if let Some(rest) = line.strip_prefix("test result: ") {
            tally.n_passed += number_before(rest, " passed");
            tally.n_failed += number_before(rest, " failed");
            tally.n_ignored += number_before(rest, " ignored");
            open = None;
        } else if let Some(name) = failed_test(line) {
            tally.failures.push(format!("{}: {name}", open.as_deref().unwrap_or("test")));
        }
    }
    tally.close_crashed(open);
    tally
}

impl Tally {
    fn close_crashed(&mut self, program: Option<String>) {
        if let Some(program) = program {
            self.n_failed += 1;
            self.failures.push(format!("{program}: ended without a result (crashed or was killed)"));
        }
    }
}

/// `     Running unittests src/lib.rs (target/debug/deps/shared-0123456789abcdef)` → `shared`;
/// `   Doc-tests shared` → `shared (doc)`.
fn announced_program(line: &str) -> Option<String> {
    let line = line.trim_start();
    if let Some(library) = line.strip_prefix("Doc-tests ") {
        return Some(format!("{library} (doc)"));
    }
    let path = line.strip_prefix("Running ")?.strip_suffix(')')?.rsplit_once('(')?.1;
    let file = path.rsplit('/').next()?;
    let name = file.rsplit_once('-').map_or(file, |(name, _hash)| name);
    Some(name.to_owned())
}

/// `test desk::keeps_the_caret ... FAILED` → `desk::keeps_the_caret`.
fn failed_test(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

/// The number that stands before a word: 12 in `ok. 12 passed; 0 failed`.
fn number_before(text: &str, word: &str) -> usize {
    let Some(end) = text.find(word) else { return 0 };
    let digits = text[..end].rsplit(|c: char| !c.is_ascii_digit()).next();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passed_failed_and_ignored_tests_of_all_programs_are_added_up() {
        let tally = read(
            "   Compiling shared v0.1.0\n     Running unittests src/lib.rs (target/debug/deps/shared-6e1d)\n\nrunning 3 tests\n\
             test phone::a_city_number ... ok\ntest phone::a_short_number ... FAILED\n\nfailures:\n\n---- phone::a_short_number stdout ----\n\n\
             test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n\n\
             error: test failed, to rerun pass `-p shared --lib`\n     Running tests/whole_call.rs (target/debug/deps/whole_call-77)\n\
             test result: ok. 40 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 9.01s\n\
             \n   Doc-tests shared\n\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n",
        );
        assert_eq!(
            tally,
            Tally { n_passed: 43, n_failed: 1, n_ignored: 2, failures: vec!["shared: phone::a_short_number".into()] }
        );
    }

    #[test]
    fn a_test_program_that_crashes_is_a_failure_with_its_name() {
        let tally = read(
            "     Running tests/real_window.rs (target/debug/deps/real_window-01)\n\nrunning 9 tests\ntest pops ... ok\n\
             error: test failed, to rerun pass `-p tests --test real_window`\n\nCaused by:\n  process didn't exit successfully: (signal: 11)\n\
             \x20    Running unittests src/lib.rs (target/debug/deps/shared-6e1d)\n\
             test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n",
        );
        assert_eq!((tally.n_passed, tally.n_failed), (5, 1));
        assert_eq!(tally.failures, ["real_window: ended without a result (crashed or was killed)"]);
    }

    #[test]
    fn a_program_that_crashes_last_is_counted_too() {
        assert_eq!(read("     Running tests/faults.rs (target/debug/deps/faults-01)\n").n_failed, 1);
    }

    #[test]
    fn what_a_test_prints_about_running_is_not_a_test_program() {
        assert_eq!(read("Running out of disk\ntest is fine ... ok\n"), Tally::default());
    }
}
