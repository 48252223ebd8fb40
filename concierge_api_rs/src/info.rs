//! What clients learn of each other and of services.

use serde::{Deserialize, Serialize};

use crate::ids::{ClientId, ClientName, ServiceName};
#[cfg(feature = "schema")]
use crate::limits;

/// A client as all others see it. An absent nickname is `null`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClientInfo {
    /// Unique at every moment.
    pub name: ClientName,
    /// For people; need not be unique.
    #[cfg_attr(feature = "schema", schemars(length(max = limits::NICKNAME_CHARS)))]
    pub nickname: Option<String>,
    /// Public id, new with every connection.
    pub uuid: ClientId,
    /// What the client said of itself.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = limits::TAGS), inner(length(max = limits::TAG_CHARS))))]
    pub tags: Vec<String>,
}

/// A service as all clients see it. An absent nickname is `null`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ServiceInfo {
    /// Unique at every moment.
    pub name: ServiceName,
    /// For people.
    #[cfg_attr(feature = "schema", schemars(length(max = limits::NICKNAME_CHARS)))]
    pub nickname: Option<String>,
    /// The client that created it.
    pub owner_uuid: ClientId,
    /// The subscribers in the order they came; at most 256, except in `SERVICE_FETCH_RESULT`.
    pub subscribers: Vec<ClientId>,
    /// How many subscribers there are. Hubs of the original protocol do not send it (then it is 0).
    #[serde(default)]
    pub subscriber_count: u64,
}

/// Who sent a MESSAGE. `service` is set when it was sent to a service; its `subscribers` are `[]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Origin {
    /// Name of the sender.
    pub name: ClientName,
    /// Nickname of the sender.
    #[cfg_attr(feature = "schema", schemars(length(max = limits::NICKNAME_CHARS)))]
    pub nickname: Option<String>,
    /// Public id of the sender.
    pub uuid: ClientId,
    /// Tags of the sender.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = limits::TAGS), inner(length(max = limits::TAG_CHARS))))]
    pub tags: Vec<String>,
    /// The service it was sent to or through.
    pub service: Option<ServiceInfo>,
}
