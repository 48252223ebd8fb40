//! The scenarios and their names.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::durable::Durable;
use crate::routed::Routed;
use crate::traffic::Traffic;

/// A scenario, named by a letter and mostly a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// Messages between clients.
    Traffic(Traffic),
    /// Requests to the coordinator, whose promises are kept in a file.
    Durable(Durable),
    /// Requests through the router.
    Routed(Routed),
}

/// Clients of one server, which all hear of each other.
const CLIENTS: usize = 19_000;
/// Stored promises.
const STORED: usize = 10_000_000;

impl Scenario {
    /// What a run measures unless told otherwise.
    pub(crate) const DEFAULT: &'static str = "A1,A10,A100,A1000,L100,L1000,M10,C100,E100,B,B1000,D10000,H4000,N10000,I1000,J8,K19000,\
        P1,P64,P1024,Q16,Q64,W1,W64,R1,R64,O1,O64,F1,F64,S100000,S1000000,U100000,U1000000,T1000000";
    /// What a quick run measures.
    pub(crate) const QUICK: &'static str = "A1,A10,A100,L100,M10,C100,E100,B,D1000,H1000,N1000,I300,J8,P1,P64,Q16,W1,W64,R1,R64,O1,O64,S100000,\
        T100000";

    /// How many clients it has at most, both ends of their connections being on this machine.
    pub(crate) fn clients(self) -> usize {
        match self {
            Self::Traffic(traffic) => traffic.clients(),
            Self::Durable(durable) => durable.clients(),
            Self::Routed(routed) => routed.clients(),
        }
    }

    /// How often it is measured at most.
    pub(crate) fn at_most_rounds(self) -> usize {
        match self {
            Self::Traffic(traffic) => traffic.at_most_rounds(),
            Self::Durable(_) | Self::Routed(_) => usize::MAX,
        }
    }

    /// Whether it keeps the server busy all the time, so that a server that is not did not get its core.
    pub(crate) fn saturates(self) -> bool {
        match self {
            Self::Traffic(traffic) => traffic.saturates(),
            Self::Durable(_) => false,
            Self::Routed(routed) => routed.saturates(),
        }
    }

    /// Whether it cannot be measured without a nats-server.
    pub(crate) fn needs_nats(self) -> bool {
        matches!(self, Self::Routed(routed) if routed.needs_nats())
    }

    /// A sentence for `concierge-bench list`.
    pub(crate) fn about(self) -> String {
        match self {
            Self::Traffic(traffic) => traffic.about(),
            Self::Durable(durable) => durable.about(),
            Self::Routed(routed) => routed.about(),
        }
    }
}

/// A name that is no scenario's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no scenario: A, L, E, M, C, B, D, H, N, I, J, K, P, Q, W and a number from 1 to 19000, such as A100; R, O, F and a number from 1 to 64; \
     S, U, T and a number from 1000 to 10000000; or B"
)]
pub(crate) struct UnknownScenario(String);

impl FromStr for Scenario {
    type Err = UnknownScenario;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownScenario(name.into());
        if name == "B" {
            return Ok(Self::Traffic(Traffic::PingPong { idle: 0 }));
        }
        let letter = name.chars().next().ok_or_else(unknown)?;
        let n: usize = name[letter.len_utf8()..].parse().map_err(|_| unknown())?;
        let traffic = || Some(n).filter(|n| (1..=CLIENTS).contains(n)).and_then(|n| Traffic::of(letter, n)).map(Self::Traffic);
        let durable = || Durable::of(letter, n, CLIENTS, STORED).map(Self::Durable);
        let routed = || Routed::of(letter, n).map(Self::Routed);
        traffic().or_else(durable).or_else(routed).ok_or_else(unknown)
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = match self {
            Self::Traffic(traffic) => traffic.parts(),
            Self::Durable(durable) => durable.parts(),
            Self::Routed(routed) => routed.parts(),
        };
        match parts {
            (letter, 0) => write!(f, "{letter}"),
            (letter, n) => write!(f, "{letter}{n}"),
        }
    }
}

impl Serialize for Scenario {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_is_named_as_it_is_written() {
        for name in Scenario::DEFAULT.split(',').chain(Scenario::QUICK.split(',')) {
            assert_eq!(name.parse::<Scenario>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn other_names_are_refused() {
        for name in ["", "A", "A0", "Z9", "A-1", "é1", "D99999", "A1 ", "P0", "S999", "T99999999", "R65", "O0"] {
            assert_eq!(name.parse::<Scenario>(), Err(UnknownScenario(name.into())));
        }
    }
}
