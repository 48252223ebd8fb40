//! `concierge task create` and `acquire`: to claim a task.

use std::fmt::Write as _;

use clap::Args;
use concierge_api_rs::coordinator::{TaskAcquire, TaskCreate};
use concierge_client::coordinator::{Promise, Request, Response, TaskRecord, TaskRef};
use serde::{Deserialize, Serialize};

use super::super::client_args::ClientArgs;
use super::super::coordinated::{self, promise_lines, task_lines};
use super::super::exit::Failure;
use super::super::output::Output;
use super::super::promise::NewArgs;
use super::super::span::Span;
use super::{PidArgs, reference};

#[derive(Debug, Args)]
pub(super) struct Create {
    #[command(flatten)]
    client: ClientArgs,

    #[command(flatten)]
    new: NewArgs,

    #[command(flatten)]
    lease: Lease,
}

#[derive(Debug, Args)]
pub(super) struct Acquire {
    #[command(flatten)]
    client: ClientArgs,

    /// The task, and its version before it is claimed
    #[arg(value_name = "ID@VERSION", value_parser = reference)]
    task: TaskRef,

    #[command(flatten)]
    lease: Lease,
}

#[derive(Debug, Args)]
struct Lease {
    #[command(flatten)]
    pid: PidArgs,

    /// How long it is held without a heartbeat
    #[arg(long, value_name = "TIME", default_value = "60s")]
    ttl: Span,
}

/// A task that is held, with what came along.
#[derive(Debug, Deserialize, Serialize)]
struct Claimed {
    /// `invoke` or `resume`; nothing when it was just created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    task: TaskRecord,
    promise: Promise,
    #[serde(default)]
    preload: Vec<Promise>,
}

#[derive(Deserialize)]
struct PromiseData {
    promise: Promise,
}

impl Create {
    pub(super) async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let action = self.new.promise().await?;
        let create = TaskCreate { pid: self.lease.pid.pid, ttl: self.lease.ttl.millis(), action };
        let response = coordinated::ask(&self.client, &Request::TaskCreate(create)).await?;
        print_claimed(&response, output)
    }
}

impl Acquire {
    pub(super) async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let Lease { pid, ttl } = self.lease;
        let TaskRef { id, claims } = self.task;
        let acquire = TaskAcquire { id, claims, pid: pid.pid, ttl: ttl.millis() };
        let response = coordinated::ask(&self.client, &Request::TaskAcquire(acquire)).await?;
        print_claimed(&response, output)
    }
}

fn print_claimed(response: &Response, output: &mut Output) -> Result<(), Failure> {
    let claimed: Claimed = coordinated::read(response)?;
    output.result(&claimed, |Claimed { kind, task, promise, preload }| {
        let mut text = task_lines(task);
        if let Some(kind) = kind {
            let _ = write!(text, "\nkind     {kind}");
        }
        let _ = write!(text, "\n\nits promise\n{}", promise_lines(promise));
        for promise in preload {
            let _ = write!(text, "\n\nof the same branch\n{}", promise_lines(promise));
        }
        text
    })
}

/// The promise of an answer.
pub(super) fn print_promise(response: &Response, output: &mut Output) -> Result<(), Failure> {
    let PromiseData { promise } = coordinated::read(response)?;
    output.result(&promise, promise_lines)
}
