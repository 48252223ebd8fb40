//! PROTOCOL.md, "Limits": endings per second, and what a client that subscribes and unsubscribes all the time costs the others.

use super::{Hub, Who};
use crate::config::Config;

const SUBSCRIBE: &str = r#"{"type":"SELF_SUBSCRIBE","service":"weather"}"#;
const UNSUBSCRIBE: &str = r#"{"type":"SELF_UNSUBSCRIBE","service":"weather"}"#;
/// News of a service show 256 subscribers at most, of 39 bytes each; beside them stand the names of a client and of a service, and
/// here nobody has more than a name.
const NEWS_BYTES: u64 = 256 * 39 + 512;

/// A service of ada's with so many members, who are told of each other and of nothing else, and take what comes without a look.
async fn crowd(members: usize, change: impl FnOnce(&mut Config)) -> (Hub, Vec<Who>) {
    let mut hub = Hub::with(change);
    let ada = hub.join("ada").await;
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"weather"}"#).await;
    let mut all = Vec::new();
    for n in 0..members {
        let who = hub.connect(&format!("m{n}")).await;
        hub.stop_reading(who);
        hub.whisper(
            who,
            &format!(r#"{{"type":"IDENTIFY","name":"m{n}","version":"0.2.0","intents":["SERVICE_CLIENTS","MESSAGES"]}}"#),
        );
        hub.whisper(who, SUBSCRIBE);
        all.push(who);
    }
    hub.settle().await;
    hub.forget();
    (hub, all)
}

/// Does and undoes the same, so often.
fn toggle(hub: &mut Hub, who: Who, times: usize) {
    for _ in 0..times {
        hub.whisper(who, SUBSCRIBE);
        hub.whisper(who, UNSUBSCRIBE);
    }
}

