//! Values of keys: read from the text of a variable or a flag, and held against the key's kind and bounds, whatever layer
//! they come from. What is wrong is told in the words of the table, not in those of a parser.

use std::net::SocketAddr;

use toml::Value;

use super::keys::{Key, Kind};

/// Text from a variable or a flag as a value of the key.
///
/// # Errors
/// A sentence about the text that is not one.
pub fn read(key: &Key, text: &str) -> Result<Value, String> {
    let value = match key.kind {
        Kind::Switch => text.parse().map(Value::Boolean).map_err(|_| not_a_switch(text))?,
        Kind::Whole { unit, .. } => text.replace('_', "").parse().map(Value::Integer).map_err(|_| not_whole(text, unit))?,
        Kind::Texts { .. } => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Value::Array(parts.map(|part| Value::String(part.to_owned())).collect())
        }
        Kind::Text { .. } | Kind::Address { .. } | Kind::Choice(_) => Value::String(text.to_owned()),
    };
    fits(key, &value)?;
    Ok(value)
}

/// Is that a value of the key, within its bounds?
///
/// # Errors
/// A sentence about the value that is not.
pub fn fits(key: &Key, value: &Value) -> Result<(), String> {
    match (key.kind, value) {
        (Kind::Switch, Value::Boolean(_)) | (Kind::Text { .. }, Value::String(_)) => Ok(()),
        (Kind::Switch, other) => Err(not_a_switch(&shown(other))),
        (Kind::Whole { unit, least, most }, Value::Integer(number)) => within(*number, unit, least, most),
        (Kind::Whole { unit, .. }, other) => Err(not_whole(&shown(other), unit)),
        // The value is not repeated: it may be a secret that lacks its quotes.
        (Kind::Text { example }, _) => Err(format!("this is no text: write it in quotes, as in \"{example}\"")),
        (Kind::Address { example }, other) => address(&shown(other), example),
        (Kind::Choice(words), other) => choice(&shown(other), words),
        (Kind::Texts { .. }, Value::Array(list)) if list.iter().all(Value::is_str) => Ok(()),
        (Kind::Texts { example }, other) => Err(format!("`{other}` is no list of texts, as in [\"{example}\"]")),
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn not_a_switch(text: &str) -> String {
    format!("`{text}` is neither true nor false")
}

fn not_whole(text: &str, unit: &str) -> String {
    format!("`{text}` is not a whole number of {unit}")
}

fn within(number: i64, unit: &str, least: u64, most: u64) -> Result<(), String> {
    if u64::try_from(number).is_ok_and(|number| (least..=most).contains(&number)) {
        return Ok(());
    }
    Err(format!("{number} {unit} are out of bounds: from {least} to {most}"))
}

fn address(text: &str, example: &str) -> Result<(), String> {
    match text.parse::<SocketAddr>() {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("`{text}` is no IP address with a port, as in {example}")),
    }
}

fn choice(word: &str, words: &[&str]) -> Result<(), String> {
    if words.contains(&word) { Ok(()) } else { Err(format!("`{word}` is none of {}", words.join(", "))) }
}
