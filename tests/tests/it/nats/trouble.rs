//! A nats-server that is down, too old, restarted, frozen, slow, or lets the hub do little: survived, and said.

use concierge_tests::Command;

use super::*;

#[tokio::test]
async fn a_hub_starts_without_its_server_works_alone_and_finds_it_when_it_comes() {
    let mut nats = Nats::start().await;
    nats.kill().await;
    let hub = hub(&nats, &[]).await;
    let said = until_ready_says(&hub, "nats connecting").await;
    assert!(said.starts_with("ready\n") && said.contains("Connection refused"), "{said}");
    let (mut ada, mut bob) = (subscriber(&hub, "ada").await, subscriber(&hub, "bob").await);
    serve(&mut bob, json!({ "categories": ["math"] })).await;
    send(&mut ada, "api", json!({ "type": "q", "cmd": "news/read", "_reqid": "x" })).await;
    assert_eq!(got(&mut ada).await["data"], failed("x", 2, "subject"));
    send(&mut ada, "api", json!({ "type": "q", "cmd": "math/add", "_reqid": "y" })).await;
    assert_eq!(got(&mut bob).await["data"]["cmd"], "math/add");
    assert!(hub.get("/metrics").await.contains("concierge_nats_up 0"));

    nats.start_again().await;
    let said = until_ready_says(&hub, "nats up").await;
    assert!(!said.contains("refused"), "that is over: {said}");
    let plain = nats.client().await;
    until_served(&plain, "concierge.api.math").await;
    let _worker = plain_worker(&plain, "concierge.api.news", |_| vec![ok(json!("calm"))]).await;
    assert_eq!(answer(&mut ada, "z", "news/read").await["data"], "calm");
}

#[tokio::test]
async fn a_server_that_is_restarted_is_found_again_with_what_is_served_and_what_was_asked_is_unavailable_at_once() {
    let mut nats = Nats::start().await;
    let hub = hub(&nats, &[]).await;
    let plain = nats.client().await;
    let mut bob = worker(&hub, &plain, "bob").await;
    let _silent = plain_worker(&plain, "concierge.api.news", |_| Vec::new()).await;
    send(&mut bob, "api", json!({ "type": "q", "cmd": "news/read", "_reqid": "x" })).await;
    until("it waits", async || hub.get("/metrics").await.contains("concierge_router_in_flight 1").then_some(())).await;
    nats.kill().await;
    assert_eq!(got(&mut bob).await["data"], failed("x", 2, "subject"));
    assert_eq!(answer(&mut bob, "y", "news/read").await, failed("y", 2, "subject"));
    until_ready_says(&hub, "nats down").await;
    nats.start_again().await;
    until_ready_says(&hub, "nats up").await;
    let plain = nats.client().await;
    until_served(&plain, "concierge.api.math").await;
    assert!(hub.get("/metrics").await.contains("concierge_nats_connects_total 2\n"));
    let asking = ask(&plain, "concierge.api.math", &json!({ "type": "q", "cmd": "math/add" }));
    let answering = async {
        let reqid = got(&mut bob).await["data"]["_reqid"].clone();
        send(&mut bob, "api", json!({ "type": "r", "status": "ok", "_reqid": reqid, "data": 3 })).await;
    };
    assert_eq!(tokio::join!(asking, answering).0, ok(json!(3)));
}

