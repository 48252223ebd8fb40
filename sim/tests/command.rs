//! The program that plays seeds, from outside.

use std::process::{Command, Output};

fn sim(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_concierge-sim")).args(arguments).output().expect("it was built with this test")
}

#[test]
fn a_seed_that_takes_too_long_by_the_clock_on_the_wall_ends_the_run_which_says_how_to_replay_it() {
    let slow = sim(&["--seeds", "2", "--first", "4711", "--jobs", "1", "--seed-within-ms", "1"]);
    let said = String::from_utf8_lossy(&slow.stderr);
    assert_eq!(slow.status.code(), Some(1), "{said}");
    assert_eq!(
        said,
        "seed 4711 is not over after 1ms: something turns in circles\nreplay it with `cargo xtask sim --seed 4711`\n"
    );
}

#[test]
fn seeds_that_are_over_in_time_are_counted() {
    let well = sim(&["--seeds", "2", "--jobs", "2"]);
    let said = String::from_utf8_lossy(&well.stdout);
    assert!(well.status.success() && said.contains("2 seeds in "), "{said}");
}
