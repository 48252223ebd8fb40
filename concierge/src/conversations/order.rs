//! PROTOCOL.md, "Order".

use expect_test::expect;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::Hub;

fn numbers(came: &[(super::Who, String)], who: super::Who) -> Vec<u64> {
    let of = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    let mine = came.iter().filter(|(to, _)| *to == who).map(|(_, line)| of(line));
    mine.filter(|payload| payload["type"] == "MESSAGE").map(|payload| payload["data"].as_u64().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_one_client_sends_another_receives_in_that_order_whatever_the_target() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"news"}"#).await;
    hub.say(bob, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#).await;
    let targets = [
        json!({ "type": "NAME", "name": "bob" }),
        json!({ "type": "UUID", "uuid": hub.id("bob") }),
        json!({ "type": "SERVICE", "service": "news" }),
        json!({ "type": "SERVICE_CLIENT_UUID", "service": "news", "uuid": hub.id("bob") }),
        json!({ "type": "ALL" }),
    ];
    for n in 0..1_000 {
        let padding = if n % 7 == 0 { "x".repeat(3_000) } else { String::new() };
        let target = &targets[n % targets.len()];
        hub.whisper(ada, &json!({ "type": "MESSAGE", "target": target, "data": n, "padding": padding }).to_string());
    }
    let came = hub.settle().await;
    assert_eq!(numbers(&came, bob), (0..1_000).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn replies_come_in_the_order_of_the_requests() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    let requests = [
        r#"{"type":"SERVICE_CREATE","service":"news"}"#,
        r#"{"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":0}"#,
        "nonsense",
        r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#,
        r#"{"type":"MESSAGE","target":{"type":"NAME","name":"eve"},"data":0}"#,
        r#"{"type":"SERVICE_DELETE","service":"news"}"#,
    ];
    for n in 0..300 {
        hub.whisper(ada, requests[n % requests.len()]);
    }
    let came = hub.settle().await;
    let replies: Vec<u64> =
        came.iter().filter_map(|(_, line)| serde_json::from_str::<Value>(line).unwrap()["seq"].as_u64()).collect();
    assert_eq!(replies, (0..300).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn two_senders_are_each_heard_in_order() {
    let mut hub = Hub::new();
    let (ada, bob, cyd) = (hub.join("ada").await, hub.join("bob").await, hub.join("cyd").await);
    for n in 0..400_u64 {
        let who = if n % 3 == 0 { ada } else { bob };
        hub.whisper(who, &json!({ "type": "MESSAGE", "target": { "type": "NAME", "name": "cyd" }, "data": n }).to_string());
    }
    let came = hub.settle().await;
    let (of_ada, of_bob): (Vec<u64>, Vec<u64>) = numbers(&came, cyd).into_iter().partition(|n| n % 3 == 0);
    assert_eq!(of_ada.len() + of_bob.len(), 400);
    assert!(of_ada.is_sorted() && of_bob.is_sorted());
}

#[tokio::test(start_paused = true)]
async fn nobody_hears_of_a_service_before_its_creation_or_of_a_client_before_it_joined() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    let bob = hub.connect("bob").await;
    for payload in [
        &super::hub::identify("bob")[..],
        r#"{"type":"SERVICE_CREATE","service":"chess"}"#,
        r#"{"type":"MESSAGE","target":{"type":"SERVICE_CLIENT_UUID","service":"chess","uuid":"@ada"},"data":1}"#,
        r#"{"type":"SERVICE_DELETE","service":"chess"}"#,
    ] {
        hub.whisper(bob, payload);
    }
    let came = hub.settle().await;
    let kinds: Vec<String> = came
        .iter()
        .filter(|(who, _)| *who == ada)
        .map(|(_, line)| serde_json::from_str::<Value>(line).unwrap()["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["CLIENT_JOINED", "SERVICE_CREATE_RESULT", "MESSAGE", "SERVICE_DELETE_RESULT"]);
}

#[tokio::test(start_paused = true)]
async fn messages_to_oneself_come_before_their_oks_however_many_at_once() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    for n in 0..600 {
        let padding = if n % 5 == 0 { "x".repeat(3_000) } else { String::new() };
        let target = json!({ "type": "NAME", "name": "ada" });
        hub.whisper(ada, &json!({ "type": "MESSAGE", "target": target, "data": n, "padding": padding }).to_string());
    }
    let (mut received, mut confirmed) = (0, 0);
    for (_, line) in hub.settle().await {
        let payload: Value = serde_json::from_str(&line).unwrap();
        match payload["type"].as_str() {
            Some("MESSAGE") => received += 1,
            Some("OK") => {
                assert_eq!(payload["seq"], confirmed);
                confirmed += 1;
                assert!(confirmed <= received, "OK {confirmed} came when {received} messages had come");
            }
            _ => panic!("{line}"),
        }
    }
    assert_eq!((received, confirmed), (600, 600));
}

#[tokio::test(start_paused = true)]
async fn a_pong_comes_behind_the_answers_to_what_came_before_the_ping() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    let to_bob = r#"{"type":"MESSAGE","target":{"type":"NAME","name":"bob"},"data":1}"#;
    hub.forget();
    hub.whisper(ada, to_bob);
    hub.whisper(ada, to_bob);
    hub.whisper_message(ada, Message::Ping("now?".into()));
    hub.whisper(ada, to_bob);
    let came = hub.settle().await;
    assert_eq!(numbers(&came, bob), [1, 1, 1]);
    expect![[r#"
        ada ← {"type":"OK","seq":0}
        ada ← {"type":"OK","seq":1}
        ada ← pong "now?"
        ada ← {"type":"OK","seq":2}"#]]
    .assert_eq(&lines_of("ada ←", &hub.heard()));
}

#[tokio::test(start_paused = true)]
async fn what_came_together_with_a_close_frame_is_delivered_and_confirmed_before_the_close_is() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    hub.forget();
    for n in 0..3 {
        let target = json!({ "type": "NAME", "name": "bob" });
        hub.whisper(ada, &json!({ "type": "MESSAGE", "target": target, "data": n }).to_string());
    }
    hub.whisper_message(ada, Message::Close(None));
    let came = hub.settle().await;
    assert_eq!(numbers(&came, bob), [0, 1, 2]);
    expect![[r#"
        ada ← {"type":"OK","seq":0}
        ada ← {"type":"OK","seq":1}
        ada ← {"type":"OK","seq":2}
        ada ← close
        ada ← end"#]]
    .assert_eq(&lines_of("ada ←", &hub.heard()));
}

fn lines_of(start: &str, heard: &str) -> String {
    heard.lines().filter(|line| line.starts_with(start)).collect::<Vec<_>>().join("\n")
}

#[tokio::test(start_paused = true)]
async fn messages_that_begin_alike_in_one_turn_are_each_read_to_their_end() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    let head = r#"{"type":"MESSAGE","target":{"type":"NAME","name":"bob"},"data":"#;
    let ends = [
        "1}",
        "[2, {}]}",
        "}",
        "3]}",
        "4 }",
        r#"5,"data":6}"#,
        r#"7,"target":{"type":"NAME","name":"ada"}}"#,
        r#"8,"x":9}"#,
        "10}",
    ];
    for end in ends {
        hub.whisper(ada, &format!("{head}{end}"));
    }
    let came = hub.settle().await;
    let of = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    let heard = |who| came.iter().filter(move |(to, _)| *to == who).map(|(_, line)| of(line)).collect::<Vec<_>>();
    let data: Vec<Value> = heard(bob).into_iter().map(|payload| payload["data"].clone()).collect();
    assert_eq!(data, [json!(1), json!([2, {}]), json!(4), json!(8), json!(10)]);
    let answers: Vec<(u64, bool)> =
        heard(ada).iter().map(|payload| (payload["seq"].as_u64().unwrap(), payload["type"] == "OK")).collect();
    let refused = [2, 3, 5, 6];
    assert_eq!(answers, (0..9).map(|seq| (seq, !refused.contains(&seq))).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_message_that_begins_like_the_last_goes_to_whoever_subscribes_by_now() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"news"}"#).await;
    let message = |n| format!(r#"{{"type":"MESSAGE","target":{{"type":"SERVICE","service":"news"}},"data":{n}}}"#);
    for n in 0..100 {
        hub.say(ada, &message(3 * n)).await;
        hub.whisper(bob, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#);
        hub.settle().await;
        hub.whisper(ada, &message(3 * n + 1));
        hub.whisper(ada, &message(3 * n + 2));
        let came = hub.settle().await;
        assert_eq!(numbers(&came, bob), [3 * n + 1, 3 * n + 2]);
        hub.say(bob, r#"{"type":"SELF_UNSUBSCRIBE","service":"news"}"#).await;
    }
}
