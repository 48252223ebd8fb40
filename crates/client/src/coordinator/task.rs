//! A task that a worker holds, as the code that does it sees it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use concierge_api_rs::coordinator::{
    FenceAction, FenceVerb, IdError, Promise, PromiseCreate, PromiseId, PromiseSettle, PromiseState, Request, Response,
    SettleState, TAG_BRANCH, TAG_ORIGIN, TAG_PARENT, TAG_TARGET, TaskFence, TaskRef, Value,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use super::error::{AskError, GetError, Refused};
use super::promises::promise_of;
use super::{Coordinator, NewPromise};

/// Why a run of a task ends without a result. `?` hands it on to the worker.
#[derive(Debug)]
pub enum Break {
    /// The promise is rejected with this.
    Rejected(Value),
    /// The task waits until one of these promises is settled, and is run again from its start.
    Suspended(Vec<PromiseId>),
    /// Somebody else holds the task, or its promise is settled: what this run does counts no more. Nothing is told.
    Lost,
    /// The run could not go on: the task is given back after a moment, and offered again.
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

impl From<AskError> for Break {
    fn from(error: AskError) -> Self {
        if error.status() == Some(409) { Self::Lost } else { Self::Failed(Box::new(error)) }
    }
}

impl From<GetError> for Break {
    fn from(error: GetError) -> Self {
        Self::Failed(Box::new(error))
    }
}

impl From<IdError> for Break {
    fn from(error: IdError) -> Self {
        Self::Failed(Box::new(error))
    }
}

impl From<serde_json::Error> for Break {
    fn from(error: serde_json::Error) -> Self {
        Self::Failed(Box::new(error))
    }
}

/// A task that is held. Clones are the same task.
///
/// A run may happen more than once: after a suspension, a worker that died, a lost lease, the closure starts from its beginning.
/// What it did by the methods here is not done again, since each step is a promise: one that exists is answered as it stands. So
/// ids have to be the same in every run.
#[derive(Clone)]
pub struct Task(Arc<Run>);

struct Run {
    coordinator: Coordinator,
    task: TaskRef,
    promise: Promise,
    /// Settled promises of the same branch, as they came with the task.
    known: HashMap<PromiseId, Promise>,
    lost: CancellationToken,
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("id", self.id()).field("claims", &self.0.task.claims).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct FencedData<'a> {
    #[serde(borrow)]
    action: &'a RawValue,
}

impl Task {
    pub(super) fn new(
        coordinator: Coordinator,
        task: TaskRef,
        promise: Promise,
        preload: Vec<Promise>,
        lost: CancellationToken,
    ) -> Self {
        let settled = preload.into_iter().filter(|promise| promise.state != PromiseState::Pending);
        let known = settled.map(|promise| (promise.id.clone(), promise)).collect();
        Self(Arc::new(Run { coordinator, task, promise, known, lost }))
    }

    /// The same task, for a run that knows more.
    pub(super) fn again(&self, preload: Vec<Promise>) -> Self {
        let Run { coordinator, task, promise, lost, .. } = &*self.0;
        Self::new(coordinator.clone(), task.clone(), promise.clone(), preload, lost.clone())
    }

    /// The id of the task, and of its promise.
    #[must_use]
    pub fn id(&self) -> &PromiseId {
        &self.0.task.id
    }

    /// The task by the claim that holds it.
    #[must_use]
    pub fn reference(&self) -> &TaskRef {
        &self.0.task
    }

    /// The promise that it fulfils.
    #[must_use]
    pub fn promise(&self) -> &Promise {
        &self.0.promise
    }

    /// The coordinator, for what need not be fenced.
    #[must_use]
    pub fn coordinator(&self) -> &Coordinator {
        &self.0.coordinator
    }

    /// Waits until the task is held no more. The worker then drops the run anyway.
    pub async fn lost(&self) {
        self.0.lost.cancelled().await;
    }

    /// A child promise: new, or as it stands. Created only while the task is held. It gets the tags of its lineage unless it has
    /// them, and ends with this task's promise at the latest.
    ///
    /// # Errors
    /// [`Break::Lost`] when the task is not held any more; [`Break::Failed`].
    pub async fn create_child(&self, child: impl Into<PromiseCreate>) -> Result<Promise, Break> {
        let mut child = child.into();
        if let Some(known) = self.0.known.get(&child.id) {
            return Ok(known.clone());
        }
        descend(&self.0.promise, &mut child);
        self.fence(FenceVerb::Create(child)).await
    }

    /// Settles a child promise, and answers how it stands. Only while the task is held.
    ///
    /// # Errors
    /// [`Break::Lost`] when the task is not held any more; [`Break::Failed`].
    pub async fn settle_child(&self, id: &PromiseId, state: SettleState, value: Value) -> Result<Promise, Break> {
        self.fence(FenceVerb::Settle(PromiseSettle { id: id.clone(), state, value })).await
    }

    /// A child promise, settled. Until it is, `?` ends the run and suspends the task. With a target it is a remote call.
    ///
    /// # Errors
    /// [`Break::Suspended`] while it is pending; else as [`Task::create_child`].
    pub async fn result_of(&self, child: NewPromise) -> Result<Promise, Break> {
        settled(self.create_child(child).await?)
    }

    /// Any promise, settled. Until it is, `?` ends the run and suspends the task.
    ///
    /// # Errors
    /// [`Break::Suspended`] while it is pending; [`Break::Failed`], also when there is none.
    pub async fn settled(&self, id: &PromiseId) -> Result<Promise, Break> {
        if let Some(known) = self.0.known.get(id) {
            return Ok(known.clone());
        }
        settled(self.0.coordinator.promise(id).await?)
    }

