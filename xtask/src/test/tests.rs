use super::*;

#[test]
fn results_of_several_programs_add_up() {
    let mut tally = Tally::default();
    for line in [
        "running 3 tests",
        "test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s",
        "test test_result ... ok",
        "test result: FAILED. 40 passed; 2 failed; 0 ignored; 0 measured; 7 filtered out; finished in 1.00s",
        "ℹ tests 9",
        "ℹ pass 5",
        "ℹ fail 1",
        "ℹ cancelled 1",
        "ℹ skipped 1",
        "ℹ todo 1",
        "ℹ gzip: core 4000 bytes",
    ] {
        tally.add(line);
    }
    assert_eq!(tally, Tally { programs: 3, passed: 47, failed: 4, ignored: 3 });
}

#[test]
fn a_named_package_replaces_the_workspace_and_a_filter_does_not() {
    let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
    assert_eq!(run::shown(&cargo_test(&words("-p concierge-hub"), &[])), "cargo test --no-fail-fast -p concierge-hub");
    assert_eq!(run::shown(&cargo_test(&words("leave -- -p"), &[])), "cargo test --no-fail-fast --workspace leave -- -p");
}

#[test]
fn a_test_that_cannot_run_here_is_left_out_whatever_else_is_asked_for() {
    let skipped = [Skipped { test: "slow", why: String::new() }];
    let shown = |words: &[&str]| {
        let arguments: Vec<OsString> = words.iter().map(OsString::from).collect();
        run::shown(&cargo_test(&arguments, &skipped))
    };
    assert_eq!(shown(&[]), "cargo test --no-fail-fast --workspace -- --skip slow");
    assert_eq!(shown(&["leave"]), "cargo test --no-fail-fast --workspace leave -- --skip slow");
    assert_eq!(shown(&["--", "leave"]), "cargo test --no-fail-fast --workspace -- leave --skip slow");
}
