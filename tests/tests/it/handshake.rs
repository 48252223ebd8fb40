//! From the first byte to the upgrade: heads, versions, keys, subprotocols, origins, and who is turned away.

use concierge_tests::{Client, Hub, Wire, client_frame, handshake, measured, stall, until, within};
use serde_json::json;
use tokio::time::Instant;

const KEY: &str = "Sec-WebSocket-Key: ";

async fn status(hub: &Hub, more: &str) -> u16 {
    hub.dial().await.upgrade(more).await.status
}

#[tokio::test]
async fn the_subprotocol_is_echoed_to_whoever_offers_it_and_to_nobody_else() {
    let hub = Hub::start().await;
    for (offered, echoed) in [
        ("Sec-WebSocket-Protocol: ert-concierge\r\n", Some("ert-concierge")),
        ("Sec-WebSocket-Protocol: chat, ert-concierge, mqtt\r\n", Some("ert-concierge")),
        ("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: ert-concierge\r\n", Some("ert-concierge")),
        ("Sec-WebSocket-Protocol: chat\r\n", None),
        ("Sec-WebSocket-Protocol: ERT-Concierge\r\n", None),
        ("Sec-WebSocket-Protocol: \r\n", None),
        ("", None),
    ] {
        let head = hub.dial().await.upgrade(offered).await;
        assert_eq!((head.status, head.header("sec-websocket-protocol")), (101, echoed), "{offered}");
        assert_eq!(head.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "the example of RFC 6455");
    }
}

/// Security: 2.
#[tokio::test]
async fn a_hub_that_insists_on_the_subprotocol_answers_400_without_it() {
    let hub = Hub::with(&["require_subprotocol=true"]).await;
    assert_eq!(status(&hub, "").await, 400);
    assert_eq!(status(&hub, "Sec-WebSocket-Protocol: chat\r\n").await, 400);
    assert_eq!(status(&hub, "Sec-WebSocket-Protocol: ERT-Concierge\r\n").await, 400);
    assert_eq!(status(&hub, "Sec-WebSocket-Protocol: chat, ert-concierge\r\n").await, 101);
}

/// Security: 1.
#[tokio::test]
async fn pages_of_strangers_get_403_and_no_session() {
    let hub = Hub::with(&["allowed_origins=https://good.example,http://good.example"]).await;
    for origin in ["http://hub.test", "https://good.example", "http://good.example"].map(|origin| format!("Origin: {origin}\r\n"))
    {
        assert_eq!(status(&hub, &origin).await, 101, "{origin}");
    }
    for origin in [
        "http://evil.example",
        "https://hub.test",
        "http://hub.test:64209",
        "http://good.example:8080",
        "https://good.example:80",
        "https://hub.test.evil.example",
        "http://hub.test.evil.example",
        "http://evilhub.test",
        "https://good.example@evil.example",
        "https://xn--god-sna.example",
        "https://go\u{f6}d.example",
        "https://good.example.evil.example",
        "https://evilgood.example",
        "https://GOOD.example",
        "https://good.example.",
        "null",
        "http://hub.test\r\nOrigin: http://hub.test",
    ] {
        assert_eq!(status(&hub, &format!("Origin: {origin}\r\n")).await, 403, "{origin}");
    }
    let mut refused = hub.dial().await;
    refused.upgrade("Origin: null\r\n").await;
    refused.rest().await;
    until("nobody has entered", async || (hub.metric("concierge_clients").await == 0.0).then_some(())).await;
}

