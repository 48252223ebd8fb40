//! Many seeds, several at a time.

use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::world::{Played, play};

/// What a seed may take by the clock on the wall, unless somebody says otherwise: most take less than a second.
pub const SEED_WITHIN: Duration = Duration::from_secs(120);
/// How often the seeds that are played are looked at, or more often if they have less time.
const LOOK_EVERY: Duration = Duration::from_millis(100);

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
    /// What each may take by the clock on the wall. Simulated time is bounded, but it does not pass while something turns in
    /// circles, and nothing inside of that can be interrupted: the whole program ends.
    pub within: Duration,
}

impl Rounds {
    /// Plays them all and hands each to `judge`, in any order. One that takes too long ends the program, which says how to
    /// play it again.
    pub fn play(&self, judge: impl Fn(Played) + Sync) {
        let (next, playing) = (AtomicU64::new(0), Playing::default());
        let jobs = self.jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
        thread::scope(|scope| {
            let (player, players) = mpsc::sync_channel::<()>(0); // nothing is sent: it ends
            scope.spawn(|| playing.watch(players, self.within));
            for _ in 0..jobs.max(1) {
                let (player, next, playing, judge) = (player.clone(), &next, &playing, &judge);
                scope.spawn(move || {
                    while let Some(seed) = self.take(next) {
                        judge(playing.during(seed, || play_and_compare(seed, self.twice)));
                    }
                    drop(player);
                });
            }
        });
    }

    fn take(&self, next: &AtomicU64) -> Option<u64> {
        let n = next.fetch_add(1, Ordering::Relaxed);
        (n < self.seeds).then(|| self.first + n)
    }
}

/// The seeds that are played at this moment, and since when.
#[derive(Default)]
struct Playing(Mutex<Vec<(u64, Instant)>>);

impl Playing {
    fn during<T>(&self, seed: u64, play: impl FnOnce() -> T) -> T {
        self.change(|seeds| seeds.push((seed, Instant::now())));
        let played = play();
        self.change(|seeds| seeds.retain(|(other, _)| *other != seed));
        played
    }

    /// Until all players are gone.
    fn watch(&self, players: mpsc::Receiver<()>, within: Duration) {
        while players.recv_timeout(LOOK_EVERY.min(within)) == Err(RecvTimeoutError::Timeout) {
            if let Some(seed) = self.overdue(within) {
                give_up(seed, within);
            }
        }
    }

    fn overdue(&self, within: Duration) -> Option<u64> {
        self.change(|seeds| seeds.iter().find(|(_, since)| since.elapsed() > within).map(|(seed, _)| *seed))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Vec<(u64, Instant)>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The thread that plays it cannot be stopped.
fn give_up(seed: u64, within: Duration) -> ! {
    // past libtest, which would keep it to itself
    let _nobody_reads = writeln!(
        std::io::stderr(),
        "seed {seed} is not over after {within:?}: something turns in circles\nreplay it with `{}`",
        replay(seed)
    );
    std::process::exit(1)
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
