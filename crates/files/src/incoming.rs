//! The body of a request while it arrives: not too slow, and never left half-read on a connection that goes on.

use std::future::Future;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, HttpBody};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use futures::StreamExt;
use tokio::time::{Instant, timeout, timeout_at};

use crate::pace::Pace;
use crate::refusal::Refusal;

/// What is read of a refused upload, so that its sender gets to see the answer.
const DRAIN_BYTES: usize = 16 * 1024 * 1024;
/// How long it is read.
const DRAIN_WITHIN: Duration = Duration::from_secs(2);

/// Bytes of a file, as they come.
pub(crate) trait Chunks: Send {
    /// The next ones; `None` at the end of the file.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, Refusal>> + Send;
}

pub(crate) struct Incoming {
    body: BodyDataStream,
    length: Option<u64>,
    pace: Pace,
    read: Read,
    expects_continue: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Read {
    Nothing,
    Part,
    Everything,
    Broken,
}

impl Incoming {
    pub(crate) fn new(body: Body, headers: &HeaderMap, pace: Pace) -> Self {
        let read = if body.is_end_stream() { Read::Everything } else { Read::Nothing };
        let length = body.size_hint().exact();
        Self { body: body.into_data_stream(), length, pace, read, expects_continue: headers.contains_key(header::EXPECT) }
    }

    /// As announced, if it was.
    pub(crate) fn length(&self) -> Option<u64> {
        self.length
    }

    /// Whether the next request can follow on the same connection.
    pub(crate) fn is_at_end(&self) -> bool {
        self.read == Read::Everything
    }

    /// Reads on for a while, into nothing: a sender that looks for the answer only after its last byte would otherwise find the
    /// connection reset. Whoever waits for `100 Continue` is not sending, and must not be told to.
    pub(crate) async fn drain(mut self) {
        let waits = self.read == Read::Nothing && self.expects_continue;
        if waits || self.read == Read::Broken {
            return;
        }
        let deadline = Instant::now() + DRAIN_WITHIN;
        let mut bytes = 0;
        while let Ok(Some(Ok(chunk))) = timeout_at(deadline, self.body.next()).await {
            bytes += chunk.len();
            if bytes > DRAIN_BYTES {
                return;
            }
        }
    }
}

impl Chunks for Incoming {
    async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        if self.is_at_end() {
            return Ok(None);
        }
        self.read = Read::Part;
        loop {
            let started = Instant::now();
            let received = timeout(self.pace.patience(), self.body.next()).await;
            if let Ok(Some(Ok(chunk))) = &received {
                self.pace.received(chunk.len());
                metrics::counter!("concierge_files_bytes_total", "direction" => "in").increment(chunk.len() as u64);
            }
            let slow = self.pace.waited(started.elapsed());
            match received {
                Ok(None) => {
                    self.read = Read::Everything;
                    return Ok(None);
                }
                Ok(Some(Err(error))) => {
                    self.read = Read::Broken;
                    return Err(Refusal::Body(error));
                }
                _ if slow => return Err(Refusal::Slow),
                Ok(Some(Ok(chunk))) => return Ok(Some(chunk)),
                Err(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
