//! `cargo xtask bench`: the benchmark against the release binary, both built as they are shipped. `cargo xtask measure`: the same,
//! at length, written down in docs/measurements.md.

use std::ffi::OsString;

use anyhow::Result;

use crate::{run, say};

/// What the page shows of the message path, and how it is measured.
const MEASURED: &[&str] = &["--rounds", "5", "--secs", "0.4"];

/// Writes docs/measurements.md. Further arguments win over those that it has of itself.
pub(crate) fn measure(arguments: &[OsString]) -> Result<()> {
    let page = run::root().join("docs/measurements.md");
    let own = ["--page".into(), page.into_os_string()].into_iter().chain(MEASURED.iter().map(OsString::from));
    run(&own.chain(arguments.iter().cloned()).collect::<Vec<_>>())
}

pub(crate) fn run(arguments: &[OsString]) -> Result<()> {
    say::heading("build concierge and concierge-bench");
    run::run(run::cargo().args(["build", "--release", "--package", "concierge", "--package", "concierge-bench", "--bins"]))?;
    say::heading("bench");
    let release = run::target_directory()?.join("release");
    let mut bench = run::program(release.join("concierge-bench"));
    run::run(bench.arg("run").arg("--hub").arg(release.join("concierge")).args(arguments))
}
