//! The commands for administrators, as a person or a script runs them, and what only a real hub shows: proxies, reconnecting.

use std::time::Duration;

use concierge_client::admin::{Admin, AdminError, Happening, News, Op, RefusalCode};
use concierge_tests::{Client, Command, Finished, Hub};
use rustix::process::Signal;
use serde_json::{Value, json};

async fn run(hub: &Hub, command: &str) -> Finished {
    Command::concierge(&command.split(' ').collect::<Vec<_>>()).at(hub).run().await
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().expect("every event has a kind")).collect()
}

#[tokio::test]
async fn an_operator_sees_how_the_hub_is_who_comes_and_ends_a_connection() {
    let hub = Hub::with(&["admin=true", "coordinator.enabled=true"]).await;
    let mut ada = hub.connect().await;
    ada.identify_as(&json!({"type": "IDENTIFY", "name": "ada", "version": "0.2.0", "intents": []})).await;
    let mut following = Command::concierge(&["events", "--follow", "--json"]).at(&hub).start();
    let begun: Value = serde_json::from_str(&following.line().await).unwrap();
    assert_eq!((&begun["n"], &begun["event"]), (&json!(1), &json!("started")));

    let top = run(&hub, "top --count 2 --every-ms 250 --json").await.exits(0).json();
    assert_eq!(top.len(), 2);
    assert!(top[1]["at"].as_u64().unwrap() >= top[0]["at"].as_u64().unwrap() + 200, "a quarter of a second apart");
    let stats = &top[1];
    assert!(stats["clients"].as_u64() >= Some(3) && stats["bytes_out"].as_u64() > Some(0), "{stats}");
    for usage in [&stats["descriptors"], &stats["memory"], &stats["disks"]["state"], &stats["disks"]["files"]] {
        assert!(usage["used"].as_u64() > Some(0) && usage["limit"].as_u64() > usage["used"].as_u64(), "{stats}");
    }
    assert!(stats["coordinator"]["commits"].is_u64());
    let table = run(&hub, "top --count 1").await.exits(0).stdout;
    assert!(table.starts_with("HUB") && table.contains("\nclients") && table.contains("\ndisk of state"), "{table}");

    assert!(run(&hub, "clients kick nobody").await.exits(5).stderr.contains("nobody"));
    assert!(run(&hub, "clients kick ada --code 4011").await.exits(2).stderr.contains("4013"));
    let kicked = run(&hub, "clients kick ada --reason enough --json").await.exits(0).json();
    assert_eq!((&kicked[0]["name"], &kicked[0]["uuid"]), (&json!("ada"), &json!(ada.uuid)));
    assert_eq!(ada.hear_close().await, (4013, "enough".to_owned()));

    let told = run(&hub, "events --json").await.exits(0).json();
    let ours: Vec<Value> = told.into_iter().filter(|event| event["client"]["name"] == "ada").collect();
    assert_eq!(kinds(&ours), ["joined", "kicked", "left"]);
    assert_eq!((&ours[1]["reason"], &ours[2]["by_hub"]), (&json!("enough"), &json!(true)));
    assert!(run(&hub, "events").await.exits(0).stdout.contains(&format!("kicked: ada ({}) 4013", ada.uuid)));
    loop {
        let event: Value = serde_json::from_str(&following.line().await).unwrap();
        if event["event"] == "left" && event["client"]["name"] == "ada" {
            break;
        }
    }
    assert_eq!(following.signal(Signal::INT).await, 0);
}

/// Security: 35.
#[tokio::test]
async fn a_hub_with_an_admin_secret_obeys_those_who_have_it() {
    let hub = Hub::with(&["admin=true", "admin_secret=swordfish"]).await;
    let refused = run(&hub, "top --count 1").await.exits(4);
    assert!(refused.stderr.contains("--admin-secret-file") && refused.stdout.is_empty(), "{}", refused.stderr);
    let path = hub.home().join("admin-secret");
    std::fs::write(&path, "swordfish\n").unwrap();
    let path = path.to_str().unwrap();
    assert_eq!(run(&hub, &format!("top --count 1 --json --admin-secret-file {path}")).await.exits(0).json().len(), 1);
    let by_variable = Command::concierge(&["events"]).at(&hub).env("CONCIERGE_ADMIN_SECRET", "swordfish").run().await;
    assert!(by_variable.exits(0).stdout.contains("started: version "));
    let wrong = Command::concierge(&["events"]).at(&hub).env("CONCIERGE_ADMIN_SECRET", "herring").run().await;
    assert!(wrong.exits(4).stderr.contains("wrong"));
}

#[tokio::test]
async fn a_hub_without_an_admin_service_says_how_to_have_one() {
    let hub = Hub::start().await;
    assert!(run(&hub, "events").await.exits(5).stderr.contains("admin = true"));
}

