//! How the dialects write answers.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::answer::{Answer, Outcome, Snapshot, status_of, word};
use super::dialect::Dialect;
use super::object::{array, object, text};
use super::record_wire::As;

/// A whole answer as text.
pub(super) fn encode(dialect: Dialect, kind: &str, corr_id: &str, outcome: &Outcome) -> String {
    text(&Envelope { dialect, kind, corr_id, outcome })
}

struct Envelope<'a> {
    dialect: Dialect,
    kind: &'a str,
    corr_id: &'a str,
    outcome: &'a Outcome,
}

impl Serialize for Envelope<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("kind", self.kind)?;
        map.serialize_entry("head", &Head(self))?;
        match self.outcome {
            Ok(answer) if self.dialect == Dialect::Plain && is_bare(answer) => {}
            Ok(answer) => map.serialize_entry("data", &As(self.dialect, answer))?,
            Err(refusal) => map.serialize_entry("data", &refusal.sentence)?,
        }
        map.end()
    }
}

/// The dialect without a version gives these no `data`.
const fn is_bare(answer: &Answer) -> bool {
    matches!(answer, Answer::Done | Answer::GoOn { .. })
}

struct Head<'a>(&'a Envelope<'a>);

impl Serialize for Head<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(envelope) = self;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("corrId", envelope.corr_id)?;
        map.serialize_entry("status", &status_of(envelope.outcome).code())?;
        if let Some(version) = envelope.dialect.version() {
            map.serialize_entry("version", version)?;
        }
        map.end()
    }
}

impl Serialize for As<'_, Answer> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(dialect, answer) = *self;
        let plain = dialect == Dialect::Plain;
        match answer {
            Answer::Ticked => return to.collect_seq::<[u8; 0]>([]),
            Answer::Snapshot(snapshot) => return As(dialect, &**snapshot).serialize(to),
            Answer::Acquired { promise, awaited, .. } if plain => {
                return Run { promise, awaited: awaited.as_ref() }.serialize(to);
            }
            _ => {}
        }
        let mut map = to.serialize_map(None)?;
        match answer {
            Answer::Done | Answer::Ticked | Answer::Snapshot(_) => {}
            Answer::Promise(promise) => map.serialize_entry("promise", &As(dialect, promise))?,
            Answer::Task(task) => map.serialize_entry("task", &As(dialect, task))?,
            Answer::Created { task, promise, preload } | Answer::Acquired { task, promise, preload, .. } => {
                if let Answer::Acquired { awaited, .. } = answer {
                    map.serialize_entry("kind", if awaited.is_some() { "resume" } else { "invoke" })?;
                }
                map.serialize_entry("task", &As(dialect, task))?;
                map.serialize_entry("promise", &As(dialect, promise))?;
                if !plain {
                    map.serialize_entry("preload", &As(dialect, preload))?;
                }
            }
            Answer::GoOn { preload } => map.serialize_entry("preload", &As(dialect, preload))?,
            Answer::Fenced { kind, corr_id, outcome } => {
                let inner = Envelope { dialect, kind: word(*kind, dialect), corr_id, outcome };
                map.serialize_entry("action", &inner)?;
                if !plain {
                    map.serialize_entry::<_, [u8; 0]>("preload", &[])?;
                }
            }
            Answer::Promises { page, cursor } => write_page(&mut map, "promises", &As(dialect, page), cursor)?,
            Answer::Tasks { page, cursor } => write_page(&mut map, "tasks", &As(dialect, page), cursor)?,
            Answer::Schedule(schedule) => map.serialize_entry("schedule", &As(dialect, schedule))?,
            Answer::Schedules { page, cursor } => write_page(&mut map, "schedules", &As(dialect, page), cursor)?,
        }
        map.end()
    }
}

fn write_page<M: SerializeMap>(map: &mut M, name: &str, page: &impl Serialize, cursor: &Option<String>) -> Result<(), M::Error> {
    map.serialize_entry(name, page)?;
    cursor.as_ref().map_or(Ok(()), |cursor| map.serialize_entry("cursor", cursor))
}

/// How the dialect without a version hands a task over: the promise to fulfil, and the one that woke it.
struct Run<'a> {
    promise: &'a super::record::Promise,
    awaited: Option<&'a super::record::Promise>,
}

impl Serialize for Run<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(2))?;
        map.serialize_entry("kind", if self.awaited.is_some() { "resume" } else { "invoke" })?;
        map.serialize_entry("data", &RunData(self))?;
        map.end()
    }
}

struct RunData<'a>(&'a Run<'a>);

impl Serialize for RunData<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(run) = self;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("invoked", &As(Dialect::Plain, run.promise))?;
        if let Some(awaited) = run.awaited {
            map.serialize_entry("awaited", &As(Dialect::Plain, awaited))?;
        }
        map.end()
    }
}

impl Serialize for As<'_, Snapshot> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(dialect, snapshot) = *self;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("promises", &As(dialect, &snapshot.promises))?;
        let timeouts = snapshot.promise_timeouts.iter();
        map.serialize_entry("promiseTimeouts", &raw(timeouts.map(|(id, at)| [("id", just(id)), ("timeout", just(at))])))?;
        let callbacks = snapshot.callbacks.iter();
        let callbacks = callbacks.map(|(awaiter, awaited)| [("awaiter", just(awaiter)), ("awaited", just(awaited))]);
        map.serialize_entry("callbacks", &raw(callbacks))?;
        let listeners = snapshot.listeners.iter();
        let listeners = listeners.map(|(id, address)| [("id", just(id)), ("address", just(&address.as_str()))]);
        map.serialize_entry("listeners", &raw(listeners))?;
        map.serialize_entry("tasks", &As(dialect, &snapshot.tasks))?;
        let leases = snapshot.task_timeouts.iter();
        let leases = leases.map(|(id, lease, at)| [("id", just(id)), ("type", just(&u8::from(*lease))), ("timeout", just(at))]);
        map.serialize_entry("taskTimeouts", &raw(leases))?;
        let messages = snapshot.messages.iter();
        let messages =
            messages.map(|(address, message)| [("address", just(address)), ("message", Some(message.encode(dialect)))]);
        map.serialize_entry("messages", &raw(messages))?;
        map.end()
    }
}

fn just(value: &impl Serialize) -> Option<String> {
    Some(text(value))
}

/// Objects that are JSON already.
fn raw<'a, const N: usize>(objects: impl Iterator<Item = [(&'a str, Option<String>); N]>) -> Box<RawValue> {
    RawValue::from_string(array(objects.map(object))).expect("an array of objects is JSON")
}
