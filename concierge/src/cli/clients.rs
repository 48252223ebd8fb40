//! `concierge clients`: who is connected.

use clap::{Args, Subcommand};
use concierge_client::admin::Admin;
use concierge_client::{Client, ClientDetails, ClientId, ClientInfo, CloseCode, RequestError};

use super::admin_args::{AdminArgs, failed};
use super::client_args::ClientArgs;
use super::connected::{self, NOTHING};
use super::exit::Failure;
use super::frames::FramesArgs;
use super::output::Output;

#[derive(Debug, Args)]
pub(crate) struct Clients {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the connected clients, in the order they joined, without this command's own
    #[command(after_help = "Example: concierge clients ls --json")]
    Ls(ClientArgs),
    /// Show a client and what it is subscribed to
    #[command(after_help = "Example: concierge clients get ada")]
    Get(Get),
    /// End a client's connection, as an administrator
    ///
    /// A hub obeys whoever has the admin secret, or, of a hub without one, programs on its machine.
    #[command(after_help = "Example: concierge clients kick ada --reason 'you are too loud'")]
    Kick(Kick),
    /// Print what comes from a client and goes to it, a line for each frame, until Ctrl-C or its end, as an administrator
    ///
    /// What is said to the admin service is left out. A hub obeys whoever has the admin secret, or, of a hub without one, programs
    /// on its machine.
    #[command(after_help = "Example: concierge clients frames ada")]
    Frames(FramesArgs),
}

#[derive(Debug, Args)]
struct Kick {
    #[command(flatten)]
    admin: AdminArgs,

    /// The client's name or uuid
    #[arg(value_name = "NAME|UUID")]
    who: String,

    /// The code of the close frame: 4013, or one from 4000 to 4999 that means nothing else
    #[arg(long, default_value_t = CloseCode::Kicked.code())]
    code: u16,

    /// What the client is told, at most 123 bytes
    #[arg(long, default_value = "")]
    reason: String,
}

#[derive(Debug, Args)]
struct Get {
    #[command(flatten)]
    client: ClientArgs,

    /// The client's name or uuid
    #[arg(value_name = "NAME|UUID")]
    who: String,
}

impl Clients {
    /// # Errors
    /// No such client, or no answer.
    pub(crate) async fn run(self, output: &mut Output) -> Result<(), Failure> {
        match self.command {
            Command::Ls(args) => list(&args, output).await,
            Command::Get(get) => get.run(output).await,
            Command::Kick(kick) => kick.run(output).await,
            Command::Frames(frames) => frames.run(output).await,
        }
    }
}

async fn list(args: &ClientArgs, output: &mut Output) -> Result<(), Failure> {
    let client = connected::once(args, NOTHING).await?;
    let own = client.uuid();
    let clients = client.clients().await;
    client.close().await;
    let clients: Vec<ClientInfo> = clients?.into_iter().filter(|other| other.uuid != own).collect();
    if output.is_json() {
        return output.json(&clients);
    }
    let rows: Vec<Vec<String>> = clients.iter().map(row).collect();
    output.table(&["NAME", "UUID", "NICKNAME", "TAGS"], &rows)
}

fn row(client: &ClientInfo) -> Vec<String> {
    vec![client.name.to_string(), client.uuid.to_string(), client.nickname.clone().unwrap_or_default(), client.tags.join(", ")]
}

impl Get {
    async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let client = connected::once(&self.client, NOTHING).await?;
        let details = find(&client, &self.who).await;
        client.close().await;
        output.result(&details?, described)
    }
}

impl Kick {
    async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let (client, mut admin) = self.admin.once().await?;
        let outcome = self.kick(&client, &mut admin).await;
        client.close().await;
        output.result(&outcome?, |kicked| format!("{} ({}) is gone", kicked.name, kicked.uuid))
    }

    async fn kick(&self, client: &Client, admin: &mut Admin) -> Result<ClientInfo, Failure> {
        let who = find(client, &self.who).await?.client;
        admin.kick(who.uuid, self.code, &self.reason).await.map_err(failed)?;
        Ok(who)
    }
}

pub(super) async fn find(client: &Client, who: &str) -> Result<ClientDetails, Failure> {
    // a name may look like a uuid without hyphens, so names come first
    let named = client.clients().await?.into_iter().find(|other| other.name.as_str() == who);
    let uuid = match named {
        Some(named) => named.uuid,
        None => who.parse::<ClientId>().map_err(|_| RequestError::InvalidName(who.to_owned()))?,
    };
    Ok(client.client(uuid).await?)
}

fn described(details: &ClientDetails) -> String {
    let client = &details.client;
    let or_none = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    let services = details.subscriptions.iter().map(|service| service.name.to_string()).collect::<Vec<_>>();
    format!(
        "name           {}\nuuid           {}\nnickname       {}\ntags           {}\nsubscriptions  {}",
        client.name,
        client.uuid,
        or_none(client.nickname.clone().unwrap_or_default()),
        or_none(client.tags.join(", ")),
        or_none(services.join(", ")),
    )
}
