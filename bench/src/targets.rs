//! The figures that the hub is to reach: bounds of what it is itself, and of how it stands beside another server of the same run. A
//! ratio holds elsewhere where microseconds do not.

use serde::Serialize;

use crate::peer::Peer;
use crate::sample::Figure;

/// A figure's bound.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// At most this share of the other server's figure.
    Ratio(f64),
    /// At most this.
    Absolute(f64),
    /// At least so many times the other server's figure.
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

/// A bound of a scenario's figure, and beside whom; beside nobody where it is one of the figure itself.
type Entry = (&'static str, Figure, Option<Peer>, Target);

const TARGETS: &[Entry] = &[
    ("A1", Figure::CpuUs, Some(Peer::Nats), Target::Ratio(1.1)),
    ("A100", Figure::CpuUs, Some(Peer::Nats), Target::Ratio(0.25)),
    ("A100", Figure::CpuUs, Some(Peer::Bun), Target::Ratio(0.40)),
    ("A1000", Figure::CpuUs, Some(Peer::Bun), Target::Ratio(1.0)),
    ("L100", Figure::CpuUs, Some(Peer::Floor), Target::Ratio(1.05)),
    ("L1000", Figure::CpuUs, Some(Peer::Floor), Target::Ratio(1.10)),
    ("M10", Figure::CpuUs, Some(Peer::Bun), Target::Ratio(0.95)),
    ("C100", Figure::CpuUs, Some(Peer::Nats), Target::Ratio(0.80)),
    ("E100", Figure::CpuUs, Some(Peer::Nats), Target::Ratio(0.60)),
    ("B1000", Figure::P99Us, Some(Peer::Floor), Target::Ratio(1.08)),
    ("D10000", Figure::BytesPerClient, None, Target::Absolute(2_800.0)),
    ("H4000", Figure::CpuUs, None, Target::Absolute(40.0)),
    ("K19000", Figure::CpuUs, None, Target::Absolute(5.0)),
    ("P64", Figure::Rate, None, Target::AtLeast(25_000.0)),
    ("P1024", Figure::Rate, None, Target::AtLeast(40_000.0)),
    ("P1024", Figure::Rate, Some(Peer::Baseline), Target::Times(10.0)),
    ("Q64", Figure::Rate, None, Target::AtLeast(12_000.0)),
    ("W64", Figure::Rate, None, Target::AtLeast(5_000.0)),
    ("W1", Figure::P99Us, None, Target::Absolute(10_000.0)),
    ("R1", Figure::P50Us, Some(Peer::Nats), Target::Ratio(1.0)),
    ("O1", Figure::P50Us, Some(Peer::Nats), Target::Ratio(2.0)),
    ("F1", Figure::P50Us, Some(Peer::Nats), Target::Ratio(2.0)),
    ("S100000", Figure::CpuUs, Some(Peer::Baseline), Target::Ratio(1.2)),
    ("S1000000", Figure::CpuUs, Some(Peer::Baseline), Target::Ratio(1.2)),
    ("U100000", Figure::CpuUs, Some(Peer::Baseline), Target::Ratio(1.2)),
    ("U1000000", Figure::CpuUs, Some(Peer::Baseline), Target::Ratio(1.2)),
    ("T1000000", Figure::StartMs, None, Target::Absolute(5_000.0)),
    ("T1000000", Figure::ResidentMb, None, Target::Absolute(600.0)),
    ("T1000000", Figure::P99Us, None, Target::Absolute(20_000.0)),
];

/// The targets of a scenario's figure, each with whom it is beside: mostly none.
pub(crate) fn targets(scenario: &str, figure: Figure) -> impl Iterator<Item = (Option<Peer>, Target)> {
    TARGETS
        .iter()
        .filter(move |(name, of, ..)| *name == scenario && *of == figure)
        .map(|(_, _, beside, target)| (*beside, *target))
}

impl Target {
    /// The bound as a table shows it.
    pub(crate) fn bound(self) -> String {
        match self {
            Self::Ratio(bound) => format!("≤ {bound} times"),
            Self::Absolute(bound) => format!("≤ {bound}"),
            Self::Times(bound) => format!("≥ {bound} times"),
            Self::AtLeast(bound) => format!("≥ {bound}"),
        }
    }

    /// `ratio` to the other server is NaN where there is none: nothing is reached then.
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
        for (name, figure, ..) in TARGETS {
            assert_eq!(name.parse::<Scenario>().unwrap().to_string(), *name);
            assert!(targets(name, *figure).count() > 0);
        }
        assert_eq!(targets("A10", Figure::CpuUs).count(), 0);
        let bounds: Vec<_> = targets("P1024", Figure::Rate).map(|(beside, target)| (beside, target.bound())).collect();
        assert_eq!(bounds, [(None, "≥ 40000".to_owned()), (Some(Peer::Baseline), "≥ 10 times".to_owned())]);
    }
}
