//! PROTOCOL.md, "The admin service": how the router stands, as administrators see it.

use concierge_api_rs::admin::Routing;
use serde_json::{Value, json};

use super::Who;
use super::admin::{after, answer, ask, refused, subscribe};
use super::router::Story;
use crate::config::Config;

/// Bob serves `math`, ada asks, and somebody looks.
async fn looked_at(change: impl FnOnce(&mut Config)) -> (Story, Who) {
    let mut story = Story::with(&["bob"], change).await;
    story.hub.administer();
    let root = story.hub.join("root").await;
    subscribe(&mut story.hub, root).await;
    (story, root)
}

async fn look(story: &mut Story, root: Who) -> Routing {
    let mut answer = answer(&mut story.hub, root, json!({"op": "router.look"})).await;
    serde_json::from_value(answer["ok"].take()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_administrator_sees_routes_workers_what_was_asked_and_what_went_wrong() {
    let (mut story, root) = looked_at(|config| config.router.routes = vec!["api=acme within:5000".into()]).await;
    story.asks("ada", "x").await;
    story.asks("ada", "y").await;
    story.answers("bob", "1").await;
    story.sends("ada", r#""hello""#).await;
    story.sends("ada", r#"{"subject":"shop","data":{"type":"q","cmd":"math/add","_reqid":"z"}}"#).await;
    let look = look(&mut story, root).await;
    let (ada, bob) = (story.hub.id("ada").to_owned(), story.hub.id("bob").to_owned());
    let [route] = &look.routes[..] else { panic!("{look:?}") };
    assert_eq!((route.prefix.as_ref().unwrap().as_str(), route.within_ms), ("acme", 5_000));
    let [math] = &look.categories[..] else { panic!("{look:?}") };
    let [worker] = &math.workers[..] else { panic!("{math:?}") };
    let named = (worker.uuid.to_string(), worker.name.as_ref().unwrap().as_str(), worker.open);
    assert_eq!(named, (bob, "bob", 1));
    assert_eq!((math.account.requests, math.account.open, math.account.results, math.account.failed()), (3, 1, 1, 1));
    assert_eq!((look.totals.requests, look.totals.malformed, look.open, look.workers), (3, 1, 1, 1));
    let [fault] = &look.faults[..] else { panic!("{look:?}") };
    let said = (fault.client.to_string(), fault.name.as_ref().unwrap().as_str(), fault.error.as_str(), fault.items.as_slice());
    assert_eq!(said, (ada, "ada", "FORBIDDEN", &["subject".to_owned()][..]));
    assert_eq!(look.nats, None);
}

#[tokio::test(start_paused = true)]
async fn what_happened_is_told_with_the_instant_when_it_did() {
    let (mut story, root) = looked_at(|config| config.router.within_ms = 2_000).await;
    story.serves("bob", "math").await;
    story.asks("ada", "x").await;
    story.after(4_000).await;
    let look = look(&mut story, root).await;
    let after = look.faults[0].at - look.categories[0].workers[0].since;
    assert!((2_000..2_200).contains(&after), "{after} ms after the worker had said what it serves");
}

#[tokio::test(start_paused = true)]
async fn who_watches_the_router_is_told_at_once_and_then_each_time_until_it_has_enough() {
    let (mut story, root) = looked_at(|_| {}).await;
    let mut said = ask(&mut story.hub, root, json!({"id": 1, "op": "router.watch", "every_ms": 1_000})).await;
    said.extend(after(&mut story.hub, root, 100).await);
    assert_eq!(said[0], json!({"id": 1, "ok": {"every_ms": 1_000}}));
    assert_eq!((said.len(), &said[1]["router"]["totals"]["requests"]), (2, &json!(0)));
    story.asks("ada", "x").await;
    let said: Vec<Value> = after(&mut story.hub, root, 3_000).await;
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(said.iter().all(|said| said["router"]["totals"]["requests"] == 1), "{said:?}");
    answer(&mut story.hub, root, json!({"op": "router.unwatch"})).await;
    assert_eq!(after(&mut story.hub, root, 3_000).await, Vec::<Value>::new());
}

#[tokio::test(start_paused = true)]
async fn a_hub_without_a_router_says_so() {
    let (mut hub, root) = super::admin::administered(|_| {}).await;
    for op in ["router.look", "router.watch"] {
        assert!(refused("INVALID_SERVICE")(&answer(&mut hub, root, json!({"op": op})).await), "{op}");
    }
}
