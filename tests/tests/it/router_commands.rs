//! `concierge request`, `reply` and `push`, as a person or a script runs them.

use std::path::Path;

use concierge_client::Client;
use concierge_client::router::{Fault, FaultCode, HandleOptions, Request};
use concierge_tests::{Command, Finished, Hub, Running, until, within};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::long_command::{LONG, begun, killed};

/// A hub that ends no request by itself.
async fn hub() -> Hub {
    Hub::with(&["router.enabled=true", "router.within_ms=3600000"]).await
}

/// The words of a command line that need no quotes.
fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

async fn run(hub: &Hub, line: &str) -> Finished {
    Command::concierge(&words(line)).at(hub).run().await
}

/// What is answered.
async fn asked(hub: &Hub, line: &str) -> Value {
    let finished = run(hub, line).await.exits(0);
    assert_eq!(finished.stdout.lines().count(), 1, "{finished:?}");
    finished.json().remove(0)
}

/// A worker, once the hub knows it.
async fn worker(hub: &Hub, home: &Path, line: &str, exec: &[&str]) -> Running {
    let running = Command::concierge(&[words(line), exec.to_vec()].concat()).at(hub).home(home).start();
    until("a worker", async || running.stderr().contains("serves").then_some(())).await;
    running
}

async fn echo(hub: &Hub, line: &str) -> Running {
    worker(hub, Path::new("/"), line, &["--echo"]).await
}

async fn exec(hub: &Hub, line: &str, command: &str) -> Running {
    worker(hub, Path::new("/"), line, &["--exec", command]).await
}

