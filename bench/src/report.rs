//! The results: a table for people, JSON for programs.

use std::fmt::Write;

use serde::Serialize;

use crate::figures::median;
use crate::run::{Outcome, Pair};
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
    /// What it takes to append 4 KiB to a file in the temporary directory and to have it on the disk: the median of some.
    pub(crate) sync_us: f64,
}

/// A figure of a scenario: medians over the rounds, and the median of the ratios hub to baseline of each round. A figure with
/// two targets has two rows.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) scenario: Scenario,
    pub(crate) figure: Figure,
    pub(crate) baseline: Option<f64>,
    pub(crate) hub: f64,
    pub(crate) ratio: Option<f64>,
    /// The smallest and the largest ratio of a round; of the hub's figure where there is no baseline.
    pub(crate) spread: [f64; 2],
    pub(crate) target: Option<Target>,
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
            "{:<8} {:<13} {:>12} {:>12} {:>9} {:>17} {:>10}  {}\n",
            "scenario", "figure", "baseline", "hub", "ratio", "spread", "to reach", "verdict"
        );
        for row in &self.rows {
            let _ = writeln!(text, "{}", row.line()); // writing to a String cannot fail
        }
        let faults = self.outcomes.iter().flat_map(|o| o.faults.iter().map(move |fault| (o.scenario, fault)));
        for (scenario, fault) in faults {
            let _ = writeln!(text, "! {scenario} {fault}");
        }
        for (scenario, share) in self.outcomes.iter().filter_map(|o| Some((o.scenario, starved(o)?))) {
            let percent = 100.0 * share;
            let _ =
                writeln!(text, "~ {scenario}: a server ran only {percent:.0} % of the time. Believe CPU time, not the rates.");
        }
        let Settings { rounds, measured_s, pinned, sync_us, .. } = &self.settings;
        let cores = if *pinned {
            "server and generator on a core each"
        } else {
            "server and generator SHARE a core: compare ratios only"
        };
        let _ = writeln!(text, "\n{rounds} rounds of {measured_s} s; {cores}; a synced write takes {sync_us:.0} µs.");
        text.push_str(
            "CPU µs: CPU time of the server per delivered message (D, I, J: per join; P, Q, S, U: per request; W: per dispatch; \
             T: per timer).\nRatio: hub / baseline, median of pairs. The baseline of S and U is the hub with 1,000 promises.\n",
        );
        text
    }
}

impl Row {
    fn all(outcome: &Outcome, figure: Figure) -> Vec<Self> {
        let Some(row) = Self::new(outcome, figure) else { return vec![] };
        let with = |target: Target| {
            let verdict = target.verdict(row.hub, row.ratio.unwrap_or(f64::NAN));
            Self { target: Some(target), verdict: Some(verdict), ..row.clone() }
        };
        let rows: Vec<Self> = targets(&row.scenario.to_string(), figure).into_iter().map(with).collect();
        if rows.is_empty() { vec![row] } else { rows }
    }

    fn new(outcome: &Outcome, figure: Figure) -> Option<Self> {
        let values = |side: fn(&Pair) -> Option<&Sample>| -> Vec<f64> {
            outcome.pairs.iter().filter_map(|pair| figure.of(side(pair)?)).collect()
        };
        let (baselines, hubs) = (values(|pair| pair.baseline.as_ref()), values(|pair| Some(&pair.hub)));
        let ratios: Vec<f64> = baselines.iter().zip(&hubs).map(|(baseline, hub)| hub / baseline).collect();
        let spread = if ratios.is_empty() { &hubs } else { &ratios };
        let spread = [spread.iter().copied().fold(f64::INFINITY, f64::min), spread.iter().copied().fold(0.0, f64::max)];
        Some(Self {
            scenario: outcome.scenario,
            figure,
            baseline: median(&baselines),
            hub: median(&hubs)?,
            ratio: median(&ratios),
            spread,
            target: None,
            verdict: None,
        })
    }

