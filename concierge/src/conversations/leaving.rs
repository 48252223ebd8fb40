//! PROTOCOL.md, "Leaving".

use axum::body::Body;
use concierge_files::{Files, Options};
use expect_test::expect;
use http::Request;
use tokio_tungstenite::tungstenite::Message;
use tower::ServiceExt as _;

use super::hub::identify;
use super::{Hub, Who};
use crate::peer::Ending;

/// ada owns `one` and `two` and is subscribed to them and to bob's `chess` and `go`; bob and cyd are subscribed to all.
async fn club() -> (Hub, Who, Who, Who) {
    let mut hub = Hub::new();
    let (ada, bob, cyd) = (hub.join("ada").await, hub.join("bob").await, hub.join("cyd").await);
    for (who, service) in [(ada, "one"), (ada, "two"), (bob, "chess"), (bob, "go"), (bob, "poker")] {
        hub.say(who, &format!(r#"{{"type":"SERVICE_CREATE","service":"{service}"}}"#)).await;
    }
    for service in ["go", "one", "chess"] {
        for who in [ada, bob] {
            hub.say(who, &format!(r#"{{"type":"SELF_SUBSCRIBE","service":"{service}"}}"#)).await;
        }
    }
    hub.say(cyd, r#"{"type":"SELF_SUBSCRIBE","service":"chess"}"#).await;
    hub.forget();
    (hub, ada, bob, cyd)
}

#[tokio::test(start_paused = true)]
async fn services_end_first_then_memberships_then_everybody_hears_that_the_client_left() {
    let (mut hub, ada, ..) = club().await;
    hub.send(ada, "close 1000", Message::Close(Some(close(1000, "bye")))).await;
    hub.check(expect![[r#"
        ada → close 1000
        ada ← close 1000 "bye"
        ada ← end
        bob ← {"type":"SERVICE_DELETE_RESULT","service":{"name":"one","nickname":null,"owner_uuid":"@ada","subscribers":["@ada","@bob"],"subscriber_count":2}}
        bob ← {"type":"SERVICE_DELETE_RESULT","service":{"name":"two","nickname":null,"owner_uuid":"@ada","subscribers":[],"subscriber_count":0}}
        bob ← {"type":"SERVICE_CLIENT_UNSUBSCRIBED","client":{<ada>},"service":{"name":"go","nickname":null,"owner_uuid":"@bob","subscribers":["@bob"],"subscriber_count":1}}
        bob ← {"type":"SERVICE_CLIENT_UNSUBSCRIBED","client":{<ada>},"service":{"name":"chess","nickname":null,"owner_uuid":"@bob","subscribers":["@bob","@cyd"],"subscriber_count":2}}
        bob ← {"type":"CLIENT_LEFT","client":{<ada>}}
        cyd ← {"type":"SERVICE_DELETE_RESULT","service":{"name":"one","nickname":null,"owner_uuid":"@ada","subscribers":["@ada","@bob"],"subscriber_count":2}}
        cyd ← {"type":"SERVICE_DELETE_RESULT","service":{"name":"two","nickname":null,"owner_uuid":"@ada","subscribers":[],"subscriber_count":0}}
        cyd ← {"type":"SERVICE_CLIENT_UNSUBSCRIBED","client":{<ada>},"service":{"name":"chess","nickname":null,"owner_uuid":"@bob","subscribers":["@bob","@cyd"],"subscriber_count":2}}
        cyd ← {"type":"CLIENT_LEFT","client":{<ada>}}
    "#]]);
    assert_eq!(hub.sessions(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_cut_leaves_in_the_same_way() {
    let (mut hub, ada, ..) = club().await;
    let (mut other, other_ada, ..) = club().await;
    hub.cut(ada).await;
    other.send(other_ada, "close", Message::Close(None)).await;
    let news = |heard: String| heard.lines().filter(|line| !line.starts_with("ada")).map(str::to_owned).collect::<Vec<_>>();
    let cut = news(hub.heard());
    assert_eq!(cut.len(), 9, "{cut:#?}");
    assert_eq!(cut, news(other.heard()));
    assert_eq!(hub.sessions(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_the_hub_ends_leaves_in_the_same_way_whether_it_reads_or_not() {
    for reads in [true, false] {
        let (mut hub, ada, ..) = club().await;
        if !reads {
            hub.stop_reading(ada);
        }
        hub.peer(ada).condemn(Ending::new(concierge_api_rs::CloseCode::Kicked, "out"));
        hub.settle().await;
        let heard = hub.heard();
        assert_eq!(heard.lines().filter(|line| !line.starts_with("ada")).count(), 9, "{heard}");
        assert_eq!(heard.starts_with("ada ← close 4013 \"out\"\n") && heard.ends_with("ada ← end\n"), reads, "{heard}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_leaves_in_the_same_way() {
    let (mut hub, ada, ..) = club().await;
    hub.stop_reading(ada);
    hub.start_clock();
    for ms in [19_000, 25_000, 29_000, 31_000] {
        hub.until(ms).await;
    }
    let heard = hub.heard();
    let news: Vec<&str> = heard.lines().filter(|line| !line.ends_with("ping")).collect();
    assert_eq!(news.len(), 9, "{heard}");
    assert!(news.iter().any(|line| line.starts_with("bob ← {\"type\":\"CLIENT_LEFT\"")), "{heard}");
}

/// Security: 25.
#[tokio::test(start_paused = true)]
async fn name_id_and_services_are_free_again_and_nothing_of_the_leaver_resolves() {
    let (mut hub, ada, bob, _) = club().await;
    hub.cut(ada).await;
    hub.forget();
    hub.say(bob, r#"{"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":1}"#).await;
    hub.say(bob, r#"{"type":"MESSAGE","target":{"type":"UUID","uuid":"@ada"},"data":1}"#).await;
    hub.say(bob, r#"{"type":"CLIENT_FETCH","uuid":"@ada"}"#).await;
    hub.say(bob, r#"{"type":"MESSAGE","target":{"type":"SERVICE","service":"one"},"data":1}"#).await;
    hub.say(bob, r#"{"type":"SELF_FETCH"}"#).await;
    hub.say(bob, r#"{"type":"CLIENT_FETCH_ALL"}"#).await;
    hub.say(bob, r#"{"type":"SERVICE_CREATE","service":"one"}"#).await;
    hub.check(expect![[r#"
        bob → {"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":1}
        bob ← {"type":"INVALID_NAME","seq":6,"name":"ada"}
        bob → {"type":"MESSAGE","target":{"type":"UUID","uuid":"@ada"},"data":1}
        bob ← {"type":"INVALID_UUID","seq":7,"uuid":"@ada"}
        bob → {"type":"CLIENT_FETCH","uuid":"@ada"}
        bob ← {"type":"INVALID_UUID","seq":8,"uuid":"@ada"}
        bob → {"type":"MESSAGE","target":{"type":"SERVICE","service":"one"},"data":1}
        bob ← {"type":"INVALID_SERVICE","seq":9,"service":"one"}
        bob → {"type":"SELF_FETCH"}
        bob ← {"type":"SELF_FETCH_RESULT","seq":10,"client":{<bob>},"subscriptions":[{"name":"go","nickname":null,"owner_uuid":"@bob","subscribers":["@bob"],"subscriber_count":1},{"name":"chess","nickname":null,"owner_uuid":"@bob","subscribers":["@bob","@cyd"],"subscriber_count":2}]}
        bob → {"type":"CLIENT_FETCH_ALL"}
        bob ← {"type":"CLIENT_FETCH_ALL_RESULT","seq":11,"clients":[{<bob>},{<cyd>}]}
        bob → {"type":"SERVICE_CREATE","service":"one"}
        bob ← {"type":"SERVICE_CREATE_RESULT","seq":12,"successful":true,"service":{"name":"one","nickname":null,"owner_uuid":"@bob","subscribers":[],"subscriber_count":0}}
        bob ← {"type":"SERVICE_CREATE_RESULT","successful":true,"service":{"name":"one","nickname":null,"owner_uuid":"@bob","subscribers":[],"subscriber_count":0}}
        cyd ← {"type":"SERVICE_CREATE_RESULT","successful":true,"service":{"name":"one","nickname":null,"owner_uuid":"@bob","subscribers":[],"subscriber_count":0}}
    "#]]);
    let again = hub.join("ada again").await;
    hub.forget();
    hub.say(again, r#"{"type":"SELF_FETCH"}"#).await;
    hub.say(bob, r#"{"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":1}"#).await;
    hub.check(expect![[r#"
        ada again → {"type":"SELF_FETCH"}
        ada again ← {"type":"SELF_FETCH_RESULT","seq":0,"client":{<ada again>},"subscriptions":[]}
        bob → {"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":1}
        bob ← {"type":"OK","seq":13}
        ada again ← {"type":"MESSAGE","origin":{<bob>,"service":null},"target":{"type":"NAME","name":"ada"},"data":1}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn the_name_is_free_as_soon_as_the_others_hear_of_the_end() {
    let mut hub = Hub::new();
    let (ada, again) = (hub.join("ada").await, hub.connect("ada again").await);
    hub.stop_reading(ada);
    hub.peer(ada).condemn(Ending::new(concierge_api_rs::CloseCode::Kicked, "out"));
    super::hub::idle().await;
    // the old connection has not finished its closing handshake yet
    assert_eq!(hub.sessions(), 2);
    hub.say(again, &identify("ada")).await;
    hub.check(expect![[r#"
        ada again → {"type":"IDENTIFY","name":"ada","version":"0.2.0"}
        ada again ← {"type":"HELLO","uuid":"@ada again","version":"0.2.0","fs_key":"@ada again's key"}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_before_identify_is_no_news_to_anybody() {
    let mut hub = Hub::new();
    hub.join("ada").await;
    let (bob, cyd) = (hub.connect("bob").await, hub.connect("cyd").await);
    hub.cut(bob).await;
    hub.say(cyd, "nonsense").await;
    hub.check(expect![[r#"
        bob → (gone)
        cyd → nonsense
        cyd ← close 4002 "not JSON: expected ident at line 1 column 2"
        cyd ← end
    "#]]);
    assert_eq!(hub.sessions(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_client_sent_before_it_left_still_arrives() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    hub.join("bob").await;
    hub.whisper(ada, r#"{"type":"MESSAGE","target":{"type":"NAME","name":"bob"},"data":"last words"}"#);
    hub.cut(ada).await;
    hub.check(expect![[r#"
        ada → {"type":"MESSAGE","target":{"type":"NAME","name":"bob"},"data":"last words"}
        ada → (gone)
        bob ← {"type":"MESSAGE","origin":{<ada>,"service":null},"target":{"type":"NAME","name":"bob"},"data":"last words"}
        bob ← {"type":"CLIENT_LEFT","client":{<ada>}}
    "#]]);
}

/// Security: 34.
#[tokio::test(start_paused = true)]
async fn the_folder_is_gone_when_the_others_hear_that_the_client_left() {
    let mut hub = Hub::new();
    let root = tempfile::tempdir().unwrap();
    let files = Files::open(Options::new(root.path().join("files")), hub.desk.clone()).unwrap();
    hub.desk.keep_files(files.clone());
    let status = async |method: &str, key: &str| {
        let request = Request::builder().method(method).uri("/fs/ada/notes").header("x-fs-key", key);
        let answer = files.router().oneshot(request.body(Body::from("hello")).unwrap()).await.unwrap();
        answer.status().as_u16()
    };
    let ada = hub.join("ada").await;
    let key = hub.id("ada's key").to_owned();
    assert_eq!(status("PUT", &key).await, 201);
    assert_eq!(status("GET", &key).await, 200);
    let folder = root.path().join("files/folders").join(hub.id("ada"));
    assert!(folder.is_dir(), "{folder:?}");
    hub.cut(ada).await;
    assert!(!folder.exists());
    assert_eq!(status("GET", &key).await, 401);
    hub.join("ada again").await;
    let key = hub.id("ada again's key").to_owned();
    assert_eq!(status("GET", &key).await, 404);
    assert_eq!(status("PUT", &key).await, 201);
}

pub(super) fn close(code: u16, reason: &str) -> tokio_tungstenite::tungstenite::protocol::CloseFrame {
    tokio_tungstenite::tungstenite::protocol::CloseFrame { code: code.into(), reason: reason.into() }
}

#[tokio::test(start_paused = true)]
async fn a_client_on_which_the_hub_fails_is_closed_4000_and_leaves_and_nobody_else_notices() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    hub.say(bob, r#"{"type":"SERVICE_CREATE","service":"news"}"#).await;
    hub.forget();
    hub.whisper(bob, crate::desk::FAILURE);
    hub.settle().await;
    let heard = hub.heard();
    assert!(heard.contains("bob ← close 4000 \"the hub failed; its log says why\""), "{heard}");
    assert!(
        heard.contains("ada ← {\"type\":\"SERVICE_DELETE_RESULT\"") && heard.contains("ada ← {\"type\":\"CLIENT_LEFT\""),
        "{heard}"
    );
    assert_eq!(hub.ask(ada, r#"{"type":"SERVICE_FETCH_ALL"}"#).await["services"], serde_json::json!([]));
    let again = hub.join("bob").await;
    assert_eq!(hub.ask(again, r#"{"type":"SERVICE_FETCH_ALL"}"#).await["seq"], 0);
}

#[tokio::test(start_paused = true)]
async fn a_proper_identify_on_which_the_hub_fails_is_4000() {
    let mut hub = Hub::new();
    let ada = hub.connect("ada").await;
    hub.whisper(ada, &format!(r#"{{"type":"IDENTIFY","name":"ada","version":"0.2.0","nickname":"{}"}}"#, crate::desk::FAILURE));
    hub.settle().await;
    let heard = hub.heard();
    assert!(heard.contains("ada ← close 4000 ") && !hub.holds("ada"), "{heard}");
}

#[tokio::test(start_paused = true)]
async fn what_a_client_sent_before_the_hub_failed_on_it_is_delivered_and_confirmed() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    hub.forget();
    hub.whisper(bob, r#"{"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":"before"}"#);
    hub.whisper(bob, crate::desk::FAILURE);
    hub.settle().await;
    let heard = hub.heard();
    assert!(heard.contains("bob ← {\"type\":\"OK\",\"seq\":0}"), "{heard}");
    assert!(heard.contains("\"data\":\"before\""), "{heard}");
    assert!(hub.holds("ada") && !hub.holds("bob"));
    assert_eq!(hub.ask(ada, r#"{"type":"SELF_FETCH"}"#).await["seq"], 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_room_sees_that_a_client_is_gone_however_it_went() {
    let mut hub = Hub::new();
    let (cut, closed, failed) = (hub.join("cut").await, hub.join("closed").await, hub.join("failed").await);
    let gone = |hub: &Hub| [cut, closed, failed].map(|who| hub.peer(who).is_gone());
    assert_eq!(gone(&hub), [false; 3]);
    hub.cut(cut).await;
    hub.whisper_message(closed, Message::Close(None));
    hub.whisper(failed, crate::desk::FAILURE);
    hub.settle().await;
    assert_eq!(gone(&hub), [true; 3]);
}
