//! Who serves what, and whose turn it is: of a category's workers the one with the fewest requests, and of several such the one
//! that has waited longest.
//!
//! Invariant: a worker stands below each category that it serves, once, under the load that it has.

use std::collections::{BTreeMap, BTreeSet};

use concierge_api_rs::packet::{Category, Group, Subject};
use concierge_api_rs::{ClientId, limits};

/// When something happened, among all that ever did.
type Turn = u64;

/// What a worker said that it serves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Served {
    /// With the groups that share their pushes.
    pub(crate) categories: BTreeMap<Category, Option<Group>>,
    /// `None`: whichever.
    pub(crate) subjects: Option<BTreeSet<Subject>>,
}

impl Served {
    /// Each category on each subject that is named, and on [`Subject::api`] where none is. Of one worker not more than
    /// [`limits::ROUTER_PLACES`] count, in their order.
    fn places(&self) -> impl Iterator<Item = (Subject, Category)> {
        let named = self.subjects.clone().unwrap_or_else(|| BTreeSet::from([Subject::api()]));
        let all =
            named.into_iter().flat_map(|subject| self.categories.keys().map(move |category| (subject.clone(), category.clone())));
        all.take(limits::ROUTER_PLACES)
    }
}

#[derive(Debug)]
struct Worker {
    served: Served,
    /// Requests that wait for it.
    load: usize,
    /// When it came, or was given a request last.
    since: Turn,
}

/// Who serves what. Who serves nothing is here for as long as requests wait for it.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    turn: Turn,
    /// How often what is served here may have changed.
    changes: u64,
    all: BTreeMap<ClientId, Worker>,
    /// How many workers stand at each place.
    places: BTreeMap<(Subject, Category), usize>,
    by_category: BTreeMap<Category, BTreeSet<(usize, Turn, ClientId)>>,
}

impl Workers {
    /// From now on this one serves these, and nothing else.
    pub(crate) fn serve(&mut self, who: ClientId, served: Served) {
        let since = self.tick();
        let before = self.all.get(&who).map(|worker| worker.served.clone()).unwrap_or_default();
        if before == served {
            return;
        }
        self.changes += 1;
        self.move_from(&before);
        for place in served.places() {
            *self.places.entry(place).or_default() += 1;
        }
        self.change(who, since, |worker| worker.served = served);
    }

    fn move_from(&mut self, served: &Served) {
        for place in served.places() {
            if let Some(count) = self.places.get_mut(&place) {
                *count -= 1;
                if *count == 0 {
                    self.places.remove(&place);
                }
            }
        }
    }

    /// Whose turn it is among those that have room. It gets one request more.
    pub(crate) fn next(
        &mut self,
        category: &Category,
        subject: &Subject,
        has_room: impl Fn(ClientId) -> bool,
    ) -> Option<ClientId> {
        let who = self.of(category, subject).find(|who| has_room(*who))?;
        let since = self.tick();
        self.change(who, since, |worker| (worker.load, worker.since) = (worker.load + 1, since));
        Some(who)
    }

    /// Who gets a push: of each group the one whose turn it is, and all that are in none. How many had no room for it.
    pub(crate) fn hear(
        &mut self,
        category: &Category,
        subject: &Subject,
        has_room: impl Fn(ClientId) -> bool,
    ) -> (Vec<ClientId>, usize) {
        let (mut chosen, mut full, mut heard) = (Vec::new(), 0, BTreeSet::new());
        for who in self.of(category, subject) {
            let group = self.group(who, category);
            if group.is_some_and(|group| heard.contains(group)) {
                continue;
            }
            if has_room(who) {
                heard.extend(group);
                chosen.push((who, group.is_some()));
            } else {
                full += 1;
            }
        }
        let grouped: Vec<_> = chosen.iter().filter(|(_, grouped)| *grouped).map(|(who, _)| *who).collect();
        for who in grouped {
            let since = self.tick();
            self.change(who, since, |worker| worker.since = since);
        }
        (chosen.into_iter().map(|(who, _)| who).collect(), full)
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
        let Some(Worker { served, .. }) = self.all.remove(&who) else { return };
        if !served.categories.is_empty() {
            self.changes += 1;
            self.move_from(&served);
        }
    }

    /// All that serve a category on a subject, in the order of their turns.
    pub(crate) fn of(&self, category: &Category, subject: &Subject) -> impl Iterator<Item = ClientId> {
        self.all_of(category).filter(|who| self.subjects(*who).is_none_or(|subjects| subjects.contains(subject)))
    }

    /// What is served on which subjects.
    pub(crate) fn places(&self) -> impl Iterator<Item = &(Subject, Category)> {
        self.places.keys()
    }

    pub(crate) const fn changes(&self) -> u64 {
        self.changes
    }

    /// Every category that is served.
    pub(crate) fn categories(&self) -> impl ExactSizeIterator<Item = &Category> {
        self.by_category.keys()
    }

    /// How many serve a category.
    pub(crate) fn count(&self, category: &Category) -> usize {
        self.by_category.get(category).map_or(0, BTreeSet::len)
    }

    /// All that serve a category, in the order of their turns.
    pub(crate) fn all_of(&self, category: &Category) -> impl Iterator<Item = ClientId> {
        self.by_category.get(category).into_iter().flatten().map(|(_, _, who)| *who)
    }

    /// Its group in a category.
    pub(crate) fn group(&self, who: ClientId, category: &Category) -> Option<&Group> {
        self.all.get(&who)?.served.categories.get(category)?.as_ref()
    }

    /// The subjects that it serves; `None` is whichever.
    pub(crate) fn subjects(&self, who: ClientId) -> Option<&BTreeSet<Subject>> {
        self.all.get(&who)?.served.subjects.as_ref()
    }

    /// How many requests wait for it.
    pub(crate) fn load(&self, who: ClientId) -> usize {
        self.all.get(&who).map_or(0, |worker| worker.load)
    }

    /// How many serve something.
    pub(crate) fn len(&self) -> usize {
        self.all.values().filter(|worker| !worker.served.categories.is_empty()).count()
    }

    fn tick(&mut self) -> Turn {
        self.turn += 1;
        self.turn
    }

    /// Changes a worker, who came at `since` if it is new, where it stands and below its categories.
    fn change(&mut self, who: ClientId, since: Turn, change: impl FnOnce(&mut Worker)) {
        self.unlist(who);
        let new = || Worker { served: Served::default(), load: 0, since };
        let worker = self.all.entry(who).or_insert_with(new);
        change(worker);
        for category in worker.served.categories.keys() {
            self.by_category.entry(category.clone()).or_default().insert((worker.load, worker.since, who));
        }
        if worker.served.categories.is_empty() && worker.load == 0 {
            self.all.remove(&who);
        }
    }

    fn unlist(&mut self, who: ClientId) {
        let Some(worker) = self.all.get(&who) else { return };
        for category in worker.served.categories.keys() {
            if let Some(listed) = self.by_category.get_mut(category) {
                listed.remove(&(worker.load, worker.since, who));
                if listed.is_empty() {
                    self.by_category.remove(category);
                }
            }
        }
    }
}
