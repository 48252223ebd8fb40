//! The commands of a client, as a person or a script runs them.

use concierge_tests::{Command, Finished, Hub, Running, until};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

async fn run(hub: &Hub, arguments: &[&str]) -> Finished {
    Command::concierge(arguments).at(hub).run().await
}

/// Only how it ends matters.
fn ends(finished: Finished, code: i32) {
    drop(finished.exits(code));
}

fn start(hub: &Hub, arguments: &[&str]) -> Running {
    Command::concierge(arguments).at(hub).start()
}

async fn list(hub: &Hub, what: &str) -> Vec<Value> {
    let listed = run(hub, &[what, "ls", "--json"]).await.exits(0).json();
    listed[0].as_array().expect("a list").clone()
}

/// Waits until a list of the hub holds an entry of that name.
async fn appears(hub: &Hub, what: &str, name: &str) -> Value {
    until(&format!("{name} among the {what}"), async || list(hub, what).await.into_iter().find(|entry| entry["name"] == name))
        .await
}

#[tokio::test]
async fn pub_and_sub_meet_whoever_comes_first() {
    let hub = Hub::start().await;
    let mut sub = start(&hub, &["sub", "news", "--count", "3", "-n", "bob"]);
    appears(&hub, "clients", "bob").await;
    ends(run(&hub, &["pub", "news", "-n", "ada", "{\"n\":\n 1}", "hello", "42"]).await, 0);
    assert_eq!([sub.line().await, sub.line().await, sub.line().await], ["ada: {\"n\":  1}", "ada: \"hello\"", "ada: 42"]);
    assert_eq!(sub.ended().await, 0);

    let mut publisher = start(&hub, &["pub", "news", "-n", "ada", "late", "--json"]);
    appears(&hub, "services", "news").await;
    let heard = run(&hub, &["sub", "news", "-c1", "--raw"]).await.exits(0);
    assert_eq!(heard.stdout, "\"late\"\n");
    assert_eq!(publisher.line().await, r#"{"service":"news","messages":1}"#);
    assert_eq!(publisher.ended().await, 0);
    assert!(list(&hub, "services").await.is_empty(), "a service ends with its owner");
}

#[tokio::test]
async fn pub_sends_a_message_for_each_line_of_stdin() {
    let hub = Hub::start().await;
    let mut sub = start(&hub, &["sub", "a", "b", "--count", "3"]);
    let publisher = Command::concierge(&["pub", "b", "-n", "ada"]).at(&hub).input("one\n\n{\"x\": 1}\r\n\"two\"");
    ends(publisher.run().await, 0);
    assert_eq!([sub.line().await, sub.line().await, sub.line().await], ["b ada: \"one\"", "b ada: {\"x\": 1}", "b ada: \"two\""]);
    assert_eq!(sub.ended().await, 0);
    ends(Command::concierge(&["pub", "b"]).at(&hub).input("").run().await, 0);
    let wrong = Command::concierge(&["pub", "b", "--as", "json", "--subscribers", "0"]).at(&hub).input("1\nno json\n");
    assert!(wrong.run().await.exits(2).stderr.contains("--as text"));
    ends(run(&hub, &["pub", "b", "--as", "json", "1", "no json"]).await, 2);
}

#[tokio::test]
async fn with_json_a_line_is_the_whole_message() {
    let hub = Hub::start().await;
    let mut sub = start(&hub, &["sub", "news", "--json", "-c1"]);
    ends(run(&hub, &["pub", "news", "-n", "ada", "--nickname", "The news", "12345678901234567890123"]).await, 0);
    let line = sub.line().await;
    assert!(line.ends_with(r#""data":12345678901234567890123}"#), "{line}");
    let message: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        [&message["type"], &message["origin"]["name"], &message["origin"]["service"]["nickname"], &message["target"]],
        [&json!("MESSAGE"), &json!("ada"), &json!("The news"), &json!({ "type": "SERVICE", "service": "news" })]
    );
}

#[tokio::test]
async fn sub_says_how_it_ended() {
    let hub = Hub::start().await;
    assert!(run(&hub, &["sub", "news", "--no-wait"]).await.exits(5).stderr.contains("concierge pub news"));
    ends(run(&hub, &["sub", "news", "--count", "1", "--within-ms", "50"]).await, 6);
    ends(run(&hub, &["sub", "no/name"]).await, 2);
    for (arguments, code) in [(&["sub", "news", "-n", "bob"][..], 0), (&["sub", "news", "-n", "bob", "-c1"], 130)] {
        let sub = start(&hub, arguments);
        appears(&hub, "clients", "bob").await;
        assert_eq!(sub.signal(Signal::INT).await, code, "{arguments:?}");
        until("the end of bob", async || list(&hub, "clients").await.is_empty().then_some(())).await;
    }
}

#[tokio::test]
async fn a_subscriber_outlives_its_hub() {
    let mut hub = Hub::start().await;
    let mut sub = start(&hub, &["sub", "news", "-n", "bob"]);
    appears(&hub, "clients", "bob").await;
    hub.kill().await;
    hub.restart().await;
    appears(&hub, "clients", "bob").await;
    ends(run(&hub, &["pub", "news", "-n", "ada", "again"]).await, 0);
    assert_eq!(sub.line().await, "ada: \"again\"");
}

#[tokio::test]
async fn send_reaches_every_kind_of_target_or_says_that_nobody_is_there() {
    let hub = Hub::start().await;
    let mut ada = hub.enter("ada").await;
    ada.ask(&json!({ "type": "SERVICE_CREATE", "service": "news" })).await;
    let (by_uuid, whisper) = (ada.uuid.clone(), format!("service:news/{}", ada.uuid));
    for (target, kind) in
        [("ada", "NAME"), ("name:ada", "NAME"), (by_uuid.as_str(), "UUID"), ("service:news", "SERVICE"), ("all", "ALL")]
    {
        ends(run(&hub, &["send", target, "-5"]).await, 0);
        let message = ada.hear_news("MESSAGE").await;
        assert_eq!((&message["target"]["type"], &message["data"]), (&json!(kind), &json!(-5)), "{target}");
    }
    ends(Command::concierge(&["send", "ada", "-", "--as", "text"]).at(&hub).input("two\nlines\n").run().await, 0);
    assert_eq!(ada.hear_news("MESSAGE").await["data"], "two\nlines");
    for (target, code, next) in [
        ("bob", 5, "clients ls"),
        ("00000000-0000-4000-8000-000000000000", 5, "clients ls"),
        ("service:nothing", 5, "services ls"),
        (whisper.as_str(), 4, "send UUID"),
        ("a b", 2, "service:NAME"),
    ] {
        let failed = run(&hub, &["send", target, "1"]).await.exits(code);
        assert!(failed.stderr.contains(next) && failed.stdout.is_empty(), "{target}: {}", failed.stderr);
    }
    let big = "x".repeat(70_000);
    assert!(run(&hub, &["send", "ada", &big]).await.exits(1).stderr.contains("file put"));
}

#[tokio::test]
async fn news_that_do_not_come_in_time_are_6() {
    let hub = Hub::start().await;
    let late = run(&hub, &["sub", "news", "--count", "1", "--within-ms", "50"]).await.exits(6);
    assert!(late.stderr.contains("not enough messages within 50 ms"), "{late:?}");
    ends(run(&hub, &["sub", "news", "--no-wait"]).await, 5);
}

#[tokio::test]
async fn clients_and_services_are_listed_and_shown() {
    let hub = Hub::start().await;
    let mut ada = hub.connect().await;
    let identify =
        json!({ "type": "IDENTIFY", "name": "ada", "nickname": "Ada\u{1b}[2J", "version": "0.2.0", "tags": ["poet", "x"] });
    ada.identify_as(&identify).await;
    ada.ask(&json!({ "type": "SERVICE_CREATE", "service": "news" })).await;
    ada.ask(&json!({ "type": "SELF_SUBSCRIBE", "service": "news" })).await;
    let uuid = ada.uuid.clone();
    let table = run(&hub, &["clients", "ls"]).await.exits(0).stdout;
    assert!(table.starts_with("NAME  UUID") && table.contains("Ada\\u{1b}[2J  poet, x") && table.lines().count() == 2, "{table}");
    assert_eq!(list(&hub, "clients").await[0]["uuid"], json!(uuid));
    for who in ["ada", &uuid] {
        let shown = &run(&hub, &["clients", "get", who, "--json"]).await.exits(0).json()[0];
        assert_eq!([&shown["client"]["uuid"], &shown["subscriptions"][0]["name"]], [&json!(uuid), &json!("news")]);
    }
    ends(run(&hub, &["clients", "get", "bob"]).await, 5);
    assert!(run(&hub, &["services", "ls"]).await.exits(0).stdout.contains(&format!("news  1            {uuid}")));
    assert_eq!(run(&hub, &["services", "get", "news", "--json"]).await.exits(0).json()[0]["subscribers"], json!([uuid]));
    assert!(run(&hub, &["services", "get", "news"]).await.exits(0).stdout.contains("subscribers  1"));
    ends(run(&hub, &["services", "get", "nothing"]).await, 5);
    ends(run(&hub, &["services", "rm", "nothing"]).await, 5);
    assert!(run(&hub, &["services", "rm", "news"]).await.exits(4).stderr.contains("owner"));
    assert!(run(&hub, &["services", "create", "news"]).await.exits(4).stderr.contains("send service:news"));
    assert!(run(&hub, &["pub", "news", "x"]).await.exits(4).stderr.contains(&uuid));
}

#[tokio::test]
async fn a_created_service_lives_until_its_command_is_stopped() {
    let hub = Hub::start().await;
    for signal in [Signal::INT, Signal::TERM] {
        let mut creator = start(&hub, &["services", "create", "news", "--nickname", "The news"]);
        assert_eq!(creator.line().await, "created news");
        assert_eq!(list(&hub, "services").await[0]["nickname"], "The news");
        assert_eq!(creator.signal(signal).await, 0);
        until("the end of the service", async || list(&hub, "services").await.is_empty().then_some(())).await;
    }
}

#[tokio::test]
async fn a_file_is_shared_until_its_command_is_stopped() {
    let hub = Hub::start().await;
    let home = tempfile::tempdir().unwrap();
    let there = async |arguments: &[&str]| Command::concierge(arguments).at(&hub).home(home.path()).run().await;
    std::fs::write(home.path().join("a.txt"), "hello").unwrap();
    let mut put = Command::concierge(&["file", "put", "a.txt", "notes/", "-n", "ada"]).at(&hub).home(home.path()).start();
    assert_eq!(put.line().await, "ada/notes/a.txt");
    assert_eq!(there(&["file", "ls", "ada"]).await.exits(0).stdout, "SIZE  PATH\n0     notes/\n");
    assert_eq!(there(&["file", "ls", "ada/notes/", "--json"]).await.exits(0).json()[0][0]["path"], "notes/a.txt");
    assert_eq!(there(&["file", "get", "ada/notes/a.txt", "-"]).await.exits(0).stdout, "hello");
    assert!(there(&["file", "get", "ada/notes/a.txt"]).await.exits(1).stderr.contains("--force"));
    assert_eq!(there(&["file", "get", "ada/notes/a.txt", "b.txt"]).await.exits(0).stdout, "b.txt\n");
    assert_eq!(std::fs::read_to_string(home.path().join("b.txt")).unwrap(), "hello");
    ends(there(&["file", "get", "ada/nothing"]).await, 5);
    ends(there(&["file", "get", "ada/notes/"]).await, 2);
    let outside = there(&["file", "put", "a.txt", "../a.txt"]).await.exits(2);
    assert!(outside.stderr.contains("`..`") && !outside.stderr.contains("server"), "{outside:?}");
    assert!(there(&["file", "put", "."]).await.exits(2).stderr.contains("is a folder"));
    ends(there(&["file", "rm", "ada/notes/a.txt"]).await, 4);
    assert_eq!(put.signal(Signal::INT).await, 0);
    ends(there(&["file", "ls", "ada"]).await, 5);
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 2, "no half file is left");
}

#[tokio::test]
async fn with_a_key_files_go_into_the_folder_of_a_client_that_is_connected() {
    let hub = Hub::start().await;
    let ada = hub.enter("ada").await;
    let with_key = |arguments: &[&str], input: &str| {
        Command::concierge(arguments).at(&hub).env("CONCIERGE_FS_KEY", &ada.fs_key).input(input).run()
    };
    let put = with_key(&["file", "put", "-", "a/b.txt", "--name", "ada", "--json"], "hi").await.exits(0);
    assert_eq!([&put.json()[0]["path"], &put.json()[0]["size"]], [&json!("a/b.txt"), &json!(2)]);
    ends(with_key(&["file", "put", "-", "a/b.txt"], "hi").await, 2);
    ends(with_key(&["file", "put", "-", "--name", "ada"], "hi").await, 2);
    assert_eq!(with_key(&["file", "get", "ada/a/b.txt", "-"], "").await.exits(0).stdout, "hi");
    assert_eq!(with_key(&["file", "rm", "ada/a/"], "").await.exits(0).stdout, "removed ada/a/\n");
    assert_eq!(with_key(&["file", "ls", "ada", "--json"], "").await.exits(0).json()[0], json!([]));
    assert_eq!(list(&hub, "clients").await.len(), 1, "no other client had to enter");
    let unknown = ["file", "ls", "ada", "--key", "00000000-0000-4000-8000-000000000000"];
    assert!(run(&hub, &unknown).await.exits(4).stderr.contains("fs_key"));
}

#[tokio::test]
async fn the_secret_comes_from_a_variable_or_a_file_and_no_hub_is_told_apart() {
    let mut hub = Hub::with(&["secret=sesame"]).await;
    let file = hub.home().join("secret");
    std::fs::write(&file, "sesame\n").unwrap();
    let ls = || Command::concierge(&["clients", "ls"]).at(&hub);
    assert!(ls().run().await.exits(4).stderr.contains("CONCIERGE_SECRET"));
    ends(ls().env("CONCIERGE_SECRET", "sesame").run().await, 0);
    ends(ls().env("CONCIERGE_SECRET_FILE", file.to_str().unwrap()).run().await, 0);
    ends(run(&hub, &["clients", "ls", "--secret", "sesame"]).await, 0);
    ends(run(&hub, &["clients", "ls", "--secret", "sesame", "-n", "no name"]).await, 2);
    hub.stop().await;
    let failed = run(&hub, &["clients", "ls", "--json"]).await.exits(3);
    let error: Value = serde_json::from_str(&failed.stderr).unwrap();
    assert!(error["exit"] == 3 && error["next"].as_str().unwrap().contains("concierge serve"), "{error}");
}

/// A proxy that asks the hub by a name of its own, as one does that is not told to keep `Host`. Where it listens.
async fn renaming_proxy(hub: &Hub, tasks: &mut JoinSet<()>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (own, address) = (listener.local_addr().unwrap(), hub.address);
    tasks.spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                assert!(client.read_buf(&mut head).await.unwrap() > 0, "the client goes before its head ends");
            }
            let head = String::from_utf8(head).unwrap().replace(&format!("ost: {own}"), "ost: hub.example");
            let mut hub = TcpStream::connect(address).await.unwrap();
            hub.write_all(head.as_bytes()).await.unwrap();
            let _either_may_break_off = copy_bidirectional(&mut client, &mut hub).await;
        }
    });
    own.to_string()
}

#[tokio::test]
async fn a_hub_on_loopback_that_is_asked_by_a_name_of_its_proxy_says_which_key_lets_it_in() {
    let (hub, mut tasks) = (Hub::start().await, JoinSet::new());
    let proxy = renaming_proxy(&hub, &mut tasks).await;
    let (socket, files) = (format!("ws://{proxy}/ws"), format!("http://{proxy}"));
    let key = "00000000-0000-4000-8000-000000000000";
    let asks: [&[&str]; 2] = [&["clients", "ls", "--server", &socket], &["file", "ls", "ada", "--key", key, "--files", &files]];
    for arguments in asks {
        let refused = Command::concierge(arguments).run().await;
        assert!(refused.code != 0 && refused.stderr.contains("HTTP 403"), "{refused:?}");
        assert!(refused.stderr.contains("allowed_hosts"), "{refused:?}");
    }
    let hub = Hub::with(&["allowed_hosts=hub.example"]).await;
    let proxy = renaming_proxy(&hub, &mut tasks).await;
    ends(Command::concierge(&["clients", "ls", "--server", &format!("ws://{proxy}/ws")]).run().await, 0);
}
