//! PROTOCOL.md, "Errors": payloads that are not accepted, and what they leave alone.

use expect_test::expect;
use serde_json::json;

use super::Hub;
use super::hub::identify;

/// Security: 16.
#[tokio::test(start_paused = true)]
async fn a_second_identify_and_unknown_types_are_error_unsupported() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    hub.join("bob").await;
    hub.say(ada, &identify("eve")).await;
    for kind in ["IDENTIFY", "HELLO", "OK", "CLIENT_JOINED", "self_fetch", "", "SOMETHING_OF_TOMORROW"] {
        hub.say(ada, &json!({ "type": kind }).to_string()).await;
    }
    hub.say(ada, r#"{"type":"SELF_FETCH"}"#).await;
    hub.check(expect![[r#"
        ada → {"type":"IDENTIFY","name":"eve","version":"0.2.0"}
        ada ← {"type":"ERROR_UNSUPPORTED","seq":0}
        ada → {"type":"IDENTIFY"}
        ada ← {"type":"ERROR_UNSUPPORTED","seq":1}
        ada → {"type":"HELLO"}
        ada ← {"type":"ERROR_UNSUPPORTED","seq":2}
        ada → {"type":"OK"}
        ada ← {"type":"ERROR_UNSUPPORTED","seq":3}
        ada → {"type":"CLIENT_JOINED"}
        ada ← {"type":"ERROR_UNSUPPORTED","seq":4}
        ada → {"type":"self_fetch"}
        ada ← {"type":"ERROR_UNSUPPORTED","seq":5}
        ada → {"type":""}
        ada ← {"type":"ERROR_UNSUPPORTED","seq":6}
        ada → {"type":"SOMETHING_OF_TOMORROW"}
        ada ← {"type":"ERROR_UNSUPPORTED","seq":7}
        ada → {"type":"SELF_FETCH"}
        ada ← {"type":"SELF_FETCH_RESULT","seq":8,"client":{<ada>},"subscriptions":[]}
    "#]]);
}

/// Security: 22.
#[tokio::test(start_paused = true)]
async fn what_is_no_payload_is_error_protocol_and_the_connection_goes_on() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    for text in [
        "",
        "hello",
        "{",
        "null",
        "7",
        "[]",
        r#"[{"type":"SELF_FETCH"}]"#,
        "{}",
        r#"{"type":null}"#,
        r#"{"type":["SELF_FETCH"]}"#,
    ] {
        hub.say(ada, text).await;
    }
    hub.say(ada, r#"{"type":"SELF_FETCH"} {}"#).await;
    hub.say(ada, "\u{feff}{}").await;
    hub.check(expect![[r#"
        ada → 
        ada ← {"type":"ERROR_PROTOCOL","seq":0,"desc":"not JSON: EOF while parsing a value at line 1 column 0"}
        ada → hello
        ada ← {"type":"ERROR_PROTOCOL","seq":1,"desc":"not JSON: expected value at line 1 column 1"}
        ada → {
        ada ← {"type":"ERROR_PROTOCOL","seq":2,"desc":"not JSON: EOF while parsing an object at line 1 column 1"}
        ada → null
        ada ← {"type":"ERROR_PROTOCOL","seq":3,"desc":"not a JSON object"}
        ada → 7
        ada ← {"type":"ERROR_PROTOCOL","seq":4,"desc":"not a JSON object"}
        ada → []
        ada ← {"type":"ERROR_PROTOCOL","seq":5,"desc":"not a JSON object"}
        ada → [{"type":"SELF_FETCH"}]
        ada ← {"type":"ERROR_PROTOCOL","seq":6,"desc":"not a JSON object"}
        ada → {}
        ada ← {"type":"ERROR_PROTOCOL","seq":7,"desc":"missing field `type`"}
        ada → {"type":null}
        ada ← {"type":"ERROR_PROTOCOL","seq":8,"desc":"type: invalid type: null, expected a string"}
        ada → {"type":["SELF_FETCH"]}
        ada ← {"type":"ERROR_PROTOCOL","seq":9,"desc":"type: invalid type: sequence, expected a string"}
        ada → {"type":"SELF_FETCH"} {}
        ada ← {"type":"ERROR_PROTOCOL","seq":10,"desc":"not JSON: trailing characters at line 1 column 23"}
        ada → ﻿{}
        ada ← {"type":"ERROR_PROTOCOL","seq":11,"desc":"not JSON: expected value at line 1 column 1"}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_bad_field_is_error_protocol_that_names_it() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    for payload in [
        r#"{"type":"SELF_SUBSCRIBE"}"#,
        r#"{"type":"SELF_SUBSCRIBE","service":null}"#,
        r#"{"type":"SELF_UNSUBSCRIBE","service":7}"#,
        r#"{"type":"SERVICE_CREATE","nickname":"x"}"#,
        r#"{"type":"SERVICE_CREATE","service":"news","nickname":7}"#,
        r#"{"type":"SERVICE_DELETE","service":{"name":"news"}}"#,
        r#"{"type":"SERVICE_FETCH"}"#,
        r#"{"type":"CLIENT_FETCH"}"#,
        r#"{"type":"CLIENT_FETCH","uuid":"bob"}"#,
        r#"{"type":"SELF_SET_SEQ","seq":-1}"#,
    ] {
        hub.say(ada, payload).await;
    }
    hub.say(ada, r#"{"type":"SERVICE_FETCH_ALL"}"#).await;
    hub.check(expect![[r#"
        ada → {"type":"SELF_SUBSCRIBE"}
        ada ← {"type":"ERROR_PROTOCOL","seq":0,"desc":"missing field `service`"}
        ada → {"type":"SELF_SUBSCRIBE","service":null}
        ada ← {"type":"ERROR_PROTOCOL","seq":1,"desc":"service: invalid type: null, expected a string"}
        ada → {"type":"SELF_UNSUBSCRIBE","service":7}
        ada ← {"type":"ERROR_PROTOCOL","seq":2,"desc":"service: invalid type: integer `7`, expected a string"}
        ada → {"type":"SERVICE_CREATE","nickname":"x"}
        ada ← {"type":"ERROR_PROTOCOL","seq":3,"desc":"missing field `service`"}
        ada → {"type":"SERVICE_CREATE","service":"news","nickname":7}
        ada ← {"type":"ERROR_PROTOCOL","seq":4,"desc":"nickname: invalid type: integer `7`, expected a string"}
        ada → {"type":"SERVICE_DELETE","service":{"name":"news"}}
        ada ← {"type":"ERROR_PROTOCOL","seq":5,"desc":"service: invalid type: map, expected a string"}
        ada → {"type":"SERVICE_FETCH"}
        ada ← {"type":"ERROR_PROTOCOL","seq":6,"desc":"missing field `service`"}
        ada → {"type":"CLIENT_FETCH"}
        ada ← {"type":"ERROR_PROTOCOL","seq":7,"desc":"missing field `uuid`"}
        ada → {"type":"CLIENT_FETCH","uuid":"bob"}
        ada ← {"type":"ERROR_PROTOCOL","seq":8,"desc":"uuid: UUID parsing failed: invalid character: found `o` at 1"}
        ada → {"type":"SELF_SET_SEQ","seq":-1}
        ada ← {"type":"ERROR_PROTOCOL","seq":9,"desc":"seq: invalid type: integer `-1`, expected an integer from 0 to 2^53 - 1"}
        ada → {"type":"SERVICE_FETCH_ALL"}
        ada ← {"type":"SERVICE_FETCH_ALL_RESULT","seq":10,"services":[]}
    "#]]);
}

/// Security: 22.
#[tokio::test(start_paused = true)]
async fn a_desc_repeats_at_most_128_characters() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    let long = "é".repeat(5_000);
    for payload in [
        json!({ "type": "SERVICE_CREATE", "service": [long] }),
        json!({ "type": "SERVICE_CREATE", "service": "x", "nickname": { &long: 1 } }),
        json!({ "type": "CLIENT_FETCH", "uuid": long }),
        json!({ "type": "MESSAGE", "target": { "type": long }, "data": 1 }),
        json!({ "type": "SELF_SET_SEQ", "seq": long }),
        json!(long),
    ] {
        let answer = hub.ask(ada, &payload.to_string()).await;
        let desc = answer["desc"].as_str().unwrap();
        assert!(answer["type"] == "ERROR_PROTOCOL" && (1..=128).contains(&desc.chars().count()), "{answer}");
    }
}

/// Security: 21.
#[tokio::test(start_paused = true)]
async fn unknown_fields_are_ignored_and_optional_ones_may_be_null() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    hub.say(ada, r#"{"service":"news","seq":99,"type":"SERVICE_CREATE","nickname":null,"owner_uuid":"x","successful":false}"#)
        .await;
    hub.say(ada, r#"{"type":"SELF_FETCH","uuid":7,"service":null}"#).await;
    hub.check(expect![[r#"
        ada → {"service":"news","seq":99,"type":"SERVICE_CREATE","nickname":null,"owner_uuid":"x","successful":false}
        ada ← {"type":"SERVICE_CREATE_RESULT","seq":0,"successful":true,"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":[],"subscriber_count":0}}
        ada ← {"type":"SERVICE_CREATE_RESULT","successful":true,"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":[],"subscriber_count":0}}
        ada → {"type":"SELF_FETCH","uuid":7,"service":null}
        ada ← {"type":"SELF_FETCH_RESULT","seq":1,"client":{<ada>},"subscriptions":[]}
    "#]]);
}

/// Security: 22.
#[tokio::test(start_paused = true)]
async fn a_payload_may_nest_128_deep_its_own_object_included() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    let message = |deep: usize| {
        let data = "[".repeat(deep) + &"]".repeat(deep);
        format!(r#"{{"type":"MESSAGE","target":{{"type":"NAME","name":"ada"}},"data":{data}}}"#)
    };
    assert_eq!(hub.ask(ada, &message(127)).await["type"], "OK");
    let refused = hub.ask(ada, &message(128)).await;
    assert_eq!((&refused["type"], &refused["desc"]), (&json!("ERROR_PROTOCOL"), &json!("nested deeper than 128")));
    // the same in a field that nobody reads, and where the text is as deep as fits into a payload
    let ignored = format!(r#"{{"type":"SELF_FETCH","x":{}{}}}"#, "[".repeat(128), "]".repeat(128));
    assert_eq!(hub.ask(ada, &ignored).await["desc"], "nested deeper than 128");
    assert_eq!(hub.ask(ada, &"[".repeat(60_000)).await["type"], "ERROR_PROTOCOL");
    // brackets in strings are no nesting
    let flat = format!(
        r#"{{"type":"MESSAGE","target":{{"type":"NAME","name":"ada"}},"data":"{}\"{}"}}"#,
        "[".repeat(500),
        "{".repeat(500)
    );
    assert_eq!(hub.ask(ada, &flat).await["type"], "OK");
}

/// Security: 22.
#[tokio::test(start_paused = true)]
async fn a_field_that_stands_twice_is_refused() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    for payload in [
        r#"{"type":"SELF_FETCH","type":"SELF_FETCH"}"#,
        r#"{"type":"SERVICE_CREATE","service":"a","service":"b"}"#,
        r#"{"type":"MESSAGE","target":{"type":"ALL"},"data":1,"data":2}"#,
        r#"{"type":"MESSAGE","target":{"type":"NAME","name":"ada","name":"bob"},"data":1}"#,
    ] {
        hub.say(ada, payload).await;
    }
    hub.check(expect![[r#"
        ada → {"type":"SELF_FETCH","type":"SELF_FETCH"}
        ada ← {"type":"ERROR_PROTOCOL","seq":0,"desc":"duplicate field `type`"}
        ada → {"type":"SERVICE_CREATE","service":"a","service":"b"}
        ada ← {"type":"ERROR_PROTOCOL","seq":1,"desc":"duplicate field `service`"}
        ada → {"type":"MESSAGE","target":{"type":"ALL"},"data":1,"data":2}
        ada ← {"type":"ERROR_PROTOCOL","seq":2,"desc":"duplicate field `data`"}
        ada → {"type":"MESSAGE","target":{"type":"NAME","name":"ada","name":"bob"},"data":1}
        ada ← {"type":"ERROR_PROTOCOL","seq":3,"desc":"target: duplicate field `name`"}
    "#]]);
}

/// In fields that the hub reads they are refused; what it relays unread stays what it is, and is JSON.
/// Security: 22.
#[tokio::test(start_paused = true)]
async fn numbers_out_of_range_and_lone_surrogates_are_refused_where_the_hub_reads_and_relayed_where_it_does_not() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    for payload in [
        r#"{"type":"SELF_SET_SEQ","seq":1e400}"#,
        r#"{"type":"SELF_SET_SEQ","seq":-1e400}"#,
        r#"{"type":"SELF_SET_SEQ","seq":1e3}"#,
        r#"{"type":"SELF_SET_SEQ","seq":18446744073709551616}"#,
        r#"{"type":"SELF_SET_SEQ","seq":NaN}"#,
        r#"{"type":"\ud800"}"#,
        r#"{"type":"SELF_SUBSCRIBE","service":"\udc00"}"#,
        r#"{"type":"MESSAGE","target":{"type":"NAME","name":"\ud800ada"},"data":1}"#,
        r#"{"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":[1e400,-01]}"#,
        r#"{"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":[1e400,"\ud800"]}"#,
    ] {
        hub.say(ada, payload).await;
    }
    hub.check(expect![[r#"
        ada → {"type":"SELF_SET_SEQ","seq":1e400}
        ada ← {"type":"ERROR_PROTOCOL","seq":0,"desc":"seq: number out of range at line 1 column 34"}
        ada → {"type":"SELF_SET_SEQ","seq":-1e400}
        ada ← {"type":"ERROR_PROTOCOL","seq":1,"desc":"seq: number out of range at line 1 column 35"}
        ada → {"type":"SELF_SET_SEQ","seq":1e3}
        ada ← {"type":"ERROR_PROTOCOL","seq":2,"desc":"seq: invalid type: floating point `1000.0`, expected an integer from 0 to 2^53 - 1"}
        ada → {"type":"SELF_SET_SEQ","seq":18446744073709551616}
        ada ← {"type":"ERROR_PROTOCOL","seq":3,"desc":"seq: invalid type: floating point `1.8446744073709552e+19`, expected an integer from 0 to 2^53 - 1"}
        ada → {"type":"SELF_SET_SEQ","seq":NaN}
        ada ← {"type":"ERROR_PROTOCOL","seq":4,"desc":"seq: expected value at line 1 column 30"}
        ada → {"type":"\ud800"}
        ada ← {"type":"ERROR_PROTOCOL","seq":5,"desc":"type: unexpected end of hex escape at line 1 column 16"}
        ada → {"type":"SELF_SUBSCRIBE","service":"\udc00"}
        ada ← {"type":"ERROR_PROTOCOL","seq":6,"desc":"service: lone leading surrogate in hex escape at line 1 column 42"}
        ada → {"type":"MESSAGE","target":{"type":"NAME","name":"\ud800ada"},"data":1}
        ada ← {"type":"ERROR_PROTOCOL","seq":7,"desc":"target.name: not JSON: unexpected end of hex escape at line 1 column 8"}
        ada → {"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":[1e400,-01]}
        ada ← {"type":"ERROR_PROTOCOL","seq":8,"desc":"data: invalid number at line 1 column 73"}
        ada → {"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":[1e400,"\ud800"]}
        ada ← {"type":"MESSAGE","origin":{<ada>,"service":null},"target":{"type":"NAME","name":"ada"},"data":[1e400,"\ud800"]}
        ada ← {"type":"OK","seq":9}
    "#]]);
}

/// Security: 22.
#[tokio::test(start_paused = true)]
async fn a_payload_that_is_all_brackets_is_error_protocol_up_to_its_last_byte() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    for open in ["[", "{", "[{\"\":", "{\"type\":"] {
        let text = open.repeat(concierge_api_rs::limits::PAYLOAD_BYTES / open.len());
        assert_eq!(hub.ask(ada, &text).await["type"], "ERROR_PROTOCOL", "{open}");
    }
    assert_eq!(hub.ask(ada, r#"{"type":"SERVICE_FETCH_ALL"}"#).await["type"], "SERVICE_FETCH_ALL_RESULT");
}
