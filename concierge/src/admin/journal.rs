//! What happened lately: a ring that forgets the oldest.

use std::collections::VecDeque;

use concierge_api_rs::admin::{Event, Events, Happening, Named};
use concierge_api_rs::{ClientInfo, PayloadOut, limits};
use parking_lot::Mutex;

use crate::peer::Peer;

/// The last events, numbered from 1 on.
#[derive(Default)]
pub(crate) struct Journal(Mutex<VecDeque<Event>>);

impl Journal {
    /// Something happened at that instant.
    pub(super) fn write(&self, at: u64, what: Happening) {
        let mut events = self.0.lock();
        let n = events.back().map_or(0, |last| last.n) + 1;
        if events.len() == limits::ADMIN_EVENTS {
            events.pop_front();
        }
        events.push_back(Event { n, at, what });
    }

    /// The number of the last event.
    pub(super) fn last(&self) -> u64 {
        self.0.lock().back().map_or(0, |last| last.n)
    }

    /// The first events, `most` at most, after number `since`, and how many before these are forgotten. `None` when there is nothing to tell.
    pub(super) fn after(&self, since: u64, most: usize) -> Option<Events> {
        let events = self.0.lock();
        let first = events.front()?.n;
        let from = first.max(since.saturating_add(1));
        let index = usize::try_from(from - first).unwrap_or(usize::MAX);
        let told: Vec<Event> = events.iter().skip(index).take(most).cloned().collect();
        (!told.is_empty()).then(|| Events { events: told, lost: from - since - 1 })
    }
}

/// What news to others means to those who look after the hub. `peer` is the client whose turn it was.
pub(crate) fn of_news(peer: &Peer, news: &PayloadOut) -> Option<Happening> {
    Some(match news {
        PayloadOut::ClientJoined(news) => {
            Happening::Joined { client: named(&news.client), address: (!peer.is_builtin()).then_some(peer.address) }
        }
        PayloadOut::ClientLeft(news) => {
            let (code, by_hub) = peer.ended_with();
            Happening::Left { client: named(&news.client), code, by_hub }
        }
        PayloadOut::ServiceCreateResult(news) => {
            Happening::ServiceCreated { service: news.service.name.clone(), owner: news.service.owner_uuid }
        }
        PayloadOut::ServiceDeleteResult(news) => {
            Happening::ServiceDeleted { service: news.service.name.clone(), owner: news.service.owner_uuid }
        }
        PayloadOut::ServiceClientSubscribed(news) => {
            Happening::Subscribed { client: named(&news.client), service: news.service.name.clone() }
        }
        PayloadOut::ServiceClientUnsubscribed(news) => {
            Happening::Unsubscribed { client: named(&news.client), service: news.service.name.clone() }
        }
        _ => return None,
    })
}

fn named(client: &ClientInfo) -> Named {
    Named { name: client.name.clone(), uuid: client.uuid }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(journal: &Journal, since: u64) -> Option<(u64, u64, u64)> {
        journal.after(since, limits::ADMIN_PAGE).map(|told| (told.events[0].n, told.events.last().unwrap().n, told.lost))
    }

    #[test]
    fn the_last_thousand_events_are_remembered_told_in_pieces_and_what_was_forgotten_is_counted() {
        let journal = Journal::default();
        assert_eq!(numbers(&journal, 0), None);
        for n in 1..=1_500 {
            journal.write(n, Happening::Started { version: String::new() });
        }
        assert_eq!(numbers(&journal, 0), Some((501, 756, 500)));
        assert_eq!(numbers(&journal, 756), Some((757, 1_012, 0)));
        assert_eq!(numbers(&journal, 1_499), Some((1_500, 1_500, 0)));
        assert_eq!(numbers(&journal, 1_500), None);
        assert_eq!(numbers(&journal, u64::MAX), None, "a number of another hub's");
    }
}
