//! Many clients at once, over both faces, on few ids: some order of one request after the other explains all that they were told.

use std::sync::Arc;

use concierge_test_histories::linear::contradictions;
use concierge_test_histories::{Leases, Op};
use concierge_tests::{Hub, within};
use rand::RngExt;

use crate::load::Load;
use crate::recorder::Recorder;

#[tokio::test]
async fn what_clients_are_told_at_the_same_time_is_explained_by_an_order() {
    let seed: u64 = rand::rng().random();
    eprintln!("seed {seed}");
    let hub = Hub::with(&["coordinator.enabled=true"]).await;
    let (mut asked, mut at_once, mut fulfilled) = (0, 0, 0);
    let rounds: u64 = 8;
    for round in 0..rounds {
        let recorder = Arc::new(Recorder::new());
        let load = Load { seed: seed ^ round, clients: 16, tasks: 4, ttl: 3_600_000_000_000, requests: 40 };
        let mut clients = load.start(&hub, &format!("r{round}"), &recorder).await;
        within("all of it", async { while clients.join_next().await.transpose().unwrap().is_some() {} }).await;
        let history = recorder.history();
        let found: Vec<String> = contradictions(&history, Leases::Outlast).iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "round {round}:\n{}", found.join("\n"));
        asked += history.events.len();
        at_once += history.by_id().values().map(|events| pairs_at_once(events)).sum::<usize>();
        fulfilled += history.events.iter().filter(|event| matches!(event.op, Op::Fulfill { .. }) && event.is_granted()).count();
    }
    // about three in a round, but in some rounds none
    assert!(fulfilled as u64 >= rounds, "{fulfilled} fulfilled in {rounds} rounds");
    eprintln!("{asked} requests, {at_once} pairs of them at once on one id");
    assert!(at_once > asked / 2, "requests on one id have to overlap, or this shows nothing: {at_once} of {asked}");
}

/// How many pairs overlap.
fn pairs_at_once(events: &[&concierge_test_histories::Event]) -> usize {
    let all = |n: usize| events[n + 1..].iter().filter(move |other| !events[n].precedes(other) && !other.precedes(events[n]));
    (0..events.len()).map(|n| all(n).count()).sum()
}
