//! JSON Schema of the coordinator's envelopes, from the structs that read them. What one struct reads and the dialects write
//! differently is said here.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value as Json, json};

use super::address::Address;
use super::answer::Status;
use super::dialect::{Dialect, Kind};
use super::ids::{GroupName, Millis, Pid, PromiseId, ScheduleId};
use super::record::{PromiseState, TaskState, Value};
use super::record_wire::{PromiseWire, ScheduleWire, TaskWire, ValueWire};
use super::request_wire::{
    AcquireWire, ActionWire, CreateAtWire, CreateOnWire, HeartbeatWire, IdWire, ListenWire, RegisterWire, ScheduleCreateWire,
    ScheduleIdWire, SearchWire, SettleWire, SubscribeWire, SuspendWire, TaskCreateWire, TaskWire as TaskRefWire,
};
use crate::limits;

const DIALECTS: [Dialect; 2] = [Dialect::Plain, Dialect::V20260401];

/// The definitions that the coordinator's envelopes need, and theirs: `CoordinatorRequest`, `CoordinatorAnswer`,
/// `CoordinatorMessage`.
pub(crate) fn definitions(mut generator: SchemaGenerator) -> Map<String, Json> {
    let spoken = |dialect: Dialect| {
        move |kind: &Kind| (kind.word(dialect).filter(|_| !kind.is_debug()).is_some()).then_some((*kind, dialect))
    };
    let all: Vec<(Kind, Dialect)> =
        DIALECTS.into_iter().flat_map(|dialect| Kind::ALL.iter().filter_map(spoken(dialect))).collect();
    let requests: Vec<Json> = all.iter().map(|of| request(*of, &mut generator)).collect();
    let mut answers: Vec<Json> = all.iter().flat_map(|of| successes(*of)).collect();
    answers.push(refusal());
    for record in [generator.subschema_for::<PromiseWire>(), generator.subschema_for::<ScheduleWire>()] {
        assert!(record.get("$ref").is_some(), "a record has a definition of its own");
    }
    let _task = generator.subschema_for::<TaskWire>();
    let _task_ref = generator.subschema_for::<TaskRefWire>();
    let mut definitions = generator.take_definitions(true);
    write_records(&mut definitions);
    let any = |description: &str, of: Vec<Json>| json!({ "description": description, "oneOf": of });
    definitions.insert("CoordinatorRequest".into(), any("What may be asked of the coordinator.", requests));
    definitions.insert("CoordinatorAnswer".into(), any("What the coordinator answers.", answers));
    definitions.insert("CoordinatorMessage".into(), any("What the coordinator says by itself.", messages()));
    definitions
}

fn reference(name: &str) -> Json {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// An object with these fields, all required.
fn object(fields: &[(&str, Json)]) -> Json {
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let properties: Map<String, Json> = fields.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({ "type": "object", "properties": properties, "required": names })
}

fn word((kind, dialect): (Kind, Dialect)) -> &'static str {
    kind.word(dialect).expect("kinds are asked for that the dialect has a word for")
}

/// The dialect without a version has none in its head.
fn versioned(dialect: Dialect, fields: &[(&str, Json)]) -> Json {
    match dialect.version() {
        Some(version) => object(&[fields, &[("version", json!({ "const": version }))]].concat()),
        None => {
            let mut head = object(fields);
            head["properties"]["version"] = Json::Bool(false);
            head
        }
    }
}

fn request(of: (Kind, Dialect), generator: &mut SchemaGenerator) -> Json {
    let corr_id = ("corrId", json!({ "type": "string" }));
    let mut request =
        object(&[("kind", json!({ "const": word(of) })), ("head", versioned(of.1, &[corr_id])), ("data", data(of, generator))]);
    request["title"] = word(of).into();
    request
}

