//! A hub: the real binary, in a process and a home of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use concierge_client::{HubUrl, Options, Tls, Transport, dial};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::net::TcpSocket;
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinSet;

use crate::binary::binary;
use crate::client::Client;
use crate::http::{Reply, request};
use crate::process::Process;
use crate::wait::within;
use crate::wire::Wire;

/// How a hub is started: without a coordinator, a router and an admin service, which have tests of their own, unless it is told
/// `coordinator.enabled=true`, `router.enabled=true` or `admin=true`. Nothing of the tests' environment reaches it.
#[derive(Debug, Default)]
pub struct Setup {
    settings: Vec<String>,
    tls: Tls,
}

impl Setup {
    /// Configuration keys, as `limits.payload_bytes=1024`.
    #[must_use]
    pub fn set<S: Into<String>>(mut self, settings: impl IntoIterator<Item = S>) -> Self {
        self.settings.extend(settings.into_iter().map(Into::into));
        self
    }

    /// Whom the clients of this hub trust.
    #[must_use]
    pub fn trust(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Starts the hub on a free port and waits until it says where it listens.
    ///
    /// # Panics
    /// When it does not.
    pub async fn start(self) -> Hub {
        let home = TempDir::new().expect("a temporary directory can be made");
        std::fs::create_dir(home.path().join("tmp")).expect("it is empty");
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut run = Run::start(&self.settings, home.path(), any_port);
        let Announced { address, url, files } = run.announced().await;
        Hub { address, url, files, tls: self.tls, settings: self.settings, run, home }
    }
}

/// A hub that listens. Dropping it kills it.
#[derive(Debug)]
pub struct Hub {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where its file server listens, when that has a listener of its own.
    pub files: Option<SocketAddr>,
    url: String,
    tls: Tls,
    settings: Vec<String>,
    run: Run,
    home: TempDir,
}

impl Hub {
    /// A hub with the default configuration, but without a coordinator.
    pub async fn start() -> Self {
        Setup::default().start().await
    }

    /// A hub with these configuration keys.
    pub async fn with(settings: &[&str]) -> Self {
        Setup::default().set(settings.iter().copied()).start().await
    }

    /// What clients connect to.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address as the Rust client takes it.
    ///
    /// # Panics
    /// When the hub announced an address that the client does not understand.
    #[must_use]
    pub fn hub_url(&self) -> HubUrl {
        self.url.parse().expect("the hub announces a URL")
    }

    /// Options of a Rust client of that name.
    ///
    /// # Panics
    /// When the name is not one.
    #[must_use]
    pub fn options(&self, name: &str) -> Options {
        Options::new(&self.url, name).expect("a name").tls(self.tls.clone())
    }

    /// The process.
    #[must_use]
    pub fn process(&self) -> Process {
        Process(self.run.id)
    }

    /// Its working directory.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// What it takes for the system's temporary directory.
    #[must_use]
    pub fn temporary(&self) -> PathBuf {
        self.home.path().join("tmp")
    }

    /// What it has written to stderr so far.
    ///
    /// # Panics
    /// Never: nobody panics while holding the log.
    #[must_use]
    pub fn log(&self) -> String {
        self.run.log.lock().expect("nobody panics while holding it").clone()
    }

    /// A bare connection.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn dial(&self) -> Wire {
        let dialled = within("a connection", dial(&self.hub_url(), &self.tls)).await;
        Wire::new(dialled.unwrap_or_else(|e| panic!("no connection: {e}: {:?}", std::error::Error::source(&e))))
    }

