//! A worker: claims what is offered to its client, runs it, and keeps its leases.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use concierge_api_rs::coordinator::{
    Claims, GroupName, IdError, Millis, Promise, PromiseId, PromiseRegister, PromiseSettle, Request, SettleState,
    Task as TaskRecord, TaskAcquire, TaskFulfill, TaskGet, TaskHeartbeat, TaskRef, TaskSuspend, Value,
};
use futures::StreamExt;
use futures::stream;
use serde::Deserialize;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::Coordinator;
use super::error::AskError;
use super::json;
use super::leases::{Leases, is_held};
use super::task::{Break, Task};

/// How long a task that could not go on is kept before it is given back: what is given back is offered at once.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);
/// How long giving back may take when a worker stops.
const RELEASE_WITHIN: Duration = Duration::from_secs(5);
/// Tasks that are compared at once with what the coordinator has.
const COMPARED_AT_ONCE: usize = 16;
/// The shortest lease.
const SHORTEST_TTL: Duration = Duration::from_millis(100);

/// Why there is no worker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkerError {
    /// The group cannot be one.
    #[error("the group {group:?} is refused")]
    Group {
        /// As it was given.
        group: String,
        /// The rule.
        source: IdError,
    },
    /// The group is no tag of the client, so nothing would ever be offered to it.
    #[error("the client has no tag {0:?}: workers of a group are the clients with its tag, see `Options::tag`")]
    NoMember(String),
    /// The client has a worker.
    #[error("the client has a worker already, which takes whatever is offered to it")]
    Works,
}

/// Why a worker ended that was not told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WorkerEnded {
    /// The client is closed and will not connect again.
    #[error("the client is closed")]
    Closed,
}

/// What became of a task that was claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Its promise is resolved.
    Resolved,
    /// Its promise is rejected.
    Rejected,
    /// It waits for other promises.
    Suspended,
    /// Somebody else holds it, or its promise was settled otherwise.
    Lost,
    /// It was given back.
    Released,
}

/// A worker of a client. It claims what is offered to the client, whichever of its tags it was offered to; so a client has one
/// worker at a time.
pub struct Worker {
    coordinator: Coordinator,
    concurrency: usize,
    ttl: Duration,
    told: Arc<Told>,
}

type Told = dyn Fn(&PromiseId, Ended) + Send + Sync;

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("concurrency", &self.concurrency).field("ttl", &self.ttl).finish_non_exhaustive()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.coordinator.0.calls.stop_to_work();
    }
}

impl Coordinator {
    /// A worker of the group. The client must have been connected with [`Options::tag`](crate::Options::tag) of the group's name:
    /// a hub learns of tags only then. Tasks that were offered since this coordinator was subscribed to are not forgotten.
    ///
    /// # Errors
    /// When the client has no such tag, or a worker already.
    pub fn worker(&self, group: &str) -> Result<Worker, WorkerError> {
        let wrong = |source| WorkerError::Group { group: group.to_owned(), source };
        let group = GroupName::parse(group).map_err(wrong)?;
        if !self.0.client.options().tags.iter().any(|tag| tag == group.as_str()) {
            return Err(WorkerError::NoMember(group.to_string()));
        }
        if !self.0.calls.begin_to_work() {
            return Err(WorkerError::Works);
        }
        Ok(Worker { coordinator: self.clone(), concurrency: 16, ttl: Duration::from_secs(60), told: Arc::new(|_, _| {}) })
    }
}

impl Worker {
    /// Tasks that are done at once; the rest is left to other workers, or waits. Default: 16, at least 1.
    #[must_use]
    pub fn concurrency(mut self, tasks: usize) -> Self {
        self.concurrency = tasks.max(1);
        self
    }

