//! Many clients at once, over both faces, on few ids: some order of one request after the other explains all that they were told.

use std::sync::Arc;

use concierge_test_histories::linear::contradictions;
use concierge_test_histories::{Answer, Event, History, Leases, Op, Reply};
use concierge_tests::{Hub, within};
use rand::RngExt;

use crate::load::Load;
use crate::recorder::Recorder;

const ROUNDS: u64 = 8;

/// What every round sees granted, or the judge has nothing to judge.
const GRANTED: &[&str] = &["Create", "Settle", "Look", "Acquire", "Fulfill"];

#[tokio::test]
async fn what_clients_are_told_at_the_same_time_is_explained_by_an_order() {
    let seed: u64 = rand::rng().random();
    eprintln!("seed {seed}");
    let hub = Hub::with(&["coordinator.enabled=true"]).await;
    let (mut asked, mut at_once) = (0, 0);
    for round in 0..ROUNDS {
        let recorder = Arc::new(Recorder::new());
        let load = Load { seed: seed ^ round, clients: 16, tasks: 4, ttl: 3_600_000_000_000, requests: 40 };
        let mut clients = load.start(&hub, &format!("r{round}"), &recorder).await;
        within("all of it", async { while clients.join_next().await.transpose().unwrap().is_some() {} }).await;
        let history = recorder.history();
        let found: Vec<String> = contradictions(&history, Leases::Outlast).iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "round {round}:\n{}", found.join("\n"));
        let never: Vec<_> = GRANTED.iter().filter(|kind| !is_granted(&history, kind)).collect();
        assert!(never.is_empty(), "round {round} saw none granted of {never:?}");
        assert!(
            !contradictions(&with_two_ends(history.clone()), Leases::Outlast).is_empty(),
            "round {round}: a lie was believed"
        );
        asked += history.events.len();
        at_once += history.by_id().values().map(|events| pairs_at_once(events)).sum::<usize>();
    }
    eprintln!("{asked} requests, {at_once} pairs of them at once on one id");
    assert!(at_once > asked / 2, "requests on one id have to overlap, or this shows nothing: {at_once} of {asked}");
}

/// Whether one of that kind was.
fn is_granted(history: &History, kind: &str) -> bool {
    history.events.iter().any(|event| event.is_granted() && format!("{:?}", event.op).starts_with(kind))
}

/// The same, and another client was told at the same time that it had fulfilled the same task.
fn with_two_ends(mut history: History) -> History {
    let mut end = history.events.iter().find(|event| event.is_fulfilment()).expect("every round has one").clone();
    let other = "somebody else's".to_owned();
    end.client = other.clone();
    if let (Op::Fulfill { value, .. }, Some(Reply { answer: Answer::Promise { value: Some(told), .. }, .. })) =
        (&mut end.op, &mut end.reply)
    {
        (*value, *told) = (other.clone(), other);
    }
    history.events.push(end);
    history
}

/// How many pairs overlap.
fn pairs_at_once(events: &[&Event]) -> usize {
    let all = |n: usize| events[n + 1..].iter().filter(move |other| !events[n].precedes(other) && !other.precedes(events[n]));
    (0..events.len()).map(|n| all(n).count()).sum()
}
