//! Payloads from a client to the hub.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::decode::{self, DecodeError};
use crate::ids::{ClientId, ClientName, Seq, ServiceName};
#[cfg(feature = "schema")]
use crate::intents::Intent;
use crate::intents::Intents;
use crate::limits;
use crate::target::{Target, TargetRef};

/// IDENTIFY: the first payload of every client, within 5 s. Answered HELLO, or a close code.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename = "IDENTIFY")]
pub struct Identify {
    /// Unique among the connected clients, else 4005.
    pub name: ClientName,
    /// At most 128 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = limits::NICKNAME_CHARS)))]
    pub nickname: Option<String>,
    /// The protocol version that the client speaks; must match `^0.2.0`, else 4007.
    pub version: String,
    /// The hub's secret, when it has one, else 4006.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// At most 32 of at most 64 characters.
    #[serde(default, deserialize_with = "null_is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<String>>", length(max = limits::TAGS), inner(length(max = limits::TAG_CHARS))))]
    pub tags: Vec<String>,
    /// What of others it wants to hear of; absent is everything. A word that is none of these is 4002.
    #[serde(default, deserialize_with = "Intents::null_is_all", skip_serializing_if = "Intents::are_all")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<Intent>>"))]
    pub intents: Intents,
}

fn null_is_empty<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// Without the secret: what is logged must not hold it.
impl fmt::Debug for Identify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, nickname, version, secret, tags, intents } = self;
        let secret = secret.as_ref().map(|_| "…");
        f.debug_struct("Identify")
            .field("name", name)
            .field("nickname", nickname)
            .field("version", version)
            .field("secret", &secret)
            .field("tags", tags)
            .field("intents", intents)
            .finish()
    }
}

impl Identify {
    fn check(self) -> Result<Self, DecodeError> {
        check_nickname(self.nickname.as_deref())?;
        if self.tags.len() > limits::TAGS {
            return Err(DecodeError::malformed(format!("tags: more than {}", limits::TAGS)));
        }
        match self.tags.iter().position(|tag| tag.chars().count() > limits::TAG_CHARS) {
            Some(i) => Err(DecodeError::malformed(format!("tags[{i}]: more than {} characters", limits::TAG_CHARS))),
            None => Ok(self),
        }
    }
}

fn check_nickname(nickname: Option<&str>) -> Result<(), DecodeError> {
    match nickname {
        Some(s) if s.chars().count() > limits::NICKNAME_CHARS => {
            Err(DecodeError::malformed(format!("nickname: more than {} characters", limits::NICKNAME_CHARS)))
        }
        _ => Ok(()),
    }
}

