//! What is said in a hub, seen by those who watch it.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::ids::{ClientId, ServiceName};
use crate::target::Target;

/// What was said to a service, and through it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminMessages"))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminOverheard"))]
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
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Value"))]
    pub data: Option<Box<RawValue>>,
}

/// What came from a client and went to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminFrames"))]
pub struct Frames {
    /// In their order.
    pub frames: Vec<SeenFrame>,
    /// The client.
    pub uuid: ClientId,
    /// How many more there were, which were not kept.
    pub left_out: u64,
    /// The client is gone, and nobody watches it any more.
    pub gone: bool,
}

/// One frame; of a message that came in several, the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminSeenFrame"))]
pub struct SeenFrame {
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// Where it went.
    pub direction: Direction,
    /// Its kind.
    pub opcode: Opcode,
    /// Bytes of its payload.
    pub bytes: u64,
    /// Its text, or the reason of a close frame; none when it has none, or might show a secret.
    pub text: Option<String>,
    /// The text was longer than `ADMIN_DATA_BYTES`.
    pub cut: bool,
    /// Of a close frame that has one.
    pub code: Option<u16>,
}

/// Where a frame went, as the hub sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminDirection"))]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the client to the hub.
    In,
    /// From the hub to the client. It was queued then.
    Out,
}

/// Kinds of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminOpcode"))]
#[serde(rename_all = "snake_case")]
pub enum Opcode {
    /// A text message.
    Text,
    /// A binary message.
    Binary,
    /// A ping.
    Ping,
    /// A pong.
    Pong,
    /// The last frame.
    Close,
}
