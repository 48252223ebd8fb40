//! Files through the real hub: folders that die with their clients, keys, and files larger than its memory.

use std::pin::Pin;
use std::task::{Context, Poll};

use concierge_client::Client as RustClient;
use concierge_tests::{Client, Command, Hub, Reply, request, until};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::time::Instant;

async fn put(hub: &Hub, key: &str, path: &str, body: &[u8]) -> Reply {
    hub.http("PUT", path, &[("x-fs-key", key)], body).await
}

async fn get(hub: &Hub, key: &str, path: &str) -> Reply {
    hub.http("GET", path, &[("x-fs-key", key)], b"").await
}

async fn leave(client: Client, witness: &mut Client) {
    let name = client.name.clone();
    client.leave().await;
    while witness.hear_news("CLIENT_LEFT").await["client"]["name"] != name {}
}

/// Security: 34.
#[tokio::test]
async fn a_folder_dies_with_its_client_and_the_next_one_of_the_name_sees_nothing() {
    let hub = Hub::start().await;
    let mut bob = hub.enter("bob").await;
    let mut old_keys = Vec::new();
    for n in 0..20 {
        let ada = hub.enter("ada").await;
        let listed = get(&hub, &ada.fs_key, "/fs/ada/").await;
        assert_eq!((listed.status, listed.text().as_str()), (200, "[]"), "the {n}th ada begins with nothing");
        assert_eq!(put(&hub, &ada.fs_key, "/fs/ada/notes/secret.txt", b"of this ada").await.status, 201);
        assert_eq!(get(&hub, &bob.fs_key, "/fs/ada/notes/secret.txt").await.body, b"of this ada");
        old_keys.push(ada.fs_key.clone());
        leave(ada, &mut bob).await;
        assert_eq!(get(&hub, &bob.fs_key, "/fs/ada/notes/secret.txt").await.status, 404);
    }
    for key in old_keys {
        assert_eq!(get(&hub, &key, "/fs/bob/").await.status, 401, "a key dies with its client");
    }
    until("the disk is empty", async || (count(&hub.temporary(), "secret.txt") == 0).then_some(())).await;
}

/// Security: 29.
#[tokio::test]
async fn everybody_reads_with_their_own_key_and_only_the_owner_writes() {
    let hub = Hub::start().await;
    let (ada, bob) = (hub.enter("ada").await, hub.enter("bob").await);
    assert_eq!(put(&hub, &ada.fs_key, "/fs/ada/a.txt", b"a").await.status, 201);
    let refused = put(&hub, &bob.fs_key, "/fs/ada/a.txt", b"b").await;
    assert_eq!((refused.status, refused.header("x-fs-error")), (403, Some("NOT_YOURS")));
    assert_eq!(hub.http("DELETE", "/fs/ada/a.txt", &[("x-fs-key", &bob.fs_key)], b"").await.status, 403);
    assert_eq!(get(&hub, &bob.fs_key, "/fs/ada/a.txt").await.body, b"a");
    assert_eq!(hub.http("GET", "/fs/ada/a.txt", &[], b"").await.status, 401);
    assert_eq!(put(&hub, &ada.uuid, "/fs/ada/b.txt", b"b").await.status, 201, "the uuid writes from the client's address");
    let never = Hub::with(&["files.uuid_keys=never"]).await;
    let ada = never.enter("ada").await;
    assert_eq!(put(&never, &ada.uuid, "/fs/ada/b.txt", b"b").await.status, 401);
}

#[tokio::test]
async fn an_upload_whose_client_leaves_meanwhile_leaves_nothing_behind() {
    let hub = Hub::start().await;
    let (ada, mut bob) = (hub.enter("ada").await, hub.enter("bob").await);
    let mut upload = hub.dial().await;
    let whole = request("PUT", "/fs/ada/late.bin", &[("x-fs-key", &ada.fs_key)], &[7; 100_000]);
    upload.send(&whole[..50_000]).await;
    until("the upload has begun", async || (all_below(&hub.temporary()) > 0).then_some(())).await;
    leave(ada, &mut bob).await;
    let _it_may_be_refused_already = upload.try_send(&whole[50_000..]).await;
    assert_eq!(upload.head().await.status, 401);
    let ada = hub.enter("ada").await;
    assert_eq!(get(&hub, &ada.fs_key, "/fs/ada/").await.text(), "[]");
    until("the disk is empty", async || (count(&hub.temporary(), "late.bin") == 0).then_some(())).await;
}

