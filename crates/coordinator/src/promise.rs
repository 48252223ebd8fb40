//! Promises: created once, settled once; tasks wait for them and addresses are told.

use std::collections::BTreeSet;

use crate::rows::{Listener, Rows, TaskRow};
use crate::turn::{Step, Turn, refuse};
use concierge_api_rs::coordinator::{
    Address, Answer, Claims, Millis, Pid, Promise, PromiseCreate, PromiseListen, PromiseRegister, PromiseSettle, PromiseState,
    Status, TAG_DELAY, TaskState, Value,
};

/// Who claims a task while it is created, and for how long.
pub(crate) type Claim<'a> = (&'a Pid, Millis);

impl<R: Rows> Turn<'_, R> {
    /// A known id is answered with what there is; nothing else of the request counts then.
    pub(crate) fn create(&mut self, create: &PromiseCreate) -> Step<Answer, R> {
        let delay = self.check_tags(create)?;
        if let Some(known) = self.rows.promise(&create.id)? {
            return Ok(Answer::Promise(known.at(self.now)));
        }
        let (promise, _) = self.make(create, delay, None)?;
        Ok(Answer::Promise(promise))
    }

    /// When the task is to be offered first, if its tags make sense.
    pub(crate) fn check_tags(&self, create: &PromiseCreate) -> Step<Option<Millis>, R> {
        if create.target_tag() == Some("") {
            return Err(refuse(Status::BadRequest, "tags.resonate:target: an empty target reaches nobody"));
        }
        let delay = create.tags.get(TAG_DELAY).map(|delay| delay.trim().parse().map(Millis));
        delay.transpose().map_err(|_| {
            refuse(Status::BadRequest, "tags.resonate:delay: it is an instant in milliseconds since 1970, written as an integer")
        })
    }

    /// A promise that is not known yet, and its task if it has a target. Past its deadline it is born settled.
    pub(crate) fn make(
        &mut self,
        create: &PromiseCreate,
        delay: Option<Millis>,
        claim: Option<Claim<'_>>,
    ) -> Result<(Promise, Option<TaskRow>), R::Error> {
        let mut promise = Promise {
            id: create.id.clone(),
            state: PromiseState::Pending,
            param: create.param.clone(),
            value: Value::default(),
            tags: create.tags.clone(),
            timeout_at: create.timeout_at,
            created_at: self.now.min(create.timeout_at),
            settled_at: None,
        };
        promise = promise.at(self.now);
        self.rows.put_promise(&promise)?;
        let task = promise.target().map(|target| self.first_row(&promise, target, delay, claim));
        if let Some(task) = &task {
            self.rows.put_task(task)?;
            self.offer(&promise, task);
        }
        Ok((promise, task))
    }

    fn first_row(&self, promise: &Promise, target: &str, delay: Option<Millis>, claim: Option<Claim<'_>>) -> TaskRow {
        let offer_from = delay.unwrap_or(self.now).max(self.now);
        let delayed = offer_from > self.now;
        let mut task = TaskRow {
            id: promise.id.clone(),
            state: TaskState::Pending,
            claims: Claims::default(),
            pid: None,
            ttl: None,
            due_at: Some(if delayed { offer_from } else { self.offered_again() }),
            offer_from,
            woken_by: None,
            resumes: BTreeSet::new(),
            address: Address::parse(target).ok(),
            dialect: self.dialect,
        };
        match claim {
            _ if promise.state != PromiseState::Pending => task.end(),
            Some(claim) => self.claim(&mut task, claim),
            None => {}
        }
        task
    }

    /// The first one who settles it decides; later ones are told what was decided.
    pub(crate) fn settle(&mut self, settle: &PromiseSettle) -> Step<Answer, R> {
        let Some(promise) = self.rows.promise(&settle.id)? else {
            return Err(refuse(Status::NotFound, format!("there is no promise {:?}", settle.id)));
        };
        if !promise.is_pending(self.now) {
            return Ok(Answer::Promise(promise.at(self.now)));
        }
        let settled = self.settle_as(promise, settle)?;
        Ok(Answer::Promise(settled))
    }

    /// A pending promise gets its outcome, and everybody concerned is told.
    pub(crate) fn settle_as(&mut self, promise: Promise, settle: &PromiseSettle) -> Result<Promise, R::Error> {
        let (state, value) = (settle.state.into(), settle.value.clone());
        let settled = Promise { state, value, settled_at: Some(self.now), ..promise };
        self.settled(&settled)?;
        Ok(settled)
    }

    /// A task waits for a promise. Nothing is registered when either is settled already.
    pub(crate) fn register(&mut self, PromiseRegister { awaiter, awaited }: &PromiseRegister) -> Step<Answer, R> {
        if awaiter == awaited {
            return Err(refuse(Status::BadRequest, "data.awaited: a promise can't wait for itself"));
        }
        let Some(promise) = self.rows.promise(awaited)? else {
            return Err(refuse(Status::NotFound, format!("there is no promise {awaited:?}")));
        };
        let (Some(waiting), Some(_)) = (self.rows.promise(awaiter)?, self.rows.task(awaiter)?) else {
            return Err(refuse(Status::Unprocessable, format!("there is no task {awaiter:?} that could wait")));
        };
        if promise.is_pending(self.now) && waiting.is_pending(self.now) {
            self.check_awaiters(&promise, &waiting)?;
            self.rows.put_registration(awaiter, awaited)?;
        }
        Ok(Answer::Promise(promise.at(self.now)))
    }

    /// So many may wait for one promise; who waits already may say so again.
    pub(crate) fn check_awaiters(&self, awaited: &Promise, awaiter: &Promise) -> Step<(), R> {
        let most = self.rules.awaiters_per_promise;
        if self.rows.awaiter_count(&awaited.id, most)? < most || self.rows.awaiters(&awaited.id)?.contains(&awaiter.id) {
            return Ok(());
        }
        Err(refuse(Status::TooMany, format!("{most} tasks wait for {:?} already", awaited.id)))
    }

    /// An address is told when the promise settles; one that is settled is the answer.
    pub(crate) fn listen(&mut self, PromiseListen { awaited, address }: &PromiseListen) -> Step<Answer, R> {
        let Some(promise) = self.rows.promise(awaited)? else {
            return Err(refuse(Status::NotFound, format!("there is no promise {awaited:?}")));
        };
        if promise.is_pending(self.now) {
            let most = self.rules.listeners_per_promise;
            if self.rows.listener_count(awaited, most)? >= most
                && !self.rows.listeners(awaited)?.iter().any(|listener| listener.address == *address)
            {
                return Err(refuse(Status::TooMany, format!("{most} addresses listen to {awaited:?} already")));
            }
            let listener = Listener { promise: awaited.clone(), address: address.clone(), dialect: self.dialect };
            self.rows.put_listener(&listener)?;
        }
        Ok(Answer::Promise(promise.at(self.now)))
    }
}
