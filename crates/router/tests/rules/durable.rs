//! Durable requests that a hub remembers: sentences, and random lives with the invariants checked after each step.

use std::collections::{BTreeMap, BTreeSet};

use concierge_api_rs::coordinator::{Millis, PromiseId};
use concierge_api_rs::limits;
use concierge_api_rs::packet::{Category, Subject};
use concierge_router::{Again, Durables, Spot, Ticket};

use crate::dice::Dice;

fn spot(category: &str, subject: &str) -> Spot {
    Spot { category: Category::parse(category).unwrap(), subject: Subject::parse(subject).unwrap() }
}

fn promise(n: usize) -> PromiseId {
    PromiseId::parse(&n.to_string()).unwrap()
}

const NOW: Millis = Millis(0);

/// The promises that go out.
fn next(durables: &mut Durables, most: usize) -> Vec<String> {
    durables.next(NOW, most, |_| true).into_iter().map(|(_, promise)| promise.to_string()).collect()
}

#[test]
fn those_of_a_spot_go_out_in_the_order_in_which_they_came_also_when_one_comes_back() {
    let mut durables = Durables::default();
    for n in 0..4 {
        assert!(durables.keep(promise(n), spot("math", "api"), Millis(10)));
    }
    assert!(!durables.keep(promise(2), spot("math", "api"), Millis(10)), "it is here already");
    let out = durables.next(NOW, 2, |_| true);
    assert_eq!((durables.waiting(), durables.open()), (2, 2));
    assert!(durables.put_back(NOW, out[0].0, Again::AtOnce) && !durables.put_back(NOW, out[0].0, Again::AtOnce));
    assert_eq!(next(&mut durables, 9), ["0", "2", "3"]);
}

#[test]
fn a_spot_that_leads_nowhere_or_is_stuck_waits_until_it_is_woken_and_keeps_no_other_one_waiting() {
    let mut durables = Durables::default();
    durables.keep(promise(0), spot("math", "api"), Millis(10));
    durables.keep(promise(1), spot("news", "api"), Millis(10));
    durables.keep(promise(2), spot("math", "shop"), Millis(10));
    let to_the_shop = durables.next(NOW, 9, |spot| spot.subject.as_str() == "shop");
    assert_eq!(to_the_shop.iter().map(|(_, promise)| promise.as_str()).collect::<Vec<_>>(), ["2"]);
    assert_eq!(next(&mut durables, 9), [""; 0]);
    durables.wake_all();
    let out = durables.next(NOW, 1, |_| true);
    durables.put_back(NOW, out[0].0, Again::Later);
    durables.keep(promise(3), spot("math", "api"), Millis(10));
    assert_eq!(next(&mut durables, 9), ["1"]);
    durables.wake_all();
    assert_eq!(next(&mut durables, 9), ["0", "3"]);
}

/// What goes out a while later.
fn after(durables: &mut Durables, now: i64) -> Vec<(Ticket, PromiseId)> {
    durables.wake_due(Millis(now));
    durables.next(Millis(now), 9, |_| true)
}

#[test]
fn where_nobody_is_one_alone_is_tried_after_pauses_that_grow_to_a_minute() {
    let mut durables = Durables::default();
    for n in 0..5 {
        durables.keep(promise(n), spot("math", "api"), Millis(i64::MAX));
    }
    let mut now = 0;
    for (ticket, _) in durables.next(NOW, 9, |_| true) {
        durables.put_back(NOW, ticket, Again::Later);
    }
    for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert_eq!(after(&mut durables, now + pause * 1_000 - 1).len(), 0, "{pause}");
        now += pause * 1_000;
        let tried = after(&mut durables, now);
        assert_eq!(tried.iter().map(|(_, promise)| promise.as_str()).collect::<Vec<_>>(), ["0"]);
        durables.keep(promise(now as usize), spot("math", "api"), Millis(i64::MAX));
        assert_eq!(after(&mut durables, now + 10).len(), 0, "it is tried alone");
        durables.put_back(Millis(now), tried[0].0, Again::Later);
    }
    durables.wake(&spot("math", "api"));
    assert_eq!(durables.next(Millis(now), 99, |_| true).len(), 13, "somebody came");
}

