//! Rows that were loaded and locked beforehand, for a store that can't be asked in the middle of a turn. Reading or writing
//! outside of what was loaded is an error, and what was written is a list of changes to carry out.

use std::collections::BTreeSet;

use concierge_api_rs::coordinator::{
    Address, GroupName, Millis, Pid, Promise, PromiseId, PromiseSearch, Schedule, ScheduleId, ScheduleSearch, TAG_BRANCH,
    TaskSearch,
};
use concierge_api_rs::limits;

use crate::memory::MemoryRows;
use crate::rows::{Due, Everything, Listener, Notice, OfferKey, Reads, Rows, TaskRow};
use crate::touched::Touched;

/// A turn went outside of what was loaded: [`touched`](crate::touched) and the rules don't agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside(pub String);

/// One write, in the words of [`Rows`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// [`Rows::put_promise`].
    Promise(Promise),
    /// [`Rows::put_task`].
    Task(TaskRow),
    /// [`Rows::put_registration`]: awaiter and awaited.
    Registration(PromiseId, PromiseId),
    /// [`Rows::delete_awaiters`].
    DeleteAwaiters(PromiseId),
    /// [`Rows::delete_registrations`].
    DeleteRegistrations(PromiseId),
    /// [`Rows::put_listener`].
    Listener(Listener),
    /// [`Rows::delete_listeners`].
    DeleteListeners(PromiseId),
    /// [`Rows::put_notice`].
    Notice(Notice),
    /// [`Rows::delete_notice`].
    DeleteNotice(PromiseId, Address),
    /// [`Rows::put_schedule`].
    Schedule(Schedule),
    /// [`Rows::delete_schedule`].
    DeleteSchedule(ScheduleId),
}

impl Change {
    /// Writes it.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn apply<R: Rows>(&self, rows: &mut R) -> Result<(), R::Error> {
        match self {
            Self::Promise(promise) => rows.put_promise(promise),
            Self::Task(task) => rows.put_task(task),
            Self::Registration(awaiter, awaited) => rows.put_registration(awaiter, awaited),
            Self::DeleteAwaiters(awaited) => rows.delete_awaiters(awaited),
            Self::DeleteRegistrations(awaiter) => rows.delete_registrations(awaiter),
            Self::Listener(listener) => rows.put_listener(listener),
            Self::DeleteListeners(promise) => rows.delete_listeners(promise),
            Self::Notice(notice) => rows.put_notice(notice),
            Self::DeleteNotice(promise, address) => rows.delete_notice(promise, address),
            Self::Schedule(schedule) => rows.put_schedule(schedule),
            Self::DeleteSchedule(id) => rows.delete_schedule(id),
        }
    }
}

/// Rows that were loaded beforehand, and what a turn wrote.
#[derive(Debug, Clone)]
pub struct WorkingSet {
    rows: MemoryRows,
    promises: BTreeSet<PromiseId>,
    awaited: BTreeSet<PromiseId>,
    settled: BTreeSet<PromiseId>,
    held_by: Option<Pid>,
    branch: Option<String>,
    schedules: BTreeSet<ScheduleId>,
    notice: Option<(PromiseId, Address)>,
    changes: Vec<Change>,
}

impl WorkingSet {
    /// What was loaded for `touched`: every row that it names, where there is one.
    #[must_use]
    pub fn new(touched: &Touched, loaded: MemoryRows) -> Self {
        let mut promises: BTreeSet<PromiseId> = touched.rows.union(&touched.awaited).cloned().collect();
        for id in &touched.settled {
            promises.insert(id.clone());
            promises.extend(read(loaded.awaiters(id)));
        }
        let woken = touched.rows.iter().filter_map(|id| read(loaded.task(id))?.woken_by);
        promises.extend(woken);
        promises.extend(touched.held_by.iter().flat_map(|pid| read(loaded.held_by(pid))));
        Self {
            promises,
            awaited: touched.awaited.union(&touched.settled).cloned().collect(),
            settled: touched.settled.clone(),
            held_by: touched.held_by.clone(),
            branch: branch_of(touched, &loaded),
            schedules: touched.schedules.clone(),
            notice: touched.notice.clone(),
            rows: loaded,
            changes: Vec::new(),
        }
    }

