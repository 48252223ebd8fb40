//! What a hub says of who asks, beside a packet.

use concierge_api_rs::ClientId;
use concierge_api_rs::packet::Headers;
use uuid::Uuid;

use crate::build::q;

fn all() -> Headers {
    Headers {
        client: Some(ClientId(Uuid::from_u128(1))),
        name: Some("ada".parse().unwrap()),
        tags: vec!["staff".to_owned(), "é\n🦀".to_owned()],
        node: Some("hub".to_owned()),
        deadline_ms: Some(10_000),
        level: Some(2),
        promise: Some("order:7".parse().unwrap()),
    }
}

const TEXT: &str = r#"{"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"1","data":{}},"headers":{"Cg-Client":"00000000-0000-0000-0000-000000000001","Cg-Name":"ada","Cg-Tags":["staff","é\n🦀"],"Cg-Node":"hub","Cg-Deadline-Ms":10000,"Cg-Level":2,"Cg-Promise":"order:7"}}"#;

#[test]
fn they_stand_behind_the_datagram_and_are_read_from_there() {
    assert_eq!(q("api", "math/add", "1", "{}").encode_with(&all()), TEXT);
    assert_eq!(Headers::read(TEXT), all());
    assert!(q("api", "math/add", "1", "{}").encode_with(&Headers::default()).ends_with(r#","headers":{}}"#));
}

#[test]
fn on_nats_they_are_lines_of_ascii() {
    let lines: Vec<String> = all().lines().map(|(name, line)| format!("{name}: {line}")).collect();
    let expected = [
        "Cg-Client: 00000000-0000-0000-0000-000000000001",
        "Cg-Name: ada",
        r#"Cg-Tags: ["staff","\u00e9\n\ud83e\udd80"]"#,
        "Cg-Node: hub",
        "Cg-Deadline-Ms: 10000",
        "Cg-Level: 2",
        "Cg-Promise: order:7",
    ];
    assert_eq!(lines, expected);
    assert_eq!(serde_json::from_str::<Vec<String>>(r#"["staff","\u00e9\n\ud83e\udd80"]"#).unwrap(), all().tags);
}

#[test]
fn what_is_not_there_or_makes_no_sense_is_nothing() {
    for text in ["", "{", "[]", "{}", r#"{"headers":7}"#, r#"{"headers":{"Cg-Level":"high"}}"#, r#"{"headers":{"Cg-Name":""}}"#] {
        assert_eq!(Headers::read(text), Headers::default(), "{text}");
    }
}
