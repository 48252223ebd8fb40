//! Requests that wait for their final response.
//!
//! Invariant: each stands in every table here, or in none.

use std::collections::{BTreeMap, BTreeSet};

use concierge_api_rs::ClientId;
use concierge_api_rs::coordinator::Millis;
use concierge_api_rs::packet::{ReqId, Subject};

use crate::book::Asked;
use crate::routes::RouteNumber;

/// A request, among all that ever were passed on, or kept. Whoever is given it sees it as `_reqid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

impl Ticket {
    pub(crate) const FIRST: Self = Self(u64::MIN);
    const LAST: Self = Self(u64::MAX);

    pub(crate) const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// As it is written.
    #[must_use]
    pub fn reqid(self) -> ReqId {
        ReqId::parse(&self.0.to_string()).expect("a number has at most 20 digits")
    }

    /// The one that is written so, and only so.
    #[must_use]
    pub fn parse(reqid: &ReqId) -> Option<Self> {
        reqid.as_str().parse().ok().map(Self).filter(|ticket| ticket.reqid() == *reqid)
    }
}

/// A request that waits.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub(crate) sender: ClientId,
    /// Its sender's mark.
    pub(crate) reqid: ReqId,
    /// As its sender named it.
    pub(crate) subject: Subject,
    pub(crate) route: RouteNumber,
    pub(crate) worker: ClientId,
    /// When it has waited too long.
    pub(crate) due: Millis,
    pub(crate) asked: Asked,
}

/// What a response is an answer to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Open(Ticket),
    /// To a request that was answered otherwise.
    Late,
    /// To none, or to one that another worker was given.
    Unknown,
}

/// Requests that wait.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    last: u64,
    all: BTreeMap<Ticket, Pending>,
    due: BTreeSet<(Millis, Ticket)>,
    by_sender: BTreeMap<ClientId, BTreeMap<ReqId, Ticket>>,
    by_worker: BTreeSet<(ClientId, Ticket)>,
    /// How many of a client wait on a route.
    counts: BTreeMap<(ClientId, RouteNumber), usize>,
}

impl InFlight {
    pub(crate) fn add(&mut self, pending: Pending) -> Ticket {
        self.last += 1;
        let ticket = Ticket(self.last);
        self.due.insert((pending.due, ticket));
        self.by_sender.entry(pending.sender).or_default().insert(pending.reqid.clone(), ticket);
        self.by_worker.insert((pending.worker, ticket));
        *self.counts.entry((pending.sender, pending.route)).or_default() += 1;
        self.all.insert(ticket, pending);
        ticket
    }

    pub(crate) fn remove(&mut self, ticket: Ticket) -> Option<Pending> {
        let pending = self.all.remove(&ticket)?;
        self.due.remove(&(pending.due, ticket));
        self.by_worker.remove(&(pending.worker, ticket));
        if let Some(own) = self.by_sender.get_mut(&pending.sender) {
            own.remove(&pending.reqid);
            if own.is_empty() {
                self.by_sender.remove(&pending.sender);
            }
        }
        if let Some(count) = self.counts.get_mut(&(pending.sender, pending.route)) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&(pending.sender, pending.route));
            }
        }
        Some(pending)
    }

    pub(crate) fn get(&self, ticket: Ticket) -> Option<&Pending> {
        self.all.get(&ticket)
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// How many of a client wait on a route.
    pub(crate) fn count(&self, sender: ClientId, route: RouteNumber) -> usize {
        self.counts.get(&(sender, route)).copied().unwrap_or_default()
    }

    /// How many of a client wait, on all routes.
    pub(crate) fn count_all(&self, sender: ClientId) -> usize {
        self.by_sender.get(&sender).map_or(0, BTreeMap::len)
    }

    /// The request of that client that has this mark.
    pub(crate) fn of(&self, sender: ClientId, reqid: &ReqId) -> Option<Ticket> {
        self.by_sender.get(&sender)?.get(reqid).copied()
    }

    /// What a worker's response answers.
    pub(crate) fn answered_by(&self, worker: ClientId, reqid: Option<&ReqId>) -> Found {
        match reqid.and_then(Ticket::parse) {
            Some(ticket) if self.by_worker.contains(&(worker, ticket)) => Found::Open(ticket),
            Some(ticket) if !self.all.contains_key(&ticket) && (1..=self.last).contains(&ticket.0) => Found::Late,
            _ => Found::Unknown,
        }
    }

    /// Requests that a client sent, and those that it shall answer.
    pub(crate) fn around(&self, who: ClientId) -> (Vec<Ticket>, Vec<Ticket>) {
        let mut sent: Vec<Ticket> = self.by_sender.get(&who).into_iter().flat_map(BTreeMap::values).copied().collect();
        sent.sort_unstable();
        let range = (who, Ticket::FIRST)..=(who, Ticket::LAST);
        (sent, self.by_worker.range(range).map(|(_, ticket)| *ticket).collect())
    }

    pub(crate) fn next_due(&self) -> Option<Millis> {
        self.due.first().map(|(due, _)| *due)
    }

    /// The one that has waited too long for the longest time.
    pub(crate) fn overdue(&self, now: Millis) -> Option<Ticket> {
        self.due.first().filter(|(due, _)| *due <= now).map(|(_, ticket)| *ticket)
    }
}