    /// A step that is done once, whatever happens after it: its outcome is kept in a child promise. When the worker dies within
    /// the step, it is begun again. `Err` of the step rejects the child.
    ///
    /// # Errors
    /// As [`Task::create_child`]. A rejected child is no error here: look at its state.
    pub async fn step<F>(&self, child: NewPromise, step: F) -> Result<Promise, Break>
    where
        F: Future<Output = Result<Value, Value>> + Send,
    {
        let promise = self.create_child(child).await?;
        if promise.state != PromiseState::Pending {
            return Ok(promise);
        }
        let (state, value) = match step.await {
            Ok(value) => (SettleState::Resolved, value),
            Err(value) => (SettleState::Rejected, value),
        };
        self.settle_child(&promise.id, state, value).await
    }

    /// What suspends the task until one of these promises is settled: return it as the error of the run.
    #[must_use]
    pub fn suspend(&self, awaited: &[PromiseId]) -> Break {
        Break::Suspended(awaited.to_vec())
    }

    async fn fence(&self, verb: FenceVerb) -> Result<Promise, Break> {
        let action = FenceAction { corr_id: "1".to_owned(), verb };
        let fence = TaskFence { task: self.0.task.clone(), action };
        let response = self.0.coordinator.insist(&Request::TaskFence(fence)).await?;
        Ok(fenced(&response)?)
    }
}

/// The promise inside the answer to a fence. That what is inside was refused says nothing of the task.
fn fenced(response: &Response) -> Result<Promise, FenceError> {
    let FencedData { action } = response.data().map_err(AskError::from)?;
    let inner = Response::decode(action.get()).map_err(AskError::from)?;
    match inner.status {
        200 => Ok(promise_of(&inner)?),
        status => Err(FenceError::Refused(Refused { status, sentence: inner.sentence().unwrap_or_default() })),
    }
}

#[derive(Debug, thiserror::Error)]
enum FenceError {
    #[error("the request inside a fence was refused")]
    Refused(#[source] Refused),
    #[error(transparent)]
    Ask(#[from] AskError),
}

impl From<FenceError> for Break {
    fn from(error: FenceError) -> Self {
        Self::Failed(Box::new(error))
    }
}

fn settled(promise: Promise) -> Result<Promise, Break> {
    match promise.state {
        PromiseState::Pending => Err(Break::Suspended(vec![promise.id])),
        _ => Ok(promise),
    }
}

/// Gives a child the tags of its lineage and a deadline that is not after its parent's. One that is offered to workers is a
/// branch of its own.
fn descend(parent: &Promise, child: &mut PromiseCreate) {
    let inherited = |tag| parent.tags.get(tag).cloned().unwrap_or_else(|| parent.id.to_string());
    let branch = if child.tags.contains_key(TAG_TARGET) { child.id.to_string() } else { inherited(TAG_BRANCH) };
    for (tag, value) in [(TAG_PARENT, parent.id.to_string()), (TAG_ORIGIN, inherited(TAG_ORIGIN)), (TAG_BRANCH, branch)] {
        child.tags.entry(tag.to_owned()).or_insert(value);
    }
    child.timeout_at = child.timeout_at.min(parent.timeout_at);
}

#[cfg(test)]
mod tests {
    use concierge_api_rs::coordinator::{Millis, Tags};

    use super::*;

    fn promise(tags: &[(&str, &str)]) -> Promise {
        Promise {
            id: "root:1".parse().unwrap(),
            state: PromiseState::Pending,
            param: Value::default(),
            value: Value::default(),
            tags: tags.iter().map(|(tag, value)| ((*tag).to_owned(), (*value).to_owned())).collect(),
            timeout_at: Millis(100),
            created_at: Millis(0),
            settled_at: None,
        }
    }

    fn child(of: &Promise, with: &[(&str, &str)]) -> (Tags, Millis) {
        let new = NewPromise::until("child".parse().unwrap(), Millis(200));
        let mut create = with.iter().fold(new, |new, (tag, value)| new.tag(*tag, *value)).into();
        descend(of, &mut create);
        (create.tags, create.timeout_at)
    }

    #[test]
    fn a_child_has_its_lineage_and_ends_with_its_parent() {
        let (tags, timeout_at) = child(&promise(&[(TAG_ORIGIN, "root"), (TAG_BRANCH, "root")]), &[]);
        assert_eq!(timeout_at, Millis(100));
        assert_eq!([&tags[TAG_PARENT], &tags[TAG_ORIGIN], &tags[TAG_BRANCH]], ["root:1", "root", "root"]);
    }

    #[test]
    fn the_child_of_a_promise_without_lineage_begins_one() {
        let (tags, _) = child(&promise(&[]), &[]);
        assert_eq!([&tags[TAG_PARENT], &tags[TAG_ORIGIN], &tags[TAG_BRANCH]], ["root:1", "root:1", "root:1"]);
    }

    #[test]
    fn a_child_for_other_workers_is_a_branch_of_its_own_and_given_tags_stay() {
        let (tags, _) = child(&promise(&[]), &[(TAG_TARGET, "any@g"), (TAG_ORIGIN, "mine")]);
        assert_eq!([&tags[TAG_BRANCH], &tags[TAG_ORIGIN]], ["child", "mine"]);
    }
}
