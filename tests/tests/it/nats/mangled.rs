//! Packets that were damaged on their way, by clients and workers of the hub and by those on NATS: whatever comes, each request
//! that can be told from others is answered once, and nothing is left.
//!
//! `MANGLED_PACKETS` says how many; there are few where it says nothing.

#[path = "../../../../concierge_api_rs/tests/common/damage.rs"]
mod damage;

use std::collections::BTreeMap;
use std::time::Duration;

use concierge_api_rs::packet::{Datagram, Packet};
use damage::mangled;
use futures::SinkExt as _;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::*;

/// Of each kind.
fn packets() -> usize {
    std::env::var("MANGLED_PACKETS").map_or(5_000, |count| count.parse().expect("a number"))
}

/// So many wait at a time: fewer than a client may have.
const WINDOW: usize = 48;

/// A datagram, often damaged, with a mark that no other one has unless the damage makes it one.
fn damaged(dice: &mut StdRng, n: usize) -> String {
    let base = match dice.random_range(0..8) {
        0 => format!(r#"{{"type":"p","cmd":"math/seen","data":{{"n":{n}}}}}"#),
        1 => format!(r#"{{"type":"q","cmd":"none/add","_reqid":"m{n}","data":[1,{{"a":"é"}}]}}"#),
        2 => format!(r#"{{"type":"r","status":"ok","_reqid":"{n}","more":true,"data":{{}}}}"#),
        3 => format!(r#"{{"type":"q","cmd":"math/add","_reqid":"m{n}","reply":"durable","data":{{}}}}"#),
        _ => format!(r#"{{"type":"q","cmd":"math/add","_reqid":"m{n}","data":{{"a":1,"b":[true,null]}}}}"#),
    };
    let text = damage_of(dice, &base);
    if n.is_multiple_of(5) { base } else { text }
}

fn damage_of(dice: &mut StdRng, text: &str) -> String {
    let damages: Vec<_> = (0..dice.random_range(1..4))
        .map(|_| (dice.random_range(0..4096), dice.random_range(0..64), dice.random_range(0..6)))
        .collect();
    mangled(text, &damages)
}

/// The mark under which a datagram is answered, if it is; empty for none.
fn answered(datagram: Result<Datagram<'_>, (bool, Option<String>)>) -> Option<String> {
    match datagram {
        Ok(Datagram::Request(request)) => Some(request.reqid.map_or(String::new(), |reqid| reqid.to_string())),
        Ok(Datagram::Push(_) | Datagram::Response(_)) => None,
        Err((answered, reqid)) => answered.then(|| reqid.unwrap_or_default()),
    }
}

/// The `data` of a message to the router, and the mark of its answer.
fn to_the_hub(dice: &mut StdRng, n: usize) -> (String, Option<String>) {
    let datagram = damaged(dice, n);
    let packet = format!(r#"{{"subject":"api","data":{datagram}}}"#);
    let packet = if dice.random_range(0..4) == 0 { damage_of(dice, &packet) } else { packet };
    // what is no JSON would be no payload either; as text it reaches the router
    let json = serde_json::from_str::<Value>(&packet).is_ok() && !packet.contains("1e400");
    let data = if json { packet } else { Value::from(packet).to_string() };
    let refused =
        |refused: Box<concierge_api_rs::packet::Refused>| (refused.answered, refused.reqid.map(|reqid| reqid.to_string()));
    let mark = answered(Packet::decode(&data).map(|packet| packet.datagram).map_err(refused));
    (data, mark)
}

/// A message, with its data as it was written: it may be what not everybody can read.
#[derive(Deserialize)]
struct Heard<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// The mark of the request that the next packet is, or of the final response, or that there is something else.
async fn next_mark(client: &mut Client, request: bool) -> Option<String> {
    let text = client.hear_text().await;
    let heard: Heard<'_> = serde_json::from_str(&text).unwrap();
    let data = heard.data.filter(|_| heard.kind == "MESSAGE")?;
    let reqid = match Packet::decode(data.get()).unwrap().datagram {
        Datagram::Request(asked) if request => asked.reqid,
        Datagram::Response(answer) if !request && answer.is_final() => answer.reqid,
        _ => return None,
    };
    Some(reqid.map_or(String::new(), |reqid| reqid.to_string()))
}

/// Answers what it is asked, and damages some of its answers.
async fn careless(mut worker: Client, seed: u64) {
    let mut dice = StdRng::seed_from_u64(seed);
    loop {
        let Some(mark) = next_mark(&mut worker, true).await else { continue };
        let right = json!({ "type": "r", "status": "ok", "_reqid": mark, "data": 3 }).to_string();
        let datagram = if dice.random_range(0..20) == 0 { damage_of(&mut dice, &right) } else { right };
        let datagram = serde_json::from_str::<Value>(&datagram).unwrap_or(json!(datagram));
        send(&mut worker, "api", datagram).await;
    }
}

async fn nothing_is_left(hub: &Hub) {
    until("nothing waits", async || hub.get("/metrics").await.contains("concierge_router_in_flight 0").then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_clients_and_workers_of_the_hub_send_each_request_is_answered_once() {
    let nats = Nats::start().await;
    let hub = hub(&nats, &["router.routes=* within:100"]).await;
    let plain = nats.client().await;
    let workers = [worker(&hub, &plain, "bob").await, worker(&hub, &plain, "cyd").await];
    let working: Vec<_> = (1..).zip(workers).map(|(seed, worker)| tokio::spawn(careless(worker, seed))).collect();
    let mut ada = subscriber(&hub, "ada").await;
    let mut dice = StdRng::seed_from_u64(7);
    let (mut expected, mut came) = (BTreeMap::<String, i64>::new(), BTreeMap::<String, i64>::new());
    let (mut asked, mut finals, mut n) = (0_usize, 0_usize, 0_usize);
    let total = packets();
    while n < total || finals < asked {
        while n < total && asked < finals + WINDOW {
            let (data, mark) = to_the_hub(&mut dice, n);
            n += 1;
            if let Some(mark) = mark {
                *expected.entry(mark).or_default() += 1;
                asked += 1;
            }
            let text = format!(r#"{{"type":"MESSAGE","target":{{"type":"SERVICE","service":"router"}},"data":{data}}}"#);
            ada.websocket().feed(text.into()).await.unwrap();
        }
        ada.websocket().flush().await.unwrap();
        if finals == asked {
            continue;
        }
        if let Some(mark) = next_mark(&mut ada, false).await {
            *came.entry(mark).or_default() += 1;
            finals += 1;
        }
    }
    assert_eq!(came, expected);
    nothing_is_left(&hub).await;
    assert_eq!(answer(&mut ada, "last", "none/there").await, failed("last", 2, "subject"), "and nothing came twice");
    working.iter().for_each(|task| task.abort());
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_comes_from_nats_each_request_that_can_be_answered_is_answered_once() {
    let nats = Nats::start().await;
    let hub = hub(&nats, &["router.routes=* within:100"]).await;
    let plain = nats.client().await;
    let working = tokio::spawn(careless(worker(&hub, &plain, "bob").await, 3));
    let inbox = plain.new_inbox();
    let mut answers = plain.subscribe(format!("{inbox}.*")).await.unwrap();
    barrier(&plain).await;
    let mut dice = StdRng::seed_from_u64(11);
    let (mut asked, mut expected, total) = (0_usize, BTreeMap::<String, i64>::new(), packets());
    let mut came = BTreeMap::<String, i64>::new();
    let (mut n, mut finals) = (0_usize, 0_usize);
    while n < total || finals < asked {
        while n < total && asked < finals + WINDOW {
            let datagram = damaged(&mut dice, n);
            let refused = |refused: Box<concierge_api_rs::packet::Refused>| (refused.answered, None);
            let is_answered = answered(Datagram::decode(&datagram).map_err(refused)).is_some();
            if is_answered {
                expected.insert(n.to_string(), 1);
                asked += 1;
            }
            plain.publish_with_reply("concierge.api.math", format!("{inbox}.{n}"), datagram.into()).await.unwrap();
            n += 1;
        }
        if finals == asked {
            continue;
        }
        let message = within("an answer", answers.next()).await.unwrap();
        let Datagram::Response(answer) = Datagram::decode_bytes(&message.payload).unwrap() else { panic!("{message:?}") };
        if answer.is_final() {
            *came.entry(message.subject.rsplit('.').next().unwrap().to_owned()).or_default() += 1;
            finals += 1;
        }
    }
    assert_eq!(came, expected);
    nothing_is_left(&hub).await;
    assert!(timeout(Duration::from_millis(200), answers.next()).await.is_err(), "nothing came twice");
    working.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_workers_on_nats_answer_each_request_is_answered_once() {
    let nats = Nats::start().await;
    let hub = hub(&nats, &["router.routes=* within:100"]).await;
    let plain = nats.client().await;
    let mut asked_there = plain.queue_subscribe("concierge.api.odd", "workers".to_owned()).await.unwrap();
    barrier(&plain).await;
    let answering = tokio::spawn(async move {
        let mut dice = StdRng::seed_from_u64(13);
        while let Some(message) = asked_there.next().await {
            for _ in 0..dice.random_range(0..3) {
                let answer = damage_of(&mut dice, r#"{"type":"r","status":"ok","data":{"sum":3}}"#);
                plain.publish(message.reply.clone().unwrap(), answer.into()).await.unwrap();
            }
        }
    });
    let mut ada = subscriber(&hub, "ada").await;
    let total = packets() / 5;
    let mut came = BTreeMap::<String, i64>::new();
    let (mut n, mut finals) = (0, 0);
    while finals < total {
        while n < total && n < finals + WINDOW {
            send(&mut ada, "api", json!({ "type": "q", "cmd": "odd/add", "_reqid": n.to_string() })).await;
            n += 1;
        }
        if let Some(mark) = next_mark(&mut ada, false).await {
            *came.entry(mark).or_default() += 1;
            finals += 1;
        }
    }
    assert_eq!(came, (0..total).map(|n| (n.to_string(), 1)).collect());
    nothing_is_left(&hub).await;
    answering.abort();
}
