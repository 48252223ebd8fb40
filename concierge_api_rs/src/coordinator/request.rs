//! What may be asked, in neither dialect: one struct per verb.

use super::address::Address;
use super::dialect::Kind;
use super::ids::{Claims, Millis, Pid, PromiseId, ScheduleId};
use super::record::{PromiseState, SettleState, TAG_BRANCH, Tags, TaskState, Value};

/// One request. Versions are claim counts already, so nothing here depends on the dialect it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// `promise.get`.
    PromiseGet(PromiseGet),
    /// `promise.create`.
    PromiseCreate(PromiseCreate),
    /// `promise.settle`.
    PromiseSettle(PromiseSettle),
    /// `promise.register`, `promise.register_callback`.
    PromiseRegister(PromiseRegister),
    /// `promise.subscribe`, `promise.register_listener`.
    PromiseListen(PromiseListen),
    /// `promise.search`.
    PromiseSearch(PromiseSearch),
    /// `task.get`.
    TaskGet(TaskGet),
    /// `task.create`.
    TaskCreate(TaskCreate),
    /// `task.acquire`.
    TaskAcquire(TaskAcquire),
    /// `task.suspend`.
    TaskSuspend(TaskSuspend),
    /// `task.fulfill`.
    TaskFulfill(TaskFulfill),
    /// `task.release`.
    TaskRelease(TaskRef),
    /// `task.fence`.
    TaskFence(TaskFence),
    /// `task.heartbeat`.
    TaskHeartbeat(TaskHeartbeat),
    /// `task.halt`.
    TaskHalt(TaskGet),
    /// `task.continue`.
    TaskContinue(TaskGet),
    /// `task.search`.
    TaskSearch(TaskSearch),
    /// `schedule.get`.
    ScheduleGet(ScheduleGet),
    /// `schedule.create`.
    ScheduleCreate(ScheduleCreate),
    /// `schedule.delete`.
    ScheduleDelete(ScheduleGet),
    /// `schedule.search`.
    ScheduleSearch(ScheduleSearch),
    /// `debug.start`.
    DebugStart,
    /// `debug.reset`.
    DebugReset,
    /// `debug.tick`: the time it is.
    DebugTick(Millis),
    /// `debug.snap`.
    DebugSnap,
    /// `debug.stop`.
    DebugStop,
}

impl Request {
    /// What it asks for.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::PromiseGet(_) => Kind::PromiseGet,
            Self::PromiseCreate(_) => Kind::PromiseCreate,
            Self::PromiseSettle(_) => Kind::PromiseSettle,
            Self::PromiseRegister(_) => Kind::PromiseRegister,
            Self::PromiseListen(_) => Kind::PromiseListen,
            Self::PromiseSearch(_) => Kind::PromiseSearch,
            Self::TaskGet(_) => Kind::TaskGet,
            Self::TaskCreate(_) => Kind::TaskCreate,
            Self::TaskAcquire(_) => Kind::TaskAcquire,
            Self::TaskSuspend(_) => Kind::TaskSuspend,
            Self::TaskFulfill(_) => Kind::TaskFulfill,
            Self::TaskRelease(_) => Kind::TaskRelease,
            Self::TaskFence(_) => Kind::TaskFence,
            Self::TaskHeartbeat(_) => Kind::TaskHeartbeat,
            Self::TaskHalt(_) => Kind::TaskHalt,
            Self::TaskContinue(_) => Kind::TaskContinue,
            Self::TaskSearch(_) => Kind::TaskSearch,
            Self::ScheduleGet(_) => Kind::ScheduleGet,
            Self::ScheduleCreate(_) => Kind::ScheduleCreate,
            Self::ScheduleDelete(_) => Kind::ScheduleDelete,
            Self::ScheduleSearch(_) => Kind::ScheduleSearch,
            Self::DebugStart => Kind::DebugStart,
            Self::DebugReset => Kind::DebugReset,
            Self::DebugTick(_) => Kind::DebugTick,
            Self::DebugSnap => Kind::DebugSnap,
            Self::DebugStop => Kind::DebugStop,
        }
    }

    /// The tags of the promises that it makes, now or later, if it makes any.
    #[must_use]
    pub const fn tags_made(&self) -> Option<&Tags> {
        match self {
            Self::PromiseCreate(create) | Self::TaskCreate(TaskCreate { action: create, .. }) => Some(&create.tags),
            Self::TaskFence(TaskFence { action: FenceAction { verb: FenceVerb::Create(create), .. }, .. }) => Some(&create.tags),
            Self::ScheduleCreate(create) => Some(&create.promise_tags),
            _ => None,
        }
    }

    /// Whether it only looks: such a request changes nothing, whatever it finds.
    #[must_use]
    pub const fn is_read(&self) -> bool {
        matches!(
            self,
            Self::PromiseGet(_)
                | Self::PromiseSearch(_)
                | Self::TaskGet(_)
                | Self::TaskSearch(_)
                | Self::ScheduleGet(_)
                | Self::ScheduleSearch(_)
                | Self::DebugSnap
        )
    }
}

/// Which promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromiseGet {
    /// Its id.
    pub id: PromiseId,
}

