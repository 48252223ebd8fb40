//! What the generator says to a server: the hub's protocol, or that of NATS in WebSocket frames.

use std::collections::VecDeque;

use concierge_api_rs::{ClientName, Message, ServiceName, Target};
use serde_json::value::RawValue;

use crate::frames::Opcode;
use crate::generator::Client;

/// A protocol that the generator speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// The hub's; the baseline, the floors and the script for Bun speak what the scenarios need of it.
    #[default]
    Concierge,
    /// That of nats-server on its WebSocket port. A service is a subject, and so is a client's name.
    Nats,
}

/// Whom a message is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum To<'a> {
    Service(&'a str),
    Client(&'a str),
}

/// What a client sends to be set up, and what is in the answer that it waits for.
pub(crate) struct Step {
    pub(crate) text: String,
    pub(crate) answer: &'static str,
}

impl Dialect {
    /// Of the frames that clients send.
    pub(crate) fn opcode(self) -> Opcode {
        match self {
            Self::Concierge => Opcode::Text,
            Self::Nats => Opcode::Binary,
        }
    }

    /// Whether the server says of each message that it was taken. That of NATS does when it is asked to, which nobody does who
    /// is in a hurry.
    pub(crate) fn answers(self) -> bool {
        self == Self::Concierge
    }

    /// How a client is set up, from the upgrade on.
    pub(crate) fn steps(self, client: &Client) -> VecDeque<Step> {
        match self {
            Self::Concierge => concierge(client),
            Self::Nats => VecDeque::from([nats(client)]),
        }
    }

    /// A message whose data is this string.
    pub(crate) fn message(self, to: To<'_>, data: &str) -> String {
        match self {
            Self::Concierge => {
                let target = match to {
                    To::Service(name) => Target::Service { service: ServiceName::parse(name).expect(PLAIN) },
                    To::Client(name) => Target::Name { name: ClientName::parse(name).expect(PLAIN) },
                };
                let data = RawValue::from_string(format!("\"{data}\"")).expect(PLAIN);
                serde_json::to_string(&Message { target, data: &data }).expect("a target and a string always serialize")
            }
            Self::Nats => {
                let (To::Service(subject) | To::Client(subject)) = to;
                format!("PUB {subject} {}\r\n{data}\r\n", data.len())
            }
        }
    }
}

const PLAIN: &str = "the scenarios use letters and digits";

fn concierge(client: &Client) -> VecDeque<Step> {
    let name = &client.name;
    let tags = client.tags.iter().map(|tag| format!("\"{tag}\"")).collect::<Vec<_>>().join(",");
    let intents = if client.quiet { r#","intents":["MESSAGES"]"# } else { "" };
    let identify = format!(r#"{{"type":"IDENTIFY","name":"{name}","version":"0.2.0","tags":[{tags}]{intents}}}"#);
    let create = |s: &String| format!(r#"{{"type":"SERVICE_CREATE","service":"{s}"}}"#);
    let subscribe = |s: &String| format!(r#"{{"type":"SELF_SUBSCRIBE","service":"{s}"}}"#);
    std::iter::once(Step { text: identify, answer: "\"HELLO\"" })
        .chain(client.owns.iter().map(|s| Step { text: create(s), answer: "\"SERVICE_CREATE_RESULT\"" }))
        .chain(client.subscribes.iter().map(|s| Step { text: subscribe(s), answer: "\"SELF_SUBSCRIBE_RESULT\"" }))
        .collect()
}

/// All at once, as NATS' own clients do; the PONG says that it was all done.
fn nats(client: &Client) -> Step {
    let mut text = format!(
        "CONNECT {{\"verbose\":false,\"pedantic\":false,\"echo\":false,\"protocol\":1,\"name\":\"{}\"}}\r\n",
        client.name
    );
    for (sid, subject) in std::iter::once(&client.name).chain(&client.subscribes).enumerate() {
        text.push_str(&format!("SUB {subject} {}\r\n", sid + 1));
    }
    text.push_str("PING\r\n");
    Step { text, answer: "PONG" }
}
