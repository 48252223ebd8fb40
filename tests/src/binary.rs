//! The program under test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

/// The repository's root.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository")
}

/// The `concierge` that lies beside the tests: `target/<profile>/concierge`, or the one that `TESTED_CONCIERGE` names.
/// `cargo xtask test` has built it; where it is missing or older than its sources, cargo builds it here.
///
/// # Panics
/// When there is none and it cannot be built.
pub fn binary() -> &'static Path {
    // a build that failed is not tried again by the next test
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let binary = BINARY.get_or_init(|| match std::env::var_os("TESTED_CONCIERGE") {
        Some(named) => Ok(named.into()),
        None => built("concierge", &["--bin", "concierge"]),
    });
    binary.as_deref().unwrap_or_else(|failure| panic!("{failure}"))
}

/// An example of the package `concierge`, built like [`binary`].
///
/// # Panics
/// When there is none and it cannot be built.
#[must_use]
pub fn example(name: &str) -> PathBuf {
    built(&format!("examples/{name}"), &["--example", name]).unwrap_or_else(|failure| panic!("{failure}"))
}

/// A program of this profile, fresh.
fn built(path: &str, target: &[&str]) -> Result<PathBuf, String> {
    let profile = profile();
    let program = profile.join(path);
    if is_fresh(&program) { Ok(program) } else { build(target, profile.ends_with("release")).map(|()| program) }
}

/// `target/<profile>`, where the running test was built.
pub(crate) fn profile() -> PathBuf {
    let tests = std::env::current_exe().expect("a running program has a path");
    tests.ancestors().nth(2).expect("tests lie in target/<profile>/deps").to_owned()
}

/// Whether no source that cargo noted beside the program is newer.
fn is_fresh(program: &Path) -> bool {
    let changed = |path: &Path| path.metadata().and_then(|facts| facts.modified()).ok();
    let (Some(built), Ok(sources)) = (changed(program), std::fs::read_to_string(program.with_extension("d"))) else {
        return false;
    };
    let sources = sources.split_once(':').map_or("", |(_, sources)| sources);
    sources.split_whitespace().all(|source| changed(Path::new(source)).unwrap_or(SystemTime::now()) <= built)
}

fn build(target: &[&str], release: bool) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(repository()).args(["build", "--package", "concierge"]).args(target);
    if release {
        command.arg("--release");
    }
    let output = command.output().expect("cargo can be started");
    let failed = || format!("`cargo build -p concierge` failed:\n{}", String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(()) } else { Err(failed()) }
}
