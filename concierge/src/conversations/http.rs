//! PROTOCOL.md, "Connection": what happens before the upgrade.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use concierge_api_rs::limits;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls_pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::yield_now;
use tokio::time::{Instant, timeout};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;

use super::Hub;
use crate::crowd::TooMany;
use crate::host::Names;
use crate::http::{Site, Upgraded, serve, serve_tls};
use crate::memory::Memory;

fn site() -> Site {
    Site {
        router: axum::Router::new(),
        hub: true,
        names: Names::Any,
        tls: false,
        require_subprotocol: false,
        allowed_origins: ["https://good.example".to_owned()].into(),
        head_bytes: limits::HTTP_HEAD_BYTES,
        headers: limits::HTTP_HEADERS,
        stalled_for: Duration::from_secs(10),
        draining: CancellationToken::new(),
        memory: Arc::new(Memory::new(0)),
        desk: Hub::new().desk,
    }
}

fn request(headers: &str) -> String {
    format!(
        "GET /ws HTTP/1.1\r\nHost: hub:64209\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n"
    )
}

/// Serves what `bytes` ask for: the head of the answer, and the connection if it was upgraded.
async fn ask(site: &Site, crowded: Option<TooMany>, bytes: &str) -> (String, Option<Upgraded<DuplexStream>>) {
    let (mut client, server) = duplex(64 * 1024);
    client.write_all(bytes.as_bytes()).await.unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let upgraded = serve(server, address, site, Duration::from_secs(5), crowded).await;
    let mut answer = vec![0; 16 * 1024];
    let len = client.read(&mut answer).await.unwrap();
    answer.truncate(len);
    (String::from_utf8(answer).unwrap(), upgraded)
}

/// The status of the answer and its subprotocol.
async fn status(site: &Site, headers: &str) -> (u16, Option<String>) {
    let (answer, upgraded) = ask(site, None, &request(headers)).await;
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    assert_eq!(upgraded.is_some(), status == 101, "{answer}");
    let protocol = answer.lines().find_map(|line| line.strip_prefix("sec-websocket-protocol: ")).map(str::to_owned);
    (status, protocol)
}

#[tokio::test(start_paused = true)]
async fn the_subprotocol_is_echoed_when_it_is_offered_and_nothing_else_is() {
    let echoed = Some("ert-concierge".to_owned());
    for (offered, answered) in [
        ("Sec-WebSocket-Protocol: ert-concierge\r\n", &echoed),
        ("Sec-WebSocket-Protocol: chat, ert-concierge,x\r\n", &echoed),
        ("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: ert-concierge\r\n", &echoed),
        ("Sec-WebSocket-Protocol: chat\r\n", &None),
        ("Sec-WebSocket-Protocol: ert-concierge-2\r\n", &None),
        ("Sec-WebSocket-Protocol: ,;\u{7f}\r\n", &None),
        ("", &None),
    ] {
        let (answer, protocol) = status(&site(), offered).await;
        let refused_by_parser = offered.contains('\u{7f}') && answer == 400;
        assert!(answer == 101 || refused_by_parser, "{offered}: {answer}");
        assert_eq!(&protocol, answered, "{offered}");
    }
}

/// Security: 2.
#[tokio::test(start_paused = true)]
async fn a_hub_that_insists_on_the_subprotocol_answers_400_without_it() {
    let site = Site { require_subprotocol: true, ..site() };
    assert_eq!(status(&site, "").await.0, 400);
    assert_eq!(status(&site, "Sec-WebSocket-Protocol: chat\r\n").await.0, 400);
    assert_eq!(status(&site, "Sec-WebSocket-Protocol: chat, ert-concierge\r\n").await.0, 101);
}

/// Security: 2.
#[tokio::test(start_paused = true)]
async fn another_version_of_websocket_is_426_and_names_13() {
    for version in ["12", "14", "0", "13, 8", ""] {
        let request = request("").replace("Version: 13", &format!("Version: {version}"));
        let (answer, upgraded) = ask(&site(), None, &request).await;
        assert!(answer.starts_with("HTTP/1.1 426 ") && answer.contains("sec-websocket-version: 13\r\n"), "{version}: {answer}");
        assert!(upgraded.is_none());
    }
}

/// Security: 1.
#[tokio::test(start_paused = true)]
async fn an_origin_is_absent_or_the_hubs_own_or_on_the_list_else_403() {
    for (origin, expected) in [
        ("", 101),
        ("Origin: http://hub:64209\r\n", 101),
        ("Origin: https://good.example\r\n", 101),
        ("Origin: http://hub\r\n", 403),
        ("Origin: http://hub:1\r\n", 403),
        ("Origin: https://evil.example\r\n", 403),
        ("Origin: null\r\n", 403),
    ] {
        assert_eq!(status(&site(), origin).await.0, expected, "{origin}");
    }
}

/// Security: 4.
#[tokio::test(start_paused = true)]
async fn the_whole_head_arrives_within_5_seconds_or_the_connection_ends() {
    let began = Instant::now();
    let (answer, upgraded) = ask(&site(), None, "GET /ws HTTP/1.1\r\nHost: hub\r\n").await;
    assert!(upgraded.is_none() && !answer.contains("101"), "{answer}");
    let ms = began.elapsed().as_millis();
    assert!((5_000..=5_002).contains(&ms), "{ms}");
}

