//! What time it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use concierge_api_rs::coordinator::Millis;
use tokio::time::Instant;

/// What time it is, never going backwards as long as it lives. Clones are the same clock.
///
/// When the system's clock is set back, this one stands still until the system's has caught up. With a database that several
/// hubs share, the time is the database's.
#[derive(Debug, Clone)]
pub struct Clock {
    by_hand: bool,
    latest: Arc<AtomicI64>,
    led: Arc<Led>,
    /// The one instant that it tells.
    standing: Option<Millis>,
}

/// How a clock follows another one, between one look at it and the next.
#[derive(Debug)]
struct Led {
    began: Instant,
    /// What the other clock said when this one began, in microseconds; none while it follows the system's.
    then_us: AtomicI64,
}

/// Of [`Led::then_us`].
const NONE: i64 = i64::MIN;

impl Clock {
    /// The system's time.
    #[must_use]
    pub fn system() -> Self {
        Self::new(false, i64::MIN)
    }

    /// The time of the runtime that this is called on, where it is `now`. It stands still while the runtime's clock is paused.
    #[must_use]
    pub fn of_runtime(now: Millis) -> Self {
        let clock = Self::system();
        clock.follow(now);
        clock
    }

    /// The time that requests bring with them, by `resonate:debug_time` or `debug.tick`; 1970 until one does. Nothing happens by
    /// itself: what is due happens on `debug.tick` only.
    #[must_use]
    pub fn by_hand() -> Self {
        Self::new(true, 0)
    }

    /// Whether time is driven by requests.
    #[must_use]
    pub const fn is_by_hand(&self) -> bool {
        self.by_hand
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.at(None)
    }

    /// What time it is for a request that says it is `told`, which counts only when time is driven by hand.
    pub(crate) fn at(&self, told: Option<Millis>) -> Millis {
        if let Some(instant) = self.standing {
            return instant;
        }
        let time = if self.by_hand { told.map_or(i64::MIN, |told| told.0) } else { self.led.now().unwrap_or_else(system_ms) };
        Millis(self.latest.fetch_max(time, Ordering::AcqRel).max(time))
    }

    /// From now on it follows another clock, which has just said that it is `time`. It is never ahead of that one, as long as
    /// that one does not go backwards.
    pub(crate) fn follow(&self, time: Millis) {
        self.led.then_us.store(time.0.saturating_mul(1_000).saturating_sub(self.led.elapsed_us()), Ordering::Release);
    }

    /// A clock that tells this instant for ever, unless time is driven by hand.
    pub(crate) fn standing(&self, instant: Millis) -> Self {
        Self { standing: (!self.by_hand).then_some(instant), ..self.clone() }
    }

    /// Time begins anew, for a test that begins with no rows. The system's does not.
    pub(crate) fn restart(&self) {
        if self.by_hand {
            self.latest.store(0, Ordering::Release);
        }
    }

    fn new(by_hand: bool, latest: i64) -> Self {
        let led = Led { began: Instant::now(), then_us: AtomicI64::new(NONE) };
        Self { by_hand, latest: Arc::new(AtomicI64::new(latest)), led: Arc::new(led), standing: None }
    }
}

impl Led {
    fn elapsed_us(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX)
    }

    fn now(&self) -> Option<i64> {
        let then = Some(self.then_us.load(Ordering::Acquire)).filter(|then| *then != NONE);
        then.map(|then| then.saturating_add(self.elapsed_us()).div_euclid(1_000))
    }
}

fn system_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
#[path = "clock/tests.rs"]
mod tests;
