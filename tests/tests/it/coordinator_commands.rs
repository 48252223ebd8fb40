//! `concierge promise`, `task` and `schedule`, as a person or a script runs them.

use std::path::Path;

use concierge_tests::{Command, Finished, Hub, Running, until};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::long_command::{LONG, begun, killed};

/// A hub that keeps what is durable in a file.
async fn durable() -> Hub {
    Hub::with(&["coordinator.enabled=true"]).await
}

/// A hub that forgets everything when it ends.
async fn hub() -> Hub {
    Hub::with(&["coordinator.enabled=true", "store.url=memory:"]).await
}

/// The words of a command line that need no quotes.
fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

async fn run(hub: &Hub, line: &str) -> Finished {
    Command::concierge(&words(line)).at(hub).run().await
}

/// One JSON result.
async fn asked(hub: &Hub, line: &str) -> Value {
    let finished = Command::concierge(&[words(line), vec!["--json"]].concat()).at(hub).run().await.exits(0);
    finished.json().remove(0)
}

/// Only how it ends matters.
async fn ends(hub: &Hub, line: &str, code: i32) {
    drop(run(hub, line).await.exits(code));
}

fn start(hub: &Hub, home: &Path, line: &str, exec: &str) -> Running {
    Command::concierge(&[words(line), vec!["--exec", exec]].concat()).at(hub).home(home).start()
}

/// Waits until a task is in a state.
async fn becomes(hub: &Hub, id: &str, state: &str) -> Value {
    until(&format!("{id} {state}"), async || {
        let task = asked(hub, &format!("task get {id}")).await;
        (task["state"] == state).then_some(task)
    })
    .await
}

