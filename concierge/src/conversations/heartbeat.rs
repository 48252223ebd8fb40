//! PROTOCOL.md, "Connection": heartbeats.

use expect_test::expect;
use tokio_tungstenite::tungstenite::Message;

use super::Hub;

#[tokio::test(start_paused = true)]
async fn the_hub_pings_every_20_seconds_and_a_client_that_answers_stays() {
    let mut hub = Hub::new();
    hub.start_clock();
    hub.join("ada").await;
    hub.until(19_998).await;
    hub.check(expect![[""]]);
    hub.until(20_000).await;
    hub.check(expect![[r#"
        ada ← ping
    "#]]);
    for second in (40..3_600).step_by(20) {
        hub.until(second * 1_000 - 2).await;
        assert_eq!(hub.heard(), "", "before second {second}");
        hub.until(second * 1_000).await;
        assert_eq!(hub.heard(), "ada ← ping\n", "second {second}");
    }
    assert!(hub.holds("ada"));
}

#[tokio::test(start_paused = true)]
async fn a_busy_client_is_pinged_too() {
    let mut hub = Hub::new();
    hub.start_clock();
    let ada = hub.join("ada").await;
    for second in 1..=20 {
        hub.until(second * 1_000).await;
        hub.ask(ada, r#"{"type":"SERVICE_FETCH_ALL"}"#).await;
    }
    hub.check(expect![[r#"
        ada ← ping
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_client_of_which_nothing_is_heard_for_30_seconds_is_closed_4009() {
    let mut hub = Hub::new();
    hub.start_clock();
    let ada = hub.join("ada").await;
    let bob = hub.join("bob").await;
    hub.stop_reading(ada);
    hub.until(20_000).await;
    hub.until(29_995).await;
    hub.forget();
    assert!(hub.holds("ada"));
    hub.until(30_000).await;
    hub.read_again(ada).await;
    hub.check(expect![[r#"
        bob ← {"type":"CLIENT_LEFT","client":{<ada>}}
        ada ← ping
        ada ← close 4009 "silent for 30 s"
        ada ← end
    "#]]);
    hub.ask(bob, r#"{"type":"SELF_FETCH"}"#).await;
    assert_eq!(hub.sessions(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_frame_of_any_kind_is_a_sign_of_life() {
    let half = [0x01, 0x81, 0, 0, 0, 0, b'{'];
    let messages = [
        Message::text(r#"{"type":"SERVICE_FETCH_ALL"}"#),
        Message::text("nonsense"),
        Message::binary(vec![1]),
        Message::Ping("".into()),
        Message::Pong("".into()),
    ];
    for message in messages.map(Some).into_iter().chain([None]) {
        let mut hub = Hub::new();
        hub.start_clock();
        let ada = hub.join("ada").await;
        hub.stop_reading(ada);
        hub.until(25_000).await;
        match message.clone() {
            Some(message) => hub.send(ada, "sign of life", message).await,
            None => hub.send_bytes(ada, "half a message", &half).await,
        }
        hub.until(54_990).await;
        assert!(hub.holds("ada"), "{message:?}");
        hub.until(55_005).await;
        assert!(!hub.holds("ada"), "{message:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_hub_sends_is_no_sign_of_life() {
    let mut hub = Hub::new();
    hub.start_clock();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    hub.stop_reading(ada);
    for second in 1..30 {
        hub.until(second * 1_000).await;
        hub.ask(bob, r#"{"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":1}"#).await;
    }
    assert!(hub.holds("ada"));
    hub.until(30_000).await;
    assert!(!hub.holds("ada") && hub.holds("bob"));
}
