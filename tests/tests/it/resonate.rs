//! The released Resonate SDK, as it is, at the coordinator's HTTP face, and the same SDK over the hub.

use std::time::{SystemTime, UNIX_EPOCH};

use concierge_tests::{Command, Finished, Hub, PATIENCE, Running, resonate, until};
use serde_json::{Value, json};

/// What the SDK's codec makes of the text `yes`: JSON in base64.
const YES: &str = "InllcyI=";

/// A hub with a coordinator.
async fn hub() -> Hub {
    Hub::with(&["coordinator.enabled=true"]).await
}

/// Where a worker of this hub finds the coordinator.
fn faces(hub: &Hub) -> [String; 2] {
    [format!("http://{}/coordinator", hub.address), hub.url().to_owned()]
}

/// A worker of the group `workers`, whose functions are registered.
async fn worker(face: &str, pid: &str, ttl_ms: u32) -> Running {
    let ttl = ttl_ms.to_string();
    let mut worker = resonate("worker.mjs", &["--url", face, "--group", "workers", "--pid", pid, "--ttl", &ttl]).start();
    let line: Value = serde_json::from_str(&worker.line().await).unwrap();
    assert_eq!(line, json!({"worker": pid, "group": "workers"}));
    worker
}

/// A client that has a workflow done.
fn client(face: &str, id: &str, workflow: &str, argument: &Value) -> Command {
    let argument = argument.to_string();
    resonate("client.mjs", &["--url", face, "--group", "clients", "--pid", "c1", "workers", id, workflow, &argument])
}

/// The data of what HTTP answers 200.
async fn asked(hub: &Hub, kind: &str, data: &Value) -> Value {
    let request = json!({ "kind": kind, "head": { "corrId": "1", "version": "2026-04-01" }, "data": data });
    let reply = hub.http("POST", "/coordinator", &[], request.to_string().as_bytes()).await;
    let mut answer: Value = serde_json::from_str(&reply.text()).unwrap();
    assert_eq!(answer["head"]["status"], 200, "{answer}");
    answer["data"].take()
}

/// Waits until there is such a promise.
async fn promised(hub: &Hub, id: &str) {
    until(&format!("the promise {id}"), async || {
        let found = asked(hub, "promise.search", &json!({})).await;
        found["promises"].as_array().unwrap().iter().any(|promise| promise["id"] == id).then_some(())
    })
    .await;
}

/// What the workflow returned.
fn result(client: Finished) -> Value {
    client.exits(0).json().pop().unwrap()["result"].take()
}

#[tokio::test]
async fn a_durable_sleep_takes_its_time_and_no_more() {
    let hub = hub().await;
    for (n, face) in faces(&hub).iter().enumerate() {
        let _worker = worker(face, "w1", 60_000).await;
        let nap = result(client(face, &format!("nap-{n}"), "nap", &json!(300)).run().await);
        let slept = nap["value"].as_u64().unwrap();
        assert!((300..u64::try_from(PATIENCE.as_millis()).unwrap()).contains(&slept), "{slept} ms");
    }
}

#[tokio::test]
async fn recursion_by_remote_calls_is_shared_by_two_workers() {
    let hub = hub().await;
    for (n, face) in faces(&hub).iter().enumerate() {
        let _workers = (worker(face, "w1", 60_000).await, worker(face, "w2", 60_000).await);
        let fib = result(client(face, &format!("fib-{n}"), "fib", &json!(10)).run().await);
        assert_eq!(fib, json!({"value": 55, "by": ["w1", "w2"]}), "{face}");
    }
}

#[tokio::test]
async fn workers_of_both_faces_share_a_group() {
    let hub = hub().await;
    let [http, ws] = faces(&hub);
    let _workers = (worker(&http, "w1", 60_000).await, worker(&ws, "w2", 60_000).await);
    let fib = result(client(&http, "fib", "fib", &json!(10)).run().await);
    assert_eq!(fib, json!({"value": 55, "by": ["w1", "w2"]}));
}

