//! `concierge-sim`: plays seeds and says which of them went wrong. `cargo xtask sim` builds and starts it.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::Parser;
use concierge_sim::{Played, Rounds, SEED_WITHIN, Tally, count_panics, play_and_compare, replay};

/// Plays the real hub on a simulated network and clock, and judges what its clients were told.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// How many seeds to play
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Play this one alone and print its trace
    #[arg(long, conflicts_with_all = ["seeds", "first"])]
    seed: Option<u64>,
    /// Play each twice and compare the traces
    #[arg(long)]
    twice: bool,
    /// Seeds at the same time; one per core unless given
    #[arg(long)]
    jobs: Option<usize>,
    /// What each may take by the clock on the wall, or something turns in circles: the run ends and says which seed it was.
    /// One that is played alone may take any time, for a debugger
    #[arg(long, value_name = "MS", default_value_t = SEED_WITHIN.as_millis() as u64, conflicts_with = "seed")]
    seed_within_ms: u64,
}

/// Of what is wrong with a seed, so much is shown when many are played.
const SHOWN: usize = 5;

fn main() -> ExitCode {
    count_panics();
    let arguments = Arguments::parse();
    let went_well = match arguments.seed {
        Some(seed) => one(seed, arguments.twice),
        None => many(&arguments),
    };
    match went_well {
        Ok(true) => ExitCode::SUCCESS,
        // or nobody reads what we print
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}

/// One seed with its trace.
fn one(seed: u64, twice: bool) -> io::Result<bool> {
    let Played { trace, wrong, lasted, .. } = play_and_compare(seed, twice);
    let mut out = io::stdout().lock();
    write!(out, "{trace}")?;
    wrong.iter().try_for_each(|wrong| writeln!(out, "{wrong}"))?;
    writeln!(out, "seed {seed}: {lasted:?} simulated, {} wrong", wrong.len())?;
    Ok(wrong.is_empty())
}

fn many(arguments: &Arguments) -> io::Result<bool> {
    let Arguments { seeds, first, twice, jobs, seed_within_ms, .. } = *arguments;
    let within = Duration::from_millis(seed_within_ms);
    let standing = Mutex::new(Standing::new(seeds));
    Rounds { first, seeds, jobs, twice, within }
        .play(|played| standing.lock().expect("nobody panics while holding it").take(&played));
    let standing = standing.into_inner().expect("nobody panics while holding it");
    let took = standing.begin.elapsed().as_secs_f64();
    let mut out = io::stdout().lock();
    write!(out, "{}", standing.tally)?;
    writeln!(out, "{seeds} seeds in {took:.1} s ({:.1} per second), {} failed", standing.rate(), standing.failed.len())?;
    standing.failed.iter().try_for_each(|seed| writeln!(out, "replay it with `{}`", replay(*seed)))?;
    Ok(standing.failed.is_empty())
}

/// How it stands while seeds are played.
struct Standing {
    of: u64,
    done: u64,
    failed: Vec<u64>,
    tally: Tally,
    begin: Instant,
    shown: Instant,
}

impl Standing {
    fn new(of: u64) -> Self {
        let now = Instant::now();
        Self { of, done: 0, failed: Vec::new(), tally: Tally::default(), begin: now, shown: now }
    }

    fn rate(&self) -> f64 {
        self.done as f64 / self.begin.elapsed().as_secs_f64()
    }

    fn take(&mut self, played: &Played) {
        self.done += 1;
        self.tally.add(&played.tally);
        if !played.wrong.is_empty() {
            self.failed.push(played.seed);
            let _nobody_reads = tell(played);
        }
        let _nobody_looks = self.show();
    }

    /// A line now and then, on a terminal the same line again and again.
    fn show(&mut self) -> io::Result<()> {
        let terminal = io::stderr().is_terminal();
        let (every, end) = if terminal { (Duration::from_millis(200), '\r') } else { (Duration::from_secs(10), '\n') };
        if self.shown.elapsed() < every {
            return Ok(());
        }
        self.shown = Instant::now();
        let mut err = io::stderr().lock();
        write!(err, "{} of {} seeds, {:.1} per second{end}", self.done, self.of, self.rate())?;
        err.flush()
    }
}

fn tell(played: &Played) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "seed {} failed ({} wrong):", played.seed, played.wrong.len())?;
    played.wrong.iter().take(SHOWN).try_for_each(|wrong| writeln!(out, "  {wrong}"))?;
    writeln!(out, "replay it with `{}`", replay(played.seed))
}
