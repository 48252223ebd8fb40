//! Clients come and go beside an owner that broadcasts: nobody waits, and nothing stays behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use concierge_tests::{Client, Hub, measured, stall, until};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};
use tokio_tungstenite::tungstenite::Message;

const CYCLES: u64 = 10_000;
const AT_ONCE: usize = 4;
const BROADCAST_EVERY: Duration = Duration::from_millis(5);

/// What the steady subscriber saw.
#[derive(Debug, Default)]
struct Seen {
    messages: u64,
    /// The longest time between two messages.
    gap: Duration,
    /// The longest way of a message.
    latency: Duration,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_joins_and_leaves_beside_a_broadcasting_owner_stall_nobody_and_leave_nothing_behind() {
    let hub = Arc::new(Hub::start().await);
    let mut owner = hub.enter("owner").await;
    owner.ask(&json!({ "type": "SERVICE_CREATE", "service": "weather" })).await;
    let mut steady = hub.enter("steady").await;
    steady.ask(&json!({ "type": "SELF_SUBSCRIBE", "service": "weather" })).await;
    let process = hub.process();
    let (descriptors, threads, memory) = (process.descriptors(), process.threads(), process.resident_bytes());

    let over = Arc::new(AtomicBool::new(false));
    let watch = thread::spawn({
        let (hub, over) = (hub.clone(), over.clone());
        move || broadcast_and_watch(&hub, owner, steady, &over)
    });
    let begin = Instant::now();
    let next = Arc::new(AtomicU64::new(0));
    let mut joiners = JoinSet::new();
    for n in 0..AT_ONCE {
        joiners.spawn(come_and_go(hub.clone(), next.clone(), format!("visitor_{n}")));
    }
    while let Some(joiner) = joiners.join_next().await {
        joiner.unwrap();
    }
    let took = begin.elapsed();
    over.store(true, Ordering::Relaxed);
    let (seen, mut owner, _steady) = watch.join().unwrap();
    measured(&format!("{CYCLES} joins and leaves in {took:?}, beside them {seen:?}"));
    assert!(seen.gap < stall() && seen.latency < stall(), "{seen:?}");

    until("all connections but two are over", async || (process.descriptors() == descriptors).then_some(())).await;
    let clients = owner.ask(&json!({ "type": "CLIENT_FETCH_ALL" })).await;
    let names: Vec<_> = clients["clients"].as_array().unwrap().iter().map(|client| client["name"].clone()).collect();
    assert_eq!(names, ["owner", "steady"]);
    let services = owner.ask(&json!({ "type": "SERVICE_FETCH_ALL" })).await;
    assert_eq!(services["services"].as_array().unwrap().len(), 1);
    assert_eq!(services["services"][0]["subscriber_count"], 1);
    assert_eq!(hub.metric("concierge_subscriptions").await, 1.0);
    until("no folder is left", async || (files_below(&hub.temporary(), "note.txt") == 0).then_some(())).await;
    let more = process.threads().saturating_sub(threads);
    assert!(more < 32, "{more} more threads: those that wrote files may linger, and are few");
    let grown = process.resident_bytes().saturating_sub(memory);
    measured(&format!("the hub grew by {} KiB over {CYCLES} joins and leaves", grown / 1024));
    assert!(grown < 32 << 20, "the hub grew by {grown} bytes");
}

/// Every cycle joins, subscribes and leaves; whoever leaves properly may have the name again at once. Some own a service and
/// a file when they go, some go without a word.
async fn come_and_go(hub: Arc<Hub>, next: Arc<AtomicU64>, name: String) {
    loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        if n >= CYCLES {
            return;
        }
        let vanishes = n % 8 == 7;
        let mut client = if vanishes { hub.enter(&format!("ghost_{n}")).await } else { hub.enter(&name).await };
        let subscribed = client.ask(&json!({ "type": "SELF_SUBSCRIBE", "service": "weather" })).await;
        assert_eq!(subscribed["successful"], true, "{subscribed}");
        if n.is_multiple_of(20) {
            let service = format!("service_{n}");
            let created = client.ask(&json!({ "type": "SERVICE_CREATE", "service": service })).await;
            assert_eq!(created["successful"], true, "{created}");
            let path = format!("/fs/{}/note.txt", client.name);
            let put = hub.http("PUT", &path, &[("x-fs-key", &client.fs_key)], b"I was here").await;
            assert_eq!(put.status, 201, "{}", put.text());
        }
        if !vanishes {
            client.leave().await;
        }
    }
}

/// On a thread of its own, so that it measures the hub and not the other tasks of this test.
fn broadcast_and_watch(hub: &Hub, owner: Client, steady: Client, over: &AtomicBool) -> (Seen, Client, Client) {
    let _keeps_the_process = hub;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut seen = Seen::default();
        let (mut owner, mut steady) = (owner, steady);
        let begin = Instant::now();
        let mut ticks = interval(BROADCAST_EVERY);
        let (mut last, mut sent, mut answered) = (begin, 0_u64, 0_u64);
        // what is under way when it is over is waited for
        while !over.load(Ordering::Relaxed) || seen.messages.min(answered) < sent {
            tokio::select! {
                biased; // what came is taken before more is sent
                message = steady.websocket().next() => {
                    if let Some(micros) = broadcast_of(message) {
                        let now = Instant::now();
                        seen.messages += 1;
                        seen.gap = seen.gap.max(now - last);
                        seen.latency = seen.latency.max((now - begin).saturating_sub(Duration::from_micros(micros)));
                        last = now;
                    }
                }
                answer_or_news = owner.websocket().next() => {
                    let text = answer_or_news.unwrap().unwrap();
                    answered += u64::from(text.to_text().unwrap().starts_with(r#"{"type":"OK""#));
                }
                _ = ticks.tick(), if !over.load(Ordering::Relaxed) => {
                    let micros = u64::try_from(begin.elapsed().as_micros()).unwrap();
                    let target = json!({ "type": "SERVICE", "service": "weather" });
                    let payload = json!({ "type": "MESSAGE", "target": target, "data": micros });
                    owner.websocket().send(Message::text(payload.to_string())).await.unwrap();
                    sent += 1;
                }
            }
        }
        (seen, owner, steady)
    })
}

/// When it was sent, if it is a broadcast.
fn broadcast_of(message: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>) -> Option<u64> {
    let Message::Text(text) = message.expect("the hub goes on").expect("the connection stands") else { return None };
    let payload: Value = text.starts_with(r#"{"type":"MESSAGE""#).then(|| serde_json::from_str(&text).unwrap())?;
    payload["data"].as_u64()
}

/// Files of that name.
fn files_below(dir: &std::path::Path, name: &str) -> usize {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => files_below(&entry.path(), name),
            _ => usize::from(entry.file_name() == name),
        })
        .sum()
}
