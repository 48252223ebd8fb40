//! PROTOCOL.md, "Connection" and "Close codes": both ends of the closing handshake, and frames that break rules.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use concierge_api_rs::{ClientId, CloseCode, Seq};
use expect_test::expect;
use serde_json::json;
use tokio::io::{AsyncWriteExt, duplex};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use super::client::frame;
use super::hub::identify;
use super::leaving::close;
use super::{Hub, Who};
use crate::arrivals::Coming;
use crate::config::Config;
use crate::desk::Cost;
use crate::peer::{Ending, Peer};
use crate::run::{Receivers, Run};
use crate::session::{self, Addressee, Opened, Pace};
use crate::shard::Shard;
use crate::wire::{Source, Wire};

const FRAME_LIMIT: usize = 64 * 1024;

async fn end_by_hub(hub: &Hub, who: Who) {
    hub.peer(who).condemn(Ending::new(CloseCode::Kicked, "out"));
}

#[tokio::test(start_paused = true)]
async fn a_clients_close_frame_is_answered_with_its_code_and_reason() {
    for (frame, answer) in [
        (Some(close(1000, "bye")), "close 1000 \"bye\""),
        (Some(close(1001, "")), "close 1001"),
        (Some(close(3000, "done")), "close 3000 \"done\""),
        (Some(close(4999, "é")), "close 4999 \"é\""),
        (None, "close"),
    ] {
        for identified in [true, false] {
            let mut hub = Hub::new();
            let ada = if identified { hub.join("ada").await } else { hub.connect("ada").await };
            hub.send(ada, "close", Message::Close(frame.clone())).await;
            assert_eq!(hub.heard(), format!("ada → close\nada ← {answer}\nada ← end\n"));
            assert_eq!(hub.sessions(), 0);
        }
    }
}

