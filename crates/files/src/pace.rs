//! How slow an upload may be: a sliding window over the time that was spent waiting for it.

use std::time::Duration;

/// The window moves in steps of a tenth.
const STEPS: usize = 10;

/// Measures only time spent waiting for the peer: an upload is not slow because the disk is.
#[derive(Debug)]
pub(crate) struct Pace {
    step: Duration,
    /// Bytes that a whole window must bring.
    least: u64,
    steps: [u64; STEPS],
    at: usize,
    full: usize,
    /// Time in the current step.
    spent: Duration,
}

impl Pace {
    pub(crate) fn new(bytes_per_second: u64, slow_ms: u64) -> Self {
        let step = Duration::from_millis(slow_ms.max(STEPS as u64)) / STEPS as u32;
        let least = u64::try_from(u128::from(bytes_per_second) * u128::from(slow_ms) / 1000).unwrap_or(u64::MAX);
        Self { step, least, steps: [0; STEPS], at: 0, full: 0, spent: Duration::ZERO }
    }

    /// How long to wait until asking again whether it is too slow.
    pub(crate) fn patience(&self) -> Duration {
        self.step.saturating_sub(self.spent)
    }

    /// That long was waited, for what was `received` before; whether the upload is too slow now.
    #[must_use]
    pub(crate) fn waited(&mut self, time: Duration) -> bool {
        self.spent += time;
        while self.spent >= self.step {
            self.spent -= self.step;
            self.full = STEPS.min(self.full + 1);
            if self.full == STEPS && self.steps.iter().sum::<u64>() < self.least {
                return true;
            }
            self.at = (self.at + 1) % STEPS;
            self.steps[self.at] = 0;
        }
        false
    }

    pub(crate) fn received(&mut self, bytes: usize) {
        self.steps[self.at] += bytes as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_after(pace: &mut Pace, bytes: usize, every: Duration, at_most: u32) -> Option<Duration> {
        let mut wait = |_: &u32| {
            pace.received(bytes);
            pace.waited(every)
        };
        (1..=at_most).find(&mut wait).map(|times| every * times)
    }

    #[test]
    fn an_upload_at_the_least_rate_is_never_cut_and_a_slower_one_after_the_window() {
        let second = Duration::from_secs(1);
        assert_eq!(cut_after(&mut Pace::new(1024, 10_000), 1024, second, 1_000), None);
        assert_eq!(cut_after(&mut Pace::new(1024, 10_000), 1023, second, 1_000), Some(10 * second));
        assert_eq!(cut_after(&mut Pace::new(1024, 10_000), 0, second, 1_000), Some(10 * second));
    }

    #[test]
    fn a_burst_buys_no_more_than_a_window() {
        let mut pace = Pace::new(1024, 10_000);
        pace.received(50_000_000);
        let every = Duration::from_millis(500);
        assert_eq!(
            cut_after(&mut pace, 0, every, 1_000),
            Some(Duration::from_secs(11)),
            "the window that holds it ends with the eleventh second"
        );
    }

    #[test]
    fn without_a_least_rate_nothing_is_cut() {
        assert_eq!(cut_after(&mut Pace::new(0, 10_000), 0, Duration::from_secs(3), 1_000), None);
        assert_eq!(cut_after(&mut Pace::new(0, 0), 0, Duration::from_secs(3), 1_000), None);
    }
}
