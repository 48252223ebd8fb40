//! The results: a table for people, JSON for programs.

use std::fmt::Write;

use serde::Serialize;

use crate::figures::median;
use crate::peer::Peer;
use crate::run::{Outcome, Round};
use crate::sample::{Figure, Sample};
use crate::scenario::Scenario;
use crate::targets::{Target, Verdict, targets};

/// A run, as it is written with `--json`.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) settings: Settings,
    /// One for each figure of each scenario.
    pub(crate) rows: Vec<Row>,
    /// The samples that the rows were made of.
    pub(crate) outcomes: Vec<Outcome>,
}

/// Under what conditions it was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Settings {
    pub(crate) rounds: usize,
    pub(crate) measured_s: f64,
    pub(crate) warm_up_s: f64,
    pub(crate) hub: String,
    /// Cores that this machine lets the run use.
    pub(crate) cores: usize,
    /// Whether server and generator had a core each.
    pub(crate) pinned: bool,
    pub(crate) kernel: String,
    /// Servers beside hub and baseline, with the version that those of others have.
    pub(crate) peers: Vec<(Peer, Option<String>)>,
    /// Why others are not among them, one sentence for each.
    pub(crate) absent: Vec<String>,
    /// What it takes to append 4 KiB to a file in the temporary directory and to have it on the disk: the median of some.
    pub(crate) sync_us: f64,
}

/// A figure of a scenario: medians over the rounds, and the median of the ratios of each round. There is a row for each server
/// beside the hub, and one for each bound.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) scenario: Scenario,
    pub(crate) figure: Figure,
    pub(crate) hub: f64,
    /// Whom it stands beside, if anybody.
    pub(crate) beside: Option<Peer>,
    pub(crate) other: Option<f64>,
    /// The hub divided by the other.
    pub(crate) ratio: Option<f64>,
    /// The smallest and the largest ratio of a round; of the hub's figure where it stands alone.
    pub(crate) spread: [f64; 2],
    pub(crate) target: Option<Target>,
    /// None where the bound is one beside a server that was not measured.
    pub(crate) verdict: Option<Verdict>,
}

impl Report {
    pub(crate) fn new(settings: Settings, outcomes: Vec<Outcome>) -> Self {
        let rows = outcomes.iter().flat_map(|outcome| Figure::ALL.into_iter().flat_map(|figure| Row::all(outcome, figure)));
        Self { settings, rows: rows.collect(), outcomes }
    }

    /// Whether no sample failed.
    pub(crate) fn is_sound(&self) -> bool {
        self.outcomes.iter().all(|outcome| outcome.faults.is_empty())
    }

    /// The table, the failures, and what the columns mean.
    pub(crate) fn table(&self) -> String {
        let mut text = format!(
            "{:<8} {:<13} {:>12} {:<13} {:>12} {:>9} {:>17}  {:<13} {}\n",
            "scenario", "figure", "hub", "beside", "its figure", "ratio", "spread", "to reach", "verdict"
        );
        for row in &self.rows {
            let _ = writeln!(text, "{}", row.line()); // writing to a String cannot fail
        }
        for outcome in &self.outcomes {
            let scenario = outcome.scenario;
            let own = outcome.faults.iter().map(|fault| ('!', fault));
            for (mark, fault) in own.chain(outcome.foreign_faults.iter().map(|fault| ('?', fault))) {
                let _ = writeln!(text, "{mark} {scenario} {fault}");
            }
        }
        for (scenario, who, share) in self.idle() {
            let percent = 100.0 * share;
            let _ = writeln!(text, "~ {scenario}: {who} ran only {percent:.0} % of the time. Believe CPU time, not the rates.");
        }
        let Settings { rounds, measured_s, pinned, sync_us, .. } = &self.settings;
        let cores = if *pinned {
            "server and generator on a core each"
        } else {
            "server and generator SHARE a core: compare ratios only"
        };
        let _ = writeln!(text, "\n{rounds} rounds of {measured_s} s; {cores}; a synced write takes {sync_us:.0} µs.");
        text.push_str(
            "CPU µs: CPU time of the server per delivered message (D, H, N, I, J: per join; K: per client and second; P, Q, R, O, F, S, \
             U: per request; W: per dispatch; T: per timer); CPU µs, NATS: the same of the nats-server on the way.\nRatio: hub / the other, median of the rounds. The baseline of S and U is the \
             hub with 1,000 promises.\n",
        );
        text
    }

