//! What is answered, in neither dialect.

use super::address::Address;
use super::decode::Head;
use super::dialect::{Dialect, Kind};
use super::ids::{Millis, PromiseId};
use super::message::Message;
use super::record::{Promise, Schedule, Task};

/// An answer or a refusal.
pub type Outcome = Result<Answer, Refusal>;

/// What a request brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// 200 and nothing to say.
    Done,
    /// 200: the promise as it is now.
    Promise(Promise),
    /// 200: the task as it is now.
    Task(Task),
    /// 200 of `task.create`.
    Created {
        /// Held by the caller, or fulfilled.
        task: Task,
        /// Its promise.
        promise: Promise,
        /// Promises of the same branch.
        preload: Vec<Promise>,
    },
    /// 200 of `task.acquire`.
    Acquired {
        /// Held by the caller.
        task: Task,
        /// Its promise.
        promise: Promise,
        /// The settled promise that woke it, if one did.
        awaited: Option<Promise>,
        /// Promises of the same branch.
        preload: Vec<Promise>,
    },
    /// 300 of `task.suspend`: something awaited is settled; the caller holds the task still.
    GoOn {
        /// Promises of the same branch.
        preload: Vec<Promise>,
    },
    /// 200 of `task.fence`, whatever the request inside brought.
    Fenced {
        /// What the request inside asked for.
        kind: Kind,
        /// Its mark.
        corr_id: String,
        /// What it brought.
        outcome: Box<Outcome>,
    },
    /// 200: a page of promises.
    Promises {
        /// In the order of their ids.
        page: Vec<Promise>,
        /// For the next page, when there may be one.
        cursor: Option<String>,
    },
    /// 200: a page of tasks.
    Tasks {
        /// In the order of their ids.
        page: Vec<Task>,
        /// For the next page, when there may be one.
        cursor: Option<String>,
    },
    /// 200: the schedule.
    Schedule(Schedule),
    /// 200: a page of schedules.
    Schedules {
        /// In the order of their ids.
        page: Vec<Schedule>,
        /// For the next page, when there may be one.
        cursor: Option<String>,
    },
    /// 200 of `debug.tick`.
    Ticked,
    /// 200 of `debug.snap`.
    Snapshot(Box<Snapshot>),
}

/// Everything there is, for `debug.snap`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// As they are written down, deadlines not considered.
    pub promises: Vec<Promise>,
    /// As they are written down.
    pub tasks: Vec<Task>,
    /// Deadlines of pending promises.
    pub promise_timeouts: Vec<(PromiseId, Millis)>,
    /// Awaiter and awaited.
    pub callbacks: Vec<(PromiseId, PromiseId)>,
    /// Promises and who is told.
    pub listeners: Vec<(PromiseId, Address)>,
    /// When a pending task is offered again (`false`) or a lease ends (`true`).
    pub task_timeouts: Vec<(PromiseId, bool, Millis)>,
    /// What waits to be taken.
    pub messages: Vec<(String, Message)>,
}

/// How it went, as a number of HTTP's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// As asked.
    Ok,
    /// Not as asked, and no failure: `task.suspend` only.
    GoOn,
    /// The request makes no sense, whatever there is.
    BadRequest,
    /// What it names is unknown.
    NotFound,
    /// What it names is in another state.
    Conflict,
    /// What it names beside that is unknown or unfit.
    Unprocessable,
    /// There is a limit.
    TooMany,
    /// Its fate is unknown: it may have happened.
    Internal,
    /// A verb that is switched off.
    NotImplemented,
}

impl Status {
    /// Every status; from the third on they are refusals.
    pub const ALL: &[Self] = &[
        Self::Ok,
        Self::GoOn,
        Self::BadRequest,
        Self::NotFound,
        Self::Conflict,
        Self::Unprocessable,
        Self::TooMany,
        Self::Internal,
        Self::NotImplemented,
    ];

    /// The number.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Ok => 200,
            Self::GoOn => 300,
            Self::BadRequest => 400,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::Unprocessable => 422,
            Self::TooMany => 429,
            Self::Internal => 500,
            Self::NotImplemented => 501,
        }
    }
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct Refusal {
    /// For programs.
    pub status: Status,
    /// For people: at most [`ECHO_CHARS`](crate::limits::ECHO_CHARS) characters, since it may repeat what was asked.
    pub sentence: String,
}

impl Refusal {
    /// A refusal. A sentence that is too long is cut.
    #[must_use]
    pub fn new(status: Status, sentence: impl Into<String>) -> Self {
        Self { status, sentence: crate::decode::cut(sentence.into()) }
    }
}

impl Answer {
    /// 200, or 300.
    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Self::GoOn { .. } => Status::GoOn,
            _ => Status::Ok,
        }
    }
}

impl Head {
    /// The answer to the request of this head, as text.
    #[must_use]
    pub fn answer(&self, outcome: &Outcome) -> String {
        let word = self.kind.word(self.dialect).unwrap_or("error");
        super::answer_wire::encode(self.dialect, word, &self.corr_id, outcome)
    }
}

/// The status of an outcome.
pub(super) fn status_of(outcome: &Outcome) -> Status {
    match outcome {
        Ok(answer) => answer.status(),
        Err(refusal) => refusal.status,
    }
}

/// The word for a kind in a dialect that has it.
pub(super) fn word(kind: Kind, dialect: Dialect) -> &'static str {
    kind.word(dialect).unwrap_or("error")
}
