//! `concierge-bench`: measures a hub, its coordinator and its router against a plain tokio-tungstenite server on plain SQLite and, where they
//! are there, against servers of others, in the same run (docs/benchmarks.md).

mod baseline;
mod cores;
mod dialect;
mod durable;
mod fault;
mod figures;
mod floor;
mod frames;
mod generator;
mod ledger;
mod page;
mod payload;
mod peer;
mod report;
mod routed;
mod run;
mod sample;
mod scenario;
mod server;
mod targets;
mod traffic;
mod window;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};

use crate::cores::Cores;
use crate::floor::Floor;
use crate::ledger::Ledger;
use crate::peer::{Against, Peer};
use crate::report::{Report, Settings};
use crate::run::Plan;
use crate::scenario::Scenario;
use crate::server::Launch;
use crate::window::Timing;

/// Measures a hub against a plain tokio-tungstenite server.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures; exit code 1 when anything was lost, disordered or refused
    #[command(args_override_self = true)]
    Run(RunArguments),
    /// Serves as the baseline does, and prints where
    Baseline {
        /// Where to listen; port 0 is any free one
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: String,
        /// Where the coordinator's promises are kept: `memory:` is none, `sqlite:PATH` a database
        #[arg(long, default_value = "memory:")]
        store: String,
    },
    /// Serves as cheaply as system calls allow, and prints where
    Floor {
        /// Where to listen; port 0 is any free one
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: std::net::SocketAddr,
        /// One write for all that a client gets in a turn, and not one for each message
        #[arg(long)]
        joined: bool,
    },
    /// Names the scenarios
    List,
}

#[derive(Args)]
struct RunArguments {
    /// The hub's program (release build); started as `PROGRAM serve --listen 127.0.0.1:0`
    #[arg(long)]
    hub: PathBuf,
    /// A further argument for it; may be repeated
    #[arg(long = "hub-arg", allow_hyphen_values = true)]
    hub_arguments: Vec<OsString>,
    /// Servers that the message scenarios are measured on, too: `nats=PROGRAM`, `bun=PROGRAM`, `floor`, `joined`
    #[arg(long, value_delimiter = ',')]
    against: Vec<Against>,
    /// Why one of them is not measured, as a sentence for the page; may be repeated
    #[arg(long)]
    absent: Vec<String>,
    /// Which scenarios (see `list`); any number will do, such as A37
    #[arg(long, value_delimiter = ',')]
    scenarios: Vec<Scenario>,
    /// How often each is measured [default: 3]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: Option<u16>,
    /// Seconds that a sample is measured for, after a third of a second of warm-up [default: 0.5]
    #[arg(long, value_parser = seconds)]
    secs: Option<Duration>,
    /// Begins nothing more after so many seconds
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    within: Option<u64>,
    /// One round of 0.2 s, and fewer scenarios
    #[arg(long)]
    quick: bool,
    /// Writes rows, samples and conditions to this file
    #[arg(long)]
    json: Option<PathBuf>,
    /// Writes the results to this file as a page of documentation
    #[arg(long)]
    page: Option<PathBuf>,
    /// Shows what the servers write to standard error
    #[arg(long)]
    server_log: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if (0.05..=60.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("a number of seconds from 0.05 to 60".into()),
    }
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Run(arguments) => measure(&arguments),
        Command::Baseline { listen, store } => serve(&listen, &store).map(|()| true),
        Command::Floor { listen, joined } => floor(listen, joined).map(|()| true),
        Command::List => list().map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("concierge-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs, prints and writes; says whether no sample failed.
fn measure(arguments: &RunArguments) -> io::Result<bool> {
    let plan = arguments.plan()?;
    let open_files = cores::raise_open_files();
    if let Some(scenario) = plan.scenarios.iter().find(|scenario| scenario.clients() as u64 + 200 > open_files) {
        return Err(io::Error::other(format!("{scenario} needs more open files than {open_files} (ulimit -Hn)")));
    }
    let settings = settings(&plan, arguments)?;
    let terminal = io::stderr().is_terminal();
    let outcomes = run::run(&plan, |round, scenario, server| {
        if terminal {
            eprint!("\r\x1b[Kround {round}: {scenario} {server}");
        }
    });
    if terminal {
        eprint!("\r\x1b[K");
    }
    let report = Report::new(settings, outcomes);
    io::stdout().write_all(report.table().as_bytes())?;
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_vec_pretty(&report)?)?;
    }
    if let Some(path) = &arguments.page {
        std::fs::write(path, page::page(&report, &page::Machine::here()))?;
    }
    Ok(report.is_sound())
}

