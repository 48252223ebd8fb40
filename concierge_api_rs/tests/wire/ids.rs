//! Ids are checked when they are parsed.

use concierge_api_rs::*;

/// Security: 19.
#[test]
fn a_client_name_has_1_to_64_characters_of_letters_digits_and_underscore() {
    for good in ["a", "_", "0", "Ada_Lovelace_1815", &"x".repeat(64)] {
        assert_eq!(ClientName::parse(good).unwrap().as_str(), good);
    }
    for bad in ["", &"x".repeat(65), "a b", "a-b", "a.b", "é", "ａ", "..", "a\0", "a\r\n", "🦀"] {
        assert!(ClientName::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_service_name_may_hold_dots_colons_and_dashes_too() {
    for good in ["a", ".", "concierge.admin", "a:b-c", &"x".repeat(64)] {
        assert_eq!(ServiceName::parse(good).unwrap().as_str(), good);
    }
    for bad in ["", &"x".repeat(65), "a b", "a/b", "é", "a\0"] {
        assert!(ServiceName::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_refused_name_is_told_the_rule() {
    let error = ServiceName::parse("a b").unwrap_err();
    assert_eq!(error.to_string(), "a name is 1 to 64 characters of A-Z a-z 0-9 _ . : -");
}

#[test]
fn a_seq_is_0_to_2_to_the_53_less_1_and_then_0_again() {
    assert_eq!(Seq::new(limits::SEQ_MAX).unwrap().value(), 9_007_199_254_740_991);
    assert_eq!(Seq::new(limits::SEQ_MAX + 1), None);
    assert_eq!(Seq::default().next(), Seq::new(1).unwrap());
    assert_eq!(Seq::new(limits::SEQ_MAX).unwrap().next(), Seq::default());
}

#[test]
fn a_reason_is_cut_at_123_bytes_on_a_character_boundary() {
    assert_eq!(cut_reason("short"), "short");
    assert_eq!(cut_reason(&"x".repeat(123)).len(), 123);
    assert_eq!(cut_reason(&"x".repeat(124)).len(), 123);
    assert_eq!(cut_reason(&"é".repeat(100)).len(), 122); // 61 whole characters
    assert_eq!(cut_reason(&format!("{}🦀", "x".repeat(120))).len(), 120);
}

/// Security: 20, 28.
#[test]
fn neither_a_file_key_nor_a_secret_shows_in_debug_output() {
    let key = "f5000000-0000-4000-8000-000000000001";
    let hello = Hello { uuid: ClientId(uuid::Uuid::nil()), version: "0.2.0".into(), fs_key: Some(key.parse().unwrap()) };
    assert!(!format!("{hello:?}").contains("f5000000"));
    let identify = Identify::decode(r#"{"type":"IDENTIFY","name":"ada","version":"0.2.0","secret":"swordfish"}"#).unwrap();
    assert_eq!(identify.secret.as_deref(), Some("swordfish"));
    assert!(!format!("{identify:?}").contains("swordfish"));
}
