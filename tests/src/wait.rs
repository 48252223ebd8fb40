//! Waiting for a state, with a deadline.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// How long anything may take that takes no time: generous, because the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How often a state is looked at that announces nothing.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The future's output.
///
/// # Panics
/// When it is not there within [`PATIENCE`].
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {what}"))
}

/// Looks again and again until `look` finds something.
///
/// # Panics
/// When it finds nothing within [`PATIENCE`].
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        ticks.tick().await;
    }
}
