//! Files through the Rust client, against a real hub.

use std::sync::{Arc, Mutex};

use concierge_client::{Client, Files, FilesError, Progress};
use concierge_tests::{Hub, within};

async fn client(hub: &Hub, name: &str) -> Client {
    Client::connect(hub.options(name)).await.expect("the hub lets it in")
}

fn pattern(bytes: usize) -> Vec<u8> {
    (0..=250).cycle().take(bytes).collect()
}

#[tokio::test]
async fn a_file_goes_up_and_comes_down_with_progress() {
    let hub = Hub::start().await;
    let (ada, bob) = (client(&hub, "ada").await, client(&hub, "bob").await);
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    let content = pattern(30_000_000);
    std::fs::write(&from, &content).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = |seen: &Arc<Mutex<Vec<Progress>>>| {
        let seen = seen.clone();
        move |progress| seen.lock().unwrap().push(progress)
    };
    let stored = ada.files().put_path("a/b c%2F#é.bin", &from, note(&seen)).await.unwrap();
    assert_eq!((stored.path.as_str(), stored.size), ("a/b c%2F#é.bin", 30_000_000));
    let end = Progress { bytes: 30_000_000, total: Some(30_000_000) };
    assert_eq!(seen.lock().unwrap().last(), Some(&end));
    seen.lock().unwrap().clear();
    let theirs = bob.files().of("ada".parse().unwrap());
    assert_eq!(theirs.get_path("a/b c%2F#é.bin", &to, note(&seen)).await.unwrap(), 30_000_000);
    assert_eq!(seen.lock().unwrap().last(), Some(&end));
    // how the bytes are cut into pieces is the network's affair, so there are many more of them than are asked for
    assert!(seen.lock().unwrap().len() > 10 && std::fs::read(&to).unwrap() == content);
    assert!(seen.lock().unwrap().is_sorted_by(|before, after| before.bytes <= after.bytes));
    let listed = theirs.list("a/").await.unwrap();
    assert_eq!((listed.len(), listed[0].path.as_str(), listed[0].size), (1, "a/b c%2F#é.bin", 30_000_000));
    assert_eq!(listed[0].etag, stored.etag);
    ada.files().delete("a/").await.unwrap();
    assert!(ada.files().list("").await.unwrap().is_empty());
}

#[tokio::test]
async fn every_refusal_has_its_error_and_leaves_no_local_file() {
    let hub = Hub::with(&["files.file_bytes=1000", "files.folder_bytes=1500"]).await;
    let (ada, bob) = (client(&hub, "ada").await, client(&hub, "bob").await);
    let files = ada.files();
    files.put("x", std::io::Cursor::new(pattern(900)), None, |_| ()).await.unwrap();
    let put = |path: &'static str, bytes: usize| {
        let files = files.clone();
        async move { files.put(path, std::io::Cursor::new(pattern(bytes)), Some(bytes as u64), |_| ()).await.unwrap_err() }
    };
    assert!(matches!(put("big", 1_001).await, FilesError::TooBig));
    assert!(matches!(put("second", 700).await, FilesError::Full(_)));
    assert!(matches!(put("x/y", 1).await, FilesError::Conflict(_)));
    assert!(matches!(put("../y", 1).await, FilesError::Malformed(_)));
    let theirs = bob.files().of("ada".parse().unwrap());
    assert!(matches!(theirs.delete("x").await, Err(FilesError::Forbidden)));
    let dir = tempfile::tempdir().unwrap();
    let local = dir.path().join("local");
    assert!(matches!(theirs.get_path("nothing", &local, |_| ()).await, Err(FilesError::NotFound(path)) if path == "ada/nothing"));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    let unknown = Files::with_key(hub.options("ada"), "00000000-0000-4000-8000-000000000000".parse().unwrap());
    assert!(matches!(unknown.list("").await, Err(FilesError::Unauthorized)));
    let known = Files::with_key(hub.options("ada"), ada.hello().fs_key.unwrap());
    known.delete("x").await.unwrap();
    assert!(files.list("").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_file_server_may_have_an_address_of_its_own() {
    let (hub, other) = (Hub::start().await, Hub::start().await);
    let ada = Client::connect(hub.options("ada").files_at(other.hub_url())).await.unwrap();
    assert!(ada.files().url("x").starts_with(&format!("http://{}/fs/ada/", other.address)));
    assert!(matches!(ada.files().list("").await, Err(FilesError::Unauthorized)), "the other hub does not know her key");
}

#[tokio::test]
async fn a_source_that_fails_halfway_stores_nothing() {
    let hub = Hub::start().await;
    let ada = client(&hub, "ada").await;
    let chunks = [Ok(vec![1; 1_000]), Err(std::io::Error::other("the disk is gone"))];
    let source = failing_reader(chunks.into());
    let put = within("the end of the upload", ada.files().put("x", source, None, |_| ())).await;
    assert!(matches!(put, Err(FilesError::Local(_))), "{put:?}");
    assert!(ada.files().list("").await.unwrap().is_empty());
}

/// Yields the chunks, and then the error.
fn failing_reader(chunks: Vec<std::io::Result<Vec<u8>>>) -> impl tokio::io::AsyncRead + Send + 'static {
    struct Source(Vec<std::io::Result<Vec<u8>>>);
    impl tokio::io::AsyncRead for Source {
        fn poll_read(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            buffer: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            if self.0.is_empty() {
                return std::task::Poll::Ready(Ok(()));
            }
            std::task::Poll::Ready(self.0.remove(0).map(|chunk| buffer.put_slice(&chunk)))
        }
    }
    Source(chunks)
}
