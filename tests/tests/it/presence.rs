//! PROTOCOL.md, "Intents": what it costs that many enter, in bytes that clients of the real hub receive.
//!
//! `CONCIERGE_TEST_CLIENTS=5000` enters so many more (docs/benchmarks.md).

use std::collections::BTreeSet;

use concierge_client::{Client as RustClient, Event, Intent, Message};
use concierge_tests::{Client, Hub, measured, within};
use futures::StreamExt;
use serde_json::{Value, json};

/// Subscribers that a service info lists.
const SHOWN: usize = 8;

/// Enters the hub, wanting that, and counts HELLO's bytes.
async fn enter(hub: &Hub, n: usize, intents: &Value) -> (Client, usize) {
    let mut client = hub.connect().await;
    client.say(&json!({ "type": "IDENTIFY", "name": format!("client_{n:05}"), "version": "0.2.0", "intents": intents })).await;
    let hello = client.hear_text().await;
    assert!(hello.starts_with(r#"{"type":"HELLO""#), "{hello}");
    (client, hello.len())
}

/// What waits for the client, in bytes; news is queued before the answer that comes last.
async fn waiting(client: &mut Client) -> usize {
    let mut bytes = 0;
    client.say(&json!({ "type": "SERVICE_FETCH_ALL" })).await;
    loop {
        let text = client.hear_text().await;
        if text.starts_with(r#"{"type":"SERVICE_FETCH_ALL_RESULT""#) {
            return bytes;
        }
        bytes += text.len();
    }
}

/// So many clients enter, then subscribe to one service, one after the other. The bytes of both, all clients together.
async fn cost(clients: usize, intents: Value, shown: usize) -> (usize, usize) {
    // a client that waits for its turn here is neither gone nor slow
    let hub =
        Hub::with(&[&format!("limits.subscribers_shown={shown}"), "heartbeat.every_ms=3600000", "limits.stall_ms=3600000"]).await;
    let (mut entered, mut entering, mut subscribing) = (Vec::new(), 0, 0);
    for n in 0..clients {
        let (client, hello) = enter(&hub, n, &intents).await;
        entered.push(client);
        entering += hello;
    }
    let mut owner = hub.connect().await;
    owner.identify_as(&json!({ "type": "IDENTIFY", "name": "owner", "version": "0.2.0", "intents": [] })).await;
    owner.ask(&json!({ "type": "SERVICE_CREATE", "service": "weather" })).await;
    for client in &mut entered {
        // with news of the owner and its service, for those who want it: as much for each
        entering += waiting(client).await;
    }
    for client in &mut entered {
        client.say(&json!({ "type": "SELF_SUBSCRIBE", "service": "weather" })).await;
        let mut text = client.hear_text().await;
        subscribing += text.len();
        while !text.starts_with(r#"{"type":"SELF_SUBSCRIBE_RESULT""#) {
            text = client.hear_text().await;
            subscribing += text.len();
        }
    }
    for client in &mut entered {
        subscribing += waiting(client).await;
    }
    measured(&format!("{clients} clients that want {intents} enter for {entering} bytes, and subscribe for {subscribing}"));
    (entering, subscribing)
}

/// How much more twice as many cost.
async fn growth(intents: Value) -> (f64, f64) {
    let (few, many) = (cost(32, intents.clone(), SHOWN).await, cost(64, intents, SHOWN).await);
    (many.0 as f64 / few.0 as f64, many.1 as f64 / few.1 as f64)
}

#[tokio::test]
async fn the_bytes_of_entering_grow_with_the_square_for_those_who_want_all_news_and_linearly_for_those_who_want_none() {
    let (hub, service) = growth(json!(null)).await;
    assert!((3.0..4.1).contains(&hub), "{hub}");
    assert!((3.5..4.5).contains(&service), "{service}; without the bound it is 8");
    let (hub, service) = growth(json!([])).await;
    assert_eq!(hub, 2.0, "HELLO for each");
    assert!((1.9..2.3).contains(&service), "{service}");
    if let Ok(clients) = std::env::var("CONCIERGE_TEST_CLIENTS") {
        cost(clients.parse().unwrap(), json!([]), 256).await;
    }
}

#[tokio::test]
async fn the_rust_client_is_told_what_it_wants() {
    let hub = Hub::start().await;
    let connect = async |name, intents: &[Intent]| {
        RustClient::connect(hub.options(name).intents(intents.iter().copied())).await.expect("the hub lets it in")
    };
    let ada = connect("ada", &[Intent::Services, Intent::Messages]).await;
    let mut events = ada.events();
    let mut following = ada.follow("weather").await.unwrap();
    let bob = connect("bob", &[]).await;
    bob.create_service("weather", None).await.unwrap();
    // neither that bob came nor that she subscribes
    assert!(matches!(within("an event", events.next()).await, Some(Event::ServiceCreated(_))));
    while !following.is_on() {
        within("the subscription", following.next()).await.expect("the stream goes on");
    }
    bob.broadcast("weather", &19).await.unwrap();
    let message: Message = within("a message", following.next_message()).await.unwrap();
    assert_eq!(message.data.get(), "19");
    bob.delete_service("weather").await.unwrap();
    assert!(matches!(within("an event", events.next()).await, Some(Event::ServiceDeleted(_))));
    // what is said to bob reaches nobody, and is no mistake
    ada.send(concierge_client::Target::Uuid { uuid: bob.uuid() }, &1).await.unwrap();
}

#[tokio::test]
async fn who_wants_no_messages_may_not_ask_the_coordinator_and_is_offered_nothing() {
    let hub = Hub::with(&["coordinator.enabled=true", "coordinator.offer_every_ms=3600000"]).await;
    let worker = async |name: &str, intents: Value| {
        let mut worker = hub.connect().await;
        let identify = json!({ "type": "IDENTIFY", "name": name, "version": "0.2.0", "tags": ["workers"], "intents": intents });
        worker.identify_as(&identify).await;
        assert_eq!(worker.ask(&json!({ "type": "SELF_SUBSCRIBE", "service": "coordinator" })).await["successful"], true);
        worker
    };
    let mut deaf = worker("deaf", json!(["CLIENTS", "SERVICES", "SERVICE_CLIENTS"])).await;
    let request = |id: &str| {
        let data = json!({ "id": id, "timeoutAt": 4_102_444_800_000_u64, "tags": { "resonate:target": "any@workers" } });
        let envelope = json!({ "kind": "promise.create", "head": { "corrId": id, "version": "2026-04-01" }, "data": data });
        json!({ "type": "MESSAGE", "target": { "type": "SERVICE", "service": "coordinator" }, "data": envelope })
    };
    assert_eq!(deaf.ask(&request("a")).await["type"], "BAD");
    let mut keen = worker("keen", json!(["MESSAGES"])).await;
    for id in ["b", "c", "d"] {
        keen.say(&request(id)).await;
    }
    let mut offered = BTreeSet::new();
    while offered.len() < 3 {
        let said = keen.hear().await;
        if said["data"]["kind"] == "execute" {
            offered.insert(said["data"]["data"]["task"]["id"].as_str().unwrap().to_owned());
        }
    }
    // whose turn it ever is, it is not the deaf one's: nothing is offered a second time
}
