//! Requests, pushes and answers in both directions.

use serde_json::json;

use super::*;

#[tokio::test]
async fn a_plain_client_of_nats_calls_a_client_of_the_hub_and_is_called_by_it() {
    let nats = Nats::start().await;
    let (hub, plain) = (hub(&nats, &[]).await, nats.client().await);
    let mut bob = worker(&hub, &plain, "bob").await;

    let asking = tokio::spawn({
        let plain = plain.clone();
        async move { ask(&plain, "concierge.api.math", &json!({ "type": "q", "cmd": "math/add", "data": [1, 2] })).await }
    });
    let asked = got(&mut bob).await;
    assert_eq!(asked["subject"], "concierge.api");
    let left = asked["headers"]["Cg-Deadline-Ms"].as_u64().unwrap();
    assert!((9_000..=10_000).contains(&left), "{left}");
    assert_eq!(asked["headers"], json!({ "Cg-Node": "hub", "Cg-Level": 0, "Cg-Deadline-Ms": left }));
    let reqid = asked["data"]["_reqid"].clone();
    assert_eq!(asked["data"], json!({ "type": "q", "cmd": "math/add", "_reqid": reqid, "data": [1, 2] }));
    send(&mut bob, "api", json!({ "type": "r", "status": "ok", "_reqid": reqid, "data": 3 })).await;
    assert_eq!(asking.await.unwrap(), ok(json!(3)));

    let (tell, mut told) = tokio::sync::mpsc::channel(1);
    let _worker = plain_worker(&plain, "concierge.api.news", move |message| {
        tell.try_send((datagram_of(message), message.headers.clone().unwrap())).unwrap();
        vec![ok(json!("calm"))]
    })
    .await;
    assert_eq!(
        answer(&mut bob, "x", "news/weather").await,
        json!({ "type": "r", "status": "ok", "_reqid": "x", "data": "calm" })
    );
    let (datagram, headers) = told.recv().await.unwrap();
    assert_eq!(datagram, json!({ "type": "q", "cmd": "news/weather", "_reqid": datagram["_reqid"], "data": [1, 2] }));
    let header = |name: &str| headers.get(name).map(|line| line.as_str().to_owned());
    assert_eq!((header("Cg-Name"), header("Cg-Node")), (Some("bob".to_owned()), Some("hub".to_owned())));
    assert_eq!(header("Cg-Client").map(|id| id.len()), Some(36));
    assert!((9_000..=10_000).contains(&header("Cg-Deadline-Ms").unwrap().parse::<u64>().unwrap()), "{headers:?}");
}

#[tokio::test]
async fn a_mark_is_repeated_where_there_is_one_and_errors_have_headers_too() {
    let nats = Nats::start().await;
    let (hub, plain) = (hub(&nats, &[]).await, nats.client().await);
    let mut bob = worker(&hub, &plain, "bob").await;
    let asking = tokio::spawn({
        let plain = plain.clone();
        let datagram = json!({ "type": "q", "cmd": "math/add", "_reqid": "mine", "data": {} });
        async move { ask_for_message(&plain, "concierge.api.math", &datagram).await }
    });
    let reqid = got(&mut bob).await["data"]["_reqid"].clone();
    let error = json!({ "code": 3, "data": { "items": ["a"] } });
    send(&mut bob, "api", json!({ "type": "r", "status": "err", "_reqid": reqid, "data": error })).await;
    let message = asking.await.unwrap();
    assert_eq!(datagram_of(&message), json!({ "type": "r", "status": "err", "_reqid": "mine", "data": error }));
    let headers = message.headers.unwrap();
    let header = |name: &str| headers.get(name).unwrap().as_str().to_owned();
    assert_eq!([header("Nats-Service-Error"), header("Nats-Service-Error-Code")], ["INVALID", "3"]);
}

