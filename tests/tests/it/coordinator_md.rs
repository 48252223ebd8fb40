//! The coordinator's chapter of PROTOCOL.md against a real hub: its examples over the hub and over HTTP, its curls, its table
//! of tasks.
//!
//! What only these tests prove: the program itself answers so, over both of its faces.

#[path = "../../../concierge_api_rs/tests/exchange/mod.rs"]
mod exchange;

use std::collections::{HashMap, HashSet, VecDeque};

use concierge_tests::{Client, Command, Hub, Poller, needed, repository};
use exchange::{Step, is_answer, steps};
use serde_json::{Value, json};

/// When the examples begin: 2026-01-01, 0:00 UTC.
const BEGIN: i64 = 1_767_225_600_000;

fn document() -> String {
    std::fs::read_to_string(repository().join("PROTOCOL.md")).unwrap()
}

/// The blocks with this info string: where each begins, and its text.
fn blocks(document: &str, info: &str) -> Vec<(usize, String)> {
    let fence = format!("```{info}\n");
    let line = |at: usize| document[..at].lines().count() + 2;
    let text = |at: usize| document[at + fence.len()..].split("```").next().unwrap().to_owned();
    document.match_indices(&fence).map(|(at, _)| (line(at), text(at))).collect()
}

/// A hub that keeps nothing, whose time stands still.
async fn hub() -> Hub {
    let hub = Hub::with(&["coordinator.enabled=true", "coordinator.debug_clock=true", "store.url=memory:"]).await;
    clock(&hub, BEGIN).await;
    hub
}

async fn clock(hub: &Hub, now: i64) {
    let tick = json!({ "kind": "debug.tick", "head": { "corrId": "", "version": "2026-04-01" }, "data": { "time": now } });
    assert_eq!(json_of(&post(hub, &tick.to_string()).await)["head"]["status"], 200);
}

