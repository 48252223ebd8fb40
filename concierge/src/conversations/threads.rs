//! PROTOCOL.md, "Order", on several threads at once, as shards are: what a client is told is what was so.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use concierge_api_rs::ClientId;
use concierge_hub::Bounds;
use serde_json::Value;
use uuid::Uuid;

use super::hub::identify;
use crate::desk::{Desk, Seat};
use crate::guesses::Guesses;
use crate::peer::Peer;
use crate::run::Run;

/// More than cores: some are interrupted wherever they are.
const THREADS: usize = 4;
/// What the witness asks for.
const LISTS: usize = 10_000;
/// Nobody is slow here.
const OUTBOX_BYTES: usize = 1 << 30;

fn desk() -> Arc<Desk> {
    let bounds = Bounds { services_per_client: 10, services: 1_000, subscriptions_per_client: 10, subscribers_shown: 10 };
    Arc::new(Desk::new(None, bounds, Guesses::new(0), uuid::Uuid::new_v4))
}

fn peer() -> Arc<Peer> {
    Peer::new(ClientId(Uuid::new_v4()), IpAddr::V4(Ipv4Addr::LOCALHOST), Arc::default(), None, OUTBOX_BYTES)
}

fn enter(desk: &Desk, peer: &Arc<Peer>, name: &str) -> Seat {
    desk.identify(peer, &identify(name)).map_err(|ending| ending.reason).unwrap()
}

fn say(desk: &Desk, peer: &Arc<Peer>, seat: &mut Seat, payload: &str) {
    desk.receive(seat, &mut Run::new(peer, OUTBOX_BYTES), payload);
}

/// Writes what waits behind what the client was told before.
fn read(peer: &Arc<Peer>, told: &mut Vec<u8>) {
    peer.write_with(|slices| slices.iter().map(|slice| Write::write(told, slice)).sum());
}

#[test]
fn hello_comes_before_all_news() {
    let desk = desk();
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let desk = desk.clone();
            thread::spawn(move || (0..4_000).map(|n| first_told(&desk, &format!("c_{thread}_{n}"))).collect::<Vec<_>>())
        })
        .collect();
    for first in threads.into_iter().flat_map(|thread| thread.join().unwrap()) {
        assert!(first.contains(r#""type":"HELLO""#), "{first}");
    }
}

/// The first thing that a client is told that enters and leaves.
fn first_told(desk: &Desk, name: &str) -> String {
    let peer = peer();
    enter(desk, &peer, name);
    desk.leave(&peer);
    let mut told = Vec::new();
    read(&peer, &mut told);
    told.truncate(crate::frame::first_len(&told));
    String::from_utf8_lossy(&told).into_owned()
}

#[test]
fn a_list_comes_before_the_news_of_what_it_does_not_hold() {
    let (desk, over) = (desk(), Arc::new(AtomicBool::new(false)));
    let others: Vec<_> = (1..THREADS)
        .map(|thread| {
            let (desk, over) = (desk.clone(), over.clone());
            thread::spawn(move || come_and_go(&desk, thread, &over))
        })
        .collect();
    let witness = peer();
    let mut seat = enter(&desk, &witness, "witness");
    let mut told = Vec::new();
    for _ in 0..LISTS / 2 {
        say(&desk, &witness, &mut seat, r#"{"type":"CLIENT_FETCH_ALL"}"#);
        say(&desk, &witness, &mut seat, r#"{"type":"SERVICE_FETCH_ALL"}"#);
        read(&witness, &mut told);
    }
    over.store(true, Ordering::Relaxed);
    others.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(check(&payloads(&told)), LISTS);
}

/// One client after the other, each with a service.
fn come_and_go(desk: &Desk, thread: usize, over: &AtomicBool) {
    for n in 0.. {
        let (peer, name) = (peer(), format!("c_{thread}_{n}"));
        let mut seat = enter(desk, &peer, &name);
        say(desk, &peer, &mut seat, &format!(r#"{{"type":"SERVICE_CREATE","service":"{name}"}}"#));
        desk.leave(&peer);
        if over.load(Ordering::Relaxed) {
            return;
        }
    }
}

fn payloads(mut bytes: &[u8]) -> Vec<Value> {
    let mut payloads = Vec::new();
    while let [0x81, length, ..] = *bytes {
        let header = if length < 126 { 2 } else { 4 + if length == 127 { 6 } else { 0 } };
        let end = crate::frame::first_len(bytes);
        payloads.push(serde_json::from_slice(&bytes[header..end]).unwrap());
        bytes = &bytes[end..];
    }
    assert_eq!(bytes, b"");
    payloads
}

/// Follows what a client is told: the first list, then the news. Every further list says the same. How many lists there were.
fn check(told: &[Value]) -> usize {
    assert_eq!(told[0]["type"], "HELLO", "before {:?}", told.get(1));
    let (mut clients, mut services) = (None, None);
    let mut lists = 0;
    for payload in &told[1..] {
        let is_news = payload.get("seq").is_none();
        let name = |of: &str| payload[of]["name"].as_str().unwrap().to_owned();
        let names = |of: &str| -> BTreeSet<String> {
            payload[of].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
        };
        let (known, now) = match (payload["type"].as_str().unwrap(), is_news) {
            ("CLIENT_JOINED", true) => {
                clients.iter_mut().for_each(|known: &mut BTreeSet<_>| assert!(known.insert(name("client")), "{payload}"));
                continue;
            }
            ("CLIENT_LEFT", true) => {
                clients.iter_mut().for_each(|known| assert!(known.remove(&name("client")), "{payload}"));
                continue;
            }
            ("SERVICE_CREATE_RESULT", true) => {
                services.iter_mut().for_each(|known: &mut BTreeSet<_>| assert!(known.insert(name("service")), "{payload}"));
                continue;
            }
            ("SERVICE_DELETE_RESULT", true) => {
                services.iter_mut().for_each(|known| assert!(known.remove(&name("service")), "{payload}"));
                continue;
            }
            ("CLIENT_FETCH_ALL_RESULT", false) => (&mut clients, names("clients")),
            ("SERVICE_FETCH_ALL_RESULT", false) => (&mut services, names("services")),
            ("SERVICE_CREATE_RESULT" | "SERVICE_DELETE_RESULT", false) => continue,
            other => panic!("{other:?}"),
        };
        lists += 1;
        let before = known.replace(now.clone());
        assert!(before.is_none_or(|before| before == now), "the list differs from what the client was told: {payload}");
    }
    lists
}
