//! The bound on what a client ends: each service that goes and each subscription that ends is news to everybody who wants it, and
//! so is each that comes instead. A client that does and undoes the same all the time would make the hub write far more than it
//! sends. What it begins needs no bound of its own: beyond all that it may have, it must end something first.
//!
//! What was ended is counted afterwards, so what was refused costs nothing. Most clients never end anything, so there is a bucket
//! only until it is full again.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Instant;

use crate::bucket::Limit;
use crate::peer::Ending;
use crate::throttle::{Allowance, Throttle};

/// The bucket holds what comes in a second.
const FULL_AFTER: Duration = Duration::from_secs(1);

/// What one client ends.
#[derive(Default)]
pub(crate) struct Endings {
    bound: Option<Box<Bound>>,
}

struct Bound {
    throttle: Throttle,
    /// When the bucket is full again, once the last ending was allowed.
    full_at: Instant,
}

impl Endings {
    /// Something was ended.
    pub(crate) fn count(&mut self, allowance: Allowance) {
        let full_at = Instant::now() + FULL_AFTER;
        if self.bound.is_none() {
            self.bound = Throttle::of_endings(allowance).map(|throttle| Box::new(Bound { throttle, full_at }));
        }
        if let Some(bound) = &mut self.bound {
            bound.throttle.take_ending();
        }
    }

    /// Whether the last one is not allowed yet: the client is not read meanwhile.
    pub(crate) fn holds(&self) -> bool {
        self.bound.as_ref().is_some_and(|bound| bound.throttle.holds())
    }

    /// Whether reading may go on.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Ending>> {
        if let Some(bound) = self.bound.as_mut().filter(|bound| bound.throttle.holds()) {
            ready!(bound.throttle.poll_ready(cx))?;
            bound.full_at = Instant::now() + FULL_AFTER;
        }
        Poll::Ready(Ok(()))
    }

    /// The limit that has begun to hold the client back since the last call.
    pub(crate) fn begun(&mut self) -> Option<Limit> {
        self.bound.as_mut()?.throttle.begun()
    }

    /// The client has nothing more to say at the moment, or is not read for another reason.
    pub(crate) fn idle(&mut self) {
        let Some(bound) = &mut self.bound else { return };
        bound.throttle.idle();
        if !bound.throttle.holds() && Instant::now() >= bound.full_at {
            self.bound = None;
        }
    }
}
