//! Whether somebody who does one thing at a time could have answered all of it, each request at some instant between its call
//! and its answer.
//!
//! The search is that of Wing and Gong, with Lowe's memory of where it was already. Ids are independent, so each is searched
//! for itself, which keeps every search small.

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use crate::event::{Event, History, Nanos};
use crate::spec::{Leases, State};

/// Under this id no order explains what was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    pub id: String,
    /// Everything that was asked about it, by call.
    pub events: Vec<Event>,
    /// Of the events that could be explained, the most at once.
    pub explained: usize,
}

/// The ids whose answers no order explains.
#[must_use]
pub fn contradictions(history: &History, leases: Leases) -> Vec<Contradiction> {
    let ids = history.by_id();
    ids.into_iter()
        .filter_map(|(id, events)| {
            let explained = Search::new(&events, leases).run().err()?;
            Some(Contradiction { id: id.to_owned(), events: events.into_iter().cloned().collect(), explained })
        })
        .collect()
}

struct Search<'a> {
    /// By call.
    events: &'a [&'a Event],
    leases: Leases,
    been: HashSet<Place>,
}

/// What was done so far, whatever the order, and what that made of the id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Place {
    /// All events before this one are done.
    first: usize,
    /// Those after it that are done too.
    done: BTreeSet<usize>,
    state: State,
}

impl<'a> Search<'a> {
    fn new(events: &'a [&'a Event], leases: Leases) -> Self {
        Self { events, leases, been: HashSet::new() }
    }

    /// Ok when there is an order; else how much could be explained.
    fn run(mut self) -> Result<(), usize> {
        let mut most = 0;
        let mut open = vec![Place { first: 0, done: BTreeSet::new(), state: State::default() }];
        while let Some(place) = open.pop() {
            if self.is_over(&place) {
                return Ok(());
            }
            most = most.max(place.first + place.done.len());
            for next in self.nexts(&place) {
                if self.been.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
        Err(most)
    }

    /// Whether all that was answered is explained. What was not may have happened or not.
    fn is_over(&self, place: &Place) -> bool {
        self.left(place).all(|event| self.events[event].reply.is_none())
    }

    fn left<'b>(&self, place: &'b Place) -> impl Iterator<Item = usize> + use<'b> {
        (place.first..self.events.len()).filter(|event| !place.done.contains(event))
    }

    /// One further: everything that may come next, which is what was called before anything that is left was answered. What
    /// is explained now and changes nothing is taken at once: later it could explain no more than now.
    fn nexts(&self, place: &Place) -> Vec<Place> {
        let answered = |event: usize| self.events[event].reply.as_ref().map_or(Nanos::MAX, |reply| reply.at);
        let soonest = self.left(place).map(answered).min().unwrap_or(Nanos::MAX);
        let mut nexts = Vec::new();
        for event in self.left(place).take_while(|event| self.events[*event].called <= soonest) {
            let states = self.states(event, &place.state);
            if states.contains(&place.state) {
                return vec![moved(place, event, place.state.clone())];
            }
            nexts.extend(states.into_iter().map(|state| moved(place, event, state)));
        }
        nexts
    }

    /// What may become of a state by this event, if it is explained at all.
    fn states(&self, event: usize, state: &State) -> Vec<State> {
        let event = self.events[event];
        let answers = state.drifts(self.leases).into_iter().flat_map(|state| state.answers(&event.op));
        match event.answer() {
            Some(told) => answers.filter(|(answer, _)| answer == told).map(|(_, state)| state).collect(),
            // one of which nothing was heard matters only where it changes something
            None => answers.map(|(_, next)| next).filter(|next| next != state).collect(),
        }
    }
}

fn moved(place: &Place, event: usize, state: State) -> Place {
    let (mut first, mut done) = (place.first, place.done.clone());
    done.insert(event);
    while done.remove(&first) {
        first += 1;
    }
    Place { first, done, state }
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: at most {} of {} can be explained", self.id, self.explained, self.events.len())?;
        self.events.iter().try_for_each(|event| writeln!(f, "  {event}"))
    }
}

#[cfg(test)]
mod tests;
