//! Tasks: claimed by one worker at a time, for as long as its lease.

mod acquire;
mod create;
mod fence;
mod halt;
mod heartbeat;
mod held;
mod suspend;

use concierge_api_rs::coordinator::{Millis, Promise, TaskState};

use crate::promise::Claim;
use crate::rows::{Rows, TaskRow};
use crate::turn::Turn;

impl<R: Rows> Turn<'_, R> {
    /// The task is the caller's for as long as its lease. What it was woken by stays, for the next one if this one fails.
    pub(crate) fn claim(&self, task: &mut TaskRow, (pid, ttl): Claim<'_>) {
        task.state = TaskState::Acquired;
        task.claims = task.claims.next();
        task.pid = Some(pid.clone());
        task.ttl = Some(ttl);
        task.due_at = Some(self.now.plus(ttl));
        task.resumes.clear();
    }

    /// The task is nobody's, and offered at once.
    pub(crate) fn pend(&mut self, promise: &Promise, mut task: TaskRow) -> Result<(), R::Error> {
        leave(&mut task, TaskState::Pending, Some(self.offered_again()));
        task.offer_from = self.now;
        self.rows.put_task(&task)?;
        self.offer(promise, &task);
        Ok(())
    }
}

/// The task is nobody's.
fn leave(task: &mut TaskRow, state: TaskState, due_at: Option<Millis>) {
    (task.pid, task.ttl) = (None, None);
    task.state = state;
    task.due_at = due_at;
}
