use std::fs::File;
use std::time::Duration;

use super::*;

/// `rustc` stands for a program that is there: it has built this test.
fn need(program: &'static str, at_least: Option<u32>) -> Need {
    Need { program, package: "p", used_by: "a test", at_least: at_least.map(|version| (version, "elsewhere")) }
}

#[test]
fn a_program_that_is_there_and_new_enough_is_fine() {
    assert_eq!(need("rustc", None).objection(), None);
    assert_eq!(need("no-such-program", None).objection().unwrap(), "`no-such-program --version` does not answer");
}

#[test]
fn a_program_whose_version_is_too_old_or_unreadable_is_not() {
    assert_eq!((major("v20.20.2\n"), major("18.4"), major("rustc 1.95")), (Some(20), Some(18), None));
    let why = need("rustc", Some(20)).objection().unwrap();
    assert!(why.starts_with("`rustc` is rustc ") && why.ends_with(", and 20 or newer is needed (elsewhere has it)"), "{why}");
}

#[test]
fn packages_are_current_until_their_lock_changes() {
    let folder = tempfile::tempdir().unwrap();
    let [installed, lock] = ["installed", "lock"].map(|name| folder.path().join(name));
    assert!(!is_as_new(&installed, &lock), "neither is there");
    let [first, then] = [1, 2].map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    let change = |path: &Path, time| File::create(path).unwrap().set_modified(time).unwrap();
    change(&lock, first);
    assert!(!is_as_new(&installed, &lock), "nothing is installed");
    change(&installed, first);
    assert!(is_as_new(&installed, &lock));
    change(&lock, then);
    assert!(!is_as_new(&installed, &lock), "the lock is newer");
}
