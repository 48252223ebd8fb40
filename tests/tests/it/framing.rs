//! Frames against the rules of RFC 6455, payloads beyond the limit, and the last bytes of a connection.

use concierge_tests::{Hub, Wire, client_frame, client_frame_header, handshake, until};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

const TEXT: u8 = 0x81;
const LIMIT: usize = 64 * 1024;
const MASK: [u8; 4] = [1, 2, 3, 4];

pub(crate) async fn upgraded(hub: &Hub) -> Wire {
    let mut wire = hub.dial().await;
    assert_eq!(wire.upgrade("").await.status, 101);
    wire
}

pub(crate) async fn identified(hub: &Hub, name: &str) -> Wire {
    let mut wire = upgraded(hub).await;
    let identify = json!({ "type": "IDENTIFY", "name": name, "version": "0.2.0" });
    wire.send(&client_frame(TEXT, identify.to_string().as_bytes())).await;
    let hello: Value = serde_json::from_slice(&wire.frame().await.payload).unwrap();
    assert_eq!(hello["type"], "HELLO");
    wire
}

/// A payload of so many bytes.
fn fetch_of(bytes: usize) -> String {
    let mut text = r#"{"type":"SERVICE_FETCH_ALL"}"#.to_owned();
    text.extend(std::iter::repeat_n(' ', bytes - text.len()));
    text
}

/// What the hub closes with after these bytes; the connection must end properly then, before and after IDENTIFY alike.
async fn closed_after(hub: &Hub, bytes: &[u8]) -> u16 {
    let mut codes = Vec::new();
    for mut wire in [upgraded(hub).await, identified(hub, "ada").await] {
        let _the_hub_may_not_wait_for_all_of_it = wire.try_send(bytes).await;
        let close = wire.frame().await;
        codes.push(close.close_code());
        let _it_may_be_over = wire.try_send(&client_frame(0x88, &close.payload)).await;
        assert_eq!(wire.rest().await, b"", "nothing follows a close frame");
    }
    assert_eq!(codes[0], codes[1], "before and after IDENTIFY");
    codes[0]
}

/// Security: 8, 11.
#[tokio::test]
async fn a_frame_against_the_rules_closes_1002() {
    let hub = Hub::start().await;
    let unmasked = [&[TEXT, 2][..], b"{}"].concat();
    let fragment_in_fragment = [client_frame(0x01, b"{"), client_frame(TEXT, b"}")].concat();
    for (what, bytes) in [
        ("not masked", unmasked),
        ("opcode 3", client_frame(0x83, b"")),
        ("opcode 11", client_frame(0x8b, b"")),
        ("a reserved bit", client_frame(0xc1, b"{}")),
        ("a fragmented ping", client_frame(0x09, b"")),
        ("a long ping", client_frame(0x89, &[0; 126])),
        ("a continuation of nothing", client_frame(0x80, b"{}")),
        ("a text within a fragmented text", fragment_in_fragment),
        ("a close frame of one byte", client_frame(0x88, b"x")),
        ("close code 1005", client_frame(0x88, &1005_u16.to_be_bytes())),
        ("close code 1004", client_frame(0x88, &1004_u16.to_be_bytes())),
        ("close code 1006", client_frame(0x88, &1006_u16.to_be_bytes())),
        ("close code 1015", client_frame(0x88, &1015_u16.to_be_bytes())),
        ("close code 5000", client_frame(0x88, &5000_u16.to_be_bytes())),
        ("close code 999", client_frame(0x88, &999_u16.to_be_bytes())),
    ] {
        assert_eq!(closed_after(&hub, &bytes).await, 1002, "{what}");
    }
}

