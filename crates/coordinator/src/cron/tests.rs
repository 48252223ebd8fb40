use super::*;

/// 2026-01-01T00:00:00Z.
const NEW_YEAR: i64 = 1_767_225_600_000;
const MINUTE: i64 = 60_000;

fn next(cron: &str, after: i64) -> i64 {
    Cron::parse(cron).unwrap().next_after(Millis(after)).0
}

#[test]
fn the_next_instant_is_after_and_never_at() {
    assert_eq!(next("* * * * *", NEW_YEAR), NEW_YEAR + MINUTE);
    assert_eq!(next("* * * * *", NEW_YEAR + 1), NEW_YEAR + MINUTE);
    assert_eq!(next("* * * * *", NEW_YEAR - 1), NEW_YEAR);
    assert_eq!(next("*/5 * * * *", NEW_YEAR + MINUTE), NEW_YEAR + 5 * MINUTE);
    assert_eq!(next("30 6 * * MON", NEW_YEAR), NEW_YEAR + (4 * 24 * 60 + 6 * 60 + 30) * MINUTE);
}

#[test]
fn five_fields_are_an_expression_and_four_or_six_are_not() {
    for text in ["", "*", "* * * *", "* * * * * *", "61 * * * *", "x * * * *", "* * * * * * *"] {
        assert!(Cron::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_day_that_never_comes_is_never() {
    assert_eq!(Cron::parse("0 0 30 2 *").unwrap().next_after(Millis(NEW_YEAR)), Millis::NEVER);
}

#[test]
fn instants_out_of_the_calendar_are_followed_by_none() {
    assert_eq!(Cron::parse("* * * * *").unwrap().next_after(Millis::NEVER), Millis::NEVER);
    assert_eq!(Cron::parse("* * * * *").unwrap().next_after(Millis(i64::MIN)), Millis::NEVER);
}
