//! The coordinator's chapter of PROTOCOL.md says what the code says: requests, answers and messages, byte for byte.
//!
//! What only these tests prove: every envelope there is read and written by this crate as it stands, and fits the schema. That
//! a coordinator answers so is proved by playing the examples, in the end-to-end tests.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

#[expect(dead_code, reason = "its reader of conversations is for other tests")]
mod conversation;
mod exchange;

use std::collections::BTreeSet;

use concierge_api_rs::coordinator::*;
use conversation::blocks;
use exchange::{Step, is_answer, steps};
use serde_json::Value as Json;

const PROTOCOL: &str = include_str!("../../PROTOCOL.md");
const SCHEMA: &str = include_str!("../../docs/protocol.schema.json");

/// The examples, each as its steps.
fn examples() -> Vec<Vec<Step>> {
    let headed = |info| blocks(PROTOCOL, info).into_iter().map(|(line, text)| steps(line, &text));
    let examples: Vec<_> = headed("coordinator").chain(headed("coordinator hub")).collect();
    assert!(examples.len() > 20, "{}", examples.len());
    examples
}

/// Requests, each with its answer.
fn requests() -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for example in examples() {
        for (at, step) in example.iter().enumerate() {
            let Step::Asks(who, request) = step else { continue };
            let answered = example[at + 1..].iter().find_map(|step| match step {
                Step::IsAnswered(client, answer) if client == who => Some(answer.clone()),
                Step::Asks(client, _) if client == who => panic!("nothing answers {request}"),
                _ => None,
            });
            pairs.push((request.clone(), answered.unwrap_or_else(|| panic!("nothing answers {request}"))));
        }
    }
    let transcripts = blocks(PROTOCOL, "console").into_iter().flat_map(|(_, text)| transcript(&text));
    pairs.into_iter().chain(transcripts).collect()
}

/// The bodies that curl sends to the coordinator, and what it prints.
fn transcript(text: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let body = |line: &str| Some(line.split_once(" -d '")?.1.split_once('\'')?.0.to_owned());
    let pair = |pair: &[&str]| Some((body(pair[0])?, Some(pair[1].to_owned()).filter(|answer| answer.starts_with('{'))?));
    lines.windows(2).filter_map(pair).collect()
}

fn messages() -> Vec<String> {
    let told = |step| if let Step::IsTold(_, text) = step { Some(text) } else { None };
    let events = blocks(PROTOCOL, "console")
        .into_iter()
        .flat_map(|(_, text)| text.lines().filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned).collect::<Vec<_>>());
    examples().into_iter().flatten().filter_map(told).chain(events).collect()
}

fn decoded(request: &str) -> Result<Envelope, Box<Refused>> {
    let caller = Address::parse("uni@hub/ada").unwrap();
    Envelope::decode(request, Offered::default(), Some(&caller))
}

#[test]
fn every_request_is_understood_and_written_again_or_refused_in_these_words() {
    for (request, answer) in requests() {
        match decoded(&request) {
            Ok(envelope) => {
                let Head { dialect, corr_id, .. } = &envelope.head;
                let again = envelope.request.encode(*dialect, corr_id).unwrap();
                assert_eq!(decoded(&again).unwrap(), envelope, "{request}");
            }
            Err(refused) => assert_eq!(refused.encode(), answer, "{request}"),
        }
    }
}

#[test]
fn every_answer_is_written_as_the_coordinator_writes_it() {
    for (request, answer) in requests() {
        let Ok(Envelope { head, .. }) = decoded(&request) else { continue };
        let json: Json = serde_json::from_str(&answer).unwrap();
        assert_eq!(head.answer(&outcome(&json, head.dialect)), answer);
    }
}

#[test]
fn every_message_is_read_and_written_as_it_stands() {
    for text in messages() {
        let kind = kind(&text);
        let dialect = if ["execute", "unblock"].contains(&&*kind) { Dialect::V20260401 } else { Dialect::Plain };
        assert_eq!(Message::decode(&text).unwrap().encode(dialect), text);
        assert!(!is_answer(&text));
    }
}

#[test]
fn every_kind_of_request_succeeds_once_in_each_dialect_that_has_it_and_every_status_occurs() {
    let mut done = BTreeSet::new();
    let mut statuses = BTreeSet::new();
    for (request, answer) in requests() {
        let status = status(&serde_json::from_str(&answer).unwrap());
        statuses.insert(status);
        if let (Ok(Envelope { head, .. }), 200) = (decoded(&request), status) {
            done.insert((head.kind, head.dialect));
        }
    }
    for kind in Kind::ALL.iter().filter(|kind| !kind.is_debug()) {
        for dialect in [Dialect::Plain, Dialect::V20260401] {
            assert_eq!(done.contains(&(*kind, dialect)), kind.word(dialect).is_some(), "{kind:?} {dialect:?}");
        }
    }
    assert_eq!(statuses, BTreeSet::from([200, 300, 400, 404, 409, 422]));
    let told: BTreeSet<String> = messages().iter().map(|text| kind(text)).collect();
    assert_eq!(told, ["execute", "invoke", "notify", "resume", "unblock"].map(str::to_owned).into());
}

#[test]
fn every_envelope_fits_the_schema() {
    let [asked, answered, said] = ["Request", "Answer", "Message"].map(|def| validator(&format!("Coordinator{def}")));
    for (request, answer) in requests() {
        let fits = asked.is_valid(&serde_json::from_str(&request).unwrap());
        assert_eq!(fits, decoded(&request).is_ok(), "{request}");
        assert_valid(&answered, &answer);
    }
    for message in messages() {
        assert_valid(&said, &message);
    }
}

