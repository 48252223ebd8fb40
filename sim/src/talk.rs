//! One connection of a client: it reads and writes at once, and writes down what it sees.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use concierge_test_histories::relay::{Answer, Ask, Connection, News, Person, What};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::plan::Times;
use crate::promises::Calls;
use crate::recorder::{Recorder, now_ms};
use crate::stream::Pieces;
use crate::wire;

/// The hub pings twice a second: a connection that is silent for so long is none.
const SILENCE: Duration = Duration::from_millis(1_300);

pub(crate) type Reading = SplitStream<WebSocketStream<Pieces>>;
pub(crate) type Writing = SplitSink<WebSocketStream<Pieces>, Message>;

/// What reading and writing share.
pub(crate) struct Talk {
    pub(crate) who: Connection,
    pub(crate) name: String,
    pub(crate) times: Times,
    pub(crate) recorder: Rc<Recorder>,
    pub(crate) calls: Calls,
    /// Ids that it has heard of.
    pub(crate) people: RefCell<Vec<Person>>,
    /// Services that it subscribes to or owns, for all it knows.
    pub(crate) services: RefCell<BTreeSet<String>>,
    /// Who was in the last list.
    pub(crate) listed: RefCell<Vec<String>>,
    /// It does not read until then.
    pub(crate) stalled_until: Cell<Instant>,
    entered: Cell<bool>,
    seq: Cell<u64>,
}

impl Talk {
    pub(crate) fn new(name: String, times: Times, recorder: Rc<Recorder>) -> Self {
        Self {
            who: recorder.new_connection(),
            name,
            times,
            recorder,
            calls: Calls::default(),
            people: RefCell::default(),
            services: RefCell::default(),
            listed: RefCell::default(),
            stalled_until: Cell::new(Instant::now()),
            entered: Cell::new(false),
            seq: Cell::new(0),
        }
    }

    pub(crate) fn add(&self, what: What) {
        self.recorder.add(Some(self.who), what);
    }

    pub(crate) fn note(&self, text: &str) {
        self.add(What::Note(text.to_owned()));
    }

    /// Says who it is and waits for HELLO. An error says how the connection ended instead.
    pub(crate) async fn enter(&self, reading: &mut Reading, writing: &mut Writing) -> Result<(), String> {
        writing.send(Message::text(wire::identify(&self.name))).await.map_err(|e| e.to_string())?;
        while !self.entered.get() {
            self.read_once(reading).await?;
        }
        Ok(())
    }

    /// Reads to the end, and says how it came.
    pub(crate) async fn read(&self, mut reading: Reading) -> String {
        loop {
            // whatever the network holds meanwhile, it looks away
            sleep_until(self.stalled_until.get()).await;
            if let Err(how) = self.read_once(&mut reading).await {
                return how;
            }
        }
    }

    /// Writes one payload.
    pub(crate) async fn ask(&self, writing: &mut Writing, ask: Ask, data: &Value) -> Result<(), Error> {
        let seq = self.seq.replace(self.seq.get() + 1);
        let payload = wire::payload(&ask, data);
        self.add(What::Asked { seq, ask });
        writing.send(Message::text(payload)).await
    }

    async fn read_once(&self, reading: &mut Reading) -> Result<(), String> {
        match timeout(SILENCE, reading.next()).await {
            Err(_) => Err("silence".to_owned()),
            Ok(None) => Err("the end".to_owned()),
            Ok(Some(Err(e))) => Err(e.to_string()),
            Ok(Some(Ok(Message::Text(text)))) => {
                self.take(&text);
                Ok(())
            }
            Ok(Some(Ok(Message::Close(close)))) => {
                let code = close.map_or(0, |close| u16::from(close.code));
                if code == 4000 {
                    self.recorder.complain("the hub says that it failed");
                }
                self.note(&format!("<- close {code}"));
                Ok(())
            }
            Ok(Some(Ok(_))) => Ok(()),
        }
    }

    fn take(&self, text: &str) {
        let payload: Value = serde_json::from_str(text).unwrap_or_default();
        if payload["type"] == "MESSAGE" && payload["origin"]["name"] == "coordinator" {
            self.note(&format!("<- {}", payload["data"]));
            return self.calls.answered(&self.recorder, &payload["data"]);
        }
        let Some(what) = wire::read(&payload, &self.name) else {
            return self.recorder.complain(format!("#{} cannot understand {text}", self.who));
        };
        match &what {
            What::Received { number, .. } => self.check_prompt(*number, &payload["data"]),
            What::Entered(me) => {
                self.entered.set(true);
                self.people.borrow_mut().push(me.clone());
            }
            What::Told(News::Joined(person)) => self.people.borrow_mut().push(person.clone()),
            What::Answered { answer: Answer::Service { successful: true, service, .. }, .. } => {
                let mut services = self.services.borrow_mut();
                if matches!(payload["type"].as_str(), Some("SELF_SUBSCRIBE_RESULT" | "SERVICE_CREATE_RESULT")) {
                    services.insert(service.clone());
                } else {
                    services.remove(service);
                }
            }
            What::Told(News::Deleted { service, .. }) => {
                self.services.borrow_mut().remove(service);
            }
            What::Answered { answer: Answer::Clients(clients), .. } => {
                *self.listed.borrow_mut() = clients.iter().map(|person| person.name.clone()).collect();
            }
            _ => {}
        }
        self.add(what);
    }

    /// When all is calm, whatever is queued leaves at once: nobody waits for a heartbeat to pass by.
    fn check_prompt(&self, number: u64, data: &Value) {
        let sent = u128::from(data["at"].as_u64().unwrap_or(0));
        let took = now_ms().saturating_sub(sent);
        if sent >= self.times.complete.as_millis() && took > self.times.prompt.as_millis() {
            self.recorder.complain(format!("message {number} took {took} ms, and {:?} is the most", self.times.prompt));
        }
    }
}
