//! The `concierge` command: parse, run, exit code.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// It gives memory back when thousands of clients have gone, and knows how much is in use.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    concierge::cli::run().into()
}
