//! Durable requests as far as a hub remembers them: which wait for a worker, which are out at one, whose answers are to be written.
//! What they ask is kept elsewhere, under their promises.
//!
//! Invariants: each stands in every table that its stage names, or in none; of a category no more are out than may be, nor of all
//! together; those of one spot go out in the order in which they came, and a spot that leads nowhere keeps no other one waiting.

use std::collections::{BTreeMap, BTreeSet};

use concierge_api_rs::coordinator::{Millis, PromiseId};
use concierge_api_rs::limits;
use concierge_api_rs::packet::{Category, Subject};

use crate::in_flight::Ticket;

/// Where a request waits: for whoever serves this category on this subject.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// What its command says.
    pub category: Category,
    /// As its client named it.
    pub subject: Subject,
}

#[derive(Debug)]
struct Kept {
    promise: PromiseId,
    spot: Spot,
    /// When its promise is over.
    due: Millis,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    /// At a worker, or on its way there.
    Out,
    /// Its promise is being settled. It counts as out still: who cannot write what is answered asks nothing more.
    Answered,
}

/// Durable requests that a hub remembers.
#[derive(Debug, Default)]
pub struct Durables {
    last: Option<Ticket>,
    all: BTreeMap<Ticket, Kept>,
    by_promise: BTreeMap<PromiseId, Ticket>,
    /// But for those that were answered.
    due: BTreeSet<(Millis, Ticket)>,
    waiting: BTreeMap<Spot, BTreeSet<Ticket>>,
    /// Those spots of them where something may be tried: not where the last try led nowhere, before [`Self::wake`].
    ready: BTreeSet<Spot>,
    out: BTreeSet<Ticket>,
    /// Those that are out and those that were answered.
    counts: BTreeMap<Category, usize>,
}

impl Durables {
    /// Whether one more may come while others are coming.
    #[must_use]
    pub fn has_room(&self, coming: usize) -> bool {
        self.all.len() + coming < limits::ROUTER_DURABLE
    }

    /// A request waits from now on. False when it is here already.
    pub fn keep(&mut self, promise: PromiseId, spot: Spot, due: Millis) -> bool {
        if self.by_promise.contains_key(&promise) {
            return false;
        }
        let ticket = self.last.map_or(Ticket::FIRST, Ticket::next);
        self.last = Some(ticket);
        if !self.waiting.contains_key(&spot) {
            self.ready.insert(spot.clone());
        }
        self.by_promise.insert(promise.clone(), ticket);
        self.due.insert((due, ticket));
        self.waiting.entry(spot.clone()).or_default().insert(ticket);
        self.all.insert(ticket, Kept { promise, spot, due, stage: Stage::Waiting });
        true
    }

    /// The next ones that go out, at most so many, from spots that lead somewhere.
    pub fn next(&mut self, most: usize, leads_somewhere: impl Fn(&Spot) -> bool) -> Vec<(Ticket, PromiseId)> {
        let (open, mut next, mut nowhere) = (self.open(), Vec::new(), Vec::new());
        for spot in &self.ready {
            let of_all = limits::ROUTER_DURABLE_OPEN_ALL.saturating_sub(open + next.len()).min(most - next.len());
            if of_all == 0 {
                break;
            }
            if !leads_somewhere(spot) {
                nowhere.push(spot.clone());
                continue;
            }
            let same = |ticket: &&Ticket| self.all[*ticket].spot.category == spot.category;
            let out = self.counts.get(&spot.category).copied().unwrap_or_default() + next.iter().filter(same).count();
            next.extend(self.waiting[spot].iter().take(limits::ROUTER_DURABLE_OPEN.saturating_sub(out).min(of_all)));
        }
        nowhere.iter().for_each(|spot| _ = self.ready.remove(spot));
        next.iter().for_each(|ticket| self.turn(*ticket, Stage::Out));
        next.into_iter().map(|ticket| (ticket, self.all[&ticket].promise.clone())).collect()
    }

