//! Subjects that are served: subscriptions in the hub's queue group, and which of them the server is known to have.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::{Client, Message, SubscribeError, Subscriber};
use concierge_api_rs::packet::{API_KEY, DEADLINE};
use futures::StreamExt as _;
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::endpoint::{Asked, Endpoint, Reply, Tallies};
use crate::link::Outside;

/// Messages that still come to a subscription that ends: more than are on their way from the server at a time.
const LAST: u64 = 64;
/// A subscription that ends is over when nothing has come for so long.
const QUIET: Duration = Duration::from_secs(1);

/// Endpoints that the server is known to have.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known(Arc<Mutex<Knowledge>>);

#[derive(Debug, Default)]
struct Knowledge {
    proven: BTreeSet<Endpoint>,
    /// Addresses that the server did not let us serve, which it says after the fact.
    denied: BTreeSet<String>,
}

impl Known {
    pub(crate) fn all(&self) -> BTreeSet<Endpoint> {
        let Knowledge { proven, denied } = &*self.0.lock();
        proven.iter().filter(|endpoint| !denied.contains(&endpoint.address)).cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.all().len()
    }

    pub(crate) fn deny(&self, address: &str) {
        self.0.lock().denied.insert(address.to_owned());
    }

    fn forget(&self, endpoint: &Endpoint) {
        let mut knowledge = self.0.lock();
        knowledge.proven.remove(endpoint);
        knowledge.denied.remove(&endpoint.address);
    }

    /// Another connection may be let do other things.
    pub(crate) fn forget_all(&self) {
        *self.0.lock() = Knowledge::default();
    }
}

/// What is served.
pub(crate) struct Served {
    queue: String,
    outside: Arc<dyn Outside>,
    known: Known,
    tallies: Arc<Tallies>,
    /// Dropping the guard ends a subscription; what has come for it is read first.
    subscribed: BTreeMap<Endpoint, DropGuard>,
    readers: JoinSet<()>,
}

impl Served {
    pub(crate) fn new(queue: String, outside: Arc<dyn Outside>, known: Known, tallies: Arc<Tallies>) -> Self {
        Self { queue, outside, known, tallies, subscribed: BTreeMap::new(), readers: JoinSet::new() }
    }

    /// Whether the server is known to have these, and no others.
    pub(crate) fn is(&self, wanted: &BTreeSet<Endpoint>) -> bool {
        self.known.0.lock().proven.iter().eq(wanted) && self.subscribed.keys().eq(wanted)
    }

    /// Subscribes to what is wanted and not served yet, and ends what is not wanted any more. The server is not known to have
    /// it before [`Self::prove`].
    pub(crate) async fn change(&mut self, client: &Client, wanted: &BTreeSet<Endpoint>) -> Result<(), SubscribeError> {
        while self.readers.try_join_next().is_some() {}
        let unwanted: Vec<_> = self.subscribed.keys().filter(|endpoint| !wanted.contains(endpoint)).cloned().collect();
        for endpoint in unwanted {
            self.known.forget(&endpoint);
            self.tallies.end(&endpoint);
            self.subscribed.remove(&endpoint);
        }
        for endpoint in wanted {
            if self.subscribed.contains_key(endpoint) {
                continue;
            }
            let subscriber = client.queue_subscribe(endpoint.address.clone(), self.queue.clone()).await?;
            self.tallies.begin(endpoint);
            let over = CancellationToken::new();
            self.readers.spawn(read(subscriber, Arc::new(endpoint.clone()), self.outside.clone(), over.clone()));
            self.subscribed.insert(endpoint.clone(), over.drop_guard());
        }
        Ok(())
    }

    /// Another connection counts from the beginning what comes, so what is served there is subscribed to anew.
    pub(crate) fn begin_anew(&mut self) {
        self.readers.abort_all();
        self.subscribed.clear();
        self.known.forget_all();
    }

    /// The server has everything that was subscribed to before.
    pub(crate) fn prove(&self) {
        self.known.0.lock().proven = self.subscribed.keys().cloned().collect();
    }
}

/// Reads what comes, until it is over and nothing comes any more.
///
/// What is on its way when a subscription ends is dropped by the library, and whoever asked would hear nothing (its `drain` forgets the
/// subscription before the server has). So it ends by a count: the server sends so many messages more and no other one, and all of
/// them are read. Where nobody sends so many, it ends when nothing has come for a while.
async fn read(mut subscriber: Subscriber, endpoint: Arc<Endpoint>, outside: Arc<dyn Outside>, over: CancellationToken) {
    let mut count = 0;
    loop {
        let message = tokio::select! {
            biased; // it is over, however much comes
            () = over.cancelled() => break,
            message = subscriber.next() => message,
        };
        let Some(message) = message else { return };
        count += 1;
        outside.asked(asked(&endpoint, message));
    }
    if subscriber.unsubscribe_after(count + LAST).await.is_ok() {
        while let Ok(Some(message)) = timeout(QUIET, subscriber.next()).await {
            outside.asked(asked(&endpoint, message));
        }
    }
}

fn asked(endpoint: &Arc<Endpoint>, Message { payload, reply, headers, .. }: Message) -> Asked {
    let reply = reply.map(|to| Reply { to, endpoint: endpoint.clone(), began: Instant::now() });
    let header = |name: &str| headers.as_ref().and_then(|headers| headers.get(name).map(|line| line.as_str().to_owned()));
    let deadline_ms = header(DEADLINE).and_then(|ms| ms.parse().ok());
    Asked { endpoint: endpoint.clone(), payload, reply, key: header(API_KEY), deadline_ms }
}
