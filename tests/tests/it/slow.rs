//! A client that stops reading costs its outbox and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use concierge_tests::{Certificate, Client, Hub, Setup, measured, stall, until, within};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

/// Security: 27.
#[tokio::test]
async fn a_hub_that_is_short_of_memory_answers_newcomers_503_and_keeps_those_that_are_there() {
    const ROOM: usize = 64 << 20;
    let bounds =
        [format!("limits.memory_bytes={ROOM}"), format!("limits.outbox_bytes={}", 2 * ROOM), "limits.stall_ms=600000".into()];
    let hub = Setup::default().set(bounds).start().await;
    let (mut owner, mut friend) = (hub.enter("owner").await, hub.enter("friend").await);
    owner.ask(&json!({ "type": "SERVICE_CREATE", "service": "weather" })).await;
    let sleeper = subscriber(&hub, "sleeper").await;
    assert_eq!(hub.get("/readyz").await, "ready\n");
    let data = "x".repeat(BYTES);
    for _ in 0..ROOM / BYTES {
        let target = json!({ "type": "SERVICE", "service": "weather" });
        owner.ask(&json!({ "type": "MESSAGE", "target": target, "data": data })).await;
    }
    let ready = until("the hub is short of memory", async || {
        let ready = hub.http("GET", "/readyz", &[], b"").await;
        (ready.status == 503).then_some(ready)
    });
    assert_eq!(ready.await.text(), "short of memory\n");
    let refused = hub.http("GET", "/ws", &[], b"").await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("10")));
    let metrics = hub.get("/metrics").await;
    assert!(metrics.contains(r#"concierge_connections_refused_total{reason="memory"} 1"#), "{metrics}");
    let target = json!({ "type": "NAME", "name": friend.name });
    owner.ask(&json!({ "type": "MESSAGE", "target": target, "data": "still here" })).await;
    assert_eq!(friend.hear_news("MESSAGE").await["data"], "still here");
    drop(sleeper); // what waited for it goes with it
    until("newcomers have room again", async || (hub.http("GET", "/readyz", &[], b"").await.status == 200).then_some(())).await;
    hub.enter("newcomer").await;
}

const BYTES: usize = 60_000;
/// Messages that a reader may be behind, so that the readers stay within their outboxes on a slow machine.
const AHEAD: u64 = 8;
const READERS: u64 = 2;

/// How far the readers are, and their longest waits.
#[derive(Debug, Default)]
struct Progress {
    read: [AtomicU64; READERS as usize],
    latency_us: AtomicU64,
}

impl Progress {
    fn slowest(&self) -> u64 {
        self.read.iter().map(|read| read.load(Ordering::Acquire)).min().unwrap()
    }

    fn take_latency(&self) -> Duration {
        Duration::from_micros(self.latency_us.swap(0, Ordering::AcqRel))
    }
}

async fn subscriber(hub: &Hub, name: &str) -> Client {
    let mut client = hub.enter(name).await;
    client.ask(&json!({ "type": "SELF_SUBSCRIBE", "service": "weather" })).await;
    client
}

/// Reads messages to the end of its task; every one must be the next one.
async fn read_all(mut client: Client, n: usize, begin: Instant, progress: Arc<Progress>) {
    let mut expected = 0;
    while let Some(Ok(message)) = client.websocket().next().await {
        let Message::Text(text) = message else { continue };
        if !text.starts_with(r#"{"type":"MESSAGE""#) {
            continue;
        }
        let now = begin.elapsed();
        let payload: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(payload["data"]["n"], expected, "in order, and all of them");
        let sent = Duration::from_micros(payload["data"]["sent_us"].as_u64().unwrap());
        progress.latency_us.fetch_max(u64::try_from((now - sent).as_micros()).unwrap(), Ordering::AcqRel);
        expected += 1;
        progress.read[n].store(expected, Ordering::Release);
    }
    panic!("a reader lost its connection after {expected} messages");
}

/// Broadcasts the messages of that range, never further ahead of the slowest reader than AHEAD.
async fn broadcast(owner: &mut Client, numbers: std::ops::Range<u64>, begin: Instant, progress: &Progress) {
    let padding = "x".repeat(BYTES);
    for n in numbers.clone() {
        let sent_us = u64::try_from(begin.elapsed().as_micros()).unwrap();
        let data = json!({ "n": n, "sent_us": sent_us, "padding": padding });
        let target = json!({ "type": "SERVICE", "service": "weather" });
        let text = json!({ "type": "MESSAGE", "target": target, "data": data }).to_string();
        owner.websocket().send(Message::text(text)).await.unwrap();
        owner.hear_answer().await;
        within("the readers", async {
            while n + 1 - progress.slowest() > AHEAD {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    until("everything is read", async || (progress.slowest() == numbers.end).then_some(())).await;
}

/// `megabytes` of broadcasts beside a reader that stalls.
async fn a_stalled_reader(hub: Hub, megabytes: u64) {
    let mut owner = hub.enter("owner").await;
    owner.ask(&json!({ "type": "SERVICE_CREATE", "service": "weather" })).await;
    let (begin, progress) = (Instant::now(), Arc::new(Progress::default()));
    let mut readers = tokio::task::JoinSet::new();
    for n in 0..READERS {
        let reader = subscriber(&hub, &format!("reader_{n}")).await;
        readers.spawn(read_all(reader, usize::try_from(n).unwrap(), begin, progress.clone()));
    }
    let (before, all) = (megabytes * 1_000_000 / BYTES as u64 / 5, megabytes * 1_000_000 / BYTES as u64);
    broadcast(&mut owner, 0..before, begin, &progress).await;
    let quiet = progress.take_latency();

    let mut stalled = subscriber(&hub, "stalled").await;
    let process = hub.process();
    let memory = process.resident_bytes();
    process.forget_peak();
    broadcast(&mut owner, before..before + all, begin, &progress).await;
    let busy = progress.take_latency();
    let grown = process.peak_bytes().saturating_sub(memory);
    let kib = grown / 1024;
    measured(&format!("a message took at most {quiet:?}, and {busy:?} beside a stalled reader; the hub grew by {kib} KiB"));
    assert!(grown < 12 << 20, "an outbox of 4 MiB costs {grown} bytes");
    assert!(busy < stall() + quiet * 2, "{busy:?} beside a stalled reader, {quiet:?} without it");
    assert_eq!(hub.metric("concierge_slow_consumers_total").await, 1.0);
    assert_eq!(hub.metric("concierge_clients").await, (READERS + 1) as f64, "the slow one has left");

    // it reads again: what it finds is in order, without a gap, and ends in a close frame that says why
    let mut expected = before;
    let (code, reason) = loop {
        match stalled.hear_message().await {
            Some(Ok(Message::Text(text))) => {
                let payload: Value = serde_json::from_str(&text).unwrap();
                if payload["type"] == "MESSAGE" {
                    assert_eq!(payload["data"]["n"], expected);
                    expected += 1;
                }
            }
            Some(Ok(Message::Close(Some(close)))) => break (u16::from(close.code), close.reason.as_str().to_owned()),
            other => panic!("{other:?} after {expected} messages"),
        }
    };
    eprintln!("the stalled reader finds {} messages and then: {code} {reason}", expected - before);
    assert_eq!(code, 4011);
    assert!(expected < before + all);
    assert!(readers.try_join_next().is_none(), "the others read on");
}

/// Security: 26.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_reader_during_60_mb_costs_its_outbox_gets_4011_and_nobody_else_waits() {
    a_stalled_reader(Hub::start().await, 60).await;
}

/// Security: 26.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_reader_over_tls_costs_no_more() {
    let home = TempDir::new().unwrap();
    let certificate = Certificate::new();
    let (cert, key) = (home.path().join("cert.pem"), home.path().join("key.pem"));
    certificate.write(&cert, &key);
    let settings = [format!("tls.cert={}", cert.display()), format!("tls.key={}", key.display())];
    a_stalled_reader(Setup::default().set(settings).trust(certificate.trust()).start().await, 20).await;
}

/// Security: 26.
#[tokio::test]
async fn a_socket_that_takes_nothing_for_too_long_is_cut_before_its_outbox_is_full() {
    let hub = Hub::with(&["limits.stall_ms=300", "limits.outbox_bytes=1073741824"]).await;
    let mut stalled = hub.enter("stalled").await;
    let mut ada = hub.enter("ada").await;
    let data = "x".repeat(BYTES);
    until("the stalled one is gone", async || {
        let answer = ada.ask(&json!({ "type": "MESSAGE", "target": { "type": "NAME", "name": "stalled" }, "data": data })).await;
        (answer["type"] == "INVALID_NAME").then_some(())
    })
    .await;
    let close = loop {
        match stalled.hear_message().await {
            Some(Ok(Message::Text(_))) => {}
            Some(Ok(Message::Close(Some(close)))) => break close,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(u16::from(close.code), 4011, "{}", close.reason);
}
