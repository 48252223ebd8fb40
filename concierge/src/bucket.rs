//! Token buckets over the runtime's clock, by `governor`.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::metrics::{Count, METRICS, THROTTLES};

/// The runtime's clock, so that a paused one pauses the buckets too.
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

/// A bucket that refills evenly.
pub(crate) struct Bucket {
    limiter: RateLimiter<NotKeyed, InMemoryState, RuntimeClock, NoOpMiddleware<Reading>>,
    holds: NonZeroU32,
}

impl Bucket {
    /// `None`: no bound. Full at first, with what comes in a second.
    pub(crate) fn per_second(cells: u32) -> Option<Self> {
        Self::per_second_with(cells, 0)
    }

    /// The same, but it holds `least` at least: something of that size passes, however slowly the bucket refills.
    pub(crate) fn per_second_with(cells: u32, least: usize) -> Option<Self> {
        let cells = NonZeroU32::new(cells)?;
        let holds = cells.max(u32::try_from(least).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN));
        Some(Self::of(Quota::per_second(cells).allow_burst(holds), holds))
    }

    /// `None`: no bound. Full at first, with what comes in a minute.
    pub(crate) fn per_minute(cells: u32) -> Option<Self> {
        NonZeroU32::new(cells).map(|cells| Self::of(Quota::per_minute(cells), cells))
    }

    fn of(quota: Quota, holds: NonZeroU32) -> Self {
        Self { limiter: RateLimiter::direct_with_clock(quota, RuntimeClock), holds }
    }

    /// Takes so many, or says when they will be there if nobody else takes any.
    pub(crate) fn take(&self, cells: u32) -> Result<(), Instant> {
        let Some(cells) = NonZeroU32::new(cells) else { return Ok(()) };
        let now = Instant::now();
        let taken = self.limiter.check_n(cells.min(self.holds)).expect("no more is asked for than the bucket holds");
        taken.map_err(|not_until| now + not_until.wait_time_from(Reading(now)))
    }
}

/// What a bucket is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    Messages,
    Bytes,
    AddressMessages,
    AddressBytes,
    /// Of services and subscriptions.
    Endings,
}

impl Limit {
    /// Why a client is ended that goes on and on beyond it.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Messages => "too many messages for too long",
            Self::Bytes => "too many bytes for too long",
            Self::AddressMessages => "too many messages from this address for too long",
            Self::AddressBytes => "too many bytes from this address for too long",
            Self::Endings => "too many services deleted or subscriptions ended for too long",
        }
    }

    /// The label of its metric.
    pub(crate) fn word(self) -> &'static str {
        let place = match self {
            Self::Messages => 0,
            Self::Bytes => 1,
            Self::AddressMessages => 2,
            Self::AddressBytes => 3,
            Self::Endings => 4,
        };
        THROTTLES[place]
    }

    /// Times that a client was not read because of it.
    pub(crate) fn throttled(self) -> &'static Count {
        let [messages, bytes, address_messages, address_bytes, endings] = &METRICS.throttled;
        match self {
            Self::Messages => messages,
            Self::Bytes => bytes,
            Self::AddressMessages => address_messages,
            Self::AddressBytes => address_bytes,
            Self::Endings => endings,
        }
    }
}

/// A bucket that several clients take from, who wait for it in line: nobody who takes little is starved by one who takes
/// what there is.
pub(crate) struct Shared {
    pub(crate) bucket: Bucket,
    /// Held by the one whose turn it is.
    pub(crate) turn: Arc<Semaphore>,
}

impl Shared {
    fn of(bucket: Bucket) -> Self {
        Self { bucket, turn: Arc::new(Semaphore::new(1)) }
    }
}

/// What all clients of one address may send together.
pub(crate) struct Rates {
    pub(crate) messages: Option<Shared>,
    pub(crate) bytes: Option<Shared>,
}

impl Rates {
    /// `None`: no bounds.
    pub(crate) fn new(messages_per_second: u32, bytes_per_second: u32, payload_bytes: usize) -> Option<Arc<Self>> {
        let messages = Bucket::per_second(messages_per_second).map(Shared::of);
        let bytes = Bucket::per_second_with(bytes_per_second, payload_bytes).map(Shared::of);
        (messages.is_some() || bytes.is_some()).then(|| Arc::new(Self { messages, bytes }))
    }
}
