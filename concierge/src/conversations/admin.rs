//! PROTOCOL.md, "The admin service": who is obeyed, and what administrators are told.

use concierge_api_rs::limits;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::hub::identify;
use super::leaving::close;
use super::{Hub, Who};
use crate::config::Config;

/// A hub with an admin service, and an administrator without having to say so.
pub(super) async fn administered(change: impl FnOnce(&mut Config)) -> (Hub, Who) {
    let mut hub = Hub::with(change);
    hub.administer();
    let root = hub.join("root").await;
    subscribe(&mut hub, root).await;
    (hub, root)
}

/// The same of one who can be kept from reading.
pub(super) async fn administered_over_a_narrow_wire() -> (Hub, Who) {
    let mut hub = Hub::with(|config| config.limits.outbox_bytes = 16 * 1024);
    hub.administer();
    let root = hub.connect_by("root", 1_024).await;
    hub.say(root, r#"{"type":"IDENTIFY","name":"root","version":"0.2.0","intents":["MESSAGES"]}"#).await;
    subscribe(&mut hub, root).await;
    (hub, root)
}

pub(super) async fn subscribe(hub: &mut Hub, who: Who) {
    let answer = hub.ask(who, r#"{"type":"SELF_SUBSCRIBE","service":"concierge.admin"}"#).await;
    assert_eq!(answer["successful"], true, "{answer}");
    hub.forget();
}

/// What the admin service says to one of those who got these lines.
pub(super) fn said_to(who: Who, lines: Vec<(Who, String)>) -> Vec<Value> {
    let mine = lines.into_iter().filter(|(to, _)| *to == who);
    let payloads = mine.filter_map(|(_, line)| serde_json::from_str::<Value>(&line).ok());
    payloads.filter(|payload| payload["origin"]["name"] == "concierge_admin").map(|mut payload| payload["data"].take()).collect()
}

/// Sends a request; everything that the admin service says to its sender then.
pub(super) async fn ask(hub: &mut Hub, who: Who, request: Value) -> Vec<Value> {
    let target = json!({"type": "SERVICE", "service": "concierge.admin"});
    hub.whisper(who, &json!({"type": "MESSAGE", "target": target, "data": request}).to_string());
    said_to(who, hub.settle().await)
}

/// The same, of a request that leads to nothing but its answer.
pub(super) async fn answer(hub: &mut Hub, who: Who, request: Value) -> Value {
    let mut said = ask(hub, who, request).await;
    assert_eq!(said.len(), 1, "{said:?}");
    said.remove(0)
}

pub(super) async fn after(hub: &mut Hub, who: Who, ms: u64) -> Vec<Value> {
    said_to(who, hub.after(ms).await)
}

pub(super) fn refused(code: &str) -> impl Fn(&Value) -> bool {
    move |answer| answer["error"]["code"] == code && answer["error"]["message"].is_string() && answer.get("ok").is_none()
}

/// Everything that an administrator can ask, but to present itself.
fn everything(uuid: &str) -> Vec<Value> {
    vec![
        json!({"op": "stats.watch"}),
        json!({"op": "clients.watch"}),
        json!({"op": "clients.list"}),
        json!({"op": "clients.kick", "uuid": uuid}),
        json!({"op": "events.watch"}),
        json!({"op": "service.watch", "service": "news"}),
        json!({"op": "frames.watch", "uuid": uuid}),
        json!({"op": "promises.watch"}),
        json!({"op": "tasks.watch"}),
        json!({"op": "files.watch"}),
        json!({"op": "task.history", "task": "a"}),
        json!({"op": "router.look"}),
        json!({"op": "router.watch"}),
        json!({"op": "stats.unwatch"}),
    ]
}

/// Security: 35.
#[tokio::test(start_paused = true)]
async fn without_an_admin_secret_programs_on_the_hubs_machine_are_obeyed_and_others_are_told_nothing() {
    let (mut hub, root) = administered(|_| {}).await;
    hub.address = "192.0.2.1".parse().unwrap();
    let eve = hub.join("eve").await;
    subscribe(&mut hub, eve).await;
    hub.say(root, r#"{"type":"SERVICE_CREATE","service":"news"}"#).await;
    let uuid = hub.id("root").to_owned();
    for request in everything(&uuid).into_iter().chain([json!({"op": "auth", "secret": ""})]) {
        let answer = answer(&mut hub, eve, request.clone()).await;
        assert!(refused("FORBIDDEN")(&answer), "{request}: {answer}");
    }
    assert_eq!(after(&mut hub, eve, 5_000).await, Vec::<Value>::new());
    assert!(hub.holds("root"));
    assert_eq!(answer(&mut hub, root, json!({"id": 1, "op": "auth", "secret": "any"})).await, json!({"id": 1, "ok": {}}));
    assert!(answer(&mut hub, root, json!({"op": "clients.list"})).await["ok"]["clients"].is_array());
}

/// Security: 15, 35.
#[tokio::test(start_paused = true)]
async fn with_an_admin_secret_only_those_are_obeyed_who_present_it_wherever_they_are() {
    let (mut hub, root) = administered(|config| config.admin_secret = Some("swordfish".into())).await;
    let uuid = hub.id("root").to_owned();
    for request in everything(&uuid).into_iter().chain([json!({"op": "auth", "secret": "swordfis"})]) {
        let answer = answer(&mut hub, root, request.clone()).await;
        assert!(refused("FORBIDDEN")(&answer), "{request}: {answer}");
    }
    assert_eq!(after(&mut hub, root, 5_000).await, Vec::<Value>::new());
    hub.address = "192.0.2.1".parse().unwrap();
    let far = hub.join("far").await;
    subscribe(&mut hub, far).await;
    let auth = json!({"id": "a", "op": "auth", "secret": "swordfish"});
    assert_eq!(answer(&mut hub, far, auth).await, json!({"id": "a", "ok": {}}));
    assert!(answer(&mut hub, far, json!({"op": "clients.list"})).await["ok"]["clients"].is_array());
    let refusal = answer(&mut hub, root, json!({"op": "clients.list"})).await;
    assert!(refused("FORBIDDEN")(&refusal), "nobody is an administrator because another one is: {refusal}");
    // who subscribes again presents it again
    hub.say(far, r#"{"type":"SELF_UNSUBSCRIBE","service":"concierge.admin"}"#).await;
    subscribe(&mut hub, far).await;
    assert!(refused("FORBIDDEN")(&answer(&mut hub, far, json!({"op": "clients.list"})).await));
}

/// Security: 17.
#[tokio::test(start_paused = true)]
async fn wrong_admin_secrets_are_counted_and_told_and_ten_of_them_shut_their_address_out() {
    let (mut hub, root) = administered(|config| config.admin_secret = Some("swordfish".into())).await;
    ask(&mut hub, root, json!({"op": "auth", "secret": "swordfish"})).await;
    hub.address = "192.0.2.1".parse().unwrap();
    let eve = hub.join("eve").await;
    subscribe(&mut hub, eve).await;
    for _ in 0..limits::WRONG_SECRETS_PER_MINUTE {
        assert!(refused("FORBIDDEN")(&answer(&mut hub, eve, json!({"op": "auth", "secret": "herring"})).await));
    }
    let right = json!({"op": "auth", "secret": "swordfish"});
    assert!(refused("TOO_MANY")(&answer(&mut hub, eve, right.clone()).await), "not even the right one");
    let told = ask(&mut hub, root, json!({"op": "events.watch"})).await;
    let told: Vec<&Value> = told.iter().flat_map(|said| said["events"].as_array().into_iter().flatten()).collect();
    let wrong =
        told.iter().filter(|event| event["event"] == "wrong_secret" && event["address"] == "192.0.2.1" && event["admin"] == true);
    assert_eq!(wrong.count(), limits::WRONG_SECRETS_PER_MINUTE as usize);
    for _ in 0..6 {
        hub.after(10_000).await; // it answers pings meanwhile
    }
    assert_eq!(answer(&mut hub, eve, right).await["ok"], json!({}));
}

#[tokio::test(start_paused = true)]
async fn a_watcher_of_the_totals_gets_a_snapshot_at_once_and_then_one_each_time_until_it_has_enough() {
    let (mut hub, root) = administered(|_| {}).await;
    let ada = hub.join("ada").await;
    let said = ask(&mut hub, root, json!({"id": [7], "op": "stats.watch", "every_ms": 1})).await;
    assert_eq!(said[0], json!({"id": [7], "ok": {"every_ms": limits::ADMIN_EVERY_MS_LEAST}}));
    let first = &said[1]["stats"];
    assert_eq!((&first["clients"], &first["services"], &first["subscriptions"]), (&json!(3), &json!(1), &json!(1)));
    assert!(first["descriptors"]["used"].as_u64() > Some(0) && first["memory"]["used"].as_u64() > Some(0), "{first}");
    for _ in 0..5 {
        hub.whisper(ada, r#"{"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":"hello"}"#);
    }
    hub.settle().await;
    let said = after(&mut hub, root, 2_480).await;
    assert!((9..=10).contains(&said.len()), "{} in two seconds and a half", said.len());
    let last = &said.last().unwrap()["stats"];
    let grown = |field: &str| last[field].as_u64().unwrap() - first[field].as_u64().unwrap();
    // other tests count in this process, too
    assert!(grown("messages") >= 5 && grown("deliveries") >= 5 && grown("payloads_in") >= 5 && grown("bytes_in") >= 5 * 71);
    assert!(grown("bytes_out") >= 5 * 100 && grown("uptime_ms") >= 2_000, "{last}");
    assert_eq!(answer(&mut hub, root, json!({"op": "stats.unwatch"})).await["ok"], json!({}));
    assert_eq!(after(&mut hub, root, 5_000).await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_list_of_clients_says_who_they_are_where_they_are_and_what_they_do_a_page_at_a_time() {
    let (mut hub, root) = administered(|_| {}).await;
    hub.after(2_000).await;
    hub.address = "192.0.2.1".parse().unwrap();
    let ada = hub.join("ada").await;
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"news"}"#).await;
    hub.say(root, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#).await;
    let hello = r#"{"type":"MESSAGE","target":{"type":"SERVICE","service":"news"},"data":"hello"}"#;
    hub.say(ada, hello).await;
    let page = answer(&mut hub, root, json!({"op": "clients.list", "limit": 2})).await["ok"].take();
    let names: Vec<&Value> = page["clients"].as_array().unwrap().iter().map(|client| &client["name"]).collect();
    let expected = [json!("concierge_admin"), json!("root")];
    assert_eq!((names, &page["next"]), (expected.iter().collect(), &page["clients"][1]["uuid"]));
    assert_eq!(page["clients"][0]["address"], Value::Null);
    assert_eq!(page["clients"][0]["owns"], json!(["concierge.admin"]));
    let own = &page["clients"][1];
    assert_eq!((&own["subscriptions"], &own["subscribed"]), (&json!(["concierge.admin", "news"]), &json!(2)));
    assert_eq!((&own["messages_out"], &own["address"]), (&json!(1), &json!("127.0.0.1")));
    let page = answer(&mut hub, root, json!({"op": "clients.list", "after": page["next"]})).await["ok"].take();
    let ada = &page["clients"][0];
    assert_eq!((page["clients"].as_array().unwrap().len(), &page["next"]), (1, &Value::Null));
    assert_eq!((&ada["name"], &ada["address"], &ada["owned"]), (&json!("ada"), &json!("192.0.2.1"), &json!(1)));
    assert_eq!((&ada["payloads_in"], &ada["queued_bytes"]), (&json!(2), &json!(0)));
    assert_eq!(ada["bytes_in"], json!(r#"{"type":"SERVICE_CREATE","service":"news"}"#.len() + hello.len()));
    assert_eq!(ada["joined_at"], json!(2_000), "of a clock that stands at 1970");
    let unknown = json!({"op": "clients.list", "after": "00000000-0000-4000-8000-000000000000"});
    assert!(refused("INVALID_UUID")(&answer(&mut hub, root, unknown).await));
}

#[tokio::test(start_paused = true)]
async fn a_watcher_of_clients_gets_all_of_them_then_those_that_come_change_and_go() {
    let (mut hub, root) = administered(|_| {}).await;
    let said = ask(&mut hub, root, json!({"op": "clients.watch", "every_ms": 500})).await;
    assert_eq!(said[0]["ok"], json!({"every_ms": 500}));
    let names = |said: &Value| -> Vec<Value> {
        said["clients"].as_array().unwrap().iter().map(|client| client["name"].clone()).collect()
    };
    assert_eq!((names(&said[1]), &said[1]["begin"]), (vec![json!("concierge_admin"), json!("root")], &json!(true)));
    // that it was told this is a change of its own
    let ada = hub.join("ada").await;
    let said = after(&mut hub, root, 500).await;
    assert_eq!((names(&said[0]), &said[0]["begin"]), (vec![json!("root"), json!("ada")], &json!(false)));
    assert_eq!((&said[0]["gone"], &said[0]["more"]), (&json!([]), &json!(0)));
    let id = hub.id("ada").to_owned();
    hub.cut(ada).await;
    let said = after(&mut hub, root, 500).await;
    assert_eq!(said[0]["gone"], json!([id]));
    assert_eq!(answer(&mut hub, root, json!({"op": "clients.unwatch"})).await["ok"], json!({}));
    hub.join("bob").await;
    assert_eq!(after(&mut hub, root, 2_000).await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_looks_seldom_is_not_told_more_often_because_another_one_looks_often() {
    let (mut hub, root) = administered(|_| {}).await;
    let often = hub.join("often").await;
    subscribe(&mut hub, often).await;
    ask(&mut hub, often, json!({"op": "clients.watch", "every_ms": 100})).await;
    let mut begin = ask(&mut hub, root, json!({"op": "clients.watch", "every_ms": 10_000})).await;
    begin.extend(after(&mut hub, root, 100).await);
    assert_eq!(begin[1]["begin"], true);
    hub.join("ada").await;
    assert_eq!(after(&mut hub, root, 5_000).await, [json!(null); 0]);
    let said = after(&mut hub, root, 5_000).await;
    let names: Vec<_> = said[0]["clients"].as_array().unwrap().iter().map(|client| client["name"].clone()).collect();
    assert!(names.contains(&json!("ada")) && said.len() == 1, "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn many_clients_come_in_pieces_at_once_and_none_twice() {
    let (mut hub, root) = administered(|_| {}).await;
    for n in 0..2 * limits::ADMIN_PAGE {
        hub.join(&format!("c{n}")).await;
    }
    let mut said = ask(&mut hub, root, json!({"op": "clients.watch", "every_ms": 60_000})).await;
    said.extend(after(&mut hub, root, 1_000).await);
    let pieces: Vec<(usize, u64)> =
        said[1..].iter().map(|piece| (piece["clients"].as_array().unwrap().len(), piece["more"].as_u64().unwrap())).collect();
    let all = 2 * limits::ADMIN_PAGE + 2;
    assert_eq!(pieces, [(limits::ADMIN_PAGE, all as u64 - 256), (limits::ADMIN_PAGE, 2), (2, 0)]);
    assert_eq!(said[1..].iter().filter(|piece| piece["begin"] == true).count(), 1);
}

/// Security: 35.
#[tokio::test(start_paused = true)]
async fn a_client_that_is_kicked_finds_the_code_and_the_reason_and_leaves_at_once() {
    let (mut hub, root) = administered(|_| {}).await;
    hub.join("ada").await;
    let bob = hub.join("bob").await;
    let kick = |uuid: &str| json!({"id": 1, "op": "clients.kick", "uuid": uuid});
    let uuid = hub.id("ada").to_owned();
    hub.forget();
    assert_eq!(answer(&mut hub, root, kick(&uuid)).await, json!({"id": 1, "ok": {}}));
    let heard = hub.heard();
    assert!(heard.contains("ada ← close 4013\n") && heard.contains("ada ← end\n"), "{heard}");
    assert!(!hub.holds("ada") && hub.sessions() == 2);
    assert!(refused("INVALID_UUID")(&answer(&mut hub, root, kick(&uuid)).await));
    let uuid = hub.id("bob").to_owned();
    for code in [3_999, 4_000, 4_005, 4_011, 5_000, 1_000] {
        let kick = json!({"op": "clients.kick", "uuid": uuid, "code": code});
        assert!(refused("BAD_REQUEST")(&answer(&mut hub, root, kick).await), "{code}");
    }
    let kick_bob = json!({"op": "clients.kick", "uuid": uuid, "code": 4_321, "reason": "é".repeat(100)});
    hub.forget();
    assert_eq!(answer(&mut hub, root, kick_bob).await["ok"], json!({}));
    assert!(hub.heard().contains("bob ← close 4321"));
    assert_eq!(hub.peer(bob).ending().unwrap().reason, "é".repeat(61), "cut to 123 bytes");
    let admin = hub.id("admin").to_owned();
    assert!(refused("BAD_REQUEST")(&answer(&mut hub, root, kick(&admin)).await), "it is built in");
}

#[tokio::test(start_paused = true)]
async fn what_happens_is_told_in_order_to_those_who_watch_and_to_those_who_come_later() {
    let (mut hub, root) = administered(|config| config.limits.services_per_client = 1).await;
    let ada = hub.join("ada").await;
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"news"}"#).await;
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"more"}"#).await;
    hub.say(ada, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#).await;
    let (uuid, own) = (hub.id("ada").to_owned(), hub.id("root").to_owned());
    ask(&mut hub, root, json!({"op": "clients.kick", "uuid": uuid, "reason": "enough"})).await;
    let said = ask(&mut hub, root, json!({"op": "events.watch"})).await;
    assert_eq!((said.len(), &said[0]["ok"], &said[1]["lost"]), (2, &json!({"last": 12}), &json!(0)));
    let events = said[1]["events"].as_array().unwrap();
    assert_eq!(events.iter().map(|event| event["n"].as_u64().unwrap()).collect::<Vec<_>>(), (1..=12).collect::<Vec<_>>());
    let kinds: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    let joins = ["started", "joined", "service_created", "joined", "subscribed", "joined"];
    let rest = ["service_created", "limited", "subscribed", "kicked", "service_deleted", "left"];
    assert_eq!(kinds, [joins, rest].concat());
    let named = json!({"name": "ada", "uuid": uuid});
    let expected = json!({"n": 10, "at": 0, "event": "kicked", "client": named, "code": 4013, "reason": "enough", "by": own});
    assert_eq!(events[9], expected);
    assert_eq!(events[11], json!({"n": 12, "at": 0, "event": "left", "client": named, "code": 4013, "by_hub": true}));
    assert_eq!((&events[7]["limit"], &events[7]["client"]), (&json!("services"), &json!(uuid)));
    // from now on, each as it happens
    let bob = hub.connect("bob").await;
    hub.whisper(bob, &identify("bob"));
    let said = after(&mut hub, root, 100).await;
    assert_eq!((&said[0]["events"][0]["n"], &said[0]["events"][0]["address"]), (&json!(13), &json!("127.0.0.1")));
    hub.whisper_message(bob, Message::Close(Some(close(3_000, "bye"))));
    let said = after(&mut hub, root, 100).await;
    assert_eq!((&said[0]["events"][0]["code"], &said[0]["events"][0]["by_hub"]), (&json!(3_000), &json!(false)));
    // one that comes again says what it knows
    let mut said = ask(&mut hub, root, json!({"op": "events.watch", "since": 13})).await;
    said.extend(after(&mut hub, root, 100).await);
    assert_eq!((&said[1]["events"][0]["n"], said[1]["events"].as_array().unwrap().len()), (&json!(14), 1));
    ask(&mut hub, root, json!({"op": "events.unwatch"})).await;
    hub.join("dee").await;
    assert_eq!(after(&mut hub, root, 1_000).await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_said_to_a_service_and_through_it_is_told_to_those_who_watch_it_and_counted_where_it_is_much() {
    let (mut hub, root) = administered(|_| {}).await;
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"news"}"#).await;
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"weather"}"#).await;
    hub.say(bob, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#).await;
    let watch = |service: &str| json!({"op": "service.watch", "service": service});
    assert_eq!(answer(&mut hub, root, watch("news")).await["ok"], json!({}));
    let (to_news, id) = (r#"{"type":"SERVICE","service":"news"}"#, hub.id("bob").to_owned());
    let to_bob = format!(r#"{{"type":"SERVICE_CLIENT_UUID","service":"news","uuid":"{id}"}}"#);
    for (who, target, data) in [
        (ada, to_news, r#"{"n": 1.50}"#),
        (ada, r#"{"type":"SERVICE","service":"weather"}"#, "0"),
        (bob, to_news, "2"),
        (ada, &to_bob, "3"),
        (root, to_news, r#""refused: no subscriber""#),
        (ada, r#"{"type":"NAME","name":"bob"}"#, "4"),
        (ada, to_news, &format!("{:?}", "x".repeat(limits::ADMIN_DATA_BYTES))),
    ] {
        hub.whisper(who, &format!(r#"{{"type":"MESSAGE","target":{target},"data":{data}}}"#));
        hub.settle().await;
    }
    let text = hub.after(100).await.into_iter().find(|(who, line)| *who == root && line.contains("left_out")).unwrap().1;
    assert!(text.contains(r#""data":{"n": 1.50}"#), "data is shown as it stood: {text}");
    let said: Value = serde_json::from_str(&text).unwrap();
    let said = &said["data"];
    assert_eq!((&said["service"], &said["left_out"]), (&json!("news"), &json!(0)));
    let ids: Vec<(&Value, &Value)> =
        said["messages"].as_array().unwrap().iter().map(|heard| (&heard["from"], &heard["bytes"])).collect();
    let (a, b, long) = (json!(hub.id("ada")), json!(hub.id("bob")), json!(limits::ADMIN_DATA_BYTES + 2));
    assert_eq!(ids, [(&a, &json!(11)), (&b, &json!(1)), (&a, &json!(1)), (&a, &long)]);
    assert_eq!((&said["messages"][2]["target"]["uuid"], &said["messages"][3]["data"]), (&b, &Value::Null));
    for _ in 0..limits::ADMIN_MESSAGES + 7 {
        hub.whisper(ada, &format!(r#"{{"type":"MESSAGE","target":{to_news},"data":5}}"#));
    }
    let mut said = said_to(root, hub.settle().await);
    said.extend(after(&mut hub, root, 100).await);
    let told: usize = said.iter().map(|said| said["messages"].as_array().unwrap().len()).sum();
    let left_out: u64 = said.iter().map(|said| said["left_out"].as_u64().unwrap()).sum();
    assert_eq!((told, left_out), (limits::ADMIN_MESSAGES, 7));
    ask(&mut hub, root, json!({"op": "service.unwatch", "service": "news"})).await;
    hub.whisper(ada, &format!(r#"{{"type":"MESSAGE","target":{to_news},"data":6}}"#));
    assert_eq!(after(&mut hub, root, 1_000).await.len(), 0);
    assert!(refused("INVALID_SERVICE")(&answer(&mut hub, root, watch("nothing")).await));
    assert!(refused("BAD_REQUEST")(&answer(&mut hub, root, watch("concierge.admin")).await), "secrets are presented there");
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_reads_slowly_is_told_later_and_loses_neither_its_connection_nor_an_event() {
    let (mut hub, root) = administered_over_a_narrow_wire().await;
    ask(&mut hub, root, json!({"op": "events.watch"})).await;
    hub.stop_reading(root);
    for n in 0..400 {
        hub.join(&format!("c{n}")).await;
    }
    assert!(hub.holds("root") && hub.peer(root).look().waiting > 4 * 1024, "{:?}", hub.peer(root).look());
    let mut said = said_to(root, hub.read_again(root).await);
    for _ in 0..20 {
        said.extend(after(&mut hub, root, 100).await); // it reads now and then
    }
    let numbers: Vec<u64> =
        said.iter().flat_map(|said| said["events"].as_array().unwrap()).map(|event| event["n"].as_u64().unwrap()).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1) && numbers.last() == Some(&405), "{numbers:?}");
    assert!(said.iter().all(|said| said["lost"] == 0));
}

#[tokio::test(start_paused = true)]
async fn requests_that_make_no_sense_are_refused_with_their_id_and_change_nothing() {
    let (mut hub, root) = administered(|_| {}).await;
    for request in [
        json!({"id": 1}),
        json!({"id": 1, "op": "clients.kiss"}),
        json!({"id": 1, "op": "clients.kick"}),
        json!({"id": 1, "op": "clients.kick", "uuid": "ada"}),
        json!({"id": 1, "op": "stats.watch", "every_ms": -1}),
        json!({"id": 1, "op": "service.watch", "service": "a b"}),
        json!({"id": 1, "op": "frames.watch"}),
        json!({"id": 1, "op": "x".repeat(10_000)}),
    ] {
        let answer = answer(&mut hub, root, request.clone()).await;
        assert!(answer["id"] == 1 && refused("BAD_REQUEST")(&answer), "{request}: {answer}");
        assert!(answer.to_string().len() < 300, "{answer}");
    }
    for request in [json!([]), json!("stats.watch"), json!(null)] {
        let answer = answer(&mut hub, root, request.clone()).await;
        assert!(answer["id"] == Value::Null && refused("BAD_REQUEST")(&answer), "{request}: {answer}");
    }
    assert_eq!(after(&mut hub, root, 2_000).await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_few_dozen_clients_watch_at_a_time_and_there_is_room_again_when_one_goes() {
    let (mut hub, _) = administered(|_| {}).await;
    let mut watchers = Vec::new();
    for n in 0..=limits::ADMIN_WATCHERS {
        let watcher = hub.join(&format!("w{n}")).await;
        subscribe(&mut hub, watcher).await;
        watchers.push(watcher);
    }
    let last = watchers.pop().unwrap();
    for watcher in &watchers {
        assert_eq!(ask(&mut hub, *watcher, json!({"op": "stats.watch", "every_ms": 60_000})).await[0]["ok"]["every_ms"], 60_000);
    }
    assert!(refused("TOO_MANY")(&answer(&mut hub, last, json!({"op": "events.watch"})).await));
    hub.cut(watchers[0]).await;
    assert!(ask(&mut hub, last, json!({"op": "events.watch"})).await[0]["ok"]["last"].is_u64());
}
