//! `concierge task fence`: another promise, only while a task is held.

use clap::{Args, Subcommand};
use concierge_api_rs::coordinator::{FenceAction, FenceVerb, TaskFence};
use concierge_client::coordinator::{AskError, PromiseId, PromiseSettle, Refused, Request, Response, SettleState, TaskRef};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::client_args::ClientArgs;
use super::super::coordinated;
use super::super::exit::Failure;
use super::super::output::Output;
use super::super::promise::NewArgs;
use super::super::value_args::ValueArgs;
use super::{claim, reference, settle_state};

#[derive(Debug, Args)]
pub(super) struct Fence {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create a promise while a task is held
    #[command(after_help = "Example: concierge task fence create order:7:approval --task order:7@1 --timeout 1h")]
    Create(Box<Create>),
    /// Settle a promise while a task is held
    #[command(after_help = "Example: concierge task fence settle order:7:step --task order:7@1 --json-value 7")]
    Settle(Box<Settle>),
}

/// The task that must be held.
#[derive(Debug, Args)]
struct Guard {
    #[command(flatten)]
    client: ClientArgs,

    /// The task that has to be held, and its version since it was claimed
    #[arg(long, value_name = "ID@VERSION", value_parser = reference)]
    task: TaskRef,
}

#[derive(Debug, Args)]
struct Create {
    #[command(flatten)]
    guard: Guard,

    #[command(flatten)]
    new: NewArgs,
}

#[derive(Debug, Args)]
struct Settle {
    #[command(flatten)]
    guard: Guard,

    /// The promise's id
    id: PromiseId,

    /// How it is settled
    #[arg(long, value_parser = settle_state, default_value = "resolved")]
    state: SettleState,

    #[command(flatten)]
    value: ValueArgs,
}

#[derive(Deserialize)]
struct FencedData<'a> {
    #[serde(borrow)]
    action: &'a RawValue,
}

impl Fence {
    pub(super) async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let (guard, verb) = match self.command {
            Command::Create(create) => {
                let promise = create.new.promise().await?;
                (create.guard, FenceVerb::Create(promise))
            }
            Command::Settle(settle) => {
                let Settle { guard, id, state, value } = *settle;
                (guard, FenceVerb::Settle(PromiseSettle { id, state, value: value.value().await? }))
            }
        };
        let action = FenceAction { corr_id: "1".to_owned(), verb };
        let response = coordinated::ask(&guard.client, &Request::TaskFence(TaskFence { task: guard.task, action })).await?;
        claim::print_promise(&inner(&response)?, output)
    }
}

/// What the request inside brought.
fn inner(response: &Response) -> Result<Response, AskError> {
    let FencedData { action } = response.data()?;
    let inner = Response::decode(action.get())?;
    match inner.status {
        200 => Ok(inner),
        status => Err(AskError::Refused(Refused { status, sentence: inner.sentence().unwrap_or_default() })),
    }
}