#[tokio::test]
async fn parts_pass_in_both_directions_in_their_order() {
    let nats = Nats::start().await;
    let (hub, plain) = (hub(&nats, &[]).await, nats.client().await);
    let mut bob = worker(&hub, &plain, "bob").await;

    let inbox = plain.new_inbox();
    let mut answers = plain.subscribe(inbox.clone()).await.unwrap();
    let question = json!({ "type": "q", "cmd": "math/primes" }).to_string();
    plain.publish_with_reply("concierge.api.math", inbox, question.into()).await.unwrap();
    let reqid = got(&mut bob).await["data"]["_reqid"].clone();
    for n in 1..=3 {
        let more = (n < 3).then_some(true);
        send(&mut bob, "api", json!({ "type": "r", "status": "ok", "_reqid": reqid, "more": more, "data": n })).await;
    }
    let parts = within("the parts", answers.by_ref().take(3).collect::<Vec<_>>()).await;
    let expected = [1, 2, 3].map(|n| if n < 3 { json!({"type":"r","status":"ok","more":true,"data":n}) } else { ok(json!(n)) });
    assert_eq!(parts.iter().map(datagram_of).collect::<Vec<_>>(), expected);

    let _worker = plain_worker(&plain, "concierge.api.news", |_| {
        vec![json!({ "type": "r", "status": "ok", "more": true, "data": 1 }), ok(json!(2)), ok(json!("too late"))]
    })
    .await;
    let mut ada = subscriber(&hub, "ada").await;
    let first = answer(&mut ada, "x", "news/list").await;
    assert_eq!(first, json!({ "type": "r", "status": "ok", "_reqid": "x", "more": true, "data": 1 }));
    assert_eq!(got(&mut ada).await["data"], json!({ "type": "r", "status": "ok", "_reqid": "x", "data": 2 }));
    until("the late answer is counted", async || {
        hub.get("/metrics").await.contains("concierge_router_dropped_total{why=\"late\"} 1").then_some(())
    })
    .await;
}

#[tokio::test]
async fn pushes_pass_in_both_directions_and_are_never_answered() {
    let nats = Nats::start().await;
    let (hub, plain) = (hub(&nats, &[]).await, nats.client().await);
    let (mut bob, mut cyd) = (worker(&hub, &plain, "bob").await, worker(&hub, &plain, "cyd").await);
    // cyd serves when a push of its own comes back
    send(&mut cyd, "api", json!({ "type": "p", "cmd": "math/here" })).await;
    for worker in [&mut bob, &mut cyd] {
        assert_eq!(got(worker).await["data"]["cmd"], "math/here");
    }
    let heard = plain.subscribe("concierge.api.>").await.unwrap();
    barrier(&plain).await;
    plain.publish("concierge.api.math", json!({ "type": "p", "cmd": "math/seen" }).to_string().into()).await.unwrap();
    for worker in [&mut bob, &mut cyd] {
        assert_eq!(got(worker).await["data"], json!({ "type": "p", "cmd": "math/seen", "data": {} }));
    }
    send(&mut bob, "api", json!({ "type": "p", "cmd": "news/seen", "data": 7 })).await;
    let mut news = heard.filter(|message| std::future::ready(message.subject.as_str() == "concierge.api.news"));
    let message = within("a push", news.next()).await.unwrap();
    assert_eq!(message.reply, None);
    assert_eq!(datagram_of(&message), json!({ "type": "p", "cmd": "news/seen", "data": 7 }));
}