#[test]
fn one_that_is_not_sent_back_for_a_second_or_is_answered_lets_the_others_go() {
    for answered in [true, false] {
        let mut durables = Durables::default();
        (0..5).for_each(|n| assert!(durables.keep(promise(n), spot("math", "api"), Millis(i64::MAX))));
        let first = durables.next(NOW, 1, |_| true)[0].0;
        durables.put_back(NOW, first, Again::Later);
        assert_eq!(after(&mut durables, 1_000).len(), 1);
        if answered {
            durables.answer(first);
        }
        assert_eq!(after(&mut durables, if answered { 1_001 } else { 2_000 }).len(), 4);
    }
}

#[test]
fn where_somebody_has_no_room_all_are_tried_at_the_next_look() {
    let mut durables = Durables::default();
    (0..3).for_each(|n| assert!(durables.keep(promise(n), spot("math", "api"), Millis(i64::MAX))));
    for (ticket, _) in durables.next(NOW, 9, |_| true) {
        durables.put_back(NOW, ticket, Again::Soon);
    }
    assert_eq!(next(&mut durables, 9), [""; 0]);
    assert_eq!(after(&mut durables, 1).len(), 3);
}

#[test]
fn what_is_stuck_and_what_waits_is_looked_through_in_turn() {
    let mut durables = Durables::default();
    (0..6).for_each(|n| assert!(durables.keep(promise(n), spot(&format!("c{}", n % 3), "api"), Millis(i64::MAX))));
    assert_eq!(durables.stuck_behind(None, 9), []);
    durables.next(NOW, 9, |_| false);
    let stuck = durables.stuck_behind(None, 2);
    assert_eq!(stuck, [spot("c0", "api"), spot("c1", "api")]);
    assert_eq!(durables.stuck_behind(stuck.last(), 2), [spot("c2", "api")]);
    let first = durables.waiting_behind(None, 4);
    let rest = durables.waiting_behind(first.last().map(|(ticket, _)| *ticket), 4);
    assert_eq!((first.len(), rest.len()), (4, 2));
    assert!(!durables.overtake(first[0].0), "it was not out");
    assert_eq!(durables.waiting(), 5);
}

#[test]
fn of_a_category_and_of_all_only_so_many_are_out_and_what_was_answered_counts_until_it_is_written() {
    let mut durables = Durables::default();
    for n in 0..2_000 {
        durables.keep(promise(n), spot(&format!("c{}", n % 20), "api"), Millis(10));
    }
    let mut out = Vec::new();
    loop {
        let more = durables.next(NOW, 16, |_| true);
        if more.is_empty() {
            break;
        }
        out.extend(more);
    }
    assert_eq!(out.len(), limits::ROUTER_DURABLE_OPEN_ALL);
    let mut by_category = BTreeMap::<String, usize>::new();
    for (ticket, _) in &out {
        *by_category.entry(durables.spot(*ticket).unwrap().category.to_string()).or_default() += 1;
    }
    assert!(by_category.values().all(|n| *n <= limits::ROUTER_DURABLE_OPEN), "{by_category:?}");
    assert_eq!(durables.answer(out[0].0), Some(out[0].1.clone()));
    assert_eq!((durables.answer(out[0].0), durables.next(NOW, 16, |_| true).len()), (None, 0));
    assert!(!durables.end(out[0].0), "it was answered");
    assert_eq!(durables.next(NOW, 16, |_| true).len(), 1);
}

#[test]
fn a_hub_remembers_only_so_many_and_those_on_their_way_count() {
    let mut durables = Durables::default();
    for n in 0..limits::ROUTER_DURABLE - 1 {
        durables.keep(promise(n), spot("math", "api"), Millis(10));
    }
    assert!(durables.has_room(0) && !durables.has_room(1));
}

/// What is known of one that is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
struct One {
    promise: usize,
    spot: Spot,
    due: i64,
    stage: &'static str,
}

