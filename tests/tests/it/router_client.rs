//! The Rust client's router: who asks and who serves, against a real hub.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use concierge_client::coordinator::{Millis, PromiseId};
use concierge_client::router::{
    Answer, Durable, Fault, FaultCode, HandleError, HandleOptions, Request, Router, RouterError, Serving, outcome,
};
use concierge_client::{Client, Reconnect, Status};
use concierge_tests::{Hub, until, within};
use futures::StreamExt;
use futures::future::{join_all, pending};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};

async fn hub() -> Hub {
    Hub::with(&["router.enabled=true"]).await
}

/// A hub that ends no request by itself.
async fn patient() -> Hub {
    Hub::with(&["router.enabled=true", "router.within_ms=3600000"]).await
}

async fn connect(hub: &Hub, name: &str) -> Router {
    let eager = Reconnect { base: Duration::from_millis(20), cap: Duration::from_millis(200), ..Reconnect::default() };
    let client = Client::connect(hub.options(name).reconnect(eager)).await.expect("the hub lets it in");
    client.router().await.expect("the hub has one")
}

/// Serves the sum of two numbers.
async fn adds(router: &Router) -> Serving {
    let add = async |request: Request| {
        let [a, b]: [i64; 2] = request.json()?;
        Ok::<_, Fault>(a + b)
    };
    router.handle("math/add", add, HandleOptions::default()).await.unwrap()
}

/// Says something to whoever listens still.
fn tell<T>(to: &mpsc::Sender<T>, what: T) {
    let _ = to.try_send(what);
}

