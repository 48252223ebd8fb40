//! Where PostgreSQL's programs are.

use std::path::{Path, PathBuf};

/// Where Debian keeps them, one folder for each version: off PATH.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Such a program: the one on PATH, or Debian's newest.
///
/// # Panics
/// When there is none: a test that passed without it would have shown nothing.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(debian());
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("this test needs PostgreSQL's `{name}`, which is not there: `cargo xtask test` installs it"))
}

/// Debian's folders, the newest version first.
fn debian() -> Vec<PathBuf> {
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let mut versions: Vec<u32> = versions.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    versions.sort_unstable_by(|one, other| other.cmp(one));
    versions.into_iter().map(|version| Path::new(DEBIAN).join(version.to_string()).join("bin")).collect()
}
