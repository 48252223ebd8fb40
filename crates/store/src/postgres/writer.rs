//! The one task of a hub that writes. It takes what waits, does it in one transaction, commits, and only then answers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use concierge_coordinator::{MemoryRows, OfferKey, Outside, Rules, Touched, WorkingSet, touched};
use deadpool_postgres::{Object, Pool};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use super::due::NextDue;
use super::load::{Loaded, Locked, Needs, free};
use super::net::Net;
use super::transaction::{Stop, Transaction};
use super::trouble::Trouble;
use crate::clock::Clock;
use crate::error::StoreError;
use crate::follow::{Changed, Follower, Observer};
use crate::store::Tally;
use crate::work::{Done, Job, Order, Work};

/// A group commits when nothing waits any more, or at this size.
const GROUP: usize = 256;
/// How often a transaction is done again because another hub was at the same rows.
const OVERTAKEN: usize = 16;
/// How often it is done again because the connection was lost before anything was sent that could have happened.
const LOST: usize = 2;

/// The face of the task: the queue before it, which refuses when it is full.
pub(super) struct Writer {
    queue: mpsc::Sender<Order>,
    moments: mpsc::Sender<Moment>,
    base: Arc<Base>,
}

/// A connection that wants to see what is there between two commits.
struct Moment {
    client: Object,
    begun: oneshot::Sender<Result<Object, Trouble>>,
}

/// The task.
pub(super) struct Desk {
    queue: mpsc::Receiver<Order>,
    moments: mpsc::Receiver<Moment>,
    closing: Option<oneshot::Sender<()>>,
    /// Came while a group was gathered that it can't join.
    next: Option<Job>,
    base: Arc<Base>,
}

/// What every transaction needs.
pub(super) struct Base {
    /// Of one connection.
    pub(super) pool: Pool,
    pub(super) rules: Rules,
    pub(super) clock: Clock,
    pub(super) due: Arc<NextDue>,
    pub(super) observer: Option<Arc<dyn Observer>>,
    transactions: AtomicU64,
    commits: AtomicU64,
    commit_us: AtomicU64,
}

/// Each request's own result.
pub(super) type Results = Vec<Result<Done, StoreError>>;

/// A defect, but of one request.
#[derive(Debug, thiserror::Error)]
enum Defect {
    #[error("the rules panicked on this request")]
    Panicked,
    #[error("the rules asked for more than was loaded: {0}")]
    Outside(String),
}

impl Writer {
    pub(super) fn new(
        pool: Pool,
        rules: Rules,
        (clock, observer): (Clock, Option<Arc<dyn Observer>>),
        due: Arc<NextDue>,
        queue: usize,
    ) -> (Self, Desk) {
        let (sender, queue) = mpsc::channel(queue);
        let (moments, wanted) = mpsc::channel(1);
        let base = Base {
            pool,
            rules,
            clock,
            due,
            observer,
            transactions: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            commit_us: AtomicU64::new(0),
        };
        let base = Arc::new(base);
        (Self { queue: sender, moments, base: base.clone() }, Desk { queue, moments: wanted, closing: None, next: None, base })
    }

    /// Begins a transaction that sees what is there between two commits of this hub, at which the observer is told.
    pub(super) async fn begin_between_commits(&self, client: Object) -> Result<Object, StoreError> {
        let (begun, moment) = oneshot::channel();
        self.moments.send(Moment { client, begun }).await.map_err(|_| StoreError::Closed)?;
        self.queue.send(Order::Look).await.map_err(|_| StoreError::Closed)?;
        moment.await.map_err(|_| StoreError::Closed)?.map_err(Trouble::nothing_happened)
    }

