//! Why the coordinator did not do what it was asked.

use std::time::Duration;

use concierge_api_rs::DecodeError;

use crate::error::RequestError;

/// What the coordinator answered instead of doing it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sentence} ({status})")]
pub struct Refused {
    /// 400 malformed, 404 unknown, 409 in another state, 422 what is named beside it is unknown or unfit, 429 a limit,
    /// 500 its fate is unknown, 501 not offered.
    pub status: u16,
    /// For people.
    pub sentence: String,
}

/// Why a request to the coordinator was not answered, or not with success.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The coordinator refused.
    #[error(transparent)]
    Refused(Refused),
    /// The hub has no coordinator.
    #[error("this hub has no coordinator")]
    Absent,
    /// The hub did not take the request.
    #[error(transparent)]
    Hub(RequestError),
    /// The connection was lost, or answers were dropped, before the answer came: it may have happened.
    #[error("the answer of the coordinator was lost")]
    Lost,
    /// No answer in time: it may happen.
    #[error("the coordinator did not answer within {0:?}")]
    NoAnswer(Duration),
    /// An answer of another shape: it happened.
    #[error("the coordinator's answer cannot be read")]
    Unreadable(#[from] DecodeError),
    /// The dialect that is spoken here has no word for the request.
    #[error("there is no word for this request")]
    Unspeakable,
}

impl AskError {
    /// Whether the same request may go better in a moment.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Refused(refused) => matches!(refused.status, 429 | 500),
            Self::Hub(error) => matches!(error, RequestError::Disconnected),
            Self::Lost => true,
            Self::Absent | Self::NoAnswer(_) | Self::Unreadable(_) | Self::Unspeakable => false,
        }
    }

    /// Whether nothing was heard, so that the connection may be the reason.
    pub(crate) fn is_silence(&self) -> bool {
        match self {
            Self::Hub(error) => matches!(error, RequestError::Disconnected | RequestError::TimedOut(_)),
            Self::Lost | Self::NoAnswer(_) => true,
            Self::Refused(_) | Self::Absent | Self::Unreadable(_) | Self::Unspeakable => false,
        }
    }

    /// Whether the same request would never be taken, for what it holds.
    pub(crate) fn is_about_the_value(&self) -> bool {
        match self {
            Self::Refused(refused) => refused.status == 400,
            Self::Hub(error) => matches!(error, RequestError::TooBig { .. } | RequestError::Protocol(_)),
            _ => false,
        }
    }

    /// The status of a refusal.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(refused) => Some(refused.status),
            _ => None,
        }
    }
}

macro_rules! operation {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $status:literal)* }) => {
        $(#[$meta])*
        #[derive(Debug, thiserror::Error)]
        pub enum $name {
            $($(#[$doc])* #[error(transparent)] $variant(Refused),)*
            /// Every other refusal, or no answer.
            #[error(transparent)]
            Ask(AskError),
        }

        impl From<AskError> for $name {
            fn from(error: AskError) -> Self {
                match error {
                    $(AskError::Refused(refused) if refused.status == $status => Self::$variant(refused),)*
                    error => Self::Ask(error),
                }
            }
        }

        impl From<$name> for AskError {
            fn from(error: $name) -> Self {
                match error {
                    $($name::$variant(refused) => Self::Refused(refused),)*
                    $name::Ask(error) => error,
                }
            }
        }

        impl From<DecodeError> for $name {
            fn from(error: DecodeError) -> Self {
                Self::Ask(error.into())
            }
        }
    };
}

operation! {
    /// Why a promise could not be looked at.
    GetError {
        /// There is none of that id.
        Unknown = 404
    }
}

operation! {
    /// Why a promise could not be created. That it was there already is no reason.
    CreateError {
        /// It makes no sense, such as an empty target.
        Invalid = 400
    }
}

operation! {
    /// Why a promise could not be settled. That it was settled already is no reason.
    SettleError {
        /// There is none of that id.
        Unknown = 404
    }
}

operation! {
    /// Why promises could not be searched.
    SearchError {
        /// It makes no sense, such as a cursor that is none.
        Invalid = 400
    }
}

operation! {
    /// Why nothing more can be learned of a promise.
    WaitError {
        /// There is none of that id.
        Unknown = 404
        /// Too many wait for it, all the time that was allowed for repeating.
        TooMany = 429
    }
}

operation! {
    /// Why a schedule could not be created, looked at or removed.
    ScheduleError {
        /// It makes no sense, such as a cron expression that is none.
        Invalid = 400
        /// There is none of that id.
        Unknown = 404
    }
}