/// Security: 2, 3.
#[tokio::test]
async fn an_upgrade_that_is_none_is_426_and_a_malformed_one_is_400() {
    let hub = Hub::start().await;
    let plain = hub.http("GET", "/ws", &[], b"").await;
    assert_eq!((plain.status, plain.header("upgrade")), (426, Some("websocket")));
    for version in ["12", "14", "8", "13, 14", "x", ""] {
        let head = hub.dial().await.upgrade(&format!("Sec-WebSocket-Version: {version}\r\n")).await;
        assert_eq!((head.status, head.header("sec-websocket-version")), (426, Some("13")), "{version}");
    }
    let keyless = handshake("").replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "");
    let mut wire = hub.dial().await;
    wire.send(keyless.as_bytes()).await;
    assert_eq!(wire.head().await.status, 400, "no key");
    for key in ["", "c2hvcnQ=", "dGhlIHNhbXBsZSBub25jZQ", "!!!!IHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZSBpcyBsb25n"] {
        assert_eq!(status(&hub, &format!("{KEY}{key}\r\n")).await, 400, "{key}");
    }
    for (line, expected) in [("POST /ws HTTP/1.1", 400), ("GET /ws HTTP/1.0", 400)] {
        let mut wire = hub.dial().await;
        wire.send(handshake("").replace("GET /ws HTTP/1.1", line).as_bytes()).await;
        assert_eq!(wire.head().await.status, expected, "{line}");
    }
    hub.enter("ada").await.leave().await;
}

