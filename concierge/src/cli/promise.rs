//! `concierge promise`: durable promises.

mod tree;

use clap::{Args, Subcommand};
use concierge_client::Intent;
use concierge_client::coordinator::{
    Address, Millis, NewPromise, Promise as Record, PromiseCreate, PromiseId, PromiseSearch, PromiseState, SettleState, WaitError,
};

use super::client_args::ClientArgs;
use super::connected::{self, Stop};
use super::coordinated::{self, PROMISE_HEADINGS, failed, promise_lines, promise_row};
use super::exit::{Exit, Failure};
use super::output::Output;
use super::span::Span;
use super::value_args::{Pair, ValueArgs};

/// Create, show, settle and await durable promises
///
/// A promise has an id for ever, and one outcome: the first one stays, and at its deadline it has one in any case. One with a
/// target has a task, which the workers of the target's group are offered.
#[derive(Debug, Args)]
pub(crate) struct Promise {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create a promise, or show the one that has the id already
    #[command(
        after_help = "Example: concierge promise create order:7 --timeout 24h --json-value '{\"n\":7}' --target any@clerks"
    )]
    Create(Create),
    /// Show a promise
    #[command(after_help = "Example: concierge promise get order:7 --json")]
    Get(Named),
    /// Resolve a promise: the first outcome stays, and is shown
    #[command(after_help = "Example: concierge promise resolve order:7:approval --json-value true")]
    Resolve(Settle),
    /// Reject a promise: the first outcome stays, and is shown
    #[command(after_help = "Example: concierge promise reject order:7:approval --json-value '\"too expensive\"'")]
    Reject(Settle),
    /// Cancel a promise: the first outcome stays, and is shown
    #[command(after_help = "Example: concierge promise cancel order:7")]
    Cancel(Settle),
    /// List promises in the order of their ids
    #[command(after_help = "Example: concierge promise ls --state pending --tag kind=order")]
    Ls(Ls),
    /// Wait until a promise is settled: exit code 0 resolved, 10 rejected, 11 canceled, 12 past its deadline
    #[command(after_help = "Example: concierge promise wait order:7 --within 10m")]
    Wait(Wait),
    /// Show a promise and those that came of it, by their tags resonate:parent and resonate:origin
    #[command(after_help = "Example: concierge promise tree order:7")]
    Tree(Named),
}

#[derive(Debug, Args)]
struct Named {
    #[command(flatten)]
    client: ClientArgs,

    /// The promise's id
    id: PromiseId,
}

/// A promise to be.
#[derive(Debug, Args)]
pub(super) struct NewArgs {
    /// The promise's id
    pub(super) id: PromiseId,

    /// Its deadline, from now on
    #[arg(long, value_name = "TIME", default_value = "24h", conflicts_with = "timeout_at")]
    timeout: Span,

    /// Its deadline, in milliseconds since 1970
    #[arg(long, value_name = "MILLISECONDS")]
    timeout_at: Option<i64>,

    /// Where its task is offered: `any@GROUP`, `uni@GROUP/PID`
    #[arg(long, value_name = "ADDRESS")]
    target: Option<Address>,

    /// A tag; may be given again
    #[arg(long = "tag", value_name = "NAME=VALUE")]
    tags: Vec<Pair>,

    #[command(flatten)]
    param: ValueArgs,
}

impl NewArgs {
    /// # Errors
    /// The value is not one.
    pub(super) async fn promise(&self) -> Result<PromiseCreate, Failure> {
        let new = match self.timeout_at {
            Some(at) => NewPromise::until(self.id.clone(), Millis(at)),
            None => NewPromise::within(self.id.clone(), self.timeout.0),
        };
        let new = self.tags.iter().fold(new, |new, tag| new.tag(&tag.name, &tag.value)).param(self.param.value().await?);
        Ok(match &self.target {
            Some(target) => new.target(target).into(),
            None => new.into(),
        })
    }
}

#[derive(Debug, Args)]
struct Create {
    #[command(flatten)]
    client: ClientArgs,

    #[command(flatten)]
    new: NewArgs,
}

#[derive(Debug, Args)]
struct Settle {
    #[command(flatten)]
    named: Named,

    #[command(flatten)]
    value: ValueArgs,
}

#[derive(Debug, Args)]
struct Ls {
    #[command(flatten)]
    client: ClientArgs,

    /// Only those in this state: pending, resolved, rejected, rejected_canceled or rejected_timedout
    #[arg(long, value_parser = state)]
    state: Option<PromiseState>,

    /// Only those with this tag; may be given again
    #[arg(long = "tag", value_name = "NAME=VALUE")]
    tags: Vec<Pair>,

    /// How many at most
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

#[derive(Debug, Args)]
struct Wait {
    #[command(flatten)]
    named: Named,