    /// One that is out waits again, where it stood. When its spot is `stuck` nothing there is tried before [`Self::wake`].
    pub fn put_back(&mut self, ticket: Ticket, stuck: bool) -> bool {
        if !self.is_out(ticket) {
            return false;
        }
        self.turn(ticket, Stage::Waiting);
        let spot = &self.all[&ticket].spot;
        _ = if stuck { self.ready.remove(spot) } else { self.ready.insert(spot.clone()) };
        true
    }

    /// All spots may be tried again.
    pub fn wake(&mut self) {
        self.ready = self.waiting.keys().cloned().collect();
    }

    /// The promise of one that is out, whose answer came.
    pub fn answer(&mut self, ticket: Ticket) -> Option<PromiseId> {
        if !self.is_out(ticket) {
            return None;
        }
        self.turn(ticket, Stage::Answered);
        Some(self.all[&ticket].promise.clone())
    }

    /// Its promise is settled. Whether it was out.
    pub fn end(&mut self, ticket: Ticket) -> bool {
        let was_out = self.is_out(ticket);
        if self.all.contains_key(&ticket) {
            self.unlist(ticket);
        }
        if let Some(kept) = self.all.remove(&ticket) {
            self.by_promise.remove(&kept.promise);
        }
        was_out
    }

    /// Those whose promises are over end. Which of them were out.
    pub fn expire(&mut self, now: Millis) -> Vec<Ticket> {
        let over: Vec<Ticket> = self.due.iter().take_while(|(due, _)| *due <= now).map(|(_, ticket)| *ticket).collect();
        over.into_iter().filter(|ticket| self.end(*ticket)).collect()
    }

    /// Whether it is out.
    #[must_use]
    pub fn is_out(&self, ticket: Ticket) -> bool {
        self.out.contains(&ticket)
    }

    /// Where one waits or waited.
    #[must_use]
    pub fn spot(&self, ticket: Ticket) -> Option<&Spot> {
        self.all.get(&ticket).map(|kept| &kept.spot)
    }

    /// Those that are out behind this one, at most so many.
    #[must_use]
    pub fn out_behind(&self, ticket: Option<Ticket>, most: usize) -> Vec<(Ticket, PromiseId)> {
        let behind = self.out.iter().filter(|out| ticket.is_none_or(|ticket| **out > ticket));
        behind.take(most).map(|out| (*out, self.all[out].promise.clone())).collect()
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.all.len() - self.open()
    }

    /// How many are out, or were answered.
    #[must_use]
    pub fn open(&self) -> usize {
        self.counts.values().sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    fn turn(&mut self, ticket: Ticket, stage: Stage) {
        self.unlist(ticket);
        let Some(kept) = self.all.get_mut(&ticket) else { return };
        kept.stage = stage;
        if stage != Stage::Answered {
            self.due.insert((kept.due, ticket));
        }
        match stage {
            Stage::Waiting => _ = self.waiting.entry(kept.spot.clone()).or_default().insert(ticket),
            Stage::Out => _ = self.out.insert(ticket),
            Stage::Answered => {}
        }
        if stage != Stage::Waiting {
            *self.counts.entry(kept.spot.category.clone()).or_default() += 1;
        }
    }

    /// Takes it out of every table but those that name it.
    fn unlist(&mut self, ticket: Ticket) {
        let kept = &self.all[&ticket];
        self.due.remove(&(kept.due, ticket));
        self.out.remove(&ticket);
        if let Some(waiting) = self.waiting.get_mut(&kept.spot) {
            waiting.remove(&ticket);
            if waiting.is_empty() {
                self.waiting.remove(&kept.spot);
                self.ready.remove(&kept.spot);
            }
        }
        if kept.stage == Stage::Waiting {
            return;
        }
        if let Some(count) = self.counts.get_mut(&kept.spot.category) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&kept.spot.category);
            }
        }
    }
}
