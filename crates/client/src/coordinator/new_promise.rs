//! A promise to be.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use concierge_api_rs::coordinator::{Address, Millis, PromiseCreate, PromiseId, TAG_TARGET, TAG_TIMER, Tags, Value};
use serde::Serialize;

use super::json;

/// A promise to be. When its id is known already, nothing else of it counts.
#[derive(Debug, Clone)]
pub struct NewPromise(PromiseCreate);

impl NewPromise {
    /// A promise with a deadline, by the clock of this machine.
    #[must_use]
    pub fn within(id: PromiseId, time: Duration) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at = now.saturating_add(time).as_millis();
        Self::until(id, Millis(i64::try_from(at).unwrap_or(i64::MAX)))
    }

    /// A promise with that deadline.
    #[must_use]
    pub fn until(id: PromiseId, timeout_at: Millis) -> Self {
        Self(PromiseCreate { id, param: Value::default(), tags: Tags::new(), timeout_at })
    }

    /// What its worker gets, as released workers read it.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn json<T: Serialize + ?Sized>(self, param: &T) -> Result<Self, serde_json::Error> {
        Ok(self.param(json::to_value(param)?))
    }

    /// What its worker gets, as it stands.
    #[must_use]
    pub fn param(mut self, param: Value) -> Self {
        self.0.param = param;
        self
    }

    /// One more tag, or another value of one.
    #[must_use]
    pub fn tag(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.tags.insert(name.into(), value.into());
        self
    }

    /// Where its task is offered; without a target it has no task.
    #[must_use]
    pub fn target(self, address: &Address) -> Self {
        self.tag(TAG_TARGET, address.as_str())
    }

    /// It resolves at its deadline.
    #[must_use]
    pub fn timer(self) -> Self {
        self.tag(TAG_TIMER, "true")
    }
}

impl From<NewPromise> for PromiseCreate {
    fn from(promise: NewPromise) -> Self {
        promise.0
    }
}
