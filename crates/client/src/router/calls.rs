//! Requests that are open: which response belongs to which.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use concierge_api_rs::packet::{Outcome, Push, ReqId, Response, Subject};
use serde_json::value::RawValue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::asides::{Aside, Asides};
use super::error::Fault;

/// Parts of one answer that wait to be read. One more ends it: to leave some out would be another answer.
const PARTS: usize = 1_024;

/// What becomes of a request.
#[derive(Debug)]
pub(super) enum Said {
    /// A part: something comes after it. All others are the last.
    Part(Box<RawValue>),
    Ok(Box<RawValue>),
    Err(Fault),
    /// The connection was lost.
    Disconnected,
    /// Something that may have been for it was dropped.
    Overrun,
    /// The client is closed.
    Closed,
}

/// What is open, bounded by its turns.
#[derive(Debug)]
pub(super) struct Calls {
    /// So that no other handle's requests have the same marks.
    prefix: u32,
    state: Mutex<State>,
    turns: Arc<Semaphore>,
    asides: Asides,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    open: HashMap<ReqId, mpsc::Sender<Said>>,
}

/// An open request. Dropping it before its final response cancels it.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) reqid: ReqId,
    subject: Subject,
    calls: Arc<Calls>,
    said: mpsc::Receiver<Said>,
    /// Given back when the router has the cancellation at the latest: it counts what is open, too.
    turn: Option<OwnedSemaphorePermit>,
}

impl Calls {
    pub(super) fn new(in_flight: usize, asides: Asides) -> Self {
        let turns = Arc::new(Semaphore::new(in_flight));
        Self { prefix: rand::random(), state: Mutex::default(), turns, asides }
    }

    /// A request that is about to be sent, when it is its turn.
    pub(super) async fn call(self: &Arc<Self>, subject: Subject) -> Call {
        let turn = self.turns.clone().acquire_owned().await.expect("it is never closed");
        let (to, said) = mpsc::channel(PARTS + 1);
        let mut state = self.lock();
        state.last += 1;
        let reqid = ReqId::parse(&format!("{:x}-{:x}", self.prefix, state.last)).expect("it is at most 25 bytes");
        state.open.insert(reqid.clone(), to);
        drop(state);
        Call { reqid, subject, calls: self.clone(), said, turn: Some(turn) }
    }

    /// A response came. One that nobody waits for is late.
    pub(super) fn take(&self, response: Response<'_>, subject: Subject) {
        let Some(reqid) = response.reqid else { return };
        let mut state = self.lock();
        let said = match response.outcome {
            Outcome::Part(data) => Said::Part(data.into_owned()),
            Outcome::Ok(data) => Said::Ok(data.into_owned()),
            Outcome::Err(fault) => Said::Err(Fault::of(&fault)),
        };
        let Said::Part(_) = said else {
            if let Some(to) = state.open.remove(&reqid) {
                let _ = to.try_send(said); // who asked may have gone; there is room, for parts leave one place
            }
            return;
        };
        let Some(to) = state.open.get(&reqid) else { return };
        if to.capacity() > 1 {
            let _ = to.try_send(said); // who asked may have gone
            return;
        }
        let _ = to.try_send(Said::Overrun); // the same
        state.open.remove(&reqid);
        self.asides.say(Aside::cancel(subject, &reqid, None));
    }

    /// Nothing more comes for what is open.
    pub(super) fn lose(&self, why: fn() -> Said) {
        for (_, to) in self.lock().open.drain() {
            let _ = to.try_send(why()); // who asked may have gone
        }
    }

    /// How many are open.
    #[cfg(test)]
    pub(super) fn open(&self) -> usize {
        self.lock().open.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Call {
    /// What is said next. Nothing comes after what is the last.
    pub(super) async fn next(&mut self) -> Said {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The same, polled.
    pub(super) fn poll_next(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Said> {
        self.said.poll_recv(cx).map(|said| {
            let said = said.unwrap_or(Said::Closed);
            // what was lost with other responses may still be open at the router
            if !matches!(said, Said::Part(_) | Said::Overrun) {
                self.turn = None;
            }
            said
        })
    }

    /// It was never sent: there is nothing to cancel.
    pub(super) fn unsent(mut self) {
        self.turn = None;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.calls.lock().open.remove(&self.reqid);
        if let Some(turn) = self.turn.take() {
            self.calls.asides.say(Aside::cancel(self.subject.clone(), &self.reqid, Some(turn)));
        }
    }
}

impl Aside {
    fn cancel(subject: Subject, reqid: &ReqId, turn: Option<OwnedSemaphorePermit>) -> Self {
        Self::push(subject, Push::cancel(reqid), turn)
    }
}
