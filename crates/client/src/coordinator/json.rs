//! Values as released workers read and write them: JSON, in base64.

use concierge_api_rs::coordinator::Value;
use data_encoding::BASE64;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why a value is no JSON.
#[derive(Debug, thiserror::Error)]
pub enum ValueError {
    /// Its data is not base64.
    #[error("the value is not base64")]
    Encoding(#[from] data_encoding::DecodeError),
    /// What is encoded is not JSON, or of another shape.
    #[error("the value is not the JSON that was expected")]
    Json(#[from] serde_json::Error),
}

/// A value that holds this.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn to_value<T: Serialize + ?Sized>(json: &T) -> Result<Value, serde_json::Error> {
    Ok(of_text(&serde_json::to_string(json)?))
}

/// A value that holds this text, which is JSON.
#[must_use]
pub fn of_text(json: &str) -> Value {
    Value { data: Some(BASE64.encode(json.as_bytes()).into()), ..Value::default() }
}

/// A value that holds an error of this message, as released workers write one.
#[must_use]
pub fn of_error(message: &str) -> Value {
    of_text(&serde_json::json!({ "__type": "error", "name": "Error", "message": message }).to_string())
}

/// What a value holds. A value without data, or with empty data, holds `null`.
///
/// # Errors
/// When it does not hold that.
pub fn from_value<T: DeserializeOwned>(value: &Value) -> Result<T, ValueError> {
    match value.data.as_deref() {
        None | Some("") => Ok(serde_json::from_str("null")?),
        Some(data) => Ok(serde_json::from_slice(&BASE64.decode(data.as_bytes())?)?),
    }
}
