//! PROTOCOL.md says what the code says: its payloads, conversations, close codes and limits.
//!
//! What only these tests prove: tables, schema and payloads are those of this crate, byte for byte. That a hub behaves so is
//! proved by playing the conversations, in the hub's own tests and in the end-to-end tests.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod conversation;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use concierge_api_rs::*;
use conversation::{Step, blocks, conversations};
use serde_json::Value;

const PROTOCOL: &str = include_str!("../../PROTOCOL.md");
const LIMITS: &str = include_str!("../src/limits.rs");
const SCHEMA: &str = include_str!("../../docs/protocol.schema.json");

/// A payload to the hub, decoded and encoded again.
fn again(text: &str) -> Result<String, DecodeError> {
    let encoded = match PayloadIn::decode(text) {
        Ok(PayloadIn::SelfSubscribe(p)) => serde_json::to_string(&p),
        Ok(PayloadIn::SelfUnsubscribe(p)) => serde_json::to_string(&p),
        Ok(PayloadIn::SelfFetch(p)) => serde_json::to_string(&p),
        Ok(PayloadIn::SelfSetSeq(p)) => serde_json::to_string(&p),
        Ok(PayloadIn::ServiceCreate(p)) => serde_json::to_string(&p),
        Ok(PayloadIn::ServiceDelete(p)) => serde_json::to_string(&p),
        Ok(PayloadIn::ServiceFetch(p)) => serde_json::to_string(&p),
        Ok(PayloadIn::ServiceFetchAll(p)) => serde_json::to_string(&p),
        Ok(PayloadIn::ClientFetch(p)) => serde_json::to_string(&p),
        Ok(PayloadIn::ClientFetchAll(p)) => serde_json::to_string(&p),
        Ok(PayloadIn::Message(p)) => serde_json::to_string(&Message { target: p.target.to_owned(), data: p.data }),
        Err(e) => return Err(e),
    };
    Ok(encoded.unwrap())
}

