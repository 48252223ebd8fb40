//! PROTOCOL.md, "Limits": what a client and an address may do, and that nobody beside them feels it.

use concierge_tests::{Client, Hub, Wire, stall};
use futures::{SinkExt, StreamExt};
use serde_json::json;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

/// The hub's metrics, on a connection that was made before.
async fn metrics(wire: &mut Wire) -> String {
    wire.send(b"GET /metrics HTTP/1.1\r\nHost: hub.test\r\n\r\n").await;
    let reply = wire.reply().await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.text()
}

/// What was counted under that name.
fn counted(metrics: &str, name: &str) -> u64 {
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.unwrap_or_else(|| panic!("no {name}:\n{metrics}"))
}

/// Sends these again and again until the hub closes the connection, reading on, and gives the code and the reason.
async fn flood(client: &mut Client, payload: String) -> (u16, String) {
    let (mut to, mut from) = client.websocket().split();
    let sending = async {
        while to.send(Message::text(payload.clone())).await.is_ok() {}
        std::future::pending::<()>().await;
    };
    let reading = async {
        loop {
            match from.next().await {
                Some(Ok(Message::Close(Some(close)))) => return (close.code.into(), close.reason.as_str().to_owned()),
                Some(Ok(_)) => {}
                other => panic!("a close frame comes before {other:?}"),
            }
        }
    };
    tokio::select! { () = sending => unreachable!("it waits for ever"), ending = reading => ending }
}

/// Asks one question after the other while `other` goes on, and is answered in time.
async fn beside<T>(witness: &mut Client, other: impl Future<Output = T>) -> T {
    let mut other = std::pin::pin!(other);
    let question = json!({ "type": "SERVICE_FETCH_ALL" });
    loop {
        let began = Instant::now();
        tokio::select! {
            answer = witness.ask(&question) => {
                assert_eq!(answer["type"], "SERVICE_FETCH_ALL_RESULT");
                assert!(began.elapsed() < stall(), "{:?}", began.elapsed());
            }
            done = &mut other => return done,
        }
    }
}

/// Security: 6.
#[tokio::test]
async fn an_address_that_connects_too_often_gets_429_and_another_one_gets_in() {
    let hub = Hub::with(&["limits.address_connects_per_minute=10"]).await; // after ten, one in six seconds
    let mut ada = hub.enter("ada").await;
    let mut operator = hub.dial().await;
    metrics(&mut operator).await;
    let mut refused = Vec::new();
    while refused.len() < 3 {
        let head = hub.dial().await.upgrade("").await;
        match head.status {
            101 => assert!(refused.is_empty(), "one is let in behind {} that were refused", refused.len()),
            _ => refused.push(head),
        }
    }
    for head in &refused {
        let after: u64 = head.header("retry-after").unwrap().parse().unwrap();
        assert!(head.status == 429 && (1..=6).contains(&after), "{head:?}");
    }
    Client::upgrade(hub.dial_from_elsewhere().await).await.identify("eve").await;
    ada.ask(&json!({ "type": "SERVICE_FETCH_ALL" })).await;
    let hasty = r#"concierge_connections_refused_total{reason="hasty"}"#;
    assert_eq!(counted(&metrics(&mut operator).await, hasty), 3);
}

/// Security: 24.
#[tokio::test]
async fn a_client_that_sends_too_many_bytes_is_closed_4010_and_nobody_beside_it_waits() {
    let hub = Hub::with(&["limits.bytes_per_second=200000", "limits.excess_ms=500"]).await;
    let (mut ada, mut bob) = (hub.enter("ada").await, hub.enter("bob").await);
    let payload = json!({ "type": "SERVICE_FETCH_ALL", "x": "x".repeat(20_000) }).to_string();
    let began = Instant::now();
    let (code, reason) = beside(&mut bob, flood(&mut ada, payload)).await;
    assert_eq!((code, reason.as_str()), (4010, "too many bytes for too long"));
    assert!(began.elapsed().as_millis() >= 500, "{:?}", began.elapsed());
    let metrics = hub.get("/metrics").await;
    assert!(counted(&metrics, r#"concierge_throttled_total{limit="bytes"}"#) > 0);
    assert_eq!(counted(&metrics, r#"concierge_connections_closed_total{code="4010"}"#), 1);
}

/// Security: 24.
#[tokio::test]
async fn an_address_that_sends_too_much_is_slowed_down_and_another_one_is_not() {
    for (setting, limit, reason) in [
        ("limits.address_messages_per_second=100", "address_messages", "too many messages from this address for too long"),
        ("limits.address_bytes_per_second=70000", "address_bytes", "too many bytes from this address for too long"),
    ] {
        let hub = Hub::with(&[setting, "limits.excess_ms=500"]).await;
        let mut ada = hub.enter("ada").await;
        let mut eve = Client::upgrade(hub.dial_from_elsewhere().await).await;
        eve.identify("eve").await;
        let payload = json!({ "type": "SERVICE_FETCH_ALL", "x": "x".repeat(2_000) }).to_string();
        let ending = beside(&mut eve, flood(&mut ada, payload)).await;
        assert_eq!(ending, (4010, reason.to_owned()));
        let metrics = hub.get("/metrics").await;
        assert!(counted(&metrics, &format!(r#"concierge_throttled_total{{limit="{limit}"}}"#)) > 0, "{metrics}");
    }
}
