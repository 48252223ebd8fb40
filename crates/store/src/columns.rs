//! How values stand in columns, whatever the database: names as words, the rest as JSON.

use std::collections::BTreeMap;

use concierge_api_rs::coordinator::{Address, Cast, Tags, Value};
use serde::Serialize;

/// What is not there takes no room, and an empty value none at all.
#[derive(Serialize)]
struct ValueText<'a> {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a str>,
}

pub(crate) fn of_value(value: &Value) -> Option<String> {
    let Value { headers, data } = value;
    if headers.is_empty() && data.is_none() {
        return None;
    }
    Some(json(&ValueText { headers, data: data.as_deref() }))
}

pub(crate) fn value(text: Option<&str>) -> serde_json::Result<Value> {
    text.map_or(Ok(Value::default()), serde_json::from_str)
}

pub(crate) fn of_tags(tags: &Tags) -> String {
    json(tags)
}

pub(crate) fn tags(text: &str) -> serde_json::Result<Tags> {
    if text == "{}" { Ok(Tags::new()) } else { serde_json::from_str(text) }
}

/// Whom a message at this address waits for: everybody in the group (""), or this one member.
pub(crate) fn waits_for(address: &Address) -> &str {
    match (address.cast(), address.pid()) {
        (Cast::Uni, Some(pid)) => pid.as_str(),
        _ => "",
    }
}

pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("its maps have strings for keys")
}
