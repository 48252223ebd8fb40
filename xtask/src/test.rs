//! `cargo xtask test`: everything that can be tested, from a fresh clone.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::needs::{self, Skipped};
use crate::{run, say};

pub(crate) fn run(arguments: &[OsString]) -> Result<()> {
    let skipped = needs::meet()?;
    say::heading("build");
    run::run(&mut cargo_build(arguments))?;
    say::heading("test");
    let started = Instant::now();
    let mut commands = vec![cargo_test(arguments, &skipped)];
    if arguments.is_empty() {
        commands.push(node_test("clients/js")?);
        commands.push(node_test("console")?);
    }
    let (mut tally, mut failed) = (Tally::default(), Vec::new());
    for command in &mut commands {
        if !run_and_count(command, &mut tally)? {
            failed.push(format!("`{}`", run::shown(command)));
        }
    }
    say::line(&format!("\n{} test programs in {}", tally.programs, say::duration(started.elapsed())));
    say::line(&format!("{} passed, {} failed, {} skipped", tally.passed, tally.failed, tally.ignored));
    for Skipped { test, why } in &skipped {
        say::line(&format!("SKIPPED, and so not tested: `{test}`. {why}"));
    }
    if !failed.is_empty() {
        bail!("{} failed: the tests that did are named above", failed.join(" and "));
    }
    if tally.passed == 0 && arguments.is_empty() {
        bail!("no test ran");
    }
    Ok(())
}

/// The end-to-end tests start `target/debug/concierge`, which `cargo test` does not promise to build.
///
/// Tests and binaries are built by one command: apart, they would get other features of their dependencies, and those
/// would be built twice.
fn cargo_build(arguments: &[OsString]) -> Command {
    let mut command = run::cargo();
    if names_a_package(arguments) {
        command.args(["build", "--package", "concierge", "--bin", "concierge"]);
    } else {
        command.args(["build", "--workspace", "--bins", "--tests"]);
    }
    command
}

/// Benches are no tests: without `--all-targets` cargo builds libraries, binaries, examples and tests, and doc tests run too.
fn cargo_test(arguments: &[OsString], skipped: &[Skipped]) -> Command {
    let mut command = run::cargo();
    command.args(["test", "--no-fail-fast"]);
    if !names_a_package(arguments) {
        command.arg("--workspace");
    }
    command.args(arguments);
    if !skipped.is_empty() && !arguments.iter().any(|argument| argument == "--") {
        command.arg("--");
    }
    for Skipped { test, .. } in skipped {
        command.args(["--skip", test]);
    }
    command
}

/// The tests of the JavaScript client or of the console, what `npm test` runs there. They start the hub that was just built.
fn node_test(folder: &str) -> Result<Command> {
    let mut command = run::program("node");
    command.current_dir(run::root().join(folder)).arg("scripts/test.mjs");
    if std::env::var_os("TESTED_CONCIERGE").is_none() {
        command.env("TESTED_CONCIERGE", run::target_directory()?.join("debug/concierge"));
    }
    Ok(command)
}

/// `--workspace` would win over a `--package` beside it.
fn names_a_package(arguments: &[OsString]) -> bool {
    let own = arguments.iter().map(|argument| argument.to_string_lossy()).take_while(|argument| argument != "--");
    own.into_iter().any(|argument| argument.starts_with("-p") || argument.starts_with("--package"))
}

/// How the test programs ended, added up.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    programs: u32,
    passed: u32,
    failed: u32,
    ignored: u32,
}

impl Tally {
    /// Takes a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s`, or
    /// one of Node's, such as `ℹ pass 3`.
    fn add(&mut self, line: &str) {
        if let Some((word, number)) = line.strip_prefix("ℹ ").and_then(|rest| rest.split_once(' ')) {
            return self.add_of_node(word, number.parse().unwrap_or(0));
        }
        let Some((_, counts)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else { return };
        self.programs += 1;
        for count in counts.split("; ") {
            match count.split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse().unwrap_or(0),
                Some((number, "ignored")) => self.ignored += number.parse().unwrap_or(0),
                _ => {}
            }
        }
    }

    fn add_of_node(&mut self, word: &str, number: u32) {
        match word {
            "tests" => self.programs += 1,
            "pass" => self.passed += number,
            "fail" | "cancelled" => self.failed += number,
            "skipped" | "todo" => self.ignored += number,
            _ => {}
        }
    }
}

/// Runs the command, passes its output on and counts the results in it; true when it succeeded.
fn run_and_count(command: &mut Command, tally: &mut Tally) -> Result<bool> {
    let shown = run::shown(command);
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("`{shown}` could not be started"))?;
    let stdout = child.stdout.take().expect("stdout was just piped");
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line.with_context(|| format!("the output of `{shown}` broke off"))?;
        let line = String::from_utf8_lossy(&line);
        tally.add(&line);
        say::line(&line);
    }
    Ok(child.wait().with_context(|| format!("`{shown}` can't be waited for"))?.success())
}

#[cfg(test)]
mod tests;
