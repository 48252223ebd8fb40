//! Those who want to hear of what concerns all clients, by what they want: what ten of ten thousand want touches ten.
//!
//! Invariant: whoever wants all of it has one entry, anybody else one for each thing that he wants.

use std::collections::BTreeMap;
use std::iter;

use concierge_api_rs::{Intent, Intents};

use super::Order;

/// What concerns all clients; what the members of a service are told has the service's own audiences.
const KINDS: [Intent; 3] = [Intent::Messages, Intent::Services, Intent::Clients];

pub(super) struct Wanting<H> {
    all: BTreeMap<Order, H>,
    some: [BTreeMap<Order, H>; Intent::ALL.len()],
}

impl<H: Clone> Wanting<H> {
    pub(super) fn new() -> Self {
        Self { all: BTreeMap::new(), some: std::array::from_fn(|_| BTreeMap::new()) }
    }

    pub(super) fn insert(&mut self, order: Order, intents: Intents, handle: &H) {
        if KINDS.iter().all(|intent| intents.has(*intent)) {
            self.all.insert(order, handle.clone());
            return;
        }
        for intent in KINDS.into_iter().filter(|intent| intents.has(*intent)) {
            self.some[intent as usize].insert(order, handle.clone());
        }
    }

    pub(super) fn remove(&mut self, order: Order) {
        self.all.remove(&order);
        self.some.iter_mut().for_each(|some| drop(some.remove(&order)));
    }

    /// How many want it.
    pub(super) fn count(&self, intent: Intent) -> usize {
        self.all.len() + self.some[intent as usize].len()
    }

    /// Who wants it, in the order they came.
    pub(super) fn members(&self, intent: Intent) -> impl Iterator<Item = (Order, &H)> {
        let (mut all, mut some) = (self.all.iter().peekable(), self.some[intent as usize].iter().peekable());
        let next = move || match (all.peek(), some.peek()) {
            (Some((one, _)), Some((other, _))) if other < one => some.next(),
            (Some(_), _) => all.next(),
            (None, _) => some.next(),
        };
        iter::from_fn(next).map(|(order, handle)| (*order, handle))
    }
}
