//! Tests that cannot run on every machine.

/// Says that a test was left out, and why. Where everything is to be run (`PULT_TEST_WHOLE`, which `cargo xtask test`
/// sets), that is a failure: a run in which nothing was tested must not look like a good one.
pub fn left_out(test: &str, why: &str) {
    assert!(std::env::var_os("PULT_TEST_WHOLE").is_none(), "{test} was to be run, and was not: {why}");
    eprintln!("{test} was not run: {why}");
}
