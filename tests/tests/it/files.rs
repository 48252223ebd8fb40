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

/// Everything that a client hears up to the answer of that number.
async fn hear_all(client: &mut Client, seq: u64, heard: &mut String) {
    loop {
        let text = client.hear_text().await;
        heard.push_str(&text);
        if serde_json::from_str::<Value>(&text).unwrap().get("seq") == Some(&json!(seq)) {
            return;
        }
    }
}

/// Security: 20, 28.
#[tokio::test]
async fn no_key_and_no_secret_is_in_anything_that_fifty_clients_hear_of_each_other() {
    let hub = Hub::with(&["secret=swordfish-of-the-hub"]).await;
    let mut clients = Vec::new();
    for n in 0..50 {
        let mut client = hub.connect().await;
        let identify = json!({ "type": "IDENTIFY", "name": format!("client_{n}"), "version": "0.2.0", "tags": ["one"],
            "secret": "swordfish-of-the-hub", "fs_key": "made up" });
        client.identify_as(&identify).await;
        clients.push(client);
    }
    let uuids: Vec<String> = clients.iter().map(|client| client.uuid.clone()).collect();
    let keys: Vec<String> = clients.iter().map(|client| client.fs_key.clone()).collect();
    let last = 7;
    for (n, client) in clients.iter_mut().enumerate() {
        let (own, next) = (format!("service_{n}"), format!("client_{}", (n + 1) % 50));
        client.say(&json!({ "type": "SERVICE_CREATE", "service": own })).await;
        client.say(&json!({ "type": "SELF_SUBSCRIBE", "service": "service_0" })).await;
        client.say(&json!({ "type": "MESSAGE", "target": { "type": "ALL" }, "data": n })).await;
        client.say(&json!({ "type": "MESSAGE", "target": { "type": "NAME", "name": next }, "data": n })).await;
        client.say(&json!({ "type": "CLIENT_FETCH", "uuid": uuids[0] })).await;
        client.say(&json!({ "type": "SELF_FETCH" })).await;
        client.say(&json!({ "type": "CLIENT_FETCH_ALL" })).await;
    }
    let mut heard = vec![String::new(); 50];
    for (client, heard) in clients.iter_mut().zip(&mut heard) {
        hear_all(client, last - 1, heard).await;
    }
    // what the others said is in every outbox now, before the answer to this
    for (client, heard) in clients.iter_mut().zip(&mut heard) {
        client.say(&json!({ "type": "SERVICE_FETCH_ALL" })).await;
        hear_all(client, last, heard).await;
    }
    for (n, heard) in heard.iter().enumerate() {
        assert!(uuids.iter().all(|uuid| heard.contains(uuid)), "client {n} heard of all");
        assert!(keys.iter().all(|key| !heard.contains(key)), "a key was told to client {n}");
        assert!(!heard.contains("swordfish"), "the secret was told to client {n}");
    }
    let log = hub.log();
    assert!(keys.iter().all(|key| !log.contains(key)) && !log.contains("swordfish"), "the log tells no secrets");
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
