//! Rows in memory: ordered maps, and the same indexes that a database would have.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use concierge_api_rs::coordinator::{
    Address, GroupName, Millis, Pid, Promise, PromiseId, PromiseSearch, PromiseState, Schedule, ScheduleId, ScheduleSearch,
    TAG_BRANCH, Tags, TaskSearch, TaskState,
};

use crate::rows::{Due, Everything, Listener, Notice, OfferKey, Reads, Rows, TaskRow};

type Pairs = BTreeMap<PromiseId, BTreeSet<PromiseId>>;

/// Rows in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryRows {
    promises: BTreeMap<PromiseId, Promise>,
    tasks: BTreeMap<PromiseId, TaskRow>,
    awaiters: Pairs,
    awaited: Pairs,
    listeners: BTreeMap<PromiseId, BTreeMap<Address, Listener>>,
    notices: BTreeMap<(PromiseId, Address), Notice>,
    schedules: BTreeMap<ScheduleId, Schedule>,
    due: BTreeSet<(Millis, Due)>,
    branches: BTreeMap<String, BTreeSet<PromiseId>>,
    held: BTreeMap<Pid, BTreeSet<PromiseId>>,
    waiting: BTreeMap<GroupName, BTreeSet<OfferKey>>,
}

impl MemoryRows {
    /// No rows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What `awaiter` waits for.
    #[must_use]
    pub fn awaited_by(&self, awaiter: &PromiseId) -> Vec<PromiseId> {
        listed(&self.awaited, awaiter)
    }

    /// The state of every promise, as it was written.
    pub fn promise_states(&self) -> impl Iterator<Item = PromiseState> {
        self.promises.values().map(|promise| promise.state)
    }

    /// The state of every task.
    pub fn task_states(&self) -> impl Iterator<Item = TaskState> {
        self.tasks.values().map(|task| task.state)
    }

    fn unindex_task(&mut self, id: &PromiseId) {
        let Some(task) = self.tasks.get(id) else { return };
        if let Some(at) = task.due_at {
            self.due.remove(&(at, Due::Task(id.clone())));
        }
        if let Some(pid) = &task.pid {
            remove(&mut self.held, pid, id);
        }
        if let Some(address) = &task.address {
            remove(&mut self.waiting, address.group(), &OfferKey::Task(id.clone()));
        }
    }

    fn is_pending(&self, id: &PromiseId, now: Millis) -> bool {
        self.promises.get(id).is_some_and(|promise| promise.is_pending(now))
    }

    /// Whether a message waits for this member now.
    fn reaches(&self, key: &OfferKey, group: &GroupName, pid: &Pid, now: Millis) -> bool {
        match key {
            OfferKey::Notice(_, address) => address.reaches(group, pid),
            OfferKey::Task(id) => self.tasks.get(id).is_some_and(|task| {
                task.offer_from <= now && task.address.as_ref().is_some_and(|address| address.reaches(group, pid))
            }),
        }
    }
}

impl Reads for MemoryRows {
    type Error = Infallible;

    fn promise(&self, id: &PromiseId) -> Result<Option<Promise>, Infallible> {
        Ok(self.promises.get(id).cloned())
    }

    fn task(&self, id: &PromiseId) -> Result<Option<TaskRow>, Infallible> {
        Ok(self.tasks.get(id).cloned())
    }

    fn awaiters(&self, awaited: &PromiseId) -> Result<Vec<PromiseId>, Infallible> {
        Ok(listed(&self.awaiters, awaited))
    }

    fn awaiter_count(&self, awaited: &PromiseId, most: usize) -> Result<usize, Infallible> {
        Ok(self.awaiters.get(awaited).map_or(0, BTreeSet::len).min(most))
    }

    fn listeners(&self, promise: &PromiseId) -> Result<Vec<Listener>, Infallible> {
        Ok(self.listeners.get(promise).map(|listeners| listeners.values().cloned().collect()).unwrap_or_default())
    }

    fn listener_count(&self, promise: &PromiseId, most: usize) -> Result<usize, Infallible> {
        Ok(self.listeners.get(promise).map_or(0, BTreeMap::len).min(most))
    }

    fn notice(&self, promise: &PromiseId, address: &Address) -> Result<Option<Notice>, Infallible> {
        Ok(self.notices.get(&(promise.clone(), address.clone())).cloned())
    }

