//! Clients as administrators see them.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::ids::{ClientId, ClientName, ServiceName};

/// A client as administrators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminClientRecord"))]
pub struct ClientRecord {
    /// Public id.
    pub uuid: ClientId,
    /// Name.
    pub name: ClientName,
    /// Nickname.
    pub nickname: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Where its connection comes from; none for a client that is built in.
    pub address: Option<IpAddr>,
    /// When it joined, in milliseconds since 1970, to a second.
    pub joined_at: u64,
    /// Bytes that wait for it.
    pub queued_bytes: u64,
    /// Payloads that came from it.
    pub payloads_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Messages that were queued for it.
    pub messages_out: u64,
    /// All bytes that were written to it.
    pub bytes_out: u64,
    /// Services that it owns, at most `ADMIN_SERVICES_SHOWN` of them.
    pub owns: Vec<ServiceName>,
    /// How many these are.
    pub owned: u64,
    /// Services that it is subscribed to, at most as many.
    pub subscriptions: Vec<ServiceName>,
    /// How many these are.
    pub subscribed: u64,
}

/// Clients that came or changed, and that went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminClients"))]
pub struct Clients {
    /// As they are now.
    pub clients: Vec<ClientRecord>,
    /// Who is not here any more.
    pub gone: Vec<ClientId>,
    /// Further changes that follow at once.
    pub more: u64,
    /// The first of them: what was told before counts no more.
    pub begin: bool,
}

/// A page of clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminPage"))]
pub struct Page {
    /// In the order they joined.
    pub clients: Vec<ClientRecord>,
    /// The last of them, when there may be more.
    pub next: Option<ClientId>,
}
