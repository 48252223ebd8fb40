//! The thread that writes. It takes what waits, does it in one transaction, commits, and only then answers.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use concierge_api_rs::coordinator::Millis;
use concierge_coordinator::Rules;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};

use super::open::{Ours, open_error};
use super::rows::SqliteRows;
use super::{Panicked, store_error};
use crate::clock::Clock;
use crate::error::{OpenError, StoreError};
use crate::follow::{Changed, Observer};
use crate::store::Tally;
use crate::work::{Done, Job, Order, Work, next_due};

/// A group commits when nothing waits any more, at this size, or at this age.
const GROUP: usize = 256;
const GROUP_AGE: Duration = Duration::from_millis(2);

/// The face of the thread: the queue before it, which refuses when it is full.
pub(super) struct Writer {
    queue: mpsc::Sender<Order>,
    moments: mpsc::Sender<Moment>,
    due: watch::Receiver<Option<Millis>>,
    tally: Arc<Counters>,
}

/// A connection that wants to see what is there between two commits.
struct Moment {
    connection: Connection,
    begun: oneshot::Sender<Result<Connection, StoreError>>,
}

#[derive(Default)]
struct Counters {
    transactions: AtomicU64,
    commits: AtomicU64,
    commit_us: AtomicU64,
}

/// The thread.
struct Desk {
    inbox: Inbox,
    base: Base,
    lock: File,
}

/// What comes in.
struct Inbox {
    queue: mpsc::Receiver<Order>,
    moments: mpsc::Receiver<Moment>,
    closing: Option<oneshot::Sender<()>>,
}

/// The database, and what happens with every transaction.
struct Base {
    connection: Connection,
    rules: Rules,
    clock: Clock,
    due: watch::Sender<Option<Millis>>,
    tally: Arc<Counters>,
    /// Whether the last transaction came to nothing: the log tells when that begins and ends, not of each.
    failing: Cell<bool>,
    observer: Option<Arc<dyn Observer>>,
    /// What the transaction has changed by now, for the observer.
    changes: RefCell<Vec<Changed>>,
}

/// Why a transaction came to nothing.
struct Stop {
    error: StoreError,
    /// Whether it was the fault of one of its requests, and the others deserve another one.
    one_by_one: bool,
}

impl Writer {
    pub(super) fn start(
        ours: Ours,
        rules: Rules,
        (clock, observer): (Clock, Option<Arc<dyn Observer>>),
        queue: usize,
    ) -> Result<Self, OpenError> {
        let Ours { path, connection, lock } = ours;
        let next = next_due(&clock, &SqliteRows(&connection)).map_err(|error| open_error(&path, error))?;
        let (sender, queue) = mpsc::channel(queue);
        let (due, due_seen) = watch::channel(next);
        let tally = Arc::new(Counters::default());
        let (failing, changes) = (Cell::new(false), RefCell::default());
        let base = Base { connection, rules, clock, due, tally: tally.clone(), failing, observer, changes };
        let (moments, wanted) = mpsc::channel(1);
        let desk = Desk { inbox: Inbox { queue, moments: wanted, closing: None }, base, lock };
        let thread = thread::Builder::new().name("store-write".to_owned());
        thread.spawn(|| desk.serve()).map_err(|error| OpenError::Unreadable(path, error.into()))?;
        Ok(Self { queue: sender, moments, due: due_seen, tally })
    }

    /// Begins a transaction that sees what is there between two commits, at which the observer is told.
    pub(super) async fn begin_between_commits(&self, connection: Connection) -> Result<Connection, StoreError> {
        let (begun, moment) = oneshot::channel();
        self.moments.send(Moment { connection, begun }).await.map_err(|_| StoreError::Closed)?;
        self.queue.send(Order::Look).await.map_err(|_| StoreError::Closed)?;
        moment.await.unwrap_or(Err(StoreError::Closed))
    }

