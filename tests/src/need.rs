//! Programs that tests run beside `concierge`.

use std::path::PathBuf;

/// Where such a program is. A test whose program is missing fails: one that passed would have shown nothing.
///
/// # Panics
/// When it is nowhere on PATH.
#[must_use]
pub fn needed(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(program)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("this test needs `{program}`, which is not there: `cargo xtask test` installs it"))
}