    /// How long after this worker's last heartbeat its tasks are offered to others. A heartbeat for all of them goes out at half
    /// of it. Default: 60 s, at least 100 ms.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl.max(SHORTEST_TTL);
        self
    }

    /// Is called with what became of every task that was claimed. It must not block.
    #[must_use]
    pub fn tell(mut self, told: impl Fn(&PromiseId, Ended) + Send + Sync + 'static) -> Self {
        self.told = Arc::new(told);
        self
    }

    /// Works until `stop`: then runs are dropped, and their tasks given back. `Ok` of a run resolves the task's promise; see
    /// [`Break`] for the rest. A run that panics keeps its task until the lease ends. When this future is dropped instead, all
    /// tasks keep their leases.
    ///
    /// # Errors
    /// The client was closed.
    pub async fn run<F>(self, work: F, stop: impl Future<Output = ()>) -> Result<(), WorkerEnded>
    where
        F: AsyncWork,
    {
        let stopping = CancellationToken::new();
        let desk = Arc::new(Desk {
            coordinator: self.coordinator.clone(),
            leases: Arc::default(),
            ttl: self.ttl,
            told: self.told.clone(),
            stopping: stopping.clone(),
        });
        let work = Arc::new(work);
        let _beating = AbortOnDropHandle::new(tokio::spawn(desk.clone().beat()));
        let mut runs = JoinSet::new();
        let outcome = self.take_offers(&desk, &work, &mut runs, stop).await;
        stopping.cancel();
        // what is not given back by then is when its lease ends
        let _ = timeout(RELEASE_WITHIN, async { while runs.join_next().await.is_some() {} }).await;
        outcome
    }

    async fn take_offers<F: AsyncWork>(
        &self,
        desk: &Arc<Desk>,
        work: &Arc<F>,
        runs: &mut JoinSet<()>,
        stop: impl Future<Output = ()>,
    ) -> Result<(), WorkerEnded> {
        let calls = &self.coordinator.0.calls;
        let mut feed = calls.feed();
        let ended = async move {
            // an error means that the calls are gone, which hold the sender: impossible while `self` lives
            let _ = feed.wait_for(|feed| feed.ended).await;
        };
        let (mut ended, mut stop) = (std::pin::pin!(ended), std::pin::pin!(stop));
        loop {
            tokio::select! {
                biased; // to stop comes first, and a run that ended makes room
                () = &mut stop => return Ok(()),
                () = &mut ended => return Err(WorkerEnded::Closed),
                Some(run) = runs.join_next() => {
                    if let Err(error) = run {
                        tracing::error!(%error, "a run of a task panicked; it is offered again when its lease ends");
                    }
                }
                (id, claims) = calls.offers.next(), if runs.len() < self.concurrency => {
                    let (desk, work) = (desk.clone(), work.clone());
                    runs.spawn(async move { desk.serve(id, claims, &*work).await });
                }
            }
        }
    }
}

/// What a worker does with a task: a closure from a [`Task`] to a future of its result, such as `async |task: Task| …`.
pub trait AsyncWork: Send + Sync + 'static {
    /// One run.
    fn work(&self, task: Task) -> impl Future<Output = Result<Value, Break>> + Send;
}

impl<F, R> AsyncWork for F
where
    F: Fn(Task) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Value, Break>> + Send,
{
    fn work(&self, task: Task) -> impl Future<Output = Result<Value, Break>> + Send {
        self(task)
    }
}

/// What the runs of a worker share.
struct Desk {
    coordinator: Coordinator,
    leases: Arc<Leases>,
    ttl: Duration,
    told: Arc<Told>,
    stopping: CancellationToken,
}

#[derive(Deserialize)]
struct AcquiredData {
    task: TaskRecord,
    promise: Promise,
    #[serde(default)]
    preload: Vec<Promise>,
}

#[derive(Deserialize)]
struct PreloadData {
    #[serde(default)]
    preload: Vec<Promise>,
}

#[derive(Deserialize)]
struct TaskData {
    task: TaskRecord,
}

impl Desk {
    /// Claims a task and does it. That somebody else was faster is nothing to tell.
    async fn serve(&self, id: PromiseId, claims: Claims, work: &impl AsyncWork) {
        let asked = Instant::now();
        let acquired = match self.acquire(id.clone(), claims).await {
            Ok(acquired) => acquired,
            Err(error) => {
                tracing::debug!(%id, %error, "a task was not claimed");
                if error.is_silence() {
                    self.give_back(TaskRef { id, claims: claims.next() }).await;
                }
                return;
            }
        };
        let reference = TaskRef { id: id.clone(), claims: acquired.task.claims };
        let hold = self.leases.hold(reference.clone(), asked + self.ttl);
        let AcquiredData { promise, preload, .. } = acquired;
        let task = Task::new(self.coordinator.clone(), reference, promise, preload, hold.lost.clone());
        let ended = self.work_on(task, work).await;
        tracing::debug!(%id, ?ended, "a task was left");
        (self.told)(&id, ended);
    }

    /// Is not repeated: a claim whose answer was lost is refused the second time.
    async fn acquire(&self, id: PromiseId, claims: Claims) -> Result<AcquiredData, AskError> {
        let acquire = TaskAcquire { id, claims, pid: self.coordinator.pid(), ttl: millis(self.ttl) };
        Ok(self.coordinator.ask(&Request::TaskAcquire(acquire)).await?.data()?)
    }

    /// A claim whose answer was lost is given back, if it is ours: otherwise nobody would do the task until the lease ends.
    async fn give_back(&self, claim: TaskRef) {
        let get = Request::TaskGet(TaskGet { id: claim.id.clone() });
        let Ok(response) = self.coordinator.insist(&get).await else { return };
        let Ok(TaskData { task: now }) = response.data() else { return };
        let pid = self.coordinator.pid();
        if is_held(&now, &claim, &pid) && !self.leases.holds(&claim.id) {
            self.release(&claim).await;
        }
    }

