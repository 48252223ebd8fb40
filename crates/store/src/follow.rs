//! What a transaction changes, for whoever follows the store: told once it is committed, in the order of commits.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use concierge_api_rs::coordinator::{
    Address, GroupName, Millis, Pid, Promise, PromiseId, PromiseSearch, PromiseState, Request, Schedule, ScheduleId,
    ScheduleSearch, TAG_ORIGIN, TaskSearch, TaskState,
};
use concierge_coordinator::{Change, Due, Everything, Listener, MemoryRows, Notice, OfferKey, Reads, Rows, TaskRow};

use crate::work::Work;

/// Follows what is written. Called by whoever writes, between two transactions: it must not wait.
pub trait Observer: Send + Sync {
    /// Whether it wants whole promises, not only their states.
    fn wants_promises(&self) -> bool;
    /// These changes were committed, and nobody was answered yet.
    fn committed(&self, changes: Vec<Changed>);
    /// Everything is counted as it is here between two commits: see [`Store::count`](crate::Store::count).
    fn counted_from_here(&self);
}

/// A change that was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// A promise was created, or settled.
    Promise {
        /// What it was; `None`: it is new.
        before: Option<PromiseState>,
        /// What it is.
        now: PromiseState,
        /// The promise, if it was wanted.
        promise: Option<Box<Promise>>,
    },
    /// A task was created, or changed.
    Task {
        /// What it was; `None`: it is new.
        before: Option<Before>,
        /// What it is.
        task: Box<TaskRow>,
        /// What else there is to know.
        more: More,
    },
    /// Every row is gone.
    Cleared,
}

/// What a task was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// Its state.
    pub state: TaskState,
    /// Who held it.
    pub pid: Option<Pid>,
    /// How often it was claimed.
    pub claims: u32,
}

/// What the row of a task does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct More {
    /// Of a new one: the promise that its tree began with.
    pub root: Option<PromiseId>,
    /// Of one that waits: for what, as far as it was said now.
    pub awaited: Vec<PromiseId>,
    /// Of one that was held: its worker gave it back.
    pub released: bool,
    /// Of one that is over: how its promise was settled.
    pub settled: Option<PromiseState>,
}

/// Everything by its state. What there is none of is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Promises, as they were written: one past its deadline is pending until somebody wrote it down.
    pub promises: BTreeMap<PromiseState, u64>,
    /// Tasks.
    pub tasks: BTreeMap<TaskState, u64>,
}

impl Counts {
    pub(crate) fn of<'a>(promises: impl Iterator<Item = (&'a str, i64)>, tasks: impl Iterator<Item = (&'a str, i64)>) -> Self {
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        Self {
            promises: promises.filter_map(|(state, n)| Some((PromiseState::of_str(state)?, count(n)))).collect(),
            tasks: tasks.filter_map(|(state, n)| Some((TaskState::of_str(state)?, count(n)))).collect(),
        }
    }

    pub(crate) fn of_memory(rows: &MemoryRows) -> Self {
        let mut counts = Self::default();
        rows.promise_states().for_each(|state| *counts.promises.entry(state).or_default() += 1);
        rows.task_states().for_each(|state| *counts.tasks.entry(state).or_default() += 1);
        counts
    }
}

/// Puts together what changes in one transaction's part.
#[derive(Debug, Default)]
pub(crate) struct Follower {
    wants_promises: bool,
    released: bool,
    /// The promise that was written last: its task is written behind it.
    promise: Option<(PromiseId, PromiseState, Option<PromiseId>)>,
    /// Awaiter and awaited.
    awaited: Vec<(PromiseId, PromiseId)>,
    pub(crate) changes: Vec<Changed>,
}

impl Follower {
    pub(crate) fn new(observer: &dyn Observer, work: Option<&Work>) -> Self {
        let released = matches!(work, Some(Work::Request { request, .. }) if matches!(**request, Request::TaskRelease(_)));
        Self { wants_promises: observer.wants_promises(), released, ..Self::default() }
    }

    /// A change of rows that are still as they were before it.
    pub(crate) fn note(&mut self, change: &Change, rows: &MemoryRows) {
        match change {
            Change::Promise(promise) => {
                let Ok(before) = rows.promise(&promise.id);
                self.promise(before.map(|before| before.state), promise);
            }
            Change::Task(task) => {
                let Ok(before) = rows.task(&task.id);
                self.task(before.as_ref().map(Before::of), task);
            }
            Change::Registration(awaiter, awaited) => self.registration(awaiter, awaited),
            _ => {}
        }
    }

