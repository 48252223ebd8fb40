//! `task.suspend`: a task waits until one of some promises settles.

use concierge_api_rs::coordinator::{Answer, Promise, PromiseId, Status, TaskRef, TaskState, TaskSuspend};

use super::leave;
use crate::look::preload;
use crate::rows::Rows;
use crate::turn::{Step, Turn, refuse};

impl<R: Rows> Turn<'_, R> {
    /// All are registered and the task waits; or one is settled, nothing is registered, and the caller goes on.
    pub(crate) fn suspend(&mut self, suspend: &TaskSuspend) -> Step<Answer, R> {
        check(suspend)?;
        let (promise, mut task) = self.held(&suspend.task)?;
        let awaited = self.awaited(suspend)?;
        task.resumes.clear();
        if awaited.iter().any(|awaited| !awaited.is_pending(self.now)) {
            self.rows.put_task(&task)?;
            return Ok(Answer::GoOn { preload: preload(self.now, &promise, &*self.rows)? });
        }
        for awaited in &awaited {
            self.check_awaiters(awaited, &promise)?;
        }
        for awaited in &awaited {
            self.rows.put_registration(&task.id, &awaited.id)?;
        }
        leave(&mut task, TaskState::Suspended, None);
        task.woken_by = None;
        self.rows.put_task(&task)?;
        Ok(Answer::Done)
    }

    /// The promises to wait for; each must be known.
    fn awaited(&self, suspend: &TaskSuspend) -> Step<Vec<Promise>, R> {
        let find = |awaited: &PromiseId| {
            let unknown = || refuse(Status::Unprocessable, format!("there is no promise {awaited:?} to wait for"));
            self.rows.promise(awaited)?.ok_or_else(unknown)
        };
        suspend.actions.iter().map(|action| find(&action.awaited)).collect()
    }
}

fn check<E>(TaskSuspend { task: TaskRef { id, .. }, actions }: &TaskSuspend) -> Result<(), crate::turn::Stop<E>> {
    if actions.is_empty() {
        return Err(refuse(Status::BadRequest, "data.actions: a task waits for one promise at least"));
    }
    for (index, action) in actions.iter().enumerate() {
        if action.awaiter != *id {
            return Err(refuse(Status::BadRequest, format!("data.actions[{index}].data.awaiter: it must be the task")));
        }
        if action.awaited == *id {
            let sentence = format!("data.actions[{index}].data.awaited: a task can't wait for its own promise");
            return Err(refuse(Status::BadRequest, sentence));
        }
    }
    Ok(())
}