    /// Runs a task until there is nothing more to do for it here.
    async fn work_on(&self, mut task: Task, work: &impl AsyncWork) -> Ended {
        loop {
            let outcome = tokio::select! {
                biased; // what counts no more is dropped first
                () = task.lost() => return Ended::Lost,
                () = self.stopping.cancelled() => return self.release(task.reference()).await,
                outcome = work.work(task.clone()) => outcome,
            };
            match outcome {
                Ok(value) => return self.fulfill(&task, SettleState::Resolved, value).await,
                Err(Break::Rejected(value)) => return self.fulfill(&task, SettleState::Rejected, value).await,
                Err(Break::Lost) => return Ended::Lost,
                Err(Break::Failed(error)) => return self.give_up(&task, &*error).await,
                Err(Break::Suspended(awaited)) => match self.suspend(task.reference().clone(), awaited).await {
                    Ok(None) => return Ended::Suspended,
                    Ok(Some(preload)) => task = task.again(preload),
                    Err(error) if error.status() == Some(409) => return Ended::Lost,
                    Err(error) => return self.give_up(&task, &error).await,
                },
            }
        }
    }

    /// An outcome that the coordinator cannot take is itself an error: the promise is rejected with it.
    async fn fulfill(&self, task: &Task, state: SettleState, value: Value) -> Ended {
        match self.settle(task, state, value).await {
            Err(error) if error.is_about_the_value() => {
                let sentence = format!("the outcome cannot be kept: {error}");
                match self.settle(task, SettleState::Rejected, json::of_error(&sentence)).await {
                    Ok(ended) => ended,
                    Err(error) => self.give_up(task, &error).await,
                }
            }
            Err(error) => self.give_up(task, &error).await,
            Ok(ended) => ended,
        }
    }

    async fn settle(&self, task: &Task, state: SettleState, value: Value) -> Result<Ended, AskError> {
        let ended = if state == SettleState::Resolved { Ended::Resolved } else { Ended::Rejected };
        let action = PromiseSettle { id: task.id().clone(), state, value };
        let fulfill = TaskFulfill { task: task.reference().clone(), action };
        match self.coordinator.insist(&Request::TaskFulfill(fulfill)).await {
            Ok(_) => Ok(ended),
            Err(error) if error.status() == Some(409) => Ok(Ended::Lost),
            Err(error) => Err(error),
        }
    }

    /// `None`: it waits. Otherwise something that it would wait for is settled, and it is to run again.
    async fn suspend(&self, task: TaskRef, mut awaited: Vec<PromiseId>) -> Result<Option<Vec<Promise>>, AskError> {
        awaited.sort_unstable();
        awaited.dedup();
        let register = |awaited| PromiseRegister { awaiter: task.id.clone(), awaited };
        let actions = awaited.into_iter().map(register).collect();
        let response = self.coordinator.insist(&Request::TaskSuspend(TaskSuspend { task, actions })).await?;
        if response.status != 300 {
            return Ok(None);
        }
        let PreloadData { preload } = response.data()?;
        Ok(Some(preload))
    }

    async fn give_up(&self, task: &Task, error: &(dyn std::error::Error + Send + Sync)) -> Ended {
        tracing::warn!(id = %task.id(), error = %sentence(error), "a run of a task could not go on; it is given back");
        tokio::select! {
            biased; // nobody waits for what is lost
            () = task.lost() => return Ended::Lost,
            () = self.stopping.cancelled() => {}
            () = tokio::time::sleep(PAUSE_AFTER_FAILURE) => {}
        }
        self.release(task.reference()).await
    }

    async fn release(&self, task: &TaskRef) -> Ended {
        match self.coordinator.insist(&Request::TaskRelease(task.clone())).await {
            Ok(_) => Ended::Released,
            Err(error) => {
                tracing::debug!(id = %task.id, %error, "a task was not given back");
                Ended::Lost
            }
        }
    }

    /// One heartbeat for everything, at half of the ttl, for ever.
    async fn beat(self: Arc<Self>) {
        let mut ticks = interval(self.ttl / 2);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.leases.expire(Instant::now());
            let tasks = self.leases.all();
            if tasks.is_empty() {
                continue;
            }
            // half of the time to the next beat: what is over by then is lost in time
            if timeout(self.ttl / 4, self.prolong(&tasks)).await.is_err() {
                tracing::warn!("a heartbeat was not answered in time");
            }
        }
    }

    async fn prolong(&self, tasks: &[TaskRef]) {
        let asked = Instant::now();
        let heartbeat = TaskHeartbeat { pid: self.coordinator.pid(), tasks: tasks.to_vec() };
        match self.coordinator.insist(&Request::TaskHeartbeat(heartbeat)).await {
            Ok(_) => self.leases.prolong(tasks, asked, self.ttl),
            Err(error) => return tracing::warn!(error = &error as &dyn std::error::Error, "a heartbeat failed"),
        }
        // the answer does not say which of them are ours still
        stream::iter(tasks).for_each_concurrent(COMPARED_AT_ONCE, |task| self.compare(task)).await;
    }

    async fn compare(&self, task: &TaskRef) {
        let get = Request::TaskGet(TaskGet { id: task.id.clone() });
        if let Ok(response) = self.coordinator.ask(&get).await
            && let Ok(TaskData { task: now }) = response.data()
        {
            self.leases.compare(task, &now, &self.coordinator.pid());
        }
    }
}

fn millis(span: Duration) -> Millis {
    Millis(i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
}

/// An error and what is behind it.
fn sentence(error: &(dyn std::error::Error + Send + Sync)) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