fn received(text: &str) -> Incoming {
    let incoming = Incoming::decode(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    assert_eq!(incoming.payload.encode(incoming.seq), text);
    incoming
}

fn steps() -> impl Iterator<Item = Step> {
    conversations(PROTOCOL).into_iter().flat_map(|conversation| conversation.steps)
}

fn values() -> Vec<Value> {
    let texts = steps().filter_map(|step| match step {
        Step::Sends(_, text) | Step::Receives(_, text) => serde_json::from_str(&text).ok(),
        _ => None,
    });
    texts.collect()
}

/// The cells of the rows of the table whose head begins with `head`.
fn table(head: &str) -> Vec<Vec<&'static str>> {
    let rows = PROTOCOL.lines().skip_while(|line| !line.starts_with(head)).skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn what_clients_send_in_conversations_is_understood_or_refused_as_shown() {
    for conversation in conversations(PROTOCOL) {
        let mut steps = conversation.steps.iter().peekable();
        let mut entering = BTreeSet::new();
        while let Some(step) = steps.next() {
            match step {
                Step::Connects(client) => assert!(entering.insert(client)),
                Step::Sends(client, text) if entering.remove(client) => first_message(text, steps.peek()),
                Step::Sends(_, text) => later_message(text, steps.peek()),
                _ => {}
            }
        }
    }
}

fn first_message(text: &str, next: Option<&&Step>) {
    match (Identify::decode(text), next) {
        (Ok(identify), Some(Step::Receives(_, text))) => {
            assert!(matches!(received(text).payload, PayloadOut::Hello(_)), "{identify:?}: {text}");
        }
        (Ok(_), Some(Step::Closed(_, 4005..=4007)))
        | (Err(DecodeError::Malformed(_)), Some(Step::Closed(_, 4002)))
        | (Err(DecodeError::Unsupported), Some(Step::Closed(_, 4003))) => {}
        other => panic!("{text}: {other:?}"),
    }
}

fn later_message(text: &str, next: Option<&&Step>) {
    match (again(text), next) {
        (Ok(again), _) => {
            let normal = text.replace("CREATE_SERVICE", "SERVICE_CREATE").replace("DELETE_SERVICE", "SERVICE_DELETE");
            assert_eq!(again, normal);
        }
        (Err(DecodeError::Malformed(said)), Some(Step::Receives(_, answer))) => {
            assert!(matches!(received(answer).payload, PayloadOut::ErrorProtocol(e) if e.desc == said), "{said}: {answer}");
        }
        (Err(DecodeError::Unsupported), Some(Step::Receives(_, answer))) => {
            assert!(matches!(received(answer).payload, PayloadOut::ErrorUnsupported(_)), "{answer}");
        }
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn what_clients_receive_is_written_as_the_hub_writes_it() {
    for step in steps() {
        if let Step::Receives(_, text) = step {
            received(&text);
        }
    }
    for (_, text) in blocks(PROTOCOL, "json out") {
        received(text.trim_end());
    }
    for (_, text) in blocks(PROTOCOL, "json ClientInfo") {
        assert_eq!(serde_json::to_string(&serde_json::from_str::<ClientInfo>(&text).unwrap()).unwrap(), text.trim_end());
    }
    for (_, text) in blocks(PROTOCOL, "json ServiceInfo") {
        assert_eq!(serde_json::to_string(&serde_json::from_str::<ServiceInfo>(&text).unwrap()).unwrap(), text.trim_end());
    }
}

#[test]
fn every_block_is_of_a_known_kind() {
    let kinds: BTreeSet<&str> = PROTOCOL.lines().filter_map(|line| line.strip_prefix("```")).collect();
    let known = [
        "",
        "conversation",
        "conversation admin",
        "json admin",
        "json history",
        "json ClientInfo",
        "json ServiceInfo",
        "json out",
        "ts",
    ];
    let coordinators = ["conversation coordinator", "coordinator", "coordinator hub", "console"];
    let routers = ["conversation router", "router", "router durable"];
    assert_eq!(kinds, known.into_iter().chain(coordinators).chain(routers).collect());
}

#[test]
fn every_message_is_answered_once_and_with_its_number() {
    for conversation in conversations(PROTOCOL) {
        let mut next: BTreeMap<String, Seq> = BTreeMap::new();
        let mut waiting: BTreeMap<String, VecDeque<Seq>> = BTreeMap::new();
        let mut entering = BTreeSet::new();
        for step in conversation.steps {
            match step {
                Step::Connects(client) => drop(entering.insert(client)),
                Step::Sends(client, _) if entering.remove(&client) => {}
                Step::Sends(client, text) => {
                    let seq = match PayloadIn::decode(&text) {
                        Ok(PayloadIn::SelfSetSeq(set)) => set.seq,
                        _ => next.get(&client).copied().unwrap_or_default(),
                    };
                    next.insert(client.clone(), seq.next());
                    waiting.entry(client).or_default().push_back(seq);
                }
                Step::Receives(client, text) => {
                    let Some(seq) = received(&text).seq else { continue };
                    assert_eq!(Some(seq), waiting.get_mut(&client).and_then(VecDeque::pop_front), "{text}");
                }
                _ => {}
            }
        }
        assert!(waiting.values().all(VecDeque::is_empty), "unanswered in the block at {}: {waiting:?}", conversation.line);
    }
}

#[test]
fn every_payload_of_both_directions_occurs() {
    let mut sent = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for step in steps() {
        match step {
            Step::Sends(_, text) => drop(sent.insert(kind(&text))),
            Step::Receives(_, text) => drop(seen.insert(kind(&text))),
            _ => {}
        }
    }
    seen.extend(blocks(PROTOCOL, "json out").iter().map(|(_, text)| kind(text)));
    for kind in PayloadOut::TYPES {
        assert!(seen.contains(*kind), "{kind} is never received");
    }
    for def in schema_of("PayloadIn")["oneOf"].as_array().unwrap() {
        let name = def["$ref"].as_str().unwrap().trim_start_matches("#/$defs/").trim_end_matches("_IN").to_owned();
        assert!(sent.contains(&name), "{name} is never sent");
    }
    assert!(sent.contains("CREATE_SERVICE") && sent.contains("DELETE_SERVICE"));
}

fn kind(text: &str) -> String {
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    value["type"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_client_is_the_same_wherever_it_stands() {
    fn collect(value: &Value, infos: &mut BTreeMap<String, BTreeSet<String>>) {
        if let (Some(name), Some(uuid)) = (value["name"].as_str(), value["uuid"].as_str()) {
            let info = format!("{uuid} {} {}", value["nickname"], value["tags"]);
            infos.entry(name.to_owned()).or_default().insert(info);
        }
        match value {
            Value::Array(items) => items.iter().for_each(|item| collect(item, infos)),
            Value::Object(fields) => fields.values().for_each(|field| collect(field, infos)),
            _ => {}
        }
    }
    let mut infos = BTreeMap::new();
    values().iter().for_each(|value| collect(value, &mut infos));
    let cast: BTreeMap<String, BTreeSet<String>> = table("| name | nickname |")
        .into_iter()
        .map(|row| {
            let identify = Identify::decode(row[4].trim_matches('`')).unwrap();
            assert_eq!((row[0], row[1]), (identify.name.as_str(), identify.nickname.as_deref().unwrap_or_default()));
            assert_eq!(row[3], identify.tags.join(" "));
            let (nickname, tags) = (serde_json::json!(identify.nickname), serde_json::json!(identify.tags));
            (row[0].to_owned(), BTreeSet::from([format!("{} {nickname} {tags}", row[2].trim_matches('`'))]))
        })
        .collect();
    assert_eq!(infos, cast);
}

#[test]
fn the_close_codes_are_those_of_the_code() {
    let rows: Vec<Vec<String>> = CloseCode::ALL
        .iter()
        .map(|code| [&code.code().to_string(), code.name(), code.cause(), code.remedy()].map(str::to_owned).to_vec())
        .collect();
    let documented: Vec<Vec<String>> = table("| code | name |")
        .into_iter()
        .map(|row| {
            assert!(row[4].starts_with("yes") || row[4].starts_with("no") || row[4].starts_with("only"), "{row:?}");
            row[..4].iter().map(ToString::to_string).collect()
        })
        .collect();
    assert_eq!(documented, rows);
}

#[test]
fn every_limit_stands_in_the_table_with_its_value() {
    macro_rules! values {
        ($($name:ident)*) => { vec![$((stringify!($name), limits::$name.to_string())),*] };
    }
    let values = values![
        PROTOCOL_VERSION VERSION_REQUIREMENT SUBPROTOCOL DEFAULT_PORT
        IDENTIFY_WITHIN_MS HTTP_HEAD_WITHIN_MS HTTP_HEAD_BYTES HTTP_HEADERS PAYLOAD_BYTES JSON_DEPTH ECHO_CHARS CLOSE_REASON_BYTES SEQ_MAX
        HEARTBEAT_EVERY_MS HEARTBEAT_GRACE_MS OUTBOX_BYTES STALL_MS CLOSE_WITHIN_MS SLOW_CLOSE_WITHIN_MS
        CLIENT_NAME_CHARS SERVICE_NAME_CHARS NICKNAME_CHARS TAGS TAG_CHARS SERVICES_PER_CLIENT SERVICES SUBSCRIPTIONS_PER_CLIENT
        SUBSCRIBERS_SHOWN SUBSCRIBERS_LISTED MESSAGES_PER_SECOND BYTES_PER_SECOND ENDINGS_PER_SECOND EXCESS_MS CONNECTIONS_PER_ADDRESS
        ADDRESS_CONNECTS_PER_MINUTE ADDRESS_MESSAGES_PER_SECOND ADDRESS_BYTES_PER_SECOND ADDRESSES WRONG_SECRETS_PER_MINUTE GUESSING_ADDRESSES
        MEMORY_BYTES MEMORY_PERCENT
        FILE_BYTES FOLDER_BYTES FOLDER_FILES PATH_COMPONENT_BYTES PATH_DEPTH UPLOAD_BYTES_PER_SECOND UPLOAD_SLOW_MS
        PROMISE_ID_BYTES PID_BYTES ADDRESS_BYTES REQUESTS_IN_FLIGHT POLLERS POLLER_QUEUE OFFER_EVERY_MS AWAITERS_PER_PROMISE LISTENERS_PER_PROMISE
        SEARCH_RESULTS SEARCH_BYTES PRELOAD_PROMISES PRELOAD_BYTES
        SUBJECT_BYTES SUBJECT_TOKENS CMD_BYTES REQID_BYTES ROUTER_WITHIN_MS ROUTER_IN_FLIGHT ROUTER_IN_FLIGHT_ALL ROUTER_CATEGORIES
        ROUTER_SUBJECTS ROUTER_PLACES ROUTER_OUTSIDE_WITHIN_MS ROUTER_GROUP_BYTES ROUTER_DURABLE_WITHIN_MS ROUTER_DURABLE_WITHIN_MS_MOST ROUTER_DURABLE_GIVEN_MS
        ROUTER_DURABLE ROUTER_DURABLE_OPEN ROUTER_DURABLE_OPEN_ALL ROUTER_DURABLE_LOOK_MS ROUTER_DURABLE_PAUSE_MS ROUTER_ROUTES
        COUNT_EVERY_MS ADMIN_EVERY_MS_LEAST ADMIN_EVERY_MS ADMIN_WATCHERS ADMIN_PAGE ADMIN_SERVICES_SHOWN ADMIN_EVENTS ADMIN_REFUSALS
        ADMIN_REFUSALS_EVERY_MS ADMIN_THROTTLES_EVERY_MS ADMIN_REFUSERS ADMIN_SERVICES_WATCHED ADMIN_MESSAGES ADMIN_DATA_BYTES
        ADMIN_FRAMES_WATCHED ADMIN_FRAMES ADMIN_CHANGES ADMIN_CHANGES_BYTES
        ADMIN_CATEGORIES ADMIN_WORKERS ADMIN_FAULTS ADMIN_FAULT_ITEMS HISTORY_STEPS HISTORY_SHOWN HISTORY_AWAITED
    ];
    let names: Vec<&str> = LIMITS.lines().filter_map(|line| line.strip_prefix("pub const ")?.split(':').next()).collect();
    assert_eq!(values.iter().map(|(name, _)| *name).collect::<Vec<_>>(), names, "the list above is that of limits.rs");
    let documented: Vec<(&str, String)> = table("| limit | value |")
        .into_iter()
        .map(|row| (row[0].trim_matches('`'), row[1].trim_matches('`').replace(',', "")))
        .collect();
    assert_eq!(documented, values);
}

#[test]
fn a_limit_is_marked_where_a_hub_can_set_it() {
    let mut doc = String::new();
    let mut configurable = BTreeMap::new();
    for line in LIMITS.lines() {
        if let Some(more) = line.strip_prefix("///") {
            doc += more;
        } else if let Some(name) = line.strip_prefix("pub const ").and_then(|rest| rest.split(':').next()) {
            configurable.insert(name, std::mem::take(&mut doc).contains("Configurable"));
        }
    }
    for row in table("| limit | value |") {
        assert_eq!(configurable[row[0].trim_matches('`')], row[2] == "●", "{}", row[0]);
    }
}

#[test]
fn every_payload_fits_the_schema() {
    for step in steps() {
        match step {
            Step::Sends(_, text) if PayloadIn::decode(&text).is_ok() || Identify::decode(&text).is_ok() => {
                assert_valid("PayloadIn", &text);
            }
            Step::Receives(_, text) => assert_valid("PayloadOut", &text),
            _ => {}
        }
    }
    for (_, text) in blocks(PROTOCOL, "json out") {
        assert_valid("PayloadOut", &text);
    }
}

#[test]
fn the_schema_refuses_what_the_decoder_refuses() {
    for text in [
        r#"{"type":"SELF_SUBSCRIBE"}"#,
        r#"{"type":"SELF_SUBSCRIBE","service":"the weather"}"#,
        r#"{"type":"SELF_SET_SEQ","seq":9007199254740992}"#,
        r#"{"type":"MESSAGE","target":{"type":"NAME"},"data":0}"#,
        r#"{"type":"MESSAGE","target":{"type":"ALL"}}"#,
        r#"{"type":"IDENTIFY","name":"ada"}"#,
        r#"{"type":"OK"}"#,
    ] {
        assert!(PayloadIn::decode(text).is_err() && Identify::decode(text).is_err(), "{text}");
        assert!(!validator("PayloadIn").is_valid(&serde_json::from_str(text).unwrap()), "{text}");
    }
}

fn schema_of(direction: &str) -> Value {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    schema["$defs"][direction].clone()
}

fn validator(direction: &str) -> jsonschema::Validator {
    let mut schema: Value = serde_json::from_str(SCHEMA).unwrap();
    schema["$ref"] = format!("#/$defs/{direction}").into();
    jsonschema::draft202012::new(&schema).unwrap()
}

fn assert_valid(direction: &str, text: &str) {
    if let Err(error) = validator(direction).validate(&serde_json::from_str(text).unwrap()) {
        panic!("{error}: {text}");
    }
}

#[test]
fn what_the_admin_service_says_and_is_asked_reads_and_writes_as_it_stands() {
    let again = |text: &str| admin::Said::decode(text).unwrap().unwrap_or_else(|| panic!("{text}")).encode();
    let samples = blocks(PROTOCOL, "json admin");
    assert_eq!(samples.len(), 8);
    for (_, text) in samples {
        assert_eq!(again(text.trim()), text.trim());
        assert!(!text.contains(r#":"unknown""#)); // what this program would make of a word that it does not know
        assert_valid("AdminSaid", &text);
    }
    let histories = blocks(PROTOCOL, "json history");
    assert_eq!(histories.len(), 1);
    for (_, text) in histories {
        assert_eq!(serde_json::to_string(&serde_json::from_str::<admin::History>(&text).unwrap()).unwrap(), text.trim());
        assert!(!text.contains("unknown"));
        assert_valid("AdminHistory", &text);
    }
    let mut said = 0;
    for step in conversation::conversations_headed(PROTOCOL, "conversation admin").into_iter().flat_map(|all| all.steps) {
        match step {
            Step::Sends(client, text) if client == "ada" => {
                let Ok(PayloadIn::Message(message)) = PayloadIn::decode(&text) else { panic!("{text}") };
                let asked: admin::Ask = serde_json::from_str(message.data.get()).unwrap();
                assert_valid("AdminRequest", message.data.get());
                let asked = serde_json::to_value(&asked).unwrap();
                let written: Value = serde_json::from_str(message.data.get()).unwrap();
                written.as_object().unwrap().iter().for_each(|(field, value)| assert_eq!(&asked[field], value, "{text}"));
            }
            Step::Receives(_, text) => {
                if let PayloadOut::Message(message) = received(&text).payload {
                    assert_eq!(again(message.data.get()), message.data.get());
                    assert_valid("AdminSaid", message.data.get());
                    said += 1;
                }
            }
            _ => {}
        }
    }
    assert_eq!(said, 5);
}

#[test]
fn every_request_of_the_admin_service_stands_in_its_table() {
    let rows = table("| request | `ok` |");
    let listed: String = rows.iter().map(|row| row[0]).collect();
    let unknown = serde_json::from_str::<admin::Ask>(r#"{"op":"none"}"#).unwrap_err().to_string();
    let known: Vec<&str> = unknown.split('`').skip(3).step_by(2).collect();
    assert_eq!(known.len(), 23, "{unknown}");
    for op in known {
        assert!(listed.contains(&format!("`{op}")), "{op}");
    }
}

#[test]
fn packets_of_the_router_read_and_write_as_they_stand_and_fit_the_schema() {
    let validator = validator("RouterPacket");
    let mut packets = 0;
    for (_, text) in blocks(PROTOCOL, "router") {
        let lines = conversation::unfold(&text);
        for line in lines.iter().filter_map(|line| line.split_once(" → ").or(line.split_once(" ← "))) {
            let read = packet::Packet::decode(line.1).unwrap_or_else(|refused| panic!("{refused}: {}", line.1));
            assert_eq!(read.encode(), line.1);
            assert!(validator.is_valid(&serde_json::from_str(line.1).unwrap()), "{}", line.1);
            packets += 1;
        }
    }
    assert!(packets > 20);
}

#[test]
fn the_errors_of_the_router_are_those_of_the_code() {
    let rows = table("| code | name | when the router");
    let listed: Vec<(&str, &str)> = rows.iter().map(|row| (row[0], row[1])).collect();
    let codes: Vec<(String, &str)> = packet::FaultCode::ALL.iter().map(|code| (code.number().to_string(), code.name())).collect();
    assert_eq!(listed, codes.iter().map(|(number, name)| (number.as_str(), *name)).collect::<Vec<_>>());
}

#[test]
fn links_inside_the_document_lead_somewhere() {
    let anchor = |heading: &str| heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    let anchors: BTreeSet<String> = PROTOCOL.lines().filter(|line| line.starts_with('#')).map(anchor).collect();
    for link in PROTOCOL.split("](#").skip(1) {
        let name = link.split(')').next().unwrap();
        assert!(anchors.contains(name), "{name}");
    }
}
