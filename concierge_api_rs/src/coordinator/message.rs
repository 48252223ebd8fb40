//! What the coordinator sends without being asked.

use serde_json::{Value as Json, json};

use super::dialect::Dialect;
use super::ids::{Claims, PromiseId};
use super::record::{Promise, TaskState};
use super::record_wire::As;

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

impl Message {
    /// As text.
    #[must_use]
    pub fn encode(&self, dialect: Dialect) -> String {
        self.json(dialect).to_string()
    }

    pub(super) fn json(&self, dialect: Dialect) -> Json {
        let (kind, data) = match self {
            Self::Run { id, claims, resumed } => {
                let kind = match (dialect, resumed) {
                    (Dialect::Plain, false) => "invoke",
                    (Dialect::Plain, true) => "resume",
                    (Dialect::V20260401, _) => "execute",
                };
                (kind, json!({ "task": { "id": id, "version": dialect.version_of(*claims, TaskState::Pending) } }))
            }
            Self::Settled(promise) => {
                let kind = match dialect {
                    Dialect::Plain => "notify",
                    Dialect::V20260401 => "unblock",
                };
                let promise = serde_json::to_value(As(dialect, &**promise)).expect("its maps have strings for keys");
                (kind, json!({ "promise": promise }))
            }
        };
        json!({ "kind": kind, "head": {}, "data": data })
    }
}
