//! `cargo xtask`: what a developer of Pult types.
//!
//! `test` checks everything, `demo` shows a shift with real calls, `bench` measures. Each of them
//! installs what it needs, starts what it needs, and stops exactly what it started.
//!
//! This program knows no crate of the workspace, so it builds in seconds and before any system
//! package is there; it starts the other programs and reads what they print.

mod bench;
mod console;
mod crew;
mod demo;
mod packages;
mod peers;
mod place;
mod postgres;
mod step;
mod tally;
mod test;
mod trouble;

use clap::{Parser, Subcommand};

/// Pult's own commands: check it, see it, measure it.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Checks everything: format, lints, build, all tests on both databases, SIPp, the real window
    Test(test::Arguments),
    /// Shows a shift: the gateway, simulated callers with real SIP and RTP, the operator's window
    Demo(demo::Arguments),
    /// Measures: the pop's latency, the cost of a call, and the other benchmarks
    Bench(bench::Arguments),
}

fn main() -> std::process::ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Test(arguments) => test::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
    };
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(trouble) => trouble.report(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_command_and_option_is_declared_soundly_and_explains_itself() {
        let mut command = Arguments::command();
        command.build();
        command.clone().debug_assert();
        for subcommand in command.get_subcommands().filter(|one| one.get_name() != "help") {
            assert!(subcommand.get_about().is_some(), "{} has no help", subcommand.get_name());
            for argument in subcommand.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {} has no help", subcommand.get_name(), argument.get_id());
            }
        }
    }
}