/// Security: 11.
#[tokio::test]
async fn text_that_is_not_utf_8_closes_1007() {
    let hub = Hub::start().await;
    let split = [client_frame(0x01, b"\"\xf0\x9f"), client_frame(0x80, b"\x98\"")].concat();
    let unfinished = [client_frame(0x01, b"\"\xce\xba\xe1\xbd\xb9\xcf\x83"), client_frame(0x00, b"\xf4\x90\x80\x80")].concat();
    let reason = [&1000_u16.to_be_bytes()[..], b"\xff"].concat();
    for (what, bytes) in [
        ("a stray byte", client_frame(TEXT, b"{\"type\":\"\xff\"}")),
        ("overlong", client_frame(TEXT, b"\xc0\xaf")),
        ("a surrogate", client_frame(TEXT, b"\xed\xa0\x80")),
        ("broken across fragments", split),
        ("broken in a message that does not end", unfinished),
        ("in a close reason", client_frame(0x88, &reason)),
    ] {
        let code = closed_after(&hub, &bytes).await;
        assert_eq!(code, 1007, "{what}");
    }
}

/// Security: 9.
#[tokio::test]
async fn a_payload_over_the_limit_closes_1009_before_there_is_room_for_it() {
    let hub = Hub::start().await;
    let just_right = fetch_of(LIMIT);
    let mut ada = hub.enter("ada").await;
    ada.say_text(just_right.clone()).await;
    assert_eq!(ada.hear_answer().await["type"], "SERVICE_FETCH_ALL_RESULT");
    ada.leave().await;
    let fragments = [client_frame(0x01, &vec![b' '; LIMIT]), client_frame(0x80, b" ")].concat();
    let promised = |length| client_frame_header(TEXT, length, MASK);
    closed_after(&hub, &promised(LIMIT as u64 + 1)).await;
    let before = hub.process().resident_bytes();
    for (what, bytes) in [
        ("one byte over", client_frame(TEXT, format!("{just_right} ").as_bytes())),
        ("one byte over, promised", promised(LIMIT as u64 + 1)),
        ("a gigabyte, promised", promised(1 << 30)),
        ("the largest length there is", promised((1 << 63) - 1)),
        ("over in two fragments", fragments),
    ] {
        assert_eq!(closed_after(&hub, &bytes).await, 1009, "{what}");
    }
    let grown = hub.process().resident_bytes().saturating_sub(before);
    assert!(grown < 1 << 20, "the hub grew by {grown} bytes");
}

/// RFC 6455, section 5.2: the most significant bit must be 0, so this length is no length.
/// Security: 9.
#[tokio::test]
async fn a_length_of_more_than_63_bits_is_refused_too() {
    let hub = Hub::start().await;
    let code = closed_after(&hub, &client_frame_header(TEXT, u64::MAX, MASK)).await;
    assert!(matches!(code, 1002 | 1009), "{code}");
}

/// Security: 10.
#[tokio::test]
async fn endless_fragments_are_bounded() {
    let hub = Hub::start().await;
    let mut wire = identified(&hub, "ada").await;
    let before = hub.process().resident_bytes();
    let mut bytes = client_frame(0x01, b" ");
    for _ in 0..LIMIT {
        bytes.extend(client_frame(0x00, b" "));
    }
    let _cut_on_the_way = wire.try_send(&bytes).await;
    assert_eq!(wire.frame().await.close_code(), 1009);
    let grown = hub.process().resident_bytes().saturating_sub(before);
    assert!(grown < 4 << 20, "the hub grew by {grown} bytes");
}

