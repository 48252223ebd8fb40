//! Handlers at work: begun when a packet comes, dropped when nobody wants the answer any more.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use concierge_api_rs::packet::ReqId;
use futures::FutureExt;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::error::Fault;
use super::handlers::Handler;
use super::request::Request;

/// Bounded by the turns of the handlers.
#[derive(Debug, Default)]
pub(super) struct Runs {
    tasks: JoinSet<Option<(ReqId, u64)>>,
    /// Those that are to be answered.
    answered: HashMap<ReqId, Answered>,
    /// Counts runs: a hub that starts again uses the same marks.
    last: u64,
}

#[derive(Debug)]
struct Answered {
    number: u64,
    task: AbortHandle,
    _over: DropGuard,
}

impl Runs {
    /// Begins a run; of a push it has no mark.
    pub(super) fn begin(
        &mut self,
        handler: Arc<Handler>,
        turn: OwnedSemaphorePermit,
        reqid: Option<ReqId>,
        request: impl FnOnce(CancellationToken) -> Request,
    ) {
        let over = CancellationToken::new();
        let request = request(over.clone());
        self.last += 1;
        let number = self.last;
        let mark = reqid.clone().map(|reqid| (reqid, number));
        let task = self.tasks.spawn(async move {
            run(&handler, request).await;
            drop(turn);
            mark
        });
        if let Some(reqid) = reqid {
            self.answered.insert(reqid, Answered { number, task, _over: over.drop_guard() });
        }
    }

    /// Waits for the end of one; for ever when nothing runs.
    pub(super) async fn ended(&mut self) {
        match self.tasks.join_next().await {
            Some(Ok(Some((reqid, number)))) => {
                if self.answered.get(&reqid).is_some_and(|answered| answered.number == number) {
                    self.answered.remove(&reqid);
                }
            }
            Some(_) => {} // a push, or it was dropped
            None => std::future::pending().await,
        }
    }

    /// Nobody waits for that answer any more.
    pub(super) fn cancel(&mut self, reqid: &ReqId) {
        if let Some(answered) = self.answered.remove(reqid) {
            answered.task.abort();
        }
    }

    /// Nobody waits for any answer any more.
    pub(super) fn cancel_all(&mut self) {
        self.answered.drain().for_each(|(_, answered)| answered.task.abort());
    }
}

async fn run(handler: &Handler, request: Request) {
    let work = async { (handler.run)(request.clone()).await };
    let outcome = AssertUnwindSafe(work).catch_unwind().await;
    let outcome = outcome.unwrap_or_else(|_| Err(Fault::generic("the handler panicked")));
    match &outcome {
        Err(fault) if request.is_push() => tracing::debug!(cmd = %request.cmd(), %fault, "a push came to nothing"),
        Err(_) | Ok(_) => {}
    }
    if let Err(error) = request.answer(outcome).await {
        tracing::debug!(cmd = %request.cmd(), %error, "an answer was not sent");
    }
}
