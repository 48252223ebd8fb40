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
