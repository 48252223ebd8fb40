//! PROTOCOL.md, "Sequence numbers".

use expect_test::expect;
use tokio_tungstenite::tungstenite::Message;

use super::Hub;
use super::hub::identify;

#[tokio::test(start_paused = true)]
async fn every_text_message_after_identify_takes_the_next_number_from_0_on_malformed_ones_too() {
    let mut hub = Hub::new();
    let ada = hub.connect("ada").await;
    hub.whisper(ada, &identify("ada"));
    hub.settle().await;
    hub.forget();
    hub.say(ada, r#"{"type":"SERVICE_FETCH_ALL"}"#).await;
    hub.say(ada, "not JSON").await;
    hub.say(ada, r#"{"type":"SOMETHING_OF_TOMORROW"}"#).await;
    hub.send(ada, "binary", Message::binary("does not count")).await;
    hub.send(ada, "ping", Message::Ping("neither".into())).await;
    hub.say(ada, "").await;
    hub.say(ada, r#"{"type":"SERVICE_FETCH_ALL"}"#).await;
    hub.check(expect![[r#"
        ada → {"type":"SERVICE_FETCH_ALL"}
        ada ← {"type":"SERVICE_FETCH_ALL_RESULT","seq":0,"services":[]}
        ada → not JSON
        ada ← {"type":"ERROR_PROTOCOL","seq":1,"desc":"not JSON: expected ident at line 1 column 2"}
        ada → {"type":"SOMETHING_OF_TOMORROW"}
        ada ← {"type":"ERROR_UNSUPPORTED","seq":2}
        ada → binary
        ada → ping
        ada ← pong "neither"
        ada → 
        ada ← {"type":"ERROR_PROTOCOL","seq":3,"desc":"not JSON: EOF while parsing a value at line 1 column 0"}
        ada → {"type":"SERVICE_FETCH_ALL"}
        ada ← {"type":"SERVICE_FETCH_ALL_RESULT","seq":4,"services":[]}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn each_connection_counts_for_itself() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    for who in [ada, ada, bob, ada, bob] {
        hub.say(who, r#"{"type":"SERVICE_FETCH_ALL"}"#).await;
    }
    hub.check(expect![[r#"
        ada → {"type":"SERVICE_FETCH_ALL"}
        ada ← {"type":"SERVICE_FETCH_ALL_RESULT","seq":0,"services":[]}
        ada → {"type":"SERVICE_FETCH_ALL"}
        ada ← {"type":"SERVICE_FETCH_ALL_RESULT","seq":1,"services":[]}
        bob → {"type":"SERVICE_FETCH_ALL"}
        bob ← {"type":"SERVICE_FETCH_ALL_RESULT","seq":0,"services":[]}
        ada → {"type":"SERVICE_FETCH_ALL"}
        ada ← {"type":"SERVICE_FETCH_ALL_RESULT","seq":2,"services":[]}
        bob → {"type":"SERVICE_FETCH_ALL"}
        bob ← {"type":"SERVICE_FETCH_ALL_RESULT","seq":1,"services":[]}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn only_replies_have_a_seq() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"news"}"#).await;
    hub.say(ada, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#).await;
    hub.say(bob, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#).await;
    hub.say(ada, r#"{"type":"MESSAGE","target":{"type":"ALL"},"data":1}"#).await;
    hub.say(bob, r#"{"type":"SELF_UNSUBSCRIBE","service":"news"}"#).await;
    hub.say(ada, r#"{"type":"SERVICE_DELETE","service":"news"}"#).await;
    hub.join("cyd").await;
    let heard = hub.heard();
    let (replies, news): (Vec<&str>, Vec<&str>) =
        heard.lines().filter(|line| line.contains('←')).partition(|line| line.contains(r#""seq":"#));
    assert_eq!(replies.len(), 6, "{heard}");
    assert!(replies.iter().all(|line| line.contains("_RESULT") || line.contains("OK")), "{heard}");
    assert!(news.iter().all(|line| !line.contains("seq")), "{heard}");
}

#[tokio::test(start_paused = true)]
async fn self_set_seq_is_answered_ok_with_the_new_number_and_the_next_message_follows_it() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    hub.say(ada, r#"{"type":"SELF_SET_SEQ","seq":41}"#).await;
    hub.say(ada, r#"{"type":"SERVICE_FETCH_ALL"}"#).await;
    hub.say(ada, r#"{"type":"SELF_SET_SEQ","seq":0}"#).await;
    hub.say(ada, r#"{"type":"SERVICE_FETCH_ALL"}"#).await;
    hub.check(expect![[r#"
        ada → {"type":"SELF_SET_SEQ","seq":41}
        ada ← {"type":"OK","seq":41}
        ada → {"type":"SERVICE_FETCH_ALL"}
        ada ← {"type":"SERVICE_FETCH_ALL_RESULT","seq":42,"services":[]}
        ada → {"type":"SELF_SET_SEQ","seq":0}
        ada ← {"type":"OK","seq":0}
        ada → {"type":"SERVICE_FETCH_ALL"}
        ada ← {"type":"SERVICE_FETCH_ALL_RESULT","seq":1,"services":[]}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn seq_is_0_to_2_to_the_53_minus_1_and_a_refused_one_changes_nothing() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    hub.say(ada, r#"{"type":"SELF_SET_SEQ","seq":9007199254740990}"#).await;
    hub.say(ada, r#"{"type":"SELF_SET_SEQ","seq":9007199254740991}"#).await;
    // the largest one is followed by 0
    for seq in ["9007199254740992", "-1", "1.5", "1e3", "\"7\"", "null", "18446744073709551616"] {
        hub.say(ada, &format!(r#"{{"type":"SELF_SET_SEQ","seq":{seq}}}"#)).await;
    }
    hub.say(ada, r#"{"type":"SELF_SET_SEQ"}"#).await;
    hub.say(ada, r#"{"type":"SERVICE_FETCH_ALL"}"#).await;
    hub.check(expect![[r#"
        ada → {"type":"SELF_SET_SEQ","seq":9007199254740990}
        ada ← {"type":"OK","seq":9007199254740990}
        ada → {"type":"SELF_SET_SEQ","seq":9007199254740991}
        ada ← {"type":"OK","seq":9007199254740991}
        ada → {"type":"SELF_SET_SEQ","seq":9007199254740992}
        ada ← {"type":"ERROR_PROTOCOL","seq":0,"desc":"seq: invalid value: integer `9007199254740992`, expected an integer from 0 to 2^53 - 1"}
        ada → {"type":"SELF_SET_SEQ","seq":-1}
        ada ← {"type":"ERROR_PROTOCOL","seq":1,"desc":"seq: invalid type: integer `-1`, expected an integer from 0 to 2^53 - 1"}
        ada → {"type":"SELF_SET_SEQ","seq":1.5}
        ada ← {"type":"ERROR_PROTOCOL","seq":2,"desc":"seq: invalid type: floating point `1.5`, expected an integer from 0 to 2^53 - 1"}
        ada → {"type":"SELF_SET_SEQ","seq":1e3}
        ada ← {"type":"ERROR_PROTOCOL","seq":3,"desc":"seq: invalid type: floating point `1000.0`, expected an integer from 0 to 2^53 - 1"}
        ada → {"type":"SELF_SET_SEQ","seq":"7"}
        ada ← {"type":"ERROR_PROTOCOL","seq":4,"desc":"seq: invalid type: string \"7\", expected an integer from 0 to 2^53 - 1"}
        ada → {"type":"SELF_SET_SEQ","seq":null}
        ada ← {"type":"ERROR_PROTOCOL","seq":5,"desc":"seq: invalid type: null, expected an integer from 0 to 2^53 - 1"}
        ada → {"type":"SELF_SET_SEQ","seq":18446744073709551616}
        ada ← {"type":"ERROR_PROTOCOL","seq":6,"desc":"seq: invalid type: floating point `1.8446744073709552e+19`, expected an integer from 0 to 2^53 - 1"}
        ada → {"type":"SELF_SET_SEQ"}
        ada ← {"type":"ERROR_PROTOCOL","seq":7,"desc":"missing field `seq`"}
        ada → {"type":"SERVICE_FETCH_ALL"}
        ada ← {"type":"SERVICE_FETCH_ALL_RESULT","seq":8,"services":[]}
    "#]]);
}
