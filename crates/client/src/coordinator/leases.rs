//! The tasks that a worker holds, and until when.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use concierge_api_rs::coordinator::{Claims, Pid, PromiseId, Task, TaskRef, TaskState};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What a worker holds, bounded by how much it does at once.
#[derive(Debug, Default)]
pub(super) struct Leases(Mutex<HashMap<PromiseId, Lease>>);

#[derive(Debug)]
struct Lease {
    claims: Claims,
    until: Instant,
    lost: CancellationToken,
}

/// A task is held as long as this exists.
#[derive(Debug)]
pub(super) struct Hold {
    task: TaskRef,
    leases: Arc<Leases>,
    /// Cancelled when the task is not held any more.
    pub(super) lost: CancellationToken,
}

impl Leases {
    /// A claim that succeeded.
    pub(super) fn hold(self: &Arc<Self>, task: TaskRef, until: Instant) -> Hold {
        let lost = CancellationToken::new();
        let lease = Lease { claims: task.claims, until, lost: lost.clone() };
        self.lock().insert(task.id.clone(), lease);
        Hold { task, leases: self.clone(), lost }
    }

    /// What is held now.
    pub(super) fn all(&self) -> Vec<TaskRef> {
        self.lock().iter().map(|(id, lease)| TaskRef { id: id.clone(), claims: lease.claims }).collect()
    }

    /// Whether some claim of this task is held.
    pub(super) fn holds(&self, id: &PromiseId) -> bool {
        self.lock().contains_key(id)
    }

    /// The coordinator prolonged what it was told of, at this instant or later.
    pub(super) fn prolong(&self, tasks: &[TaskRef], asked: Instant, ttl: Duration) {
        let mut leases = self.lock();
        for task in tasks {
            if let Some(lease) = leases.get_mut(&task.id).filter(|lease| lease.claims == task.claims) {
                lease.until = asked + ttl;
            }
        }
    }

    /// Compares with how a task stands. One that somebody else holds, or that is done, is lost.
    pub(super) fn compare(&self, held: &TaskRef, now: &Task, pid: &Pid) {
        let ours = is_held(now, held, pid);
        if let Some(lease) = self.lock().get(&held.id).filter(|lease| !ours && lease.claims == held.claims) {
            lease.lost.cancel();
        }
    }

    /// What is over is lost: somebody else may have it.
    pub(super) fn expire(&self, now: Instant) {
        self.lock().values().filter(|lease| lease.until <= now).for_each(|lease| lease.lost.cancel());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PromiseId, Lease>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a task that stands so is held by this claim of this pid.
pub(super) fn is_held(now: &Task, claim: &TaskRef, pid: &Pid) -> bool {
    now.state == TaskState::Acquired && now.claims == claim.claims && now.pid.as_ref() == Some(pid)
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut leases = self.leases.lock();
        if leases.get(&self.task.id).is_some_and(|lease| lease.claims == self.task.claims) {
            leases.remove(&self.task.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const TTL: Duration = Duration::from_secs(10);

    fn reference(claims: u32) -> TaskRef {
        TaskRef { id: "a".parse().unwrap(), claims: Claims(claims) }
    }

    fn record(state: TaskState, claims: u32, pid: &str) -> Task {
        let (ttl, pid) = (None, Some(pid.parse().unwrap()));
        Task { id: "a".parse().unwrap(), state, claims: Claims(claims), resumes: BTreeSet::new(), ttl, pid }
    }

    #[test]
    fn a_lease_is_lost_at_its_end_unless_it_was_prolonged() {
        let leases = Arc::new(Leases::default());
        let start = Instant::now();
        let hold = leases.hold(reference(1), start + TTL);
        leases.prolong(&[reference(1)], start + TTL / 2, TTL);
        leases.expire(start + TTL);
        assert!(!hold.lost.is_cancelled());
        leases.prolong(&[reference(2)], start + TTL, TTL);
        leases.expire(start + TTL + TTL / 2);
        assert!(hold.lost.is_cancelled(), "another claim was prolonged, not this one");
    }

    #[test]
    fn a_task_that_is_somebody_elses_or_done_is_lost() {
        let me: Pid = "me".parse().unwrap();
        for (now, lost) in [
            (record(TaskState::Acquired, 1, "me"), false),
            (record(TaskState::Acquired, 2, "me"), true),
            (record(TaskState::Acquired, 1, "you"), true),
            (record(TaskState::Pending, 1, "me"), true),
            (record(TaskState::Fulfilled, 1, "me"), true),
        ] {
            let leases = Arc::new(Leases::default());
            let hold = leases.hold(reference(1), Instant::now() + TTL);
            leases.compare(&reference(1), &now, &me);
            assert_eq!(hold.lost.is_cancelled(), lost, "{now:?}");
        }
    }

    #[test]
    fn the_end_of_an_earlier_hold_leaves_a_later_one_alone() {
        let leases = Arc::new(Leases::default());
        let earlier = leases.hold(reference(1), Instant::now());
        let later = leases.hold(reference(2), Instant::now());
        drop(earlier);
        assert_eq!(leases.all(), [reference(2)]);
        drop(later);
        assert_eq!(leases.all(), []);
    }
}