#[tokio::test]
async fn clients_reach_nothing_but_what_stands_behind_the_prefixes_of_routes() {
    let nats = Nats::start().await;
    let routes = "router.routes=shop=acme.prod,feed p";
    let (hub, plain) = (hub(&nats, &[routes, "nats.prefix=cg.test"]).await, nats.client().await);
    let mut heard = Vec::new();
    for subject in ["cg.>", "acme.>", "api.>", "shop.>", "feed.>", "concierge.>"] {
        heard.push(plain.subscribe(subject).await.unwrap());
    }
    let mut heard = futures::stream::select_all(heard);
    barrier(&plain).await;
    let mut ada = subscriber(&hub, "ada").await;
    for (subject, reqid, code, item) in [("api", "1", 1, "subject"), ("feed", "2", 1, "type"), ("$SYS.x", "3", 3, "subject")] {
        send(&mut ada, subject, json!({ "type": "q", "cmd": "math/add", "_reqid": reqid })).await;
        assert_eq!(got(&mut ada).await["data"], failed(reqid, code, item));
    }
    send(&mut ada, "feed.x", json!({ "type": "p", "cmd": "math/seen" })).await;
    send(&mut ada, "shop.a", json!({ "type": "q", "cmd": "math/add", "_reqid": "4" })).await;
    let mut subjects = Vec::new();
    for _ in 0..2 {
        subjects.push(within("a message", heard.next()).await.unwrap().subject.to_string());
    }
    subjects.sort();
    assert_eq!(subjects, ["acme.prod.shop.a.math", "cg.test.feed.x.math"]);
}

#[tokio::test]
async fn who_leaves_is_not_served_any_more_and_who_waits_is_told() {
    let nats = Nats::start().await;
    let (hub, plain) = (hub(&nats, &[]).await, nats.client().await);
    let mut bob = worker(&hub, &plain, "bob").await;
    let asking = tokio::spawn({
        let plain = plain.clone();
        async move { ask(&plain, "concierge.api.math", &json!({ "type": "q", "cmd": "math/add", "_reqid": "x" })).await }
    });
    got(&mut bob).await;
    drop(bob);
    assert_eq!(asking.await.unwrap(), failed("x", 2, "subject"));
    until("nobody serves it", async || {
        let question = json!({ "type": "q", "cmd": "math/add" }).to_string();
        let nobody = plain.request("concierge.api.math", question.into()).await.err()?;
        (nobody.kind() == async_nats::RequestErrorKind::NoResponders).then_some(())
    })
    .await;
    assert_eq!(info(&plain).await.unwrap()["endpoints"], json!([]));
}

/// What stands in PROTOCOL.md behind `nats VERB`: the subject and the payload.
fn documented(verb: &str) -> (&'static str, Value) {
    let text = include_str!("../../../../PROTOCOL.md");
    let line = text.lines().find_map(|line| line.strip_prefix("nats ")?.trim().strip_prefix(verb)).unwrap();
    let (subject, payload) = line.trim().split_once(' ').unwrap();
    (subject, serde_json::from_str(payload.trim_matches('\'')).unwrap())
}

#[tokio::test]
async fn what_the_document_shows_for_the_nats_command_works() {
    let nats = Nats::start().await;
    let (hub, plain) = (hub(&nats, &[]).await, nats.client().await);
    let mut bob = worker(&hub, &plain, "bob").await;
    let (subject, payload) = documented("reply");
    let _worker = plain_worker(&plain, subject, move |_| vec![payload.clone()]).await;
    assert_eq!(answer(&mut bob, "x", "news/weather").await["data"], "calm");
    let (subject, payload) = documented("request");
    let asking = ask(&plain, subject, &payload);
    let answering = async {
        let asked = got(&mut bob).await["data"].take();
        assert_eq!((&asked["cmd"], &asked["data"]), (&json!("math/add"), &json!([1, 2])));
        send(&mut bob, "api", json!({ "type": "r", "status": "ok", "_reqid": asked["_reqid"], "data": 3 })).await;
    };
    assert_eq!(tokio::join!(asking, answering).0, ok(json!(3)));
}

