//! The words of the admin service (PROTOCOL.md, "The admin service"): what administrators ask of a hub, what it answers, and
//! what it tells those who watch.

mod changes;
mod clients;
mod events;
mod history;
mod routing;
#[cfg(feature = "schema")]
mod schema;
mod seen;
mod stats;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::close::CloseCode;
use crate::coordinator::PromiseId;
use crate::ids::{ClientId, ServiceName};
use crate::limits;

pub use changes::{FileChange, FileEvent, Files, Promises, Tasks};
pub use clients::{ClientRecord, Clients, Page};
pub use events::{Event, Events, Happening, Named};
pub use history::{History, Moment, Step};
pub use routing::{Account, CategoryRecord, FaultRecord, NatsRecord, RouteRecord, RouterTotals, Routing, WorkerRecord};
#[cfg(feature = "schema")]
pub(crate) use schema::definitions;
pub use seen::{Direction, Frames, Messages, Opcode, Overheard, SeenFrame};
pub use stats::{CoordinatorStats, Stats, Usage};

/// The service.
pub const SERVICE: &str = "concierge.admin";
/// The client that owns it.
pub const CLIENT: &str = "concierge_admin";

/// A request: the data of a MESSAGE to the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminRequest"))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminOp"))]
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
    /// Every frame that comes from a client and goes to it.
    #[serde(rename = "frames.watch")]
    FramesWatch {
        /// Whose.
        uuid: ClientId,
    },
    /// No more of them.
    #[serde(rename = "frames.unwatch")]
    FramesUnwatch {
        /// Whose.
        uuid: ClientId,
    },
    /// Promises that change.
    #[serde(rename = "promises.watch")]
    PromisesWatch,
    /// No more of them.
    #[serde(rename = "promises.unwatch")]
    PromisesUnwatch,
    /// Tasks that change.
    #[serde(rename = "tasks.watch")]
    TasksWatch,
    /// No more of them.
    #[serde(rename = "tasks.unwatch")]
    TasksUnwatch,
    /// Files that change.
    #[serde(rename = "files.watch")]
    FilesWatch,
    /// No more of them.
    #[serde(rename = "files.unwatch")]
    FilesUnwatch,
    /// How the router stands.
    #[serde(rename = "router.look")]
    RouterLook,
    /// The same from now on.
    #[serde(rename = "router.watch")]
    RouterWatch {
        /// How often.
        #[serde(default = "every_ms")]
        every_ms: u64,
    },
    /// No more of it.
    #[serde(rename = "router.unwatch")]
    RouterUnwatch,
    /// What happened to a task, or to all that came of a root.
    #[serde(rename = "task.history")]
    TaskHistory {
        /// The task.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        task: Option<PromiseId>,
        /// Or the promise that its tree began with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        root: Option<PromiseId>,
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminSaid"))]
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
    /// To those who watch the router.
    Router {
        /// How it stands.
        router: Box<Routing>,
    },
    /// To those who watch the clients.
    Clients(Clients),
    /// To those who watch what happens.
    Events(Events),
    /// To those who watch a service.
    Messages(Messages),
    /// To those who watch a client's frames.
    Frames(Frames),
    /// To those who watch promises.
    Promises(Promises),
    /// To those who watch tasks.
    Tasks(Tasks),
    /// To those who watch files.
    Files(Files),
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
            router: Option<&'a RawValue>,
            #[serde(borrow, default)]
            clients: Option<&'a RawValue>,
            #[serde(borrow, default)]
            events: Option<&'a RawValue>,
            #[serde(borrow, default)]
            messages: Option<&'a RawValue>,
            #[serde(borrow, default)]
            frames: Option<&'a RawValue>,
            #[serde(borrow, default)]
            promises: Option<&'a RawValue>,
            #[serde(borrow, default)]
            tasks: Option<&'a RawValue>,
            #[serde(borrow, default)]
            files: Option<&'a RawValue>,
        }
        let kind: Kind<'_> = serde_json::from_str(text)?;
        let id = kind.id;
        Ok(Some(match kind {
            Kind { ok: Some(ok), .. } => Self::Done { id, ok },
            Kind { error: Some(error), .. } => Self::Refused { id, error },
            Kind { stats: Some(stats), .. } => Self::Stats { stats: serde_json::from_str(stats.get())? },
            Kind { router: Some(router), .. } => Self::Router { router: serde_json::from_str(router.get())? },
            Kind { clients: Some(_), .. } => Self::Clients(serde_json::from_str(text)?),
            Kind { events: Some(_), .. } => Self::Events(serde_json::from_str(text)?),
            Kind { messages: Some(_), .. } => Self::Messages(serde_json::from_str(text)?),
            Kind { frames: Some(_), .. } => Self::Frames(serde_json::from_str(text)?),
            Kind { promises: Some(_), .. } => Self::Promises(serde_json::from_str(text)?),
            Kind { tasks: Some(_), .. } => Self::Tasks(serde_json::from_str(text)?),
            Kind { files: Some(_), .. } => Self::Files(serde_json::from_str(text)?),
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminRefusal"))]
pub struct Refusal {
    /// For programs.
    pub code: RefusalCode,
    /// For people.
    pub message: String,
}

/// The kinds of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminRefusalCode"))]
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
    #[cfg_attr(feature = "schema", schemars(skip))]
    Unknown,
}

impl Refusal {
    /// A refusal.
    #[must_use]
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}
