//! The rules, one sentence each.

use concierge_api_rs::coordinator::Millis;
use concierge_api_rs::packet::{Codes, FaultCode, Subject};
use concierge_router::{Route, Routes, Rules};

use crate::world::{World, cancelled, failed, given, told};

const NOTHING: [&str; 0] = [];

fn subject(text: &str) -> Option<Subject> {
    Some(Subject::parse(text).unwrap())
}

fn routed(routes: Vec<Route>) -> World {
    World::new(Rules { routes: Routes::new(routes), ..Rules::default() })
}

// --- requests

#[test]
fn a_request_reaches_a_worker_under_another_mark_and_its_answer_comes_back_under_its_own() {
    let mut w = World::with_workers(&["w"]);
    assert_eq!(w.asks("ada", "x"), [given("w", "1")]);
    assert_eq!(w.asks("bob", "x"), [given("w", "2")]);
    assert_eq!(w.answers("w", "2", "[ 3 ]"), [told("bob", "x", "[ 3 ]")]);
    assert_eq!(w.answers("w", "1", "4"), [told("ada", "x", "4")]);
    assert_eq!(w.router.in_flight(), 0);
}

#[test]
fn a_worker_that_answers_to_another_subject_changes_nothing_for_who_asked() {
    let mut w = World::with_workers(&["w"]);
    w.asks("ada", "x");
    let answer = w.sends("w", "elsewhere", r#"{"type":"r","status":"ok","_reqid":"1","data":3}"#);
    assert_eq!(answer, [told("ada", "x", "3")]);
}

#[test]
fn an_error_of_a_worker_is_passed_on_with_what_it_says() {
    let mut w = World::with_workers(&["w"]);
    w.asks("ada", "x");
    let data = r#"{"code":3,"data":{"items":["b"],"why": "odd"}}"#;
    let answer = w.sends("w", "api", &format!(r#"{{"type":"r","status":"err","_reqid":"1","data":{data}}}"#));
    let expected = format!(r#"ada <- {{"subject":"api","data":{{"type":"r","status":"err","_reqid":"x","data":{data}}}}}"#);
    assert_eq!(answer, [expected]);
    assert_eq!(w.answers("w", "1", "3"), NOTHING);
}

#[test]
fn a_request_without_a_mark_is_incomplete() {
    let mut w = World::with_workers(&["w"]);
    let answer = w.sends("ada", "api", r#"{"type":"q","cmd":"math/add"}"#);
    let data = r#"{"type":"r","status":"err","data":{"code":4,"data":{"items":["_reqid"]}}}"#;
    assert_eq!(answer, [format!(r#"ada <- {{"subject":"api","data":{data}}}"#)]);
}

#[test]
fn a_mark_that_is_open_is_a_duplicate_and_one_that_was_answered_is_free_again() {
    let mut w = World::with_workers(&["w"]);
    w.asks("ada", "x");
    assert_eq!(w.asks("ada", "x"), [failed("ada", "x", 5, "_reqid")]);
    assert_eq!(w.answers("w", "1", "3"), [told("ada", "x", "3")]);
    assert_eq!(w.asks("ada", "x"), [given("w", "2")]);
}

#[test]
fn parts_pass_in_order_and_give_no_more_time() {
    let mut w = World::with_workers(&["w"]);
    w.asks("ada", "x");
    for n in 1..=3 {
        w.now = n * 3_000;
        let part = w.sends("w", "api", &format!(r#"{{"type":"r","status":"ok","_reqid":"1","more":true,"data":{n}}}"#));
        let data = format!(r#"{{"type":"r","status":"ok","_reqid":"x","more":true,"data":{n}}}"#);
        assert_eq!(part, [format!(r#"ada <- {{"subject":"api","data":{data}}}"#)]);
        assert_eq!(w.router.next_due(), Some(Millis(10_000)));
    }
    assert_eq!(w.at(10_000), [cancelled("w", "1"), failed("ada", "x", 7, "")]);
    assert_eq!(w.router.tally().parts, 3);
}

#[test]
fn no_answer_in_time_is_a_timeout_and_the_answer_after_it_is_dropped_and_counted() {
    let mut w = World::with_workers(&["w"]);
    w.asks("ada", "x");
    assert_eq!(w.at(9_999), NOTHING);
    assert_eq!(w.at(10_000), [cancelled("w", "1"), failed("ada", "x", 7, "")]);
    assert_eq!((w.router.next_due(), w.router.tally().failed(FaultCode::Timeout)), (None, 1));
    assert_eq!(w.answers("w", "1", "3"), NOTHING);
    assert_eq!((w.router.tally().late, w.router.tally().unknown), (1, 0));
}

#[test]
fn what_answers_nothing_or_what_another_worker_was_given_is_dropped_and_counted() {
    let mut w = World::with_workers(&["v", "w"]);
    assert_eq!(w.asks("ada", "x"), [given("v", "1")]);
    for (who, ticket) in [("w", "1"), ("v", "2"), ("v", "0"), ("v", "01"), ("v", "+1"), ("v", "x"), ("ada", "1")] {
        assert_eq!(w.answers(who, ticket, "0"), NOTHING, "{who} {ticket}");
    }
    assert_eq!(w.sends("v", "api", r#"{"type":"r","status":"ok"}"#), NOTHING);
    assert_eq!((w.router.tally().late, w.router.tally().unknown), (0, 8));
    assert_eq!(w.answers("v", "1", "3"), [told("ada", "x", "3")]);
}

#[test]
fn who_cancels_is_answered_at_once_and_the_worker_is_told() {
    let mut w = World::with_workers(&["w"]);
    w.asks("ada", "x");
    assert_eq!(w.cancels("bob", "x"), NOTHING);
    assert_eq!(w.cancels("ada", "y"), NOTHING);
    assert_eq!(w.cancels("ada", "x"), [cancelled("w", "1"), failed("ada", "x", 0, "_reqid")]);
    assert_eq!(w.answers("w", "1", "3"), NOTHING);
    assert_eq!(w.cancels("ada", "x"), NOTHING);
    assert_eq!((w.router.tally().late, w.router.tally().lost_pushes), (1, 3));
}

// --- bounds

#[test]
fn a_client_has_so_many_requests_on_a_route_and_no_more() {
    let route = |name| Route { subject: subject(name), in_flight: 2, ..Route::default() };
    let mut w = routed(vec![route("api"), route("shop")]);
    ["ada", "bob", "w"].iter().for_each(|name| w.comes(name, &[]));
    w.serves("w", &["math"]);
    assert_eq!((w.asks("ada", "1"), w.asks("ada", "2")), (vec![given("w", "1")], vec![given("w", "2")]));
    assert_eq!(w.asks("ada", "3"), [failed("ada", "3", 6, "requests")]);
    assert_eq!(w.asks("bob", "3"), [given("w", "3")]);
    assert_eq!(w.sends("ada", "shop", r#"{"type":"q","cmd":"math/add","_reqid":"3"}"#).len(), 1);
    assert_eq!(w.router.in_flight(), 4);
    w.answers("w", "1", "0");
    assert_eq!(w.asks("ada", "4"), [given("w", "5")]);
}

#[test]
fn all_clients_together_have_so_many_requests_and_no_more() {
    let mut w = World::new(Rules { in_flight: 2, ..Rules::default() });
    ["ada", "bob", "w"].iter().for_each(|name| w.comes(name, &[]));
    w.serves("w", &["math"]);
    w.asks("ada", "1");
    w.asks("bob", "1");
    assert_eq!(w.asks("bob", "2"), [failed("bob", "2", 6, "requests")]);
    assert_eq!(w.router.in_flight(), 2);
}

// --- routes

#[test]
fn the_route_that_names_most_of_a_subject_counts_and_puts_its_prefix_before_it() {
    let route = |name, prefix| Route { subject: subject(name), prefix: subject(prefix), ..Route::default() };
    let mut w = routed(vec![route("shop", "acme"), route("shop.orders", "acme.prod")]);
    ["ada", "w"].iter().for_each(|name| w.comes(name, &[]));
    w.serves("w", &["math"]);
    for (subject, outside) in
        [("shop", "acme.shop"), ("shop.orders.new", "acme.prod.shop.orders.new"), ("shop.order", "acme.shop.order")]
    {
        let asked = w.sends("ada", subject, r#"{"type":"p","cmd":"math/seen"}"#);
        let data = r#"{"type":"p","cmd":"math/seen","data":{}}"#;
        assert_eq!(asked, [format!(r#"w <- {{"subject":"{outside}","data":{data}}}"#)]);
    }
}

#[test]
fn the_answer_and_the_cancellation_name_the_subject_that_each_side_knows() {
    let mut w = routed(vec![Route { prefix: subject("acme"), ..Route::default() }]);
    ["ada", "w"].iter().for_each(|name| w.comes(name, &[]));
    w.serves("w", &["math"]);
    assert_eq!(w.asks("ada", "x"), [given("w", "1").replace(r#""api""#, r#""acme.api""#)]);
    let both = [cancelled("w", "1").replace(r#""api""#, r#""acme.api""#), failed("ada", "x", 7, "")];
    assert_eq!(w.at(10_000), both);
}

#[test]
fn outside_of_every_route_it_is_forbidden_and_a_push_goes_nowhere() {
    let mut w = routed(vec![Route { subject: subject("shop"), ..Route::default() }]);
    ["ada", "w"].iter().for_each(|name| w.comes(name, &[]));
    w.serves("w", &["math"]);
    assert_eq!(w.asks("ada", "x"), [failed("ada", "x", 1, "subject")]);
    assert_eq!(w.sends("ada", "api", r#"{"type":"p","cmd":"math/seen"}"#), NOTHING);
    assert_eq!(w.router.tally().lost_pushes, 1);
}

#[test]
fn a_route_is_for_clients_with_one_of_its_tags() {
    let mut w = routed(vec![Route { tags: vec!["staff".into(), "boss".into()], ..Route::default() }]);
    w.comes("ada", &["pilot"]);
    w.comes("bob", &["pilot", "boss"]);
    w.comes("w", &[]);
    w.serves("w", &["math"]);
    assert_eq!(w.asks("ada", "x"), [failed("ada", "x", 1, "subject")]);
    assert_eq!(w.asks("bob", "x"), [given("w", "1")]);
}

#[test]
fn a_route_lets_requests_or_pushes_through_or_both() {
    let mut w = routed(vec![
        Route { subject: subject("api"), requests: false, ..Route::default() },
        Route { subject: subject("shop"), pushes: false, ..Route::default() },
    ]);
    ["ada", "w"].iter().for_each(|name| w.comes(name, &[]));
    w.serves("w", &["math"]);
    assert_eq!(w.asks("ada", "x"), [failed("ada", "x", 1, "type")]);
    assert_eq!(w.sends("ada", "api", r#"{"type":"p","cmd":"math/seen"}"#).len(), 1);
    assert_eq!(w.sends("ada", "shop", r#"{"type":"p","cmd":"math/seen"}"#), NOTHING);
    assert_eq!(w.sends("ada", "shop", r#"{"type":"q","cmd":"math/add","_reqid":"x"}"#).len(), 1);
}

#[test]
fn a_subject_that_is_too_long_behind_its_prefix_is_invalid() {
    let mut w = routed(vec![Route { prefix: subject("a.b"), ..Route::default() }]);
    ["ada", "w"].iter().for_each(|name| w.comes(name, &[]));
    w.serves("w", &["math"]);
    let answer = w.sends("ada", &["t"; 15].join("."), r#"{"type":"q","cmd":"math/add","_reqid":"x"}"#);
    assert!(answer[0].ends_with(r#""data":{"code":3,"data":{"items":["subject"]}}}}"#), "{answer:?}");
}

#[test]
fn each_route_has_its_own_time_and_the_earliest_is_due_next() {
    let route = |name, within| Route { subject: subject(name), within: Millis(within), ..Route::default() };
    let mut w = routed(vec![route("api", 300), route("shop", 100)]);
    ["ada", "w"].iter().for_each(|name| w.comes(name, &[]));
    w.serves("w", &["math"]);
    assert_eq!(w.router.next_due(), None);
    w.asks("ada", "1");
    assert_eq!(w.router.next_due(), Some(Millis(300)));
    w.sends("ada", "shop", r#"{"type":"q","cmd":"math/add","_reqid":"2"}"#);
    assert_eq!(w.router.next_due(), Some(Millis(100)));
    w.answers("w", "2", "0");
    assert_eq!(w.router.next_due(), Some(Millis(300)));
}

// --- workers

#[test]
fn nobody_serves_it_so_it_is_unavailable() {
    let mut w = World::with_workers(&[]);
    assert_eq!(w.asks("ada", "x"), [failed("ada", "x", 2, "subject")]);
    w.comes("w", &[]);
    w.serves("w", &["maths"]);
    assert_eq!(w.asks("ada", "x"), [failed("ada", "x", 2, "subject")]);
}

#[test]
fn the_worker_with_the_fewest_requests_is_next_and_of_several_the_one_that_waited_longest() {
    let mut w = World::with_workers(&["u", "v", "w"]);
    let order = |w: &mut World, reqid: &str| w.asks("ada", reqid)[0].split(' ').next().unwrap().to_owned();
    let first: Vec<String> = ["1", "2", "3", "4"].iter().map(|reqid| order(&mut w, reqid)).collect();
    assert_eq!(first, ["u", "v", "w", "u"]);
    w.answers("w", "3", "0");
    assert_eq!(order(&mut w, "5"), "w");
    w.answers("u", "1", "0");
    w.answers("u", "4", "0");
    assert_eq!((order(&mut w, "6"), order(&mut w, "7")), ("u".to_owned(), "v".to_owned()));
}

#[test]
fn a_worker_that_serves_two_categories_has_one_load() {
    let mut w = World::with_workers(&["v", "w"]);
    w.serves("v", &["math", "text"]);
    w.sends("ada", "api", r#"{"type":"q","cmd":"text/trim","_reqid":"t"}"#);
    assert_eq!(w.asks("ada", "1"), [given("w", "2")]);
}

#[test]
fn a_push_goes_to_all_workers_of_its_category_and_nobody_hears_of_one_that_nobody_serves() {
    let mut w = World::with_workers(&["v", "w"]);
    w.serves("bob", &["text"]);
    let push = r#"{"type":"p","cmd":"math/seen","data":{"n": 1}}"#;
    let mut pushed = w.sends("ada", "api", push);
    pushed.sort();
    assert_eq!(pushed, ["v", "w"].map(|to| format!(r#"{to} <- {{"subject":"api","data":{push}}}"#)));
    assert_eq!(w.sends("ada", "api", r#"{"type":"p","cmd":"news/seen"}"#), NOTHING);
    // three served, one was pushed
    assert_eq!((w.router.tally().pushes, w.router.tally().lost_pushes), (4, 1));
}

#[test]
fn a_worker_without_room_is_passed_by_and_where_none_has_room_it_is_over_the_limit() {
    let mut w = World::with_workers(&["v", "w"]);
    w.full = vec!["v"];
    assert_eq!(w.asks("ada", "1"), [given("w", "1")]);
    assert_eq!(w.asks("ada", "2"), [given("w", "2")]);
    assert_eq!(w.sends("ada", "api", r#"{"type":"p","cmd":"math/seen"}"#).len(), 1);
    w.full = vec!["v", "w"];
    assert_eq!(w.asks("ada", "3"), [failed("ada", "3", 6, "requests")]);
    assert_eq!(w.sends("ada", "api", r#"{"type":"p","cmd":"math/seen"}"#), NOTHING);
    assert_eq!((w.router.in_flight(), w.router.tally().no_room, w.router.tally().lost_pushes), (2, 4, 1));
    w.full.clear();
    assert_eq!(w.asks("ada", "3"), [given("v", "3")]);
}

#[test]
fn what_a_worker_serves_is_what_it_said_last() {
    let mut w = World::with_workers(&["w"]);
    w.serves("w", &["text"]);
    assert_eq!(w.asks("ada", "x"), [failed("ada", "x", 2, "subject")]);
    w.serves("w", &["math"]);
    assert_eq!(w.asks("ada", "x"), [given("w", "1")]);
    w.serves("w", &[]);
    assert_eq!(w.router.workers(), 0);
    assert_eq!(w.asks("ada", "y"), [failed("ada", "y", 2, "subject")]);
    assert_eq!(w.answers("w", "1", "3"), [told("ada", "x", "3")]);
}

#[test]
fn the_routers_own_categories_and_too_many_and_what_is_unreadable_cannot_be_served() {
    let mut w = World::with_workers(&["w"]);
    let many: Vec<String> = (0..65).map(|n| format!("c{n}")).collect();
    w.serves("w", &many.iter().map(String::as_str).collect::<Vec<_>>());
    w.serves("w", &["sys"]);
    w.serves("w", &["text", "router"]);
    w.serves("w", &["A"]);
    assert_eq!(w.router.tally().lost_pushes, 4);
    assert_eq!(w.asks("ada", "x"), [given("w", "1")]);
    let answer = w.sends("ada", "api", r#"{"type":"q","cmd":"sys/cancel","_reqid":"y"}"#);
    assert_eq!(answer, [failed("ada", "y", 2, "subject")]);
}

#[test]
fn only_clients_with_one_of_the_workers_tags_serve_when_there_are_such_tags() {
    let mut w = World::new(Rules { workers: vec!["worker".into()], ..Rules::default() });
    w.comes("ada", &[]);
    w.comes("v", &["pilot"]);
    w.serves("v", &["math"]);
    assert_eq!(w.asks("ada", "x"), [failed("ada", "x", 2, "subject")]);
    w.comes("w", &["worker"]);
    w.serves("w", &["math"]);
    assert_eq!(w.asks("ada", "x"), [given("w", "1")]);
}

// --- coming and going

#[test]
fn a_worker_that_goes_leaves_its_requests_unavailable_and_gets_no_more() {
    let mut w = World::with_workers(&["w"]);
    w.asks("ada", "1");
    w.asks("bob", "1");
    assert_eq!(w.goes("w"), [failed("ada", "1", 2, "subject"), failed("bob", "1", 2, "subject")]);
    assert_eq!(w.asks("ada", "2"), [failed("ada", "2", 2, "subject")]);
    assert_eq!((w.router.in_flight(), w.router.workers(), w.router.next_due()), (0, 0, None));
}

#[test]
fn a_client_that_goes_is_forgotten_and_its_workers_are_told() {
    let mut w = World::with_workers(&["v", "w"]);
    w.asks("ada", "1");
    w.asks("ada", "2");
    w.asks("bob", "1");
    assert_eq!(w.goes("ada"), [cancelled("v", "1"), cancelled("w", "2")]);
    assert_eq!(w.answers("w", "2", "3"), NOTHING);
    assert_eq!(w.answers("v", "3", "3"), [told("bob", "1", "3")]);
    assert_eq!(w.goes("ada"), NOTHING);
}

#[test]
fn a_worker_that_asks_itself_and_goes_is_told_nothing() {
    let mut w = World::with_workers(&["w"]);
    assert_eq!(w.asks("w", "x"), [given("w", "1")]);
    assert_eq!(w.goes("w"), NOTHING);
    assert_eq!(w.router.in_flight(), 0);
}

#[test]
fn who_has_not_come_or_has_gone_is_not_heard() {
    let mut w = World::with_workers(&["w"]);
    assert_eq!(w.asks("eve", "x"), NOTHING);
    w.goes("ada");
    assert_eq!(w.asks("ada", "x"), NOTHING);
    w.serves("eve", &["text"]);
    assert_eq!((w.router.tally().requests, w.router.workers()), (0, 1));
}

// --- errors

#[test]
fn a_router_that_knows_seven_errors_only_says_no_others_its_workers_included() {
    let mut w = World::new(Rules { codes: Codes::Seed, ..Rules::default() });
    ["ada", "w"].iter().for_each(|name| w.comes(name, &[]));
    w.serves("w", &["math"]);
    w.asks("ada", "1");
    let expired = w.at(10_000);
    assert_eq!(expired[1], failed("ada", "1", 2, "x").replace(r#"["x"]"#, "[]"));
    for (code, folded) in [(8, 1), (9, 0), (6, 6)] {
        w.asks("ada", "2");
        let ticket = w.router.tally().requests;
        let data = format!(r#"{{"code":{code},"data":{{"items":["a"]}}}}"#);
        let answer = w.sends("w", "api", &format!(r#"{{"type":"r","status":"err","_reqid":"{ticket}","data":{data}}}"#));
        assert_eq!(answer, [failed("ada", "2", folded, "a")]);
    }
    assert_eq!(w.router.tally().failed(FaultCode::Session), 1);
}

// --- routes as text

#[test]
fn a_route_is_a_subject_its_prefix_and_what_else_there_is_to_say() {
    let route = |text: &str| Route::parse(text, &Route::default());
    assert_eq!(route("*"), Ok(Route::default()));
    assert_eq!(route(" shop "), Ok(Route { subject: subject("shop"), ..Route::default() }));
    let all = Route {
        subject: subject("shop.orders"),
        prefix: subject("acme.prod"),
        requests: true,
        pushes: false,
        tags: vec!["staff".into(), "a:b".into()],
        within: Millis(20_000),
        in_flight: 16,
    };
    assert_eq!(route("shop.orders=acme.prod q tag:staff tag:a:b within:20000 in_flight:16"), Ok(all));
    assert_eq!(route("*=acme p"), Ok(Route { prefix: subject("acme"), requests: false, ..Route::default() }));
    let otherwise = Route { prefix: subject("acme"), ..Route::default() };
    let prefix_of = |text: &str| Route::parse(text, &otherwise).unwrap().prefix;
    assert_eq!((prefix_of("shop"), prefix_of("shop=other")), (subject("acme"), subject("other")));
    assert_eq!(Route::parse("*", &Route { in_flight: 7, ..Route::default() }).unwrap().in_flight, 7);
}

#[test]
fn a_route_that_makes_no_sense_is_refused_with_the_word_that_does_not() {
    for (text, word) in [
        ("", "begins with a subject"),
        ("shop.*", "`shop.*`"),
        ("shop=", "``"),
        ("shop=$a", "`$a`"),
        ("shop x", "`x`"),
        ("shop tag:", "`tag:`"),
        ("shop within:0", "`within:0`"),
        ("shop within:-1", "`within:-1`"),
        ("shop in_flight:many", "`in_flight:many`"),
        ("shop in_flight:0", "`in_flight:0`"),
    ] {
        let refused = Route::parse(text, &Route::default()).unwrap_err();
        assert!(refused.contains(word), "{text}: {refused}");
    }
}
