//! What follows when a promise settles, all in the same turn: its own task ends, those who wait for it wake, those who listen
//! are told. It goes no further: a woken task settles nothing.

use concierge_api_rs::coordinator::{Promise, PromiseId, TaskState};

use crate::rows::{Notice, Rows};
use crate::rules::Offer;
use crate::turn::Turn;

impl<R: Rows> Turn<'_, R> {
    /// The promise is settled, and this is its last change.
    pub(crate) fn settled(&mut self, promise: &Promise) -> Result<(), R::Error> {
        self.rows.put_promise(promise)?;
        self.end_task(&promise.id)?;
        self.wake_awaiters(&promise.id)?;
        self.tell_listeners(promise)
    }

    /// The task of a settled promise ends, and waits for nothing any more.
    fn end_task(&mut self, id: &PromiseId) -> Result<(), R::Error> {
        let Some(mut task) = self.rows.task(id)?.filter(|task| task.state != TaskState::Fulfilled) else {
            return Ok(());
        };
        task.end();
        self.rows.put_task(&task)?;
        self.rows.delete_registrations(id)
    }

    /// Each registration is consumed once, whatever comes of it.
    fn wake_awaiters(&mut self, awaited: &PromiseId) -> Result<(), R::Error> {
        let awaiters = self.rows.awaiters(awaited)?;
        if awaiters.is_empty() {
            return Ok(());
        }
        self.rows.delete_awaiters(awaited)?;
        for awaiter in &awaiters {
            // one past its own deadline is settled, which its own sweep will write down
            if let Some(promise) = self.rows.promise(awaiter)?.filter(|promise| promise.is_pending(self.now)) {
                self.wake(&promise, awaited)?;
            }
        }
        Ok(())
    }

    /// A suspended task is offered again; any other remembers the promise.
    fn wake(&mut self, awaiter: &Promise, awaited: &PromiseId) -> Result<(), R::Error> {
        let Some(mut task) = self.rows.task(&awaiter.id)? else { return Ok(()) };
        match task.state {
            TaskState::Fulfilled => return Ok(()),
            TaskState::Suspended => {
                task.woken_by = Some(awaited.clone());
                task.resumes.insert(awaited.clone());
                return self.pend(awaiter, task);
            }
            TaskState::Pending | TaskState::Acquired | TaskState::Halted => task.resumes.insert(awaited.clone()),
        };
        self.rows.put_task(&task)
    }

    /// Listeners become messages, which stay until they are taken.
    fn tell_listeners(&mut self, promise: &Promise) -> Result<(), R::Error> {
        let listeners = self.rows.listeners(&promise.id)?;
        if listeners.is_empty() {
            return Ok(());
        }
        self.rows.delete_listeners(&promise.id)?;
        for to in listeners {
            self.offers.push(Offer::of_notice(promise, &to));
            self.rows.put_notice(&Notice { to, due_at: self.offered_again() })?;
        }
        Ok(())
    }
}
