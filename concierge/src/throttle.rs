//! The bounds on messages, bytes and endings per second, of a client and of its address: over one of them a client is not read until
//! the bucket refills, and when that goes on for too long (10 s unless configured) it is ended 4010. Nobody else feels it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use concierge_api_rs::CloseCode;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_util::sync::PollSemaphore;

use crate::bucket::{Bucket, Limit, Rates, Shared};
use crate::peer::Ending;

/// Bytes that any frame counts as at least: an empty ping is not free.
const FRAME_BYTES: usize = 6;

/// What a client may send; 0 is no bound.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    pub(crate) messages_per_second: u32,
    pub(crate) bytes_per_second: u32,
    pub(crate) endings_per_second: u32,
    /// A message of that size passes, however slowly.
    pub(crate) payload_bytes: usize,
    /// How long it may go on sending more.
    pub(crate) excess_for: Duration,
}

/// One bound that what a client sends has to pass.
enum Gate {
    /// The client's own.
    Own(Limit, Bucket),
    /// That of its address: it waits in line for its turn, and keeps it until it has passed.
    Address { limit: Limit, rates: Arc<Rates>, line: PollSemaphore, turn: Option<OwnedSemaphorePermit> },
}

/// What was read, and nothing is read behind it until it has passed every gate.
#[derive(Default)]
struct Held {
    /// A message; `None` for what is no message and only counts as bytes, or as an ending.
    text: Option<Utf8Bytes>,
    bytes: u32,
    endings: u32,
    /// How many gates it has passed.
    passed: usize,
    /// It was counted as one that waits at the next one.
    counted: bool,
    /// The limit that began to hold the client back with this, until somebody asks.
    begun: Option<Limit>,
}

impl Held {
    /// What it takes of a bucket.
    fn cells(&self, limit: Limit) -> u32 {
        match limit {
            Limit::Messages | Limit::AddressMessages => u32::from(self.text.is_some()),
            Limit::Bytes | Limit::AddressBytes => self.bytes,
            Limit::Endings => self.endings,
        }
    }
}

/// What one client has to pass.
pub(crate) struct Throttle {
    gates: Vec<Gate>,
    held: Option<Held>,
    wait: Pin<Box<Sleep>>,
    /// Since when there is always more than the buckets allow.
    since: Option<Instant>,
    excess_for: Duration,
}

impl Throttle {
    /// `None`: no bounds. The client's own come first, so that what it may not send takes nothing from its neighbours.
    pub(crate) fn new(allowance: Allowance, address: Option<&Arc<Rates>>) -> Option<Self> {
        let own = [
            Bucket::per_second(allowance.messages_per_second).map(|bucket| Gate::Own(Limit::Messages, bucket)),
            Bucket::per_second_with(allowance.bytes_per_second, allowance.payload_bytes)
                .map(|bucket| Gate::Own(Limit::Bytes, bucket)),
        ];
        let shared = [Limit::AddressMessages, Limit::AddressBytes];
        let shared = shared.map(|limit| address.and_then(|rates| Gate::at(limit, rates)));
        let gates: Vec<Gate> = own.into_iter().chain(shared).flatten().collect();
        (!gates.is_empty()).then(|| Self::of(gates, allowance.excess_for))
    }

    /// `None`: no bound on endings.
    pub(crate) fn of_endings(allowance: Allowance) -> Option<Self> {
        let bucket = Bucket::per_second(allowance.endings_per_second)?;
        Some(Self::of(vec![Gate::Own(Limit::Endings, bucket)], allowance.excess_for))
    }

    fn of(gates: Vec<Gate>, excess_for: Duration) -> Self {
        Self { gates, held: None, wait: Box::pin(sleep(Duration::ZERO)), since: None, excess_for }
    }

    /// A message came.
    pub(crate) fn take(&mut self, text: Utf8Bytes) {
        let bytes = cost(text.len());
        self.held = Some(Held { text: Some(text), bytes, ..Held::default() });
    }