#[tokio::test]
async fn a_durable_request_waits_for_a_worker_out_there_as_well_and_what_that_one_answers_settles_its_promise() {
    let nats = Nats::start().await;
    let (hub, plain) = (hub(&nats, &["coordinator.enabled=true"]).await, nats.client().await);
    let mut ada = subscriber(&hub, "ada").await;
    let request = json!({ "type": "q", "cmd": "news/weather", "_reqid": "x", "reply": "durable", "promise": "weather" });
    send(&mut ada, "api", request).await;
    assert_eq!(got(&mut ada).await["data"]["data"], json!({ "promise": "weather" }));
    until("nobody was there", async || {
        let put_back = hub.metric("concierge_router_durable_total{step=\"put_back\"}").await;
        (put_back > 0.0).then_some(())
    })
    .await;
    let _worker = plain_worker(&plain, "concierge.api.news", |message| {
        assert_eq!(message.headers.as_ref().unwrap().get("Cg-Promise").unwrap().as_str(), "weather");
        vec![ok(json!("calm"))]
    })
    .await;
    let promise = settled(&hub, "weather").await;
    assert_eq!((&promise["state"], &promise["value"]["data"]), (&json!("resolved"), &json!("ImNhbG0i")));
}

/// A promise, when it is settled.
async fn settled(hub: &Hub, id: &str) -> Value {
    let get = json!({ "kind": "promise.get", "head": { "corrId": "c", "version": "2026-04-01" }, "data": { "id": id } });
    until("the promise is settled", async || {
        let reply = hub.http("POST", "/coordinator", &[], get.to_string().as_bytes()).await;
        let answer: Value = serde_json::from_str(&reply.text()).unwrap();
        Some(answer["data"]["promise"].clone()).filter(|promise| promise["state"] != "pending")
    })
    .await
}

#[tokio::test]
async fn what_a_worker_out_there_says_of_a_durable_request_settles_it_also_when_it_has_no_room_or_no_time() {
    let nats = Nats::start().await;
    let (hub, plain) = (hub(&nats, &["coordinator.enabled=true"]).await, nats.client().await);
    let mut ada = subscriber(&hub, "ada").await;
    for (category, code) in [("full", 6), ("slow", 7)] {
        let _worker = plain_worker(&plain, &format!("concierge.api.{category}"), move |_| {
            vec![json!({ "type": "r", "status": "err", "data": { "code": code, "data": { "items": ["requests"] } } })]
        })
        .await;
        let request =
            json!({ "type": "q", "cmd": format!("{category}/x"), "_reqid": category, "reply": "durable", "promise": category });
        send(&mut ada, "api", request).await;
        assert_eq!(got(&mut ada).await["data"]["data"], json!({ "promise": category }));
        assert_eq!(settled(&hub, category).await["state"], json!("rejected"));
    }
    assert_eq!(hub.metric("concierge_router_durable_total{step=\"given\"}").await, 2.0);
}

#[tokio::test]
async fn a_durable_request_has_more_time_at_a_worker_of_another_hub_than_others_there_and_is_given_once() {
    let nats = Nats::start().await;
    let (a, plain) = (hub(&nats, &["coordinator.enabled=true"]).await, nats.client().await);
    let b = hub(&nats, &["router.routes=* within:300"]).await;
    let mut bob = worker(&b, &plain, "bob").await;
    let mut ada = subscriber(&a, "ada").await;
    let request = json!({ "type": "q", "cmd": "math/add", "_reqid": "x", "reply": "durable", "promise": "sum" });
    send(&mut ada, "api", request).await;
    let reqid = got(&mut bob).await["data"]["_reqid"].clone();
    // the time of others passes
    let other = json!({ "type": "q", "cmd": "math/sub", "_reqid": "y" });
    assert_eq!(ask(&plain, "concierge.api.math", &other).await, failed("y", 7, ""));
    send(&mut bob, "api", json!({ "type": "r", "status": "ok", "_reqid": reqid, "data": 3 })).await;
    assert_eq!(settled(&a, "sum").await["state"], "resolved");
    assert_eq!(a.metric("concierge_router_durable_total{step=\"given\"}").await, 1.0);
}