#[tokio::test]
async fn whoever_asks_when_a_worker_goes_is_answered_after_a_restart_of_the_server_too() {
    let mut nats = Nats::start().await;
    let hub = hub(&nats, &[]).await;
    let plain = nats.client().await;
    let bob = worker(&hub, &plain, "bob").await;
    // each of these is refused, and counted by the library
    let refused = json!({ "type": "q", "_reqid": "x" });
    for _ in 0..300 {
        assert_eq!(ask(&plain, "concierge.api.math", &refused).await, failed("x", 4, "cmd"));
    }
    nats.kill().await;
    until_ready_says(&hub, "nats down").await;
    nats.start_again().await;
    let plain = nats.client().await;
    until_served(&plain, "concierge.api.math").await;
    drop(bob);
    until("nobody serves it", async || {
        let asked = plain.request("concierge.api.math", refused.to_string().into());
        match within("an answer", asked).await {
            Ok(_) => None,
            Err(error) => {
                assert_eq!(error.kind(), async_nats::RequestErrorKind::NoResponders);
                Some(())
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_server_that_stands_still_costs_a_time_out_and_what_it_says_when_it_wakes_is_too_late() {
    let nats = Nats::start().await;
    let hub = hub(&nats, &["router.routes=api within:500"]).await;
    let plain = nats.client().await;
    let _worker = plain_worker(&plain, "concierge.api.news", |message| vec![ok(datagram_of(message)["data"].clone())]).await;
    let mut ada = subscriber(&hub, "ada").await;
    assert_eq!(answer(&mut ada, "1", "news/read").await["data"], json!([1, 2]));
    nats.freeze();
    assert_eq!(answer(&mut ada, "2", "news/read").await, failed("2", 7, ""));
    nats.thaw();
    // the answer to 2 comes before or after that to 3, and reaches nobody
    assert_eq!(answer(&mut ada, "3", "news/read").await["_reqid"], "3");
    until("the late answer is counted", async || {
        hub.get("/metrics").await.contains("concierge_router_dropped_total{why=\"late\"} 1").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_server_that_stays_frozen_is_given_up_and_said() {
    let nats = Nats::start().await;
    let hub = hub(&nats, &["router.routes=api within:60000"]).await;
    let plain = nats.client().await;
    let _silent = plain_worker(&plain, "concierge.api.news", |_| Vec::new()).await;
    let mut ada = subscriber(&hub, "ada").await;
    send(&mut ada, "api", json!({ "type": "q", "cmd": "news/read", "_reqid": "x" })).await;
    nats.freeze();
    // after two silent pings, five seconds apart
    assert_eq!(got(&mut ada).await["data"], failed("x", 2, "subject"));
    assert!(until_ready_says(&hub, "nats down").await.starts_with("ready\n"));
    nats.thaw();
    until_ready_says(&hub, "nats up").await;
}

#[tokio::test]
async fn a_server_that_is_too_old_is_refused_with_a_sentence() {
    let nats = Nats::old().await;
    let serve = ["serve", "--listen", "127.0.0.1:0", "--nats", &nats.url()];
    let said = Command::concierge(&serve).run().await.exits(78).stderr.clone();
    assert!(said.contains("is 2.10.26, and 2.11.0 or newer is needed"), "{said}");
}

#[tokio::test]
async fn a_server_that_does_not_let_the_hub_in_is_an_error_of_the_configuration_and_no_password_is_said() {
    let nats = Nats::with(r#"authorization { user: "hub", password: "right" }"#).await;
    let url = format!("nats.url={}", nats.url_of("hub", "wrong"));
    let said = Command::concierge(&["serve", "--listen", "127.0.0.1:0", "--set", &url]).run().await.exits(78).stderr.clone();
    assert!(said.contains("does not let the hub in"), "{said}");
    assert!(!said.contains("wrong"), "{said}");
}

/// PROTOCOL.md shows this configuration.
const RESTRICTED: &str = r#"
authorization {
  users = [
    { user: "hub", password: "secret", permissions: {
        publish: ["concierge.>", "_INBOX.>"]
        subscribe: ["concierge.>", "_INBOX.concierge.>", "$SRV.>"] } }
    { user: "others", password: "secret" }
  ]
}"#;

#[tokio::test]
async fn a_user_with_the_least_permissions_is_enough_and_what_it_may_not_is_said() {
    assert!(include_str!("../../../../PROTOCOL.md").contains(RESTRICTED.trim()), "the document shows it");
    let nats = Nats::with(RESTRICTED).await;
    let routes = "router.routes=api within:2000,secret=other within:500";
    let hub = hub_at(&nats.url_of("hub", "secret"), &[routes]).await;
    let plain = nats.client_of("others", "secret").await;
    let mut bob = worker(&hub, &plain, "bob").await;
    let asking = ask(&plain, "concierge.api.math", &json!({ "type": "q", "cmd": "math/add" }));
    let answering = async {
        let reqid = got(&mut bob).await["data"]["_reqid"].clone();
        send(&mut bob, "api", json!({ "type": "r", "status": "ok", "_reqid": reqid, "data": 3 })).await;
    };
    assert_eq!(tokio::join!(asking, answering).0, ok(json!(3)));
    let _worker = plain_worker(&plain, "concierge.api.news", |_| vec![ok(json!("calm"))]).await;
    assert_eq!(answer(&mut bob, "x", "news/read").await["data"], "calm");
    assert_eq!(answer(&mut bob, "w", "nobody/there").await, failed("w", 2, "subject"));

    send(&mut bob, "secret", json!({ "type": "q", "cmd": "news/read", "_reqid": "y" })).await;
    assert_eq!(got(&mut bob).await["data"], failed("y", 7, ""));
    let said = until_ready_says(&hub, "Permissions Violation for Publish").await;
    assert!(said.contains("other.secret.news"), "{said}");
    serve(&mut bob, json!({ "categories": ["math"], "subjects": ["secret"] })).await;
    until_ready_says(&hub, "Permissions Violation for Subscription").await;
    let endpoints = until("it is not said to be served", async || {
        Some(info(&plain).await?["endpoints"].take()).filter(|all| all == &json!([]))
    });
    endpoints.await;
}