    pub(super) async fn work(&self, work: Work) -> Result<Done, StoreError> {
        let (answer, done) = oneshot::channel();
        self.queue.try_send(Order::Work(Job { work, answer })).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Closed(_) => StoreError::Closed,
        })?;
        done.await.unwrap_or_else(|_| Err(StoreError::failed(Panicked)))
    }

    pub(super) fn due(&self) -> watch::Receiver<Option<Millis>> {
        self.due.clone()
    }

    pub(super) fn tally(&self) -> Tally {
        Tally {
            transactions: self.tally.transactions.load(Ordering::Relaxed),
            commits: self.tally.commits.load(Ordering::Relaxed),
        }
    }

    pub(super) fn commit_time(&self) -> Duration {
        Duration::from_micros(self.tally.commit_us.load(Ordering::Relaxed))
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
    fn serve(mut self) {
        while let Some(order) = self.inbox.queue.blocking_recv() {
            if let Some(first) = self.inbox.job(order) {
                self.group(first);
            }
            while let Ok(Moment { connection, begun }) = self.inbox.moments.try_recv() {
                // whoever asked may have gone
                let _ = begun.send(self.base.begin(connection));
            }
        }
        // the last connection that closes folds the log into the database; then somebody else may have it
        drop(self.base);
        drop(self.lock);
        if let Some(closed) = self.inbox.closing {
            // whoever closed it may have gone
            let _ = closed.send(());
        }
    }

    /// One transaction for all that waits. When one of them fails, none is done; then each gets a transaction of its own, so that
    /// it fails alone.
    fn group(&mut self, first: Job) {
        let mut group = vec![first];
        match self.attempt(&mut group) {
            Ok(done) => answer_all(group, done),
            Err(stop) if stop.one_by_one && group.len() > 1 => group.into_iter().for_each(|job| self.base.alone(job)),
            Err(stop) => self.base.refuse_all(group, &stop.error),
        }
    }

    /// Does the group's work, and that of all who come meanwhile and join it.
    fn attempt(&mut self, group: &mut Vec<Job>) -> Result<Vec<Done>, Stop> {
        let Self { inbox, base, .. } = self;
        let began = Instant::now();
        base.transaction(|| {
            let mut done = Vec::new();
            while let Some(job) = group.get(done.len()) {
                done.push(base.run(&job.work)?);
                if done.len() == group.len() && done.len() < GROUP && began.elapsed() < GROUP_AGE {
                    group.extend(inbox.next());
                }
            }
            Ok(done)
        })
    }
}

impl Inbox {
    /// What waits now.
    fn next(&mut self) -> Option<Job> {
        let order = self.queue.try_recv().ok()?;
        self.job(order)
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

impl Base {
    /// A transaction sees the database as it was when it read for the first time.
    fn begin(&self, connection: Connection) -> Result<Connection, StoreError> {
        connection.execute_batch("BEGIN; SELECT 1 FROM promises LIMIT 1").map_err(store_error)?;
        if let Some(observer) = &self.observer {
            observer.counted_from_here();
        }
        Ok(connection)
    }

    fn alone(&self, job: Job) {
        match self.transaction(|| Ok(vec![self.run(&job.work)?])) {
            Ok(done) => answer_all(vec![job], done),
            Err(stop) => self.refuse_all(vec![job], &stop.error),
        }
    }

    /// Begins, works, commits; then tells when something is due next. What fails before the commit leaves nothing.
    fn transaction(&self, work: impl FnOnce() -> Result<Vec<Done>, StoreError>) -> Result<Vec<Done>, Stop> {
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)
            .map_err(|error| Stop { error: store_error(error), one_by_one: false })?;
        self.changes.borrow_mut().clear();
        let done = work().map_err(|error| Stop { error, one_by_one: true })?;
        let due = next_due(&self.clock, &SqliteRows(&self.connection))
            .map_err(|error| Stop { error: store_error(error), one_by_one: true })?;
        let began = Instant::now();
        transaction.commit().map_err(commit_failed)?;
        let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.tally.commit_us.fetch_add(took, Ordering::Relaxed);
        if self.failing.replace(false) {
            tracing::info!("the store writes again");
        }
        self.tally.transactions.fetch_add(done.len() as u64, Ordering::Relaxed);
        self.tally.commits.fetch_add(1, Ordering::Relaxed);
        self.due.send_if_modified(|known| std::mem::replace(known, due) != due);
        let changes = self.changes.take();
        if let Some(observer) = self.observer.as_ref().filter(|_| !changes.is_empty()) {
            observer.committed(changes);
        }
        Ok(done)
    }

    fn refuse_all(&self, group: Vec<Job>, error: &StoreError) {
        if !self.failing.replace(true) {
            tracing::warn!(error = error as &dyn std::error::Error, "the store can't write");
        }
        for job in group {
            answer(job, Err(error.clone()));
        }
    }

    fn run(&self, work: &Work) -> Result<Done, StoreError> {
        let mut rows = SqliteRows(&self.connection);
        let run = || work.run_followed(&self.rules, &self.clock, &mut rows, self.observer.as_deref());
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(done) => {
                let (done, changes) = done.map_err(store_error)?;
                self.changes.borrow_mut().extend(changes);
                Ok(done)
            }
            Err(_) => Err(StoreError::failed(Panicked)),
        }
    }
}

/// When the disk is full, the end of the transaction is not in the log and it can't come back: a smaller one may fit. After any
/// other failure a crash may bring it back, until later ones have taken its place in the log: nobody knows its fate.
fn commit_failed(error: rusqlite::Error) -> Stop {
    let full = error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull);
    if full {
        return Stop { error: store_error(error), one_by_one: true };
    }
    Stop { error: StoreError::failed(error), one_by_one: false }
}

fn answer_all(group: Vec<Job>, done: Vec<Done>) {
    for (job, done) in group.into_iter().zip(done) {
        answer(job, Ok(done));
    }
}

fn answer(job: Job, done: Result<Done, StoreError>) {
    // whoever asked may have gone
    let _ = job.answer.send(done);
}
