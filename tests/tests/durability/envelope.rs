//! Requests and answers in the dialect `2026-04-01`.

use concierge_test_histories::{Answer, Op, Phase};
use serde_json::{Value, json};

const FAR: u64 = 9_999_999_999_999;

/// A request about one id, and the other id that it names: what is waited for by suspend, what is made by fence.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) id: String,
    pub(crate) op: Op,
    pub(crate) other: String,
}

impl Wish {
    pub(crate) fn new(id: &str, op: Op) -> Self {
        Self { id: id.to_owned(), op, other: String::new() }
    }

    pub(crate) fn about(self, other: String) -> Self {
        Self { other, ..self }
    }

    pub(crate) fn envelope(&self, corr_id: &str, client: &str) -> Value {
        let Self { id, op, other } = self;
        let settle = |value: &str| json!({ "id": id, "state": "resolved", "value": { "data": value } });
        let (kind, data) = match op {
            Op::Create { param, target } => ("promise.create", create(id, param, *target)),
            Op::Settle { value } => ("promise.settle", settle(value)),
            Op::Get => ("promise.get", json!({ "id": id })),
            Op::Look => ("task.get", json!({ "id": id })),
            Op::Acquire { version, by, ttl } => {
                ("task.acquire", json!({ "id": id, "version": version, "pid": by, "ttl": ttl / 1_000_000 }))
            }
            Op::Heartbeat { version } => {
                ("task.heartbeat", json!({ "pid": client, "tasks": [{ "id": id, "version": version }] }))
            }
            Op::Fence { version } => {
                let action = request("promise.create", corr_id, &create(other, corr_id, false));
                ("task.fence", json!({ "id": id, "version": version, "action": action }))
            }
            Op::Suspend { version } => {
                let action = request("promise.register_callback", corr_id, &json!({ "awaiter": id, "awaited": other }));
                ("task.suspend", json!({ "id": id, "version": version, "actions": [action] }))
            }
            Op::Release { version } => ("task.release", json!({ "id": id, "version": version })),
            Op::Fulfill { version, value } => {
                let action = request("promise.settle", corr_id, &settle(value));
                ("task.fulfill", json!({ "id": id, "version": version, "action": action }))
            }
        };
        request(kind, corr_id, &data)
    }

    /// What the answer means; none when it says that the fate of the request is unknown.
    pub(crate) fn answer(&self, envelope: &Value) -> Option<Answer> {
        let data = &envelope["data"];
        Some(match (envelope["head"]["status"].as_u64().unwrap(), &self.op) {
            (500, _) => return None,
            (300, Op::Suspend { .. }) => Answer::GoOn,
            (200, Op::Create { .. } | Op::Settle { .. } | Op::Get | Op::Fulfill { .. }) => promise(&data["promise"]),
            (200, Op::Look | Op::Acquire { .. }) => task(&data["task"]),
            (200, _) => Answer::Done,
            (status, _) => Answer::Refused(u16::try_from(status).unwrap()),
        })
    }
}

pub(crate) fn request(kind: &str, corr_id: &str, data: &Value) -> Value {
    json!({ "kind": kind, "head": { "corrId": corr_id, "version": "2026-04-01" }, "data": data })
}

fn create(id: &str, param: &str, target: bool) -> Value {
    let tags = if target { json!({ "resonate:target": "any@workers" }) } else { json!({}) };
    json!({ "id": id, "timeoutAt": FAR, "param": { "data": param }, "tags": tags })
}

/// An outcome that nobody asks for here is shown by its state.
pub(crate) fn promise(promise: &Value) -> Answer {
    let value = match promise["state"].as_str().unwrap() {
        "pending" => None,
        "resolved" => Some(promise["value"]["data"].as_str().unwrap().to_owned()),
        other => Some(other.to_owned()),
    };
    Answer::Promise { param: promise["param"]["data"].as_str().unwrap().to_owned(), value }
}

fn task(task: &Value) -> Answer {
    let phase = match task["state"].as_str().unwrap() {
        "pending" => Phase::Pending,
        "acquired" => Phase::Acquired,
        "suspended" => Phase::Suspended,
        "fulfilled" => Phase::Fulfilled,
        other => panic!("nobody halts here: {other}"),
    };
    Answer::Task { phase, version: task["version"].as_u64().unwrap() }
}