#[test]
fn the_schema_refuses_answers_in_the_other_dialect_and_promises_that_miss_a_field() {
    let answers = validator("CoordinatorAnswer");
    let mut mutilated = 0;
    for (_, answer) in requests() {
        let mut answer: Json = serde_json::from_str(&answer).unwrap();
        if answer["head"]["version"].is_null() || answer.pointer("/data/promise").is_none() {
            continue;
        }
        let fields: Vec<String> = answer["data"]["promise"].as_object().unwrap().keys().cloned().collect();
        for field in fields.iter().filter(|field| **field != "settledAt") {
            let mut less = answer.clone();
            less["data"]["promise"].as_object_mut().unwrap().remove(field);
            assert!(!answers.is_valid(&less), "{less}");
            mutilated += 1;
        }
        answer["head"].as_object_mut().unwrap().remove("version");
        assert!(!answers.is_valid(&answer), "{answer}");
    }
    assert!(mutilated > 50, "{mutilated}");
}

fn validator(def: &str) -> jsonschema::Validator {
    let mut schema: Json = serde_json::from_str(SCHEMA).unwrap();
    schema["$ref"] = format!("#/$defs/{def}").into();
    jsonschema::draft202012::new(&schema).unwrap()
}

fn assert_valid(schema: &jsonschema::Validator, text: &str) {
    if let Err(error) = schema.validate(&serde_json::from_str(text).unwrap()) {
        panic!("{error}: {text}");
    }
}

fn kind(text: &str) -> String {
    let json: Json = serde_json::from_str(text).unwrap();
    json["kind"].as_str().unwrap_or_default().to_owned()
}

fn status(answer: &Json) -> u64 {
    answer["head"]["status"].as_u64().unwrap()
}

/// What an answer says, as the coordinator has it before it writes it.
fn outcome(answer: &Json, dialect: Dialect) -> Outcome {
    let data = &answer["data"];
    if status(answer) >= 400 {
        let is = |known: &&Status| u64::from(known.code()) == status(answer);
        let known = [Status::BadRequest, Status::NotFound, Status::Conflict, Status::Unprocessable];
        return Err(Refusal::new(*known.iter().find(is).unwrap(), data.as_str().unwrap()));
    }
    let kind = Kind::of_word(answer["kind"].as_str().unwrap(), dialect).unwrap();
    let cursor = || data["cursor"].as_str().map(str::to_owned);
    Ok(match kind {
        Kind::TaskCreate => {
            Answer::Created { task: task(&data["task"], dialect), promise: read(&data["promise"]), preload: preload(data) }
        }
        Kind::TaskAcquire => acquired(data, dialect),
        Kind::TaskSuspend if status(answer) == 300 => Answer::GoOn { preload: preload(data) },
        Kind::TaskFence => fenced(&data["action"], dialect),
        Kind::TaskGet => Answer::Task(task(&data["task"], dialect)),
        Kind::PromiseSearch => Answer::Promises { page: read(&data["promises"]), cursor: cursor() },
        Kind::TaskSearch => Answer::Tasks { page: read(&data["tasks"]), cursor: cursor() },
        Kind::ScheduleSearch => Answer::Schedules { page: read(&data["schedules"]), cursor: cursor() },
        Kind::ScheduleGet | Kind::ScheduleCreate => Answer::Schedule(read(&data["schedule"])),
        _ if data.get("promise").is_some() => Answer::Promise(read(&data["promise"])),
        _ => Answer::Done,
    })
}

fn acquired(data: &Json, dialect: Dialect) -> Answer {
    match dialect {
        Dialect::Plain => Answer::Acquired {
            promise: read(&data["data"]["invoked"]),
            awaited: data["data"].get("awaited").map(read),
            task: task(&serde_json::json!({ "id": "it is not shown", "version": 0 }), dialect),
            preload: Vec::new(),
        },
        Dialect::V20260401 => {
            let promise: Promise = read(&data["promise"]);
            // which one woke it is not shown, only that one did
            let awaited = (data["kind"] == "resume").then(|| promise.clone());
            Answer::Acquired { task: task(&data["task"], dialect), promise, awaited, preload: preload(data) }
        }
    }
}

fn fenced(action: &Json, dialect: Dialect) -> Answer {
    let kind = Kind::of_word(action["kind"].as_str().unwrap(), dialect).unwrap();
    let corr_id = action["head"]["corrId"].as_str().unwrap().to_owned();
    Answer::Fenced { kind, corr_id, outcome: Box::new(outcome(action, dialect)) }
}

/// The first dialect shows no more of a task than would make it a pending one.
fn task(json: &Json, dialect: Dialect) -> Task {
    if dialect == Dialect::V20260401 {
        return read(json);
    }
    let claims = Claims(u32::try_from(json["version"].as_u64().unwrap()).unwrap());
    Task { id: read(&json["id"]), state: TaskState::Pending, claims, resumes: BTreeSet::new(), ttl: None, pid: None }
}

fn preload(data: &Json) -> Vec<Promise> {
    data.get("preload").map_or_else(Vec::new, read)
}

fn read<T: serde::de::DeserializeOwned>(json: &Json) -> T {
    serde_json::from_value(json.clone()).unwrap_or_else(|e| panic!("{e}: {json}"))
}