    fn held_by(&self, pid: &Pid) -> Result<Vec<PromiseId>, Infallible> {
        Ok(listed(&self.held, pid))
    }

    fn branch(&self, branch: &str, limit: usize) -> Result<Vec<Promise>, Infallible> {
        let ids = self.branches.get(branch).into_iter().flatten().take(limit);
        Ok(ids.filter_map(|id| self.promises.get(id).cloned()).collect())
    }

    fn schedule(&self, id: &ScheduleId) -> Result<Option<Schedule>, Infallible> {
        Ok(self.schedules.get(id).cloned())
    }

    fn due(&self, now: Millis, limit: usize) -> Result<Vec<Due>, Infallible> {
        Ok(self
            .due
            .iter()
            .take_while(|(at, _)| *at <= now && *at < Millis::NEVER)
            .take(limit)
            .map(|(_, due)| due.clone())
            .collect())
    }

    fn next_due(&self) -> Result<Option<Millis>, Infallible> {
        Ok(self.due.first().map(|(at, _)| *at).filter(|at| *at < Millis::NEVER))
    }

    fn waiting(
        &self,
        group: &GroupName,
        pid: &Pid,
        now: Millis,
        after: Option<&OfferKey>,
        limit: usize,
    ) -> Result<Vec<OfferKey>, Infallible> {
        let keys = self.waiting.get(group).into_iter().flatten();
        let later = keys.filter(|key| after.is_none_or(|after| *key > after));
        Ok(later.filter(|key| self.reaches(key, group, pid, now)).take(limit).cloned().collect())
    }

    fn search_promises(&self, search: &PromiseSearch, now: Millis, limit: usize) -> Result<Vec<Promise>, Infallible> {
        let later = self.promises.values().filter(|promise| is_after(promise.id.as_str(), search.cursor.as_deref()));
        let tagged = later.filter(|promise| has_tags(&promise.tags, &search.tags));
        let shown = tagged.map(|promise| promise.clone().at(now));
        Ok(shown.filter(|promise| search.state.is_none_or(|state| state == promise.state)).take(limit).collect())
    }

    fn search_tasks(&self, search: &TaskSearch, now: Millis, limit: usize) -> Result<Vec<TaskRow>, Infallible> {
        let later = self.tasks.values().filter(|task| is_after(task.id.as_str(), search.cursor.as_deref()));
        let state = |task: &TaskRow| if self.is_pending(&task.id, now) { task.state } else { TaskState::Fulfilled };
        let found = later.filter(|task| search.state.is_none_or(|wanted| wanted == state(task)));
        Ok(found.take(limit).cloned().collect())
    }

    fn search_schedules(&self, search: &ScheduleSearch, limit: usize) -> Result<Vec<Schedule>, Infallible> {
        let later = self.schedules.values().filter(|schedule| is_after(schedule.id.as_str(), search.cursor.as_deref()));
        Ok(later.filter(|schedule| has_tags(&schedule.promise_tags, &search.tags)).take(limit).cloned().collect())
    }

    fn everything(&self) -> Result<Everything, Infallible> {
        let pairs = self.awaiters.iter();
        Ok(Everything {
            promises: self.promises.values().cloned().collect(),
            tasks: self.tasks.values().cloned().collect(),
            registrations: pairs
                .flat_map(|(awaited, awaiters)| awaiters.iter().map(|awaiter| (awaited.clone(), awaiter.clone())))
                .collect(),
            listeners: self.listeners.values().flat_map(BTreeMap::values).cloned().collect(),
            notices: self.notices.values().cloned().collect(),
            schedules: self.schedules.values().cloned().collect(),
        })
    }
}

impl Rows for MemoryRows {
    fn put_promise(&mut self, promise: &Promise) -> Result<(), Infallible> {
        let due = |promise: &Promise| (promise.timeout_at, Due::Promise(promise.id.clone()));
        if let Some(before) = self.promises.insert(promise.id.clone(), promise.clone()) {
            self.due.remove(&due(&before));
        }
        if promise.state == PromiseState::Pending {
            self.due.insert(due(promise));
        }
        if let Some(branch) = promise.tags.get(TAG_BRANCH) {
            self.branches.entry(branch.clone()).or_default().insert(promise.id.clone());
        }
        Ok(())
    }

