//! What is refused, and with which words: the field by its path, with as much of the head as could be read.

use concierge_api_rs::coordinator::{Envelope, Offered};
use concierge_api_rs::limits::ECHO_CHARS;
use expect_test::expect;

fn refused(text: &str) -> String {
    Envelope::decode(text, Offered::default(), None).unwrap_err().encode()
}

fn all(texts: &[&str]) -> String {
    texts.iter().map(|text| refused(text)).collect::<Vec<_>>().join("\n")
}

/// The data of an answer to a request of the dialect 2026-04-01.
fn why(kind: &str, data: &str) -> String {
    let text = format!(r#"{{"kind":"{kind}","head":{{"corrId":"1","version":"2026-04-01"}},"data":{data}}}"#);
    let answer: serde_json::Value = serde_json::from_str(&refused(&text)).unwrap();
    format!("{} {}", answer["head"]["status"], answer["data"].as_str().unwrap())
}

#[test]
fn a_bad_envelope_is_answered_with_what_could_be_read_of_it() {
    expect![[r#"
        {"kind":"error","head":{"corrId":"","status":400,"version":"2026-04-01"},"data":"not JSON: EOF while parsing a value at line 1 column 0"}
        {"kind":"error","head":{"corrId":"","status":400,"version":"2026-04-01"},"data":"not a JSON object"}
        {"kind":"error","head":{"corrId":"","status":400},"data":"kind: missing"}
        {"kind":"error","head":{"corrId":"1","status":400},"data":"kind: invalid type: integer `7`, expected a string"}
        {"kind":"promise.get","head":{"corrId":"","status":400},"data":"head: missing"}
        {"kind":"promise.get","head":{"corrId":"","status":400},"data":"head: not a JSON object"}
        {"kind":"promise.get","head":{"corrId":"","status":400},"data":"head.corrId: missing"}
        {"kind":"promise.get","head":{"corrId":"","status":400},"data":"head.corrId: invalid type: integer `7`, expected a string"}
        {"kind":"promise.get","head":{"corrId":"1","status":400},"data":"data: missing"}
        {"kind":"promise.get","head":{"corrId":"1","status":400},"data":"data: not a JSON object"}
        {"kind":"promise.get","head":{"corrId":"1","status":400,"version":"2026-04-01"},"data":"head.version: \"2025-01-15\" is not spoken here, 2026-04-01 is, and none at all"}
        {"kind":"promise.get","head":{"corrId":"1","status":400,"version":"2026-04-01"},"data":"head.version: invalid type: integer `2`, expected a string"}
        {"kind":"promise.dance","head":{"corrId":"1","status":400},"data":"kind: \"promise.dance\" is unknown"}
        {"kind":"promise.search","head":{"corrId":"1","status":400},"data":"kind: \"promise.search\" is unknown, it needs head.version 2026-04-01"}
        {"kind":"promise.register","head":{"corrId":"1","status":400,"version":"2026-04-01"},"data":"kind: \"promise.register\" is unknown"}
        {"kind":"debug.start","head":{"corrId":"1","status":400,"version":"2026-04-01"},"data":"kind: \"debug.start\" is unknown"}
        {"kind":"promise.subscribe","head":{"corrId":"1","status":400},"data":"kind: promise.subscribe is for clients of the hub, who can be told"}"#]].assert_eq(&all(&[
        "",
        "[]",
        "{}",
        r#"{"kind":7,"head":{"corrId":"1"},"data":{}}"#,
        r#"{"kind":"promise.get","data":{}}"#,
        r#"{"kind":"promise.get","head":[],"data":{}}"#,
        r#"{"kind":"promise.get","head":{},"data":{}}"#,
        r#"{"kind":"promise.get","head":{"corrId":7},"data":{}}"#,
        r#"{"kind":"promise.get","head":{"corrId":"1"}}"#,
        r#"{"kind":"promise.get","head":{"corrId":"1"},"data":null}"#,
        r#"{"kind":"promise.get","head":{"corrId":"1","version":"2025-01-15"},"data":{"id":"p"}}"#,
        r#"{"kind":"promise.get","head":{"corrId":"1","version":2},"data":{"id":"p"}}"#,
        r#"{"kind":"promise.dance","head":{"corrId":"1"},"data":{}}"#,
        r#"{"kind":"promise.search","head":{"corrId":"1"},"data":{}}"#,
        r#"{"kind":"promise.register","head":{"corrId":"1","version":"2026-04-01"},"data":{}}"#,
        r#"{"kind":"debug.start","head":{"corrId":"1","version":"2026-04-01"},"data":{}}"#,
        r#"{"kind":"promise.subscribe","head":{"corrId":"1"},"data":{"awaited":"p"}}"#,
    ]));
}