    /// A bare connection from 127.0.0.2, another address of this machine. Without TLS.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn dial_from_elsewhere(&self) -> Wire {
        let socket = TcpSocket::new_v4().expect("sockets exist");
        socket.bind((Ipv4Addr::new(127, 0, 0, 2), 0).into()).expect("the whole of 127.0.0.0/8 is this machine");
        let stream = within("a connection", socket.connect(self.address)).await.expect("the hub listens");
        Wire::new(Transport::Left(stream))
    }

    /// A WebSocket whose client has not identified.
    pub async fn connect(&self) -> Client {
        Client::upgrade(self.dial().await).await
    }

    /// A client that has entered under this name.
    pub async fn enter(&self, name: &str) -> Client {
        let mut client = self.connect().await;
        client.identify(name).await;
        client
    }

    /// One HTTP exchange on a connection of its own.
    pub async fn http(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut wire = self.dial().await;
        wire.send(&request(method, path, headers, body)).await;
        wire.reply().await
    }

    /// The body of a GET that is answered 200.
    ///
    /// # Panics
    /// When it is answered otherwise.
    pub async fn get(&self, path: &str) -> String {
        let reply = self.http("GET", path, &[], b"").await;
        assert_eq!(reply.status, 200, "GET {path}: {}", reply.text());
        reply.text()
    }

    /// The value of a metric without labels.
    ///
    /// # Panics
    /// When there is none.
    pub async fn metric(&self, name: &str) -> f64 {
        let metrics = self.get("/metrics").await;
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        value.unwrap_or_else(|| panic!("no metric {name}:\n{metrics}"))
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// When the process is gone.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.run.pid(), signal).expect("the hub runs");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it goes on.
    pub async fn ended(&mut self) -> ExitStatus {
        within("the end of the hub", self.run.child.wait()).await.expect("a child can be waited for")
    }

    /// SIGTERM, and the end.
    pub async fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended().await
    }

    /// SIGKILL, and the end.
    pub async fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.ended().await;
    }

    /// Starts it again, after its end, at the same address and in the same home.
    pub async fn restart(&mut self) {
        self.run = Run::start(&self.settings, self.home.path(), self.address);
        let Announced { address, url, files } = self.run.announced().await;
        (self.address, self.url, self.files) = (address, url, files);
    }
}

/// What a hub says first.
struct Announced {
    address: SocketAddr,
    url: String,
    files: Option<SocketAddr>,
}

/// One process.
#[derive(Debug)]
struct Run {
    id: u32,
    child: Child,
    stdout: Option<ChildStdout>,
    log: Arc<Mutex<String>>,
    readers: JoinSet<()>,
}

impl Run {
    fn start(settings: &[String], home: &Path, listen: SocketAddr) -> Self {
        let mut command = Command::new(binary());
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CONCIERGE_")) {
            command.env_remove(name);
        }
        command.args(["--json", "serve", "--listen", &listen.to_string(), "--set", "log.level=debug", "--set", "node=hub"]);
        command.args([
            "--set",
            "coordinator.enabled=false",
            "--set",
            "router.enabled=false",
            "--set",
            "admin=false",
            "--set",
            "allowed_hosts=hub.test",
        ]);
        command.args(settings.iter().flat_map(|setting| ["--set", setting]));
        command.current_dir(home).env("TMPDIR", home.join("tmp")).env("XDG_STATE_HOME", home.join("state"));
        command.env_remove("STATE_DIRECTORY").kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{} cannot be started: {e}", binary().display()));
        let mut run = Self {
            id: child.id().expect("it was just started"),
            stdout: child.stdout.take(),
            log: Arc::default(),
            readers: JoinSet::new(),
            child,
        };
        let stderr = run.child.stderr.take().expect("it was asked for");
        run.readers.spawn(collect(stderr, run.log.clone()));
        run
    }

    /// Where it listens, from its first line.
    async fn announced(&mut self) -> Announced {
        let mut lines = BufReader::new(self.stdout.take().expect("asked once")).lines();
        let line = within("the hub's first line", lines.next_line()).await.expect("stdout is text");
        let Some(line) = line else {
            within("the hub's last words", async { while self.readers.join_next().await.is_some() {} }).await;
            panic!("the hub ended: {}", self.log.lock().expect("nobody panics while holding it"));
        };
        let facts: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let address = |key: &str| facts[key].as_str().map(|text| text.parse().expect("an address"));
        let url = facts["url"].as_str().unwrap_or_else(|| panic!("no url: {line}")).to_owned();
        Announced { address: address("address").expect("the hub's address"), url, files: address("files") }
    }

    fn pid(&self) -> Pid {
        i32::try_from(self.id).ok().and_then(Pid::from_raw).expect("ids of processes are positive")
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let log = self.log.lock().map(|log| log.clone()).unwrap_or_default();
        if std::thread::panicking() {
            eprintln!("the hub's log:\n{log}");
        } else {
            // a task that panics takes its connection with it and nothing else: nobody would notice
            assert!(!log.contains("panicked at"), "something in the hub panicked:\n{log}");
        }
    }
}

/// Keeps what a child writes.
pub(crate) async fn collect(from: impl AsyncRead + Unpin, to: Arc<Mutex<String>>) {
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut log = to.lock().expect("nobody panics while holding it");
        log.push_str(&line);
        log.push('\n');
    }
}
