use super::*;

fn service(n: usize) -> ServiceName {
    format!("s{n}").parse().unwrap()
}

fn subscription(n: usize) -> Owed {
    Owed::Subscription(service(n))
}

/// Twenty subscriptions, eight at a time.
fn owing() -> Restoration {
    let mut restoration = Restoration::new(8);
    (0..20).for_each(|n| restoration.owe(subscription(n)));
    restoration
}

#[test]
fn a_batch_follows_when_the_last_one_is_answered_to_its_last() {
    let mut restoration = owing();
    let mut sent = Vec::new();
    for expected in [8, 8, 4] {
        assert!(!restoration.is_over());
        let batch = restoration.batch(|_| true);
        assert_eq!(batch.len(), expected);
        for _ in 0..expected {
            assert_eq!(restoration.batch(|_| true), [], "a part of the batch is not answered");
            restoration.answered();
        }
        sent.extend(batch);
    }
    assert_eq!(sent, (0..20).map(subscription).collect::<Vec<_>>());
    assert!(restoration.is_over());
    assert_eq!(restoration.batch(|_| true), []);
}

#[test]
fn it_is_over_when_the_last_batch_is_sent() {
    let mut restoration = Restoration::new(2);
    restoration.owe(Owed::Service(service(1), None));
    restoration.batch(|_| true);
    assert!(restoration.is_over(), "the hub takes what comes later after it");
}

#[test]
fn what_is_no_longer_awaited_takes_no_place_in_a_batch() {
    let mut restoration = owing();
    restoration.owe(Owed::Service(service(7), Some("Seven".into())));
    let odd = |name: &ServiceName| name.as_str().ends_with(['1', '3', '5', '7', '9']);
    assert_eq!(restoration.batch(odd), [1, 3, 5, 7, 9, 11, 13, 15].map(subscription));
    (0..8).for_each(|_| restoration.answered());
    let rest = [subscription(17), subscription(19), Owed::Service(service(7), Some("Seven".into()))];
    assert_eq!(restoration.batch(|_| true), rest);
}

#[test]
fn nothing_is_owed_twice() {
    let mut restoration = owing();
    (0..20).for_each(|n| restoration.owe(subscription(n)));
    let mut sent = 0;
    while !restoration.is_over() {
        let batch = restoration.batch(|_| true);
        sent += batch.len();
        batch.iter().for_each(|_| restoration.answered());
    }
    assert_eq!(sent, 20);
}
