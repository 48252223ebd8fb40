//! The server under test: a fresh process for every sample, in a directory and a process group of its own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use crate::cores::{self, Cores};
use crate::dialect::Dialect;
use crate::fault::Fault;

const ADDRESS_WITHIN: Duration = Duration::from_secs(10);

/// How to start a server that prints where it listens.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    /// Lets it write to this process's standard error; else nobody reads its log.
    pub(crate) show_log: bool,
    /// What it speaks.
    pub(crate) dialect: Dialect,
    /// Files that it finds in its directory, with their text.
    pub(crate) files: &'static [(&'static str, &'static str)],
    /// What stands before the address where it is printed.
    pub(crate) address_after: &'static str,
}

/// A server that listens. Dropping it kills its process group.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) dialect: Dialect,
    process: u32,
    child: Option<Child>,
    _home: Option<TempDir>,
}

impl Server {
    /// Starts a server on the server's core and waits until it says where it listens.
    pub(crate) fn start(launch: &Launch, cores: Option<Cores>) -> Result<Self, Fault> {
        let program = launch.program.display().to_string();
        let start = |source| Fault::Start { program: program.clone(), source };
        let home = TempDir::new().map_err(start)?;
        for (name, text) in launch.files {
            fs::write(home.path().join(name), text).map_err(start)?;
        }
        if let Some(cores) = cores {
            cores::stay_on(cores.server); // inherited
        }
        let child = launch.command(home.path()).spawn();
        if let Some(cores) = cores {
            cores::stay_on(cores.generator);
        }
        let mut child = child.map_err(start)?;
        let stdout = child.stdout.take().expect("it was asked for");
        let mut server = Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            dialect: launch.dialect,
            process: child.id(),
            child: Some(child),
            _home: Some(home),
        };
        let no_address = Fault::NoAddress { program, within_s: ADDRESS_WITHIN.as_secs() };
        server.address = named_address(stdout, launch.address_after).recv_timeout(ADDRESS_WITHIN).map_err(|_| no_address)?;
        Ok(server)
    }

    /// A server that runs inside this process.
    #[cfg(test)]
    pub(crate) fn inside(address: SocketAddr) -> Self {
        Self { address, dialect: Dialect::Concierge, process: std::process::id(), child: None, _home: None }
    }

    /// What every thread of the process has used of the processors so far.
    pub(crate) fn cpu(&self) -> Result<CpuTime, Fault> {
        CpuTime::of(self.process).map_err(|source| Fault::Proc { what: "the CPU time", source })
    }

    /// Resident memory in bytes.
    pub(crate) fn resident_bytes(&self) -> Result<u64, Fault> {
        let fault = |source| Fault::Proc { what: "the memory", source };
        let status = fs::read_to_string(format!("/proc/{}/status", self.process)).map_err(fault)?;
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kib.map(|kib| kib * 1024).ok_or_else(|| fault(io::Error::other("no VmRSS")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(child) = &mut self.child else { return };
        if let Some(group) = Pid::from_raw(child.id().cast_signed()) {
            let _ = kill_process_group(group, Signal::KILL); // gone already is fine
        }
        let _ = child.wait();
    }
}

impl Launch {
    /// A program without arguments that speaks as the hub does.
    pub(crate) fn of(program: PathBuf) -> Self {
        Self { program, arguments: vec![], show_log: false, dialect: Dialect::Concierge, files: &[], address_after: "" }
    }

    /// The same server with further arguments.
    pub(crate) fn with(&self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        let mut launch = self.clone();
        launch.arguments.extend(arguments.into_iter().map(Into::into));
        launch
    }

    /// The same server, with what is durable kept at `store`.
    pub(crate) fn at(&self, store: impl Into<OsString>) -> Self {
        self.with([OsString::from("--store"), store.into()])
    }

    fn command(&self, home: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(home).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(if self.show_log { Stdio::inherit() } else { Stdio::null() });
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CONCIERGE_")) {
            command.env_remove(name); // the defaults are measured
        }
        command
    }
}

