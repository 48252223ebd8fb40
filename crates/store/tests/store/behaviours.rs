//! What every place must do. A new kind of place joins by one line at the end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use concierge_api_rs::coordinator::{
    Answer, Claims, Dialect, GroupName, Message, Millis, PromiseCreate, PromiseRegister, PromiseSearch, PromiseState, Request,
    TAG_TARGET, Tags, TaskCreate, TaskGet, TaskHeartbeat, TaskRef, TaskState, TaskSuspend, Value,
};
use concierge_coordinator::{OfferKey, Rules};
use concierge_store::{Changed, Clock, Counts, More, Observer, Store, StoreError};
use futures::future::join_all;

use crate::home::{Home, acquire, ask, code, create, create_until, data, get, id, listen, pid, promise, settle};

async fn what_is_created_and_settled_is_found_and_the_first_word_stands(home: Home) {
    let store = home.open(Clock::system()).await;
    assert_eq!(code(&ask(&store, get("a")).await), 404);
    let created = promise(ask(&store, create("a", "")).await);
    assert_eq!(promise(ask(&store, get("a")).await), created);
    assert_eq!(promise(ask(&store, create_until("a", "any@work", Millis(1))).await), created, "it is known");
    let settled = promise(ask(&store, settle("a", "1")).await);
    assert_eq!((settled.state, &settled.value), (PromiseState::Resolved, &data("1")));
    assert_eq!(promise(ask(&store, settle("a", "2")).await), settled, "it is settled");
    assert_eq!(promise(ask(&store, get("a")).await), settled);
}

async fn of_many_who_settle_at_once_one_decides(home: Home) {
    let store = home.open(Clock::system()).await;
    ask(&store, create("a", "")).await;
    let asked = (0..100).map(|n| ask(&store, settle("a", &n.to_string())));
    let values: Vec<_> = join_all(asked).await.into_iter().map(|decision| promise(decision).value).collect();
    assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
    assert_eq!(promise(ask(&store, get("a")).await).value, values[0]);
}

async fn of_many_who_claim_at_once_one_gets_the_task(home: Home) {
    let store = home.open(Clock::system()).await;
    ask(&store, create("a", "any@work")).await;
    let names: Vec<_> = (0..64).map(|n| format!("worker{n}")).collect();
    let decisions = join_all(names.iter().map(|name| ask(&store, acquire("a", 0, name, 60_000)))).await;
    let codes: Vec<_> = decisions.iter().map(code).collect();
    assert_eq!(codes.iter().filter(|code| **code == 200).count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == 409).count(), 63, "{codes:?}");
}

async fn what_is_answered_is_seen_by_whoever_asks_next(home: Home) {
    let store = home.open(Clock::system()).await;
    let asked = (0..200).map(|n| {
        let store = &store;
        async move {
            let name = format!("p{n}");
            ask(store, create(&name, "")).await;
            let seen = promise(ask(store, get(&name)).await);
            promise(ask(store, settle(&name, "x")).await);
            (seen.state, promise(ask(store, get(&name)).await).state)
        }
    });
    for seen in join_all(asked).await {
        assert_eq!(seen, (PromiseState::Pending, PromiseState::Resolved));
    }
}

async fn a_task_is_offered_at_once_and_waits_page_by_page_for_those_it_reaches(home: Home) {
    let store = home.open(Clock::system()).await;
    for n in 0..5 {
        let offers = ask(&store, create(&format!("any{n}"), "any@work/ada")).await.offers;
        assert_eq!(offers.len(), 1);
        assert!(matches!(&offers[0].message, Message::Run { id, .. } if id.as_str() == format!("any{n}")));
    }
    ask(&store, create("to bob", "uni@work/bob")).await;
    ask(&store, create("elsewhere", "any@play")).await;
    assert_eq!(waiting(&store, "work", "eve", 2).await, ["any0", "any1", "any2", "any3", "any4"]);
    assert_eq!(waiting(&store, "work", "bob", 4).await, ["any0", "any1", "any2", "any3", "any4", "to bob"]);
    ask(&store, acquire("any2", 0, "eve", 60_000)).await;
    assert_eq!(waiting(&store, "work", "eve", 100).await, ["any0", "any1", "any3", "any4"], "a claim ends the offers");
}

