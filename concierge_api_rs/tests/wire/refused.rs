//! What is refused, and the sentence that says why.

use concierge_api_rs::*;
use expect_test::{Expect, expect};

use crate::sample::{ADA, BOB};

fn refusal(text: &str) -> String {
    match PayloadIn::decode(text) {
        Err(DecodeError::Malformed(desc)) => desc,
        Err(DecodeError::Unsupported) => "UNSUPPORTED".to_owned(),
        Ok(payload) => panic!("{text} is {payload:?}"),
    }
}

fn identify_refusal(text: &str) -> String {
    match Identify::decode(text) {
        Err(DecodeError::Malformed(desc)) => format!("4002 {desc}"),
        Err(DecodeError::Unsupported) => "4003".to_owned(),
        Ok(payload) => panic!("{text} is {payload:?}"),
    }
}

/// A table: each text and what is said to it.
fn table(texts: &[&str], said: fn(&str) -> String, expected: Expect) {
    let rows: Vec<String> = texts.iter().map(|text| format!("{text}\n    {}", said(text))).collect();
    expected.assert_eq(&rows.join("\n"));
}

/// Security: 22.
#[test]
fn what_is_not_a_json_object_with_a_type() {
    assert_eq!(refusal(""), "not JSON: EOF while parsing a value at line 1 column 0");
    assert_eq!(refusal(" "), "not JSON: EOF while parsing a value at line 1 column 1");
    let texts = [
        "IDENTIFY",
        "{",
        "{}}",
        r#"{"type":"SELF_FETCH"} x"#,
        r#"{"type":"SELF_FETCH",}"#,
        r#"{'type':'SELF_FETCH'}"#,
        "\u{feff}{\"type\":\"SELF_FETCH\"}",
        "null",
        "7",
        r#""SELF_FETCH""#,
        r#"["SELF_FETCH"]"#,
        r#"[{"type":"SELF_FETCH"}]"#,
        "{}",
        r#"{"Type":"SELF_FETCH"}"#,
        r#"{"type":null}"#,
        r#"{"type":5}"#,
        r#"{"type":["SELF_FETCH"]}"#,
        r#"{"type":{"SELF_FETCH":{}}}"#,
        r#"{"type":"SELF_FETCH","type":"SELF_FETCH"}"#,
        r#"{"type":"\ud800"}"#,
        "{\"type\":\"SELF\tFETCH\"}",
    ];
    table(
        &texts,
        refusal,
        expect![[r#"
            IDENTIFY
                not JSON: expected value at line 1 column 1
            {
                not JSON: EOF while parsing an object at line 1 column 1
            {}}
                missing field `type`
            {"type":"SELF_FETCH"} x
                not JSON: trailing characters at line 1 column 23
            {"type":"SELF_FETCH",}
                not JSON: trailing comma at line 1 column 22
            {'type':'SELF_FETCH'}
                not JSON: key must be a string at line 1 column 2
            ﻿{"type":"SELF_FETCH"}
                not JSON: expected value at line 1 column 1
            null
                not a JSON object
            7
                not a JSON object
            "SELF_FETCH"
                not a JSON object
            ["SELF_FETCH"]
                not a JSON object
            [{"type":"SELF_FETCH"}]
                not a JSON object
            {}
                missing field `type`
            {"Type":"SELF_FETCH"}
                missing field `type`
            {"type":null}
                type: invalid type: null, expected a string
            {"type":5}
                type: invalid type: integer `5`, expected a string
            {"type":["SELF_FETCH"]}
                type: invalid type: sequence, expected a string
            {"type":{"SELF_FETCH":{}}}
                type: invalid type: map, expected a string
            {"type":"SELF_FETCH","type":"SELF_FETCH"}
                duplicate field `type`
            {"type":"\ud800"}
                type: unexpected end of hex escape at line 1 column 16
            {"type":"SELF	FETCH"}
                type: control character (\u0000-\u001F) found while parsing a string at line 1 column 14"#]],
    );
}

#[test]
fn types_that_are_not_accepted() {
    for kind in ["", "self_fetch", "HELLO", "OK", "SELF_FETCH ", "SELF_FETCH_RESULT", "IDENTIFY", "PING", "🦀"] {
        assert_eq!(refusal(&format!(r#"{{"type":"{kind}","service":7}}"#)), "UNSUPPORTED", "{kind}");
    }
    assert!(matches!(Incoming::decode(r#"{"type":"SELF_FETCH"}"#), Err(DecodeError::Unsupported)));
}

#[test]
fn fields_that_are_missing_or_of_another_type() {
    let texts = [
        r#"{"type":"SELF_SUBSCRIBE"}"#,
        r#"{"type":"SELF_SUBSCRIBE","service":null}"#,
        r#"{"type":"SELF_SUBSCRIBE","service":7}"#,
        r#"{"type":"SELF_SUBSCRIBE","service":["weather"]}"#,
        r#"{"type":"SELF_SUBSCRIBE","service":""}"#,
        r#"{"type":"SELF_UNSUBSCRIBE","service":"a b"}"#,
        r#"{"type":"SELF_SUBSCRIBE","service":"a","service":"b"}"#,
        r#"{"type":"SERVICE_CREATE","nickname":"x"}"#,
        r#"{"type":"SERVICE_CREATE","service":"x","nickname":7}"#,
        r#"{"type":"CREATE_SERVICE"}"#,
        r#"{"type":"SERVICE_DELETE"}"#,
        r#"{"type":"SERVICE_FETCH","service":"\ud800"}"#,
        r#"{"type":"CLIENT_FETCH"}"#,
        r#"{"type":"CLIENT_FETCH","uuid":"ada"}"#,
        r#"{"type":"CLIENT_FETCH","uuid":7}"#,
        r#"{"type":"SELF_SET_SEQ"}"#,
        r#"{"type":"SELF_SET_SEQ","seq":null}"#,
        r#"{"type":"SELF_SET_SEQ","seq":-1}"#,
        r#"{"type":"SELF_SET_SEQ","seq":1.0}"#,
        r#"{"type":"SELF_SET_SEQ","seq":"1"}"#,
        r#"{"type":"SELF_SET_SEQ","seq":1e400}"#,
        r#"{"type":"SELF_SET_SEQ","seq":9007199254740992}"#,
        r#"{"type":"SELF_SET_SEQ","seq":99999999999999999999}"#,
    ];
    table(
        &texts,
        refusal,
        expect![[r#"
        {"type":"SELF_SUBSCRIBE"}
            missing field `service`
        {"type":"SELF_SUBSCRIBE","service":null}
            service: invalid type: null, expected a string
        {"type":"SELF_SUBSCRIBE","service":7}
            service: invalid type: integer `7`, expected a string
        {"type":"SELF_SUBSCRIBE","service":["weather"]}
            service: invalid type: sequence, expected a string
        {"type":"SELF_SUBSCRIBE","service":""}
            service: a name is 1 to 64 characters of A-Z a-z 0-9 _ . : -
        {"type":"SELF_UNSUBSCRIBE","service":"a b"}
            service: a name is 1 to 64 characters of A-Z a-z 0-9 _ . : -
        {"type":"SELF_SUBSCRIBE","service":"a","service":"b"}
            duplicate field `service`
        {"type":"SERVICE_CREATE","nickname":"x"}
            missing field `service`
        {"type":"SERVICE_CREATE","service":"x","nickname":7}
            nickname: invalid type: integer `7`, expected a string
        {"type":"CREATE_SERVICE"}
            missing field `service`
        {"type":"SERVICE_DELETE"}
            missing field `service`
        {"type":"SERVICE_FETCH","service":"\ud800"}
            service: unexpected end of hex escape at line 1 column 42
        {"type":"CLIENT_FETCH"}
            missing field `uuid`
        {"type":"CLIENT_FETCH","uuid":"ada"}
            uuid: UUID parsing failed: invalid length: found 3
        {"type":"CLIENT_FETCH","uuid":7}
            uuid: invalid type: integer `7`, expected a formatted UUID string
        {"type":"SELF_SET_SEQ"}
            missing field `seq`
        {"type":"SELF_SET_SEQ","seq":null}
            seq: invalid type: null, expected an integer from 0 to 2^53 - 1
        {"type":"SELF_SET_SEQ","seq":-1}
            seq: invalid type: integer `-1`, expected an integer from 0 to 2^53 - 1
        {"type":"SELF_SET_SEQ","seq":1.0}
            seq: invalid type: floating point `1.0`, expected an integer from 0 to 2^53 - 1
        {"type":"SELF_SET_SEQ","seq":"1"}
            seq: invalid type: string "1", expected an integer from 0 to 2^53 - 1
        {"type":"SELF_SET_SEQ","seq":1e400}
            seq: number out of range at line 1 column 34
        {"type":"SELF_SET_SEQ","seq":9007199254740992}
            seq: invalid value: integer `9007199254740992`, expected an integer from 0 to 2^53 - 1
        {"type":"SELF_SET_SEQ","seq":99999999999999999999}
            seq: invalid type: floating point `1e+20`, expected an integer from 0 to 2^53 - 1"#]],
    );
}

#[test]
fn a_seq_at_both_bounds_is_accepted() {
    for n in [0, limits::SEQ_MAX] {
        let text = format!(r#"{{"type":"SELF_SET_SEQ","seq":{n}}}"#);
        assert!(matches!(PayloadIn::decode(&text), Ok(PayloadIn::SelfSetSeq(s)) if s.seq.value() == n));
    }
}

#[test]
fn messages_without_target_or_data_and_targets_that_are_none() {
    let texts = [
        r#"{"type":"MESSAGE"}"#,
        r#"{"type":"MESSAGE","data":0}"#,
        r#"{"type":"MESSAGE","target":{"type":"ALL"}}"#,
        r#"{"type":"MESSAGE","target":null,"data":0}"#,
        r#"{"type":"MESSAGE","target":"ALL","data":0}"#,
        r#"{"type":"MESSAGE","target":["ALL"],"data":0}"#,
        r#"{"type":"MESSAGE","target":{},"data":0}"#,
        r#"{"type":"MESSAGE","target":{"type":7},"data":0}"#,
        r#"{"type":"MESSAGE","target":{"type":"EVERYBODY"},"data":0}"#,
        r#"{"type":"MESSAGE","target":{"type":"NAME"},"data":0}"#,
        r#"{"type":"MESSAGE","target":{"type":"NAME","name":null},"data":0}"#,
        r#"{"type":"MESSAGE","target":{"type":"NAME","name":7},"data":0}"#,
        r#"{"type":"MESSAGE","target":{"type":"NAME","name":["bob"]},"data":0}"#,
        r#"{"type":"MESSAGE","target":{"type":"NAME","name":"b.b"},"data":0}"#,
        r#"{"type":"MESSAGE","target":{"type":"NAME","name":"a","name":"b"},"data":0}"#,
        r#"{"type":"MESSAGE","target":{"type":"UUID"},"data":0}"#,
        r#"{"type":"MESSAGE","target":{"type":"UUID","uuid":"bob"},"data":0}"#,
        r#"{"type":"MESSAGE","target":{"type":"UUID","uuid":7},"data":0}"#,
        r#"{"type":"MESSAGE","target":{"type":"SERVICE"},"data":0}"#,
        r#"{"type":"MESSAGE","target":{"type":"SERVICE","service":"a b"},"data":0}"#,
        r#"{"type":"MESSAGE","target":{"type":"SERVICE","service":{}},"data":0}"#,
        r#"{"type":"MESSAGE","target":{"type":"SERVICE_CLIENT_UUID","service":"s"},"data":0}"#,
        r#"{"type":"MESSAGE","target":{"type":"SERVICE_CLIENT_UUID","uuid":"7"},"data":0}"#,
        r#"{"type":"MESSAGE","target":{"type":"ALL"},"data":0,"data":1}"#,
        r#"{"type":"MESSAGE","target":{"type":"ALL"},"data":}"#,
        r#"{"type":"MESSAGE","target":{"type":"ALL"},"data":[1,}"#,
        r#"{"type":"MESSAGE","target":{"type":"ALL"},"data":"\x"}"#,
    ];
    table(
        &texts,
        refusal,
        expect![[r#"
            {"type":"MESSAGE"}
                missing field `target`
            {"type":"MESSAGE","data":0}
                missing field `target`
            {"type":"MESSAGE","target":{"type":"ALL"}}
                missing field `data`
            {"type":"MESSAGE","target":null,"data":0}
                target: not a JSON object
            {"type":"MESSAGE","target":"ALL","data":0}
                target: not a JSON object
            {"type":"MESSAGE","target":["ALL"],"data":0}
                target: not a JSON object
            {"type":"MESSAGE","target":{},"data":0}
                target: missing field `type`
            {"type":"MESSAGE","target":{"type":7},"data":0}
                target.type: invalid type: integer `7`, expected a string
            {"type":"MESSAGE","target":{"type":"EVERYBODY"},"data":0}
                target.type: not one of NAME, UUID, SERVICE, SERVICE_CLIENT_UUID, ALL: "EVERYBODY"
            {"type":"MESSAGE","target":{"type":"NAME"},"data":0}
                target: missing field `name`
            {"type":"MESSAGE","target":{"type":"NAME","name":null},"data":0}
                target.name: invalid type: null, expected a string
            {"type":"MESSAGE","target":{"type":"NAME","name":7},"data":0}
                target.name: invalid type: integer `7`, expected a string
            {"type":"MESSAGE","target":{"type":"NAME","name":["bob"]},"data":0}
                target.name: invalid type: sequence, expected a string
            {"type":"MESSAGE","target":{"type":"NAME","name":"b.b"},"data":0}
                target.name: a name is 1 to 64 characters of A-Z a-z 0-9 _
            {"type":"MESSAGE","target":{"type":"NAME","name":"a","name":"b"},"data":0}
                target: duplicate field `name`
            {"type":"MESSAGE","target":{"type":"UUID"},"data":0}
                target: missing field `uuid`
            {"type":"MESSAGE","target":{"type":"UUID","uuid":"bob"},"data":0}
                target.uuid: invalid character: found `o` at 1
            {"type":"MESSAGE","target":{"type":"UUID","uuid":7},"data":0}
                target.uuid: invalid type: integer `7`, expected a string
            {"type":"MESSAGE","target":{"type":"SERVICE"},"data":0}
                target: missing field `service`
            {"type":"MESSAGE","target":{"type":"SERVICE","service":"a b"},"data":0}
                target.service: a name is 1 to 64 characters of A-Z a-z 0-9 _ . : -
            {"type":"MESSAGE","target":{"type":"SERVICE","service":{}},"data":0}
                target.service: invalid type: map, expected a string
            {"type":"MESSAGE","target":{"type":"SERVICE_CLIENT_UUID","service":"s"},"data":0}
                target: missing field `uuid`
            {"type":"MESSAGE","target":{"type":"SERVICE_CLIENT_UUID","uuid":"7"},"data":0}
                target: missing field `service`
            {"type":"MESSAGE","target":{"type":"ALL"},"data":0,"data":1}
                duplicate field `data`
            {"type":"MESSAGE","target":{"type":"ALL"},"data":}
                data: expected value at line 1 column 50
            {"type":"MESSAGE","target":{"type":"ALL"},"data":[1,}
                data: expected value at line 1 column 53
            {"type":"MESSAGE","target":{"type":"ALL"},"data":"\x"}
                data: invalid escape at line 1 column 52"#]],
    );
}

#[test]
fn first_messages_and_what_closes_the_connection() {
    let texts = [
        "hello",
        "[]",
        "{}",
        r#"{"type":7}"#,
        r#"{"type":"SELF_FETCH"}"#,
        r#"{"type":"MESSAGE"}"#,
        r#"{"type":"NO_SUCH_TYPE"}"#,
        r#"{"type":"IDENTIFY"}"#,
        r#"{"type":"IDENTIFY","name":"ada"}"#,
        r#"{"type":"IDENTIFY","version":"0.2.0"}"#,
        r#"{"type":"IDENTIFY","name":7,"version":"0.2.0"}"#,
        r#"{"type":"IDENTIFY","name":null,"version":"0.2.0"}"#,
        r#"{"type":"IDENTIFY","name":"","version":"0.2.0"}"#,
        r#"{"type":"IDENTIFY","name":"Ada Lovelace","version":"0.2.0"}"#,
        r#"{"type":"IDENTIFY","name":"../ada","version":"0.2.0"}"#,
        r#"{"type":"IDENTIFY","name":"ada","version":2}"#,
        r#"{"type":"IDENTIFY","name":"ada","version":null}"#,
        r#"{"type":"IDENTIFY","name":"ada","version":"0.2.0","nickname":7}"#,
        r#"{"type":"IDENTIFY","name":"ada","version":"0.2.0","secret":7}"#,
        r#"{"type":"IDENTIFY","name":"ada","version":"0.2.0","tags":"pilot"}"#,
        r#"{"type":"IDENTIFY","name":"ada","version":"0.2.0","tags":["a",7]}"#,
        r#"{"type":"IDENTIFY","name":"ada","version":"0.2.0","intents":"CLIENTS"}"#,
        r#"{"type":"IDENTIFY","name":"ada","version":"0.2.0","intents":["CLIENTS",7]}"#,
        r#"{"type":"IDENTIFY","name":"ada","version":"0.2.0","intents":["CLIENTS",null]}"#,
        r#"{"type":"IDENTIFY","name":"ada","version":"0.2.0","intents":[{"CLIENTS":null}]}"#,
        r#"{"type":"IDENTIFY","name":"ada","version":"0.2.0","intents":["clients"]}"#,
        r#"{"type":"IDENTIFY","name":"ada","version":"0.2.0","intents":["CLIENTS"],"intents":[]}"#,
        r#"{"type":"IDENTIFY","name":"ada","name":"bob","version":"0.2.0"}"#,
    ];
    table(
        &texts,
        identify_refusal,
        expect![[r#"
        hello
            4002 not JSON: expected value at line 1 column 1
        []
            4002 not a JSON object
        {}
            4002 missing field `type`
        {"type":7}
            4002 type: invalid type: integer `7`, expected a string
        {"type":"SELF_FETCH"}
            4003
        {"type":"MESSAGE"}
            4003
        {"type":"NO_SUCH_TYPE"}
            4003
        {"type":"IDENTIFY"}
            4002 missing field `name`
        {"type":"IDENTIFY","name":"ada"}
            4002 missing field `version`
        {"type":"IDENTIFY","version":"0.2.0"}
            4002 missing field `name`
        {"type":"IDENTIFY","name":7,"version":"0.2.0"}
            4002 name: invalid type: integer `7`, expected a string
        {"type":"IDENTIFY","name":null,"version":"0.2.0"}
            4002 name: invalid type: null, expected a string
        {"type":"IDENTIFY","name":"","version":"0.2.0"}
            4002 name: a name is 1 to 64 characters of A-Z a-z 0-9 _
        {"type":"IDENTIFY","name":"Ada Lovelace","version":"0.2.0"}
            4002 name: a name is 1 to 64 characters of A-Z a-z 0-9 _
        {"type":"IDENTIFY","name":"../ada","version":"0.2.0"}
            4002 name: a name is 1 to 64 characters of A-Z a-z 0-9 _
        {"type":"IDENTIFY","name":"ada","version":2}
            4002 version: invalid type: integer `2`, expected a string
        {"type":"IDENTIFY","name":"ada","version":null}
            4002 version: invalid type: null, expected a string
        {"type":"IDENTIFY","name":"ada","version":"0.2.0","nickname":7}
            4002 nickname: invalid type: integer `7`, expected a string
        {"type":"IDENTIFY","name":"ada","version":"0.2.0","secret":7}
            4002 secret: invalid type: integer `7`, expected a string
        {"type":"IDENTIFY","name":"ada","version":"0.2.0","tags":"pilot"}
            4002 tags: invalid type: string "pilot", expected a sequence
        {"type":"IDENTIFY","name":"ada","version":"0.2.0","tags":["a",7]}
            4002 tags[1]: invalid type: integer `7`, expected a string
        {"type":"IDENTIFY","name":"ada","version":"0.2.0","intents":"CLIENTS"}
            4002 intents: invalid type: string "CLIENTS", expected a list of intents
        {"type":"IDENTIFY","name":"ada","version":"0.2.0","intents":["CLIENTS",7]}
            4002 intents[1]: invalid type: integer `7`, expected a string
        {"type":"IDENTIFY","name":"ada","version":"0.2.0","intents":["CLIENTS",null]}
            4002 intents[1]: invalid type: null, expected a string
        {"type":"IDENTIFY","name":"ada","version":"0.2.0","intents":[{"CLIENTS":null}]}
            4002 intents[0]: invalid type: map, expected a string
        {"type":"IDENTIFY","name":"ada","version":"0.2.0","intents":["clients"]}
            4002 intents[0]: unknown variant `clients`, expected one of `MESSAGES`, `SERVICES`, `CLIENTS`, `SERVICE_CLIENTS`
        {"type":"IDENTIFY","name":"ada","version":"0.2.0","intents":["CLIENTS"],"intents":[]}
            4002 duplicate field `intents`
        {"type":"IDENTIFY","name":"ada","name":"bob","version":"0.2.0"}
            4002 duplicate field `name`"#]],
    );
}

#[test]
fn what_is_too_long() {
    let identify = |name: usize, nickname: usize, tags: usize, tag: usize| {
        let tags = serde_json::to_string(&vec!["é".repeat(tag); tags]).unwrap();
        let (name, nickname) = ("x".repeat(name), "é".repeat(nickname));
        format!(r#"{{"type":"IDENTIFY","name":"{name}","nickname":"{nickname}","version":"0.2.0","tags":{tags}}}"#)
    };
    assert!(Identify::decode(&identify(64, 128, 32, 64)).is_ok());
    let said = [(65, 128, 32, 64), (64, 129, 32, 64), (64, 128, 33, 64), (64, 128, 32, 65)]
        .map(|(name, nickname, tags, tag)| identify_refusal(&identify(name, nickname, tags, tag)));
    expect![[r#"
        4002 name: a name is 1 to 64 characters of A-Z a-z 0-9 _
        4002 nickname: more than 128 characters
        4002 tags: more than 32
        4002 tags[0]: more than 64 characters"#]]
    .assert_eq(&said.join("\n"));

    let create = |service: usize, nickname: usize| {
        format!(r#"{{"type":"SERVICE_CREATE","service":"{}","nickname":"{}"}}"#, "x".repeat(service), "é".repeat(nickname))
    };
    assert!(PayloadIn::decode(&create(64, 128)).is_ok());
    let said = [(0, 128), (65, 128), (64, 129)].map(|(service, nickname)| refusal(&create(service, nickname)));
    expect![[r#"
        service: a name is 1 to 64 characters of A-Z a-z 0-9 _ . : -
        service: a name is 1 to 64 characters of A-Z a-z 0-9 _ . : -
        nickname: more than 128 characters"#]]
    .assert_eq(&said.join("\n"));
}

/// Security: 22.
#[test]
fn nesting_deeper_than_128_wherever_it_stands() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    type Place = fn(&str) -> String;
    let places: [(usize, Place); 4] = [
        (1, |x| format!(r#"{{"type":"MESSAGE","target":{{"type":"ALL"}},"data":{x}}}"#)),
        (2, |x| format!(r#"{{"type":"MESSAGE","target":{{"type":"ALL","note":{x}}},"data":0}}"#)),
        (1, |x| format!(r#"{{"note":{x},"type":"SELF_FETCH"}}"#)),
        (1, |x| format!(r#"{{"type":"MESSAGE","target":{{"type":"ALL"}},"data":{x},"text":"[[[\"[["}}"#)),
    ];
    for (outer, place) in places {
        assert!(PayloadIn::decode(&place(&nested(128 - outer))).is_ok());
        assert_eq!(refusal(&place(&nested(129 - outer))), "nested deeper than 128");
    }
    let identify = |x: &str| format!(r#"{{"type":"IDENTIFY","name":"ada","version":"0.2.0","note":{x}}}"#);
    assert!(Identify::decode(&identify(&nested(127))).is_ok());
    assert_eq!(identify_refusal(&identify(&nested(128))), "4002 nested deeper than 128");
    refusal(&"[".repeat(64 * 1024));
    refusal(&"{\"a\":".repeat(13 * 1024));
}

#[test]
fn many_brackets_side_by_side_or_in_strings_are_not_nested() {
    let data = format!("[{}]", vec![r#"{"a":["[[[[\"[["]}"#; 1000].join(","));
    let text = format!(r#"{{"type":"MESSAGE","target":{{"type":"ALL"}},"data":{data}}}"#);
    assert!(PayloadIn::decode(&text).is_ok());
}

/// Security: 22.
#[test]
fn data_that_serde_json_readers_can_read_is_all_that_is_relayed() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let message = |data: &str| format!(r#"{{"type":"MESSAGE","target":{{"type":"ALL"}},"data":{data}}}"#);
    for levels in 120..140 {
        let data = nested(levels);
        let readable = serde_json::from_str::<serde_json::Value>(&data).is_ok();
        assert_eq!(PayloadIn::decode(&message(&data)).is_ok(), readable, "{levels}");
    }
}

/// Security: 22.
#[test]
fn a_description_repeats_at_most_128_characters() {
    let huge = "é".repeat(30_000);
    for text in [
        format!(r#"{{"type":["{huge}"]}}"#),
        format!(r#"{{"type":"CLIENT_FETCH","uuid":"{huge}"}}"#),
        format!(r#"{{"type":"SELF_SET_SEQ","seq":"{huge}"}}"#),
        format!(r#"{{"type":"MESSAGE","target":{{"type":"{huge}"}},"data":0}}"#),
        format!(r#"{{"type":"MESSAGE","target":{{"type":"UUID","uuid":"{huge}"}},"data":0}}"#),
        huge.clone(),
    ] {
        let desc = refusal(&text);
        assert!(desc.chars().count() <= 128, "{desc}");
    }
    let text = format!(r#"{{"type":"IDENTIFY","name":"ada","version":"0.2.0","tags":"{huge}"}}"#);
    let desc = identify_refusal(&text);
    assert!(desc.starts_with("4002 tags: invalid type") && desc.ends_with('…') && desc.chars().count() == 133, "{desc}");
}

#[test]
fn malformed_payloads_from_a_hub() {
    fn said(text: &str) -> String {
        Incoming::decode(text).unwrap_err().to_string()
    }
    let texts = [
        "[]",
        r#"{"seq":1}"#,
        r#"{"type":"OK","seq":-1}"#,
        r#"{"type":"OK","seq":9007199254740992}"#,
        r#"{"type":"PARADE"}"#,
        r#"{"type":"HELLO","version":"0.2.0"}"#,
        r#"{"type":"CLIENT_JOINED","client":{"name":"bob"}}"#,
        r#"{"type":"CLIENT_JOINED","client":{"name":"b.b"}}"#,
        r#"{"type":"CLIENT_FETCH_ALL_RESULT","seq":0,"clients":[{"name":7}]}"#,
        r#"{"type":"MESSAGE","origin":{"name":"ada","uuid":"ada00000-0000-4000-8000-000000000001"},"target":["ALL"],"data":0}"#,
        r#"{"type":"MESSAGE","origin":{"name":"ada","uuid":"ada00000-0000-4000-8000-000000000001"},"target":{"type":"NAME"},"data":0}"#,
        r#"{"type":"MESSAGE","origin":{"name":"ada","uuid":"ada00000-0000-4000-8000-000000000001"},"target":{"type":"ALL"}}"#,
    ];
    table(
        &texts,
        said,
        expect![[r#"
            []
                not a JSON object
            {"seq":1}
                missing field `type`
            {"type":"OK","seq":-1}
                seq: invalid type: integer `-1`, expected an integer from 0 to 2^53 - 1
            {"type":"OK","seq":9007199254740992}
                seq: invalid value: integer `9007199254740992`, expected an integer from 0 to 2^53 - 1
            {"type":"PARADE"}
                the payload type is not supported
            {"type":"HELLO","version":"0.2.0"}
                missing field `uuid`
            {"type":"CLIENT_JOINED","client":{"name":"bob"}}
                client: missing field `uuid`
            {"type":"CLIENT_JOINED","client":{"name":"b.b"}}
                client.name: a name is 1 to 64 characters of A-Z a-z 0-9 _
            {"type":"CLIENT_FETCH_ALL_RESULT","seq":0,"clients":[{"name":7}]}
                clients[0].name: invalid type: integer `7`, expected a string
            {"type":"MESSAGE","origin":{"name":"ada","uuid":"ada00000-0000-4000-8000-000000000001"},"target":["ALL"],"data":0}
                target: not a JSON object
            {"type":"MESSAGE","origin":{"name":"ada","uuid":"ada00000-0000-4000-8000-000000000001"},"target":{"type":"NAME"},"data":0}
                target: missing field `name`
            {"type":"MESSAGE","origin":{"name":"ada","uuid":"ada00000-0000-4000-8000-000000000001"},"target":{"type":"ALL"}}
                missing field `data`"#]],
    );
}

#[test]
fn a_uuid_is_accepted_in_every_usual_spelling_and_written_with_hyphens() {
    for text in [ADA.to_owned(), ADA.to_uppercase(), ADA.replace('-', ""), format!("{{{ADA}}}"), format!("urn:uuid:{ADA}")] {
        let fetch = format!(r#"{{"type":"CLIENT_FETCH","uuid":"{text}"}}"#);
        let Ok(PayloadIn::ClientFetch(fetch)) = PayloadIn::decode(&fetch) else { panic!("{text}") };
        assert_eq!(fetch.uuid.to_string(), ADA);
    }
    assert_ne!(ADA, BOB);
}
