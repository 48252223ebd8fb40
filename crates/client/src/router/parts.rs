//! What a request gets: one answer, or its parts.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::Stream;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::time::{Instant, Sleep, sleep_until};

use super::Router;
use super::calls::{Call, Said};
use super::error::RouterError;

/// What a worker answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The worker's bytes: whitespace, key order and long numbers are as they were written.
    pub data: Box<RawValue>,
    /// It is a part, and another one comes.
    pub more: bool,
}

impl Answer {
    /// The data as a `T`.
    ///
    /// # Errors
    /// When it is not one.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.data.get())
    }
}

/// An answer that comes in parts: each part, and the final response as the last one. An error ends it, whatever came before.
///
/// Dropping it before its end cancels the request. Bounded: when 1,024 parts wait, the next one ends it with
/// [`RouterError::Overrun`], behind those.
#[derive(Debug)]
pub struct Parts {
    /// Until its end.
    call: Option<Call>,
    /// It is read as long as this exists.
    _router: Router,
    within: Duration,
    patience: Pin<Box<Sleep>>,
}

impl Parts {
    pub(super) fn new(router: Router, call: Call, within: Duration, until: Instant) -> Self {
        Self { call: Some(call), _router: router, within, patience: Box::pin(sleep_until(until)) }
    }
}

impl Stream for Parts {
    type Item = Result<Answer, RouterError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(call) = &mut self.call else { return Poll::Ready(None) };
        if let Poll::Ready(said) = call.poll_next(cx) {
            let answer = said.answer();
            if !answer.as_ref().is_ok_and(|answer| answer.more) {
                self.call = None;
            }
            return Poll::Ready(Some(answer));
        }
        ready!(self.patience.as_mut().poll(cx));
        self.call = None; // cancels it
        Poll::Ready(Some(Err(RouterError::TimedOut(self.within))))
    }
}

impl Said {
    pub(super) fn answer(self) -> Result<Answer, RouterError> {
        match self {
            Self::Part(data) => Ok(Answer { data, more: true }),
            Self::Ok(data) => Ok(Answer { data, more: false }),
            Self::Err(fault) => Err(RouterError::Fault(fault)),
            Self::Disconnected => Err(RouterError::Disconnected),
            Self::Overrun => Err(RouterError::Overrun),
            Self::Closed => Err(RouterError::Closed),
        }
    }
}
