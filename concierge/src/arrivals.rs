//! How connections come to a shard: ahead of all that is ready to run there.
//!
//! Whoever comes takes several steps, for TLS, HTTP and IDENTIFY, and as a task like any other it would wait behind the whole
//! run queue for each. When ten thousand connections break at once, that is thousands of sessions every time. So the first steps
//! are taken by the shard itself, which has its turn after every few tasks. Few connections at a time have that, each for a few
//! steps and not for long, and what comes in a crowd waits like everybody else: those who are here wait for a handful at most.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::time::{Sleep, sleep};

/// So many connections of a shard take their first steps at a time.
const AT_ONCE: usize = 16;
/// Steps that a connection takes here.
const STEPS: usize = 16;
/// How long it may take for them.
const WITHIN: Duration = Duration::from_millis(500);

/// Held by a connection that is not in yet.
pub(crate) type Coming = Arc<()>;

/// Connections that take their first steps.
pub(crate) struct Arrivals<C> {
    coming: FuturesUnordered<First<C>>,
}

impl<C: Future<Output = ()>> Arrivals<C> {
    pub(crate) fn new() -> Self {
        Self { coming: FuturesUnordered::new() }
    }

    /// Takes a connection, which holds the [`Coming`] that this is called with until it is in. Where there is no room it is given
    /// back: it shall run as a task.
    pub(crate) fn take(&mut self, connection: impl FnOnce(Coming) -> Pin<Box<C>>) -> Option<Pin<Box<C>>> {
        let coming = Coming::default();
        let (not_in, connection) = (Arc::downgrade(&coming), connection(coming));
        if self.coming.len() >= AT_ONCE {
            return Some(connection);
        }
        self.coming.push(First { connection: Some(connection), coming: not_in, steps: 0, over: Box::pin(sleep(WITHIN)) });
        None
    }

    /// The next one that is in, or has taken its steps: from now on it shall run as a task.
    pub(crate) async fn next(&mut self) -> Pin<Box<C>> {
        loop {
            match self.coming.next().await {
                Some(Some(connection)) => return connection,
                Some(None) => {} // it ended
                None => return std::future::pending().await,
            }
        }
    }
}

/// A connection's first steps. Gives it back when they are taken; nothing when it ended.
struct First<C> {
    connection: Option<Pin<Box<C>>>,
    coming: Weak<()>,
    steps: usize,
    over: Pin<Box<Sleep>>,
}

impl<C: Future<Output = ()>> Future for First<C> {
    type Output = Option<Pin<Box<C>>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(mut connection) = self.connection.take() else { return Poll::Ready(None) };
        // as in a task: who panics takes nobody along
        let polled = catch_unwind(AssertUnwindSafe(move || match connection.as_mut().poll(cx) {
            Poll::Ready(()) => None,
            Poll::Pending => Some((connection, cx)),
        }));
        let Ok(Some((connection, cx))) = polled else { return Poll::Ready(None) };
        self.steps += 1;
        if self.coming.strong_count() == 0 || self.steps >= STEPS || self.over.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(connection));
        }
        self.connection = Some(connection);
        Poll::Pending
    }
}

#[cfg(test)]
#[path = "arrivals/tests.rs"]
mod tests;
