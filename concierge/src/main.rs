//! The `concierge` command: parse, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    concierge::cli::run().into()
}