    pub(super) async fn work(&self, work: Work) -> Result<Done, StoreError> {
        let (answer, done) = oneshot::channel();
        self.queue.try_send(Order::Work(Job { work, answer })).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Closed(_) => StoreError::Closed,
        })?;
        done.await.unwrap_or(Err(StoreError::Closed))
    }

    pub(super) fn commit_time(&self) -> Duration {
        Duration::from_micros(self.base.commit_us.load(Ordering::Relaxed))
    }

    pub(super) fn tally(&self) -> Tally {
        Tally { transactions: self.base.transactions.load(Ordering::Relaxed), commits: self.base.commits.load(Ordering::Relaxed) }
    }

    /// What was queued before is done; what comes later is refused.
    pub(super) async fn close(&self) {
        let (closed, wait) = oneshot::channel();
        if self.queue.send(Order::Close(closed)).await.is_ok() {
            // it was closed already when the other end is gone
            let _ = wait.await;
        }
    }
}

impl Desk {
    pub(super) async fn serve(mut self) {
        while let Some(first) = self.first().await {
            let group = self.gather(first);
            self.base.group(group).await;
            self.look().await;
        }
        self.base.pool.close();
        if let Some(closed) = self.closing {
            // whoever closed it may have gone
            let _ = closed.send(());
        }
    }

    async fn first(&mut self) -> Option<Job> {
        loop {
            match self.next.take() {
                Some(job) => return Some(job),
                None => {
                    let order = self.queue.recv().await?;
                    self.next = self.job(order);
                    if self.next.is_none() {
                        self.look().await;
                    }
                }
            }
        }
    }

    /// No transaction is on its way.
    async fn look(&mut self) {
        while let Ok(Moment { client, begun }) = self.moments.try_recv() {
            // whoever asked may have gone
            let _ = begun.send(self.base.begin(client).await);
        }
    }

    /// All that waits, as far as it can share a transaction.
    fn gather(&mut self, first: Job) -> Vec<Job> {
        let mut group = vec![first];
        while shares(&group[0].work) && group.len() < GROUP {
            let Ok(order) = self.queue.try_recv() else { break };
            match self.job(order) {
                Some(job) if shares(&job.work) => group.push(job),
                other => {
                    self.next = other;
                    break;
                }
            }
        }
        group
    }

    /// The work of an order. After an order to close nothing comes in any more, and what waits is done still.
    fn job(&mut self, order: Order) -> Option<Job> {
        match order {
            Order::Work(job) => Some(job),
            // behind this transaction
            Order::Look => None,
            Order::Close(closed) => {
                self.queue.close();
                self.closing = Some(closed);
                None
            }
        }
    }
}

/// Whether it has a neighbourhood that is known beforehand.
fn shares(work: &Work) -> bool {
    !matches!(work, Work::Sweep) && !touched_by(work).everything
}

fn touched_by(work: &Work) -> Touched {
    match work {
        Work::Request { request, .. } => touched(request),
        Work::Taken(OfferKey::Notice(promise, address)) => {
            Touched { rows: [promise.clone()].into(), notice: Some((promise.clone(), address.clone())), ..Touched::default() }
        }
        Work::Taken(OfferKey::Task(_)) | Work::Sweep => Touched::default(),
    }
}

impl Base {
    /// A transaction sees the database as it was when it read for the first time.
    async fn begin(&self, client: Object) -> Result<Object, Trouble> {
        client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1 FROM promises LIMIT 1").await?;
        if let Some(observer) = &self.observer {
            observer.counted_from_here();
        }
        Ok(client)
    }

    /// This was committed.
    pub(super) fn committed(&self, changes: Vec<Changed>) {
        if let Some(observer) = self.observer.as_ref().filter(|_| !changes.is_empty()) {
            observer.committed(changes);
        }
    }

    /// Keeps what somebody's part of a transaction has changed, and carries it out on `rows`.
    pub(super) fn keep(
        &self,
        set: WorkingSet,
        work: Option<&Work>,
        (rows, net): (&mut MemoryRows, &mut Net),
        changes: &mut Vec<Changed>,
    ) {
        let mut follower = self.observer.as_deref().map(|observer| Follower::new(observer, work));
        for change in set.into_changes() {
            if let Some(follower) = &mut follower {
                follower.note(&change, rows);
            }
            net.add(change, rows);
        }
        changes.extend(follower.into_iter().flat_map(|follower| follower.changes));
    }