#[tokio::test]
async fn a_file_server_with_an_address_of_its_own_is_there_and_nowhere_else() {
    let hub = Hub::with(&["files.listen=127.0.0.1:0"]).await;
    let ada = hub.enter("ada").await;
    assert_eq!(put(&hub, &ada.fs_key, "/fs/ada/a.txt", b"a").await.status, 404);
    let files = format!("http://{}/fs/ada/a.txt", hub.files.expect("it is announced"));
    let key = format!("x-fs-key: {}", ada.fs_key);
    let curl = ["-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", &key];
    let status = async |more: &[&str]| Command::program("curl".into(), &[&curl, more].concat()).run().await.exits(0).stdout;
    assert_eq!(status(&["-X", "PUT", "-d", "a", &files]).await, "201");
    assert_eq!(status(&[&files]).await, "200");
    assert_eq!(status(&[&files.replace("/fs/ada/a.txt", "/ws")]).await, "404");
}

/// Security: 20.
#[tokio::test]
async fn no_key_is_ever_told_to_another_client() {
    let hub = Hub::start().await;
    let mut witness = hub.enter("witness").await;
    let mut keys = Vec::new();
    let mut clients = Vec::new();
    for n in 0..20 {
        let mut client = hub.enter(&format!("client_{n}")).await;
        client.ask(&json!({ "type": "SERVICE_CREATE", "service": format!("service_{n}") })).await;
        client.ask(&json!({ "type": "MESSAGE", "target": { "type": "ALL" }, "data": n })).await;
        keys.push(client.fs_key.clone());
        clients.push(client);
    }
    witness.say(&json!({ "type": "CLIENT_FETCH_ALL" })).await;
    let heard: Vec<Value> = witness.hear_until(|payload| payload["type"] == "CLIENT_FETCH_ALL_RESULT").await;
    let everything = format!("{}{}", Value::from(heard), hub.log());
    assert!(keys.iter().all(|key| !everything.contains(key)), "a key was told");
    assert!(clients.iter().all(|client| everything.contains(&client.uuid)), "uuids are public");
}

/// Takes bytes, checks that each is the expected one, keeps none.
struct Check(u8);

impl AsyncWrite for Check {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        assert!(bytes.iter().all(|byte| *byte == self.0));
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_gibibyte_passes_through_64_mib_of_memory() {
    let bytes = 1 << 30;
    let hub = Hub::with(&["files.file_bytes=4294967296", "files.folder_bytes=8589934592"]).await;
    let ada = RustClient::connect(hub.options("ada")).await.unwrap();
    let process = hub.process();
    let before = process.resident_bytes();
    process.forget_peak();
    let begin = Instant::now();
    let source = tokio::io::repeat(0x5a).take(bytes);
    let stored = ada.files().put("big.bin", source, Some(bytes), |_| ()).await.unwrap();
    assert_eq!(stored.size, bytes);
    let up = begin.elapsed();
    let got = ada.files().get("big.bin", Check(0x5a), |_| ()).await.unwrap();
    assert_eq!(got, bytes);
    let grown = process.peak_bytes().saturating_sub(before);
    let down = begin.elapsed() - up;
    eprintln!("1 GiB up in {up:?}, down in {down:?}; the hub grew by {} KiB at most", grown / 1024);
    assert!(grown < 64 << 20, "the hub grew by {grown} bytes");
}

fn count(dir: &std::path::Path, name: &str) -> usize {
    walk(dir, &|entry| entry.file_name() == name)
}

fn all_below(dir: &std::path::Path) -> usize {
    walk(dir, &|entry| entry.metadata().is_ok_and(|facts| facts.len() > 0))
}

fn walk(dir: &std::path::Path, is_it: &dyn Fn(&std::fs::DirEntry) -> bool) -> usize {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(&entry.path(), is_it),
            _ => usize::from(is_it(&entry)),
        })
        .sum()
}
