use concierge_api_rs::coordinator::{Millis, Promise, PromiseState, Tags, Value};
use concierge_api_rs::packet::{Outcome, ReqId, Response, Serve};
use rand::{RngExt, SeedableRng};
use serde_json::json;

use super::asides::Asides;
use super::*;
use crate::coordinator::json as values;

fn subject(text: &str) -> Subject {
    text.parse().unwrap()
}

fn cmd(text: &str) -> Cmd {
    text.parse().unwrap()
}

fn handler(cmd: &str, options: HandleOptions) -> Arc<Handler> {
    let run = Box::new(|_| async { Ok(to_raw_value(&()).unwrap()) }.boxed());
    Arc::new(Handler::new(Pattern::parse(cmd).unwrap(), options, run))
}

fn plain(cmd: &str) -> Arc<Handler> {
    handler(cmd, HandleOptions::default())
}

fn in_group(cmd: &str, group: &str) -> Arc<Handler> {
    handler(cmd, HandleOptions { group: Some(group.parse().unwrap()), ..HandleOptions::default() })
}

fn on(cmd: &str, subjects: &[&str]) -> Arc<Handler> {
    let subjects = subjects.iter().map(|text| subject(text)).collect();
    handler(cmd, HandleOptions { subjects, ..HandleOptions::default() })
}

fn served(handlers: &Handlers) -> serde_json::Value {
    serde_json::to_value(handlers.serve().1).unwrap()
}

fn data(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

fn part(reqid: &ReqId, text: &str) -> Response<'static> {
    Response { reqid: Some(reqid.clone()), outcome: Outcome::Part(Cow::Owned(data(text))) }
}

fn ok(reqid: &ReqId, text: &str) -> Response<'static> {
    Response { reqid: Some(reqid.clone()), outcome: Outcome::Ok(Cow::Owned(data(text))) }
}

#[tokio::test]
async fn a_response_goes_to_its_request_whatever_the_order() {
    let (asides, _waiting) = Asides::new();
    let calls = Arc::new(Calls::new(8, asides));
    let (mut first, mut second) = (calls.call(Subject::api()).await, calls.call(Subject::api()).await);
    calls.take(part(&second.reqid, "1"), Subject::api());
    calls.take(ok(&first.reqid, "2"), Subject::api());
    calls.take(ok(&second.reqid, "3"), Subject::api());
    calls.take(ok(&"unknown".parse().unwrap(), "4"), Subject::api());
    assert!(matches!(first.next().await, Said::Ok(data) if data.get() == "2"));
    assert!(matches!(second.next().await, Said::Part(data) if data.get() == "1"));
    assert!(matches!(second.next().await, Said::Ok(data) if data.get() == "3"));
    assert_eq!(calls.open(), 0);
}

#[tokio::test]
async fn a_request_that_is_dropped_is_cancelled_and_its_turn_is_free_when_that_is_said() {
    let (asides, mut waiting) = Asides::new();
    let calls = Arc::new(Calls::new(1, asides));
    let call = calls.call(Subject::api()).await;
    let reqid = call.reqid.clone();
    drop(call);
    assert_eq!(calls.open(), 0);
    assert!(calls.call(Subject::api()).now_or_never().is_none(), "the router may count it still");
    let cancellation = waiting.recv().await.unwrap();
    let expected = json!({ "subject": "api", "data": { "type": "p", "cmd": "sys/cancel", "data": { "_reqid": reqid } } });
    assert_eq!(serde_json::from_str::<serde_json::Value>(cancellation.packet()).unwrap(), expected);
    drop(cancellation);
    // what is over, or was never sent, is not cancelled
    let mut answered = calls.call(Subject::api()).await;
    calls.take(ok(&answered.reqid, "1"), Subject::api());
    assert!(matches!(answered.next().await, Said::Ok(_)));
    drop(answered);
    calls.call(Subject::api()).await.unsent();
    let mut lost = calls.call(Subject::api()).await;
    calls.lose(|| Said::Disconnected);
    assert!(matches!(lost.next().await, Said::Disconnected));
    drop(lost);
    assert!(waiting.try_recv().is_err());
    // the router has no part in it that something was dropped here
    let mut overrun = calls.call(Subject::api()).await;
    calls.lose(|| Said::Overrun);
    assert!(matches!(overrun.next().await, Said::Overrun));
    drop(overrun);
    assert!(waiting.try_recv().is_ok());
}

