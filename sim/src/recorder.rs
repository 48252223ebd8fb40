//! Writes down what is seen, in the order in which it is seen.

use std::cell::{Cell, RefCell};

use concierge_test_histories::relay::{Connection, Event, Trace, What};
use concierge_test_histories::{History, Reply};

/// One simulation's. All that is simulated runs on one thread.
#[derive(Default)]
pub(crate) struct Recorder {
    trace: RefCell<Trace>,
    /// What was asked of the coordinator, for each life of the hub: its rows go with it.
    lives: RefCell<Vec<History>>,
    /// What is wrong beyond what the trace shows.
    complaints: RefCell<Vec<String>>,
    connections: Cell<Connection>,
    messages: Cell<u64>,
    instants: Cell<u64>,
}

/// A request to the coordinator that is not answered yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    life: usize,
    event: usize,
}

impl Recorder {
    pub(crate) fn add(&self, who: Option<Connection>, what: What) {
        let at_ms = u64::try_from(now_ms()).unwrap_or(0);
        self.trace.borrow_mut().events.push(Event { at_ms, who, what });
    }

    pub(crate) fn note(&self, text: impl Into<String>) {
        self.add(None, What::Note(text.into()));
    }

    pub(crate) fn complain(&self, text: impl Into<String>) {
        let text = text.into();
        self.note(format!("WRONG: {text}"));
        self.complaints.borrow_mut().push(text);
    }

    pub(crate) fn new_connection(&self) -> Connection {
        self.connections.set(self.connections.get() + 1);
        self.connections.get()
    }

    pub(crate) fn new_message(&self) -> u64 {
        self.messages.set(self.messages.get() + 1);
        self.messages.get()
    }

    /// The hub begins anew.
    pub(crate) fn new_life(&self) {
        self.lives.borrow_mut().push(History::default());
        self.note("the hub is up");
    }

    /// A request to the coordinator is about to be written.
    pub(crate) fn call(&self, client: String, id: String, op: concierge_test_histories::Op) -> Call {
        let called = self.instant();
        let mut lives = self.lives.borrow_mut();
        let life = lives.len() - 1;
        let events = &mut lives[life].events;
        events.push(concierge_test_histories::Event { client, id, op, called, reply: None });
        Call { life, event: events.len() - 1 }
    }

    pub(crate) fn reply(&self, call: Call, answer: concierge_test_histories::Answer) {
        let at = self.instant();
        self.lives.borrow_mut()[call.life].events[call.event].reply = Some(Reply { at, answer });
    }

    /// Everything: the trace, the histories, the complaints.
    pub(crate) fn take(&self) -> (Trace, Vec<History>, Vec<String>) {
        (self.trace.take(), self.lives.take(), self.complaints.take())
    }

    /// A clock that never stands still: what is seen first is earlier.
    fn instant(&self) -> u64 {
        self.instants.set(self.instants.get() + 1);
        self.instants.get()
    }
}

/// Simulated milliseconds since the beginning.
pub(crate) fn now_ms() -> u128 {
    turmoil::sim_elapsed().unwrap_or_default().as_millis()
}
