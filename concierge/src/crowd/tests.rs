//! What an address may do, on a paused clock.

use std::net::Ipv4Addr;

use tokio::time::advance;

use super::*;

fn bounds(change: impl FnOnce(&mut Bounds)) -> Bounds {
    let mut bounds = Bounds::new(&Config::default());
    change(&mut bounds);
    bounds
}

fn v4(n: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + n))
}

fn v6(text: &str) -> IpAddr {
    IpAddr::V6(text.parse().unwrap())
}

/// How many places the table has.
fn known(crowd: &Crowd) -> usize {
    crowd.table.lock().places.len()
}

#[tokio::test(start_paused = true)]
async fn without_bounds_nobody_is_counted() {
    let crowd = Crowd::new(bounds(|_| {}));
    let _guests: Vec<Guest> = (0..100).map(|_| crowd.enter(v4(1)).ok().unwrap()).collect();
    assert_eq!(known(&crowd), 0);
}

/// Security: 6.
#[tokio::test(start_paused = true)]
async fn an_address_has_as_many_connections_as_it_may_and_its_neighbour_as_many() {
    let crowd = Crowd::new(bounds(|bounds| bounds.connections = 2));
    let (_one, two) = (crowd.enter(v4(1)).ok().unwrap(), crowd.enter(v4(1)).ok().unwrap());
    assert_eq!(crowd.enter(v4(1)).err(), Some(TooMany::Connections));
    let neighbour = crowd.enter(v4(2)).ok();
    assert!(neighbour.is_some());
    drop(two);
    assert!(crowd.enter(v4(1)).is_ok());
    drop(neighbour);
    assert_eq!(known(&crowd), 1, "who is gone is forgotten");
}

/// Security: 6.
#[tokio::test(start_paused = true)]
async fn an_address_connects_so_often_in_a_minute_and_is_told_when_it_may_again() {
    let crowd = Crowd::new(bounds(|bounds| bounds.connects_per_minute = 6));
    for _ in 0..6 {
        assert!(crowd.enter(v4(1)).is_ok(), "and goes at once");
    }
    let refused = crowd.enter(v4(1)).err().unwrap();
    assert_eq!((refused.label(), refused.retry_after()), ("hasty", 10));
    assert!(crowd.enter(v4(2)).is_ok(), "nobody else is refused");
    advance(Duration::from_millis(9_990)).await;
    assert_eq!(crowd.enter(v4(1)).err().unwrap().retry_after(), 1);
    advance(Duration::from_millis(20)).await;
    assert!(crowd.enter(v4(1)).is_ok());
    assert!(crowd.enter(v4(1)).is_err());
}

/// Security: 6.
#[tokio::test(start_paused = true)]
async fn ipv6_counts_by_the_first_half_of_the_address() {
    let crowd = Crowd::new(bounds(|bounds| bounds.connections = 1));
    let _guest = crowd.enter(v6("2001:db8:1:2::1")).ok().unwrap();
    assert!(crowd.enter(v6("2001:db8:1:2:ffff:ffff:ffff:ffff")).is_err());
    assert!(crowd.enter(v6("2001:db8:1:3::1")).is_ok());
}

/// Security: 6.
#[tokio::test(start_paused = true)]
async fn a_full_table_forgets_who_is_gone_for_a_minute_and_else_lets_in_uncounted() {
    let crowd = Crowd::new(bounds(|bounds| (bounds.connects_per_minute, bounds.addresses) = (1, 3)));
    let here = crowd.enter(v4(1)).ok().unwrap();
    for n in 2..4 {
        assert!(crowd.enter(v4(n)).is_ok());
    }
    for _ in 0..5 {
        assert!(crowd.enter(v4(9)).is_ok(), "it fails open");
    }
    assert!(crowd.enter(v4(2)).is_err(), "those in the table are counted");
    assert_eq!(known(&crowd), 3);
    advance(Duration::from_secs(61)).await;
    let _counted = crowd.enter(v4(9)).ok().unwrap();
    assert!(crowd.enter(v4(9)).is_err());
    assert_eq!(known(&crowd), 2, "v4(1), who is here, and the newcomer");
    drop(here);
}

#[tokio::test(start_paused = true)]
async fn a_table_that_grows_is_looked_through_before_it_is_full() {
    let crowd = Crowd::new(bounds(|bounds| bounds.connects_per_minute = 1));
    for round in 0..10 {
        for n in 0..1_000 {
            assert!(crowd.enter(v4(round * 1_000 + n)).is_ok());
        }
        advance(Duration::from_secs(61)).await;
    }
    assert!(known(&crowd) <= 2 * SWEEP_FROM, "{}", known(&crowd));
}

#[tokio::test(start_paused = true)]
async fn what_an_address_sent_is_remembered_when_it_comes_again() {
    let crowd = Crowd::new(bounds(|bounds| bounds.messages_per_second = 5));
    let first = crowd.enter(v4(1)).ok().unwrap();
    let rates = first.rates().unwrap().clone();
    drop(first);
    let again = crowd.enter(v4(1)).ok().unwrap();
    assert!(Arc::ptr_eq(&rates, again.rates().unwrap()));
}
