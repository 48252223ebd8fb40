//! Everybody's connection is cut in the same moment: whoever comes meanwhile enters at once, and nobody is left in the hub.

use std::time::Duration;

use concierge_tests::{Hub, measured, stall, until};
use tokio::time::Instant;

use crate::apart::{Apart, is_the_crowd};
use crate::crowd::Cut;
use crate::newcomers::{Newcomers, at};
use crate::{CALM, ONE_STORM, nothing_is_left, storm_clients};

/// Newcomers before the cut: the measure of a usual wait.
const BEFORE: usize = 10;
/// How long the hub may take to be clean.
const CLEAN_WITHIN: Duration = Duration::from_secs(10);

async fn everybody_is_cut(test: &str, how: Cut) {
    if is_the_crowd().await {
        return;
    }
    let _storm = ONE_STORM.lock().await;
    let size = storm_clients();
    let hub = Hub::with(CALM).await;
    let _warm = hub.get("/metrics").await;
    let descriptors = hub.process().descriptors();
    let begin = Instant::now();
    let crowd = Apart::gather(test, hub.address, size, how).await;
    let gathered = begin.elapsed();
    let newcomers = Newcomers::begin(hub.address);
    until("newcomers come", async || (newcomers.come() >= BEFORE).then_some(())).await;
    assert!(hub.metric("concierge_clients").await >= size as f64, "the hub ended somebody before");

    let (before, busy, starved, begin) = (newcomers.come(), hub.process().busy(), hub.process().starved(), Instant::now());
    crowd.cut().await;
    let cut = begin.elapsed();
    until("all but newcomers are gone", async || (hub.metric("concierge_clients").await <= 2.0).then_some(())).await;
    let (clean, busy, starved) = (begin.elapsed(), hub.process().busy() - busy, hub.process().starved() - starved);
    let waits = newcomers.end().await;
    let (mut usual, mut waits) = (waits[..before].to_vec(), waits[before..].to_vec());
    usual.sort_unstable();
    waits.sort_unstable();
    let longest = waits.last().copied().unwrap_or_default();
    measured(&format!(
        "{size} clients, gathered in {gathered:.1?}, are cut ({how:?}; the system takes {cut:.0?}): of {} newcomers meanwhile half \
         enter within {:.0?} and the last within {longest:.0?} of {:.0?} (of {before} before the cut {:.0?} and {:.0?}); none of \
         the {size} is there after {clean:.1?} of {CLEAN_WITHIN:?}, in which the hub works {busy:.2?} and waits for a core for {starved:.2?}",
        waits.len(),
        at(0.5, &waits),
        stall(),
        at(0.5, &usual),
        at(1.0, &usual),
    ));
    assert!(longest < stall(), "a newcomer waits {longest:?}");
    let rest = nothing_is_left(&hub, descriptors).await;
    assert!(clean + rest < CLEAN_WITHIN, "clean after {clean:?} and {rest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_while_all_sockets_are_reset_enters_at_once_and_nobody_is_left() {
    let own = "disconnect::whoever_comes_while_all_sockets_are_reset_enters_at_once_and_nobody_is_left";
    everybody_is_cut(own, Cut::Reset).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_while_all_sockets_end_enters_at_once_and_nobody_is_left() {
    let own = "disconnect::whoever_comes_while_all_sockets_end_enters_at_once_and_nobody_is_left";
    everybody_is_cut(own, Cut::Finish).await;
}
