//! PROTOCOL.md, "Intents".

use expect_test::expect;

use super::{Hub, Who};

/// A client that wants these, a list as JSON.
async fn join(hub: &mut Hub, name: &str, intents: &str) -> Who {
    let who = hub.connect(name).await;
    hub.say(who, &format!(r#"{{"type":"IDENTIFY","name":"{name}","version":"0.2.0","intents":{intents}}}"#)).await;
    assert!(hub.holds(name), "{name} was not let in");
    hub.forget();
    who
}

/// A hub of five: everybody wants something else, and bob, who wants everything, owns weather, to which all are subscribed.
async fn hub_of_five() -> (Hub, Who) {
    let mut hub = Hub::new();
    let bob = hub.join("bob").await;
    hub.say(bob, r#"{"type":"SERVICE_CREATE","service":"weather"}"#).await;
    for (name, intents) in [
        ("messages", r#"["MESSAGES"]"#),
        ("services", r#"["SERVICES"]"#),
        ("clients", r#"["CLIENTS"]"#),
        ("members", r#"["SERVICE_CLIENTS"]"#),
    ] {
        let who = join(&mut hub, name, intents).await;
        hub.ask(who, r#"{"type":"SELF_SUBSCRIBE","service":"weather"}"#).await;
    }
    hub.forget();
    (hub, bob)
}

/// Who heard what that has no `seq`, a line each.
fn news(hub: &mut Hub) -> String {
    let heard = hub.heard();
    let news = heard.lines().filter(|line| line.contains("← {") && !line.contains(r#""seq""#));
    let kind = |line: &str| line.split('"').nth(3).unwrap_or_default().to_owned();
    news.map(|line| format!("{} {}\n", line.split(' ').next().unwrap_or_default(), kind(line))).collect()
}

#[tokio::test(start_paused = true)]
async fn everybody_hears_what_it_wants_and_nothing_else() {
    let (mut hub, bob) = hub_of_five().await;
    let eve = hub.connect("eve").await;
    hub.say(eve, r#"{"type":"IDENTIFY","name":"eve","version":"0.2.0","intents":[]}"#).await;
    for payload in [
        r#"{"type":"SERVICE_CREATE","service":"news"}"#,
        r#"{"type":"SELF_SUBSCRIBE","service":"weather"}"#,
        r#"{"type":"SELF_UNSUBSCRIBE","service":"weather"}"#,
        r#"{"type":"SERVICE_DELETE","service":"news"}"#,
        r#"{"type":"MESSAGE","target":{"type":"ALL"},"data":1}"#,
    ] {
        hub.say(eve, payload).await;
    }
    hub.say(bob, r#"{"type":"MESSAGE","target":{"type":"SERVICE","service":"weather"},"data":2}"#).await;
    hub.cut(eve).await;
    let heard = news(&mut hub);
    let of = |who: &str| heard.lines().filter(|line| line.starts_with(who)).map(|line| format!("{line}\n")).collect::<String>();
    expect![[r#"
        bob CLIENT_JOINED
        bob SERVICE_CREATE_RESULT
        bob SERVICE_DELETE_RESULT
        bob MESSAGE
        bob CLIENT_LEFT
    "#]]
    .assert_eq(&of("bob"));
    expect![[r#"
        messages MESSAGE
        messages MESSAGE
    "#]]
    .assert_eq(&of("messages"));
    expect![[r#"
        services SERVICE_CREATE_RESULT
        services SERVICE_DELETE_RESULT
    "#]]
    .assert_eq(&of("services"));
    expect![[r#"
        clients CLIENT_JOINED
        clients CLIENT_LEFT
    "#]]
    .assert_eq(&of("clients"));
    expect![[r#"
        members SERVICE_CLIENT_SUBSCRIBED
        members SERVICE_CLIENT_UNSUBSCRIBED
    "#]]
    .assert_eq(&of("members"));
    assert_eq!(of("eve"), "eve HELLO\n", "not even its own news");
}

#[tokio::test(start_paused = true)]
async fn a_message_to_a_client_that_wants_none_is_answered_ok_whatever_its_target() {
    let mut hub = Hub::new();
    let (ada, bob) = (join(&mut hub, "ada", r#"["SERVICES","CLIENTS","SERVICE_CLIENTS"]"#).await, hub.join("bob").await);
    hub.ask(ada, r#"{"type":"SERVICE_CREATE","service":"weather"}"#).await;
    hub.ask(bob, r#"{"type":"SERVICE_CREATE","service":"news"}"#).await;
    hub.ask(ada, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#).await;
    hub.ask(bob, r#"{"type":"SELF_SUBSCRIBE","service":"weather"}"#).await;
    hub.forget();
    for target in [
        r#"{"type":"NAME","name":"ada"}"#,
        r#"{"type":"UUID","uuid":"@ada"}"#,
        r#"{"type":"SERVICE","service":"weather"}"#,
        r#"{"type":"SERVICE","service":"news"}"#,
        r#"{"type":"SERVICE_CLIENT_UUID","service":"news","uuid":"@ada"}"#,
    ] {
        hub.say(bob, &format!(r#"{{"type":"MESSAGE","target":{target},"data":1}}"#)).await;
    }
    hub.say(ada, r#"{"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":"to myself"}"#).await;
    let heard = hub.heard();
    let heard: Vec<&str> = heard.lines().filter(|line| line.contains('←')).collect();
    assert_eq!(heard.join("\n"), expected_okays());
    // who it may not send to, it is told as ever
    assert_eq!(
        hub.ask(bob, r#"{"type":"MESSAGE","target":{"type":"NAME","name":"cyd"},"data":1}"#).await["type"],
        "INVALID_NAME"
    );
}

fn expected_okays() -> String {
    let bob = (2..7).map(|seq| format!(r#"bob ← {{"type":"OK","seq":{seq}}}"#));
    bob.chain([r#"ada ← {"type":"OK","seq":2}"#.to_owned()]).collect::<Vec<_>>().join("\n")
}

#[tokio::test(start_paused = true)]
async fn nobody_sees_what_another_wants() {
    let mut hub = Hub::new();
    let (bob, ada) = (hub.join("bob").await, join(&mut hub, "ada", "[]").await);
    for payload in [r#"{"type":"CLIENT_FETCH_ALL"}"#, r#"{"type":"CLIENT_FETCH","uuid":"@ada"}"#] {
        assert!(!hub.ask(bob, payload).await.to_string().contains("intents"));
    }
    assert!(!hub.ask(ada, r#"{"type":"SELF_FETCH"}"#).await.to_string().contains("intents"));
}

#[tokio::test(start_paused = true)]
async fn what_one_of_two_hundred_wants_is_queued_for_one() {
    let mut hub = Hub::new();
    let watcher = join(&mut hub, "watcher", r#"["CLIENTS"]"#).await;
    let mut others = Vec::new();
    for n in 0..200 {
        others.push(join(&mut hub, &format!("other_{n}"), "[]").await);
    }
    let written = |hub: &Hub| others.iter().map(|who| hub.peer(*who).look().written).sum::<u64>();
    let before = (written(&hub), hub.peer(watcher).look().written);
    join(&mut hub, "ada", "[]").await;
    assert_eq!(written(&hub), before.0);
    assert!(hub.peer(watcher).look().written > before.1);
}
