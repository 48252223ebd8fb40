//! `concierge request`: asks a worker, and prints what it answers.

use clap::Args;
use concierge_client::Intent;
use concierge_client::coordinator::PromiseId;
use concierge_client::router::{Answer, Durable, Router, RouterError, outcome};
use futures::StreamExt;
use serde_json::json;
use serde_json::value::RawValue;

use super::client_args::ClientArgs;
use super::connected::{self, Stop};
use super::coordinated::failed;
use super::exit::Failure;
use super::output::Output;
use super::routed::{self, PacketArgs, answered};
use super::span::Span;

/// Ask a worker, and print what it answers, as a line of JSON
///
/// Who does it is found by the category of the command. An error that is answered goes to stderr with its code, its name and what it
/// is about, and the exit code is 20 and its code: 22 when nobody serves it, 27 when no answer came in time. Ctrl-C cancels the request.
#[derive(Debug, Args)]
#[command(after_help = "Example: concierge request math/add '[1,2]' --timeout 5s")]
pub(crate) struct Request {
    #[command(flatten)]
    client: ClientArgs,

    #[command(flatten)]
    packet: PacketArgs,

    /// Print an answer that comes in parts, a line each; after N of them cancel the rest
    #[arg(long, value_name = "N", num_args = 0..=1, value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "durable")]
    many: Option<Option<u64>>,

    /// Let the hub keep the request until it is answered, whoever crashes meanwhile, and print the id of the promise that its answer is
    #[arg(long)]
    durable: bool,

    /// Wait for that answer, and print it
    #[arg(long, requires = "durable")]
    wait: bool,

    /// The promise's id: the same request again, with the same id, is no second one [default: the hub makes one]
    #[arg(long, value_name = "ID", requires = "durable")]
    promise: Option<PromiseId>,

    /// How long an answer is waited for; the hub's routes may end it earlier [default: 15s; with --durable 24h]
    #[arg(long, value_name = "TIME")]
    timeout: Option<Span>,
}

impl Request {
    /// # Errors
    /// What is answered is an error, or there is no answer.
    pub(crate) async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let body = self.packet.body().await?;
        let mut stop = Stop::listen()?;
        let router = self.router().await?;
        let asking = async {
            match (self.durable, self.many) {
                (true, _) => self.keep(&router, &body, output).await,
                (false, Some(most)) => self.print_parts(&router, &body, most, output).await,
                (false, None) => routed::print(&router.request(&self.packet.cmd, &*body).await?.data, output),
            }
        };
        let outcome = tokio::select! {
            biased; // to stop comes first
            () = stop.asked() => Err(Stop::failure()),
            outcome = asking => outcome,
        };
        router.client().close().await;
        outcome
    }

    /// Who waits for a promise waits across lost connections.
    async fn router(&self) -> Result<Router, Failure> {
        let router = if self.wait {
            routed::of(connected::lasting(&self.client, [Intent::Messages]).await?).await?
        } else {
            routed::once(&self.client).await?
        };
        let router = router.subject(self.packet.subject.clone());
        Ok(match self.timeout.filter(|_| !self.durable) {
            Some(within) => router.within(within.0),
            None => router,
        })
    }

    async fn print_parts(&self, router: &Router, body: &RawValue, most: Option<u64>, output: &mut Output) -> Result<(), Failure> {
        let mut parts = router.request_many(&self.packet.cmd, body).await?;
        let mut left = most;
        while left != Some(0) {
            let Some(part) = parts.next().await else { break };
            routed::print(&part?.data, output)?;
            left = left.map(|left| left - 1);
        }
        Ok(())
    }

    async fn keep(&self, router: &Router, body: &RawValue, output: &mut Output) -> Result<(), Failure> {
        let durable = Durable { promise: self.promise.clone(), within: self.timeout.map(Span::millis) };
        let id = router.request_durable(&self.packet.cmd, body, durable).await?;
        if !self.wait {
            return output.result(&json!({ "promise": id }), |_| id.to_string());
        }
        let coordinator = router.client().coordinator().await?;
        let promise = coordinator.wait(&id).await.map_err(failed)?;
        match outcome(&promise) {
            Some(Ok(Answer { data, .. })) => routed::print(&data, output),
            Some(Err(fault)) => Err(answered(&fault)),
            None => Err(RouterError::Disconnected.into()), // it was waited for: it is settled
        }
    }
}
