//! The bound on messages per second: over it a client is not read until the bucket refills, and when that goes on for
//! too long (10 s unless configured) it is ended 4010. Nobody else feels it.

use std::future::Future;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use concierge_api_rs::CloseCode;
use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::{Instant, Sleep, sleep};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::metrics::METRICS;
use crate::peer::Ending;

/// The runtime's clock, so that a paused one pauses the bucket too.
#[derive(Debug, Clone)]
struct RuntimeClock;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Reading(Instant);

impl std::ops::Add<Nanos> for Reading {
    type Output = Self;
    fn add(self, later: Nanos) -> Self {
        Self(self.0 + Duration::from(later))
    }
}

impl Reference for Reading {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_duration_since(earlier.0).into()
    }
    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.checked_sub(duration.into()).unwrap_or(self.0))
    }
}

impl Clock for RuntimeClock {
    type Instant = Reading;
    fn now(&self) -> Reading {
        Reading(Instant::now())
    }
}

type Bucket = RateLimiter<NotKeyed, InMemoryState, RuntimeClock, NoOpMiddleware<Reading>>;

/// One client's bucket.
pub(crate) struct Throttle {
    bucket: Bucket,
    /// A message that came when the bucket was empty; nothing is read behind it.
    held: Option<Utf8Bytes>,
    /// A message that may be taken now.
    ready: Option<Utf8Bytes>,
    wait: Pin<Box<Sleep>>,
    /// Since when there is always more than the bucket allows.
    since: Option<Instant>,
    /// How long that may go on.
    excess_for: Duration,
}

impl Throttle {
    /// `None`: no bound.
    pub(crate) fn new(per_second: u32, excess_for: Duration) -> Option<Self> {
        let quota = Quota::per_second(NonZeroU32::new(per_second)?);
        Some(Self {
            bucket: RateLimiter::direct_with_clock(quota, RuntimeClock),
            held: None,
            ready: None,
            wait: Box::pin(sleep(Duration::ZERO)),
            since: None,
            excess_for,
        })
    }

    /// A message came.
    pub(crate) fn take(&mut self, text: Utf8Bytes) {
        match self.bucket.check() {
            Ok(()) => self.ready = Some(text),
            Err(not_until) => {
                METRICS.throttled.increment(1);
                let now = Instant::now();
                self.since.get_or_insert(now);
                self.wait.as_mut().reset(now + not_until.wait_time_from(Reading(now)));
                self.held = Some(text);
            }
        }
    }

    /// Whether reading may go on, with the message to be taken first if there is one.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Utf8Bytes>, Ending>> {
        if let Some(text) = self.ready.take() {
            return Poll::Ready(Ok(Some(text)));
        }
        while let Some(text) = self.held.take() {
            if self.since.is_some_and(|since| since.elapsed() >= self.excess_for) {
                return Poll::Ready(Err(Ending::new(CloseCode::RateLimited, "too many messages for too long")));
            }
            if self.wait.as_mut().poll(cx).is_pending() {
                self.held = Some(text);
                return Poll::Pending;
            }
            self.take(text);
            if let Some(text) = self.ready.take() {
                return Poll::Ready(Ok(Some(text)));
            }
        }
        Poll::Ready(Ok(None))
    }

    /// The client has nothing more to say at the moment.
    pub(crate) fn idle(&mut self) {
        self.since = None;
    }
}