/// Security: 11.
#[tokio::test(start_paused = true)]
async fn a_close_frame_with_a_code_that_must_not_be_sent_is_answered_1002() {
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 2999] {
        let mut hub = Hub::new();
        let ada = hub.join("ada").await;
        hub.send_frame(ada, "close", 0x88, &code.to_be_bytes()).await;
        let heard = hub.heard();
        assert!(heard.starts_with("ada → close\nada ← close 1002"), "{code}: {heard}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_queued_comes_before_the_close_frame_and_nothing_behind_it() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    let hello = |n: u32| json!({ "type": "MESSAGE", "target": { "type": "NAME", "name": "ada" }, "data": n }).to_string();
    hub.stop_reading(ada);
    hub.say(bob, &hello(1)).await;
    hub.whisper(ada, r#"{"type":"SERVICE_FETCH_ALL"}"#);
    hub.send(ada, "close", Message::Close(Some(close(1000, "bye")))).await;
    hub.say(bob, &hello(2)).await;
    hub.read_again(ada).await;
    hub.check(expect![[r#"
        bob → {"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":1}
        bob ← {"type":"OK","seq":0}
        ada → {"type":"SERVICE_FETCH_ALL"}
        ada → close
        bob ← {"type":"CLIENT_LEFT","client":{<ada>}}
        bob → {"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":2}
        bob ← {"type":"INVALID_NAME","seq":1,"name":"ada"}
        ada ← {"type":"MESSAGE","origin":{<bob>,"service":null},"target":{"type":"NAME","name":"ada"},"data":1}
        ada ← {"type":"SERVICE_FETCH_ALL_RESULT","seq":0,"services":[]}
        ada ← close 1000 "bye"
        ada ← end
    "#]]);
}

/// Security: 12.
#[tokio::test(start_paused = true)]
async fn what_a_client_sends_behind_its_close_frame_is_not_read() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    hub.join("bob").await;
    let last = frame(0x81, br#"{"type":"MESSAGE","target":{"type":"NAME","name":"bob"},"data":1}"#);
    let bytes = [frame(0x88, &1000_u16.to_be_bytes()), last].concat();
    hub.send_bytes(ada, "close, text", &bytes).await;
    hub.check(expect![[r#"
        ada → close, text
        ada ← close 1000
        ada ← end
        bob ← {"type":"CLIENT_LEFT","client":{<ada>}}
    "#]]);
}

/// Security: 12.
#[tokio::test(start_paused = true)]
async fn the_hub_ends_a_connection_with_a_close_frame_and_waits_for_the_answer() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    hub.stop_reading(ada);
    hub.start_clock();
    end_by_hub(&hub, ada).await;
    hub.until(3_000).await;
    assert_eq!(hub.sessions(), 2);
    // neither heard nor answered any more
    hub.whisper(ada, r#"{"type":"MESSAGE","target":{"type":"NAME","name":"bob"},"data":1}"#);
    hub.read_again(ada).await;
    hub.ask(bob, r#"{"type":"SELF_FETCH"}"#).await;
    hub.check(expect![[r#"
        bob ← {"type":"CLIENT_LEFT","client":{<ada>}}
        ada → {"type":"MESSAGE","target":{"type":"NAME","name":"bob"},"data":1}
        ada ← close 4013 "out"
        ada ← end
    "#]]);
    assert_eq!(hub.sessions(), 1);
    assert!(hub.clock_ms() < 3_100);
}

/// Security: 12.
#[tokio::test(start_paused = true)]
async fn the_hub_waits_at_most_5_seconds_for_the_answer() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    hub.stop_reading(ada);
    hub.start_clock();
    end_by_hub(&hub, ada).await;
    hub.until(4_990).await;
    assert_eq!(hub.sessions(), 1);
    hub.until(5_005).await;
    assert_eq!(hub.sessions(), 0);
    hub.read_again(ada).await;
    hub.check(expect![[r#"
        ada ← close 4013 "out"
        ada ← error: IO error: broken pipe
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn two_close_frames_that_cross_are_enough() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    end_by_hub(&hub, ada).await;
    hub.send(ada, "close", Message::Close(Some(close(1000, "bye")))).await;
    hub.check(expect![[r#"
        ada → close
        ada ← close 4013 "out"
        ada ← end
    "#]]);
    assert_eq!(hub.sessions(), 0);
}

/// Security: 8.
#[tokio::test(start_paused = true)]
async fn frames_against_the_rules_are_1002_and_the_close_frame_arrives_before_identify_too() {
    let frames: [(&str, &[u8]); 10] = [
        ("not masked", &[0x81, 2, b'{', b'}']),
        ("reserved bit", &[0xc1, 0x80, 0, 0, 0, 0]),
        ("reserved data frame", &[0x83, 0x80, 0, 0, 0, 0]),
        ("reserved control frame", &[0x8b, 0x80, 0, 0, 0, 0]),
        ("ping in fragments", &[0x09, 0x80, 0, 0, 0, 0]),
        ("ping of 126 bytes", &frame(0x89, &[0; 126])),
        ("continuation of nothing", &[0x80, 0x80, 0, 0, 0, 0]),
        ("text within a text", &[0x01, 0x80, 0, 0, 0, 0, 0x81, 0x80, 0, 0, 0, 0]),
        ("close of one byte", &[0x88, 0x81, 0, 0, 0, 0, 3]),
        ("nonsense", b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n"),
    ];
    for (what, bytes) in frames {
        for identified in [true, false] {
            let mut hub = Hub::new();
            hub.join("bob").await;
            let ada = if identified { hub.join("ada").await } else { hub.connect("ada").await };
            hub.forget();
            hub.send_bytes(ada, what, bytes).await;
            let heard = hub.heard();
            let (ada_heard, bob_heard): (Vec<&str>, Vec<&str>) = heard.lines().partition(|line| line.starts_with("ada"));
            assert!(
                matches!(ada_heard[..], [_, close, "ada ← end"] if close.starts_with("ada ← close 1002 \"")),
                "{what}: {heard}"
            );
            assert_eq!(bob_heard.len(), usize::from(identified), "{heard}");
            assert_eq!(hub.sessions(), 1, "{what}");
        }
    }
}

/// Security: 11.
#[tokio::test(start_paused = true)]
async fn text_that_is_not_utf_8_is_1007_before_identify_too() {
    let frame = super::client::frame;
    let texts = [
        ("text", frame(0x81, b"{\"type\":\"\xff\"}")),
        ("half a character at the end", frame(0x81, b"\xf0\x9f\xa6")),
        ("surrogate", frame(0x81, b"\xed\xa0\x80")),
        ("in fragments", [frame(0x01, b"\xf0\x9f"), frame(0x80, b"x")].concat()),
        ("reason of a close frame", frame(0x88, b"\x03\xe8\xff\xff")),
    ];
    for (what, bytes) in &texts {
        for identified in [true, false] {
            let mut hub = Hub::new();
            let ada = if identified { hub.join("ada").await } else { hub.connect("ada").await };
            hub.send_bytes(ada, what, bytes).await;
            let heard = hub.heard();
            assert!(heard.lines().nth(1).is_some_and(|line| line.starts_with("ada ← close 1007 \"")), "{what}: {heard}");
            assert!(heard.ends_with("ada ← end\n"), "{what}: {heard}");
        }
    }
}

/// A payload of exactly that many bytes.
fn padded(head: &str, bytes: usize) -> String {
    let head = head.strip_suffix('}').unwrap();
    let frame = format!(r#"{head},"x":""}}"#).len();
    format!(r#"{head},"x":"{}"}}"#, "x".repeat(bytes - frame))
}

/// Security: 9.
#[tokio::test(start_paused = true)]
async fn a_payload_of_the_limit_is_accepted_and_one_byte_more_is_1009_before_identify_too() {
    for identified in [true, false] {
        let head = if identified { r#"{"type":"SELF_FETCH"}"#.to_owned() } else { identify("ada") };
        for (bytes, accepted) in [(FRAME_LIMIT, true), (FRAME_LIMIT + 1, false)] {
            let payload = padded(&head, bytes);
            assert_eq!(payload.len(), bytes);
            let (start, end) = payload.as_bytes().split_at(40_000);
            let whole = frame(0x81, payload.as_bytes());
            let fragments = [frame(0x01, start), frame(0x80, end)].concat();
            for frames in [whole, fragments] {
                let mut hub = Hub::new();
                let ada = if identified { hub.join("ada").await } else { hub.connect("ada").await };
                hub.send_bytes(ada, "(payload)", &frames).await;
                let heard = hub.heard();
                let answer = heard.lines().nth(1).unwrap();
                assert_eq!(answer.starts_with("ada ← {"), accepted, "{bytes}: {answer}");
                assert_eq!(answer.starts_with("ada ← close 1009 \""), !accepted, "{bytes}: {answer}");
                assert_eq!(heard.ends_with("ada ← end\n"), !accepted, "{heard}");
            }
        }
    }
}

/// Security: 9.
#[tokio::test(start_paused = true)]
async fn a_payload_over_the_limit_is_refused_by_its_header_before_any_of_it_came() {
    for header in [
        &[0x81, 0x80 | 127, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0][..],
        &[0x82, 0x80 | 127, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0],
    ] {
        let mut hub = Hub::new();
        let ada = hub.connect("ada").await;
        hub.send_bytes(ada, "(header)", header).await;
        let heard = hub.heard();
        assert!(heard.contains("ada ← close 1009 \"") && heard.ends_with("ada ← end\n"), "{heard}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_in_the_middle_of_a_large_payload_still_gets_its_1009() {
    let mut hub = Hub::new();
    let ada = hub.join_by("ada", 4_096).await;
    let bytes = frame(0x81, &vec![b'x'; 1_000_000]);
    hub.offer(ada, &bytes).await;
    let heard = hub.heard();
    assert!(heard.contains("ada ← close 1009 \""), "{heard}");
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_ones_own_bounds_payloads() {
    let mut hub = Hub::with(|config| config.limits.payload_bytes = 200);
    let ada = hub.join("ada").await;
    hub.whisper(ada, &padded(r#"{"type":"SERVICE_FETCH_ALL"}"#, 200));
    hub.settle().await;
    hub.whisper(ada, &padded(r#"{"type":"SERVICE_FETCH_ALL"}"#, 201));
    hub.settle().await;
    let heard = hub.heard();
    let answers: Vec<&str> = heard.lines().filter(|line| line.contains('←')).collect();
    assert!(matches!(answers[..], [ok, close, _] if ok.contains("_RESULT") && close.contains("close 1009")), "{heard}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_refused_and_writes_before_it_reads_can_finish_writing() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.join_by("ada", 1_000).await, hub.join("bob").await);
    hub.stop_reading(ada);
    // the way to ada is full, so her close frame has to wait
    let long = json!({ "type": "MESSAGE", "target": { "type": "NAME", "name": "ada" }, "data": "x".repeat(5_000) });
    hub.ask(bob, &long.to_string()).await;
    let bytes = frame(0x81, &vec![b'x'; 300_000]);
    assert_eq!(hub.offer(ada, &bytes).await, bytes.len());
    hub.read_again(ada).await;
    let heard = hub.heard();
    assert!(heard.contains("ada ← close 1009 \"") && heard.ends_with("ada ← end\n"), "{heard}");
}

/// Sends everything on, and is ended by somebody else with its first message.
struct Ended {
    peer: Arc<Peer>,
    to: Arc<Peer>,
    taken: Arc<AtomicUsize>,
}

impl Addressee for Ended {
    fn text(&mut self, run: &mut Run<'_>, text: &str) -> Cost {
        run.push(Receivers::One(self.to.clone()), Seq::default(), |to| to.extend_from_slice(text.as_bytes()));
        if self.taken.fetch_add(1, Ordering::Relaxed) == 0 {
            self.peer.condemn(Ending::new(CloseCode::Kicked, "enough"));
        }
        Cost { copies: 1, ended: false }
    }
}

/// The connection's state is not looked at before each message of a run.
#[tokio::test(start_paused = true)]
async fn of_a_client_that_is_ended_while_it_is_read_two_kib_more_are_taken_at_most() {
    let shard = Arc::new(Shard::default());
    let peer = || Peer::new(ClientId(Uuid::new_v4()), IpAddr::V4(Ipv4Addr::LOCALHOST), shard.clone(), None, 1 << 22);
    let (ada, bob, taken) = (peer(), peer(), Arc::new(AtomicUsize::new(0)));
    let (ours, mut theirs) = duplex(1 << 20);
    theirs.shutdown().await.unwrap();
    let wire = Wire::new(ada.clone(), Source::Stream(Box::new(ours)));
    let opened = Opened { wire, early: frame(0x81, &[b'x'; 100]).repeat(200), peer: ada.clone(), coming: Coming::default() };
    let addressee = Ended { peer: ada, to: bob.clone(), taken: taken.clone() };
    session::run_unseated(opened, addressee, &Pace::new(&Config::default())).await;
    assert_eq!(taken.load(Ordering::Relaxed), 2_048 / 100 + 1);
    assert_eq!(bob.look().messages, 2_048 / 100 + 1, "and what was taken is sent");
}
