//! `concierge send`: one message.

use std::str::FromStr;

use clap::Args;
use concierge_client::{Client, ClientId, ClientName, NameError, RequestError, ServiceName, Target};
use serde_json::json;

use super::client_args::ClientArgs;
use super::connected::{self, NOTHING};
use super::data::{self, As};
use super::exit::{Exit, Failure};
use super::output::Output;

/// Send one message
///
/// The exit code says whether the hub has it for somebody: 5 when nobody is there. To a service, the message goes to its
/// owner: this command subscribes for the moment, for only subscribers may speak to an owner.
#[derive(Debug, Args)]
#[command(after_help = "Example: concierge send service:weather 'how warm is it?'")]
pub(crate) struct Send {
    #[command(flatten)]
    client: ClientArgs,

    /// A client's NAME or uuid, `service:NAME` (its owner), `all`; `name:all` is a client called all
    target: Address,

    /// JSON, or text that is sent as a JSON string; `-` is all of stdin
    #[arg(allow_negative_numbers = true)]
    data: String,

    /// How the data is understood
    #[arg(long = "as", value_enum, default_value_t, value_name = "KIND")]
    how: As,
}

/// A target as it is written on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Address(Target);

/// Why an address was refused.
#[derive(Debug, thiserror::Error)]
enum AddressError {
    #[error("{0}; write a client's name or uuid, service:NAME, service:NAME/UUID, or all")]
    Name(#[from] NameError),
    #[error("after the / stands a client's uuid: {0}")]
    Uuid(String),
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(service) = text.strip_prefix("service:") {
            return Ok(Self(match service.split_once('/') {
                Some((service, uuid)) => Target::ServiceClientUuid {
                    service: ServiceName::parse(service)?,
                    uuid: uuid.parse().map_err(|error| AddressError::Uuid(format!("{error}")))?,
                },
                None => Target::Service { service: ServiceName::parse(service)? },
            }));
        }
        if text == "all" {
            return Ok(Self(Target::All));
        }
        // a name has no hyphen, so a uuid written with its hyphens is none
        match text.parse::<ClientId>() {
            Ok(uuid) if text.contains('-') => Ok(Self(Target::Uuid { uuid })),
            _ => Ok(Self(Target::Name { name: ClientName::parse(text.strip_prefix("name:").unwrap_or(text))? })),
        }
    }
}

impl Send {
    /// # Errors
    /// Nobody is there, or this client may not speak to it.
    pub(crate) async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let text = if self.data == "-" { data::whole(tokio::io::stdin()).await? } else { self.data };
        let data = self.how.data(&text)?;
        let target = self.target.0;
        let client = connected::once(&self.client, NOTHING).await?;
        let sent = deliver(&client, target.clone(), &data).await;
        client.close().await;
        sent?;
        if output.is_json() {
            output.json(&json!({ "sent": target }))?;
        }
        Ok(())
    }
}

async fn deliver(client: &Client, target: Target, data: &serde_json::value::RawValue) -> Result<(), Failure> {
    let _subscribed = match &target {
        Target::Service { service } => Some(client.subscribe(service).await?),
        _ => None,
    };
    let whisper = matches!(target, Target::ServiceClientUuid { .. });
    client.send(target, data).await.map_err(|error| match error {
        RequestError::Bad if whisper => Failure::of(Exit::Refused, &error)
            .try_next("Only a service's owner speaks to one of its clients; send to the client itself: concierge send UUID DATA"),
        error => error.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_can_be_written() {
        const UUID: &str = "00000000-0000-0000-0000-000000000001";
        for (text, expected) in [
            ("ada", json!({ "type": "NAME", "name": "ada" })),
            ("name:all", json!({ "type": "NAME", "name": "all" })),
            ("00000000000000000000000000000001", json!({ "type": "NAME", "name": "00000000000000000000000000000001" })),
            (UUID, json!({ "type": "UUID", "uuid": UUID })),
            ("service:a.b:c-d", json!({ "type": "SERVICE", "service": "a.b:c-d" })),
            (&format!("service:news/{UUID}"), json!({ "type": "SERVICE_CLIENT_UUID", "service": "news", "uuid": UUID })),
            ("all", json!({ "type": "ALL" })),
        ] {
            let target = text.parse::<Address>().unwrap().0;
            assert_eq!(serde_json::to_value(target).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_target_is_told_with_what_is() {
        for text in ["", "a b", "service:", "service:a/b", "00000000-0000"] {
            assert!(text.parse::<Address>().unwrap_err().to_string().contains("uuid"), "{text}");
        }
    }
}
