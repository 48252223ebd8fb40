//! A file server on a free port, the people who are connected to its hub, and a client that says exactly what it is told to say.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use concierge_api_rs::ClientId;
use concierge_files::{Directory, Files, Holder, KeyKind, Options};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use uuid::Uuid;

/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct House {
    pub(crate) files: Files,
    pub(crate) root: PathBuf,
    pub(crate) address: SocketAddr,
    people: Arc<People>,
    _runtime: Runtime,
    _dir: TempDir,
}

#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) id: ClientId,
    key: Uuid,
    key_text: String,
    id_text: String,
    address: IpAddr,
}

/// Who is connected: what the hub knows in a real server.
#[derive(Default)]
struct People(Mutex<Vec<Person>>, Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Directory for People {
    fn holder(&self, key: Uuid) -> Option<Holder> {
        self.0.lock().unwrap().iter().find_map(|person| {
            let kind = if person.key == key { KeyKind::Private } else { KeyKind::Public };
            (person.key == key || person.id.0 == key).then_some(Holder { client: person.id, key: kind, address: person.address })
        })
    }

    fn client(&self, name: &str) -> Option<ClientId> {
        let found = self.0.lock().unwrap().iter().find(|person| person.name == name).map(|person| person.id);
        let then = self.1.lock().unwrap().take();
        then.into_iter().for_each(|then| then());
        found
    }
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Options)) -> Self {
        Self::on(tempfile::tempdir().unwrap(), change)
    }

    /// On a file system that is already there.
    pub(crate) fn on(dir: TempDir, change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options::new(dir.path().join("files"));
        change(&mut options);
        let people = Arc::new(People::default());
        let directory: Arc<dyn Directory> = people.clone();
        let root = options.root.clone();
        let files = Files::open(options, directory).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let runtime = Runtime::new().unwrap();
        let router = files.router().into_make_service_with_connect_info::<SocketAddr>();
        runtime.spawn(async move { axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await });
        Self { files, root, address, people, _runtime: runtime, _dir: dir }
    }

    pub(crate) fn join(&self, name: &str) -> Person {
        self.join_from(name, Ipv4Addr::LOCALHOST)
    }

    pub(crate) fn join_from(&self, name: &str, address: impl Into<IpAddr>) -> Person {
        let (id, key) = (ClientId(Uuid::new_v4()), Uuid::new_v4());
        let (id_text, key_text) = (id.to_string(), key.to_string());
        let person = Person { name: name.into(), id, key, key_text, id_text, address: address.into() };
        self.people.0.lock().unwrap().push(person.clone());
        person
    }

    /// In the order of the hub: first nobody finds the client, then its folder goes.
    pub(crate) fn leave(&self, person: &Person) {
        self.people.0.lock().unwrap().retain(|other| other.id != person.id);
        self.files.leave(person.id);
    }

    /// The client leaves after the next request was let in, and before it does anything.
    pub(crate) fn leave_when_let_in(&self, person: &Person) {
        let (people, files, id) = (self.people.clone(), self.files.clone(), person.id);
        *self.people.1.lock().unwrap() = Some(Box::new(move || {
            people.0.lock().unwrap().retain(|other| other.id != id);
            files.leave(id);
        }));
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::to(self.address)
    }

    /// One request on a connection of its own.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut connection = self.connect();
        connection.request(method, path, headers, body);
        connection.answer_to(method)
    }

    pub(crate) fn put(&self, person: &Person, path: &str, body: &[u8]) -> Answer {
        self.ask("PUT", &person.path(path), &[person.header()], body)
    }

    pub(crate) fn get(&self, person: &Person, path: &str) -> Answer {
        self.ask("GET", &person.path(path), &[person.header()], b"")
    }

    pub(crate) fn delete(&self, person: &Person, path: &str) -> Answer {
        self.ask("DELETE", &person.path(path), &[person.header()], b"")
    }

    /// GET with one more header.
    pub(crate) fn get_with(&self, person: &Person, path: &str, header: (&str, &str)) -> Answer {
        self.ask("GET", &person.path(path), &[person.header(), header], b"")
    }

    /// Every file and folder below the server's directory, except those that are always there.
    pub(crate) fn on_disk(&self) -> Vec<String> {
        let mut found = Vec::new();
        walk(&self.root, &self.root, &mut found);
        found.retain(|path| !matches!(path.as_str(), ".concierge-files" | "folders" | "incoming" | "deleted" | "left"));
        found.sort();
        found
    }

    /// Whether no upload is on its way.
    pub(crate) fn nothing_incoming(&self) -> bool {
        !self.on_disk().iter().any(|path| path.starts_with("incoming/"))
    }

    /// Where the folder of a client is.
    pub(crate) fn folder(&self, person: &Person) -> PathBuf {
        self.root.join("folders").join(person.id.to_string())
    }
}

