//! How long to wait before the next attempt to connect.

use std::time::Duration;

use tokio::time::Instant;

use crate::policy::{Loss, Verdict};

/// How a lost connection is made again.
///
/// Before attempt *n* (from 0) the client waits a random time between nothing and `first * 2^n`, at most `cap` ("full
/// jitter"). What `first` is depends on what the end says of the hub:
///
/// * The hub is there, and ended this connection or did not take it (any close code but those below): `base`.
/// * The hub goes (1001, 1012, 1013), or does not take connections: `spread`. A thousand others lost it as well; however long it
///   is away, at most a quarter of them come back in one second.
/// * The connection ended without a word (1005, 1006, an I/O error, silence), after it had lived for `spread`: one attempt at
///   once, within a tenth of `base`. A single cut connection is back before anybody notices, and where the hub died nobody
///   answers: then as above. (A hub that is back before its clients have noticed gets them all at once.)
///
/// A connection that lived for `spread`, and for the longest wait before it, starts *n* anew. A wait after RATE_LIMITED is random
/// between `cap` and twice `cap`.
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
/// The first connection is tried once, unless `from_the_start`; then `first` is `base`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconnect {
    /// Upper end of the first wait for a hub that is there.
    pub base: Duration,
    /// Upper end of the first wait for a hub that was lost, with all of its clients.
    pub spread: Duration,
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
    /// Half a second, or 8 s for a hub that was lost, doubling to 30 s, for ever; the first connection once; 90 s for the own name.
    fn default() -> Self {
        Self {
            base: Duration::from_millis(500),
            spread: Duration::from_secs(8),
            cap: Duration::from_secs(30),
            attempts: None,
            from_the_start: false,
            name_taken_within: Duration::from_secs(90),
        }
    }
}

impl Reconnect {
    /// The upper end of the wait before attempt `n`, from 0, for a hub that is there.
    #[must_use]
    pub fn ceiling(&self, n: u32) -> Duration {
        self.doubled(self.base, n)
    }

    /// The same for a hub that was lost.
    #[must_use]
    pub fn ceiling_when_lost(&self, n: u32) -> Duration {
        self.doubled(self.base.max(self.spread), n)
    }

    fn doubled(&self, first: Duration, n: u32) -> Duration {
        first.saturating_mul(1_u32.checked_shl(n).unwrap_or(u32::MAX)).min(self.cap)
    }

    /// The wait before an attempt at once.
    pub(crate) fn moment(&self, uniform: f64) -> Duration {
        part(self.ceiling(0) / 10, uniform)
    }

    /// The wait after an end that asks for patience: between `cap` and twice `cap`.
    pub(crate) fn long_wait(&self, uniform: f64) -> Duration {
        self.cap + part(self.cap, uniform)
    }
}

/// Part of a time; `uniform` is random in `0.0..=1.0`.
fn part(of: Duration, uniform: f64) -> Duration {
    of.mul_f64(uniform.clamp(0.0, 1.0))
}

/// The attempts in a row, and the waits between them.
#[derive(Debug)]
pub(crate) struct Attempts {
    policy: Reconnect,
    failed: u32,
    waits: u32,
    /// The longest that the last wait could have been.
    longest: Duration,
    /// The next attempt may be made at once.
    at_once: bool,
    name_taken_since: Option<Instant>,
}

impl Attempts {
    pub(crate) fn after_a_connection(policy: Reconnect) -> Self {
        Self { policy, failed: 0, waits: 0, longest: Duration::ZERO, at_once: false, name_taken_since: None }
    }

    /// Nothing is known of the hub yet, and nobody lost it.
    pub(crate) fn from_the_start(policy: Reconnect) -> Self {
        Self::after_a_connection(Reconnect { spread: Duration::ZERO, ..policy })
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
        self.at_once = time >= self.policy.ceiling_when_lost(0).max(self.longest);
        if self.at_once {
            (self.waits, self.longest) = (0, Duration::ZERO);
        }
    }

    /// How long to wait before the next attempt, or `None`: give up.
    pub(crate) fn next(&mut self, verdict: Verdict, loss: Loss, now: Instant, uniform: f64) -> Option<Duration> {
        let at_once = std::mem::take(&mut self.at_once);
        if self.policy.attempts.is_some_and(|attempts| self.failed >= attempts) {
            return None;
        }
        match verdict {
            Verdict::Stop => return None,
            Verdict::Again => {}
            Verdict::AgainLater => return Some(self.policy.long_wait(uniform)),
            Verdict::AgainWhileNameTaken => {
                let since = *self.name_taken_since.get_or_insert(now);
                if now - since >= self.policy.name_taken_within {
                    return None;
                }
            }
        }
        if at_once && loss == Loss::Connection {
            return Some(self.policy.moment(uniform));
        }
        let n = self.waits;
        self.waits = n.saturating_add(1);
        self.longest = match loss {
            Loss::Nothing => self.policy.ceiling(n),
            Loss::Hub | Loss::Connection => self.policy.ceiling_when_lost(n),
        };
        Some(part(self.longest, uniform))
    }
}

#[cfg(test)]
mod tests;