/// The ids of what waits, asked for in pages.
async fn waiting(store: &Store, group: &str, name: &str, limit: usize) -> Vec<String> {
    let (group, name) = (GroupName::parse(group).unwrap(), pid(name));
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let (offers, next) = store.waiting(&group, &name, after, limit).await.unwrap();
        assert!(offers.len() <= limit);
        found.extend(offers.into_iter().map(|offer| match offer.key {
            OfferKey::Task(id) => id.to_string(),
            OfferKey::Notice(id, address) => format!("{id} to {address}"),
        }));
        after = next;
        if after.is_none() {
            return found;
        }
    }
}

async fn a_listener_is_told_until_the_message_is_taken(home: Home) {
    let store = home.open(Clock::system()).await;
    ask(&store, create("a", "")).await;
    ask(&store, listen("a", "uni@work/ada")).await;
    let offers = ask(&store, settle("a", "1")).await.offers;
    assert!(matches!(&offers[..], [offer] if matches!(offer.message, Message::Settled(_))), "{offers:?}");
    for _ in 0..2 {
        assert_eq!(waiting(&store, "work", "ada", 10).await, ["a to uni@work/ada"]);
    }
    store.taken(offers[0].key.clone()).await.unwrap();
    store.taken(offers[0].key.clone()).await.unwrap();
    assert!(waiting(&store, "work", "ada", 10).await.is_empty());
}

async fn a_deadline_is_told_beforehand_and_a_sweep_writes_it_down(home: Home) {
    let store = home.open(Clock::system()).await;
    let mut due = store.next_due();
    assert_eq!(*due.borrow_and_update(), None);
    let soon = store.clock().now().plus(Millis(500));
    ask(&store, create_until("a", "", soon)).await;
    ask(&store, listen("a", "any@work")).await;
    assert_eq!(*due.borrow_and_update(), Some(soon), "the commit told it before the answer came");
    while store.clock().now() < soon {
        tokio::task::yield_now().await;
    }
    assert_eq!(promise(ask(&store, get("a")).await).state, PromiseState::RejectedTimedout, "before anybody wrote it down");
    let swept = store.sweep().await.unwrap();
    assert!(matches!(&swept.offers[..], [offer] if matches!(offer.message, Message::Settled(_))), "{swept:?}");
    assert!(!swept.more);
    assert_eq!(store.everything().await.unwrap().promises[0].state, PromiseState::RejectedTimedout);
    assert!(due.borrow_and_update().is_some_and(|at| at > soon), "the message is offered again some time");
    assert_eq!(store.sweep().await.unwrap().offers, [], "once is enough");
}

async fn a_sweep_does_a_bounded_part_and_says_that_there_is_more(home: Home) {
    let store = home.open(Clock::system()).await;
    // their leases are over when they begin
    let task = |n: usize| {
        let tags = Tags::from([(TAG_TARGET.to_owned(), "any@work".to_owned())]);
        let (id, timeout_at) = (id(&format!("t{n}")), Millis::NEVER);
        let action = PromiseCreate { id, param: Value::default(), tags, timeout_at };
        Request::TaskCreate(TaskCreate { pid: pid("ada"), ttl: Millis(0), action })
    };
    join_all((0..600).map(|n| ask(&store, task(n)))).await;
    let mut offers = Vec::new();
    loop {
        let swept = store.sweep().await.unwrap();
        offers.push(swept.offers.len());
        if !swept.more {
            break;
        }
    }
    assert_eq!(offers, [256, 256, 88]);
    assert!(store.everything().await.unwrap().tasks.iter().all(|task| task.state == TaskState::Pending));
}

