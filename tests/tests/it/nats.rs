//! A hub and a real nats-server: plain clients of NATS, which know nothing of hubs, on one side, clients of the hub on the other.

mod browser;
mod discovery;
mod faults;
mod keys;
mod load;
mod mangled;
mod requests;
mod trouble;

use concierge_test_nats::Nats;
use concierge_tests::{Client, Hub, until, within};
use futures::StreamExt as _;
use serde_json::{Value, json};

use super::router::{got, send, subscriber};

/// A hub at that server.
async fn hub(nats: &Nats, settings: &[&str]) -> Hub {
    hub_at(&nats.url(), settings).await
}

async fn hub_at(url: &str, settings: &[&str]) -> Hub {
    let url = format!("nats.url={url}");
    Hub::with(&[&["router.enabled=true", &url], settings].concat()).await
}

/// A client of the hub that serves `math`, and is known to on NATS.
async fn worker(hub: &Hub, nats: &async_nats::Client, name: &str) -> Client {
    let mut worker = subscriber(hub, name).await;
    serve(&mut worker, json!({ "categories": ["math"] })).await;
    until_served(nats, "concierge.api.math").await;
    worker
}

async fn serve(worker: &mut Client, data: Value) {
    send(worker, "router", json!({ "type": "p", "cmd": "router/serve", "data": data })).await;
}

/// Until discovery tells of that subject.
async fn until_served(nats: &async_nats::Client, address: &str) {
    until(&format!("{address} is served"), async || {
        let info = info(nats).await?;
        let found = info["endpoints"].as_array()?.iter().any(|endpoint| endpoint["subject"] == address);
        found.then_some(())
    })
    .await;
}

/// What a hub says of itself to those who look for services.
async fn info(nats: &async_nats::Client) -> Option<Value> {
    let answer = nats.request("$SRV.INFO.concierge", "".into()).await.ok()?;
    serde_json::from_slice(&answer.payload).ok()
}

/// Asks as a plain client does.
fn ask<'a>(nats: &'a async_nats::Client, address: &str, datagram: &Value) -> impl Future<Output = Value> + use<'a> {
    let answer = ask_for_message(nats, address, datagram);
    async { datagram_of(&answer.await) }
}

fn ask_for_message<'a>(
    nats: &'a async_nats::Client,
    address: &str,
    datagram: &Value,
) -> impl Future<Output = async_nats::Message> + use<'a> {
    let (address, datagram) = (address.to_owned(), datagram.to_string());
    async move { within("an answer on NATS", nats.request(address, datagram.into())).await.unwrap() }
}

/// A plain worker: answers what comes to the subject with what `answer` makes of it.
async fn plain_worker(
    nats: &async_nats::Client,
    address: &str,
    answer: impl Fn(&async_nats::Message) -> Vec<Value> + Send + 'static,
) -> tokio::task::JoinHandle<()> {
    let mut asked = nats.queue_subscribe(address.to_owned(), "workers".to_owned()).await.unwrap();
    barrier(nats).await;
    let nats = nats.clone();
    tokio::spawn(async move {
        while let Some(message) = asked.next().await {
            for part in answer(&message) {
                nats.publish(message.reply.clone().unwrap(), part.to_string().into()).await.unwrap();
            }
        }
    })
}

/// The server has what was subscribed to before. A flush is no round trip, a request that nobody answers is one.
async fn barrier(nats: &async_nats::Client) {
    let nobody = nats.request("nobody.is.here", "".into()).await;
    assert_eq!(nobody.unwrap_err().kind(), async_nats::RequestErrorKind::NoResponders);
}

/// The datagram that a message brings.
fn datagram_of(message: &async_nats::Message) -> Value {
    serde_json::from_slice(&message.payload).unwrap()
}

fn ok(data: Value) -> Value {
    json!({ "type": "r", "status": "ok", "data": data })
}

/// The answer to a request of a client of the hub.
async fn answer(client: &mut Client, reqid: &str, cmd: &str) -> Value {
    send(client, "api", json!({ "type": "q", "cmd": cmd, "_reqid": reqid, "data": [1, 2] })).await;
    got(client).await["data"].take()
}

fn failed(reqid: &str, code: u8, item: &str) -> Value {
    let data = if item.is_empty() { json!({}) } else { json!({ "items": [item] }) };
    json!({ "type": "r", "status": "err", "_reqid": reqid, "data": { "code": code, "data": data } })
}

/// Until `/readyz` says that.
async fn until_ready_says(hub: &Hub, what: &str) -> String {
    until(&format!("/readyz says {what}"), async || Some(hub.get("/readyz").await).filter(|said| said.contains(what))).await
}
