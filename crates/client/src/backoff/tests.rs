use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;

fn policy() -> Reconnect {
    let (base, spread, cap) = (Duration::from_millis(100), Duration::from_secs(1), Duration::from_secs(5));
    Reconnect { base, spread, cap, attempts: None, ..Reconnect::default() }
}

#[test]
fn the_ceiling_doubles_up_to_the_cap_and_never_overflows() {
    let ceilings: Vec<_> = (0..8).map(|n| policy().ceiling(n).as_millis()).collect();
    assert_eq!(ceilings, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    assert_eq!(policy().ceiling(31), policy().cap);
    assert_eq!(policy().ceiling(u32::MAX), policy().cap);
}

#[test]
fn a_wait_is_anywhere_between_nothing_and_the_ceiling() {
    for (loss, ceiling) in [(Loss::Nothing, 100), (Loss::Hub, 1_000), (Loss::Connection, 1_000)] {
        for (uniform, of_a_thousand) in [(0.0, 0), (0.5, 500), (1.0, 1_000)] {
            let wait = Attempts::after_a_connection(policy()).next(Verdict::Again, loss, Instant::now(), uniform);
            assert_eq!(wait, Some(Duration::from_millis(ceiling) * of_a_thousand / 1_000), "{loss:?}");
        }
    }
}

#[test]
fn a_hub_that_was_lost_is_waited_for_longer_than_one_that_is_there_except_from_the_start() {
    let waits = |mut attempts: Attempts, loss| {
        let mut next = || attempts.next(Verdict::Again, loss, Instant::now(), 1.0).expect("it goes on").as_millis();
        [next(), next(), next(), next()]
    };
    assert_eq!(waits(Attempts::after_a_connection(policy()), Loss::Nothing), [100, 200, 400, 800]);
    assert_eq!(waits(Attempts::after_a_connection(policy()), Loss::Hub), [1_000, 2_000, 4_000, 5_000]);
    assert_eq!(waits(Attempts::from_the_start(policy()), Loss::Hub), [100, 200, 400, 800]);
}

#[test]
fn a_connection_that_broke_is_made_again_at_once_but_once_only_and_only_if_it_had_lived() {
    let now = Instant::now();
    let mut attempts = Attempts::after_a_connection(policy());
    let mut next = |lived: Option<u64>, loss| {
        if let Some(ms) = lived {
            attempts.lived(Duration::from_millis(ms));
        }
        attempts.next(Verdict::Again, loss, now, 1.0).expect("it goes on").as_millis()
    };
    assert_eq!(next(Some(1_000), Loss::Connection), 10, "it had lived");
    assert_eq!(next(None, Loss::Hub), 1_000, "nobody answers there");
    assert_eq!(next(Some(999), Loss::Connection), 2_000, "it broke too soon");
    assert_eq!(next(Some(1_999), Loss::Connection), 4_000, "sooner than one may have waited for it");
    assert_eq!(next(Some(4_000), Loss::Hub), 1_000, "the hub said that it goes");
    assert_eq!(next(None, Loss::Connection), 2_000, "an attempt that broke is no connection that broke");
    assert_eq!(next(Some(5_000), Loss::Connection), 10);
}

/// When each of these clients is back at a hub that all of them lost at 0 and that is away for so long.
fn comebacks(clients: usize, away: Duration, dice: &mut StdRng) -> Vec<Duration> {
    let now = Instant::now();
    let one = |dice: &mut StdRng| {
        let mut attempts = Attempts::after_a_connection(Reconnect::default());
        attempts.lived(Duration::from_secs(3_600));
        let (mut at, mut loss) = (Duration::ZERO, Loss::Connection);
        loop {
            at += attempts.next(Verdict::Again, loss, now, dice.random()).expect("it never gives up");
            if at >= away {
                return at;
            }
            attempts.fail();
            loss = Loss::Hub;
        }
    };
    (0..clients).map(|_| one(dice)).collect()
}

#[test]
fn however_long_a_hub_is_away_at_most_a_quarter_of_its_clients_comes_back_in_one_second() {
    let mut dice = StdRng::seed_from_u64(6);
    for away_ms in (100..40_000).step_by(300) {
        let away = Duration::from_millis(away_ms);
        let back = comebacks(2_000, away, &mut dice);
        let mut seconds = [0; 64];
        back.iter().for_each(|at| seconds[(*at - away).as_secs() as usize] += 1);
        let most = seconds.iter().max().expect("there are seconds");
        assert!(*most <= back.len() / 4, "{most} in one second, away for {away:?}: {seconds:?}");
        assert!(back.iter().all(|at| *at - away <= Reconnect::default().cap), "away for {away:?}");
        let soon = back.iter().filter(|at| **at - away <= Reconnect::default().spread).count();
        assert!(away_ms > 1_500 || soon >= back.len() * 17 / 20, "{soon} soon, away for {away:?}");
    }
}

#[test]
fn a_rate_limited_client_waits_the_cap_at_least() {
    let mut attempts = Attempts::after_a_connection(policy());
    let now = Instant::now();
    assert_eq!(attempts.next(Verdict::AgainLater, Loss::Nothing, now, 0.0), Some(policy().cap));
    assert_eq!(attempts.next(Verdict::AgainLater, Loss::Nothing, now, 1.0), Some(policy().cap * 2));
}

#[test]
fn attempts_end_after_as_many_failures_as_allowed() {
    let mut attempts = Attempts::after_a_connection(Reconnect { attempts: Some(2), ..policy() });
    let now = Instant::now();
    let wait = |attempts: &mut Attempts| attempts.next(Verdict::Again, Loss::Nothing, now, 1.0).map(|wait| wait.as_millis());
    assert_eq!(wait(&mut attempts), Some(100));
    attempts.fail();
    assert_eq!(wait(&mut attempts), Some(200));
    attempts.fail();
    assert_eq!(wait(&mut attempts), None);
}

#[test]
fn a_connection_that_ends_at_once_does_not_shorten_the_next_wait() {
    let mut attempts = Attempts::after_a_connection(policy());
    let now = Instant::now();
    for expected in [100, 200, 400] {
        attempts.lived(Duration::from_millis(1));
        assert_eq!(attempts.next(Verdict::Again, Loss::Nothing, now, 1.0), Some(Duration::from_millis(expected)));
    }
    attempts.lived(policy().cap);
    assert_eq!(attempts.next(Verdict::Again, Loss::Nothing, now, 1.0), Some(Duration::from_millis(100)));
}

#[test]
fn a_taken_name_is_waited_for_only_so_long() {
    let mut attempts = Attempts::after_a_connection(policy());
    let start = Instant::now();
    let just_before = start + policy().name_taken_within - Duration::from_millis(1);
    assert!(attempts.next(Verdict::AgainWhileNameTaken, Loss::Nothing, start, 1.0).is_some());
    assert!(attempts.next(Verdict::AgainWhileNameTaken, Loss::Nothing, just_before, 1.0).is_some());
    assert!(attempts.next(Verdict::AgainWhileNameTaken, Loss::Nothing, start + policy().name_taken_within, 1.0).is_none());
}

#[test]
fn stop_is_stop() {
    assert_eq!(Attempts::after_a_connection(policy()).next(Verdict::Stop, Loss::Nothing, Instant::now(), 0.5), None);
}
