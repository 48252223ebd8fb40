//! What goes wrong.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

/// Why a store can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another store of this one, has the file open.
    #[error("{} is in use by another process: a database belongs to one coordinator at a time", .0.display())]
    InUse(PathBuf),
    /// The file can't be read or made.
    #[error("{} can't be opened", .0.display())]
    Unreadable(PathBuf, #[source] Box<dyn Error + Send + Sync>),
    /// The file is no database, or one of another program.
    #[error("{} is not a coordinator's database; it is left as it is", .0.display())]
    Foreign(PathBuf),
    /// The file was a database once.
    #[error("{} is damaged: restore it from a backup, or move it away to begin with nothing", .0.display())]
    Damaged(PathBuf, #[source] Box<dyn Error + Send + Sync>),
    /// A later version of this program has written it.
    #[error("{} has schema {found} and this program knows {known} at most: use a newer one", .path.display())]
    Newer {
        /// Which file.
        path: PathBuf,
        /// The version of its schema.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// Not a URL of a PostgreSQL database. It is not repeated: it may hold a password.
    #[error(
        "the store's URL is not like postgres://USER:PASSWORD@HOST/DATABASE: \
         what has a meaning in URLs is written as %XX, and of sslmode there are disable, prefer and require"
    )]
    PostgresUrl,
    /// The database can't be reached, or refuses what is needed.
    #[error("{0} can't be used")]
    Unusable(String, #[source] Box<dyn Error + Send + Sync>),
    /// The database can't hold every text.
    #[error("{place} keeps text as {encoding}: make a database with ENCODING 'UTF8'")]
    Encoding {
        /// Which database, without the password.
        place: String,
        /// What it keeps text as.
        encoding: String,
    },
    /// A later version of this program has made the tables.
    #[error("{place} has schema {found} and this program knows {known} at most: use a newer one")]
    NewerSchema {
        /// Which database, without the password.
        place: String,
        /// The version of its schema.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
}

/// Why a request has no answer. A refusal is an answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// More waits than may. Nothing happened; try again later.
    #[error("the store has too much to do")]
    Busy,
    /// There is no room for what would have to be written. Nothing happened; requests that only look are answered still.
    #[error("the store has no room left")]
    Full(#[source] Arc<dyn Error + Send + Sync>),
    /// The database can't be reached. Nothing happened; it is tried again with every request.
    #[error("the store can't be reached")]
    Unreachable(#[source] Arc<dyn Error + Send + Sync>),
    /// It may have happened or not.
    #[error("the store failed")]
    Failed(#[source] Arc<dyn Error + Send + Sync>),
    /// The store was closed before. Nothing happened.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    pub(crate) fn failed(source: impl Error + Send + Sync + 'static) -> Self {
        Self::Failed(Arc::new(source))
    }
}