macro_rules! simple_payloads {
    ($($(#[$meta:meta])* $name:ident = $tag:literal { $($(#[$fmeta:meta])* $field:ident: $type:ty),* })*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(tag = "type", rename = $tag)]
        pub struct $name { $($(#[$fmeta])* pub $field: $type),* }
    )*};
}
pub(crate) use simple_payloads;

simple_payloads! {
    /// SELF_SUBSCRIBE: be told what the owner of a service broadcasts. Answered SELF_SUBSCRIBE_RESULT or INVALID_SERVICE.
    SelfSubscribe = "SELF_SUBSCRIBE" {
        /// The service.
        service: ServiceName
    }
    /// SELF_UNSUBSCRIBE: the reverse. Answered SELF_UNSUBSCRIBE_RESULT or INVALID_SERVICE.
    SelfUnsubscribe = "SELF_UNSUBSCRIBE" {
        /// The service.
        service: ServiceName
    }
    /// SELF_FETCH: who am I, what am I subscribed to. Answered SELF_FETCH_RESULT.
    SelfFetch = "SELF_FETCH" {}
    /// SELF_SET_SEQ: number this message `seq` and the next one `seq + 1`. Answered OK.
    SelfSetSeq = "SELF_SET_SEQ" {
        /// The new number.
        seq: Seq
    }
    /// SERVICE_CREATE: own a service. Answered SERVICE_CREATE_RESULT.
    ServiceCreate = "SERVICE_CREATE" {
        /// The service's name.
        service: ServiceName,
        /// At most 128 characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schemars(length(max = limits::NICKNAME_CHARS)))]
        nickname: Option<String>
    }
    /// SERVICE_DELETE: end a service of one's own. Answered SERVICE_DELETE_RESULT, BAD or INVALID_SERVICE.
    ServiceDelete = "SERVICE_DELETE" {
        /// The service.
        service: ServiceName
    }
    /// SERVICE_FETCH: a service with all of its subscribers. Answered SERVICE_FETCH_RESULT or INVALID_SERVICE.
    ServiceFetch = "SERVICE_FETCH" {
        /// The service.
        service: ServiceName
    }
    /// SERVICE_FETCH_ALL: all services, in the order of their creation. Answered SERVICE_FETCH_ALL_RESULT.
    ServiceFetchAll = "SERVICE_FETCH_ALL" {}
    /// CLIENT_FETCH: a client and its subscriptions. Answered CLIENT_FETCH_RESULT or INVALID_UUID.
    ClientFetch = "CLIENT_FETCH" {
        /// The client.
        uuid: ClientId
    }
    /// CLIENT_FETCH_ALL: all clients, oneself too, in the order they joined. Answered CLIENT_FETCH_ALL_RESULT.
    ClientFetchAll = "CLIENT_FETCH_ALL" {}
}

/// MESSAGE as a client writes it. Answered OK, BAD, INVALID_NAME, INVALID_UUID or INVALID_SERVICE.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "MESSAGE_IN"))]
#[serde(tag = "type", rename = "MESSAGE")]
pub struct Message<'a> {
    /// Where it goes.
    pub target: Target,
    /// Any JSON; relayed byte for byte.
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Value"))]
    pub data: &'a RawValue,
}

/// MESSAGE as the hub reads it: nothing is copied.
#[derive(Debug, Clone)]
pub struct MessageIn<'a> {
    /// Where it goes.
    pub target: TargetRef<'a>,
    /// The target as it was written.
    pub target_json: &'a RawValue,
    /// The data as it was written.
    pub data: &'a RawValue,
}

/// A payload to the hub, after IDENTIFY.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each variant is documented at its struct")]
pub enum PayloadIn<'a> {
    SelfSubscribe(SelfSubscribe),
    SelfUnsubscribe(SelfUnsubscribe),
    SelfFetch(SelfFetch),
    SelfSetSeq(SelfSetSeq),
    ServiceCreate(ServiceCreate),
    ServiceDelete(ServiceDelete),
    ServiceFetch(ServiceFetch),
    ServiceFetchAll(ServiceFetchAll),
    ClientFetch(ClientFetch),
    ClientFetchAll(ClientFetchAll),
    Message(MessageIn<'a>),
}

impl<'a> PayloadIn<'a> {
    /// One text message as a payload. A second IDENTIFY is [`DecodeError::Unsupported`].
    ///
    /// # Errors
    /// [`DecodeError`]; the hub answers it and changes nothing.
    pub fn decode(text: &'a str) -> Result<Self, DecodeError> {
        let head = decode::head_in(text)?;
        Ok(match &*head.kind.0 {
            "MESSAGE" => Self::Message(MessageIn::from_head(&head)?),
            "SELF_SUBSCRIBE" => Self::SelfSubscribe(decode::object("", text)?),
            "SELF_UNSUBSCRIBE" => Self::SelfUnsubscribe(decode::object("", text)?),
            "SELF_FETCH" => Self::SelfFetch(decode::object("", text)?),
            "SELF_SET_SEQ" => Self::SelfSetSeq(decode::object("", text)?),
            "SERVICE_CREATE" | "CREATE_SERVICE" => {
                let create: ServiceCreate = decode::object("", text)?;
                check_nickname(create.nickname.as_deref())?;
                Self::ServiceCreate(create)
            }
            "SERVICE_DELETE" | "DELETE_SERVICE" => Self::ServiceDelete(decode::object("", text)?),
            "SERVICE_FETCH" => Self::ServiceFetch(decode::object("", text)?),
            "SERVICE_FETCH_ALL" => Self::ServiceFetchAll(decode::object("", text)?),
            "CLIENT_FETCH" => Self::ClientFetch(decode::object("", text)?),
            "CLIENT_FETCH_ALL" => Self::ClientFetchAll(decode::object("", text)?),
            _ => return Err(DecodeError::Unsupported),
        })
    }
}

impl<'a> MessageIn<'a> {
    fn from_head(head: &decode::HeadIn<'a>) -> Result<Self, DecodeError> {
        let missing = |field| DecodeError::malformed(format!("missing field `{field}`"));
        let target_json = head.target.ok_or_else(|| missing("target"))?;
        let data = head.data.ok_or_else(|| missing("data"))?;
        Ok(Self { target: TargetRef::decode("target", target_json.get())?, target_json, data })
    }
}

impl Identify {
    /// The first text message of a connection.
    ///
    /// # Errors
    /// [`DecodeError::Malformed`] is close code 4002 with the sentence as its reason, [`DecodeError::Unsupported`] (a
    /// well-formed payload of another type) is 4003.
    pub fn decode(text: &str) -> Result<Self, DecodeError> {
        match &*decode::head_in(text)?.kind.0 {
            "IDENTIFY" => decode::object::<Self>("", text)?.check(),
            _ => Err(DecodeError::Unsupported),
        }
    }
}
