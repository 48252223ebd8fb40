//! `task.acquire`: the claim.

use concierge_api_rs::coordinator::{Answer, Status, TaskAcquire, TaskState};

use crate::look::preload;
use crate::rows::Rows;
use crate::turn::{Step, Turn, refuse};

impl<R: Rows> Turn<'_, R> {
    pub(crate) fn acquire(&mut self, TaskAcquire { id, claims, pid, ttl }: &TaskAcquire) -> Step<Answer, R> {
        let (promise, mut task) = self.live(id)?;
        if task.state != TaskState::Pending {
            return Err(refuse(Status::Conflict, format!("the task {id:?} is {}, not pending", task.state.as_str())));
        }
        if task.claims != *claims {
            return Err(refuse(Status::Conflict, format!("the task {id:?} is at version {}, not {claims}", task.claims)));
        }
        self.claim(&mut task, (pid, *ttl));
        self.rows.put_task(&task)?;
        let awaited = match &task.woken_by {
            Some(awaited) => self.rows.promise(awaited)?.map(|promise| promise.at(self.now)),
            None => None,
        };
        let preload = preload(self.now, &promise, &*self.rows)?;
        Ok(Answer::Acquired { task: task.record(), promise, awaited, preload })
    }
}
