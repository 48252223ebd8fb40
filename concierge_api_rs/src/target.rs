//! Where a MESSAGE goes.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::decode::{self, DecodeError};
use crate::ids::{ClientId, ClientName, NameError, ServiceName};
use crate::text::Text;

/// Where a MESSAGE goes (PROTOCOL.md, "Message").
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

/// A derived tagged enum would read every field before it knows the tag, and trip over those that are none of its own.
impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(from)?;
        TargetRef::decode("", json.get()).map(|target| target.to_owned()).map_err(serde::de::Error::custom)
    }
}

/// All fields that any target has, those of other targets too: these are ignored, whatever they hold.
#[derive(Deserialize)]
struct TargetFields<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    #[serde(borrow, default, deserialize_with = "decode::present")]
    name: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "decode::present")]
    uuid: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "decode::present")]
    service: Option<&'a RawValue>,
}

impl<'a> TargetRef<'a> {
    /// The target that `json` describes; `at` is where it stands, for the error.
    pub(crate) fn decode(at: &str, json: &'a str) -> Result<Self, DecodeError> {
        let fields: TargetFields<'a> = decode::object(at, json)?;
        let service = || name_at(at, "service", fields.service, ServiceName::check);
        match &*fields.kind.0 {
            "NAME" => Ok(Self::Name(name_at(at, "name", fields.name, ClientName::check)?)),
            "UUID" => Ok(Self::Uuid(uuid_at(at, fields.uuid)?)),
            "SERVICE" => Ok(Self::Service(service()?)),
            "SERVICE_CLIENT_UUID" => Ok(Self::ServiceClientUuid(service()?, uuid_at(at, fields.uuid)?)),
            "ALL" => Ok(Self::All),
            other => {
                let known = "NAME, UUID, SERVICE, SERVICE_CLIENT_UUID, ALL";
                Err(DecodeError::malformed(format!("{}: not one of {known}: {other:?}", join(at, "type"))))
            }
        }
    }
}

fn name_at<'a>(
    at: &str,
    field: &str,
    json: Option<&'a RawValue>,
    check: fn(&str) -> Result<(), NameError>,
) -> Result<Cow<'a, str>, DecodeError> {
    let name = decode::value::<Text<'a>>(|| join(at, field), needed(at, field, json)?)?.0;
    check(&name).map_err(|e| DecodeError::malformed(format!("{}: {e}", join(at, field))))?;
    Ok(name)
}

fn uuid_at(at: &str, json: Option<&RawValue>) -> Result<ClientId, DecodeError> {
    let text = decode::value::<Text<'_>>(|| join(at, "uuid"), needed(at, "uuid", json)?)?.0;
    text.parse().map_err(|e| DecodeError::malformed(format!("{}: {e}", join(at, "uuid"))))
}

fn needed<'a>(at: &str, field: &str, json: Option<&'a RawValue>) -> Result<&'a str, DecodeError> {
    json.map(RawValue::get).ok_or_else(|| DecodeError::malformed(decode::located(at, &format!("missing field `{field}`"))))
}

fn join(at: &str, field: &str) -> String {
    if at.is_empty() { field.to_owned() } else { format!("{at}.{field}") }
}
