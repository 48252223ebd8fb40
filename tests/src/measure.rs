//! What tests measure, and how much they let pass.
//!
//! `CONCIERGE_TEST_STALL_MS` is the longest time, in milliseconds, that a client may wait because of what others do. Without
//! it that is a second: on a machine that builds beside the tests, it takes a while to be scheduled at all. On a quiet
//! machine, the release build keeps 100:
//!
//! ```sh
//! cargo build --release -p concierge
//! TESTED_CONCIERGE=$PWD/target/release/concierge CONCIERGE_TEST_STALL_MS=100 cargo test -p concierge-tests -- churn slow floods
//! ```

use std::io::Write;
use std::time::Duration;

/// How long a client may wait because of what others do.
///
/// # Panics
/// When `CONCIERGE_TEST_STALL_MS` is no number.
#[must_use]
pub fn stall() -> Duration {
    match std::env::var("CONCIERGE_TEST_STALL_MS") {
        Ok(ms) => Duration::from_millis(ms.parse().expect("CONCIERGE_TEST_STALL_MS is a number of milliseconds")),
        Err(_) => Duration::from_secs(1),
    }
}

/// Shows a measurement, also of a test that passes: what macros print is shown for those that fail.
pub fn measured(what: &str) {
    // who closed stderr does not want to know
    let _ = writeln!(std::io::stderr(), "measured: {what}");
}
