//! The rules of the book, one sentence each.

use concierge_api_rs::coordinator::{Dialect, Millis, PromiseId};
use concierge_coordinator::{Due, OfferKey, Reads};
use serde_json::json;

use crate::world::{LATER, T, World, act, plain_act, resolve, wait};

// --- deadlines

#[test]
fn the_deadline_always_wins_whether_it_was_written_down_or_not() {
    let mut w = World::new();
    w.task_until("p", T + 100);
    let timer = json!({ "resonate:timer": "true" });
    assert_eq!(w.code("promise.create", json!({ "id": "t", "timeoutAt": T + 100, "tags": timer })), 200);
    w.now = T + 100;
    assert_eq!((w.state("p").as_str(), w.state("t").as_str()), ("rejected_timedout", "resolved"));
    let (_, data) = w.ask("promise.get", json!({ "id": "p" }));
    assert_eq!(data["promise"]["settledAt"], T + 100);
    assert_eq!(w.task_state("p").0, "fulfilled");
    let (status, data) = w.ask("promise.settle", json!({ "id": "p", "state": "resolved", "value": {} }));
    assert_eq!((status, &data["promise"]["state"]), (200, &json!("rejected_timedout")));
    assert_eq!(w.acquire("p", 0).0, 409);
    let (_, found) = w.ask("promise.search", json!({ "state": "pending" }));
    assert_eq!(found["promises"], json!([]));
    let (_, found) = w.ask("task.search", json!({ "state": "fulfilled" }));
    assert_eq!(found["tasks"][0]["state"], "fulfilled");
    let before: Vec<_> = ["p", "t"].iter().map(|id| w.ask("promise.get", json!({ "id": id }))).collect();
    w.sweep_at(T + 500);
    let after: Vec<_> = ["p", "t"].iter().map(|id| w.ask("promise.get", json!({ "id": id }))).collect();
    assert_eq!(before, after);
}

#[test]
fn one_millisecond_before_its_deadline_a_promise_is_pending() {
    let mut w = World::new();
    w.task_until("p", T + 100);
    w.sweep_at(T + 99);
    assert_eq!(w.state("p"), "pending");
    assert_eq!(w.settle("p"), 200);
    assert_eq!(w.state("p"), "resolved");
}

// --- create and settle

#[test]
fn creating_a_known_id_answers_what_is_stored_and_ignores_the_rest() {
    let mut w = World::new();
    let first = json!({ "id": "p", "timeoutAt": LATER, "param": { "data": "a", "headers": { "h": "1" } }, "tags": { "x": "y" } });
    let created = w.ask("promise.create", first);
    let again = w.ask("promise.create", json!({ "id": "p", "timeoutAt": 5, "param": { "data": "b" } }));
    assert_eq!(created, again);
    assert_eq!(created.1["promise"]["param"], json!({ "data": "a", "headers": { "h": "1" } }));
    w.settle("p");
    let (_, settled) = w.ask("promise.create", json!({ "id": "p", "timeoutAt": LATER }));
    assert_eq!(settled["promise"]["state"], "resolved");
}

#[test]
fn a_promise_whose_deadline_is_past_is_born_settled_and_its_task_fulfilled() {
    let mut w = World::new();
    let tags = json!({ "resonate:target": "any@work" });
    let (status, data) = w.ask("promise.create", json!({ "id": "p", "timeoutAt": T, "tags": tags }));
    let promise = &data["promise"];
    assert_eq!((status, &promise["state"], &promise["settledAt"]), (200, &json!("rejected_timedout"), &json!(T)));
    assert_eq!(w.task_state("p"), ("fulfilled".to_owned(), 0));
    assert_eq!(w.told(), [""; 0]);
    assert_eq!(w.next_due(), None);
}

#[test]
fn the_first_one_who_settles_decides() {
    let mut w = World::new();
    assert_eq!(w.settle("p"), 404);
    w.promise("p");
    let first = w.ask("promise.settle", json!({ "id": "p", "state": "rejected", "value": { "data": "no" } }));
    assert_eq!((first.0, &first.1["promise"]["state"]), (200, &json!("rejected")));
    w.now += 50;
    assert_eq!(w.ask("promise.settle", json!({ "id": "p", "state": "resolved", "value": { "data": "yes" } })), first);
    for state in ["pending", "rejected_timedout", "done", ""] {
        assert_eq!(w.code("promise.settle", json!({ "id": "p", "state": state })), 400, "{state}");
    }
}

#[test]
fn settling_ends_the_task_consumes_each_registration_once_and_tells_who_listens() {
    let mut w = World::new();
    w.held("p");
    w.promise("x");
    assert_eq!(w.code("promise.register_callback", json!({ "awaiter": "p", "awaited": "x" })), 200);
    for (n, awaiter) in ["a", "b"].iter().enumerate() {
        w.held(awaiter);
        assert_eq!(w.suspend(awaiter, 1, &["p"]).0, 200, "{n}");
    }
    assert_eq!(w.code("promise.register_listener", json!({ "awaited": "p", "address": "uni@ui/eve" })), 200);
    w.offered();
    assert_eq!(w.settle("p"), 200);
    assert_eq!(w.told(), ["execute a", "execute b", "unblock p"]);
    assert_eq!(w.task_state("p"), ("fulfilled".to_owned(), 1));
    assert_eq!(w.rows.everything().unwrap().registrations, []);
    assert_eq!(w.rows.everything().unwrap().listeners, []);
    w.settle("p");
    w.settle("x");
    assert_eq!(w.told(), [""; 0]);
}

// --- register and listen

