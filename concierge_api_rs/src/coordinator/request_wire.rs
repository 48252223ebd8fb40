//! The `data` of each verb as it is read, before what needs the dialect is applied.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::address::Address;
use super::ids::{Millis, Pid, PromiseId, ScheduleId};
use super::record::{PromiseState, SettleState, Tags, TaskState, Value};
use super::request::{PromiseCreate, PromiseRegister, PromiseSettle, ScheduleCreate};

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "PromiseRef"))]
pub(super) struct IdWire {
    pub(super) id: PromiseId,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "PromiseCreateFirst"))]
pub(super) struct CreateOnWire {
    id: PromiseId,
    #[serde(default)]
    param: Option<Value>,
    #[serde(default)]
    tags: Option<Tags>,
    #[serde(rename = "timeoutOn")]
    timeout: Millis,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "PromiseCreate"))]
pub(super) struct CreateAtWire {
    id: PromiseId,
    #[serde(default)]
    param: Option<Value>,
    #[serde(default)]
    tags: Option<Tags>,
    #[serde(rename = "timeoutAt")]
    timeout: Millis,
}

impl From<CreateOnWire> for PromiseCreate {
    fn from(CreateOnWire { id, param, tags, timeout }: CreateOnWire) -> Self {
        Self { id, param: param.unwrap_or_default(), tags: tags.unwrap_or_default(), timeout_at: timeout }
    }
}

impl From<CreateAtWire> for PromiseCreate {
    fn from(CreateAtWire { id, param, tags, timeout }: CreateAtWire) -> Self {
        Self { id, param: param.unwrap_or_default(), tags: tags.unwrap_or_default(), timeout_at: timeout }
    }
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "PromiseSettle"))]
pub(super) struct SettleWire {
    id: PromiseId,
    state: SettleState,
    #[serde(default)]
    value: Option<Value>,
}

impl From<SettleWire> for PromiseSettle {
    fn from(SettleWire { id, state, value }: SettleWire) -> Self {
        Self { id, state, value: value.unwrap_or_default() }
    }
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "PromiseRegister"))]
pub(super) struct RegisterWire {
    awaiter: PromiseId,
    awaited: PromiseId,
}

impl From<RegisterWire> for PromiseRegister {
    fn from(RegisterWire { awaiter, awaited }: RegisterWire) -> Self {
        Self { awaiter, awaited }
    }
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "PromiseSubscribe"))]
pub(super) struct SubscribeWire {
    pub(super) awaited: PromiseId,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "PromiseListen"))]
pub(super) struct ListenWire {
    pub(super) awaited: PromiseId,
    #[serde(deserialize_with = "address")]
    pub(super) address: Address,
}

fn address<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Address, D::Error> {
    let text = crate::text::Text::deserialize(from)?;
    Address::parse(&text.0).map_err(serde::de::Error::custom)
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "TaskCreate"))]
pub(super) struct TaskCreateWire<'a> {
    pub(super) pid: Pid,
    #[serde(deserialize_with = "span")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub(super) ttl: Millis,
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Value"))]
    pub(super) action: &'a RawValue,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "TaskAcquire"))]
pub(super) struct AcquireWire {
    pub(super) id: PromiseId,
    pub(super) version: u32,
    pub(super) pid: Pid,
    #[serde(deserialize_with = "span")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub(super) ttl: Millis,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "TaskRef"))]
pub(super) struct TaskWire {
    pub(super) id: PromiseId,
    pub(super) version: u32,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "TaskSuspend"))]
pub(super) struct SuspendWire<'a> {
    pub(super) id: PromiseId,
    pub(super) version: u32,
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<serde_json::Value>"))]
    pub(super) actions: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "TaskAction"))]
pub(super) struct ActionWire<'a> {
    pub(super) id: PromiseId,
    pub(super) version: u32,
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Value"))]
    pub(super) action: &'a RawValue,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "TaskHeartbeat"))]
pub(super) struct HeartbeatWire {
    pub(super) pid: Pid,
    pub(super) tasks: Vec<TaskWire>,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(bound(deserialize = "S: Deserialize<'de>"))]
pub(super) struct SearchWire<S> {
    #[serde(default)]
    pub(super) state: Option<S>,
    #[serde(default)]
    pub(super) tags: Option<Tags>,
    #[serde(default, deserialize_with = "page")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = crate::limits::SEARCH_RESULTS)))]
    pub(super) limit: Option<usize>,
    #[serde(default)]
    pub(super) cursor: Option<String>,
}

pub(super) type PromiseSearchWire = SearchWire<PromiseState>;
pub(super) type TaskSearchWire = SearchWire<TaskState>;
pub(super) type ScheduleSearchWire = SearchWire<serde::de::IgnoredAny>;

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ScheduleRef"))]
pub(super) struct ScheduleIdWire {
    pub(super) id: ScheduleId,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ScheduleCreate"))]
#[serde(rename_all = "camelCase")]
pub(super) struct ScheduleCreateWire {
    id: ScheduleId,
    cron: String,
    promise_id: String,
    #[serde(deserialize_with = "span")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    promise_timeout: Millis,
    #[serde(default)]
    promise_param: Option<Value>,
    #[serde(default)]
    promise_tags: Option<Tags>,
}

impl From<ScheduleCreateWire> for ScheduleCreate {
    fn from(wire: ScheduleCreateWire) -> Self {
        Self {
            id: wire.id,
            cron: wire.cron,
            promise_id: wire.promise_id,
            promise_timeout: wire.promise_timeout,
            promise_param: wire.promise_param.unwrap_or_default(),
            promise_tags: wire.promise_tags.unwrap_or_default(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct TickWire {
    pub(super) time: Millis,
}

/// Milliseconds that are not negative.
fn span<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Millis, D::Error> {
    let span = Millis::deserialize(from)?;
    if span.0 < 0 { Err(serde::de::Error::custom("it must not be negative")) } else { Ok(span) }
}

/// How many results a page may have.
fn page<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<usize>, D::Error> {
    let limit = Option::<usize>::deserialize(from)?;
    match limit {
        Some(n) if !(1..=crate::limits::SEARCH_RESULTS).contains(&n) => {
            Err(serde::de::Error::custom(format!("it must be 1 to {}", crate::limits::SEARCH_RESULTS)))
        }
        limit => Ok(limit),
    }
}
