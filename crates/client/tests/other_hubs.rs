//! Hubs that ours is not: older ones, newer ones, and ones that behave oddly. Each is a few lines of WebSocket server.

use std::time::Duration;

use concierge_client::{
    Client, ConnectError, Delivery, Ending, Event, FilesError, Options, Reconnect, RequestError, Status, Subscription,
};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// Runs `hub` and connects a client called ada to it.
async fn meet<H, F>(hub: H) -> (Result<Client, ConnectError>, JoinHandle<()>)
where
    H: FnOnce(TcpListener) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = listener.local_addr().expect("it is bound").to_string();
    let hub = tokio::spawn(hub(listener));
    let eager = Reconnect { base: Duration::from_millis(1), cap: Duration::from_millis(1), ..Reconnect::default() };
    let options = Options::new(&url, "ada").expect("a proper name").reconnect(eager).connect_within(Duration::from_secs(20));
    (Client::connect(options).await, hub)
}

/// The server's end of a connection.
struct Peer(WebSocketStream<TcpStream>);

impl Peer {
    /// A connection whose subprotocol is echoed.
    async fn accept(listener: &TcpListener) -> Self {
        let (tcp, _) = listener.accept().await.expect("a connection");
        #[expect(clippy::result_large_err, reason = "the callback's signature is tungstenite's")]
        let echo = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
            let offered = request.headers()["sec-websocket-protocol"].clone();
            response.headers_mut().insert("sec-websocket-protocol", offered);
            Ok(response)
        };
        Self(tokio_tungstenite::accept_hdr_async(tcp, echo).await.expect("an upgrade"))
    }

    async fn hear(&mut self) -> Value {
        let message = self.0.next().await.expect("the client goes on").expect("the connection stands");
        serde_json::from_str(message.to_text().expect("text")).expect("JSON")
    }

    async fn say(&mut self, payload: Value) {
        self.0.send(Message::text(payload.to_string())).await.expect("the connection stands");
    }

    /// Takes IDENTIFY and says HELLO as the original protocol does: without a file key.
    async fn greet(&mut self) {
        assert_eq!(self.hear().await["type"], "IDENTIFY");
        self.say(json!({ "type": "HELLO", "uuid": uuid::Uuid::new_v4(), "version": "0.2.0" })).await;
    }
}

fn service(name: &str, owner: u128) -> Value {
    json!({ "name": name, "nickname": null, "owner_uuid": uuid::Uuid::from_u128(owner), "subscribers": [] })
}

#[tokio::test]
async fn a_hub_that_does_not_echo_the_subprotocol_and_gives_no_file_key_will_do() {
    let (ada, hub) = meet(async |listener: TcpListener| {
        let (tcp, _) = listener.accept().await.expect("a connection");
        let refused = tokio_tungstenite::accept_async(tcp).await;
        drop(refused); // the WebSocket library of the client does not forgive the missing echo
        let (tcp, _) = listener.accept().await.expect("a second connection");
        let mut peer = Peer(tokio_tungstenite::accept_async(tcp).await.expect("an upgrade"));
        peer.greet().await;
        assert_eq!(peer.hear().await, json!({ "type": "SERVICE_FETCH_ALL" }));
        peer.say(json!({ "type": "SERVICE_FETCH_ALL_RESULT", "seq": 0, "services": [service("news", 7)] })).await;
    })
    .await;
    let ada = ada.unwrap();
    assert_eq!(ada.services().await.unwrap()[0].name.as_str(), "news");
    assert!(matches!(ada.files().list("").await, Err(FilesError::NoKey)));
    hub.await.unwrap();
}

#[tokio::test]
async fn a_server_that_does_not_begin_with_hello_is_no_hub() {
    let (ada, hub) = meet(async |listener: TcpListener| {
        let mut peer = Peer::accept(&listener).await;
        peer.say(json!({ "type": "OK" })).await;
    })
    .await;
    assert!(matches!(ada, Err(ConnectError::NoHello(kind)) if kind == "OK"));
    hub.await.unwrap();
}

#[tokio::test]
async fn a_server_that_ends_the_connection_without_a_word_is_told_as_1006() {
    let (ada, hub) = meet(async |listener: TcpListener| drop(Peer::accept(&listener).await)).await;
    assert!(matches!(ada, Err(ConnectError::Closed { code: 1006, .. })), "{ada:?}");
    hub.await.unwrap();
}

