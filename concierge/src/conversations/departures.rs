//! PROTOCOL.md, "Leaving", of many at once.

use std::collections::BTreeSet;

use tokio::task::yield_now;
use tokio_tungstenite::tungstenite::Message;

use super::{Hub, Who};
use crate::peer::Ending;

/// More than leave in one turn.
const MANY: usize = 200;

/// A hub of so many, of whom every tenth owns a service and every fifth is subscribed to dee's, and dee.
async fn crowded() -> (Hub, Vec<Who>, Who) {
    let mut hub = Hub::new();
    let dee = hub.join("dee").await;
    hub.say(dee, r#"{"type":"SERVICE_CREATE","service":"dee"}"#).await;
    hub.say(dee, r#"{"type":"SELF_SUBSCRIBE","service":"dee"}"#).await;
    let mut all = Vec::new();
    for n in 0..MANY {
        let who = hub.join(&format!("c{n}")).await;
        if n.is_multiple_of(10) {
            hub.say(who, &format!(r#"{{"type":"SERVICE_CREATE","service":"s{n}"}}"#)).await;
        }
        if n.is_multiple_of(5) {
            hub.say(who, r#"{"type":"SELF_SUBSCRIBE","service":"dee"}"#).await;
        }
        all.push(who);
    }
    hub.forget();
    (hub, all, dee)
}

fn kick(hub: &Hub, all: &[Who]) {
    all.iter().for_each(|who| hub.peer(*who).condemn(Ending::new(concierge_api_rs::CloseCode::Kicked, "out")));
}

/// What `name` heard, a line each.
fn heard_by<'a>(heard: &'a str, name: &str) -> Vec<&'a str> {
    let own = format!("{name} ← ");
    heard.lines().filter_map(|line| line.strip_prefix(&own)).collect()
}

/// Whom a line is about: `c7`, of its services too.
fn about(line: &str) -> &str {
    let client = line.split("\"client\":{<").nth(1).and_then(|rest| rest.split('>').next());
    let owner = line.split("\"owner_uuid\":\"@").nth(1).and_then(|rest| rest.split('"').next());
    client.or(owner).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn of_many_who_are_about_to_go_none_is_told_of_the_others() {
    let (mut hub, all, _) = crowded().await;
    // who is answered its own close frame could be told something before
    all.iter().for_each(|who| hub.whisper_message(*who, Message::Close(None)));
    hub.settle().await;
    let heard = hub.heard();
    for n in 0..MANY {
        assert_eq!(heard_by(&heard, &format!("c{n}")), ["close", "end"], "c{n}");
    }
    assert_eq!(hub.desk.counts(), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn who_stays_hears_of_one_after_the_other_and_of_each_in_order() {
    let (mut hub, all, _) = crowded().await;
    kick(&hub, &all);
    hub.settle().await;
    let heard = hub.heard();
    let lines = heard_by(&heard, "dee");
    let mut gone = BTreeSet::new();
    for of_one in lines.chunk_by(|one, next| about(one) == about(next)) {
        let who = about(of_one[0]);
        let n: usize = who.trim_start_matches('c').parse().unwrap();
        let mut kinds = Vec::new();
        if n.is_multiple_of(10) {
            kinds.push("SERVICE_DELETE_RESULT");
        }
        if n.is_multiple_of(5) {
            kinds.push("SERVICE_CLIENT_UNSUBSCRIBED");
        }
        kinds.push("CLIENT_LEFT");
        assert_eq!(of_one.iter().map(|line| line.split('"').nth(3).unwrap()).collect::<Vec<_>>(), kinds, "{of_one:#?}");
        assert!(gone.insert(n), "{who} left twice");
    }
    assert_eq!(gone.len(), MANY);
}

#[tokio::test(start_paused = true)]
async fn they_leave_a_few_dozen_at_a_time_and_whoever_comes_meanwhile_has_its_turn_between() {
    let (mut hub, all, _) = crowded().await;
    let desk = hub.desk.clone();
    let watching = tokio::spawn(async move {
        let mut counts = vec![desk.counts().0];
        while counts.last() != Some(&1) {
            yield_now().await;
            counts.push(desk.counts().0);
        }
        counts
    });
    kick(&hub, &all);
    hub.settle().await;
    let counts = watching.await.unwrap();
    let most = counts.windows(2).map(|pair| pair[0] - pair[1]).max().unwrap_or_default();
    // it may see every second turn only
    assert!((1..=2 * 64).contains(&most), "{most} in two turns: {counts:?}");
}
