//! What a hub serves on NATS, and what comes there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use concierge_api_rs::packet::{Category, FaultCode, Subject};
use parking_lot::Mutex;

/// A category that is served on a subject.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// As clients of the hub name it.
    pub subject: Subject,
    /// What is served.
    pub category: Category,
    /// Where on NATS: the subject with its prefix, a dot and the category.
    pub address: String,
}

impl Endpoint {
    /// What discovery calls it, of the letters that ADR-33 allows.
    pub(crate) fn name(&self) -> String {
        format!("{}-{}", self.subject.as_str().replace('.', "_"), self.category)
    }
}

/// Something came for an endpoint.
#[derive(Debug)]
pub struct Asked {
    /// Which.
    pub endpoint: Arc<Endpoint>,
    /// A datagram, or what else somebody sent.
    pub payload: Bytes,
    /// Where an answer goes; `None`: nobody waits for one.
    pub reply: Option<Reply>,
    /// The api key that it names.
    pub key: Option<String>,
    /// For how many milliseconds its sender waits, if it says so.
    pub deadline_ms: Option<u64>,
}

/// Where an answer goes.
#[derive(Debug, Clone)]
pub struct Reply {
    pub(crate) to: async_nats::Subject,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) began: Instant,
}

/// What was answered where.
#[derive(Debug, Default)]
pub(crate) struct Tallies(Mutex<HashMap<Endpoint, Tally>>);

/// What was answered at one endpoint, for discovery.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    pub(crate) requests: u64,
    pub(crate) errors: u64,
    pub(crate) took: Duration,
    pub(crate) last_error: Option<FaultCode>,
}

impl Tallies {
    /// A final answer leaves, which may be an error.
    pub(crate) fn count(&self, reply: &Reply, fault: Option<FaultCode>) {
        let mut all = self.0.lock();
        // what is no longer served is no longer told
        let Some(tally) = all.get_mut(&*reply.endpoint) else { return };
        tally.requests += 1;
        tally.errors += u64::from(fault.is_some());
        tally.took += reply.began.elapsed();
        tally.last_error = fault.or(tally.last_error);
    }

    pub(crate) fn begin(&self, endpoint: &Endpoint) {
        self.0.lock().entry(endpoint.clone()).or_default();
    }

    pub(crate) fn end(&self, endpoint: &Endpoint) {
        self.0.lock().remove(endpoint);
    }

    pub(crate) fn of(&self, endpoint: &Endpoint) -> Tally {
        self.0.lock().get(endpoint).cloned().unwrap_or_default()
    }
}