/// What that client was answered since the last look.
fn answers(hub: &mut Hub, name: &str, what: &str) -> usize {
    let answer = format!(r#"{name} ← {{"type":"{what}""#);
    hub.heard().lines().filter(|line| line.starts_with(&answer)).count()
}

fn written(hub: &Hub, members: &[Who]) -> u64 {
    members.iter().map(|who| hub.peer(*who).look().written).sum()
}

/// Security: 23.
#[tokio::test(start_paused = true)]
async fn what_the_others_get_of_a_client_that_toggles_all_the_time_is_bounded_by_time_and_by_what_it_sends() {
    let (mut hub, members) = crowd(40, |config| config.limits.endings_per_second = 10).await;
    let eve = hub.join("eve").await;
    let before = written(&hub, &members);
    hub.start_clock();
    toggle(&mut hub, eve, 1_000);
    hub.until(4_950).await;
    // ten at once, ten a second, and the one that has to wait
    let ended = answers(&mut hub, "eve", "SELF_UNSUBSCRIBE_RESULT") as u64;
    assert_eq!(ended, 10 + 49 + 1);
    let egress = written(&hub, &members) - before;
    let crowd = members.len() as u64;
    let news = 2 * ended * crowd;
    assert!(egress <= news * NEWS_BYTES, "{egress} bytes");
    // each byte that was read of it cost each member so many
    let read = ended * (SUBSCRIBE.len() + UNSUBSCRIBE.len() + 2 * 6) as u64;
    let factor = egress as f64 / (read * crowd) as f64;
    assert!((30.0..40.0).contains(&factor), "{factor}");
    hub.until(9_950).await;
    let more = written(&hub, &members) - before - egress;
    assert!(more <= 2 * 50 * crowd * NEWS_BYTES, "{more} bytes in five seconds more");
    assert!(hub.holds("eve"));
    hub.until(10_050).await;
    assert!(hub.heard().contains(r#"eve ← close 4010 "too many services deleted or subscriptions ended for too long""#));
    assert!(!hub.holds("eve") && members.iter().all(|member| hub.peer(*member).ending().is_none()), "and nobody else notices");
}

/// Security: 23.
#[tokio::test(start_paused = true)]
async fn a_service_that_comes_and_goes_is_bounded_like_a_subscription() {
    let mut hub = Hub::with(|config| config.limits.endings_per_second = 10);
    let (eve, bob) = (hub.join("eve").await, hub.join("bob").await);
    hub.forget();
    hub.start_clock();
    for _ in 0..200 {
        hub.whisper(eve, r#"{"type":"SERVICE_CREATE","service":"weather"}"#);
        hub.whisper(eve, r#"{"type":"SERVICE_DELETE","service":"weather"}"#);
    }
    hub.until(2_950).await;
    assert_eq!(answers(&mut hub, "bob", "SERVICE_DELETE_RESULT"), 10 + 29 + 1);
    assert_eq!(hub.ask(bob, r#"{"type":"SELF_FETCH"}"#).await["seq"], 0, "nobody else waits");
}

#[tokio::test(start_paused = true)]
async fn all_that_a_client_may_have_comes_at_once_and_ends_within_ten_seconds_and_what_is_refused_costs_nothing() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    hub.start_clock();
    for (owner, n) in (0..128).map(|n| (ada, n)).chain((128..256).map(|n| (bob, n))) {
        hub.whisper(owner, &format!(r#"{{"type":"SERVICE_CREATE","service":"s{n}"}}"#));
    }
    for n in 0..256 {
        hub.whisper(ada, &format!(r#"{{"type":"SELF_SUBSCRIBE","service":"s{n}"}}"#));
    }
    for _ in 0..500 {
        hub.whisper(ada, r#"{"type":"SELF_UNSUBSCRIBE","service":"s"}"#);
        hub.whisper(ada, r#"{"type":"SERVICE_DELETE","service":"s200"}"#);
    }
    hub.settle().await;
    assert!(hub.clock_ms() < 20);
    assert_eq!(answers(&mut hub, "ada", "BAD"), 500);
    for n in 0..256 {
        hub.whisper(ada, &format!(r#"{{"type":"SELF_UNSUBSCRIBE","service":"s{n}"}}"#));
    }
    for n in 0..128 {
        hub.whisper(ada, &format!(r#"{{"type":"SERVICE_DELETE","service":"s{n}"}}"#));
    }
    hub.settle().await;
    assert_eq!(answers(&mut hub, "ada", "SELF_UNSUBSCRIBE_RESULT"), 120 + 1);
    hub.until(2_300).await;
    assert_eq!(hub.ask(ada, r#"{"type":"SELF_FETCH"}"#).await["seq"], 128 + 256 + 1_000 + 256 + 128);
    assert_eq!(hub.desk.counts(), (2, 128, 0));
}

#[tokio::test(start_paused = true)]
async fn a_pause_fills_the_bucket_and_no_more_than_that() {
    let mut hub = Hub::with(|config| config.limits.endings_per_second = 10);
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"weather"}"#).await;
    hub.start_clock();
    // the one that waited took its place a tenth of a second later
    for (ms, at_once) in [(0, 10), (500, 4), (5_000, 10), (5_900, 8)] {
        hub.until(ms).await;
        hub.forget();
        toggle(&mut hub, bob, at_once + 1);
        hub.settle().await;
        let mark = hub.heard();
        let ended = mark.lines().filter(|line| line.starts_with(r#"bob ← {"type":"SELF_UNSUBSCRIBE_RESULT""#)).count();
        assert_eq!(ended, at_once + 1, "{ms} ms");
        // the last one is done and not allowed yet: what follows waits
        hub.whisper(bob, r#"{"type":"SELF_FETCH"}"#);
        hub.settle().await;
        assert_eq!(answers(&mut hub, "bob", "SELF_FETCH_RESULT"), 0, "{ms} ms");
    }
}

/// 256 messages are one turn of a session, but the news of these are more copies than one turn makes.
#[tokio::test(start_paused = true)]
async fn others_have_their_turn_amid_the_news_that_one_client_brings_about() {
    let (mut hub, members) = crowd(280, |config| {
        config.limits.endings_per_second = 0;
        config.limits.subscribers_shown = 1;
    })
    .await;
    let (eve, bob) = (hub.join("eve").await, hub.join("bob").await);
    hub.read_again(members[0]).await;
    hub.forget();
    toggle(&mut hub, eve, 128);
    hub.whisper(bob, r#"{"type":"MESSAGE","target":{"type":"NAME","name":"m0"},"data":1}"#);
    hub.settle().await;
    let heard = hub.heard();
    let came: Vec<_> = heard.lines().filter(|line| line.starts_with("m0 ← {")).collect();
    let before = came.iter().position(|line| line.contains(r#""MESSAGE""#)).expect("it came");
    assert_eq!(came.len(), 256 + 1);
    assert!(before <= 64 * 1024 / members.len() + 1, "{before} news came before it");
}
