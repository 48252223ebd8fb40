//! A run: for each round and scenario a fresh baseline, and right after it a fresh hub.

use serde::Serialize;

use crate::cores::Cores;
use crate::durable::{Comparison, Site, Stock};
use crate::fault::Fault;
use crate::sample::Sample;
use crate::scenario::Scenario;
use crate::server::{Launch, Server};
use crate::window::Timing;

/// What to measure.
pub(crate) struct Plan {
    pub(crate) hub: Launch,
    pub(crate) baseline: Launch,
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) rounds: usize,
    pub(crate) timing: Timing,
    pub(crate) cores: Option<Cores>,
}

/// Two samples that were taken one right after the other.
#[derive(Debug, Serialize)]
pub(crate) struct Pair {
    /// None for scenarios that are not compared.
    pub(crate) baseline: Option<Sample>,
    pub(crate) hub: Sample,
}

/// All rounds of a scenario.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    pub(crate) scenario: Scenario,
    pub(crate) pairs: Vec<Pair>,
    /// What went wrong, one sentence for each failed round.
    pub(crate) faults: Vec<String>,
}

/// Runs the plan; tells `progress` before each sample.
pub(crate) fn run(plan: &Plan, mut progress: impl FnMut(usize, Scenario, &'static str)) -> Vec<Outcome> {
    let outcome = |scenario: &Scenario| Outcome { scenario: *scenario, pairs: vec![], faults: vec![] };
    let mut outcomes: Vec<Outcome> = plan.scenarios.iter().map(outcome).collect();
    let stock = Stock::default();
    for round in 1..=plan.rounds {
        for outcome in &mut outcomes {
            match pair(plan, outcome.scenario, &stock, |server| progress(round, outcome.scenario, server)) {
                Ok(pair) => outcome.pairs.push(pair),
                Err((server, fault)) => outcome.faults.push(format!("round {round}, {server}: {fault}")),
            }
        }
    }
    outcomes
}

fn pair(
    plan: &Plan,
    scenario: Scenario,
    stock: &Stock,
    mut progress: impl FnMut(&'static str),
) -> Result<Pair, (&'static str, Fault)> {
    let mut sample = |name, launch: &Launch, scenario| {
        progress(name);
        let sample = match scenario {
            Scenario::Traffic(traffic) => {
                Server::start(&launch.at("memory:"), plan.cores).and_then(|server| traffic.measure(&server, plan.timing))
            }
            Scenario::Durable(durable) => durable.measure(&Site { launch, cores: plan.cores, timing: plan.timing, stock }),
        };
        sample.map_err(|fault| (name, fault))
    };
    let baseline = match scenario {
        Scenario::Durable(durable) => match durable.baseline() {
            Comparison::Nothing => None,
            Comparison::Plain => Some(sample("baseline", &plan.baseline, scenario)?),
            Comparison::Hub(other) => Some(sample("hub as baseline", &plan.hub, Scenario::Durable(other))?),
        },
        Scenario::Traffic(_) => Some(sample("baseline", &plan.baseline, scenario)?),
    };
    Ok(Pair { baseline, hub: sample("hub", &plan.hub, scenario)? })
}
