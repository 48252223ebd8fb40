//! A command of `concierge`, run as a person or a script runs it.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};
use tokio::task::JoinSet;

use crate::binary::binary;
use crate::hub::{Hub, collect};
use crate::wait::within;

/// A command to be run; nothing of the tests' environment that concerns Concierge reaches it.
#[derive(Debug)]
pub struct Command {
    command: tokio::process::Command,
    shown: String,
    input: Vec<u8>,
    state: TempDir,
}

/// How it ended.
#[derive(Debug)]
pub struct Finished {
    /// What was run.
    pub shown: String,
    /// The exit code; -1 when a signal ended it.
    pub code: i32,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

/// A command that goes on. Dropping it kills it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    shown: String,
    lines: Lines<BufReader<ChildStdout>>,
    said: Arc<Mutex<String>>,
    _reader: JoinSet<()>,
    _state: TempDir,
}

impl Command {
    /// `concierge` with these arguments.
    ///
    /// # Panics
    /// When there is no place for temporary files.
    #[must_use]
    pub fn concierge(arguments: &[&str]) -> Self {
        Self::program(binary().as_os_str().to_owned(), arguments)
    }

    /// Another program.
    ///
    /// # Panics
    /// When there is no place for temporary files.
    #[must_use]
    pub fn program(program: OsString, arguments: &[&str]) -> Self {
        let mut command = tokio::process::Command::new(&program);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CONCIERGE_")) {
            command.env_remove(name);
        }
        command.args(arguments).env_remove("NO_COLOR").env_remove("CARGO").kill_on_drop(true);
        // a hub keeps what is durable there: two that run at once are not in each other's way
        let state = TempDir::new().expect("a temporary directory can be made");
        command.current_dir(std::env::temp_dir()).env("XDG_STATE_HOME", state.path());
        let shown = format!("{} {}", Path::new(&program).file_name().unwrap_or_default().display(), arguments.join(" "));
        Self { command, shown, input: Vec::new(), state }
    }

    /// A variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// The hub it talks to, by CONCIERGE_URL.
    #[must_use]
    pub fn at(self, hub: &Hub) -> Self {
        self.env("CONCIERGE_URL", hub.url())
    }

    /// Its working directory.
    #[must_use]
    pub fn home(mut self, home: &Path) -> Self {
        self.command.current_dir(home);
        self
    }

    /// What it reads from stdin.
    #[must_use]
    pub fn input(mut self, input: &str) -> Self {
        self.input = input.as_bytes().to_vec();
        self
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it cannot be started or goes on.
    pub async fn run(mut self) -> Finished {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap_or_else(|e| panic!("`{}` cannot be started: {e}", self.shown));
        let mut stdin = child.stdin.take().expect("it was asked for");
        let feed = async move {
            // whoever does not want to read does not have to
            let _ = stdin.write_all(&self.input).await;
        };
        let (output, ()) =
            within(&format!("the end of `{}`", self.shown), async { tokio::join!(child.wait_with_output(), feed) }).await;
        let output = output.expect("a child can be waited for");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let code = output.status.code().unwrap_or(-1);
        Finished { shown: self.shown, code, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Starts it and lets it go on.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(mut self) -> Running {
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap_or_else(|e| panic!("`{}` cannot be started: {e}", self.shown));
        let lines = BufReader::new(child.stdout.take().expect("it was asked for")).lines();
        let (said, mut reader) = (Arc::default(), JoinSet::new());
        reader.spawn(collect(child.stderr.take().expect("it was asked for"), Arc::clone(&said)));
        Running { child, shown: self.shown, lines, said, _reader: reader, _state: self.state }
    }
}

impl Finished {
    /// Itself, when the exit code is this one.
    ///
    /// # Panics
    /// When it is another one.
    pub fn exits(self, code: i32) -> Self {
        let Self { shown, stdout, stderr, .. } = &self;
        assert_eq!(self.code, code, "`{shown}` ended otherwise\nstdout: {stdout}\nstderr: {stderr}");
        self
    }

    /// The lines of stdout as JSON.
    ///
    /// # Panics
    /// When they are not.
    #[must_use]
    pub fn json(&self) -> Vec<Value> {
        let line = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("`{}`: {e}: {line}", self.shown));
        self.stdout.lines().map(line).collect()
    }
}

impl Running {
    /// The next line of its stdout.
    ///
    /// # Panics
    /// When it ends instead.
    pub async fn line(&mut self) -> String {
        self.next_line().await.unwrap_or_else(|| panic!("`{}` ended", self.shown))
    }

    /// The next line of its stdout, or none when that has ended.
    ///
    /// # Panics
    /// When neither comes.
    pub async fn next_line(&mut self) -> Option<String> {
        within(&format!("a line of `{}`", self.shown), self.lines.next_line()).await.expect("stdout is text")
    }

    /// The id of the process.
    ///
    /// # Panics
    /// When it has been waited for.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// What it has written to stderr so far.
    ///
    /// # Panics
    /// Never: nobody panics while holding it.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.said.lock().expect("nobody panics while holding it").clone()
    }

    /// Sends a signal and waits for its end; the exit code, or -1.
    ///
    /// # Panics
    /// When it goes on.
    pub async fn signal(mut self, signal: rustix::process::Signal) -> i32 {
        let pid = i32::try_from(self.id()).ok().and_then(rustix::process::Pid::from_raw).expect("ids are positive");
        rustix::process::kill_process(pid, signal).expect("it runs");
        self.ended().await
    }

    /// Waits for its end; the exit code, or -1.
    ///
    /// # Panics
    /// When it goes on.
    pub async fn ended(&mut self) -> i32 {
        within(&format!("the end of `{}`", self.shown), self.child.wait())
            .await
            .expect("a child can be waited for")
            .code()
            .unwrap_or(-1)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("`{}` said:\n{}", self.shown, self.said.lock().map(|said| said.clone()).unwrap_or_default());
        }
    }
}
