use super::*;

fn seq(n: u64) -> Seq {
    Seq::new(n).unwrap()
}

#[test]
fn messages_are_numbered_from_0_and_answers_may_come_in_any_order() {
    let mut pending = Pending::new();
    for waiter in ["a", "b", "c"] {
        assert_eq!(pending.sent(waiter, None), None);
    }
    assert_eq!(pending.answered(seq(2)), Some("c"));
    assert_eq!(pending.answered(seq(0)), Some("a"));
    assert_eq!(pending.answered(seq(1)), Some("b"));
    assert_eq!(pending.answered(seq(1)), None, "an answer is given once");
    assert_eq!(pending.answered(seq(3)), None, "nobody asked");
}

#[test]
fn set_seq_is_answered_with_its_own_number_and_the_next_message_follows_it() {
    let mut pending = Pending::new();
    pending.sent("first", None);
    pending.sent("set", Some(seq(100)));
    pending.sent("next", None);
    assert_eq!(pending.answered(seq(100)), Some("set"));
    assert_eq!(pending.answered(seq(101)), Some("next"));
    assert_eq!(pending.answered(seq(0)), Some("first"));
}

#[test]
fn a_renumbering_onto_a_request_in_flight_gives_that_one_up() {
    let mut pending = Pending::new();
    pending.sent("first", None);
    assert_eq!(pending.sent("set", Some(seq(0))), Some("first"));
    assert_eq!(pending.answered(seq(0)), Some("set"));
}

#[test]
fn the_largest_number_is_followed_by_0() {
    let mut pending = Pending::new();
    pending.sent("set", Some(seq(concierge_api_rs::limits::SEQ_MAX)));
    pending.sent("next", None);
    assert_eq!(pending.answered(seq(0)), Some("next"));
}

#[test]
fn at_the_end_of_the_connection_all_who_wait_are_known() {
    let mut pending = Pending::new();
    (0..5).for_each(|n| assert!(pending.sent(n, None).is_none()));
    pending.answered(seq(2));
    let mut left: Vec<_> = pending.into_waiting().collect();
    left.sort_unstable();
    assert_eq!(left, [0, 1, 3, 4]);
}
