//! `task.fence`: a request that happens only while the task is held.

use concierge_api_rs::coordinator::{Answer, FenceVerb, Status, TaskFence};

use crate::rows::Rows;
use crate::turn::{Step, Turn, outcome, refuse};

impl<R: Rows> Turn<'_, R> {
    /// Guard and request are one transaction. What the request brings stands inside the answer, refusals too.
    pub(crate) fn fence(&mut self, TaskFence { task, action }: &TaskFence) -> Step<Answer, R> {
        if *action.verb.id() == task.id {
            let sentence = "data.action.data.id: a task's own promise is settled by task.fulfill";
            return Err(refuse(Status::BadRequest, sentence));
        }
        self.held(task)?;
        let inner = match &action.verb {
            FenceVerb::Create(create) => self.create(create),
            FenceVerb::Settle(settle) => self.settle(settle),
        };
        let outcome = Box::new(outcome(inner)?);
        Ok(Answer::Fenced { kind: action.verb.kind(), corr_id: action.corr_id.clone(), outcome })
    }
}