async fn a_lease_that_is_over_is_offered_again(home: Home) {
    let store = home.open(Clock::system()).await;
    ask(&store, create("a", "any@work")).await;
    assert_eq!(code(&ask(&store, acquire("a", 0, "ada", 10)).await), 200);
    let over = store.next_due().borrow().expect("a lease ends");
    while store.clock().now() < over {
        tokio::task::yield_now().await;
    }
    let swept = store.sweep().await.unwrap();
    assert!(matches!(&swept.offers[..], [offer] if offer.key == OfferKey::Task(id("a"))), "{swept:?}");
    assert_eq!(code(&ask(&store, acquire("a", 1, "bob", 10_000)).await), 200);
}

async fn everything_is_counted_by_state(home: Home) {
    let store = home.open(Clock::system()).await;
    assert_eq!(store.count().await.unwrap(), Counts::default());
    for name in ["a", "b", "c", "d"] {
        ask(&store, create(name, if name == "a" { "" } else { "any@work" })).await;
    }
    ask(&store, acquire("b", 0, "ada", 60_000)).await;
    ask(&store, settle("d", "")).await;
    let promises = BTreeMap::from([(PromiseState::Pending, 3), (PromiseState::Resolved, 1)]);
    let tasks = BTreeMap::from([(TaskState::Pending, 1), (TaskState::Acquired, 1), (TaskState::Fulfilled, 1)]);
    assert_eq!(store.count().await.unwrap(), Counts { promises, tasks });
}

/// What an observer heard since everything was counted.
#[derive(Default)]
struct Heard(Mutex<Option<Vec<Changed>>>);

impl Observer for Heard {
    fn wants_promises(&self) -> bool {
        true
    }

    fn committed(&self, changes: Vec<Changed>) {
        self.0.lock().unwrap().iter_mut().for_each(|heard| heard.extend(changes.iter().cloned()));
    }

    fn counted_from_here(&self) {
        *self.0.lock().unwrap() = Some(Vec::new());
    }
}

impl Heard {
    /// What there is if that was there when it was counted.
    fn add_to(&self, mut counts: Counts) -> Counts {
        for change in self.0.lock().unwrap().iter().flatten() {
            match change {
                Changed::Promise { before, now, promise } => {
                    assert_eq!(promise.as_ref().unwrap().state, *now);
                    before.iter().for_each(|before| *counts.promises.get_mut(before).unwrap() -= 1);
                    *counts.promises.entry(*now).or_default() += 1;
                }
                Changed::Task { before, task, .. } => {
                    before.iter().for_each(|before| *counts.tasks.get_mut(&before.state).unwrap() -= 1);
                    *counts.tasks.entry(task.state).or_default() += 1;
                }
                Changed::Cleared => counts = Counts::default(),
            }
        }
        counts.promises.retain(|_, n| *n > 0);
        counts.tasks.retain(|_, n| *n > 0);
        counts
    }
}

async fn what_is_counted_while_others_write_and_what_is_changed_from_then_on_is_all_there_is(home: Home) {
    let heard = Arc::new(Heard::default());
    let store = Store::open_followed(&home.place, Rules::default(), Clock::system(), heard.clone()).await.unwrap();
    let life = |name: String| {
        let store = &store;
        async move {
            ask(store, create(&name, "any@work")).await;
            ask(store, acquire(&name, 0, "ada", 60_000)).await;
            ask(store, create(&format!("{name}.1"), "")).await;
            ask(store, settle(&name, "")).await;
        }
    };
    join_all((0..20).map(|n| life(format!("before{n}")))).await;
    let lives = join_all((0..200).map(|n| life(format!("then{n}"))));
    let (_, counted) = futures::join!(lives, store.count());
    let counted = counted.unwrap();
    join_all((0..20).map(|n| life(format!("behind{n}")))).await;
    assert!(counted.promises.values().sum::<u64>() >= 40, "what was there before: {counted:?}");
    let all = Counts {
        promises: BTreeMap::from([(PromiseState::Pending, 240), (PromiseState::Resolved, 240)]),
        tasks: BTreeMap::from([(TaskState::Fulfilled, 240)]),
    };
    assert_eq!(heard.add_to(counted), all);
    assert_eq!(store.count().await.unwrap(), all);
}

