//! How the dialects write records, and how either is read.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::Error as _;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::dialect::Dialect;
use super::ids::{Claims, Millis, Pid, PromiseId, ScheduleId};
use super::record::{Promise, PromiseState, Schedule, Tags, Task, TaskState, Value};

/// A record as this dialect writes it.
pub(super) struct As<'a, T>(pub(super) Dialect, pub(super) &'a T);

/// What may be absent, `null` or there.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Value"))]
#[serde(rename = "value")]
pub(super) struct ValueWire {
    #[serde(default)]
    headers: Option<BTreeMap<String, String>>,
    #[serde(default)]
    data: Option<Arc<str>>,
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let wire = ValueWire::deserialize(from)?;
        Ok(Self { headers: wire.headers.unwrap_or_default(), data: wire.data })
    }
}

impl Serialize for As<'_, Value> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(dialect, value) = self;
        let plain = *dialect == Dialect::Plain;
        let mut map = to.serialize_map(None)?;
        if plain || !value.headers.is_empty() {
            map.serialize_entry("headers", &value.headers)?;
        }
        match &value.data {
            Some(data) => map.serialize_entry("data", data)?,
            None if plain => map.serialize_entry("data", "")?,
            None => {}
        }
        map.end()
    }
}

impl Serialize for As<'_, Promise> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(dialect, promise) = *self;
        let [timeout, created, settled] = match dialect {
            Dialect::Plain => ["timeoutOn", "createdOn", "settledOn"],
            Dialect::V20260401 => ["timeoutAt", "createdAt", "settledAt"],
        };
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("id", &promise.id)?;
        map.serialize_entry("state", &promise.state)?;
        map.serialize_entry("param", &As(dialect, &promise.param))?;
        map.serialize_entry("value", &As(dialect, &promise.value))?;
        map.serialize_entry("tags", &promise.tags)?;
        map.serialize_entry(timeout, &promise.timeout_at)?;
        map.serialize_entry(created, &promise.created_at)?;
        if let Some(at) = promise.settled_at {
            map.serialize_entry(settled, &at)?;
        }
        map.end()
    }
}

impl Serialize for As<'_, Task> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(dialect, task) = *self;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("id", &task.id)?;
        if dialect == Dialect::V20260401 {
            map.serialize_entry("state", &task.state)?;
        }
        map.serialize_entry("version", &dialect.version_of(task.claims, task.state))?;
        if dialect == Dialect::V20260401 {
            map.serialize_entry("resumes", &task.resumes)?;
            if let Some(ttl) = task.ttl {
                map.serialize_entry("ttl", &ttl)?;
            }
            if let Some(pid) = &task.pid {
                map.serialize_entry("pid", pid)?;
            }
        }
        map.end()
    }
}

impl Serialize for As<'_, Schedule> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(dialect, schedule) = *self;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("id", &schedule.id)?;
        map.serialize_entry("cron", &schedule.cron)?;
        map.serialize_entry("promiseId", &schedule.promise_id)?;
        map.serialize_entry("promiseTimeout", &schedule.promise_timeout)?;
        map.serialize_entry("promiseParam", &As(dialect, &schedule.promise_param))?;
        map.serialize_entry("promiseTags", &schedule.promise_tags)?;
        map.serialize_entry("createdAt", &schedule.created_at)?;
        map.serialize_entry("nextRunAt", &schedule.next_run_at)?;
        if let Some(at) = schedule.last_run_at {
            map.serialize_entry("lastRunAt", &at)?;
        }
        map.end()
    }
}

impl<'a, T> Serialize for As<'a, Vec<T>>
where
    As<'a, T>: Serialize,
{
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(dialect, items) = *self;
        let mut seq = to.serialize_seq(Some(items.len()))?;
        for item in items {
            seq.serialize_element(&As(dialect, item))?;
        }
        seq.end()
    }
}

macro_rules! newest {
    ($($name:ident)*) => {$(
        /// As the newest dialect writes it.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                As(Dialect::V20260401, self).serialize(to)
            }
        }
    )*};
}

newest! { Promise Task Schedule }

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Promise"))]
pub(super) struct PromiseWire {
    id: PromiseId,
    state: PromiseState,
    #[serde(default)]
    param: Value,
    #[serde(default)]
    value: Value,
    #[serde(default)]
    tags: Tags,
    #[serde(rename = "timeoutAt", alias = "timeoutOn")]
    timeout_at: Millis,
    #[serde(rename = "createdAt", alias = "createdOn")]
    created_at: Millis,
    #[serde(rename = "settledAt", alias = "settledOn", default)]
    settled_at: Option<Millis>,
}

/// Reads either dialect.
impl<'de> Deserialize<'de> for Promise {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let PromiseWire { id, state, param, value, tags, timeout_at, created_at, settled_at } = PromiseWire::deserialize(from)?;
        if (state == PromiseState::Pending) != settled_at.is_none() {
            return Err(D::Error::custom("a promise has a settling time exactly when it is settled"));
        }
        Ok(Self { id, state, param, value, tags, timeout_at, created_at, settled_at })
    }
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Task"))]
pub(super) struct TaskWire {
    id: PromiseId,
    state: TaskState,
    version: u32,
    resumes: Vec<PromiseId>,
    #[serde(default)]
    ttl: Option<Millis>,
    #[serde(default)]
    pid: Option<Pid>,
}

/// Reads the dialect whose tasks have a state.
impl<'de> Deserialize<'de> for Task {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let TaskWire { id, state, version, resumes, ttl, pid } = TaskWire::deserialize(from)?;
        Ok(Self { id, state, claims: Claims(version), resumes: resumes.into_iter().collect(), ttl, pid })
    }
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Schedule"))]
#[serde(rename_all = "camelCase")]
pub(super) struct ScheduleWire {
    id: ScheduleId,
    cron: String,
    promise_id: String,
    promise_timeout: Millis,
    #[serde(default)]
    promise_param: Value,
    #[serde(default)]
    promise_tags: Tags,
    created_at: Millis,
    next_run_at: Millis,
    #[serde(default)]
    last_run_at: Option<Millis>,
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let wire = ScheduleWire::deserialize(from)?;
        Ok(Self {
            id: wire.id,
            cron: wire.cron,
            promise_id: wire.promise_id,
            promise_timeout: wire.promise_timeout,
            promise_param: wire.promise_param,
            promise_tags: wire.promise_tags,
            created_at: wire.created_at,
            next_run_at: wire.next_run_at,
            last_run_at: wire.last_run_at,
        })
    }
}
