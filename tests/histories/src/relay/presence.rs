//! Who is there, as far as clients can tell: names are unique, who left is silent, and all are told the same.

use std::collections::BTreeMap;

use super::Broken;
use super::event::{Answer, News, Person, Place, What};
use super::streams::{Stream, Streams};

pub(super) fn broken(streams: &Streams<'_>) -> Vec<Broken> {
    let mut found = Vec::new();
    for stream in streams.all.values() {
        found.extend(View { drains: streams.drains(stream), ..View::default() }.watch(stream));
    }
    found.extend(two_at_once(streams));
    found.extend(other_news(streams));
    found
}

/// What one client was told of the others.
#[derive(Default)]
struct View<'a> {
    /// Where it was told of them, by name: ids.
    present: BTreeMap<&'a str, (Place, &'a str)>,
    /// By id.
    left: BTreeMap<&'a str, Place>,
    /// By name: owners.
    services: BTreeMap<&'a str, (Place, &'a str)>,
    /// From here on nobody is told who is sent away.
    drains: Option<Place>,
    found: Vec<Broken>,
}

impl<'a> View<'a> {
    fn watch(mut self, stream: &Stream<'a>) -> Vec<Broken> {
        for (place, event) in &stream.events {
            match &event.what {
                What::Entered(me) => self.comes(*place, me),
                What::Received { origin, .. } => self.speaks(*place, origin),
                What::Answered { answer: Answer::Clients(clients), .. } => self.lists(*place, clients),
                What::Told(news) => self.hears(*place, news),
                _ => {}
            }
        }
        self.found
    }

    fn hears(&mut self, place: Place, news: &'a News) {
        match news {
            News::Joined(person) => self.comes(place, person),
            News::Left(person) => {
                self.speaks(place, &person.id);
                self.left.insert(&person.id, place);
                self.present.remove(&*person.name);
                // its services were gone before it was
                if let Some((_, (created, _))) = self.services.iter().find(|(_, (_, owner))| *owner == person.id) {
                    self.found.push(Broken::AfterLeave(*created, place));
                }
            }
            News::Created { service, owner } => {
                self.speaks(place, owner);
                // the service of somebody who was sent away is gone without a word
                let before = self.services.insert(service, (place, owner)).filter(|_| !self.is_silent(place));
                if let Some((before, _)) = before {
                    self.found.push(Broken::Shared(before, place));
                }
            }
            News::Deleted { service, owner } => {
                self.speaks(place, owner);
                self.services.remove(&**service);
            }
            News::Subscribed { id, .. } | News::Unsubscribed { id, .. } => self.speaks(place, id),
        }
    }

    /// Whether nobody is told who is sent away.
    fn is_silent(&self, place: Place) -> bool {
        self.drains.is_some_and(|drains| drains < place)
    }

    fn comes(&mut self, place: Place, person: &'a Person) {
        self.speaks(place, &person.id);
        if let Some((before, _)) = self.present.insert(&person.name, (place, &person.id)) {
            self.found.push(Broken::Shared(before, place));
        }
    }

    fn speaks(&mut self, place: Place, id: &str) {
        if let Some(left) = self.left.get(id) {
            self.found.push(Broken::AfterLeave(*left, place));
        }
    }

    /// A list is the whole truth of its instant.
    fn lists(&mut self, place: Place, clients: &'a [Person]) {
        let mut listed: BTreeMap<&str, (Place, &str)> = BTreeMap::new();
        for person in clients {
            self.speaks(place, &person.id);
            if listed.insert(&person.name, (place, &person.id)).is_some() {
                self.found.push(Broken::Shared(place, place));
            }
        }
        // whoever was there and did not leave is there still, unless all are sent away
        let silent = self.is_silent(place);
        for (name, (before, id)) in self.present.iter().filter(|_| !silent) {
            if listed.get(name).is_none_or(|(_, listed)| listed != id) {
                self.found.push(Broken::News(*before, place));
            }
        }
        self.present = listed;
    }
}

/// Somebody entered under the name, or the id, of one who was there before and asked something after.
fn two_at_once(streams: &Streams<'_>) -> Vec<Broken> {
    let entered = || streams.all.values().filter_map(|stream| Some((stream, stream.entered?)));
    let mut found = Vec::new();
    for (first, (before, one)) in entered() {
        for (_, (place, other)) in entered().filter(|(_, (place, _))| *place > before) {
            if one.id == other.id {
                found.push(Broken::Shared(before, place));
            }
            if let (true, Some(_)) = (one.name == other.name, first.stayed(place)) {
                found.push(Broken::Shared(before, place));
            }
        }
    }
    found
}

/// After the same news all are told the same next: of those who come and go each is told, but of itself.
fn other_news(streams: &Streams<'_>) -> Vec<Broken> {
    let mut next: BTreeMap<Turn<'_>, Vec<(Turn<'_>, Place)>> = BTreeMap::new();
    let mut found = Vec::new();
    for stream in streams.all.values() {
        let Some((entered, me)) = stream.entered else { continue };
        let turns = stream.events.iter().filter_map(|(place, event)| Some((turn(&event.what)?, *place)));
        // everybody else was told of it when it had entered
        let own = (Turn { id: &me.id, left: false }, entered);
        let all: Vec<_> = std::iter::once(own).chain(turns).collect();
        for pair in all.windows(2) {
            let [(before, _), after] = pair else { continue };
            next.entry(*before).or_default().push(*after);
        }
    }
    for told in next.values() {
        let Some(((first, place), rest)) = told.split_first() else { continue };
        found.extend(rest.iter().filter(|(turn, _)| turn != first).map(|(_, other)| Broken::News(*place, *other)));
    }
    found
}

/// Somebody came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Turn<'a> {
    id: &'a str,
    left: bool,
}

fn turn(what: &What) -> Option<Turn<'_>> {
    match what {
        What::Told(News::Joined(person)) => Some(Turn { id: &person.id, left: false }),
        What::Told(News::Left(person)) => Some(Turn { id: &person.id, left: true }),
        _ => None,
    }
}
