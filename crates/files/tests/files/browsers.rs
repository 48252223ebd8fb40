//! Pages of other origins.

use crate::house::House;

const FRIEND: &str = "https://friend.example";

fn house() -> House {
    House::with(|options| options.allowed_origins = vec![FRIEND.into(), "http://friend.example:8080".into()])
}

fn preflight(house: &House, origin: &str, method: &str) -> crate::house::Answer {
    let headers = [("origin", origin), ("access-control-request-method", method), ("access-control-request-headers", "x-fs-key")];
    house.ask("OPTIONS", "/fs/ada/a", &headers, b"")
}

#[test]
fn a_preflight_of_an_allowed_origin_names_the_methods_and_the_key_header() {
    let house = house();
    for origin in [FRIEND, "http://friend.example:8080"] {
        for method in ["GET", "HEAD", "PUT", "POST", "DELETE"] {
            let answer = preflight(&house, origin, method);
            assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some(origin)));
            assert!(answer.header("access-control-allow-methods").unwrap().split(',').any(|allowed| allowed == method));
            assert!(answer.header("access-control-allow-headers").unwrap().split(',').any(|allowed| allowed == "x-fs-key"));
        }
    }
    assert!(!preflight(&house, FRIEND, "PATCH").header("access-control-allow-methods").unwrap().contains("PATCH"));
}

/// Security: 32.
#[test]
fn other_origins_are_allowed_nothing() {
    let house = house();
    let origins = [
        "https://friend.example.evil.com",
        "https://evilfriend.example",
        "http://friend.example",
        "https://friend.example:444",
        "null",
        "HTTPS://FRIEND.EXAMPLE",
        "https://friend.example.",
    ];
    for origin in origins {
        assert!(preflight(&house, origin, "PUT").header("access-control-allow-origin").is_none(), "{origin}");
    }
    let strict = House::new();
    assert!(preflight(&strict, FRIEND, "PUT").header("access-control-allow-origin").is_none(), "by default nobody is");
}

/// Security: 32.
#[test]
fn answers_and_refusals_are_readable_for_allowed_origins_only() {
    let house = house();
    let ada = house.join("ada");
    house.put(&ada, "a", b"1");
    for (path, status) in [("a", 200), ("b", 404), ("", 200), ("..", 400)] {
        let friend = house.get_with(&ada, path, ("origin", FRIEND));
        assert_eq!((friend.status, friend.header("access-control-allow-origin")), (status, Some(FRIEND)), "{path}");
        assert!(friend.header("vary").unwrap().contains("origin"));
        assert!(friend.header("access-control-expose-headers").unwrap().contains("etag"));
        let other = house.get_with(&ada, path, ("origin", "https://other.example"));
        assert_eq!((other.status, other.header("access-control-allow-origin")), (status, None), "{path}");
    }
}

/// Security: 32.
#[test]
fn every_answer_forbids_sniffing_and_rendering() {
    let house = house();
    let ada = house.join("ada");
    house.put(&ada, "a", b"1");
    for path in ["a", "", "missing", ".."] {
        let answer = house.get(&ada, path);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert!(answer.header("content-security-policy").unwrap().starts_with("sandbox"), "{path}");
    }
}
