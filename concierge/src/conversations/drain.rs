//! PROTOCOL.md, "Close codes", 1001: a hub that shuts down.

use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use concierge_api_rs::ClientId;
use concierge_hub::Bounds;
use expect_test::expect;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Hub;
use super::client::frame;
use super::hub::identify;
use crate::arrivals::Coming;
use crate::config::Config;
use crate::desk::Desk;
use crate::guesses::Guesses;
use crate::peer::Peer;
use crate::session::{self, Opened, Pace};
use crate::shard::Shard;
use crate::wire::{Source, Wire};

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
async fn who_stays_in_a_hub_that_drains_hears_nothing_of_who_goes_and_everything_else() {
    let mut hub = Hub::new();
    let (ada, bob, cyd) = (hub.join("ada").await, hub.join("bob").await, hub.join("cyd").await);
    for (who, service) in [(ada, "weather"), (bob, "chess")] {
        hub.say(who, &format!(r#"{{"type":"SERVICE_CREATE","service":"{service}"}}"#)).await;
    }
    for (who, service) in [(ada, "chess"), (bob, "weather"), (cyd, "weather"), (ada, "weather")] {
        hub.say(who, &format!(r#"{{"type":"SELF_SUBSCRIBE","service":"{service}"}}"#)).await;
    }
    hub.forget();
    hub.desk.drain();
    hub.peer(bob).condemn(session::going_away());
    hub.cut(cyd).await; // nor of who goes by itself
    hub.check(expect![[r#"
        cyd → (gone)
        bob ← close 1001 "the hub is shutting down"
        bob ← end
    "#]]);
    hub.say(ada, r#"{"type":"MESSAGE","target":{"type":"NAME","name":"bob"},"data":1}"#).await;
    hub.say(ada, r#"{"type":"SELF_FETCH"}"#).await;
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"news"}"#).await;
    hub.peer(ada).condemn(session::going_away());
    hub.settle().await;
    hub.check(expect![[r#"
        ada → {"type":"MESSAGE","target":{"type":"NAME","name":"bob"},"data":1}
        ada ← {"type":"INVALID_NAME","seq":3,"name":"bob"}
        ada → {"type":"SELF_FETCH"}
        ada ← {"type":"SELF_FETCH_RESULT","seq":4,"client":{<ada>},"subscriptions":[{"name":"weather","nickname":null,"owner_uuid":"@ada","subscribers":["@ada"],"subscriber_count":1}]}
        ada → {"type":"SERVICE_CREATE","service":"news"}
        ada ← {"type":"SERVICE_CREATE_RESULT","seq":5,"successful":true,"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":[],"subscriber_count":0}}
        ada ← {"type":"SERVICE_CREATE_RESULT","successful":true,"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":[],"subscriber_count":0}}
        ada ← close 1001 "the hub is shutting down"
        ada ← end
    "#]]);
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

/// In the place of a shard's flusher: when HELLO is queued, which is when the client is let in, the hub begins to drain.
struct DrainNow(CancellationToken);

impl Wake for DrainNow {
    fn wake(self: Arc<Self>) {
        self.0.cancel();
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_slips_in_while_the_hub_begins_to_drain_is_told_1001_and_does_not_stay() {
    let bounds = Bounds { services_per_client: 1, services: 1, subscriptions_per_client: 1, subscribers_shown: 1 };
    let (desk, shard, draining) =
        (Desk::new(None, bounds, Guesses::new(0), uuid::Uuid::new_v4), Arc::new(Shard::default()), CancellationToken::new());
    let waker = Waker::from(Arc::new(DrainNow(draining.clone())));
    let mut flusher = pin!(shard.clone().flush_forever());
    assert!(flusher.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let (ours, mut theirs) = duplex(4_096);
    theirs.shutdown().await.unwrap();
    let peer = Peer::new(ClientId(Uuid::new_v4()), IpAddr::V4(Ipv4Addr::LOCALHOST), shard, None, 100_000);
    let wire = Wire::new(peer.clone(), Source::Stream(Box::new(ours)));
    let early = frame(0x81, identify("ada").as_bytes());
    let opened = Box::new(Opened { wire, early, peer, coming: Coming::default() });
    session::run(opened, &desk, &Pace::new(&Config::default()), None, &draining).await;
    assert!(draining.is_cancelled() && desk.counts().0 == 0);
    let mut told = Vec::new();
    theirs.read_to_end(&mut told).await.unwrap();
    let close = told.split_off(crate::frame::first_len(&told));
    assert!(String::from_utf8_lossy(&told).contains("HELLO"));
    assert_eq!(close.escape_ascii().to_string(), r"\x88\x1a\x03\xe9the hub is shutting down");
}
