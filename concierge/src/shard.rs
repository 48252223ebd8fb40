//! One thread with its own runtime. Sessions live on it; whatever is queued for them is written once per turn of its
//! scheduler, so that messages of all senders of a turn leave together.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

use crate::departures::Departures;
use crate::outbox::Pool;
use crate::peer::Peer;

/// A shard looks at its sockets, and at what other shards woke, after so many polls of tasks. One poll takes milliseconds
/// when a client floods: with the runtime's own numbers, 61 and 31, others would wait for a tenth of a second.
const EVENT_INTERVAL: u32 = 8;
/// So many are written to before others have their turn: one takes ten microseconds, ten thousand a tenth of a second.
const FLUSHED_AT_ONCE: usize = 256;
/// How long an idle shard keeps its spare buffers.
const SPARES_KEPT_FOR: Duration = Duration::from_millis(500);

/// What is held back leaves after this time, or up to as much later.
const HELD_FOR: Duration = Duration::from_millis(50);

/// The runtime of a shard's thread.
pub(crate) fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .event_interval(EVENT_INTERVAL)
        .global_queue_interval(EVENT_INTERVAL)
        .enable_all()
        .build()
}

/// What a shard's sessions share.
#[derive(Default)]
pub(crate) struct Shard {
    dirty: Mutex<Dirty>,
    wake: Notify,
    /// What is left of large flushes, and a call for whoever goes on with them.
    left: Mutex<VecDeque<Arc<Peer>>>,
    more: Notify,
    /// Something is held back.
    holding: Notify,
    /// Flushes so far, and a call for whoever watches them.
    turns: AtomicUsize,
    active: Notify,
    pub(crate) departures: Departures,
    pub(crate) pool: Mutex<Pool>,
}

/// Who waits for the flush.
#[derive(Default)]
struct Dirty {
    peers: Vec<Arc<Peer>>,
    /// For whom only confirmations wait.
    later: Vec<Arc<Peer>>,
    /// For whom something is held back, and how much they had been written by then.
    held: Vec<(Arc<Peer>, u64)>,
    /// There will be no flush any more.
    ended: bool,
}

impl Dirty {
    fn is_empty(&self) -> bool {
        self.peers.is_empty() && self.later.is_empty()
    }
}

/// Ends a shard when it is dropped. Peers keep their shard, so one that kept them would keep their sockets open for ever.
pub(crate) struct Running(pub(crate) Arc<Shard>);

impl Drop for Running {
    fn drop(&mut self) {
        let let_go = std::mem::replace(&mut *self.0.dirty.lock(), Dirty { ended: true, ..Dirty::default() });
        let left = std::mem::take(&mut *self.0.left.lock());
        drop((let_go, left)); // without the locks
        self.0.departures.end();
    }
}

impl Shard {
    /// Asks for a flush of `peer` at the end of this turn. Called at most once per peer until it is flushed.
    pub(crate) fn mark(&self, peer: Arc<Peer>) {
        self.mark_in(|dirty| &mut dirty.peers, peer);
    }

    /// The same, of the flush after that one, unless this one has nothing else to write.
    pub(crate) fn mark_later(&self, peer: Arc<Peer>) {
        self.mark_in(|dirty| &mut dirty.later, peer);
    }

    fn mark_in(&self, list: impl FnOnce(&mut Dirty) -> &mut Vec<Arc<Peer>>, peer: Arc<Peer>) {
        let mut dirty = self.dirty.lock();
        if dirty.ended {
            return;
        }
        if dirty.is_empty() {
            self.wake.notify_one();
        }
        list(&mut dirty).push(peer);
    }

    /// Flushes for as long as the shard lives. A woken task goes to the back of the run queue: everything that is ready
    /// to run queues its messages first. Confirmations wait for one flush more: who goes on sending gets those of two turns
    /// in one write.
    pub(crate) async fn flush_forever(self: Arc<Self>) {
        let (mut due, mut later) = (Vec::new(), Vec::new());
        loop {
            match later.is_empty() {
                true => self.wait(&mut due).await,
                false => yield_now().await, // behind what is ready by now
            }
            self.turns.fetch_add(1, Ordering::Relaxed);
            self.active.notify_one();
            {
                let mut dirty = self.dirty.lock();
                std::mem::swap(&mut due, &mut dirty.peers);
                due.append(&mut later);
                std::mem::swap(if due.is_empty() { &mut due } else { &mut later }, &mut dirty.later);
            }
            let now = due.len().min(FLUSHED_AT_ONCE);
            due.drain(..now).for_each(|peer| peer.flush_marked());
            if !due.is_empty() {
                self.left.lock().extend(due.drain(..));
                self.more.notify_one();
            }
        }
    }

    /// Goes on with what is left of large flushes, in turns: the shard does that beside its tasks, or each turn would be behind
    /// all that is ready to run. May be dropped at any time.
    pub(crate) async fn go_on(&self) {
        self.more.notified().await;
        let some: Vec<_> = {
            let mut left = self.left.lock();
            let some = left.len().min(FLUSHED_AT_ONCE);
            let some = left.drain(..some).collect();
            if !left.is_empty() {
                self.more.notify_one();
            }
            some
        };
        some.iter().for_each(|peer: &Arc<Peer>| peer.flush_marked());
        yield_now().await;
    }

    /// Remembers `peer`, for whom something is held back. Called at most once per peer until [`Peer::release`] gives nothing.
    pub(crate) fn hold(&self, peer: Arc<Peer>, written: u64) {
        let mut dirty = self.dirty.lock();
        if dirty.ended {
            return;
        }
        dirty.held.push((peer, written));
        if dirty.held.len() == 1 {
            self.holding.notify_one();
        }
    }

    /// Lets go what has been held back for long enough, for as long as the shard lives.
    pub(crate) async fn release_forever(self: Arc<Self>) {
        let mut due = Vec::new();
        loop {
            if due.is_empty() && self.dirty.lock().held.is_empty() {
                self.holding.notified().await;
                continue;
            }
            sleep(HELD_FOR).await;
            // those who came since the last look have not waited long enough
            let mut later = std::mem::take(&mut self.dirty.lock().held);
            let again = |(peer, written): (Arc<Peer>, u64)| peer.release(written).map(|written| (peer, written));
            later.extend(due.drain(..).filter_map(again));
            due = later;
        }
    }

    /// Waits for something to flush. A shard that has nothing to do for a while gives its spare buffers back.
    async fn wait(&self, due: &mut Vec<Arc<Peer>>) {
        if !self.pool.lock().is_empty() && timeout(SPARES_KEPT_FOR, self.wake.notified()).await.is_ok() {
            return;
        }
        if self.dirty.lock().is_empty() {
            *self.pool.lock() = Pool::default();
            *due = Vec::new();
        }
        self.wake.notified().await;
    }

    /// After each flush keeps the thread from sleeping for `spin`: answers come faster, at the price of a busy core.
    pub(crate) async fn spin_forever(self: Arc<Self>, spin: Duration) {
        loop {
            self.active.notified().await;
            let (mut seen, mut since) = (self.turns.load(Ordering::Relaxed), Instant::now());
            while since.elapsed() < spin {
                yield_now().await;
                let turns = self.turns.load(Ordering::Relaxed);
                if turns != seen {
                    (seen, since) = (turns, Instant::now());
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "shard/tests.rs"]
mod tests;
