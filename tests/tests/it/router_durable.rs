//! Durable requests from outside: hubs that are killed, databases that go away, and whoever comes back.

use std::collections::{BTreeMap, BTreeSet};

use concierge_client::coordinator::json::{from_value, of_text};
use concierge_test_postgres::Setup;
use concierge_tests::{Client, Hub, until, within};
use serde_json::{Value, json};

use crate::router::{got, send, subscriber};

/// A hub with a coordinator and a router, and further settings.
async fn hub(settings: &[&str]) -> Hub {
    Hub::with(&[&["coordinator.enabled=true", "router.enabled=true"], settings].concat()).await
}

/// A subscriber of the router that serves these.
async fn worker(hub: &Hub, name: &str, categories: &[&str]) -> Client {
    let mut worker = subscriber(hub, name).await;
    send(&mut worker, "router", json!({ "type": "p", "cmd": "router/serve", "data": { "categories": categories } })).await;
    worker
}

async fn ask(client: &mut Client, cmd: &str, promise: &str) -> Value {
    let request =
        json!({ "type": "q", "cmd": cmd, "_reqid": promise, "reply": "durable", "promise": promise, "data": [promise] });
    send(client, "api", request).await;
    got(client).await["data"].take()
}

/// The next request: its `_reqid` and its promise.
async fn given(worker: &mut Client) -> (String, String) {
    let packet = got(worker).await;
    assert_eq!(
        (&packet["data"]["type"], &packet["data"]["data"]),
        (&json!("q"), &json!([packet["headers"]["Cg-Promise"]])),
        "{packet}"
    );
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&packet["data"]["_reqid"]), text(&packet["headers"]["Cg-Promise"]))
}

async fn answer(worker: &mut Client, reqid: &str, data: Value) {
    send(worker, "api", json!({ "type": "r", "status": "ok", "_reqid": reqid, "data": data })).await;
}

/// What the coordinator answers over HTTP about one promise; none while it cannot.
async fn promise(hub: &Hub, kind: &str, data: Value) -> Option<Value> {
    let request = json!({ "kind": kind, "head": { "corrId": "c", "version": "2026-04-01" }, "data": data });
    let reply = hub.http("POST", "/coordinator", &[], request.to_string().as_bytes()).await;
    let mut answer: Value = serde_json::from_str(&reply.text()).unwrap();
    (answer["head"]["status"] == 200).then(|| answer["data"]["promise"].take())
}

/// The state of a promise, and what settled it.
async fn end(hub: &Hub, id: &str) -> (String, Value) {
    let promise = promise(hub, "promise.get", json!({ "id": id })).await.unwrap();
    (promise["state"].as_str().unwrap().to_owned(), held(&promise["value"]))
}

fn held(value: &Value) -> Value {
    let data = value["data"].as_str().map(Into::into);
    from_value(&concierge_api_rs::coordinator::Value { data, ..Default::default() }).unwrap()
}

async fn settled(hub: &Hub, id: &str) -> (String, Value) {
    until("the promise is settled", async || Some(end(hub, id).await).filter(|(state, _)| state != "pending")).await
}

