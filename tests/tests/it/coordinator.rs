//! The coordinator from outside: over the hub, over HTTP, and across the death of its hub.

use std::time::Duration;

use concierge_tests::{Client, Hub, Poller, Reply, until, within};
use serde_json::{Value, json};
use tokio::time::Instant;

const FAR: u64 = 9_999_999_999_999;

/// A hub with a coordinator, and further settings.
async fn hub(settings: &[&str]) -> Hub {
    Hub::with(&[&["coordinator.enabled=true"], settings].concat()).await
}

fn envelope(kind: &str, data: &Value) -> Value {
    json!({ "kind": kind, "head": { "corrId": kind, "version": "2026-04-01" }, "data": data })
}

/// What HTTP answers: status and data.
async fn asked(hub: &Hub, kind: &str, data: Value) -> (u64, Value) {
    let reply = hub.http("POST", "/coordinator", &[], envelope(kind, &data).to_string().as_bytes()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let mut answer: Value = serde_json::from_str(&reply.text()).unwrap();
    assert_eq!((&answer["kind"], &answer["head"]["corrId"]), (&json!(kind), &json!(kind)), "{answer}");
    (answer["head"]["status"].as_u64().unwrap(), answer["data"].take())
}

async fn create(hub: &Hub, id: &str, target: &str) {
    let tags = if target.is_empty() { json!({}) } else { json!({ "resonate:target": target }) };
    let create = json!({ "id": id, "timeoutAt": FAR, "param": {}, "tags": tags });
    assert_eq!(asked(hub, "promise.create", create).await.0, 200);
}

async fn acquire(hub: &Hub, id: &str, version: u64, pid: &str, ttl: u64) -> u64 {
    asked(hub, "task.acquire", json!({ "id": id, "version": version, "pid": pid, "ttl": ttl })).await.0
}

fn execute(id: &str, version: u64) -> Value {
    json!({ "kind": "execute", "head": {}, "data": { "task": { "id": id, "version": version } } })
}

/// A subscriber of the coordinator with these tags.
async fn subscriber(hub: &Hub, name: &str, tags: &[&str]) -> Client {
    let mut client = hub.connect().await;
    client.identify_as(&json!({ "type": "IDENTIFY", "name": name, "version": "0.2.0", "tags": tags })).await;
    let answer = client.ask(&json!({ "type": "SELF_SUBSCRIBE", "service": "coordinator" })).await;
    assert_eq!(answer["successful"], true, "{answer}");
    client
}

fn to_coordinator(data: &Value) -> Value {
    json!({ "type": "MESSAGE", "target": { "type": "SERVICE", "service": "coordinator" }, "data": data })
}

/// What the coordinator says next.
async fn said(client: &mut Client) -> Value {
    let mut message = client.hear_news("MESSAGE").await;
    assert_eq!(
        (&message["origin"]["name"], &message["origin"]["service"]["name"]),
        (&json!("coordinator"), &json!("coordinator"))
    );
    message["data"].take()
}

#[tokio::test]
async fn a_request_over_the_hub_is_answered_to_whoever_asked_and_to_nobody_else() {
    let hub = hub(&[]).await;
    let (mut ada, mut bob) = (subscriber(&hub, "ada", &[]).await, subscriber(&hub, "bob", &[]).await);
    let create = json!({ "id": "a", "timeoutOn": FAR, "param": { "headers": {}, "data": "x" }, "tags": {} });
    let request = json!({ "kind": "promise.create", "head": { "corrId": "7" }, "data": create });
    assert_eq!(ada.ask(&to_coordinator(&request)).await["type"], "OK");
    let answer = said(&mut ada).await;
    assert_eq!(answer["head"], json!({ "corrId": "7", "status": 200 }));
    assert_eq!((&answer["kind"], &answer["data"]["promise"]["state"]), (&json!("promise.create"), &json!("pending")));
    // whatever bob hears next is the answer to his own request
    bob.say(&to_coordinator(&json!({ "kind": "promise.get", "head": { "corrId": "8" }, "data": { "id": "b" } }))).await;
    assert_eq!(said(&mut bob).await["head"], json!({ "corrId": "8", "status": 404 }));
}

#[tokio::test]
async fn who_is_not_subscribed_is_answered_bad_and_the_name_is_taken() {
    let hub = hub(&[]).await;
    let mut ada = hub.enter("ada").await;
    let request = envelope("promise.get", &json!({ "id": "a" }));
    assert_eq!(ada.ask(&to_coordinator(&request)).await["type"], "BAD");
    let made = ada.ask(&json!({ "type": "SERVICE_CREATE", "service": "coordinator" })).await;
    assert_eq!(made["successful"], false, "{made}");
    let mut thief = hub.connect().await;
    thief.say(&json!({ "type": "IDENTIFY", "name": "coordinator", "version": "0.2.0" })).await;
    assert_eq!(thief.hear_close().await.0, 4005);
    let everybody = ada.ask(&json!({ "type": "CLIENT_FETCH_ALL" })).await;
    assert_eq!(
        (&everybody["clients"][0]["name"], &everybody["clients"][0]["tags"]),
        (&json!("coordinator"), &json!(["builtin"]))
    );
}

#[tokio::test]
async fn requests_of_one_client_are_done_in_the_order_it_sent_them() {
    let hub = hub(&[]).await;
    let mut ada = subscriber(&hub, "ada", &[]).await;
    for n in 0..200 {
        let create = json!({ "id": "first", "timeoutAt": FAR, "param": { "data": n.to_string() }, "tags": {} });
        ada.say(&to_coordinator(&envelope("promise.create", &create))).await;
    }
    for _ in 0..200 {
        assert_eq!(said(&mut ada).await["data"]["promise"]["param"]["data"], "0", "the first creates it");
    }
}

#[tokio::test]
async fn a_task_waits_for_a_worker_and_is_offered_the_moment_one_comes() {
    let hub = hub(&["coordinator.offer_every_ms=3600000"]).await;
    create(&hub, "a", "any@workers").await;
    create(&hub, "b", "uni@workers/w2").await;
    let mut w1 = Poller::open(&hub, "workers", "w1").await;
    assert_eq!(w1.message().await.unwrap(), execute("a", 0));
    let mut w2 = subscriber(&hub, "w2", &["workers"]).await;
    let mut offered = vec![said(&mut w2).await, said(&mut w2).await];
    offered.sort_by_key(Value::to_string);
    assert_eq!(offered, [execute("a", 0), execute("b", 0)], "what nobody claimed is offered to each who comes");
    create(&hub, "c", "any@workers/w1").await;
    assert_eq!(w1.message().await.unwrap(), execute("c", 0), "at once, and not to w2");
}

#[tokio::test]
async fn a_dead_workers_task_is_offered_again_when_its_lease_is_over_and_not_before() {
    let hub = hub(&["coordinator.offer_every_ms=3600000"]).await;
    let mut worker = Poller::open(&hub, "workers", "w1").await;
    create(&hub, "a", "any@workers").await;
    assert_eq!(worker.message().await.unwrap(), execute("a", 0));
    let claimed = Instant::now();
    assert_eq!(acquire(&hub, "a", 0, "dead", 1_000).await, 200);
    assert_eq!(acquire(&hub, "a", 1, "thief", 1_000).await, 409);
    let mut offered = worker.message().await.unwrap();
    while offered == execute("a", 0) {
        offered = worker.message().await.unwrap(); // who has just come may be offered the same twice
    }
    assert_eq!(offered, execute("a", 1));
    // measured from before the claim, so it may seem too long and never too short
    assert!(claimed.elapsed() >= Duration::from_millis(1_000), "{:?}", claimed.elapsed());
}

#[tokio::test]
async fn a_task_that_nobody_claims_is_offered_again_and_again() {
    let hub = hub(&["coordinator.offer_every_ms=50"]).await;
    let mut worker = Poller::open(&hub, "workers", "w1").await;
    create(&hub, "a", "any@workers").await;
    for _ in 0..5 {
        assert_eq!(worker.message().await.unwrap(), execute("a", 0));
    }
    assert_eq!(acquire(&hub, "a", 0, "w1", 60_000).await, 200);
}

#[tokio::test]
async fn who_listens_is_told_when_a_promise_settles_even_if_it_comes_later() {
    let hub = hub(&["coordinator.offer_every_ms=3600000"]).await;
    for (id, address) in [("a", "uni@clients/c1"), ("b", "poll://uni@poll/clients"), ("c", "uni@hub/ada")] {
        create(&hub, id, "").await;
        let listen = json!({ "awaited": id, "address": address });
        assert_eq!(asked(&hub, "promise.register_listener", listen).await.0, 200);
        assert_eq!(asked(&hub, "promise.settle", json!({ "id": id, "state": "resolved", "value": {} })).await.0, 200);
    }
    let mut client = Poller::open(&hub, "clients", "c1").await;
    let mut told = [client.message().await.unwrap(), client.message().await.unwrap()];
    told.sort_by_key(|message| message["data"]["promise"]["id"].to_string());
    for (message, id) in told.iter().zip(["a", "b"]) {
        assert_eq!((&message["kind"], &message["data"]["promise"]["id"]), (&json!("unblock"), &json!(id)));
        assert_eq!(message["data"]["promise"]["state"], "resolved");
    }
    let mut ada = subscriber(&hub, "ada", &[]).await;
    assert_eq!(said(&mut ada).await["data"]["promise"]["id"], "c");
}

#[tokio::test]
async fn a_subscriber_in_the_older_dialect_is_notified_where_it_is() {
    let hub = hub(&[]).await;
    let mut ada = subscriber(&hub, "ada", &[]).await;
    create(&hub, "a", "").await;
    ada.say(&to_coordinator(&json!({ "kind": "promise.subscribe", "head": { "corrId": "1" }, "data": { "awaited": "a" } })))
        .await;
    assert_eq!(said(&mut ada).await["head"]["status"], 200);
    asked(&hub, "promise.settle", json!({ "id": "a", "state": "rejected", "value": { "data": "no" } })).await;
    let notice = said(&mut ada).await;
    assert_eq!((&notice["kind"], &notice["data"]["promise"]["value"]["data"]), (&json!("notify"), &json!("no")));
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_kill_and_deadlines_go_on() {
    let mut hub = hub(&[]).await;
    create(&hub, "kept", "any@workers").await;
    let soon = json!({ "id": "soon", "timeoutAt": now() + 1_500, "param": {}, "tags": { "resonate:timer": "true" } });
    assert_eq!(asked(&hub, "promise.create", soon).await.0, 200);
    let listen = json!({ "awaited": "soon", "address": "uni@clients/c1" });
    assert_eq!(asked(&hub, "promise.register_listener", listen).await.0, 200);
    hub.kill().await;
    hub.restart().await;
    let mut worker = Poller::open(&hub, "workers", "w1").await;
    assert_eq!(worker.message().await.unwrap(), execute("kept", 0));
    let mut client = Poller::open(&hub, "clients", "c1").await;
    let told = client.message().await.unwrap();
    assert_eq!((&told["data"]["promise"]["id"], &told["data"]["promise"]["state"]), (&json!("soon"), &json!("resolved")));
    assert!(now() >= told["data"]["promise"]["timeoutAt"].as_u64().unwrap());
}

#[tokio::test]
async fn a_second_hub_on_the_same_store_says_whose_it_is() {
    let hub = hub(&[]).await;
    let place = format!("sqlite:{}", hub.home().join("state/concierge/coordinator.db").display());
    let serve = ["serve", "--listen", "127.0.0.1:0", "--store", &place];
    let second = concierge_tests::Command::concierge(&serve).run().await.exits(1);
    assert!(second.stderr.contains("in use by another process") && second.stderr.contains("--store"), "{}", second.stderr);
}

/// Security: 1.
#[tokio::test]
async fn http_wants_the_secret_of_the_hub_and_an_origin_that_may() {
    let hub = hub(&["secret=let me in"]).await;
    let get = envelope("promise.get", &json!({ "id": "a" })).to_string();
    let post = async |headers: &[(&str, &str)]| hub.http("POST", "/coordinator/", headers, get.as_bytes()).await.status;
    assert_eq!(post(&[]).await, 401);
    assert_eq!(post(&[("Authorization", "Bearer let me out")]).await, 401);
    assert_eq!(post(&[("Authorization", "Bearer let me in")]).await, 200);
    assert_eq!(post(&[("Authorization", "Bearer let me in"), ("Origin", "http://evil.example")]).await, 403);
    assert_eq!(hub.http("GET", "/coordinator/poll/g/p", &[], b"").await.status, 401);
}

#[tokio::test]
async fn bad_bodies_are_answered_with_the_field_and_disturb_nothing() {
    let hub = hub(&["limits.payload_bytes=2000"]).await;
    let post = async |body: &[u8]| hub.http("POST", "/coordinator", &[], body).await;
    let said = |reply: Reply| -> Value { serde_json::from_str(&reply.text()).unwrap() };
    for (body, sentence) in [
        (&b"nonsense"[..], "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (br#"{"kind":"promise.get","head":{"corrId":"1"},"data":{}}"#, "data.id"),
        (br#"{"kind":"promise.guess","head":{"corrId":"1"},"data":{}}"#, "promise.guess"),
        (br#"{"kind":"promise.get","head":{"corrId":"1","version":"1999"},"data":{"id":"a"}}"#, "1999"),
    ] {
        let answer = said(post(body).await);
        assert_eq!(answer["head"]["status"], 400, "{answer}");
        assert!(answer["data"].as_str().unwrap().contains(sentence), "{answer}");
    }
    assert_eq!(post(&[b' '; 3_000]).await.status, 413);
    assert_eq!(hub.http("GET", &format!("/coordinator/poll/g/{}", "x".repeat(300)), &[], b"").await.status, 400);
    assert_eq!(hub.http("GET", "/coordinator", &[], b"").await.status, 405);
    create(&hub, "still-here", "").await;
}

#[tokio::test]
async fn too_many_requests_in_flight_are_answered_429_each() {
    let hub = hub(&["coordinator.requests_in_flight=4"]).await;
    let mut ada = subscriber(&hub, "ada", &[]).await;
    for n in 0..400 {
        let create = json!({ "id": n.to_string(), "timeoutAt": FAR, "param": {}, "tags": {} });
        ada.say(&to_coordinator(&envelope("promise.create", &create))).await;
    }
    let (mut done, mut refused) = (0, 0);
    for _ in 0..400 {
        match said(&mut ada).await["head"]["status"].as_u64().unwrap() {
            200 => done += 1,
            429 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert!(done >= 4 && refused > 0, "{done} done, {refused} refused");
    create(&hub, "afterwards", "").await;
}

#[tokio::test]
async fn a_worker_that_does_not_read_loses_no_connection_over_offers() {
    let hub = hub(&["coordinator.offer_every_ms=20", "limits.outbox_bytes=100000", "limits.payload_bytes=50000"]).await;
    let mut lazy = subscriber(&hub, "lazy", &["workers"]).await;
    for n in 0..300 {
        create(&hub, &format!("{n:0>900}"), "any@workers").await;
    }
    let held =
        async || hub.get("/metrics").await.lines().any(|l| l.contains("offers_total{outcome=\"held\"}") && !l.ends_with(" 0"));
    until("an offer that it has no room for", async || held().await.then_some(())).await;
    let first = said(&mut lazy).await;
    assert_eq!(first["kind"], "execute");
}

#[tokio::test]
async fn a_hub_that_drains_ends_its_pollers_and_answers_what_was_asked() {
    let mut hub = hub(&[]).await;
    let mut worker = Poller::open(&hub, "workers", "w1").await;
    create(&hub, "a", "any@workers").await;
    assert_eq!(worker.message().await.unwrap(), execute("a", 0));
    hub.signal(rustix::process::Signal::TERM);
    assert_eq!(within("the end of the stream", worker.message()).await, None);
    assert!(hub.ended().await.success());
}

#[tokio::test]
async fn a_hub_without_a_coordinator_has_no_trace_of_one() {
    let hub = Hub::with(&["coordinator.enabled=false"]).await;
    let mut ada = hub.enter("ada").await;
    assert_eq!(ada.ask(&json!({ "type": "CLIENT_FETCH_ALL" })).await["clients"].as_array().unwrap().len(), 1);
    assert_eq!(ada.ask(&json!({ "type": "SERVICE_CREATE", "service": "coordinator" })).await["successful"], true);
    assert_eq!(hub.http("POST", "/coordinator", &[], b"{}").await.status, 404);
    assert!(!hub.home().join("state").exists());
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

/// Security: 29.
#[tokio::test]
async fn a_built_in_clients_uuid_is_no_key_for_files() {
    let hub = hub(&["files.uuid_keys=always"]).await;
    let mut ada = hub.enter("ada").await;
    let everybody = ada.ask(&json!({ "type": "CLIENT_FETCH_ALL" })).await;
    let key = everybody["clients"][0]["uuid"].as_str().unwrap();
    for method in ["PUT", "GET"] {
        let reply = hub.http(method, "/fs/coordinator/a.txt", &[("x-fs-key", key)], b"").await;
        assert_eq!(reply.status, 401, "{method}: {}", reply.text());
    }
    assert_ne!(hub.http("PUT", "/fs/coordinator/a.txt", &[("x-fs-key", &ada.fs_key)], b"").await.status, 201);
}

/// Security: 1.
#[tokio::test]
async fn a_page_of_another_origin_that_does_not_say_so_may_not_take_messages() {
    let hub = hub(&[]).await;
    create(&hub, "a", "any@workers").await;
    for site in ["cross-site", "same-site"] {
        let reply = hub.http("GET", "/coordinator/poll/workers/x", &[("Sec-Fetch-Site", site)], b"").await;
        assert_eq!(reply.status, 403, "{site}");
    }
    let mut worker = Poller::open(&hub, "workers", "w1").await;
    assert_eq!(worker.message().await.unwrap(), execute("a", 0));
}

#[tokio::test]
async fn a_body_that_does_not_come_ends_in_time_and_keeps_no_hub_from_ending() {
    let mut hub = hub(&["limits.http_head_within_ms=300"]).await;
    let half = b"POST /coordinator HTTP/1.1\r\nHost: hub.test\r\nContent-Length: 100\r\n\r\n{";
    let mut slow = hub.dial().await;
    slow.send(half).await;
    let reply = slow.reply().await;
    assert_eq!((reply.status, reply.header("connection")), (408, Some("close")), "{}", reply.text());
    hub.signal(rustix::process::Signal::TERM);
    assert!(hub.ended().await.success());
}

#[tokio::test]
async fn notices_that_a_poller_never_read_are_told_to_the_next_one() {
    let hub = hub(&["coordinator.offer_every_ms=200"]).await;
    // more than the buffers of its connection hold
    let (count, big) = (150, "x".repeat(50_000));
    let mut deaf = hub.dial().await;
    deaf.send(&concierge_tests::request("GET", "/coordinator/poll/clients/c1", &[], b"")).await;
    assert_eq!(deaf.head().await.status, 200);
    for n in 0..count {
        let id = format!("p{n}");
        create(&hub, &id, "").await;
        let listen = json!({ "awaited": id, "address": "uni@clients/c1" });
        assert_eq!(asked(&hub, "promise.register_listener", listen).await.0, 200);
        let settle = json!({ "id": id, "state": "resolved", "value": { "data": big } });
        assert_eq!(asked(&hub, "promise.settle", settle).await.0, 200);
    }
    drop(deaf);
    let mut next = Poller::open(&hub, "clients", "c1").await;
    // what the system had taken for the connection that died is gone; a few megabytes at most
    let mut told = std::collections::HashSet::new();
    while told.len() < count / 4 {
        let message = next.message().await.unwrap();
        told.insert(message["data"]["promise"]["id"].as_str().unwrap().to_owned());
    }
}

#[tokio::test]
async fn subscribing_again_forgets_no_request_in_flight_and_a_flood_refuses_nobody_else() {
    let hub = hub(&["coordinator.requests_in_flight=50"]).await;
    let mut bob = subscriber(&hub, "bob", &[]).await;
    let mut ada = subscriber(&hub, "ada", &[]).await;
    let create =
        |n: usize| envelope("promise.create", &json!({ "id": n.to_string(), "timeoutAt": FAR, "param": {}, "tags": {} }));
    for round in 0..10 {
        for n in 0..1_000 {
            ada.say(&to_coordinator(&create(round * 1_000 + n))).await;
        }
        ada.say(&json!({ "type": "SELF_UNSUBSCRIBE", "service": "coordinator" })).await;
        ada.say(&json!({ "type": "SELF_SUBSCRIBE", "service": "coordinator" })).await;
        bob.say(&to_coordinator(&envelope("promise.get", &json!({ "id": "nothing" })))).await;
        assert_eq!(said(&mut bob).await["head"]["status"], 404, "not 429, whatever ada does");
    }
}

#[tokio::test]
async fn many_long_answers_wait_for_their_reader() {
    let hub = hub(&["limits.outbox_bytes=200000"]).await;
    let mut ada = subscriber(&hub, "ada", &[]).await;
    for n in 0..100 {
        let create = json!({ "id": format!("p{n}"), "timeoutAt": FAR, "param": { "data": "x".repeat(9_000) }, "tags": {} });
        assert_eq!(asked(&hub, "promise.create", create).await.0, 200);
    }
    for _ in 0..10 {
        ada.say(&to_coordinator(&envelope("promise.search", &json!({ "limit": 100 })))).await;
    }
    for _ in 0..10 {
        let answer = said(&mut ada).await;
        assert_eq!(answer["head"]["status"], 200);
        assert!(answer["data"]["promises"].as_array().unwrap().len() > 50);
    }
}
