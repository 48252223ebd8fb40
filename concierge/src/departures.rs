//! How clients of a shard leave: not each by itself, but all who have to go by then in one turn.
//!
//! A leave is news to all who remain, and each turn with news writes to all of them. Of ten thousand whose connections break in
//! the same moment, whoever is about to go is sealed at once, so that none is told of the others; then they leave behind
//! all that is ready to run, a few dozen in a turn, whose news each of those who remain gets as one piece. The turn begins by
//! hushing all who wait, so that nobody has to wait for the registry to say that it goes. After a turn with a large audience they
//! rest for as long as it took: those who go meanwhile are hushed by then. So whoever comes meanwhile waits for a turn and not for
//! ten thousand.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::future::poll_fn;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use crate::desk::Desk;
use crate::peer::Peer;

/// From this audience on there is a rest between two turns.
const REST_FROM: usize = 256;
/// The longest rest.
const REST: Duration = Duration::from_millis(100);

/// Somebody who has to go, and the session that waits for it.
type Leaver = (Arc<Peer>, oneshot::Sender<()>);

/// Who has to go, of one shard. Bounded by the shard's connections: each waits here once.
#[derive(Default)]
pub(crate) struct Departures {
    waiting: Mutex<Waiting>,
    /// Held by whoever leaves for all.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Waiting {
    line: VecDeque<Leaver>,
    /// So many at its front were hushed.
    hushed: usize,
}

impl Departures {
    /// Returns when the client has left. One that is dropped meanwhile has not, perhaps.
    pub(crate) async fn leave(&self, peer: &Arc<Peer>, desk: &Desk) {
        peer.seal();
        let (sender, mut left) = oneshot::channel();
        self.waiting.lock().line.push_back((peer.clone(), sender));
        // a turn of its own may be over before its place in the line has come
        loop {
            tokio::select! {
                biased; // who has left needs no turn
                _ = &mut left => return,
                _turn = self.turn.lock() => self.leave_for_all(desk).await,
            }
        }
    }

    /// The shard ends: whoever waits here leaves with its session.
    pub(crate) fn end(&self) {
        let waiting = std::mem::take(&mut *self.waiting.lock());
        drop(waiting); // without the lock
    }

    async fn leave_for_all(&self, desk: &Desk) {
        behind_what_is_ready().await;
        let begin = Instant::now();
        self.leave_some(desk);
        if desk.audience() >= REST_FROM {
            behind_what_is_ready().await; // the news is written by then
            sleep(begin.elapsed().min(REST)).await;
        }
    }

    fn leave_some(&self, desk: &Desk) {
        let gone: Vec<_> = {
            let mut waiting = self.waiting.lock();
            let left = desk.leave_together(waiting.line.iter().map(|(peer, _)| peer), waiting.hushed);
            waiting.hushed = waiting.line.len() - left;
            waiting.line.drain(..left).collect()
        };
        for (_, left) in gone {
            let _it_may_have_been_dropped = left.send(());
        }
    }
}

/// A turn at the back of the run queue.
async fn behind_what_is_ready() {
    let mut asked = false;
    poll_fn(|cx| match std::mem::replace(&mut asked, true) {
        true => Poll::Ready(()),
        false => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}
