//! The figures that the hub is to reach, as far as they can be said against the baseline or in bytes.
//!
//! They were taken from hubs in Go and Zig and from the floor that system calls set, measured beside a server like the
//! baseline on one machine, and divided by its figure of that run: a ratio holds elsewhere where microseconds do not. That
//! server copied a text for each receiver; for E100, where it matters, the bound is set for the baseline that shares it.

use serde::Serialize;

use crate::sample::Figure;

/// A figure's upper bound.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// Of the baseline's figure.
    Ratio(f64),
    /// As it is.
    Absolute(f64),
}

/// How a figure stands to its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Reached,
    WithinTwice,
    Missed,
}

const TARGETS: &[(&str, Figure, Target)] = &[
    ("A1", Figure::CpuUs, Target::Ratio(0.068)),
    ("A100", Figure::CpuUs, Target::Ratio(0.0115)),
    ("A1000", Figure::CpuUs, Target::Ratio(0.0344)),
    ("L100", Figure::CpuUs, Target::Ratio(1.04)),
    ("L1000", Figure::CpuUs, Target::Ratio(0.81)),
    ("M10", Figure::CpuUs, Target::Ratio(0.071)),
    ("C100", Figure::CpuUs, Target::Ratio(0.153)),
    ("E100", Figure::CpuUs, Target::Ratio(0.43)),
    ("B1000", Figure::P99Us, Target::Ratio(1.0)),
    ("D10000", Figure::BytesPerClient, Target::Absolute(2_800.0)),
    ("I1000", Figure::BytesPerClient, Target::Absolute(2_800.0)),
    ("J8", Figure::CpuUs, Target::Absolute(40.0)),
];

/// The target of a scenario's figure, where there is one.
pub(crate) fn target(scenario: &str, figure: Figure) -> Option<Target> {
    TARGETS.iter().find(|(name, of, _)| *name == scenario && *of == figure).map(|(_, _, target)| *target)
}

impl Target {
    pub(crate) fn verdict(self, value: f64, ratio: f64) -> Verdict {
        let over = match self {
            Self::Ratio(bound) => ratio / bound,
            Self::Absolute(bound) => value / bound,
        };
        match over {
            ..=1.0 => Verdict::Reached,
            ..=2.0 => Verdict::WithinTwice,
            _ => Verdict::Missed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn targets_are_bounds_of_ratios_or_of_values() {
        assert_eq!(Target::Ratio(0.5).verdict(900.0, 0.5), Verdict::Reached);
        assert_eq!(Target::Ratio(0.5).verdict(0.1, 0.9), Verdict::WithinTwice);
        assert_eq!(Target::Absolute(100.0).verdict(99.0, 7.0), Verdict::Reached);
        assert_eq!(Target::Absolute(100.0).verdict(201.0, 0.1), Verdict::Missed);
    }

    #[test]
    fn every_target_belongs_to_a_scenario() {
        for (name, figure, _) in TARGETS {
            assert_eq!(name.parse::<Scenario>().unwrap().to_string(), *name);
            assert!(target(name, *figure).is_some());
        }
        assert_eq!(target("A10", Figure::CpuUs), None);
    }
}
