//! A hub that is killed at any moment under load, and started again on the same file: nothing that it acknowledged is lost,
//! nobody who lost a task is let through, and all that was begun can be finished.
//!
//! `CONCIERGE_TEST_CRASHES=1000 cargo test -p concierge-tests --test durability crash` for more rounds, with
//! `CONCIERGE_TEST_SEED` those of an earlier run. The same seed asks the same things and dies after as many of them; which of
//! them are on their way at that moment is up to the machine.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use concierge_test_histories::linear::contradictions;
use concierge_test_histories::trace::{Broken, broken};
use concierge_test_histories::{Answer, History, Leases};
use concierge_tests::{Hub, within};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use crate::census::census;
use crate::envelope::{promise, request};
use crate::face::Face;
use crate::load::Load;
use crate::recorder::Recorder;

/// Rounds, unless the environment says otherwise.
const CRASHES: u64 = 20;

/// What a run of so many rounds has to see of each kind of request, or it shows less than it should.
const KINDS: &[(&str, &[&str])] = &[
    ("Create", &["granted", "unknown"]),
    ("Settle", &["granted", "refused", "unknown"]),
    ("Look", &["granted", "refused", "unknown"]),
    ("Acquire", &["granted", "refused", "unknown"]),
    ("Heartbeat", &["granted"]),
    ("Fence", &["granted"]),
    ("Suspend", &["granted"]),
    ("Release", &["granted"]),
    ("Fulfill", &["granted"]),
];

/// Nothing is offered again by itself within a test: what is offered is offered because it has to be.
const SETTINGS: &[&str] = &["coordinator.enabled=true", "coordinator.offer_every_ms=3600000"];

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|e| panic!("{name}={text}: {e}")))
}

/// Lets clients loose, kills the hub at some moment, and starts it again. Their requests are in the history when this is done.
async fn crash(hub: &mut Hub, prefix: &str, dice: &mut StdRng, recorder: &Arc<Recorder>) {
    let ttl = 1_000_000 * dice.random_range(20..200);
    let load = Load { seed: dice.random(), clients: 16, tasks: 12, ttl, requests: u64::MAX };
    let mut clients = load.start(hub, prefix, recorder).await;
    let enough = recorder.history().events.len() + dice.random_range(1..500);
    within("that many requests", recorder.events().wait_for(|events| *events >= enough)).await.unwrap();
    let moment = Instant::now() + Duration::from_micros(dice.random_range(0..4_000));
    while Instant::now() < moment {
        tokio::task::yield_now().await;
    }
    hub.kill().await;
    within("the end of all clients", async { while clients.join_next().await.transpose().unwrap().is_some() {} }).await;
    hub.restart().await;
}

/// # Panics
/// When something is not as it was promised.
fn judge(history: &History, round: u64) {
    let broken = broken(history);
    let broken: Vec<String> = broken.iter().map(ToString::to_string).collect();
    assert!(broken.is_empty(), "round {round}: {} promises broken\n{}", broken.len(), broken.join("\n"));
    let contradictions: Vec<String> = contradictions(history, Leases::MayEnd).iter().map(ToString::to_string).collect();
    assert!(contradictions.is_empty(), "round {round}:\n{}", contradictions.join("\n"));
}

