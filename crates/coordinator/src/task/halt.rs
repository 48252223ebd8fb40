//! `task.halt` and `task.continue`: a task is not offered for a while.

use concierge_api_rs::coordinator::{Answer, PromiseId, Status, TaskState};

use super::leave;
use crate::rows::Rows;
use crate::turn::{Step, Turn, refuse};

impl<R: Rows> Turn<'_, R> {
    /// Whoever holds the task loses it. What it waits for is remembered meanwhile.
    pub(crate) fn halt(&mut self, id: &PromiseId) -> Step<Answer, R> {
        let (_, mut task) = self.live(id)?;
        leave(&mut task, TaskState::Halted, None);
        self.rows.put_task(&task)?;
        Ok(Answer::Done)
    }

    /// A halted task is offered again.
    pub(crate) fn go_on(&mut self, id: &PromiseId) -> Step<Answer, R> {
        let (promise, task) = self.live(id)?;
        if task.state != TaskState::Halted {
            return Err(refuse(Status::Conflict, format!("the task {id:?} is {}, not halted", task.state.as_str())));
        }
        self.pend(&promise, task)?;
        Ok(Answer::Done)
    }
}
