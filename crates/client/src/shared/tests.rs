use concierge_api_rs::Origin;
use futures::FutureExt;
use uuid::Uuid;

use super::*;
use crate::streams::Subscription;

const ME: u128 = 1;
const OWNER: u128 = 2;

fn id(n: u128) -> ClientId {
    ClientId(Uuid::from_u128(n))
}

fn shared() -> Arc<Shared> {
    let hello = Hello { uuid: id(ME), version: "0.2.0".into(), fs_key: None };
    Arc::new(Shared::new(8, Arc::new(hello)))
}

fn name(service: &str) -> ServiceName {
    service.parse().unwrap()
}

fn message(through: Option<(&str, u128)>) -> Message {
    let service = through.map(|(service, owner)| ServiceInfo {
        name: name(service),
        nickname: None,
        owner_uuid: id(owner),
        subscribers: Vec::new(),
        subscriber_count: 0,
    });
    Message {
        origin: Origin { name: "bob".parse().unwrap(), nickname: None, uuid: id(9), tags: Vec::new(), service },
        target: concierge_api_rs::Target::All,
        data: serde_json::value::to_raw_value(&1).unwrap(),
    }
}

/// What waits in a stream, as one letter each.
fn waiting(ring: &Ring<Delivery>) -> String {
    let mut seen = String::new();
    while let Some(item) = std::future::poll_fn(|cx| ring.poll_pop(cx)).now_or_never() {
        seen.push(match item {
            Some(Delivery::Message(_)) => 'm',
            Some(Delivery::Lagged(_)) => 'l',
            Some(Delivery::Paused) => 'p',
            Some(Delivery::Resumed) => 'r',
            None => return seen + ".",
        });
    }
    seen
}

#[test]
fn what_comes_through_a_service_goes_to_its_streams_and_the_rest_to_the_inbox() {
    let shared = shared();
    let (inbox, news) = (shared.inbox(), shared.add_stream(&name("news")));
    shared.deliver(message(Some(("news", OWNER))), id(ME));
    assert_eq!((waiting(&news).as_str(), waiting(&inbox).as_str()), ("m", ""));
    shared.deliver(message(None), id(ME));
    shared.deliver(message(Some(("other", OWNER))), id(ME));
    assert_eq!((waiting(&news).as_str(), waiting(&inbox).as_str()), ("", "mm"));
}

#[test]
fn what_subscribers_say_to_their_owner_goes_to_its_inbox_even_when_it_is_subscribed() {
    let shared = shared();
    let (inbox, news) = (shared.inbox(), shared.add_stream(&name("news")));
    shared.deliver(message(Some(("news", ME))), id(ME));
    assert_eq!((waiting(&news).as_str(), waiting(&inbox).as_str()), ("", "m"));
}

#[test]
fn the_first_inbox_holds_what_came_before_it_and_the_second_does_not() {
    let shared = shared();
    shared.deliver(message(None), id(ME));
    let (first, second) = (shared.inbox(), shared.inbox());
    shared.deliver(message(None), id(ME));
    assert_eq!((waiting(&first).as_str(), waiting(&second).as_str()), ("mm", "m"));
}

#[test]
fn dropping_the_last_stream_of_a_service_makes_it_unwanted_once() {
    let shared = shared();
    let (a, b) = (Subscription::new(name("news"), shared.clone()), Subscription::new(name("news"), shared.clone()));
    shared.subscribed(&name("news"));
    drop(a);
    assert!(shared.take_unwanted().is_empty());
    drop(b);
    assert_eq!(shared.take_unwanted(), [name("news")]);
    assert!(shared.take_unwanted().is_empty());
    let inbox = shared.inbox();
    shared.deliver(message(Some(("news", OWNER))), id(ME));
    assert_eq!(waiting(&inbox), "", "leftovers of a dropped subscription are nobody's");
    shared.left(&name("news"));
    shared.deliver(message(Some(("news", OWNER))), id(ME));
    assert_eq!(waiting(&inbox), "m");
}

