//! PROTOCOL.md, "Connection": messages, frames, JSON.

use expect_test::expect;
use tokio_tungstenite::tungstenite::Message;

use super::Hub;
use super::hub::identify;

#[tokio::test(start_paused = true)]
async fn binary_messages_are_ignored_and_not_counted() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    hub.send(ada, "binary", Message::binary(r#"{"type":"SELF_FETCH"}"#)).await;
    hub.send(ada, "binary", Message::binary(vec![0xff; 3])).await;
    hub.say(ada, r#"{"type":"SERVICE_FETCH_ALL"}"#).await;
    hub.check(expect![[r#"
        ada → binary
        ada → binary
        ada → {"type":"SERVICE_FETCH_ALL"}
        ada ← {"type":"SERVICE_FETCH_ALL_RESULT","seq":0,"services":[]}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn pings_are_answered_with_their_bytes_and_not_counted() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    hub.send(ada, "ping", Message::Ping("one".into())).await;
    hub.send(ada, "pong", Message::Pong("unasked".into())).await;
    hub.say(ada, r#"{"type":"SERVICE_FETCH_ALL"}"#).await;
    hub.check(expect![[r#"
        ada → ping
        ada ← pong "one"
        ada → pong
        ada → {"type":"SERVICE_FETCH_ALL"}
        ada ← {"type":"SERVICE_FETCH_ALL_RESULT","seq":0,"services":[]}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_pong_takes_its_place_behind_the_answers_before_it() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    hub.whisper(ada, r#"{"type":"SERVICE_FETCH_ALL"}"#);
    hub.send(ada, "ping", Message::Ping("two".into())).await;
    hub.check(expect![[r#"
        ada → {"type":"SERVICE_FETCH_ALL"}
        ada → ping
        ada ← {"type":"SERVICE_FETCH_ALL_RESULT","seq":0,"services":[]}
        ada ← pong "two"
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_message_in_fragments_is_one_payload_with_pings_between_them() {
    let mut hub = Hub::new();
    let ada = hub.connect("ada").await;
    let first = identify("ada");
    let (head, tail) = first.as_bytes().split_at(9);
    hub.send_frame(ada, "text, not final", 0x01, head).await;
    hub.send_frame(ada, "ping", 0x89, b"between").await;
    hub.send_frame(ada, "continuation, final", 0x80, tail).await;
    hub.send_frame(ada, "text, not final", 0x01, br#"{"type":"#).await;
    hub.send_frame(ada, "continuation, not final", 0x00, b"").await;
    hub.send_frame(ada, "continuation, not final", 0x00, br#""SERVICE_FETCH"#).await;
    hub.send_frame(ada, "continuation, final", 0x80, br#"_ALL"}"#).await;
    hub.check(expect![[r#"
        ada → text, not final
        ada → ping
        ada ← pong "between"
        ada → continuation, final
        ada ← {"type":"HELLO","uuid":"@ada","version":"0.2.0","fs_key":"@ada's key"}
        ada → text, not final
        ada → continuation, not final
        ada → continuation, not final
        ada → continuation, final
        ada ← {"type":"SERVICE_FETCH_ALL_RESULT","seq":0,"services":[]}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_character_may_be_cut_by_a_fragment() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    let payload = r#"{"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":"é🦀"}"#.as_bytes();
    let crab = payload.len() - 4;
    hub.send_frame(ada, "text, not final", 0x01, &payload[..crab]).await;
    hub.send_frame(ada, "continuation, final", 0x80, &payload[crab..]).await;
    hub.check(expect![[r#"
        ada → text, not final
        ada → continuation, final
        ada ← {"type":"MESSAGE","origin":{<ada>,"service":null},"target":{"type":"NAME","name":"ada"},"data":"é🦀"}
        ada ← {"type":"OK","seq":0}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn several_messages_may_come_at_once_and_one_byte_at_a_time() {
    let mut hub = Hub::new();
    let ada = hub.connect("ada").await;
    let payloads =
        [identify("ada"), r#"{"type":"SERVICE_FETCH_ALL"}"#.to_owned(), r#"{"type":"SELF_SET_SEQ","seq":7}"#.to_owned()];
    let bytes: Vec<u8> = payloads.iter().flat_map(|payload| super::client::frame(0x81, payload.as_bytes())).collect();
    hub.send_bytes(ada, "(three messages)", &bytes).await;
    hub.check(expect![[r#"
        ada → (three messages)
        ada ← {"type":"HELLO","uuid":"@ada","version":"0.2.0","fs_key":"@ada's key"}
        ada ← {"type":"SERVICE_FETCH_ALL_RESULT","seq":0,"services":[]}
        ada ← {"type":"OK","seq":7}
    "#]]);
    hub.cut(ada).await;
    hub.forget();
    let bob = hub.connect("bob").await;
    for byte in bytes.iter().map(std::slice::from_ref) {
        hub.send_bytes(bob, "(a byte)", byte).await;
    }
    let heard = hub.heard().replace("bob → (a byte)\n", "");
    assert_eq!(heard.lines().filter(|line| line.starts_with("bob ←")).count(), 3, "{heard}");
}

#[tokio::test(start_paused = true)]
async fn frames_of_the_hub_are_final_and_not_masked() {
    let mut hub = Hub::new();
    let ada = hub.connect("ada").await;
    hub.stop_reading(ada);
    hub.say(ada, &identify("ada")).await;
    let long = "x".repeat(300);
    hub.say(ada, &format!(r#"{{"type":"MESSAGE","target":{{"type":"ALL"}},"data":"{long}"}}"#)).await;
    let bytes = hub.read_bytes(ada, usize::MAX).await;
    let mut heads = Vec::new();
    let mut rest = &bytes[..];
    while let [first, len, ..] = rest {
        heads.push((*first, *len));
        rest = &rest[crate::frame::first_len(rest)..];
    }
    // HELLO is longer than 125 bytes, the message too, OK is not
    assert!(matches!(heads[..], [(0x81, 126), (0x81, 126), (0x81, ..126)]), "{heads:?}");
}

#[tokio::test(start_paused = true)]
async fn what_comes_together_with_the_request_is_read_too() {
    let mut hub = Hub::new();
    let frame = super::client::frame;
    let fetch = br#"{"type":"SERVICE_FETCH_ALL"}"#;
    let (start, end) = fetch.split_at(11);
    let early = [frame(0x81, identify("ada").as_bytes()), frame(0x81, fetch), frame(0x01, start)].concat();
    let ada = hub.connect_with("ada", 4_096, early).await;
    hub.settle().await;
    hub.send_frame(ada, "continuation, final", 0x80, end).await;
    hub.check(expect![[r#"
        ada ← {"type":"HELLO","uuid":"@ada","version":"0.2.0","fs_key":"@ada's key"}
        ada ← {"type":"SERVICE_FETCH_ALL_RESULT","seq":0,"services":[]}
        ada → continuation, final
        ada ← {"type":"SERVICE_FETCH_ALL_RESULT","seq":1,"services":[]}
    "#]]);
}
