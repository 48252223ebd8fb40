//! The Rust client's coordinator: promises, workers and their leases, against a real hub.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use concierge_client::coordinator::{
    AskError, Break, Coordinator, CreateError, Ended, GetError, NewPromise, Promise, PromiseId, PromiseSearch, PromiseState,
    SettleError, SettleState, Task, Value, WaitError, Worker, WorkerEnded, WorkerError, json,
};
use concierge_client::{Client, Options, Reconnect};
use concierge_tests::{Hub, until, within};
use futures::future::{join_all, pending, ready};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

/// Long enough for what has to be offered again when a lease ends, short enough to wait for.
const SHORT_TTL: Duration = Duration::from_millis(400);

/// A hub that keeps what is durable in a file.
async fn durable() -> Hub {
    Hub::with(&["coordinator.enabled=true"]).await
}

/// A hub that forgets everything when it ends.
async fn hub() -> Hub {
    Hub::with(&["coordinator.enabled=true", "store.url=memory:"]).await
}

async fn connect(hub: &Hub, name: &str, tags: &[&str]) -> Coordinator {
    let eager = Reconnect { base: Duration::from_millis(20), cap: Duration::from_millis(200), ..Reconnect::default() };
    let options = tags.iter().fold(hub.options(name).reconnect(eager), |options, tag| options.tag(*tag));
    let client = Client::connect(options).await.expect("the hub lets it in");
    client.coordinator().await.expect("the hub has one")
}

fn id(text: &str) -> PromiseId {
    text.parse().unwrap()
}

fn promise(text: &str) -> NewPromise {
    NewPromise::within(id(text), Duration::from_secs(600))
}

/// A promise whose task is offered to the group `g`.
fn job(text: &str) -> NewPromise {
    promise(text).target(&"any@g".parse().unwrap())
}

fn value(text: &str) -> Value {
    json::to_value(text).unwrap()
}

async fn result(of: &Coordinator, text: &str) -> (PromiseState, Option<String>) {
    let Promise { state, value, .. } = within(text, of.wait(&id(text))).await.unwrap();
    (state, json::from_value(&value).unwrap())
}

/// Lets a worker work, until the sender is dropped or used.
fn work<F, R>(worker: Worker, run: F) -> (oneshot::Sender<()>, JoinHandle<Result<(), WorkerEnded>>)
where
    F: Fn(Task) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Value, Break>> + Send + 'static,
{
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(worker.run(run, async { drop(stopped.await) }));
    (stop, running)
}

/// Says something to whoever listens still.
fn tell<T>(to: &mpsc::Sender<T>, what: T) {
    let _ = to.try_send(what);
}

#[tokio::test]
async fn the_first_outcome_of_a_promise_stays_and_everybody_reads_it() {
    let hub = hub().await;
    let (ada, bob) = (connect(&hub, "ada", &[]).await, connect(&hub, "bob", &[]).await);
    let created = ada.create(promise("a").json(&7).unwrap().tag("kind", "x")).await.unwrap();
    assert_eq!((created.state, json::from_value::<u32>(&created.param).unwrap()), (PromiseState::Pending, 7));
    assert_eq!(bob.create(promise("a").tag("kind", "y")).await.unwrap(), created, "what is known is answered as it stands");
    let resolved = bob.resolve(&id("a"), value("yes")).await.unwrap();
    assert_eq!(ada.reject(&id("a"), value("no")).await.unwrap(), resolved);
    assert_eq!(ada.promise(&id("a")).await.unwrap(), resolved);
    assert_eq!(result(&ada, "a").await, (PromiseState::Resolved, Some("yes".to_owned())));
    ada.create(promise("b").tag("kind", "x")).await.unwrap();
    assert_eq!(ada.cancel(&id("b")).await.unwrap().state, PromiseState::RejectedCanceled);
    let tags = [("kind".to_owned(), "x".to_owned())].into();
    let first = PromiseSearch { tags, limit: Some(1), ..PromiseSearch::default() };
    let (page, cursor) = ada.search(first.clone()).await.unwrap();
    let (rest, _) = ada.search(PromiseSearch { cursor, ..first }).await.unwrap();
    assert_eq!([page[0].id.as_str(), rest[0].id.as_str()], ["a", "b"]);
}

