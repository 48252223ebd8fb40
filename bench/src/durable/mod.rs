//! Requests to the coordinator: what each scenario of them sets up, asks and measures. Each sample has a server of its own on a
//! database of its own, in a directory that goes with it.

mod cycles;
mod dispatch;
mod proof;
mod stock;
mod timers;
mod words;

use std::ffi::OsString;
use std::path::Path;

use tempfile::TempDir;

use crate::cores::Cores;
use crate::fault::Fault;
use crate::generator::Client;
use crate::sample::Sample;
use crate::server::{Launch, Server};
use crate::window::Timing;
use cycles::{Cycle, Ids};
pub(crate) use stock::Stock;

/// Clients of the scenarios that are about what is stored.
const CLIENTS: usize = 64;
/// Clients that connect at once before a load.
const JOINING: usize = 16;
/// What is stored where the cost per request is compared to.
const FEW: usize = 1_000;

/// A scenario of requests to the coordinator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durable {
    /// `P1024`: so many clients create a promise and settle it, one request in flight for each; then the server is killed.
    Pairs { clients: usize },
    /// `Q64`: so many clients create a task, create and settle another promise under its fence, and fulfill it.
    Tasks { clients: usize },
    /// `W64`: so many promises with a target at once, each offered to a worker, claimed and fulfilled.
    Dispatch { at_once: usize },
    /// `S1000000`: as `P64`, with so many promises stored.
    Stored { promises: usize },
    /// `U1000000`: the same with ids in no order, such as UUIDs.
    Unordered { promises: usize },
    /// `T1000000`: so many pending promises; start, memory, and how late deadlines are.
    Pending { promises: usize },
}

/// What a sample of a scenario stands beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Nothing,
    /// The baseline's server.
    Plain,
    /// The hub in another scenario.
    Hub(Durable),
}

/// Where and how long a sample is taken.
pub(crate) struct Site<'a> {
    pub(crate) launch: &'a Launch,
    pub(crate) cores: Option<Cores>,
    pub(crate) timing: Timing,
    pub(crate) stock: &'a Stock,
}

/// A directory with a database for one sample.
struct Base {
    directory: TempDir,
}

impl Durable {
    /// Starts a server, loads and measures it.
    ///
    /// # Errors
    /// [`Fault`]: an answer that is no 200, something acknowledged that is not kept, a standstill.
    pub(crate) fn measure(self, site: &Site<'_>) -> Result<Sample, Fault> {
        let base = Base::new()?;
        match self {
            Self::Pairs { clients } => proof::measure(site, &base, clients),
            Self::Tasks { clients } => {
                let server = base.serve(site)?;
                cycles::run(&server, site.timing, Cycle::Task, Ids::InOrder, clients).map(|(sample, _)| sample)
            }
            Self::Dispatch { at_once } => dispatch::measure(&base.serve(site)?, site.timing, at_once),
            Self::Stored { promises } => base.stored(site, promises, Ids::InOrder),
            Self::Unordered { promises } => base.stored(site, promises, Ids::Unordered),
            Self::Pending { promises } => {
                site.stock.copy(site, 0, promises, &base.path())?;
                timers::measure(site, &base)
            }
        }
    }

    /// What its figures stand beside.
    pub(crate) fn baseline(self) -> Comparison {
        match self {
            Self::Pairs { .. } => Comparison::Plain,
            Self::Stored { .. } => Comparison::Hub(Self::Stored { promises: FEW }),
            Self::Unordered { .. } => Comparison::Hub(Self::Unordered { promises: FEW }),
            Self::Tasks { .. } | Self::Dispatch { .. } | Self::Pending { .. } => Comparison::Nothing,
        }
    }

    /// How many clients it has at most.
    pub(crate) fn clients(self) -> usize {
        match self {
            Self::Pairs { clients } | Self::Tasks { clients } => clients,
            Self::Dispatch { at_once } => 2 * at_once,
            Self::Stored { .. } | Self::Unordered { .. } | Self::Pending { .. } => CLIENTS + 1,
        }
    }

    /// A sentence for `concierge-bench list`.
    pub(crate) fn about(self) -> String {
        match self {
            Self::Pairs { clients } => format!("{clients} clients create and settle promises; then kill -9, and all are there"),
            Self::Tasks { clients } => format!("{clients} clients: task.create, 2 task.fence, task.fulfill"),
            Self::Dispatch { at_once } => format!("{at_once} promises at once are offered to workers, claimed and fulfilled"),
            Self::Stored { promises } => format!("{CLIENTS} clients create and settle beside {promises} stored promises"),
            Self::Unordered { promises } => format!("the same with ids in no order, {promises} stored"),
            Self::Pending { promises } => format!("{promises} pending promises: start, memory, how late deadlines are"),
        }
    }

    /// Its letter and its number.
    pub(crate) fn parts(self) -> (char, usize) {
        match self {
            Self::Pairs { clients } => ('P', clients),
            Self::Tasks { clients } => ('Q', clients),
            Self::Dispatch { at_once } => ('W', at_once),
            Self::Stored { promises } => ('S', promises),
            Self::Unordered { promises } => ('U', promises),
            Self::Pending { promises } => ('T', promises),
        }
    }

    /// The scenario of a letter and a number, given the most clients and the most promises.
    pub(crate) fn of(letter: char, n: usize, most_clients: usize, most_promises: usize) -> Option<Self> {
        let clients = || Some(n).filter(|n| (1..=most_clients).contains(n));
        let promises = || Some(n).filter(|n| (FEW..=most_promises).contains(n));
        match letter {
            'P' => clients().map(|clients| Self::Pairs { clients }),
            'Q' => clients().map(|clients| Self::Tasks { clients }),
            'W' => clients().map(|at_once| Self::Dispatch { at_once }),
            'S' => promises().map(|promises| Self::Stored { promises }),
            'U' => promises().map(|promises| Self::Unordered { promises }),
            'T' => promises().map(|promises| Self::Pending { promises }),
            _ => None,
        }
    }
}

impl Base {
    fn new() -> Result<Self, Fault> {
        TempDir::new().map(|directory| Self { directory }).map_err(Fault::Stock)
    }

    fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("promises.db")
    }

    /// A server on this database.
    fn serve(&self, site: &Site<'_>) -> Result<Server, Fault> {
        Server::start(&site.launch.at(store(&self.path())), site.cores)
    }

    /// The load of [`Cycle::Pair`] beside so many settled promises, and a hundredth of that pending.
    fn stored(&self, site: &Site<'_>, promises: usize, ids: Ids) -> Result<Sample, Fault> {
        site.stock.copy(site, promises, promises / 100, &self.path())?;
        let server = self.serve(site)?;
        cycles::run(&server, site.timing, Cycle::Pair, ids, CLIENTS).map(|(sample, _)| sample)
    }
}

fn store(path: &Path) -> OsString {
    let mut place = OsString::from("sqlite:");
    place.push(path);
    place
}

/// A client that may ask the coordinator, and is offered what is for this group.
fn member(name: String, group: Option<&str>) -> Client {
    let tags = group.iter().map(|group| (*group).to_owned()).collect();
    Client { tags, subscribes: vec!["coordinator".into()], ..Client::named(name) }
}
