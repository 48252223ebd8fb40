//! Every verb in every state: the status, and the first letters of the state after it where that is another one. `-` is no promise, `bare` one
//! without a task; `late` states are past their deadline, which nobody has written down yet.

use concierge_coordinator::Reads;
use serde_json::json;

use crate::world::{LATER, T, World, act, resolve, wait};

const STATES: [&str; 12] = [
    "-",
    "bare",
    "pending",
    "acquired",
    "suspended",
    "halted",
    "fulfilled",
    "late bare",
    "late pend",
    "late acqu",
    "late susp",
    "late halt",
];

const VERBS: &[&str] = &[
    "promise.get",
    "promise.create",
    "promise.settle",
    "awaited of promise.register",
    "awaiter of promise.register",
    "promise.register_listener",
    "task.get",
    "task.create",
    "task.acquire",
    "task.suspend",
    "task.fulfill",
    "task.release",
    "task.fence",
    "task.heartbeat",
    "task.halt",
    "task.continue",
];

/// `t` in this state, beside a pending promise `x` and a held task `w`.
fn world(state: &str) -> World {
    let mut w = World::new();
    w.promise("x");
    w.held("w");
    let (late, state) = state.strip_prefix("late ").map_or((false, state), |state| (true, state));
    let state = *STATES.iter().find(|whole| whole.starts_with(state)).unwrap();
    let timeout_at = if late { T + 100 } else { LATER };
    match state {
        "-" => {}
        "bare" => assert_eq!(w.code("promise.create", json!({ "id": "t", "timeoutAt": timeout_at })), 200),
        _ => w.task_until("t", timeout_at),
    }
    if matches!(state, "acquired" | "suspended" | "halted" | "fulfilled") {
        assert_eq!(w.acquire("t", 0).0, 200);
    }
    if state == "suspended" {
        assert_eq!(w.suspend("t", 1, &["x"]).0, 200);
    }
    if state == "halted" {
        assert_eq!(w.code("task.halt", json!({ "id": "t" })), 200);
    }
    if state == "fulfilled" {
        assert_eq!(w.settle("t"), 200);
    }
    w.now = T + if late { 100 } else { 0 };
    w
}

/// What is stored of `t`: promise and task.
fn stored(w: &World) -> String {
    let id = "t".parse().unwrap();
    match (w.rows.promise(&id).unwrap(), w.rows.task(&id).unwrap()) {
        (None, _) => "-".to_owned(),
        (Some(promise), None) => promise.state.as_str().to_owned(),
        (Some(_), Some(task)) => task.state.as_str().to_owned(),
    }
}

fn request(verb: &str) -> (&str, serde_json::Value) {
    let create = json!({ "id": "t", "timeoutAt": LATER, "tags": { "resonate:target": "any@work" } });
    let task = json!({ "id": "t", "version": 1 });
    let with = |key: &str, value| {
        let mut task = task.clone();
        task[key] = value;
        task
    };
    match verb {
        "awaited of promise.register" => ("promise.register_callback", json!({ "awaiter": "w", "awaited": "t" })),
        "awaiter of promise.register" => ("promise.register_callback", json!({ "awaiter": "t", "awaited": "x" })),
        "promise.register_listener" => (verb, json!({ "awaited": "t", "address": "uni@ui/eve" })),
        "promise.create" => (verb, create),
        "promise.settle" => (verb, json!({ "id": "t", "state": "resolved" })),
        "task.create" => (verb, json!({ "pid": "ada", "ttl": 5, "action": act("promise.create", create) })),
        "task.acquire" => (verb, json!({ "id": "t", "version": 0, "pid": "ada", "ttl": 5 })),
        "task.suspend" => (verb, with("actions", json!([wait("t", "x")]))),
        "task.fulfill" => (verb, with("action", resolve("t"))),
        "task.fence" => (verb, with("action", act("promise.create", json!({ "id": "y", "timeoutAt": LATER })))),
        "task.heartbeat" => (verb, json!({ "pid": "ada", "tasks": [task] })),
        _ => (verb, task),
    }
}

#[test]
fn every_verb_in_every_state_does_what_the_table_says() {
    let mut table = format!("{:28}{}\n", "", STATES.map(|state| format!("{state:10}")).concat().trim_end());
    for verb in VERBS {
        let cells = STATES.map(|state| format!("{:10}", cell(verb, state)));
        table += &format!("{verb:28}{}\n", cells.concat().trim_end());
    }
    assert_eq!(table.trim(), TABLE.trim());
}

/// The status, and what is stored afterwards when it changed.
fn cell(verb: &str, state: &str) -> String {
    let mut w = world(state);
    let before = stored(&w);
    let (kind, data) = request(verb);
    let status = w.code(kind, data);
    let after = stored(&w);
    if before == after { status.to_string() } else { format!("{status} {}", &after[..4]) }
}

const TABLE: &str = r"
                            -         bare      pending   acquired  suspended halted    fulfilled late bare late pend late acqu late susp late halt
promise.get                 404       200       200       200       200       200       200       200       200       200       200       200
promise.create              200 pend  200       200       200       200       200       200       200       200       200       200       200
promise.settle              404       200 reso  200 fulf  200 fulf  200 fulf  200 fulf  200       200       200       200       200       200
awaited of promise.register 404       200       200       200       200       200       200       200       200       200       200       200
awaiter of promise.register 422       422       200       200       200       200       200       422       200       200       200       200
promise.register_listener   404       200       200       200       200       200       200       200       200       200       200       200
task.get                    404       404       200       200       200       200       200       404       200       200       200       200
task.create                 200 acqu  422       200 acqu  409       409       409       200       422       200       200       200       200
task.acquire                404       404       200 acqu  409       409       409       409       404       409       409       409       409
task.suspend                404       404       409       200 susp  409       409       409       404       409       409       409       409
task.fulfill                404       404       409       200 fulf  409       409       409       404       409       409       409       409
task.release                404       404       409       200 pend  409       409       409       404       409       409       409       409
task.fence                  404       404       409       200       409       409       409       404       409       409       409       409
task.heartbeat              200       200       200       200       200       200       200       200       200       200       200       200
task.halt                   404       404       200 halt  200 halt  200 halt  200       409       404       409       409       409       409
task.continue               404       404       409       409       409       200 pend  409       404       409       409       409       409
";
