//! `cargo xtask deny`: licences, sources and known vulnerabilities of everything that is linked, by cargo-deny and deny.toml.
//! docs/decisions/0002-cargo-deny-is-built-once.md says why it is installed the way it is.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::{run, say};

const VERSION: &str = "0.20.2";

pub(crate) fn run() -> Result<()> {
    let tool = installed()?;
    run::run(deny(&tool).args(["check", "--hide-inclusion-graph", "bans", "licenses", "sources"]))?;
    if run::succeeds(deny(&tool).args(["fetch", "db"])) {
        run::run(deny(&tool).args(["check", "--disable-fetch", "advisories"]))
    } else {
        say::line("advisories SKIPPED: the database of known vulnerabilities can't be reached from this machine");
        Ok(())
    }
}

fn deny(tool: &Path) -> Command {
    let mut command = run::program(tool);
    command.arg("--manifest-path").arg(run::root().join("Cargo.toml"));
    command
}

/// The path of cargo-deny, which is built first when this clone has none of the wanted version.
fn installed() -> Result<PathBuf> {
    let folder = run::target_directory()?.join("tools");
    let tool = folder.join("bin/cargo-deny");
    if run::output(run::program(&tool).arg("--version")).is_ok_and(|version| version.trim().ends_with(VERSION)) {
        return Ok(tool);
    }
    say::line(&format!("building cargo-deny {VERSION} once, into {}", folder.display()));
    let arguments = ["install", "cargo-deny", "--version", VERSION, "--locked", "--debug", "--no-default-features", "--quiet"];
    run::run(run::cargo().args(arguments).arg("--root").arg(&folder))?;
    Ok(tool)
}
