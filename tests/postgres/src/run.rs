//! One run of a server's process, from its start to its end. What stands here blocks.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use crate::PATIENCE;
use crate::account::Account;
use crate::programs::program;

/// What a server says when it can be asked.
const READY: &str = "database system is ready to accept connections";

/// How a run ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    /// In order: clients are disconnected, everything is written.
    Stop,
    /// SIGKILL to the server and all of its backends.
    Kill,
}

/// A server's process, and the guardian that started it and ends it when we cannot. Dropping it ends both and removes the
/// folder.
///
/// The guardian is told of our end by a pipe that closes with our process. PR_SET_PDEATHSIG would not do: it comes with the end
/// of the thread that started the server, and each test has a thread of its own.
#[derive(Debug)]
pub(crate) struct Run {
    guardian: Child,
    orders: Option<ChildStdin>,
    /// Something comes when the server is ready; hung up when all of its processes are gone. The lock is never contended: it
    /// makes this `Sync`.
    news: Mutex<Receiver<()>>,
    /// Of the server's process.
    pub(crate) id: u32,
}

/// Makes a cluster in `data` of the folder, whose superuser is `postgres`, without a password.
///
/// It is not flushed to the disk: a test machine that loses power loses its tests.
pub(crate) fn make_cluster(folder: &Path, account: Account) {
    let mut command = Command::new(program("initdb"));
    command.args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-locale", "--pgdata=data"]);
    prepare(&mut command, folder, account);
    let output = command.output().unwrap_or_else(|e| panic!("initdb cannot be started: {e}"));
    let words = || String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "initdb failed:\n{}", words());
}

impl Run {
    /// Starts the folder's server and waits until it can be asked; the server's last words when it ends instead.
    pub(crate) fn start(folder: &Path, settings: &[String], account: Account, log: &Arc<Mutex<String>>) -> Result<Self, String> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", include_str!("guardian.sh"), "guardian"]).arg(folder);
        command.arg(program("postgres")).args(["-D", "data"]);
        command.args(settings.iter().flat_map(|setting| ["-c", setting]));
        prepare(&mut command, folder, account);
        // an interrupt from the terminal is for us; the guardian sees our end and does not leave anything undone
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut guardian = command.spawn().unwrap_or_else(|e| panic!("/bin/sh cannot be started: {e}"));
        let (orders, stderr) = (guardian.stdin.take(), guardian.stderr.take().expect("it was asked for"));
        let (tell, news) = sync_channel(1);
        let (kept, earlier) = (Arc::clone(log), log.lock().expect("nobody panics while holding it").len());
        std::thread::spawn(move || read(stderr, &kept, &tell));
        let mut run = Self { guardian, orders, news: Mutex::new(news), id: 0 };
        match run.news().recv_timeout(PATIENCE) {
            Ok(()) => run.id = server_id(folder),
            Err(failure) => {
                // not its drop: the folder stays for another attempt
                run.order("QUIT");
                let said = log.lock().expect("nobody panics while holding it")[earlier..].to_owned();
                let what = if failure == RecvTimeoutError::Timeout { "is not ready" } else { "ended" };
                return Err(format!("PostgreSQL {what}:\n{said}"));
            }
        }
        Ok(run)
    }

    /// Ends the server, and waits until all of its processes are gone. The folder stays.
    ///
    /// # Panics
    /// When they go on.
    pub(crate) fn end(mut self, end: End) {
        self.order(match end {
            End::Stop => "INT",
            End::Kill => "KILL",
        });
        self.gone();
    }

    /// Tells the guardian by which signal the server shall end.
    fn order(&mut self, signal: &str) {
        let mut orders = self.orders.take().expect("orders are given once");
        writeln!(orders, "{signal}").expect("the guardian waits for orders");
    }

    fn news(&mut self) -> &mut Receiver<()> {
        self.news.get_mut().expect("nobody locks it")
    }

    fn gone(&mut self) {
        let news = std::iter::from_fn(|| match self.news().recv_timeout(PATIENCE) {
            Err(RecvTimeoutError::Disconnected) => None,
            told => Some(told),
        });
        for told in news {
            assert_eq!(told, Ok(()), "not within {PATIENCE:?}: the end of PostgreSQL");
        }
        self.guardian.wait().expect("a child can be waited for");
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _it_may_have_been_waited_for = self.guardian.wait();
    }
}

/// Nothing of our environment that PostgreSQL listens to reaches it, and it speaks English.
fn prepare(command: &mut Command, folder: &Path, account: Account) {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C").current_dir(folder).stdin(Stdio::null());
    account.run(command);
}

/// Keeps what the server writes, and tells when it is ready.
fn read(stderr: ChildStderr, log: &Mutex<String>, tell: &SyncSender<()>) {
    for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        let mut log = log.lock().expect("nobody panics while holding it");
        log.push_str(&line);
        log.push('\n');
        if line.contains(READY) {
            // full: it was told already
            let _ = tell.try_send(());
        }
    }
}

/// The server's own process, by the first line of the file that it keeps.
fn server_id(folder: &Path) -> u32 {
    let facts = std::fs::read_to_string(folder.join("data/postmaster.pid")).expect("a server that is ready has noted its id");
    facts.lines().next().and_then(|id| id.trim().parse().ok()).expect("its first line is the id")
}