#[test]
fn registering_checks_itself_then_the_awaited_then_the_awaiter() {
    let mut w = World::new();
    let register = |w: &mut World, awaiter: &str, awaited: &str| {
        w.code("promise.register_callback", json!({ "awaiter": awaiter, "awaited": awaited }))
    };
    assert_eq!(register(&mut w, "p", "p"), 400);
    assert_eq!(register(&mut w, "a", "p"), 404);
    w.promise("p");
    assert_eq!(register(&mut w, "a", "p"), 422);
    w.promise("a");
    assert_eq!(register(&mut w, "a", "p"), 422, "a promise without a task can't be resumed");
    w.task("b");
    assert_eq!(register(&mut w, "b", "p"), 200);
    assert_eq!(register(&mut w, "b", "p"), 200);
    assert_eq!(w.rows.everything().unwrap().registrations.len(), 1);
}

#[test]
fn registering_for_a_settled_promise_answers_it_and_registers_nothing() {
    let mut w = World::new();
    w.task("a");
    w.promise("p");
    w.settle("p");
    let (status, data) = w.ask("promise.register_callback", json!({ "awaiter": "a", "awaited": "p" }));
    assert_eq!((status, &data["promise"]["state"]), (200, &json!("resolved")));
    assert_eq!(w.rows.everything().unwrap().registrations, []);
}

#[test]
fn an_awaiter_past_its_own_deadline_is_never_resumed() {
    let mut w = World::new();
    w.promise("p");
    w.task_until("a", T + 100);
    assert_eq!(w.acquire("a", 0).0, 200);
    assert_eq!(w.suspend("a", 1, &["p"]).0, 200);
    w.now = T + 100;
    w.settle("p");
    assert_eq!(w.told(), [""; 0]);
    w.sweep_at(T + 200);
    assert_eq!((w.told().len(), w.task_state("a").0.as_str(), w.state("a").as_str()), (0, "fulfilled", "rejected_timedout"));
}

#[test]
fn listening_is_idempotent_and_a_settled_promise_is_the_answer() {
    let mut w = World::new();
    let listen = json!({ "awaited": "p", "address": "poll://uni@ui/eve" });
    assert_eq!(w.code("promise.register_listener", listen.clone()), 404);
    w.promise("p");
    assert_eq!(w.code("promise.register_listener", listen.clone()), 200);
    assert_eq!(w.code("promise.register_listener", listen.clone()), 200);
    assert_eq!(w.code("promise.register_listener", json!({ "awaited": "p", "address": "http://nowhere" })), 400);
    w.settle("p");
    let offered = w.offered();
    assert_eq!(offered.len(), 1);
    assert_eq!(offered[0].0, "poll://uni@ui/eve");
    assert_eq!(offered[0].1["data"]["promise"]["state"], "resolved");
    let (status, data) = w.ask("promise.register_listener", listen);
    assert_eq!((status, &data["promise"]["state"]), (200, &json!("resolved")));
    assert_eq!(w.rows.everything().unwrap().listeners, []);
}

#[test]
fn a_subscriber_of_the_plain_dialect_is_notified_at_its_own_address() {
    let mut w = World::new();
    w.promise("p");
    assert_eq!(w.plain("promise.subscribe", json!({ "awaited": "p" })).0, 200);
    w.settle("p");
    let offered = w.offered();
    assert_eq!((offered[0].0.as_str(), &offered[0].1["kind"]), ("uni@hub/ada", &json!("notify")));
    assert_eq!(offered[0].1["data"]["promise"]["settledOn"], T);
}

#[test]
fn so_many_may_wait_for_one_promise_and_so_many_may_listen_and_one_more_is_429() {
    let mut w = World::new();
    (w.rules.awaiters_per_promise, w.rules.listeners_per_promise) = (2, 1);
    w.promise("p");
    for (awaiter, status) in [("a", 200), ("b", 200), ("c", 429), ("a", 200)] {
        w.task(awaiter);
        assert_eq!(w.code("promise.register_callback", json!({ "awaiter": awaiter, "awaited": "p" })), status, "{awaiter}");
    }
    assert_eq!(w.acquire("c", 0).0, 200);
    w.promise("q");
    assert_eq!(w.suspend("c", 1, &["q", "p"]).0, 429);
    assert_eq!(w.rows.everything().unwrap().registrations.len(), 2, "all or nothing");
    for (address, status) in [("uni@ui/a", 200), ("uni@ui/b", 429), ("uni@ui/a", 200)] {
        assert_eq!(w.code("promise.register_listener", json!({ "awaited": "p", "address": address })), status);
    }
}

// --- offers

#[test]
fn a_target_makes_a_task_that_is_offered_until_somebody_claims_it() {
    let mut w = World::new();
    let tags = json!({ "resonate:target": "poll://any@work/w1" });
    assert_eq!(w.code("promise.create", json!({ "id": "p", "timeoutAt": LATER, "tags": tags })), 200);
    let execute = json!({ "kind": "execute", "head": {}, "data": { "task": { "id": "p", "version": 0 } } });
    assert_eq!(w.offered(), [("poll://any@work/w1".to_owned(), execute)]);
    assert_eq!(w.next_due(), Some(T + 5_000));
    w.sweep_at(T + 4_999);
    assert_eq!(w.told(), [""; 0]);
    w.sweep_at(T + 5_000);
    w.sweep_at(T + 10_000);
    assert_eq!(w.told(), ["execute p", "execute p"]);
    assert_eq!(w.acquire("p", 0).0, 200);
    w.sweep_at(T + 15_000);
    assert_eq!(w.told(), [""; 0]);
}

#[test]
fn both_words_for_a_target_make_a_task() {
    let mut w = World::new();
    for (id, tag) in [("a", "resonate:invoke"), ("b", "resonate:target")] {
        let data = json!({ "id": id, "timeoutOn": LATER, "tags": { tag: "any@work" } });
        assert_eq!(w.plain("promise.create", data).0, 200);
    }
    assert_eq!(w.told(), ["invoke a", "invoke b"]);
}