    /// Fail (exit code 6) when it is not settled in that time
    #[arg(long, value_name = "TIME")]
    within: Option<Span>,
}

fn state(word: &str) -> Result<PromiseState, String> {
    PromiseState::of_str(word).ok_or_else(|| {
        format!("a state is one of {}", PromiseState::ALL.iter().map(|state| state.as_str()).collect::<Vec<_>>().join(", "))
    })
}

impl Promise {
    /// # Errors
    /// No such promise, a refusal, or no answer; `wait`: it is not resolved.
    pub(crate) async fn run(self, output: &mut Output) -> Result<(), Failure> {
        match self.command {
            Command::Create(create) => create.run(output).await,
            Command::Get(named) => named.show(output).await,
            Command::Resolve(settle) => settle.run(SettleState::Resolved, output).await,
            Command::Reject(settle) => settle.run(SettleState::Rejected, output).await,
            Command::Cancel(settle) => settle.run(SettleState::RejectedCanceled, output).await,
            Command::Ls(ls) => ls.run(output).await,
            Command::Wait(wait) => wait.run(output).await,
            Command::Tree(named) => tree::run(&named.client, &named.id, output).await,
        }
    }
}

impl Create {
    async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let new = self.new.promise().await?;
        let coordinator = coordinated::once(&self.client).await?;
        let promise = coordinator.create(new).await;
        coordinator.client().close().await;
        output.result(&promise.map_err(failed)?, promise_lines)
    }
}

impl Named {
    async fn show(self, output: &mut Output) -> Result<(), Failure> {
        let coordinator = coordinated::once(&self.client).await?;
        let promise = coordinator.promise(&self.id).await;
        coordinator.client().close().await;
        output.result(&promise.map_err(failed)?, promise_lines)
    }
}

impl Settle {
    async fn run(self, state: SettleState, output: &mut Output) -> Result<(), Failure> {
        let value = self.value.value().await?;
        let coordinator = coordinated::once(&self.named.client).await?;
        let promise = coordinator.settle(&self.named.id, state, value.clone()).await;
        coordinator.client().close().await;
        let promise = promise.map_err(failed)?;
        if promise.state != state.into() || promise.value != value {
            output.note(&format!("It was {} already; the first outcome stays.", promise.state.as_str()));
        }
        output.result(&promise, promise_lines)
    }
}

impl Ls {
    async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let coordinator = coordinated::once(&self.client).await?;
        let search =
            PromiseSearch { state: self.state, tags: super::value_args::by_name(&self.tags), ..PromiseSearch::default() };
        let found = tree::search(&coordinator, search, self.limit).await;
        coordinator.client().close().await;
        let (promises, more) = found?;
        if more {
            output.note("There are more: ask for them with --limit, or for fewer with --state and --tag.");
        }
        if output.is_json() {
            return output.json(&promises);
        }
        output.table(PROMISE_HEADINGS, &promises.iter().map(promise_row).collect::<Vec<_>>())
    }
}

impl Wait {
    async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let mut stop = Stop::listen()?;
        let client = connected::lasting(&self.named.client, [Intent::Messages]).await?;
        let coordinator = client.coordinator().await?;
        let waiting = coordinator.wait(&self.named.id);
        let outcome = tokio::select! {
            biased; // to stop comes first
            () = stop.asked() => Err(Stop::failure()),
            outcome = self.in_time(waiting) => outcome,
        };
        client.close().await;
        let promise = outcome?;
        output.result(&promise, promise_lines)?;
        ended(&promise)
    }

    async fn in_time(&self, waiting: impl Future<Output = Result<Record, WaitError>>) -> Result<Record, Failure> {
        let Some(within) = self.within else { return waiting.await.map_err(failed) };
        let late = |_| {
            Failure::new(Exit::TimedOut, format!("the promise {} is pending still", self.named.id))
                .try_next("Wait longer with --within; `concierge promise get ID` shows its deadline.")
        };
        tokio::time::timeout(within.0, waiting).await.map_err(late)?.map_err(failed)
    }
}

/// How waiting for a promise ends.
fn ended(promise: &Record) -> Result<(), Failure> {
    let (exit, how) = match promise.state {
        PromiseState::Pending | PromiseState::Resolved => return Ok(()),
        PromiseState::Rejected => (Exit::PromiseRejected, "is rejected"),
        PromiseState::RejectedCanceled => (Exit::PromiseCanceled, "is canceled"),
        PromiseState::RejectedTimedout => (Exit::PromiseTimedOut, "went past its deadline"),
    };
    Err(Failure::new(exit, format!("the promise {} {how}", promise.id))
        .try_next(format!("`concierge errors {}` explains it.", exit.code())))
}
