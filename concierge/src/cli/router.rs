//! `concierge router`: who serves what, and what became of what was asked.

use clap::Args;
use concierge_client::admin::{Account, CategoryRecord, FaultRecord, Routing, WorkerRecord};
use concierge_client::coordinator::Millis;

use super::admin_args::{AdminArgs, failed};
use super::exit::Failure;
use super::output::Output;
use super::span::{now, shown};

/// Show who serves what: categories of the router with their workers, what was asked of them, and what became of that
///
/// Figures are those since the hub began; half of the requests were answered within P50 MS, 99 of a hundred within P99 MS. With
/// --json it is all that a hub tells of its router: routes, totals, errors. The hub obeys administrators only: whoever has the
/// admin secret, or, of a hub without one, programs on its machine.
#[derive(Debug, Args)]
#[command(after_help = "Example: concierge router --errors")]
pub(crate) struct Router {
    #[command(flatten)]
    admin: AdminArgs,

    /// Show the last errors instead: when, who asked for what, what it was told
    #[arg(long)]
    errors: bool,
}

impl Router {
    /// # Errors
    /// Not an administrator, no router, or no answer.
    pub(crate) async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let (client, mut admin) = self.admin.once().await?;
        let look = admin.router().await;
        client.close().await;
        let look = look.map_err(failed)?;
        match (output.is_json(), self.errors) {
            (true, true) => output.json(&look.faults),
            (true, false) => output.json(&look),
            (false, true) => output.table(&["WHEN", "CLIENT", "COMMAND", "ERROR", "ABOUT"], &rows_of_errors(&look)),
            (false, false) => output.table(&HEADINGS, &rows(&look)),
        }
    }
}

const HEADINGS: [&str; 8] = ["CATEGORY", "WORKERS", "OPEN", "REQUESTS", "ERRORS", "TIMED OUT", "P50 MS", "P99 MS"];

fn rows(look: &Routing) -> Vec<Vec<String>> {
    let mut rows: Vec<_> = look.categories.iter().map(|it| row(it.category.to_string(), workers(it), &it.account)).collect();
    if look.others.requests > 0 {
        rows.push(row("(others)".to_owned(), String::new(), &look.others));
    }
    rows
}

fn row(category: String, workers: String, account: &Account) -> Vec<String> {
    let percentile = |percent| account.percentile(percent).map_or_else(|| "-".to_owned(), |ms| ms.to_string());
    let timeouts = account.errors.get("TIMEOUT").copied().unwrap_or(0);
    let figures = [account.open, account.requests, account.failed(), timeouts].map(|count| count.to_string());
    [category, workers].into_iter().chain(figures).chain([percentile(50), percentile(99)]).collect()
}

/// Their names, or what else is known of them, and how many more there are.
fn workers(record: &CategoryRecord) -> String {
    let known = |worker: &WorkerRecord| {
        let name = worker.name.as_ref().map_or_else(|| worker.uuid.to_string(), ToString::to_string);
        worker.group.as_ref().map_or_else(|| name.clone(), |group| format!("{name} ({group})"))
    };
    let mut words: Vec<String> = record.workers.iter().map(known).collect();
    let more = record.served_by.saturating_sub(words.len() as u64);
    if more > 0 {
        words.push(format!("{more} more"));
    }
    if words.is_empty() { "-".to_owned() } else { words.join(", ") }
}

fn rows_of_errors(look: &Routing) -> Vec<Vec<String>> {
    let row = |fault: &FaultRecord| {
        let who = fault.name.as_ref().map_or_else(|| fault.client.to_string(), ToString::to_string);
        let about = fault.items.iter().chain(&fault.message).cloned().collect::<Vec<_>>().join(", ");
        let at = Millis(i64::try_from(fault.at).unwrap_or(i64::MAX));
        vec![shown(at, now()), who, fault.cmd.to_string(), format!("{} {}", fault.code, fault.error), about]
    };
    look.faults.iter().map(row).collect()
}
