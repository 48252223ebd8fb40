//! What is written down for those who look after a router.

use concierge_api_rs::admin::{Account, CategoryRecord, FaultRecord, Routing};
use concierge_api_rs::limits;
use concierge_api_rs::packet::Subject;
use concierge_router::{Route, Routes, Rules};

use crate::world::{World, id};

const BEGAN: u64 = 1_000_000;

fn category<'a>(look: &'a Routing, name: &str) -> Option<&'a CategoryRecord> {
    look.categories.iter().find(|record| record.category.as_str() == name)
}

fn account(world: &World, name: &str) -> Account {
    category(&world.router.look(BEGAN), name).unwrap().account.clone()
}

impl World {
    fn asks_for(&mut self, name: &str, cmd: &str, reqid: &str) {
        self.sends(name, "api", &format!(r#"{{"type":"q","cmd":"{cmd}","_reqid":"{reqid}"}}"#));
    }

    fn fails(&mut self, name: &str, ticket: &str, data: &str) {
        self.sends(name, "api", &format!(r#"{{"type":"r","status":"err","_reqid":"{ticket}","data":{data}}}"#));
    }
}

#[test]
fn a_category_has_an_account_of_what_was_asked_and_became_of_it_and_how_long_that_took() {
    let mut world = World::with_workers(&["eve"]);
    for reqid in ["x", "y", "z"] {
        world.asks("ada", reqid);
    }
    world.now = 7;
    world.answers("eve", "1", "3");
    world.fails("eve", "2", r#"{"code":3,"data":{"items":["a"]}}"#);
    assert_eq!(account(&world, "math").open, 1);
    world.at(10_000);
    let Account { requests, open, results, errors, took_ms } = account(&world, "math");
    assert_eq!((requests, open, results), (3, 0, 1));
    assert_eq!(errors, [("INVALID".to_owned(), 1), ("TIMEOUT".to_owned(), 1)].into());
    assert_eq!(took_ms, [(8, 2), (12_288, 1)].into());
}

#[test]
fn a_part_is_no_end_and_who_goes_leaves_no_time_behind() {
    let mut world = World::with_workers(&["eve"]);
    world.asks("ada", "x");
    world.sends("eve", "api", r#"{"type":"r","status":"ok","_reqid":"1","more":true,"data":1}"#);
    assert_eq!((account(&world, "math").open, account(&world, "math").results), (1, 0));
    world.goes("ada");
    let Account { requests, open, took_ms, .. } = account(&world, "math");
    assert_eq!((requests, open, took_ms.len()), (1, 0, 0));
    world.asks("bob", "x");
    world.now = 4;
    world.goes("eve");
    let Account { errors, took_ms, .. } = account(&world, "math");
    assert_eq!((errors, took_ms), ([("UNAVAILABLE".to_owned(), 1)].into(), [(4, 1)].into()));
}

#[test]
fn categories_that_no_worker_was_ever_given_are_counted_together() {
    let mut world = World::with_workers(&["eve"]);
    world.asks_for("ada", "news/read", "x");
    world.asks_for("ada", "nonsense/nothing", "x");
    let look = world.router.look(BEGAN);
    assert_eq!((look.others.requests, look.others.errors.clone()), (2, [("UNAVAILABLE".to_owned(), 2)].into()));
    assert!(category(&look, "news").is_none());
    assert_eq!(category(&look, "math").unwrap().account, Account::default(), "it is served, and nothing was asked");
    world.asks("ada", "x");
    world.goes("eve");
    world.asks("ada", "y");
    let look = world.router.look(BEGAN);
    let math = category(&look, "math").unwrap();
    assert_eq!((math.account.failed(), math.served_by, look.others.requests), (2, 0, 2), "it keeps the account that it has");
}

#[test]
fn who_serves_a_category_is_named_with_what_waits_for_it_and_since_when() {
    let mut world = World::with_workers(&["eve"]);
    world.router.introduce(id("eve"), "Eve".parse().unwrap());
    world.asks("ada", "x");
    world.now = 50;
    world.serves("bob", &["math", "news"]);
    let look = world.router.look(BEGAN);
    let math = category(&look, "math").unwrap();
    let seen = math.workers.iter().map(|it| (it.uuid, it.name.as_ref().map(|name| name.as_str()), it.open, it.since));
    assert_eq!(seen.collect::<Vec<_>>(), [(id("bob"), None, 0, BEGAN + 50), (id("eve"), Some("Eve"), 1, BEGAN)]);
    assert_eq!((look.workers, look.open, math.served_by), (2, 1, 2));
    assert_eq!(look.categories.iter().map(|it| it.category.as_str()).collect::<Vec<_>>(), ["math", "news"]);
}

#[test]
fn of_many_workers_some_are_named_and_all_are_counted() {
    let mut world = World::with_workers(&[]);
    let names: Vec<String> = (0..40).map(|n| format!("worker_{n}")).collect();
    for name in &names {
        world.comes(name, &[]);
        world.serves(name, &["math"]);
    }
    let look = world.router.look(BEGAN);
    let math = category(&look, "math").unwrap();
    assert_eq!((math.workers.len(), math.served_by), (limits::ADMIN_WORKERS, 40));
}

#[test]
fn the_last_errors_are_remembered_with_who_asked_for_what_when_and_why_it_failed() {
    let mut world = World::with_workers(&["eve"]);
    world.router.introduce(id("ada"), "ada".parse().unwrap());
    world.asks("ada", "x");
    world.now = 9;
    world.fails("eve", "1", r#"{"code":0,"data":{"message":"no numbers","items":["a","b"]}}"#);
    world.goes("ada");
    world.asks_for("bob", "news/read", "x");
    let faults = world.router.look(BEGAN).faults;
    let fault = |cmd: &str, client, name: Option<&str>, code, error: &str, items: &[&str], message: Option<&str>| FaultRecord {
        at: BEGAN + 9,
        cmd: cmd.parse().unwrap(),
        client: id(client),
        name: name.map(|name| name.parse().unwrap()),
        code,
        error: error.to_owned(),
        items: items.iter().map(ToString::to_string).collect(),
        message: message.map(str::to_owned),
    };
    let expected = [
        fault("math/add", "ada", Some("ada"), 0, "GENERIC", &["a", "b"], Some("no numbers")),
        fault("news/read", "bob", None, 2, "UNAVAILABLE", &["subject"], None),
    ];
    assert_eq!(faults, expected);
}

#[test]
fn what_is_kept_of_errors_is_bounded_however_many_they_are_and_long() {
    let mut world = World::with_workers(&["eve"]);
    for n in 1..=limits::ADMIN_FAULTS + 3 {
        world.asks("ada", "x");
        let long = "é".repeat(5_000);
        let items = vec![format!("\"{long}\""); 50].join(",");
        world.fails("eve", &n.to_string(), &format!(r#"{{"code":3,"data":{{"message":"{n} {long}","items":[{items}]}}}}"#));
    }
    let faults = world.router.look(BEGAN).faults;
    assert_eq!(faults.len(), limits::ADMIN_FAULTS);
    assert!(faults[0].message.as_ref().unwrap().starts_with("4 "), "the oldest are forgotten");
    for fault in faults {
        assert_eq!(fault.items.len(), limits::ADMIN_FAULT_ITEMS);
        assert!(fault.items.iter().chain(&fault.message).all(|text| text.chars().count() == limits::ECHO_CHARS));
    }
}

#[test]
fn an_error_is_remembered_as_it_was_before_it_was_folded() {
    let rules = Rules { codes: concierge_api_rs::packet::Codes::Seed, ..Rules::default() };
    let mut world = World::new(rules);
    world.comes("ada", &[]);
    world.comes("eve", &[]);
    world.serves("eve", &["math"]);
    world.asks("ada", "x");
    world.at(10_000);
    assert_eq!(world.router.look(BEGAN).faults[0].error, "TIMEOUT");
}

#[test]
fn accounts_are_bounded_and_the_one_that_was_used_longest_ago_joins_the_others_unless_something_is_open_in_it() {
    let mut world = World::new(Rules { in_flight: 1_000, ..Rules::default() });
    world.comes("ada", &[]);
    let names: Vec<String> = (0..limits::ADMIN_CATEGORIES + 2).map(|n| format!("c{n}")).collect();
    let mut ticket = 0;
    for (n, name) in names.iter().enumerate() {
        world.now = i64::try_from(n).unwrap();
        let worker = format!("worker_{n}");
        world.comes(&worker, &[]);
        world.serves(&worker, &[name]);
        world.asks_for("ada", &format!("{name}/x"), &format!("m{n}"));
        ticket += 1;
        if n > 0 {
            world.answers(&worker, &ticket.to_string(), "1");
        }
        if n < 8 {
            // in use again, much later than all others
            world.now = 100_000;
        }
    }
    let look = world.router.look(BEGAN);
    assert_eq!(look.categories.len(), limits::ADMIN_CATEGORIES);
    assert_eq!((look.others.requests, look.others.results, look.left_out), (2, 2, 2));
    let known = |name: &str| category(&look, name).is_some();
    assert!(known("c0") && !known("c1") && !known("c2") && known("c3") && known(names.last().unwrap()));
    world.answers("worker_0", "1", "1");
    assert_eq!((account(&world, "c0").open, account(&world, "c0").results), (0, 1));
}

#[test]
fn while_something_is_open_in_every_account_a_further_category_has_none() {
    let mut world = World::new(Rules { in_flight: 1_000, ..Rules::default() });
    let names: Vec<String> = (0..=limits::ADMIN_CATEGORIES).map(|n| format!("c{n}")).collect();
    for name in &names {
        world.comes(name, &[]);
        world.serves(name, &[name]);
        world.asks_for(name, &format!("{name}/x"), "x");
    }
    let others = |world: &World| world.router.look(BEGAN).others;
    assert_eq!((others(&world).requests, others(&world).open), (1, 1));
    let last = names.last().unwrap();
    world.goes("c0"); // its account is free
    world.asks_for(last, &format!("{last}/x"), "y");
    assert_eq!((account(&world, last).requests, account(&world, last).open), (1, 1));
    world.answers(last, &names.len().to_string(), "1");
    assert_eq!((others(&world).open, others(&world).results, account(&world, last).open), (0, 1, 1), "each ends where it began");
}

#[test]
fn routes_are_told_in_the_order_in_which_they_count() {
    let subject = |text: &str| Subject::parse(text).ok();
    let staff = Route {
        subject: subject("shop.orders"),
        prefix: subject("acme"),
        pushes: false,
        tags: vec!["staff".to_owned()],
        ..Route::default()
    };
    let routes = Routes::new(vec![Route::default(), staff]);
    let world = World::new(Rules { routes, workers: vec!["worker".to_owned()], ..Rules::default() });
    let look = world.router.look(BEGAN);
    let [first, last] = &look.routes[..] else { panic!("{look:?}") };
    assert_eq!((first.subject.clone(), first.prefix.clone()), (subject("shop.orders"), subject("acme")));
    assert_eq!((first.requests, first.pushes, first.tags.as_slice()), (true, false, &["staff".to_owned()][..]));
    assert_eq!((last.subject.clone(), last.within_ms, last.in_flight), (None, 10_000, 64));
    assert_eq!(look.worker_tags, ["worker"]);
}
