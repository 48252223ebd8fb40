//! What goes wrong with a request: what its worker or the router answers, and what a client finds by itself.

use std::fmt;
use std::time::Duration;

use concierge_api_rs::packet::{self, FaultCode, WordError};
use serde_json::{Map, Value, json};

use crate::error::RequestError;

/// An error as a response says it: one of ten kinds, what it is about, and whatever else is in its data.
///
/// A handler answers it by returning it. Every other error becomes one by `?` or `into`: GENERIC, with its text as `message`. One
/// that is a [`RouterError::Fault`] passes as it is.
#[derive(Clone, PartialEq)]
pub struct Fault {
    code: FaultCode,
    data: Map<String, Value>,
}

impl Fault {
    /// An error about these arguments or entities.
    #[must_use]
    pub fn new(code: FaultCode, items: &[&str]) -> Self {
        let fault = Self { code, data: Map::new() };
        if items.is_empty() && !code.has_items() { fault } else { fault.with("items", json!(items)) }
    }

    /// An error of no other kind, told in a sentence.
    #[must_use]
    pub fn generic(message: impl fmt::Display) -> Self {
        Self::new(FaultCode::Generic, &[]).with("message", message.to_string().into())
    }

    /// As it was read from a response.
    pub(super) fn of(fault: &packet::Fault<'_>) -> Self {
        // it is an object: what was none was mended
        Self { code: fault.code(), data: serde_json::from_str(fault.data().get()).unwrap_or_default() }
    }

    /// The same, with one more field in its data.
    #[must_use]
    pub fn with(mut self, field: impl Into<String>, value: Value) -> Self {
        self.data.insert(field.into(), value);
        self
    }

    /// What kind it is.
    #[must_use]
    pub const fn code(&self) -> FaultCode {
        self.code
    }

    /// Which arguments or entities it is about.
    #[must_use]
    pub fn items(&self) -> Vec<&str> {
        self.data.get("items").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The sentence that an error may have.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.data.get("message")?.as_str()
    }

    /// All that it says, `items` included.
    #[must_use]
    pub const fn data(&self) -> &Map<String, Value> {
        &self.data
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        let items = self.items();
        if !items.is_empty() {
            write!(f, " ({})", items.join(", "))?;
        }
        self.message().map_or(Ok(()), |message| write!(f, ": {message}"))
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, Value::Object(self.data.clone()))
    }
}

// a `Fault` is no `Error` itself, so that this is no conflict
impl<E: std::error::Error + Send + Sync + 'static> From<E> for Fault {
    fn from(error: E) -> Self {
        let boxed: Box<dyn std::error::Error + Send + Sync> = Box::new(error);
        match boxed.downcast::<RouterError>().map(|error| *error) {
            Ok(RouterError::Fault(fault)) => fault,
            Ok(error) => Self::generic(error),
            Err(error) => Self::generic(error),
        }
    }
}

/// Why a request or a push came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum RouterError {
    /// The worker, or the router, answered that.
    #[error("{0}")]
    Fault(Fault),
    /// The hub has no router.
    #[error("this hub has no router")]
    Absent,
    /// The connection was lost before the final response came: the worker may have done it.
    #[error("the connection was lost before the answer came")]
    Disconnected,
    /// The client is closed and will not connect again.
    #[error("the client is closed")]
    Closed,
    /// This client did not want to wait any longer, and cancelled the request.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// Responses were dropped because they were not read fast enough. What was asked is cancelled.
    #[error("responses were dropped because they were not read fast enough")]
    Overrun,
    /// The answer came in parts, which [`Router::request`](super::Router::request) does not read. What was asked is cancelled.
    #[error("the answer comes in parts: ask for it with `request_many`")]
    InParts,
    /// A word of the request breaks its rule; nothing was sent.
    #[error(transparent)]
    Word(#[from] WordError),
    /// The body is no JSON, or the answer is not what was expected.
    #[error("the data is not the JSON that was expected")]
    Json(#[from] serde_json::Error),
    /// The hub did not take what was sent.
    #[error(transparent)]
    Hub(RequestError),
}

impl RouterError {
    /// What was answered, if it was an error.
    #[must_use]
    pub const fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Fault(fault) => Some(fault),
            _ => None,
        }
    }

    /// The kind of the error that was answered.
    #[must_use]
    pub fn code(&self) -> Option<FaultCode> {
        self.fault().map(Fault::code)
    }
}

impl From<RequestError> for RouterError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::InvalidService(_) => Self::Absent,
            RequestError::Disconnected => Self::Disconnected,
            RequestError::Closed => Self::Closed,
            RequestError::TimedOut(within) => Self::TimedOut(within),
            RequestError::Json(error) => Self::Json(error),
            error => Self::Hub(error),
        }
    }
}
