//! The bounded queue behind every stream: full means that the oldest item falls out and is counted.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;

/// An item type that can say how many items were lost.
pub(crate) trait Lag: Sized {
    /// `None`: losses of this stream are not told.
    fn lagged(items: u64) -> Option<Self>;
}

/// One producer (the connection), one consumer (the stream).
#[derive(Debug)]
pub(crate) struct Ring<T> {
    capacity: usize,
    state: Mutex<State<T>>,
    reader: AtomicWaker,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    /// Older than everything in `items`.
    lost: u64,
    ended: bool,
}

impl<T: Lag> Ring<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        let state = State { items: VecDeque::new(), lost: 0, ended: false };
        Self { capacity: capacity.max(1), state: Mutex::new(state), reader: AtomicWaker::new() }
    }

    pub(crate) fn push(&self, item: T) {
        let mut state = self.lock();
        if state.ended {
            return;
        }
        if state.items.len() == self.capacity {
            state.items.pop_front();
            state.lost += 1;
        }
        state.items.push_back(item);
        drop(state);
        self.reader.wake();
    }

    /// No more items: the stream ends after those that wait.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.reader.wake();
    }

    pub(crate) fn poll_pop(&self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        if let Some(item) = self.pop() {
            return Poll::Ready(item);
        }
        self.reader.register(cx.waker());
        // an item may have come between the look and the registration
        self.pop().map_or(Poll::Pending, Poll::Ready)
    }

    /// `None` when nothing waits, `Some(None)` at the end.
    fn pop(&self) -> Option<Option<T>> {
        let mut state = self.lock();
        if state.lost > 0 {
            let lost = std::mem::take(&mut state.lost);
            if let Some(item) = T::lagged(lost) {
                return Some(Some(item));
            }
        }
        match state.items.pop_front() {
            Some(item) => Some(Some(item)),
            None if state.ended => Some(None),
            None => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
