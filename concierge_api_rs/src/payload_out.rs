//! Payloads from the hub to a client, and the envelope that carries `seq`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::decode::{self, DecodeError};
use crate::ids::{ClientId, ClientName, FileKey, Seq, ServiceName};
use crate::info::{ClientInfo, Origin, ServiceInfo};
#[cfg(feature = "schema")]
use crate::limits;
use crate::payload_in::simple_payloads;
use crate::target::Target;

simple_payloads! {
    /// OK: done.
    Okay = "OK" {}
    /// BAD: not allowed to this client.
    Bad = "BAD" {}
    /// HELLO: the client is in. The first payload that it gets.
    Hello = "HELLO" {
        /// The client's public id; also a key to the file server where the hub says so.
        uuid: ClientId,
        /// The hub's protocol version.
        version: String,
        /// The client's private key to the file server. Hubs of the original protocol do not send it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fs_key: Option<FileKey>
    }
    /// SELF_SUBSCRIBE_RESULT.
    SelfSubscribeResult = "SELF_SUBSCRIBE_RESULT" {
        /// False when the client was subscribed already.
        successful: bool,
        /// The service, after the change.
        service: ServiceInfo
    }
    /// SELF_UNSUBSCRIBE_RESULT.
    SelfUnsubscribeResult = "SELF_UNSUBSCRIBE_RESULT" {
        /// False when the client was not subscribed.
        successful: bool,
        /// The service, after the change.
        service: ServiceInfo
    }
    /// SELF_FETCH_RESULT.
    SelfFetchResult = "SELF_FETCH_RESULT" {
        /// The client itself.
        client: ClientInfo,
        /// The services it is subscribed to, in the order it subscribed.
        subscriptions: Vec<ServiceInfo>
    }
    /// SERVICE_CREATE_RESULT: the answer to the creator, and without `seq` the news to everybody.
    ServiceCreateResult = "SERVICE_CREATE_RESULT" {
        /// False when a service of that name exists.
        successful: bool,
        /// The service; the existing one when not successful.
        service: ServiceInfo
    }
    /// SERVICE_DELETE_RESULT: the answer to the owner, and without `seq` the news to everybody.
    ServiceDeleteResult = "SERVICE_DELETE_RESULT" {
        /// The service as it was.
        service: ServiceInfo
    }
    /// SERVICE_FETCH_RESULT.
    ServiceFetchResult = "SERVICE_FETCH_RESULT" {
        /// The service with all of its subscribers.
        service: ServiceInfo
    }
    /// SERVICE_FETCH_ALL_RESULT.
    ServiceFetchAllResult = "SERVICE_FETCH_ALL_RESULT" {
        /// All services, in the order of their creation.
        services: Vec<ServiceInfo>
    }
    /// CLIENT_FETCH_RESULT.
    ClientFetchResult = "CLIENT_FETCH_RESULT" {
        /// The client.
        client: ClientInfo,
        /// The services it is subscribed to, in the order it subscribed.
        subscriptions: Vec<ServiceInfo>
    }
    /// CLIENT_FETCH_ALL_RESULT.
    ClientFetchAllResult = "CLIENT_FETCH_ALL_RESULT" {
        /// All clients, in the order they joined.
        clients: Vec<ClientInfo>
    }
    /// CLIENT_JOINED: news to every other client.
    ClientJoined = "CLIENT_JOINED" {
        /// The newcomer.
        client: ClientInfo
    }
    /// CLIENT_LEFT: news to every client that stays.
    ClientLeft = "CLIENT_LEFT" {
        /// The leaver.
        client: ClientInfo
    }
    /// SERVICE_CLIENT_SUBSCRIBED: news to the subscribers of the service, the new one too.
    ServiceClientSubscribed = "SERVICE_CLIENT_SUBSCRIBED" {
        /// The new subscriber.
        client: ClientInfo,
        /// The service, with it.
        service: ServiceInfo
    }
    /// SERVICE_CLIENT_UNSUBSCRIBED: news to the subscribers that stay.
    ServiceClientUnsubscribed = "SERVICE_CLIENT_UNSUBSCRIBED" {
        /// The former subscriber.
        client: ClientInfo,
        /// The service, without it.
        service: ServiceInfo
    }
    /// ERROR_INTERNAL: the hub failed; nothing was changed.
    ErrorInternal = "ERROR_INTERNAL" {
        /// A sentence.
        desc: String
    }
    /// ERROR_UNSUPPORTED: the `type` is not accepted here.
    ErrorUnsupported = "ERROR_UNSUPPORTED" {}
    /// ERROR_PROTOCOL: the payload was malformed or over a limit; nothing was changed.
    ErrorProtocol = "ERROR_PROTOCOL" {
        /// A sentence that names the field; at most 128 characters.
        #[cfg_attr(feature = "schema", schemars(length(max = limits::ECHO_CHARS)))]
        desc: String
    }
    /// INVALID_NAME: no client of that name.
    InvalidName = "INVALID_NAME" {
        /// The name.
        name: ClientName
    }
    /// INVALID_UUID: no client of that id.
    InvalidUuid = "INVALID_UUID" {
        /// The id.
        uuid: ClientId
    }
    /// INVALID_SERVICE: no service of that name.
    InvalidService = "INVALID_SERVICE" {
        /// The name.
        service: ServiceName
    }
}

