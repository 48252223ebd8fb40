//! Durable requests as far as a hub remembers them: which wait for a worker, which are out at one, whose answers are to be written.
//! What they ask is kept elsewhere, under their promises.
//!
//! Invariants: each stands in every table that its stage names, or in none; of a category no more are out than may be, nor of all
//! together; those of one spot go out in the order in which they came, and a spot that leads nowhere keeps no other one waiting; one that
//! rests has something that waits or is out.
//!
//! Two clocks: promises are over at the coordinator's time, spots rest by one that never goes backwards.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

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

/// When something is tried again at a spot where something was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// Somebody else is there.
    AtOnce,
    /// Somebody is there and has no room: at the next [`Durables::wake_due`].
    Soon,
    /// Nobody is there: after a pause that grows from time to time.
    Later,
}

/// The first pause, and how long a request is not sent back by anybody before somebody is thought to have it.
const PAUSE: Millis = Millis(limits::ROUTER_DURABLE_LOOK_MS as i64);
/// The longest one.
const LONG_PAUSE: Millis = Millis(limits::ROUTER_DURABLE_PAUSE_MS as i64);

/// Nothing is tried at a spot for a while, then one request alone, and when that one stays away the others.
#[derive(Debug, Clone, Copy)]
struct Rest {
    until: Millis,
    pause: Millis,
    /// That one is out.
    tried: bool,
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
    /// Those spots of them where something may be tried.
    ready: BTreeSet<Spot>,
    /// Where the last try led nowhere.
    resting: BTreeMap<Spot, Rest>,
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
        if !self.waiting.contains_key(&spot) && !self.resting.contains_key(&spot) {
            self.ready.insert(spot.clone());
        }
        self.by_promise.insert(promise.clone(), ticket);
        self.due.insert((due, ticket));
        self.waiting.entry(spot.clone()).or_default().insert(ticket);
        self.all.insert(ticket, Kept { promise, spot, due, stage: Stage::Waiting });
        true
    }

    /// The next ones that go out, at most so many, from spots that lead somewhere; one alone from where the last one led nowhere.
    pub fn next(&mut self, now: Millis, most: usize, leads_somewhere: impl Fn(&Spot) -> bool) -> Vec<(Ticket, PromiseId)> {
        let (open, mut next, mut nowhere, mut tried) = (self.open(), Vec::new(), Vec::new(), Vec::new());
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
            let room = limits::ROUTER_DURABLE_OPEN.saturating_sub(out).min(of_all);
            let alone = self.resting.contains_key(spot);
            next.extend(self.waiting[spot].iter().take(if alone { room.min(1) } else { room }));
            if alone && room > 0 {
                tried.push(spot.clone());
            }
        }
        nowhere.iter().for_each(|spot| self.rest(spot, now));
        for spot in tried {
            self.ready.remove(&spot);
            self.resting.entry(spot).and_modify(|rest| *rest = Rest { until: now.plus(PAUSE), tried: true, ..*rest });
        }
        next.iter().for_each(|ticket| self.turn(*ticket, Stage::Out));
        next.into_iter().map(|ticket| (ticket, self.all[&ticket].promise.clone())).collect()
    }

    /// One that is out waits again, where it stood.
    pub fn put_back(&mut self, now: Millis, ticket: Ticket, again: Again) -> bool {
        if !self.is_out(ticket) {
            return false;
        }
        self.turn(ticket, Stage::Waiting);
        let spot = self.all[&ticket].spot.clone();
        match again {
            Again::AtOnce => self.wake(&spot),
            Again::Soon => {
                self.ready.remove(&spot);
                self.resting.insert(spot, Rest { until: now, pause: PAUSE, tried: true });
            }
            Again::Later => self.rest(&spot, now),
        }
        true
    }

    /// Somebody is there.
    pub fn wake(&mut self, spot: &Spot) {
        self.resting.remove(spot);
        if self.waiting.contains_key(spot) {
            self.ready.insert(spot.clone());
        }
    }

    /// Somebody may be anywhere.
    pub fn wake_all(&mut self) {
        self.resting.clear();
        self.ready = self.waiting.keys().cloned().collect();
    }

    /// Spots that have rested may be tried again.
    pub fn wake_due(&mut self, now: Millis) {
        let due = self.resting.iter().filter(|(_, rest)| rest.until <= now);
        let due: Vec<(Spot, bool)> = due.map(|(spot, rest)| (spot.clone(), rest.tried)).collect();
        for (spot, tried) in due {
            if tried {
                self.wake(&spot);
            } else if self.waiting.contains_key(&spot) {
                self.ready.insert(spot);
            }
        }
    }

    /// Spots behind this one where something waits and nothing is tried, at most so many.
    #[must_use]
    pub fn stuck_behind(&self, spot: Option<&Spot>, most: usize) -> Vec<Spot> {
        let behind = self.waiting.range((spot.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded));
        behind.map(|(spot, _)| spot).filter(|spot| !self.ready.contains(*spot)).take(most).cloned().collect()
    }

    /// The promise of one that is out, whose answer came.
    pub fn answer(&mut self, ticket: Ticket) -> Option<PromiseId> {
        if !self.is_out(ticket) {
            return None;
        }
        self.turn(ticket, Stage::Answered);
        let Kept { promise, spot, .. } = &self.all[&ticket];
        let (promise, spot) = (promise.clone(), spot.clone());
        self.wake(&spot);
        Some(promise)
    }

    /// Its promise is settled. Whether it was out.
    pub fn end(&mut self, ticket: Ticket) -> bool {
        let was_out = self.is_out(ticket);
        if self.all.contains_key(&ticket) {
            self.unlist(ticket);
        }
        if let Some(kept) = self.all.remove(&ticket) {
            self.by_promise.remove(&kept.promise);
            if !self.waiting.contains_key(&kept.spot) {
                self.resting.remove(&kept.spot);
            }
        }
        was_out
    }

    /// Its promise is settled, by somebody else unless it was answered here: that one is being written. Whether it was out.
    pub fn overtake(&mut self, ticket: Ticket) -> bool {
        let answered = self.all.get(&ticket).is_some_and(|kept| kept.stage == Stage::Answered);
        !answered && self.end(ticket)
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

    /// Those that wait behind this one, at most so many.
    #[must_use]
    pub fn waiting_behind(&self, ticket: Option<Ticket>, most: usize) -> Vec<(Ticket, PromiseId)> {
        let behind = self.all.range((ticket.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded));
        let waiting = behind.filter(|(_, kept)| kept.stage == Stage::Waiting);
        waiting.take(most).map(|(ticket, kept)| (*ticket, kept.promise.clone())).collect()
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

    /// Nobody is at a spot. Those that come back together make one pause.
    fn rest(&mut self, spot: &Spot, now: Millis) {
        self.ready.remove(spot);
        let rest = self.resting.get(spot);
        if rest.is_some_and(|rest| !rest.tried && now < rest.until) {
            return;
        }
        let pause = rest.map_or(PAUSE, |rest| Millis(rest.pause.0 * 2).min(LONG_PAUSE));
        self.resting.insert(spot.clone(), Rest { until: now.plus(pause), pause, tried: false });
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
