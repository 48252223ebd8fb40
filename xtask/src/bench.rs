//! `cargo xtask bench`: the benchmark against the release binary, both built as they are shipped.

use std::ffi::OsString;

use anyhow::Result;

use crate::{run, say};

pub(crate) fn run(arguments: &[OsString]) -> Result<()> {
    say::heading("build concierge and concierge-bench");
    run::run(run::cargo().args(["build", "--release", "--package", "concierge", "--package", "concierge-bench", "--bins"]))?;
    say::heading("bench");
    let release = run::target_directory()?.join("release");
    let mut bench = run::program(release.join("concierge-bench"));
    run::run(bench.arg("run").arg("--hub").arg(release.join("concierge")).args(arguments))
}
