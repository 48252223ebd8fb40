//! The figures that the hub is to reach, as far as they can be said against the baseline or as they are.
//!
//! Those of messages were taken from hubs in Go and Zig and from the floor that system calls set, measured beside a server like the
//! baseline on one machine, and divided by its figure of that run: a ratio holds elsewhere where microseconds do not. That
//! server copied a text for each receiver; for E100, where it matters, the bound is set for the baseline that shares it.

use serde::Serialize;

use crate::sample::Figure;

/// A figure's bound.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// At most this share of the baseline's figure.
    Ratio(f64),
    /// At most this.
    Absolute(f64),
    /// At least so many times the baseline's figure.
    Times(f64),
    /// At least this.
    AtLeast(f64),
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
    ("P64", Figure::Rate, Target::AtLeast(25_000.0)),
    ("P1024", Figure::Rate, Target::AtLeast(40_000.0)),
    ("P1024", Figure::Rate, Target::Times(10.0)),
    ("Q64", Figure::Rate, Target::AtLeast(12_000.0)),
    ("W64", Figure::Rate, Target::AtLeast(5_000.0)),
    ("W1", Figure::P99Us, Target::Absolute(10_000.0)),
    ("S100000", Figure::CpuUs, Target::Ratio(1.2)),
    ("S1000000", Figure::CpuUs, Target::Ratio(1.2)),
    ("U100000", Figure::CpuUs, Target::Ratio(1.2)),
    ("U1000000", Figure::CpuUs, Target::Ratio(1.2)),
    ("T1000000", Figure::StartMs, Target::Absolute(5_000.0)),
    ("T1000000", Figure::ResidentMb, Target::Absolute(600.0)),
    ("T1000000", Figure::P99Us, Target::Absolute(20_000.0)),
];

/// The targets of a scenario's figure: mostly none.
pub(crate) fn targets(scenario: &str, figure: Figure) -> Vec<Target> {
    TARGETS.iter().filter(|(name, of, _)| *name == scenario && *of == figure).map(|(_, _, target)| *target).collect()
}

impl Target {
    /// `ratio` to the baseline is NaN where there is none: nothing is reached then.
    pub(crate) fn verdict(self, value: f64, ratio: f64) -> Verdict {
        let over = match self {
            Self::Ratio(bound) => ratio / bound,
            Self::Absolute(bound) => value / bound,
            Self::Times(bound) => bound / ratio,
            Self::AtLeast(bound) => bound / value,
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
        assert_eq!(Target::Times(10.0).verdict(1.0, 11.0), Verdict::Reached);
        assert_eq!(Target::Times(10.0).verdict(1.0, f64::NAN), Verdict::Missed);
        assert_eq!(Target::AtLeast(100.0).verdict(60.0, 1.0), Verdict::WithinTwice);
        assert_eq!(Target::AtLeast(100.0).verdict(40.0, 1.0), Verdict::Missed);
    }

    #[test]
    fn every_target_belongs_to_a_scenario() {
        for (name, figure, _) in TARGETS {
            assert_eq!(name.parse::<Scenario>().unwrap().to_string(), *name);
            assert!(!targets(name, *figure).is_empty());
        }
        assert_eq!(targets("A10", Figure::CpuUs), []);
        assert_eq!(targets("P1024", Figure::Rate).len(), 2);
    }
}
