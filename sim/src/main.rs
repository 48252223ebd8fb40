//! `concierge-sim`: plays seeds and says which of them went wrong. `cargo xtask sim` builds and starts it.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use concierge_sim::{Played, count_panics, play};

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
}

fn main() -> ExitCode {
    count_panics();
    let arguments = Arguments::parse();
    let went_well = match arguments.seed {
        Some(seed) => one(seed, arguments.twice),
        None => many(&arguments),
    };
    match went_well {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(_) => ExitCode::FAILURE, // nobody reads what we print
    }
}

/// One seed with its trace.
fn one(seed: u64, twice: bool) -> io::Result<bool> {
    let Played { trace, wrong, lasted, .. } = judge(seed, twice);
    let mut out = io::stdout().lock();
    write!(out, "{trace}")?;
    wrong.iter().try_for_each(|wrong| writeln!(out, "{wrong}"))?;
    writeln!(out, "seed {seed}: {lasted:?} simulated, {} wrong", wrong.len())?;
    Ok(wrong.is_empty())
}

/// Plays a seed, or plays it twice.
fn judge(seed: u64, twice: bool) -> Played {
    let mut played = play(seed);
    if twice && play(seed).trace != played.trace {
        played.wrong.push("the same seed made another trace".to_owned());
    }
    played
}

fn many(arguments: &Arguments) -> io::Result<bool> {
    let begin = Instant::now();
    let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let failed = Mutex::new(Vec::new());
    let jobs = arguments.jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(seed) = take(&next, arguments) {
                    let wrong = judge(seed, arguments.twice).wrong;
                    done.fetch_add(1, Ordering::Relaxed);
                    if !wrong.is_empty() {
                        tell(seed, &wrong);
                        failed.lock().expect("nobody panics while holding it").push(seed);
                    }
                }
            });
        }
        scope.spawn(|| show_progress(&done, arguments.seeds, begin));
    });
    let failed = failed.into_inner().expect("nobody panics while holding it");
    let took = begin.elapsed();
    let rate = arguments.seeds as f64 / took.as_secs_f64();
    let mut out = io::stdout().lock();
    writeln!(out, "{} seeds in {:.1} s ({rate:.1} per second), {} failed", arguments.seeds, took.as_secs_f64(), failed.len())?;
    failed.iter().try_for_each(|seed| writeln!(out, "replay it with `{}`", replay(*seed)))?;
    Ok(failed.is_empty())
}

fn take(next: &AtomicU64, arguments: &Arguments) -> Option<u64> {
    let n = next.fetch_add(1, Ordering::Relaxed);
    (n < arguments.seeds).then(|| arguments.first + n)
}

fn tell(seed: u64, wrong: &[String]) {
    let text = wrong.iter().take(5).map(|wrong| format!("  {wrong}\n")).collect::<String>();
    let mut out = io::stdout().lock();
    let _nobody_reads = writeln!(out, "seed {seed} failed ({} wrong):\n{text}replay it with `{}`", wrong.len(), replay(seed));
}

fn replay(seed: u64) -> String {
    format!("cargo xtask sim --seed {seed}")
}

/// A line now and then, on a terminal the same line again and again.
fn show_progress(done: &AtomicU64, of: u64, begin: Instant) {
    let terminal = io::stderr().is_terminal();
    let every = if terminal { Duration::from_millis(200) } else { Duration::from_secs(10) };
    let mut shown = begin;
    loop {
        let done = done.load(Ordering::Relaxed);
        if done >= of {
            break;
        }
        if shown.elapsed() >= every {
            shown = Instant::now();
            let rate = done as f64 / begin.elapsed().as_secs_f64();
            let end = if terminal { "\r" } else { "\n" };
            let mut err = io::stderr().lock();
            let _nobody_looks = write!(err, "{done} of {of} seeds, {rate:.1} per second{end}").and_then(|()| err.flush());
        }
        thread::sleep(Duration::from_millis(50));
    }
}
