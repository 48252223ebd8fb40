//! Which rows a request can touch, known from the request alone: for a store that has to load and lock them first.

use std::collections::BTreeSet;

use concierge_api_rs::coordinator::{FenceVerb, Pid, PromiseCreate, PromiseId, Request, ScheduleId};

use crate::rows::Due;

/// The neighbourhood of a request: no turn reads a row outside it. Written rows are inside it too.
///
/// Lock the promises of `rows`, `awaited` and `settled` in the order of their ids, and no two requests change the same tree at
/// once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    /// Promise and task of each; and for a task, the promise that woke it last.
    pub rows: BTreeSet<PromiseId>,
    /// Promise, awaiters and listeners of each: something may be registered there.
    pub awaited: BTreeSet<PromiseId>,
    /// These may settle: promise, task, awaiters, listeners, what its own task waits for, and promise and task of each awaiter.
    pub settled: BTreeSet<PromiseId>,
    /// Every task that this pid holds, with its promise.
    pub held_by: Option<Pid>,
    /// Promises of the branch of this one, as far as a preload goes: the branch tag of its row, or if it has none yet, this one.
    pub branch: Option<(PromiseId, Option<String>)>,
    /// These schedules.
    pub schedules: BTreeSet<ScheduleId>,
    /// A notice, of a promise in `rows`.
    pub notice: Option<(PromiseId, concierge_api_rs::coordinator::Address)>,
    /// No neighbourhood: a search, or a verb for tests, which reads what it finds.
    pub everything: bool,
}

impl Touched {
    fn rows<'a>(ids: impl IntoIterator<Item = &'a PromiseId>) -> Self {
        Self { rows: ids.into_iter().cloned().collect(), ..Self::default() }
    }

    fn settling(id: &PromiseId) -> Self {
        Self { settled: [id.clone()].into(), ..Self::rows([id]) }
    }

    fn of_schedule(id: &ScheduleId) -> Self {
        Self { schedules: [id.clone()].into(), ..Self::default() }
    }

    fn with_branch(mut self, id: &PromiseId, create: Option<&PromiseCreate>) -> Self {
        let branch = create.and_then(PromiseCreate::branch).map(str::to_owned);
        self.branch = Some((id.clone(), branch));
        self
    }
}

/// What a request can touch.
#[must_use]
pub fn touched(request: &Request) -> Touched {
    match request {
        Request::PromiseGet(get) => Touched::rows([&get.id]),
        Request::PromiseCreate(create) => Touched::rows([&create.id]),
        Request::PromiseSettle(settle) => Touched::settling(&settle.id),
        Request::PromiseRegister(register) => {
            Touched { awaited: [register.awaited.clone()].into(), ..Touched::rows([&register.awaiter, &register.awaited]) }
        }
        Request::PromiseListen(listen) => {
            Touched { awaited: [listen.awaited.clone()].into(), ..Touched::rows([&listen.awaited]) }
        }
        Request::TaskCreate(create) => Touched::rows([&create.action.id]).with_branch(&create.action.id, Some(&create.action)),
        Request::TaskAcquire(acquire) => Touched::rows([&acquire.id]).with_branch(&acquire.id, None),
        Request::TaskSuspend(suspend) => {
            let awaited = suspend.actions.iter().map(|action| &action.awaited);
            let rows = awaited.clone().chain([&suspend.task.id]);
            Touched { awaited: awaited.cloned().collect(), ..Touched::rows(rows) }.with_branch(&suspend.task.id, None)
        }
        Request::TaskFulfill(fulfill) => Touched::settling(&fulfill.task.id),
        Request::TaskFence(fence) => {
            let id = fence.action.verb.id();
            let mut touched = match &fence.action.verb {
                FenceVerb::Create(_) => Touched::rows([id]),
                FenceVerb::Settle(_) => Touched::settling(id),
            };
            touched.rows.insert(fence.task.id.clone());
            touched
        }
        Request::TaskHeartbeat(heartbeat) => {
            let all = heartbeat.tasks.is_empty().then(|| heartbeat.pid.clone());
            Touched { held_by: all, ..Touched::rows(heartbeat.tasks.iter().map(|task| &task.id)) }
        }
        Request::TaskRelease(task) => Touched::rows([&task.id]),
        Request::TaskGet(task) | Request::TaskHalt(task) | Request::TaskContinue(task) => Touched::rows([&task.id]),
        Request::ScheduleGet(schedule) | Request::ScheduleDelete(schedule) => Touched::of_schedule(&schedule.id),
        Request::ScheduleCreate(create) => Touched::of_schedule(&create.id),
        Request::PromiseSearch(_)
        | Request::TaskSearch(_)
        | Request::ScheduleSearch(_)
        | Request::DebugStart
        | Request::DebugReset
        | Request::DebugTick(_)
        | Request::DebugSnap
        | Request::DebugStop => Touched { everything: true, ..Touched::default() },
    }
}

/// What something due can touch. For a schedule, the id of its next promise ([`crate::promise_id`]) belongs to it.
#[must_use]
pub fn touched_by_due(due: &Due, next: Option<&PromiseId>) -> Touched {
    match due {
        Due::Promise(id) | Due::Task(id) => Touched::settling(id),
        Due::Notice(promise, address) => Touched { notice: Some((promise.clone(), address.clone())), ..Touched::rows([promise]) },
        Due::Schedule(id) => Touched { schedules: [id.clone()].into(), ..Touched::rows(next) },
    }
}