    fn put_task(&mut self, task: &TaskRow) -> Result<(), Infallible> {
        self.unindex_task(&task.id);
        if let Some(at) = task.due_at {
            self.due.insert((at, Due::Task(task.id.clone())));
        }
        if let Some(pid) = &task.pid {
            self.held.entry(pid.clone()).or_default().insert(task.id.clone());
        }
        if let (TaskState::Pending, Some(address)) = (task.state, &task.address) {
            self.waiting.entry(address.group().clone()).or_default().insert(OfferKey::Task(task.id.clone()));
        }
        self.tasks.insert(task.id.clone(), task.clone());
        Ok(())
    }

    fn put_registration(&mut self, awaiter: &PromiseId, awaited: &PromiseId) -> Result<(), Infallible> {
        self.awaiters.entry(awaited.clone()).or_default().insert(awaiter.clone());
        self.awaited.entry(awaiter.clone()).or_default().insert(awaited.clone());
        Ok(())
    }

    fn delete_awaiters(&mut self, awaited: &PromiseId) -> Result<(), Infallible> {
        for awaiter in self.awaiters.remove(awaited).unwrap_or_default() {
            remove(&mut self.awaited, &awaiter, awaited);
        }
        Ok(())
    }

    fn delete_registrations(&mut self, awaiter: &PromiseId) -> Result<(), Infallible> {
        for awaited in self.awaited.remove(awaiter).unwrap_or_default() {
            remove(&mut self.awaiters, &awaited, awaiter);
        }
        Ok(())
    }

    fn put_listener(&mut self, listener: &Listener) -> Result<(), Infallible> {
        let listeners = self.listeners.entry(listener.promise.clone()).or_default();
        listeners.insert(listener.address.clone(), listener.clone());
        Ok(())
    }

    fn delete_listeners(&mut self, promise: &PromiseId) -> Result<(), Infallible> {
        self.listeners.remove(promise);
        Ok(())
    }

    fn put_notice(&mut self, notice: &Notice) -> Result<(), Infallible> {
        let (promise, address) = (&notice.to.promise, &notice.to.address);
        self.delete_notice(promise, address)?;
        self.due.insert((notice.due_at, Due::Notice(promise.clone(), address.clone())));
        let waiting = self.waiting.entry(address.group().clone()).or_default();
        waiting.insert(OfferKey::Notice(promise.clone(), address.clone()));
        self.notices.insert((promise.clone(), address.clone()), notice.clone());
        Ok(())
    }

    fn delete_notice(&mut self, promise: &PromiseId, address: &Address) -> Result<(), Infallible> {
        if let Some(notice) = self.notices.remove(&(promise.clone(), address.clone())) {
            self.due.remove(&(notice.due_at, Due::Notice(promise.clone(), address.clone())));
            remove(&mut self.waiting, address.group(), &OfferKey::Notice(promise.clone(), address.clone()));
        }
        Ok(())
    }

    fn put_schedule(&mut self, schedule: &Schedule) -> Result<(), Infallible> {
        self.delete_schedule(&schedule.id)?;
        self.due.insert((schedule.next_run_at, Due::Schedule(schedule.id.clone())));
        self.schedules.insert(schedule.id.clone(), schedule.clone());
        Ok(())
    }

    fn delete_schedule(&mut self, id: &ScheduleId) -> Result<(), Infallible> {
        if let Some(schedule) = self.schedules.remove(id) {
            self.due.remove(&(schedule.next_run_at, Due::Schedule(id.clone())));
        }
        Ok(())
    }

    fn clear(&mut self) -> Result<(), Infallible> {
        *self = Self::default();
        Ok(())
    }
}

fn listed<K: Ord>(map: &BTreeMap<K, BTreeSet<PromiseId>>, key: &K) -> Vec<PromiseId> {
    map.get(key).map(|ids| ids.iter().cloned().collect()).unwrap_or_default()
}

/// Out of the set of this key, and the key too when nothing is left.
fn remove<K: Ord, V: Ord>(map: &mut BTreeMap<K, BTreeSet<V>>, key: &K, value: &V) {
    if let Some(set) = map.get_mut(key) {
        set.remove(value);
        if set.is_empty() {
            map.remove(key);
        }
    }
}

fn is_after(id: &str, cursor: Option<&str>) -> bool {
    cursor.is_none_or(|cursor| id > cursor)
}

fn has_tags(tags: &Tags, wanted: &Tags) -> bool {
    wanted.iter().all(|(name, value)| tags.get(name) == Some(value))
}
