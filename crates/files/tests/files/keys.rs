//! Who may do what.

use std::net::{Ipv4Addr, Ipv6Addr};

use concierge_files::UuidKeys;

use crate::house::House;

const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// Security: 29.
#[test]
fn without_a_key_or_with_an_unknown_one_it_is_401() {
    let house = House::new();
    let ada = house.join("ada");
    house.put(&ada, "a", b"1");
    for method in ["GET", "HEAD", "PUT", "POST", "DELETE"] {
        let answer = house.ask(method, "/fs/ada/a", &[], b"");
        assert_eq!(answer.status, 401, "{method}");
        assert!(answer.header("www-authenticate").is_some());
        let unknown = ("x-fs-key", "00000000-0000-4000-8000-000000000000");
        assert_eq!(house.ask(method, "/fs/ada/a", &[unknown], b"").status, 401, "{method}");
    }
    assert_eq!(house.get(&ada, "a").body, b"1");
}

/// Security: 29.
#[test]
fn a_malformed_key_is_400() {
    let house = House::new();
    let ada = house.join("ada");
    for key in ["", "x", "1234", "00000000-0000-4000-8000-00000000000g"] {
        assert_eq!(house.ask("GET", "/fs/ada/", &[("x-fs-key", key)], b"").status, 400, "{key:?}");
    }
    let header = ada.header();
    let twice = house.ask("GET", "/fs/ada/", &[header, header], b"");
    assert_eq!((twice.status, twice.error().as_str()), (400, "BAD_KEY"));
}

/// Security: 29.
#[test]
fn the_key_of_any_connected_client_reads_and_only_the_owners_writes() {
    let house = House::new();
    let (ada, bob) = (house.join("ada"), house.join("bob"));
    assert_eq!(house.put(&ada, "a", b"hers").status, 201);
    let key = bob.header();
    assert_eq!(house.ask("GET", "/fs/ada/a", &[key], b"").body, b"hers");
    assert_eq!(house.ask("GET", "/fs/ada/", &[key], b"").paths(), ["a"]);
    for method in ["PUT", "POST", "DELETE"] {
        let answer = house.ask(method, "/fs/ada/a", &[key], b"");
        assert_eq!((answer.status, answer.error().as_str()), (403, "NOT_YOURS"), "{method}");
    }
    assert_eq!(house.ask("DELETE", "/fs/ada/", &[key], b"").status, 403);
    assert_eq!(house.get(&ada, "a").body, b"hers");
}

#[test]
fn where_nothing_is_it_is_404() {
    let house = House::new();
    let ada = house.join("ada");
    for path in ["/fs/ada/a", "/fs/ada/a/", "/fs/ada/a/b", "/fs/nobody/a", "/fs/nobody/", "/fs/nobody", "/fs/", "/fs"] {
        for method in ["GET", "HEAD", "DELETE"] {
            assert_eq!(house.ask(method, path, &[ada.header()], b"").status, 404, "{method} {path}");
        }
    }
    assert_eq!(house.ask("PUT", "/fs/nobody/a", &[ada.header()], b"1").status, 404);
    assert_eq!(house.put(&ada, "a", b"1").status, 201);
    assert_eq!(house.get(&ada, "b").status, 404);
    assert_eq!(house.get(&ada, "b/c").status, 404);
}

#[test]
fn the_private_key_works_from_everywhere_whatever_uuid_keys_says() {
    for uuid_keys in [UuidKeys::SameAddress, UuidKeys::Always, UuidKeys::Never] {
        let house = House::with(|options| options.uuid_keys = uuid_keys);
        let ada = house.join_from("ada", ELSEWHERE);
        assert_eq!(house.put(&ada, "a", b"1").status, 201, "{uuid_keys:?}");
        assert_eq!(house.get(&ada, "a").status, 200);
    }
}

/// Security: 29.
#[test]
fn by_default_the_public_uuid_writes_only_from_the_address_of_its_client() {
    let house = House::new();
    let (near, far) = (house.join("near"), house.join_from("far", ELSEWHERE));
    assert_eq!(house.ask("PUT", "/fs/near/a", &[near.public_header()], b"1").status, 201);
    assert_eq!(house.ask("GET", "/fs/near/a", &[far.public_header()], b"").status, 200, "it reads from everywhere");
    let refused = house.ask("PUT", "/fs/far/a", &[far.public_header()], b"1");
    assert_eq!((refused.status, refused.error().as_str()), (403, "PUBLIC_KEY"));
    assert_eq!(house.ask("DELETE", "/fs/far/", &[far.public_header()], b"").status, 403);
}

#[test]
fn an_ipv4_address_is_the_same_however_it_is_written() {
    let house = House::new();
    let ada = house.join_from("ada", Ipv4Addr::LOCALHOST.to_ipv6_mapped());
    assert_eq!(house.ask("PUT", "/fs/ada/a", &[ada.public_header()], b"1").status, 201);
    let bob = house.join_from("bob", Ipv6Addr::LOCALHOST);
    assert_eq!(house.ask("PUT", "/fs/bob/a", &[bob.public_header()], b"1").status, 403);
}

#[test]
fn uuid_keys_always_lets_the_public_uuid_write_from_everywhere() {
    let house = House::with(|options| options.uuid_keys = UuidKeys::Always);
    let ada = house.join_from("ada", ELSEWHERE);
    assert_eq!(house.ask("PUT", "/fs/ada/a", &[ada.public_header()], b"1").status, 201);
}

#[test]
fn uuid_keys_never_makes_the_public_uuid_no_key() {
    let house = House::with(|options| options.uuid_keys = UuidKeys::Never);
    let ada = house.join("ada");
    for method in ["GET", "PUT"] {
        assert_eq!(house.ask(method, "/fs/ada/a", &[ada.public_header()], b"").status, 401, "{method}");
    }
}

#[test]
fn the_three_choices_are_written_in_kebab_case() {
    let spelled = [UuidKeys::SameAddress, UuidKeys::Always, UuidKeys::Never].map(|keys| serde_json::to_string(&keys).unwrap());
    assert_eq!(spelled, [r#""same-address""#, r#""always""#, r#""never""#]);
    assert_eq!(serde_json::from_str::<UuidKeys>(&spelled[0]).unwrap(), UuidKeys::default());
}

/// Security: 29.
#[test]
fn a_key_dies_with_its_client() {
    let house = House::new();
    let (ada, bob) = (house.join("ada"), house.join("bob"));
    house.put(&bob, "b", b"1");
    house.leave(&ada);
    for key in [ada.header(), ada.public_header()] {
        assert_eq!(ask_for_b(&house, key), 401);
    }
    assert_eq!(ask_for_b(&house, bob.header()), 200);
}

fn ask_for_b(house: &House, key: (&str, &str)) -> u16 {
    house.ask("GET", "/fs/bob/b", &[key], b"").status
}
