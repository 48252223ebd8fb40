//! JSON Schema (2020-12) of every payload, generated from the types. `PayloadIn` and `PayloadOut` are the two directions; the
//! coordinator's envelopes, the admin service's and the router's packets stand beside them.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::ids::Seq;
use crate::limits::PROTOCOL_VERSION;
use crate::packet;
use crate::payload_in::{
    ClientFetch, ClientFetchAll, Identify, Message, SelfFetch, SelfSetSeq, SelfSubscribe, SelfUnsubscribe, ServiceCreate,
    ServiceDelete, ServiceFetch, ServiceFetchAll,
};
use crate::payload_out::PayloadOut;
use crate::{admin, coordinator};

/// What the hub sends on its own account, never as an answer: no `seq`.
const NEWS: [&str; 6] =
    ["HELLO", "MESSAGE", "CLIENT_JOINED", "CLIENT_LEFT", "SERVICE_CLIENT_SUBSCRIBED", "SERVICE_CLIENT_UNSUBSCRIBED"];

/// Other spellings of a type that the hub accepts.
const ALIASES: [(&str, &str); 2] = [("SERVICE_CREATE", "CREATE_SERVICE"), ("SERVICE_DELETE", "DELETE_SERVICE")];

/// The schema of every payload as one document: `$defs` holds a definition for each, `#/$defs/PayloadIn` accepts what a client
/// may send and `#/$defs/PayloadOut` what the hub sends, `#/$defs/CoordinatorRequest`, `CoordinatorAnswer` and `CoordinatorMessage` what
/// the coordinator reads and writes, `AdminRequest` and `AdminSaid` what the admin service does, `RouterPacket` what the router does. MESSAGE has two: `MESSAGE_IN` and
/// `MESSAGE_OUT`.
#[must_use]
pub fn schema() -> Value {
    let (accepted, defs_in) = direction(SchemaSettings::draft2020_12().for_deserialize(), |generator| {
        macro_rules! all {
            ($($payload:ty),* $(,)?) => { vec![$(payload::<$payload>(generator)),*] };
        }
        all![
            Identify,
            SelfSubscribe,
            SelfUnsubscribe,
            SelfFetch,
            SelfSetSeq,
            ServiceCreate,
            ServiceDelete,
            ServiceFetch,
            ServiceFetchAll,
            ClientFetch,
            ClientFetchAll,
            Message<'static>,
        ]
    });
    let (sent, defs_out) = direction(SchemaSettings::draft2020_12().for_serialize(), PayloadOut::schemas);

    let mut defs = defs_in;
    defs.extend(defs_out);
    defs.extend(coordinator::definitions(SchemaSettings::draft2020_12().for_deserialize().into_generator()));
    defs.extend(packet::definitions());
    for (name, def) in admin::definitions() {
        defs.entry(name).or_insert(def); // ids and targets are the same ones
    }
    for (name, def) in &mut defs {
        def["title"] = name.as_str().into();
    }
    for payload in accepted.iter().chain(&sent) {
        tag(payload, &mut defs);
    }
    defs.insert("PayloadIn".into(), one_of("PayloadIn", "What a client may send to the hub.", &accepted));
    defs.insert("PayloadOut".into(), one_of("PayloadOut", "What the hub sends to a client.", &sent));
    defs.sort_keys();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("Concierge protocol {PROTOCOL_VERSION}"),
        "description": "PROTOCOL.md as types. Validate against #/$defs/PayloadIn or #/$defs/PayloadOut. Unknown fields are allowed.",
        "$defs": defs,
    })
}

/// The definition of one payload, as a reference to it.
pub(crate) fn payload<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// References to the payloads of one direction, and the definitions that they need.
fn direction(
    settings: SchemaSettings,
    payloads: impl FnOnce(&mut SchemaGenerator) -> Vec<Schema>,
) -> (Vec<Schema>, Map<String, Value>) {
    let mut generator = settings.into_generator();
    let references = payloads(&mut generator);
    generator.subschema_for::<Seq>();
    (references, generator.take_definitions(true))
}

fn one_of(title: &str, description: &str, references: &[Schema]) -> Value {
    json!({ "title": title, "description": description, "oneOf": references })
}

/// What the derived schema of a payload does not know: its `type` with the aliases, and `seq` on answers.
fn tag(payload: &Schema, defs: &mut Map<String, Value>) {
    let reference = payload.get("$ref").and_then(Value::as_str).expect("a payload is a definition of its own");
    let name = reference.rsplit('/').next().expect("rsplit yields at least one part");
    let kind = name.strip_suffix("_IN").or(name.strip_suffix("_OUT")).unwrap_or(name);
    let mut properties = Map::new();
    properties.insert(
        "type".into(),
        match ALIASES.iter().find(|(name, _)| *name == kind) {
            Some((_, alias)) => json!({ "type": "string", "enum": [kind, alias] }),
            None => json!({ "type": "string", "const": kind }),
        },
    );
    if PayloadOut::TYPES.contains(&kind) && !NEWS.contains(&kind) {
        properties.insert(
            "seq".into(),
            json!({
                "$ref": "#/$defs/Seq",
                "description": "The number of the message that this answers; absent when it answers none.",
            }),
        );
    }
    let def = defs[name].as_object_mut().expect("the definition of a payload is an object");
    properties.extend(def.get("properties").and_then(Value::as_object).cloned().unwrap_or_default());
    let mut required = vec![Value::from("type")];
    required.extend(def.get("required").and_then(Value::as_array).cloned().unwrap_or_default());
    def.insert("title".into(), kind.into());
    def.insert("properties".into(), properties.into());
    def.insert("required".into(), required.into());
}