#[test]
fn a_delayed_task_is_not_offered_before_its_time_and_then_at_once() {
    let mut w = World::new();
    let tags = json!({ "resonate:target": "any@work", "resonate:delay": (T + 700).to_string() });
    assert_eq!(w.code("promise.create", json!({ "id": "p", "timeoutAt": LATER, "tags": tags })), 200);
    w.sweep_at(T + 699);
    assert_eq!((w.told().len(), w.waiting("work", "ada").len()), (0, 0));
    w.sweep_at(T + 700);
    assert_eq!((w.told().len(), w.waiting("work", "ada").len()), (1, 1));
    assert_eq!(w.next_due(), Some(T + 5_700));
    let tags = json!({ "resonate:target": "any@work", "resonate:delay": "tomorrow" });
    assert_eq!(w.code("promise.create", json!({ "id": "q", "timeoutAt": LATER, "tags": tags })), 400);
}

#[test]
fn a_timer_is_never_offered_though_it_has_a_target() {
    let mut w = World::new();
    let tags = json!({ "resonate:target": "any@default", "resonate:timer": "true" });
    assert_eq!(w.code("promise.create", json!({ "id": "p", "timeoutAt": T + 100, "tags": tags.clone() })), 200);
    assert_eq!(w.code("task.get", json!({ "id": "p" })), 404);
    let action = act("promise.create", json!({ "id": "q", "timeoutAt": T + 100, "tags": tags }));
    assert_eq!(w.code("task.create", json!({ "pid": "ada", "ttl": 1, "action": action })), 400);
    w.sweep_at(T + 20_000);
    assert_eq!(w.told(), [""; 0]);
    assert_eq!(w.state("p"), "resolved");
}

// --- task.create and task.acquire

#[test]
fn creating_a_task_needs_a_target_and_claims_it_at_once() {
    let mut w = World::new();
    let create = |id: &str, tags| {
        let action = act("promise.create", json!({ "id": id, "timeoutAt": LATER, "tags": tags }));
        json!({ "pid": "ada", "ttl": 500, "action": action })
    };
    assert_eq!(w.code("task.create", create("p", json!({}))), 400);
    let (status, data) = w.ask("task.create", create("p", json!({ "resonate:target": "any@work" })));
    assert_eq!(status, 200);
    let task = json!({ "id": "p", "state": "acquired", "version": 1, "resumes": [], "ttl": 500, "pid": "ada" });
    assert_eq!((&data["task"], &data["preload"], &data["promise"]["state"]), (&task, &json!([]), &json!("pending")));
    assert_eq!((w.told().len(), w.next_due()), (0, Some(T + 500)));
}

#[test]
fn creating_a_known_task_claims_a_pending_one_answers_a_fulfilled_one_and_refuses_the_rest() {
    let mut w = World::new();
    let create = |id: &str| {
        let tags = json!({ "resonate:target": "any@work" });
        let action = act("promise.create", json!({ "id": id, "timeoutAt": LATER, "tags": tags }));
        json!({ "pid": "bob", "ttl": 500, "action": action })
    };
    w.task("p");
    let (status, data) = w.ask("task.create", create("p"));
    assert_eq!((status, &data["task"]["version"], &data["task"]["pid"]), (200, &json!(1), &json!("bob")));
    assert_eq!(w.code("task.create", create("p")), 409, "acquired");
    w.promise("x");
    assert_eq!(w.suspend("p", 1, &["x"]).0, 200);
    assert_eq!(w.code("task.create", create("p")), 409, "suspended");
    assert_eq!(w.code("task.halt", json!({ "id": "p" })), 200);
    assert_eq!(w.code("task.create", create("p")), 409, "halted");
    w.settle("p");
    let (status, data) = w.ask("task.create", create("p"));
    assert_eq!((status, &data["task"]["state"], &data["promise"]["state"]), (200, &json!("fulfilled"), &json!("resolved")));
    assert_eq!(w.code("task.create", create("x")), 422, "a promise without a target");
}

#[test]
fn acquiring_needs_a_pending_task_at_this_version_whose_promise_is_pending() {
    let mut w = World::new();
    assert_eq!(w.acquire("p", 0).0, 404);
    w.promise("p");
    assert_eq!(w.acquire("p", 0).0, 404, "a promise without a task");
    w.task("t");
    assert_eq!(w.acquire("t", 1).0, 409);
    let (status, data) = w.acquire("t", 0);
    assert_eq!((status, &data["kind"], &data["task"]["version"]), (200, &json!("invoke"), &json!(1)));
    assert_eq!(w.acquire("t", 1).0, 409);
    w.settle("t");
    assert_eq!(w.acquire("t", 1).0, 409);
}

#[test]
fn a_claim_is_an_invoke_until_a_settled_promise_woke_the_task_and_a_resume_from_then_on() {
    let mut w = World::new();
    w.promise("x");
    let kind = |w: &mut World, version: u64| {
        let data = json!({ "id": "t", "version": version, "pid": "ada", "ttl": 1_000 });
        let (status, data) = w.plain("task.acquire", data);
        assert_eq!(status, 200, "{data}");
        (data["kind"].as_str().unwrap().to_owned(), data["data"]["awaited"]["id"].clone())
    };
    w.task("t");
    assert_eq!(kind(&mut w, 0), ("invoke".to_owned(), json!(null)));
    assert_eq!(w.plain("task.release", json!({ "id": "t", "version": 0 })).0, 200);
    assert_eq!(kind(&mut w, 1).0, "invoke", "after a release");
    w.sweep_at(w.now + 1_000);
    assert_eq!(kind(&mut w, 2).0, "invoke", "after a lease that ran out");
    let actions = [plain_act("promise.register", json!({ "awaiter": "t", "awaited": "x" }))];
    assert_eq!(w.plain("task.suspend", json!({ "id": "t", "version": 2, "actions": actions })).0, 200);
    w.settle("x");
    assert_eq!(kind(&mut w, 3), ("resume".to_owned(), json!("x")));
    assert_eq!(w.plain("task.release", json!({ "id": "t", "version": 3 })).0, 200);
    assert_eq!(kind(&mut w, 4), ("resume".to_owned(), json!("x")), "after a release of a resumed run");
}

