//! What happens by itself: deadlines, the end of leases, further offers, schedules. Each looks first whether it is due.

use concierge_api_rs::coordinator::{Address, PromiseId, TaskState};

use crate::rows::{Due, Notice, Rows};
use crate::rules::Offer;
use crate::turn::Turn;

impl<R: Rows> Turn<'_, R> {
    pub(crate) fn fire(&mut self, due: &Due) -> Result<(), R::Error> {
        match due {
            Due::Promise(id) => self.expire(id),
            Due::Task(id) => self.task_due(id),
            Due::Notice(promise, address) => self.notice_due(promise, address),
            Due::Schedule(id) => self.run_schedule(id),
        }
    }

    /// A promise past its deadline is settled; now it is written down.
    fn expire(&mut self, id: &PromiseId) -> Result<(), R::Error> {
        match self.rows.promise(id)? {
            Some(promise) if promise.is_overdue(self.now) => self.settled(&promise.at(self.now)),
            _ => Ok(()),
        }
    }

    /// A lease is over, or nobody claimed it: it is offered again. Not past the deadline of its promise, which ends it.
    fn task_due(&mut self, id: &PromiseId) -> Result<(), R::Error> {
        let Some(promise) = self.rows.promise(id)? else { return Ok(()) };
        if promise.is_overdue(self.now) {
            return self.settled(&promise.at(self.now));
        }
        let Some(mut task) = self.rows.task(id)?.filter(|task| task.due_at.is_some_and(|at| at <= self.now)) else {
            return Ok(());
        };
        if task.state == TaskState::Acquired {
            return self.pend(&promise, task);
        }
        task.due_at = Some(self.offered_again());
        self.rows.put_task(&task)?;
        self.offer(&promise, &task);
        Ok(())
    }

    /// A message that was not taken is offered again.
    fn notice_due(&mut self, promise: &PromiseId, address: &Address) -> Result<(), R::Error> {
        let Some(notice) = self.rows.notice(promise, address)?.filter(|notice| notice.due_at <= self.now) else {
            return Ok(());
        };
        if let Some(promise) = self.rows.promise(promise)? {
            self.offers.push(Offer::of_notice(&promise, &notice.to));
        }
        self.rows.put_notice(&Notice { due_at: self.offered_again(), ..notice })
    }
}
