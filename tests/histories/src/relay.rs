//! What clients of the hub sent and were told, seen by all of them on one clock, and rules with names for it. It knows
//! PROTOCOL.md and nothing of the hub's code.
//!
//! The place of an event in a [`Trace`] is when it was seen: of two events the later one has not caused the earlier one. The
//! rules use only what is certain then. A client *stayed* in the hub until it asked something that was answered later; the
//! hub's side of a connection that broke is nobody's to see.

mod event;
mod presence;
mod receipts;
mod streams;

use std::fmt;

pub use event::{Answer, Ask, Connection, Event, News, Person, Place, Target, Trace, What};

use streams::Streams;

/// A promise that was not kept. Places are where the trace shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// One client's messages came to another in an order in which they were not sent.
    Disordered(Place, Place),
    /// A message came twice.
    Twice(Place, Place),
    /// A message came to somebody whom it was not sent to, or from somebody who had not sent it.
    Astray(Place),
    /// Something of a client came after it had left, or anything before HELLO, or after a connection's end.
    AfterLeave(Place, Place),
    /// An acknowledged message did not come to one who was addressed and stayed: what was acknowledged, and what came instead.
    Missing(Place, Place),
    /// A message was refused because somebody is not there who was, all the time.
    Denied(Place, Place),
    /// Two clients, or two services, had one name, or one id, at the same time.
    Shared(Place, Place),
    /// The answers of a connection are not one for each message, in their order.
    Answers(Place),
    /// Two clients were told the same news in another order, or one of them was not told.
    News(Place, Place),
}

/// All that is broken, in the order of the rules.
#[must_use]
pub fn broken(trace: &Trace) -> Vec<Broken> {
    let streams = Streams::of(trace);
    let mut found = streams.broken();
    found.extend(receipts::broken(&streams));
    found.extend(presence::broken(&streams));
    found
}

/// What is broken, with the events that show it.
#[must_use]
pub fn explain(broken: &Broken, trace: &Trace) -> String {
    let (what, places) = match *broken {
        Broken::Disordered(one, other) => ("messages came in another order", vec![one, other]),
        Broken::Twice(one, other) => ("a message came twice", vec![one, other]),
        Broken::Astray(one) => ("a message went astray", vec![one]),
        Broken::AfterLeave(one, other) => ("something came after the end", vec![one, other]),
        Broken::Missing(one, other) => ("an acknowledged message did not come", vec![one, other]),
        Broken::Denied(one, other) => ("refused, though it was there", vec![one, other]),
        Broken::Shared(one, other) => ("one name for two at a time", vec![one, other]),
        Broken::Answers(one) => ("not one answer for each message, in their order", vec![one]),
        Broken::News(one, other) => ("the same news in another order", vec![one, other]),
    };
    let mut text = what.to_owned();
    for place in places {
        text.push_str(&format!("\n  {:>5} {}", place.0, trace.events[place.0]));
    }
    text
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.events.iter().enumerate().try_for_each(|(n, event)| writeln!(f, "{n:>5} {event}"))
    }
}

#[cfg(test)]
mod tests;