// --- leases

#[test]
fn a_heartbeat_prolongs_what_its_pid_holds_and_passes_over_the_rest() {
    let mut w = World::new();
    for id in ["one:1", "two:1", "old"] {
        w.held(id);
    }
    w.now += 5_000;
    let tasks = json!([{ "id": "one:1", "version": 1 }, { "id": "two:1", "version": 1 }, { "id": "old", "version": 0 }, { "id": "no", "version": 1 }]);
    assert_eq!(w.code("task.heartbeat", json!({ "pid": "eve", "tasks": tasks })), 200, "not hers");
    assert_eq!(w.next_due(), Some(T + 10_000), "a stranger prolongs nothing");
    assert_eq!(w.code("task.heartbeat", json!({ "pid": "ada", "tasks": tasks })), 200);
    w.sweep_at(T + 10_000);
    assert_eq!(w.told(), ["execute old"]);
    w.sweep_at(T + 14_999);
    assert_eq!((w.task_state("one:1").0.as_str(), w.task_state("two:1").0.as_str()), ("acquired", "acquired"));
    w.sweep_at(T + 15_000);
    assert_eq!((w.task_state("one:1").0.as_str(), w.task_state("two:1").0.as_str()), ("pending", "pending"));
}

#[test]
fn an_empty_heartbeat_is_for_all_that_its_pid_holds() {
    let mut w = World::new();
    w.held("a");
    w.held("b");
    w.now += 5_000;
    assert_eq!(w.code("task.heartbeat", json!({ "pid": "ada", "tasks": [] })), 200);
    w.sweep_at(T + 14_999);
    assert_eq!((w.task_state("a").0.as_str(), w.task_state("b").0.as_str()), ("acquired", "acquired"));
}

#[test]
fn a_heartbeat_does_not_prolong_a_lease_past_the_deadline_of_its_promise() {
    let mut w = World::new();
    w.task_until("p", T + 1_000);
    assert_eq!(w.acquire("p", 0).0, 200);
    w.now = T + 1_000;
    let tasks = json!([{ "id": "p", "version": 1 }]);
    assert_eq!(w.code("task.heartbeat", json!({ "pid": "ada", "tasks": tasks })), 200);
    assert_eq!(w.rows.everything().unwrap().tasks[0].due_at, Some(Millis(T + 10_000)));
}

#[test]
fn a_lease_that_is_over_makes_the_task_pending_and_offered_at_once_and_the_old_holder_is_refused() {
    let mut w = World::new();
    w.held("p");
    w.sweep_at(T + 9_999);
    assert_eq!(w.told(), [""; 0]);
    w.sweep_at(T + 10_000);
    assert_eq!(w.told(), ["execute p"]);
    assert_eq!(w.task_state("p"), ("pending".to_owned(), 1));
    assert_eq!(w.acquire("p", 1).0, 200);
    let fulfill = |version: u64| json!({ "id": "p", "version": version, "action": resolve("p") });
    assert_eq!(w.code("task.fulfill", fulfill(1)), 409);
    assert_eq!(w.code("task.fulfill", fulfill(2)), 200);
}

#[test]
fn late_early_and_duplicate_timers_are_harmless() {
    let mut w = World::new();
    w.held("p");
    w.promise("q");
    w.task("r");
    let due: Vec<PromiseId> = ["p", "q", "r", "nobody"].iter().map(|id| id.parse().unwrap()).collect();
    let before = w.rows.everything().unwrap();
    for id in &due {
        for due in [Due::Promise(id.clone()), Due::Task(id.clone())] {
            assert_eq!(w.rules.fire(Millis(T), &due, &mut w.rows).unwrap(), []);
        }
    }
    assert_eq!(w.rows.everything().unwrap(), before);
    w.settle("p");
    let before = w.rows.everything().unwrap();
    let due = Due::Task(due[0].clone());
    assert_eq!(w.rules.fire(Millis(T + 10_000), &due, &mut w.rows).unwrap(), []);
    assert_eq!(w.rows.everything().unwrap(), before);
}

// --- suspend

#[test]
fn suspending_checks_itself_then_the_task_then_what_it_waits_for() {
    let mut w = World::new();
    let suspend = |w: &mut World, actions: serde_json::Value| {
        w.code("task.suspend", json!({ "id": "t", "version": 1, "actions": actions }))
    };
    assert_eq!(suspend(&mut w, json!([])), 400);
    assert_eq!(suspend(&mut w, json!([wait("other", "x")])), 400);
    assert_eq!(suspend(&mut w, json!([wait("t", "t")])), 400);
    assert_eq!(suspend(&mut w, json!([wait("t", "x")])), 404);
    w.task("t");
    assert_eq!(suspend(&mut w, json!([wait("t", "x")])), 409, "pending");
    assert_eq!(w.acquire("t", 0).0, 200);
    assert_eq!(w.suspend("t", 0, &["x"]).0, 409, "another version");
    w.promise("y");
    assert_eq!(suspend(&mut w, json!([wait("t", "y"), wait("t", "x")])), 422);
    assert_eq!(w.rows.everything().unwrap().registrations, [], "all or nothing");
    assert_eq!(w.task_state("t").0, "acquired");
    assert_eq!(suspend(&mut w, json!([wait("t", "y"), wait("t", "y")])), 200, "twice the same is once");
    assert_eq!(w.rows.everything().unwrap().registrations.len(), 1);
    assert_eq!(w.task_state("t").0, "suspended");
}

