//! What the tests need beside cargo. A need that is missing is installed, or the error says how to.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{run, say};

/// A program that a test runs.
struct Need {
    name: &'static str,
    /// Which test uses it, as the end of a sentence.
    used_by: &'static str,
    present: fn() -> bool,
    install: fn() -> Result<()>,
}

const NEEDS: &[Need] = &[Need {
    name: "curl",
    used_by: "the test that runs the examples of FILESYSTEM.md",
    present: || answers("curl"),
    install: || from_debian(&["curl"]),
}];

/// Installs each need that is not there.
pub(crate) fn meet() -> Result<()> {
    for need in NEEDS.iter().filter(|need| !(need.present)()) {
        say::line(&format!("{} is missing; {} uses it", need.name, need.used_by));
        (need.install)().with_context(|| format!("{} could not be installed; {} uses it", need.name, need.used_by))?;
        if !(need.present)() {
            bail!("{} was installed, and still does not answer to `{} --version`", need.name, need.name);
        }
    }
    Ok(())
}

fn answers(program: &str) -> bool {
    run::succeeds(run::program(program).arg("--version"))
}

fn from_debian(packages: &[&str]) -> Result<()> {
    let by_hand = format!("apt-get install {}", packages.join(" "));
    if !answers("apt-get") {
        bail!("this system has no apt-get: install {} with its package manager and run this again", packages.join(" "));
    }
    if !is_root()? {
        bail!("only root may install packages: run `sudo {by_hand}` and then this again");
    }
    run::run(apt_get().args(["update", "-qq"]))?;
    run::run(apt_get().args(["install", "-y", "-qq", "--no-install-recommends"]).args(packages))
}

fn apt_get() -> Command {
    let mut command = run::program("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_root() -> Result<bool> {
    Ok(run::output(run::program("id").arg("-u"))?.trim() == "0")
}
