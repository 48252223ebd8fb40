//! How a client writes requests, in either dialect. What [`Envelope::decode`](super::Envelope::decode) reads back is the same.

use serde_json::{Map, Value as Json, json};

use super::dialect::{Dialect, Kind};
use super::ids::Claims;
use super::record::Value;
use super::record_wire::As;
use super::request::{FenceVerb, PromiseCreate, PromiseRegister, PromiseSettle, Request, TaskRef};

impl Request {
    /// The request as text. `None` when the dialect has no word for it.
    #[must_use]
    pub fn encode(&self, dialect: Dialect, corr_id: &str) -> Option<String> {
        let writer = Writer { dialect, corr_id };
        self.kind().word(dialect)?;
        Some(writer.envelope(self.kind(), corr_id, writer.data(self)).to_string())
    }
}

struct Writer<'a> {
    dialect: Dialect,
    corr_id: &'a str,
}

impl Writer<'_> {
    fn envelope(&self, kind: Kind, corr_id: &str, data: Json) -> Json {
        let mut head = Map::new();
        head.insert("corrId".to_owned(), corr_id.into());
        if let Some(version) = self.dialect.version() {
            head.insert("version".to_owned(), version.into());
        }
        json!({ "kind": kind.word(self.dialect), "head": head, "data": data })
    }

    fn data(&self, request: &Request) -> Json {
        match request {
            Request::PromiseGet(get) => json!({ "id": get.id }),
            Request::PromiseCreate(create) => self.create(create),
            Request::PromiseSettle(settle) => settlement(settle),
            Request::PromiseRegister(register) => registration(register),
            Request::PromiseListen(listen) if self.dialect == Dialect::Plain => json!({ "awaited": listen.awaited }),
            Request::PromiseListen(listen) => json!({ "awaited": listen.awaited, "address": listen.address.as_str() }),
            Request::PromiseSearch(s) => {
                without_null(json!({ "state": s.state, "tags": s.tags, "limit": s.limit, "cursor": s.cursor }))
            }
            Request::TaskGet(get) | Request::TaskHalt(get) | Request::TaskContinue(get) => json!({ "id": get.id }),
            Request::TaskCreate(create) => {
                let action = self.envelope(Kind::PromiseCreate, self.corr_id, self.create(&create.action));
                json!({ "pid": create.pid, "ttl": create.ttl, "action": action })
            }
            Request::TaskAcquire(a) => json!({ "id": a.id, "version": a.claims.0, "pid": a.pid, "ttl": a.ttl }),
            Request::TaskSuspend(suspend) => {
                let actions = suspend.actions.iter();
                let actions = actions.map(|a| self.envelope(Kind::PromiseRegister, self.corr_id, registration(a)));
                json!({ "id": suspend.task.id, "version": self.version(&suspend.task), "actions": actions.collect::<Vec<_>>() })
            }
            Request::TaskFulfill(fulfill) => {
                let action = self.envelope(Kind::PromiseSettle, self.corr_id, settlement(&fulfill.action));
                json!({ "id": fulfill.task.id, "version": self.version(&fulfill.task), "action": action })
            }
            Request::TaskRelease(task) => self.task(task),
            Request::TaskFence(fence) => {
                let data = match &fence.action.verb {
                    FenceVerb::Create(create) => self.create(create),
                    FenceVerb::Settle(settle) => settlement(settle),
                };
                let action = self.envelope(fence.action.verb.kind(), &fence.action.corr_id, data);
                json!({ "id": fence.task.id, "version": self.version(&fence.task), "action": action })
            }
            Request::TaskHeartbeat(beat) => {
                json!({ "pid": beat.pid, "tasks": beat.tasks.iter().map(|task| self.task(task)).collect::<Vec<_>>() })
            }
            Request::TaskSearch(s) => without_null(json!({ "state": s.state, "limit": s.limit, "cursor": s.cursor })),
            Request::ScheduleGet(get) | Request::ScheduleDelete(get) => json!({ "id": get.id }),
            Request::ScheduleCreate(s) => json!({
                "id": s.id, "cron": s.cron, "promiseId": s.promise_id, "promiseTimeout": s.promise_timeout,
                "promiseParam": written(&s.promise_param), "promiseTags": s.promise_tags,
            }),
            Request::ScheduleSearch(s) => without_null(json!({ "tags": s.tags, "limit": s.limit, "cursor": s.cursor })),
            Request::DebugTick(time) => json!({ "time": time }),
            Request::DebugStart | Request::DebugReset | Request::DebugSnap | Request::DebugStop => json!({}),
        }
    }

    fn create(&self, create: &PromiseCreate) -> Json {
        let timeout = match self.dialect {
            Dialect::Plain => "timeoutOn",
            Dialect::V20260401 => "timeoutAt",
        };
        json!({ "id": create.id, "param": written(&create.param), "tags": create.tags, timeout: create.timeout_at })
    }

    fn task(&self, task: &TaskRef) -> Json {
        json!({ "id": task.id, "version": self.version(task) })
    }

    /// What the holder of a task calls its version.
    fn version(&self, TaskRef { claims: Claims(claims), .. }: &TaskRef) -> u32 {
        match self.dialect {
            Dialect::Plain => claims.saturating_sub(1),
            Dialect::V20260401 => *claims,
        }
    }
}

/// What is absent stays so: in a request both dialects allow it.
fn written(value: &Value) -> Json {
    serde_json::to_value(As(Dialect::V20260401, value)).expect("its maps have strings for keys")
}

fn settlement(settle: &PromiseSettle) -> Json {
    json!({ "id": settle.id, "state": settle.state, "value": written(&settle.value) })
}

fn registration(register: &PromiseRegister) -> Json {
    json!({ "awaiter": register.awaiter, "awaited": register.awaited })
}

/// Optional fields are left out when there is nothing to say.
fn without_null(mut fields: Json) -> Json {
    if let Some(fields) = fields.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    fields
}