#[test]
fn suspending_on_something_settled_is_a_300_and_changes_nothing() {
    let mut w = World::new();
    w.held("t");
    w.promise("x");
    w.promise("y");
    w.settle("y");
    let before = w.rows.everything().unwrap();
    assert_eq!(w.suspend("t", 1, &["x", "y"]), (300, json!({ "preload": [] })));
    assert_eq!(w.rows.everything().unwrap(), before);
    assert_eq!(w.code("promise.create", json!({ "id": "z", "timeoutAt": w.now + 5 })), 200);
    w.now += 5;
    assert_eq!(w.suspend("t", 1, &["z"]).0, 300, "a deadline settles too");
}

#[test]
fn a_settlement_wakes_a_suspended_task_and_is_remembered_by_one_that_is_awake() {
    let mut w = World::new();
    for id in ["x", "y", "z"] {
        w.promise(id);
    }
    w.held("t");
    assert_eq!(w.suspend("t", 1, &["x", "y", "z"]).0, 200);
    w.settle("x");
    assert_eq!(w.told(), ["execute t"]);
    let resumes = |w: &mut World| w.ask("task.get", json!({ "id": "t" })).1["task"]["resumes"].clone();
    assert_eq!(resumes(&mut w), json!(["x"]));
    w.settle("y");
    assert_eq!((w.told().len(), resumes(&mut w)), (0, json!(["x", "y"])), "pending");
    assert_eq!(w.acquire("t", 1).0, 200);
    assert_eq!(resumes(&mut w), json!([]));
    w.settle("z");
    assert_eq!((w.told().len(), resumes(&mut w)), (0, json!(["z"])), "acquired");
    w.settle("t");
    assert_eq!(resumes(&mut w), json!([]));
}

// --- fulfill, release, fence

#[test]
fn fulfilling_settles_the_promise_and_ends_the_task_at_once() {
    let mut w = World::new();
    let fulfill = |w: &mut World, version: u64, of: &str| {
        w.ask("task.fulfill", json!({ "id": "t", "version": version, "action": resolve(of) }))
    };
    assert_eq!(fulfill(&mut w, 1, "other").0, 400);
    assert_eq!(fulfill(&mut w, 1, "t").0, 404);
    w.held("t");
    assert_eq!(fulfill(&mut w, 2, "t").0, 409);
    let (status, data) = fulfill(&mut w, 1, "t");
    assert_eq!((status, &data["promise"]["value"]["data"]), (200, &json!("done")));
    assert_eq!((w.task_state("t").0.as_str(), w.state("t").as_str()), ("fulfilled", "resolved"));
    assert_eq!(fulfill(&mut w, 1, "t").0, 409);
    assert_eq!(w.next_due(), None);
}

#[test]
fn a_released_task_is_offered_at_once() {
    let mut w = World::new();
    assert_eq!(w.code("task.release", json!({ "id": "t", "version": 1 })), 404);
    w.held("t");
    assert_eq!(w.code("task.release", json!({ "id": "t", "version": 7 })), 409);
    assert_eq!(w.ask("task.release", json!({ "id": "t", "version": 1 })), (200, json!({})));
    assert_eq!(w.told(), ["execute t"]);
    assert_eq!(w.code("task.release", json!({ "id": "t", "version": 1 })), 409);
}

#[test]
fn a_fence_happens_only_while_the_task_is_held_and_answers_200_whatever_is_inside() {
    let mut w = World::new();
    let fence = |w: &mut World, version: u64, action: serde_json::Value| {
        w.ask("task.fence", json!({ "id": "t", "version": version, "action": action }))
    };
    let create = |id: &str| json!({ "kind": "promise.create", "head": { "corrId": "in", "version": "2026-04-01" }, "data": { "id": id, "timeoutAt": LATER } });
    assert_eq!(fence(&mut w, 1, resolve("t")).0, 400);
    assert_eq!(fence(&mut w, 1, create("t:0")).0, 404);
    w.held("t");
    assert_eq!(fence(&mut w, 2, create("t:0")).0, 409);
    assert_eq!(w.code("promise.get", json!({ "id": "t:0" })), 404);
    let (status, data) = fence(&mut w, 1, create("t:0"));
    assert_eq!((status, &data["preload"]), (200, &json!([])));
    let inner = &data["action"];
    assert_eq!(
        (&inner["kind"], &inner["head"]),
        (&json!("promise.create"), &json!({ "corrId": "in", "status": 200, "version": "2026-04-01" }))
    );
    assert_eq!(inner["data"]["promise"]["id"], "t:0");
    let (status, data) = fence(&mut w, 1, resolve("nobody"));
    assert_eq!((status, &data["action"]["head"]["status"]), (200, &json!(404)));
    assert!(data["action"]["data"].is_string());
    assert_eq!(fence(&mut w, 1, resolve("t:0")).1["action"]["data"]["promise"]["state"], "resolved");
    w.now = LATER;
    assert_eq!(fence(&mut w, 1, create("t:1")).0, 409, "the task's own promise is past its deadline");
}

// --- halt and continue

#[test]
fn a_halted_task_is_not_offered_and_a_continued_one_is_at_once() {
    let mut w = World::new();
    assert_eq!((w.code("task.halt", json!({ "id": "t" })), w.code("task.continue", json!({ "id": "t" }))), (404, 404));
    w.held("t");
    w.promise("x");
    assert_eq!(w.code("task.continue", json!({ "id": "t" })), 409);
    assert_eq!(w.suspend("t", 1, &["x"]).0, 200);
    assert_eq!(w.code("task.halt", json!({ "id": "t" })), 200);
    assert_eq!(w.code("task.halt", json!({ "id": "t" })), 200);
    w.settle("x");
    w.sweep_at(T + 60_000);
    assert_eq!((w.told().len(), w.waiting("work", "ada").len()), (0, 0));
    assert_eq!(w.code("task.continue", json!({ "id": "t" })), 200);
    assert_eq!(w.told(), ["execute t"]);
    assert_eq!(w.ask("task.get", json!({ "id": "t" })).1["task"]["resumes"], json!(["x"]));
    w.settle("t");
    assert_eq!((w.code("task.halt", json!({ "id": "t" })), w.code("task.continue", json!({ "id": "t" }))), (409, 409));
}

