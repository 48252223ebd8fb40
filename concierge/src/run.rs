//! A run: messages that one client sends one after the other to the same receivers. They are queued together, so each
//! receiver's outbox is touched once a run and not once a message, and many receivers share its bytes.
//!
//! Invariants: a run never outlives its session's turn; whatever else the sender brings about is queued after its run,
//! and its answers come after the messages that they confirm. So nobody sees another order than without runs.

use std::slice;
use std::sync::Arc;

use concierge_api_rs::{MessageIn, MessageMemo, Seq};

use crate::frame::{self, Frame};
use crate::metrics::Tally;
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

/// What makes the next message of a run cheap: where it goes need not be read nor looked up again.
#[derive(Default)]
struct Last {
    memo: MessageMemo,
    /// The edition of the routes that were asked.
    edition: u64,
    /// `origin.service` of the message.
    service: Option<Arc<[u8]>>,
}

/// Messages to the same receivers, and the answers to their sender.
pub(crate) struct Run<'a> {
    sender: &'a Arc<Peer>,
    to: Option<Receivers>,
    /// How the last message was read and routed.
    last: Last,
    messages: Vec<u8>,
    answers: Vec<u8>,
    count: u64,
    /// Bytes of whole messages.
    whole: usize,
    most: usize,
    /// What was counted in this turn.
    pub(crate) tally: Tally,
}

impl<'a> Run<'a> {
    /// The runs of a client in one turn. None of its receivers may have more than `outbox_bytes` waiting.
    pub(crate) fn new(sender: &'a Arc<Peer>, outbox_bytes: usize) -> Self {
        let most = MOST.min(outbox_bytes / PART);
        Self {
            sender,
            to: None,
            last: Last::default(),
            messages: Vec::new(),
            answers: Vec::new(),
            count: 0,
            whole: 0,
            most,
            tally: Tally::default(),
        }
    }

    /// One more message, which `write` appends, and its OK. How many copies of it there will be.
    pub(crate) fn push(&mut self, to: Receivers, seq: Seq, write: impl FnOnce(&mut Vec<u8>)) -> usize {
        if !self.to.as_ref().is_some_and(|same| same.are(&to)) {
            self.end();
            let mut pool = self.sender.shard().pool.lock();
            (self.messages, self.answers) = (pool.take(), pool.take());
            self.last.memo = MessageMemo::new(pool.take());
        }
        let copies = to.peers().len();
        self.to = Some(to);
        self.append(seq, write);
        copies
    }

    /// Whether there are messages that were not queued yet.
    pub(crate) fn is_open(&self) -> bool {
        self.to.is_some()
    }

    /// Remembers how the message was read and routed that was just pushed.
    pub(crate) fn remember(&mut self, text: &str, message: &MessageIn<'_>, edition: u64, service: Option<Arc<[u8]>>) {
        if self.is_open() {
            self.last.memo.remember(text, message);
            (self.last.edition, self.last.service) = (edition, service);
        }
    }

    /// One more message if it reads like the last one and the routes are the same: `write` appends it, given `origin.service`,
    /// target and data. How many copies of it there will be, and the length of its data.
    pub(crate) fn push_like_last(
        &mut self,
        seq: Seq,
        text: &str,
        edition: u64,
        write: impl FnOnce(&mut Vec<u8>, Option<&[u8]>, &str, &str),
    ) -> Option<(usize, usize)> {
        let copies = self.to.as_ref()?.peers().len();
        if edition != self.last.edition {
            return None;
        }
        let (target, data) = self.last.memo.read(text)?;
        let service = self.last.service.take();
        self.append(seq, |to| write(to, service.as_deref(), target, data.get()));
        self.last.service = service;
        Some((copies, data.get().len()))
    }

    fn append(&mut self, seq: Seq, write: impl FnOnce(&mut Vec<u8>)) {
        frame::text(&mut self.messages, write);
        self.whole = self.messages.len();
        self.count += 1;
        frame::okay(&mut self.answers, seq);
        if self.messages.len() >= self.most {
            self.end();
        }
    }

    /// Queues what there is: the messages, then their answers.
    pub(crate) fn end(&mut self) {
        let Some(to) = self.to.take() else { return };
        let frame = Frame::new(&self.messages[..std::mem::take(&mut self.whole)]);
        let receivers = to.peers().iter().filter(|peer| peer.push_messages(&frame, self.count)).count();
        self.tally.deliveries += receivers as u64 * std::mem::take(&mut self.count);
        self.sender.push_confirmation(&Frame::Small(&self.answers));
        let head = std::mem::take(&mut self.last).memo.into_buffer();
        let mut pool = self.sender.shard().pool.lock();
        for buffer in [std::mem::take(&mut self.messages), std::mem::take(&mut self.answers), head] {
            pool.put(buffer);
        }
    }

    /// One more message with so much data.
    pub(crate) fn count_message(&mut self, data_bytes: usize) {
        self.tally.messages += 1;
        self.tally.message_bytes += data_bytes as u64;
    }
}

/// The end of the turn. One that ends in a panic has sent what came before it all the same.
impl Drop for Run<'_> {
    fn drop(&mut self) {
        self.end();
        self.sender.count(self.tally.payloads, self.tally.payload_bytes);
        self.tally.settle();
    }
}
