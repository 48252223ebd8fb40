use super::contradictions;
use crate::event::forge::{acquire, claimed, create, fulfill, pending, settle, settled, told, untold, waiting};
use crate::event::{Answer, Event, History, Op, Phase};
use crate::spec::Leases;

fn is_explained(events: &[Event], leases: Leases) -> bool {
    contradictions(&History { events: events.to_vec(), ..History::default() }, leases).is_empty()
}

fn explained(events: &[Event]) {
    assert!(is_explained(events, Leases::Outlast), "{events:#?}");
}

fn contradictory(events: &[Event]) {
    assert!(!is_explained(events, Leases::Outlast), "{events:#?}");
}

#[test]
fn one_after_the_other_is_explained() {
    explained(&[
        told((0, 1), Op::Get, Answer::Refused(404)),
        told((2, 3), create("p"), pending("p")),
        told((4, 5), create("q"), pending("p")),
        told((6, 7), acquire(0), claimed(1)),
        told((8, 9), acquire(0), Answer::Refused(409)),
        told((10, 11), Op::Fence { version: 1 }, Answer::Done),
        told((12, 13), Op::Release { version: 1 }, Answer::Done),
        told((14, 15), acquire(1), claimed(2)),
        told((16, 17), fulfill(1, "v"), Answer::Refused(409)),
        told((18, 19), fulfill(2, "v"), settled("p", "v")),
        told((20, 21), Op::Look, Answer::Task { phase: Phase::Fulfilled, version: 2 }),
        told((22, 23), settle("w"), settled("p", "v")),
    ]);
}

#[test]
fn what_overlaps_may_have_come_in_either_order_but_in_one() {
    let create = told((0, 9), create("p"), pending("p"));
    explained(&[create.clone(), told((1, 2), Op::Get, pending("p")), told((3, 4), Op::Get, pending("p"))]);
    explained(&[create.clone(), told((1, 2), Op::Get, Answer::Refused(404)), told((3, 4), Op::Get, pending("p"))]);
    contradictory(&[create, told((1, 2), Op::Get, pending("p")), told((3, 4), Op::Get, Answer::Refused(404))]);
}

#[test]
fn a_read_that_is_older_than_an_acknowledged_write_is_found() {
    let write = told((2, 3), settle("v"), settled("p", "v"));
    contradictory(&[told((0, 1), create("p"), pending("p")), write, told((4, 5), Op::Get, pending("p"))]);
}

#[test]
fn two_who_both_win_are_found() {
    let created = told((0, 1), create("p"), pending("p"));
    contradictory(&[created.clone(), told((2, 9), settle("v"), settled("p", "v")), told((2, 9), settle("w"), settled("p", "w"))]);
    contradictory(&[created.clone(), told((2, 9), acquire(0), claimed(1)), told((2, 9), acquire(0), claimed(1))]);
    explained(&[created, told((2, 9), acquire(0), claimed(1)), told((2, 9), acquire(0), Answer::Refused(409))]);
}

#[test]
fn nobody_winning_is_found() {
    let refused = |at| told(at, acquire(0), Answer::Refused(409));
    contradictory(&[told((0, 1), create("p"), pending("p")), refused((2, 9)), refused((3, 8))]);
}

#[test]
fn an_unknown_fate_may_come_late_or_never_and_only_once() {
    let created = told((0, 1), create("p"), pending("p"));
    let (before, after) = (told((4, 5), Op::Get, pending("p")), told((6, 7), Op::Get, settled("p", "v")));
    explained(&[created.clone(), untold(2, settle("v")), before.clone(), after.clone()]);
    explained(&[created.clone(), untold(2, settle("v")), before.clone()]);
    contradictory(&[created.clone(), before, after]);
    let claims = [created, untold(2, acquire(0)), told((4, 5), Op::Look, claimed(1)), told((6, 7), Op::Look, waiting(0))];
    contradictory(&claims);
}

#[test]
fn a_lease_that_may_end_explains_another_claim_and_one_that_may_not_does_not() {
    let events =
        [told((0, 1), create("p"), pending("p")), told((2, 3), acquire(0), claimed(1)), told((4, 5), acquire(1), claimed(2))];
    assert!(is_explained(&events, Leases::MayEnd));
    assert!(!is_explained(&events, Leases::Outlast));
}

#[test]
fn a_suspended_task_is_nobodys_until_it_is_woken() {
    let suspended = [
        told((0, 1), create("p"), pending("p")),
        told((2, 3), acquire(0), claimed(1)),
        told((4, 5), Op::Suspend { version: 1 }, Answer::Done),
    ];
    let then = |event| [&suspended[..], &[event]].concat();
    explained(&then(told((6, 7), acquire(1), claimed(2))));
    explained(&then(told((6, 7), Op::Look, Answer::Task { phase: Phase::Suspended, version: 1 })));
    contradictory(&then(told((6, 7), Op::Fence { version: 1 }, Answer::Done)));
}

#[test]
fn ids_do_not_explain_each_other() {
    let other = |mut event: Event| {
        event.id = "u".to_owned();
        event
    };
    let events = [told((0, 1), create("p"), pending("p")), other(told((2, 3), Op::Get, pending("p")))];
    let found = contradictions(&History { events: events.to_vec(), ..History::default() }, Leases::Outlast);
    assert_eq!(found.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["u"]);
}

#[test]
fn sixteen_at_once_who_say_nothing_are_searched_in_no_time() {
    let mut events = vec![told((0, 1), create("p"), pending("p"))];
    events.extend((2..18).map(|n| untold(n, settle(&format!("v{n}")))));
    events.extend((20..40).map(|n| told((n, n + 100), Op::Get, settled("p", "v17"))));
    explained(&events);
    events.push(told((200, 201), Op::Get, settled("p", "v16")));
    contradictory(&events);
}