// --- schedules

#[test]
fn a_schedule_fires_once_for_each_missed_instant_in_order() {
    let mut w = World::new();
    w.now = 60_000;
    let tags = json!({ "resonate:target": "any@work", "x": "y" });
    let schedule = json!({
        "id": "s", "cron": "* * * * *", "promiseId": "{{.id}}-{{.timestamp}}", "promiseTimeout": 500_000,
        "promiseParam": { "data": "hi" }, "promiseTags": tags,
    });
    let (status, created) = w.ask("schedule.create", schedule);
    assert_eq!((status, &created["schedule"]["nextRunAt"]), (200, &json!(120_000)));
    let again = json!({ "id": "s", "cron": "*/5 * * * *", "promiseId": "other", "promiseTimeout": 1 });
    assert_eq!(w.ask("schedule.create", again), (200, created));
    assert_eq!(w.next_due(), Some(120_000));
    w.sweep_at(301_000);
    assert_eq!(w.told(), ["execute s-120000", "execute s-180000", "execute s-240000", "execute s-300000"]);
    let (_, data) = w.ask("promise.get", json!({ "id": "s-180000" }));
    let promise = &data["promise"];
    assert_eq!((&promise["timeoutAt"], &promise["createdAt"]), (&json!(680_000), &json!(301_000)));
    let tags = json!({
        "resonate:branch": "s-180000", "resonate:origin": "s-180000", "resonate:parent": "s-180000",
        "resonate:schedule": "s", "resonate:target": "any@work", "x": "y",
    });
    assert_eq!((&promise["tags"], &promise["param"]), (&tags, &json!({ "data": "hi" })));
    let (_, data) = w.ask("schedule.get", json!({ "id": "s" }));
    assert_eq!((&data["schedule"]["lastRunAt"], &data["schedule"]["nextRunAt"]), (&json!(300_000), &json!(360_000)));
    assert_eq!(w.code("schedule.delete", json!({ "id": "s" })), 200);
    w.sweep_at(302_000);
    assert_eq!((w.code("schedule.get", json!({ "id": "s" })), w.code("schedule.delete", json!({ "id": "s" }))), (404, 404));
}

#[test]
fn a_schedule_that_can_never_run_is_refused() {
    let mut w = World::new();
    for (cron, id) in [("* * * *", "p"), ("* * * * * *", "p"), ("0 0 30 2 *", "p"), ("* * * * *", "")] {
        let schedule = json!({ "id": "s", "cron": cron, "promiseId": id, "promiseTimeout": 1 });
        assert_eq!(w.code("schedule.create", schedule), 400, "{cron} {id}");
    }
}

// --- the order of checks, delivery, the clock

#[test]
fn what_is_malformed_is_told_before_what_is_unknown() {
    let mut w = World::new();
    assert_eq!(w.code("promise.register_callback", json!({ "awaiter": "p", "awaited": "p" })), 400);
    assert_eq!(w.code("promise.settle", json!({ "id": "p", "state": "timedout" })), 400);
    assert_eq!(w.code("task.suspend", json!({ "id": "t", "version": 0, "actions": [] })), 400);
    let (status, why) = w.ask("promise.get", json!({ "id": "x".repeat(1_025) }));
    assert_eq!((status, why), (400, json!("data.id: a promise id is 1 to 1024 bytes")));
    assert_eq!(w.code("promise.get", json!({ "id": "x".repeat(1_024) })), 404);
}

#[test]
fn a_notice_is_repeated_until_the_transport_took_it() {
    let mut w = World::new();
    w.promise("p");
    assert_eq!(w.code("promise.register_listener", json!({ "awaited": "p", "address": "uni@ui/eve" })), 200);
    w.settle("p");
    assert_eq!(w.told(), ["unblock p"]);
    w.sweep_at(T + 5_000);
    w.sweep_at(T + 10_000);
    assert_eq!(w.told(), ["unblock p", "unblock p"]);
    let key = OfferKey::Notice("p".parse().unwrap(), "uni@ui/eve".parse().unwrap());
    w.rules.taken(&key, &mut w.rows).unwrap();
    w.sweep_at(T + 60_000);
    assert_eq!((w.told().len(), w.next_due()), (0, None));
}

#[test]
fn a_message_about_a_task_goes_by_a_claim_and_never_by_being_taken() {
    let mut w = World::new();
    w.task("t");
    let before = w.rows.everything().unwrap();
    w.rules.taken(&OfferKey::Task("t".parse().unwrap()), &mut w.rows).unwrap();
    assert_eq!(w.rows.everything().unwrap(), before);
    assert_eq!(w.waiting("work", "ada").len(), 1);
    w.acquire("t", 0);
    assert_eq!(w.waiting("work", "ada"), []);
}

#[test]
fn a_clock_driven_by_hand_fires_timers_on_ticks_only() {
    let mut w = World::new();
    assert_eq!(w.code("debug.start", json!({})), 200);
    w.task_until("p", T + 100);
    w.task("t");
    assert_eq!(w.ask("debug.tick", json!({ "time": T + 5_000 })), (200, json!([])));
    assert_eq!(w.told(), ["execute t"]);
    let (_, snap) = w.ask("debug.snap", json!({}));
    assert_eq!(snap["promiseTimeouts"], json!([{ "id": "t", "timeout": LATER }]));
    assert_eq!(snap["taskTimeouts"], json!([{ "id": "t", "type": 0, "timeout": T + 10_000 }]));
    assert_eq!(snap["messages"][0]["message"]["kind"], "execute");
    let head = json!({ "corrId": "1", "version": "2026-04-01", "resonate:debug_time": LATER });
    let get = json!({ "kind": "promise.get", "head": head, "data": { "id": "t" } });
    assert_eq!(w.envelope(&get.to_string())["data"]["promise"]["state"], "rejected_timedout");
    assert_eq!(w.state("t"), "pending");
    assert_eq!((w.code("debug.reset", json!({})), w.code("debug.stop", json!({}))), (200, 200));
    assert_eq!(w.code("promise.get", json!({ "id": "t" })), 404);
}

