//! What happened lately: a ring that forgets the oldest. What outsiders can bring about as often as they like (that they are
//! refused, or throttled) has a ring of its own, and is written once in a while with a count.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use concierge_api_rs::admin::{Event, Events, Happening, Named};
use concierge_api_rs::{ClientId, ClientInfo, PayloadOut, limits};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::crowd::counted_as;
use crate::peer::Peer;

const REFUSALS_EVERY: Duration = Duration::from_millis(limits::ADMIN_REFUSALS_EVERY_MS);
const THROTTLES_EVERY: Duration = Duration::from_millis(limits::ADMIN_THROTTLES_EVERY_MS);

/// A full table is looked through at most so often.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// The last events, numbered from 1 on.
#[derive(Default)]
pub(crate) struct Journal(Mutex<Rings>);

#[derive(Default)]
struct Rings {
    /// The number of the last event.
    last: u64,
    events: VecDeque<Event>,
    refusals: VecDeque<Event>,
    /// What was written a moment ago and is only counted now.
    damped: HashMap<Kind, Damped>,
    /// When that was looked through last because it was full.
    swept: Option<Instant>,
}

/// What is taken together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Kind {
    word: String,
    code: u16,
    /// Of the client, or else of its address.
    who: Result<ClientId, IpAddr>,
}

#[derive(Debug)]
struct Damped {
    until: Instant,
    what: Happening,
    /// How often it was since it was written.
    more: u64,
}

impl Journal {
    /// Something happened at that instant, which is now.
    pub(super) fn write(&self, at: u64, what: Happening, now: Instant) {
        let mut rings = self.0.lock();
        match kind(&what) {
            None => rings.push(at, what),
            Some((kind, every)) => rings.damp(at, kind, what, (now, every)),
        }
    }

    /// Writes how often what was only counted happened, if that is due.
    pub(super) fn settle(&self, at: u64, now: Instant) {
        self.0.lock().settle(at, now);
    }

    /// The number of the last event.
    pub(super) fn last(&self) -> u64 {
        self.0.lock().last
    }

    /// The first events, `most` at most, after number `since`, and how many before and between these are forgotten. `None` when
    /// there is nothing to tell.
    pub(super) fn after(&self, since: u64, most: usize) -> Option<Events> {
        let rings = self.0.lock();
        let behind = |ring: &VecDeque<Event>| ring.partition_point(|event| event.n <= since);
        let mut events = rings.events.range(behind(&rings.events)..).peekable();
        let mut refusals = rings.refusals.range(behind(&rings.refusals)..).peekable();
        let mut told: Vec<Event> = Vec::new();
        while told.len() < most {
            let from_events = match (events.peek(), refusals.peek()) {
                (Some(event), Some(refusal)) => event.n < refusal.n,
                (event, _) => event.is_some(),
            };
            let Some(next) = (if from_events { events.next() } else { refusals.next() }) else { break };
            told.push(next.clone());
        }
        let last = told.last()?.n;
        Some(Events { lost: last - since - told.len() as u64, events: told })
    }
}

impl Rings {
    fn push(&mut self, at: u64, what: Happening) {
        self.last += 1;
        let (ring, most) = match kind(&what) {
            None => (&mut self.events, limits::ADMIN_EVENTS),
            Some(_) => (&mut self.refusals, limits::ADMIN_REFUSALS),
        };
        if ring.len() == most {
            ring.pop_front();
        }
        ring.push_back(Event { n: self.last, at, what });
    }

    /// Writes it, unless the same was written a moment ago.
    fn damp(&mut self, at: u64, kind: Kind, what: Happening, (now, every): (Instant, Duration)) {
        if let Some(damped) = self.damped.get_mut(&kind) {
            if now < damped.until {
                damped.more += 1;
                return;
            }
            let more = std::mem::take(&mut damped.more);
            (damped.until, damped.what) = (now + every, what.clone());
            return self.push(at, often(what, more + 1));
        }
        if self.damped.len() >= limits::ADMIN_REFUSERS {
            if self.swept.is_some_and(|swept| now < swept + SWEEP_EVERY) {
                return;
            }
            self.swept = Some(now);
            self.settle(at, now);
            if self.damped.len() >= limits::ADMIN_REFUSERS {
                return;
            }
        }
        self.damped.insert(kind, Damped { until: now + every, what: what.clone(), more: 0 });
        self.push(at, what);
    }

    fn settle(&mut self, at: u64, now: Instant) {
        let over: Vec<Kind> =
            self.damped.iter().filter(|(_, damped)| damped.until <= now).map(|(kind, _)| kind.clone()).collect();
        for kind in over {
            match self.damped.remove(&kind) {
                Some(Damped { what, more, .. }) if more > 0 => {
                    let every = self::kind(&what).map_or(REFUSALS_EVERY, |(_, every)| every);
                    self.damped.insert(kind, Damped { until: now + every, what: what.clone(), more: 0 });
                    self.push(at, often(what, more));
                }
                _ => {}
            }
        }
    }
}

