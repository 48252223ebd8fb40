//! `concierge pub`: owns a service and broadcasts to its subscribers.

use clap::Args;
use concierge_client::{Client, Event, Events, Intent, RequestError, ServiceInfo, ServiceName, StatusChanges};
use futures::StreamExt;
use serde_json::json;

use super::client_args::ClientArgs;
use super::connected::{self, Stop};
use super::data::{self, As};
use super::exit::{Exit, Failure};
use super::output::Output;

/// Own a service and broadcast to its subscribers
///
/// The service is created, and ends with this command: a service lives as long as its owner is connected. Before the first
/// message the command waits for a subscriber, for what is said to nobody is lost.
#[derive(Debug, Args)]
#[command(after_help = "Example: concierge pub weather '{\"celsius\":19}' --name station --hold")]
pub(crate) struct Pub {
    #[command(flatten)]
    client: ClientArgs,

    /// The service's name: 1 to 64 letters, digits, and the characters _ . : -
    service: ServiceName,

    /// A message each. Without any, or as `-`: a message for each line of stdin, until it ends
    #[arg(allow_negative_numbers = true)]
    data: Vec<String>,

    /// How messages are understood
    #[arg(long = "as", value_enum, default_value_t, value_name = "KIND")]
    how: As,

    /// Wait for that many subscribers before the first message
    #[arg(long, default_value_t = 1, value_name = "COUNT")]
    subscribers: u64,

    /// Keep the service after the last message, until Ctrl-C
    #[arg(long)]
    hold: bool,

    /// The service's name for people
    #[arg(long, value_name = "TEXT")]
    nickname: Option<String>,
}

impl Pub {
    /// # Errors
    /// Another client owns the service, or a message could not be sent.
    pub(crate) async fn run(self, output: &mut Output) -> Result<(), Failure> {
        // Before anything is created: a wrong message must not leave half of them sent.
        let messages = self.data.iter().map(|text| self.how.data(text)).collect::<Result<Vec<_>, _>>()?;
        let stop = Stop::listen()?;
        let client = connected::lasting(&self.client, [Intent::ServiceClients]).await?;
        let mut status = client.status_changes();
        status.next().await; // it is connected
        client.create_service(&self.service, self.nickname.as_deref()).await.map_err(not_created)?;
        let mut publisher = Publisher { client, service: self.service.clone(), status, stop, sent: 0 };
        let outcome = publisher.publish(&self, messages, output).await;
        publisher.client.close().await;
        outcome?;
        if output.is_json() {
            output.json(&json!({ "service": publisher.service, "messages": publisher.sent }))?;
        }
        Ok(())
    }

    fn reads_stdin(&self) -> bool {
        self.data.is_empty() || self.data == ["-"]
    }
}

struct Publisher {
    client: Client,
    service: ServiceName,
    status: StatusChanges,
    stop: Stop,
    sent: u64,
}

impl Publisher {
    async fn publish(
        &mut self,
        args: &Pub,
        messages: Vec<Box<serde_json::value::RawValue>>,
        output: &mut Output,
    ) -> Result<(), Failure> {
        if args.reads_stdin() {
            self.publish_lines(args, output).await?;
        } else {
            self.wait_for_subscribers(args.subscribers, output).await?;
            for message in messages {
                self.say(&message).await?;
            }
        }
        if args.hold {
            output.note(&format!("holding `{}` until Ctrl-C", self.service));
            self.hold(output).await?;
        }
        Ok(())
    }

    async fn say(&mut self, message: &serde_json::value::RawValue) -> Result<(), Failure> {
        self.client.broadcast(&self.service, message).await?;
        self.sent += 1;
        Ok(())
    }

    /// Only subscribers hear of subscribers, so the owner is one for the moment; it does not count.
    async fn wait_for_subscribers(&mut self, wanted: u64, output: &mut Output) -> Result<(), Failure> {
        if wanted == 0 {
            return Ok(());
        }
        let events = self.client.events();
        let _subscribed = self.client.subscribe(&self.service).await?;
        if others(&self.client.service(&self.service).await?) < wanted {
            self.watch_subscribers(wanted, events, output).await?;
        }
        self.client.unsubscribe(&self.service).await?;
        Ok(())
    }

    async fn watch_subscribers(&mut self, wanted: u64, mut events: Events, output: &mut Output) -> Result<(), Failure> {
        output.note(&format!("waiting for {wanted} to subscribe: concierge sub {}", self.service));
        loop {
            tokio::select! {
                biased; // to stop comes first, and how the connection is before what comes over it
                () = self.stop.asked() => return Err(Stop::failure()),
                status = self.status.next() => connected::tell(status, output)?,
                count = next_count(&mut events, &self.service) => {
                    if count.is_none_or(|count| count >= wanted) {
                        return Ok(());
                    }
                }
            }
        }
    }

    async fn publish_lines(&mut self, args: &Pub, output: &mut Output) -> Result<(), Failure> {
        if std::io::IsTerminal::is_terminal(&std::io::stdin()) {
            output.note("a message for each line; Ctrl-D ends");
        }
        let mut lines = data::lines(tokio::io::stdin(), args.how);
        loop {
            let line = tokio::select! {
                biased; // to stop comes first, and how the connection is before what goes over it
                () = self.stop.asked() => return Ok(()),
                status = self.status.next() => {
                    connected::tell(status, output)?;
                    continue;
                }
                line = lines.recv() => line,
            };
            let Some(line) = line else { return Ok(()) };
            let message = args.how.data(&line?)?;
            if self.sent == 0 {
                self.wait_for_subscribers(args.subscribers, output).await?;
            }
            self.say(&message).await?;
        }
    }

    async fn hold(&mut self, output: &mut Output) -> Result<(), Failure> {
        loop {
            tokio::select! {
                biased; // to stop comes first
                () = self.stop.asked() => return Ok(()),
                status = self.status.next() => connected::tell(status, output)?,
            }
        }
    }
}

/// How many others subscribe after the next change; `None` at the end of the connection.
async fn next_count(events: &mut Events, ours: &ServiceName) -> Option<u64> {
    loop {
        match events.next().await? {
            Event::Subscribed { service, .. } | Event::Unsubscribed { service, .. } if service.name == *ours => {
                return Some(others(&service));
            }
            _ => {}
        }
    }
}

/// Subscribers but for ourselves. Hubs of the original protocol send no count, but the whole list.
fn others(service: &ServiceInfo) -> u64 {
    service.subscriber_count.max(service.subscribers.len() as u64).saturating_sub(1)
}

/// A service that could not be created, and how to speak in it all the same.
pub(crate) fn not_created(error: RequestError) -> Failure {
    match &error {
        RequestError::Exists(service) => {
            let next =
                format!("Its owner is {}. To speak to it: concierge send service:{} DATA", service.owner_uuid, service.name);
            Failure::of(Exit::Refused, &error).try_next(next)
        }
        _ => error.into(),
    }
}
