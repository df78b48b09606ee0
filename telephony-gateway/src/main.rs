//! `telephony-gateway`: see [`telephony_gateway`] for the house, and `--help` for the use.

use std::process::ExitCode;

fn main() -> ExitCode {
    telephony_gateway::cli::main()
}
