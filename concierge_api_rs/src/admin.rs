//! The words of the admin service (PROTOCOL.md, "The admin service"): what administrators ask of a hub, what it answers, and
//! what it tells those who watch.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::close::CloseCode;
use crate::ids::{ClientId, ClientName, ServiceName};
use crate::limits;
use crate::target::Target;

/// The service.
pub const SERVICE: &str = "concierge.admin";
/// The client that owns it.
pub const CLIENT: &str = "concierge_admin";

/// A request: the data of a MESSAGE to the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// Comes back with the answer.
    #[serde(default)]
    pub id: Value,
    /// What is asked.
    #[serde(flatten)]
    pub op: Op,
}

/// What administrators ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op")]
pub enum Op {
    /// Presents the admin secret.
    #[serde(rename = "auth")]
    Auth {
        /// The secret.
        secret: String,
    },
    /// Snapshots of the hub's totals from now on.
    #[serde(rename = "stats.watch")]
    StatsWatch {
        /// How often.
        #[serde(default = "every_ms")]
        every_ms: u64,
    },
    /// No more of them.
    #[serde(rename = "stats.unwatch")]
    StatsUnwatch,
    /// A page of the clients, in the order they joined.
    #[serde(rename = "clients.list")]
    ClientsList {
        /// Those that joined after this one.
        #[serde(default)]
        after: Option<ClientId>,
        /// How many at most.
        #[serde(default = "page")]
        limit: usize,
    },
    /// All clients, and from then on what changes.
    #[serde(rename = "clients.watch")]
    ClientsWatch {
        /// How often.
        #[serde(default = "every_ms")]
        every_ms: u64,
    },
    /// No more of that.
    #[serde(rename = "clients.unwatch")]
    ClientsUnwatch,
    /// Ends a client's connection.
    #[serde(rename = "clients.kick")]
    ClientsKick {
        /// Whose.
        uuid: ClientId,
        /// The code of the close frame.
        #[serde(default = "kicked")]
        code: u16,
        /// Its reason.
        #[serde(default)]
        reason: String,
    },
    /// What happened, and what happens from now on.
    #[serde(rename = "events.watch")]
    EventsWatch {
        /// After the event of that number; without one, all that the hub remembers.
        #[serde(default)]
        since: Option<u64>,
    },
    /// No more of it.
    #[serde(rename = "events.unwatch")]
    EventsUnwatch,
    /// What clients say to a service, and its owner through it.
    #[serde(rename = "service.watch")]
    ServiceWatch {
        /// Which.
        service: ServiceName,
    },
    /// No more of it.
    #[serde(rename = "service.unwatch")]
    ServiceUnwatch {
        /// Which.
        service: ServiceName,
    },
}

const fn every_ms() -> u64 {
    limits::ADMIN_EVERY_MS
}

const fn page() -> usize {
    limits::ADMIN_PAGE
}

const fn kicked() -> u16 {
    CloseCode::Kicked.code()
}

/// Whether an administrator may end a connection with that code: 4013, and those from 4000 to 4999 that mean nothing else.
#[must_use]
pub const fn may_kick_with(code: u16) -> bool {
    code == kicked() || (code >= 4000 && code <= 4999 && CloseCode::from_code(code).is_none())
}

/// What the service says: the data of a MESSAGE from it.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Said {
    /// What was asked is done.
    Done {
        /// Of the request.
        id: Value,
        /// What it led to.
        ok: Value,
    },
    /// What was asked is refused.
    Refused {
        /// Of the request.
        id: Value,
        /// Why.
        error: Refusal,
    },
    /// To those who watch the totals.
    Stats {
        /// A snapshot.
        stats: Box<Stats>,
    },
    /// To those who watch the clients.
    Clients(Clients),
    /// To those who watch what happens.
    Events(Events),
    /// To those who watch a service.
    Messages(Messages),
}

impl Said {
    /// Reads what the service said. `None`: something that this program does not know.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn decode(text: &str) -> Result<Option<Self>, serde_json::Error> {
        /// Each kind has a field that no other one has.
        #[derive(Deserialize)]
        struct Kind<'a> {
            #[serde(default)]
            id: Value,
            #[serde(default)]
            ok: Option<Value>,
            #[serde(default)]
            error: Option<Refusal>,
            #[serde(borrow, default)]
            stats: Option<&'a RawValue>,
            #[serde(borrow, default)]
            clients: Option<&'a RawValue>,
            #[serde(borrow, default)]
            events: Option<&'a RawValue>,
            #[serde(borrow, default)]
            messages: Option<&'a RawValue>,
        }
        let kind: Kind<'_> = serde_json::from_str(text)?;
        let id = kind.id;
        Ok(Some(match kind {
            Kind { ok: Some(ok), .. } => Self::Done { id, ok },
            Kind { error: Some(error), .. } => Self::Refused { id, error },
            Kind { stats: Some(stats), .. } => Self::Stats { stats: serde_json::from_str(stats.get())? },
            Kind { clients: Some(_), .. } => Self::Clients(serde_json::from_str(text)?),
            Kind { events: Some(_), .. } => Self::Events(serde_json::from_str(text)?),
            Kind { messages: Some(_), .. } => Self::Messages(serde_json::from_str(text)?),
            _ => return Ok(None),
        }))
    }

    /// The text of it.
    #[must_use]
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("these structs are JSON")
    }
}

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// For programs.
    pub code: RefusalCode,
    /// For people.
    pub message: String,
}

