//! What is recorded.

use std::collections::BTreeMap;
use std::fmt;

/// Since some beginning, by a clock that never goes backwards and is the same for all clients. Nanoseconds.
pub type Nanos = u64;

/// What is asked about one id, in the numbers of the dialect `2026-04-01`: a claim expects the number of claims so far and
/// brings the next one, which everything that the holder does names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// `promise.create`, with a target or without.
    Create { param: String, target: bool },
    /// `promise.settle`.
    Settle { value: String },
    /// `promise.get`.
    Get,
    /// `task.get`.
    Look,
    /// `task.acquire`.
    Acquire { version: u64, by: String, ttl: Nanos },
    /// `task.heartbeat`, which is answered 200 whether it did something or not.
    Heartbeat { version: u64 },
    /// `task.fence`: only the guard. What is inside is an event of its own, when it was done.
    Fence { version: u64 },
    /// `task.suspend`.
    Suspend { version: u64 },
    /// `task.release`.
    Release { version: u64 },
    /// `task.fulfill`.
    Fulfill { version: u64, value: String },
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// 200 with a promise; `value` when it is settled.
    Promise { param: String, value: Option<String> },
    /// 200 with a task.
    Task { phase: Phase, version: u64 },
    /// 200 with nothing.
    Done,
    /// 300.
    GoOn,
    /// Another status.
    Refused(u16),
}

/// The state of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    Pending,
    Acquired,
    Suspended,
    Fulfilled,
}

/// An answer, and when it was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub at: Nanos,
    pub answer: Answer,
}

/// A request of one client about one id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub client: String,
    pub id: String,
    pub op: Op,
    /// Before it was sent.
    pub called: Nanos,
    /// None when its fate is unknown: it happened at some time after the call, or never.
    pub reply: Option<Reply>,
}

/// A task was offered to a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub id: String,
    pub version: u64,
    pub at: Nanos,
}

/// A task that has to be offered: it was not fulfilled then, nothing that it waits for was pending, and a worker is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    pub id: String,
    pub since: Nanos,
}

/// Everything that was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    pub events: Vec<Event>,
    pub offers: Vec<Offer>,
    pub owed: Vec<Owed>,
}

impl Event {
    /// Whether this one was over before that one began.
    #[must_use]
    pub fn precedes(&self, other: &Self) -> bool {
        self.reply.as_ref().is_some_and(|reply| reply.at < other.called)
    }

    /// What was answered, if anything was.
    #[must_use]
    pub fn answer(&self) -> Option<&Answer> {
        self.reply.as_ref().map(|reply| &reply.answer)
    }

    /// Whether it was answered otherwise than by a refusal.
    #[must_use]
    pub fn is_granted(&self) -> bool {
        self.answer().is_some_and(|answer| !matches!(answer, Answer::Refused(_)))
    }

    /// Whether a holder came to its end.
    #[must_use]
    pub fn is_fulfilment(&self) -> bool {
        matches!(self.op, Op::Fulfill { .. }) && self.is_granted()
    }
}

impl Op {
    /// The claim in whose name it is asked, when only its holder may.
    #[must_use]
    pub const fn held(&self) -> Option<u64> {
        match self {
            Self::Fence { version } | Self::Suspend { version } | Self::Release { version } | Self::Fulfill { version, .. } => {
                Some(*version)
            }
            Self::Create { .. }
            | Self::Settle { .. }
            | Self::Get
            | Self::Look
            | Self::Acquire { .. }
            | Self::Heartbeat { .. } => None,
        }
    }
}

impl History {
    /// The events of each id, in the order of their calls.
    #[must_use]
    pub fn by_id(&self) -> BTreeMap<&str, Vec<&Event>> {
        let mut ids: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
        for event in &self.events {
            ids.entry(&event.id).or_default().push(event);
        }
        for events in ids.values_mut() {
            events.sort_by_key(|event| event.called);
        }
        ids
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}, called {}: ", self.client, self.id, self.op, self.called)?;
        match &self.reply {
            Some(Reply { at, answer }) => write!(f, "{answer:?} at {at}"),
            None => f.write_str("fate unknown"),
        }
    }
}

#[cfg(test)]
pub(crate) mod forge;
