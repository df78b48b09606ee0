//! The log: JSON for machines, plain lines for people, always on stderr.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use super::LogStyle;

/// Starts logging for this process. A second start, in tests, changes nothing.
pub(super) fn start(style: LogStyle, is_service: bool) {
    let usual = if is_service { "info" } else { "warn" };
    let filter = EnvFilter::builder()
        .with_env_var("PULT_LOG")
        .with_default_directive(usual.parse().unwrap_or_default())
        .from_env_lossy();
    let json = match style {
        LogStyle::Auto => is_service,
        LogStyle::Json => true,
        LogStyle::Pretty => false,
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // It fails when there is a log already, and then that one is right.
    let _ = if json {
        log.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
    } else {
        log.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init()
    };
}
