//! How PostgreSQL finds what it is asked for, as it says itself, beside many rows that nobody wants.

use std::collections::BTreeSet;

use concierge_api_rs::coordinator::{Address, Dialect};
use concierge_coordinator::{OfferKey, Rules};
use concierge_store::{Clock, Store};
use concierge_test_postgres::Setup;
use tokio_postgres::NoTls;

use crate::wishes::Wishes;

/// Many settled promises, some of everything else.
const ROWS: &str = "
SET search_path = concierge;
INSERT INTO promises SELECT ('p' || n)::bytea, 'resolved', n, n, n, ('o' || n / 50)::bytea, ('b' || n / 50)::bytea, NULL, '{}', NULL, NULL
    FROM generate_series(1, 20000) AS n;
INSERT INTO promises SELECT ('q' || n)::bytea, 'pending', 9000000000000 + n, n, NULL, NULL, ('b' || n / 50)::bytea,
    ('s' || n / 10)::bytea, '{}', NULL, NULL FROM generate_series(1, 2000) AS n;
INSERT INTO tasks SELECT id, 'fulfilled', 1, NULL, NULL, NULL, 0, NULL, NULL, 'any@work', 0, NULL, NULL FROM promises
    WHERE state = 'resolved';
INSERT INTO tasks SELECT id, 'pending', 1, NULL, NULL, timeout_at, 0, 'p1', NULL, 'any@work', 0, ('g' || timeout_at / 100)::bytea, ''
    FROM promises WHERE state = 'pending' AND timeout_at % 2 = 0;
INSERT INTO tasks SELECT id, 'acquired', 1, ('w' || timeout_at / 9)::bytea, 1, timeout_at, 0, NULL, NULL, 'any@work', 0, NULL, NULL
    FROM promises WHERE state = 'pending' AND timeout_at % 2 = 1;
INSERT INTO registrations SELECT ('q' || n)::bytea, ('q' || n + 1)::bytea FROM generate_series(1, 1999) AS n;
INSERT INTO listeners SELECT ('q' || n)::bytea, 'any@work', 0 FROM generate_series(1, 2000) AS n;
INSERT INTO notices SELECT ('p' || n)::bytea, 'any@work', 0, 9000000000000 + n, ('g' || n / 20)::bytea, ''
    FROM generate_series(1, 2000) AS n;
INSERT INTO schedules SELECT ('s' || n)::bytea, '* * * * *', 'x', 1, NULL, '{}', 0, 9000000000000 + n, NULL
    FROM generate_series(1, 2000) AS n;
ANALYZE;
";

#[tokio::test]
async fn no_statement_in_postgres_goes_through_a_whole_table() {
    let explained = ["session_preload_libraries=auto_explain", "auto_explain.log_min_duration=0"];
    let server = Setup::default().without_fsync().set(explained).start().await;
    let url = server.database().await;
    let open = async || Store::open(&url.parse().unwrap(), Rules::default(), Clock::system()).await.unwrap();
    open().await.close().await;
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::join!(async move { client.batch_execute(ROWS).await }, connection).0.unwrap();

    let store = open().await;
    let before = server.log().len();
    let mut wishes = Wishes::new(7);
    for step in 0..1_200 {
        wishes.now = store.clock().now();
        if step % 100 == 0 {
            wishes.known = store.everything().await.unwrap();
            wishes.known.promises.retain(|promise| promise.settled_at.is_none());
        }
        let request = if step % 3 == 0 { wishes.look() } else { wishes.change() };
        store.request(Dialect::Plain, request, None).await.unwrap();
        if step % 20 == 0 {
            look_around(&store, &mut wishes).await;
        }
    }
    let log = server.log();
    let plans: Vec<_> = log[before..].split("Query Text: ").skip(1).collect();
    let mut seen = BTreeSet::new();
    for plan in plans {
        let Some((asked, _)) = plan.split_once("  (cost=") else { continue };
        let everything = asked.contains("SELECT") && !asked.contains("WHERE") && !asked.contains("INSERT");
        if everything || !seen.insert(asked.to_owned()) {
            continue;
        }
        for (line, next) in plan.lines().zip(plan.lines().skip(1).chain([""])) {
            let first_of_an_index = asked.contains("least(");
            let whole =
                line.contains("Index") && line.contains("Scan using") && !next.contains("Index Cond") && !first_of_an_index;
            assert!(!line.contains("Seq Scan") && !line.contains("Bitmap") && !whole, "{line}\n{next}\nof {plan}");
        }
    }
    assert!(seen.len() > 30, "{} statements show little", seen.len());
}

async fn look_around(store: &Store, wishes: &mut Wishes) {
    store.sweep().await.unwrap();
    let (address, pid): (Address, _) = (wishes.address(), wishes.pid());
    let (offers, _) = store.waiting(address.group(), &pid, None, 5).await.unwrap();
    for offer in offers {
        store.waiting(address.group(), &pid, Some(offer.key.clone()), 5).await.unwrap();
        if let OfferKey::Notice(..) = offer.key {
            store.taken(offer.key).await.unwrap();
        }
    }
}
