//! `cargo xtask storm`: the tests in `tests/tests/storm` at full size, against the release binary, one after the other.

use std::ffi::OsString;

use anyhow::Result;

use crate::{run, say};

/// What the tests are told, unless the environment says otherwise.
const FULL_SIZE: &[(&str, &str)] = &[
    ("CONCIERGE_TEST_STORM_CLIENTS", "10000"),
    ("CONCIERGE_TEST_STALL_MS", "250"),
    ("CONCIERGE_TEST_CHAOS_CLIENTS", "500"),
    ("CONCIERGE_TEST_CHAOS_SECONDS", "300"),
];

pub(crate) fn run(arguments: &[OsString]) -> Result<()> {
    say::heading("build concierge and the tests");
    run::run(run::cargo().args(["build", "--release", "--package", "concierge", "--bin", "concierge"]))?;
    say::heading("storm");
    let mut storm = run::cargo();
    storm.args(["test", "--release", "--package", "concierge-tests", "--test", "storm"]);
    for (name, value) in FULL_SIZE.iter().filter(|(name, _)| std::env::var_os(name).is_none()) {
        storm.env(name, value);
    }
    run::run(storm.arg("--").arg("--test-threads=1").args(arguments))
}