async fn an_observer_hears_what_became_of_a_task_and_of_nothing_that_was_refused(home: Home) {
    let heard = Arc::new(Heard::default());
    let store = Store::open_followed(&home.place, Rules::default(), Clock::system(), heard.clone()).await.unwrap();
    let counted = store.count().await.unwrap();
    ask(&store, create("a", "any@work")).await;
    ask(&store, create("b", "")).await;
    assert_eq!(code(&ask(&store, acquire("a", 7, "ada", 60_000)).await), 409);
    ask(&store, acquire("a", 0, "ada", 60_000)).await;
    let task = TaskRef { id: id("a"), claims: Claims(1) };
    let actions = vec![PromiseRegister { awaiter: id("a"), awaited: id("b") }];
    assert_eq!(code(&ask(&store, Request::TaskSuspend(TaskSuspend { task, actions })).await), 200);
    ask(&store, settle("b", "")).await;
    ask(&store, acquire("a", 1, "bob", 60_000)).await;
    ask(&store, Request::TaskRelease(TaskRef { id: id("a"), claims: Claims(2) })).await;
    ask(&store, settle("a", "")).await;
    let tasks: Vec<(Option<TaskState>, TaskState, More)> = {
        let heard = heard.0.lock().unwrap();
        let tasks = heard.iter().flatten().filter_map(|change| match change {
            Changed::Task { before, task, more } => Some((before.as_ref().map(|before| before.state), task.state, more.clone())),
            _ => None,
        });
        tasks.collect()
    };
    let more = More::default;
    use TaskState::{Acquired, Fulfilled, Pending, Suspended};
    assert_eq!(
        tasks,
        [
            (None, Pending, more()),
            (Some(Pending), Acquired, more()),
            (Some(Acquired), Suspended, More { awaited: vec![id("b")], ..more() }),
            (Some(Suspended), Pending, more()),
            (Some(Pending), Acquired, more()),
            (Some(Acquired), Pending, More { released: true, ..more() }),
            (Some(Pending), Fulfilled, More { settled: Some(PromiseState::Resolved), ..more() }),
        ]
    );
    let all = heard.add_to(counted);
    assert_eq!(store.count().await.unwrap(), all);
}

async fn a_heartbeat_without_tasks_is_for_all_that_a_worker_holds(home: Home) {
    let store = home.open(Clock::by_hand()).await;
    for name in ["a", "b", "c"] {
        ask(&store, create(name, "any@work")).await;
        ask(&store, acquire(name, 0, if name == "c" { "bob" } else { "ada" }, 1_000)).await;
    }
    let heartbeat = Request::TaskHeartbeat(TaskHeartbeat { pid: pid("ada"), tasks: Vec::new() });
    store.request(Dialect::V20260401, heartbeat, Some(Millis(900))).await.unwrap();
    let leases: Vec<_> = store.everything().await.unwrap().tasks.iter().map(|task| task.due_at).collect();
    assert_eq!(leases, [Some(Millis(1_900)), Some(Millis(1_900)), Some(Millis(1_000))]);
}

async fn by_hand_things_happen_on_a_tick_only_and_never_by_a_sweep(home: Home) {
    let store = home.open(Clock::by_hand()).await;
    ask(&store, create_until("a", "", Millis(100))).await;
    ask(&store, listen("a", "any@work")).await;
    assert_eq!(*store.next_due().borrow(), None, "nobody needs to wake");
    let seen = store.request(Dialect::V20260401, get("a"), Some(Millis(100))).await.unwrap();
    assert_eq!(promise(seen).settled_at, Some(Millis(100)));
    assert_eq!(store.sweep().await.unwrap().offers, []);
    let ticked = ask(&store, Request::DebugTick(Millis(99))).await;
    assert_eq!((ticked.outcome, ticked.offers.len()), (Ok(Answer::Ticked), 1), "time does not go back");
    assert_eq!(ask(&store, Request::DebugReset).await.outcome, Ok(Answer::Done));
    assert_eq!(store.everything().await.unwrap(), concierge_coordinator::Everything::default());
    assert_eq!(promise(ask(&store, create_until("a", "", Millis(100))).await).created_at, Millis(0), "time begins anew");
}