    /// Servers that were not busy all the time in a scenario that is to keep them so, with the share of their core that they used.
    pub(crate) fn idle(&self) -> impl Iterator<Item = (Scenario, &'static str, f64)> {
        let saturated = self.outcomes.iter().filter(|outcome| outcome.scenario.saturates());
        let shares = saturated.flat_map(|outcome| {
            let of = |who: Option<Peer>| {
                let shares: Vec<f64> = outcome.rounds.iter().filter_map(|round| Some(round.of(who)?.server_share)).collect();
                Some((outcome.scenario, who.map_or("hub", Peer::label), median(&shares)?))
            };
            std::iter::once(None).chain(Peer::ALL.map(Some)).filter_map(of).collect::<Vec<_>>()
        });
        shares.filter(|(_, _, share)| *share < BUSY)
    }
}

/// A server that ran for less of the time waited for the generator, or for its core.
const BUSY: f64 = 0.8;

impl Round {
    /// The sample of the hub, or of a server beside it.
    fn of(&self, who: Option<Peer>) -> Option<&Sample> {
        match who {
            None => Some(&self.hub),
            Some(peer) => self.others.get(&peer),
        }
    }
}

impl Row {
    /// One for each server beside the hub and each bound; what the hub is by itself where there is nobody, or a bound of that.
    fn all(outcome: &Outcome, figure: Figure) -> Vec<Self> {
        let Some(alone) = Self::new(outcome, figure, None) else { return vec![] };
        let bounds: Vec<(Option<Peer>, Target)> = targets(&outcome.scenario.to_string(), figure).collect();
        let is_bound = |beside| bounds.iter().any(|(of, _)| *of == beside);
        let is_alone = outcome.rounds.iter().all(|round| round.others.is_empty());
        let of = |beside: Option<Peer>| match Self::new(outcome, figure, beside) {
            Some(row) => (beside.is_some() || is_alone || is_bound(None)).then_some(row),
            // a bound beside somebody who was not measured
            None => is_bound(beside).then(|| Self { beside, ..alone.clone() }),
        };
        let rows = Peer::ALL.map(Some).into_iter().chain([None]).filter_map(of);
        rows.flat_map(|row| row.judged(&bounds)).collect()
    }

    /// The row with its bound, once for each; without one, where there is none.
    fn judged(self, bounds: &[(Option<Peer>, Target)]) -> Vec<Self> {
        let measured = self.beside.is_none() || self.ratio.is_some();
        let with = |(_, target): &(Option<Peer>, Target)| {
            let verdict = target.verdict(self.hub, self.ratio.unwrap_or(f64::NAN));
            Self { target: Some(*target), verdict: measured.then_some(verdict), ..self.clone() }
        };
        let judged: Vec<Self> = bounds.iter().filter(|(of, _)| *of == self.beside).map(with).collect();
        if judged.is_empty() { vec![self] } else { judged }
    }

    fn new(outcome: &Outcome, figure: Figure, beside: Option<Peer>) -> Option<Self> {
        let hubs: Vec<f64> = outcome.rounds.iter().filter_map(|round| figure.of(&round.hub)).collect();
        let pair = |round: &Round| Some((figure.of(&round.hub)?, figure.of(round.of(beside)?)?));
        let pairs: Vec<(f64, f64)> = if beside.is_none() { vec![] } else { outcome.rounds.iter().filter_map(pair).collect() };
        if beside.is_some() && pairs.is_empty() {
            return None;
        }
        let others: Vec<f64> = pairs.iter().map(|(_, other)| *other).collect();
        let ratios: Vec<f64> = pairs.iter().map(|(hub, other)| hub / other).collect();
        let spread = if beside.is_none() { &hubs } else { &ratios };
        let spread = [spread.iter().copied().fold(f64::INFINITY, f64::min), spread.iter().copied().fold(0.0, f64::max)];
        Some(Self {
            scenario: outcome.scenario,
            figure,
            hub: median(&hubs)?,
            beside,
            other: median(&others),
            ratio: median(&ratios),
            spread,
            target: None,
            verdict: None,
        })
    }

    fn line(&self) -> String {
        let spread = format!("{}..{}", short(self.spread[0]), short(self.spread[1]));
        let target = self.target.map_or_else(String::new, Target::bound);
        let verdict = match (self.target, self.verdict) {
            (_, Some(Verdict::Reached)) => "reached",
            (_, Some(Verdict::WithinTwice)) => "within twice",
            (_, Some(Verdict::Missed)) => "missed",
            (Some(_), None) => "not measured",
            (None, None) => "",
        };
        let (scenario, figure) = (self.scenario.to_string(), self.figure.label());
        let beside = self.beside.map_or("-", Peer::label);
        let [hub, other, ratio] = [Some(self.hub), self.other, self.ratio].map(|value| value.map_or("-".into(), short));
        let line = format!(
            "{scenario:<8} {figure:<13} {hub:>12} {beside:<13} {other:>12} {ratio:>9} {spread:>17}  {target:<13} {verdict}"
        );
        line.trim_end().to_owned()
    }
}

