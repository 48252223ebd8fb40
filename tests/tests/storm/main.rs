//! The hub in a storm: thousands cut at once, thousands told to go, and hundreds of real clients whose hub dies and whose
//! sockets break at random.
//!
//! CI runs it small. `cargo xtask storm` runs it at full size with the release binary, one test after the other; these are its
//! variables: `CONCIERGE_TEST_STORM_CLIENTS` (cut, or drained, at once), `CONCIERGE_TEST_STALL_MS` (how long a newcomer may
//! take meanwhile), `CONCIERGE_TEST_CHAOS_CLIENTS`, `CONCIERGE_TEST_CHAOS_SECONDS`, and `CONCIERGE_TEST_SEED` for the faults of
//! an earlier run.
#![expect(clippy::unwrap_used, reason = "all of this is tests, the functions that they share too")]

mod apart;
mod chaos;
mod crowd;
mod disconnect;
mod drain;
mod member;
mod newcomers;
mod proxy;
mod skim;
mod survivor;

use std::time::Duration;

use concierge_tests::{Hub, PATIENCE, until};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Storms of thousands come one after the other: each measures.
static ONE_STORM: Mutex<()> = Mutex::const_new(());

/// No pings: ten thousand clients on a busy machine are late with their pongs, and that is no matter here.
const CALM: &[&str] = &["log.level=info", "heartbeat.every_ms=900000", "heartbeat.grace_ms=60000"];

/// A number that the environment may change.
fn from_environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|e| panic!("{name}={text}: {e}")))
}

/// Clients of a storm.
fn storm_clients() -> usize {
    usize::try_from(from_environment("CONCIERGE_TEST_STORM_CLIENTS", 1_000)).unwrap()
}

/// Nobody and nothing is in the hub, and no connection to it is open. How long that took.
async fn nothing_is_left(hub: &Hub, descriptors: usize) -> Duration {
    let begin = Instant::now();
    until("nothing is left in the hub", async || {
        let metrics = hub.get("/metrics").await;
        let is = |name: &str, value: &str| metrics.contains(&format!("\n{name} {value}\n"));
        let empty = is("concierge_clients", "0") && is("concierge_services", "0") && is("concierge_subscriptions", "0");
        // the one that asks
        (empty && is("concierge_connections", "1")).then_some(())
    })
    .await;
    until("all descriptors came back", async || (hub.process().descriptors() <= descriptors).then_some(())).await;
    assert!(begin.elapsed() < PATIENCE);
    begin.elapsed()
}
