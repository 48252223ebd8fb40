//! What clients ask of the coordinator, and what they make of the answers.

use std::cell::RefCell;
use std::collections::BTreeMap;

use concierge_test_histories::{Answer, Op};
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::ground::EPOCH_MS;
use crate::recorder::{Call, Recorder, now_ms};

/// Promises that all want: few, so that requests meet.
const IDS: u32 = 6;
/// Those of the judge never come due.
const NEVER_MS: i64 = EPOCH_MS * 2;
/// What the hub's clock, which counts whole milliseconds, may be seen otherwise than ours.
const TOLERANCE_MS: i64 = 2;

/// One connection's requests that are not answered yet.
#[derive(Default)]
pub(crate) struct Calls(RefCell<BTreeMap<String, Open>>);

enum Open {
    /// For the judge.
    Judged(Call),
    /// Of a promise with a deadline, asked at this time.
    Timed { asked_ms: i64 },
}

impl Calls {
    /// One more request, as the `data` of a message. `n` is a number that nothing else has.
    pub(crate) fn ask(&self, dice: &mut StdRng, recorder: &Recorder, client: &str, n: u64) -> Value {
        if dice.random_bool(0.3) {
            return self.ask_timed(dice, n);
        }
        let id = format!("p{}", dice.random_range(0..IDS));
        let word = format!("w{n}");
        let (kind, data, op) = match dice.random_range(0..4) {
            0 | 1 => (
                "promise.create",
                json!({"id": id, "param": {"data": word}, "timeoutAt": NEVER_MS}),
                Op::Create { param: word, target: false },
            ),
            2 => ("promise.settle", json!({"id": id, "state": "resolved", "value": {"data": word}}), Op::Settle { value: word }),
            _ => ("promise.get", json!({"id": id}), Op::Get),
        };
        let call = recorder.call(client.to_owned(), id, op);
        self.0.borrow_mut().insert(n.to_string(), Open::Judged(call));
        envelope(kind, n, &data)
    }

    /// A promise with a deadline that comes while the simulation runs, or one that was made before.
    fn ask_timed(&self, dice: &mut StdRng, n: u64) -> Value {
        let id = format!("t{}", dice.random_range(0..IDS));
        let asked_ms = wall_ms();
        self.0.borrow_mut().insert(n.to_string(), Open::Timed { asked_ms });
        let timeout = asked_ms + dice.random_range(1..1_000);
        envelope("promise.create", n, &json!({"id": id, "timeoutAt": timeout}))
    }

    /// An answer came.
    pub(crate) fn answered(&self, recorder: &Recorder, data: &Value) {
        let Some(corr) = data["head"]["corrId"].as_str() else { return recorder.complain(format!("no answer of ours: {data}")) };
        let Some(open) = self.0.borrow_mut().remove(corr) else {
            return recorder.complain(format!("an answer that nobody waits for: {data}"));
        };
        let promise = &data["data"]["promise"];
        let settled = promise["state"].as_str().is_some_and(|state| state != "pending");
        match (open, data["head"]["status"].as_u64()) {
            // too much at once: it was not done
            (_, Some(429)) => {}
            (Open::Judged(call), Some(200)) => {
                let word = |value: &Value| value["data"].as_str().unwrap_or_default().to_owned();
                let value = settled.then(|| word(&promise["value"]));
                recorder.reply(call, Answer::Promise { param: word(&promise["param"]), value });
            }
            (Open::Judged(call), Some(status)) => {
                recorder.reply(call, Answer::Refused(u16::try_from(status).unwrap_or(0)));
            }
            (Open::Timed { asked_ms }, Some(200)) => {
                let due = promise["timeoutAt"].as_i64().unwrap_or(0);
                let early = settled && wall_ms() + TOLERANCE_MS < due;
                if early || (!settled && asked_ms > due + TOLERANCE_MS) {
                    recorder.complain(format!("asked at {asked_ms}, a promise due at {due} is {}", promise["state"]));
                }
            }
            (Open::Timed { .. }, _) | (_, None) => recorder.complain(format!("refused: {data}")),
        }
    }
}

fn envelope(kind: &str, n: u64, data: &Value) -> Value {
    json!({"kind": kind, "head": {"corrId": n.to_string(), "version": "2026-04-01"}, "data": data})
}

fn wall_ms() -> i64 {
    EPOCH_MS + i64::try_from(now_ms()).expect("a simulation lasts seconds")
}
