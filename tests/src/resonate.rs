//! The released Resonate SDK, in the programs of `tests/resonate`.

use crate::binary::repository;
use crate::command::Command;
use crate::need::needed;

/// One of those programs.
///
/// # Panics
/// When Node or the SDK is not there.
#[must_use]
pub fn resonate(program: &str, arguments: &[&str]) -> Command {
    let folder = repository().join("tests/resonate");
    let installed = folder.join("node_modules/@resonatehq/sdk").is_dir();
    assert!(installed, "this test needs the packages of tests/resonate, which are not there: `cargo xtask test` installs them");
    let program = folder.join(program).into_os_string().into_string().expect("the repository's path is UTF-8");
    let arguments: Vec<&str> = [program.as_str()].into_iter().chain(arguments.iter().copied()).collect();
    Command::program(needed("node").into_os_string(), &arguments)
}
