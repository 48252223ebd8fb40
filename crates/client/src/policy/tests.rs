use super::Verdict::{Again, AgainLater, AgainWhileNameTaken, Stop};
use super::*;

#[test]
fn every_close_code_has_its_verdict() {
    let table = [
        (1000, Again, Again),
        (1001, Again, Again),
        (1002, Again, Again),
        (1003, Stop, Stop),
        (1005, Again, Again),
        (1006, Again, Again),
        (1007, Again, Again),
        (1008, Stop, Stop),
        (1009, Again, Again),
        (1010, Stop, Stop),
        (1011, Again, Again),
        (1012, Again, Again),
        (1013, Again, Again),
        (1014, Again, Again),
        (1015, Again, Again),
        (4000, Again, Again),
        (4001, Again, Again),
        (4002, Stop, Stop),
        (4003, Stop, Stop),
        (4004, Again, Again),
        (4005, Stop, AgainWhileNameTaken),
        (4006, Stop, Stop),
        (4007, Stop, Stop),
        (4008, Again, Again),
        (4009, Again, Again),
        (4010, AgainLater, AgainLater),
        (4011, Again, Again),
        (4012, Stop, Stop),
        (4013, Stop, Stop),
        (4999, Again, Again),
    ];
    for (code, first, later) in table {
        assert_eq!((verdict(code, false), verdict(code, true)), (first, later), "{code}");
    }
}

/// What the table at `Reconnect` says of that code, in the words of its second column.
fn documented(code: u16) -> &'static str {
    let rows = include_str!("../backoff.rs").lines().filter_map(|line| line.strip_prefix("/// | "));
    let mut cells = rows.filter_map(|row| row.strip_suffix(" |")?.split_once(" | "));
    let then = cells.find(|(ends, _)| !ends.starts_with("HTTP") && names(ends, code)).map(|(_, then)| then);
    then.unwrap_or_else(|| panic!("{code} is missing in the table of Reconnect"))
}

/// Is the code among those of that list, `1001, 1011 to 1015, 4010 RATE_LIMITED`?
fn names(list: &str, code: u16) -> bool {
    list.split(", ").any(|entry| {
        let numbers: Vec<u16> = entry.split(' ').filter_map(|word| word.parse().ok()).collect();
        matches!((numbers.first(), numbers.last()), (Some(first), Some(last)) if (*first..=*last).contains(&code))
    })
}

#[test]
fn what_follows_every_code_that_the_hub_uses_is_what_the_table_says() {
    for code in CloseCode::ALL {
        let said = match (verdict(code.code(), false), verdict(code.code(), true)) {
            (Again, Again) => "again",
            (Stop, Stop) => "stop",
            (AgainLater, AgainLater) => "again, after at least",
            (Stop, AgainWhileNameTaken) => "the first connection: stop. A later one: again",
            other => panic!("{code}: {other:?} is not in the table of Reconnect"),
        };
        let documented = documented(code.code());
        assert!(if said.contains(' ') { documented.starts_with(said) } else { documented == said }, "{code}: {documented}");
    }
}

#[test]
fn only_a_passing_http_status_is_tried_again() {
    for status in [408, 425, 429, 500, 502, 503, 504] {
        assert_eq!(verdict_of_http(status), Verdict::Again, "{status}");
    }
    for status in [200, 301, 400, 401, 403, 404, 426] {
        assert_eq!(verdict_of_http(status), Verdict::Stop, "{status}");
    }
}

#[test]
fn only_a_hub_that_goes_or_says_nothing_is_lost() {
    for code in CloseCode::ALL {
        assert_eq!(loss(code.code()) == Loss::Hub, matches!(code.code(), 1001 | 1012 | 1013), "{code}");
        assert_ne!(loss(code.code()), Loss::Connection, "{code}: the hub said it");
    }
    assert_eq!([loss(1005), loss(1006)], [Loss::Connection; 2]);
}