/// How what may happen too often is taken together, and how often it is told.
fn kind(what: &Happening) -> Option<(Kind, Duration)> {
    let of = |word: &String, code, client: Option<ClientId>, address: &IpAddr| Kind {
        word: word.clone(),
        code,
        who: client.ok_or(counted_as(*address)),
    };
    match what {
        Happening::Limited { limit, address, client, .. } => Some((of(limit, 0, *client, address), REFUSALS_EVERY)),
        Happening::Throttled { limit, address, client, .. } => Some((of(limit, 1, Some(*client), address), THROTTLES_EVERY)),
        Happening::Refused { reason, code, address, .. } => Some((of(reason, *code, None, address), REFUSALS_EVERY)),
        _ => None,
    }
}

/// The same, so many times.
fn often(mut what: Happening, often: u64) -> Happening {
    if let Happening::Limited { times, .. } | Happening::Throttled { times, .. } | Happening::Refused { times, .. } = &mut what {
        *times = often;
    }
    what
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

    fn started() -> Happening {
        Happening::Started { version: String::new() }
    }

    fn refused(address: IpAddr) -> Happening {
        Happening::Refused { reason: "crowded".to_owned(), code: 429, address, times: 1 }
    }

    fn address(n: u32) -> IpAddr {
        IpAddr::V4((0x0a00_0000 + n).into())
    }

    /// Of every refusal that is told: whose, and how often.
    fn refusals(journal: &Journal) -> Vec<(IpAddr, u64)> {
        let events = journal.after(0, 10_000).unwrap().events;
        let of = |event: &Event| match &event.what {
            Happening::Refused { address, times, .. } => Some((*address, *times)),
            _ => None,
        };
        events.iter().filter_map(of).collect()
    }

    /// Security: 35.
    #[tokio::test(start_paused = true)]
    async fn one_who_is_refused_again_and_again_is_told_once_in_a_while_with_a_count() {
        let journal = Journal::default();
        let every = Duration::from_millis(limits::ADMIN_REFUSALS_EVERY_MS);
        for _ in 0..5_000 {
            journal.write(0, refused(address(1)), Instant::now());
        }
        assert_eq!(refusals(&journal), [(address(1), 1)]);
        journal.settle(0, Instant::now() + every - Duration::from_millis(1));
        assert_eq!(refusals(&journal).len(), 1);
        journal.settle(0, Instant::now() + every);
        journal.settle(0, Instant::now() + every);
        assert_eq!(refusals(&journal), [(address(1), 1), (address(1), 4_999)], "the flood is over, and is counted");
        journal.write(0, refused(address(1)), Instant::now() + every * 2);
        assert_eq!(refusals(&journal)[2..], [(address(1), 1)]);
        // clients of one IPv6 network are one
        for n in 0..100 {
            journal.write(0, refused(IpAddr::V6((0x2001_0db8_u128 << 96 | n).into())), Instant::now());
        }
        assert_eq!(refusals(&journal).len(), 4);
    }

    /// Security: 35.
    #[test]
    fn a_flood_from_everywhere_pushes_nothing_else_out() {
        let journal = Journal::default();
        let now = Instant::now();
        for n in 0..limits::ADMIN_EVENTS as u64 {
            journal.write(n, started(), now);
        }
        for n in 0..100_000 {
            journal.write(0, refused(address(n)), now);
        }
        let told = journal.after(0, 10_000).unwrap();
        let lasting = told.events.iter().filter(|event| matches!(event.what, Happening::Started { .. })).count();
        assert_eq!((lasting, told.events.len()), (limits::ADMIN_EVENTS, limits::ADMIN_EVENTS + limits::ADMIN_REFUSALS));
        assert_eq!(told.lost, (limits::ADMIN_REFUSERS - limits::ADMIN_REFUSALS) as u64);
        assert_eq!(journal.0.lock().damped.len(), limits::ADMIN_REFUSERS);
        // in pieces nothing is told twice, and what is lost is counted once
        let (mut since, mut all, mut lost) = (0, 0, 0);
        while let Some(piece) = journal.after(since, 100) {
            assert!(piece.events.is_sorted_by_key(|event| event.n) && piece.events[0].n > since);
            since = piece.events.last().unwrap().n;
            (all, lost) = (all + piece.events.len(), lost + piece.lost);
        }
        assert_eq!((all, lost, since), (told.events.len(), told.lost, journal.last()));
    }

    #[test]
    fn the_last_thousand_events_are_remembered_told_in_pieces_and_what_was_forgotten_is_counted() {
        let journal = Journal::default();
        assert_eq!(numbers(&journal, 0), None);
        for n in 1..=1_500 {
            journal.write(n, started(), Instant::now());
        }
        assert_eq!(numbers(&journal, 0), Some((501, 756, 500)));
        assert_eq!(numbers(&journal, 756), Some((757, 1_012, 0)));
        assert_eq!(numbers(&journal, 1_499), Some((1_500, 1_500, 0)));
        assert_eq!(numbers(&journal, 1_500), None);
        assert_eq!(numbers(&journal, u64::MAX), None, "a number of another hub's");
    }
}
