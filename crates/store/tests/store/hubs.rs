//! Several hubs at one PostgreSQL database, and a database that goes and comes back.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::Mutex;
use std::time::Duration;

use concierge_api_rs::coordinator::{
    Answer, Claims, Dialect, Millis, PromiseCreate, PromiseId, PromiseState, Request, TAG_TARGET, Tags, TaskCreate, TaskState,
};
use concierge_coordinator::{Everything, Rules};
use concierge_store::{Clock, OpenError, Place, Store, StoreError};
use concierge_test_postgres::{Postgres, Setup};
use futures::future::{join_all, try_join_all};
use tokio::time::timeout;
use tokio_postgres::NoTls;

use crate::home::{self, Home, ask, create, create_until, data, get, id, pid, promise, settle};
use crate::wishes::Wishes;

/// How long anything may take that takes no time.
const PATIENCE: Duration = Duration::from_secs(30);

async fn two(home: &Home) -> [Store; 2] {
    [home.open(Clock::system()).await, home.open(Clock::system()).await]
}

async fn open(url: &str) -> Result<Store, OpenError> {
    Store::open(&url.parse().unwrap(), Rules::default(), Clock::system()).await
}

fn url(home: &Home) -> String {
    match &home.place {
        Place::Postgres(url) => url.clone(),
        other => panic!("{other} is no database"),
    }
}

/// Says something to the database behind the back of the store.
async fn say(url: &str, sql: &str) {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let say = async move { client.batch_execute(sql).await };
    let (said, _closed) = tokio::join!(say, connection);
    said.unwrap();
}

#[tokio::test]
async fn what_one_hub_answers_the_other_sees_and_of_two_that_create_at_once_one_decides() {
    let [one, two] = two(&home::postgres().await).await;
    let create = |name: &str, value: &str| {
        let action = PromiseCreate { id: id(name), param: data(value), tags: Tags::new(), timeout_at: Millis::NEVER };
        Request::PromiseCreate(action)
    };
    let names: Vec<_> = (0..200).map(|n| format!("p{n}")).collect();
    let ones = join_all(names.iter().map(|name| ask(&one, create(name, "1"))));
    // in the other order, so that whoever waits for the other in the middle would wait for ever
    let others = join_all(names.iter().rev().map(|name| ask(&two, create(name, "2"))));
    let (ones, mut others) = tokio::join!(ones, others);
    others.reverse();
    for (one_says, two_says) in ones.into_iter().zip(others) {
        assert_eq!(promise(one_says), promise(two_says));
    }
    let settled = promise(ask(&one, settle("p7", "x")).await);
    assert_eq!(promise(ask(&two, get("p7")).await), settled);
    assert_eq!(promise(ask(&two, settle("p7", "y")).await), settled, "the first word stands");
}

#[tokio::test]
async fn two_hubs_under_load_give_no_claim_twice_and_keep_every_row_consistent() {
    let home = home::postgres().await;
    let hubs = two(&home).await;
    let claims: Mutex<BTreeSet<(PromiseId, Claims)>> = Mutex::default();
    let settled: Mutex<BTreeMap<PromiseId, (PromiseState, Option<Millis>)>> = Mutex::default();
    let workers = (0..24).map(|seed| {
        let (store, claims, settled) = (&hubs[usize::try_from(seed % 2).unwrap()], &claims, &settled);
        async move {
            let mut wishes = Wishes::new(seed);
            for round in 0..60 {
                wishes.now = store.clock().now();
                if round % 4 == 0 {
                    wishes.known = store.everything().await.unwrap();
                }
                let decision = store.request(wishes.dialect(), wishes.change(), None).await.unwrap();
                match decision.outcome {
                    Ok(Answer::Acquired { task, .. } | Answer::Created { task, .. }) if task.state == TaskState::Acquired => {
                        assert!(claims.lock().unwrap().insert((task.id.clone(), task.claims)), "{task:?} was claimed twice");
                    }
                    Ok(Answer::Promise(promise)) if promise.state != PromiseState::Pending => {
                        let (outcome, id) = ((promise.state, promise.settled_at), promise.id);
                        let known = *settled.lock().unwrap().entry(id.clone()).or_insert(outcome);
                        assert_eq!(known, outcome, "{id} was settled twice");
                    }
                    _ => {}
                }
                if round % 10 == 5 {
                    store.sweep().await.unwrap();
                }
            }
        }
    });
    join_all(workers).await;
    let (claimed, ended) = (claims.lock().unwrap().len(), settled.lock().unwrap().len());
    assert!(claimed > 30 && ended > 20, "{claimed} claims and {ended} outcomes show little");
    let everything = hubs[0].everything().await.unwrap();
    check(&everything);
    for (id, (state, at)) in settled.into_inner().unwrap() {
        let row = everything.promises.iter().find(|promise| promise.id == id).unwrap();
        assert_eq!((row.clone().at(Millis::NEVER).state, row.settled_at.or(Some(row.timeout_at))), (state, at));
    }
}

