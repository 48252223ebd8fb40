//! What the coordinator sends without being asked.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::dialect::Dialect;
use super::ids::{Claims, PromiseId};
use super::object::{object, text};
use super::record::{Promise, TaskState};
use super::record_wire::As;
use crate::decode::{self, DecodeError};
use crate::text::Text;

/// One message to whoever is at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A task can be claimed: `invoke` or `resume`, `execute`.
    Run {
        /// Which task.
        id: PromiseId,
        /// How often it was claimed: a claim names this.
        claims: Claims,
        /// Whether a settled promise woke it.
        resumed: bool,
    },
    /// A promise is settled: `notify`, `unblock`.
    Settled(Box<Promise>),
}

#[derive(Deserialize)]
struct MessageWire<'a> {
    #[serde(borrow)]
    kind: Text<'a>,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Deserialize)]
struct RunWire {
    task: TaskWire,
}

#[derive(Deserialize)]
struct TaskWire {
    id: PromiseId,
    version: u32,
}

#[derive(Deserialize)]
struct SettledWire {
    promise: Promise,
}

impl Message {
    /// The message that `text` writes, in either dialect.
    ///
    /// # Errors
    /// [`DecodeError::Unsupported`] when it is of another kind, which later versions may have.
    pub fn decode(text: &str) -> Result<Self, DecodeError> {
        let MessageWire { kind, data } = decode::object("", text)?;
        match &*kind.0 {
            "invoke" | "resume" | "execute" => {
                let RunWire { task: TaskWire { id, version } } = decode::object("data", data.get())?;
                Ok(Self::Run { id, claims: Claims(version), resumed: kind.0 == "resume" })
            }
            "notify" | "unblock" => {
                let SettledWire { promise } = decode::object("data", data.get())?;
                Ok(Self::Settled(Box::new(promise)))
            }
            _ => Err(DecodeError::Unsupported),
        }
    }

    /// As text.
    #[must_use]
    pub fn encode(&self, dialect: Dialect) -> String {
        let (kind, data) = match self {
            Self::Run { id, claims, resumed } => {
                let kind = match (dialect, resumed) {
                    (Dialect::Plain, false) => "invoke",
                    (Dialect::Plain, true) => "resume",
                    (Dialect::V20260401, _) => "execute",
                };
                let version = dialect.version_of(*claims, TaskState::Pending);
                let task = object([("id", Some(text(id))), ("version", Some(text(&version)))]);
                (kind, object([("task", Some(task))]))
            }
            Self::Settled(promise) => {
                let kind = match dialect {
                    Dialect::Plain => "notify",
                    Dialect::V20260401 => "unblock",
                };
                (kind, object([("promise", Some(text(&As(dialect, &**promise))))]))
            }
        };
        object([("kind", Some(text(&kind))), ("head", Some(object([]))), ("data", Some(data))])
    }
}
