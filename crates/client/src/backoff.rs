//! How long to wait before the next attempt to connect.

use std::time::Duration;

use tokio::time::Instant;

use crate::policy::Verdict;

/// How a lost connection is made again.
///
/// Before attempt *n* (from 0) the client waits a random time between nothing and `base * 2^n`, at most `cap` ("full
/// jitter": a thousand clients that lost the same hub do not come back in the same instant). A connection that lived as
/// long as `cap` starts *n* anew. A wait after RATE_LIMITED is random between `cap` and twice `cap`.
///
/// Which ends are tried again ([`verdict`](crate::verdict) is this table as a function):
///
/// | the connection ended with | then |
/// | --- | --- |
/// | 1000, 1001, 1002, 1005, 1006, 1007, 1009, 1011 to 1015, no close frame, silence, text that is no payload, an I/O error | again |
/// | 4000, 4004, 4009, 4011, a code this client does not know | again |
/// | 4010 RATE_LIMITED | again, after at least `cap` |
/// | 4005 DUPLICATE_AUTH | the first connection: stop. A later one: again for `name_taken_within`, because the hub may not have noticed yet that the old connection is dead |
/// | 1003, 1008, 1010, 4002, 4003, 4006, 4007, 4012, 4013 | stop |
/// | HTTP 408, 425, 429 or 5xx instead of the upgrade, no route, TLS trouble | again |
/// | any other HTTP status | stop |
///
/// The first connection is tried once, unless `from_the_start`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconnect {
    /// Upper end of the first wait.
    pub base: Duration,
    /// Upper end of every wait.
    pub cap: Duration,
    /// Attempts that may fail in a row before the client gives up; `None` never does.
    pub attempts: Option<u32>,
    /// Whether [`Client::connect`](crate::Client::connect), too, tries again what this policy would try again.
    pub from_the_start: bool,
    /// How long the client's own name may be taken (4005) when it comes back. Longer than the hub's heartbeat time-out.
    pub name_taken_within: Duration,
}

impl Default for Reconnect {
    /// Half a second doubling to 30 s, for ever; the first connection once; 90 s for the own name.
    fn default() -> Self {
        Self {
            base: Duration::from_millis(500),
            cap: Duration::from_secs(30),
            attempts: None,
            from_the_start: false,
            name_taken_within: Duration::from_secs(90),
        }
    }
}

impl Reconnect {
    /// The upper end of the wait before attempt `n`, from 0.
    #[must_use]
    pub fn ceiling(&self, n: u32) -> Duration {
        self.base.saturating_mul(1_u32.checked_shl(n).unwrap_or(u32::MAX)).min(self.cap)
    }

    /// The wait before attempt `n`; `uniform` is random in `0.0..=1.0`.
    pub(crate) fn wait(&self, n: u32, uniform: f64) -> Duration {
        self.ceiling(n).mul_f64(uniform.clamp(0.0, 1.0))
    }

    /// The wait before attempt `n` after an end that asks for patience: between `cap` and twice `cap`.
    pub(crate) fn long_wait(&self, uniform: f64) -> Duration {
        self.cap.mul_f64(1.0 + uniform.clamp(0.0, 1.0))
    }
}

/// The attempts in a row, and the waits between them.
#[derive(Debug)]
pub(crate) struct Attempts {
    policy: Reconnect,
    failed: u32,
    waits: u32,
    name_taken_since: Option<Instant>,
}

impl Attempts {
    pub(crate) fn after_a_connection(policy: Reconnect) -> Self {
        Self { policy, failed: 0, waits: 0, name_taken_since: None }
    }

    /// Attempts in a row that failed.
    pub(crate) fn failed(&self) -> u32 {
        self.failed
    }

    /// An attempt failed.
    pub(crate) fn fail(&mut self) {
        self.failed = self.failed.saturating_add(1);
    }

    /// A connection reached HELLO and lived for `time`. One that ends at once does not shorten the next wait: a client that
    /// the hub throws out again and again must not hammer it.
    pub(crate) fn lived(&mut self, time: Duration) {
        self.failed = 0;
        self.name_taken_since = None;
        if time >= self.policy.cap {
            self.waits = 0;
        }
    }

    /// How long to wait before the next attempt, or `None`: give up.
    pub(crate) fn next(&mut self, verdict: Verdict, now: Instant, uniform: f64) -> Option<Duration> {
        if self.policy.attempts.is_some_and(|attempts| self.failed >= attempts) {
            return None;
        }
        let n = self.waits;
        self.waits = n.saturating_add(1);
        match verdict {
            Verdict::Stop => None,
            Verdict::Again => Some(self.policy.wait(n, uniform)),
            Verdict::AgainLater => Some(self.policy.long_wait(uniform)),
            Verdict::AgainWhileNameTaken => {
                let since = *self.name_taken_since.get_or_insert(now);
                (now - since < self.policy.name_taken_within).then(|| self.policy.wait(n, uniform))
            }
        }
    }
}

#[cfg(test)]
mod tests;