/// The kinds of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum RefusalCode {
    /// The request cannot be read, or asks for what does not exist.
    BadRequest,
    /// Who asks is no administrator, or the secret is wrong.
    Forbidden,
    /// There is no such client.
    InvalidUuid,
    /// There is no such service.
    InvalidService,
    /// Over a limit.
    TooMany,
    /// What this hub says and this program does not know.
    #[serde(other)]
    Unknown,
}

impl Refusal {
    /// A refusal.
    #[must_use]
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// How much is used of what there is; a limit of 0 is unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Used.
    pub used: u64,
    /// All of it.
    pub limit: u64,
}

/// What a hub has counted since it began, and how it stands. Rates are differences of two snapshots.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Promises by state: those that are pending, at most `LIVE_COUNTED`; none until they were counted.
    pub promises: BTreeMap<String, u64>,
    /// Tasks by state: those that are not fulfilled, the same.
    pub tasks: BTreeMap<String, u64>,
}

/// A client as administrators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
pub struct Page {
    /// In the order they joined.
    pub clients: Vec<ClientRecord>,
    /// The last of them, when there may be more.
    pub next: Option<ClientId>,
}

/// Things that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Events {
    /// In their order.
    pub events: Vec<Event>,
    /// How many before these the hub had forgotten already.
    pub lost: u64,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its number, from 1 on.
    pub n: u64,
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// What.
    #[serde(flatten)]
    pub what: Happening,
}

/// A client by its name and id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Name.
    pub name: ClientName,
    /// Public id.
    pub uuid: ClientId,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Happening {
    /// The hub began.
    Started {
        /// Of the program.
        version: String,
    },
    /// A client came.
    Joined {
        /// Who.
        client: Named,
        /// From where; none when it is built in.
        address: Option<IpAddr>,
    },
    /// A client went.
    Left {
        /// Who.
        client: Named,
        /// The close code: 1005 is a close frame without one, 1006 none at all.
        code: u16,
        /// Who ended it: the hub, or else the client.
        by_hub: bool,
    },
    /// A service came.
    ServiceCreated {
        /// Which.
        service: ServiceName,
        /// Whose.
        owner: ClientId,
    },
    /// A service went.
    ServiceDeleted {
        /// Which.
        service: ServiceName,
        /// Whose it was.
        owner: ClientId,
    },
    /// A client subscribed.
    Subscribed {
        /// Who.
        client: Named,
        /// To which.
        service: ServiceName,
    },
    /// A client does not subscribe any more.
    Unsubscribed {
        /// Who.
        client: Named,
        /// To which.
        service: ServiceName,
    },
    /// An administrator ended a connection.
    Kicked {
        /// Whose.
        client: Named,
        /// The close code.
        code: u16,
        /// The reason.
        reason: String,
        /// Who did it.
        by: ClientId,
    },
    /// A wrong secret.
    WrongSecret {
        /// From where.
        address: IpAddr,
        /// It was to be the admin secret, not the hub's.
        admin: bool,
    },
    /// A limit was reached.
    Limited {
        /// Which: `services`, `subscriptions`, `wrong_secrets`.
        limit: String,
        /// From where.
        address: IpAddr,
        /// Whose, when it has joined.
        client: Option<ClientId>,
    },
    /// What this hub tells and this program does not know.
    #[serde(other)]
    Unknown,
}

/// What was said to a service, and through it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Messages {
    /// In the order they were noticed.
    pub messages: Vec<Overheard>,
    /// The service.
    pub service: ServiceName,
    /// How many more there were, which were not kept.
    pub left_out: u64,
}

/// One message.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Overheard {
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// Who sent it.
    pub from: ClientId,
    /// To whom.
    pub target: Target,
    /// Bytes of its data.
    pub bytes: u64,
    /// Its data as it stood; none when it is longer than `ADMIN_DATA_BYTES`.
    pub data: Option<Box<RawValue>>,
}
