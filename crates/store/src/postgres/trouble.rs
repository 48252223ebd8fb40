//! What goes wrong between us and the database, and what it means for whoever asked.

use std::error::Error;
use std::sync::Arc;

use deadpool_postgres::PoolError;
use tokio_postgres::error::{Severity, SqlState};

use crate::error::StoreError;

/// What went wrong.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Trouble {
    /// The database refused, or the connection is gone.
    #[error("the database failed")]
    Postgres(#[source] Arc<tokio_postgres::Error>),
    /// There is no connection to be had.
    #[error("no connection to the database")]
    NoConnection(#[source] Arc<PoolError>),
    /// A row is none of ours.
    #[error("column {column} of a row is none of ours")]
    Row { column: usize, source: Arc<dyn Error + Send + Sync> },
    /// A defect.
    #[error("the rules asked for more than was loaded: {0}")]
    Outside(String),
    /// Another hub was quicker: what we have seen is not what is there.
    #[error("another hub changed the same rows again and again")]
    Overtaken,
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(Arc::new(error))
    }
}

impl From<PoolError> for Trouble {
    fn from(error: PoolError) -> Self {
        Self::NoConnection(Arc::new(error))
    }
}

impl Trouble {
    /// Whether the database itself said that this statement failed: then nothing of its transaction happened.
    pub(super) fn is_said(&self) -> bool {
        match self {
            Self::Postgres(error) => error.as_db_error().is_some_and(|error| error.parsed_severity() == Some(Severity::Error)),
            Self::NoConnection(_) | Self::Row { .. } | Self::Outside(_) | Self::Overtaken => true,
        }
    }

    /// Whether the same transaction may succeed when it is done again, at once.
    pub(super) fn is_passing(&self) -> bool {
        const PASSING: &[SqlState] =
            &[SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::UNIQUE_VIOLATION];
        matches!(self, Self::Overtaken) || self.code().is_some_and(|code| PASSING.contains(code))
    }

    /// It follows from an earlier failure of its transaction.
    pub(super) fn is_consequence(&self) -> bool {
        self.code() == Some(&SqlState::IN_FAILED_SQL_TRANSACTION)
    }

    /// Whether it was the connection.
    pub(super) fn is_lost(&self) -> bool {
        !self.is_said() || matches!(self, Self::NoConnection(_))
    }

    /// Whether we have closed it.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self, Self::NoConnection(error) if matches!(**error, PoolError::Closed))
    }

    /// For whoever asked, when nothing of it happened for sure.
    pub(super) fn nothing_happened(self) -> StoreError {
        if self.is_closed() {
            return StoreError::Closed;
        }
        if self.is_lost() {
            return StoreError::Unreachable(Arc::new(self));
        }
        match self.code() {
            Some(&SqlState::LOCK_NOT_AVAILABLE) => StoreError::Busy,
            Some(code) if code.code().starts_with("53") => StoreError::Full(Arc::new(self)),
            _ if self.is_passing() => StoreError::Busy,
            _ => StoreError::failed(self),
        }
    }

    fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Postgres(error) => error.code(),
            _ => None,
        }
    }
}
