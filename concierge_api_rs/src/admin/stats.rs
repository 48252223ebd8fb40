//! A snapshot of a hub.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How much is used of what there is; a limit of 0 is unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminUsage"))]
pub struct Usage {
    /// Used.
    pub used: u64,
    /// All of it.
    pub limit: u64,
}

/// What a hub has counted since it began, and how it stands. Rates are differences of two snapshots.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminStats"))]
#[serde(default)]
pub struct Stats {
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// Of the program.
    pub version: String,
    /// How long the hub has been here.
    pub uptime_ms: u64,
    /// Clients that are here.
    pub clients: u64,
    /// Services.
    pub services: u64,
    /// Subscriptions of all clients together.
    pub subscriptions: u64,
    /// Open connections of any kind.
    pub connections: u64,
    /// Payloads of clients.
    pub payloads_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Bytes written to clients.
    pub bytes_out: u64,
    /// Bytes that wait for clients.
    pub queued_bytes: u64,
    /// Messages that were routed.
    pub messages: u64,
    /// Copies of them that were queued.
    pub deliveries: u64,
    /// Messages that nobody got.
    pub messages_refused: u64,
    /// Payloads that could not be read.
    pub malformed: u64,
    /// Clients that were ended because they read too slowly (4011).
    pub slow_consumers: u64,
    /// Connections that were refused, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Connections that ended, by close code, `other` or `peer`.
    pub closed: BTreeMap<String, u64>,
    /// What was refused or put off because of a limit.
    pub limited: BTreeMap<String, u64>,
    /// The coordinator, if there is one.
    pub coordinator: Option<CoordinatorStats>,
    /// File descriptors of the process.
    pub descriptors: Usage,
    /// Its memory, and what the machine or its container has.
    pub memory: Usage,
    /// The disks that the hub keeps something on, by what: `state`, `files`.
    pub disks: BTreeMap<String, Usage>,
}

/// What the coordinator has counted since the hub began, and how it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminCoordinatorStats"))]
#[serde(default)]
pub struct CoordinatorStats {
    /// Requests, by the status of their answer.
    pub requests: BTreeMap<String, u64>,
    /// Messages that a worker's connection took.
    pub offers_taken: u64,
    /// Messages for which nobody was there or had room.
    pub offers_held: u64,
    /// Workers that poll over HTTP.
    pub pollers: u64,
    /// Changes that were made durable.
    pub transactions: u64,
    /// Commits that it took.
    pub commits: u64,
    /// How long these took, all together.
    pub commit_us: u64,
    /// Promises by state; none until they were counted.
    pub promises: BTreeMap<String, u64>,
    /// Tasks by state; none until they were counted.
    pub tasks: BTreeMap<String, u64>,
}
