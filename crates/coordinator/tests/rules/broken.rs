//! Rows that get one thing wrong: what the invariants have to notice.

use std::convert::Infallible;

use concierge_api_rs::coordinator::{
    Address, Claims, GroupName, Millis, Pid, Promise, PromiseId, PromiseSearch, Schedule, ScheduleId, ScheduleSearch, TaskSearch,
    TaskState,
};
use concierge_coordinator::{Due, Everything, Listener, MemoryRows, Notice, OfferKey, Reads, Rows, TaskRow};

/// What is wrong with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    /// Who waits for a settled promise stays registered.
    KeepsAwaiters,
    /// A fulfilled task waits still.
    KeepsRegistrations,
    /// Listeners are forgotten, not told.
    LosesNotices,
    /// Nobody is registered.
    LosesRegistrations,
    /// A task that waits to be claimed is not offered again.
    LosesRetries,
    /// A deadline passes and nobody notices.
    StretchesDeadlines,
    /// Claims are not counted.
    LosesClaims,
    /// Whoever is suspended stays so.
    LosesWakes,
    /// A settled promise can be settled again.
    ForgetsSettlement,
}

pub(crate) struct Broken<'a>(pub(crate) &'a mut MemoryRows, pub(crate) Flaw);

macro_rules! delegate {
    ($(fn $name:ident(&self $(, $arg:ident: $ty:ty)*) -> $out:ty;)*) => {
        $(fn $name(&self $(, $arg: $ty)*) -> Result<$out, Infallible> { self.0.$name($($arg),*) })*
    };
}

impl Reads for Broken<'_> {
    type Error = Infallible;

    fn promise(&self, id: &PromiseId) -> Result<Option<Promise>, Infallible> {
        let mut promise = self.0.promise(id)?;
        if let Some(promise) = &mut promise
            && self.1 == Flaw::StretchesDeadlines
        {
            promise.timeout_at = promise.timeout_at.plus(Millis(50));
        }
        Ok(promise)
    }

    delegate! {
        fn task(&self, id: &PromiseId) -> Option<TaskRow>;
        fn awaiters(&self, awaited: &PromiseId) -> Vec<PromiseId>;
        fn awaiter_count(&self, awaited: &PromiseId, most: usize) -> usize;
        fn listeners(&self, promise: &PromiseId) -> Vec<Listener>;
        fn listener_count(&self, promise: &PromiseId, most: usize) -> usize;
        fn notice(&self, promise: &PromiseId, address: &Address) -> Option<Notice>;
        fn held_by(&self, pid: &Pid) -> Vec<PromiseId>;
        fn branch(&self, branch: &str, limit: usize) -> Vec<Promise>;
        fn schedule(&self, id: &ScheduleId) -> Option<Schedule>;
        fn due(&self, now: Millis, limit: usize) -> Vec<Due>;
        fn next_due(&self) -> Option<Millis>;
        fn waiting(&self, group: &GroupName, pid: &Pid, now: Millis, after: Option<&OfferKey>, limit: usize) -> Vec<OfferKey>;
        fn search_promises(&self, search: &PromiseSearch, now: Millis, limit: usize) -> Vec<Promise>;
        fn search_tasks(&self, search: &TaskSearch, now: Millis, limit: usize) -> Vec<TaskRow>;
        fn search_schedules(&self, search: &ScheduleSearch, limit: usize) -> Vec<Schedule>;
        fn everything(&self) -> Everything;
    }
}

impl Rows for Broken<'_> {
    fn put_promise(&mut self, promise: &Promise) -> Result<(), Infallible> {
        let mut promise = promise.clone();
        if self.1 == Flaw::ForgetsSettlement && promise.settled_at.is_some_and(|at| at.0 % 7 == 0) {
            (promise.state, promise.settled_at) = (concierge_api_rs::coordinator::PromiseState::Pending, None);
        }
        self.0.put_promise(&promise)
    }

    fn put_task(&mut self, task: &TaskRow) -> Result<(), Infallible> {
        let mut task = task.clone();
        let before = self.0.task(&task.id)?;
        match (self.1, task.state) {
            (Flaw::LosesRetries, TaskState::Pending) => task.due_at = None,
            (Flaw::LosesClaims, TaskState::Acquired) => task.claims = Claims(task.claims.0 - 1),
            (Flaw::LosesWakes, TaskState::Pending) if before.is_some_and(|task| task.state == TaskState::Suspended) => {
                return Ok(());
            }
            _ => {}
        }
        self.0.put_task(&task)
    }

    fn put_registration(&mut self, awaiter: &PromiseId, awaited: &PromiseId) -> Result<(), Infallible> {
        if self.1 == Flaw::LosesRegistrations { Ok(()) } else { self.0.put_registration(awaiter, awaited) }
    }

    fn delete_awaiters(&mut self, awaited: &PromiseId) -> Result<(), Infallible> {
        if self.1 == Flaw::KeepsAwaiters { Ok(()) } else { self.0.delete_awaiters(awaited) }
    }

    fn delete_registrations(&mut self, awaiter: &PromiseId) -> Result<(), Infallible> {
        if self.1 == Flaw::KeepsRegistrations { Ok(()) } else { self.0.delete_registrations(awaiter) }
    }

    fn put_listener(&mut self, listener: &Listener) -> Result<(), Infallible> {
        self.0.put_listener(listener)
    }

    fn delete_listeners(&mut self, promise: &PromiseId) -> Result<(), Infallible> {
        self.0.delete_listeners(promise)
    }

    fn put_notice(&mut self, notice: &Notice) -> Result<(), Infallible> {
        if self.1 == Flaw::LosesNotices { Ok(()) } else { self.0.put_notice(notice) }
    }

    fn delete_notice(&mut self, promise: &PromiseId, address: &Address) -> Result<(), Infallible> {
        self.0.delete_notice(promise, address)
    }

    fn put_schedule(&mut self, schedule: &Schedule) -> Result<(), Infallible> {
        self.0.put_schedule(schedule)
    }

    fn delete_schedule(&mut self, id: &ScheduleId) -> Result<(), Infallible> {
        self.0.delete_schedule(id)
    }

    fn clear(&mut self) -> Result<(), Infallible> {
        self.0.clear()
    }
}
