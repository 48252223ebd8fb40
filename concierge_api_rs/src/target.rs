//! Where a MESSAGE goes.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::ids::{ClientId, ClientName, ServiceName};
use crate::text::Text;

/// Where a MESSAGE goes (PROTOCOL.md, "Message").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Target {
    /// The client of that name, oneself too.
    Name {
        /// Its name.
        name: ClientName,
    },
    /// The client of that id, oneself too.
    Uuid {
        /// Its public id.
        uuid: ClientId,
    },
    /// From the owner: every subscriber but the owner. From a subscriber: the owner.
    Service {
        /// The service's name.
        service: ServiceName,
    },
    /// From the owner only: one client, subscribed or not.
    ServiceClientUuid {
        /// The service's name.
        service: ServiceName,
        /// The client's public id.
        uuid: ClientId,
    },
    /// Every client, the sender too.
    All,
}

/// A [`Target`] as it stands on the wire, borrowed: the message path looks names up without keeping them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetRef<'a> {
    /// See [`Target::Name`].
    Name(Cow<'a, str>),
    /// See [`Target::Uuid`].
    Uuid(ClientId),
    /// See [`Target::Service`].
    Service(Cow<'a, str>),
    /// See [`Target::ServiceClientUuid`].
    ServiceClientUuid(Cow<'a, str>, ClientId),
    /// See [`Target::All`].
    All,
}

impl TargetRef<'_> {
    /// The same target, owned.
    ///
    /// # Panics
    /// Never: decoding checked the names.
    #[must_use]
    pub fn to_owned(&self) -> Target {
        const CHECKED: &str = "decoding checked the name";
        let service = |s: &str| ServiceName::parse(s).expect(CHECKED);
        match self {
            Self::Name(name) => Target::Name { name: ClientName::parse(name).expect(CHECKED) },
            Self::Uuid(uuid) => Target::Uuid { uuid: *uuid },
            Self::Service(name) => Target::Service { service: service(name) },
            Self::ServiceClientUuid(name, uuid) => Target::ServiceClientUuid { service: service(name), uuid: *uuid },
            Self::All => Target::All,
        }
    }
}

/// All fields that any target has. Decoded in one pass; a derived tagged enum would buffer them.
#[derive(Deserialize)]
pub(crate) struct TargetFields<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default)]
    uuid: Option<Text<'a>>,
    #[serde(borrow, default)]
    service: Option<Text<'a>>,
}

impl<'a> TargetFields<'a> {
    /// The target, or a sentence that names the field.
    pub(crate) fn check(self) -> Result<TargetRef<'a>, String> {
        let service = |text: Option<Text<'a>>| {
            let name = text.ok_or("target: missing field `service`")?.0;
            ServiceName::check(&name).map_err(|e| format!("target.service: {e}"))?;
            Ok::<_, String>(name)
        };
        let uuid = |text: Option<Text<'a>>| {
            let text = text.ok_or("target: missing field `uuid`")?.0;
            text.parse::<ClientId>().map_err(|e| format!("target.uuid: {e}"))
        };
        match &*self.kind.0 {
            "NAME" => {
                let name = self.name.ok_or("target: missing field `name`")?.0;
                ClientName::check(&name).map_err(|e| format!("target.name: {e}"))?;
                Ok(TargetRef::Name(name))
            }
            "UUID" => Ok(TargetRef::Uuid(uuid(self.uuid)?)),
            "SERVICE" => Ok(TargetRef::Service(service(self.service)?)),
            "SERVICE_CLIENT_UUID" => Ok(TargetRef::ServiceClientUuid(service(self.service)?, uuid(self.uuid)?)),
            "ALL" => Ok(TargetRef::All),
            other => Err(format!("target.type: `{other}` is none of NAME, UUID, SERVICE, SERVICE_CLIENT_UUID, ALL")),
        }
    }
}
