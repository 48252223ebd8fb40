//! Autobahn's suite and the Python that it runs on: 2.7, which no current system ships. pyenv builds one; where there is none
//! the suite is skipped, and `cargo xtask test` says so.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{Skipped, is_as_new};
use crate::{run, say};

/// The test that runs the suite.
const TEST: &str = "the_whole_autobahn_suite_finds_nothing_failed_and_nothing_closed_uncleanly";

/// Installs what tests/autobahn/requirements.txt names into target/tools/autobahn, unless it is there.
pub(crate) fn meet() -> Result<Option<Skipped>> {
    let folder = run::target_directory()?.join("tools/autobahn");
    let requirements = run::root().join("tests/autobahn/requirements.txt");
    let [python, site, installed] = ["python", "site", "installed"].map(|name| folder.join(name));
    if is_as_new(&installed, &requirements) && has_pip(&python) {
        return Ok(None);
    }
    let Some(found) = places().into_iter().find(|place| has_pip(place)) else {
        let why = "It runs on Python 2.7 with pip, and this machine has none: `pyenv install 2.7.18` builds one".to_owned();
        say::line(&format!("Autobahn's suite will be SKIPPED. {why}"));
        return Ok(Some(Skipped { test: TEST, why }));
    };
    say::line(&format!("installing Autobahn's suite into {}, for {}", folder.display(), found.display()));
    if folder.exists() {
        fs::remove_dir_all(&folder).context("the suite that was there cannot be removed")?;
    }
    fs::create_dir_all(&folder)?;
    symlink(found, &python)?;
    let mut pip = run::program(&python);
    pip.env("PYTHONWARNINGS", "ignore").args(["-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]);
    run::run(pip.arg("--target").arg(site).arg("--requirement").arg(requirements))
        .context("Autobahn's suite could not be installed: run this again where PyPI can be reached")?;
    fs::write(installed, "")?;
    Ok(None)
}

/// Where a Python 2.7 may be: on PATH, or among pyenv's. A shim of pyenv's on PATH answers only where that version is chosen.
fn places() -> Vec<PathBuf> {
    let home = |variable: &str, below: &str| std::env::var_os(variable).map(|folder| Path::new(&folder).join(below));
    let pyenv = [home("PYENV_ROOT", "versions"), home("HOME", ".pyenv/versions")];
    let versions = pyenv.into_iter().flatten().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let built = versions.map(|version| version.path().join("bin/python2.7")).filter(|place| place.is_file());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join("python2.7")).filter(|place| place.is_file());
    built.chain(on_path).collect()
}

/// Whether it runs and can install packages.
fn has_pip(python: &Path) -> bool {
    run::succeeds(run::program(python).args(["-c", "import sys, pip; assert sys.version_info[:2] == (2, 7)"]))
}
