//! Which answer belongs to which request: the client's side of the sequence numbers.

use std::collections::HashMap;

use concierge_api_rs::Seq;

/// The requests of one connection that wait for their answers.
#[derive(Debug)]
pub(crate) struct Pending<W> {
    /// The number of the next text message on this connection.
    next: Seq,
    waiting: HashMap<Seq, W>,
}

impl<W> Pending<W> {
    pub(crate) fn new() -> Self {
        Self { next: Seq::default(), waiting: HashMap::new() }
    }

    /// A text message goes out; `renumber` when it is SELF_SET_SEQ. Returns who waited under the same number (only
    /// after a renumbering): its answer can no longer be told from the new one's.
    pub(crate) fn sent(&mut self, waiter: W, renumber: Option<Seq>) -> Option<W> {
        let seq = renumber.unwrap_or(self.next);
        self.next = seq.next();
        self.waiting.insert(seq, waiter)
    }

    /// An answer came: who waits for it?
    pub(crate) fn answered(&mut self, seq: Seq) -> Option<W> {
        self.waiting.remove(&seq)
    }

    /// The connection ended: all who still wait.
    pub(crate) fn into_waiting(self) -> impl Iterator<Item = W> {
        self.waiting.into_values()
    }
}

#[cfg(test)]
mod tests;
