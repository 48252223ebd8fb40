//! `task.create`: a promise and its task, which is the caller's at once.

use concierge_api_rs::coordinator::{Answer, Promise, Status, TaskCreate, TaskState};

use crate::look::preload;
use crate::rows::{Rows, TaskRow};
use crate::turn::{Step, Turn, refuse};

impl<R: Rows> Turn<'_, R> {
    pub(crate) fn task_create(&mut self, TaskCreate { pid, ttl, action }: &TaskCreate) -> Step<Answer, R> {
        let delay = self.check_tags(action)?;
        if action.target_tag().is_none() || action.is_timer() {
            let sentence = "data.action.data.tags: a task needs a resonate:target, and a timer has no task";
            return Err(refuse(Status::BadRequest, sentence));
        }
        if let Some(promise) = self.rows.promise(&action.id)? {
            return self.task_known(promise, (pid, *ttl));
        }
        let (promise, task) = self.make(action, delay, Some((pid, *ttl)))?;
        let task = task.ok_or_else(|| refuse(Status::Internal, "a promise with a target has a task"))?;
        self.created(promise, &task)
    }

    /// A pending one is claimed, a fulfilled one is the answer.
    fn task_known(&mut self, promise: Promise, claim: crate::promise::Claim<'_>) -> Step<Answer, R> {
        let Some(mut task) = self.rows.task(&promise.id)? else {
            return Err(refuse(Status::Unprocessable, format!("the promise {:?} has no target, so it has no task", promise.id)));
        };
        if !promise.is_pending(self.now) {
            task.end();
            return self.created(promise.at(self.now), &task);
        }
        if task.state != TaskState::Pending {
            return Err(refuse(Status::Conflict, format!("the task {:?} is {}", task.id, task.state.as_str())));
        }
        self.claim(&mut task, claim);
        self.rows.put_task(&task)?;
        self.created(promise, &task)
    }

    fn created(&self, promise: Promise, task: &TaskRow) -> Step<Answer, R> {
        let preload = preload(self.now, &promise, &*self.rows)?;
        Ok(Answer::Created { task: task.record(), promise, preload })
    }
}
