//! What cannot be passed on, and what makes no sense: said at once, once.

use super::*;

#[tokio::test]
async fn what_nobody_serves_is_unavailable_at_once_and_what_is_not_answered_times_out() {
    let nats = Nats::start().await;
    let (hub, plain) = (hub(&nats, &["router.routes=api within:300"]).await, nats.client().await);
    let mut ada = subscriber(&hub, "ada").await;
    assert_eq!(answer(&mut ada, "x", "math/add").await, failed("x", 2, "subject"));
    let _silent = plain_worker(&plain, "concierge.api.math", |_| Vec::new()).await;
    assert_eq!(answer(&mut ada, "y", "math/add").await, failed("y", 7, ""));
    let _odd = plain_worker(&plain, "concierge.api.odd", |_| vec![json!("hello")]).await;
    assert_eq!(answer(&mut ada, "z", "odd/add").await, failed("z", 0, "packet"));
    let _mute = plain_worker(&plain, "concierge.api.mute", |_| vec![json!({ "type": "r", "data": 7 })]).await;
    assert_eq!(answer(&mut ada, "w", "mute/add").await, failed("w", 0, ""));
}

#[tokio::test]
async fn what_is_no_request_is_refused_with_what_could_be_read_of_it() {
    let nats = Nats::start().await;
    let (hub, plain) = (hub(&nats, &[]).await, nats.client().await);
    let _bob = worker(&hub, &plain, "bob").await;
    let mark = |code, item| failed("x", code, item);
    let mut bare = failed("", 3, "data");
    bare.as_object_mut().unwrap().remove("_reqid");
    for (text, expected) in [
        ("", bare.clone()),
        ("{", bare.clone()),
        ("[]", bare),
        (r#"{"type":"q","_reqid":"x"}"#, mark(4, "cmd")),
        (r#"{"type":"q","cmd":"news/read","_reqid":"x"}"#, mark(3, "cmd")),
        (r#"{"type":"q","cmd":"math/add","_reqid":"x","reply":"durable"}"#, mark(9, "reply")),
    ] {
        let answer = plain.request("concierge.api.math", text.into()).await.unwrap();
        assert_eq!(datagram_of(&answer), expected, "{text}");
    }
    // nobody waits for an answer to these
    for text in [r#"{"type":"q","cmd":"math/add"}"#, r#"{"type":"r"}"#, "{"] {
        plain.publish("concierge.api.math", text.into()).await.unwrap();
    }
    until("they are counted", async || {
        hub.get("/metrics").await.contains("concierge_nats_dropped_total{why=\"unanswerable\"} 3").then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_larger_than_the_server_takes_is_over_a_limit_and_the_connection_stays() {
    let nats = Nats::with("max_payload = 4096").await;
    let (hub, plain) = (hub(&nats, &[]).await, nats.client().await);
    let mut bob = worker(&hub, &plain, "bob").await;
    let large = "x".repeat(8_192);
    send(&mut bob, "api", json!({ "type": "q", "cmd": "news/add", "_reqid": "x", "data": large })).await;
    assert_eq!(got(&mut bob).await["data"], failed("x", 6, "data"));
    let asking = ask(&plain, "concierge.api.math", &json!({ "type": "q", "cmd": "math/add", "_reqid": "y" }));
    let answering = async {
        let reqid = got(&mut bob).await["data"]["_reqid"].clone();
        send(&mut bob, "api", json!({ "type": "r", "status": "ok", "_reqid": reqid, "data": large })).await;
    };
    assert_eq!(tokio::join!(asking, answering).0, failed("y", 6, "data"));
    assert!(hub.get("/metrics").await.contains("concierge_nats_connects_total 1\n"));
}

#[tokio::test]
async fn nothing_follows_the_error_of_a_part_that_is_too_large_and_its_worker_is_told_to_stop() {
    let nats = Nats::with("max_payload = 4096").await;
    let (hub, plain) = (hub(&nats, &[]).await, nats.client().await);
    let mut bob = worker(&hub, &plain, "bob").await;
    let mut replies = plain.subscribe("replies").await.unwrap();
    let request = json!({ "type": "q", "cmd": "math/add", "_reqid": "y" }).to_string();
    plain.publish_with_reply("concierge.api.math", "replies", request.into()).await.unwrap();
    let reqid = got(&mut bob).await["data"]["_reqid"].clone();
    let part = |data: String| json!({ "type": "r", "status": "ok", "_reqid": reqid, "more": true, "data": data });
    send(&mut bob, "api", part("x".repeat(8_192))).await;
    assert_eq!(got(&mut bob).await["data"], json!({ "type": "p", "cmd": "sys/cancel", "data": { "_reqid": reqid } }));
    send(&mut bob, "api", part("b".to_owned())).await;
    send(&mut bob, "api", json!({ "type": "r", "status": "ok", "_reqid": reqid, "data": "c" })).await;
    assert_eq!(datagram_of(&within("an answer", replies.next()).await.unwrap()), failed("y", 6, "data"));
    until("what comes later is counted", async || {
        hub.get("/metrics").await.contains("concierge_router_dropped_total{why=\"late\"} 2").then_some(())
    })
    .await;
    plain.publish("replies", json!("the next one").to_string().into()).await.unwrap();
    assert_eq!(datagram_of(&within("the next one", replies.next()).await.unwrap()), "the next one");
}

#[tokio::test]
async fn a_worker_on_nats_answers_what_it_was_asked_and_nothing_else() {
    let nats = Nats::start().await;
    let (hub, plain, evil) = (hub(&nats, &[]).await, nats.client().await, nats.client().await);
    let mut news = evil.subscribe("concierge.api.news").await.unwrap();
    barrier(&evil).await;
    let mut math = plain.subscribe("concierge.api.math").await.unwrap();
    barrier(&plain).await;
    let mut ada = subscriber(&hub, "ada").await;
    for (cmd, reqid) in [("news/read", "n"), ("math/add", "m")] {
        send(&mut ada, "api", json!({ "type": "q", "cmd": cmd, "_reqid": reqid })).await;
    }
    let reply = within("a request", news.next()).await.unwrap().reply.unwrap().to_string();
    let asked = within("a request", math.next()).await.unwrap();
    let (inbox, token) = reply.rsplit_once('.').unwrap();
    let (ticket, seal) = token.split_once('-').unwrap();
    let next = ticket.parse::<u64>().unwrap() + 1;
    assert_eq!(datagram_of(&asked)["_reqid"], next.to_string(), "that is the other one");
    for forged in [format!("{next}-{seal}"), next.to_string(), format!("{next}-"), format!("{next}-0")] {
        evil.publish(format!("{inbox}.{forged}"), ok(json!("forged")).to_string().into()).await.unwrap();
    }
    barrier(&evil).await;
    plain.publish(asked.reply.unwrap(), ok(json!("right")).to_string().into()).await.unwrap();
    assert_eq!(got(&mut ada).await["data"], json!({ "type": "r", "status": "ok", "_reqid": "m", "data": "right" }));
}

#[tokio::test]
async fn who_asks_through_another_hub_waits_as_long_as_its_own_hub_says() {
    let nats = Nats::start().await;
    let (a, b) = (hub(&nats, &["router.routes=* within:3000"]).await, hub(&nats, &["router.routes=* within:100"]).await);
    let plain = nats.client().await;
    let mut bob = worker(&b, &plain, "bob").await;
    let mut ada = subscriber(&a, "ada").await;
    send(&mut ada, "api", json!({ "type": "q", "cmd": "math/add", "_reqid": "m" })).await;
    let left = got(&mut bob).await["headers"]["Cg-Deadline-Ms"].as_u64().unwrap();
    assert!((1_000..=3_000).contains(&left), "{left}");
    // plain clients of NATS wait as the route says
    let request = json!({ "type": "q", "cmd": "math/add", "_reqid": "x" });
    assert_eq!(ask(&plain, "concierge.api.math", &request).await, failed("x", 7, ""));
    assert_eq!(b.metric("concierge_router_in_flight").await, 1.0, "ada's request waits on");
}

#[tokio::test]
async fn what_is_served_stays_so_and_discovery_answers_however_much_that_is() {
    let nats = Nats::with("max_payload = 8192").await;
    let (hub, plain) = (hub(&nats, &[]).await, nats.client().await);
    let _bob = worker(&hub, &plain, "bob").await;
    let mut evil = subscriber(&hub, "evil").await;
    let long = |n: u32| format!("-{n:0>99}");
    let (categories, subjects): (Vec<_>, Vec<_>) = ((0..64).map(long).collect(), (0..16).map(long).collect());
    serve(&mut evil, json!({ "categories": categories, "subjects": subjects })).await;
    until("some of it is served", async || Some(info(&plain).await?["endpoints"].as_array()?.len()).filter(|count| *count > 5))
        .await;
    until("64 of it are served", async || (hub.metric("concierge_nats_served").await == 65.0).then_some(())).await;
    let nobody = plain.request("concierge.api.none", "".into()).await.unwrap_err();
    assert_eq!(nobody.kind(), async_nats::RequestErrorKind::NoResponders);
    until_refused(&plain).await;
}

/// What is served there is: bob gets nothing here, so the request is refused for what it says.
async fn until_refused(plain: &async_nats::Client) {
    let answer = ask(plain, "concierge.api.math", &json!({ "type": "q", "_reqid": "x" })).await;
    assert_eq!(answer, failed("x", 4, "cmd"));
}
