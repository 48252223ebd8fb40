//! PROTOCOL.md, "Limits": bytes per second of a client, messages and bytes per second of an address.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::{Hub, Who};

const FETCH: &str = r#"{"type":"SERVICE_FETCH_ALL"}"#;

/// A fetch of so many bytes.
fn fetch_of(bytes: usize) -> String {
    let empty = json!({ "type": "SERVICE_FETCH_ALL", "x": "" }).to_string().len();
    json!({ "type": "SERVICE_FETCH_ALL", "x": "x".repeat(bytes - empty) }).to_string()
}

/// A hub that takes 10,000 bytes in a second from each client, and no larger payload.
fn hub_of_bytes() -> Hub {
    Hub::with(|config| {
        config.limits.bytes_per_second = 10_000;
        config.limits.payload_bytes = 10_000;
    })
}

/// A hub that takes 10 messages in a second from each address.
fn hub_of_addresses() -> Hub {
    Hub::with(|config| config.limits.address_messages_per_second = 10)
}

fn elsewhere() -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1))
}

fn flood(hub: &mut Hub, who: Who, payload: &str, messages: usize) {
    for _ in 0..messages {
        hub.whisper(who, payload);
    }
}

/// How many answers that client had since the last look.
fn answers(hub: &mut Hub, name: &str) -> usize {
    let prefix = format!("{name} ← {{");
    hub.heard().lines().filter(|line| line.starts_with(&prefix) && line.contains(r#""seq""#)).count()
}

/// Security: 24.
#[tokio::test(start_paused = true)]
async fn bytes_over_the_bound_wait_until_the_bucket_refills_and_none_is_lost() {
    let mut hub = hub_of_bytes();
    hub.start_clock();
    let ada = hub.join("ada").await;
    flood(&mut hub, ada, &fetch_of(1_000), 15);
    hub.settle().await;
    assert_eq!(answers(&mut hub, "ada"), 10);
    for (ms, more) in [(90, 0), (150, 1), (250, 1), (550, 3), (3_000, 0)] {
        hub.until(ms).await;
        assert_eq!(answers(&mut hub, "ada"), more, "{ms} ms");
    }
    assert_eq!(hub.ask(ada, FETCH).await["seq"], 15);
}

#[tokio::test(start_paused = true)]
async fn a_payload_larger_than_a_seconds_bytes_passes_and_what_follows_waits() {
    let mut hub = Hub::with(|config| config.limits.bytes_per_second = 1_000);
    hub.start_clock();
    let ada = hub.join("ada").await;
    flood(&mut hub, ada, &fetch_of(65_536), 1);
    flood(&mut hub, ada, FETCH, 1);
    hub.settle().await;
    assert_eq!(answers(&mut hub, "ada"), 1);
    hub.until(100).await;
    assert_eq!(answers(&mut hub, "ada"), 1, "{} bytes are there after a moment", FETCH.len());
}

/// Security: 24.
#[tokio::test(start_paused = true)]
async fn ten_seconds_of_too_many_bytes_are_4010_and_the_reason_says_so() {
    let mut hub = hub_of_bytes();
    let bob = hub.join("bob").await;
    hub.start_clock();
    let ada = hub.join("ada").await;
    flood(&mut hub, ada, &fetch_of(1_000), 200);
    hub.until(9_900).await;
    assert!(hub.holds("ada"));
    hub.until(10_100).await;
    assert!(!hub.holds("ada"));
    let heard = hub.heard();
    assert!(heard.contains(r#"ada ← close 4010 "too many bytes for too long""#), "{heard}");
    assert_eq!(hub.ask(bob, FETCH).await["seq"], 0);
}

/// Security: 24.
#[tokio::test(start_paused = true)]
async fn nobody_else_feels_a_client_that_sends_too_many_bytes() {
    let mut hub = hub_of_bytes();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    flood(&mut hub, ada, &fetch_of(5_000), 50);
    hub.settle().await;
    hub.start_clock();
    for seq in 0..20 {
        assert_eq!(hub.ask(bob, FETCH).await["seq"], seq);
    }
    assert!(hub.clock_ms() < 100, "{} ms", hub.clock_ms());
}

/// Security: 24.
#[tokio::test(start_paused = true)]
async fn binary_messages_and_pings_count_as_bytes_and_an_empty_ping_as_six() {
    let mut hub = hub_of_bytes();
    let ada = hub.join("ada").await;
    hub.start_clock();
    for _ in 0..4 {
        hub.whisper_message(ada, Message::binary(vec![1; 2_000]));
    }
    for _ in 0..300 {
        hub.whisper_message(ada, Message::Ping("".into()));
    }
    hub.settle().await;
    hub.forget();
    // 9,800 are taken: a fetch of 300 waits for a hundred
    flood(&mut hub, ada, &fetch_of(300), 1);
    hub.settle().await;
    assert_eq!(answers(&mut hub, "ada"), 0);
    hub.until(50).await;
    assert_eq!(answers(&mut hub, "ada"), 1);
}

/// Security: 24.
#[tokio::test(start_paused = true)]
async fn the_clients_of_an_address_share_its_messages_and_another_address_feels_nothing() {
    let mut hub = hub_of_addresses();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    hub.address = elsewhere();
    let eve = hub.join("eve").await;
    hub.start_clock();
    flood(&mut hub, ada, FETCH, 15);
    hub.settle().await;
    assert_eq!(answers(&mut hub, "ada"), 10);
    flood(&mut hub, bob, FETCH, 1);
    hub.settle().await;
    assert_eq!(answers(&mut hub, "bob"), 0, "the address has had its ten");
    for seq in 0..10 {
        assert_eq!(hub.ask(eve, FETCH).await["seq"], seq);
    }
    assert!(hub.clock_ms() < 90, "{} ms", hub.clock_ms());
}

/// Security: 24.
#[tokio::test(start_paused = true)]
async fn the_clients_of_an_address_take_turns_so_one_that_floods_starves_nobody() {
    let mut hub = hub_of_addresses();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    hub.start_clock();
    flood(&mut hub, ada, FETCH, 90);
    hub.settle().await;
    flood(&mut hub, bob, FETCH, 20);
    hub.until(4_050).await;
    let heard = hub.heard();
    let of = |name: &str| heard.lines().filter(|line| line.starts_with(&format!("{name} ← {{"))).count();
    // ten at once and forty in four seconds: from the moment that bob speaks, every other one is his
    assert_eq!(of("ada") + of("bob"), 50);
    assert!((19..=20).contains(&of("bob")), "{}", of("bob"));
    assert!(hub.holds("ada") && hub.holds("bob"));
}

#[tokio::test(start_paused = true)]
async fn a_large_message_is_not_starved_by_many_small_ones_of_the_same_address() {
    let mut hub = Hub::with(|config| {
        config.limits.address_bytes_per_second = 10_000;
        config.limits.payload_bytes = 10_000;
        config.limits.excess_ms = 60_000;
    });
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    hub.start_clock();
    flood(&mut hub, ada, &fetch_of(100), 1_000);
    hub.settle().await;
    flood(&mut hub, bob, &fetch_of(10_000), 1);
    hub.until(900).await;
    assert_eq!(answers(&mut hub, "bob"), 0);
    hub.until(1_100).await;
    assert_eq!(answers(&mut hub, "bob"), 1, "it has its turn after the one before it, and waits for its bytes only");
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_keeps_its_neighbours_from_no_turn() {
    let mut hub = Hub::with(|config| {
        config.limits.address_messages_per_second = 10;
        config.limits.outbox_bytes = 100_000;
        config.limits.stall_ms = 60_000;
    });
    let (ada, bob) = (hub.join_by("ada", 64 * 1024).await, hub.join("bob").await);
    hub.address = elsewhere();
    let eve = hub.join("eve").await;
    hub.start_clock();
    flood(&mut hub, ada, FETCH, 100);
    hub.settle().await; // she waits for her turn
    hub.stop_reading(ada);
    let long = json!({ "type": "MESSAGE", "target": { "type": "NAME", "name": "ada" }, "data": "x".repeat(60_000) }).to_string();
    for _ in 0..2 {
        hub.say(eve, &long).await; // her outbox is more than a quarter full, and she is not read
    }
    hub.forget();
    flood(&mut hub, bob, FETCH, 15);
    hub.until(2_000).await;
    assert!(answers(&mut hub, "bob") >= 14);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_while_it_waits_for_its_turn_lets_the_next_one_pass() {
    let mut hub = hub_of_addresses();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    flood(&mut hub, ada, FETCH, 100);
    hub.settle().await;
    hub.peer(ada).condemn(crate::session::going_away());
    hub.settle().await;
    assert!(!hub.holds("ada"));
    hub.start_clock();
    flood(&mut hub, bob, FETCH, 5);
    hub.until(600).await;
    assert_eq!(answers(&mut hub, "bob"), 5);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_not_read_because_of_a_limit_is_not_silent() {
    let mut hub = Hub::with(|config| {
        config.limits.bytes_per_second = 100;
        config.limits.payload_bytes = 10_000;
        config.limits.excess_ms = 600_000;
    });
    let ada = hub.join("ada").await;
    hub.start_clock();
    flood(&mut hub, ada, &fetch_of(9_000), 2); // eighty seconds
    hub.until(60_000).await;
    assert!(hub.holds("ada"));
    hub.until(90_000).await;
    assert_eq!(answers(&mut hub, "ada"), 2);
}