#[test]
fn a_bad_field_is_named_with_its_path() {
    let texts = [
        ("promise.get", "{}"),
        ("promise.get", r#"{"id":""}"#),
        ("promise.get", r#"{"id":7}"#),
        ("promise.create", r#"{"id":"p"}"#),
        ("promise.create", r#"{"id":"p","timeoutOn":1}"#),
        ("promise.create", r#"{"id":"p","timeoutAt":null}"#),
        ("promise.create", r#"{"id":"p","timeoutAt":1,"param":{"data":{}}}"#),
        ("promise.create", r#"{"id":"p","timeoutAt":1,"param":{"headers":{"a":1}}}"#),
        ("promise.create", r#"{"id":"p","timeoutAt":1,"tags":{"a":1}}"#),
        ("promise.settle", r#"{"id":"p","state":"pending"}"#),
        ("promise.register_listener", r#"{"awaited":"p","address":"nowhere"}"#),
        ("task.create", r#"{"pid":"a","ttl":-1,"action":{}}"#),
        ("task.create", r#"{"pid":"a","ttl":1,"action":{}}"#),
        ("task.create", r#"{"pid":"a","ttl":1,"action":{"kind":"promise.get","data":{}}}"#),
        ("task.create", r#"{"pid":"a","ttl":1,"action":{"kind":"promise.create","data":{"timeoutAt":1}}}"#),
        ("task.create", r#"{"pid":"a","ttl":1,"action":{"kind":"promise.create","data":{"id":9,"timeoutAt":1}}}"#),
        ("task.acquire", r#"{"id":"t","version":-1,"pid":"a","ttl":1}"#),
        (
            "task.suspend",
            r#"{"id":"t","version":1,"actions":[{"kind":"promise.register_callback","head":{},"data":{"awaiter":"t"}}]}"#,
        ),
        ("task.suspend", r#"{"id":"t","version":1,"actions":[{"kind":"promise.register","data":{}}]}"#),
        ("task.fence", r#"{"id":"t","version":1,"action":{"kind":"task.release","data":{}}}"#),
        ("task.fence", r#"{"id":"t","version":1,"action":{"kind":"promise.settle","head":{"corrId":1},"data":{}}}"#),
        ("task.heartbeat", r#"{"pid":"a","tasks":[{"id":"t","version":1},{"id":"t"}]}"#),
        ("promise.search", r#"{"limit":0}"#),
        ("task.search", r#"{"state":"resolved"}"#),
        ("schedule.create", r#"{"id":"s","cron":"* * * * *","promiseId":"p"}"#),
    ];
    expect![[r#"
        400 data.id: missing
        400 data.id: a promise id is 1 to 1024 bytes
        400 data.id: invalid type: integer `7`, expected a string
        400 data.timeoutAt: missing
        400 data.timeoutAt: missing
        400 data.timeoutAt: invalid type: null, expected milliseconds as a number
        400 data.param.data: invalid type: map, expected a string
        400 data.param.headers.a: invalid type: integer `1`, expected a string
        400 data.tags.a: invalid type: integer `1`, expected a string
        400 data.state: unknown variant `pending`, expected one of `resolved`, `rejected`, `rejected_canceled`
        400 data.address: an address is [scheme://](any|uni)@group[/pid], at most 1024 bytes
        400 data.ttl: it must not be negative
        400 data.action.kind: missing
        400 data.action.kind: it must be promise.create
        400 data.action.data.id: missing
        400 data.action.data.id: invalid type: integer `9`, expected a string
        400 data.version: invalid value: integer `-1`, expected u32
        400 data.actions[0].data.awaited: missing
        400 data.actions[0].kind: it must be promise.register_callback
        400 data.action.kind: it must be promise.create or promise.settle
        400 data.action.head.corrId: invalid type: integer `1`, expected a string
        400 data.tasks[1].version: missing
        400 data.limit: it must be 1 to 100
        400 data.state: unknown variant `resolved`, expected one of `pending`, `acquired`, `suspended`, `halted`, `fulfilled`
        400 data.promiseTimeout: missing"#]]
    .assert_eq(&texts.map(|(kind, data)| why(kind, data)).join("\n"));
}

#[test]
fn a_verb_that_is_switched_off_is_501() {
    let off = Offered { search: false, schedules: false, ..Offered::default() };
    for kind in ["promise.search", "task.search", "schedule.search", "schedule.get", "schedule.create", "schedule.delete"] {
        let text = format!(r#"{{"kind":"{kind}","head":{{"corrId":"1","version":"2026-04-01"}},"data":{{}}}}"#);
        let answer = Envelope::decode(&text, off, None).unwrap_err().encode();
        let expected = format!(
            r#"{{"kind":"{kind}","head":{{"corrId":"1","status":501,"version":"2026-04-01"}},"data":"{kind} is switched off here"}}"#
        );
        assert_eq!(answer, expected);
    }
}

#[test]
fn a_refusal_repeats_little_of_what_was_sent() {
    let long = "x".repeat(5_000);
    for text in [
        format!(r#"{{"kind":"{long}","head":{{"corrId":"1"}},"data":{{}}}}"#),
        format!(r#"{{"kind":"promise.get","head":{{"corrId":"1","version":"{long}"}},"data":{{}}}}"#),
        format!(r#"{{"kind":"promise.settle","head":{{"corrId":"1"}},"data":{{"id":"p","state":"{long}"}}}}"#),
    ] {
        let refused = Envelope::decode(&text, Offered::default(), None).unwrap_err();
        assert!(refused.refusal.sentence.chars().count() <= ECHO_CHARS, "{refused}");
    }
}

#[test]
fn nesting_beyond_the_limit_is_refused_wherever_it_stands() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let text = format!(r#"{{"kind":"promise.get","head":{{"corrId":"1"}},"data":{{"id":"p","more":{deep}}}}}"#);
    assert!(refused(&text).contains("nested deeper than 128"));
}
