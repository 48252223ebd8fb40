//! PROTOCOL.md, "Close codes", 1001: a hub that shuts down.

use expect_test::expect;

use super::Hub;
use super::hub::identify;
use crate::session;

#[tokio::test(start_paused = true)]
async fn a_hub_that_drains_closes_its_clients_1001_behind_what_was_queued() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    hub.stop_reading(bob);
    hub.say(ada, r#"{"type":"MESSAGE","target":{"type":"NAME","name":"bob"},"data":"before"}"#).await;
    hub.forget();
    hub.peer(bob).condemn(session::going_away());
    hub.settle().await;
    hub.read_again(bob).await;
    hub.check(expect![[r#"
        ada ← {"type":"CLIENT_LEFT","client":{<bob>}}
        bob ← {"type":"MESSAGE","origin":{<ada>,"service":null},"target":{"type":"NAME","name":"bob"},"data":"before"}
        bob ← close 1001 "the hub is shutting down"
        bob ← end
    "#]]);
    hub.peer(ada).condemn(session::going_away());
    hub.settle().await;
    hub.check(expect![[r#"
        ada ← close 1001 "the hub is shutting down"
        ada ← end
    "#]]);
    assert_eq!(hub.sessions(), 0);
}

#[tokio::test(start_paused = true)]
async fn clients_that_drain_together_all_find_their_1001() {
    let mut hub = Hub::new();
    let names: Vec<String> = (0..20).map(|n| format!("c{n}")).collect();
    for name in &names {
        let who = hub.join(name).await;
        hub.say(who, &format!(r#"{{"type":"SERVICE_CREATE","service":"s-{name}"}}"#)).await;
    }
    hub.forget();
    hub.desk.peers().iter().for_each(|peer| peer.condemn(session::going_away()));
    hub.settle().await;
    let heard = hub.heard();
    for name in &names {
        let last: Vec<&str> = heard.lines().filter(|line| line.starts_with(&format!("{name} "))).collect();
        let end = [format!("{name} ← close 1001 \"the hub is shutting down\""), format!("{name} ← end")];
        assert!(last.ends_with(&[&end[0], &end[1]]), "{last:#?}");
    }
    assert_eq!((hub.sessions(), hub.desk.counts()), (0, (0, 0, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_drains_lets_nobody_in() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.connect("ada").await, hub.connect("bob").await);
    hub.settle().await;
    hub.whisper(ada, &identify("ada"));
    hub.draining.cancel();
    hub.settle().await;
    assert!(hub.sessions() == 0 && !hub.holds("ada"));
    let _ = bob;
    hub.check(expect![[r#"
        ada → {"type":"IDENTIFY","name":"ada","version":"0.2.0"}
        ada ← close 1001 "the hub is shutting down"
        bob ← close 1001 "the hub is shutting down"
        ada ← end
        bob ← end
    "#]]);
}
