//! JSON Schema of packets, as they are written. What is read may be less.

use serde_json::{Map, Value, json};

use super::FaultCode;
use crate::limits::{CMD_BYTES, REQID_BYTES, SUBJECT_BYTES, SUBJECT_TOKENS};

/// `RouterPacket` and what it is made of.
pub(crate) fn definitions() -> Map<String, Value> {
    let kind = |kind: &str| json!({ "const": kind });
    let request = object(
        &[
            ("type", kind("q")),
            ("cmd", cmd()),
            ("_reqid", reqid()),
            ("reply", json!({ "const": "durable", "description": "The answer is a promise of the coordinator." })),
            ("promise", json!({ "type": "string", "description": "The id of that promise." })),
            ("within_ms", json!({ "type": "integer", "minimum": 1, "description": "How long that promise waits." })),
            ("data", data("The arguments.")),
        ],
        &["type", "cmd", "data"],
        "A request: answered exactly once.",
    );
    let push = object(
        &[("type", kind("p")), ("cmd", cmd()), ("data", data("The arguments."))],
        &["type", "cmd", "data"],
        "A push: never answered.",
    );
    let datagrams = ["RouterRequest", "RouterPush", "RouterResult", "RouterFailure"].map(reference);
    let packet = object(
        &[("subject", subject()), ("data", json!({ "oneOf": datagrams })), ("headers", reference("RouterHeaders"))],
        &["subject", "data"],
        "Where to, and what. Where a transport has subjects of its own, `data` travels alone.",
    );
    let definitions = [
        ("RouterPacket", packet),
        ("RouterHeaders", headers()),
        ("RouterRequest", request),
        ("RouterPush", push),
        ("RouterResult", result()),
        ("RouterFailure", failure()),
    ];
    definitions.into_iter().map(|(name, definition)| (name.to_owned(), definition)).collect()
}

fn headers() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let number = |description: &str| json!({ "type": "integer", "minimum": 0, "description": description });
    let fields = [
        ("Cg-Client", text("Who asks, if it is a client of the hub.")),
        ("Cg-Name", text("Its name.")),
        ("Cg-Tags", json!({ "type": "array", "items": { "type": "string" }, "description": "Its tags." })),
        ("Cg-Node", text("The hub that passes it on.")),
        ("Cg-Deadline-Ms", number("Milliseconds for which an answer is waited for.")),
        ("Cg-Level", number("Of somebody outside: the level that its key has.")),
        ("Cg-Promise", text("The promise that the answer settles.")),
    ];
    object(&fields, &[], "What the hub says of who asks, to a worker.")
}

fn result() -> Value {
    let more = json!({ "const": true, "description": "Another part comes." });
    let fields = [
        ("type", json!({ "const": "r" })),
        ("status", json!({ "const": "ok" })),
        ("_reqid", reqid()),
        ("more", more),
        ("data", data("The results.")),
    ];
    object(&fields, &["type", "status", "data"], "A response that brings results, or a part of them.")
}

fn failure() -> Value {
    let fields = [
        ("type", json!({ "const": "r" })),
        ("status", json!({ "const": "err" })),
        ("_reqid", reqid()),
        ("data", json!({ "oneOf": [fault(false), fault(true)] })),
    ];
    object(&fields, &["type", "status", "data"], "A response that says what went wrong.")
}

/// An error whose code asks for items, or one whose code does not.
fn fault(with_items: bool) -> Value {
    let numbers: Vec<u8> =
        FaultCode::ALL.iter().filter(|code| code.has_items() == with_items).map(|code| code.number()).collect();
    let items = json!({ "type": "array", "items": { "type": "string" }, "description": "Arguments or entities." });
    let mut data = object(&[("items", items)], if with_items { &["items"] } else { &[] }, "");
    data.as_object_mut().expect("it is an object").remove("description");
    let mut fault = object(&[("code", json!({ "enum": numbers })), ("data", data)], &["code", "data"], "");
    fault.as_object_mut().expect("it is an object").remove("description");
    fault
}

fn object(fields: &[(&str, Value)], required: &[&str], description: &str) -> Value {
    let properties: Map<String, Value> = fields.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({ "description": description, "type": "object", "properties": properties, "required": required })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn data(description: &str) -> Value {
    json!({ "description": description })
}

fn subject() -> Value {
    let token = "[A-Za-z0-9_-]+";
    let pattern = format!(r"^{token}(\.{token}){{0,{}}}$", SUBJECT_TOKENS - 1);
    json!({ "type": "string", "pattern": pattern, "maxLength": SUBJECT_BYTES })
}

fn cmd() -> Value {
    json!({ "type": "string", "pattern": "^[a-z0-9_-]+/[a-z0-9_/-]+$", "maxLength": CMD_BYTES })
}

fn reqid() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": REQID_BYTES })
}
