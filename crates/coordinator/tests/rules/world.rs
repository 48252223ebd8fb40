//! A small world for tests: rows, a clock, and requests as they are written on the wire.

use concierge_api_rs::coordinator::{Address, Envelope, Millis, Offered, Pid};
use concierge_coordinator::{Decision, MemoryRows, Offer, Reads, Rules};
use serde_json::{Value, json};

/// When every story begins.
pub(crate) const T: i64 = 1_000_000;

/// A deadline far away.
pub(crate) const LATER: i64 = T + 1_000_000;

pub(crate) struct World {
    pub(crate) now: i64,
    pub(crate) rows: MemoryRows,
    pub(crate) rules: Rules,
    /// What was offered since somebody looked last.
    offers: Vec<Offer>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { now: T, rows: MemoryRows::new(), rules: Rules::default(), offers: Vec::new() }
    }

    /// A whole envelope in, a whole envelope out.
    pub(crate) fn envelope(&mut self, text: &str) -> Value {
        let caller = Address::parse("uni@hub/ada").unwrap();
        let offered = Offered { debug_clock: true, ..Offered::default() };
        let answer = match Envelope::decode(text, offered, Some(&caller)) {
            Err(refused) => refused.encode(),
            Ok(envelope) => {
                let now = envelope.head.debug_time.unwrap_or(Millis(self.now));
                let decided = self.rules.decide(now, envelope.head.dialect, &envelope.request, &mut self.rows);
                let Decision { outcome, offers } = decided.unwrap();
                self.offers.extend(offers);
                envelope.head.answer(&outcome)
            }
        };
        serde_json::from_str(&answer).unwrap()
    }

    /// Status and data of an answer in the dialect 2026-04-01.
    pub(crate) fn ask(&mut self, kind: &str, data: Value) -> (u64, Value) {
        self.status(&act(kind, data))
    }

    /// Status and data of an answer in the dialect without a version.
    pub(crate) fn plain(&mut self, kind: &str, data: Value) -> (u64, Value) {
        self.status(&plain_act(kind, data))
    }

    fn status(&mut self, envelope: &Value) -> (u64, Value) {
        let mut answer = self.envelope(&envelope.to_string());
        assert_eq!((&answer["kind"], &answer["head"]["corrId"]), (&envelope["kind"], &json!("1")), "{answer}");
        (answer["head"]["status"].as_u64().unwrap(), answer["data"].take())
    }

    /// Only the status.
    pub(crate) fn code(&mut self, kind: &str, data: Value) -> u64 {
        self.ask(kind, data).0
    }

    /// A promise without a target.
    pub(crate) fn promise(&mut self, id: &str) {
        assert_eq!(self.code("promise.create", json!({ "id": id, "timeoutAt": LATER })), 200);
    }

    /// A promise with a task, offered to the group `work`.
    pub(crate) fn task(&mut self, id: &str) {
        self.task_until(id, LATER);
    }

    pub(crate) fn task_until(&mut self, id: &str, timeout_at: i64) {
        let tags = json!({ "resonate:target": "any@work" });
        assert_eq!(self.code("promise.create", json!({ "id": id, "timeoutAt": timeout_at, "tags": tags })), 200);
        self.offers.clear();
    }

    /// A claim by `ada` for 10 seconds, of a task that was claimed so often.
    pub(crate) fn acquire(&mut self, id: &str, version: u64) -> (u64, Value) {
        self.ask("task.acquire", json!({ "id": id, "version": version, "pid": "ada", "ttl": 10_000 }))
    }

    /// A task of this id that `ada` holds, at version 1.
    pub(crate) fn held(&mut self, id: &str) {
        self.task(id);
        assert_eq!(self.acquire(id, 0).0, 200);
    }

    pub(crate) fn settle(&mut self, id: &str) -> u64 {
        self.code("promise.settle", json!({ "id": id, "state": "resolved", "value": { "data": "done" } }))
    }

    pub(crate) fn suspend(&mut self, id: &str, version: u64, awaited: &[&str]) -> (u64, Value) {
        let actions: Vec<_> = awaited.iter().map(|p| wait(id, p)).collect();
        self.ask("task.suspend", json!({ "id": id, "version": version, "actions": actions }))
    }

    /// State of a promise, as it is shown.
    pub(crate) fn state(&mut self, id: &str) -> String {
        let (status, data) = self.ask("promise.get", json!({ "id": id }));
        assert_eq!(status, 200, "{data}");
        data["promise"]["state"].as_str().unwrap().to_owned()
    }

    /// State and version of a task, as they are shown.
    pub(crate) fn task_state(&mut self, id: &str) -> (String, u64) {
        let (status, data) = self.ask("task.get", json!({ "id": id }));
        assert_eq!(status, 200, "{data}");
        (data["task"]["state"].as_str().unwrap().to_owned(), data["task"]["version"].as_u64().unwrap())
    }

    /// The clock goes on to this instant and everything due happens.
    pub(crate) fn sweep_at(&mut self, now: i64) {
        self.now = now;
        loop {
            let (done, offers) = self.rules.sweep(Millis(now), 3, &mut self.rows).unwrap();
            self.offers.extend(offers);
            if done == 0 {
                break;
            }
        }
    }

    /// What was offered since the last call: addresses and messages.
    pub(crate) fn offered(&mut self) -> Vec<(String, Value)> {
        let wire =
            |offer: Offer| (offer.address.to_string(), serde_json::from_str(&offer.message.encode(offer.dialect)).unwrap());
        self.offers.drain(..).map(wire).collect()
    }

    /// The same, as `kind id`.
    pub(crate) fn told(&mut self) -> Vec<String> {
        let short = |(_, message): (String, Value)| {
            let data = &message["data"];
            let id = data["task"]["id"].as_str().or(data["promise"]["id"].as_str()).unwrap();
            format!("{} {id}", message["kind"].as_str().unwrap())
        };
        self.offered().into_iter().map(short).collect()
    }

    /// What waits for a worker of this group and name.
    pub(crate) fn waiting(&self, group: &str, pid: &str) -> Vec<Offer> {
        let (group, pid) = (group.parse().unwrap(), Pid::parse(pid).unwrap());
        self.rules.waiting(Millis(self.now), (&group, &pid), None, 100, &self.rows).unwrap().0
    }

    pub(crate) fn next_due(&self) -> Option<i64> {
        self.rows.next_due().unwrap().map(|at| at.0)
    }
}

/// An envelope of the dialect 2026-04-01.
pub(crate) fn act(kind: &str, data: Value) -> Value {
    json!({ "kind": kind, "head": { "corrId": "1", "version": "2026-04-01" }, "data": data })
}

/// An envelope of the dialect without a version.
pub(crate) fn plain_act(kind: &str, data: Value) -> Value {
    json!({ "kind": kind, "head": { "corrId": "1" }, "data": data })
}

/// An action of `task.suspend`.
pub(crate) fn wait(awaiter: &str, awaited: &str) -> Value {
    act("promise.register_callback", json!({ "awaiter": awaiter, "awaited": awaited }))
}

/// An action that settles.
pub(crate) fn resolve(id: &str) -> Value {
    act("promise.settle", json!({ "id": id, "state": "resolved", "value": { "data": "done" } }))
}