/// The address, once it is printed. The thread goes on reading, so that the server never waits for somebody to read, and
/// ends with the server.
fn named_address(stdout: impl Read + Send + 'static, after: &'static str) -> mpsc::Receiver<SocketAddr> {
    let (tell, told) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some(address) = loopback_address(&line, after) {
                let _ = tell.try_send(address); // full: only the first one counts
            }
        }
    });
    told
}

fn loopback_address(line: &str, after: &str) -> Option<SocketAddr> {
    let (_, named) = line.split_once(after)?;
    let (_, after) = named.split_once("127.0.0.1:")?;
    let digits = after.find(|c: char| !c.is_ascii_digit()).map_or(after, |end| &after[..end]);
    digits.parse().ok().filter(|port| *port != 0).map(|port| (Ipv4Addr::LOCALHOST, port).into())
}

/// CPU time in nanoseconds of each thread of a process.
#[derive(Debug, Default)]
pub(crate) struct CpuTime {
    threads: BTreeMap<String, u64>,
}

impl CpuTime {
    fn of(process: u32) -> io::Result<Self> {
        let mut threads = BTreeMap::new();
        for entry in fs::read_dir(format!("/proc/{process}/task"))? {
            let entry = entry?;
            // a thread that ended in the meantime is left out
            let Ok(text) = fs::read_to_string(entry.path().join("schedstat")) else { continue };
            let used = text.split(' ').next().and_then(|ns| ns.parse().ok());
            threads.insert(entry.file_name().to_string_lossy().into_owned(), used.unwrap_or(0));
        }
        if threads.is_empty() { Err(io::Error::other("no /proc/PID/task/*/schedstat")) } else { Ok(Self { threads }) }
    }

    /// What was used since an earlier look, by the threads that are there now.
    pub(crate) fn since(&self, earlier: &Self) -> Duration {
        let used = |(thread, now): (&String, &u64)| now.saturating_sub(earlier.threads.get(thread).copied().unwrap_or(0));
        Duration::from_nanos(self.threads.iter().map(used).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_whatever_is_said_around_it() {
        let at = |port: u16| Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        assert_eq!(loopback_address("listening on ws://127.0.0.1:40123/ws", "ws://"), at(40_123));
        assert_eq!(loopback_address("127.0.0.1:64209", ""), at(64_209));
        assert_eq!(loopback_address("--listen 127.0.0.1:0", ""), None);
        assert_eq!(loopback_address("clients on 127.0.0.1:64209", "ws://"), None);
        assert_eq!(loopback_address("hello", ""), None);
    }

    #[test]
    fn cpu_time_counts_what_threads_used_since() {
        let threads = |list: &[(&str, u64)]| CpuTime { threads: list.iter().map(|(t, ns)| ((*t).into(), *ns)).collect() };
        let earlier = threads(&[("1", 100), ("2", 50)]);
        assert_eq!(threads(&[("1", 170), ("3", 30)]).since(&earlier), Duration::from_nanos(100));
    }

    #[test]
    fn a_server_that_names_no_address_is_a_fault_and_one_that_does_is_killed_in_the_end() {
        let launch = |script: &str| Launch { arguments: vec!["-c".into(), script.into()], ..Launch::of("/bin/sh".into()) };
        assert!(matches!(Server::start(&launch("echo hello"), None), Err(Fault::NoAddress { .. })));
        let server = Server::start(&launch("echo on 127.0.0.1:4711; exec sleep 60"), None).unwrap();
        assert_eq!(server.address.port(), 4711);
        assert!(server.resident_bytes().unwrap() > 0);
        server.cpu().unwrap();
        let process = Pid::from_raw(server.process.cast_signed()).unwrap();
        drop(server);
        assert!(rustix::process::test_kill_process(process).is_err());
    }
}
