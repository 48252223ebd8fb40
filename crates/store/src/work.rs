//! One transaction's worth of work, the same on every kind of rows.

use concierge_api_rs::coordinator::{Answer, Dialect, Millis, Outcome, PromiseGet, Refusal, Request, Status, TaskGet};
use concierge_coordinator::{Decision, Offer, OfferKey, Reads, Rows, Rules};
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::error::StoreError;
use crate::follow::{Changed, Followed, Follower, Observer};

/// Things done by one sweep, so that requests are not kept waiting.
pub(crate) const SWEPT_AT_ONCE: usize = 256;

/// What changes rows.
#[derive(Debug, Clone)]
pub(crate) enum Work {
    Request {
        dialect: Dialect,
        request: Box<Request>,
        /// The time that the request says it is.
        told: Option<Millis>,
    },
    Sweep,
    Taken(OfferKey),
}

/// What waits for whoever writes.
pub(crate) enum Order {
    Work(Job),
    /// Somebody wants to see what is there between two commits.
    Look,
    /// Answered when everything before it is done and what was open is closed.
    Close(oneshot::Sender<()>),
}

/// Work, and who waits for what comes of it.
pub(crate) struct Job {
    pub(crate) work: Work,
    pub(crate) answer: oneshot::Sender<Result<Done, StoreError>>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Done {
    /// [`Answer::Done`] for what nobody asked for.
    pub(crate) outcome: Outcome,
    pub(crate) offers: Vec<Offer>,
    /// Whether more is due at once.
    pub(crate) more: bool,
}

impl Done {
    pub(crate) fn quietly(offers: Vec<Offer>, more: bool) -> Self {
        Self { outcome: Ok(Answer::Done), offers, more }
    }
}

impl Work {
    /// Does it, and says what it changed if anybody wants to know.
    pub(crate) fn run_followed<R: Rows>(
        &self,
        rules: &Rules,
        clock: &Clock,
        rows: &mut R,
        observer: Option<&dyn Observer>,
    ) -> Result<(Done, Vec<Changed>), R::Error> {
        let Some(observer) = observer else { return Ok((self.run(rules, clock, rows)?, Vec::new())) };
        let mut rows = Followed::new(rows, Follower::new(observer, Some(self)));
        let done = self.run(rules, clock, &mut rows)?;
        Ok((done, rows.into_changes()))
    }

    /// Does it. What was written before an error must be rolled back.
    pub(crate) fn run<R: Rows>(&self, rules: &Rules, clock: &Clock, rows: &mut R) -> Result<Done, R::Error> {
        match self {
            Self::Request { dialect, request, told } => {
                let Decision { outcome, offers } = decide((*dialect, request, *told), rules, clock, rows)?;
                Ok(Done { outcome, offers, more: false })
            }
            // by hand, what is due happens on `debug.tick` only
            Self::Sweep if clock.is_by_hand() => Ok(Done::quietly(Vec::new(), false)),
            Self::Sweep => {
                let (done, offers) = rules.sweep(clock.now(), SWEPT_AT_ONCE, rows)?;
                Ok(Done::quietly(offers, done >= SWEPT_AT_ONCE))
            }
            Self::Taken(key) => rules.taken(key, rows).map(|()| Done::quietly(Vec::new(), false)),
        }
    }
}

fn decide<R: Rows>(
    (dialect, request, told): (Dialect, &Request, Option<Millis>),
    rules: &Rules,
    clock: &Clock,
    rows: &mut R,
) -> Result<Decision, R::Error> {
    if request.kind().is_debug() && !clock.is_by_hand() {
        return Ok(Decision { outcome: Err(no_debug()), offers: Vec::new() });
    }
    match request {
        Request::DebugTick(time) => {
            let time = clock.at(Some(*time));
            rules.decide(time, dialect, &Request::DebugTick(time), rows)
        }
        Request::DebugReset => {
            let decision = rules.decide(clock.now(), dialect, request, rows)?;
            clock.restart();
            Ok(decision)
        }
        _ => rules.decide(clock.at(told), dialect, request, rows),
    }
}

/// The answer to a request that only looks.
pub(crate) fn look<R: Reads>(
    (request, told): (&Request, Option<Millis>),
    rules: &Rules,
    clock: &Clock,
    rows: &R,
) -> Result<Outcome, R::Error> {
    if request.kind().is_debug() && !clock.is_by_hand() {
        return Ok(Err(no_debug()));
    }
    let outcome = rules.look(clock.at(told), request, rows)?;
    Ok(outcome.unwrap_or_else(|| Err(Refusal::new(Status::Internal, "this request changes something"))))
}

/// Whether a promise would be shown that nobody has settled yet, past its deadline. Somebody may be settling it with a time
/// before that; so whoever looks has to wait for those who write.
pub(crate) fn is_overdue<R: Reads>(request: &Request, now: Millis, rows: &R) -> Result<bool, R::Error> {
    let (Request::PromiseGet(PromiseGet { id }) | Request::TaskGet(TaskGet { id })) = request else { return Ok(false) };
    Ok(rows.promise(id)?.is_some_and(|promise| promise.is_overdue(now)))
}

/// When a sweeper is to wake: never, when time is driven by hand.
pub(crate) fn next_due<R: Reads>(clock: &Clock, rows: &R) -> Result<Option<Millis>, R::Error> {
    if clock.is_by_hand() { Ok(None) } else { rows.next_due() }
}

fn no_debug() -> Refusal {
    Refusal::new(Status::BadRequest, "kind: the debug verbs are there only when time is driven by hand")
}
