//! The same random requests at two places: the same answers, the same messages, the same rows.

use std::collections::BTreeMap;

use concierge_api_rs::coordinator::{Dialect, Kind, Millis, Request};
use concierge_coordinator::Decision;
use concierge_store::{Clock, Store};
use futures::future::join_all;

use crate::home::{self, Home};
use crate::wishes::Wishes;

type Wish = (Dialect, Request, Option<Millis>);

/// How often each kind was granted and refused.
type Counts = BTreeMap<Kind, (u64, u64)>;

struct Pair {
    memory: Store,
    other: Store,
    wishes: Wishes,
    counts: Counts,
}

impl Pair {
    async fn new(seed: u64, other: &Home) -> Self {
        let memory = Home::memory().open(Clock::by_hand()).await;
        Self { memory, other: other.open(Clock::by_hand()).await, wishes: Wishes::new(seed), counts: Counts::new() }
    }

    /// All of them wait at once, so that they share commits; both places do them in this order.
    async fn compare(&mut self, wishes: &[Wish]) {
        let (one, two) = (answers(&self.memory, wishes).await, answers(&self.other, wishes).await);
        for ((wish, one), two) in wishes.iter().zip(one).zip(two) {
            assert_eq!(one, two, "{wish:?}");
            let count = self.counts.entry(wish.1.kind()).or_default();
            let which = if one.outcome.is_ok() { &mut count.0 } else { &mut count.1 };
            *which += 1;
        }
    }

    async fn step(&mut self) {
        let many = 1 + self.wishes.below(40);
        let mut wishes = Vec::new();
        for _ in 0..many {
            self.wishes.jump();
            let (dialect, request) = (self.wishes.dialect(), self.wishes.change());
            wishes.push((dialect, request, Some(self.wishes.now)));
        }
        self.compare(&wishes).await;
        let looks: Vec<Wish> = (0..3).map(|_| (self.wishes.dialect(), self.wishes.look(), Some(self.wishes.now))).collect();
        self.compare(&looks).await;
        self.worker().await;
        self.wishes.known = self.memory.everything().await.unwrap();
        assert_eq!(self.wishes.known, self.other.everything().await.unwrap());
    }

    /// A worker comes, is shown what waits page by page, and takes something.
    async fn worker(&mut self) {
        let (address, pid) = (self.wishes.address(), self.wishes.pid());
        let limit = 1 + usize::try_from(self.wishes.below(5)).unwrap();
        let (mut after, mut first) = (None, None);
        loop {
            let one = self.memory.waiting(address.group(), &pid, after.clone(), limit).await.unwrap();
            let two = self.other.waiting(address.group(), &pid, after, limit).await.unwrap();
            assert_eq!(one, two);
            first = first.or_else(|| one.0.last().map(|offer| offer.key.clone()));
            after = one.1;
            if after.is_none() {
                break;
            }
        }
        if let Some(key) = first {
            self.memory.taken(key.clone()).await.unwrap();
            self.other.taken(key).await.unwrap();
        }
    }
}

async fn answers(store: &Store, wishes: &[Wish]) -> Vec<Decision> {
    let asked = wishes.iter().map(|(dialect, request, time)| store.request(*dialect, request.clone(), *time));
    join_all(asked).await.into_iter().map(Result::unwrap).collect()
}

/// `STORE_DIFFERENTIAL_REQUESTS`, or so many.
fn requests(usually: u64) -> u64 {
    std::env::var("STORE_DIFFERENTIAL_REQUESTS").map_or(usually, |text| text.parse().expect("a number of requests"))
}

#[tokio::test]
async fn memory_and_sqlite_answer_and_offer_and_keep_the_same_and_every_verb_is_granted_and_refused() {
    differ(home::sqlite, requests(20_000)).await;
}

#[tokio::test]
async fn memory_and_postgres_answer_and_offer_and_keep_the_same_and_every_verb_is_granted_and_refused() {
    differ(home::postgres, requests(6_000)).await;
}

async fn differ(other: impl AsyncFn() -> Home, requests: u64) {
    let mut counts = Counts::new();
    let (mut done, mut seed) = (0, 0);
    while done < requests {
        let home = other().await;
        let mut pair = Pair::new(seed, &home).await;
        for _ in 0..60 {
            pair.step().await;
        }
        for (kind, (granted, refused)) in pair.counts {
            done += granted + refused;
            let count = counts.entry(kind).or_insert((0, 0));
            *count = (count.0 + granted, count.1 + refused);
        }
        seed += 1;
    }
    for kind in Kind::ALL {
        let (granted, refused) = counts.get(kind).copied().unwrap_or_default();
        let never_refused = kind.is_debug()
            || matches!(kind, Kind::PromiseSearch | Kind::TaskSearch | Kind::ScheduleSearch | Kind::TaskHeartbeat);
        let unused = kind.is_debug() && *kind != Kind::DebugTick;
        assert!((unused || granted > 0) && (never_refused || refused > 0), "{kind:?}: {granted} granted, {refused} refused");
    }
}
