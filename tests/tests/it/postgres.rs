//! Promises and tasks in PostgreSQL: one hub, and two that share a database.

use std::time::Duration;

use concierge_test_postgres::{Postgres, Setup};
use concierge_tests::{Command, Hub, Poller, within};
use serde_json::{Value, json};
use tokio::time::Instant;

const FAR: u64 = 9_999_999_999_999;

/// A hub whose coordinator keeps its rows there, and offers again what nobody claims after a time that no test waits for.
async fn hub(url: &str) -> Hub {
    let store = format!("store.url={url}");
    Hub::with(&["coordinator.enabled=true", "coordinator.offer_every_ms=600000", &store]).await
}

/// What HTTP answers: status and data.
async fn asked(hub: &Hub, kind: &str, data: Value) -> (u64, Value) {
    let request = json!({ "kind": kind, "head": { "corrId": kind, "version": "2026-04-01" }, "data": data });
    let reply = hub.http("POST", "/coordinator", &[], request.to_string().as_bytes()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let mut answer: Value = serde_json::from_str(&reply.text()).unwrap();
    (answer["head"]["status"].as_u64().unwrap(), answer["data"].take())
}

async fn create(hub: &Hub, id: &str, target: &str) {
    let tags = if target.is_empty() { json!({}) } else { json!({ "resonate:target": target }) };
    let create = json!({ "id": id, "timeoutAt": FAR, "param": { "data": "eA==" }, "tags": tags });
    assert_eq!(asked(hub, "promise.create", create).await.0, 200);
}

fn execute(id: &str, version: u64) -> Value {
    json!({ "kind": "execute", "head": {}, "data": { "task": { "id": id, "version": version } } })
}

async fn message(poller: &mut Poller) -> Value {
    within("a message", poller.message()).await.unwrap()
}

/// A server and an empty database on it.
async fn database() -> (Postgres, String) {
    let server = Setup::default().without_fsync().start().await;
    let url = server.database().await;
    (server, url)
}

#[tokio::test]
async fn a_hub_keeps_promises_in_postgres_and_finds_them_after_its_own_death_and_the_database_s() {
    let (mut server, url) = database().await;
    let mut hub = hub(&url).await;
    create(&hub, "a", "any@work").await;
    hub.kill().await;
    hub.restart().await;
    let mut ada = Poller::open(&hub, "work", "ada").await;
    assert_eq!(message(&mut ada).await, execute("a", 0));
    server.kill().await;
    let (status, why) = asked(&hub, "promise.get", json!({ "id": "a" })).await;
    assert_eq!((status, &why), (500, &json!("the store can't be reached")));
    assert_eq!(asked(&hub, "promise.settle", json!({ "id": "a", "state": "resolved", "value": {} })).await.0, 500);
    server.restart().await;
    let acquire = json!({ "id": "a", "version": 0, "pid": "ada", "ttl": 60_000 });
    assert_eq!(asked(&hub, "task.acquire", acquire).await.0, 200, "it recovers by itself");
    assert_eq!(asked(&hub, "promise.get", json!({ "id": "a" })).await.1["promise"]["param"]["data"], "eA==");
}

#[tokio::test]
async fn what_one_hub_creates_the_other_settles_and_its_worker_gets_the_task_at_once() {
    let (_server, url) = database().await;
    let (one, two) = (hub(&url).await, hub(&url).await);
    create(&one, "p", "").await;
    let settle = json!({ "id": "p", "state": "resolved", "value": { "data": "eQ==" } });
    assert_eq!(asked(&two, "promise.settle", settle).await.0, 200);
    let (_, seen) = asked(&one, "promise.get", json!({ "id": "p" })).await;
    assert_eq!((&seen["promise"]["state"], &seen["promise"]["value"]["data"]), (&json!("resolved"), &json!("eQ==")));

    let mut worker = Poller::open(&two, "work", "ada").await;
    let begun = Instant::now();
    for n in 0..5 {
        create(&one, &format!("t{n}"), "any@work").await;
        assert_eq!(message(&mut worker).await, execute(&format!("t{n}"), 0));
    }
    assert!(begun.elapsed() < Duration::from_secs(60), "long before it is offered again");

    // somebody listens at one hub, the other one settles
    let listen = json!({ "awaited": "q", "address": "poll://uni@work/ada" });
    create(&one, "q", "").await;
    assert_eq!(asked(&two, "promise.register_listener", listen).await.0, 200);
    assert_eq!(asked(&one, "promise.settle", json!({ "id": "q", "state": "rejected", "value": {} })).await.0, 200);
    let told = message(&mut worker).await;
    assert_eq!((&told["kind"], &told["data"]["promise"]["id"]), (&json!("unblock"), &json!("q")));
}

#[tokio::test]
async fn a_worker_s_claim_holds_at_both_hubs_and_its_lease_ends_though_its_hub_is_gone() {
    let (_server, url) = database().await;
    let (mut one, two) = (hub(&url).await, hub(&url).await);
    create(&one, "t", "any@work").await;
    let acquire = |pid: &str, version: u64| json!({ "id": "t", "version": version, "pid": pid, "ttl": 1_000 });
    assert_eq!(asked(&one, "task.acquire", acquire("ada", 0)).await.0, 200);
    assert_eq!(asked(&two, "task.acquire", acquire("bob", 0)).await.0, 409);
    one.kill().await;
    let mut bob = Poller::open(&two, "work", "bob").await;
    assert_eq!(message(&mut bob).await, execute("t", 1));
    assert_eq!(asked(&two, "task.acquire", acquire("bob", 1)).await.0, 200);
}

#[tokio::test]
async fn a_hub_whose_database_is_not_there_says_so_and_does_not_show_its_password() {
    let store = "store.url=postgres://ada:s3cret@127.0.0.1:1/x";
    let serve = ["serve", "--listen", "127.0.0.1:0", "--set", "coordinator.enabled=true", "--set", store];
    let finished = Command::concierge(&serve).run().await;
    assert_ne!(finished.code, 0);
    let said = finished.stdout + &finished.stderr;
    assert!(said.contains("postgres://ada@127.0.0.1:1/x can't be used") && !said.contains("s3cret"), "{said}");
}
