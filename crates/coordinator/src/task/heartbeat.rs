//! `task.heartbeat`: leases begin anew.

use concierge_api_rs::coordinator::{Answer, Claims, PromiseId, TaskHeartbeat, TaskState};

use crate::rows::Rows;
use crate::turn::{Step, Turn};

impl<R: Rows> Turn<'_, R> {
    /// Those that the caller does not hold are passed over: another one's answer tells it so.
    pub(crate) fn heartbeat(&mut self, heartbeat: &TaskHeartbeat) -> Step<Answer, R> {
        if heartbeat.tasks.is_empty() {
            for id in self.rows.held_by(&heartbeat.pid)? {
                self.prolong(&id, None, heartbeat)?;
            }
        }
        for task in &heartbeat.tasks {
            self.prolong(&task.id, Some(task.claims), heartbeat)?;
        }
        Ok(Answer::Done)
    }

    fn prolong(&mut self, id: &PromiseId, claims: Option<Claims>, heartbeat: &TaskHeartbeat) -> Result<(), R::Error> {
        let Some(mut task) = self.rows.task(id)?.filter(|task| {
            task.state == TaskState::Acquired
                && claims.is_none_or(|claims| claims == task.claims)
                && task.pid.as_ref() == Some(&heartbeat.pid)
        }) else {
            return Ok(());
        };
        if !self.rows.promise(id)?.is_some_and(|promise| promise.is_pending(self.now)) {
            return Ok(());
        }
        task.due_at = task.ttl.map(|ttl| self.now.plus(ttl));
        self.rows.put_task(&task)
    }
}
