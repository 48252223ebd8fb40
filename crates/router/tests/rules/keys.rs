//! Keys of those outside, and what they open.

use concierge_api_rs::packet::Category;
use concierge_router::Keys;

fn category(text: &str) -> Category {
    Category::parse(text).unwrap()
}

#[test]
fn a_category_that_asks_for_no_level_is_everybodys_and_others_are_for_keys_that_have_it() {
    let keys = Keys::parse(&["math:2", "news:1"], &["sesame math:2", "other news:3 *:1", "weak math:1"]).unwrap();
    let rows = [
        (None, "open", Some(0)),
        (None, "math", None),
        (Some("sesame"), "math", Some(2)),
        (Some("sesame"), "news", None),
        (Some("sesame"), "open", Some(0)),
        (Some("other"), "math", None),
        (Some("other"), "news", Some(3)),
        (Some("other"), "open", Some(1)),
        (Some("weak"), "math", None),
        (Some("sesam"), "math", None),
        (Some(""), "math", None),
    ];
    for (key, name, level) in rows {
        assert_eq!(keys.level(key, &category(name)), level, "{key:?} {name}");
    }
}

#[test]
fn every_category_can_ask_for_a_level_and_one_for_none() {
    let keys = Keys::parse(&["*:1", "open:0"], &["sesame *:1"]).unwrap();
    assert_eq!(keys.level(None, &category("math")), None);
    assert_eq!(keys.level(None, &category("open")), Some(0));
    assert_eq!(keys.level(Some("sesame"), &category("math")), Some(1));
    assert_eq!(Keys::default().level(None, &category("math")), Some(0));
}

#[test]
fn what_makes_no_sense_is_said_without_the_key() {
    let said = |needed: &[&str], keys: &[&str]| Keys::parse(needed, keys).unwrap_err();
    assert_eq!(said(&["math"], &[]), "`math` is not CATEGORY:LEVEL");
    assert_eq!(said(&["math:-1"], &[]), "`-1` in `math:-1` is no level, which is a number");
    assert_eq!(said(&["Math:1"], &[]), "`Math` in `Math:1`: a category is 1 to 126 bytes of a-z 0-9 _ -");
    assert_eq!(said(&[], &["a *:1", " "]), "key 2 is empty");
    assert_eq!(said(&[], &["sesame math"]), "key 1: behind it stand words that are not CATEGORY:LEVEL");
    assert!(!said(&[], &["math:1 sesame"]).contains("sesame"));
    assert_eq!(said(&[], &["sesame *:1", "sesame *:2"]), "key 2 is there twice");
}
