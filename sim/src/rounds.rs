//! Many seeds, several at a time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::world::{Played, play};

/// Seeds to play.
#[derive(Debug, Clone, Copy)]
pub struct Rounds {
    /// The first.
    pub first: u64,
    /// How many.
    pub seeds: u64,
    /// So many at the same time; as many as there are cores, when it is none.
    pub jobs: Option<usize>,
    /// Whether each is played again and the traces are compared.
    pub twice: bool,
}

impl Rounds {
    /// Plays them all and hands each to `judge`, in any order.
    pub fn play(&self, judge: impl Fn(Played) + Sync) {
        let next = AtomicU64::new(0);
        let jobs = self.jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
        thread::scope(|scope| {
            for _ in 0..jobs.max(1) {
                scope.spawn(|| {
                    while let Some(seed) = self.take(&next) {
                        judge(play_and_compare(seed, self.twice));
                    }
                });
            }
        });
    }

    fn take(&self, next: &AtomicU64) -> Option<u64> {
        let n = next.fetch_add(1, Ordering::Relaxed);
        (n < self.seeds).then(|| self.first + n)
    }
}

/// Plays a seed; twice, it must be the same.
#[must_use]
pub fn play_and_compare(seed: u64, twice: bool) -> Played {
    let mut played = play(seed);
    if twice && play(seed).trace != played.trace {
        played.wrong.push("the same seed made another trace".to_owned());
    }
    played
}

/// What somebody types to see a seed again.
#[must_use]
pub fn replay(seed: u64) -> String {
    format!("cargo xtask sim --seed {seed}")
}
