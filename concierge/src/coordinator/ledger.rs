//! What the coordinator's rows come to, for whoever looks after the hub: how many there are by state, which ones changed, what
//! happened to tasks. The store tells of each commit.
//!
//! Nothing is counted before somebody asks, and no promise is copied while nobody watches promises.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use concierge_api_rs::coordinator::{Promise, PromiseId, PromiseState, Task, TaskState, Value};
use concierge_coordinator::TaskRow;
use concierge_store::{Changed, Clock, Counts, Observer};
use parking_lot::Mutex;

use super::history::History;
use crate::admin::Latest;

/// What every record has besides its texts, generously.
const RECORD: usize = 256;

/// What somebody asks about the coordinator's rows.
pub(crate) struct Ledger {
    clock: Clock,
    pub(super) history: History,
    /// Somebody watches promises; tasks.
    promises_watched: AtomicBool,
    tasks_watched: AtomicBool,
    promises: Mutex<Latest<PromiseId, Promise>>,
    tasks: Mutex<Latest<PromiseId, Task>>,
    /// Somebody asked how many there are.
    counts: AtomicBool,
    census: Mutex<Census>,
}

#[derive(Default)]
struct Census {
    /// As it was counted last, and what was changed since.
    counted: Option<Tally>,
    /// What was changed since everything began to be counted again.
    since: Option<Tally>,
}

/// Numbers by state; changes may be negative.
#[derive(Debug, Clone, Default)]
struct Tally {
    promises: BTreeMap<PromiseState, i64>,
    tasks: BTreeMap<TaskState, i64>,
    /// Every row went meanwhile: what was there before does not count.
    cleared: bool,
}

impl Tally {
    fn follow(&mut self, change: &Changed) {
        match change {
            Changed::Promise { before, now, .. } => {
                before.iter().for_each(|before| *self.promises.entry(*before).or_default() -= 1);
                *self.promises.entry(*now).or_default() += 1;
            }
            Changed::Task { before, task, .. } => {
                before.iter().for_each(|before| *self.tasks.entry(before.state).or_default() -= 1);
                *self.tasks.entry(task.state).or_default() += 1;
            }
            Changed::Cleared => *self = Self { cleared: true, ..Self::default() },
        }
    }

    /// This on top of what was counted.
    fn upon(mut self, counts: &Counts) -> Self {
        if !self.cleared {
            counts.promises.iter().for_each(|(state, n)| *self.promises.entry(*state).or_default() += signed(*n));
            counts.tasks.iter().for_each(|(state, n)| *self.tasks.entry(*state).or_default() += signed(*n));
        }
        self
    }
}

fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

impl Ledger {
    pub(super) fn new(clock: Clock) -> Self {
        let since = u64::try_from(clock.now().0).unwrap_or(0);
        Self {
            clock,
            history: History::new(since),
            promises_watched: AtomicBool::new(false),
            tasks_watched: AtomicBool::new(false),
            promises: Mutex::default(),
            tasks: Mutex::default(),
            counts: AtomicBool::new(false),
            census: Mutex::default(),
        }
    }

    /// Milliseconds since 1970.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.clock.now().0).unwrap_or(0)
    }

    /// From now on changes of promises, and of tasks, are kept for those who watch, or they are not.
    pub(crate) fn watch(&self, promises: bool, tasks: bool) {
        self.promises_watched.store(promises, Ordering::Relaxed);
        self.tasks_watched.store(tasks, Ordering::Relaxed);
        if !promises {
            *self.promises.lock() = Latest::default();
        }
        if !tasks {
            *self.tasks.lock() = Latest::default();
        }
    }

    /// Promises that changed since the last call.
    pub(crate) fn promises(&self) -> Option<(Vec<Promise>, u64)> {
        self.promises.lock().take()
    }

    /// Tasks that changed since the last call.
    pub(crate) fn tasks(&self) -> Option<(Vec<Task>, u64)> {
        self.tasks.lock().take()
    }

    /// Everything was counted: what was changed since is on top of it.
    pub(super) fn counted(&self, counts: &Counts) {
        let mut census = self.census.lock();
        if let Some(since) = census.since.take() {
            census.counted = Some(since.upon(counts));
        }
    }

    /// How many promises and tasks there are, by state; none when they were not counted yet.
    pub(super) fn totals(&self) -> (BTreeMap<String, u64>, BTreeMap<String, u64>) {
        let census = self.census.lock();
        let Some(Tally { promises, tasks, .. }) = &census.counted else { return Default::default() };
        // other hubs change what is shared: between two counts a number may be less than none
        let there = |n: &i64| u64::try_from(*n).ok().filter(|n| *n > 0);
        let promises = promises.iter().filter_map(|(state, n)| Some((state.as_str().to_owned(), there(n)?)));
        let tasks = tasks.iter().filter_map(|(state, n)| Some((state.as_str().to_owned(), there(n)?)));
        (promises.collect(), tasks.collect())
    }

    fn follow(&self, changes: &[Changed]) {
        let mut census = self.census.lock();
        let Census { counted, since } = &mut *census;
        for tally in [counted, since].into_iter().flatten() {
            changes.iter().for_each(|change| tally.follow(change));
        }
    }

    fn task(&self, task: &TaskRow) {
        let bytes = RECORD + task.id.as_str().len() + task.resumes.iter().map(|id| id.as_str().len() + 3).sum::<usize>();
        self.tasks.lock().put(task.id.clone(), task.record(), bytes);
    }
}

/// The store's writer calls these between two transactions.
impl Observer for Ledger {
    fn wants_promises(&self) -> bool {
        self.promises_watched.load(Ordering::Relaxed)
    }

    fn committed(&self, changes: Vec<Changed>) {
        if self.counts.load(Ordering::Relaxed) {
            self.follow(&changes);
        }
        let now = self.now();
        for change in changes {
            match change {
                Changed::Promise { promise: Some(promise), .. } if self.wants_promises() => {
                    let bytes = size(&promise);
                    self.promises.lock().put(promise.id.clone(), *promise, bytes);
                }
                Changed::Promise { .. } => {}
                Changed::Task { before, task, more } => {
                    self.history.changed(now, before.as_ref(), &task, &more);
                    if self.tasks_watched.load(Ordering::Relaxed) {
                        self.task(&task);
                    }
                }
                Changed::Cleared => self.history.clear(now),
            }
        }
    }

    fn counted_from_here(&self) {
        self.counts.store(true, Ordering::Relaxed);
        self.census.lock().since = Some(Tally::default());
    }
}

/// What it takes to say, about: quotes inside of texts are escaped.
fn size(promise: &Promise) -> usize {
    let of_value = |value: &Value| {
        value.data.as_ref().map_or(0, |data| data.len() + data.len() / 8)
            + value.headers.iter().map(|(name, text)| name.len() + text.len() + 6).sum::<usize>()
    };
    let tags = promise.tags.iter().map(|(name, text)| name.len() + text.len() + 6).sum::<usize>();
    RECORD + promise.id.as_str().len() + tags + of_value(&promise.param) + of_value(&promise.value)
}
