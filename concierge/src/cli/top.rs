//! `concierge top`: how a hub is, again and again.

use clap::Args;
use concierge_client::Client;
use concierge_client::admin::{Admin, News, Op, Stats, Usage};
use futures::StreamExt;

use super::admin_args::{AdminArgs, failed};
use super::connected::{self, Stop};
use super::exit::Failure;
use super::output::Output;

/// Show how a hub is, again and again until Ctrl-C: clients, messages, bytes, promises and tasks by state, what the process uses
///
/// Rates are those since the table before. With --json each line is a snapshot of totals. The hub obeys administrators only:
/// whoever has the admin secret, or, of a hub without one, programs on its machine.
#[derive(Debug, Args)]
#[command(after_help = "Example: concierge top --every-ms 5000 --json")]
pub(crate) struct Top {
    #[command(flatten)]
    admin: AdminArgs,

    /// How often, at least 250
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(250..))]
    every_ms: u64,

    /// End after that many tables
    #[arg(short, long, value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

impl Top {
    /// # Errors
    /// Not an administrator, or the connection ended for good.
    pub(crate) async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let mut stop = Stop::listen()?;
        let (client, mut admin) = self.admin.lasting().await?;
        admin.watch(Op::StatsWatch { every_ms: self.every_ms }).await.map_err(failed)?;
        let outcome = self.show(&client, &mut admin, &mut stop, output).await;
        client.close().await;
        outcome
    }

    async fn show(&self, client: &Client, admin: &mut Admin, stop: &mut Stop, output: &mut Output) -> Result<(), Failure> {
        let mut status = client.status_changes();
        status.next().await; // it is connected
        let (mut before, mut left) = (None, self.count);
        while left != Some(0) {
            let news = tokio::select! {
                biased; // to stop comes first; news before the connection's end, which it precedes
                () = stop.asked() => return if left.is_some() { Err(Stop::failure()) } else { Ok(()) },
                news = admin.next() => news.map_err(failed)?,
                now = status.next() => {
                    connected::tell(now, output)?;
                    continue;
                }
            };
            let News::Stats(stats) = news else { continue };
            if output.is_json() {
                output.json(&stats)?;
            } else {
                table(&stats, before.as_deref().unwrap_or(&stats), output)?;
            }
            before = Some(stats);
            left = left.map(|left| left - 1);
        }
        Ok(())
    }
}

fn table(now: &Stats, before: &Stats, output: &mut Output) -> Result<(), Failure> {
    if output.is_terminal() {
        output.bytes(b"\x1b[H\x1b[J")?; // over the one before
    }
    output.table(&["HUB", "NOW", "A SECOND", "ALL"], &rows(now, before))?;
    if output.is_terminal() { Ok(()) } else { output.line("") }
}

fn rows(now: &Stats, before: &Stats) -> Vec<Vec<String>> {
    let seconds = now.at.saturating_sub(before.at) as f64 / 1_000.0;
    let rate = |of: fn(&Stats) -> u64| match seconds > 0.0 {
        true => format!("{:.0}", of(now).saturating_sub(of(before)) as f64 / seconds),
        false => "-".to_owned(),
    };
    let row = |name: &str, now: String, rate: String, all: String| vec![name.to_owned(), now, rate, all];
    let level = |name: &str, now: u64| row(name, now.to_string(), String::new(), String::new());
    let flow = |name: &str, of: fn(&Stats) -> u64| row(name, String::new(), rate(of), of(now).to_string());
    let usage = |name: &str, usage: &Usage| row(name, usage.used.to_string(), String::new(), format!("of {}", usage.limit));
    let sum = |totals: &std::collections::BTreeMap<String, u64>| totals.values().sum::<u64>();
    let mut rows = vec![
        row("version", now.version.clone(), String::new(), format!("up {} s", now.uptime_ms / 1_000)),
        level("clients", now.clients),
        level("services", now.services),
        level("subscriptions", now.subscriptions),
        level("connections", now.connections),
        flow("messages", |stats| stats.messages),
        flow("deliveries", |stats| stats.deliveries),
        flow("bytes in", |stats| stats.bytes_in),
        flow("bytes out", |stats| stats.bytes_out),
        level("bytes queued", now.queued_bytes),
        flow("messages refused", |stats| stats.messages_refused),
        flow("malformed", |stats| stats.malformed),
        flow("slow consumers", |stats| stats.slow_consumers),
        row("connections refused", String::new(), String::new(), sum(&now.refused).to_string()),
        row("connections closed", String::new(), String::new(), sum(&now.closed).to_string()),
        row("limits hit", String::new(), String::new(), sum(&now.limited).to_string()),
    ];
    if let Some(coordinator) = &now.coordinator {
        let commit =
            coordinator.commit_us.checked_div(coordinator.commits).map_or_else(String::new, |us| format!("{us} µs each"));
        rows.push(flow("transactions", |stats| stats.coordinator.as_ref().map_or(0, |coordinator| coordinator.transactions)));
        rows.push(row("commits", commit, String::new(), coordinator.commits.to_string()));
    }
    for (what, live) in now.coordinator.iter().flat_map(|all| [("promises", &all.promises), ("tasks", &all.tasks)]) {
        rows.extend(live.iter().map(|(state, n)| level(&format!("{what} {state}"), *n)));
    }
    rows.push(usage("descriptors", &now.descriptors));
    rows.push(usage("memory", &now.memory));
    rows.extend(now.disks.iter().map(|(what, disk)| usage(&format!("disk of {what}"), disk)));
    rows
}
