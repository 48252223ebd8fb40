//! What there is: promises, tasks, schedules. How each dialect writes them is in `record_wire`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::ids::{Claims, Millis, Pid, PromiseId, ScheduleId};

/// Names and values that a promise carries. Those that begin with `resonate:` mean something; see the `TAG_` constants.
pub type Tags = BTreeMap<String, String>;

/// The address that the task of a promise is offered to.
pub const TAG_TARGET: &str = "resonate:target";
/// Another word for [`TAG_TARGET`], which wins where both stand.
pub const TAG_INVOKE: &str = "resonate:invoke";
/// `true` for a promise that resolves at its deadline: it has no task, and is never offered.
pub const TAG_TIMER: &str = "resonate:timer";
/// When the task is offered first: milliseconds since 1970.
pub const TAG_DELAY: &str = "resonate:delay";
/// The run that a promise belongs to: promises of the same branch are sent along with a task.
pub const TAG_BRANCH: &str = "resonate:branch";
/// The promise at the root of the tree.
pub const TAG_ORIGIN: &str = "resonate:origin";
/// The promise that created this one.
pub const TAG_PARENT: &str = "resonate:parent";
/// The schedule that created this one.
pub const TAG_SCHEDULE: &str = "resonate:schedule";

/// What makes a promise one of the hub's router: `request` for a durable request. Only the hub itself sets it.
pub const TAG_ROUTER: &str = "concierge:router";
/// The subject that such a request was sent to.
pub const TAG_SUBJECT: &str = "concierge:subject";
/// The command of such a request.
pub const TAG_CMD: &str = "concierge:cmd";

/// What goes into a promise or comes out of it: text that is kept as it stands, and headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Value {
    /// Names and texts; absent is the same as none.
    pub headers: BTreeMap<String, String>,
    /// The text. Absent is not the same as empty.
    pub data: Option<Arc<str>>,
}

/// Where a promise is in its life. All but the first are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PromiseState {
    /// Neither settled nor past its deadline.
    Pending,
    /// Settled with a result, or a timer past its deadline.
    Resolved,
    /// Settled with an error.
    Rejected,
    /// Nobody wants it any more.
    RejectedCanceled,
    /// Past its deadline.
    RejectedTimedout,
}

/// How a promise may be settled by request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SettleState {
    /// With a result.
    Resolved,
    /// With an error.
    Rejected,
    /// Without either.
    RejectedCanceled,
}

impl From<SettleState> for PromiseState {
    fn from(state: SettleState) -> Self {
        match state {
            SettleState::Resolved => Self::Resolved,
            SettleState::Rejected => Self::Rejected,
            SettleState::RejectedCanceled => Self::RejectedCanceled,
        }
    }
}

impl PromiseState {
    /// Every state.
    pub const ALL: &[Self] = &[Self::Pending, Self::Resolved, Self::Rejected, Self::RejectedCanceled, Self::RejectedTimedout];

    /// As the wire spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Resolved => "resolved",
            Self::Rejected => "rejected",
            Self::RejectedCanceled => "rejected_canceled",
            Self::RejectedTimedout => "rejected_timedout",
        }
    }

    /// The state of a word of [`Self::as_str`].
    #[must_use]
    pub fn of_str(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.as_str() == word)
    }
}

/// A promise: something that will have an outcome at its deadline at the latest.
///
/// Invariant: `settled_at` is there exactly when the state is not pending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// Its name, for ever.
    pub id: PromiseId,
    /// Where it is in its life.
    pub state: PromiseState,
    /// What it was created with.
    pub param: Value,
    /// Its outcome; empty while pending and after the deadline.
    pub value: Value,
    /// What it was created with, too.
    pub tags: Tags,
    /// The deadline: from this instant on it is settled.
    pub timeout_at: Millis,
    /// When it was created; the deadline, when that was past already.
    pub created_at: Millis,
    /// When it was settled; the deadline, when nobody did before.
    pub settled_at: Option<Millis>,
}