#[tokio::test]
async fn a_promise_is_created_settled_and_found_by_hand() {
    let hub = hub().await;
    let created = asked(&hub, r#"promise create a --json-value {"n":7} --tag kind=x --timeout 1h"#).await;
    assert_eq!([&created["state"], &created["param"]["data"]], [&json!("pending"), &json!("eyJuIjo3fQ==")]);
    assert_eq!(created["timeoutAt"].as_i64().unwrap() / 100_000, (created["createdAt"].as_i64().unwrap() + 3_600_000) / 100_000);
    ends(&hub, "promise create b --data eyJ-as-it-stands --timeout-at 95617584000000 --header of=b", 0).await;
    let raw = asked(&hub, "promise get b").await;
    assert_eq!(
        (&raw["timeoutAt"], &raw["param"]),
        (&json!(95_617_584_000_000_i64), &json!({ "headers": { "of": "b" }, "data": "eyJ-as-it-stands" }))
    );
    let shown = run(&hub, "promise get a").await.exits(0).stdout;
    assert!(shown.contains("param    {\"n\":7}\n") && shown.contains("tags     kind=x\n"), "{shown}");
    assert_eq!(asked(&hub, "promise resolve a --json-value true").await["value"]["data"], "dHJ1ZQ==");
    let late = run(&hub, "promise reject a --json-value 0").await.exits(0);
    assert!(late.stderr.contains("resolved already") && late.stdout.contains("value    true"), "{late:?}");
    let from_stdin = Command::concierge(&["promise", "resolve", "b", "--data", "-"]).at(&hub).input("two\nlines\n").run().await;
    drop(from_stdin.exits(0));
    assert_eq!(asked(&hub, "promise get b").await["value"]["data"], "two\nlines");
    let ids = async |line: &str| {
        let found = asked(&hub, line).await;
        found.as_array().unwrap().iter().map(|promise| promise["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ids("promise ls").await, "a b");
    assert_eq!(ids("promise ls --tag kind=x").await, "a");
    assert_eq!(ids("promise ls --state pending").await, "");
    let some = run(&hub, "promise ls --limit 1").await.exits(0);
    assert!(some.stderr.contains("--limit") && some.stdout.starts_with("ID  STATE"), "{some:?}");
}

#[tokio::test]
async fn what_is_refused_says_why_and_what_to_try() {
    let hub = hub().await;
    for (line, code, next) in [
        ("promise get nothing", 5, "promise ls"),
        ("promise create a --json-value yes", 2, "--data"),
        ("promise create a --timeout 5", 2, "30s"),
        ("promise create a --target nowhere", 2, "any|uni"),
        ("promise ls --state done", 2, "rejected_timedout"),
        ("task acquire nothing", 2, "ID@VERSION"),
        ("task acquire nothing@0", 5, "task ls"),
        ("schedule create s --cron x", 2, "errors 400"),
        ("task work --group a/b --exec true", 2, "without `/`"),
    ] {
        let failed = run(&hub, line).await.exits(code);
        assert!(failed.stderr.contains(next) && failed.stdout.is_empty(), "{failed:?}");
    }
    let without = Hub::start().await;
    assert!(run(&without, "promise ls").await.exits(5).stderr.contains("coordinator.enabled"));
}

#[tokio::test]
async fn wait_ends_with_an_exit_code_for_each_outcome() {
    let hub = hub().await;
    for id in ["a", "b", "c", "e"] {
        ends(&hub, &format!("promise create {id}"), 0).await;
    }
    ends(&hub, "promise create d --timeout 100ms", 0).await;
    for line in ["promise resolve a", "promise reject b", "promise cancel c"] {
        ends(&hub, line, 0).await;
    }
    for (id, code, state) in
        [("a", 0, "resolved"), ("b", 10, "rejected"), ("c", 11, "rejected_canceled"), ("d", 12, "rejected_timedout")]
    {
        let waited = run(&hub, &format!("promise wait {id} --json")).await.exits(code);
        assert_eq!(waited.json()[0]["state"], state);
        if code != 0 {
            assert!(run(&hub, &format!("errors {code}")).await.exits(0).stdout.contains("promise wait"));
        }
    }
    assert!(run(&hub, "promise wait e --within 50ms").await.exits(6).stdout.is_empty());
    ends(&hub, "promise wait nothing", 5).await;
}

#[tokio::test]
async fn wait_goes_on_across_a_restart_of_the_hub() {
    let mut hub = durable().await;
    ends(&hub, "promise create a", 0).await;
    let mut wait = Command::concierge(&words("promise wait a -n waiting")).at(&hub).start();
    let waiting = async || {
        let clients = asked(&hub, "clients ls").await;
        clients.as_array().unwrap().iter().any(|client| client["name"] == "waiting").then_some(())
    };
    until("who waits", waiting).await;
    hub.kill().await;
    hub.restart().await;
    ends(&hub, "promise resolve a", 0).await;
    assert_eq!(wait.ended().await, 0);
}

#[tokio::test]
async fn every_step_of_a_worker_can_be_done_by_hand() {
    let hub = hub().await;
    ends(&hub, "promise create a --target any@g", 0).await;
    ends(&hub, "task halt a", 0).await;
    ends(&hub, "task acquire a@0", 4).await;
    ends(&hub, "task continue a", 0).await;
    let claimed = asked(&hub, "task acquire a@0 --pid ada --ttl 5m").await;
    assert_eq!(
        [&claimed["kind"], &claimed["task"]["pid"], &claimed["task"]["ttl"]],
        [&json!("invoke"), &json!("ada"), &json!(300_000)]
    );
    ends(&hub, "task heartbeat a@1 --pid ada", 0).await;
    ends(&hub, "task fence create b --task a@1 --json-value 1", 0).await;
    ends(&hub, "task fence create c --task a@2", 4).await;
    ends(&hub, "promise get c", 5).await;
    assert_eq!(asked(&hub, "task suspend a@1 --on b").await["suspended"], true);
    ends(&hub, "promise resolve b", 0).await;
    assert_eq!(becomes(&hub, "a", "pending").await["resumes"], json!(["b"]));
    assert_eq!(asked(&hub, "task acquire a@1").await["kind"], "resume");
    assert_eq!(asked(&hub, "task suspend a@2 --on b").await["suspended"], false, "it is settled");
    ends(&hub, "promise create d", 0).await;
    assert_eq!(asked(&hub, "task fence settle d --task a@2 --state rejected --json-value 2").await["state"], "rejected");
    ends(&hub, "task fence settle nothing --task a@2", 5).await;
    ends(&hub, "task release a@2", 0).await;
    ends(&hub, "task acquire a@2", 0).await;
    assert_eq!(asked(&hub, "task fulfill a@3 --json-value 3").await["state"], "resolved");
    ends(&hub, "task fulfill a@3", 4).await;
    let created = asked(&hub, "task create e --target any@g --pid ada --data x").await;
    assert_eq!([&created["task"]["state"], &created["promise"]["param"]["data"]], [&json!("acquired"), &json!("x")]);
    assert_eq!(asked(&hub, "task ls --state acquired").await[0]["id"], "e");
    assert!(run(&hub, "task ls").await.exits(0).stdout.starts_with("ID  STATE      VERSION  PID"));
}

#[tokio::test]
async fn a_tree_shows_what_came_of_a_promise() {
    let hub = hub().await;
    ends(&hub, "promise create a", 0).await;
    ends(&hub, "promise create a.1 --tag resonate:parent=a --tag resonate:origin=a", 0).await;
    ends(&hub, "promise create a.1.1 --tag resonate:parent=a.1 --tag resonate:origin=a", 0).await;
    ends(&hub, "promise create a.2 --tag resonate:parent=a --tag resonate:origin=a", 0).await;
    ends(&hub, "promise resolve a.1.1 --json-value 5", 0).await;
    let drawn = run(&hub, "promise tree a").await.exits(0).stdout;
    assert_eq!(drawn, "a  pending\n├─ a.1  pending\n│  └─ a.1.1  resolved  5\n└─ a.2  pending\n");
    let branch = asked(&hub, "promise tree a.1").await;
    assert_eq!([&branch[1]["depth"], &branch[1]["promise"]["id"]], [&json!(1), &json!("a.1.1")]);
}

#[tokio::test]
async fn a_schedule_is_created_listed_and_removed() {
    let hub = hub().await;
    let create = ["schedule", "create", "s", "--cron", "0 3 * * *", "--target", "any@g", "--timeout", "1h", "--json"];
    let created = Command::concierge(&create).at(&hub).run().await.exits(0).json().remove(0);
    assert_eq!([&created["promiseTimeout"], &created["promiseTags"]["resonate:target"]], [&json!(3_600_000), &json!("any@g")]);
    assert_eq!(asked(&hub, "schedule ls").await[0], created);
    assert!(run(&hub, "schedule ls").await.exits(0).stdout.contains("0 3 * * *"));
    assert_eq!(asked(&hub, "schedule get s").await, created);
    assert_eq!(asked(&hub, "schedule rm s").await, json!({ "removed": "s" }));
    ends(&hub, "schedule get s", 5).await;
}

#[tokio::test]
async fn a_worker_runs_its_command_for_every_task() {
    let (hub, home) = (hub().await, tempfile::tempdir().unwrap());
    let exec = r#"read -r param; [ "$param" = "$CONCIERGE_PARAM" ] || exit 9; case $param in 0) echo no >&2; exit 3;; esac; echo {} $param"#;
    let mut work = start(&hub, home.path(), "task work --group g --concurrency 2", exec);
    for (id, param) in [("it's", "1"), ("b", "0")] {
        ends(&hub, &format!("promise create {id} --target any@g --json-value {param}"), 0).await;
    }
    let mut said = [work.line().await, work.line().await];
    said.sort();
    assert_eq!(said, ["rejected b", "resolved it's"]);
    assert!(run(&hub, "promise wait it's").await.exits(0).stdout.contains("value    \"it's 1\"\n"));
    let rejected = run(&hub, "promise wait b").await.exits(10).stdout;
    assert!(rejected.contains(r#""code":3"#) && rejected.contains(r#""stderr":"no""#), "{rejected}");
    assert_eq!(work.signal(Signal::INT).await, 0);
    ends(&hub, "promise create c --target any@g --data raw", 0).await;
    let mut raw = start(&hub, home.path(), "task work --group g --raw --json", "cat; echo");
    let ended: Value = serde_json::from_str(&raw.line().await).unwrap();
    assert_eq!(ended, json!({ "task": "c", "ended": "resolved" }));
    assert_eq!(asked(&hub, "promise get c").await["value"]["data"], "raw");
    assert_eq!(raw.signal(Signal::TERM).await, 0);
}

#[tokio::test]
async fn what_is_too_much_to_keep_rejects_the_promise_and_is_not_tried_again() {
    let (hub, home) = (hub().await, tempfile::tempdir().unwrap());
    let exec = "head -c 60000 /dev/zero | tr '\\0' x";
    for (id, line, why) in [
        ("a", "task work --group g", "more than 32768 bytes"),
        ("b", "task work --group g --output-bytes 60000", "over the limit of 65536"),
    ] {
        ends(&hub, &format!("promise create {id} --target any@g"), 0).await;
        let mut work = start(&hub, home.path(), line, exec);
        assert_eq!(work.line().await, format!("rejected {id}"));
        assert!(run(&hub, &format!("promise wait {id}")).await.exits(10).stdout.contains(why), "{id}");
        assert_eq!(work.signal(Signal::TERM).await, 0);
    }
}

#[tokio::test]
async fn a_worker_that_is_stopped_kills_its_command_and_gives_the_task_back() {
    let (hub, home) = (hub().await, tempfile::tempdir().unwrap());
    let mut work = start(&hub, home.path(), "task work --group g --ttl 1h", LONG);
    ends(&hub, "promise create a --target any@g", 0).await;
    let command = begun(home.path()).await;
    let pid = i32::try_from(work.id()).ok().and_then(rustix::process::Pid::from_raw).unwrap();
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(work.line().await, "released a");
    assert_eq!(work.ended().await, 0);
    killed(command).await;
    assert_eq!(becomes(&hub, "a", "pending").await["version"], 1);
    let mut second = start(&hub, home.path(), "task work --group g", "true");
    assert_eq!(second.line().await, "resolved a");
}

#[tokio::test]
async fn the_task_of_a_worker_that_is_killed_is_done_by_another() {
    let (hub, home) = (hub().await, tempfile::tempdir().unwrap());
    let work = start(&hub, home.path(), "task work --group g --ttl 1s", LONG);
    ends(&hub, "promise create a --target any@g", 0).await;
    let command = begun(home.path()).await;
    assert_eq!(work.signal(Signal::KILL).await, -1);
    let mut second = start(&hub, home.path(), "task work --group g", "echo second");
    assert_eq!(second.line().await, "resolved a");
    killed(command).await;
    assert!(run(&hub, "promise wait a").await.exits(0).stdout.contains("\"second\""));
}

#[tokio::test]
async fn the_command_of_a_task_that_is_lost_is_killed() {
    let (hub, home) = (hub().await, tempfile::tempdir().unwrap());
    let mut work = start(&hub, home.path(), "task work --group g --ttl 500ms", LONG);
    ends(&hub, "promise create a --target any@g", 0).await;
    let command = begun(home.path()).await;
    ends(&hub, "promise cancel a", 0).await;
    assert_eq!(work.line().await, "lost a");
    killed(command).await;
}

#[tokio::test]
async fn a_worker_goes_on_after_a_restart_of_the_hub() {
    let (mut hub, home) = (durable().await, tempfile::tempdir().unwrap());
    let mut work = start(&hub, home.path(), "task work --group g", "echo done");
    ends(&hub, "promise create a --target any@g", 0).await;
    assert_eq!(work.line().await, "resolved a");
    hub.kill().await;
    hub.restart().await;
    ends(&hub, "promise create b --target any@g", 0).await;
    assert_eq!(work.line().await, "resolved b");
    ends(&hub, "promise wait a", 0).await;
}