#[tokio::test]
async fn payloads_that_cannot_be_understood_are_passed_over() {
    let (ada, hub) = meet(async |listener: TcpListener| {
        let mut peer = Peer::accept(&listener).await;
        peer.greet().await;
        peer.hear().await;
        for text in
            [r#"{"x":1}"#, r#"{"type":"OF_A_LATER_VERSION","x":1}"#, r#"{"type":"CLIENT_LEFT"}"#, r#"{"type":"OK","seq":99}"#]
        {
            peer.0.send(Message::text(text)).await.expect("the connection stands");
        }
        peer.0.send(Message::binary(vec![1, 2, 3])).await.expect("the connection stands");
        peer.say(json!({ "type": "SERVICE_FETCH_ALL_RESULT", "seq": 0, "services": [], "more": { "later": true } })).await;
        peer.hear().await;
        peer.say(json!({ "type": "OK", "seq": 1 })).await;
    })
    .await;
    let ada = ada.unwrap();
    assert_eq!(ada.services().await.unwrap(), []);
    assert!(matches!(ada.services().await, Err(RequestError::Unexpected("OK"))));
    hub.await.unwrap();
}

/// It may have been an answer, and nobody could tell whose.
#[tokio::test]
async fn text_that_is_no_json_ends_the_connection_1002_and_the_client_comes_back() {
    let (ada, hub) = meet(async |listener: TcpListener| {
        let mut peer = Peer::accept(&listener).await;
        peer.greet().await;
        peer.hear().await;
        peer.0.send(Message::text("nonsense")).await.expect("the connection stands");
        let close = peer.0.next().await.expect("a close frame").expect("the connection stands");
        let Message::Close(Some(close)) = close else { panic!("{close:?}") };
        assert_eq!((u16::from(close.code), close.reason.as_str()), (1002, "expected ident at line 1 column 2"));
        drop(peer);
        let mut peer = Peer::accept(&listener).await;
        peer.greet().await;
        peer.hear().await;
        peer.say(json!({ "type": "SERVICE_FETCH_ALL_RESULT", "seq": 0, "services": [] })).await;
        peer.hear().await;
    })
    .await;
    let ada = ada.unwrap();
    let mut changes = ada.status_changes();
    assert!(matches!(ada.services().await, Err(RequestError::Disconnected)), "the request ends with the connection");
    let why = loop {
        if let Status::Disconnected { why, .. } = changes.next().await.expect("the client goes on") {
            break why;
        }
    };
    assert!(matches!(why, Ending::Nonsense(_)), "{why:?}");
    assert_eq!(ada.services().await.unwrap(), []);
    ada.whoami().await.unwrap_err();
    hub.await.unwrap();
}

/// As its hub does: answers a request for a service's creation or for a subscription.
async fn grant(peer: &mut Peer, seq: usize, asked: &Value) {
    let (kind, service) = (asked["type"].as_str().expect("a type"), service(asked["service"].as_str().expect("a name"), 1));
    peer.say(json!({ "type": format!("{kind}_RESULT"), "seq": seq, "successful": true, "service": service })).await;
}

/// A pong shows that the client said nothing else before it.
async fn says_no_more(peer: &mut Peer) {
    peer.0.send(Message::Ping("".into())).await.expect("the connection stands");
    let next = peer.0.next().await.expect("the client goes on").expect("the connection stands");
    assert!(next.is_pong(), "{next}");
}

#[tokio::test]
async fn sixteen_things_are_restored_at_once_and_the_rest_after_their_answers() {
    let (ada, hub) = meet(async |listener: TcpListener| {
        let mut peer = Peer::accept(&listener).await;
        peer.greet().await;
        for seq in 0..40 {
            let asked = peer.hear().await;
            grant(&mut peer, seq, &asked).await;
        }
        drop(peer);
        let mut peer = Peer::accept(&listener).await;
        peer.greet().await;
        let mut kinds = Vec::new();
        for batch in [0..16, 16..32, 32..40] {
            let mut asked = Vec::new();
            for _ in batch.clone() {
                asked.push(peer.hear().await);
            }
            for (seq, asked) in batch.clone().zip(&asked) {
                let last = seq + 1 == batch.end;
                if last && seq < 39 {
                    says_no_more(&mut peer).await; // a part of the batch is not answered
                }
                grant(&mut peer, seq, asked).await;
                kinds.push(asked["type"].as_str().expect("a type").to_owned());
            }
        }
        assert!(
            kinds[..20].iter().all(|kind| kind == "SERVICE_CREATE") && kinds[20..].iter().all(|kind| kind == "SELF_SUBSCRIBE")
        );
        assert_eq!(peer.hear().await["type"], "SERVICE_FETCH_ALL", "what waits comes last");
        peer.say(json!({ "type": "SERVICE_FETCH_ALL_RESULT", "seq": 40, "services": [] })).await;
        peer.hear().await;
    })
    .await;
    let ada = ada.unwrap();
    let mut news = Vec::new();
    for n in 0..20 {
        ada.create_service(format!("mine{n}"), None).await.unwrap();
    }
    for n in 0..20 {
        news.push(ada.subscribe(format!("news{n}")).await.unwrap());
    }
    while !matches!(ada.services().await, Ok(services) if services.is_empty()) {}
    assert!(news.iter().all(Subscription::is_on));
    ada.whoami().await.unwrap_err();
    hub.await.unwrap();
}

/// Whoever waits for each answer is never over a bound for long, however low it is.
#[tokio::test]
async fn after_4010_things_are_restored_one_at_a_time() {
    let (ada, hub) = meet(async |listener: TcpListener| {
        let mut peer = Peer::accept(&listener).await;
        peer.greet().await;
        for seq in 0..3 {
            let asked = peer.hear().await;
            grant(&mut peer, seq, &asked).await;
        }
        peer.hear().await;
        peer.0.close(Some(CloseFrame { code: 4010.into(), reason: "".into() })).await.expect("the connection stands");
        drop(peer);
        let mut peer = Peer::accept(&listener).await;
        peer.greet().await;
        for seq in 0..3 {
            let asked = peer.hear().await;
            assert_eq!(asked["type"], "SERVICE_CREATE");
            if seq < 2 {
                says_no_more(&mut peer).await;
            }
            grant(&mut peer, seq, &asked).await;
        }
        assert_eq!(peer.hear().await["type"], "SERVICE_FETCH_ALL");
    })
    .await;
    let ada = ada.unwrap();
    for service in ["a", "b", "c"] {
        ada.create_service(service, None).await.unwrap();
    }
    assert!(matches!(ada.services().await, Err(RequestError::Disconnected)));
    ada.services().await.unwrap_err();
    hub.await.unwrap();
}

#[tokio::test]
async fn after_a_reconnect_services_come_first_then_subscriptions_then_what_waits() {
    let (ada, hub) = meet(async |listener: TcpListener| {
        let mut peer = Peer::accept(&listener).await;
        peer.greet().await;
        for seq in 0..2 {
            let name = peer.hear().await["service"].as_str().expect("a service").to_owned();
            peer.say(json!({ "type": "SERVICE_CREATE_RESULT", "seq": seq, "successful": true, "service": service(&name, 1) }))
                .await;
        }
        peer.hear().await;
        peer.say(json!({ "type": "SELF_SUBSCRIBE_RESULT", "seq": 2, "successful": true, "service": service("c", 7) })).await;
        drop(peer);
        let mut peer = Peer::accept(&listener).await;
        peer.greet().await;
        let heard = [peer.hear().await, peer.hear().await, peer.hear().await, peer.hear().await];
        let kinds = heard.each_ref().map(|payload| (payload["type"].as_str(), payload["service"].as_str()));
        assert_eq!(
            kinds,
            [
                (Some("SERVICE_CREATE"), Some("a")),
                (Some("SERVICE_CREATE"), Some("b")),
                (Some("SELF_SUBSCRIBE"), Some("c")),
                (Some("SERVICE_FETCH_ALL"), None)
            ]
        );
        peer.say(json!({ "type": "SERVICE_CREATE_RESULT", "seq": 0, "successful": true, "service": service("a", 1) })).await;
        peer.say(json!({ "type": "SERVICE_CREATE_RESULT", "seq": 1, "successful": false, "service": service("b", 7) })).await;
        peer.say(json!({ "type": "SELF_SUBSCRIBE_RESULT", "seq": 2, "successful": true, "service": service("c", 7) })).await;
        peer.say(json!({ "type": "SERVICE_FETCH_ALL_RESULT", "seq": 3, "services": [] })).await;
        peer.hear().await;
    })
    .await;
    let ada = ada.unwrap();
    let mut events = ada.events();
    ada.create_service("a", None).await.unwrap();
    ada.create_service("b", None).await.unwrap();
    let news = ada.subscribe("c").await.unwrap();
    // the hub has gone meanwhile: the request waits, or its fate is unknown and it is made again
    while !matches!(ada.services().await, Ok(services) if services.is_empty()) {}
    let lost = events.next().await;
    assert!(matches!(&lost, Some(Event::ServiceLost(service)) if service.name.as_str() == "b"), "{lost:?}");
    assert!(news.is_on());
    ada.whoami().await.unwrap_err();
    hub.await.unwrap();
}

#[tokio::test]
async fn a_service_is_followed_even_when_the_connection_is_lost_on_the_way() {
    let (ada, hub) = meet(async |listener: TcpListener| {
        let mut peer = Peer::accept(&listener).await;
        peer.greet().await;
        peer.hear().await;
        drop(peer);
        let mut peer = Peer::accept(&listener).await;
        peer.greet().await;
        assert_eq!(peer.hear().await, json!({ "type": "SELF_SUBSCRIBE", "service": "news" }));
        peer.say(json!({ "type": "SELF_SUBSCRIBE_RESULT", "seq": 0, "successful": true, "service": service("news", 7) })).await;
        peer.hear().await;
    })
    .await;
    let ada = ada.unwrap();
    let mut news = ada.follow("news").await.unwrap();
    assert!(matches!(news.next().await, Some(Delivery::Resumed)));
    ada.whoami().await.unwrap_err();
    hub.await.unwrap();
}
