//! What a turn of the registry brings about.

use concierge_api_rs::{Intent, PayloadOut};

use crate::registry::ServiceNumber;

/// The outcome of one turn: an answer to the client whose turn it was, then news, in this order.
///
/// News is applied before the next turn begins, so an audience means the members *after* this turn.
#[derive(Debug, Default)]
pub struct Turn {
    /// To the client whose turn it was, with its sequence number.
    pub reply: Option<PayloadOut>,
    /// To others, without a sequence number.
    pub news: Vec<News>,
}

/// One payload for many.
#[derive(Debug)]
pub struct News {
    /// Who is told.
    pub to: Audience,
    /// What.
    pub payload: PayloadOut,
}

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Every client that wants such payloads.
    Everyone(Intent),
    /// The same but the one whose turn it was.
    Others(Intent),
    /// The subscribers of a service that want news of its members, its owner only when subscribed.
    Subscribers(ServiceNumber),
}

impl Turn {
    pub(crate) fn reply(payload: impl Into<PayloadOut>) -> Self {
        Self { reply: Some(payload.into()), news: Vec::new() }
    }

    pub(crate) fn tell(mut self, to: Audience, payload: impl Into<PayloadOut>) -> Self {
        self.news.push(News { to, payload: payload.into() });
        self
    }
}