/// What holds between the rows at every moment.
fn check(everything: &Everything) {
    let promises: BTreeMap<_, _> = everything.promises.iter().map(|promise| (&promise.id, promise)).collect();
    let tasks: BTreeMap<_, _> = everything.tasks.iter().map(|task| (&task.id, task)).collect();
    for task in &everything.tasks {
        let pending = promises[&task.id].state == PromiseState::Pending;
        assert_eq!(pending, task.state != TaskState::Fulfilled, "{task:?}");
        let held = task.state == TaskState::Acquired;
        assert_eq!((held, held), (task.pid.is_some(), task.ttl.is_some()), "{task:?}");
        assert_eq!(matches!(task.state, TaskState::Acquired | TaskState::Pending), task.due_at.is_some(), "{task:?}");
    }
    for (awaited, awaiter) in &everything.registrations {
        assert_eq!(promises[awaited].state, PromiseState::Pending, "{awaiter} waits for {awaited}");
        assert_ne!(tasks[awaiter].state, TaskState::Fulfilled, "{awaiter} waits for {awaited}");
    }
    for suspended in everything.tasks.iter().filter(|task| task.state == TaskState::Suspended) {
        let waits = everything.registrations.iter().any(|(_, awaiter)| *awaiter == suspended.id);
        assert!(waits, "{suspended:?} waits for nothing");
    }
    for listener in &everything.listeners {
        assert_eq!(promises[&listener.promise].state, PromiseState::Pending, "{listener:?}");
    }
    for notice in &everything.notices {
        assert_ne!(promises[&notice.to.promise].state, PromiseState::Pending, "{notice:?}");
    }
}

#[tokio::test]
async fn hubs_share_what_is_due_and_each_thing_is_done_once() {
    let hubs = two(&home::postgres().await).await;
    // their leases are over when they begin
    let task = |n: usize| {
        let tags = Tags::from([(TAG_TARGET.to_owned(), "any@work".to_owned())]);
        let action = PromiseCreate { id: id(&format!("t{n}")), param: data(""), tags, timeout_at: Millis::NEVER };
        Request::TaskCreate(TaskCreate { pid: pid("ada"), ttl: Millis(0), action })
    };
    join_all((0..1_000).map(|n| ask(&hubs[0], task(n)))).await;
    let sweep = async |store: &Store| {
        let mut offered = Vec::new();
        loop {
            let swept = store.sweep().await.unwrap();
            offered.extend(swept.offers.into_iter().map(|offer| offer.key));
            if !store.next_due().borrow().is_some_and(|at| at <= store.clock().now().plus(Millis(100))) {
                return offered;
            }
        }
    };
    let (one, two) = tokio::join!(sweep(&hubs[0]), sweep(&hubs[1]));
    assert!(!one.is_empty() && !two.is_empty(), "{} and {}", one.len(), two.len());
    let mut offered = [one, two].concat();
    let all = offered.len();
    offered.sort_unstable();
    offered.dedup();
    assert_eq!((all, offered.len()), (1_000, 1_000));
    let tasks = hubs[0].everything().await.unwrap().tasks;
    assert!(tasks.iter().all(|task| task.state == TaskState::Pending));
}