// --- what others get wrong

#[test]
fn a_task_that_waits_for_a_promise_without_target_wakes_by_its_settlement_and_by_its_deadline() {
    let mut w = World::new();
    for (id, waits_for) in [("a", "x"), ("b", "y")] {
        assert_eq!(w.code("promise.create", json!({ "id": waits_for, "timeoutAt": T + 1_000 })), 200);
        w.held(id);
        assert_eq!(w.suspend(id, 1, &[waits_for]).0, 200);
    }
    w.settle("x");
    assert_eq!(w.told(), ["execute a"]);
    w.sweep_at(T + 1_000);
    assert_eq!(w.told(), ["execute b"]);
}

#[test]
fn a_task_is_not_offered_once_its_promise_is_past_its_deadline() {
    let mut w = World::new();
    w.task_until("p", T + 5_000);
    w.now = T + 5_000;
    assert_eq!(w.waiting("work", "ada"), []);
    w.sweep_at(T + 5_000);
    assert_eq!((w.told().len(), w.task_state("p").0.as_str()), (0, "fulfilled"));
}

#[test]
fn an_empty_target_is_refused_and_one_that_is_no_address_is_kept() {
    let mut w = World::new();
    let create = |id: &str, target: &str| json!({ "id": id, "timeoutAt": LATER, "tags": { "resonate:target": target } });
    assert_eq!(w.code("promise.create", create("p", "")), 400);
    assert_eq!(w.code("promise.get", json!({ "id": "p" })), 404);
    assert_eq!(w.code("promise.create", create("p", "http://elsewhere/")), 200);
    w.sweep_at(T + 20_000);
    assert_eq!((w.told().len(), w.task_state("p").0.as_str()), (0, "pending"));
    assert_eq!(w.acquire("p", 0).0, 200, "who knows of it can claim it");
}

#[test]
fn a_worker_that_comes_late_finds_what_waits_for_it_without_waiting_for_a_timer() {
    let mut w = World::new();
    let create = |id: &str, target: &str| json!({ "id": id, "timeoutAt": LATER, "tags": { "resonate:target": target } });
    for (id, target) in [("a", "any@work"), ("b", "poll://any@work/ada"), ("c", "uni@work/bob"), ("d", "any@play")] {
        assert_eq!(w.code("promise.create", create(id, target)), 200);
    }
    w.now += 1;
    let found = |w: &World, pid: &str| w.waiting("work", pid).iter().map(|offer| offer.address.to_string()).collect::<Vec<_>>();
    assert_eq!(found(&w, "ada"), ["any@work", "poll://any@work/ada"]);
    assert_eq!(found(&w, "bob"), ["any@work", "poll://any@work/ada", "uni@work/bob"]);
}

#[test]
fn what_waits_is_read_in_pages() {
    let mut w = World::new();
    for n in 0..7 {
        w.task(&format!("t{n}"));
    }
    let (group, pid) = ("work".parse().unwrap(), "ada".parse().unwrap());
    let (mut after, mut sizes) = (None, Vec::new());
    loop {
        let (page, next) = w.rules.waiting(Millis(T), (&group, &pid), after.as_ref(), 3, &w.rows).unwrap();
        sizes.push(page.len());
        after = next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [3, 3, 1]);
}

// --- dialects

#[test]
fn both_dialects_are_exact_on_one_row() {
    let mut w = World::new();
    w.promise("x");
    let version = |w: &mut World, plain: u64, other: u64| {
        assert_eq!(w.plain("task.get", json!({ "id": "t" })).1, json!({ "task": { "id": "t", "version": plain } }));
        assert_eq!(w.task_state("t").1, other);
    };
    w.task("t");
    version(&mut w, 0, 0);
    assert_eq!(w.plain("task.acquire", json!({ "id": "t", "version": 0, "pid": "ada", "ttl": 1_000 })).0, 200);
    version(&mut w, 0, 1);
    assert_eq!(w.plain("task.heartbeat", json!({ "pid": "ada", "tasks": [{ "id": "t", "version": 0 }] })).0, 200);
    assert_eq!(w.plain("task.release", json!({ "id": "t", "version": 1 })).0, 409);
    assert_eq!(w.plain("task.release", json!({ "id": "t", "version": 0 })).0, 200);
    version(&mut w, 1, 1);
    assert_eq!(w.acquire("t", 1).0, 200);
    version(&mut w, 1, 2);
    assert_eq!(w.suspend("t", 2, &["x"]).0, 200);
    version(&mut w, 1, 2);
    w.settle("x");
    version(&mut w, 2, 2);
    assert_eq!(w.plain("task.acquire", json!({ "id": "t", "version": 2, "pid": "ada", "ttl": 1_000 })).0, 200);
    let settle = plain_act("promise.settle", json!({ "id": "t", "state": "resolved" }));
    assert_eq!(w.plain("task.fulfill", json!({ "id": "t", "version": 2, "action": settle })).0, 200);
}

#[test]
fn a_worker_is_called_in_the_dialect_of_whoever_created_its_task() {
    let mut w = World::new();
    let tags = json!({ "resonate:invoke": "any@work" });
    assert_eq!(w.plain("promise.create", json!({ "id": "t", "timeoutOn": LATER, "tags": tags })).0, 200);
    w.promise("x");
    assert_eq!(w.acquire("t", 0).0, 200);
    assert_eq!(w.suspend("t", 1, &["x"]).0, 200);
    w.settle("x");
    assert_eq!(w.told(), ["invoke t", "resume t"]);
    assert_eq!(w.rows.everything().unwrap().tasks[0].dialect, Dialect::Plain);
}

