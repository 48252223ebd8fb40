//! How the connection is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use concierge_api_rs::{CloseCode, Hello};

use crate::error::{ConnectError, describe_close};
use crate::policy::{Loss, Verdict, loss, verdict};

/// How the connection is.
#[derive(Debug, Clone)]
pub enum Status {
    /// An attempt to connect begins.
    Connecting {
        /// Attempts in a row that failed before this one.
        failed: u32,
    },
    /// HELLO came; services are being created and subscriptions renewed.
    Connected(Arc<Hello>),
    /// The connection, or the attempt, ended; another attempt follows.
    Disconnected {
        /// Why it ended.
        why: Ending,
        /// When the next attempt begins.
        again_in: Duration,
    },
    /// The last state: no attempt follows.
    Closed(Ending),
}

/// Why a connection, or an attempt to make one, ended.
#[derive(Debug, Clone)]
pub enum Ending {
    /// [`Client::close`](crate::Client::close) was called, or the last [`Client`](crate::Client) was dropped.
    Asked,
    /// The hub closed it.
    ByHub {
        /// The close code (1005: a close frame without one; 1006: no close frame).
        code: u16,
        /// The hub's reason, may be empty.
        reason: String,
    },
    /// Nothing came from the hub for that long.
    Silent(Duration),
    /// The hub sent text that is no JSON object: what it answers cannot be known, so the client closed the connection with
    /// 1002. The parser's sentence.
    Nonsense(String),
    /// The socket failed.
    Lost(Arc<dyn std::error::Error + Send + Sync>),
    /// The attempt to connect failed.
    Refused(Arc<ConnectError>),
}

impl Ending {
    /// The hub's close code, when it is a known one.
    #[must_use]
    pub fn close_code(&self) -> Option<CloseCode> {
        match self {
            Self::ByHub { code, .. } => CloseCode::from_code(*code),
            Self::Refused(error) => error.close_code(),
            _ => None,
        }
    }

    /// Whether another attempt makes sense.
    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            Self::Asked => Verdict::Stop,
            Self::ByHub { code, .. } => verdict(*code, true),
            Self::Silent(_) | Self::Nonsense(_) | Self::Lost(_) => Verdict::Again,
            Self::Refused(error) => error.verdict(true),
        }
    }

    /// What it says of the hub.
    pub(crate) fn loss(&self) -> Loss {
        match self {
            Self::Asked | Self::Nonsense(_) => Loss::Nothing,
            Self::ByHub { code, .. } => loss(*code),
            Self::Silent(_) | Self::Lost(_) => Loss::Connection,
            Self::Refused(error) => error.loss(),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("this client closed the connection"),
            Self::ByHub { code, reason } => write!(f, "the connection was closed: {}", describe_close(*code, reason)),
            Self::Silent(time) => write!(f, "nothing came from the hub for {time:?}"),
            Self::Nonsense(why) => write!(f, "the hub sent something that is no payload: {why}"),
            Self::Lost(error) => write!(f, "the connection failed: {error}"),
            Self::Refused(error) => error.fmt(f),
        }
    }
}
