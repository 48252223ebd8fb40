//! Histories made by hand, a millisecond to a step.

use super::{Answer, Event, Nanos, Op, Phase, Reply};

pub(crate) const MS: Nanos = 1_000_000;

/// Somebody asks about `t` between these two milliseconds, and is answered.
pub(crate) fn told((called, at): (u64, u64), op: Op, answer: Answer) -> Event {
    let reply = Some(Reply { at: at * MS, answer });
    Event { client: format!("c{called}"), id: "t".to_owned(), op, called: called * MS, reply }
}

/// Somebody asks about `t` and hears nothing.
pub(crate) fn untold(called: u64, op: Op) -> Event {
    Event { client: format!("c{called}"), id: "t".to_owned(), op, called: called * MS, reply: None }
}

pub(crate) fn create(param: &str) -> Op {
    Op::Create { param: param.to_owned(), target: true }
}

pub(crate) fn settle(value: &str) -> Op {
    Op::Settle { value: value.to_owned() }
}

pub(crate) fn fulfill(version: u64, value: &str) -> Op {
    Op::Fulfill { version, value: value.to_owned() }
}

/// For 100 ms.
pub(crate) fn acquire(version: u64) -> Op {
    Op::Acquire { version, by: "w".to_owned(), ttl: 100 * MS }
}

pub(crate) fn pending(param: &str) -> Answer {
    Answer::Promise { param: param.to_owned(), value: None }
}

pub(crate) fn settled(param: &str, value: &str) -> Answer {
    Answer::Promise { param: param.to_owned(), value: Some(value.to_owned()) }
}

pub(crate) fn claimed(version: u64) -> Answer {
    Answer::Task { phase: Phase::Acquired, version }
}

pub(crate) fn waiting(version: u64) -> Answer {
    Answer::Task { phase: Phase::Pending, version }
}
