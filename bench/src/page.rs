//! The results as a page of documentation: what was measured, on what, with which spread, and what was not.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::peer::Peer;
use crate::report::{Report, Row, short};
use crate::run::Outcome;
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
    conditions(&mut text, report, machine);
    bounds(&mut text, report);
    for title in SECTIONS {
        let rows: Vec<&Row> = report.rows.iter().filter(|row| section(row.scenario) == title).collect();
        if !rows.is_empty() {
            table(&mut text, title, &rows);
        }
    }
    text.push_str("\n## What they are\n\n");
    for outcome in &report.outcomes {
        let _ = writeln!(text, "- **{}**: {}{}", outcome.scenario, outcome.scenario.about(), sizes(outcome));
    }
    generator(&mut text, report);
    not_run(&mut text, report);
    text
}

const HEAD: &str = "<!-- Written by `cargo xtask measure`. Do not edit. -->\n
# Measurements

What each scenario does, what the servers beside the hub are, and how to read a row, is in [benchmarks.md](benchmarks.md).

";

const SECTIONS: [&str; 3] = ["Messages and connections", "The coordinator", "The router"];

fn section(scenario: Scenario) -> &'static str {
    match scenario {
        Scenario::Traffic(_) => SECTIONS[0],
        Scenario::Durable(_) => SECTIONS[1],
        Scenario::Routed(_) => SECTIONS[2],
    }
}

/// What was measured, on what. (Writing to a String cannot fail, here and below.)
fn conditions(text: &mut String, report: &Report, machine: &Machine) {
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
    let versions: String = settings
        .peers
        .iter()
        .filter_map(|(peer, version)| version.as_ref().map(|version| format!(", {peer} {version}")))
        .collect();
    let _ = writeln!(
        text,
        "{date}, concierge {version}{versions}, {processor}, {n} cores, {memory_gib} GiB, Linux {kernel}; {cores}. {rounds} rounds of \
         {secs} s, in each a fresh server of every kind, one right after the other. {priority} A synced write took {sync:.0} µs.",
        version = env!("CARGO_PKG_VERSION"),
        n = settings.cores,
        kernel = settings.kernel.split('-').next().unwrap_or_default(),
        rounds = settings.rounds,
        secs = settings.measured_s,
        sync = settings.sync_us,
    );
}

/// How many bounds are reached, and which are not.
fn bounds(text: &mut String, report: &Report) {
    let judged: Vec<&Row> = report.rows.iter().filter(|row| row.verdict.is_some()).collect();
    let reached = judged.iter().filter(|row| row.verdict == Some(Verdict::Reached)).count();
    let missed = judged.iter().filter(|row| row.verdict != Some(Verdict::Reached));
    let missed: Vec<String> = missed.map(|row| format!("{} {}, {}", row.scenario, row.figure.label(), bound(row))).collect();
    let missed = if missed.is_empty() { String::new() } else { format!(" Missed: {}.", missed.join("; ")) };
    let _ = writeln!(text, "\nOf {} bounds that could be judged, {reached} are reached.{missed}", judged.len());
}

