//! Many clients at once, on all threads of the hub: who wins, who hears what, and in which order.

use std::collections::BTreeSet;
use std::sync::Arc;

use concierge_tests::{Client, Hub, within};
use futures::SinkExt;
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

const CROWD: usize = 24;

/// A crowd of connections, each a task that goes on when all are ready.
async fn all_at_once<T, F>(hub: &Arc<Hub>, act: impl Fn(usize, Client, Arc<Barrier>) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let ready = Arc::new(Barrier::new(CROWD));
    let clients = join_all((0..CROWD).map(|_| hub.connect())).await;
    let acting = clients.into_iter().enumerate().map(|(n, client)| tokio::spawn(act(n, client, ready.clone())));
    join_all(acting).await.into_iter().map(|done| done.unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_want_one_name_at_once_one_gets_it() {
    let hub = Arc::new(Hub::start().await);
    for round in 0..10 {
        let entered = all_at_once(&hub, |_, mut client, ready| async move {
            ready.wait().await;
            client.say(&json!({ "type": "IDENTIFY", "name": "ada", "version": "0.2.0" })).await;
            match client.hear_message().await.unwrap().unwrap() {
                Message::Text(hello) => {
                    assert!(hello.starts_with(r#"{"type":"HELLO""#), "{hello}");
                    Some(client)
                }
                Message::Close(Some(close)) => {
                    assert_eq!(u16::from(close.code), 4005);
                    None
                }
                other => panic!("{other:?}"),
            }
        })
        .await;
        let mut winners: Vec<Client> = entered.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1, "in round {round}");
        winners.remove(0).leave().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_enter_at_once_learn_of_each_other_by_list_or_by_news() {
    let hub = Arc::new(Hub::start().await);
    let name = |n: usize| format!("client_{n}");
    let known = all_at_once(&hub, move |n, mut client, ready| async move {
        ready.wait().await;
        client.identify(&name(n)).await;
        client.say(&json!({ "type": "CLIENT_FETCH_ALL" })).await;
        let mut names = BTreeSet::new();
        while names.len() < CROWD {
            let payload = client.hear().await;
            match payload["type"].as_str().unwrap() {
                "CLIENT_JOINED" => {
                    assert_ne!(payload["client"]["name"], name(n), "nobody is told of itself");
                    names.insert(payload["client"]["name"].as_str().unwrap().to_owned());
                }
                "CLIENT_FETCH_ALL_RESULT" => {
                    let list = payload["clients"].as_array().unwrap();
                    names.extend(list.iter().map(|client| client["name"].as_str().unwrap().to_owned()));
                }
                other => panic!("{other}"),
            }
        }
        (names, client) // who is done stays until all are
    })
    .await;
    let all: BTreeSet<String> = (0..CROWD).map(name).collect();
    assert!(known.iter().all(|(names, _)| *names == all));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_create_one_service_at_once_one_owns_it() {
    let hub = Arc::new(Hub::start().await);
    let created = all_at_once(&hub, |n, mut client, ready| async move {
        client.identify(&format!("client_{n}")).await;
        ready.wait().await;
        let answer = client.ask(&json!({ "type": "SERVICE_CREATE", "service": "weather" })).await;
        (answer, client)
    })
    .await;
    let winners = created.iter().filter(|(answer, _)| answer["successful"] == true).count();
    let owners: BTreeSet<String> = created.iter().map(|(answer, _)| answer["service"]["owner_uuid"].to_string()).collect();
    assert_eq!((winners, owners.len()), (1, 1));
}

/// News comes to all clients in the same order, the order in which it happened.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_witnesses_hear_the_same_news_in_the_same_order() {
    let hub = Arc::new(Hub::start().await);
    let (mut one, mut other) = (hub.enter("one").await, hub.enter("other").await);
    all_at_once(&hub, |n, mut client, ready| async move {
        ready.wait().await;
        client.identify(&format!("client_{n}")).await;
        client.ask(&json!({ "type": "SERVICE_CREATE", "service": format!("service_{n}") })).await;
        client.ask(&json!({ "type": "SERVICE_DELETE", "service": format!("service_{n}") })).await;
        client.leave().await;
    })
    .await;
    let mut heard: Vec<Vec<Value>> = Vec::new();
    for witness in [&mut one, &mut other] {
        witness.say(&json!({ "type": "CLIENT_FETCH_ALL" })).await;
        let mut news = witness.hear_until(|payload| payload.get("seq").is_some()).await;
        let last = news.pop().unwrap();
        assert_eq!(last["clients"].as_array().unwrap().len(), 2, "whoever left has left: {last}");
        news.retain(|payload| payload["client"]["name"] != "other");
        heard.push(news);
    }
    assert_eq!(heard[0].len(), 4 * CROWD);
    assert_eq!(heard[0], heard[1]);
}

/// Security: 14.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_every_size_arrive_in_order_and_byte_for_byte() {
    let hub = Hub::start().await;
    let (mut ada, mut bob) = (hub.enter("ada").await, hub.enter("bob").await);
    let data = |n: usize| format!(r#"{{"n":  {n}, "big":12345678901234567890123,"pad":"{}"}}"#, "é".repeat(n * n * 7 % 30_011));
    let speak = async {
        for n in 0..400 {
            let data = data(n);
            let text = format!(r#"{{"type":"MESSAGE","data":{data},"target":{{"type":"NAME","name":"bob"}}}}"#);
            ada.websocket().send(Message::text(text)).await.unwrap();
            if n % 16 == 15 {
                for _ in 0..16 {
                    assert_eq!(ada.hear_answer().await["type"], "OK");
                }
            }
        }
    };
    let listen = async {
        for n in 0..400 {
            let text = bob.hear_text().await;
            let received = text.split_once(r#""data":"#).unwrap().1.strip_suffix('}').unwrap();
            assert!(received == data(n), "message {n}");
        }
    };
    tokio::join!(speak, listen);
}

/// Buffers are pooled and shared; those of clients that vanish in the middle are used again. Each pair has a letter of its own.
/// Security: 14.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_byte_of_one_conversation_appears_in_another() {
    let hub = Arc::new(Hub::start().await);
    let mut pairs = JoinSet::new();
    for letter in 'a'..='h' {
        let hub = hub.clone();
        pairs.spawn(async move {
            let target = json!({ "type": "NAME", "name": format!("to_{letter}") });
            let mut sender = hub.enter(&format!("from_{letter}")).await;
            for round in 0..6_usize {
                let mut receiver = hub.enter(&format!("to_{letter}")).await;
                for n in 0..250_usize {
                    let data = letter.to_string().repeat(1 + (n * 977 + round * 131) % 4_000);
                    sender.ask(&json!({ "type": "MESSAGE", "target": target, "data": data })).await;
                    // the last ones of a round are never read
                    if n < 240 {
                        let heard = receiver.hear_news("MESSAGE").await;
                        assert_eq!(heard["data"], data, "message {n} of round {round}");
                    }
                }
                drop(receiver);
                let letter = json!({ "type": "MESSAGE", "target": target, "data": 0 });
                within("the name is free", async { while sender.ask(&letter).await["type"] != "INVALID_NAME" {} }).await;
            }
        });
    }
    while let Some(pair) = pairs.join_next().await {
        pair.unwrap();
    }
}
