//! Tasks that were offered and wait for a worker's attention: each once, with its latest claim count.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use concierge_api_rs::coordinator::{Claims, PromiseId};
use tokio::sync::Notify;

/// A bounded queue. When it is full the oldest offer is forgotten: what nobody claims is offered again.
#[derive(Debug)]
pub(super) struct Offers {
    capacity: usize,
    state: Mutex<State>,
    more: Notify,
}

/// Invariant: `order` holds each key of `claims` exactly once.
#[derive(Debug, Default)]
struct State {
    order: VecDeque<PromiseId>,
    claims: HashMap<PromiseId, Claims>,
}

impl Offers {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, state: Mutex::default(), more: Notify::new() }
    }

    pub(super) fn push(&self, id: PromiseId, claims: Claims) {
        let mut state = self.lock();
        if state.claims.insert(id.clone(), claims).is_none() {
            state.order.push_back(id);
        }
        if state.order.len() > self.capacity
            && let Some(oldest) = state.order.pop_front()
        {
            state.claims.remove(&oldest);
        }
        drop(state);
        self.more.notify_one();
    }

    /// The oldest offer, when there is one. Nothing is lost when the future is dropped. For one reader.
    pub(super) async fn next(&self) -> (PromiseId, Claims) {
        loop {
            if let Some(offer) = self.pop() {
                return offer;
            }
            self.more.notified().await;
        }
    }

    fn pop(&self) -> Option<(PromiseId, Claims)> {
        let mut state = self.lock();
        let id = state.order.pop_front()?;
        let claims = state.claims.remove(&id)?;
        Some((id, claims))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> PromiseId {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn a_task_that_is_offered_again_waits_once_with_its_latest_count() {
        let offers = Offers::new(8);
        offers.push(id("a"), Claims(0));
        offers.push(id("b"), Claims(0));
        offers.push(id("a"), Claims(1));
        assert_eq!(offers.next().await, (id("a"), Claims(1)));
        assert_eq!(offers.next().await, (id("b"), Claims(0)));
        assert_eq!(offers.pop(), None);
    }

    #[test]
    fn beyond_the_bound_the_oldest_is_forgotten() {
        let offers = Offers::new(2);
        for task in ["a", "b", "c"] {
            offers.push(id(task), Claims(0));
        }
        assert_eq!([offers.pop(), offers.pop(), offers.pop()], [Some((id("b"), Claims(0))), Some((id("c"), Claims(0))), None]);
    }
}
