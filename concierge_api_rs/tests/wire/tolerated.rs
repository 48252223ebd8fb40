//! What is not written as the hub would write it, and is understood all the same.

use concierge_api_rs::*;

use crate::sample::*;

fn message(text: &str) -> MessageIn<'_> {
    match PayloadIn::decode(text) {
        Ok(PayloadIn::Message(message)) => message,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn create_service_and_delete_service_are_aliases() {
    let create = PayloadIn::decode(r#"{"type":"CREATE_SERVICE","service":"weather","nickname":"W"}"#).unwrap();
    assert!(
        matches!(create, PayloadIn::ServiceCreate(c) if c.service.as_str() == "weather" && c.nickname.as_deref() == Some("W"))
    );
    let delete = PayloadIn::decode(r#"{"type":"DELETE_SERVICE","service":"weather"}"#).unwrap();
    assert!(matches!(delete, PayloadIn::ServiceDelete(d) if d.service.as_str() == "weather"));
}

#[test]
fn null_and_absent_are_the_same_for_optional_fields() {
    let absent = Identify::decode(r#"{"type":"IDENTIFY","name":"ada","version":"0.2.0"}"#).unwrap();
    let null = Identify::decode(
        r#"{"type":"IDENTIFY","name":"ada","version":"0.2.0","nickname":null,"secret":null,"tags":null,"intents":null}"#,
    )
    .unwrap();
    assert_eq!((&absent, absent.intents), (&null, Intents::ALL));
    for text in [r#"{"type":"SERVICE_CREATE","service":"s"}"#, r#"{"type":"SERVICE_CREATE","service":"s","nickname":null}"#] {
        assert!(matches!(PayloadIn::decode(text), Ok(PayloadIn::ServiceCreate(c)) if c.nickname.is_none()));
    }
    for text in [r#"{"type":"OK"}"#, r#"{"type":"OK","seq":null}"#] {
        assert_eq!(Incoming::decode(text).unwrap().seq, None);
    }
    let joined = |rest: &str| format!(r#"{{"type":"CLIENT_JOINED","client":{{"name":"bob","uuid":"{BOB}"{rest}}}}}"#);
    for text in [joined(""), joined(r#","nickname":null,"tags":[]"#)] {
        assert_eq!(
            Incoming::decode(&text).unwrap().payload.encode(None),
            PayloadOut::from(ClientJoined { client: bob() }).encode(None)
        );
    }
}

#[test]
fn intents_are_a_set_in_whatever_order_and_however_often_they_are_written() {
    let read = |list: &str| {
        Identify::decode(&format!(r#"{{"type":"IDENTIFY","name":"ada","version":"0.2.0","intents":{list}}}"#)).unwrap().intents
    };
    assert_eq!(read("[]"), Intents::NONE);
    assert_eq!(read(r#"["CLIENTS"]"#), Intents::NONE.and(Intent::Clients));
    let two = Intents::NONE.and(Intent::Messages).and(Intent::ServiceClients);
    assert_eq!(read(r#"["SERVICE_CLIENTS","MESSAGES","\u004dESSAGES","SERVICE_CLIENTS"]"#), two);
    assert_eq!(read(r#"["SERVICES","SERVICE_CLIENTS","CLIENTS","MESSAGES"]"#), Intents::ALL);
    assert!(Intent::ALL.iter().all(|intent| Intents::ALL.has(*intent) && !Intents::NONE.has(*intent)));
}

#[test]
fn unknown_fields_are_ignored_whatever_they_hold() {
    for extra in ["1e400", r#""\ud800""#, "23874623874623874623874", "[[{}]]", "null", r#"{"type":5}"#] {
        for text in texts_in() {
            let more = text.replacen('{', &format!(r#"{{"extra":{extra},"#), 1);
            assert!(PayloadIn::decode(&more).is_ok() || Identify::decode(&more).is_ok(), "{more}");
        }
        for payload in payloads_out() {
            let text = payload.encode(None);
            let more = text.replacen('{', &format!(r#"{{"extra":{extra},"#), 1);
            assert_eq!(Incoming::decode(&more).unwrap().payload.encode(None), text);
        }
        let text = format!(r#"{{"type":"MESSAGE","target":{{"extra":{extra},"type":"ALL"}},"data":0,"origin":{extra}}}"#);
        assert_eq!(message(&text).target, TargetRef::All);
    }
}

#[test]
fn a_target_ignores_the_fields_of_other_targets() {
    let text = format!(r#"{{"type":"MESSAGE","target":{{"name":{{}},"service":[7],"uuid":"{BOB}","type":"UUID"}},"data":0}}"#);
    assert_eq!(message(&text).target, TargetRef::Uuid(id(BOB)));
    let origin = format!(r#"{{"name":"ada","uuid":"{ADA}"}}"#);
    let target = r#"{"uuid":1e400,"type":"NAME","name":"bob","service":"\ud800"}"#;
    let delivered = Incoming::decode(&format!(r#"{{"type":"MESSAGE","origin":{origin},"target":{target},"data":1}}"#)).unwrap();
    assert!(matches!(delivered.payload, PayloadOut::Message(m) if m.target == Target::Name { name: client("bob") }));
}

#[test]
fn any_seq_of_a_client_is_ignored() {
    for seq in ["-1", "1.5", "\"x\"", "null", "[]"] {
        let text = format!(r#"{{"type":"SELF_FETCH","seq":{seq}}}"#);
        assert!(matches!(PayloadIn::decode(&text), Ok(PayloadIn::SelfFetch(_))), "{text}");
    }
}

#[test]
fn every_string_may_be_written_with_escapes() {
    let identify = Identify::decode(
        r#"{"\u0074ype":"IDENTIF\u0059","name":"\u0041da","nickname":"\u00c9t\u00e9\n","version":"0\u002e2.0","secret":"\"\\","tags":["\ud83e\udd80"]}"#,
    )
    .unwrap();
    assert_eq!(identify.name.as_str(), "Ada");
    assert_eq!(identify.nickname.as_deref(), Some("Été\n"));
    assert_eq!(identify.version, "0.2.0");
    assert_eq!(identify.secret.as_deref(), Some("\"\\"));
    assert_eq!(identify.tags, ["🦀"]);

    let message = message(r#"{"type":"MESS\u0041GE","target":{"type":"\u004eAME","n\u0061me":"\u0041da"},"d\u0061ta":"\u0041"}"#);
    assert_eq!(message.target, TargetRef::Name("Ada".into()));
    assert_eq!(message.data.get(), r#""\u0041""#);

    let text = ADA.replacen('a', "\\u0061", 1);
    let fetch = format!(r#"{{"type":"CLIENT_FETCH","uuid":"{text}"}}"#);
    assert!(matches!(PayloadIn::decode(&fetch), Ok(PayloadIn::ClientFetch(f)) if f.uuid == id(ADA)));
    let subscribe = PayloadIn::decode(r#"{"type":"SELF_SUBSCRIBE","service":"we\u0061ther"}"#).unwrap();
    assert!(matches!(subscribe, PayloadIn::SelfSubscribe(s) if s.service.as_str() == "weather"));
    let target = format!(r#"{{"type":"SERVICE_CLIENT_UUID","service":"we\u0061ther","uuid":"{text}"}}"#);
    let text = format!(r#"{{"type":"MESSAGE","target":{target},"data":0}}"#);
    assert_eq!(self::message(&text).target, TargetRef::ServiceClientUuid("weather".into(), id(ADA)));

    let hello = format!(r#"{{"type":"HELL\u004f","uuid":"{}","version":"0\u002e2.0"}}"#, ADA.replacen('a', "\\u0061", 1));
    assert!(
        matches!(Incoming::decode(&hello).unwrap().payload, PayloadOut::Hello(h) if h.uuid == id(ADA) && h.version == "0.2.0")
    );
}

#[test]
fn the_order_of_fields_and_white_space_mean_nothing() {
    let message = message("\t\r\n { \"data\" : [ 1 , 2 ] , \"target\" : { \"type\" : \"ALL\" } , \"type\" : \"MESSAGE\" } \n");
    assert_eq!(message.target, TargetRef::All);
    assert_eq!(message.data.get(), "[ 1 , 2 ]");
}

#[test]
fn data_and_target_travel_as_they_were_written() {
    for data in [
        "null",
        r#"{"z":1,"a":2, "a":3}"#,
        "12345678901234567890123",
        "1.0e400",
        "-0",
        r#""\u0041\ud800\/é""#,
        "[ 1,\n\t2 ]",
        "{}",
        "\"\"",
    ] {
        let target = r#"{ "type":"NAME" , "name":"\u0062ob", "note":1e400 }"#;
        let text = format!(r#"{{"type":"MESSAGE","target":{target},"data":{data}}}"#);
        let message = message(&text);
        assert_eq!((message.data.get(), message.target_json.get()), (data, target));
        let delivered =
            format!(r#"{{"type":"MESSAGE","origin":{{"name":"ada","uuid":"{ADA}"}},"target":{target},"data":{data}}}"#);
        let Incoming { payload: PayloadOut::Message(out), .. } = Incoming::decode(&delivered).unwrap() else {
            panic!("{delivered}")
        };
        assert_eq!(out.data.get(), data);
        assert!(out.clone().data.get() == data && PayloadOut::from(out).encode(None).ends_with(&format!("\"data\":{data}}}")));
    }
}

#[test]
fn a_hub_of_the_original_protocol_is_understood() {
    let hello = Incoming::decode(&format!(r#"{{"type":"HELLO","uuid":"{ADA}","version":"0.2.0"}}"#)).unwrap();
    assert!(matches!(hello.payload, PayloadOut::Hello(Hello { fs_key: None, .. })));
    let service = format!(r#"{{"name":"weather","nickname":null,"owner_uuid":"{ADA}","subscribers":["{BOB}"]}}"#);
    let fetched = Incoming::decode(&format!(r#"{{"type":"SERVICE_FETCH_RESULT","seq":0,"service":{service}}}"#)).unwrap();
    assert!(
        matches!(fetched.payload, PayloadOut::ServiceFetchResult(r) if r.service.subscriber_count == 0 && r.service.subscribers.len() == 1)
    );
}

#[test]
fn lengths_are_characters_not_bytes() {
    let tags = |tag: &str, n: usize| serde_json::to_string(&vec![tag; n]).unwrap();
    let identify = |nickname: &str, tags: &str| {
        format!(r#"{{"type":"IDENTIFY","name":"{}","nickname":"{nickname}","version":"0.2.0","tags":{tags}}}"#, "x".repeat(64))
    };
    assert!(Identify::decode(&identify(&"🦀".repeat(128), &tags(&"é".repeat(64), 32))).is_ok());
    let create = format!(r#"{{"type":"SERVICE_CREATE","service":"{}","nickname":"{}"}}"#, "x".repeat(64), "🦀".repeat(128));
    assert!(PayloadIn::decode(&create).is_ok());
}