async fn post(hub: &Hub, request: &str) -> String {
    let reply = hub.http("POST", "/coordinator", &[], request.as_bytes()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.text()
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// Clients of the hub that have subscribed, and what each has received and nobody has looked at yet.
#[derive(Default)]
struct OverTheHub(HashMap<String, (Client, VecDeque<String>)>);

impl OverTheHub {
    async fn comes(&mut self, hub: &Hub, name: &str, group: Option<&str>) {
        let mut client = hub.connect().await;
        let tags: Vec<&str> = group.into_iter().collect();
        client.identify_as(&json!({ "type": "IDENTIFY", "name": name, "version": "0.2.0", "tags": tags })).await;
        let answer = client.ask(&json!({ "type": "SELF_SUBSCRIBE", "service": "coordinator" })).await;
        assert_eq!(answer["successful"], true, "{answer}");
        self.0.insert(name.to_owned(), (client, VecDeque::new()));
    }

    async fn asks(&mut self, name: &str, request: &str) {
        let to = r#"{"type":"MESSAGE","target":{"type":"SERVICE","service":"coordinator"},"data":"#;
        self.0.get_mut(name).unwrap().0.say_text(format!("{to}{request}}}")).await;
    }

    /// The next answer, or the next message.
    async fn hears(&mut self, name: &str, an_answer: bool) -> String {
        let (client, early) = self.0.get_mut(name).unwrap();
        if let Some(at) = early.iter().position(|text| is_answer(text) == an_answer) {
            return early.remove(at).unwrap();
        }
        loop {
            let text = client.hear_text().await;
            let Some((head, data)) = text.split_once(r#","data":"#).filter(|_| text.starts_with(r#"{"type":"MESSAGE""#)) else {
                continue; // an OK, or who comes and goes
            };
            assert!(head.contains(r#""origin":{"name":"coordinator""#), "{text}");
            let data = data.strip_suffix('}').unwrap().to_owned();
            if is_answer(&data) == an_answer {
                return data;
            }
            early.push_back(data);
        }
    }

    /// Whatever was sent before has been received: nobody gets more than the document tells.
    async fn end(&mut self, told: &Told) {
        let names: Vec<String> = self.0.keys().cloned().collect();
        for name in names {
            self.asks(&name, r#"{"kind":"promise.get","head":{"corrId":"the end"},"data":{"id":"the end"}}"#).await;
            let last = self.hears(&name, true).await;
            assert!(last.contains(r#""corrId":"the end""#), "{name} hears more: {last}");
            let more: Vec<&String> = self.0[&name].1.iter().filter(|text| !told.is_repeated(&name, text)).collect();
            assert!(more.is_empty(), "{name} hears more: {more:?}");
        }
    }
}

/// What clients were told before. A message may come twice; the document shows it once.
#[derive(Default)]
struct Told(HashSet<(String, String)>);

impl Told {
    fn is_repeated(&self, name: &str, text: &str) -> bool {
        self.0.contains(&(name.to_owned(), text.to_owned()))
    }

    /// Whether this is the message that the document shows now; otherwise it is one more of those before.
    fn is_it(&mut self, name: &str, text: &str, expected: &str) -> bool {
        if text != expected {
            assert!(self.is_repeated(name, text), "{name} is told {text} instead of {expected}");
            return false;
        }
        self.0.insert((name.to_owned(), text.to_owned()));
        true
    }
}

async fn play_over_the_hub(example: &[Step]) {
    let hub = hub().await;
    let (mut clients, mut told) = (OverTheHub::default(), Told::default());
    for step in example {
        match step {
            Step::Comes(name, group) => clients.comes(&hub, name, group.as_deref()).await,
            Step::Clock(now) => clock(&hub, *now).await,
            Step::Asks(name, request) => clients.asks(name, request).await,
            Step::IsAnswered(name, text) => assert_eq!(clients.hears(name, true).await, *text),
            Step::IsTold(name, text) => while !told.is_it(name, &clients.hears(name, false).await, text) {},
        }
    }
    clients.end(&told).await;
}

async fn play_over_http(example: &[Step]) {
    let hub = hub().await;
    let mut pollers: HashMap<&str, Poller> = HashMap::new();
    let mut answers: HashMap<&str, VecDeque<String>> = HashMap::new();
    let mut told = Told::default();
    for step in example {
        match step {
            Step::Comes(_, None) => {}
            Step::Comes(name, Some(group)) => drop(pollers.insert(name, Poller::open(&hub, group, name).await)),
            Step::Clock(now) => clock(&hub, *now).await,
            Step::Asks(name, request) => answers.entry(name).or_default().push_back(post(&hub, request).await),
            Step::IsAnswered(name, text) => assert_eq!(answers.get_mut(&**name).unwrap().pop_front().as_ref(), Some(text)),
            Step::IsTold(name, text) => {
                let poller = pollers.get_mut(&**name).unwrap();
                while !told.is_it(name, &poller.message().await.unwrap().to_string(), &json_of(text).to_string()) {}
            }
        }
    }
    assert!(answers.values().all(VecDeque::is_empty), "{answers:?}");
}

#[tokio::test]
async fn the_examples_are_what_a_real_hub_answers_over_its_service_and_over_http() {
    let document = document();
    let both = blocks(&document, "coordinator");
    assert!(both.len() > 20, "{}", both.len());
    for (line, text) in both {
        eprintln!("PROTOCOL.md, example at line {line}");
        let example = steps(line, &text);
        play_over_the_hub(&example).await;
        play_over_http(&example).await;
    }
    for (line, text) in blocks(&document, "coordinator hub") {
        eprintln!("PROTOCOL.md, example at line {line}");
        play_over_the_hub(&steps(line, &text)).await;
    }
}

#[tokio::test]
async fn every_curl_prints_what_stands_below_it() {
    let _curl = needed("curl");
    let transcripts = blocks(&document(), "console");
    assert_eq!(transcripts.len(), 2, "one of requests, one of messages");
    for (line, text) in transcripts {
        let hub = hub().await;
        let url = format!("http://{}", hub.address);
        for example in text.strip_prefix("$ ").unwrap().split("\n$ ") {
            let (command, printed) = example.split_once('\n').unwrap_or((example, ""));
            let shell = Command::program("sh".into(), &["-uc", command]).env("HUB", &url);
            let ran = shell.run().await.exits(0);
            assert_eq!((ran.stdout.trim_end(), ran.stderr.as_str()), (printed.trim_end(), ""), "line {line}: {command}");
        }
    }
}

/// The head and the rows of the table whose head begins so.
fn table(head: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let document = document();
    let mut lines = document.lines().skip_while(|line| !line.starts_with(head));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let head = cells(lines.next().unwrap());
    (head, lines.skip(1).take_while(|line| line.starts_with('|')).map(cells).collect())
}

async fn begin_anew(hub: &Hub) {
    post(hub, &request("debug.reset", &json!({})).to_string()).await;
    clock(hub, BEGIN).await;
}

/// Nothing is there but the task `t` in that state; what it waits for is `awaited`. Gives the version that its holder would name.
async fn a_task_that_is(state: &str, hub: &Hub) -> u64 {
    begin_anew(hub).await;
    let mut done: Vec<Value> = vec![create("awaited", json!({}))];
    match state {
        "none" => done.push(create("t", json!({}))),
        "pending" => done.push(create("t", json!({ "resonate:target": "any@workers" }))),
        _ => done.push(claim()),
    }
    match state {
        "suspended" => done.push(suspend(1)),
        "halted" => done.push(request("task.halt", &json!({ "id": "t" }))),
        "fulfilled" => done.push(fulfill(1)),
        _ => {}
    }
    for request in done {
        assert_eq!(json_of(&post(hub, &request.to_string()).await)["head"]["status"], 200, "{request}");
    }
    u64::from(state != "none" && state != "pending")
}

fn request(kind: &str, data: &Value) -> Value {
    json!({ "kind": kind, "head": { "corrId": "", "version": "2026-04-01" }, "data": data })
}

fn create(id: &str, tags: Value) -> Value {
    request("promise.create", &json!({ "id": id, "timeoutAt": BEGIN + 3_600_000, "tags": tags }))
}

fn claim() -> Value {
    let action = create("t", json!({ "resonate:target": "any@workers" }));
    request("task.create", &json!({ "pid": "w1", "ttl": 60_000, "action": action }))
}

fn suspend(version: u64) -> Value {
    let action = request("promise.register_callback", &json!({ "awaiter": "t", "awaited": "awaited" }));
    request("task.suspend", &json!({ "id": "t", "version": version, "actions": [action] }))
}

fn settle(id: &str) -> Value {
    request("promise.settle", &json!({ "id": id, "state": "resolved" }))
}

fn fulfill(version: u64) -> Value {
    request("task.fulfill", &json!({ "id": "t", "version": version, "action": settle("t") }))
}

/// The request that a row of the table is about.
fn of_row(row: &str, version: u64) -> Option<Value> {
    let id = json!({ "id": "t" });
    let held = json!({ "id": "t", "version": version });
    let tasks = json!({ "pid": "w1", "tasks": [held] });
    Some(match row {
        "`task.create`" => claim(),
        "`task.acquire`" => request("task.acquire", &json!({ "id": "t", "version": version, "pid": "w1", "ttl": 60_000 })),
        "`task.suspend`" => suspend(version),
        "`task.fulfill`" => fulfill(version),
        "`task.release`" => request("task.release", &held),
        "`task.fence`" => request("task.fence", &json!({ "id": "t", "version": version, "action": create("more", json!({})) })),
        "`task.heartbeat`" => request("task.heartbeat", &tasks),
        "`task.get`" | "`task.halt`" | "`task.continue`" => request(row.trim_matches('`'), &id),
        "a promise that it waits for settles" => settle("awaited"),
        "its own promise settles" => settle("t"),
        _ => return None,
    })
}

/// The task, or nothing.
async fn task(hub: &Hub) -> Value {
    let answer = json_of(&post(hub, &request("task.get", &json!({ "id": "t" })).to_string()).await);
    answer.pointer("/data/task").cloned().unwrap_or_default()
}

#[tokio::test]
async fn the_table_of_tasks_is_what_a_real_hub_does() {
    let (states, rows) = table("| a task that is |");
    assert_eq!((states.len(), rows.len()), (7, 13));
    let hub = hub().await;
    for row in &rows {
        for (state, cell) in states.iter().zip(row).skip(1).filter(|(_, cell)| !cell.is_empty()) {
            let said = format!("{} of a task that is {state}: {cell}", row[0]);
            let version = a_task_that_is(state, &hub).await;
            let wakes = row[0] == "a promise that it waits for settles";
            if wakes {
                let register = json!({ "awaiter": "t", "awaited": "awaited" });
                post(&hub, &request("promise.register_callback", &register).to_string()).await;
            }
            match of_row(&row[0], version) {
                None => clock(&hub, BEGIN + 60_000).await,
                Some(request) => {
                    let status = json_of(&post(&hub, &request.to_string()).await)["head"]["status"].clone();
                    let told = if cell.starts_with(|c: char| c.is_ascii_digit()) { &cell[..3] } else { "200" };
                    assert_eq!(status.to_string(), told, "{said}");
                }
            }
            let task = task(&hub).await;
            let next =
                cell.split_once("→ ").filter(|_| state != "none").map_or(&**state, |(_, next)| next.split(',').next().unwrap());
            assert_eq!(task["state"].as_str().unwrap_or("none"), next, "{said}: {task}");
            assert_eq!(task["resumes"] == json!(["awaited"]), wakes, "{said}: {task}");
        }
    }
}

#[tokio::test]
async fn the_table_of_promises_is_what_a_real_hub_does() {
    let (states, rows) = table("| a promise that is |");
    assert_eq!((states.len(), rows.len()), (4, 6));
    let hub = hub().await;
    let status = async |request: Value| json_of(&post(&hub, &request.to_string()).await)["head"]["status"].to_string();
    for (row, (state, cell)) in rows.iter().flat_map(|row| states.iter().zip(row).skip(1).map(move |cell| (&row[0], cell))) {
        begin_anew(&hub).await;
        let mut given = vec![create("waiting", json!({ "resonate:target": "any@workers" }))];
        given.extend((state != "unknown").then(|| create("t", json!({ "resonate:target": "any@workers" }))));
        given.extend((state == "settled").then(|| settle("t")));
        for request in given {
            assert_eq!(status(request).await, "200");
        }
        let about = match row.trim_matches('`') {
            "promise.get" => request("promise.get", &json!({ "id": "t" })),
            "promise.create" => create("t", json!({})),
            "promise.settle" => settle("t"),
            "task.create" => claim(),
            row if row.starts_with("promise.register") => {
                request("promise.register_callback", &json!({ "awaiter": "waiting", "awaited": "t" }))
            }
            _ => request("promise.register_listener", &json!({ "awaited": "t", "address": "uni@workers/w1" })),
        };
        let (told, next) = cell.split_once(" → ").unwrap_or((cell, if cell == "404" { "unknown" } else { state }));
        if told != "as the task is" {
            assert_eq!(status(about).await, told, "{row} of a promise that is {state}");
        }
        let promise = json_of(&post(&hub, &request("promise.get", &json!({ "id": "t" })).to_string()).await);
        let found = match promise.pointer("/data/promise/state").and_then(Value::as_str) {
            Some("pending") => "pending",
            Some(_) => "settled",
            None => "unknown",
        };
        assert_eq!(found, next, "{row} of a promise that is {state}");
    }
}
