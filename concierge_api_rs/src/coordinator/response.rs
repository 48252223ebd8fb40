//! Answers as a client reads them.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::decode::{DecodeError, object, present};

/// An answer, read as far as its head. What `data` holds depends on the kind and the status.
#[derive(Debug, Clone)]
pub struct Response {
    /// What was asked for, in the words of the dialect it was asked in.
    pub kind: String,
    /// The mark of the request.
    pub corr_id: String,
    /// How it went: 200, 300, or why not.
    pub status: u16,
    data: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct ResponseWire<'a> {
    kind: String,
    head: HeadWire,
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct HeadWire {
    #[serde(rename = "corrId")]
    corr_id: String,
    status: u16,
}

impl Response {
    /// The answer that `text` writes.
    ///
    /// # Errors
    /// When it is none.
    pub fn decode(text: &str) -> Result<Self, DecodeError> {
        let ResponseWire { kind, head: HeadWire { corr_id, status }, data } = object("", text)?;
        Ok(Self { kind, corr_id, status, data: data.map(ToOwned::to_owned) })
    }

    /// Its data, such as a struct with a field `promise` that is a [`Promise`](super::Promise).
    ///
    /// # Errors
    /// When it is of another shape.
    pub fn data<'a, T: Deserialize<'a>>(&'a self) -> Result<T, DecodeError> {
        object("data", self.data.as_deref().map_or("{}", RawValue::get))
    }

    /// What a refusal says, for people.
    #[must_use]
    pub fn sentence(&self) -> Option<String> {
        serde_json::from_str(self.data.as_deref()?.get()).ok()
    }
}
