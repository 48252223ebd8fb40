//! A MESSAGE as it was delivered.

use concierge_api_rs::{MessageOut, Origin, ServiceInfo, Target};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// A MESSAGE as it was delivered.
#[derive(Debug, Clone)]
pub struct Message {
    /// Who sent it, and through which service.
    pub origin: Origin,
    /// Where it was sent.
    pub target: Target,
    /// The sender's bytes: whitespace, key order and long numbers are as they were written.
    pub data: Box<RawValue>,
}

impl Message {
    /// The data as a `T`.
    ///
    /// # Errors
    /// When it is not one.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.data.get())
    }

    /// The service that it came through.
    #[must_use]
    pub fn service(&self) -> Option<&ServiceInfo> {
        self.origin.service.as_ref()
    }
}

impl From<MessageOut> for Message {
    fn from(MessageOut { origin, target, data }: MessageOut) -> Self {
        Self { origin, target, data }
    }
}
