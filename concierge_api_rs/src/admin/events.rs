//! What happens in a hub.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::ids::{ClientId, ClientName, ServiceName};

/// Things that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminEvents"))]
pub struct Events {
    /// In their order.
    pub events: Vec<Event>,
    /// How many before these the hub had forgotten already.
    pub lost: u64,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminEvent"))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminNamed"))]
pub struct Named {
    /// Name.
    pub name: ClientName,
    /// Public id.
    pub uuid: ClientId,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminHappening"))]
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
        /// Which: `services`, `subscriptions`.
        limit: String,
        /// From where.
        address: IpAddr,
        /// Whose, when it has joined.
        client: Option<ClientId>,
        /// How often since this was told last.
        #[serde(default = "once")]
        times: u64,
    },
    /// A client sends more than it may, and is not read for a while.
    Throttled {
        /// Which limit: `messages`, `bytes`, `address_messages`, `address_bytes`, `endings`.
        limit: String,
        /// From where.
        address: IpAddr,
        /// Whose.
        client: ClientId,
        /// How often since this was told last.
        #[serde(default = "once")]
        times: u64,
    },
    /// A connection or an HTTP request was refused.
    Refused {
        /// Why.
        reason: String,
        /// The HTTP status, or, from 1000 on, the close code.
        code: u16,
        /// From where.
        address: IpAddr,
        /// How often since this was told last.
        #[serde(default = "once")]
        times: u64,
    },
    /// What this hub tells and this program does not know.
    #[serde(other)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Unknown,
}

const fn once() -> u64 {
    1
}
