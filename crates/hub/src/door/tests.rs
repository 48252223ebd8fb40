use super::*;

fn refused(door: &Door, text: &str) -> (u16, String) {
    let (code, why) = door.admit(text).expect_err("refused");
    (code.code(), why)
}

/// Security: 17.
#[test]
fn the_checks_run_in_the_documented_order() {
    let door = Door::new(Some("sesame"));
    // every fault at once, then one fewer each time: the first of the order decides
    for (text, code) in [
        (r#"{"type":"IDENTIFY","name":"no good","version":"9","secret":"wrong"}"#, 4002),
        (r#"{"type":"IDENTIFY","name":"ada","version":"9","secret":"wrong"}"#, 4006),
        (r#"{"type":"IDENTIFY","name":"ada","version":"9"}"#, 4006),
        (r#"{"type":"IDENTIFY","name":"ada","version":"9","secret":"sesame"}"#, 4007),
        (r#"{"type":"IDENTIFY","name":"ada","version":"0.3.0","secret":"sesame"}"#, 4007),
        (r#"{"type":"SELF_FETCH"}"#, 4003),
        (r#"{"type":"NO_SUCH_TYPE"}"#, 4003),
        ("[]", 4002),
    ] {
        assert_eq!(refused(&door, text).0, code, "{text}");
    }
    assert!(door.admit(r#"{"type":"IDENTIFY","name":"ada","version":"0.2.7","secret":"sesame"}"#).is_ok());
}

#[test]
fn a_hub_without_a_secret_ignores_one() {
    assert!(Door::new(None).admit(r#"{"type":"IDENTIFY","name":"ada","version":"0.2.0","secret":"whatever"}"#).is_ok());
}

/// Security: 17.
#[test]
fn an_empty_secret_is_no_missing_one() {
    let door = Door::new(Some(""));
    assert_eq!(refused(&door, r#"{"type":"IDENTIFY","name":"ada","version":"0.2.0"}"#).0, 4006);
    assert!(door.admit(r#"{"type":"IDENTIFY","name":"ada","version":"0.2.0","secret":""}"#).is_ok());
}

/// Security: 19.
#[test]
fn versions_that_are_none_and_those_that_do_not_fit_are_4007_with_a_reason() {
    let door = Door::new(None);
    for version in ["", "1", "0.2", "0.1.9", "0.3.0", "1.0.0", "0.2.0-alpha", "99999999999999999999.0.0", &"0.2.0".repeat(2_000)]
    {
        let (code, why) = refused(&door, &format!(r#"{{"type":"IDENTIFY","name":"ada","version":"{version}"}}"#));
        assert_eq!(code, 4007, "{version}");
        assert!(why.starts_with("version: ") && why.len() <= limits::CLOSE_REASON_BYTES, "{why}");
    }
}