#[tokio::test]
async fn an_answer_of_too_many_parts_ends_behind_those_that_there_was_room_for() {
    let (asides, mut waiting) = Asides::new();
    let calls = Arc::new(Calls::new(1, asides));
    let mut call = calls.call(Subject::api()).await;
    for n in 0..2_000 {
        calls.take(part(&call.reqid, &n.to_string()), Subject::api());
    }
    assert!(waiting.try_recv().unwrap().packet().contains("sys/cancel"));
    assert!(waiting.try_recv().is_err(), "once is enough");
    for n in 0..1_024 {
        assert!(matches!(call.next().await, Said::Part(data) if data.get() == n.to_string()));
    }
    assert!(matches!(call.next().await, Said::Overrun));
    assert!(matches!(call.next().await, Said::Closed));
}

#[test]
fn a_command_has_its_own_handler_or_that_of_the_rest_of_its_category() {
    let handlers = Handlers::default();
    let (add, rest, news) = (plain("math/add"), plain("math/*"), plain("news/read"));
    for handler in [&add, &rest, &news] {
        handlers.add(handler.clone()).unwrap();
    }
    let find = |text: &str| handlers.find(&cmd(text), &Subject::api());
    assert!(Arc::ptr_eq(&find("math/add").unwrap(), &add));
    assert!(Arc::ptr_eq(&find("math/add/more").unwrap(), &rest));
    let refused = |text: &str| find(text).unwrap_err().to_string();
    assert_eq!(refused("news/write"), "9 NOT_IMPLEMENTED (cmd)");
    assert_eq!(refused("weather/now"), "2 UNAVAILABLE (subject)");
    // one that leaves takes what is on the way
    handlers.leave(&news);
    assert_eq!(served(&handlers), json!({ "categories": ["math"] }));
    assert!(Arc::ptr_eq(&find("news/read").unwrap(), &news));
    handlers.remove(&news);
    assert_eq!(refused("news/read"), "2 UNAVAILABLE (subject)");
    handlers.remove(&add);
    assert!(Arc::ptr_eq(&find("math/add").unwrap(), &rest));
    handlers.remove(&rest);
    assert_eq!(served(&handlers), json!({ "categories": [] }));
}

#[test]
fn the_router_is_told_categories_groups_and_the_subjects_of_all_together() {
    let handlers = Handlers::default();
    let (read, write) = (in_group("news/read", "eu"), in_group("news/write", "eu"));
    let [generation, later] = [&read, &write].map(|handler| handlers.add(handler.clone()).unwrap());
    assert!(later > generation);
    assert_eq!(served(&handlers), json!({ "categories": ["news"], "groups": { "news": "eu" } }));
    handlers.remove(&read);
    handlers.remove(&write);
    let [one, two] = [on("math/add", &["api", "a.b"]), on("math/sub", &["b"])].map(|handler| {
        handlers.add(handler.clone()).unwrap();
        handler
    });
    assert_eq!(served(&handlers), json!({ "categories": ["math"], "subjects": ["a.b", "api", "b"] }));
    let find = |subject_: &str| handlers.find(&cmd("math/add"), &subject(subject_));
    for seen in ["api", "prefix.api", "a.b", "prefix.x.a.b"] {
        assert!(Arc::ptr_eq(&find(seen).unwrap(), &one), "{seen}");
    }
    for seen in ["b", "aapi", "api.x", "ab"] {
        assert_eq!(find(seen).unwrap_err().to_string(), "2 UNAVAILABLE (subject)", "{seen}");
    }
    // one that takes every subject is all
    handlers.add(plain("math/*")).unwrap();
    assert_eq!(served(&handlers), json!({ "categories": ["math"] }));
    handlers.remove(&two);
    assert!(find("elsewhere").is_err());
}

