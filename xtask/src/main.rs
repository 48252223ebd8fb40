//! Automation of the workspace: what CI runs, what a developer runs before a commit. CONTRIBUTING.md shows the commands.

mod autobahn;
mod bench;
mod ci;
mod deny;
mod needs;
mod run;
mod say;
mod sim;
mod test;
mod tidy;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tests, checks and measures the workspace.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what the tests need, build the `concierge` binary and run every test of the workspace
    Test {
        /// Handed to `cargo test`, for example `-p concierge-hub -- leaving`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// fmt, clippy, tidy, deny and test, stopping at the first that fails
    Ci,
    /// Check the rules of the house that the compiler does not know
    Tidy,
    /// Write docs/security-tests.md, which shows the tests of each item of the security list
    Security,
    /// Check licences, sources and known vulnerabilities of the dependencies
    Deny,
    /// Run the benchmark at length and write docs/measurements.md
    Measure {
        /// Handed to `concierge-bench run`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Run Autobahn's suite for WebSocket servers against the hub's transport
    Autobahn {
        /// Write what it says to tests/autobahn/expected.txt
        #[arg(long)]
        update: bool,
    },
    /// Play the real hub on a simulated network and clock, by seed
    Sim {
        /// Handed to `concierge-sim`, for example `--seeds 10000`, or `--seed 4711` to see one again
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Build the release binaries and run the benchmark against the hub
    Bench {
        /// Handed to `concierge-bench run`, for example `--quick` or `--json FILE`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Test { arguments } => test::run(&arguments),
        Task::Ci => ci::run(),
        Task::Tidy => tidy::run(),
        Task::Security => tidy::security::write(),
        Task::Deny => deny::run(),
        Task::Measure { arguments } => bench::measure(&arguments),
        Task::Autobahn { update } => autobahn::run(update),
        Task::Sim { arguments } => sim::run(&arguments),
        Task::Bench { arguments } => bench::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::error(&error);
            ExitCode::FAILURE
        }
    }
}
