//! The router from outside: two programs over real sockets, and what the hub says of itself.

use concierge_tests::{Client, Command, Hub, within};
use serde_json::{Value, json};

async fn hub(settings: &[&str]) -> Hub {
    Hub::with(&[&["router.enabled=true"], settings].concat()).await
}

/// A subscriber of the router.
pub(super) async fn subscriber(hub: &Hub, name: &str) -> Client {
    let mut client = hub.enter(name).await;
    let answer = client.ask(&json!({ "type": "SELF_SUBSCRIBE", "service": "router" })).await;
    assert_eq!(answer["successful"], true, "{answer}");
    client
}

/// Sends a packet.
pub(super) async fn send(client: &mut Client, subject: &str, datagram: Value) {
    let packet = json!({ "subject": subject, "data": datagram });
    client.say(&json!({ "type": "MESSAGE", "target": { "type": "SERVICE", "service": "router" }, "data": packet })).await;
}

/// The next packet from the router.
pub(super) async fn got(client: &mut Client) -> Value {
    let mut message = within("a packet", client.hear_news("MESSAGE")).await;
    assert_eq!(message["origin"]["name"], "router", "{message}");
    message["data"].take()
}

#[tokio::test]
async fn a_request_is_answered_by_the_worker_by_the_clock_or_by_the_end_of_the_worker() {
    let hub = hub(&["router.routes=slow within:200,*"]).await;
    let (mut ada, mut bob) = (subscriber(&hub, "ada").await, subscriber(&hub, "bob").await);
    send(&mut bob, "router", json!({ "type": "p", "cmd": "router/serve", "data": { "categories": ["math"] } })).await;
    // it has arrived when a push comes back
    send(&mut bob, "api", json!({ "type": "p", "cmd": "math/here" })).await;
    assert_eq!(got(&mut bob).await["data"]["cmd"], "math/here");

    send(&mut ada, "api", json!({ "type": "q", "cmd": "math/add", "_reqid": "a", "data": [1, 2] })).await;
    assert_eq!(got(&mut bob).await["data"], json!({ "type": "q", "cmd": "math/add", "_reqid": "1", "data": [1, 2] }));
    send(&mut bob, "api", json!({ "type": "r", "status": "ok", "_reqid": "1", "data": 3 })).await;
    assert_eq!(got(&mut ada).await["data"], json!({ "type": "r", "status": "ok", "_reqid": "a", "data": 3 }));

    send(&mut ada, "slow", json!({ "type": "q", "cmd": "math/add", "_reqid": "b" })).await;
    assert_eq!(got(&mut ada).await["data"]["data"], json!({ "code": 7, "data": {} }));

    send(&mut ada, "api", json!({ "type": "q", "cmd": "math/add", "_reqid": "c" })).await;
    while got(&mut bob).await["data"]["_reqid"] != "3" {}
    drop(bob);
    assert_eq!(got(&mut ada).await["data"]["data"], json!({ "code": 2, "data": { "items": ["subject"] } }));

    let metrics = hub.get("/metrics").await;
    for line in [
        "concierge_router_in_flight 0",
        "concierge_router_workers 0",
        "concierge_router_requests_total 3",
        "concierge_router_answers_total{outcome=\"ok\"} 1",
        "concierge_router_answers_total{outcome=\"timeout\"} 1",
        "concierge_router_answers_total{outcome=\"unavailable\"} 1",
        "concierge_router_pushes_total{outcome=\"passed\"} 2",
        "concierge_router_dropped_total{why=\"late\"} 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}: {metrics}");
    }
}

#[tokio::test]
async fn an_operator_sees_who_serves_what_and_which_requests_failed() {
    let hub = hub(&["admin=true"]).await;
    let (mut ada, mut bob) = (subscriber(&hub, "ada").await, subscriber(&hub, "bob").await);
    send(&mut bob, "router", json!({ "type": "p", "cmd": "router/serve", "data": { "categories": ["math", "news"] } })).await;
    // it has arrived when a push comes back
    send(&mut bob, "api", json!({ "type": "p", "cmd": "math/here" })).await;
    got(&mut bob).await;
    for (mark, ticket) in [("a", "1"), ("b", "2")] {
        send(&mut ada, "api", json!({ "type": "q", "cmd": "math/add", "_reqid": mark })).await;
        got(&mut bob).await;
        send(&mut bob, "api", json!({ "type": "r", "status": "ok", "_reqid": ticket, "data": 3 })).await;
        got(&mut ada).await;
    }
    send(&mut ada, "api", json!({ "type": "q", "cmd": "stars/count", "_reqid": "c" })).await;
    got(&mut ada).await;
    let router = async |arguments: &[&str]| Command::concierge(&[&["router"], arguments].concat()).at(&hub).run().await.exits(0);

    let table = router(&[]).await.stdout;
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0][..4], ["CATEGORY", "WORKERS", "OPEN", "REQUESTS"]);
    assert_eq!(rows[1][..6], ["math", "bob", "0", "2", "0", "0"]);
    assert!(rows[1][6].parse::<u64>().unwrap() <= rows[1][7].parse::<u64>().unwrap(), "{table}");
    assert_eq!(rows[2], ["news", "bob", "0", "0", "0", "0", "-", "-"]);
    assert_eq!(rows[3], ["(others)", "0", "1", "1", "0", "-", "-"]);
    let errors = router(&["--errors"]).await.stdout;
    let [_, line] = errors.lines().collect::<Vec<_>>()[..] else { panic!("{errors}") };
    let words: Vec<&str> = line.split_whitespace().collect();
    assert!(words.ends_with(&["ada", "stars/count", "2", "UNAVAILABLE", "subject"]), "{errors}");

    let look = router(&["--json"]).await.json().remove(0);
    assert_eq!(
        (&look["totals"]["requests"], &look["routes"][0]["subject"], &look["nats"]),
        (&json!(3), &json!(null), &json!(null))
    );
    assert_eq!(look["categories"][0]["workers"][0]["uuid"], json!(bob.uuid));
    assert_eq!(router(&["--errors", "--json"]).await.json()[0][0]["client"], json!(ada.uuid));
}

#[tokio::test]
async fn a_hub_that_was_told_to_has_no_router() {
    let hub = Hub::start().await;
    let mut ada = hub.enter("router").await;
    assert_eq!(ada.ask(&json!({ "type": "CLIENT_FETCH_ALL" })).await["clients"].as_array().unwrap().len(), 1);
    assert_eq!(ada.ask(&json!({ "type": "SERVICE_CREATE", "service": "router" })).await["successful"], true);
    assert!(!hub.get("/metrics").await.contains("concierge_router_requests_total "));
    let administered = Hub::with(&["admin=true"]).await;
    let looking = Command::concierge(&["router"]).at(&administered).run().await.exits(5);
    assert!(looking.stderr.contains("this hub has no router"), "{}", looking.stderr);
}