#[tokio::test]
async fn a_request_prints_what_a_worker_answers() {
    let hub = hub().await;
    let mut worker = echo(&hub, "reply text/*").await;
    assert_eq!(asked(&hub, r#"request text/echo [1,"a"] -n ada"#).await, json!([1, "a"]));
    assert_eq!(worker.line().await, "answered text/echo of ada");
    assert_eq!(asked(&hub, "request text/echo").await, json!({}));
    assert_eq!(asked(&hub, "request text/echo hello --json").await, json!("hello"));
    assert_eq!(asked(&hub, "request text/echo 42 --as text --subject api").await, json!("42"));
    let written = Command::concierge(&words("request text/echo -")).at(&hub).input("{\"n\":\n 12345678901234567890123}\n").run();
    assert_eq!(written.await.exits(0).stdout, "{\"n\":  12345678901234567890123}\n", "as it was written, on one line");
    // one response is an answer of one part
    assert_eq!(asked(&hub, "request text/echo 7 --many").await, 7);
    assert_eq!(worker.signal(Signal::INT).await, 0);
    drop(run(&hub, "request text/echo").await.exits(22));
}

#[tokio::test]
async fn a_command_answers_with_its_output_and_finds_who_asks_in_its_environment() {
    let hub = hub().await;
    let _sum = exec(&hub, "reply math/sum", r"tr -d '[]' | tr , + | sed 's/.*/echo $((&))/' | sh").await;
    assert_eq!(asked(&hub, "request math/sum [1,2,39]").await, 42);
    let show = "env | grep ^CONCIERGE_C | sort; test -n \"$CONCIERGE_DEADLINE_MS\"; echo $CONCIERGE_SUBJECT";
    let _env = exec(&hub, "reply env/show", show).await;
    let shown = asked(&hub, "request env/show -n ada").await;
    let lines: Vec<&str> = shown.as_str().unwrap().lines().collect();
    assert!(lines[0].starts_with("CONCIERGE_CLIENT=") && lines[0].len() == 17 + 36, "{lines:?}");
    assert_eq!(lines[1..3], ["CONCIERGE_CLIENT_NAME=ada", "CONCIERGE_CMD=env/show"]);
    assert_eq!(lines.last(), Some(&"api"));
}

#[tokio::test]
async fn an_error_goes_to_stderr_with_its_name_and_has_an_exit_code_of_its_own() {
    let hub = Hub::with(&["router.enabled=true", "router.routes=quick within:200,api"]).await;
    let mut worker = exec(&hub, "reply fail/now", "echo what >&2; echo went wrong >&2; exit 3").await;
    let _much = exec(&hub, "reply much/much --output-bytes 10", "echo much too much").await;
    let _slow = exec(&hub, "reply slow/slow", "sleep 60").await;
    for (line, code, error) in [
        ("request fail/now", 20, "0 GENERIC: what\nwent wrong"),
        ("request much/much", 20, "0 GENERIC: the command wrote more than 10 bytes to stdout"),
        ("request fail/now --subject elsewhere", 21, "1 FORBIDDEN (subject)"),
        ("request nobody/there", 22, "2 UNAVAILABLE (subject)"),
        ("request slow/slow --subject quick", 27, "7 TIMEOUT"),
        ("request slow/slow --timeout 50ms", 6, "no answer within 50ms"),
    ] {
        let failed = run(&hub, line).await.exits(code);
        assert!(failed.stderr.starts_with(&format!("error: {error}\n")) && failed.stdout.is_empty(), "{failed:?}");
        drop(run(&hub, &format!("errors {code}")).await.exits(if code == 6 { 5 } else { 0 }));
    }
    assert!(worker.line().await.ends_with(": 0 GENERIC: what"), "what failed is told there, too");
    let as_json = run(&hub, "request nobody/there --json").await.exits(22).stderr;
    assert_eq!(serde_json::from_str::<Value>(&as_json).unwrap()["exit"], 22);
    assert!(run(&hub, "errors unavailable").await.exits(0).stdout.starts_with("22 ROUTER_UNAVAILABLE\n"));
    // a worker of a category that has no handler of the command
    assert!(run(&hub, "request fail/later").await.exits(29).stderr.contains("9 NOT_IMPLEMENTED (cmd)"));
    for (line, hint) in [
        ("request fail", "category/action"),
        ("request fail/now --subject a..b", "tokens"),
        ("request fail/now yes --as json", "--as text"),
        ("request fail/now --many 0", "0"),
        ("request fail/now --wait", "--durable"),
        ("request fail/now --durable --many", "--many"),
        ("reply fail/now", "--echo"),
        ("reply fail/now --echo --exec true", "--exec"),
        ("reply fail --echo", "math/add"),
        ("reply router/serve --echo", "router's own"),
        ("reply fail/now --echo --group a.b", "1 to 64"),
        ("push fail", "category/action"),
    ] {
        let failed = run(&hub, line).await.exits(2);
        assert!(failed.stderr.contains(hint) && failed.stdout.is_empty(), "{failed:?}");
    }
    let without = Hub::start().await;
    for line in ["request a/b", "reply a/b --echo", "push a/b"] {
        assert!(run(&without, line).await.exits(5).stderr.contains("router.enabled"), "{line}");
    }
}

#[tokio::test]
async fn who_stops_waiting_kills_the_command_and_what_it_started() {
    let (hub, home) = (hub().await, TempDir::new().unwrap());
    let mut worker = worker(&hub, home.path(), "reply slow/run", &["--exec", &format!("({LONG})")]).await;
    for (line, code) in [("request slow/run --timeout 1s -n ada", 6), ("request slow/run --many -n ada", 130)] {
        let mut request = Command::concierge(&words(line)).at(&hub).start();
        let pid = begun(home.path()).await;
        let ended = if code == 130 { request.signal(Signal::INT).await } else { request.ended().await };
        assert_eq!(ended, code);
        killed(pid).await;
        assert_eq!(worker.line().await, "cancelled slow/run of ada");
    }
    // its own end, by a second signal
    let _request = Command::concierge(&words("request slow/run")).at(&hub).start();
    let pid = begun(home.path()).await;
    let interrupt = |worker: &Running| {
        let pid = i32::try_from(worker.id()).ok().and_then(rustix::process::Pid::from_raw).unwrap();
        rustix::process::kill_process(pid, Signal::INT).unwrap();
    };
    interrupt(&worker);
    until("that nobody serves it", async || (run(&hub, "request slow/other").await.code == 22).then_some(())).await;
    assert!(Path::new(&format!("/proc/{pid}")).exists(), "it finishes what it is at");
    interrupt(&worker);
    assert_eq!(worker.ended().await, 130);
    killed(pid).await;
}

#[tokio::test]
async fn a_worker_does_no_more_at_once_than_it_may_and_finishes_what_it_began() {
    let (hub, home) = (hub().await, TempDir::new().unwrap());
    let wait = "touch began; while ! test -e go; do sleep 0.02; done; echo done";
    let worker = worker(&hub, home.path(), "reply slow/run --max 1", &["--exec", wait]).await;
    let mut first = Command::concierge(&words("request slow/run")).at(&hub).start();
    until("its beginning", async || home.path().join("began").exists().then_some(())).await;
    assert!(run(&hub, "request slow/run").await.exits(26).stderr.contains("6 LIMIT (requests)"));
    let stopping = tokio::spawn(worker.signal(Signal::TERM));
    until("that nobody serves it", async || (run(&hub, "request slow/run").await.code == 22).then_some(())).await;
    std::fs::write(home.path().join("go"), "").unwrap();
    assert_eq!(first.line().await, "\"done\"");
    assert_eq!((first.ended().await, stopping.await.unwrap()), (0, 0));
}

#[tokio::test]
async fn a_push_reaches_workers_and_is_not_answered() {
    let (hub, home) = (hub().await, TempDir::new().unwrap());
    let _file = worker(&hub, home.path(), "reply news/*", &["--exec", "cat > new.part; mv new.part new"]).await;
    let mut echo = echo(&hub, "reply news/new --json").await;
    assert!(run(&hub, "push news/new 7 -n ada").await.exits(0).stdout.is_empty());
    until("the file", async || std::fs::read_to_string(home.path().join("new")).is_ok_and(|new| new == "7").then_some(())).await;
    let heard: Value = serde_json::from_str(&echo.line().await).unwrap();
    let expected = json!({ "cmd": "news/new", "subject": "api", "from": "ada", "ended": "heard", "error": null });
    assert_eq!(heard, expected);
    assert_eq!(asked(&hub, "push nobody/there --json").await, json!({ "pushed": "nobody/there" }));
}

#[tokio::test]
async fn workers_of_one_group_share_its_pushes_and_a_worker_serves_the_subjects_that_it_names() {
    let hub = hub().await;
    let mut workers = [
        echo(&hub, "reply news/* --group eu --subject one --subject two").await,
        echo(&hub, "reply news/* --group eu --subject one").await,
    ];
    assert_eq!(asked(&hub, "request news/read 7 --subject two").await, 7);
    drop(run(&hub, "request news/read 7").await.exits(22));
    for _ in 0..5 {
        drop(run(&hub, "push news/new --subject one").await.exits(0));
    }
    // who ends in good order has printed all
    let mut lines = Vec::new();
    for worker in &mut workers {
        let pid = i32::try_from(worker.id()).ok().and_then(rustix::process::Pid::from_raw).unwrap();
        rustix::process::kill_process(pid, Signal::INT).unwrap();
        while let Some(line) = worker.next_line().await {
            lines.push(line);
        }
    }
    assert_eq!(lines.iter().filter(|line| line.starts_with("heard news/new")).count(), 5, "{lines:?}");
}

#[tokio::test]
async fn a_worker_serves_again_when_its_hub_was_restarted() {
    let mut hub = hub().await;
    let worker = echo(&hub, "reply text/*").await;
    assert_eq!(asked(&hub, "request text/echo 1").await, 1);
    hub.kill().await;
    hub.restart().await;
    until("an answer", async || (run(&hub, "request text/echo 2").await.code == 0).then_some(())).await;
    // while there is no hub it need not be asked to end
    hub.kill().await;
    until("that it knows", async || (worker.stderr().matches("connecting again").count() >= 2).then_some(())).await;
    assert_eq!(worker.signal(Signal::INT).await, 0);
}

#[tokio::test]
async fn parts_are_printed_a_line_each_and_after_as_many_as_were_wanted_the_rest_is_cancelled() {
    let hub = hub().await;
    let bob = Client::connect(hub.options("bob")).await.unwrap().router().await.unwrap();
    let (to, mut cancelled) = mpsc::channel(4);
    let count = move |request: Request| {
        let to = to.clone();
        async move {
            let below: u32 = request.json()?;
            let (outside, to) = (request.clone(), to.clone());
            tokio::spawn(async move {
                outside.cancelled().await;
                let _ = to.try_send(below);
            });
            for n in 0..below {
                request.part(&n).await?;
            }
            if below == 3 { Err(Fault::new(FaultCode::Limit, &["three"])) } else { Ok(below) }
        }
    };
    let _counting = bob.handle("math/count", count, HandleOptions::default()).await.unwrap();
    let numbers = |finished: &Finished| finished.json().iter().map(|n| n.as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(numbers(&run(&hub, "request math/count 4 --many").await.exits(0)), [0, 1, 2, 3, 4]);
    assert_eq!(cancelled.recv().await, Some(4), "its time is over when it has answered");
    let failed = run(&hub, "request math/count 3 --many").await.exits(26);
    assert_eq!(numbers(&failed), [0, 1, 2]);
    assert_eq!(cancelled.recv().await, Some(3));
    assert_eq!(numbers(&run(&hub, "request math/count 1000000000 --many 5").await.exits(0)), [0, 1, 2, 3, 4]);
    assert_eq!(within("its end", cancelled.recv()).await, Some(1_000_000_000));
    assert!(run(&hub, "request math/count 4").await.exits(1).stderr.contains("--many"));
}

#[tokio::test]
async fn a_durable_request_prints_the_id_of_its_promise_or_waits_for_what_that_says() {
    let hub = Hub::with(&["router.enabled=true", "coordinator.enabled=true", "store.url=memory:"]).await;
    assert_eq!(run(&hub, "request text/echo 7 --durable --promise p").await.exits(0).stdout, "p\n");
    assert_eq!(asked(&hub, "request text/echo 7 --durable --promise p --json").await, json!({ "promise": "p" }));
    let mut waiting = Command::concierge(&words("request text/echo 7 --durable --promise p --wait")).at(&hub).start();
    let home = TempDir::new().unwrap();
    let _worker = worker(&hub, home.path(), "reply text/echo", &["--exec", "echo $CONCIERGE_PROMISE > promise; cat"]).await;
    assert_eq!((waiting.line().await.as_str(), waiting.ended().await), ("7", 0));
    assert_eq!(std::fs::read_to_string(home.path().join("promise")).unwrap(), "p\n");
    drop(run(&hub, "promise wait p").await.exits(0));
    let _failing = exec(&hub, "reply fail/now", "echo no >&2; exit 1").await;
    let failed = run(&hub, "request fail/now --durable --wait").await.exits(20);
    assert!(failed.stderr.starts_with("error: 0 GENERIC: no\n"), "{failed:?}");
    drop(run(&hub, "request nobody/there --durable --wait --timeout 200ms").await.exits(27));
    let without = self::hub().await;
    assert!(run(&without, "request a/b --durable").await.exits(22).stderr.contains("2 UNAVAILABLE (coordinator)"));
}
