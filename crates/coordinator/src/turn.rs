//! One transaction in the making: what time it is, who asks, the rows, and what will be offered.

use concierge_api_rs::coordinator::{Answer, Dialect, Millis, Outcome, Promise, Refusal, Request, Status};

use crate::look;
use crate::rows::{Reads, Rows, TaskRow};
use crate::rules::{Offer, Rules};

/// A transaction in the making.
pub(crate) struct Turn<'r, R> {
    pub(crate) rules: &'r Rules,
    pub(crate) now: Millis,
    /// How whoever asks spells things, and wants to be told.
    pub(crate) dialect: Dialect,
    pub(crate) rows: &'r mut R,
    pub(crate) offers: Vec<Offer>,
}

/// Why a turn ends early.
pub(crate) enum Stop<E> {
    /// It is not allowed; nothing was written.
    Refused(Refusal),
    /// Rows can't be had.
    Failed(E),
}

impl<E> From<E> for Stop<E> {
    fn from(error: E) -> Self {
        Self::Failed(error)
    }
}

pub(crate) type Step<T, R> = Result<T, Stop<<R as Reads>::Error>>;

/// A refusal, with the sentence that says why.
pub(crate) fn refuse<E>(status: Status, sentence: impl Into<String>) -> Stop<E> {
    Stop::Refused(Refusal::new(status, sentence))
}

/// A step as an outcome; failures remain.
pub(crate) fn outcome<E>(step: Result<Answer, Stop<E>>) -> Result<Outcome, E> {
    match step {
        Ok(answer) => Ok(Ok(answer)),
        Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
        Err(Stop::Failed(error)) => Err(error),
    }
}

impl<'r, R: Rows> Turn<'r, R> {
    pub(crate) fn new(rules: &'r Rules, now: Millis, dialect: Dialect, rows: &'r mut R) -> Self {
        Self { rules, now, dialect, rows, offers: Vec::new() }
    }

    pub(crate) fn request(&mut self, request: &Request) -> Result<Outcome, R::Error> {
        outcome(match request {
            Request::PromiseCreate(create) => self.create(create),
            Request::PromiseSettle(settle) => self.settle(settle),
            Request::PromiseRegister(register) => self.register(register),
            Request::PromiseListen(listen) => self.listen(listen),
            Request::TaskCreate(create) => self.task_create(create),
            Request::TaskAcquire(acquire) => self.acquire(acquire),
            Request::TaskSuspend(suspend) => self.suspend(suspend),
            Request::TaskFulfill(fulfill) => self.fulfill(fulfill),
            Request::TaskRelease(task) => self.release(task),
            Request::TaskFence(fence) => self.fence(fence),
            Request::TaskHeartbeat(heartbeat) => self.heartbeat(heartbeat),
            Request::TaskHalt(task) => self.halt(&task.id),
            Request::TaskContinue(task) => self.go_on(&task.id),
            Request::ScheduleCreate(create) => self.schedule_create(create),
            Request::ScheduleDelete(schedule) => self.schedule_delete(&schedule.id),
            Request::DebugReset => self.reset(),
            Request::DebugTick(time) => self.tick(*time),
            Request::DebugStart | Request::DebugStop => Ok(Answer::Done),
            Request::PromiseGet(_)
            | Request::PromiseSearch(_)
            | Request::TaskGet(_)
            | Request::TaskSearch(_)
            | Request::ScheduleGet(_)
            | Request::ScheduleSearch(_)
            | Request::DebugSnap => return look::read(self.now, request, self.rows),
        })
    }

    /// The message of a pending task goes out with this turn, if it is its time.
    pub(crate) fn offer(&mut self, promise: &Promise, task: &TaskRow) {
        self.offers.extend(Offer::of_task(self.now, promise, task));
    }

    /// When something that is offered now is offered next.
    pub(crate) fn offered_again(&self) -> Millis {
        self.now.plus(self.rules.offer_every)
    }

    fn reset(&mut self) -> Step<Answer, R> {
        self.rows.clear()?;
        Ok(Answer::Done)
    }

    /// It is this time now, and everything due until then happens.
    fn tick(&mut self, time: Millis) -> Step<Answer, R> {
        const AT_ONCE: usize = 1_000;
        self.now = time;
        loop {
            let due = self.rows.due(time, AT_ONCE)?;
            if due.is_empty() {
                return Ok(Answer::Ticked);
            }
            for due in &due {
                self.fire(due)?;
            }
        }
    }
}
