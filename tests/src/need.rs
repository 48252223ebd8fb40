//! Programs that tests run beside `concierge`.

use std::path::PathBuf;

use crate::binary::profile;

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

/// What `cargo xtask test` installs for this clone alone: `target/tools/<path>`.
///
/// # Panics
/// When it is not there.
#[must_use]
pub fn tool(path: &str) -> PathBuf {
    let tool = profile().with_file_name("tools").join(path);
    assert!(tool.exists(), "this test needs {}, which is not there: `cargo xtask test` installs it", tool.display());
    tool
}