impl RunArguments {
    fn plan(&self) -> io::Result<Plan> {
        let names = if self.quick { Scenario::QUICK } else { Scenario::DEFAULT };
        let all = || names.split(',').map(|name| name.parse().expect("a test parses them all")).collect();
        let listen = ["--listen", "127.0.0.1:0"].map(OsString::from);
        let launch = |program: &Path, command: &str, further: &[OsString]| {
            let arguments = std::iter::once(command.into()).chain(listen.clone()).chain(further.iter().cloned()).collect();
            Ok::<_, io::Error>(Launch { arguments, show_log: self.server_log, ..Launch::of(std::path::absolute(program)?) })
        };
        let own = std::env::current_exe()?;
        let peer = |against: &Against| Ok((against.peer, against.launch(&own, self.server_log)?));
        let mut plan = Plan {
            hub: launch(&self.hub, "serve", &self.hub_arguments)?,
            baseline: launch(&own, "baseline", &[])?,
            peers: self.against.iter().map(peer).collect::<io::Result<_>>()?,
            scenarios: if self.scenarios.is_empty() { all() } else { self.scenarios.clone() },
            rounds: self.rounds.map_or(if self.quick { 1 } else { 3 }, usize::from),
            timing: Timing {
                warm_up: Duration::from_millis(300),
                measured: self.secs.unwrap_or(Duration::from_millis(if self.quick { 200 } else { 500 })),
            },
            within: self.within.map_or(Duration::MAX, Duration::from_secs),
            cores: Cores::find(),
        };
        if plan.peer(Peer::Nats).is_none() {
            leave_out(&mut plan.scenarios, |scenario| scenario.needs_nats(), "nats-server (--against nats=PROGRAM)");
        }
        Ok(plan)
    }
}

/// Scenarios that lack something are not measured, which stands on the page as well.
fn leave_out(scenarios: &mut Vec<Scenario>, lacks: impl Fn(Scenario) -> bool, what: &str) {
    let (left_out, measured): (Vec<Scenario>, _) = scenarios.iter().partition(|scenario| lacks(**scenario));
    *scenarios = measured;
    if !left_out.is_empty() {
        let names: Vec<String> = left_out.iter().map(ToString::to_string).collect();
        eprintln!("not measured for want of {what}: {}", names.join(", "));
    }
}

fn settings(plan: &Plan, arguments: &RunArguments) -> io::Result<Settings> {
    let peers = arguments.against.iter().map(|against| Ok((against.peer, against.version()?))).collect::<io::Result<_>>()?;
    Ok(Settings {
        rounds: plan.rounds,
        measured_s: plan.timing.measured.as_secs_f64(),
        warm_up_s: plan.timing.warm_up.as_secs_f64(),
        hub: plan.hub.program.display().to_string(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        pinned: plan.cores.is_some(),
        kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
        peers,
        absent: arguments.absent.clone(),
        sync_us: sync_us()?,
    })
}

/// What every commit costs at least, where the databases will be.
fn sync_us() -> io::Result<f64> {
    let mut file = tempfile::tempfile()?;
    let once = |_| {
        let began = Instant::now();
        file.write_all(&[0x5a; 4096])?;
        file.sync_data()?;
        Ok(began.elapsed().as_secs_f64() * 1e6)
    };
    let times = (0..200).map(once).collect::<io::Result<Vec<f64>>>()?;
    Ok(figures::median(&times).expect("there are 200"))
}

/// One thread, as the one core that a run gives it can use.
fn serve(listen: &str, store: &str) -> io::Result<()> {
    let ledger = store.strip_prefix("sqlite:").map(|path| Ledger::open(Path::new(path))).transpose().map_err(io::Error::other)?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(listen).await?;
        writeln!(io::stdout(), "listening on {}", listener.local_addr()?)?;
        baseline::serve(listener, ledger).await
    })
}

/// One thread, as the baseline.
fn floor(listen: std::net::SocketAddr, joined: bool) -> io::Result<()> {
    let floor = Floor::bind(listen, joined)?;
    writeln!(io::stdout(), "listening on {}", floor.address()?)?;
    floor.serve()
}

fn list() -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    for name in Scenario::DEFAULT.split(',') {
        let scenario: Scenario = name.parse().expect("a test parses them all");
        writeln!(stdout, "{name:<8} {}", scenario.about())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenarios(further: &[&str]) -> Vec<String> {
        let words = ["concierge-bench", "run", "--hub", "concierge", "--scenarios", "R1,O1,A1"].iter().chain(further);
        let Command::Run(arguments) = Arguments::try_parse_from(words).unwrap().command else { panic!("it is a run") };
        arguments.plan().unwrap().scenarios.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_needs_nats_server_is_measured_where_that_is_there() {
        assert_eq!(scenarios(&[]), ["R1", "A1"]);
        assert_eq!(scenarios(&["--against", "floor,nats=nats-server"]), ["R1", "O1", "A1"]);
    }
}
