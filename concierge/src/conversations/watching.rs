//! PROTOCOL.md, "The admin service": frames, changes and histories, for those who watch them.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use concierge_api_rs::limits;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tower::ServiceExt as _;

use super::admin::{administered, administered_over_a_narrow_wire, after, answer, ask, refused, said_to, subscribe};
use super::leaving::close;
use super::{Hub, Who};

/// Direction, kind and text of each frame that was told.
fn frames(said: &[Value]) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = said.iter().flat_map(|said| said["frames"].as_array().into_iter().flatten());
    all.map(|frame| (text(&frame["direction"]), text(&frame["opcode"]), text(&frame["text"]))).collect()
}

fn texts(said: &[Value], direction: &str) -> Vec<String> {
    frames(said).into_iter().filter(|(way, kind, _)| way == direction && kind == "text").map(|(_, _, text)| text).collect()
}

fn watch(hub: &Hub, name: &str) -> Value {
    json!({"op": "frames.watch", "uuid": hub.id(name)})
}

#[tokio::test(start_paused = true)]
async fn every_frame_of_a_watched_client_is_told_in_both_directions_and_of_no_other() {
    let (mut hub, root) = administered(|_| {}).await;
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    hub.say(ada, r#"{"type":"SELF_FETCH"}"#).await; // before
    let request = watch(&hub, "ada");
    assert_eq!(answer(&mut hub, root, request).await["ok"], json!({}));
    let to_bob = r#"{"type":"MESSAGE","target":{"type":"NAME","name":"bob"},"data":"hello"}"#;
    hub.say(ada, to_bob).await;
    hub.say(bob, r#"{"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":"you"}"#).await;
    hub.whisper_message(ada, Message::Ping(b"?".as_slice().into()));
    hub.settle().await;
    hub.whisper_message(ada, Message::Binary(vec![1, 2, 3].into()));
    hub.settle().await;
    let said = after(&mut hub, root, 100).await;
    assert!(said.iter().all(|said| said["uuid"] == hub.id("ada") && said["left_out"] == 0), "{said:?}");
    let seen = frames(&said);
    let kinds: Vec<(&str, &str)> = seen.iter().map(|(way, kind, _)| (way.as_str(), kind.as_str())).collect();
    let expected = [("in", "text"), ("out", "text"), ("out", "text"), ("in", "ping"), ("out", "pong"), ("in", "binary")];
    assert_eq!(kinds[..6], expected, "{seen:?}");
    assert_eq!((&*seen[0].2, &*seen[1].2), (to_bob, r#"{"type":"OK","seq":1}"#));
    assert!(seen[2].2.contains(r#""data":"you""#), "{seen:?}");
    let first = &said[0]["frames"][0];
    assert_eq!((&first["bytes"], &first["cut"], &first["code"]), (&json!(to_bob.len()), &json!(false), &Value::Null));
    let long = format!(r#"{{"type":"MESSAGE","target":{{"type":"NAME","name":"bob"}},"data":"{}"}}"#, "é".repeat(3_000));
    hub.say(ada, &long).await;
    let said = after(&mut hub, root, 100).await;
    let frame = said.iter().flat_map(|said| said["frames"].as_array().unwrap()).find(|frame| frame["bytes"] == long.len());
    let frame = frame.expect("its size is the whole one");
    assert!(frame["cut"] == true && frame["text"].as_str().unwrap().len() <= limits::ADMIN_DATA_BYTES);
    // and nobody sees it any more
    let request = json!({"op": "frames.unwatch", "uuid": hub.id("ada")});
    assert_eq!(answer(&mut hub, root, request).await["ok"], json!({}));
    assert!(!hub.peer(ada).is_watched());
    hub.say(ada, to_bob).await;
    assert_eq!(after(&mut hub, root, 1_000).await, Vec::<Value>::new());
}

#[tokio::test(start_paused = true)]
async fn a_watched_client_that_goes_is_told_with_its_close_frame_and_as_gone_to_each_who_watches() {
    let (mut hub, root) = administered(|_| {}).await;
    let two = hub.join("two").await;
    subscribe(&mut hub, two).await;
    let ada = hub.join("ada").await;
    for who in [root, two] {
        let request = watch(&hub, "ada");
        assert_eq!(answer(&mut hub, who, request).await["ok"], json!({}));
    }
    hub.whisper_message(ada, Message::Close(Some(close(3_000, "bye"))));
    let mut lines = hub.after(100).await;
    lines.extend(hub.after(100).await); // it has read the answer, and goes
    for who in [root, two] {
        let said = said_to(who, lines.clone());
        let last = said.last().unwrap();
        assert_eq!(last["gone"], true, "{said:?}");
        let closes: Vec<Value> = said
            .iter()
            .flat_map(|said| said["frames"].as_array().unwrap())
            .filter(|frame| frame["opcode"] == "close")
            .map(|frame| json!([frame["direction"], frame["code"], frame["text"]]))
            .collect();
        assert_eq!(closes, [json!(["in", 3_000, "bye"]), json!(["out", 3_000, "bye"])]);
    }
    assert_eq!(after(&mut hub, root, 1_000).await, Vec::<Value>::new(), "it is over");
    let request = watch(&hub, "ada");
    assert!(refused("INVALID_UUID")(&answer(&mut hub, root, request).await));
    // one that the hub ends
    let bob = hub.join("bob").await;
    let request = watch(&hub, "bob");
    answer(&mut hub, root, request).await;
    let kick = json!({"op": "clients.kick", "uuid": hub.id("bob"), "reason": "enough"});
    let mut said = ask(&mut hub, root, kick).await;
    said.extend(after(&mut hub, root, 100).await);
    said.extend(after(&mut hub, root, 100).await);
    assert!(frames(&said).contains(&("out".into(), "close".into(), "enough".into())), "{said:?}");
    assert!(!hub.peer(bob).is_watched(), "nothing is kept of it");
}

/// Security: 15, 35.
#[tokio::test(start_paused = true)]
async fn administrators_that_watch_each_other_see_no_secret_no_news_and_no_endless_echo() {
    let (mut hub, root) = administered(|config| config.admin_secret = Some("swordfish".into())).await;
    ask(&mut hub, root, json!({"op": "auth", "secret": "swordfish"})).await;
    let two = hub.join("two").await;
    subscribe(&mut hub, two).await;
    let request = watch(&hub, "two");
    answer(&mut hub, root, request).await;
    assert_eq!(answer(&mut hub, two, json!({"op": "auth", "secret": "swordfish"})).await["ok"], json!({}));
    let request = watch(&hub, "root");
    answer(&mut hub, two, request).await;
    for text in [
        r#"{"type":"IDENTIFY","name":"x","version":"0.2.0","secret":"swordfish"}"#,
        r#"{"type":"MESSAGE","target":{"type":"NAME","name":"concierge_admin"},"data":{"op":"auth","secret":"swordfish"}}"#,
        r#"{"type":"MESSAGE","target":{"type":"SERVICE","service":"concierge.admin"},"secret":"swordfish"}"#,
        r#"{"type":"MESSAGE","data":{"secret":"swordfish"}"#,
    ] {
        hub.say(two, text).await;
    }
    let lines = hub.after(1_000).await;
    for who in [root, two] {
        let said = said_to(who, lines.clone());
        assert!(!said.iter().any(|said| said.to_string().contains("swordfish")), "{said:?}");
    }
    let seen = texts(&said_to(root, lines), "in");
    assert!(seen.iter().any(|text| text.contains(r#""secret":"…""#)), "{seen:?}");
    // pings go on; news about news does not
    let quiet = hub.after(10_000).await;
    for who in [root, two] {
        assert!(texts(&said_to(who, quiet.clone()), "out").is_empty(), "{quiet:?}");
    }
    assert!(refused("BAD_REQUEST")(&{
        let request = watch(&hub, "root");
        answer(&mut hub, root, request).await
    }));
    let request = watch(&hub, "admin");
    assert!(refused("BAD_REQUEST")(&answer(&mut hub, root, request).await), "it is built in");
}

#[tokio::test(start_paused = true)]
async fn frames_that_are_too_many_are_counted_and_so_are_clients_that_one_watches() {
    let (mut hub, root) = administered(|_| {}).await;
    let ada = hub.join("ada").await;
    let request = watch(&hub, "ada");
    answer(&mut hub, root, request).await;
    after(&mut hub, root, 100).await;
    for _ in 0..limits::ADMIN_FRAMES {
        hub.whisper(ada, r#"{"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":1}"#);
    }
    let mut said = said_to(root, hub.settle().await);
    said.extend(after(&mut hub, root, 100).await);
    let left_out: u64 = said.iter().map(|said| said["left_out"].as_u64().unwrap()).sum();
    // each came, was answered, and came back
    let all = frames(&said).len() as u64 + left_out;
    assert!(left_out > 0 && all >= 3 * limits::ADMIN_FRAMES as u64, "{all} {left_out}");
    for n in 1..limits::ADMIN_FRAMES_WATCHED {
        hub.join(&format!("c{n}")).await;
        let request = watch(&hub, &format!("c{n}"));
        assert_eq!(answer(&mut hub, root, request).await["ok"], json!({}));
    }
    hub.join("last").await;
    let request = watch(&hub, "last");
    assert!(refused("TOO_MANY")(&answer(&mut hub, root, request).await));
    let request = watch(&hub, "ada");
    assert_eq!(answer(&mut hub, root, request).await["ok"], json!({}), "it is watched already");
}

#[tokio::test(start_paused = true)]
async fn who_watches_frames_and_reads_slowly_is_told_how_many_it_missed() {
    let (mut hub, root) = administered_over_a_narrow_wire().await;
    let ada = hub.join("ada").await;
    let request = watch(&hub, "ada");
    answer(&mut hub, root, request).await;
    hub.stop_reading(root);
    let own = r#"{"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":"some text"}"#;
    for _ in 0..50 {
        for _ in 0..5 {
            hub.say(ada, own).await;
        }
        hub.after(100).await;
    }
    let mut said = said_to(root, hub.read_again(root).await);
    for _ in 0..20 {
        said.extend(after(&mut hub, root, 100).await);
    }
    let left_out: u64 = said.iter().map(|said| said["left_out"].as_u64().unwrap()).sum();
    let own = |text: &String| text.contains("some text");
    let told = texts(&said, "in").iter().filter(|text| own(text)).count() as u64;
    assert!(hub.holds("root") && left_out > 0 && told < 250, "{told} told, {left_out} left out");
    // each is told or counted, and so are its answer and its way back; pings come on top
    assert!(told + left_out >= 250, "{told} told, {left_out} left out");
}

/// A hub with a coordinator whose time is driven by hand, an administrator, and a worker `w1` of the group `work`.
async fn coordinated() -> (Hub, Who, Who) {
    let mut hub = Hub::new();
    hub.coordinate().await;
    hub.administer();
    let root = hub.join("root").await;
    subscribe(&mut hub, root).await;
    let worker = hub.connect("w1").await;
    hub.say(worker, r#"{"type":"IDENTIFY","name":"w1","version":"0.2.0","tags":["work"]}"#).await;
    hub.say(worker, r#"{"type":"SELF_SUBSCRIBE","service":"coordinator"}"#).await;
    hub.forget();
    (hub, root, worker)
}

/// Asks the coordinator, and lets the administrator be told; what the administrator is told.
async fn request(hub: &mut Hub, (worker, root): (Who, Who), kind: &str, data: Value) -> Vec<Value> {
    let envelope = json!({"kind": kind, "head": {"corrId": "c", "version": "2026-04-01"}, "data": data});
    let target = json!({"type": "SERVICE", "service": "coordinator"});
    hub.whisper(worker, &json!({"type": "MESSAGE", "target": target, "data": envelope}).to_string());
    let lines = hub.after(100).await;
    let answer = lines.iter().find(|(who, line)| *who == worker && line.contains(r#""corrId":"c""#)).expect("an answer");
    let answer: Value = serde_json::from_str(&answer.1).unwrap();
    assert_eq!(answer["data"]["head"]["status"], 200, "{answer}");
    said_to(root, lines)
}

fn create(id: &str, target: Option<&str>) -> Value {
    let mut tags = json!({});
    target.iter().for_each(|target| tags["resonate:target"] = json!(target));
    json!({"id": id, "timeoutAt": 1_000_000, "tags": tags})
}

#[tokio::test(start_paused = true)]
async fn promises_and_tasks_that_change_are_told_as_they_are_now_and_counted_by_state() {
    let (mut hub, root, worker) = coordinated().await;
    let both = (worker, root);
    request(&mut hub, both, "promise.create", create("before", None)).await;
    assert_eq!(answer(&mut hub, root, json!({"op": "promises.watch"})).await["ok"], json!({}));
    assert_eq!(answer(&mut hub, root, json!({"op": "tasks.watch"})).await["ok"], json!({}));
    let said = request(&mut hub, both, "promise.create", create("a", Some("any@nobody"))).await;
    let promises = &said.iter().find(|said| said["promises"].is_array()).unwrap()["promises"];
    let expected = json!({"id": "a", "state": "pending", "param": {}, "value": {}, "tags": {"resonate:target": "any@nobody"},
        "timeoutAt": 1_000_000, "createdAt": 0});
    assert_eq!(promises, &json!([expected]));
    let tasks = &said.iter().find(|said| said["tasks"].is_array()).unwrap()["tasks"];
    assert_eq!(tasks, &json!([{"id": "a", "state": "pending", "version": 0, "resumes": []}]));
    let claim = json!({"id": "a", "version": 0, "pid": "w1", "ttl": 1_000});
    let said = request(&mut hub, both, "task.acquire", claim).await;
    assert_eq!(
        said,
        [json!({"tasks": [{"id": "a", "state": "acquired", "version": 1, "resumes": [], "ttl": 1_000,
        "pid": "w1"}], "left_out": 0})]
    );
    // two changes between two looks are one, the last
    let target = json!({"type": "SERVICE", "service": "coordinator"});
    for (kind, data) in [
        ("promise.create", create("b", None)),
        ("promise.settle", json!({"id": "b", "state": "resolved", "value": {"data": "1"}})),
    ] {
        let envelope = json!({"kind": kind, "head": {"corrId": "c", "version": "2026-04-01"}, "data": data});
        hub.whisper(worker, &json!({"type": "MESSAGE", "target": target, "data": envelope}).to_string());
    }
    let said = after(&mut hub, root, 200).await;
    let states: Vec<&Value> =
        said.iter().flat_map(|said| said["promises"].as_array().unwrap()).map(|one| &one["state"]).collect();
    assert_eq!(states, ["resolved"], "{said:?}");
    let mut said = ask(&mut hub, root, json!({"op": "stats.watch", "every_ms": 250})).await;
    said.extend(after(&mut hub, root, 600).await);
    let stats = &said.last().unwrap()["stats"]["coordinator"];
    assert_eq!((&stats["promises"], &stats["tasks"]), (&json!({"pending": 2, "resolved": 1}), &json!({"acquired": 1})));
    let said = request(&mut hub, both, "promise.settle", json!({"id": "a", "state": "rejected_canceled"})).await;
    assert!(said.iter().any(|said| said["tasks"][0]["state"] == "fulfilled"), "{said:?}");
    let said = after(&mut hub, root, 600).await;
    let stats = &said.last().unwrap()["stats"]["coordinator"];
    let promises = json!({"pending": 1, "rejected_canceled": 1, "resolved": 1});
    assert_eq!((&stats["promises"], &stats["tasks"]), (&promises, &json!({"fulfilled": 1})));
    for op in ["promises.unwatch", "tasks.unwatch", "stats.unwatch"] {
        ask(&mut hub, root, json!({"op": op})).await;
    }
    assert_eq!(request(&mut hub, both, "promise.create", create("c", Some("any@nobody"))).await, Vec::<Value>::new());
}

#[tokio::test(start_paused = true)]
async fn the_history_of_a_task_and_of_all_that_came_of_a_root_says_what_happened_to_whom_and_when() {
    let (mut hub, root, worker) = coordinated().await;
    let (both, uuid) = ((worker, root), hub.id("w1").to_owned());
    request(&mut hub, both, "promise.create", create("a", Some("any@work"))).await;
    let mut child = create("a.1", None);
    child["tags"] = json!({"resonate:origin": "a", "resonate:target": "any@nobody"});
    request(&mut hub, both, "promise.create", child).await;
    let acquire = |version: u32| json!({"id": "a", "version": version, "pid": "w1", "ttl": 1_000});
    request(&mut hub, both, "task.acquire", acquire(0)).await;
    let register =
        json!({"kind": "promise.register_callback", "head": {"corrId": "d"}, "data": {"awaiter": "a", "awaited": "a.1"}});
    request(&mut hub, both, "task.suspend", json!({"id": "a", "version": 1, "actions": [register]})).await;
    request(&mut hub, both, "promise.settle", json!({"id": "a.1", "state": "resolved"})).await;
    request(&mut hub, both, "task.acquire", acquire(1)).await;
    request(&mut hub, both, "debug.tick", json!({"time": 2_000})).await;
    request(&mut hub, both, "task.halt", json!({"id": "a"})).await;
    request(&mut hub, both, "task.continue", json!({"id": "a"})).await;
    request(&mut hub, both, "task.acquire", acquire(2)).await;
    request(&mut hub, both, "task.release", json!({"id": "a", "version": 3})).await;
    request(&mut hub, both, "promise.settle", json!({"id": "a", "state": "resolved"})).await;
    let told = answer(&mut hub, root, json!({"op": "task.history", "task": "a"})).await;
    assert!(told["ok"].is_object(), "{told}");
    let told = &told["ok"];
    assert_eq!((&told["left_out"], &told["since"]), (&json!(0), &json!(0)), "{told}");
    let steps: Vec<&str> = told["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    let expected = [
        "created",
        "offered",
        "claimed",
        "suspended",
        "resumed",
        "offered",
        "claimed",
        "lease_over",
        "offered",
        "halted",
        "continued",
        "offered",
        "claimed",
        "released",
        "offered",
        "fulfilled",
    ];
    assert_eq!(steps, expected, "{told}");
    assert_eq!(told["steps"][1], json!({"at": 0, "id": "a", "step": "offered", "to": "any@work", "taken_by": uuid, "times": 1}));
    assert_eq!(told["steps"][2], json!({"at": 0, "id": "a", "step": "claimed", "pid": "w1", "ttl": 1_000, "claims": 1}));
    assert_eq!(told["steps"][3], json!({"at": 0, "id": "a", "step": "suspended", "on": ["a.1"], "count": 1}));
    assert_eq!(told["steps"][4], json!({"at": 0, "id": "a", "step": "resumed", "by": "a.1"}));
    assert_eq!(told["steps"][7], json!({"at": 2_000, "id": "a", "step": "lease_over", "pid": "w1"}));
    assert_eq!(told["steps"][15]["state"], "resolved");
    let told = answer(&mut hub, root, json!({"op": "task.history", "root": "a"})).await;
    let told = &told["ok"];
    let of_child: Vec<&Value> = told["steps"].as_array().unwrap().iter().filter(|step| step["id"] == "a.1").collect();
    assert_eq!(of_child[0], &json!({"at": 0, "id": "a.1", "step": "created", "root": "a"}));
    assert_eq!((of_child[1]["taken_by"].clone(), of_child.len()), (Value::Null, 3));
    assert_eq!(told["steps"].as_array().unwrap().len(), expected.len() + 3);
    assert_eq!(answer(&mut hub, root, json!({"op": "task.history", "task": "x"})).await["ok"]["steps"], json!([]));
    for request in [json!({"op": "task.history"}), json!({"op": "task.history", "task": "a", "root": "a"})] {
        assert!(refused("BAD_REQUEST")(&answer(&mut hub, root, request).await));
    }
}

#[tokio::test(start_paused = true)]
async fn a_hub_without_a_coordinator_and_without_files_says_so() {
    let (mut hub, root) = administered(|_| {}).await;
    for op in ["promises.watch", "tasks.watch", "files.watch"] {
        assert!(refused("INVALID_SERVICE")(&answer(&mut hub, root, json!({"op": op})).await), "{op}");
    }
    assert!(refused("INVALID_SERVICE")(&answer(&mut hub, root, json!({"op": "task.history", "task": "a"})).await));
}

#[tokio::test(start_paused = true)]
async fn files_that_are_stored_and_deleted_are_told_with_whose_they_are_and_where() {
    let (mut hub, root) = administered(|_| {}).await;
    let folder = tempfile::tempdir().unwrap();
    let files = hub.keep_files(&folder.path().join("files"));
    let ada = hub.join("ada").await;
    let key = hub.id("ada's key").to_owned();
    let serve = async |method: &str, path: &str, body: &'static str| {
        let from = ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1)));
        let head = Request::builder().method(method).uri(format!("/fs/ada/{path}")).header("x-fs-key", &key).extension(from);
        let answer = files.clone().oneshot(head.body(Body::from(body)).unwrap()).await.unwrap();
        assert!(answer.status().is_success(), "{method} {path}: {}", answer.status());
    };
    serve("PUT", "before.txt", "1").await;
    assert_eq!(answer(&mut hub, root, json!({"op": "files.watch"})).await["ok"], json!({}));
    serve("PUT", "maps/old/map.png", "four").await;
    serve("PUT", "maps/new.png", "1").await;
    serve("DELETE", "maps/new.png", "").await;
    serve("DELETE", "maps/old/", "").await;
    let lines = hub.cut(ada).await;
    let mut told: Vec<Value> = said_to(root, lines).iter().flat_map(|said| said["files"].as_array().unwrap()).cloned().collect();
    while !told.iter().any(|change| change["path"] == "") {
        let said = after(&mut hub, root, 50).await;
        told.extend(said.iter().flat_map(|said| said["files"].as_array().unwrap()).cloned());
    }
    let owner = json!({"name": "ada", "uuid": hub.id("ada")});
    assert!(told.iter().all(|change| change["owner"] == owner), "{told:?}");
    let last: std::collections::BTreeMap<&str, (&str, &Value)> = told
        .iter()
        .map(|change| (change["path"].as_str().unwrap(), (change["event"].as_str().unwrap(), &change["size"])))
        .collect();
    let none = &Value::Null;
    let expected = [
        ("", ("deleted", none)),
        ("maps/", ("made", none)),
        ("maps/new.png", ("deleted", none)),
        ("maps/old/", ("deleted", none)),
        ("maps/old/map.png", ("stored", &json!(4))),
    ];
    assert_eq!(last, expected.into());
    assert_eq!(answer(&mut hub, root, json!({"op": "files.unwatch"})).await["ok"], json!({}));
}
