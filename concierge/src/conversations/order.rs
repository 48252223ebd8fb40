//! PROTOCOL.md, "Order".

use serde_json::{Value, json};

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