#[tokio::test]
async fn every_refusal_is_a_variant_with_its_sentence() {
    let hub = hub().await;
    let ada = connect(&hub, "ada", &["g"]).await;
    let nothing = id("nothing");
    assert!(matches!(ada.promise(&nothing).await, Err(GetError::Unknown(refused)) if refused.status == 404));
    assert!(matches!(ada.cancel(&nothing).await, Err(SettleError::Unknown(refused)) if !refused.sentence.is_empty()));
    assert!(matches!(ada.wait(&nothing).await, Err(WaitError::Unknown(_))));
    assert!(matches!(ada.create(promise("a").tag("resonate:target", "")).await, Err(CreateError::Invalid(_))));
    assert!(matches!(ada.worker("h"), Err(WorkerError::NoMember(group)) if group == "h"));
    assert!(matches!(ada.worker("a/b"), Err(WorkerError::Group { .. })));
    let worker = ada.worker("g").unwrap();
    assert!(matches!(ada.client().coordinator().await.unwrap().worker("g"), Err(WorkerError::Works)));
    drop(worker);
    ada.worker("g").unwrap();
    let without = Hub::start().await;
    let client = Client::connect(without.options("ada")).await.unwrap();
    assert!(matches!(client.coordinator().await, Err(AskError::Absent)));
}

#[tokio::test]
async fn who_waits_gets_the_outcome_across_a_restart_of_the_hub() {
    let mut hub = durable().await;
    let ada = connect(&hub, "ada", &[]).await;
    for name in ["a", "b"] {
        ada.create(promise(name)).await.unwrap();
    }
    let (one, two) = (id("a"), id("b"));
    let (early, mut late) = (ada.wait(&one), Box::pin(ada.wait(&two)));
    ada.resolve(&one, value("before")).await.unwrap();
    assert_eq!(within("a", early).await.unwrap().state, PromiseState::Resolved);
    assert!(futures::poll!(&mut late).is_pending());
    hub.kill().await;
    assert!(futures::poll!(&mut late).is_pending());
    hub.restart().await;
    let bob = connect(&hub, "bob", &[]).await;
    bob.resolve(&id("b"), value("after")).await.unwrap();
    let settled = within("the outcome", late).await.unwrap();
    assert_eq!(json::from_value::<String>(&settled.value).unwrap(), "after");
}

#[tokio::test]
async fn a_promise_that_nobody_settles_ends_the_wait_at_its_deadline() {
    let hub = hub().await;
    let ada = connect(&hub, "ada", &[]).await;
    ada.create(NewPromise::within(id("a"), Duration::from_millis(200))).await.unwrap();
    assert_eq!(result(&ada, "a").await.0, PromiseState::RejectedTimedout);
    ada.create(NewPromise::within(id("b"), Duration::from_millis(200)).timer()).await.unwrap();
    assert_eq!(result(&ada, "b").await.0, PromiseState::Resolved);
}

#[tokio::test]
async fn a_worker_settles_what_it_is_offered_and_does_no_more_at_once_than_it_may() {
    let hub = hub().await;
    let (ada, worker) = (connect(&hub, "ada", &[]).await, connect(&hub, "worker", &["g"]).await);
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let gate = Arc::new(Semaphore::new(0));
    let run = {
        let (now, most, gate) = (now.clone(), most.clone(), gate.clone());
        move |task: Task| {
            let (now, most, gate) = (now.clone(), most.clone(), gate.clone());
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                gate.acquire().await.unwrap().forget();
                now.fetch_sub(1, Ordering::SeqCst);
                let said: String = json::from_value(&task.promise().param).unwrap();
                if said == "fail" { Err(Break::Rejected(value("failed"))) } else { Ok(value(&said)) }
            }
        }
    };
    let (_stop, _running) = work(worker.worker("g").unwrap().concurrency(2), run);
    for name in ["a", "b", "c", "fail"] {
        ada.create(job(name).json(name).unwrap()).await.unwrap();
    }
    until("two runs", async || (now.load(Ordering::SeqCst) == 2).then_some(())).await;
    gate.add_permits(4);
    for name in ["a", "b", "c"] {
        assert_eq!(result(&ada, name).await, (PromiseState::Resolved, Some(name.to_owned())));
    }
    assert_eq!(result(&ada, "fail").await, (PromiseState::Rejected, Some("failed".to_owned())));
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn two_workers_share_what_is_offered_and_do_each_task_once() {
    const TASKS: usize = 200;
    let hub = hub().await;
    let ada = connect(&hub, "ada", &[]).await;
    let mut working = Vec::new();
    let runs: Arc<[AtomicUsize; 2]> = Arc::default();
    for (n, name) in ["one", "two"].into_iter().enumerate() {
        let (worker, runs) = (connect(&hub, name, &["g"]).await, runs.clone());
        working.push(work(worker.worker("g").unwrap().concurrency(8), move |_| {
            runs[n].fetch_add(1, Ordering::SeqCst);
            ready(Ok(Value::default()))
        }));
    }
    let names: Vec<String> = (0..TASKS).map(|n| format!("p{n}")).collect();
    for created in join_all(names.iter().map(|name| ada.create(job(name)))).await {
        created.unwrap();
    }
    for settled in within("all of them", join_all(names.iter().map(|name| result(&ada, name)))).await {
        assert_eq!(settled.0, PromiseState::Resolved);
    }
    let [one, two] = [0, 1].map(|n| runs[n].load(Ordering::SeqCst));
    assert!(one > 0 && two > 0 && one + two == TASKS, "{one} and {two}");
}

