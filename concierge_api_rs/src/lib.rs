//! The words of the Concierge protocol, shared by hub and clients: one struct per payload, ids that are checked when they
//! are parsed, close codes with cause and remedy, and every limit in one place. PROTOCOL.md is the prose beside it.
//!
//! ```
//! use concierge_api_rs::{PayloadIn, TargetRef};
//!
//! let text = r#"{"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":{"n": 1}}"#;
//! let PayloadIn::Message(message) = PayloadIn::decode(text)? else { unreachable!() };
//! assert_eq!(message.target, TargetRef::Name("ada".into()));
//! assert_eq!(message.data.get(), r#"{"n": 1}"#); // as it was written
//! # Ok::<(), concierge_api_rs::DecodeError>(())
//! ```
#![warn(missing_docs)]

pub mod admin;
mod close;
pub mod coordinator;
mod decode;
mod ids;
mod info;
mod intents;
pub mod limits;
mod memo;
pub mod packet;
mod payload_in;
mod payload_out;
#[cfg(feature = "schema")]
mod schema;
mod target;
mod text;

pub use close::{CloseCode, cut_reason};
pub use decode::DecodeError;
pub use ids::{ClientId, ClientName, FileKey, NameError, Seq, ServiceName};
pub use info::{ClientInfo, Origin, ServiceInfo};
pub use intents::{Intent, Intents};
pub use memo::MessageMemo;
pub use payload_in::{
    ClientFetch, ClientFetchAll, Identify, Message, MessageIn, PayloadIn, SelfFetch, SelfSetSeq, SelfSubscribe, SelfUnsubscribe,
    ServiceCreate, ServiceDelete, ServiceFetch, ServiceFetchAll,
};
pub use payload_out::{
    Bad, ClientFetchAllResult, ClientFetchResult, ClientJoined, ClientLeft, ErrorInternal, ErrorProtocol, ErrorUnsupported,
    Hello, Incoming, InvalidName, InvalidService, InvalidUuid, MessageOut, Okay, PayloadOut, SelfFetchResult,
    SelfSubscribeResult, SelfUnsubscribeResult, ServiceClientSubscribed, ServiceClientUnsubscribed, ServiceCreateResult,
    ServiceDeleteResult, ServiceFetchAllResult, ServiceFetchResult,
};
#[cfg(feature = "schema")]
pub use schema::schema;
pub use target::{Target, TargetRef};