    fn line(&self) -> String {
        let spread = format!("{}..{}", short(self.spread[0]), short(self.spread[1]));
        let target = match self.target {
            Some(Target::Ratio(bound)) => format!("x{}", short(bound)),
            Some(Target::Absolute(bound)) => short(bound),
            Some(Target::Times(bound)) => format!(">=x{}", short(bound)),
            Some(Target::AtLeast(bound)) => format!(">={}", short(bound)),
            None => String::new(),
        };
        let verdict = match self.verdict {
            Some(Verdict::Reached) => "reached",
            Some(Verdict::WithinTwice) => "within twice",
            Some(Verdict::Missed) => "missed",
            None => "",
        };
        let (scenario, figure) = (self.scenario.to_string(), self.figure.label());
        let [baseline, hub, ratio] = [self.baseline, Some(self.hub), self.ratio].map(|value| value.map_or("-".into(), short));
        let line = format!("{scenario:<8} {figure:<13} {baseline:>12} {hub:>12} {ratio:>9} {spread:>17} {target:>10}  {verdict}");
        line.trim_end().to_owned()
    }
}

/// The share of its core that the worse of the two servers had, when a saturated one had clearly less than all of it.
fn starved(outcome: &Outcome) -> Option<f64> {
    let share = |side: fn(&Pair) -> Option<&Sample>| {
        median(&outcome.pairs.iter().filter_map(|pair| Some(side(pair)?.server_share)).collect::<Vec<_>>())
    };
    let worse = share(|pair| pair.baseline.as_ref())?.min(share(|pair| Some(&pair.hub))?);
    (outcome.scenario.saturates() && worse < 0.8).then_some(worse)
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

    /// Three rounds of A100.
    pub(crate) fn report(faults: Vec<String>) -> Report {
        let pair = |baseline, hub| Pair { baseline: Some(sample(baseline)), hub: sample(hub) };
        // the machine was twice as slow in the second round: the ratios do not care
        let pairs = vec![pair(6.0, 0.06), pair(12.0, 0.12), pair(6.0, 0.12)];
        let outcome = Outcome { scenario: "A100".parse().unwrap(), pairs, faults };
        let (hub, kernel) = ("concierge".into(), "7.0".into());
        let settings =
            Settings { rounds: 3, measured_s: 0.5, warm_up_s: 0.3, hub, cores: 2, pinned: true, kernel, sync_us: 90.0 };
        Report::new(settings, vec![outcome])
    }

    #[test]
    fn ratios_are_medians_of_pairs_and_not_ratios_of_medians() {
        let report = report(vec![]);
        let [cpu, rate] = &report.rows[..] else { panic!("{:?}", report.rows) };
        assert_eq!((cpu.figure, cpu.baseline, cpu.hub), (Figure::CpuUs, Some(6.0), 0.12));
        assert!((cpu.ratio.unwrap() - 0.01).abs() < 1e-9 && (cpu.spread[1] - 0.02).abs() < 1e-9, "{cpu:?}");
        assert_eq!(cpu.verdict, Some(Verdict::Reached));
        assert_eq!((rate.figure, rate.verdict), (Figure::Rate, None));
    }

    #[test]
    fn the_table_names_scenario_figures_target_and_verdict() {
        let table = report(vec![]).table();
        let line = table.lines().nth(1).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words, ["A100", "CPU", "µs", "6.00", "0.120", "0.0100", "0.0100..0.0200", "x0.0115", "reached"]);
        assert!(table.contains("3 rounds of 0.5 s"), "{table}");
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
        for pair in &mut report.outcomes[0].pairs {
            pair.hub.server_share = 0.5;
        }
        assert!(report.table().contains("~ A100: a server ran only 50 % of the time"), "{}", report.table());
    }

    #[test]
    fn the_json_holds_rows_samples_and_conditions() {
        let json = serde_json::to_value(report(vec![])).unwrap();
        assert_eq!(json["rows"][0]["scenario"], "A100");
        assert_eq!(json["rows"][0]["target"]["ratio"], 0.0115);
        assert_eq!(json["rows"][0]["verdict"], "reached");
        assert_eq!(json["outcomes"][0]["pairs"][1]["hub"]["cpu_us"], 0.12);
        assert_eq!(json["settings"]["rounds"], 3);
    }
}
