//! The admin service in the JSON Schema of the protocol: `AdminRequest` is what may be asked, `AdminSaid` what it says, and beside
//! them what some requests lead to, `AdminPage`, `AdminHistory` and `AdminRouter`.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

use super::{Ask, History, Page, Routing, Said};

/// Definitions of the admin service, those that other payloads need as well among them.
pub(crate) fn definitions() -> Map<String, Value> {
    let mut asked = SchemaSettings::draft2020_12().for_deserialize().into_generator();
    asked.subschema_for::<Ask>();
    let mut said = SchemaSettings::draft2020_12().for_serialize().into_generator();
    said.subschema_for::<Said>();
    said.subschema_for::<Page>();
    said.subschema_for::<History>();
    said.subschema_for::<Routing>();
    let mut definitions = asked.take_definitions(true);
    definitions.extend(said.take_definitions(true));
    definitions.values_mut().for_each(share);
    definitions
}

/// What stands beside a choice belongs to each of the choices.
fn share(definition: &mut Value) {
    let Some(definition) = definition.as_object_mut() else { return };
    if !definition.contains_key("oneOf") || !definition.contains_key("properties") {
        return;
    }
    let own = definition.remove("properties").and_then(|own| own.as_object().cloned()).unwrap_or_default();
    let required = definition.remove("required").and_then(|own| own.as_array().cloned()).unwrap_or_default();
    definition.remove("type");
    for choice in definition["oneOf"].as_array_mut().expect("a choice has several").iter_mut() {
        let mut properties = own.clone();
        properties.extend(choice["properties"].as_object().cloned().unwrap_or_default());
        choice["properties"] = properties.into();
        let theirs = choice["required"].as_array().cloned().unwrap_or_default();
        choice["required"] = required.iter().cloned().chain(theirs).collect();
    }
}

pub(super) fn promises(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "$ref": "#/$defs/Promise" } })
}

pub(super) fn tasks(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "$ref": "#/$defs/Task" } })
}
