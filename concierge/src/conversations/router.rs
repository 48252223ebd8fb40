//! PROTOCOL.md, "The router": who is asked, who answers, and what each rule looks like from outside.

use std::sync::Arc;

use concierge_api_rs::packet::FaultCode;
use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::{Hub, Who};
use crate::config::{Config, RouterCodes};
use crate::router::Router;

/// A hub with a router and its subscribers, and what they said and got.
pub(super) struct Story {
    pub(super) hub: Hub,
    router: Arc<Router>,
    cast: Vec<(&'static str, Who)>,
    pub(super) said: String,
}

impl Story {
    /// Ada asks, and these serve `math`.
    pub(super) async fn with(workers: &[&'static str], change: impl FnOnce(&mut Config)) -> Self {
        let mut hub = Hub::with(change);
        let router = hub.route();
        let mut story = Self { hub, router, cast: Vec::new(), said: String::new() };
        story.comes("ada").await;
        for worker in workers {
            story.comes(worker).await;
            story
                .sends(worker, r#"{"subject":"router","data":{"type":"p","cmd":"router/serve","data":{"categories":["math"]}}}"#)
                .await;
        }
        story.said.clear();
        story
    }

    pub(super) async fn comes(&mut self, name: &'static str) {
        let who = self.hub.join(name).await;
        self.cast.push((name, who));
        let answer = self.hub.ask(who, r#"{"type":"SELF_SUBSCRIBE","service":"router"}"#).await;
        assert_eq!(answer["successful"], true, "{answer}");
    }

    pub(super) fn who(&self, name: &str) -> Who {
        self.cast.iter().find(|(known, _)| *known == name).unwrap().1
    }

    /// Sends a packet in a message to the service.
    pub(super) async fn sends(&mut self, name: &str, packet: &str) {
        self.said += &format!("{name} → {packet}\n");
        let text = format!(r#"{{"type":"MESSAGE","target":{{"type":"SERVICE","service":"router"}},"data":{packet}}}"#);
        self.hub.whisper(self.who(name), &text);
        let came = self.hub.settle().await;
        self.came(came);
    }

    pub(super) async fn serves(&mut self, name: &str, category: &str) {
        let data = format!(r#"{{"type":"p","cmd":"router/serve","data":{{"categories":["{category}"]}}}}"#);
        self.sends(name, &format!(r#"{{"subject":"router","data":{data}}}"#)).await;
    }

    /// A request `math/add`, a response to it.
    pub(super) async fn asks(&mut self, name: &str, reqid: &str) {
        self.sends(
            name,
            &format!(r#"{{"subject":"api","data":{{"type":"q","cmd":"math/add","_reqid":"{reqid}","data":[1, 2]}}}}"#),
        )
        .await;
    }

    pub(super) async fn answers(&mut self, name: &str, ticket: &str) {
        self.sends(name, &format!(r#"{{"subject":"api","data":{{"type":"r","status":"ok","_reqid":"{ticket}","data":3}}}}"#))
            .await;
    }

    pub(super) async fn after(&mut self, ms: u64) {
        self.said += &format!("{ms} ms later\n");
        let came = self.hub.after(ms).await;
        self.came(came);
    }

    pub(super) async fn leaves(&mut self, who: Who) {
        self.hub.whisper_message(who, tokio_tungstenite::tungstenite::Message::Close(None));
        let came = self.hub.settle().await;
        self.came(came);
    }

    /// Packets from the router.
    pub(super) fn came(&mut self, lines: Vec<(Who, String)>) {
        for (to, line) in lines {
            let Ok(payload) = serde_json::from_str::<Value>(&line) else { continue };
            if payload["type"] == "MESSAGE" && payload["origin"]["name"] == "router" {
                let (_, packet) = line.split_once(r#","data":{"subject""#).unwrap();
                let name = self.cast.iter().find(|(_, who)| *who == to).unwrap().0;
                let packet = packet.strip_suffix('}').unwrap();
                // what a worker is told of who asks has a test of its own
                let packet = packet.split_once(r#","headers":"#).map_or(packet.to_owned(), |(packet, _)| format!("{packet}}}"));
                self.said += &format!("{name} ← {{\"subject\"{packet}\n");
            }
        }
    }

    fn check(&mut self, expected: Expect) {
        expected.assert_eq(&std::mem::take(&mut self.said));
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_sends_a_packet_to_the_service_and_the_answer_comes_as_a_message_to_it_alone() {
    let mut story = Story::with(&["bob"], |_| {}).await;
    story.hub.forget();
    story.asks("ada", "x").await;
    story.answers("bob", "1").await;
    story.hub.check(expect![[r#"
        ada → {"type":"MESSAGE","target":{"type":"SERVICE","service":"router"},"data":{"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"x","data":[1, 2]}}}
        bob ← {"type":"MESSAGE","origin":{"name":"router","nickname":null,"uuid":"@router","tags":["builtin"],"service":{"name":"router","nickname":null,"owner_uuid":"@router","subscribers":[],"subscriber_count":2}},"target":{"type":"SERVICE_CLIENT_UUID","service":"router","uuid":"@bob"},"data":{"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"1","data":[1, 2]},"headers":{"Cg-Client":"@ada","Cg-Name":"ada","Cg-Node":"hub","Cg-Deadline-Ms":10000}}}
        bob → {"type":"MESSAGE","target":{"type":"SERVICE","service":"router"},"data":{"subject":"api","data":{"type":"r","status":"ok","_reqid":"1","data":3}}}
        ada ← {"type":"OK","seq":1}
        ada ← {"type":"MESSAGE","origin":{"name":"router","nickname":null,"uuid":"@router","tags":["builtin"],"service":{"name":"router","nickname":null,"owner_uuid":"@router","subscribers":[],"subscriber_count":2}},"target":{"type":"SERVICE_CLIENT_UUID","service":"router","uuid":"@ada"},"data":{"subject":"api","data":{"type":"r","status":"ok","_reqid":"x","data":3}}}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_worker_is_told_who_asks_and_nothing_that_the_client_says_of_itself() {
    let mut story = Story::with(&["bob"], |_| {}).await;
    let hello = r#"{"type":"IDENTIFY","name":"eve","version":"0.2.0","tags":["staff","é"],"intents":["MESSAGES"]}"#;
    let eve = story.hub.connect("eve").await;
    story.hub.say(eve, hello).await;
    story.hub.ask(eve, r#"{"type":"SELF_SUBSCRIBE","service":"router"}"#).await;
    story.hub.forget();
    let forged = r#""headers":{"Cg-Name":"root","Cg-Level":9}"#;
    for datagram in [r#"{"type":"q","cmd":"math/add","_reqid":"x"}"#, r#"{"type":"p","cmd":"math/seen"}"#] {
        let packet = format!(r#"{{"subject":"api",{forged},"data":{datagram}}}"#);
        let message = format!(r#"{{"type":"MESSAGE","target":{{"type":"SERVICE","service":"router"}},"data":{packet}}}"#);
        story.hub.whisper(eve, &message);
        let came = story.hub.settle().await;
        let (_, line) = came.iter().find(|(to, _)| *to == story.who("bob")).unwrap();
        let headers = &serde_json::from_str::<Value>(line).unwrap()["data"]["headers"];
        let due = datagram.contains("_reqid").then_some(10_000);
        let uuid = &headers["Cg-Client"];
        let mut expected = json!({ "Cg-Client": uuid, "Cg-Name": "eve", "Cg-Tags": ["staff", "é"], "Cg-Node": "hub" });
        due.inspect(|ms| expected["Cg-Deadline-Ms"] = json!(ms));
        assert_eq!(*headers, expected);
        assert_eq!(uuid.as_str().map(str::len), Some(36));
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_not_subscribed_or_wants_no_messages_gets_bad() {
    let mut story = Story::with(&[], |_| {}).await;
    let eve = story.hub.join("eve").await;
    let packet = r#"{"type":"MESSAGE","target":{"type":"SERVICE","service":"router"},"data":{"subject":"a","data":{"type":"p","cmd":"a/b"}}}"#;
    assert_eq!(story.hub.ask(eve, packet).await["type"], "BAD");
    assert_eq!(story.router.look().tally.lost_pushes, 0);
}

#[tokio::test(start_paused = true)]
async fn the_ok_of_a_push_comes_at_once_and_that_of_a_request_waits_for_the_answer_to_take_it_along() {
    let mut story = Story::with(&["bob"], |_| {}).await;
    let ada = story.who("ada");
    let message = |datagram: &str| {
        let packet = format!(r#"{{"subject":"api","data":{datagram}}}"#);
        format!(r#"{{"type":"MESSAGE","target":{{"type":"SERVICE","service":"router"}},"data":{packet}}}"#)
    };
    let is_ok = |came: &[(Who, String)]| came.iter().any(|(to, text)| *to == ada && text.contains(r#""type":"OK""#));
    story.hub.whisper(ada, &message(r#"{"type":"p","cmd":"math/seen"}"#));
    assert!(is_ok(&story.hub.settle().await));
    story.hub.whisper(ada, &message(r#"{"type":"q","cmd":"math/add","_reqid":"x"}"#));
    assert!(!is_ok(&story.hub.settle().await));
    assert!(is_ok(&story.hub.after(200).await));
}

#[tokio::test(start_paused = true)]
async fn parts_of_an_answer_come_in_order() {
    let mut story = Story::with(&["bob"], |_| {}).await;
    story.asks("ada", "x").await;
    for part in ["1", "2"] {
        story
            .sends(
                "bob",
                &format!(r#"{{"subject":"api","data":{{"type":"r","status":"ok","_reqid":"1","more":true,"data":{part}}}}}"#),
            )
            .await;
    }
    story.answers("bob", "1").await;
    story.check(expect![[r#"
        ada → {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"x","data":[1, 2]}}
        bob ← {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"1","data":[1, 2]}}
        bob → {"subject":"api","data":{"type":"r","status":"ok","_reqid":"1","more":true,"data":1}}
        ada ← {"subject":"api","data":{"type":"r","status":"ok","_reqid":"x","more":true,"data":1}}
        bob → {"subject":"api","data":{"type":"r","status":"ok","_reqid":"1","more":true,"data":2}}
        ada ← {"subject":"api","data":{"type":"r","status":"ok","_reqid":"x","more":true,"data":2}}
        bob → {"subject":"api","data":{"type":"r","status":"ok","_reqid":"1","data":3}}
        ada ← {"subject":"api","data":{"type":"r","status":"ok","_reqid":"x","data":3}}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_push_reaches_all_who_serve_its_category_and_is_never_answered() {
    let mut story = Story::with(&["bob", "cyd"], |_| {}).await;
    story.sends("ada", r#"{"subject":"api","data":{"type":"p","cmd":"math/seen","data":{"n": 1}}}"#).await;
    story.sends("ada", r#"{"subject":"api","data":{"type":"p","cmd":"news/seen","data":{}}}"#).await;
    story.sends("ada", r#"{"subject":"api","data":{"type":"p","cmd":"news"}}"#).await;
    story.check(expect![[r#"
        ada → {"subject":"api","data":{"type":"p","cmd":"math/seen","data":{"n": 1}}}
        bob ← {"subject":"api","data":{"type":"p","cmd":"math/seen","data":{"n": 1}}}
        cyd ← {"subject":"api","data":{"type":"p","cmd":"math/seen","data":{"n": 1}}}
        ada → {"subject":"api","data":{"type":"p","cmd":"news/seen","data":{}}}
        ada → {"subject":"api","data":{"type":"p","cmd":"news"}}
    "#]]);
    let look = story.router.look();
    assert_eq!((look.tally.pushes, look.tally.lost_pushes, look.malformed, look.workers), (3, 1, 1, 2));
}

#[tokio::test(start_paused = true)]
async fn workers_take_turns() {
    let mut story = Story::with(&["bob", "cyd"], |_| {}).await;
    for reqid in ["1", "2", "3"] {
        story.asks("ada", reqid).await;
    }
    story.check(expect![[r#"
        ada → {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"1","data":[1, 2]}}
        bob ← {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"1","data":[1, 2]}}
        ada → {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"2","data":[1, 2]}}
        cyd ← {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"2","data":[1, 2]}}
        ada → {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"3","data":[1, 2]}}
        bob ← {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"3","data":[1, 2]}}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_passed_on_is_answered_with_the_reason() {
    let mut story = Story::with(&["bob"], |config| {
        config.router.routes = vec!["api in_flight:1".into(), "shop p".into(), "staff tag:staff".into()];
    })
    .await;
    story.asks("ada", "x").await;
    story.asks("ada", "x").await;
    story.asks("ada", "y").await;
    for subject in ["shop", "staff", "elsewhere"] {
        story.sends("ada", &format!(r#"{{"subject":"{subject}","data":{{"type":"q","cmd":"math/add","_reqid":"z"}}}}"#)).await;
    }
    story.sends("bob", r#"{"subject":"api","data":{"type":"q","cmd":"news/read","_reqid":"z"}}"#).await;
    story.sends("bob", r#"{"subject":"api","data":{"type":"q","cmd":"math/add"}}"#).await;
    story.sends("bob", r#"{"subject":"$SYS","data":{"type":"q","cmd":"math/add","_reqid":"z"}}"#).await;
    story.sends("bob", r#""hello""#).await;
    story.check(expect![[r#"
        ada → {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"x","data":[1, 2]}}
        bob ← {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"1","data":[1, 2]}}
        ada → {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"x","data":[1, 2]}}
        ada ← {"subject":"api","data":{"type":"r","status":"err","_reqid":"x","data":{"code":5,"data":{"items":["_reqid"]}}}}
        ada → {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"y","data":[1, 2]}}
        ada ← {"subject":"api","data":{"type":"r","status":"err","_reqid":"y","data":{"code":6,"data":{"items":["requests"]}}}}
        ada → {"subject":"shop","data":{"type":"q","cmd":"math/add","_reqid":"z"}}
        ada ← {"subject":"shop","data":{"type":"r","status":"err","_reqid":"z","data":{"code":1,"data":{"items":["type"]}}}}
        ada → {"subject":"staff","data":{"type":"q","cmd":"math/add","_reqid":"z"}}
        ada ← {"subject":"staff","data":{"type":"r","status":"err","_reqid":"z","data":{"code":1,"data":{"items":["subject"]}}}}
        ada → {"subject":"elsewhere","data":{"type":"q","cmd":"math/add","_reqid":"z"}}
        ada ← {"subject":"elsewhere","data":{"type":"r","status":"err","_reqid":"z","data":{"code":1,"data":{"items":["subject"]}}}}
        bob → {"subject":"api","data":{"type":"q","cmd":"news/read","_reqid":"z"}}
        bob ← {"subject":"api","data":{"type":"r","status":"err","_reqid":"z","data":{"code":2,"data":{"items":["subject"]}}}}
        bob → {"subject":"api","data":{"type":"q","cmd":"math/add"}}
        bob ← {"subject":"api","data":{"type":"r","status":"err","data":{"code":4,"data":{"items":["_reqid"]}}}}
        bob → {"subject":"$SYS","data":{"type":"q","cmd":"math/add","_reqid":"z"}}
        bob ← {"subject":"router","data":{"type":"r","status":"err","_reqid":"z","data":{"code":3,"data":{"items":["subject"]}}}}
        bob → "hello"
        bob ← {"subject":"router","data":{"type":"r","status":"err","data":{"code":3,"data":{"items":["packet"]}}}}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn workers_see_the_prefix_of_a_route_and_clients_do_not() {
    let mut story = Story::with(&["bob"], |config| config.router.routes = vec!["api=acme.prod".into()]).await;
    story.asks("ada", "x").await;
    story.sends("bob", r#"{"subject":"acme.prod.api","data":{"type":"r","status":"ok","_reqid":"1"}}"#).await;
    story.check(expect![[r#"
        ada → {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"x","data":[1, 2]}}
        bob ← {"subject":"acme.prod.api","data":{"type":"q","cmd":"math/add","_reqid":"1","data":[1, 2]}}
        bob → {"subject":"acme.prod.api","data":{"type":"r","status":"ok","_reqid":"1"}}
        ada ← {"subject":"api","data":{"type":"r","status":"ok","_reqid":"x","data":{}}}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn no_answer_in_time_is_a_timeout_at_that_time_and_what_comes_later_goes_nowhere() {
    let mut story = Story::with(&["bob"], |config| config.router.within_ms = 300).await;
    story.asks("ada", "x").await;
    // reading what comes takes a few milliseconds of the clock
    story.after(280).await;
    story.after(40).await;
    story.answers("bob", "1").await;
    story.check(expect![[r#"
        ada → {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"x","data":[1, 2]}}
        bob ← {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"1","data":[1, 2]}}
        280 ms later
        40 ms later
        ada ← {"subject":"api","data":{"type":"r","status":"err","_reqid":"x","data":{"code":7,"data":{}}}}
        bob ← {"subject":"api","data":{"type":"p","cmd":"sys/cancel","data":{"_reqid":"1"}}}
        bob → {"subject":"api","data":{"type":"r","status":"ok","_reqid":"1","data":3}}
    "#]]);
    assert_eq!((story.router.look().tally.late, story.router.look().in_flight), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_due_earlier_than_all_others_is_answered_when_it_is_due() {
    let mut story =
        Story::with(&["bob"], |config| config.router.routes = vec!["api within:60000".into(), "fast within:100".into()]).await;
    story.asks("ada", "x").await;
    story.sends("ada", r#"{"subject":"fast","data":{"type":"q","cmd":"math/add","_reqid":"y"}}"#).await;
    story.after(200).await;
    story.check(expect![[r#"
        ada → {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"x","data":[1, 2]}}
        bob ← {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"1","data":[1, 2]}}
        ada → {"subject":"fast","data":{"type":"q","cmd":"math/add","_reqid":"y"}}
        bob ← {"subject":"fast","data":{"type":"q","cmd":"math/add","_reqid":"2","data":{}}}
        200 ms later
        ada ← {"subject":"fast","data":{"type":"r","status":"err","_reqid":"y","data":{"code":7,"data":{}}}}
        bob ← {"subject":"fast","data":{"type":"p","cmd":"sys/cancel","data":{"_reqid":"2"}}}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_router_that_says_seven_errors_calls_a_timeout_unavailable() {
    let mut story = Story::with(&["bob"], |config| config.router.codes = RouterCodes::Seed).await;
    story.asks("ada", "x").await;
    story.after(11_000).await;
    story.check(expect![[r#"
        ada → {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"x","data":[1, 2]}}
        bob ← {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"1","data":[1, 2]}}
        11000 ms later
        ada ← {"subject":"api","data":{"type":"r","status":"err","_reqid":"x","data":{"code":2,"data":{"items":[]}}}}
        bob ← {"subject":"api","data":{"type":"p","cmd":"sys/cancel","data":{"_reqid":"1"}}}
    "#]]);
    assert_eq!(story.router.look().tally.failed(FaultCode::Timeout), 1);
}

#[tokio::test(start_paused = true)]
async fn who_cancels_is_answered_at_once_and_the_worker_is_told() {
    let mut story = Story::with(&["bob"], |_| {}).await;
    story.asks("ada", "x").await;
    story.sends("ada", r#"{"subject":"api","data":{"type":"p","cmd":"sys/cancel","data":{"_reqid":"x"}}}"#).await;
    story.answers("bob", "1").await;
    story.check(expect![[r#"
        ada → {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"x","data":[1, 2]}}
        bob ← {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"1","data":[1, 2]}}
        ada → {"subject":"api","data":{"type":"p","cmd":"sys/cancel","data":{"_reqid":"x"}}}
        ada ← {"subject":"api","data":{"type":"r","status":"err","_reqid":"x","data":{"code":0,"data":{"items":["_reqid"]}}}}
        bob ← {"subject":"api","data":{"type":"p","cmd":"sys/cancel","data":{"_reqid":"1"}}}
        bob → {"subject":"api","data":{"type":"r","status":"ok","_reqid":"1","data":3}}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_leaves_or_ends_its_subscription_leaves_its_requests_unavailable() {
    let mut story = Story::with(&["bob", "cyd"], |_| {}).await;
    story.asks("ada", "x").await;
    story.asks("ada", "y").await;
    let (bob, cyd) = (story.who("bob"), story.who("cyd"));
    story.hub.cut(bob).await;
    story.hub.whisper(cyd, r#"{"type":"SELF_UNSUBSCRIBE","service":"router"}"#);
    let came = story.hub.settle().await;
    story.came(came);
    story.asks("ada", "z").await;
    let heard = story.hub.heard();
    for reqid in ["x", "y", "z"] {
        let answer =
            format!(r#"{{"type":"r","status":"err","_reqid":"{reqid}","data":{{"code":2,"data":{{"items":["subject"]}}}}}}"#);
        assert_eq!(heard.matches(&answer).count(), 1, "{heard}");
    }
    assert_eq!((story.router.look().in_flight, story.router.look().workers), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_is_forgotten_and_its_worker_is_told() {
    let mut story = Story::with(&["bob"], |_| {}).await;
    story.asks("ada", "x").await;
    let ada = story.who("ada");
    story.hub.cut(ada).await;
    let heard = story.hub.heard();
    assert!(heard.contains(r#"{"type":"p","cmd":"sys/cancel","data":{"_reqid":"1"}}"#), "{heard}");
    story.said.clear();
    story.answers("bob", "1").await;
    assert_eq!((story.router.look().in_flight, story.router.look().tally.late), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn only_clients_with_a_workers_tag_serve_where_there_is_one() {
    let mut story = Story::with(&["bob"], |config| config.router.worker_tags = vec!["worker".into()]).await;
    story.asks("ada", "x").await;
    story.check(expect![[r#"
        ada → {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"x","data":[1, 2]}}
        ada ← {"subject":"api","data":{"type":"r","status":"err","_reqid":"x","data":{"code":2,"data":{"items":["subject"]}}}}
    "#]]);
}

/// Security: 26.
#[tokio::test(start_paused = true)]
async fn a_worker_that_reads_nothing_is_asked_no_more_than_it_has_room_for_and_is_not_closed() {
    let mut story = Story::with(&[], |config| {
        config.limits.outbox_bytes = 200_000;
        config.limits.payload_bytes = 50_000;
    })
    .await;
    let bob = story.hub.join_by("bob", 1_000).await;
    story.cast.push(("bob", bob));
    story.hub.ask(bob, r#"{"type":"SELF_SUBSCRIBE","service":"router"}"#).await;
    story.serves("bob", "math").await;
    story.hub.stop_reading(bob);
    let big = "x".repeat(40_000);
    for n in 0..8 {
        story
            .sends("ada", &format!(r#"{{"subject":"a","data":{{"type":"q","cmd":"math/add","_reqid":"{n}","data":"{big}"}}}}"#))
            .await;
        story.sends("ada", &format!(r#"{{"subject":"a","data":{{"type":"p","cmd":"math/add","data":"{big}"}}}}"#)).await;
    }
    let refused = story.said.matches(r#""status":"err""#).count();
    let look = story.router.look();
    assert_eq!((refused, look.in_flight as usize + refused), (story.said.matches(r#""code":6"#).count(), 8), "{look:?}");
    assert!(refused >= 5 && look.tally.no_room as usize > refused && !story.hub.peer(bob).is_gone(), "{look:?}");
}