#[tokio::test]
async fn a_suspended_task_runs_again_from_its_start_and_repeats_no_step() {
    let hub = hub().await;
    let (ada, worker) = (connect(&hub, "ada", &[]).await, connect(&hub, "worker", &["g"]).await);
    let (runs, steps) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (told, mut ends) = mpsc::channel(16);
    let run = {
        let (runs, steps) = (runs.clone(), steps.clone());
        move |task: Task| {
            let (runs, steps) = (runs.clone(), steps.clone());
            async move {
                if task.id().as_str() == "child" {
                    return Ok(value("from afar"));
                }
                runs.fetch_add(1, Ordering::SeqCst);
                let step = async {
                    steps.fetch_add(1, Ordering::SeqCst);
                    Ok(value("once"))
                };
                let once = task.step(promise("root.step"), step).await?;
                let human = task.result_of(promise("root.human")).await?;
                let afar = task.result_of(job("child")).await?;
                let parts: Vec<String> = [once, human, afar].iter().map(|part| json::from_value(&part.value).unwrap()).collect();
                Ok(value(&parts.join(", ")))
            }
        }
    };
    let watched = worker.worker("g").unwrap().tell(move |id, ended| tell(&told, (id.clone(), ended)));
    let (_stop, _running) = work(watched, run);
    ada.create(job("root")).await.unwrap();
    assert_eq!(within("a suspension", ends.recv()).await, Some((id("root"), Ended::Suspended)));
    ada.resolve(&id("root.human"), value("yes")).await.unwrap();
    assert_eq!(result(&ada, "root").await, (PromiseState::Resolved, Some("once, yes, from afar".to_owned())));
    assert_eq!(steps.load(Ordering::SeqCst), 1);
    assert!(runs.load(Ordering::SeqCst) >= 2);
    let child = ada.promise(&id("child")).await.unwrap();
    let root = ada.promise(&id("root")).await.unwrap();
    assert_eq!([&child.tags["resonate:parent"], &child.tags["resonate:origin"]], ["root", "root"]);
    assert!(child.timeout_at <= root.timeout_at);
}

