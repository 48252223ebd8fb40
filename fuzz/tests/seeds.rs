//! Every seed, and every input that once showed a defect, passes its target: `fuzz/seeds/TARGET/` and `fuzz/crashes/TARGET/`.
#![expect(clippy::unwrap_used, reason = "all of this is tests, the functions that they share too")]

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use concierge_fuzz::TARGETS;

/// What lies in `fuzz/<kind>/<target>`, by path.
fn inputs(kind: &str, target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(kind).join(target);
    let files = fs::read_dir(folder).into_iter().flatten().map(|file| file.unwrap().path());
    let mut inputs: Vec<_> = files.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect();
    inputs.sort();
    inputs
}

#[test]
fn every_seed_and_all_that_once_showed_a_defect_pass() {
    let mut failed = Vec::new();
    for (name, target) in TARGETS {
        let seeds = inputs("seeds", name);
        assert!(seeds.len() >= 3, "{name} has hardly any seeds");
        for (path, input) in seeds.into_iter().chain(inputs("crashes", name)) {
            if catch_unwind(|| target(&input)).is_err() {
                failed.push(path);
            }
        }
    }
    assert_eq!(failed, [""; 0]);
}
