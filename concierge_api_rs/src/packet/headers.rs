//! What a hub says of who asks, beside a packet. Clients never say it of themselves.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::coordinator::PromiseId;
use crate::{ClientId, ClientName};

/// The header of NATS messages in which those outside a hub name their key.
pub const API_KEY: &str = "Cg-Api-Key";
/// The header of NATS messages that says for how many milliseconds an answer is waited for.
pub const DEADLINE: &str = "Cg-Deadline-Ms";
/// The header of NATS messages that names the error of a response (ADR-32).
pub const ERROR: &str = "Nats-Service-Error";
/// The header of NATS messages that numbers it.
pub const ERROR_CODE: &str = "Nats-Service-Error-Code";

/// What a worker is told beside a request or a push: the field `headers` of a packet, or headers of a NATS message. Everything may be
/// missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Headers {
    /// Who asks, if it is a client of the hub.
    #[serde(rename = "Cg-Client", skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
    /// Its name.
    #[serde(rename = "Cg-Name", skip_serializing_if = "Option::is_none")]
    pub name: Option<ClientName>,
    /// Its tags.
    #[serde(rename = "Cg-Tags", skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The hub that passes it on.
    #[serde(rename = "Cg-Node", skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Milliseconds for which an answer is waited for.
    #[serde(rename = "Cg-Deadline-Ms", skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// Of somebody outside: the level that its key has for the category.
    #[serde(rename = "Cg-Level", skip_serializing_if = "Option::is_none")]
    pub level: Option<u32>,
    /// The promise that its answer settles, if it is durable.
    #[serde(rename = "Cg-Promise", skip_serializing_if = "Option::is_none")]
    pub promise: Option<PromiseId>,
}

impl Headers {
    /// Those of a packet, as it is written. What can't be read is not there.
    #[must_use]
    pub fn read(packet: &str) -> Self {
        #[derive(Deserialize)]
        struct Wire<'a> {
            #[serde(borrow)]
            headers: Option<&'a RawValue>,
        }
        let wire = serde_json::from_str::<Wire<'_>>(packet).ok();
        wire.and_then(|wire| serde_json::from_str(wire.headers?.get()).ok()).unwrap_or_default()
    }

    /// As headers of a NATS message, which are lines of ASCII: tags are a JSON list.
    pub fn lines(&self) -> impl Iterator<Item = (&'static str, String)> {
        let tags = (!self.tags.is_empty()).then(|| ascii(&serde_json::to_string(&self.tags).expect("it is text")));
        let lines = [
            ("Cg-Client", self.client.map(|id| id.to_string())),
            ("Cg-Name", self.name.as_ref().map(ToString::to_string)),
            ("Cg-Tags", tags),
            ("Cg-Node", self.node.as_deref().map(ascii)),
            ("Cg-Deadline-Ms", self.deadline_ms.map(|ms| ms.to_string())),
            ("Cg-Level", self.level.map(|level| level.to_string())),
            ("Cg-Promise", self.promise.as_ref().map(|id| ascii(id.as_str()))),
        ];
        lines.into_iter().filter_map(|(name, line)| Some((name, line?)))
    }
}

/// The same JSON or text with escapes where it is not printable ASCII, as JSON has them.
fn ascii(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, ' '..='~') {
            line.push(c);
        } else {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| line += &format!("\\u{unit:04x}"));
        }
    }
    line
}