#[tokio::test]
async fn a_workflow_waits_for_a_person_who_answers_on_the_command_line() {
    let hub = hub().await;
    for (n, face) in faces(&hub).iter().enumerate() {
        let _workers = (worker(face, "w1", 60_000).await, worker(face, "w2", 60_000).await);
        let id = format!("journey-{n}");
        let argument = json!({"ms": 300, "n": 5, "question": "shall we?"});
        let person = async {
            let question = format!("{id}:2.0");
            let asked = async || {
                let get = Command::concierge(&["promise", "get", &question]).at(&hub).run().await;
                (get.code == 0).then_some(())
            };
            until("the question is asked", asked).await;
            let resolve = ["promise", "resolve", &question, "--json-value", "\"yes\""];
            Command::concierge(&resolve).at(&hub).run().await.exits(0);
        };
        let (journey, ()) = tokio::join!(client(face, &id, "journey", &argument).run(), person);
        let journey = result(journey);
        assert!(journey["value"][0].as_u64().unwrap() >= 300, "{journey}");
        assert_eq!((&journey["value"][1], &journey["value"][2]), (&json!(5), &json!("yes")), "{journey}");
    }
}

#[tokio::test]
async fn what_a_workflow_throws_reaches_its_caller() {
    let hub = hub().await;
    for (n, face) in faces(&hub).iter().enumerate() {
        let _worker = worker(face, "w1", 60_000).await;
        let refused = client(face, &format!("refuse-{n}"), "refuse", &json!("not today")).run().await.exits(1);
        assert_eq!(refused.json().pop().unwrap()["error"], "not today", "{face}");
    }
}

#[tokio::test]
async fn the_work_of_a_worker_that_is_killed_is_done_by_another() {
    // what was offered to the one that is dead is offered again after this, what it had claimed when its lease is over
    let hub = Hub::with(&["coordinator.enabled=true", "coordinator.offer_every_ms=1000"]).await;
    for (n, face) in faces(&hub).iter().enumerate() {
        let (one, _two) = (worker(face, "w1", 3_000).await, worker(face, "w2", 3_000).await);
        let mut client = client(face, &format!("fib-{n}"), "fib", &json!(11)).start();
        client.line().await;
        assert_eq!(one.signal(rustix::process::Signal::KILL).await, -1);
        let result: Value = serde_json::from_str(&client.line().await).unwrap();
        assert_eq!(result["result"]["value"], 89, "{face}: {result}");
    }
}

#[tokio::test]
async fn a_workflow_goes_on_when_its_hub_was_killed_and_is_there_again() {
    let mut hub = hub().await;
    for n in 0..2 {
        let face = &faces(&hub)[n];
        let _workers = (worker(face, "w1", 1_000).await, worker(face, "w2", 1_000).await);
        let id = format!("journey-{n}");
        let mut client = client(face, &id, "journey", &json!({"ms": 300, "n": 5, "question": "still there?"})).start();
        client.line().await;
        let question = format!("{id}:2.0");
        promised(&hub, &question).await;
        hub.kill().await;
        hub.restart().await;
        let answer = json!({ "id": question, "state": "resolved", "value": { "data": YES } });
        asked(&hub, "promise.settle", &answer).await;
        let settled = until("the end of the workflow", async || {
            let mut promise = asked(&hub, "promise.get", &json!({ "id": id })).await["promise"].take();
            (promise["state"] != "pending").then(|| promise["state"].take())
        })
        .await;
        assert_eq!(settled, "resolved", "{}", faces(&hub)[n]);
    }
}

#[tokio::test]
async fn a_schedule_made_through_the_sdk_starts_its_workflow_when_it_is_time() {
    let hub = Hub::with(&["coordinator.enabled=true", "coordinator.debug_clock=true"]).await;
    // the workers set deadlines by clocks of their own, so the hub's must show about the same
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    asked(&hub, "debug.tick", &json!({ "time": u64::try_from(now).unwrap() })).await;
    for (n, face) in faces(&hub).iter().enumerate() {
        let _worker = worker(face, "w1", 60_000).await;
        let id = format!("often-{n}");
        let words = ["--url", face, "--group", "clients", "--pid", "c1", "workers", &id, "* * * * *", "fib", "10"];
        resonate("schedule.mjs", &words).run().await.exits(0);
        let schedule = asked(&hub, "schedule.get", &json!({ "id": id })).await;
        let next = &schedule["schedule"]["nextRunAt"];
        asked(&hub, "debug.tick", &json!({ "time": next })).await;
        let promise = until("the end of what was scheduled", async || {
            let found = asked(&hub, "promise.search", &json!({ "tags": { "resonate:schedule": id }, "state": "resolved" })).await;
            found["promises"].as_array().unwrap().first().cloned()
        })
        .await;
        assert_eq!(promise["createdAt"], *next, "{face}: {promise}");
        asked(&hub, "schedule.delete", &json!({ "id": id })).await;
    }
}