/// A row for each figure of each scenario, a column for each server beside the hub.
fn table(text: &mut String, title: &str, rows: &[&Row]) {
    let beside: Vec<Peer> = Peer::ALL.into_iter().filter(|peer| rows.iter().any(|row| is_measured(row, *peer))).collect();
    let heads: String = beside.iter().map(|peer| format!(" {peer} |")).collect();
    let _ = write!(text, "\n## {title}\n\n| scenario | figure | hub |{heads} to reach |\n| --- | --- | --- |");
    let _ = writeln!(text, "{} --- |", " --- |".repeat(beside.len()));
    for group in rows.chunk_by(|a, b| (a.scenario, a.figure) == (b.scenario, b.figure)) {
        let first = group[0];
        let mut cells = vec![first.scenario.to_string(), first.figure.label().to_owned(), hub(group)];
        cells.extend(beside.iter().map(|peer| {
            let row = group.iter().find(|row| is_measured(row, *peer));
            row.map_or_else(String::new, |row| against(row))
        }));
        let bounds: Vec<String> = group.iter().filter(|row| row.target.is_some()).map(|row| judged(row)).collect();
        cells.push(bounds.join("; "));
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
}

fn is_measured(row: &Row, peer: Peer) -> bool {
    row.beside == Some(peer) && row.ratio.is_some()
}

/// The hub's figure, with its own spread where it stands alone.
fn hub(group: &[&Row]) -> String {
    let figure = short(group[0].hub);
    match group.iter().find(|row| row.beside.is_none()) {
        Some(Row { spread: [low, high], .. }) => format!("{figure} ({} to {})", short(*low), short(*high)),
        None => figure,
    }
}

/// The other's figure and the hub's as its multiple.
fn against(row: &Row) -> String {
    let [figure, ratio] = [row.other, row.ratio].map(|value| value.map_or_else(String::new, short));
    format!("{figure}: **{ratio}** ({} to {})", short(row.spread[0]), short(row.spread[1]))
}

/// Such as `≤ 0.25 times nats-server`.
fn bound(row: &Row) -> String {
    let bound = row.target.map_or_else(String::new, Target::bound);
    row.beside.map_or_else(|| bound.clone(), |peer| format!("{bound} {peer}"))
}

fn judged(row: &Row) -> String {
    let verdict = match row.verdict {
        Some(Verdict::Reached) => "reached",
        Some(Verdict::WithinTwice) => "**missed**, within twice",
        Some(Verdict::Missed) => "**missed**",
        None => "not measured",
    };
    format!("{}: {verdict}", bound(row))
}

/// What a message is in bytes from each server, where the scenario is about messages.
fn sizes(outcome: &Outcome) -> String {
    let Some(round) = outcome.rounds.last() else { return String::new() };
    let others = round.others.iter().map(|(peer, sample)| (peer.label(), sample));
    let all = std::iter::once(("the hub", &round.hub)).chain(others);
    let sizes: Vec<String> =
        all.filter_map(|(who, sample)| sample.message_bytes.map(|bytes| format!("{bytes:.0} {who}"))).collect();
    if sizes.is_empty() { String::new() } else { format!("; bytes of a message as it arrives: {}", sizes.join(", ")) }
}

/// Where the generator, and not the server, may have set the rate.
fn generator(text: &mut String, report: &Report) {
    text.push_str("\n## Where the generator was the limit\n\n");
    let idle: Vec<String> =
        report.idle().map(|(scenario, who, share)| format!("{scenario} {who} {:.0} %", 100.0 * share)).collect();
    let _ = match idle.as_slice() {
        [] => writeln!(text, "Nowhere: each server that was to be kept busy was so for 80 % of the time at least."),
        _ => writeln!(
            text,
            "These servers were to be kept busy and had nothing to do for more than a fifth of the time, so their rate is that of the \
             generator, or of the kernel on its core; CPU time for each message counts all the same: {}.",
            idle.join(", ")
        ),
    };
}

fn not_run(text: &mut String, report: &Report) {
    text.push_str("\n## Not in this run\n\n");
    let measured: BTreeSet<String> = report.outcomes.iter().map(|outcome| outcome.scenario.to_string()).collect();
    let left_out: Vec<&str> = Scenario::DEFAULT.split(',').filter(|name| !measured.contains(*name)).collect();
    let left_out = if left_out.is_empty() { "none".to_owned() } else { left_out.join(", ") };
    let _ = writeln!(text, "- Scenarios that the benchmark knows: {left_out}.");
    let late = report.outcomes.iter().filter(|outcome| outcome.left_out > 0);
    let late: Vec<String> = late.map(|outcome| format!("{} of {}", outcome.left_out, outcome.scenario)).collect();
    if !late.is_empty() {
        let _ = writeln!(text, "- Rounds, because the time was up: {}.", late.join(", "));
    }
    for peer in [Peer::Nats, Peer::Bun].iter().filter(|peer| report.settings.peers.iter().all(|(other, _)| other != *peer)) {
        let _ = writeln!(text, "- {peer}: it was not run, and what is to be reached beside it was not judged.");
    }
    for why in &report.settings.absent {
        let _ = writeln!(text, "- {why}");
    }
    text.push_str("- A network: both ends are on one machine. More than one core for a server.\n");
    for outcome in &report.outcomes {
        for fault in outcome.faults.iter().chain(&outcome.foreign_faults) {
            let _ = writeln!(text, "- {} failed: {fault}", outcome.scenario);
        }
    }
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
    fn requests_have_a_section_of_their_own_and_a_line_for_the_server_behind_the_hub() {
        let Report { settings, mut outcomes, .. } = report(vec![]);
        outcomes[0].scenario = "O1".parse().unwrap();
        for round in &mut outcomes[0].rounds {
            round.others.remove(&Peer::Baseline);
            round.others.values_mut().chain([&mut round.hub]).for_each(|sample| sample.nats_cpu_us = Some(5.0));
        }
        let page = page(&Report::new(settings, outcomes), &Machine::here());
        let head = "## The router\n\n| scenario | figure | hub | nats-server | to reach |\n| --- | --- | --- | --- | --- |\n";
        assert!(page.contains(head) && !page.contains("Messages and connections"), "{page}");
        assert!(page.contains("| O1 | CPU µs, NATS | 5.00 | 5.00: **1.00** (1.00 to 1.00) |  |"), "{page}");
    }

    #[test]
    fn the_page_says_what_was_measured_on_what_and_what_was_not() {
        let machine = Machine { date: "2026-01-31".into(), processor: "A fast one".into(), memory_gib: 24, real_time: true };
        let page = page(&report(vec!["round 2, hub: LOST".into()]), &machine);
        for part in [
            "2026-01-31, concierge ",
            ", nats-server 2.15.0, A fast one, 2 cores, 24 GiB, Linux 7.0; the server on one core",
            "Servers and generator had real-time priority.",
            "Of 1 bounds that could be judged, 1 are reached.",
            "| scenario | figure | hub | nats-server | baseline | to reach |\n| --- | --- | --- | --- | --- | --- |",
            "| A100 | CPU µs | 0.120 | 0.400: **0.150** (0.150 to 0.300) | 6.00: **0.0100** (0.0100 to 0.0200) | \
             ≤ 0.25 times nats-server: reached; ≤ 0.4 times Bun: not measured |",
            "A1000, L100",
            "- Bun: it was not run, and what is to be reached beside it was not judged.\n- Bun: npm could not be reached.",
            "- A100 failed: round 2, hub: LOST",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("The coordinator") && Machine::here().processor.len() > 3);
    }
}