fn check(durables: &Durables, model: &BTreeMap<Ticket, One>) {
    let waiting = model.values().filter(|one| one.stage == "waiting").count();
    assert_eq!((durables.waiting(), durables.open()), (waiting, model.len() - waiting));
    assert_eq!(durables.is_empty(), model.is_empty());
    let out: Vec<Ticket> = model.iter().filter(|(_, one)| one.stage == "out").map(|(ticket, _)| *ticket).collect();
    assert_eq!(durables.out_behind(None, usize::MAX).into_iter().map(|(ticket, _)| ticket).collect::<Vec<_>>(), out);
    for (ticket, one) in model {
        assert_eq!((durables.is_out(*ticket), durables.spot(*ticket)), (one.stage == "out", Some(&one.spot)));
    }
}

/// 200 lives of 300 steps.
#[test]
fn whatever_happens_each_is_waiting_out_or_answered_until_it_ends_and_goes_out_once_at_a_time() {
    let spots = [spot("math", "api"), spot("math", "shop"), spot("news", "api")];
    let mut ended = 0;
    for seed in 0..200 {
        let (mut dice, mut durables, mut model) = (Dice::new(seed), Durables::default(), BTreeMap::<Ticket, One>::new());
        let (mut now, mut waiting) = (0, BTreeMap::<usize, One>::new());
        for n in 0..300 {
            let known: Vec<Ticket> = model.keys().copied().collect();
            let some = if known.is_empty() { None } else { Some(dice.pick(&known)) };
            match (dice.below(12), some) {
                (0..=4, _) => {
                    let one = One { promise: n, spot: spots[dice.below(3)].clone(), due: now + 40, stage: "waiting" };
                    assert!(durables.keep(promise(n), one.spot.clone(), Millis(one.due)));
                    waiting.insert(n, one);
                }
                (5..=6, _) => {
                    let shut = dice.below(4);
                    if dice.one_in(2) {
                        durables.wake_all()
                    } else {
                        durables.wake_due(Millis(now))
                    }
                    for (ticket, promise) in durables.next(Millis(now), dice.below(5), |spot| spots.get(shut) != Some(spot)) {
                        let n: usize = promise.as_str().parse().unwrap();
                        // its ticket is known only from now on
                        let one = waiting.remove(&n).or_else(|| model.remove(&ticket)).unwrap();
                        assert_eq!((one.stage, one.promise), ("waiting", n));
                        assert_ne!(spots.get(shut), Some(&one.spot));
                        model.insert(ticket, One { stage: "out", ..one });
                    }
                }
                (7, Some(ticket)) => {
                    let was_out = model[&ticket].stage == "out";
                    let again = dice.pick(&[Again::AtOnce, Again::Soon, Again::Later]);
                    assert_eq!(durables.put_back(Millis(now), ticket, again), was_out);
                    if was_out {
                        model.get_mut(&ticket).unwrap().stage = "waiting";
                    }
                }
                (8, Some(ticket)) => {
                    let one = model.get_mut(&ticket).unwrap();
                    let was_out = one.stage == "out";
                    assert_eq!(durables.answer(ticket), was_out.then(|| promise(one.promise)));
                    if was_out {
                        one.stage = "answered";
                    }
                }
                (9, Some(ticket)) => {
                    let one = model.remove(&ticket).unwrap();
                    assert_eq!(durables.end(ticket), one.stage == "out");
                    assert!(!durables.end(ticket) && !durables.put_back(Millis(now), ticket, Again::Later));
                    ended += 1;
                }
                _ => {
                    now += 3;
                    let over: BTreeSet<Ticket> = durables.expire(Millis(now)).into_iter().collect();
                    let is_over = |one: &One| one.due <= now && one.stage != "answered";
                    let expected: BTreeSet<Ticket> =
                        model.iter().filter(|(_, one)| is_over(one) && one.stage == "out").map(|(ticket, _)| *ticket).collect();
                    assert_eq!(over, expected);
                    model.retain(|_, one| !is_over(one));
                    waiting.retain(|_, one| !is_over(one));
                }
            }
            let unseen = waiting.len();
            assert_eq!(durables.waiting(), unseen + model.values().filter(|one| one.stage == "waiting").count());
            if unseen == 0 {
                check(&durables, &model);
            }
        }
    }
    assert!(ended > 1_000, "{ended}");
}
