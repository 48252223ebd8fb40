//! Many requests: shared evenly, and none is without an answer when a worker dies.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::stream;

use super::*;

/// Requests that are asked.
const REQUESTS: usize = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn three_workers_share_ten_thousand_requests_evenly() {
    let nats = Nats::start().await;
    let (hub, plain) = (hub(&nats, &["router.in_flight=1000"]).await, nats.client().await);
    let mut answering = Vec::new();
    for name in ["bob", "cyd", "dan"] {
        let mut worker = worker(&hub, &plain, name).await;
        // it serves when a push of its own comes back; the others get it too, and skip it
        send(&mut worker, "api", json!({ "type": "p", "cmd": "math/here", "data": name })).await;
        while got(&mut worker).await["data"]["data"] != name {}
        answering.push(tokio::spawn(async move {
            loop {
                let asked = got(&mut worker).await["data"].take();
                if asked["type"] == "q" {
                    let reqid = &asked["_reqid"];
                    send(&mut worker, "api", json!({ "type": "r", "status": "ok", "_reqid": reqid, "data": name })).await;
                }
            }
        }));
    }
    let answers = stream::iter(0..REQUESTS).map(|_| ask(&plain, "concierge.api.math", &QUESTION)).buffer_unordered(100);
    let shares = answers
        .fold(BTreeMap::<String, usize>::new(), async |mut shares, answer| {
            *shares.entry(answer["data"].as_str().unwrap().to_owned()).or_default() += 1;
            shares
        })
        .await;
    assert_eq!(shares.values().sum::<usize>(), REQUESTS);
    assert!(shares.values().all(|share| (2_500..=4_200).contains(share)), "{shares:?}");
    answering.iter().for_each(|task| task.abort());
}

static QUESTION: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| json!({ "type": "q", "cmd": "math/add", "data": 7 }));

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_loses_only_what_it_held_and_that_is_said() {
    let nats = Nats::start().await;
    let (hub, plain) = (hub(&nats, &[]).await, nats.client().await);
    let answered = Arc::new(AtomicUsize::new(0));
    let mut workers = Vec::new();
    for name in ["bob", "cyd", "dan"] {
        let (mut worker, answered) = (worker(&hub, &plain, name).await, answered.clone());
        workers.push(tokio::spawn(async move {
            loop {
                let asked = got(&mut worker).await["data"].take();
                let reqid = &asked["_reqid"];
                send(&mut worker, "api", json!({ "type": "r", "status": "ok", "_reqid": reqid, "data": name })).await;
                answered.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    let killer = workers.pop().unwrap();
    let seen = answered.clone();
    let killing = async {
        until("it is half done", async || (seen.load(Ordering::Relaxed) > REQUESTS / 2).then_some(())).await;
        // its connection is cut with whatever it holds
        killer.abort();
    };
    let asking = stream::iter(0..REQUESTS).map(|_| ask(&plain, "concierge.api.math", &QUESTION)).buffer_unordered(90);
    let (answers, ()) = tokio::join!(asking.collect::<Vec<Value>>(), killing);
    assert_eq!(answers.len(), REQUESTS);
    let lost: Vec<&Value> = answers.iter().filter(|answer| answer["status"] != "ok").collect();
    assert!(lost.len() <= 90, "{} were lost", lost.len());
    assert!(lost.iter().all(|answer| [json!(2), json!(7)].contains(&answer["data"]["code"])), "{lost:?}");
    workers.iter().for_each(|task| task.abort());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_while_a_worker_goes_is_answered() {
    let nats = Nats::start().await;
    let (hub, plain) = (hub(&nats, &[]).await, nats.client().await);
    for round in 0..4 {
        let mut bob = worker(&hub, &plain, "bob").await;
        let working = tokio::spawn(async move {
            for _ in 0..500 {
                let reqid = got(&mut bob).await["data"]["_reqid"].clone();
                send(&mut bob, "api", json!({ "type": "r", "status": "ok", "_reqid": reqid, "data": 3 })).await;
            }
            // and is gone, in the middle
        });
        let asking = stream::iter(0..2_000).map(|_| async {
            let asked = plain.request("concierge.api.math", QUESTION.to_string().into());
            match within("an answer", asked).await {
                Ok(answer) => datagram_of(&answer)["status"] == "ok",
                Err(error) => {
                    assert_eq!(error.kind(), async_nats::RequestErrorKind::NoResponders, "in round {round}");
                    false
                }
            }
        });
        let done = asking.buffer_unordered(64).filter(|ok| std::future::ready(*ok)).count().await;
        assert!(done >= 400, "{done}");
        working.await.unwrap();
        until("nobody serves it", async || Some(info(&plain).await?["endpoints"].take()).filter(|all| all == &json!([]))).await;
    }
}
