//! Rows in a SQLite database: one thread writes, many requests to one commit, and a few threads read beside it.
//!
//! Write-ahead log, `synchronous=FULL`: what is committed survives the machine. Grouping is what makes that cheap: while one
//! commit waits for the disk, the next group gathers.

mod open;
mod read;
mod readers;
mod rows;
mod schema;
mod search;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use concierge_api_rs::coordinator::Millis;
use concierge_coordinator::Rules;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::error::{OpenError, StoreError};
use crate::follow::{Counts, Observer};
use crate::store::Tally;
use crate::work::{Done, Work};

use self::open::Ours;
use self::readers::Readers;
use self::rows::SqliteRows;
use self::writer::Writer;

/// What waits for the writer at most; the next one is refused as busy.
const WRITER_QUEUE: usize = 8_192;
/// What waits for the readers at most, each kind; the next one is refused as busy.
const READER_QUEUE: usize = 2_048;

/// A database that is open.
pub(crate) struct Sqlite {
    path: PathBuf,
    writer: Writer,
    /// Look-ups by key: short.
    quick: Readers,
    /// Searches, which may take a while, and must not keep the others waiting.
    searches: Readers,
}

/// How long a look takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    Quick,
    Search,
}

impl Sqlite {
    /// Opens the database at `path`, makes it or brings it up to date.
    pub(crate) fn open(path: &Path, rules: Rules, clock: Clock, observer: Option<Arc<dyn Observer>>) -> Result<Self, OpenError> {
        let ours = Ours::open(path)?;
        let quick = Readers::start("store-read", [ours.reader()?, ours.reader()?].into(), READER_QUEUE);
        let searches = Readers::start("store-search", [ours.reader()?, ours.reader()?].into(), READER_QUEUE);
        let path = ours.path.clone();
        Ok(Self { path, writer: Writer::start(ours, rules, (clock, observer), WRITER_QUEUE)?, quick, searches })
    }

    /// Everything by its state, as it is between two commits. It is counted on a connection and a thread of its own.
    pub(crate) async fn count(&self) -> Result<Counts, StoreError> {
        let path = self.path.clone();
        let blocking = |error: tokio::task::JoinError| StoreError::failed(error);
        let connection =
            tokio::task::spawn_blocking(move || open::reader(&path)).await.map_err(blocking)?.map_err(store_error)?;
        let connection = self.writer.begin_between_commits(connection).await?;
        let count = move || SqliteRows(&connection).count_all().map_err(store_error);
        tokio::task::spawn_blocking(count).await.map_err(blocking)?
    }

    pub(crate) async fn work(&self, work: Work) -> Result<Done, StoreError> {
        self.writer.work(work).await
    }

    /// What `look` finds in what is committed now.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        kind: Look,
        look: impl FnOnce(&SqliteRows<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        match kind {
            Look::Quick => self.quick.read(look).await,
            Look::Search => self.searches.read(look).await,
        }
    }

    pub(crate) fn due(&self) -> watch::Receiver<Option<Millis>> {
        self.writer.due()
    }

    pub(crate) fn commit_time(&self) -> Duration {
        self.writer.commit_time()
    }

    pub(crate) fn tally(&self) -> Tally {
        self.writer.tally()
    }

    /// The writer goes last, and folds the log into the database.
    pub(crate) async fn close(&self) {
        self.quick.close().await;
        self.searches.close().await;
        self.writer.close().await;
    }
}

/// A defect, but of one request: the thread goes on.
#[derive(Debug, thiserror::Error)]
#[error("the store panicked on this request")]
struct Panicked;

/// What an error means for whoever asked.
fn store_error(error: rusqlite::Error) -> StoreError {
    match code(&error) {
        Some((rusqlite::ErrorCode::DiskFull, _) | (_, rusqlite::ffi::SQLITE_IOERR_SHMSIZE)) => StoreError::Full(Arc::new(error)),
        Some((rusqlite::ErrorCode::DatabaseBusy, _)) => StoreError::Busy,
        _ => StoreError::failed(error),
    }
}

fn code(error: &rusqlite::Error) -> Option<(rusqlite::ErrorCode, i32)> {
    let code = error.sqlite_error()?;
    Some((code.code, code.extended_code))
}

#[cfg(test)]
#[path = "sqlite/tests.rs"]
mod tests;
