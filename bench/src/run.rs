//! A run: in each round and for each scenario a fresh server of every kind, the hub among them, one right after the other.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::cores::Cores;
use crate::durable::{Comparison, Site, Stock};
use crate::fault::Fault;
use crate::peer::Peer;
use crate::routed::Place;
use crate::sample::Sample;
use crate::scenario::Scenario;
use crate::server::{Launch, Server};
use crate::window::Timing;

/// What to measure.
pub(crate) struct Plan {
    pub(crate) hub: Launch,
    pub(crate) baseline: Launch,
    /// Further servers that scenarios of messages are measured on.
    pub(crate) peers: Vec<(Peer, Launch)>,
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) rounds: usize,
    pub(crate) timing: Timing,
    /// Nothing more is begun after this time.
    pub(crate) within: Duration,
    pub(crate) cores: Option<Cores>,
}

/// Samples that were taken one right after the other.
#[derive(Debug, Serialize)]
pub(crate) struct Round {
    pub(crate) hub: Sample,
    /// Empty for scenarios that are not compared.
    pub(crate) others: BTreeMap<Peer, Sample>,
}

/// All rounds of a scenario.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    pub(crate) scenario: Scenario,
    pub(crate) rounds: Vec<Round>,
    /// Rounds that were not begun, because the time was up.
    pub(crate) left_out: usize,
    /// What went wrong, one sentence for each failed sample.
    pub(crate) faults: Vec<String>,
    /// The same of servers that are not ours: nothing is wrong with the run then.
    pub(crate) foreign_faults: Vec<String>,
}

/// Who is measured: the hub, or a server beside it.
type Who = Option<Peer>;

/// Runs the plan; tells `progress` before each sample.
pub(crate) fn run(plan: &Plan, mut progress: impl FnMut(usize, Scenario, &str)) -> Vec<Outcome> {
    let began = Instant::now();
    let outcome = |scenario: &Scenario| Outcome {
        scenario: *scenario,
        rounds: vec![],
        left_out: 0,
        faults: vec![],
        foreign_faults: vec![],
    };
    let mut outcomes: Vec<Outcome> = plan.scenarios.iter().map(outcome).collect();
    let stock = Stock::default();
    for number in 1..=plan.rounds {
        for outcome in outcomes.iter_mut().filter(|outcome| number <= outcome.scenario.at_most_rounds()) {
            if began.elapsed() < plan.within {
                round(plan, outcome, number, &stock, &mut progress);
            } else {
                outcome.left_out += 1;
            }
        }
    }
    outcomes
}

/// Every other round goes the other way, so that nobody is always measured after the same one.
fn round(plan: &Plan, outcome: &mut Outcome, number: usize, stock: &Stock, progress: &mut impl FnMut(usize, Scenario, &str)) {
    let scenario = outcome.scenario;
    let mut order: Vec<Who> = plan.others(scenario).into_iter().map(Some).chain([None]).collect();
    if number.is_multiple_of(2) {
        order.reverse();
    }
    let (mut hub, mut others) = (None, BTreeMap::new());
    for who in order {
        let name = who.map_or("hub", Peer::label);
        progress(number, scenario, name);
        match (plan.sample(scenario, who, stock), who) {
            (Ok(sample), None) => hub = Some(sample),
            (Ok(sample), Some(peer)) => drop(others.insert(peer, sample)),
            (Err(fault), Some(Peer::Nats | Peer::Bun)) => {
                outcome.foreign_faults.push(format!("round {number}, {name}: {fault}"));
            }
            (Err(fault), _) => outcome.faults.push(format!("round {number}, {name}: {fault}")),
        }
    }
    outcome.rounds.extend(hub.map(|hub| Round { hub, others }));
}

impl Plan {
    /// Who is measured beside the hub.
    fn others(&self, scenario: Scenario) -> Vec<Peer> {
        match scenario {
            Scenario::Traffic(traffic) => {
                let peers = self.peers.iter().map(|(peer, _)| *peer).chain([Peer::Baseline]);
                peers.filter(|peer| traffic.compares(*peer)).collect()
            }
            Scenario::Durable(durable) if durable.baseline() == Comparison::Nothing => vec![],
            Scenario::Durable(_) => vec![Peer::Baseline],
            Scenario::Routed(_) => self.peer(Peer::Nats).map(|_| Peer::Nats).into_iter().collect(),
        }
    }

    /// How that server is started, if it is there.
    pub(crate) fn peer(&self, peer: Peer) -> Option<&Launch> {
        self.peers.iter().find(|(other, _)| *other == peer).map(|(_, launch)| launch)
    }

    fn sample(&self, scenario: Scenario, who: Who, stock: &Stock) -> Result<Sample, Fault> {
        let own = if who.is_some() { &self.baseline } else { &self.hub };
        let durable = match scenario {
            Scenario::Traffic(traffic) => {
                let foreign = who.and_then(|peer| self.peer(peer));
                let launch = foreign.cloned().unwrap_or_else(|| own.at("memory:"));
                let server = Server::start(&launch, self.cores)?;
                return traffic.measure(&server, self.timing);
            }
            Scenario::Routed(routed) => {
                let hub = &self.hub.at("memory:");
                let place = Place { hub, nats: self.peer(Peer::Nats), cores: self.cores, timing: self.timing };
                return if who.is_some() { routed.measure_bare(&place) } else { routed.measure(&place) };
            }
            Scenario::Durable(durable) => durable,
        };
        let (launch, durable) = match (who, durable.baseline()) {
            (Some(_), Comparison::Hub(other)) => (&self.hub, other),
            _ => (own, durable),
        };
        durable.measure(&Site { launch, cores: self.cores, timing: self.timing, stock })
    }
}