    fn promise(&mut self, before: Option<PromiseState>, promise: &Promise) {
        let root = before.is_none().then(|| promise.tags.get(TAG_ORIGIN).and_then(|root| PromiseId::parse(root).ok())).flatten();
        self.promise = Some((promise.id.clone(), promise.state, root));
        let whole = self.wants_promises.then(|| Box::new(promise.clone()));
        self.changes.push(Changed::Promise { before, now: promise.state, promise: whole });
    }

    fn registration(&mut self, awaiter: &PromiseId, awaited: &PromiseId) {
        self.awaited.push((awaiter.clone(), awaited.clone()));
    }

    fn task(&mut self, before: Option<Before>, task: &TaskRow) {
        let own = self.promise.as_ref().filter(|(id, ..)| *id == task.id);
        let more = More {
            root: own.and_then(|(_, _, root)| root.clone()),
            awaited: match task.state {
                TaskState::Suspended => {
                    let own = self.awaited.iter().filter(|(awaiter, _)| *awaiter == task.id);
                    own.map(|(_, awaited)| awaited.clone()).collect()
                }
                _ => Vec::new(),
            },
            released: self.released,
            settled: own.map(|(_, state, _)| *state).filter(|state| *state != PromiseState::Pending),
        };
        self.changes.push(Changed::Task { before, task: Box::new(task.clone()), more });
    }
}

impl Before {
    fn of(task: &TaskRow) -> Self {
        Self { state: task.state, pid: task.pid.clone(), claims: task.claims.0 }
    }
}

/// Rows that are followed. What was there before a change is known from what the rules read, or read once more.
pub(crate) struct Followed<'r, R> {
    rows: &'r mut R,
    promises: RefCell<HashMap<PromiseId, Option<PromiseState>>>,
    tasks: RefCell<HashMap<PromiseId, Option<Before>>>,
    follower: Follower,
}

impl<'r, R: Rows> Followed<'r, R> {
    pub(crate) fn new(rows: &'r mut R, follower: Follower) -> Self {
        Self { rows, promises: RefCell::default(), tasks: RefCell::default(), follower }
    }

    pub(crate) fn into_changes(self) -> Vec<Changed> {
        self.follower.changes
    }
}

impl<R: Rows> Reads for Followed<'_, R> {
    type Error = R::Error;

    fn promise(&self, id: &PromiseId) -> Result<Option<Promise>, R::Error> {
        let promise = self.rows.promise(id)?;
        self.promises.borrow_mut().entry(id.clone()).or_insert_with(|| promise.as_ref().map(|promise| promise.state));
        Ok(promise)
    }

    fn task(&self, id: &PromiseId) -> Result<Option<TaskRow>, R::Error> {
        let task = self.rows.task(id)?;
        self.tasks.borrow_mut().entry(id.clone()).or_insert_with(|| task.as_ref().map(Before::of));
        Ok(task)
    }

    fn awaiters(&self, awaited: &PromiseId) -> Result<Vec<PromiseId>, R::Error> {
        self.rows.awaiters(awaited)
    }

    fn awaiter_count(&self, awaited: &PromiseId, most: usize) -> Result<usize, R::Error> {
        self.rows.awaiter_count(awaited, most)
    }

    fn listeners(&self, promise: &PromiseId) -> Result<Vec<Listener>, R::Error> {
        self.rows.listeners(promise)
    }

    fn listener_count(&self, promise: &PromiseId, most: usize) -> Result<usize, R::Error> {
        self.rows.listener_count(promise, most)
    }

    fn notice(&self, promise: &PromiseId, address: &Address) -> Result<Option<Notice>, R::Error> {
        self.rows.notice(promise, address)
    }

    fn held_by(&self, pid: &Pid) -> Result<Vec<PromiseId>, R::Error> {
        self.rows.held_by(pid)
    }

    fn branch(&self, branch: &str, limit: usize) -> Result<Vec<Promise>, R::Error> {
        self.rows.branch(branch, limit)
    }

    fn schedule(&self, id: &ScheduleId) -> Result<Option<Schedule>, R::Error> {
        self.rows.schedule(id)
    }

    fn due(&self, now: Millis, limit: usize) -> Result<Vec<Due>, R::Error> {
        self.rows.due(now, limit)
    }

    fn next_due(&self) -> Result<Option<Millis>, R::Error> {
        self.rows.next_due()
    }

    fn waiting(
        &self,
        group: &GroupName,
        pid: &Pid,
        now: Millis,
        after: Option<&OfferKey>,
        limit: usize,
    ) -> Result<Vec<OfferKey>, R::Error> {
        self.rows.waiting(group, pid, now, after, limit)
    }

    fn search_promises(&self, search: &PromiseSearch, now: Millis, limit: usize) -> Result<Vec<Promise>, R::Error> {
        self.rows.search_promises(search, now, limit)
    }

    fn search_tasks(&self, search: &TaskSearch, now: Millis, limit: usize) -> Result<Vec<TaskRow>, R::Error> {
        self.rows.search_tasks(search, now, limit)
    }

    fn search_schedules(&self, search: &ScheduleSearch, limit: usize) -> Result<Vec<Schedule>, R::Error> {
        self.rows.search_schedules(search, limit)
    }

    fn everything(&self) -> Result<Everything, R::Error> {
        self.rows.everything()
    }
}

