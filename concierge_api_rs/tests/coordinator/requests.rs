//! What clients write, in both dialects, and that it is read as it was meant.

use concierge_api_rs::coordinator::*;
use expect_test::expect;

use crate::sample::{caller, requests};

const ALL: Offered = Offered { debug_clock: true, search: true, schedules: true };

fn written(dialect: Dialect) -> String {
    requests().iter().filter_map(|request| request.encode(dialect, "1")).collect::<Vec<_>>().join("\n")
}

#[test]
fn requests_without_a_version_are_written_like_this() {
    expect![[r#"
        {"kind":"promise.get","head":{"corrId":"1"},"data":{"id":"p"}}
        {"kind":"promise.create","head":{"corrId":"1"},"data":{"id":"p","param":{"headers":{"h":"1"},"data":"in"},"tags":{"resonate:target":"any@work"},"timeoutOn":900}}
        {"kind":"promise.settle","head":{"corrId":"1"},"data":{"id":"p","state":"rejected","value":{"headers":{"h":"1"},"data":"out"}}}
        {"kind":"promise.register","head":{"corrId":"1"},"data":{"awaiter":"t","awaited":"p"}}
        {"kind":"promise.subscribe","head":{"corrId":"1"},"data":{"awaited":"p"}}
        {"kind":"task.get","head":{"corrId":"1"},"data":{"id":"t"}}
        {"kind":"task.create","head":{"corrId":"1"},"data":{"pid":"ada","ttl":50,"action":{"kind":"promise.create","head":{"corrId":"1"},"data":{"id":"p","param":{"headers":{"h":"1"},"data":"in"},"tags":{"resonate:target":"any@work"},"timeoutOn":900}}}}
        {"kind":"task.acquire","head":{"corrId":"1"},"data":{"id":"t","version":2,"pid":"ada","ttl":50}}
        {"kind":"task.suspend","head":{"corrId":"1"},"data":{"id":"t","version":2,"actions":[{"kind":"promise.register","head":{"corrId":"1"},"data":{"awaiter":"t","awaited":"p"}},{"kind":"promise.register","head":{"corrId":"1"},"data":{"awaiter":"t","awaited":"q"}}]}}
        {"kind":"task.fulfill","head":{"corrId":"1"},"data":{"id":"t","version":2,"action":{"kind":"promise.settle","head":{"corrId":"1"},"data":{"id":"t","state":"rejected","value":{}}}}}
        {"kind":"task.release","head":{"corrId":"1"},"data":{"id":"t","version":2}}
        {"kind":"task.fence","head":{"corrId":"1"},"data":{"id":"t","version":2,"action":{"kind":"promise.create","head":{"corrId":"in"},"data":{"id":"p","param":{"headers":{"h":"1"},"data":"in"},"tags":{"resonate:target":"any@work"},"timeoutOn":900}}}}
        {"kind":"task.fence","head":{"corrId":"1"},"data":{"id":"t","version":2,"action":{"kind":"promise.settle","head":{"corrId":"in"},"data":{"id":"p","state":"rejected","value":{}}}}}
        {"kind":"task.heartbeat","head":{"corrId":"1"},"data":{"pid":"ada","tasks":[{"id":"t","version":2}]}}"#]].assert_eq(&written(Dialect::Plain));
}

#[test]
fn requests_of_version_2026_04_01_are_written_like_this() {
    expect![[r#"
        {"kind":"promise.get","head":{"corrId":"1","version":"2026-04-01"},"data":{"id":"p"}}
        {"kind":"promise.create","head":{"corrId":"1","version":"2026-04-01"},"data":{"id":"p","param":{"headers":{"h":"1"},"data":"in"},"tags":{"resonate:target":"any@work"},"timeoutAt":900}}
        {"kind":"promise.settle","head":{"corrId":"1","version":"2026-04-01"},"data":{"id":"p","state":"rejected","value":{"headers":{"h":"1"},"data":"out"}}}
        {"kind":"promise.register_callback","head":{"corrId":"1","version":"2026-04-01"},"data":{"awaiter":"t","awaited":"p"}}
        {"kind":"promise.register_listener","head":{"corrId":"1","version":"2026-04-01"},"data":{"awaited":"p","address":"uni@ui/eve"}}
        {"kind":"promise.search","head":{"corrId":"1","version":"2026-04-01"},"data":{"state":"rejected_timedout","tags":{"a":"b"},"limit":2,"cursor":"p"}}
        {"kind":"task.get","head":{"corrId":"1","version":"2026-04-01"},"data":{"id":"t"}}
        {"kind":"task.create","head":{"corrId":"1","version":"2026-04-01"},"data":{"pid":"ada","ttl":50,"action":{"kind":"promise.create","head":{"corrId":"1","version":"2026-04-01"},"data":{"id":"p","param":{"headers":{"h":"1"},"data":"in"},"tags":{"resonate:target":"any@work"},"timeoutAt":900}}}}
        {"kind":"task.acquire","head":{"corrId":"1","version":"2026-04-01"},"data":{"id":"t","version":2,"pid":"ada","ttl":50}}
        {"kind":"task.suspend","head":{"corrId":"1","version":"2026-04-01"},"data":{"id":"t","version":3,"actions":[{"kind":"promise.register_callback","head":{"corrId":"1","version":"2026-04-01"},"data":{"awaiter":"t","awaited":"p"}},{"kind":"promise.register_callback","head":{"corrId":"1","version":"2026-04-01"},"data":{"awaiter":"t","awaited":"q"}}]}}
        {"kind":"task.fulfill","head":{"corrId":"1","version":"2026-04-01"},"data":{"id":"t","version":3,"action":{"kind":"promise.settle","head":{"corrId":"1","version":"2026-04-01"},"data":{"id":"t","state":"rejected","value":{}}}}}
        {"kind":"task.release","head":{"corrId":"1","version":"2026-04-01"},"data":{"id":"t","version":3}}
        {"kind":"task.fence","head":{"corrId":"1","version":"2026-04-01"},"data":{"id":"t","version":3,"action":{"kind":"promise.create","head":{"corrId":"in","version":"2026-04-01"},"data":{"id":"p","param":{"headers":{"h":"1"},"data":"in"},"tags":{"resonate:target":"any@work"},"timeoutAt":900}}}}
        {"kind":"task.fence","head":{"corrId":"1","version":"2026-04-01"},"data":{"id":"t","version":3,"action":{"kind":"promise.settle","head":{"corrId":"in","version":"2026-04-01"},"data":{"id":"p","state":"rejected","value":{}}}}}
        {"kind":"task.heartbeat","head":{"corrId":"1","version":"2026-04-01"},"data":{"pid":"ada","tasks":[{"id":"t","version":3}]}}
        {"kind":"task.halt","head":{"corrId":"1","version":"2026-04-01"},"data":{"id":"t"}}
        {"kind":"task.continue","head":{"corrId":"1","version":"2026-04-01"},"data":{"id":"t"}}
        {"kind":"task.search","head":{"corrId":"1","version":"2026-04-01"},"data":{"state":"halted"}}
        {"kind":"schedule.get","head":{"corrId":"1","version":"2026-04-01"},"data":{"id":"s"}}
        {"kind":"schedule.create","head":{"corrId":"1","version":"2026-04-01"},"data":{"id":"s","cron":"* * * * *","promiseId":"{{.id}}","promiseTimeout":60,"promiseParam":{},"promiseTags":{}}}
        {"kind":"schedule.delete","head":{"corrId":"1","version":"2026-04-01"},"data":{"id":"s"}}
        {"kind":"schedule.search","head":{"corrId":"1","version":"2026-04-01"},"data":{"tags":{}}}
        {"kind":"debug.start","head":{"corrId":"1","version":"2026-04-01"},"data":{}}
        {"kind":"debug.reset","head":{"corrId":"1","version":"2026-04-01"},"data":{}}
        {"kind":"debug.tick","head":{"corrId":"1","version":"2026-04-01"},"data":{"time":7}}
        {"kind":"debug.snap","head":{"corrId":"1","version":"2026-04-01"},"data":{}}
        {"kind":"debug.stop","head":{"corrId":"1","version":"2026-04-01"},"data":{}}"#]].assert_eq(&written(Dialect::V20260401));
}

#[test]
fn what_was_written_is_read_as_it_was_meant() {
    for dialect in [Dialect::Plain, Dialect::V20260401] {
        for request in requests() {
            let Some(text) = request.encode(dialect, "1") else { continue };
            let envelope = Envelope::decode(&text, ALL, Some(&caller())).unwrap();
            let head = Head { dialect, kind: request.kind(), corr_id: "1".to_owned(), debug_time: None };
            assert_eq!(envelope, Envelope { head, request });
        }
    }
}

#[test]
fn every_kind_has_a_sample_and_the_plain_dialect_has_thirteen() {
    let kinds: std::collections::BTreeSet<Kind> = requests().iter().map(Request::kind).collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), Kind::ALL);
    let plain: Vec<&str> = Kind::ALL.iter().filter_map(|kind| kind.word(Dialect::Plain)).collect();
    expect![[r#"promise.get promise.create promise.settle promise.register promise.subscribe task.get task.create task.acquire task.suspend task.fulfill task.release task.fence task.heartbeat"#]]
        .assert_eq(&plain.join(" "));
}

#[test]
fn what_may_be_absent_may_be_null_too_and_unknown_fields_are_ignored() {
    let text = r#"{"kind":"promise.create","head":{"corrId":"1","version":"2026-04-01","auth":"t","resonate:origin":"o"},
        "data":{"id":"p","timeoutAt":1.9e3,"param":null,"tags":null,"new":[{}]},"more":1}"#;
    let Request::PromiseCreate(create) = Envelope::decode(text, ALL, None).unwrap().request else { panic!() };
    assert_eq!((create.param, create.tags, create.timeout_at), (Value::default(), Tags::new(), Millis(1_900)));
    let text = text.replace("null", r#"{"data":null,"headers":null}"#).replace(r#""tags":{"data":null,"headers":null},"#, "");
    let Request::PromiseCreate(create) = Envelope::decode(&text, ALL, None).unwrap().request else { panic!() };
    assert_eq!(create.param, Value::default());
}

#[test]
fn times_out_of_range_are_the_ends_of_the_range() {
    for (time, expected) in [
        ("9007199254740991", 9_007_199_254_740_991),
        ("18446744073709551615", i64::MAX),
        ("1e300", i64::MAX),
        ("-1e300", i64::MIN),
    ] {
        let text = format!(r#"{{"kind":"promise.create","head":{{"corrId":"1"}},"data":{{"id":"p","timeoutOn":{time}}}}}"#);
        let Request::PromiseCreate(create) = Envelope::decode(&text, ALL, None).unwrap().request else { panic!() };
        assert_eq!(create.timeout_at.0, expected, "{time}");
    }
}

#[test]
fn an_action_without_a_mark_has_that_of_the_request_around_it() {
    let text = r#"{"kind":"task.fence","head":{"corrId":"out"},"data":{"id":"t","version":0,
        "action":{"kind":"promise.settle","data":{"id":"p","state":"resolved"}}}}"#;
    let Request::TaskFence(fence) = Envelope::decode(text, ALL, None).unwrap().request else { panic!() };
    assert_eq!(fence.action.corr_id, "out");
}

#[test]
fn the_time_of_a_request_is_looked_at_only_where_time_is_driven_by_hand() {
    let text = r#"{"kind":"promise.get","head":{"corrId":"1","resonate:debug_time":5},"data":{"id":"p"}}"#;
    assert_eq!(Envelope::decode(text, ALL, None).unwrap().head.debug_time, Some(Millis(5)));
    assert_eq!(Envelope::decode(text, Offered::default(), None).unwrap().head.debug_time, None);
    let text = text.replace(":5}", r#":"noon"}"#);
    assert!(Envelope::decode(&text, Offered::default(), None).is_ok());
    assert!(Envelope::decode(&text, ALL, None).is_err());
}
