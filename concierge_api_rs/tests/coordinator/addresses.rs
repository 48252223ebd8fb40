//! Where messages go.

use concierge_api_rs::coordinator::{Address, Cast, GroupName, Pid};

#[test]
fn an_address_is_a_cast_a_group_and_maybe_a_pid_whatever_the_scheme() {
    for (text, cast, group, pid) in [
        ("any@work", Cast::Any, "work", None),
        ("uni@work/ada", Cast::Uni, "work", Some("ada")),
        ("poll://any@work/ada", Cast::Any, "work", Some("ada")),
        ("poll://uni@a b.c:d@e/x/y", Cast::Uni, "a b.c:d@e", Some("x/y")),
    ] {
        let address = Address::parse(text).unwrap();
        let parts = (address.cast(), address.group().as_str(), address.pid().map(Pid::as_str));
        assert_eq!((parts, address.as_str()), ((cast, group, pid), text));
    }
}

#[test]
fn what_is_no_address_is_refused() {
    let long = format!("any@{}", "g".repeat(257));
    for text in ["", "work", "any", "any@", "any@/ada", "any@work/", "all@work", "http://work", "://", "Any@work", &long] {
        assert!(Address::parse(text).is_err(), "{text}");
    }
}

#[test]
fn any_reaches_every_member_and_uni_the_named_one_or_some_when_none_is_named() {
    let reaches = |address: &str, group: &str, pid: &str| {
        let (group, pid) = (GroupName::parse(group).unwrap(), Pid::parse(pid).unwrap());
        Address::parse(address).unwrap().reaches(&group, &pid)
    };
    assert!(reaches("any@work", "work", "ada"));
    assert!(reaches("any@work/bob", "work", "ada"));
    assert!(reaches("uni@work/ada", "work", "ada"));
    assert!(reaches("uni@work", "work", "ada"));
    assert!(!reaches("uni@work/bob", "work", "ada"));
    assert!(!reaches("any@play", "work", "ada"));
}
