//! What time it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use concierge_api_rs::coordinator::Millis;

/// What time it is, never going backwards as long as it lives. Clones are the same clock.
///
/// When the system's clock is set back, this one stands still until the system's has caught up.
#[derive(Debug, Clone)]
pub struct Clock {
    by_hand: bool,
    latest: Arc<AtomicI64>,
}

impl Clock {
    /// The system's time.
    #[must_use]
    pub fn system() -> Self {
        Self { by_hand: false, latest: Arc::new(AtomicI64::new(i64::MIN)) }
    }

    /// The time that requests bring with them, by `resonate:debug_time` or `debug.tick`; 1970 until one does. Nothing happens by
    /// itself: what is due happens on `debug.tick` only.
    #[must_use]
    pub fn by_hand() -> Self {
        Self { by_hand: true, latest: Arc::new(AtomicI64::new(0)) }
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
        let time = if self.by_hand { told.map_or(i64::MIN, |told| told.0) } else { system_ms() };
        Millis(self.latest.fetch_max(time, Ordering::AcqRel).max(time))
    }

    /// Time begins anew, for a test that begins with no rows. The system's does not.
    pub(crate) fn restart(&self) {
        if self.by_hand {
            self.latest.store(0, Ordering::Release);
        }
    }
}

fn system_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
#[path = "clock/tests.rs"]
mod tests;
