//! PROTOCOL.md, "Services": subscribing and unsubscribing.

use expect_test::expect;
use serde_json::{Value, json};

use super::Hub;

#[tokio::test(start_paused = true)]
async fn a_new_subscriber_gets_its_result_and_then_all_subscribers_are_told_the_new_one_too() {
    let mut hub = Hub::new();
    let (ada, bob, cyd) = (hub.join("ada").await, hub.join("bob").await, hub.join("cyd").await);
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"news"}"#).await;
    hub.forget();
    hub.say(bob, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#).await;
    hub.say(cyd, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#).await;
    // the owner is told only as a subscriber
    hub.say(ada, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#).await;
    hub.check(expect![[r#"
        bob → {"type":"SELF_SUBSCRIBE","service":"news"}
        bob ← {"type":"SELF_SUBSCRIBE_RESULT","seq":0,"successful":true,"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":["@bob"],"subscriber_count":1}}
        bob ← {"type":"SERVICE_CLIENT_SUBSCRIBED","client":{<bob>},"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":["@bob"],"subscriber_count":1}}
        cyd → {"type":"SELF_SUBSCRIBE","service":"news"}
        bob ← {"type":"SERVICE_CLIENT_SUBSCRIBED","client":{<cyd>},"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":["@bob","@cyd"],"subscriber_count":2}}
        cyd ← {"type":"SELF_SUBSCRIBE_RESULT","seq":0,"successful":true,"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":["@bob","@cyd"],"subscriber_count":2}}
        cyd ← {"type":"SERVICE_CLIENT_SUBSCRIBED","client":{<cyd>},"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":["@bob","@cyd"],"subscriber_count":2}}
        ada → {"type":"SELF_SUBSCRIBE","service":"news"}
        ada ← {"type":"SELF_SUBSCRIBE_RESULT","seq":1,"successful":true,"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":["@bob","@cyd","@ada"],"subscriber_count":3}}
        ada ← {"type":"SERVICE_CLIENT_SUBSCRIBED","client":{<ada>},"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":["@bob","@cyd","@ada"],"subscriber_count":3}}
        bob ← {"type":"SERVICE_CLIENT_SUBSCRIBED","client":{<ada>},"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":["@bob","@cyd","@ada"],"subscriber_count":3}}
        cyd ← {"type":"SERVICE_CLIENT_SUBSCRIBED","client":{<ada>},"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":["@bob","@cyd","@ada"],"subscriber_count":3}}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn subscribing_twice_is_answered_false_and_nobody_is_told() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"news"}"#).await;
    hub.say(ada, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#).await;
    hub.say(bob, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#).await;
    hub.forget();
    hub.say(bob, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#).await;
    hub.check(expect![[r#"
        bob → {"type":"SELF_SUBSCRIBE","service":"news"}
        bob ← {"type":"SELF_SUBSCRIBE_RESULT","seq":1,"successful":false,"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":["@ada","@bob"],"subscriber_count":2}}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_leaver_gets_its_result_and_those_who_remain_are_told_with_a_list_without_it() {
    let mut hub = Hub::new();
    let (ada, bob, cyd) = (hub.join("ada").await, hub.join("bob").await, hub.join("cyd").await);
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"news"}"#).await;
    for who in [bob, cyd] {
        hub.say(who, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#).await;
    }
    hub.forget();
    hub.say(bob, r#"{"type":"SELF_UNSUBSCRIBE","service":"news"}"#).await;
    hub.say(bob, r#"{"type":"SELF_UNSUBSCRIBE","service":"news"}"#).await;
    hub.check(expect![[r#"
        bob → {"type":"SELF_UNSUBSCRIBE","service":"news"}
        bob ← {"type":"SELF_UNSUBSCRIBE_RESULT","seq":1,"successful":true,"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":["@cyd"],"subscriber_count":1}}
        cyd ← {"type":"SERVICE_CLIENT_UNSUBSCRIBED","client":{<bob>},"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":["@cyd"],"subscriber_count":1}}
        bob → {"type":"SELF_UNSUBSCRIBE","service":"news"}
        bob ← {"type":"SELF_UNSUBSCRIBE_RESULT","seq":2,"successful":false,"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":["@cyd"],"subscriber_count":1}}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_does_not_exist_is_invalid_service() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    hub.say(ada, r#"{"type":"SELF_SUBSCRIBE","service":"none"}"#).await;
    hub.say(ada, r#"{"type":"SELF_UNSUBSCRIBE","service":"none"}"#).await;
    hub.check(expect![[r#"
        ada → {"type":"SELF_SUBSCRIBE","service":"none"}
        ada ← {"type":"INVALID_SERVICE","seq":0,"service":"none"}
        ada → {"type":"SELF_UNSUBSCRIBE","service":"none"}
        ada ← {"type":"INVALID_SERVICE","seq":1,"service":"none"}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_subscribes_again_comes_last_in_the_list() {
    let mut hub = Hub::new();
    let (ada, bob, cyd) = (hub.join("ada").await, hub.join("bob").await, hub.join("cyd").await);
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"news"}"#).await;
    for who in [bob, cyd] {
        hub.say(who, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#).await;
    }
    hub.say(bob, r#"{"type":"SELF_UNSUBSCRIBE","service":"news"}"#).await;
    hub.say(bob, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#).await;
    hub.forget();
    hub.say(ada, r#"{"type":"SERVICE_FETCH","service":"news"}"#).await;
    hub.check(expect![[r#"
        ada → {"type":"SERVICE_FETCH","service":"news"}
        ada ← {"type":"SERVICE_FETCH_RESULT","seq":1,"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":["@cyd","@bob"],"subscriber_count":2}}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn after_the_result_the_next_message_is_routed() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"news"}"#).await;
    hub.forget();
    hub.whisper(bob, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#);
    hub.whisper(bob, r#"{"type":"MESSAGE","target":{"type":"SERVICE","service":"news"},"data":"hi"}"#);
    hub.whisper(bob, r#"{"type":"SELF_UNSUBSCRIBE","service":"news"}"#);
    hub.whisper(bob, r#"{"type":"MESSAGE","target":{"type":"SERVICE","service":"news"},"data":"bye"}"#);
    hub.settle().await;
    hub.check(expect![[r#"
        bob → {"type":"SELF_SUBSCRIBE","service":"news"}
        bob → {"type":"MESSAGE","target":{"type":"SERVICE","service":"news"},"data":"hi"}
        bob → {"type":"SELF_UNSUBSCRIBE","service":"news"}
        bob → {"type":"MESSAGE","target":{"type":"SERVICE","service":"news"},"data":"bye"}
        ada ← {"type":"MESSAGE","origin":{<bob>,"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":[],"subscriber_count":1}},"target":{"type":"SERVICE","service":"news"},"data":"hi"}
        bob ← {"type":"SELF_SUBSCRIBE_RESULT","seq":0,"successful":true,"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":["@bob"],"subscriber_count":1}}
        bob ← {"type":"SERVICE_CLIENT_SUBSCRIBED","client":{<bob>},"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":["@bob"],"subscriber_count":1}}
        bob ← {"type":"OK","seq":1}
        bob ← {"type":"SELF_UNSUBSCRIBE_RESULT","seq":2,"successful":true,"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":[],"subscriber_count":0}}
        bob ← {"type":"BAD","seq":3}
    "#]]);
}

/// Security: 25.
#[tokio::test(start_paused = true)]
async fn a_client_has_at_most_1024_subscriptions() {
    let mut hub = Hub::with(|config| config.limits.services_per_client = 2_000);
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    hub.stop_reading(bob);
    for n in 0..1_025 {
        let name = format!("s{n}");
        assert_eq!(hub.ask(ada, &json!({ "type": "SERVICE_CREATE", "service": name }).to_string()).await["successful"], true);
    }
    hub.read_again(bob).await;
    let subscribe = |n: usize| json!({ "type": "SELF_SUBSCRIBE", "service": format!("s{n}") }).to_string();
    for n in 0..1_024 {
        assert_eq!(hub.ask(bob, &subscribe(n)).await["successful"], true);
    }
    hub.forget();
    hub.say(bob, &subscribe(1_024)).await;
    hub.say(bob, &subscribe(0)).await;
    hub.check(expect![[r#"
        bob → {"type":"SELF_SUBSCRIBE","service":"s1024"}
        bob ← {"type":"ERROR_PROTOCOL","seq":1024,"desc":"service: a client has at most 1024 subscriptions"}
        bob → {"type":"SELF_SUBSCRIBE","service":"s0"}
        bob ← {"type":"SELF_SUBSCRIBE_RESULT","seq":1025,"successful":false,"service":{"name":"s0","nickname":null,"owner_uuid":"@ada","subscribers":["@bob"],"subscriber_count":1}}
    "#]]);
    assert_eq!(hub.ask(bob, r#"{"type":"SELF_UNSUBSCRIBE","service":"s7"}"#).await["successful"], true);
    assert_eq!(hub.ask(bob, &subscribe(1_024)).await["successful"], true);
}

/// Security: 23.
#[tokio::test(start_paused = true)]
async fn a_big_service_shows_its_first_256_subscribers_and_their_count_and_is_fetched_in_full() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"news"}"#).await;
    let mut ids = Vec::new();
    let mut last = ada;
    for n in 0..258 {
        let name = format!("c{n}");
        last = hub.join_by(&name, 16 * 1024).await;
        ids.push(json!(hub.id(&name)));
        hub.whisper(last, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#);
        if n < 257 {
            hub.stop_reading(last); // what all of them are told is a third of a gigabyte
        }
    }
    let came = hub.settle().await;
    let (_, event) = came.iter().rfind(|(who, line)| *who == last && line.contains("SERVICE_CLIENT_SUBSCRIBED")).unwrap();
    let event: Value = serde_json::from_str(event).unwrap();
    let shown = Value::from(ids[..256].to_vec());
    assert_eq!((&event["service"]["subscribers"], &event["service"]["subscriber_count"]), (&shown, &json!(258)));

    for (payload, service) in [
        (r#"{"type":"SERVICE_FETCH_ALL"}"#, "/services/0"),
        (r#"{"type":"SELF_FETCH"}"#, "/subscriptions/0"),
        (r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#, "/service"),
        (r#"{"type":"SERVICE_CREATE","service":"news"}"#, "/service"),
    ] {
        let answer = hub.ask(last, payload).await;
        let service = answer.pointer(service).unwrap();
        assert_eq!((&service["subscribers"], &service["subscriber_count"]), (&shown, &json!(258)), "{payload}");
    }
    let full = hub.ask(ada, r#"{"type":"SERVICE_FETCH","service":"news"}"#).await;
    assert_eq!((&full["service"]["subscribers"], &full["service"]["subscriber_count"]), (&Value::from(ids.clone()), &json!(258)));

    let left = hub.ask(last, r#"{"type":"SELF_UNSUBSCRIBE","service":"news"}"#).await;
    assert_eq!((&left["service"]["subscribers"], &left["service"]["subscriber_count"]), (&shown, &json!(257)));
}
