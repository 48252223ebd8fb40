//! A process that is killed: whatever it had acknowledged is there.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use concierge_api_rs::coordinator::PromiseState;
use concierge_coordinator::Rules;
use concierge_store::{Clock, Place, Store};
use rand::RngExt;

use crate::home::{ask, create, settle};

const NAME: &str = "crash::whatever_was_acknowledged_before_a_kill_is_there_after_it";
const PATH: &str = "STORE_CRASH_PATH";

#[tokio::test]
async fn whatever_was_acknowledged_before_a_kill_is_there_after_it() {
    if let Some(path) = std::env::var_os(PATH) {
        return write_until_killed(path.into()).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("coordinator.db");
    let mut acknowledged = BTreeSet::new();
    for round in 0..8 {
        let before = acknowledged.len();
        let lines = rand::rng().random_range(1..600);
        acknowledged.extend(lines_before_a_kill(&path, lines));
        assert!(acknowledged.len() > before, "round {round}");
        let store = Store::open(&Place::Sqlite(path.clone()), Rules::default(), Clock::system()).await.unwrap();
        let everything = store.everything().await.unwrap();
        let created: BTreeSet<_> = everything.promises.iter().map(|promise| format!("created {}", promise.id)).collect();
        let settled = everything.promises.iter().filter(|promise| promise.state == PromiseState::Resolved);
        let settled: BTreeSet<_> = settled.map(|promise| format!("settled {}", promise.id)).collect();
        for line in &acknowledged {
            assert!(created.contains(line) || settled.contains(line), "round {round}: {line:?} is lost");
        }
        assert_eq!(everything.tasks.len(), everything.promises.len(), "a promise and its task are written together");
        store.close().await;
    }
}

/// What the child said it had been told, until it was killed at some later moment.
fn lines_before_a_kill(path: &std::path::Path, lines: usize) -> Vec<String> {
    let program = std::env::current_exe().unwrap();
    let mut child =
        Command::new(program).args(["--exact", NAME, "--nocapture"]).env(PATH, path).stdout(Stdio::piped()).spawn().unwrap();
    let mut said =
        BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok).filter(|line| line.contains("ted "));
    let mut heard: Vec<_> = said.by_ref().take(lines).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    heard.extend(said);
    // the last line may be half of one
    heard.pop();
    heard
}

async fn write_until_killed(path: PathBuf) {
    let store = Store::open(&Place::Sqlite(path), Rules::default(), Clock::system()).await.unwrap();
    let begun = store.everything().await.unwrap().promises.len();
    let writers = (0..16).map(|writer| {
        let store = store.clone();
        async move {
            for n in 0.. {
                let name = format!("p{begun}.{writer}.{n}");
                ask(&store, create(&name, "any@work")).await;
                say(&format!("created {name}"));
                ask(&store, settle(&name, "x")).await;
                say(&format!("settled {name}"));
            }
        }
    });
    futures::future::join_all(writers).await;
}

/// With one call, so that lines stay whole.
fn say(line: &str) {
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).unwrap();
}
