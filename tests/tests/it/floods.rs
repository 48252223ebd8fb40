//! Clients that send all they can while others want an answer, all on one shard of the hub.

use std::time::Duration;

use concierge_tests::{Certificate, Client, Hub, Setup, Wire, client_frame, measured, stall, within};
use futures::SinkExt;
use serde_json::json;
use tempfile::TempDir;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_tungstenite::tungstenite::Message;

use crate::framing::{identified, upgraded};

const FLOOD: Duration = Duration::from_secs(2);
const ASK_EVERY: Duration = Duration::from_millis(5);
const ONE_SHARD: &str = "shards=1";
/// Of each kind, that are sent with one call.
const AT_ONCE: usize = 4_096;

/// Control frames, and fragments of nothing, are no payloads: no limit of messages applies to them.
struct Flood {
    what: &'static str,
    opening: Vec<u8>,
    frame: Vec<u8>,
    reads: bool,
}

fn floods() -> [Flood; 5] {
    let ping = |what, reads| Flood { what, opening: Vec::new(), frame: client_frame(0x89, b"are you there?"), reads };
    [
        ping("pings whose pongs are read", true),
        ping("pings whose pongs are not read", false),
        Flood { what: "empty pings", opening: Vec::new(), frame: client_frame(0x89, b""), reads: true },
        Flood { what: "pongs", opening: Vec::new(), frame: client_frame(0x8a, b"I am here"), reads: true },
        Flood { what: "empty fragments", opening: client_frame(0x01, b""), frame: client_frame(0x00, b""), reads: true },
    ]
}

/// The longest time that this client waits for an answer, and how many it gets.
async fn longest_wait(witness: &mut Client, until: Instant) -> (Duration, u64) {
    let mut ticks = interval(ASK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut longest, mut answers) = (Duration::ZERO, 0);
    while Instant::now() < until {
        let begin = ticks.tick().await;
        witness.ask(&json!({ "type": "SERVICE_FETCH_ALL" })).await;
        longest = longest.max(begin.elapsed());
        answers += 1;
    }
    (longest, answers)
}

/// Floods the hub through the wire. Its other clients may wait longer than those of a hub that nobody floods, which wait
/// for the machine alone, but not much longer.
async fn keeps_nobody_waiting(hub: &Hub, calm: &Hub, mut wire: Wire, flood: Flood) {
    let (mut witness, mut other) = (hub.enter("witness").await, calm.enter("witness").await);
    wire.send(&flood.opening).await;
    let until = Instant::now() + FLOOD;
    let flooding = tokio::spawn(async move { wire.flood(&flood.frame.repeat(AT_ONCE), flood.reads, until).await });
    let ((flooded, answers), (calm, _)) = tokio::join!(longest_wait(&mut witness, until), longest_wait(&mut other, until));
    let frames = flooding.await.unwrap() * AT_ONCE as u64;
    let what = flood.what;
    measured(&format!("an answer took at most {flooded:?}, of {answers}, beside {frames} {what}, and {calm:?} at a calm hub"));
    assert!(frames > 0, "there was a flood");
    assert!(flooded < stall() + calm * 2, "{flooded:?} beside {what}, and {calm:?} without");
    witness.leave().await;
    other.leave().await;
}

/// Security: 15.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_floods_before_it_has_identified_keeps_nobody_waiting() {
    let (hub, calm) = (Hub::with(&[ONE_SHARD]).await, Hub::with(&[ONE_SHARD]).await);
    for flood in floods() {
        keeps_nobody_waiting(&hub, &calm, upgraded(&hub).await, flood).await;
    }
}

/// Security: 15.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_floods_keeps_nobody_waiting() {
    let (hub, calm) = (Hub::with(&[ONE_SHARD]).await, Hub::with(&[ONE_SHARD]).await);
    for (n, flood) in floods().into_iter().enumerate() {
        keeps_nobody_waiting(&hub, &calm, identified(&hub, &format!("flood_{n}")).await, flood).await;
    }
}

/// Asks 200 times at once for a list of 100; together the answers are larger than what the hub lets wait before it reads on.
async fn two_hundred_long_answers(hub: Hub) {
    let mut crowd = Vec::new();
    for n in 0..99 {
        crowd.push(hub.enter(&format!("one_of_many_who_are_listed_{n}")).await);
    }
    let mut ada = hub.enter("ada").await;
    for _ in 0..200 {
        let fetch = json!({ "type": "CLIENT_FETCH_ALL" }).to_string();
        ada.websocket().feed(Message::text(fetch)).await.unwrap();
    }
    within("room for the questions", ada.websocket().flush()).await.unwrap();
    let mut bytes = 0;
    for seq in 0..200 {
        let text = ada.hear_text().await;
        bytes += text.len();
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&answer["type"], &answer["seq"]), (&json!("CLIENT_FETCH_ALL_RESULT"), &json!(seq)));
        assert_eq!(answer["clients"].as_array().unwrap().len(), 100);
    }
    assert!(bytes > 2 << 20, "only {bytes} bytes");
    assert_eq!(hub.metric("concierge_slow_consumers_total").await, 0.0);
    ada.leave().await;
}

#[tokio::test]
async fn two_hundred_questions_at_once_with_long_answers_are_all_answered_to_a_client_that_reads() {
    two_hundred_long_answers(Hub::with(&[ONE_SHARD]).await).await;
}

#[tokio::test]
async fn over_tls_they_are_too() {
    let (home, certificate) = (TempDir::new().unwrap(), Certificate::new());
    let (cert, key) = (home.path().join("cert.pem"), home.path().join("key.pem"));
    certificate.write(&cert, &key);
    let settings = [format!("tls.cert={}", cert.display()), format!("tls.key={}", key.display()), ONE_SHARD.to_owned()];
    two_hundred_long_answers(Setup::default().set(settings).trust(certificate.trust()).start().await).await;
}

/// Security: 15.
#[tokio::test]
async fn pongs_are_as_many_and_as_long_as_their_pings_and_those_that_nobody_reads_are_bounded() {
    let hub = Hub::with(&[ONE_SHARD]).await;
    let mut ada = identified(&hub, "ada").await;
    let pings = client_frame(0x89, b"are you there?").repeat(1_000);
    ada.send(&pings).await;
    ada.send(&client_frame(0x81, br#"{"type":"SERVICE_FETCH_ALL"}"#)).await;
    let mut pongs = 0;
    loop {
        let frame = ada.frame().await;
        if frame.first == 0x81 {
            break;
        }
        assert_eq!((frame.first, frame.payload.as_slice()), (0x8a, &b"are you there?"[..]));
        pongs += 1;
    }
    assert!((1..=1_000).contains(&pongs), "{pongs} pongs to 1,000 pings");

    let process = hub.process();
    let before = process.resident_bytes();
    process.forget_peak();
    let sent = ada.flood(&client_frame(0x89, &[7; 125]).repeat(AT_ONCE), false, Instant::now() + FLOOD).await;
    let grown = process.peak_bytes().saturating_sub(before);
    measured(&format!("the hub grew by {} KiB beside {} pings whose pongs nobody read", grown / 1024, sent * AT_ONCE as u64));
    assert!(grown < 12 << 20, "an outbox of 4 MiB costs {grown} bytes");
}
