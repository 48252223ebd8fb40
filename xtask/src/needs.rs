//! What the tests need beside cargo. A need that is missing is installed, or the error says how to.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{run, say};

/// A program that a test runs.
struct Need {
    name: &'static str,
    /// Which tests, as the end of a sentence.
    used_by: &'static str,
}

/// Programs and packages of Debian have the same names.
const NEEDS: &[Need] = &[
    Need { name: "curl", used_by: "the test of the shell examples in FILESYSTEM.md" },
    Need { name: "chromium", used_by: "the tests of the browser examples in README.md and FILESYSTEM.md" },
];

/// Installs all needs that are not there.
pub(crate) fn meet() -> Result<()> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !answers(need.name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for need in &missing {
        say::line(&format!("{} is missing; it is for {}", need.name, need.used_by));
    }
    let names: Vec<&str> = missing.iter().map(|need| need.name).collect();
    from_debian(&names).with_context(|| format!("{} could not be installed", names.join(" and ")))?;
    match names.iter().find(|name| !answers(name)) {
        None => Ok(()),
        Some(name) => bail!("{name} was installed, and still does not answer to `{name} --version`"),
    }
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
