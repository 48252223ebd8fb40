use super::*;

#[test]
fn every_close_code_has_its_verdict() {
    use Verdict::{Again, AgainLater, AgainWhileNameTaken, Stop};
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

#[test]
fn the_table_names_every_code_that_the_hub_uses() {
    let documentation = include_str!("../backoff.rs");
    for code in CloseCode::ALL {
        let number = code.code().to_string();
        assert!(documentation.contains(&number), "{code} is missing in the table of Reconnect");
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
