use std::time::Duration;

use super::*;

#[test]
fn the_time_of_the_system_is_told_and_what_requests_say_does_not_count() {
    let clock = Clock::system();
    let before = Millis(system_ms());
    let now = clock.at(Some(Millis::NEVER));
    assert!(before <= now && now <= Millis(system_ms()));
    assert!(clock.now() >= now);
}

#[test]
fn time_by_hand_follows_requests_forwards_only_and_begins_anew_when_told() {
    let clock = Clock::by_hand();
    assert_eq!(clock.now(), Millis(0));
    assert_eq!(clock.at(Some(Millis(50))), Millis(50));
    assert_eq!(clock.clone().at(Some(Millis(20))), Millis(50), "clones are the same clock");
    clock.restart();
    assert_eq!(clock.now(), Millis(0));
}

#[test]
fn a_clock_of_the_system_never_begins_anew() {
    let clock = Clock::system();
    let now = clock.now();
    clock.restart();
    assert!(clock.now() >= now);
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_runtime_goes_by_the_clock_of_the_runtime() {
    let clock = Clock::of_runtime(Millis(1_000));
    assert_eq!(clock.now(), Millis(1_000));
    tokio::time::advance(Duration::from_millis(250)).await;
    assert_eq!(clock.now(), Millis(1_250));
    assert_eq!(clock.at(Some(Millis::NEVER)), Millis(1_250), "what requests say does not count");
}
