//! The exact text of every payload, both ways.

use concierge_api_rs::*;
use expect_test::expect;

use crate::sample::{payloads_out, texts_in};

fn decoded(text: &str) -> String {
    match (Identify::decode(text), PayloadIn::decode(text)) {
        (Ok(identify), Err(DecodeError::Unsupported)) => format!("{identify:?}"),
        (Err(DecodeError::Unsupported), Ok(payload)) => format!("{payload:?}"),
        other => panic!("{text} is both or neither: {other:?}"),
    }
}

#[test]
fn clients_write_these_texts() {
    expect![[r#"
        {"type":"IDENTIFY","name":"ada","nickname":"Ada","version":"0.2.0","secret":"swordfish","tags":["pilot"],"intents":["MESSAGES","SERVICE_CLIENTS"]}
        {"type":"IDENTIFY","name":"bob","version":"0.2.0","tags":[]}
        {"type":"SELF_SUBSCRIBE","service":"weather"}
        {"type":"SELF_UNSUBSCRIBE","service":"weather"}
        {"type":"SELF_FETCH"}
        {"type":"SELF_SET_SEQ","seq":100}
        {"type":"SERVICE_CREATE","service":"weather","nickname":"The weather"}
        {"type":"SERVICE_CREATE","service":"weather"}
        {"type":"SERVICE_DELETE","service":"weather"}
        {"type":"SERVICE_FETCH","service":"weather"}
        {"type":"SERVICE_FETCH_ALL"}
        {"type":"CLIENT_FETCH","uuid":"b0b00000-0000-4000-8000-000000000002"}
        {"type":"CLIENT_FETCH_ALL"}
        {"type":"MESSAGE","target":{"type":"NAME","name":"bob"},"data":{"n": 1}}
        {"type":"MESSAGE","target":{"type":"UUID","uuid":"b0b00000-0000-4000-8000-000000000002"},"data":{"n": 1}}
        {"type":"MESSAGE","target":{"type":"SERVICE","service":"weather"},"data":{"n": 1}}
        {"type":"MESSAGE","target":{"type":"SERVICE_CLIENT_UUID","service":"weather","uuid":"b0b00000-0000-4000-8000-000000000002"},"data":{"n": 1}}
        {"type":"MESSAGE","target":{"type":"ALL"},"data":{"n": 1}}"#]].assert_eq(&texts_in().join("\n"));
}

#[test]
fn the_hub_reads_them_as_these_payloads() {
    expect![[r#"
        Identify { name: "ada", nickname: Some("Ada"), version: "0.2.0", secret: Some("…"), tags: ["pilot"], intents: {Messages, ServiceClients} }
        Identify { name: "bob", nickname: None, version: "0.2.0", secret: None, tags: [], intents: {Messages, Services, Clients, ServiceClients} }
        SelfSubscribe(SelfSubscribe { service: "weather" })
        SelfUnsubscribe(SelfUnsubscribe { service: "weather" })
        SelfFetch(SelfFetch)
        SelfSetSeq(SelfSetSeq { seq: Seq(100) })
        ServiceCreate(ServiceCreate { service: "weather", nickname: Some("The weather") })
        ServiceCreate(ServiceCreate { service: "weather", nickname: None })
        ServiceDelete(ServiceDelete { service: "weather" })
        ServiceFetch(ServiceFetch { service: "weather" })
        ServiceFetchAll(ServiceFetchAll)
        ClientFetch(ClientFetch { uuid: ClientId(b0b00000-0000-4000-8000-000000000002) })
        ClientFetchAll(ClientFetchAll)
        Message(MessageIn { target: Name("bob"), target_json: RawValue({"type":"NAME","name":"bob"}), data: RawValue({"n": 1}) })
        Message(MessageIn { target: Uuid(ClientId(b0b00000-0000-4000-8000-000000000002)), target_json: RawValue({"type":"UUID","uuid":"b0b00000-0000-4000-8000-000000000002"}), data: RawValue({"n": 1}) })
        Message(MessageIn { target: Service("weather"), target_json: RawValue({"type":"SERVICE","service":"weather"}), data: RawValue({"n": 1}) })
        Message(MessageIn { target: ServiceClientUuid("weather", ClientId(b0b00000-0000-4000-8000-000000000002)), target_json: RawValue({"type":"SERVICE_CLIENT_UUID","service":"weather","uuid":"b0b00000-0000-4000-8000-000000000002"}), data: RawValue({"n": 1}) })
        Message(MessageIn { target: All, target_json: RawValue({"type":"ALL"}), data: RawValue({"n": 1}) })"#]].assert_eq(&texts_in().iter().map(|text| decoded(text)).collect::<Vec<_>>().join("\n"));
}

#[test]
fn the_hub_writes_these_texts() {
    expect![[r#"
        {"type":"OK"}
        {"type":"BAD"}
        {"type":"HELLO","uuid":"ada00000-0000-4000-8000-000000000001","version":"0.2.0","fs_key":"f5000000-0000-4000-8000-000000000001"}
        {"type":"SELF_SUBSCRIBE_RESULT","successful":true,"service":{"name":"weather","nickname":null,"owner_uuid":"ada00000-0000-4000-8000-000000000001","subscribers":["b0b00000-0000-4000-8000-000000000002"],"subscriber_count":1}}
        {"type":"SELF_UNSUBSCRIBE_RESULT","successful":false,"service":{"name":"weather","nickname":null,"owner_uuid":"ada00000-0000-4000-8000-000000000001","subscribers":[],"subscriber_count":0}}
        {"type":"SELF_FETCH_RESULT","client":{"name":"ada","nickname":"Ada","uuid":"ada00000-0000-4000-8000-000000000001","tags":["pilot"]},"subscriptions":[]}
        {"type":"SERVICE_CREATE_RESULT","successful":true,"service":{"name":"weather","nickname":"The weather","owner_uuid":"ada00000-0000-4000-8000-000000000001","subscribers":[],"subscriber_count":0}}
        {"type":"SERVICE_DELETE_RESULT","service":{"name":"weather","nickname":null,"owner_uuid":"ada00000-0000-4000-8000-000000000001","subscribers":["b0b00000-0000-4000-8000-000000000002"],"subscriber_count":1}}
        {"type":"SERVICE_FETCH_RESULT","service":{"name":"weather","nickname":null,"owner_uuid":"ada00000-0000-4000-8000-000000000001","subscribers":["b0b00000-0000-4000-8000-000000000002"],"subscriber_count":1}}
        {"type":"SERVICE_FETCH_ALL_RESULT","services":[{"name":"weather","nickname":null,"owner_uuid":"ada00000-0000-4000-8000-000000000001","subscribers":["b0b00000-0000-4000-8000-000000000002"],"subscriber_count":1}]}
        {"type":"CLIENT_FETCH_RESULT","client":{"name":"bob","nickname":null,"uuid":"b0b00000-0000-4000-8000-000000000002","tags":[]},"subscriptions":[{"name":"weather","nickname":null,"owner_uuid":"ada00000-0000-4000-8000-000000000001","subscribers":["b0b00000-0000-4000-8000-000000000002"],"subscriber_count":1}]}
        {"type":"CLIENT_FETCH_ALL_RESULT","clients":[{"name":"ada","nickname":"Ada","uuid":"ada00000-0000-4000-8000-000000000001","tags":["pilot"]},{"name":"bob","nickname":null,"uuid":"b0b00000-0000-4000-8000-000000000002","tags":[]}]}
        {"type":"MESSAGE","origin":{"name":"ada","nickname":"Ada","uuid":"ada00000-0000-4000-8000-000000000001","tags":["pilot"],"service":null},"target":{"type":"NAME","name":"bob"},"data":null}
        {"type":"MESSAGE","origin":{"name":"ada","nickname":"Ada","uuid":"ada00000-0000-4000-8000-000000000001","tags":["pilot"],"service":{"name":"weather","nickname":null,"owner_uuid":"ada00000-0000-4000-8000-000000000001","subscribers":[],"subscriber_count":0}},"target":{"type":"SERVICE","service":"weather"},"data":{"z": 1, "a":[ ]}}
        {"type":"CLIENT_JOINED","client":{"name":"bob","nickname":null,"uuid":"b0b00000-0000-4000-8000-000000000002","tags":[]}}
        {"type":"CLIENT_LEFT","client":{"name":"bob","nickname":null,"uuid":"b0b00000-0000-4000-8000-000000000002","tags":[]}}
        {"type":"SERVICE_CLIENT_SUBSCRIBED","client":{"name":"bob","nickname":null,"uuid":"b0b00000-0000-4000-8000-000000000002","tags":[]},"service":{"name":"weather","nickname":null,"owner_uuid":"ada00000-0000-4000-8000-000000000001","subscribers":["b0b00000-0000-4000-8000-000000000002"],"subscriber_count":1}}
        {"type":"SERVICE_CLIENT_UNSUBSCRIBED","client":{"name":"bob","nickname":null,"uuid":"b0b00000-0000-4000-8000-000000000002","tags":[]},"service":{"name":"weather","nickname":null,"owner_uuid":"ada00000-0000-4000-8000-000000000001","subscribers":[],"subscriber_count":0}}
        {"type":"ERROR_INTERNAL","desc":"the file server is full"}
        {"type":"ERROR_UNSUPPORTED"}
        {"type":"ERROR_PROTOCOL","desc":"missing field `service`"}
        {"type":"INVALID_NAME","name":"carol"}
        {"type":"INVALID_UUID","uuid":"b0b00000-0000-4000-8000-000000000002"}
        {"type":"INVALID_SERVICE","service":"weather"}"#]].assert_eq(&payloads_out().iter().map(|p| p.encode(None)).collect::<Vec<_>>().join("\n"));
}

#[test]
fn an_answer_carries_its_seq_behind_its_type() {
    let seq = Seq::new(7);
    for payload in payloads_out() {
        let (answer, news) = (payload.encode(seq), payload.encode(None));
        let start = format!(r#"{{"type":"{}""#, payload.kind());
        assert!(answer.starts_with(&format!(r#"{start},"seq":7"#)), "{answer}");
        assert_eq!(answer.replacen(r#","seq":7"#, "", 1), news);
    }
}

#[test]
fn the_samples_hold_every_type_of_the_hub() {
    let payloads = payloads_out();
    for kind in PayloadOut::TYPES {
        assert!(payloads.iter().any(|p| p.kind() == *kind), "{kind}");
    }
}

#[test]
fn close_codes_have_these_numbers_and_names() {
    let table: Vec<String> = CloseCode::ALL.iter().map(ToString::to_string).collect();
    expect![[r#"
        1001 GOING_AWAY
        1002 PROTOCOL_ERROR
        1007 INVALID_UTF8
        1009 TOO_BIG
        4000 UNKNOWN
        4002 FATAL_DECODE
        4003 NO_AUTH
        4004 AUTH_FAILED
        4005 DUPLICATE_AUTH
        4006 BAD_SECRET
        4007 BAD_VERSION
        4009 HB_FAILED
        4010 RATE_LIMITED
        4011 SLOW_CONSUMER
        4012 SESSION_TAKEN
        4013 KICKED"#]]
    .assert_eq(&table.join("\n"));
}

#[test]
fn close_codes_are_found_by_number_and_explain_themselves() {
    for code in CloseCode::ALL {
        assert_eq!(CloseCode::from_code(code.code()), Some(*code));
        assert!(code.cause().ends_with('.') && code.remedy().ends_with('.'), "{code}");
        assert!(code.cause().len() <= 200 && !code.name().is_empty());
    }
    assert!(CloseCode::ALL.is_sorted_by_key(|c| c.code()));
    for unassigned in [0, 1000, 4001, 4008, 4014, u16::MAX] {
        assert_eq!(CloseCode::from_code(unassigned), None, "{unassigned}");
    }
}
