//! `concierge task work`: a worker that runs a command for each task.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use concierge_client::coordinator::{Ended, PromiseId, Task, WorkerError};
use concierge_client::{Client, Intent, Reconnect};
use futures::StreamExt;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::super::client_args::ClientArgs;
use super::super::connected::{Stop, tell};
use super::super::exit::{Exit, Failure};
use super::super::output::Output;
use super::super::span::Span;
use super::command::Exec;

/// Outcomes that wait to be printed; more are not printed, and counted.
const LINES: usize = 1_024;

/// Be a worker: run a command for each task that is offered to a group
///
/// The command runs in `sh -c`; `{}` in it is the task's id, quoted. It finds the promise's param on stdin (the JSON, when it is
/// JSON in base64) and CONCIERGE_TASK_ID, CONCIERGE_TASK_VERSION, CONCIERGE_PARAM in its environment. Exit code 0 resolves the
/// promise with what it wrote to stdout, any other rejects it with the code and the end of stderr. It may run more than once for
/// a task: when this worker dies, the task is offered again. It is killed, with all it started, when the task is lost (its
/// promise was settled by somebody else, or heartbeats failed for a whole ttl), and when this worker is stopped, which gives its
/// tasks back.
#[derive(Debug, Args)]
pub(super) struct Work {
    #[command(flatten)]
    client: ClientArgs,

    /// The group whose tasks are done: those with the target `any@GROUP`
    #[arg(long)]
    group: String,

    /// The command, for `sh -c`
    #[arg(long, value_name = "COMMAND")]
    exec: String,

    /// Commands that run at once
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: u16,

    /// How long after our last heartbeat a task is offered to others
    #[arg(long, value_name = "TIME", default_value = "30s")]
    ttl: Span,

    /// Keep stdout as it stands; otherwise it is JSON in base64, text as a JSON string, as released workers read it
    #[arg(long)]
    raw: bool,

    /// A command that writes more than this to stdout fails
    #[arg(long, value_name = "BYTES", default_value_t = 32 * 1024)]
    output_bytes: usize,
}

impl Work {
    /// # Errors
    /// No coordinator, or the connection ended for good.
    pub(super) async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let mut stop = Stop::listen()?;
        let options = self.client.options()?.tag(&self.group).intents([Intent::Messages]).reconnect(Reconnect::default());
        let client = Client::connect(options).await?;
        let mut status = client.status_changes();
        status.next().await; // it is connected
        let (to, mut lines) = mpsc::channel(LINES);
        let exec = Arc::new(Exec { command: self.exec, raw: self.raw, output_bytes: self.output_bytes });
        let worker = client.coordinator().await?.worker(&self.group).map_err(|error| wrong(&error))?;
        let worker = worker.concurrency(self.concurrency.into()).ttl(self.ttl.0.max(Duration::from_millis(100)));
        let worker = worker.tell(move |id, ended| {
            if to.try_send((id.clone(), ended)).is_err() {
                tracing::warn!(%id, ?ended, "an outcome was not printed: stdout is not read");
            }
        });
        output.note(&format!("{} works for {}; Ctrl-C stops it.", client.whoami().await?.client.name, self.group));
        let stopping = CancellationToken::new();
        let work = move |task: Task| {
            let exec = exec.clone();
            async move { exec.run(&task).await }
        };
        let mut working = std::pin::pin!(worker.run(work, stopping.clone().cancelled_owned()));
        let mut outcome = Ok(());
        let ended = loop {
            tokio::select! {
                biased; // to stop comes first
                () = stop.asked(), if !stopping.is_cancelled() => stopping.cancel(),
                Some((id, ended)) = lines.recv(), if outcome.is_ok() => outcome = print(&id, ended, output),
                Some(now) = status.next() => outcome = outcome.and(tell(Some(now), output)),
                ended = &mut working => break ended,
            }
            if outcome.is_err() {
                stopping.cancel();
            }
        };
        while let Ok((id, ended)) = lines.try_recv() {
            outcome = outcome.and_then(|()| print(&id, ended, output));
        }
        client.close().await;
        outcome?;
        ended.map_err(|error| Failure::of(Exit::Unreachable, &error))
    }
}

fn wrong(error: &WorkerError) -> Failure {
    Failure::of(Exit::Usage, error).try_next("A group is 1 to 64 characters without `/`.")
}

fn print(id: &PromiseId, ended: Ended, output: &mut Output) -> Result<(), Failure> {
    let how = match ended {
        Ended::Resolved => "resolved",
        Ended::Rejected => "rejected",
        Ended::Suspended => "suspended",
        Ended::Lost => "lost",
        Ended::Released => "released",
    };
    output.result(&json!({ "task": id, "ended": how }), |_| format!("{how} {id}"))
}