    /// One transaction for all. When the database refuses it, each gets a transaction of its own, so that it fails alone.
    async fn group(&self, group: Vec<Job>) {
        let works: Vec<&Work> = group.iter().map(|job| &job.work).collect();
        match self.persist(&works).await {
            Ok(done) => answer_all(group, done),
            Err(Stop::Nothing(trouble)) if group.len() > 1 && !trouble.is_lost() => {
                for job in group {
                    let done = self.persist(&[&job.work]).await;
                    finish(vec![job], done);
                }
            }
            Err(stop) => finish(group, Err(stop)),
        }
    }

    /// Does it, and again while there is hope.
    async fn persist(&self, works: &[&Work]) -> Result<Results, Stop> {
        let (mut overtaken, mut lost) = (0, 0);
        loop {
            match self.attempt(works).await {
                Err(Stop::Nothing(trouble)) if trouble.is_passing() && overtaken < OVERTAKEN => overtaken += 1,
                Err(Stop::Nothing(trouble)) if trouble.is_lost() && !trouble.is_closed() && lost < LOST => lost += 1,
                other => return other,
            }
        }
    }

    async fn attempt(&self, works: &[&Work]) -> Result<Results, Stop> {
        match works {
            [Work::Sweep] => self.sweep().await,
            [work] if touched_by(work).everything => self.whole(work).await,
            works => self.neighbourhood(works).await,
        }
    }

    async fn neighbourhood(&self, works: &[&Work]) -> Result<Results, Stop> {
        let transaction = Transaction::new(self).await?;
        let requests = works.iter().filter_map(|work| match work {
            Work::Request { request, .. } => Some(&**request),
            Work::Sweep | Work::Taken(_) => None,
        });
        let mut needs = Needs::of(requests);
        works.iter().filter(|work| matches!(work, Work::Taken(_))).for_each(|work| needs.add(&touched_by(work)));
        let loaded = match needs.load(transaction.client(), Locked::Wait).await {
            Ok(loaded) => loaded,
            Err(trouble) => return Err(transaction.give_up(trouble).await),
        };
        let (results, net, changes) = self.decide(works, loaded);
        transaction.finish(&net, works.len(), None).await?;
        self.committed(changes);
        Ok(results)
    }

    /// Each sees what those before it wrote. All of them happen at one instant, which the database told when it had given its
    /// locks: whoever waited for them happens later.
    fn decide(&self, works: &[&Work], loaded: Loaded) -> (Results, Net, Vec<Changed>) {
        let Loaded { mut rows, now, .. } = loaded;
        self.clock.follow(now);
        let (clock, mut net, mut changes) = (self.clock.standing(self.clock.now()), Net::default(), Vec::new());
        let results = works.iter().map(|work| {
            let mut set = free(WorkingSet::load(&touched_by(work), &rows));
            let done = match catch_unwind(AssertUnwindSafe(|| work.run(&self.rules, &clock, &mut set))) {
                Ok(done) => done.map_err(|Outside(what)| StoreError::failed(Defect::Outside(what)))?,
                Err(_) => return Err(StoreError::failed(Defect::Panicked)),
            };
            self.keep(set, Some(work), (&mut rows, &mut net), &mut changes);
            Ok(done)
        });
        let results = results.collect();
        (results, net, changes)
    }

    pub(super) fn count(&self, transactions: usize, took: Duration) {
        self.commit_us.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.transactions.fetch_add(transactions as u64, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
    }
}

fn finish(group: Vec<Job>, done: Result<Results, Stop>) {
    match done {
        Ok(done) => answer_all(group, done),
        Err(stop) => {
            let error = StoreError::from(stop);
            tracing::warn!(error = &error as &dyn std::error::Error, requests = group.len(), "a transaction failed");
            let refused = group.iter().map(|_| Err(error.clone())).collect();
            answer_all(group, refused);
        }
    }
}

fn answer_all(group: Vec<Job>, done: Results) {
    for (job, done) in group.into_iter().zip(done) {
        // whoever asked may have gone
        let _ = job.answer.send(done);
    }
}
