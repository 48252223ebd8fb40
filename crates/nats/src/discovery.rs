//! Discovery of micro services (ADR-32): who asks `$SRV.PING`, `$SRV.INFO` or `$SRV.STATS`, for all, for a name, or for one hub, is
//! told. The library has this as well, but never forgets an endpoint that is over, and knows no answers of several parts.

use std::sync::Arc;
use std::time::SystemTime;

use async_nats::{Client, Subscriber};
use futures::StreamExt as _;
use futures::stream::select_all;
use serde_json::{Value, json};

use crate::endpoint::{Endpoint, Tallies};
use crate::served::Known;

/// The name of the service that hubs are.
const NAME: &str = "concierge";

/// What is told.
#[derive(Debug)]
pub(crate) struct Discovery {
    /// Of this hub among all of that name.
    pub(crate) id: String,
    pub(crate) node: String,
    pub(crate) version: String,
    pub(crate) queue: String,
    pub(crate) started: SystemTime,
    pub(crate) known: Known,
    pub(crate) tallies: Arc<Tallies>,
}

#[derive(Debug, Clone, Copy)]
enum Verb {
    Ping,
    Info,
    Stats,
}

impl Discovery {
    /// Subscribes; the future answers whoever asks.
    pub(crate) async fn begin(
        self,
        client: Client,
    ) -> Result<impl Future<Output = ()> + Send + 'static, async_nats::SubscribeError> {
        let mut asked = Vec::new();
        for (verb, name) in [(Verb::Ping, "PING"), (Verb::Info, "INFO"), (Verb::Stats, "STATS")] {
            for subject in [format!("$SRV.{name}"), format!("$SRV.{name}.{NAME}"), format!("$SRV.{name}.{NAME}.{}", self.id)] {
                let questions: Subscriber = client.subscribe(subject).await?;
                asked.push(questions.map(move |message| (verb, message)));
            }
        }
        Ok(async move {
            let mut asked = select_all(asked);
            while let Some((verb, message)) = asked.next().await {
                let Some(reply) = message.reply else { continue };
                let answer = self.fitting(verb, client.max_payload());
                if let Err(error) = client.publish(reply, answer.into()).await {
                    tracing::debug!(error = &error as &dyn std::error::Error, "who looks for services is not told");
                }
            }
        })
    }

    /// With as many endpoints as the server takes.
    fn fitting(&self, verb: Verb, most: usize) -> String {
        let mut answer = self.answer(verb);
        loop {
            let text = answer.to_string();
            match answer.get_mut("endpoints").and_then(Value::as_array_mut) {
                Some(endpoints) if text.len() > most => endpoints.truncate(endpoints.len() / 2),
                _ => return text,
            }
        }
    }

    fn answer(&self, verb: Verb) -> Value {
        let kind = match verb {
            Verb::Ping => "ping",
            Verb::Info => "info",
            Verb::Stats => "stats",
        };
        let mut answer = json!({
            "type": format!("io.nats.micro.v1.{kind}_response"),
            "name": NAME,
            "id": self.id,
            "version": self.version,
            "metadata": { "node": self.node },
        });
        match verb {
            Verb::Ping => {}
            Verb::Info => {
                answer["description"] = json!("Clients of a Concierge hub that serve categories of its router");
                answer["endpoints"] = self.endpoints(|endpoint| self.info(endpoint));
            }
            Verb::Stats => {
                answer["started"] = json!(rfc3339(self.started));
                answer["endpoints"] = self.endpoints(|endpoint| self.stats(endpoint));
            }
        }
        answer
    }

    fn endpoints(&self, one: impl Fn(&Endpoint) -> Value) -> Value {
        self.known.all().iter().map(one).collect()
    }

    fn info(&self, endpoint: &Endpoint) -> Value {
        let metadata = json!({ "subject": endpoint.subject, "category": endpoint.category });
        json!({ "name": endpoint.name(), "subject": endpoint.address, "queue_group": self.queue, "metadata": metadata })
    }

    fn stats(&self, endpoint: &Endpoint) -> Value {
        let tally = self.tallies.of(endpoint);
        let nanos = u64::try_from(tally.took.as_nanos()).unwrap_or(u64::MAX);
        json!({
            "name": endpoint.name(),
            "subject": endpoint.address,
            "queue_group": self.queue,
            "num_requests": tally.requests,
            "num_errors": tally.errors,
            "last_error": tally.last_error.map_or(String::new(), |code| format!("{}:{}", code.number(), code.name())),
            "processing_time": nanos,
            "average_processing_time": nanos.checked_div(tally.requests).unwrap_or(0),
        })
    }
}

/// `2026-11-28T12:00:00Z`.
fn rfc3339(time: SystemTime) -> String {
    chrono::DateTime::<chrono::Utc>::from(time).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
