//! What a connection restores of an earlier one: services to create again and subscriptions to renew, so many at a time that
//! a hub which bounds its clients' messages finds no excess.

use std::collections::VecDeque;

use concierge_api_rs::ServiceName;

/// One thing to restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owed {
    /// A service and its nickname.
    Service(ServiceName, Option<String>),
    Subscription(ServiceName),
}

/// What is owed, and how much of it waits for its answer. Bounded by what the client owns and is subscribed to: nothing is
/// owed twice.
#[derive(Debug)]
pub(crate) struct Restoration {
    owed: VecDeque<Owed>,
    outstanding: usize,
    at_once: usize,
}

impl Restoration {
    /// `at_once`: the size of a batch, at least 1.
    pub(crate) fn new(at_once: usize) -> Self {
        Self { owed: VecDeque::new(), outstanding: 0, at_once }
    }

    pub(crate) fn owe(&mut self, owed: Owed) {
        if !self.owed.contains(&owed) {
            self.owed.push_back(owed);
        }
    }

    /// What to send now: the next batch when all of the last one is answered, else nothing. A subscription that is no longer
    /// `awaited` is forgotten.
    pub(crate) fn batch(&mut self, awaited: impl Fn(&ServiceName) -> bool) -> Vec<Owed> {
        if self.outstanding > 0 {
            return Vec::new();
        }
        self.owed.retain(|owed| match owed {
            Owed::Service(..) => true,
            Owed::Subscription(service) => awaited(service),
        });
        let batch: Vec<Owed> = self.owed.drain(..self.at_once.min(self.owed.len())).collect();
        self.outstanding = batch.len();
        batch
    }

    /// One of the batch has its answer, or will get none.
    pub(crate) fn answered(&mut self) {
        self.outstanding = self.outstanding.saturating_sub(1);
    }

    /// Whether everything was sent: what is sent now comes after all of it.
    pub(crate) fn is_over(&self) -> bool {
        self.owed.is_empty()
    }
}

#[cfg(test)]
mod tests;
