//! The server that tests are given: it answers, it can be ended and started, and nothing of it stays.
#![expect(clippy::unwrap_used, reason = "all of this is tests, the functions that they share too")]

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use concierge_test_postgres::{PATIENCE, Postgres, Setup};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::{Instant, interval, timeout};
use tokio_postgres::{Client, NoTls};

/// A client of this database.
async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn number(client: &Client, query: &str) -> i32 {
    client.query_one(query, &[]).await.unwrap().get(0)
}

async fn setting(client: &Client, name: &str) -> String {
    client.query_one(&format!("SHOW {name}"), &[]).await.unwrap().get(0)
}

/// A database whose table `kept` holds 7.
async fn seven(postgres: &Postgres) -> (String, Client) {
    let url = postgres.database().await;
    let client = client(&url).await;
    client.batch_execute("CREATE TABLE kept AS SELECT 7 AS number").await.unwrap();
    (url, client)
}

/// One that has ended and that nobody has waited for does not run.
fn runs(id: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|facts| !facts.contains(") Z "))
}

/// Whether this process made shared memory that is still there.
fn left_shared_memory(id: u32) -> bool {
    let table = std::fs::read_to_string("/proc/sysvipc/shm").unwrap();
    table.lines().skip(1).any(|line| line.split_whitespace().nth(4) == Some(&id.to_string()))
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let (deadline, mut ticks) = (Instant::now() + PATIENCE, interval(Duration::from_millis(10)));
    while !is_so() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        ticks.tick().await;
    }
}

#[tokio::test]
async fn a_server_answers_and_commits_to_the_disk() {
    let client = client(&Postgres::shared().await.database().await).await;
    assert_eq!(number(&client, "SELECT 1").await, 1);
    assert_eq!(setting(&client, "fsync").await, "on");
    assert_eq!(setting(&client, "synchronous_commit").await, "on");
}

#[tokio::test]
async fn tests_of_a_process_share_the_server_and_not_the_databases() {
    let (one, other) = (Postgres::shared().await, Postgres::shared().await);
    assert_eq!(one.id(), other.id());
    let ((_, ours), theirs) = tokio::join!(seven(one), other.database());
    assert_eq!(number(&ours, "SELECT number FROM kept").await, 7);
    assert!(client(&theirs).await.query("SELECT number FROM kept", &[]).await.is_err());
}

#[tokio::test]
async fn what_was_committed_survives_a_kill_and_the_clients_do_not() {
    let mut postgres = Postgres::start().await;
    let (url, old) = seven(&postgres).await;
    postgres.kill().await;
    assert!(old.query_one("SELECT 1", &[]).await.is_err());
    assert!(tokio_postgres::connect(&url, NoTls).await.is_err(), "nobody is there");
    postgres.restart().await;
    assert_eq!(number(&client(&url).await, "SELECT number FROM kept").await, 7);
    assert!(postgres.log().contains("automatic recovery in progress"), "{}", postgres.log());
}

#[tokio::test]
async fn a_kill_ends_backends_that_are_at_work() {
    let mut postgres = Postgres::start().await;
    let busy = client(&postgres.url("postgres")).await;
    let backend = u32::try_from(number(&busy, "SELECT pg_backend_pid()").await).unwrap();
    let work = tokio::spawn(async move { busy.batch_execute("DO 'BEGIN LOOP END LOOP; END'").await });
    postgres.kill().await;
    assert!(work.await.unwrap().is_err());
    until("the backend is gone", || !runs(backend)).await;
}

#[tokio::test]
async fn a_server_that_was_stopped_starts_again_at_the_same_port() {
    let mut postgres = Setup::default().without_fsync().on_tcp().start().await;
    let (url, _) = seven(&postgres).await;
    assert!(url.contains("@127.0.0.1:"), "{url}");
    postgres.stop().await;
    postgres.restart().await;
    let client = client(&url).await;
    assert_eq!(number(&client, "SELECT number FROM kept").await, 7);
    assert_eq!(setting(&client, "fsync").await, "off");
    assert!(!postgres.log().contains("automatic recovery in progress"), "{}", postgres.log());
}

#[tokio::test]
async fn a_server_is_gone_after_its_drop_even_one_that_was_killed() {
    let mut killed = Postgres::start().await;
    let (running, ended) = (Postgres::start().await, killed.id());
    let (id, folders) = (running.id(), [running.folder(), killed.folder()]);
    assert!(runs(id) && left_shared_memory(id) && folders.iter().all(|folder| folder.exists()));
    killed.kill().await;
    drop((running, killed));
    assert!(!runs(id) && !left_shared_memory(id) && !left_shared_memory(ended));
    assert!(!folders.iter().any(|folder| folder.exists()));
}

#[tokio::test]
async fn a_server_is_gone_after_its_process_was_killed() {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_concierge-test-postgres"));
    let mut process = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let url = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
    let client = client(&url).await;
    let folder: String = client.query_one("SHOW unix_socket_directories", &[]).await.unwrap().get(0);
    let facts = std::fs::read_to_string(Path::new(&folder).join("data/postmaster.pid")).unwrap();
    let id = facts.lines().next().unwrap().parse().unwrap();
    assert!(runs(id));
    process.kill().await.unwrap();
    until("the folder is gone", || !Path::new(&folder).exists()).await;
    assert!(!runs(id) && !left_shared_memory(id));
}

#[tokio::test]
#[should_panic(expected = "unrecognized configuration parameter")]
async fn a_server_that_does_not_start_says_why() {
    Setup::default().set(["no_such_key=1"]).start().await;
}
