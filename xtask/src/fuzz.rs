//! `cargo xtask fuzz`: libFuzzer on the targets in fuzz/, from their seeds and what earlier runs of this clone found
//! interesting (target/corpus).
//!
//! docs/decisions/0008-fuzz-targets-are-built-like-everything-else.md says why cargo-fuzz is not needed.

mod report;

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result, bail};

use crate::{run, say};
use report::Report;

const PACKAGE: &str = "concierge-fuzz";
const PREFIX: &str = "fuzz_";
/// What the targets try; others are linked and not counted.
const INSTRUMENTED: &[&str] = &[
    "concierge_api_rs",
    "concierge_hub",
    "concierge_coordinator",
    "concierge_router",
    "concierge_files",
    "concierge",
    "concierge_fuzz",
];
/// Set where this program stands in for rustc.
const STANDS_IN: &str = "XTASK_INSTRUMENTS";
/// Its value where our crates are optimised a little, although the rest is not: targets are ten times as fast.
const LIGHTLY: &str = "lightly";
/// A test among what is built: without one cargo would leave out what only tests depend on, choose other features, and build
/// nearly everything again.
const SAME_FEATURES_AS_TESTS: &str = "server";
/// What makes rustc count edges and comparisons for libFuzzer.
const COVERAGE: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg=fuzzing",
];

/// What to run.
pub(crate) struct Plan {
    /// For each target.
    pub(crate) seconds: u64,
    pub(crate) jobs: Option<usize>,
    /// Like the tests, whose dependencies are built already.
    pub(crate) dev: bool,
    /// All when empty.
    pub(crate) targets: Vec<String>,
}

impl Plan {
    /// The part of `cargo xtask ci`.
    pub(crate) const SHORT: Self = Self { seconds: 5, jobs: None, dev: true, targets: Vec::new() };
}

/// Stands in for rustc where [`build`] asked for that: the same, and what is built counts what it runs.
pub(crate) fn instrument() -> Option<ExitCode> {
    let kind = std::env::var_os(STANDS_IN)?;
    let mut arguments = std::env::args_os().skip(1);
    let mut rustc = Command::new(arguments.next()?);
    let arguments: Vec<_> = arguments.collect();
    rustc.args(&arguments);
    let name = arguments.iter().skip_while(|argument| *argument != "--crate-name").nth(1);
    if name.is_some_and(|name| is_instrumented(&name.to_string_lossy())) {
        rustc.args(COVERAGE);
        rustc.args((kind == LIGHTLY).then_some("-Copt-level=1"));
    }
    let code = rustc.status().ok().and_then(|status| status.code()).and_then(|code| u8::try_from(code).ok());
    Some(code.unwrap_or(1).into())
}

fn is_instrumented(crate_name: &str) -> bool {
    INSTRUMENTED.contains(&crate_name) || crate_name.starts_with(PREFIX)
}

pub(crate) fn run(plan: &Plan) -> Result<()> {
    let targets = targets(&plan.targets)?;
    say::heading("build");
    build(plan, &targets)?;
    say::heading("fuzz");
    let programs = run::target_directory()?.join(if plan.dev { "debug" } else { "fuzz" });
    let queue = Mutex::new(VecDeque::from(targets));
    let failed = Mutex::new(Vec::new());
    let jobs = plan.jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(target) = next(&queue) {
                    let program = programs.join(format!("{PREFIX}{target}"));
                    if let Err(problem) = fuzz(&target, program, plan.seconds) {
                        failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(problem);
                    }
                }
            });
        }
    });
    match failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).pop() {
        None => Ok(()),
        Some(problem) => Err(problem),
    }
}

fn next(queue: &Mutex<VecDeque<String>>) -> Option<String> {
    queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop_front()
}

/// The targets by these names.
fn targets(wanted: &[String]) -> Result<Vec<String>> {
    let metadata = run::metadata()?;
    let package = metadata.packages.iter().find(|package| package.name == PACKAGE).context("there is no fuzz/")?;
    let bins = package.targets.iter().filter(|target| target.is_bin());
    let all: Vec<String> = bins.filter_map(|bin| Some(bin.name.strip_prefix(PREFIX)?.to_owned())).collect();
    if let Some(unknown) = wanted.iter().find(|name| !all.contains(name)) {
        bail!("there is no target `{unknown}`: they are {}", all.join(", "));
    }
    Ok(if wanted.is_empty() { all } else { wanted.to_vec() })
}

/// Where this program is. When it was built anew since it started, as the tests do, Linux says that the old one was deleted;
/// the new one is at the same place.
fn this_program() -> Result<PathBuf> {
    let path = std::env::current_exe()?;
    let replaced = path.to_str().and_then(|path| path.strip_suffix(" (deleted)")).map(PathBuf::from);
    Ok(replaced.filter(|_| !path.exists()).unwrap_or(path))
}

/// Only what is ours is instrumented. With the features of the whole workspace: what the tests are made of is not built again.
fn build(plan: &Plan, targets: &[String]) -> Result<()> {
    let mut cargo = run::cargo();
    cargo.env("RUSTC_WORKSPACE_WRAPPER", this_program()?).env(STANDS_IN, if plan.dev { LIGHTLY } else { "" });
    cargo.args(["build", "--workspace", "--features", "concierge-fuzz/targets"]);
    if !plan.dev {
        cargo.args(["--profile", "fuzz"]);
    }
    cargo.args(["--test", SAME_FEATURES_AS_TESTS]);
    for target in targets {
        cargo.arg("--bin").arg(format!("{PREFIX}{target}"));
    }
    run::run(&mut cargo)
}

/// One target, to its end.
fn fuzz(target: &str, program: PathBuf, seconds: u64) -> Result<()> {
    let corpus = run::target_directory()?.join("corpus").join(target);
    let crashes = run::root().join("fuzz/crashes").join(target);
    fs::create_dir_all(&corpus)?;
    fs::create_dir_all(&crashes)?;
    let mut command = run::program(program);
    command.arg(&corpus).arg(run::root().join("fuzz/seeds").join(target)).arg(format!("-max_total_time={seconds}"));
    command.arg(format!("-artifact_prefix={}/", crashes.display()));
    command.args(["-print_final_stats=1", "-timeout=25", "-rss_limit_mb=2048", "-max_len=4096"]);
    let output = command.stdout(Stdio::null()).stderr(Stdio::piped()).output().context("a target could not be started")?;
    let said = String::from_utf8_lossy(&output.stderr);
    // an empty folder says nothing
    let _only_if_empty = fs::remove_dir(&crashes);
    if output.status.success() {
        say::line(&format!("{target:20} {}", Report::of(&said)));
        return Ok(());
    }
    say::line(&said);
    bail!(
        "the target `{target}` failed: the input is in {}. Mend what it shows and commit the input under a name that says what \
         it is: `cargo test -p concierge-fuzz` tries it from then on",
        crashes.display()
    );
}
