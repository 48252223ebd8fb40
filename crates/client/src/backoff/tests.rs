use super::*;

fn policy() -> Reconnect {
    Reconnect { base: Duration::from_millis(100), cap: Duration::from_secs(5), attempts: None, ..Reconnect::default() }
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
    assert_eq!(policy().wait(3, 0.0), Duration::ZERO);
    assert_eq!(policy().wait(3, 0.5), Duration::from_millis(400));
    assert_eq!(policy().wait(3, 1.0), policy().ceiling(3));
}

#[test]
fn a_thousand_clients_spread_over_the_whole_wait() {
    let waits: Vec<_> = (0..1_000).map(|_| policy().wait(5, rand::random())).collect();
    let ceiling = policy().ceiling(5);
    assert!(waits.iter().all(|wait| *wait <= ceiling));
    for quarter in 0..4 {
        let (from, to) = (ceiling / 4 * quarter, ceiling / 4 * (quarter + 1));
        let inside = waits.iter().filter(|wait| (from..to).contains(*wait)).count();
        assert!((150..350).contains(&inside), "{inside} of 1,000 in quarter {quarter}");
    }
}

#[test]
fn a_rate_limited_client_waits_the_cap_at_least() {
    let mut attempts = Attempts::after_a_connection(policy());
    let now = Instant::now();
    assert_eq!(attempts.next(Verdict::AgainLater, now, 0.0), Some(policy().cap));
    assert_eq!(attempts.next(Verdict::AgainLater, now, 1.0), Some(policy().cap * 2));
}

#[test]
fn attempts_end_after_as_many_failures_as_allowed() {
    let mut attempts = Attempts::after_a_connection(Reconnect { attempts: Some(2), ..policy() });
    let now = Instant::now();
    let wait = |attempts: &mut Attempts| attempts.next(Verdict::Again, now, 1.0).map(|wait| wait.as_millis());
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
        assert_eq!(attempts.next(Verdict::Again, now, 1.0), Some(Duration::from_millis(expected)));
    }
    attempts.lived(policy().cap);
    assert_eq!(attempts.next(Verdict::Again, now, 1.0), Some(Duration::from_millis(100)));
}

#[test]
fn a_taken_name_is_waited_for_only_so_long() {
    let mut attempts = Attempts::after_a_connection(policy());
    let start = Instant::now();
    let just_before = start + policy().name_taken_within - Duration::from_millis(1);
    assert!(attempts.next(Verdict::AgainWhileNameTaken, start, 1.0).is_some());
    assert!(attempts.next(Verdict::AgainWhileNameTaken, just_before, 1.0).is_some());
    assert!(attempts.next(Verdict::AgainWhileNameTaken, start + policy().name_taken_within, 1.0).is_none());
}

#[test]
fn stop_is_stop() {
    assert_eq!(Attempts::after_a_connection(policy()).next(Verdict::Stop, Instant::now(), 0.5), None);
}
