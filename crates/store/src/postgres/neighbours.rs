//! Other hubs at the same database: what nobody here takes is passed on to them, and what they write shows here.
//!
//! A message that is passed on and lost is no loss: its row is offered again at its next time. What is due next is read once a
//! second, because the hub that wrote it, and would do it, may be gone by then.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use concierge_api_rs::coordinator::{Address, PromiseId};
use concierge_coordinator::OfferKey;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_postgres::{AsyncMessage, Client, Error};
use uuid::Uuid;

use super::ask::{self, NEXT_DUE, TIME};
use super::connect::{Line, Server, prepare};
use super::due::NextDue;
use crate::clock::Clock;

/// Messages that wait to be passed on, and those that were and wait to be offered here; more are left to their next time.
const WAITING: usize = 4_096;
/// Between two looks at what others wrote, and between two attempts to reach the database.
const EVERY: Duration = Duration::from_secs(1);
/// Of a notification: PostgreSQL takes less than 8,000.
const BYTES: usize = 7_900;

/// Messages on their way between hubs.
pub(super) struct Neighbours {
    outgoing: mpsc::Sender<OfferKey>,
    incoming: Arc<Mutex<BTreeSet<OfferKey>>>,
}

/// The task that listens and speaks.
pub(super) struct Ear {
    server: Server,
    /// Who we are, to know our own voice.
    us: String,
    clock: Clock,
    due: Arc<NextDue>,
    outgoing: mpsc::Receiver<OfferKey>,
    incoming: Arc<Mutex<BTreeSet<OfferKey>>>,
}

/// What hubs say: who, and the ids and addresses of messages.
type News = (String, Vec<(PromiseId, Option<String>)>);

impl Neighbours {
    pub(super) fn new(server: Server, clock: Clock, due: Arc<NextDue>) -> (Self, Ear) {
        let (sender, outgoing) = mpsc::channel(WAITING);
        let incoming = Arc::default();
        let us = Uuid::new_v4().to_string();
        let ear = Ear { server, us, clock, due, outgoing, incoming: Arc::clone(&incoming) };
        (Self { outgoing: sender, incoming }, ear)
    }

    /// A message that nobody here took.
    pub(super) fn pass_on(&self, key: OfferKey) {
        // full: it waits for its next time
        let _ = self.outgoing.try_send(key);
    }

    /// Messages that others have passed on.
    pub(super) fn passed_on(&self) -> Vec<OfferKey> {
        std::mem::take(&mut *self.incoming.lock()).into_iter().collect()
    }
}

impl Ear {
    /// For ever.
    pub(super) async fn serve(mut self) {
        let mut heard = true;
        loop {
            let lost = self.session().await.err();
            if let Some(error) = lost.as_ref().filter(|_| heard) {
                tracing::warn!(error = error as &dyn std::error::Error, "what other hubs do is not heard; it is tried again");
            }
            heard = lost.is_none();
            sleep(EVERY).await;
        }
    }

    /// Until the connection ends.
    async fn session(&mut self) -> Result<(), Error> {
        let (client, line) = self.server.connect().await?;
        let hear = hear(line, &self.us, &self.incoming, &self.clock, &self.due);
        let speak = speak(&client, &self.us, &mut self.outgoing, &self.clock, &self.due);
        tokio::select! {
            ended = hear => ended,
            ended = speak => ended,
        }
    }
}

/// Everything that happens on the connection happens here.
async fn hear(mut line: Line, us: &str, incoming: &Mutex<BTreeSet<OfferKey>>, clock: &Clock, due: &NextDue) -> Result<(), Error> {
    while let Some(message) = poll_fn(|context| line.poll_message(context)).await {
        let AsyncMessage::Notification(news) = message? else { continue };
        let keys = read_news(news.payload(), us);
        if keys.is_empty() || clock.is_by_hand() {
            continue;
        }
        let mut waiting = incoming.lock();
        let room = WAITING.saturating_sub(waiting.len());
        waiting.extend(keys.into_iter().take(room));
        drop(waiting);
        // a sweep takes them
        due.wake(clock.now());
    }
    Ok(())
}

async fn speak(
    client: &Client,
    us: &str,
    outgoing: &mut mpsc::Receiver<OfferKey>,
    clock: &Clock,
    due: &NextDue,
) -> Result<(), Error> {
    prepare(client).await?;
    client.batch_execute("LISTEN concierge").await?;
    let notify = client.prepare("SELECT pg_notify('concierge', $1)").await?;
    let (next_due, time) = (client.prepare(NEXT_DUE).await?, client.prepare(TIME).await?);
    let mut again = interval(EVERY);
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut keys = Vec::new();
    loop {
        tokio::select! {
            many = outgoing.recv_many(&mut keys, WAITING) => {
                if many == 0 {
                    return Ok(());
                }
                for news in write_news(us, keys.drain(..)) {
                    client.execute(&notify, &[&news]).await?;
                }
            }
            _ = again.tick() => {
                let begun = due.begin();
                let (found, now) = (client.query(&next_due, &[]).await?, client.query(&time, &[]).await?);
                if let (Ok(next), Ok(now)) = (ask::next_due(&found), ask::time(&now)) && !clock.is_by_hand() {
                    clock.follow(now);
                    due.read(begun, next);
                }
            }
        }
    }
}

/// Notifications for all of them, each as long as one may be. What does not fit into one alone is left out.
fn write_news(us: &str, keys: impl Iterator<Item = OfferKey>) -> Vec<String> {
    let mut news: Vec<String> = Vec::new();
    for key in keys {
        let (id, address) = match &key {
            OfferKey::Task(id) => (id, None),
            OfferKey::Notice(promise, address) => (promise, Some(address.as_str())),
        };
        let text = crate::columns::json(&(id, address));
        match news.last_mut().filter(|last| last.len() + text.len() + 3 < BYTES) {
            Some(last) => {
                last.push(',');
                last.push_str(&text);
            }
            None if text.len() + us.len() + 8 < BYTES => news.push(format!("[\"{us}\",[{text}")),
            None => {}
        }
    }
    news.iter_mut().for_each(|news| news.push_str("]]"));
    news
}

/// The messages that somebody else passed on.
fn read_news(text: &str, us: &str) -> Vec<OfferKey> {
    let Ok((from, keys)) = serde_json::from_str::<News>(text) else { return Vec::new() };
    if from == us {
        return Vec::new();
    }
    let key = |(id, address): (PromiseId, Option<String>)| match address {
        None => Some(OfferKey::Task(id)),
        Some(address) => Some(OfferKey::Notice(id, Address::parse(&address).ok()?)),
    };
    keys.into_iter().filter_map(key).collect()
}

#[cfg(test)]
#[path = "neighbours/tests.rs"]
mod tests;
