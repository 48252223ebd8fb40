//! Everybody's connection is cut in the same moment: whoever comes meanwhile enters at once, and nobody is left in the hub.

use std::time::Duration;

use concierge_tests::{Hub, measured, stall, until};
use tokio::time::Instant;

use crate::crowd::{Crowd, Cut};
use crate::newcomers::Newcomers;
use crate::{CALM, ONE_STORM, nothing_is_left, storm_clients};

/// Newcomers before the cut: the measure of a usual wait.
const BEFORE: usize = 10;
/// How long the hub may take to be clean.
const CLEAN_WITHIN: Duration = Duration::from_secs(10);

async fn everybody_is_cut(how: Cut) {
    let _storm = ONE_STORM.lock().await;
    let size = storm_clients();
    let hub = Hub::with(CALM).await;
    let _warm = hub.get("/metrics").await;
    let descriptors = hub.process().descriptors();
    let begin = Instant::now();
    let crowd = Crowd::gather(hub.address, size).await;
    let gathered = begin.elapsed();
    crowd.has_heard_all().await;
    let newcomers = Newcomers::begin(hub.address);
    until("newcomers come", async || (newcomers.come() >= BEFORE).then_some(())).await;
    assert!(hub.metric("concierge_clients").await >= size as f64);

    let (before, begin) = (newcomers.come(), Instant::now());
    crowd.cut(how);
    until("all but newcomers are gone", async || (hub.metric("concierge_clients").await <= 2.0).then_some(())).await;
    let clean = begin.elapsed();
    let waits = newcomers.end().await;
    assert!(crowd.ends().await.is_empty(), "the hub ended nobody before");
    let longest = waits[before..].iter().max().copied().unwrap_or_default();
    let usual = waits[..before].iter().max().copied().unwrap_or_default();
    measured(&format!(
        "{size} clients gathered in {gathered:?} and cut ({how:?}): none is there after {clean:?}, of {} newcomers the last waits \
         {longest:?} (before the cut {usual:?})",
        waits.len() - before,
    ));
    assert!(longest < stall(), "a newcomer waits {longest:?}");
    let rest = nothing_is_left(&hub, descriptors).await;
    assert!(clean + rest < CLEAN_WITHIN, "clean after {clean:?} and {rest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_while_all_sockets_are_reset_enters_at_once_and_nobody_is_left() {
    everybody_is_cut(Cut::Reset).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_while_all_sockets_end_enters_at_once_and_nobody_is_left() {
    everybody_is_cut(Cut::Finish).await;
}