#[tokio::test]
async fn what_nobody_takes_at_one_hub_is_passed_on_to_the_other_at_once() {
    let [one, two] = two(&home::postgres().await).await;
    let mut due = two.next_due();
    let offers = ask(&one, create("a", "any@work")).await.offers;
    // the other hub may not listen yet: what is passed on to nobody is not kept, and a hub passes it on again with every offer
    let swept = timeout(PATIENCE, async {
        loop {
            one.pass_on(offers[0].key.clone());
            let heard = |at: &Option<Millis>| at.is_some_and(|at| at <= two.clock().now());
            if timeout(Duration::from_millis(200), due.wait_for(heard)).await.is_ok() {
                return two.sweep().await.unwrap();
            }
        }
    });
    let swept = swept.await.unwrap();
    assert_eq!(swept.passed_on, offers);
    assert_eq!((swept.offers, swept.more), (Vec::new(), false), "it was not due");
    assert_eq!(one.sweep().await.unwrap().passed_on, [], "a hub does not hear itself");
}

#[tokio::test]
async fn a_hub_knows_what_another_wrote_to_be_due_within_a_second_or_two() {
    let [one, two] = two(&home::postgres().await).await;
    let soon = one.clock().now().plus(Millis(100_000));
    ask(&one, create_until("a", "", soon)).await;
    let mut due = two.next_due();
    timeout(PATIENCE, due.wait_for(|at| *at == Some(soon))).await.unwrap().unwrap();
    ask(&one, settle("a", "")).await;
    timeout(PATIENCE, due.wait_for(Option::is_none)).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_was_acknowledged_before_the_server_was_killed_is_there_after_it_and_requests_go_on_by_themselves() {
    let mut server = Postgres::start().await;
    let store = open(&server.database().await).await.unwrap();
    let acknowledged: Mutex<BTreeSet<String>> = Mutex::default();
    for round in 0..2 {
        let writers = (0..16).map(|writer| until_it_fails(&store, &acknowledged, format!("{round}.{writer}")));
        let before = acknowledged.lock().unwrap().len();
        let kill = async {
            while acknowledged.lock().unwrap().len() < before + 300 {
                tokio::task::yield_now().await;
            }
            server.kill().await;
        };
        timeout(PATIENCE, async { tokio::join!(join_all(writers), kill) }).await.unwrap();
        let refused = store.request(Dialect::Plain, create("refused", ""), None).await;
        assert!(matches!(refused, Err(StoreError::Unreachable(_))), "{refused:?}");
        let refused = store.request(Dialect::Plain, get("refused"), None).await;
        assert!(matches!(refused, Err(StoreError::Unreachable(_))), "{refused:?}");
        assert!(matches!(store.sweep().await, Err(StoreError::Unreachable(_))));
        server.restart().await;
        assert_eq!(promise(ask(&store, create("again", "")).await).state, PromiseState::Pending, "nobody opened it again");
        let everything = store.everything().await.unwrap();
        assert!(everything.promises.iter().all(|promise| promise.id != id("refused")));
        let created = everything.promises.iter().map(|promise| format!("created {}", promise.id));
        let settled = everything.promises.iter().filter(|promise| promise.state == PromiseState::Resolved);
        let there: BTreeSet<_> = created.chain(settled.map(|promise| format!("settled {}", promise.id))).collect();
        let lost: Vec<_> = acknowledged.lock().unwrap().difference(&there).cloned().collect();
        assert!(lost.is_empty(), "{lost:?}");
        check(&everything);
    }
}

/// Creates and settles, and notes what was acknowledged.
async fn until_it_fails(store: &Store, acknowledged: &Mutex<BTreeSet<String>>, writer: String) {
    for n in 0.. {
        let name = format!("p{writer}.{n}");
        let target = if n % 2 == 0 { "any@work" } else { "" };
        for (what, request) in [("created", create(&name, target)), ("settled", settle(&name, "x"))] {
            match store.request(Dialect::V20260401, request, None).await {
                Ok(decision) => {
                    decision.outcome.unwrap();
                    acknowledged.lock().unwrap().insert(format!("{what} {name}"));
                }
                Err(StoreError::Failed(_) | StoreError::Unreachable(_)) => return,
                Err(other) => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_hub_that_stops_in_the_middle_of_a_transaction_holds_up_nobody_for_ever() {
    let home = home::postgres().await;
    let store = home.open(Clock::system()).await;
    ask(&store, create("a", "")).await;
    let (client, connection) = tokio_postgres::connect(&url(&home), NoTls).await.unwrap();
    let ended = tokio::spawn(connection);
    // as a hub does, with less patience
    let lock = "SET idle_in_transaction_session_timeout = '300ms'; BEGIN; SELECT id FROM concierge.promises FOR UPDATE";
    client.batch_execute(lock).await.unwrap();
    let settled = timeout(PATIENCE, ask(&store, settle("a", "1"))).await.unwrap();
    assert_eq!(promise(settled).state, PromiseState::Resolved);
    assert!(ended.await.unwrap().is_err(), "the database ended the other's session");
}

#[tokio::test]
async fn many_hubs_may_open_an_empty_database_at_once_and_an_old_one_refuses_the_tables_of_a_newer() {
    let home = home::postgres().await;
    let url = url(&home);
    try_join_all((0..8).map(|_| open(&url))).await.unwrap();
    say(&url, "UPDATE concierge.version SET version = 99").await;
    let error = open(&url).await.err().unwrap();
    assert!(matches!(error, OpenError::NewerSchema { found: 99, known: 1, .. }), "{error:?}");
    assert!(error.to_string().contains("use a newer one"), "{error}");
}

#[tokio::test]
async fn a_database_that_can_not_hold_every_text_is_refused() {
    let home = home::postgres().await;
    say(&url(&home), "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1'").await;
    let (server, _) = url(&home).rsplit_once('/').map(|(server, name)| (server.to_owned(), name.to_owned())).unwrap();
    let error = open(&format!("{server}/latin")).await.err().unwrap();
    assert!(matches!(&error, OpenError::Encoding { encoding, .. } if encoding == "LATIN1"), "{error:?}");
}

#[tokio::test]
async fn no_error_shows_the_password() {
    let server = Setup::default().without_fsync().on_tcp().start().await;
    let address = server.url("nowhere").replace("postgres@", "ada:s3cret@");
    let urls = [
        address.clone(),
        format!("{address}?sslmode=require"),
        "postgres://ada:s3cret@127.0.0.1:1/x".to_owned(),
        "postgres://ada:s3?cret@127.0.0.1/x".to_owned(),
        "postgres://ada@127.0.0.1:1/x?password=s3cret".to_owned(),
        "postgres://ada:s3cret@127.0.0.1:port/x".to_owned(),
        "postgres://ada:s3cret@127.0.0.1/x?sslmode=verify-full".to_owned(),
    ];
    for url in urls {
        let error = open(&url).await.err().unwrap();
        let mut text = format!("{error} {error:?}");
        let mut source = error.source();
        while let Some(error) = source {
            text += &format!(" {error} {error:?}");
            source = error.source();
        }
        assert!(!text.contains("s3") && !text.contains("cret@"), "{url}: {text}");
    }
}

#[tokio::test]
async fn when_tls_is_required_a_server_without_it_is_refused() {
    let server = Setup::default().without_fsync().on_tcp().start().await;
    let error = open(&format!("{}?sslmode=require", server.database().await)).await.err().unwrap();
    let text = format!("{error:?}");
    assert!(matches!(error, OpenError::Unusable(..)) && text.contains("TLS"), "{text}");
}

#[tokio::test]
async fn time_is_the_database_s_for_every_hub() {
    let [one, two] = two(&home::postgres().await).await;
    for n in 0..20 {
        let (first, second) = if n % 2 == 0 { (&one, &two) } else { (&two, &one) };
        let earlier = promise(ask(first, create(&format!("a{n}"), "")).await).created_at;
        let later = promise(ask(second, create(&format!("b{n}"), "")).await).created_at;
        assert!(earlier <= later, "{earlier} and then {later}");
    }
}

#[tokio::test]
async fn many_requests_share_one_commit() {
    let store = home::postgres().await.open(Clock::system()).await;
    join_all((0..2_000).map(|n| ask(&store, create(&format!("p{n}"), "")))).await;
    let tally = store.tally();
    assert_eq!(tally.transactions, 2_000);
    assert!(tally.commits < 40, "{tally:?}");
}
