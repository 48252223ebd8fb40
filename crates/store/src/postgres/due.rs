//! When something is due next, as far as this hub knows. Several read it from the database at overlapping moments, and each may
//! miss what another has just written; so a reading may make it later only when nothing else became known since it began.

use concierge_api_rs::coordinator::Millis;
use parking_lot::Mutex;
use tokio::sync::watch;

/// The next due instant.
pub(super) struct NextDue {
    known: watch::Sender<Option<Millis>>,
    /// How often something became known.
    count: Mutex<u64>,
}

/// The moment a reading began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun(u64);

impl NextDue {
    pub(super) fn new(first: Option<Millis>) -> Self {
        Self { known: watch::Sender::new(first), count: Mutex::new(0) }
    }

    pub(super) fn watch(&self) -> watch::Receiver<Option<Millis>> {
        self.known.subscribe()
    }

    /// Somebody is about to read.
    pub(super) fn begin(&self) -> Begun {
        Begun(*self.count.lock())
    }

    /// What was read.
    pub(super) fn read(&self, Begun(begun): Begun, due: Option<Millis>) {
        let mut count = self.count.lock();
        let alone = *count == begun;
        *count += 1;
        self.set(|known| if alone { due } else { earlier(known, due) });
    }

    /// There is something to do at this instant.
    pub(super) fn wake(&self, at: Millis) {
        let mut count = self.count.lock();
        *count += 1;
        self.set(|known| earlier(known, Some(at)));
    }

    fn set(&self, next: impl FnOnce(Option<Millis>) -> Option<Millis>) {
        self.known.send_if_modified(|known| {
            let next = next(*known);
            std::mem::replace(known, next) != next
        });
    }
}

/// The earlier of two, where none is never.
fn earlier(one: Option<Millis>, other: Option<Millis>) -> Option<Millis> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
#[path = "due/tests.rs"]
mod tests;
