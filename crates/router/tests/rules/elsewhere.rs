//! Groups and subjects of workers, those outside the hub, and parts of the hub that ask for others.

use concierge_api_rs::coordinator::Millis;
use concierge_api_rs::packet::{Category, Datagram, FaultCode, Packet, Subject};
use concierge_router::{Effect, Route, Routes, Rules, Why};

use crate::world::{World, cancelled, failed, given, id, lines, told};

const NOTHING: [&str; 0] = [];
const PUSH: &str = r#"{"type":"p","cmd":"math/seen","data":{}}"#;

fn pushed(to: &str) -> String {
    format!(r#"{to} <- {{"subject":"api","data":{PUSH}}}"#)
}

/// Says that it serves this.
fn serve(w: &mut World, name: &str, data: &str) {
    assert_eq!(w.sends(name, "router", &format!(r#"{{"type":"p","cmd":"router/serve","data":{data}}}"#)), NOTHING);
}

/// Everything goes to `out` that nobody serves, and `in` asks.
fn with_others() -> World {
    let mut w = World::with_workers(&[]);
    w.router.come_outside(id("in"), id("out"));
    w
}

fn places(w: &World) -> Vec<String> {
    let line = |place: &concierge_router::Place| format!("{} {} {}", place.subject, place.outside, place.category);
    w.router.places().iter().map(line).collect()
}

// --- groups and subjects

#[test]
fn of_a_group_one_gets_a_push_the_next_one_the_next_and_who_is_in_none_gets_all() {
    let mut w = World::with_workers(&["u", "v", "x", "y"]);
    for name in ["u", "v"] {
        serve(&mut w, name, r#"{"categories":["math"],"groups":{"math":"g"}}"#);
    }
    assert_eq!(w.sends("ada", "api", PUSH), [pushed("u"), pushed("x"), pushed("y")]);
    assert_eq!(w.sends("ada", "api", PUSH), [pushed("v"), pushed("x"), pushed("y")]);
    assert_eq!(w.sends("ada", "api", PUSH), [pushed("x"), pushed("y"), pushed("u")]);
    w.full = vec!["v", "x"];
    assert_eq!(w.sends("ada", "api", PUSH), [pushed("y"), pushed("u")]);
    assert_eq!(w.router.tally().no_room, 2);
}

#[test]
fn a_request_goes_to_one_worker_whatever_its_group() {
    let mut w = World::with_workers(&["x"]);
    w.comes("u", &[]);
    serve(&mut w, "u", r#"{"categories":["math"],"groups":{"math":"g"}}"#);
    assert_eq!(w.asks("ada", "1"), [given("x", "1")]);
    assert_eq!(w.asks("ada", "2"), [given("u", "2")]);
}

#[test]
fn a_worker_that_names_subjects_gets_what_names_them_exactly() {
    let mut w = World::with_workers(&[]);
    w.comes("u", &[]);
    serve(&mut w, "u", r#"{"categories":["math"],"subjects":["shop","shop.a"]}"#);
    assert_eq!(w.asks("ada", "x"), [failed("ada", "x", 2, "subject")]);
    let request = r#"{"type":"q","cmd":"math/add","_reqid":"x","data":{}}"#;
    assert_eq!(w.sends("ada", "shop.a.b", request).len(), 1);
    assert!(w.sends("ada", "shop.a", request)[0].starts_with("u <- "));
    assert_eq!(w.sends("ada", "api", PUSH), NOTHING);
    assert_eq!(w.sends("ada", "shop", PUSH).len(), 1);
}

#[test]
fn what_cannot_be_served_changes_nothing() {
    let mut w = World::with_workers(&["u"]);
    let many = format!(r#"{{"categories":["news"],"subjects":{:?}}}"#, (0..17).map(|n| format!("s{n}")).collect::<Vec<_>>());
    for data in [
        r#"{"categories":["news"],"groups":{"math":"g"}}"#,
        r#"{"categories":["news"],"groups":{"news":"g.h"}}"#,
        r#"{"categories":["news"],"groups":[]}"#,
        r#"{"categories":["news"],"subjects":[]}"#,
        r#"{"categories":["news"],"subjects":["a.*"]}"#,
        r#"{"categories":["news"],"subjects":"a"}"#,
        &many,
    ] {
        let before = w.router.changes();
        serve(&mut w, "u", data);
        assert_eq!((places(&w), w.router.changes()), (vec!["api api math".to_owned()], before), "{data}");
    }
    assert_eq!(w.router.tally().lost_pushes, 7);
}

#[test]
fn what_is_served_is_known_with_the_subject_that_workers_see() {
    let subject = |text: &str| Some(Subject::parse(text).unwrap());
    let shop = Route { subject: subject("shop"), prefix: subject("acme.prod"), ..Route::default() };
    let mut w = World::new(Rules { routes: Routes::new(vec![shop]), ..Rules::default() });
    ["u", "v"].iter().for_each(|name| w.comes(name, &[]));
    serve(&mut w, "u", r#"{"categories":["math"]}"#);
    assert_eq!(places(&w), NOTHING, "no route leads to `api`");
    serve(&mut w, "v", r#"{"categories":["math","news"],"subjects":["shop.a","other"]}"#);
    assert_eq!(places(&w), ["shop.a acme.prod.shop.a math", "shop.a acme.prod.shop.a news"]);
    let before = w.router.changes();
    w.goes("v");
    assert_eq!(places(&w), NOTHING);
    assert_ne!(w.router.changes(), before);
}

// --- those outside

#[test]
fn what_nobody_here_serves_goes_out_and_its_answer_comes_back() {
    let mut w = with_others();
    assert_eq!(w.asks("ada", "x"), [given("out", "1")]);
    assert_eq!(w.sends("ada", "api", PUSH), [pushed("out")]);
    assert_eq!(w.answers("out", "1", "3"), [told("ada", "x", "3")]);
    assert_eq!(w.answers("out", "1", "3"), NOTHING);
    assert_eq!(w.router.tally().late, 1);
}

#[test]
fn a_worker_here_comes_first_even_when_it_has_no_room() {
    let mut w = with_others();
    w.comes("u", &[]);
    w.serves("u", &["math"]);
    assert_eq!(w.asks("ada", "x"), [given("u", "1")]);
    assert_eq!(w.sends("ada", "api", PUSH), [pushed("u"), pushed("out")]);
    w.full = vec!["u"];
    assert_eq!(w.asks("ada", "y"), [failed("ada", "y", 6, "requests")]);
}

#[test]
fn when_the_way_out_is_lost_what_went_there_is_unavailable_at_once() {
    let mut w = with_others();
    w.asks("ada", "x");
    assert_eq!(w.goes("out"), [failed("ada", "x", 2, "subject")]);
    assert_eq!(w.asks("ada", "y"), [failed("ada", "y", 2, "subject")]);
    w.router.come_outside(id("in"), id("out"));
    assert_eq!(w.asks("ada", "z"), [given("out", "2")]);
    assert_eq!(w.at(10_000), [cancelled("out", "2"), failed("ada", "z", 7, "")]);
}

#[test]
fn who_asks_from_outside_is_never_sent_out_again() {
    let mut w = with_others();
    assert_eq!(w.asks("in", "x"), [failed("in", "x", 2, "subject")]);
    assert_eq!(w.sends("in", "api", PUSH), NOTHING);
    w.comes("u", &[]);
    w.serves("u", &["math"]);
    assert_eq!(w.asks("in", "x"), [given("u", "1")]);
    assert_eq!(w.sends("in", "api", PUSH), [pushed("u")]);
    assert_eq!(w.answers("u", "1", "3"), [told("in", "x", "3")]);
    serve(&mut w, "in", r#"{"categories":["math"]}"#);
    assert_eq!(w.asks("ada", "y"), [given("u", "2")], "who is outside serves nothing here");
}

#[test]
fn those_outside_need_no_tag_and_have_half_of_what_may_wait() {
    let staff = Route { tags: vec!["staff".to_owned()], in_flight: 1, ..Route::default() };
    let mut w = World::new(Rules { routes: Routes::new(vec![staff]), in_flight: 4, ..Rules::default() });
    w.router.come_outside(id("in"), id("out"));
    w.comes("u", &[]);
    w.serves("u", &["math"]);
    assert_eq!([w.asks("in", "1"), w.asks("in", "2")], [[given("u", "1")], [given("u", "2")]]);
    assert_eq!(w.asks("in", "3"), [failed("in", "3", 6, "requests")]);
}

// --- parts of the hub

#[test]
fn a_part_of_the_hub_says_how_long_its_requests_wait_and_knows_who_said_no() {
    let mut w = World::with_workers(&[]);
    w.router.come_inside(id("desk"));
    let ask = |w: &mut World| {
        let text = r#"{"type":"q","cmd":"math/add","_reqid":"x","data":[1, 2]}"#;
        let Datagram::Request(request) = Datagram::decode(text).unwrap() else { unreachable!() };
        w.router.entrust((Millis(w.now), id("desk")), Subject::api(), request, Millis(60_000), |_| true)
    };
    let Effect { why, packet, .. } = ask(&mut w);
    assert_eq!((why, failed_with(&packet)), (Why::Own, Some(FaultCode::Unavailable)));
    w.comes("u", &[]);
    w.serves("u", &["math"]);
    let effect = ask(&mut w);
    assert_eq!(effect.why, Why::Asked(id("desk"), Some(Millis(60_000))));
    assert_eq!(lines(vec![effect]), [given("u", "1")]);
    assert_eq!(w.at(10_000), NOTHING);
    let answer = Packet::decode(r#"{"subject":"api","data":{"type":"r","_reqid":"1","data":{"code":2}}}"#).unwrap();
    let effects = w.router.receive(Millis(20_000), id("u"), answer, |_| true);
    assert_eq!((effects[0].why, failed_with(&effects[0].packet)), (Why::Answered(id("u")), Some(FaultCode::Unavailable)));
}

#[test]
fn what_is_kept_for_later_is_what_might_pass_now_if_somebody_served_it() {
    let staff = Route { subject: Subject::parse("staff").ok(), tags: vec!["staff".to_owned()], ..Route::default() };
    let long = Route { subject: Subject::parse("long").ok(), prefix: Subject::parse(&"p".repeat(250)).ok(), ..Route::default() };
    let pushes = Route { subject: Subject::parse("shop").ok(), requests: false, ..Route::default() };
    let api = Route { subject: Some(Subject::api()), ..Route::default() };
    let mut w = World::new(Rules { routes: Routes::new(vec![staff, long, pushes, api]), ..Rules::default() });
    w.comes("ada", &[]);
    w.comes("u", &[]);
    let admit = |w: &World, name, subject: &str, fields: &str| {
        let text = format!(r#"{{"type":"q",{fields}}}"#);
        let Datagram::Request(request) = Datagram::decode(&text).unwrap() else { unreachable!() };
        w.router.admit(id(name), &Subject::parse(subject).unwrap(), &request)
    };
    let add = r#""cmd":"math/add","_reqid":"x""#;
    assert_eq!(admit(&w, "ada", "api", add), Ok(()), "nobody serves it yet");
    assert_eq!(admit(&w, "ada", "api", r#""cmd":"math/add""#), Err((FaultCode::Incomplete, "_reqid")));
    for (name, subject) in [("ada", "staff"), ("ada", "elsewhere"), ("eve", "api")] {
        assert_eq!(admit(&w, name, subject, add), Err((FaultCode::Forbidden, "subject")));
    }
    assert_eq!(admit(&w, "ada", "shop", add), Err((FaultCode::Forbidden, "type")));
    assert_eq!(admit(&w, "ada", "long.er", add), Err((FaultCode::Invalid, "subject")));
    assert_eq!(admit(&w, "ada", "api", r#""cmd":"sys/x","_reqid":"x""#), Err((FaultCode::Unavailable, "subject")));
    w.serves("u", &["math"]);
    w.asks("ada", "x");
    assert_eq!(admit(&w, "ada", "api", add), Err((FaultCode::Duplicate, "_reqid")));
}

#[test]
fn a_part_of_the_hub_knows_whether_somebody_serves_it_here_or_it_leads_out() {
    let mut w = World::with_workers(&["u"]);
    w.router.come_inside(id("desk"));
    let (math, news) = (Category::parse("math").unwrap(), Category::parse("news").unwrap());
    let look = |w: &World, category| {
        let (serves, leads) =
            (w.router.serves(category, &Subject::api()), w.router.leads_somewhere(id("desk"), category, &Subject::api()));
        (serves, leads)
    };
    assert_eq!((look(&w, &math), look(&w, &news)), ((true, true), (false, false)));
    w.router.come_outside(id("in"), id("out"));
    assert_eq!((look(&w, &math), look(&w, &news)), ((true, true), (false, true)));
    assert!(w.router.is_outside(id("out")) && !w.router.is_outside(id("u")) && !w.router.is_outside(id("desk")));
}

fn failed_with(packet: &Packet<'_>) -> Option<FaultCode> {
    match &packet.datagram {
        Datagram::Response(response) => match &response.outcome {
            concierge_api_rs::packet::Outcome::Err(fault) => Some(fault.code()),
            _ => None,
        },
        _ => None,
    }
}

// --- bounds

#[test]
fn those_outside_have_half_of_all_over_all_routes() {
    let route = |name: &str| Route { subject: Some(Subject::parse(name).unwrap()), ..Route::default() };
    let routes = Routes::new(vec![route("api"), route("shop")]);
    let mut w = World::new(Rules { routes, in_flight: 4, ..Rules::default() });
    w.router.come_outside(id("in"), id("out"));
    w.comes("u", &[]);
    w.serves("u", &["math"]);
    assert_eq!(w.asks("in", "1"), [given("u", "1")]);
    let request = |reqid: &str| format!(r#"{{"type":"q","cmd":"math/add","_reqid":"{reqid}","data":{{}}}}"#);
    assert!(w.sends("in", "shop", &request("2"))[0].starts_with("u <- "));
    assert!(w.sends("in", "shop", &request("3"))[0].contains(r#""code":6"#));
    assert_eq!(w.asks("in", "4"), [failed("in", "4", 6, "requests")]);
}

#[test]
fn requests_for_what_is_the_routers_own_go_nowhere() {
    let mut w = with_others();
    w.comes("ada", &[]);
    for cmd in ["router/serve", "sys/cancel", "sys/none"] {
        let answer = w.sends("ada", "api", &format!(r#"{{"type":"q","cmd":"{cmd}","_reqid":"x"}}"#));
        assert_eq!(answer, [failed("ada", "x", 2, "subject")], "{cmd}");
    }
}

#[test]
fn a_category_that_is_named_twice_keeps_its_group() {
    let mut w = World::with_workers(&[]);
    ["u", "v"].iter().for_each(|name| w.comes(name, &[]));
    serve(&mut w, "u", r#"{"categories":["math","math"],"groups":{"math":"g"}}"#);
    serve(&mut w, "v", r#"{"categories":["math"],"groups":{"math":"g"}}"#);
    assert_eq!(w.sends("ada", "api", PUSH), [pushed("u")]);
}

#[test]
fn who_says_the_same_again_changes_nothing_and_of_one_worker_so_many_places_count() {
    let mut w = World::with_workers(&["u"]);
    let before = w.router.changes();
    w.serves("u", &["math"]);
    assert_eq!(w.router.changes(), before);
    let categories: Vec<String> = (0..64).map(|n| format!("c{n:02}")).collect();
    serve(&mut w, "u", &format!(r#"{{"categories":{categories:?},"subjects":["a","b"]}}"#));
    assert_eq!((w.router.places().len(), w.router.changes()), (64, before + 1));
    w.comes("v", &[]);
    serve(&mut w, "v", r#"{"categories":["c00"],"subjects":["a"]}"#);
    w.goes("u");
    assert_eq!(places(&w), ["a a c00"]);
    w.goes("v");
    assert_eq!(places(&w), NOTHING);
}
