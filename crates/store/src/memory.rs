//! Rows that go with the process.

use std::convert::Infallible;
use std::sync::Arc;

use concierge_api_rs::coordinator::Millis;
use concierge_coordinator::{MemoryRows, Rules};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::error::StoreError;
use crate::follow::{Counts, Observer};
use crate::store::Tally;
use crate::work::{Done, Work, next_due};

/// Rows in memory, one caller at a time.
pub(crate) struct Memory {
    rules: Rules,
    clock: Clock,
    observer: Option<Arc<dyn Observer>>,
    due: watch::Sender<Option<Millis>>,
    state: Mutex<State>,
}

struct State {
    rows: MemoryRows,
    tally: Tally,
    closed: bool,
}

impl Memory {
    pub(crate) fn new(rules: Rules, clock: Clock, observer: Option<Arc<dyn Observer>>) -> Self {
        let state = State { rows: MemoryRows::new(), tally: Tally::default(), closed: false };
        Self { rules, clock, observer, due: watch::Sender::new(None), state: Mutex::new(state) }
    }

    pub(crate) fn work(&self, work: &Work) -> Result<Done, StoreError> {
        let mut state = self.open()?;
        let Ok((done, changes)) = work.run_followed(&self.rules, &self.clock, &mut state.rows, self.observer.as_deref());
        let Ok(due) = next_due(&self.clock, &state.rows);
        state.tally.transactions += 1;
        state.tally.commits += 1;
        self.due.send_if_modified(|known| std::mem::replace(known, due) != due);
        // nobody else writes meanwhile: changes are told in their order
        if let Some(observer) = self.observer.as_ref().filter(|_| !changes.is_empty()) {
            observer.committed(changes);
        }
        Ok(done)
    }

    pub(crate) fn count(&self) -> Result<Counts, StoreError> {
        let state = self.open()?;
        if let Some(observer) = &self.observer {
            observer.counted_from_here();
        }
        Ok(Counts::of_memory(&state.rows))
    }

    pub(crate) fn read<T>(&self, look: impl FnOnce(&MemoryRows) -> Result<T, Infallible>) -> Result<T, StoreError> {
        let state = self.open()?;
        let Ok(seen) = look(&state.rows);
        Ok(seen)
    }

    pub(crate) fn due(&self) -> watch::Receiver<Option<Millis>> {
        self.due.subscribe()
    }

    pub(crate) fn tally(&self) -> Tally {
        self.state.lock().tally
    }

    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
    }

    fn open(&self) -> Result<parking_lot::MutexGuard<'_, State>, StoreError> {
        let state = self.state.lock();
        if state.closed { Err(StoreError::Closed) } else { Ok(state) }
    }
}