#[tokio::test]
async fn a_run_that_suspends_on_a_settled_promise_goes_on_at_once() {
    let hub = hub().await;
    let (ada, worker) = (connect(&hub, "ada", &[]).await, connect(&hub, "worker", &["g"]).await);
    ada.create(promise("done")).await.unwrap();
    ada.resolve(&id("done"), value("x")).await.unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let (_stop, _running) = work(worker.worker("g").unwrap(), move |task: Task| {
        let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
        ready(if first { Err(task.suspend(&[id("done"), id("done")])) } else { Ok(value("went on")) })
    });
    ada.create(job("a")).await.unwrap();
    assert_eq!(result(&ada, "a").await.1.as_deref(), Some("went on"));
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn heartbeats_keep_a_task_for_longer_than_its_lease() {
    // long beside the moments for which a busy machine does nothing
    let ttl = Duration::from_secs(2);
    let hub = hub().await;
    let (ada, worker) = (connect(&hub, "ada", &[]).await, connect(&hub, "worker", &["g"]).await);
    let (begun, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let run = {
        let (begun, gate) = (begun.clone(), gate.clone());
        move |_| {
            begun.fetch_add(1, Ordering::SeqCst);
            let gate = gate.clone();
            async move {
                gate.notified().await;
                Ok(value("slow"))
            }
        }
    };
    let (_stop, _running) = work(worker.worker("g").unwrap().ttl(ttl), run);
    ada.create(job("a")).await.unwrap();
    let start = Instant::now();
    until("the end of the first lease", async || (start.elapsed() > ttl * 3 / 2).then_some(())).await;
    gate.notify_one();
    assert_eq!(result(&ada, "a").await.1.as_deref(), Some("slow"));
    assert_eq!(begun.load(Ordering::SeqCst), 1, "nobody else got it");
}

#[tokio::test]
async fn the_task_of_a_worker_that_is_killed_goes_to_another_when_its_lease_ends() {
    let hub = hub().await;
    let ada = connect(&hub, "ada", &[]).await;
    let (told, mut began) = mpsc::channel(1);
    let first = connect(&hub, "first", &["g"]).await;
    let running = tokio::spawn(first.worker("g").unwrap().ttl(SHORT_TTL).run(
        move |task: Task| {
            tell(&told, task.id().clone());
            pending()
        },
        pending(),
    ));
    ada.create(job("a")).await.unwrap();
    assert_eq!(within("its beginning", began.recv()).await, Some(id("a")));
    running.abort();
    drop(first);
    let second = connect(&hub, "second", &["g"]).await;
    let (_stop, _running) = work(second.worker("g").unwrap(), |_| ready(Ok(value("second"))));
    assert_eq!(result(&ada, "a").await.1.as_deref(), Some("second"));
}

#[tokio::test]
async fn a_worker_that_stops_gives_its_tasks_back_at_once() {
    let hub = hub().await;
    let ada = connect(&hub, "ada", &[]).await;
    let (told, mut began) = mpsc::channel(1);
    let first = connect(&hub, "first", &["g"]).await;
    let hour = Duration::from_secs(3_600);
    let (stop, running) = work(first.worker("g").unwrap().ttl(hour), move |_| {
        tell(&told, ());
        pending()
    });
    ada.create(job("a")).await.unwrap();
    within("its beginning", began.recv()).await.unwrap();
    let second = connect(&hub, "second", &["g"]).await;
    let (_stop, _running) = work(second.worker("g").unwrap(), |_| ready(Ok(value("second"))));
    stop.send(()).unwrap();
    within("its end", running).await.unwrap().unwrap();
    assert_eq!(result(&ada, "a").await.1.as_deref(), Some("second"), "an hour before the lease ends");
}

#[tokio::test]
async fn a_run_whose_promise_is_settled_by_somebody_else_is_dropped() {
    let hub = hub().await;
    let (ada, worker) = (connect(&hub, "ada", &[]).await, connect(&hub, "worker", &["g"]).await);
    let (told, mut ends) = mpsc::channel(1);
    let (begun, mut began) = mpsc::channel(1);
    let watched = worker.worker("g").unwrap().ttl(SHORT_TTL).tell(move |_, ended| tell(&told, ended));
    let (_stop, _running) = work(watched, move |_| {
        tell(&begun, ());
        pending()
    });
    ada.create(job("a")).await.unwrap();
    within("its beginning", began.recv()).await.unwrap();
    ada.cancel(&id("a")).await.unwrap();
    assert_eq!(within("its end", ends.recv()).await, Some(Ended::Lost));
}

#[tokio::test]
async fn a_child_is_neither_created_nor_settled_by_who_has_lost_the_task() {
    let hub = hub().await;
    let (ada, worker) = (connect(&hub, "ada", &[]).await, connect(&hub, "worker", &["g"]).await);
    let (told, mut outcomes) = mpsc::channel(2);
    let other = ada.clone();
    let (_stop, _running) = work(worker.worker("g").unwrap(), move |task: Task| {
        let (told, other) = (told.clone(), other.clone());
        async move {
            // goes on when a heartbeat, which may come at any moment, finds that the task is lost and ends this run
            let going_on = tokio::spawn(async move {
                let child = task.create_child(promise("child")).await.unwrap();
                other.resolve(task.id(), value("taken away")).await.unwrap();
                let settled = task.settle_child(&child.id, SettleState::Resolved, value("late")).await;
                let created = task.create_child(promise("another")).await;
                tell(&told, (matches!(settled, Err(Break::Lost)), matches!(created, Err(Break::Lost))));
            });
            going_on.await.unwrap();
            Ok(value("late"))
        }
    });
    ada.create(job("a")).await.unwrap();
    assert_eq!(within("both outcomes", outcomes.recv()).await, Some((true, true)));
    assert_eq!(ada.promise(&id("child")).await.unwrap().state, PromiseState::Pending);
    assert!(matches!(ada.promise(&id("another")).await, Err(GetError::Unknown(_))));
    assert_eq!(result(&ada, "a").await.1.as_deref(), Some("taken away"));
}

#[tokio::test]
async fn a_workflow_goes_on_after_a_restart_of_the_hub() {
    let mut hub = durable().await;
    let (ada, worker) = (connect(&hub, "ada", &[]).await, connect(&hub, "worker", &["g"]).await);
    let (told, mut ends) = mpsc::channel(16);
    let watched = worker.worker("g").unwrap().tell(move |_, ended| tell(&told, ended));
    let (_stop, _running) = work(watched, |task: Task| async move { Ok(task.result_of(promise("a.human")).await?.value) });
    ada.create(job("a")).await.unwrap();
    assert_eq!(within("a suspension", ends.recv()).await, Some(Ended::Suspended));
    hub.kill().await;
    hub.restart().await;
    ada.resolve(&id("a.human"), value("yes")).await.unwrap();
    assert_eq!(result(&ada, "a").await.1.as_deref(), Some("yes"));
}

/// Stands between a hub and its clients, and breaks the first connection in place of the first text from the hub that holds
/// `word`. Gives the port, and the task to keep.
async fn breaking(hub: &Hub, word: &'static str) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, hub) = (listener.local_addr().unwrap().port(), hub.address);
    let standing = async move {
        let mut whole = true;
        let mut connections = JoinSet::new();
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut server = TcpStream::connect(hub).await.unwrap();
            if !std::mem::take(&mut whole) {
                connections.spawn(async move { drop(copy_bidirectional(&mut client, &mut server).await) });
                continue;
            }
            let (mut from_client, mut to_client) = client.split();
            let (mut from_server, mut to_server) = server.split();
            let down = async {
                let mut bytes = vec![0; 65_536];
                loop {
                    let n = from_server.read(&mut bytes).await.unwrap();
                    if n == 0 || String::from_utf8_lossy(&bytes[..n]).contains(word) {
                        return;
                    }
                    to_client.write_all(&bytes[..n]).await.unwrap();
                }
            };
            tokio::select! {
                () = down => {}
                _ = copy(&mut from_client, &mut to_server) => {}
            }
        }
    };
    (port, tokio::spawn(standing))
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_given_back_and_done_before_its_lease_ends() {
    let hub = hub().await;
    let ada = connect(&hub, "ada", &[]).await;
    let (port, _standing) = breaking(&hub, "task.acquire").await;
    let eager = Reconnect { base: Duration::from_millis(20), cap: Duration::from_millis(200), ..Reconnect::default() };
    let options = Options::new(&format!("127.0.0.1:{port}"), "worker").unwrap().tag("g").reconnect(eager);
    let worker = Client::connect(options).await.unwrap().coordinator().await.unwrap();
    let hour = Duration::from_secs(3_600);
    let (_stop, _running) = work(worker.worker("g").unwrap().ttl(hour), |task: Task| ready(Ok(value(task.id().as_str()))));
    ada.create(job("a")).await.unwrap();
    assert_eq!(result(&ada, "a").await.1.as_deref(), Some("a"));
}

#[tokio::test]
async fn requests_over_the_limit_are_repeated_until_they_are_taken() {
    let hub = Hub::with(&["coordinator.enabled=true", "store.url=memory:", "coordinator.requests_in_flight=1"]).await;
    let ada = connect(&hub, "ada", &[]).await;
    let names: Vec<String> = (0..16).map(|n| format!("p{n}")).collect();
    let created = within("all of them", join_all(names.iter().map(|name| ada.create(promise(name))))).await;
    assert!(created.into_iter().all(|created| created.is_ok()));
    assert_eq!(ada.search(PromiseSearch::default()).await.unwrap().0.len(), 16);
}

#[tokio::test]
async fn a_worker_ends_with_its_client() {
    let hub = hub().await;
    let worker = connect(&hub, "worker", &["g"]).await;
    let (_stop, running) = work(worker.worker("g").unwrap(), |_| pending());
    worker.client().close().await;
    assert_eq!(within("the worker's end", running).await.unwrap(), Err(WorkerEnded::Closed));
}
