//! A file server over a real directory, with two people in it and something beside it that nobody may touch.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode};
use concierge_api_rs::ClientId;
use concierge_files::{Directory, Files, Holder, KeyKind, Options};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;
use uuid::Uuid;

/// What lies beside the server's directory, and in bob's folder.
const SECRET: &[u8] = b"not yours";
const MEMORY: &str = "/dev/shm";
const SMALL: u64 = 64 * 1024;

/// Who is connected: ada, who is somebody new in each life, and bob.
#[derive(Default)]
struct People(AtomicU64);

impl People {
    fn ada(&self) -> Uuid {
        Uuid::from_u64_pair(1, self.0.load(Ordering::Relaxed))
    }
}

fn bob() -> Uuid {
    Uuid::from_u64_pair(2, 0)
}

impl Directory for People {
    fn holder(&self, key: Uuid) -> Option<Holder> {
        let known = key == self.ada() || key == bob();
        known.then_some(Holder { client: ClientId(key), key: KeyKind::Private, address: IpAddr::V4(Ipv4Addr::LOCALHOST) })
    }

    fn client(&self, name: &str) -> Option<ClientId> {
        match name {
            "ada" => Some(ClientId(self.ada())),
            "bob" => Some(ClientId(bob())),
            _ => None,
        }
    }
}

/// The server, for one process.
pub(crate) struct House {
    files: Files,
    router: Router,
    people: Arc<People>,
    runtime: Runtime,
    dir: TempDir,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl House {
    pub(crate) fn new() -> Self {
        // in memory where that is possible: syncing a disk would take most of the time
        let dir = tempfile::tempdir_in(MEMORY).or_else(|_| tempfile::tempdir()).unwrap();
        fs::write(dir.path().join("beside"), SECRET).unwrap();
        let mut options = Options::new(dir.path().join("files"));
        (options.file_bytes, options.folder_bytes, options.folder_files) = (SMALL, 4 * SMALL, 16);
        let people = Arc::new(People::default());
        let files = Files::open(options, people.clone()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let house = Self { router: files.router(), files, people, runtime, dir };
        assert_eq!(house.put_as(bob(), "/fs/bob/secret", SECRET).status, 201);
        house
    }

    /// Ada leaves, and is somebody else from now on. Nothing outside of her folder changed.
    pub(crate) fn leave(&self) {
        let ada = ClientId(self.people.ada());
        self.people.0.fetch_add(1, Ordering::Relaxed);
        self.files.leave(ada);
        assert_eq!(self.get_as(bob(), "/fs/bob/secret").body, SECRET);
        let listed: Value = serde_json::from_slice(&self.get_as(bob(), "/fs/bob/").body).unwrap();
        assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
        let mut names: Vec<_> = fs::read_dir(self.dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["beside", "files"]);
        assert_eq!(fs::read(self.dir.path().join("beside")).unwrap(), SECRET);
    }

    pub(crate) fn put(&self, path: &str, body: &[u8]) -> Answer {
        self.put_as(self.people.ada(), path, body)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.get_as(self.people.ada(), path)
    }

    /// The paths that a folder of hers lists, and those below.
    pub(crate) fn tree(&self, folder: &str) -> Vec<String> {
        let listed: Value = serde_json::from_slice(&self.get(folder).body).unwrap();
        let paths = listed.as_array().unwrap().iter().map(|entry| entry["path"].as_str().unwrap().to_owned());
        let mut tree = Vec::new();
        for path in paths {
            if path.ends_with('/') {
                tree.extend(self.tree(&href(&path)));
            }
            tree.push(path);
        }
        tree
    }

    fn put_as(&self, key: Uuid, path: &str, body: &[u8]) -> Answer {
        self.ask(key, "PUT", path, &HeaderMap::new(), Body::from(body.to_vec()))
    }

    fn get_as(&self, key: Uuid, path: &str) -> Answer {
        self.ask(key, "GET", path, &HeaderMap::new(), Body::empty())
    }

    /// Ada asks.
    pub(crate) fn by_ada(&self, method: &str, path: &str, headers: &HeaderMap, body: Body) -> Answer {
        self.ask(self.people.ada(), method, path, headers, body)
    }

    /// Panics when the server fails.
    fn ask(&self, key: Uuid, method: &str, path: &str, headers: &HeaderMap, body: Body) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("x-fs-key", key.to_string());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut request = request.body(body).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from((Ipv4Addr::LOCALHOST, 1))));
        self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.unwrap();
            let status = response.status();
            let location = response.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec();
            let failed = status.is_server_error() && status != StatusCode::INSUFFICIENT_STORAGE;
            assert!(!failed, "{method} {path}: {status} {}", body.escape_ascii());
            Answer { status: status.as_u16(), location, body }
        })
    }
}

/// Where a path of hers is, every byte of it encoded that may be.
pub(crate) fn href(path: &str) -> String {
    let mut href = "/fs/ada/".to_owned();
    for byte in path.bytes() {
        match byte {
            b'/' => href.push('/'),
            byte => href.push_str(&format!("%{byte:02x}")),
        }
    }
    href
}