    /// Loads what `touched` names, and so says what a store has to load.
    ///
    /// # Errors
    /// When rows can't be had.
    pub fn load<R: Reads>(touched: &Touched, from: &R) -> Result<Self, R::Error> {
        let mut rows = MemoryRows::new();
        for id in touched.rows.iter().chain(&touched.awaited).chain(&touched.settled) {
            load_pair(id, from, &mut rows)?;
        }
        for id in touched.awaited.union(&touched.settled) {
            load_waiting(id, from, &mut rows)?;
        }
        for id in &touched.settled {
            for awaiter in from.awaiters(id)? {
                load_pair(&awaiter, from, &mut rows)?;
            }
        }
        for id in touched.held_by.iter().map(|pid| from.held_by(pid)).collect::<Result<Vec<_>, _>>()?.concat() {
            load_pair(&id, from, &mut rows)?;
        }
        if let Some(branch) = branch_of(touched, &rows) {
            for promise in from.branch(&branch, limits::PRELOAD_PROMISES + 1)? {
                read(rows.put_promise(&promise));
            }
        }
        for schedule in touched.schedules.iter().map(|id| from.schedule(id)).collect::<Result<Vec<_>, _>>()?.iter().flatten() {
            read(rows.put_schedule(schedule));
        }
        if let Some((promise, address)) = &touched.notice {
            from.notice(promise, address)?.iter().for_each(|notice| read(rows.put_notice(notice)));
        }
        Ok(Self::new(touched, rows))
    }

    /// What was written, in order.
    #[must_use]
    pub fn into_changes(self) -> Vec<Change> {
        self.changes
    }

    fn inside(&self, inside: bool, what: impl FnOnce() -> String) -> Result<(), Outside> {
        if inside { Ok(()) } else { Err(Outside(what())) }
    }

    fn pair(&self, id: &PromiseId) -> Result<(), Outside> {
        self.inside(self.promises.contains(id), || format!("promise or task {id:?}"))
    }

    fn waiting_for(&self, id: &PromiseId) -> Result<(), Outside> {
        self.inside(self.awaited.contains(id), || format!("awaiters or listeners of {id:?}"))
    }

    fn settling(&self, id: &PromiseId) -> Result<(), Outside> {
        self.inside(self.settled.contains(id), || format!("what {id:?} waits for, and who waits for it, as it settles"))
    }

    /// A notice of a promise that settles, or the one that was asked for.
    fn noticed(&self, promise: &PromiseId, address: &Address) -> Result<(), Outside> {
        let asked = self.notice.as_ref().is_some_and(|(p, a)| p == promise && a == address);
        self.inside(asked || self.settled.contains(promise), || format!("the notice of {promise:?} to {address}"))
    }

    fn scheduled(&self, id: &ScheduleId) -> Result<(), Outside> {
        self.inside(self.schedules.contains(id), || format!("schedule {id:?}"))
    }

    /// Writes what is inside, and remembers it.
    fn write(&mut self, change: Change) {
        read(change.apply(&mut self.rows));
        self.changes.push(change);
    }
}

/// The branch that is loaded: the one of the promise that is there, else the one that it is to have.
fn branch_of(touched: &Touched, loaded: &MemoryRows) -> Option<String> {
    let (id, wanted) = touched.branch.as_ref()?;
    match read(loaded.promise(id)) {
        Some(promise) => promise.tags.get(TAG_BRANCH).cloned(),
        None => wanted.clone(),
    }
}

fn load_pair<R: Reads>(id: &PromiseId, from: &R, rows: &mut MemoryRows) -> Result<(), R::Error> {
    from.promise(id)?.iter().for_each(|promise| read(rows.put_promise(promise)));
    let Some(task) = from.task(id)? else { return Ok(()) };
    read(rows.put_task(&task));
    if let Some(awaited) = &task.woken_by {
        from.promise(awaited)?.iter().for_each(|promise| read(rows.put_promise(promise)));
    }
    Ok(())
}

fn load_waiting<R: Reads>(id: &PromiseId, from: &R, rows: &mut MemoryRows) -> Result<(), R::Error> {
    from.awaiters(id)?.iter().for_each(|awaiter| read(rows.put_registration(awaiter, id)));
    from.listeners(id)?.iter().for_each(|listener| read(rows.put_listener(listener)));
    Ok(())
}

