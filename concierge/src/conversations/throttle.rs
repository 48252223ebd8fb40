//! PROTOCOL.md, "Limits": messages per second.

use expect_test::expect;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::{Hub, Who};

const FETCH: &str = r#"{"type":"SERVICE_FETCH_ALL"}"#;

/// A hub that takes 10 messages in a second from each client.
fn hub() -> Hub {
    Hub::with(|config| config.limits.messages_per_second = 10)
}

fn flood(hub: &mut Hub, who: Who, messages: usize) {
    for _ in 0..messages {
        hub.whisper(who, FETCH);
    }
}

fn answers(hub: &mut Hub) -> usize {
    hub.heard().lines().filter(|line| line.contains("← {")).count()
}

/// Security: 24.
#[tokio::test(start_paused = true)]
async fn messages_over_the_bound_wait_until_the_bucket_refills_and_none_is_lost() {
    let mut hub = hub();
    hub.start_clock();
    let ada = hub.join("ada").await;
    flood(&mut hub, ada, 15);
    hub.settle().await;
    assert_eq!(answers(&mut hub), 10);
    for (ms, more) in [(90, 0), (150, 1), (250, 1), (550, 3), (3_000, 0)] {
        hub.until(ms).await;
        assert_eq!(answers(&mut hub), more, "{ms} ms");
    }
    assert_eq!(hub.ask(ada, FETCH).await["seq"], 15);
}

/// Security: 24.
#[tokio::test(start_paused = true)]
async fn nobody_else_feels_a_client_that_is_throttled() {
    let mut hub = hub();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    flood(&mut hub, ada, 50);
    hub.settle().await;
    hub.forget();
    hub.start_clock();
    assert_eq!(hub.ask(bob, FETCH).await["seq"], 0);
    // what others send to it arrives too
    hub.say(bob, r#"{"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":1}"#).await;
    assert!(hub.clock_ms() < 20);
    hub.check(expect![[r#"
        bob → {"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":1}
        ada ← {"type":"MESSAGE","origin":{<bob>,"service":null},"target":{"type":"NAME","name":"ada"},"data":1}
        bob ← {"type":"OK","seq":1}
    "#]]);
}

/// Security: 24.
#[tokio::test(start_paused = true)]
async fn ten_seconds_of_continuous_excess_are_4010() {
    let mut hub = hub();
    let bob = hub.join("bob").await;
    hub.start_clock();
    let ada = hub.join("ada").await;
    hub.until(10).await;
    hub.start_clock();
    flood(&mut hub, ada, 300);
    hub.settle().await;
    hub.until(9_985).await;
    let answered = answers(&mut hub);
    assert!((108..=110).contains(&answered), "{answered}");
    assert!(hub.holds("ada"));
    hub.until(10_005).await;
    hub.check(expect![[r#"
        bob ← {"type":"CLIENT_LEFT","client":{<ada>}}
        ada ← close 4010 "too many messages for too long"
        ada ← end
    "#]]);
    assert_eq!(hub.ask(bob, FETCH).await["seq"], 0);
    assert_eq!(hub.sessions(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_keeps_quiet_in_between_is_not_in_continuous_excess() {
    let mut hub = hub();
    hub.start_clock();
    let ada = hub.join("ada").await;
    for round in 0..6 {
        flood(&mut hub, ada, 70);
        hub.until((round + 1) * 8_000).await;
        assert_eq!(answers(&mut hub), 70, "round {round}");
    }
    assert!(hub.holds("ada"));
}

#[tokio::test(start_paused = true)]
async fn the_bound_itself_is_no_excess() {
    let mut hub = hub();
    hub.start_clock();
    let ada = hub.join("ada").await;
    for tenth in 1..300 {
        hub.until(tenth * 100).await;
        hub.ask(ada, FETCH).await;
    }
    assert!(hub.holds("ada"));
}

#[tokio::test(start_paused = true)]
async fn binary_messages_and_pings_are_no_messages() {
    let mut hub = hub();
    let ada = hub.join("ada").await;
    for _ in 0..30 {
        hub.send(ada, "binary", Message::binary(vec![1])).await;
        hub.send(ada, "ping", Message::Ping("".into())).await;
    }
    hub.forget();
    flood(&mut hub, ada, 10);
    hub.settle().await;
    assert_eq!(answers(&mut hub), 10);
}

/// Security: 24.
#[tokio::test(start_paused = true)]
async fn a_throttled_client_is_not_read() {
    let mut hub = hub();
    let ada = hub.join_by("ada", 4_096).await;
    let message = json!({ "type": "SERVICE_FETCH_ALL", "x": "x".repeat(10_000) }).to_string();
    let bytes = super::client::frame(0x81, message.as_bytes()).repeat(40);
    hub.start_clock();
    let taken = hub.offer(ada, &bytes).await;
    // ten messages, what was read with them at once, and what fits into the pipe
    assert!((100_000..200_000).contains(&taken), "{taken}");
    hub.until(9_000).await;
    let more = hub.offer(ada, &bytes[taken..]).await;
    assert!(more > 0 && hub.holds("ada"), "{more}");
}

#[tokio::test(start_paused = true)]
async fn without_a_bound_everything_is_taken_at_once() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    hub.start_clock();
    flood(&mut hub, ada, 2_000);
    hub.settle().await;
    assert_eq!(answers(&mut hub), 2_000);
    assert!(hub.clock_ms() < 20);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_client_that_the_hub_ends_leaves_at_once() {
    let mut hub = hub();
    let ada = hub.join("ada").await;
    flood(&mut hub, ada, 50);
    hub.settle().await;
    hub.forget();
    hub.peer(ada).condemn(crate::session::going_away());
    hub.settle().await;
    hub.check(expect![[r#"
        ada ← close 1001 "the hub is shutting down"
        ada ← end
    "#]]);
    assert_eq!(hub.sessions(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_time_in_which_a_client_is_not_read_because_too_much_waits_for_it_is_no_excess() {
    let mut hub = Hub::with(|config| {
        config.limits.messages_per_second = 10;
        config.limits.outbox_bytes = 100_000;
        config.limits.stall_ms = 60_000;
    });
    let (ada, bob) = (hub.join_by("ada", 64 * 1024).await, hub.join("bob").await);
    hub.start_clock();
    flood(&mut hub, ada, 400);
    hub.until(6_000).await; // six seconds of excess
    hub.stop_reading(ada);
    let long = json!({ "type": "MESSAGE", "target": { "type": "NAME", "name": "ada" }, "data": "x".repeat(60_000) }).to_string();
    for _ in 0..2 {
        hub.say(bob, &long).await;
    }
    hub.until(14_000).await; // her outbox is more than a quarter full
    hub.read_again(ada).await;
    hub.until(22_000).await; // eight more
    assert!(hub.holds("ada"));
    hub.until(26_000).await;
    assert!(!hub.holds("ada"), "twelve seconds of excess after the pause are too many");
}

#[tokio::test(start_paused = true)]
async fn a_hub_may_be_less_patient() {
    let mut hub = Hub::with(|config| {
        config.limits.messages_per_second = 10;
        config.limits.excess_ms = 2_000;
    });
    let ada = hub.join("ada").await;
    hub.start_clock();
    flood(&mut hub, ada, 100);
    hub.until(1_900).await;
    assert!(hub.holds("ada"));
    hub.until(2_100).await;
    assert!(!hub.holds("ada"));
}
