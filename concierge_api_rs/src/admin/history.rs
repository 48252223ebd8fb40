//! What happened to a task.

use serde::{Deserialize, Serialize};

use crate::coordinator::{Millis, Pid, PromiseId, PromiseState};

/// What a hub remembers of a task, or of all tasks of a root: the answer to `task.history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminHistory"))]
pub struct History {
    /// In their order, the last `HISTORY_SHOWN` of them.
    pub steps: Vec<Moment>,
    /// How many before these are remembered and not shown.
    pub left_out: u64,
    /// What was before this is not remembered, in milliseconds since 1970.
    pub since: u64,
}

/// Something that happened to a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminMoment"))]
pub struct Moment {
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// To which.
    pub id: PromiseId,
    /// What.
    #[serde(flatten)]
    pub step: Step,
}

/// What can happen to a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminStep"))]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// It came, with its promise.
    Created {
        /// The promise that its tree began with.
        root: Option<PromiseId>,
    },
    /// A message was offered.
    Offered {
        /// To whom: an address.
        to: String,
        /// Who took it: a client's uuid, or the pid of a poller. None: nobody was there or had room.
        taken_by: Option<String>,
        /// How often, one after the other.
        times: u64,
    },
    /// A worker holds it.
    Claimed {
        /// Who.
        pid: Pid,
        /// For how long, until a heartbeat.
        ttl: Millis,
        /// How often it was claimed by now.
        claims: u32,
    },
    /// The lease was over: no heartbeat came in time.
    LeaseOver {
        /// Whose it was.
        pid: Pid,
    },
    /// Who held it gave it back.
    Released {
        /// Who.
        pid: Pid,
    },
    /// It waits for promises.
    Suspended {
        /// For the first `HISTORY_AWAITED` of these.
        on: Vec<PromiseId>,
        /// How many they are.
        count: u64,
    },
    /// One of them settled.
    Resumed {
        /// Which.
        by: PromiseId,
    },
    /// It is not offered for a while.
    Halted,
    /// It is offered again.
    Continued,
    /// It is over: its promise is settled.
    Fulfilled {
        /// How.
        state: PromiseState,
    },
    /// What this hub tells and this program does not know.
    #[serde(other)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Unknown,
}
