//! One history, written by many clients.

use std::sync::Mutex;
use std::time::Instant;

use concierge_test_histories::{Event, History, Nanos, Offer, Owed};
use tokio::sync::watch;

/// Where all clients of a history write what they saw.
pub(crate) struct Recorder {
    begin: Instant,
    history: Mutex<History>,
    events: watch::Sender<usize>,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        Self { begin: Instant::now(), history: Mutex::default(), events: watch::Sender::default() }
    }

    pub(crate) fn now(&self) -> Nanos {
        u64::try_from(self.begin.elapsed().as_nanos()).expect("less than 500 years")
    }

    pub(crate) fn event(&self, event: Event) {
        self.history.lock().unwrap().events.push(event);
        self.events.send_modify(|events| *events += 1);
    }

    pub(crate) fn offer(&self, id: &str, version: u64) {
        let offer = Offer { id: id.to_owned(), version, at: self.now() };
        self.history.lock().unwrap().offers.push(offer);
    }

    pub(crate) fn owed(&self, id: &str) {
        let owed = Owed { id: id.to_owned(), since: self.now() };
        self.history.lock().unwrap().owed.push(owed);
    }

    /// Whether a holder has come to its end.
    pub(crate) fn saw_a_task_fulfilled(&self) -> bool {
        self.history.lock().unwrap().events.iter().any(Event::is_fulfilment)
    }

    /// How many events there are, as it grows.
    pub(crate) fn events(&self) -> watch::Receiver<usize> {
        self.events.subscribe()
    }

    /// So far.
    pub(crate) fn history(&self) -> History {
        self.history.lock().unwrap().clone()
    }
}
