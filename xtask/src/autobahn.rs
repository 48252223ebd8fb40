//! `cargo xtask autobahn`: Autobahn's suite for WebSocket servers alone. It is one of the tests (`tests/tests/autobahn`).

use anyhow::{Result, bail};

use crate::needs::Skipped;
use crate::needs::autobahn::meet;
use crate::{run, say};

pub(crate) fn run(update: bool) -> Result<()> {
    if let Some(Skipped { why, .. }) = meet()? {
        bail!("the suite cannot run here. {why}");
    }
    say::heading("build");
    // with the features of the whole workspace, like `cargo xtask test`: nothing is built twice
    run::run(run::cargo().args(["build", "--workspace", "--example", "echo", "--test", "autobahn"]))?;
    say::heading("autobahn");
    let mut suite = run::cargo();
    if update {
        suite.env("UPDATE_EXPECT", "1");
    }
    run::run(suite.args(["test", "--workspace", "--test", "autobahn"]))
}
