use std::sync::Mutex;

use crate::{Rounds, SEED_WITHIN, Tally, count_panics, play, replay};

/// What has to happen now and then, or the seeds prove nothing.
const EVERYTHING: &[&str] = &[
    "entered",
    "messages received",
    "acknowledged",
    "news",
    "answers of the coordinator",
    "answered BAD",
    "answered INVALID_NAME",
    "answered INVALID_UUID",
    "answered INVALID_SERVICE",
    "answered ERROR_UNSUPPORTED",
    "stalled",
    "over: vanishes",
    "over: breaks off",
    "over: silence",
    "<- close 1001",
    "<- close 4005",
    "<- close 4009",
    "<- close 4010",
    "<- close 4011",
    "Partition",
    "Deaf",
    "Mute",
    "Hold",
    "Slow",
    "PowerCut",
    "Kill",
    "the hub drains",
];

#[test]
fn two_hundred_seeds_keep_every_promise_and_see_everything_happen() {
    count_panics();
    let found = Mutex::new((String::new(), Tally::default()));
    Rounds { first: 0, seeds: 200, jobs: None, twice: false, within: SEED_WITHIN }.play(|played| {
        let mut found = found.lock().unwrap();
        found.1.add(&played.tally);
        if !played.wrong.is_empty() {
            let wrong = played.wrong.join("\n  ");
            found.0 += &format!("seed {}:\n  {wrong}\nreplay it with `{}`\n", played.seed, replay(played.seed));
        }
    });
    let (wrong, tally) = found.into_inner().unwrap();
    assert!(wrong.is_empty(), "{wrong}");
    let never: Vec<_> = EVERYTHING.iter().filter(|name| tally.get(name) == 0).collect();
    assert!(never.is_empty(), "never happened: {never:?}\n{tally}");
}

#[test]
fn the_same_seed_makes_the_same_trace_byte_for_byte_and_another_seed_another() {
    let mut tally = Tally::default();
    for seed in [1, 7, 28, 35, 37] {
        let played = play(seed);
        assert!(played.trace == play(seed).trace, "seed {seed} made two traces");
        assert!(played.trace != play(seed + 1).trace, "seeds {seed} and {} made one trace", seed + 1);
        tally.add(&played.tally);
    }
    let rare = ["PowerCut", "Kill", "the hub drains", "Hold", "Partition"];
    assert!(rare.iter().all(|name| tally.get(name) > 0), "choose seeds in which these happen: {rare:?}");
}
