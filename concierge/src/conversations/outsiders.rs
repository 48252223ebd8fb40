//! PROTOCOL.md, "The admin service": who is refused, who is held back, and what was written to those who are gone.

use concierge_api_rs::limits;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::admin::{administered, after, ask};
use super::hub::identify;
use super::leaving::close;
use super::{Hub, Who};

/// Events of these kinds that an administrator is told from the beginning.
async fn events(hub: &mut Hub, root: Who, kind: &str) -> Vec<Value> {
    let mut said = ask(hub, root, json!({"op": "events.watch"})).await;
    said.extend(after(hub, root, 100).await);
    let all = said.iter().flat_map(|said| said["events"].as_array().into_iter().flatten());
    all.filter(|event| event["event"] == kind).cloned().collect()
}

/// Security: 17, 35.
#[tokio::test(start_paused = true)]
async fn connections_that_are_closed_before_they_are_anybody_are_told_once_in_a_while_with_a_count() {
    let (mut hub, root) = administered(|_| {}).await;
    hub.address = "192.0.2.1".parse().unwrap();
    for n in 0..5 {
        let eve = hub.connect(&format!("eve{n}")).await;
        hub.say(eve, &identify("root")).await;
    }
    let late = hub.connect("late").await;
    hub.say(late, "[]").await;
    let told = events(&mut hub, root, "refused").await;
    let of = |reason: &str, code: u16, times: u64| json!([reason, code, "192.0.2.1", times]);
    let told: Vec<Value> =
        told.iter().map(|event| json!([event["reason"], event["code"], event["address"], event["times"]])).collect();
    assert_eq!(told, [of("DUPLICATE_AUTH", 4005, 1), of("FATAL_DECODE", 4002, 1)]);
    let mut said = Vec::new();
    for _ in 0..limits::ADMIN_REFUSALS_EVERY_MS / 1_000 + 1 {
        said.extend(after(&mut hub, root, 1_000).await);
    }
    let later: Vec<&Value> = said.iter().flat_map(|said| said["events"].as_array().unwrap()).collect();
    assert_eq!((later.len(), &later[0]["reason"], &later[0]["times"]), (1, &json!("DUPLICATE_AUTH"), &json!(4)), "{said:?}");
}

/// Security: 24, 35.
#[tokio::test(start_paused = true)]
async fn a_client_that_begins_to_be_held_back_is_told_once_a_second_at_most() {
    let (mut hub, root) = administered(|config| config.limits.messages_per_second = 10).await;
    let ada = hub.join("ada").await;
    let own = r#"{"type":"SERVICE_FETCH_ALL"}"#;
    // again and again it waits a little, and then has nothing more to say
    for messages in [12, 6, 6, 6, 6, 6, 6, 6, 6, 6] {
        (0..messages).for_each(|_| hub.whisper(ada, own));
        hub.after(550).await;
    }
    hub.after(1_000).await;
    let told = events(&mut hub, root, "throttled").await;
    assert!((3..=7).contains(&told.len()), "in six seconds and a half: {told:?}");
    for event in &told {
        assert_eq!((&event["limit"], &event["client"]), (&json!("messages"), &json!(hub.id("ada"))));
    }
    let times: u64 = told.iter().map(|event| event["times"].as_u64().unwrap()).sum();
    assert_eq!(times, 9, "each time that there was more than the bucket held");
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_written_to_a_client_while_it_goes_and_when_nobody_watches_stay_in_the_totals() {
    let (mut hub, root) = administered(|_| {}).await;
    let ada = hub.join("ada").await;
    hub.stop_reading(ada);
    let peer = hub.peer(ada).clone();
    let hello = format!(r#"{{"type":"MESSAGE","target":{{"type":"NAME","name":"ada"}},"data":"{}"}}"#, "x".repeat(40_000));
    let bob = hub.join("bob").await;
    for _ in 0..30 {
        hub.say(bob, &hello).await; // more than its pipe takes
    }
    let at_the_end = peer.look().written;
    hub.whisper_message(ada, Message::Close(Some(close(1_000, "bye"))));
    hub.settle().await;
    hub.read_again(ada).await;
    hub.after(100).await;
    let written = peer.look().written;
    assert!(written > at_the_end && hub.sessions() == 2, "{written} of {at_the_end}");
    let (root_wrote, bob_wrote) = (hub.peer(root).look().written, hub.peer(bob).look().written);
    let said = ask(&mut hub, root, json!({"op": "stats.watch", "every_ms": 60_000})).await;
    let told = said.iter().find_map(|said| said["stats"]["bytes_out"].as_u64()).unwrap();
    assert!(told >= written + root_wrote + bob_wrote, "{told}: {written} {root_wrote} {bob_wrote}");
    assert_eq!(hub.desk.written_before(), written);
}