impl Promise {
    /// Whether it resolves at its deadline.
    #[must_use]
    pub fn is_timer(&self) -> bool {
        is_timer(&self.tags)
    }

    /// Where its task is offered, as it was written; `None` when it has no task.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        if self.is_timer() { None } else { target_tag(&self.tags) }
    }

    /// The promise as it is at `now`: past its deadline it is settled, whether somebody wrote that down or not.
    #[must_use]
    pub fn at(mut self, now: Millis) -> Self {
        if self.is_overdue(now) {
            self.expire();
        }
        self
    }

    /// Whether it is written down as pending and past its deadline.
    #[must_use]
    pub fn is_overdue(&self, now: Millis) -> bool {
        self.state == PromiseState::Pending && now >= self.timeout_at
    }

    /// Whether it is pending at `now`, deadline considered.
    #[must_use]
    pub fn is_pending(&self, now: Millis) -> bool {
        self.state == PromiseState::Pending && now < self.timeout_at
    }

    /// Settles it by its deadline.
    pub fn expire(&mut self) {
        self.state = state_at_deadline(&self.tags);
        self.value = Value::default();
        self.settled_at = Some(self.timeout_at);
    }
}

/// Whether a promise with these tags resolves at its deadline.
pub(crate) fn is_timer(tags: &Tags) -> bool {
    tags.get(TAG_TIMER).is_some_and(|value| value == "true")
}

/// The address in the tags, timer or not.
pub(crate) fn target_tag(tags: &Tags) -> Option<&str> {
    tags.get(TAG_TARGET).or_else(|| tags.get(TAG_INVOKE)).map(String::as_str)
}

fn state_at_deadline(tags: &Tags) -> PromiseState {
    if is_timer(tags) { PromiseState::Resolved } else { PromiseState::RejectedTimedout }
}

/// Where a task is in its life. Only the last is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// It is offered until somebody claims it.
    Pending,
    /// A worker holds it, for as long as its lease.
    Acquired,
    /// It waits for promises.
    Suspended,
    /// It is not offered, until it is continued.
    Halted,
    /// Its promise is settled.
    Fulfilled,
}

impl TaskState {
    /// Every state.
    pub const ALL: &[Self] = &[Self::Pending, Self::Acquired, Self::Suspended, Self::Halted, Self::Fulfilled];

    /// As the wire spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Acquired => "acquired",
            Self::Suspended => "suspended",
            Self::Halted => "halted",
            Self::Fulfilled => "fulfilled",
        }
    }

    /// The state of a word of [`Self::as_str`].
    #[must_use]
    pub fn of_str(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.as_str() == word)
    }
}

/// A task: the work that settles the promise of the same id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The id of its promise.
    pub id: PromiseId,
    /// Where it is in its life.
    pub state: TaskState,
    /// How often it was claimed.
    pub claims: Claims,
    /// Promises that settled and that its worker does not know of yet.
    pub resumes: BTreeSet<PromiseId>,
    /// How long its lease is, while acquired.
    pub ttl: Option<Millis>,
    /// Who holds it, while acquired.
    pub pid: Option<Pid>,
}

/// A schedule: creates a promise at each instant that its cron expression names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Its name.
    pub id: ScheduleId,
    /// Five fields, in UTC.
    pub cron: String,
    /// The ids of its promises; `{{.id}}` is the schedule's, `{{.timestamp}}` the instant's.
    pub promise_id: String,
    /// Their deadline, from the instant on.
    pub promise_timeout: Millis,
    /// What they are created with.
    pub promise_param: Value,
    /// Their tags, beside those that tell where they come from.
    pub promise_tags: Tags,
    /// When it was created.
    pub created_at: Millis,
    /// The next instant that it creates a promise for; [`Millis::NEVER`] when there is none.
    pub next_run_at: Millis,
    /// The last instant that it created a promise for.
    pub last_run_at: Option<Millis>,
}
