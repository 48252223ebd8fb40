//! A disk that is really full: the test runs once more in a mount namespace of its own, where it may mount a small one. Where the
//! system does not allow that, the test of a database that may not grow (beside `sqlite`) still meets the same error.

use std::fs;
use std::io::Write;
use std::process::Command;

use concierge_api_rs::coordinator::{Dialect, PromiseState};
use concierge_coordinator::Rules;
use concierge_store::{Clock, Place, Store, StoreError};
use futures::future::join_all;

use crate::home::{ask, create, get, promise, settle};

const NAME: &str = "full::a_full_disk_refuses_writes_serves_reads_and_recovers";
const CHILD: &str = "STORE_FULL_CHILD";

#[tokio::test]
async fn a_full_disk_refuses_writes_serves_reads_and_recovers() {
    if std::env::var_os(CHILD).is_some() {
        return on_a_small_disk().await;
    }
    let may_mount = Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).status();
    if !may_mount.is_ok_and(|status| status.success()) {
        // straight to stderr: of a test that passes, the macros' output is not shown
        let _ = writeln!(std::io::stderr(), "{NAME}: this system lets nobody mount anything, so no disk was filled");
        return;
    }
    let program = std::env::current_exe().unwrap();
    let output = Command::new("unshare").arg("-rm").arg(program).args(["--exact", NAME]).env(CHILD, "1").output().unwrap();
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

async fn on_a_small_disk() {
    let dir = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "none"]).arg(dir.path()).status().unwrap();
    assert!(mounted.success());
    let place = Place::Sqlite(dir.path().join("coordinator.db"));
    let store = Store::open(&place, Rules::default(), Clock::system()).await.unwrap();
    ask(&store, create("first", "")).await;
    let ballast = dir.path().join("ballast");
    fs::write(&ballast, vec![1; 1024 * 1024]).unwrap();

    let mut kept = vec!["first".to_owned()];
    let mut refused = Vec::new();
    for round in 0..40 {
        let names: Vec<_> = (0..50).map(|n| format!("p{round}.{n}")).collect();
        let asked = names.iter().map(|name| store.request(Dialect::Plain, create(name, "any@work"), None));
        for (name, outcome) in names.iter().zip(join_all(asked).await) {
            match outcome {
                Ok(_) => kept.push(name.clone()),
                Err(StoreError::Full(_)) => refused.push(name.clone()),
                Err(other) => panic!("{other:?}"),
            }
        }
    }
    assert!(kept.len() > 1 && refused.len() > 50, "{} kept, {} refused", kept.len(), refused.len());
    assert!(matches!(store.sweep().await, Ok(_) | Err(StoreError::Full(_))));
    same(&store, &kept).await;
    assert_eq!(promise(ask(&store, get("first")).await).state, PromiseState::Pending);

    fs::remove_file(&ballast).unwrap();
    for name in refused.iter().take(20) {
        ask(&store, create(name, "any@work")).await;
        kept.push(name.clone());
    }
    assert_eq!(promise(ask(&store, settle("first", "x")).await).state, PromiseState::Resolved);
    same(&store, &kept).await;
    store.close().await;
    let store = Store::open(&place, Rules::default(), Clock::system()).await.unwrap();
    same(&store, &kept).await;
}

/// Exactly these promises are there: nothing acknowledged is missing, nothing refused is there.
async fn same(store: &Store, kept: &[String]) {
    let mut there: Vec<_> = store.everything().await.unwrap().promises.into_iter().map(|one| one.id.to_string()).collect();
    let mut kept = kept.to_vec();
    there.sort_unstable();
    kept.sort_unstable();
    assert_eq!(there, kept);
}
