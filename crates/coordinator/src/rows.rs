//! What is kept, and what a store has to do with it. Promises and schedules are kept as the records that answers show.

use std::collections::BTreeSet;

use concierge_api_rs::coordinator::{
    Address, Claims, Dialect, GroupName, Millis, Pid, Promise, PromiseId, PromiseSearch, Schedule, ScheduleId, ScheduleSearch,
    Task, TaskSearch, TaskState,
};

/// A task as it is kept. A pending one is its own message: it waits to be offered at `address`, and goes only by a claim.
///
/// Invariants: `pid` and `ttl` are there exactly while acquired; `due_at` exactly while pending or acquired; its promise is
/// kept too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRow {
    /// The id of its promise.
    pub id: PromiseId,
    /// Where it is in its life.
    pub state: TaskState,
    /// How often it was claimed. Only grows.
    pub claims: Claims,
    /// Who holds it.
    pub pid: Option<Pid>,
    /// How long its lease is, for each heartbeat.
    pub ttl: Option<Millis>,
    /// While pending, when it is offered (again); while acquired, when its lease is over.
    pub due_at: Option<Millis>,
    /// While pending, it is offered to nobody before this.
    pub offer_from: Millis,
    /// The settled promise that woke it last; none before, and none while it is suspended.
    pub woken_by: Option<PromiseId>,
    /// Promises that settled and that its worker does not know of yet.
    pub resumes: BTreeSet<PromiseId>,
    /// Where it is offered; none when the target is no address. It can be claimed all the same.
    pub address: Option<Address>,
    /// How the message to its worker is spelled: as the request that created it.
    pub dialect: Dialect,
}

impl TaskRow {
    /// As answers show it.
    #[must_use]
    pub fn record(&self) -> Task {
        Task {
            id: self.id.clone(),
            state: self.state,
            claims: self.claims,
            resumes: self.resumes.clone(),
            ttl: self.ttl,
            pid: self.pid.clone(),
        }
    }

    /// It ends: nothing of its life remains but the count of claims.
    pub(crate) fn end(&mut self) {
        self.state = TaskState::Fulfilled;
        (self.pid, self.ttl, self.due_at, self.woken_by) = (None, None, None, None);
        self.resumes.clear();
    }
}

/// Who is told when a promise settles.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listener {
    /// Which promise.
    pub promise: PromiseId,
    /// Who.
    pub address: Address,
    /// How the message is spelled: as the request that asked for it.
    pub dialect: Dialect,
}

/// A message that a promise is settled. It waits to be offered, and goes only when the transport took it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Notice {
    /// To whom.
    pub to: Listener,
    /// When it is offered again.
    pub due_at: Millis,
}

/// A message that waits to be offered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum OfferKey {
    /// A pending task.
    Task(PromiseId),
    /// A [`Notice`]: promise and address.
    Notice(PromiseId, Address),
}

/// Something that has to happen at an instant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// The deadline of a pending promise.
    Promise(PromiseId),
    /// A pending task is offered again, or a lease is over.
    Task(PromiseId),
    /// A notice is offered again: promise and address.
    Notice(PromiseId, Address),
    /// A schedule creates its next promise.
    Schedule(ScheduleId),
}

/// Every row, each kind in the order of its key. For comparing stores and for `debug.snap`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Everything {
    /// By id.
    pub promises: Vec<Promise>,
    /// By id.
    pub tasks: Vec<TaskRow>,
    /// Awaited and awaiter.
    pub registrations: Vec<(PromiseId, PromiseId)>,
    /// By promise and address.
    pub listeners: Vec<Listener>,
    /// By promise and address.
    pub notices: Vec<Notice>,
    /// By id.
    pub schedules: Vec<Schedule>,
}

/// The rows as they are. Lists are in the order of ids, compared as bytes, unless they say otherwise.
pub trait Reads {
    /// Why rows can't be had. The transaction is over.
    type Error;