/// Security: 2, 3.
#[tokio::test]
async fn a_handshake_with_a_body_or_without_exactly_one_host_is_400_and_the_end() {
    let hub = Hub::start().await;
    let head = handshake("");
    for request in [
        head.replace("Host: hub.test\r\n", ""),
        handshake("Host: hub.test\r\n"),
        handshake("Host: other.test\r\n"),
        handshake("Content-Length: 5\r\n") + "hello",
        handshake("Content-Length: 5\r\n"),
        handshake("Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n0\r\n\r\n",
        handshake("Transfer-Encoding: chunked\r\n"),
        handshake("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n",
    ] {
        let mut wire = hub.dial().await;
        wire.send(request.as_bytes()).await;
        assert_eq!(wire.reply().await.status, 400, "{request}");
        assert_eq!(wire.rest().await, b"", "{request}");
    }
    assert_eq!(status(&hub, "").await, 101);
}

/// What comes twice is read by one and overlooked by another.
/// Security: 2.
#[tokio::test]
async fn a_handshake_with_one_of_its_headers_twice_is_400() {
    let hub = Hub::start().await;
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for line in ["Upgrade: websocket\r\n", "Connection: Upgrade\r\n", "Connection: keep-alive\r\n", "Host: hub.test\r\n", key] {
        let mut wire = hub.dial().await;
        wire.send(handshake("").replace("\r\n\r\n", &format!("\r\n{line}\r\n")).as_bytes()).await;
        assert_eq!(wire.head().await.status, 400, "{line}");
    }
    assert_eq!(status(&hub, "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13\r\n").await, 400);
    let listed = handshake("").replace("Connection: Upgrade", "Connection: keep-alive, Upgrade");
    let mut wire = hub.dial().await;
    wire.send(listed.as_bytes()).await;
    assert_eq!(wire.head().await.status, 101, "as Firefox writes it");
}

/// hyper answers 431 to too many headers and to a head that is too large. Where the request line alone fills it, it says 414.
/// Security: 3.
#[tokio::test]
async fn a_head_over_8_kib_or_with_more_than_64_headers_is_refused() {
    let hub = Hub::start().await;
    assert_eq!(status(&hub, &format!("X-Long: {}\r\n", "x".repeat(7_000))).await, 101);
    let sent = 5; // headers of every handshake
    assert_eq!(status(&hub, &"X: y\r\n".repeat(64 - sent)).await, 101);
    assert_eq!(status(&hub, &"X: y\r\n".repeat(65 - sent)).await, 431);
    assert_eq!(status(&hub, &format!("X-Long: {}\r\n", "x".repeat(8 * 1024))).await, 431);
    let mut wire = hub.dial().await;
    wire.send(handshake("").replace("/ws", &format!("/ws?{}", "x".repeat(9 * 1024))).as_bytes()).await;
    let status = wire.head().await.status;
    assert!(matches!(status, 414 | 431), "{status}");
    until("the three are counted", async || {
        hub.get("/metrics").await.contains("concierge_connections_refused_total{reason=\"head\"} 3\n").then_some(())
    })
    .await;
}

/// Security: 2.
#[tokio::test]
async fn a_head_with_forbidden_bytes_is_400() {
    let hub = Hub::start().await;
    for more in ["X: a\0b\r\n", "X : y\r\n", "X: y\r\n folded\r\n", "X: a\rb\r\n", ": y\r\n"] {
        assert_eq!(status(&hub, more).await, 400, "{}", more.escape_debug());
    }
}

/// Security: 4.
#[tokio::test]
async fn a_head_that_does_not_end_in_time_is_cut() {
    let hub = Hub::with(&["limits.http_head_within_ms=300"]).await;
    let mut silent = hub.dial().await;
    let mut slow = hub.dial().await;
    slow.send(b"GET /ws HTTP/1.1\r\nHost: hub.test\r\n").await;
    let begin = Instant::now();
    slow.rest().await;
    assert!(
        silent.is_over().await || {
            silent.rest().await;
            true
        }
    );
    assert!(begin.elapsed().as_secs() < 20, "it was cut after {:?}", begin.elapsed());
    // one byte at a time does not buy time: there is one deadline for the whole head
    let mut drip = hub.dial().await;
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(20));
    let cut = within("the cut of a head that drips", async {
        for byte in handshake(&format!("X: {}\r\n", "x".repeat(6_000))).bytes() {
            ticks.tick().await;
            if drip.try_send(&[byte]).await.is_err() {
                return true;
            }
        }
        false
    });
    assert!(cut.await, "a head that drips is cut");
}

/// Security: 4.
#[tokio::test]
async fn five_thousand_half_open_connections_keep_nobody_out() {
    let hub = Hub::with(&["limits.http_head_within_ms=60000"]).await;
    let mut half_open = Vec::new();
    for _ in 0..5_000 {
        let mut wire = hub.dial().await;
        wire.send(b"GET /ws HTTP/1.1\r\n").await;
        half_open.push(wire);
    }
    until("all of them are open", async || (hub.metric("concierge_connections").await >= 5_000.0).then_some(())).await;
    let mut fastest = stall();
    for _ in 0..5 {
        let begin = Instant::now();
        let ada = hub.enter("ada").await;
        fastest = fastest.min(begin.elapsed());
        ada.leave().await;
    }
    measured(&format!("beside 5,000 half-open connections a client enters in {fastest:?}"));
    assert!(fastest.as_millis() < 250, "{fastest:?}");
}

#[tokio::test]
async fn frames_that_come_together_with_the_handshake_are_not_lost() {
    let hub = Hub::start().await;
    let mut wire = hub.dial().await;
    let identify = json!({ "type": "IDENTIFY", "name": "ada", "version": "0.2.0" }).to_string();
    let fetch = json!({ "type": "SERVICE_FETCH_ALL" }).to_string();
    let all =
        [handshake("").as_bytes(), &client_frame(0x81, identify.as_bytes()), &client_frame(0x81, fetch.as_bytes())].concat();
    wire.send(&all).await;
    assert_eq!(wire.head().await.status, 101);
    let hello = String::from_utf8(wire.frame().await.payload).unwrap();
    assert!(hello.contains(r#""type":"HELLO""#), "{hello}");
    let answer = String::from_utf8(wire.frame().await.payload).unwrap();
    assert_eq!(answer, r#"{"type":"SERVICE_FETCH_ALL_RESULT","seq":0,"services":[]}"#);
}

#[tokio::test]
async fn http_and_websockets_share_the_port_and_a_connection_may_do_one_after_the_other() {
    let hub = Hub::start().await;
    let mut wire = hub.dial().await;
    wire.send(b"GET /healthz HTTP/1.1\r\nHost: hub.test\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: hub.test\r\n\r\n").await;
    assert_eq!(wire.reply().await.status, 200);
    assert_eq!(wire.reply().await.status, 404);
    let mut ada = Client::upgrade(wire).await;
    ada.identify("ada").await;
    assert_eq!(hub.get("/healthz").await, "ok\n");
    ada.leave().await;
}

/// Security: 6.
#[tokio::test]
async fn an_address_with_too_many_connections_gets_429_until_one_ends() {
    let hub = Hub::with(&["limits.connections_per_address=2"]).await;
    let (ada, bob) = (hub.enter("ada").await, hub.enter("bob").await);
    let refused = hub.dial().await.upgrade("").await;
    assert_eq!(refused.status, 429);
    assert!(refused.header("retry-after").is_some());
    ada.leave().await;
    until("room for another one", async || {
        let mut wire: Wire = hub.dial().await;
        (wire.upgrade("").await.status == 101).then_some(())
    })
    .await;
    bob.leave().await;
}

/// A page whose own name was made to mean 127.0.0.1 sends that name as `Host`, and an `Origin` that fits or none.
/// Security: 7, 35.
#[tokio::test]
async fn a_page_whose_name_was_pointed_at_this_machine_gets_nothing() {
    let hub = Hub::with(&["coordinator.enabled=true"]).await;
    let ada = hub.enter("ada").await;
    let ask = async |host: &str, request: &str| {
        let mut wire = hub.dial().await;
        wire.send(request.replace("hub.test", host).as_bytes()).await;
        wire.head().await.status
    };
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: hub.test\r\nx-fs-key: {}\r\n\r\n", ada.uuid);
    let rebound = "evil.example:64209";
    assert_eq!(ask(rebound, &handshake("Origin: http://hub.test\r\n")).await, 403);
    assert_eq!(ask(rebound, &handshake("")).await, 403);
    for path in ["/", "/healthz", "/metrics", "/fs/ada/", "/coordinator"] {
        assert_eq!(ask(rebound, &get(path)).await, 403, "{path}");
    }
    let post = "POST /coordinator HTTP/1.1\r\nHost: hub.test\r\nOrigin: http://hub.test\r\nContent-Length: 2\r\n\r\n{}";
    assert_eq!(ask(rebound, post).await, 403);
    for own in ["127.0.0.1:64209", "localhost:64209", "[::1]", "hub.test"] {
        assert_eq!(ask(own, &handshake("Origin: http://hub.test\r\n")).await, 101, "{own}");
        assert_eq!(ask(own, &get("/metrics")).await, 200, "{own}");
        assert_eq!(ask(own, post).await, 200, "{own}");
    }
    let refused = hub.get("/metrics").await.contains("concierge_connections_refused_total{reason=\"host\"} 8\n");
    assert!(refused, "they are counted");
}

/// No proxy can be configured, so what a client says of its address is worth nothing.
/// Security: 5.
#[tokio::test]
async fn who_says_that_it_comes_from_elsewhere_is_not_believed() {
    let hub = Hub::with(&["limits.connections_per_address=2"]).await;
    let (ada, bob) = (hub.enter("ada").await, hub.enter("bob").await);
    let hops = vec!["::1"; 1_000].join(", ");
    let said = ["192.0.2.1", "", ",,;", "unknown", "[2001:db8::1]:7", "\u{e9}\u{1f389}", "999.999.999.999", &hops];
    let lines = said.map(|said| format!("X-Forwarded-For: {said}\r\nForwarded: for=192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\n"));
    for line in &lines {
        assert_eq!(status(&hub, line).await, 429, "{line}");
    }
    bob.leave().await;
    for line in &lines {
        until("room for one, whoever it says it is", async || (status(&hub, line).await == 101).then_some(())).await;
    }
    ada.leave().await;
}
