//! A nats-server of their own for tests: a process with a port of its own, which goes when the test goes.
//!
//! A crate for itself, because tests of the crates that talk to NATS need it as well as the end-to-end tests. A server that does not
//! start within [`PATIENCE`] is a panic with its last words.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long anything may take that takes no time: generous, because the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What the server says when it can be asked.
const READY: &str = "Server is ready";
/// Before the address that it listens at.
const LISTENS: &str = "Listening for client connections on ";

/// A server that listens on 127.0.0.1, unless the test has ended it. Dropping it kills it.
#[derive(Debug)]
pub struct Nats {
    program: PathBuf,
    folder: TempDir,
    port: u16,
    run: Option<Run>,
    log: Arc<Mutex<String>>,
}

#[derive(Debug)]
struct Run {
    child: Child,
    reader: JoinHandle<()>,
}

impl Nats {
    /// A server as it comes.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start() -> Self {
        Self::with("").await
    }

    /// A server with these lines in its configuration.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn with(configuration: &str) -> Self {
        Self::of("peers/nats", configuration).await
    }

    /// A server that is too old for hubs.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn old() -> Self {
        Self::of("old-nats", "").await
    }

    async fn of(tool: &str, configuration: &str) -> Self {
        let folder = TempDir::with_prefix("nats-").expect("a temporary directory can be made");
        std::fs::write(folder.path().join("nats.conf"), configuration).expect("it is empty");
        let program = tools().join(tool).join("bin/nats-server");
        let mut nats = Self { program, folder, port: 0, run: None, log: Arc::default() };
        nats.start_again().await;
        nats
    }

    /// Starts what was killed, on the same port.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_again(&mut self) {
        assert!(self.program.is_file(), "this test needs {}: `cargo xtask test` installs it", self.program.display());
        let port = if self.port == 0 { "-1".to_owned() } else { self.port.to_string() };
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(self.folder.path().join("nats.conf")).args(["--addr", "127.0.0.1", "--port", &port]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("nats-server can be started");
        let mut lines = BufReader::new(child.stderr.take().expect("it was piped")).lines();
        let (log, mut port) = (self.log.clone(), self.port);
        let started = timeout(PATIENCE, async {
            while let Ok(Some(line)) = lines.next_line().await {
                add(&log, &line);
                if let Some((_, address)) = line.split_once(LISTENS) {
                    port = address.trim().rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("a port");
                }
                if line.contains(READY) {
                    return true;
                }
            }
            false
        });
        assert_eq!(started.await, Ok(true), "nats-server does not start: {}", self.log());
        self.port = port;
        let log = self.log.clone();
        let reader = tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                add(&log, &line);
            }
        });
        self.run = Some(Run { child, reader });
    }

    /// `nats://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The same for a user.
    #[must_use]
    pub fn url_of(&self, user: &str, password: &str) -> String {
        format!("nats://{user}:{password}@127.0.0.1:{}", self.port)
    }

    /// What it has written so far.
    ///
    /// # Panics
    /// Never: nobody panics while holding the log.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().expect("nobody panics while holding it").clone()
    }

    /// It stands still, with its connections open.
    ///
    /// # Panics
    /// When it does not run.
    pub fn freeze(&self) {
        let id = self.signal(Signal::STOP);
        // which it does a little later
        while !std::fs::read_to_string(format!("/proc/{id}/stat")).expect("it runs").contains(") T ") {
            std::thread::yield_now();
        }
    }

    /// It goes on.
    ///
    /// # Panics
    /// When it does not run.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// It is gone at once.
    ///
    /// # Panics
    /// When it did not run.
    pub async fn kill(&mut self) {
        let Run { mut child, reader } = self.run.take().expect("it runs");
        child.kill().await.expect("it is our child");
        reader.abort();
    }

    /// A plain client, which knows nothing of hubs.
    ///
    /// # Panics
    /// When it cannot connect.
    pub async fn client(&self) -> async_nats::Client {
        async_nats::connect(self.url()).await.expect("the server is there")
    }

    /// The same as a user.
    ///
    /// # Panics
    /// When it is not let in.
    pub async fn client_of(&self, user: &str, password: &str) -> async_nats::Client {
        let options = async_nats::ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned());
        options.connect(self.url()).await.expect("the server lets it in")
    }

    fn signal(&self, signal: Signal) -> u32 {
        let id = self.run.as_ref().and_then(|run| run.child.id()).expect("it runs");
        let pid = Pid::from_raw(id.try_into().expect("an id is a small number")).expect("no id is 0");
        kill_process(pid, signal).expect("it is our child");
        id
    }
}

fn add(log: &Mutex<String>, line: &str) {
    let mut log = log.lock().expect("nobody panics while holding it");
    log.push_str(line);
    log.push('\n');
}

/// `target/tools`, beside the profile of the running test.
fn tools() -> PathBuf {
    let tests = std::env::current_exe().expect("a running program has a path");
    tests.ancestors().nth(3).map(|target| target.join("tools")).unwrap_or_else(|| Path::new("target/tools").to_owned())
}
