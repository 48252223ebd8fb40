//! Automation of the workspace: what CI runs, what a developer runs before a commit. CONTRIBUTING.md shows the commands.

mod autobahn;
mod bench;
mod ci;
mod deny;
mod fuzz;
mod needs;
mod run;
mod say;
mod sim;
mod storm;
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
    /// fmt, tidy, clippy, deny, test and a little of fuzz, stopping at the first that fails
    Ci,
    /// Check the rules of the house that the compiler does not know
    Tidy,
    /// Write docs/security-tests.md, which shows the tests of each item of the security list
    Security,
    /// Check licences, sources and known vulnerabilities of the dependencies
    Deny,
    /// Run the benchmark beside nats-server and Bun, which are installed, and write docs/measurements.md
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
    /// Let libFuzzer look for input that makes a target fail, all targets or those named
    Fuzz {
        /// For each target
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Targets at a time; as many as there are cores when absent
        #[arg(long)]
        jobs: Option<usize>,
        /// Built like the tests, which is slow to run and quick to build; else optimised
        #[arg(long)]
        dev: bool,
        /// Folders of `fuzz/seeds`; all when none is named
        targets: Vec<String>,
    },
    /// Build the release binaries and run the benchmark against the hub
    Bench {
        /// Handed to `concierge-bench run`, for example `--quick` or `--json FILE`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Run the storms of the end-to-end tests at full size against the release binary: takes a quarter of an hour
    Storm {
        /// Handed to the tests, for example `chaos`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    if let Some(code) = fuzz::instrument() {
        return code;
    }
    let done = match Arguments::parse().task {
        Task::Test { arguments } => test::run(&arguments),
        Task::Ci => ci::run(),
        Task::Tidy => tidy::run(),
        Task::Security => tidy::security::write(),
        Task::Deny => deny::run(),
        Task::Measure { arguments } => bench::measure(&arguments),
        Task::Autobahn { update } => autobahn::run(update),
        Task::Sim { arguments } => sim::run(&arguments),
        Task::Fuzz { seconds, jobs, dev, targets } => fuzz::run(&fuzz::Plan { seconds, jobs, dev, targets }),
        Task::Bench { arguments } => bench::run(&arguments),
        Task::Storm { arguments } => storm::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::error(&error);
            ExitCode::FAILURE
        }
    }
}
