//! The exact text of every shape, both ways: a row is a shape, its text, and the packet that it is.

use concierge_api_rs::coordinator::{Millis, PromiseId};
use concierge_api_rs::packet::{Codes, Datagram, Durable, Fault, FaultCode, Packet, Push, ReqId, Serve, Subject};

use crate::build::{err, ok, p, part, q, shown};

type Row = (&'static str, &'static str, fn() -> Packet<'static>);

/// What there was first, then what came to it.
#[rustfmt::skip]
pub(crate) const VECTORS: &[Row] = &[
    // shape              text                                                                                                 packet
    ("generic request",   r#"{"subject":"api","data":{"type":"q","cmd":"math/add","data":{}}}"#,                               || q("api", "math/add", "", "{}")),
    ("stream request",    r#"{"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"1","data":{}}}"#,                  || q("api", "math/add", "1", "{}")),
    ("push",              r#"{"subject":"api","data":{"type":"p","cmd":"math/seen","data":{}}}"#,                              || p("api", "math/seen", "{}")),
    ("generic response",  r#"{"subject":"_INBOX.a.b","data":{"type":"r","status":"ok","data":{}}}"#,                           || ok("_INBOX.a.b", "", "{}")),
    ("stream response",   r#"{"subject":"api","data":{"type":"r","status":"ok","_reqid":"1","data":{}}}"#,                     || ok("api", "1", "{}")),
    ("generic failure",   r#"{"subject":"api","data":{"type":"r","status":"err","data":{"code":0,"data":{}}}}"#,               || err("api", "", FaultCode::Generic, &[])),
    ("GENERIC",           r#"{"subject":"api","data":{"type":"r","status":"err","_reqid":"1","data":{"code":0,"data":{}}}}"#,  || err("api", "1", FaultCode::Generic, &[])),
    ("FORBIDDEN",         r#"{"subject":"api","data":{"type":"r","status":"err","_reqid":"1","data":{"code":1,"data":{}}}}"#,  || err("api", "1", FaultCode::Forbidden, &[])),
    ("UNAVAILABLE",       r#"{"subject":"api","data":{"type":"r","status":"err","_reqid":"1","data":{"code":2,"data":{"items":["subject"]}}}}"#, || err("api", "1", FaultCode::Unavailable, &["subject"])),
    ("INVALID",           r#"{"subject":"api","data":{"type":"r","status":"err","_reqid":"1","data":{"code":3,"data":{"items":["a","b"]}}}}"#,   || err("api", "1", FaultCode::Invalid, &["a", "b"])),
    ("INCOMPLETE",        r#"{"subject":"api","data":{"type":"r","status":"err","_reqid":"1","data":{"code":4,"data":{}}}}"#,  || err("api", "1", FaultCode::Incomplete, &[])),
    ("DUPLICATE",         r#"{"subject":"api","data":{"type":"r","status":"err","_reqid":"1","data":{"code":5,"data":{"items":["_reqid"]}}}}"#,  || err("api", "1", FaultCode::Duplicate, &["_reqid"])),
    ("LIMIT",             r#"{"subject":"api","data":{"type":"r","status":"err","_reqid":"1","data":{"code":6,"data":{"items":["requests"]}}}}"#, || err("api", "1", FaultCode::Limit, &["requests"])),
    // what came later
    ("TIMEOUT",           r#"{"subject":"api","data":{"type":"r","status":"err","_reqid":"1","data":{"code":7,"data":{}}}}"#,  || err("api", "1", FaultCode::Timeout, &[])),
    ("SESSION",           r#"{"subject":"api","data":{"type":"r","status":"err","_reqid":"1","data":{"code":8,"data":{}}}}"#,  || err("api", "1", FaultCode::Session, &[])),
    ("NOT_IMPLEMENTED",   r#"{"subject":"api","data":{"type":"r","status":"err","_reqid":"1","data":{"code":9,"data":{}}}}"#,  || err("api", "1", FaultCode::NotImplemented, &[])),
    ("FORBIDDEN, items",  r#"{"subject":"api","data":{"type":"r","status":"err","_reqid":"1","data":{"code":1,"data":{"items":["subject"]}}}}"#, || err("api", "1", FaultCode::Forbidden, &["subject"])),
    ("a part",            r#"{"subject":"api","data":{"type":"r","status":"ok","_reqid":"1","more":true,"data":[1]}}"#,        || part("api", "1", "[1]")),
    ("the last part",     r#"{"subject":"api","data":{"type":"r","status":"ok","_reqid":"1","data":[2]}}"#,                    || ok("api", "1", "[2]")),
    ("cancel",            r#"{"subject":"api","data":{"type":"p","cmd":"sys/cancel","data":{"_reqid":"1"}}}"#,                 || of("api", Push::cancel(&ReqId::parse("1").unwrap()))),
    ("serve",             r#"{"subject":"router","data":{"type":"p","cmd":"router/serve","data":{"categories":["math"]}}}"#,   || serve(&["math"], &[], None)),
    ("serve, in groups",  r#"{"subject":"router","data":{"type":"p","cmd":"router/serve","data":{"categories":["math","news"],"groups":{"news":"eu-1"}}}}"#, || serve(&["math", "news"], &[("news", "eu-1")], None)),
    ("serve, subjects",   r#"{"subject":"router","data":{"type":"p","cmd":"router/serve","data":{"categories":["math"],"subjects":["shop.a"]}}}"#, || serve(&["math"], &[], Some(&["shop.a"]))),
    ("durable request",   r#"{"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"1","reply":"durable","data":{}}}"#, || durable("math/add", "1", None, None)),
    ("durable, with all", r#"{"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"1","reply":"durable","promise":"order:7","within_ms":5000,"data":{}}}"#, || durable("math/add", "1", Some("order:7"), Some(5_000))),
    ("raw data",          r#"{"subject":"a.B-c_9","data":{"type":"q","cmd":"a/b/c","_reqid":"é\"","data":{"z": 1.50, "a":[ ]}}}"#, || q("a.B-c_9", "a/b/c", "é\"", r#"{"z": 1.50, "a":[ ]}"#)),
];

fn of(subject: &str, push: Push<'static>) -> Packet<'static> {
    Packet { subject: Subject::parse(subject).unwrap(), datagram: push.into() }
}

fn serve(categories: &[&str], groups: &[(&str, &str)], subjects: Option<&[&str]>) -> Packet<'static> {
    let serve = Serve {
        categories: categories.iter().map(|name| name.parse().unwrap()).collect(),
        groups: groups.iter().map(|(category, group)| (category.parse().unwrap(), group.parse().unwrap())).collect(),
        subjects: subjects.map(|subjects| subjects.iter().map(|subject| subject.parse().unwrap()).collect()),
    };
    of("router", Push::serve(&serve))
}

fn durable(cmd: &str, reqid: &str, promise: Option<&str>, within: Option<i64>) -> Packet<'static> {
    let mut packet = q("api", cmd, reqid, "{}");
    let Datagram::Request(request) = &mut packet.datagram else { unreachable!("it is one") };
    request.durable = Some(Durable { promise: promise.map(|id| PromiseId::parse(id).unwrap()), within: within.map(Millis) });
    packet
}

#[test]
fn every_shape_is_written_as_it_stands() {
    for (shape, text, packet) in VECTORS {
        assert_eq!(packet().encode(), *text, "{shape}");
    }
}

#[test]
fn every_shape_is_read_as_what_it_is() {
    for (shape, text, packet) in VECTORS {
        let read = Packet::decode(text).unwrap();
        assert_eq!(shown(&read), shown(&packet()), "{shape}");
        assert_eq!(Packet::decode_bytes(text.as_bytes()).unwrap().encode(), *text, "{shape}");
    }
}

#[test]
fn a_datagram_travels_alone_as_it_does_in_a_packet() {
    for (shape, text, packet) in VECTORS {
        let alone = packet().datagram.encode();
        assert!(text.ends_with(&format!(r#","data":{alone}}}"#)), "{shape}: {alone}");
        let read = concierge_api_rs::packet::Datagram::decode(&alone).unwrap();
        assert_eq!(read.encode(), alone, "{shape}");
    }
}

#[test]
fn the_vectors_have_every_error() {
    for code in FaultCode::ALL {
        assert!(VECTORS.iter().any(|(shape, ..)| *shape == code.name()), "{code}");
    }
}

#[test]
fn errors_have_these_numbers_and_fold_to_the_first_seven() {
    let rows: Vec<String> = FaultCode::ALL.iter().map(|code| format!("{code} -> {}", code.folded())).collect();
    expect_test::expect![[r#"
        0 GENERIC -> 0 GENERIC
        1 FORBIDDEN -> 1 FORBIDDEN
        2 UNAVAILABLE -> 2 UNAVAILABLE
        3 INVALID -> 3 INVALID
        4 INCOMPLETE -> 4 INCOMPLETE
        5 DUPLICATE -> 5 DUPLICATE
        6 LIMIT -> 6 LIMIT
        7 TIMEOUT -> 2 UNAVAILABLE
        8 SESSION -> 1 FORBIDDEN
        9 NOT_IMPLEMENTED -> 0 GENERIC"#]]
    .assert_eq(&rows.join("\n"));
    for (number, code) in (0..).zip(FaultCode::ALL) {
        assert_eq!((FaultCode::from_number(number), u64::from(code.number())), (Some(*code), number));
    }
    assert_eq!((FaultCode::from_number(10), FaultCode::from_number(u64::MAX)), (None, None));
}

#[test]
fn a_folded_error_has_what_its_new_code_asks_for_and_the_others_stay_as_they_are() {
    let folded = |code, items: &[&str]| {
        let fault = Fault::new(code, items).among(Codes::Seed);
        format!("{} {}", fault.code(), fault.data().get())
    };
    assert_eq!(folded(FaultCode::Timeout, &[]), r#"2 UNAVAILABLE {"items":[]}"#);
    assert_eq!(folded(FaultCode::Timeout, &["subject"]), r#"2 UNAVAILABLE {"items":["subject"]}"#);
    assert_eq!(folded(FaultCode::NotImplemented, &[]), "0 GENERIC {}");
    assert_eq!(folded(FaultCode::Limit, &["requests"]), r#"6 LIMIT {"items":["requests"]}"#);
    assert_eq!(Fault::new(FaultCode::Timeout, &[]).among(Codes::All).code(), FaultCode::Timeout);
}

#[test]
fn cancel_and_serve_are_read_as_they_are_written_and_nothing_else_is_taken_for_them() {
    let push = |json: &str, cmd: &str| match p("api", cmd, json).datagram {
        concierge_api_rs::packet::Datagram::Push(push) => push,
        other => panic!("{other:?}"),
    };
    assert_eq!(push(r#"{"_reqid":"1"}"#, "sys/cancel").cancels(), ReqId::parse("1").ok());
    assert_eq!(push(r#"{"categories":["a","b-2"]}"#, "router/serve").serves().unwrap().categories.len(), 2);
    assert_eq!(push(r#"{"categories":[]}"#, "router/serve").serves().unwrap().categories.len(), 0);
    for json in ["{}", r#"{"_reqid":1}"#, r#"{"_reqid":""}"#, r#"["1"]"#, "null"] {
        assert_eq!(push(json, "sys/cancel").cancels(), None, "{json}");
    }
    for json in ["{}", r#"{"categories":"a"}"#, r#"{"categories":["A"]}"#, r#"[["a"]]"#] {
        assert_eq!(push(json, "router/serve").serves(), None, "{json}");
    }
    assert_eq!(push(r#"{"_reqid":"1"}"#, "sys/other").cancels(), None);
    assert_eq!(push(r#"{"categories":["a"]}"#, "sys/cancel").serves(), None);
}
