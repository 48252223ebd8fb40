//! Files: kept, shared with nobody, and recognised.

use std::fs;
use std::path::{Path, PathBuf};

use concierge_coordinator::Rules;
use concierge_store::{Clock, OpenError, Place, Store};
use futures::future::join_all;

use crate::home::{Home, acquire, ask, create, get, listen, promise, settle};

async fn open(path: &Path) -> Result<Store, OpenError> {
    Store::open(&Place::Sqlite(path.to_owned()), Rules::default(), Clock::system()).await
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("coordinator.db");
    (folder, path)
}

fn error(opened: Result<Store, OpenError>) -> OpenError {
    opened.err().expect("it can't be opened")
}

#[tokio::test]
async fn what_was_closed_is_found_again_in_one_file_and_what_is_due_is_known_at_once() {
    let (folder, path) = folder();
    let store = open(&path).await.unwrap();
    join_all((0..50).map(|n| ask(&store, create(&format!("p{n}"), "any@work")))).await;
    ask(&store, acquire("p1", 0, "ada", 60_000)).await;
    ask(&store, listen("p2", "any@work")).await;
    ask(&store, settle("p2", "x")).await;
    let (before, due) = (store.everything().await.unwrap(), *store.next_due().borrow());
    store.close().await;
    assert_eq!(names(folder.path()), ["coordinator.db", "coordinator.db.lock"], "the log is folded into the database");
    let store = open(&path).await.unwrap();
    assert_eq!(*store.next_due().borrow(), due);
    assert!(due.is_some());
    assert_eq!(store.everything().await.unwrap(), before);
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn many_requests_share_one_commit() {
    let home = Home::sqlite();
    let store = home.open(Clock::system()).await;
    join_all((0..2_000).map(|n| ask(&store, create(&format!("p{n}"), "")))).await;
    let tally = store.tally();
    assert_eq!(tally.transactions, 2_000);
    assert!(tally.commits < 400, "{tally:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_database_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = folder();
    let store = open(&path).await.unwrap();
    ask(&store, create("a", "")).await;
    for name in ["coordinator.db", "coordinator.db-wal", "coordinator.db-shm"] {
        let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_database_that_is_open_is_opened_by_nobody_else_whatever_it_is_called() {
    let (folder, path) = folder();
    let store = open(&path).await.unwrap();
    let message = error(open(&path).await).to_string();
    assert!(message.ends_with("is in use by another process: a database belongs to one coordinator at a time"), "{message}");
    #[cfg(unix)]
    {
        let alias = folder.path().join("alias.db");
        std::os::unix::fs::symlink(&path, &alias).unwrap();
        assert!(matches!(error(open(&alias).await), OpenError::InUse(_)));
    }
    let _ = folder;
    store.close().await;
    open(&path).await.unwrap();
}

#[tokio::test]
async fn files_that_are_no_database_of_ours_are_left_as_they_are() {
    let (_folder, path) = folder();
    fs::write(&path, "Dear diary, today I was opened as a database.\n".repeat(100)).unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(error(open(&path).await), OpenError::Foreign(_)));
    assert_eq!(fs::read(&path).unwrap(), before);

    fs::remove_file(&path).unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE songs (title TEXT)").unwrap();
    drop(other);
    let before = fs::read(&path).unwrap();
    let message = error(open(&path).await).to_string();
    assert!(message.ends_with("is not a coordinator's database; it is left as it is"), "{message}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_database_of_a_later_version_is_refused_and_named() {
    let (_folder, path) = folder();
    open(&path).await.unwrap().close().await;
    let later = rusqlite::Connection::open(&path).unwrap();
    later.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(later);
    let message = error(open(&path).await).to_string();
    assert!(message.contains("has schema 99 and this program knows 1 at most: use a newer one"), "{message}");
}

#[tokio::test]
async fn half_a_database_is_damaged() {
    let (_folder, path) = folder();
    let store = open(&path).await.unwrap();
    join_all((0..500).map(|n| ask(&store, create(&format!("p{n}"), "any@work")))).await;
    store.close().await;
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let message = error(open(&path).await).to_string();
    assert!(message.contains("is damaged: restore it from a backup, or move it away"), "{message}");
    fs::write(&path, &whole).unwrap();
    open(&path).await.unwrap();
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_not_made() {
    let (folder, _) = folder();
    let path = folder.path().join("no").join("coordinator.db");
    let error = error(open(&path).await);
    assert!(matches!(error, OpenError::Unreadable(..)));
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("No such file"), "{error:?}");
}

#[tokio::test]
async fn a_row_that_says_what_no_row_says_fails_its_request_and_no_other() {
    let (_folder, path) = folder();
    let store = open(&path).await.unwrap();
    ask(&store, create("a", "")).await;
    ask(&store, create("b", "")).await;
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("UPDATE promises SET tags = 'no JSON' WHERE id = 'b'").unwrap();
    let requests = (0..100).map(|n| if n == 50 { settle("b", "x") } else { create(&format!("p{n}"), "") });
    let asked = requests.map(|request| store.request(concierge_api_rs::coordinator::Dialect::Plain, request, None));
    let failed: Vec<_> = join_all(asked).await.into_iter().enumerate().filter(|(_, one)| one.is_err()).collect();
    assert!(matches!(&failed[..], [(50, Err(concierge_store::StoreError::Failed(_)))]), "{failed:?}");
    assert_eq!(promise(ask(&store, get("p99")).await).id.as_str(), "p99");
}