#[tokio::test]
async fn whatever_a_hub_acknowledged_is_kept_when_it_is_killed_at_any_moment() {
    let rounds = from_environment("CONCIERGE_TEST_CRASHES").unwrap_or(CRASHES);
    let seed = from_environment("CONCIERGE_TEST_SEED").unwrap_or_else(|| rand::rng().random());
    eprintln!("CONCIERGE_TEST_CRASHES={rounds} CONCIERGE_TEST_SEED={seed}");
    let mut dice = StdRng::seed_from_u64(seed);
    let mut hub = Hub::with(SETTINGS).await;
    let (mut settled, mut counts) = (BTreeMap::new(), BTreeMap::new());
    for round in 0..rounds {
        let recorder = Arc::new(Recorder::new());
        let prefix = format!("r{round}");
        crash(&mut hub, &prefix, &mut dice, &recorder).await;
        census(&hub, &prefix, &recorder).await;
        let history = recorder.history();
        judge(&history, round);
        count(&history, &mut counts);
        settled.extend(outcomes(&history));
    }
    eprintln!("{rounds} rounds, {} outcomes, {counts:?}", settled.len());
    for (kind, needs) in KINDS {
        let seen = |fate: &&str| counts.contains_key(&format!("{kind} {fate}"));
        assert!(rounds < CRASHES || needs.iter().all(seen), "{kind} was not seen {needs:?}");
    }
    hub.kill().await;
    hub.restart().await;
    assert!(all_outcomes(&hub).await == settled, "at the end every outcome of every round is there, and no other");
}

#[tokio::test]
async fn a_store_that_forgets_what_it_acknowledged_is_caught() {
    let mut dice = StdRng::seed_from_u64(7);
    let mut hub = Hub::with(SETTINGS).await;
    let recorder = Arc::new(Recorder::new());
    crash(&mut hub, "r0", &mut dice, &recorder).await;
    let database = hub.home().join("state/concierge/coordinator.db");
    let older = hub.home().join("older.db");
    hub.stop().await;
    std::fs::copy(&database, &older).unwrap();
    hub.restart().await;
    crash(&mut hub, "r1", &mut dice, &recorder).await;
    hub.kill().await;
    forget(&older, &database);
    hub.restart().await;
    census(&hub, "r1", &recorder).await;
    let broken = broken(&recorder.history());
    assert!(broken.iter().any(|one| matches!(one, Broken::Lost(..))), "{broken:?}");
    assert!(!contradictions(&recorder.history(), Leases::MayEnd).is_empty());
}

/// Puts an older copy of a database in its place.
fn forget(older: &Path, database: &Path) {
    for journal in ["-wal", "-shm"] {
        let mut path = database.as_os_str().to_owned();
        path.push(journal);
        let gone = std::fs::remove_file(path);
        assert!(gone.is_ok() || gone.is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound));
    }
    std::fs::copy(older, database).unwrap();
}

/// Requests by kind and fate, and what was owed.
fn count(history: &History, counts: &mut BTreeMap<String, usize>) {
    for event in &history.events {
        let kind = format!("{:?}", event.op);
        let kind = kind.split(' ').next().unwrap();
        let fate = match event.answer() {
            None => "unknown",
            Some(Answer::Refused(_)) => "refused",
            Some(_) => "granted",
        };
        *counts.entry(format!("{kind} {fate}")).or_default() += 1;
    }
    *counts.entry("owed".to_owned()).or_default() += history.owed.len();
    *counts.entry("offered".to_owned()).or_default() += history.offers.len();
}

/// The outcome of every promise that is settled.
fn outcomes(history: &History) -> BTreeMap<String, String> {
    let settled = history.events.iter().filter_map(|event| match event.answer() {
        Some(Answer::Promise { value: Some(value), .. }) => Some((event.id.clone(), value.clone())),
        _ => None,
    });
    settled.collect()
}

/// The outcome of every promise that is stored.
async fn all_outcomes(hub: &Hub) -> BTreeMap<String, String> {
    let (mut face, mut all, mut cursor) = (Face::http(hub).await, BTreeMap::new(), json!({}));
    loop {
        let page = face.ask(&request("promise.search", "page", &cursor)).await.unwrap();
        for stored in page["data"]["promises"].as_array().unwrap() {
            let Answer::Promise { value, .. } = promise(stored) else { panic!("{stored}") };
            all.insert(stored["id"].as_str().unwrap().to_owned(), value.unwrap_or_else(|| "pending".to_owned()));
        }
        match &page["data"]["cursor"] {
            serde_json::Value::String(next) => cursor = json!({ "cursor": next }),
            _ => return all,
        }
    }
}