#[tokio::test]
async fn a_hub_that_is_killed_gives_what_it_kept_to_the_workers_that_come_and_both_sides_find_the_outcome() {
    let mut hub = hub(&[]).await;
    let mut ada = subscriber(&hub, "ada").await;
    let mut bob = worker(&hub, "bob", &["math"]).await;
    for (cmd, id) in [("math/add", "sum"), ("math/add", "other sum"), ("news/read", "paper")] {
        let kept = json!({ "type": "r", "status": "ok", "_reqid": id, "data": { "promise": id } });
        assert_eq!(ask(&mut ada, cmd, id).await, kept);
    }
    let before: Vec<String> = vec![given(&mut bob).await.1, given(&mut bob).await.1];
    assert_eq!(before, ["sum", "other sum"]);
    hub.kill().await;
    hub.restart().await;

    // one comes back with its answer, and settles the promise itself before it serves again
    let value = of_text(r#""by itself""#).data.unwrap().to_string();
    let settle = json!({ "id": "other sum", "state": "resolved", "value": { "data": value } });
    promise(&hub, "promise.settle", settle).await.unwrap();
    let mut bob = worker(&hub, "bob", &["math", "news"]).await;
    let mut again = BTreeMap::new();
    for _ in 0..2 {
        let (reqid, id) = given(&mut bob).await;
        again.insert(id, reqid);
    }
    assert_eq!(again.keys().collect::<Vec<_>>(), ["paper", "sum"]);
    for (id, reqid) in &again {
        answer(&mut bob, reqid, json!({ "of": id })).await;
    }
    let mut ada = subscriber(&hub, "ada").await;
    for id in ["sum", "paper"] {
        assert_eq!(settled(&hub, id).await, ("resolved".to_owned(), json!({ "of": id })));
    }
    assert_eq!(end(&hub, "other sum").await, ("resolved".to_owned(), json!("by itself")));
    // who asks again is told of the same promise, and nobody does it again
    assert_eq!(ask(&mut ada, "math/add", "sum").await["data"], json!({ "promise": "sum" }));
    assert_eq!(hub.metric("concierge_router_durable_total{step=\"given\"}").await, 2.0);
    assert_eq!(hub.metric("concierge_router_durable{state=\"waiting\"}").await, 0.0);
}

#[tokio::test]
async fn a_hub_that_is_killed_again_and_again_loses_no_request_and_settles_none_twice() {
    let mut hub = hub(&[]).await;
    let (mut asked, mut seen, mut said) = (0, BTreeMap::new(), BTreeMap::<String, BTreeSet<u64>>::new());
    for round in 0..6_u64 {
        let (mut ada, mut bob) = (subscriber(&hub, "ada").await, worker(&hub, "bob", &["math"]).await);
        for n in asked..asked + 10 {
            assert_eq!(ask(&mut ada, "math/add", &format!("sum-{n}")).await["status"], "ok");
        }
        asked += 10;
        // some are answered, most of those a moment before the end of the hub
        for n in 0..3 + round {
            let (reqid, id) = given(&mut bob).await;
            answer(&mut bob, &reqid, json!(round)).await;
            if n == 0 {
                settled(&hub, &id).await;
            }
            said.entry(id).or_default().insert(round);
        }
        hub.kill().await;
        hub.restart().await;
        for n in 0..asked {
            let id = format!("sum-{n}");
            let (state, value) = end(&hub, &id).await;
            if state != "pending" {
                let first: &Value = seen.entry(id).or_insert_with(|| value.clone());
                assert_eq!(*first, value, "what is settled stays");
            }
        }
    }
    let mut bob = worker(&hub, "bob", &["math"]).await;
    for _ in seen.len()..asked {
        let (reqid, id) = given(&mut bob).await;
        said.entry(id).or_default().insert(99);
        answer(&mut bob, &reqid, json!(99)).await;
    }
    for n in 0..asked {
        let id = format!("sum-{n}");
        let (state, value) = settled(&hub, &id).await;
        assert_eq!((state.as_str(), seen.get(&id).unwrap_or(&value)), ("resolved", &value));
        assert!(said[&id].contains(&value.as_u64().unwrap()), "{id}: {value} is none of {:?}", said[&id]);
    }
    assert!(seen.len() >= 6 && seen.len() < asked, "{} were settled before the last death", seen.len());
}

#[tokio::test]
async fn an_answer_is_written_when_the_database_is_there_again_and_meanwhile_nothing_new_is_kept() {
    let mut server = Setup::default().without_fsync().start().await;
    let url = server.database().await;
    let hub = hub(&[&format!("store.url={url}")]).await;
    let mut ada = subscriber(&hub, "ada").await;
    let mut bob = worker(&hub, "bob", &["math"]).await;
    ask(&mut ada, "math/add", "sum").await;
    let (reqid, _) = given(&mut bob).await;
    server.kill().await;
    answer(&mut bob, &reqid, json!(3)).await;
    let refused = ask(&mut ada, "math/add", "later").await;
    assert_eq!(refused["data"], json!({ "code": 2, "data": { "items": ["coordinator"] } }));
    until("the hub has tried", async || hub.log().contains("its promise is not settled yet").then_some(())).await;
    server.restart().await;
    let settled = until("the promise is settled", async || {
        promise(&hub, "promise.get", json!({ "id": "sum" })).await.filter(|promise| promise["state"] != "pending")
    });
    let settled = settled.await;
    assert_eq!((&settled["state"], held(&settled["value"])), (&json!("resolved"), json!(3)));
    // asked again, it is kept
    assert_eq!(ask(&mut ada, "math/add", "later").await["data"], json!({ "promise": "later" }));
    within("it is given", given(&mut bob)).await;
}