/// Security: 10.
#[tokio::test]
async fn a_million_empty_fragments_cost_no_memory_and_may_end_in_a_payload() {
    let hub = Hub::start().await;
    let mut wire = identified(&hub, "ada").await;
    let some = client_frame(0x00, b"").repeat(10_000);
    wire.send(&client_frame(0x01, b"")).await;
    wire.send(&some).await;
    let process = hub.process();
    let before = process.resident_bytes();
    process.forget_peak();
    for _ in 0..99 {
        wire.send(&some).await;
    }
    wire.send(&client_frame(0x80, br#"{"type":"SERVICE_FETCH_ALL"}"#)).await;
    assert_eq!(wire.frame().await.payload, br#"{"type":"SERVICE_FETCH_ALL_RESULT","seq":0,"services":[]}"#);
    let grown = process.peak_bytes().saturating_sub(before);
    assert!(grown < 1 << 20, "the hub grew by {grown} bytes");
}

/// Security: 14.
#[tokio::test]
async fn compression_is_never_agreed_on_and_what_is_compressed_all_the_same_is_1002() {
    let hub = Hub::start().await;
    for offer in [
        "permessage-deflate",
        "permessage-deflate; client_max_window_bits; server_max_window_bits=8",
        "permessage-deflate; server_no_context_takeover, permessage-deflate",
        "x-webkit-deflate-frame",
    ] {
        let mut wire = hub.dial().await;
        let head = wire.upgrade(&format!("Sec-WebSocket-Extensions: {offer}\r\n")).await;
        assert_eq!((head.status, head.header("sec-websocket-extensions")), (101, None), "{offer}");
        // a kilobyte that would inflate to a megabyte
        wire.send(&client_frame(0xc1, &[0; 1_024])).await;
        assert_eq!(wire.frame().await.close_code(), 1002, "{offer}");
    }
}

/// Security: 12.
#[tokio::test]
async fn who_ends_its_half_of_the_stream_has_left_whether_it_had_entered_or_not() {
    let hub = Hub::start().await;
    let mut witness = hub.enter("witness").await;
    let mut ada = identified(&hub, "ada").await;
    ada.end_sending().await;
    assert_eq!(witness.hear_news("CLIENT_LEFT").await["client"]["name"], "ada");
    ada.rest().await;
    for half in [&b""[..], b"GET /ws HTTP/1.1\r\n", handshake("").as_bytes()] {
        let mut wire = hub.dial().await;
        wire.send(half).await;
        wire.end_sending().await;
        wire.rest().await;
    }
}

#[tokio::test]
async fn the_limit_of_a_payload_can_be_set() {
    let hub = Hub::with(&["limits.payload_bytes=131072"]).await;
    let mut ada = hub.enter("ada").await;
    ada.say_text(fetch_of(131_072)).await;
    assert_eq!(ada.hear_answer().await["type"], "SERVICE_FETCH_ALL_RESULT");
    ada.say_text(fetch_of(131_073)).await;
    assert_eq!(ada.hear_close().await.0, 1009);
}

#[tokio::test]
async fn a_fragmented_payload_is_one_payload_and_pings_between_its_fragments_are_answered() {
    let hub = Hub::start().await;
    let mut wire = upgraded(&hub).await;
    wire.send(&client_frame(0x89, b"before IDENTIFY")).await;
    let pong = wire.frame().await;
    assert_eq!((pong.first, pong.payload.as_slice()), (0x8a, &b"before IDENTIFY"[..]));
    wire.send(&client_frame(0x01, br#"{"type":"IDENTIFY","#)).await;
    wire.send(&client_frame(0x00, b"")).await;
    wire.send(&client_frame(0x89, b"between")).await;
    assert_eq!(wire.frame().await.payload, b"between");
    wire.send(&client_frame(0x80, br#""name":"ada","version":"0.2.0"}"#)).await;
    assert_eq!(wire.frame().await.first, TEXT, "HELLO");
}

#[tokio::test]
async fn binary_messages_and_pongs_are_not_counted() {
    let hub = Hub::start().await;
    let mut ada = hub.enter("ada").await;
    ada.say_message(Message::binary(vec![1, 2, 3])).await;
    ada.say_message(Message::Pong(vec![4].into())).await;
    assert_eq!(ada.ask(&json!({ "type": "SERVICE_FETCH_ALL" })).await["seq"], 0);
    ada.leave().await;
    let mut bob = hub.connect().await;
    bob.say_message(Message::binary(vec![1, 2, 3])).await;
    assert_eq!(bob.hear_close().await.0, 4002);
}

/// Security: 12.
#[tokio::test]
async fn the_close_handshake_ends_in_a_close_frame_and_the_end_of_the_stream_whoever_begins() {
    let hub = Hub::start().await;
    for code in [1000_u16, 1001, 3000, 4999] {
        let mut wire = identified(&hub, "ada").await;
        let goodbye = [&code.to_be_bytes()[..], b"bye"].concat();
        wire.send(&client_frame(0x88, &goodbye)).await;
        let answer = wire.frame().await;
        assert_eq!((answer.first, answer.payload), (0x88, goodbye), "the hub answers with the same code");
        assert_eq!(wire.rest().await, b"");
    }
    let mut wire = identified(&hub, "ada").await;
    wire.send(&client_frame(0x88, b"")).await;
    assert_eq!(wire.frame().await.payload, b"", "a close frame without a code is answered without one");
    assert_eq!(wire.rest().await, b"");
    // the hub begins: what we still send before our answer must not reset the connection under its close frame
    let mut wire = upgraded(&hub).await;
    let mut late = client_frame(TEXT, br#"{"type":"SELF_FETCH"}"#);
    for _ in 0..1000 {
        late.extend(client_frame(TEXT, br#"{"type":"SELF_FETCH"}"#));
    }
    wire.send(&late).await;
    let close = wire.frame().await;
    assert_eq!(close.close_code(), 4003);
    wire.send(&client_frame(TEXT, b"{}")).await;
    wire.send(&client_frame(0x88, &close.payload)).await;
    assert_eq!(wire.rest().await, b"");
}

#[tokio::test]
async fn whoever_says_nothing_is_closed_4004_and_whoever_stays_silent_4009() {
    let hub = Hub::with(&["limits.identify_within_ms=200", "heartbeat.every_ms=200", "heartbeat.grace_ms=200"]).await;
    let mut mute = hub.connect().await;
    assert_eq!(mute.hear_close().await.0, 4004);
    let mut silent = identified(&hub, "ada").await;
    let ping = silent.frame().await;
    assert_eq!((ping.first, ping.payload.as_slice()), (0x89, &b""[..]));
    let close = loop {
        let frame = silent.frame().await;
        if frame.first != 0x89 {
            break frame;
        }
    };
    assert_eq!(close.close_code(), 4009);
}

#[tokio::test]
async fn too_many_messages_are_slowed_down_and_then_closed_4010_and_nobody_else_feels_it() {
    let hub = Hub::with(&["limits.messages_per_second=50"]).await;
    let mut ada = hub.enter("ada").await;
    for _ in 0..60 {
        ada.say(&json!({ "type": "SERVICE_FETCH_ALL" })).await;
    }
    for seq in 0..60 {
        assert_eq!(ada.hear_answer().await["seq"], seq, "slowed down, nothing is lost");
    }
    ada.leave().await;
}

/// A small generator of numbers that look random (xorshift), the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.roll(most)).map(|_| u8::try_from(self.roll(256)).unwrap()).collect()
    }
}

#[tokio::test]
async fn garbage_ends_its_own_connection_and_disturbs_nobody() {
    let hub = Hub::start().await;
    let mut witness = hub.enter("witness").await;
    let idle = hub.process().descriptors();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for n in 0..300 {
        let mut wire = match n % 3 {
            0 => hub.dial().await,
            1 => upgraded(&hub).await,
            _ => identified(&hub, &format!("garbage_{n}")).await,
        };
        for _ in 0..dice.roll(8) {
            let bytes = match dice.roll(3) {
                0 => dice.bytes(200),
                1 => client_frame(u8::try_from(dice.roll(256)).unwrap(), &dice.bytes(300)),
                _ => client_frame(TEXT, br#"{"type":"MESSAGE","target":{"type":"ALL"},"data":[[[[]]]]}"#),
            };
            let _cut_already = wire.try_send(&bytes).await;
        }
    }
    until("all of them are gone", async || (hub.process().descriptors() == idle).then_some(())).await;
    let clients = witness.ask(&json!({ "type": "CLIENT_FETCH_ALL" })).await;
    assert_eq!(clients["clients"].as_array().unwrap().len(), 1);
}