#[test]
fn a_subscription_renewed_after_its_last_stream_was_dropped_is_left_again() {
    let shared = shared();
    let news = Subscription::new(name("news"), shared.clone());
    shared.subscribed(&name("news"));
    shared.pause();
    assert_eq!(shared.restore().1, [name("news")]);
    drop(news);
    assert!(shared.take_unwanted().is_empty(), "the hub has not answered yet");
    shared.subscribed(&name("news"));
    assert!(shared.unwanted.notified().now_or_never().is_some());
    let inbox = shared.inbox();
    waiting(&inbox);
    shared.deliver(message(Some(("news", OWNER))), id(ME));
    assert_eq!(waiting(&inbox), "", "what comes until the hub is told is nobody's");
    assert_eq!(shared.take_unwanted(), [name("news")]);
    shared.left(&name("news"));
    assert!(shared.restore().1.is_empty());
}

#[test]
fn a_stream_that_comes_back_before_the_hub_is_told_is_kept() {
    let shared = shared();
    drop(Subscription::new(name("news"), shared.clone()));
    let again = Subscription::new(name("news"), shared.clone());
    assert!(shared.take_unwanted().is_empty());
    drop(again);
    assert_eq!(shared.take_unwanted(), [name("news")]);
}

#[test]
fn a_service_that_goes_and_comes_back_pauses_and_resumes_its_streams() {
    let shared = shared();
    let news = shared.add_stream(&name("news"));
    shared.subscribed(&name("news"));
    assert!(!shared.is_awaited(&name("news")));
    shared.absent(&name("news"));
    shared.absent(&name("news"));
    assert!(shared.is_awaited(&name("news")));
    shared.subscribed(&name("news"));
    assert_eq!(waiting(&news), "pr");
}

#[test]
fn the_first_connection_resumes_nothing() {
    let shared = shared();
    assert_eq!(shared.restore(), (Vec::new(), Vec::new()));
    assert_eq!(waiting(&shared.inbox()), "");
}

#[test]
fn a_reconnect_restores_services_and_subscriptions_but_not_what_was_dropped() {
    let shared = shared();
    let news = shared.add_stream(&name("news"));
    shared.subscribed(&name("news"));
    let dropped = Subscription::new(name("weather"), shared.clone());
    shared.subscribed(&name("weather"));
    drop(dropped);
    shared.own(name("mine"), Some("Mine".into()));
    shared.own(name("gone"), None);
    shared.disown(&name("gone"));
    shared.pause();
    assert_eq!(shared.restore(), (vec![(name("mine"), Some("Mine".into()))], vec![name("news")]));
    shared.subscribed(&name("news"));
    assert_eq!(waiting(&news), "pr");
    assert_eq!(waiting(&shared.inbox()), "pr");
}

#[test]
fn a_service_that_is_created_again_is_restored_once_and_last() {
    let shared = shared();
    shared.own(name("a"), None);
    shared.own(name("b"), None);
    shared.own(name("a"), Some("A".into()));
    assert_eq!(shared.restore().0, [(name("b"), None), (name("a"), Some("A".into()))]);
}

#[test]
fn after_the_end_every_stream_ends_and_new_ones_are_over() {
    let shared = shared();
    let (inbox, news) = (shared.inbox(), shared.add_stream(&name("news")));
    shared.deliver(message(None), id(ME));
    shared.end(Ending::Asked);
    shared.deliver(message(None), id(ME));
    assert_eq!((waiting(&inbox).as_str(), waiting(&news).as_str()), ("m.", "."));
    assert_eq!((waiting(&shared.inbox()).as_str(), waiting(&shared.add_stream(&name("x"))).as_str()), (".", "."));
    assert!(matches!(*shared.status().borrow(), Status::Closed(Ending::Asked)));
}
