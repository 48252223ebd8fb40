//! A run: messages that one client sends one after the other to the same receivers. They are queued together, so each
//! receiver's outbox is touched once a run and not once a message, and many receivers share its bytes.
//!
//! Invariants: a run never outlives its session's turn; whatever else the sender brings about is queued after its run,
//! and its answers come after the messages that they confirm. So nobody sees another order than without runs.

use std::slice;
use std::sync::Arc;

use concierge_api_rs::Seq;

use crate::frame::{self, Frame};
use crate::peer::Peer;

/// A run of so many bytes is queued: it is shared while it is still in the cache.
const MOST: usize = 64 * 1024;
/// The part of an outbox that a run may fill: the bound is felt as if messages came one by one.
const PART: usize = 64;

/// Who gets a run.
pub(crate) enum Receivers {
    /// One client.
    One(Arc<Peer>),
    /// The subscribers of a service, as they were when the message was routed.
    Many(Arc<[Arc<Peer>]>),
}

impl Receivers {
    fn peers(&self) -> &[Arc<Peer>] {
        match self {
            Self::One(peer) => slice::from_ref(peer),
            Self::Many(peers) => peers,
        }
    }

    /// The very same, not merely equal: a subscription in between makes another run.
    fn are(&self, others: &Self) -> bool {
        match (self, others) {
            (Self::One(one), Self::One(other)) => Arc::ptr_eq(one, other),
            (Self::Many(some), Self::Many(others)) => Arc::ptr_eq(some, others),
            _ => false,
        }
    }
}

/// Messages to the same receivers, and the answers to their sender.
pub(crate) struct Run<'a> {
    sender: &'a Arc<Peer>,
    to: Option<Receivers>,
    messages: Vec<u8>,
    answers: Vec<u8>,
    count: u64,
    /// Bytes of whole messages.
    whole: usize,
    most: usize,
    /// Copies that were queued.
    copies: u64,
}

impl<'a> Run<'a> {
    /// The runs of a client in one turn. None of its receivers may have more than `outbox_bytes` waiting.
    pub(crate) fn new(sender: &'a Arc<Peer>, outbox_bytes: usize) -> Self {
        let most = MOST.min(outbox_bytes / PART);
        Self { sender, to: None, messages: Vec::new(), answers: Vec::new(), count: 0, whole: 0, most, copies: 0 }
    }

    /// One more message, which `write` appends, and its OK. How many copies of it there will be.
    pub(crate) fn push(&mut self, to: Receivers, seq: Seq, write: impl FnOnce(&mut Vec<u8>)) -> usize {
        if !self.to.as_ref().is_some_and(|same| same.are(&to)) {
            self.end();
            let mut pool = self.sender.shard().pool.lock();
            (self.messages, self.answers) = (pool.take(), pool.take());
        }
        let copies = to.peers().len();
        self.to = Some(to);
        frame::text(&mut self.messages, write);
        self.whole = self.messages.len();
        self.count += 1;
        frame::okay(&mut self.answers, seq);
        if self.messages.len() >= self.most {
            self.end();
        }
        copies
    }

    /// Queues what there is: the messages, then their answers.
    pub(crate) fn end(&mut self) {
        let Some(to) = self.to.take() else { return };
        let frame = Frame::new(&self.messages[..std::mem::take(&mut self.whole)]);
        let receivers = to.peers().iter().filter(|peer| peer.push(&frame)).count();
        self.copies += receivers as u64 * std::mem::take(&mut self.count);
        self.sender.push(&Frame::Small(&self.answers));
        let mut pool = self.sender.shard().pool.lock();
        for mut buffer in [std::mem::take(&mut self.messages), std::mem::take(&mut self.answers)] {
            buffer.clear();
            pool.put(buffer);
        }
    }

    /// Copies queued in this turn.
    pub(crate) fn copies(&self) -> u64 {
        self.copies
    }
}

/// A turn that ends in a panic has sent what came before it all the same.
impl Drop for Run<'_> {
    fn drop(&mut self) {
        self.end();
    }
}
