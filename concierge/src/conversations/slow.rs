//! PROTOCOL.md, "Limits": clients that do not read what waits for them.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use concierge_api_rs::{ClientId, CloseCode};
use expect_test::expect;
use parking_lot::Mutex;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use super::{Hub, Who};
use crate::frame::Frame;
use crate::ground::Shared;
use crate::peer::{Peer, Queued};
use crate::socket::Socket;

fn to_bob(bytes: usize) -> String {
    json!({ "type": "MESSAGE", "target": { "type": "NAME", "name": "bob" }, "data": "x".repeat(bytes) }).to_string()
}

/// A hub whose outboxes hold 10,000 bytes; bob's pipe holds 1,000, and bob stopped reading.
async fn bob_sleeps() -> (Hub, Who, Who) {
    let mut hub = Hub::with(|config| config.limits.outbox_bytes = 10_000);
    let (ada, bob) = (hub.join("ada").await, hub.join_by("bob", 1_000).await);
    hub.forget();
    hub.stop_reading(bob);
    (hub, ada, bob)
}

/// The lines of a transcript that are `who`'s.
fn of(who: &str, heard: &str) -> Vec<String> {
    heard.lines().filter(|line| line.starts_with(who)).map(str::to_owned).collect()
}

/// Security: 26.
#[tokio::test(start_paused = true)]
async fn a_client_with_more_than_the_bound_waiting_is_closed_4011_and_leaves_at_once() {
    let (mut hub, ada, bob) = bob_sleeps().await;
    for _ in 0..8 {
        assert_eq!(hub.ask(ada, &to_bob(1_000)).await["type"], "OK");
    }
    assert!(hub.holds("bob"));
    hub.forget();
    for _ in 0..4 {
        hub.whisper(ada, &to_bob(1_000));
    }
    hub.settle().await;
    let heard = hub.heard();
    let answers: Vec<&str> = heard.lines().filter(|line| line.starts_with("ada ←")).collect();
    // whoever sends never waits: bob leaves within the same breath
    expect![[r#"
        ada ← {"type":"OK","seq":8}
        ada ← {"type":"OK","seq":9}
        ada ← {"type":"OK","seq":10}
        ada ← {"type":"OK","seq":11}
        ada ← {"type":"CLIENT_LEFT","client":{<bob>}}"#]]
    .assert_eq(&answers.join("\n"));
    assert!(!hub.holds("bob"));
    assert_eq!(hub.sessions(), 2);

    hub.read_again(bob).await;
    let heard = hub.heard();
    let heard = of("bob", &heard);
    // the frame that was on its way is whole; those behind it made room for the close frame
    assert!(heard.len() <= 4 && heard[..heard.len() - 2].iter().all(|line| line.contains("MESSAGE")), "{heard:#?}");
    let end = &heard[heard.len() - 2..];
    assert!(end[0].starts_with("bob ← close 4011 \"") && end[1] == "bob ← end", "{end:#?}");
    assert_eq!(hub.sessions(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_bound_is_4_mib_of_what_the_socket_did_not_take() {
    let mut hub = Hub::new();
    let room = 1_000;
    let (ada, bob) = (hub.join("ada").await, hub.join_by("bob", room).await);
    hub.stop_reading(bob);
    hub.whisper(ada, r#"{"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":""}"#);
    let envelope = hub.settle().await[0].1.len() + 4;
    let data = 60_000;
    let mut sent = 0;
    while hub.holds("bob") {
        assert_eq!(hub.ask(ada, &to_bob(data)).await["type"], "OK");
        sent += envelope + data;
        assert!(sent < 5 << 20);
    }
    let bound = 4 << 20;
    assert!((bound..=bound + room + envelope + data).contains(&sent), "{sent}");
}

/// Security: 26.
#[tokio::test(start_paused = true)]
async fn nobody_else_feels_a_slow_client() {
    let (mut hub, ada, _) = bob_sleeps().await;
    let cyd = hub.join("cyd").await;
    hub.start_clock();
    for n in 0..100 {
        hub.whisper(ada, &json!({ "type": "MESSAGE", "target": { "type": "ALL" }, "data": n }).to_string());
        hub.whisper(ada, &to_bob(200));
        let came = hub.settle().await;
        let mine = |who: Who| came.iter().filter(|(to, line)| *to == who && line.contains(r#""ALL""#)).count();
        assert_eq!((mine(ada), mine(cyd)), (1, 1), "message {n}");
    }
    assert!(!hub.holds("bob"));
    assert!(hub.clock_ms() < 1_000, "time passes only because the test looks");
}

#[tokio::test(start_paused = true)]
async fn a_message_larger_than_the_bound_is_taken_when_nothing_waits() {
    let (mut hub, ada, bob) = bob_sleeps().await;
    hub.say(ada, &to_bob(20_000)).await;
    hub.forget();
    hub.read_again(bob).await;
    let heard = hub.heard();
    assert!(heard.starts_with("bob ← {\"type\":\"MESSAGE\"") && heard.len() > 20_000 && hub.holds("bob"));
}

/// Security: 26.
#[tokio::test(start_paused = true)]
async fn a_socket_that_takes_nothing_for_10_seconds_while_something_waits_is_closed_4011() {
    let (mut hub, ada, bob) = bob_sleeps().await;
    hub.start_clock();
    hub.say(ada, &to_bob(5_000)).await;
    hub.until(9_990).await;
    assert!(hub.holds("bob"));
    hub.forget();
    hub.until(10_002).await;
    hub.check(expect![[r#"
        ada ← {"type":"CLIENT_LEFT","client":{<bob>}}
    "#]]);
    hub.until(25_000).await;
    hub.forget();
    hub.read_again(bob).await;
    let heard = hub.heard();
    assert!(heard.contains("bob ← close 4011 \"") && heard.ends_with("bob ← end\n"), "{heard}");
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_takes_a_little_now_and_then_is_not_stalled() {
    let (mut hub, ada, bob) = bob_sleeps().await;
    hub.start_clock();
    hub.say(ada, &to_bob(9_000)).await;
    for second in (8..=40).step_by(8) {
        hub.until(second * 1_000).await;
        hub.send_frame(bob, "pong", 0x8a, b"").await;
        assert_eq!(hub.read_bytes(bob, 500).await.len(), 500);
        hub.settle().await;
    }
    assert!(hub.holds("bob"));
    hub.until(49_990).await;
    assert!(hub.holds("bob"));
    hub.until(50_010).await;
    assert!(!hub.holds("bob"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_left_alone_while_nothing_waits() {
    let (mut hub, ada, bob) = bob_sleeps().await;
    hub.start_clock();
    hub.say(ada, &to_bob(100)).await;
    hub.until(28_000).await;
    assert!(hub.holds("bob"));
    hub.read_again(bob).await;
    let heard = hub.heard();
    assert_eq!(of("bob ←", &heard).len(), 2, "the message and a ping: {heard}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_client_finds_its_4011_for_30_seconds_and_then_loses_its_socket() {
    for (ms, found) in [(29_000, true), (31_000, false)] {
        let (mut hub, ada, bob) = bob_sleeps().await;
        hub.start_clock();
        hub.say(ada, &to_bob(2_000)).await; // fills the pipe
        for _ in 0..12 {
            hub.whisper(ada, &to_bob(1_000));
        }
        hub.settle().await;
        assert!(!hub.holds("bob"));
        for second in (10..ms / 1_000).step_by(10) {
            hub.until(second * 1_000).await; // ada answers her pings
        }
        hub.until(ms).await;
        hub.read_again(bob).await;
        let heard = hub.heard();
        assert_eq!(heard.contains("bob ← close 4011"), found, "{ms}: {:?}", of("bob", &heard).last());
        assert_eq!(hub.sessions(), 1, "{ms}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_its_own_answers_is_read_no_further_and_closed_4011_after_10_s() {
    let (mut hub, _, bob) = bob_sleeps().await;
    hub.start_clock();
    let fetch = super::client::frame(0x81, br#"{"type":"SERVICE_FETCH_ALL"}"#);
    hub.offer(bob, &fetch.repeat(300)).await;
    let waiting = hub.peer(bob).look().waiting;
    assert!((2_500..3_000).contains(&waiting), "a quarter of the bound waits, not {waiting}");
    hub.until(9_000).await;
    assert!(hub.holds("bob"), "{}", hub.clock_ms());
    hub.until(11_000).await;
    assert!(!hub.holds("bob"));
    hub.read_again(bob).await;
    let heard = hub.heard();
    assert!(heard.contains("bob ← close 4011 \"") && heard.ends_with("bob ← end\n"), "{heard}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_much_at_once_gets_every_answer_when_it_reads() {
    let (mut hub, _, bob) = bob_sleeps().await;
    let fetch = super::client::frame(0x81, br#"{"type":"SERVICE_FETCH_ALL"}"#);
    let offered = hub.offer(bob, &fetch.repeat(300)).await;
    hub.read_again(bob).await;
    let answers = offered / fetch.len();
    assert!(hub.holds("bob") && answers > 50, "{answers} were offered");
    assert_eq!(of("bob", &hub.heard()).iter().filter(|line| line.contains("SERVICE_FETCH_ALL_RESULT")).count(), answers);
}

#[tokio::test(start_paused = true)]
async fn subscribers_that_read_get_everything_while_one_does_not() {
    let (mut hub, ada, bob) = bob_sleeps().await;
    let cyd = hub.join("cyd").await;
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"news"}"#).await;
    for who in [bob, cyd] {
        hub.say(who, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#).await;
    }
    let mut came: Vec<(Who, String)> = Vec::new();
    for n in 0..60 {
        let data = json!({ "n": n, "padding": "x".repeat(300) });
        let message = json!({ "type": "MESSAGE", "target": { "type": "SERVICE", "service": "news" }, "data": data });
        hub.whisper(ada, &message.to_string());
        came.extend(hub.settle().await);
    }
    let of_cyd = |what: &str| came.iter().filter(|(who, line)| *who == cyd && line.contains(what)).count();
    assert_eq!((of_cyd(r#""type":"MESSAGE""#), of_cyd("SERVICE_CLIENT_UNSUBSCRIBED"), of_cyd("CLIENT_LEFT")), (60, 1, 1));
    assert_eq!(came.iter().filter(|(who, line)| *who == ada && line.contains(r#""type":"OK""#)).count(), 60);
    assert!(!hub.holds("bob"));
}

#[tokio::test(start_paused = true)]
async fn a_burst_does_not_cut_a_client_that_reads() {
    let mut hub = Hub::new();
    let room = 16 << 20;
    let (ada, bob) = (hub.join_by("ada", room).await, hub.join_by("bob", room).await);
    for _ in 0..200 {
        hub.whisper(ada, &to_bob(60_000));
    }
    let came = hub.settle().await;
    assert!(hub.holds("bob"), "200 messages, 12 MB, in one turn of the sender's session");
    assert_eq!(came.iter().filter(|(who, _)| *who == bob).count(), 200);
}

/// Over a real socket, which takes what it can on whatever thread a frame is queued.
#[tokio::test]
async fn the_socket_is_asked_before_what_waits_is_too_much() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let _reads_nothing = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (socket, address) = listener.accept().await.unwrap();
    socket.writable().await.unwrap();
    let (_read, socket) = Socket::Machine(socket).split();
    let peer = Peer::new(ClientId(Uuid::new_v4()), address.ip(), Arc::default(), Some(socket), 10_000);
    let frame = [&[0x81, 126, 3, 232][..], &[b'x'; 1_000]].concat();
    for _ in 0..100 {
        peer.push(&Frame::new(&frame));
    }
    // what the system's buffers have room for does not wait, though nobody flushed
    assert!(!peer.look().ended && peer.look().written > 80_000, "{:?}", peer.look());
    for _ in 0..40_000 {
        peer.push(&Frame::new(&frame));
    }
    assert_eq!(peer.ending().map(|ending| ending.code), Some(CloseCode::SlowConsumer.code()));
}

/// Over TLS only its session can write to a client, so a large frame finds what waits for the session's turn.
#[tokio::test(start_paused = true)]
async fn one_frame_larger_than_the_bound_does_not_cut_a_client_that_reads() {
    let mut hub = Hub::with(|config| config.limits.outbox_bytes = 10_000);
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    hub.whisper(ada, &to_bob(100));
    hub.whisper(ada, &to_bob(25_000));
    let came = hub.settle().await;
    assert_eq!((came.iter().filter(|(who, _)| *who == bob).count(), hub.holds("bob")), (2, true));
}

/// Takes so many bytes, and then none.
struct Narrow(Mutex<usize>);

impl Shared for Narrow {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut room = self.0.lock();
        let taken = bytes.len().min(*room);
        *room -= taken;
        if taken == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(taken) }
    }

    fn poll_write_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn poll_read(&self, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
        Poll::Pending
    }

    fn end(&self) {}
}

/// News of others may come between the look at what waits and the answer.
#[test]
fn a_long_answer_is_taken_when_the_socket_takes_enough_of_what_came_before_it() {
    for (room, queued) in [(8_000, Queued::Waits), (6_000, Queued::Refused)] {
        let (_, socket) = Socket::Other(Arc::new(Narrow(Mutex::new(room)))).split();
        let peer = Peer::new(ClientId(Uuid::new_v4()), Ipv4Addr::LOCALHOST.into(), Arc::default(), Some(socket), 10_000);
        let frame = |bytes: usize| Bytes::from(vec![b'x'; bytes]);
        assert!(peer.push(&Frame::Large(frame(9_000))));
        assert_eq!(peer.queue_answer(&Frame::Large(frame(20_000))), queued, "{:?}", peer.look());
    }
}

/// Whoever pushes writes an outbox that becomes ripe. A socket that takes less is not asked again with every frame.
#[test]
fn an_outbox_is_ripe_once_when_it_becomes_so_and_again_after_it_was_written() {
    let peer = Peer::new(ClientId(Uuid::new_v4()), Ipv4Addr::LOCALHOST.into(), Arc::default(), None, 1 << 20);
    let bytes = [&[0x81, 126, 15, 160][..], &[b'x'; 4_000]].concat();
    let queue = || (0..100).filter(|_| peer.queue(&Frame::new(&bytes)) == Queued::Ripe).count();
    assert_eq!((queue(), queue()), (1, 0));
    peer.write_with(|slices| Ok(slices.iter().map(|slice| slice.len()).sum()));
    assert_eq!((queue(), queue()), (1, 0));
}