    /// A promise as it was written; its deadline is not considered here.
    ///
    /// # Errors
    /// When rows can't be had. So below.
    fn promise(&self, id: &PromiseId) -> Result<Option<Promise>, Self::Error>;
    /// A task as it was written.
    fn task(&self, id: &PromiseId) -> Result<Option<TaskRow>, Self::Error>;
    /// Who waits for this promise.
    fn awaiters(&self, awaited: &PromiseId) -> Result<Vec<PromiseId>, Self::Error>;
    /// How many wait for it, counted up to `most`.
    fn awaiter_count(&self, awaited: &PromiseId, most: usize) -> Result<usize, Self::Error>;
    /// Who is told when this promise settles, by address.
    fn listeners(&self, promise: &PromiseId) -> Result<Vec<Listener>, Self::Error>;
    /// How many are told, counted up to `most`.
    fn listener_count(&self, promise: &PromiseId, most: usize) -> Result<usize, Self::Error>;
    /// A message that waits.
    fn notice(&self, promise: &PromiseId, address: &Address) -> Result<Option<Notice>, Self::Error>;
    /// The tasks that this pid holds.
    fn held_by(&self, pid: &Pid) -> Result<Vec<PromiseId>, Self::Error>;
    /// Promises whose tag `resonate:branch` is this, at most `limit`.
    fn branch(&self, branch: &str, limit: usize) -> Result<Vec<Promise>, Self::Error>;
    /// A schedule.
    fn schedule(&self, id: &ScheduleId) -> Result<Option<Schedule>, Self::Error>;

    /// What is due at `now`, earliest first, at most `limit`: pending promises by `timeout_at`, tasks by `due_at`, notices by
    /// `due_at`, schedules by `next_run_at`; at the same instant in the order of [`Due`].
    fn due(&self, now: Millis, limit: usize) -> Result<Vec<Due>, Self::Error>;
    /// When something is due next; none when nothing ever is. [`Millis::NEVER`] counts as never.
    fn next_due(&self) -> Result<Option<Millis>, Self::Error>;
    /// What waits for a member of this group and name ([`Address::reaches`]), in the order of keys: pending tasks whose
    /// `offer_from` is not after `now`, and notices. At most `limit`, those after `after`.
    fn waiting(
        &self,
        group: &GroupName,
        pid: &Pid,
        now: Millis,
        after: Option<&OfferKey>,
        limit: usize,
    ) -> Result<Vec<OfferKey>, Self::Error>;

    /// Promises as they are at `now` ([`Promise::at`]) that `search` means, those after its cursor (an id), at most `limit`; its
    /// own limit is not looked at. The state is the one at `now`.
    fn search_promises(&self, search: &PromiseSearch, now: Millis, limit: usize) -> Result<Vec<Promise>, Self::Error>;
    /// Tasks that `search` means, as above. One whose promise is past its deadline counts as fulfilled; its row is handed out as
    /// it was written.
    fn search_tasks(&self, search: &TaskSearch, now: Millis, limit: usize) -> Result<Vec<TaskRow>, Self::Error>;
    /// Schedules that `search` means, as above.
    fn search_schedules(&self, search: &ScheduleSearch, limit: usize) -> Result<Vec<Schedule>, Self::Error>;
    /// Every row there is.
    fn everything(&self) -> Result<Everything, Self::Error>;
}

/// Rows that can be changed.
pub trait Rows: Reads {
    /// Writes a promise, new or changed.
    ///
    /// # Errors
    /// When it can't be written. So below.
    fn put_promise(&mut self, promise: &Promise) -> Result<(), Self::Error>;
    /// Writes a task, new or changed.
    fn put_task(&mut self, task: &TaskRow) -> Result<(), Self::Error>;
    /// `awaiter` waits for `awaited`; it may do so already.
    fn put_registration(&mut self, awaiter: &PromiseId, awaited: &PromiseId) -> Result<(), Self::Error>;
    /// Nobody waits for `awaited` any more.
    fn delete_awaiters(&mut self, awaited: &PromiseId) -> Result<(), Self::Error>;
    /// `awaiter` waits for nothing any more.
    fn delete_registrations(&mut self, awaiter: &PromiseId) -> Result<(), Self::Error>;
    /// Writes a listener; the same promise and address may have one, whose dialect is replaced.
    fn put_listener(&mut self, listener: &Listener) -> Result<(), Self::Error>;
    /// The promise has no listeners any more.
    fn delete_listeners(&mut self, promise: &PromiseId) -> Result<(), Self::Error>;
    /// Writes a notice, new or changed.
    fn put_notice(&mut self, notice: &Notice) -> Result<(), Self::Error>;
    /// A notice goes, if it is there.
    fn delete_notice(&mut self, promise: &PromiseId, address: &Address) -> Result<(), Self::Error>;
    /// Writes a schedule, new or changed.
    fn put_schedule(&mut self, schedule: &Schedule) -> Result<(), Self::Error>;
    /// A schedule goes, if it is there.
    fn delete_schedule(&mut self, id: &ScheduleId) -> Result<(), Self::Error>;
    /// Every row goes.
    fn clear(&mut self) -> Result<(), Self::Error>;
}
