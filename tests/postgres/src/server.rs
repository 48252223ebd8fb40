//! The server as tests see it.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;
use tokio_postgres::NoTls;

use crate::account::Account;
use crate::run::{End, Run, make_cluster};

/// What PostgreSQL calls its port, also on a Unix socket.
const USUAL_PORT: u16 = 5432;

/// A free port is not kept for us: somebody else may be quicker.
const ATTEMPTS: usize = 3;

/// How a server is started.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    settings: Vec<String>,
    tcp: bool,
}

impl Setup {
    /// Keys of postgresql.conf, as `max_connections=20`.
    #[must_use]
    pub fn set<S: Into<String>>(mut self, settings: impl IntoIterator<Item = S>) -> Self {
        self.settings.extend(settings.into_iter().map(Into::into));
        self
    }

    /// Lets commits return before they are on the disk, which is quicker. They survive [`Postgres::kill`] all the same: only a
    /// machine that stops could lose them.
    #[must_use]
    pub fn without_fsync(self) -> Self {
        self.set(["fsync=off", "synchronous_commit=off", "full_page_writes=off"])
    }

    /// Has it listen on a port of 127.0.0.1 instead of a Unix socket. The port stays over restarts.
    #[must_use]
    pub fn on_tcp(mut self) -> Self {
        self.tcp = true;
        self
    }

    /// Makes a cluster, starts its server and waits until it can be asked.
    ///
    /// # Panics
    /// When it cannot.
    pub async fn start(self) -> Postgres {
        blocking(move || self.start_blocking()).await
    }

    fn start_blocking(self) -> Postgres {
        let account = Account::unprivileged();
        let folder = TempDir::with_prefix("postgres-").expect("a temporary directory can be made");
        account.own(folder.path());
        make_cluster(folder.path(), account);
        let log = Arc::default();
        let mut failure = String::new();
        for _ in 0..ATTEMPTS {
            let port = if self.tcp { free_port() } else { USUAL_PORT };
            let settings = self.all(folder.path(), port);
            match Run::start(folder.path(), &settings, account, &log) {
                Ok(run) => {
                    let databases = AtomicU32::new(0);
                    return Postgres { run: Some(run), settings, account, tcp: self.tcp, port, log, databases, folder };
                }
                Err(said) => failure = said,
            }
            if !self.tcp {
                break;
            }
        }
        panic!("{failure}");
    }

    /// Our settings, and those of the test, which win.
    fn all(&self, folder: &Path, port: u16) -> Vec<String> {
        let (addresses, sockets) =
            if self.tcp { ("127.0.0.1".to_owned(), String::new()) } else { (String::new(), folder.display().to_string()) };
        let ours = [
            format!("listen_addresses={addresses}"),
            format!("port={port}"),
            format!("unix_socket_directories={sockets}"),
            "max_connections=200".to_owned(),             // of all tests of a process
            "dynamic_shared_memory_type=mmap".to_owned(), // in the folder, so that nothing outlives it
        ];
        ours.into_iter().chain(self.settings.iter().cloned()).collect()
    }
}

/// A server that answers, unless the test has ended it. Dropping it ends it and removes what it kept; so does the end of the
/// test's process, whatever the reason.
#[derive(Debug)]
pub struct Postgres {
    run: Option<Run>,
    settings: Vec<String>,
    account: Account,
    tcp: bool,
    port: u16,
    log: Arc<Mutex<String>>,
    databases: AtomicU32,
    /// After `run`: what is running is dropped first.
    folder: TempDir,
}

impl Postgres {
    /// A server of the test's own, which commits to the disk.
    pub async fn start() -> Self {
        Setup::default().start().await
    }

    /// The server that all tests of this process share, each in databases of its own. It commits to the disk.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Postgres> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// Makes an empty database, and returns its URL. It goes with the server.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn database(&self) -> String {
        let name = format!("t{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let connected = tokio_postgres::connect(&self.url("postgres"), NoTls).await;
        let (client, connection) = connected.unwrap_or_else(|e| panic!("no connection: {e}\n{}", self.log()));
        let create = async move {
            // template0 is never in use, template1 might be
            client.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0")).await.map(|()| name)
        };
        let (created, _closed) = tokio::join!(create, connection);
        self.url(&created.unwrap_or_else(|e| panic!("no database: {e}\n{}", self.log())))
    }

    /// The URL of a database, for its superuser, who has no password.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let host = if self.tcp { "127.0.0.1".to_owned() } else { self.folder.path().display().to_string() };
        let host = if self.tcp { host } else { utf8_percent_encode(&host, NON_ALPHANUMERIC).to_string() };
        format!("postgresql://postgres@{host}:{}/{database}", self.port)
    }

    /// The id of its process.
    ///
    /// # Panics
    /// When it has been ended.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.run.as_ref().expect("it runs").id
    }

    /// Where it keeps everything.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// What it has written to its log so far, over all restarts.
    ///
    /// # Panics
    /// Never: nobody panics while holding the log.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().expect("nobody panics while holding it").clone()
    }

    /// Ends it in order: its clients are disconnected, what they committed is written.
    ///
    /// # Panics
    /// When it has been ended, or goes on.
    pub async fn stop(&mut self) {
        self.end(End::Stop).await;
    }

    /// Ends it and all of its backends by SIGKILL.
    ///
    /// # Panics
    /// When it has been ended, or goes on.
    pub async fn kill(&mut self) {
        self.end(End::Kill).await;
    }

    /// Starts it again, after its end, at the same address and with the same databases.
    ///
    /// # Panics
    /// When it has not been ended, or cannot be started.
    pub async fn restart(&mut self) {
        assert!(self.run.is_none(), "it runs: stop it or kill it first");
        let (folder, settings, account, log) = (self.folder(), self.settings.clone(), self.account, Arc::clone(&self.log));
        let run = blocking(move || Run::start(&folder, &settings, account, &log)).await;
        self.run = Some(run.unwrap_or_else(|failure| panic!("{failure}")));
    }

    async fn end(&mut self, end: End) {
        let run = self.run.take().expect("it runs");
        blocking(move || run.end(end)).await;
    }
}

/// On a thread where waiting holds nobody up; a paused clock stands still meanwhile.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(failure) => std::panic::resume_unwind(failure.into_panic()),
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    listener.local_addr().expect("it is bound").port()
}
