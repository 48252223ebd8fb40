//! Who serves what, and whose turn it is: of a category's workers the one with the fewest requests, and of several such the one
//! that has waited longest.
//!
//! Invariant: a worker stands below each category that it serves, once, under the load that it has.

use std::collections::{BTreeMap, BTreeSet};

use concierge_api_rs::ClientId;
use concierge_api_rs::packet::Category;

/// When something happened, among all that ever did.
type Turn = u64;

#[derive(Debug)]
struct Worker {
    categories: BTreeSet<Category>,
    /// Requests that wait for it.
    load: usize,
    /// When it came, or was given a request last.
    since: Turn,
}

/// Who serves what. Who serves nothing is here for as long as requests wait for it.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    turn: Turn,
    all: BTreeMap<ClientId, Worker>,
    by_category: BTreeMap<Category, BTreeSet<(usize, Turn, ClientId)>>,
}

impl Workers {
    /// From now on this one serves these, and no others.
    pub(crate) fn serve(&mut self, who: ClientId, categories: BTreeSet<Category>) {
        let since = self.tick();
        self.change(who, since, |worker| worker.categories = categories);
    }

    /// Whose turn it is among those that have room. It gets one request more.
    pub(crate) fn next(&mut self, category: &Category, has_room: impl Fn(ClientId) -> bool) -> Option<ClientId> {
        let who = self.of(category).find(|who| has_room(*who))?;
        let since = self.tick();
        self.change(who, since, |worker| (worker.load, worker.since) = (worker.load + 1, since));
        Some(who)
    }

    /// A request waits for it no more.
    pub(crate) fn release(&mut self, who: ClientId) {
        if self.all.contains_key(&who) {
            self.change(who, 0, |worker| worker.load -= 1);
        }
    }

    /// It is gone.
    pub(crate) fn remove(&mut self, who: ClientId) {
        self.unlist(who);
        self.all.remove(&who);
    }

    /// All that serve a category.
    pub(crate) fn of(&self, category: &Category) -> impl Iterator<Item = ClientId> {
        self.by_category.get(category).into_iter().flatten().map(|(_, _, who)| *who)
    }

    /// Every category that is served.
    pub(crate) fn categories(&self) -> impl ExactSizeIterator<Item = &Category> {
        self.by_category.keys()
    }

    /// How many serve a category.
    pub(crate) fn count(&self, category: &Category) -> usize {
        self.by_category.get(category).map_or(0, BTreeSet::len)
    }

    /// How many requests wait for it.
    pub(crate) fn load(&self, who: ClientId) -> usize {
        self.all.get(&who).map_or(0, |worker| worker.load)
    }

    /// How many serve something.
    pub(crate) fn len(&self) -> usize {
        self.all.values().filter(|worker| !worker.categories.is_empty()).count()
    }

    fn tick(&mut self) -> Turn {
        self.turn += 1;
        self.turn
    }

    /// Changes a worker, who came at `since` if it is new, where it stands and below its categories.
    fn change(&mut self, who: ClientId, since: Turn, change: impl FnOnce(&mut Worker)) {
        self.unlist(who);
        let new = || Worker { categories: BTreeSet::new(), load: 0, since };
        let worker = self.all.entry(who).or_insert_with(new);
        change(worker);
        for category in &worker.categories {
            self.by_category.entry(category.clone()).or_default().insert((worker.load, worker.since, who));
        }
        if worker.categories.is_empty() && worker.load == 0 {
            self.all.remove(&who);
        }
    }

    fn unlist(&mut self, who: ClientId) {
        let Some(worker) = self.all.get(&who) else { return };
        for category in &worker.categories {
            if let Some(listed) = self.by_category.get_mut(category) {
                listed.remove(&(worker.load, worker.since, who));
                if listed.is_empty() {
                    self.by_category.remove(category);
                }
            }
        }
    }
}
