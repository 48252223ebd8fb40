//! `concierge push`: tells workers something, and gets no answer.

use clap::Args;
use serde_json::json;

use super::client_args::ClientArgs;
use super::exit::Failure;
use super::output::Output;
use super::routed::{self, PacketArgs};

/// Push something to all workers of a category, and of each group to one
///
/// The exit code says that the hub has it; nothing says whether anybody got it.
#[derive(Debug, Args)]
#[command(after_help = "Example: concierge push news/new '{\"title\":\"hello\"}'")]
pub(crate) struct Push {
    #[command(flatten)]
    client: ClientArgs,

    #[command(flatten)]
    packet: PacketArgs,
}

impl Push {
    /// # Errors
    /// It did not arrive at the hub.
    pub(crate) async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let body = self.packet.body().await?;
        let router = routed::once(&self.client).await?.subject(self.packet.subject.clone());
        let arrived = async { router.push(&self.packet.cmd, &*body).await?.arrived().await };
        let arrived = arrived.await;
        router.client().close().await;
        arrived?;
        if output.is_json() {
            output.json(&json!({ "pushed": self.packet.cmd }))?;
        }
        Ok(())
    }
}