/// What a request of this kind carries.
fn data(of: (Kind, Dialect), generator: &mut SchemaGenerator) -> Json {
    macro_rules! of {
        ($wire:ty) => {
            Json::from(generator.subschema_for::<$wire>())
        };
    }
    let (kind, dialect) = of;
    match kind {
        Kind::PromiseGet | Kind::TaskGet | Kind::TaskHalt | Kind::TaskContinue => of!(IdWire),
        Kind::PromiseCreate if dialect == Dialect::Plain => of!(CreateOnWire),
        Kind::PromiseCreate => of!(CreateAtWire),
        Kind::PromiseSettle => of!(SettleWire),
        Kind::PromiseRegister => of!(RegisterWire),
        Kind::PromiseListen if dialect == Dialect::Plain => of!(SubscribeWire),
        Kind::PromiseListen => of!(ListenWire),
        Kind::PromiseSearch => SearchWire::<PromiseState>::json_schema(generator).into(),
        Kind::TaskSearch => without("tags", SearchWire::<TaskState>::json_schema(generator)),
        Kind::ScheduleSearch => without("state", SearchWire::<Json>::json_schema(generator)),
        Kind::TaskCreate => {
            let action = action(&[(Kind::PromiseCreate, dialect)], generator);
            json!({ "allOf": [of!(TaskCreateWire<'static>), object(&[("action", action)])] })
        }
        Kind::TaskFulfill => {
            let action = action(&[(Kind::PromiseSettle, dialect)], generator);
            json!({ "allOf": [of!(ActionWire<'static>), object(&[("action", action)])] })
        }
        Kind::TaskFence => {
            let action = action(&[(Kind::PromiseCreate, dialect), (Kind::PromiseSettle, dialect)], generator);
            json!({ "allOf": [of!(ActionWire<'static>), object(&[("action", action)])] })
        }
        Kind::TaskSuspend => {
            let action = action(&[(Kind::PromiseRegister, dialect)], generator);
            let actions = json!({ "type": "array", "items": action });
            json!({ "allOf": [of!(SuspendWire<'static>), object(&[("actions", actions)])] })
        }
        Kind::TaskAcquire => of!(AcquireWire),
        Kind::TaskRelease => of!(TaskRefWire),
        Kind::TaskHeartbeat => of!(HeartbeatWire),
        Kind::ScheduleGet | Kind::ScheduleDelete => of!(ScheduleIdWire),
        Kind::ScheduleCreate => of!(ScheduleCreateWire),
        Kind::DebugStart | Kind::DebugReset | Kind::DebugTick | Kind::DebugSnap | Kind::DebugStop => object(&[]),
    }
}

/// Less a field of a struct that stands for several requests, and that this one has not.
fn without(field: &str, mut schema: Schema) -> Json {
    let fields = schema.get_mut("properties").and_then(Json::as_object_mut);
    assert!(fields.and_then(|fields| fields.remove(field)).is_some(), "a search has {field}");
    schema.into()
}

/// A request inside a request: its head may be absent.
fn action(allowed: &[(Kind, Dialect)], generator: &mut SchemaGenerator) -> Json {
    let one = |of: &(Kind, Dialect)| {
        let mut action = object(&[("kind", json!({ "const": word(*of) })), ("data", data(*of, generator))]);
        action["properties"]["head"] = json!({ "type": "object", "properties": { "corrId": { "type": "string" } } });
        action
    };
    json!({ "oneOf": allowed.iter().map(one).collect::<Vec<_>>() })
}

/// Answers that are none of the refusals.
fn successes(of: (Kind, Dialect)) -> Vec<Json> {
    let (kind, dialect) = of;
    let done = success(of, Status::Ok, answered(of));
    if kind != Kind::TaskSuspend {
        return vec![done];
    }
    let preload = (dialect != Dialect::Plain).then(|| object(&[("preload", promises(dialect))]));
    vec![done, success(of, Status::GoOn, preload)]
}

fn success(of: (Kind, Dialect), status: Status, data: Option<Json>) -> Json {
    let head = versioned(of.1, &[("corrId", json!({ "type": "string" })), ("status", json!({ "const": status.code() }))]);
    let mut fields = vec![("kind", json!({ "const": word(of) })), ("head", head)];
    fields.extend(data.map(|data| ("data", data)));
    let mut success = object(&fields);
    success["title"] = word(of).into();
    success
}

fn promise(dialect: Dialect) -> Json {
    reference(if dialect == Dialect::Plain { "PromiseFirst" } else { "Promise" })
}

fn promises(dialect: Dialect) -> Json {
    json!({ "type": "array", "items": promise(dialect) })
}

fn task(dialect: Dialect) -> Json {
    reference(if dialect == Dialect::Plain { "TaskRef" } else { "Task" })
}

/// The data of a 200; `None` where the dialect without a version has none.
fn answered((kind, dialect): (Kind, Dialect)) -> Option<Json> {
    let plain = dialect == Dialect::Plain;
    let with_preload = |mut fields: Vec<(&'static str, Json)>| {
        fields.extend((!plain).then(|| ("preload", promises(dialect))));
        object(&fields)
    };
    Some(match kind {
        Kind::PromiseGet
        | Kind::PromiseCreate
        | Kind::PromiseSettle
        | Kind::PromiseRegister
        | Kind::PromiseListen
        | Kind::TaskFulfill => object(&[("promise", promise(dialect))]),
        Kind::TaskGet => object(&[("task", task(dialect))]),
        Kind::TaskCreate => with_preload(vec![("task", task(dialect)), ("promise", promise(dialect))]),
        Kind::TaskAcquire if plain => json!({ "oneOf": [
            object(&[("kind", json!({ "const": "invoke" })), ("data", object(&[("invoked", promise(dialect))]))]),
            object(&[
                ("kind", json!({ "const": "resume" })),
                ("data", object(&[("invoked", promise(dialect)), ("awaited", promise(dialect))])),
            ]),
        ] }),
        Kind::TaskAcquire => {
            let kind = json!({ "enum": ["invoke", "resume"] });
            with_preload(vec![("kind", kind), ("task", task(dialect)), ("promise", promise(dialect))])
        }
        Kind::TaskFence => with_preload(vec![("action", reference("CoordinatorAnswer"))]),
        Kind::PromiseSearch => page("promises", promise(dialect)),
        Kind::TaskSearch => page("tasks", task(dialect)),
        Kind::ScheduleSearch => page("schedules", reference("Schedule")),
        Kind::ScheduleGet | Kind::ScheduleCreate => object(&[("schedule", reference("Schedule"))]),
        _ if plain => return None,
        _ => object(&[]),
    })
}

fn page(name: &str, item: Json) -> Json {
    let mut page = object(&[(name, json!({ "type": "array", "items": item }))]);
    page["properties"]["cursor"] = json!({ "type": "string" });
    page
}

fn refusal() -> Json {
    let why: Vec<u16> = Status::ALL.iter().map(|status| status.code()).filter(|code| *code >= 400).collect();
    let mut head = object(&[("corrId", json!({ "type": "string" })), ("status", json!({ "enum": why }))]);
    head["properties"]["version"] = json!({ "const": Dialect::V20260401.version() });
    let sentence = json!({ "type": "string", "maxLength": limits::ECHO_CHARS });
    let mut refusal = object(&[("kind", json!({ "type": "string" })), ("head", head), ("data", sentence)]);
    refusal["title"] = "a refusal".into();
    refusal
}

fn messages() -> Vec<Json> {
    let message = |kinds: &[&str], name: &str, what: Json| {
        let data = object(&[(name, what)]);
        object(&[("kind", json!({ "enum": kinds })), ("head", json!({ "type": "object" })), ("data", data)])
    };
    vec![
        message(&["invoke", "resume", "execute"], "task", reference("TaskRef")),
        message(&["notify"], "promise", promise(Dialect::Plain)),
        message(&["unblock"], "promise", promise(Dialect::V20260401)),
    ]
}

/// Records as they are written, from how they are read: nothing is `null`, and what may be absent is named here.
fn write_records(definitions: &mut Map<String, Json>) {
    let mut value = definitions["Value"].clone();
    value.as_object_mut().expect("a schema is an object").remove("description");
    written(&mut value, &["headers", "data"]);
    definitions.insert("ValueKept".into(), value.clone());
    written(&mut value, &[]);
    definitions.insert("ValueFirst".into(), value);
    definitions["Schedule"]["properties"]["promiseParam"] = reference("ValueKept");
    for name in ["param", "value"] {
        definitions["Promise"]["properties"][name] = reference("ValueKept");
    }
    written(&mut definitions["Promise"], &["settledAt"]);
    written(&mut definitions["Task"], &["ttl", "pid"]);
    written(&mut definitions["Schedule"], &["lastRunAt"]);
    let mut first = definitions["Promise"].clone();
    for name in ["param", "value"] {
        first["properties"][name] = reference("ValueFirst");
    }
    for (name, first_name) in [("timeoutAt", "timeoutOn"), ("createdAt", "createdOn"), ("settledAt", "settledOn")] {
        let field = first["properties"].as_object_mut().and_then(|fields| fields.remove(name)).expect("a promise has it");
        first["properties"][first_name] = field;
        let required = first["required"].as_array_mut().expect("there are some");
        required.iter_mut().filter(|field| **field == name).for_each(|field| *field = first_name.into());
    }
    definitions.insert("PromiseFirst".into(), first);
}

fn written(record: &mut Json, optional: &[&str]) {
    let fields = record["properties"].as_object_mut().expect("a record has fields");
    for field in fields.values_mut().filter_map(Json::as_object_mut) {
        field.remove("default");
        let there =
            field.get("type").and_then(Json::as_array).and_then(|kinds| kinds.iter().find(|kind| **kind != "null")).cloned();
        field.extend(there.map(|kind| ("type".to_owned(), kind)));
    }
    let required: Vec<Json> =
        fields.keys().filter(|name| !optional.contains(&&***name)).map(|name| name.as_str().into()).collect();
    record["required"] = required.into();
}

macro_rules! inline {
    ($($of:ty, $name:literal, $schema:tt;)*) => {$(
        impl JsonSchema for $of {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )*};
}

inline! {
    PromiseId, "PromiseId", { "type": "string", "minLength": 1, "maxLength": limits::PROMISE_ID_BYTES };
    ScheduleId, "ScheduleId", { "type": "string", "minLength": 1, "maxLength": limits::PROMISE_ID_BYTES };
    Pid, "Pid", { "type": "string", "minLength": 1, "maxLength": limits::PID_BYTES };
    GroupName, "GroupName", { "type": "string", "minLength": 1, "maxLength": limits::PID_BYTES, "pattern": "^[^/]+$" };
    Address, "Address", { "type": "string", "maxLength": limits::ADDRESS_BYTES, "pattern": "^(.*://)?(any|uni)@[^/]+(/.+)?$" };
    Millis, "Millis", { "type": "number" };
}

impl JsonSchema for Value {
    fn schema_name() -> Cow<'static, str> {
        ValueWire::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        ValueWire::json_schema(generator)
    }
}