/// Three significant digits, or whole numbers from 100 on.
pub(crate) fn short(value: f64) -> String {
    match value {
        v if !v.is_finite() => "-".into(),
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v if v >= 1.0 => format!("{v:.2}"),
        v if v >= 0.1 => format!("{v:.3}"),
        v => format!("{v:.4}"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn sample(cpu_us: f64) -> Sample {
        let (units, seconds, rate, server_share) = (1000, 0.5, 2000.0, 0.9);
        Sample { units, seconds, cpu_us, rate, server_share, ..Sample::default() }
    }

    /// Three rounds of A100, beside the baseline and nats-server.
    pub(crate) fn report(faults: Vec<String>) -> Report {
        let round = |baseline, nats, hub| {
            let others = [(Peer::Baseline, sample(baseline)), (Peer::Nats, sample(nats))];
            Round { hub: sample(hub), others: others.into_iter().collect() }
        };
        // the machine was twice as slow in the second round: the ratios do not care
        let rounds = vec![round(6.0, 0.4, 0.06), round(12.0, 0.8, 0.12), round(6.0, 0.4, 0.12)];
        let outcome = Outcome { scenario: "A100".parse().unwrap(), rounds, left_out: 0, faults, foreign_faults: vec![] };
        let (hub, kernel) = ("concierge".into(), "7.0".into());
        let (peers, absent) = (vec![(Peer::Nats, Some("2.15.0".into()))], vec!["Bun: npm could not be reached.".into()]);
        let settings = Settings {
            rounds: 3,
            measured_s: 0.5,
            warm_up_s: 0.3,
            hub,
            cores: 2,
            pinned: true,
            kernel,
            peers,
            absent,
            sync_us: 90.0,
        };
        Report::new(settings, vec![outcome])
    }

    #[test]
    fn ratios_are_medians_of_rounds_and_not_ratios_of_medians() {
        let report = report(vec![]);
        let beside = |figure, peer| report.rows.iter().find(|row| row.figure == figure && row.beside == Some(peer)).unwrap();
        let cpu = beside(Figure::CpuUs, Peer::Baseline);
        assert_eq!((cpu.other, cpu.hub, cpu.target), (Some(6.0), 0.12, None));
        assert!((cpu.ratio.unwrap() - 0.01).abs() < 1e-9 && (cpu.spread[1] - 0.02).abs() < 1e-9, "{cpu:?}");
        let rate = beside(Figure::Rate, Peer::Nats);
        assert_eq!((rate.ratio, rate.verdict), (Some(1.0), None));
    }

    #[test]
    fn each_bound_is_judged_beside_its_server_and_not_where_that_was_not_measured() {
        let report = report(vec![]);
        let judged = report.rows.iter().filter(|row| row.target.is_some()).map(|row| (row.beside, row.verdict));
        let expected = [(Some(Peer::Nats), Some(Verdict::Reached)), (Some(Peer::Bun), None)];
        assert_eq!(judged.collect::<Vec<_>>(), expected, "{:?}", report.rows);
    }

    #[test]
    fn the_table_names_scenario_figures_target_and_verdict() {
        let table = report(vec![]).table();
        let line = table.lines().nth(1).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let expected = "A100 CPU µs 0.120 nats-server 0.400 0.150 0.150..0.300 ≤ 0.25 times reached";
        assert_eq!(words, expected.split(' ').collect::<Vec<_>>());
        assert!(table.contains("3 rounds of 0.5 s") && table.contains("≤ 0.4 times   not measured"), "{table}");
    }

    #[test]
    fn a_fault_makes_the_run_unsound_and_stands_in_the_table() {
        assert!(report(vec![]).is_sound());
        let report = report(vec!["round 2, hub: LOST".into()]);
        assert!(!report.is_sound());
        assert!(report.table().contains("! A100 round 2, hub: LOST"));
    }

    #[test]
    fn a_saturated_server_that_did_not_get_its_core_is_pointed_out() {
        let mut report = report(vec![]);
        assert!(!report.table().contains('~'), "{}", report.table());
        for round in &mut report.outcomes[0].rounds {
            round.hub.server_share = 0.5;
        }
        assert!(report.table().contains("~ A100: hub ran only 50 % of the time"), "{}", report.table());
    }

    #[test]
    fn the_json_holds_rows_samples_and_conditions() {
        let json = serde_json::to_value(report(vec![])).unwrap();
        assert_eq!(json["rows"][0]["scenario"], "A100");
        assert_eq!((&json["rows"][0]["beside"], &json["rows"][0]["target"]["ratio"]), (&"nats".into(), &0.25.into()));
        assert_eq!(json["rows"][0]["verdict"], "reached");
        assert_eq!(json["outcomes"][0]["rounds"][1]["others"]["baseline"]["cpu_us"], 12.0);
        assert_eq!(json["settings"]["rounds"], 3);
    }
}