/// Security: 7, 35.
#[tokio::test]
async fn whom_a_proxy_passes_on_and_pages_of_other_origins_are_no_programs_on_the_hubs_machine() {
    let hub = Hub::with(&["admin=true", "allowed_origins=https://app.example"]).await;
    let here = "Host: localhost\r\n";
    for (n, (headers, obeyed)) in [
        (here.to_owned(), true),
        (format!("{here}X-Forwarded-For: 192.0.2.1\r\n"), false),
        (format!("{here}Forwarded: for=192.0.2.1\r\n"), false),
        (format!("{here}Origin: https://app.example\r\n"), false),
        (format!("{here}Origin: http://localhost\r\n"), true),
        ("".to_owned(), false), // by a name that somebody else gave the machine
    ]
    .into_iter()
    .enumerate()
    {
        let mut client = Client::upgrade_with(hub.dial().await, &headers).await;
        client.identify(&format!("c{n}")).await;
        client.ask(&json!({"type": "SELF_SUBSCRIBE", "service": "concierge.admin"})).await;
        let target = json!({"type": "SERVICE", "service": "concierge.admin"});
        client.say(&json!({"type": "MESSAGE", "target": target, "data": {"op": "clients.list"}})).await;
        let heard = client.hear_until(|payload| payload["origin"]["name"] == "concierge_admin").await;
        let answer = &heard.last().unwrap()["data"];
        assert_eq!((answer["ok"].is_object(), answer["error"]["code"] == "FORBIDDEN"), (obeyed, !obeyed), "{headers}: {answer}");
    }
}

#[tokio::test]
async fn an_operator_reads_along_with_a_client_and_sees_states_of_tasks_and_who_is_refused() {
    let hub = Hub::with(&["admin=true", "coordinator.enabled=true"]).await;
    let mut ada = hub.connect().await;
    ada.identify_as(&json!({"type": "IDENTIFY", "name": "ada", "version": "0.2.0", "intents": []})).await;
    let mut reading = Command::concierge(&["clients", "frames", "ada", "--json"]).at(&hub).start();
    let mut saying = tokio::time::interval(Duration::from_millis(20));
    let first: Value = tokio::select! {
        line = reading.line() => serde_json::from_str(&line).unwrap(),
        () = async {
            loop {
                saying.tick().await;
                ada.say(&json!({"type": "SELF_FETCH"})).await;
            }
        } => unreachable!("it goes on and on"),
    };
    assert!(first["text"].as_str().unwrap().contains("SELF_FETCH"), "{first}");
    let kicked = run(&hub, "clients kick ada --reason enough").await.exits(0);
    assert!(kicked.stdout.contains("ada"), "{}", kicked.stdout);
    loop {
        let frame: Value = serde_json::from_str(&reading.line().await).unwrap();
        if frame["opcode"] == "close" && frame["direction"] == "out" {
            assert_eq!((&frame["code"], &frame["text"]), (&json!(4013), &json!("enough")));
            break;
        }
    }
    run(&hub, "clients frames nobody").await.exits(5);

    run(&hub, "promise create a --timeout 1h --target any@nobody").await.exits(0);
    run(&hub, "promise create b --timeout 1h").await.exits(0);
    run(&hub, "promise resolve b").await.exits(0);
    let counted = async {
        loop {
            let top = run(&hub, "top --count 2 --every-ms 250").await.exits(0).stdout;
            if top.contains("promises resolved") {
                return top;
            }
        }
    };
    let top = tokio::time::timeout(Duration::from_secs(30), counted).await.expect("they are counted");
    assert!(top.contains("promises pending") && top.contains("tasks pending"), "{top}");

    hub.http("POST", "/coordinator", &[("Origin", "https://elsewhere.example")], b"{}").await;
    let told = run(&hub, "events --json").await.exits(0).json();
    let refused: Vec<&Value> = told.iter().filter(|event| event["event"] == "refused").collect();
    assert_eq!((refused.len(), &refused[0]["reason"], &refused[0]["code"]), (1, &json!("http"), &json!(403)), "{told:?}");
    assert!(run(&hub, "events").await.exits(0).stdout.contains("refused: http 403 from 127.0.0.1"));
}

#[tokio::test]
async fn a_rust_client_goes_on_watching_when_the_hub_comes_again() {
    let mut hub = Hub::with(&["admin=true", "admin_secret=swordfish"]).await;
    let client = concierge_client::Client::connect(hub.options("root")).await.unwrap();
    match Admin::connect(&client, Some("herring")).await {
        Err(AdminError::Refused(refusal)) => assert_eq!(refusal.code, RefusalCode::Forbidden),
        other => panic!("{other:?}"),
    }
    let mut admin = Admin::connect(&client, Some("swordfish")).await.unwrap();
    admin.watch(Op::EventsWatch { since: None }).await.unwrap();
    let News::Events(events) = admin.next().await.unwrap() else { panic!("only events are watched") };
    assert!(matches!(events.events[0].what, Happening::Started { .. }));
    hub.kill().await;
    hub.restart().await;
    let again = async {
        loop {
            let News::Events(events) = admin.next().await.unwrap() else { panic!("only events are watched") };
            if events.events.iter().any(|event| matches!(event.what, Happening::Started { .. })) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), again).await.expect("it watches again");
}