impl Person {
    pub(crate) fn path(&self, path: &str) -> String {
        format!("/fs/{}/{path}", self.name)
    }

    /// The header with its private key.
    pub(crate) fn header(&self) -> (&str, &str) {
        ("x-fs-key", &self.key_text)
    }

    /// The header with its public uuid.
    pub(crate) fn public_header(&self) -> (&str, &str) {
        ("x-fs-key", &self.id_text)
    }
}

pub(crate) struct Connection(BufReader<TcpStream>);

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    pub(crate) fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    pub(crate) fn request(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: hub\r\n");
        headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        if !body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        self.send(format!("{head}\r\n").as_bytes());
        self.send(body);
    }

    /// Bytes as they are.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).unwrap();
    }

    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.get_mut().write_all(bytes)
    }

    pub(crate) fn answer(&mut self) -> Answer {
        self.answer_to("GET")
    }

    pub(crate) fn answer_to(&mut self, method: &str) -> Answer {
        let (status, headers) = self.head();
        let mut answer = Answer { status, headers, body: Vec::new() };
        let empty = method == "HEAD" || matches!(status, 100 | 204 | 304);
        if empty {
        } else if answer.header("transfer-encoding").is_some() {
            self.chunked(&mut answer.body);
        } else {
            let length = answer.header("content-length").expect("a length").parse().unwrap();
            answer.body.resize(length, 0);
            self.0.read_exact(&mut answer.body).unwrap();
        }
        answer
    }

    /// Status and headers, without the body.
    pub(crate) fn head(&mut self) -> (u16, Vec<(String, String)>) {
        let status = self.line();
        let status = status.split(' ').nth(1).unwrap_or_else(|| panic!("no status line: {status:?}")).parse().unwrap();
        let lines = std::iter::from_fn(|| Some(self.line()).filter(|line| !line.is_empty()));
        (status, lines.map(|line| line.split_once(": ").map(|(n, v)| (n.to_owned(), v.to_owned())).unwrap()).collect())
    }

    /// Reads a body of that length into nothing.
    pub(crate) fn skip(&mut self, mut length: u64) {
        let mut piece = vec![0; 64 * 1024];
        while length > 0 {
            let most = usize::try_from(length).unwrap_or(usize::MAX).min(piece.len());
            self.0.read_exact(&mut piece[..most]).unwrap();
            length -= most as u64;
        }
    }

    /// What comes until the server closes; a reset is an end too.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        if let Err(error) = self.0.read_to_end(&mut rest) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
        }
        rest
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end_matches("\r\n").to_owned()
    }

    fn chunked(&mut self, body: &mut Vec<u8>) {
        loop {
            let length = usize::from_str_radix(&self.line(), 16).unwrap();
            let start = body.len();
            body.resize(start + length, 0);
            self.0.read_exact(&mut body[start..]).unwrap();
            assert_eq!(self.line(), "");
            if length == 0 {
                return;
            }
        }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn etag(&self) -> String {
        self.header("etag").unwrap().to_owned()
    }

    /// The word for programs in a refusal.
    pub(crate) fn error(&self) -> String {
        self.header("x-fs-error").unwrap().to_owned()
    }

    /// The paths of a listing.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.json().as_array().unwrap().iter().map(|entry| entry["path"].as_str().unwrap().to_owned()).collect()
    }
}

/// Waits until something is so.
pub(crate) fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::yield_now(); // what is waited for announces nothing
    }
}

/// Whether this is the process that [`alone`] started.
pub(crate) fn is_child() -> bool {
    std::env::var_os("CONCIERGE_FILES_TEST").is_some()
}

/// This test program once more, with one test only, as an argument of `before` (or by itself).
pub(crate) fn alone(before: &[&str], test: &str) -> std::process::Output {
    let me = std::env::current_exe().unwrap();
    let mut words: Vec<std::ffi::OsString> = before.iter().map(Into::into).collect();
    words.extend([me.into(), "--exact".into(), test.into(), "--nocapture".into()]);
    std::process::Command::new(&words[0]).args(&words[1..]).env("CONCIERGE_FILES_TEST", "1").output().unwrap()
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        found.push(entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(root, &entry.path(), found);
        }
    }
}