    /// Something else came, of so many bytes.
    pub(crate) fn take_bytes(&mut self, bytes: usize) {
        self.held = Some(Held { bytes: cost(bytes), ..Held::default() });
    }

    /// Something was ended.
    pub(crate) fn take_ending(&mut self) {
        self.held = Some(Held { endings: 1, ..Held::default() });
    }

    /// Whether something waits to pass: the client cannot be heard meanwhile.
    pub(crate) fn holds(&self) -> bool {
        self.held.is_some()
    }

    /// Whether reading may go on, with the message to be taken first if there is one.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Utf8Bytes>, Ending>> {
        let Some(held) = &mut self.held else { return Poll::Ready(Ok(None)) };
        while let Some(gate) = self.gates.get_mut(held.passed) {
            let cells = held.cells(gate.limit());
            if cells > 0 && self.since.is_some_and(|since| since.elapsed() >= self.excess_for) {
                return Poll::Ready(Err(Ending::new(CloseCode::RateLimited, gate.limit().reason())));
            }
            let passed = if cells == 0 { Poll::Ready(Ok(())) } else { gate.poll_pass(cells, cx) };
            if !matches!(passed, Poll::Ready(Ok(()))) {
                if !std::mem::replace(&mut held.counted, true) {
                    gate.limit().throttled().increment(1);
                }
                if self.since.is_none() {
                    held.begun = Some(gate.limit());
                }
                let excess_at = *self.since.get_or_insert_with(Instant::now) + self.excess_for;
                // in line, only the end of its patience wakes it before its turn
                let again = if let Poll::Ready(Err(again)) = passed { again.min(excess_at) } else { excess_at };
                self.wait.as_mut().reset(again);
                ready!(self.wait.as_mut().poll(cx));
                continue;
            }
            (held.passed, held.counted) = (held.passed + 1, false);
        }
        Poll::Ready(Ok(self.held.take().and_then(|held| held.text)))
    }

    /// The limit that has begun to hold the client back since the last call.
    pub(crate) fn begun(&mut self) -> Option<Limit> {
        self.held.as_mut()?.begun.take()
    }

    /// The client has nothing more to say at the moment, or is not read for another reason: it keeps nobody waiting.
    pub(crate) fn idle(&mut self) {
        self.since = None;
        self.gates.iter_mut().for_each(Gate::step_back);
    }
}

/// What so many bytes count as.
fn cost(bytes: usize) -> u32 {
    u32::try_from(bytes.max(FRAME_BYTES)).unwrap_or(u32::MAX)
}

impl Gate {
    fn at(limit: Limit, rates: &Arc<Rates>) -> Option<Self> {
        let line = PollSemaphore::new(shared(limit, rates)?.turn.clone());
        Some(Self::Address { limit, rates: rates.clone(), line, turn: None })
    }

    fn limit(&self) -> Limit {
        match self {
            Self::Own(limit, _) | Self::Address { limit, .. } => *limit,
        }
    }

    /// Passes with so many cells, or says when to try again. Pending: others are before it.
    fn poll_pass(&mut self, cells: u32, cx: &mut Context<'_>) -> Poll<Result<(), Instant>> {
        match self {
            Self::Own(_, bucket) => Poll::Ready(bucket.take(cells)),
            Self::Address { limit, rates, line, turn } => {
                if turn.is_none() {
                    *turn = ready!(line.poll_acquire(cx));
                }
                let passed = shared(*limit, rates).map_or(Ok(()), |shared| shared.bucket.take(cells));
                if passed.is_ok() {
                    *turn = None;
                }
                Poll::Ready(passed)
            }
        }
    }

    /// Leaves the line.
    fn step_back(&mut self) {
        if let Self::Address { line, turn, .. } = self {
            *turn = None;
            *line = PollSemaphore::new(line.clone_inner());
        }
    }
}

fn shared(limit: Limit, rates: &Rates) -> Option<&Shared> {
    match limit {
        Limit::AddressMessages => rates.messages.as_ref(),
        Limit::AddressBytes => rates.bytes.as_ref(),
        Limit::Messages | Limit::Bytes | Limit::Endings => None,
    }
}
