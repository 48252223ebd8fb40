//! What a worker does with a task it holds: give it back, or finish it.

use concierge_api_rs::coordinator::{Answer, Promise, PromiseId, Status, TaskFulfill, TaskRef, TaskState};

use crate::rows::{Rows, TaskRow};
use crate::turn::{Step, Turn, refuse};

impl<R: Rows> Turn<'_, R> {
    /// A task whose promise is pending: 404 when there is none, 409 when it is settled, written down or not.
    pub(crate) fn live(&self, id: &PromiseId) -> Step<(Promise, TaskRow), R> {
        let (Some(promise), Some(task)) = (self.rows.promise(id)?, self.rows.task(id)?) else {
            return Err(refuse(Status::NotFound, format!("there is no task {id:?}")));
        };
        if !promise.is_pending(self.now) {
            return Err(refuse(Status::Conflict, format!("the task {id:?} is fulfilled: its promise is settled")));
        }
        Ok((promise, task))
    }

    /// A task that the caller holds: acquired, by this claim.
    pub(crate) fn held(&self, TaskRef { id, claims }: &TaskRef) -> Step<(Promise, TaskRow), R> {
        let (promise, task) = self.live(id)?;
        if task.state != TaskState::Acquired {
            return Err(refuse(Status::Conflict, format!("the task {id:?} is {}, not acquired", task.state.as_str())));
        }
        if task.claims != *claims {
            return Err(refuse(Status::Conflict, format!("the task {id:?} was claimed again since")));
        }
        Ok((promise, task))
    }

    /// The task is offered again at once.
    pub(crate) fn release(&mut self, task: &TaskRef) -> Step<Answer, R> {
        let (promise, task) = self.held(task)?;
        self.pend(&promise, task)?;
        Ok(Answer::Done)
    }

    /// The task settles its promise, which ends it.
    pub(crate) fn fulfill(&mut self, TaskFulfill { task, action }: &TaskFulfill) -> Step<Answer, R> {
        if action.id != task.id {
            return Err(refuse(Status::BadRequest, "data.action.data.id: a task fulfils its own promise"));
        }
        let (promise, _) = self.held(task)?;
        let settled = self.settle_as(promise, action)?;
        Ok(Answer::Promise(settled))
    }
}