/// A promise to be. When the id is known, nothing else of this counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromiseCreate {
    /// Its id.
    pub id: PromiseId,
    /// Kept as it stands.
    pub param: Value,
    /// A target among them gives it a task.
    pub tags: Tags,
    /// Its deadline; one that is past is allowed.
    pub timeout_at: Millis,
}

impl PromiseCreate {
    /// The address in its tags, empty or not, timer or not.
    #[must_use]
    pub fn target_tag(&self) -> Option<&str> {
        super::record::target_tag(&self.tags)
    }

    /// Whether it would resolve at its deadline.
    #[must_use]
    pub fn is_timer(&self) -> bool {
        super::record::is_timer(&self.tags)
    }

    /// The run it would belong to.
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        self.tags.get(TAG_BRANCH).map(String::as_str)
    }
}

/// The outcome of a promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromiseSettle {
    /// Which promise.
    pub id: PromiseId,
    /// How.
    pub state: SettleState,
    /// Kept as it stands.
    pub value: Value,
}

/// The task of `awaiter` is resumed when `awaited` settles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromiseRegister {
    /// Whose task waits.
    pub awaiter: PromiseId,
    /// For which promise.
    pub awaited: PromiseId,
}

/// An address is told when a promise settles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromiseListen {
    /// Which promise.
    pub awaited: PromiseId,
    /// Who is told.
    pub address: Address,
}

/// Promises of this state with all of these tags, in the order of their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PromiseSearch {
    /// As it is now, deadlines considered; `None` for any.
    pub state: Option<PromiseState>,
    /// All of them, with these values.
    pub tags: Tags,
    /// How many at most.
    pub limit: Option<usize>,
    /// From the answer before this one.
    pub cursor: Option<String>,
}

/// Which task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskGet {
    /// The id of its promise.
    pub id: PromiseId,
}

/// A promise and its task, which is claimed for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskCreate {
    /// Who claims.
    pub pid: Pid,
    /// How long a lease is.
    pub ttl: Millis,
    /// The promise; it needs a target.
    pub action: PromiseCreate,
}

/// A claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskAcquire {
    /// Which task.
    pub id: PromiseId,
    /// How often it was claimed before.
    pub claims: Claims,
    /// Who claims.
    pub pid: Pid,
    /// How long a lease is.
    pub ttl: Millis,
}

/// A task, held since this claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRef {
    /// Which task.
    pub id: PromiseId,
    /// How often it was claimed, the holder's claim counted.
    pub claims: Claims,
}

/// A task waits until one of these promises settles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskSuspend {
    /// Which task, held since when.
    pub task: TaskRef,
    /// Each names the task as awaiter.
    pub actions: Vec<PromiseRegister>,
}

/// A task settles its promise and ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFulfill {
    /// Which task, held since when.
    pub task: TaskRef,
    /// The outcome; its id is the task's.
    pub action: PromiseSettle,
}

/// A request that happens only while the task is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFence {
    /// Which task, held since when.
    pub task: TaskRef,
    /// What to do; its id is not the task's.
    pub action: FenceAction,
}

/// A request inside a fence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FenceAction {
    /// Its own, else that of the request around it.
    pub corr_id: String,
    /// What.
    pub verb: FenceVerb,
}

/// What may stand in a fence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FenceVerb {
    /// `promise.create`.
    Create(PromiseCreate),
    /// `promise.settle`.
    Settle(PromiseSettle),
}

impl FenceVerb {
    /// Which promise.
    #[must_use]
    pub const fn id(&self) -> &PromiseId {
        match self {
            Self::Create(create) => &create.id,
            Self::Settle(settle) => &settle.id,
        }
    }

    /// What it asks for.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Create(_) => Kind::PromiseCreate,
            Self::Settle(_) => Kind::PromiseSettle,
        }
    }
}

/// Leases of this pid begin anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskHeartbeat {
    /// Whose.
    pub pid: Pid,
    /// Which; none means all.
    pub tasks: Vec<TaskRef>,
}

/// Tasks of this state, in the order of their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskSearch {
    /// As it is now, deadlines considered; `None` for any.
    pub state: Option<TaskState>,
    /// How many at most.
    pub limit: Option<usize>,
    /// From the answer before this one.
    pub cursor: Option<String>,
}

/// Which schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleGet {
    /// Its id.
    pub id: ScheduleId,
}

/// A schedule to be. When the id is known, nothing else of this counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleCreate {
    /// Its id.
    pub id: ScheduleId,
    /// Five fields, in UTC.
    pub cron: String,
    /// The ids of its promises; `{{.id}}` is the schedule's, `{{.timestamp}}` the instant's.
    pub promise_id: String,
    /// Their deadline, from the instant on.
    pub promise_timeout: Millis,
    /// What they are created with.
    pub promise_param: Value,
    /// Their tags.
    pub promise_tags: Tags,
}

/// Schedules whose promises have all of these tags, in the order of their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScheduleSearch {
    /// All of them, with these values.
    pub tags: Tags,
    /// How many at most.
    pub limit: Option<usize>,
    /// From the answer before this one.
    pub cursor: Option<String>,
}
