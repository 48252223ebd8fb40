//! Promises: create, look, settle, search, wait.

use std::time::Duration;

use concierge_api_rs::coordinator::{
    Promise, PromiseCreate, PromiseGet, PromiseId, PromiseListen, PromiseSearch, PromiseSettle, PromiseState, Request, Response,
    SettleState, Value,
};
use serde::Deserialize;

use super::Coordinator;
use super::error::{AskError, CreateError, GetError, SearchError, SettleError, WaitError};

/// Who waits looks at the promise this often, whether something was told or not.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Who waits and hears nothing asks again after this, should no new connection come first.
const SILENCE: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct PromiseData {
    promise: Promise,
}

#[derive(Deserialize)]
struct PromisesData {
    promises: Vec<Promise>,
    #[serde(default)]
    cursor: Option<String>,
}

/// The promise of an answer.
pub(super) fn promise_of(response: &Response) -> Result<Promise, AskError> {
    let PromiseData { promise } = response.data()?;
    Ok(promise)
}

impl Coordinator {
    /// The promise: new, or as it stands when the id is known. May be repeated.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn create(&self, promise: impl Into<PromiseCreate>) -> Result<Promise, CreateError> {
        let response = self.insist(&Request::PromiseCreate(promise.into())).await?;
        Ok(promise_of(&response)?)
    }

    /// A promise as it is now.
    ///
    /// # Errors
    /// When there is none, or no answer.
    pub async fn promise(&self, id: &PromiseId) -> Result<Promise, GetError> {
        let response = self.insist(&Request::PromiseGet(PromiseGet { id: id.clone() })).await?;
        Ok(promise_of(&response)?)
    }

    /// Settles a promise, and answers how it stands: as it was settled first, whoever did it.
    ///
    /// # Errors
    /// When there is none, or no answer.
    pub async fn settle(&self, id: &PromiseId, state: SettleState, value: Value) -> Result<Promise, SettleError> {
        let response = self.insist(&Request::PromiseSettle(PromiseSettle { id: id.clone(), state, value })).await?;
        Ok(promise_of(&response)?)
    }

    /// [`Coordinator::settle`] with a result.
    ///
    /// # Errors
    /// As that.
    pub async fn resolve(&self, id: &PromiseId, value: Value) -> Result<Promise, SettleError> {
        self.settle(id, SettleState::Resolved, value).await
    }

    /// [`Coordinator::settle`] with an error.
    ///
    /// # Errors
    /// As that.
    pub async fn reject(&self, id: &PromiseId, value: Value) -> Result<Promise, SettleError> {
        self.settle(id, SettleState::Rejected, value).await
    }

    /// [`Coordinator::settle`] because nobody wants it any more.
    ///
    /// # Errors
    /// As that.
    pub async fn cancel(&self, id: &PromiseId) -> Result<Promise, SettleError> {
        self.settle(id, SettleState::RejectedCanceled, Value::default()).await
    }

    /// A page of promises, in the order of their ids, and the cursor of the next page, if there may be one.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn search(&self, search: PromiseSearch) -> Result<(Vec<Promise>, Option<String>), SearchError> {
        let response = self.insist(&Request::PromiseSearch(search)).await?;
        let PromisesData { promises, cursor } = response.data()?;
        Ok((promises, cursor))
    }

    /// Waits until the promise is settled, which it is at its deadline at the latest. Lost connections, however long, and hubs
    /// that are started again do not matter. Dropping the future is safe.
    ///
    /// # Errors
    /// When there is no such promise, the client is closed, or the coordinator refuses for as long as requests are repeated.
    pub async fn wait(&self, id: &PromiseId) -> Result<Promise, WaitError> {
        let listen = Request::PromiseListen(PromiseListen { awaited: id.clone(), address: self.address() });
        let mut feed = self.0.calls.feed();
        loop {
            feed.borrow_and_update();
            let mut waiter = self.0.calls.wait_for(id);
            let patience = match self.insist(&listen).await {
                Ok(response) => {
                    let promise = promise_of(&response)?;
                    if promise.state != PromiseState::Pending {
                        return Ok(promise);
                    }
                    LOOK_EVERY
                }
                Err(error) if error.is_silence() && !feed.borrow().ended => {
                    tracing::debug!(%error, %id, "still waiting");
                    SILENCE
                }
                Err(error) => return Err(error.into()),
            };
            tokio::select! {
                biased; // the news first, whatever else there is
                Some(promise) = waiter.settled() => return Ok(promise),
                _ = feed.changed() => {}
                () = tokio::time::sleep(patience) => {}
            }
        }
    }
}
