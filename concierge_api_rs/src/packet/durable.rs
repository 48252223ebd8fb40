//! Requests whose answers outlive connections.

use crate::coordinator::{Millis, PromiseId};

/// How a durable request is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durable {
    /// Its promise: asking again with the same id asks no second time. `None`: the hub makes an id.
    pub promise: Option<PromiseId>,
    /// How long it may wait for its answer; `None` is [`limits::ROUTER_DURABLE_WITHIN_MS`](crate::limits::ROUTER_DURABLE_WITHIN_MS).
    pub within: Option<Millis>,
}
