//! Decoding in two steps: the tag, then the one struct. Unknown fields are ignored; a refusal names the field.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::ids::Seq;
use crate::limits::{ECHO_CHARS, JSON_DEPTH};
use crate::text::Text;

/// Why a payload was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not JSON, not an object, no string `type`, or a bad field. At most 128 characters; answered `ERROR_PROTOCOL`.
    #[error("{0}")]
    Malformed(String),
    /// An object whose `type` is not accepted here; answered `ERROR_UNSUPPORTED`.
    #[error("the payload type is not supported")]
    Unsupported,
}

impl DecodeError {
    pub(crate) fn malformed(desc: impl Into<String>) -> Self {
        let mut desc: String = desc.into();
        if let Some((at, _)) = desc.char_indices().nth(ECHO_CHARS) {
            desc.truncate(at);
        }
        Self::Malformed(desc)
    }
}

/// What the first step reads. `target` and `data` are kept as they stand: a MESSAGE needs no second pass over the text.
#[derive(Deserialize)]
pub(crate) struct Head<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    #[serde(default)]
    pub(crate) seq: Option<Seq>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) target: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) data: Option<&'a RawValue>,
}

impl Head<'_> {
    pub(crate) fn kind(&self) -> &str {
        &self.kind.0
    }
}

/// `null` is a value here: only a missing field is `None`.
fn present<'de: 'a, 'a, D: serde::Deserializer<'de>>(from: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&'a RawValue>::deserialize(from).map(Some)
}

/// `Head` without `seq`: clients may put anything there.
#[derive(Deserialize)]
struct HeadIn<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    target: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
}

pub(crate) fn head_in(text: &str) -> Result<Head<'_>, DecodeError> {
    let HeadIn { kind, target, data } = object(text)?;
    Ok(Head { kind, seq: None, target, data })
}

/// A JSON object as `T`. Arrays are refused: serde would take them for structs.
pub(crate) fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, DecodeError> {
    if !text.trim_ascii_start().starts_with('{') {
        let what =
            if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() { "a payload is a JSON object" } else { "not JSON" };
        return Err(DecodeError::malformed(what));
    }
    serde_json::from_str(text).map_err(|e| DecodeError::malformed(describe::<T>(text, &e)))
}

/// The error again, with the path of the field in front. Only refused payloads pay for it.
fn describe<'a, T: Deserialize<'a>>(text: &'a str, error: &serde_json::Error) -> String {
    let mut json = serde_json::Deserializer::from_str(text);
    match serde_path_to_error::deserialize::<_, T>(&mut json) {
        Err(e) if e.path().iter().next().is_some() => format!("{}: {}", e.path(), e.inner()),
        _ => error.to_string(),
    }
}

/// Refuses JSON nested deeper than [`JSON_DEPTH`]: raw slices are not parsed, so nothing else would.
pub(crate) fn check_depth(json: &str) -> Result<(), DecodeError> {
    if json.len() <= 2 * JSON_DEPTH {
        return Ok(()); // too short to nest that deep and close again
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for b in json.bytes() {
        match b {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth > JSON_DEPTH {
                    return Err(DecodeError::malformed(format!("nested deeper than {JSON_DEPTH}")));
                }
            }
            b']' | b'}' if !in_string => depth -= 1,
            _ => {}
        }
    }
    Ok(())
}
