//! The face of the rules: one request, one sweep, one message at a time.

use concierge_api_rs::coordinator::{
    Address, Dialect, GroupName, Message, Millis, Outcome, Pid, Promise, PromiseId, Request, TaskState,
};
use concierge_api_rs::limits;

use crate::look;
use crate::rows::{Due, Listener, OfferKey, Reads, Rows, TaskRow};
use crate::turn::Turn;

/// The rules, and the numbers in them that may be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Between two offers of a task that nobody claims, or of a notice that nobody takes. At least 1 ms.
    pub offer_every: Millis,
    /// Tasks that wait for one promise.
    pub awaiters_per_promise: usize,
    /// Addresses that are told when one promise settles.
    pub listeners_per_promise: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            offer_every: Millis(i64::try_from(limits::OFFER_EVERY_MS).expect("it is a few seconds")),
            awaiters_per_promise: limits::AWAITERS_PER_PROMISE,
            listeners_per_promise: limits::LISTENERS_PER_PROMISE,
        }
    }
}

/// What a transaction brought, beside changed rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The answer.
    pub outcome: Outcome,
    /// Messages to offer once it is committed. Nothing is lost when they aren't: each has its row, and is due again.
    pub offers: Vec<Offer>,
}

/// A message for whoever is at an address. Offering is no promise of delivery: the row stays until a claim, or until it is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its row: what [`Rules::taken`] wants back.
    pub key: OfferKey,
    /// Where to.
    pub address: Address,
    /// What.
    pub message: Message,
    /// How to spell it.
    pub dialect: Dialect,
}

impl Rules {
    /// Answers a request that only looks. `None` for any other ([`Request::is_read`]).
    ///
    /// # Errors
    /// When rows can't be had.
    pub fn look<R: Reads>(&self, now: Millis, request: &Request, rows: &R) -> Result<Option<Outcome>, R::Error> {
        look::answer(now, request, rows)
    }

    /// Does what is asked.
    ///
    /// # Errors
    /// When rows can't be had or written. Some may be written: roll back.
    pub fn decide<R: Rows>(&self, now: Millis, dialect: Dialect, request: &Request, rows: &mut R) -> Result<Decision, R::Error> {
        let mut turn = Turn::new(self, now, dialect, rows);
        let outcome = turn.request(request)?;
        Ok(Decision { outcome, offers: turn.offers })
    }

    /// Does what is due at `now`, earliest first, at most `limit` things. Gives how many it did and what to offer. It
    /// is through when it did none: a schedule that missed several instants is due again for the next.
    ///
    /// # Errors
    /// As [`Self::decide`].
    pub fn sweep<R: Rows>(&self, now: Millis, limit: usize, rows: &mut R) -> Result<(usize, Vec<Offer>), R::Error> {
        let due = rows.due(now, limit)?;
        let mut offers = Vec::new();
        for due in &due {
            offers.extend(self.fire(now, due, rows)?);
        }
        Ok((due.len(), offers))
    }

    /// Does one thing that may be due at `now`. Late, early and duplicate calls are harmless: it looks first.
    ///
    /// # Errors
    /// As [`Self::decide`].
    pub fn fire<R: Rows>(&self, now: Millis, due: &Due, rows: &mut R) -> Result<Vec<Offer>, R::Error> {
        let mut turn = Turn::new(self, now, Dialect::V20260401, rows);
        turn.fire(due)?;
        Ok(turn.offers)
    }

    /// The transport took a message. A notice goes; a task stays until it is claimed.
    ///
    /// # Errors
    /// As [`Self::decide`].
    pub fn taken<R: Rows>(&self, key: &OfferKey, rows: &mut R) -> Result<(), R::Error> {
        match key {
            OfferKey::Task(_) => Ok(()),
            OfferKey::Notice(promise, address) => rows.delete_notice(promise, address),
        }
    }

    /// The message of a row as it is now, if it is to be offered at `now`.
    ///
    /// # Errors
    /// When rows can't be had.
    pub fn offer<R: Reads>(&self, now: Millis, key: &OfferKey, rows: &R) -> Result<Option<Offer>, R::Error> {
        match key {
            OfferKey::Task(id) => offer_task(now, id, rows),
            OfferKey::Notice(promise, address) => offer_notice(promise, address, rows),
        }
    }

    /// What waits for a worker that has come: messages to offer, and where to go on, when there may be more.
    ///
    /// # Errors
    /// When rows can't be had.
    pub fn waiting<R: Reads>(
        &self,
        now: Millis,
        (group, pid): (&GroupName, &Pid),
        after: Option<&OfferKey>,
        limit: usize,
        rows: &R,
    ) -> Result<(Vec<Offer>, Option<OfferKey>), R::Error> {
        let keys = rows.waiting(group, pid, now, after, limit)?;
        let mut offers = Vec::with_capacity(keys.len());
        for key in &keys {
            offers.extend(self.offer(now, key, rows)?);
        }
        let next = if keys.len() < limit { None } else { keys.into_iter().next_back() };
        Ok((offers, next))
    }
}

fn offer_task<R: Reads>(now: Millis, id: &PromiseId, rows: &R) -> Result<Option<Offer>, R::Error> {
    let (Some(task), Some(promise)) = (rows.task(id)?, rows.promise(id)?) else { return Ok(None) };
    Ok(Offer::of_task(now, &promise, &task))
}

fn offer_notice<R: Reads>(promise: &PromiseId, address: &Address, rows: &R) -> Result<Option<Offer>, R::Error> {
    let (Some(notice), Some(promise)) = (rows.notice(promise, address)?, rows.promise(promise)?) else {
        return Ok(None);
    };
    Ok(Some(Offer::of_notice(&promise, &notice.to)))
}

impl Offer {
    /// A pending task is offered while its promise is pending, to an address, and not before its time.
    pub(crate) fn of_task(now: Millis, promise: &Promise, task: &TaskRow) -> Option<Self> {
        if task.state != TaskState::Pending || now < task.offer_from || !promise.is_pending(now) {
            return None;
        }
        Some(Self {
            key: OfferKey::Task(task.id.clone()),
            address: task.address.clone()?,
            message: Message::Run { id: task.id.clone(), claims: task.claims, resumed: task.woken_by.is_some() },
            dialect: task.dialect,
        })
    }

    /// A settled promise is told to who listened.
    pub(crate) fn of_notice(promise: &Promise, to: &Listener) -> Self {
        Self {
            key: OfferKey::Notice(promise.id.clone(), to.address.clone()),
            address: to.address.clone(),
            message: Message::Settled(Box::new(promise.clone())),
            dialect: to.dialect,
        }
    }
}