impl<R: Rows> Rows for Followed<'_, R> {
    fn put_promise(&mut self, promise: &Promise) -> Result<(), R::Error> {
        if !self.promises.borrow().contains_key(&promise.id) {
            self.promise(&promise.id)?;
        }
        let before = self.promises.borrow_mut().insert(promise.id.clone(), Some(promise.state)).flatten();
        self.follower.promise(before, promise);
        self.rows.put_promise(promise)
    }

    fn put_task(&mut self, task: &TaskRow) -> Result<(), R::Error> {
        if !self.tasks.borrow().contains_key(&task.id) && !self.is_new(&task.id) {
            self.task(&task.id)?;
        }
        let before = self.tasks.borrow_mut().insert(task.id.clone(), Some(Before::of(task))).flatten();
        self.follower.task(before, task);
        self.rows.put_task(task)
    }

    fn put_registration(&mut self, awaiter: &PromiseId, awaited: &PromiseId) -> Result<(), R::Error> {
        self.follower.registration(awaiter, awaited);
        self.rows.put_registration(awaiter, awaited)
    }

    fn delete_awaiters(&mut self, awaited: &PromiseId) -> Result<(), R::Error> {
        self.rows.delete_awaiters(awaited)
    }

    fn delete_registrations(&mut self, awaiter: &PromiseId) -> Result<(), R::Error> {
        self.rows.delete_registrations(awaiter)
    }

    fn put_listener(&mut self, listener: &Listener) -> Result<(), R::Error> {
        self.rows.put_listener(listener)
    }

    fn delete_listeners(&mut self, promise: &PromiseId) -> Result<(), R::Error> {
        self.rows.delete_listeners(promise)
    }

    fn put_notice(&mut self, notice: &Notice) -> Result<(), R::Error> {
        self.rows.put_notice(notice)
    }

    fn delete_notice(&mut self, promise: &PromiseId, address: &Address) -> Result<(), R::Error> {
        self.rows.delete_notice(promise, address)
    }

    fn put_schedule(&mut self, schedule: &Schedule) -> Result<(), R::Error> {
        self.rows.put_schedule(schedule)
    }

    fn delete_schedule(&mut self, id: &ScheduleId) -> Result<(), R::Error> {
        self.rows.delete_schedule(id)
    }

    fn clear(&mut self) -> Result<(), R::Error> {
        self.promises.borrow_mut().clear();
        self.tasks.borrow_mut().clear();
        self.follower.changes = vec![Changed::Cleared];
        self.rows.clear()
    }
}

impl<R: Rows> Followed<'_, R> {
    /// Whether this transaction has made the promise: then it had no task before.
    fn is_new(&self, id: &PromiseId) -> bool {
        let new = |change: &Changed| matches!(change, Changed::Promise { before: None, .. });
        self.follower.promise.as_ref().is_some_and(|(last, ..)| last == id) && self.follower.changes.last().is_some_and(new)
    }
}
