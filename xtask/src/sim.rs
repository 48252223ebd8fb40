//! `cargo xtask sim`: plays seeds of the simulation, built as fast as the hub that is shipped.

use std::ffi::OsString;

use anyhow::Result;

use crate::{run, say};

pub(crate) fn run(arguments: &[OsString]) -> Result<()> {
    say::heading("build concierge-sim");
    run::run(run::cargo().args(["build", "--release", "--package", "concierge-sim", "--bins"]))?;
    say::heading("sim");
    let sim = run::target_directory()?.join("release").join("concierge-sim");
    run::run(run::program(sim).args(arguments))
}
