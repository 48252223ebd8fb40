//! What waits to be sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use async_nats::{Client, HeaderMap, Subject};
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::error::Unsent;

/// Messages that wait.
const WAITING: usize = 4_096;
/// Places among them that last answers alone may take: who waits for one is told.
const URGENT: usize = 512;
/// Bytes that wait.
const WAITING_BYTES: usize = 16 * 1024 * 1024;

/// A message that leaves.
#[derive(Debug)]
pub(crate) struct Out {
    pub(crate) to: Subject,
    pub(crate) reply: Option<Subject>,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Bytes,
    /// The connection that it is for; `None`: for the next one as well.
    pub(crate) connection: Option<u64>,
}

/// What waits to be sent.
#[derive(Debug)]
pub(crate) struct Outbox {
    waiting: mpsc::Sender<Out>,
    bytes: Arc<AtomicUsize>,
    unsent: AtomicU64,
}

impl Outbox {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Out>) {
        let (waiting, out) = mpsc::channel(WAITING);
        (Self { waiting, bytes: Arc::default(), unsent: AtomicU64::new(0) }, out)
    }

    pub(crate) fn push(&self, out: Out, urgent: bool) -> Result<(), Unsent> {
        let (bytes, full) = (out.payload.len(), self.waiting.capacity() <= URGENT);
        if !urgent && (full || self.bytes.load(Ordering::Relaxed) + bytes > WAITING_BYTES) {
            return Err(Unsent::Full);
        }
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.waiting.try_send(out).map_err(|_| {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            Unsent::Full
        })
    }

    /// Bytes that wait, for whoever sends them.
    pub(crate) fn bytes(&self) -> Arc<AtomicUsize> {
        self.bytes.clone()
    }

    pub(crate) fn count_unsent(&self) {
        self.unsent.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn unsent(&self) -> u64 {
        self.unsent.load(Ordering::Relaxed)
    }
}

/// Sends what waits, in its order. A request whose connection is over is not sent: its sender was told already.
pub(crate) async fn send(client: Client, mut out: mpsc::Receiver<Out>, waiting: Arc<AtomicUsize>, unsent: impl Fn()) {
    let statistics = client.statistics();
    while let Some(Out { to, reply, headers, payload, connection }) = out.recv().await {
        waiting.fetch_sub(payload.len(), Ordering::Relaxed);
        if connection.is_some_and(|connection| connection != statistics.connects.load(Ordering::Relaxed)) {
            unsent();
            continue;
        }
        let sent = match (reply, headers.is_empty()) {
            (None, true) => client.publish(to, payload).await,
            (None, false) => client.publish_with_headers(to, headers, payload).await,
            (Some(reply), true) => client.publish_with_reply(to, reply, payload).await,
            (Some(reply), false) => client.publish_with_reply_and_headers(to, reply, headers, payload).await,
        };
        if let Err(error) = sent {
            unsent();
            tracing::debug!(error = &error as &dyn std::error::Error, "a message to NATS was not sent");
        }
    }
}
