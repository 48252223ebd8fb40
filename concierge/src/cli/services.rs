//! `concierge services`: what there is to subscribe to.

use clap::{Args, Subcommand};
use concierge_client::{RequestError, ServiceInfo, ServiceName};

use super::client_args::ClientArgs;
use super::connected::{self, NOTHING, Stop};
use super::exit::{Exit, Failure};
use super::output::Output;
use super::pub_::not_created;

#[derive(Debug, Args)]
pub(crate) struct Services {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the services, in the order of their creation
    #[command(after_help = "Example: concierge services ls")]
    Ls(ClientArgs),
    /// Show a service and its subscribers
    #[command(after_help = "Example: concierge services get weather")]
    Get(Named),
    /// Create a service and hold it until Ctrl-C: a service lives as long as its owner is connected
    #[command(after_help = "Example: concierge services create weather --nickname 'The weather'")]
    Create(Create),
    /// Delete a service, which its owner alone may
    #[command(after_help = "Example: concierge services rm weather")]
    Rm(Named),
}

#[derive(Debug, Args)]
struct Named {
    #[command(flatten)]
    client: ClientArgs,

    /// The service's name
    service: ServiceName,
}

#[derive(Debug, Args)]
struct Create {
    #[command(flatten)]
    named: Named,

    /// Its name for people
    #[arg(long, value_name = "TEXT")]
    nickname: Option<String>,
}

impl Services {
    /// # Errors
    /// No such service, not its owner, or no answer.
    pub(crate) async fn run(self, output: &mut Output) -> Result<(), Failure> {
        match self.command {
            Command::Ls(args) => list(&args, output).await,
            Command::Get(named) => named.show(output).await,
            Command::Create(create) => create.run(output).await,
            Command::Rm(named) => named.remove(output).await,
        }
    }
}

async fn list(args: &ClientArgs, output: &mut Output) -> Result<(), Failure> {
    let client = connected::once(args, NOTHING).await?;
    let services = client.services().await;
    client.close().await;
    let services = services?;
    if output.is_json() {
        return output.json(&services);
    }
    let rows: Vec<Vec<String>> = services.iter().map(row).collect();
    output.table(&["NAME", "SUBSCRIBERS", "OWNER", "NICKNAME"], &rows)
}

/// Hubs of the original protocol send no count, but the whole list.
fn subscribers(service: &ServiceInfo) -> u64 {
    service.subscriber_count.max(service.subscribers.len() as u64)
}

fn row(service: &ServiceInfo) -> Vec<String> {
    vec![
        service.name.to_string(),
        subscribers(service).to_string(),
        service.owner_uuid.to_string(),
        service.nickname.clone().unwrap_or_default(),
    ]
}

fn described(service: &ServiceInfo) -> String {
    let mut text = format!(
        "name         {}\nnickname     {}\nowner        {}\nsubscribers  {}",
        service.name,
        service.nickname.as_deref().unwrap_or("-"),
        service.owner_uuid,
        subscribers(service),
    );
    for subscriber in &service.subscribers {
        text.push_str(&format!("\n             {subscriber}"));
    }
    text
}

impl Named {
    async fn show(self, output: &mut Output) -> Result<(), Failure> {
        let client = connected::once(&self.client, NOTHING).await?;
        let service = client.service(&self.service).await;
        client.close().await;
        output.result(&service?, described)
    }

    async fn remove(self, output: &mut Output) -> Result<(), Failure> {
        let client = connected::once(&self.client, NOTHING).await?;
        let service = client.delete_service(&self.service).await;
        client.close().await;
        let service = service.map_err(|error| match error {
            RequestError::Bad => Failure::new(Exit::Refused, format!("another client owns the service {}", self.service))
                .try_next("Its owner alone may delete it; it ends, too, when its owner is stopped."),
            error => error.into(),
        })?;
        output.result(&service, |service| format!("deleted {}", service.name))
    }
}

impl Create {
    async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let mut stop = Stop::listen()?;
        let client = connected::lasting(&self.named.client, NOTHING).await?;
        let status = client.status_changes();
        let service = client.create_service(&self.named.service, self.nickname.as_deref()).await.map_err(not_created)?;
        output.result(&service, |service| format!("created {}", service.name))?;
        output.note("It lives as long as this command: Ctrl-C ends it.");
        connected::hold(&client, status, &mut stop, output).await
    }
}
