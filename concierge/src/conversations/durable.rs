//! PROTOCOL.md, "Durable requests": who is told what, and how promises end, with a coordinator in memory that goes by the paused clock.

use std::sync::Arc;

use concierge_api_rs::coordinator::{
    Answer, Millis, Outcome, Promise, PromiseCreate, PromiseGet, PromiseId, PromiseSettle, PromiseState, Request, SettleState,
    Status, TAG_CMD, TAG_ROUTER, TAG_SUBJECT,
};
use concierge_api_rs::limits;
use concierge_client::coordinator::json::{from_value, of_text};
use concierge_store::Clock;
use expect_test::expect;
use serde_json::{Value, json};

use super::Hub;
use super::router::Story;
use crate::config::Config;
use crate::coordinator::Coordinator;

/// 2026-01-01.
const NOW: i64 = 1_767_225_600_000;

/// A hub with a coordinator, and what its promises are.
pub(super) struct Kept {
    pub(super) story: Story,
    coordinator: Arc<Coordinator>,
}

impl Kept {
    pub(super) async fn with(workers: &[&'static str], change: impl FnOnce(&mut Config)) -> Self {
        let mut hub = Hub::with(change);
        let coordinator = hub.coordinate_by(Clock::of_runtime(Millis(NOW))).await;
        Self { story: Story::at(hub, workers).await, coordinator }
    }

    pub(super) async fn request(&self, request: Request) -> Outcome {
        self.coordinator.inside(request).await.unwrap()
    }

    /// A durable request `math/add`.
    async fn asks(&mut self, name: &str, reqid: &str, more: &str) {
        let datagram = format!(r#"{{"type":"q","cmd":"math/add","_reqid":"{reqid}","reply":"durable"{more},"data":[1, 2]}}"#);
        self.story.sends(name, &format!(r#"{{"subject":"api","data":{datagram}}}"#)).await;
    }

    pub(super) async fn promise(&self, id: &str) -> Option<Promise> {
        match self.request(Request::PromiseGet(PromiseGet { id: PromiseId::parse(id).unwrap() })).await {
            Ok(Answer::Promise(promise)) => Some(promise),
            Err(refused) if refused.status == Status::NotFound => None,
            other => panic!("{other:?}"),
        }
    }

    /// How a promise ended, and with what.
    pub(super) async fn end(&self, id: &str) -> (PromiseState, Value) {
        let promise = self.promise(id).await.unwrap();
        (promise.state, from_value(&promise.value).unwrap())
    }

    pub(super) async fn settles(&self, id: &str, state: SettleState, json: &str) -> Promise {
        let settle = PromiseSettle { id: PromiseId::parse(id).unwrap(), state, value: of_text(json) };
        match self.request(Request::PromiseSettle(settle)).await {
            Ok(Answer::Promise(promise)) => promise,
            other => panic!("{other:?}"),
        }
    }

    fn standing(&self) -> (usize, usize) {
        let look = self.story.router.look();
        (look.durable.waiting, look.durable.open)
    }
}

#[tokio::test(start_paused = true)]
async fn a_durable_request_is_answered_with_a_promise_and_waits_for_a_worker_whose_answer_settles_it() {
    let mut kept = Kept::with(&[], |_| {}).await;
    kept.asks("ada", "x", r#","promise":"sum""#).await;
    assert_eq!((kept.end("sum").await, kept.standing()), ((PromiseState::Pending, Value::Null), (1, 0)));
    kept.story.comes("bob").await;
    kept.story.serves("bob", "math").await;
    assert_eq!(kept.standing(), (0, 1));
    kept.story.answers("bob", "1").await;
    kept.story.check(expect![[r#"
        ada → {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"x","reply":"durable","promise":"sum","data":[1, 2]}}
        ada ← {"subject":"api","data":{"type":"r","status":"ok","_reqid":"x","data":{"promise":"sum"}}}
        bob → {"subject":"router","data":{"type":"p","cmd":"router/serve","data":{"categories":["math"]}}}
        bob ← {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"1","data":[1, 2]}}
        bob → {"subject":"api","data":{"type":"r","status":"ok","_reqid":"1","data":3}}
    "#]]);
    assert_eq!((kept.end("sum").await, kept.standing()), ((PromiseState::Resolved, json!(3)), (0, 0)));
    let promise = kept.promise("sum").await.unwrap();
    assert_eq!(promise.timeout_at.0 - promise.created_at.0, 24 * 3_600_000);
    assert_eq!(from_value::<Value>(&promise.param).unwrap(), json!([1, 2]));
}

#[tokio::test(start_paused = true)]
async fn the_worker_is_told_of_the_promise_and_of_who_asked_though_that_one_is_gone() {
    let mut kept = Kept::with(&[], |_| {}).await;
    let hello = r#"{"type":"IDENTIFY","name":"eve","version":"0.2.0","tags":["staff","é"],"intents":["MESSAGES"]}"#;
    let eve = kept.story.hub.connect("eve").await;
    kept.story.hub.say(eve, hello).await;
    kept.story.hub.ask(eve, r#"{"type":"SELF_SUBSCRIBE","service":"router"}"#).await;
    let datagram = r#"{"type":"q","cmd":"math/add","_reqid":"x","reply":"durable","promise":"sum","within_ms":60000}"#;
    let packet = format!(r#"{{"subject":"api","headers":{{"Cg-Name":"root","Cg-Level":9}},"data":{datagram}}}"#);
    let target = r#"{"type":"SERVICE","service":"router"}"#;
    kept.story.hub.whisper(eve, &format!(r#"{{"type":"MESSAGE","target":{target},"data":{packet}}}"#));
    kept.story.hub.settle().await;
    kept.story.hub.cut(eve).await;
    kept.story.comes("bob").await;
    kept.story.hub.forget();
    kept.story.serves("bob", "math").await;
    let heard = kept.story.hub.heard();
    let message = heard.lines().find_map(|line| line.strip_prefix("bob ← ").filter(|line| line.contains("math/add"))).unwrap();
    let headers = &serde_json::from_str::<Value>(message).unwrap()["data"]["headers"];
    let expected = json!({ "Cg-Client": "@eve", "Cg-Name": "eve", "Cg-Tags": ["staff", "é"], "Cg-Node": "hub", "Cg-Promise": "sum",
        "Cg-Deadline-Ms": headers["Cg-Deadline-Ms"] });
    assert_eq!(*headers, expected);
    assert!((59_000..60_000).contains(&headers["Cg-Deadline-Ms"].as_u64().unwrap()), "{headers}");
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_goes_leaves_it_to_the_next_one_at_once_and_so_on_until_one_answers() {
    let mut kept = Kept::with(&["bob", "cyd"], |_| {}).await;
    kept.asks("ada", "x", r#","promise":"sum""#).await;
    let bob = kept.story.who("bob");
    kept.story.leaves(bob).await;
    let cyd = kept.story.who("cyd");
    kept.story.leaves(cyd).await;
    assert_eq!((kept.standing(), kept.story.router.look().durable.tally.put_back), ((1, 0), 2));
    kept.story.comes("dan").await;
    kept.story.serves("dan", "math").await;
    kept.story.answers("dan", "3").await;
    kept.story.check(expect![[r#"
        ada → {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"x","reply":"durable","promise":"sum","data":[1, 2]}}
        ada ← {"subject":"api","data":{"type":"r","status":"ok","_reqid":"x","data":{"promise":"sum"}}}
        bob ← {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"1","data":[1, 2]}}
        cyd ← {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"2","data":[1, 2]}}
        dan → {"subject":"router","data":{"type":"p","cmd":"router/serve","data":{"categories":["math"]}}}
        dan ← {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"3","data":[1, 2]}}
        dan → {"subject":"api","data":{"type":"r","status":"ok","_reqid":"3","data":3}}
    "#]]);
    assert_eq!(kept.end("sum").await, (PromiseState::Resolved, json!(3)));
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_settles_it_itself_after_a_reconnect_decides_and_the_one_who_has_it_now_is_told_to_stop() {
    let mut kept = Kept::with(&["bob", "cyd"], |_| {}).await;
    kept.asks("ada", "x", r#","promise":"sum""#).await;
    let bob = kept.story.who("bob");
    kept.story.leaves(bob).await;
    kept.story.said.clear();
    kept.settles("sum", SettleState::Resolved, r#""of bob""#).await;
    kept.story.after(1_100).await;
    kept.story.answers("cyd", "2").await;
    kept.story.check(expect![[r#"
        1100 ms later
        cyd ← {"subject":"api","data":{"type":"p","cmd":"sys/cancel","data":{"_reqid":"2"}}}
        cyd → {"subject":"api","data":{"type":"r","status":"ok","_reqid":"2","data":3}}
    "#]]);
    assert_eq!((kept.end("sum").await, kept.standing()), ((PromiseState::Resolved, json!("of bob")), (0, 0)));
    let tally = kept.story.router.look().durable.tally;
    assert_eq!((tally.kept, tally.given, tally.settled, tally.overtaken), (1, 2, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn of_two_answers_the_first_one_counts_and_the_second_one_changes_nothing() {
    let mut kept = Kept::with(&["bob"], |_| {}).await;
    kept.asks("ada", "x", r#","promise":"sum""#).await;
    kept.settles("sum", SettleState::Rejected, r#""nobody wants it""#).await;
    // before the hub has looked
    kept.story.answers("bob", "1").await;
    assert_eq!((kept.end("sum").await, kept.standing()), ((PromiseState::Rejected, json!("nobody wants it")), (0, 0)));
    assert_eq!(kept.story.router.look().durable.tally.overtaken, 1);

    kept.asks("ada", "y", r#","promise":"sum 2""#).await;
    kept.story.answers("bob", "2").await;
    let promise = kept.settles("sum 2", SettleState::Rejected, r#""too late""#).await;
    assert_eq!((promise.state, from_value::<Value>(&promise.value).unwrap()), (PromiseState::Resolved, json!(3)));
}

#[tokio::test(start_paused = true)]
async fn a_workers_error_rejects_the_promise_and_parts_but_for_the_last_one_go_nowhere() {
    let mut kept = Kept::with(&["bob"], |_| {}).await;
    kept.asks("ada", "x", r#","promise":"sum""#).await;
    kept.asks("ada", "y", r#","promise":"sum 2""#).await;
    for datagram in [
        r#"{"type":"r","status":"ok","_reqid":"1","more":true,"data":[1]}"#,
        r#"{"type":"r","status":"err","_reqid":"1","data":{"code":2,"data":{"items":["ink"],"why":"é"}}}"#,
        r#"{"type":"r","status":"ok","_reqid":"2","more":true,"data":[2]}"#,
        r#"{"type":"r","status":"ok","_reqid":"2","data":[3]}"#,
    ] {
        kept.story.sends("bob", &format!(r#"{{"subject":"api","data":{datagram}}}"#)).await;
    }
    let error = json!({ "code": 2, "data": { "items": ["ink"], "why": "é" } });
    assert_eq!(kept.end("sum").await, (PromiseState::Rejected, error));
    assert_eq!(kept.end("sum 2").await, (PromiseState::Resolved, json!([3])));
}

#[tokio::test(start_paused = true)]
async fn the_same_promise_again_is_the_same_request_and_an_id_of_something_else_is_refused() {
    let mut kept = Kept::with(&["bob"], |_| {}).await;
    let create = PromiseCreate {
        id: PromiseId::parse("mine").unwrap(),
        param: of_text("[1, 2]"),
        tags: [].into(),
        timeout_at: Millis(NOW * 2),
    };
    kept.request(Request::PromiseCreate(create)).await.unwrap();
    kept.asks("ada", "1", r#","promise":"sum""#).await;
    kept.asks("ada", "2", r#","promise":"sum","within_ms":1"#).await;
    kept.story.answers("bob", "1").await;
    kept.asks("bob", "3", r#","promise":"sum""#).await;
    for (subject, rest) in [
        ("api", r#""cmd":"math/add","promise":"sum","data":[1,2]"#),
        ("api", r#""cmd":"math/add","promise":"sum","data":[2,1]"#),
        ("api", r#""cmd":"math/sub","promise":"sum","data":[1,2]"#),
        ("shop", r#""cmd":"math/add","promise":"sum","data":[1,2]"#),
        ("api", r#""cmd":"math/add","promise":"mine","data":[1,2]"#),
    ] {
        kept.story
            .sends("ada", &format!(r#"{{"subject":"{subject}","data":{{"type":"q","_reqid":"z","reply":"durable",{rest}}}}}"#))
            .await;
    }
    kept.story.check(expect![[r#"
        ada → {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"1","reply":"durable","promise":"sum","data":[1, 2]}}
        ada ← {"subject":"api","data":{"type":"r","status":"ok","_reqid":"1","data":{"promise":"sum"}}}
        bob ← {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"1","data":[1, 2]}}
        ada → {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"2","reply":"durable","promise":"sum","within_ms":1,"data":[1, 2]}}
        ada ← {"subject":"api","data":{"type":"r","status":"ok","_reqid":"2","data":{"promise":"sum"}}}
        bob → {"subject":"api","data":{"type":"r","status":"ok","_reqid":"1","data":3}}
        bob → {"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"3","reply":"durable","promise":"sum","data":[1, 2]}}
        bob ← {"subject":"api","data":{"type":"r","status":"ok","_reqid":"3","data":{"promise":"sum"}}}
        ada → {"subject":"api","data":{"type":"q","_reqid":"z","reply":"durable","cmd":"math/add","promise":"sum","data":[1,2]}}
        ada ← {"subject":"api","data":{"type":"r","status":"ok","_reqid":"z","data":{"promise":"sum"}}}
        ada → {"subject":"api","data":{"type":"q","_reqid":"z","reply":"durable","cmd":"math/add","promise":"sum","data":[2,1]}}
        ada ← {"subject":"api","data":{"type":"r","status":"err","_reqid":"z","data":{"code":5,"data":{"items":["promise"]}}}}
        ada → {"subject":"api","data":{"type":"q","_reqid":"z","reply":"durable","cmd":"math/sub","promise":"sum","data":[1,2]}}
        ada ← {"subject":"api","data":{"type":"r","status":"err","_reqid":"z","data":{"code":5,"data":{"items":["promise"]}}}}
        ada → {"subject":"shop","data":{"type":"q","_reqid":"z","reply":"durable","cmd":"math/add","promise":"sum","data":[1,2]}}
        ada ← {"subject":"shop","data":{"type":"r","status":"err","_reqid":"z","data":{"code":5,"data":{"items":["promise"]}}}}
        ada → {"subject":"api","data":{"type":"q","_reqid":"z","reply":"durable","cmd":"math/add","promise":"mine","data":[1,2]}}
        ada ← {"subject":"api","data":{"type":"r","status":"err","_reqid":"z","data":{"code":5,"data":{"items":["promise"]}}}}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn the_time_is_the_promises_whether_a_worker_has_it_or_none_came() {
    let mut kept = Kept::with(&["bob"], |_| {}).await;
    kept.asks("ada", "x", r#","promise":"sum","within_ms":300000"#).await;
    let other = r#"{"subject":"api","data":{"type":"q","cmd":"news/read","_reqid":"y","reply":"durable","promise":"paper","within_ms":300000}}"#;
    kept.story.sends("ada", other).await;
    assert_eq!(kept.standing(), (1, 1));
    kept.story.said.clear();
    // longer than any other request waits
    for _ in 0..29 {
        kept.story.hub.after(10_000).await;
    }
    kept.story.after(9_000).await;
    assert_eq!((kept.standing(), kept.story.router.look().in_flight), ((1, 1), 1));
    kept.story.after(2_000).await;
    kept.story.answers("bob", "1").await;
    kept.story.check(expect![[r#"
        9000 ms later
        2000 ms later
        bob ← {"subject":"api","data":{"type":"p","cmd":"sys/cancel","data":{"_reqid":"1"}}}
        bob → {"subject":"api","data":{"type":"r","status":"ok","_reqid":"1","data":3}}
    "#]]);
    for id in ["sum", "paper"] {
        assert_eq!(kept.end(id).await, (PromiseState::RejectedTimedout, Value::Null));
    }
    assert_eq!((kept.standing(), kept.story.router.look().in_flight), ((0, 0), 0));
}

#[tokio::test(start_paused = true)]
async fn one_that_nobody_outside_answers_is_given_again_a_minute_later_and_to_a_worker_here_if_there_is_one_then() {
    let mut kept = Kept::with(&[], |_| {}).await;
    kept.story.router.open_to_silence();
    kept.asks("ada", "x", r#","promise":"sum""#).await;
    let tally = |kept: &Kept| {
        let tally = kept.story.router.look().durable.tally;
        (tally.given, tally.put_back)
    };
    kept.story.after(limits::ROUTER_DURABLE_GIVEN_MS - 1_000).await;
    assert_eq!((tally(&kept), kept.standing()), ((1, 0), (0, 1)));
    kept.story.after(4_000).await;
    assert_eq!((tally(&kept), kept.standing()), ((2, 1), (0, 1)));
    kept.story.comes("bob").await;
    kept.story.serves("bob", "math").await;
    for _ in 0..6 {
        kept.story.hub.after(limits::ROUTER_DURABLE_GIVEN_MS / 6).await;
    }
    kept.story.after(1).await;
    kept.story.answers("bob", "3").await;
    assert_eq!((tally(&kept), kept.end("sum").await), ((3, 2), (PromiseState::Resolved, json!(3))));
}

#[tokio::test(start_paused = true)]
async fn a_promise_that_is_cancelled_while_it_waits_is_given_to_nobody() {
    let mut kept = Kept::with(&[], |_| {}).await;
    kept.asks("ada", "x", r#","promise":"sum""#).await;
    kept.settles("sum", SettleState::RejectedCanceled, "null").await;
    kept.story.comes("bob").await;
    kept.story.said.clear();
    kept.story.serves("bob", "math").await;
    assert_eq!((kept.story.said.lines().count(), kept.standing()), (1, (0, 0)), "{}", kept.story.said);
}

#[tokio::test(start_paused = true)]
async fn those_that_are_cancelled_while_they_wait_are_forgotten_though_nobody_comes_and_the_others_wait_on() {
    let mut kept = Kept::with(&[], |_| {}).await;
    for n in 0..150 {
        kept.asks("ada", &n.to_string(), &format!(r#","promise":"p{n}""#)).await;
    }
    for n in [0, 70, 149] {
        kept.settles(&format!("p{n}"), SettleState::RejectedCanceled, "null").await;
    }
    // 64 of those that wait are looked at in a second
    for (looks, waiting) in [149, 148, 147].into_iter().enumerate() {
        kept.story.hub.after(1_100).await;
        assert_eq!(kept.standing(), (waiting, 0), "{looks}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_coordinator_or_when_it_can_keep_nothing_the_answer_says_so() {
    let unavailable = r#"{"type":"r","status":"err","_reqid":"x","data":{"code":2,"data":{"items":["coordinator"]}}}"#;
    let packet = r#"{"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"x","reply":"durable"}}"#;
    let mut story = Story::with(&["bob"], |_| {}).await;
    story.sends("ada", packet).await;
    assert!(story.said.ends_with(&format!("ada ← {{\"subject\":\"api\",\"data\":{unavailable}}}\n")), "{}", story.said);

    let mut kept = Kept::with(&["bob"], |_| {}).await;
    kept.coordinator.close().await;
    kept.story.sends("ada", packet).await;
    assert!(kept.story.said.ends_with(&format!("ada ← {{\"subject\":\"api\",\"data\":{unavailable}}}\n")), "{}", kept.story.said);
    assert_eq!(kept.standing(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_asked_or_makes_no_sense_is_refused_and_keeps_nothing() {
    let mut kept = Kept::with(&["bob"], |config| {
        config.router.routes = vec!["api".into(), "shop p".into(), "staff tag:staff".into()];
    })
    .await;
    let refused = [
        ("api", r#""cmd":"math/add","reply":"durable""#, 4, "_reqid"),
        ("shop", r#""cmd":"math/add","_reqid":"x","reply":"durable""#, 1, "type"),
        ("staff", r#""cmd":"math/add","_reqid":"x","reply":"durable""#, 1, "subject"),
        ("other", r#""cmd":"math/add","_reqid":"x","reply":"durable""#, 1, "subject"),
        ("api", r#""cmd":"router/serve","_reqid":"x","reply":"durable""#, 2, "subject"),
        ("api", r#""cmd":"math/add","_reqid":"x","reply":"soon""#, 3, "reply"),
        ("api", r#""cmd":"math/add","_reqid":"x","reply":"durable","promise":"""#, 3, "promise"),
        ("api", r#""cmd":"math/add","_reqid":"x","reply":"durable","within_ms":0"#, 3, "within_ms"),
        ("api", r#""cmd":"math/add","_reqid":"x","reply":"durable","within_ms":31622400001"#, 3, "within_ms"),
    ];
    for (subject, fields, code, item) in refused {
        kept.story.said.clear();
        kept.story.sends("ada", &format!(r#"{{"subject":"{subject}","data":{{"type":"q",{fields}}}}}"#)).await;
        let data = format!(r#""data":{{"code":{code},"data":{{"items":["{item}"]}}}}"#);
        assert!(kept.story.said.lines().count() == 2 && kept.story.said.contains(&data), "{}", kept.story.said);
    }
    assert_eq!((kept.standing(), kept.story.router.look().durable.tally.kept), ((0, 0), 0));
}

#[tokio::test(start_paused = true)]
async fn who_asks_more_at_once_than_may_wait_for_the_coordinator_is_told_so_and_a_mark_is_one_requests() {
    let mut kept = Kept::with(&[], |_| {}).await;
    let ada = kept.story.who("ada");
    let asks = |reqid: usize| {
        let data = format!(r#"{{"type":"q","cmd":"math/add","_reqid":"{reqid}","reply":"durable"}}"#);
        format!(
            r#"{{"type":"MESSAGE","target":{{"type":"SERVICE","service":"router"}},"data":{{"subject":"api","data":{data}}}}}"#
        )
    };
    // 16 may wait here
    for reqid in [0, 0].into_iter().chain(1..20) {
        kept.story.hub.whisper(ada, &asks(reqid));
    }
    let came = kept.story.hub.settle().await;
    kept.story.came(came);
    let said = |what: &str| kept.story.said.matches(what).count();
    assert_eq!((said(r#"{"promise":""#), said(r#""items":["requests"]"#), said(r#""items":["_reqid"]"#)), (16, 4, 1));
    assert_eq!(kept.standing(), (16, 0));
}

#[tokio::test(start_paused = true)]
async fn of_one_category_only_so_many_are_at_workers_and_the_next_one_goes_when_one_ends() {
    let most = limits::ROUTER_DURABLE_OPEN;
    let mut kept = Kept::with(&["bob"], |_| {}).await;
    for n in 0..most + 3 {
        kept.asks("ada", &n.to_string(), "").await;
    }
    let given = |kept: &Kept| kept.story.said.matches("bob ← ").count();
    assert_eq!((given(&kept), kept.standing()), (most, (3, most)));
    kept.story.answers("bob", "1").await;
    assert_eq!((given(&kept), kept.standing()), (most + 1, (2, most)));
    // another category is not kept waiting
    kept.story.comes("cyd").await;
    kept.story.serves("cyd", "news").await;
    kept.story.sends("ada", r#"{"subject":"api","data":{"type":"q","cmd":"news/read","_reqid":"n","reply":"durable"}}"#).await;
    assert_eq!(kept.story.said.matches("cyd ← ").count(), 1);
}

/// Security: 26.
#[tokio::test(start_paused = true)]
async fn a_worker_without_room_is_asked_when_it_has_some_again() {
    let mut kept = Kept::with(&[], |config| {
        config.limits.outbox_bytes = 200_000;
        config.limits.payload_bytes = 50_000;
    })
    .await;
    let bob = kept.story.hub.join_by("bob", 1_000).await;
    kept.story.joined("bob", bob);
    kept.story.hub.ask(bob, r#"{"type":"SELF_SUBSCRIBE","service":"router"}"#).await;
    kept.story.serves("bob", "math").await;
    kept.story.hub.stop_reading(bob);
    let big = "x".repeat(40_000);
    for n in 0..8 {
        let data = format!(r#"{{"type":"q","cmd":"math/add","_reqid":"{n}","reply":"durable","data":"{big}"}}"#);
        kept.story.sends("ada", &format!(r#"{{"subject":"a","data":{data}}}"#)).await;
    }
    let (waiting, open) = kept.standing();
    assert!(waiting >= 3 && waiting + open == 8, "{waiting} wait, {open} are open");
    kept.story.hub.read_again(bob).await;
    // it takes what has room at each look
    for _ in 0..3 {
        kept.story.hub.after(1_100).await;
    }
    assert_eq!(kept.standing(), (0, 8));
    assert!(!kept.story.hub.peer(bob).is_gone());
}

#[tokio::test(start_paused = true)]
async fn what_was_kept_before_the_hub_began_is_given_all_of_it_and_nothing_else() {
    let mut hub = Hub::new();
    let coordinator = hub.coordinate_by(Clock::of_runtime(Millis(NOW))).await;
    let tags = |cmd: &str| {
        let tags = [(TAG_ROUTER, "request"), (TAG_SUBJECT, "api"), (TAG_CMD, cmd)];
        tags.map(|(name, tag)| (name.to_owned(), tag.to_owned())).into()
    };
    let create = |n: usize, cmd: &str| PromiseCreate {
        id: PromiseId::parse(&format!("{cmd} {n}")).unwrap(),
        param: of_text(&n.to_string()),
        tags: tags(cmd),
        timeout_at: Millis(NOW + 60_000),
    };
    // more than a page of a search
    for n in 0..limits::SEARCH_RESULTS * 2 + 50 {
        coordinator.inside(Request::PromiseCreate(create(n, "math/add"))).await.unwrap().unwrap();
    }
    let other = PromiseCreate { tags: [].into(), ..create(0, "math/other") };
    let senseless = create(0, "no command");
    let settled = create(0, "math/settled");
    let settle = PromiseSettle { id: settled.id.clone(), state: SettleState::Resolved, value: of_text("1") };
    for create in [other, senseless, settled] {
        coordinator.inside(Request::PromiseCreate(create)).await.unwrap().unwrap();
    }
    coordinator.inside(Request::PromiseSettle(settle)).await.unwrap().unwrap();
    let mut kept = Kept { story: Story::at(hub, &["bob"]).await, coordinator };
    let all = limits::SEARCH_RESULTS * 2 + 50;
    for n in 1..=all {
        kept.story.answers("bob", &n.to_string()).await;
    }
    for n in 0..all {
        assert_eq!(kept.end(&format!("math/add {n}")).await, (PromiseState::Resolved, json!(3)));
    }
    for id in ["math/other 0", "no command 0"] {
        assert_eq!(kept.end(id).await.0, PromiseState::Pending, "{id}");
    }
    assert_eq!((kept.standing(), kept.story.router.look().durable.tally.given), ((0, 0), all as u64));
}

/// Security: 21.
#[tokio::test(start_paused = true)]
async fn no_client_makes_promises_that_the_hub_would_take_for_durable_requests() {
    let mut kept = Kept::with(&[], |_| {}).await;
    let ada = kept.story.who("ada");
    kept.story.hub.ask(ada, r#"{"type":"SELF_SUBSCRIBE","service":"coordinator"}"#).await;
    let tags = json!({ "concierge:router": "request", "concierge:subject": "api", "concierge:cmd": "math/add", "resonate:target": "any@a" });
    let create = json!({ "id": "forged", "timeoutAt": NOW * 2, "tags": tags });
    let action = json!({ "kind": "promise.create", "head": { "corrId": "a", "version": "2026-04-01" }, "data": create });
    let requests = [
        ("promise.create", create.clone()),
        ("task.create", json!({ "pid": "ada", "ttl": 1_000, "action": action })),
        ("task.fence", json!({ "id": "a", "version": 1, "action": action })),
        (
            "schedule.create",
            json!({ "id": "s", "cron": "* * * * *", "promiseId": "forged", "promiseTimeout": 1, "promiseTags": tags }),
        ),
    ];
    for (kind, data) in requests {
        let envelope = json!({ "kind": kind, "head": { "corrId": "c", "version": "2026-04-01" }, "data": data });
        let target = json!({ "type": "SERVICE", "service": "coordinator" });
        kept.story.hub.whisper(ada, &json!({ "type": "MESSAGE", "target": target, "data": envelope }).to_string());
        let came = kept.story.hub.settle().await;
        let (_, answer) = came.iter().find(|(_, line)| line.contains(r#""corrId":"c""#)).unwrap();
        let answer: Value = serde_json::from_str(answer).unwrap();
        assert_eq!(answer["data"]["data"], "tags.concierge:router: it is the hub's own", "{kind}: {answer}");
        assert_eq!(answer["data"]["head"]["status"], 400);
    }
    assert!(kept.promise("forged").await.is_none());
}
