//! How a client writes requests, in either dialect. What [`Envelope::decode`](super::Envelope::decode) reads back is the same.

use serde::Serialize;

use super::dialect::{Dialect, Kind};
use super::ids::Claims;
use super::object::{array, object, text};
use super::record::Value;
use super::record_wire::As;
use super::request::{
    FenceVerb, PromiseCreate, PromiseListen, PromiseRegister, PromiseSearch, PromiseSettle, Request, ScheduleCreate,
    ScheduleSearch, TaskAcquire, TaskCreate, TaskFence, TaskHeartbeat, TaskRef, TaskSearch, TaskSuspend,
};

impl Request {
    /// The request as text. `None` when the dialect has no word for it.
    #[must_use]
    pub fn encode(&self, dialect: Dialect, corr_id: &str) -> Option<String> {
        self.kind().word(dialect)?;
        let writer = Writer { dialect, corr_id };
        Some(writer.envelope(self.kind(), corr_id, writer.data(self)))
    }
}

struct Writer<'a> {
    dialect: Dialect,
    corr_id: &'a str,
}

impl Writer<'_> {
    fn envelope(&self, kind: Kind, corr_id: &str, data: String) -> String {
        let head = object([("corrId", just(&corr_id)), ("version", self.dialect.version().as_ref().map(text))]);
        object([("kind", just(&kind.word(self.dialect))), ("head", Some(head)), ("data", Some(data))])
    }

    fn data(&self, request: &Request) -> String {
        match request {
            Request::PromiseGet(get) => object([("id", just(&get.id))]),
            Request::PromiseCreate(create) => self.create(create),
            Request::PromiseSettle(settle) => settlement(settle),
            Request::PromiseRegister(register) => registration(register),
            Request::PromiseListen(listen) => self.listen(listen),
            Request::PromiseSearch(search) => promise_search(search),
            Request::TaskGet(get) | Request::TaskHalt(get) | Request::TaskContinue(get) => object([("id", just(&get.id))]),
            Request::TaskCreate(create) => self.task_create(create),
            Request::TaskAcquire(acquire) => claim(acquire),
            Request::TaskSuspend(suspend) => self.suspend(suspend),
            Request::TaskFulfill(fulfill) => {
                let action = self.envelope(Kind::PromiseSettle, self.corr_id, settlement(&fulfill.action));
                self.task(&fulfill.task, ("action", Some(action)))
            }
            Request::TaskRelease(task) => self.task(task, ("", None)),
            Request::TaskFence(fence) => self.fence(fence),
            Request::TaskHeartbeat(heartbeat) => self.heartbeat(heartbeat),
            Request::TaskSearch(search) => task_search(search),
            Request::ScheduleGet(get) | Request::ScheduleDelete(get) => object([("id", just(&get.id))]),
            Request::ScheduleCreate(create) => schedule_create(create),
            Request::ScheduleSearch(search) => schedule_search(search),
            Request::DebugTick(time) => object([("time", just(time))]),
            Request::DebugStart | Request::DebugReset | Request::DebugSnap | Request::DebugStop => object([]),
        }
    }

    fn create(&self, create: &PromiseCreate) -> String {
        let timeout = match self.dialect {
            Dialect::Plain => "timeoutOn",
            Dialect::V20260401 => "timeoutAt",
        };
        object([
            ("id", just(&create.id)),
            ("param", written(&create.param)),
            ("tags", just(&create.tags)),
            (timeout, just(&create.timeout_at)),
        ])
    }

    /// The dialect without a version subscribes who asks.
    fn listen(&self, PromiseListen { awaited, address }: &PromiseListen) -> String {
        let address = Some(text(&address.as_str())).filter(|_| self.dialect != Dialect::Plain);
        object([("awaited", just(awaited)), ("address", address)])
    }

    fn task_create(&self, TaskCreate { pid, ttl, action }: &TaskCreate) -> String {
        let action = self.envelope(Kind::PromiseCreate, self.corr_id, self.create(action));
        object([("pid", just(pid)), ("ttl", just(ttl)), ("action", Some(action))])
    }

    fn suspend(&self, suspend: &TaskSuspend) -> String {
        let envelope = |action| self.envelope(Kind::PromiseRegister, self.corr_id, registration(action));
        self.task(&suspend.task, ("actions", Some(array(suspend.actions.iter().map(envelope)))))
    }

    fn fence(&self, TaskFence { task, action }: &TaskFence) -> String {
        let data = match &action.verb {
            FenceVerb::Create(create) => self.create(create),
            FenceVerb::Settle(settle) => settlement(settle),
        };
        self.task(task, ("action", Some(self.envelope(action.verb.kind(), &action.corr_id, data))))
    }

    fn heartbeat(&self, TaskHeartbeat { pid, tasks }: &TaskHeartbeat) -> String {
        let tasks = array(tasks.iter().map(|task| self.task(task, ("", None))));
        object([("pid", just(pid)), ("tasks", Some(tasks))])
    }

    /// A task by what its holder calls its version, and one more field.
    fn task(&self, TaskRef { id, claims: Claims(claims) }: &TaskRef, more: (&str, Option<String>)) -> String {
        let version = match self.dialect {
            Dialect::Plain => claims.saturating_sub(1),
            Dialect::V20260401 => *claims,
        };
        object([("id", just(id)), ("version", just(&version)), more])
    }
}

/// A field that is there.
fn just(value: &impl Serialize) -> Option<String> {
    Some(text(value))
}

/// What is absent stays so: in a request both dialects allow it.
fn written(value: &Value) -> Option<String> {
    just(&As(Dialect::V20260401, value))
}

fn settlement(settle: &PromiseSettle) -> String {
    object([("id", just(&settle.id)), ("state", just(&settle.state)), ("value", written(&settle.value))])
}

fn registration(register: &PromiseRegister) -> String {
    object([("awaiter", just(&register.awaiter)), ("awaited", just(&register.awaited))])
}

fn claim(TaskAcquire { id, claims, pid, ttl }: &TaskAcquire) -> String {
    object([("id", just(id)), ("version", just(&claims.0)), ("pid", just(pid)), ("ttl", just(ttl))])
}

fn promise_search(PromiseSearch { state, tags, limit, cursor }: &PromiseSearch) -> String {
    let (state, limit) = (state.as_ref().map(text), limit.as_ref().map(text));
    object([("state", state), ("tags", just(tags)), ("limit", limit), ("cursor", cursor.as_ref().map(text))])
}

fn task_search(TaskSearch { state, limit, cursor }: &TaskSearch) -> String {
    let (state, limit) = (state.as_ref().map(text), limit.as_ref().map(text));
    object([("state", state), ("limit", limit), ("cursor", cursor.as_ref().map(text))])
}

fn schedule_search(ScheduleSearch { tags, limit, cursor }: &ScheduleSearch) -> String {
    object([("tags", just(tags)), ("limit", limit.as_ref().map(text)), ("cursor", cursor.as_ref().map(text))])
}

fn schedule_create(create: &ScheduleCreate) -> String {
    object([
        ("id", just(&create.id)),
        ("cron", just(&create.cron)),
        ("promiseId", just(&create.promise_id)),
        ("promiseTimeout", just(&create.promise_timeout)),
        ("promiseParam", written(&create.promise_param)),
        ("promiseTags", just(&create.promise_tags)),
    ])
}
