//! `cargo xtask ci`: what a change must pass, cheapest first.

use std::time::Instant;

use anyhow::{Context, Result};

use crate::{deny, fuzz, needs, run, say, test, tidy};

struct Step {
    name: &'static str,
    /// What to type to see the same failure again.
    repeat_with: &'static str,
    run: fn() -> Result<()>,
}

const STEPS: &[Step] = &[
    // before what compiles: some of what is compiled is C++
    Step { name: "needs", repeat_with: "cargo xtask test", run: || needs::meet().map(drop) },
    Step { name: "fmt", repeat_with: "cargo fmt --all", run: || run::run(run::cargo().args(["fmt", "--all", "--check"])) },
    Step { name: "tidy", repeat_with: "cargo xtask tidy", run: tidy::run },
    Step { name: "clippy", repeat_with: "cargo clippy --workspace --all-targets -- -D warnings", run: clippy },
    Step { name: "deny", repeat_with: "cargo xtask deny", run: deny::run },
    Step { name: "test", repeat_with: "cargo xtask test", run: || test::run(&[]) },
    Step { name: "fuzz", repeat_with: "cargo xtask fuzz --dev --seconds 5", run: || fuzz::run(&fuzz::Plan::SHORT) },
];

pub(crate) fn run() -> Result<()> {
    let mut summary = Vec::new();
    let started = Instant::now();
    for step in STEPS {
        say::heading(step.name);
        let step_started = Instant::now();
        let done = (step.run)();
        let took = say::duration(step_started.elapsed());
        done.with_context(|| format!("ci stopped at {} after {took}; repeat it with `{}`", step.name, step.repeat_with))?;
        summary.push(format!("{} {took}", step.name));
    }
    say::line(&format!("\nci passed in {}: {}", say::duration(started.elapsed()), summary.join(", ")));
    Ok(())
}

fn clippy() -> Result<()> {
    run::run(run::cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}
