//! `concierge events`: what happened in a hub.

use clap::Args;
use concierge_client::Client;
use concierge_client::admin::{Admin, Event, Happening, Named, News, Op};
use concierge_client::coordinator::Millis;
use futures::StreamExt as _;

use super::admin_args::{AdminArgs, failed};
use super::connected::{self, Stop};
use super::exit::Failure;
use super::output::Output;
use super::span::{now, shown};

/// Print what happened in a hub lately, a line each: who came and went, services, wrong secrets, who was refused or throttled
///
/// A hub remembers its last 1,000 events, and 250 of those who were refused or throttled. It obeys administrators only: whoever has the admin secret, or, of a hub without one,
/// programs on its machine.
#[derive(Debug, Args)]
#[command(after_help = "Example: concierge events --follow --json")]
pub(crate) struct EventsArgs {
    #[command(flatten)]
    admin: AdminArgs,

    /// Go on until Ctrl-C with what happens from then on
    #[arg(short, long)]
    follow: bool,
}

impl EventsArgs {
    /// # Errors
    /// Not an administrator, or the connection ended for good.
    pub(crate) async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let mut stop = Stop::listen()?;
        let (client, mut admin) = if self.follow { self.admin.lasting().await? } else { self.admin.once().await? };
        let begun = admin.watch(Op::EventsWatch { since: None }).await.map_err(failed)?;
        let last = if self.follow { None } else { begun["last"].as_u64() };
        let outcome = print(&client, &mut admin, last, &mut stop, output).await;
        client.close().await;
        outcome
    }
}

/// Prints events: up to that number, or until it is stopped.
async fn print(
    client: &Client,
    admin: &mut Admin,
    last: Option<u64>,
    stop: &mut Stop,
    output: &mut Output,
) -> Result<(), Failure> {
    let mut status = client.status_changes();
    status.next().await; // it is connected
    loop {
        let news = tokio::select! {
            biased; // to stop comes first; news before the connection's end, which it precedes
            () = stop.asked() => return Ok(()),
            news = admin.next() => news.map_err(failed)?,
            now = status.next() => {
                connected::tell(now, output)?;
                continue;
            }
        };
        let News::Events(events) = news else { continue };
        if events.lost > 0 {
            output.note(&format!("{} earlier events are forgotten", events.lost));
        }
        for event in &events.events {
            output.result(event, line)?;
        }
        if last.is_some_and(|last| events.events.last().is_none_or(|event| event.n >= last)) {
            return Ok(());
        }
    }
}

fn line(event: &Event) -> String {
    let who = |client: &Named| format!("{} ({})", client.name, client.uuid);
    let from = |address: &Option<std::net::IpAddr>| address.map_or_else(|| "itself".to_owned(), |address| address.to_string());
    let what = match &event.what {
        Happening::Started { version } => format!("started: version {version}"),
        Happening::Joined { client, address } => format!("joined: {} from {}", who(client), from(address)),
        Happening::Left { client, code, by_hub } => {
            format!("left: {} {code}{}", who(client), if *by_hub { " by the hub" } else { "" })
        }
        Happening::ServiceCreated { service, owner } => format!("service created: {service} by {owner}"),
        Happening::ServiceDeleted { service, owner } => format!("service deleted: {service} of {owner}"),
        Happening::Subscribed { client, service } => format!("subscribed: {} to {service}", who(client)),
        Happening::Unsubscribed { client, service } => format!("unsubscribed: {} from {service}", who(client)),
        Happening::Kicked { client, code, reason, by } => format!("kicked: {} {code} by {by}: {reason}", who(client)),
        Happening::WrongSecret { address, admin } => {
            format!("wrong {}secret: from {address}", if *admin { "admin " } else { "" })
        }
        Happening::Limited { limit, address, client, times } => match client {
            Some(client) => format!("limited: {limit} of {client} from {address}{}", often(*times)),
            None => format!("limited: {limit} from {address}{}", often(*times)),
        },
        Happening::Throttled { limit, address, client, times } => {
            format!("throttled: {limit} of {client} from {address}{}", often(*times))
        }
        Happening::Refused { reason, code, address, times } => {
            format!("refused: {reason} {code} from {address}{}", often(*times))
        }
        Happening::Unknown => "something that this program does not know".to_owned(),
    };
    let at = Millis(i64::try_from(event.at).unwrap_or(i64::MAX));
    format!("{}  {what}", shown(at, now()))
}

fn often(times: u64) -> String {
    if times == 1 { String::new() } else { format!(", {times} times") }
}
