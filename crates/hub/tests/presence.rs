//! What it costs that everybody enters, counted in bytes of payloads: to the hub, and to one service.
//!
//! `CONCIERGE_TEST_CLIENTS=1250,2500,5000 cargo test -p concierge-hub --test presence figures` shows the figures of
//! docs/benchmarks.md.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::io::Write as _;

use concierge_api_rs::{ClientId, ClientInfo, ClientName, FileKey, Intent, Intents, Seq, ServiceCreate, ServiceName, limits};
use concierge_hub::{Bounds, Registry, Turn};
use uuid::Uuid;

type Hub = Registry<ClientId>;

/// Bytes that leave the hub, all clients together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Cost {
    /// While so many enter the hub, one after the other.
    hub: u64,
    /// While they subscribe to one service, one after the other.
    service: u64,
}

fn id(n: u64) -> ClientId {
    ClientId(Uuid::from_u64_pair(n, 7))
}

fn join(hub: &mut Hub, n: u64, intents: Intents) -> Turn {
    let name = ClientName::parse(&format!("client_{n:05}")).unwrap();
    let info = ClientInfo { name, nickname: None, uuid: id(n), tags: Vec::new() };
    hub.join(info, FileKey(id(n).0), intents, id(n)).unwrap()
}

/// The bytes of a turn: the answer once, the news for each of its audience.
fn bytes(hub: &Hub, turn: &Turn, who: ClientId) -> u64 {
    let answer = turn.reply.as_ref().map_or(0, |reply| reply.encode(Some(Seq::default())).len() as u64);
    let news = turn.news.iter().map(|news| {
        let mut told = 0;
        hub.members(news.to, who, |_| told += 1);
        told * news.payload.encode(None).len() as u64
    });
    answer + news.sum::<u64>()
}

fn cost(clients: u64, intents: Intents, shown: usize) -> Cost {
    let mut hub = Hub::new(Bounds { subscribers_shown: shown, ..Bounds::default() });
    let mut cost = Cost::default();
    let service = ServiceName::parse("weather").unwrap();
    for n in 0..clients {
        let turn = join(&mut hub, n, intents);
        cost.hub += bytes(&hub, &turn, id(n));
    }
    hub.create_service(id(0), ServiceCreate { service: service.clone(), nickname: None });
    for n in 0..clients {
        let turn = hub.subscribe(id(n), &service);
        cost.service += bytes(&hub, &turn, id(n));
    }
    cost
}

/// How much more twice as many cost.
fn growth(intents: Intents, shown: usize) -> (f64, f64) {
    let [few, many] = [256, 512].map(|clients| cost(clients, intents, shown));
    (many.hub as f64 / few.hub as f64, many.service as f64 / few.service as f64)
}

#[test]
fn who_wants_all_news_costs_its_number_squared_times_the_bound_and_not_its_cube() {
    let (hub, bounded) = growth(Intents::ALL, 32);
    assert!((3.9..4.1).contains(&hub), "{hub}");
    assert!((3.9..4.3).contains(&bounded), "{bounded}");
    let (_, unbounded) = growth(Intents::ALL, usize::MAX);
    assert!(unbounded > 7.0, "without the bound: {unbounded}");
}

#[test]
fn who_wants_no_news_costs_its_own_answer_which_the_bound_bounds() {
    for intents in [Intents::NONE, Intents::NONE.and(Intent::Messages).and(Intent::Services)] {
        assert_eq!(cost(100, intents, 32).hub, 0);
        // one answer for each, that lists as many as are shown
        let (clients, shown, each) = (200_u64, 32, 39);
        let first = cost(1, intents, shown).service;
        let count_digits = (1..=clients).map(|n| u64::from(n.ilog10())).sum::<u64>();
        let listed = (1..=clients).map(|n| each * (n.min(shown as u64) - 1)).sum::<u64>();
        assert_eq!(cost(clients, intents, shown).service, clients * first + listed + count_digits);
    }
}

#[test]
fn the_news_of_ten_among_many_is_told_to_ten() {
    let mut hub = Hub::new(Bounds::default());
    for n in 0..2_000 {
        join(&mut hub, n, if n % 200 == 0 { Intents::ALL } else { Intents::NONE });
    }
    let turn = join(&mut hub, 2_000, Intents::ALL);
    let mut told = Vec::new();
    hub.members(turn.news[0].to, id(2_000), |who| told.push(*who));
    assert_eq!(told, (0..10).map(|n| id(n * 200)).collect::<Vec<_>>());
}

#[test]
#[expect(clippy::disallowed_methods, reason = "this one is asked from outside how many it shall show")]
fn the_figures_of_as_many_clients_as_are_asked_for() {
    let asked = std::env::var("CONCIERGE_TEST_CLIENTS").unwrap_or_else(|_| "100,200".to_owned());
    for clients in asked.split(',').map(|n| n.parse().unwrap()) {
        let [all, none] = [Intents::ALL, Intents::NONE].map(|intents| cost(clients, intents, limits::SUBSCRIBERS_SHOWN));
        let mb = |bytes: u64| bytes as f64 / 1e6;
        let figures = [all.hub, none.hub, all.service, none.service].map(|bytes| format!("{:.3}", mb(bytes)));
        let [all_hub, none_hub, all_service, none_service] = figures;
        let to_hub = format!("{all_hub} MB with all intents, {none_hub} MB with none");
        let to_service = format!("{all_service} MB and {none_service} MB");
        writeln!(std::io::stderr(), "{clients} clients: the hub {to_hub}; one service {to_service}").unwrap();
        assert!(none.service < all.service && none.hub < all.hub);
    }
}