/// Both ends of TLS: a certificate of the test's own, and a client that trusts it.
fn tls() -> (TlsAcceptor, TlsConnector) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["hub".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let server = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let server = server.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let client = client.with_root_certificates(roots).with_no_client_auth();
    (Arc::new(server).into(), Arc::new(client).into())
}

/// Security: 4.
#[tokio::test(start_paused = true)]
async fn a_tls_handshake_and_the_head_behind_it_arrive_within_5_seconds_together() {
    for (handshake_after_ms, head) in [(0, "GET /ws HTTP/1.1\r\nHost: hub\r\n"), (4_000, ""), (4_999, "GET "), (6_000, "")] {
        let (acceptor, connector) = tls();
        let (client, server) = duplex(64 * 1024);
        let began = Instant::now();
        let site = site();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let serving = async {
            let upgraded = serve_tls(server, acceptor, address, &site, Duration::from_secs(5), None).await;
            (upgraded.is_some(), began.elapsed().as_millis())
        };
        let speaking = async {
            let late = timeout(Duration::from_millis(handshake_after_ms), std::future::pending::<()>()).await;
            assert!(late.is_err());
            let mut client = connector.connect("hub".try_into().unwrap(), client).await.ok()?;
            client.write_all(head.as_bytes()).await.unwrap();
            Some(client) // it stays, and says no more
        };
        let ((upgraded, ms), _client) = tokio::join!(serving, speaking);
        assert!(!upgraded && (5_000..=5_002).contains(&ms), "a handshake after {handshake_after_ms} ms: {ms} ms");
    }
}

/// An answer whose end TLS does not tell might have been cut.
#[tokio::test(start_paused = true)]
async fn behind_the_last_answer_tls_says_that_it_is_the_last() {
    let (acceptor, connector) = tls();
    let (client, server) = duplex(64 * 1024);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let site = site();
    let serving = serve_tls(server, acceptor, address, &site, Duration::from_secs(5), None);
    let asking = async {
        let mut client = connector.connect("hub".try_into().unwrap(), client).await.unwrap();
        client.write_all(b"GET /ws HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.map(|_| answer)
    };
    let (_, answer) = tokio::join!(serving, asking);
    let answer = answer.expect("without close_notify this is an unexpected end");
    assert!(answer.starts_with(b"HTTP/1.1 426 "), "{}", answer.escape_ascii());
}

/// Security: 3.
#[tokio::test(start_paused = true)]
async fn a_head_holds_8_kib_and_64_headers_at_most() {
    let headers = |count: usize| (0..count).map(|n| format!("x-{n}: y\r\n")).collect::<String>();
    let own = 5; // what `request` brings itself
    assert_eq!(status(&site(), &headers(64 - own)).await.0, 101);
    assert_eq!(status(&site(), &headers(65 - own)).await.0, 431);
    let padding = |bytes: usize| format!("x: {}\r\n", "y".repeat(bytes - request("x: \r\n").len()));
    assert_eq!(status(&site(), &padding(8 * 1024)).await.0, 101);
    assert_eq!(status(&site(), &padding(8 * 1024 + 1)).await.0, 431);
}

#[tokio::test(start_paused = true)]
async fn a_hub_may_take_larger_heads_and_fewer_headers() {
    let site = Site { head_bytes: 20_000, headers: 16, ..site() };
    assert_eq!(status(&site, &format!("x: {}\r\n", "y".repeat(15_000))).await.0, 101);
    assert_eq!(status(&site, &format!("x: {}\r\n", "y".repeat(21_000))).await.0, 431);
    assert_eq!(status(&site, &"x: y\r\n".repeat(11)).await.0, 101);
    assert_eq!(status(&site, &"x: y\r\n".repeat(12)).await.0, 431);
}

/// Security: 6.
#[tokio::test(start_paused = true)]
async fn a_connection_too_many_from_one_address_is_429_and_says_when_to_come_again() {
    for (too_many, after) in
        [(TooMany::Connections, 10), (TooMany::Connects(Duration::from_millis(2_001)), 3), (TooMany::Connects(Duration::ZERO), 1)]
    {
        let (answer, upgraded) = ask(&site(), Some(too_many), &request("")).await;
        assert!(answer.starts_with("HTTP/1.1 429 ") && upgraded.is_none(), "{answer}");
        assert!(answer.contains(&format!("retry-after: {after}\r\n")) && answer.ends_with(too_many.sentence()), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_came_just_before_the_hub_drains_is_answered_and_who_says_nothing_is_not_waited_for() {
    for asks in [true, false] {
        let (site, (mut client, server)) = (site(), duplex(64 * 1024));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let asking = async {
            yield_now().await; // the connection is served by now
            site.draining.cancel();
            yield_now().await;
            if asks {
                client.write_all(request("").as_bytes()).await.unwrap();
            }
            let (begin, mut answer) = (Instant::now(), String::new());
            client.read_to_string(&mut answer).await.unwrap();
            (answer, begin.elapsed())
        };
        let (_, (answer, after)) = tokio::join!(serve(server, address, &site, Duration::from_secs(5), None), asking);
        assert_eq!(answer.starts_with("HTTP/1.1 503 "), asks, "{answer}");
        assert!(after < Duration::from_millis(300), "{after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_came_behind_the_request_is_handed_on() {
    let (answer, upgraded) = ask(&site(), None, &(request("") + "early bytes")).await;
    assert!(answer.starts_with("HTTP/1.1 101 ") && answer.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    assert_eq!(upgraded.unwrap().early, b"early bytes");
}
