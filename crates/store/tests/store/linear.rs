//! Many clients on eight threads ask about few ids at once: some order of one request after the other explains all that they
//! were told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use concierge_api_rs::coordinator::{
    Answer as Told, Claims, Millis, Promise, PromiseCreate, PromiseSettle, PromiseState, Request, SettleState, TAG_TARGET, Tags,
    Task, TaskFulfill, TaskGet, TaskRef, TaskState, Value,
};
use concierge_coordinator::Decision;
use concierge_store::{Clock, Store};
use concierge_test_histories::linear::contradictions;
use concierge_test_histories::{Answer, Event, History, Leases, Op, Phase, Reply};
use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;

use crate::home::{self, Home, acquire, ask, code, data, get, id};

const ROUNDS: u64 = 10;
const CLIENTS: u64 = 16;
const REQUESTS: u64 = 60;
const IDS: u64 = 6;
const HOUR: i64 = 3_600_000;

/// One of the clients.
struct Client {
    store: Store,
    name: String,
    dice: StdRng,
    /// Of the tasks, as somebody saw them last.
    versions: Arc<Mutex<HashMap<String, u64>>>,
    begin: Instant,
    history: Arc<Mutex<History>>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn what_clients_are_told_by_sqlite_at_the_same_time_is_explained_by_an_order() {
    explained(&Home::sqlite(), 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn what_clients_are_told_by_memory_at_the_same_time_is_explained_by_an_order() {
    explained(&Home::memory(), 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn what_clients_are_told_by_three_hubs_on_one_database_at_the_same_time_is_explained_by_an_order() {
    explained(&home::postgres().await, 3).await;
}

async fn explained(home: &Home, hubs: usize) {
    let seed = rand::rng().random::<u64>();
    eprintln!("seed {seed}");
    let stores = join_all((0..hubs).map(|_| home.open(Clock::system()))).await;
    let mut claims = 0;
    for round in 0..ROUNDS {
        let history = round_of(&stores, seed.wrapping_add(round), round).await;
        assert_eq!(history.events.len(), usize::try_from(CLIENTS * REQUESTS).unwrap());
        claims += history.events.iter().filter(|event| matches!(event.op, Op::Acquire { .. }) && event.is_granted()).count();
        let found: Vec<String> = contradictions(&history, Leases::Outlast).iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "round {round}:\n{}", found.join("\n"));
    }
    assert!(claims > 100, "of what all want some get something: {claims}");
    join_all(stores.into_iter().map(Store::close)).await;
}

async fn round_of(stores: &[Store], seed: u64, round: u64) -> History {
    let (history, begin, mut clients) = (Arc::<Mutex<History>>::default(), Instant::now(), JoinSet::new());
    let versions = Arc::default();
    for n in 0..CLIENTS {
        let dice = StdRng::seed_from_u64(seed.wrapping_mul(1_000).wrapping_add(n));
        let name = format!("c{n}");
        let mut client = Client {
            store: stores[usize::try_from(n).unwrap() % stores.len()].clone(),
            name,
            dice,
            versions: Arc::clone(&versions),
            begin,
            history: Arc::clone(&history),
        };
        clients.spawn(async move {
            for n in 0..REQUESTS {
                client.step(round, n).await;
            }
        });
    }
    while clients.join_next().await.transpose().unwrap().is_some() {}
    Arc::into_inner(history).unwrap().into_inner().unwrap()
}

impl Client {
    async fn step(&mut self, round: u64, n: u64) {
        let (id, word) = (format!("r{round}.{}", self.dice.random_range(0..IDS)), format!("{}.{n}", self.name));
        let version = self.versions.lock().unwrap().get(&id).copied().unwrap_or_default();
        let op = match self.dice.random_range(0..100) {
            0..20 => Op::Create { param: word, target: true },
            20..21 => Op::Settle { value: word },
            21..33 => Op::Get,
            33..50 => Op::Look,
            50..75 => Op::Acquire { version, by: self.name.clone(), ttl: 0 },
            75..99 => Op::Release { version },
            _ => Op::Fulfill { version, value: word },
        };
        let called = self.now();
        let decision = ask(&self.store, request(&id, &op)).await;
        let (at, answer) = (self.now(), answer(&decision));
        if let Answer::Task { version, .. } = answer {
            self.versions.lock().unwrap().insert(id.clone(), version);
        }
        let event = Event { client: self.name.clone(), id, op, called, reply: Some(Reply { at, answer }) };
        self.history.lock().unwrap().events.push(event);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_nanos()).unwrap()
    }
}

fn request(name: &str, op: &Op) -> Request {
    let settle = |value: &str| PromiseSettle { id: id(name), state: SettleState::Resolved, value: data(value) };
    let claims = |version: u64| Claims(u32::try_from(version).unwrap());
    match op {
        Op::Create { param, .. } => {
            let tags = Tags::from([(TAG_TARGET.to_owned(), "any@work".to_owned())]);
            Request::PromiseCreate(PromiseCreate { id: id(name), param: data(param), tags, timeout_at: Millis::NEVER })
        }
        Op::Settle { value } => Request::PromiseSettle(settle(value)),
        Op::Get => get(name),
        Op::Look => Request::TaskGet(TaskGet { id: id(name) }),
        Op::Acquire { version, by, .. } => acquire(name, claims(*version).0, by, HOUR),
        Op::Release { version } => Request::TaskRelease(TaskRef { id: id(name), claims: claims(*version) }),
        Op::Fulfill { version, value } => {
            let task = TaskRef { id: id(name), claims: claims(*version) };
            Request::TaskFulfill(TaskFulfill { task, action: settle(value) })
        }
        other => panic!("nobody here asks {other:?}"),
    }
}

fn answer(decision: &Decision) -> Answer {
    match &decision.outcome {
        Ok(Told::Promise(promise)) => shown(promise),
        Ok(Told::Task(task) | Told::Acquired { task, .. }) => seen(task),
        Ok(Told::Done) => Answer::Done,
        Ok(other) => panic!("nobody here asks for {other:?}"),
        Err(_) => Answer::Refused(code(decision)),
    }
}

fn shown(promise: &Promise) -> Answer {
    let text = |value: &Value| value.data.as_deref().unwrap_or_default().to_owned();
    let value = (promise.state != PromiseState::Pending).then(|| text(&promise.value));
    Answer::Promise { param: text(&promise.param), value }
}

fn seen(task: &Task) -> Answer {
    let phase = match task.state {
        TaskState::Pending => Phase::Pending,
        TaskState::Acquired => Phase::Acquired,
        TaskState::Suspended => Phase::Suspended,
        TaskState::Fulfilled => Phase::Fulfilled,
        TaskState::Halted => panic!("nobody here halts"),
    };
    Answer::Task { phase, version: u64::from(task.claims.0) }
}
