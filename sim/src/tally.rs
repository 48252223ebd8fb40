//! What happened how often, so that nobody mistakes silence for peace.

use std::collections::BTreeMap;
use std::fmt;

use concierge_test_histories::relay::{Answer, Ask, Trace, What};

/// Counts by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<String, u64>);

impl Tally {
    pub(crate) fn of(trace: &Trace) -> Self {
        let mut tally = Self::default();
        for event in &trace.events {
            match &event.what {
                What::Entered(_) => tally.count("entered"),
                What::Asked { ask: Ask::Message { .. }, .. } => tally.count("messages sent"),
                What::Received { .. } => tally.count("messages received"),
                What::Answered { answer: Answer::Okay, .. } => tally.count("acknowledged"),
                What::Answered { answer: Answer::Refused(why), .. } => tally.count(&format!("answered {why}")),
                What::Told(_) => tally.count("news"),
                What::Over(how) => tally.count(&format!("over: {how}")),
                What::Drains => tally.count("the hub drains"),
                What::Note(note) => tally.count_note(note),
                What::Asked { .. } | What::Answered { .. } => {}
            }
        }
        tally
    }

    /// How often that was.
    #[must_use]
    pub fn get(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// Adds another seed's.
    pub fn add(&mut self, other: &Self) {
        for (name, count) in &other.0 {
            *self.0.entry(name.clone()).or_default() += count;
        }
    }

    fn count(&mut self, name: &str) {
        *self.0.entry(name.to_owned()).or_default() += 1;
    }

    /// Faults, and how the hub closed; of everything else the beginning.
    fn count_note(&mut self, note: &str) {
        let name = match note.split_once(" at ") {
            Some((fault, _)) => fault.split('(').next().unwrap_or(fault),
            None if note.starts_with("<- {") => "answers of the coordinator",
            None if note.starts_with("comes as") => "came",
            None if note.starts_with("does not read") => "stalled",
            None => note,
        };
        self.count(name);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, count)| writeln!(f, "{count:>10} {name}"))
    }
}