/// Memory does not fail.
fn read<T>(result: Result<T, std::convert::Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

impl Reads for WorkingSet {
    type Error = Outside;

    fn promise(&self, id: &PromiseId) -> Result<Option<Promise>, Outside> {
        self.pair(id)?;
        Ok(read(self.rows.promise(id)))
    }

    fn task(&self, id: &PromiseId) -> Result<Option<TaskRow>, Outside> {
        self.pair(id)?;
        Ok(read(self.rows.task(id)))
    }

    fn awaiters(&self, awaited: &PromiseId) -> Result<Vec<PromiseId>, Outside> {
        self.waiting_for(awaited)?;
        Ok(read(self.rows.awaiters(awaited)))
    }

    fn awaiter_count(&self, awaited: &PromiseId, most: usize) -> Result<usize, Outside> {
        self.waiting_for(awaited)?;
        Ok(read(self.rows.awaiter_count(awaited, most)))
    }

    fn listeners(&self, promise: &PromiseId) -> Result<Vec<Listener>, Outside> {
        self.waiting_for(promise)?;
        Ok(read(self.rows.listeners(promise)))
    }

    fn listener_count(&self, promise: &PromiseId, most: usize) -> Result<usize, Outside> {
        self.waiting_for(promise)?;
        Ok(read(self.rows.listener_count(promise, most)))
    }

    fn notice(&self, promise: &PromiseId, address: &Address) -> Result<Option<Notice>, Outside> {
        self.noticed(promise, address)?;
        Ok(read(self.rows.notice(promise, address)))
    }

    fn held_by(&self, pid: &Pid) -> Result<Vec<PromiseId>, Outside> {
        self.inside(self.held_by.as_ref() == Some(pid), || format!("what {pid} holds"))?;
        Ok(read(self.rows.held_by(pid)))
    }

    fn branch(&self, branch: &str, limit: usize) -> Result<Vec<Promise>, Outside> {
        let loaded = self.branch.as_deref() == Some(branch) && limit <= limits::PRELOAD_PROMISES + 1;
        self.inside(loaded, || format!("the branch {branch:?}"))?;
        Ok(read(self.rows.branch(branch, limit)))
    }

    fn schedule(&self, id: &ScheduleId) -> Result<Option<Schedule>, Outside> {
        self.scheduled(id)?;
        Ok(read(self.rows.schedule(id)))
    }

    fn due(&self, _: Millis, _: usize) -> Result<Vec<Due>, Outside> {
        Err(Outside("what is due".to_owned()))
    }

    fn next_due(&self) -> Result<Option<Millis>, Outside> {
        Err(Outside("when something is due".to_owned()))
    }

    fn waiting(&self, group: &GroupName, _: &Pid, _: Millis, _: Option<&OfferKey>, _: usize) -> Result<Vec<OfferKey>, Outside> {
        Err(Outside(format!("what waits for {group}")))
    }

    fn search_promises(&self, _: &PromiseSearch, _: Millis, _: usize) -> Result<Vec<Promise>, Outside> {
        Err(Outside("a search of promises".to_owned()))
    }

    fn search_tasks(&self, _: &TaskSearch, _: Millis, _: usize) -> Result<Vec<TaskRow>, Outside> {
        Err(Outside("a search of tasks".to_owned()))
    }

    fn search_schedules(&self, _: &ScheduleSearch, _: usize) -> Result<Vec<Schedule>, Outside> {
        Err(Outside("a search of schedules".to_owned()))
    }

    fn everything(&self) -> Result<Everything, Outside> {
        Err(Outside("everything".to_owned()))
    }
}

impl Rows for WorkingSet {
    fn put_promise(&mut self, promise: &Promise) -> Result<(), Outside> {
        self.pair(&promise.id)?;
        self.write(Change::Promise(promise.clone()));
        Ok(())
    }

    fn put_task(&mut self, task: &TaskRow) -> Result<(), Outside> {
        self.pair(&task.id)?;
        self.write(Change::Task(task.clone()));
        Ok(())
    }

    fn put_registration(&mut self, awaiter: &PromiseId, awaited: &PromiseId) -> Result<(), Outside> {
        self.pair(awaiter)?;
        self.waiting_for(awaited)?;
        self.write(Change::Registration(awaiter.clone(), awaited.clone()));
        Ok(())
    }

    fn delete_awaiters(&mut self, awaited: &PromiseId) -> Result<(), Outside> {
        self.settling(awaited)?;
        self.write(Change::DeleteAwaiters(awaited.clone()));
        Ok(())
    }

    fn delete_registrations(&mut self, awaiter: &PromiseId) -> Result<(), Outside> {
        self.settling(awaiter)?;
        self.write(Change::DeleteRegistrations(awaiter.clone()));
        Ok(())
    }

    fn put_listener(&mut self, listener: &Listener) -> Result<(), Outside> {
        self.waiting_for(&listener.promise)?;
        self.write(Change::Listener(listener.clone()));
        Ok(())
    }

    fn delete_listeners(&mut self, promise: &PromiseId) -> Result<(), Outside> {
        self.settling(promise)?;
        self.write(Change::DeleteListeners(promise.clone()));
        Ok(())
    }

    fn put_notice(&mut self, notice: &Notice) -> Result<(), Outside> {
        self.noticed(&notice.to.promise, &notice.to.address)?;
        self.write(Change::Notice(notice.clone()));
        Ok(())
    }

    fn delete_notice(&mut self, promise: &PromiseId, address: &Address) -> Result<(), Outside> {
        self.noticed(promise, address)?;
        self.write(Change::DeleteNotice(promise.clone(), address.clone()));
        Ok(())
    }

    fn put_schedule(&mut self, schedule: &Schedule) -> Result<(), Outside> {
        self.scheduled(&schedule.id)?;
        self.write(Change::Schedule(schedule.clone()));
        Ok(())
    }

    fn delete_schedule(&mut self, id: &ScheduleId) -> Result<(), Outside> {
        self.scheduled(id)?;
        self.write(Change::DeleteSchedule(id.clone()));
        Ok(())
    }

    fn clear(&mut self) -> Result<(), Outside> {
        Err(Outside("everything".to_owned()))
    }
}