/// Tells when it is dropped.
struct Dropped(mpsc::Sender<&'static str>);

impl Drop for Dropped {
    fn drop(&mut self) {
        tell(&self.0, "dropped");
    }
}

/// Serves a command whose handler never ends; it tells when it began and when it was dropped.
async fn hangs(router: &Router, cmd: &str) -> (Serving, mpsc::Receiver<&'static str>) {
    let (to, told) = mpsc::channel(16);
    let hang = move |_: Request| {
        let dropped = Dropped(to.clone());
        async move {
            tell(&dropped.0, "began");
            pending::<Result<(), Fault>>().await
        }
    };
    (router.handle(cmd, hang, HandleOptions::default()).await.unwrap(), told)
}

async fn ask(router: &Router, cmd: &str, body: Value) -> Result<Value, RouterError> {
    Ok(within(cmd, router.request(cmd, &body)).await?.json()?)
}

fn said(error: RouterError) -> (FaultCode, Vec<String>) {
    let fault = error.fault().unwrap_or_else(|| panic!("{error:?}"));
    (fault.code(), fault.items().into_iter().map(str::to_owned).collect())
}

async fn refused(router: &Router, cmd: &str, body: Value) -> (FaultCode, Vec<String>) {
    said(ask(router, cmd, body).await.unwrap_err())
}

#[tokio::test]
async fn a_request_is_answered_by_whoever_serves_it() {
    let hub = hub().await;
    let (ada, bob) = (connect(&hub, "ada").await, connect(&hub, "bob").await);
    let adding = adds(&bob).await;
    assert_eq!((adding.cmd(), ask(&ada, "math/add", json!([1, 2])).await.unwrap()), ("math/add".to_owned(), json!(3)));
    // as it was written, numbers of any length
    let echo = async |request: Request| Ok::<_, Fault>(request.body().to_owned());
    let _echoing = bob.handle("text/*", echo, HandleOptions::default()).await.unwrap();
    let written: Box<serde_json::value::RawValue> = serde_json::from_str("{\"b\":  12345678901234567890123, \"a\":0}").unwrap();
    let Answer { data, more } = ada.request("text/echo", &written).await.unwrap();
    assert_eq!((data.get(), more), (written.get(), false));
    // somebody asks itself
    assert_eq!(ask(&bob, "math/add", json!([2, 2])).await.unwrap(), 4);
    // another handle of the same client is the same worker
    assert!(matches!(
        bob.client().router().await.unwrap().handle("math/add", echo, HandleOptions::default()).await,
        Err(HandleError::Handled(cmd)) if cmd == "math/add"
    ));
}

#[tokio::test]
async fn every_error_is_typed_with_its_code_and_its_items() {
    let hub = Hub::with(&["router.enabled=true", "router.routes=slow within:200,closed p,api"]).await;
    let (ada, bob) = (connect(&hub, "ada").await, connect(&hub, "bob").await);
    let fail = async |request: Request| {
        let how: String = request.json()?;
        match how.as_str() {
            "typed" => Err(Fault::new(FaultCode::Session, &["who"]).with("more", json!(7))),
            "io" => Err(std::io::Error::other("no disk").into()),
            "panic" => panic!("as it was told"),
            _ => Ok("x".repeat(100_000)),
        }
    };
    let _failing = bob.handle("fail/now", fail, HandleOptions::default()).await.unwrap();
    let (_hanging, _) = hangs(&bob, "fail/never").await;
    let typed = ask(&ada, "fail/now", json!("typed")).await.unwrap_err();
    let fault = typed.fault().unwrap();
    assert_eq!((fault.code(), fault.items(), &fault.data()["more"]), (FaultCode::Session, vec!["who"], &json!(7)));
    assert_eq!(typed.to_string(), "8 SESSION (who)");
    let message = async |how: &str| ask(&ada, "fail/now", json!(how)).await.unwrap_err().to_string();
    assert_eq!(message("io").await, "0 GENERIC: no disk");
    assert_eq!(message("panic").await, "0 GENERIC: the handler panicked");
    assert!(message("long").await.starts_with("0 GENERIC: the answer cannot be sent"));
    assert_eq!(refused(&ada, "fail/now", json!(7)).await, (FaultCode::Invalid, vec!["data".to_owned()]));
    assert_eq!(refused(&ada, "fail/later", json!(7)).await, (FaultCode::NotImplemented, vec!["cmd".to_owned()]));
    assert_eq!(refused(&ada, "math/add", json!(7)).await, (FaultCode::Unavailable, vec!["subject".to_owned()]));
    let on = |subject: &str| ada.subject(subject.parse().unwrap());
    assert_eq!(refused(&on("elsewhere"), "fail/now", json!(7)).await, (FaultCode::Forbidden, vec!["subject".to_owned()]));
    assert_eq!(refused(&on("closed"), "fail/now", json!(7)).await, (FaultCode::Forbidden, vec!["type".to_owned()]));
    assert_eq!(refused(&on("slow"), "fail/never", json!(7)).await, (FaultCode::Timeout, vec![]));
    // what the client finds by itself
    let brief = ada.within(Duration::from_millis(50));
    assert!(matches!(brief.request("fail/never", &7).await, Err(RouterError::TimedOut(_))));
    assert!(matches!(ada.request("fail", &7).await, Err(RouterError::Word(_))));
    assert!(matches!(ada.request("fail/now", &"x".repeat(100_000)).await, Err(RouterError::Hub(_))));
    let without = Hub::start().await;
    let client = Client::connect(without.options("ada")).await.unwrap();
    assert!(matches!(client.router().await, Err(RouterError::Absent)));
}

#[tokio::test]
async fn a_handler_that_asks_others_hands_on_what_they_answer() {
    let hub = hub().await;
    let (ada, bob) = (connect(&hub, "ada").await, connect(&hub, "bob").await);
    let asking = ada.clone();
    let pass = move |request: Request| {
        let asking = asking.clone();
        async move { asking.request("math/add", request.body()).await.map(|answer| answer.data) }
    };
    let _passing = bob.handle("pass/on", pass, HandleOptions::default()).await.unwrap();
    assert_eq!(refused(&ada, "pass/on", json!([1, 2])).await, (FaultCode::Unavailable, vec!["subject".to_owned()]));
    let _adding = adds(&bob).await;
    assert_eq!(ask(&ada, "pass/on", json!([1, 2])).await.unwrap(), 3);
}

#[tokio::test]
async fn an_answer_comes_in_parts_and_the_last_one_ends_it() {
    let hub = hub().await;
    let (ada, bob) = (connect(&hub, "ada").await, connect(&hub, "bob").await);
    let count = async |request: Request| {
        let below: u32 = request.json()?;
        for n in 0..below {
            request.part(&n).await?;
        }
        if below == 3 { Err(Fault::new(FaultCode::Limit, &["three"])) } else { Ok(below) }
    };
    let _counting = bob.handle("math/count", count, HandleOptions::default()).await.unwrap();
    // it needs no other handle
    let parts = connect(&hub, "carl").await.request_many("math/count", &500).await.unwrap();
    let read = |part: Result<Answer, RouterError>| part.map(|part| (part.json::<u32>().unwrap(), part.more)).unwrap();
    let numbers: Vec<(u32, bool)> = within("all parts", parts.map(read).collect()).await;
    assert_eq!(numbers, (0..=500).map(|n| (n, n < 500)).collect::<Vec<_>>());
    let mut parts = ada.request_many("math/count", &3).await.unwrap();
    for _ in 0..3 {
        assert!(within("a part", parts.next()).await.unwrap().unwrap().more);
    }
    let error = within("the error", parts.next()).await.unwrap().unwrap_err();
    assert_eq!(said(error), (FaultCode::Limit, vec!["three".to_owned()]));
    assert!(parts.next().await.is_none());
    assert!(matches!(ada.request("math/count", &5).await, Err(RouterError::InParts)));
    assert_eq!(ask(&ada, "math/count", json!(0)).await.unwrap(), 0, "one response is one answer");
}

#[tokio::test]
async fn who_wants_no_more_of_an_answer_cancels_it_and_the_handler_is_dropped() {
    let hub = patient().await;
    let (ada, bob) = (connect(&hub, "ada").await, connect(&hub, "bob").await);
    let (to, mut told) = mpsc::channel(16);
    let endless = move |request: Request| {
        let dropped = Dropped(to.clone());
        async move {
            let (outside, to) = (request.clone(), dropped.0.clone());
            tokio::spawn(async move {
                outside.cancelled().await;
                tell(&to, "cancelled");
            });
            for n in 0.. {
                request.part(&n).await?;
            }
            Ok::<_, Fault>(())
        }
    };
    let _serving = bob.handle("math/*", endless, HandleOptions::default()).await.unwrap();
    let mut parts = ada.request_many("math/naturals", &()).await.unwrap();
    for n in 0..10 {
        assert_eq!(within("a part", parts.next()).await.unwrap().unwrap().json::<u32>().unwrap(), n);
    }
    drop(parts);
    let mut heard = [within("an end", told.recv()).await.unwrap(), within("the other", told.recv()).await.unwrap()];
    heard.sort_unstable();
    assert_eq!(heard, ["cancelled", "dropped"]);

    // the same of a request for one answer, by its own patience or by being dropped
    let (_hanging, mut told) = hangs(&bob, "slow/hang").await;
    let brief = ada.within(Duration::from_millis(50));
    assert!(matches!(brief.request("slow/hang", &()).await, Err(RouterError::TimedOut(_))));
    assert_eq!([told.recv().await.unwrap(), within("its end", told.recv()).await.unwrap()], ["began", "dropped"]);
    {
        let mut asking = Box::pin(ada.request("slow/hang", &()));
        tokio::select! {
            answer = &mut asking => panic!("{answer:?}"),
            began = told.recv() => assert_eq!(began, Some("began")),
        }
    }
    assert_eq!(within("its end", told.recv()).await, Some("dropped"));
}

#[tokio::test]
async fn an_answer_that_is_not_read_ends_instead_of_leaving_parts_out() {
    let hub = patient().await;
    let (ada, bob) = (connect(&hub, "ada").await, connect(&hub, "bob").await);
    let (to, mut told) = mpsc::channel(16);
    let endless = move |request: Request| {
        let dropped = Dropped(to.clone());
        async move {
            for n in 0.. {
                request.part(&n).await?;
            }
            drop(dropped);
            Ok::<_, Fault>(())
        }
    };
    let _serving = bob.handle("math/naturals", endless, HandleOptions::default()).await.unwrap();
    let mut parts = ada.request_many("math/naturals", &()).await.unwrap();
    assert_eq!(within("its end", told.recv()).await, Some("dropped"), "nobody read it, so it was cancelled");
    for n in 0..1_024 {
        assert_eq!(within("a part", parts.next()).await.unwrap().unwrap().json::<u32>().unwrap(), n);
    }
    assert!(matches!(parts.next().await, Some(Err(RouterError::Overrun))));
    assert!(parts.next().await.is_none());
}

#[tokio::test]
async fn a_worker_that_goes_leaves_its_requests_unavailable_and_a_lost_hub_tells_everybody() {
    let mut hub = patient().await;
    let (ada, bob) = (connect(&hub, "ada").await, connect(&hub, "bob").await);
    let (hanging, mut told) = hangs(&bob, "slow/hang").await;
    let asking = tokio::spawn({
        let ada = ada.clone();
        async move { ada.request("slow/hang", &()).await }
    });
    assert_eq!(within("its beginning", told.recv()).await, Some("began"));
    bob.client().close().await;
    assert_eq!(said(within("an answer", asking).await.unwrap().unwrap_err()).0, FaultCode::Unavailable);
    assert_eq!(within("its end", told.recv()).await, Some("dropped"));
    assert!(matches!(bob.request("slow/hang", &()).await, Err(RouterError::Closed)));
    drop(hanging);

    let carl = connect(&hub, "carl").await;
    let (_hanging, mut told) = hangs(&carl, "slow/hang").await;
    let mut asking = Box::pin(ada.request("slow/hang", &()));
    tokio::select! {
        answer = &mut asking => panic!("{answer:?}"),
        began = told.recv() => assert_eq!(began, Some("began")),
    }
    hub.kill().await;
    assert!(matches!(within("an end", asking).await, Err(RouterError::Disconnected)));
    assert_eq!(within("its end", told.recv()).await, Some("dropped"), "nobody waits for the answer");
    hub.restart().await;
}

#[tokio::test]
async fn what_is_handled_is_handled_again_by_a_hub_that_was_restarted() {
    let mut hub = patient().await;
    let (ada, bob) = (connect(&hub, "ada").await, connect(&hub, "bob").await);
    let _adding = adds(&bob).await;
    let (_hanging, mut told) = hangs(&bob, "slow/hang").await;
    for _ in 0..2 {
        // under way when the hub is killed: nothing of it may answer a request of the next hub, whose marks are the same
        let lost = tokio::spawn({
            let ada = ada.clone();
            async move { ada.request("slow/hang", &()).await }
        });
        assert_eq!(within("its beginning", told.recv()).await, Some("began"));
        hub.kill().await;
        assert!(within("an end", lost).await.unwrap().is_err());
        assert_eq!(within("its end", told.recv()).await, Some("dropped"));
        hub.restart().await;
        until("both again", async || {
            let connected = [&ada, &bob].iter().all(|router| matches!(router.client().status(), Status::Connected(_)));
            (connected && ask(&ada, "math/add", json!([20, 22])).await.ok()? == 42).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn what_ends_in_good_order_loses_no_request() {
    let hub = hub().await;
    let (ada, bob) = (connect(&hub, "ada").await, connect(&hub, "bob").await);
    let gate = Arc::new(Semaphore::new(0));
    let (to, mut began) = mpsc::channel(16);
    let wait = {
        let gate = gate.clone();
        move |_: Request| {
            let gate = gate.clone();
            tell(&to, ());
            async move {
                gate.acquire().await.unwrap().forget();
                Ok::<_, Fault>("done")
            }
        }
    };
    let serving = bob.handle("slow/wait", wait, HandleOptions::default()).await.unwrap();
    let mut asking = Box::pin(ada.request("slow/wait", &()));
    tokio::select! {
        answer = &mut asking => panic!("{answer:?}"),
        began = began.recv() => assert_eq!(began, Some(())),
    }
    let mut stopping = Box::pin(serving.stop());
    // the hub knows it while the handler runs still
    until("nobody serves it", async || {
        assert!(futures::poll!(&mut stopping).is_pending());
        (refused(&ada, "slow/other", json!(null)).await.0 == FaultCode::Unavailable).then_some(())
    })
    .await;
    gate.add_permits(1);
    assert_eq!(within("an answer", asking).await.unwrap().json::<String>().unwrap(), "done");
    within("the end", stopping).await.unwrap();
    // it can be served anew, by another handler
    let _again = bob.handle("slow/*", async |_: Request| Ok::<_, Fault>("again"), HandleOptions::default()).await.unwrap();
    assert_eq!(ask(&ada, "slow/wait", json!(null)).await.unwrap(), "again");
}

#[tokio::test]
async fn who_drops_its_router_serves_nothing_with_the_next_one() {
    let hub = hub().await;
    let (ada, client) = (connect(&hub, "ada").await, connect(&hub, "bob").await.client().clone());
    for _ in 0..3 {
        let bob = client.router().await.unwrap();
        let adding = adds(&bob).await;
        assert_eq!(ask(&ada, "math/add", json!([1, 2])).await.unwrap(), 3);
        drop((adding, bob));
        let next = client.router().await.unwrap();
        until("the hub knows", async || (hub.metric("concierge_router_workers").await == 0.0).then_some(())).await;
        drop(next);
    }
}

#[tokio::test]
async fn a_handler_runs_as_often_at_once_as_it_may_and_no_more() {
    let hub = hub().await;
    let (ada, bob) = (connect(&hub, "ada").await, connect(&hub, "bob").await);
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let gate = Arc::new(Semaphore::new(0));
    let wait = {
        let (now, most, gate) = (now.clone(), most.clone(), gate.clone());
        move |_: Request| {
            let (now, most, gate) = (now.clone(), most.clone(), gate.clone());
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                gate.acquire().await.unwrap().forget();
                now.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, Fault>("done")
            }
        }
    };
    let options = HandleOptions { concurrency: 3, ..HandleOptions::default() };
    let _waiting = bob.handle("slow/wait", wait, options).await.unwrap();
    let _adding = adds(&bob).await;
    let asking: Vec<_> = (0..3)
        .map(|_| {
            let ada = ada.clone();
            tokio::spawn(async move { ask(&ada, "slow/wait", json!(null)).await })
        })
        .collect();
    until("three runs", async || (now.load(Ordering::SeqCst) == 3).then_some(())).await;
    assert_eq!(refused(&ada, "slow/wait", json!(null)).await, (FaultCode::Limit, vec!["requests".to_owned()]));
    assert_eq!(ask(&ada, "math/add", json!([1, 2])).await.unwrap(), 3, "the bound is each handler's own");
    gate.add_permits(4);
    for answer in join_all(asking).await {
        assert_eq!(answer.unwrap().unwrap(), "done");
    }
    assert_eq!(ask(&ada, "slow/wait", json!(null)).await.unwrap(), "done", "there is room again");
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_requests_of_many_tasks_get_each_its_own_answer() {
    const TASKS: u32 = 200;
    const EACH: u32 = 20;
    let hub = hub().await;
    let ada = connect(&hub, "ada").await;
    let served: Arc<[AtomicUsize; 2]> = Arc::default();
    let mut serving = Vec::new();
    for (n, name) in ["bob", "carl"].into_iter().enumerate() {
        let (worker, served) = (connect(&hub, name).await, served.clone());
        let double = move |request: Request| {
            served[n].fetch_add(1, Ordering::SeqCst);
            async move {
                let number: u32 = request.json()?;
                tokio::task::yield_now().await;
                Ok::<_, Fault>(2 * number)
            }
        };
        serving.push(worker.handle("math/double", double, HandleOptions::default()).await.unwrap());
    }
    let asking = (0..TASKS).map(|task| {
        let ada = ada.clone();
        tokio::spawn(async move {
            for n in (0..EACH).map(|n| task * EACH + n) {
                assert_eq!(ada.request("math/double", &n).await.unwrap().json::<u32>().unwrap(), 2 * n);
            }
        })
    });
    for task in within("all of them", join_all(asking)).await {
        task.unwrap();
    }
    let [bob, carl] = [0, 1].map(|n| served[n].load(Ordering::SeqCst));
    assert!(bob > 0 && carl > 0 && bob + carl == (TASKS * EACH) as usize, "{bob} and {carl}");
    let metrics = hub.get("/metrics").await;
    assert!(metrics.contains("concierge_router_in_flight 0\n"), "{metrics}");
}

#[tokio::test]
async fn a_push_reaches_every_worker_and_only_its_arrival_at_the_hub_is_told() {
    let hub = hub().await;
    let ada = connect(&hub, "ada").await;
    let (to, mut told) = mpsc::channel(16);
    let mut serving = Vec::new();
    for name in ["bob", "carl"] {
        let (worker, to) = (connect(&hub, name).await, to.clone());
        let hear = move |request: Request| {
            let to = to.clone();
            async move {
                request.part(&"dropped").await?;
                tell(&to, (name, request.is_push(), request.json::<u32>()?));
                Err::<(), _>(Fault::generic("nobody hears this"))
            }
        };
        serving.push(worker.handle("news/*", hear, HandleOptions::default()).await.unwrap());
    }
    within("its arrival", ada.push("news/new", &7).await.unwrap().arrived()).await.unwrap();
    let mut heard = [within("one", told.recv()).await.unwrap(), within("the other", told.recv()).await.unwrap()];
    heard.sort_unstable();
    assert_eq!(heard, [("bob", true, 7), ("carl", true, 7)]);
    ada.push("nobody/there", &()).await.unwrap().arrived().await.unwrap();
    assert!(matches!(ada.push("news", &()).await, Err(RouterError::Word(_))));
}

#[tokio::test]
async fn a_push_goes_to_one_of_a_group_and_a_request_to_one_of_all() {
    let hub = hub().await;
    let ada = connect(&hub, "ada").await;
    let (to, mut told) = mpsc::channel(64);
    let mut serving = Vec::new();
    for (name, group) in [("bob", Some("eu")), ("carl", Some("eu")), ("dee", Some("us")), ("eve", None), ("fay", None)] {
        let (worker, to) = (connect(&hub, name).await, to.clone());
        let hear = move |_: Request| {
            tell(&to, name);
            async move { Ok::<_, Fault>(name) }
        };
        let group = group.map(|group| group.parse().unwrap());
        serving.push(worker.handle("news/*", hear, HandleOptions { group, ..HandleOptions::default() }).await.unwrap());
    }
    for _ in 0..8 {
        ada.push("news/new", &7).await.unwrap().arrived().await.unwrap();
        let mut heard = Vec::new();
        for _ in 0..4 {
            heard.push(within("somebody", told.recv()).await.unwrap());
        }
        heard.sort_unstable();
        assert!(matches!(heard[..], ["bob" | "carl", "dee", "eve", "fay"]), "{heard:?}");
    }
    let mut asked = Vec::new();
    for _ in 0..5 {
        asked.push(ask(&ada, "news/read", json!(null)).await.unwrap());
        assert!(told.recv().await.is_some());
    }
    asked.sort_unstable_by_key(ToString::to_string);
    assert_eq!(json!(asked), json!(["bob", "carl", "dee", "eve", "fay"]));
}

#[tokio::test]
async fn a_worker_serves_the_subjects_that_it_names_with_whatever_prefix_the_hub_has_for_them() {
    let hub = Hub::with(&["router.enabled=true", "router.routes=eu=cloud.eu,*"]).await;
    let (ada, bob) = (connect(&hub, "ada").await, connect(&hub, "bob").await);
    let where_ = async |request: Request| Ok::<_, Fault>(request.subject().to_string());
    let on = |subjects: &[&str]| {
        let subjects = subjects.iter().map(|subject| subject.parse().unwrap()).collect();
        HandleOptions { subjects, ..HandleOptions::default() }
    };
    let _one = bob.handle("which/one", where_, on(&["eu", "us"])).await.unwrap();
    let _two = bob.handle("which/two", where_, on(&["us"])).await.unwrap();
    let at = async |subject: &str, cmd: &str| ask(&ada.subject(subject.parse().unwrap()), cmd, json!(null)).await;
    assert_eq!(at("eu", "which/one").await.unwrap(), "cloud.eu.eu");
    assert_eq!(at("us", "which/one").await.unwrap(), "us");
    assert_eq!(at("us", "which/two").await.unwrap(), "us");
    for (subject, cmd) in [("api", "which/one"), ("eu", "which/two"), ("us.east", "which/one")] {
        assert_eq!(said(at(subject, cmd).await.unwrap_err()), (FaultCode::Unavailable, vec!["subject".to_owned()]), "{subject}");
    }
}

#[tokio::test]
async fn a_handler_knows_who_asks_and_until_when() {
    let hub = hub().await;
    let bob = connect(&hub, "bob").await;
    let ada = Client::connect(hub.options("ada").tag("pilot")).await.unwrap();
    let asking = ada.router().await.unwrap();
    let (to, mut told) = mpsc::channel(4);
    let who = move |request: Request| {
        let patience = request.deadline().map(|until| until.duration_since(tokio::time::Instant::now()));
        tell(&to, (request.headers().clone(), patience, request.cmd().action().to_owned()));
        async { Ok::<_, Fault>(()) }
    };
    let _serving = bob.handle("who/*", who, HandleOptions::default()).await.unwrap();
    asking.request("who/asks", &()).await.unwrap();
    let (headers, patience, action) = told.recv().await.unwrap();
    assert_eq!((headers.client, headers.name.unwrap().as_str(), action.as_str()), (Some(ada.uuid()), "ada", "asks"));
    assert_eq!((headers.tags, headers.node.is_some(), headers.promise), (vec!["pilot".to_owned()], true, None));
    assert!(patience.is_some_and(|left| left > Duration::from_secs(5) && left <= Duration::from_secs(10)), "{patience:?}");
    asking.push("who/pushes", &()).await.unwrap().arrived().await.unwrap();
    let (headers, patience, _) = within("the push", told.recv()).await.unwrap();
    assert_eq!((headers.client, patience), (Some(ada.uuid()), None));
}

/// Asks so that the answer is a promise.
async fn kept(router: &Router, cmd: &str, body: Value, id: &str) -> Result<PromiseId, RouterError> {
    let durable = Durable { promise: Some(id.parse().unwrap()), within: None };
    within("it is kept", router.request_durable(cmd, &body, durable)).await
}

/// What a promise says in the end.
async fn settled(router: &Router, id: &PromiseId) -> Result<Value, Fault> {
    let coordinator = router.client().coordinator().await.unwrap();
    let promise = within("the outcome", coordinator.wait(id)).await.unwrap();
    Ok(outcome(&promise).unwrap()?.json()?)
}

#[tokio::test]
async fn a_durable_request_is_answered_whoever_goes_meanwhile() {
    let mut hub = Hub::with(&["router.enabled=true", "coordinator.enabled=true"]).await;
    let (ada, bob) = (connect(&hub, "ada").await, connect(&hub, "bob").await);
    // nobody is there who could do it; asked twice it is one request
    let sum = kept(&ada, "math/add", json!([20, 22]), "sum").await.unwrap();
    assert_eq!((sum.as_str(), kept(&ada, "math/add", json!([20, 22]), "sum").await.unwrap()), ("sum", sum.clone()));
    // the first worker goes before it has answered
    let (to, mut promised) = mpsc::channel(4);
    let hang = move |request: Request| {
        tell(&to, request.headers().promise.clone());
        async { pending::<Result<(), Fault>>().await }
    };
    let hanging = bob.handle("math/add", hang, HandleOptions::default()).await.unwrap();
    assert_eq!(within("its beginning", promised.recv()).await, Some(Some(sum.clone())));
    bob.client().close().await;
    drop(hanging);
    // and the hub
    hub.kill().await;
    hub.restart().await;
    let carl = connect(&hub, "carl").await;
    let _adding = adds(&carl).await;
    assert_eq!(settled(&ada, &sum).await.unwrap(), 42);
    let wrong = kept(&ada, "math/add", json!("x"), "wrong").await.unwrap();
    let fault = settled(&ada, &wrong).await.unwrap_err();
    assert_eq!((fault.code(), fault.items()), (FaultCode::Invalid, vec!["data"]));
    // the hub makes an id when there is none
    let made = ada.request_durable("math/add", &[1, 2], Durable::default()).await.unwrap();
    assert_eq!(settled(&ada, &made).await.unwrap(), 3);
}

#[tokio::test]
async fn a_durable_request_that_nobody_answers_ends_in_its_time_and_a_hub_without_a_coordinator_keeps_none() {
    let hub = Hub::with(&["router.enabled=true", "coordinator.enabled=true", "store.url=memory:"]).await;
    let ada = connect(&hub, "ada").await;
    let brief = Durable { promise: None, within: Some(Millis(200)) };
    let id = ada.request_durable("nobody/there", &(), brief).await.unwrap();
    assert_eq!(settled(&ada, &id).await.unwrap_err().code(), FaultCode::Timeout);
    let without = self::hub().await;
    let error = kept(&connect(&without, "ada").await, "math/add", json!([1, 2]), "sum").await.unwrap_err();
    assert_eq!(said(error), (FaultCode::Unavailable, vec!["coordinator".to_owned()]));
}