async fn without_a_clock_by_hand_the_debug_verbs_are_refused_and_told_times_do_not_count(home: Home) {
    let store = home.open(Clock::system()).await;
    ask(&store, create("a", "")).await;
    let verbs = [Request::DebugStart, Request::DebugReset, Request::DebugTick(Millis::NEVER), Request::DebugSnap];
    for verb in verbs {
        assert_eq!(code(&ask(&store, verb).await), 400);
    }
    let created = store.request(Dialect::Plain, create_until("b", "", Millis(2_000)), Some(Millis(1_000))).await.unwrap();
    assert_eq!(promise(created).state, PromiseState::RejectedTimedout, "1970 is long ago");
    assert_eq!(store.everything().await.unwrap().promises.len(), 2);
}

async fn ids_and_values_of_any_shape_are_kept_as_they_stand(home: Home) {
    let store = home.open(Clock::system()).await;
    let texts = ["\0", "a\0", "a\0b", "'; DROP TABLE promises; --", "\"", "%_", "Z", "a", "ß", "日本", "\u{10ffff}"];
    let long = "x".repeat(1_024);
    for text in texts.into_iter().chain([long.as_str()]) {
        let value = Value { headers: [(text.to_owned(), text.to_owned())].into(), data: Some(text.into()) };
        let tags = Tags::from([(text.to_owned(), text.to_owned())]);
        let request = PromiseCreate { id: id(text), param: value.clone(), tags: tags.clone(), timeout_at: Millis::NEVER };
        ask(&store, Request::PromiseCreate(request)).await;
        let found = promise(ask(&store, get(text)).await);
        assert_eq!((found.id, found.param, found.tags), (id(text), value, tags.clone()));
        assert_eq!(search(&store, PromiseSearch { tags, ..PromiseSearch::default() }).await, [text]);
    }
    let mut sorted: Vec<_> = texts.into_iter().chain([long.as_str()]).collect();
    sorted.sort_unstable();
    assert_eq!(search(&store, PromiseSearch { limit: Some(3), ..PromiseSearch::default() }).await, sorted);
}

/// The ids that are found, page by page.
async fn search(store: &Store, mut search: PromiseSearch) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        match ask(store, Request::PromiseSearch(search.clone())).await.outcome {
            Ok(Answer::Promises { page, cursor }) => {
                found.extend(page.iter().map(|promise| promise.id.to_string()));
                search.cursor = cursor;
            }
            other => panic!("no page: {other:?}"),
        }
        if search.cursor.is_none() {
            return found;
        }
    }
}

async fn a_value_of_a_megabyte_comes_back_whole(home: Home) {
    let store = home.open(Clock::system()).await;
    ask(&store, create("a", "")).await;
    let value = "\u{1f980}\"\\".repeat(180_000);
    ask(&store, settle("a", &value)).await;
    assert_eq!(promise(ask(&store, get("a")).await).value.data.as_deref(), Some(value.as_str()));
}

async fn what_is_refused_changes_nothing(home: Home) {
    let store = home.open(Clock::by_hand()).await;
    ask(&store, create("a", "any@work")).await;
    let before = store.everything().await.unwrap();
    let refused = [
        (create("b", ""), 200),
        (settle("nobody", ""), 404),
        (acquire("a", 7, "ada", 1), 409),
        (acquire("nobody", 0, "ada", 1), 404),
        (listen("nobody", "any@work"), 404),
        (Request::TaskContinue(TaskGet { id: id("a") }), 409),
        (Request::TaskHalt(TaskGet { id: id("b") }), 404),
    ];
    for (request, expected) in refused {
        assert_eq!(code(&ask(&store, request).await), expected);
    }
    let after = store.everything().await.unwrap();
    assert_eq!(after.promises.len(), 2);
    assert_eq!((&after.promises[..1], &after.tasks), (&before.promises[..], &before.tasks));
    assert_eq!(after.tasks[0].state, TaskState::Pending);
}

