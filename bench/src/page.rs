//! The results as a page of documentation: what was measured, on what, with which spread, and what was not.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::report::{Report, Row, short};
use crate::scenario::Scenario;
use crate::targets::{Target, Verdict};

/// What a page says of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Machine {
    /// As `2026-01-31`.
    pub(crate) date: String,
    pub(crate) processor: String,
    pub(crate) memory_gib: u64,
    /// Whether other programs could take the cores from the servers and the generator.
    pub(crate) real_time: bool,
}

impl Machine {
    /// This one, today.
    pub(crate) fn here() -> Self {
        let of = |file: &str, name: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let line = text.lines().find(|line| line.starts_with(name))?.split_once(':')?.1.trim().to_owned();
            Some(line)
        };
        let kib = of("/proc/meminfo", "MemTotal").and_then(|line| line.split(' ').next()?.parse::<u64>().ok());
        let days = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / 86_400;
        // the 41st number is the scheduling policy (proc_pid_stat): 1 and 2 are the real-time ones
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let policy = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(38));
        Self {
            date: date(days),
            processor: of("/proc/cpuinfo", "model name").unwrap_or_else(|| "an unknown processor".to_owned()),
            memory_gib: kib.unwrap_or(0).div_ceil(1024 * 1024),
            real_time: matches!(policy, Some("1" | "2")),
        }
    }
}

/// A day since 1970 as `2026-01-31` (the algorithm of Howard Hinnant's "chrono-compatible low-level date algorithms").
fn date(days: u64) -> String {
    let z = days + 719_468;
    let (era, of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}

/// The page.
pub(crate) fn page(report: &Report, machine: &Machine) -> String {
    let mut text = String::from(HEAD);
    let settings = &report.settings;
    let Machine { date, processor, memory_gib, real_time } = machine;
    let priority = if *real_time {
        "Servers and generator had real-time priority."
    } else {
        "Servers and generator had no priority over other programs: believe the ratios, not the rates."
    };
    let cores = if settings.pinned {
        "the server on one core, the generator on another"
    } else {
        "server and generator on the same core"
    };
    // writing to a String cannot fail
    let _ = writeln!(
        text,
        "{date}, concierge {version}, {processor}, {n} cores, {memory_gib} GiB, Linux {kernel}; {cores}. {rounds} rounds of {secs} s, in each a \
         fresh baseline and then a fresh hub. {priority} A synced write took {sync:.0} µs.",
        version = env!("CARGO_PKG_VERSION"),
        n = settings.cores,
        kernel = settings.kernel.split('-').next().unwrap_or_default(),
        rounds = settings.rounds,
        secs = settings.measured_s,
        sync = settings.sync_us,
    );
    let (traffic, durable): (Vec<&Row>, Vec<&Row>) =
        report.rows.iter().partition(|row| matches!(row.scenario, Scenario::Traffic(_)));
    for (title, rows) in [("Messages and connections", traffic), ("The coordinator", durable)] {
        if !rows.is_empty() {
            let _ = write!(text, "\n## {title}\n\n{TABLE}");
            rows.into_iter().for_each(|row| text.push_str(&line(row)));
        }
    }
    text.push_str("\n## What they are\n\n");
    for outcome in &report.outcomes {
        let _ = writeln!(text, "- **{}**: {}", outcome.scenario, outcome.scenario.about());
    }
    text.push_str("\n## Not in this run\n\n");
    let measured: BTreeSet<String> = report.outcomes.iter().map(|outcome| outcome.scenario.to_string()).collect();
    let left_out: Vec<&str> = Scenario::DEFAULT.split(',').filter(|name| !measured.contains(*name)).collect();
    let left_out = if left_out.is_empty() { "none".to_owned() } else { left_out.join(", ") };
    let _ = writeln!(text, "- Scenarios that the benchmark knows: {left_out}.");
    text.push_str("- Other products: the baseline is a plain server of our own. No network: both ends are on one machine.\n");
    for (scenario, fault) in report.outcomes.iter().flat_map(|o| o.faults.iter().map(move |fault| (o.scenario, fault))) {
        let _ = writeln!(text, "- {scenario} failed: {fault}");
    }
    text
}

const HEAD: &str = "<!-- Written by `cargo xtask measure`. Do not edit. -->\n
# Measurements

What each scenario does, and how to read a row, is in [benchmarks.md](benchmarks.md). The ratio is hub divided by baseline, the median of the
pairs; the spread is its smallest and largest, or that of the hub's figure where there is no baseline.

";

const TABLE: &str =
    "| scenario | figure | baseline | hub | ratio | spread | to reach | |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n";

fn line(row: &Row) -> String {
    let target = match row.target {
        Some(Target::Ratio(bound)) => format!("≤ {} times", short(bound)),
        Some(Target::Absolute(bound)) => format!("≤ {}", short(bound)),
        Some(Target::Times(bound)) => format!("≥ {} times", short(bound)),
        Some(Target::AtLeast(bound)) => format!("≥ {}", short(bound)),
        None => String::new(),
    };
    let verdict = match row.verdict {
        Some(Verdict::Reached) => "reached",
        Some(Verdict::WithinTwice) => "**missed**, within twice",
        Some(Verdict::Missed) => "**missed**",
        None => "",
    };
    let [baseline, hub, ratio] = [row.baseline, Some(row.hub), row.ratio].map(|value| value.map_or_else(String::new, short));
    let spread = format!("{} to {}", short(row.spread[0]), short(row.spread[1]));
    let cells = [&row.scenario.to_string(), row.figure.label(), &baseline, &hub, &ratio, &spread, &target, verdict];
    format!("| {} |\n", cells.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn days_are_dates() {
        let of = [(0, "1970-01-01"), (59, "1970-03-01"), (11_016, "2000-02-29"), (20_819, "2027-01-01"), (20_818, "2026-12-31")];
        for (days, text) in of {
            assert_eq!(date(days), text);
        }
    }

    #[test]
    fn the_page_says_what_was_measured_on_what_and_what_was_not() {
        let machine = Machine { date: "2026-01-31".into(), processor: "A fast one".into(), memory_gib: 24, real_time: true };
        let page = page(&report(vec!["round 2, hub: LOST".into()]), &machine);
        for part in [
            "2026-01-31, concierge ",
            "A fast one, 2 cores, 24 GiB, Linux 7.0; the server on one core",
            "Servers and generator had real-time priority.",
            "| A100 | CPU µs | 6.00 | 0.120 | 0.0100 | 0.0100 to 0.0200 | ≤ 0.0115 times | reached |",
            "A1000, L100",
            "- A100 failed: round 2, hub: LOST",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("The coordinator") && Machine::here().processor.len() > 3);
    }
}