#[test]
fn a_handler_that_cannot_be_is_refused_with_the_reason() {
    let handlers = Handlers::default();
    let why = |handler: Arc<Handler>| handlers.add(handler).unwrap_err().to_string();
    handlers.add(in_group("math/add", "eu")).unwrap();
    assert_eq!(why(in_group("math/add", "eu")), "math/add has a handler already");
    assert_eq!(why(plain("math/*")), "a handler of the category math is in another group");
    let many: Vec<String> = (0..17).map(|n| format!("s{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(why(on("a/b", &many)), "over the limit of 16 subjects");
    for n in 0..63 {
        handlers.add(plain(&format!("c{n}/x"))).unwrap();
    }
    assert_eq!(why(plain("more/x")), "over the limit of 64 categories");
    for n in 0..1_024 - 64 {
        handlers.add(plain(&format!("c0/x{n}"))).unwrap();
    }
    assert_eq!(why(plain("c0/more")), "over the limit of 1024 handlers");
    for text in ["", "math", "math/", "/add", "Math/add", "*", "math/**", "ma*/x"] {
        assert!(matches!(Pattern::parse(text), Err(HandleError::Pattern(_))), "{text}");
    }
    for text in ["router/serve", "sys/*"] {
        assert!(matches!(Pattern::parse(text), Err(HandleError::Own(_))), "{text}");
    }
}

#[tokio::test]
async fn who_waits_for_what_the_router_knows_hears_of_it_or_of_the_end() {
    let handlers = Arc::new(Handlers::default());
    let generation = handlers.add(plain("math/add")).unwrap();
    assert!(handlers.known(generation).now_or_never().is_none());
    handlers.tell(generation - 1);
    assert!(handlers.known(generation).now_or_never().is_none());
    handlers.tell(generation + 1);
    handlers.known(generation).await.unwrap();
    let waiting = tokio::spawn({
        let handlers = handlers.clone();
        async move { handlers.known(generation + 2).await }
    });
    handlers.end();
    assert!(matches!(waiting.await.unwrap(), Err(RequestError::Closed)));
}

#[test]
fn every_error_is_a_fault_and_one_of_the_router_stays_as_it_is() {
    let fault = Fault::new(FaultCode::Limit, &["a", "b"]).with("most", json!(7));
    assert_eq!(Fault::from(RouterError::Fault(fault.clone())), fault);
    assert_eq!(Fault::from(RouterError::Absent).to_string(), "0 GENERIC: this hub has no router");
    assert_eq!(Fault::from(std::io::Error::other("no disk")).data()["message"], "no disk");
    assert_eq!(fault.to_string(), "6 LIMIT (a, b)");
    for code in FaultCode::ALL {
        // PROTOCOL.md: 2, 3, 5 and 6 always have `items`
        assert_eq!(Fault::new(*code, &[]).data().contains_key("items"), code.has_items(), "{code}");
    }
}

#[test]
fn a_fault_is_written_as_it_is_read() {
    let fault = Fault::new(FaultCode::Invalid, &["a"]).with("message", json!("no"));
    let text = failure(&subject("x.y"), &"1".parse().unwrap(), &fault);
    let packet = Packet::decode(&text).unwrap();
    let Datagram::Response(Response { reqid, outcome: Outcome::Err(read) }) = packet.datagram else { panic!("{text}") };
    assert_eq!((packet.subject, reqid.unwrap().as_str(), Fault::of(&read)), (subject("x.y"), "1", fault));
}

#[test]
fn the_promise_of_a_durable_request_says_what_the_worker_answered() {
    let settled = |state, value| {
        let (tags, at) = (Tags::default(), Millis(0));
        let id = "a".parse().unwrap();
        outcome(&Promise { id, state, param: Value::default(), value, tags, timeout_at: at, created_at: at, settled_at: None })
    };
    let wrote = |json: serde_json::Value| values::to_value(&json).unwrap();
    assert!(settled(PromiseState::Pending, Value::default()).is_none());
    let answer = settled(PromiseState::Resolved, wrote(json!({ "sum": 3 }))).unwrap().unwrap();
    assert_eq!((answer.data.get(), answer.more), (r#"{"sum":3}"#, false));
    let error = |state, value| settled(state, value).unwrap().unwrap_err().to_string();
    let invalid = wrote(json!({ "code": 3, "data": { "items": ["a"], "message": "no" } }));
    assert_eq!(error(PromiseState::Rejected, invalid), "3 INVALID (a): no");
    assert_eq!(error(PromiseState::Rejected, wrote(json!({ "code": 99 }))), "0 GENERIC");
    assert!(error(PromiseState::Rejected, wrote(json!("no"))).starts_with("0 GENERIC: the promise was rejected"));
    assert_eq!(error(PromiseState::RejectedCanceled, Value::default()), "0 GENERIC (promise)");
    assert_eq!(error(PromiseState::RejectedTimedout, Value::default()), "7 TIMEOUT");
    let raw = Value { data: Some("yes!".into()), ..Value::default() };
    assert!(error(PromiseState::Resolved, raw).starts_with("0 GENERIC"));
}

#[test]
fn what_is_said_when_nothing_is_served_ends_it() {
    assert_eq!(Handlers::default().serve(), (0, Serve::default()));
}

/// A request in a life: what it was told and has not read yet, and whether more may come.
struct Asking {
    call: Call,
    told: std::collections::VecDeque<String>,
    open: bool,
    /// Its turn is its own until it has read its end.
    has_turn: bool,
}

#[tokio::test]
async fn whatever_happens_every_request_reads_what_was_said_to_it_in_order_and_no_turn_is_lost() {
    const TURNS: usize = 6;
    let seed: u64 = rand::random();
    eprintln!("seed {seed}");
    let mut dice = rand::rngs::StdRng::seed_from_u64(seed);
    let (asides, mut waiting) = Asides::new();
    let calls = Arc::new(Calls::new(TURNS, asides));
    let mut asking: Vec<Asking> = Vec::new();
    let mut unsaid = 0;
    for step in 0..100_000 {
        tokio::task::yield_now().await; // else tokio lets a task that does much at once wait
        let one = if asking.is_empty() { 0 } else { dice.random_range(0..asking.len()) };
        match dice.random_range(0..100) {
            0..20 => {
                let free = TURNS - asking.iter().filter(|one| one.has_turn).count() - unsaid;
                let came = calls.call(Subject::api()).now_or_never();
                assert_eq!(came.is_some(), free > 0, "{free} turns are free");
                asking.extend(came.map(|call| Asking { call, told: [].into(), open: true, has_turn: true }));
            }
            20..50 if !asking.is_empty() => {
                let Asking { call, told, open, .. } = &mut asking[one];
                calls.take(part(&call.reqid, &step.to_string()), Subject::api());
                told.extend(open.then(|| format!("part {step}")));
            }
            50..60 if !asking.is_empty() => {
                let Asking { call, told, open, .. } = &mut asking[one];
                calls.take(ok(&call.reqid, &step.to_string()), Subject::api());
                told.extend(open.then(|| format!("ok {step}")));
                *open = false;
            }
            60..61 => {
                calls.lose(|| Said::Disconnected);
                for Asking { told, open, .. } in &mut asking {
                    told.extend(open.then(|| "lost".to_owned()));
                    *open = false;
                }
            }
            61..85 if !asking.is_empty() => {
                let Asking { call, told, has_turn, .. } = &mut asking[one];
                let said = call.next().now_or_never().map(|said| match said {
                    Said::Part(data) => format!("part {data}"),
                    Said::Ok(data) => format!("ok {data}"),
                    Said::Disconnected => "lost".to_owned(),
                    Said::Closed => "closed".to_owned(),
                    other => panic!("{other:?}"),
                });
                let ended = said.as_ref().is_some_and(|said| !said.starts_with("part"));
                let expected = told.pop_front().or_else(|| (!*has_turn).then(|| "closed".to_owned()));
                assert_eq!(said, expected);
                *has_turn &= !ended;
            }
            85..95 if !asking.is_empty() => unsaid += usize::from(asking.swap_remove(one).has_turn),
            95..100 => unsaid -= usize::from(waiting.try_recv().is_ok()),
            _ => {}
        }
        assert_eq!(calls.open(), asking.iter().filter(|one| one.open).count());
    }
}
