//! Threads that read, each on a connection of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use parking_lot::Mutex;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{oneshot, watch};

use super::rows::SqliteRows;
use super::{Panicked, store_error};
use crate::error::StoreError;

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// Some threads and the queue before them, which refuses when it is full.
pub(super) struct Readers {
    queue: Mutex<Option<SyncSender<Job>>>,
    /// Closed when the last of them has ended.
    ended: watch::Receiver<()>,
}

impl Readers {
    pub(super) fn start(name: &str, connections: Vec<Connection>, queue: usize) -> Self {
        let (sender, jobs) = sync_channel::<Job>(queue);
        let jobs = Arc::new(Mutex::new(jobs));
        let (alive, ended) = watch::channel(());
        let alive = Arc::new(alive);
        for connection in connections {
            let (jobs, alive) = (jobs.clone(), alive.clone());
            let run = move || {
                serve(&connection, &jobs);
                drop((connection, alive));
            };
            thread::Builder::new().name(name.to_owned()).spawn(run).expect("the system has room for a thread");
        }
        Self { queue: Mutex::new(Some(sender)), ended }
    }

    /// What `look` finds in one moment of the database.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&SqliteRows<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, found) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let found = catch_unwind(AssertUnwindSafe(|| in_one_moment(connection, look)));
            let found = found.map_or_else(|_| Err(StoreError::failed(Panicked)), |found| found.map_err(store_error));
            // whoever asked may have gone
            let _ = answer.send(found);
        });
        self.queue.lock().as_ref().ok_or(StoreError::Closed)?.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => StoreError::Closed,
        })?;
        found.await.unwrap_or_else(|_| Err(StoreError::failed(Panicked)))
    }

    /// Does what is queued, and ends.
    pub(super) async fn close(&self) {
        self.queue.lock().take();
        let mut ended = self.ended.clone();
        while ended.changed().await.is_ok() {}
    }
}

/// One thread waits for the next job, the others for their turn to wait.
fn serve(connection: &Connection, jobs: &Mutex<Receiver<Job>>) {
    loop {
        let next = jobs.lock().recv();
        let Ok(job) = next else { return };
        job(connection);
    }
}

fn in_one_moment<T>(connection: &Connection, look: impl FnOnce(&SqliteRows<'_>) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    let moment = Transaction::new_unchecked(connection, TransactionBehavior::Deferred)?;
    let found = look(&SqliteRows(connection))?;
    moment.commit()?;
    Ok(found)
}
