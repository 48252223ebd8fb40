//! The `concierge` command as a process: exit codes, streams, signals.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::Message;

/// `concierge` in an empty directory, with an empty environment.
fn concierge(arguments: &[&str]) -> (TempDir, Command) {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_concierge"));
    command.args(arguments).env_clear().current_dir(dir.path()).env("TMPDIR", dir.path());
    (dir, command)
}

fn output(arguments: &[&str]) -> Output {
    concierge(arguments).1.output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A hub on a free port.
struct Hub {
    dir: TempDir,
    process: Child,
    greeting: Value,
}

impl Hub {
    fn start(flags: &[&str]) -> Self {
        let (dir, mut command) = concierge(&[&["--json", "serve", "--listen", "127.0.0.1:0"], flags].concat());
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Self { dir, process, greeting: serde_json::from_str(&line).unwrap() }
    }

    fn url(&self) -> &str {
        self.greeting["url"].as_str().unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    /// Reads stderr up to a line with `word`.
    fn log_until(&mut self, word: &str) {
        let mut seen = String::new();
        let stderr = self.process.stderr.as_mut().unwrap();
        while !(seen.contains(word) && seen.ends_with('\n')) {
            let mut byte = [0];
            stderr.read_exact(&mut byte).unwrap_or_else(|_| panic!("no `{word}` in {seen}"));
            seen.push(char::from(byte[0]));
        }
    }

    fn end(&mut self) -> Option<i32> {
        self.process.wait().unwrap().code()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_hub_says_where_it_is_answers_for_its_health_and_ends_at_sigterm() {
    let mut hub = Hub::start(&[]);
    for ready in [&["healthcheck", "--ready"][..], &["healthcheck"]] {
        let healthy = output(&[ready, &["-s", hub.url()]].concat());
        assert_eq!((healthy.status.code(), text(&healthy.stdout)), (Some(0), "healthy\n"));
    }
    hub.signal(Signal::TERM);
    assert_eq!(hub.end(), Some(0));
    let left: Vec<_> = std::fs::read_dir(hub.dir.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(output(&["healthcheck", "-s", hub.url()]).status.code(), Some(1));
}

#[test]
fn ctrl_c_ends_a_hub_too_and_sighup_does_not() {
    let mut hub = Hub::start(&[]);
    hub.signal(Signal::HUP);
    hub.log_until("TLS files read again");
    hub.signal(Signal::INT);
    assert_eq!(hub.end(), Some(0));
}

/// Writes a new certificate for 127.0.0.1 and its key.
fn certify(dir: &TempDir) -> [String; 2] {
    let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let paths = ["cert.pem", "key.pem"].map(|name| dir.path().join(name).to_str().unwrap().to_owned());
    std::fs::write(&paths[0], certified.cert.pem()).unwrap();
    std::fs::write(&paths[1], certified.signing_key.serialize_pem()).unwrap();
    paths
}

#[test]
fn a_hub_with_tls_is_healthy_to_those_who_trust_it_and_sighup_changes_its_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let [cert, key] = certify(&dir);
    let mut hub = Hub::start(&["--tls-cert", &cert, "--tls-key", &key]);
    assert!(hub.url().starts_with("wss://127.0.0.1:"));
    let healthy = |trust: &[&str]| output(&[&["healthcheck", "-s", hub.url()], trust].concat()).status.code();
    assert_eq!([healthy(&["--ca", &cert]), healthy(&["--insecure"]), healthy(&[])], [Some(0), Some(0), Some(1)]);
    certify(&dir);
    assert_eq!(healthy(&["--ca", &cert]), Some(1), "the file is new, and the hub has the old one");
    hub.signal(Signal::HUP);
    hub.log_until("TLS files read again");
    assert_eq!(output(&["healthcheck", "-s", hub.url(), "--ca", &cert]).status.code(), Some(0));
    hub.signal(Signal::TERM);
    assert_eq!(hub.end(), Some(0));
}

#[tokio::test]
async fn a_second_signal_ends_a_hub_at_once() {
    use futures::{SinkExt as _, StreamExt as _};
    let mut hub = Hub::start(&[]);
    // A client that does not answer the close frame holds the hub back.
    let (mut silent, _) = tokio_tungstenite::connect_async(hub.url()).await.unwrap();
    silent.send(Message::text(r#"{"type":"IDENTIFY","name":"silent","version":"0.2.0"}"#)).await.unwrap();
    let hello = silent.next().await.unwrap().unwrap();
    assert!(hello.to_string().contains("HELLO"), "{hello:?}");
    hub.signal(Signal::TERM);
    hub.log_until("once more ends at once");
    hub.signal(Signal::TERM);
    assert_eq!(hub.end(), Some(130));
}

#[test]
fn the_greeting_for_people_has_three_commands_to_try() {
    let (_dir, mut command) = concierge(&["serve", "--listen", "127.0.0.1:0"]);
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines: Vec<String> = BufReader::new(process.stdout.take().unwrap()).lines().take(6).map(Result::unwrap).collect();
    kill_process(Pid::from_child(&process), Signal::TERM).unwrap();
    assert!(process.wait().unwrap().success());
    assert!(lines[0].starts_with("Concierge listens on ws://127.0.0.1:"), "{lines:?}");
    let program = concat!("  ", env!("CARGO_BIN_EXE_concierge"), " ");
    assert_eq!(lines.iter().filter(|line| line.starts_with(program)).count(), 3, "no PATH leads to it: {lines:?}");
}

#[test]
fn an_address_in_use_is_told_with_what_to_try_next() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = output(&["serve", "--listen", &address]);
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(said.contains(&format!("error: cannot listen on {address}")) && said.contains("--listen 127.0.0.1:0"), "{said}");
}

#[test]
fn a_wrong_configuration_is_78_from_every_layer() {
    let (dir, mut command) = concierge(&["serve"]);
    std::fs::write(dir.path().join("concierge.toml"), "\nlisen = 5\n").unwrap();
    let by_file = command.output().unwrap();
    assert_eq!(by_file.status.code(), Some(78));
    assert!(text(&by_file.stderr).contains("concierge.toml:2: unknown key `lisen`; the nearest one is `listen`"));
    let by_variable = concierge(&["serve"]).1.env("CONCIERGE_LISEN", "x").output().unwrap();
    assert_eq!(by_variable.status.code(), Some(78));
    assert!(text(&by_variable.stderr).contains("the nearest one is CONCIERGE_LISTEN"));
    assert_eq!(output(&["serve", "--set", "lisen=x"]).status.code(), Some(78));
    assert_eq!(output(&["serve", "--tls-cert=/nowhere", "--tls-key=/nowhere"]).status.code(), Some(78));
}

#[test]
fn the_file_that_the_environment_names_is_read() {
    let (dir, mut command) = concierge(&["config", "check"]);
    std::fs::write(dir.path().join("hub.toml"), "shards = 7\n").unwrap();
    let checked = command.env("CONCIERGE_CONFIG", "hub.toml").env("CONCIERGE_SPIN_US", "8").output().unwrap();
    assert!(checked.status.success());
    assert!(text(&checked.stdout).contains("shards = 7\nspin_us = 8\n"));
}

#[test]
fn results_go_to_stdout_help_too_and_everything_else_to_stderr() {
    let help = output(&["--help"]);
    assert!(help.status.success() && help.stderr.is_empty() && text(&help.stdout).contains("Exit codes:"));
    let usage = output(&["nonsense"]);
    assert_eq!((usage.status.code(), usage.stdout.len()), (Some(2), 0));
    let unknown = output(&["--json", "errors", "4711"]);
    assert_eq!((unknown.status.code(), unknown.stdout.len()), (Some(5), 0));
    assert_eq!(serde_json::from_slice::<Value>(&unknown.stderr).unwrap()["exit"], 5);
    let usage = output(&["nonsense", "--json"]);
    assert_eq!((usage.status.code(), usage.stdout.len()), (Some(2), 0));
    assert_eq!(serde_json::from_slice::<Value>(&usage.stderr).unwrap()["exit"], 2);
    let default = output(&["config", "default"]);
    assert!(default.status.success() && default.stderr.is_empty() && text(&default.stdout).contains("payload_bytes = 65536"));
}

#[test]
fn pipes_get_no_colour() {
    for arguments in [&["errors"][..], &["errors", "nonsense"], &["--help"], &["nonsense"]] {
        let ended = output(arguments);
        assert!(!ended.stdout.contains(&0x1b) && !ended.stderr.contains(&0x1b), "{arguments:?}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let (_dir, mut command) = concierge(&["schema"]);
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(process.stdout.take());
    let mut said = String::new();
    process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((process.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}
