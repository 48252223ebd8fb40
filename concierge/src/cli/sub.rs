//! `concierge sub`: prints what the owners of services say.

use std::time::Duration;

use clap::Args;
use concierge_api_rs::MessageOut;
use concierge_client::{Client, Delivery, Intent, Message, ServiceName, Subscription};
use futures::StreamExt;
use futures::stream::{self, BoxStream};

use super::client_args::ClientArgs;
use super::connected::{self, Stop};
use super::data;
use super::exit::{Exit, Failure};
use super::output::Output;

/// Subscribe to services and print what their owners say, a line for each message
///
/// A line is the sender's name and the data: `ada: {"n":1}`; with several services, the service stands before it. With
/// --json it is the whole MESSAGE. A service that is not there yet, or goes, is waited for.
#[derive(Debug, Args)]
#[command(after_help = "Example: concierge sub weather news --count 10 --json")]
pub(crate) struct Sub {
    #[command(flatten)]
    client: ClientArgs,

    /// The services
    #[arg(required = true, value_name = "SERVICE")]
    services: Vec<ServiceName>,

    /// End after that many messages
    #[arg(short, long, value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// Print the data alone
    #[arg(long, conflicts_with = "json")]
    raw: bool,

    /// Fail when a service is not there, instead of waiting for it
    #[arg(long)]
    no_wait: bool,

    /// Fail when the messages have not come in that time
    #[arg(long, value_name = "MILLISECONDS", requires = "count")]
    within_ms: Option<u64>,
}

type Deliveries = stream::SelectAll<BoxStream<'static, (ServiceName, Delivery)>>;

impl Sub {
    /// # Errors
    /// No such service (`--no-wait`), stopped before `--count` messages, or the connection ended for good.
    pub(crate) async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let stop = Stop::listen()?;
        let client = connected::lasting(&self.client, [Intent::Messages, Intent::Services]).await?;
        let deliveries = self.subscribe(&client, output).await?;
        let printing = self.print(&client, deliveries, stop, output);
        let outcome = match self.within_ms {
            Some(within_ms) => tokio::time::timeout(Duration::from_millis(within_ms), printing)
                .await
                .unwrap_or_else(|_| Err(Failure::new(Exit::TimedOut, format!("not enough messages within {within_ms} ms")))),
            None => printing.await,
        };
        client.close().await;
        outcome
    }

    async fn subscribe(&self, client: &Client, output: &mut Output) -> Result<Deliveries, Failure> {
        let mut deliveries = Deliveries::new();
        for service in &self.services {
            let subscription = self.subscription(client, service).await?;
            if subscription.is_on() {
                output.note(&format!("subscribed to {service}"));
            } else {
                output.note(&format!("there is no service {service} yet; waiting for it"));
            }
            let service = service.clone();
            deliveries.push(subscription.map(move |delivery| (service.clone(), delivery)).boxed());
        }
        Ok(deliveries)
    }

    async fn subscription(&self, client: &Client, service: &ServiceName) -> Result<Subscription, Failure> {
        if !self.no_wait {
            return Ok(client.follow(service).await?);
        }
        client.subscribe(service).await.map_err(|error| {
            Failure::from(error)
                .try_next(format!("Create it with `concierge pub {service}`, or wait for it: leave --no-wait out."))
        })
    }

    async fn print(
        &self,
        client: &Client,
        mut deliveries: Deliveries,
        mut stop: Stop,
        output: &mut Output,
    ) -> Result<(), Failure> {
        let mut status = client.status_changes();
        status.next().await; // it is connected
        let mut left = self.count;
        while left != Some(0) {
            tokio::select! {
                biased; // to stop comes first; messages before the connection's end, which they precede
                () = stop.asked() => return if left.is_some() { Err(Stop::failure()) } else { Ok(()) },
                Some((service, delivery)) = deliveries.next() => {
                    if self.show(&service, delivery, output)? {
                        left = left.map(|left| left - 1);
                    }
                }
                now = status.next() => connected::tell(now, output)?,
            }
        }
        Ok(())
    }

    /// True for a message.
    fn show(&self, service: &ServiceName, delivery: Delivery, output: &mut Output) -> Result<bool, Failure> {
        match delivery {
            Delivery::Message(message) => {
                self.line(service, *message, output)?;
                return Ok(true);
            }
            Delivery::Lagged(messages) => {
                output.note(&format!("{messages} messages of {service} were lost: they came faster than they are printed"));
            }
            Delivery::Paused => output.note(&format!("{service} is gone; waiting for it")),
            Delivery::Resumed => output.note(&format!("subscribed to {service}")),
        }
        Ok(false)
    }

    fn line(&self, service: &ServiceName, message: Message, output: &mut Output) -> Result<(), Failure> {
        if output.is_json() {
            let Message { origin, target, data } = message;
            let line = serde_json::to_string(&MessageOut { origin, target, data }).map_err(|e| Failure::of(Exit::Failed, &e))?;
            return output.bytes(format!("{}\n", line.replace(['\n', '\r'], " ")).as_bytes());
        }
        let data = data::one_line(&message.data);
        if self.raw {
            return output.line(&data);
        }
        let name = &message.origin.name;
        if self.services.len() > 1 {
            output.line(&format!("{service} {name}: {data}"))
        } else {
            output.line(&format!("{name}: {data}"))
        }
    }
}
