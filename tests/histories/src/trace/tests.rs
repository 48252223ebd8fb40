use super::{Broken, broken};
use crate::event::forge::{MS, acquire, claimed, create, fulfill, pending, settle, settled, told, untold, waiting};
use crate::event::{Answer, Event, History, Offer, Op, Owed};

fn judged(events: Vec<Event>) -> Vec<Broken> {
    broken(&History { events, ..History::default() })
}

/// The names of what is broken, each once.
fn names(events: Vec<Event>) -> Vec<String> {
    let mut names: Vec<String> =
        judged(events).iter().map(|one| format!("{one:?}").split('(').next().unwrap().to_owned()).collect();
    names.dedup();
    names
}

fn created() -> Event {
    told((0, 1), create("p"), pending("p"))
}

#[test]
fn a_life_of_a_task_breaks_nothing() {
    let events = vec![
        created(),
        told((2, 3), acquire(0), claimed(1)),
        told((4, 5), Op::Heartbeat { version: 1 }, Answer::Done),
        told((6, 7), Op::Fence { version: 1 }, Answer::Done),
        told((8, 9), Op::Suspend { version: 1 }, Answer::Done),
        told((10, 11), acquire(1), claimed(2)),
        told((12, 13), Op::Fence { version: 1 }, Answer::Refused(409)),
        told((14, 15), fulfill(2, "v"), settled("p", "v")),
        told((16, 17), settle("w"), settled("p", "v")),
    ];
    assert_eq!(judged(events), []);
}

#[test]
fn an_acknowledged_promise_that_is_gone_is_lost() {
    assert_eq!(names(vec![created(), told((2, 3), Op::Get, Answer::Refused(404))]), ["Lost"]);
}

#[test]
fn an_acknowledged_outcome_that_is_gone_is_lost() {
    let outcome = told((2, 3), settle("v"), settled("p", "v"));
    assert_eq!(names(vec![created(), outcome.clone(), told((4, 5), Op::Get, pending("p"))]), ["Lost"]);
    assert_eq!(names(vec![created(), outcome, told((4, 5), Op::Look, waiting(0))]), ["Lost"]);
}

#[test]
fn what_was_not_acknowledged_may_be_there_or_not() {
    for found in [pending("p"), settled("p", "v")] {
        assert_eq!(judged(vec![created(), untold(2, settle("v")), told((4, 5), Op::Get, found)]), []);
    }
    for found in [Answer::Refused(404), pending("p")] {
        assert_eq!(judged(vec![untold(0, create("p")), told((4, 5), Op::Get, found)]), []);
    }
}

#[test]
fn what_overlaps_may_come_in_either_order() {
    assert_eq!(judged(vec![told((0, 5), create("p"), pending("p")), told((1, 4), Op::Get, Answer::Refused(404))]), []);
}

#[test]
fn an_outcome_that_changes_is_two_even_for_requests_at_the_same_time() {
    let one = told((2, 9), settle("v"), settled("p", "v"));
    assert_eq!(names(vec![created(), one, told((3, 8), settle("w"), settled("p", "w"))]), ["TwoOutcomes"]);
}

#[test]
fn an_outcome_that_nobody_asked_for_is_from_nowhere() {
    assert_eq!(names(vec![created(), told((2, 3), Op::Get, settled("p", "v"))]), ["FromNowhere"]);
    assert_eq!(names(vec![told((2, 3), Op::Get, pending("p"))]), ["FromNowhere"]);
}

#[test]
fn a_version_that_becomes_smaller_is_found() {
    let events = vec![created(), told((2, 3), acquire(0), claimed(1)), told((200, 201), Op::Look, waiting(0))];
    assert_eq!(names(events), ["VersionShrank"]);
}

#[test]
fn a_claim_that_two_got_is_found_even_at_the_same_time() {
    let events = vec![created(), told((2, 9), acquire(0), claimed(1)), told((3, 8), acquire(0), claimed(1))];
    assert_eq!(names(events), ["ClaimedTwice"]);
}

#[test]
fn who_acts_after_a_later_claim_is_unfenced() {
    for act in [
        told((204, 205), Op::Fence { version: 1 }, Answer::Done),
        told((204, 205), Op::Suspend { version: 1 }, Answer::Done),
        told((204, 205), Op::Release { version: 1 }, Answer::Done),
        told((204, 205), fulfill(1, "v"), settled("p", "v")),
    ] {
        let events = vec![created(), told((2, 3), acquire(0), claimed(1)), told((202, 203), acquire(1), claimed(2)), act];
        assert_eq!(names(events), ["Unfenced"]);
    }
    let before = told((201, 205), Op::Fence { version: 1 }, Answer::Done);
    let events = vec![created(), told((2, 3), acquire(0), claimed(1)), told((202, 203), acquire(1), claimed(2)), before];
    assert_eq!(judged(events), [], "it may have been let through before that claim");
}

#[test]
fn a_claim_while_a_lease_runs_shares_it() {
    let first = || told((2, 3), acquire(0), claimed(1));
    assert_eq!(names(vec![created(), first(), told((50, 60), acquire(1), claimed(2))]), ["LeaseShared"]);
    assert_eq!(judged(vec![created(), first(), told((99, 101), acquire(1), claimed(2))]), [], "the clock is no better than that");
    for given_back in [told((10, 11), Op::Release { version: 1 }, Answer::Done), untold(10, Op::Suspend { version: 1 })] {
        assert_eq!(judged(vec![created(), first(), given_back, told((50, 60), acquire(1), claimed(2))]), []);
    }
    let refused = told((10, 11), Op::Release { version: 1 }, Answer::Refused(409));
    assert_eq!(names(vec![created(), first(), refused, told((50, 60), acquire(1), claimed(2))]), ["LeaseShared"]);
}

#[test]
fn a_heartbeat_in_time_makes_a_lease_longer_and_a_late_one_does_not() {
    let with = |beat| vec![created(), told((2, 3), acquire(0), claimed(1)), beat, told((150, 160), acquire(1), claimed(2))];
    let beat = |at| told(at, Op::Heartbeat { version: 1 }, Answer::Done);
    assert_eq!(names(with(beat((80, 90)))), ["LeaseShared"]);
    assert_eq!(judged(with(beat((80, 110)))), [], "it may have come too late");
    assert_eq!(judged(with(untold(80, Op::Heartbeat { version: 1 }))), []);
}

#[test]
fn a_task_that_is_owed_has_to_be_offered_since() {
    let owed = vec![Owed { id: "t".to_owned(), since: 5 * MS }];
    let offer = |id: &str, at| Offer { id: id.to_owned(), version: 0, at };
    let judged = |offers| broken(&History { owed: owed.clone(), offers, ..History::default() });
    assert_eq!(judged(vec![offer("t", 4 * MS), offer("u", 6 * MS)]), [Broken::NotOffered(owed[0].clone())]);
    assert_eq!(judged(vec![offer("t", 6 * MS)]), []);
}
