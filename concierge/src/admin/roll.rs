//! The roll of clients for those who watch them: looked at once for all, and told to each as far as it has not heard it.
//!
//! Invariants: each row has the number of its last change; whoever was told all up to a number knows every row below it. Rows of
//! those who are gone stay until all who watch were told, or are told everything anew.

use std::collections::{BTreeMap, HashMap};

use concierge_api_rs::ClientId;
use concierge_api_rs::admin::{ClientRecord, Clients};

use super::watchers::Watchers;

/// Rows of clients that are gone.
const GONE: usize = 65_536;

#[derive(Default)]
pub(super) struct Roll {
    /// Of the last change.
    last: u64,
    rows: HashMap<ClientId, Row>,
    changes: BTreeMap<u64, ClientId>,
    gone: usize,
}

struct Row {
    change: u64,
    /// `None`: it is gone.
    record: Option<ClientRecord>,
}

impl Roll {
    /// These are all clients there are.
    pub(super) fn update(&mut self, records: Vec<ClientRecord>) {
        let mut missing: HashMap<ClientId, ()> =
            self.rows.iter().filter(|(_, row)| row.record.is_some()).map(|(id, _)| (*id, ())).collect();
        for record in records {
            missing.remove(&record.uuid);
            if self.rows.get(&record.uuid).and_then(|row| row.record.as_ref()) != Some(&record) {
                self.change(record.uuid, Some(record));
            }
        }
        for id in missing.into_keys() {
            self.change(id, None);
        }
    }

    fn change(&mut self, id: ClientId, record: Option<ClientRecord>) {
        self.last += 1;
        self.gone += usize::from(record.is_none());
        if let Some(before) = self.rows.insert(id, Row { change: self.last, record }) {
            self.changes.remove(&before.change);
            self.gone -= usize::from(before.record.is_none());
        }
        self.changes.insert(self.last, id);
    }

    /// What one knows not yet who was told all up to `told`, or nothing: `most` rows at most. Moved on by as much as is told.
    pub(super) fn news(&self, told: &mut Option<u64>, most: usize) -> Option<Clients> {
        let begin = told.is_none();
        let from = told.unwrap_or(0) + 1;
        let mut news = Clients { clients: Vec::new(), gone: Vec::new(), more: 0, begin };
        let mut changes = self.changes.range(from..);
        for (change, id) in changes.by_ref().take(most) {
            *told = Some(*change);
            match self.rows.get(id).and_then(|row| row.record.as_ref()) {
                Some(record) => news.clients.push(record.clone()),
                // who was told nothing need not hear of its end
                None if begin => {}
                None => news.gone.push(*id),
            }
        }
        news.more = changes.count() as u64;
        told.get_or_insert(self.last);
        (begin || !news.clients.is_empty() || !news.gone.is_empty()).then_some(news)
    }

    /// Whether there is something that one does not know yet who was told all up to `told`, or nothing.
    pub(super) fn has_news(&self, told: Option<u64>) -> bool {
        told.is_none_or(|told| told < self.last)
    }

    /// Forgets who is gone, as soon as all who watch were told; those who lag too far behind are told everything anew.
    pub(super) fn forget(&mut self, watchers: &mut Watchers) {
        if self.gone == 0 {
            return;
        }
        if self.gone > GONE {
            watchers.begin_anew(self.last);
        }
        let told = watchers.least_told().unwrap_or(self.last);
        let gone = |roll: &Self, id: &ClientId| roll.rows.get(id).is_some_and(|row| row.record.is_none());
        let over: Vec<(u64, ClientId)> =
            self.changes.range(..=told).filter(|(_, id)| gone(self, id)).map(|(change, id)| (*change, *id)).collect();
        for (change, id) in over {
            self.changes.remove(&change);
            self.rows.remove(&id);
            self.gone -= 1;
        }
    }

    /// Nobody watches.
    pub(super) fn clear(&mut self) {
        // numbers go on: whoever begins to watch was told nothing
        *self = Self { last: self.last, ..Self::default() };
    }
}
