//! Which answer belongs to which request, and who waits for which promise: the client's side of the coordinator's service.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use concierge_api_rs::coordinator::{Message, Promise, PromiseId, Response};
use tokio::sync::{Semaphore, SemaphorePermit, oneshot, watch};

use super::offers::Offers;

/// Requests that wait for answers; the next one waits for its turn. Half of what a coordinator takes by default.
const IN_FLIGHT: usize = 512;
/// Offered tasks that wait for a worker.
const OFFERS: usize = 1_024;

/// What became of a request.
#[derive(Debug)]
pub(super) enum Answer {
    Came(Response),
    /// The connection was lost, or answers were dropped: it may have happened.
    Lost,
}

/// How what is told without being asked stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Feed {
    /// Counts the moments at which something may have been missed: whoever waits looks again.
    pub(super) generation: u64,
    /// Nothing comes any more.
    pub(super) ended: bool,
}

/// What is under way.
#[derive(Debug)]
pub(super) struct Calls {
    /// So that no other handle's requests have the same marks.
    prefix: u32,
    state: Mutex<State>,
    turns: Semaphore,
    feed: watch::Sender<Feed>,
    pub(super) offers: Offers,
    /// Whether a worker takes what is offered.
    worked: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    answers: HashMap<String, oneshot::Sender<Answer>>,
    /// Bounded by those who wait: each has one entry and takes it away.
    waiting: HashMap<PromiseId, Vec<(u64, oneshot::Sender<Promise>)>>,
}

/// A request on its way. Dropping it throws the answer away.
pub(super) struct Call<'a> {
    pub(super) corr_id: String,
    calls: &'a Calls,
    answer: oneshot::Receiver<Answer>,
}

/// Somebody who waits for a promise. Dropping it ends that.
pub(super) struct Waiter {
    id: PromiseId,
    mark: u64,
    calls: Arc<Calls>,
    settled: oneshot::Receiver<Promise>,
}

impl Calls {
    pub(super) fn new() -> Self {
        Self {
            prefix: rand::random(),
            state: Mutex::default(),
            turns: Semaphore::new(IN_FLIGHT),
            feed: watch::Sender::default(),
            offers: Offers::new(OFFERS),
            worked: AtomicBool::new(false),
        }
    }

    /// Waits until there is room for one more request.
    pub(super) async fn turn(&self) -> SemaphorePermit<'_> {
        self.turns.acquire().await.expect("it is never closed")
    }

    pub(super) fn call(&self) -> Call<'_> {
        let (to, answer) = oneshot::channel();
        let mut state = self.lock();
        state.last += 1;
        let corr_id = format!("{:x}-{:x}", self.prefix, state.last);
        state.answers.insert(corr_id.clone(), to);
        drop(state);
        Call { corr_id, calls: self, answer }
    }

    pub(super) fn wait_for(self: &Arc<Self>, id: &PromiseId) -> Waiter {
        let (to, settled) = oneshot::channel();
        let mut state = self.lock();
        state.last += 1;
        let mark = state.last;
        state.waiting.entry(id.clone()).or_default().push((mark, to));
        drop(state);
        Waiter { id: id.clone(), mark, calls: self.clone(), settled }
    }

    pub(super) fn feed(&self) -> watch::Receiver<Feed> {
        self.feed.subscribe()
    }

    /// The coordinator said something.
    pub(super) fn take(&self, text: &str) {
        if let Ok(response) = Response::decode(text) {
            if let Some(to) = self.lock().answers.remove(&response.corr_id) {
                let _ = to.send(Answer::Came(response)); // the caller may have gone
            }
            return;
        }
        match Message::decode(text) {
            Ok(Message::Run { id, claims, .. }) => self.offers.push(id, claims),
            Ok(Message::Settled(promise)) => self.settled(&promise),
            Err(error) => tracing::debug!(%error, "the coordinator said something that cannot be read"),
        }
    }

    fn settled(&self, promise: &Promise) {
        let waiting = self.lock().waiting.remove(&promise.id).unwrap_or_default();
        for (_, to) in waiting {
            let _ = to.send(promise.clone()); // who waited may have gone
        }
    }

    /// Answers may have been lost: whoever waits for one is told.
    pub(super) fn lose(&self) {
        let lost = std::mem::take(&mut self.lock().answers);
        for to in lost.into_values() {
            let _ = to.send(Answer::Lost); // the caller may have gone
        }
        self.look_again();
    }

    /// News may have been missed.
    pub(super) fn look_again(&self) {
        self.feed.send_modify(|feed| feed.generation += 1);
    }

    /// Nothing comes any more.
    pub(super) fn end(&self) {
        self.feed.send_modify(|feed| feed.ended = true);
        self.lose();
    }

    /// True for the first worker, until it is gone.
    pub(super) fn begin_to_work(&self) -> bool {
        !self.worked.swap(true, Ordering::AcqRel)
    }

    pub(super) fn stop_to_work(&self) {
        self.worked.store(false, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Call<'_> {
    pub(super) async fn answer(mut self) -> Answer {
        (&mut self.answer).await.unwrap_or(Answer::Lost)
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.calls.lock().answers.remove(&self.corr_id);
    }
}

impl Waiter {
    /// The promise, once it is settled.
    pub(super) async fn settled(&mut self) -> Option<Promise> {
        (&mut self.settled).await.ok()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut state = self.calls.lock();
        if let Some(waiting) = state.waiting.get_mut(&self.id) {
            waiting.retain(|(mark, _)| *mark != self.mark);
            if waiting.is_empty() {
                state.waiting.remove(&self.id);
            }
        }
    }
}
