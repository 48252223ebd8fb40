//! JSON objects as text, their fields in the order in which a reader wants them.

use serde::Serialize;

/// A value as JSON.
pub(super) fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("its maps have strings for keys")
}

/// An object of fields that are JSON already; those that are `None` are left out.
pub(super) fn object<const N: usize>(fields: [(&str, Option<String>); N]) -> String {
    let mut object = String::from("{");
    for (name, value) in fields {
        let Some(value) = value else { continue };
        if object.len() > 1 {
            object.push(',');
        }
        object.push_str(&text(&name));
        object.push(':');
        object.push_str(&value);
    }
    object.push('}');
    object
}

/// An array of what is JSON already.
pub(super) fn array(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}