/// MESSAGE as it is delivered.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "MESSAGE_OUT"))]
#[serde(tag = "type", rename = "MESSAGE")]
pub struct MessageOut {
    /// Who sent it.
    pub origin: Origin,
    /// Where it was sent.
    pub target: Target,
    /// The sender's bytes.
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Value"))]
    pub data: Box<RawValue>,
}

macro_rules! payload_out {
    ($($variant:ident($type:ident) = $tag:literal),* $(,)?) => {
        /// A payload from the hub. `seq` is not part of it: see [`Incoming`] and [`PayloadOut::encode`].
        #[derive(Debug, Clone, Serialize)]
        #[serde(untagged)]
        #[expect(missing_docs, reason = "each variant is documented at its struct")]
        pub enum PayloadOut { $($variant($type)),* }

        impl PayloadOut {
            /// The `type` of every payload that the hub sends.
            pub const TYPES: &'static [&'static str] = &[$($tag),*];

            /// The `type` on the wire.
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $tag),* }
            }

            /// A reference to the schema of each payload.
            #[cfg(feature = "schema")]
            pub(crate) fn schemas(generator: &mut schemars::SchemaGenerator) -> Vec<schemars::Schema> {
                vec![$(crate::schema::payload::<$type>(generator)),*]
            }

            fn decode(kind: &str, text: &str) -> Result<Self, DecodeError> {
                Ok(match kind {
                    $($tag => Self::$variant(decode::object("", text)?),)*
                    _ => return Err(DecodeError::Unsupported),
                })
            }
        }

        $(impl From<$type> for PayloadOut {
            fn from(payload: $type) -> Self { Self::$variant(payload) }
        })*
    };
}

payload_out! {
    Ok(Okay) = "OK",
    Bad(Bad) = "BAD",
    Hello(Hello) = "HELLO",
    SelfSubscribeResult(SelfSubscribeResult) = "SELF_SUBSCRIBE_RESULT",
    SelfUnsubscribeResult(SelfUnsubscribeResult) = "SELF_UNSUBSCRIBE_RESULT",
    SelfFetchResult(SelfFetchResult) = "SELF_FETCH_RESULT",
    ServiceCreateResult(ServiceCreateResult) = "SERVICE_CREATE_RESULT",
    ServiceDeleteResult(ServiceDeleteResult) = "SERVICE_DELETE_RESULT",
    ServiceFetchResult(ServiceFetchResult) = "SERVICE_FETCH_RESULT",
    ServiceFetchAllResult(ServiceFetchAllResult) = "SERVICE_FETCH_ALL_RESULT",
    ClientFetchResult(ClientFetchResult) = "CLIENT_FETCH_RESULT",
    ClientFetchAllResult(ClientFetchAllResult) = "CLIENT_FETCH_ALL_RESULT",
    Message(MessageOut) = "MESSAGE",
    ClientJoined(ClientJoined) = "CLIENT_JOINED",
    ClientLeft(ClientLeft) = "CLIENT_LEFT",
    ServiceClientSubscribed(ServiceClientSubscribed) = "SERVICE_CLIENT_SUBSCRIBED",
    ServiceClientUnsubscribed(ServiceClientUnsubscribed) = "SERVICE_CLIENT_UNSUBSCRIBED",
    ErrorInternal(ErrorInternal) = "ERROR_INTERNAL",
    ErrorUnsupported(ErrorUnsupported) = "ERROR_UNSUPPORTED",
    ErrorProtocol(ErrorProtocol) = "ERROR_PROTOCOL",
    InvalidName(InvalidName) = "INVALID_NAME",
    InvalidUuid(InvalidUuid) = "INVALID_UUID",
    InvalidService(InvalidService) = "INVALID_SERVICE",
}

/// A payload from the hub as a client receives it.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// Which of the client's messages it answers; `None` when it answers none.
    pub seq: Option<Seq>,
    /// What it says.
    pub payload: PayloadOut,
}

impl Incoming {
    /// One text message from the hub.
    ///
    /// # Errors
    /// [`DecodeError::Unsupported`] for a type of a later version: ignore it. [`DecodeError::Malformed`] otherwise.
    pub fn decode(text: &str) -> Result<Self, DecodeError> {
        let head: decode::HeadOut<'_> = decode::object("", text)?;
        Ok(Self { seq: head.seq, payload: PayloadOut::decode(&head.kind.0, text)? })
    }
}

impl PayloadOut {
    /// The text on the wire: `{"type":…,"seq":…,…}`, without `seq` when the payload answers nothing.
    ///
    /// # Panics
    /// Never: these types always serialize.
    #[must_use]
    pub fn encode(&self, seq: Option<Seq>) -> String {
        let mut text = serde_json::to_string(self).expect("payloads hold only strings, numbers and lists");
        if let Some(seq) = seq {
            // every payload begins with its tag, so `seq` goes right behind it
            let at = r#"{"type":"""#.len() + self.kind().len();
            text.insert_str(at, &format!(r#","seq":{seq}"#));
        }
        text
    }
}