async fn a_closed_store_refuses_what_comes_later_by_any_clone(home: Home) {
    let store = home.open(Clock::system()).await;
    let clone = store.clone();
    ask(&store, create("a", "")).await;
    store.close().await;
    let request = |request| clone.request(Dialect::Plain, request, None);
    assert!(matches!(request(create("b", "")).await, Err(StoreError::Closed)));
    assert!(matches!(request(get("a")).await, Err(StoreError::Closed)));
    assert!(matches!(clone.sweep().await, Err(StoreError::Closed)));
    clone.close().await;
}

async fn limits_of_the_rules_are_those_it_was_opened_with(home: Home) {
    let rules = Rules { listeners_per_promise: 1, ..Rules::default() };
    let store = Store::open(&home.place, rules, Clock::system()).await.unwrap();
    ask(&store, create("a", "")).await;
    assert_eq!(code(&ask(&store, listen("a", "any@work")).await), 200);
    assert_eq!(code(&ask(&store, listen("a", "any@work")).await), 200);
    assert_eq!(code(&ask(&store, listen("a", "any@play")).await), 429);
}

/// Somebody settles it in the last millisecond while others look: a commit that is on its way must not be overtaken by the
/// deadline in what they are shown.
async fn what_is_shown_past_a_deadline_is_never_shown_otherwise(home: Home) {
    let store = home.open(Clock::system()).await;
    let until = async |instant: i64| {
        while store.clock().now().0 < instant {
            tokio::task::yield_now().await;
        }
    };
    for round in 0..8 {
        let deadline = store.clock().now().0 + 60;
        let names: Vec<_> = (0..40).map(|n| format!("{round}.{n}")).collect();
        join_all(names.iter().map(|name| ask(&store, create_until(name, "", Millis(deadline))))).await;
        let watched = names.iter().map(async |name| {
            let late = async {
                until(deadline - 1).await;
                ask(&store, settle(name, "x")).await;
            };
            let looks = async {
                until(deadline - 2).await;
                let mut seen = Vec::new();
                while store.clock().now().0 < deadline + 20 {
                    seen.push(promise(ask(&store, get(name)).await).state);
                }
                seen
            };
            let ((), mut seen) = futures::join!(late, looks);
            seen.retain(|state| *state != PromiseState::Pending);
            let last = promise(ask(&store, get(name)).await).state;
            assert!(seen.iter().all(|state| *state == last), "{name} was {seen:?} and is {last:?}");
        });
        join_all(watched).await;
    }
}

macro_rules! suite {
    ($place:ident: $($behaviour:ident)*) => {
        mod $place {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour(crate::home::$place().await).await;
            })*
        }
    };
}

macro_rules! suites {
    ($($place:ident),*) => {
        $(suite! { $place:
            what_is_created_and_settled_is_found_and_the_first_word_stands
            of_many_who_settle_at_once_one_decides
            of_many_who_claim_at_once_one_gets_the_task
            what_is_answered_is_seen_by_whoever_asks_next
            a_task_is_offered_at_once_and_waits_page_by_page_for_those_it_reaches
            a_listener_is_told_until_the_message_is_taken
            a_deadline_is_told_beforehand_and_a_sweep_writes_it_down
            a_sweep_does_a_bounded_part_and_says_that_there_is_more
            what_is_shown_past_a_deadline_is_never_shown_otherwise
            a_lease_that_is_over_is_offered_again
            everything_is_counted_by_state
            what_is_counted_while_others_write_and_what_is_changed_from_then_on_is_all_there_is
            an_observer_hears_what_became_of_a_task_and_of_nothing_that_was_refused
            a_heartbeat_without_tasks_is_for_all_that_a_worker_holds
            by_hand_things_happen_on_a_tick_only_and_never_by_a_sweep
            without_a_clock_by_hand_the_debug_verbs_are_refused_and_told_times_do_not_count
            ids_and_values_of_any_shape_are_kept_as_they_stand
            a_value_of_a_megabyte_comes_back_whole
            what_is_refused_changes_nothing
            a_closed_store_refuses_what_comes_later_by_any_clone
            limits_of_the_rules_are_those_it_was_opened_with
        })*
    };
}

suites!(memory, sqlite, postgres);
