//! Decoding in two steps: the tag, then the one struct. Unknown fields are ignored; a refusal names the field.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_path_to_error::Segment;

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
    /// The sentence, cut to [`ECHO_CHARS`] characters: it may repeat what the sender wrote.
    pub(crate) fn malformed(desc: impl Into<String>) -> Self {
        Self::Malformed(cut(desc.into()))
    }
}

/// At most [`ECHO_CHARS`] characters of a text that may repeat what the sender wrote.
pub(crate) fn cut(mut text: String) -> String {
    if text.chars().nth(ECHO_CHARS).is_some() {
        let last = text.char_indices().nth(ECHO_CHARS - 1).map_or(0, |(at, _)| at);
        text.truncate(last);
        text.push('…');
    }
    text
}

/// What the first step reads of a payload to the hub. `target` and `data` are kept as they stand: a MESSAGE needs no second
/// pass over the text.
#[derive(Deserialize)]
pub(crate) struct HeadIn<'a> {
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Text<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) target: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) data: Option<&'a RawValue>,
}

/// What the first step reads of a payload from the hub.
#[derive(Deserialize)]
pub(crate) struct HeadOut<'a> {
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Text<'a>,
    #[serde(default)]
    pub(crate) seq: Option<Seq>,
}

/// `null` is a value here: only a missing field is `None`.
pub(crate) fn present<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&'a RawValue>::deserialize(from).map(Some)
}

/// The head of a payload to the hub, whose nesting is checked here: skipped and raw values are not parsed, so nothing else
/// would.
pub(crate) fn head_in(text: &str) -> Result<HeadIn<'_>, DecodeError> {
    check_depth(text)?;
    object("", text)
}

/// A JSON object as `T`; `at` is where it stands, for the error. Arrays are refused: serde would take them for structs.
pub(crate) fn object<'a, T: Deserialize<'a>>(at: &str, text: &'a str) -> Result<T, DecodeError> {
    if !text.trim_ascii_start().starts_with('{') {
        let desc = match serde_json::from_str::<serde::de::IgnoredAny>(text) {
            Ok(_) => "not a JSON object".to_owned(),
            Err(e) => format!("not JSON: {e}"),
        };
        return Err(DecodeError::malformed(located(at, &desc)));
    }
    value(|| at.to_owned(), text)
}

/// JSON as `T`; `at` says where it stands, for the error.
pub(crate) fn value<'a, T: Deserialize<'a>>(at: impl FnOnce() -> String, text: &'a str) -> Result<T, DecodeError> {
    serde_json::from_str(text).map_err(|e| DecodeError::malformed(describe::<T>(&at(), text, &e)))
}

/// The error again, with the path of the field in front. Only refused payloads pay for it.
fn describe<'a, T: Deserialize<'a>>(at: &str, text: &'a str, error: &serde_json::Error) -> String {
    let mut json = serde_json::Deserializer::from_str(text);
    match serde_path_to_error::deserialize::<_, T>(&mut json) {
        Err(e) if e.path().iter().any(|segment| !matches!(segment, Segment::Unknown)) => {
            let path = if at.is_empty() { e.path().to_string() } else { format!("{at}.{}", e.path()) };
            located(&path, &sentence(e.inner()))
        }
        _ if error.is_data() => located(at, &sentence(error)),
        _ => located(at, &format!("not JSON: {error}")),
    }
}

/// `at` in front of `desc`, when there is one.
pub(crate) fn located(at: &str, desc: &str) -> String {
    if at.is_empty() { desc.to_owned() } else { format!("{at}: {desc}") }
}

/// What is wrong, without the position when the field's path says it better.
fn sentence(error: &serde_json::Error) -> String {
    let mut text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    if error.is_data() && text.ends_with(&position) {
        text.truncate(text.len() - position.len());
    }
    text
}

/// Refuses JSON nested deeper than [`JSON_DEPTH`]. Every message is checked, so what is quick to see comes first: a text may be
/// too short to nest that deep and close again, or hold too few brackets.
pub(crate) fn check_depth(json: &str) -> Result<(), DecodeError> {
    if json.len() <= 2 * JSON_DEPTH || brackets(json) <= JSON_DEPTH || depth(json) <= JSON_DEPTH {
        Ok(())
    } else {
        Err(DecodeError::malformed(format!("nested deeper than {JSON_DEPTH}")))
    }
}

/// How many `[` and `{` there are. They differ by one bit, and counting in bytes lets the compiler take many at once.
fn brackets(json: &str) -> usize {
    let count = |chunk: &[u8]| chunk.iter().map(|b| u8::from(b | 0x20 == b'{')).sum::<u8>();
    json.as_bytes().chunks(usize::from(u8::MAX)).map(|chunk| usize::from(count(chunk))).sum()
}

/// How deep `json` nests. What is not JSON has some depth too; it is refused later.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = json.bytes();
    while let Some(b) = bytes.next() {
        match b {
            b'"' => skip_string(&mut bytes),
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// To the end of a string whose opening quote was read.
fn skip_string(bytes: &mut std::str::Bytes<'_>) {
    while let Some(b) = bytes.next() {
        match b {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}
