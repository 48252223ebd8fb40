//! What the tests need beside cargo. A need that is missing is installed, or the error says how to.
//!
//! CONTRIBUTING.md has the list for people.

pub(crate) mod autobahn;
pub(crate) mod peers;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::{run, say};

/// A program that a test runs.
struct Need {
    program: &'static str,
    /// Of Debian.
    package: &'static str,
    /// Which tests, as the end of a sentence.
    used_by: &'static str,
    /// The oldest major version that will do, and who has it when the system has not.
    at_least: Option<(u32, &'static str)>,
}

const NEEDS: &[Need] = &[
    Need { program: "make", package: "make", used_by: "jemalloc, the allocator of the hub", at_least: None },
    Need { program: "c++", package: "g++", used_by: "libFuzzer, which the fuzz targets are linked with", at_least: None },
    Need { program: "curl", package: "curl", used_by: "the test of the shell examples in FILESYSTEM.md", at_least: None },
    Need {
        program: "chromium",
        package: "chromium",
        used_by: "the tests of the browser examples in README.md and FILESYSTEM.md, and of the JavaScript client",
        at_least: None,
    },
    Need { program: "initdb", package: "postgresql", used_by: "the tests that store rows in PostgreSQL", at_least: None },
    Need {
        program: "node",
        package: "nodejs",
        used_by: "the tests of the JavaScript client, of the console and of the Resonate SDK",
        at_least: Some((20, "https://nodejs.org")),
    },
];

/// Needed only where its packages are not there yet.
const NPM: Need = Need { program: "npm", package: "npm", used_by: "installing packages of JavaScript", at_least: None };

/// Folders whose package-lock.json names packages of npm.
const LOCKED: &[&str] = &["tests/resonate", "clients/js", "console"];

/// Where Debian keeps PostgreSQL's programs, one folder for each version: off PATH.
const POSTGRESQL: &str = "/usr/lib/postgresql";

/// A test that cannot run on this machine.
pub(crate) struct Skipped {
    pub(crate) test: &'static str,
    pub(crate) why: String,
}

/// Installs all needs that are not there. What cannot be had anywhere is no error: its tests are skipped.
pub(crate) fn meet() -> Result<Vec<Skipped>> {
    meet_all(NEEDS)?;
    LOCKED.iter().try_for_each(|folder| meet_locked(folder))?;
    peers::meet_old_nats()?;
    Ok(autobahn::meet()?.into_iter().chain(peers::skipped()?).collect())
}

fn meet_locked(name: &str) -> Result<()> {
    let folder = run::root().join(name);
    if is_as_new(&folder.join("node_modules/.package-lock.json"), &folder.join("package-lock.json")) {
        return Ok(());
    }
    meet_all(&[NPM])?;
    say::line(&format!("installing the packages of {name}/package-lock.json"));
    let mut command = run::program("npm");
    run::run(command.current_dir(&folder).args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])).with_context(|| {
        format!(
            "the packages of {name} could not be installed: run `npm ci` in {name} where the npm registry can be reached, and \
             then this again"
        )
    })
}

fn meet_all(needs: &[Need]) -> Result<()> {
    let missing: Vec<&Need> = needs.iter().filter(|need| need.objection().is_some()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for need in &missing {
        say::line(&format!("{}; it is for {}", need.objection().unwrap_or_default(), need.used_by));
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    from_debian(&packages).with_context(|| format!("{} could not be installed", packages.join(" and ")))?;
    match missing.iter().find_map(|need| Some((need.package, need.objection()?))) {
        None => Ok(()),
        Some((package, why)) => bail!("{package} was installed, and still {why}"),
    }
}

impl Need {
    /// What is wrong with the program that is there, or that none is.
    fn objection(&self) -> Option<String> {
        let Self { program, at_least, .. } = self;
        let Some(version) = places(program).iter().find_map(|place| version(place)) else {
            return Some(format!("`{program} --version` does not answer"));
        };
        let (wanted, elsewhere) = (*at_least)?;
        let is_old = major(&version).is_none_or(|major| major < wanted);
        is_old.then(|| format!("`{program}` is {}, and {wanted} or newer is needed ({elsewhere} has it)", version.trim()))
    }
}

/// What the program is called: by its name, and below the folders where Debian keeps it off PATH.
fn places(program: &str) -> Vec<PathBuf> {
    let versions = std::fs::read_dir(POSTGRESQL).into_iter().flatten().flatten();
    let off_path = versions.map(|version| version.path().join("bin").join(program));
    std::iter::once(program.into()).chain(off_path.filter(|place| place.is_file())).collect()
}

fn version(place: &Path) -> Option<String> {
    run::output(run::program(place).arg("--version")).ok()
}

/// Of a version such as `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    version.trim().trim_start_matches('v').split('.').next()?.parse().ok()
}

/// Whether the file is there and not older than the other one.
fn is_as_new(file: &Path, other: &Path) -> bool {
    let changed = |path: &Path| -> Option<SystemTime> { path.metadata().ok()?.modified().ok() };
    changed(file).is_some_and(|time| changed(other).is_some_and(|others| time >= others))
}

fn from_debian(packages: &[&str]) -> Result<()> {
    let by_hand = format!("apt-get install {}", packages.join(" "));
    if !run::succeeds(run::program("apt-get").arg("--version")) {
        bail!("this system has no apt-get: install {} with its package manager and run this again", packages.join(" "));
    }
    if !is_root()? {
        bail!("only root may install packages: run `sudo {by_hand}` and then this again");
    }
    let get = |arguments: &[&str]| run::run(apt_get().args(arguments).args(packages));
    run::run(apt_get().args(["update", "-qq"]))
        .and_then(|()| get(&["install", "-y", "-qq", "--no-install-recommends"]))
        .with_context(|| format!("run `{by_hand}` where Debian's packages can be reached, and then this again"))
}

fn apt_get() -> Command {
    let mut command = run::program("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_root() -> Result<bool> {
    Ok(run::output(run::program("id").arg("-u"))?.trim() == "0")
}

#[cfg(test)]
mod tests;
