//! The Rust client against a real hub.

use std::sync::Arc;
use std::time::Duration;

use concierge_client::{
    Client, CloseCode, ConnectError, Delivery, Ending, Event, Options, PayloadOut, Reconnect, RequestError, Status, Subscription,
    Target,
};
use concierge_tests::{Certificate, Hub, Setup, until, within};
use futures::{Stream, StreamExt};
use rustix::process::Signal;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Reconnects at once, as tests like it.
fn eager() -> Reconnect {
    Reconnect { base: Duration::from_millis(20), cap: Duration::from_millis(200), ..Reconnect::default() }
}

async fn client(hub: &Hub, name: &str) -> Client {
    Client::connect(hub.options(name).reconnect(eager())).await.expect("the hub lets it in")
}

async fn next<T>(stream: &mut (impl Stream<Item = T> + Unpin)) -> T {
    within("an item of the stream", stream.next()).await.expect("the stream goes on")
}

async fn text(subscription: &mut Subscription) -> String {
    let message = within("a message", subscription.next_message()).await.expect("the stream goes on");
    message.data.get().to_owned()
}

fn named(name: &str) -> Target {
    Target::Name { name: name.parse().expect("a name") }
}

#[tokio::test]
async fn an_owner_speaks_to_its_subscribers_and_they_answer_the_owner_only() {
    let hub = Hub::start().await;
    let (ada, bob, eve) = (client(&hub, "ada").await, client(&hub, "bob").await, client(&hub, "eve").await);
    let service = ada.create_service("news", Some("The news")).await.unwrap();
    assert_eq!((service.owner_uuid, service.nickname.as_deref()), (ada.uuid(), Some("The news")));
    let (mut bobs, mut eves) = (bob.subscribe("news").await.unwrap(), eve.subscribe("news").await.unwrap());
    ada.broadcast("news", &json!({ "n": 1 })).await.unwrap();
    assert_eq!((text(&mut bobs).await.as_str(), text(&mut eves).await.as_str()), (r#"{"n":1}"#, r#"{"n":1}"#));
    bob.broadcast("news", "thanks").await.unwrap();
    ada.broadcast("news", &2).await.unwrap();
    let answer = within("an answer", ada.inbox().next_message()).await.unwrap();
    assert_eq!((answer.origin.uuid, answer.json::<String>().unwrap().as_str()), (bob.uuid(), "thanks"));
    assert_eq!(answer.service().unwrap().name.as_str(), "news");
    assert_eq!(text(&mut eves).await, "2", "eve hears nothing of the answer");
}

#[tokio::test]
async fn data_arrives_as_it_was_written() {
    let hub = Hub::start().await;
    let ada = client(&hub, "ada").await;
    let data = "{ \"z\":1,\n\t\"a\" : 12345678901234567890123 }";
    let raw: &RawValue = serde_json::from_str(data).unwrap();
    ada.send(named("ada"), raw).await.unwrap();
    let message = within("a message", ada.inbox().next_message()).await.unwrap();
    assert_eq!(message.data.get(), data);
}

#[tokio::test]
async fn every_outcome_has_its_error() {
    let hub = Hub::start().await;
    let (ada, bob) = (client(&hub, "ada").await, client(&hub, "bob").await);
    ada.create_service("news", None).await.unwrap();
    let nobody = "00000000-0000-4000-8000-000000000000".parse().unwrap();
    let service = || "news".parse().unwrap();
    assert!(matches!(ada.send(named("nobody"), &1).await, Err(RequestError::InvalidName(name)) if name == "nobody"));
    assert!(matches!(ada.send(Target::Uuid { uuid: nobody }, &1).await, Err(RequestError::InvalidUuid(_))));
    assert!(matches!(ada.broadcast("nothing", &1).await, Err(RequestError::InvalidService(name)) if name == "nothing"));
    assert!(matches!(bob.broadcast("news", &1).await, Err(RequestError::Bad)));
    let whisper = Target::ServiceClientUuid { service: service(), uuid: ada.uuid() };
    assert!(matches!(bob.send(whisper, &1).await, Err(RequestError::Bad)));
    assert!(matches!(bob.delete_service("news").await, Err(RequestError::Bad)));
    assert!(matches!(ada.delete_service("nothing").await, Err(RequestError::InvalidService(_))));
    assert!(matches!(ada.service("nothing").await, Err(RequestError::InvalidService(_))));
    assert!(matches!(ada.subscribe("nothing").await, Err(RequestError::InvalidService(_))));
    assert!(matches!(ada.unsubscribe("nothing").await, Err(RequestError::InvalidService(_))));
    assert!(matches!(ada.client(nobody).await, Err(RequestError::InvalidUuid(_))));
    let Err(RequestError::Exists(existing)) = bob.create_service("news", None).await else { panic!("it exists") };
    assert_eq!(existing.owner_uuid, ada.uuid());
    let long = "n".repeat(129);
    assert!(matches!(bob.create_service("other", Some(&long)).await, Err(RequestError::Protocol(_))));
    assert!(matches!(ada.subscribe("no name").await, Err(RequestError::Name { .. })));
    let big = "x".repeat(64 * 1024);
    assert!(matches!(ada.send(named("ada"), &big).await, Err(RequestError::TooBig { limit: 65_536, .. })));
    assert!(matches!(ada.status(), Status::Connected(_)), "and the connection stands");
}

#[tokio::test]
async fn lists_and_lookups_say_who_and_what_is_there() {
    let hub = Hub::start().await;
    let ada = Client::connect(hub.options("ada").nickname("Ada L.").tag("poet").tag("sensor")).await.unwrap();
    let bob = client(&hub, "bob").await;
    ada.create_service("a", None).await.unwrap();
    bob.create_service("b", None).await.unwrap();
    let _stream = bob.subscribe("a").await.unwrap();
    let names: Vec<_> = bob.clients().await.unwrap().iter().map(|client| client.name.to_string()).collect();
    assert_eq!(names, ["ada", "bob"]);
    let services: Vec<_> = bob.services().await.unwrap().iter().map(|service| service.name.to_string()).collect();
    assert_eq!(services, ["a", "b"]);
    let details = ada.client(bob.uuid()).await.unwrap();
    assert_eq!((details.client.name.as_str(), details.subscriptions[0].name.as_str()), ("bob", "a"));
    let me = ada.whoami().await.unwrap();
    assert_eq!((me.client.nickname.as_deref(), me.client.tags.len(), me.subscriptions.len()), (Some("Ada L."), 2, 0));
    assert_eq!(ada.service("a").await.unwrap().subscribers, [bob.uuid()]);
    assert!(bob.unsubscribe("a").await.unwrap());
    assert!(!bob.unsubscribe("a").await.unwrap());
    assert_eq!(ada.delete_service("a").await.unwrap().name.as_str(), "a");
}

#[tokio::test]
async fn a_thousand_requests_in_flight_get_each_its_own_answer() {
    let hub = Hub::start().await;
    let ada = Client::connect(hub.options("ada").in_flight(100)).await.unwrap();
    let requests = (0..1_000).map(|n| {
        let ada = ada.clone();
        async move {
            if n % 2 == 0 {
                assert!(ada.create_service(format!("s{}", n % 100), None).await.is_ok() == (n < 100), "{n}");
            } else {
                let name = format!("nobody_{n}");
                let answer = ada.send(named(&name), &n).await;
                assert!(matches!(answer, Err(RequestError::InvalidName(other)) if other == name));
            }
        }
    });
    within("all answers", futures::future::join_all(requests)).await;
}

#[tokio::test]
async fn requests_that_are_dropped_halfway_disturb_no_other() {
    let hub = Hub::start().await;
    let ada = Client::connect(hub.options("ada").in_flight(4)).await.unwrap();
    for n in 0..100 {
        let request = ada.whoami();
        // polled once, sometimes long enough to be sent, and dropped
        tokio::select! {
            biased;
            _ = request => {}
            () = async { for _ in 0..n % 5 { tokio::task::yield_now().await; } } => {}
        }
    }
    assert_eq!(within("an answer", ada.whoami()).await.unwrap().client.name.as_str(), "ada");
}

#[tokio::test]
async fn raw_requests_are_answered_whatever_they_are_even_when_they_renumber() {
    let hub = Hub::start().await;
    let ada = client(&hub, "ada").await;
    assert!(matches!(ada.request_raw("nonsense").await, Ok(PayloadOut::ErrorProtocol(_))));
    assert!(matches!(ada.request_raw(r#"{"type":"NONSENSE"}"#).await, Ok(PayloadOut::ErrorUnsupported(_))));
    assert!(matches!(ada.request_raw(r#"{"type":"SELF_SET_SEQ","seq":1000}"#).await, Ok(PayloadOut::Ok(_))));
    assert_eq!(ada.whoami().await.unwrap().client.name.as_str(), "ada");
    assert!(matches!(ada.request_raw(r#"{"type":"SELF_SET_SEQ","seq":-1}"#).await, Ok(PayloadOut::ErrorProtocol(_))));
    assert_eq!(ada.whoami().await.unwrap().client.name.as_str(), "ada");
}

#[tokio::test]
async fn dropping_the_last_stream_of_a_service_unsubscribes() {
    let hub = Hub::start().await;
    let (ada, bob) = (client(&hub, "ada").await, client(&hub, "bob").await);
    ada.create_service("news", None).await.unwrap();
    let _own = ada.subscribe("news").await.unwrap();
    let mut events = ada.events();
    let (first, second) = (bob.subscribe("news").await.unwrap(), bob.subscribe("news").await.unwrap());
    assert!(matches!(next(&mut events).await, Event::Subscribed { client, .. } if client.uuid == bob.uuid()));
    drop(first);
    assert_eq!(bob.whoami().await.unwrap().subscriptions.len(), 1);
    drop(second);
    assert!(matches!(next(&mut events).await, Event::Unsubscribed { client, .. } if client.uuid == bob.uuid()));
}

#[tokio::test]
async fn a_stream_that_is_not_read_loses_the_oldest_and_says_how_many() {
    let hub = Hub::start().await;
    let bob = Client::connect(hub.options("bob").stream_capacity(3)).await.unwrap();
    for n in 0..10 {
        bob.send(named("bob"), &n).await.unwrap(); // a message to oneself comes before its OK
    }
    let mut inbox = bob.inbox();
    assert!(matches!(next(&mut inbox).await, Delivery::Lagged(7)));
    for n in 7..10 {
        assert!(matches!(next(&mut inbox).await, Delivery::Message(message) if message.json::<i32>().unwrap() == n));
    }
}

#[tokio::test]
async fn clients_learn_who_comes_and_goes() {
    let hub = Hub::start().await;
    let ada = client(&hub, "ada").await;
    let mut events = ada.events();
    let bob = client(&hub, "bob").await;
    bob.create_service("news", None).await.unwrap();
    bob.close().await;
    assert!(matches!(next(&mut events).await, Event::ClientJoined(client) if client.name.as_str() == "bob"));
    assert!(matches!(next(&mut events).await, Event::ServiceCreated(service) if service.name.as_str() == "news"));
    assert!(matches!(next(&mut events).await, Event::ServiceDeleted(service) if service.name.as_str() == "news"));
    assert!(matches!(next(&mut events).await, Event::ClientLeft(client) if client.name.as_str() == "bob"));
}

#[tokio::test]
async fn a_service_that_comes_later_or_again_is_followed() {
    let hub = Hub::start().await;
    let (ada, bob) = (client(&hub, "ada").await, client(&hub, "bob").await);
    let mut news = bob.follow("news").await.unwrap();
    assert!(!news.is_on());
    for round in 0..3 {
        ada.create_service("news", None).await.unwrap();
        assert!(matches!(next(&mut news).await, Delivery::Resumed));
        ada.broadcast("news", &round).await.unwrap();
        assert!(matches!(next(&mut news).await, Delivery::Message(_)));
        ada.delete_service("news").await.unwrap();
        assert!(matches!(next(&mut news).await, Delivery::Paused));
    }
}

#[tokio::test]
async fn after_a_restart_of_the_hub_services_and_subscriptions_are_there_again() {
    let mut hub = Hub::start().await;
    let (ada, bob) = (client(&hub, "ada").await, client(&hub, "bob").await);
    ada.create_service("news", Some("The news")).await.unwrap();
    let mut news = bob.subscribe("news").await.unwrap();
    let codes = tokio::spawn(
        ada.status_changes()
            .filter_map(async |state| match state {
                Status::Disconnected { why: Ending::ByHub { code, .. }, .. } => Some(code),
                _ => None,
            })
            .collect::<Vec<_>>(),
    );
    let before = ada.uuid();
    for how in ["killed", "stopped"] {
        match how {
            "killed" => hub.kill().await,
            _ => assert!(hub.stop().await.success()),
        }
        assert!(matches!(next(&mut news).await, Delivery::Paused), "{how}");
        hub.restart().await;
        loop {
            match next(&mut news).await {
                Delivery::Resumed => break,
                Delivery::Paused => {} // bob is back before ada, or one attempt came too early
                other => panic!("{other:?}"),
            }
        }
        ada.broadcast("news", how).await.unwrap();
        assert_eq!(text(&mut news).await, format!("{how:?}"));
    }
    assert_ne!(ada.uuid(), before);
    assert_eq!(ada.service("news").await.unwrap().nickname.as_deref(), Some("The news"));
    ada.close().await;
    let codes = codes.await.unwrap();
    assert!(codes.contains(&1001), "told to go: {codes:?}");
}

#[tokio::test]
async fn a_request_in_flight_at_the_end_of_the_connection_has_an_unknown_fate() {
    let mut hub = Hub::start().await;
    let ada = Client::connect(hub.options("ada").reconnect(None)).await.unwrap();
    freeze(&hub).await; // so that it does not answer
    let request = tokio::spawn({
        let ada = ada.clone();
        async move { ada.whoami().await }
    });
    tokio::task::yield_now().await;
    hub.kill().await;
    let error = within("the end of the request", request).await.unwrap().unwrap_err();
    assert!(matches!(error, RequestError::Disconnected | RequestError::Closed), "{error:?}");
    assert!(matches!(ada.whoami().await, Err(RequestError::Closed)));
    assert!(matches!(ada.status(), Status::Closed(_)));
}

#[tokio::test]
async fn a_hub_that_is_silent_is_given_up_and_its_requests_time_out() {
    let hub = Hub::start().await;
    let options = hub.options("ada").request_within(Duration::from_millis(100)).silence(Duration::from_secs(3));
    let ada = Client::connect(options.reconnect(None)).await.unwrap();
    let mut states = ada.status_changes();
    freeze(&hub).await;
    assert!(matches!(ada.whoami().await, Err(RequestError::TimedOut(_))));
    assert!(matches!(next(&mut states).await, Status::Connected(_)));
    assert!(matches!(next(&mut states).await, Status::Closed(Ending::Silent(_))));
    hub.signal(Signal::CONT);
}

#[tokio::test]
async fn pings_keep_a_quiet_connection() {
    let hub = Hub::with(&["heartbeat.every_ms=200", "heartbeat.grace_ms=2500"]).await;
    let ada = Client::connect(hub.options("ada").silence(Duration::from_secs(3)).reconnect(None)).await.unwrap();
    let mut states = ada.status_changes();
    assert!(matches!(next(&mut states).await, Status::Connected(_)));
    let longer_than_either_waits = tokio::time::timeout(Duration::from_secs(4), states.next()).await;
    assert!(longer_than_either_waits.is_err(), "{longer_than_either_waits:?}");
}

#[tokio::test]
async fn refusals_at_the_door_are_errors_that_name_the_code() {
    let hub = Hub::with(&["secret=sesame"]).await;
    let refused = |options| async move { Client::connect(options).await.unwrap_err().close_code() };
    assert_eq!(refused(hub.options("ada")).await, Some(CloseCode::BadSecret));
    assert_eq!(refused(hub.options("ada").secret("sesam")).await, Some(CloseCode::BadSecret));
    let ada = Client::connect(hub.options("ada").secret("sesame")).await.unwrap();
    assert_eq!(refused(hub.options("ada").secret("sesame")).await, Some(CloseCode::DuplicateAuth));
    let nickname = "n".repeat(129);
    assert_eq!(refused(hub.options("bob").secret("sesame").nickname(nickname)).await, Some(CloseCode::FatalDecode));
    ada.close().await;
    Client::connect(hub.options("ada").secret("sesame")).await.unwrap();
}

#[tokio::test]
async fn a_place_without_a_hub_is_told_apart() {
    let mut hub = Hub::start().await;
    let url = hub.url().replace("/ws", "/nothing");
    let error = Client::connect(concierge_client::Options::new(&url, "ada").unwrap()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Http { status: 404, .. }), "{error:?}");
    let options = hub.options("ada");
    let trying = Reconnect { from_the_start: true, ..eager() };
    hub.stop().await;
    assert!(matches!(Client::connect(options.clone()).await, Err(ConnectError::Unreachable { .. })));
    let few = Reconnect { attempts: Some(3), ..trying.clone() };
    assert!(matches!(Client::connect(options.clone().reconnect(few)).await, Err(ConnectError::Unreachable { .. })));
    let patient = tokio::spawn(Client::connect(options.reconnect(trying)));
    hub.restart().await;
    assert!(within("a connection", patient).await.unwrap().is_ok());
}

/// Stops the hub's process, and waits until each of its threads stands still.
async fn freeze(hub: &Hub) {
    hub.signal(Signal::STOP);
    let tasks = format!("/proc/{}/task", hub.process().0);
    let stands = |task: std::io::Result<std::fs::DirEntry>| {
        let status = std::fs::read_to_string(task.ok()?.path().join("status")).ok()?;
        status.lines().any(|line| line.starts_with("State:\tT")).then_some(())
    };
    until("a standstill", async || std::fs::read_dir(&tasks).ok()?.map(stands).collect::<Option<Vec<_>>>()).await;
}

/// A way to the hub that breaks without the hub noticing: where it broke, the hub's end stays open and silent.
async fn breakable_way(hub: &Hub) -> (String, Arc<Notify>, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let (url, to) = (listener.local_addr().expect("it is bound").to_string(), hub.address);
    let cut = Arc::new(Notify::new());
    let mut way = JoinSet::new();
    let cuts = cut.clone();
    way.spawn(async move {
        let mut ways = JoinSet::new();
        while let Ok((mut near, _)) = listener.accept().await {
            let mut far = TcpStream::connect(to).await.expect("the hub listens");
            let cuts = cuts.clone();
            ways.spawn(async move {
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    () = cuts.notified() => {
                        drop(near);
                        std::future::pending().await // and `far` stays open
                    }
                }
            });
        }
    });
    (url, cut, way)
}

#[tokio::test]
async fn a_client_whose_death_the_hub_has_not_noticed_waits_for_its_own_name() {
    let hub = Hub::with(&["heartbeat.every_ms=200", "heartbeat.grace_ms=1000"]).await;
    let (url, cut, _way) = breakable_way(&hub).await;
    let ada = Client::connect(Options::new(&url, "ada").unwrap().reconnect(eager())).await.unwrap();
    let mut states = ada.status_changes();
    next(&mut states).await;
    cut.notify_one();
    let mut refusals = 0;
    loop {
        match next(&mut states).await {
            Status::Disconnected { why, .. } if why.close_code() == Some(CloseCode::DuplicateAuth) => refusals += 1,
            Status::Connected(_) => break,
            Status::Closed(why) => panic!("{why}"),
            _ => {}
        }
    }
    assert!(refusals > 0, "the hub had noticed");
    assert_eq!(ada.whoami().await.unwrap().client.name.as_str(), "ada");
}

#[tokio::test]
async fn a_name_that_stays_taken_is_given_up() {
    let hub = Hub::start().await;
    let (url, cut, _way) = breakable_way(&hub).await;
    let impatient = Reconnect { name_taken_within: Duration::from_millis(300), ..eager() };
    let ada = Client::connect(Options::new(&url, "ada").unwrap().reconnect(impatient)).await.unwrap();
    let mut states = ada.status_changes();
    cut.notify_one();
    loop {
        if let Status::Closed(why) = next(&mut states).await {
            assert_eq!(why.close_code(), Some(CloseCode::DuplicateAuth));
            break;
        }
    }
}

#[tokio::test]
async fn close_is_a_good_bye_and_ends_every_stream() {
    let hub = Hub::start().await;
    let (ada, bob) = (client(&hub, "ada").await, client(&hub, "bob").await);
    ada.create_service("news", None).await.unwrap();
    let mut news = bob.subscribe("news").await.unwrap();
    let (mut inbox, mut events, mut states) = (bob.inbox(), bob.events(), bob.status_changes());
    within("the good-bye", bob.clone().close()).await;
    assert!(news.next().await.is_none() && inbox.next().await.is_none() && events.next().await.is_none());
    assert!(matches!(states.next().await, Some(Status::Connected(_))));
    assert!(matches!(states.next().await, Some(Status::Closed(Ending::Asked))));
    assert!(states.next().await.is_none());
    assert!(matches!(bob.whoami().await, Err(RequestError::Closed)));
    assert!(bob.inbox().next().await.is_none());
    within("a second good-bye", bob.close()).await;
    let mut events = ada.events();
    let carol = client(&hub, "carol").await;
    let mut inbox = carol.inbox();
    drop(carol); // without a good-bye
    assert!(within("the end", inbox.next()).await.is_none());
    loop {
        if matches!(next(&mut events).await, Event::ClientLeft(client) if client.name.as_str() == "carol") {
            break;
        }
    }
}

#[tokio::test]
async fn encrypted_connections_need_trust() {
    let (certificate, dir) = (Certificate::new(), tempfile::tempdir().unwrap());
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    certificate.write(&cert, &key);
    let settings = [format!("tls.cert={}", cert.display()), format!("tls.key={}", key.display())];
    let hub = Setup::default().set(settings).trust(certificate.trust()).start().await;
    let ada = client(&hub, "ada").await;
    ada.files().put("a.txt", &b"hello"[..], Some(5), |_| ()).await.unwrap();
    assert_eq!(ada.files().list("").await.unwrap()[0].path, "a.txt");
    let distrusting = hub.options("bob").tls(Certificate::new().trust());
    assert!(matches!(Client::connect(distrusting).await, Err(ConnectError::Tls { .. })));
    let careless = hub.options("bob").tls(concierge_client::Tls::default().danger_accept_invalid());
    Client::connect(careless).await.unwrap().close().await;
}
