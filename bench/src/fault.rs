//! Why a sample is worth nothing.

use std::io;

use crate::frames::FrameError;

/// What went wrong in a sample. Every one of them is a failure of the run: nothing is repeated until it fits.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("cannot start {program}: {source}")]
    Start { program: String, source: io::Error },
    #[error("{program} named no address on its standard output within {within_s} s (--server-log shows what it says)")]
    NoAddress { program: String, within_s: u64 },
    #[error("cannot read {what} of the server: {source}")]
    Proc { what: &'static str, source: io::Error },
    #[error("cannot set up the generator: {0}")]
    Generator(#[source] io::Error),
    #[error("{client}: {source}")]
    Socket { client: String, source: io::Error },
    #[error("{client}: no upgrade: {answer}")]
    Upgrade { client: String, answer: String },
    #[error("{client}: the server sent {source}")]
    Frame { client: String, source: FrameError },
    #[error("{client}: closed by the server: {code} {reason}")]
    Closed { client: String, code: u16, reason: String },
    #[error("{client}: the connection ended without a close frame")]
    Ended { client: String },
    #[error("{client}: refused: {answer}")]
    Refused { client: String, answer: String },
    #[error("{client}: LOST or late: messages {from} to {to} of stream {stream}")]
    Lost { client: String, stream: usize, from: u64, to: u64 },
    #[error("{client}: DISORDER in stream {stream}: {number} came when {expected} was due")]
    Disorder { client: String, stream: usize, number: u64, expected: u64 },
    #[error("{client}: message {number} of stream {stream} came to a client too many")]
    Astray { client: String, stream: usize, number: u64 },
    #[error("LOST: {delivered} of {due} deliveries and {answered} of {published} answers came")]
    Missing { delivered: u64, due: u64, answered: u64, published: u64 },
    #[error("LOST: {open} requests have no answer {for_s} s after the last one")]
    Unanswered { open: usize, for_s: u64 },
    #[error("request {slot}: {sum} was answered when {due:?} was due")]
    Wrong { slot: usize, sum: u64, due: Option<u64> },
    #[error("nobody answered a first request within {within_s} s")]
    Unserved { within_s: u64 },
    #[error("a client of nats-server: {0}")]
    Nats(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("NOT KEPT: {missing} of {acknowledged} promises after a kill, the first is {first}")]
    NotKept { missing: usize, acknowledged: usize, first: String },
    #[error("the database of the server: {0}")]
    Database(#[from] rusqlite::Error),
    #[error("a database to start with: {0}")]
    Stock(#[source] io::Error),
    #[error("only {done} of {total} timers were set before the first was due")]
    TooSlow { done: u64, total: u64 },
    #[error("{ready} of {total} clients were set up within {within_s} s")]
    SetUp { ready: usize, total: usize, within_s: u64 },
    #[error("only {pings} pings came to {clients} clients in {for_s:.0} s")]
    Silent { pings: u64, clients: usize, for_s: f64 },
    #[error("nothing came for {for_s} s after {units} deliveries")]
    Stalled { units: u64, for_s: u64 },
}