// --- preload and pages

#[test]
fn promises_of_the_same_branch_come_along_as_they_are_now() {
    let mut w = World::new();
    let create = |id: &str, timeout_at: i64, branch: &str| json!({ "id": id, "timeoutAt": timeout_at, "tags": { "resonate:branch": branch, "resonate:target": "any@work" } });
    for (id, timeout_at, branch) in [("r", LATER, "r"), ("r:0", T + 10, "r"), ("r:1", LATER, "r"), ("s", LATER, "s")] {
        assert_eq!(w.code("promise.create", create(id, timeout_at, branch)), 200);
    }
    w.settle("r:1");
    w.now = T + 10;
    let (_, data) = w.acquire("r", 0);
    let short = |data: &serde_json::Value| {
        let preload = data["preload"].as_array().unwrap().iter();
        preload.map(|p| format!("{} {}", p["id"].as_str().unwrap(), p["state"].as_str().unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(short(&data), ["r:0 rejected_timedout", "r:1 resolved"]);
    let (status, data) = w.suspend("r", 1, &["r:0"]);
    assert_eq!((status, short(&data)), (300, vec!["r:0 rejected_timedout".to_owned(), "r:1 resolved".to_owned()]));
    let action = act("promise.create", create("r:2", LATER, "r"));
    let (_, data) = w.ask("task.create", json!({ "pid": "ada", "ttl": 5, "action": action }));
    assert_eq!(short(&data), ["r pending", "r:0 rejected_timedout", "r:1 resolved"]);
}

#[test]
fn a_preload_is_bounded_in_promises_and_in_bytes() {
    let mut w = World::new();
    let create = |id: &str, bytes: usize| {
        let tags = json!({ "resonate:branch": "b", "resonate:target": "any@work" });
        json!({ "id": id, "timeoutAt": LATER, "param": { "data": "x".repeat(bytes) }, "tags": tags })
    };
    for n in 0..150 {
        assert_eq!(w.code("promise.create", create(&format!("p{n:03}"), 1)), 200);
    }
    assert_eq!(w.acquire("p149", 0).1["preload"].as_array().unwrap().len(), 100);
    assert_eq!(w.code("promise.create", create("a", 60_000)), 200);
    assert_eq!(w.code("promise.create", create("b", 60_000)), 200);
    assert_eq!(w.acquire("p148", 0).1["preload"].as_array().unwrap().len(), 1);
}

#[test]
fn a_search_is_read_in_pages_until_there_is_no_cursor() {
    let mut w = World::new();
    for n in 0..5 {
        w.task(&format!("p{n}"));
    }
    let (mut cursor, mut seen) = (None::<String>, Vec::new());
    loop {
        let mut data = json!({ "limit": 2, "tags": { "resonate:target": "any@work" } });
        if let Some(cursor) = &cursor {
            data["cursor"] = json!(cursor);
        }
        let (_, page) = w.ask("promise.search", data);
        seen.extend(page["promises"].as_array().unwrap().iter().map(|p| p["id"].as_str().unwrap().to_owned()));
        cursor = page["cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["p0", "p1", "p2", "p3", "p4"]);
    assert_eq!(w.code("promise.search", json!({ "limit": 101 })), 400);
    assert_eq!(w.code("promise.search", json!({ "limit": 0 })), 400);
}

#[test]
fn a_page_ends_after_the_result_that_makes_it_too_large() {
    let mut w = World::new();
    for n in 0..20 {
        let data = "x".repeat(200_000);
        assert_eq!(
            w.code("promise.create", json!({ "id": format!("p{n:02}"), "timeoutAt": LATER, "param": { "data": data } })),
            200
        );
    }
    let (_, page) = w.ask("promise.search", json!({}));
    assert_eq!((page["promises"].as_array().unwrap().len(), &page["cursor"]), (6, &json!("p05")));
}

// --- one question for every timer, one claim for every task

#[test]
fn one_question_tells_when_anything_is_due_next() {
    let mut w = World::new();
    assert_eq!(w.next_due(), None);
    assert_eq!(w.code("promise.create", json!({ "id": "never", "timeoutAt": i64::MAX })), 200);
    assert_eq!(w.next_due(), None, "the last instant never comes");
    let schedule = json!({ "id": "s", "cron": "* * * * *", "promiseId": "{{.timestamp}}", "promiseTimeout": 1 });
    assert_eq!(w.code("schedule.create", schedule), 200);
    assert_eq!(w.next_due(), Some(1_020_000), "a schedule");
    assert_eq!(w.code("promise.create", json!({ "id": "p", "timeoutAt": T + 15_000 })), 200);
    assert_eq!(w.next_due(), Some(T + 15_000), "a deadline");
    w.held("t");
    assert_eq!(w.next_due(), Some(T + 10_000), "a lease");
    w.task("u");
    assert_eq!(w.next_due(), Some(T + 5_000), "an offer");
    w.rules.offer_every = Millis(4_000);
    assert_eq!(w.code("promise.register_listener", json!({ "awaited": "p", "address": "uni@ui/eve" })), 200);
    assert_eq!(w.settle("p"), 200);
    assert_eq!(w.next_due(), Some(T + 4_000), "a notice");
}

#[test]
fn of_two_workers_that_claim_the_same_version_one_gets_the_task() {
    let mut w = World::new();
    w.task("t");
    let claim = |pid: &str| json!({ "id": "t", "version": 0, "pid": pid, "ttl": 10_000 });
    assert_eq!((w.code("task.acquire", claim("ada")), w.code("task.acquire", claim("bob"))), (200, 409));
    assert_eq!(w.ask("task.get", json!({ "id": "t" })).1["task"]["pid"], "ada");
}
